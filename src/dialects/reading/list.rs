//! Items of a list, each as a document of its own.
//!
//! In: a document such as `kubectl get -o yaml` prints. Out: documents whose texts are parts of its text, so that every
//! string keeps its place. An item between braces is a text of its own; an item behind a dash is a text with the dash: a
//! sequence of one, and read as that. Where an item ends is taken from its indentation, as YAML has it; what does not
//! follow it leaves a text that cannot be read, and is an error.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::text::{Doc, MAX_DOCUMENTS};
use super::{MAX_DEPTH, options, plain};
use crate::diag::{Diagnostic, codes};
use crate::source::Span;

/// How deep objects may nest that are looked at from outside only: a schema in a CustomResourceDefinition is deep.
pub const MAX_FOREIGN_DEPTH: usize = 160;

#[derive(Deserialize)]
struct List {
    items: Option<Vec<Spanned<IgnoredAny>>>,
}

/// The one item of a sequence.
struct One<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one object")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
                let one = seq.next_element()?.ok_or_else(|| A::Error::custom("an item is empty"))?;
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(one),
                    Some(_) => Err(A::Error::custom("items of a list are not indented alike")),
                }
            }
        }
        deserializer.deserialize_seq(V(PhantomData)).map(Self)
    }
}

impl<'s> Doc<'s> {
    /// The object, in some shape.
    ///
    /// # Errors
    /// What the parser says of it.
    pub fn parse<'d, T: Deserialize<'d>>(&'d self) -> Result<T, serde_saphyr::Error> {
        self.parse_to(MAX_DEPTH)
    }

    /// The same for shapes that pass most of an object by: it may nest deeper.
    ///
    /// # Errors
    /// What the parser says of it.
    pub fn skim<'d, T: Deserialize<'d>>(&'d self) -> Result<T, serde_saphyr::Error> {
        self.parse_to(MAX_FOREIGN_DEPTH)
    }

    fn parse_to<'d, T: Deserialize<'d>>(&'d self, depth: usize) -> Result<T, serde_saphyr::Error> {
        if !self.wrapped
            && let Some(object) = plain::read(self.text)
        {
            return Ok(object);
        }
        let options = options(depth);
        match self.wrapped {
            true => serde_saphyr::from_str_with_options(self.text, options).map(|One(object)| object),
            false => serde_saphyr::from_str_with_options(self.text, options),
        }
    }

    /// The items of the list that the document is; `None` when it has no `items`.
    ///
    /// # Errors
    /// When it cannot be read, or an item's place cannot be told.
    pub fn items(&self) -> Result<Option<Vec<Doc<'s>>>, Box<Diagnostic>> {
        let list: List = self.skim().map_err(|error| {
            let span = error.location().map_or(self.top(), |location| self.line(location.line()));
            let message = "the items of this list cannot be read";
            Box::new(Diagnostic::error(codes::RENDERED, span, message).help("write `items` as a list of objects"))
        })?;
        let Some(items) = list.items else { return Ok(None) };
        if items.len() > MAX_DOCUMENTS {
            let message = format!("the list holds more than {MAX_DOCUMENTS} items");
            let error = Diagnostic::error(codes::LIMIT, self.top(), message);
            return Err(Box::new(error.help("split it into several files")));
        }
        let (mut docs, mut line, mut counted) = (Vec::with_capacity(items.len()), self.first_line, 0);
        for item in items {
            let place = item.referenced;
            let part = place.span().byte_offset().and_then(|at| part_of(self.text, usize::try_from(at).ok()?));
            let Some(part) = part else {
                let error = Diagnostic::error(codes::RENDERED, self.line(place.line()), "this is no item of its own");
                return Err(Box::new(
                    error.help("begin each item with `- ` and its first field, or write it in braces"),
                ));
            };
            // Items follow each other, so every line is counted once.
            let before = self.text.get(counted..part.start).unwrap_or_default();
            line += before.bytes().filter(|byte| *byte == b'\n').count();
            counted = part.start.max(counted);
            docs.push(self.item(part, line));
        }
        Ok(Some(docs))
    }

    fn item(&self, part: Part, first_line: usize) -> Doc<'s> {
        let text = self.text.get(part.start..part.end).unwrap_or_default();
        let file: &str = &self.sources.get(self.file).text;
        let offset = (text.as_ptr() as usize).saturating_sub(file.as_ptr() as usize);
        let first = text.lines().next().unwrap_or_default();
        let top = offset + first.len() - first.trim_start().len();
        let top = Span::new(self.file, top..offset + first.trim_end().len());
        Doc { sources: self.sources, file: self.file, text, first_line, top, wrapped: part.wrapped }
    }
}

/// A part of a text.
struct Part {
    start: usize,
    end: usize,
    wrapped: bool,
}

/// The part that is the item whose first character stands at an offset.
fn part_of(text: &str, at: usize) -> Option<Part> {
    if text.as_bytes().get(at) == Some(&b'{') {
        return Some(Part { start: at, end: after_braces(text, at)?, wrapped: false });
    }
    let start = dash(text, at)?;
    let line = text.get(start..)?;
    let column = line.len() - line.trim_start_matches(' ').len();
    let mut end = start;
    for (index, line) in line.split_inclusive('\n').enumerate() {
        let content = line.trim_start_matches(' ');
        let says_something = !matches!(content.as_bytes().first(), None | Some(b'\n' | b'#'));
        if index > 0 && says_something && line.len() - content.len() <= column {
            break;
        }
        end += line.len();
    }
    Some(Part { start, end, wrapped: true })
}

/// Start of the line with the dash of an item: mostly its own, else above it.
fn dash(text: &str, at: usize) -> Option<usize> {
    let mut end = at;
    loop {
        let start = text.get(..end)?.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text.get(start..end)?;
        // Comments may stand between the dash and what follows.
        match line.trim().split(" #").next().unwrap_or_default().trim_end() {
            "-" => return Some(start),
            "" if start > 0 => {}
            comment if comment.starts_with('#') && start > 0 => {}
            _ => return None,
        }
        end = start - 1;
    }
}

/// Offset after the brace that closes the one at an offset.
fn after_braces(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut index) = (0_usize, at);
    while let Some(byte) = bytes.get(index) {
        let before = index.checked_sub(1).and_then(|index| bytes.get(index)).copied().unwrap_or(b' ');
        let starts_word = matches!(before, b' ' | b'\n' | b'\t' | b'{' | b'[' | b',' | b':');
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index + 1);
                }
            }
            b'"' | b'\'' if starts_word => index = end_of_quotes(bytes, index, *byte)?,
            b'#' if matches!(before, b' ' | b'\n' | b'\t') => {
                index += bytes.get(index..)?.iter().position(|byte| *byte == b'\n')?;
            }
            _ => {}
        }
        index += 1;
    }
    None
}

/// Offset of the quote that ends a text in quotes.
fn end_of_quotes(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut index = start + 1;
    loop {
        match bytes.get(index)? {
            b'\\' if quote == b'"' => index += 2,
            byte if *byte == quote && quote == b'\'' && bytes.get(index + 1) == Some(&quote) => index += 2,
            byte if *byte == quote => return Some(index),
            _ => index += 1,
        }
    }
}
