//! One side of a rule: who may be there.
//!
//! Sources: `updateprocessors/rules.go` (`getEndpointSelector`, `parseServiceAccounts`),
//! `libcalico-go/lib/validator/v3/validator.go` (`validateEntityRule`).
//!
//! 1. What `namespaceSelector`, `selector` and `serviceAccounts` ask must all hold of one pod or one network set, whose
//!    addresses the rule then is about. Empty text asks nothing.
//! 2. In a policy of a namespace they stay in that namespace as soon as one of them, or `notSelector`, asks something, unless
//!    there is a `namespaceSelector`. Otherwise they reach every namespace, and what is in none.
//! 3. `notSelector` leaves out the addresses of what it selects, wherever that is: whoever else has another address is
//!    matched, inside the cluster or not.
//! 4. `global()` stands alone, in a rule's `namespaceSelector`.
//! 5. `services` are about the endpoints of Services, which policies do not tell.
//! 6. In what we write a selector says in which namespaces it selects, and reaches sets only as `global()`, by labels:
//!    nobody sees from a plain one that it also finds sets.

use std::collections::BTreeSet;

use super::convert::Convert;
use super::object::{self, ServiceAccounts};
use super::pods;
use super::selector::{IN_NAMESPACE, Selector};
use crate::diag::quote;
use crate::dialects::reading::Purpose;
use crate::dialects::reading::text::Text;
use crate::model::Sym;
use crate::source::Span;
use crate::verify::normal::Peer;

/// Who may be on one side of a rule: all of these must hold.
#[derive(Debug, Default)]
pub(super) struct End {
    /// It is something that is selected.
    pub(super) selected: Option<Selected>,
    /// It is nothing that is selected.
    pub(super) left_out: Option<Selected>,
    /// It has one of these addresses.
    pub(super) blocks: Option<Vec<Peer>>,
}

/// What a selector selects.
#[derive(Debug)]
pub(super) struct Selected {
    /// Pods.
    pub(super) pods: Vec<Peer>,
    /// Of which sets.
    pub(super) tree: Selector,
    /// It is meant for global sets alone.
    pub(super) is_global: bool,
}

/// A `namespaceSelector`.
struct Placed<'t, 'a> {
    text: &'t Text<'a>,
    /// It is `global()`.
    is_global: bool,
    /// Of what is in the namespaces.
    tree: Selector,
}

impl<'t, 'a> Placed<'t, 'a> {
    fn of(text: &'t Text<'a>, tree: Selector) -> Self {
        Self { text, is_global: tree == Selector::Global, tree: tree.of_namespaces() }
    }
}

impl Convert<'_, '_, '_> {
    /// A side of a rule of a policy, of `namespace` or of none.
    pub(super) fn end(
        &mut self,
        entity: Option<&object::Entity<'_>>,
        namespace: Option<&Sym>,
        span: Span,
    ) -> Option<End> {
        let Some(entity) = entity else { return Some(End::default()) };
        if let Some(services) = &entity.services {
            let place = self.with.doc.line_of(services);
            let message = "`services` cannot be evaluated: policies do not tell the endpoints of a Service";
            return self.error(place, message, "select the pods behind it by their labels"); // 5
        }
        let not_selector = asking(self, entity.not_selector.as_ref())?;
        let selected = self.selected(entity, namespace, not_selector.is_some(), span);
        let left_out = match not_selector {
            None => Some(None),
            Some(text) => self.selector(text).map(Some),
        };
        let selected = match selected? {
            None => None,
            Some((tree, is_global)) => {
                let text = entity.selector.as_ref().or(entity.namespace_selector.as_ref());
                Some(self.pods(tree, is_global, text, span)?)
            }
        };
        let left_out = match left_out? {
            None => None,
            Some(tree) => Some(self.pods(tree, false, not_selector, span)?),
        };
        Some(End { selected, left_out, blocks: None })
    }

    fn pods(&mut self, tree: Selector, is_global: bool, text: Option<&Text<'_>>, span: Span) -> Option<Selected> {
        match pods::pods(&tree) {
            Ok(pods) => {
                let pods = pods.into_iter().map(|selector| selector.peer()).collect();
                Some(Selected { pods, tree, is_global })
            }
            Err((message, help)) => self.error(text.map_or(span, |text| self.with.doc.place(text)), message, help),
        }
    }

    /// 1, 2. With whether it is about global sets alone.
    fn selected(
        &mut self,
        entity: &object::Entity<'_>,
        namespace: Option<&Sym>,
        leaves_out: bool,
        span: Span,
    ) -> Option<Option<(Selector, bool)>> {
        let namespaces = match asking(self, entity.namespace_selector.as_ref())? {
            None => None,
            Some(text) => Some(Placed::of(text, self.namespaces(text)?)),
        };
        let mut parts = self.accounts(entity.service_accounts.as_ref())?;
        let labels = match asking(self, entity.selector.as_ref())? {
            None => None,
            Some(text) => Some((text, self.without_global(text)?)),
        };
        let is_global = namespaces.as_ref().is_some_and(|namespaces| namespaces.is_global);
        if self.with.purpose == Purpose::Rendered {
            self.plainly(entity, namespace, namespaces.as_ref(), labels.as_ref(), span)?;
        }
        parts.extend(labels.map(|(_, tree)| tree));
        let stays = !parts.is_empty() || leaves_out;
        match (namespaces, namespace) {
            (Some(namespaces), _) => parts.insert(0, namespaces.tree),
            (None, Some(own)) if stays => parts.insert(0, Selector::Equals(IN_NAMESPACE.into(), own.clone())),
            (None, _) => {}
        }
        let tree = match parts.len() {
            0 | 1 => parts.pop(),
            _ => Some(Selector::And(parts)),
        };
        Some(tree.map(|tree| (tree, is_global)))
    }

    /// 4.
    fn namespaces(&mut self, text: &Text<'_>) -> Option<Selector> {
        let tree = self.selector(text)?;
        if tree.has_global() && tree != Selector::Global {
            let place = self.with.doc.place(text);
            return self.error(place, "`global()` stands beside something else", "write it alone");
        }
        Some(tree)
    }

    /// Both parts must hold.
    fn accounts(&mut self, accounts: Option<&ServiceAccounts<'_>>) -> Option<Vec<Selector>> {
        let Some(accounts) = accounts else { return Some(vec![]) };
        let mut parts = vec![];
        if let Some(text) = asking(self, accounts.selector.as_ref())? {
            parts.push(self.selector(text)?.of_accounts());
        }
        let names = accounts.names.as_deref().unwrap_or_default();
        self.once(names)?;
        if !names.is_empty() {
            let mut all = BTreeSet::new();
            for text in names {
                let name = self.with.string(text)?;
                if name.contains(['\'', '"']) {
                    let message = format!("{} is no name of a service account", quote(name));
                    return self.error(self.with.doc.place(text), message, "write names without quotes");
                }
                all.insert(Sym::from(name));
            }
            parts.push(Selector::In(pods::SERVICE_ACCOUNT.into(), all));
        }
        Some(parts)
    }

    /// 6.
    fn plainly(
        &mut self,
        entity: &object::Entity<'_>,
        namespace: Option<&Sym>,
        namespaces: Option<&Placed<'_, '_>>,
        labels: Option<&(&Text<'_>, Selector)>,
        span: Span,
    ) -> Option<()> {
        match (namespaces, labels) {
            (None, _) if entity.namespace_selector.is_some() => {
                let place = entity.namespace_selector.as_ref().map_or(span, |text| self.with.doc.place(text));
                self.error(place, "an empty `namespaceSelector` selects sets too", "write `all()`")
            }
            (None, Some((text, _))) if namespace.is_none() => {
                let place = self.with.doc.place(text);
                let message = "a rule's `selector` without `namespaceSelector` reaches every namespace and every set";
                self.error(place, message, "write `namespaceSelector` beside it: `global()` for sets")
            }
            (Some(Placed { text, is_global: true, .. }), None) => {
                let place = self.with.doc.place(text);
                let message = "`global()` alone reaches every set and every host endpoint";
                self.error(place, message, "write the set's labels as `selector`")
            }
            (Some(Placed { is_global: true, .. }), Some((text, tree))) if tree.holds_of_nothing() => {
                let place = self.with.doc.place(text);
                self.error(place, "a selector of sets that asks for no label", "write the set's labels")
            }
            (Some(Placed { text, tree, is_global: false }), _) if tree.holds_of_nothing() => {
                let place = self.with.doc.place(text);
                let message = "this `namespaceSelector` also selects sets, which are in no namespace";
                self.error(place, message, "write `has(projectcalico.org/name) && …` before it")
            }
            _ => Some(()),
        }
    }
}

/// A selector that asks something; `None` in it: an empty one asks nothing.
fn asking<'t, 'a>(convert: &mut Convert<'_, '_, '_>, text: Option<&'t Text<'a>>) -> Option<Option<&'t Text<'a>>> {
    let Some(text) = text else { return Some(None) };
    let word = convert.with.string(text)?;
    if !word.is_empty() && word.trim().is_empty() {
        let place = convert.with.doc.place(text);
        return convert.error(place, "a selector of blanks alone", "write `all()`, or remove it");
    }
    Some((!word.is_empty()).then_some(text))
}
