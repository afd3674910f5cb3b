//! `relation` against the naive evaluator: on every small policy set the two agree whether something differs, and each
//! difference is real.

use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{labels, span};
use crate::model::{Direction, HttpRule, Labels, Protocol, Sym};
use crate::verify::normal::{Action, Entity, Namespaces, Peer, Ports, Rule};
use crate::verify::reference::{End, isolated, may};
use crate::verify::relation::Finding;
use crate::verify::sum::{Policy, Scope};
use crate::verify::{Other, relation_of};

const NAME: &str = "kubernetes.io/metadata.name";
const SIDE: Direction = Direction::Egress;

/// A rule before it is put into a policy.
type Raw = (Labels, Peer, Pass);

/// Ports of a rule, and requests on them.
#[derive(Debug, Clone)]
struct Pass {
    ports: Ports,
    http: Vec<HttpRule>,
}

fn pod_labels() -> impl Strategy<Value = Labels> {
    let value = || proptest::option::of(select(vec!["a", "b"]));
    (value(), value()).prop_map(|(one, two)| {
        let pairs = [("one", one), ("two", two)];
        Labels::new(pairs.into_iter().filter_map(|(key, value)| Some((key.into(), value?.into()))))
    })
}

fn namespaces() -> impl Strategy<Value = Namespaces> {
    select(vec![
        Namespaces::Named("n1".into()),
        Namespaces::Named("n2".into()),
        Namespaces::Labelled(Labels::default()),
        Namespaces::Labelled(labels(&[("team", "x")])),
        Namespaces::Labelled(labels(&[(NAME, "n1")])),
        Namespaces::Labelled(labels(&[(NAME, "n1"), ("team", "x")])),
    ])
}

fn block() -> impl Strategy<Value = Peer> {
    let block = |cidr: &str, except: &[&str]| Peer::Block {
        cidr: cidr.parse().unwrap(),
        except: except.iter().map(|hole| hole.parse().unwrap()).collect(),
    };
    select(vec![
        block("10.0.0.0/29", &[]),
        block("10.0.0.0/29", &["10.0.0.2/31"]),
        block("10.0.0.0/29", &["10.0.0.0/30", "10.0.0.4/30"]),
        block("10.0.0.0/30", &[]),
        block("10.0.0.4/30", &[]),
        block("10.0.0.4/30", &["10.0.0.7/32"]),
        block("10.0.0.2/31", &[]),
        block("10.0.0.7/32", &[]),
        block("0.0.0.0/0", &["10.0.0.0/29"]),
        block("0.0.0.0/0", &[]),
        block("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126", &[]),
        block("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126", &["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"]),
        block("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", &[]),
        block("::/0", &["ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"]),
        block("::/0", &[]),
    ])
}

fn peer() -> impl Strategy<Value = Peer> {
    let pods = (namespaces(), pod_labels()).prop_map(|(namespaces, labels)| Peer::Pods { namespaces, labels });
    let symbols = select(vec![
        Peer::Entity(Entity::Host),
        Peer::Entity(Entity::ApiServer),
        Peer::Name("a.example".into()),
        Peer::Name("*.example".into()),
    ]);
    prop_oneof![1 => Just(Peer::Anyone), 5 => pods, 4 => block(), 2 => symbols]
}

fn ports() -> impl Strategy<Value = Ports> {
    (select(vec![Protocol::Tcp, Protocol::Udp]), 1..4u16, 0..3u16).prop_map(|(protocol, first, more)| Ports {
        protocol,
        first,
        last: first + more,
    })
}

fn request(path: &str) -> HttpRule {
    HttpRule { method: None, path: Some(path.into()), headers: vec![] }
}

fn pass() -> impl Strategy<Value = Pass> {
    let http = prop_oneof![
        3 => Just(vec![]),
        1 => select(vec![vec!["/a"], vec!["/b"], vec!["/a", "/b"]])
            .prop_map(|paths| paths.into_iter().map(request).collect::<Vec<_>>()),
    ];
    (ports(), http).prop_map(|(ports, http)| Pass { ports, http })
}

fn raw() -> impl Strategy<Value = Raw> {
    (pod_labels(), peer(), pass())
}

/// Ways to write a set of rules otherwise: some keep the meaning, some do not; the evaluator tells.
#[derive(Debug, Clone)]
enum Change {
    Drop(Index),
    Add(Raw),
    Narrow(Index, Labels),
    NarrowPeer(Index, Labels),
    NarrowNamespace(Index),
    SplitPorts(Index),
    Port(Index),
    Request(Index, Vec<HttpRule>),
    Repeer(Index, Peer),
    Halve(Index),
    Swap(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        1 => index().prop_map(Change::Drop),
        1 => raw().prop_map(Change::Add),
        1 => (index(), pod_labels()).prop_map(|(i, l)| Change::Narrow(i, l)),
        1 => (index(), pod_labels()).prop_map(|(i, l)| Change::NarrowPeer(i, l)),
        3 => index().prop_map(Change::NarrowNamespace),
        1 => index().prop_map(Change::SplitPorts),
        1 => index().prop_map(Change::Port),
        1 => (index(), pass()).prop_map(|(i, pass)| Change::Request(i, pass.http)),
        1 => (index(), peer()).prop_map(|(i, p)| Change::Repeer(i, p)),
        1 => index().prop_map(Change::Halve),
        1 => (index(), index()).prop_map(|(i, j)| Change::Swap(i, j)),
    ]
}

fn apply(rules: &mut Vec<Raw>, change: Change) {
    let length = rules.len();
    if let Change::Add(rule) = change {
        return rules.push(rule);
    }
    if length == 0 {
        return;
    }
    match change {
        Change::Add(_) => {}
        Change::Drop(i) => drop(rules.remove(i.index(length))),
        // A second rule for fewer pods, or towards fewer pods: says nothing new.
        Change::Narrow(i, more) => {
            let (subject, peer, ports) = rules[i.index(length)].clone();
            rules.extend(subject.merge(&more).map(|subject| (subject, peer, ports)));
        }
        Change::NarrowPeer(i, more) => {
            if let (subject, Peer::Pods { namespaces, labels }, ports) = rules[i.index(length)].clone() {
                rules.extend(labels.merge(&more).map(|labels| (subject, Peer::Pods { namespaces, labels }, ports)));
            }
        }
        Change::NarrowNamespace(i) => {
            let (subject, peer, ports) = rules[i.index(length)].clone();
            if let Peer::Pods { namespaces, labels: pod } = peer {
                let n1 = Namespaces::Named("n1".into());
                let both = Namespaces::Labelled(labels(&[(NAME, "n1"), ("team", "x")]));
                let narrower = match namespaces {
                    Namespaces::Labelled(all) if all.is_empty() => vec![n1, both],
                    _ => vec![both],
                };
                for namespaces in narrower {
                    rules.push((subject.clone(), Peer::Pods { namespaces, labels: pod.clone() }, ports.clone()));
                }
            }
        }
        Change::SplitPorts(i) => {
            let (subject, peer, Pass { ports, http }) = rules[i.index(length)].clone();
            if ports.first < ports.last {
                rules[i.index(length)].2.ports.last = ports.first;
                rules.push((subject, peer, Pass { ports: Ports { first: ports.first + 1, ..ports }, http }));
            }
        }
        Change::Port(i) => rules[i.index(length)].2.ports.last += 1,
        Change::Request(i, http) => rules[i.index(length)].2.http = http,
        Change::Repeer(i, peer) => rules[i.index(length)].1 = peer,
        Change::Halve(i) => {
            let (subject, peer, ports) = rules[i.index(length)].clone();
            if let Peer::Block { cidr, except } = peer
                && let Ok(halves) = cidr.subnets(cidr.prefix_len() + 1)
            {
                rules.remove(i.index(length));
                for half in halves {
                    let except: Vec<_> = except.iter().filter(|hole| half.contains(*hole)).copied().collect();
                    rules.push((subject.clone(), Peer::Block { cidr: half, except }, ports.clone()));
                }
            }
        }
        Change::Swap(i, j) => rules.swap(i.index(length), j.index(length)),
    }
}

fn policies(rules: &[Raw], isolating: &[Labels]) -> Vec<Policy> {
    let policy = |name: String, subject: Labels, isolates, rules| Policy {
        name,
        scope: Scope::Namespace(Sym::from("shop")),
        cluster_scoped: false,
        subject,
        isolates,
        rules,
        denies: vec![],
        staged: false,
        span: span(),
    };
    let denies = isolating.iter().enumerate().map(|(i, s)| policy(format!("deny-{i}"), s.clone(), vec![SIDE], vec![]));
    let allows = rules.iter().enumerate().map(|(i, (subject, peer, pass))| {
        let rule = Rule {
            ports: vec![pass.ports],
            others: false,
            http: pass.http.clone(),
            ..Rule::new(SIDE, Action::Allow, vec![peer.clone()], span())
        };
        policy(format!("allow-{i}"), subject.clone(), vec![SIDE], vec![rule])
    });
    denies.chain(allows).collect()
}

/// Pods with every combination of labels that rules can tell apart.
fn pods() -> Vec<Labels> {
    let values = [None, Some("a"), Some("b")];
    let pairs = values.iter().flat_map(|one| values.iter().map(move |two| [("one", *one), ("two", *two)]));
    pairs.map(|p| Labels::new(p.into_iter().filter_map(|(k, v)| Some((k.into(), v?.into()))))).collect()
}

fn ends() -> Vec<End> {
    let mut ends = vec![End::Elsewhere];
    ends.extend(Entity::ALL.map(End::Entity));
    ends.extend(["a.example", "*.example", "b.example"].map(|name| End::Name(name.into())));
    for name in ["n1", "n2", "other"] {
        for team in [None, Some("x")] {
            let pairs = [(NAME, Some(name)), ("team", team)];
            let namespace = Labels::new(pairs.into_iter().filter_map(|(k, v)| Some((k.into(), v?.into()))));
            ends.extend(pods().into_iter().map(|pod| End::Pod(namespace.clone(), pod)));
        }
    }
    let v4 = (0..10u8).map(|last| IpAddr::from([10, 0, 0, last]));
    let v6 = (0..6u128).map(|back| IpAddr::from((u128::MAX - back).to_be_bytes()));
    let more =
        ["9.255.255.255", "255.255.255.255", "0.0.0.0", "::", "2001:db8::1"].map(|a| a.parse::<IpAddr>().unwrap());
    ends.extend(v4.chain(v6).chain(more).map(End::Address));
    ends
}

/// Whether two sets of policies do the same to every pod, in the naive reading.
fn same(a: &[Policy], b: &[Policy]) -> bool {
    let ends = ends();
    pods().iter().all(|pod| {
        isolated(a, pod, SIDE) == isolated(b, pod, SIDE)
            && ends.iter().all(|end| {
                [Protocol::Tcp, Protocol::Udp].into_iter().all(|protocol| {
                    (1..9).all(|port| {
                        [None, Some("/a"), Some("/b")].into_iter().all(|path| {
                            let request = path.map(request);
                            let flow = (end, protocol, port, request.as_ref());
                            may(a, pod, SIDE, flow) == may(b, pod, SIDE, flow)
                        })
                    })
                })
            })
    })
}

/// A witness as a concrete end.
fn concrete(other: &Other) -> End {
    match other {
        Other::Elsewhere => End::Elsewhere,
        Other::Entity(entity) => End::Entity(*entity),
        Other::Name(name) => End::Name(name.clone()),
        Other::Address(address) => End::Address(*address),
        Other::Pod(Namespaces::Named(name), pod) => End::Pod(labels(&[(NAME, name)]), pod.clone()),
        Other::Pod(Namespaces::Labelled(namespace), pod) => {
            let fresh = labels(&[(NAME, "a-name-of-its-own")]);
            End::Pod(namespace.merge(&fresh).unwrap_or_else(|| namespace.clone()), pod.clone())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_law_agrees_with_brute_force(
        rules in proptest::collection::vec(raw(), 0..7),
        changes in proptest::collection::vec(change(), 0..3),
        isolating in proptest::collection::vec(pod_labels(), 0..2),
        denies in proptest::bool::weighted(0.95),
    ) {
        let meant = policies(&rules, &[Labels::default()]);
        let mut said = rules.clone();
        changes.into_iter().for_each(|change| apply(&mut said, change));
        let mut isolating = isolating;
        isolating.extend(denies.then(Labels::default));
        let said = policies(&said, &isolating);

        let findings = relation_of(&said, SIDE).compare(&relation_of(&meant, SIDE), &[]);
        prop_assert_eq!(findings.is_empty(), same(&said, &meant), "{:?}", findings);
        for finding in findings {
            let (pod, (other, ports), extra) = match finding {
                Finding::Open => {
                    prop_assert!(!isolated(&said, &Labels::default(), SIDE));
                    continue;
                }
                Finding::Extra(pod, difference) => (pod, difference, true),
                Finding::Missing(pod, difference) => (pod, difference, false),
                Finding::Ambiguous(..) => unreachable!("no pod ranges are known"),
            };
            let (protocol, port, request) = ports.first().unwrap();
            let end = concrete(&other);
            let flow = (&end, protocol, port, request);
            prop_assert_eq!(may(&said, &pod, SIDE, flow), extra);
            prop_assert_eq!(may(&meant, &pod, SIDE, flow), !extra);
        }
    }
}

#[test]
fn a_pod_with_many_labels_is_found_without_enumerating_its_subsets() {
    let many: Vec<(String, String)> = (0..30).map(|i| (format!("k{i}"), "v".to_owned())).collect();
    let many = Labels::new(many.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())));
    let ports = Ports { protocol: Protocol::Tcp, first: 1, last: 1 };
    let rule = |subject: Labels| (subject, Peer::Anyone, Pass { ports, http: vec![] });
    let meant = policies(&[rule(labels(&[("k3", "v")]))], &[Labels::default()]);
    // Redundant beside the first rule, but another selector.
    let said = policies(&[rule(labels(&[("k3", "v")])), rule(many.clone())], &[Labels::default()]);
    assert_eq!(relation_of(&said, SIDE).compare(&relation_of(&meant, SIDE), &[]), vec![]);
    let wrong = policies(&[rule(many)], &[Labels::default()]);
    assert!(!relation_of(&wrong, SIDE).compare(&relation_of(&meant, SIDE), &[]).is_empty());
}
