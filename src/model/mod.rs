//! What the intents mean: every name resolved, every value valid, one flow graph over all apps.
//!
//! In: the tables of `intent`. Out: a [`Model`], and from it the two relations ([`Model::grants`]): what each managed
//! pod may send and what it may receive. Nothing here depends on a dialect, on the order of files or tables, or on the
//! clock. A `Model` exists only when no error was found.

mod accepts;
pub mod address;
mod build;
mod decisions;
mod declare;
mod edges;
mod endpoint;
mod forbid;
mod given;
mod graph;
mod guards;
mod http;
mod limits;
mod names;
mod order;
mod overlap;
mod parse;
mod ports;
mod profile;
mod relations;
mod resolve;
mod resolve_profile;
mod selector;
mod waiver;

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;

use crate::source::{FileId, Span, Spanned};

pub use accepts::{Accepts, Caller};
pub use address::{Cidrs, METADATA, PRIVATE};
pub use build::{Input, build};
pub use endpoint::{Builtin, Endpoint};
pub use forbid::{Forbid, ForbidEnd, ForbidSet, Permit, Reach, violations};
pub use given::{Given, GrantIndex};
pub use graph::FlowGraph;
pub use guards::Guard;
pub use limits::{MAX_EDGES, MAX_ENTRIES, MAX_FORBIDS, MAX_NAMESPACES, MAX_TIERS};
pub use names::{Refusal, check_label_key, check_label_value, check_namespace, is_code_owner};
pub use order::UnsortedList;
pub use parse::{WrittenPort, parse_cidr, parse_port};
pub use ports::{PortRange, Protocol};
pub use profile::{Approved, Approximation, CodeOwners, DnsPeer, DnsTarget, Limits, LintLevel, Profile};
pub use relations::{Direction, Grant, Origin, PeerSet, Subject};
pub use resolve_profile::{clusters, unknown_dialect};
pub use selector::{Labels, NAMESPACE_NAME, NamespaceSet, PodSet};
pub use waiver::{WaiveTarget, Waiver};

/// A short text shared by all who mention it.
pub type Sym = Arc<str>;

/// Everything the intents of a project say, for one cluster.
///
/// Apps, tiers, peers and externals are sorted by name, edges by app, ends and ports: two projects that say the same
/// in another order give equal models, spans apart.
#[derive(Debug, Clone)]
pub struct Model {
    /// The named cluster, when the project file names some.
    pub cluster: Option<Sym>,
    /// What is known of the cluster.
    pub profile: Profile,
    /// Apps by name.
    pub apps: Vec<App>,
    /// Tiers by app and name.
    pub tiers: Vec<Tier>,
    /// Peers by app and name.
    pub peers: Vec<Peer>,
    /// Externals by app and name; those of the project file first.
    pub externals: Vec<External>,
    /// Edges, one source and one destination each.
    pub edges: Vec<Edge>,
    /// What must never be possible.
    pub forbids: Vec<Forbid>,
    /// Findings that somebody accepted.
    pub waivers: Vec<Waiver>,
    /// Lists that are out of order; for nothing but to say so.
    pub unsorted: Vec<UnsortedList>,
    /// Managed namespaces and the apps that manage them.
    pub namespaces: BTreeMap<Sym, Vec<AppId>>,
    /// Who may open connections to whom.
    pub graph: FlowGraph,
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident => $field:ident: $ty:ty;)*) => { $(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u32);

        impl $name {
            /// Position in the model's list.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl std::ops::Index<$name> for Model {
            type Output = $ty;
            #[expect(clippy::indexing_slicing, reason = "ids are positions given out with the list")]
            fn index(&self, id: $name) -> &$ty {
                &self.$field[id.index()]
            }
        }
    )* };
}

ids! {
    /// An app of the model.
    AppId => apps: App;
    /// A tier of the model.
    TierId => tiers: Tier;
    /// A peer of the model.
    PeerId => peers: Peer;
    /// An external of the model.
    ExternalId => externals: External;
    /// An edge of the model.
    EdgeId => edges: Edge;
}

/// One intent file.
#[derive(Debug, Clone)]
pub struct App {
    /// Its name, unique in the project.
    pub name: Sym,
    /// The team.
    pub owner: Option<Sym>,
    /// Where the team is written.
    pub owner_span: Option<Span>,
    /// The peer that scrapes its metrics, instead of the project's scrapers.
    pub scrapers: Option<PeerId>,
    /// Path of the intent relative to the project root.
    pub path: Utf8PathBuf,
    /// The file.
    pub file: FileId,
    /// Where the name is written.
    pub span: Span,
}

/// A group of pods that we manage.
#[derive(Debug, Clone)]
pub struct Tier {
    /// The app that declares it.
    pub app: AppId,
    /// Its name, unique in the app.
    pub name: Sym,
    /// Its namespaces (always [`NamespaceSet::Names`]) and labels; no labels = every pod, written as `"all"`.
    pub pods: PodSet,
    /// Ports that edges to it take when they name none, as written.
    pub ports: Vec<PortRange>,
    /// Names of ports.
    pub port_names: BTreeMap<Sym, PortRange>,
    /// Ports that the scrapers may reach.
    pub metrics: Vec<PortRange>,
    /// Whether its pods may ask the cluster's DNS.
    pub dns: bool,
    /// How deep it lies, if its author said so: connections go from lower to higher or equal levels.
    pub level: Option<Spanned<u32>>,
    /// Who of other apps may connect; `None`: whoever writes an edge.
    pub accepts: Option<Accepts>,
    /// Where its name is written.
    pub span: Span,
    /// Where its pods are written.
    pub pods_span: Span,
    /// Where its ports are written; its name's place otherwise.
    pub ports_span: Span,
    /// Where its metrics are written; its name's place otherwise.
    pub metrics_span: Span,
}

/// A group of pods that we do not manage.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The app that declares it.
    pub app: AppId,
    /// Its name, unique in the app.
    pub name: Sym,
    /// Its namespaces and labels; no labels = every pod.
    pub pods: PodSet,
    /// Ports that edges to it take when they name none.
    pub ports: Vec<PortRange>,
    /// Names of ports.
    pub port_names: BTreeMap<Sym, PortRange>,
    /// Where its name is written.
    pub span: Span,
    /// Where its namespaces are written.
    pub namespace_span: Span,
    /// Where its ports are written; its name's place otherwise.
    pub ports_span: Span,
}

/// Approved destinations outside the cluster: a union of address ranges and host names.
#[derive(Debug, Clone)]
pub struct External {
    /// The app that declares it; `None`: the project file.
    pub app: Option<AppId>,
    /// Its name, unique in the app.
    pub name: Sym,
    /// The ranges, each where it is written, in the order of the file.
    pub cidrs: Vec<Spanned<ipnet::IpNet>>,
    /// Exceptions from the ranges.
    pub except: Vec<Spanned<ipnet::IpNet>>,
    /// The ranges less the exceptions and less the cluster's own ranges.
    pub addresses: Cidrs,
    /// Host names; a leading `*.` stands for one label.
    pub fqdns: Vec<Spanned<Sym>>,
    /// Ports that edges to it take when they name none.
    pub ports: Vec<PortRange>,
    /// Names of ports.
    pub port_names: BTreeMap<Sym, PortRange>,
    /// A range that may hold the cluster's own addresses, while these are not known: they could not be taken out.
    pub unknown: Option<Span>,
    /// The author wrote that private ranges are meant.
    pub private: bool,
    /// The author wrote that metadata addresses are meant.
    pub metadata: bool,
    /// Where its name is written.
    pub span: Span,
}

/// New connections from every pod of one end to every pod of the other, on these ports, nothing else.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The app that asks for it.
    pub app: AppId,
    /// Who opens the connection.
    pub from: Endpoint,
    /// Who accepts it.
    pub to: Endpoint,
    /// On which pod ports; never empty. Sorted, overlaps merged, neighbours left apart as written.
    pub ports: Arc<[PortRange]>,
    /// All ports were written as `all`.
    pub all_ports: bool,
    /// What its HTTP requests must look like; empty: anything.
    pub http: Vec<HttpRule>,
    /// Why it exists.
    pub why: Option<Sym>,
    /// Where the table is written that asks for it, and perhaps for more edges.
    pub table: Span,
    /// Where `from` is written.
    pub from_span: Span,
    /// Where `to` is written.
    pub to_span: Span,
    /// Where the ports are written: on the edge, or where the edge is when the callee declares them.
    pub ports_span: Span,
    /// Where `http` is written.
    pub http_span: Option<Span>,
}

/// One kind of HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpRule {
    /// Upper-case method; `None`: any.
    pub method: Option<Sym>,
    /// Regular expression of the whole path; `None`: any.
    pub path: Option<Sym>,
    /// Headers that the request must carry, each with exactly this value: names in lower case, sorted, each once.
    pub headers: Vec<(Sym, Sym)>,
}

impl Model {
    /// `web -> api`, as people and waivers call an edge of an app; names of other apps are written `app/tier`.
    pub fn edge_name(&self, edge: &Edge) -> String {
        let mut name = String::with_capacity(64);
        self.push_endpoint_name(edge.from, edge.app, &mut name);
        name.push_str(" -> ");
        self.push_endpoint_name(edge.to, edge.app, &mut name);
        name
    }

    /// The name of an endpoint as an intent of `app` writes it.
    pub fn endpoint_name(&self, endpoint: Endpoint, app: AppId) -> String {
        let mut name = String::new();
        self.push_endpoint_name(endpoint, app, &mut name);
        name
    }

    fn push_endpoint_name(&self, endpoint: Endpoint, app: AppId, out: &mut String) {
        let (owner, name) = match endpoint {
            Endpoint::Tier(id) => (self[id].app, &self[id].name),
            Endpoint::Peer(id) => (self[id].app, &self[id].name),
            Endpoint::External(id) => return out.push_str(&self[id].name),
            Endpoint::Builtin(builtin) => return out.push_str(builtin.name()),
        };
        if owner != app {
            out.push_str(&self[owner].name);
            out.push('/');
        }
        out.push_str(name);
    }

    /// The pods of an endpoint, when it is a group of pods.
    pub fn pods(&self, endpoint: Endpoint) -> Option<&PodSet> {
        match endpoint {
            Endpoint::Tier(id) => Some(&self[id].pods),
            Endpoint::Peer(id) => Some(&self[id].pods),
            Endpoint::External(_) | Endpoint::Builtin(_) => None,
        }
    }

    /// Tiers with their ids.
    pub fn tiers(&self) -> impl Iterator<Item = (TierId, &Tier)> {
        (0..).map(TierId).zip(&self.tiers)
    }

    /// Peers with their ids.
    pub fn peers(&self) -> impl Iterator<Item = (PeerId, &Peer)> {
        (0..).map(PeerId).zip(&self.peers)
    }

    /// Externals with their ids.
    pub fn externals(&self) -> impl Iterator<Item = (ExternalId, &External)> {
        (0..).map(ExternalId).zip(&self.externals)
    }

    /// Edges with their ids.
    pub fn edges(&self) -> impl Iterator<Item = (EdgeId, &Edge)> {
        (0..).map(EdgeId).zip(&self.edges)
    }

    /// Whether a namespace is managed: default deny both ways for every pod in it.
    pub fn is_managed(&self, namespace: &str) -> bool {
        self.namespaces.contains_key(namespace)
    }
}
