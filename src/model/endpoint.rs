//! What may stand at the end of an edge.

use super::{ExternalId, PeerId, TierId};

/// One end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Pods that we manage.
    Tier(TierId),
    /// Pods that we do not manage.
    Peer(PeerId),
    /// Addresses and host names outside the cluster; a destination only.
    External(ExternalId),
    /// A word of the language.
    Builtin(Builtin),
}

/// The endpoints that need no declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Builtin {
    /// As a source, any source: pods, nodes, load balancers, the outside. As a destination, everything but metadata
    /// addresses.
    Anywhere,
    /// Every address but private, link-local, metadata and cluster ranges.
    Internet,
    /// Every pod of every namespace, no node.
    Cluster,
    /// The cluster's nodes.
    Nodes,
    /// The Kubernetes API server.
    ApiServer,
}

impl Builtin {
    /// All of them, in the order of messages.
    pub const ALL: [Self; 5] = [Self::Anywhere, Self::Internet, Self::Cluster, Self::Nodes, Self::ApiServer];

    /// The word in an intent.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anywhere => "anywhere",
            Self::Internet => "internet",
            Self::Cluster => "cluster",
            Self::Nodes => "nodes",
            Self::ApiServer => "kube-apiserver",
        }
    }

    /// The built-in of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|builtin| builtin.name() == word)
    }
}
