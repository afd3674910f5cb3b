//! What is rendered is accepted: by the schemas of the targets, with their rules, and within the limits that no schema
//! states.
//!
//! The CustomResourceDefinitions of Calico and Cilium are too large for the repository: `NETPOLC_TEST_DATA` names the
//! folder that holds them, in `crds/calico` and `crds/cilium`, and objects that an API server has judged, in
//! `verdicts/invalid`. Without it the tests that need them say that they are skipped; the limits are checked all the
//! same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says why it is skipped"
)]

mod cel;
mod limits;
mod projects;
mod rendered;
mod schema;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::support::{self, Project, netpolc};
use projects::Sample;
use rendered::Largest;
use schema::Definitions;
use serde_json::Value;

/// The folder of the data, or nothing and a word about it.
fn data() -> Option<PathBuf> {
    let data = std::env::var_os("NETPOLC_TEST_DATA").map(PathBuf::from);
    if data.is_none() {
        eprintln!("skipped: NETPOLC_TEST_DATA does not name the folder of the CustomResourceDefinitions");
    }
    data
}

/// Every kind that is written. Those of Calico and Cilium are there only where the data is.
fn definitions() -> Definitions {
    let folders = data().map_or(vec![], |data| ["calico", "cilium"].map(|name| data.join("crds").join(name)).into());
    let mut definitions = Definitions::load(&folders);
    definitions.add(&limits::network_policy());
    definitions
}

/// Each object with what an API server, or the project's own validator, said of it.
#[test]
fn objects_that_were_judged_are_judged_alike() {
    let Some(data) = data() else { return };
    let folder = data.join("verdicts/invalid");
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    let verdicts: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    assert!(verdicts.len() > 80, "{}", verdicts.len());
    let definitions = definitions();
    for (name, verdict) in verdicts {
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        let judges: Vec<&str> = verdict["rejected_by"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let words = limits::words_of_yaml_1_1(&text);
        let (by_schema, by_limits) = match schema::objects(&text) {
            Err(error) => (vec![error.to_string()], vec![]),
            Ok(objects) => {
                assert_eq!(objects.len(), 1, "{name}");
                (definitions.problems(&objects[0]), limits::of_server(&objects[0]))
            }
        };
        let accepted = by_schema.is_empty() && by_limits.is_empty() && words.is_empty();
        if judges.is_empty() {
            assert!(accepted, "{name}: {by_schema:?} {by_limits:?} {words:?}");
        } else {
            assert!(!accepted, "{name} is refused by {judges:?}, and here by nobody");
        }
        // What the API server refuses of a custom resource it refuses by the definition alone.
        let custom = name.starts_with("bad-c-") || name.starts_with("bad-x-");
        assert_eq!(custom && judges.contains(&"apiserver"), custom && !by_schema.is_empty(), "{name}: {by_schema:?}");
    }
}

#[test]
fn checked_in_output_is_accepted() {
    let folders = rendered::dialect_folders(&support::repo().join("out"));
    assert_eq!(folders.len(), netpolc::dialects::REGISTRY.len());
    rendered::assert_accepted("intents/", &folders, &definitions());
}

/// Builds a project, and looks at everything that it wrote.
fn assert_builds_accepted(sample: &Sample, definitions: &Definitions) -> Largest {
    let project = Project::new();
    for (path, text) in &sample.files {
        project.write(path, text);
    }
    let built = netpolc(project.dir(), &["build", "--today", "2026-01-01"]);
    assert_eq!(built.code, 0, "{}: {}", sample.name, built.stderr);
    rendered::assert_accepted(&sample.name, &rendered::dialect_folders(&project.dir().join("out")), definitions)
}

#[test]
fn projects_close_to_every_limit_are_accepted() {
    let definitions = definitions();
    let mut largest = Largest::new();
    for sample in projects::samples() {
        for (dialect, bytes) in assert_builds_accepted(&sample, &definitions) {
            let most = largest.entry(dialect).or_default();
            *most = bytes.max(*most);
        }
    }
    // Else nothing would have had to be split, and the projects would test too little.
    assert_eq!(largest.len(), netpolc::dialects::REGISTRY.len());
    assert!(largest.values().all(|bytes| *bytes > 64 * 1024), "{largest:?}");
}
