//! Documents of a file, and strings of a document: where YAML readers disagree, nothing is read.
//!
//! kubectl splits a file at lines that are exactly `---` before its YAML reader sees it, and that reader follows YAML
//! 1.1: it breaks lines at characters that YAML 1.2 does not know as line breaks, and takes plain words such as `y` or
//! `12:30` for other things than strings.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_saphyr::{Location, Spanned};

use super::plain::{Placed, Start};
use crate::diag::{Diagnostic, codes, is_deceptive, quote};
use crate::source::{FileId, Sources, Span};

/// Documents of a file: far below what its bytes would hold, far above what any has.
pub const MAX_DOCUMENTS: usize = 200_000;

/// Errors of a file's lines, and of one of its documents, that are told.
pub(super) const MAX_ERRORS: usize = 100;

/// One document of a file.
#[derive(Clone)]
pub struct Doc<'s> {
    pub(super) sources: &'s Sources,
    pub(super) file: FileId,
    /// Its own text: a part of the file's.
    pub text: &'s str,
    /// Number of its first line in the file, from 1.
    pub(super) first_line: usize,
    /// Where it starts to say something.
    pub(super) top: Span,
    /// Its text is a sequence, and the object is its one item.
    pub(super) wrapped: bool,
}

/// A string as written; only [`Doc::string`] gives it out.
#[derive(Debug)]
pub struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(V)
    }
}

impl Text<'_> {
    /// Whether nothing is written, or quotes with nothing in them.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The documents of a file, without those that are empty or comments alone. No line of it is one on which YAML readers
/// disagree.
pub(super) fn split(sources: &Sources, file: FileId) -> Result<Vec<Doc<'_>>, Vec<Diagnostic>> {
    cut(sources, file, refused)
}

/// The same for files of any objects: where a document starts is certain, its own lines are left to whoever reads it, see
/// [`Doc::odd_lines`].
///
/// # Errors
/// Every line that separates documents for some readers only.
pub fn documents(sources: &Sources, file: FileId) -> Result<Vec<Doc<'_>>, Vec<Diagnostic>> {
    cut(sources, file, misplaced)
}

/// What is wrong with a line, and what to do.
type Complaint = (String, &'static str);

fn cut(
    sources: &Sources,
    file: FileId,
    refused: fn(&str) -> Option<Complaint>,
) -> Result<Vec<Doc<'_>>, Vec<Diagnostic>> {
    let text: &str = &sources.get(file).text;
    let is_plain = text.as_bytes().chunks(64).all(|part| {
        // To its end, whatever is found: then several bytes are looked at together.
        part.iter().fold(true, |all, byte| all & (matches!(byte, b' '..=b'~') | (*byte == b'\n')))
    });
    let mut errors = vec![];
    let mut docs = vec![];
    let (mut start, mut first_line, mut top) = (0, 1, None);
    let (mut begin, mut number) = (0, 0);
    while let Some(rest) = text.get(begin..).filter(|rest| !rest.is_empty()) {
        let line = memchr(b'\n', rest.as_bytes()).and_then(|end| rest.get(..=end)).unwrap_or(rest);
        let end = begin + line.len();
        number += 1;
        let content = || line.strip_suffix('\n').map_or(line, |l| l.strip_suffix('\r').unwrap_or(l));
        // Of other lines of a plain text nobody complains.
        let is_apart = matches!(line.as_bytes().first(), Some(b'-' | b'.' | b'%'));
        if (is_apart || !is_plain)
            && let Some(complaint) = refused(content())
        {
            errors.push(
                Diagnostic::error(codes::RENDERED, sources.line_span(file, number), complaint.0).help(complaint.1),
            );
            if errors.len() == MAX_ERRORS {
                let last = errors.pop().map(|last| last.note("the rest of the file was not read"));
                errors.extend(last);
                return Err(errors);
            }
        }
        if docs.len() > MAX_DOCUMENTS {
            let message = format!("the file holds more than {MAX_DOCUMENTS} documents");
            let error = Diagnostic::error(codes::LIMIT, sources.line_span(file, number), message);
            errors.push(error.help("split it into several files"));
            return Err(errors);
        }
        if is_apart && line.starts_with("---") {
            if let Some(top) = top.take() {
                let text = text.get(start..begin).unwrap_or_default();
                docs.push(Doc { sources, file, text, first_line, top, wrapped: false });
            }
            (start, first_line) = (end, number + 1);
        } else if top.is_none() && !matches!(content().trim_start().as_bytes().first(), None | Some(b'#')) {
            top = Some(Span::of_line(file, begin, content()));
        }
        begin = end;
    }
    if let Some(top) = top {
        let text = text.get(start..).unwrap_or_default();
        docs.push(Doc { sources, file, text, first_line, top, wrapped: false });
    }
    if errors.is_empty() { Ok(docs) } else { Err(errors) }
}

/// Lines on which YAML readers disagree.
fn refused(line: &str) -> Option<Complaint> {
    odd(line).or_else(|| misplaced(line))
}

/// Lines with characters that some reader takes for the end of a line, or that do not show.
fn odd(line: &str) -> Option<Complaint> {
    let plain = line.bytes().all(|b| matches!(b, b' '..=b'~'));
    if !plain && let Some(c) = line.chars().find(|c| is_deceptive(*c)) {
        let word = match c {
            '\t' => "a tab".to_owned(),
            '\r' => "a carriage return inside a line".to_owned(),
            c => format!("the character {}", c.escape_unicode()),
        };
        return Some((format!("{word} in YAML"), "write it as an escape inside double quotes, and indent by spaces"));
    }
    None
}

/// Lines that separate documents for some readers only.
fn misplaced(line: &str) -> Option<Complaint> {
    match line.as_bytes() {
        [b'-', b'-', b'-', rest @ ..] if !rest.iter().all(|b| *b == b' ') => Some((
            format!("{} is no separator of documents for every reader", quote(line)),
            "write `---` alone on its line",
        )),
        [b'.', b'.', b'.'] | [b'.', b'.', b'.', b' ', ..] => Some((
            "`...` ends a document for some readers, and the file for others".to_owned(),
            "separate documents by `---`",
        )),
        [b'%', ..] => Some(("a YAML directive is not allowed here".to_owned(), "remove the line")),
        _ => None,
    }
}

impl<'s> Doc<'s> {
    /// Where the object starts.
    pub fn top(&self) -> Span {
        self.top
    }

    /// Lines on which YAML readers disagree: each an error in what must be read alike by all of them.
    pub fn odd_lines(&self) -> Vec<Diagnostic> {
        let complaints = self.text.lines().enumerate().filter_map(|(index, line)| Some((index, odd(line)?)));
        let error = |(index, (message, help)): (usize, Complaint)| {
            let span = self.sources.line_span(self.file, self.first_line + index);
            Diagnostic::error(codes::RENDERED, span, message).help(help)
        };
        complaints.take(MAX_ERRORS).map(error).collect()
    }

    /// A whole line; `line` counts from 1 in the document.
    pub fn line(&self, line: u64) -> Span {
        match usize::try_from(line) {
            Ok(line) if line > 0 => self.sources.line_span(self.file, self.first_line + line - 1),
            _ => self.top(),
        }
    }

    /// What stands at a place in it.
    pub fn text_of(&self, span: Span) -> &'s str {
        self.sources.text(span)
    }

    /// The whole line on which a value starts.
    pub fn line_of<T>(&self, placed: &Placed<T>) -> Span {
        match placed.start {
            Start::Line(number) => self.line(number),
            Start::Byte(at) => {
                let (before, after) = self.text.split_at_checked(at).unwrap_or_default();
                let start = before.rfind('\n').map_or(0, |end| end + 1);
                let end = at + after.find('\n').unwrap_or(after.len());
                Span::of_line(self.file, self.start() + start, self.text.get(start..end).unwrap_or_default())
            }
        }
    }

    /// Where its text starts in the file.
    fn start(&self) -> usize {
        let file: &str = &self.sources.get(self.file).text;
        (self.text.as_ptr() as usize).saturating_sub(file.as_ptr() as usize)
    }

    /// Where a string stands; the object when the string is not in the text as such.
    pub fn place(&self, text: &Text<'_>) -> Span {
        match self.offset(text) {
            Some(start) => Span::new(self.file, start..start + text.0.len()),
            None => self.top(),
        }
    }

    /// Where a scalar of any style stands: the string, or the part of its first line that is the scalar's.
    pub fn place_of(&self, scalar: &Spanned<Text<'_>>) -> Span {
        match self.offset(&scalar.value) {
            Some(_) => self.place(&scalar.value),
            None => self.spot(scalar.referenced),
        }
    }

    /// The place of what the parser read there, as far as it is on one line: a whole file may be one line.
    pub fn spot(&self, place: Location) -> Span {
        let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok());
        let Some(at) = number(place.span().byte_offset()) else { return self.line(place.line()) };
        let file: &str = &self.sources.get(self.file).text;
        let start = self.start() + at;
        let first = file.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default().trim_end();
        let length = number(place.span().byte_len()).filter(|length| *length > 0).unwrap_or(first.len());
        Span::new(self.file, start..start + length.min(first.len()))
    }

    /// Where the bytes of a string start in the file.
    fn offset(&self, text: &Text<'_>) -> Option<usize> {
        let Cow::Borrowed(borrowed) = &text.0 else { return None };
        let file: &str = &self.sources.get(self.file).text;
        let start = (borrowed.as_ptr() as usize).checked_sub(file.as_ptr() as usize)?;
        (start + borrowed.len() <= file.len()).then_some(start)
    }

    /// The string, if kubectl takes it for one: dates and times are strings for it (go.yaml.in/yaml/v2, decode.go).
    pub fn string_for_kubectl<'t>(&self, text: &'t Text<'_>) -> Result<&'t str, Box<Diagnostic>> {
        match is_time(&text.0) {
            true => Ok(&text.0),
            false => self.string(text),
        }
    }

    /// The same for a scalar of any style. What the parser did not lend was no plain word: it stood in a block, or had
    /// escapes, so it is a string whatever it holds.
    pub fn scalar<'t>(&self, text: &'t Text<'_>) -> Result<&'t str, Box<Diagnostic>> {
        match &text.0 {
            Cow::Owned(made) => Ok(made),
            Cow::Borrowed(_) => self.string_for_kubectl(text),
        }
    }

    /// The string, if every reader takes it for one.
    ///
    /// The parser lends what stands in the text as it is; a quote before it then tells that it was quoted. What it made
    /// itself (escapes, folded lines) has lost that, so an ambiguous one is refused either way.
    pub fn string<'t>(&self, text: &'t Text<'_>) -> Result<&'t str, Box<Diagnostic>> {
        let quoted = || {
            let start = self.offset(text)?.checked_sub(1)?;
            let file = self.sources.get(self.file).text.as_bytes();
            Some(matches!(file.get(start), Some(b'"' | b'\'')))
        };
        if quoted() != Some(true) && is_ambiguous(&text.0) {
            return Err(Box::new(ambiguous(self.place(text), &text.0)));
        }
        Ok(&text.0)
    }
}

/// What to say of a plain word that some reader takes for something else.
pub(super) fn ambiguous(span: Span, word: &str) -> Diagnostic {
    let message = format!("{} is no string for every reader of YAML", quote(word));
    Diagnostic::error(codes::RENDERED, span, message).help("put it in quotes")
}

/// Whether a reader of YAML 1.1 or 1.2 may take a plain word for null, a boolean, a number, a time or a merge key.
pub(super) fn is_ambiguous(word: &str) -> bool {
    const WORDS: [&str; 10] = ["null", "y", "n", "yes", "no", "on", "off", "true", "false", "~"];
    const INITIALS: &[u8] = b"nNyYoOtTfF~";
    match word.bytes().next() {
        None | Some(b'=') => true,
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => is_numeric(word),
        Some(b'<') => word == "<<",
        Some(first) => {
            word.len() <= 5 && INITIALS.contains(&first) && WORDS.iter().any(|w| w.eq_ignore_ascii_case(word))
        }
    }
}

fn is_numeric(word: &str) -> bool {
    // `10.0.0.0/8`: no number has a slash, and no time without a date.
    if word.contains('/') && !word.contains('-') {
        return false;
    }
    let word: String = word.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    let digits = word.strip_prefix(['+', '-']).unwrap_or(&word);
    let based =
        |prefix, radix| digits.strip_prefix(prefix).is_some_and(|rest: &str| rest.chars().all(|c| c.is_digit(radix)));
    // Rust reads every decimal number of YAML, `1.` and `.5` included, and more words than YAML does.
    digits.is_empty()
        || digits.parse::<f64>().is_ok()
        || matches!(digits, ".inf" | ".nan")
        || based("0x", 16)
        || based("0o", 8)
        || based("0b", 2)
        || is_time(&word)
}

/// Whether a reader of YAML 1.1 may take it for a date, or for a number in base 60.
fn is_time(word: &str) -> bool {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    let sexagesimal = || digits.contains(':') && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b':' | b'.' | b'_'));
    // `2027-03-01`, alone or before a time.
    let date = || {
        let mut parts = word.splitn(3, '-').map(|part| part.bytes().take_while(u8::is_ascii_digit).count());
        matches!((parts.next(), parts.next(), parts.next()), (Some(4), Some(1 | 2), Some(1..)))
    };
    sexagesimal() || date()
}

#[cfg(test)]
mod tests {
    use super::is_ambiguous;

    #[test]
    fn words_that_some_reader_takes_for_something_else_are_ambiguous() {
        for word in [
            "",
            "~",
            "null",
            "Null",
            "NULL",
            "y",
            "N",
            "yes",
            "No",
            "ON",
            "off",
            "true",
            "False",
            "1",
            "-1",
            "+1",
            "0",
            "017",
            "08",
            "0o17",
            "0x1f",
            "0x_1f",
            "0b1",
            "1_000",
            "1__0",
            "1_",
            ".5",
            "5.",
            "1e3",
            "1E+3",
            "00000107e6880793",
            "12:30",
            "12:30:45.5",
            "-1:30",
            ".inf",
            "-.INF",
            ".NaN",
            "2027-03-01",
            "2027-3-1",
            "2027-03-01T10:00:00Z",
            "2027-03-01 10:00:00",
            "<<",
            "=",
            "-",
            "+",
        ] {
            assert!(is_ambiguous(word), "{word}");
        }
    }

    #[test]
    fn other_words_are_strings() {
        for word in
            ["web", "yesterday", "nope", "1a", "1.2.3", "10.0.0.0/8", "::/0", "a1", "v1", "TCP", "1::/16", "2027-03"]
        {
            assert!(!is_ambiguous(word), "{word}");
        }
    }
}
