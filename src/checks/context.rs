//! What rules look at.
//!
//! In: a model, and what is known beside it. Out: nothing of its own. A rule sees these facts and no others: no file, no
//! clock, no dialect by name.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::cluster::Cluster;
use crate::model::Model;
use crate::source::Span;

/// One cluster of a project, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What the intents mean there.
    pub model: &'a Model,
    /// What enforces the policies: one for each dialect that the project renders.
    pub targets: &'a [Target],
    /// What runs there, if somebody said so.
    pub inventory: Option<&'a Cluster>,
    /// The day on which waivers are judged.
    pub today: Date,
    /// Waivers that say nothing in any cluster, by their places: known to the rules that run last, and to no other.
    pub idle: Option<&'a BTreeSet<Span>>,
}

impl<'a> Context<'a> {
    /// A model alone.
    pub fn new(model: &'a Model, today: Date) -> Self {
        Self { model, targets: &[], inventory: None, today, idle: None }
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
}
