//! What is not known, or is two things at once, never lets a difference pass.

use super::proof::{model, policies};
use super::reach::{RICH, TO_DB, TO_PAYMENTS, named};
use super::{ADDRESSES, labels, ranked, span};
use crate::model::{Cidrs, Direction, Labels, Model, Protocol, Sym};
use crate::verify::normal::{
    Action, Capabilities, Condition, Demand, Entity, Key, Namespaces, Peer, Policy, Rule, Selector, Test,
};
use crate::verify::{Mismatch, Permitted, Unclear, prove};

fn block(cidr: &str) -> Peer {
    Peer::Block { cidr: cidr.parse().unwrap(), except: vec![] }
}

/// The policies with a selector among them that is no equality, so that they are compared class by class.
fn by_class(said: Vec<crate::verify::sum::Policy>) -> Vec<Policy> {
    let mut all: Vec<Policy> = said.into_iter().flat_map(ranked).collect();
    let mut odd = all[0].clone();
    odd.name = "odd".to_owned();
    odd.subject.further = vec![Condition { key: Key::Pod("x".into()), test: Test::Exists, negated: false }];
    all.push(odd);
    all
}

fn found(model: &Model, can: Capabilities, said: &[Policy]) -> Vec<Mismatch> {
    prove(model, can, &Permitted::default(), said).err().unwrap_or_default()
}

fn to_db(said: &mut [Policy]) -> &mut Rule {
    &mut said.iter_mut().find(|policy| policy.name == "web-to-db").unwrap().rules[0]
}

#[test]
fn a_governed_pod_has_an_address_where_nobody_says_which() {
    let mut said = by_class(policies());
    assert_eq!(found(&model(), ADDRESSES, &said), []);
    let mut open = Rule::new(Direction::Egress, Action::Allow, vec![Peer::Anyone], span());
    open.own = vec![Demand { peers: vec![block("0.0.0.0/0")], negated: false }];
    said[0].rules.push(open);
    let found = found(&model(), ADDRESSES, &said);
    assert!(matches!(found[..], [Mismatch::Unclear { why: Unclear::Addresses, .. }, ..]), "{found:?}");
}

#[test]
fn pods_may_be_in_a_block_that_is_left_out() {
    let mut said = by_class(policies());
    to_db(&mut said).demands = vec![Demand { peers: vec![block("10.0.0.0/8")], negated: true }];
    let found = found(&model(), ADDRESSES, &said);
    assert!(matches!(found[..], [Mismatch::Unclear { why: Unclear::Addresses, .. }, ..]), "{found:?}");
}

#[test]
fn what_is_meant_perhaps_excuses_nothing_that_is_said() {
    let mut model = model();
    model.profile.pod_cidrs = vec!["10.244.0.0/16".parse().unwrap()];
    model.externals[0].addresses = Cidrs::new(["10.0.0.0/8".parse().unwrap()]);
    let mut said = policies();
    said[TO_PAYMENTS].rules[0].peers = vec![block("10.0.0.0/8"), Selector::every().peer()];
    let found = found(&model, ADDRESSES, &by_class(said));
    assert!(found.iter().any(|one| matches!(one, Mismatch::Flow(_))), "{found:?}");
}

#[test]
fn a_denied_block_may_hold_the_address_of_a_name() {
    let (model, said) = named();
    let mut said = by_class(said);
    assert_eq!(found(&model, RICH, &said), []);
    let mut deny = said[0].clone();
    (deny.name, deny.rank.tier, deny.rank.end) = ("deny".to_owned(), 0, crate::verify::normal::End::Passes);
    deny.rules = vec![Rule::new(Direction::Egress, Action::Deny, vec![block("198.51.100.0/24")], span())];
    said.push(deny);
    let found = found(&model, RICH, &said);
    assert!(matches!(found[..], [Mismatch::Cut { .. }]), "{found:?}");
}

#[test]
fn a_node_that_may_enter_by_itself_needs_no_rule_and_excuses_none() {
    let mut said = by_class(policies());
    let host = |action| Rule::new(Direction::Ingress, action, vec![Peer::Entity(Entity::Host)], span());
    said[0].rules = vec![host(Action::Deny)];
    assert_eq!(found(&model(), RICH, &said), []);
    said[0].rules = vec![host(Action::Allow)];
    let found = found(&model(), RICH, &said);
    assert!(matches!(found[..], [Mismatch::Flow(_)]), "{found:?}");
}

/// A tier within a tier gives the same name to another port; no rule tells its pods apart.
#[test]
fn names_of_ports_are_those_of_every_tier_that_a_pod_may_be_in() {
    let mut model = model();
    let sql = |port| {
        [(Sym::from("sql"), crate::model::PortRange { protocol: Protocol::Tcp, first: port, last: port })].into()
    };
    model.tiers[1].port_names = sql(5432);
    let mut said = policies();
    let mut rule = said[TO_DB].rules[0].clone();
    (rule.ports, rule.named) = (vec![], vec![(Protocol::Tcp, "sql".into())]);
    said[TO_DB].rules = vec![rule];
    let said: Vec<Policy> = said.into_iter().flat_map(ranked).collect();
    assert_eq!(found(&model, ADDRESSES, &said), []);
    let mut replica = model.tiers[1].clone();
    replica.pods.labels = labels(&[("app", "postgres"), ("role", "replica")]);
    replica.port_names = sql(5433);
    model.tiers.push(replica);
    let found = found(&model, ADDRESSES, &said);
    assert!(matches!(found[..], [Mismatch::Flow(_)]), "{found:?}");
}

/// One policy for several namespaces is compared in each, not once more for all others.
#[test]
fn a_policy_for_several_named_namespaces_is_for_no_others() {
    let mut said: Vec<Policy> = policies().into_iter().flat_map(ranked).collect();
    let names = ["frontend", "db"].map(Sym::from).into();
    said[0].subject = Selector {
        namespaces: Namespaces::Labelled(Labels::default()),
        labels: Labels::default(),
        further: vec![Condition {
            key: Key::Namespace(crate::model::NAMESPACE_NAME.into()),
            test: Test::In(names),
            negated: false,
        }],
    };
    said[0].namespace = None;
    said.remove(1);
    // Something about no pod, but about every namespace: so order counts everywhere.
    let mut odd = said[0].clone();
    (odd.name, odd.isolates) = ("odd".to_owned(), vec![]);
    odd.subject.further.push(Condition { key: Key::Pod("x".into()), test: Test::Exists, negated: false });
    said.push(odd);
    assert_eq!(found(&model(), ADDRESSES, &said), []);
}

/// The name that stands for every other namespace is not that of one that is managed.
#[test]
fn a_namespace_may_be_called_other() {
    let mut model = model();
    model.namespaces.insert("other".into(), vec![]);
    let mut said: Vec<Policy> = policies().into_iter().flat_map(ranked).collect();
    let mut closed = said[0].clone();
    closed.subject.namespaces = Namespaces::Named("other".into());
    closed.namespace = Some("other".into());
    said.push(closed);
    assert_eq!(found(&model, ADDRESSES, &said), []);
    let mut wide = said[0].clone();
    wide.name = "wide".to_owned();
    wide.namespace = None;
    wide.subject = Selector {
        further: vec![
            Condition {
                key: Key::Namespace(crate::model::NAMESPACE_NAME.into()),
                test: Test::In(["frontend".into(), "db".into()].into()),
                negated: true,
            },
            Condition { key: Key::Pod("x".into()), test: Test::Exists, negated: false },
        ],
        ..Selector::every()
    };
    said.push(wide);
    let found = found(&model, ADDRESSES, &said);
    assert!(matches!(found[..], [Mismatch::Guard { .. }, ..]), "{found:?}");
}
