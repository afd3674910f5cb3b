//! Folders by their handles.

use std::fs::{File, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

use camino::Utf8Path;
use rustix::fs::{self as sys, AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::{Found, Manner};
use crate::source::{EntryKind, ReadError, read_stream};

/// A folder held open.
#[derive(Debug)]
pub(in crate::output) struct Folder(File);

/// Which file it is, and since when it is as it is: whatever is done to it, its time of change moves.
#[derive(Clone, Copy)]
pub(in crate::output) struct Identity(Stat);

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        let key = |Self(stat): &Self| (stat.st_dev, stat.st_ino, stat.st_size, stat.st_ctime, stat.st_ctime_nsec);
        key(self) == key(other)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0.st_dev, self.0.st_ino)
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// The folder at a path, links included: the way to a project is its user's word.
    pub(in crate::output) fn open(path: &Utf8Path) -> io::Result<Self> {
        let path = if path.as_str().is_empty() { Utf8Path::new(".") } else { path };
        Ok(Self(retry_on_intr(|| sys::openat(CWD, path.as_std_path(), FOLDER, Mode::empty()))?.into()))
    }

    /// A folder in this one, and no link to one.
    pub(super) fn child(&self, name: &str) -> io::Result<Self> {
        Ok(Self(retry_on_intr(|| sys::openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()))?.into()))
    }

    pub(super) fn duplicate(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Whether both are one folder.
    pub(in crate::output) fn is(&self, other: &Self) -> io::Result<bool> {
        let (ours, theirs) = (sys::fstat(&self.0)?, sys::fstat(&other.0)?);
        Ok((ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino))
    }

    /// Holds off whoever else asks for this lock, until the folder and what is returned are dropped. A folder's handle needs no
    /// file of its own that could be left behind.
    pub(in crate::output) fn lock(&self) -> Result<File, TryLockError> {
        let file = self.0.try_clone().map_err(TryLockError::Error)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether nobody may write to it.
    pub(in crate::output) fn read_only(&self) -> io::Result<bool> {
        Ok(found(retry_on_intr(|| sys::fstat(&self.0))?).read_only)
    }

    /// What stands under a name; links are not followed.
    pub(in crate::output) fn found(&self, name: &str) -> io::Result<Option<Found>> {
        match retry_on_intr(|| sys::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some(found(stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The permissions of what stands under a name.
    #[allow(clippy::useless_conversion, reason = "a mode has 16 bits on macOS")]
    pub(in crate::output) fn permissions(&self, name: &str) -> io::Result<Permissions> {
        let stat = retry_on_intr(|| sys::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW))?;
        Ok(Permissions::from_mode(Mode::from_raw_mode(stat.st_mode).bits().into()))
    }

    /// Names of what is in it that are UTF-8.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = vec![];
        for entry in retry_on_intr(|| sys::Dir::read_from(&self.0))? {
            names.extend(entry?.file_name().to_str().ok().map(str::to_owned));
        }
        Ok(names)
    }

    /// The bytes of a regular file.
    pub(in crate::output) fn read(&self, name: &str, limit: u64) -> Result<(Vec<u8>, Identity), ReadError> {
        match self.found(name).map_err(ReadError::Io)? {
            None => return Err(ReadError::Io(io::ErrorKind::NotFound.into())),
            // Not opened at all: to open a device may do something.
            Some(found) if found.kind != EntryKind::File => return Err(ReadError::NotAFile),
            Some(_) => {}
        }
        // It may have become a FIFO, whose opening would block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = retry_on_intr(|| sys::openat(&self.0, name, flags, Mode::empty()));
        let mut file = File::from(file.map_err(|error| ReadError::Io(error.into()))?);
        let found = found(retry_on_intr(|| sys::fstat(&file)).map_err(|error| ReadError::Io(error.into()))?);
        if found.kind != EntryKind::File {
            return Err(ReadError::NotAFile);
        }
        Ok((read_stream(&mut file, limit)?, found.identity))
    }

    pub(super) fn make(&self, name: &str) -> io::Result<()> {
        // The umask narrows it, as for any new folder.
        Ok(retry_on_intr(|| sys::mkdirat(&self.0, name, Mode::from_raw_mode(0o777)))?)
    }

    /// Writes a file that is not there yet. With an error: whether there is one now.
    pub(super) fn write_new(&self, name: &str, bytes: &[u8], manner: &Manner) -> Result<(), (io::Error, bool)> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // The umask narrows it, as for any new file. What replaces a private file is private from the beginning.
        let mode = if manner.permissions.is_some() { 0o600 } else { 0o666 };
        let file = retry_on_intr(|| sys::openat(&self.0, name, flags, Mode::from_raw_mode(mode)));
        let mut file = File::from(file.map_err(|error| (error.into(), false))?);
        let mut write = || {
            file.write_all(bytes)?;
            if let Some(permissions) = &manner.permissions {
                file.set_permissions(permissions.clone())?;
            }
            if manner.durable { file.sync_all() } else { Ok(()) }
        };
        write().map_err(|error| (error, true))?;
        // Network file systems may only now say that the disk is full; a handle that is dropped would not pass it on.
        nix::unistd::close(file).map_err(|error| (error.into(), true))
    }

    /// Gives a file another name, which something else may have had.
    pub(in crate::output) fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(retry_on_intr(|| sys::renameat(&self.0, from, &self.0, to))?)
    }

    /// Gives a file a name that nothing has: atomically, where the file system can.
    pub(in crate::output) fn place(&self, from: &str, to: &str) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        match retry_on_intr(|| sys::renameat_with(&self.0, from, &self.0, to, sys::RenameFlags::NOREPLACE)) {
            // Not every kernel and file system knows the flag: `renameat2(2)`.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return Ok(done?),
        }
        match retry_on_intr(|| sys::linkat(&self.0, from, &self.0, to, AtFlags::empty())) {
            Ok(()) => self.remove(from),
            // No links here, as on FAT: `link(2)`.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) if self.found(to)?.is_none() => self.replace(from, to),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file.
    pub(in crate::output) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(retry_on_intr(|| sys::unlinkat(&self.0, name, AtFlags::empty()))?)
    }

    /// Removes a folder that is empty.
    pub(in crate::output) fn remove_folder(&self, name: &str) -> io::Result<()> {
        Ok(retry_on_intr(|| sys::unlinkat(&self.0, name, AtFlags::REMOVEDIR))?)
    }
}

fn found(stat: Stat) -> Found {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Folder,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Special,
    };
    let read_only = !Mode::from_raw_mode(stat.st_mode).intersects(Mode::WUSR | Mode::WGRP | Mode::WOTH);
    Found { kind, read_only, identity: Identity(stat) }
}
