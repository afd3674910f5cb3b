//! What a NetworkPolicy means to an engine.
//!
//! 1. Policies add up: each allows something, and everything else is denied in the directions that it governs
//!    (networking/v1/types.go).
//! 2. Cilium's conversion makes rules of both lists, and rules govern their direction: `policyTypes` counts only where a list
//!    is empty (pkg/k8s/network_policy.go, ParseNetworkPolicy).
//! 3. Cilium asks of a peer what both selectors ask, and that there is a namespace only where `namespaceSelector` is empty. So
//!    one that says only what must not be is met by everything that has no labels of Kubernetes (the same,
//!    parseNetworkPolicyPeer).
//! 4. ICMP and the like are undefined for NetworkPolicy; engines let them through where a rule lists no ports.
//! 5. Where a block matches pods, and whose names of ports count, is the [`Engine`](crate::verify::normal::Engine)'s.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::super::conjunction::Conjunction;
use super::super::identities;
use super::super::selector::Conditions;
use super::{KIND, Mode, NetworkPolicy, Peer, Port, Rule};
use crate::model::{Direction, Sym};
use crate::verify::normal::{self, Action, Entity, Key};

impl NetworkPolicy {
    /// What it means; `None` when it governs no pod that there could be.
    pub fn means(self, mode: &Mode) -> Option<normal::Policy> {
        let isolates = self.isolates(mode);
        let Self { name, namespace, subject, rules, span, .. } = self;
        let mut all = Conjunction::default();
        of_pods(&mut all, subject, mode);
        Some(normal::Policy {
            name,
            kind: KIND.1,
            subject: all.selector(Some(&namespace))?,
            rank: mode.rank,
            isolates,
            rules: rules.into_iter().filter_map(|rule| rule.means(&namespace, mode)).collect(),
            namespace: Some(namespace),
            staged: false,
            span,
        })
    }

    /// 1 and 2.
    fn isolates(&self, mode: &Mode) -> Vec<Direction> {
        let mut isolates = self.types.clone();
        if mode.rules_isolate {
            isolates.extend(self.rules.iter().map(|rule| rule.direction));
        }
        isolates.sort_unstable();
        isolates.dedup();
        isolates
    }
}

impl Rule {
    /// `None` when nobody can be at the other end.
    fn means(self, own: &Sym, mode: &Mode) -> Option<normal::Rule> {
        let mut peers = Vec::with_capacity(self.peers.len().max(1));
        if self.peers.is_empty() {
            peers.push(normal::Peer::Anyone);
        }
        self.peers.into_iter().for_each(|peer| peer.means(own, mode, &mut peers));
        if peers.is_empty() {
            return None;
        }
        let mut rule = normal::Rule::new(self.direction, Action::Allow, peers, self.span);
        rule.others = mode.others && self.ports.is_none(); // 4
        if let Some(ports) = self.ports {
            rule.ports.clear();
            for port in ports {
                match port {
                    Port::Range(ports) => rule.ports.push(ports),
                    Port::Named(protocol, name) => rule.named.push((protocol, name)),
                }
            }
        }
        Some(rule)
    }
}

impl Peer {
    fn means(self, own: &Sym, mode: &Mode, peers: &mut Vec<normal::Peer>) {
        match self {
            Self::Block { cidr, except } => peers.push(normal::Peer::Block { cidr, except }),
            Self::Pods { namespaces, pods } => {
                let own = namespaces.is_none().then_some(own);
                let asks_of_namespaces = namespaces.as_ref().is_some_and(|namespaces| !namespaces.is_empty());
                let mut all = Conjunction::default();
                of_pods(&mut all, pods, mode);
                of_namespaces(&mut all, namespaces.unwrap_or_default(), mode);
                let reaches_out = mode.negations_reach_out && asks_of_namespaces && all.holds_without_labels();
                peers.extend(all.selector(own).map(normal::Selector::peer));
                if reaches_out {
                    peers.extend(without_labels());
                }
            }
        }
    }
}

fn of_pods(all: &mut Conjunction, conditions: Conditions, mode: &Mode) {
    for (key, ask) in conditions {
        match mode.by_identities && !identities::hold(&key) {
            true => all.require_of_nothing(&ask),
            false => all.require(Key::Pod(key), ask),
        }
    }
}

fn of_namespaces(all: &mut Conjunction, conditions: Conditions, mode: &Mode) {
    for (key, ask) in conditions {
        match mode.by_identities && !identities::hold_of_namespace(&key) {
            true => all.require_of_nothing(&ask),
            false => all.require(Key::Namespace(key), ask),
        }
    }
}

/// 3. Everything that is no pod.
pub fn without_labels() -> Vec<normal::Peer> {
    let block = |cidr| normal::Peer::Block { cidr, except: vec![] };
    let world = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())].map(block);
    world.into_iter().chain(Entity::ALL.map(normal::Peer::Entity)).collect()
}
