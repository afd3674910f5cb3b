//! What the analyzer understands otherwise than the targets do, or not at all: one example each, of which the generated
//! cases have none (`differs.rs`, `refused.rs`). Each is held against the analyzer, so that none is left out for nothing.

use serde::Deserialize;
use serde_json::{Value, json};

use super::case::{Case, Dialect, Side};

/// A flow of which the analyzer says otherwise.
pub struct Differs {
    pub why: &'static str,
    pub dialect: Dialect,
    pub policies: &'static str,
    pub side: Side,
    /// Source, destination and probe.
    pub flow: (&'static str, &'static str, &'static str, u16),
    /// What is right.
    pub allowed: bool,
    /// netpolc may leave it open: network plugins differ, or its normal form cannot say it.
    pub left_open: bool,
}

/// Policies that are valid, and where the analyzer stops.
pub struct Refused {
    pub why: &'static str,
    pub policies: &'static str,
    pub message: &'static str,
}

/// Two namespaces, of one team each, and three pods.
pub fn cluster() -> (Vec<Value>, Vec<String>, bool) {
    let namespace = |name: &str, team: &str| {
        let labels = json!({ "kubernetes.io/metadata.name": name, "team": team });
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
    };
    let pod = |namespace: &str, app: &str, address: &str| {
        let port = |name: &str, protocol: &str, number: u16| json!({ "name": name, "protocol": protocol, "containerPort": number });
        let ports = [port("web", "TCP", 80), port("http", "TCP", 8080)];
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": app, "namespace": namespace, "labels": { "app": app } },
            "spec": { "containers": [{ "name": "c", "image": "c", "ports": ports }] },
            "status": { "podIP": address },
        })
    };
    let pods = [("shop", "web", "10.1.0.5"), ("shop", "api", "10.1.1.5"), ("pay", "db", "10.1.2.5")];
    let mut manifests = vec![namespace("shop", "red"), namespace("pay", "blue")];
    manifests.extend(pods.map(|(namespace, app, address)| pod(namespace, app, address)));
    (manifests, pods.map(|(namespace, app, _)| format!("{namespace}/{app}")).into(), false)
}

pub fn case(number: usize, differs: &Differs) -> Case {
    Case::of(differs.dialect, u64::try_from(number).unwrap(), cluster(), objects(differs.policies), true)
}

pub fn objects(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text).map(|one| Value::deserialize(one).unwrap()).collect()
}
