//! That host names can be reached: a target that allows destinations by name learns their addresses by reading along
//! when a pod asks the cluster's DNS, and only then.
//!
//! 1. A pod that may reach names asks through a rule that the target reads along (docs.cilium.io, "DNS Proxy": the DNS
//!    rule is what makes names known).
//! 2. No other rule lets the same pod ask the same DNS: a rule on ports alone is the wider one, and what passes by it is
//!    not read. Which pod carries which labels is not known, so every pod counts that can carry both rules' labels.
//! 3. A rule that is read along lets nothing but DNS through, so it stands for DNS alone.

use indexmap::IndexSet;

use super::Mismatch;
use super::allowed::any_satisfied;
use super::expected::{self, Terms};
use super::guards::meet;
use super::normal::{Peer, Rule};
use super::ports::PortSet;
use super::sum::Policy;
use crate::model::{Direction, Labels, Sym};

/// What keeps the pods of one namespace from reaching the names that they may reach.
pub(super) fn unlearned(terms: Terms<'_>, namespace: &Sym, said: &[&Policy]) -> Vec<Mismatch> {
    let is_named = |rule: &&Rule| rule.peers.iter().any(|peer| matches!(peer, Peer::Name(_)));
    let named: Vec<(&Policy, &Rule)> =
        said.iter().filter_map(|policy| Some((*policy, policy.rules.iter().find(is_named)?))).collect();
    let read_along = |rule: &&Rule| rule.dns_proxy;
    if named.is_empty() && !said.iter().any(|policy| policy.rules.iter().any(|rule| rule.dns_proxy)) {
        return vec![];
    }
    let dns = Dns::of(terms);
    let mismatch = |policy: &Policy, rule: &Rule, why| Mismatch::Unlearned {
        namespace: namespace.clone(),
        policy: policy.name.clone(),
        why,
        span: rule.span,
    };
    let mut out = vec![];
    for policy in said {
        for rule in policy.rules.iter().filter(read_along) {
            if !dns.holds(rule) {
                out.push(mismatch(policy, rule, Unlearned::NoDns)); // 3
            }
        }
    }
    let is_read = |policy: &&&Policy| policy.rules.iter().any(|rule| rule.dns_proxy);
    let asking: IndexSet<Labels> = said.iter().filter(is_read).map(|policy| policy.subject.clone()).collect();
    let is_past = |rule: &&Rule| !rule.dns_proxy && dns.meets(rule);
    let past: Vec<(&Policy, &Rule)> =
        said.iter().filter_map(|policy| Some((*policy, policy.rules.iter().find(is_past)?))).collect();
    for (policy, rule) in named {
        if !any_satisfied(&asking, &policy.subject) {
            out.push(mismatch(policy, rule, Unlearned::Never)); // 1
            continue;
        }
        let past = past.iter().find(|(other, _)| other.subject.compatible(&policy.subject));
        out.extend(past.map(|(other, rule)| mismatch(other, rule, Unlearned::Past))); // 2
    }
    out
}

/// Why host names stay unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlearned {
    /// Its pods may reach names and never ask for them where the target reads along.
    Never,
    /// The rule lets pods ask past it.
    Past,
    /// The rule is read along as DNS, and is not for the cluster's DNS alone.
    NoDns,
}

/// The cluster's DNS as peers and ports.
struct Dns {
    peers: Vec<Peer>,
    ports: PortSet,
}

impl Dns {
    fn of(terms: Terms<'_>) -> Self {
        let dns = &terms.model.profile.dns;
        Self {
            peers: dns.peers.iter().flat_map(|peer| expected::dns(terms.can, peer)).collect(),
            ports: PortSet::new(dns.ports.iter().copied().map(expected::as_ports)),
        }
    }

    fn holds(&self, rule: &Rule) -> bool {
        rule.direction == Direction::Egress
            && rule.http.is_empty()
            && rule.peers.iter().all(|peer| self.peers.contains(peer))
            && PortSet::new(rule.ports.iter().copied()).minus(&self.ports).is_empty()
    }

    fn meets(&self, rule: &Rule) -> bool {
        rule.direction == Direction::Egress
            && !PortSet::new(rule.ports.iter().copied()).and(&self.ports).is_empty()
            && rule.peers.iter().any(|peer| self.peers.iter().any(|dns| meet(peer, dns)))
    }
}
