//! The two relations that every dialect must give exactly: what each managed pod may send, and what it may receive.
//!
//! A managed pod may send (or receive) what some [`Grant`] of its side allows, and nothing else. Pods of namespaces that
//! are not managed may send and receive everything. A connection between two managed pods needs a grant on either side.

use std::sync::Arc;

use super::{AppId, EdgeId, ExternalId, HttpRule, Labels, Model, PodSet, PortRange, Sym, TierId};
use crate::source::Span;

/// The side on which a grant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// What the subject may receive.
    Ingress,
    /// What the subject may send.
    Egress,
}

impl Direction {
    /// The other side's.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Ingress => Self::Egress,
            Self::Egress => Self::Ingress,
        }
    }
}

/// The pods of one managed namespace that carry all of some labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The namespace.
    pub namespace: Sym,
    /// The labels; empty: every pod of the namespace.
    pub labels: Labels,
}

/// The other end of a permission, by meaning. `P`: its pods, or a reference to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerSet<P = PodSet> {
    /// Any source at all.
    Anyone,
    /// Every destination but metadata addresses.
    Everywhere,
    /// [`Builtin::Internet`](super::Builtin::Internet): see [`super::Profile::internet`].
    Internet,
    /// Every pod.
    AllPods,
    /// The nodes: see [`super::Profile::node_cidrs`].
    Nodes,
    /// The API server: see [`super::Profile::api_server_cidrs`].
    ApiServer,
    /// Some pods.
    Pods(P),
    /// An external's addresses and host names.
    External(ExternalId),
    /// The cluster's DNS, peer number so much of [`super::DnsTarget::peers`].
    Dns(usize),
}

/// Why a grant exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// An edge asks for it.
    Edge(EdgeId),
    /// The tier resolves names.
    Dns(TierId),
    /// The tier is scraped.
    Metrics(TierId),
    /// The scraper's own half, because its namespace is managed too.
    Scraper(TierId),
}

/// One permission of one side.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whose permission.
    pub subject: Subject,
    /// To send, or to receive.
    pub direction: Direction,
    /// To or from whom.
    pub peer: PeerSet,
    /// On which ports of the destination; never empty.
    pub ports: Arc<[PortRange]>,
    /// Which HTTP requests; empty: anything. Requests are looked at once, where they arrive: on the destination's side where
    /// that is managed, else where they are sent.
    pub http: Arc<[HttpRule]>,
    /// Why.
    pub origin: Origin,
}

impl PeerSet {
    /// The same, with its pods borrowed.
    pub fn borrowed(&self) -> PeerSet<&PodSet> {
        match self {
            Self::Anyone => PeerSet::Anyone,
            Self::Everywhere => PeerSet::Everywhere,
            Self::Internet => PeerSet::Internet,
            Self::AllPods => PeerSet::AllPods,
            Self::Nodes => PeerSet::Nodes,
            Self::ApiServer => PeerSet::ApiServer,
            Self::Pods(pods) => PeerSet::Pods(pods),
            Self::External(id) => PeerSet::External(*id),
            Self::Dns(number) => PeerSet::Dns(*number),
        }
    }
}

impl PeerSet<&PodSet> {
    /// The same, with pods of its own.
    pub fn owned(self) -> PeerSet {
        match self {
            Self::Anyone => PeerSet::Anyone,
            Self::Everywhere => PeerSet::Everywhere,
            Self::Internet => PeerSet::Internet,
            Self::AllPods => PeerSet::AllPods,
            Self::Nodes => PeerSet::Nodes,
            Self::ApiServer => PeerSet::ApiServer,
            Self::Pods(pods) => PeerSet::Pods(pods.clone()),
            Self::External(id) => PeerSet::External(id),
            Self::Dns(number) => PeerSet::Dns(number),
        }
    }
}

impl Model {
    /// Both relations, in a stable order.
    pub fn grants(&self) -> Vec<Grant> {
        let mut out = Vec::with_capacity(self.edges.len() * 2 + self.tiers.len());
        let anything: Arc<[HttpRule]> = Arc::new([]);
        let dns: Arc<[PortRange]> = self.profile.dns.ports.clone().into();
        self.each_ask(|whose, ask| {
            let Some(given) = self.given(ask) else { return };
            let ports: Arc<[PortRange]> = match given.origin {
                Origin::Edge(id) => self[id].ports.clone(),
                Origin::Dns(_) => dns.clone(),
                Origin::Metrics(_) | Origin::Scraper(_) => given.ports.into(),
            };
            let http = if given.http.is_empty() { anything.clone() } else { given.http.into() };
            for namespace in self.namespaces_of(whose) {
                out.push(Grant {
                    subject: Subject { namespace: namespace.clone(), labels: given.labels.clone() },
                    direction: given.direction,
                    peer: given.peer.owned(),
                    ports: ports.clone(),
                    http: http.clone(),
                    origin: given.origin,
                });
            }
        });
        out
    }
}

impl Model {
    /// The place in an intent that asks for a grant.
    pub fn origin_span(&self, origin: Origin) -> Span {
        match origin {
            Origin::Edge(edge) => self[edge].from_span,
            Origin::Dns(tier) => self[tier].span,
            Origin::Metrics(tier) | Origin::Scraper(tier) => self[tier].metrics_span,
        }
    }

    /// How people call what asks for a grant: an edge by its name, else what it is for.
    pub fn origin_name(&self, origin: Origin) -> String {
        match origin {
            Origin::Edge(edge) => self.edge_name(&self[edge]),
            Origin::Dns(tier) => format!("DNS of {}", self[tier].name),
            Origin::Metrics(tier) | Origin::Scraper(tier) => format!("metrics of {}", self[tier].name),
        }
    }

    /// The app that asks for a grant.
    pub fn origin_app(&self, origin: Origin) -> AppId {
        match origin {
            Origin::Edge(edge) => self[edge].app,
            Origin::Dns(tier) | Origin::Metrics(tier) | Origin::Scraper(tier) => self[tier].app,
        }
    }
}
