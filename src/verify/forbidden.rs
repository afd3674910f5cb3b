//! Guardrails on the rendered result: what no policy may let through, whatever the flow graph says.
//!
//! The intents were held against their forbids before ([`crate::model`]). Here the policies are, as they were read back: each of
//! their rules is a permit of its own, and the same search follows them, one hop far or along chains. Where policies do
//! not add up there are no permits to follow; there the proof that they are what the intents mean carries the guardrails.

use super::expected;
use super::normal::{Capabilities, Entity, Namespaces, Peer, Ports, Rule};
use super::ports::PortSet;
use super::sum::{Policy, Sums};
use crate::diag::Diagnostic;
use crate::model::{self, Cidrs, Direction, DnsPeer, Model, NamespaceSet, Permit, PodSet, PortRange, Reach, Subject};

/// The forbids that policies violate.
pub(super) fn violated(model: &Model, can: Capabilities, sums: &Sums) -> Vec<Diagnostic> {
    if model.forbids.is_empty() || sums.everywhere {
        return vec![];
    }
    let follow = Follow::new(model, can);
    let adds_up = |policy: &&Policy| policy.namespace().is_some_and(|name| !sums.ordered.contains(name));
    let named = |policy: &Policy| policy.name.clone();
    model::violations(
        model,
        sums.policies.iter().filter(adds_up).flat_map(|policy| follow.permits(policy, named)).collect(),
    )
}

/// What makes permits of policies.
#[derive(Debug)]
pub(super) struct Follow<'m> {
    model: &'m Model,
    dns: Dns,
}

impl<'m> Follow<'m> {
    pub(super) fn new(model: &'m Model, can: Capabilities) -> Self {
        Self { model, dns: Dns::of(model, can) }
    }

    /// What the rules of a policy permit, if it is one of a namespace. `name`: how messages call it.
    pub(super) fn permits(&self, policy: &Policy, name: impl Fn(&Policy) -> String) -> Vec<Permit> {
        let Some(namespace) = policy.namespace() else { return vec![] };
        let permit = |rule| {
            let subject = Subject { namespace: namespace.clone(), labels: policy.subject.clone() };
            permit(self.model, &self.dns, name(policy), subject, rule)
        };
        policy.rules.iter().filter_map(permit).collect()
    }
}

/// The cluster's DNS, which carries no chain on.
#[derive(Debug)]
struct Dns {
    peers: Vec<Peer>,
    ports: PortSet,
    /// It answers at an address of the node, which some targets know as the node.
    is_node: bool,
}

impl Dns {
    fn of(model: &Model, can: Capabilities) -> Self {
        let dns = &model.profile.dns;
        Self {
            peers: dns.peers.iter().flat_map(|peer| expected::dns(can, peer)).collect(),
            ports: PortSet::new(dns.ports.iter().copied().map(expected::as_ports)),
            is_node: dns.peers.iter().any(|peer| matches!(peer, DnsPeer::Address(_))),
        }
    }

    fn holds(&self, rule: &Rule) -> bool {
        rule.direction == Direction::Egress
            && rule.peers.iter().all(|peer| self.peers.contains(peer))
            && PortSet::new(rule.ports.iter().copied()).minus(&self.ports).is_empty()
    }
}

fn permit(model: &Model, dns: &Dns, name: String, subject: Subject, rule: &Rule) -> Option<Permit> {
    let is_dns = dns.holds(rule);
    let reach: Vec<Reach> = rule
        .peers
        .iter()
        .filter(|peer| !(is_dns && dns.is_node && matches!(peer, Peer::Entity(Entity::Host))))
        .filter_map(reach)
        .collect();
    let ports: Vec<PortRange> = rule.ports.iter().filter_map(as_range).collect();
    let everyone = |reach: &Reach| matches!(reach, Reach::Pods(PodSet { namespaces: NamespaceSet::All, labels }) if labels.is_empty());
    let carries = !is_dns && reach.iter().all(|one| matches!(one, Reach::Pods(_)) && !everyone(one));
    let who = (subject, rule.direction);
    (!reach.is_empty()).then(|| Permit::new(model, who, &reach, ports, carries, (name, rule.span)))
}

fn reach(peer: &Peer) -> Option<Reach> {
    Some(match peer {
        Peer::Anyone => Reach::Anyone,
        Peer::Pods { namespaces, labels } => {
            let namespaces = match namespaces {
                Namespaces::Named(name) => NamespaceSet::Names(vec![name.clone()]),
                Namespaces::Labelled(labels) if labels.is_empty() => NamespaceSet::All,
                Namespaces::Labelled(labels) => NamespaceSet::Labels(labels.clone()),
            };
            Reach::Pods(PodSet { namespaces, labels: labels.clone() })
        }
        Peer::Block { cidr, except } => Reach::Addresses(Cidrs::new([*cidr]).minus(except)),
        Peer::Name(name) => Reach::Host(name.clone()),
        Peer::Entity(Entity::Host | Entity::RemoteNode) => Reach::Nodes,
        Peer::Entity(Entity::ApiServer) => Reach::ApiServer,
        // No forbid can name these.
        Peer::Entity(Entity::Ingress | Entity::Health | Entity::Init | Entity::Unmanaged) | Peer::Selected(_) => {
            return None;
        }
    })
}

fn as_range(ports: &Ports) -> Option<PortRange> {
    PortRange::new(ports.protocol, ports.first, ports.last)
}
