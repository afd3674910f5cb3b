//! What netpolc says to people: one [`Diagnostic`] feeds every output format.
//!
//! In: facts with spans. Out: text. A diagnostic carries the user's words and places; how it looks is decided here
//! alone. Nothing that a user wrote reaches a terminal unescaped: see [`quote`].

pub mod codes;
mod fix;
mod github;
mod gitlab;
mod human;
mod json;
mod junit;
mod line_hash;
pub mod markdown;
mod place;
mod report;
mod sarif;

use crate::source::{Sources, Span};

pub use codes::{Code, CodeDoc};
pub use fix::{Edit, Fix};
pub use human::{concise, line, render};
pub use json::findings_schema;
pub(crate) use json::schema_of;
pub(crate) use report::pretty;
pub use report::{Explained, Format, Report, Waived};

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Stops the build.
    Error,
    /// Is shown; stops the build only under `--strict`.
    Warning,
}

impl Level {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place with a few words about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// One thing to tell: what, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, as `netpolc rule CODE` explains it.
    pub code: Code,
    /// How bad it is.
    pub level: Level,
    /// What is wrong: lower case, no final stop, the user's words in backticks.
    pub message: String,
    /// Where. `None` only for what has no text, as a missing folder.
    pub primary: Option<Label>,
    /// Other places that matter.
    pub related: Vec<Label>,
    /// Facts that explain.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
    /// The change that mends it, where there is exactly one.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Level::Error, Some(span), message.into())
    }

    /// A warning at a place.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Level::Warning, Some(span), message.into())
    }

    /// An error that has no place in a text.
    pub fn placeless(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Level::Error, None, message.into())
    }

    fn new(code: Code, level: Level, span: Option<Span>, message: String) -> Self {
        let primary = span.map(|span| Label { span, text: String::new() });
        Self { code, level, message, primary, related: vec![], notes: vec![], help: vec![], fix: None }
    }

    /// Words beside the underline of the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(primary) = &mut self.primary {
            primary.text = text.into();
        }
        self
    }

    /// Another place that matters.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// A fact that explains.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// What to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// The change that mends it.
    #[must_use]
    pub fn fix(mut self, message: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.fix = Some(Fix { message: message.into(), edits });
        self
    }

    /// "did you mean", when some known name is near.
    #[must_use]
    pub fn did_you_mean<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(wrong, known) {
            Some(name) => self.help(format!("did you mean {}?", quote(name))),
            None => self,
        }
    }
}

/// The diagnostics of one run, collected by every stage.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds all of another run's.
    pub fn extend(&mut self, other: impl IntoIterator<Item = Diagnostic>) {
        self.list.extend(other);
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.level == Level::Error)
    }

    /// All of them, as pushed.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// All of them in the order of files and lines, each once, whatever the order in which the stages found them.
    pub fn into_sorted(mut self, sources: &Sources) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| {
            let key = |d: &Diagnostic| {
                d.primary.as_ref().map(|p| (sources.path(p.span.file).to_owned(), p.span.start, p.span.end))
            };
            // What has no place says something of the rest, and comes after it.
            (key(a).is_none(), key(a), a.code, &a.message).cmp(&(key(b).is_none(), key(b), b.code, &b.message))
        });
        self.list.dedup();
        self.list
    }
}

/// The longest text that is taken for a misspelt name, in characters.
const MAX_NAME: usize = 256;

/// The known name that is near enough to a wrong one to be worth a question.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wrong.chars().count();
    // A longer text is no name, and the cost of a comparison grows with both lengths.
    if length > MAX_NAME {
        return None;
    }
    let limit = (length.max(3) / 3).max(1);
    known
        .into_iter()
        .filter(|name| name.chars().take(MAX_NAME + limit).count().abs_diff(length) <= limit)
        .map(|name| (strsim::damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// The user's own words in backticks: control, bidirectional and invisible characters escaped, overlong text cut.
pub fn quote(text: &str) -> String {
    const MAX: usize = 80;
    let mut out = String::from("`");
    for (count, c) in text.chars().enumerate() {
        if count == MAX {
            out.push('…');
            break;
        }
        if is_deceptive(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out.push('`');
    out
}

/// Characters that do not show as what they are: controls, bidirectional marks, zero-width and odd spaces.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00a0}' | '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{180e}'
            | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
