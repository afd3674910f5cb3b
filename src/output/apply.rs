//! Writing a plan.
//!
//! In: a plan without problems. Out: the files. The steps are ordered so that an error in the early ones (a full disk,
//! a folder that is read-only) leaves every file as it was, and a kill in the late ones leaves only whole files, each
//! with a hash in the lock:
//!
//! 1. lock the folder, and look whether all is still as inspected;
//! 2. write every new text to a temporary file beside its target;
//! 3. write the lock with old and new hashes;
//! 4. rename, delete, and write the lock with the new hashes only.
//!
//! What a power cut leaves is the file system's affair: nothing is forced to the disk. Everything here can be made again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use tempfile::TempPath;

use super::disk::odd_folder;
use super::lock::{Digest, LOCK_FILE, to_text};
use super::plan::{Change, ChangeKind, Plan};
use super::{OutputError, TEMPORARY, Texts, Tree};
use crate::diag::Level;
use crate::source::{EntryKind, MAX_GENERATED_BYTES, ReadError, SourceError, entry_kind, read_bytes};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// New files.
    pub created: usize,
    /// Files with a new text.
    pub updated: usize,
    /// Files removed.
    pub deleted: usize,
    /// Whether the lock file was written.
    pub lock_written: bool,
}

impl Applied {
    /// Whether anything that people commit was written or removed.
    pub fn wrote(&self) -> bool {
        *self != Self::default()
    }
}

impl Plan {
    /// Writes the plan. A clean one writes nothing; it only removes what a killed run left behind.
    ///
    /// # Errors
    /// When the plan has problems, another run is writing, something changed since the inspection, or the system
    /// refuses.
    pub fn apply(&self) -> Result<Applied, OutputError> {
        self.apply_with(&Tree::new())
    }

    /// The same where some texts are not kept: `texts` makes them again.
    ///
    /// # Errors
    /// As [`Self::apply`], and where one of them is not what was proved.
    pub fn apply_with(&self, texts: &dyn Texts) -> Result<Applied, OutputError> {
        if self.problems.iter().any(|problem| problem.level == Level::Error) {
            return Err(OutputError::Refused);
        }
        if self.is_clean() && self.temporary.is_empty() {
            return Ok(Applied::default());
        }
        self.check_folder()?;
        let existed = self.dir.is_dir();
        fs::create_dir_all(&self.dir).map_err(|error| self.failed("", error))?;
        let guard = self.exclusive()?;
        let result = self.write_all(texts);
        drop(guard);
        if result.is_err() && !existed {
            // Fails, as it should, if there is anything in it.
            let _ = fs::remove_dir(&self.dir);
        }
        result
    }

    fn write_all(&self, texts: &dyn Texts) -> Result<Applied, OutputError> {
        self.check_unchanged()?;
        self.remove_temporary()?;
        if self.is_clean() {
            return Ok(Applied::default());
        }
        let mut made = vec![];
        let staged = self.stage(&mut made).and_then(|staged| Ok((staged, self.stage_later(texts, &mut made)?)));
        let (staged, later) = staged.inspect_err(|_| {
            for folder in made.iter().rev() {
                let _ = fs::remove_dir(folder);
            }
        })?;
        let mut hashes = self.old_hashes.clone();
        for (path, lines) in &self.new_hashes {
            hashes.entry(path.clone()).or_default().extend(lines);
        }
        if !self.changes.is_empty() || !self.later.is_empty() {
            self.write_lock(&to_text(&hashes))?;
        }
        let mut applied = Applied { lock_written: true, ..Applied::default() };
        for (change, temporary) in self.changes.iter().filter(|c| c.new_text().is_some()).zip(staged) {
            self.check_target(change)?;
            let target = self.dir.join(&change.path);
            let renamed = match change.kind {
                ChangeKind::Create { .. } => temporary.persist_noclobber(&target),
                ChangeKind::Update { .. } | ChangeKind::Delete { .. } => temporary.persist(&target),
            };
            renamed.map_err(|error| self.failed(&change.path, error.error))?;
            match change.kind {
                ChangeKind::Create { .. } => applied.created += 1,
                ChangeKind::Update { .. } | ChangeKind::Delete { .. } => applied.updated += 1,
            }
        }
        for (path, temporary) in later {
            self.check_place(&path, None)?;
            let renamed = temporary.persist_noclobber(self.dir.join(&path));
            renamed.map_err(|error| self.failed(&path, error.error))?;
            applied.created += 1;
        }
        for change in self.changes.iter().filter(|c| c.new_text().is_none()) {
            self.check_target(change)?;
            fs::remove_file(self.dir.join(&change.path)).map_err(|error| self.failed(&change.path, error))?;
            applied.deleted += 1;
            self.remove_empty_folders(&change.path);
        }
        self.write_lock(&self.new_lock)?;
        Ok(applied)
    }

    /// Holds other runs off until the returned handle is dropped.
    fn exclusive(&self) -> Result<File, OutputError> {
        // A folder's handle needs no file of its own that could be left behind; only Unix gives one.
        #[cfg(unix)]
        let file = File::open(&self.dir);
        #[cfg(not(unix))]
        let file = File::create(self.dir.join(GUARD));
        let file = file.map_err(|error| self.failed("", error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(OutputError::Busy { path: self.shown.clone() }),
            // Some network file systems have no locks; the checks that follow remain.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
            Err(TryLockError::Error(error)) => Err(self.failed("", error)),
        }
    }

    fn check_folder(&self) -> Result<(), OutputError> {
        match odd_folder(&self.dir, &self.shown) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(OutputError::Changed { path: self.shown.clone() }),
            Err(error) => Err(OutputError::Read(SourceError { path: self.shown.clone(), error })),
        }
    }

    /// Before anything is written: everything is as it was when inspected, and may be written.
    fn check_unchanged(&self) -> Result<(), OutputError> {
        self.check_folder()?;
        let lock = Utf8Path::new(LOCK_FILE);
        if self.read(lock)? != self.old_lock {
            return Err(self.changed(lock));
        }
        self.check_writable(lock)?;
        self.later.par_iter().try_for_each(|path| {
            self.check_place(path, None)?;
            self.check_writable(path)
        })?;
        self.changes.par_iter().try_for_each(|change| {
            self.check_target(change)?;
            let expected = self.replaced.get(&change.path);
            if expected.is_some() && self.read(&change.path)?.map(|bytes| Digest::of(&bytes)).as_ref() != expected {
                return Err(self.changed(&change.path));
            }
            self.check_writable(&change.path)
        })
    }

    /// A rename would replace a read-only file, and its owner's wish with it.
    fn check_writable(&self, path: &Utf8Path) -> Result<(), OutputError> {
        let full = self.dir.join(path);
        let read_only = |path: &Utf8Path| path.symlink_metadata().is_ok_and(|m| m.permissions().readonly());
        if read_only(&full) || full.parent().is_some_and(read_only) {
            return Err(self.failed(path, io::ErrorKind::PermissionDenied.into()));
        }
        Ok(())
    }

    /// The bytes of a file below `out/`, `None` where there is none.
    fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, OutputError> {
        match read_bytes(&self.dir.join(path), MAX_GENERATED_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(ReadError::Io(error)) => Err(OutputError::Read(SourceError { path: self.shown.join(path), error })),
            Err(ReadError::NotAFile | ReadError::TooLarge) => Err(self.changed(path)),
        }
    }

    /// A target is still what the plan takes it for, and reached through plain folders only.
    fn check_target(&self, change: &Change) -> Result<(), OutputError> {
        self.check_place(&change.path, change.old_text().map(|_| EntryKind::File))
    }

    fn check_place(&self, path: &Utf8Path, expected: Option<EntryKind>) -> Result<(), OutputError> {
        let kind = |path: &Utf8Path| {
            let error = |error| OutputError::Read(SourceError { path: self.shown.join(path), error });
            entry_kind(&self.dir.join(path)).map_err(error)
        };
        for folder in folders_of(path) {
            if !matches!(kind(folder)?, None | Some(EntryKind::Folder)) {
                return Err(self.changed(folder));
            }
        }
        if kind(path)? == expected { Ok(()) } else { Err(self.changed(path)) }
    }

    fn remove_temporary(&self) -> Result<(), OutputError> {
        for path in self.temporary.iter().filter(|path| *path != GUARD) {
            let safe =
                folders_of(path).all(|dir| matches!(entry_kind(&self.dir.join(dir)), Ok(Some(EntryKind::Folder))));
            if !safe {
                return Err(self.changed(path));
            }
            match fs::remove_file(self.dir.join(path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.failed(path, error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the folders and writes every new text beside its target. Folders made are pushed to `made`.
    fn stage(&self, made: &mut Vec<Utf8PathBuf>) -> Result<Vec<TempPath>, OutputError> {
        let writes: Vec<_> = self.changes.iter().filter_map(|c| Some((c, c.new_text()?))).collect();
        self.make_folders(writes.iter().map(|(change, _)| change.path.as_path()), made)?;
        writes.par_iter().map(|(change, text)| self.write_temporary(&change.path, text)).collect()
    }

    /// The same for texts that are not kept.
    fn stage_later(
        &self,
        texts: &dyn Texts,
        made: &mut Vec<Utf8PathBuf>,
    ) -> Result<BTreeMap<Utf8PathBuf, TempPath>, OutputError> {
        self.make_folders(self.later.iter().map(Utf8PathBuf::as_path), made)?;
        let staged = Mutex::new(BTreeMap::new());
        let lock = || staged.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.later.is_empty() {
            texts.each(&|path, text| {
                if self.later.binary_search_by(|later| later.as_path().cmp(path)).is_err() {
                    return Ok(());
                }
                let proved =
                    self.new_hashes.get(path).is_some_and(|hashes| hashes.contains(&Digest::of(text.as_bytes())));
                if !proved {
                    return Err(OutputError::Unproved { path: self.shown.join(path) });
                }
                let temporary = self.write_temporary(path, text)?;
                lock().insert(path.to_owned(), temporary);
                Ok(())
            })?;
        }
        let missing = self.later.iter().find(|path| !lock().contains_key(*path));
        if let Some(path) = missing {
            return Err(OutputError::Unproved { path: self.shown.join(path) });
        }
        Ok(staged.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn make_folders<'p>(
        &self,
        paths: impl Iterator<Item = &'p Utf8Path>,
        made: &mut Vec<Utf8PathBuf>,
    ) -> Result<(), OutputError> {
        let folders: BTreeSet<_> = paths.flat_map(folders_of).collect();
        for folder in folders {
            let full = self.dir.join(folder);
            match fs::create_dir(&full) {
                Ok(()) => made.push(full),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.failed(folder, error)),
            }
        }
        Ok(())
    }

    fn write_temporary(&self, path: &Utf8Path, text: &str) -> Result<TempPath, OutputError> {
        let target = self.dir.join(path);
        let folder = target.parent().unwrap_or(&self.dir);
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY);
        // The umask narrows it, as for any new file; without this they would be private.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let write = || {
            let mut file = builder.tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            // Closes it: there may be more files than handles.
            Ok(file.into_temp_path())
        };
        write().map_err(|error| self.failed(path, error))
    }

    fn write_lock(&self, text: &str) -> Result<(), OutputError> {
        let path = Utf8Path::new(LOCK_FILE);
        self.check_folder()?;
        if !matches!(entry_kind(&self.dir.join(path)), Ok(None | Some(EntryKind::File))) {
            return Err(self.changed(path));
        }
        let temporary = self.write_temporary(path, text)?;
        temporary.persist(self.dir.join(path)).map_err(|error| self.failed(path, error.error))
    }

    /// Removes the folders that a deleted file leaves empty.
    fn remove_empty_folders(&self, path: &Utf8Path) {
        for folder in folders_of(path).collect::<Vec<_>>().into_iter().rev() {
            // Fails, as it should, for a folder that still holds something.
            if fs::remove_dir(self.dir.join(folder)).is_err() {
                return;
            }
        }
    }

    fn failed(&self, path: impl AsRef<Utf8Path>, error: io::Error) -> OutputError {
        let path = path.as_ref();
        let path = if path.as_str().is_empty() { self.shown.clone() } else { self.shown.join(path) };
        OutputError::Write { path, error }
    }

    fn changed(&self, path: &Utf8Path) -> OutputError {
        OutputError::Changed { path: self.shown.join(path) }
    }
}

/// Where folders have no handle to lock, this file is locked.
const GUARD: &str = ".netpolc-tmp-lock";

/// The folders below `out/` that a path lies in, outermost first.
fn folders_of(path: &Utf8Path) -> impl Iterator<Item = &Utf8Path> {
    let mut folders: Vec<_> = path.ancestors().skip(1).filter(|dir| !dir.as_str().is_empty()).collect();
    folders.reverse();
    folders.into_iter()
}
