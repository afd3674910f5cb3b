//! What netpolc's readers make of policies, evaluated by a few lines: the normal form is meant to be that simple.

use std::net::IpAddr;

use netpolc::dialects::Dialect;
use netpolc::model::{Direction, Labels};
use netpolc::source::Sources;
use netpolc::verify::normal::{Entity, Namespaces, Peer, Policy, Rule, Scope};

use crate::judge::cluster::{Labels as Carried, Pod};
use crate::judge::{self, End, Flow};

pub struct Normal {
    policies: Vec<Policy>,
    /// Address ranges hold what is outside of the cluster alone.
    blocks_are_outside: bool,
}

impl Normal {
    /// Reads manifests as if they were a dialect's output; else the first message of the refusal.
    pub fn read(dialect: &dyn Dialect, text: &str) -> Result<Self, String> {
        let mut sources = Sources::default();
        let file = sources.add(format!("out/{}/allow/policies.yaml", dialect.name()), text.to_owned());
        match dialect.read(&sources, &[file]) {
            Ok(files) => Ok(Self {
                policies: files.into_iter().flat_map(|file| file.policies).collect(),
                blocks_are_outside: dialect.capabilities().entities,
            }),
            Err(errors) => Err(errors.first().expect("a refusal without an error").message.clone()),
        }
    }

    pub fn permits(&self, flow: &Flow) -> bool {
        if self.about(flow).any(|policy| policy.denies.iter().any(|rule| self.holds(rule, flow))) {
            return false;
        }
        // A node may always reach its own pods.
        if matches!((flow.direction, flow.other), (judge::Direction::Ingress, End::Entity(judge::Entity::Host))) {
            return true;
        }
        let isolated = self.about(flow).any(|policy| policy.isolates.contains(&direction(flow)));
        !isolated || self.rules(flow).next().is_some()
    }

    /// Kinds of layer 7 rules that a flow then goes through.
    pub fn kinds(&self, flow: &Flow) -> Vec<&'static str> {
        let kinds = |rule: &Rule| {
            [(!rule.http.is_empty()).then_some("http"), rule.dns_proxy.then_some("dns")].into_iter().flatten()
        };
        self.rules(flow).flat_map(kinds).collect()
    }

    fn about(&self, flow: &Flow) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(|policy| {
            let namespace = &*flow.subject.namespace;
            let in_scope = match &policy.scope {
                Scope::Namespace(name) => **name == *namespace,
                Scope::AllBut(names) => !names.contains(namespace),
            };
            !policy.staged && in_scope && carries(&flow.subject.labels, &policy.subject)
        })
    }

    /// Rules that permit a flow.
    fn rules(&self, flow: &Flow) -> impl Iterator<Item = &Rule> {
        self.about(flow).flat_map(|policy| &policy.rules).filter(|rule| self.holds(rule, flow))
    }

    fn holds(&self, rule: &Rule, flow: &Flow) -> bool {
        rule.direction == direction(flow)
            && rule.ports.iter().any(|ports| {
                ports.protocol.as_str() == flow.protocol && (ports.first..=ports.last).contains(&flow.port)
            })
            && rule.peers.iter().any(|peer| self.is_peer(peer, flow))
    }

    fn is_peer(&self, peer: &Peer, flow: &Flow) -> bool {
        match (peer, flow.other) {
            (Peer::Anyone, _) => true,
            (Peer::Pods { namespaces, labels }, End::Pod(pod)) => {
                is_in(namespaces, pod) && carries(&pod.labels, labels)
            }
            (Peer::Block { .. }, End::Pod(_)) if self.blocks_are_outside => false,
            (Peer::Block { cidr, except }, _) => flow.other_address.is_some_and(|address: IpAddr| {
                cidr.contains(&address) && !except.iter().any(|hole| hole.contains(&address))
            }),
            (Peer::Entity(entity), End::Entity(other)) => match other {
                judge::Entity::Host => *entity == Entity::Host,
                judge::Entity::RemoteNode => *entity == Entity::RemoteNode,
                judge::Entity::ApiServer => [Entity::ApiServer, Entity::RemoteNode].contains(entity),
            },
            (Peer::Name(pattern), End::Name(name, _)) => match pattern.strip_prefix("*.") {
                Some(parent) => name.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => **pattern == **name,
            },
            _ => false,
        }
    }
}

fn direction(flow: &Flow) -> Direction {
    match flow.direction {
        judge::Direction::Egress => Direction::Egress,
        judge::Direction::Ingress => Direction::Ingress,
    }
}

fn is_in(namespaces: &Namespaces, pod: &Pod) -> bool {
    match namespaces {
        Namespaces::Named(name) => **name == *pod.namespace,
        Namespaces::Labelled(labels) => carries(&pod.namespace_labels, labels),
    }
}

fn carries(has: &Carried, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| has.get(&**key).is_some_and(|own| **own == **value))
}
