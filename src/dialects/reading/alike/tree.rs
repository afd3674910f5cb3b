//! Many shapes, by what stands between names: a document is compared with all of them in one go.
//!
//! In: shapes, each with what it gives. Out: what the shape of a text gives, and the names of the text. A text is found under
//! the very shape that [`Shape::of`](super::shape::Shape::of) would make of it, or not at all.

use memchr::memchr;

use super::shape::{LONG, MAX_LABEL, MAX_NAME, NUMBER, SHORT, TEXT, is_for_people, is_free, is_of_name};

/// Names of a document.
const MAX_NAMES: u8 = 32;

/// Shapes by what stands between names.
#[derive(Debug)]
pub(super) struct Tree<T>(Vec<(Box<[u8]>, Then<T>)>);

/// What stands behind.
#[derive(Debug)]
enum Then<T> {
    Text(Tree<T>),
    Name {
        is_long: bool,
        rest: Tree<T>,
    },
    /// The end of the document. For each order of equal names what the shape gives, with marks for them; `None` where other
    /// names could change more than names.
    End(Vec<(Box<[u8]>, Option<T>)>),
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self(vec![])
    }
}

/// Names of a document, and which of them stand where.
#[derive(Debug, Default)]
pub(super) struct Found<'d> {
    /// The different names.
    pub(super) names: Vec<&'d str>,
    /// Their numbers, wherever one stands.
    order: Vec<u8>,
}

impl<'d> Found<'d> {
    /// Adds a name. `None`: there are too many.
    pub(super) fn add(&mut self, name: &'d str) -> Option<u8> {
        let number = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        let number = u8::try_from(number).ok().filter(|number| *number < MAX_NAMES)?;
        self.order.push(number);
        Some(number)
    }
}

impl<T> Tree<T> {
    /// What the shape of a text gives.
    pub(super) fn find<'d>(&self, text: &'d str, found: &mut Found<'d>) -> Option<&Option<T>> {
        for (between, then) in &self.0 {
            let Some(rest) = text.as_bytes().strip_prefix(&**between) else { continue };
            let rest = text.get(text.len() - rest.len()..)?;
            let (names, places) = (found.names.len(), found.order.len());
            let answer = match then {
                Then::End(orders) if rest.is_empty() => {
                    orders.iter().find(|(order, _)| **order == *found.order).map(|(_, answer)| answer)
                }
                Then::End(_) => None,
                Then::Text(tree) => {
                    let (text, rest) = rest.split_at(memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len()));
                    if is_for_people(text) { tree.find(rest, found) } else { None }
                }
                Then::Name { is_long, rest: tree } => {
                    let end = rest.bytes().position(|byte| !is_of_name(byte)).unwrap_or(rest.len());
                    let (name, rest) = rest.split_at(end);
                    let is_one = name.len() <= MAX_NAME && (name.len() > MAX_LABEL) == *is_long && is_free(name);
                    if is_one && found.add(name).is_some() { tree.find(rest, found) } else { None }
                }
            };
            if answer.is_some() {
                return answer;
            }
            found.names.truncate(names);
            found.order.truncate(places);
        }
        None
    }

    /// Adds the shape of what is left of some bytes; `order`: the names before. What is there already stays.
    pub(super) fn insert(&mut self, bytes: &[u8], order: &mut Vec<u8>, answer: Option<T>) {
        let end = bytes.iter().position(|byte| *byte == TEXT || *byte >= SHORT).unwrap_or(bytes.len());
        let (between, rest) = bytes.split_at(end);
        let kind = rest.first().copied();
        let is_same = |then: &Then<T>| match (then, kind) {
            (Then::End(_), None) | (Then::Text(_), Some(TEXT)) => true,
            (Then::Name { is_long, .. }, Some(kind)) if kind != TEXT => *is_long == (kind >= LONG),
            _ => false,
        };
        let at = self.0.iter().position(|(known, then)| **known == *between && is_same(then)).unwrap_or_else(|| {
            let then = match kind {
                None => Then::End(vec![]),
                Some(TEXT) => Then::Text(Self::default()),
                Some(kind) => Then::Name { is_long: kind >= LONG, rest: Self::default() },
            };
            self.0.push((between.into(), then));
            self.0.len() - 1
        });
        let rest = rest.get(1..).unwrap_or_default();
        match self.0.get_mut(at) {
            Some((_, Then::Text(tree))) => tree.insert(rest, order, answer),
            Some((_, Then::Name { rest: tree, .. })) => {
                order.extend(kind.map(|kind| kind & NUMBER));
                tree.insert(rest, order, answer);
            }
            Some((_, Then::End(orders))) if orders.iter().all(|(known, _)| **known != **order) => {
                orders.push((order.as_slice().into(), answer));
            }
            _ => {}
        }
    }
}
