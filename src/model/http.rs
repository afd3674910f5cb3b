//! HTTP rules of an edge: methods, paths and headers that mean one thing wherever they are rendered.
//!
//! In: what an `[[allow]]` says under `http`. Out: rules, sorted, each once. A path is a regular expression that several
//! engines will read: Go's when a policy is accepted, RE2 when a request comes. What one of them refuses or reads
//! otherwise never passes here, and neither does what could reach beyond the path when it is anchored, or into the query
//! behind it: `.` and `[^…]` stand for any character of a path, nothing else may hold a `?`.

use std::collections::BTreeMap;
use std::fmt;

use regex_syntax::ast::{self, AssertionKind, Ast, ClassSetItem, GroupKind, RepetitionKind, RepetitionRange};

use super::build::Builder;
use super::names::{Refusal, refuse};
use super::{Edge, HttpRule, Protocol, Sym};
use crate::diag::{Diagnostic, codes, quote};
use crate::intent::{AllowTable, Headers, HttpTable};
use crate::source::{Span, Spanned};

/// Longest method; that of the IANA registry's longest is 17.
const MAX_METHOD: usize = 32;

/// Longest path.
const MAX_PATH: usize = 1000;

/// Most repetitions of one thing, nested ones multiplied (Go, regexp/syntax; RE2).
const MAX_REPEAT: u32 = 1000;

/// Longest name of a header.
const MAX_HEADER: usize = 64;

/// Longest value of a header.
const MAX_VALUE: usize = 256;

/// `GET /api/v1/products`, with `(x-tenant: blue)` behind it where headers are asked for.
impl fmt::Display for HttpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = [&self.method, &self.path].into_iter().flatten().map(|word| &**word).collect();
        f.write_str(&words.join(" "))?;
        if words.is_empty() {
            f.write_str("any request")?;
        }
        if !self.headers.is_empty() {
            let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            write!(f, " ({})", headers.join(", "))?;
        }
        Ok(())
    }
}

impl Builder<'_, '_> {
    /// The rules of one `[[allow]]`, each with its place.
    pub(super) fn http(&mut self, allow: &AllowTable) -> Vec<(HttpRule, Span)> {
        let tables = allow.http.iter().flat_map(|rules| &rules.0);
        let mut rules: Vec<(HttpRule, Span)> =
            tables.filter_map(|table| Some((self.http_rule(table)?, table.span))).collect();
        rules.sort_by(|a, b| a.0.cmp(&b.0));
        rules.dedup_by(|a, b| a.0 == b.0);
        rules
    }

    fn http_rule(&mut self, table: &HttpTable) -> Option<HttpRule> {
        if table.method.is_none() && table.path.is_none() && table.headers.is_none() {
            if !self.reported_in(table.span) {
                self.error(
                    Diagnostic::error(codes::HTTP, table.span, "HTTP rule says neither method, path nor headers")
                        .help("leave `http` out where any request is meant"),
                );
            }
            return None;
        }
        let method = self.accepted(table.method.as_ref(), check_method);
        let path = self.accepted(table.path.as_ref(), check_path);
        let headers = table.headers.as_ref().map_or(Some(vec![]), |headers| self.headers(headers));
        Some(HttpRule { method: method?, path: path?, headers: headers? })
    }

    /// A value if it is written; `None` if it is not what it must be, which was reported.
    fn accepted(
        &mut self,
        text: Option<&Spanned<String>>,
        check: fn(&str) -> Result<(), Refusal>,
    ) -> Option<Option<Sym>> {
        let Some(text) = text else { return Some(None) };
        self.accept(text.span, check(&text.value)).then(|| Some(text.value.as_str().into()))
    }

    /// Names of headers are compared without regard to case (RFC 9110, 5.1), so they are kept in lower case.
    fn headers(&mut self, headers: &Headers) -> Option<Vec<(Sym, Sym)>> {
        let mut whole = true;
        let mut found: BTreeMap<Sym, (Sym, Span)> = BTreeMap::new();
        for (name, value) in &headers.0.0 {
            whole &= self.accept(name.span, check_header_name(&name.value));
            let Some(value) = value else {
                whole = false;
                continue;
            };
            whole &= self.accept(value.span, check_header_value(&value.value));
            let entry = (Sym::from(value.value.as_str()), name.span);
            if let Some((_, first)) = found.insert(name.value.to_ascii_lowercase().into(), entry) {
                whole = false;
                self.error(
                    Diagnostic::error(codes::HTTP, name.span, format!("header {} is named twice", quote(&name.value)))
                        .related(first, "first named here")
                        .note("case makes no difference in names of headers")
                        .help("remove one of them"),
                );
            }
        }
        whole.then(|| found.into_iter().map(|(name, (value, _))| (name, value)).collect())
    }

    pub(super) fn check_http(&mut self, edge: &Edge) {
        let Some(span) = edge.http_span else { return };
        if let Some(port) = edge.ports.iter().find(|port| port.protocol != Protocol::Tcp) {
            let message = format!("HTTP rule on port `{port}`");
            self.error(
                Diagnostic::error(codes::HTTP, span, message)
                    .related(edge.ports_span, "")
                    .help("HTTP is TCP only: split the edge"),
            );
        }
    }
}

/// An upper-case method. Targets take it for a regular expression, so it has nothing in it that means more than itself.
fn check_method(text: &str) -> Result<(), Refusal> {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase());
    if text.len() <= MAX_METHOD && text.split('-').all(word) {
        return Ok(());
    }
    let help = match text.len() {
        len if len > MAX_METHOD => format!("a method has at most {MAX_METHOD} characters"),
        _ => "write it in upper case, as GET or POST".to_owned(),
    };
    refuse(codes::HTTP, format!("{} is no HTTP method", quote(text)), help)
}

fn check_path(text: &str) -> Result<(), Refusal> {
    let shown = quote(text);
    if !text.starts_with('/') {
        let help = match text.starts_with('^') {
            true => "leave out `^` and `$`: a path is always compared as a whole",
            false => "write it as /api/v1/products",
        };
        return refuse(codes::HTTP, format!("path {shown} does not start with `/`"), help);
    }
    if text.len() > MAX_PATH {
        return refuse(codes::HTTP, format!("path {shown} is longer than {MAX_PATH} characters"), "shorten it");
    }
    if let Some(bad) = text.chars().find(|c| !c.is_ascii_graphic()) {
        let message =
            format!("path {shown} holds the character U+{:04X}, which no request has in its path", bad as u32);
        return refuse(codes::HTTP, message, "write it as requests do, in percent-encoded form");
    }
    if text.contains("${") {
        let help = "Flux replaces `${…}` in manifests when it applies them; write the dollar sign as `[$]`";
        return refuse(codes::HTTP, format!("path {shown} holds `${{`"), help);
    }
    let tree = match ast::parse::Parser::new().parse(text) {
        Ok(tree) => tree,
        Err(error) => {
            return refuse(
                codes::HTTP,
                format!("path {shown} is no valid regular expression"),
                error.kind().to_string(),
            );
        }
    };
    if matches!(tree, Ast::Alternation(_)) {
        let help = "put the alternatives in parentheses, as /(a|b), or write an HTTP rule for each";
        return refuse(codes::HTTP, format!("path {shown} has alternatives at its top"), help);
    }
    match ast::visit(&tree, Portable { text, in_negated: false, repeats: vec![] }) {
        Ok(()) => Ok(()),
        Err((what, help)) => refuse(codes::HTTP, format!("path {shown} has {what}"), help),
    }
}

/// What the parser takes and another engine does not, or takes for something else: what it is, and what to do.
type Foreign = (&'static str, &'static str);

/// Looks for it.
struct Portable<'t> {
    text: &'t str,
    /// Whether the class that is being looked at holds what its items do not.
    in_negated: bool,
    /// Repetitions of what is being looked at: one factor for each repetition around it.
    repeats: Vec<u32>,
}

impl ast::Visitor for Portable<'_> {
    type Output = ();
    type Err = Foreign;

    fn finish(self) -> Result<(), Foreign> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Foreign> {
        match ast {
            Ast::Flags(_) => Err(("flags", FLAGS_HELP)),
            Ast::Group(group) => match &group.kind {
                GroupKind::CaptureName { .. } => Err(("a group with a name", "write the group without it, as (…)")),
                GroupKind::NonCapturing(flags) if !flags.items.is_empty() => Err(("flags", FLAGS_HELP)),
                GroupKind::NonCapturing(_) | GroupKind::CaptureIndex(_) => Ok(()),
            },
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText => {
                    Err(("an anchor", "remove `^` and `$`: the whole path must match as it is"))
                }
                _ => Err(("a word boundary", "name the characters that are meant, as [^/]")),
            },
            Ast::ClassUnicode(_) => Err(CLASS),
            Ast::ClassPerl(class) if class.negated => Err(QUERY),
            Ast::ClassBracketed(class) => {
                self.in_negated = class.negated;
                // Targets put the question mark first, where these two then mean something else.
                match self.text.as_bytes().get(class.span.start.offset + 2) {
                    Some(b']' | b'-') if class.negated => {
                        Err(("`]` or `-` at the beginning of `[^…]`", "write `\\]` or `\\-`"))
                    }
                    _ => Ok(()),
                }
            }
            Ast::Literal(literal) if literal.c == '?' => Err(QUERY),
            Ast::Literal(literal) => literal_of(literal),
            Ast::Repetition(repetition) => {
                if matches!(*repetition.ast, Ast::Repetition(_)) {
                    return Err(("a repetition of a repetition", "put the inner one in parentheses"));
                }
                self.repeats.push(most(&repetition.op.kind));
                match self.repeats.iter().try_fold(1u32, |product, factor| product.checked_mul(*factor)) {
                    Some(product) if product <= MAX_REPEAT => Ok(()),
                    _ => Err(("more than 1000 repetitions", "use `*` or `+`, or fewer")),
                }
            }
            _ => Ok(()),
        }
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), Foreign> {
        if matches!(ast, Ast::Repetition(_)) {
            self.repeats.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Foreign> {
        if !self.in_negated && holds_question_mark(item) {
            return Err(QUERY);
        }
        match item {
            ClassSetItem::Bracketed(_) => Err(("a class within a class", "write one class, as [a-z0-9]")),
            ClassSetItem::Unicode(_) => Err(CLASS),
            ClassSetItem::Literal(literal) => literal_of(literal),
            ClassSetItem::Range(range) => literal_of(&range.start).and_then(|()| literal_of(&range.end)),
            _ => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ast::ClassSetBinaryOp) -> Result<(), Foreign> {
        Err(("`&&`, `--` or `~~` in a class", "write each of the characters once, a hyphen last"))
    }
}

const FLAGS_HELP: &str = "remove them: paths are compared as they are, case included";

const CLASS: Foreign = ("a class of Unicode characters", "name the characters that are meant, as [A-Za-z0-9]");

/// A request's path ends at its first `?`, and an intent says nothing of what follows.
const QUERY: Foreign = (
    "a character that may be `?`, where the query of a request begins",
    "leave the query out: it is not looked at; `.` and `[^…]` are any character of a path",
);

fn holds_question_mark(item: &ClassSetItem) -> bool {
    use ast::ClassAsciiKind::{Ascii, Graph, Print, Punct};
    match item {
        ClassSetItem::Literal(literal) => literal.c == '?',
        ClassSetItem::Range(range) => range.start.c <= '?' && '?' <= range.end.c,
        ClassSetItem::Perl(class) => class.negated,
        ClassSetItem::Ascii(class) => matches!(class.kind, Ascii | Graph | Print | Punct) != class.negated,
        _ => false,
    }
}

/// `\u…` and `\U…` are not known to RE2 and Go.
fn literal_of(literal: &ast::Literal) -> Result<(), Foreign> {
    use ast::{HexLiteralKind, LiteralKind};
    match literal.kind {
        LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
            Err(("a Unicode escape", "requests have such characters in percent-encoded form"))
        }
        _ => Ok(()),
    }
}

/// The factor of one repetition in the limit: what has no upper bound counts with its lower one.
fn most(kind: &RepetitionKind) -> u32 {
    let bound = match kind {
        RepetitionKind::Range(RepetitionRange::Exactly(n) | RepetitionRange::AtLeast(n)) => *n,
        RepetitionKind::Range(RepetitionRange::Bounded(_, n)) => *n,
        RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
    };
    bound.max(1)
}

/// The name of a header: a token (RFC 9110, 5.6.2). Cilium splits `Name: value` at its first space and takes colons off the
/// name's end (cilium/cilium, pkg/envoy, getHTTPRule), so exactly these names come through unchanged.
fn check_header_name(text: &str) -> Result<(), Refusal> {
    let shown = quote(text);
    if text.eq_ignore_ascii_case("host") || text.starts_with(':') {
        let message = format!("{shown} is no header that a rule can ask for");
        let help = "name a header of its own; method and path have their keys, and hosts are not policed";
        return refuse(codes::HTTP, message, help);
    }
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !(1..=MAX_HEADER).contains(&text.len()) || !text.bytes().all(token) {
        let help = format!("a name has 1 to {MAX_HEADER} letters, digits and hyphens, as X-Tenant");
        return refuse(codes::HTTP, format!("{shown} is no name of a header"), help);
    }
    Ok(())
}

/// The value of a header, which must be equal: what a request can carry there (RFC 9110, 5.5), ASCII alone, and never
/// empty, as Envoy takes an empty value for any.
fn check_header_value(text: &str) -> Result<(), Refusal> {
    let shown = quote(text);
    if text.is_empty() {
        let help = "write the exact value, or leave the header out";
        return refuse(codes::HTTP, "the value of a header is empty", help);
    }
    if text.len() > MAX_VALUE {
        let message = format!("header value {shown} is longer than {MAX_VALUE} characters");
        return refuse(codes::HTTP, message, "name a header with a shorter value");
    }
    if let Some(bad) = text.chars().find(|c| !c.is_ascii_graphic() && *c != ' ') {
        let message = format!("header value {shown} holds the character U+{:04X}", bad as u32);
        return refuse(codes::HTTP, message, "use visible ASCII characters, with spaces only between them");
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        let message = format!("header value {shown} starts or ends with a space");
        return refuse(codes::HTTP, message, "remove it: requests arrive without such spaces");
    }
    if text.contains("${") {
        let help = "Flux replaces `${…}` in manifests when it applies them; a rule cannot ask for this value";
        return refuse(codes::HTTP, format!("header value {shown} holds `${{`"), help);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
