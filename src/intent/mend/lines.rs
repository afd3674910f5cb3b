//! Lines, white space and comments of a TOML text.

use std::ops::Range;

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

/// Where the spaces and tabs begin that end at `at`.
pub(super) fn space_before(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    at - before.iter().rev().take_while(|byte| is_space(**byte)).count()
}

/// Where the spaces and tabs end that begin at `at`.
pub(super) fn space_after(text: &str, at: usize) -> usize {
    let after = text.as_bytes().get(at..).unwrap_or_default();
    at + after.iter().take_while(|byte| is_space(**byte)).count()
}

/// Whether a line begins at `at`.
pub(super) fn begins_line(text: &str, at: usize) -> bool {
    match at.checked_sub(1) {
        None => true,
        Some(before) => byte(text, before) == Some(b'\n') || text.get(..at) == Some("\u{feff}"),
    }
}

/// The line end at `at`, if there is one: empty at the end of the text.
pub(super) fn line_end(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let length = match rest {
        "" => 0,
        _ if rest.starts_with('\n') => 1,
        _ if rest.starts_with("\r\n") => 2,
        _ => return None,
    };
    Some(at..at + length)
}

/// Where the line of `at` ends, its line end included.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |newline| at + newline + 1)
}

/// Where the line of `at` begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(if before.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }, |end| end + 1)
}

/// The line end that the text uses.
pub(super) fn newline(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((line, _)) if line.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The comments in a part of a valid text that begins outside of strings and comments: each from its `#` to its last character.
pub(super) fn comments(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut found = vec![];
    let mut at = range.start;
    while at < range.end {
        let rest = text.get(at..range.end).unwrap_or_default();
        at += match rest.as_bytes().first() {
            Some(b'#') => {
                let length = rest
                    .find('\n')
                    .map_or(rest.len(), |end| rest.get(..end).unwrap_or_default().trim_end_matches('\r').len());
                found.push(at..at + length);
                length
            }
            Some(quote @ (b'"' | b'\'')) => string(rest, *quote),
            Some(_) => 1,
            // Only within a character of several bytes, of which none is looked for.
            None => 1,
        };
    }
    found
}

/// The length of the string that a text begins with.
fn string(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let is_quote = |at: usize| bytes.get(at) == Some(&quote);
    let run = |at: usize| (at..bytes.len()).take_while(|at| is_quote(*at)).count();
    let long = run(0) >= 3;
    if !long && is_quote(1) {
        return 2;
    }
    let mut at = if long { 3 } else { 1 };
    while at < bytes.len() {
        if quote == b'"' && bytes.get(at) == Some(&b'\\') {
            at += 2;
        } else if long && run(at) >= 3 {
            // Up to two quotes may stand right before the three that end it.
            return at + run(at).min(5);
        } else if !long && is_quote(at) {
            return at + 1;
        } else {
            at += 1;
        }
    }
    bytes.len()
}
