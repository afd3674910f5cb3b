//! A file that is written once and then belongs to its reader.
//!
//! In: a folder that somebody named, a path below it, a text. Out: the file, whole, or nothing. What may never happen: something
//! replaced that was there, half a file that a later run would take for its reader's own, a file outside of the folder.

use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::OutputError;
use super::folder::{Folder, Manner};

/// Writes a file that is not there yet, with the folders above it. `false` when something is there already: it is
/// left alone, whatever it is. A link on the way is followed where it stays in the folder.
///
/// # Errors
/// When a link leads out of the folder, or the system refuses.
pub fn create(dir: &Utf8Path, path: &Utf8Path, text: &str) -> Result<bool, OutputError> {
    let fail = |error| OutputError::Write { path: dir.join(path), error };
    // The folder itself is its user's word.
    let mut missing = vec![];
    for above in dir.ancestors().take_while(|above| !above.as_str().is_empty()) {
        if above.try_exists().map_err(fail)? {
            break;
        }
        missing.push(above);
    }
    if !missing.is_empty() {
        fs::create_dir_all(dir).map_err(fail)?;
    }
    let created = create_below(dir, path, text);
    if created.is_err() {
        for above in missing {
            // Fails, as it should, for a folder that holds something.
            let _ = fs::remove_dir(above);
        }
    }
    created.map_err(fail)
}

fn create_below(dir: &Utf8Path, path: &Utf8Path, text: &str) -> io::Result<bool> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let way = way(dir, path.parent().unwrap_or(Utf8Path::new("")))?;
    let base = Folder::open(dir)?;
    let mut made = vec![];
    let folder = base.make_all(&way, &mut made);
    let done = folder.map_err(|stopped| stopped.error.unwrap_or(io::ErrorKind::NotADirectory.into()));
    let done = done.and_then(|folder| write(&folder, name, text));
    if done.is_err() {
        base.unmake(&made);
    }
    done
}

fn write(folder: &Folder, name: &str, text: &str) -> io::Result<bool> {
    if folder.found(name)?.is_some() {
        return Ok(false);
    }
    // Only who holds the folder may tidy it up; who does not writes under another name.
    if folder.lock().is_ok() {
        folder.sweep()?;
    }
    let manner = Manner { durable: true, ..Manner::default() };
    let temporary = folder.write_temporary(0, text.as_bytes(), &manner)?;
    let placed = folder.place(&temporary, name);
    if placed.is_err() {
        let _ = folder.remove(&temporary);
    }
    match placed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The way to a folder without links, as far as it is there.
fn way(dir: &Utf8Path, path: &Utf8Path) -> io::Result<Utf8PathBuf> {
    let dir = if dir.as_str().is_empty() { Utf8Path::new(".") } else { dir };
    let root = dir.canonicalize_utf8()?;
    for above in path.ancestors() {
        match dir.join(above).canonicalize_utf8() {
            Ok(real) => {
                let below = real.strip_prefix(&root).map_err(|_| io::Error::other("a link leads out of the folder"))?;
                let rest = path.strip_prefix(above).unwrap_or(Utf8Path::new(""));
                return Ok(below.join(rest));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(path.to_owned())
}
