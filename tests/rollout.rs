//! From one build to the next in a cluster: every order in which Argo CD, Flux and kubectl apply and delete is played object by
//! object, and the law is asked what passes in between (docs/rollout.md says the same in words).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod changes;
mod flux;
mod kustomize;
mod objects;
mod tools;
mod world;

use std::collections::BTreeSet;

use crate::support;
use changes::all;
use objects::Objects;
use rayon::prelude::*;
use tools::{Batch, Step, argo_cd, flux, kubectl};
use world::{Flow, World};

const DIALECTS: [&str; 3] = ["kubernetes", "calico", "cilium"];

/// What happens while a change is rolled out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Flows that pass in between, and neither before nor after.
    holes: BTreeSet<Flow>,
    /// Flows that pass before and after, and not in between.
    cuts: BTreeSet<Flow>,
    /// The first and the last batch in which some flow is cut.
    from: usize,
    until: usize,
}

/// Plays all batches, each forwards or backwards: what has no order may come in any.
fn play(world: &mut World, before: &Objects, after: &Objects, batches: &[Batch], backwards: bool) -> Seen {
    let (old, new) = (world.passes(before), world.passes(after));
    let mut seen = Seen { from: usize::MAX, ..Seen::default() };
    let mut cluster = before.clone();
    for (number, batch) in batches.iter().enumerate() {
        let mut batch = batch.clone();
        if backwards {
            batch.reverse();
        }
        for step in batch {
            let changed = match step {
                Step::Apply(key) => {
                    let object = after[&key].clone();
                    let text = object.text.clone();
                    cluster.insert(key, object).is_none_or(|old| old.text != text)
                }
                Step::Delete(key) => cluster.remove(&key).is_some(),
            };
            if !changed {
                continue;
            }
            for (flow, passes) in &*world.passes(&cluster) {
                let (old, new) = (old[flow], new[flow]);
                if passes.perhaps && !old.perhaps && !new.perhaps {
                    seen.holes.insert(flow.clone());
                }
                if !passes.surely && old.surely && new.surely {
                    seen.cuts.insert(flow.clone());
                    seen.from = seen.from.min(number);
                    seen.until = number;
                }
            }
        }
    }
    assert_eq!(world.passes(&cluster), new, "the end is not what was built");
    seen
}

type Tool = fn(&Objects, &Objects) -> Vec<Batch>;
const TOOLS: [(&str, Tool); 3] = [("Argo CD", argo_cd), ("Flux", flux), ("kubectl", kubectl)];

#[test]
fn no_change_opens_a_hole_and_what_it_cuts_is_written_down() {
    let changes = all();
    let wrong: Vec<String> = changes
        .par_iter()
        .flat_map(|change| DIALECTS.par_iter().map(move |dialect| (change, *dialect)))
        .flat_map(|(change, dialect)| {
            let (before, after) = match (change.before(dialect), change.after(dialect)) {
                (Some(before), Some(after)) => (before, after),
                _ => return vec![],
            };
            let mut world = World::new(dialect);
            let mut wrong = vec![];
            let (mut cuts, mut opens) = (false, vec![]);
            for (tool, order) in TOOLS {
                let batches = order(&before, &after);
                for backwards in [false, true] {
                    let seen = play(&mut world, &before, &after, &batches, backwards);
                    let what = format!("{}, {dialect}, {tool}, backwards: {backwards}", change.name);
                    if !seen.holes.is_empty() && !change.opens.contains(&dialect) {
                        wrong.push(format!("{what}: opens {:?}", seen.holes));
                    }
                    let is_told = change.cuts.contains(&dialect) && is_one_apply(tool, &seen);
                    if !seen.cuts.is_empty() && !is_told {
                        wrong.push(format!("{what}: cuts {:?} in {} to {}", seen.cuts, seen.from, seen.until));
                    }
                    cuts |= !seen.cuts.is_empty();
                    opens.extend(seen.holes);
                }
            }
            if change.cuts.contains(&dialect) && !cuts || change.opens.contains(&dialect) && opens.is_empty() {
                wrong.push(format!("{}, {dialect}: is better than it is said to be", change.name));
            }
            wrong
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether what is cut is whole again when the same apply ends. Flux applies and deletes one object after the other: there an
/// apply is a row of batches.
fn is_one_apply(tool: &str, seen: &Seen) -> bool {
    tool == "Flux" || seen.from == seen.until || tool == "kubectl" && seen.from == 2
}

/// What the test above would find if an annotation went missing.
#[test]
fn without_its_annotations_a_rename_is_cut_and_a_first_roll_out_denies_before_it_allows() {
    let strip = |objects: &Objects| -> Objects {
        objects.iter().map(|(key, object)| (key.clone(), object.without("argocd.argoproj.io/"))).collect()
    };
    let mut world = World::new("calico");
    let find = |name: &str| all().into_iter().find(|change| change.name == name).unwrap();
    let rename = find("a tier is renamed");
    let (before, after) = (strip(&rename.before("calico").unwrap()), strip(&rename.after("calico").unwrap()));
    let seen = play(&mut world, &before, &after, &argo_cd(&before, &after), false);
    assert!(!seen.cuts.is_empty());
    // Whether everything that denies comes in a batch behind everything that allows.
    let denies_last = |after: &Objects| {
        let batches = argo_cd(&Objects::new(), after);
        let of = |base: &'static str| {
            let in_batch = move |step: &Step| matches!(step, Step::Apply(key) if after[key].base == base);
            batches.iter().enumerate().filter(move |(_, batch)| batch.iter().any(in_batch)).map(|(number, _)| number)
        };
        of("allow").max() < of("baseline").min()
    };
    let after = rename.after("calico").unwrap();
    assert!(denies_last(&after) && !denies_last(&strip(&after)));
    let tier = find("another tier in Calico");
    let (before, after) = (strip(&tier.before("calico").unwrap()), strip(&tier.after("calico").unwrap()));
    assert!(!play(&mut world, &before, &after, &argo_cd(&before, &after), false).holes.is_empty());
}

/// Every object has its place in Argo CD's order.
#[test]
fn referred_objects_come_first_and_denies_last() {
    for dialect in DIALECTS {
        for ((kind, _, name), object) in objects::read(&support::repo().join("out").join(dialect)) {
            let wave = object.annotation("argocd.argoproj.io/sync-wave");
            let options = object.annotation("argocd.argoproj.io/sync-options");
            let expected = match (object.base.as_str(), kind.as_str()) {
                (_, "Tier" | "GlobalNetworkSet" | "CiliumCIDRGroup") => Some("-1"),
                ("allow", _) => None,
                _ => Some("1"),
            };
            assert_eq!(wave, expected, "{dialect}: {kind} {name}");
            // A tier cannot be deleted before its policy is.
            let before_its_tier = kind == "GlobalNetworkPolicy" && name.starts_with("netpolc-");
            assert_eq!(options, (!before_its_tier).then_some("PruneLast=true"), "{dialect}: {kind} {name}");
        }
    }
}
