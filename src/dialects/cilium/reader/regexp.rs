//! What Cilium takes for a regular expression: what Go's `regexp` compiles (PortRuleHTTP.Sanitize).
//!
//! It is parsed by another parser, which differs from Go's syntax (regexp/syntax) in some places:
//!
//! 1. `{` that begins no repetition stands for itself, as in `/users/{id}`.
//! 2. In a class `[` stands for itself where it begins no `[:name:]`, and so do `&&`, `--` and `~~`.
//! 3. `\Q…\E` quotes; `\<` and `\>` stand for what is escaped.
//! 4. A repetition of a repetition, and more than 1000 repetitions, are refused.

use regex_syntax::ast::{self, Ast, RepetitionKind, RepetitionRange};

/// The most repetitions (4.).
const MAX_REPEAT: u32 = 1000;

/// Whether an expression compiles.
pub(super) fn is_valid(word: &str) -> bool {
    let Ok(parsed) = ast::parse::Parser::new().parse(&translated(word)) else { return false };
    ast::visit(&parsed, Repeats).is_ok()
}

/// 1. to 3. The same for the other parser.
fn translated(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let mut next = after;
        match c {
            '\\' if !in_class && after.starts_with('Q') => {
                let quoted = after.get(1..).unwrap_or_default();
                let (quoted, behind) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                quoted.chars().for_each(|c| push_literal(&mut out, c));
                next = behind;
            }
            '\\' => match after.chars().next() {
                Some(escaped) => {
                    if matches!(escaped, '<' | '>') {
                        out.push(escaped);
                    } else {
                        out.extend([c, escaped]);
                    }
                    next = after.get(escaped.len_utf8()..).unwrap_or_default();
                }
                None => out.push(c),
            },
            '[' if in_class && !after.starts_with(':') => out.push_str("\\["),
            '[' if in_class => {
                let end = after.find(":]").map_or(0, |at| at + 2);
                out.push(c);
                out.push_str(after.get(..end).unwrap_or_default());
                next = after.get(end..).unwrap_or_default();
            }
            '[' => {
                in_class = true;
                out.push(c);
                // What stands first is no end of the class.
                for first in ['^', ']'] {
                    if let Some(behind) = next.strip_prefix(first) {
                        out.push_str(if first == ']' { "\\]" } else { "^" });
                        next = behind;
                    }
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(c);
            }
            '&' | '~' if in_class => out.extend(['\\', c]),
            '-' if in_class && after.starts_with('-') => out.push_str("\\-"),
            '{' if !in_class && !is_repetition(after) => out.push_str("\\{"),
            _ => out.push(c),
        }
        rest = next;
    }
    out
}

fn push_literal(out: &mut String, c: char) {
    out.push_str(&regex_syntax::escape(c.encode_utf8(&mut [0; 4])));
}

/// Whether `{` is followed by `3}`, `3,}` or `3,5}`.
fn is_repetition(after: &str) -> bool {
    let Some((range, _)) = after.split_once('}') else { return false };
    let (least, most) = range.split_once(',').unwrap_or((range, ""));
    let is_number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

/// 4.
struct Repeats;

impl ast::Visitor for Repeats {
    type Output = ();
    type Err = ();

    fn finish(self) -> Result<(), ()> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
        let Ast::Repetition(repetition) = ast else { return Ok(()) };
        let fits = match &repetition.op.kind {
            RepetitionKind::Range(RepetitionRange::Exactly(n) | RepetitionRange::AtLeast(n)) => *n <= MAX_REPEAT,
            RepetitionKind::Range(RepetitionRange::Bounded(_, n)) => *n <= MAX_REPEAT,
            RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => true,
        };
        if fits && !matches!(*repetition.ast, Ast::Repetition(_)) { Ok(()) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::is_valid;

    #[test]
    fn what_go_compiles_is_an_expression() {
        for word in [
            "/items",
            "/v[12]/.*",
            "/users/{id}",
            "/users/{id}/{,3}",
            "a{2,3}",
            "[[a]",
            "[a&&b--c]",
            "[]a]",
            "[^]a]",
            "[[:alpha:]_]",
            "\\Q{a(\\E/b",
            "\\<a\\>",
            "^(?:/a|/b)(\\?.*)?$",
            "(?i)get",
            "a*?b??",
            "GET|POST",
        ] {
            assert!(is_valid(word), "{word}");
        }
    }

    #[test]
    fn what_go_does_not_compile_is_none() {
        for word in ["/a(b", "a)", "[a", "*a", "a**", "a{1001}", "a{3,2}", "a\\", "(?=a)", "\\1"] {
            assert!(!is_valid(word), "{word}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_too_odd_to_look_at(word in "[\\\\QE\\[\\]{}()*+?.:^$a-c0-3&~,-]{0,24}|.{0,16}") {
            is_valid(&word);
        }
    }
}
