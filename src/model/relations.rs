//! The two relations that every dialect must give exactly: what each managed pod may send, and what it may receive.
//!
//! A managed pod may send (or receive) what some [`Grant`] of its side allows, and nothing else. Pods of namespaces that
//! are not managed may send and receive everything. A connection between two managed pods needs a grant on either side.

use std::sync::Arc;

use super::{
    AppId, Builtin, EdgeId, Endpoint, ExternalId, HttpRule, Labels, Model, NamespaceSet, PodSet, PortRange, Sym, TierId,
};
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

/// The other end of a permission, by meaning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerSet {
    /// Any source at all.
    Anyone,
    /// Every destination but metadata addresses.
    Everywhere,
    /// [`Builtin::Internet`]: see [`super::Profile::internet`].
    Internet,
    /// Every pod.
    AllPods,
    /// The nodes: see [`super::Profile::node_cidrs`].
    Nodes,
    /// The API server: see [`super::Profile::api_server_cidrs`].
    ApiServer,
    /// Some pods.
    Pods(PodSet),
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

impl Model {
    /// Both relations, in a stable order.
    pub fn grants(&self) -> Vec<Grant> {
        let mut out = Vec::with_capacity(self.edges.len() * 2 + self.tiers.len());
        let anything: Arc<[HttpRule]> = Arc::new([]);
        for (id, edge) in self.edges() {
            let origin = Origin::Edge(id);
            let http = if edge.http.is_empty() { anything.clone() } else { edge.http.clone().into() };
            if let Endpoint::Tier(tier) = edge.from {
                let peer = self.peer_set(edge.to, Direction::Egress);
                let http = if matches!(edge.to, Endpoint::Tier(_)) { &anything } else { &http };
                self.grant(&mut out, tier, Direction::Egress, &peer, (&edge.ports, http), origin);
            }
            if let Endpoint::Tier(tier) = edge.to {
                let peer = self.peer_set(edge.from, Direction::Ingress);
                self.grant(&mut out, tier, Direction::Ingress, &peer, (&edge.ports, &http), origin);
            }
        }
        let dns: Arc<[PortRange]> = self.profile.dns.ports.clone().into();
        let scrapers = PeerSet::Pods(self.profile.scrapers.clone());
        for (id, tier) in self.tiers() {
            if tier.dns {
                for peer in 0..self.profile.dns.peers.len() {
                    let what = (&dns, &anything);
                    self.grant(&mut out, id, Direction::Egress, &PeerSet::Dns(peer), what, Origin::Dns(id));
                }
            }
            if !tier.metrics.is_empty() {
                let scrapers = self.scrapers(id).map_or(scrapers.clone(), |pods| PeerSet::Pods(pods.clone()));
                let ports: Arc<[PortRange]> = tier.metrics.clone().into();
                let what = (&ports, &anything);
                self.grant(&mut out, id, Direction::Ingress, &scrapers, what, Origin::Metrics(id));
                self.grant_scrapers(&mut out, id, &scrapers, &ports);
            }
        }
        out
    }

    fn grant(
        &self,
        out: &mut Vec<Grant>,
        tier: TierId,
        direction: Direction,
        peer: &PeerSet,
        (ports, http): (&Arc<[PortRange]>, &Arc<[HttpRule]>),
        origin: Origin,
    ) {
        let pods = &self[tier].pods;
        for namespace in pods.namespaces.names() {
            let subject = Subject { namespace: namespace.clone(), labels: pods.labels.clone() };
            out.push(Grant {
                subject,
                direction,
                peer: peer.clone(),
                ports: ports.clone(),
                http: http.clone(),
                origin,
            });
        }
    }

    /// A scraper in a managed namespace gets its own half. Scrapers found by namespace labels are taken to live in
    /// namespaces that nobody manages here: which labels a namespace carries is not known.
    fn grant_scrapers(&self, out: &mut Vec<Grant>, tier: TierId, scrapers: &PeerSet, ports: &Arc<[PortRange]>) {
        let PeerSet::Pods(PodSet { namespaces, labels }) = scrapers else { return };
        let managed: Vec<&Sym> = match namespaces {
            NamespaceSet::All => self.namespaces.keys().collect(),
            NamespaceSet::Names(names) => names.iter().filter(|name| self.is_managed(name)).collect(),
            NamespaceSet::Labels(_) => vec![],
        };
        for namespace in managed {
            out.push(Grant {
                subject: Subject { namespace: namespace.clone(), labels: labels.clone() },
                direction: Direction::Egress,
                peer: PeerSet::Pods(self[tier].pods.clone()),
                ports: ports.clone(),
                http: Arc::new([]),
                origin: Origin::Scraper(tier),
            });
        }
    }

    /// The scrapers that the tier's app names itself.
    fn scrapers(&self, tier: TierId) -> Option<&PodSet> {
        self[self[tier].app].scrapers.map(|peer| &self[peer].pods)
    }

    fn peer_set(&self, endpoint: Endpoint, direction: Direction) -> PeerSet {
        match endpoint {
            Endpoint::Tier(id) => PeerSet::Pods(self[id].pods.clone()),
            Endpoint::Peer(id) => PeerSet::Pods(self[id].pods.clone()),
            Endpoint::External(id) => PeerSet::External(id),
            Endpoint::Builtin(Builtin::Anywhere) => match direction {
                Direction::Ingress => PeerSet::Anyone,
                Direction::Egress => PeerSet::Everywhere,
            },
            Endpoint::Builtin(Builtin::Internet) => PeerSet::Internet,
            Endpoint::Builtin(Builtin::Cluster) => PeerSet::AllPods,
            Endpoint::Builtin(Builtin::Nodes) => PeerSet::Nodes,
            Endpoint::Builtin(Builtin::ApiServer) => PeerSet::ApiServer,
        }
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
