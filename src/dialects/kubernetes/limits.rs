//! What an API server takes: objects are kept small by splitting them.
//!
//! Policies add up, so a policy that is too large becomes several, which together say the same:
//! a rule's peers × ports is cut along either side, and no rule is ever cut to nothing.

use std::collections::BTreeSet;

use super::view::{PeerView, PolicyView, RuleView};
use crate::dialects::writing::size::{self, MAX_OBJECT, chunks};

/// The most that the pods, the ports and the peers of one piece of a rule may take of it; together they fit.
const MAX_SUBJECT: usize = 32 << 10;
const MAX_PORTS: usize = 32 << 10;
const MAX_PEERS: usize = 96 << 10;

/// Why a policy cannot be made small enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLarge {
    /// Its own pods take too many labels.
    Subject,
    /// One peer of this rule of the policy has too many labels or exceptions.
    Peer(usize),
}

/// The same policy in objects of at most [`MAX_OBJECT`] bytes each: the first keeps the name, others are numbered from
/// 2. `names` are those taken in the namespace; new ones are added.
pub fn split<'a>(policy: PolicyView<'a>, names: &mut BTreeSet<String>) -> Result<Vec<PolicyView<'a>>, TooLarge> {
    let base = base_weight(&policy);
    if base + policy.rules.iter().map(rule_weight).sum::<usize>() <= MAX_OBJECT {
        return Ok(vec![policy]);
    }
    if labels_weight(&policy.labels) > MAX_SUBJECT {
        return Err(TooLarge::Subject);
    }
    let mut all = vec![];
    for rule in &policy.rules {
        all.extend(pieces(rule).ok_or(TooLarge::Peer(rule.origin))?);
    }
    let objects = size::pack(all, MAX_OBJECT.saturating_sub(base), usize::MAX, rule_weight);
    let names = size::numbered(&policy.name, ".", objects.len(), names);
    // Each object has rules of its own: only the rest is copied.
    let rest = PolicyView { rules: vec![], ..policy };
    Ok(names
        .into_iter()
        .zip(objects)
        .map(|(name, rules)| PolicyView { name: name.into(), rules, ..rest.clone() })
        .collect())
}

/// A rule as rules of bounded size; `None` when one peer alone is too large.
fn pieces<'a>(rule: &RuleView<'a>) -> Option<Vec<RuleView<'a>>> {
    let peers = chunks(&rule.peers, MAX_PEERS, peer_weight)?;
    let ports = chunks(&rule.ports, MAX_PORTS, |_| PORT)?;
    let mut out = vec![];
    for ports in &ports {
        if rule.anyone {
            out.push(RuleView { anyone: true, peers: vec![], ports: ports.to_vec(), origin: rule.origin });
        }
        out.extend(peers.iter().map(|peers| RuleView {
            anyone: false,
            peers: peers.to_vec(),
            ports: ports.to_vec(),
            origin: rule.origin,
        }));
    }
    Some(out)
}

/// `- protocol: SCTP`, `port: 65535`, `endPort: 65535`, indented.
const PORT: usize = 70;
/// The fixed lines of an object.
const OBJECT: usize = 400;

/// About how many bytes of YAML an object takes. Text that needs escapes takes up to twice as many; [`MAX_OBJECT`] leaves
/// room for that in annotations, which are bounded.
pub fn weight(policy: &PolicyView<'_>) -> usize {
    base_weight(policy) + policy.rules.iter().map(rule_weight).sum::<usize>()
}

fn base_weight(policy: &PolicyView<'_>) -> usize {
    let annotations: usize = policy.annotations.iter().map(|(key, text)| key.len() + text.len() + 10).sum();
    OBJECT + policy.name.len() + policy.namespace.len() + annotations + labels_weight(&policy.labels)
}

fn rule_weight(rule: &RuleView<'_>) -> usize {
    40 + rule.ports.len() * PORT + rule.peers.iter().map(peer_weight).sum::<usize>()
}

fn peer_weight(peer: &PeerView<'_>) -> usize {
    120 + 64 * (usize::from(peer.cidr.is_some()) + peer.except.len())
        + labels_weight(&peer.namespace_labels)
        + labels_weight(&peer.labels)
}

fn labels_weight(labels: &[(&str, &str)]) -> usize {
    labels.iter().map(|(key, value)| key.len() + value.len() + 24).sum()
}
