//! What the intent means, as policies in the normal form: where order or selectors of any kind decide, one set of policies
//! is compared with another ([`compare`](super::compare)).
//!
//! Made from the same permissions as the relations of [`expected`]: one policy that isolates each managed namespace, one for
//! each permission, and the guards.

use std::collections::BTreeSet;

use super::expected::{self, Permission, Terms};
use super::normal::{Action, Condition, End, Key, Namespaces, Peer, Policy, Ports, Rank, Rule, Selector, Test};
use crate::model::{Direction, Guard, HttpRule, Labels, METADATA, NAMESPACE_NAME, Origin, Sym};
use crate::source::Span;

const BOTH: [Direction; 2] = [Direction::Ingress, Direction::Egress];
/// Guards are asked last: nothing may be asked for that one denies, so a guard that cuts a permission is a difference.
const DENIES: Rank = Rank { tier: 2, end: End::Passes, order: 0, leads: false };
const ALLOWS: Rank = Rank { tier: 1, end: End::Denies, order: 0, leads: false };

/// The policies, and what asks for each.
#[derive(Debug, Default)]
pub(super) struct Meant {
    pub(super) policies: Vec<Policy>,
    origins: Vec<Option<Origin>>,
}

impl Meant {
    pub(super) fn of(terms: Terms<'_>) -> Self {
        let mut meant = Self::default();
        let (permissions, _) = expected::permissions(terms);
        for (namespace, permissions) in permissions {
            let whole = Selector::of_namespace(namespace.clone(), Labels::default());
            meant.add(whole, ALLOWS, BOTH.to_vec(), vec![], None);
            for permission in permissions.into_iter().filter(|permission| !permission.peers.is_empty()) {
                let subject = Selector::of_namespace(namespace.clone(), permission.subject.clone());
                let rules = rules(terms, &permission);
                meant.add(subject, ALLOWS, vec![permission.direction], rules, Some(permission.origin));
            }
        }
        if terms.can.guards && !terms.permitted.guards_omitted {
            terms.model.guards().iter().for_each(|guard| meant.guard(guard));
        }
        meant
    }

    /// What asks for a policy.
    pub(super) fn origin(&self, policy: &Policy) -> Option<Origin> {
        let at = self.policies.iter().position(|one| std::ptr::eq(one, policy))?;
        self.origins.get(at).copied().flatten()
    }

    fn guard(&mut self, guard: &Guard) {
        let everywhere = all_but(guard.except());
        match guard {
            Guard::MetadataDeny { .. } => {
                let block = |(_, host): &(_, std::net::IpAddr)| Peer::Block { cidr: (*host).into(), except: vec![] };
                let peers = METADATA.iter().map(block).collect();
                let deny = Rule::new(Direction::Egress, Action::Deny, peers, Span::default());
                self.add(everywhere, DENIES, vec![Direction::Egress], vec![deny], None);
            }
            Guard::DefaultDeny { .. } => self.add(everywhere, ALLOWS, BOTH.to_vec(), vec![], None),
        }
    }

    fn add(
        &mut self,
        subject: Selector,
        rank: Rank,
        isolates: Vec<Direction>,
        rules: Vec<Rule>,
        origin: Option<Origin>,
    ) {
        self.policies.push(Policy {
            name: String::new(),
            kind: "intent",
            namespace: None,
            subject,
            rank,
            isolates,
            rules,
            staged: false,
            span: Span::default(),
        });
        self.origins.push(origin);
    }
}

/// Pods of every namespace but some.
fn all_but(names: &BTreeSet<Sym>) -> Selector {
    let further = match names.is_empty() {
        true => vec![],
        false => {
            let key = Key::Namespace(NAMESPACE_NAME.into());
            vec![Condition { key, test: Test::In(names.clone()), negated: true }]
        }
    };
    Selector { namespaces: Namespaces::Labelled(Labels::default()), labels: Labels::default(), further }
}

fn rules(terms: Terms<'_>, permission: &Permission) -> Vec<Rule> {
    let span = terms.model.origin_span(permission.origin);
    let rule = |ports: Vec<Ports>, http: Vec<HttpRule>| Rule {
        ports,
        http,
        others: permission.traffic.others(),
        ..Rule::new(permission.direction, Action::Allow, permission.peers.clone(), span)
    };
    let any = permission.traffic.any();
    let whole = (!any.is_empty()).then(|| rule(any.ranges().to_vec(), vec![]));
    let requests =
        permission.traffic.http().map(|(request, ports)| rule(ports.ranges().to_vec(), vec![request.clone()]));
    whole.into_iter().chain(requests).collect()
}
