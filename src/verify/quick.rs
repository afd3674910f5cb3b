//! A quick look at one namespace: whether its policies say of each pod and each other end, word for word, what is meant.
//!
//! In: permissions as the model gives them, and policies that add up. Out: whether both hold the same for each subject, direction
//! and peer. Then the two relations are equal entry by entry, and [`relation`](super::relation) would find no difference
//! (its law, 3). Nothing is copied. Where this is not so the relations may still mean the same: they are compared then.

use std::hash::{Hash, Hasher};

use ipnet::IpNet;

use super::allowed;
use super::expected::{self, Terms};
use super::normal::{Entity, Namespaces, Peer, Rule};
use super::sum::Simple;
use super::traffic::Traffic;
use crate::model::address::overlap;
use crate::model::{Direction, Given, Labels, Model, NAMESPACE_NAME, NamespaceSet, PeerSet, PodSet};

/// What peers of the model that are no groups of pods stand for.
#[derive(Debug)]
pub(super) struct Peers {
    every_pod: Vec<Peer>,
    everywhere: Vec<Peer>,
    internet: Vec<Peer>,
    nodes: Vec<Peer>,
    api_server: Vec<Peer>,
    externals: Vec<Vec<Peer>>,
    dns: Vec<Vec<Peer>>,
}

impl Peers {
    pub(super) fn of(terms: Terms<'_>) -> Self {
        let Terms { model, .. } = terms;
        let of = |peer| expected::peers(terms, peer);
        Self {
            every_pod: of(PeerSet::AllPods),
            everywhere: of(PeerSet::Everywhere),
            internet: of(PeerSet::Internet),
            nodes: of(PeerSet::Nodes),
            api_server: of(PeerSet::ApiServer),
            externals: model.externals().map(|(id, _)| of(PeerSet::External(id))).collect(),
            dns: (0..model.profile.dns.peers.len()).map(|number| of(PeerSet::Dns(number))).collect(),
        }
    }

    fn get(&self, peer: PeerSet<&PodSet>) -> &[Peer] {
        match peer {
            PeerSet::Anyone => &[Peer::Anyone],
            PeerSet::Everywhere => &self.everywhere,
            PeerSet::Internet => &self.internet,
            PeerSet::AllPods => &self.every_pod,
            PeerSet::Nodes => &self.nodes,
            PeerSet::ApiServer => &self.api_server,
            PeerSet::Pods(_) => &[],
            PeerSet::External(id) => self.externals.get(id.index()).map_or(&[], Vec::as_slice),
            PeerSet::Dns(number) => self.dns.get(number).map_or(&[], Vec::as_slice),
        }
    }
}

/// Whose permission, and towards whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key<'a> {
    direction: Direction,
    subject: &'a Labels,
    end: End<'a>,
}

/// One peer, in one form for its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End<'a> {
    Anyone,
    Pods(Where<'a>, &'a Labels),
    Block(IpNet, &'a [IpNet]),
    Entity(Entity),
    Name(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Where<'a> {
    Every,
    Named(&'a str),
    Labelled(&'a Labels),
}

impl<'a> Where<'a> {
    fn labelled(labels: &'a Labels) -> Self {
        match (labels.len(), labels.get(NAMESPACE_NAME)) {
            (0, _) => Self::Every,
            (1, Some(name)) => Self::Named(name),
            _ => Self::Labelled(labels),
        }
    }
}

impl<'a> End<'a> {
    fn of(peer: &'a Peer) -> Option<Self> {
        Some(match peer {
            Peer::Anyone => Self::Anyone,
            Peer::Pods { namespaces: Namespaces::Named(name), labels } => Self::Pods(Where::Named(name), labels),
            Peer::Pods { namespaces: Namespaces::Labelled(of), labels } => Self::Pods(Where::labelled(of), labels),
            Peer::Block { cidr, except } if except.is_sorted_by(|a, b| a < b) => Self::Block(*cidr, except),
            Peer::Entity(entity) => Self::Entity(*entity),
            Peer::Name(name) => Self::Name(name),
            Peer::Block { .. } | Peer::Selected(_) => return None,
        })
    }
}

/// What may pass by one rule or permission.
#[derive(Debug, Clone, Copy)]
enum Passes<'a> {
    Said(&'a Rule),
    Meant(Given<'a>),
}

/// Entries by the hash of their key: the order of hashes is as good as any.
type Entries<'a> = Vec<(u64, Key<'a>, Passes<'a>)>;

/// Whether policies that add up say what is meant. `false`: they may, or may not.
pub(super) fn is_meant<'a>(
    terms: Terms<'_>,
    peers: &'a Peers,
    meant: impl Iterator<Item = Given<'a>>,
    said: &[Simple<'a>],
) -> bool {
    let isolates =
        |direction| said.iter().any(|simple| simple.isolates(direction) && simple.policy.subject.labels.is_empty());
    if ![Direction::Ingress, Direction::Egress].into_iter().all(isolates) {
        return false;
    }
    let (Some(mut said), Some(mut meant)) =
        (of_policies(terms.model, terms.can.entities, said), of_model(peers, meant))
    else {
        return false;
    };
    said.sort_unstable_by_key(|(hash, ..)| *hash);
    meant.sort_unstable_by_key(|(hash, ..)| *hash);
    let same_hash = |a: &(u64, Key<'_>, Passes<'_>), b: &(u64, Key<'_>, Passes<'_>)| a.0 == b.0;
    let (mut said, mut meant) = (said.chunk_by(same_hash), meant.chunk_by(same_hash));
    loop {
        match (said.next(), meant.next()) {
            (None, None) => return true,
            (Some(said), Some(meant)) if is_same(terms, said, meant) => {}
            _ => return false,
        }
    }
}

fn of_policies<'a>(model: &Model, entities: bool, said: &[Simple<'a>]) -> Option<Entries<'a>> {
    // Whether a block matches pods whose addresses it covers differs: the relation looks at what else may pass then.
    let pod_ranges = if entities { &[][..] } else { &model.profile.pod_cidrs };
    let mut entries = Entries::with_capacity(said.len() * 2);
    for simple in said {
        let subject = &simple.policy.subject.labels;
        for rule in simple.allows() {
            for peer in &rule.peers {
                if let Peer::Block { cidr, .. } = peer
                    && pod_ranges.iter().any(|range| overlap(range, cidr))
                    && pod_ranges
                        .iter()
                        .any(|range| allowed::blocks_meet(peer, &Peer::Block { cidr: *range, except: vec![] }))
                {
                    return None;
                }
                let key = Key { direction: rule.direction, subject, end: End::of(peer)? };
                entries.push((hash(&key), key, Passes::Said(rule)));
            }
        }
    }
    Some(entries)
}

fn of_model<'a>(peers: &'a Peers, meant: impl Iterator<Item = Given<'a>>) -> Option<Entries<'a>> {
    let mut entries = Entries::with_capacity(meant.size_hint().0 * 2);
    for given in meant {
        let mut add = |end| {
            let key = Key { direction: given.direction, subject: given.labels, end };
            entries.push((hash(&key), key, Passes::Meant(given)));
        };
        match given.peer {
            PeerSet::Pods(PodSet { namespaces, labels }) => match namespaces {
                NamespaceSet::All => add(End::Pods(Where::Every, labels)),
                NamespaceSet::Names(names) => names.iter().for_each(|name| add(End::Pods(Where::Named(name), labels))),
                NamespaceSet::Labels(of) => add(End::Pods(Where::labelled(of), labels)),
            },
            other => {
                for peer in peers.get(other) {
                    add(End::of(peer)?);
                }
            }
        }
    }
    Some(entries)
}

/// Whether entries of one hash have one key, and the same may pass by both sides.
fn is_same(terms: Terms<'_>, said: &[(u64, Key<'_>, Passes<'_>)], meant: &[(u64, Key<'_>, Passes<'_>)]) -> bool {
    let Some((_, first, _)) = said.first() else { return false };
    if !said.iter().chain(meant).all(|(_, key, _)| key == first) {
        return false;
    }
    if let ([(_, _, Passes::Said(rule))], [(_, _, Passes::Meant(given))]) = (said, meant)
        && rule.http.is_empty()
        && given.http.is_empty()
        && !rule.others
        && rule.ports.iter().copied().eq(given.ports.iter().copied().map(expected::as_ports))
    {
        return true;
    }
    let sum = |entries: &[(u64, Key<'_>, Passes<'_>)]| {
        let mut all = Traffic::default();
        for (_, _, passes) in entries {
            all.add(&match passes {
                Passes::Said(rule) => Traffic::of(rule),
                Passes::Meant(given) => expected::traffic(terms, given),
            });
        }
        all
    };
    sum(said) == sum(meant)
}

fn hash(key: &Key<'_>) -> u64 {
    let mut words = Words(0);
    key.hash(&mut words);
    words.finish()
}

/// A hash that is cheap and good enough to sort by: keys are compared where hashes are equal.
struct Words(u64);

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            self.write_u64(match <[u8; 8]>::try_from(chunk) {
                Ok(whole) => u64::from_le_bytes(whole),
                Err(_) => chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
            });
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
