//! Cluster-wide guards: policies that do what they should, and changes that break it; and denials that meet permissions.

use super::proof::{model, policies};
use super::prove;
use super::reach::{RICH, TO_DB, TO_PAYMENTS, proved, wrong};
use super::{ADDRESSES, labels, span};
use crate::model::{Cidrs, Direction, Labels, METADATA, Model, Sym};
use crate::verify::guards::cut;
use crate::verify::normal::{Action, Capabilities, Entity, Namespaces, Peer, Rule};
use crate::verify::sum::{Policy, Scope};
use crate::verify::{Allows, Guarded, Mismatch, Other, Permitted};

fn guard(name: &str, except: &[&str]) -> Policy {
    let metadata = METADATA.iter().map(|(_, host)| Peer::Block { cidr: (*host).into(), except: vec![] }).collect();
    Policy {
        name: name.to_owned(),
        scope: Scope::AllBut(except.iter().map(|name| (*name).into()).collect()),
        cluster_scoped: true,
        subject: Labels::default(),
        isolates: vec![],
        rules: vec![],
        denies: vec![Rule::new(Direction::Egress, Action::Deny, metadata, span())],
        staged: false,
        span: span(),
    }
}

pub(super) fn guarded() -> (Model, Vec<Policy>) {
    let mut model = model();
    model.profile.metadata_deny = true;
    model.profile.system_namespaces = [crate::model::Sym::from("kube-system")].into();
    let mut said = policies();
    said.push(guard("metadata", &["kube-system"]));
    (model, said)
}

#[test]
fn a_guard_denies_exactly_what_it_names() {
    let (model, said) = guarded();
    assert_eq!(proved(&model, &said), Ok(3));
    let last = said.len() - 1;
    let changed = |change: &dyn Fn(&mut Policy)| {
        let mut said = said.clone();
        change(&mut said[last]);
        match wrong(&model, &said) {
            Mismatch::Guard { what, .. } => what,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(changed(&|p| drop(p.denies[0].peers.pop())), Guarded::LetsThrough { .. }));
    assert!(matches!(changed(&|p| p.denies[0].ports.truncate(1)), Guarded::LetsThrough { .. }));
    assert!(matches!(changed(&|p| p.denies[0].others = false), Guarded::LetsThrough { .. }));
    assert!(matches!(changed(&|p| p.denies.clear()), Guarded::LetsThrough { .. }));
    assert!(matches!(changed(&|p| p.subject = labels(&[("a", "b")])), Guarded::LetsThrough { .. }));
    let host = |address: &str| Peer::Block { cidr: address.parse().unwrap(), except: vec![] };
    assert!(matches!(changed(&|p| p.denies[0].peers.push(host("192.0.2.1/32"))), Guarded::Denies { .. }));
    assert!(matches!(changed(&|p| p.isolates.push(Direction::Egress)), Guarded::Isolates { .. }));
    let ingress = Direction::Ingress;
    assert!(
        matches!(changed(&|p| p.isolates.push(ingress)), Guarded::Isolates { direction, .. } if direction == ingress)
    );
    let received = |p: &mut Policy| p.denies.push(Rule { direction: ingress, ..p.denies[0].clone() });
    assert!(matches!(changed(&received), Guarded::Denies { direction, .. } if direction == ingress));
    assert!(matches!(
        changed(&|p| p.scope = Scope::AllBut(["kube-system".into(), "legacy".into()].into())),
        Guarded::LetsThrough { namespace: Some(name), .. } if &*name == "legacy"
    ));
    assert!(matches!(
        changed(&|p| p.scope = Scope::AllBut([].into())),
        Guarded::Denies { namespace: Some(name), .. } if &*name == "kube-system"
    ));
    let mut allows = said.clone();
    allows[last].rules = allows[TO_DB].rules.clone();
    assert!(matches!(wrong(&model, &allows), Mismatch::Guard { what: Guarded::Allows, .. }));
}

#[test]
fn a_guard_that_nobody_asked_for_is_wrong_and_one_that_cannot_be_said_needs_permission() {
    let (mut model, said) = guarded();
    model.profile.metadata_deny = false;
    assert!(matches!(wrong(&model, &said), Mismatch::Guard { what: Guarded::Denies { .. }, .. }));
    model.profile.metadata_deny = true;
    let plain = policies();
    let found = prove(&model, ADDRESSES, &Permitted::default(), &plain).unwrap_err();
    assert!(matches!(found.as_slice(), [Mismatch::Unguarded { .. }]));
    let permitted = Permitted { guards_omitted: true, ..Permitted::default() };
    assert!(prove(&model, ADDRESSES, &permitted, &plain).is_ok());
    assert!(prove(&model, RICH, &permitted, &said).is_err(), "what is to be left out is left out");
}

#[test]
fn a_default_deny_isolates_every_namespace_but_the_listed_ones() {
    let mut model = model();
    model.profile.system_namespaces = ["kube-system".into()].into();
    model.profile.default_deny = Some(["legacy".into()].into());
    let mut said = policies();
    assert_eq!(proved(&model, &said).unwrap_err().len(), 1, "one line for both directions");
    let mut deny = guard("deny", &["kube-system", "legacy"]);
    deny.denies.clear();
    deny.isolates = vec![Direction::Ingress, Direction::Egress];
    said.push(deny);
    assert_eq!(proved(&model, &said), Ok(3));
    let last = said.len() - 1;
    said[last].isolates.pop();
    assert!(matches!(wrong(&model, &said), Mismatch::Guard { what: Guarded::Open { .. }, .. }));
}

#[test]
fn a_denial_may_not_take_away_what_is_allowed() {
    let (mut model, mut said) = guarded();
    model.externals[0].addresses = Cidrs::new(["169.254.169.254/32".parse().unwrap()]);
    said[TO_PAYMENTS].rules[0].peers =
        vec![Peer::Block { cidr: "169.254.169.254/32".parse().unwrap(), except: vec![] }];
    assert!(matches!(wrong(&model, &said), Mismatch::Cut { .. }));
    // A system namespace is not guarded.
    model.profile.system_namespaces = ["kube-system".into(), "frontend".into()].into();
    let last = said.len() - 1;
    said[last].scope = Scope::AllBut(["kube-system".into(), "frontend".into()].into());
    assert_eq!(proved(&model, &said), Ok(3));

    // Pods, by labels that one pod can carry.
    let (model, mut said) = guarded();
    let mut deny = said[TO_DB].clone();
    deny.name = "deny".to_owned();
    deny.denies = std::mem::take(&mut deny.rules);
    said.push(deny.clone());
    let Mismatch::Flow(flow) = wrong(&model, &said) else { panic!("it is one flow that is denied") };
    assert!(matches!(flow.allows, Allows::Intent { denied: Some((by, _)), .. } if by == "deny"));
    said.pop();
    deny.subject = labels(&[("app", "other")]);
    said.push(deny);
    assert_eq!(proved(&model, &said), Ok(3), "nothing else is denied that was allowed");
}

#[test]
fn a_default_deny_of_some_pods_leaves_the_others_open() {
    let mut model = model();
    model.profile.default_deny = Some([].into());
    let mut deny = guard("deny", &["kube-system"]);
    deny.denies.clear();
    deny.isolates = vec![Direction::Ingress, Direction::Egress];
    deny.subject = labels(&[("app", "web")]);
    model.profile.system_namespaces = [Sym::from("kube-system")].into();
    let said: Vec<Policy> = policies().into_iter().chain([deny]).collect();
    assert!(matches!(wrong(&model, &said), Mismatch::Guard { what: Guarded::Open { .. }, .. }));
}

#[test]
fn the_guard_that_denies_too_much_is_the_one_that_is_named() {
    let (model, mut said) = guarded();
    let mut more = guard("more", &["kube-system"]);
    more.denies[0].peers = vec![block("192.0.2.1/32")];
    said.push(more);
    assert!(matches!(wrong(&model, &said), Mismatch::Guard { policy: Some(name), .. } if name == "more"));
}

#[test]
fn what_is_let_through_elsewhere_is_told_beside_what_is_let_through_here() {
    let (model, mut said) = guarded();
    let (first, second) = (block("100.100.100.200/32"), block("168.63.129.16/32"));
    let mut here = guard("here", &["kube-system", "legacy"]);
    here.denies[0].peers = vec![first.clone()];
    let last = said.len() - 1;
    said[last].denies[0].peers.retain(|peer| *peer != first && *peer != second);
    said.push(here);
    let found = proved(&model, &said).unwrap_err();
    let let_through = |host: &str| {
        let host = Other::Address(host.parse().unwrap());
        let is = |m: &&Mismatch| matches!(m, Mismatch::Guard { what: Guarded::LetsThrough { other, .. }, .. } if *other == host);
        found.iter().filter(is).count()
    };
    assert_eq!((let_through("168.63.129.16"), let_through("100.100.100.200"), found.len()), (1, 1, 2), "{found:?}");
}

fn block(cidr: &str) -> Peer {
    Peer::Block { cidr: cidr.parse().unwrap(), except: vec![] }
}

fn pods(namespace: &str, app: &str) -> Peer {
    Peer::Pods { namespaces: Namespaces::Named(namespace.into()), labels: labels(&[("app", app)]) }
}

fn egress(peer: Peer, port: u16) -> Rule {
    let mut rule = guard("x", &[]).denies.remove(0);
    rule.peers = vec![peer];
    rule.ports.truncate(1);
    (rule.ports[0].first, rule.ports[0].last) = (port, port);
    rule.others = false;
    rule
}

/// Whether a denial takes away a permission of the same pods.
fn cuts(can: Capabilities, deny: Rule, allow: Rule) -> bool {
    let shop = Sym::from("shop");
    let policy = |rules, denies| Policy {
        scope: Scope::Namespace(shop.clone()),
        cluster_scoped: false,
        rules,
        denies,
        ..guard("p", &[])
    };
    !cut(can, &shop, &[&policy(vec![], vec![deny]), &policy(vec![allow], vec![])], &[]).is_empty()
}

#[test]
fn a_denial_meets_a_permission_in_one_direction_on_one_port_at_one_end() {
    let web = || egress(pods("a", "web"), 80);
    assert!(cuts(RICH, web(), web()));
    assert!(!cuts(RICH, egress(pods("a", "web"), 81), web()));
    let others = |port| Rule { others: true, ..egress(pods("a", "web"), port) };
    assert!(cuts(RICH, others(81), others(80)) && !cuts(RICH, others(81), web()), "ICMP, which both name");
    assert!(!cuts(RICH, Rule { direction: Direction::Ingress, ..web() }, web()));
    assert!(!cuts(RICH, egress(pods("b", "web"), 80), web()));
    assert!(!cuts(RICH, egress(pods("a", "api"), 80), web()));
    assert!(cuts(RICH, egress(Peer::Anyone, 80), web()) && cuts(RICH, web(), egress(Peer::Anyone, 80)));
    let (host, other) = (Peer::Entity(Entity::Host), Peer::Entity(Entity::RemoteNode));
    assert!(cuts(RICH, egress(host.clone(), 80), egress(host.clone(), 80)));
    assert!(!cuts(RICH, egress(host, 80), egress(other, 80)));
    assert!(!cuts(RICH, egress(block("::/0"), 80), egress(block("0.0.0.0/0"), 80)));
}

#[test]
fn a_denied_block_may_hold_what_permissions_know_by_other_words() {
    let wide = || egress(block("0.0.0.0/0"), 443);
    let name = || egress(Peer::Name("api.example.com".into()), 443);
    let api_server = || egress(Peer::Entity(Entity::ApiServer), 443);
    let node = || egress(Peer::Entity(Entity::Host), 443);
    assert!(cuts(RICH, wide(), name()) && cuts(RICH, wide(), api_server()));
    assert!(cuts(RICH, node(), api_server()) && cuts(RICH, api_server(), node()));
    assert!(!cuts(RICH, wide(), node()), "no block matches a node");
    // Where pods are addresses too, a block may hold one.
    let web = || egress(pods("a", "web"), 443);
    assert!(cuts(ADDRESSES, wide(), web()) && cuts(ADDRESSES, web(), wide()));
    assert!(!cuts(RICH, wide(), web()));
    // The addresses of a guard are nobody's but a cloud's.
    for (_, host) in METADATA {
        let metadata = || egress(block(&ipnet::IpNet::from(host).to_string()), 443);
        assert!(!cuts(ADDRESSES, metadata(), web()) && !cuts(RICH, metadata(), name()), "{host}");
        assert!(!cuts(RICH, metadata(), api_server()) && cuts(RICH, metadata(), metadata()), "{host}");
    }
}
