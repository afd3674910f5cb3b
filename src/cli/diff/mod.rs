//! `netpolc diff`: what a build would open, close and write; or what is otherwise than at a git revision or in another folder.
//!
//! ```text
//! against (texts, intents) ─ sides (policies) ─┬─ difference ─┬─ human
//! what was compiled ───────────────────────────┘              ├─ markdown (picture)
//!                                                             └─ json
//! ```

mod against;
mod difference;
mod human;
pub mod json;
mod markdown;
mod origins;
mod picture;
mod sides;
mod walls;

use clap::{Args, ValueEnum};

use super::run::Run;
use super::{Common, Exit, Target, Terminal, report};
use crate::checks::Settings;
use crate::diag::Level;
use crate::dialects;
use crate::output::{Change, Plan, Tree};
use crate::pipeline::Compiled;
use crate::verify::normal::Policy;

use against::Before;
use difference::{Difference, Parts, Verdict};
use sides::Side;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing differs that --fail-on names; 1 something does, or the intents have errors; 2 the \
                  difference could not be made: wrong usage, no such revision, or a side that cannot be read. Nothing is \
                  written."
)]
pub(super) struct DiffArgs {
    #[command(flatten)]
    common: Common,

    /// Compare with a git revision of this project, as origin/main, or with another folder (a project, or generated policies);
    /// a folder that could be a revision too is written ./folder [default: what is in out/]
    #[arg(long, value_name = "REV|DIR")]
    against: Option<String>,

    /// How the difference is printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// What makes it exit with 1. Changes of the whole project count, whatever paths are given
    #[arg(long, value_enum, default_value_t = FailOn::Any, value_name = "WHAT")]
    fail_on: FailOn,

    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal: the texts, then what opens and closes
    Human,
    /// For a comment on a pull request; nothing at all where nothing differs
    Markdown,
    /// One JSON document, described by `netpolc schema diff`
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Anything that differs, texts included
    Any,
    /// Something may pass that could not before, or a denial or guardrail is gone or weaker
    Opened,
    /// Something may no longer pass
    Closed,
    /// Nothing: only errors
    Never,
}

impl FailOn {
    fn exit(self, verdict: Verdict) -> Exit {
        let fails = match self {
            Self::Any => verdict.differs,
            Self::Opened => verdict.opens,
            Self::Closed => verdict.closes,
            Self::Never => false,
        };
        if fails { Exit::NotFine } else { Exit::Fine }
    }
}

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
    let mut refused = false;
    let (changes, before) = match &args.against {
        None => {
            let disk = run.inspect(&args.target, terminal)?;
            // What someone edited is part of the difference: it is what a build would replace.
            let plan = crate::output::plan(&disk, &wanted, &mut run.project.sources, true);
            let problems = report::sorted(&run, plan.problems.iter().chain(&plan.warnings).cloned());
            report::diagnostics(&run, &problems, "", terminal);
            refused = !plan.problems.is_empty();
            (plan.changes, None)
        }
        Some(name) => {
            terminal.progress("reading what it is compared with");
            let before = Before::find(&run, name, &args.target, terminal)?;
            (before.changes(&wanted, &run.project.out), Some(before))
        }
    };
    terminal.progress("comparing");
    let mut other = Other { sides: sides_of(&run, &changes, &compiled), changes, before };
    other.complete(&run, &wanted, &compiled).map_err(|error| terminal.fail(error))?;
    let parts = Parts {
        run: &run,
        compiled: &compiled,
        changes: &other.changes,
        sides: &other.sides,
        before: other.before.as_ref(),
        detailed: true,
    };
    let difference = Difference::of(&parts);
    terminal.end_progress();
    match args.format {
        Format::Human => human::tell(&run, &compiled, &difference, None, terminal),
        Format::Markdown => terminal.print(&markdown::markdown(&difference)),
        Format::Json => terminal.print(&json::json(&difference)),
    }
    Ok(if refused { Exit::NotFine } else { args.fail_on.exit(difference.verdict) })
}

fn sides_of(run: &Run, changes: &[Change], compiled: &[Compiled]) -> Vec<Option<Side>> {
    compiled.iter().map(|done| sides::before(run, changes, done)).collect()
}

/// The other side, and what is otherwise here.
struct Other {
    changes: Vec<Change>,
    /// The policies, for each of what was compiled; `None`: they cannot be read.
    sides: Vec<Option<Side>>,
    /// Where it is not what is in out/.
    before: Option<Before>,
}

impl Other {
    /// Compiles what cannot be read from the intents of that side instead.
    fn complete(&mut self, run: &Run, wanted: &Tree, compiled: &[Compiled]) -> Result<(), String> {
        let Some(before) = &mut self.before else { return Ok(()) };
        let mut again = vec![];
        for (done, _) in compiled.iter().zip(&self.sides).filter(|(_, side)| side.is_none()) {
            let dialect = dialects::find(done.proved.dialect);
            if !dialect.is_some_and(|dialect| before.render(done.proved.cluster.as_ref(), dialect)) {
                return Err(format!(
                    "the policies of {} in {} cannot be read by this version of netpolc, and there are no intents of that \
                     side that it compiles",
                    before.against.name(),
                    done.proved.folder
                ));
            }
            again.push(&done.proved.folder);
        }
        if !again.is_empty() {
            self.changes = before.changes(wanted, &run.project.out);
        }
        for (done, side) in
            compiled.iter().zip(&mut self.sides).filter(|(done, _)| again.contains(&&done.proved.folder))
        {
            *side = sides::before(run, &self.changes, done);
        }
        Ok(())
    }
}

/// What a build is about to change: at most so many lines of text, then what opens and closes.
pub(super) fn show(run: &Run, plan: &Plan, compiled: &[Compiled], most_lines: usize, terminal: &mut Terminal) {
    show_sides(run, plan, (compiled, &sides_of(run, &plan.changes, compiled)), most_lines, terminal);
}

/// The same of what was compiled in part, each with the policies that its changed files held.
pub(super) fn show_part(
    run: &Run,
    plan: &Plan,
    parts: Vec<(Compiled, Vec<Policy>)>,
    most_lines: usize,
    terminal: &mut Terminal,
) {
    let side = |(done, old): &(Compiled, Vec<Policy>)| Some(sides::beside(run, &plan.changes, done, old));
    let sides: Vec<Option<Side>> = parts.iter().map(side).collect();
    let compiled: Vec<Compiled> = parts.into_iter().map(|(done, _)| done).collect();
    show_sides(run, plan, (&compiled, &sides), most_lines, terminal);
}

/// Where a build changes nothing: what the chosen intents allow. `compiled`: where nothing else is compiled, what says it.
pub(super) fn show_standing(run: &Run, compiled: &[Compiled], terminal: &mut Terminal) {
    human::standing(run, compiled, terminal);
}

fn show_sides(
    run: &Run,
    plan: &Plan,
    (compiled, sides): (&[Compiled], &[Option<Side>]),
    most_lines: usize,
    terminal: &mut Terminal,
) {
    let changes = &plan.changes;
    let parts = Parts { run, compiled, changes, sides, before: None, detailed: false };
    human::tell(run, compiled, &Difference::of(&parts), Some(most_lines), terminal);
}
