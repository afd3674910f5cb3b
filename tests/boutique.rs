//! The intent of Online Boutique against the application's own manifests: the callees that its environment variables name,
//! on the ports that the callees' pods listen on.
//!
//! The manifests are too large for the repository: `NETPOLC_TEST_DATA` names the folder that holds
//! `online-boutique/workloads.yaml`, as the application publishes it. Without it the test says that it is skipped.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use camino::Utf8PathBuf;
use netpolc::diag::Diagnostics;
use netpolc::model::{Endpoint, Model};
use netpolc::pipeline::Project;
use netpolc::source::find_root;
use serde::Deserialize;
use serde_yaml::Value;

/// Caller, callee, pod port.
type Calls = BTreeSet<(String, String, u64)>;

#[test]
fn edges_are_what_the_manifests_say() {
    let Some(data) = std::env::var_os("NETPOLC_TEST_DATA") else {
        eprintln!("skipped: NETPOLC_TEST_DATA does not name the folder of the manifests");
        return;
    };
    let text = std::fs::read_to_string(Path::new(&data).join("online-boutique/workloads.yaml")).unwrap();
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
