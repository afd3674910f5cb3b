//! `netpolc check`: findings, chosen by code, name or group, and nothing written. `tests/formats.rs` is about the formats.

use serde_json::Value;

use super::{AFTER, BEFORE, INTENT, LAST, project, run_on};
use crate::support::{Project, tree};

/// A project with a warning (NP201) and an error of the rules (NP101, a cycle).
fn findings() -> Project {
    let project = Project::new();
    let cycle = "[[allow]]\nfrom = \"api\"\nto = \"web\"\nports = [80]\nwhy = \"back\"\n";
    project.write(
        "intents/shop.toml",
        format!("owner = \"a team\"\n{}{cycle}", INTENT.split("[[waive]]").next().unwrap()),
    );
    project
}

fn codes(json: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(json).unwrap();
    value.as_array().unwrap().iter().map(|d| d["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn writes_nothing() {
    for project in [project(), findings()] {
        let before = tree(project.dir());
        for format in ["full", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown"] {
            run_on(&project, BEFORE, &format!("check --format {format}"));
        }
        assert_eq!(tree(project.dir()), before);
    }
}

#[test]
fn a_clean_project_exits_with_zero() {
    let run = run_on(&project(), BEFORE, "check --strict");
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.contains("no findings"), "{}", run.stderr);
}

#[test]
fn full_shows_the_source_line_and_the_help() {
    let run = run_on(&findings(), BEFORE, "check");
    assert_eq!(run.code, 1);
    for fact in ["error[NP101]", "warning[NP201]", "--> intents/shop.toml:10:", "ports = [\"all/TCP\"]", "help:"] {
        assert!(run.stderr.contains(fact), "{fact}:\n{}", run.stderr);
    }
}

#[test]
fn concise_is_one_line_a_finding() {
    let run = run_on(&findings(), BEFORE, "check --format concise");
    assert_eq!(run.code, 1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.stdout);
    for line in &lines {
        let mut parts = line.split(':');
        assert_eq!(parts.next(), Some("intents/shop.toml"));
        assert!(parts.next().unwrap().parse::<usize>().is_ok() && parts.next().unwrap().parse::<usize>().is_ok());
    }
    assert!(lines.iter().any(|line| line.contains("warning[NP201]")) && run.stdout.contains("error[NP101]"));
}

#[test]
fn json_is_one_document_with_places() {
    let run = run_on(&findings(), BEFORE, "check --format json");
    assert_eq!(run.code, 1);
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    let warning = value.as_array().unwrap().iter().find(|d| d["code"] == "NP201").unwrap();
    assert_eq!(warning["level"], "warning");
    assert_eq!(warning["location"]["path"], "intents/shop.toml");
    assert_eq!(warning["location"]["line"], 11);
    assert_eq!(warning["location"]["column"], 9);
    assert!(!warning["help"].as_array().unwrap().is_empty());
    assert_eq!((&warning["name"], &warning["group"]), (&"all-ports".into(), &"breadth".into()));
    let clean = run_on(&project(), BEFORE, "check --format json");
    assert_eq!((clean.code, clean.stdout.trim()), (0, "[]"));
}

#[test]
fn select_and_ignore_choose_by_code_name_and_group() {
    let project = findings();
    let cases: [(&str, &[&str], i32); 14] = [
        ("--select NP1", &["NP101"], 1),
        ("--select NP201", &["NP201"], 0),
        ("--select NP201,NP101", &["NP101", "NP201"], 1),
        ("--select NP1 --select NP2", &["NP101", "NP201"], 1),
        ("--ignore NP101", &["NP201"], 0),
        ("--ignore NP1,NP2", &[], 0),
        ("--select NP --ignore NP2", &["NP101"], 1),
        ("--select NP3", &[], 0),
        ("--select all-ports", &["NP201"], 0),
        ("--select graph", &["NP101"], 1),
        ("--select Breadth,cycle", &["NP101", "NP201"], 1),
        ("--ignore graph,all-ports", &[], 0),
        ("--select breadth --ignore all-ports", &[], 0),
        ("--select inventory", &[], 0),
    ];
    for (options, expected, code) in cases {
        let run = run_on(&project, BEFORE, &format!("check --format json {options}"));
        let mut seen = codes(&run.stdout);
        seen.sort();
        assert_eq!((seen, run.code), (expected.iter().map(|code| code.to_string()).collect(), code), "{options}");
    }
}

#[test]
fn errors_of_the_language_cannot_be_ignored() {
    let project = project();
    project.write("intents/bad.toml", "app = \"bad\"\nports = 1\n");
    let run = run_on(&project, BEFORE, "check --format json --select NP1 --ignore NP0");
    assert_eq!((run.code, codes(&run.stdout)), (1, vec!["NP003".to_owned()]));
}

#[test]
fn words_that_choose_nothing_exit_with_two_and_a_hint() {
    for (option, hint) in [
        ("--select NP9999", "--all"),
        ("--ignore XY", "--all"),
        ("--select NQ201", "`NP201`"),
        ("--select all-port", "`all-ports`"),
        ("--ignore NP1,grahp", "`graph`"),
    ] {
        let run = run_on(&project(), BEFORE, &format!("check {option}"));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{option}");
        assert!(run.stderr.contains(hint), "{option}: {}", run.stderr);
    }
}

/// Whoever asks for a rule gets its findings, as warnings, also where the project allows what it looks for.
#[test]
fn a_rule_that_is_allowed_runs_where_it_is_selected() {
    let project = findings();
    project.write("netpolc.toml", "[lints]\nNP101 = \"allow\"\nNP201 = \"allow\"\n");
    let cases: [(&str, &[&str]); 6] = [
        ("", &[]),
        ("--select NP201", &["NP201"]),
        ("--select cycle", &["NP101"]),
        ("--select graph,breadth", &["NP101", "NP201"]),
        ("--select NP", &["NP101", "NP201"]),
        ("--select NP --ignore graph", &["NP201"]),
    ];
    for (options, expected) in cases {
        let run = run_on(&project, BEFORE, &format!("check --format json {options}"));
        let mut seen = codes(&run.stdout);
        seen.sort();
        assert_eq!((seen, run.code), (expected.iter().map(|code| code.to_string()).collect(), 0), "{options}");
        let strict = run_on(&project, BEFORE, &format!("check --strict {options}"));
        assert_eq!(strict.code, i32::from(!expected.is_empty()), "{options}");
    }
}

#[test]
fn the_case_of_a_prefix_does_not_matter() {
    let project = findings();
    let lower = run_on(&project, BEFORE, "check --format json --select np1");
    assert_eq!(codes(&lower.stdout), codes(&run_on(&project, BEFORE, "check --format json --select NP1").stdout));
    assert!(!codes(&lower.stdout).is_empty());
}

#[test]
fn strict_fails_on_warnings() {
    let project = findings();
    assert_eq!(run_on(&project, BEFORE, "check --ignore NP1").code, 0);
    assert_eq!(run_on(&project, BEFORE, "check --ignore NP1 --strict").code, 1);
    assert_eq!(run_on(&project, BEFORE, "check --ignore NP1,NP2 --strict").code, 0);
}

#[test]
fn the_day_decides_on_waivers() {
    let project = project();
    assert_eq!(codes(&run_on(&project, BEFORE, "check --format json").stdout), [""; 0]);
    assert_eq!(codes(&run_on(&project, LAST, "check --format json").stdout), ["NP503"]);
    let mut after = codes(&run_on(&project, AFTER, "check --format json").stdout);
    after.sort();
    assert_eq!(after, ["NP081", "NP201"]);
}

/// Whatever would stop a build is a finding: also what only a dialect or a template can be blamed for.
#[test]
fn what_would_stop_a_build_is_found() {
    let project = project();
    project.write(
        "intents/shop.toml",
        INTENT.replace("ports = [\"all/TCP\"]", "ports = [80]\nhttp = [{ method = \"GET\" }]"),
    );
    let run = run_on(&project, BEFORE, "check --format json");
    assert_eq!(run.code, 1);
    assert!(codes(&run.stdout).contains(&"NP090".to_owned()), "{}", run.stdout);
}
