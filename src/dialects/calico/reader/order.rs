//! First match to sum: when the order of tiers, policies and rules changes nothing, and what it amounts to.
//!
//! In: all policies and tiers. Out: for each policy the directions in which it isolates; an error where the order would
//! matter, because the normal form knows no order. Sources: `felix/calc/policy_sorter.go`, `felix/rules/endpoints.go`.
//!
//! 1. Tiers are read by order, then name; in a tier policies by order, those without last; in a policy rules as written.
//!    The first rule that matches decides; `Log` does not.
//! 2. A tier that governs a pod denies at its end, unless it hands over (`defaultAction: Pass`). A tier that does not govern
//!    a pod in a direction is skipped. Tier `default` denies at its end.
//! 3. So what allows adds up, if everything that denies all else (a rule about all traffic, or the end of a tier) comes
//!    after every policy that allows something to the same pods. Then it is isolation.
//! 4. A denial of something beats every allow, if it comes before every policy that allows something to the same pods.
//! 5. Equal orders are told apart by name (`name/namespace/kind`, as text): nobody sees that in an incident, so where it
//!    would decide it is refused.
//! 6. Of a tier that no file describes, neither end nor order is known. It is taken to stand where `default` does, and a
//!    policy in it isolates only by a rule that denies everything, which all its pods must meet.
//! 7. What denies everything to all namespaces also meets what others allow there, in policies that no file here shows. It
//!    isolates, and no more, only after Kubernetes' own policies, which stand at order 1000 in tier `default`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::convert::{Action, DEFAULT_TIER, Policy, Tier};
use crate::diag::{Diagnostic, codes, quote};
use crate::model::{Direction, Sym};
use crate::source::Span;
use crate::verify::sum::Scope;

/// Orders of Calico's own tiers (api `projectcalico/v3/tier.go`).
const DEFAULT_ORDER: f64 = 1_000_000.0;
const ADMIN_ORDER: f64 = 1_000.0;
const BASELINE_ORDER: f64 = 10_000_000.0;
/// Order of Kubernetes' NetworkPolicies in tier `default` (`conversion/conversion.go`).
const KUBERNETES_ORDER: f64 = 1_000.0;

/// What happens at the end of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Denies,
    Passes,
    Unknown,
}

/// Where a policy is read.
#[derive(Debug, Clone, Copy)]
struct Place<'p> {
    tier_order: f64,
    tier: &'p str,
    order: f64,
}

impl Place<'_> {
    /// By tier alone.
    fn cmp_tier(&self, other: &Self) -> Ordering {
        self.tier_order.total_cmp(&other.tier_order).then_with(|| self.tier.cmp(other.tier))
    }

    fn cmp(&self, other: &Self) -> Ordering {
        self.cmp_tier(other).then_with(|| self.order.total_cmp(&other.order))
    }
}

/// What one direction of one policy amounts to.
#[derive(Debug)]
struct Side<'p> {
    policy: &'p Policy,
    /// Which one of all.
    index: usize,
    place: Place<'p>,
    end: End,
    direction: Direction,
    allows: bool,
    /// A rule that denies something.
    denies: Option<Span>,
    /// The rule that denies everything.
    closes: Option<Span>,
}

/// Directions in which each policy isolates, in the order given.
pub(super) fn isolation(policies: &[&Policy], tiers: &[&Tier]) -> Result<Vec<Vec<Direction>>, Vec<Diagnostic>> {
    let tiers: BTreeMap<&str, &Tier> = tiers.iter().map(|tier| (tier.name.as_str(), *tier)).collect();
    let mut errors = vec![];
    let mut isolates = vec![vec![]; policies.len()];
    for (staged, direction) in
        [false, true].into_iter().flat_map(|staged| [Direction::Ingress, Direction::Egress].map(|d| (staged, d)))
    {
        let mut sides = vec![];
        for (index, policy) in policies.iter().enumerate().filter(|(_, policy)| policy.staged == staged) {
            sides.extend(side(index, policy, direction, &tiers, &mut errors));
        }
        let allows = Allows::of(&sides);
        let closed = Closed::of(&sides);
        for side in &sides {
            errors.extend(
                allows.conflict(side).map_or_else(|| cuts_others(side), |allow| Some(out_of_order(side, allow))),
            );
            errors.extend(closed.leaves_open(side));
            if (side.closes.is_some() || side.end == End::Denies)
                && let Some(isolates) = isolates.get_mut(side.index)
            {
                isolates.push(direction);
            }
        }
    }
    if errors.is_empty() { Ok(isolates) } else { Err(errors) }
}

/// 1, 2. `None` when the policy leaves the direction alone.
fn side<'p>(
    index: usize,
    policy: &'p Policy,
    direction: Direction,
    tiers: &BTreeMap<&str, &Tier>,
    errors: &mut Vec<Diagnostic>,
) -> Option<Side<'p>> {
    let (_, rules) = policy.sides.iter().find(|(of, _)| *of == direction)?;
    let (tier_order, end) = match (tiers.get(policy.tier.as_str()), policy.tier.as_str()) {
        (Some(tier), _) => (tier.order.unwrap_or(f64::INFINITY), if tier.passes { End::Passes } else { End::Denies }),
        (None, DEFAULT_TIER) => (DEFAULT_ORDER, End::Denies),
        (None, "kube-admin" | "adminnetworkpolicy") => (ADMIN_ORDER, End::Passes),
        (None, "kube-baseline" | "baselineadminnetworkpolicy") => (BASELINE_ORDER, End::Passes),
        // 6.
        (None, _) => (DEFAULT_ORDER, End::Unknown),
    };
    let place = Place { tier_order, tier: &policy.tier, order: policy.order.unwrap_or(f64::INFINITY) };
    let mut side = Side { policy, index, place, end, direction, allows: false, denies: None, closes: None };
    for rule in rules {
        if let Some(closes) = side.closes {
            let error = Diagnostic::error(codes::RENDERED, rule.span, "a rule after one that denies everything");
            errors.push(error.related(closes, "everything is denied here").help("remove one of them, or swap them"));
            return None;
        }
        match rule.action {
            Action::Log => {}
            Action::Allow => side.allows = true,
            Action::Deny if rule.is_every => side.closes = Some(rule.span),
            Action::Deny => side.denies = side.denies.or(Some(rule.span)),
        }
    }
    if let (Some(deny), true) = (side.denies, side.allows) {
        let error = Diagnostic::error(codes::RENDERED, deny, "a policy that both denies and allows some traffic");
        errors.push(error.help("deny in a policy of a lower order, in an earlier tier"));
        return None;
    }
    Some(side)
}

/// What allows, by the pods to which it does.
struct Allows<'s, 'p> {
    /// In the order in which they are read.
    by_namespace: BTreeMap<&'p Sym, Vec<&'s Side<'p>>>,
    /// Of many namespaces at once.
    wide: Vec<(&'p BTreeSet<Sym>, &'s Side<'p>)>,
}

impl<'s, 'p> Allows<'s, 'p> {
    fn of(sides: &'s [Side<'p>]) -> Self {
        let mut all = Self { by_namespace: BTreeMap::new(), wide: vec![] };
        for side in sides.iter().filter(|side| side.allows) {
            for scope in &side.policy.scopes {
                match scope {
                    Scope::Namespace(name) => all.by_namespace.entry(name).or_default().push(side),
                    Scope::AllBut(except) => all.wide.push((except, side)),
                }
            }
        }
        for sides in all.by_namespace.values_mut() {
            sides.sort_by(|a, b| a.place.cmp(&b.place));
        }
        all
    }

    /// 3, 4. An allow that is read on the wrong side of a denial of the same pods.
    fn conflict(&self, denial: &Side<'p>) -> Option<&'s Side<'p>> {
        if denial.denies.is_none() && denial.closes.is_none() && denial.end != End::Denies {
            return None;
        }
        denial.policy.scopes.iter().find_map(|scope| {
            let wide = self.wide.iter().filter(|(except, _)| match scope {
                Scope::Namespace(name) => !except.contains(name),
                Scope::AllBut(_) => true,
            });
            let wide = wide.map(|(_, side)| *side).find(|allow| is_conflict(denial, allow));
            wide.or_else(|| match scope {
                Scope::Namespace(name) => self.by_namespace.get(name).and_then(|allows| among(denial, allows)),
                Scope::AllBut(except) => {
                    let named = self.by_namespace.iter().filter(|(name, _)| !except.contains(**name));
                    named.map(|(_, allows)| allows).find_map(|allows| among(denial, allows))
                }
            })
        })
    }
}

/// Only the last ones can come too late, and only the first ones too early: they are in order.
fn among<'s, 'p>(denial: &Side<'p>, allows: &[&'s Side<'p>]) -> Option<&'s Side<'p>> {
    let late = allows.iter().rev().take_while(|allow| is_late(denial, allow));
    let early = allows.iter().take_while(|allow| is_early(denial, allow));
    late.chain(early).copied().find(|allow| is_conflict(denial, allow))
}

/// 3. Everything was denied before.
fn is_late(denial: &Side<'_>, allow: &Side<'_>) -> bool {
    let cut = denial.end == End::Denies && allow.place.cmp_tier(&denial.place) == Ordering::Greater;
    cut || denial.closes.is_some() && allow.place.cmp(&denial.place) != Ordering::Less
}

/// 4. What is denied was allowed before.
fn is_early(denial: &Side<'_>, allow: &Side<'_>) -> bool {
    denial.denies.is_some() && allow.place.cmp(&denial.place) != Ordering::Greater
}

/// Some pod meets both in the wrong order. In one policy rules stand as they are read.
fn is_conflict(denial: &Side<'_>, allow: &Side<'_>) -> bool {
    let meet = || denial.policy.subjects.iter().any(|a| allow.policy.subjects.iter().any(|b| a.compatible(b)));
    denial.index != allow.index && (is_late(denial, allow) || is_early(denial, allow)) && meet()
}

fn out_of_order(denial: &Side<'_>, allow: &Side<'_>) -> Diagnostic {
    let (denies, allows) = (quote(&denial.policy.name), quote(&allow.policy.name));
    let (span, message) = match (denial.denies, denial.closes) {
        (Some(span), _) => (span, format!("{denies} denies what may be allowed before it, by {allows}")),
        (None, Some(span)) => (span, format!("{denies} denies everything before {allows} can allow something")),
        (None, None) => (denial.policy.span, format!("the tier of {denies} ends before {allows} can allow something")),
    };
    let message = match denial.place.cmp(&allow.place) {
        Ordering::Equal => format!("{denies} and {allows} have the same order, so their names decide"),
        _ => message,
    };
    Diagnostic::error(codes::RENDERED, span, message)
        .related(allow.policy.span, "it allows something to the same pods")
        .help("give denials of something the lowest order, then what allows, then what denies all else")
}

/// 7.
fn cuts_others(side: &Side<'_>) -> Option<Diagnostic> {
    let span = side.closes?;
    let is_wide = side.policy.scopes.iter().any(|scope| matches!(scope, Scope::AllBut(_)));
    let kubernetes = Place { tier_order: DEFAULT_ORDER, tier: DEFAULT_TIER, order: KUBERNETES_ORDER };
    let is_after = side.end != End::Unknown && side.place.cmp(&kubernetes) == Ordering::Greater;
    if !is_wide || is_after {
        return None;
    }
    let name = quote(&side.policy.name);
    let message = format!("{name} denies everything before policies of others can allow something");
    Some(
        Diagnostic::error(codes::RENDERED, span, message)
            .note("it is for all namespaces, whoever writes their policies")
            .help("put it into a tier of its own, and write its Tier with an order above 1000000"),
    )
}

/// 6. What denies everything to all pods of some namespaces, by tier.
struct Closed<'p> {
    by_namespace: BTreeSet<(&'p str, &'p Sym)>,
    wide: Vec<(&'p str, &'p BTreeSet<Sym>)>,
}

impl<'p> Closed<'p> {
    fn of(sides: &[Side<'p>]) -> Self {
        let mut all = Self { by_namespace: BTreeSet::new(), wide: vec![] };
        let whole = |side: &&Side<'p>| side.closes.is_some() && side.policy.subjects.iter().any(|pods| pods.is_empty());
        for side in sides.iter().filter(whole) {
            for scope in &side.policy.scopes {
                match scope {
                    Scope::Namespace(name) => {
                        all.by_namespace.insert((side.place.tier, name));
                    }
                    Scope::AllBut(except) => all.wide.push((side.place.tier, except)),
                }
            }
        }
        all
    }

    fn leaves_open(&self, side: &Side<'p>) -> Option<Diagnostic> {
        if side.end != End::Unknown || side.closes.is_some() {
            return None;
        }
        let tier = side.place.tier;
        let is_closed = |scope: &Scope| match scope {
            Scope::Namespace(name) => {
                self.by_namespace.contains(&(tier, name))
                    || self.wide.iter().any(|(of, except)| *of == tier && !except.contains(name))
            }
            Scope::AllBut(out) => self.wide.iter().any(|(of, except)| *of == tier && except.is_subset(out)),
        };
        if side.policy.scopes.iter().all(is_closed) {
            return None;
        }
        let direction = match side.direction {
            Direction::Ingress => "Ingress",
            Direction::Egress => "Egress",
        };
        let message = format!("what the tier {} does at its end is not known", quote(tier));
        Some(
            Diagnostic::error(codes::RENDERED, side.policy.span, message)
                .note(format!("{} leaves {direction} to it", quote(&side.policy.name)))
                .help("add a policy for all pods of the namespace that ends in `action: Deny`, of a higher order"),
        )
    }
}
