//! How ends and policies are written.

use crate::model::{Labels, Model, PodSet, Sym};
use crate::source::{Sources, Span};

/// `frontend/web` for the pods of a tier or peer, else the labels: `frontend/app=web`; `frontend/*` has none.
pub(super) fn pod(model: &Model, namespace: &Sym, labels: &Labels) -> String {
    let is = |pods: &PodSet| pods.labels == *labels && pods.namespaces.names().contains(namespace);
    let tier = model.tiers.iter().find(|tier| is(&tier.pods)).map(|tier| &tier.name);
    let peer = || model.peers.iter().find(|peer| is(&peer.pods)).map(|peer| &peer.name);
    match tier.or_else(peer) {
        Some(name) => format!("{namespace}/{name}"),
        None => format!("{namespace}/{labels}"),
    }
}

/// A place in a text: its path and line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: usize,
}

impl Place {
    pub(super) fn of(sources: &Sources, span: Span) -> Self {
        Self { path: sources.path(span.file).to_string(), line: sources.line_col(span).0 }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}
