//! How large a project may be: what would take a machine's memory is refused before it is begun.
//!
//! In: the model in the making. Out: an error where it goes beyond a limit. The limits are many times above the largest
//! meshes that are publicly described; docs/limits.md lists them.

use super::build::Builder;
use super::{Endpoint, Model, NamespaceSet, PodSet};
use crate::diag::{Diagnostic, codes};
use crate::source::Span;

/// Tiers of a project.
pub const MAX_TIERS: usize = 500_000;
/// Managed namespaces of a project.
pub const MAX_NAMESPACES: usize = 250_000;
/// Edges of a project, each of one source and one destination.
pub const MAX_EDGES: usize = 1_000_000;
/// What edges become: each counts once for each pair of namespaces of its ends, or for each range of an external, and again
/// for each sixteen ports.
pub const MAX_ENTRIES: usize = 8_000_000;
/// Guardrails of a project, each of one source and one destination.
pub const MAX_FORBIDS: usize = 10_000;
/// Errors of what the intents mean that are told; the rest is counted.
pub const MAX_ERRORS: usize = 10_000;
/// Names that are compared with such as are not known, to propose one: beyond, none is proposed any more.
pub(super) const MAX_PROPOSALS: usize = 500_000;

/// Ports that count as one entry.
const PORTS: usize = 16;

impl Builder<'_, '_> {
    /// Reports that there are more of something than any project may have.
    pub(super) fn too_many(&mut self, span: Span, what: &str, most: usize, help: &str) {
        let message = format!("the project has more than {most} {what}");
        self.error(Diagnostic::error(codes::LIMIT, span, message).help(help));
    }

    /// Whether what was declared is not more than any project may have.
    pub(super) fn declares_few_enough(&mut self) -> bool {
        let counts = [
            (self.model.tiers.len(), MAX_TIERS, "tiers"),
            (self.model.namespaces.len(), MAX_NAMESPACES, "managed namespaces"),
        ];
        let Some((_, most, what)) = counts.into_iter().find(|(count, most, _)| count > most) else { return true };
        if let Some(span) = self.model.tiers.last().map(|tier| tier.span) {
            self.too_many(span, what, most, "split the project: parts that share no namespaces can be built alone");
        }
        false
    }

    /// Whether the policies of the edges stay below what any project may have.
    pub(super) fn says_little_enough(&mut self) -> bool {
        let of_tier = |pods: &PodSet, ports: usize| namespaces(pods).saturating_mul(1 + ports / PORTS);
        let model = &self.model;
        let mut entries = model
            .tiers
            .iter()
            .fold(0, |sum: usize, tier| sum.saturating_add(of_tier(&tier.pods, tier.ports.len() + tier.metrics.len())));
        let mut beyond = model.tiers.last().filter(|_| entries > MAX_ENTRIES).map(|tier| tier.span);
        for edge in &model.edges {
            let pairs = places(model, edge.from).saturating_mul(places(model, edge.to));
            entries = entries.saturating_add(pairs.saturating_mul(1 + edge.ports.len() / PORTS));
            if entries > MAX_ENTRIES && beyond.is_none() {
                beyond = Some(edge.from_span);
            }
        }
        let Some(span) = beyond else { return true };
        let help = "an edge counts once for each pair of namespaces of its ends, or for each range of an external: \
                    select namespaces by a label in a peer, merge ranges, or split the project";
        self.too_many(span, "entries in its policies", MAX_ENTRIES, help);
        false
    }
}

fn namespaces(pods: &PodSet) -> usize {
    match &pods.namespaces {
        NamespaceSet::Names(names) => names.len(),
        NamespaceSet::All | NamespaceSet::Labels(_) => 1,
    }
}

/// How many times an end is written in a policy of the other one.
fn places(model: &Model, end: Endpoint) -> usize {
    match end {
        Endpoint::Tier(id) => namespaces(&model[id].pods),
        Endpoint::Peer(id) => namespaces(&model[id].pods),
        Endpoint::External(id) => {
            let external = &model[id];
            let blocks = external.addresses.blocks.iter().map(|block| 1 + block.except.len());
            blocks.sum::<usize>() + external.fqdns.len()
        }
        Endpoint::Builtin(_) => 1,
    }
}
