//! A file that is written once and then belongs to its reader.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};

use camino::Utf8Path;

use super::OutputError;

/// Writes a file that is not there yet, with the folders above it. `false` when something is there already: it is
/// left alone, whatever it is.
///
/// # Errors
/// When the system refuses.
pub fn create(path: &Utf8Path, text: &str) -> Result<bool, OutputError> {
    let fail = |error| OutputError::Write { path: path.to_owned(), error };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(fail)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true).map_err(fail),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(fail(error)),
    }
}
