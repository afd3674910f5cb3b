//! One case: a cluster, its policies, and every flow that is asked about.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::words::Words;
use super::{calico, kubernetes};
use crate::support::chance::Chance;

pub const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Kubernetes,
    Calico,
}

impl Dialect {
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Calico => "calico",
        }
    }
}

/// What is asked of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Egress,
    Ingress,
    Allowed,
}

impl Side {
    pub const ALL: [Self; 3] = [Self::Egress, Self::Ingress, Self::Allowed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
            Self::Allowed => "allowed",
        }
    }
}

pub struct Case {
    pub number: u64,
    pub dialect: Dialect,
    pub cluster: Vec<Value>,
    pub policies: Vec<Value>,
    pub pods: Vec<String>,
    /// Outside of the cluster, ascending: the first of every range that a policy names and what follows its last; in every
    /// eighth case also the last and what comes before the first.
    pub addresses: Vec<IpAddr>,
    /// Where what is said of addresses may change.
    pub address_cuts: BTreeSet<IpAddr>,
    /// The same of every range that a policy or a pod names.
    pub ports: Vec<u16>,
    /// Where what is said of ports may change.
    pub port_cuts: BTreeSet<u16>,
}

impl Case {
    pub fn generate(dialect: Dialect, number: u64) -> Self {
        let mut chance = Chance::new(number);
        let cluster = Cluster::generate(&mut chance, number);
        let words = Words::generate(&mut chance, cluster.dual_stack);
        let policies = match dialect {
            Dialect::Kubernetes => kubernetes::policies(&mut chance, &cluster, &words),
            Dialect::Calico => calico::policies(&mut chance, &cluster, &words),
        };
        let (manifests, dual_stack) = (cluster.manifests, cluster.dual_stack);
        Self::of(dialect, number, (manifests, cluster.pods, dual_stack), policies, number.is_multiple_of(8))
    }

    pub fn of(
        dialect: Dialect,
        number: u64,
        (cluster, pods, dual_stack): (Vec<Value>, Vec<String>, bool),
        policies: Vec<Value>,
        neighbours: bool,
    ) -> Self {
        let (ranges, terms) = said(cluster.iter().chain(&policies));
        let mut addresses: BTreeSet<IpAddr> = [IpAddr::V4(Ipv4Addr::new(100, 64, 0, 9))].into();
        let mut address_cuts: BTreeSet<IpAddr> =
            [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)].into();
        for range in ranges.iter().filter(|range| range.prefix_len() > 0) {
            let (first, last) = (range.network(), range.broadcast());
            let cuts: Vec<IpAddr> = [Some(first), next(last)].into_iter().flatten().collect();
            addresses.extend(&cuts);
            address_cuts.extend(cuts);
            if neighbours {
                addresses.extend([Some(last), previous(first)].into_iter().flatten());
            }
        }
        addresses.retain(|address| dual_stack || address.is_ipv4());
        let (mut ports, mut port_cuts) = (BTreeSet::from([33_333]), BTreeSet::from([1]));
        for (first, last) in terms {
            let cuts = [first, last.saturating_add(1)];
            ports.extend(cuts);
            port_cuts.extend(cuts);
            if neighbours {
                ports.extend([first - 1, last]);
            }
        }
        ports.remove(&0);
        Self {
            number,
            dialect,
            cluster,
            policies,
            pods,
            addresses: addresses.into_iter().collect(),
            address_cuts,
            ports: ports.into_iter().collect(),
            port_cuts,
        }
    }

    /// `ns/pod`, and `ip:ADDRESS` after them.
    pub fn ends(&self) -> Vec<String> {
        let addresses = self.addresses.iter().map(|address| format!("ip:{address}"));
        self.pods.iter().cloned().chain(addresses).collect()
    }

    /// Whether a flow between two of the ends can be: from a pod or to one, and not to itself.
    pub fn is_flow(&self, from: usize, to: usize) -> bool {
        from != to && from.min(to) < self.pods.len()
    }

    pub fn probes(&self) -> Vec<(&'static str, u16)> {
        PROTOCOLS.into_iter().flat_map(|protocol| self.ports.iter().map(move |port| (protocol, *port))).collect()
    }

    /// What of the policies is about one side of a flow.
    pub fn side(&self, side: Side) -> Vec<Value> {
        self.policies.iter().filter_map(|policy| one_side(policy, side)).collect()
    }
}

/// A policy without its rules of the other direction; nothing if it is about that direction alone.
fn one_side(policy: &Value, side: Side) -> Option<Value> {
    let (keep, drop, kind) = match side {
        Side::Allowed => return Some(policy.clone()),
        Side::Egress => ("egress", "ingress", "Egress"),
        Side::Ingress => ("ingress", "egress", "Ingress"),
    };
    let mut policy = policy.clone();
    if !policy["kind"].as_str().unwrap().ends_with("Policy") {
        return Some(policy);
    }
    let types = if policy["apiVersion"] == "networking.k8s.io/v1" { "policyTypes" } else { "types" };
    let spec = policy["spec"].as_object_mut().unwrap();
    let about = match spec.get(types).and_then(Value::as_array) {
        Some(types) => types.contains(&kind.into()),
        None => match (kind, types) {
            ("Ingress", "policyTypes") => true,
            ("Ingress", _) => spec.contains_key(keep) || !spec.contains_key(drop),
            _ => spec.contains_key(keep),
        },
    };
    spec.remove(drop);
    spec.insert(types.to_owned(), json!([kind]));
    about.then_some(policy)
}

/// Every address range and every range of ports in manifests.
fn said<'a>(manifests: impl Iterator<Item = &'a Value>) -> (Vec<IpNet>, Vec<(u16, u16)>) {
    fn walk(value: &Value, ranges: &mut Vec<IpNet>, terms: &mut Vec<(u16, u16)>) {
        match value {
            Value::String(text) => {
                ranges.extend(text.parse::<IpNet>());
                let ends = text.split_once(':').map(|(first, last)| (first.parse(), last.parse()));
                if let Some((Ok(first), Ok(last))) = ends {
                    terms.push((first, last));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, ranges, terms)),
            Value::Object(fields) => {
                let number = |value: &Value| value.as_u64().map(|number| u16::try_from(number).unwrap());
                let lists = ["ports", "notPorts"].into_iter().filter_map(|key| fields.get(key)?.as_array());
                terms.extend(lists.flatten().filter_map(number).map(|port| (port, port)));
                if let Some(port) = fields.get("port").or(fields.get("containerPort")).and_then(number) {
                    terms.push((port, fields.get("endPort").and_then(number).unwrap_or(port)));
                }
                fields.values().for_each(|value| walk(value, ranges, terms));
            }
            _ => {}
        }
    }
    let (mut ranges, mut terms) = (vec![], vec![]);
    manifests.for_each(|manifest| walk(manifest, &mut ranges, &mut terms));
    (ranges, terms)
}

fn next(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits().checked_add(1)?).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits().checked_add(1)?).into(),
    })
}

fn previous(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits().checked_sub(1)?).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits().checked_sub(1)?).into(),
    })
}

/// A stream of manifests.
pub fn yaml(manifests: &[Value]) -> String {
    manifests.iter().map(|manifest| format!("---\n{}", serde_yaml::to_string(manifest).unwrap())).collect()
}
