//! Every subcommand as a person or a pipeline meets it: what it prints, where, what it leaves on disk, how it exits.
//!
//! Exit codes everywhere: 0 all is fine, 1 the intents or the output are not, 2 netpolc could not do its work. Whole
//! messages are the business of `tests/ui`; here only the facts in them are looked at.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

mod build;
mod check;
mod clusters;
mod diff;
mod diff_formats;
mod diff_git;
mod eval;
mod explain;
mod fix;
mod generate;
mod inventory;
mod owners;
mod process;
mod rule;
mod start;
mod stdout;
mod usage;
mod verify;

use crate::support::{self, Project, Run};

/// Two tiers, one edge on every TCP port, and a waiver for it that ends on 30 June 2026.
const INTENT: &str = r#"app = "shop"

[tiers]
web = { namespace = "front", pods = { app = "web" } }
api = { namespace = "back",  pods = { app = "api" } }

[[allow]]
from  = "web"
to    = "api"
ports = ["all/TCP"]
why   = "the API's ports are still being listed"

[[waive]]
code   = "NP201"
edge   = "web -> api"
reason = "until the ports are listed"
until  = 2026-06-30
"#;

/// A day on which the waiver of [`INTENT`] holds, and long enough.
const BEFORE: [&str; 2] = ["--today", "2026-05-30"];

/// The last day on which it holds.
const LAST: [&str; 2] = ["--today", "2026-06-30"];

/// A day on which it does not.
const AFTER: [&str; 2] = ["--today", "2026-07-01"];

/// A project of [`INTENT`], not built yet.
fn project() -> Project {
    let project = Project::new();
    project.write("intents/shop.toml", INTENT);
    project
}

/// Runs a command line, written as in a shell (no quotes).
fn run(project: &Project, line: &str) -> Run {
    support::netpolc(project.dir(), &line.split_whitespace().collect::<Vec<_>>())
}

/// The same on a given day.
fn run_on(project: &Project, day: [&str; 2], line: &str) -> Run {
    support::netpolc(project.dir(), &line.split_whitespace().chain(day).collect::<Vec<_>>())
}
