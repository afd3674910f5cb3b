//! Which lines of the intents ask for a flow.
//!
//! In: the model. Out: for one side of a connection, what the intents let pass there and what asks for it, by the same law
//! that says what policies let pass.

use super::Permitted;
use super::expected::Terms;
use super::law::{self, Pod, Side};
use super::meant::Meant;
use super::normal::{Action, Capabilities, Policy};
use super::ordered::ports_of;
use super::traffic::Traffic;
use crate::model::{Labels, Model, Origin};

/// What the intents mean, ready to be asked.
#[derive(Debug)]
pub struct Asked(Meant);

impl Asked {
    /// What the intents of a model mean, also what a target of these capabilities cannot say: HTTP requests, host names.
    pub fn of(model: &Model, can: Capabilities) -> Self {
        let can = Capabilities { http: true, host_names: true, ..can };
        Self(Meant::of(Terms { model, can, permitted: &Permitted::default() }))
    }

    /// What they let pass on a side, and what asks for each part of it.
    pub fn on(&self, side: &Side<'_>) -> (Traffic, Vec<(Origin, Traffic)>) {
        let policies: Vec<&Policy> = law::in_order(self.0.policies.iter().filter(|policy| law::governs(policy, side)));
        let answer = law::decide(&policies, side);
        let allowed = answer.hits.iter().filter(|hit| hit.rule.action == Action::Allow);
        let origins = allowed.filter_map(|hit| Some((self.0.origin(hit.policy)?, hit.traffic.clone()))).collect();
        (answer.sure, origins)
    }
}

/// A pod as the intents describe it: with the names that tiers give to its ports, and addresses that nobody knows.
pub fn pod(model: &Model, namespace: Labels, labels: Labels) -> Pod {
    let mut pod = Pod { namespace, labels, ..Pod::default() };
    pod.ports = ports_of(model, &pod);
    pod
}
