//! `netpolc build --tracked`: nothing of the project is left out of a commit because git does not know it.
//!
//! In: a run, after it wrote. Out: errors about files that it read or wrote and that are not in git's index. What git ignores,
//! and other files, are nobody's business here.

use camino::Utf8PathBuf;

use super::report::{self, plural};
use super::run::{Run, here};
use super::{Exit, Terminal};
use crate::diag::{Diagnostic, codes, quote};
use crate::source;

/// Tells what a commit would leave out; `false` where that is nothing. The error is an exit code; the reason was told.
pub(super) fn left_out(run: &Run, terminal: &mut Terminal) -> Result<bool, Exit> {
    let project = &run.project;
    let cwd = here(terminal)?;
    let untracked = source::untracked(&project.root.dir).map_err(|error| terminal.fail(error))?;
    let (mut generated, mut written): (Vec<Utf8PathBuf>, Vec<Utf8PathBuf>) = (vec![], vec![]);
    for path in untracked {
        match project.root.relative(&path, &cwd) {
            Some(below) if below.starts_with(&project.out) => generated.push(path),
            Some(below) if project.sources.find(below.as_str()).is_some() => written.push(path),
            _ => {}
        }
    }
    let of_people = written.iter().map(|path| {
        let message = format!("git does not know {}: it is built, and a commit leaves it out", quote(path.as_str()));
        let help = format!("`git add {path}`, or keep it elsewhere until it is ready");
        Diagnostic::placeless(codes::UNTRACKED, message).help(help)
    });
    let mut told: Vec<Diagnostic> = of_people.collect();
    if !generated.is_empty() {
        let out = report::from_here(&project.out_dir());
        let count = plural(generated.len(), "file");
        let message = format!("git does not know {count} in `{out}/`: a commit leaves out what was built");
        told.push(Diagnostic::placeless(codes::UNTRACKED, message).help(format!("`git add {out}`")));
    }
    report::diagnostics(run, &told, "", terminal);
    Ok(!told.is_empty())
}
