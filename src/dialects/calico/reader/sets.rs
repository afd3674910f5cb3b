//! Network sets: which of them a selector selects.
//!
//! In: all sets, and the namespaces whose labels are known. Out: addresses. Sources: `updateprocessors`
//! (`networksetprocessor.go`, `globalnetworksetprocessor.go`), `felix/labelindex`.
//!
//! 1. A selector of a rule finds sets as it finds pods, by their labels. A set of a namespace is in it, and inherits the labels
//!    of the namespace under `pcns.`, unless it has them itself.
//! 2. Where labels of a namespace decide that are not given, a set is selected perhaps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::convert::{Object, Says, Set};
use super::pods::CALICO_NAME;
use super::selector::{IN_NAMESPACE, Label, OF_NAMESPACE, Selector};
use crate::diag::{Diagnostic, codes, quote};
use crate::model::{NAMESPACE_NAME, Sym};
use crate::source::Span;
use crate::verify::normal::Peer;

/// All sets. What was found once is kept; several files may ask at once.
pub(super) struct Sets {
    all: Vec<Named>,
    namespaces: BTreeMap<String, Vec<(String, String)>>,
    /// Some of them are in a namespace, or pose as if they were.
    are_placed: bool,
    used: Mutex<BTreeSet<usize>>,
    found: Mutex<BTreeMap<Selector, Found>>,
}

/// One set, apart from its file.
struct Named {
    name: String,
    namespace: Option<Sym>,
    span: Span,
    set: Set,
}

/// Addresses of sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// That are selected for sure.
    pub(super) surely: Vec<Peer>,
    /// That are selected perhaps; those among them.
    pub(super) perhaps: Vec<Peer>,
}

impl Found {
    pub(super) fn is_sure(&self) -> bool {
        self.surely == self.perhaps
    }
}

impl Sets {
    pub(super) fn new(objects: &[&Object]) -> Self {
        let set = |object: &&Object| match &object.says {
            Says::Set(set) => {
                let (name, namespace, span) = (object.name.clone(), object.namespace.clone(), object.span);
                Some(Named { name, namespace, span, set: set.clone() })
            }
            _ => None,
        };
        let namespace = |object: &&Object| match &object.says {
            Says::Namespace(labels) => Some((object.name.clone(), labels.clone())),
            _ => None,
        };
        let all: Vec<_> = objects.iter().filter_map(set).collect();
        let is_placed = |one: &Named| {
            one.namespace.is_some() || one.set.labels.iter().any(|(key, _)| key.starts_with(OF_NAMESPACE))
        };
        Self {
            are_placed: all.iter().any(is_placed),
            namespaces: objects.iter().filter_map(namespace).collect(),
            all,
            used: Mutex::default(),
            found: Mutex::default(),
        }
    }

    /// 1. The addresses that a selector selects.
    pub(super) fn of(&self, tree: &Selector) -> Found {
        // Most selectors are of pods in some namespace, and most sets are in none.
        if self.all.is_empty() || (!self.are_placed && tree.is_in_namespaces()) {
            return Found::default();
        }
        if let Some(found) = lock(&self.found).get(tree) {
            return found.clone();
        }
        let (mut surely, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
        for (index, one) in self.all.iter().enumerate() {
            let holds = tree.holds(&|key| self.label(one, key));
            let blocks = || one.set.nets.iter().map(|cidr| Peer::Block { cidr: *cidr, except: vec![] });
            if holds == Some(false) {
                continue;
            }
            lock(&self.used).insert(index);
            perhaps.extend(blocks());
            if holds == Some(true) {
                surely.extend(blocks());
            }
        }
        let found = Found { surely: surely.into_iter().collect(), perhaps: perhaps.into_iter().collect() };
        lock(&self.found).insert(tree.clone(), found.clone());
        found
    }

    /// 1, 2.
    fn label<'s>(&'s self, one: &'s Named, key: &str) -> Label<'s> {
        if let (IN_NAMESPACE, Some(namespace)) = (key, &one.namespace) {
            return Label::Is(namespace);
        }
        let of = |labels: &'s [(String, String)], key: &str| {
            labels.iter().find(|(own, _)| own == key).map_or(Label::Missing, |(_, value)| Label::Is(value))
        };
        let own = of(&one.set.labels, key);
        let (Label::Missing, Some(namespace), Some(inherited)) = (own, &one.namespace, key.strip_prefix(OF_NAMESPACE))
        else {
            return own;
        };
        match (inherited, self.namespaces.get(&**namespace)) {
            (CALICO_NAME | NAMESPACE_NAME, _) => Label::Is(namespace),
            (other, Some(labels)) => of(labels, other),
            (_, None) => Label::Unknown,
        }
    }

    /// Sets that nothing selected.
    pub(super) fn unused(&self) -> Vec<Diagnostic> {
        let used = lock(&self.used);
        let left = self.all.iter().enumerate().filter(|(index, _)| !used.contains(index));
        left.map(|(_, one)| {
            let message = format!("no rule uses the set {}", quote(&one.name));
            Diagnostic::error(codes::RENDERED, one.span, message).help("remove it, or correct its labels")
        })
        .collect()
    }
}

/// What a panic of another thread left is whole: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
