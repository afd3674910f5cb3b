//! A cluster: what policies select. From manifests, or put together by hand.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_yaml::Value;

pub type Labels = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub struct Cluster {
    /// Labels of each namespace, its own name among them, as the API server sees to it.
    pub namespaces: BTreeMap<String, Labels>,
    pub pods: Vec<Pod>,
}

#[derive(Debug, Default)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub labels: Labels,
    /// Of its namespace.
    pub namespace_labels: Labels,
    /// Name and labels.
    pub service_account: Option<(String, Labels)>,
    /// One of each IP family that it has.
    pub addresses: Vec<IpAddr>,
    /// Name, protocol, number.
    pub ports: Vec<(String, String, u16)>,
}

impl Pod {
    /// The number that one of its ports has under a name.
    pub fn named_port(&self, name: &str, protocol: &str) -> Option<u16> {
        self.ports.iter().find(|(own, of, _)| own == name && of == protocol).map(|(_, _, number)| *number)
    }
}

impl Cluster {
    /// Reads manifests of namespaces, pods and service accounts.
    pub fn parse(text: &str) -> Self {
        let objects = super::objects(text).unwrap();
        let of_kind = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
        let mut cluster = Self::default();
        for namespace in of_kind("Namespace") {
            cluster.namespaces.insert(text_at(&namespace["metadata"]["name"]), labels(&namespace["metadata"]));
        }
        let mut accounts = BTreeMap::new();
        for account in of_kind("ServiceAccount") {
            let metadata = &account["metadata"];
            accounts.insert((text_at(&metadata["namespace"]), text_at(&metadata["name"])), labels(metadata));
        }
        for pod in of_kind("Pod") {
            let (metadata, spec, status) = (&pod["metadata"], &pod["spec"], &pod["status"]);
            let namespace = text_at(&metadata["namespace"]);
            let service_account = spec["serviceAccountName"].as_str().map(|name| {
                let labels = accounts.get(&(namespace.clone(), name.to_owned())).cloned().unwrap_or_default();
                (name.to_owned(), labels)
            });
            let addresses = match status["podIPs"].as_sequence() {
                Some(several) => several.iter().map(|one| text_at(&one["ip"])).collect(),
                None => vec![text_at(&status["podIP"])],
            };
            cluster.pods.push(Pod {
                name: text_at(&metadata["name"]),
                labels: labels(metadata),
                namespace_labels: cluster.namespaces[&namespace].clone(),
                namespace,
                service_account,
                addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
                ports: named_ports(spec),
            });
        }
        cluster
    }
}

fn text_at(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn labels(metadata: &Value) -> Labels {
    let pairs = metadata["labels"].as_mapping().into_iter().flatten();
    pairs.map(|(key, value)| (text_at(key), text_at(value))).collect()
}

fn named_ports(spec: &Value) -> Vec<(String, String, u16)> {
    let containers = spec["containers"].as_sequence().into_iter().flatten();
    let ports = containers.filter_map(|container| container["ports"].as_sequence()).flatten();
    ports
        .filter_map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            let number = port["containerPort"].as_u64().unwrap().try_into().unwrap();
            Some((port["name"].as_str()?.to_owned(), protocol.to_owned(), number))
        })
        .collect()
}
