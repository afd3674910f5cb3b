//! Syntax errors of TOML: one for each mistake, with what to do about it.
//!
//! In: a text that is no TOML. Out: diagnostics. After a mistake the parser is in the dark about what the following lines
//! belong to, so it is started afresh at the next line that begins a key or a table: a bracket left open is one error,
//! and a mistake further down is still found.

use toml::Spanned;
use toml::de::{DeTable, Error};

use crate::diag::{Diagnostic, codes, is_deceptive, quote};
use crate::source::{FileId, Span};

/// Errors after which a file is not worth reading on.
const MAX_ERRORS: usize = 20;

/// How many bytes are read once more, all restarts together: intents are small, and what is not must not cost its square.
const MAX_REREAD: usize = 2 << 20;

/// Of a longer text the parser tells its first mistake only, and goes on from there by restarts alone: for all mistakes that
/// there may be it would keep some hundred bytes each.
const MAX_RECOVERED: usize = 256 << 10;

/// The tables of a text as far as they can be read, and what is wrong with it. Of a long text that is what stands before the
/// first mistake, and that mistake.
pub(super) fn read(text: &str) -> (Spanned<DeTable<'_>>, Vec<Error>) {
    if text.len() <= MAX_RECOVERED {
        return DeTable::parse_recoverable(text);
    }
    match DeTable::parse(text) {
        Ok(root) => (root, vec![]),
        Err(first) => {
            let before = text.get(..first.span().map_or(0, |span| span.start)).unwrap_or_default();
            let whole = before.rfind('\n').map_or(0, |end| end + 1);
            let root = DeTable::parse(text.get(..whole).unwrap_or_default());
            (root.unwrap_or_else(|_| DeTable::parse_recoverable("").0), vec![first])
        }
    }
}

/// The errors of a text, of which `first` is what the parser says about all of it.
pub(super) fn errors(file: FileId, text: &str, first: Vec<Error>) -> Vec<Diagnostic> {
    let mut out = vec![];
    let mut start = 0;
    let mut reread = 0;
    let mut errors = first;
    loop {
        errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
        let mut next = None;
        for error in &errors {
            let range = match error.span() {
                Some(range) => start + range.start..start + range.end,
                None => dotted_line(text),
            };
            let end = range.end.min(text.len());
            let mut range = range.start.min(end)..end;
            // A string without an end swallows the rest: its beginning is the place to look at.
            if error.message().starts_with("invalid multi-line")
                && text.get(end..).is_some_and(|rest| rest.trim().is_empty())
            {
                let quotes = |mark| text.rfind(mark).map(|start| start..start + 3);
                let opening = [quotes("\"\"\""), quotes("'''")].into_iter().flatten().max_by_key(|range| range.start);
                range = opening.unwrap_or(range);
            }
            out.push(explain(file, text, range.clone(), error.message()));
            // A name given twice does not confuse the parser.
            if text.len() > MAX_RECOVERED || (!is_clash(error.message()) && errors.len() > 1) {
                next = statement_after(text, end);
                break;
            }
        }
        let Some(position) = next else { return out };
        reread += text.len() - position;
        if out.len() >= MAX_ERRORS || reread > MAX_REREAD {
            let last = out.pop().map(|last| last.note("the rest of the file was not read"));
            out.extend(last);
            return out;
        }
        start = position;
        errors = read(text.get(start..).unwrap_or_default()).1;
    }
}

fn is_clash(message: &str) -> bool {
    message.starts_with("duplicate key") || message.starts_with("cannot extend")
}

/// The parser does not say where a key has too many parts: the line with the most dots.
fn dotted_line(text: &str) -> std::ops::Range<usize> {
    let mut start = 0;
    let mut most = (0, 0..0);
    for line in text.split_inclusive('\n') {
        let dots = line.bytes().filter(|b| *b == b'.').count();
        if dots > most.0 {
            most = (dots, start..start + line.trim_end().len());
        }
        start += line.len();
    }
    most.1
}

/// The start of the first line after `position` that begins a table or a key with its value.
fn statement_after(text: &str, position: usize) -> Option<usize> {
    let rest = text.get(position..)?;
    let mut start = position + rest.find('\n')? + 1;
    for line in text.get(start..)?.split_inclusive('\n') {
        let key = line.split('=').next().filter(|key| key.len() < line.len());
        let is_key = |key: &str| {
            let key = key.trim();
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.\"'/ ".contains(c))
        };
        if line.starts_with('[') || key.is_some_and(is_key) {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// The parser's words, and ours where those help nobody.
fn explain(file: FileId, text: &str, range: std::ops::Range<usize>, words: &str) -> Diagnostic {
    let found = text.get(range.clone()).unwrap_or_default();
    let before = text.get(..range.start).unwrap_or_default();
    let header = before.rsplit('\n').next().is_some_and(|line| line.trim_start().starts_with('['));
    let words = words.trim();
    let (message, help) = if words == "duplicate key" && header {
        (
            format!("table {} is written twice", quote(found)),
            "write `[name]` once and put all of its keys there; several edges are written as `[[allow]]`, two brackets each",
        )
    } else if words == "duplicate key" {
        (format!("key {} is written twice", quote(found)), "keep one of them")
    } else if words.starts_with("cannot extend") {
        (format!("{} has its value already, nothing can be added to it", quote(found)), "write all of it in one place")
    } else if words.starts_with("string values must be quoted") && found.is_empty() {
        ("the value is missing".to_owned(), "write one after the `=`, or remove the key")
    } else if words.starts_with("string values must be quoted") {
        (
            format!("{} is no value", quote(found)),
            "put text into straight double quotes, as \"web\", and commas between the elements of a list",
        )
    } else if words.starts_with("invalid basic string") || words.starts_with("invalid literal string") {
        ("the string is not closed".to_owned(), "end it on the same line with the quote that it starts with")
    } else if words.starts_with("invalid multi-line") {
        ("the multi-line string is not closed".to_owned(), "end it with the three quotes that it starts with")
    } else if words.starts_with("invalid boolean") {
        (format!("{} is no value", quote(found)), "write true or false in lower case, and text in double quotes")
    } else if words.starts_with("missing escaped value") {
        (
            "unknown escape in a string".to_owned(),
            "write a backslash as `\\\\`, or put the text into single quotes, where it stands for itself",
        )
    } else if words.starts_with("invalid unquoted key") {
        (
            format!("{} cannot stand in a key without quotes", quote(found)),
            "a key is written as `key = value`; one with other characters than letters, digits, `-` and `_` in quotes, as \"app.kubernetes.io/name\"",
        )
    } else if words.starts_with("unquoted keys cannot be empty") {
        ("the key is missing".to_owned(), "write one before the `=`")
    } else if words.starts_with("key with no value") {
        ("a key without a value".to_owned(), "write `key = value`")
    } else if words.starts_with("missing comma between array") || words.starts_with("unclosed array") {
        ("the list goes on without a comma".to_owned(), "put a comma between elements, and `]` at the end of the list")
    } else if words.starts_with("missing comma between key") {
        ("the inline table goes on without a comma".to_owned(), "put a comma between its keys, and `}` at its end")
    } else if words.starts_with("missing key for inline") || words.starts_with("unclosed inline") {
        ("an inline table before this is not closed".to_owned(), "end it with `}`")
    } else if words.starts_with("unclosed table") {
        ("the table's name is not closed".to_owned(), "end it with `]`, and that of an `[[allow]]` with `]]`")
    } else if words.starts_with("unexpected leading zero") {
        ("a number starts with a zero".to_owned(), "write the number without it")
    } else if words.starts_with("cannot recurse further") {
        (
            "lists or tables are nested too deeply".to_owned(),
            "close what is open: no key of the language needs more than five levels",
        )
    } else if words.starts_with("recursion limit") {
        ("a key has too many parts".to_owned(), "no key of the language has more than five")
    } else if words.starts_with("unexpected key or value") {
        ("something follows the value".to_owned(), "write each key on a line of its own")
    } else {
        (
            escape(words.lines().next().unwrap_or("invalid TOML").trim_end_matches('.')),
            "see https://toml.io for the syntax",
        )
    };
    Diagnostic::error(codes::SYNTAX, Span::new(file, range), message).help(help)
}

fn escape(text: &str) -> String {
    text.chars().flat_map(|c| if is_deceptive(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }).collect()
}
