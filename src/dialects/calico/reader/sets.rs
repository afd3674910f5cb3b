//! Network sets: which of them a selector selects.
//!
//! In: all sets, and the namespaces whose labels are known. Out: addresses. Sources: `updateprocessors`
//! (`networksetprocessor.go`, `globalnetworksetprocessor.go`), `felix/labelindex`.
//!
//! 1. A selector of a rule finds sets as it finds pods, by their labels. A set of a namespace is in it, and inherits the labels
//!    of the namespace under `pcns.`, unless it has them itself.
//! 2. Where labels of a namespace decide that are not given, a set is selected perhaps.

use std::collections::{BTreeMap, BTreeSet};

use super::convert::{Object, Says, Set};
use super::pods::CALICO_NAME;
use super::selector::{IN_NAMESPACE, Label, OF_NAMESPACE, Selector};
use crate::diag::{Diagnostic, codes, quote};
use crate::model::NAMESPACE_NAME;
use crate::verify::normal::Peer;

/// All sets.
pub(super) struct Sets<'o> {
    all: Vec<(&'o Object, &'o Set)>,
    namespaces: BTreeMap<&'o str, &'o [(String, String)]>,
    /// Some of them are in a namespace, or pose as if they were.
    are_placed: bool,
    used: BTreeSet<usize>,
    found: BTreeMap<Selector, Found>,
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

impl<'o> Sets<'o> {
    pub(super) fn new(objects: &[&'o Object]) -> Self {
        let set = |object: &&'o Object| match &object.says {
            Says::Set(set) => Some((*object, set)),
            _ => None,
        };
        let namespace = |object: &&'o Object| match &object.says {
            Says::Namespace(labels) => Some((object.name.as_str(), labels.as_slice())),
            _ => None,
        };
        let all: Vec<_> = objects.iter().filter_map(set).collect();
        let is_placed = |(object, set): &(&Object, &Set)| {
            object.namespace.is_some() || set.labels.iter().any(|(key, _)| key.starts_with(OF_NAMESPACE))
        };
        Self {
            are_placed: all.iter().any(is_placed),
            namespaces: objects.iter().filter_map(namespace).collect(),
            all,
            used: BTreeSet::new(),
            found: BTreeMap::new(),
        }
    }

    /// 1. The addresses that a selector selects.
    pub(super) fn of(&mut self, tree: &Selector) -> Found {
        // Most selectors are of pods in some namespace, and most sets are in none.
        if self.all.is_empty() || (!self.are_placed && tree.is_in_namespaces()) {
            return Found::default();
        }
        if let Some(found) = self.found.get(tree) {
            return found.clone();
        }
        let (mut surely, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
        for (index, (object, set)) in self.all.iter().enumerate() {
            let holds = tree.holds(&|key| self.label(object, set, key));
            let blocks = || set.nets.iter().map(|cidr| Peer::Block { cidr: *cidr, except: vec![] });
            if holds == Some(false) {
                continue;
            }
            self.used.insert(index);
            perhaps.extend(blocks());
            if holds == Some(true) {
                surely.extend(blocks());
            }
        }
        let found = Found { surely: surely.into_iter().collect(), perhaps: perhaps.into_iter().collect() };
        self.found.insert(tree.clone(), found.clone());
        found
    }

    /// 1, 2.
    fn label(&self, object: &'o Object, set: &'o Set, key: &str) -> Label<'o> {
        if let (IN_NAMESPACE, Some(namespace)) = (key, &object.namespace) {
            return Label::Is(namespace);
        }
        let of = |labels: &'o [(String, String)], key: &str| {
            labels.iter().find(|(own, _)| own == key).map_or(Label::Missing, |(_, value)| Label::Is(value))
        };
        let own = of(&set.labels, key);
        let (Label::Missing, Some(namespace), Some(inherited)) =
            (own, &object.namespace, key.strip_prefix(OF_NAMESPACE))
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
        let left = self.all.iter().enumerate().filter(|(index, _)| !self.used.contains(index));
        left.map(|(_, (object, _))| {
            let message = format!("no rule uses the set {}", quote(&object.name));
            Diagnostic::error(codes::RENDERED, object.span, message).help("remove it, or correct its labels")
        })
        .collect()
    }
}
