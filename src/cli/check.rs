//! `netpolc check`: findings, and nothing else.

use super::report::{self, plural};
use super::run::{Inventories, Looked, Run};
use super::{CheckArgs, Exit, Format, Terminal};
use crate::checks::running::listed;
use crate::checks::{self, Settings};
use crate::diag::{self, Diagnostic, Level};
use crate::model::check_namespace;

pub(super) fn run(args: &CheckArgs, terminal: &mut Terminal) -> Exit {
    check(args, terminal).unwrap_or_else(|exit| exit)
}

fn check(args: &CheckArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    if let Some(wrong) = args.select.iter().chain(&args.ignore).find(|prefix| !is_prefix(prefix)) {
        return Err(
            terminal.fail(format!("no code starts with {}; `netpolc rule --all` lists them", diag::quote(wrong)))
        );
    }
    if let Some(name) = &args.inventory_namespace
        && let Err(refusal) = check_namespace(name)
    {
        return Err(terminal.fail(format!("--inventory-namespace: {}; {}", refusal.message, refusal.help)));
    }
    let running = Inventories { paths: &args.inventory, namespace: args.inventory_namespace.as_deref() };
    let settings = Settings::new(Level::Error);
    let mut run = Run::with(&args.common, args.cluster.as_deref(), &settings, Some(&running), terminal)?;
    // What a dialect cannot say, and a template that says too much, are findings as well: nothing is written.
    let target = super::Target { dialect: vec![], cluster: args.cluster.clone() };
    run.compile(&target, terminal)?;
    let shown: Vec<Diagnostic> = run.shown().into_iter().filter(|d| is_asked_for(args, d)).collect();
    match args.format {
        Format::Full => report::diagnostics(&run, &shown, "", terminal),
        Format::Concise => {
            for diagnostic in &shown {
                terminal.line(diag::concise(diagnostic, &run.project.sources));
            }
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
    if args.format != Format::Json
        && let Some(inventory) = &run.inventory
    {
        looked(inventory, terminal);
    }
    Ok(if bad { Exit::NotFine } else { Exit::Fine })
}

/// How many namespaces a line names at most.
const NAMED: usize = 5;

/// What the findings of the inventory rest on, and what it does not show.
fn looked(inventory: &Looked, terminal: &mut Terminal) {
    let Looked { workloads, services, assumed, unseen } = inventory;
    terminal.tell(format!("inventory: {}, {}", plural(*workloads, "workload"), plural(*services, "Service")));
    if let Some(namespace) = assumed {
        terminal.tell(format!(
            "assumed: objects that name no namespace are in {} (--inventory-namespace says where they are)",
            diag::quote(namespace)
        ));
    }
    if !unseen.is_empty() {
        let names = listed(unseen.iter().map(|name| &**name), NAMED);
        terminal.tell(format!("not looked at, as the inventory shows nothing of {}: {names}", plural_of(unseen.len())));
    }
}

fn plural_of(namespaces: usize) -> &'static str {
    if namespaces == 1 { "the namespace" } else { "the namespaces" }
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

fn has_prefix(code: &str, prefix: &str) -> bool {
    code.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
