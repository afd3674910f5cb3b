//! Keys of selectors: whose label, of which source.
//!
//! 1. A key may name the source of its label (pkg/labels, ParseSource): `k8s:` is a label of Kubernetes, `any:` and none are
//!    of any source, `reserved:`, `reserved.` and `$` are the agent's own names for what is no pod. Labels of other sources
//!    (`cidr:`, `node:` …) are on no pod, and what they are on no policy tells: refused.
//! 2. `io.kubernetes.pod.namespace` is the pod's namespace, `io.cilium.k8s.namespace.labels.KEY` a label of it,
//!    `io.cilium.k8s.policy.serviceaccount` the name of its service account and `io.cilium.k8s.policy.cluster` that of its
//!    cluster (pkg/k8s/apis/cilium.io/const.go).
//! 3. Labels that the agent's default filter leaves out of identities are on no pod: see [`identities`].
//! 4. A key is validated with its source in front, `k8s.KEY`, as a label key (pkg/policy/api/selector.go, Validate).

use crate::diag::quote;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Purpose, Reader, identities, validity};
use crate::model::Sym;

pub(super) const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels";
const ACCOUNT: &str = "io.cilium.k8s.policy.serviceaccount";
const CLUSTER: &str = "io.cilium.k8s.policy.cluster";

/// A key of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) source: Source,
    pub(super) about: About,
    /// Without its source.
    pub(super) name: Sym,
}

/// Where a label comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Anywhere.
    Any,
    /// Kubernetes.
    Kubernetes,
    /// The agent.
    Reserved,
}

/// What a label of a pod is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum About {
    /// The name of its namespace.
    Namespace,
    /// A label of its namespace.
    OfNamespace(Sym),
    /// The name of its service account.
    Account,
    /// The name of its cluster.
    Cluster,
    /// A label of its own.
    OfPod(Sym),
    /// Nothing that a pod has.
    NoPod,
}

impl Key {
    /// A key as written.
    pub(super) fn read(with: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<Self> {
        let place = with.doc.place(text);
        let whole = with.string(text)?;
        let (source, name) = split(whole);
        let source = match source {
            "" | "any" => Source::Any,
            "k8s" => Source::Kubernetes,
            "reserved" => Source::Reserved,
            other => {
                let message = format!("labels of the source {} cannot be evaluated", quote(other));
                return with.error(place, message, "write labels of pods, as `k8s:app`");
            }
        };
        if !is_key(source, name) {
            let help = "write `prefix/name` or `name`, short enough for `k8s.` in front";
            return with.error(place, format!("{} is no key of a label", quote(whole)), help);
        }
        let about = if source == Source::Reserved { About::NoPod } else { about(name) };
        // Agents can be told to keep or leave out other labels: what is written should not depend on it.
        if with.purpose == Purpose::Rendered && source != Source::Reserved && !identities::hold(name) {
            let message = "Cilium leaves this label out of identities, so it selects nothing";
            return with.error(place, message, "select by another label");
        }
        Some(Self { source, about, name: name.into() })
    }
}

/// 1. Source and name.
fn split(whole: &str) -> (&str, &str) {
    if let Some(name) = whole.strip_prefix('$') {
        return ("reserved", name);
    }
    match whole.split_once(':') {
        Some(parts) => parts,
        None => whole.strip_prefix("reserved.").map_or(("", whole), |name| ("reserved", name)),
    }
}

/// 2.
fn about(name: &str) -> About {
    match name {
        POD_NAMESPACE => About::Namespace,
        ACCOUNT => About::Account,
        CLUSTER => About::Cluster,
        name if !identities::hold(name) => About::NoPod,
        name => match name.strip_prefix(NAMESPACE_LABELS).and_then(|rest| rest.strip_prefix('.')) {
            Some(of_namespace) => About::OfNamespace(of_namespace.into()),
            None => About::OfPod(name.into()),
        },
    }
}

/// Whether a key lifts the limit of a peer to the policy's own namespace (pkg/k8s/apis/cilium.io/utils,
/// getEndpointSelector).
pub(super) fn is_of_namespaces(key: &Key) -> bool {
    key.source != Source::Reserved && key.name.starts_with(NAMESPACE_LABELS)
}

/// 4.
fn is_key(source: Source, name: &str) -> bool {
    let source = match source {
        Source::Any => "any",
        Source::Kubernetes => "k8s",
        Source::Reserved => "reserved",
    };
    let (most, part) = match name.split_once('/') {
        Some((prefix, _)) => (253, prefix),
        None => (63, name),
    };
    // With the source in front, its first part is only longer.
    validity::is_label_key(name) && source.len() + 1 + part.len() <= most
}

#[cfg(test)]
mod tests {
    use super::{About, Source, about, is_key, split};

    #[test]
    fn sources_are_written_in_several_ways() {
        for (written, parts) in [
            ("app", ("", "app")),
            ("k8s:app", ("k8s", "app")),
            ("any:a.b/c", ("any", "a.b/c")),
            ("reserved:host", ("reserved", "host")),
            ("reserved.host", ("reserved", "host")),
            ("$host", ("reserved", "host")),
            ("cidr:10.0.0.0/8", ("cidr", "10.0.0.0/8")),
        ] {
            assert_eq!(split(written), parts);
        }
    }

    #[test]
    fn keys_leave_room_for_their_source() {
        let of = |count| "a".repeat(count);
        assert!(is_key(Source::Kubernetes, &of(59)) && !is_key(Source::Kubernetes, &of(60)));
        assert!(is_key(Source::Reserved, &of(54)) && !is_key(Source::Reserved, &of(55)));
        assert!(is_key(Source::Any, &(of(249) + "/a")) && !is_key(Source::Any, &(of(250) + "/a")));
        assert!(is_key(Source::Any, &format!("a/{}", of(63))) && !is_key(Source::Any, &format!("a/{}", of(64))));
        assert!(!is_key(Source::Any, "-a") && !is_key(Source::Any, "a/b/c") && !is_key(Source::Any, ""));
    }

    #[test]
    fn labels_outside_of_identities_are_on_no_pod() {
        for name in [
            "pod-template-hash",
            "batch.kubernetes.io/controller-uid",
            "controller-uid",
            "kubernetes.io/os",
            "a.beta.kubernetes.io/b",
        ] {
            assert_eq!(about(name), About::NoPod, "{name}");
        }
        for name in ["app.kubernetes.io/name", "topology.kubernetes.io/zone", "io.cilium/app"] {
            assert_eq!(about(name), About::OfPod(name.into()), "{name}");
        }
        assert_eq!(about("io.cilium.k8s.namespace.labels.team"), About::OfNamespace("team".into()));
        assert_eq!(about("io.cilium.k8s.policy.serviceaccount"), About::Account);
    }
}
