//! What a selector selects of pods, in the normal form: conjunctions of conditions, any of which may hold.
//!
//! In: a tree. Out: selectors. Sources: `libcalico-go/lib/backend/k8s/conversion` (`conversion.go`, `constants.go`),
//! `updateprocessors/workloadendpointprocessor.go`.
//!
//! 1. Negations are pushed down to the labels, and alternatives pulled up: De Morgan's laws.
//! 2. Calico sets some labels of pods itself, whatever the pods say: their namespace, service account and orchestrator. Labels
//!    of the namespace are inherited under `pcns.`, those of the service account under `pcsa.`, and each has its own name
//!    there as `projectcalico.org/name`. The API server labels a namespace with its name, too.
//! 3. Every pod has a namespace and a service account.

use super::parse::Refusal;
use super::selector::{IN_NAMESPACE, OF_ACCOUNT, OF_NAMESPACE, Selector};
use crate::dialects::reading::cube::Cube;
use crate::model::{NAMESPACE_NAME, Sym};
use crate::verify::normal::{self, Condition, Key, Test};

/// How many conjunctions one selector may stand for.
const MAX_CUBES: usize = 4096;
/// The label under which a namespace, and a service account, has its name.
pub(super) const CALICO_NAME: &str = "projectcalico.org/name";
/// The label that tells what orders pods (api `projectcalico/v3`, `LabelOrchestrator`), and its value for those of Kubernetes.
const ORCHESTRATOR: (&str, &str) = ("projectcalico.org/orchestrator", "k8s");
/// The label of a pod's service account (`LabelServiceAccount`).
pub(super) const SERVICE_ACCOUNT: &str = "projectcalico.org/serviceaccount";

/// The pods that a tree selects: any of these. None: no pod can be selected.
pub(super) fn pods(tree: &Selector) -> Result<Vec<normal::Selector>, Refusal> {
    if let Some(selector) = equalities(tree) {
        return Ok(vec![selector]);
    }
    let mut all: Vec<normal::Selector> = cubes(tree, false)?.into_iter().map(|cube| cube.selector(None)).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// The pods of a tree that asks for values alone, as most do: the same as by cubes.
fn equalities(tree: &Selector) -> Option<normal::Selector> {
    let parts = match tree {
        Selector::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let equal = parts.iter().map(|part| match part {
        Selector::Equals(label, value) if **label != *ORCHESTRATOR.0 => Some((key(label), value.clone())),
        _ => None,
    });
    Cube::of_equal(equal.collect::<Option<_>>()?, None).ok()
}

/// 1.
fn cubes(tree: &Selector, negated: bool) -> Result<Vec<Cube>, Refusal> {
    match (tree, negated) {
        (Selector::Not(inner), _) => cubes(inner, !negated),
        (Selector::And(parts), false) | (Selector::Or(parts), true) => {
            let mut all = vec![Cube::default()];
            for part in parts {
                let other = cubes(part, negated)?;
                let both = all.iter().flat_map(|cube| other.iter().filter_map(|more| cube.and(more)));
                all = bounded(both.take(MAX_CUBES + 1).collect())?;
            }
            Ok(all)
        }
        (Selector::And(parts), true) | (Selector::Or(parts), false) => {
            let mut all = vec![];
            for part in parts {
                all.extend(cubes(part, negated)?);
            }
            all.sort_unstable();
            all.dedup();
            bounded(all)
        }
        (leaf, _) => Ok(match asked(leaf) {
            Asked::Of(condition) => {
                let negated = condition.negated != negated;
                Cube::of(Condition { negated, ..condition }).into_iter().collect()
            }
            Asked::Nothing(holds) if holds != negated => vec![Cube::default()],
            Asked::Nothing(_) => vec![],
        }),
    }
}

fn bounded(all: Vec<Cube>) -> Result<Vec<Cube>, Refusal> {
    match all.len() > MAX_CUBES {
        true => Err((
            format!("a selector that stands for more than {MAX_CUBES} combinations of labels"),
            "split the policy or the rule",
        )),
        false => Ok(all),
    }
}

/// What a leaf asks of pods.
enum Asked {
    Of(Condition),
    /// It holds of all pods, or of none.
    Nothing(bool),
}

fn asked(leaf: &Selector) -> Asked {
    let (label, test, negated) = match leaf {
        Selector::Has(key) => (key, Test::Exists, false),
        Selector::Equals(key, value) => (key, Test::In([value.clone()].into()), false),
        Selector::Differs(key, value) => (key, Test::In([value.clone()].into()), true),
        Selector::In(key, values) => (key, Test::In(values.clone()), false),
        Selector::NotIn(key, values) => (key, Test::In(values.clone()), true),
        Selector::Contains(key, part) => (key, part_of(part, Test::Contains), false),
        Selector::StartsWith(key, part) => (key, part_of(part, Test::StartsWith), false),
        Selector::EndsWith(key, part) => (key, part_of(part, Test::EndsWith), false),
        // The others are no leaves.
        Selector::All | Selector::Global | Selector::Not(_) | Selector::And(_) | Selector::Or(_) => {
            return Asked::Nothing(true);
        }
    };
    if **label == *ORCHESTRATOR.0 {
        return Asked::Nothing(leaf.holds(&|_| super::selector::Label::Is(ORCHESTRATOR.1)) == Some(true));
    }
    match (key(label), test) {
        // 3.
        (Key::AccountName, Test::Exists) => Asked::Nothing(true),
        (Key::Namespace(name), Test::Exists) if *name == *NAMESPACE_NAME => Asked::Nothing(true),
        (key, test) => Asked::Of(Condition { key, test, negated }),
    }
}

/// Every text has the empty one in it.
fn part_of(part: &Sym, test: fn(Sym) -> Test) -> Test {
    if part.is_empty() { Test::Exists } else { test(part.clone()) }
}

/// 2.
fn key(label: &Sym) -> Key {
    if let Some(of_namespace) = label.strip_prefix(OF_NAMESPACE) {
        return match of_namespace {
            CALICO_NAME => Key::Namespace(NAMESPACE_NAME.into()),
            other => Key::Namespace(other.into()),
        };
    }
    if let Some(of_account) = label.strip_prefix(OF_ACCOUNT) {
        return match of_account {
            CALICO_NAME => Key::AccountName,
            other => Key::Account(other.into()),
        };
    }
    match &**label {
        IN_NAMESPACE => Key::Namespace(NAMESPACE_NAME.into()),
        SERVICE_ACCOUNT => Key::AccountName,
        _ => Key::Pod(label.clone()),
    }
}
