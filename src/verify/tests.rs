//! Tests of the proof: by number of the law in `relation`, and against the naive evaluator.

mod agreement;
mod diff;
mod doubt;
mod guards;
mod law;
mod ordered;
mod parts;
mod proof;
mod reach;

use super::expected::Terms;
use super::normal::{
    self, Action, Capabilities, Condition, End, Engine, Key, Namespaces, Rank, Rule, Selector, Staging, Test,
};
use super::sum::Scope;
use super::{Mismatch, Permitted, Proof, sum};
use crate::model::{Direction, Labels, Model, NAMESPACE_NAME};
use crate::source::{Sources, Span};

/// A target that knows pods, addresses and ports alone.
const ADDRESSES: Capabilities = Capabilities {
    http: false,
    host_names: false,
    entities: false,
    local_redirect: false,
    guards: false,
    staged: Staging::None,
    log_denied: false,
};

/// The proof of policies that add up. Going through the classes must find the same: a difference, or none.
fn prove(
    model: &Model,
    can: Capabilities,
    permitted: &Permitted,
    policies: &[sum::Policy],
) -> Result<Proof, Vec<Mismatch>> {
    let ranked: Vec<normal::Policy> = policies.iter().cloned().flat_map(ranked).collect();
    let proof = super::prove(model, can, permitted, &ranked);
    let terms = Terms { model, can, permitted };
    let namespaces = model.namespaces.keys().cloned().collect();
    let classes = super::ordered::mismatches(terms, Engine::of(can), &ranked, &namespaces, true);
    // What is no question of what may pass is looked at once.
    let apart = |mismatch: &Mismatch| {
        matches!(
            mismatch,
            Mismatch::Duplicate { .. }
                | Mismatch::Staged { .. }
                | Mismatch::Inexpressible { .. }
                | Mismatch::Unguarded { .. }
                | Mismatch::Unlearned { .. }
                | Mismatch::Unmanaged { .. }
                | Mismatch::More(_)
        )
    };
    match &proof {
        Ok(_) => assert_eq!(classes, [], "class by class something differs"),
        Err(found) if found.iter().all(apart) => {}
        Err(found) => assert!(!classes.is_empty(), "class by class nothing differs: {found:?}"),
    }
    proof
}

/// Policies that add up in the normal form, as a target has it whose denies beat every allow.
pub(in crate::verify) fn ranked(sum: sum::Policy) -> Vec<normal::Policy> {
    let (namespaces, further) = match &sum.scope {
        Scope::Namespace(name) => (Namespaces::Named(name.clone()), vec![]),
        Scope::AllBut(names) if names.is_empty() => (Namespaces::Labelled(Labels::default()), vec![]),
        Scope::AllBut(names) => {
            let key = Key::Namespace(NAMESPACE_NAME.into());
            let not = Condition { key, test: Test::In(names.clone()), negated: true };
            (Namespaces::Labelled(Labels::default()), vec![not])
        }
    };
    let subject = Selector { namespaces, labels: sum.subject.clone(), further };
    let namespace = sum.namespace().filter(|_| !sum.cluster_scoped).cloned();
    let ranked = |tier, end, isolates, rules| normal::Policy {
        name: sum.name.clone(),
        kind: "policy",
        namespace: namespace.clone(),
        subject: subject.clone(),
        rank: Rank { tier, end, order: 0, leads: false },
        isolates,
        rules,
        staged: sum.staged,
        span: sum.span,
    };
    let mut out = vec![];
    if !sum.denies.is_empty() {
        let mut of: Vec<Direction> = sum.denies.iter().map(|rule| rule.direction).collect();
        of.sort_unstable();
        of.dedup();
        let deny = |rule: &Rule| Rule { action: Action::Deny, ..rule.clone() };
        out.push(ranked(0, End::Passes, of, sum.denies.iter().map(deny).collect()));
    }
    if sum.denies.is_empty() || !sum.isolates.is_empty() || !sum.rules.is_empty() {
        // What allows without isolating would take no part in any direction.
        let mut of = sum.isolates.clone();
        of.extend(sum.rules.iter().map(|rule| rule.direction));
        of.sort_unstable();
        of.dedup();
        let end = if sum.isolates.is_empty() { End::Passes } else { End::Denies };
        out.push(ranked(1, end, of, sum.rules.clone()));
    }
    out
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
}

/// Some place in some file.
fn span() -> Span {
    let mut sources = Sources::default();
    Span::new(sources.add("out/kubernetes/allow/shop.yaml", String::new()), 0..0)
}
