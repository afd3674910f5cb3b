//! Conditions on labels, all of which must hold, in the one form for their meaning.
//!
//! 1. On a missing label only what is negated holds (apimachinery `labels/selector.go`, `Requirement.Matches`;
//!    `libcalico-go/lib/selector/parser/ast.go`).
//! 2. Where a label must have one of some values, all else that is asked of it is a matter of these.
//! 3. Of a label that must be missing nothing else can be asked.
//! 4. What nothing can satisfy is no conjunction.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Labels, NAMESPACE_NAME, Sym};
use crate::verify::normal::{Condition, Key, Namespaces, Selector, Test};

/// A conjunction that something may satisfy.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cube(BTreeMap<Key, Asked>);

/// What is asked of one label.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    one_of: Option<BTreeSet<Sym>>,
    none_of: BTreeSet<Sym>,
    /// Further tests, each with whether it is negated.
    tests: BTreeSet<(Test, bool)>,
}

impl Cube {
    /// One condition.
    pub fn of(condition: Condition) -> Option<Self> {
        let Condition { key, test, negated } = condition;
        let mut asked = Asked::default();
        match (test, negated) {
            (Test::In(values), false) => asked.one_of = Some(values),
            (Test::In(values), true) => asked.none_of = values,
            (test, negated) => {
                asked.tests.insert((test, negated));
            }
        }
        Some(Self([(key, asked.simple()?)].into()))
    }

    /// Both conjunctions; `None` when nothing satisfies both.
    pub fn and(&self, other: &Self) -> Option<Self> {
        let mut all = self.0.clone();
        for (key, more) in &other.0 {
            let both = match all.get(key) {
                Some(asked) => asked.and(more)?,
                None => more.clone(),
            };
            all.insert(key.clone(), both);
        }
        Some(Self(all))
    }

    /// Whether what has none of the labels satisfies it.
    pub fn holds_without_labels(&self) -> bool {
        self.0.values().all(Asked::holds_when_missing)
    }

    /// The pods that satisfy it, in this namespace if one is given.
    pub fn selector(self, namespace: Option<&Sym>) -> Selector {
        let (mut of_pods, mut of_namespaces, mut further) = (vec![], vec![], vec![]);
        for (key, asked) in self.0 {
            match (asked.equal(), key) {
                (Some(value), Key::Pod(key)) => of_pods.push((key, value)),
                (Some(value), Key::Namespace(key)) => of_namespaces.push((key, value)),
                (_, key) => further.extend(asked.conditions(&key)),
            }
        }
        let of_namespaces = Labels::new(of_namespaces);
        let namespaces = match (namespace, of_namespaces.get(NAMESPACE_NAME)) {
            (None, Some(name)) if of_namespaces.len() == 1 => Namespaces::Named(name.clone()),
            (None, _) => Namespaces::Labelled(of_namespaces),
            (Some(name), _) => {
                let equal = |(key, value): (&Sym, &Sym)| Condition {
                    key: Key::Namespace(key.clone()),
                    test: Test::In([value.clone()].into()),
                    negated: false,
                };
                further.extend(of_namespaces.iter().map(equal));
                Namespaces::Named(name.clone())
            }
        };
        further.sort_unstable();
        Selector { namespaces, labels: Labels::new(of_pods), further }
    }
}

impl Asked {
    fn and(&self, other: &Self) -> Option<Self> {
        let union = |a: &BTreeSet<Sym>, b: &BTreeSet<Sym>| a.union(b).cloned().collect();
        let one_of = match (&self.one_of, &other.one_of) {
            (Some(a), Some(b)) => Some(a.intersection(b).cloned().collect()),
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        let tests = self.tests.union(&other.tests).cloned().collect();
        Self { one_of, none_of: union(&self.none_of, &other.none_of), tests }.simple()
    }

    /// 2, 3, 4.
    fn simple(mut self) -> Option<Self> {
        if let Some(mut values) = self.one_of.take() {
            values.retain(|value| {
                !self.none_of.contains(value) && self.tests.iter().all(|(test, negated)| test.holds(value) != *negated)
            });
            return (!values.is_empty()).then(|| Self { one_of: Some(values), ..Self::default() });
        }
        let is_asked = |negated: bool| self.tests.iter().any(|(_, of)| *of == negated);
        if self.tests.contains(&(Test::Exists, true)) {
            let missing = Self { tests: [(Test::Exists, true)].into(), ..Self::default() };
            return (!is_asked(false)).then_some(missing);
        }
        if self.tests.iter().any(|(test, negated)| !negated && self.tests.contains(&(test.clone(), true))) {
            return None;
        }
        if self.tests.iter().any(|(test, negated)| !negated && *test != Test::Exists) {
            self.tests.remove(&(Test::Exists, false));
        }
        Some(self)
    }

    /// 1.
    fn holds_when_missing(&self) -> bool {
        self.one_of.is_none() && self.tests.iter().all(|(_, negated)| *negated)
    }

    /// The one value that is asked for.
    fn equal(&self) -> Option<Sym> {
        self.one_of.as_ref().filter(|values| values.len() == 1)?.first().cloned()
    }

    fn conditions(self, key: &Key) -> Vec<Condition> {
        let of = |(test, negated)| Condition { key: key.clone(), test, negated };
        let mut all: Vec<Condition> = self.one_of.into_iter().map(|values| of((Test::In(values), false))).collect();
        if !self.none_of.is_empty() {
            all.push(of((Test::In(self.none_of), true)));
        }
        all.extend(self.tests.into_iter().map(of));
        all
    }
}
