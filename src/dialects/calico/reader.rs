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

mod alike;
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

use std::collections::BTreeSet;
use std::sync::Mutex;

use rayon::prelude::*;

use crate::diag::Diagnostic;
use crate::dialects::reading::Assumed;
use crate::dialects::reading::Shared;
use crate::dialects::reading::alike::Shapes;
use crate::dialects::reading::text::Doc;
use crate::dialects::reading::{self, Kinds, Purpose, Read, networkpolicy};
use crate::source::{FileId, Sources};
use crate::verify::normal::{Engine, File, Policy, Reading};

use convert::{Object, Says};
use sets::Sets;

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
    let read = objects(sources, files, None)?;
    let objects: Vec<&Object> = read.iter().flat_map(|file| &file.objects).collect();
    let mut policies = resolve::policies(&objects, Purpose::Rendered)?.into_iter();
    Ok(read.iter().map(|read| file(read, &mut policies)).collect())
}

fn objects(
    sources: &Sources,
    files: &[FileId],
    shapes: Option<&Shapes<Object>>,
) -> Result<Vec<Read<Object>>, Vec<Diagnostic>> {
    let read = files.par_iter().map(|file| reading::file(sources, *file, KINDS, convert::object, shapes)).collect();
    reading::all(read)
}

/// A file with what its objects mean, which are the next of `policies`.
fn file(read: &Read<Object>, policies: &mut impl Iterator<Item = Vec<Policy>>) -> File {
    File {
        policies: policies.by_ref().take(read.objects.len()).flatten().collect(),
        base: read.base.clone(),
        shared: read.objects.iter().any(|object| matches!(object.says, Says::Set(_) | Says::Tier(_))),
    }
}

/// The files of no namespace, and what policies of namespaces find in them.
pub struct Beside {
    objects: Vec<Object>,
    files: Vec<File>,
    sets: Sets,
    /// Tiers in which the policies of namespaces stand.
    tiers: Mutex<BTreeSet<String>>,
    shapes: Shapes<Object>,
}

impl Beside {
    /// `None` where they cannot be read by themselves.
    pub fn read(sources: &Sources, files: &[FileId]) -> Option<Self> {
        let mut read = objects(sources, files, None).ok()?;
        let all: Vec<&Object> = read.iter().flat_map(|file| &file.objects).collect();
        let sets = Sets::new(&all);
        let mut policies = resolve::beside(&all, &[], &sets)?.into_iter();
        let files = read.iter().map(|read| file(read, &mut policies)).collect();
        let objects = read.iter_mut().flat_map(|file| std::mem::take(&mut file.objects)).collect();
        Some(Self { objects, files, sets, tiers: Mutex::default(), shapes: Shapes::default() })
    }

    fn policies(&self, read: &[Read<Object>]) -> Option<Vec<File>> {
        let all: Vec<&Object> = read.iter().flat_map(|file| &file.objects).collect();
        let mut tiers: Vec<&String> = vec![];
        for object in &all {
            match &object.says {
                Says::Policy(policy) if tiers.last().is_none_or(|tier| **tier != policy.tier) => {
                    tiers.push(&policy.tier)
                }
                Says::Policy(_) => {}
                _ => return None,
            }
        }
        self.tiers.lock().ok()?.extend(tiers.into_iter().cloned());
        let others: Vec<&Object> = self.objects.iter().collect();
        let mut policies = resolve::beside(&all, &others, &self.sets)?.into_iter();
        Some(read.iter().map(|read| file(read, &mut policies)).collect())
    }
}

impl Shared for Beside {
    fn files(&self) -> &[File] {
        &self.files
    }

    fn read(&self, sources: &Sources, files: &[FileId]) -> Option<Vec<File>> {
        self.policies(&objects(sources, files, None).ok()?)
    }

    fn read_alike(&self, sources: &Sources, files: &[FileId]) -> Option<Vec<File>> {
        self.policies(&objects(sources, files, Some(&self.shapes)).ok()?)
    }

    /// Whether policies of two namespaces stand in an order is not seen from one of them: only in one tier there is none.
    fn is_whole(&self) -> bool {
        let is_default = |tier: &String| tier == order::DEFAULT_TIER;
        self.sets.unused().is_empty() && self.tiers.lock().is_ok_and(|tiers| tiers.iter().all(is_default))
    }
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
