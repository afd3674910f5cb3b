//! Findings mended in the text of an intent.
//!
//! In: a text as it is on disk, and fixes. Out: the text with the fixes in it. What may never happen: a byte that changes
//! outside of a mended value, a comment that is lost, a text that is no TOML any more.
//!
//! The parser of `toml_edit` says where every value is. The text itself is then cut and joined by hand: written out again from
//! `toml_edit`'s own document it would lose carriage returns, and tables that are out of order would move. What happens to
//! comments:
//!
//! - a string that is replaced keeps its quotes and whatever stands around it;
//! - what is removed leaves its comments where they are, each on a line of its own: who wrote them decides about them. Where a
//!   table is gone, they do not come to stand directly above the next one, as if they were about it;
//! - in a list that is sorted, comments at the ends of lines move with their entries. A list that its author has divided, by
//!   blank lines or by comments on lines of their own, is not sorted: only its author knows what belongs together.

mod lines;
mod places;
mod remove;
mod sort;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use toml_edit::Document;

use crate::diag::{Edit, Fix};
use places::{ArrayPlace, Element, Places};

/// What became of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the text.
    Done,
    /// It touches what another fix changed; in the new text its finding can be found and mended again.
    Later,
    /// It cannot be done without a person.
    Never,
}

/// A text with fixes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The new text.
    pub text: String,
    /// What became of each fix, in their order.
    pub outcomes: Vec<Outcome>,
}

/// The mended text would be no TOML: a mistake of netpolc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mended text is no TOML: {}", self.0)
    }
}

impl std::error::Error for Broken {}

/// A part of the text, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Splice {
    range: Range<usize>,
    text: String,
}

impl Splice {
    fn delete(range: Range<usize>) -> Self {
        Self { range, text: String::new() }
    }
}

/// Applies fixes to a text. `original` is the text as it is on disk; spans are those of the text that was read from it, which has
/// neither a byte order mark nor carriage returns.
///
/// # Errors
/// When the result would be no TOML.
pub fn mend(original: &str, fixes: &[&Fix]) -> Result<Mended, Broken> {
    let never = || Mended { text: original.to_owned(), outcomes: vec![Outcome::Never; fixes.len()] };
    let Ok(document) = Document::parse(original) else { return Ok(never()) };
    let places = Places::of(&document);
    let offsets = Offsets::of(original);
    let mut work = Work {
        original,
        places: &places,
        taken: BTreeMap::new(),
        removed: BTreeMap::new(),
        sections: vec![],
        splices: vec![],
    };
    let outcomes: Vec<Outcome> = fixes.iter().map(|fix| work.take(fix, &offsets)).collect();
    let text = work.finish();
    match Document::parse(text.as_str()) {
        Ok(_) => Ok(Mended { text, outcomes }),
        Err(error) => Err(Broken(error.message().to_owned())),
    }
}

/// From places in the text that was read to places in the text on disk.
struct Offsets {
    /// The byte order mark.
    start: usize,
    /// Where in the read text carriage returns were left out.
    returns: Vec<usize>,
}

impl Offsets {
    fn of(original: &str) -> Self {
        let start = if original.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let body = original.get(start..).unwrap_or_default();
        let returns = body.match_indices("\r\n").enumerate().map(|(before, (at, _))| at - before).collect();
        Self { start, returns }
    }

    fn original(&self, offset: u32) -> usize {
        let offset = offset as usize;
        self.start + offset + self.returns.partition_point(|at| *at < offset)
    }
}

/// A change, and the parts of the text that it needs for itself.
#[derive(Debug)]
enum Change<'a> {
    Splices(Range<usize>, Vec<Splice>),
    /// An element of an array, by its position. Several of one array may go together.
    Element(&'a ArrayPlace, usize),
    /// The sections of a table.
    Table(&'a [Range<usize>]),
}

impl Change<'_> {
    fn parts(&self) -> Vec<Range<usize>> {
        match self {
            Self::Splices(part, _) => vec![part.clone()],
            Self::Element(array, _) => vec![array.range.clone()],
            Self::Table(sections) => sections.to_vec(),
        }
    }
}

struct Work<'a> {
    original: &'a str,
    places: &'a Places,
    /// Parts of the text that fixes change, by their start: apart from each other.
    taken: BTreeMap<usize, usize>,
    /// Arrays by their start, and which of their elements are removed.
    removed: BTreeMap<usize, BTreeSet<usize>>,
    /// Parts of tables that are removed.
    sections: Vec<Range<usize>>,
    splices: Vec<Splice>,
}

impl<'a> Work<'a> {
    /// Takes a fix in, if it is clear of the others.
    fn take(&mut self, fix: &Fix, offsets: &Offsets) -> Outcome {
        let changes: Option<Vec<Change<'a>>> = fix.edits.iter().map(|edit| self.change(edit, offsets)).collect();
        let Some(changes) = changes.filter(|changes| !changes.is_empty()) else { return Outcome::Never };
        let mut own: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let mut parts = vec![];
        for change in &changes {
            match change {
                Change::Element(array, position) => {
                    let start = array.range.start;
                    // Others of its elements may be removed, by this fix or by one before.
                    if !own.contains_key(&start) && !self.removed.contains_key(&start) {
                        parts.extend(change.parts());
                    }
                    own.entry(start).or_default().insert(*position);
                }
                Change::Splices(..) | Change::Table(_) => parts.extend(change.parts()),
            }
        }
        if overlap(&parts) {
            return Outcome::Never;
        }
        if parts.iter().any(|part| self.is_taken(part)) {
            return Outcome::Later;
        }
        for (array, elements) in &own {
            let gone = self.removed.get(array);
            if gone.is_some_and(|gone| !gone.is_disjoint(elements)) {
                return Outcome::Later;
            }
            // An empty list means something else than a list without one of its entries.
            let all = self.places.array(*array).map_or(0, |array| array.elements.len());
            if gone.map_or(0, BTreeSet::len) + elements.len() >= all {
                return Outcome::Never;
            }
        }
        self.taken.extend(parts.into_iter().map(|part| (part.start, part.end)));
        for (array, elements) in own {
            self.removed.entry(array).or_default().extend(elements);
        }
        for change in changes {
            match change {
                Change::Splices(_, splices) => self.splices.extend(splices),
                Change::Table(sections) => self.sections.extend_from_slice(sections),
                Change::Element(..) => {}
            }
        }
        Outcome::Done
    }

    fn is_taken(&self, part: &Range<usize>) -> bool {
        self.taken.range(..part.end).next_back().is_some_and(|(_, end)| *end > part.start)
    }

    fn change(&self, edit: &Edit, offsets: &Offsets) -> Option<Change<'a>> {
        let start = offsets.original(edit.span().start);
        match edit {
            Edit::Replace { text, .. } => {
                let range = self.places.string(start)?;
                let text = requoted(self.original.get(range.clone())?, text);
                Some(Change::Splices(range.clone(), vec![Splice { range, text }]))
            }
            Edit::Sort { order, .. } => {
                let array = self.places.array(start)?;
                Some(Change::Splices(array.range.clone(), sort::sort(self.original, array, order)?))
            }
            Edit::Remove { .. } => match self.places.element(start)? {
                Element::OfArray { array, position } => Some(Change::Element(self.places.array(*array)?, *position)),
                Element::Table(sections) => Some(Change::Table(sections)),
            },
        }
    }

    fn finish(mut self) -> String {
        for (array, gone) in &self.removed {
            if let Some(array) = self.places.array(*array) {
                self.splices.extend(remove::elements(self.original, array, gone));
            }
        }
        self.splices.extend(remove::sections(self.original, &self.sections));
        self.splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        let mut text = String::with_capacity(self.original.len());
        let mut done = 0;
        // Two that are removed may both take the white space between them.
        for Splice { range, text: new } in &self.splices {
            text.push_str(self.original.get(done..range.start).unwrap_or_default());
            text.push_str(new);
            done = done.max(range.end);
        }
        text.push_str(self.original.get(done..).unwrap_or_default());
        text
    }
}

fn overlap(parts: &[Range<usize>]) -> bool {
    let mut sorted: Vec<_> = parts.iter().map(|part| (part.start, part.end)).collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| matches!(pair, [(_, end), (start, _)] if end > start))
}

/// A string in the quotes of another one, where it can stand in them.
fn requoted(old: &str, new: &str) -> String {
    let plain = !new.chars().any(|c| c.is_control() || c == '\'');
    if plain && old.starts_with('\'') {
        return format!("'{new}'");
    }
    let mut text = String::from("\"");
    for c in new.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\u{:04X}", c as u32)),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests;
