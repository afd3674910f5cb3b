//! The folders of a dialect's output: `baseline/` with what denies, `allow/` with what allows, each a base of its own.
//!
//! In: documents of a namespace, or of none. Out: the same with their paths, and for each folder a kustomization that lists
//! exactly what it holds. One file a namespace: nothing that every change touches, but for a list when a namespace comes or
//! goes.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::dialects::Document;

/// Folder of the default denies and guards.
pub const BASELINE: &str = "baseline";
/// Folder of what is allowed.
pub const ALLOW: &str = "allow";
/// Folder of cluster-wide guards. A namespace's file ends in `.yaml`, so none has this name.
pub const GUARDS: &str = "baseline/guards";
/// Folder of the tiers of guards. A policy is refused before its tier is there (projectcalico/calico,
/// libcalico-go/lib/clientv3/globalnetworkpolicy.go), so they are applied with what allows.
pub const TIERS: &str = "allow/tiers";
/// Folder of approved sets of addresses.
pub const EXTERNALS: &str = "allow/externals";
/// Name of the lists of files.
pub const LIST: &str = "kustomization.yaml";
/// Name of each namespace's default deny; no generated name starts like it.
pub const DEFAULT_DENY: &str = "netpolc--default-deny";

/// The name of a namespace's file, in each folder that has one.
pub fn file_of(namespace: &str) -> String {
    match namespace {
        // `_` stands in no namespace's name, so nothing else can have this name.
        "kustomization" => "_kustomization.yaml".to_owned(),
        _ => format!("{namespace}.yaml"),
    }
}

/// Gives the document of a namespace, or of an object of the cluster by its name, its place in a folder.
pub fn placed(folder: &str, name: &str, document: Document) -> Document {
    Document { path: Utf8Path::new(folder).join(file_of(name)), ..document }
}

/// A list for each folder of what it holds; `template` is that of one.
pub fn lists<'p>(paths: impl IntoIterator<Item = &'p Utf8Path>, template: &'static str) -> Vec<Document> {
    let mut listed: BTreeMap<&Utf8Path, BTreeSet<&str>> = BTreeMap::new();
    for path in paths {
        for entry in path.ancestors() {
            if let (Some(folder), Some(name)) = (entry.parent(), entry.file_name()) {
                listed.entry(folder).or_default().insert(name);
            }
        }
    }
    listed.into_iter().map(|(folder, names)| kustomization(folder.join(LIST), &names, template)).collect()
}

#[derive(Serialize)]
struct Kustomization<'a> {
    resources: &'a BTreeSet<&'a str>,
}

/// Its header names no intent: it would change with every new one.
fn kustomization(path: Utf8PathBuf, resources: &BTreeSet<&str>, template: &'static str) -> Document {
    let weight = 200 + resources.iter().map(|name| name.len() + 10).sum::<usize>();
    Document::new(path, template, Kustomization { resources }, weight, [])
}
