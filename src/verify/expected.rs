//! What the intent means, in the words of the normal form. Made from the model alone: nothing of how policies are
//! grouped, named or rendered is known here.

use std::collections::{BTreeMap, BTreeSet};

use super::normal::{Namespaces, Peer, Ports};
use super::{Mismatch, Permitted};
use crate::model::{
    Cidrs, Direction, DnsPeer, Endpoint, Grant, Labels, Model, NamespaceSet, Origin, PeerSet, PodSet, PortRange, Sym,
};

/// One permission that must be there.
#[derive(Debug, Clone)]
pub(super) struct Permission {
    pub(super) subject: Labels,
    pub(super) direction: Direction,
    /// May be empty: an external known by host names alone, where those may be left out.
    pub(super) peers: Vec<Peer>,
    pub(super) ports: Vec<Ports>,
    pub(super) origin: Origin,
}

/// All permissions by namespace; every managed namespace is there.
pub(super) fn permissions(model: &Model) -> (BTreeMap<Sym, Vec<Permission>>, usize) {
    let mut all: BTreeMap<Sym, Vec<Permission>> = model.namespaces.keys().map(|name| (name.clone(), vec![])).collect();
    let mut flows = BTreeSet::new();
    for Grant { subject, direction, peer, ports, origin } in model.grants() {
        let permission = Permission {
            subject: subject.labels,
            direction,
            peers: peers(model, &peer),
            ports: ports.iter().copied().map(as_ports).collect(),
            origin,
        };
        // A scraper's own half belongs to the tier that is scraped; what cannot be said at all is no flow.
        if !permission.peers.is_empty() {
            flows.insert(match origin {
                Origin::Scraper(tier) => Origin::Metrics(tier),
                other => other,
            });
        }
        all.entry(subject.namespace).or_default().push(permission);
    }
    (all, flows.len())
}

/// Edges that the normal form cannot say exactly, and for which nobody permitted an approximation.
pub(super) fn inexpressible(model: &Model, permitted: &Permitted) -> Vec<Mismatch> {
    let ours = |endpoint| matches!(endpoint, Endpoint::Tier(_));
    let names = |endpoint| matches!(endpoint, Endpoint::External(id) if !model[id].fqdns.is_empty());
    let edges = model.edges().filter(|(_, edge)| ours(edge.from) || ours(edge.to));
    edges
        .filter(|(id, edge)| {
            !edge.http.is_empty() && !permitted.http_as_l4.contains(id)
                || names(edge.to) && !permitted.fqdns_omitted.contains(id)
        })
        .map(|(id, _)| Mismatch::Inexpressible { edge: id })
        .collect()
}

fn as_ports(range: PortRange) -> Ports {
    Ports { protocol: range.protocol, first: range.first, last: range.last }
}

fn peers(model: &Model, peer: &PeerSet) -> Vec<Peer> {
    let profile = &model.profile;
    match peer {
        PeerSet::Anyone => vec![Peer::Anyone],
        PeerSet::Everywhere => [every_pod()].into_iter().chain(blocks(&profile.everywhere())).collect(),
        PeerSet::Internet => blocks(&profile.internet()).collect(),
        PeerSet::AllPods => vec![every_pod()],
        PeerSet::Nodes => blocks(&Cidrs::new(profile.node_cidrs.iter().copied())).collect(),
        PeerSet::ApiServer => blocks(&Cidrs::new(profile.api_server_cidrs.iter().copied())).collect(),
        PeerSet::Pods(pods) => of_pods(pods),
        PeerSet::External(id) => blocks(&model[*id].addresses).collect(),
        PeerSet::Dns(number) => match profile.dns.peers.get(*number) {
            Some(DnsPeer::Pods(pods)) => of_pods(pods),
            Some(DnsPeer::Address(range)) => vec![Peer::Block { cidr: *range, except: vec![] }],
            Some(DnsPeer::Cache(_)) | None => vec![],
        },
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
