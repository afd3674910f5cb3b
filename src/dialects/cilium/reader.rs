//! Manifests back to the verifier's normal form.
//!
//! In: the texts of all files. Out: what the policies of each say, references to groups of address ranges resolved across
//! files, or every error of every document. Nothing is skipped. Shares no code with the writer of these files.

mod above;
mod alike;
mod cidr;
mod convert;
mod draft;
mod groups;
mod icmp;
mod keys;
mod layer7;
mod names;
mod nulls;
mod object;
mod path;
mod peers;
mod ports;
mod regexp;
mod requests;
mod selector;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Mutex;

use rayon::prelude::*;

use crate::diag::Diagnostic;
use crate::dialects::reading::Shared;
use crate::dialects::reading::alike::Shapes;
use crate::dialects::reading::networkpolicy::{self, Mode};
use crate::dialects::reading::text::Doc;
use crate::dialects::reading::{self, Assumed, Kinds, Purpose, Read};
use crate::source::{FileId, Sources};
use crate::verify::normal::{self, End, Engine, Rank, Reading};

use convert::{DraftRule, Item};
use draft::Draft;
use groups::Groups;

/// Kind of a group of address ranges.
const GROUP: &str = "CiliumCIDRGroup";
/// Kind of a policy that is in no namespace.
const CLUSTERWIDE: &str = "CiliumClusterwideNetworkPolicy";
/// Kind of a policy of Kubernetes.
const KUBERNETES: &str = networkpolicy::KIND.1;

/// What files that we wrote may hold.
const WRITTEN: Kinds = Kinds {
    known: &[("cilium.io/v2", "CiliumNetworkPolicy"), ("cilium.io/v2", CLUSTERWIDE), ("cilium.io/v2", GROUP)],
    help: "a file of this dialect holds CiliumNetworkPolicies, CiliumClusterwideNetworkPolicies and CiliumCIDRGroups of \
           cilium.io/v2",
};

pub(super) const KINDS: Kinds = Kinds {
    known: &[
        ("cilium.io/v2", "CiliumNetworkPolicy"),
        ("cilium.io/v2", CLUSTERWIDE),
        ("cilium.io/v2", GROUP),
        ("cilium.io/v2alpha1", GROUP),
        networkpolicy::KIND,
    ],
    help: "Cilium reads CiliumNetworkPolicies, CiliumClusterwideNetworkPolicies and CiliumCIDRGroups of cilium.io/v2, and \
           NetworkPolicies of networking.k8s.io/v1",
};

/// Whether peers are limited to the own cluster, where they do not name one (pkg/clustermesh/types, PolicyConfig).
pub(super) const LOCAL: &str = "policy-default-local-cluster";

/// Rendered files: policies in the order of the text, or the one kustomization that a file is.
pub fn read(sources: &Sources, files: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
    let read = items(sources, files, None)?;
    let mut groups = Groups::new(Purpose::Rendered);
    read.iter().flat_map(|file| &file.objects).for_each(|item| note(item, &mut groups));
    let files = read.into_iter().map(|read| file(read, &mut groups)).collect();
    groups.finish().map(|_| files)
}

fn items(
    sources: &Sources,
    files: &[FileId],
    shapes: Option<&Shapes<Item>>,
) -> Result<Vec<Read<Item>>, Vec<Diagnostic>> {
    let read = files.par_iter().map(|file| reading::file(sources, *file, WRITTEN, convert::object, shapes)).collect();
    reading::all(read)
}

fn file(read: Read<Item>, groups: &mut Groups) -> normal::File {
    let shared = read.objects.iter().any(|item| matches!(item, Item::Group(_)));
    let policies = drafts(&read.objects).flat_map(|draft| draft.policies(groups, true, true)).collect();
    normal::File { policies, base: read.base, shared }
}

/// The files of no namespace, and the groups in them that policies of namespaces refer to.
pub struct Beside {
    files: Vec<normal::File>,
    /// What is known after the shared files were read, of which none is used yet but by them.
    groups: Mutex<Groups>,
    shapes: Shapes<Item>,
}

impl Beside {
    /// `None` where they cannot be read by themselves.
    pub fn read(sources: &Sources, files: &[FileId]) -> Option<Self> {
        let read = items(sources, files, None).ok()?;
        let mut groups = Groups::new(Purpose::Rendered);
        read.iter().flat_map(|file| &file.objects).for_each(|item| note(item, &mut groups));
        let files = read.into_iter().map(|read| file(read, &mut groups)).collect();
        Some(Self { files, groups: Mutex::new(groups), shapes: Shapes::default() })
    }

    fn policies(&self, read: Vec<Read<Item>>) -> Option<Vec<normal::File>> {
        if read.iter().flat_map(|file| &file.objects).any(|item| matches!(item, Item::Group(_))) {
            return None;
        }
        let mut groups = self.groups.lock().ok()?.beside();
        let files = read.into_iter().map(|read| file(read, &mut groups)).collect();
        self.groups.lock().ok()?.merge(groups);
        Some(files)
    }
}

impl Shared for Beside {
    fn files(&self) -> &[normal::File] {
        &self.files
    }

    fn read(&self, sources: &Sources, files: &[FileId]) -> Option<Vec<normal::File>> {
        self.policies(items(sources, files, None).ok()?)
    }

    fn read_alike(&self, sources: &Sources, files: &[FileId]) -> Option<Vec<normal::File>> {
        self.policies(items(sources, files, Some(&self.shapes)).ok()?)
    }

    fn is_whole(&self) -> bool {
        self.groups.lock().is_ok_and(|groups| groups.clone().finish().is_ok())
    }
}

fn note(item: &Item, groups: &mut Groups) {
    if let Item::Group(group) = item {
        groups.add(group);
    }
}

fn drafts(items: &[Item]) -> impl Iterator<Item = &Draft> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Policies(drafts) => Some(drafts),
            Item::Group(_) | Item::Kubernetes(_) => None,
        })
        .flatten()
}

/// How Cilium takes policies of Kubernetes (pkg/k8s/network_policy.go): as permissions like its own. One by negations of
/// namespaces alone reaches what is no pod, where peers are not limited to the own cluster.
fn of_kubernetes(items: &[Item], local: bool) -> Vec<normal::Policy> {
    let rank = Rank { tier: 1, end: End::Denies, order: 0, leads: false };
    let mode = Mode { rank, rules_isolate: true, negations_reach_out: !local, others: true, by_identities: true };
    let means = |item: &Item| match item {
        Item::Kubernetes(policy) => policy.clone().means(&mode),
        Item::Group(_) | Item::Policies(_) => None,
    };
    items.iter().filter_map(means).collect()
}

/// Whether it makes a difference that peers are limited to the own cluster.
fn is_switched(items: &[Item]) -> bool {
    let is_wide = |rule: &DraftRule| !rule.of_any_cluster.is_empty();
    if drafts(items).any(|draft| draft.rules.iter().chain(&draft.denies).any(is_wide)) {
        return true;
    }
    let peers = |local| -> usize {
        of_kubernetes(items, local).iter().flat_map(|policy| &policy.rules).map(|rule| rule.peers.len()).sum()
    };
    peers(false) != peers(true)
}

/// Manifests of any origin: as agents understand them that limit peers to their own cluster, and as others do, where that
/// makes a difference and is not known.
pub fn readings(docs: &[Doc<'_>], assumed: &Assumed) -> Result<Vec<Reading>, Vec<Diagnostic>> {
    let items = reading::given(docs, KINDS, convert::object)?;
    match (assumed.get(LOCAL), is_switched(&items)) {
        (Some(local), _) => Ok(vec![reading(&items, *local, None)?]),
        (None, false) => Ok(vec![reading(&items, false, None)?]),
        (None, true) => Ok(vec![
            reading(&items, false, Some("policy-default-local-cluster=false"))?,
            reading(&items, true, Some("policy-default-local-cluster=true"))?,
        ]),
    }
}

fn reading(items: &[Item], local: bool, assuming: Option<&'static str>) -> Result<Reading, Vec<Diagnostic>> {
    let mut groups = Groups::new(Purpose::Given);
    items.iter().for_each(|item| note(item, &mut groups));
    let mut policies: Vec<_> = drafts(items).flat_map(|draft| draft.policies(&mut groups, !local, false)).collect();
    policies.extend(of_kubernetes(items, local));
    let told: BTreeSet<&str> = drafts(items).flat_map(|draft| draft.notes.iter().copied()).collect();
    let notes = groups.finish()?.into_iter().chain(told.into_iter().map(str::to_owned)).collect();
    let engine = Engine { name: "Cilium", blocks_match_pods: false, names_are_global: true, own_node_enters: true };
    Ok(Reading { engine, assuming, policies, notes })
}
