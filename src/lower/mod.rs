//! From the model's grants to policies: grouped, named and annotated, but neutral of any dialect.
//!
//! In: a [`Model`](crate::model::Model). Out: [`Policies`], pure data, one [`NamespacePolicies`] for each managed namespace. A dialect turns
//! them into what its templates need. Grants of one subject, direction and peer become one policy, whatever the number
//! of edges behind them; no list in a policy is ever empty.

mod few;
mod name;
mod policies;

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;

use crate::model::{Direction, EdgeId, ExternalId, Guard, HttpRule, Labels, PeerSet, PortRange, Sym};
use crate::source::Span;

pub use few::Few;
pub use name::{MAX_NAME, shorten};
pub use policies::{Lowering, lower};

/// All policies of a cluster, by namespace.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// Every managed namespace, also one that gets nothing but its default deny.
    pub namespaces: BTreeMap<Sym, NamespacePolicies>,
    /// What belongs to none.
    pub shared: Shared,
}

/// What belongs to no namespace.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// Cluster-wide guards, in a stable order.
    pub guards: Vec<Guard>,
    /// Externals with addresses that some rule names; sorted by name.
    pub externals: Vec<ExternalSet>,
}

/// The addresses of an external, for dialects that have objects for such sets.
#[derive(Debug, Clone)]
pub struct ExternalSet {
    /// The external.
    pub external: ExternalId,
    /// Unique in the cluster, a DNS-1123 subdomain without dots of at most [`MAX_NAME`] characters.
    pub name: String,
    /// Who uses it.
    pub about: About,
}

/// The policies whose subjects are pods of one namespace.
#[derive(Debug, Clone)]
pub struct NamespacePolicies {
    /// The namespace.
    pub namespace: Sym,
    /// Who manages it: the default deny's provenance.
    pub about: About,
    /// What its pods may send and receive; sorted by name, names unique.
    pub allows: Vec<Policy>,
}

/// What some pods of a namespace may send to one peer, or receive from it.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Unique in the namespace, a DNS-1123 subdomain of at most [`MAX_NAME`] characters. It says whose, which
    /// direction and which peer, and depends on nothing else.
    pub name: String,
    /// Labels of the subject's pods; empty: all pods of the namespace.
    pub subject: Labels,
    /// Which side it is.
    pub direction: Direction,
    /// What is allowed; never empty.
    pub rules: Vec<Rule>,
    /// Where it comes from.
    pub about: About,
}

/// Peers of one kind, and the ports on which they are reached or reach.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The other ends; never empty.
    pub peers: Vec<PeerSet>,
    /// Ports of the destination; never empty.
    pub ports: Arc<[PortRange]>,
    /// HTTP requests that are meant, on the side where they are looked at; empty: anything.
    pub http: Vec<HttpRule>,
    /// The edge that asks for it; `None` for DNS and metrics.
    pub edge: Option<EdgeId>,
    /// The line that asks for it.
    pub span: Span,
}

/// Provenance of an object: what its annotations and its file's header say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Apps.
    pub apps: Few<Sym>,
    /// Their teams.
    pub owners: Few<Sym>,
    /// Reasons.
    pub whys: Few<Sym>,
    /// Edges by name, DNS and metrics by word: what to look for in the intent.
    pub flows: Few<String>,
    /// Intents, relative to the project root.
    pub sources: Few<Utf8PathBuf>,
}
