//! What is below `out/` now.
//!
//! In: the folder. Out: [`Disk`], everything below it with its bytes, read once. No link is followed, and nothing but
//! regular files is opened.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::lock::{LOCK_FILE, Line, Lock};
use super::{OutputError, Scope, TEMPORARY, has_header};
use crate::source::{EntryKind, MAX_GENERATED_BYTES, ReadError, SourceError, entry_kind, list_tree, read_bytes};

/// The state of `out/` when it was inspected.
#[derive(Debug)]
pub struct Disk {
    /// Absolute path of the folder.
    pub(super) dir: Utf8PathBuf,
    /// The folder as messages show it.
    pub(super) shown: Utf8PathBuf,
    pub(super) scope: Scope,
    pub(super) lock: Lock,
    /// Regular files but the lock and temporary ones; `None` where the bytes are out of reach (too large, or not ours
    /// and unreadable).
    pub(super) files: BTreeMap<Utf8PathBuf, Option<Vec<u8>>>,
    /// Folders.
    pub(super) folders: Vec<Utf8PathBuf>,
    /// Links, devices and the like, and what has no UTF-8 name; the empty path is the folder itself.
    pub(super) odd: BTreeMap<Utf8PathBuf, EntryKind>,
    /// What a killed run left behind.
    pub(super) temporary: Vec<Utf8PathBuf>,
}

/// Who may change a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// We wrote it, and nobody touched it since.
    Ours,
    /// By its header ours, but the lock that would tell its hash is missing or damaged.
    Unsure,
    /// We wrote it, and someone changed it.
    Edited,
    /// Not ours.
    Foreign,
}

/// Reads `out/`. `dir` is its absolute path, `shown` its path relative to the project's root, as messages name it.
///
/// # Errors
/// When a folder, the lock or a file of ours cannot be read.
pub fn inspect(dir: &Utf8Path, shown: &Utf8Path, scope: Scope) -> Result<Disk, OutputError> {
    let mut disk = Disk {
        dir: dir.to_owned(),
        shown: shown.to_owned(),
        scope,
        lock: Lock::default(),
        files: BTreeMap::new(),
        folders: vec![],
        odd: BTreeMap::new(),
        temporary: vec![],
    };
    let failed = |path: &Utf8Path, error| OutputError::Read(SourceError { path: path.to_owned(), error });
    if let Some(kind) = odd_folder(dir, shown).map_err(|error| failed(shown, error))? {
        disk.odd.insert(Utf8PathBuf::new(), kind);
        return Ok(disk);
    }
    if entry_kind(dir).map_err(|error| failed(shown, error))?.is_none() {
        return Ok(disk);
    }
    let entries = list_tree(dir, false).map_err(|e| {
        let path = e.path.strip_prefix(dir).map(|below| shown.join(below)).unwrap_or(e.path);
        failed(&path, e.error)
    })?;
    let mut to_read = vec![];
    for entry in entries {
        let temporary = entry.path.file_name().is_some_and(|name| name.starts_with(TEMPORARY));
        match entry.kind {
            EntryKind::File if temporary => disk.temporary.push(entry.path),
            EntryKind::File => to_read.push(entry.path),
            EntryKind::Folder => disk.folders.push(entry.path),
            EntryKind::Link | EntryKind::Special | EntryKind::Unnameable => {
                disk.odd.insert(entry.path, entry.kind);
            }
        }
    }
    let read: Vec<_> = to_read
        .into_par_iter()
        .map(|path| {
            let bytes = read_bytes(&dir.join(&path), MAX_GENERATED_BYTES);
            (path, bytes)
        })
        .collect();
    let mut refused = vec![];
    for (path, bytes) in read {
        match bytes {
            Ok(bytes) if path == LOCK_FILE => disk.lock = Lock::parse(bytes),
            Ok(bytes) => {
                disk.files.insert(path, Some(bytes));
            }
            Err(ReadError::Io(error)) => refused.push((path, error)),
            Err(ReadError::TooLarge | ReadError::NotAFile) if path == LOCK_FILE => {
                disk.odd.insert(path, EntryKind::Special);
            }
            Err(ReadError::TooLarge | ReadError::NotAFile) => {
                disk.files.insert(path, None);
            }
        }
    }
    for (path, error) in refused {
        // An unreadable file of someone else's is none of our business, unless it might be ours.
        if path == LOCK_FILE || !disk.lock.intact || disk.lock.hashes.contains_key(&path) {
            return Err(failed(&shown.join(&path), error));
        }
        disk.files.insert(path, None);
    }
    Ok(disk)
}

/// What keeps `out/` from being a plain folder of the project: the kind of the first part of its path below the root
/// that is something else.
pub(super) fn odd_folder(dir: &Utf8Path, shown: &Utf8Path) -> std::io::Result<Option<EntryKind>> {
    let depth = if dir.ends_with(shown) { shown.components().count() } else { 1 };
    let parts: Vec<_> = dir.ancestors().take(depth.max(1)).collect();
    for part in parts.into_iter().rev() {
        match entry_kind(part)? {
            None => return Ok(None),
            Some(EntryKind::Folder) => {}
            Some(kind) => return Ok(Some(kind)),
        }
    }
    Ok(None)
}

impl Disk {
    /// The texts that say of themselves that they were generated, wherever they came from.
    pub fn said_generated(&self) -> BTreeMap<Utf8PathBuf, String> {
        let text = |bytes: &Option<Vec<u8>>| super::generated(bytes.as_deref()?);
        self.files.iter().filter_map(|(path, bytes)| Some((path.clone(), text(bytes)?))).collect()
    }

    /// Whether nothing was generated yet.
    pub fn is_fresh(&self) -> bool {
        self.lock.bytes.is_none() && self.files.is_empty()
    }

    /// The texts of generated files in this run's scope, as they are on disk, in the order of their paths.
    pub fn generated(&self) -> impl Iterator<Item = (&Utf8Path, &str)> {
        self.files.iter().filter_map(|(path, bytes)| {
            let bytes = bytes.as_deref()?;
            let known = self.lock.hashes.contains_key(path) || (!self.lock.intact && has_header(bytes));
            let text = std::str::from_utf8(bytes).ok()?;
            (known && self.scope.holds(path)).then_some((path.as_path(), text))
        })
    }

    /// A path below `out/` as messages show it.
    pub(super) fn show(&self, path: &Utf8Path) -> Utf8PathBuf {
        if path.as_str().is_empty() { self.shown.clone() } else { self.shown.join(path) }
    }

    /// Whose a file is.
    pub(super) fn owner(&self, path: &Utf8Path, bytes: Option<&[u8]>) -> Owner {
        let Some(known) = self.lock.hashes.get(path) else {
            return match bytes {
                // Without the hash an edit cannot be told, but a conflict can.
                Some(bytes) if !self.lock.intact && has_header(bytes) => {
                    if has_conflict(bytes) {
                        Owner::Edited
                    } else {
                        Owner::Unsure
                    }
                }
                _ => Owner::Foreign,
            };
        };
        match bytes {
            Some(bytes) if known.contains(&Line::of(bytes)) => Owner::Ours,
            _ => Owner::Edited,
        }
    }
}

fn has_conflict(bytes: &[u8]) -> bool {
    bytes.split(|b| *b == b'\n').any(|line| line.starts_with(b"<<<<<<< "))
}
