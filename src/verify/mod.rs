//! The proof: what the rendered policies say is exactly what the intent means.
//!
//! In: the [`Model`] and policies in the normal form, which a dialect's reader made from the rendered bytes alone.
//! Out: a [`Proof`], or [`Mismatch`]es, each a concrete flow. Knows nothing of how the policies were made.
//!
//! ```text
//! model ─ expected ─┬─ relation, guards, names ─┐   where policies add up (sum)
//!                   │                           ├─ witness, told
//! normal form ──────┴─ ordered (classes, law) ──┘   where order or any selector decides
//! ```

mod allowed;
mod asked;
mod bases;
mod classes;
mod compare;
mod denials;
pub mod drift;
mod expected;
pub mod flows;
mod forbidden;
mod guards;
pub mod law;
mod meant;
mod names;
pub mod normal;
mod ordered;
mod ports;
mod prover;
mod quick;
mod relation;
pub mod sum;
mod told;
mod traffic;
mod witness;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use crate::model::{Direction, EdgeId, Model, Sym};
use crate::source::Span;
use normal::{Capabilities, Engine};

pub use allowed::Other;
pub use asked::{Asked, pod};
pub use bases::strays;
pub use denials::{DenialChange, GuardChange, denial_changes};
pub use flows::{ChangeKind, FlowChange, Flows, flow_changes, released};
pub use guards::Guarded;
pub use names::Unlearned;
pub use ports::PortSet;
pub use prover::{Part, Prover, Undecided};
pub use traffic::Traffic;
pub use witness::{Allows, Mismatch, Unclear, Witness};

use expected::{Permission, Terms};
use relation::Relation;
use sum::Scope;

/// That the policies say what the intent means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// How many flows were proved, as people count them: one for each edge, one for each tier that resolves names and one
    /// for each tier that is scraped.
    pub flows: usize,
}

/// What the dialect may say otherwise than it was meant, because the project file permits it.
#[derive(Debug, Clone, Default)]
pub struct Permitted {
    /// HTTP rules are rendered as rules on ports: wider.
    pub http_as_l4: BTreeSet<EdgeId>,
    /// Host names are left out: narrower.
    pub fqdns_omitted: BTreeSet<EdgeId>,
    /// Cluster-wide guards are left out: wider.
    pub guards_omitted: bool,
}

/// How many mismatches are shown; the rest is counted.
const MAX_SHOWN: usize = 10;

/// Proves that `policies` allow exactly what the model means, for every pod, address and port. `can`: what their target
/// can say.
///
/// # Errors
/// A witness for each policy that says too much and each edge that is not said, at most ten and then
/// [`Mismatch::More`].
pub fn prove(
    model: &Model,
    can: Capabilities,
    permitted: &Permitted,
    policies: &[normal::Policy],
) -> Result<Proof, Vec<Mismatch>> {
    prove_as(Engine::of(can), model, can, permitted, policies)
}

/// The same for one of the target's engines, where they differ.
///
/// # Errors
/// As [`prove`].
pub fn prove_as(
    engine: Engine,
    model: &Model,
    can: Capabilities,
    permitted: &Permitted,
    policies: &[normal::Policy],
) -> Result<Proof, Vec<Mismatch>> {
    let terms = Terms { model, can, permitted };
    let (expected, flows) = expected::permissions(terms);
    let mut mismatches = expected::inexpressible(terms);
    mismatches.extend(duplicates(policies));
    mismatches.extend(staged(model, policies));
    let mut sums = sum::of(policies);
    let mut said: BTreeMap<&Sym, Vec<&sum::Policy>> = expected.keys().map(|name| (name, vec![])).collect();
    let mut clusterwide: Vec<&sum::Policy> = vec![];
    for policy in &sums.policies {
        match &policy.scope {
            Scope::Namespace(name) => said.entry(name).or_default().push(policy),
            Scope::AllBut(_) => clusterwide.push(policy),
        }
    }
    mismatches.extend(unmanaged(model, policies, &sums));
    if !sums.everywhere {
        mismatches.extend(guards::compare(terms, &clusterwide));
    }
    // A denial of a namespace's own that takes away what its policies allow: they do not add up.
    let cut = |(name, said): (&&Sym, &Vec<&sum::Policy>)| {
        (!guards::cut(can, name, said, &[]).is_empty()).then(|| Sym::clone(name))
    };
    let cut: Vec<Sym> = said.iter().filter_map(cut).collect();
    sums.ordered.extend(cut);
    // Where policies add up, a whole namespace is compared at once; elsewhere class by class.
    let is_ordered = |name: &Sym| sums.everywhere || sums.ordered.contains(name);
    let (ordered, summed): (Vec<_>, Vec<_>) = expected.iter().partition(|(name, _)| is_ordered(name));
    let found: Vec<Vec<Mismatch>> = summed
        .par_iter()
        .map(|(namespace, meant)| {
            let said = said.get(namespace).map_or(&[][..], Vec::as_slice);
            let mut found = of_namespace(terms, namespace, meant, said);
            found.extend(guards::cut(terms.can, namespace, said, &clusterwide));
            found.extend(names::unlearned(terms, namespace, said));
            found
        })
        .collect();
    mismatches.extend(found.into_iter().flatten());
    if !ordered.is_empty() || sums.everywhere {
        let names = ordered.into_iter().map(|(name, _)| name.clone()).collect();
        mismatches.extend(ordered::mismatches(terms, engine, policies, &names, sums.everywhere));
    }

    let forbidden = forbidden::violated(model, can, &sums);
    // First: a guardrail that is down must not be among what is not shown.
    mismatches.splice(0..0, forbidden.into_iter().map(|error| Mismatch::Forbidden(Box::new(error))));

    if mismatches.is_empty() {
        return Ok(Proof { flows });
    }
    let more = mismatches.len().saturating_sub(MAX_SHOWN);
    mismatches.truncate(MAX_SHOWN);
    ordered::look_across(engine, model, policies, &mut mismatches);
    mismatches.extend((more > 0).then_some(Mismatch::More(more)));
    Err(mismatches)
}

/// Policies for namespaces that no intent manages; one for each namespace.
fn unmanaged(model: &Model, policies: &[normal::Policy], sums: &sum::Sums) -> Vec<Mismatch> {
    let named = policies.iter().filter_map(|policy| Some((compare::names(policy)?, &policy.name, policy.span)));
    let listed = sums.policies.iter().filter_map(|policy| Some((policy.namespace()?, &policy.name, policy.span)));
    let mut first: BTreeMap<&Sym, (&String, Span)> = BTreeMap::new();
    for (namespace, policy, span) in named.chain(listed).filter(|(name, ..)| !model.namespaces.contains_key(*name)) {
        first.entry(namespace).or_insert((policy, span));
    }
    let mismatch = |(namespace, (policy, span)): (&Sym, (&String, Span))| Mismatch::Unmanaged {
        namespace: namespace.clone(),
        policy: policy.clone(),
        span,
    };
    first.into_iter().map(mismatch).collect()
}

fn of_namespace(terms: Terms<'_>, namespace: &Sym, meant: &[Permission], said: &[&sum::Policy]) -> Vec<Mismatch> {
    // Where nodes and pods are no addresses, no block can stand for them.
    let pod_ranges: &[_] = if terms.can.entities { &[] } else { &terms.model.profile.pod_cidrs };
    let mut mismatches = vec![];
    for direction in [Direction::Ingress, Direction::Egress] {
        let mut intent = Relation::default();
        for permission in meant.iter().filter(|permission| permission.direction == direction) {
            intent.allow(&permission.subject, &permission.peers, &permission.traffic);
        }
        let policies = relation_of(said.iter().copied(), direction);
        let findings = policies.compare(&intent, pod_ranges);
        mismatches.extend(witness::explain(namespace, direction, meant, said, findings));
    }
    mismatches
}

/// What the policies of one namespace say in one direction.
fn relation_of<'a>(policies: impl IntoIterator<Item = &'a sum::Policy>, direction: Direction) -> Relation {
    let mut relation = Relation::default();
    for policy in policies {
        if policy.isolates.contains(&direction) {
            relation.isolate(&policy.subject);
        }
        for rule in policy.rules.iter().filter(|rule| rule.direction == direction) {
            relation.allow(&policy.subject, &rule.peers, &Traffic::of(rule));
        }
    }
    relation
}

/// Policies that only report where enforcement is meant, or the other way round.
fn staged(model: &Model, policies: &[normal::Policy]) -> Option<Mismatch> {
    let meant = model.profile.staged;
    let policy = policies.iter().find(|policy| policy.staged != meant)?;
    Some(Mismatch::Staged { policy: policy.name.clone(), meant, span: policy.span })
}

/// Two objects of one name: the second would replace the first in the cluster, so their union is never in force. One
/// object may give several policies; those share its place.
fn duplicates(policies: &[normal::Policy]) -> Vec<Mismatch> {
    let mut seen: HashMap<(&str, Option<&Sym>, &str), &normal::Policy> = HashMap::with_capacity(policies.len());
    let mut out = vec![];
    for policy in policies {
        let place = policy.namespace.as_ref();
        let first = *seen.entry((policy.kind, place, &policy.name)).or_insert(policy);
        if first.span != policy.span {
            out.push(Mismatch::Duplicate {
                namespace: place.cloned(),
                policy: policy.name.clone(),
                span: policy.span,
                first: first.span,
            });
        }
    }
    out
}
