//! Variables and arguments as a container sees them.
//!
//! In: texts as written. Out: [`Mention`]s, references to variables replaced where their values are known. Secrets are
//! never read, and neither is what only a running node knows.
//!
//! 1. Variables of whole ConfigMaps come first, in the order of `envFrom`, and those of `env` take their place
//!    (pkg/kubelet/kubelet_pods.go, `makeEnvironmentVariables`).
//! 2. `$(NAME)` in a value is replaced by what stands above it, in a command or an argument by any variable. `$$` is one
//!    `$`, and starts no reference. What has no value stays as it is written
//!    (third_party/forked/golang/expansion/expand.go).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::cluster::Mention;
use crate::model::Sym;
use crate::source::Span;

/// Texts longer than this are not made: each reference may double a text.
const MAX_TEXT: usize = 64 * 1024;

/// The texts of a container, as written.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    /// ConfigMaps whose keys are variables, each with what is put before its keys.
    pub(super) from: Vec<(Sym, Sym)>,
    /// Variables by their names.
    pub(super) variables: Vec<(Sym, Value)>,
    /// Command and arguments.
    pub(super) arguments: Vec<(Sym, Span)>,
}

/// The value of a variable.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A text.
    Text(Sym, Span),
    /// A key of a ConfigMap.
    Key(Sym, Sym),
    /// What no manifest says.
    Unknown,
}

/// Texts of a ConfigMap by their keys.
pub(super) type Texts = BTreeMap<Sym, (Sym, Span)>;

impl Words {
    pub(super) fn is_empty(&self) -> bool {
        self.from.is_empty() && self.variables.is_empty() && self.arguments.is_empty()
    }

    /// What the container is told. `map`: a ConfigMap of its namespace.
    pub(super) fn mentions<'m>(&self, map: impl Fn(&Sym) -> Option<&'m Texts>) -> Vec<Mention> {
        let mut known = Known::default();
        for (prefix, name) in &self.from {
            for (key, (text, span)) in map(name).into_iter().flatten() {
                known.set(format!("{prefix}{key}").into(), Some((text.clone(), *span)));
            }
        }
        for (variable, value) in &self.variables {
            let value = match value {
                Value::Text(text, span) => Some((known.expand(text), *span)),
                // Values of other objects are taken as they are.
                Value::Key(name, key) => map(name).and_then(|texts| texts.get(key)).cloned(),
                Value::Unknown => None,
            };
            known.set(variable.clone(), value);
        }
        let argument = |(text, span): &(Sym, Span)| Mention { variable: None, text: known.expand(text), span: *span };
        let arguments: Vec<Mention> = self.arguments.iter().map(argument).collect();
        let told = |(variable, value): (Sym, Option<(Sym, Span)>)| {
            let (text, span) = value?;
            Some(Mention { variable: Some(variable), text, span })
        };
        known.values.into_iter().filter_map(told).chain(arguments).collect()
    }
}

/// Variables in the order in which they are first named, and their values as far as they are known.
#[derive(Default)]
struct Known {
    values: Vec<(Sym, Option<(Sym, Span)>)>,
    at: HashMap<Sym, usize>,
}

impl Known {
    fn set(&mut self, variable: Sym, value: Option<(Sym, Span)>) {
        match self.at.get(&variable).and_then(|at| self.values.get_mut(*at)) {
            Some((_, earlier)) => *earlier = value,
            None => {
                self.at.insert(variable.clone(), self.values.len());
                self.values.push((variable, value));
            }
        }
    }

    fn get(&self, variable: &str) -> Option<&str> {
        let (_, value) = self.values.get(*self.at.get(variable)?)?;
        value.as_ref().map(|(text, _)| &**text)
    }

    /// A text with its references replaced; as it was, when it would become too long.
    fn expand(&self, text: &Sym) -> Sym {
        if !text.contains('$') {
            return text.clone();
        }
        let mut out = String::with_capacity(text.len());
        let mut rest: &str = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let reference = after.strip_prefix('(').and_then(|after| after.split_once(')'));
            let (value, after): (Cow<'_, str>, &str) = match (after.strip_prefix('$'), reference) {
                (Some(after), _) => ("$".into(), after),
                (None, Some((name, after))) => match self.get(name) {
                    Some(value) => (value.into(), after),
                    None => (format!("$({name})").into(), after),
                },
                (None, None) if after.starts_with('(') => {
                    // Nothing is closed behind it: no reference follows.
                    out.push('$');
                    out.push_str(&after.replace("$$", "$"));
                    return out.into();
                }
                (None, None) => ("$".into(), after),
            };
            if out.len() + value.len() > MAX_TEXT.max(text.len()) {
                return text.clone();
            }
            out.push_str(&value);
            rest = after;
        }
        out.push_str(rest);
        out.into()
    }
}
