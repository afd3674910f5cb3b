//! Selectors of Calico, built of typed parts.
//!
//! In: label keys and values. Out: the text of a selector. Literals of the selector language have no escapes: a quote
//! inside a value would end it, and the rest would be read as operators (libcalico-go `selector/tokenizer`). So every
//! key and value is checked against what a label may hold, and the whole against the length that the API server takes;
//! nothing is ever put into a selector without passing here.

use crate::model::{Labels, NamespaceSet, Sym};

/// The longest selector (CustomResourceDefinitions of projectcalico.org/v3: `maxLength`).
pub const MAX_SELECTOR: usize = 1024;
/// The label that Calico itself gives every namespace inside namespace selectors: its name (libcalico-go
/// `backend/k8s/conversion`, `NameLabel`). Host endpoints and global sets have none.
const NAMESPACE_NAME: &str = "projectcalico.org/name";
/// Everything that the other selector of a policy or rule leaves.
const ALL: &str = "all()";
/// What is in no namespace: global sets, never pods. It stands alone, in rules (libcalico-go `validator/v3`).
pub const GLOBAL: &str = "global()";

/// Prefixes of labels that pods inherit from their namespace and service account (`conversion/constants.go`).
const INHERITED: [&str; 2] = ["pcns.", "pcsa."];
/// Labels of pods that Calico sets itself, whatever the pod says (api `projectcalico/v3/constants.go`).
const RESERVED: [&str; 3] =
    ["projectcalico.org/namespace", "projectcalico.org/orchestrator", "projectcalico.org/serviceaccount"];

/// Why something cannot be selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsayable {
    /// Calico gives this label another meaning.
    Reserved(Sym),
    /// A key or value that no label has; it would not stay one word.
    Word(Sym),
    /// The selector is longer than [`MAX_SELECTOR`].
    Long(usize),
}

/// Pods that carry all labels.
pub fn pods(labels: &Labels) -> Result<String, Unsayable> {
    let meaning = |key: &str| RESERVED.contains(&key) || INHERITED.iter().any(|prefix| key.starts_with(prefix));
    equalities(labels, meaning)
}

/// The namespace of a name.
pub fn namespace(name: &Sym) -> Result<String, Unsayable> {
    bounded(format!("{NAMESPACE_NAME} == '{}'", word(name)?))
}

/// Namespaces of a set, one selector for each of its names.
pub fn namespaces(set: &NamespaceSet) -> Result<Vec<String>, Unsayable> {
    match set {
        NamespaceSet::All => Ok(vec![every_namespace()]),
        NamespaceSet::Names(names) => names.iter().map(namespace).collect(),
        // Calico writes the name over what the namespace carries under this key.
        NamespaceSet::Labels(labels) => Ok(vec![equalities(labels, |key| key == NAMESPACE_NAME)?]),
    }
}

/// Every namespace, and nothing that is in none.
pub fn every_namespace() -> String {
    format!("has({NAMESPACE_NAME})")
}

/// Every namespace but some. The negation alone would also hold where there is no namespace: for host endpoints, which
/// is how a control plane is locked out.
pub fn all_but<'a>(names: impl IntoIterator<Item = &'a Sym>) -> Result<String, Unsayable> {
    let mut quoted = vec![];
    for name in names {
        quoted.push(format!("'{}'", word(name)?));
    }
    if quoted.is_empty() {
        return Ok(every_namespace());
    }
    bounded(format!("{} && {NAMESPACE_NAME} not in {{{}}}", every_namespace(), quoted.join(", ")))
}

fn equalities(labels: &Labels, is_reserved: impl Fn(&str) -> bool) -> Result<String, Unsayable> {
    let mut text = String::new();
    for (key, value) in labels.iter() {
        if is_reserved(key) {
            return Err(Unsayable::Reserved(key.clone()));
        }
        let and = if text.is_empty() { "" } else { " && " };
        for part in [and, identifier(key)?, " == '", word(value)?, "'"] {
            text.push_str(part);
        }
    }
    if text.is_empty() {
        text.push_str(ALL);
    }
    bounded(text)
}

/// A key: the characters that the tokenizer takes as one identifier, which are those of label keys.
fn identifier(key: &Sym) -> Result<&str, Unsayable> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'-');
    if key.is_empty() || !key.bytes().all(fits) { Err(Unsayable::Word(key.clone())) } else { Ok(key) }
}

/// A value: the characters of label values. There is no quote among them.
fn word(value: &Sym) -> Result<&str, Unsayable> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if value.bytes().all(fits) { Ok(value) } else { Err(Unsayable::Word(value.clone())) }
}

fn bounded(text: String) -> Result<String, Unsayable> {
    if text.len() > MAX_SELECTOR { Err(Unsayable::Long(text.len())) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
    }

    #[test]
    fn labels_become_equalities_and_no_labels_everything() {
        assert_eq!(pods(&labels(&[])).unwrap(), "all()");
        let two = labels(&[("app.kubernetes.io/name", "web"), ("track", "")]);
        assert_eq!(pods(&two).unwrap(), "app.kubernetes.io/name == 'web' && track == ''");
    }

    #[test]
    fn words_of_the_selector_language_are_plain_keys() {
        for key in ["all", "has", "in", "not", "global", "contains", "starts", "notin"] {
            assert_eq!(pods(&labels(&[(key, "in")])).unwrap(), format!("{key} == 'in'"));
        }
    }

    #[test]
    fn no_value_can_end_its_literal() {
        for value in ["a' || all() || x == 'b", "a\"", "a b", "a\n", "ä", "a}"] {
            assert_eq!(pods(&labels(&[("app", value)])), Err(Unsayable::Word(value.into())));
            assert_eq!(namespace(&value.into()), Err(Unsayable::Word(value.into())));
            assert_eq!(all_but([&value.into()]), Err(Unsayable::Word(value.into())));
        }
        for key in ["a == 'b' || c", "has(x)", "", "a'"] {
            assert_eq!(pods(&labels(&[(key, "v")])), Err(Unsayable::Word(key.into())));
        }
    }

    #[test]
    fn labels_that_calico_sets_itself_are_refused() {
        for key in ["projectcalico.org/namespace", "projectcalico.org/orchestrator", "pcns.team", "pcsa.x"] {
            assert_eq!(pods(&labels(&[(key, "v")])), Err(Unsayable::Reserved(key.into())));
        }
        let named = NamespaceSet::Labels(labels(&[("projectcalico.org/name", "x")]));
        assert_eq!(namespaces(&named), Err(Unsayable::Reserved("projectcalico.org/name".into())));
    }

    #[test]
    fn an_exclusion_of_namespaces_never_holds_outside_of_namespaces() {
        let names: Vec<Sym> = vec!["kube-system".into(), "infra".into()];
        assert_eq!(
            all_but(&names).unwrap(),
            "has(projectcalico.org/name) && projectcalico.org/name not in {'kube-system', 'infra'}"
        );
        assert_eq!(all_but([]).unwrap(), "has(projectcalico.org/name)");
    }

    #[test]
    fn selectors_end_at_1024_characters() {
        let value = |length: usize| "v".repeat(length);
        let fits = |n: usize| {
            let pairs = [("a", value(n)), ("b", value(n))];
            pods(&Labels::new(pairs.map(|(key, value)| (key.into(), value.as_str().into()))))
        };
        // `a == '…' && b == '…'`
        assert_eq!(fits(503).unwrap().len(), 1024);
        assert_eq!(fits(504), Err(Unsayable::Long(1026)));
    }
}
