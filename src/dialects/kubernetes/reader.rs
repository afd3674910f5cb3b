//! Rendered YAML back to the verifier's normal form.
//!
//! In: the texts of all files. Out: what the NetworkPolicies of each say, or every error of every document. Nothing is
//! skipped. Shares no code with the writer of these files.

mod convert;
mod object;

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::diag::Diagnostic;
use crate::dialects::Assumed;
use crate::dialects::reading::text::Doc;
use crate::dialects::reading::{self, Kinds, Read};
use crate::source::{FileId, Sources};
use crate::verify::normal::{self, Engine, Reading};

pub(super) const KINDS: Kinds = Kinds {
    known: &[("networking.k8s.io/v1", "NetworkPolicy")],
    help: "a file of this dialect holds NetworkPolicies of networking.k8s.io/v1",
};

/// Rendered files: policies in the order of the text, or the one kustomization that a file is. No object refers to
/// another.
pub fn read(sources: &Sources, files: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
    let read: Vec<Result<Read<Vec<normal::Policy>>, _>> =
        files.par_iter().map(|file| reading::file(sources, *file, KINDS, convert::object)).collect();
    reading::all(read).map(|files| {
        let normal = |read: Read<Vec<normal::Policy>>| normal::File {
            policies: read.objects.into_iter().flatten().collect(),
            base: read.base,
            shared: false,
        };
        files.into_iter().map(normal).collect()
    })
}

/// Manifests of any origin, as each of the engines understands them.
pub fn readings(docs: &[Doc<'_>], _: &Assumed) -> Result<Vec<Reading>, Vec<Diagnostic>> {
    let policies: Vec<normal::Policy> = reading::given(docs, KINDS, convert::object)?.into_iter().flatten().collect();
    let engine =
        Engine { name: "Kubernetes", blocks_match_pods: true, names_are_global: false, own_node_enters: false };
    Ok(vec![Reading { engine, assuming: None, policies, notes: vec![] }])
}
