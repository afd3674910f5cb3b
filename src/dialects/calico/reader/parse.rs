//! The selector language of Calico, read from text: the whole of it.
//!
//! In: the text of a selector. Out: its tree, or what is wrong with it. Grammar and meaning follow projectcalico/calico,
//! `libcalico-go/lib/selector` (`tokenizer`, `parser`):
//!
//! 1. `||` binds weakest, then `&&`, then `!`, of which two cancel each other. Brackets group.
//! 2. A literal ends at the next quote of its kind: there are no escapes.
//! 3. Words such as `in` are operators after a label and labels elsewhere.
//! 4. Empty text selects everything, as `all()` does.

use std::collections::BTreeSet;

use super::selector::Selector;
use crate::model::Sym;

/// Longest selector that the API server takes.
const MAX_LENGTH: usize = 1024;
/// Longest label (`tokenizer.MaxLabelLength`).
const MAX_LABEL: usize = 512;
/// Deepest nesting of brackets that is read; a person's selector has one or two.
const MAX_DEPTH: usize = 128;

/// What is wrong with a selector.
pub(super) type Refusal = (String, &'static str);

/// Reads a selector.
pub(super) fn parse(text: &str) -> Result<Selector, Refusal> {
    if text.chars().count() > MAX_LENGTH {
        return refuse(format!("a selector of more than {MAX_LENGTH} characters"), "select by fewer labels");
    }
    match equalities(text) {
        Some(selector) => Ok(selector),
        None => by_tokens(text),
    }
}

fn by_tokens(text: &str) -> Result<Selector, Refusal> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Selector::All);
    }
    let mut parser = Parser { tokens: &tokens, depth: 0 };
    let selector = parser.or()?;
    match parser.tokens {
        [] => Ok(selector),
        _ => refuse("a selector with something after its end", "join terms by `&&`"),
    }
}

/// `a == 'b' && c == 'd'`, as most selectors are written, without the detour through tokens.
fn equalities(text: &str) -> Option<Selector> {
    let equality = |part: &str| {
        let (label, value) = part.split_once(" == '")?;
        let value = value.strip_suffix('\'').filter(|value| !value.contains('\''))?;
        let is_label = (1..=MAX_LABEL).contains(&label.len()) && label.chars().all(is_identifier);
        is_label.then(|| Selector::Equals(label.into(), value.into()))
    };
    let parts: Vec<Selector> = text.split(" && ").map(equality).collect::<Option<_>>()?;
    Some(single(parts, Selector::And))
}

fn refuse<T>(message: impl Into<String>, help: &'static str) -> Result<T, Refusal> {
    Err((message.into(), help))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Label(Sym),
    Literal(Sym),
    Has(Sym),
    All,
    Global,
    Operator(Operator),
    In,
    NotIn,
    Open,
    Close,
    OpenSet,
    CloseSet,
    Comma,
    Not,
    And,
    Or,
}

/// What compares a label with one literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    Differs,
    Contains,
    StartsWith,
    EndsWith,
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    const SYMBOLS: [(&str, Token); 10] = [
        ("==", Token::Operator(Operator::Equals)),
        ("!=", Token::Operator(Operator::Differs)),
        ("&&", Token::And),
        ("||", Token::Or),
        ("!", Token::Not),
        ("(", Token::Open),
        (")", Token::Close),
        ("{", Token::OpenSet),
        ("}", Token::CloseSet),
        (",", Token::Comma),
    ];
    let mut out: Vec<Token> = vec![];
    let mut rest = blank(text);
    while let Some(first) = rest.chars().next() {
        let symbol = SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol));
        let (token, after) = if let Some((symbol, token)) = symbol {
            (token.clone(), rest.get(symbol.len()..).unwrap_or_default())
        } else if matches!(first, '\'' | '"') {
            literal(rest, first)?
        } else if matches!(out.last(), Some(Token::Label(_))) {
            operator(rest)?
        } else {
            operand(rest)?
        };
        out.push(token);
        rest = blank(after);
    }
    Ok(out)
}

fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// 2.
fn literal(text: &str, quote: char) -> Result<(Token, &str), Refusal> {
    match text.get(1..).unwrap_or_default().split_once(quote) {
        Some((value, after)) => Ok((Token::Literal(value.into()), after)),
        None => refuse("a selector whose text has no end", "close the quote"),
    }
}

/// 3.
fn operator(text: &str) -> Result<(Token, &str), Refusal> {
    const WORDS: [(&str, &str, Token); 5] = [
        ("contains", "", Token::Operator(Operator::Contains)),
        ("starts", "with", Token::Operator(Operator::StartsWith)),
        ("ends", "with", Token::Operator(Operator::EndsWith)),
        ("not", "in", Token::NotIn),
        ("in", "", Token::In),
    ];
    for (first, second, token) in WORDS {
        let after =
            text.strip_prefix(first).and_then(|after| blank(after).strip_prefix(second).map(|end| (after, end)));
        let Some((plain, end)) = after else { continue };
        let end = if second.is_empty() { plain } else { end };
        if !end.starts_with(is_identifier) {
            return Ok((token, end));
        }
    }
    refuse("a selector without operator after a label", "write `==`, `!=`, `in`, `not in`, `contains`, …")
}

fn operand(text: &str) -> Result<(Token, &str), Refusal> {
    for (word, token) in [("all(", Token::All), ("global(", Token::Global)] {
        if let Some(inside) = text.strip_prefix(word) {
            return match blank(inside).strip_prefix(')') {
                Some(after) => Ok((token, after)),
                None => refuse(format!("a selector in which `{word}` is not closed"), "write `)` right after it"),
            };
        }
    }
    if let Some(inside) = text.strip_prefix("has(") {
        let (label, after) = identifier(blank(inside))?;
        return match blank(after).strip_prefix(')') {
            Some(after) => Ok((Token::Has(label), after)),
            None => refuse("a selector in which `has(` is not closed", "write one label, then `)`"),
        };
    }
    let (label, after) = identifier(text)?;
    Ok((Token::Label(label), after))
}

fn is_identifier(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-')
}

fn identifier(text: &str) -> Result<(Sym, &str), Refusal> {
    let (label, after) = text.split_at(text.find(|c| !is_identifier(c)).unwrap_or(text.len()));
    match label.len() {
        1..=MAX_LABEL => Ok((label.into(), after)),
        _ => refuse("a selector without a label where one belongs", "write labels plain and values in quotes"),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    depth: usize,
}

impl Parser<'_> {
    /// Takes the next token if it is this one.
    fn take(&mut self, token: &Token) -> bool {
        match self.tokens.split_first() {
            Some((next, rest)) if next == token => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    /// 1.
    fn or(&mut self) -> Result<Selector, Refusal> {
        let mut parts = vec![self.and()?];
        while self.take(&Token::Or) {
            parts.push(self.and()?);
        }
        Ok(single(parts, Selector::Or))
    }

    fn and(&mut self) -> Result<Selector, Refusal> {
        let mut parts = vec![self.term()?];
        while self.take(&Token::And) {
            parts.push(self.term()?);
        }
        Ok(single(parts, Selector::And))
    }

    fn term(&mut self) -> Result<Selector, Refusal> {
        let mut negated = false;
        while self.take(&Token::Not) {
            negated = !negated;
        }
        let Some((first, rest)) = self.tokens.split_first() else {
            return refuse("a selector that ends too early", "finish it, or remove the operator at its end");
        };
        self.tokens = rest;
        let selector = match first {
            Token::All => Selector::All,
            Token::Global => Selector::Global,
            Token::Has(label) => Selector::Has(label.clone()),
            Token::Label(label) => self.comparison(label)?,
            Token::Open => self.group()?,
            _ => return refuse("a selector with an operator where a label belongs", "write a label or `(` there"),
        };
        Ok(if negated { Selector::Not(Box::new(selector)) } else { selector })
    }

    fn group(&mut self) -> Result<Selector, Refusal> {
        if self.depth == MAX_DEPTH {
            return refuse("a selector with too many brackets inside each other", "write it flat");
        }
        self.depth += 1;
        let inner = self.or()?;
        self.depth -= 1;
        if self.take(&Token::Close) { Ok(inner) } else { refuse("a selector with an open bracket", "close it") }
    }

    fn comparison(&mut self, label: &Sym) -> Result<Selector, Refusal> {
        let key = label.clone();
        match self.tokens {
            [Token::Operator(operator), Token::Literal(value), rest @ ..] => {
                self.tokens = rest;
                let value = value.clone();
                Ok(match operator {
                    Operator::Equals => Selector::Equals(key, value),
                    Operator::Differs => Selector::Differs(key, value),
                    Operator::Contains => Selector::Contains(key, value),
                    Operator::StartsWith => Selector::StartsWith(key, value),
                    Operator::EndsWith => Selector::EndsWith(key, value),
                })
            }
            [Token::In, Token::OpenSet, rest @ ..] => {
                self.tokens = rest;
                Ok(Selector::In(key, self.set()?))
            }
            [Token::NotIn, Token::OpenSet, rest @ ..] => {
                self.tokens = rest;
                Ok(Selector::NotIn(key, self.set()?))
            }
            _ => refuse("a selector that compares a label with no text", "write `label == 'value'`, in quotes"),
        }
    }

    /// A comma may stand before the end.
    fn set(&mut self) -> Result<BTreeSet<Sym>, Refusal> {
        let mut values = BTreeSet::new();
        while let [Token::Literal(value), rest @ ..] = self.tokens {
            self.tokens = rest;
            values.insert(value.clone());
            if !self.take(&Token::Comma) {
                break;
            }
        }
        if self.take(&Token::CloseSet) {
            return Ok(values);
        }
        refuse("a selector with an open `{`", "write values in quotes, with commas between them, then `}`")
    }
}

fn single(mut parts: Vec<Selector>, many: fn(Vec<Selector>) -> Selector) -> Selector {
    match parts.len() {
        1 => parts.pop().unwrap_or(Selector::All),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{by_tokens, equalities};

    const PARTS: [&str; 12] =
        ["a", "k8s.io/b", "has", "in", " == ", "==", "'x'", "'", " && ", "'y' && ", "\"", " == 'x' && c == 'y'"];

    proptest! {
        #[test]
        fn equalities_are_read_alike_with_and_without_tokens(
            parts in prop::collection::vec(prop::sample::select(PARTS.to_vec()), 1..7)
        ) {
            let text = parts.concat();
            if let Some(selector) = equalities(&text) {
                prop_assert_eq!(by_tokens(&text), Ok(selector), "{}", text);
            }
        }
    }

    #[test]
    fn what_is_mostly_written_takes_no_tokens() {
        for text in ["app == 'x'", "projectcalico.org/name == 'a' && app == ''"] {
            assert_eq!(by_tokens(text).ok(), equalities(text), "{text}");
            assert!(equalities(text).is_some(), "{text}");
        }
    }
}
