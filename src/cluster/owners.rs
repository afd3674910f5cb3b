//! Which workloads are already there as something else: a dump of a cluster holds a Deployment, its ReplicaSets and their
//! pods, which are the same pods three times.
//!
//! 1. A Pod that runs stands for itself and for everything above it: it says more than the template it was made of.
//! 2. A workload stands for what it owns, and no pod of it: an old ReplicaSet is kept for roll-backs alone.
//!
//! What owns an object is its controller (meta/v1/types.go, `OwnerReference`), as far as it is there too.

use std::collections::{BTreeMap, BTreeSet};

use super::read::POD;
use crate::model::Sym;

/// The name by which an object is known in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// Its kind.
    pub(super) kind: &'static str,
    /// Its namespace; empty for a Namespace.
    pub(super) namespace: Sym,
    /// Its name.
    pub(super) name: Sym,
}

impl Key {
    /// `namespace/name`, or the name of what is in none.
    pub(super) fn path(&self) -> String {
        match self.namespace.is_empty() {
            true => self.name.to_string(),
            false => format!("{}/{}", self.namespace, self.name),
        }
    }
}

/// The workloads for which another object stands.
pub(super) fn represented<'k>(objects: impl Iterator<Item = (&'k Key, Option<&'k Key>)>) -> BTreeSet<&'k Key> {
    let owners: BTreeMap<&Key, Option<&Key>> = objects.collect();
    // Only what is there can stand for something.
    let owner = |key: &Key| owners.get(key).copied().flatten().and_then(|owner| Some(*owners.get_key_value(owner)?.0));
    let is_pod = |key: &&Key| key.kind == POD;
    let mut above_pods = BTreeSet::new();
    for pod in owners.keys().copied().filter(is_pod) {
        let mut above = owner(pod).filter(|key| !is_pod(key));
        while let Some(workload) = above.filter(|workload| above_pods.insert(*workload)) {
            above = owner(workload).filter(|key| !is_pod(key));
        }
    }
    let owned = owners.keys().copied().filter(|key| !is_pod(key));
    let owned = owned.filter(|key| owner(key).is_some() && !is_own_ancestor(key, &owner));
    above_pods.iter().copied().chain(owned).collect()
}

/// Whether what owns an object is, in the end, owned by it: nothing that a cluster makes.
fn is_own_ancestor<'k>(key: &'k Key, owner: &impl Fn(&Key) -> Option<&'k Key>) -> bool {
    let (mut above, mut seen) = (owner(key), BTreeSet::new());
    while let Some(next) = above {
        if next == key {
            return true;
        }
        if !seen.insert(next) {
            return false;
        }
        above = owner(next);
    }
    false
}
