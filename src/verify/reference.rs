//! The semantics once more, naive and on its own: one pod, one other end, one port at a time. Judges `relation`.

use std::net::IpAddr;

use super::normal::{Entity, Namespaces, Peer};
use super::sum::Policy;
use crate::model::{Direction, HttpRule, Labels, Protocol, Sym};

/// What may stand at the other end.
#[derive(Debug, Clone)]
pub enum End {
    /// A pod: the labels of its namespace (its name among them) and its own.
    Pod(Labels, Labels),
    /// An address outside of all pods.
    Address(IpAddr),
    /// Something of the cluster that is no pod.
    Entity(Entity),
    /// A destination by its name.
    Name(Sym),
    /// Anything else.
    Elsewhere,
}

fn has_all(asked: &Labels, carried: &Labels) -> bool {
    asked.iter().all(|wanted| carried.iter().any(|label| label == wanted))
}

fn is_match(peer: &Peer, end: &End) -> bool {
    match (peer, end) {
        (Peer::Anyone, _) => true,
        (Peer::Pods { namespaces, labels }, End::Pod(namespace, pod)) => {
            let of_namespace = match namespaces {
                Namespaces::Named(name) => namespace.get("kubernetes.io/metadata.name") == Some(name),
                Namespaces::Labelled(asked) => has_all(asked, namespace),
            };
            of_namespace && has_all(labels, pod)
        }
        (Peer::Block { cidr, except }, End::Address(address)) => {
            cidr.contains(address) && except.iter().all(|hole| !hole.contains(address))
        }
        (Peer::Entity(entity), End::Entity(at)) => entity == at,
        (Peer::Name(name), End::Name(at)) => name == at,
        _ => false,
    }
}

/// Whether some policy isolates a pod.
pub fn isolated(policies: &[Policy], pod: &Labels, direction: Direction) -> bool {
    policies.iter().any(|policy| policy.isolates.contains(&direction) && has_all(&policy.subject, pod))
}

/// One flow: the other end, the port, and a request that fits this HTTP rule and no other, or no request at all.
pub type Flow<'a> = (&'a End, Protocol, u16, Option<&'a HttpRule>);

/// Whether a pod may send to, or receive from, the other end.
pub fn may(policies: &[Policy], pod: &Labels, direction: Direction, (end, protocol, port, request): Flow<'_>) -> bool {
    !isolated(policies, pod, direction)
        || policies.iter().filter(|policy| has_all(&policy.subject, pod)).flat_map(|policy| &policy.rules).any(|rule| {
            rule.direction == direction
                && rule.peers.iter().any(|peer| is_match(peer, end))
                && (rule.http.is_empty() || request.is_some_and(|request| rule.http.contains(request)))
                && rule.ports.iter().any(|p| p.protocol == protocol && p.first <= port && port <= p.last)
        })
}
