//! On which ports the pods of a tier or a peer listen, as far as the inventory tells.
//!
//! What containers declare is for people: a container may listen on more. So a port that nobody names is only said to be
//! closed where every one of the pods declares some ports; and what a probe asks or a Service leads to counts as open.

use std::collections::{BTreeMap, BTreeSet};

use super::Running;
use crate::cluster::{Pod, Service, ServicePort};
use crate::model::{EdgeId, Endpoint, PortRange, Protocol};
use crate::source::Span;

/// Ports of some pods.
#[derive(Debug, Clone, Default)]
pub struct Listening {
    open: BTreeSet<(Protocol, u16)>,
    /// Every pod declares some ports.
    declared: bool,
}

impl Listening {
    /// Of no pods.
    pub(super) const NOBODY: Self = Self { open: BTreeSet::new(), declared: false };

    /// Of all pods of an endpoint together.
    pub fn of(running: &Running<'_>, end: Endpoint) -> Self {
        let positions = running.positions_of(end);
        let mut this = Self { open: BTreeSet::new(), declared: !positions.is_empty() };
        for at in positions {
            let Some(pod) = running.pod(*at) else { continue };
            this.declared &= !pod.declared.is_empty();
            this.open.extend(pod.declared.iter().map(|port| (port.protocol, port.number)));
            this.open.extend(pod.probed.iter().map(|port| (Protocol::Tcp, *port)));
            let ports = running.in_front(pod).into_iter().flat_map(|service| &service.ports);
            this.open.extend(ports.filter_map(|port| Some((port.protocol, port.pod_port(pod)?))));
        }
        this
    }

    /// Whether somebody listens on some port of a range.
    pub fn is_open(&self, range: PortRange) -> bool {
        let mut open = self.open.range((range.protocol, range.first)..=(range.protocol, range.last));
        open.next().is_some()
    }

    /// Whether it is known that nobody does.
    pub fn is_closed(&self, range: PortRange) -> bool {
        self.declared && !self.is_open(range)
    }

    /// The open ports, sorted.
    pub fn open(&self) -> impl Iterator<Item = PortRange> {
        self.open.iter().filter_map(|(protocol, port)| PortRange::new(*protocol, *port, *port))
    }
}

/// Why nobody listens on a port.
#[derive(Debug, Clone, Copy)]
pub enum Fault<'a> {
    /// It is the port of a Service in front of the pods, which leads to another one of theirs.
    OfService(&'a Service, u16),
    /// No pod declares it, and all of them declare some.
    Closed,
}

/// What is wrong with a port that an edge opens, as far as it is known.
pub fn fault<'a>(running: &Running<'a>, end: Endpoint, range: PortRange) -> Option<Fault<'a>> {
    let listening = running.listening(end);
    if listening.is_open(range) {
        return None;
    }
    let mistaken = of_service(running, end, range).map(|(service, target)| Fault::OfService(service, target));
    mistaken.or_else(|| listening.is_closed(range).then_some(Fault::Closed))
}

fn of_service<'a>(running: &Running<'a>, end: Endpoint, range: PortRange) -> Option<(&'a Service, u16)> {
    if range.first != range.last {
        return None;
    }
    let is_meant = |port: &&ServicePort| port.port == range.first && port.protocol == range.protocol;
    running.positions_of(end).iter().find_map(|at| {
        let pod = running.pod(*at)?;
        running.in_front(pod).into_iter().find_map(|service| {
            let port = service.ports.iter().find(is_meant)?;
            Some((service, port.pod_port(pod)?))
        })
    })
}

/// Whether a tier gives a name to a port, and its pods give the same name to another one: that is told of the name.
fn is_misnamed(running: &Running<'_>, end: Endpoint, range: PortRange) -> bool {
    let Endpoint::Tier(tier) = end else { return false };
    let is_other = |name: &str, pod: &Pod| {
        let number = pod.named_port(name, range.protocol);
        number.is_some_and(|number| number < range.first || range.last < number)
    };
    let mut names = running.model[tier].port_names.iter().filter(|(_, known)| **known == range);
    names.any(|(name, _)| running.pods_of(end).any(|pod| is_other(name, pod)))
}

/// A port that edges open, and that is none of the pods' at their end.
#[derive(Debug)]
pub struct WrongPort<'a> {
    /// The tier or peer.
    pub end: Endpoint,
    /// The port.
    pub range: PortRange,
    /// Where it is written.
    pub span: Span,
    /// The edges that open it; never empty.
    pub edges: Vec<EdgeId>,
    /// What is known of it.
    pub fault: Fault<'a>,
}

/// Wrong ports of all edges, each once for each place where it is written: an edge without ports of its own takes those of
/// the callee, and they are wrong there.
pub fn wrong_ports<'a>(running: &Running<'a>) -> Vec<WrongPort<'a>> {
    let mut places: BTreeMap<(Span, Endpoint, PortRange), (Vec<EdgeId>, Fault<'a>)> = BTreeMap::new();
    for (id, edge) in running.model.edges() {
        let declared = match edge.to {
            Endpoint::Tier(tier) => running.model[tier].ports_span,
            Endpoint::Peer(peer) => running.model[peer].ports_span,
            Endpoint::External(_) | Endpoint::Builtin(_) => continue,
        };
        let span = if edge.ports_span == edge.to_span { declared } else { edge.ports_span };
        for range in edge.ports.iter() {
            if is_misnamed(running, edge.to, *range) {
                continue;
            }
            let Some(fault) = fault(running, edge.to, *range) else { continue };
            places.entry((span, edge.to, *range)).or_insert((vec![], fault)).0.push(id);
        }
    }
    let list = places.into_iter();
    list.map(|((span, end, range), (edges, fault))| WrongPort { end, range, span, edges, fault }).collect()
}
