//! `netpolc build`: compile, check, prove, show, write.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::report::{self, plural};
use super::run::Run;
use super::{BuildArgs, Exit, Target, Terminal, argocd, diff, tracked};
use crate::checks::Settings;
use crate::diag::{Diagnostic, Level, codes};
use crate::model::{Model, Sym};
use crate::output::{Plan, Texts, Tree, differing, plan_some};
use crate::pipeline::{Again, Compiled, Proved};
use crate::source::entry_kind;

/// How many lines of the text diff are shown at most: a first build is told by its flows.
const MAX_DIFF_LINES: usize = 400;

/// How many new files are shown at most, where nothing else changes; and how many files that differ are told without all the
/// others at hand.
const MAX_NEW_FILES: usize = 1_000;

pub(super) fn run(args: &BuildArgs, terminal: &mut Terminal) -> Exit {
    build(args, terminal).unwrap_or_else(|exit| exit)
}

fn build(args: &BuildArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    // A waiver that ran out overnight must not stop the tool that renders what is already running.
    let expired = if args.stdout { Level::Warning } else { Level::Error };
    let target = if args.argocd { argocd::target(&args.target, terminal)? } else { args.target.clone() };
    let mut run = Run::start(&args.common, target.cluster.as_deref(), &Settings::new(expired), terminal)?;
    if args.stdout && !run.diags.has_errors() {
        refuse_several(&run, &target, args.argocd, terminal)?;
    }
    if !args.stdout
        && let Some(exit) = in_outline(args, &mut run, &target, terminal)?
    {
        return Ok(exit);
    }
    let compiled = run.compile(&target, terminal)?;
    let shown = run.shown();
    let tell = if args.argocd { argocd::diagnostics } else { report::diagnostics };
    let Some(mut compiled) = compiled else {
        let nothing = if args.stdout { "; nothing was printed" } else { "; nothing was written" };
        tell(&run, &shown, nothing, terminal);
        return Ok(Exit::NotFine);
    };
    tell(&run, &shown, "", terminal);
    if args.stdout {
        return Ok(print(&run, &compiled, tell, terminal));
    }
    let wanted: Tree = compiled.iter_mut().flat_map(|done| std::mem::take(&mut done.files)).collect();
    let disk = run.inspect(&target, terminal)?;
    let plan = crate::output::plan(&disk, &wanted, &mut run.project.sources, args.overwrite);
    let proved = report::proved(&compiled);
    if args.check {
        return Ok(check(&mut run, &plan, &proved, terminal));
    }
    if let Some(exit) = stopped(&run, &plan, terminal) {
        return Ok(exit);
    }
    diff::show(&run, &plan, &compiled, MAX_DIFF_LINES, terminal);
    write(args, &run, &plan, &Tree::new(), &proved, disk.is_fresh(), terminal)
}

/// Where little changes, or so much is new that nobody reads it: then only the texts of what changes are needed, and what opens
/// and closes is known without most of the rest. `None`: the build goes the long way, and nothing was told.
fn in_outline(args: &BuildArgs, run: &mut Run, target: &Target, terminal: &mut Terminal) -> Result<Option<Exit>, Exit> {
    if is_shown_whole(args, run, target, terminal)? {
        return Ok(None);
    }
    let Some(outlines) = run.outline(target, terminal)? else { return Ok(None) };
    let wanted = outlines.iter().flat_map(|outline| outline.hashes.iter().map(|(path, hash)| (path.clone(), *hash)));
    let wanted = wanted.collect();
    let disk = run.inspect(target, terminal)?;
    let (differing, all_new) = differing(&disk, &wanted);
    let is_told = differing.len() <= MAX_NEW_FILES;
    // Of chosen intents the files are shown, however many there are of others.
    if !is_told && (!all_new || args.check || run.selected.is_some()) {
        return Ok(None);
    }
    let templates = run.project.sources.clone();
    let again = OnceCell::new();
    let again = || again.get_or_init(|| Again::new(&outlines, &run.models, &templates));
    let texts = if is_told && !differing.is_empty() { again().texts(&differing) } else { Some(Tree::new()) };
    let mut sources = templates.clone();
    let plan = texts.and_then(|texts| plan_some(&disk, &wanted, &texts, &mut sources, args.overwrite));
    let Some(plan) = plan else { return Ok(None) };
    let is_plain = plan.problems.is_empty() && plan.warnings.is_empty() && plan.changes.is_empty();
    if plan.changes.len() > MAX_NEW_FILES || !(is_told || is_plain) {
        return Ok(None);
    }
    let (mut excerpt, mut standing) = (vec![], None);
    if !args.check && plan.problems.is_empty() {
        let out = &run.project.out;
        match &run.selected {
            _ if !plan.changes.is_empty() => {
                let changed = plan.changes.iter().map(|change| (change.path.as_path(), change.old_text())).collect();
                let Some(compiled) = again().excerpt(&changed, out, &mut sources) else { return Ok(None) };
                excerpt = compiled;
            }
            // What the chosen intents allow is shown, even if nothing changes.
            Some(selected) => {
                let chosen = run.models.iter().flat_map(|model| namespaces(model, selected)).collect::<Vec<_>>();
                let Some(compiled) = again().standing(&chosen, out, &mut sources) else { return Ok(None) };
                standing = Some(compiled);
            }
            None => {}
        }
    }
    run.project.sources = sources;
    let shown = run.shown();
    report::diagnostics(run, &shown, "", terminal);
    let proved: Vec<Proved> = outlines.iter().map(|outline| outline.proved.clone()).collect();
    if args.check {
        return Ok(Some(check(run, &plan, &proved, terminal)));
    }
    if let Some(exit) = stopped(run, &plan, terminal) {
        return Ok(Some(exit));
    }
    match standing {
        Some(compiled) => diff::show_standing(run, &[compiled], terminal),
        None if plan.changes.is_empty() => {}
        None => diff::show_part(run, &plan, excerpt, MAX_DIFF_LINES, terminal),
    }
    if plan.later.is_empty() {
        return write(args, run, &plan, &Tree::new(), &proved, disk.is_fresh(), terminal).map(Some);
    }
    let files = plural(plan.later.len(), "new file");
    terminal.line(format!("{files}, too many to show; before a build, `netpolc diff` shows all of it\n"));
    let again = Again::new(&outlines, &run.models, &templates);
    write(args, run, &plan, &again, &proved, disk.is_fresh(), terminal).map(Some)
}

/// Whether it is a first build of which all is shown: then nothing is known without all of the texts.
fn is_shown_whole(args: &BuildArgs, run: &Run, target: &Target, terminal: &mut Terminal) -> Result<bool, Exit> {
    let is_first = matches!(entry_kind(&run.project.out_dir()), Ok(None)) && !args.check;
    // Each has its default deny, and mostly something that it allows.
    let namespaces: usize = run.models.iter().map(|model| model.namespaces.len()).sum();
    Ok(is_first && namespaces * 2 * run.dialects(target, terminal)?.len() <= MAX_NEW_FILES)
}

/// The namespaces of some intents.
fn namespaces<'m>(model: &'m Model, intents: &BTreeSet<Utf8PathBuf>) -> Vec<&'m Sym> {
    let of_them = model.tiers.iter().filter(|tier| intents.contains(&model[tier.app].path));
    of_them.flat_map(|tier| tier.pods.namespaces.names()).collect()
}

/// Tells what a plan stops at, and what it does not.
fn stopped(run: &Run, plan: &Plan, terminal: &mut Terminal) -> Option<Exit> {
    let problems = report::sorted(run, plan.problems.iter().chain(&plan.warnings).cloned());
    let consequence = if plan.problems.is_empty() { "" } else { "; nothing was written" };
    report::diagnostics(run, &problems, consequence, terminal);
    (!plan.problems.is_empty()).then_some(Exit::NotFine)
}

/// Writes a plan and says what was written and proved. `first`: there was nothing before.
fn write(
    args: &BuildArgs,
    run: &Run,
    plan: &Plan,
    texts: &dyn Texts,
    proved: &[Proved],
    first: bool,
    terminal: &mut Terminal,
) -> Result<Exit, Exit> {
    let applied = plan.apply_with(texts).map_err(|error| terminal.fail(error))?;
    let counts = [
        (applied.created, "created"),
        (applied.updated, "updated"),
        (applied.deleted, "removed"),
        (plan.unchanged, "unchanged"),
    ];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    terminal.line(format!(
        "built {} into {}/: {}",
        plural(run.project.intents.len(), "intent"),
        run.project.out,
        if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
    ));
    verified(run, proved, terminal);
    if first {
        next_step(run, proved, terminal);
    }
    let changed = args.exit_nonzero_on_change && applied.wrote();
    let left_out = args.tracked && tracked::left_out(run, terminal)?;
    Ok(if changed || left_out { Exit::NotFine } else { Exit::Fine })
}

/// What to do after a first build. Each folder enforces everything alone: one of them is applied, the one that the cluster's
/// engine reads.
fn next_step(run: &Run, proved: &[Proved], terminal: &mut Terminal) {
    let folders: Vec<String> = proved.iter().map(|done| run.project.out.join(&done.folder).into_string()).collect();
    match folders.as_slice() {
        [] => {}
        [one] => {
            terminal.line(format!("next: read {one}, commit it with the intents, and apply it: kubectl apply -k {one}"));
        }
        [one, others @ ..] => terminal.line(format!(
            "next: read the folder that your cluster's engine enforces ({one}, {}), commit them with the intents, and apply \
             that one alone, as with kubectl apply -k {one}; `dialects` in netpolc.toml leaves the others out",
            others.join(", ")
        )),
    }
}

/// `verified: kubernetes allows exactly the 214 flows of 6 intents`, and what limits that sentence.
fn verified(run: &Run, proved: &[Proved], terminal: &mut Terminal) {
    let mut dialects: Vec<&str> = proved.iter().map(|done| done.dialect).collect();
    dialects.sort_unstable();
    dialects.dedup();
    let flows = proved.iter().map(|done| done.flows).max().unwrap_or(0);
    report::verified(run, &dialects, flows, terminal);
    report::caveats(run, proved, terminal);
    let waived = run.waived_shown().len();
    if waived > 0 {
        terminal.line(format!("{} waived", plural(waived, "finding")));
    }
}

/// `--check`: nothing is written, and everything that is not as it shall be is named.
fn check(run: &mut Run, plan: &Plan, proved: &[Proved], terminal: &mut Terminal) -> Exit {
    let problems = plan.check_problems(&mut run.project.sources);
    let problems = report::sorted(run, problems);
    if problems.is_empty() {
        terminal.line(format!("{}/ is up to date: {}", run.project.out, plural(plan.unchanged, "file")));
        verified(run, proved, terminal);
        return Exit::Fine;
    }
    report::diagnostics(run, &problems, "", terminal);
    Exit::NotFine
}

/// `--stdout` prints one dialect of one cluster: nothing is compiled where it is open which.
fn refuse_several(run: &Run, target: &Target, argocd: bool, terminal: &mut Terminal) -> Result<(), Exit> {
    let dialects: Vec<&str> = run.dialects(target, terminal)?.iter().map(|dialect| dialect.name()).collect();
    let clusters = if target.cluster.is_some() { vec![] } else { run.project.clusters() };
    if dialects.len() <= 1 && clusters.len() <= 1 {
        return Ok(());
    }
    if argocd {
        return Err(terminal.fail(argocd::missing(&dialects, &clusters)));
    }
    let hint = match clusters.is_empty() {
        true => "name one with --dialect".to_owned(),
        false => format!("name one with --cluster ({}), and one dialect with --dialect", clusters.join(", ")),
    };
    Err(terminal.fail(format!("--stdout prints one dialect of one cluster; {hint}")))
}

/// How findings are told, with what follows from them.
type Tell = fn(&Run, &[Diagnostic], &str, &mut Terminal);

/// `--stdout`: manifests, and nothing else.
fn print(run: &Run, compiled: &[Compiled], tell: Tell, terminal: &mut Terminal) -> Exit {
    // An empty answer would make a GitOps tool prune every policy.
    let Some(done) = compiled.first().filter(|done| !done.policies.is_empty()) else {
        let error = Diagnostic::placeless(codes::PATH, "there are no policies to print");
        tell(run, &[error.help("declare a tier")], "; nothing was printed", terminal);
        return Exit::NotFine;
    };
    let manifests = done.files.iter().filter(|(path, _)| done.manifests.contains(*path));
    for (position, (_, text)) in manifests.enumerate() {
        if position > 0 && !text.starts_with("---") {
            terminal.print("---\n");
        }
        terminal.print(text);
    }
    // Half of the manifests must not pass for all of them.
    if terminal.is_closed() { Exit::Failed } else { Exit::Fine }
}
