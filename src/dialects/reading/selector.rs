//! Selectors as Kubernetes writes them: `matchLabels` and `matchExpressions`.
//!
//! 1. All conditions of both parts must hold; an empty selector asks for nothing (apimachinery `meta/v1/types.go`).
//! 2. `In` and `NotIn` need values, `Exists` and `DoesNotExist` have none; keys and values are those of labels
//!    (`meta/v1/validation/validation.go`, ValidateLabelSelectorRequirement).
//! 3. What all of it amounts to is in [`conjunction`](super::conjunction).

use std::collections::BTreeSet;

use super::conjunction::Ask;
use super::object::{Expression, Selector};
use super::{Reader, validity};
use crate::diag::quote;
use crate::model::Sym;

/// A selector's conditions, by the keys of labels.
pub type Conditions = Vec<(Sym, Ask)>;

impl Reader<'_, '_> {
    /// What a selector asks. All errors of it are told.
    pub fn selector(&mut self, selector: &Selector<'_>) -> Option<Conditions> {
        let equal = match &selector.match_labels {
            Some(pairs) => self.labels(pairs),
            None => Some(vec![]),
        };
        if !self.few_enough(selector.match_expressions.as_ref().map_or(0, Vec::len)) {
            return None;
        }
        let expressions = selector.match_expressions.iter().flatten();
        let read: Vec<Option<(Sym, Ask)>> = expressions.map(|expression| self.expression(expression)).collect();
        let equal = equal?.into_iter().map(|(key, value)| (key.into(), Ask::OneOf([value.into()].into())));
        let further: Option<Conditions> = read.into_iter().collect();
        Some(equal.chain(further?).collect())
    }

    /// 2.
    fn expression(&mut self, expression: &Expression<'_>) -> Option<(Sym, Ask)> {
        let (key, operator) = (self.string(&expression.key), self.string(&expression.operator));
        let (key, operator) = (key?, operator?);
        if !validity::is_label_key(key) {
            let message = format!("{} is no key of a label", quote(key));
            return self.error(self.doc.place(&expression.key), message, "write `prefix/name` or `name`");
        }
        let values = expression.values.iter().flatten();
        let values: Vec<Option<Sym>> =
            values.map(|value| self.label(&expression.key, key, value).map(Sym::from)).collect();
        let values: BTreeSet<Sym> = values.into_iter().collect::<Option<_>>()?;
        let place = self.doc.place(&expression.operator);
        let ask = match (operator, values.is_empty()) {
            ("In", false) => Ask::OneOf(values),
            ("NotIn", false) => Ask::NoneOf(values),
            ("Exists", true) => Ask::Exists,
            ("DoesNotExist", true) => Ask::Missing,
            ("In" | "NotIn", true) => {
                let message = format!("{} without values", quote(operator));
                return self.error(place, message, "write the values that are meant");
            }
            ("Exists" | "DoesNotExist", false) => {
                let message = format!("{} with values", quote(operator));
                return self.error(place, message, "remove the values, or write `In` or `NotIn`");
            }
            _ => {
                let message = format!("{} is no operator of a selector", quote(operator));
                return self.error(place, message, "write `In`, `NotIn`, `Exists` or `DoesNotExist`");
            }
        };
        Some((key.into(), ask))
    }
}
