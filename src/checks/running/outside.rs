//! What leads from outside of the cluster to pods of tiers that let nobody from outside in.
//!
//! 1. Through a load balancer or a port of each node, a pod sees a node's address or the client's
//!    (core/v1/types.go, `ServiceExternalTrafficPolicy`): an edge from `anywhere`, `internet` or `nodes` lets it in.
//! 2. Through an Ingress or a Gateway route it sees the controller's pods, or the load balancer of a cloud. Which pods those
//!    are is not written in the route: so any edge from a peer, from a tier of another namespace, or from one that is reached from
//!    outside itself, is taken for theirs.

use super::listening::fault;
use super::{Grants, Running, holds_port};
use crate::cluster::{Pod, Service, ServiceKind, ServicePort, TargetPort};
use crate::model::{Direction, Endpoint, Grant, Origin, PeerSet, PortRange, Protocol, Sym, TierId};
use crate::source::Span;

/// A way in that ends at a default deny.
#[derive(Debug, Clone)]
pub struct Outside {
    /// The tier that it leads to.
    pub tier: TierId,
    /// The kind of what leads there: `Service`, `Ingress`, …
    pub kind: &'static str,
    /// Its name.
    pub name: Sym,
    /// The port of the pods.
    pub port: (Protocol, u16),
    /// Where it is written.
    pub span: Span,
}

/// All of them, each port once.
pub(super) fn shut(running: &Running<'_>) -> Vec<Outside> {
    let grants = running.grants();
    let mut found = vec![];
    for service in &running.cluster.services {
        if !is_exposed(service) {
            continue;
        }
        let admits = |grant: &Grant, _: &Pod| is_outside(&grant.peer);
        for port in &service.ports {
            let way = Way { kind: "Service", name: &service.name, span: port.span };
            found.extend(way.ends(running, &grants, (service, port), admits));
        }
    }
    for route in &running.cluster.routes {
        let admits = |grant: &Grant, pod: &Pod| is_outside(&grant.peer) || is_controller(running, grant, pod);
        for backend in &route.backends {
            let Some(service) = running.service(&backend.namespace, &backend.service) else { continue };
            let way = Way { kind: route.kind, name: &route.name, span: backend.span };
            let ports = service.ports.iter().filter(|port| is_meant(backend.port.as_ref(), port, service));
            found.extend(ports.filter_map(|port| way.ends(running, &grants, (service, port), admits)));
        }
    }
    found.sort_by_key(|outside| (outside.tier, outside.port, outside.span));
    found.dedup_by_key(|outside| (outside.tier, outside.port));
    found
}

/// Whether a Service is reached from outside of the cluster.
fn is_exposed(service: &Service) -> bool {
    matches!(service.kind, ServiceKind::NodePort | ServiceKind::LoadBalancer)
}

/// What leads in.
struct Way<'a> {
    kind: &'static str,
    name: &'a Sym,
    span: Span,
}

impl Way<'_> {
    /// Where it ends: at the first pod behind a port of a Service that lets nobody in.
    fn ends(
        &self,
        running: &Running<'_>,
        grants: &Grants<'_>,
        (service, port): (&Service, &ServicePort),
        admits: impl Fn(&Grant, &Pod) -> bool,
    ) -> Option<Outside> {
        running.behind(service).filter(|(_, pod)| !pod.host_network).find_map(|(position, pod)| {
            let (tier, number) = (*running.tiers_of(position).first()?, port.pod_port(pod)?);
            let admitted: Vec<&Grant> =
                grants.of(pod, Direction::Ingress).into_iter().filter(|grant| admits(grant, pod)).collect();
            // An edge on a wrong port was meant for this, and its port is told elsewhere.
            let is_wrong = |range: &PortRange| fault(running, Endpoint::Tier(tier), *range).is_some();
            let is_told = |grant: &&Grant| grant.ports.iter().any(is_wrong);
            let is_open = |grant: &&Grant| holds_port(&grant.ports, port.protocol, number);
            let shut = !admitted.iter().any(|grant| is_open(grant) || is_told(grant));
            let port = (port.protocol, number);
            shut.then(|| Outside { tier, kind: self.kind, name: self.name.clone(), port, span: self.span })
        })
    }
}

/// Whether a backend means a port of its Service; one that names none means its only one.
fn is_meant(wanted: Option<&TargetPort>, port: &ServicePort, service: &Service) -> bool {
    match wanted {
        Some(TargetPort::Number(number)) => port.port == *number,
        Some(TargetPort::Name(name)) => port.name.as_ref() == Some(name),
        None => service.ports.len() == 1,
    }
}

fn is_outside(peer: &PeerSet) -> bool {
    matches!(peer, PeerSet::Anyone | PeerSet::Internet | PeerSet::Nodes)
}

/// 2.
fn is_controller(running: &Running<'_>, grant: &Grant, pod: &Pod) -> bool {
    let Origin::Edge(edge) = grant.origin else { return false };
    match running.model[edge].from {
        Endpoint::Peer(_) | Endpoint::Builtin(_) => true,
        Endpoint::Tier(tier) => {
            let is_exposed = |pod: &Pod| running.in_front(pod).iter().any(|service| is_exposed(service));
            !running.model[tier].pods.namespaces.may_hold(&pod.namespace)
                || running.pods_of(Endpoint::Tier(tier)).any(is_exposed)
        }
        Endpoint::External(_) => false,
    }
}
