//! Against what a project is compared: a git revision of it, another folder, or what is in out/.
//!
//! In: the word of the command line. Out: the generated texts of that side, and what its intents say, as far as there are
//! any. What was rendered counts, as that is what is applied; what that side renders elsewhere, in a cluster by a plugin,
//! is compiled from its intents.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::super::run::Run;
use super::super::{Exit, Target, Terminal};
use crate::diag::{Diagnostics, Level, quote};
use crate::dialects::{self, Dialect};
use crate::lower::lower;
use crate::model::{Model, Sym};
use crate::output::{self, Change, ChangeKind, Scope, Tree};
use crate::pipeline::{Project, compile};
use crate::source::git::{GitError, Revision};
use crate::source::{self, Files, PROJECT_FILE, Root};

/// What the other side is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Against {
    /// What is in this folder, which a build would write.
    Output(String),
    /// A revision, and its commit.
    Revision(String, String),
    /// Another folder.
    Folder(String),
}

/// The other side.
pub(super) struct Before {
    pub(super) against: Against,
    /// Generated texts by their path below out/.
    files: BTreeMap<Utf8PathBuf, String>,
    /// What was meant there.
    pub(super) intents: Option<Intents>,
    /// What a reader must know of this side, beside the difference.
    pub(super) notes: Vec<String>,
}

/// The intents of the other side.
pub(super) struct Intents {
    project: Project,
    /// One model a cluster; fewer where something is wrong.
    pub(super) models: Vec<Model>,
    /// Why some are missing.
    wrong: Option<String>,
}

impl Intents {
    fn load(root: Root) -> Option<Self> {
        let mut diags = Diagnostics::default();
        let project = Project::load(root, &mut diags).ok()?;
        if project.intents.is_empty() {
            return None;
        }
        let models = if diags.has_errors() { vec![] } else { project.models(None, &mut diags) };
        let errors = || diags.iter().filter(|found| found.level == Level::Error);
        let wrong = errors().next().map(|first| {
            let place = first.primary.as_ref().map_or(String::new(), |place| {
                let line = project.sources.line_col(place.span).0;
                format!(" ({}:{line})", project.sources.path(place.span.file))
            });
            let more = match errors().count() - 1 {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            format!("{}{place}{more}", first.message)
        });
        Some(Self { project, models, wrong })
    }

    pub(super) fn sources(&self) -> &source::Sources {
        &self.project.sources
    }

    /// What a dialect makes of them in a cluster.
    fn rendered(&mut self, cluster: Option<&Sym>, dialect: &'static dyn Dialect) -> Result<Tree, String> {
        let model = self.models.iter().find(|model| model.cluster.as_ref() == cluster);
        let Some(model) = model else { return Err(self.wrong.clone().unwrap_or_default()) };
        let reviewed = dialects::review(model, &[dialect]);
        let said = |found: &[crate::diag::Diagnostic]| found.first().map_or(String::new(), |one| one.message.clone());
        if !reviewed.errors.is_empty() {
            return Err(said(&reviewed.errors));
        }
        let mut sources = std::mem::take(&mut self.project.sources);
        let done = compile(&self.project, &mut sources, model, &lower(model), dialect, &reviewed);
        self.project.sources = sources;
        done.map(|done| done.files).map_err(|errors| said(&errors))
    }
}

impl Before {
    /// The side that `--against` names.
    pub(super) fn find(run: &Run, name: &str, target: &Target, terminal: &mut Terminal) -> Result<Self, Exit> {
        let cwd = super::super::run::here(terminal)?;
        let folder = cwd.join(name);
        let is_folder = !name.is_empty() && folder.is_dir();
        let is_path = name == "."
            || name == ".."
            || name.ends_with('/')
            || ["./", "../", "/"].iter().any(|start| name.starts_with(start));
        let mut before = if is_path {
            Self::of_folder(&folder, name)
        } else {
            match Revision::find(&run.project.root.dir, name) {
                Ok(revision) => {
                    if is_folder {
                        let name = quote(name);
                        terminal.tell(format!(
                            "note: {name} is a revision and a folder: compared with the revision; a folder is meant by `./` \
                             before its name"
                        ));
                    }
                    Self::of_revision(&revision)
                }
                Err(_) if is_folder => Self::of_folder(&folder, name),
                Err(error) => Err(error.to_string()),
            }
        }
        .map_err(|error| terminal.fail(error))?;
        let wanted = |path: &Utf8PathBuf| is_wanted(path, target);
        before.files.retain(|path, _| wanted(path));
        before.fill(target).map_err(|error| terminal.fail(error))?;
        Ok(before)
    }

    fn of_revision(revision: &Revision) -> Result<Self, String> {
        let failed = |error: GitError| error.to_string();
        let file = Utf8Path::new(PROJECT_FILE);
        let root = |files: Files| Root::of_files(revision.name.as_str(), files);
        let settings = revision.read(&[file]).map_err(failed)?.files;
        // Where its folders were is said by the project file of that time.
        let layout = Project::load(root(settings), &mut Diagnostics::default()).map_err(|error| error.to_string())?;
        let folders = [file, &layout.intents_dir, &layout.templates_dir, &layout.out];
        let tree = revision.read(&folders).map_err(failed)?;
        let mut notes: Vec<String> =
            tree.odd.iter().map(|(path, what)| format!("{} {what}, and was not read", quote(path.as_str()))).collect();
        let (out, rest): (Files, Files) = tree.files.into_iter().partition(|(path, _)| path.starts_with(&layout.out));
        let below = |path: Utf8PathBuf| path.strip_prefix(&layout.out).map(Utf8Path::to_owned).unwrap_or(path);
        let files = generated(out.into_iter().map(|(path, bytes)| (below(path), bytes)));
        let intents = Intents::load(root(rest));
        if intents.is_none() && files.is_empty() {
            notes.push(format!("{} holds no netpolc project here: all of it is new", quote(&revision.name)));
        }
        let against = Against::Revision(revision.name.clone(), revision.short().to_owned());
        Ok(Self { against, files, intents, notes })
    }

    fn of_folder(dir: &Utf8Path, name: &str) -> Result<Self, String> {
        if !dir.is_dir() {
            return Err(format!("there is no folder {}", quote(name)));
        }
        let against = Against::Folder(name.to_owned());
        let root = Root::at(dir);
        if root.project_file.is_some() || dir.join("intents").is_dir() {
            let intents = Intents::load(root.clone());
            let out = match &intents {
                Some(intents) => intents.project.out_dir(),
                None => dir.join("out"),
            };
            return Ok(Self { against, files: on_disk(&out)?, intents, notes: vec![] });
        }
        let out = dir.join("out");
        let files = on_disk(if out.is_dir() { &out } else { dir })?;
        if !files.keys().any(|path| folder_of(path).is_some()) {
            return Err(format!(
                "{} holds neither a project (netpolc.toml or intents/) nor generated policies in folders of their dialects",
                quote(name)
            ));
        }
        Ok(Self { against, files, intents: None, notes: vec![] })
    }

    /// Renders what this side keeps no files of.
    fn fill(&mut self, target: &Target) -> Result<(), String> {
        let Some(intents) = &mut self.intents else { return Ok(()) };
        let there: BTreeSet<Utf8PathBuf> = self.files.keys().filter_map(|path| folder_of(path)).collect();
        let clusters: Vec<Option<Sym>> = match intents.project.clusters() {
            none if none.is_empty() => vec![None],
            names => names.into_iter().map(|name| Some(name.into())).collect(),
        };
        let dialects = intents.project.dialects.clone();
        let missing: Vec<(Option<Sym>, &'static dyn Dialect)> = clusters
            .into_iter()
            .flat_map(|cluster| dialects.iter().map(move |dialect| (cluster.clone(), *dialect)))
            .filter(|(cluster, dialect)| {
                let folder = Project::folder(cluster.as_deref(), *dialect);
                !there.contains(&folder) && is_wanted(&folder.join("x"), target)
            })
            .collect();
        let mut wrong = intents.wrong.clone();
        for (cluster, dialect) in missing {
            match intents.rendered(cluster.as_ref(), dialect) {
                Ok(files) => self.files.extend(files.into_iter().map(|(path, text)| (path, text.to_string()))),
                Err(error) => {
                    wrong.get_or_insert(error);
                }
            }
        }
        let Some(wrong) = wrong else { return Ok(()) };
        let side = self.against.name();
        if self.files.is_empty() {
            return Err(format!(
                "{side} keeps no generated policies, and this version of netpolc cannot compile its intents: {wrong}"
            ));
        }
        self.notes.push(format!(
            "the intents of {side} do not compile with this version of netpolc, so who asked for what goes is not known: {wrong}"
        ));
        Ok(())
    }

    /// Renders one folder anew, as its files cannot be read. Whether that was possible.
    pub(super) fn render(&mut self, cluster: Option<&Sym>, dialect: &'static dyn Dialect) -> bool {
        let folder = Project::folder(cluster.map(|name| &**name), dialect);
        let Some(Ok(files)) = self.intents.as_mut().map(|intents| intents.rendered(cluster, dialect)) else {
            return false;
        };
        self.files.retain(|path, _| !path.starts_with(&folder));
        self.files.extend(files.into_iter().map(|(path, text)| (path, text.to_string())));
        self.notes.push(format!(
            "the policies of {} in {folder} cannot be read by this version of netpolc: its intents were compiled instead",
            self.against.name()
        ));
        true
    }

    /// What is otherwise in the texts that are wanted now, by path. `out`: the folder of the output, as messages show it.
    pub(super) fn changes(&self, wanted: &Tree, out: &Utf8Path) -> Vec<Change> {
        let paths: BTreeSet<&Utf8PathBuf> = self.files.keys().chain(wanted.keys()).collect();
        let change = |path: &Utf8PathBuf| {
            let kind = match (self.files.get(path), wanted.get(path)) {
                (Some(old), Some(new)) if **old == **new => return None,
                (Some(old), Some(new)) => ChangeKind::Update { old: old.clone(), new: new.clone() },
                (Some(old), None) => ChangeKind::Delete { old: old.clone() },
                (None, new) => ChangeKind::Create { new: new?.clone() },
            };
            Some(Change { path: path.clone(), shown: out.join(path), kind })
        };
        paths.into_iter().filter_map(change).collect()
    }
}

impl Against {
    /// How a line of this side is told from one of the working tree.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Output(out) => format!("in {out}/"),
            Self::Revision(name, _) => format!("at {}", quote(name)),
            Self::Folder(name) => format!("in {}", quote(name)),
        }
    }

    /// As sentences name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Output(out) => format!("{out}/"),
            Self::Revision(name, _) | Self::Folder(name) => quote(name),
        }
    }
}

/// The generated ones of some files.
fn generated(files: impl Iterator<Item = (Utf8PathBuf, Vec<u8>)>) -> BTreeMap<Utf8PathBuf, String> {
    files
        .filter(|(path, _)| path != output::LOCK_FILE)
        .filter_map(|(path, bytes)| Some((path, output::generated(&bytes)?)))
        .collect()
}

fn on_disk(dir: &Utf8Path) -> Result<BTreeMap<Utf8PathBuf, String>, String> {
    let disk = output::inspect(dir, dir, Scope::everything()).map_err(|error| error.to_string())?;
    Ok(disk.said_generated())
}

/// The folder of a cluster and a dialect in which a generated file lies.
fn folder_of(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let is_dialect = |name: &str| dialects::find(name).is_some();
    let mut parts = path.components().map(|part| part.as_str());
    match (parts.next()?, parts.next()?) {
        (dialect, _) if is_dialect(dialect) => Some(dialect.into()),
        (cluster, dialect) if is_dialect(dialect) => Some(Utf8Path::new(cluster).join(dialect)),
        _ => None,
    }
}

/// Whether a run looks at the folder of a file.
fn is_wanted(path: &Utf8Path, target: &Target) -> bool {
    let Some(folder) = folder_of(path) else { return target.dialect.is_empty() && target.cluster.is_none() };
    let dialect = folder.file_name().unwrap_or_default();
    let cluster = folder.parent().map(Utf8Path::as_str).filter(|name| !name.is_empty());
    (target.dialect.is_empty() || target.dialect.iter().any(|name| name == dialect))
        && (target.cluster.is_none() || target.cluster.as_deref() == cluster)
}
