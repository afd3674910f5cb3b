//! Objects together: names, sets and tiers.
//!
//! In: the objects of all files. Out: each file in the normal form, or every error.
//!
//! 1. Nothing here is in a namespace, so a kind and name stand for one object of the cluster. Of policies, `p` and
//!    `default.p` are the same (`names.ClientTieredPolicyName`).
//! 2. A rule that asks for sets by label means the addresses of all sets that carry it (`felix/labelindex`): a set that no
//!    rule finds, and a rule that finds no set, are mistakes of whoever wrote them.

use std::collections::{BTreeMap, BTreeSet};

use super::convert::{Action, Object, Peers, Policy, Said, Set, Tier};
use super::selector::Selector;
use super::{POLICY, SET, STAGED, TIER, order};
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::reading::Read;
use crate::model::Direction;
use crate::source::Span;
use crate::verify::normal::{self, File, Peer};
use crate::verify::sum;

/// All files, in the order given.
pub(super) fn files(read: Vec<Read<Object>>) -> Result<Vec<File>, Vec<Diagnostic>> {
    let objects = || read.iter().flat_map(|file| &file.objects);
    let mut errors = duplicates(objects());
    let policies: Vec<&Policy> = objects().filter_map(policy).collect();
    let tiers: Vec<&Tier> = objects().filter_map(tier).collect();
    let mut sets = Sets::new(objects().filter_map(set).collect());
    let isolates = order::isolation(&policies, &tiers).unwrap_or_else(|more| {
        errors.extend(more);
        vec![]
    });
    let mut isolates = isolates.into_iter();
    let mut out = vec![];
    for file in &read {
        let mut policies = vec![];
        for policy in file.objects.iter().filter_map(policy) {
            policies.extend(normal(policy, isolates.next().unwrap_or_default(), &mut sets, &mut errors));
        }
        let shared = file.objects.iter().any(|object| policy(object).is_none());
        out.push(File { policies, base: file.base.clone(), shared });
    }
    errors.extend(sets.unused());
    if errors.is_empty() { Ok(out) } else { Err(errors) }
}

fn policy(object: &Object) -> Option<&Policy> {
    if let Object::Policy(policy) = object { Some(policy) } else { None }
}

fn tier(object: &Object) -> Option<&Tier> {
    if let Object::Tier(tier) = object { Some(tier) } else { None }
}

fn set(object: &Object) -> Option<&Set> {
    if let Object::Set(set) = object { Some(set) } else { None }
}

/// 1.
fn duplicates<'o>(objects: impl Iterator<Item = &'o Object>) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<(&str, &str), Span> = BTreeMap::new();
    let mut errors = vec![];
    for object in objects {
        let (kind, name, span) = match object {
            Object::Policy(policy) => {
                let name = policy.name.strip_prefix("default.").unwrap_or(&policy.name);
                (if policy.staged { STAGED } else { POLICY }, name, policy.span)
            }
            Object::Set(set) => (SET, set.name.as_str(), set.span),
            Object::Tier(tier) => (TIER, tier.name.as_str(), tier.span),
        };
        if let Some(first) = seen.insert((kind, name), span) {
            let message = format!("{kind} {} is there twice", quote(name));
            let error = Diagnostic::error(codes::RENDERED, span, message).related(first, "the other one");
            errors.push(error.help("an object of a cluster has one name: rename one"));
        }
    }
    errors
}

fn normal(
    policy: &Policy,
    isolates: Vec<Direction>,
    sets: &mut Sets<'_>,
    errors: &mut Vec<Diagnostic>,
) -> Vec<normal::Policy> {
    let (mut rules, mut denies) = (vec![], vec![]);
    for (direction, said) in &policy.sides {
        for rule in said {
            let to = match rule.action {
                Action::Allow => &mut rules,
                // What denies everything is isolation: the order of policies was looked at.
                Action::Deny if !rule.is_every => &mut denies,
                Action::Deny | Action::Log => continue,
            };
            match peers(rule, sets) {
                Ok(peers) => to.push(normal::Rule {
                    ports: rule.ports.clone(),
                    others: rule.others,
                    ..normal::Rule::new(*direction, normal::Action::Allow, peers, rule.span)
                }),
                Err(error) => errors.push(*error),
            }
        }
    }
    let mut out = vec![];
    for scope in &policy.scopes {
        for subject in &policy.subjects {
            let one = sum::Policy {
                name: policy.name.clone(),
                scope: scope.clone(),
                cluster_scoped: true,
                subject: subject.clone(),
                isolates: isolates.clone(),
                rules: rules.clone(),
                denies: denies.clone(),
                staged: policy.staged,
                span: policy.span,
            };
            out.extend(one.ranked());
        }
    }
    out
}

fn peers(rule: &Said, sets: &mut Sets<'_>) -> Result<Vec<Peer>, Box<Diagnostic>> {
    match &rule.peers {
        Peers::Known(peers) => Ok(peers.clone()),
        Peers::Sets(text, selector) => sets.blocks(text, selector).ok_or_else(|| {
            let error = Diagnostic::error(codes::RENDERED, rule.span, "a rule for sets that finds no address");
            Box::new(error.help("write a GlobalNetworkSet with these labels and with `nets`, or remove the rule"))
        }),
    }
}

/// 2.
struct Sets<'o> {
    all: Vec<&'o Set>,
    used: BTreeSet<usize>,
    /// What a selector finds, by its text.
    found: BTreeMap<String, Vec<Peer>>,
}

impl<'o> Sets<'o> {
    fn new(all: Vec<&'o Set>) -> Self {
        Self { all, used: BTreeSet::new(), found: BTreeMap::new() }
    }

    /// `None` when there is no address.
    fn blocks(&mut self, text: &str, selector: &Selector) -> Option<Vec<Peer>> {
        if !self.found.contains_key(text) {
            let mut peers = vec![];
            for (index, set) in self.all.iter().enumerate() {
                let label = |key: &str| set.labels.iter().find(|(of, _)| of == key).map(|(_, value)| value.as_str());
                if selector.holds(&label) {
                    self.used.insert(index);
                    peers.extend(set.nets.iter().map(|cidr| Peer::Block { cidr: *cidr, except: vec![] }));
                }
            }
            peers.sort_unstable();
            peers.dedup();
            self.found.insert(text.to_owned(), peers);
        }
        self.found.get(text).filter(|peers| !peers.is_empty()).cloned()
    }

    fn unused(&self) -> Vec<Diagnostic> {
        let left = self.all.iter().enumerate().filter(|(index, _)| !self.used.contains(index));
        left.map(|(_, set)| {
            let message = format!("no rule uses the set {}", quote(&set.name));
            Diagnostic::error(codes::RENDERED, set.span, message).help("remove it, or correct its labels")
        })
        .collect()
    }
}
