//! `netpolc diff`: what a build would open, close and write.

use std::collections::BTreeSet;

use camino::Utf8Path;
use rayon::prelude::*;

use super::report::{self, plural};
use super::run::Run;
use super::{DiffArgs, Exit, Target, Terminal, build};
use crate::diag::Level;
use crate::dialects;
use crate::output::{
    Change, Disk, OutputError, Plan, Scope, Tree, contributors, inspect as inspect_disk, unified_diff,
};
use crate::pipeline::{Compiled, Project};
use crate::source::Sources;
use crate::verify::{ChangeKind, FlowChange, Flows, flow_changes, normal};

/// How many flows are shown at most.
const MAX_FLOWS: usize = 40;

pub(super) fn run(args: &DiffArgs, terminal: &mut Terminal) -> Exit {
    diff(args, terminal).unwrap_or_else(|exit| exit)
}

fn diff(args: &DiffArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let mut run = Run::start(&args.common, args.target.cluster.as_deref(), Level::Warning, terminal)?;
    let compiled = run.compile(&args.target, terminal)?;
    let shown = run.shown();
    report::diagnostics(&run, &shown, "", terminal);
    let Some(mut compiled) = compiled else { return Ok(Exit::NotFine) };
    let wanted: Tree = compiled.iter_mut().flat_map(|done| std::mem::take(&mut done.files)).collect();
    let disk = inspect(&run.project, scope(&run, &args.target, terminal)?).map_err(|error| terminal.fail(error))?;
    // What someone edited is part of the difference: it is what a build would replace.
    let plan = crate::output::plan(&disk, &wanted, &mut run.project.sources, true);
    let problems = build::sorted(&run, plan.problems.iter().chain(&plan.warnings).cloned());
    report::diagnostics(&run, &problems, "", terminal);
    show(&run, &plan, &compiled, None, terminal);
    Ok(if plan.changes.is_empty() && plan.problems.is_empty() { Exit::Fine } else { Exit::NotFine })
}

/// What is on disk.
pub(super) fn inspect(project: &Project, scope: Scope) -> Result<Disk, OutputError> {
    inspect_disk(&project.out_dir(), &project.out, scope)
}

/// What this run renders.
pub(super) fn scope(run: &Run, target: &Target, terminal: &mut Terminal) -> Result<Scope, Exit> {
    let dialects = run.dialects(target, terminal)?;
    Ok(build::limited(&run.project, target, &dialects))
}

/// The text, at most so many lines of it, then the flows that open and close.
pub(super) fn show(run: &Run, plan: &Plan, compiled: &[Compiled], most_lines: Option<usize>, terminal: &mut Terminal) {
    let changes: Vec<&Change> = plan.changes.iter().filter(|change| is_shown(run, change, compiled)).collect();
    if changes.is_empty() {
        return;
    }
    match most_lines {
        Some(most) => show_some(&changes, most, terminal),
        None => terminal.line(unified_diff(&changes, true)),
    }
    let flows = changed_flows(run, plan, compiled);
    match flows {
        None => terminal.line("the old output cannot be read: opened and closed flows are not known\n"),
        Some(flows) => {
            let groups = [
                ("opened", ChangeKind::Opened),
                ("closed", ChangeKind::Closed),
                ("widened", ChangeKind::Widened),
                ("narrowed", ChangeKind::Narrowed),
            ];
            let mut any = false;
            for (word, kind) in groups {
                let of_kind: Vec<FlowChange> = flows.iter().filter(|change| change.kind == kind).cloned().collect();
                if !of_kind.is_empty() {
                    any = true;
                    terminal.line(format!("{} {word}:", plural(of_kind.len(), "flow")));
                    report::flows(&of_kind, MAX_FLOWS, terminal);
                    terminal.line("");
                }
            }
            if !any {
                terminal.line("no flow opens or closes\n");
            }
        }
    }
}

/// The difference file by file until there is enough of it: of a large first build nobody reads more.
fn show_some(changes: &[&Change], most: usize, terminal: &mut Terminal) {
    let mut left = most;
    for (position, change) in changes.iter().enumerate() {
        let text = unified_diff(&[*change], true);
        let lines = text.lines().count();
        for line in text.lines().take(left) {
            terminal.line(line);
        }
        if lines > left {
            let files = plural(changes.len() - position, "file");
            terminal
                .line(format!("… the rest of {files} is not shown; before a build, `netpolc diff` shows all of it"));
            break;
        }
        left -= lines;
    }
    terminal.line("");
}

/// Whether a change is about the chosen intents: its file comes, or came, from one of them.
fn is_shown(run: &Run, change: &Change, compiled: &[Compiled]) -> bool {
    let Some(selected) = &run.selected else { return true };
    let now = compiled.iter().filter_map(|done| done.contributors.get(&change.path)).flatten();
    let before = change.old_text().map(contributors).unwrap_or_default();
    now.into_iter().any(|path| selected.contains(path)) || before.iter().any(|path| selected.contains(*path))
}

/// The difference of meaning between what is on disk and what was compiled; `None` when the disk cannot be read.
fn changed_flows(run: &Run, plan: &Plan, compiled: &[Compiled]) -> Option<Vec<FlowChange>> {
    let names = report::Names::of(run);
    let mut changes: Vec<FlowChange> = vec![];
    // Every dialect says the same flows: one of them is told. Clusters may differ.
    let mut seen: BTreeSet<Option<&Utf8Path>> = BTreeSet::new();
    for done in compiled {
        if !seen.insert(done.folder.parent()) {
            continue;
        }
        let old = old_policies(run, plan, done)?;
        let mut found = flow_changes(&Flows::of(&old), &Flows::of(&done.policies), &|peer| names.name(peer));
        found.retain(|change| names.is_shown(change));
        changes.extend(found);
    }
    Some(changes)
}

/// The policies before: files that stay as they are say what was just proved of them, and only the others are read.
fn old_policies(run: &Run, plan: &Plan, done: &Compiled) -> Option<Vec<normal::Policy>> {
    let dialect = dialects::find(done.dialect)?;
    let changed: BTreeSet<&Utf8Path> = plan.changes.iter().map(|change| change.shown.as_path()).collect();
    let kept = |policy: &&normal::Policy| !changed.contains(run.project.sources.path(policy.span.file));
    let mut policies: Vec<normal::Policy> = done.policies.iter().filter(kept).cloned().collect();
    let replaced = plan.changes.par_iter().filter(|change| change.path.starts_with(&done.folder));
    let read: Option<Vec<Vec<normal::Policy>>> = replaced
        .filter_map(|change| change.old_text().map(|text| (change, text)))
        .map(|(change, text)| {
            let mut sources = Sources::default();
            let file = sources.add(&change.path, text.to_owned());
            dialect.read(&sources, file).ok().map(|file| file.policies)
        })
        .collect();
    policies.extend(read?.into_iter().flatten());
    Some(policies)
}
