//! Two sets of policies, class by class: what one lets through and the other does not.
//!
//! In: policies in the normal form, of any kind. Out: every difference, each at a concrete pod and other end. Where
//! policies add up, [`relation`](super::relation) finds the same without going through the classes; here order, passing on and
//! any selector count.
//!
//! 1. Pods of a side are told apart by the subjects of both sets' policies, and by what their rules demand of the governed
//!    pod itself; other ends that are pods by the peers of the rules that then can match ([`classes`]).
//! 2. Addresses are cut at every boundary of those rules' blocks: one address stands for each piece.
//! 3. Entities, and host names by the words of their patterns, stand for themselves; one end stands for what nothing names.
//! 4. [`law`] says for each pair what may pass, as exact sets of ports and requests. What is meant must be said for sure, and
//!    nothing may be said that is not meant for sure.
//! 5. Where ports have names, pods are told apart by who gives them names, too.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::classes::{self, TooMany};
use super::law::{self, Answer, Far, NamedPorts, Pod, Side};
use super::normal::{Condition, Engine, Entity, Key, Namespaces, Peer, Policy, Rule, Selector, Test};
use super::traffic::Traffic;
use crate::model::{Direction, NAMESPACE_NAME, Sym};

/// What both sets are about.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    /// Who reads the policies.
    pub(super) engine: Engine,
    /// Nodes and the API server are no addresses.
    pub(super) entities: bool,
    /// Addresses of pods, as far as known.
    pub(super) pod_ranges: &'a [IpNet],
    /// The names that a pod gives to ports, as far as known.
    pub(super) ports: &'a (dyn Fn(&Pod) -> NamedPorts + Sync),
    /// Which pods give names to ports.
    pub(super) naming: &'a [Selector],
    /// Namespaces that are looked at by their names, one by one.
    pub(super) apart: &'a BTreeSet<&'a Sym>,
}

/// Policies that may govern the pods of some namespaces, in the order in which they are asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Both<'s, 'p> {
    pub(super) said: &'s [&'p Policy],
    pub(super) meant: &'s [&'p Policy],
}

/// An other end of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Pod(Pod),
    Address(IpAddr),
    Name(Sym),
    Entity(Entity),
    Elsewhere,
}

/// One difference.
#[derive(Debug)]
pub(super) struct Difference<'p> {
    pub(super) direction: Direction,
    pub(super) subject: Pod,
    pub(super) other: End,
    /// What may pass and should not.
    pub(super) extra: Traffic,
    /// What should pass and may not.
    pub(super) missing: Traffic,
    /// What passes or not by something that is not known.
    pub(super) unclear: Traffic,
    pub(super) said: Answer<'p>,
    pub(super) meant: Answer<'p>,
}

/// The differences for the pods of one namespace, or of one that is not looked at by its name.
pub(super) fn differences<'p>(
    world: World<'_>,
    both: Both<'_, 'p>,
    namespace: Option<&Sym>,
) -> Result<Vec<Difference<'p>>, TooMany> {
    let mut out = vec![];
    for mut subject in classes::of(&subjects(world, both), namespace, world.apart)? {
        let is_apart = |name: &Sym| world.apart.contains(name);
        if namespace.is_none() && subject.namespace.get(NAMESPACE_NAME).is_some_and(is_apart) {
            continue;
        }
        subject.ports = (world.ports)(&subject);
        for direction in [Direction::Ingress, Direction::Egress] {
            let governing = both.governing(&subject, direction, world);
            for other in others(world, &governing, direction)? {
                out.extend(at(world, &governing, direction, &subject, other));
            }
        }
    }
    Ok(out)
}

/// The policies that govern each class of pods of a namespace, of those that are said.
pub(super) fn governing<'p>(
    world: World<'_>,
    both: Both<'_, 'p>,
    namespace: &Sym,
    direction: Direction,
) -> Result<Vec<Vec<&'p Policy>>, TooMany> {
    let pods = classes::of(&subjects(world, both), Some(namespace), world.apart)?;
    Ok(pods.iter().map(|pod| both.governing(pod, direction, world).said).collect())
}

/// The namespace that a policy is for, if it names one.
pub(super) fn names(policy: &Policy) -> Option<&Sym> {
    match &policy.subject.namespaces {
        Namespaces::Named(name) => Some(name),
        Namespaces::Labelled(labels) => labels.get(NAMESPACE_NAME),
    }
}

/// The namespaces whose names a policy's subject lists.
pub(super) fn listed(policy: &Policy) -> impl Iterator<Item = &Sym> {
    in_lists(&policy.subject.further)
}

fn in_lists(further: &[Condition]) -> impl Iterator<Item = &Sym> {
    let names = further.iter().filter_map(|condition| match (&condition.key, &condition.test) {
        (Key::Namespace(key), Test::In(names)) if **key == *NAMESPACE_NAME => Some(names),
        _ => None,
    });
    names.flatten()
}

/// The namespaces that the rules of a policy ask for by name, or do not want.
pub(super) fn names_of_others(policy: &Policy) -> impl Iterator<Item = &Sym> {
    let peers = policy.rules.iter().flat_map(|rule| {
        let demanded = rule.demands.iter().chain(&rule.own).flat_map(|demand| &demand.peers);
        rule.peers.iter().chain(demanded)
    });
    peers.flat_map(|peer| {
        let (namespaces, further): (_, &[Condition]) = match peer {
            Peer::Pods { namespaces, .. } => (Some(namespaces), &[]),
            Peer::Selected(selector) => (Some(&selector.namespaces), &selector.further),
            Peer::Anyone | Peer::Block { .. } | Peer::Entity(_) | Peer::Name(_) => (None, &[]),
        };
        let equal = namespaces.and_then(|namespaces| match namespaces {
            Namespaces::Named(name) => Some(name),
            Namespaces::Labelled(labels) => labels.get(NAMESPACE_NAME),
        });
        equal.into_iter().chain(in_lists(further))
    })
}

impl<'p> Both<'_, 'p> {
    fn policies(&self) -> impl Iterator<Item = &'p Policy> {
        self.said.iter().chain(self.meant).copied()
    }

    fn governing(&self, subject: &Pod, direction: Direction, world: World<'_>) -> Governing<'p> {
        let all_ports = NamedPorts::default();
        let side = side(world, direction, subject, Far::Elsewhere, &all_ports);
        let of = |policies: &[&'p Policy]| policies.iter().copied().filter(|one| law::governs(one, &side)).collect();
        Governing { said: of(self.said), meant: of(self.meant) }
    }
}

/// Policies that govern one class of pods in one direction.
struct Governing<'p> {
    said: Vec<&'p Policy>,
    meant: Vec<&'p Policy>,
}

impl<'p> Governing<'p> {
    fn rules(&self, direction: Direction) -> impl Iterator<Item = &'p Rule> {
        let policies = self.said.iter().chain(&self.meant);
        policies.flat_map(|policy| &policy.rules).filter(move |rule| rule.direction == direction)
    }
}

fn side<'a>(
    world: World<'a>,
    direction: Direction,
    subject: &'a Pod,
    other: Far<'a>,
    all_ports: &'a NamedPorts,
) -> Side<'a> {
    Side {
        engine: world.engine,
        direction,
        subject,
        other,
        all_ports,
        pod_ranges: Some(world.pod_ranges),
        names_are_symbols: true,
    }
}

/// 4.
fn at<'p>(
    world: World<'_>,
    governing: &Governing<'p>,
    direction: Direction,
    subject: &Pod,
    other: End,
) -> Option<Difference<'p>> {
    let all_ports = NamedPorts::default();
    let (said, meant) = {
        let entities = if let End::Entity(entity) = other { vec![entity] } else { vec![] };
        let side = side(world, direction, subject, other.far(&entities), &all_ports);
        (law::decide(&governing.said, &side), law::decide(&governing.meant, &side))
    };
    let extra = said.sure.minus(&meant.sure);
    let missing = meant.sure.minus(&said.perhaps);
    let unclear = said.perhaps.minus(&said.sure);
    if extra.is_empty() && missing.is_empty() && unclear.is_empty() {
        return None;
    }
    Some(Difference { direction, subject: subject.clone(), other, extra, missing, unclear, said, meant })
}

impl End {
    pub(super) fn far<'a>(&'a self, entities: &'a [Entity]) -> Far<'a> {
        match self {
            Self::Pod(pod) => Far::Pod(pod),
            Self::Address(address) => Far::Address(*address),
            Self::Name(name) => Far::Name(name, None),
            Self::Entity(_) => Far::Entity(entities),
            Self::Elsewhere => Far::Elsewhere,
        }
    }
}

/// 1, 5.
fn subjects(world: World<'_>, both: Both<'_, '_>) -> BTreeSet<Selector> {
    let own =
        |rule: &Rule| rule.own.iter().flat_map(|demand| &demand.peers).filter_map(as_selector).collect::<Vec<_>>();
    let of_policy = |policy: &Policy| {
        let demanded = policy.rules.iter().flat_map(own);
        std::iter::once(policy.subject.clone()).chain(demanded).collect::<Vec<_>>()
    };
    let naming = both.policies().flat_map(|policy| &policy.rules).any(names_ports).then_some(world.naming);
    both.policies().flat_map(of_policy).chain(naming.into_iter().flatten().cloned()).collect()
}

fn names_ports(rule: &Rule) -> bool {
    !rule.named.is_empty() || !rule.except_named.is_empty()
}

fn as_selector(peer: &Peer) -> Option<Selector> {
    match peer {
        Peer::Pods { namespaces, labels } => {
            Some(Selector { namespaces: namespaces.clone(), labels: labels.clone(), further: vec![] })
        }
        Peer::Selected(selector) => Some(selector.clone()),
        Peer::Anyone | Peer::Block { .. } | Peer::Entity(_) | Peer::Name(_) => None,
    }
}

/// 1 to 3, 5. One of each class, the most general first.
fn others(world: World<'_>, governing: &Governing<'_>, direction: Direction) -> Result<Vec<End>, TooMany> {
    let peers = || {
        governing.rules(direction).flat_map(|rule| {
            let demanded = rule.demands.iter().flat_map(|demand| &demand.peers);
            rule.peers.iter().chain(demanded)
        })
    };
    let naming = governing.rules(direction).any(names_ports).then_some(world.naming);
    let selectors: BTreeSet<Selector> =
        peers().filter_map(as_selector).chain(naming.into_iter().flatten().cloned()).collect();
    let mut ends = vec![End::Elsewhere];
    for mut pod in classes::of(&selectors, None, world.apart)? {
        pod.ports = (world.ports)(&pod);
        ends.push(End::Pod(pod));
    }
    if world.entities {
        ends.extend(Entity::ALL.map(End::Entity));
    }
    let names: BTreeSet<&Sym> = peers()
        .filter_map(|peer| match peer {
            Peer::Name(name) => Some(name),
            _ => None,
        })
        .collect();
    ends.extend(names.into_iter().map(|name| End::Name(name.clone())));
    let blocks = peers().filter_map(|peer| match peer {
        Peer::Block { cidr, except } => Some(std::iter::once(cidr).chain(except)),
        _ => None,
    });
    ends.extend(cuts(blocks.flatten()).into_iter().map(End::Address));
    Ok(ends)
}

/// 2. The first address of each piece.
fn cuts<'a>(blocks: impl Iterator<Item = &'a IpNet>) -> BTreeSet<IpAddr> {
    let mut cuts: BTreeSet<IpAddr> = [IpAddr::from([0_u8; 4]), IpAddr::from([0_u16; 8])].into();
    for block in blocks {
        cuts.insert(block.network());
        let next = match block.broadcast() {
            IpAddr::V4(last) => u32::from(last).checked_add(1).map(|next| IpAddr::V4(next.into())),
            IpAddr::V6(last) => u128::from(last).checked_add(1).map(|next| IpAddr::V6(next.into())),
        };
        cuts.extend(next);
    }
    cuts
}
