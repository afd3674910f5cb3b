//! `netpolc krm`: a KRM function, as kustomize and kpt run them.
//!
//! In: a ResourceList on standard input. Out: the same list with the policies of a project in it, compiled, checked and proved as
//! `netpolc build --stdout` does it, and with what there is to tell as its results. On errors the items go out as they came.
//! What may never happen: an item of somebody else changed, half of a list, or anything but the list on standard output.

pub(super) mod config;
mod list;
mod merge;
mod results;
mod tree;

use std::collections::BTreeSet;

use clap::Args;
use jiff::civil::Date;

use super::run::{Options, Run, here};
use super::{Common, Exit, Target, Terminal, report};
use crate::checks::Settings;
use crate::diag::{Diagnostic, Diagnostics, Level, codes, concise};
use crate::dialects::reading::text;
use crate::pipeline::{Compiled, Project};
use crate::source::{self, Root, STANDARD_INPUT_SHOWN, Sources};

use config::Config;
use list::{Item, List, Object};
use merge::{Made, merge, passed};
use results::{Problem, Told};
use tree::Tree;

/// How much is told on standard error; the rest is in the results.
const MAX_LINES: usize = 20;

#[derive(Debug, Args)]
pub(super) struct KrmArgs {
    /// The day on which waivers are judged, as 2027-03-01 [default: today]
    #[arg(long, value_name = "DATE")]
    today: Option<Date>,
}

pub(super) fn run(args: &KrmArgs, terminal: &mut Terminal) -> Exit {
    krm(args, terminal).unwrap_or_else(|exit| exit)
}

fn krm(args: &KrmArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let text =
        source::load_stream(&mut std::io::stdin()).map_err(|error| terminal.fail(format!("standard input {error}")))?;
    let mut sources = Sources::default();
    let file = sources.add(STANDARD_INPUT_SHOWN, text);
    let list = List::read(&sources, file).map_err(|found| unusable(&found, &sources, terminal))?;
    let items = passed(&list);
    let about = list.config.as_ref().map(config::reference);
    let wrong =
        |problems: &[Problem]| problems.iter().map(|problem| Told::of_problem(problem, about.as_ref())).collect();

    let (config, mut problems) = Config::read(list.config.as_ref());
    let cwd = here(terminal)?;
    let root = match config.root(&cwd) {
        Ok(root) => root,
        Err(problem) => {
            problems.push(problem);
            return answer(&list, &unchanged(&items), wrong(&problems), terminal);
        }
    };
    let mut found = Diagnostics::default();
    let project = Project::load(root.clone(), &mut found).map_err(|error| terminal.fail(error))?;
    problems.extend(config.against(&project, &found));
    if !problems.is_empty() {
        return answer(&list, &unchanged(&items), wrong(&problems), terminal);
    }
    let (run, compiled) = compile(args, &config, root, &project, terminal)?;
    let mut told: Vec<Told> = run.shown().iter().map(|found| Told::of(found, &run.project.sources)).collect();
    let Some(compiled) = compiled else {
        return answer(&list, &unchanged(&items), told, terminal);
    };
    let made = made(&run, &compiled).map_err(|found| unusable(&found, &run.project.sources, terminal))?;
    // An empty answer would make whoever applies the list delete every policy.
    if made.is_empty() {
        let error = Diagnostic::placeless(codes::PATH, "there are no policies").help("declare a tier");
        told.push(Told::of(&error, &run.project.sources));
        return answer(&list, &unchanged(&items), told, terminal);
    }
    let apps: BTreeSet<&str> = run.models.iter().flat_map(|model| &model.apps).map(|app| app.name.as_ref()).collect();
    match merge(&items, &made, &apps) {
        Ok((objects, more)) => {
            told.extend(more);
            told.push(Told::info(format!("verified: {}", proof(&run, &compiled))));
            told.extend(report::caveat_lines(&run, &report::proved(&compiled)).into_iter().map(Told::info));
            answer(&list, &objects, told, terminal)
        }
        Err(errors) => {
            told.extend(errors);
            answer(&list, &unchanged(&items), told, terminal)
        }
    }
}

/// Standard input, or what was to be printed, is no list.
fn unusable(found: &Diagnostic, sources: &Sources, terminal: &mut Terminal) -> Exit {
    terminal.tell(concise(found, sources));
    found.help.iter().for_each(|help| terminal.tell(format!("  help: {help}")));
    Exit::Failed
}

/// As `netpolc build --stdout`: a waiver that ran out overnight stops nothing.
fn compile(
    args: &KrmArgs,
    config: &Config,
    root: Root,
    project: &Project,
    terminal: &mut Terminal,
) -> Result<(Run, Option<Vec<Compiled>>), Exit> {
    let common = Common { paths: vec![], today: args.today };
    // A project file that could not be read names no clusters; what is wrong with it is told instead.
    let cluster = config.cluster.as_deref().filter(|name| project.clusters().contains(name));
    let settings = Settings::new(Level::Warning);
    let options = Options { cluster, root: Some(root), ..Options::new(&settings) };
    let mut run = Run::with(&common, &options, terminal)?;
    let known = |name: &&String| run.project.dialects.iter().any(|dialect| dialect.name() == **name);
    let dialect = config.dialect.iter().filter(known).cloned().collect();
    let target = Target { dialect, cluster: cluster.map(str::to_owned) };
    let compiled = run.compile(&target, terminal)?;
    Ok((run, compiled))
}

/// The rendered policies, each a document of its own.
fn made<'r>(run: &'r Run, compiled: &[Compiled]) -> Result<Vec<Made<'r>>, Box<Diagnostic>> {
    let mut made = vec![];
    for done in compiled {
        for (_, file) in done.texts.iter().filter(|(path, _)| done.manifests.contains(path)) {
            let sources = &run.project.sources;
            // These were read before, by the proof.
            let failed =
                |message: String| Box::new(Diagnostic::error(codes::RENDERED, sources.line_span(*file, 1), message));
            for doc in text::documents(sources, *file).map_err(|_| failed("this cannot be read again".to_owned()))? {
                let value: Tree = doc.skim().map_err(|error| failed(error.to_string()))?;
                made.push(Made { value, text: doc.text });
            }
        }
    }
    Ok(made)
}

fn proof(run: &Run, compiled: &[Compiled]) -> String {
    let dialects: Vec<&str> = compiled.iter().map(|done| done.proved.dialect).collect();
    report::verified_words(run, &dialects, compiled.iter().map(|done| done.proved.flows).max().unwrap_or(0))
}

fn unchanged<'l>(items: &[&'l Item<'l>]) -> Vec<Object<'l>> {
    items.iter().map(|item| Object::Passed(item)).collect()
}

/// Prints the list, and tells people what stopped it.
fn answer(list: &List<'_>, objects: &[Object<'_>], told: Vec<Told>, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let text = list::write(list, objects, &told).map_err(|found| unusable(&found, &Sources::default(), terminal))?;
    let lines: Vec<&str> = told.iter().filter_map(Told::line).collect();
    lines.iter().take(MAX_LINES).for_each(|line| terminal.tell(line));
    if lines.len() > MAX_LINES {
        terminal.tell(format!("… and {} more, in the results of the list", lines.len() - MAX_LINES));
    }
    let bad = told.iter().any(Told::is_error);
    if bad {
        terminal.tell("nothing was generated; the items are passed on as they came");
    }
    terminal.print(&text);
    Ok(match (terminal.is_closed(), bad) {
        // Half of a list must not pass for all of it.
        (true, _) => Exit::Failed,
        (false, true) => Exit::NotFine,
        (false, false) => Exit::Fine,
    })
}
