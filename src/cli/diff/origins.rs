//! Who asked for a flow, and whose pods are at its ends.
//!
//! In: the model of one side, and a flow as the policies have it. Out: the lines of the intents that ask for it. Grants are
//! looked up by their pods, so that many flows cost no more than they are.

use std::collections::HashMap;

use ipnet::IpNet;

use crate::model::{
    Cidrs, Direction, DnsPeer, Grant, Labels, Model, NamespaceSet, Origin, PeerSet, PodSet, Sym, TierId,
};
use crate::source::Sources;
use crate::verify::normal::{Entity, Namespaces, Peer, Ports};
use crate::verify::{PortSet, Traffic};

/// A line of an intent that asks for a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    /// The edge, or what else it is: `web -> api`, `DNS of web`.
    pub(super) name: String,
    pub(super) app: String,
    pub(super) owner: Option<String>,
    pub(super) why: Option<String>,
    pub(super) place: Place,
}

/// A line of a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: usize,
    /// Where it is of the other side, and may be gone: how that side is called, as in "at `main`".
    pub(super) old: Option<String>,
}

/// The app of some pods, and its team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Team {
    pub(super) app: String,
    pub(super) owner: Option<String>,
}

/// What the intents of one side say, by pods.
pub(super) struct Asking<'m> {
    pub(super) model: &'m Model,
    sources: &'m Sources,
    old: Option<String>,
    grants: Vec<Grant>,
    /// Grants by subject, direction and the other end's pods.
    near: HashMap<(Peer, Direction, Peer), Vec<usize>>,
    /// Grants by subject and direction whose other end is no group of pods in named namespaces.
    far: HashMap<(Peer, Direction), Vec<usize>>,
    tiers: HashMap<Peer, TierId>,
}

impl<'m> Asking<'m> {
    pub(super) fn of(model: &'m Model, sources: &'m Sources, old: Option<String>) -> Self {
        let grants = model.grants();
        let mut this = Self {
            model,
            sources,
            old,
            grants: vec![],
            near: HashMap::new(),
            far: HashMap::new(),
            tiers: HashMap::new(),
        };
        for (number, grant) in grants.iter().enumerate() {
            let subject = named(&grant.subject.namespace, &grant.subject.labels);
            let peers = match &grant.peer {
                PeerSet::Pods(pods) => of_pods(pods),
                _ => vec![],
            };
            for peer in &peers {
                this.near.entry((subject.clone(), grant.direction, peer.clone())).or_default().push(number);
            }
            if !matches!(&grant.peer, PeerSet::Pods(PodSet { namespaces: NamespaceSet::Names(_), .. })) {
                this.far.entry((subject, grant.direction)).or_default().push(number);
            }
        }
        this.grants = grants;
        for (id, tier) in model.tiers() {
            for peer in of_pods(&tier.pods) {
                this.tiers.entry(peer).or_insert(id);
            }
        }
        this
    }

    /// What asks for some traffic between two ends, in the order of its lines.
    pub(super) fn asked(&self, (from, to): &(Peer, Peer), traffic: &Traffic) -> Vec<Asked> {
        let mut found: Vec<usize> = vec![];
        for (subject, direction, other) in [(from, Direction::Egress, to), (to, Direction::Ingress, from)] {
            found.extend(self.on_side(subject, direction, other, traffic));
        }
        let mut origins: Vec<Origin> = found
            .into_iter()
            .filter_map(|number| self.grants.get(number))
            .map(|grant| match grant.origin {
                Origin::Scraper(tier) => Origin::Metrics(tier),
                other => other,
            })
            .collect();
        origins.sort_unstable();
        origins.dedup();
        let mut asked: Vec<Asked> = origins.into_iter().map(|origin| self.told(origin)).collect();
        asked.sort_unstable_by(|a, b| (&a.place, a).cmp(&(&b.place, b)));
        asked
    }

    /// Grants that name the other end as the policies do; else those that may mean it.
    fn on_side(&self, subject: &Peer, direction: Direction, other: &Peer, traffic: &Traffic) -> Vec<usize> {
        let asks = |number: &usize| {
            let grant = self.grants.get(*number)?;
            let ports = grant.ports.iter().map(|range| Ports {
                protocol: range.protocol,
                first: range.first,
                last: range.last,
            });
            let granted = Traffic::new(PortSet::new(ports), &grant.http);
            (traffic.is_empty() || !granted.and(traffic).is_empty()).then_some(*number)
        };
        let exact = self.near.get(&(subject.clone(), direction, other.clone()));
        let exact: Vec<usize> = exact.into_iter().flatten().filter_map(asks).collect();
        if !exact.is_empty() {
            return exact;
        }
        let far = || self.far.get(&(subject.clone(), direction)).into_iter().flatten();
        let meaning = |whole: bool| {
            let means =
                |number: &&usize| self.grants.get(**number).is_some_and(|grant| self.means(&grant.peer, other, whole));
            far().filter(means).filter_map(asks).collect::<Vec<_>>()
        };
        let same = meaning(true);
        if same.is_empty() { meaning(false) } else { same }
    }

    /// Whether a set of ends is, or holds a part of, what a peer of a policy is. `whole`: the very same addresses.
    fn means(&self, set: &PeerSet, peer: &Peer, whole: bool) -> bool {
        let profile = &self.model.profile;
        let among = |ranges: &Cidrs| match peer {
            Peer::Block { cidr, except } if whole => {
                ranges.blocks.iter().any(|block| block.cidr == *cidr && block.except == *except)
            }
            Peer::Block { cidr, .. } => ranges.overlaps(cidr),
            _ => false,
        };
        let listed = |ranges: &[IpNet]| among(&Cidrs::new(ranges.iter().copied()));
        match set {
            PeerSet::Anyone => matches!(peer, Peer::Anyone) || !whole,
            PeerSet::Everywhere => match peer {
                Peer::Block { .. } => among(&profile.everywhere()),
                Peer::Anyone | Peer::Entity(_) => true,
                _ => !whole,
            },
            PeerSet::Internet => among(&profile.internet()),
            PeerSet::AllPods => match peer {
                Peer::Pods { namespaces: Namespaces::Labelled(by), labels } if by.is_empty() => {
                    labels.is_empty() || !whole
                }
                Peer::Pods { .. } => !whole,
                _ => false,
            },
            PeerSet::Nodes => match peer {
                Peer::Entity(entity) => Entity::NODES.contains(entity),
                _ => listed(&profile.node_cidrs),
            },
            PeerSet::ApiServer => matches!(peer, Peer::Entity(Entity::ApiServer)) || listed(&profile.api_server_cidrs),
            PeerSet::External(id) => {
                let external = &self.model[*id];
                match peer {
                    Peer::Name(name) => external.fqdns.iter().any(|host| host.value == *name),
                    _ => among(&external.addresses),
                }
            }
            PeerSet::Dns(number) => match profile.dns.peers.get(*number) {
                Some(DnsPeer::Pods(pods) | DnsPeer::Cache(pods)) => of_pods(pods).contains(peer),
                Some(DnsPeer::Address(net)) => listed(&[*net]),
                None => false,
            },
            PeerSet::Pods(pods) => {
                of_pods(pods).contains(peer)
                    || !whole && matches!(peer, Peer::Pods { labels, .. } if pods.labels.is_subset_of(labels))
            }
        }
    }

    fn told(&self, origin: Origin) -> Asked {
        let (model, app) = (self.model, &self.model[self.model.origin_app(origin)]);
        let why = match origin {
            Origin::Edge(edge) => model[edge].why.as_ref().map(ToString::to_string),
            Origin::Dns(_) | Origin::Metrics(_) | Origin::Scraper(_) => None,
        };
        Asked {
            name: model.origin_name(origin),
            app: app.name.to_string(),
            owner: app.owner.as_ref().map(ToString::to_string),
            why,
            place: self.place(model.origin_span(origin)),
        }
    }

    pub(super) fn place(&self, span: crate::source::Span) -> Place {
        let path = self.sources.path(span.file).to_string();
        Place { path, line: self.sources.line_col(span).0, old: self.old.clone() }
    }

    /// Whose pods an end is, where it is a tier's.
    pub(super) fn team(&self, peer: &Peer) -> Option<Team> {
        let app = &self.model[self.model[*self.tiers.get(peer)?].app];
        Some(Team { app: app.name.to_string(), owner: app.owner.as_ref().map(ToString::to_string) })
    }
}

/// Whether an end is more than pods that somebody named: what a review looks at first. The cluster's DNS is not.
pub(super) fn is_outside(peer: &Peer, name: &str) -> bool {
    match peer {
        Peer::Pods { namespaces: Namespaces::Labelled(by), labels } => by.is_empty() && labels.is_empty(),
        Peer::Pods { .. } | Peer::Selected(_) => false,
        Peer::Anyone | Peer::Name(_) | Peer::Entity(_) => true,
        Peer::Block { .. } => name != super::super::report::DNS,
    }
}

fn named(namespace: &Sym, labels: &Labels) -> Peer {
    Peer::Pods { namespaces: Namespaces::Named(namespace.clone()), labels: labels.clone() }
}

fn of_pods(pods: &PodSet) -> Vec<Peer> {
    let with = |namespaces| Peer::Pods { namespaces, labels: pods.labels.clone() };
    match &pods.namespaces {
        NamespaceSet::All => vec![with(Namespaces::Labelled(Labels::default()))],
        NamespaceSet::Labels(by) => vec![with(Namespaces::Labelled(by.clone()))],
        NamespaceSet::Names(names) => names.iter().map(|name| with(Namespaces::Named(name.clone()))).collect(),
    }
}
