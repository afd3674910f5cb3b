//! The script that measures works, and docs/performance.md shows what it measures and nothing else.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{repo, requires, tool};

#[test]
fn the_script_measures_every_row_of_the_page() {
    if !tool("python3") {
        return;
    }
    let binary = env!("CARGO_BIN_EXE_netpolc");
    let mesh = Path::new(binary).with_file_name("examples").join("mesh");
    // `cargo test` builds examples, `cargo test --test it` does not.
    if !mesh.exists() {
        let build = ["build", "--quiet", "--locked", "--example", "mesh"];
        assert!(Command::new(env!("CARGO")).args(build).current_dir(repo()).status().unwrap().success());
    }
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("figures.json");
    let script = repo().join("benches/compare/compare.py");
    let output = Command::new("python3")
        .arg("-B")
        .arg(script)
        .args(["--smoke", "--binary", binary, "--mesh"])
        .arg(mesh)
        .arg("--json")
        .arg(&json)
        .arg("--folder")
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let figures: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let rows = |table: &str| -> BTreeSet<String> {
        figures[table].as_array().unwrap().iter().map(|row| row["row"].as_str().unwrap().to_owned()).collect()
    };
    let page = fs::read_to_string(repo().join("docs/performance.md")).unwrap();
    for (table, title) in
        [("yardsticks", "### Beside the tools"), ("growth", "### Growth"), ("rivals", "### Other tools")]
    {
        let (_, part) = page.split_once(title).unwrap_or_else(|| panic!("no {title}"));
        let lines = part.lines().skip(2).skip_while(|line| line.is_empty()).take_while(|line| line.starts_with('|'));
        let shown: BTreeSet<String> =
            lines.skip(2).map(|line| line.split(" | ").next().unwrap()[2..].to_owned()).collect();
        assert_eq!(shown, rows(table), "{title}");
    }
    // What CI provides is really measured.
    for (row, command) in [("Jinja2", "aclgen"), ("Aerleon", "aclgen"), ("network-config-analyzer", "nca")] {
        let measured = figures["rivals"].as_array().unwrap().iter().find(|found| found["row"] == row).unwrap();
        assert!(!requires(command) || measured["wall"].is_number(), "{measured}");
    }
}
