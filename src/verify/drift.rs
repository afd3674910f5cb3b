//! Drift: policies that a cluster holds, object by object, beside those that were rendered for it.
//!
//! In: both in the normal form, read the same way. Out: what is missing, changed or there in addition. Objects are compared by
//! what they mean: what the API server fills in, or another order of labels, is no drift. Where a policy stands among
//! others is not compared here: the proof of what the cluster holds tells what comes of it.

use std::collections::BTreeMap;

use super::compare;
use super::normal::{Policy, Rank, Rule};
use crate::model::Sym;
use crate::source::Span;

/// An object by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its namespace; `None`: its kind is in none.
    pub namespace: Option<Sym>,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
}

/// How an object is not as it was rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The cluster does not have it.
    Missing,
    /// The cluster's says something else.
    Changed,
    /// Nobody rendered it, and it governs pods of a managed namespace.
    Extra,
}

/// One object that is not as it was rendered.
#[derive(Debug, Clone)]
pub struct Drift {
    /// Which.
    pub object: Object,
    /// How.
    pub kind: Kind,
    /// Where it stands: in the cluster's dump, or where it was rendered.
    pub span: Span,
}

/// The policies of each object, in the order of the text.
type Objects<'p> = BTreeMap<Object, Vec<&'p Policy>>;

fn objects(policies: &[Policy]) -> Objects<'_> {
    let mut objects = Objects::new();
    for policy in policies {
        objects.entry(object(policy)).or_default().push(policy);
    }
    objects
}

fn object(policy: &Policy) -> Object {
    Object { namespace: policy.namespace.clone(), name: policy.name.clone(), kind: policy.kind }
}

/// What of a cluster's policies is not as it was rendered. Those that are for other namespaces alone are others' affair.
pub fn drift(rendered: &[Policy], live: &[Policy], is_managed: &dyn Fn(&Sym) -> bool) -> Vec<Drift> {
    let (wanted, there) = (objects(rendered), objects(live));
    let mut out = vec![];
    for (object, policies) in &wanted {
        let kind = match there.get(object) {
            None => Some((Kind::Missing, policies)),
            Some(now) if meaning(now) != meaning(policies) => Some((Kind::Changed, now)),
            Some(_) => None,
        };
        if let Some((kind, at)) = kind
            && let Some(first) = at.first()
        {
            out.push(Drift { object: object.clone(), kind, span: first.span });
        }
    }
    for (object, policies) in there.iter().filter(|(object, _)| !wanted.contains_key(object)) {
        if let Some(first) = policies.iter().find(|policy| concerns(policy, is_managed)) {
            out.push(Drift { object: object.clone(), kind: Kind::Extra, span: first.span });
        }
    }
    out
}

/// Whether a policy may govern pods of a managed namespace.
pub fn concerns(policy: &Policy, is_managed: &dyn Fn(&Sym) -> bool) -> bool {
    compare::names(policy).is_none_or(is_managed)
}

/// The rendered policies, but for one object, which is as the cluster has it.
pub fn with_live(rendered: &[Policy], live: &[Policy], which: &Object) -> Vec<Policy> {
    let kept = rendered.iter().filter(|policy| object(policy) != *which);
    kept.chain(live.iter().filter(|policy| object(policy) == *which)).cloned().collect()
}

/// What an object says, without its places.
fn meaning(policies: &[&Policy]) -> String {
    let nowhere = |rule: &Rule| Rule { span: Span::default(), ..rule.clone() };
    let policies: Vec<Policy> = policies
        .iter()
        .map(|policy| Policy {
            span: Span::default(),
            rank: Rank { tier: 0, order: 0, ..policy.rank },
            rules: policy.rules.iter().map(nowhere).collect(),
            ..(*policy).clone()
        })
        .collect();
    format!("{policies:?}")
}
