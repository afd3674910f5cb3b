//! The two relations by namespace, borrowed: for those who look at one namespace after another and keep nothing.
//!
//! In: a [`Model`]. Out: a [`GrantIndex`], which holds numbers alone. What a number stands for is looked up when it is asked for,
//! by the same code from which [`Model::grants`] is made.

use std::collections::HashMap;

use super::relations::{Direction, Origin, PeerSet};
use super::{Builtin, EdgeId, Endpoint, HttpRule, Labels, Model, NamespaceSet, PodSet, PortRange, Sym, TierId};

/// One permission, whatever the namespaces are in which it holds. The fields are those of a [`Grant`](super::Grant).
#[derive(Debug, Clone, Copy)]
pub struct Given<'m> {
    /// Labels of the subject's pods; empty: every pod of the namespace.
    pub labels: &'m Labels,
    /// To send, or to receive.
    pub direction: Direction,
    /// To or from whom.
    pub peer: PeerSet<&'m PodSet>,
    /// On which ports of the destination; never empty.
    pub ports: &'m [PortRange],
    /// Which HTTP requests; empty: anything.
    pub http: &'m [HttpRule],
    /// Why.
    pub origin: Origin,
}

/// What asks for a permission of one side.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    /// An edge, at its source.
    Sends(EdgeId),
    /// An edge, at its destination.
    Receives(EdgeId),
    /// A tier that resolves names, of the DNS peer of this number.
    Dns(TierId, u32),
    /// A tier that is scraped.
    Metrics(TierId),
    /// The same, at its scrapers.
    Scraper(TierId),
}

/// In which namespaces a permission holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose<'m> {
    /// In those of a tier.
    Tier(TierId),
    /// In the managed ones of scrapers.
    Scrapers(&'m NamespaceSet),
}

impl Model {
    /// Everything that asks for permissions, in a stable order.
    pub(super) fn each_ask<'m>(&'m self, mut each: impl FnMut(Whose<'m>, Ask)) {
        for (id, edge) in self.edges() {
            if let Endpoint::Tier(tier) = edge.from {
                each(Whose::Tier(tier), Ask::Sends(id));
            }
            if let Endpoint::Tier(tier) = edge.to {
                each(Whose::Tier(tier), Ask::Receives(id));
            }
        }
        for (id, tier) in self.tiers() {
            if tier.dns {
                for peer in (0..).take(self.profile.dns.peers.len()) {
                    each(Whose::Tier(id), Ask::Dns(id, peer));
                }
            }
            if !tier.metrics.is_empty() {
                each(Whose::Tier(id), Ask::Metrics(id));
                each(Whose::Scrapers(&self.scrapers(id).namespaces), Ask::Scraper(id));
            }
        }
    }

    /// A scraper in a managed namespace gets its own half. Scrapers found by namespace labels are taken to live in
    /// namespaces that nobody manages here: which labels a namespace carries is not known.
    pub(super) fn namespaces_of<'m>(&'m self, whose: Whose<'m>) -> Vec<&'m Sym> {
        match whose {
            Whose::Tier(id) => self[id].pods.namespaces.names().iter().collect(),
            Whose::Scrapers(NamespaceSet::All) => self.namespaces.keys().collect(),
            Whose::Scrapers(NamespaceSet::Names(names)) => names.iter().filter(|name| self.is_managed(name)).collect(),
            Whose::Scrapers(NamespaceSet::Labels(_)) => vec![],
        }
    }

    /// What is asked for.
    pub(super) fn given(&self, ask: Ask) -> Option<Given<'_>> {
        Some(match ask {
            Ask::Sends(id) => {
                let edge = &self[id];
                let Endpoint::Tier(tier) = edge.from else { return None };
                let is_looked_at_here = !matches!(edge.to, Endpoint::Tier(_));
                Given {
                    labels: &self[tier].pods.labels,
                    direction: Direction::Egress,
                    peer: self.peer_set(edge.to, Direction::Egress),
                    ports: &edge.ports,
                    http: if is_looked_at_here { &edge.http } else { &[] },
                    origin: Origin::Edge(id),
                }
            }
            Ask::Receives(id) => {
                let edge = &self[id];
                let Endpoint::Tier(tier) = edge.to else { return None };
                Given {
                    labels: &self[tier].pods.labels,
                    direction: Direction::Ingress,
                    peer: self.peer_set(edge.from, Direction::Ingress),
                    ports: &edge.ports,
                    http: &edge.http,
                    origin: Origin::Edge(id),
                }
            }
            Ask::Dns(id, peer) => Given {
                labels: &self[id].pods.labels,
                direction: Direction::Egress,
                peer: PeerSet::Dns(peer as usize),
                ports: &self.profile.dns.ports,
                http: &[],
                origin: Origin::Dns(id),
            },
            Ask::Metrics(id) => Given {
                labels: &self[id].pods.labels,
                direction: Direction::Ingress,
                peer: PeerSet::Pods(self.scrapers(id)),
                ports: &self[id].metrics,
                http: &[],
                origin: Origin::Metrics(id),
            },
            Ask::Scraper(id) => Given {
                labels: &self.scrapers(id).labels,
                direction: Direction::Egress,
                peer: PeerSet::Pods(&self[id].pods),
                ports: &self[id].metrics,
                http: &[],
                origin: Origin::Scraper(id),
            },
        })
    }

    /// The scrapers that the tier's app names itself, else those of the project.
    fn scrapers(&self, tier: TierId) -> &PodSet {
        self[self[tier].app].scrapers.map_or(&self.profile.scrapers, |peer| &self[peer].pods)
    }

    fn peer_set(&self, endpoint: Endpoint, direction: Direction) -> PeerSet<&PodSet> {
        match endpoint {
            Endpoint::Tier(id) => PeerSet::Pods(&self[id].pods),
            Endpoint::Peer(id) => PeerSet::Pods(&self[id].pods),
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

/// Which permissions hold in which managed namespace.
#[derive(Debug)]
pub struct GrantIndex<'m> {
    model: &'m Model,
    numbers: HashMap<&'m str, u32>,
    /// For each namespace the place after its last entry of `asks`.
    ends: Vec<u32>,
    asks: Vec<Ask>,
}

impl<'m> GrantIndex<'m> {
    /// Of all permissions of a model.
    pub fn new(model: &'m Model) -> Self {
        let numbers: HashMap<&str, u32> = model.namespaces.keys().map(|name| &**name).zip(0..).collect();
        // Most tiers ask for many permissions: their namespaces are looked up once.
        let number = |name: &Sym| numbers.get(&**name).copied();
        let places: Vec<Vec<u32>> =
            model.tiers.iter().map(|tier| tier.pods.namespaces.names().iter().filter_map(number).collect()).collect();
        let each = |found: &mut dyn FnMut(u32, Ask)| {
            model.each_ask(|whose, ask| match whose {
                Whose::Tier(id) => places.get(id.index()).into_iter().flatten().for_each(|place| found(*place, ask)),
                Whose::Scrapers(_) => {
                    model.namespaces_of(whose).into_iter().filter_map(number).for_each(|place| found(place, ask));
                }
            });
        };
        // How many there are in each namespace, then where each one's begin, then the entries in their places.
        let mut ends = vec![0_u32; numbers.len()];
        each(&mut |place, _| {
            if let Some(count) = ends.get_mut(place as usize) {
                *count += 1;
            }
        });
        let mut total = 0_u32;
        for count in &mut ends {
            total += std::mem::replace(count, total);
        }
        let mut asks = vec![Ask::Metrics(TierId(0)); total as usize];
        each(&mut |place, ask| {
            let Some(next) = ends.get_mut(place as usize) else { return };
            if let Some(entry) = asks.get_mut(*next as usize) {
                *entry = ask;
            }
            *next += 1;
        });
        Self { model, numbers, ends, asks }
    }

    /// The model.
    pub fn model(&self) -> &'m Model {
        self.model
    }

    /// The number of a managed namespace, in the order of [`Model::namespaces`].
    pub fn number(&self, namespace: &str) -> Option<u32> {
        self.numbers.get(namespace).copied()
    }

    /// What the pods of one namespace may send and receive, in the order of [`Model::grants`].
    pub fn of(&self, namespace: &str) -> impl Iterator<Item = Given<'m>> + use<'m, '_> {
        let at = self.number(namespace).map(|number| number as usize);
        let end = at.and_then(|at| self.ends.get(at)).copied().unwrap_or_default();
        let start = at.and_then(|at| at.checked_sub(1)).and_then(|before| self.ends.get(before)).copied();
        let asks = self.asks.get(start.unwrap_or_default() as usize..end as usize).unwrap_or_default();
        asks.iter().filter_map(|ask| self.model.given(*ask))
    }

    /// Every permission, once for each namespace in which it holds.
    pub fn all(&self) -> impl Iterator<Item = Given<'m>> + use<'m, '_> {
        self.asks.iter().filter_map(|ask| self.model.given(*ask))
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::Draft;
    use crate::model::{Grant, GrantIndex, NamespaceSet};

    /// `grants` and the index are two orders of one thing.
    #[test]
    fn the_index_holds_the_grants_of_each_namespace_in_their_order() {
        let draft = Draft::new().tiers("web api shop/db other/jobs").tier("wide", "other shop", "app=wide");
        let draft = draft.external("bank", "203.0.113.0/24", "").peer("mesh", "istio-system", "");
        let draft = draft.edges("web -> api; api -> db; wide -> web; web -> bank; mesh -> web; api -> internet");
        let mut model = draft.with(|model| model.profile.scrapers.namespaces = NamespaceSet::All).model();
        for tier in model.tiers.iter_mut().take(2) {
            tier.metrics = model.profile.dns.ports.clone();
        }
        let (index, grants) = (GrantIndex::new(&model), model.grants());
        let mut count = 0;
        for namespace in model.namespaces.keys() {
            let listed: Vec<&Grant> = grants.iter().filter(|grant| grant.subject.namespace == *namespace).collect();
            let given: Vec<_> = index.of(namespace).collect();
            assert_eq!(listed.len(), given.len());
            for (grant, given) in listed.iter().zip(&given) {
                assert_eq!((&grant.subject.labels, grant.direction), (given.labels, given.direction));
                assert_eq!((&grant.peer, &*grant.ports, &*grant.http), (&given.peer.owned(), given.ports, given.http));
                assert_eq!(grant.origin, given.origin);
            }
            count += given.len();
        }
        assert_eq!((count, index.all().count()), (grants.len(), grants.len()));
        assert!(model.namespaces.len() == 2 && count > 20);
        assert_eq!(index.of("istio-system").count(), 0);
    }
}
