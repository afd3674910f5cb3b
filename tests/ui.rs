//! Every case of `tests/ui`: what a person sees, to the letter.
//!
//! A case is an intent `tests/ui/<section>/<case>.toml`, or a folder of project files where one intent is not enough; beside it
//! (inside it) stands what `netpolc build` says, `<case>.txt` (`expected.txt`): its exit code, then its standard error. A
//! project with another, good intent was built before; when the case fails, not a byte of its output may have changed.
//!
//! `NETPOLC_UPDATE=1 cargo test --test it ui::` writes what is seen now: read the difference before committing it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Project, assert_golden, netpolc, tree};

const BASE: &str = r#"app = "base"
[tiers]
one = { namespace = "base", pods = { app = "one" }, ports = [80] }
two = { namespace = "base", pods = { app = "two" }, ports = [80] }
[[allow]]
from = "one"
to   = "two"
why  = "base"
"#;

#[test]
fn every_case_says_what_it_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut cases = vec![];
    for section in sorted(&root) {
        cases.extend(
            sorted(&section).into_iter().filter(|path| path.is_dir() || path.extension().is_some_and(|e| e == "toml")),
        );
    }
    assert!(!cases.is_empty(), "no case found in {}", root.display());
    for section in sorted(&root) {
        for golden in sorted(&section).iter().filter(|path| path.extension().is_some_and(|e| e == "txt")) {
            assert!(golden.with_extension("toml").exists(), "{} has no case", golden.display());
        }
    }
    let failures: Vec<String> = cases.iter().filter_map(|case| run(case).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases differ:\n\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn sorted(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn run(case: &Path) -> Result<(), String> {
    let project = Project::new();
    project.write("intents/base.toml", BASE);
    let first = netpolc(project.dir(), &["build"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let before = tree(&project.dir().join("out"));

    let expected = if case.is_dir() {
        project.copy(case);
        case.join("expected.txt")
    } else {
        fs::copy(case, project.dir().join("intents/case.toml")).unwrap();
        case.with_extension("txt")
    };
    let run = netpolc(project.dir(), &["build", "--today", "2026-11-20"]);
    let mut seen = String::new();
    write!(seen, "exit: {}\n\n{}", run.code, run.stderr).unwrap();
    if run.code != 0 && tree(&project.dir().join("out")) != before {
        return Err(format!("{}: the run failed and yet changed the output", case.display()));
    }
    assert_golden(&expected, &seen)
}
