//! The normal form: what any dialect's policies say, without the words of the dialect.
//!
//! A dialect's reader makes it from text alone. Policies add up: what any of them allows is allowed, less what any of
//! them denies. Order, tiers and references between objects are the reader's affair: what they amount to is here.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::model::{Direction, HttpRule, Labels, Protocol, Sym};
use crate::source::Span;

/// What a target can say, and how it sees the world. Its dialect declares it; what cannot be said, and what is expected
/// of the rendered policies, follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// It can tell HTTP requests apart.
    pub http: bool,
    /// It knows destinations by host name.
    pub host_names: bool,
    /// Nodes and the API server are peers of their own, and no address block matches them or a pod. Otherwise they are
    /// addresses like all others, and whether a block matches pods differs between implementations.
    pub entities: bool,
    /// It can send questions for the cluster's DNS to pods of a cache on the same node, which policies then see.
    pub local_redirect: bool,
    /// It has policies for all namespaces at once, and denies that beat every allow.
    pub guards: bool,
    /// What of its policies can be made to report only.
    pub staged: Staging,
    /// It can log what it denies.
    pub log_denied: bool,
}

/// What of a target's policies can be made to report, and enforce nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staging {
    /// Nothing.
    None,
    /// All of it.
    Whole,
    /// What allows, and default denies. Denies and HTTP rules would be enforced at once, so they are left out.
    AllowsOnly,
}

/// One rendered file, read back.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// What its policies say.
    pub policies: Vec<Policy>,
    /// The list of files and folders that are applied with it, when the file is such a list and nothing else.
    pub base: Option<Base>,
    /// It holds objects that policies of other files may refer to, as a set of addresses.
    pub shared: bool,
}

/// A list of what belongs together: a kustomization.
#[derive(Debug, Clone)]
pub struct Base {
    /// The entries, each where it is written.
    pub resources: Vec<(String, Span)>,
    /// Where the list starts.
    pub span: Span,
}

/// One policy object, or one of several that an object stands for.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Name of the object.
    pub name: String,
    /// In which namespaces its pods are.
    pub scope: Scope,
    /// Whether the object itself is in no namespace, so that its name is taken in the whole cluster.
    pub cluster_scoped: bool,
    /// Labels of the governed pods; empty: every pod of the namespaces.
    pub subject: Labels,
    /// Directions in which its pods are isolated, rules or not.
    pub isolates: Vec<Direction>,
    /// What it allows.
    pub rules: Vec<Rule>,
    /// What it denies, whatever this or another policy allows.
    pub denies: Vec<Rule>,
    /// It only reports: it says what it would enforce.
    pub staged: bool,
    /// Where the object starts.
    pub span: Span,
}

/// Namespaces that a policy governs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One.
    Namespace(Sym),
    /// Every one but these.
    AllBut(BTreeSet<Sym>),
}

impl Policy {
    /// The one namespace that it governs, if it is one.
    pub fn namespace(&self) -> Option<&Sym> {
        match &self.scope {
            Scope::Namespace(name) => Some(name),
            Scope::AllBut(_) => None,
        }
    }
}

/// One permission, or one denial.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Of which side.
    pub direction: Direction,
    /// The other ends: any of them. Never empty: a reader writes [`Peer::Anyone`] where the dialect means everyone.
    pub peers: Vec<Peer>,
    /// On which ports: any of them. Never empty: a reader writes [`Ports::every`] where the dialect means all.
    pub ports: Vec<Ports>,
    /// It also holds for protocols other than those of [`Ports`], as ICMP, where the target polices them.
    pub others: bool,
    /// HTTP requests: any of them, and nothing else on these ports. Empty: anything, HTTP or not.
    pub http: Vec<HttpRule>,
    /// It lets DNS questions through that the target reads along, so that it learns the addresses of host names.
    pub dns_proxy: bool,
    /// Where the rule starts.
    pub span: Span,
}

/// Who may be at the other end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// Everyone: pods, nodes, addresses.
    Anyone,
    /// Pods of some namespaces that carry some labels.
    Pods {
        /// The namespaces.
        namespaces: Namespaces,
        /// Labels; empty: every pod.
        labels: Labels,
    },
    /// Addresses of a range, less those of some ranges inside it.
    Block {
        /// The range.
        cidr: IpNet,
        /// Exceptions.
        except: Vec<IpNet>,
    },
    /// Something of the cluster that is no pod, where the target knows it by what it is.
    Entity(Entity),
    /// Destinations by host name, as the intent writes it: `*.` at its beginning stands for one label.
    Name(Sym),
}

/// Things of a cluster that are no pods, by the names of Cilium (pkg/policy/api/entity.go).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// The subject's own node.
    Host,
    /// Every other node.
    RemoteNode,
    /// The API server of Kubernetes, wherever it runs.
    ApiServer,
    /// The target's own ingress proxies.
    Ingress,
    /// The target's own health checks.
    Health,
    /// Endpoints of which nothing is known yet.
    Init,
    /// Pods that the target does not manage.
    Unmanaged,
}

impl Entity {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Host, Self::RemoteNode, Self::ApiServer, Self::Ingress, Self::Health, Self::Init, Self::Unmanaged];
    /// The nodes.
    pub const NODES: [Self; 2] = [Self::Host, Self::RemoteNode];

    /// How people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "the pod's own node",
            Self::RemoteNode => "another node",
            Self::ApiServer => "kube-apiserver",
            Self::Ingress => "an ingress proxy",
            Self::Health => "a health check",
            Self::Init => "an endpoint that starts",
            Self::Unmanaged => "a pod without policies",
        }
    }
}

/// Namespaces of a peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespaces {
    /// The one of this name.
    Named(Sym),
    /// Those that carry these labels (the name's own label among them, if it was asked for); empty: every namespace.
    Labelled(Labels),
}

/// Ports `first` to `last` of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports {
    /// The protocol.
    pub protocol: Protocol,
    /// Lowest port; 1 for "all".
    pub first: u16,
    /// Highest port; 65535 for "all".
    pub last: u16,
}

impl Ports {
    /// Every port of every protocol.
    pub fn every() -> Vec<Self> {
        Protocol::ALL.into_iter().map(|protocol| Self { protocol, first: 1, last: u16::MAX }).collect()
    }
}
