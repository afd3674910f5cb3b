//! Outside judges: for each dialect an evaluator of its own that shares nothing with netpolc, neither types nor reading.
//!
//! Each takes one flow at a time and goes through the policies as the project documents them, so that it can be read
//! beside the documentation. `tests/verdicts.rs` holds them against what the projects' own engines said; `tests/corpus.rs`
//! lets them judge what netpolc writes. What a judge does not understand it names and refuses.

pub mod calico;
pub mod cilium;
pub mod cluster;
pub mod kubernetes;

use std::net::IpAddr;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use cluster::{Cluster, Labels, Pod};

/// Which half of a flow is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    Egress,
    Ingress,
}

impl Direction {
    pub const BOTH: [Self; 2] = [Self::Egress, Self::Ingress];

    pub fn name(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        }
    }
}

/// One end of a flow.
#[derive(Debug, Clone)]
pub enum End<'a> {
    Pod(&'a Pod),
    /// Outside the cluster.
    Address(IpAddr),
    /// Outside the cluster, and the DNS proxy has seen this name resolve to this address.
    Name(String, IpAddr),
    Entity(Entity),
}

/// What of a cluster is no pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    Host,
    RemoteNode,
    /// On a remote node.
    ApiServer,
}

/// One half of a new connection: the pod that is asked, the other end, and the destination's port.
pub struct Flow<'a> {
    pub cluster: &'a Cluster,
    pub direction: Direction,
    pub subject: &'a Pod,
    pub other: &'a End<'a>,
    /// Of one IP family. What has no address of its own, as an entity, has none.
    pub subject_address: Option<IpAddr>,
    pub other_address: Option<IpAddr>,
    pub protocol: &'a str,
    pub port: u16,
}

impl<'a> Flow<'a> {
    /// The destination, where it is a pod.
    pub fn destination(&self) -> Option<&'a Pod> {
        match (self.direction, self.other) {
            (Direction::Ingress, _) => Some(self.subject),
            (Direction::Egress, End::Pod(pod)) => Some(pod),
            (Direction::Egress, _) => None,
        }
    }
}

/// The policies of one dialect.
pub trait Judge {
    fn permits(&self, flow: &Flow) -> bool;

    /// What a permitted flow may then ask at layer 7: one entry for each rule that permits it, null where the rule says
    /// nothing of layer 7. One of those lifts what the others ask for (GHSA-2h44-x2wx-49f4).
    fn requests(&self, _: &Flow) -> Vec<Value> {
        vec![]
    }
}

/// The judge of a dialect over manifests, or what of them it does not understand.
pub fn judge(dialect: &str, text: &str) -> Result<Box<dyn Judge>, String> {
    Ok(match dialect {
        "kubernetes" => Box::new(kubernetes::Policies::parse(text)?),
        "calico" => Box::new(calico::Policies::parse(text, calico::Staged::Ignored)?),
        "cilium" => Box::new(cilium::Policies::parse(text)?),
        other => return Err(format!("no judge for {other}")),
    })
}

/// The objects of a stream of manifests.
fn objects(text: &str) -> Result<Vec<Value>, String> {
    let mut objects = vec![];
    for document in serde_yaml::Deserializer::from_str(text) {
        match Value::deserialize(document).map_err(|error| error.to_string())? {
            Value::Null => {}
            object => objects.push(object),
        }
    }
    Ok(objects)
}

/// Version and kind of an object.
fn kind(object: &Value) -> (&str, &str) {
    (object["apiVersion"].as_str().unwrap_or_default(), object["kind"].as_str().unwrap_or_default())
}

fn typed<T: DeserializeOwned>(object: &Value) -> Result<T, String> {
    serde_yaml::from_value(object.clone()).map_err(|error| error.to_string())
}

/// What all objects carry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    #[expect(dead_code, reason = "for people; unknown fields are refused")]
    annotations: Labels,
}

/// The label selector of Kubernetes' API machinery, which Cilium uses too.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LabelSelector {
    #[serde(default)]
    match_labels: Labels,
    #[serde(default)]
    match_expressions: Vec<Requirement>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    key: String,
    operator: Operator,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Debug, Deserialize)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl LabelSelector {
    /// Everything listed must hold; `NotIn` holds where the key is missing, too.
    fn selects<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        let listed = |requirement: &Requirement, value: &str| requirement.values.iter().any(|one| one == value);
        self.match_labels.iter().all(|(key, wanted)| value(key) == Some(wanted))
            && self.match_expressions.iter().all(|requirement| {
                let value = value(&requirement.key);
                match requirement.operator {
                    Operator::In => value.is_some_and(|value| listed(requirement, value)),
                    Operator::NotIn => value.is_none_or(|value| !listed(requirement, value)),
                    Operator::Exists => value.is_some(),
                    Operator::DoesNotExist => value.is_none(),
                }
            })
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        let expressions = self.match_expressions.iter().map(|requirement| requirement.key.as_str());
        self.match_labels.keys().map(String::as_str).chain(expressions)
    }
}

/// Whether the first bits of an address are those of a range.
pub fn within(cidr: &str, address: IpAddr) -> bool {
    let (network, bits) = cidr.split_once('/').unwrap_or_else(|| panic!("{cidr} is no range"));
    let bits: u32 = bits.parse().unwrap();
    match (network.parse::<IpAddr>().unwrap(), address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => bits == 0 || (u32::from(a) ^ u32::from(b)) >> (32 - bits) == 0,
        (IpAddr::V6(a), IpAddr::V6(b)) => bits == 0 || (u128::from(a) ^ u128::from(b)) >> (128 - bits) == 0,
        _ => false,
    }
}

/// Refuses what is no range, so that `within` can take every one for granted.
fn check_ranges<'a>(ranges: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    for range in ranges {
        let parts = range
            .split_once('/')
            .and_then(|(network, bits)| Some((network.parse::<IpAddr>().ok()?, bits.parse::<u32>().ok()?)));
        match parts {
            Some((network, bits)) if bits <= if network.is_ipv4() { 32 } else { 128 } => {}
            _ => return Err(format!("{range} is no range")),
        }
    }
    Ok(())
}
