//! The lock file: which files netpolc wrote, and what it wrote into them.
//!
//! In and out: `<blake3 hex>  <path below out/>`, a line a file, sorted by path. It lives through merges: a line that
//! is none (a conflict marker, say) is skipped, and a path may have several hashes, one from each side. What may never
//! happen: a line that makes netpolc touch a path outside of `out/`.

use std::collections::{BTreeMap, BTreeSet};

use blake3::Hash;
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// Its name below `out/`.
pub const LOCK_FILE: &str = ".netpolc.lock";

const FIRST_LINE: &str = "# What netpolc wrote here, by BLAKE3 hash; `netpolc build` keeps this file. DO NOT EDIT.";

/// Hashes by path below `out/`.
pub(super) type Hashes = BTreeMap<Utf8PathBuf, BTreeSet<Digest>>;

/// The hash of a file's bytes, which sorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl From<Hash> for Digest {
    fn from(hash: Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl Digest {
    /// The hash of a file's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        blake3::hash(bytes).into()
    }
}

/// A lock file as read.
#[derive(Debug, Default)]
pub(super) struct Lock {
    /// The file's bytes; `None` where it is missing.
    pub(super) bytes: Option<Vec<u8>>,
    /// Its good lines.
    pub(super) hashes: Hashes,
    /// Whether it is there and each of its lines is good. If not, files are known by their headers too.
    pub(super) intact: bool,
}

impl Lock {
    pub(super) fn parse(bytes: Vec<u8>) -> Self {
        let text = String::from_utf8_lossy(&bytes);
        let mut hashes = Hashes::new();
        // A line that lost its end may have lost more.
        let mut intact = text.lines().next() == Some(FIRST_LINE) && text.ends_with('\n');
        for line in text.lines().skip_while(|line| *line == FIRST_LINE) {
            match parse_line(line) {
                Some((path, hash)) => {
                    hashes.entry(path).or_default().insert(hash);
                }
                None => intact = false,
            }
        }
        drop(text);
        Self { bytes: Some(bytes), hashes, intact }
    }
}

fn parse_line(line: &str) -> Option<(Utf8PathBuf, Digest)> {
    let (hex, path) = line.split_once("  ")?;
    let hash = Hash::from_hex(hex).ok()?;
    (is_plain(Utf8Path::new(path)) && !path.contains('\u{fffd}')).then(|| (path.into(), hash.into()))
}

/// Whether a path stays below `out/`, has one spelling, and is no book-keeping of ours.
pub(super) fn is_plain(path: &Utf8Path) -> bool {
    let normal = path.components().all(|c| matches!(c, Utf8Component::Normal(_)));
    let respelt = path.components().map(|c| c.as_str()).collect::<Vec<_>>().join("/");
    let ours = path == LOCK_FILE || path.file_name().is_some_and(|name| name.starts_with(super::TEMPORARY));
    let odd = |c: char| c == '\\' || crate::diag::is_deceptive(c);
    normal && !respelt.is_empty() && respelt == path.as_str() && !ours && !path.as_str().contains(odd)
}

/// The text of a lock file.
pub(super) fn to_text(hashes: &Hashes) -> String {
    let mut out = format!("{FIRST_LINE}\n");
    for (path, lines) in hashes {
        for line in lines {
            let hex = Hash::from_bytes(line.0).to_hex();
            out.push_str(&format!("{hex}  {path}\n"));
        }
    }
    out
}
