//! What a document is without its names.
//!
//! In: the text of a document. Out: its [`Shape`], and with marks in the place of names what a reader makes of it; or nothing,
//! for whatever is not of block mappings and lists with one scalar a line.

use memchr::memchr;

use super::super::Part;
use super::super::plain;
use super::super::text::{self, Doc};
use super::MARK;
use super::tree::Found;
use crate::source::Sources;

/// Bytes of a document.
const MAX_BYTES: usize = 8 << 10;

/// The longest label, and the longest name of an object: what is longer than the one is taken for a word of its own kind.
pub(super) const MAX_LABEL: usize = 63;
pub(super) const MAX_NAME: usize = 253;

/// Words to which a reader compares a value: the name of Cilium's own cluster, and Calico's for what orders its pods.
const OWN_WORDS: [&str; 2] = ["default", "k8s"];

/// A document without its names.
pub(super) struct Shape<'d> {
    /// The text, with one byte that no text has for each name: which one it is, and of which length. Equal names have
    /// equal bytes.
    pub(super) bytes: Vec<u8>,
    /// Its names.
    pub(super) found: Found<'d>,
    /// Where names stand in the text, in order.
    places: Vec<(usize, usize)>,
}

/// In a shape: a text for people, a short name, a long one.
pub(super) const TEXT: u8 = 0;
pub(super) const SHORT: u8 = 0x80;
pub(super) const LONG: u8 = 0xc0;
/// In the bytes of names: which one it is.
pub(super) const NUMBER: u8 = 0x3f;

/// The part of a document in which a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Other,
    Metadata,
    Annotations,
    /// Labels that are asked for, indented by more than this.
    Labels(usize),
}

impl<'d> Shape<'d> {
    /// `None`: it has none.
    pub(super) fn of(text: &'d str) -> Option<Self> {
        if text.len() > MAX_BYTES || !text.ends_with('\n') {
            return None;
        }
        let mut this = Self { bytes: Vec::with_capacity(text.len()), found: Found::default(), places: vec![] };
        let mut within = Within::Other;
        let mut start = 0;
        while start < text.len() {
            let rest = text.get(start..)?;
            let line = memchr(b'\n', rest.as_bytes()).and_then(|end| rest.get(..end)).unwrap_or(rest);
            // Other bytes mean something else here.
            if !line.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~')) {
                return None;
            }
            within = this.line(text, start, line, within)?;
            this.bytes.push(b'\n');
            start += line.len() + 1;
        }
        Some(this)
    }

    /// Adds a line, which begins at `start` of the text. In which part the next one stands.
    fn line(&mut self, text: &'d str, start: usize, line: &'d str, within: Within) -> Option<Within> {
        let said = line.trim_start_matches(' ');
        let indent = line.len() - said.len();
        if said.is_empty() || said.starts_with('#') {
            self.bytes.extend_from_slice(line.as_bytes());
            return Some(within);
        }
        let content = said.strip_prefix("- ").unwrap_or(said);
        let column = line.len() - content.len();
        let within = match within {
            _ if column == 0 => Within::Other,
            Within::Labels(outer) if indent <= outer => Within::Other,
            Within::Labels(_) if column > indent => return None,
            Within::Annotations if indent <= 2 => Within::Metadata,
            within => within,
        };
        let Some((key, value)) = entry(content) else {
            self.bytes.extend_from_slice(line.as_bytes());
            return (column > indent && is_scalar(content)).then_some(within);
        };
        let at = start + line.len() - value.len();
        match (within, key) {
            (_, "matchExpressions" | "notSelector" | "serviceAccountSelector" | "specs") => return None,
            (Within::Metadata, "name" | "namespace") if column == 2 => self.named(text, start, at, value, MAX_NAME)?,
            (Within::Labels(_), _) => self.named(text, start, at, value, MAX_LABEL)?,
            (Within::Annotations, _) if column == 4 && is_for_people(value) => {
                self.bytes.extend_from_slice(text.get(start..at)?.as_bytes());
                self.bytes.push(TEXT);
            }
            (_, "selector" | "namespaceSelector") if !matches!(value, "" | "{}") => {
                self.bytes.extend_from_slice(text.get(start..at)?.as_bytes());
                self.asked(at, value)?;
            }
            _ => self.bytes.extend_from_slice(line.as_bytes()),
        }
        Some(match (within, key) {
            (_, "metadata") if column == 0 && value.is_empty() => Within::Metadata,
            (Within::Metadata, "annotations") if column == 2 && value.is_empty() => Within::Annotations,
            (_, "matchLabels") if value.is_empty() => Within::Labels(column),
            (within, _) => within,
        })
    }

    /// Adds what stands from `start` on, and a value at `at`, which may be a free name.
    fn named(&mut self, text: &'d str, start: usize, at: usize, value: &'d str, most: usize) -> Option<()> {
        self.bytes.extend_from_slice(text.get(start..at)?.as_bytes());
        if is_free(value) && value.len() <= most {
            return self.name(at, value);
        }
        self.bytes.extend_from_slice(value.as_bytes());
        Some(())
    }

    fn name(&mut self, at: usize, name: &'d str) -> Option<()> {
        let kind = if name.len() > MAX_LABEL { LONG } else { SHORT };
        self.bytes.push(kind | self.found.add(name)?);
        self.places.push((at, name.len()));
        Some(())
    }

    /// Adds a selector, which stands at `at`. `None`: it is none that asks for values alone.
    fn asked(&mut self, mut at: usize, selector: &'d str) -> Option<()> {
        for (index, part) in selector.split(" && ").enumerate() {
            if index > 0 {
                self.bytes.extend_from_slice(b" && ");
                at += 4;
            }
            match part.split_once(" == '").and_then(|(key, value)| Some((key, value.strip_suffix('\'')?))) {
                Some((key, value)) if is_key(key) && is_free(value) && value.len() <= MAX_LABEL => {
                    let before = part.len() - value.len() - 1;
                    self.bytes.extend_from_slice(part.get(..before)?.as_bytes());
                    self.name(at + before, value)?;
                    self.bytes.push(b'\'');
                }
                Some((key, value)) if is_key(key) && is_key(value) => self.bytes.extend_from_slice(part.as_bytes()),
                _ => {
                    let asks = part.strip_prefix("has(").and_then(|key| key.strip_suffix(')'));
                    if !asks.is_some_and(is_key) && !matches!(part, "all()" | "global()") {
                        return None;
                    }
                    self.bytes.extend_from_slice(part.as_bytes());
                }
            }
            at += part.len();
        }
        Some(())
    }

    /// What a document of this shape is with marks for its names.
    pub(super) fn marked<T, E>(&self, doc: &Doc<'_>, general: impl Fn(&Doc<'_>) -> Result<Part<T>, E>) -> Option<T> {
        if doc.text.contains(MARK) {
            return None;
        }
        let (mut out, mut end) = (String::with_capacity(doc.text.len() * 2), 0);
        for (at, length) in &self.places {
            let name = doc.text.get(*at..at + length)?;
            let number = self.found.names.iter().position(|known| *known == name)?;
            out.push_str(doc.text.get(end..*at)?);
            out.push_str(MARK);
            out.push_str(&number.to_string());
            if name.len() > MAX_LABEL {
                out.push('-');
                out.extend(std::iter::repeat_n('x', MAX_LABEL));
            }
            end = at + length;
        }
        out.push_str(doc.text.get(end..)?);
        let mut sources = Sources::default();
        let file = sources.add("marked", out);
        match text::split(&sources, file).ok()?.as_slice() {
            [marked] => match general(marked).ok()? {
                Part::Object(object) => Some(object),
                Part::Base(_) => None,
            },
            _ => None,
        }
    }
}

/// A key and what stands behind it on its line.
fn entry(content: &str) -> Option<(&str, &str)> {
    let (key, value) = match content.strip_suffix(':') {
        Some(key) => (key, ""),
        None => content.split_once(": ")?,
    };
    let is_quoted = || match key.as_bytes() {
        [b'"', inner @ .., b'"'] => inner.iter().all(|byte| plain::is_inside_quotes(*byte)),
        _ => false,
    };
    ((is_key(key) || is_quoted()) && (matches!(value, "" | "{}" | "[]") || is_scalar(value))).then_some((key, value))
}

/// A key that needs no quotes.
fn is_key(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-'))
}

/// All that a line says, in quotes or without.
fn is_scalar(value: &str) -> bool {
    match value.as_bytes() {
        [b'"', inner @ .., b'"'] => inner.iter().fold(true, |all, byte| all & plain::is_inside_quotes(*byte)),
        _ => plain::is_plain(value),
    }
}

/// A word that is a name to whatever asks for one, be it of an object, of a namespace or of a label, and a string to every
/// reader of YAML; and none that a reader has a use for.
pub(super) fn is_free(word: &str) -> bool {
    let bytes = word.as_bytes();
    let ends = bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|last| last.is_ascii_lowercase() || last.is_ascii_digit());
    ends && bytes.iter().fold(true, |all, byte| all & is_of_name(*byte))
        && plain::is_word(word)
        && !OWN_WORDS.contains(&word)
}

pub(super) fn is_of_name(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

/// A string to every reader of YAML, whatever it says.
pub(super) fn is_for_people(value: &str) -> bool {
    is_scalar(value) && (value.starts_with('"') || plain::is_word(value))
}
