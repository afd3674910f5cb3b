//! Files of people, changed because they asked for it.
//!
//! In: files with their old and new bytes. Out: the files, each with its new bytes and its old permissions. What may never happen: a
//! file changed that is not as it was read, a write outside of the project, a half-written file.

use std::fs;
use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempPath;

use super::{OutputError, TEMPORARY};
use crate::source::{MAX_FILE_BYTES, ReadError, SourceError, read_bytes};

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
/// When a file changed, is read-only, or the system refuses.
pub fn rewrite(root: &Utf8Path, files: &[Rewrite]) -> Result<(), OutputError> {
    let staged = files.iter().map(|file| stage(root, file)).collect::<Result<Vec<_>, _>>()?;
    for (file, (target, temporary)) in files.iter().zip(staged) {
        check(&target, file)?;
        temporary.persist(&target).map_err(|error| failed(file, error.error))?;
    }
    Ok(())
}

/// The file itself, and its new bytes beside it.
fn stage(root: &Utf8Path, file: &Rewrite) -> Result<(Utf8PathBuf, TempPath), OutputError> {
    let real = |path: &Utf8Path| path.canonicalize_utf8().map_err(|error| failed(file, error));
    let target = real(&root.join(&file.path))?;
    let inside = target.starts_with(real(root)?);
    // It was, when it was read.
    let Some(folder) = target.parent().filter(|_| inside) else { return Err(changed(file)) };
    check(&target, file)?;
    let metadata = fs::metadata(&target).map_err(|error| failed(file, error))?;
    // A rename would replace a read-only file, and its owner's wish with it.
    if metadata.permissions().readonly() {
        return Err(failed(file, io::ErrorKind::PermissionDenied.into()));
    }
    let write = || {
        let mut temporary = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
        temporary.write_all(&file.new)?;
        temporary.as_file().set_permissions(metadata.permissions())?;
        Ok(temporary.into_temp_path())
    };
    Ok((target.clone(), write().map_err(|error| failed(file, error))?))
}

/// Whether the file is as it was read.
fn check(target: &Utf8Path, file: &Rewrite) -> Result<(), OutputError> {
    match read_bytes(target, MAX_FILE_BYTES) {
        Ok(bytes) if bytes == file.old => Ok(()),
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
