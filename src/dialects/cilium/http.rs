//! HTTP rules in Cilium's words, and which of them its proxy takes.
//!
//! In: HTTP rules of the model. Out: what templates write, or that the proxy would not take it. A path is never written in
//! a form that means more requests than the intent's.
//!
//! Cilium hands path and method to Envoy as regular expressions of the pseudo headers `:path` and `:method`, which must
//! match as a whole (pkg/envoy/policy/envoy_l7_rules_translator.go; envoy, route_components.proto, HeaderMatcher). `:path`
//! holds the query string, of which an intent says nothing: any is let through, and no part of it is taken for the path:
//! `/.*/public` as it is would let `/admin?/public` through. Headers are split at the first space (same
//! file), and the rest is the exact value.

use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::{Class, Hir, HirKind, translate::TranslatorBuilder};
use serde::Serialize;

use crate::model::HttpRule;

/// The most instructions of a compiled expression: Envoy refuses longer ones, and with them every policy of the pod
/// (cilium#41314, cilium#48773).
const MAX_PROGRAM: usize = 100;
/// Instructions of what stands around a path: anchors, the query string, and what each program has.
const AROUND: usize = 24;
/// Instructions of one character beyond ASCII of which only the range is known, as `.` has it (RE2 works on UTF-8).
const ANY_CHARACTER: usize = 12;

/// One kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestView {
    /// `method` and `path`, as far as they are given.
    pub fields: Vec<(&'static str, String)>,
    /// `name: value`.
    pub headers: Vec<String>,
}

/// A rule as templates see it.
pub fn request(rule: &HttpRule) -> RequestView {
    let method = rule.method.iter().map(|method| ("method", method.to_string()));
    let path = rule.path.iter().map(|path| ("path", anchored(path)));
    RequestView {
        fields: method.chain(path).collect(),
        headers: rule.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect(),
    }
}

/// The whole of `:path`. What may hold alternatives is grouped first.
fn anchored(path: &str) -> String {
    let path = &short_of_query(path);
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_~%".contains(&b));
    if plain { format!("^{path}(\\?.*)?$") } else { format!("^(?:{path})(\\?.*)?$") }
}

/// The same expression where `.` and `[^…]` do not match `?`. Nothing else of a model's path does.
fn short_of_query(path: &str) -> String {
    let parsed = ast::parse::Parser::new().parse(path).ok();
    let places = parsed.and_then(|parsed| ast::visit(&parsed, AnyCharacter::default()).ok()).unwrap_or_default();
    let mut out = String::with_capacity(path.len() + 8);
    let mut done = 0;
    for (start, end, instead) in places {
        out.push_str(path.get(done..start).unwrap_or_default());
        out.push_str(instead);
        done = end;
    }
    out.push_str(path.get(done..).unwrap_or_default());
    out
}

/// What is to be replaced, from and to where, and by what.
#[derive(Default)]
struct AnyCharacter(Vec<(usize, usize, &'static str)>);

impl ast::Visitor for AnyCharacter {
    type Output = Vec<(usize, usize, &'static str)>;
    type Err = ();

    fn finish(self) -> Result<Self::Output, ()> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
        match ast {
            Ast::Dot(span) => self.0.push((span.start.offset, span.end.offset, "[^?]")),
            Ast::ClassBracketed(class) if class.negated => {
                let start = class.span.start.offset;
                self.0.push((start, start + "[^".len(), "[^?"));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The path of a rule, if the proxy would not take it for its length.
pub fn too_long(rule: &HttpRule) -> Option<&str> {
    let path = rule.path.as_deref()?;
    let written = short_of_query(path);
    let mut translator = TranslatorBuilder::new().unicode(false).utf8(false).build();
    let parsed = ast::parse::Parser::new().parse(&written).ok();
    let compiled = parsed.and_then(|parsed| translator.translate(&written, &parsed).ok());
    // What does not parse is no path of a model.
    let size = compiled.map_or(MAX_PROGRAM, |compiled| program(&compiled));
    (size + AROUND > MAX_PROGRAM).then_some(path)
}

/// No fewer instructions than RE2 makes of an expression.
fn program(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => {
            let beyond = class.ranges().iter().any(|range| range.end() > 0x7f);
            class.ranges().len() + if beyond { ANY_CHARACTER } else { 0 }
        }
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() * ANY_CHARACTER,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1) as usize;
            program(&repetition.sub).saturating_add(1).saturating_mul(times)
        }
        HirKind::Capture(capture) => program(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) => parts.iter().map(program).fold(0, usize::saturating_add),
        HirKind::Alternation(parts) => parts.iter().map(program).fold(parts.len(), usize::saturating_add),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str) -> HttpRule {
        HttpRule { method: None, path: Some(path.into()), headers: vec![] }
    }

    fn refused(path: &str) -> bool {
        too_long(&rule(path)).is_some()
    }

    #[test]
    fn paths_are_anchored_and_let_any_query_through() {
        assert_eq!(anchored("/api/v1/products"), "^/api/v1/products(\\?.*)?$");
        assert_eq!(anchored("/a|/b"), "^(?:/a|/b)(\\?.*)?$");
        assert_eq!(anchored("/users/[0-9]+"), "^(?:/users/[0-9]+)(\\?.*)?$");
    }

    #[test]
    fn no_character_of_a_path_is_the_beginning_of_the_query() {
        assert_eq!(anchored("/api/.*/read"), "^(?:/api/[^?]*/read)(\\?.*)?$");
        assert_eq!(anchored("/[^/]+[^a-z]x"), "^(?:/[^?/]+[^?a-z]x)(\\?.*)?$");
        assert_eq!(anchored("/v1.0/a\\.b[.]"), "^(?:/v1[^?]0/a\\.b[.])(\\?.*)?$");
    }

    #[test]
    fn what_the_proxy_compiles_to_too_much_is_refused() {
        assert!(!refused(&format!("/{}", "a".repeat(70))));
        assert!(refused(&format!("/{}", "a".repeat(90))));
        assert!(!refused("/api/.*/[0-9]+"));
        assert!(refused("/.{9}"));
        // As reported in cilium#48773: 134 instructions.
        assert!(refused(
            "/(dashboard|alerts|calendar|components|metrics|critical_asset_metrics|critical_product_metrics|simple_search|support|celery_status|choices)"
        ));
    }
}
