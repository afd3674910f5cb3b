//! Files of people, changed because they asked for it.
//!
//! In: files with their old and new bytes. Out: the files, each with its new bytes and its old permissions. What may never happen: a
//! file changed that is not as it was read, a write outside of the project, a half-written file. Nobody else has these texts, so a
//! new one is on the disk before the old one goes.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::OutputError;
use super::folder::{Folder, Identity, Manner};
use crate::source::{MAX_FILE_BYTES, ReadError, SourceError};

/// A file and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Its path below the root.
    pub path: Utf8PathBuf,
    /// The bytes that were read.
    pub old: Vec<u8>,
    /// The bytes that are written.
    pub new: Vec<u8>,
}

/// Writes files anew, each atomically. While one of them cannot be written, or is not as it was read, none is touched. A link
/// inside of the project stays a link: what it leads to is changed.
///
/// # Errors
/// When a file changed, is read-only, another run is writing, or the system refuses.
pub fn rewrite(root: &Utf8Path, files: &[Rewrite]) -> Result<(), OutputError> {
    let mut folders = Folders::default();
    let targets = files.iter().map(|file| folders.target(root, file)).collect::<Result<Vec<_>, _>>()?;
    let mut staged = vec![];
    for (number, (file, target)) in files.iter().zip(&targets).enumerate() {
        staged.push(folders.stage(number, file, target)?);
    }
    for (temporary, file) in staged.into_iter().zip(files) {
        temporary.settle(file)?;
    }
    Ok(())
}

/// Removes what killed runs left beside files of people. It is no more than tidying up, so nothing is said of what fails.
pub fn sweep<'p>(root: &Utf8Path, files: impl IntoIterator<Item = &'p Utf8Path>) {
    let Ok(real_root) = root.canonicalize_utf8() else { return };
    let Ok(base) = Folder::open(&real_root) else { return };
    let folders = files.into_iter().filter_map(|file| root.join(file).parent()?.canonicalize_utf8().ok());
    let folders: std::collections::BTreeSet<Utf8PathBuf> = folders.collect();
    for folder in folders {
        let Ok(Ok(Some(folder))) = folder.strip_prefix(&real_root).map(|way| base.walk(way)) else { continue };
        let Ok(_held) = folder.lock() else { continue };
        let _ = folder.sweep();
    }
}

/// Where a file really is.
struct Target {
    folder: Utf8PathBuf,
    name: String,
}

/// Folders in which files are written, each held against other runs.
#[derive(Default)]
struct Folders(BTreeMap<Utf8PathBuf, (Folder, Option<File>)>);

impl Folders {
    /// Finds the file behind its path, once, and holds its folder.
    fn target(&mut self, root: &Utf8Path, file: &Rewrite) -> Result<Target, OutputError> {
        let real = |path: &Utf8Path| path.canonicalize_utf8().map_err(|error| failed(file, error));
        let (target, root) = (real(&root.join(&file.path))?, real(root)?);
        // It was inside, when it was read.
        let Ok(below) = target.strip_prefix(&root) else { return Err(changed(file)) };
        let (Some(above), Some(name)) = (below.parent(), below.file_name()) else { return Err(changed(file)) };
        if !self.0.contains_key(above) {
            let base = Folder::open(&root).map_err(|error| failed(file, error))?;
            let folder =
                base.walk(above).map_err(|stopped| stopped.error.map_or_else(|| changed(file), |e| failed(file, e)))?;
            let folder = folder.ok_or_else(|| changed(file))?;
            let held = match folder.lock() {
                Ok(held) => Some(held),
                Err(TryLockError::WouldBlock) => return Err(OutputError::Busy { path: file.path.clone() }),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => None,
                Err(TryLockError::Error(error)) => return Err(failed(file, error)),
            };
            if held.is_some() {
                folder.sweep().map_err(|error| failed(file, error))?;
            }
            self.0.insert(above.to_owned(), (folder, held));
        }
        Ok(Target { folder: above.to_owned(), name: name.to_owned() })
    }

    /// Writes the new bytes beside the file.
    fn stage<'f>(&'f self, number: usize, file: &Rewrite, target: &'f Target) -> Result<Temporary<'f>, OutputError> {
        let (folder, _) = self.0.get(&target.folder).ok_or_else(|| changed(file))?;
        let identity = check(folder, &target.name, file)?;
        let permissions = folder.permissions(&target.name).map_err(|error| failed(file, error))?;
        // A rename would replace a read-only file, and its owner's wish with it.
        if permissions.readonly() {
            return Err(failed(file, io::ErrorKind::PermissionDenied.into()));
        }
        let manner = Manner { permissions: Some(permissions), durable: true };
        let written = folder.write_temporary(number, &file.new, &manner);
        let name = written.map_err(|error| failed(file, error))?;
        Ok(Temporary { folder, name, target: &target.name, identity, renamed: false })
    }
}

/// New bytes beside the file that they are for; removed again unless they took its place.
struct Temporary<'f> {
    folder: &'f Folder,
    name: String,
    target: &'f str,
    identity: Identity,
    renamed: bool,
}

impl Temporary<'_> {
    fn settle(mut self, file: &Rewrite) -> Result<(), OutputError> {
        let found = self.folder.found(self.target).map_err(|error| failed(file, error))?;
        if found.is_none_or(|found| found.identity != self.identity) {
            return Err(changed(file));
        }
        self.folder.replace(&self.name, self.target).map_err(|error| failed(file, error))?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = self.folder.remove(&self.name);
        }
    }
}

/// The file is as it was read.
fn check(folder: &Folder, name: &str, file: &Rewrite) -> Result<Identity, OutputError> {
    match folder.read(name, MAX_FILE_BYTES) {
        Ok((bytes, identity)) if bytes == file.old => Ok(identity),
        Ok(_) | Err(ReadError::NotAFile | ReadError::TooLarge) => Err(changed(file)),
        Err(ReadError::Io(error)) => Err(OutputError::Read(SourceError { path: file.path.clone(), error })),
    }
}

fn failed(file: &Rewrite, error: io::Error) -> OutputError {
    OutputError::Write { path: file.path.clone(), error }
}

fn changed(file: &Rewrite) -> OutputError {
    OutputError::Changed { path: file.path.clone() }
}
