//! Templates to bytes.
//!
//! In: the documents of a dialect, its embedded templates and the project's own in their place. Out: one text for each
//! document. A template sees its document and nothing else; what it may
//! say, how long it may run and how much it may write is bounded, so that no template can hang or exhaust the machine.
//! Whether the text *means* the right thing is not decided here: it is read back and proved.

mod engine;
mod language;
mod program;
mod run;
mod scalar;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use camino::Utf8PathBuf;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use rayon::prelude::*;

use self::program::Program;
use self::run::Budget;
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::{Dialect, Document, REGISTRY};
use crate::source::{FileId, Sources};

pub use scalar::yaml_scalar;

pub use language::MAX_TEMPLATE_BYTES;

/// Instructions of a template for any document, and for each byte that it is expected to write.
pub const FUEL: (usize, usize) = (50_000, 4);
/// Bytes of a text for any document, and for each byte that it is expected to have.
pub const BYTES: (usize, usize) = (64 << 10, 8);

/// How many bytes a template may write for a document of some weight.
pub fn most_bytes(weight: usize) -> usize {
    BYTES.0 + BYTES.1 * weight
}

/// What rendering a document may cost.
fn budget(document: &Document) -> Budget {
    Budget { fuel: FUEL.0 + FUEL.1 * document.weight, bytes: most_bytes(document.weight) }
}

/// Documents that one thread renders before another one takes some of them.
const AT_ONCE: usize = 8;

/// One rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Path below the dialect's folder.
    pub path: Utf8PathBuf,
    /// Its text.
    pub text: String,
}

/// The templates of one dialect, ready to render.
#[derive(Debug)]
pub struct Renderer {
    env: Environment<'static>,
    files: BTreeMap<&'static str, FileId>,
    /// Programs of the templates that are plain.
    programs: BTreeMap<&'static str, Program>,
}

/// Overrides that belong to no dialect: nothing would ever use them.
pub fn stray_overrides(overrides: &[(Utf8PathBuf, FileId)], sources: &Sources) -> Vec<Diagnostic> {
    let folder = |path: &Utf8PathBuf| path.components().next().map_or(String::new(), |part| part.to_string());
    overrides
        .iter()
        .filter(|(path, _)| !REGISTRY.iter().any(|dialect| *dialect.name() == folder(path)))
        .map(|(path, file)| {
            let message = format!("template {} belongs to no dialect", quote(path.as_str()));
            Diagnostic::error(codes::TEMPLATE, sources.line_span(*file, 1), message)
                .did_you_mean(&folder(path), REGISTRY.iter().map(|dialect| dialect.name()))
                .help("templates stand in `templates/<dialect>/`; move or remove the file")
        })
        .collect()
}

impl Renderer {
    /// The dialect's templates with the project's own in their place: paths below `templates/`, as
    /// `kubernetes/allow.yaml.j2`. Embedded templates become texts of the run, so that messages can point into them.
    ///
    /// # Errors
    /// A template does not parse or uses what templates may not, or an override replaces nothing.
    pub fn new(
        dialect: &dyn Dialect,
        overrides: &[(Utf8PathBuf, FileId)],
        sources: &mut Sources,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut errors = vec![];
        let own: BTreeMap<&str, FileId> = overrides
            .iter()
            .filter_map(|(path, file)| Some((path.strip_prefix(dialect.name()).ok()?.as_str(), *file)))
            .collect();
        let known: BTreeSet<&str> = dialect.templates().iter().map(|(name, _)| *name).collect();
        for (name, file) in own.iter().filter(|(name, _)| !known.contains(*name)) {
            let names: Vec<String> = known.iter().map(|name| quote(name)).collect();
            let message = format!("{} is no template of {}", quote(name), dialect.name());
            errors.push(
                Diagnostic::error(codes::TEMPLATE, sources.line_span(*file, 1), message)
                    .did_you_mean(name, known.iter().copied())
                    .help(format!("templates that can be replaced: {}", names.join(", "))),
            );
        }
        let mut this = Self { env: engine::environment(), files: BTreeMap::new(), programs: BTreeMap::new() };
        for (name, text) in dialect.templates() {
            let file = own.get(name).copied().unwrap_or_else(|| {
                sources.add(format!("templates/{}/{name} (built in)", dialect.name()), (*text).to_owned())
            });
            this.files.insert(name, file);
            this.add(name, file, sources, &mut errors);
        }
        if errors.is_empty() { Ok(this) } else { Err(errors) }
    }

    fn add(&mut self, name: &'static str, file: FileId, sources: &Sources, errors: &mut Vec<Diagnostic>) {
        let text = &sources.get(file).text;
        if text.len() > language::MAX_TEMPLATE_BYTES {
            let message = format!("the template is larger than {} KiB", language::MAX_TEMPLATE_BYTES >> 10);
            let span = sources.line_span(file, 1);
            errors.push(Diagnostic::error(codes::TEMPLATE, span, message).help("loop over what the template is given"));
            return;
        }
        let refusals = language::refusals(text);
        for refusal in &refusals {
            let message = format!("templates do not have {}", refusal.what);
            errors.push(
                Diagnostic::error(codes::TEMPLATE, sources.line_span(file, refusal.line), message)
                    .help(refusal.instead),
            );
        }
        if !refusals.is_empty() {
            return;
        }
        let text = text.replace("\r\n", "\n");
        let program = program::program(&text);
        match self.env.add_template_owned(name, text) {
            Ok(()) => self.programs.extend(program.map(|program| (name, program))),
            Err(error) => errors.push(self.explain(&error, name, sources)),
        }
    }

    /// Renders the documents, in their order.
    ///
    /// # Errors
    /// Every template error once, whatever the number of documents that run into it.
    pub fn render(&self, sources: &Sources, documents: &[Document]) -> Result<Vec<Rendered>, Vec<Diagnostic>> {
        let results: Vec<Result<Rendered, Box<Diagnostic>>> =
            documents.par_iter().with_min_len(AT_ONCE).map(|document| self.render_one(sources, document)).collect();
        let mut rendered = Vec::with_capacity(results.len());
        let mut errors: Vec<Diagnostic> = vec![];
        let mut seen = BTreeSet::new();
        for result in results {
            match result {
                Ok(text) => rendered.push(text),
                Err(error) => {
                    if seen.insert((error.primary.as_ref().map(|label| label.span), error.message.clone())) {
                        errors.push(*error);
                    }
                }
            }
        }
        if errors.is_empty() { Ok(rendered) } else { Err(errors) }
    }

    fn render_one(&self, sources: &Sources, document: &Document) -> Result<Rendered, Box<Diagnostic>> {
        let mut text = String::with_capacity(document.weight);
        self.render_into(sources, document, &mut text)?;
        Ok(Rendered { path: document.path.clone(), text })
    }

    /// Renders a document and appends its text, so that it can stand behind what is there already.
    ///
    /// # Errors
    /// What is wrong with its template; then nothing is appended.
    pub fn render_into(&self, sources: &Sources, document: &Document, out: &mut String) -> Result<(), Box<Diagnostic>> {
        let start = out.len();
        let program = self.programs.get(document.template).zip(document.view.flat());
        let done = program.and_then(|(program, view)| run::run(program, view, budget(document), out));
        if done.is_none() {
            out.truncate(start);
            out.push_str(&self.interpret(sources, document)?);
        }
        Ok(())
    }

    /// The text of a document as the engine renders it. Whatever [`Self::render_into`] does to be faster, it says the same.
    ///
    /// # Errors
    /// What is wrong with its template.
    pub fn interpret(&self, sources: &Sources, document: &Document) -> Result<String, Box<Diagnostic>> {
        let note = format!("while rendering {}", quote(document.path.as_str()));
        let mut env = self.env.clone();
        let Budget { fuel, bytes } = budget(document);
        env.set_fuel(Some(fuel as u64));
        let mut out = Bounded { bytes: Vec::with_capacity(document.weight), limit: bytes };
        let view = document.view.value();
        env.get_template(document.template)
            .and_then(|template| template.render_captured_to(view.clone(), &mut out).map(|_| ()))
            .map_err(|error| {
                let mut diagnostic = self.explain(&error, document.template, sources).note(&note);
                if cause(&error).kind() == ErrorKind::UndefinedError {
                    for (of, names) in given(&view) {
                        diagnostic = diagnostic.help(format!("{of}: {}", names.join(", ")));
                    }
                }
                Box::new(diagnostic)
            })?;
        let mut text = String::from_utf8(out.bytes).unwrap_or_default();
        text.truncate(text.trim_end().len());
        text.push('\n');
        match unfit(&text) {
            None => Ok(text),
            Some(unfit) => Err(Box::new(self.refuse(&unfit, document, sources).note(note))),
        }
    }

    /// What no file may hold, at the line of the template that mostly says it in so many words.
    fn refuse(&self, unfit: &Unfit<'_>, document: &Document, sources: &Sources) -> Diagnostic {
        let Unfit { bad, what, line } = unfit;
        let message = match *line {
            "" => format!("the template writes {what}"),
            _ => format!("the template writes {what}: {}", quote(line.trim_end())),
        };
        let diagnostic = match self.files.get(document.template) {
            Some(file) => {
                let lines = sources.get(*file).text.lines();
                let at = lines.zip(1..).find(|(line, _)| !bad.is_empty() && line.contains(bad));
                let span = sources.line_span(*file, at.map_or(1, |(_, number)| number));
                Diagnostic::error(codes::TEMPLATE, span, message)
            }
            None => Diagnostic::placeless(codes::TEMPLATE, message),
        };
        diagnostic.help(match *bad {
            "" => "correct the template, or remove it to use the one built in",
            _ => "change the line of the template that writes it",
        })
    }

    /// What went wrong in a template, at its line.
    fn explain(&self, error: &Error, template: &str, sources: &Sources) -> Diagnostic {
        let cause = cause(error);
        // Where includes never end, the first one is the place; else what went wrong inside of it.
        let (error, place) = if is_too_deep(cause) { (cause, error) } else { (cause, cause) };
        let name = place.name().unwrap_or(template);
        let message = match error.kind() {
            ErrorKind::OutOfFuel => "the template runs too long".to_owned(),
            ErrorKind::WriteFailure => "the template writes too much".to_owned(),
            ErrorKind::UndefinedError => "the template uses a name that is not defined".to_owned(),
            ErrorKind::InvalidOperation if is_too_deep(error) => "templates include each other without end".to_owned(),
            kind => error.detail().map_or_else(|| kind.to_string(), lower_first),
        };
        let diagnostic = match self.files.get(name) {
            Some(file) => {
                let span = sources.line_span(*file, place.line().unwrap_or(1));
                Diagnostic::error(codes::TEMPLATE, span, clean(&message))
            }
            None => Diagnostic::placeless(codes::TEMPLATE, clean(&message)),
        };
        match error.kind() {
            ErrorKind::OutOfFuel | ErrorKind::WriteFailure => {
                diagnostic.help("loop only over what the template is given, each thing once")
            }
            ErrorKind::UnknownFilter => diagnostic.help(format!("filters: {}", engine::FILTERS.join(", "))),
            ErrorKind::TemplateNotFound => {
                let names: Vec<String> = self.files.keys().map(|name| quote(name)).collect();
                diagnostic.help(format!("templates that can be included: {}", names.join(", ")))
            }
            ErrorKind::UndefinedError => diagnostic,
            _ => diagnostic.help("correct the template, or remove it to use the one built in"),
        }
    }
}

/// The engine's words, without what would not show in a terminal.
fn clean(message: &str) -> String {
    message.chars().filter(|c| !crate::diag::is_deceptive(*c)).collect()
}

/// Whether includes were nested too deep.
fn is_too_deep(error: &Error) -> bool {
    error.detail().is_some_and(|detail| detail.contains("recursion limit"))
}

/// What went wrong in an included template: the error of the include says only that something did.
fn cause(error: &Error) -> &Error {
    let inner = std::error::Error::source(error).and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(inner) if error.kind() == ErrorKind::BadInclude => cause(inner),
        _ => error,
    }
}

/// What a template may name: of the document, then of the things in its lists.
fn given(view: &Value) -> Vec<(String, Vec<String>)> {
    let keys = |value: &Value| -> Vec<String> {
        let map = value.kind() == ValueKind::Map;
        map.then(|| value.try_iter().ok()).flatten().into_iter().flatten().map(|key| key.to_string()).collect()
    };
    let mut out = vec![("the template is given".to_owned(), view.clone(), keys(view))];
    let mut at = 0;
    while let Some((_, value, names)) = out.get(at).cloned() {
        for name in names {
            let list = value.get_attr(&name).ok().filter(|list| list.kind() == ValueKind::Seq);
            let first = list.and_then(|list| list.try_iter().ok()?.next());
            if let Some(first) = first.filter(|first| !keys(first).is_empty()) {
                let names = keys(&first);
                out.push((format!("each of {} has", quote(&name)), first, names));
            }
        }
        at += 1;
    }
    out.into_iter().map(|(of, _, names)| (of, names.iter().map(|name| quote(name)).collect())).collect()
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

/// What no file may hold, in words, and the line that does.
struct Unfit<'a> {
    bad: &'static str,
    what: &'static str,
    line: &'a str,
}

fn unfit(text: &str) -> Option<Unfit<'_>> {
    if text.trim().is_empty() {
        return Some(Unfit { bad: "", what: "nothing", line: "" });
    }
    let what = [("\t", "a tab"), ("\r", "a carriage return"), ("${", "`${`, which Flux would replace")];
    what.into_iter().find_map(|(bad, what)| {
        let line = text.split('\n').find(|line| line.contains(bad))?;
        Some(Unfit { bad, what, line })
    })
}

/// A buffer that takes so many bytes and no more.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::Error::other("too much output"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
