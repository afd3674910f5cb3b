//! What a commit would leave out, by asking `git` itself.
//!
//! In: a folder. Out: the files below it that git does not know and was not told to ignore. Git is run in the current folder and
//! with its own variables: a hook gets an index to look at (`GIT_INDEX_FILE`), whose path may be relative. Nothing is written.

use std::io;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

/// The files below a folder (absolute) that are not in git's index, relative to the current folder.
///
/// # Errors
/// When there is no git, or no repository; a sentence that says so.
pub fn untracked(dir: &Utf8Path) -> Result<Vec<Utf8PathBuf>, String> {
    // `ls-files` takes what it is given for a pattern, unless told otherwise.
    let args = ["--literal-pathspecs", "ls-files", "--others", "--exclude-standard", "-z", "--", dir.as_str()];
    let asked = Command::new("git").args(args).stdin(Stdio::null()).output();
    let answer = asked.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "git is not installed, or not on the PATH: it says what is tracked".to_owned(),
        _ => format!("cannot run git: {}", super::reason(&error)),
    })?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        let first = said.lines().next().unwrap_or_default();
        return Err(format!("git cannot say what is tracked: {first}"));
    }
    let paths = answer.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    // What has no UTF-8 name is no file of a project.
    Ok(paths.filter_map(|path| Some(std::str::from_utf8(path).ok()?.into())).collect())
}
