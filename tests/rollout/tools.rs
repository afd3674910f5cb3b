//! In which order each tool applies and deletes, as its sources say.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Key, Objects};

/// What is done to one object.
#[derive(Debug, Clone)]
pub enum Step {
    Apply(Key),
    Delete(Key),
}

/// Steps that are done at the same time, or in an order that nobody promises.
pub type Batch = Vec<Step>;

fn gone<'o>(before: &'o Objects, after: &'o Objects) -> impl Iterator<Item = &'o Key> {
    before.keys().filter(|key| !after.contains_key(*key))
}

/// Argo CD with `prune` (argoproj/gitops-engine, pkg/sync).
///
/// 1. The wave of an object is its annotation's, else 0 (syncwaves/waves.go).
/// 2. The waves of what is deleted are swapped, the first with the last (sync_context.go, `getSyncTasks`).
/// 3. What says `PruneLast=true` in the cluster is deleted in a wave behind all others, which counts from 0 (the same).
/// 4. Within a wave all deletions come first, at the same time (`runTasks`, "prune first").
/// 5. Then objects are applied by kind and name (sync_tasks.go; no kind of ours but NetworkPolicy has a place there, and that
///    stands alone in its dialect), neighbours of one kind at the same time (`processCreateTasks`).
pub fn argo_cd(before: &Objects, after: &Objects) -> Vec<Batch> {
    let wave = |objects: &Objects, key: &Key| -> i64 {
        objects[key].annotation("argocd.argoproj.io/sync-wave").map_or(0, |wave| wave.parse().unwrap())
    };
    let mut applied: BTreeMap<i64, Vec<&Key>> = BTreeMap::new();
    for key in after.keys() {
        applied.entry(wave(after, key)).or_default().push(key);
    }
    let waves: BTreeSet<i64> = gone(before, after).map(|key| wave(before, key)).collect();
    let swapped: BTreeMap<i64, i64> = waves.iter().copied().zip(waves.iter().rev().copied()).collect();
    let deleted_in = |key: &Key| swapped[&wave(before, key)];
    let last = applied.keys().copied().chain(gone(before, after).map(deleted_in)).max().unwrap_or(0).max(0) + 1;
    let mut deleted: BTreeMap<i64, Vec<&Key>> = BTreeMap::new();
    for key in gone(before, after) {
        let options = before[key].annotation("argocd.argoproj.io/sync-options").unwrap_or_default();
        let wave = if options.split(',').any(|option| option == "PruneLast=true") { last } else { deleted_in(key) };
        deleted.entry(wave).or_default().push(key);
    }
    let mut batches = vec![];
    for wave in applied.keys().chain(deleted.keys()).copied().collect::<BTreeSet<i64>>() {
        batches.push(deleted.get(&wave).into_iter().flatten().map(|key| Step::Delete((*key).clone())).collect());
        let mut keys: Vec<&Key> = applied.get(&wave).into_iter().flatten().copied().collect();
        keys.sort_by_key(|(_, _, name)| name);
        for of_one_kind in keys.chunk_by(|(a, ..), (b, ..)| a == b) {
            batches.push(of_one_kind.iter().map(|key| Step::Apply((*key).clone())).collect());
        }
    }
    batches
}

/// Flux with a Kustomization for `allow` and one for `baseline` that depends on it, both with `prune`.
///
/// 1. `baseline` waits until `allow` is at the same revision, its deletions done (fluxcd/kustomize-controller,
///    internal/controller/kustomization_controller.go: `checkDependencies`, `reconcile`).
/// 2. Objects are applied one after the other, by group, kind, namespace and name (fluxcd/pkg, ssa/sort.go; no kind of ours has a
///    place there, and a dialect has one group).
/// 3. Then what is gone is deleted in the reverse order (ssa/manager_delete.go), but for what says `prune: disabled`.
pub fn flux(before: &Objects, after: &Objects) -> Vec<Batch> {
    let mut batches = vec![];
    for base in ["allow", "baseline"] {
        let of_base = |objects: &Objects, key: &Key| objects[key].base == base;
        batches.extend(after.keys().filter(|key| of_base(after, key)).map(|key| vec![Step::Apply(key.clone())]));
        let kept = |key: &&Key| before[*key].annotation("kustomize.toolkit.fluxcd.io/prune") == Some("disabled");
        let mut gone: Vec<&Key> =
            gone(before, after).filter(|key| of_base(before, key)).filter(|key| !kept(key)).collect();
        gone.reverse();
        batches.extend(gone.into_iter().map(|key| vec![Step::Delete(key.clone())]));
    }
    batches
}

/// `kubectl apply -k allow`, `kubectl apply -k baseline`, then `kubectl delete` of what is gone from `baseline` and from `allow`.
/// In which order kubectl applies what one command is given is kustomize's affair: any.
pub fn kubectl(before: &Objects, after: &Objects) -> Vec<Batch> {
    let apply = |base: &str| -> Batch {
        after.keys().filter(|key| after[*key].base == base).map(|key| Step::Apply(key.clone())).collect()
    };
    let delete = |base: &str| -> Batch {
        gone(before, after).filter(|key| before[*key].base == base).map(|key| Step::Delete(key.clone())).collect()
    };
    vec![apply("allow"), apply("baseline"), delete("baseline"), delete("allow")]
}
