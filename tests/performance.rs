//! `benches/compare` works, and docs/performance.md shows what it gives: no figure by hand, and no row that is gone.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::mesh::generator;
use crate::support::{self, repo};

/// The columns of a table and the names of its rows (one may have several meshes), by its title.
type Tables = BTreeMap<String, (Vec<String>, Vec<String>)>;

/// Runs the script on tiny meshes, with a Python that knows Jinja2 where there is one. None where there is no Python.
fn smoke(binary: &Path, folder: &Path, words: &[&str]) -> Option<Output> {
    let python =
        support::python_with("jinja2").or_else(|| support::tool("python3").then(|| PathBuf::from("python3")))?;
    for (services, edges) in [(12, 30), (24, 60)] {
        let mesh = folder.join(format!("meshes/{services}-{edges}"));
        fs::create_dir_all(mesh.join("intents")).unwrap();
        for (name, text) in generator::mesh(services, edges, 1) {
            fs::write(mesh.join("intents").join(name), text).unwrap();
        }
        let scrapers = "scrapers = { namespace = \"monitoring\", pods = { app = \"prometheus\" } }";
        fs::write(mesh.join("netpolc.toml"), format!("[cluster]\n{scrapers}\n")).unwrap();
    }
    let mut command = Command::new(python);
    command.arg(repo().join("benches/compare")).args(["--smoke", "--binary"]).arg(binary);
    command.arg("--meshes").arg(folder.join("meshes")).arg("--work").arg(folder.join("work"));
    Some(command.args(words).current_dir(folder).stdin(Stdio::null()).output().unwrap())
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_netpolc"))
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What the script gives, as its JSON has it.
fn given(json: &Value) -> Tables {
    let mut tables = Tables::new();
    for table in json["tables"].as_array().unwrap() {
        let mut names: Vec<String> =
            table["rows"].as_array().unwrap().iter().map(|row| texts(row)[0].clone()).collect();
        names.sort();
        names.dedup();
        tables.insert(table["title"].as_str().unwrap().to_owned(), (texts(&table["columns"]), names));
    }
    tables
}

/// What a page shows between the markers.
fn shown(page: &str) -> Tables {
    let figures = page.split("<!-- figures: written by benches/compare -->").nth(1).unwrap();
    let figures = figures.split("<!-- end of the figures -->").next().unwrap();
    let mut tables = Tables::new();
    for part in figures.split("\n### ").skip(1) {
        let (title, table) = part.split_once('\n').unwrap();
        let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        let mut lines = table.lines().filter(|line| line.starts_with('|')).map(cells).collect::<Vec<Vec<String>>>();
        let columns = lines.remove(0);
        let mut names: Vec<String> = lines.iter().skip(1).map(|cells| cells[0].clone()).collect();
        names.sort();
        names.dedup();
        tables.insert(title.to_owned(), (columns, names));
    }
    tables
}

#[test]
fn the_page_has_what_the_script_gives() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("page.md"), page_without_figures()).unwrap();
    let Some(done) = smoke(binary(), folder.path(), &["--json", "figures.json", "--write", "page.md"]) else { return };
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{err}");
    let json: Value = serde_json::from_slice(&fs::read(folder.path().join("figures.json")).unwrap()).unwrap();
    let tables = given(&json);
    assert_eq!(tables.len(), 6, "{out}");
    let page = fs::read_to_string(repo().join("docs/performance.md")).unwrap();
    assert_eq!(shown(&page), tables, "`python3 benches/compare --write docs/performance.md` writes the figures anew");
    // What it writes into a page is what it gives, and the words around stay.
    let written = fs::read_to_string(folder.path().join("page.md")).unwrap();
    assert_eq!(shown(&written), tables);
    assert!(written.starts_with("# Before\n") && written.ends_with("\nAfter.\n"), "{written}");
    // What was measured has figures, and so have the tools that are here.
    for table in json["tables"].as_array().unwrap() {
        let title = table["title"].as_str().unwrap();
        let here = |name: &str| match name {
            "Jinja2" => support::python_with("jinja2").is_some(),
            "Aerleon" => support::tool("aclgen"),
            "network-config-analyzer" => support::tool("nca"),
            _ => !title.starts_with("Stages") && !title.starts_with("Instructions"),
        };
        for row in table["rows"].as_array().unwrap().iter().map(texts).filter(|row| here(&row[0])) {
            assert!(row[1] != "–" && row.last().unwrap().as_str() != "not installed", "{title}: {row:?}");
        }
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("work")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

fn page_without_figures() -> &'static str {
    "# Before\n\n<!-- figures: written by benches/compare -->\nold\n<!-- end of the figures -->\n\nAfter.\n"
}

/// A command that fails at once would make a fine figure.
#[test]
fn a_command_that_fails_gives_no_figure() {
    let folder = tempfile::tempdir().unwrap();
    let Some(done) = smoke(Path::new("/bin/false"), folder.path(), &[]) else { return };
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && done.stdout.is_empty(), "{err}");
    assert!(err.contains("build --dialect kubernetes` ended with 1"), "{err}");
}
