//! What the templates of this dialect see: pure data, in the words of CiliumNetworkPolicy.
//!
//! In: policies neutral of a dialect. Out: one view an object. A rule names peers of one kind only (rule_validation.go:
//! kinds cannot be combined), so a rule of the policy may become several. A rule whose peers come to nothing is left out
//! and never written empty: without peers it would mean everyone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::groups::Groups;
use super::http::{self, RequestView};
use super::labels::{self, Pairs};
use crate::dialects::writing::Written;
use crate::dialects::writing::about::Annotations;
use crate::lower::Rule;
use crate::model::{Cidrs, Direction, DnsPeer, Model, NamespaceSet, PeerSet, PodSet, PortRange, Protocol, Sym};

/// The most ports of one entry of `toPorts` (rule_validation.go, maxPorts).
const MAX_PORTS: usize = 40;

/// One CiliumNetworkPolicy that allows.
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
    /// It denies nothing by default.
    pub staged: bool,
    /// The key of the rules: `ingress` or `egress`.
    pub side: &'static str,
    /// Never empty.
    pub rules: Vec<RuleView<'a>>,
}

/// One rule: peers of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleView<'a> {
    /// The key of the peers, as `fromEndpoints`.
    pub key: &'static str,
    /// Never empty.
    pub peers: Vec<PeerView<'a>>,
    /// Entries of `toPorts`, none empty.
    pub ports: Vec<Vec<PortView>>,
    /// Questions go through the DNS proxy.
    pub dns: bool,
    /// HTTP requests; empty: anything.
    pub http: Vec<RequestView>,
    /// Which rule of the policy it comes from.
    #[serde(skip)]
    pub origin: usize,
}

impl RuleView<'_> {
    /// Whether two rules differ in nothing but where they come from.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (self.key, &self.peers, &self.ports, self.dns, &self.http)
            == (other.key, &other.peers, &other.ports, other.dns, &other.http)
    }
}

/// One entry of the peers. One of `entity`, `cidr`, `group`, `host` and `pattern` is there, or it is a selector of pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PeerView<'a> {
    /// The name of an entity.
    pub entity: Option<&'static str>,
    /// An address range.
    #[serde(serialize_with = "text")]
    pub cidr: Option<IpNet>,
    /// Ranges inside it that are left out.
    #[serde(serialize_with = "texts")]
    pub except: Vec<IpNet>,
    /// The name of a CiliumCIDRGroup.
    pub group: Option<&'a str>,
    /// A host name.
    pub host: Option<&'a str>,
    /// A host name with a wildcard.
    pub pattern: Option<&'a str>,
    /// Pods of every namespace.
    pub every_namespace: bool,
    /// Labels of the pods and of their namespace.
    pub labels: Pairs<'a>,
}

/// One entry of `ports`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PortView {
    /// TCP, UDP, SCTP in this order.
    #[serde(skip)]
    order: Protocol,
    /// The same as text.
    pub protocol: &'static str,
    /// The port, or the first of several; 0: every port of the protocol. A string, as the CRD has it.
    #[serde(rename = "port", serialize_with = "digits")]
    first: u16,
    /// The last of several.
    pub last: Option<u16>,
}

/// Kinds of peers, in the order of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Endpoints,
    Entities,
    Cidrs,
    Names,
}

impl Kind {
    fn key(self, direction: Direction) -> &'static str {
        match (direction, self) {
            (Direction::Ingress, Self::Endpoints) => "fromEndpoints",
            (Direction::Ingress, Self::Entities) => "fromEntities",
            (Direction::Ingress, Self::Cidrs) => "fromCIDRSet",
            (Direction::Egress, Self::Endpoints) => "toEndpoints",
            (Direction::Egress, Self::Entities) => "toEntities",
            (Direction::Egress, Self::Cidrs) => "toCIDRSet",
            // Names are destinations only.
            (_, Self::Names) => "toFQDNs",
        }
    }
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

fn digits<S: Serializer>(port: &u16, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(port)
}

/// The key of the rules.
pub fn side(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}

/// A maker of rules.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// What the policies are of.
    pub model: &'a Model,
    /// Names of groups for externals.
    pub groups: &'a Groups,
}

impl<'a> Writer<'a> {
    /// A rule in Cilium's words; empty when nothing is left that Cilium could say. `proxied`: the subject's pods need their
    /// names resolved where Cilium reads along.
    pub fn rules(self, direction: Direction, origin: usize, rule: &'a Rule, proxied: bool) -> Vec<RuleView<'a>> {
        let mut ports: Vec<PortView> = rule.ports.iter().map(|range| port(*range)).collect();
        ports.sort();
        ports.dedup();
        let ports: Vec<Vec<PortView>> = ports.chunks(MAX_PORTS).map(<[_]>::to_vec).collect();
        if ports.is_empty() {
            return vec![];
        }
        // HTTP rules are enforced whatever `enableDefaultDeny` says (docs.cilium.io, "Endpoint default policy").
        let staged = self.model.profile.staged;
        let http: Vec<RequestView> = if staged { vec![] } else { rule.http.iter().map(http::request).collect() };
        let mut kinds: BTreeMap<(Kind, bool), Vec<PeerView<'a>>> = BTreeMap::new();
        if rule.peers.contains(&PeerSet::Anyone) {
            kinds.insert((Kind::Entities, false), vec![entity("all")]);
        } else {
            for peer in &rule.peers {
                let dns = proxied && matches!(peer, PeerSet::Dns(_));
                for (kind, peer) in self.peers(peer) {
                    let peers = kinds.entry((kind, dns)).or_default();
                    if !peers.contains(&peer) {
                        peers.push(peer);
                    }
                }
            }
        }
        let view = |((kind, dns), peers)| RuleView {
            key: Kind::key(kind, direction),
            peers,
            ports: ports.clone(),
            dns,
            http: http.clone(),
            origin,
        };
        kinds.into_iter().map(view).collect()
    }

    fn peers(self, peer: &'a PeerSet) -> Vec<(Kind, PeerView<'a>)> {
        let profile = &self.model.profile;
        match peer {
            // Handled by the caller: it is the one peer then.
            PeerSet::Anyone => vec![],
            PeerSet::AllPods => vec![(Kind::Endpoints, every_pod())],
            PeerSet::Everywhere => {
                [(Kind::Entities, entity("cluster"))].into_iter().chain(blocks(&profile.everywhere())).collect()
            }
            // The entity `world` would hold private addresses too.
            PeerSet::Internet => blocks(&profile.internet()).collect(),
            PeerSet::Nodes => entities(&["host", "remote-node"]),
            PeerSet::ApiServer => entities(&["kube-apiserver"]),
            PeerSet::External(id) => {
                let group = |name: &'a String| PeerView { group: Some(name), ..PeerView::default() };
                let groups = self.groups.of(*id).iter().map(|name| (Kind::Cidrs, group(name)));
                // In whatever order the intent has them.
                let names: BTreeSet<&Sym> = self.model[*id].fqdns.iter().map(|name| &name.value).collect();
                groups.chain(names.into_iter().map(|name| (Kind::Names, host(name)))).collect()
            }
            PeerSet::Pods(set) => pods(set),
            PeerSet::Dns(number) => match profile.dns.peers.get(*number) {
                Some(DnsPeer::Pods(set) | DnsPeer::Cache(set)) => pods(set),
                // A cache on the host network: agents take its address for the node's, or for one of the world
                // (cilium#18644); no block matches a node, and no entity an address.
                Some(DnsPeer::Address(range)) => {
                    [(Kind::Entities, entity("host"))].into_iter().chain(blocks(&Cidrs::new([*range]))).collect()
                }
                None => vec![],
            },
        }
    }
}

/// SCTP is written wherever it is meant: agents take it in policies whatever `enable-sctp` says, which only decides whether
/// the datapath lets SCTP through at all (pkg/datapath/linux/config, ENABLE_SCTP).
fn port(range: PortRange) -> PortView {
    let first = if range.is_all() { 0 } else { range.first };
    PortView {
        order: range.protocol,
        protocol: range.protocol.as_str(),
        first,
        last: (!range.is_all() && range.last > range.first).then_some(range.last),
    }
}

fn entity<'a>(name: &'static str) -> PeerView<'a> {
    PeerView { entity: Some(name), ..PeerView::default() }
}

fn entities<'a>(names: &[&'static str]) -> Vec<(Kind, PeerView<'a>)> {
    names.iter().map(|name| (Kind::Entities, entity(name))).collect()
}

/// A bare selector would stay in the policy's own namespace.
fn every_pod<'a>() -> PeerView<'a> {
    PeerView { every_namespace: true, ..PeerView::default() }
}

fn host(name: &str) -> PeerView<'_> {
    match name.contains('*') {
        true => PeerView { pattern: Some(name), ..PeerView::default() },
        false => PeerView { host: Some(name), ..PeerView::default() },
    }
}

/// Pods by namespace and labels. The namespace is always there: without it a selector stays in the policy's own.
fn pods<'a>(set: &'a PodSet) -> Vec<(Kind, PeerView<'a>)> {
    let own = || labels::of_pods(&set.labels);
    let peer = |labels| (Kind::Endpoints, PeerView { labels, ..PeerView::default() });
    match &set.namespaces {
        NamespaceSet::All => vec![(Kind::Endpoints, PeerView { labels: own().collect(), ..every_pod() })],
        NamespaceSet::Names(names) => {
            let within = |name: &'a Sym| [(labels::NAMESPACE, &**name)].into_iter().chain(own()).collect();
            names.iter().map(|name| peer(within(name))).collect()
        }
        NamespaceSet::Labels(namespace) => vec![peer(labels::of_namespaces(namespace).chain(own()).collect())],
    }
}

fn blocks<'a>(ranges: &Cidrs) -> impl Iterator<Item = (Kind, PeerView<'a>)> {
    ranges.blocks.iter().map(|block| {
        let peer = PeerView { cidr: Some(block.cidr), except: block.except.clone(), ..PeerView::default() };
        (Kind::Cidrs, peer)
    })
}
