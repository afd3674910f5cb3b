//! Selectors of endpoints: whose labels, in which namespaces.
//!
//! 1. A key may name the source of its label: `k8s:` is a label of Kubernetes, `any:` and none are of any source, which for
//!    pods is Kubernetes too (pkg/labels/labels.go). Other sources are no labels of pods: refused.
//! 2. `io.kubernetes.pod.namespace` is the pod's namespace, `io.cilium.k8s.namespace.labels.KEY` a label of it
//!    (pkg/k8s/apis/cilium.io/const.go). Other keys that Cilium sets itself are refused.
//! 3. Labels that the agent's default filter leaves out of identities match no pod (pkg/labelsfilter/filter.go): refused.
//! 4. A key is validated with its source in front, `k8s.KEY`, as a label key (pkg/policy/api/selector.go, Sanitize).
//! 5. A selector is a conjunction. `In` with several values is expanded; `Exists` and `NotIn` are understood for the
//!    namespace alone. A selector of negations only would match nodes and the world (seen in Cilium's own engine): refused.

use crate::diag::quote;
use crate::dialects::reading::Reader;
use crate::dialects::reading::object::{Expression, Selector};
use crate::dialects::reading::text::Text;
use crate::model::{Labels, NAMESPACE_NAME, Sym};
use crate::source::Span;

/// How many selectors one selector may stand for.
const MAX_EXPANSION: usize = 256;

const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";

/// What a selector says: all of it at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Selected {
    /// Labels of the pods.
    pub(super) pods: Labels,
    /// Labels of their namespace.
    pub(super) namespace_labels: Labels,
    /// The namespace, by name.
    pub(super) namespace: Option<Sym>,
    /// Some namespace: no node, no address.
    pub(super) any_namespace: bool,
    /// None of these.
    pub(super) not_in: Vec<Sym>,
}

/// What a key of a selector is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Namespace,
    OfNamespace(String),
    OfPod(String),
}

/// What a selector stands for: any of these. Never empty: a selector that can match nothing is an error.
pub(super) fn selected(with: &mut Reader<'_, '_>, selector: &Selector<'_>, place: Span) -> Option<Vec<Selected>> {
    let mut all = vec![Selected::default()];
    for (key, value) in selector.match_labels.iter().flat_map(|pairs| &pairs.0) {
        let about = about(with, key)?;
        let value = value_of(with, key, value)?;
        all = narrowed(&all, &about, &[value]);
    }
    for expression in selector.match_expressions.iter().flatten() {
        all = by_expression(with, &all, expression)?;
        if all.len() > MAX_EXPANSION {
            let message = format!("a selector that stands for more than {MAX_EXPANSION} combinations of labels");
            return with.error(with.doc.place(&expression.key), message, "split the policy");
        }
    }
    all.sort_unstable();
    all.dedup();
    match all.is_empty() {
        true => with.error(place, "a selector that no pod can match", "remove the contradiction"),
        false => Some(all),
    }
}

fn by_expression(with: &mut Reader<'_, '_>, all: &[Selected], expression: &Expression<'_>) -> Option<Vec<Selected>> {
    let about = about(with, &expression.key)?;
    let place = with.doc.place(&expression.operator);
    let operator = with.string(&expression.operator)?;
    let texts = expression.values.as_deref().unwrap_or_default();
    let read: Vec<_> = texts.iter().map(|value| value_of(with, &expression.key, value)).collect();
    let values: Vec<Sym> = read.into_iter().collect::<Option<_>>()?;
    match (operator, &about, values.is_empty()) {
        ("In" | "NotIn", _, true) => with.error(place, "values are missing", "write the values that are meant"),
        ("Exists" | "DoesNotExist", _, false) => {
            with.error(place, format!("{} takes no values", quote(operator)), "remove them")
        }
        ("In", _, false) => Some(narrowed(all, &about, &values)),
        ("Exists", Key::Namespace, true) => {
            Some(all.iter().map(|one| Selected { any_namespace: true, ..one.clone() }).collect())
        }
        ("NotIn", Key::Namespace, false) => {
            let add = |one: &Selected| {
                let mut one = one.clone();
                one.not_in.extend(values.iter().cloned());
                one.not_in.sort();
                one.not_in.dedup();
                one
            };
            Some(all.iter().map(add).collect())
        }
        _ => {
            let message = format!("{} in a selector is not supported here", quote(operator));
            with.error(place, message, "write equalities: `matchLabels`, or `In` with values")
        }
    }
}

/// Each of `all` with each of `values`, as far as one pod can be both.
fn narrowed(all: &[Selected], about: &Key, values: &[Sym]) -> Vec<Selected> {
    let pairs = all.iter().flat_map(|one| values.iter().map(move |value| (one, value)));
    let narrow = |(one, value): (&Selected, &Sym)| {
        let mut one = one.clone();
        let label = |key: &str| Labels::new([(key.into(), value.clone())]);
        match about {
            Key::Namespace if one.namespace.as_ref().is_some_and(|own| own != value) => return None,
            Key::Namespace => one.namespace = Some(value.clone()),
            Key::OfNamespace(key) => one.namespace_labels = one.namespace_labels.merge(&label(key))?,
            Key::OfPod(key) => one.pods = one.pods.merge(&label(key))?,
        }
        Some(one)
    };
    pairs.filter_map(narrow).collect()
}

fn value_of(with: &mut Reader<'_, '_>, key: &Text<'_>, value: &Text<'_>) -> Option<Sym> {
    // The key was looked at: only the value can be wrong here.
    with.label(key, "key", value).map(|(_, value)| value.into())
}

/// 1., 2., 3., 4.
fn about(with: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<Key> {
    let place = with.doc.place(text);
    let whole = with.string(text)?;
    let key = match whole.split_once(':') {
        None => whole,
        Some(("k8s" | "any", key)) => key,
        Some((source, _)) => {
            let message = format!("labels of the source {} are not supported", quote(source));
            return with.error(place, message, "write labels of pods, as `k8s:app`");
        }
    };
    if !is_key(key) {
        let help = "write `prefix/name` or `name`, short enough for `k8s.` in front";
        return with.error(place, format!("{} is no key of a label", quote(whole)), help);
    }
    if key == POD_NAMESPACE {
        return Some(Key::Namespace);
    }
    if let Some(of_namespace) = key.strip_prefix(NAMESPACE_LABELS) {
        return match is_left_out(key) {
            true => with.error(place, LEFT_OUT, LEFT_OUT_HELP),
            false => Some(Key::OfNamespace(of_namespace.to_owned())),
        };
    }
    if key.starts_with("io.cilium.k8s.") {
        let message = format!("{} is set by Cilium itself, and not supported", quote(whole));
        return with.error(place, message, "write labels of pods and namespaces");
    }
    if is_left_out(key) {
        return with.error(place, LEFT_OUT, LEFT_OUT_HELP);
    }
    Some(Key::OfPod(key.to_owned()))
}

const LEFT_OUT: &str = "Cilium leaves this label out of identities, so it selects nothing";
const LEFT_OUT_HELP: &str = "select by another label";

/// 4.
fn is_key(key: &str) -> bool {
    crate::dialects::reading::validity::is_label_key(key)
        && crate::dialects::reading::validity::is_label_key(&format!("k8s.{key}"))
}

/// 3. The longest inclusion against the shortest exclusion, as the filter decides.
fn is_left_out(key: &str) -> bool {
    let included =
        [POD_NAMESPACE, "io.cilium.k8s.namespace.labels", "app.kubernetes.io", "io.cilium.k8s.policy.cluster"];
    let excluded = [
        "io.kubernetes",
        "kubernetes.io",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/job-completion-index",
        "k8s.io",
        "pod-template-generation",
        "pod-template-hash",
        "controller-revision-hash",
        "annotation",
        "etcd_node",
    ];
    let beta = "beta.kubernetes.io";
    let starts = |start: &&str| key.starts_with(start);
    let longest = included.iter().copied().filter(|s| starts(s)).map(str::len).max();
    let through_beta = key.rfind(beta).map(|at| at + beta.len());
    let shortest = excluded.iter().copied().filter(|s| starts(s)).map(str::len).chain(through_beta).min();
    shortest.is_some_and(|shortest| longest.is_none_or(|longest| longest <= shortest))
}

/// The labels that a namespace must carry, its name among them; `None` when they name two namespaces.
pub(super) fn namespace_labels(selected: &Selected) -> Option<Labels> {
    match &selected.namespace {
        None => Some(selected.namespace_labels.clone()),
        Some(name) => selected.namespace_labels.merge(&Labels::new([(NAMESPACE_NAME.into(), name.clone())])),
    }
}
