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
//! Every step goes through handles of folders that were reached without a link, see [`super::folder`]: whatever is put in
//! the place of a folder meanwhile, nothing outside of `out/` is written or removed. In step 4 each folder is reached anew;
//! the temporary files of step 2 are only in the right one.
//!
//! What a power cut leaves is the file system's affair: nothing is forced to the disk. Everything here can be made again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::folder::{Folder, Identity, Manner, Stopped};
use super::lock::{Digest, LOCK_FILE, to_text};
use super::plan::Plan;
use super::{GUARD, OutputError, Texts, Tree};
use crate::diag::Level;
use crate::source::{EntryKind, MAX_GENERATED_BYTES, ReadError, SourceError};

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
        let base = self.base.as_ref().map_err(|error| self.failed("", again(error)))?;
        let writer = Writer::start(self, base)?;
        let _held = writer.exclusive()?;
        let result = writer.write_all(texts);
        if result.is_ok() {
            writer.keep();
        }
        result
    }

    fn failed(&self, path: impl AsRef<Utf8Path>, error: io::Error) -> OutputError {
        OutputError::Write { path: self.show(path.as_ref()), error }
    }

    fn changed(&self, path: &Utf8Path) -> OutputError {
        OutputError::Changed { path: self.show(path) }
    }

    fn unread(&self, path: &Utf8Path, error: io::Error) -> OutputError {
        OutputError::Read(SourceError { path: self.show(path), error })
    }

    fn show(&self, path: &Utf8Path) -> Utf8PathBuf {
        if path.as_str().is_empty() { self.shown.clone() } else { self.shown.join(path) }
    }
}

/// Handles of folders that are kept open at most; there may be more folders than handles.
const MAX_OPEN: usize = 64;

/// Folders by their path below `out/`, and paths where there is none.
type Handles = BTreeMap<Utf8PathBuf, Option<Arc<Folder>>>;

/// Writes one plan. Folders that it made are removed again with it, unless they are kept or hold something.
struct Writer<'p> {
    plan: &'p Plan,
    /// In which `out/` lies.
    base: &'p Folder,
    /// The way from there.
    way: &'p Utf8Path,
    /// Folders that this run made, below the base.
    made: Mutex<Vec<Utf8PathBuf>>,
    out: Folder,
    open: Mutex<Handles>,
    /// How many temporary files were begun.
    begun: AtomicUsize,
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        self.base.unmake(&locked(&self.made));
    }
}

impl<'p> Writer<'p> {
    /// Opens `out/`, made where it is missing.
    fn start(plan: &'p Plan, base: &'p Folder) -> Result<Self, OutputError> {
        let way = way(&plan.dir, &plan.shown);
        let mut made = vec![];
        let out = base.make_all(way, &mut made).map_err(|stopped| {
            base.unmake(&made);
            match stopped.error {
                Some(error) => plan.failed("", error),
                None => plan.changed("".into()),
            }
        })?;
        let (made, open) = (Mutex::new(made), Mutex::default());
        Ok(Self { plan, base, way, made, out, open, begun: AtomicUsize::new(0) })
    }

    /// What was made stays.
    fn keep(&self) {
        locked(&self.made).clear();
    }

    /// Holds other runs off until the returned handle and the folder's own are dropped; `None` where nothing can be locked.
    fn exclusive(&self) -> Result<Option<File>, OutputError> {
        match self.out.lock() {
            Ok(file) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {
                // The other run writes to what this one made.
                self.keep();
                Err(OutputError::Busy { path: self.plan.shown.clone() })
            }
            // Some network file systems have no locks; the checks that follow remain.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
            Err(TryLockError::Error(error)) => Err(self.plan.failed("", error)),
        }
    }

    fn write_all(&self, texts: &dyn Texts) -> Result<Applied, OutputError> {
        let plan = self.plan;
        let identities = self.check_unchanged()?;
        self.remove_temporary()?;
        if plan.is_clean() {
            return Ok(Applied::default());
        }
        let staged = self.stage(texts)?;
        let mut hashes = plan.old_hashes.clone();
        for (path, lines) in &plan.new_hashes {
            hashes.entry(path.clone()).or_default().extend(lines);
        }
        if !plan.changes.is_empty() || !plan.later.is_empty() {
            self.write_lock(&to_text(&hashes))?;
        }
        // Whatever was put in a folder's place since, it is looked at anew.
        locked(&self.open).clear();
        let mut applied = Applied { lock_written: true, ..Applied::default() };
        for (path, temporary) in staged {
            let expected = identities.get(path.as_path());
            temporary.settle(expected)?;
            match expected {
                None => applied.created += 1,
                Some(_) => applied.updated += 1,
            }
        }
        for change in plan.changes.iter().filter(|change| change.new_text().is_none()) {
            let (folder, name) = self.place(&change.path)?;
            self.check_identity(&folder, &change.path, identities.get(change.path.as_path()))?;
            folder.remove(name).map_err(|error| plan.failed(&change.path, error))?;
            applied.deleted += 1;
        }
        // Also where a killed run came no further than to remove the files.
        for path in plan.old_hashes.keys().filter(|path| !plan.new_hashes.contains_key(*path)) {
            self.remove_empty_folders(path);
        }
        self.write_lock(&plan.new_lock)?;
        self.check_place_of_out()?;
        Ok(applied)
    }

    /// Before anything is written: everything is as it was when inspected, and may be written. Gives what stands where files
    /// are replaced or removed.
    fn check_unchanged(&self) -> Result<BTreeMap<&'p Utf8Path, Identity>, OutputError> {
        self.check_place_of_out()?;
        let lock = Utf8Path::new(LOCK_FILE);
        match self.out.read(LOCK_FILE, MAX_GENERATED_BYTES) {
            Ok((bytes, _)) if self.plan.old_lock.as_ref() == Some(&bytes) => {}
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound && self.plan.old_lock.is_none() => {}
            Err(ReadError::Io(error)) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.plan.unread(lock, error));
            }
            Ok(_) | Err(_) => return Err(self.plan.changed(lock)),
        }
        self.check_writable(lock)?;
        self.plan.later.par_iter().try_for_each(|path| self.check_absent(path))?;
        let identity = |change: &'p super::Change| {
            if change.old_text().is_none() {
                self.check_absent(&change.path)?;
                return Ok(None);
            }
            self.check_writable(&change.path)?;
            let (folder, name) = self.place(&change.path)?;
            let expected = self.plan.replaced.get(&change.path);
            let identity = match expected {
                // Of what is out of reach it is only known that it is a file.
                None => {
                    let found = folder.found(name).map_err(|error| self.plan.unread(&change.path, error))?;
                    found.filter(|found| found.kind == EntryKind::File).map(|found| found.identity)
                }
                Some(expected) => match folder.read(name, MAX_GENERATED_BYTES) {
                    Ok((bytes, identity)) if Digest::of(&bytes) == *expected => Some(identity),
                    Err(ReadError::Io(error)) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(self.plan.unread(&change.path, error));
                    }
                    Ok(_) | Err(_) => None,
                },
            };
            let identity = identity.ok_or_else(|| self.plan.changed(&change.path))?;
            Ok(Some((change.path.as_path(), identity)))
        };
        self.plan.changes.par_iter().filter_map(|change| identity(change).transpose()).collect()
    }

    /// Nothing stands at a path, and something may be written there.
    fn check_absent(&self, path: &Utf8Path) -> Result<(), OutputError> {
        if let Some(folder) = self.folder(parent(path))? {
            self.check_identity(&folder, path, None)?;
        }
        self.check_writable(path)
    }

    /// What stands at a path is still the same file, or nothing.
    fn check_identity(&self, folder: &Folder, path: &Utf8Path, expected: Option<&Identity>) -> Result<(), OutputError> {
        let found = folder.found(name(path)).map_err(|error| self.plan.unread(path, error))?;
        let same = found.map(|found| found.identity).as_ref() == expected;
        if same { Ok(()) } else { Err(self.plan.changed(path)) }
    }

    /// A rename would replace a read-only file, and its owner's wish with it. Who ignores permissions is held by them too.
    fn check_writable(&self, path: &Utf8Path) -> Result<(), OutputError> {
        let unread = |error| self.plan.unread(path, error);
        let mut read_only = false;
        for above in path.ancestors().skip(1) {
            let Some(folder) = self.folder(above)? else { continue };
            read_only |= folder.read_only().map_err(unread)?;
            if above == parent(path) {
                let found = folder.found(name(path)).map_err(unread)?;
                read_only |= found.is_some_and(|found| found.kind == EntryKind::File && found.read_only);
            }
            break;
        }
        if read_only { Err(self.plan.failed(path, io::ErrorKind::PermissionDenied.into())) } else { Ok(()) }
    }

    /// The path of `out/` still leads to where is written.
    fn check_place_of_out(&self) -> Result<(), OutputError> {
        let now = self.base.walk(self.way).map_err(|stopped| self.stopped("".into(), stopped))?;
        let same = now.map(|now| now.is(&self.out)).transpose().map_err(|error| self.plan.unread("".into(), error))?;
        if same == Some(true) { Ok(()) } else { Err(self.plan.changed("".into())) }
    }

    /// Removes what killed runs left behind, and the folders that they made for nothing else.
    fn remove_temporary(&self) -> Result<(), OutputError> {
        for path in self.plan.temporary.iter().filter(|path| *path != GUARD) {
            let Some(folder) = self.folder(parent(path))? else { continue };
            match folder.found(name(path)).map_err(|error| self.plan.unread(path, error))? {
                None => continue,
                Some(found) if found.kind != EntryKind::File => return Err(self.plan.changed(path)),
                Some(_) => folder.remove(name(path)).map_err(|error| self.plan.failed(path, error))?,
            }
            self.remove_empty_folders(path);
        }
        Ok(())
    }

    /// Makes the folders and writes every new text beside its target.
    fn stage(&self, texts: &dyn Texts) -> Result<BTreeMap<Utf8PathBuf, Temporary<'_>>, OutputError> {
        let plan = self.plan;
        let changed: BTreeMap<&Utf8Path, &str> =
            plan.changes.iter().filter_map(|change| Some((change.path.as_path(), change.new_text()?))).collect();
        let folders: BTreeSet<_> =
            changed.keys().copied().chain(plan.later.iter().map(Utf8PathBuf::as_path)).map(parent).collect();
        for folder in folders {
            let mut made = vec![];
            let done = self.out.make_all(folder, &mut made);
            locked(&self.made).extend(made.iter().map(|path| self.way.join(path)));
            done.map_err(|stopped| match stopped.error {
                Some(error) => plan.failed(&stopped.at, error),
                None => plan.changed(&stopped.at),
            })?;
        }
        // Some of them were missing before.
        locked(&self.open).clear();
        let staged = Mutex::new(BTreeMap::new());
        let write = |path: &Utf8Path, text: &str| {
            let temporary = Temporary::write(self, path, text)?;
            locked(&staged).insert(path.to_owned(), temporary);
            Ok(())
        };
        changed.par_iter().try_for_each(|(path, text)| write(path, text))?;
        if !plan.later.is_empty() {
            texts.each(&|path, text| {
                if plan.later.binary_search_by(|later| later.as_path().cmp(path)).is_err() {
                    return Ok(());
                }
                let proved = |hashes: &BTreeSet<Digest>| hashes.contains(&Digest::of(text.as_bytes()));
                if !plan.new_hashes.get(path).is_some_and(proved) {
                    return Err(OutputError::Unproved { path: plan.show(path) });
                }
                write(path, text)
            })?;
        }
        let staged = staged.into_inner().unwrap_or_else(PoisonError::into_inner);
        match plan.later.iter().find(|path| !staged.contains_key(*path)) {
            Some(path) => Err(OutputError::Unproved { path: plan.show(path) }),
            None => Ok(staged),
        }
    }

    fn write_lock(&self, text: &str) -> Result<(), OutputError> {
        let path = Utf8Path::new(LOCK_FILE);
        let found = self.out.found(LOCK_FILE).map_err(|error| self.plan.unread(path, error))?;
        if found.is_some_and(|found| found.kind != EntryKind::File) {
            return Err(self.plan.changed(path));
        }
        Temporary::write(self, path, text)?.rename(|folder, from, to| folder.replace(from, to))
    }

    /// Removes the folders above a file that is gone, where they are empty.
    fn remove_empty_folders(&self, path: &Utf8Path) {
        for above in path.ancestors().skip(1).filter(|above| !above.as_str().is_empty()) {
            // Fails, as it should, for a folder that still holds something.
            let removed = self.folder(parent(above)).ok().flatten().map(|folder| folder.remove_folder(name(above)));
            if removed.is_some_and(|removed| removed.is_err()) {
                return;
            }
            locked(&self.open).remove(above);
        }
    }

    /// The folder of a file that must be there, and the file's name in it.
    fn place<'f>(&self, path: &'f Utf8Path) -> Result<(Arc<Folder>, &'f str), OutputError> {
        let folder = self.folder(parent(path))?.ok_or_else(|| self.plan.changed(parent(path)))?;
        Ok((folder, name(path)))
    }

    /// A folder below `out/`, reached through plain folders only; `None` where there is none.
    fn folder(&self, path: &Utf8Path) -> Result<Option<Arc<Folder>>, OutputError> {
        if let Some(folder) = locked(&self.open).get(path) {
            return Ok(folder.clone());
        }
        let folder = self.out.walk(path).map_err(|stopped| self.stopped(path, stopped))?.map(Arc::new);
        let mut open = locked(&self.open);
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        open.insert(path.to_owned(), folder.clone());
        Ok(folder)
    }

    fn stopped(&self, path: &Utf8Path, stopped: Stopped) -> OutputError {
        match stopped.error {
            Some(error) => self.plan.unread(path, error),
            // Below `out/` the part that is none is named, above it `out/` itself.
            None if path.as_str().is_empty() => self.plan.changed(path),
            None => self.plan.changed(&stopped.at),
        }
    }
}

/// A new text beside its target. Unless it was renamed it is removed again.
struct Temporary<'w> {
    writer: &'w Writer<'w>,
    /// Of the target, below `out/`.
    path: Utf8PathBuf,
    name: String,
    renamed: bool,
}

impl<'w> Temporary<'w> {
    fn write(writer: &'w Writer<'w>, path: &Utf8Path, text: &str) -> Result<Self, OutputError> {
        let (folder, _) = writer.place(path)?;
        let number = writer.begun.fetch_add(1, Ordering::Relaxed);
        let written = folder.write_temporary(number, text.as_bytes(), &Manner::default());
        let name = written.map_err(|error| writer.plan.failed(path, error))?;
        Ok(Self { writer, path: path.to_owned(), name, renamed: false })
    }

    /// Takes the place of the file that was expected there, or of nothing.
    fn settle(self, expected: Option<&Identity>) -> Result<(), OutputError> {
        let (folder, _) = self.writer.place(&self.path)?;
        self.writer.check_identity(&folder, &self.path, expected)?;
        self.rename(|folder, from, to| match expected {
            Some(_) => folder.replace(from, to),
            None => folder.place(from, to),
        })
    }

    fn rename(mut self, how: impl Fn(&Folder, &str, &str) -> io::Result<()>) -> Result<(), OutputError> {
        let (folder, target) = self.writer.place(&self.path)?;
        how(&folder, &self.name, target).map_err(|error| self.writer.plan.failed(&self.path, error))?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if let (false, Ok((folder, _))) = (self.renamed, self.writer.place(&self.path)) {
            let _ = folder.remove(&self.name);
        }
    }
}

/// The folder in which `out/` lies by the words of the project, and the way from there: what is above it may be links.
pub(super) fn base(dir: &Utf8Path, shown: &Utf8Path) -> Result<Arc<Folder>, Arc<io::Error>> {
    let depth = way(dir, shown).components().count();
    let base = dir.ancestors().nth(depth).ok_or_else(|| Arc::new(io::ErrorKind::NotFound.into()))?;
    Ok(Arc::new(Folder::open(base)?))
}

/// An error cannot be copied, what the system says of it can.
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

fn way<'d>(dir: &'d Utf8Path, shown: &'d Utf8Path) -> &'d Utf8Path {
    if dir.ends_with(shown) { shown } else { Utf8Path::new(name(dir)) }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder of a path below `out/`; empty for `out/` itself.
fn parent(path: &Utf8Path) -> &Utf8Path {
    path.parent().unwrap_or(Utf8Path::new(""))
}

/// The last part of a path.
fn name(path: &Utf8Path) -> &str {
    path.file_name().unwrap_or_default()
}
