//! NetworkPolicy, as its API documents it (kubernetes/api, networking/v1/types.go).

use std::net::IpAddr;

use serde::Deserialize;
use serde_yaml::Value;

use super::{Direction, End, Flow, Judge, LabelSelector, Metadata, check_ranges, kind, objects, typed, within};

pub struct Policies(Vec<Policy>);

/// One NetworkPolicy. The judges of the other dialects take it too: their engines enforce it beside their own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Policy {
    #[expect(dead_code, reason = "looked at before")]
    api_version: String,
    #[expect(dead_code, reason = "looked at before")]
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    #[serde(default)]
    pod_selector: LabelSelector,
    #[serde(default)]
    policy_types: Vec<Type>,
    #[serde(default)]
    ingress: Vec<Ingress>,
    #[serde(default)]
    egress: Vec<Egress>,
}

#[derive(Deserialize, PartialEq)]
enum Type {
    Ingress,
    Egress,
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
    pod_selector: Option<LabelSelector>,
    namespace_selector: Option<LabelSelector>,
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
    port: Option<Number>,
    end_port: Option<u16>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u16),
    Name(String),
}

impl Policies {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut policies = vec![];
        for object in objects(text)? {
            match Policy::parse(&object)? {
                Some(policy) => policies.push(policy),
                None => return Err(format!("kind {}", kind(&object).1)),
            }
        }
        Ok(Self(policies))
    }
}

impl Judge for Policies {
    fn permits(&self, flow: &Flow) -> bool {
        // A pod that no policy of a direction selects is not isolated in it; one that is may do what any of them allows.
        let about: Vec<&Policy> = self.0.iter().filter(|policy| policy.isolates(flow)).collect();
        about.is_empty() || about.iter().any(|policy| policy.allows(flow))
    }
}

impl Policy {
    /// Reads an object; nothing if it is of another kind.
    pub(super) fn parse(object: &Value) -> Result<Option<Self>, String> {
        if kind(object) != ("networking.k8s.io/v1", "NetworkPolicy") {
            return Ok(None);
        }
        let policy: Self = typed(object)?;
        let peers = policy.spec.ingress.iter().flat_map(|rule| &rule.from);
        for peer in peers.chain(policy.spec.egress.iter().flat_map(|rule| &rule.to)) {
            match peer {
                Peer { ip_block: Some(block), pod_selector: None, namespace_selector: None } => {
                    check_ranges(block.except.iter().chain([&block.cidr]))?;
                }
                Peer { ip_block: Some(_), .. } => return Err("ipBlock does not stand alone".to_owned()),
                Peer { pod_selector: None, namespace_selector: None, .. } => return Err("an empty peer".to_owned()),
                _ => {}
            }
        }
        Ok(Some(policy))
    }

    pub(super) fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(super) fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    /// Whether it isolates the flow's subject in the flow's direction. Types left out, or none: Ingress always, Egress if
    /// there are egress rules (networking/v1/defaults.go).
    pub(super) fn isolates(&self, flow: &Flow) -> bool {
        let in_direction = match (self.spec.policy_types.as_slice(), flow.direction) {
            ([], Direction::Ingress) => true,
            ([], Direction::Egress) => !self.spec.egress.is_empty(),
            (types, Direction::Ingress) => types.contains(&Type::Ingress),
            (types, Direction::Egress) => types.contains(&Type::Egress),
        };
        let labels = &flow.subject.labels;
        in_direction
            && self.metadata.namespace == flow.subject.namespace
            && self.spec.pod_selector.selects(|key| labels.get(key).map(String::as_str))
    }

    pub(super) fn allows(&self, flow: &Flow) -> bool {
        let rules: Vec<(&[Peer], &[Port])> = match flow.direction {
            Direction::Ingress => self.spec.ingress.iter().map(|rule| (&*rule.from, &*rule.ports)).collect(),
            Direction::Egress => self.spec.egress.iter().map(|rule| (&*rule.to, &*rule.ports)).collect(),
        };
        // Peers left out: everybody. Ports left out: every port.
        rules.into_iter().any(|(peers, ports)| {
            (peers.is_empty() || peers.iter().any(|peer| self.holds(peer, flow)))
                && (ports.is_empty() || ports.iter().any(|port| is_on(port, flow)))
        })
    }

    fn holds(&self, peer: &Peer, flow: &Flow) -> bool {
        if let Some(block) = &peer.ip_block {
            let inside = |address: IpAddr| {
                within(&block.cidr, address) && !block.except.iter().any(|cidr| within(cidr, address))
            };
            return flow.other_address.is_some_and(inside);
        }
        let End::Pod(pod) = flow.other else { return false };
        // Namespaces left out: the policy's own. Pods left out: all of them.
        let namespace = match &peer.namespace_selector {
            Some(selector) => selector.selects(|key| pod.namespace_labels.get(key).map(String::as_str)),
            None => pod.namespace == self.metadata.namespace,
        };
        let chosen = |selector: &LabelSelector| selector.selects(|key| pod.labels.get(key).map(String::as_str));
        namespace && peer.pod_selector.as_ref().is_none_or(chosen)
    }
}

fn is_on(port: &Port, flow: &Flow) -> bool {
    let number = match &port.port {
        None => true,
        Some(Number::Number(first)) => (*first..=port.end_port.unwrap_or(*first)).contains(&flow.port),
        Some(Number::Name(name)) => {
            flow.destination().and_then(|pod| pod.named_port(name, flow.protocol)) == Some(flow.port)
        }
    };
    number && port.protocol.as_deref().unwrap_or("TCP") == flow.protocol
}
