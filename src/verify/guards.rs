//! Cluster-wide guards: that they deny and isolate what the intent's guards do, nothing else, and nothing that an intent
//! allows.
//!
//! 1. A guard governs every pod of every namespace but some. Namespaces fall into classes by the lists that name them: one
//!    class for each name of a list, and one for all other namespaces. Within a class all guards agree.
//! 2. In each class and direction what is denied is compared as what is allowed is elsewhere, by the law in
//!    [`relation`](super::relation): denials add up as permissions do. So is whom a guard isolates.
//! 3. A denial beats every permission, so none may meet a permission of the same pod: by labels that one pod can carry,
//!    by other ends that can be one, by ports that both name. Then what is denied was not allowed to begin with, and
//!    what the policies allow is what their rules allow.
//! 4. Other ends can be one although a permission tells them apart: a block may hold the address of a host name, or of an API
//!    server outside of the cluster, which itself may run on a node; where pods have no identity beside their address, a block
//!    may hold a pod. Metadata addresses are those of none of these, and a host name that turns out to have one is what
//!    the guard means to deny.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::Mismatch;
use super::allowed;
use super::expected::Terms;
use super::normal::{Capabilities, Entity, Namespaces, Peer, Ports, Rule};
use super::relation::{Finding, Relation};
use super::sum::{Policy, Scope};
use super::traffic::Traffic;
use crate::model::{Direction, Guard, Labels, METADATA, NAMESPACE_NAME, Sym};

/// What the guards do, compared with what they should.
pub(super) fn compare(terms: Terms<'_>, said: &[&Policy]) -> Vec<Mismatch> {
    let meant = if terms.can.guards && !terms.permitted.guards_omitted { terms.model.guards() } else { vec![] };
    let mut out: Vec<Mismatch> = vec![];
    for policy in said.iter().filter(|policy| !policy.rules.is_empty()) {
        out.push(Mismatch::Guard { policy: Some(policy.name.clone()), what: Guarded::Allows, span: Some(policy.span) });
    }
    let lists = meant.iter().map(Guard::except).chain(said.iter().filter_map(|policy| match &policy.scope {
        Scope::AllBut(names) => Some(names),
        Scope::Namespace(_) => None,
    }));
    let named: BTreeSet<&Sym> = lists.flatten().collect();
    // 1. All other namespaces come first: a difference there is the most general one.
    for class in [None].into_iter().chain(named.into_iter().map(Some)) {
        let said: Vec<&Policy> = said.iter().copied().filter(|policy| governs(policy, class)).collect();
        let meant: Vec<&Guard> =
            meant.iter().filter(|guard| class.is_none_or(|name| !guard.except().contains(name))).collect();
        for direction in [Direction::Ingress, Direction::Egress] {
            out.extend(of_class(class, direction, &meant, &said));
        }
    }
    out.dedup_by(|next, kept| match (next, kept) {
        (Mismatch::Guard { what: a, policy: p, .. }, Mismatch::Guard { what: b, policy: q, .. }) => {
            p == q && a.is_like(b)
        }
        _ => false,
    });
    out
}

/// 2.
fn of_class(class: Option<&Sym>, direction: Direction, meant: &[&Guard], said: &[&Policy]) -> Vec<Mismatch> {
    let (mut wanted, mut found) = (Relation::default(), Relation::default());
    let mut isolate = false;
    for guard in meant {
        match guard {
            Guard::MetadataDeny { .. } if direction == Direction::Egress => {
                wanted.allow(&Labels::default(), &metadata(), &Traffic::every());
            }
            Guard::MetadataDeny { .. } => {}
            Guard::DefaultDeny { .. } => isolate = true,
        }
    }
    for policy in said {
        for rule in policy.denies.iter().filter(|rule| rule.direction == direction) {
            found.allow(&policy.subject, &rule.peers, &Traffic::of(rule));
        }
    }
    let namespace = class.cloned();
    let place = said.first().map(|policy| policy.span);
    let denying = |labels: &Labels, other: &allowed::Other, traffic: &Traffic| {
        said.iter().find(|policy| {
            let mut denies = policy.denies.iter().filter(|rule| rule.direction == direction);
            policy.subject.is_subset_of(labels)
                && denies.any(|rule| {
                    rule.peers.iter().any(|peer| allowed::matches(peer, other))
                        && !Traffic::of(rule).and(traffic).is_empty()
                })
        })
    };
    let mut out = vec![];
    for finding in found.differences(&wanted) {
        let what = match finding {
            Finding::Extra(labels, (other, traffic)) => {
                Guarded::Denies { namespace: namespace.clone(), labels, other, traffic, direction }
            }
            Finding::Missing(_, (other, traffic)) => {
                Guarded::LetsThrough { namespace: namespace.clone(), other, traffic, direction }
            }
            Finding::Open | Finding::Ambiguous(..) => continue,
        };
        let policy = match &what {
            Guarded::Denies { labels, other, traffic, .. } => denying(labels, other, traffic),
            _ => None,
        };
        out.push(Mismatch::Guard {
            policy: policy.map(|policy| policy.name.clone()),
            what,
            span: policy.map(|policy| policy.span).or(place),
        });
    }
    let isolating: Vec<&&Policy> = said.iter().filter(|policy| policy.isolates.contains(&direction)).collect();
    if isolate && !isolating.iter().any(|policy| policy.subject.is_empty()) {
        let what = Guarded::Open { namespace: namespace.clone(), direction };
        out.push(Mismatch::Guard { policy: None, what, span: place });
    }
    if let (false, Some(policy)) = (isolate, isolating.first()) {
        let what = Guarded::Isolates { namespace, direction };
        out.push(Mismatch::Guard { policy: Some(policy.name.clone()), what, span: Some(policy.span) });
    }
    out
}

/// Whether a policy for many namespaces governs one of a class.
fn governs(policy: &Policy, class: Option<&Sym>) -> bool {
    match &policy.scope {
        Scope::AllBut(names) => class.is_none_or(|name| !names.contains(name)),
        Scope::Namespace(_) => false,
    }
}

fn metadata() -> Vec<Peer> {
    METADATA.iter().map(|(_, address)| Peer::Block { cidr: (*address).into(), except: vec![] }).collect()
}

/// 3. Denials that meet a permission of the namespace.
pub(super) fn cut(can: Capabilities, namespace: &Sym, said: &[&Policy], clusterwide: &[&Policy]) -> Vec<Mismatch> {
    let governing = clusterwide.iter().filter(|policy| governs(policy, Some(namespace))).chain(said);
    let denying: Vec<&&Policy> = governing.filter(|policy| !policy.denies.is_empty()).collect();
    if denying.is_empty() {
        return vec![];
    }
    let mut out = vec![];
    for policy in said {
        let met = denying.iter().filter(|denying| denying.subject.compatible(&policy.subject)).find_map(|denying| {
            let pairs = denying.denies.iter().flat_map(|deny| policy.rules.iter().map(move |allow| (deny, allow)));
            let (deny, allow) = pairs.into_iter().find(|(deny, allow)| rules_meet(can, deny, allow))?;
            Some((denying, deny, allow))
        });
        out.extend(met.map(|(denying, deny, allow)| Mismatch::Cut {
            namespace: namespace.clone(),
            policy: policy.name.clone(),
            by: denying.name.clone(),
            span: allow.span,
            deny: deny.span,
        }));
    }
    out
}

/// Whether a denial that governs a namespace can meet one of its permissions.
pub(super) fn meets<'p>(
    can: Capabilities,
    namespace: &Sym,
    clusterwide: &[Policy],
    mut allows: impl Iterator<Item = &'p Rule>,
) -> bool {
    let governing = clusterwide.iter().filter(|policy| governs(policy, Some(namespace)));
    let denies: Vec<&Rule> = governing.flat_map(|policy| &policy.denies).collect();
    !denies.is_empty() && allows.any(|allow| denies.iter().any(|deny| rules_meet(can, deny, allow)))
}

fn rules_meet(can: Capabilities, deny: &Rule, allow: &Rule) -> bool {
    deny.direction == allow.direction
        && share_ports(deny, allow)
        && deny.peers.iter().any(|denied| allow.peers.iter().any(|allowed| takes_from(can, denied, allowed)))
}

/// Whether a denial can take away from a permission only because one other end can be what both tell apart. Where ends
/// are what their rules call them, the law tells; and of pods' addresses it knows what is known.
pub(super) fn meets_unseen(can: Capabilities, deny: &Rule, allow: &Rule) -> bool {
    let unseen = |denied: &Peer, allowed: &Peer| {
        let is_pod = |peer: &Peer| matches!(peer, Peer::Pods { .. } | Peer::Selected(_));
        !is_pod(denied) && !is_pod(allowed) && !meet(denied, allowed) && takes_from(can, denied, allowed)
    };
    share_ports(deny, allow)
        && deny.peers.iter().any(|denied| allow.peers.iter().any(|allowed| unseen(denied, allowed)))
}

fn share_ports(one: &Rule, other: &Rule) -> bool {
    let share = |a: &Ports, b: &Ports| {
        // There is no port 0.
        a.protocol == b.protocol && a.first.max(b.first).max(1) <= a.last.min(b.last)
    };
    one.others && other.others || one.ports.iter().any(|a| other.ports.iter().any(|b| share(a, b)))
}

/// 4. Whether a denial of one end can take away what a permission of the other gives.
fn takes_from(can: Capabilities, denied: &Peer, allowed: &Peer) -> bool {
    let is_metadata = |net: &IpNet| METADATA.iter().any(|(_, host)| IpNet::from(*host) == *net);
    match (denied, allowed) {
        (Peer::Block { cidr, .. }, _) if is_metadata(cidr) => meet(denied, allowed),
        (Peer::Block { .. } | Peer::Entity(Entity::ApiServer), Peer::Name(_))
        | (Peer::Block { .. }, Peer::Entity(Entity::ApiServer))
        | (Peer::Entity(Entity::ApiServer), Peer::Block { .. }) => true,
        (Peer::Block { .. }, Peer::Pods { .. }) | (Peer::Pods { .. }, Peer::Block { .. }) => !can.entities,
        (Peer::Entity(Entity::ApiServer), Peer::Entity(node))
        | (Peer::Entity(node), Peer::Entity(Entity::ApiServer)) => {
            *node == Entity::ApiServer || Entity::NODES.contains(node)
        }
        _ => meet(denied, allowed),
    }
}

/// Whether something can be at both other ends, by what tells them apart.
pub(super) fn meet(a: &Peer, b: &Peer) -> bool {
    match (a, b) {
        (Peer::Anyone, _) | (_, Peer::Anyone) => true,
        (Peer::Pods { namespaces: n, labels: l }, Peer::Pods { namespaces: m, labels: k }) => {
            l.compatible(k) && of_name(n).compatible(&of_name(m))
        }
        (Peer::Block { .. }, Peer::Block { .. }) => allowed::blocks_meet(a, b),
        (Peer::Entity(x), Peer::Entity(y)) => x == y,
        (Peer::Name(x), Peer::Name(y)) => x == y,
        _ => false,
    }
}

/// Labels of a namespace, its name among them.
fn of_name(namespaces: &Namespaces) -> Labels {
    match namespaces {
        Namespaces::Named(name) => Labels::new([(NAMESPACE_NAME.into(), name.clone())]),
        Namespaces::Labelled(labels) => labels.clone(),
    }
}

/// What a guard does that it should not, or does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guarded {
    /// It allows something.
    Allows,
    /// It denies more than it should.
    Denies {
        /// In this namespace; `None`: in those that no list names.
        namespace: Option<Sym>,
        /// To pods with these labels.
        labels: Labels,
        /// The other end.
        other: allowed::Other,
        /// What it denies.
        traffic: Traffic,
        /// In which direction.
        direction: Direction,
    },
    /// No guard denies what should be denied.
    LetsThrough {
        /// In this namespace; `None`: in those that no list names.
        namespace: Option<Sym>,
        /// The other end.
        other: allowed::Other,
        /// What should be denied.
        traffic: Traffic,
        /// In which direction.
        direction: Direction,
    },
    /// It isolates pods that nothing should isolate.
    Isolates {
        /// In this namespace; `None`: in those that no list names.
        namespace: Option<Sym>,
        /// In which direction.
        direction: Direction,
    },
    /// No guard isolates pods that should be.
    Open {
        /// In this namespace; `None`: in those that no list names.
        namespace: Option<Sym>,
        /// In which direction.
        direction: Direction,
    },
}

impl Guarded {
    /// Whether two say the same of different namespaces, or of both directions of one.
    fn is_like(&self, other: &Self) -> bool {
        let of = |guarded: &Self| match guarded {
            Self::Denies { labels, other, traffic, .. } => Some((Some(labels.clone()), other.clone(), traffic.clone())),
            Self::LetsThrough { other, traffic, .. } => Some((None, other.clone(), traffic.clone())),
            Self::Allows | Self::Isolates { .. } | Self::Open { .. } => None,
        };
        std::mem::discriminant(self) == std::mem::discriminant(other) && of(self) == of(other)
    }
}
