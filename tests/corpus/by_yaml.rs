//! The second judge: NetworkPolicy as its API documentation describes it, over the YAML of `out/`.
//!
//! It shares nothing with netpolc, neither types nor reading: serde and the standard library only.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use serde::Deserialize;

use super::table::{End, Line};
use crate::support::tree;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is not judged must still be readable: unknown fields are refused")]
struct Metadata {
    name: String,
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    pod_selector: Selector,
    policy_types: Vec<String>,
    #[serde(default)]
    ingress: Vec<Ingress>,
    #[serde(default)]
    egress: Vec<Egress>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selector {
    #[serde(default)]
    match_labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ingress {
    #[serde(default)]
    from: Vec<Peer>,
    #[serde(default)]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Egress {
    #[serde(default)]
    to: Vec<Peer>,
    #[serde(default)]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Peer {
    pod_selector: Option<Selector>,
    namespace_selector: Option<Selector>,
    ip_block: Option<IpBlock>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IpBlock {
    cidr: String,
    #[serde(default)]
    except: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Port {
    protocol: Option<String>,
    port: Option<u16>,
    end_port: Option<u16>,
}

/// Every policy below a folder.
pub fn load(dir: &Path) -> Vec<Policy> {
    let mut policies = vec![];
    for (path, bytes) in tree(dir) {
        if path.file_name().unwrap() == "kustomization.yaml" {
            continue;
        }
        for document in serde_yaml::Deserializer::from_slice(&bytes) {
            let policy = Policy::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!((policy.api_version.as_str(), policy.kind.as_str()), ("networking.k8s.io/v1", "NetworkPolicy"));
            policies.push(policy);
        }
    }
    policies
}

/// A connection needs the source's egress and the destination's ingress.
pub fn allows(policies: &[Policy], line: &Line) -> bool {
    side(policies, line, "Egress", &line.from, &line.to) && side(policies, line, "Ingress", &line.to, &line.from)
}

/// A pod that no policy of a direction selects is not isolated in it; one that is may do what any of them allows.
fn side(policies: &[Policy], line: &Line, direction: &str, subject: &End, other: &End) -> bool {
    let End::Pod(pod) = subject else { return true };
    let mut about = policies
        .iter()
        .filter(|policy| {
            policy.metadata.namespace == pod.namespace
                && policy.spec.policy_types.iter().any(|kind| kind == direction)
                && selects(&policy.spec.pod_selector, &pod.labels)
        })
        .peekable();
    if about.peek().is_none() {
        return true;
    }
    about.any(|policy| {
        let rules: Vec<(&[Peer], &[Port])> = match direction {
            "Ingress" => policy.spec.ingress.iter().map(|rule| (&*rule.from, &*rule.ports)).collect(),
            _ => policy.spec.egress.iter().map(|rule| (&*rule.to, &*rule.ports)).collect(),
        };
        // Peers left out: everybody. Ports left out: every port.
        rules.into_iter().any(|(peers, ports)| {
            (peers.is_empty() || peers.iter().any(|peer| matches(peer, &policy.metadata.namespace, other)))
                && (ports.is_empty() || ports.iter().any(|port| is_on(port, line)))
        })
    })
}

fn matches(peer: &Peer, own: &str, other: &End) -> bool {
    if let Some(block) = &peer.ip_block {
        assert!(peer.pod_selector.is_none() && peer.namespace_selector.is_none(), "ipBlock stands alone");
        let address = match other {
            End::Address(address) => *address,
            // A pod has an address too: some private one.
            End::Pod(_) => IpAddr::from([10, 244, 7, 7]),
            End::Node => return false,
        };
        return within(&block.cidr, address) && !block.except.iter().any(|cidr| within(cidr, address));
    }
    let End::Pod(pod) = other else { return false };
    // Namespaces left out: the policy's own. Pods left out: all of them.
    let namespace = match &peer.namespace_selector {
        Some(selector) => selects(selector, &pod.namespace_labels),
        None => {
            assert!(peer.pod_selector.is_some(), "an empty peer is invalid");
            pod.namespace == own
        }
    };
    namespace && peer.pod_selector.as_ref().is_none_or(|selector| selects(selector, &pod.labels))
}

fn selects(selector: &Selector, labels: &BTreeMap<String, String>) -> bool {
    selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn is_on(port: &Port, line: &Line) -> bool {
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    let numbers = match (port.port, port.end_port) {
        (None, None) => 0..=u16::MAX,
        (Some(first), last) => first..=last.unwrap_or(first),
        (None, Some(_)) => panic!("endPort without port"),
    };
    protocol == line.protocol && numbers.contains(&line.port)
}

/// Whether the first bits of an address are those of a range.
fn within(cidr: &str, address: IpAddr) -> bool {
    let (network, bits) = cidr.split_once('/').unwrap();
    let bits: u32 = bits.parse().unwrap();
    match (network.parse::<IpAddr>().unwrap(), address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => bits == 0 || (u32::from(a) ^ u32::from(b)) >> (32 - bits) == 0,
        (IpAddr::V6(a), IpAddr::V6(b)) => bits == 0 || (u128::from(a) ^ u128::from(b)) >> (128 - bits) == 0,
        _ => false,
    }
}
