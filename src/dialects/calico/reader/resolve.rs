//! Objects together: names, sets and tiers.
//!
//! In: the objects of all files. Out: what each means, or every error.
//!
//! 1. Kind, namespace and name stand for one object of the cluster. Of policies that we write, `p` and `default.p` are the same
//!    (`names.ClientTieredPolicyName`).
//! 2. A policy is one of the normal form for each conjunction of its selector. They are asked one after the other, with the
//!    same rules: a pod of several meets these several times, which changes nothing.
//! 3. In what we write a set that no rule finds, and a rule that finds no set, are mistakes.
//! 4. What denies everything to all namespaces also meets what others allow there, in policies that no file here shows. What
//!    we write does so, if at all, after Kubernetes' own policies.
//! 5. Which of two tiers is asked first is not known where one is described elsewhere. What we write stands in one such tier,
//!    beside those that it describes itself.

use std::collections::BTreeMap;

use super::convert::{Object, Says, Tier};
use super::meaning;
use super::order::{self, Asked, DEFAULT_TIER, KUBERNETES_ORDER};
use super::policy::Policy;
use super::sets::Sets;
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::reading::Purpose;
use crate::dialects::reading::networkpolicy::Mode;
use crate::model::NAMESPACE_NAME;
use crate::source::Span;
use crate::verify::PortSet;
use crate::verify::normal::{self, Action, End, Key, Namespaces, Peer, Rank, Rule, Selector, Test};

/// What all objects mean, each in its place.
pub(super) fn policies(objects: &[&Object], purpose: Purpose) -> Result<Vec<Vec<normal::Policy>>, Vec<Diagnostic>> {
    let rendered = purpose == Purpose::Rendered;
    let mut errors = duplicates(objects, rendered);
    let sets = Sets::new(objects);
    let out = meant((objects, &[]), &sets, purpose, None, &mut errors);
    if rendered {
        errors.extend(sets.unused());
        errors.extend(undescribed(objects));
    }
    if errors.is_empty() { Ok(out) } else { Err(errors) }
}

/// The same for what was rendered, of some objects beside others, whose sets are `sets`; `None` where anything is wrong. Tiers
/// have the same numbers beside the same others, as long as all of what is read there is in [`order::DEFAULT_TIER`].
pub(super) fn beside(objects: &[&Object], others: &[&Object], sets: &Sets) -> Option<Vec<Vec<normal::Policy>>> {
    let together: Vec<&Object> = objects.iter().chain(others.iter().filter(|other| !other.is_set())).copied().collect();
    if !duplicates(&together, true).is_empty() || !undescribed(&together).is_empty() {
        return None;
    }
    let mut errors = vec![];
    let out = meant((objects, others), sets, Purpose::Rendered, Some(order::DEFAULT_TIER), &mut errors);
    errors.is_empty().then_some(out)
}

/// Of objects beside others. `besides`: see [`order::ranks`].
fn meant(
    (objects, others): (&[&Object], &[&Object]),
    sets: &Sets,
    purpose: Purpose,
    besides: Option<&str>,
    errors: &mut Vec<Diagnostic>,
) -> Vec<Vec<normal::Policy>> {
    let rendered = purpose == Purpose::Rendered;
    let all = || objects.iter().chain(others);
    let tiers: BTreeMap<&str, &Tier> = all().filter_map(|object| object.tier()).collect();
    let asked: Vec<Option<Asked<'_>>> = all().map(|object| object.asked()).collect();
    let places: Vec<usize> = asked.iter().enumerate().filter(|(_, asked)| asked.is_some()).map(|(at, _)| at).collect();
    let asked: Vec<Asked<'_>> = asked.into_iter().flatten().collect();
    let ranks: BTreeMap<usize, Rank> = places.into_iter().zip(order::ranks(&asked, &tiers, purpose, besides)).collect();
    let mut out = vec![];
    for (index, object) in objects.iter().enumerate() {
        let rank = ranks.get(&index).copied();
        let policies = match (&object.says, rank) {
            (Says::Policy(policy), Some(rank)) => {
                let policies = of_calico(object, policy, rank, sets, rendered, errors);
                if rendered {
                    errors.extend(policies.iter().find_map(|one| cuts_others(one, &policy.tier)));
                }
                policies
            }
            (Says::Kubernetes { policy, staged }, Some(rank)) => {
                let means = policy.clone().means(&mode(rank));
                means.into_iter().map(|one| normal::Policy { kind: object.kind, staged: *staged, ..one }).collect()
            }
            _ => vec![],
        };
        out.push(policies);
    }
    out
}

impl Object {
    fn is_set(&self) -> bool {
        matches!(self.says, Says::Set(_))
    }

    fn tier(&self) -> Option<(&str, &Tier)> {
        match &self.says {
            Says::Tier(tier) => Some((&self.name, tier)),
            _ => None,
        }
    }

    fn asked(&self) -> Option<Asked<'_>> {
        let tie = |kind: &str| format!("{}/{}/{kind}", self.name, self.namespace.as_deref().unwrap_or_default());
        match &self.says {
            Says::Policy(policy) => Some(Asked {
                tier: &policy.tier,
                order: policy.order,
                tie: tie(self.kind),
                count: policy.subjects.len(),
            }),
            Says::Kubernetes { .. } => Some(Asked {
                tier: DEFAULT_TIER,
                order: Some(KUBERNETES_ORDER),
                tie: tie("KubernetesNetworkPolicy"),
                count: 1,
            }),
            _ => None,
        }
    }
}

/// As Calico takes policies of Kubernetes (`conversion.go`): they are its own, of pods in namespaces, and never of sets.
fn mode(rank: Rank) -> Mode {
    Mode { rank, rules_isolate: false, negations_reach_out: false, others: true, by_identities: false }
}

/// 1.
fn duplicates(objects: &[&Object], rendered: bool) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<(&str, bool, Option<&str>, &str), Span> = BTreeMap::new();
    let mut errors = vec![];
    for object in objects {
        let is_policy = matches!(object.says, Says::Policy(_));
        let name = match object.name.strip_prefix("default.") {
            Some(name) if rendered && is_policy => name,
            _ => &object.name,
        };
        let of_kubernetes = matches!(object.says, Says::Kubernetes { .. });
        if let Some(first) = seen.insert((object.kind, of_kubernetes, object.namespace.as_deref(), name), object.span) {
            let message = format!("{} {} is there twice", object.kind, quote(name));
            let error = Diagnostic::error(codes::RENDERED, object.span, message).related(first, "the other one");
            errors.push(error.help("an object of a cluster has one name: rename one"));
        }
    }
    errors
}

/// 5.
fn undescribed(objects: &[&Object]) -> Vec<Diagnostic> {
    let tiers: BTreeMap<&str, &Tier> = objects.iter().filter_map(|object| object.tier()).collect();
    let is_elsewhere = |tier: &str| !tiers.contains_key(tier) && !order::BUILT_IN.iter().any(|own| own.name == tier);
    let policies = objects.iter().filter_map(|object| match &object.says {
        Says::Policy(policy) if !tiers.contains_key(policy.tier.as_str()) => Some((object, policy.tier.as_str())),
        _ => None,
    });
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    for (object, tier) in policies {
        first.entry(tier).or_insert(object.span);
    }
    if first.len() < 2 || !first.keys().any(|tier| is_elsewhere(tier)) {
        return vec![];
    }
    let other = |tier: &str| first.iter().find(|(name, _)| **name != tier).map(|(name, span)| (*name, *span));
    let errors = first.iter().filter(|(tier, _)| is_elsewhere(tier)).filter_map(|(tier, span)| {
        let (beside, at) = other(tier)?;
        let message = format!("whether the tier {} is asked before {} is not known", quote(tier), quote(beside));
        let error = Diagnostic::error(codes::RENDERED, *span, message).related(at, "this policy is in the other tier");
        Some(error.help("write the Tier with its order, or keep all policies in one tier"))
    });
    errors.collect()
}

/// 2.
fn of_calico(
    object: &Object,
    policy: &Policy,
    rank: Rank,
    sets: &Sets,
    rendered: bool,
    errors: &mut Vec<Diagnostic>,
) -> Vec<normal::Policy> {
    let mut rules = vec![];
    for (direction, said) in &policy.sides {
        for said in said {
            let meaning = meaning::of(*direction, said, sets);
            if rendered && meaning.is_without_sets {
                let message = "a rule for sets that finds no address";
                let error = Diagnostic::error(codes::RENDERED, said.span, message);
                let help = "write a GlobalNetworkSet with these labels and with `nets`, or remove the rule";
                errors.push(error.help(help));
            }
            rules.extend(meaning.rules);
        }
    }
    let isolates: Vec<_> = policy.sides.iter().map(|(direction, _)| *direction).collect();
    let one = |((number, subject), rules): ((u32, &Selector), Vec<Rule>)| normal::Policy {
        name: object.name.clone(),
        kind: object.kind,
        namespace: object.namespace.clone(),
        subject: subject.clone(),
        rank: Rank { order: rank.order.saturating_add(number), ..rank },
        isolates: isolates.clone(),
        rules,
        staged: policy.staged,
        span: object.span,
    };
    (0..).zip(&policy.subjects).zip(std::iter::repeat_n(rules, policy.subjects.len())).map(one).collect()
}

/// 4.
fn cuts_others(policy: &normal::Policy, tier: &str) -> Option<Diagnostic> {
    let closing = policy.rules.iter().find(|rule| policy.isolates.contains(&rule.direction) && denies_all(rule));
    let ends = policy.rank.end == End::Denies && tier != DEFAULT_TIER;
    if !policy.rank.leads || is_named(&policy.subject) || !(ends || closing.is_some()) {
        return None;
    }
    let name = quote(&policy.name);
    let message = format!("{name} denies everything before policies of others can allow something");
    Some(
        Diagnostic::error(codes::RENDERED, closing.map_or(policy.span, |rule| rule.span), message)
            .note("it is for all namespaces, whoever writes their policies")
            .help("put it into a tier of its own, and write its Tier with an order above 1000000, ending in `Pass`"),
    )
}

/// Whether a subject names its namespaces.
fn is_named(subject: &Selector) -> bool {
    let by_name = |of: &normal::Condition| {
        matches!((&of.key, &of.test), (Key::Namespace(key), Test::In(_)) if **key == *NAMESPACE_NAME) && !of.negated
    };
    matches!(subject.namespaces, Namespaces::Named(_)) || subject.further.iter().any(by_name)
}

fn denies_all(rule: &Rule) -> bool {
    let ports = PortSet::new(rule.ports.iter().copied());
    rule.action == Action::Deny
        && rule.peers.contains(&Peer::Anyone)
        && rule.demands.is_empty()
        && rule.own.is_empty()
        && rule.except_named.is_empty()
        && rule.provided.is_none()
        && rule.others
        && ports == PortSet::every()
}
