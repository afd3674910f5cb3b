//! One value as YAML: what every `{{ … }}` of a template passes through.
//!
//! In: text, an integer or a boolean. Out: a scalar that every YAML reader takes for the same thing, kubectl's YAML 1.1
//! reader and YAML 1.2 readers alike. Text never becomes a number, a boolean, a date, a key, a comment or a second line.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::diag::is_deceptive;

/// Words that some YAML version reads as a boolean, a null or a number; compared without case.
const RESERVED: [&str; 14] =
    ["y", "n", "yes", "no", "on", "off", "true", "false", "t", "f", "null", "nan", "inf", "infinity"];
/// Bytes of the longest of them.
const LONGEST_RESERVED: usize = 8;

/// A string as a YAML scalar: plain where it can only be a string, double-quoted otherwise.
///
/// Plain text starts with a letter, `_` or `/`, so that it is no number, date or indicator (YAML 1.1, sections 5.3 and
/// 10.3), and holds nothing that means something inside a block or flow collection. Quotes and `&` mean something only at
/// the beginning of a scalar.
pub fn yaml_scalar(text: &str) -> Cow<'_, str> {
    if is_plain(text) || is_ipv4_block(text) { Cow::Borrowed(text) } else { Cow::Owned(quoted(text)) }
}

/// Whether a string can stand as it is. Nearly all that is written can: so all bytes are looked at alike, and only then,
/// where there is need, at more than one.
pub(super) fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends_well = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b')' | b'.' | b'\'');
    let kinds = bytes.iter().fold(0, |kinds, byte| kinds | KINDS.get(usize::from(*byte)).copied().unwrap_or(OTHER));
    kinds & OTHER == 0
        && bytes.first().is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, b'_' | b'/'))
        && bytes.last().is_some_and(ends_well)
        && (kinds & SPACE == 0 || !text.contains("  "))
        && (bytes.len() > LONGEST_RESERVED || !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text)))
}

/// A space: plain if there is one.
const SPACE: u8 = 1;
/// Nothing that is plain.
const OTHER: u8 = 2;
/// What each byte is, by its value; 0: plain everywhere but at an end.
const KINDS: [u8; 256] = kinds();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would say so")]
const fn kinds() -> [u8; 256] {
    let mut kinds = [OTHER; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b' ' => SPACE,
            b'_' | b'.' | b'/' | b'-' | b'>' | b';' | b'(' | b')' | b'=' | b'\'' | b'&' => 0,
            _ if byte.is_ascii_alphanumeric() => 0,
            _ => OTHER,
        };
        byte += 1;
    }
    kinds
}

/// `10.0.0.0/8`: three dots and a slash, which no number or date has.
fn is_ipv4_block(text: &str) -> bool {
    let digits = |part: &str, longest: usize| {
        !part.is_empty() && part.len() <= longest && part.bytes().all(|b| b.is_ascii_digit())
    };
    text.split_once('/').is_some_and(|(address, mask)| {
        digits(mask, 2) && address.split('.').count() == 4 && address.split('.').all(|part| digits(part, 3))
    })
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_deceptive(c) || is_noncharacter(c) => escape(&mut out, c as u32),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Not readable as YAML, or refused by some reader: U+FDD0 to U+FDEF and the last two of every plane.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || c as u32 & 0xfffe == 0xfffe
}

fn escape(out: &mut String, code: u32) {
    // Writing to a string cannot fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02X}"),
        0x100..=0xffff => write!(out, "\\u{code:04X}"),
        _ => write!(out, "\\U{code:08X}"),
    };
}
