//! With kustomize itself: exec functions as generators and as transformers (`--enable-alpha-plugins --enable-exec`).
//!
//! kustomize 4 gives a function no arguments, and the folder of the kustomization as the current one. As `validators` no function
//! of version 4.5.4 works, not even one that gives back what it gets: it finds its own path annotations and refuses them.

use std::process::Command;

use serde_yaml::Value;

use super::{INTENT, documents, project, run, wrapper};
use crate::support::{Project, Run, netpolc, tool};

const FUNCTION: &str = "apiVersion: netpolc.dev/v1alpha1
kind: NetworkPolicies
metadata:
  name: shop
  annotations:
    config.kubernetes.io/function: |
      exec:
        path: ./netpolc-krm
spec:
  dialect: kubernetes
";

/// What reading and writing by many hands may change.
const HOSTILE: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: others
data:
  a: "yes"
  b: "1e3"
  c: "0644"
  d: "12:30"
  e: "null"
  long: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccc"
  lines: |+
    # no comment
      deeper

  last: "é 🎉👩‍👧️ \u00a0\u2028\x01\t\r\n "
  "key: #": "---\n..."
"#;

fn kustomize(project: &Project, folder: &str) -> Run {
    let args = ["build", folder, "--enable-alpha-plugins", "--enable-exec"];
    run(Command::new("kustomize").args(args).current_dir(project.dir()), b"")
}

fn with(how: &str) -> Project {
    let project = project();
    wrapper(&project, "deploy/netpolc-krm");
    project.write("deploy/function.yaml", FUNCTION);
    project.write("deploy/others.yaml", HOSTILE);
    project.write("deploy/kustomization.yaml", format!("resources: [others.yaml]\n{how}: [function.yaml]\n"));
    project
}

fn sorted(mut objects: Vec<Value>) -> Vec<String> {
    objects.sort_by_key(|object| {
        (object["kind"].as_str().map(str::to_owned), object["metadata"]["name"].as_str().map(str::to_owned))
    });
    // Maps as texts would differ in the order of their keys.
    objects.iter().map(|object| serde_json::to_value(object).unwrap().to_string()).collect()
}

fn policies(project: &Project) -> Vec<Value> {
    let printed = netpolc(project.dir(), &["build", "--stdout", "--dialect", "kubernetes"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    documents(&printed.stdout)
}

#[test]
fn a_generator_and_a_transformer_add_exactly_the_policies() {
    if !tool("kustomize") {
        return;
    }
    for how in ["generators", "transformers"] {
        let project = with(how);
        let seen = kustomize(&project, "deploy");
        assert_eq!((seen.code, seen.stderr.as_str()), (0, ""), "{how}");
        let mut expected = policies(&project);
        assert!(expected.len() > 1);
        expected.extend(documents(HOSTILE));
        assert_eq!(sorted(documents(&seen.stdout)), sorted(expected), "{how}");
        assert_eq!(kustomize(&project, "deploy").stdout, seen.stdout, "{how}");
    }
}

/// A base of checked-in policies, some of them old: the transformer brings them up to date.
#[test]
fn a_transformer_replaces_what_netpolc_made_before() {
    if !tool("kustomize") {
        return;
    }
    let project = with("transformers");
    let fresh = kustomize(&project, "deploy").stdout;
    let old = INTENT.replace("ports = [80]", "ports = [8080]").replace("to = \"web\"", "to = \"old\"")
        + "[tiers.old]\nnamespace = \"front\"\npods = { app = \"old\" }\nports = [1]\n";
    let base = Project::new();
    base.write("intents/app.toml", old);
    let printed = netpolc(base.dir(), &["build", "--stdout", "--dialect", "kubernetes"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    project.write("deploy/base.yaml", printed.stdout);
    project.write("deploy/kustomization.yaml", "resources: [others.yaml, base.yaml]\ntransformers: [function.yaml]\n");
    let seen = kustomize(&project, "deploy");
    assert_eq!((seen.code, seen.stderr.as_str()), (0, ""));
    assert_eq!(sorted(documents(&seen.stdout)), sorted(documents(&fresh)));
}

#[test]
fn the_intents_can_stand_in_the_function_config() {
    if !tool("kustomize") {
        return;
    }
    let project = with("generators");
    let expected = kustomize(&project, "deploy").stdout;
    std::fs::remove_dir_all(project.dir().join("intents")).unwrap();
    let intent: String = INTENT.lines().map(|line| format!("      {line}\n")).collect();
    project.write("deploy/function.yaml", format!("{FUNCTION}  intents:\n    app.toml: |\n{intent}"));
    let seen = kustomize(&project, "deploy");
    assert_eq!((seen.code, seen.stdout), (0, expected), "{}", seen.stderr);
}

#[test]
fn a_broken_intent_stops_kustomize_and_its_line_is_printed() {
    if !tool("kustomize") {
        return;
    }
    for how in ["generators", "transformers"] {
        let project = with(how);
        project.write("intents/app.toml", INTENT.replace("to = \"web\"", "to = \"wep\""));
        let seen = kustomize(&project, "deploy");
        assert_eq!((seen.code, seen.stdout.as_str()), (1, ""), "{how}");
        assert!(seen.stderr.contains("intents/app.toml:6:6: error[NP013]: `wep` is not declared"), "{}", seen.stderr);
        assert!(seen.stderr.contains("help: did you mean `web`?"), "{}", seen.stderr);
    }
    let project = with("generators");
    project.write("deploy/function.yaml", FUNCTION.replace("dialect: kubernetes", "dialekt: kubernetes"));
    let seen = kustomize(&project, "deploy");
    assert_eq!((seen.code, seen.stdout.as_str()), (1, ""));
    assert!(seen.stderr.contains("spec.dialekt: unknown key"), "{}", seen.stderr);
}

/// A warning stops nothing, and people see it.
#[test]
fn a_warning_is_printed_and_stops_nothing() {
    if !tool("kustomize") {
        return;
    }
    let project = with("generators");
    project.write("intents/app.toml", INTENT.replace("to = \"web\"", "to = \"web\"\nports = [\"all/TCP\"]"));
    let seen = kustomize(&project, "deploy");
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    assert!(seen.stderr.contains("intents/app.toml:7:9: warning[NP201]"), "{}", seen.stderr);
}
