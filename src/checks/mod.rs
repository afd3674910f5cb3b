//! Rules over the model: what is legal and yet probably not what somebody wants.
//!
//! In: a [`Context`] for each cluster. Out: an [`Outcome`] each, the findings with the level that the project gave each
//! rule, and those that a waiver accepts. A rule lives in one file below `src/checks/<group>/`, named after it: its code, level,
//! explanation, examples and function together; [`REGISTRY`] lists it, and nothing else knows it. A rule may never
//! change the model, nor look at anything but its context.

mod context;
mod explained;
mod roles;
mod rule;
pub mod running;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Level, codes};
use crate::model::{External, Model};
use crate::source::Span;

pub use crate::diag::Waived;
pub use context::{Context, PolicyTable, Target};
pub use explained::explained;
pub use rule::{Findings, Group, Rule};

/// Rules over the whole flow graph.
pub mod graph {
    pub mod cycle;
    pub mod not_accepted;
    pub mod orphan_tier;
    pub mod self_edge;
    pub mod shadowed_edge;
    pub mod upward_edge;
}

/// Rules over how much a single line opens.
pub mod breadth {
    pub mod all_ports;
    pub mod metadata_range;
    pub mod odd_http_rule;
    pub mod open_source;
    pub mod private_range;
    pub mod private_range_lookalike;
    pub mod redundant_range;
    pub mod unapproved_external;
    pub mod whole_namespace_tier;
    pub mod wide_cidr;
    pub mod wide_port_range;
}

/// Rules over selectors that do not hold what they seem to hold, and over lock-outs.
pub mod safety {
    pub mod caller_without_dns;
    pub mod dns_cut_off;
    pub mod guard_cuts_peer;
    pub mod mutable_namespace_label;
    pub mod operator_cut_off;
    pub mod peer_matches_managed;
    pub mod system_namespace;
    pub mod tiers_share_pods;
    pub mod unnamed_scrapers;
    pub mod webhook_cut_off;
}

/// Rules over what some target takes otherwise than it reads. They ask for facts about targets, never for their names.
pub mod dialect {
    pub mod block_over_pods;
    pub mod cache_by_pods;
    pub mod entity_by_address;
    pub mod policy_map_pressure;
    pub mod shared_addresses;
}

/// Rules over how intents are kept.
pub mod hygiene {
    pub mod inconsistent_label_keys;
    pub mod missing_owner;
    pub mod missing_why;
    pub mod unsorted_list;
    pub mod unused_external;
    pub mod unused_peer;
    pub mod unused_waiver;
    pub mod waiver_expires_soon;
}

/// Rules over what really runs.
pub mod inventory {
    pub mod closed_metrics;
    pub mod closed_port;
    pub mod host_network;
    pub mod missing_edge;
    pub mod no_dns_pods;
    pub mod no_scraper;
    pub mod outside_shut;
    pub mod peer_matches_nothing;
    pub mod pod_address;
    pub mod port_names_differ;
    pub mod service_port;
    pub mod tier_matches_nothing;
    pub mod unknown_namespace;
    pub mod unknown_peer_namespace;
    pub mod workload_in_no_tier;
    pub mod workload_in_two_tiers;
}

/// Every rule, by code.
pub static REGISTRY: &[&Rule] = &[
    &graph::cycle::RULE,
    &graph::orphan_tier::RULE,
    &graph::self_edge::RULE,
    &graph::shadowed_edge::RULE,
    &graph::upward_edge::RULE,
    &graph::not_accepted::RULE,
    &breadth::all_ports::RULE,
    &breadth::whole_namespace_tier::RULE,
    &breadth::open_source::RULE,
    &breadth::wide_cidr::RULE,
    &breadth::private_range::RULE,
    &breadth::metadata_range::RULE,
    &breadth::private_range_lookalike::RULE,
    &breadth::redundant_range::RULE,
    &breadth::wide_port_range::RULE,
    &breadth::odd_http_rule::RULE,
    &breadth::unapproved_external::RULE,
    &safety::tiers_share_pods::RULE,
    &safety::mutable_namespace_label::RULE,
    &safety::peer_matches_managed::RULE,
    &safety::dns_cut_off::RULE,
    &safety::guard_cuts_peer::RULE,
    &safety::system_namespace::RULE,
    &safety::unnamed_scrapers::RULE,
    &safety::webhook_cut_off::RULE,
    &safety::operator_cut_off::RULE,
    &safety::caller_without_dns::RULE,
    &dialect::entity_by_address::RULE,
    &dialect::cache_by_pods::RULE,
    &dialect::shared_addresses::RULE,
    &dialect::policy_map_pressure::RULE,
    &dialect::block_over_pods::RULE,
    &hygiene::missing_why::RULE,
    &hygiene::missing_owner::RULE,
    &hygiene::waiver_expires_soon::RULE,
    &hygiene::unused_external::RULE,
    &hygiene::unused_waiver::RULE,
    &hygiene::inconsistent_label_keys::RULE,
    &hygiene::unsorted_list::RULE,
    &hygiene::unused_peer::RULE,
    &inventory::tier_matches_nothing::RULE,
    &inventory::workload_in_no_tier::RULE,
    &inventory::unknown_namespace::RULE,
    &inventory::workload_in_two_tiers::RULE,
    &inventory::host_network::RULE,
    &inventory::service_port::RULE,
    &inventory::closed_port::RULE,
    &inventory::port_names_differ::RULE,
    &inventory::missing_edge::RULE,
    &inventory::peer_matches_nothing::RULE,
    &inventory::no_scraper::RULE,
    &inventory::no_dns_pods::RULE,
    &inventory::outside_shut::RULE,
    &inventory::pod_address::RULE,
    &inventory::closed_metrics::RULE,
    &inventory::unknown_peer_namespace::RULE,
];

/// Rules over what the others did: they run once those have seen every cluster.
const LAST: [Code; 1] = [hygiene::unused_waiver::RULE.code];

/// Every rule, by code.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    REGISTRY.iter().copied()
}

/// The rule of a code or a name; case does not matter.
pub fn find(code: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.code.0.eq_ignore_ascii_case(code) || rule.name.eq_ignore_ascii_case(code))
}

/// What the rules found.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What to tell, expired waivers included; by rule, not by place.
    pub diagnostics: Vec<Diagnostic>,
    /// What waivers accept.
    pub waived: Vec<Waived>,
}

/// How rules are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The level at which an expired waiver is told. Where it is a warning, what it accepted is told as a warning too.
    pub expired: Level,
    /// Rules that were asked for by name: they run as warnings where the project allows what they look for.
    pub selected: BTreeSet<Code>,
    /// Whether the run is about every cluster of the project. What one cluster does without, another may need.
    pub whole: bool,
}

impl Settings {
    /// Every rule at the level of the project, on every cluster.
    pub fn new(expired: Level) -> Self {
        Self { expired, selected: BTreeSet::new(), whole: true }
    }
}

/// Runs every rule that the project does not allow to be broken, on every cluster, and sorts out what waivers accept. The
/// outcomes stand in the order of the contexts.
///
/// An expired waiver accepts nothing and is told itself.
pub fn run(contexts: &[Context<'_>], settings: &Settings) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = contexts.iter().map(|cx| run_first(cx, settings)).collect();
    if settings.whole {
        let idle = idle_waivers(contexts, settings, &outcomes);
        for (cx, outcome) in contexts.iter().zip(&mut outcomes) {
            let cx = Context { idle: Some(&idle), ..*cx };
            all().filter(|rule| LAST.contains(&rule.code)).for_each(|rule| run_rule(rule, &cx, settings, outcome));
        }
    }
    outcomes
}

fn run_first(cx: &Context<'_>, settings: &Settings) -> Outcome {
    let mut outcome = Outcome::default();
    let model = cx.model;
    all().filter(|rule| !LAST.contains(&rule.code)).for_each(|rule| run_rule(rule, cx, settings, &mut outcome));
    outcome.diagnostics.extend(unknown_ranges(model, &outcome.diagnostics));
    let expiries = model.waivers.iter().filter_map(|waiver| waiver.expiry(cx.today));
    outcome.diagnostics.extend(expiries.map(|diagnostic| Diagnostic { level: settings.expired, ..diagnostic }));
    outcome
}

fn run_rule(rule: &Rule, cx: &Context<'_>, settings: &Settings, outcome: &mut Outcome) {
    let Some(mut findings) = Findings::new(rule, cx, settings) else { return };
    (rule.check)(cx, &mut findings);
    for finding in findings.into_list() {
        match finding.waiver.and_then(|position| cx.model.waivers.get(position)) {
            Some(waiver) => outcome.waived.push(Waived {
                diagnostic: finding.diagnostic,
                reason: waiver.reason.clone(),
                waiver: waiver.span,
            }),
            None => outcome.diagnostics.push(finding.diagnostic),
        }
    }
}

/// Waivers that accepted nothing in any cluster, though their rule looked everywhere. Of one that is over something else is
/// said.
fn idle_waivers(contexts: &[Context<'_>], settings: &Settings, outcomes: &[Outcome]) -> BTreeSet<Span> {
    let used: BTreeSet<Span> =
        outcomes.iter().flat_map(|outcome| &outcome.waived).map(|waived| waived.waiver).collect();
    let looked = |rule: &Rule| contexts.iter().all(|cx| rule.looks(cx, settings));
    let ran: BTreeSet<Code> = all().filter(|rule| looked(rule)).map(|rule| rule.code).collect();
    let waivers = contexts.iter().flat_map(|cx| cx.model.waivers.iter().filter(|waiver| !waiver.expired(cx.today)));
    waivers.filter(|waiver| ran.contains(&waiver.code)).map(|w| w.span).filter(|span| !used.contains(span)).collect()
}

/// Externals from which the cluster's own addresses could not be taken out. Said where nothing else is wrong with their
/// ranges: a missing opt-in comes first, and without the range the question is gone.
fn unknown_ranges(model: &Model, found: &[Diagnostic]) -> Vec<Diagnostic> {
    let refused = |external: &External| {
        let spans: Vec<Span> = external.cidrs.iter().map(|net| net.span).collect();
        found.iter().any(|d| d.level == Level::Error && d.primary.as_ref().is_some_and(|p| spans.contains(&p.span)))
    };
    let unknown = model.externals.iter().filter_map(|external| Some((external, external.unknown?)));
    unknown
        .filter(|(external, _)| !refused(external))
        .map(|(_, span)| {
            let message = "this range may hold the cluster's own addresses, which are not known";
            Diagnostic::error(codes::CLUSTER_RANGE, span, message).help(
                "let the platform team write `pod-cidrs`, `service-cidrs` and `node-cidrs` under `[cluster]` in netpolc.toml",
            )
        })
        .collect()
}
