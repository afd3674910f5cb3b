//! Every case of `tests/inventory`: what `netpolc check --inventory` says, to the letter.
//!
//! A case is a folder with an intent `shop.toml`, what runs in `inventory.yaml`, a project file where one is needed, and what is
//! said in `expected.txt`: the exit code, then standard error. A file `args` has further arguments, one a line.
//!
//! `NETPOLC_UPDATE=1 cargo test --test it inventory::` writes what is seen now: read the difference before committing it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Project, assert_golden, netpolc, repo};

#[test]
fn every_case_says_what_it_said() {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(repo().join("tests/inventory")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    let failures: Vec<String> = cases.iter().filter_map(|case| run(case).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases differ:\n\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn run(case: &Path) -> Result<(), String> {
    let project = Project::new();
    for entry in fs::read_dir(case).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        let place = match name.as_str() {
            "shop.toml" | "other.toml" => format!("intents/{name}"),
            "args" | "expected.txt" => continue,
            _ => name,
        };
        project.write(&place, fs::read(entry.path()).unwrap());
    }
    let args = fs::read_to_string(case.join("args")).unwrap_or_default();
    let mut line = vec!["check", "--today", "2026-11-20"];
    if !args.contains("--inventory\n") && !args.contains("none") {
        line.extend(["--inventory", "inventory.yaml"]);
    }
    line.extend(args.lines().filter(|word| *word != "none"));
    let run = netpolc(project.dir(), &line);
    let mut seen = String::new();
    write!(seen, "exit: {}\n\n{}", run.code, run.stderr).unwrap();
    assert_golden(&case.join("expected.txt"), &seen)
}
