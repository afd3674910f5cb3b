//! `compare` against every pod of a small world: where two sets of policies differ at all, a difference is found.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{labels, span};
use crate::model::{Direction, Labels, NAMESPACE_NAME, Protocol, Sym};
use crate::verify::compare::{self, Both, World};
use crate::verify::law::{self, Far, NamedPorts, Pod, Side};
use crate::verify::normal::{
    Action, Condition, Demand, End, Engine, Entity, Key, Namespaces, Peer, Policy, Ports, Rank, Rule, Selector, Test,
};

const ENGINE: Engine =
    Engine { name: "test", blocks_match_pods: true, names_are_global: false, own_node_enters: false };

fn condition() -> impl Strategy<Value = Condition> {
    let key = select(vec![
        Key::Pod("one".into()),
        Key::Pod("two".into()),
        Key::Namespace("team".into()),
        Key::Namespace(NAMESPACE_NAME.into()),
    ]);
    let test = select(vec![
        Test::Exists,
        Test::In(["a".into(), "b".into()].into()),
        Test::In(["n1".into()].into()),
        Test::In(["c".into(), "x".into()].into()),
        Test::StartsWith("a".into()),
        Test::EndsWith("b".into()),
        Test::Contains("n".into()),
    ]);
    (key, test, any::<bool>()).prop_map(|(key, test, negated)| Condition { key, test, negated })
}

fn selector() -> impl Strategy<Value = Selector> {
    let namespaces = select(vec![
        Namespaces::Labelled(Labels::default()),
        Namespaces::Named("n1".into()),
        Namespaces::Named("n2".into()),
        Namespaces::Labelled(labels(&[("team", "x")])),
    ]);
    let own = select(vec![Labels::default(), labels(&[("one", "a")]), labels(&[("two", "b")])]);
    let further = proptest::collection::btree_set(condition(), 0..3);
    (namespaces, own, further).prop_map(|(namespaces, labels, further)| Selector {
        namespaces,
        labels,
        further: further.into_iter().collect(),
    })
}

fn peer() -> impl Strategy<Value = Peer> {
    let block = |cidr: &str| Peer::Block { cidr: cidr.parse().unwrap(), except: vec![] };
    prop_oneof![
        1 => Just(Peer::Anyone),
        5 => selector().prop_map(Selector::peer),
        2 => select(vec![block("192.0.2.0/30"), block("192.0.2.2/32"), block("::/0")]),
        1 => select(vec![Peer::Entity(Entity::Host), Peer::Name("a.example".into())]),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let action = select(vec![Action::Allow, Action::Allow, Action::Deny, Action::Pass]);
    let demand = || {
        (proptest::collection::vec(peer(), 1..3), any::<bool>()).prop_map(|(peers, negated)| Demand { peers, negated })
    };
    let ports = select(vec![(1, u16::MAX), (80, 80), (80, 90), (443, 443)]);
    let direction = select(vec![Direction::Ingress, Direction::Egress]);
    let demands = proptest::collection::vec(demand(), 0..2);
    let own = proptest::option::of(selector());
    (direction, action, proptest::collection::vec(peer(), 1..3), ports, demands, own).prop_map(
        |(direction, action, peers, (first, last), demands, own)| Rule {
            ports: vec![Ports { protocol: Protocol::Tcp, first, last }],
            others: false,
            demands,
            own: own.into_iter().map(|one| Demand { peers: vec![one.peer()], negated: false }).collect(),
            ..Rule::new(direction, action, peers, span())
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    let rank = (0..3_u32, 0..3_u32);
    let isolates =
        select(vec![vec![Direction::Ingress], vec![Direction::Egress], vec![Direction::Ingress, Direction::Egress]]);
    (selector(), rank, isolates, proptest::collection::vec(rule(), 0..3)).prop_map(
        |(subject, (tier, order), isolates, rules)| Policy {
            name: "p".to_owned(),
            kind: "policy",
            namespace: None,
            subject,
            rank: Rank { tier, end: if tier == 1 { End::Passes } else { End::Denies }, order, leads: false },
            isolates,
            rules,
            staged: false,
            span: span(),
        },
    )
}

/// Every pod of the small world.
fn pods(names: &[&str]) -> Vec<Pod> {
    let values = |of: &[&'static str]| -> Vec<Option<&'static str>> {
        std::iter::once(None).chain(of.iter().copied().map(Some)).collect()
    };
    let mut pods = vec![];
    for one in values(&["a", "b", "ab", "c"]) {
        for two in values(&["b", "n"]) {
            for team in values(&["x", "a"]) {
                for name in names {
                    let set = |pairs: &[(&str, Option<&str>)]| {
                        Labels::new(pairs.iter().filter_map(|(k, v)| Some(((*k).into(), Sym::from((*v)?)))))
                    };
                    pods.push(Pod {
                        labels: set(&[("one", one), ("two", two)]),
                        namespace: set(&[("team", team), (NAMESPACE_NAME, Some(name))]),
                        ..Pod::default()
                    });
                }
            }
        }
    }
    pods
}

fn differ(one: &[&Policy], two: &[&Policy], direction: Direction, subject: &Pod, other: Far<'_>) -> bool {
    let side = Side {
        engine: ENGINE,
        direction,
        subject,
        other,
        all_ports: &NamedPorts::default(),
        pod_ranges: Some(&[]),
        names_are_symbols: true,
    };
    law::decide(one, &side).sure != law::decide(two, &side).sure
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn a_difference_of_any_pod_is_found(
        one in proptest::collection::vec(policy(), 1..4),
        change in (any::<Index>(), policy(), any::<bool>()),
    ) {
        // The second set is the first but for one policy, which is another or gone.
        let mut two = one.clone();
        let (at, other, replace) = change;
        let at = at.index(two.len());
        if replace { two[at] = other } else { two.remove(at); }
        let (one, two) = (law::in_order(&one), law::in_order(&two));
        let ports = |_: &Pod| NamedPorts::default();
        let world = World { engine: ENGINE, entities: true, pod_ranges: &[], ports: &ports, naming: &[], apart: &BTreeSet::new() };
        let namespace = Sym::from("n1");
        let found = compare::differences(world, Both { said: &one, meant: &two }, Some(&namespace)).unwrap();
        let found: BTreeSet<Direction> = found.iter().map(|difference| difference.direction).collect();
        let addresses: Vec<IpAddr> =
            ["192.0.2.1", "192.0.2.2", "192.0.2.4", "::1"].iter().map(|one| one.parse().unwrap()).collect();
        let (name, others) = (Sym::from("a.example"), pods(&["n1", "n2", "any"]));
        for direction in [Direction::Ingress, Direction::Egress] {
            let ends = [Far::Elsewhere, Far::Entity(&[Entity::Host]), Far::Name(&name, None)];
            let ends: Vec<Far<'_>> = ends
                .into_iter()
                .chain(addresses.iter().map(|address| Far::Address(*address)))
                .chain(others.iter().map(Far::Pod))
                .collect();
            let real = pods(&["n1"]).iter().any(|subject| {
                ends.iter().any(|end| differ(&one, &two, direction, subject, *end))
            });
            prop_assert!(!real || found.contains(&direction), "{direction:?} differs, and nothing is found");
        }
    }
}
