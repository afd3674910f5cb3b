//! Folders by their paths, where nothing else is to be had: looked at again before each step.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Found, Manner};
use crate::source::{EntryKind, ReadError, read_stream};

/// A folder.
#[derive(Debug)]
pub(in crate::output) struct Folder(Utf8PathBuf);

/// Size and time of a file, by which a change shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::output) struct Identity(u64, Option<SystemTime>);

impl Folder {
    /// The folder at a path, links included: the way to a project is its user's word.
    pub(in crate::output) fn open(path: &Utf8Path) -> io::Result<Self> {
        let path = if path.as_str().is_empty() { Utf8Path::new(".") } else { path };
        if path.metadata()?.is_dir() { Ok(Self(path.to_owned())) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// A folder in this one, and no link to one.
    pub(super) fn child(&self, name: &str) -> io::Result<Self> {
        let path = self.0.join(name);
        if path.symlink_metadata()?.is_dir() { Ok(Self(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(super) fn duplicate(&self) -> io::Result<Self> {
        Ok(Self(self.0.clone()))
    }

    /// Whether both are one folder.
    pub(in crate::output) fn is(&self, other: &Self) -> io::Result<bool> {
        Ok(self.0.canonicalize()? == other.0.canonicalize()?)
    }

    /// Holds off whoever else asks for this lock, until what is returned is dropped. Folders have no handle to lock here, so
    /// a file is.
    pub(in crate::output) fn lock(&self) -> Result<File, TryLockError> {
        let file = File::create(self.0.join(super::super::GUARD)).map_err(TryLockError::Error)?;
        file.try_lock()?;
        Ok(file)
    }

    /// Whether nobody may write to it.
    pub(in crate::output) fn read_only(&self) -> io::Result<bool> {
        Ok(self.0.symlink_metadata()?.permissions().readonly())
    }

    /// What stands under a name; links are not followed.
    pub(in crate::output) fn found(&self, name: &str) -> io::Result<Option<Found>> {
        match self.0.join(name).symlink_metadata() {
            Ok(metadata) => Ok(Some(found(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The permissions of what stands under a name.
    pub(in crate::output) fn permissions(&self, name: &str) -> io::Result<Permissions> {
        Ok(self.0.join(name).symlink_metadata()?.permissions())
    }

    /// Names of what is in it that are UTF-8.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = vec![];
        for entry in fs::read_dir(&self.0)? {
            names.extend(entry?.file_name().to_str().filter(|name| *name != super::super::GUARD).map(str::to_owned));
        }
        Ok(names)
    }

    /// The bytes of a regular file.
    pub(in crate::output) fn read(&self, name: &str, limit: u64) -> Result<(Vec<u8>, Identity), ReadError> {
        match self.found(name).map_err(ReadError::Io)? {
            None => Err(ReadError::Io(io::ErrorKind::NotFound.into())),
            Some(found) if found.kind != EntryKind::File => Err(ReadError::NotAFile),
            Some(found) => {
                let mut file = File::open(self.0.join(name)).map_err(ReadError::Io)?;
                Ok((read_stream(&mut file, limit)?, found.identity))
            }
        }
    }

    pub(super) fn make(&self, name: &str) -> io::Result<()> {
        fs::create_dir(self.0.join(name))
    }

    /// Writes a file that is not there yet. With an error: whether there is one now.
    pub(super) fn write_new(&self, name: &str, bytes: &[u8], manner: &Manner) -> Result<(), (io::Error, bool)> {
        let file = OpenOptions::new().write(true).create_new(true).open(self.0.join(name));
        let mut file = file.map_err(|error| (error, false))?;
        let mut write = || {
            file.write_all(bytes)?;
            if let Some(permissions) = &manner.permissions {
                file.set_permissions(permissions.clone())?;
            }
            if manner.durable { file.sync_all() } else { Ok(()) }
        };
        write().map_err(|error| (error, true))
    }

    /// Gives a file another name, which something else may have had.
    pub(in crate::output) fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    /// Gives a file a name that nothing has.
    pub(in crate::output) fn place(&self, from: &str, to: &str) -> io::Result<()> {
        if self.found(to)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.replace(from, to)
    }

    /// Removes a file.
    pub(in crate::output) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// Removes a folder that is empty.
    pub(in crate::output) fn remove_folder(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.0.join(name))
    }
}

fn found(metadata: &fs::Metadata) -> Found {
    let identity = Identity(metadata.len(), metadata.modified().ok());
    Found { kind: metadata.file_type().into(), read_only: metadata.permissions().readonly(), identity }
}
