//! What rules look at.
//!
//! In: a model, and what is known beside it. Out: nothing of its own. A rule sees these facts and no others: no file,
//! no clock, no dialect by name.

use std::collections::BTreeSet;

use ipnet::IpNet;
use jiff::civil::Date;

use super::running::Running;
use crate::model::Model;
use crate::source::Span;

/// One cluster of a project, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What the intents mean there.
    pub model: &'a Model,
    /// What enforces the policies: one for each dialect that the project renders.
    pub targets: &'a [Target],
    /// Namespaces of the agents and operators of every engine that is known: pods get no network and policies no effect
    /// without them. Which engine a cluster runs is not known, as several enforce the policies of one dialect.
    pub agents: &'a [&'static str],
    /// What runs there, if somebody said so.
    pub inventory: Option<&'a Running<'a>>,
    /// The day on which waivers are judged.
    pub today: Date,
    /// Waivers that say nothing in any cluster, by their places: known to the rules that run last, and to no other.
    pub idle: Option<&'a BTreeSet<Span>>,
}

impl<'a> Context<'a> {
    /// A model alone.
    pub fn new(model: &'a Model, today: Date) -> Self {
        Self { model, targets: &[], agents: &[], inventory: None, today, idle: None }
    }

    /// What else an edge with one of these needs, where some target knows them by their addresses alone and the project
    /// file gives none: without it the edge would be an error.
    pub fn addresses_missing(&self, given: &[IpNet], keys: &str) -> Option<String> {
        let dialects = self.dialects(|target| !target.entities).filter(|_| given.is_empty())?;
        Some(format!("for {dialects} let the platform team write {keys} under `[cluster]` in netpolc.toml too"))
    }

    /// The names of the targets of which something is true, as a message lists them: `a`, `a and b`, `a, b and c`.
    /// Nothing where it is true of none.
    pub fn dialects(&self, is: impl Fn(&Target) -> bool) -> Option<String> {
        let names: Vec<&str> = self.targets.iter().filter(|target| is(target)).map(|target| target.dialect).collect();
        match names.as_slice() {
            [] => None,
            [one] => Some((*one).to_owned()),
            [most @ .., last] => Some(format!("{} and {last}", most.join(", "))),
        }
    }
}

/// What enforces the policies of a dialect, as far as rules ask.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The dialect's name, for messages.
    pub dialect: &'static str,
    /// It knows destinations by host name.
    pub host_names: bool,
    /// Nodes and the API server are peers of their own, and no address block matches them or a pod.
    pub entities: bool,
    /// It can send questions for the cluster's DNS to pods of a cache on the same node, which policies then see.
    pub local_redirect: bool,
    /// How much it takes for one pod, where it keeps that in a table of fixed size.
    pub table: Option<PolicyTable>,
}

/// What is allowed to one pod, as a table: one entry for each group of peers that the engine tells apart, each port
/// or aligned range of ports, and each direction.
#[derive(Debug, Clone, Copy)]
pub struct PolicyTable {
    /// How many entries it has, unless the cluster's owners set another number.
    pub entries: usize,
    /// The name of the setting that gives the number.
    pub setting: &'static str,
}
