//! What an API server takes: how many rules a policy may have, and how large it may be.
//!
//! In: a policy. Out: the same as several, which together say the same: what policies of one order allow adds up. Rules
//! are small, selectors and lists of theirs are bounded, so every policy can be cut between two rules.

use std::collections::BTreeSet;

use super::view::{EntityView, PolicyView, PortView, RuleView, SideView};
use crate::dialects::writing::size::{self, MAX_OBJECT};

/// The most rules of one direction (CustomResourceDefinitions: `maxItems`).
const MAX_RULES: usize = 1024;
/// The fixed lines of an object.
const OBJECT: usize = 500;

/// Whether a policy of this weight is one object.
pub fn fits(policy: &PolicyView<'_>, weight: usize) -> bool {
    weight <= MAX_OBJECT && policy.sides.iter().map(|side| side.rules.len()).sum::<usize>() <= MAX_RULES
}

/// The policy in objects of at most [`MAX_RULES`] rules and [`MAX_OBJECT`] bytes: the first keeps the name, others are
/// numbered from 2. `taken` are names that are taken already; new ones are added.
pub fn split<'a>(policy: PolicyView<'a>, taken: &mut BTreeSet<String>) -> Vec<PolicyView<'a>> {
    let room = MAX_OBJECT.saturating_sub(base_weight(&policy));
    let rules = policy.sides.iter().flat_map(|side| side.rules.iter().map(|rule| (side.key, rule.clone())));
    let objects = size::pack(rules, room, MAX_RULES, |(_, rule)| rule_weight(rule));
    if objects.len() < 2 {
        return vec![policy];
    }
    let names = size::numbered(&policy.name, "--", objects.len(), taken);
    let rest = PolicyView { sides: vec![], ..policy };
    names
        .into_iter()
        .zip(objects)
        .map(|(name, rules)| PolicyView { name, sides: sides(rules), ..rest.clone() })
        .collect()
}

/// Rules by their direction again, in their order.
fn sides(rules: Vec<(&'static str, RuleView)>) -> Vec<SideView> {
    let mut out: Vec<SideView> = vec![];
    for (key, rule) in rules {
        match out.last_mut().filter(|last| last.key == key) {
            Some(last) => last.rules.push(rule),
            None => out.push(SideView { key, rules: vec![rule] }),
        }
    }
    out
}

/// About how many bytes of YAML an object takes.
pub fn weight(policy: &PolicyView<'_>) -> usize {
    base_weight(policy) + policy.sides.iter().flat_map(|side| &side.rules).map(rule_weight).sum::<usize>()
}

fn base_weight(policy: &PolicyView<'_>) -> usize {
    let annotations: usize = policy.annotations.iter().map(|(key, text)| key.len() + text.len() + 10).sum();
    OBJECT + policy.name.len() + annotations + policy.namespace_selector.len() + policy.selector.len()
}

fn rule_weight(rule: &RuleView) -> usize {
    50 + rule.entities.iter().map(entity_weight).sum::<usize>()
}

fn entity_weight(entity: &EntityView) -> usize {
    let selectors = [&entity.namespace_selector, &entity.selector].into_iter().flatten();
    let nets = entity.nets.iter().chain(&entity.not_nets);
    let port = |port: &PortView| match port {
        PortView::One(_) => 18,
        PortView::Range(text) => 15 + text.len(),
    };
    60 + selectors.map(|text| text.len() + 32).sum::<usize>()
        + nets.map(|net| net.len() + 15).sum::<usize>()
        + entity.ports.iter().map(port).sum::<usize>()
}
