//! When policies are asked.
//!
//! In: policies and tiers. Out: ranks. Sources: `felix/calc/policy_sorter.go` (`TierLess`, `PolKVLess`),
//! `felix/rules/endpoints.go`, api `projectcalico/v3/tier.go`, `libcalico-go/lib/backend/k8s/conversion`
//! (`K8sNetworkPolicyToCalico`).
//!
//! 1. Tiers are asked by order, then by name; those without order after them. In a tier policies are asked by order, those
//!    without last, and at equal orders by `name/namespace/kind`, as text.
//! 2. A tier denies at its end, unless it passes. `default` denies; it and some others Calico makes itself.
//! 3. A tier that nobody described is asked after all others, and denies. Of what we write the tier may be described elsewhere:
//!    neither its place nor its end is known then. It is taken to stand where `default` does.
//! 4. Policies of Kubernetes stand at order 1000 in tier `default`. Whoever writes them, they are asked after what stands
//!    before.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::convert::Tier;
use crate::dialects::reading::Purpose;
use crate::verify::normal::{End, Rank};

/// The tier of a policy that names none.
pub(super) const DEFAULT_TIER: &str = "default";
/// 4.
pub(super) const KUBERNETES_ORDER: f64 = 1_000.0;
const DEFAULT_ORDER: f64 = 1_000_000.0;

/// A tier that Calico makes itself.
#[derive(Debug)]
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    pub(super) order: f64,
    /// Its end hands over to the next tier.
    pub(super) passes: bool,
    /// The API server takes no other order and end.
    pub(super) is_fixed: bool,
}

/// All of them; the last two are those of older releases.
pub(super) const BUILT_IN: [BuiltIn; 5] = [
    BuiltIn { name: DEFAULT_TIER, order: DEFAULT_ORDER, passes: false, is_fixed: true },
    BuiltIn { name: "kube-admin", order: 1_000.0, passes: true, is_fixed: true },
    BuiltIn { name: "kube-baseline", order: 10_000_000.0, passes: true, is_fixed: true },
    BuiltIn { name: "adminnetworkpolicy", order: 1_000.0, passes: true, is_fixed: false },
    BuiltIn { name: "baselineadminnetworkpolicy", order: 10_000_000.0, passes: true, is_fixed: false },
];

impl BuiltIn {
    pub(super) fn is(&self, tier: &Tier) -> bool {
        tier.order == Some(self.order) && tier.passes == self.passes
    }
}

/// A policy, as far as its place goes.
#[derive(Debug)]
pub(super) struct Asked<'p> {
    pub(super) tier: &'p str,
    /// None: after every other.
    pub(super) order: Option<f64>,
    /// `name/namespace/kind`.
    pub(super) tie: String,
    /// How many policies of the normal form it stands for.
    pub(super) count: usize,
}

/// Where a tier stands.
#[derive(Debug, Clone, Copy)]
struct Place<'p> {
    is_described: bool,
    order: f64,
    name: &'p str,
    end: End,
}

impl Place<'_> {
    /// 1.
    fn cmp(&self, other: &Self) -> Ordering {
        let late = |place: &Self| !place.is_described;
        late(self)
            .cmp(&late(other))
            .then_with(|| self.order.total_cmp(&other.order))
            .then_with(|| self.name.cmp(other.name))
    }
}

/// The ranks of policies, in the order given: each that of its first policy of the normal form, whose further ones follow.
/// `besides`: a tier that has its place, whether one of them is in it or not.
pub(super) fn ranks(
    asked: &[Asked<'_>],
    tiers: &BTreeMap<&str, &Tier>,
    purpose: Purpose,
    besides: Option<&str>,
) -> Vec<Rank> {
    let names: BTreeSet<&str> = asked.iter().map(|asked| asked.tier).chain(besides).collect();
    let mut places: Vec<Place<'_>> = names.into_iter().map(|name| place(name, tiers, purpose)).collect();
    places.sort_by(Place::cmp);
    let numbered: BTreeMap<&str, (usize, &Place<'_>)> =
        places.iter().enumerate().map(|(number, place)| (place.name, (number, place))).collect();
    let kubernetes = place(DEFAULT_TIER, tiers, purpose);

    let order = |asked: &Asked<'_>| asked.order.unwrap_or(f64::INFINITY);
    let mut sorted: Vec<(usize, &Asked<'_>)> = asked.iter().enumerate().collect();
    sorted.sort_by(|(_, a), (_, b)| order(a).total_cmp(&order(b)).then_with(|| a.tie.cmp(&b.tie)));
    let mut ranks = vec![Rank { tier: 0, end: End::Denies, order: 0, leads: false }; asked.len()];
    let mut next: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, asked) in sorted {
        let Some((number, place)) = numbered.get(asked.tier) else { continue };
        let leads = match place.cmp(&kubernetes) {
            _ if place.end == End::Unknown => true,
            Ordering::Less => true,
            Ordering::Equal => order(asked) <= KUBERNETES_ORDER,
            Ordering::Greater => false,
        };
        let next = next.entry(asked.tier).or_default();
        if let Some(rank) = ranks.get_mut(index) {
            *rank = Rank { tier: narrow(*number), end: place.end, order: narrow(*next), leads };
        }
        *next += asked.count;
    }
    ranks
}

/// 2, 3.
fn place<'p>(name: &'p str, tiers: &BTreeMap<&str, &Tier>, purpose: Purpose) -> Place<'p> {
    let end = |passes| if passes { End::Passes } else { End::Denies };
    let described = |order: f64, end| Place { is_described: true, order, name, end };
    if let Some(tier) = tiers.get(name) {
        return described(tier.order.unwrap_or(f64::INFINITY), end(tier.passes));
    }
    match (BUILT_IN.iter().find(|built_in| built_in.name == name), purpose) {
        (Some(built_in), _) => described(built_in.order, end(built_in.passes)),
        (None, Purpose::Rendered) => described(DEFAULT_ORDER, End::Unknown),
        (None, Purpose::Given) => Place { is_described: false, ..described(f64::INFINITY, End::Denies) },
    }
}

/// Positions, which are few.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
