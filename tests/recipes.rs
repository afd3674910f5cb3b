//! The recipes of `docs/` for CI are run: their steps, as the runners run them, in fresh repositories with a base and a change.
//!
//! What cannot be here is played: the API of either service by a server on loopback, which keeps comments as the service does;
//! the installation by the binary under test on the PATH. What decides whether a step runs is decided by GitHub's own evaluator
//! of expressions, and the script that comments gets the client that it gets there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

mod api;
mod github;
mod github_runner;
mod gitlab;
mod repository;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::{self, tool};
use serde_json::Value;

const WORKFLOW: &str = "docs/github/netpolc.yml";
const PIPELINE: &str = "docs/gitlab/.gitlab-ci.yml";

fn recipe(path: &str) -> Value {
    serde_yaml::from_str(&fs::read_to_string(support::repo().join(path)).unwrap()).unwrap()
}

/// How a command ended, and all that it printed.
struct Ended {
    code: Option<i32>,
    output: String,
}

impl Ended {
    fn is_fine(&self) -> bool {
        self.code == Some(0)
    }
}

/// Runs a command that could hang.
fn run(command: &mut Command, input: Option<&Path>) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output");
    let output = fs::File::create(&path).unwrap();
    let input = input.map_or_else(Stdio::null, |input| fs::File::open(input).unwrap().into());
    let mut child = command.stdin(input).stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
    let start = Instant::now();
    let status: Option<ExitStatus> = loop {
        match child.try_wait().unwrap() {
            None if start.elapsed() < Duration::from_secs(180) => std::thread::sleep(Duration::from_millis(10)),
            None => {
                child.kill().unwrap();
                break None;
            }
            some => break some,
        }
    };
    Ended {
        code: status.and_then(|status| status.code()),
        output: String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
    }
}

/// The PATH of a runner on which netpolc is installed.
fn path() -> std::ffi::OsString {
    let installed = Path::new(env!("CARGO_BIN_EXE_netpolc")).parent().unwrap().to_owned();
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([installed].into_iter().chain(std::env::split_paths(&rest))).unwrap()
}

/// Whether everything is there that runners have.
fn have(tools: &[&str]) -> bool {
    tools.iter().all(|name| tool(name))
}

/// Schemas of others know every key of both languages.
#[test]
fn recipes_are_valid() {
    if !tool("check-jsonschema") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let validate = |schema: &str, file: &Path| {
        run(Command::new("check-jsonschema").args(["--builtin-schema", schema]).arg(file), None)
    };
    for (schema, path, right, wrong) in [
        ("vendor.github-workflows", WORKFLOW, "runs-on:", "run-on:"),
        ("vendor.gitlab-ci", PIPELINE, "codequality:", "code-quality:"),
    ] {
        let valid = validate(schema, &support::repo().join(path));
        assert!(valid.is_fine(), "{}", valid.output);
        let text = fs::read_to_string(support::repo().join(path)).unwrap();
        assert!(text.contains(right));
        let broken = folder.path().join("broken.yml");
        fs::write(&broken, text.replace(right, wrong)).unwrap();
        assert_eq!(validate(schema, &broken).code, Some(1), "{schema} accepts everything");
    }
}
