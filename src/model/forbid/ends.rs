//! Sets of endpoints, and concrete ones that violate a forbid.

use std::fmt;
use std::net::IpAddr;

use super::{ForbidSet, Sym};
use crate::model::{
    Builtin, Cidrs, Direction, DnsPeer, ExternalId, Grant, Labels, Model, NamespaceSet, PeerSet, PodSet, PortRange,
    Subject,
};
use crate::source::Span;

/// A set of endpoints: pods, addresses, host names, and sources that are neither (nodes and the like).
#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    pub(super) pods: Vec<PodSet>,
    pub(super) addresses: Cidrs,
    /// Host names; where their addresses are unknown they may be any address outside.
    pub(super) hosts: Vec<Sym>,
    /// Every host name.
    pub(super) every_host: bool,
    pub(super) others: bool,
}

/// What some pods may send or receive, whoever says so.
#[derive(Debug, Clone)]
pub struct Permit {
    pub(super) subject: Subject,
    pub(super) direction: Direction,
    pub(super) ends: Ends,
    pub(super) ports: Vec<PortRange>,
    /// A chain of connections goes on at its other end: peers carry it on; what a built-in stands for, and the cluster's
    /// DNS, do not.
    pub(super) carries: bool,
    /// What says so, for people.
    pub(super) name: String,
    pub(super) span: Span,
}

/// What the other end of a [`Permit`] may be.
#[derive(Debug, Clone)]
pub enum Reach {
    /// Everything.
    Anyone,
    /// Some pods.
    Pods(PodSet),
    /// Addresses.
    Addresses(Cidrs),
    /// A host by its name.
    Host(Sym),
    /// Nodes.
    Nodes,
    /// The API server.
    ApiServer,
}

impl Permit {
    /// A permit of its own, said at `span` by something called `name`.
    pub fn new(
        model: &Model,
        (subject, direction): (Subject, Direction),
        to: &[Reach],
        ports: Vec<PortRange>,
        carries: bool,
        (name, span): (String, Span),
    ) -> Self {
        let mut ends = Ends::default();
        let mut addresses = vec![];
        for reach in to {
            let more = match reach {
                Reach::Anyone => Ends::builtin(model, Builtin::Anywhere),
                Reach::Pods(pods) => Ends { pods: vec![pods.clone()], ..Ends::default() },
                Reach::Addresses(cidrs) => Ends { addresses: cidrs.clone(), ..Ends::default() },
                Reach::Host(name) => Ends { hosts: vec![name.clone()], ..Ends::default() },
                Reach::Nodes => Ends::builtin(model, Builtin::Nodes),
                Reach::ApiServer => Ends::builtin(model, Builtin::ApiServer),
            };
            ends.pods.extend(more.pods);
            ends.hosts.extend(more.hosts);
            ends.every_host |= more.every_host;
            ends.others |= more.others;
            addresses.extend(more.addresses.prefixes());
        }
        ends.addresses = Cidrs::new(addresses);
        Self { subject, direction, ends, ports, carries, name, span }
    }

    pub(super) fn of(model: &Model, grant: Grant) -> Self {
        Self {
            ends: Ends::of_peer(model, &grant.peer),
            carries: matches!(grant.peer, PeerSet::Pods(_)),
            subject: grant.subject,
            direction: grant.direction,
            ports: grant.ports.to_vec(),
            name: model.origin_name(grant.origin),
            span: model.origin_span(grant.origin),
        }
    }

    /// The namespaces of its other ends, where these are pods of namespaces that are named, and nothing else.
    pub(super) fn named(&self) -> &[Sym] {
        match self.ends.pods.as_slice() {
            [PodSet { namespaces: NamespaceSet::Names(names), .. }] if self.ends.is_pods() => names,
            _ => &[],
        }
    }
}

/// Where a possible pod is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Place {
    /// The namespace; `None`: some namespace that nobody manages here.
    pub(super) name: Option<Sym>,
    /// What the namespace must be labelled with for the pod to be possible.
    pub(super) labels: Labels,
}

/// A concrete endpoint.
#[derive(Debug, Clone)]
pub(super) enum Witness {
    Pod(Place, Labels),
    Address(IpAddr),
    Host(Sym),
    Other,
}

impl Place {
    pub(super) fn named(name: Sym) -> Self {
        Self { name: Some(name), ..Self::default() }
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pod = |labels: &Labels| match labels.is_empty() {
            true => "any pod".to_owned(),
            false => format!("a pod labelled {labels}"),
        };
        match self {
            Self::Pod(Place { name, labels: by }, labels) => {
                let pod = pod(labels);
                match (name, by.is_empty()) {
                    (Some(name), true) => write!(f, "{pod} in namespace {name}"),
                    (Some(name), false) => write!(f, "{pod} in namespace {name}, labelled {by}"),
                    (None, true) => write!(f, "{pod} in some namespace"),
                    (None, false) => write!(f, "{pod} in a namespace labelled {by}"),
                }
            }
            Self::Address(address) => write!(f, "{address}"),
            Self::Host(name) => write!(f, "{name}"),
            Self::Other => f.write_str("a node"),
        }
    }
}

impl Ends {
    pub(super) fn of(model: &Model, set: &ForbidSet) -> Self {
        match set {
            ForbidSet::Pods(pods) => Self { pods: vec![pods.clone()], ..Self::default() },
            ForbidSet::Addresses(addresses) => Self { addresses: addresses.clone(), ..Self::default() },
            ForbidSet::External(id) => Self::external(model, *id),
            ForbidSet::Builtin(word) => Self::builtin(model, *word),
        }
    }

    pub(super) fn of_peer(model: &Model, peer: &PeerSet) -> Self {
        match peer {
            PeerSet::Anyone => Self::builtin(model, Builtin::Anywhere),
            PeerSet::Everywhere => {
                Self { addresses: model.profile.everywhere(), ..Self::builtin(model, Builtin::Anywhere) }
            }
            PeerSet::Internet => Self::builtin(model, Builtin::Internet),
            PeerSet::AllPods => Self::builtin(model, Builtin::Cluster),
            PeerSet::Nodes => Self::builtin(model, Builtin::Nodes),
            PeerSet::ApiServer => Self::builtin(model, Builtin::ApiServer),
            PeerSet::Pods(pods) => Self { pods: vec![pods.clone()], ..Self::default() },
            PeerSet::External(id) => Self::external(model, *id),
            PeerSet::Dns(position) => match model.profile.dns.peers.get(*position) {
                Some(DnsPeer::Pods(pods) | DnsPeer::Cache(pods)) => {
                    Self { pods: vec![pods.clone()], ..Self::default() }
                }
                Some(DnsPeer::Address(net)) => Self { addresses: Cidrs::new([*net]), ..Self::default() },
                None => Self::default(),
            },
        }
    }

    fn is_pods(&self) -> bool {
        self.addresses.blocks.is_empty() && self.hosts.is_empty() && !self.every_host && !self.others
    }

    fn external(model: &Model, id: ExternalId) -> Self {
        let hosts = model[id].fqdns.iter().map(|host| host.value.clone()).collect();
        Self { addresses: model[id].addresses.clone(), hosts, ..Self::default() }
    }

    fn builtin(model: &Model, builtin: Builtin) -> Self {
        let profile = &model.profile;
        let every_pod = PodSet { namespaces: NamespaceSet::All, labels: Labels::default() };
        match builtin {
            Builtin::Anywhere => Self {
                pods: vec![every_pod],
                addresses: Cidrs::everything(),
                every_host: true,
                others: true,
                ..Self::default()
            },
            Builtin::Internet => Self { addresses: profile.internet(), every_host: true, ..Self::default() },
            Builtin::Cluster => Self { pods: vec![every_pod], ..Self::default() },
            Builtin::Nodes => {
                Self { addresses: Cidrs::new(profile.node_cidrs.clone()), others: true, ..Self::default() }
            }
            Builtin::ApiServer => Self { addresses: Cidrs::new(profile.api_server_cidrs.clone()), ..Self::default() },
        }
    }

    /// Whether this set holds a concrete endpoint for certain, whatever unknown labels its namespace carries.
    pub(super) fn holds(&self, witness: &Witness) -> bool {
        match witness {
            Witness::Pod(place, labels) => self.pods.iter().any(|pods| {
                let namespace = match &pods.namespaces {
                    NamespaceSet::All => true,
                    NamespaceSet::Names(names) => place.name.as_ref().is_some_and(|name| names.contains(name)),
                    NamespaceSet::Labels(labels) => labels.is_subset_of(&place.labels),
                };
                namespace && pods.labels.is_subset_of(labels)
            }),
            Witness::Address(address) => self.addresses.overlaps(&(*address).into()),
            Witness::Host(name) => self.every_host || self.hosts.contains(name),
            Witness::Other => self.others,
        }
    }

    /// An endpoint that is no pod and in both sets; addresses of `except` do not count.
    pub(super) fn common_outside(&self, other: &Self, except: &[Self]) -> Option<Witness> {
        let mut addresses = self.addresses.clone();
        for except in except {
            addresses = addresses.without(&except.addresses);
        }
        let address = addresses.common(&other.addresses).map(Witness::Address);
        let host = || {
            let meet = |a: &Sym, b: &Sym| a == b || covers(a, b) || covers(b, a);
            let mine = self.hosts.iter().find(|a| other.every_host || other.hosts.iter().any(|b| meet(a, b)));
            let theirs = || other.hosts.iter().find(|_| self.every_host);
            let found = mine.or_else(theirs).cloned().map(Witness::Host);
            found.filter(|host| !except.iter().any(|except| except.holds(host)))
        };
        let others = || {
            let both = self.others && other.others && !except.iter().any(|except| except.others);
            both.then_some(Witness::Other)
        };
        address.or_else(host).or_else(others)
    }
}

/// Whether a wildcard stands for a name.
fn covers(wildcard: &str, name: &str) -> bool {
    wildcard.strip_prefix('*').is_some_and(|suffix| name.ends_with(suffix))
}
