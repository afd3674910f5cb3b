//! `netpolc check`: findings, and nothing else.

use super::report::{self, plural};
use super::run::Run;
use super::{CheckArgs, Exit, Format, Terminal, fix};
use crate::checks;
use crate::diag::{self, Diagnostic, Level};

pub(super) fn run(args: &CheckArgs, terminal: &mut Terminal) -> Exit {
    check(args, terminal).unwrap_or_else(|exit| exit)
}

fn check(args: &CheckArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    if let Some(wrong) = args.select.iter().chain(&args.ignore).find(|prefix| !is_prefix(prefix)) {
        return Err(
            terminal.fail(format!("no code starts with {}; `netpolc rule --all` lists them", diag::quote(wrong)))
        );
    }
    if args.diff {
        return fix::diff(args, terminal);
    }
    let fixed = if args.fix { Some(fix::fix(args, terminal)?) } else { None };
    let mut run = Run::start(&args.common, None, Level::Error, terminal)?;
    // What a dialect cannot say, and a template that says too much, are findings as well: nothing is written.
    let target = super::Target { dialect: vec![], cluster: None };
    run.compile(&target, terminal)?;
    let mut shown: Vec<Diagnostic> = run.shown().into_iter().filter(|d| is_asked_for(args, d)).collect();
    let fixable = fix::announce(&run, args, &mut shown);
    match args.format {
        Format::Full => {
            let end = fixable.as_ref().map_or(String::new(), |fixable| format!("; {fixable}"));
            report::diagnostics(&run, &shown, &end, terminal);
        }
        Format::Concise => {
            for diagnostic in &shown {
                terminal.line(diag::concise(diagnostic, &run.project.sources));
            }
            fixable.into_iter().for_each(|fixable| terminal.tell(fixable));
        }
        Format::Json => {
            let json = diag::to_json(&shown, &run.project.sources);
            terminal.line(serde_json::to_string_pretty(&json).unwrap_or_default());
        }
    }
    let bad = shown.iter().any(|d| d.level == Level::Error || args.strict);
    if args.format != Format::Json && shown.is_empty() {
        let waived = match run.waived_shown() {
            0 => String::new(),
            n => format!(", {} waived", plural(n, "finding")),
        };
        terminal.tell(format!("no findings in {}{waived}", plural(run.project.intents.len(), "intent")));
    }
    fixed.into_iter().for_each(|fixed| terminal.tell(fixed.told()));
    Ok(if bad { Exit::NotFine } else { Exit::Fine })
}

/// Whether some code starts with it.
fn is_prefix(prefix: &str) -> bool {
    let codes = checks::all().map(|rule| rule.code).chain(diag::codes::ALL.iter().map(|doc| doc.code));
    !prefix.is_empty() && codes.into_iter().any(|code| has_prefix(code.0, prefix))
}

/// `--select` and `--ignore` choose among rules. Errors of the language cannot be ignored: nothing can be built with them.
fn is_asked_for(args: &CheckArgs, diagnostic: &Diagnostic) -> bool {
    let code = diagnostic.code.0;
    let matches = |prefixes: &[String]| prefixes.iter().any(|prefix| has_prefix(code, prefix));
    if checks::find(code).is_none() {
        return true;
    }
    (args.select.is_empty() || matches(&args.select)) && !matches(&args.ignore)
}

/// Whether a code starts with it; case does not matter.
pub(super) fn has_prefix(code: &str, prefix: &str) -> bool {
    code.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
