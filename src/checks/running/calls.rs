//! What pods call, as far as they say so: Services that their variables and arguments name.
//!
//! A text counts only where a Service of that name exists, with that port, and pods stand behind it: everything else is some
//! other word. A pod that is in no tier of its managed namespace may do nothing at all, which is told elsewhere.

use std::collections::BTreeSet;

use petgraph::Direction::{Incoming, Outgoing};

use super::listening::fault;
use super::{Grants, Running, holds, holds_port, near};
use crate::cluster::{Callee, Pod, ServicePort};
use crate::model::{Direction, Edge, Endpoint, Grant, Protocol, Sym, TierId};
use crate::source::Span;

/// A call that some side denies.
#[derive(Debug, Clone)]
pub struct Denied {
    /// Position of the calling pod.
    pub caller: usize,
    /// The namespace of the Service that it calls.
    pub namespace: Sym,
    /// The name of that Service.
    pub service: Sym,
    /// On which port of the Service, or of the pods of one without an address.
    pub port: u16,
    /// The variable that names it; none for an argument.
    pub variable: Option<Sym>,
    /// Where it is named.
    pub span: Span,
    /// Position of a pod behind the Service.
    pub callee: usize,
    /// The port of that pod.
    pub target: (Protocol, u16),
    /// Whether the caller may not send it; else the callee may not receive it.
    pub egress: bool,
    /// The tiers of both.
    pub tiers: Vec<TierId>,
}

/// A port of a Service that a pod names.
struct Call<'a> {
    callee: Callee<'a>,
    /// The port as the caller knows it.
    port: u16,
    /// The port of the Service; `None` where it is the pods' own.
    of_service: Option<&'a ServicePort>,
}

impl<'a> Call<'a> {
    /// A text without a port is clear only where the Service has no other.
    fn of(callee: Callee<'a>) -> Option<Self> {
        let only = || <&[ServicePort; 1]>::try_from(callee.service.ports.as_slice()).ok().map(|[only]| only);
        let of_service = callee.port.or_else(|| callee.number.is_none().then(only).flatten());
        let port = callee.number.or(of_service.map(|port| port.port))?;
        Some(Self { callee, port, of_service })
    }

    /// The port of a pod on which the call arrives.
    fn target(&self, pod: &Pod) -> Option<(Protocol, u16)> {
        let number = match (self.callee.number, self.of_service) {
            (None, Some(port)) => port.pod_port(pod),
            _ => self.callee.pod_port(pod),
        };
        Some((self.callee.protocol(), number?))
    }
}

/// Every call that is denied, once for each group of callers that are alike.
pub(super) fn denied(running: &Running<'_>) -> Vec<Denied> {
    let grants = running.grants();
    let mut seen = BTreeSet::new();
    let mut found = vec![];
    for (caller, pod) in running.pods().filter(|(at, pod)| is_told_nowhere(running, *at, pod)) {
        for call in running.index.callees(pod).into_iter().filter_map(Call::of) {
            let service = call.callee.service;
            let named = (&service.namespace, &service.name, call.port);
            let alike = (pod.made_by(), running.tiers_of(caller).to_vec(), named);
            // Replicas are alike: one of them is judged.
            if seen.insert(alike) {
                found.extend(judge(running, &grants, (caller, pod), &call));
            }
        }
    }
    found
}

/// Whether a pod is in some tier, or free to do anything.
fn is_told_nowhere(running: &Running<'_>, at: usize, pod: &Pod) -> bool {
    is_free(running, pod) || !running.tiers_of(at).is_empty()
}

/// Whether no policy governs a pod.
fn is_free(running: &Running<'_>, pod: &Pod) -> bool {
    pod.host_network || !running.model.is_managed(&pod.namespace)
}

fn judge(running: &Running<'_>, grants: &Grants<'_>, (caller, pod): (usize, &Pod), call: &Call<'_>) -> Option<Denied> {
    let mut seen = BTreeSet::new();
    for (callee, other) in running.behind(call.callee.service) {
        let same = pod.made_by() == other.made_by();
        let is_new = seen.insert((other.made_by(), running.tiers_of(callee)));
        if same || !is_new || !is_told_nowhere(running, callee, other) {
            continue;
        }
        let Some(target) = call.target(other) else { continue };
        let allows = |grant: &&Grant, end: &Pod| {
            holds_port(&grant.ports, target.0, target.1) && holds(running, &grant.peer, end)
        };
        let sends = is_free(running, pod) || grants.of(pod, Direction::Egress).iter().any(|grant| allows(grant, other));
        let receives =
            is_free(running, other) || grants.of(other, Direction::Ingress).iter().any(|grant| allows(grant, pod));
        if (sends && receives) || has_mistaken_edge(running, (caller, pod), (callee, other)) {
            continue;
        }
        let Callee { service, mention, .. } = call.callee;
        return Some(Denied {
            caller,
            namespace: service.namespace.clone(),
            service: service.name.clone(),
            port: call.port,
            variable: mention.variable.clone(),
            span: mention.span,
            callee,
            target,
            egress: !sends,
            tiers: running.tiers_of(caller).iter().chain(running.tiers_of(callee)).copied().collect(),
        });
    }
    None
}

/// Whether some edge was meant for two pods and is mistaken in what another rule tells: its port is none of the callee's, or
/// its other end is a peer that matches nothing.
fn has_mistaken_edge(running: &Running<'_>, caller: (usize, &Pod), callee: (usize, &Pod)) -> bool {
    let is_wrong = |edge: &Edge| edge.ports.iter().any(|range| fault(running, edge.to, *range).is_some());
    let is_for = |end: Endpoint, (at, pod): (usize, &Pod)| match end {
        Endpoint::Tier(tier) => running.tiers_of(at).contains(&tier),
        Endpoint::Peer(peer) => running.is_in(pod, &running.model[peer].pods),
        Endpoint::External(_) | Endpoint::Builtin(_) => false,
    };
    let was_for = |end: Endpoint, (_, pod): (usize, &Pod)| match end {
        Endpoint::Peer(peer) => near::was_meant(running, peer, pod),
        Endpoint::Tier(_) | Endpoint::External(_) | Endpoint::Builtin(_) => false,
    };
    let sent = edges_of(running, caller.0, Outgoing).map(|edge| (edge, edge.to, callee));
    let received = edges_of(running, callee.0, Incoming).map(|edge| (edge, edge.from, caller));
    sent.chain(received).any(|(edge, end, other)| (is_for(end, other) && is_wrong(edge)) || was_for(end, other))
}

/// The edges of a pod's tiers that lead from them, or to them.
fn edges_of<'a>(running: &Running<'a>, at: usize, direction: petgraph::Direction) -> impl Iterator<Item = &'a Edge> {
    let (model, graph) = (running.model, &running.model.graph);
    let nodes: Vec<_> = running.tiers_of(at).iter().filter_map(|tier| graph.index(Endpoint::Tier(*tier))).collect();
    let edges = nodes.into_iter().flat_map(move |node| graph.graph.edges_directed(node, direction));
    edges.map(move |edge| &model[*edge.weight()])
}
