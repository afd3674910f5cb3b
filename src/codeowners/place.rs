//! Which file it is: the one that the forges read.

use camino::{Utf8Path, Utf8PathBuf};

use crate::diag::{Diagnostic, Level, codes, quote};
use crate::source::Spanned;

/// Where the forges look for the file.
pub const LOCATIONS: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// A forge, and where it looks, in its order.
const FORGES: [(&str, [&str; 3]); 2] = [
    ("GitHub", [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"]),
    ("GitLab", ["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"]),
];

/// Both forges read it there.
const DEFAULT: &str = "CODEOWNERS";

/// The file that the section goes to: the one that is asked for, else the one that is there, else a new one. `there`: which of
/// [`LOCATIONS`] are files. Beside it, what keeps a forge from reading it.
pub fn choose(asked: Option<&Spanned<Utf8PathBuf>>, there: &[&str]) -> (Utf8PathBuf, Vec<Diagnostic>) {
    let file = match (asked, there) {
        (Some(asked), _) => asked.value.clone(),
        (None, [first, ..]) => Utf8PathBuf::from(*first),
        (None, []) => Utf8PathBuf::from(DEFAULT),
    };
    let warning = |message: String| match asked {
        Some(asked) => Diagnostic::warning(codes::NO_EFFECT, asked.span, message),
        None => Diagnostic { level: Level::Warning, ..Diagnostic::placeless(codes::NO_EFFECT, message) },
    };
    let is = |path: &str| file == Utf8Path::new(path);
    if !LOCATIONS.iter().any(|path| is(path)) {
        let message = format!("no forge looks for code owners in {}", quote(file.as_str()));
        return (file, vec![warning(message).help(format!("they look in {}", LOCATIONS.join(", ")))]);
    }
    let read = |order: &[&'static str; 3]| order.iter().copied().find(|path| is(path) || there.contains(path));
    let others: Vec<&str> = there.iter().copied().filter(|path| !is(path)).collect();
    // Who names the file knows which forge is meant: only what this forge reads before it counts.
    let matters = match asked {
        Some(_) => FORGES.iter().any(|(_, order)| order.iter().any(|path| is(path)) && !read(order).is_some_and(is)),
        None => !others.is_empty(),
    };
    if !matters {
        return (file, vec![]);
    }
    let reads = FORGES.map(|(forge, order)| match read(&order) {
        Some(path) => format!("{forge} reads {}", quote(path)),
        None => format!("{forge} reads none of them"),
    });
    let message = format!("{} is not the only file of code owners here", quote(file.as_str()));
    let names: Vec<String> = others.iter().map(|path| quote(path)).collect();
    let warning = warning(message)
        .note(format!("beside it stands {}; {}", names.join(" and "), reads.join(", ")))
        .help("keep one of them, or name the one that counts: `file = \"…\"` under `[codeowners]` in netpolc.toml");
    (file, vec![warning])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn chosen(asked: Option<&str>, there: &[&str]) -> (String, Vec<String>) {
        let asked = asked.map(|path| Spanned::new(Utf8PathBuf::from(path), Span::default()));
        let (file, warnings) = choose(asked.as_ref(), there);
        (file.into_string(), warnings.iter().map(|d| format!("{}: {}", d.message, d.notes.join("; "))).collect())
    }

    #[test]
    fn the_file_that_is_there_is_taken_and_a_new_one_is_where_both_forges_look() {
        assert_eq!(chosen(None, &[]), ("CODEOWNERS".to_owned(), vec![]));
        for path in LOCATIONS {
            assert_eq!(chosen(None, &[path]), (path.to_owned(), vec![]));
            assert_eq!(chosen(Some(path), &[]), (path.to_owned(), vec![]));
            assert_eq!(chosen(Some(path), &[path]), (path.to_owned(), vec![]));
        }
    }

    #[test]
    fn of_two_it_is_said_which_one_counts() {
        let (file, warnings) = chosen(None, &[".github/CODEOWNERS", "CODEOWNERS"]);
        assert_eq!(file, ".github/CODEOWNERS");
        assert!(warnings[0].ends_with("GitHub reads `.github/CODEOWNERS`, GitLab reads `CODEOWNERS`"), "{warnings:?}");
        let (file, warnings) = chosen(None, &["docs/CODEOWNERS", ".gitlab/CODEOWNERS"]);
        assert_eq!((file.as_str(), warnings.len()), ("docs/CODEOWNERS", 1));
        // The other forge's file is nobody's business once a file is named.
        assert_eq!(chosen(Some(".github/CODEOWNERS"), &["CODEOWNERS"]).1, [""; 0]);
        assert_eq!(chosen(Some(".github/CODEOWNERS"), &[".github/CODEOWNERS", ".gitlab/CODEOWNERS"]).1, [""; 0]);
        // One that its own forge never comes to.
        assert_eq!(chosen(Some("docs/CODEOWNERS"), &["CODEOWNERS"]).1.len(), 1);
        assert_eq!(chosen(Some(".gitlab/CODEOWNERS"), &["docs/CODEOWNERS"]).1.len(), 1);
        assert_eq!(chosen(Some("CODEOWNERS"), &[".github/CODEOWNERS"]).1.len(), 1);
        assert_eq!(chosen(Some("owners/CODEOWNERS"), &[]).1.len(), 1);
    }
}
