//! Calico's selector language (its documentation of GlobalNetworkPolicy, "Selectors"; libcalico-go/lib/selector).

use serde::Deserialize;

use super::Labels;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Selector {
    All,
    Global,
    Has(String),
    Equals(String, String),
    In(String, Vec<String>),
    Contains(String, String),
    StartsWith(String, String),
    EndsWith(String, String),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl TryFrom<String> for Selector {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(&text)?, at: 0 };
        let selector = parser.or()?;
        match parser.tokens.get(parser.at) {
            None => Ok(selector),
            Some(token) => Err(format!("selector goes on after its end: {token:?}")),
        }
    }
}

impl Selector {
    /// Evaluates with a prefix before every key. `global()` has a meaning for namespaces alone: it is replaced before.
    pub fn matches(&self, labels: &Labels, prefix: &str) -> bool {
        let value = |key: &String| labels.get(&format!("{prefix}{key}"));
        match self {
            Self::All => true,
            Self::Global => panic!("global() outside of a namespace selector"),
            Self::Has(key) => value(key).is_some(),
            Self::Equals(key, wanted) => value(key) == Some(wanted),
            Self::In(key, wanted) => value(key).is_some_and(|value| wanted.contains(value)),
            Self::Contains(key, part) => value(key).is_some_and(|value| value.contains(part)),
            Self::StartsWith(key, part) => value(key).is_some_and(|value| value.starts_with(part)),
            Self::EndsWith(key, part) => value(key).is_some_and(|value| value.ends_with(part)),
            Self::Not(inner) => !inner.matches(labels, prefix),
            Self::And(parts) => parts.iter().all(|part| part.matches(labels, prefix)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(labels, prefix)),
        }
    }

    /// As a choice of namespaces, over the labels of what is in them: `all()` is whatever is in a namespace, `global()`
    /// what is in none, and any other key is a namespace's.
    pub fn matches_namespace(&self, labels: &Labels) -> bool {
        let in_some = labels.contains_key(super::NAMESPACE);
        match self {
            Self::All => in_some,
            Self::Global => !in_some,
            Self::Not(inner) => !inner.matches_namespace(labels),
            Self::And(parts) => parts.iter().all(|part| part.matches_namespace(labels)),
            Self::Or(parts) => parts.iter().any(|part| part.matches_namespace(labels)),
            other => other.matches(labels, "pcns."),
        }
    }

    pub fn has_global(&self) -> bool {
        match self {
            Self::Global => true,
            Self::Not(inner) => inner.has_global(),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::has_global),
            _ => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A key or a word of an operator.
    Word(String),
    Text(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = vec![];
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let signs = ["==", "!=", "&&", "||", "!", "(", ")", "{", "}", ","];
        if let Some(sign) = signs.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if first == '\'' || first == '"' {
            // Literals have no escapes: the next quote of the same kind ends one.
            let end = rest[1..].find(first).ok_or_else(|| format!("selector with an open literal: {text}"))?;
            tokens.push(Token::Text(rest[1..=end].to_owned()));
            rest = &rest[end + 2..];
        } else {
            let of_key = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
            let end = rest.find(|c| !of_key(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("selector with {first:?}: {text}"));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn or(&mut self) -> Result<Selector, String> {
        let mut parts = vec![self.and()?];
        while self.sign("||") {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Selector::Or(parts) })
    }

    /// `&&` binds tighter than `||`.
    fn and(&mut self) -> Result<Selector, String> {
        let mut parts = vec![self.term()?];
        while self.sign("&&") {
            parts.push(self.term()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Selector::And(parts) })
    }

    fn term(&mut self) -> Result<Selector, String> {
        if self.sign("!") {
            return Ok(Selector::Not(Box::new(self.term()?)));
        }
        if self.sign("(") {
            let inner = self.or()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let key = self.word()?;
        if self.sign("(") {
            let function = match key.as_str() {
                "all" => Selector::All,
                "global" => Selector::Global,
                "has" => Selector::Has(self.word()?),
                _ => return Err(format!("selector with the function {key}")),
            };
            self.expect(")")?;
            return Ok(function);
        }
        if self.sign("==") {
            return Ok(Selector::Equals(key, self.text()?));
        }
        // These hold where the key is missing, too.
        if self.sign("!=") {
            return Ok(Selector::Not(Box::new(Selector::Equals(key, self.text()?))));
        }
        let operator = self.word()?;
        Ok(match operator.as_str() {
            "in" => Selector::In(key, self.texts()?),
            "contains" => Selector::Contains(key, self.text()?),
            "not" | "starts" | "ends" => match (operator.as_str(), self.word()?.as_str()) {
                ("not", "in") => Selector::Not(Box::new(Selector::In(key, self.texts()?))),
                ("starts", "with") => Selector::StartsWith(key, self.text()?),
                ("ends", "with") => Selector::EndsWith(key, self.text()?),
                (first, second) => return Err(format!("selector with the operator {first} {second}")),
            },
            other => return Err(format!("selector with the operator {other}")),
        })
    }

    fn texts(&mut self) -> Result<Vec<String>, String> {
        self.expect("{")?;
        let mut texts = vec![];
        while !self.sign("}") {
            texts.push(self.text()?);
            if !self.sign(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(texts)
    }

    fn sign(&mut self, sign: &'static str) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), String> {
        if self.sign(sign) { Ok(()) } else { Err(format!("selector without {sign}")) }
    }

    fn word(&mut self) -> Result<String, String> {
        match self.tokens.get(self.at) {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(word.clone())
            }
            other => Err(format!("selector with {other:?} for a key")),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        match self.tokens.get(self.at) {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            other => Err(format!("selector with {other:?} for a literal")),
        }
    }
}
