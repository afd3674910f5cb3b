//! Documents of one shape: one of them is read, the others follow from it.
//!
//! In: documents, and what reads one. Out: for each what reading it gives, its places apart. Policies are many and alike: mostly
//! they differ in names alone, and a reader does no more with a name than to check and copy it. So a document is read once more
//! with other names, marks in their places; if what comes out is the same but for the marks, then any other document that
//! differs in those names alone gives the same with its own.
//!
//! 1. A name is free where it stands in `metadata` as `name` or `namespace`, in `matchLabels` as a value, or in a selector that
//!    asks for values alone, as `a == 'b' && has(c)`. It is a word that every check takes alike (`shape`).
//! 2. Readers compare names with each other: documents of one shape have equal names in the same places. They compare them
//!    with few words of their own (`OWN_WORDS`), which are never free.
//! 3. Everything else is part of the shape, byte by byte, but for the texts of annotations, which are for people.
//! 4. What could compare a name with anything else, as `matchExpressions`, has no shape.
//!
//! Whatever is in doubt is read as any document is. That both ways say the same is held by tests, over rendered and damaged
//! documents and with every word that stands in the sources of the readers.

mod shape;
mod tree;

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use self::shape::Shape;
use self::tree::{Found, Tree};
use super::Part;
use super::conjunction::Ask;
use super::selector::Conditions;
use super::text::Doc;
use crate::model::{Labels, Sym};
use crate::source::Span;
use crate::verify::normal::{Namespaces, Peer, Rule, Selector};

/// Shapes that are known at once, and documents of which it is known that they were seen: what has more is not alike.
const MAX_SHAPES: usize = 1_024;
const MAX_SEEN: usize = 1 << 16;
/// Before the number of a name, in its place.
const MARK: &str = "netpolc-mark-";

/// What a reader makes of a document, of which another one with other names can be made.
pub trait Alike: Debug + Sized {
    /// The same with each mark replaced; `None` where it is made in a way that other names could change.
    fn with_names(&self, names: &Names<'_>) -> Option<Self>;
}

/// Names in the place of marks.
#[derive(Debug, Clone, Copy)]
pub struct Names<'n> {
    names: &'n [&'n str],
    span: Span,
}

impl Names<'_> {
    /// Where all of it stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The name for a mark.
    fn of(&self, word: &str) -> Option<&str> {
        let number = word.strip_prefix(MARK)?;
        let number = number.split_once('-').map_or(number, |(number, _)| number);
        self.names.get(number.parse::<usize>().ok()?).copied()
    }

    /// A text, which may be a mark.
    pub fn text(&self, word: &str) -> String {
        self.of(word).unwrap_or(word).to_owned()
    }

    /// A symbol, which may be a mark.
    pub fn sym(&self, word: &Sym) -> Sym {
        self.of(word).map_or_else(|| word.clone(), Sym::from)
    }

    /// Labels, of which values may be marks.
    pub fn labels(&self, labels: &Labels) -> Labels {
        match labels.iter().any(|(_, value)| value.starts_with(MARK)) {
            true => Labels::new(labels.iter().map(|(key, value)| (key.clone(), self.sym(value)))),
            false => labels.clone(),
        }
    }

    /// What a selector asks for, if it is one value of each label.
    pub fn conditions(&self, conditions: &Conditions) -> Option<Conditions> {
        let one = |(key, ask): &(Sym, Ask)| match ask {
            Ask::OneOf(values) if values.len() == 1 => {
                Some((key.clone(), Ask::OneOf(values.iter().map(|value| self.sym(value)).collect())))
            }
            Ask::Exists | Ask::Missing => Some((key.clone(), ask.clone())),
            Ask::OneOf(_) | Ask::NoneOf(_) => None,
        };
        conditions.iter().map(one).collect()
    }

    /// A selector by equalities alone.
    pub fn selector(&self, selector: &Selector) -> Option<Selector> {
        let Selector { namespaces, labels, further } = selector;
        let (namespaces, labels) = (self.namespaces(namespaces), self.labels(labels));
        further.is_empty().then_some(Selector { namespaces, labels, further: vec![] })
    }

    fn namespaces(&self, namespaces: &Namespaces) -> Namespaces {
        match namespaces {
            Namespaces::Named(name) => Namespaces::Named(self.sym(name)),
            Namespaces::Labelled(labels) => Namespaces::Labelled(self.labels(labels)),
        }
    }

    /// A peer by equalities alone, or one without names.
    pub fn peer(&self, peer: &Peer) -> Option<Peer> {
        match peer {
            Peer::Pods { namespaces, labels } => {
                Some(Peer::Pods { namespaces: self.namespaces(namespaces), labels: self.labels(labels) })
            }
            Peer::Selected(_) => None,
            Peer::Anyone | Peer::Block { .. } | Peer::Entity(_) | Peer::Name(_) => Some(peer.clone()),
        }
    }

    /// A rule with at most one peer that has names: several could stand in an order.
    pub fn rule(&self, rule: &Rule) -> Option<Rule> {
        let Rule { direction, action, peers, demands, own, ports, named, .. } = rule;
        let Rule { except, except_named, others, http, dns_proxy, provided, .. } = rule;
        if !demands.is_empty() || !own.is_empty() {
            return None;
        }
        Some(Rule {
            direction: *direction,
            action: *action,
            peers: self.peers(peers)?,
            demands: vec![],
            own: vec![],
            ports: ports.clone(),
            named: named.clone(),
            except: except.clone(),
            except_named: except_named.clone(),
            others: *others,
            http: http.clone(),
            dns_proxy: *dns_proxy,
            provided: *provided,
            span: self.span,
        })
    }

    /// Peers, at most one of which has names.
    pub fn peers(&self, peers: &[Peer]) -> Option<Vec<Peer>> {
        let pods = peers.iter().filter(|peer| matches!(peer, Peer::Pods { .. })).count();
        if pods > 1 { None } else { peers.iter().map(|peer| self.peer(peer)).collect() }
    }
}

/// The shapes of one kind of files.
#[derive(Debug)]
pub struct Shapes<T>(RwLock<Known<T>>);

#[derive(Debug)]
struct Known<T> {
    tree: Tree<T>,
    count: usize,
    /// Hashes of shapes that were seen once.
    seen: HashSet<u64>,
}

impl<T> Default for Shapes<T> {
    fn default() -> Self {
        Self(RwLock::new(Known { tree: Tree::default(), count: 0, seen: HashSet::new() }))
    }
}

/// What is known of the shape of a document.
enum Answer<T> {
    Is(T),
    Differs,
    IsNew,
}

impl<T: Alike> Shapes<T> {
    /// Reads a document, by `general` or as one of its shape.
    pub(super) fn read<E>(
        &self,
        doc: &Doc<'_>,
        general: impl Fn(&Doc<'_>) -> Result<Part<T>, E>,
    ) -> Result<Part<T>, E> {
        match self.known(doc) {
            Answer::Is(object) => return Ok(Part::Object(object)),
            Answer::Differs => return general(doc),
            Answer::IsNew => {}
        }
        let read = general(doc)?;
        if let (Part::Object(object), Some(shape)) = (&read, Shape::of(doc.text))
            && self.is_seen_again(&shape)
        {
            let marked = shape.marked(doc, &general).filter(|marked| is_same(marked, object, &shape, doc.top()));
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            known.count += 1;
            known.tree.insert(&shape.bytes, &mut vec![], marked);
        }
        Ok(read)
    }

    fn known(&self, doc: &Doc<'_>) -> Answer<T> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Found::default();
        match known.tree.find(doc.text, &mut found) {
            Some(Some(marked)) => {
                let names = Names { names: &found.names, span: doc.top() };
                marked.with_names(&names).map_or(Answer::Differs, Answer::Is)
            }
            Some(None) => Answer::Differs,
            None if known.is_full() => Answer::Differs,
            None => Answer::IsNew,
        }
    }

    /// What stands there once is read as it is.
    fn is_seen_again(&self, shape: &Shape<'_>) -> bool {
        let mut hasher = DefaultHasher::new();
        shape.bytes.hash(&mut hasher);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        !known.is_full() && !known.seen.insert(hasher.finish())
    }
}

impl<T> Known<T> {
    fn is_full(&self) -> bool {
        self.count >= MAX_SHAPES || self.seen.len() >= MAX_SEEN
    }
}

/// Whether marks, replaced by the names of a document, give what was read of it.
fn is_same<T: Alike>(marked: &T, read: &T, shape: &Shape<'_>, span: Span) -> bool {
    let (of_marked, as_read) = (Names { names: &shape.found.names, span }, Names { names: &[], span });
    match (marked.with_names(&of_marked), read.with_names(&as_read)) {
        (Some(marked), Some(read)) => format!("{marked:?}") == format!("{read:?}"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
