//! `netpolc check --inventory`: where it comes from, what is printed where, and how it exits. What is found in it is the business
//! of `tests/inventory`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{Run, run};
use crate::support::Project;

/// Two tiers in one namespace, and an edge.
const INTENT: &str = r#"app = "shop"
[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [80] }
api = { namespace = "shop", pods = { app = "api" }, ports = [80] }
[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
"#;

/// A Deployment of one of the tiers, or of nobody.
fn deployment(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{template: {{metadata: {{labels: {{app: {name}}}}}}}}}\n"
    )
}

fn project(inventory: &[(&str, &[&str])]) -> Project {
    let project = Project::new();
    project.write("intents/shop.toml", INTENT);
    for (path, names) in inventory {
        let manifests: Vec<String> = names.iter().map(|name| deployment(name)).collect();
        project.write(path, manifests.join("---\n"));
    }
    project
}

/// Runs with something on standard input.
fn run_with(project: &Project, args: &[&str], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netpolc"))
        .args(args)
        .current_dir(project.dir())
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn an_inventory_is_a_file_a_folder_several_or_standard_input() {
    let project =
        project(&[("whole.yaml", &["web", "api"]), ("parts/web.yaml", &["web"]), ("parts/b/api.yml", &["api"])]);
    project.write("parts/README.md", "no manifest");
    for line in [
        "check --inventory whole.yaml",
        "check --inventory parts",
        "check --inventory parts/web.yaml --inventory parts/b/api.yml",
        "check intents/shop.toml --inventory parts --inventory parts/web.yaml",
    ] {
        let found = run(&project, line);
        assert_eq!(found.code, 0, "{line}: {}", found.stderr);
        assert!(found.stderr.contains("inventory: 2 workloads, 0 Services"), "{line}: {}", found.stderr);
    }
    let piped = [deployment("web"), deployment("api-server")].join("---\n");
    let piped = run_with(&project, &["check", "--inventory", "-"], &piped);
    assert_eq!(piped.code, 0, "a warning: {}", piped.stderr);
    assert!(piped.stderr.contains("NP601") && piped.stderr.contains("<stdin>"), "{}", piped.stderr);
}

#[test]
fn paths_are_relative_to_where_one_stands_and_shown_relative_to_the_project() {
    let project = project(&[("deploy/all.yaml", &["web", "apis"])]);
    let from_below = |args: &[&str]| crate::support::netpolc(&project.dir().join("deploy"), args);
    let found = from_below(&["check", "--inventory", "all.yaml"]);
    assert!(found.stderr.contains("deploy/all.yaml:"), "{}", found.stderr);
    assert!(!found.stderr.contains(project.dir().to_str().unwrap()), "{}", found.stderr);
    assert_eq!(run(&project, "check --inventory all.yaml").code, 2);
}

#[test]
fn what_cannot_be_read_is_told_and_nothing_is_checked_against_it() {
    let project = project(&[("whole.yaml", &["web", "api"])]);
    let missing = run(&project, "check --inventory gone.yaml");
    assert_eq!((missing.code, missing.stdout.as_str()), (2, ""));
    assert!(missing.stderr.contains("gone.yaml"), "{}", missing.stderr);
    std::fs::create_dir(project.dir().join("empty")).unwrap();
    let empty = run(&project, "check --inventory empty");
    assert_eq!(empty.code, 1);
    assert!(empty.stderr.contains("`empty` holds no manifest"), "{}", empty.stderr);
    let name = run(&project, "check --inventory whole.yaml --inventory-namespace Shop");
    assert_eq!(name.code, 2);
    assert!(name.stderr.contains("--inventory-namespace: `Shop` is no valid namespace"), "{}", name.stderr);
}

#[test]
fn the_command_line_replaces_what_the_project_file_says() {
    let project = project(&[("whole.yaml", &["web", "api"]), ("part.yaml", &["web"])]);
    project.write("netpolc.toml", "[cluster]\ninventory = [\"part.yaml\"]\n");
    assert!(run(&project, "check").stderr.contains("NP601"));
    let other = run(&project, "check --inventory whole.yaml");
    assert!(other.stderr.starts_with("no findings"), "{}", other.stderr);
}

#[test]
fn only_check_looks_at_it() {
    let project = project(&[("part.yaml", &["web"])]);
    project.write("netpolc.toml", "[cluster]\ninventory = [\"part.yaml\", \"gone.yaml\"]\n");
    assert_eq!(run(&project, "check").code, 2);
    for line in ["build", "build --check", "diff", "verify", "build --stdout --dialect cilium"] {
        let found = run(&project, line);
        assert_eq!(found.code, 0, "{line}: {}", found.stderr);
        assert!(!found.stderr.contains("NP601"), "{line}: {}", found.stderr);
    }
}

#[test]
fn json_is_findings_alone() {
    let project = project(&[("part.yaml", &["web", "report"])]);
    let found = run(&project, "check --format json --inventory part.yaml");
    assert_eq!(found.stderr, "");
    let codes: Vec<String> = serde_json::from_str::<serde_json::Value>(&found.stdout)
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["NP602", "NP601"]);
}

#[test]
fn a_namespace_that_is_not_shown_is_said_not_to_be_looked_at() {
    let project = project(&[("whole.yaml", &["web", "api"])]);
    project.write("intents/other.toml", INTENT.replace("shop", "store"));
    let found = run(&project, "check --inventory whole.yaml");
    assert_eq!(found.code, 0);
    let last = found.stderr.lines().last().unwrap();
    assert_eq!(last, "not looked at, as the inventory shows nothing of the namespace: `store`");
}

#[test]
fn clusters_have_inventories_of_their_own() {
    let project = project(&[("dev.yaml", &["web", "api"]), ("prod.yaml", &["web"])]);
    let clusters = "[clusters.dev]\ninventory = [\"dev.yaml\"]\n[clusters.prod]\ninventory = [\"prod.yaml\"]\n";
    project.write("netpolc.toml", clusters);
    let both = run(&project, "check");
    assert!(both.stderr.contains("NP601") && both.stderr.contains("in the cluster prod"), "{}", both.stderr);
    assert!(run(&project, "check --cluster dev").stderr.starts_with("no findings"));
    assert!(run(&project, "check --cluster prod").stderr.contains("NP601"));
    assert_eq!(run(&project, "check --cluster test").code, 2);
}
