//! Labels that Cilium sees: those that are part of an identity. Others are missing everywhere, for every selector.
//!
//! 1. By the agent's default filter (pkg/labelsfilter/filter.go). A label is left out if the shortest exclusion that it
//!    begins with is at least as long as the longest inclusion.
//! 2. Labels of a namespace, and its name, are labels of its pods, under a prefix of their own (pkg/k8s/apis/cilium.io/const.go).

/// What stands before the key of a namespace's label.
pub const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";

/// What Cilium calls the name of a pod's namespace.
const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";

const INCLUDED: [&str; 5] = [
    POD_NAMESPACE,
    "io.cilium.k8s.namespace.labels",
    "app.kubernetes.io",
    "io.cilium.k8s.policy.cluster",
    "io.cilium.k8s.policy.serviceaccount",
];
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
/// Excluded wherever it stands.
const BETA: &str = "beta.kubernetes.io";

/// Whether a label of a pod is part of its identity.
pub fn hold(key: &str) -> bool {
    let longest = || INCLUDED.iter().filter(|start| key.starts_with(**start)).map(|start| start.len()).max();
    let through_beta = key.rfind(BETA).map(|at| at + BETA.len());
    let first = key.as_bytes().first();
    let excluded = EXCLUDED.iter().filter(|start| start.as_bytes().first() == first);
    let starts = excluded.filter(|start| key.starts_with(**start)).map(|start| start.len());
    let shortest = starts.chain(through_beta).min();
    shortest.is_none_or(|shortest| longest().is_some_and(|longest| longest > shortest))
}

/// Whether a label of a namespace is part of the identities of its pods.
pub fn hold_of_namespace(key: &str) -> bool {
    hold(&format!("{NAMESPACE_LABELS}{key}"))
}

/// Whether a label of a pod has a key that Cilium writes itself: what a selector asks of it is something else for Cilium.
pub fn writes(key: &str) -> bool {
    key == POD_NAMESPACE || key.starts_with("io.cilium.k8s.")
}

#[cfg(test)]
mod tests {
    use super::{hold, hold_of_namespace, writes};

    #[test]
    fn labels_of_controllers_and_of_kubernetes_itself_are_left_out() {
        for key in [
            "pod-template-hash",
            "controller-revision-hash",
            "statefulset.kubernetes.io/pod-name",
            "kubernetes.io/os",
            "k8s.io/x",
            "beta.kubernetes.io/arch",
            "x.beta.kubernetes.io/y",
            "io.kubernetes.x",
            "annotation.x",
            "batch.kubernetes.io/controller-uid",
            "controller-uid",
        ] {
            assert!(!hold(key), "{key}");
        }
    }

    #[test]
    fn other_labels_are_seen() {
        for key in ["app", "app.kubernetes.io/name", "k8s-app", "example.com/k8s.io", "topology.kubernetes.io/zone"] {
            assert!(hold(key), "{key}");
        }
        assert!(hold_of_namespace("kubernetes.io/metadata.name") && hold_of_namespace("pod-template-hash"));
        assert!(!hold_of_namespace("beta.kubernetes.io/x"));
    }

    #[test]
    fn labels_that_cilium_writes_are_known() {
        assert!(writes("io.kubernetes.pod.namespace") && writes("io.cilium.k8s.policy.serviceaccount"));
        assert!(!writes("io.kubernetes.pod.name") && !writes("app"));
    }
}
