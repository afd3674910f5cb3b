//! What `build --check` says about `out/`.
//!
//! In: a plan. Out: one diagnostic for each file that is not as a build would leave it, and none exactly if a build
//! would write nothing and every file is accounted for.

use camino::Utf8Path;

use super::lock::LOCK_FILE;
use super::plan::{ChangeKind, Plan, first_difference};
use crate::diag::{Code, Diagnostic, codes, quote};
use crate::source::{Sources, decode};

/// How every one of these is mended.
const BUILD: &str = "run `netpolc build` and commit the result";

impl Plan {
    /// Everything that keeps `out/` from being exactly what the intents say: the plan's problems, files that are
    /// missing, stale, edited or extra, and a stale lock. Old texts that diagnostics point into are added to `sources`.
    pub fn check_problems(&self, sources: &mut Sources) -> Vec<Diagnostic> {
        let mut out = self.problems.clone();
        for change in &self.changes {
            let name = quote(change.shown.as_str());
            out.push(match &change.kind {
                ChangeKind::Create { .. } => plain(codes::STALE, format!("{name} is missing"), BUILD),
                ChangeKind::Delete { .. } => {
                    plain(codes::STALE, format!("{name} is stale: no intent asks for it any more"), BUILD)
                }
                ChangeKind::Update { old, new } => {
                    let text = decode(old.as_bytes().to_vec()).text;
                    let line = first_difference(&text, new) + 1;
                    let file = sources.add(change.shown.clone(), text);
                    let message = format!("{name} is stale");
                    Diagnostic::error(codes::STALE, sources.line_span(file, line), message)
                        .label("the first line that differs")
                        .help(BUILD)
                }
            });
        }
        for (path, missing) in &self.elsewhere {
            let name = quote(path.as_str());
            let what = if *missing { "is missing" } else { "was edited by hand" };
            let code = if *missing { codes::STALE } else { codes::EDITED };
            out.push(plain(code, format!("{name} {what}"), "run `netpolc build` for every dialect and cluster"));
        }
        for path in self.extra.iter().filter(|path| !self.is_reported(path)) {
            let message = format!("{} is an extra file, not written by netpolc", quote(path.as_str()));
            out.push(plain(codes::FOREIGN, message, "move it out of there, then run `netpolc build`"));
        }
        // Where files differ the lock does too; that is no news.
        if self.lock_changes() && out.is_empty() {
            let name = quote(self.shown.join(LOCK_FILE).as_str());
            let what = if self.old_lock.is_some() { "is not what this build would write" } else { "is missing" };
            out.push(plain(codes::STALE, format!("{name} {what}"), BUILD));
        }
        out
    }

    /// Whether a problem of the plan already names this path.
    fn is_reported(&self, path: &Utf8Path) -> bool {
        let start = format!("{} ", quote(path.as_str()));
        self.problems.iter().any(|problem| problem.message.starts_with(&start))
    }
}

fn plain(code: Code, message: String, help: &str) -> Diagnostic {
    Diagnostic::placeless(code, message).help(help)
}
