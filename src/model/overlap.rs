//! Tiers that one pod could belong to at once, and that must not share it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{AppId, Labels, Model, Sym, TierId};
use crate::diag::{Diagnostic, Diagnostics, codes, quote};

/// The most pairs that are told: tiers that all overlap make pairs with the square of their number.
const MAX_PAIRS: usize = 1_000;

/// What tiers must agree on to share pods: their app, and whether DNS is on.
type Kind = (AppId, bool);

/// Tiers with the same label keys, by kind.
type Kinds = BTreeMap<Kind, Vec<TierId>>;

/// Pairs of tiers of different kinds that some pod (one value a label key) of some namespace can belong to both of, lower
/// id first; at most [`MAX_PAIRS`].
///
/// Tiers of a namespace are grouped by the set of their label keys; two groups are joined on the values of the keys that
/// both have. Tiers of one kind are never compared. So the cost is that of the answer and of the (few) pairs of groups,
/// not of the pairs of tiers.
fn conflicts(model: &Model) -> BTreeSet<(TierId, TierId)> {
    let mut by_namespace: BTreeMap<&Sym, BTreeMap<Vec<&Sym>, Kinds>> = BTreeMap::new();
    for (id, tier) in model.tiers() {
        let keys: Vec<&Sym> = tier.pods.labels.iter().map(|(key, _)| key).collect();
        for namespace in tier.pods.namespaces.names() {
            let group = by_namespace.entry(namespace).or_default().entry(keys.clone()).or_default();
            group.entry((tier.app, tier.dns)).or_default().push(id);
        }
    }
    let mut pairs = BTreeSet::new();
    for groups in by_namespace.values() {
        let kinds: BTreeSet<&Kind> = groups.values().flat_map(BTreeMap::keys).collect();
        if kinds.len() < 2 {
            continue;
        }
        let groups: Vec<_> = groups.iter().collect();
        for (position, (keys, tiers)) in groups.iter().enumerate() {
            for (other_keys, others) in groups.iter().skip(position) {
                let mut kinds = tiers.keys().chain(others.keys());
                let first = kinds.next();
                if kinds.all(|kind| Some(kind) == first) {
                    continue;
                }
                let common: Vec<&Sym> = keys.iter().filter(|key| other_keys.contains(key)).copied().collect();
                join(model, &common, tiers, others, &mut pairs);
                if pairs.len() >= MAX_PAIRS {
                    return pairs;
                }
            }
        }
    }
    pairs
}

fn join(model: &Model, keys: &[&Sym], tiers: &Kinds, others: &Kinds, pairs: &mut BTreeSet<(TierId, TierId)>) {
    let values = |id: TierId| -> Vec<Option<Sym>> {
        let labels: &Labels = &model[id].pods.labels;
        keys.iter().map(|key| labels.get(key).cloned()).collect()
    };
    let mut index: HashMap<Vec<Option<Sym>>, BTreeMap<Kind, Vec<TierId>>> = HashMap::new();
    for (kind, others) in others {
        for id in others {
            index.entry(values(*id)).or_default().entry(*kind).or_default().push(*id);
        }
    }
    for (kind, id) in tiers.iter().flat_map(|(kind, tiers)| tiers.iter().map(move |id| (kind, id))) {
        let alike = index.get(&values(*id)).into_iter().flatten();
        for other in alike.filter(|(other, _)| *other != kind).flat_map(|(_, others)| others) {
            pairs.insert((*id.min(other), *id.max(other)));
            if pairs.len() >= MAX_PAIRS {
                return;
            }
        }
    }
}

/// Tiers of two apps must not share pods, and overlapping tiers must agree on DNS.
pub(super) fn check(model: &Model, diags: &mut Diagnostics) {
    for (a, b) in conflicts(model) {
        let (a, b) = (&model[a], &model[b]);
        // Where the namespace is not shared at all, that is the mistake, and it was reported.
        let shared = |name: &Sym| model.profile.shared_namespaces.contains(name);
        let common = a.pods.namespaces.names().iter().filter(|name| b.pods.namespaces.names().contains(name));
        if a.app != b.app && common.into_iter().any(shared) {
            let message = format!(
                "a pod could be in tier {} of app `{}` and in tier {} of app `{}`",
                quote(&a.name),
                model[a.app].name,
                quote(&b.name),
                model[b.app].name
            );
            diags.push(
                Diagnostic::error(codes::FOREIGN_OVERLAP, b.pods_span, message)
                    .label(format!("pods {}", b.pods.labels))
                    .related(a.pods_span, format!("pods {}", a.pods.labels))
                    .help("give both a common label key with different values, as `app`"),
            );
        }
        if a.dns != b.dns {
            let message = format!("tiers {} and {} can share pods but disagree on DNS", quote(&a.name), quote(&b.name));
            let words = |dns: bool| if dns { "DNS is on here" } else { "DNS is off here" };
            diags.push(
                Diagnostic::error(codes::DNS_DISAGREES, b.span, message)
                    .label(words(b.dns))
                    .related(a.span, words(a.dns))
                    .help("a pod in both would get DNS: let them agree, or give them labels that exclude each other"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    fn draft(tiers: usize, tier: impl Fn(usize) -> (String, String)) -> Model {
        let tiers = (0..tiers).map(tier);
        tiers.fold(Draft::new(), |draft, (name, labels)| draft.tier(&name, "shared", &labels)).model()
    }

    /// All conflicts, found the slow way.
    fn slow(model: &Model) -> BTreeSet<(TierId, TierId)> {
        let kind = |id: TierId| (model[id].app, model[id].dns);
        let ids: Vec<TierId> = model.tiers().map(|(id, _)| id).collect();
        let pairs = ids.iter().flat_map(|a| ids.iter().map(move |b| (*a, *b)));
        pairs.filter(|(a, b)| a < b && kind(*a) != kind(*b) && model[*a].pods.overlaps(&model[*b].pods)).collect()
    }

    #[test]
    fn the_join_finds_what_comparing_every_pair_finds() {
        for step in 1..20 {
            let labels = |n: usize| {
                let keys = ["a", "b", "c"].iter().enumerate().filter(|(at, _)| !(n * step).is_multiple_of(at + 4));
                keys.map(|(at, key)| format!("{key}={}", n * step / (at + 1) % 4)).collect::<Vec<_>>().join(",")
            };
            let app = |n: usize| ["", "other/", "third/"][n % 3];
            let mut model = draft(36, |n| (format!("{}t{n}", app(n)), labels(n)));
            for (position, tier) in model.tiers.iter_mut().enumerate() {
                tier.dns = position % 5 > 0;
            }
            let found = conflicts(&model);
            assert!(!found.is_empty());
            assert_eq!(found, slow(&model));
        }
    }

    #[test]
    fn ten_thousand_tiers_of_one_kind_that_all_overlap_are_not_compared() {
        let same = draft(10_000, |n| (format!("t{n}"), String::new()));
        assert!(conflicts(&same).is_empty());
        let disjoint_keys = draft(10_000, |n| (format!("t{n}"), format!("k{n}=1")));
        assert!(conflicts(&disjoint_keys).is_empty());
    }

    #[test]
    fn endless_conflicts_are_cut() {
        let model = draft(2_000, |n| (format!("{}t{n}", ["", "other/"][n % 2]), format!("k{n}=1")));
        assert_eq!(conflicts(&model).len(), MAX_PAIRS);
        let model = draft(2_000, |n| (format!("{}t{n}", ["", "other/"][n % 2]), String::new()));
        assert_eq!(conflicts(&model).len(), MAX_PAIRS);
    }
}
