//! Small clusters, and the words of which labels, ports and addresses are made: few, so that policies meet them.

use serde_json::{Map, Value, json};

use crate::support::chance::Chance;

/// A label's key and values.
pub type Label = (&'static str, &'static [&'static str]);

pub const NAMESPACES: [&str; 4] = ["shop", "pay", "ops", "lab"];
/// The last one is left out of Cilium's identities.
pub const POD_LABELS: [Label; 7] = [
    ("app", &["web", "api", "db", "cache"]),
    ("tier", &["front", "back"]),
    ("ver", &["v1", "v2", ""]),
    ("canary", &["true"]),
    ("app.kubernetes.io/name", &["web", "api"]),
    ("topology.kubernetes.io/zone", &["a", "b"]),
    ("pod-template-hash", &["5d4f8c7b9", "7b9d5d4f8"]),
];
pub const NAMESPACE_LABELS: [Label; 4] = [
    ("team", &["red", "blue"]),
    ("env", &["prod", "dev"]),
    ("pci", &["true", ""]),
    ("kubernetes.io/metadata.name", &NAMESPACES),
];
pub const ACCOUNTS: [&str; 3] = ["sa-a", "sa-b", "default"];
/// Name, protocol, and the numbers that pods give it.
const PORTS: [(&str, &str, &[u16]); 6] = [
    ("http", "TCP", &[80, 8080]),
    ("metrics", "TCP", &[9091]),
    ("dns", "UDP", &[53]),
    ("dns", "TCP", &[53]),
    ("sig", "SCTP", &[2905, 80]),
    ("web", "UDP", &[8080]),
];
/// Outside of the cluster.
pub const OUTSIDE: [&str; 7] =
    ["192.0.2.33", "198.51.100.7", "203.0.113.200", "172.16.4.4", "8.8.8.8", "2001:db8::1", "2001:db8:a:1::5"];

pub struct Cluster {
    pub manifests: Vec<Value>,
    pub namespaces: Vec<&'static str>,
}

impl Cluster {
    pub fn generate(chance: &mut Chance) -> Self {
        let many = chance.between(2, 3);
        let namespaces = chance.some(&NAMESPACES, many);
        let mut manifests: Vec<Value> = namespaces.iter().map(|name| namespace(chance, name)).collect();
        for name in &namespaces {
            for account in ["sa-a", "sa-b"] {
                let labels = if chance.percent(60) { json!({ "duty": chance.pick(&["a", "b"]) }) } else { json!({}) };
                let metadata = json!({ "name": account, "namespace": name, "labels": labels });
                manifests.push(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }));
            }
        }
        let dual = chance.percent(35);
        for n in 0..chance.between(3, 5) {
            let namespace = chance.pick(&namespaces);
            manifests.push(pod(chance, namespace, n, dual));
        }
        Self { manifests, namespaces }
    }
}

fn namespace(chance: &mut Chance, name: &str) -> Value {
    let mut labels = some_labels(chance, &NAMESPACE_LABELS[..3], 55);
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
}

fn some_labels(chance: &mut Chance, labels: &[Label], often: usize) -> Map<String, Value> {
    let mut some = Map::new();
    for (key, values) in labels {
        if chance.percent(often) {
            some.insert((*key).to_owned(), chance.pick(values).into());
        }
    }
    some
}

fn pod(chance: &mut Chance, namespace: &str, n: usize, dual: bool) -> Value {
    let labels = some_labels(chance, &POD_LABELS, 50);
    let mut ports = vec![];
    for (name, protocol, numbers) in PORTS {
        if chance.percent(35) {
            ports.push(json!({ "name": name, "protocol": protocol, "containerPort": chance.pick(numbers) }));
        }
    }
    // One port has one name in a container, so each has its own.
    let containers: Vec<Value> = ports
        .into_iter()
        .enumerate()
        .map(|(n, port)| json!({ "name": format!("c{n}"), "image": "c", "ports": [port] }))
        .collect();
    let mut spec = json!({ "containers": containers });
    spec["serviceAccountName"] = chance.pick(&ACCOUNTS).into();
    let (four, six) = (format!("10.1.{n}.5"), format!("fd00::{n}:5"));
    let addresses: Vec<&str> = match dual {
        true => match chance.below(4) {
            0 => vec![&four],
            1 => vec![&six],
            _ => vec![&four, &six],
        },
        false => vec![&four],
    };
    let all: Vec<Value> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": format!("p{n}"), "namespace": namespace, "labels": labels },
        "spec": spec,
        "status": { "podIP": addresses[0], "podIPs": all },
    })
}
