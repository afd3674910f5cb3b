//! `netpolc owners`: who is asked for a review of what, in CODEOWNERS.
//!
//! In: a project whose intents are whole. Out: a section of that file. Findings of rules are no matter here, so no day is asked for.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::report::{self, plural};
use super::run::here;
use super::{Exit, OwnersArgs, Terminal};
use crate::codeowners::{self, LOCATIONS, Place, Rules, Text};
use crate::diag::{Diagnostic, Diagnostics, codes, quote};
use crate::model::{CodeOwners, Model};
use crate::output::{self, Change, ChangeKind, Rewrite};
use crate::pipeline::Project;
use crate::source::{self, EntryKind};

pub(super) fn run(args: &OwnersArgs, terminal: &mut Terminal) -> Exit {
    owners(args, terminal).unwrap_or_else(|exit| exit)
}

fn owners(args: &OwnersArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let cwd = here(terminal)?;
    let root = source::find_root(&[], &cwd).map_err(|error| terminal.fail(error))?;
    let mut diags = Diagnostics::default();
    let mut project = Project::load(root, &mut diags).map_err(|error| terminal.fail(error))?;
    // Clusters differ in what the platform team says of them, and in no app or tier.
    let models = project.models(None, &mut diags);
    let written = write(&mut project, models.first(), &mut diags).map_err(|error| terminal.fail(error))?;
    let failed = diags.has_errors();
    let list = diags.into_sorted(&project.sources);
    let consequence = match (failed, args.stdout) {
        (false, _) => "",
        (true, true) => "; nothing was printed",
        (true, false) => "; nothing was written",
    };
    report::list(&project.sources, &list, consequence, terminal);
    let Some(written) = written.filter(|_| !failed) else { return Ok(Exit::NotFine) };
    if args.stdout {
        terminal.print(&written.section);
        return Ok(Exit::Fine);
    }
    let file = &written.file;
    let repository = &written.repository;
    if !args.check {
        output::sweep(repository, [file.as_path()]);
    }
    let counts = format!("{} for {}", plural(written.lines, "line"), plural(project.intents.len(), "intent"));
    if written.old.as_deref() == Some(&*written.new) {
        terminal.line(format!("{file} is up to date: {counts}"));
        return Ok(Exit::Fine);
    }
    if args.check {
        terminal.print(&output::unified_diff(&[written.change()], true));
        terminal
            .tell(format!("{} is not what the intents say: run `netpolc owners`, and commit it", quote(file.as_str())));
        return Ok(Exit::NotFine);
    }
    match written.old.clone() {
        Some(old) => {
            let rewrite = Rewrite { path: file.clone(), old, new: written.new.clone() };
            output::rewrite(repository, &[rewrite]).map_err(|error| terminal.fail(error))?;
            terminal.line(format!("updated {file}: {counts}"));
        }
        None => {
            let text = String::from_utf8_lossy(&written.new);
            let created = output::create(repository, file, &text).map_err(|error| terminal.fail(error))?;
            if !created {
                return Err(terminal.fail(output::OutputError::Changed { path: file.clone() }));
            }
            terminal.line(format!("created {file}: {counts}"));
        }
    }
    Ok(Exit::Fine)
}

/// The file, and what it becomes.
struct Written {
    repository: Utf8PathBuf,
    /// Below the root of the repository.
    file: Utf8PathBuf,
    old: Option<Vec<u8>>,
    new: Vec<u8>,
    section: String,
    lines: usize,
}

impl Written {
    fn change(&self) -> Change {
        let text = |bytes: &[u8]| source::decode(bytes.to_vec()).text;
        let new: Arc<str> = text(&self.new).into();
        let kind = match &self.old {
            Some(old) => ChangeKind::Update { old: text(old), new },
            None => ChangeKind::Create { new },
        };
        Change { path: self.file.clone(), shown: self.file.clone(), kind }
    }
}

/// What is to be written; `None` where it cannot be known, which was reported. All errors are told in one run.
fn write(
    project: &mut Project,
    model: Option<&Model>,
    diags: &mut Diagnostics,
) -> Result<Option<Written>, source::SourceError> {
    let Some(model) = model.filter(|_| !diags.has_errors()) else { return Ok(None) };
    let Some(settings) = &model.profile.code_owners else {
        diags.push(nobody(project));
        return Ok(None);
    };
    let repository = project.root.repository()?.to_owned();
    let (place, rules) = plan(project, model, settings, &repository, diags)?;
    let rules = rules.map_err(|errors| diags.extend(errors)).ok();
    let loaded = source::load_shared(&repository, &place.file, &mut project.sources, diags)?;
    let (old, file) = match loaded {
        Some((bytes, file)) => (Some(bytes), file),
        None => (None, project.sources.add(&place.file, "")),
    };
    let bytes = old.clone().unwrap_or_default();
    let text = match Text::parse(&bytes, &place.project, file, &project.sources) {
        Ok(text) => text,
        Err(errors) => {
            diags.extend(errors);
            return Ok(None);
        }
    };
    let Some(rules) = rules else { return Ok(None) };
    diags.extend(codeowners::outdone(&text, &rules, file, &project.sources));
    let section = text.section(&rules);
    let new = text.with(&section);
    diags.extend(codeowners::too_large(&place.file, &new));
    Ok(Some(Written { repository, file: place.file, old, new, section, lines: rules.len() }))
}

/// Where everything is, and who owns it.
fn plan(
    project: &Project,
    model: &Model,
    settings: &CodeOwners,
    repository: &Utf8Path,
    diags: &mut Diagnostics,
) -> Result<(Place, Result<Rules, Vec<Diagnostic>>), source::SourceError> {
    let mut there = vec![];
    for path in LOCATIONS {
        let failed = |error| source::SourceError { path: path.into(), error };
        if let Some(EntryKind::File | EntryKind::Link) = source::entry_kind(&repository.join(path)).map_err(failed)? {
            there.push(path);
        }
    }
    let (file, warnings) = codeowners::choose(settings.file.as_ref(), &there);
    diags.extend(warnings);
    let clusters = project.clusters();
    let clusters: Vec<Option<&str>> =
        if clusters.is_empty() { vec![None] } else { clusters.into_iter().map(Some).collect() };
    let of_cluster = |cluster: &Option<&str>| {
        let cluster = *cluster;
        project.dialects.iter().map(move |dialect| Project::folder(cluster, *dialect)).collect::<Vec<_>>()
    };
    let place = Place {
        project: project.root.in_repository()?,
        file,
        intents: project.intents_dir.clone(),
        out: project.out.clone(),
        templates: project.templates_dir.clone(),
        folders: clusters.iter().flat_map(of_cluster).collect(),
    };
    let rules = codeowners::rules(model, settings, &place, &project.dialects);
    Ok((place, rules))
}

/// The project file names nobody.
fn nobody(project: &Project) -> Diagnostic {
    let message = "netpolc.toml does not say whom to ask for a review";
    let error = match &project.settings {
        Some(settings) => Diagnostic::error(codes::CODE_OWNER, settings.span, message),
        None => Diagnostic::placeless(codes::CODE_OWNER, message),
    };
    error.help("add a table `[codeowners]` with `platform = \"@org/team\"`, and `teams` by the owners of apps")
}
