//! The proof of a small model: its own policies pass, and each change of them is caught by a witness that says what
//! happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::prove;
use super::{ADDRESSES, labels, span};
use crate::model::{
    App, AppId, Builtin, Cidrs, Direction, DnsPeer, DnsTarget, Edge, EdgeId, Endpoint, External, ExternalId, FlowGraph,
    HttpRule, Labels, Model, NamespaceSet, PodSet, PortRange, Profile, Protocol, Sym, Tier, TierId,
};
use crate::source::{FileId, Span, Spanned};
use crate::verify::normal::{Action, Capabilities, Namespaces, Peer, Ports, Rule};
use crate::verify::sum::{Policy, Scope};
use crate::verify::{Mismatch, Permitted};

fn file() -> FileId {
    span().file
}

fn pods(namespace: &str, labels: Labels) -> PodSet {
    PodSet { namespaces: NamespaceSet::Names(vec![namespace.into()]), labels }
}

fn range(port: u16) -> PortRange {
    PortRange { protocol: Protocol::Tcp, first: port, last: port }
}

fn tier(name: &str, namespace: &str, dns: bool) -> Tier {
    Tier {
        app: AppId(0),
        name: name.into(),
        pods: pods(namespace, labels(&[("app", name)])),
        ports: vec![],
        port_names: BTreeMap::new(),
        metrics: vec![],
        dns,
        span: span(),
        pods_span: span(),
        ports_span: span(),
        level: None,
        accepts: None,
        metrics_span: span(),
    }
}

fn edge(from: Endpoint, to: Endpoint, port: u16) -> Edge {
    Edge {
        app: AppId(0),
        from,
        to,
        ports: Arc::new([range(port)]),
        all_ports: false,
        http: vec![],
        why: None,
        table: span(),
        from_span: span(),
        to_span: Span::new(file(), 7..9),
        ports_span: span(),
        http_span: None,
    }
}

/// web -> db on 5432, web -> payments on 443, DNS for web; db has no DNS.
pub(super) fn model() -> Model {
    let (web, db) = (Endpoint::Tier(TierId(0)), Endpoint::Tier(TierId(1)));
    let payments = External {
        app: Some(AppId(0)),
        name: "payments".into(),
        cidrs: vec![],
        except: vec![],
        addresses: Cidrs::new(["203.0.113.0/24".parse().unwrap()]),
        fqdns: vec![],
        ports: vec![],
        port_names: Default::default(),
        unknown: None,
        private: false,
        metadata: false,
        span: span(),
    };
    Model {
        cluster: None,
        profile: Profile {
            dns: DnsTarget {
                peers: vec![DnsPeer::Pods(pods("kube-system", labels(&[("k8s-app", "kube-dns")])))],
                ports: vec![PortRange { protocol: Protocol::Udp, first: 53, last: 53 }, range(53)],
            },
            pod_cidrs: vec![],
            service_cidrs: vec![],
            node_cidrs: vec![],
            api_server_cidrs: vec![],
            private_cidrs: vec![],
            scrapers: pods("monitoring", Labels::default()),
            shared_namespaces: BTreeSet::new(),
            enforces_egress: true,
            lints: BTreeMap::new(),
            approximate: BTreeSet::new(),
            ..Profile::unknown()
        },
        apps: vec![App {
            name: "shop".into(),
            owner: None,
            owner_span: None,
            scrapers: None,
            path: "intents/shop.toml".into(),
            file: file(),
            span: span(),
        }],
        tiers: vec![tier("web", "frontend", true), tier("postgres", "db", false)],
        peers: vec![],
        externals: vec![payments],
        edges: vec![edge(web, db, 5432), edge(web, Endpoint::External(ExternalId(0)), 443)],
        forbids: vec![],
        waivers: vec![],
        unsorted: vec![],
        namespaces: ["frontend", "db"].into_iter().map(|name| (Sym::from(name), vec![AppId(0)])).collect(),
        graph: FlowGraph::default(),
    }
}

fn policy(
    namespace: &str,
    name: &str,
    subject: Labels,
    direction: Direction,
    peer: Peer,
    ports: &[(Protocol, u16)],
) -> Policy {
    let ports = ports.iter().map(|(protocol, port)| Ports { protocol: *protocol, first: *port, last: *port }).collect();
    Policy {
        name: name.to_owned(),
        scope: Scope::Namespace(namespace.into()),
        cluster_scoped: false,
        subject,
        isolates: vec![direction],
        rules: vec![Rule { ports, others: false, ..Rule::new(direction, Action::Allow, vec![peer], span()) }],
        denies: vec![],
        staged: false,
        span: span(),
    }
}

fn deny(namespace: &str) -> Policy {
    Policy {
        name: "default-deny".to_owned(),
        scope: Scope::Namespace(namespace.into()),
        cluster_scoped: false,
        subject: Labels::default(),
        isolates: vec![Direction::Ingress, Direction::Egress],
        rules: vec![],
        denies: vec![],
        staged: false,
        span: span(),
    }
}

fn peer(namespace: &str, key: &str, value: &str) -> Peer {
    Peer::Pods { namespaces: Namespaces::Named(namespace.into()), labels: labels(&[(key, value)]) }
}

const DB: usize = 2;
const PAYMENTS: usize = 3;
const DNS: usize = 4;
const FROM_WEB: usize = 5;

pub(super) fn policies() -> Vec<Policy> {
    use Direction::{Egress, Ingress};
    use Protocol::{Tcp, Udp};
    let web = labels(&[("app", "web")]);
    let payments = Peer::Block { cidr: "203.0.113.0/24".parse().unwrap(), except: vec![] };
    vec![
        deny("frontend"),
        deny("db"),
        policy("frontend", "web-to-db", web.clone(), Egress, peer("db", "app", "postgres"), &[(Tcp, 5432)]),
        policy("frontend", "web-to-payments", web.clone(), Egress, payments, &[(Tcp, 443)]),
        policy("frontend", "web-dns", web, Egress, peer("kube-system", "k8s-app", "kube-dns"), &[(Tcp, 53), (Udp, 53)]),
        policy(
            "db",
            "db-from-web",
            labels(&[("app", "postgres")]),
            Ingress,
            peer("frontend", "app", "web"),
            &[(Tcp, 5432)],
        ),
    ]
}

/// What is said of policies that were changed.
fn said(change: impl FnOnce(&mut Vec<Policy>)) -> Vec<String> {
    let model = model();
    let mut policies = policies();
    change(&mut policies);
    let mismatches = prove(&model, ADDRESSES, &Permitted::default(), &policies).expect_err("the change must be caught");
    mismatches.iter().map(|m| m.diagnostic(&model, "kubernetes").message).collect()
}

#[test]
fn what_the_intent_means_is_proved() {
    assert_eq!(prove(&model(), ADDRESSES, &Permitted::default(), &policies()).unwrap().flows, 3);
}

#[test]
fn the_order_of_policies_does_not_matter() {
    let mut policies = policies();
    policies.reverse();
    assert!(prove(&model(), ADDRESSES, &Permitted::default(), &policies).is_ok());
}

#[test]
fn a_missing_default_deny_is_caught_in_each_direction() {
    assert_eq!(said(|p| drop(p.remove(1))).len(), 2);
    let message = said(|p| p[0].isolates = vec![Direction::Ingress]);
    assert_eq!(
        message,
        ["pods of `frontend` that no rule names may send anywhere: kubernetes has no default deny of egress there"]
    );
}

#[test]
fn a_default_deny_for_some_pods_is_none() {
    assert!(!said(|p| p[1].subject = labels(&[("app", "postgres")])).is_empty());
}

#[test]
fn a_missing_rule_names_the_edge() {
    assert_eq!(
        said(|p| drop(p.remove(FROM_WEB))),
        ["frontend/web → db/postgres 5432/TCP: intent allows (web -> postgres), kubernetes denies"]
    );
    assert_eq!(
        said(|p| drop(p.remove(DNS))),
        ["frontend/web → kube-system/(k8s-app=kube-dns) 53/TCP: intent allows (DNS of web), kubernetes denies"]
    );
}

#[test]
fn a_missing_permission_points_at_the_intent_and_an_extra_one_at_the_rule() {
    let model = model();
    let mut fewer = policies();
    fewer.remove(FROM_WEB);
    let mismatch = prove(&model, ADDRESSES, &Permitted::default(), &fewer).unwrap_err().remove(0);
    assert_eq!(mismatch.diagnostic(&model, "kubernetes").primary.unwrap().span, model.edges[0].from_span);
    let mut more = policies();
    more[FROM_WEB].rules[0].peers = vec![Peer::Anyone];
    more[FROM_WEB].rules[0].span = Span::new(file(), 20..30);
    let mismatch = prove(&model, ADDRESSES, &Permitted::default(), &more).unwrap_err().remove(0);
    assert_eq!(mismatch.diagnostic(&model, "kubernetes").primary.unwrap().span, Span::new(file(), 20..30));
}

#[test]
fn an_extra_rule_names_the_policy_and_the_flow() {
    let extra = || {
        policy(
            "db",
            "back-door",
            Labels::default(),
            Direction::Ingress,
            peer("frontend", "app", "web"),
            &[(Protocol::Tcp, 22)],
        )
    };
    assert_eq!(
        said(|p| p.push(extra())),
        ["frontend/web → db/(any other pod) 22/TCP: intent denies (no edge), kubernetes allows"]
    );
}

#[test]
fn each_change_of_one_value_is_caught() {
    let changes: Vec<fn(&mut Vec<Policy>)> = vec![
        |p| p[DB].subject = labels(&[("app", "wob")]),
        |p| p[DB].subject = Labels::default(),
        |p| p[DB].subject = labels(&[("app", "web"), ("track", "stable")]),
        |p| p[DB].rules[0].peers = vec![peer("db", "app", "postgrez")],
        |p| p[DB].rules[0].peers = vec![peer("dc", "app", "postgres")],
        |p| {
            p[DB].rules[0].peers =
                vec![Peer::Pods { namespaces: Namespaces::Named("db".into()), labels: Labels::default() }]
        },
        |p| {
            p[DB].rules[0].peers = vec![Peer::Pods {
                namespaces: Namespaces::Labelled(Labels::default()),
                labels: labels(&[("app", "postgres")]),
            }]
        },
        |p| p[DB].rules[0].peers.push(Peer::Anyone),
        |p| p[DB].rules[0].ports[0].last = 5433,
        |p| p[DB].rules[0].ports[0].first = 5431,
        |p| p[DB].rules[0].ports[0].protocol = Protocol::Udp,
        |p| p[DB].rules[0].ports = Ports::every(),
        |p| p[DB].rules[0].direction = Direction::Ingress,
        |p| p[DB].scope = Scope::Namespace("db".into()),
        |p| p[PAYMENTS].rules[0].peers = vec![Peer::Block { cidr: "203.0.112.0/23".parse().unwrap(), except: vec![] }],
        |p| p[PAYMENTS].rules[0].peers = vec![Peer::Block { cidr: "203.0.113.0/25".parse().unwrap(), except: vec![] }],
        |p| {
            p[PAYMENTS].rules[0].peers = vec![Peer::Block {
                cidr: "203.0.113.0/24".parse().unwrap(),
                except: vec!["203.0.113.255/32".parse().unwrap()],
            }]
        },
        |p| p[DNS].rules[0].ports.truncate(1),
        |p| p.clear(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert!(!said(change).is_empty(), "change {number}");
    }
}

#[test]
fn changes_that_keep_the_meaning_are_proved() {
    let changes: Vec<fn(&mut Vec<Policy>)> = vec![
        |p| {
            p[DB].rules[0].peers = vec![Peer::Pods {
                namespaces: Namespaces::Labelled(labels(&[("kubernetes.io/metadata.name", "db")])),
                labels: labels(&[("app", "postgres")]),
            }]
        },
        |p| {
            p[PAYMENTS].rules[0].peers = ["203.0.113.0/25", "203.0.113.128/25"]
                .map(|half| Peer::Block { cidr: half.parse().unwrap(), except: vec![] })
                .to_vec()
        },
        |p| {
            let ports = p[DB].rules[0].ports.clone();
            p[DB].rules[0].ports.extend(ports);
        },
        |p| {
            let rule = p[DB].rules[0].clone();
            p[PAYMENTS].rules.push(rule);
            p.remove(DB);
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut policies = policies();
        change(&mut policies);
        assert!(prove(&model(), ADDRESSES, &Permitted::default(), &policies).is_ok(), "change {number}");
    }
}

#[test]
fn policies_of_a_namespace_that_nobody_manages_are_caught() {
    assert_eq!(
        said(|p| p.push(deny("other"))),
        ["policy `default-deny` is for the namespace `other`, which no intent manages"]
    );
}

#[test]
fn a_second_object_of_the_same_name_is_caught() {
    let message = said(|p| {
        let mut twin = p[DB].clone();
        twin.span = Span::new(file(), 1..2);
        p.push(twin);
    });
    assert_eq!(message, ["two policies of `frontend` are named `web-to-db`"]);
}

#[test]
fn a_range_over_pod_addresses_is_ambiguous_unless_all_pods_are_allowed_anyway() {
    let mut model = model();
    model.profile.pod_cidrs = vec!["203.0.113.0/26".parse().unwrap()];
    let mismatches = prove(&model, ADDRESSES, &Permitted::default(), &policies()).unwrap_err();
    assert!(matches!(mismatches.as_slice(), [Mismatch::Ambiguous { .. }]), "{mismatches:?}");

    // A target that tells pods and addresses apart matches none.
    assert!(prove(&model, Capabilities { entities: true, ..ADDRESSES }, &Permitted::default(), &policies()).is_ok());
    let mut anyway = model.clone();
    anyway.edges.push(edge(Endpoint::Tier(TierId(0)), Endpoint::Builtin(Builtin::Cluster), 443));
    let mut said = policies();
    let position = said.iter().position(|policy| policy.name == "web-to-payments").unwrap();
    let mut all = said[position].rules[0].clone();
    all.peers = vec![Peer::Pods { namespaces: Namespaces::Labelled(Labels::default()), labels: Labels::default() }];
    said[position].rules.push(all);
    assert!(prove(&anyway, ADDRESSES, &Permitted::default(), &said).is_ok());

    model.profile.pod_cidrs = vec!["198.51.100.0/24".parse().unwrap()];
    assert!(prove(&model, ADDRESSES, &Permitted::default(), &policies()).is_ok());
}

#[test]
fn an_edge_with_http_needs_permission() {
    let mut model = model();
    model.edges[0].http = vec![HttpRule { method: Some("GET".into()), path: None, headers: vec![] }];
    let mismatches = prove(&model, ADDRESSES, &Permitted::default(), &policies()).unwrap_err();
    assert_eq!(mismatches, [Mismatch::Inexpressible { edge: EdgeId(0) }]);
    let permitted = Permitted { http_as_l4: [EdgeId(0)].into(), ..Permitted::default() };
    assert!(prove(&model, ADDRESSES, &permitted, &policies()).is_ok());
}

#[test]
fn host_names_that_are_left_out_need_permission() {
    let mut model = model();
    model.externals[0].fqdns = vec![Spanned::new("api.example.com".into(), span())];
    assert!(prove(&model, ADDRESSES, &Permitted::default(), &policies()).is_err());
    let permitted = Permitted { fqdns_omitted: [EdgeId(1)].into(), ..Permitted::default() };
    assert!(prove(&model, ADDRESSES, &permitted, &policies()).is_ok());

    // Without addresses nothing is left of the edge, and nothing of it is counted.
    model.externals[0].addresses = Cidrs::new([]);
    let mut said = policies();
    said.retain(|policy| policy.name != "web-to-payments");
    assert_eq!(prove(&model, ADDRESSES, &permitted, &said).map(|proof| proof.flows), Ok(2));
}

#[test]
fn no_more_than_ten_mismatches_are_shown() {
    let mismatches = {
        let mut policies = policies();
        policies.extend((0..25).map(|i| deny(&format!("other-{i:02}"))));
        prove(&model(), ADDRESSES, &Permitted::default(), &policies).unwrap_err()
    };
    assert_eq!((mismatches.len(), mismatches.last()), (11, Some(&Mismatch::More(15))));
}

#[test]
fn a_metrics_tier_counts_as_one_flow_with_both_halves() {
    let mut model = model();
    model.tiers[1].metrics = vec![range(9090)];
    model.namespaces.insert("monitoring".into(), vec![AppId(0)]);
    let mut policies = policies();
    policies.push(deny("monitoring"));
    let any_monitor = Peer::Pods { namespaces: Namespaces::Named("monitoring".into()), labels: Labels::default() };
    let port = [(Protocol::Tcp, 9090)];
    policies.push(policy("db", "scraped", labels(&[("app", "postgres")]), Direction::Ingress, any_monitor, &port));
    policies.push(policy(
        "monitoring",
        "scrapes",
        Labels::default(),
        Direction::Egress,
        peer("db", "app", "postgres"),
        &port,
    ));
    assert_eq!(prove(&model, ADDRESSES, &Permitted::default(), &policies).unwrap().flows, 4);
}

#[test]
fn a_difference_that_nothing_explains_is_still_a_difference() {
    use crate::verify::allowed::Other;
    use crate::verify::ports::PortSet;
    use crate::verify::relation::Finding;
    use crate::verify::witness::explain;
    let namespace: Sym = "db".into();
    let difference = || (Other::Elsewhere, PortSet::every().into());
    for finding in [
        Finding::Extra(labels(&[("app", "x")]), difference()),
        Finding::Missing(labels(&[("app", "x")]), difference()),
        Finding::Extra(labels(&[]), (Other::Elsewhere, PortSet::default().into())),
    ] {
        let mismatches = explain(&namespace, Direction::Ingress, &[], &[], vec![finding]);
        assert!(matches!(mismatches.as_slice(), [Mismatch::Unexplained { .. }]), "{mismatches:?}");
        let told = mismatches[0].diagnostic(&model(), "kubernetes");
        assert!(!told.help.is_empty(), "{}", told.message);
    }
}
