//! The pod that a selector without pods was probably meant for.

use std::collections::{BTreeMap, BTreeSet};

use super::Running;
use super::selectors::Selectors;
use crate::cluster::Pod;
use crate::diag::nearest;
use crate::model::{Endpoint, Labels, NamespaceSet, Peer, PeerId, Sym, TierId};

/// How many pods of a namespace are looked at for each tier: in a larger one a person looks better.
const MOST: usize = 500;

/// A pod in no tier that is near to a tier's selector.
#[derive(Debug, Clone)]
pub struct Near {
    /// Position of the pod.
    pub pod: usize,
    /// The first label that the pod does not carry as the selector asks for it.
    pub want: Want,
}

/// What a selector asks for and a pod does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// Another label: what is asked for, and what is there.
    Other((Sym, Sym), (Sym, Sym)),
    /// This label, and nothing is like it; the pod is the tier's by its name.
    Missing((Sym, Sym)),
}

/// Every tier without pods whose namespaces are known, with the pod that was probably meant, if there is one.
pub(super) fn missed(running: &Running<'_>) -> Vec<(TierId, Near)> {
    let mut free: BTreeMap<&str, Vec<(usize, &Pod)>> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for (at, pod) in running.pods().filter(|(at, _)| running.tiers_of(*at).is_empty()) {
        // Replicas are alike: one of them is enough.
        if running.model.is_managed(&pod.namespace) && kinds.insert((pod.made_by(), &pod.labels)) {
            free.entry(&pod.namespace).or_default().push((at, pod));
        }
    }
    let mut found = vec![];
    for (id, tier) in running.model.tiers().filter(|(id, _)| running.is_unused(*id)) {
        let there = tier.pods.namespaces.names().iter().filter_map(|name| free.get(&**name));
        let candidates = there.flat_map(|pods| pods.iter().take(MOST)).copied();
        found.extend(nearest_of(&tier.pods.labels, &tier.name, candidates).map(|near| (id, near)));
    }
    found
}

/// Tiers without pods whose labels some pod carries that is in no tier: it is in another namespace than the tier says. Each with
/// the first such pod; and all of these pods.
pub(super) fn misplaced(running: &Running<'_>) -> Misplaced {
    let anywhere: Sym = "".into();
    let mut selectors = Selectors::new();
    for (id, tier) in running.model.tiers() {
        if running.is_unused(id) && !tier.pods.labels.is_empty() {
            selectors.add(&anywhere, &tier.pods.labels, id);
        }
    }
    let mut found = Misplaced::default();
    for (at, pod) in running.pods().filter(|(at, _)| running.tiers_of(*at).is_empty()) {
        for tier in selectors.selecting(&anywhere, &pod.labels) {
            found.of_tier.entry(tier).or_insert(at);
            found.pods.insert(at);
        }
    }
    found
}

/// Pods that a tier would take in, were it in their namespace.
#[derive(Debug, Default)]
pub struct Misplaced {
    /// The first of each tier, by its position.
    pub of_tier: BTreeMap<TierId, usize>,
    /// Positions of all of them.
    pub pods: BTreeSet<usize>,
}

/// Whether a peer that matches nothing, which other rules tell, was probably meant for a pod.
pub(super) fn was_meant(running: &Running<'_>, peer: PeerId, pod: &Pod) -> bool {
    let Peer { name, pods, .. } = &running.model[peer];
    if !running.positions_of(Endpoint::Peer(peer)).is_empty() {
        return false;
    }
    let is_told = match &pods.namespaces {
        NamespaceSet::Names(names) => {
            let mut hidden = names.iter().filter(|name| !running.sees(name));
            running.knows_namespaces() || hidden.all(|name| running.near_namespace(name).is_some())
        }
        NamespaceSet::All | NamespaceSet::Labels(_) => running.knows_namespaces(),
    };
    let is_near_to = |name: &Sym| running.near_namespace(name) == Some(&*pod.namespace);
    let is_alike = match pods.labels.is_empty() {
        true => pods.namespaces.names().iter().any(is_near_to),
        false => pods.labels.is_subset_of(&pod.labels) || distance(&pods.labels, name, pod).is_some(),
    };
    is_told && is_alike
}

/// Of some pods with their positions, the one that a selector of this name was probably meant for.
pub fn nearest_of<'p>(wanted: &Labels, name: &str, pods: impl Iterator<Item = (usize, &'p Pod)>) -> Option<Near> {
    let scored = pods.filter_map(|(at, pod)| {
        let (cost, want) = distance(wanted, name, pod)?;
        Some((cost, at, want))
    });
    scored.min_by_key(|(cost, at, _)| (*cost, *at)).map(|(_, pod, want)| Near { pod, want })
}

/// How far a pod is from what is asked for, and the first thing that it lacks; `None`: too far.
fn distance(wanted: &Labels, name: &str, pod: &Pod) -> Option<(usize, Want)> {
    let mut cost = 0;
    let mut first = None;
    for (key, value) in wanted.iter().filter(|(key, value)| pod.labels.get(key) != Some(*value)) {
        let asked = (key.clone(), value.clone());
        let (price, want) = match pod.labels.get(key) {
            Some(has) if is_near(value, has) => (1, Want::Other(asked, (key.clone(), has.clone()))),
            _ => match pod.labels.iter().find(|(_, has)| *has == value) {
                Some((other, has)) => (2, Want::Other(asked, (other.clone(), has.clone()))),
                None if pod.workload == *value || &*pod.workload == name => (5, Want::Missing(asked)),
                None => return None,
            },
        };
        cost += price;
        first = first.or(Some(want));
    }
    Some((cost, first?))
}

/// Whether one word was probably written for another: misspelt, or a part of it at a hyphen.
pub(super) fn is_near(wrong: &str, right: &str) -> bool {
    let part = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.starts_with('-'))
            || long.strip_suffix(short).is_some_and(|rest| rest.ends_with('-'))
    };
    !wrong.is_empty()
        && !right.is_empty()
        && (nearest(wrong, [right]).is_some() || part(right, wrong) || part(wrong, right))
}
