//! Selectors by what they ask for, so that a pod finds those that select it without looking at all of them.

use std::collections::HashMap;

use crate::model::{Labels, Sym};

/// A label, as a selector asks for it.
type Pair<'a> = (&'a str, &'a str);

/// A namespace, and the label that a selector asks for first there; without one it selects every pod.
type First<'a> = (&'a str, Option<Pair<'a>>);

/// Selectors of namespaces, each with what it stands for.
#[derive(Debug, Default)]
pub(super) struct Selectors<'a, T> {
    by_first: HashMap<First<'a>, Vec<(&'a Labels, T)>>,
}

impl<'a, T: Copy> Selectors<'a, T> {
    pub(super) fn new() -> Self {
        Self { by_first: HashMap::new() }
    }

    pub(super) fn add(&mut self, namespace: &'a Sym, labels: &'a Labels, value: T) {
        let first = labels.iter().next().map(|(key, value)| (&**key, &**value));
        self.by_first.entry((namespace, first)).or_default().push((labels, value));
    }

    /// What the selectors stand for that select a pod with these labels; in the order of the pod's labels, and of those with
    /// one first label in the order in which they were added.
    pub(super) fn selecting(&self, namespace: &str, labels: &Labels) -> Vec<T> {
        let pairs = labels.iter().map(|(key, value)| Some((&**key, &**value)));
        let candidates = std::iter::once(None).chain(pairs).filter_map(|first| self.by_first.get(&(namespace, first)));
        let selecting = candidates.flatten().filter(|(wanted, _)| wanted.is_subset_of(labels));
        selecting.map(|(_, value)| *value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        Labels::new(text.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap();
            (key.into(), value.into())
        }))
    }

    #[test]
    fn a_pod_is_selected_by_any_subset_of_its_labels_in_its_namespace() {
        let (shop, other): (Sym, Sym) = ("shop".into(), "other".into());
        let wanted = ["", "app=web", "app=web,track=canary", "app=api", "track=canary"].map(labels);
        let mut selectors = Selectors::new();
        for (number, labels) in wanted.iter().enumerate() {
            selectors.add(&shop, labels, number);
            selectors.add(&other, labels, 100 + number);
        }
        let mut found = selectors.selecting("shop", &labels("app=web,track=canary,x=y"));
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2, 4]);
        assert_eq!(selectors.selecting("shop", &labels("")), [0]);
        assert!(selectors.selecting("nowhere", &labels("app=web")).is_empty());
    }
}
