//! Small clusters: labels, named ports and addresses that policies can tell apart.

use serde_json::{Map, Value, json};

use crate::support::chance::Chance;

pub const APPS: [&str; 3] = ["web", "api", "db"];
pub const TIERS: [&str; 2] = ["front", "back"];
pub const TEAMS: [&str; 2] = ["red", "blue"];
pub const ENVS: [&str; 2] = ["prod", "test"];
pub const NAMESPACES: [&str; 3] = ["shop", "pay", "lab"];
/// Name, protocol, and the numbers that pods give it.
pub const PORTS: [(&str, &str, [u16; 2]); 4] = [
    ("http", "TCP", [80, 8080]),
    ("metrics", "TCP", [8080, 9090]),
    ("dns", "UDP", [53, 1053]),
    ("sig", "SCTP", [80, 2905]),
];

pub struct Cluster {
    pub manifests: Vec<Value>,
    pub namespaces: Vec<&'static str>,
    /// `namespace/name`.
    pub pods: Vec<String>,
    pub dual_stack: bool,
}

impl Cluster {
    /// Pods are named after the case: the analyzer takes two of one name for the same, in other clusters too.
    pub fn generate(chance: &mut Chance, case: u64) -> Self {
        let dual_stack = chance.percent(30);
        let many = chance.between(2, 3);
        let namespaces = chance.some(&NAMESPACES, many);
        let mut manifests: Vec<Value> = namespaces.iter().map(|name| namespace(chance, name)).collect();
        let mut pods = vec![];
        for n in 0..chance.between(3, 6) {
            let (namespace, name) = (chance.pick(&namespaces), format!("c{case}-p{n}"));
            manifests.push(pod(chance, namespace, &name, n, dual_stack));
            pods.push(format!("{namespace}/{name}"));
        }
        Self { manifests, namespaces, pods, dual_stack }
    }
}

/// With its own name as a label: the analyzer knows only those that are written.
fn namespace(chance: &mut Chance, name: &str) -> Value {
    let mut labels = Map::new();
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
    if chance.percent(70) {
        labels.insert("team".to_owned(), chance.pick(&TEAMS).into());
    }
    if chance.percent(60) {
        labels.insert("env".to_owned(), chance.pick(&ENVS).into());
    }
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
}

fn pod(chance: &mut Chance, namespace: &str, name: &str, n: usize, dual_stack: bool) -> Value {
    let mut labels = Map::new();
    for (key, values, often) in [("app", &APPS as &[&str], 85), ("tier", &TIERS, 60), ("track", &["", "web"], 25)] {
        if chance.percent(often) {
            labels.insert(key.to_owned(), chance.pick(values).into());
        }
    }
    let ports = PORTS.iter().filter(|_| chance.percent(50)).collect::<Vec<_>>();
    let ports: Vec<Value> = ports
        .into_iter()
        .map(|(name, protocol, numbers)| {
            json!({ "name": name, "protocol": protocol, "containerPort": chance.pick(numbers) })
        })
        .collect();
    let (four, six) = (format!("10.1.{n}.5"), format!("fd00::{n}:5"));
    let addresses = if dual_stack { json!([{ "ip": four }, { "ip": six }]) } else { json!([{ "ip": four }]) };
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": labels },
        "spec": { "containers": [{ "name": "c", "image": "c", "ports": ports }] },
        "status": { "podIP": four, "podIPs": addresses },
    })
}
