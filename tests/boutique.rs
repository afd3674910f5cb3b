//! The intent of Online Boutique against the application's own manifests: the callees that its environment variables name,
//! on the ports that the callees' pods listen on; and what `netpolc check --inventory` says of it, whole and with any one edge,
//! label or port wrong.
//!
//! The manifests are too large for the repository: `NETPOLC_TEST_DATA` names the folder that holds
//! `online-boutique/workloads.yaml`, as the application publishes it. Without it the test says that it is skipped.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::{Project as Folder, netpolc, repo};
use camino::Utf8PathBuf;
use netpolc::diag::Diagnostics;
use netpolc::model::{Endpoint, Model};
use netpolc::pipeline::Project;
use netpolc::source::find_root;
use serde::Deserialize;
use serde_yaml::Value;

/// Caller, callee, pod port.
type Calls = BTreeSet<(String, String, u64)>;

/// The application's manifests, where they are.
fn workloads() -> Option<PathBuf> {
    let data = std::env::var_os("NETPOLC_TEST_DATA");
    if data.is_none() {
        eprintln!("skipped: NETPOLC_TEST_DATA does not name the folder of the manifests");
    }
    data.map(|data| Path::new(&data).join("online-boutique/workloads.yaml"))
}

#[test]
fn edges_are_what_the_manifests_say() {
    let Some(path) = workloads() else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let manifests: Vec<Value> =
        serde_yaml::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap()).collect();
    assert_eq!(meant(), called(&manifests));
}

/// What the deployments name in variables as `host:port`, through the Service of that name to its pods' port.
fn called(manifests: &[Value]) -> Calls {
    let of_kind = |kind: &'static str| manifests.iter().filter(move |object| object["kind"] == kind);
    let mut services: BTreeMap<(String, u64), (String, u64)> = BTreeMap::new();
    for service in of_kind("Service") {
        for port in service["spec"]["ports"].as_sequence().unwrap() {
            let name = service["metadata"]["name"].as_str().unwrap().to_owned();
            let app = service["spec"]["selector"]["app"].as_str().unwrap().to_owned();
            services.insert((name, port["port"].as_u64().unwrap()), (app, port["targetPort"].as_u64().unwrap()));
        }
    }
    let mut calls = Calls::new();
    for deployment in of_kind("Deployment") {
        let pod = &deployment["spec"]["template"];
        let caller = pod["metadata"]["labels"]["app"].as_str().unwrap();
        let containers = ["containers", "initContainers"].into_iter().filter_map(|key| pod["spec"][key].as_sequence());
        let variables = containers.flatten().filter_map(|container| container["env"].as_sequence()).flatten();
        for value in variables.filter_map(|variable| variable["value"].as_str()) {
            let target = value.split_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
            // A name without a Service is a part that is not installed.
            if let Some((callee, port)) = target.and_then(|target| services.get(&target)) {
                calls.insert((caller.to_owned(), callee.clone(), *port));
            }
        }
    }
    assert!(calls.len() > 10, "{calls:?}");
    calls
}

/// The edges between tiers of the intent.
fn meant() -> Calls {
    let root = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut diags = Diagnostics::default();
    let project = Project::load(find_root(&[], &root).unwrap(), &mut diags).unwrap();
    let model: Model = project.models(None, &mut diags).pop().unwrap();
    let tier = |end| match end {
        Endpoint::Tier(id) => Some(model[id].name.to_string()),
        _ => None,
    };
    let ours = model.edges.iter().filter(|edge| &*model[edge.app].name == "online-boutique");
    ours.filter_map(|edge| Some((tier(edge.from)?, tier(edge.to)?, u64::from(edge.ports[0].first)))).collect()
}

/// The intent as a table that can be changed, each edge a table of its own.
fn intent() -> toml::Table {
    let text = std::fs::read_to_string(repo().join("intents/online-boutique.toml")).unwrap();
    let mut intent: toml::Table = toml::from_str(&text).unwrap();
    let mut edges = vec![];
    for edge in intent["allow"].as_array().unwrap() {
        let callees = match &edge["to"] {
            toml::Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        for callee in callees {
            let mut edge = edge.as_table().unwrap().clone();
            edge.insert("to".to_owned(), callee);
            edges.push(toml::Value::Table(edge));
        }
    }
    intent.insert("allow".to_owned(), toml::Value::Array(edges));
    intent
}

/// Codes and messages of what is found in an intent, with some manifests.
fn found(intent: &toml::Table, manifests: &str) -> Vec<(String, String)> {
    let folder = Folder::new();
    folder.write("intents/online-boutique.toml", toml::to_string(intent).unwrap());
    folder.write("workloads.yaml", manifests);
    let run = netpolc(folder.dir(), &["check", "--format", "json", "--inventory", "workloads.yaml"]);
    let findings: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let word = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
    findings.as_array().unwrap().iter().map(|finding| (word(finding, "code"), word(finding, "message"))).collect()
}

fn codes(found: &[(String, String)]) -> Vec<&str> {
    found.iter().map(|(code, _)| code.as_str()).collect()
}

#[test]
fn the_example_as_it_is_has_no_finding() {
    let Some(path) = workloads() else { return };
    let path = path.to_str().unwrap();
    // All intents of the repository are loaded; the manifests say nothing of the others.
    for args in [&["check", "--inventory", path][..], &["check", "intents/online-boutique.toml", "--inventory", path]] {
        let run = netpolc(repo(), args);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.starts_with("no findings"), "{}", run.stderr);
        assert!(run.stderr.contains("assumed: objects that name no namespace are in `boutique`"), "{}", run.stderr);
    }
    assert_eq!(found(&intent(), &std::fs::read_to_string(path).unwrap()), []);
}

#[test]
fn every_edge_that_is_left_out_is_found_and_nothing_else() {
    let Some(manifests) = workloads().map(|path| std::fs::read_to_string(path).unwrap()) else { return };
    let whole = intent();
    let edges = whole["allow"].as_array().unwrap();
    assert!(edges.len() > 10);
    for (position, edge) in edges.iter().enumerate() {
        let mut intent = whole.clone();
        intent["allow"].as_array_mut().unwrap().remove(position);
        let found = found(&intent, &manifests);
        let (from, to) = (edge["from"].as_str().unwrap(), edge["to"].as_str().unwrap());
        let (code, start) = match from {
            "anywhere" => ("NP613", format!("Service `{to}-external` leads to `{to}`")),
            _ => ("NP609", format!("`{from}` calls `{to}:")),
        };
        assert_eq!(codes(&found), [code], "{from} -> {to}: {found:?}");
        assert!(found[0].1.starts_with(&start), "{from} -> {to}: {found:?}");
    }
}

#[test]
fn every_label_that_is_wrong_or_left_out_is_found_and_nothing_else() {
    let Some(manifests) = workloads().map(|path| std::fs::read_to_string(path).unwrap()) else { return };
    let whole = intent();
    for name in whole["tiers"].as_table().unwrap().keys() {
        let changed = |pods: &str| {
            let mut intent = whole.clone();
            intent["tiers"][name]["pods"] = toml::from_str::<toml::Table>(pods).unwrap()["pods"].clone();
            found(&intent, &manifests)
        };
        let misspelt = changed(&format!("pods = {{ app = \"{name}-x\" }}"));
        assert_eq!(codes(&misspelt), ["NP601"], "{name}: {misspelt:?}");
        assert_eq!(codes(&changed("pods = {}")), ["NP021"], "{name}");
        // The same in the manifests: the labels of the pods of one Deployment.
        let of_pods = format!("  template:\n    metadata:\n      labels:\n        app: {name}\n");
        assert_eq!(manifests.matches(&of_pods).count(), 1, "{name}");
        for labels in ["        tier: other\n", "        app: something-else\n"] {
            let of_none = format!("  template:\n    metadata:\n      labels:\n{labels}");
            let found = found(&whole, &manifests.replace(&of_pods, &of_none));
            assert_eq!(codes(&found), ["NP601"], "{name}: {found:?}");
        }
    }
}

#[test]
fn every_port_that_is_wrong_or_left_out_is_found_and_nothing_else() {
    let Some(manifests) = workloads().map(|path| std::fs::read_to_string(path).unwrap()) else { return };
    let whole = intent();
    let services = BTreeMap::from([("frontend", 80), ("emailservice", 5000)]);
    for (name, tier) in whole["tiers"].as_table().unwrap() {
        let Some(port) = tier.get("ports").map(|ports| ports[0].as_integer().unwrap()) else { continue };
        let with = |port: i64| {
            let mut intent = whole.clone();
            intent["tiers"][name]["ports"] = vec![port].into();
            found(&intent, &manifests)
        };
        let closed = with(port + 1);
        assert_eq!(codes(&closed), ["NP607"], "{name}: {closed:?}");
        if let Some(of_service) = services.get(name.as_str()) {
            let mistaken = with(*of_service);
            assert_eq!(codes(&mistaken), ["NP606"], "{name}: {mistaken:?}");
        }
        let mut intent = whole.clone();
        intent["tiers"][name].as_table_mut().unwrap().remove("ports");
        let callers = whole["allow"].as_array().unwrap().iter().filter(|edge| edge["to"].as_str() == Some(name));
        let left_out = found(&intent, &manifests);
        assert_eq!(codes(&left_out), vec!["NP041"; callers.count()], "{name}: {left_out:?}");
    }
}
