//! A folder held open, so that a path is followed once.
//!
//! In: names of one part each, and paths that are walked part by part. Out: what the system does with them *in that
//! folder*. What may never happen: a step through a link, or a write beside the folder that was looked at. A path says
//! where something was; between a look at it and a write to it anybody may put a link there. A handle stays what it is:
//! `openat(2)` says of itself that it is for exactly these races ("Rationale for openat() and other directory file
//! descriptor APIs"), and with `O_NOFOLLOW` at each step no link is taken on the way. Systems without such calls look
//! again before each step instead.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

use std::fs::Permissions;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

#[cfg(not(unix))]
pub(super) use other::{Folder, Identity};
#[cfg(unix)]
pub(super) use unix::{Folder, Identity};

use super::TEMPORARY;
use crate::source::EntryKind;

/// What stands in a folder under a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) kind: EntryKind,
    /// Nobody may write to it.
    pub(super) read_only: bool,
    pub(super) identity: Identity,
}

/// Why a walk ended early.
#[derive(Debug)]
pub(super) struct Stopped {
    /// Where, below the folder from which it went.
    pub(super) at: Utf8PathBuf,
    /// What the system says; `None` where something stands that is no folder.
    pub(super) error: Option<io::Error>,
}

/// How a new file is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Manner {
    /// The permissions of the file that it replaces; `None` for those of any new file.
    pub(super) permissions: Option<Permissions>,
    /// Forced to the disk. A rename alone lets a power cut lose both texts on some file systems, see "notes" of `fsync(2)`.
    pub(super) durable: bool,
}

impl Folder {
    /// The folder at a path below this one, reached through plain folders only; `None` where there is none.
    pub(super) fn walk(&self, path: &Utf8Path) -> Result<Option<Self>, Stopped> {
        let mut at = Utf8PathBuf::new();
        let stopped = |at: &Utf8Path, error| Stopped { at: at.to_owned(), error };
        let mut folder = self.duplicate().map_err(|error| stopped(&at, Some(error)))?;
        for part in path.components() {
            at.push(part);
            let next = folder.child(part.as_str());
            folder = match next {
                Ok(next) => next,
                // What a link is called when it shall not be followed differs by system, so look what it is.
                Err(error) => match folder.found(part.as_str()) {
                    Ok(None) => return Ok(None),
                    Ok(Some(found)) if found.kind != EntryKind::Folder => return Err(stopped(&at, None)),
                    Err(unseen) if error.kind() == io::ErrorKind::NotFound => return Err(stopped(&at, Some(unseen))),
                    _ => return Err(stopped(&at, Some(error))),
                },
            };
        }
        Ok(Some(folder))
    }

    /// Makes the folders of a path that are missing, each of which is pushed to `made`, and gives the last.
    pub(super) fn make_all(&self, path: &Utf8Path, made: &mut Vec<Utf8PathBuf>) -> Result<Self, Stopped> {
        let mut at = Utf8PathBuf::new();
        let mut folder = self.duplicate().map_err(|error| Stopped { at: at.clone(), error: Some(error) })?;
        for part in path.components() {
            at.push(part);
            let stopped = |error| Stopped { at: at.clone(), error };
            let next = folder.walk(part.as_str().into()).map_err(|why| stopped(why.error))?;
            folder = match next {
                Some(next) => next,
                None => {
                    match folder.make(part.as_str()) {
                        Ok(()) => made.push(at.clone()),
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                        Err(error) => return Err(stopped(Some(error))),
                    }
                    let next = folder.walk(part.as_str().into()).map_err(|why| stopped(why.error))?;
                    next.ok_or_else(|| stopped(Some(io::ErrorKind::NotFound.into())))?
                }
            };
        }
        Ok(folder)
    }

    /// Removes the folders that were made and are still empty, the last first.
    pub(super) fn unmake(&self, made: &[Utf8PathBuf]) {
        for path in made.iter().rev() {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
            if let Ok(Some(folder)) = self.walk(parent) {
                // Fails, as it should, for a folder that holds something.
                let _ = folder.remove_folder(name);
            }
        }
    }

    /// Writes bytes to a file of a name that nothing else has, and gives the name. What an error leaves of it is removed.
    pub(super) fn write_temporary(&self, number: usize, bytes: &[u8], manner: &Manner) -> io::Result<String> {
        // Whoever writes holds the folder's lock; what is in the way is not ours, or was left by a run without one.
        for attempt in 0..MAX_ATTEMPTS {
            let name = format!("{TEMPORARY}{number}-{attempt}");
            match self.write_new(&name, bytes, manner) {
                Ok(()) => return Ok(name),
                Err((error, false)) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err((error, made)) => {
                    if made {
                        let _ = self.remove(&name);
                    }
                    return Err(error);
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Removes what killed runs left in this folder: regular files of our name. Only the holder of its lock may.
    pub(super) fn sweep(&self) -> io::Result<()> {
        for name in self.names()?.iter().filter(|name| name.starts_with(TEMPORARY)) {
            if self.found(name)?.is_some_and(|found| found.kind == EntryKind::File) {
                self.remove(name)?;
            }
        }
        Ok(())
    }
}

/// Names that are tried for one temporary file.
const MAX_ATTEMPTS: usize = 1000;
