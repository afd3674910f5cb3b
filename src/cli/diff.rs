//! `netpolc diff`: what a build would open, close and write.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{self, plural};
use super::run::Run;
use super::{DiffArgs, Exit, Terminal};
use crate::checks::Settings;
use crate::diag::Level;
use crate::dialects;
use crate::model::Sym;
use crate::output::{Change, ChangeKind as OutputChange, Plan, Tree, contributors, unified_diff};
use crate::pipeline::Compiled;
use crate::source::{FileId, Sources};
use crate::verify::{ChangeKind, DenialChange, FlowChange, Flows, denial_changes, flow_changes, normal, released, sum};
use camino::Utf8Path;

/// How many flows are shown at most.
const MAX_FLOWS: usize = 40;

pub(super) fn run(args: &DiffArgs, terminal: &mut Terminal) -> Exit {
    diff(args, terminal).unwrap_or_else(|exit| exit)
}

fn diff(args: &DiffArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let mut run = Run::start(&args.common, args.target.cluster.as_deref(), &Settings::new(Level::Warning), terminal)?;
    let compiled = run.compile(&args.target, terminal)?;
    let shown = run.shown();
    report::diagnostics(&run, &shown, "", terminal);
    let Some(mut compiled) = compiled else { return Ok(Exit::NotFine) };
    let wanted: Tree = compiled.iter_mut().flat_map(|done| std::mem::take(&mut done.files)).collect();
    let disk = run.inspect(&args.target, terminal)?;
    // What someone edited is part of the difference: it is what a build would replace.
    let plan = crate::output::plan(&disk, &wanted, &mut run.project.sources, true);
    let problems = report::sorted(&run, plan.problems.iter().chain(&plan.warnings).cloned());
    report::diagnostics(&run, &problems, "", terminal);
    show(&run, &plan, &compiled, None, terminal);
    Ok(if plan.changes.is_empty() && plan.problems.is_empty() { Exit::Fine } else { Exit::NotFine })
}

/// The text, at most so many lines of it, then what opens and closes.
pub(super) fn show(run: &Run, plan: &Plan, compiled: &[Compiled], most_lines: Option<usize>, terminal: &mut Terminal) {
    let (changes, others): (Vec<&Change>, Vec<&Change>) =
        plan.changes.iter().partition(|change| is_shown(run, change, compiled));
    match most_lines {
        _ if changes.is_empty() => {}
        Some(most) => show_some(&changes, most, terminal),
        None => terminal.line(unified_diff(&changes, true)),
    }
    if !plan.changes.is_empty() {
        match meanings(run, plan, compiled) {
            None => terminal.line("the old output cannot be read: opened and closed flows are not known\n"),
            Some(meanings) => meanings.iter().for_each(|meaning| show_meaning(meaning, !changes.is_empty(), terminal)),
        }
        show_dropped(plan, compiled, terminal);
    } else if run.selected.is_some() {
        show_standing(run, compiled, terminal);
    }
    if !others.is_empty() {
        let files = plural(others.len(), "file");
        terminal.line(format!("{files} of other intents change too: without paths, `netpolc diff` shows them\n"));
    }
}

/// What changes in one cluster.
#[derive(Default)]
struct Meaning<'c> {
    cluster: Option<Sym>,
    /// Folders of dialects that were not rendered before, beside others that were.
    fresh: Vec<&'c Utf8Path>,
    /// The other dialects of the run.
    dialects: Vec<&'static str>,
    /// Changes by how they are told: ends, kind and ports.
    flows: BTreeMap<(String, String, ChangeKind, String), Told>,
    released: BTreeSet<Sym>,
    /// How many policies no list of flows can tell.
    unlisted: usize,
    /// Changes of what is denied, and the dialects that say so.
    denials: BTreeMap<DenialChange, Vec<&'static str>>,
}

/// A change, and the dialects that say so: mostly all of them.
struct Told {
    change: FlowChange,
    by: Vec<&'static str>,
}

fn show_meaning(meaning: &Meaning<'_>, about_chosen: bool, terminal: &mut Terminal) {
    let place = meaning.cluster.as_ref().map_or(String::new(), |name| format!("{name}: "));
    let red = anstyle::AnsiColor::Red.on_default().bold();
    for namespace in &meaning.released {
        terminal.line(format!(
            "{red}{place}namespace {namespace} is no longer managed: every connection to and from its pods opens{red:#}\n"
        ));
    }
    let only = |by: &[&str]| if by == meaning.dialects { String::new() } else { by.join(", ") };
    for (change, by) in &meaning.denials {
        let only = match only(by) {
            all if all.is_empty() => all,
            some => format!(" (only {some})"),
        };
        let style = if change.opens() { red } else { anstyle::Style::new() };
        terminal.line(format!("{style}{place}{change}{only}{style:#}\n"));
    }
    for folder in &meaning.fresh {
        terminal.line(format!("{folder} is rendered for the first time\n"));
    }
    let groups = [
        ("opened", ChangeKind::Opened),
        ("closed", ChangeKind::Closed),
        ("widened", ChangeKind::Widened),
        ("narrowed", ChangeKind::Narrowed),
    ];
    for (word, kind) in groups {
        let of_kind: Vec<(&FlowChange, String)> = meaning
            .flows
            .values()
            .filter(|told| told.change.kind == kind)
            .map(|told| (&told.change, only(&told.by)))
            .collect();
        if !of_kind.is_empty() {
            terminal.line(format!("{place}{} {word}:", plural(of_kind.len(), "flow")));
            report::flows(&of_kind, MAX_FLOWS, terminal);
            terminal.line("");
        }
    }
    if meaning.unlisted > 0 {
        let policies =
            if meaning.unlisted == 1 { "policy".to_owned() } else { format!("{} policies", meaning.unlisted) };
        terminal.line(format!(
            "{place}what {policies} opens and closes is not listed: order, or a selector that is no equality, decides it\n"
        ));
    }
    let told = meaning.unlisted > 0
        || !(meaning.released.is_empty() && meaning.denials.is_empty() && meaning.fresh.is_empty());
    if about_chosen && meaning.flows.is_empty() && !told {
        terminal.line(format!("{place}no flow opens or closes\n"));
    }
}

/// Folders that nothing is rendered into any more, as of a cluster that the project file no longer names.
fn show_dropped(plan: &Plan, compiled: &[Compiled], terminal: &mut Terminal) {
    let dialect = |folder: &&Utf8Path| folder.file_name().is_some_and(|name| dialects::find(name).is_some());
    let dropped: BTreeSet<&Utf8Path> = plan
        .changes
        .iter()
        .filter(|change| matches!(change.kind, OutputChange::Delete { .. }))
        .filter_map(|change| change.path.ancestors().find(dialect))
        .filter(|folder| !compiled.iter().any(|done| done.folder == *folder))
        .collect();
    let red = anstyle::AnsiColor::Red.on_default().bold();
    for folder in dropped {
        terminal
            .line(format!("{red}{folder} is no longer rendered: its policies go, default denies included{red:#}\n"));
    }
}

/// Where nothing changes, what the chosen intents allow.
fn show_standing(run: &Run, compiled: &[Compiled], terminal: &mut Terminal) {
    let names = report::Names::of(run);
    // The one that says most of what was meant.
    let Some(done) = compiled.iter().min_by_key(|done| done.approximations.len()) else { return };
    let mut flows =
        flow_changes(&Flows::default(), &Flows::of(&sum::of(&done.policies).policies), &|peer| names.name(peer));
    flows.retain(|flow| names.is_shown(flow));
    terminal.line(format!("nothing changes; {} as before:", plural(flows.len(), "flow")));
    for flow in flows.iter().take(MAX_FLOWS) {
        terminal.line(format!("  {flow}"));
    }
    if flows.len() > MAX_FLOWS {
        terminal.line(format!("  … and {} more", flows.len() - MAX_FLOWS));
    }
    terminal.line("");
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
fn meanings<'c>(run: &Run, plan: &Plan, compiled: &'c [Compiled]) -> Option<Vec<Meaning<'c>>> {
    let names = report::Names::of(run);
    let olds: Option<Vec<_>> = compiled.iter().map(|done| old_policies(run, plan, done)).collect();
    let pairs: Vec<(&Compiled, Before)> = compiled.iter().zip(olds?).collect();
    let stood = |cluster| pairs.iter().any(|(done, old)| done.cluster == cluster && !old.policies.is_empty());
    let mut meanings: Vec<Meaning<'c>> = vec![];
    for (done, old) in &pairs {
        let at = meanings.iter().position(|meaning| meaning.cluster == done.cluster).unwrap_or_else(|| {
            meanings.push(Meaning { cluster: done.cluster.clone(), ..Meaning::default() });
            meanings.len() - 1
        });
        let Some(meaning) = meanings.get_mut(at) else { continue };
        // Another dialect said the flows before: what is new is the folder, not what may be reached.
        if old.policies.is_empty() && !done.policies.is_empty() && stood(done.cluster.clone()) {
            meaning.fresh.push(&done.folder);
            continue;
        }
        meaning.dialects.push(done.dialect);
        let now = sum::of(&done.policies);
        meaning.unlisted = meaning.unlisted.max(old.omitted).max(now.omitted);
        let (old, new) = (&old.policies, now.policies);
        meaning.released.extend(released(old, &new));
        for change in denial_changes(old, &new, &|namespace| names.is_shown_namespace(namespace)) {
            meaning.denials.entry(change).or_default().push(done.dialect);
        }
        let mut flows = flow_changes(&Flows::of(old), &Flows::of(&new), &|peer| names.name(peer));
        flows.retain(|change| names.is_shown(change));
        for flow in flows {
            let key = (flow.from.clone(), flow.to.clone(), flow.kind, flow.ports());
            let told = meaning.flows.entry(key).or_insert_with(|| Told { change: flow, by: vec![] });
            // Parts of one destination may differ, and be told alike.
            if !told.by.contains(&done.dialect) {
                told.by.push(done.dialect);
            }
        }
    }
    Some(meanings)
}

/// The policies before. Files that stay as they are say what was just proved of them, so only the others are read, unless
/// these refer to objects of files that stay, or hold nothing but what files that stay may refer to.
fn old_policies(run: &Run, plan: &Plan, done: &Compiled) -> Option<Before> {
    let dialect = dialects::find(done.dialect)?;
    let sources = &run.project.sources;
    let of_dialect = || plan.changes.iter().filter(|change| change.path.starts_with(&done.folder));
    let changed: BTreeSet<&Utf8Path> = of_dialect().map(|change| change.shown.as_path()).collect();
    let mut old = Sources::default();
    let mut files: Vec<FileId> = of_dialect()
        .filter_map(|change| change.old_text().map(|text| old.add(&change.path, text.to_owned())))
        .collect();
    if let Ok(read) = dialect.read(&old, &files)
        && !read.iter().any(|file| file.shared)
    {
        let kept = done.policies.iter().filter(|policy| !changed.contains(sources.path(policy.span.file)));
        // What is read apart is summed apart: ranks compare what was read together.
        let (kept, read) = (kept.cloned().collect::<Vec<_>>(), read.into_iter().flat_map(|file| file.policies));
        let (kept, read) = (sum::of(&kept), sum::of(&read.collect::<Vec<_>>()));
        let omitted = kept.omitted + read.omitted;
        return Some(Before { policies: [kept.policies, read.policies].concat(), omitted });
    }
    for (path, id) in done.texts.iter().filter(|(_, id)| !changed.contains(sources.path(*id))) {
        files.push(old.add(path, sources.get(*id).text.clone()));
    }
    let read = dialect.read(&old, &files).ok()?;
    let sums = sum::of(&read.into_iter().flat_map(|file| file.policies).collect::<Vec<normal::Policy>>());
    Some(Before { policies: sums.policies, omitted: sums.omitted })
}

/// The policies before, as sums.
struct Before {
    policies: Vec<sum::Policy>,
    /// How many are none.
    omitted: usize,
}
