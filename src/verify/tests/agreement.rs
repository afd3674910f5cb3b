//! The proof as a whole against every pod of a small world: what is proved is what the intents mean, by whichever way it is
//! proved; and of policies that add up both ways say the same.

use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::guards::guarded;
use super::proof::{model, policies};
use super::reach::RICH;
use super::{ADDRESSES, labels, ranked, span};
use crate::model::{Direction, Labels, Model, NAMESPACE_NAME, Protocol, Sym};
use crate::verify::expected::Terms;
use crate::verify::law::{self, Far, NamedPorts, Pod, Side};
use crate::verify::meant::Meant;
use crate::verify::normal::{
    Action, Capabilities, Condition, Demand, End, Engine, Entity, Key, Namespaces, Peer, Policy, Ports, Rule, Selector,
    Test,
};
use crate::verify::{Mismatch, Permitted, ordered, prove, sum};

/// One way to write policies otherwise.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Drop(Index),
    Double(Index),
    Add(Box<Policy>),
    Subject(Index, Selector),
    Rank(Index, u32, u32, End),
    AddRule(Index, Box<Rule>),
    Peers(Index, Vec<Peer>),
    Demand(Index, Demand),
    Own(Index, Demand),
    Action(Index, Action),
    Ports(Index, Ports),
}

fn pod_labels() -> impl Strategy<Value = Labels> {
    select(vec![
        Labels::default(),
        labels(&[("app", "web")]),
        labels(&[("app", "postgres")]),
        labels(&[("app", "web"), ("v", "2")]),
        labels(&[("v", "2")]),
    ])
}

fn namespaces() -> impl Strategy<Value = Namespaces> {
    select(vec![
        Namespaces::Named("frontend".into()),
        Namespaces::Named("frontend".into()),
        Namespaces::Named("db".into()),
        Namespaces::Named("legacy".into()),
        Namespaces::Labelled(Labels::default()),
        Namespaces::Labelled(labels(&[("team", "x")])),
    ])
}

fn condition() -> impl Strategy<Value = Condition> {
    let name = || Key::Namespace(NAMESPACE_NAME.into());
    let asked = select(vec![
        (Key::Pod("app".into()), Test::In(["web".into(), "api".into()].into())),
        (Key::Pod("v".into()), Test::Exists),
        (Key::Pod("app".into()), Test::StartsWith("we".into())),
        (name(), Test::In(["frontend".into(), "db".into()].into())),
        (name(), Test::In(["kube-system".into()].into())),
    ]);
    (asked, any::<bool>()).prop_map(|((key, test), negated)| Condition { key, test, negated })
}

fn selector() -> impl Strategy<Value = Selector> {
    (namespaces(), pod_labels(), proptest::option::weighted(0.4, condition())).prop_map(
        |(namespaces, labels, further)| Selector { namespaces, labels, further: further.into_iter().collect() },
    )
}

fn peer() -> impl Strategy<Value = Peer> {
    let block = |cidr: &str| Peer::Block { cidr: cidr.parse().unwrap(), except: vec![] };
    prop_oneof![
        1 => Just(Peer::Anyone),
        4 => selector().prop_map(Selector::peer),
        2 => select(vec![block("203.0.113.0/24"), block("203.0.113.8/32"), block("0.0.0.0/0"), block("::/0")]),
    ]
}

fn demand() -> impl Strategy<Value = Demand> {
    (proptest::collection::vec(peer(), 1..2), any::<bool>()).prop_map(|(peers, negated)| Demand { peers, negated })
}

fn ports() -> impl Strategy<Value = Ports> {
    let one = |first, last| Ports { protocol: Protocol::Tcp, first, last };
    select(vec![one(5432, 5432), one(443, 443), one(1, u16::MAX), one(53, 5432)])
}

fn rule() -> impl Strategy<Value = Rule> {
    let action = select(vec![Action::Allow, Action::Deny, Action::Pass]);
    let direction = select(vec![Direction::Ingress, Direction::Egress]);
    let all = proptest::option::of(ports());
    (direction, action, proptest::collection::vec(peer(), 1..2), all).prop_map(|(direction, action, peers, ports)| {
        let rule = Rule::new(direction, action, peers, span());
        match ports {
            Some(ports) => Rule { ports: vec![ports], others: false, ..rule },
            None => rule,
        }
    })
}

fn end() -> impl Strategy<Value = End> {
    select(vec![End::Denies, End::Denies, End::Passes, End::Unknown])
}

fn policy() -> impl Strategy<Value = Policy> {
    let isolates = select(vec![vec![Direction::Ingress], vec![Direction::Egress]]);
    (selector(), 0..3_u32, isolates, proptest::collection::vec(rule(), 0..3)).prop_map(
        |(subject, tier, isolates, rules)| {
            let [one] = ranked(policies().remove(0)).try_into().unwrap();
            let end = if tier == 0 { End::Passes } else { End::Denies };
            let rank = crate::verify::normal::Rank { tier, end, ..one.rank };
            Policy { name: "added".to_owned(), namespace: None, subject, rank, isolates, rules, ..one }
        },
    )
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Change::Drop),
        at().prop_map(Change::Double),
        policy().prop_map(|policy| Change::Add(Box::new(policy))),
        (at(), selector()).prop_map(|(at, selector)| Change::Subject(at, selector)),
        (at(), 0..3_u32, 0..3_u32, end()).prop_map(|(at, tier, order, end)| Change::Rank(at, tier, order, end)),
        (at(), rule()).prop_map(|(at, rule)| Change::AddRule(at, Box::new(rule))),
        (at(), proptest::collection::vec(peer(), 1..3)).prop_map(|(at, peers)| Change::Peers(at, peers)),
        (at(), demand()).prop_map(|(at, demand)| Change::Demand(at, demand)),
        (at(), demand()).prop_map(|(at, demand)| Change::Own(at, demand)),
        (at(), select(vec![Action::Deny, Action::Pass])).prop_map(|(at, action)| Change::Action(at, action)),
        (at(), ports()).prop_map(|(at, ports)| Change::Ports(at, ports)),
    ]
}

pub(super) fn apply(policies: &mut Vec<Policy>, change: Change) {
    let count = policies.len();
    let mut first_rule = |at: Index, change: &dyn Fn(&mut Rule)| {
        let with_rules: Vec<&mut Policy> = policies.iter_mut().filter(|policy| !policy.rules.is_empty()).collect();
        let count = with_rules.len();
        if let Some(policy) = with_rules.into_iter().nth(at.index(count.max(1))) {
            change(&mut policy.rules[0]);
        }
    };
    match change {
        Change::Peers(at, peers) => first_rule(at, &|rule| rule.peers = peers.clone()),
        Change::Demand(at, demand) => first_rule(at, &|rule| rule.demands.push(demand.clone())),
        Change::Own(at, demand) => first_rule(at, &|rule| rule.own.push(demand.clone())),
        Change::Action(at, action) => first_rule(at, &|rule| rule.action = action),
        Change::Ports(at, ports) => first_rule(at, &|rule| rule.ports = vec![ports]),
        Change::Add(policy) => policies.push(*policy),
        _ if count == 0 => {}
        Change::Drop(at) => drop(policies.remove(at.index(count))),
        Change::Double(at) => policies.push(policies[at.index(count)].clone()),
        Change::Subject(at, subject) => policies[at.index(count)].subject = subject,
        Change::AddRule(at, rule) => policies[at.index(count)].rules.push(*rule),
        Change::Rank(at, tier, order, end) => {
            let rank = &mut policies[at.index(count)].rank;
            (rank.tier, rank.order, rank.end) = (tier, order, end);
        }
    }
    // A tier has one end.
    let ends: Vec<(u32, End)> = policies.iter().map(|policy| (policy.rank.tier, policy.rank.end)).collect();
    for policy in policies {
        policy.rank.end = ends.iter().rev().find(|(tier, _)| *tier == policy.rank.tier).unwrap().1;
    }
}

/// Every pod of the small world, in namespaces that intents manage, that policies name, and in one that nothing names.
fn pods() -> Vec<Pod> {
    let mut pods = vec![];
    for name in ["frontend", "db", "kube-system", "legacy", "any"] {
        for team in [None, Some("x")] {
            for app in [None, Some("web"), Some("wet"), Some("postgres"), Some("api"), Some("z")] {
                for v in [None, Some("2")] {
                    let set = |pairs: &[(&str, Option<&str>)]| {
                        Labels::new(pairs.iter().filter_map(|(k, v)| Some(((*k).into(), Sym::from((*v)?)))))
                    };
                    let kube_dns = (name == "kube-system").then_some("kube-dns");
                    pods.push(Pod {
                        labels: set(&[("app", app), ("v", v), ("k8s-app", kube_dns)]),
                        namespace: set(&[("team", team), (NAMESPACE_NAME, Some(name))]),
                        ..Pod::default()
                    });
                }
            }
        }
    }
    pods
}

/// A pod and another end at which what is said is not for sure what is meant.
fn differs(model: &Model, can: Capabilities, said: &[Policy]) -> Option<String> {
    let permitted = Permitted::default();
    let meant = Meant::of(Terms { model, can, permitted: &permitted });
    let (said, meant) = (law::in_order(said), law::in_order(&meant.policies));
    let addresses: Vec<IpAddr> = ["203.0.113.1", "203.0.113.8", "192.0.2.1", "169.254.169.254", "2001:db8::1"]
        .iter()
        .map(|one| one.parse().unwrap())
        .collect();
    let others = pods();
    let entities: &[&[Entity]] = if can.entities { &[&[Entity::RemoteNode], &[Entity::ApiServer]] } else { &[] };
    let ends: Vec<Far<'_>> = std::iter::once(Far::Elsewhere)
        .chain(addresses.into_iter().map(Far::Address))
        .chain(entities.iter().map(|one| Far::Entity(one)))
        .chain(others.iter().map(Far::Pod))
        .collect();
    for subject in &pods() {
        for direction in [Direction::Ingress, Direction::Egress] {
            for end in &ends {
                let side = Side {
                    engine: Engine { own_node_enters: false, ..Engine::of(can) },
                    direction,
                    subject,
                    other: *end,
                    all_ports: &NamedPorts::default(),
                    pod_ranges: Some(&[]),
                    names_are_symbols: true,
                };
                let (said, meant) = (law::decide(&said, &side), law::decide(&meant, &side));
                if said.sure != meant.sure || said.perhaps != meant.sure {
                    return Some(format!("{direction:?} of {subject:?} and {end:?}: {} is {}", said.sure, meant.sure));
                }
            }
        }
    }
    None
}

/// What the sums ask for beside what passes: that a permission and a denial never meet, and that what governs many namespaces
/// is a guard and nothing else.
fn is_stricter(mismatch: &Mismatch) -> bool {
    matches!(mismatch, Mismatch::Cut { .. } | Mismatch::Guard { .. } | Mismatch::Open { .. })
}

fn is_apart(mismatch: &Mismatch) -> bool {
    matches!(mismatch, Mismatch::Unmanaged { .. } | Mismatch::Duplicate { .. } | Mismatch::More(_))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn what_is_proved_is_meant_for_every_pod(
        changes in proptest::collection::vec(change(), 0..3),
        is_guarded in any::<bool>(),
    ) {
        let ((model, base), can) = match is_guarded {
            true => (guarded(), RICH),
            false => ((model(), policies()), ADDRESSES),
        };
        let mut said: Vec<Policy> = base.into_iter().flat_map(ranked).collect();
        changes.into_iter().for_each(|change| apply(&mut said, change));
        let permitted = Permitted::default();
        let terms = Terms { model: &model, can, permitted: &permitted };
        let namespaces = model.namespaces.keys().cloned().collect();
        let classes = ordered::mismatches(terms, Engine::of(can), &said, &namespaces, true);
        let difference = differs(&model, can, &said);
        match prove(&model, can, &permitted, &said) {
            Ok(_) => {
                prop_assert_eq!(difference, None);
                prop_assert_eq!(classes, []);
            }
            // The class of a pod that the small world lacks may tell more.
            Err(_) if difference.is_some() => prop_assert!(!classes.is_empty(), "{difference:?}"),
            Err(found) if found.iter().any(|one| is_apart(one) || is_stricter(one)) => {}
            Err(found) => {
                let sums = sum::of(&said);
                prop_assert!(!classes.is_empty(), "only sums differ ({} left out): {found:?}", sums.omitted);
            }
        }
    }
}
