//! What selectors of Kubernetes' kind ask, joined.
//!
//! 1. All conditions must hold; what nothing can satisfy selects nothing ([`Cube`] knows).
//! 2. A label that an engine does not look at is missing everywhere.

use std::collections::BTreeSet;

use super::cube::Cube;
use crate::model::Sym;
use crate::verify::normal::{Condition, Key, Selector, Test};

/// What a selector asks of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// That it has one of these values.
    OneOf(BTreeSet<Sym>),
    /// That it has none of these values, or is missing.
    NoneOf(BTreeSet<Sym>),
    /// That it is there.
    Exists,
    /// That it is not there.
    Missing,
}

/// Conditions on labels, all of which must hold.
#[derive(Debug, Clone, Default)]
pub struct Conjunction {
    /// The first of them, as long as each asks for one value: mostly that is all.
    equal: Vec<(Key, Sym)>,
    /// The others.
    others: Vec<Condition>,
    /// Something cannot hold.
    is_void: bool,
}

impl Conjunction {
    /// One more condition.
    pub fn require(&mut self, key: Key, ask: Ask) {
        let (test, negated) = match ask {
            Ask::OneOf(values) => (Test::In(values), false),
            Ask::NoneOf(values) => (Test::In(values), true),
            Ask::Exists => (Test::Exists, false),
            Ask::Missing => (Test::Exists, true),
        };
        match test {
            Test::In(mut values) if !negated && values.len() == 1 && self.others.is_empty() => {
                self.equal.extend(values.pop_first().map(|value| (key, value)));
            }
            test => self.others.push(Condition { key, test, negated }),
        }
    }

    /// `None`: nothing satisfies all of them.
    fn cube(&self) -> Option<Cube> {
        let equal = self.equal.iter().map(|(key, value)| Condition {
            key: key.clone(),
            test: Test::In([value.clone()].into()),
            negated: false,
        });
        let mut all = equal.chain(self.others.iter().cloned());
        if self.is_void { None } else { all.try_fold(Cube::default(), Cube::with) }
    }

    /// 2. One more condition, on a label that nothing has.
    pub fn require_of_nothing(&mut self, ask: &Ask) {
        if matches!(ask, Ask::OneOf(_) | Ask::Exists) {
            self.is_void = true;
        }
    }

    /// Whether what has no labels at all satisfies it: nothing is asked for but what must not be.
    pub fn holds_without_labels(&self) -> bool {
        self.equal.is_empty() && self.cube().is_some_and(|cube| cube.holds_without_labels())
    }

    /// The pods that satisfy it, in this namespace if one is given; `None` if no pod can.
    pub fn selector(mut self, namespace: Option<&Sym>) -> Option<Selector> {
        if self.others.is_empty() && !self.is_void {
            match Cube::of_equal(self.equal, namespace) {
                Ok(selector) => return Some(selector),
                Err(equal) => self.equal = equal,
            }
        }
        Some(self.cube()?.selector(namespace))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::{Ask, Conjunction};
    use crate::model::{Labels, NAMESPACE_NAME, Sym};
    use crate::verify::law::{Pod, selects};
    use crate::verify::normal::Key;

    fn words() -> impl Strategy<Value = Sym> {
        prop::sample::select(vec!["x", "y", "z"]).prop_map(Sym::from)
    }

    fn keys() -> impl Strategy<Value = Key> {
        let namespace = prop::sample::select(vec!["env", NAMESPACE_NAME]);
        let pod = prop::sample::select(vec!["app", "tier"]);
        prop_oneof![pod.prop_map(|key| Key::Pod(key.into())), namespace.prop_map(|key| Key::Namespace(key.into()))]
    }

    fn asks() -> impl Strategy<Value = Ask> {
        prop_oneof![
            btree_set(words(), 1..3).prop_map(Ask::OneOf),
            btree_set(words(), 1..3).prop_map(Ask::NoneOf),
            Just(Ask::Exists),
            Just(Ask::Missing),
        ]
    }

    /// A condition by the letter of Kubernetes.
    fn holds(ask: &Ask, value: Option<&Sym>) -> bool {
        match (ask, value) {
            (Ask::OneOf(values), Some(value)) => values.contains(value),
            (Ask::NoneOf(values), Some(value)) => !values.contains(value),
            (Ask::Exists, value) => value.is_some(),
            (Ask::Missing, value) => value.is_none(),
            (Ask::OneOf(_), None) => false,
            (Ask::NoneOf(_), None) => true,
        }
    }

    /// Every way to have labels of some keys.
    fn all_labels(keys: [&str; 2]) -> Vec<Labels> {
        let values = [None, Some("x"), Some("y"), Some("z"), Some("else")];
        let of = |key: &str, value: Option<&str>| value.map(|value| (Sym::from(key), Sym::from(value)));
        let two = |a| values.map(move |b| Labels::new([of(keys[0], a), of(keys[1], b)].into_iter().flatten()));
        values.into_iter().flat_map(two).collect()
    }

    fn joined(conditions: &[(Key, Ask)]) -> Conjunction {
        let mut all = Conjunction::default();
        conditions.iter().for_each(|(key, ask)| all.require(key.clone(), ask.clone()));
        all
    }

    proptest! {
        #[test]
        fn the_one_form_selects_the_same_pods(conditions in vec((keys(), asks()), 0..5)) {
            let selector = joined(&conditions).selector(None);
            for labels in all_labels(["app", "tier"]) {
                for namespace in all_labels(["env", NAMESPACE_NAME]) {
                    let value = |key: &Key| match key {
                        Key::Namespace(key) => namespace.get(key),
                        Key::Pod(key) => labels.get(key),
                        Key::Account(_) | Key::AccountName => None,
                    };
                    let meant = conditions.iter().all(|(key, ask)| holds(ask, value(key)));
                    let pod = Pod { namespace: namespace.clone(), labels: labels.clone(), ..Pod::default() };
                    prop_assert_eq!(selector.as_ref().is_some_and(|selector| selects(selector, &pod)), meant);
                }
            }
        }

        #[test]
        fn the_form_is_the_same_in_any_order(conditions in vec((keys(), asks()), 0..5)) {
            let reversed: Vec<_> = conditions.iter().rev().cloned().collect();
            prop_assert_eq!(joined(&conditions).selector(None), joined(&reversed).selector(None));
        }

        #[test]
        fn equalities_need_no_cube(conditions in vec((keys(), words().prop_map(|word| Ask::OneOf([word].into()))), 0..5)) {
            let all = joined(&conditions);
            for namespace in [None, Some(&"x".into())] {
                let by_cube = all.cube().map(|cube| cube.selector(namespace));
                prop_assert_eq!(all.clone().selector(namespace), by_cube);
            }
        }

        #[test]
        fn what_has_no_labels_is_told_apart(conditions in vec((keys(), asks()), 0..5)) {
            let meant = conditions.iter().all(|(_, ask)| holds(ask, None));
            prop_assert_eq!(joined(&conditions).holds_without_labels(), meant);
        }
    }

    #[test]
    fn equalities_of_one_label_are_labels() {
        let key = || Key::Pod("app".into());
        let asks = [Ask::OneOf(["x".into(), "y".into()].into()), Ask::NoneOf(["y".into()].into())];
        let selector = joined(&asks.map(|ask| (key(), ask))).selector(None).unwrap();
        let labels: BTreeMap<&str, &str> = selector.labels.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!((labels, selector.further), ([("app", "x")].into(), vec![]));
    }
}
