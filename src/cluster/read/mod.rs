//! Manifests to a cluster, and to the documents that are policies.
//!
//! In: the texts of files. Out: an [`Inventory`], or every error of every document. Each object is exactly one of: part of
//! the cluster, a policy, or of a kind that policies do not see, which is counted. Only the served versions of a kind are
//! read; an object that the API server would not take as such is refused rather than passed by.

mod convert;
mod object;
mod sort;

#[cfg(test)]
mod tests;

pub(super) use sort::POD;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::owners::{self, Key};
use super::{Cluster, Namespace, Pod};
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::reading::text::Doc;
use crate::model::{Labels, NAMESPACE_NAME, Sym};
use crate::source::{FileId, Sources, Span};

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

/// Reads manifests.
///
/// # Errors
/// All of them, of all documents.
pub fn read<'s>(sources: &'s Sources, files: &[FileId]) -> Result<Inventory<'s>, Vec<Diagnostic>> {
    let mut sorted = sort::files(sources, files);
    let read: Vec<_> = sorted.objects.par_iter().map(|(doc, kind)| convert::object(doc, kind)).collect();
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
    let (cluster, represented) = assemble(objects);
    Ok(Inventory { cluster, policies: sorted.policies, namespaces, others: sorted.others, represented })
}

/// An object, understood.
struct Object {
    key: Key,
    /// What controls it.
    owner: Option<Key>,
    labels: Labels,
    /// What a Pod or a workload gives; its account has no labels yet.
    pod: Option<Pod>,
    span: Span,
}

/// Errors at objects that an earlier one has the name of.
fn duplicates(objects: &[Object]) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<&Key, Span> = BTreeMap::new();
    let mut errors = vec![];
    for object in objects {
        let Some(first) = seen.get(&object.key) else {
            seen.insert(&object.key, object.span);
            continue;
        };
        let message = format!("{} {} is there twice", object.key.kind, quote(&object.key.path()));
        errors.push(
            Diagnostic::error(codes::MANIFEST, object.span, message)
                .related(*first, "the first")
                .help("remove one of them: in a cluster the later would replace the earlier"),
        );
    }
    errors
}

fn assemble(objects: Vec<Object>) -> (Cluster, BTreeMap<&'static str, usize>) {
    let mut cluster = Cluster::default();
    let mut accounts: BTreeMap<(Sym, Sym), Labels> = BTreeMap::new();
    for object in objects.iter().filter(|object| object.pod.is_none()) {
        let Key { kind, namespace, name } = &object.key;
        if *kind == sort::NAMESPACE {
            let own = (NAMESPACE_NAME.into(), name.clone());
            let labels = object.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
            let labels = Labels::new(labels.chain([own]));
            cluster.namespaces.insert(name.clone(), Namespace { labels, declared: true, span: object.span });
        } else {
            accounts.insert((namespace.clone(), name.clone()), object.labels.clone());
        }
    }
    let with_pods: Vec<_> = objects.iter().filter(|object| object.pod.is_some()).collect();
    // What has run to its end stands for nothing: what made it may make others.
    let finished = |object: &Object| object.pod.as_ref().is_some_and(|pod| pod.finished);
    let owned = with_pods.iter().map(|object| (&object.key, object.owner.as_ref().filter(|_| !finished(object))));
    let represented = owners::represented(owned);
    let mut counts = BTreeMap::new();
    let mut pods = vec![];
    for object in objects.iter().filter(|object| object.pod.is_some()) {
        if represented.contains(&object.key) {
            *counts.entry(object.key.kind).or_default() += 1;
        } else {
            pods.extend(object.pod.clone());
        }
    }
    for pod in &mut pods {
        let account = accounts.get(&(pod.namespace.clone(), pod.service_account.clone()));
        pod.account_labels = account.cloned().unwrap_or_default();
        cluster.namespaces.entry(pod.namespace.clone()).or_insert_with(|| Namespace {
            labels: Labels::new([(NAMESPACE_NAME.into(), pod.namespace.clone())]),
            declared: false,
            span: pod.span,
        });
    }
    tell_apart(&mut pods);
    cluster.pods = pods;
    (cluster, counts)
}

/// Gives workloads of one name in one namespace names of their own. A Pod keeps its name: it is a pod's.
fn tell_apart(pods: &mut [Pod]) {
    let is_pod = |pod: &&mut Pod| pod.origin == POD;
    let mut taken: BTreeSet<(Sym, Sym)> =
        pods.iter_mut().filter(is_pod).map(|pod| (pod.namespace.clone(), pod.name.clone())).collect();
    for pod in pods.iter_mut().filter(|pod| !is_pod(pod)) {
        while !taken.insert((pod.namespace.clone(), pod.name.clone())) {
            pod.name = format!("{}.{}", pod.name, pod.origin.to_ascii_lowercase()).into();
        }
    }
}
