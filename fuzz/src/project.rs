//! A project of texts, as every command takes one in: loaded, resolved, checked, told.

use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use netpolc::checks::{self, Context, Settings, explained};
use netpolc::diag::{Diagnostic, Diagnostics, Format, Level, Report, Waived, is_deceptive, render};
use netpolc::dialects;
use netpolc::model::Model;
use netpolc::pipeline::Project;
use netpolc::source::{Files, Root, Sources};

/// A project, and what is wrong with it.
pub struct Checked {
    pub project: Project,
    pub models: Vec<Model>,
    pub diags: Diagnostics,
    waived: Vec<Waived>,
}

/// Loads texts as a project, and runs every rule on what they mean.
pub fn check(files: Files) -> Checked {
    let mut diags = Diagnostics::default();
    let loaded = Project::load(Root::of_files("/project", files), &mut diags);
    let project = loaded.unwrap_or_else(|error| panic!("a project of texts cannot be refused by the system: {error}"));
    let models = project.models(None, &mut diags);
    let (targets, agents) = (project.targets(), dialects::agents());
    let today = jiff::civil::date(2026, 11, 20);
    let context = |model| Context { targets: &targets, agents: &agents, ..Context::new(model, today) };
    let contexts: Vec<Context<'_>> = models.iter().map(context).collect();
    let mut waived = vec![];
    for outcome in checks::run(&contexts, &Settings::new(Level::Error)) {
        diags.extend(outcome.diagnostics);
        waived.extend(outcome.waived);
    }
    Checked { project, models, diags, waived }
}

impl Checked {
    /// Writes all findings in every format. Nothing of them may reach a terminal as anything but text.
    pub fn tell(self) {
        let sources = &self.project.sources;
        let found = self.diags.into_sorted(sources);
        tell(&found, sources);
        static EXPLAINED: OnceLock<Vec<netpolc::diag::Explained>> = OnceLock::new();
        let explained = EXPLAINED.get_or_init(explained);
        let report = Report { sources, found: &found, waived: &self.waived, explained, folder: Utf8Path::new("") };
        for format in Format::ALL {
            let document = report.document(format);
            let raw = document.chars().find(|c| !matches!(c, '\n' | '\t') && is_deceptive(*c));
            assert_eq!(raw, None, "{} lets a character through", format.name());
        }
    }
}

/// Renders findings for people; each points into its text.
pub fn tell(found: &[Diagnostic], sources: &Sources) {
    for diagnostic in found {
        for label in diagnostic.primary.iter().chain(&diagnostic.related) {
            let text = &sources.get(label.span.file).text;
            assert!(text.get(label.span.range()).is_some(), "{} has no such place: {label:?}", diagnostic.message);
        }
        let shown = render(diagnostic, sources, false);
        assert!(!shown.chars().any(|c| !matches!(c, '\n' | '\t') && is_deceptive(c)), "{shown:?}");
    }
}

/// One text that stands for several files: each further one begins below a line `# <path>` that names a file of a project.
pub fn files(data: &[u8], first: &str) -> Files {
    let mut files = Files::new();
    let (mut path, mut text) = (Utf8PathBuf::from(first), vec![]);
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let other = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("# ")).map(str::trim);
        let is_file = |name: &&str| {
            *name == "netpolc.toml" || (name.starts_with("intents/") && name.ends_with(".toml") && !name.contains(".."))
        };
        match other.filter(is_file) {
            Some(other) => {
                files.insert(std::mem::replace(&mut path, other.into()), std::mem::take(&mut text));
            }
            None => text.extend_from_slice(line),
        }
    }
    files.insert(path, text);
    files
}
