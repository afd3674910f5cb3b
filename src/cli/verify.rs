//! `netpolc verify`: proves policies against the intents: those in `out/`, those that somebody wrote or rendered, those that a
//! cluster holds.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::report::{self, plural};
use super::run::{Run, is_whole};
use super::{Common, Exit, Target, Terminal};
use crate::checks::Settings;
use crate::cluster::{self, Inventory};
use crate::diag::{Diagnostic, Diagnostics, Level, codes, quote};
use crate::dialects::{self, Assumed, Dialect};
use crate::lower::lower;
use crate::model::{Model, Sym};
use crate::pipeline::{Given, Project, compile, given, kept, permitted};
use crate::source::{self, FileId};
use crate::verify::drift::{self, Drift, Kind, concerns, drift, with_live};
use crate::verify::normal::{Policy, Reading};
use crate::verify::{self, Flows, Permitted, denial_changes, flow_changes, released, sum};

/// Of how many objects it is told what they open and close.
const MAX_TOLD: usize = 20;
/// How many flows are shown of one object.
const MAX_FLOWS: usize = 10;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Policies to prove: a folder, a file, or - for standard input [default: what is in out/]
    path: Option<Utf8PathBuf>,

    #[command(flatten)]
    target: Target,

    /// A dump of a cluster's policies, as of `kubectl get … -o yaml`: what is missing, changed or there in addition, and
    /// the flows that each opens or closes; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "path")]
    live: Option<Utf8PathBuf>,
}

pub(super) fn run(args: &VerifyArgs, terminal: &mut Terminal) -> Exit {
    verify(args, terminal).unwrap_or_else(|exit| exit)
}

fn verify(args: &VerifyArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let common = Common { paths: vec![], today: None };
    let mut run = Run::start(&common, args.target.cluster.as_deref(), &Settings::new(Level::Warning), terminal)?;
    if run.diags.has_errors() {
        let shown: Vec<Diagnostic> = run.shown().into_iter().filter(|found| found.level == Level::Error).collect();
        report::diagnostics(&run, &shown, "; nothing was verified", terminal);
        return Ok(Exit::NotFine);
    }
    let is_output = |path: &Utf8PathBuf| source::is_same_place(path, &run.project.out_dir());
    match (args.path.as_ref().filter(|path| !is_output(path)), &args.live) {
        (None, None) => output(&mut run, &args.target, terminal),
        (Some(path), _) => anything(&mut run, &args.target, path, terminal),
        (None, Some(path)) => live(&mut run, &args.target, path, terminal),
    }
}

/// What netpolc wrote, as it is on disk now.
fn output(run: &mut Run, target: &Target, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let dialects = run.dialects(target, terminal)?;
    let mut proved: Vec<(&str, usize)> = vec![];
    let mut errors = Diagnostics::default();
    let models = std::mem::take(&mut run.models);
    for model in &models {
        for dialect in &dialects {
            let inside = Project::folder(model.cluster.as_deref(), *dialect);
            let folder = run.project.out.join(&inside);
            terminal.progress(&format!("proving {folder}"));
            let at = report::from_here(&run.project.root.dir.join(&folder));
            if !at.is_dir() {
                let error =
                    Diagnostic::placeless(codes::STALE, format!("there is no folder {}", quote(folder.as_str())));
                errors.push(error.help("`netpolc build` writes it"));
                continue;
            }
            if let Some(flows) = kept(model, *dialect, &at).filter(|_| !is_whole()) {
                proved.push((dialect.name(), flows));
                continue;
            }
            let files = source::load_manifests(&[at], &mut std::io::empty(), &mut run.project.sources, &mut errors)
                .map_err(|error| terminal.fail(error))?;
            match dialect.read(&run.project.sources, &files) {
                Ok(read) => {
                    let below = |file: &FileId| {
                        let path = run.project.sources.path(*file);
                        let part = path.as_str().rsplit_once(folder.as_str()).map_or("", |(_, part)| part);
                        inside.join(part.trim_start_matches('/'))
                    };
                    errors.extend(verify::strays(&inside, &files.iter().map(below).zip(&read).collect()));
                    let policies: Vec<Policy> = read.into_iter().flat_map(|file| file.policies).collect();
                    let permitted = permitted(model, *dialect);
                    match verify::prove(model, dialect.capabilities(), &permitted, &policies) {
                        Ok(proof) => proved.push((dialect.name(), proof.flows)),
                        Err(found) => {
                            errors.extend(found.iter().map(|one| one.diagnostic_of_given(model, dialect.name())))
                        }
                    }
                }
                Err(found) => errors.extend(found),
            }
        }
    }
    run.models = models;
    terminal.end_progress();
    Ok(conclude(run, &proved, errors, terminal))
}

/// What the run came to.
fn conclude(run: &Run, proved: &[(&str, usize)], errors: Diagnostics, terminal: &mut Terminal) -> Exit {
    let shown = errors.into_sorted(&run.project.sources);
    report::diagnostics(run, &shown, "", terminal);
    if shown.iter().any(|found| found.level == Level::Error) {
        return Exit::NotFine;
    }
    let names: BTreeSet<&str> = proved.iter().map(|(name, _)| *name).collect();
    let flows = proved.iter().map(|(_, flows)| *flows).max().unwrap_or(0);
    report::verified(run, &names.iter().copied().collect::<Vec<_>>(), flows, terminal);
    let dialects = dialects::REGISTRY.iter().filter(|dialect| names.contains(dialect.name()));
    let lost = |dialect: &&'static dyn Dialect, model: &Model| report::Lost {
        dialect: dialect.name(),
        cluster: model.cluster.clone(),
        approximations: dialects::review(model, &[*dialect]).approximations.remove(dialect.name()).unwrap_or_default(),
    };
    let lost: Vec<_> = dialects.flat_map(|dialect| run.models.iter().map(|model| lost(dialect, model))).collect();
    report::exceptions(run, &lost, terminal);
    report::assumed(run, terminal);
    report::taken_for_granted(terminal);
    Exit::Fine
}

/// The one cluster that policies of unknown origin are for.
fn only_model<'r>(run: &'r Run, terminal: &mut Terminal) -> Result<&'r Model, Exit> {
    match run.models.as_slice() {
        [model] => Ok(model),
        _ => {
            let names = run.project.clusters().join(", ");
            Err(terminal
                .fail(format!("the intents mean something else in each cluster: name one with --cluster ({names})")))
        }
    }
}

/// One dialect, or none, was asked for.
fn only_dialect(run: &Run, target: &Target, terminal: &mut Terminal) -> Result<Option<&'static dyn Dialect>, Exit> {
    match target.dialect.as_slice() {
        [] => Ok(None),
        [_] => Ok(run.dialects(target, terminal)?.first().copied()),
        _ => Err(terminal.fail("policies are of one dialect: name one with --dialect")),
    }
}

/// Policies that are read, and what else was there.
struct Loaded {
    given: Given,
    /// Objects that are no policies: how many.
    others: usize,
}

/// Reads manifests; `None` where the errors were told. `whole`: they are all that a cluster holds.
fn load(
    run: &mut Run,
    target: &Target,
    paths: &[Utf8PathBuf],
    whole: bool,
    terminal: &mut Terminal,
) -> Result<Option<Loaded>, Exit> {
    let only = only_dialect(run, target, terminal)?;
    let mut diags = Diagnostics::default();
    let files = source::load_manifests(paths, &mut std::io::stdin(), &mut run.project.sources, &mut diags)
        .map_err(|error| terminal.fail(error))?;
    let loaded = if diags.has_errors() { Err(vec![]) } else { understand(run, &files, only, whole) };
    match loaded {
        Ok(loaded) => Ok(Some(loaded)),
        Err(errors) => {
            diags.extend(errors);
            let shown = diags.into_sorted(&run.project.sources);
            report::diagnostics(run, &shown, "; nothing was verified", terminal);
            Ok(None)
        }
    }
}

fn understand(
    run: &Run,
    files: &[FileId],
    only: Option<&'static dyn Dialect>,
    whole: bool,
) -> Result<Loaded, Vec<Diagnostic>> {
    let Inventory { policies, namespaces, others, cluster, .. } = cluster::read(&run.project.sources, files)?;
    let others = others.values().sum::<usize>() + cluster.pods.len();
    // A cluster may have lost them all; a folder without policies is the wrong folder.
    if policies.is_empty() && !(whole && only.is_some()) {
        let error = Diagnostic::placeless(codes::MANIFEST, "there is no policy in what was given");
        return Err(vec![error.help(match whole {
            true => "if the cluster really has none, say which it should have: --dialect",
            false => "give a folder or a file that holds some, or pipe them in",
        })]);
    }
    Ok(Loaded { given: given(policies, &namespaces, only, &Assumed::new())?, others })
}

/// Policies of any origin.
fn anything(run: &mut Run, target: &Target, path: &Utf8Path, terminal: &mut Terminal) -> Result<Exit, Exit> {
    only_model(run, terminal)?;
    let Some(Loaded { given: Given { dialect, readings }, others }) =
        load(run, target, &[path.to_owned()], false, terminal)?
    else {
        return Ok(Exit::NotFine);
    };
    let model = only_model(run, terminal)?;
    let mut errors = Diagnostics::default();
    let flows = prove_all(model, dialect, &readings, &mut errors);
    notes(&readings, others, terminal);
    let proved = [(dialect.name(), flows)];
    Ok(conclude(run, &proved, errors, terminal))
}

/// Proves each reading; what goes for several is told once.
fn prove_all(model: &Model, dialect: &'static dyn Dialect, readings: &[Reading], errors: &mut Diagnostics) -> usize {
    let permitted: Permitted = permitted(model, dialect);
    let mut flows = 0;
    let mut told: Vec<(Diagnostic, Vec<String>)> = vec![];
    for reading in readings {
        let as_read = match reading.assuming {
            Some(setting) => format!("{} with {setting}", reading.engine.name),
            None => reading.engine.name.to_owned(),
        };
        match verify::prove_as(reading.engine, model, dialect.capabilities(), &permitted, &reading.policies) {
            Ok(proof) => flows = proof.flows,
            Err(found) => {
                for error in found.iter().map(|one| one.diagnostic_of_given(model, dialect.name())) {
                    match told.iter_mut().find(|(known, _)| *known == error) {
                        Some((_, by)) => by.push(as_read.clone()),
                        None => told.push((error, vec![as_read.clone()])),
                    }
                }
            }
        }
    }
    errors.extend(told.into_iter().map(|(error, by)| match by.len() == readings.len() {
        true => error,
        false => error.note(format!("as {} reads it, not as every engine does", by.join(", "))),
    }));
    flows
}

fn notes(readings: &[Reading], others: usize, terminal: &mut Terminal) {
    let notes: BTreeSet<&String> = readings.iter().flat_map(|reading| &reading.notes).collect();
    for note in notes {
        terminal.tell(format!("note: {note}"));
    }
    match others {
        0 => {}
        1 => terminal.tell("note: passed by 1 object that is no policy"),
        n => terminal.tell(format!("note: passed by {n} objects that are no policies")),
    }
}

/// What a cluster holds.
fn live(run: &mut Run, target: &Target, path: &Utf8Path, terminal: &mut Terminal) -> Result<Exit, Exit> {
    only_model(run, terminal)?;
    let Some(there) = load(run, target, &[path.to_owned()], true, terminal)? else { return Ok(Exit::NotFine) };
    let dialect = there.given.dialect;
    let Some(rendered) = rendered(run, dialect, terminal)? else { return Ok(Exit::NotFine) };
    let model = only_model(run, terminal)?;
    let is_managed = |name: &Sym| model.namespaces.contains_key(name);
    let (Some(wanted), Some(now)) = (rendered.first(), there.given.readings.first()) else {
        return Ok(Exit::NotFine);
    };
    notes(&there.given.readings, 0, terminal);
    let drifted = drift(&wanted.policies, &now.policies, &is_managed);
    let names = report::Names::of(run);
    for (position, one) in drifted.iter().enumerate() {
        tell(run, one, terminal);
        if position < MAX_TOLD {
            let after = with_live(&wanted.policies, &now.policies, &one.object);
            changes(&names, &wanted.policies, &after, terminal);
        }
    }
    let readings: Vec<Reading> = there
        .given
        .readings
        .iter()
        .map(|reading| {
            let ours = reading.policies.iter().filter(|policy| concerns(policy, &is_managed));
            Reading { policies: ours.cloned().collect(), ..reading.clone() }
        })
        .collect();
    let mut errors = Diagnostics::default();
    let flows = prove_all(model, dialect, &readings, &mut errors);
    let exit = conclude(run, &[(dialect.name(), flows)], errors, terminal);
    match drifted.len() {
        0 => terminal.line("no drift: every object as rendered"),
        n => terminal.line(format!("drift: {} not as rendered", plural(n, "object"))),
    }
    Ok(if drifted.is_empty() { exit } else { Exit::NotFine })
}

/// What a build writes, read as the cluster's policies are.
fn rendered(
    run: &mut Run,
    dialect: &'static dyn Dialect,
    terminal: &mut Terminal,
) -> Result<Option<Vec<Reading>>, Exit> {
    let mut sources = std::mem::take(&mut run.project.sources);
    let compiled = {
        let model = only_model(run, terminal)?;
        let reviewed = dialects::review(model, &[dialect]);
        compile(&run.project, &mut sources, model, &lower(model), dialect, &reviewed)
    };
    let read = compiled.and_then(|done| {
        let is_manifest = |path: &Utf8PathBuf| done.manifests.contains(path);
        let files: Vec<FileId> = done.texts.iter().filter(|(path, _)| is_manifest(path)).map(|(_, id)| *id).collect();
        let inventory = cluster::read(&sources, &files)?;
        Ok(given(inventory.policies, &inventory.namespaces, Some(dialect), &Assumed::new())?.readings)
    });
    run.project.sources = sources;
    match read {
        Ok(readings) => Ok(Some(readings)),
        Err(errors) => {
            let shown = report::sorted(run, errors);
            report::diagnostics(run, &shown, "; nothing was verified", terminal);
            Ok(None)
        }
    }
}

/// `missing  NetworkPolicy frontend/web--egress-to--api (out/…:12)`.
fn tell(run: &Run, drifted: &Drift, terminal: &mut Terminal) {
    let (word, colour) = match drifted.kind {
        Kind::Missing => ("missing", anstyle::AnsiColor::Red),
        Kind::Changed => ("changed", anstyle::AnsiColor::Yellow),
        Kind::Extra => ("extra", anstyle::AnsiColor::Yellow),
    };
    let drift::Object { namespace, name, kind } = &drifted.object;
    let path = namespace.as_ref().map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"));
    let sources = &run.project.sources;
    let (line, _) = sources.line_col(drifted.span);
    let colour = colour.on_default().bold();
    let place = format!("{}:{line}", sources.path(drifted.span.file));
    terminal.line(format!("{colour}{word}{colour:#} {kind} {} ({place})", quote(&path)));
}

/// What opens and closes between two sets of policies.
fn changes(names: &report::Names, before: &[Policy], after: &[Policy], terminal: &mut Terminal) {
    let (old, new) = (sum::of(before), sum::of(after));
    if [&old, &new].iter().any(|sums| sums.omitted > 0 || sums.everywhere || !sums.ordered.is_empty()) {
        terminal.line("  what it opens and closes hangs on the order of policies: see the proof below");
        return;
    }
    for namespace in released(&old.policies, &new.policies) {
        terminal.line(format!("  + every connection to and from other pods of {namespace}"));
    }
    for change in denial_changes(&old.policies, &new.policies, &|_| true) {
        terminal.line(format!("  {change}"));
    }
    let flows = flow_changes(&Flows::of(&old.policies), &Flows::of(&new.policies), &|peer| names.name(peer));
    let flows: Vec<_> = flows.iter().map(|flow| (flow, String::new())).collect();
    report::flows(&flows, MAX_FLOWS, terminal);
}
