//! Loading a project, and what its intents mean in each of its clusters.

use std::collections::BTreeSet;
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use crate::checks::Target;
use crate::diag::{Diagnostic, Diagnostics, codes, quote};
use crate::dialects::{self, Dialect};
use crate::intent::{self, IntentFile, Parsed, ProjectFile};
use crate::model::{self, Input, Model};
use crate::render;
use crate::source::{self, FileId, Root, SourceError, Sources, Spanned, is_inside};

/// The texts of a project and its settings, before any meaning.
pub struct Project {
    /// Its root.
    pub root: Root,
    /// All texts of the run.
    pub sources: Sources,
    /// The folder of the output, relative to the root.
    pub out: Utf8PathBuf,
    /// The folder of the intents, relative to the root.
    pub intents_dir: Utf8PathBuf,
    /// The folder of templates, relative to the root.
    pub templates_dir: Utf8PathBuf,
    /// The intents.
    pub intents: Vec<Parsed<IntentFile>>,
    /// The project file.
    pub settings: Option<ProjectFile>,
    /// Templates that replace embedded ones: path below the templates' folder.
    pub templates: Vec<(Utf8PathBuf, FileId)>,
    /// Dialects that the project renders.
    pub dialects: Vec<&'static dyn Dialect>,
}

/// The project could not be read.
#[derive(Debug)]
pub struct LoadError(SourceError);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl From<SourceError> for LoadError {
    fn from(error: SourceError) -> Self {
        Self(error)
    }
}

impl Project {
    /// Reads everything that a project consists of. What is wrong with its texts goes to `diags`.
    ///
    /// # Errors
    /// When the system refuses to read something that is there.
    pub fn load(root: Root, diags: &mut Diagnostics) -> Result<Self, LoadError> {
        let mut sources = Sources::default();
        let file = source::load_project_file(&root, &mut sources, diags)?;
        let settings = file.and_then(|file| intent::parse::<ProjectFile>(&sources, file, diags).table);
        let paths = settings.as_ref().and_then(|settings| settings.paths.as_ref());
        let mut folder = |written: Option<&Spanned<String>>, default: &str| match written {
            None => Utf8PathBuf::from(default),
            Some(path) if is_inside(&path.value) => Utf8PathBuf::from(path.value.trim_end_matches('/')),
            Some(path) => {
                let message = format!("{} is no folder inside the project", quote(&path.value));
                let error = Diagnostic::error(codes::PATH, path.span, message);
                diags.push(error.help("write a relative path without `.` and `..`"));
                Utf8PathBuf::from(default)
            }
        };
        let intents_dir = folder(paths.and_then(|paths| paths.intents.as_ref()), "intents");
        let out = folder(paths.and_then(|paths| paths.out.as_ref()), "out");
        let templates_dir = folder(paths.and_then(|paths| paths.templates.as_ref()), "templates");
        let dialects = chosen_dialects(settings.as_ref(), diags);
        if let Some(paths) = paths {
            check_apart(
                [
                    ("intents", &intents_dir, paths.intents.as_ref()),
                    ("out", &out, paths.out.as_ref()),
                    ("templates", &templates_dir, paths.templates.as_ref()),
                ],
                diags,
            );
        }

        let files = source::load_intents(&root, &intents_dir, &mut sources, diags)?;
        let templates = source::load_templates(&root, &templates_dir, &mut sources, diags)?;
        diags.extend(render::stray_overrides(&templates, &sources));
        if files.is_empty() && !diags.has_errors() {
            let message = format!("there are no intents in {}", quote(&format!("{intents_dir}/")));
            let error = Diagnostic::placeless(codes::PATH, message);
            diags.push(error.help("`netpolc init` writes a first one").note(format!("the project is {}", root.dir)));
        }
        let parsed: Vec<(Parsed<IntentFile>, Diagnostics)> = files
            .par_iter()
            .map(|file| {
                let mut local = Diagnostics::default();
                (intent::parse(&sources, *file, &mut local), local)
            })
            .collect();
        let mut intents = Vec::with_capacity(parsed.len());
        let hidden = unreadable_lines(&sources, diags);
        for (intent, local) in parsed {
            let said = |d: &&Diagnostic| {
                let line = d.primary.as_ref().map(|place| sources.line_col(place.span).0);
                d.code != codes::SYNTAX || !line.is_some_and(|line| hidden.contains(&(intent.file, line)))
            };
            diags.extend(local.iter().filter(said).cloned());
            intents.push(intent);
        }
        Ok(Self { root, sources, out, intents_dir, templates_dir, intents, settings, templates, dialects })
    }

    /// What enforces the policies, as far as rules ask.
    pub fn targets(&self) -> Vec<Target> {
        self.dialects.iter().map(|dialect| dialect.target()).collect()
    }

    /// The model of each cluster, as far as there was no error; `only` names one cluster.
    pub fn models(&self, only: Option<&str>, diags: &mut Diagnostics) -> Vec<Model> {
        let rules: Vec<(&'static str, &'static str)> =
            crate::checks::all().map(|rule| (rule.code.0, rule.about)).collect();
        let names: Vec<&str> = dialects::REGISTRY.iter().map(|dialect| dialect.name()).collect();
        let input = Input {
            sources: &self.sources,
            intents: &self.intents,
            project: self.settings.as_ref(),
            cluster: None,
            rules: &rules,
            dialects: &names,
        };
        let before = diags.clone();
        let known = before.iter().count();
        let mut models = vec![];
        let mut said = vec![];
        for cluster in model::clusters(&input).into_iter().filter(|cluster| only.is_none() || *cluster == only) {
            let mut local = before.clone();
            models.extend(model::build(Input { cluster, ..input }, &mut local));
            said.push((cluster, local.iter().skip(known).cloned().collect()));
        }
        diags.extend(super::merge(said.len(), said));
        models
    }

    /// Names of the project's clusters; none when it names none.
    pub fn clusters(&self) -> Vec<&str> {
        let table = self.settings.as_ref().and_then(|settings| settings.clusters.as_ref());
        table.into_iter().flat_map(|table| &table.0).map(|(name, _)| name.value.as_str()).collect()
    }

    /// The folder below `out/` for a cluster and dialect.
    pub fn folder(cluster: Option<&str>, dialect: &dyn Dialect) -> Utf8PathBuf {
        let folder = Utf8Path::new(cluster.unwrap_or_default());
        folder.join(dialect.name())
    }

    /// Absolute path of the output.
    pub fn out_dir(&self) -> Utf8PathBuf {
        self.root.dir.join(&self.out)
    }
}

/// Lines of which characters could not be read: what the parser makes of them is no second mistake.
fn unreadable_lines(sources: &Sources, diags: &Diagnostics) -> BTreeSet<(FileId, usize)> {
    let places = diags.iter().filter(|d| d.code == codes::ENCODING).filter_map(|d| d.primary.as_ref());
    places.map(|place| (place.span.file, sources.line_col(place.span).0)).collect()
}

/// Folders of which one holds another would take each other's files for their own.
fn check_apart(folders: [(&str, &Utf8PathBuf, Option<&Spanned<String>>); 3], diags: &mut Diagnostics) {
    for (at, (name, path, written)) in folders.iter().enumerate() {
        for (other, other_path, other_written) in folders.iter().skip(at + 1) {
            let Some(written) = other_written.or(*written) else { continue };
            if path.starts_with(other_path) || other_path.starts_with(path) {
                let message = format!("the folders of `{name}` and `{other}` are one, or one lies in the other");
                let error = Diagnostic::error(codes::PATH, written.span, message);
                diags.push(error.help("give each a folder of its own"));
            }
        }
    }
}

/// The dialects that the project file names, in the order of the registry; all of them where it names none.
fn chosen_dialects(settings: Option<&ProjectFile>, diags: &mut Diagnostics) -> Vec<&'static dyn Dialect> {
    let all = dialects::REGISTRY.iter().copied();
    let Some(list) = settings.and_then(|settings| settings.dialects.as_ref()) else { return all.collect() };
    let names: Vec<&str> = dialects::REGISTRY.iter().map(|dialect| dialect.name()).collect();
    for name in list.items.iter().filter(|name| !names.contains(&name.value.as_str())) {
        diags.push(model::unknown_dialect(name, &names));
    }
    all.filter(|dialect| list.items.iter().any(|name| name.value == dialect.name())).collect()
}
