//! The normal form: what any dialect's policies say, without the words of the dialect.
//!
//! A dialect's reader makes it from text alone. Every valid policy has a place here, ours or written by hand: selectors of
//! any kind, policies in tiers that are asked in order, denies, ports by name. What references between objects amount to
//! is the reader's affair. What a set of policies means is [`law`](super::law)'s.

use std::collections::BTreeSet;
use std::fmt;

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

/// How the agents of a target see what policies cannot say. Where implementations differ there is one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engine {
    /// Who it is, for people: `Calico`, `Cilium`.
    pub name: &'static str,
    /// Whether an address block matches a pod that has one of its addresses. Otherwise it matches only what is outside of the
    /// cluster.
    pub blocks_match_pods: bool,
    /// A port's name in an egress rule stands for the one number that all pods of the cluster give it, and for none where
    /// they give several; otherwise each destination's own name counts.
    pub names_are_global: bool,
    /// A pod's own node may always reach it, unless a rule denies it.
    pub own_node_enters: bool,
}

impl Engine {
    /// The engine of a target, where all of its implementations agree.
    pub fn of(can: Capabilities) -> Self {
        Self {
            name: "",
            blocks_match_pods: !can.entities,
            names_are_global: can.entities,
            own_node_enters: can.entities,
        }
    }
}

/// Policies as one engine understands them.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The engine.
    pub engine: Engine,
    /// What sets this reading apart from another one of the same engine: `policy-default-local-cluster=true`.
    pub assuming: Option<&'static str>,
    /// The policies.
    pub policies: Vec<Policy>,
    /// What people should know: a policy that only reports, say.
    pub notes: Vec<String>,
}

/// One policy object, or one of several that an object stands for.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Name of the object.
    pub name: String,
    /// Kind of the object.
    pub kind: &'static str,
    /// Namespace of the object; `None`: its name is taken in the whole cluster.
    pub namespace: Option<Sym>,
    /// The governed pods.
    pub subject: Selector,
    /// When it is asked, beside other policies.
    pub rank: Rank,
    /// Directions in which it governs its pods: where no rule decides, the end of its tier does.
    pub isolates: Vec<Direction>,
    /// Its rules. Those of a direction are asked in this order.
    pub rules: Vec<Rule>,
    /// It only reports: it says what it would enforce.
    pub staged: bool,
    /// Where the object starts.
    pub span: Span,
}

/// When a policy is asked. Tiers are asked in order, in a tier its policies. A target without tiers and orders has one tier,
/// where all are asked together; one whose denies beat every allow has them in a tier of their own, before the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// Number of the tier, over all policies that are read together.
    pub tier: u32,
    /// What happens at its end to pods that some policy of it governs.
    pub end: End,
    /// Order in the tier. What is allowed at equal orders adds up.
    pub order: u32,
    /// Policies of others, that nobody shows us, may be asked after this one.
    pub leads: bool,
}

/// What a tier does with what no rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is denied.
    Denies,
    /// The next tier is asked; after the last one it is allowed.
    Passes,
    /// Nobody says: the tier is described elsewhere.
    Unknown,
}

/// Pods that satisfy every condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    /// Equalities on labels of the namespace.
    pub namespaces: Namespaces,
    /// Equalities on the pod's own labels.
    pub labels: Labels,
    /// Whatever is no equality, or is about something else; sorted, each once.
    pub further: Vec<Condition>,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition {
    /// Which label.
    pub key: Key,
    /// What is asked of it. Where the label is missing, nothing is true of it.
    pub test: Test,
    /// The opposite is asked: a pod without the label satisfies it.
    pub negated: bool,
}

/// A label, by whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The pod's.
    Pod(Sym),
    /// Its namespace's; the name is under [`NAMESPACE_NAME`](crate::model::NAMESPACE_NAME).
    Namespace(Sym),
    /// Its service account's.
    Account(Sym),
    /// The name of its service account. Every pod has one.
    AccountName,
}

/// What may be asked of a label's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// That it is there.
    Exists,
    /// That it is one of these.
    In(BTreeSet<Sym>),
    /// How it begins.
    StartsWith(Sym),
    /// How it ends.
    EndsWith(Sym),
    /// What it has in it.
    Contains(Sym),
}

/// What a rule does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It is allowed, and nothing else is asked.
    Allow,
    /// It is denied, and nothing else is asked.
    Deny,
    /// The next tier is asked.
    Pass,
}

/// One rule. A rule that nothing can match is none.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Of which side.
    pub direction: Direction,
    /// What it does.
    pub action: Action,
    /// The other ends: any of them. Never empty: a reader writes [`Peer::Anyone`] where the dialect means everyone.
    pub peers: Vec<Peer>,
    /// What the other end must be besides: all of these.
    pub demands: Vec<Demand>,
    /// What the governed pod must be besides its policy's subject: all of these.
    pub own: Vec<Demand>,
    /// On which ports of the destination: any of them. A reader writes [`Ports::every`] where the dialect means all.
    pub ports: Vec<Ports>,
    /// Further ports, by the names that the destination gives them.
    pub named: Vec<(Protocol, Sym)>,
    /// Ports that are left out, named or not.
    pub except: Vec<Ports>,
    /// Further ports that are left out, by such names.
    pub except_named: Vec<(Protocol, Sym)>,
    /// It also holds for protocols other than those of [`Ports`], as ICMP: an allow for some of them, a denial for all.
    pub others: bool,
    /// HTTP requests: any of them, and nothing else on these ports. Empty: anything, HTTP or not.
    pub http: Vec<HttpRule>,
    /// It lets DNS questions through that the target reads along, so that it learns the addresses of host names.
    pub dns_proxy: bool,
    /// It holds only where something does that is not told here, as a source port; in words.
    pub provided: Option<&'static str>,
    /// Where the rule starts.
    pub span: Span,
}

/// That an end is one of some peers, or none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The peers.
    pub peers: Vec<Peer>,
    /// It must be none of them.
    pub negated: bool,
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
    /// Pods by further conditions; see [`Selector::peer`].
    Selected(Selector),
    /// Addresses of a range, less those of some ranges inside it.
    Block {
        /// The range.
        cidr: IpNet,
        /// Exceptions.
        except: Vec<IpNet>,
    },
    /// Something of the cluster that is no pod, where the target knows it by what it is.
    Entity(Entity),
    /// Destinations by host name. `*` stands for any part of one label, `**.` at the beginning for one label or more, and
    /// `*` alone for every name; lower case, without a dot at the end.
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

impl Selector {
    /// Every pod.
    pub fn every() -> Self {
        Self { namespaces: Namespaces::Labelled(Labels::default()), labels: Labels::default(), further: vec![] }
    }

    /// Pods of one namespace by equalities alone.
    pub fn of_namespace(namespace: Sym, labels: Labels) -> Self {
        Self { namespaces: Namespaces::Named(namespace), labels, further: vec![] }
    }

    /// As a peer, in the one form for its meaning.
    pub fn peer(self) -> Peer {
        match self.further.is_empty() {
            true => Peer::Pods { namespaces: self.namespaces, labels: self.labels },
            false => Peer::Selected(self),
        }
    }
}

impl Rule {
    /// A rule for some peers on every port of every protocol, for a reader to narrow.
    pub fn new(direction: Direction, action: Action, peers: Vec<Peer>, span: Span) -> Self {
        Self {
            direction,
            action,
            peers,
            demands: vec![],
            own: vec![],
            ports: Ports::every(),
            named: vec![],
            except: vec![],
            except_named: vec![],
            others: true,
            http: vec![],
            dns_proxy: false,
            provided: None,
            span,
        }
    }
}

impl Ports {
    /// Every port of every protocol.
    pub fn every() -> Vec<Self> {
        Protocol::ALL.into_iter().map(|protocol| Self { protocol, first: 1, last: u16::MAX }).collect()
    }
}

/// `app=web,tier not in (a, b) of namespaces (team=x)`, as kubectl writes selectors.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let further: Vec<String> = self.further.iter().map(ToString::to_string).collect();
        match (self.labels.is_empty(), further.is_empty()) {
            (true, true) => f.write_str("*")?,
            (true, false) => f.write_str(&further.join(","))?,
            (false, true) => write!(f, "{}", self.labels)?,
            (false, false) => write!(f, "{},{}", self.labels, further.join(","))?,
        }
        match &self.namespaces {
            Namespaces::Named(name) => write!(f, " of {name}"),
            Namespaces::Labelled(labels) if labels.is_empty() => Ok(()),
            Namespaces::Labelled(labels) => write!(f, " of namespaces ({labels})"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.negated { "not " } else { "" };
        let key = &self.key;
        match &self.test {
            Test::Exists if self.negated => write!(f, "!{key}"),
            Test::Exists => write!(f, "{key}"),
            Test::In(values) => {
                let values: Vec<&str> = values.iter().map(|value| &**value).collect();
                write!(f, "{key} {not}in ({})", values.join(", "))
            }
            Test::StartsWith(text) => write!(f, "{key} {not}starting with {text:?}"),
            Test::EndsWith(text) => write!(f, "{key} {not}ending with {text:?}"),
            Test::Contains(text) => write!(f, "{key} {not}containing {text:?}"),
        }
    }
}

/// Whose label it is stands before it, where it is not the pod's.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(key) => f.write_str(key),
            Self::Namespace(key) => write!(f, "namespace:{key}"),
            Self::Account(key) => write!(f, "serviceaccount:{key}"),
            Self::AccountName => f.write_str("serviceaccount"),
        }
    }
}
