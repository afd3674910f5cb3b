//! The law: what policies in the normal form mean for one pod, one other end and one direction. Everything else asks it, or
//! is held against it.
//!
//! 1. **Who is asked.** Policies that govern the direction and whose subject is the pod, by tier, then by order in the tier
//!    (docs.tigera.io, "Get started with policy tiers"). A target without tiers has one; Cilium's denies, which beat every
//!    allow (docs.cilium.io, "Deny Policies"), are one before its allows.
//! 2. **First match.** In a tier the rules are asked in order; the first that matches decides what it matches: allowed, denied,
//!    or passed to the next tier. What rules of one order allow adds up, as policies of Kubernetes do
//!    (networking/v1/types.go).
//! 3. **The end of a tier** denies what no rule decided, if the tier denies at its end and a policy of it governs the pod;
//!    otherwise the next tier is asked. What no tier decides is allowed: a pod without policies may do everything.
//! 4. **A rule matches** what goes to, or comes from, one of its peers that is all that the rule demands of it, while the
//!    governed pod is all that the rule demands of that one, on one of its ports. Ports are the destination's.
//! 5. **Everyone** is pods, addresses, nodes, load balancers. **Pods** are matched by labels: their own, their namespace's, their
//!    service account's. A condition on a missing label is false, its negation true (labels.Requirement of
//!    kubernetes/apimachinery).
//! 6. **A block** matches the addresses in it. Whether it matches pods by their addresses is the engine's affair, and so is
//!    whose names count where a port is named.
//! 7. **Host names** are matched by the patterns of rules, and by blocks for the address that they resolve to. **Entities** are
//!    matched by themselves; what is an API server and a node is matched as either.
//! 8. **A pod's own node** may always reach it, where the engine says so, unless a rule denies it.
//! 9. **What is not known** (an address, a port's name, the end of a tier that is described elsewhere) gives two answers: what
//!    may pass for sure, and what may pass perhaps. They differ exactly where the unknown decides, or where it was not
//!    followed through: never is one of them a guess.

mod names;
mod ports;

use std::net::IpAddr;

use ipnet::IpNet;

use super::allowed;
use super::normal::{
    Action, Condition, Demand, End, Engine, Entity, Key, Namespaces, Peer, Policy, Rule, Selector, Test,
};
use super::ports::PortSet;
use super::traffic::Traffic;
use crate::model::{Direction, Labels, NAMESPACE_NAME, Protocol, Sym};

pub use names::is_name;

/// A pod, as far as policies can tell pods apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pod {
    /// Labels of its namespace, the name among them.
    pub namespace: Labels,
    /// Its own labels.
    pub labels: Labels,
    /// Its service account, where it is known.
    pub account: Option<Account>,
    /// Its addresses; `None`: not known.
    pub addresses: Option<Vec<IpAddr>>,
    /// The names that it gives to ports.
    pub ports: NamedPorts,
}

/// Names of ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedPorts {
    /// Those that are known.
    pub known: Vec<NamedPort>,
    /// There are no others.
    pub whole: bool,
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// Its name.
    pub name: Sym,
    /// Its labels.
    pub labels: Labels,
}

/// A port that a pod names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedPort {
    /// The name.
    pub name: Sym,
    /// The protocol.
    pub protocol: Protocol,
    /// The number.
    pub number: u16,
}

/// The other end.
#[derive(Debug, Clone, Copy)]
pub enum Far<'a> {
    /// A pod.
    Pod(&'a Pod),
    /// An address outside of the cluster.
    Address(IpAddr),
    /// A host outside of the cluster by its name, and its address where that is known.
    Name(&'a Sym, Option<IpAddr>),
    /// What is no pod: everything that it is.
    Entity(&'a [Entity]),
    /// What only a rule for everyone matches.
    Elsewhere,
}

/// One side of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Who reads the policies.
    pub engine: Engine,
    /// Which side.
    pub direction: Direction,
    /// The pod whose side it is.
    pub subject: &'a Pod,
    /// The other end.
    pub other: Far<'a>,
    /// All named ports of the cluster.
    pub all_ports: &'a NamedPorts,
    /// Where the addresses of pods are that are not known; `None`: anywhere. None at all: where no peer's block is.
    pub pod_ranges: Option<&'a [IpNet]>,
    /// Patterns of host names are symbols: one matches only what is written alike.
    pub names_are_symbols: bool,
}

/// What may pass on one side.
#[derive(Debug, Clone, Default)]
pub struct Answer<'p> {
    /// What may pass for sure.
    pub sure: Traffic,
    /// What may pass perhaps; nothing else does.
    pub perhaps: Traffic,
    /// Rules that matched something that was not decided before, in the order in which they are asked.
    pub hits: Vec<Hit<'p>>,
    /// Policies at the end of whose tier something is denied.
    pub ends: Vec<&'p Policy>,
}

/// A rule that matched.
#[derive(Debug, Clone)]
pub struct Hit<'p> {
    /// Of which policy.
    pub policy: &'p Policy,
    /// The rule.
    pub rule: &'p Rule,
    /// What it decides.
    pub traffic: Traffic,
}

impl Answer<'_> {
    /// Whether one port may be used, with any request; `None`: that is not known.
    pub fn permits(&self, protocol: Protocol, port: u16) -> Option<bool> {
        let some = |traffic: &Traffic| {
            traffic.any().contains(protocol, port) || traffic.http().any(|(_, ports)| ports.contains(protocol, port))
        };
        let (sure, perhaps) = (some(&self.sure), some(&self.perhaps));
        (sure == perhaps).then_some(sure)
    }
}

/// Policies in the order in which they are asked.
pub fn in_order<'p>(policies: impl IntoIterator<Item = &'p Policy>) -> Vec<&'p Policy> {
    let mut policies: Vec<&Policy> = policies.into_iter().collect();
    policies.sort_by_key(|policy| (policy.rank.tier, policy.rank.order));
    policies
}

/// What may pass. `policies`: [`in_order`].
pub fn decide<'p>(policies: &[&'p Policy], side: &Side<'_>) -> Answer<'p> {
    let mut answer = Answer::default();
    let mut denied = Denied::default();
    // 9: what certainly, and what perhaps, no rule has decided yet.
    let mut open = Open { surely: Traffic::every(), perhaps: Traffic::every() };
    for tier in policies.chunk_by(|a, b| a.rank.tier == b.rank.tier) {
        let governing: Vec<&&Policy> = tier.iter().filter(|policy| governs(policy, side)).collect(); // 1
        if governing.is_empty() {
            continue;
        }
        let mut passed = Open::default();
        for policy in &governing {
            for rule in policy.rules.iter().filter(|rule| rule.direction == side.direction) {
                let of = matched(rule, side);
                let traffic = of.perhaps.and(&open.perhaps);
                if traffic.is_empty() {
                    continue;
                }
                apply(rule, &of, &mut open, &mut passed, &mut answer, &mut denied);
                answer.hits.push(Hit { policy, rule, traffic });
            }
        }
        let ends = |end| governing.iter().any(|policy| policy.rank.end == end);
        if ends(End::Denies) {
            // 3
            if !open.perhaps.is_empty() {
                answer.ends = governing.iter().map(|policy| **policy).collect();
            }
            open = passed;
        } else {
            if ends(End::Unknown) {
                open.surely = Traffic::default();
            }
            open.surely.add(&passed.surely);
            open.perhaps.add(&passed.perhaps);
        }
    }
    answer.sure.add(&open.surely);
    answer.perhaps.add(&open.perhaps);
    let own_node = matches!(side.other, Far::Entity(entities) if entities.contains(&Entity::Host));
    if side.engine.own_node_enters && side.direction == Direction::Ingress && own_node {
        answer.sure.add(&Traffic::every().minus(&denied.perhaps)); // 8
        answer.perhaps.add(&Traffic::every().minus(&denied.surely));
    }
    answer
}

/// What is not decided.
#[derive(Debug, Default)]
struct Open {
    surely: Traffic,
    perhaps: Traffic,
}

/// What rules deny.
#[derive(Debug, Default)]
struct Denied {
    surely: Traffic,
    perhaps: Traffic,
}

/// 2. What a rule decides of what was open.
fn apply(rule: &Rule, of: &Matched, open: &mut Open, passed: &mut Open, answer: &mut Answer<'_>, denied: &mut Denied) {
    let (sure, perhaps) = (of.sure.and(&open.surely), of.perhaps.and(&open.perhaps));
    match rule.action {
        Action::Allow => {
            answer.sure.add(&sure);
            answer.perhaps.add(&perhaps);
            // What this may have allowed stays sure, if a later rule allows it for sure.
            open.surely = open.surely.minus(&of.sure);
        }
        Action::Deny => {
            denied.surely.add(&sure);
            denied.perhaps.add(&perhaps);
            open.surely = open.surely.minus(&of.perhaps);
        }
        Action::Pass => {
            passed.surely.add(&sure);
            passed.perhaps.add(&perhaps);
            open.surely = open.surely.minus(&of.perhaps);
        }
    }
    open.perhaps = open.perhaps.minus(&of.sure);
}

/// 1. Whether a policy takes part.
pub fn governs(policy: &Policy, side: &Side<'_>) -> bool {
    policy.isolates.contains(&side.direction) && selects(&policy.subject, side.subject)
}

/// What a rule matches of all that goes between two ends.
#[derive(Debug, Default)]
struct Matched {
    sure: Traffic,
    perhaps: Traffic,
}

/// 4.
fn matched(rule: &Rule, side: &Side<'_>) -> Matched {
    let subject = Far::Pod(side.subject);
    let peers = any(&rule.peers, side.other, side);
    // Blocks are taken for what is no pod where nobody says where pods are. Here a wrong guess would let more through: the
    // governed pod has an address somewhere, and who is none of some blocks may be a pod in them.
    let strict = Side { pod_ranges: side.pod_ranges.filter(|ranges| !ranges.is_empty()), ..*side };
    let demands = rule.demands.iter().map(|demand| meets(demand, side.other, &strict));
    let own = rule.own.iter().map(|demand| meets(demand, subject, &strict));
    let provided = if rule.provided.is_some() { Truth::Maybe } else { Truth::Yes };
    let is = [peers, provided].into_iter().chain(demands).chain(own).min().unwrap_or(Truth::No);
    if is == Truth::No {
        return Matched::default();
    }
    let (sure, perhaps) = ports::of(rule, side);
    let traffic = |ports: PortSet| {
        let mut traffic = Traffic::new(ports, &rule.http);
        if rule.others {
            traffic.add_others();
        }
        traffic
    };
    let perhaps = traffic(perhaps);
    match is {
        Truth::Yes => Matched { sure: traffic(sure), perhaps },
        Truth::Maybe | Truth::No => Matched { sure: Traffic::default(), perhaps },
    }
}

/// Whether something holds; the order is that of how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    No,
    Maybe,
    Yes,
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Truth {
    fn from(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

fn any(peers: &[Peer], end: Far<'_>, side: &Side<'_>) -> Truth {
    let mut most = Truth::No;
    for peer in peers {
        most = most.max(is(peer, end, side));
        if most == Truth::Yes {
            break;
        }
    }
    most
}

fn meets(demand: &Demand, end: Far<'_>, side: &Side<'_>) -> Truth {
    let any = any(&demand.peers, end, side);
    if demand.negated { any.not() } else { any }
}

/// 5 to 7. Whether an end is a peer.
fn is(peer: &Peer, end: Far<'_>, side: &Side<'_>) -> Truth {
    match (peer, end) {
        (Peer::Anyone, _) => Truth::Yes,
        (Peer::Pods { namespaces, labels }, Far::Pod(pod)) => {
            (in_namespaces(namespaces, pod) && labels.is_subset_of(&pod.labels)).into()
        }
        (Peer::Selected(selector), Far::Pod(pod)) => selects(selector, pod).into(),
        (Peer::Block { cidr, except }, Far::Address(address)) => holds(cidr, except, address).into(),
        (Peer::Block { .. }, Far::Pod(_)) if !side.engine.blocks_match_pods => Truth::No,
        (Peer::Block { cidr, except }, Far::Pod(pod)) => match &pod.addresses {
            Some(addresses) => addresses.iter().any(|address| holds(cidr, except, *address)).into(),
            None => match side.pod_ranges {
                Some(ranges) if !ranges.iter().any(|range| blocks_meet(peer, range)) => Truth::No,
                _ => Truth::Maybe,
            },
        },
        (Peer::Block { .. }, Far::Name(..)) if side.names_are_symbols => Truth::No,
        (Peer::Block { cidr, except }, Far::Name(_, address)) => match address {
            Some(address) => holds(cidr, except, address).into(),
            None => Truth::Maybe,
        },
        (Peer::Entity(entity), Far::Entity(all)) => all.contains(entity).into(),
        (Peer::Name(pattern), Far::Name(name, _)) if side.names_are_symbols => (pattern == name).into(),
        (Peer::Name(pattern), Far::Name(name, _)) => is_name(pattern, name).into(),
        _ => Truth::No,
    }
}

fn blocks_meet(block: &Peer, range: &IpNet) -> bool {
    allowed::blocks_meet(block, &Peer::Block { cidr: *range, except: vec![] })
}

fn holds(cidr: &IpNet, except: &[IpNet], address: IpAddr) -> bool {
    cidr.contains(&address) && !except.iter().any(|hole| hole.contains(&address))
}

/// Whether a selector is for a pod.
pub fn selects(selector: &Selector, pod: &Pod) -> bool {
    in_namespaces(&selector.namespaces, pod)
        && selector.labels.is_subset_of(&pod.labels)
        && selector.further.iter().all(|condition| condition.is_met(value(&condition.key, pod)))
}

fn in_namespaces(namespaces: &Namespaces, pod: &Pod) -> bool {
    match namespaces {
        Namespaces::Named(name) => pod.namespace.get(NAMESPACE_NAME) == Some(name),
        Namespaces::Labelled(labels) => labels.is_subset_of(&pod.namespace),
    }
}

/// The value of a label.
fn value<'a>(key: &Key, pod: &'a Pod) -> Option<&'a str> {
    let value = match key {
        Key::Pod(key) => pod.labels.get(key),
        Key::Namespace(key) => pod.namespace.get(key),
        Key::Account(key) => pod.account.as_ref().and_then(|account| account.labels.get(key)),
        Key::AccountName => pod.account.as_ref().map(|account| &account.name),
    };
    value.map(|value| &**value)
}

impl Condition {
    /// 5. Whether it is met by a label's value; `None`: the label is missing.
    pub fn is_met(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| self.test.holds(value)) != self.negated
    }
}

impl Test {
    /// Whether it is true of a value.
    pub fn holds(&self, value: &str) -> bool {
        match self {
            Self::Exists => true,
            Self::In(values) => values.contains(value),
            Self::StartsWith(text) => value.starts_with(&**text),
            Self::EndsWith(text) => value.ends_with(&**text),
            Self::Contains(text) => value.contains(&**text),
        }
    }
}
