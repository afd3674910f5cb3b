//! Advice is tried before it is given: what the intents mean with it, and what a build would refuse.

use std::collections::BTreeMap;

use super::Run;
use super::advice::Snippet;
use super::judge::{Question, intended};
use super::written::Place;
use crate::checks::{self, Context, Settings};
use crate::cli::run::today;
use crate::diag::{Code, Diagnostic, Diagnostics, Level, codes};
use crate::dialects::{self, Dialect};
use crate::intent;
use crate::model::Model;
use crate::source::{FileId, Sources};
use crate::verify::Asked;

/// How it went.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub(super) obstacles: Vec<Obstacle>,
    pub(super) works: bool,
}

/// What a build would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) code: Code,
    pub(super) message: String,
    /// Where it stands; `None`: in what would be added, or nowhere.
    pub(super) place: Option<Place>,
    /// Facts that explain it, and what to do.
    pub(super) notes: Vec<String>,
}

impl Obstacle {
    /// Whether it is there so that the flow is not allowed.
    pub(super) fn is_guardrail(&self) -> bool {
        [codes::FORBID, codes::GUARD].contains(&self.code)
    }

    /// `ends`: the last lines that texts had before something was added to them.
    fn of(error: &Diagnostic, sources: &Sources, ends: &BTreeMap<FileId, usize>) -> Self {
        let label = error.primary.as_ref();
        let place = label.map(|label| (Place::of(sources, label.span), ends.get(&label.span.file)));
        Self {
            code: error.code,
            message: error.message.clone(),
            place: place.and_then(|(place, end)| end.is_none_or(|end| place.line <= *end).then_some(place)),
            notes: error.notes.iter().chain(&error.help).cloned().collect(),
        }
    }
}

/// Compiles the intents with what is to be added, and asks them again.
pub(super) fn run(
    run: &mut Run,
    model: &Model,
    add: &[Snippet],
    question: Question<'_>,
    dialects: &[&'static dyn Dialect],
) -> Tried {
    let project = &mut run.project;
    let mut errors = Diagnostics::default();
    let (mut before, mut ends) = (vec![], BTreeMap::new());
    for (position, intent) in project.intents.iter_mut().enumerate() {
        let own: Vec<&Snippet> = add.iter().filter(|snippet| model[snippet.app].file == intent.file).collect();
        if own.is_empty() {
            continue;
        }
        let old = project.sources.get(intent.file);
        let (path, text, end) = (old.path.clone(), with(&old.text, &own), old.text.lines().count());
        let file = project.sources.add(path, text);
        ends.insert(file, end);
        let parsed = intent::parse(&project.sources, file, &mut errors);
        before.push((position, std::mem::replace(intent, parsed)));
    }
    let models = project.models(model.cluster.as_deref(), &mut errors);
    let mut works = false;
    let (targets, agents) = (project.targets(), dialects::agents());
    let about = |model| Context { targets: &targets, agents: &agents, ..Context::new(model, today()) };
    let contexts: Vec<Context<'_>> = models.iter().map(about).collect();
    let outcomes = checks::run(&contexts, &Settings::new(Level::Warning));
    errors.extend(outcomes.into_iter().flat_map(|outcome| outcome.diagnostics));
    for model in &models {
        errors.extend(dialects::review(model, dialects).errors);
        works = dialects.iter().all(|dialect| {
            let can = dialect.capabilities();
            intended(question, model, can, &Asked::of(model, can)).allowed
        });
    }
    for (position, intent) in before {
        if let Some(place) = project.intents.get_mut(position) {
            *place = intent;
        }
    }
    let sorted = errors.into_sorted(&project.sources);
    let errors = sorted.iter().filter(|found| found.level == Level::Error);
    let obstacles: Vec<Obstacle> = errors.map(|error| Obstacle::of(error, &project.sources, &ends)).collect();
    Tried { works: works && obstacles.is_empty(), obstacles }
}

/// A text with lines added. No line that was there moves: messages about them stay true.
fn with(text: &str, add: &[&Snippet]) -> String {
    let mut text = text.to_owned();
    for snippet in add {
        match snippet.inside.and_then(|key| opening(&text, key)) {
            Some(at) => text.insert_str(at, &format!(" {}", snippet.toml)),
            None => text.push_str(&format!("\n{}", snippet.toml)),
        }
    }
    text
}

/// Where a list or table begins that is written as the one value of a key, behind its bracket.
pub(super) fn opening(text: &str, key: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let plain = line.trim_start();
        if plain.starts_with('[') {
            return None;
        }
        if let Some(rest) = plain.strip_prefix(key)
            && rest.trim_start().starts_with('=')
        {
            let from = start + (line.len() - rest.len());
            let bracket = text.get(from..)?.find(['[', '{'])?;
            return Some(from + bracket + 1);
        }
        start += line.len();
    }
    None
}
