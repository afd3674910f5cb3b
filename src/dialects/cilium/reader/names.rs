//! Host names of `toFQDNs`, and questions of DNS rules.
//!
//! 1. `matchName` is one name, `matchPattern` many; one of them is written (CRD: oneOf). Case and a final dot make no
//!    difference (pkg/fqdn/dns, FQDN).
//! 2. In a pattern `*` stands for any part of one label, as does `**` inside; `**.` at the beginning, with two asterisks or
//!    more, for one label or more; asterisks alone for every name (pkg/fqdn/matchpattern, ToAnchoredRegexp).
//! 3. Names have letters, digits, hyphens and underscores, patterns asterisks too, 255 characters in all (CRD).

use super::object::Name;
use super::peers::NULL;
use crate::diag::quote;
use crate::dialects::reading::Reader;
use crate::dialects::reading::text::Text;
use crate::model::Sym;
use crate::source::Span;

/// The longest name (3.).
const MAX_NAME: usize = 255;

/// A name, in the one form for its meaning.
pub(super) fn read(with: &mut Reader<'_, '_>, name: Option<&Name<'_>>, span: Span) -> Option<Sym> {
    let Some(name) = name else {
        return with.error(span, "null stands where a host name is expected", NULL);
    };
    match (&name.match_name, &name.match_pattern) {
        (Some(text), None) => checked(with, text, false).map(|name| name.as_str().into()),
        (None, Some(text)) => checked(with, text, true).map(|pattern| meant(&pattern).as_str().into()),
        _ => with.error(span, "a host name is either `matchName` or `matchPattern`", "write one of them"),
    }
}

/// 1., 3.
fn checked(with: &mut Reader<'_, '_>, text: &Text<'_>, pattern: bool) -> Option<String> {
    let word = with.string(text)?;
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || pattern && c == '*';
    let name = word.strip_suffix('.').unwrap_or(word);
    let fits = word.len() <= MAX_NAME && name.split('.').all(|label| !label.is_empty() && label.chars().all(is_known));
    if fits {
        return Some(name.to_ascii_lowercase());
    }
    let what = if pattern { "pattern of host names" } else { "host name" };
    let help = "write labels of letters, digits and hyphens with dots between them; `*` in `matchPattern` alone";
    with.error(with.doc.place(text), format!("{} is no {what}", quote(word)), help)
}

/// 2.
fn meant(pattern: &str) -> String {
    if pattern.chars().all(|c| c == '*') {
        return "*".to_owned();
    }
    let (start, rest) = match pattern.trim_start_matches('*').strip_prefix('.') {
        Some(rest) if pattern.starts_with("**") => ("**.", rest),
        _ => ("", pattern),
    };
    let mut out = start.to_owned();
    for c in rest.chars() {
        if c != '*' || !out.ends_with('*') {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn asterisks_stand_for_a_part_of_a_label_for_labels_or_for_everything() {
        for (written, pattern) in [
            ("*", "*"),
            ("***", "*"),
            ("*.b.c", "*.b.c"),
            ("**.b.c", "**.b.c"),
            ("****.b.c", "**.b.c"),
            ("a.**.c", "a.*.c"),
            ("**b.c", "*b.c"),
            ("a**b.c", "a*b.c"),
            ("**.*.c", "**.*.c"),
            ("**.**.c", "**.*.c"),
            ("b.c", "b.c"),
        ] {
            assert_eq!(meant(written), pattern);
        }
    }
}
