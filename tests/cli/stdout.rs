//! `netpolc build --stdout`: manifests and nothing else, for tools that render on every sync.

use serde::Deserialize;

use super::{AFTER, BEFORE, INTENT, project, run_on};
use crate::support::{Project, tree};

/// Kinds of the documents of a stream.
fn kinds(text: &str) -> Vec<String> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            let value = serde_yaml::Value::deserialize(document).unwrap();
            assert!(value["metadata"]["name"].is_string() && value["metadata"]["namespace"].is_string());
            value["kind"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn prints_every_policy_and_nothing_else_and_writes_nothing() {
    let project = project();
    let printed = run_on(&project, BEFORE, "build --stdout --dialect kubernetes");
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    assert_eq!(tree(project.dir()).len(), 1, "something was written");
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    let files = tree(&project.dir().join("out/kubernetes"));
    let written = files
        .iter()
        .filter(|(path, _)| !path.ends_with("kustomization.yaml"))
        .flat_map(|(_, bytes)| kinds(std::str::from_utf8(bytes).unwrap()))
        .count();
    let kinds = kinds(&printed.stdout);
    assert!(kinds.iter().all(|kind| kind == "NetworkPolicy"), "{kinds:?}");
    assert_eq!(kinds.len(), written);
    assert!(printed.stdout.ends_with('\n'));
}

#[test]
fn colours_and_edited_output_do_not_reach_the_manifests() {
    let project = project();
    let plain = run_on(&project, BEFORE, "build --stdout --dialect kubernetes").stdout;
    assert_eq!(run_on(&project, BEFORE, "build --stdout --dialect kubernetes --color always").stdout, plain);
    project.write("out/kubernetes/allow/back.yaml", "# mine\n");
    let beside = run_on(&project, BEFORE, "build --stdout --dialect kubernetes");
    assert_eq!((beside.code, beside.stdout), (0, plain));
}

#[test]
fn expired_waivers_are_warnings() {
    let project = project();
    let run = run_on(&project, AFTER, "build --stdout --dialect kubernetes");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning[NP081]"), "{}", run.stderr);
    assert!(!run.stderr.contains("error["), "{}", run.stderr);
    assert_eq!(
        run.stdout,
        run_on(&project, BEFORE, "build --stdout --dialect kubernetes").stdout,
        "the day changes findings, never bytes"
    );
}

/// What a waiver accepted must not stop the rendering overnight either, whatever its own level.
#[test]
fn findings_of_expired_waivers_are_warnings_even_where_they_are_errors() {
    let project = project();
    project.write("netpolc.toml", "[lints]\nNP201 = \"error\"\n");
    let run = run_on(&project, AFTER, "build --stdout --dialect kubernetes");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning[NP201]"), "{}", run.stderr);
    let build = run_on(&project, AFTER, "build");
    assert!(build.code == 1 && build.stderr.contains("error[NP201]"), "{}", build.stderr);
}

/// A cycle is an error by itself, and its waiver names one of its edges.
#[test]
fn cycles_whose_waiver_expired_are_warnings() {
    let project = project();
    let more = "[[allow]]\nfrom = \"api\"\nto = \"web\"\nports = [80]\nwhy = \"call-backs\"\n\n\
                [[waive]]\ncode = \"NP101\"\nedge = \"api -> web\"\nreason = \"being untied\"\nuntil = 2026-06-30\n";
    project.write("intents/shop.toml", format!("{INTENT}\n{more}"));
    assert_eq!(run_on(&project, BEFORE, "build --stdout --dialect kubernetes").code, 0);
    let run = run_on(&project, AFTER, "build --stdout --dialect kubernetes");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("waiver of NP101 expired"), "{}", run.stderr);
    assert_eq!(run_on(&project, AFTER, "build").code, 1);
}

#[test]
fn errors_print_no_manifest_at_all() {
    let project = project();
    project.write("intents/bad.toml", "app = \"bad\"\nports = 1\n");
    let run = run_on(&project, BEFORE, "build --stdout --dialect kubernetes");
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
}

/// An empty answer would make a GitOps tool prune every policy.
#[test]
fn no_policies_are_an_error() {
    let project = Project::new();
    project.write("intents/empty.toml", "app = \"empty\"\n");
    let run = run_on(&project, BEFORE, "build --stdout --dialect kubernetes");
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{}", run.stderr);
}
