//! Manifests to the verifier's normal form.
//!
//! In: the texts of all files. Out: what the policies of each say, or every error. Policies refer to sets by label and
//! stand in tiers, so the files are read together. Nothing is skipped: what cannot be evaluated is refused where it stands.
//! Shares no code with the writer of these files.
//!
//! ```text
//! parse → selector → pods ─────────┐
//! nets, ports ─ entity, rule, policy ─ convert ─ resolve (order, sets, meaning)
//! ```

mod convert;
mod entity;
mod meaning;
mod nets;
mod object;
mod order;
mod parse;
mod pods;
mod policy;
mod ports;
mod resolve;
mod rule;
mod selector;
mod sets;

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::diag::Diagnostic;
use crate::dialects::reading::Assumed;
use crate::dialects::reading::text::Doc;
use crate::dialects::reading::{self, Kinds, Purpose, Read, networkpolicy};
use crate::source::{FileId, Sources};
use crate::verify::normal::{Engine, File, Reading};

use convert::{Object, Says};

/// The version that the API server validates (`crd.projectcalico.org/v1` is Calico's own storage, unchecked).
const VERSION: &str = "projectcalico.org/v3";
const GLOBAL_POLICY: &str = "GlobalNetworkPolicy";
const POLICY: &str = "NetworkPolicy";
const STAGED_GLOBAL: &str = "StagedGlobalNetworkPolicy";
const STAGED: &str = "StagedNetworkPolicy";
const STAGED_KUBERNETES: &str = "StagedKubernetesNetworkPolicy";
const GLOBAL_SET: &str = "GlobalNetworkSet";
const SET: &str = "NetworkSet";
const TIER: &str = "Tier";
const NAMESPACE: &str = "Namespace";

const HELP: &str = "a file of this dialect holds GlobalNetworkPolicies, NetworkPolicies, their staged kinds, \
                    GlobalNetworkSets, NetworkSets and Tiers of projectcalico.org/v3 (what crd.projectcalico.org/v1 \
                    holds is Calico's own storage of these)";

/// What manifests of any origin may hold: Namespaces too, whose labels network sets inherit.
const GIVEN: Kinds = Kinds {
    known: &[
        ("v1", NAMESPACE),
        (VERSION, GLOBAL_POLICY),
        (VERSION, POLICY),
        (VERSION, STAGED_GLOBAL),
        (VERSION, STAGED),
        (VERSION, STAGED_KUBERNETES),
        (VERSION, GLOBAL_SET),
        (VERSION, SET),
        (VERSION, TIER),
        networkpolicy::KIND,
    ],
    help: HELP,
};

/// The kinds of policies, and what they refer to.
pub(super) const KINDS: Kinds = Kinds {
    known: match GIVEN.known.split_first() {
        Some((_, policies)) => policies,
        None => &[],
    },
    help: HELP,
};

/// Rendered files: policies in the order of the text, or the one kustomization that a file is.
pub fn read(sources: &Sources, files: &[FileId]) -> Result<Vec<File>, Vec<Diagnostic>> {
    let read: Vec<Result<Read<Object>, _>> =
        files.par_iter().map(|file| reading::file(sources, *file, KINDS, convert::object)).collect();
    let read = reading::all(read)?;
    let objects: Vec<&Object> = read.iter().flat_map(|file| &file.objects).collect();
    let mut policies = resolve::policies(&objects, Purpose::Rendered)?.into_iter();
    let file = |read: &Read<Object>| File {
        policies: policies.by_ref().take(read.objects.len()).flatten().collect(),
        base: read.base.clone(),
        shared: read.objects.iter().any(|object| matches!(object.says, Says::Set(_) | Says::Tier(_))),
    };
    Ok(read.iter().map(file).collect())
}

/// Manifests of any origin.
pub fn readings(docs: &[Doc<'_>], _: &Assumed) -> Result<Vec<Reading>, Vec<Diagnostic>> {
    let objects = reading::given(docs, GIVEN, convert::object)?;
    let objects: Vec<&Object> = objects.iter().collect();
    let policies = resolve::policies(&objects, Purpose::Given)?;
    let engine = Engine { name: "Calico", blocks_match_pods: true, names_are_global: false, own_node_enters: true };
    let policies = policies.into_iter().flatten().collect();
    Ok(vec![Reading { engine, assuming: None, policies, notes: notes(&objects) }])
}

/// What is left out, and why.
fn notes(objects: &[&Object]) -> Vec<String> {
    let mut reasons: Vec<&str> = vec![];
    for object in objects {
        if let Says::Nothing(why) = &object.says
            && !reasons.contains(why)
        {
            reasons.push(why);
        }
    }
    let count =
        |why: &&str| objects.iter().filter(|object| matches!(object.says, Says::Nothing(of) if of == *why)).count();
    let note = |why: &str| match count(&why) {
        1 => format!("1 policy is left out: {why}"),
        many => format!("{many} policies are left out: {why}"),
    };
    reasons.into_iter().map(note).collect()
}
