//! The part of the Common Expression Language that `x-kubernetes-validations` of Calico and Cilium use.
//!
//! In: the text of a rule, and the object that it calls `self`. Out: whether the rule holds. What is not known here
//! stops the test: a rule that is only half understood never passes an object. Semantics:
//! <https://github.com/google/cel-spec/blob/master/doc/langdef.md>.

use std::borrow::Cow;

use serde_json::Value;

/// A rule, read.
#[derive(Debug)]
pub struct Rule {
    text: String,
    expression: Expression,
}

#[derive(Debug)]
enum Expression {
    Literal(Value),
    Name(String),
    Field(Box<Expression>, String),
    /// `has(a.b)`: the object, the field.
    Has(Box<Expression>, String),
    Not(Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    /// `condition ? yes : no`.
    Choice(Box<Expression>, Box<Expression>, Box<Expression>),
    Size(Box<Expression>),
    Contains(Box<Expression>, Box<Expression>),
    /// `list.exists(name, predicate)`.
    Exists(Box<Expression>, String, Box<Expression>),
}

use Expression::{Binary, Choice, Contains, Exists, Field, Has, Literal, Name, Not, Size};

impl Rule {
    /// Reads a rule.
    pub fn parse(text: &str) -> Self {
        let mut parser = Parser { tokens: tokens(text), at: 0, text };
        let expression = parser.choice();
        assert!(parser.at == parser.tokens.len(), "not understood from token {} on: {text}", parser.at);
        Self { text: text.to_owned(), expression }
    }

    /// Whether it holds of an object. A field that is missing where none may be is a failure too, as it is to the API
    /// server.
    pub fn holds(&self, object: &Value) -> bool {
        let scope = [("self", object)];
        let Ok(value) = evaluate(&self.expression, &scope) else { return false };
        value.as_bool().unwrap_or_else(|| panic!("{} gives {value}", self.text))
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
}

const SIGNS: [&str; 14] = ["&&", "||", "==", "!=", ">=", "<=", ">", "<", "!", "?", ":", "(", ")", "."];

fn tokens(text: &str) -> Vec<Token> {
    let mut out = vec![];
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let span = |accept: &dyn Fn(char) -> bool| rest.find(|c| !accept(c)).unwrap_or(rest.len());
        let length = if first.is_ascii_alphabetic() || first == '_' {
            let end = span(&|c| c.is_ascii_alphanumeric() || c == '_');
            out.push(Token::Word(rest[..end].to_owned()));
            end
        } else if first.is_ascii_digit() {
            let end = span(&|c| c.is_ascii_digit() || c == '.');
            out.push(Token::Number(rest[..end].parse().unwrap()));
            end
        } else if first == '\'' || first == '"' {
            let end = rest[1..].find(first).unwrap_or_else(|| panic!("open text: {text}"));
            let inner = &rest[1..=end];
            assert!(!inner.contains('\\'), "escapes are not understood: {text}");
            out.push(Token::Text(inner.to_owned()));
            end + 2
        } else if first == ',' {
            out.push(Token::Sign(","));
            1
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.unwrap_or_else(|| panic!("{first:?} is not understood: {text}"));
            out.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    out
}

struct Parser<'t> {
    tokens: Vec<Token>,
    at: usize,
    text: &'t str,
}

impl Parser<'_> {
    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) {
        assert!(self.take(sign), "{sign} is missing at token {}: {}", self.at, self.text);
    }

    fn word(&mut self) -> String {
        let Some(Token::Word(word)) = self.tokens.get(self.at) else {
            panic!("no name at token {}: {}", self.at, self.text)
        };
        self.at += 1;
        word.clone()
    }

    fn choice(&mut self) -> Expression {
        let condition = self.binary(&[&["||"], &["&&"], &["==", "!=", ">=", "<=", ">", "<"]]);
        if !self.take("?") {
            return condition;
        }
        let yes = self.choice();
        self.expect(":");
        Choice(condition.into(), yes.into(), self.choice().into())
    }

    /// Operators of the first level bind least.
    fn binary(&mut self, levels: &[&[&'static str]]) -> Expression {
        let Some((signs, tighter)) = levels.split_first() else { return self.unary() };
        let mut left = self.binary(tighter);
        while let Some(sign) = signs.iter().find(|sign| self.take(sign)) {
            left = Binary(sign, left.into(), self.binary(tighter).into());
        }
        left
    }

    fn unary(&mut self) -> Expression {
        if self.take("!") { Not(self.unary().into()) } else { self.member() }
    }

    fn member(&mut self) -> Expression {
        let mut value = self.primary();
        while self.take(".") {
            let name = self.word();
            value = match (self.take("("), name.as_str()) {
                (false, _) => Field(value.into(), name),
                (true, "contains") => Contains(value.into(), self.closed().into()),
                (true, "exists") => {
                    let variable = self.word();
                    self.expect(",");
                    Exists(value.into(), variable, self.closed().into())
                }
                (true, _) => panic!("{name}() is not understood: {}", self.text),
            };
        }
        value
    }

    /// The last argument, and the parenthesis behind it.
    fn closed(&mut self) -> Expression {
        let inner = self.choice();
        self.expect(")");
        inner
    }

    fn primary(&mut self) -> Expression {
        if self.take("(") {
            return self.closed();
        }
        let token = self.tokens.get(self.at).unwrap_or_else(|| panic!("ends too early: {}", self.text)).clone();
        self.at += 1;
        match token {
            Token::Text(text) => Literal(text.into()),
            Token::Number(number) => Literal(number.into()),
            Token::Sign(sign) => panic!("{sign} at token {}: {}", self.at, self.text),
            Token::Word(word) if !self.take("(") => match word.as_str() {
                "true" | "false" => Literal((word == "true").into()),
                _ => Name(word),
            },
            Token::Word(word) => match (word.as_str(), self.closed()) {
                ("has", Field(object, field)) => Has(object, field),
                ("size", value) => Size(value.into()),
                _ => panic!("{word}() is not understood: {}", self.text),
            },
        }
    }
}

/// A field that is not there was asked for.
#[derive(Debug)]
struct Missing;

type Scope<'a> = &'a [(&'a str, &'a Value)];

fn evaluate<'a>(expression: &'a Expression, scope: Scope<'a>) -> Result<Cow<'a, Value>, Missing> {
    let boolean = |expression| Ok(evaluate(expression, scope)?.as_bool().expect("a boolean"));
    let value: Value = match expression {
        Literal(value) => return Ok(Cow::Borrowed(value)),
        Name(name) => {
            let found = scope.iter().rev().find(|(known, _)| known == name);
            return Ok(Cow::Borrowed(found.unwrap_or_else(|| panic!("{name} is not understood")).1));
        }
        Field(object, field) => {
            return match evaluate(object, scope)? {
                Cow::Borrowed(object) => object.get(field).map(Cow::Borrowed),
                Cow::Owned(object) => object.get(field).cloned().map(Cow::Owned),
            }
            .ok_or(Missing);
        }
        Choice(condition, yes, no) => return evaluate(if boolean(condition)? { yes } else { no }, scope),
        Has(object, field) => evaluate(object, scope)?.get(field).is_some().into(),
        Not(value) => (!boolean(value)?).into(),
        // Either side alone may decide, even where the other cannot be evaluated.
        Binary(sign @ ("&&" | "||"), left, right) => {
            let decisive = *sign == "||";
            match (boolean(left), boolean(right)) {
                (Ok(side), _) | (_, Ok(side)) if side == decisive => decisive.into(),
                (left, right) => {
                    left?;
                    right?;
                    (!decisive).into()
                }
            }
        }
        Binary(sign, left, right) => compare(sign, &*evaluate(left, scope)?, &*evaluate(right, scope)?).into(),
        Size(value) => match &*evaluate(value, scope)? {
            Value::String(text) => text.chars().count().into(),
            Value::Array(list) => list.len().into(),
            Value::Object(map) => map.len().into(),
            other => panic!("{other} has no size"),
        },
        Contains(text, part) => match (&*evaluate(text, scope)?, &*evaluate(part, scope)?) {
            (Value::String(text), Value::String(part)) => text.contains(part).into(),
            other => panic!("{other:?} are no texts"),
        },
        Exists(list, name, predicate) => {
            let list = evaluate(list, scope)?;
            let mut any = false;
            for item in list.as_array().expect("a list") {
                let scope = [scope, &[(name.as_str(), item)]].concat();
                any |= evaluate(predicate, &scope)?.as_bool().expect("a boolean");
            }
            any.into()
        }
    };
    Ok(Cow::Owned(value))
}

/// Values of different types are different; all numbers are of one type here.
fn compare(sign: &str, left: &Value, right: &Value) -> bool {
    let numbers = left.as_f64().zip(right.as_f64());
    let ordering = numbers.and_then(|(left, right)| left.partial_cmp(&right));
    let equal = ordering.map_or(left == right, std::cmp::Ordering::is_eq);
    let ordered = || ordering.expect("numbers");
    match sign {
        "==" => equal,
        "!=" => !equal,
        ">" => ordered().is_gt(),
        "<" => ordered().is_lt(),
        ">=" => ordered().is_ge(),
        "<=" => ordered().is_le(),
        _ => unreachable!("{sign}"),
    }
}

#[test]
fn rules_mean_what_the_language_says() {
    let object = serde_json::json!({ "a": true, "n": 6, "t": "x(y", "l": ["p", "q"], "o": { "e": [] } });
    let holds = |rule: &str| Rule::parse(rule).holds(&object);
    for rule in [
        "self.a",
        "!has(self.b) && has(self.o.e)",
        "self.n == 6.0 && self.n != '6' && self.n > 5",
        "self.t.contains('x(') && !self.t.contains('z')",
        "size(self.l) == 2 && size(self.o.e) == 0 && size(self.t) >= 3",
        "self.l.exists(i, i == 'q') && !self.l.exists(i, i == 'r')",
        "self.a ? self.n == 6 : self.n == 7",
        "true || self.gone && false",
        "self.gone || self.a",
        "false && true || true",
    ] {
        assert!(holds(rule), "{rule}");
    }
    for rule in ["!self.a", "self.gone", "self.gone == 'x'", "false && (true || true)", "self.gone && self.a"] {
        assert!(!holds(rule), "{rule}");
    }
}

#[test]
fn what_is_not_understood_stops_the_test() {
    for rule in ["self.a.matches('x')", "self.a + 1 == 2", "self.a in ['b']", "self.a == 'b' self", "isURL(self.a)"] {
        assert!(std::panic::catch_unwind(|| Rule::parse(rule)).is_err(), "{rule}");
    }
}
