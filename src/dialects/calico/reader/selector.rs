//! Selectors as trees: what they are true of.
//!
//! In: a tree, as [`parse`](super::parse) makes it. Out: whether something with some labels is selected, as far as its labels
//! are known; and the same tree about other labels. Sources: projectcalico/calico, `libcalico-go/lib/selector/parser/ast.go`,
//! `libcalico-go/lib/backend/syncersv1/updateprocessors` (`rules.go`, `selectors.go`).
//!
//! 1. `a == 'b'`, `a in {…}`, `has(a)`, `contains`, `starts with` and `ends with` hold only where the label is there;
//!    `a != 'b'` and `a not in {…}` hold also where it is missing.
//! 2. `all()` holds of everything. So does `global()`, outside of selectors of namespaces.
//! 3. A selector of namespaces is one of what is in them: there labels of namespaces stand under `pcns.`, `all()` is what is
//!    in some namespace, `global()` what is in none.
//! 4. A selector of service accounts is one of their pods, under `pcsa.`.

use std::collections::BTreeSet;

use crate::model::Sym;

/// The namespace of whatever is in one: a label that Calico sets (api `projectcalico/v3`, `LabelNamespace`).
pub(super) const IN_NAMESPACE: &str = "projectcalico.org/namespace";
/// Before the labels that are inherited from the namespace, and from the service account (`conversion/constants.go`).
pub(super) const OF_NAMESPACE: &str = "pcns.";
/// See [`OF_NAMESPACE`].
pub(super) const OF_ACCOUNT: &str = "pcsa.";

/// A selector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Selector {
    /// `all()`, or nothing at all.
    All,
    /// `global()`.
    Global,
    /// `has(key)`.
    Has(Sym),
    /// `key == 'value'`.
    Equals(Sym, Sym),
    /// `key != 'value'`.
    Differs(Sym, Sym),
    /// `key contains 'part'`.
    Contains(Sym, Sym),
    /// `key starts with 'part'`.
    StartsWith(Sym, Sym),
    /// `key ends with 'part'`.
    EndsWith(Sym, Sym),
    /// `key in {'value', …}`.
    In(Sym, BTreeSet<Sym>),
    /// `key not in {'value', …}`.
    NotIn(Sym, BTreeSet<Sym>),
    /// `!…`.
    Not(Box<Selector>),
    /// `… && …`; at least two.
    And(Vec<Selector>),
    /// `… || …`; at least two.
    Or(Vec<Selector>),
}

/// What is known of one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label<'l> {
    /// Its value.
    Is(&'l str),
    /// It is not there.
    Missing,
    /// Nothing.
    Unknown,
}

impl Selector {
    /// Whether something with these labels is selected; `None` where that depends on labels of which nothing is known.
    pub(super) fn holds<'l>(&self, label: &impl Fn(&str) -> Label<'l>) -> Option<bool> {
        let is = |key: &Sym, test: &dyn Fn(&str) -> bool| match label(key) {
            Label::Is(value) => Some(test(value)),
            Label::Missing => Some(false),
            Label::Unknown => None,
        };
        match self {
            Self::All | Self::Global => Some(true),
            Self::Has(key) => is(key, &|_| true),
            Self::Equals(key, wanted) => is(key, &|value| *value == **wanted),
            Self::Differs(key, wanted) => is(key, &|value| *value == **wanted).map(|is| !is),
            Self::Contains(key, part) => is(key, &|value| value.contains(&**part)),
            Self::StartsWith(key, part) => is(key, &|value| value.starts_with(&**part)),
            Self::EndsWith(key, part) => is(key, &|value| value.ends_with(&**part)),
            Self::In(key, values) => is(key, &|value| values.contains(value)),
            Self::NotIn(key, values) => is(key, &|value| values.contains(value)).map(|is| !is),
            Self::Not(inner) => inner.holds(label).map(|holds| !holds),
            Self::And(parts) => all(parts.iter().map(|part| part.holds(label))),
            Self::Or(parts) => all(parts.iter().map(|part| part.holds(label).map(|holds| !holds))).map(|none| !none),
        }
    }

    /// Whether `global()` occurs anywhere.
    pub(super) fn has_global(&self) -> bool {
        match self {
            Self::Global => true,
            Self::Not(inner) => inner.has_global(),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::has_global),
            _ => false,
        }
    }

    /// Whether it selects what has no labels at all and is in no namespace, as a host endpoint may be.
    pub(super) fn holds_of_nothing(&self) -> bool {
        self.holds(&|_| Label::Missing) == Some(true)
    }

    /// Whether it selects only what is in some namespace, for sure.
    pub(super) fn is_in_namespaces(&self) -> bool {
        let of_namespace = |key: &Sym| &**key == IN_NAMESPACE || key.starts_with(OF_NAMESPACE);
        match self {
            Self::Has(key)
            | Self::Equals(key, _)
            | Self::In(key, _)
            | Self::Contains(key, _)
            | Self::StartsWith(key, _)
            | Self::EndsWith(key, _) => of_namespace(key),
            Self::And(parts) => parts.iter().any(Self::is_in_namespaces),
            Self::Or(parts) => parts.iter().all(Self::is_in_namespaces),
            Self::All | Self::Global | Self::Differs(..) | Self::NotIn(..) | Self::Not(_) => false,
        }
    }

    /// 3.
    pub(super) fn of_namespaces(self) -> Self {
        let placed = || Self::Has(IN_NAMESPACE.into());
        self.mapped(OF_NAMESPACE, &|leaf| match leaf {
            Self::All => placed(),
            Self::Global => Self::Not(Box::new(placed())),
            other => other,
        })
    }

    /// 4.
    pub(super) fn of_accounts(self) -> Self {
        self.mapped(OF_ACCOUNT, &|leaf| leaf)
    }

    /// Every label under a prefix, and then every leaf as `leaf` makes it.
    fn mapped(self, prefix: &str, leaf: &impl Fn(Self) -> Self) -> Self {
        let under = |key: Sym| -> Sym { format!("{prefix}{key}").into() };
        match self {
            Self::Not(inner) => Self::Not(Box::new(inner.mapped(prefix, leaf))),
            Self::And(parts) => Self::And(parts.into_iter().map(|part| part.mapped(prefix, leaf)).collect()),
            Self::Or(parts) => Self::Or(parts.into_iter().map(|part| part.mapped(prefix, leaf)).collect()),
            Self::Has(key) => leaf(Self::Has(under(key))),
            Self::Equals(key, value) => leaf(Self::Equals(under(key), value)),
            Self::Differs(key, value) => leaf(Self::Differs(under(key), value)),
            Self::Contains(key, part) => leaf(Self::Contains(under(key), part)),
            Self::StartsWith(key, part) => leaf(Self::StartsWith(under(key), part)),
            Self::EndsWith(key, part) => leaf(Self::EndsWith(under(key), part)),
            Self::In(key, values) => leaf(Self::In(under(key), values)),
            Self::NotIn(key, values) => leaf(Self::NotIn(under(key), values)),
            Self::All | Self::Global => leaf(self),
        }
    }
}

/// All of them, as far as that is known.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}
