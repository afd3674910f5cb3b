//! What the intent means, in the words of the normal form. Made from the model alone: nothing of how policies are
//! grouped, named or rendered is known here.

use std::collections::{BTreeMap, BTreeSet};

use super::normal::{Capabilities, Entity, Namespaces, Peer, Ports};
use super::ports::PortSet;
use super::traffic::Traffic;
use super::{Mismatch, Permitted};
use crate::model::{
    Cidrs, Direction, DnsPeer, Endpoint, Given, Grant, Labels, Model, NamespaceSet, Origin, PeerSet, PodSet, PortRange,
    Sym,
};

/// For whom the intent is put into words: what the target can say, and what may be said otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) model: &'a Model,
    pub(super) can: Capabilities,
    pub(super) permitted: &'a Permitted,
}

/// One permission that must be there.
#[derive(Debug, Clone)]
pub(super) struct Permission {
    pub(super) subject: Labels,
    pub(super) direction: Direction,
    /// May be empty: an external known by host names alone, where those may be left out.
    pub(super) peers: Vec<Peer>,
    pub(super) traffic: Traffic,
    pub(super) origin: Origin,
}

/// All permissions by namespace; every managed namespace is there.
pub(super) fn permissions(terms: Terms<'_>) -> (BTreeMap<Sym, Vec<Permission>>, usize) {
    let model = terms.model;
    let mut all: BTreeMap<Sym, Vec<Permission>> = model.namespaces.keys().map(|name| (name.clone(), vec![])).collect();
    let mut flows = BTreeSet::new();
    for Grant { subject, direction, peer, ports, http, origin } in model.grants() {
        let (labels, peer) = (&subject.labels, peer.borrowed());
        let permission = permission(terms, &Given { labels, direction, peer, ports: &ports, http: &http, origin });
        if !permission.peers.is_empty() {
            flows.insert(flow(origin));
        }
        all.entry(subject.namespace).or_default().push(permission);
    }
    (all, flows.len())
}

/// A scraper's own half belongs to the tier that is scraped; what cannot be said at all is no flow.
fn flow(origin: Origin) -> Origin {
    match origin {
        Origin::Scraper(tier) => Origin::Metrics(tier),
        other => other,
    }
}

/// How many flows some permissions are.
pub(super) fn flows<'m>(terms: Terms<'_>, all: impl Iterator<Item = Given<'m>>) -> usize {
    let none = vec![false; terms.model.tiers.len()];
    let (mut edges, mut dns, mut metrics) = (vec![false; terms.model.edges.len()], none.clone(), none);
    for given in all {
        let (list, at) = match flow(given.origin) {
            Origin::Edge(id) => (&mut edges, id.index()),
            Origin::Dns(id) => (&mut dns, id.index()),
            Origin::Metrics(id) | Origin::Scraper(id) => (&mut metrics, id.index()),
        };
        if let Some(known) = list.get_mut(at).filter(|known| !**known) {
            *known = matches!(given.peer, PeerSet::Pods(_)) || !peers(terms, given.peer).is_empty();
        }
    }
    edges.iter().chain(&dns).chain(&metrics).filter(|known| **known).count()
}

/// A permission in words of the normal form.
pub(super) fn permission(terms: Terms<'_>, given: &Given<'_>) -> Permission {
    let Given { labels, direction, peer, origin, .. } = *given;
    let (peers, traffic) = (peers(terms, peer), traffic(terms, given));
    Permission { subject: labels.clone(), direction, peers, traffic, origin }
}

/// What may pass by a permission.
pub(super) fn traffic(terms: Terms<'_>, given: &Given<'_>) -> Traffic {
    let is_wider = matches!(given.origin, Origin::Edge(id) if terms.permitted.http_as_l4.contains(&id));
    let ports = PortSet::new(given.ports.iter().copied().map(as_ports));
    if terms.can.http && !is_wider { Traffic::new(ports, given.http) } else { ports.into() }
}

/// What the target cannot say exactly, and for which nobody permitted an approximation.
pub(super) fn inexpressible(terms: Terms<'_>) -> Vec<Mismatch> {
    let Terms { model, can, permitted } = terms;
    let ours = |endpoint| matches!(endpoint, Endpoint::Tier(_));
    let names = |endpoint| matches!(endpoint, Endpoint::External(id) if !model[id].fqdns.is_empty());
    let edges = model.edges().filter(|(_, edge)| ours(edge.from) || ours(edge.to));
    let mut out: Vec<Mismatch> = edges
        .filter(|(id, edge)| {
            !can.http && !edge.http.is_empty() && !permitted.http_as_l4.contains(id)
                || !can.host_names && names(edge.to) && !permitted.fqdns_omitted.contains(id)
        })
        .map(|(id, _)| Mismatch::Inexpressible { edge: id })
        .collect();
    if !can.guards && !permitted.guards_omitted {
        out.extend(model.guards().into_iter().map(|guard| Mismatch::Unguarded { guard }));
    }
    out
}

pub(super) fn as_ports(range: PortRange) -> Ports {
    Ports { protocol: range.protocol, first: range.first, last: range.last }
}

pub(super) fn peers(terms: Terms<'_>, peer: PeerSet<&PodSet>) -> Vec<Peer> {
    let Terms { model, can, .. } = terms;
    let profile = &model.profile;
    let entities = |which: &[Entity]| which.iter().copied().map(Peer::Entity).collect::<Vec<_>>();
    match peer {
        PeerSet::Anyone => vec![Peer::Anyone],
        PeerSet::Everywhere => {
            let others = if can.entities { entities(&Entity::ALL) } else { vec![] };
            [every_pod()].into_iter().chain(others).chain(blocks(&profile.everywhere())).collect()
        }
        PeerSet::Internet => blocks(&profile.internet()).collect(),
        PeerSet::AllPods => vec![every_pod()],
        PeerSet::Nodes if can.entities => entities(&Entity::NODES),
        PeerSet::Nodes => blocks(&Cidrs::new(profile.node_cidrs.iter().copied())).collect(),
        PeerSet::ApiServer if can.entities => entities(&[Entity::ApiServer]),
        PeerSet::ApiServer => blocks(&Cidrs::new(profile.api_server_cidrs.iter().copied())).collect(),
        PeerSet::Pods(pods) => of_pods(pods),
        PeerSet::External(id) => {
            let names = model[id].fqdns.iter().map(|name| Peer::Name(name.value.clone()));
            blocks(&model[id].addresses).chain(names.filter(|_| can.host_names)).collect()
        }
        PeerSet::Dns(number) => profile.dns.peers.get(number).map_or(vec![], |peer| dns(can, peer)),
    }
}

/// Where DNS answers. A cache on each node has an address of the node, which a target that tells nodes and addresses apart
/// knows as the node.
pub(super) fn dns(can: Capabilities, peer: &DnsPeer) -> Vec<Peer> {
    match peer {
        DnsPeer::Pods(pods) => of_pods(pods),
        DnsPeer::Cache(pods) if can.local_redirect => of_pods(pods),
        DnsPeer::Cache(_) => vec![],
        DnsPeer::Address(range) => {
            let host = can.entities.then_some(Peer::Entity(Entity::Host));
            [Peer::Block { cidr: *range, except: vec![] }].into_iter().chain(host).collect()
        }
    }
}

fn every_pod() -> Peer {
    Peer::Pods { namespaces: Namespaces::Labelled(Labels::default()), labels: Labels::default() }
}

fn of_pods(pods: &PodSet) -> Vec<Peer> {
    let namespaces = match &pods.namespaces {
        NamespaceSet::All => vec![Namespaces::Labelled(Labels::default())],
        NamespaceSet::Names(names) => names.iter().cloned().map(Namespaces::Named).collect(),
        NamespaceSet::Labels(labels) => vec![Namespaces::Labelled(labels.clone())],
    };
    let peer = |namespaces| Peer::Pods { namespaces, labels: pods.labels.clone() };
    namespaces.into_iter().map(peer).collect()
}

fn blocks(cidrs: &Cidrs) -> impl Iterator<Item = Peer> {
    cidrs.blocks.iter().map(|block| Peer::Block { cidr: block.cidr, except: block.except.clone() })
}
