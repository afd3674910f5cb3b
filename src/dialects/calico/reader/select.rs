//! What a selector selects, as far as the normal form can hold it: unions of conjunctions of label equalities, and every
//! namespace but some.
//!
//! In: a selector. Out: labels, namespaces or scopes; what they cannot hold is refused by name, never left out.
//!
//! 1. In namespace selectors Calico knows the label `projectcalico.org/name`, which is the namespace's name, and
//!    `kubernetes.io/metadata.name`, which the API server sets to the same (`conversion.NamespaceToProfile`).
//! 2. `all()` there means every namespace: pods, and nothing that is in none (`updateprocessors/rules.go`).
//! 3. A negation also holds where there is no namespace at all: for host endpoints and global sets. It is read only
//!    beside `has(projectcalico.org/name)`.
//! 4. Pods inherit the labels of their namespace and service account under `pcns.` and `pcsa.`, and Calico sets some
//!    labels itself: what asks for these is no question about a pod's own labels.

use std::collections::BTreeSet;

use super::selector::{Refusal, Selector};
use crate::diag::quote;
use crate::model::{Labels, Sym};
use crate::verify::normal::Namespaces;
use crate::verify::sum::Scope;

/// The label of a namespace that is its name, to Calico.
const CALICO_NAME: &str = "projectcalico.org/name";
/// The same, to the API server: how the normal form knows it.
const NAME: &str = "kubernetes.io/metadata.name";
/// How many conjunctions one selector may stand for.
const MAX_EXPANSION: usize = 256;

/// 4.
const SET_BY_CALICO: [&str; 3] =
    ["projectcalico.org/namespace", "projectcalico.org/orchestrator", "projectcalico.org/serviceaccount"];

/// 4.
pub(super) fn is_set_by_calico(key: &str) -> bool {
    SET_BY_CALICO.contains(&key) || key.starts_with("pcns.") || key.starts_with("pcsa.")
}

/// Labels of pods: any of them. Never empty.
pub(super) fn pods(selector: &Selector) -> Result<Vec<Labels>, Refusal> {
    let key = |key: &Sym| match is_set_by_calico(key) {
        true => Err((
            format!("a selector of pods by {}, which is no label of their own", quote(key)),
            "select namespaces by `namespaceSelector`, and pods by their own labels",
        )),
        false => Ok(key.clone()),
    };
    possible(alternatives(selector, &key, &|_| false)?)
}

/// Namespaces of peers: any of them. Never empty.
pub(super) fn namespaces(selector: &Selector) -> Result<Vec<Namespaces>, Refusal> {
    let all = possible(alternatives(selector, &namespace_key, &is_name)?)?;
    Ok(all.into_iter().map(by_name).collect())
}

/// Namespaces of subjects: any of them. Never empty.
pub(super) fn scopes(selector: &Selector) -> Result<Vec<Scope>, Refusal> {
    if let Some(names) = excluded(selector)? {
        return Ok(vec![Scope::AllBut(names)]);
    }
    let scope = |namespaces| match namespaces {
        Namespaces::Named(name) => Ok(Scope::Namespace(name)),
        Namespaces::Labelled(labels) if labels.is_empty() => Ok(Scope::AllBut(BTreeSet::new())),
        Namespaces::Labelled(_) => Err((
            "a policy for namespaces that carry a label is not supported".to_owned(),
            "name the namespace: `projectcalico.org/name == '…'`",
        )),
    };
    namespaces(selector)?.into_iter().map(scope).collect()
}

fn is_name(key: &Sym) -> bool {
    matches!(&**key, CALICO_NAME | NAME)
}

/// 1.
fn namespace_key(key: &Sym) -> Result<Sym, Refusal> {
    Ok(if is_name(key) { NAME.into() } else { key.clone() })
}

fn by_name(labels: Labels) -> Namespaces {
    match labels.get(NAME) {
        Some(name) if labels.len() == 1 => Namespaces::Named(name.clone()),
        _ => Namespaces::Labelled(labels),
    }
}

/// 3. The names that a conjunction leaves out; `None` when it leaves out nothing by name.
fn excluded(selector: &Selector) -> Result<Option<BTreeSet<Sym>>, Refusal> {
    let single = [selector];
    let terms: Vec<&Selector> = match selector {
        Selector::And(parts) => parts.iter().collect(),
        _ => single.to_vec(),
    };
    let mut names = BTreeSet::new();
    let (mut negations, mut bounded, mut other) = (0, false, false);
    for term in terms {
        let negated = match term {
            Selector::NotIn(key, values) if is_name(key) => Some(values.clone()),
            Selector::Differs(key, value) if is_name(key) => Some([value.clone()].into()),
            Selector::Not(inner) => match &**inner {
                Selector::In(key, values) if is_name(key) => Some(values.clone()),
                Selector::Equals(key, value) if is_name(key) => Some([value.clone()].into()),
                _ => None,
            },
            _ => None,
        };
        match (negated, term) {
            (Some(values), _) => {
                names.extend(values);
                negations += 1;
            }
            (None, Selector::All) => bounded = true,
            (None, Selector::Has(key)) if is_name(key) => bounded = true,
            (None, _) => other = true,
        }
    }
    match (negations, bounded, other) {
        (0, ..) => Ok(None),
        (_, _, true) => Err((
            "a negation beside other terms in a `namespaceSelector` is not supported".to_owned(),
            "write `has(projectcalico.org/name) && projectcalico.org/name not in {…}` alone",
        )),
        (_, true, false) => Ok(Some(names)),
        (_, false, false) => Err((
            "a `namespaceSelector` of negations alone also selects host endpoints".to_owned(),
            "write `has(projectcalico.org/name) && …` before it",
        )),
    }
}

fn possible(all: Vec<Labels>) -> Result<Vec<Labels>, Refusal> {
    match all.is_empty() {
        true => Err(("a selector that nothing can match".to_owned(), "remove the contradiction")),
        false => Ok(all),
    }
}

/// The conjunctions of which a selector is the union. Which keys are always there is the caller's knowledge.
fn alternatives(
    selector: &Selector,
    key: &impl Fn(&Sym) -> Result<Sym, Refusal>,
    is_present: &impl Fn(&Sym) -> bool,
) -> Result<Vec<Labels>, Refusal> {
    let unsupported = |what: &str| {
        let message = format!("{what} in a selector is not supported here");
        Err((message, "write equalities: `label == 'value'`, `label in {…}`, joined by `&&`"))
    };
    let mut all = match selector {
        Selector::All => vec![Labels::default()],
        Selector::Equals(name, value) => vec![Labels::new([(key(name)?, value.clone())])],
        Selector::In(name, values) => {
            let name = key(name)?;
            values.iter().map(|value| Labels::new([(name.clone(), value.clone())])).collect()
        }
        Selector::Has(name) if is_present(name) => vec![Labels::default()],
        Selector::And(parts) => {
            let mut all = vec![Labels::default()];
            for part in parts {
                let other = alternatives(part, key, is_present)?;
                let pairs = all.iter().flat_map(|labels| other.iter().filter_map(move |more| labels.merge(more)));
                all = bounded(pairs.take(MAX_EXPANSION + 1).collect())?;
            }
            all
        }
        Selector::Or(parts) => {
            let read: Vec<_> = parts.iter().map(|part| alternatives(part, key, is_present)).collect();
            read.into_iter().collect::<Result<Vec<_>, _>>()?.concat()
        }
        Selector::Has(_) => return unsupported("`has(…)`"),
        Selector::Global => return unsupported("`global()`"),
        Selector::Differs(..) => return unsupported("`!=`"),
        Selector::NotIn(..) => return unsupported("`not in`"),
        Selector::Not(_) => return unsupported("`!`"),
        Selector::Contains(..) => return unsupported("`contains`"),
        Selector::StartsWith(..) => return unsupported("`starts with`"),
        Selector::EndsWith(..) => return unsupported("`ends with`"),
    };
    all.sort_unstable();
    all.dedup();
    bounded(all)
}

fn bounded(all: Vec<Labels>) -> Result<Vec<Labels>, Refusal> {
    match all.len() > MAX_EXPANSION {
        true => Err((
            format!("a selector that stands for more than {MAX_EXPANSION} combinations of labels"),
            "split the policy",
        )),
        false => Ok(all),
    }
}
