//! Labels as Cilium knows them: with the source they come from, and only those that make a pod's identity.
//!
//! In: labels of pods and namespaces. Out: keys of selectors, or why no selector can use a label.
//!
//! - Labels that Cilium leaves out of identities match nothing (pkg/labelsfilter/filter.go, the default filter: the
//!   longest matching inclusion must be longer than the shortest matching exclusion).
//! - Keys are validated as label keys after their source was put in front, joined by a dot (pkg/policy/api/selector.go,
//!   Sanitize): what is left of the 63 characters of a name, or the 253 of a prefix, is less than Kubernetes has.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Labels;

/// Keys and values as a template loops over them.
pub type Pairs<'a> = Vec<(Key<'a>, &'a str)>;

/// A key behind its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    source: &'static str,
    name: &'a str,
}

/// The namespace of a pod.
pub const NAMESPACE: Key<'static> = Key { source: POD_LABELS, name: "io.kubernetes.pod.namespace" };
/// Before the labels of a pod's namespace.
const NAMESPACE_LABELS: &str = "k8s:io.cilium.k8s.namespace.labels.";
/// Before the labels of a pod.
const POD_LABELS: &str = "k8s:";
/// The longest name and the longest prefix of a label key.
const MAX_NAME: usize = 63;
const MAX_PREFIX: usize = 253;

/// Beginnings of keys that make a pod's identity although a shorter exclusion fits them too.
const INCLUDED: [&str; 4] = [
    "io.kubernetes.pod.namespace",
    "io.cilium.k8s.namespace.labels",
    "app.kubernetes.io",
    "io.cilium.k8s.policy.cluster",
];
/// Beginnings of keys that make no identity.
const EXCLUDED: [&str; 13] = [
    "io.kubernetes",
    "kubernetes.io",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/controller-uid",
    "k8s.io",
    "pod-template-generation",
    "pod-template-hash",
    "controller-revision-hash",
    "controller-uid",
    "annotation",
    "etcd_node",
];
/// Excluded wherever it stands: it reaches further than any inclusion.
const BETA: &str = "beta.kubernetes.io";
/// Why a label that is left out cannot be used.
const NO_IDENTITY: &str = "it is no part of a pod's identity in Cilium";

/// Labels of pods.
pub fn of_pods(labels: &Labels) -> impl Iterator<Item = (Key<'_>, &str)> {
    labels.iter().map(|(key, value)| (Key { source: POD_LABELS, name: key }, &**value))
}

/// Labels of the namespace that pods are in.
pub fn of_namespaces(labels: &Labels) -> impl Iterator<Item = (Key<'_>, &str)> {
    labels.iter().map(|(key, value)| (Key { source: NAMESPACE_LABELS, name: key }, &**value))
}

impl Key<'_> {
    /// Its bytes.
    pub fn len(&self) -> usize {
        self.source.len() + self.name.len()
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source)?;
        f.write_str(self.name)
    }
}

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why no selector can use a label of pods, in words.
pub fn refused_of_pod(key: &str) -> Option<&'static str> {
    let excluded = EXCLUDED.iter().any(|start| key.starts_with(start));
    if key.contains(BETA) || excluded && !INCLUDED.iter().any(|start| key.starts_with(start)) {
        return Some(NO_IDENTITY);
    }
    if key.starts_with("io.cilium.k8s.") || key.starts_with("io.kubernetes.pod.namespace") {
        return Some("Cilium sets labels of this name itself");
    }
    too_long(POD_LABELS, key)
}

/// Why no selector can use a label of namespaces, in words.
pub fn refused_of_namespace(key: &str) -> Option<&'static str> {
    if key.contains(BETA) {
        return Some(NO_IDENTITY);
    }
    too_long(NAMESPACE_LABELS, key)
}

fn too_long(source: &str, key: &str) -> Option<&'static str> {
    let whole = format!("{source}{key}");
    let fits = match whole.split_once('/') {
        Some((prefix, _)) => prefix.len() <= MAX_PREFIX,
        None => whole.len() <= MAX_NAME,
    };
    (!fits).then_some("its key is too long for Cilium, which puts its source in front")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_outside_of_identities_are_known() {
        for key in [
            "pod-template-hash",
            "controller-revision-hash",
            "statefulset.kubernetes.io/pod-name",
            "apps.kubernetes.io/pod-index",
            "batch.kubernetes.io/job-completion-index",
            "batch.kubernetes.io/controller-uid",
            "controller-uid",
            "k8s.io/role",
            "kubernetes.io/os",
            "node.beta.kubernetes.io/x",
            "etcd_node",
            "annotations",
        ] {
            assert!(refused_of_pod(key).is_some(), "{key}");
        }
        for key in ["app", "k8s-app", "app.kubernetes.io/name", "team.example.com/kubernetes.io", "topology"] {
            assert_eq!(refused_of_pod(key), None, "{key}");
        }
    }

    #[test]
    fn keys_keep_room_for_their_source() {
        assert_eq!(refused_of_pod(&"a".repeat(59)), None);
        assert!(refused_of_pod(&"a".repeat(60)).is_some());
        assert_eq!(refused_of_namespace(&"a".repeat(28)), None);
        assert!(refused_of_namespace(&"a".repeat(29)).is_some());
        assert_eq!(refused_of_namespace("kubernetes.io/metadata.name"), None);
        assert!(refused_of_namespace("zone.beta.kubernetes.io/name").is_some());
    }

    #[test]
    fn what_cilium_sets_itself_is_no_label_of_a_pod() {
        assert!(refused_of_pod("io.cilium.k8s.policy.serviceaccount").is_some());
        assert!(refused_of_pod("io.kubernetes.pod.namespace").is_some());
    }
}
