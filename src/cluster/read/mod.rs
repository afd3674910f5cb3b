//! Manifests to a cluster, and to the documents that are policies.
//!
//! In: the texts of files. Out: an [`Inventory`], or every error of every document. Each object is exactly one of: part of
//! the cluster, a policy, or of a kind that policies do not see, which is counted. Only the served versions of a kind are
//! read; an object that the API server would not take as such is refused rather than passed by.

mod assemble;
mod containers;
mod convert;
mod env;
mod leads;
mod object;
mod sort;

#[cfg(test)]
mod tests;

pub(super) use assemble::Parts;
pub(super) use sort::POD;

use std::collections::BTreeMap;
use std::net::IpAddr;

use rayon::prelude::*;

use super::owners::Key;
use super::{Backend, Cluster, Pod, Service, TargetPort};
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::reading::text::Doc;
use crate::model::{Labels, Sym};
use crate::source::{FileId, Sources, Span};

use env::{Texts, Words};

/// What files hold.
pub struct Inventory<'s> {
    /// Namespaces and pods.
    pub cluster: Cluster,
    /// Documents that are policies, or belong to them, in the order of the texts.
    pub policies: Vec<PolicyDoc<'s>>,
    /// Documents that are Namespaces.
    pub namespaces: Vec<Doc<'s>>,
    /// Other objects: how many of each kind.
    pub others: BTreeMap<String, usize>,
    /// Workloads that are no pod of the cluster, because their pods, or the workload that owns them, are there too: how
    /// many of each kind.
    pub represented: BTreeMap<&'static str, usize>,
}

/// A document of a policy, and what it says that it is.
pub struct PolicyDoc<'s> {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// The document.
    pub doc: Doc<'s>,
}

/// How much of a cluster is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// What policies select: namespaces and pods.
    Selected,
    /// Also what leads to pods, and what they say of themselves.
    Whole,
}

/// Reads manifests for what policies select: namespaces and pods.
///
/// # Errors
/// All of them, of all documents.
pub fn read<'s>(sources: &'s Sources, files: &[FileId]) -> Result<Inventory<'s>, Vec<Diagnostic>> {
    read_as(sources, files, Scope::Selected)
}

/// Reads manifests for all that a [`Cluster`] can hold.
///
/// # Errors
/// All of them, of all documents.
pub fn read_whole<'s>(sources: &'s Sources, files: &[FileId]) -> Result<Inventory<'s>, Vec<Diagnostic>> {
    read_as(sources, files, Scope::Whole)
}

fn read_as<'s>(sources: &'s Sources, files: &[FileId], scope: Scope) -> Result<Inventory<'s>, Vec<Diagnostic>> {
    let mut sorted = sort::files(sources, files, scope);
    let read: Vec<_> = sorted.objects.par_iter().map(|(doc, kind)| convert::object(doc, kind, scope)).collect();
    let is_namespace = |(_, kind): &&(Doc<'_>, &str)| *kind == sort::NAMESPACE;
    let namespaces = sorted.objects.iter().filter(is_namespace).map(|(doc, _)| doc.clone()).collect();
    let mut objects = vec![];
    for result in read {
        match result {
            Ok(object) => objects.push(object),
            Err(errors) => sorted.errors.extend(errors),
        }
    }
    sorted.errors.extend(duplicates(&objects));
    if !sorted.errors.is_empty() {
        sorted.errors.sort_by_key(|error| error.primary.as_ref().map(|place| (place.span.file, place.span.start)));
        return Err(sorted.errors);
    }
    let (cluster, represented) = assemble::cluster(objects);
    Ok(Inventory { cluster, policies: sorted.policies, namespaces, others: sorted.others, represented })
}

/// An object, understood.
#[derive(Debug, Clone)]
pub(super) struct Object {
    key: Key,
    /// What controls it.
    owner: Option<Key>,
    /// It named its namespace, or is in none.
    placed: bool,
    /// Helm makes it for a test alone.
    is_test: bool,
    labels: Labels,
    content: Content,
    span: Span,
}

/// What an object says. Names of namespaces that it took from its own are not here: they follow where that is put.
#[derive(Debug, Clone)]
enum Content {
    /// Nothing but its name and labels.
    None,
    /// What a Pod or a workload gives, and the texts of its containers; its account has no labels yet.
    Pod(Box<Pod>, Vec<Words>),
    ConfigMap(Texts),
    Service(Box<Service>),
    /// Addresses behind a Service.
    Endpoints(Sym, Vec<IpAddr>),
    Route(Vec<Lead>),
    Webhooks(Vec<Backend>),
    Binding(Vec<Subject>),
}

/// Where a route leads.
#[derive(Debug, Clone)]
struct Lead {
    /// The route's own, where none is written.
    namespace: Option<Sym>,
    service: Sym,
    port: Option<TargetPort>,
    span: Span,
}

/// Whom a role is bound to.
#[derive(Debug, Clone)]
enum Subject {
    Account(Sym, Sym),
    /// All accounts of a namespace.
    Namespace(Sym),
}

/// What a reader says, of what nobody rendered. A limit is one whoever wrote the text.
fn of_manifest(error: Diagnostic) -> Diagnostic {
    match error.code == codes::LIMIT {
        true => error,
        false => Diagnostic { code: codes::MANIFEST, ..error },
    }
}

/// Errors at objects that an earlier one has the name of.
fn duplicates(objects: &[Object]) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<&Key, &Object> = BTreeMap::new();
    let mut errors = vec![];
    for object in objects {
        let Some(first) = seen.get(&object.key) else {
            seen.insert(&object.key, object);
            continue;
        };
        let message = format!("{} {} is there twice", object.key.kind, quote(&object.key.path()));
        let error = Diagnostic::error(codes::MANIFEST, object.span, message).related(first.span, "the first");
        errors.push(if first.placed == object.placed {
            error.help("remove one of them: in a cluster the later would replace the earlier")
        } else {
            let namespace = quote(&object.key.namespace);
            error.help(format!("one of them names no namespace, and is taken to be in {namespace}: write where it is"))
        });
    }
    errors
}
