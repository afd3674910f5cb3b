//! The hand-written flow tables of `tests/corpus`, held against the model and, separately, against the rendered YAML.
//!
//! Evaluators as naive as can be, none of them the product's own: one reads the two relations of the model, and for each
//! dialect one reads its YAML as the project documents it. A line holds when all agree with it, with the intent alone in
//! its project and with all of `intents/` together.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod by_model;
mod by_policies;
mod generated;
mod settings;
mod table;

use std::collections::BTreeSet;
use std::fs;

use crate::support::{Project, netpolc, repo};
use table::Line;

fn names(folder: &str, extension: &str) -> BTreeSet<String> {
    fs::read_dir(repo().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn lines(name: &str) -> Vec<Line> {
    table::parse(&fs::read_to_string(repo().join(format!("tests/corpus/{name}.flows"))).unwrap())
}

fn dialects() -> impl Iterator<Item = &'static str> {
    netpolc::dialects::REGISTRY.iter().map(|dialect| dialect.name())
}

/// The lines of a table that a project does not keep, each with who says so.
fn broken(project: &Project, name: &str) -> Vec<String> {
    let build = netpolc(project.dir(), &["build", "--today", "2026-01-01"]);
    assert_eq!(build.code, 0, "{name}: {}", build.stderr);
    let model = by_model::load(project.dir());
    let by_dialect: Vec<_> = dialects()
        .map(|dialect| (dialect, by_policies::load(dialect, &project.dir().join("out").join(dialect))))
        .collect();
    let mut broken = vec![];
    for line in lines(name) {
        let mut verdicts = vec![("the model", by_model::allows(&model, &line))];
        for (dialect, judge) in &by_dialect {
            let of_families = by_policies::verdicts(dialect, &**judge, &line);
            assert!(!of_families.is_empty(), "{name}.flows:{}: no IP family in common", line.number);
            verdicts.extend(of_families.into_iter().map(|allows| (*dialect, allows)));
        }
        for (judge, allows) in verdicts {
            if allows != line.allow {
                let says = if allows { "allows" } else { "denies" };
                broken.push(format!("{name}.flows:{}: {judge} {says}: {}", line.number, line.text));
            }
        }
    }
    broken
}

#[test]
fn every_intent_has_a_table_and_every_table_an_intent() {
    assert_eq!(names("tests/corpus", "flows"), names("intents", "toml"));
}

#[test]
fn every_table_has_verdicts_of_both_kinds() {
    for name in names("tests/corpus", "flows") {
        let lines = lines(&name);
        assert!(lines.iter().any(|line| line.allow), "{name}.flows allows nothing");
        assert!(lines.iter().any(|line| !line.allow), "{name}.flows denies nothing");
    }
}

#[test]
fn tables_hold_with_all_intents_together() {
    let project = Project::with_settings();
    for name in names("intents", "toml") {
        project.write(&format!("intents/{name}.toml"), fs::read(repo().join(format!("intents/{name}.toml"))).unwrap());
    }
    let broken: Vec<String> = names("tests/corpus", "flows").iter().flat_map(|name| broken(&project, name)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn tables_hold_with_each_intent_alone() {
    let mut failures = vec![];
    for name in names("tests/corpus", "flows") {
        let project = Project::with_settings();
        project.write("intents/it.toml", fs::read(repo().join(format!("intents/{name}.toml"))).unwrap());
        failures.extend(broken(&project, &name));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The tables are worth something only if a wrong intent breaks them, before every judge.
#[test]
fn wrong_intents_break_lines_before_every_judge() {
    let cases = [
        ("app", r#"ports = [5432]"#, r#"ports = [5433]"#),
        ("app", r#"from = "anywhere""#, r#"from = "cluster""#),
        ("app", r#"namespace = "backend""#, r#"namespace = "default""#),
        ("orders", r#"{ labels = { team = "orders" } }"#, r#""all""#),
        ("orders", "203.0.113.10/32", "203.0.113.11/32"),
        ("production", r#"to    = "internet""#, r#"to    = "anywhere""#),
        ("production", "metrics = [9090]", "metrics = [9091]"),
        (
            "secure-app",
            r#"{ from = "frontend", to = "backend",  ports = "all""#,
            r#"{ from = "frontend", to = "backend",  ports = [8080]"#,
        ),
        ("zero-trust", ", dns = false", ""),
        (
            "online-boutique",
            r#"{ app = "emailservice" },          ports = [8080]"#,
            r#"{ app = "emailservice" },          ports = [5000]"#,
        ),
    ];
    for (name, good, bad) in cases {
        let text = fs::read_to_string(repo().join(format!("intents/{name}.toml"))).unwrap();
        assert!(text.contains(good), "{name}.toml no longer holds {good}");
        // A guardrail or a finding may stop the wrong intent first; here it is the tables that must see it.
        let text = text.split("[[forbid]]").next().unwrap();
        let project = Project::new();
        project.write("intents/it.toml", text.replacen(good, bad, 1));
        let rules: String = netpolc::checks::all().map(|rule| format!("{} = \"allow\"\n", rule.code)).collect();
        project.write("netpolc.toml", format!("[lints]\n{rules}"));
        let broken = broken(&project, name);
        for judge in dialects().chain(["the model"]) {
            let seen = broken.iter().any(|line| line.contains(&format!(": {judge} ")));
            assert!(seen, "{name}.toml with {bad} for {good}: {judge} keeps every line of the table\n{broken:#?}");
        }
    }
}
