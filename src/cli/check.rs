//! `netpolc check`: findings, and nothing else.

use super::report::{self, plural};
use super::run::{Options, Run};
use super::select::Selection;
use super::{CheckArgs, Exit, Terminal, fix};
use crate::checks::{Settings, explained};
use crate::diag::{Diagnostic, Format, Level, Report, Waived};

pub(super) fn run(args: &CheckArgs, terminal: &mut Terminal) -> Exit {
    check(args, terminal).unwrap_or_else(|exit| exit)
}

fn check(args: &CheckArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let selection = Selection::new(&args.select, &args.ignore).map_err(|error| terminal.fail(error))?;
    args.inventory.check(terminal)?;
    let settings = Settings { selected: selection.asked(), ..Settings::new(Level::Error) };
    if args.diff {
        return fix::diff(args, &selection, &settings, terminal);
    }
    let fixed = if args.fix { Some(fix::fix(args, &selection, &settings, terminal)?) } else { None };
    let cluster = args.cluster.as_deref();
    let options = Options { cluster, inventory: Some(&args.inventory), ..Options::new(&settings) };
    let mut run = Run::with(&args.common, &options, terminal)?;
    // What a dialect cannot say, and a template that says too much, are findings as well: nothing is written.
    let target = super::Target { dialect: vec![], cluster: args.cluster.clone() };
    if run.outline(&target, terminal)?.is_none() {
        run.compile(&target, terminal)?;
    }
    let mut found: Vec<Diagnostic> = run.shown().into_iter().filter(|d| selection.holds(d.code)).collect();
    let accepted = run.waived_shown().into_iter().filter(|waived| selection.holds(waived.diagnostic.code));
    let waived: Vec<Waived> = if args.waived { accepted.cloned().collect() } else { vec![] };
    let fixable = fix::announce(&run, args, &selection, &mut found);
    let sources = &run.project.sources;
    match args.format {
        Format::Full => {
            let end = fixable.as_ref().map_or(String::new(), |fixable| format!("; {fixable}"));
            report::diagnostics(&run, &found, &end, terminal);
            waived.iter().for_each(|waived| terminal.tell(waived.line(sources)));
        }
        format => {
            let folder = run.project.root.in_repository().map_err(|error| terminal.fail(error))?;
            let explained = explained();
            let report = Report { sources, found: &found, waived: &waived, explained: &explained, folder: &folder };
            terminal.print(&report.document(format));
            fixable.filter(|_| format.is_for_people()).into_iter().for_each(|fixable| terminal.tell(fixable));
        }
    }
    if args.format.is_for_people() && found.is_empty() {
        let waived = match run.waived_shown().len() {
            0 => String::new(),
            n => format!(", {} waived", plural(n, "finding")),
        };
        terminal.tell(format!("no findings in {}{waived}", plural(run.project.intents.len(), "intent")));
    }
    if let Some(looked) = run.looked.as_ref().filter(|_| args.format.is_for_people()) {
        looked.tell(terminal);
    }
    fixed.into_iter().for_each(|fixed| terminal.tell(fixed.told()));
    let bad = found.iter().any(|d| d.level == Level::Error || args.strict);
    Ok(if bad { Exit::NotFine } else { Exit::Fine })
}
