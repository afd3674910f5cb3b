//! Whose names are resolved through Cilium's DNS proxy.
//!
//! In: the model. Out: for any pods of a namespace, whether one of them may be allowed to reach host names. Cilium learns
//! the addresses of names from answers that pass its proxy, and a plain rule on the same ports would let a pod ask past it;
//! so pods that can be in a tier with host names get the proxy's rule, and no plain one (docs.cilium.io, "DNS Proxy").

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{Endpoint, Labels, Model, Sym, TierId};

/// Values of some label keys.
type Values = Vec<Option<Sym>>;

/// Sets of labels by namespace, with the question whether one pod can carry one of them and another set.
#[derive(Debug, Default)]
pub struct Proxied<'a> {
    namespaces: BTreeMap<&'a Sym, BTreeMap<Vec<&'a Sym>, BTreeSet<&'a Labels>>>,
}

/// The tiers with host names.
pub fn tiers(model: &Model) -> BTreeSet<TierId> {
    let named = |to| matches!(to, Endpoint::External(id) if !model[id].fqdns.is_empty());
    model
        .edges()
        .filter_map(|(_, edge)| match edge.from {
            Endpoint::Tier(tier) if named(edge.to) => Some(tier),
            _ => None,
        })
        .collect()
}

impl<'a> Proxied<'a> {
    /// Of a model.
    pub fn new(model: &'a Model) -> Self {
        let mut proxied = Self::default();
        for tier in tiers(model) {
            let pods = &model[tier].pods;
            let keys: Vec<&Sym> = pods.labels.iter().map(|(key, _)| key).collect();
            for namespace in pods.namespaces.names() {
                let groups = proxied.namespaces.entry(namespace).or_default();
                groups.entry(keys.clone()).or_default().insert(&pods.labels);
            }
        }
        proxied
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }

    /// The ones of a namespace, ready to be asked often.
    pub fn within(&self, namespace: &Sym) -> Within<'a, '_> {
        Within { groups: self.namespaces.get(namespace), known: HashMap::new() }
    }
}

/// The sets of one namespace. They are joined on the keys that both sides have, so that asking does not compare all.
#[derive(Debug)]
pub struct Within<'a, 'p> {
    groups: Option<&'p BTreeMap<Vec<&'a Sym>, BTreeSet<&'a Labels>>>,
    known: HashMap<(usize, Vec<&'a Sym>), BTreeSet<Values>>,
}

impl<'a> Within<'a, '_> {
    /// Whether one pod can carry `labels` and those of a set.
    pub fn may_be(&mut self, labels: &Labels) -> bool {
        let Some(groups) = self.groups else { return false };
        groups.iter().enumerate().any(|(position, (keys, sets))| {
            let common: Vec<&'a Sym> = keys.iter().copied().filter(|key| labels.get(key).is_some()).collect();
            let values = |of: &Labels| common.iter().map(|key| of.get(key).cloned()).collect::<Values>();
            let asked = values(labels);
            let known = self.known.entry((position, common.clone()));
            known.or_insert_with(|| sets.iter().map(|set| values(set)).collect()).contains(&asked)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::source::Spanned;

    #[test]
    fn pods_that_can_be_in_a_tier_with_host_names_are_found() {
        let draft = Draft::new()
            .tier("web", "shop", "app=web")
            .tier("other", "shop", "tier=front")
            .tier("api", "shop", "app=api")
            .tier("far", "else", "app=web")
            .external("stripe", "", "")
            .with(|model| {
                let span = model.externals[0].span;
                model.externals[0].fqdns = vec![Spanned::new("api.stripe.com".into(), span)];
            })
            .edge("web -> stripe", "443/TCP");
        let model = draft.model();
        let proxied = Proxied::new(&model);
        let found: Vec<&str> = model
            .tiers
            .iter()
            .filter(|tier| {
                tier.pods.namespaces.names().iter().any(|name| proxied.within(name).may_be(&tier.pods.labels))
            })
            .map(|tier| &*tier.name)
            .collect();
        assert_eq!(found, ["web", "other"]);
    }
}
