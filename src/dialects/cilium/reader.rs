//! Rendered YAML back to the verifier's normal form.
//!
//! In: the texts of all files. Out: what the policies of each say, references to groups of address ranges resolved across
//! files, or every error of every document. Nothing is skipped. Shares no code with the writer of these files.

mod convert;
mod groups;
mod object;
mod path;
mod peers;
mod ports;
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

use convert::Item;

/// Kind of a group of address ranges.
const GROUP: &str = "CiliumCIDRGroup";
/// Kind of a policy that is in no namespace.
const CLUSTERWIDE: &str = "CiliumClusterwideNetworkPolicy";

pub(super) const KINDS: Kinds = Kinds {
    known: &[("cilium.io/v2", "CiliumNetworkPolicy"), ("cilium.io/v2", CLUSTERWIDE), ("cilium.io/v2", GROUP)],
    help: "a file of this dialect holds CiliumNetworkPolicies, CiliumClusterwideNetworkPolicies and CiliumCIDRGroups of \
           cilium.io/v2",
};

/// Rendered files: policies in the order of the text, or the one kustomization that a file is.
pub fn read(sources: &Sources, files: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
    let read: Vec<Result<Read<Item>, _>> =
        files.par_iter().map(|file| reading::file(sources, *file, KINDS, convert::object)).collect();
    resolve(reading::all(read)?)
}

/// Policies of all files, with the ranges of the groups that they refer to.
fn resolve(read: Vec<Read<Item>>) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
    let mut groups = groups::Groups::default();
    for item in read.iter().flat_map(|file| &file.objects) {
        if let Item::Group(group) = item {
            groups.add(group);
        }
    }
    let mut normal = vec![];
    for file in read {
        let shared = file.objects.iter().any(|item| matches!(item, Item::Group(_)));
        let drafts = file.objects.into_iter().filter_map(|item| match item {
            Item::Policies(drafts) => Some(drafts),
            Item::Group(_) => None,
        });
        let policies = drafts.flatten().flat_map(|draft| groups.resolve(draft)).collect();
        normal.push(normal::File { policies, base: file.base, shared });
    }
    let errors = groups.errors();
    if errors.is_empty() { Ok(normal) } else { Err(errors) }
}

/// Manifests of any origin.
pub fn readings(docs: &[Doc<'_>], _: &Assumed) -> Result<Vec<Reading>, Vec<Diagnostic>> {
    let objects = reading::given(docs, KINDS, convert::object)?;
    let files = resolve(vec![Read { objects, base: None }])?;
    let engine = Engine { name: "Cilium", blocks_match_pods: false, names_are_global: true, own_node_enters: true };
    let policies = files.into_iter().flat_map(|file| file.policies).collect();
    Ok(vec![Reading { engine, assuming: None, policies, notes: vec![] }])
}
