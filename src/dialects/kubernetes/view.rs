//! What the templates of this dialect see: pure data, in the words of NetworkPolicy.
//!
//! In: policies neutral of a dialect. Out: one view an object. A rule without peers means everyone to Kubernetes, and a
//! policy without rules denies, so a rule whose peers come to nothing is left out here, and never written empty.

use std::borrow::Cow;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use crate::dialects::writing::about::Annotations;
use crate::dialects::writing::{Pairs, Written, once, pairs};
use crate::lower::Rule;
use crate::model::{
    Cidrs, Direction, DnsPeer, Model, NAMESPACE_NAME, NamespaceSet, PeerSet, PodSet, PortRange, Protocol,
};

/// One NetworkPolicy that allows.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyView<'a> {
    /// Name of the object.
    pub name: Cow<'a, str>,
    /// Its namespace.
    pub namespace: &'a str,
    /// Provenance: keys and texts.
    pub annotations: Annotations<'a>,
    /// Labels of the pods it is about; empty: all.
    pub labels: Pairs<'a>,
    /// As `policyTypes` has it.
    pub r#type: &'static str,
    /// The key of the rules: `ingress` or `egress`.
    pub side: &'static str,
    /// The key of the peers: `from` or `to`.
    pub end: &'static str,
    /// Never empty.
    pub rules: Vec<RuleView<'a>>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleView<'a> {
    /// Everyone: no peers are written at all.
    pub anyone: bool,
    /// Empty only with `anyone`.
    pub peers: Vec<PeerView<'a>>,
    /// Never empty.
    pub ports: Vec<PortView>,
    /// Which rule of the policy it comes from.
    #[serde(skip)]
    pub origin: usize,
}

/// One entry of `from` or `to`: an address block when `cidr` is there, pods otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PeerView<'a> {
    /// The range.
    #[serde(serialize_with = "text")]
    pub cidr: Option<IpNet>,
    /// Ranges inside it that are left out.
    #[serde(serialize_with = "texts")]
    pub except: Vec<IpNet>,
    /// Labels of the pods' namespace; empty: every namespace.
    pub namespace_labels: Pairs<'a>,
    /// Labels of the pods; empty: all of the namespaces'.
    pub labels: Pairs<'a>,
}

/// One entry of `ports`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PortView {
    /// TCP, UDP, SCTP in this order.
    #[serde(skip)]
    pub order: Protocol,
    /// The same as text.
    pub protocol: &'static str,
    /// The port, or the first of several; none: every port.
    pub first: Option<u16>,
    /// The last of several.
    pub last: Option<u16>,
}

fn text<S: Serializer>(range: &Option<IpNet>, serializer: S) -> Result<S::Ok, S::Error> {
    match range {
        Some(range) => serializer.collect_str(range),
        None => serializer.serialize_none(),
    }
}

fn texts<S: Serializer>(ranges: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranges.iter().map(Written))
}

/// `policyTypes`, key of the rules, key of the peers.
pub fn words(direction: Direction) -> (&'static str, &'static str, &'static str) {
    match direction {
        Direction::Ingress => ("Ingress", "ingress", "from"),
        Direction::Egress => ("Egress", "egress", "to"),
    }
}

/// A rule in Kubernetes' words; `None` when nothing is left that Kubernetes could say.
pub fn rule<'a>(model: &'a Model, origin: usize, rule: &'a Rule) -> Option<RuleView<'a>> {
    let mut ports: Vec<PortView> = rule.ports.iter().map(|range| port(*range)).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() {
        return None;
    }
    if rule.peers.contains(&PeerSet::Anyone) {
        return Some(RuleView { anyone: true, peers: vec![], ports, origin });
    }
    let mut peers = vec![];
    for peer in &rule.peers {
        add_peers(model, peer, &mut peers);
    }
    once(&mut peers);
    (!peers.is_empty()).then_some(RuleView { anyone: false, peers, ports, origin })
}

fn port(range: PortRange) -> PortView {
    PortView {
        order: range.protocol,
        protocol: range.protocol.as_str(),
        first: (!range.is_all()).then_some(range.first),
        last: (!range.is_all() && range.last > range.first).then_some(range.last),
    }
}

fn add_peers<'a>(model: &'a Model, peer: &'a PeerSet, out: &mut Vec<PeerView<'a>>) {
    let profile = &model.profile;
    match peer {
        // Handled by the caller: it is no entry of a list.
        PeerSet::Anyone => {}
        PeerSet::AllPods => out.push(every_pod()),
        PeerSet::Everywhere => {
            out.push(every_pod());
            blocks(&profile.everywhere(), out);
        }
        PeerSet::Internet => blocks(&profile.internet(), out),
        PeerSet::Nodes => blocks(&Cidrs::new(profile.node_cidrs.iter().copied()), out),
        PeerSet::ApiServer => blocks(&Cidrs::new(profile.api_server_cidrs.iter().copied()), out),
        PeerSet::External(id) => blocks(&model[*id].addresses, out),
        PeerSet::Pods(set) => pods(set, out),
        PeerSet::Dns(number) => match profile.dns.peers.get(*number) {
            Some(DnsPeer::Pods(set)) => pods(set, out),
            Some(DnsPeer::Address(range)) => blocks(&Cidrs::new([*range]), out),
            Some(DnsPeer::Cache(_)) | None => {}
        },
    }
}

fn every_pod<'a>() -> PeerView<'a> {
    PeerView { cidr: None, except: vec![], namespace_labels: vec![], labels: vec![] }
}

/// Pods by namespace and labels, both in one entry: side by side in a list they would add up.
pub fn pods<'a>(set: &'a PodSet, out: &mut Vec<PeerView<'a>>) {
    let peer = |namespace_labels| PeerView { namespace_labels, labels: pairs(&set.labels), ..every_pod() };
    match &set.namespaces {
        NamespaceSet::All => out.push(peer(vec![])),
        NamespaceSet::Names(names) => out.extend(names.iter().map(|name| peer(vec![(NAMESPACE_NAME, &**name)]))),
        NamespaceSet::Labels(namespace) => out.push(peer(pairs(namespace))),
    }
}

/// Address blocks.
pub fn blocks(ranges: &Cidrs, out: &mut Vec<PeerView<'_>>) {
    out.extend(ranges.blocks.iter().map(|block| PeerView {
        cidr: Some(block.cidr),
        except: block.except.clone(),
        ..every_pod()
    }));
}
