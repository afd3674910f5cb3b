//! What Flux needs of the output, and the objects that users copy from `docs/flux`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value;

use super::objects::documents;
use crate::support::{repo, tree};

fn examples() -> Vec<Value> {
    let files = ["source.yaml", "policies.yaml"].map(|name| repo().join("docs/flux").join(name));
    let texts = files.map(|file| documents(&fs::read_to_string(file).unwrap())).concat();
    texts.iter().map(|text| serde_yaml::from_str(text).unwrap()).collect()
}

#[test]
fn what_denies_waits_for_what_allows() {
    let examples = examples();
    let [source, allow, baseline] = examples.as_slice() else { panic!("{examples:?}") };
    assert_eq!(source["kind"], "GitRepository");
    for (object, part) in [(allow, "allow"), (baseline, "baseline")] {
        assert_eq!(object["kind"], "Kustomization");
        assert_eq!(object["spec"]["path"], format!("./out/kubernetes/{part}"));
        assert!(repo().join(object["spec"]["path"].as_str().unwrap()).join("kustomization.yaml").is_file());
        assert_eq!(object["spec"]["prune"], true);
        // Only of the same source does Flux wait for the same revision (`checkDependencies`).
        assert_eq!(object["spec"]["sourceRef"]["name"], source["metadata"]["name"]);
        assert_eq!(object["metadata"]["namespace"], source["metadata"]["namespace"]);
        assert!(object["spec"].get("postBuild").is_none() && object["spec"].get("targetNamespace").is_none());
    }
    assert!(allow["spec"].get("dependsOn").is_none());
    assert_eq!(baseline["spec"]["dependsOn"][0]["name"], allow["metadata"]["name"]);
}

/// Prints for each object what Flux' own schemas find wrong.
const VALIDATE: &str = r#"
const source = require(process.argv[1] + "/source.toolkit.fluxcd.io/v1");
const kustomize = require(process.argv[1] + "/kustomize.toolkit.fluxcd.io/v1");
for (const object of JSON.parse(process.argv[2])) {
  const kinds = { ...source, ...kustomize };
  try { new kinds[object.kind](object).validate(); console.log("fine"); } catch (error) { console.log("wrong: " + error.message.split("\n")[0]); }
}
"#;

#[test]
fn its_schemas_take_the_examples_and_nothing_else() {
    let Some(package) = package("@kubernetes-models/flux-cd") else { return };
    let mut objects = examples();
    for (field, value) in [("prune", Value::from("yes")), ("interval", Value::from("often"))] {
        let mut bad = objects[1].clone();
        bad["spec"][field] = value;
        objects.push(bad);
    }
    let objects = serde_json::to_string(&objects).unwrap();
    let output = Command::new("node").args(["--eval", VALIDATE]).arg(&package).arg(&objects).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = said.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(said, ["fine", "fine", "fine", "wrong", "wrong"]);
}

/// The folder of an npm package: beside a folder of npm's commands that is on the PATH.
fn package(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).filter(|dir| dir.ends_with("node_modules/.bin"));
    let found = folders.find_map(|dir| Some(dir.with_file_name(name)).filter(|dir| dir.is_dir()));
    let required = std::env::var("NETPOLC_REQUIRE_TOOLS").unwrap_or_default();
    let is_required = required.split_whitespace().any(|tool| tool == name);
    assert!(found.is_some() || !is_required, "{name} is required and not found");
    found
}

/// Flux takes every YAML and JSON file below a path without a list for a manifest, and what a list names (fluxcd/pkg,
/// kustomize/kustomize_generator.go).
#[test]
fn every_yaml_file_is_a_manifest_or_the_list_of_its_folder() {
    let out = repo().join("out");
    for (path, text) in tree(&out) {
        let is = |ends: &[&str]| path.extension().is_some_and(|end| ends.contains(&end.to_str().unwrap()));
        if !is(&["yaml", "yml", "json"]) {
            assert_eq!(path, Path::new(".netpolc.lock"));
            continue;
        }
        assert!(out.join(&path).with_file_name("kustomization.yaml").is_file(), "{}", path.display());
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains("${"), "{} holds what a substitution replaces", path.display());
        for document in documents(&text) {
            let object: Value = serde_yaml::from_str(&document).unwrap();
            let is_list = path.ends_with("kustomization.yaml");
            assert!(object["apiVersion"].is_string() && object["kind"].is_string(), "{}", path.display());
            assert_eq!(object["metadata"]["name"].is_string(), !is_list, "{}", path.display());
        }
    }
}
