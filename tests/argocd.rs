//! netpolc as a plugin of Argo CD, and the files of `docs/argocd`: each is played as Argo CD would use it.
//!
//! `argocd/server.rs` does what argocd-cmp-server does, with the plugin.yaml that is shipped. What needs a cluster or a
//! container engine is read instead: manifests by Argo CD's own definitions, the Dockerfile by what it copies and runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

mod defaults;
mod image;
mod manifests;
mod plugin;
mod server;

use std::collections::BTreeMap;

use crate::support;
use serde::Deserialize;
use serde_json::Value;

/// A file of `docs/argocd`.
fn shipped(name: &str) -> String {
    std::fs::read_to_string(support::repo().join("docs/argocd").join(name)).unwrap()
}

/// The documents of a YAML stream.
fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text).map(|one| Value::deserialize(one).unwrap());
    documents.filter(|value| !value.is_null()).collect()
}

/// Objects by kind, namespace and name.
fn objects(texts: impl IntoIterator<Item = String>) -> BTreeMap<String, Value> {
    let mut objects = BTreeMap::new();
    for object in texts.into_iter().flat_map(|text| documents(&text)) {
        let metadata = &object["metadata"];
        let key = format!("{} {} {}", object["kind"], metadata["namespace"], metadata["name"]);
        assert!(objects.insert(key.clone(), object).is_none(), "{key} twice");
    }
    objects
}

/// The objects in a folder of manifests.
fn written(folder: &std::path::Path) -> BTreeMap<String, Value> {
    let files = support::tree(folder).into_iter().filter(|(path, _)| !path.ends_with("kustomization.yaml"));
    objects(files.map(|(_, bytes)| String::from_utf8(bytes).unwrap()))
}
