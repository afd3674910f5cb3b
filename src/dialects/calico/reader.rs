//! Rendered YAML back to the verifier's normal form.
//!
//! In: the texts of all files. Out: what the policies of each say, or every error. Policies refer to sets by label and
//! stand in tiers, so the files are read together. Nothing is skipped; what the normal form cannot hold is refused where
//! it stands. Shares no code with the writer of these files.

mod convert;
mod object;
mod order;
mod resolve;
mod rule;
mod select;
mod selector;

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::diag::Diagnostic;
use crate::dialects::Assumed;
use crate::dialects::reading::text::Doc;
use crate::dialects::reading::{self, Kinds, Read};
use crate::source::{FileId, Sources};
use crate::verify::normal::{self, Engine, Reading};

use convert::Object;

/// The version that the API server validates (`crd.projectcalico.org/v1` is Calico's own storage, unchecked).
const VERSION: &str = "projectcalico.org/v3";
const POLICY: &str = "GlobalNetworkPolicy";
const STAGED: &str = "StagedGlobalNetworkPolicy";
const SET: &str = "GlobalNetworkSet";
const TIER: &str = "Tier";

pub(super) const KINDS: Kinds = Kinds {
    known: &[(VERSION, POLICY), (VERSION, STAGED), (VERSION, SET), (VERSION, TIER)],
    help: "a file of this dialect holds GlobalNetworkPolicies, their staged kind, GlobalNetworkSets and Tiers of \
           projectcalico.org/v3",
};

/// Rendered files: policies in the order of the text, or the one kustomization that a file is.
pub fn read(sources: &Sources, files: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
    let read: Vec<Result<Read<Object>, _>> =
        files.par_iter().map(|file| reading::file(sources, *file, KINDS, convert::object)).collect();
    resolve::files(reading::all(read)?)
}

/// Manifests of any origin.
pub fn readings(docs: &[Doc<'_>], _: &Assumed) -> Result<Vec<Reading>, Vec<Diagnostic>> {
    let objects = reading::given(docs, KINDS, convert::object)?;
    let files = resolve::files(vec![Read { objects, base: None }])?;
    let engine = Engine { name: "Calico", blocks_match_pods: true, names_are_global: false, own_node_enters: false };
    let policies = files.into_iter().flat_map(|file| file.policies).collect();
    Ok(vec![Reading { engine, assuming: None, policies, notes: vec![] }])
}
