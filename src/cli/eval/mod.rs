//! `netpolc eval`: what any policies say of every flow between some pods; as a table for people, or as JSON.

mod json;
mod table;

#[cfg(test)]
mod tests;

pub use json::json;
pub use table::table;

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

use super::report;
use super::{Exit, Terminal};
use crate::cluster::{self, Cluster, Endpoint, Inventory, Probe, Verdict, check_endpoints, check_probes};
use crate::diag::{Diagnostic, Diagnostics, quote};
use crate::dialects::{self, Assumed, Dialect};
use crate::model::{NAMESPACE_NAME, Protocol};
use crate::pipeline::{Given, evaluate, given};
use crate::source::{self, Sources};
use crate::verify::normal::{Key, Namespaces, Peer, Policy, Reading, Rule, Selector};

/// Characters of a line, where nobody says how wide the terminal is.
const WIDTH: usize = 120;
/// How many ports are asked about at most, where nobody says which.
const MAX_PROBES: usize = 12;

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// Manifests: files, folders, or - for standard input
    #[arg(required = true)]
    paths: Vec<Utf8PathBuf>,

    /// Ports to ask about, as TCP/80, comma separated [default: those that policies and pods name]
    #[arg(long, value_name = "PROTOCOL/PORT", value_delimiter = ',')]
    probe: Vec<Probe>,

    /// Another end beside the pods: ip:203.0.113.7, fqdn:api.example.com, fqdn:api.example.com=203.0.113.7, and for Cilium
    /// entity:host, entity:remote-node, entity:kube-apiserver, …
    #[arg(long, value_name = "END")]
    endpoint: Vec<Endpoint>,

    /// Read the policies as this dialect [default: the one that knows all of their kinds]
    #[arg(long, value_name = "NAME")]
    dialect: Option<String>,

    /// How agents are set, where that decides: policy-default-local-cluster=true
    #[arg(long, value_name = "OPTION=BOOL", value_delimiter = ',')]
    assume: Vec<String>,

    /// How verdicts are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A matrix for people
    Table,
    /// One JSON document
    Json,
}

pub(super) fn run(args: &EvalArgs, terminal: &mut Terminal) -> Exit {
    eval(args, terminal).unwrap_or_else(|exit| exit)
}

fn eval(args: &EvalArgs, terminal: &mut Terminal) -> Result<Exit, Exit> {
    let only = args.dialect.as_deref().map(|name| report::dialect(name, terminal)).transpose()?;
    let assumed = assumed(&args.assume).map_err(|error| terminal.fail(error))?;
    check_probes(&args.probe).map_err(|error| terminal.fail(error))?;
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::default());
    let files = source::load_manifests(&args.paths, &mut std::io::stdin(), &mut sources, &mut diags)
        .map_err(|error| terminal.fail(error))?;
    let inventory = if diags.has_errors() { Err(vec![]) } else { cluster::read(&sources, &files) };
    let read = inventory.and_then(|inventory| {
        let Inventory { cluster, policies, namespaces, others, .. } = inventory;
        Ok((cluster, others, given(policies, &namespaces, only, &assumed)?))
    });
    let (cluster, others, Given { dialect, readings }) = match read {
        Ok(read) => read,
        Err(errors) => {
            diags.extend(errors);
            let shown: Vec<Diagnostic> = diags.into_sorted(&sources);
            report::list(&sources, &shown, "; nothing was evaluated", terminal);
            return Ok(Exit::NotFine);
        }
    };
    check_endpoints(&args.endpoint, &cluster).map_err(|error| terminal.fail(error))?;
    let entities = dialect.capabilities().entities;
    if let Some(entity) = args.endpoint.iter().find(|end| matches!(end, Endpoint::Entity(_))).filter(|_| !entities) {
        let message =
            format!("{} is nothing that {} knows: name an address", quote(&entity.to_string()), dialect.name());
        return Err(terminal.fail(message));
    }
    let probes = if args.probe.is_empty() { probes(&cluster, &readings) } else { args.probe.clone() };
    let verdicts = evaluate(&cluster, &args.endpoint, &probes, &readings, entities);
    match args.format {
        Format::Json => terminal.print(&json(&verdicts)),
        Format::Table => terminal.print(&table(&verdicts, width())),
    }
    if let Some(note) = undeclared(&cluster, &readings) {
        terminal.tell(note);
    }
    if args.format == Format::Table {
        notes(&readings, &others, dialect, terminal);
    }
    Ok(Exit::Fine)
}

/// What counts and is not known: labels of namespaces that no object declares.
fn undeclared(cluster: &Cluster, readings: &[Reading]) -> Option<String> {
    let mut policies = readings.iter().flat_map(|reading| &reading.policies);
    if !policies.any(asks_for_namespaces) {
        return None;
    }
    let missing = cluster.namespaces.iter().filter(|(_, namespace)| !namespace.declared);
    let names: Vec<String> = missing.map(|(name, _)| quote(name)).collect();
    let list = names.join(", ");
    (!names.is_empty()).then(|| {
        format!("note: policies ask for labels of namespaces, and nothing declares {list}: none but the name is taken to be there")
    })
}

/// Whether a policy asks for more of a namespace than its name.
fn asks_for_namespaces(policy: &Policy) -> bool {
    let of_namespaces = |namespaces: &Namespaces| match namespaces {
        Namespaces::Named(_) => false,
        Namespaces::Labelled(labels) => labels.iter().any(|(key, _)| **key != *NAMESPACE_NAME),
    };
    let of_selector = |selector: &Selector| {
        let more = |key: &Key| matches!(key, Key::Namespace(key) if **key != *NAMESPACE_NAME);
        of_namespaces(&selector.namespaces) || selector.further.iter().any(|condition| more(&condition.key))
    };
    let of_peer = |peer: &Peer| match peer {
        Peer::Pods { namespaces, .. } => of_namespaces(namespaces),
        Peer::Selected(selector) => of_selector(selector),
        Peer::Anyone | Peer::Block { .. } | Peer::Entity(_) | Peer::Name(_) => false,
    };
    let demanded = |rule: &Rule| rule.demands.iter().chain(&rule.own).flat_map(|demand| &demand.peers).any(of_peer);
    of_selector(&policy.subject) || policy.rules.iter().any(|rule| rule.peers.iter().any(of_peer) || demanded(rule))
}

/// What people should know beside the table.
fn notes(
    readings: &[Reading],
    others: &std::collections::BTreeMap<String, usize>,
    dialect: &dyn Dialect,
    terminal: &mut Terminal,
) {
    let notes: BTreeSet<&String> = readings.iter().flat_map(|reading| &reading.notes).collect();
    for note in notes {
        terminal.tell(format!("note: {note}"));
    }
    let passed_by: Vec<String> = others.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
    if !passed_by.is_empty() {
        terminal.tell(format!("note: passed by, as neither pods nor policies: {}", passed_by.join(", ")));
    }
    if readings.iter().all(|reading| reading.policies.is_empty()) {
        terminal.tell("note: no policy was given, so everything may pass");
        return;
    }
    let engines: BTreeSet<&str> = readings.iter().map(|reading| reading.engine.name).collect();
    let settings: Vec<&str> = readings.iter().filter_map(|reading| reading.assuming).collect();
    if engines.len() > 1 {
        let engines: Vec<&str> = engines.into_iter().collect();
        terminal.tell(format!(
            "policies of {} as {} read them; ? where they differ",
            dialect.name(),
            engines.join(", ")
        ));
    }
    if settings.len() > 1 {
        terminal.tell(format!("? where it counts whether {}: say which with --assume", settings.join(" or ")));
    }
}

/// `OPTION=BOOL`.
fn assumed(given: &[String]) -> Result<Assumed, String> {
    let switches = || dialects::REGISTRY.iter().flat_map(|dialect| dialect.switches());
    let known = || switches().map(|switch| switch.name).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let mut assumed = Assumed::new();
    for text in given {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let Some(switch) = switches().find(|switch| switch.name == name) else {
            return Err(format!(
                "no option {} decides what policies mean; there is {}",
                quote(name),
                known().join(", ")
            ));
        };
        let value = value.parse().map_err(|_| format!("{} is set to true or to false", quote(name)))?;
        if assumed.insert(switch.name, value).is_some_and(|before| before != value) {
            return Err(format!("{} is assumed to be both true and false", quote(name)));
        }
    }
    Ok(assumed)
}

/// The ports that policies and pods name: the first of each range.
fn probes(cluster: &Cluster, readings: &[Reading]) -> Vec<Probe> {
    let named = cluster.pods.iter().flat_map(|pod| &pod.ports).map(|port| (port.protocol, port.number));
    let rules = readings.iter().flat_map(|reading| &reading.policies).flat_map(|policy| &policy.rules);
    let said =
        rules.flat_map(|rule| &rule.ports).filter(|ports| ports.first > 1).map(|ports| (ports.protocol, ports.first));
    let mut all: Vec<(Protocol, u16)> = named.chain(said).collect::<BTreeSet<_>>().into_iter().collect();
    all.truncate(MAX_PROBES);
    if all.is_empty() {
        all.push((Protocol::Tcp, 80));
    }
    all.into_iter().map(|(protocol, port)| Probe { protocol, port }).collect()
}

fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(WIDTH)
}

impl Verdict {
    /// One character, the same in every table.
    fn sign(self) -> &'static str {
        match self {
            Self::Yes => "✓",
            Self::No => "✗",
            Self::Ambiguous => "?",
            Self::NotApplicable => "·",
        }
    }
}
