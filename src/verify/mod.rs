//! The proof: what the rendered policies say is exactly what the intent means.
//!
//! In: the [`Model`] and policies in the normal form, which a dialect's reader made from the rendered bytes alone.
//! Out: a [`Proof`], or [`Mismatch`]es, each a concrete flow. Knows nothing of how the policies were made.
//!
//! ```text
//! model ─ expected ─┐
//!                   ├─ relation (the law) ─ witness
//! normal form ──────┘
//! ```

mod allowed;
mod bases;
mod expected;
pub mod flows;
pub mod normal;
mod ports;
mod relation;
mod witness;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use crate::model::{Direction, EdgeId, Model, Sym};

pub use allowed::Other;
pub use bases::strays;
pub use flows::{ChangeKind, FlowChange, Flows, flow_changes, released};
pub use ports::PortSet;
pub use witness::{Allows, Mismatch, Witness};

use relation::Relation;

/// That the policies say what the intent means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// How many flows were proved, as people count them: one for each edge, one for each tier that resolves names and one
    /// for each tier that is scraped.
    pub flows: usize,
}

/// Edges of which the dialect may say something else than was meant, because the project file permits it.
#[derive(Debug, Clone, Default)]
pub struct Permitted {
    /// HTTP rules are rendered as rules on ports: wider.
    pub http_as_l4: BTreeSet<EdgeId>,
    /// Host names are left out: narrower.
    pub fqdns_omitted: BTreeSet<EdgeId>,
}

/// How many mismatches are shown; the rest is counted.
const MAX_SHOWN: usize = 10;

/// Proves that `policies` allow exactly what the model means, for every pod, address and port.
///
/// # Errors
/// A witness for each policy that says too much and each edge that is not said, at most ten and then
/// [`Mismatch::More`].
pub fn prove(model: &Model, permitted: &Permitted, policies: &[normal::Policy]) -> Result<Proof, Vec<Mismatch>> {
    let (expected, flows) = expected::permissions(model);
    let mut mismatches = expected::inexpressible(model, permitted);
    mismatches.extend(duplicates(policies));

    let mut said: BTreeMap<&Sym, Vec<&normal::Policy>> = expected.keys().map(|name| (name, vec![])).collect();
    let mut unmanaged: BTreeMap<&Sym, &normal::Policy> = BTreeMap::new();
    for policy in policies {
        match said.get_mut(&policy.namespace) {
            Some(of_namespace) => of_namespace.push(policy),
            None => {
                unmanaged.entry(&policy.namespace).or_insert(policy);
            }
        }
    }
    mismatches.extend(unmanaged.into_values().map(|policy| Mismatch::Unmanaged {
        namespace: policy.namespace.clone(),
        policy: policy.name.clone(),
        span: policy.span,
    }));

    let namespaces: Vec<_> = expected.iter().zip(said.values()).collect();
    let found: Vec<Vec<Mismatch>> =
        namespaces.par_iter().map(|((namespace, meant), said)| of_namespace(model, namespace, meant, said)).collect();
    mismatches.extend(found.into_iter().flatten());

    if mismatches.is_empty() {
        return Ok(Proof { flows });
    }
    let more = mismatches.len().saturating_sub(MAX_SHOWN);
    mismatches.truncate(MAX_SHOWN);
    mismatches.extend((more > 0).then_some(Mismatch::More(more)));
    Err(mismatches)
}

fn of_namespace(
    model: &Model,
    namespace: &Sym,
    meant: &[expected::Permission],
    said: &[&normal::Policy],
) -> Vec<Mismatch> {
    let mut mismatches = vec![];
    for direction in [Direction::Ingress, Direction::Egress] {
        let mut intent = Relation::default();
        for permission in meant.iter().filter(|permission| permission.direction == direction) {
            intent.allow(&permission.subject, &permission.peers, &permission.ports);
        }
        let policies = relation_of(said.iter().copied(), direction);
        let findings = policies.compare(&intent, &model.profile.pod_cidrs);
        mismatches.extend(witness::explain(namespace, direction, meant, said, findings));
    }
    mismatches
}

/// What the policies of one namespace say in one direction.
fn relation_of<'a>(policies: impl IntoIterator<Item = &'a normal::Policy>, direction: Direction) -> Relation {
    let mut relation = Relation::default();
    for policy in policies {
        if policy.isolates.contains(&direction) {
            relation.isolate(&policy.subject);
        }
        for rule in policy.rules.iter().filter(|rule| rule.direction == direction) {
            relation.allow(&policy.subject, &rule.peers, &rule.ports);
        }
    }
    relation
}

/// Two objects of one name: the second would replace the first in the cluster, so their union is never in force. One
/// object may give several policies; those share its place.
fn duplicates(policies: &[normal::Policy]) -> Vec<Mismatch> {
    let mut seen: HashMap<(&Sym, &str), &normal::Policy> = HashMap::with_capacity(policies.len());
    let mut out = vec![];
    for policy in policies {
        let first = *seen.entry((&policy.namespace, &policy.name)).or_insert(policy);
        if first.span != policy.span {
            out.push(Mismatch::Duplicate {
                namespace: policy.namespace.clone(),
                policy: policy.name.clone(),
                span: policy.span,
                first: first.span,
            });
        }
    }
    out
}
