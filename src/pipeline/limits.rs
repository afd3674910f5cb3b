//! How much one dialect may write: what could not be read back, and what no disk is meant for, is refused.

use camino::Utf8Path;

use crate::diag::{Diagnostic, codes, quote};
use crate::source::MAX_GENERATED_BYTES;

/// Limit of all files of one dialect and cluster together, in bytes. One file has that of every generated file.
pub const MAX_OUTPUT_BYTES: u64 = 4 << 30;

/// Files by their path below `out/` and their bytes, as they are or as they are expected to be.
///
/// # Errors
/// Every file that is too large, or all of them together.
pub fn check<'f>(files: impl IntoIterator<Item = (&'f Utf8Path, usize)>) -> Result<(), Vec<Diagnostic>> {
    let (mut errors, mut all) = (vec![], 0_u64);
    for (path, bytes) in files {
        let bytes = bytes as u64;
        all = all.saturating_add(bytes);
        if bytes > MAX_GENERATED_BYTES {
            let message = format!("{} would be larger than {} MiB", quote(path.as_str()), MAX_GENERATED_BYTES >> 20);
            let help = "a namespace is one file: spread its tiers over several, or let one edge do for many";
            errors.push(Diagnostic::placeless(codes::LIMIT, message).help(help));
        }
    }
    if all > MAX_OUTPUT_BYTES {
        let message = format!("the policies of one dialect would be larger than {} GiB", MAX_OUTPUT_BYTES >> 30);
        errors.push(Diagnostic::placeless(codes::LIMIT, message).help("split the project"));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(files: &[(&str, usize)]) -> Vec<String> {
        let found = check(files.iter().map(|(path, bytes)| (Utf8Path::new(*path), *bytes))).err().unwrap_or_default();
        found.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn one_file_is_as_large_as_can_be_read_back_and_no_larger() {
        let most = usize::try_from(MAX_GENERATED_BYTES).unwrap();
        assert_eq!(refused(&[("a", most), ("b", 1)]), [""; 0]);
        assert_eq!(
            refused(&[("a", most + 1), ("b", most + 1)]),
            ["`a` would be larger than 64 MiB", "`b` would be larger than 64 MiB"]
        );
    }

    #[test]
    fn all_files_together_have_a_limit_too() {
        let part = usize::try_from(MAX_GENERATED_BYTES).unwrap();
        let whole: Vec<(&str, usize)> = (0..64).map(|_| ("a", part)).collect();
        assert_eq!(refused(&whole), [""; 0]);
        assert_eq!(
            refused(&[&whole[..], &[("b", 1)]].concat()),
            ["the policies of one dialect would be larger than 4 GiB"]
        );
    }
}
