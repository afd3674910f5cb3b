//! Conditions on labels, all of which must hold, in the one form for their meaning.
//!
//! 1. On a missing label only what is negated holds (apimachinery `labels/selector.go`, `Requirement.Matches`;
//!    `libcalico-go/lib/selector/parser/ast.go`).
//! 2. Where a label must have one of some values, all else that is asked of it is a matter of these.
//! 3. Of a label that must be missing nothing else can be asked.
//! 4. What nothing can satisfy is no conjunction.

use std::collections::BTreeSet;

use super::FEW;
use crate::model::{Labels, NAMESPACE_NAME, Sym};
use crate::verify::normal::{Condition, Key, Namespaces, Selector, Test};

/// A conjunction that something may satisfy: what is asked of each label, sorted by label.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cube(Vec<(Key, Asked)>);

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
        Self::default().with(condition)
    }

    /// With one condition more; `None` when nothing satisfies both.
    pub fn with(self, condition: Condition) -> Option<Self> {
        let Condition { key, test, negated } = condition;
        let mut asked = Asked::default();
        match (test, negated) {
            (Test::In(values), false) => asked.one_of = Some(values),
            (Test::In(values), true) => asked.none_of = values,
            (test, negated) => {
                asked.tests.insert((test, negated));
            }
        }
        self.asking(key, asked.simple()?)
    }

    /// Both conjunctions; `None` when nothing satisfies both.
    pub fn and(&self, other: &Self) -> Option<Self> {
        other.0.iter().try_fold(self.clone(), |all, (key, asked)| all.asking(key.clone(), asked.clone()))
    }

    fn asking(mut self, key: Key, more: Asked) -> Option<Self> {
        match self.0.binary_search_by(|(known, _)| known.cmp(&key)) {
            Ok(at) => {
                let (_, asked) = self.0.get_mut(at)?;
                *asked = asked.and(&more)?;
            }
            Err(at) => self.0.insert(at, (key, more)),
        }
        Some(self)
    }

    /// The pods whose labels have these values, in this namespace if one is given: the same as by a cube of all of them.
    ///
    /// # Errors
    /// They themselves, where a cube is needed: for a label that is asked for twice, say.
    pub fn of_equal(equal: Vec<(Key, Sym)>, namespace: Option<&Sym>) -> Result<Selector, Vec<(Key, Sym)>> {
        let is_simple = |(at, (key, _)): (usize, &(Key, Sym))| {
            matches!(key, Key::Pod(_) | Key::Namespace(_)) && equal.iter().take(at).all(|(other, _)| other != key)
        };
        if equal.len() > FEW || !equal.iter().enumerate().all(is_simple) {
            return Err(equal);
        }
        let (mut of_pods, mut of_namespaces) = (vec![], vec![]);
        for (key, value) in equal {
            match key {
                Key::Pod(key) => of_pods.push((key, value)),
                Key::Namespace(key) => of_namespaces.push((key, value)),
                Key::Account(_) | Key::AccountName => {}
            }
        }
        Ok(placed(Labels::new(of_pods), Labels::new(of_namespaces), vec![], namespace))
    }

    /// Whether what has none of the labels satisfies it.
    pub fn holds_without_labels(&self) -> bool {
        self.0.iter().all(|(_, asked)| asked.holds_when_missing())
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
        placed(Labels::new(of_pods), Labels::new(of_namespaces), further, namespace)
    }
}

fn placed(labels: Labels, of_namespaces: Labels, mut further: Vec<Condition>, namespace: Option<&Sym>) -> Selector {
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
    Selector { namespaces, labels, further }
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
        if self.none_of.is_empty() && self.tests.is_empty() {
            return self.one_of.as_ref().is_none_or(|values| !values.is_empty()).then_some(self);
        }
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
