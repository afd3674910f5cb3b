//! Classes of pods: the fewest pods that tell apart everything that some selectors tell apart.
//!
//! In: selectors. Out: one pod for each class, so that two pods of a class satisfy the same selectors. Exact, never a
//! sample.
//!
//! 1. Selectors look at labels only by the tests that they ask. So for each key the values fall into finitely many kinds:
//!    no label, each value that is named, and for each set of texts that a value can begin with, end with or have in it, one
//!    value that does just that ([`values`]).
//! 2. A class is a set of such values for each key. There is one to begin with; each selector splits every class that it
//!    cuts into those pods that satisfy it and those that fail its first condition, its second, and so on.
//! 3. Every namespace has a name and every pod a service account: those labels are never missing.
//! 4. Selectors over independent keys multiply: with ten of them there are 2¹⁰ classes. Beyond [`MOST`] nothing is compared,
//!    and it is said which selectors do it.

use std::collections::{BTreeMap, BTreeSet};

use super::law::{Account, Pod};
use super::normal::{Condition, Key, Namespaces, Selector, Test};
use crate::model::{Labels, NAMESPACE_NAME, Sym};

/// How many classes are looked at.
pub(super) const MOST: usize = 20_000;
/// How many texts of one key may be asked for by their beginning, end or middle.
const MOST_TEXTS: usize = 8;
/// How long a label's value can be.
const LONGEST: usize = 63;

/// There are too many classes to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooMany {
    /// The selector at which it was noticed.
    pub(super) at: Selector,
}

/// Values of one key, `None` for a missing label.
type Values = Vec<Option<Sym>>;

/// For each key, which of its values are left.
type Class = Vec<Vec<usize>>;

/// One pod of each class. `namespace`: all pods are in this one. `known`: names of namespaces that stand for none but
/// themselves.
pub(super) fn of(
    selectors: &BTreeSet<Selector>,
    namespace: Option<&Sym>,
    known: &BTreeSet<&Sym>,
) -> Result<Vec<Pod>, TooMany> {
    let asked: Vec<(&Selector, Vec<Condition>)> = selectors.iter().map(|one| (one, conditions(one))).collect();
    let mut tests: BTreeMap<Key, Vec<&Test>> = BTreeMap::new();
    for condition in asked.iter().flat_map(|(_, conditions)| conditions) {
        tests.entry(condition.key.clone()).or_default().push(&condition.test);
    }
    let name = Key::Namespace(NAMESPACE_NAME.into());
    if namespace.is_some() {
        tests.entry(name.clone()).or_default();
    }
    let mut keys: Vec<(Key, Values)> = Vec::with_capacity(tests.len());
    for (key, tests) in tests {
        let values = match namespace {
            Some(namespace) if key == name => vec![Some(namespace.clone())],
            _ => {
                let none = BTreeSet::new();
                match values(&key, &tests, if key == name { known } else { &none }) {
                    Some(values) => values,
                    None => {
                        let at = asked.iter().find(|(_, conditions)| conditions.iter().any(|one| one.key == key));
                        return Err(TooMany { at: at.map_or_else(Selector::every, |(one, _)| (*one).clone()) });
                    }
                }
            }
        };
        keys.push((key, values));
    }
    let mut classes: Vec<Class> = vec![keys.iter().map(|(_, values)| (0..values.len()).collect()).collect()];
    for (selector, conditions) in &asked {
        classes = classes.into_iter().flat_map(|class| split(class, conditions, &keys)).collect();
        if classes.len() > MOST {
            return Err(TooMany { at: (*selector).clone() });
        }
    }
    let mut pods: Vec<Pod> = classes.iter().map(|class| pod(class, &keys)).collect();
    // Pods with the fewest labels first: a difference there is the most general one.
    pods.sort_by_key(|pod| (pod.labels.len() + pod.namespace.len(), pod.labels.clone(), pod.namespace.clone()));
    Ok(pods)
}

/// A selector as conditions alone.
fn conditions(selector: &Selector) -> Vec<Condition> {
    let is = |key: Key, value: &Sym| Condition { key, test: Test::In([value.clone()].into()), negated: false };
    let mut all: Vec<Condition> = match &selector.namespaces {
        Namespaces::Named(name) => vec![is(Key::Namespace(NAMESPACE_NAME.into()), name)],
        Namespaces::Labelled(labels) => {
            labels.iter().map(|(key, value)| is(Key::Namespace(key.clone()), value)).collect()
        }
    };
    all.extend(selector.labels.iter().map(|(key, value)| is(Key::Pod(key.clone()), value)));
    all.extend(selector.further.iter().cloned());
    all
}

/// 2.
fn split(class: Class, conditions: &[Condition], keys: &[(Key, Values)]) -> Vec<Class> {
    let mut parts = vec![];
    let mut rest = class;
    for condition in conditions {
        let Some(at) = keys.iter().position(|(key, _)| *key == condition.key) else { continue };
        let (Some((_, values)), Some(left)) = (keys.get(at), rest.get(at)) else { continue };
        let met = |index: &usize| values.get(*index).is_some_and(|value| condition.is_met(value.as_deref()));
        let (yes, no): (Vec<usize>, Vec<usize>) = left.iter().copied().partition(met);
        if !no.is_empty() {
            let mut part = rest.clone();
            if let Some(of_key) = part.get_mut(at) {
                *of_key = no;
            }
            parts.push(part);
        }
        if yes.is_empty() {
            return parts;
        }
        if let Some(of_key) = rest.get_mut(at) {
            *of_key = yes;
        }
    }
    parts.push(rest);
    parts
}

fn pod(class: &Class, keys: &[(Key, Values)]) -> Pod {
    let (mut of_pod, mut of_namespace, mut of_account) = (vec![], vec![], vec![]);
    let mut name: Option<Sym> = None;
    for (left, (key, values)) in class.iter().zip(keys) {
        // The first one is the simplest: a missing label where it may be missing.
        let Some(value) = left.first().and_then(|first| values.get(*first)).cloned().flatten() else { continue };
        match key {
            Key::Pod(key) => of_pod.push((key.clone(), value)),
            Key::Namespace(key) => of_namespace.push((key.clone(), value)),
            Key::Account(key) => of_account.push((key.clone(), value)),
            Key::AccountName => name = Some(value),
        }
    }
    let account = Account { name: name.unwrap_or_else(|| "default".into()), labels: Labels::new(of_account) };
    Pod { namespace: Labels::new(of_namespace), labels: Labels::new(of_pod), account: Some(account), ..Pod::default() }
}

/// Every kind of value that some tests tell apart (1), simplest first; `None`: there are too many, or it is not known
/// whether there is a value of some kind. `known`: values that stand for no others.
fn values(key: &Key, tests: &[&Test], known: &BTreeSet<&Sym>) -> Option<Values> {
    let mut named: BTreeSet<Sym> = BTreeSet::new();
    let mut texts: BTreeSet<&Test> = BTreeSet::new();
    for test in tests {
        match test {
            Test::Exists => {}
            Test::In(values) => named.extend(values.iter().cloned()),
            Test::StartsWith(_) | Test::EndsWith(_) | Test::Contains(_) => {
                texts.insert(test);
            }
        }
    }
    if texts.len() > MOST_TEXTS {
        return None;
    }
    let texts: Vec<&Test> = texts.into_iter().collect();
    // 3.
    let always = *key == Key::AccountName || *key == Key::Namespace(NAMESPACE_NAME.into());
    let mut values: Values = if always { vec![] } else { vec![None] };
    for chosen in 0..1_usize << texts.len() {
        let (with, without): (Vec<_>, Vec<_>) = texts.iter().enumerate().partition(|(i, _)| chosen & (1 << i) != 0);
        let with: Vec<&Test> = with.into_iter().map(|(_, test)| *test).collect();
        let without: Vec<&Test> = without.into_iter().map(|(_, test)| *test).collect();
        match such(&with, &without, &|value| named.contains(value) || known.contains(value)) {
            Some(value) => values.push(Some(value)),
            None if is_impossible(&with, &without) => {}
            None => return None,
        }
    }
    values.extend(named.into_iter().map(Some));
    Some(values)
}

/// A value that begins, ends and is filled as asked, does not as not asked, and is none of the named ones.
fn such(with: &[&Test], without: &[&Test], is_named: &dyn Fn(&Sym) -> bool) -> Option<Sym> {
    let (mut start, mut end, mut middle) = ("", "", vec![]);
    for test in with {
        match test {
            Test::StartsWith(text) if text.len() > start.len() => start = text,
            Test::EndsWith(text) if text.len() > end.len() => end = text,
            Test::Contains(text) => middle.push(&**text),
            _ => {}
        }
    }
    let fits = |value: &str| {
        value.len() <= LONGEST
            && with.iter().all(|test| test.holds(value))
            && !without.iter().any(|test| test.holds(value))
    };
    // Whatever stands between must not make up a text that is not asked for.
    let fillers = || {
        let repeat = |one: &'static str| (1..4).map(move |times| one.repeat(times));
        ["x", "0", "q", "z9", "-7", "_", "x.q", "Q"].into_iter().flat_map(repeat)
    };
    let joined = |filler: String| {
        let mut parts = vec![start];
        parts.extend(&middle);
        parts.push(end);
        parts.join(&filler)
    };
    // A word comes first, for people.
    let words = ["other".to_owned()].into_iter().chain(fillers().map(|filler| format!("other{filler}")));
    let built = [String::new()].into_iter().chain(fillers()).map(joined);
    words
        .filter(|_| with.is_empty())
        .chain(built)
        .filter(|value| !value.is_empty() && fits(value))
        .map(Sym::from)
        .find(|value| !is_named(value))
}

/// Whether no value at all can be as asked. What is not seen here only costs an answer.
fn is_impossible(with: &[&Test], without: &[&Test]) -> bool {
    let implied = |test: &Test| with.iter().any(|one| implies(one, test));
    let at_odds = |a: &Test, b: &Test| match (a, b) {
        (Test::StartsWith(a), Test::StartsWith(b)) => !a.starts_with(&**b) && !b.starts_with(&**a),
        (Test::EndsWith(a), Test::EndsWith(b)) => !a.ends_with(&**b) && !b.ends_with(&**a),
        _ => false,
    };
    without.iter().any(|test| implied(test) || text_of(test) == Some(""))
        || with.iter().any(|a| with.iter().any(|b| at_odds(a, b)))
        || with.iter().any(|test| text_of(test).is_some_and(|text| text.len() > LONGEST))
}

/// Whether every value that passes one test passes another.
fn implies(one: &Test, other: &Test) -> bool {
    match (one, other) {
        (Test::StartsWith(a), Test::StartsWith(b)) => a.starts_with(&**b),
        (Test::EndsWith(a), Test::EndsWith(b)) => a.ends_with(&**b),
        (_, Test::Contains(b)) => text_of(one).is_some_and(|a| a.contains(&**b)),
        (_, Test::StartsWith(b) | Test::EndsWith(b)) => b.is_empty(),
        _ => false,
    }
}

fn text_of(test: &Test) -> Option<&str> {
    match test {
        Test::StartsWith(text) | Test::EndsWith(text) | Test::Contains(text) => Some(text),
        Test::Exists | Test::In(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::verify::law::selects;

    fn test() -> impl Strategy<Value = Test> {
        prop_oneof![
            Just(Test::Exists),
            proptest::collection::btree_set(select(vec!["a", "b", "ab", "ba"]), 1..3)
                .prop_map(|set| Test::In(set.into_iter().map(Sym::from).collect())),
            select(vec!["a", "ab"]).prop_map(|text| Test::StartsWith(text.into())),
            select(vec!["b", "a"]).prop_map(|text| Test::EndsWith(text.into())),
            select(vec!["ba", "a"]).prop_map(|text| Test::Contains(text.into())),
        ]
    }

    fn key() -> impl Strategy<Value = Key> {
        select(vec![
            Key::Pod("one".into()),
            Key::Pod("two".into()),
            Key::Namespace("team".into()),
            Key::Namespace(NAMESPACE_NAME.into()),
            Key::AccountName,
        ])
    }

    fn selector() -> impl Strategy<Value = Selector> {
        let condition =
            (key(), test(), proptest::bool::ANY).prop_map(|(key, test, negated)| Condition { key, test, negated });
        let labels = proptest::option::of(select(vec!["a", "b"]));
        (labels, proptest::collection::vec(condition, 0..3)).prop_map(|(one, further)| Selector {
            labels: Labels::new(one.map(|value| ("one".into(), value.into()))),
            further,
            ..Selector::every()
        })
    }

    fn any_pod() -> impl Strategy<Value = Pod> {
        let value = || proptest::option::of(select(vec!["a", "b", "ab", "ba", "bab", "aab", "other", "x"]));
        let sure = || select(vec!["a", "b", "ab", "abba", "zz"]);
        (value(), value(), value(), sure(), sure()).prop_map(|(one, two, team, name, account)| {
            let pairs = |pairs: Vec<(&str, Option<&str>)>| {
                Labels::new(pairs.into_iter().filter_map(|(key, value)| Some((key.into(), value?.into()))))
            };
            Pod {
                labels: pairs(vec![("one", one), ("two", two)]),
                namespace: pairs(vec![("team", team), (NAMESPACE_NAME, Some(name))]),
                account: Some(Account { name: account.into(), labels: Labels::default() }),
                ..Pod::default()
            }
        })
    }

    proptest! {
        /// Every pod is of some class: one of them satisfies the same selectors. And no two classes are the same.
        #[test]
        fn every_pod_is_of_one_class(
            selectors in proptest::collection::btree_set(selector(), 0..4),
            pods in proptest::collection::vec(any_pod(), 8),
        ) {
            let satisfied = |pod: &Pod| selectors.iter().map(|one| selects(one, pod)).collect::<Vec<bool>>();
            let classes: Vec<Vec<bool>> = of(&selectors, None, &BTreeSet::new()).unwrap().iter().map(satisfied).collect();
            for pod in &pods {
                prop_assert!(classes.contains(&satisfied(pod)), "{pod:?}");
            }
        }
    }

    #[test]
    fn independent_keys_are_refused_where_they_explode() {
        let one =
            |n: usize| Selector { labels: Labels::new([(format!("key-{n}").into(), "a".into())]), ..Selector::every() };
        let selectors: BTreeSet<Selector> = (0..8).map(one).collect();
        assert_eq!(of(&selectors, None, &BTreeSet::new()).unwrap().len(), 256);
        let selectors: BTreeSet<Selector> = (0..20).map(one).collect();
        assert!(of(&selectors, None, &BTreeSet::new()).is_err());
    }

    /// A value of one letter forty times begins and ends with forty of them; there is no room for one beside the other.
    #[test]
    fn a_kind_of_value_that_is_not_found_is_not_passed_over() {
        let text = || Sym::from("a".repeat(40));
        let all = |tests: Vec<Test>| Selector {
            further: tests
                .into_iter()
                .map(|test| Condition { key: Key::Pod("one".into()), test, negated: false })
                .collect(),
            ..Selector::every()
        };
        let one = all(vec![Test::StartsWith(text()), Test::EndsWith(text())]);
        let pods = of(&[one.clone()].into(), None, &BTreeSet::new());
        assert!(pods.is_err() || pods.unwrap().iter().any(|pod| selects(&one, pod)));
        // No letter of the word that stands for other values is one of theirs.
        let letters = ["o", "t", "h", "e", "r"].map(|text| Condition {
            key: Key::Pod("one".into()),
            test: Test::Contains(text.into()),
            negated: true,
        });
        let mut there = all(vec![Test::Exists]);
        there.further.extend(letters);
        let pods = of(&[there.clone()].into(), None, &BTreeSet::new()).unwrap();
        assert!(pods.iter().any(|pod| selects(&there, pod)));
        let none = all(vec![Test::StartsWith("a".into()), Test::StartsWith("b".into())]);
        assert!(of(&[none].into(), None, &BTreeSet::new()).is_ok());
    }

    #[test]
    fn a_known_namespace_stands_for_no_other() {
        let other = Sym::from("other");
        let asked = Selector {
            further: vec![Condition {
                key: Key::Namespace(NAMESPACE_NAME.into()),
                test: Test::In(["x".into()].into()),
                negated: true,
            }],
            ..Selector::every()
        };
        let pods = of(&[asked].into(), None, &[&other].into()).unwrap();
        let names: BTreeSet<&str> = pods.iter().map(|pod| &**pod.namespace.get(NAMESPACE_NAME).unwrap()).collect();
        assert!(names.contains("x") && !names.contains("other"), "{names:?}");
    }
}
