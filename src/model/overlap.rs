//! Tiers that one pod could belong to at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Labels, Model, Sym, TierId};
use crate::diag::{Diagnostic, Diagnostics, codes, quote};

/// Pairs of tiers that some pod (one value a label key) of some namespace can belong to both of, lower id first.
///
/// Tiers of a namespace are grouped by the set of their label keys; two groups are joined on the values of the keys that
/// both have. So the cost is that of the answer and of the (few) pairs of groups, not of the pairs of tiers.
pub fn overlapping_tiers(model: &Model) -> BTreeSet<(TierId, TierId)> {
    let mut by_namespace: BTreeMap<&Sym, BTreeMap<Vec<&Sym>, Vec<TierId>>> = BTreeMap::new();
    for (id, tier) in model.tiers() {
        let keys: Vec<&Sym> = tier.pods.labels.iter().map(|(key, _)| key).collect();
        for namespace in tier.pods.namespaces.names() {
            by_namespace.entry(namespace).or_default().entry(keys.clone()).or_default().push(id);
        }
    }
    let mut pairs = BTreeSet::new();
    for groups in by_namespace.values() {
        let groups: Vec<_> = groups.iter().collect();
        for (position, (keys, tiers)) in groups.iter().enumerate() {
            for (other_keys, others) in groups.iter().skip(position) {
                let common: Vec<&Sym> = keys.iter().filter(|key| other_keys.contains(key)).copied().collect();
                join(model, &common, tiers, others, &mut pairs);
            }
        }
    }
    pairs
}

fn join(model: &Model, keys: &[&Sym], tiers: &[TierId], others: &[TierId], pairs: &mut BTreeSet<(TierId, TierId)>) {
    let values = |id: TierId| -> Vec<Option<Sym>> {
        let labels: &Labels = &model[id].pods.labels;
        keys.iter().map(|key| labels.get(key).cloned()).collect()
    };
    let mut index: HashMap<Vec<Option<Sym>>, Vec<TierId>> = HashMap::new();
    for id in others {
        index.entry(values(*id)).or_default().push(*id);
    }
    for id in tiers {
        for other in index.get(&values(*id)).into_iter().flatten().filter(|other| *other != id) {
            pairs.insert((*id.min(other), *id.max(other)));
        }
    }
}

/// Tiers of two apps must not share pods, and overlapping tiers must agree on DNS.
pub(super) fn check(model: &Model, diags: &mut Diagnostics) {
    for (a, b) in overlapping_tiers(model) {
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
