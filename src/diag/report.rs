//! Findings as other tools read them.
//!
//! In: the findings of one run, what waivers accept, and what is known of every code. Out: one document in the [`Format`]
//! asked for, a module each. A document is valid whatever was found, also where a project could not even be parsed.

use std::sync::Arc;

use camino::Utf8Path;

use super::{Code, Diagnostic, Level, concise, github, gitlab, json, junit, markdown, sarif};
use crate::source::{Sources, Span};

/// How findings are written. The command line takes its values from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: with source lines, on standard error.
    Full,
    /// For people: a line each.
    Concise,
    /// An array of objects with everything that is known.
    Json,
    /// SARIF 2.1.0, as code scanning services take it.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// The Code Quality report of GitLab.
    Gitlab,
    /// JUnit XML, which nearly every CI system shows.
    Junit,
    /// Markdown of GitHub and GitLab.
    Markdown,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Full, Self::Concise, Self::Json, Self::Sarif, Self::Github, Self::Gitlab, Self::Junit, Self::Markdown];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
        }
    }

    /// What it is, for the help.
    pub fn about(self) -> &'static str {
        match self {
            Self::Full => "With the source lines and what to do",
            Self::Concise => "One line each",
            Self::Json => "One JSON document; `netpolc schema findings` describes it",
            Self::Sarif => "SARIF 2.1.0, for code scanning",
            Self::Github => "Annotations of GitHub Actions",
            Self::Gitlab => "A Code Quality report of GitLab",
            Self::Junit => "JUnit XML, a failed test for each finding",
            Self::Markdown => "Markdown, for the summary of a run or a comment",
        }
    }

    /// Whether people read it, who are also told when nothing was found.
    pub fn is_for_people(self) -> bool {
        matches!(self, Self::Full | Self::Concise)
    }
}

/// A finding that a waiver accepts.
#[derive(Debug, Clone)]
pub struct Waived {
    /// What would be told without the waiver.
    pub diagnostic: Diagnostic,
    /// Why it is accepted.
    pub reason: Arc<str>,
    /// Where the waiver is written.
    pub waiver: Span,
}

/// What is known of a code.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The code.
    pub code: Code,
    /// The rule's name; `None` for what is no rule.
    pub name: Option<&'static str>,
    /// What it is about, in a word.
    pub group: &'static str,
    /// Its level where a project says nothing; `None`: it is not looked for.
    pub level: Option<Level>,
    /// One line.
    pub summary: &'static str,
    /// All that is to say, in Markdown. The first line is the title.
    pub text: String,
}

impl Explained {
    /// The level of what is found, where a project says nothing.
    pub fn level_of_findings(&self) -> Level {
        self.level.unwrap_or(Level::Warning)
    }

    /// The code with a few words: `NP201 all-ports`.
    pub fn title(&self) -> String {
        format!("{} {}", self.code, self.name.unwrap_or(self.summary))
    }
}

/// The findings of one run.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// All texts of the run.
    pub sources: &'a Sources,
    /// What was found, in the order in which it is told.
    pub found: &'a [Diagnostic],
    /// What waivers accept, as far as it shall be told.
    pub waived: &'a [Waived],
    /// Every code.
    pub explained: &'a [Explained],
    /// Where the project lies in its repository; empty where it is the repository. Services that show findings in a
    /// repository take paths from there.
    pub folder: &'a Utf8Path,
}

impl Report<'_> {
    /// The document, line end included. Empty for [`Format::Full`], which is no document: see [`super::render`].
    pub fn document(&self, format: Format) -> String {
        match format {
            Format::Full => String::new(),
            Format::Concise => self.lines(),
            Format::Json => json::document(self),
            Format::Sarif => sarif::document(self),
            Format::Github => github::document(self),
            Format::Gitlab => gitlab::document(self),
            Format::Junit => junit::document(self),
            Format::Markdown => markdown::document(self),
        }
    }

    fn lines(&self) -> String {
        let found = self.found.iter().map(|diagnostic| concise(diagnostic, self.sources) + "\n");
        found.chain(self.waived.iter().map(|waived| waived.line(self.sources) + "\n")).collect()
    }

    /// What is known of a finding's code.
    pub(super) fn explained(&self, code: Code) -> Option<&Explained> {
        self.explained.iter().find(|explained| explained.code == code)
    }

    /// Everything that is told: what was found, then what is waived.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Diagnostic, Option<&Waived>)> {
        let found = self.found.iter().map(|diagnostic| (diagnostic, None));
        found.chain(self.waived.iter().map(|waived| (&waived.diagnostic, Some(waived))))
    }
}

impl Waived {
    /// One line, as [`concise`] writes what is not waived.
    pub fn line(&self, sources: &Sources) -> String {
        let Diagnostic { code, level, .. } = &self.diagnostic;
        let told = concise(&self.diagnostic, sources);
        let waived = told.replacen(&format!("{}[{code}]", level.as_str()), &format!("waived[{code}]"), 1);
        format!("{waived} ({})", self.reason)
    }
}

/// JSON with line breaks, as people look at it too.
pub(crate) fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// A diagnostic without its places: the message, then each note and help on a line of its own.
pub(super) fn in_words(diagnostic: &Diagnostic) -> String {
    let notes = diagnostic.notes.iter().map(|note| format!("\nnote: {note}"));
    let help = diagnostic.help.iter().map(|help| format!("\nhelp: {help}"));
    std::iter::once(diagnostic.message.clone()).chain(notes).chain(help).collect()
}
