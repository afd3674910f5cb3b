//! What is below `out/` now.
//!
//! In: the folder. Out: [`Disk`], everything below it by the hash of its bytes. Nearly all files are as they shall be, so
//! bytes are read again where somebody asks for them; what changed meanwhile is found when it is written. No link is
//! followed, and nothing but regular files is opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::apply::base;
use super::folder::Folder;
use super::lock::{Digest, LOCK_FILE, Lock};
use super::{OutputError, Scope, TEMPORARY, has_header};
use crate::source::{EntryKind, MAX_GENERATED_BYTES, ReadError, SourceError, entry_kind, list_tree, read_bytes};

/// The state of `out/` when it was inspected.
#[derive(Debug)]
pub struct Disk {
    /// Absolute path of the folder.
    pub(super) dir: Utf8PathBuf,
    /// The folder as messages show it.
    pub(super) shown: Utf8PathBuf,
    /// The folder in which the way to it begins, held open since the inspection, or why it cannot be.
    pub(super) base: Result<Arc<Folder>, Arc<std::io::Error>>,
    pub(super) scope: Scope,
    pub(super) lock: Lock,
    /// Regular files but the lock and temporary ones; `None` where the bytes are out of reach (too large, or not ours
    /// and unreadable).
    pub(super) files: BTreeMap<Utf8PathBuf, Option<Seen>>,
    /// Folders.
    pub(super) folders: Vec<Utf8PathBuf>,
    /// Links, devices and the like, and what has no UTF-8 name; the empty path is the folder itself.
    pub(super) odd: BTreeMap<Utf8PathBuf, EntryKind>,
    /// What a killed run left behind.
    pub(super) temporary: Vec<Utf8PathBuf>,
}

/// What is known of a file's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) hash: Digest,
    /// It begins with our header.
    generated: bool,
    /// A merge left its marks in it.
    conflict: bool,
}

impl Seen {
    fn of(bytes: &[u8]) -> Self {
        Self { hash: Digest::of(bytes), generated: has_header(bytes), conflict: has_conflict(bytes) }
    }
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
        base: base(dir, shown),
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
    let lock = read_lock(dir).map_err(|error| failed(&shown.join(LOCK_FILE), error))?;
    let entries = list_tree(dir, false).map_err(|e| {
        let path = e.path.strip_prefix(dir).map(|below| shown.join(below)).unwrap_or(e.path);
        failed(&path, e.error)
    })?;
    let mut to_read = vec![];
    for entry in entries {
        let temporary = entry.path.file_name().is_some_and(|name| name.starts_with(TEMPORARY));
        match entry.kind {
            EntryKind::File if temporary => disk.temporary.push(entry.path),
            EntryKind::File if entry.path == LOCK_FILE => {}
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
            (path, bytes.map(|bytes| Seen::of(&bytes)))
        })
        .collect();
    // Files that a run wrote meanwhile would pass for edited ones. It changes the lock before it changes any file.
    if read_lock(dir).map_err(|error| failed(&shown.join(LOCK_FILE), error))? != lock {
        return Err(OutputError::Changed { path: shown.join(LOCK_FILE) });
    }
    match lock {
        Locked::Nothing => {}
        Locked::Bytes(bytes) => disk.lock = Lock::parse(bytes),
        // What is no file at all was listed as such.
        Locked::Unusable => {
            if !disk.folders.iter().any(|folder| folder == LOCK_FILE) {
                disk.odd.entry(LOCK_FILE.into()).or_insert(EntryKind::Special);
            }
        }
    }
    let mut refused = vec![];
    for (path, seen) in read {
        match seen {
            Ok(seen) => {
                disk.files.insert(path, Some(seen));
            }
            Err(ReadError::Io(error)) => refused.push((path, error)),
            Err(ReadError::TooLarge | ReadError::NotAFile) => {
                disk.files.insert(path, None);
            }
        }
    }
    for (path, error) in refused {
        // An unreadable file of someone else's is none of our business, unless it might be ours.
        if !disk.lock.intact || disk.lock.hashes.contains_key(&path) {
            return Err(failed(&shown.join(&path), error));
        }
        disk.files.insert(path, None);
    }
    Ok(disk)
}

/// The lock as it is on disk.
#[derive(PartialEq)]
enum Locked {
    Nothing,
    Bytes(Vec<u8>),
    /// No regular file, or too large to be ours.
    Unusable,
}

fn read_lock(dir: &Utf8Path) -> std::io::Result<Locked> {
    let path = dir.join(LOCK_FILE);
    match entry_kind(&path)? {
        None => return Ok(Locked::Nothing),
        Some(EntryKind::File) => {}
        Some(_) => return Ok(Locked::Unusable),
    }
    match read_bytes(&path, MAX_GENERATED_BYTES) {
        Ok(bytes) => Ok(Locked::Bytes(bytes)),
        Err(ReadError::TooLarge | ReadError::NotAFile) => Ok(Locked::Unusable),
        Err(ReadError::Io(error)) => Err(error),
    }
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
        let said = self.files.iter().filter(|(_, seen)| seen.is_some_and(|seen| seen.generated));
        said.filter_map(|(path, _)| Some((path.clone(), super::generated(&self.bytes(path)?)?))).collect()
    }

    /// The bytes of a file, as they are now; `None` where they are out of reach.
    pub(super) fn bytes(&self, path: &Utf8Path) -> Option<Vec<u8>> {
        self.files.get(path)?.as_ref()?;
        read_bytes(&self.dir.join(path), MAX_GENERATED_BYTES).ok()
    }

    /// Whether nothing was generated yet.
    pub fn is_fresh(&self) -> bool {
        self.lock.bytes.is_none() && self.files.is_empty()
    }

    /// The texts of generated files in this run's scope, as they are on disk, in the order of their paths.
    pub fn generated(&self) -> impl Iterator<Item = (&Utf8Path, String)> {
        self.files.iter().filter_map(|(path, seen)| {
            let known = self.lock.hashes.contains_key(path) || (!self.lock.intact && seen.as_ref()?.generated);
            let bytes = (known && self.scope.holds(path)).then(|| self.bytes(path))??;
            Some((path.as_path(), String::from_utf8(bytes).ok()?))
        })
    }

    /// A path below `out/` as messages show it.
    pub(super) fn show(&self, path: &Utf8Path) -> Utf8PathBuf {
        if path.as_str().is_empty() { self.shown.clone() } else { self.shown.join(path) }
    }

    /// Whose a file is.
    pub(super) fn owner(&self, path: &Utf8Path) -> Owner {
        let seen = self.files.get(path).copied().flatten();
        let Some(known) = self.lock.hashes.get(path) else {
            return match seen {
                // Without the hash an edit cannot be told, but a conflict can.
                Some(seen) if !self.lock.intact && seen.generated => {
                    if seen.conflict {
                        Owner::Edited
                    } else {
                        Owner::Unsure
                    }
                }
                _ => Owner::Foreign,
            };
        };
        match seen {
            Some(seen) if known.contains(&seen.hash) => Owner::Ours,
            _ => Owner::Edited,
        }
    }
}

fn has_conflict(bytes: &[u8]) -> bool {
    // What we write has no such line, and few of its lines have this character.
    bytes.contains(&b'<') && bytes.split(|b| *b == b'\n').any(|line| line.starts_with(b"<<<<<<< "))
}
