//! What some targets know beyond pods, addresses and ports: entities, host names, HTTP requests, staging. Each promise with
//! policies that keep it, and changes that break it.

use super::proof::{model, policies};
use super::prove;
use super::{ADDRESSES, labels, span};
use crate::model::{
    Builtin, Cidrs, Direction, DnsPeer, EdgeId, Endpoint, HttpRule, Labels, METADATA, Model, NamespaceSet, PodSet,
};
use crate::source::Spanned;
use crate::verify::expected::Terms;
use crate::verify::names::unlearned;
use crate::verify::normal::{Capabilities, Entity, Peer, Staging};
use crate::verify::sum::Policy;
use crate::verify::{Mismatch, Permitted, Unlearned};

/// A target that knows everything.
pub(super) const RICH: Capabilities = Capabilities {
    http: true,
    host_names: true,
    entities: true,
    local_redirect: true,
    guards: true,
    staged: Staging::Whole,
    log_denied: true,
};

pub(super) const TO_DB: usize = 2;
pub(super) const TO_PAYMENTS: usize = 3;
const DNS: usize = 4;
const FROM_WEB: usize = 5;

pub(super) fn proved(model: &Model, policies: &[Policy]) -> Result<usize, Vec<Mismatch>> {
    prove(model, RICH, &Permitted::default(), policies).map(|proof| proof.flows)
}

/// The one thing that is wrong.
#[track_caller]
pub(super) fn wrong(model: &Model, policies: &[Policy]) -> Mismatch {
    let mut found = proved(model, policies).expect_err("it must be caught");
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn message(model: &Model, mismatch: &Mismatch) -> String {
    mismatch.diagnostic(model, "rich").message
}

fn request(path: &str) -> HttpRule {
    HttpRule { method: Some("GET".into()), path: Some(path.into()), headers: vec![] }
}

#[test]
fn requests_are_looked_at_once_where_they_arrive() {
    let mut model = model();
    model.edges[0].http = vec![request("/a"), request("/b")];
    let mut said = policies();
    let mismatch = wrong(&model, &said);
    assert_eq!(
        message(&model, &mismatch),
        "frontend/web → db/postgres 5432/TCP: intent denies (no edge), rich allows",
        "without rules for requests everything passes"
    );
    said[FROM_WEB].rules[0].http = vec![request("/b"), request("/a")];
    assert_eq!(proved(&model, &said), Ok(3));

    let mut fewer = said.clone();
    fewer[FROM_WEB].rules[0].http.pop();
    let mismatch = wrong(&model, &fewer);
    assert!(message(&model, &mismatch).starts_with("frontend/web → db/postgres 5432/TCP (GET /a): intent allows"));
    let mut more = said.clone();
    more[FROM_WEB].rules[0].http.push(request("/c"));
    let mismatch = wrong(&model, &more);
    assert!(message(&model, &mismatch).contains("(GET /c): intent denies"));

    // A rule on ports alone beside it lets everything through.
    let mut beside = said.clone();
    let mut plain = beside[FROM_WEB].rules[0].clone();
    plain.http.clear();
    beside[FROM_WEB].rules.push(plain);
    assert!(matches!(wrong(&model, &beside), Mismatch::Flow(witness) if witness.request.is_none()));

    // Nobody looks at them twice.
    let mut twice = said.clone();
    twice[TO_DB].rules[0].http = vec![request("/a"), request("/b")];
    assert!(matches!(wrong(&model, &twice), Mismatch::Flow(witness) if witness.direction == Direction::Egress));
}

#[test]
fn requests_to_what_nobody_manages_are_looked_at_where_they_are_sent() {
    let mut model = model();
    model.edges[1].http = vec![request("/pay")];
    let mut said = policies();
    assert!(proved(&model, &said).is_err());
    said[TO_PAYMENTS].rules[0].http = vec![request("/pay")];
    assert_eq!(proved(&model, &said), Ok(3));
}

#[test]
fn requests_that_may_be_left_out_are_expected_nowhere() {
    let mut model = model();
    model.edges[0].http = vec![request("/a")];
    let permitted = Permitted { http_as_l4: [EdgeId(0)].into(), ..Permitted::default() };
    assert!(prove(&model, RICH, &permitted, &policies()).is_ok());
}

pub(super) fn named() -> (Model, Vec<Policy>) {
    let mut model = model();
    model.externals[0].fqdns = vec![Spanned::new("api.example.com".into(), span())];
    let mut said = policies();
    let mut by_name = said[TO_PAYMENTS].rules[0].clone();
    by_name.peers = vec![Peer::Name("api.example.com".into())];
    said[TO_PAYMENTS].rules.push(by_name);
    said[DNS].rules[0].dns_proxy = true;
    (model, said)
}

#[test]
fn a_host_name_is_allowed_by_itself_and_no_other() {
    let (model, said) = named();
    assert_eq!(proved(&model, &said), Ok(3));
    let mut other = said.clone();
    other[TO_PAYMENTS].rules[1].peers = vec![Peer::Name("*.example.com".into())];
    assert_eq!(proved(&model, &other).unwrap_err().len(), 2);
    let mut none = said;
    none[TO_PAYMENTS].rules.pop();
    none[DNS].rules[0].dns_proxy = false;
    let mismatch = wrong(&model, &none);
    assert!(message(&model, &mismatch).starts_with("frontend/web → api.example.com 443/TCP: intent allows"));
}

#[test]
fn host_names_need_dns_that_is_read_along_and_no_way_past_it() {
    let (model, said) = named();
    let why = |said: &[Policy]| match wrong(&model, said) {
        Mismatch::Unlearned { why, policy, .. } => (why, policy),
        other => panic!("{other:?}"),
    };
    let mut never = said.clone();
    never[DNS].rules[0].dns_proxy = false;
    assert_eq!(why(&never), (Unlearned::Never, "web-to-payments".to_owned()));

    // The same permission once more, on ports alone.
    let mut past = said.clone();
    let mut plain = past[DNS].clone();
    plain.name = "past".to_owned();
    plain.rules[0].dns_proxy = false;
    past.push(plain.clone());
    assert_eq!(why(&past), (Unlearned::Past, "past".to_owned()));

    // Other pods of the namespace that can carry the labels too count, those that cannot do not.
    let mut model = model.clone();
    model.tiers.push(model.tiers[0].clone());
    model.tiers[2].name = "other".into();
    model.tiers[2].pods.labels = labels(&[("app", "other")]);
    let mut apart = said.clone();
    plain.subject = labels(&[("app", "other")]);
    apart.push(plain);
    assert_eq!(proved(&model, &apart), Ok(4));
}

/// What keeps the names of `named` unknown when policies of the same namespace are changed so, and nothing else of the proof.
fn unknown(change: &dyn Fn(&mut Vec<Policy>)) -> Vec<Unlearned> {
    let (model, mut said) = named();
    change(&mut said);
    let frontend = "frontend".into();
    let own: Vec<&Policy> = said.iter().filter(|policy| policy.namespace() == Some(&frontend)).collect();
    let permitted = Permitted::default();
    let terms = Terms { model: &model, can: RICH, permitted: &permitted };
    let found = unlearned(terms, &frontend, &own).into_iter();
    found.map(|m| if let Mismatch::Unlearned { why, .. } = m { why } else { panic!("{m:?}") }).collect()
}

#[test]
fn every_pod_that_reaches_names_asks_where_the_target_reads_along() {
    assert_eq!(unknown(&|_| {}), []);
    // Some of the pods do, others with the same permission do not.
    assert_eq!(unknown(&|said| said[DNS].subject = labels(&[("app", "web"), ("track", "canary")])), [Unlearned::Never]);
    assert_eq!(unknown(&|said| said[DNS].subject = Labels::default()), []);
}

#[test]
fn a_way_past_is_one_to_the_same_dns_on_its_ports_for_pods_that_may_be_the_same() {
    let beside = |change: &dyn Fn(&mut Policy)| {
        unknown(&|said| {
            let mut plain = said[DNS].clone();
            plain.rules[0].dns_proxy = false;
            change(&mut plain);
            said.push(plain);
        })
    };
    assert_eq!(beside(&|plain| plain.subject = labels(&[("track", "canary")])), [Unlearned::Past]);
    assert_eq!(beside(&|plain| plain.rules[0].peers = vec![Peer::Anyone]), [Unlearned::Past]);
    let port = |plain: &mut Policy, port| {
        for range in &mut plain.rules[0].ports {
            (range.first, range.last) = (port, port);
        }
    };
    assert_eq!(beside(&|plain| port(plain, 54)), []);
    assert_eq!(beside(&|plain| plain.rules[0].peers = vec![Peer::Entity(Entity::Host)]), []);
}

#[test]
fn only_the_clusters_dns_is_read_along() {
    let (model, mut said) = named();
    said[TO_DB].rules[0].dns_proxy = true;
    assert!(matches!(wrong(&model, &said), Mismatch::Unlearned { why: Unlearned::NoDns, .. }));
    // Not another port of it, and no other pods on its ports.
    assert_eq!(unknown(&|said| said[DNS].rules[0].ports[0].last = 54), [Unlearned::NoDns]);
    assert_eq!(unknown(&|said| said[DNS].rules[0].peers.push(Peer::Entity(Entity::Host))), [Unlearned::NoDns]);
}

#[test]
fn nodes_and_the_api_server_are_no_addresses_where_the_target_knows_them() {
    let mut model = model();
    model.profile.node_cidrs = vec!["192.0.2.0/24".parse().unwrap()];
    model.edges[1].to = Endpoint::Builtin(Builtin::Nodes);
    let mut said = policies();
    said[TO_PAYMENTS].rules[0].peers = vec![Peer::Entity(Entity::Host), Peer::Entity(Entity::RemoteNode)];
    assert_eq!(proved(&model, &said), Ok(3));
    said[TO_PAYMENTS].rules[0].peers.pop();
    let mismatch = wrong(&model, &said);
    assert!(message(&model, &mismatch).contains("→ another node 443/TCP: intent allows"));

    said[TO_PAYMENTS].rules[0].peers = vec![Peer::Block { cidr: "192.0.2.0/24".parse().unwrap(), except: vec![] }];
    assert!(proved(&model, &said).is_err());
    assert!(prove(&model, ADDRESSES, &Permitted::default(), &said).is_ok(), "elsewhere it is an address");

    model.edges[1].to = Endpoint::Builtin(Builtin::ApiServer);
    said[TO_PAYMENTS].rules[0].peers = vec![Peer::Entity(Entity::ApiServer)];
    assert_eq!(proved(&model, &said), Ok(3));
}

#[test]
fn a_cache_on_the_node_is_the_node_and_its_pods() {
    let mut model = model();
    let pods = |app: &str| PodSet {
        namespaces: NamespaceSet::Names(vec!["kube-system".into()]),
        labels: labels(&[("k8s-app", app)]),
    };
    let address: ipnet::IpNet = "169.254.20.10/32".parse().unwrap();
    model.profile.dns.peers =
        vec![DnsPeer::Pods(pods("kube-dns")), DnsPeer::Address(address), DnsPeer::Cache(pods("node-local-dns"))];
    let mut said = policies();
    let block = Peer::Block { cidr: address, except: vec![] };
    said[DNS].rules[0].peers.push(block.clone());
    assert!(prove(&model, ADDRESSES, &Permitted::default(), &said).is_ok());
    assert!(proved(&model, &said).is_err());
    let cache = said[DNS].rules[0].peers[0].clone();
    let Peer::Pods { namespaces, .. } = cache else { panic!() };
    said[DNS].rules[0].peers.push(Peer::Entity(Entity::Host));
    said[DNS].rules[0].peers.push(Peer::Pods { namespaces, labels: labels(&[("k8s-app", "node-local-dns")]) });
    assert_eq!(proved(&model, &said), Ok(3));
}

#[test]
fn everywhere_holds_what_is_neither_pod_nor_address() {
    let mut model = model();
    model.edges[1].to = Endpoint::Builtin(Builtin::Anywhere);
    let mut said = policies();
    let all = Peer::Pods {
        namespaces: crate::verify::normal::Namespaces::Labelled(Labels::default()),
        labels: Labels::default(),
    };
    let blocks = Cidrs::everything().minus(&METADATA.map(|(_, host)| host.into())).blocks;
    let blocks = blocks.into_iter().map(|block| Peer::Block { cidr: block.cidr, except: block.except });
    said[TO_PAYMENTS].rules[0].peers = [all].into_iter().chain(blocks).collect();
    assert!(prove(&model, ADDRESSES, &Permitted::default(), &said).is_ok());
    assert!(proved(&model, &said).is_err());
    said[TO_PAYMENTS].rules[0].peers.extend(Entity::ALL.map(Peer::Entity));
    assert_eq!(proved(&model, &said), Ok(3));
}

#[test]
fn policies_are_staged_exactly_when_that_is_asked_for() {
    let mut model = model();
    let mut said = policies();
    said[TO_DB].staged = true;
    assert!(matches!(wrong(&model, &said), Mismatch::Staged { meant: false, .. }));
    model.profile.staged = true;
    assert!(matches!(wrong(&model, &said), Mismatch::Staged { meant: true, .. }));
    said.iter_mut().for_each(|policy| policy.staged = true);
    assert_eq!(proved(&model, &said), Ok(3));
}

#[test]
fn names_of_objects_in_no_namespace_are_taken_everywhere() {
    let (model, mut said) = (model(), policies());
    let other = crate::source::Span::new(span().file, 1..2);
    said[TO_DB].cluster_scoped = true;
    said[FROM_WEB].cluster_scoped = true;
    said[FROM_WEB].name = said[TO_DB].name.clone();
    said[FROM_WEB].span = other;
    let found = proved(&model, &said).unwrap_err();
    assert!(matches!(found.as_slice(), [Mismatch::Duplicate { namespace: None, .. }]), "{found:?}");
}

#[test]
fn protocols_without_ports_are_no_part_of_every_port() {
    let model = model();
    let mut said = policies();
    said[TO_DB].rules[0].others = true;
    let mismatch = wrong(&model, &said);
    assert!(matches!(&mismatch, Mismatch::Protocols { policy, .. } if policy == "web-to-db"), "{mismatch:?}");
    assert!(message(&model, &mismatch).contains("ICMP and every other protocol"));
}
