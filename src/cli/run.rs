//! What every command does first: find the project, read it, resolve it, check it, compile it.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::civil::Date;

use super::inventory::{InventoryArgs, Looked, unrelated};
use super::{Common, Exit, Target, Terminal, report};
use crate::checks::running::Running;
use crate::checks::{self, Context, Settings, Waived};
use crate::diag::{Diagnostic, Diagnostics, Level, codes, nearest, quote};
use crate::dialects::{self, Dialect};
use crate::lower::{Lowering, lower};
use crate::model::{Model, Sym};
use crate::output::{self, Disk, Scope};
use crate::pipeline::{Asked, Compiled, Outline, Project, Taken, compile, inventories, merge, outline};
use crate::source::{self, Root, Span};

/// A project, checked.
pub(super) struct Run {
    pub(super) project: Project,
    /// One model a cluster; fewer where something is wrong.
    pub(super) models: Vec<Model>,
    /// Everything that was found.
    pub(super) diags: Diagnostics,
    /// How many clusters the run is about; one where the project file names none.
    clusters: usize,
    /// What people should know of what was compiled, beside the proof.
    pub(super) notes: Vec<Note>,
    /// What waivers accept, each once.
    pub(super) waived: Vec<Waived>,
    /// The intents whose findings and changes are shown; `None`: all.
    pub(super) selected: Option<BTreeSet<Utf8PathBuf>>,
    /// What was looked at of an inventory; `None`: there is none.
    pub(super) looked: Option<Looked>,
}

/// What a run is asked for, beside its paths and its day.
pub(super) struct Options<'a> {
    /// Only this cluster.
    pub(super) cluster: Option<&'a str>,
    /// How rules are run.
    pub(super) settings: &'a Settings,
    /// Where inventories are, if they are looked at.
    pub(super) inventory: Option<&'a InventoryArgs>,
    /// Texts in the place of some files, by their paths below the root: the project as it would be with them.
    pub(super) instead: BTreeMap<Utf8PathBuf, String>,
    /// The project, where it is not that of the paths and the current folder.
    pub(super) root: Option<Root>,
}

impl<'a> Options<'a> {
    /// Every cluster, and no inventory.
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self { cluster: None, settings, inventory: None, instead: BTreeMap::new(), root: None }
    }
}

/// A sentence, and the clusters that it is true of.
pub(super) struct Note {
    pub(super) text: String,
    pub(super) clusters: Vec<Option<Sym>>,
}

impl Run {
    /// ` (in a, b)` where something is true of some clusters of the run and not of all.
    pub(super) fn place(&self, clusters: &[Option<Sym>]) -> String {
        let names: Vec<&str> = clusters.iter().filter_map(Option::as_deref).collect();
        if names.is_empty() || names.len() == self.models.len() {
            return String::new();
        }
        format!(" (in {})", names.join(", "))
    }

    /// Everything up to the findings, without an inventory. The error is an exit code; the reason was told.
    pub(super) fn start(
        common: &Common,
        cluster: Option<&str>,
        settings: &Settings,
        terminal: &mut Terminal,
    ) -> Result<Self, Exit> {
        Self::with(common, &Options { cluster, ..Options::new(settings) }, terminal)
    }

    /// Everything up to the findings.
    pub(super) fn with(common: &Common, options: &Options<'_>, terminal: &mut Terminal) -> Result<Self, Exit> {
        let cluster = options.cluster;
        let cwd = here(terminal)?;
        let mut root = match &options.root {
            Some(root) => root.clone(),
            None => source::find_root(&common.paths, &cwd).map_err(|error| terminal.fail(error))?,
        };
        root.instead.extend(options.instead.clone());
        let mut diags = Diagnostics::default();
        terminal.progress("reading intents");
        let mut project = Project::load(root, &mut diags).map_err(|error| terminal.fail(error))?;
        let selected = select(&project, &common.paths, &cwd, &mut diags).map_err(|error| terminal.fail(error))?;
        if let Some(name) = cluster {
            let known = project.clusters();
            if !known.contains(&name) {
                let hint = nearest(name, known.iter().copied()).map_or_else(
                    || match known.is_empty() {
                        true => "; netpolc.toml names no clusters".to_owned(),
                        false => format!("; it names {}", known.join(", ")),
                    },
                    |near| format!("; did you mean {}?", quote(near)),
                );
                return Err(terminal.fail(format!("there is no cluster {}{hint}", quote(name))));
            }
        }
        terminal.progress("resolving names");
        let models = project.models(cluster, &mut diags);
        let today = common.today.unwrap_or_else(today);
        let mut taken: Vec<Option<Taken>> = models.iter().map(|_| None).collect();
        if let Some(InventoryArgs { inventory, inventory_namespace }) = options.inventory {
            terminal.progress("reading the inventory");
            let asked = Asked { paths: inventory, namespace: inventory_namespace.as_deref(), cwd: &cwd };
            let (root, sources) = (&project.root, &mut project.sources);
            taken = inventories(root, &models, asked, &mut std::io::stdin(), sources, &mut diags)
                .map_err(|error| terminal.fail(error))?;
        }
        terminal.progress("checking");
        let inventories: Vec<Option<Running<'_>>> = models
            .iter()
            .zip(&taken)
            .map(|(model, taken)| Some(Running::new(model, &taken.as_ref()?.cluster)))
            .collect();
        diags.extend(inventories.iter().flatten().filter_map(unrelated));
        let of_model = models.iter().zip(&inventories);
        let (targets, agents) = (project.targets(), dialects::agents());
        let contexts: Vec<Context<'_>> = of_model
            .map(|(model, inventory)| Context {
                targets: &targets,
                agents: &agents,
                inventory: inventory.as_ref(),
                ..Context::new(model, today)
            })
            .collect();
        let mut waived: Vec<Waived> = vec![];
        let mut found = vec![];
        // A run about one of several clusters, or one of which some could not be resolved, does not see the whole project.
        let whole = models.len() == project.clusters().len().max(1);
        let settings = Settings { whole, ..options.settings.clone() };
        for (model, outcome) in models.iter().zip(checks::run(&contexts, &settings)) {
            found.push((model.cluster.as_deref(), outcome.diagnostics));
            waived.extend(outcome.waived);
        }
        let clusters = if cluster.is_some() { 1 } else { project.clusters().len().max(1) };
        diags.extend(merge(clusters, found));
        // Clusters share most findings: each is told once.
        let mut seen: BTreeSet<(Span, &'static str, String)> = BTreeSet::new();
        waived.retain(|w| seen.insert((w.waiver, w.diagnostic.code.0, w.diagnostic.message.clone())));
        terminal.end_progress();
        let looked = inventories.iter().flatten().zip(taken.iter().flatten()).next();
        let looked = looked.map(|(running, taken)| Looked::of(running, taken));
        Ok(Self { project, models, diags, notes: vec![], waived, selected, clusters, looked })
    }

    /// Compiles every model into the chosen dialects. `None` when there was an error, before or now: see [`Self::diags`].
    pub(super) fn compile(&mut self, target: &Target, terminal: &mut Terminal) -> Result<Option<Vec<Compiled>>, Exit> {
        let chosen = self.dialects(target, terminal)?;
        if self.diags.has_errors() {
            // What a dialect cannot say does not depend on what the rules found: all of it is told in one run.
            let reviews =
                self.models.iter().map(|model| (model.cluster.as_deref(), dialects::review(model, &chosen).errors));
            let said = merge(self.clusters, reviews.collect());
            self.diags.extend(said);
            return Ok(None);
        }
        let mut compiled = vec![];
        let mut failed = vec![];
        // The texts grow by what is rendered, which the models never point into.
        let mut sources = std::mem::take(&mut self.project.sources);
        let mut notes = vec![];
        for model in &self.models {
            let reviewed = dialects::review(model, &chosen);
            let policies = lower(model);
            failed.push((model.cluster.as_deref(), reviewed.errors.clone()));
            notes.push((model.cluster.clone(), reviewed.notes.clone()));
            for dialect in &chosen {
                terminal.progress(&compiling(model, *dialect));
                match compile(&self.project, &mut sources, model, &policies, *dialect, &reviewed) {
                    Ok(done) => compiled.push(done),
                    Err(errors) => failed.push((model.cluster.as_deref(), errors)),
                }
            }
        }
        self.diags.extend(merge(self.clusters, failed));
        notes.into_iter().for_each(|(cluster, notes)| self.note(cluster.as_ref(), &notes));
        self.project.sources = sources;
        terminal.end_progress();
        Ok((!self.diags.has_errors()).then_some(compiled))
    }

    /// Proves every model in the chosen dialects namespace by namespace, so that little is held at once. `None` where something
    /// is not as it should be, and where it is found that way by [`Self::compile`], which tells it.
    pub(super) fn outline(&mut self, target: &Target, terminal: &mut Terminal) -> Result<Option<Vec<Outline>>, Exit> {
        let chosen = self.dialects(target, terminal)?;
        if self.diags.has_errors() || self.models.len() < self.clusters || is_whole() {
            return Ok(None);
        }
        let mut outlines = vec![];
        let mut notes = vec![];
        let mut sources = std::mem::take(&mut self.project.sources);
        let known = sources.clone();
        let all = self.models.iter().try_for_each(|model| {
            let reviewed = dialects::review(model, &chosen);
            let lowering = Lowering::new(model);
            for dialect in &chosen {
                terminal.progress(&compiling(model, *dialect));
                outlines.push(outline(&self.project, &mut sources, model, &lowering, *dialect, &reviewed)?);
            }
            notes.push((model.cluster.clone(), reviewed.notes));
            Some(())
        });
        terminal.end_progress();
        // Of a run that goes on to compile, nothing is left: not even the texts of templates.
        self.project.sources = if all.is_some() { sources } else { known };
        if all.is_some() {
            notes.into_iter().for_each(|(cluster, notes)| self.note(cluster.as_ref(), &notes));
        }
        Ok(all.map(|()| outlines))
    }

    fn note(&mut self, cluster: Option<&Sym>, notes: &[String]) {
        for text in notes {
            match self.notes.iter_mut().find(|note| note.text == *text) {
                // A run may compile what it outlined.
                Some(note) if note.clusters.iter().any(|known| known.as_ref() == cluster) => {}
                Some(note) => note.clusters.push(cluster.cloned()),
                None => self.notes.push(Note { text: text.clone(), clusters: vec![cluster.cloned()] }),
            }
        }
    }

    /// The dialects of this run: those asked for, else those of the project.
    pub(super) fn dialects(&self, target: &Target, terminal: &mut Terminal) -> Result<Vec<&'static dyn Dialect>, Exit> {
        for name in &target.dialect {
            report::dialect(name, terminal)?;
        }
        if let Some(off) = target.dialect.iter().find(|name| !self.project.dialects.iter().any(|d| d.name() == *name)) {
            return Err(terminal.fail(format!("netpolc.toml leaves the dialect {} out", quote(off))));
        }
        let wanted = |dialect: &&'static dyn Dialect| {
            target.dialect.is_empty() || target.dialect.iter().any(|n| n == dialect.name())
        };
        Ok(self.project.dialects.iter().copied().filter(wanted).collect())
    }

    /// What is on disk where this run may write: everywhere, unless it was limited to a dialect or cluster.
    pub(super) fn inspect(&self, target: &Target, terminal: &mut Terminal) -> Result<Disk, Exit> {
        let project = &self.project;
        let dialects = self.dialects(target, terminal)?;
        let scope = match (target.dialect.is_empty(), &target.cluster) {
            (true, None) => Scope::everything(),
            (_, only) => {
                let clusters: Vec<Option<&str>> = match (only, project.clusters()) {
                    (Some(name), _) => vec![Some(name.as_str())],
                    (None, names) if names.is_empty() => vec![None],
                    (None, names) => names.into_iter().map(Some).collect(),
                };
                let folders =
                    clusters.iter().flat_map(|cluster| dialects.iter().map(|d| Project::folder(*cluster, *d)));
                Scope::folders(folders)
            }
        };
        output::inspect(&project.out_dir(), &project.out, scope).map_err(|error| terminal.fail(error))
    }

    /// All diagnostics in the order of files and lines. Errors are always among them, as they stop everything; of warnings
    /// only those about the chosen intents.
    pub(super) fn shown(&self) -> Vec<Diagnostic> {
        let about = |diagnostic: &Diagnostic| {
            let labels = diagnostic.primary.iter().chain(&diagnostic.related);
            self.selected.as_ref().is_none_or(|selected| {
                labels.into_iter().any(|label| selected.contains(self.project.sources.path(label.span.file)))
            })
        };
        let sorted = self.diags.clone().into_sorted(&self.project.sources);
        sorted.into_iter().filter(|d| d.level == Level::Error || about(d)).collect()
    }

    /// The waived findings about the chosen intents, in the order of files and lines.
    pub(super) fn waived_shown(&self) -> Vec<&Waived> {
        let sources = &self.project.sources;
        let chosen = |waived: &&Waived| {
            let path = sources.path(waived.waiver.file);
            self.selected.as_ref().is_none_or(|selected| selected.contains(path))
        };
        let mut waived: Vec<&Waived> = self.waived.iter().filter(chosen).collect();
        waived.sort_by_key(|waived| {
            let place = waived.diagnostic.primary.as_ref().map(|p| (sources.path(p.span.file), p.span));
            (place, waived.diagnostic.code, waived.waiver)
        });
        waived
    }
}

/// Whether everything is to be held at once, whatever could be done in parts: to see that both come to the same.
pub(super) fn is_whole() -> bool {
    std::env::var_os("NETPOLC_WHOLE").is_some()
}

fn compiling(model: &Model, dialect: &dyn Dialect) -> String {
    let place = model.cluster.as_ref().map_or(String::new(), |name| format!("{name}/"));
    format!("compiling and proving {place}{}", dialect.name())
}

/// The current folder. The error is an exit code; the reason was told.
pub(super) fn here(terminal: &mut Terminal) -> Result<Utf8PathBuf, Exit> {
    let cwd =
        std::env::current_dir().map_err(|error| terminal.fail(format!("cannot find the current folder: {error}")))?;
    Utf8PathBuf::from_path_buf(cwd)
        .map_err(|path| terminal.fail(format!("the current folder {} is not UTF-8", path.display())))
}

/// The chosen intents.
fn select(
    project: &Project,
    paths: &[Utf8PathBuf],
    cwd: &Utf8Path,
    diags: &mut Diagnostics,
) -> Result<Option<BTreeSet<Utf8PathBuf>>, String> {
    if paths.is_empty() {
        return Ok(None);
    }
    let all: Vec<&Utf8Path> = project.intents.iter().map(|intent| project.sources.path(intent.file)).collect();
    let mut selected = BTreeSet::new();
    for path in paths {
        let absolute = cwd.join(path);
        match source::entry_kind(&absolute) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(format!("there is no {}", quote(path.as_str()))),
            Err(error) => return Err(format!("cannot read {}: {error}", quote(path.as_str()))),
        }
        let relative = project.root.relative(path, cwd);
        let before = selected.len();
        if let Some(relative) = &relative {
            // A folder above the intents means all of them.
            selected
                .extend(all.iter().filter(|intent| intent.starts_with(relative)).map(|intent| intent.to_path_buf()));
        }
        let unreadable = relative.as_ref().is_some_and(|r| r.starts_with(&project.intents_dir)) && diags.has_errors();
        if selected.len() == before && !unreadable && !all.is_empty() {
            let message = format!("{} is no intent of this project", quote(path.as_str()));
            let error = Diagnostic::placeless(codes::PATH, message);
            diags.push(error.help(format!(
                "the intents of {} are the `.toml` files in `{}/`",
                project.root.dir, project.intents_dir
            )));
        }
    }
    Ok(Some(selected))
}

/// The system's date, where it lives.
pub(super) fn today() -> Date {
    jiff::Zoned::now().date()
}
