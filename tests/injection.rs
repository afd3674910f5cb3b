//! Words that YAML would read as something else than text: they are rendered as text, and every reader gets them back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;

use crate::support::{Project, netpolc, tool, tree};
use serde_yaml::Value;

/// Values of labels that some reader of YAML takes for a boolean, a number, a date, nothing, or a key of its own.
const VALUES: &[&str] = &[
    "",
    "0",
    "012",
    "0b1",
    "0o17",
    "0x1f",
    "1",
    "1.0",
    "1e3",
    "1E3",
    "1_000",
    "2027-03-01",
    "685230.15",
    "FALSE",
    "False",
    "N",
    "NO",
    "NULL",
    "No",
    "Null",
    "OFF",
    "ON",
    "Off",
    "On",
    "TRUE",
    "True",
    "Y",
    "YES",
    "Yes",
    "e1",
    "false",
    "inf",
    "n",
    "nan",
    "no",
    "null",
    "off",
    "on",
    "true",
    "y",
    "yes",
];

/// Those that may be names of namespaces, apps and tiers.
const NAMES: &[&str] = &[
    "0",
    "012",
    "0b1",
    "0o17",
    "0x1f",
    "1",
    "1e3",
    "2027-03-01",
    "e1",
    "false",
    "inf",
    "n",
    "nan",
    "no",
    "null",
    "off",
    "on",
    "true",
    "y",
    "yes",
];

/// A tier for each value, under its name where it may be one, each calling the next.
fn project() -> Project {
    let project = Project::new();
    let mut tiers = String::new();
    let mut edges = String::new();
    let name = |position: usize| match NAMES.get(position) {
        Some(name) => (*name).to_owned(),
        None => format!("tier-{position}"),
    };
    for (position, value) in VALUES.iter().enumerate() {
        let (this, next) = (name(position), name(position + 1));
        let key = if value.is_empty() { "app" } else { value };
        tiers += &format!(
            "\"{this}\" = {{ namespace = \"{this}\", pods = {{ \"{key}\" = \"{value}\", example = \"{position}\" }}, ports = [80] }}\n"
        );
        if position + 1 < VALUES.len() {
            edges += &format!(
                "[[allow]]\nfrom = \"{this}\"\nto = \"{next}\"\nwhy = \"{value}: # {{{{ 7 * 7 }}}} *a &b !!c ' | > ---\"\n"
            );
        }
    }
    project.write("intents/app.toml", format!("app = \"null\"\nowner = \"y\"\n[tiers]\n{tiers}{edges}"));
    let run = netpolc(project.dir(), &["build"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(run.stdout.contains("verified"), "{}", run.stdout);
    project
}

/// Every label value and namespace of a document, and whether all of them are text.
fn words(value: &Value, under: &str, out: &mut Vec<String>) {
    match value {
        Value::Mapping(map) => {
            for (key, value) in map {
                let key = key.as_str().unwrap_or_else(|| panic!("a key is no text: {key:?}"));
                if matches!(under, "matchLabels" | "annotations" | "labels") || matches!(key, "namespace" | "name") {
                    let value = value.as_str().unwrap_or_else(|| panic!("the value of {key} is no text: {value:?}"));
                    out.push(value.to_owned());
                    if under == "matchLabels" {
                        out.push(key.to_owned());
                    }
                } else {
                    words(value, key, out);
                }
            }
        }
        Value::Sequence(list) => list.iter().for_each(|value| words(value, under, out)),
        _ => {}
    }
}

fn all_words(yaml: &str) -> Vec<String> {
    let mut out = vec![];
    for document in serde_yaml::Deserializer::from_str(yaml) {
        let value: Value = serde::Deserialize::deserialize(document).unwrap();
        words(&value, "", &mut out);
    }
    out
}

#[test]
fn hazardous_words_stay_text() {
    let project = project();
    let mut found = vec![];
    for (path, bytes) in tree(&project.dir().join("out")) {
        let text = String::from_utf8(bytes).unwrap();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            found.extend(all_words(&text));
            for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with('#')) {
                // The old readers of YAML 1.1 take these for booleans and nothing, as values and as keys.
                for word in ["no", "on", "y", "n", "yes", "off", "null", "1e3", "012", "0x1f", "2027-03-01"] {
                    assert!(!line.ends_with(&format!(": {word}")), "{}: {line}", path.display());
                    assert!(!line.starts_with(&format!("{word}:")), "{}: {line}", path.display());
                }
            }
        }
    }
    for word in VALUES.iter().chain(NAMES) {
        assert!(found.iter().any(|found| found == word), "{word} is not in the output");
    }
    assert!(found.iter().any(|text| text.contains("{{ 7 * 7 }} *a &b !!c ' | > ---")), "data is no template");
    assert!(!found.iter().any(|text| text.contains("49")));
}

#[test]
fn kubectl_reads_them_as_text_too() {
    if !tool("kubectl") {
        return;
    }
    let project = project();
    let output =
        Command::new("kubectl").args(["kustomize", "out/kubernetes"]).current_dir(project.dir()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = all_words(&String::from_utf8(output.stdout).unwrap());
    for word in VALUES.iter().chain(NAMES) {
        assert!(found.iter().any(|found| found == word), "{word} is not in what kubectl gives");
    }
}
