//! `netpolc explain`: whether one end may talk to another; by which policies, on either side; which lines of the intents ask
//! for it; and where it is denied, what would allow it.

mod advice;
mod json;
mod judge;
mod resolve;
mod show;
mod toml;
mod trial;
mod written;

use clap::{Args, ValueEnum};

use super::report;
use super::run::Run;
use super::{Common, Exit, Target, Terminal};
use crate::checks::Settings;
use crate::diag::{Diagnostic, Level};
use crate::dialects::Dialect;
use crate::model::{Builtin, Direction, Endpoint, Model, Origin, Sym};
use crate::output::{self, Tree};
use crate::pipeline::Compiled;
use crate::verify::{Asked, PortSet};

use advice::Advice;
use judge::{AskedBy, Judged, Question, Verdict, intended, judge};
use resolve::{End, What};

#[derive(Debug, Args)]
#[command(
    after_help = "Ends: a tier, peer or external by its name (web, shop/web, or frontend/web with its namespace); a built-in \
                  (internet, anywhere, cluster, nodes, kube-apiserver); a pod by its labels (frontend/app=web,track=stable; \
                  'frontend/*' has none); an address; a host name (fqdn:api.example.com, or with the address that it has \
                  fqdn:api.example.com=203.0.113.7).\n\n\
                  Exit codes: 0 all of it is allowed, without PORT anything is; 1 it is not; 2 there is no answer: wrong \
                  usage, or intents that do not compile. Nothing is written."
)]
pub(super) struct ExplainArgs {
    /// Who opens the connection
    from: String,

    /// Who accepts it
    to: String,

    /// On which port of the destination's pods, as 80, 53/UDP, 8000-8100/TCP, or its name [default: whatever may pass]
    port: Option<String>,

    #[command(flatten)]
    target: Target,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// What was asked, resolved.
struct Asking {
    from: End,
    to: End,
    ports: Option<PortSet>,
    /// The address of a host was given.
    looked_up: bool,
}

/// The answer in one cluster.
struct Answer {
    cluster: Option<Sym>,
    asking: Asking,
    pairs: Vec<Pair>,
}

/// The answer for one concrete pair of ends.
struct Pair {
    from: String,
    to: String,
    judged: Vec<Judged>,
    asked: Vec<AskedBy>,
    /// What edges mean and dialects say otherwise.
    lost: Vec<(String, Vec<&'static str>)>,
    /// The host of which it is taken for granted that no intent names its address.
    host: Option<Sym>,
    /// Where it is not allowed.
    advice: Option<Advice>,
}

impl Answer {
    fn is_allowed(&self) -> bool {
        self.pairs.iter().flat_map(|pair| &pair.judged).all(|judged| judged.verdict == Verdict::Allowed)
    }
}

pub(super) fn run(args: &ExplainArgs, terminal: &mut Terminal) -> Exit {
    explain(args, terminal).unwrap_or_else(|exit| exit)
}

fn explain(args: &ExplainArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let common = Common { paths: vec![], today: None };
    let mut run = Run::start(&common, args.target.cluster.as_deref(), &Settings::new(Level::Warning), terminal)?;
    let compiled = run.compile(&args.target, terminal)?;
    let Some(mut compiled) = compiled else {
        let shown: Vec<Diagnostic> = run.shown().into_iter().filter(|found| found.level == Level::Error).collect();
        report::diagnostics(&run, &shown, "; there is no answer as long as the intents do not compile", terminal);
        return Ok(Exit::Failed);
    };
    let dialects = run.dialects(&args.target, terminal)?;
    let mut answers = vec![];
    for model in std::mem::take(&mut run.models) {
        let asking = asking(args, &model, &dialects).map_err(|error| terminal.fail(error))?;
        let pairs = pairs(&mut run, &model, &asking, &dialects, &compiled);
        answers.push(Answer { cluster: model.cluster.clone(), asking, pairs });
        run.models.push(model);
    }
    match args.format {
        Format::Json => terminal.print(&json::json(&run, &answers)),
        Format::Text => {
            show::text(&run, &answers, terminal);
            stale(&mut run, args, &mut compiled, terminal)?;
        }
    }
    Ok(if answers.iter().all(Answer::is_allowed) { Exit::Fine } else { Exit::NotFine })
}

fn asking(args: &ExplainArgs, model: &Model, dialects: &[&'static dyn Dialect]) -> Result<Asking, String> {
    let from = resolve::end(model, &args.from, true)?;
    let to = resolve::end(model, &args.to, false)?;
    for end in [&from, &to] {
        is_known(end, model, dialects)?;
    }
    let ports = args.port.as_ref().map(|port| resolve::ports(model, port, &to)).transpose()?;
    Ok(Asking { from, to, ports, looked_up: args.to.contains('=') })
}

/// Nothing can be said of addresses that the project file does not tell.
fn is_known(end: &End, model: &Model, dialects: &[&'static dyn Dialect]) -> Result<(), String> {
    let profile = &model.profile;
    let key = match end.endpoint {
        Some(Endpoint::Builtin(Builtin::Nodes)) if profile.node_cidrs.is_empty() => "node-cidrs",
        Some(Endpoint::Builtin(Builtin::ApiServer)) if profile.api_server_cidrs.is_empty() => "api-server-cidrs",
        _ => return Ok(()),
    };
    let by_address = dialects.iter().filter(|dialect| !dialect.capabilities().entities);
    let names: Vec<&str> = by_address.map(|dialect| dialect.name()).collect();
    match names.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{} know `{}` by address, and its addresses are not known: write `{key}` under `[cluster]` in netpolc.toml, or ask \
             about other dialects with --dialect",
            names.join(", "),
            end.name
        )),
    }
}

/// Every concrete end of one side with every one of the other.
fn pairs(
    run: &mut Run,
    model: &Model,
    asking: &Asking,
    dialects: &[&'static dyn Dialect],
    compiled: &[Compiled],
) -> Vec<Pair> {
    let of_model: Vec<(&Compiled, &'static dyn Dialect)> = compiled
        .iter()
        .filter(|done| done.proved.cluster == model.cluster)
        .filter_map(|done| Some((done, *dialects.iter().find(|dialect| dialect.name() == done.proved.dialect)?)))
        .collect();
    let targets = of_model.iter().map(|(_, dialect)| dialect.capabilities());
    let intents: Vec<_> = targets.map(|can| (can, Asked::of(model, can))).collect();
    let ends = asking.from.spots.iter().flat_map(|from| asking.to.spots.iter().map(move |to| (from, to)));
    let mut out = vec![];
    for (from, to) in ends {
        let question = Question { from, to, ports: asking.ports.as_ref() };
        let sources = &run.project.sources;
        let judge = |(done, dialect): &(&Compiled, &'static dyn Dialect)| {
            judge(question, model, dialect.capabilities(), done, sources)
        };
        let judged: Vec<Judged> = of_model.iter().map(judge).collect();
        let mut asked: Vec<AskedBy> = vec![];
        let mut meant = true;
        let mut lacks: Vec<Direction> = vec![];
        for (can, intents) in &intents {
            let intended = intended(question, model, *can, intents);
            meant &= intended.allowed;
            lacks.extend(intended.lacks.into_iter().filter(|side| !lacks.contains(side)).collect::<Vec<_>>());
            for one in intended.by {
                if !asked.iter().any(|known| known.origin == one.origin) {
                    asked.push(one);
                }
            }
        }
        let edges: Vec<_> = asked
            .iter()
            .filter_map(|one| match one.origin {
                Origin::Edge(edge) => Some(edge),
                Origin::Dns(_) | Origin::Metrics(_) | Origin::Scraper(_) => None,
            })
            .collect();
        let done: Vec<&Compiled> = of_model.iter().map(|(done, _)| *done).collect();
        let lost = judge::approximated(model, &edges, &done);
        let host = match &to.what {
            What::Host(name, Some(_)) if !asking.looked_up => Some(name.clone()),
            _ => None,
        };
        let advice = (!meant).then(|| advice::of(run, model, asking, question, &lacks, dialects));
        out.push(Pair { from: from.name.clone(), to: to.name.clone(), judged, asked, lost, host, advice });
    }
    out
}

/// What is in out/ may be another thing than what was explained.
fn stale(run: &mut Run, args: &ExplainArgs, compiled: &mut [Compiled], terminal: &mut Terminal) -> Result<(), Exit> {
    let wanted: Tree = compiled.iter_mut().flat_map(|done| std::mem::take(&mut done.files)).collect();
    let disk = run.inspect(&args.target, terminal)?;
    let fresh = disk.is_fresh();
    let plan = output::plan(&disk, &wanted, &mut run.project.sources, true);
    if !plan.changes.is_empty() || !plan.problems.is_empty() {
        let out = &run.project.out;
        terminal.tell(match fresh {
            true => format!("note: {out}/ is not written yet: this is what the next `netpolc build` writes there"),
            false => {
                format!("note: {out}/ differs from the intents: this is what the next `netpolc build` writes there")
            }
        });
    }
    Ok(())
}
