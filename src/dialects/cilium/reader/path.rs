//! Paths of HTTP rules.
//!
//! In: the expression as written. Out: the path that it means, in an intent's words, or the expression itself, which is then
//! no intent's path.
//!
//! 1. It is a regular expression (PortRuleHTTP.Sanitize), matched against all of `:path`, the query string included.
//! 2. `^PATH(\?.*)?$` and `^(?:PATH)(\?.*)?$` are PATH with any query. A PATH that holds more than plain characters is only
//!    taken out of its group: outside it could bind otherwise.
//! 3. Where PATH can match `?`, a request for another path fits with a query that looks like the rest: so nothing in it may.
//!    `[^?]` and `[^?…]` are then the `.` and `[^…]` of an intent, which knows of no query.

use regex_syntax::ast::{self, Ast, ClassAsciiKind, ClassSet, ClassSetItem, Span};

/// What an expression means.
pub(super) fn meant(written: &str) -> String {
    anchored(written).and_then(path).unwrap_or_else(|| written.to_owned())
}

/// 2.
fn anchored(written: &str) -> Option<&str> {
    let inner = written.strip_prefix('^')?.strip_suffix("(\\?.*)?$")?;
    if let Some(grouped) = inner.strip_prefix("(?:").and_then(|rest| rest.strip_suffix(')')) {
        return Some(grouped);
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~' | '%');
    inner.chars().all(is_plain).then_some(inner)
}

/// 3.
fn path(inner: &str) -> Option<String> {
    let parsed = ast::parse::Parser::new().parse(inner).ok()?;
    let classes = ast::visit(&parsed, Query::default()).ok()?;
    let mut left = inner;
    let mut parts: Vec<&str> = vec![];
    // From the end, so that places stay what they are.
    for Span { start, end } in classes.into_iter().rev() {
        let (before, class) = left.split_at_checked(start.offset)?;
        let (class, after) = class.split_at_checked(end.offset.checked_sub(start.offset)?)?;
        let rest = class.strip_prefix("[^?")?;
        parts.push(after);
        parts.extend(if rest == "]" { ["."].as_slice() } else { &[] });
        if rest != "]" {
            parts.extend([rest, "[^"]);
        }
        left = before;
    }
    parts.push(left);
    parts.reverse();
    Some(parts.concat())
}

/// Finds the classes that leave `?` out; fails at whatever can match it.
#[derive(Default)]
struct Query {
    classes: Vec<Span>,
    in_negated: bool,
}

impl ast::Visitor for Query {
    type Output = Vec<Span>;
    type Err = ();

    fn finish(self) -> Result<Vec<Span>, ()> {
        Ok(self.classes)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
        match ast {
            Ast::Dot(_) | Ast::ClassUnicode(_) => Err(()),
            Ast::ClassPerl(class) if class.negated => Err(()),
            Ast::Literal(literal) if literal.c == '?' => Err(()),
            Ast::ClassBracketed(class) => {
                self.in_negated = class.negated;
                let first = match &class.kind {
                    ClassSet::Item(ClassSetItem::Union(union)) => union.items.first(),
                    ClassSet::Item(item) => Some(item),
                    ClassSet::BinaryOp(_) => None,
                };
                match first {
                    Some(ClassSetItem::Literal(literal)) if class.negated && literal.c == '?' => {
                        self.classes.push(class.span);
                        Ok(())
                    }
                    Some(_) if !class.negated => Ok(()),
                    _ => Err(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), ()> {
        let holds = match item {
            ClassSetItem::Empty(_) | ClassSetItem::Union(_) => false,
            ClassSetItem::Literal(literal) => literal.c == '?',
            ClassSetItem::Range(range) => (range.start.c..=range.end.c).contains(&'?'),
            ClassSetItem::Perl(class) => class.negated,
            ClassSetItem::Ascii(class) => {
                let whole =
                    [ClassAsciiKind::Ascii, ClassAsciiKind::Graph, ClassAsciiKind::Print, ClassAsciiKind::Punct];
                whole.contains(&class.kind) != class.negated
            }
            ClassSetItem::Unicode(_) | ClassSetItem::Bracketed(_) => return Err(()),
        };
        if holds && !self.in_negated { Err(()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn only_the_anchoring_that_lets_any_query_through_is_undone() {
        assert_eq!(meant("^/api/v1(\\?.*)?$"), "/api/v1");
        assert_eq!(meant("^(?:/a|/b)(\\?.*)?$"), "/a|/b");
        for kept in ["/api/v1", "^/api$", "^/a|/b(\\?.*)?$", "^/a[0-9](\\?.*)?$", "^(/a)(\\?.*)?$", "/a(\\?.*)?$"] {
            assert_eq!(meant(kept), kept);
        }
    }

    #[test]
    fn any_character_of_a_path_is_one_that_is_no_question_mark() {
        for (written, path) in [
            ("/[^?]*/read", "/.*/read"),
            ("/[^?/]+[^?]x[^?\\]a]", "/[^/]+.x[^\\]a]"),
            ("/[^??]", "/[^?]"),
            ("/a?[a-z]\\.[.]", "/a?[a-z]\\.[.]"),
        ] {
            assert_eq!(meant(&format!("^(?:{written})(\\?.*)?$")), path);
        }
    }

    #[test]
    fn what_can_match_a_query_is_no_path() {
        for inner in [
            "/.*/read",
            "/a.b",
            "/[^/]",
            "/a\\?b",
            "/[?]",
            "/[!-~]",
            "/\\D",
            "/\\W",
            "/\\S",
            "/[\\S]",
            "/[[:punct:]]",
            "/[^?-z]",
            "/[[:^alpha:]]",
            "/[a[^b]]",
            "/\\x3f",
        ] {
            let written = format!("^(?:{inner})(\\?.*)?$");
            assert_eq!(meant(&written), written);
        }
        assert_eq!(meant("^/a.b(\\?.*)?$"), "^/a.b(\\?.*)?$");
    }
}
