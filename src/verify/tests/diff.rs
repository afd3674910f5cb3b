//! Flows of policy sets, and changes between them.

use super::proof::policies;
use crate::model::{Direction, HttpRule};
use crate::verify::normal::{Namespaces, Peer};
use crate::verify::sum::{Policy, Scope};
use crate::verify::{ChangeKind, Flows, denial_changes, flow_changes, released};

fn name(peer: &Peer) -> Option<String> {
    match peer {
        Peer::Pods { namespaces: Namespaces::Named(namespace), labels } => {
            labels.get("app").map(|app| format!("{namespace}/{app}"))
        }
        _ => None,
    }
}

fn changes(old: &[Policy], new: &[Policy]) -> Vec<String> {
    let found = flow_changes(&Flows::of(old), &Flows::of(new), &name);
    found.iter().map(|change| format!("{} {change}", change.kind.as_str())).collect()
}

#[test]
fn a_first_build_opens_every_flow_once() {
    assert_eq!(
        changes(&[], &policies()),
        [
            "opened frontend/web → 203.0.113.0/24 443/TCP",
            "opened frontend/web → db/postgres 5432/TCP",
            "opened frontend/web → kube-system/(k8s-app=kube-dns) 53/TCP, 53/UDP",
        ]
    );
}

#[test]
fn equal_sets_change_nothing_and_a_removed_set_closes_all() {
    assert!(changes(&policies(), &policies()).is_empty());
    assert_eq!(changes(&policies(), &[]).iter().filter(|c| c.starts_with("closed")).count(), 3);
}

#[test]
fn a_flow_between_isolated_pods_needs_both_halves() {
    let mut half = policies();
    half.retain(|policy| policy.name != "db-from-web");
    assert_eq!(changes(&policies(), &half), ["closed frontend/web → db/postgres 5432/TCP"]);
}

#[test]
fn a_half_for_all_pods_counts_for_some_pods() {
    let mut wider = policies();
    for policy in wider.iter_mut().filter(|policy| policy.name == "db-from-web") {
        policy.rules[0].peers = vec![Peer::Anyone];
    }
    // Who could connect before is named: not all of it is new, and the other way round not all of it goes.
    assert_eq!(changes(&policies(), &wider), ["opened anywhere → db/postgres 5432/TCP (open before: frontend/web)"]);
    assert_eq!(changes(&wider, &policies()), ["closed anywhere → db/postgres 5432/TCP (still open: frontend/web)"]);
}

#[test]
fn of_many_ends_beside_everybody_some_are_named_and_of_other_ports_none() {
    let with = |others: &[&str], everybody: bool| {
        let mut policies = policies();
        let policy = policies.iter_mut().find(|policy| policy.name == "web-to-payments").unwrap();
        let block = |cidr: &&str| Peer::Block { cidr: cidr.parse().unwrap(), except: vec![] };
        let peers = others.iter().map(block).chain(everybody.then_some(Peer::Anyone)).collect();
        policy.rules[0].peers = peers;
        policies
    };
    let closed = |others: &[&str]| changes(&with(others, true), &with(others, false));
    assert_eq!(closed(&["192.0.2.0/24"]), ["closed frontend/web → anywhere 443/TCP (still open: 192.0.2.0/24)"]);
    let many = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"];
    let said = "(still open: 192.0.2.0/24, 198.51.100.0/24, 2001:db8::/32 and 1 more)";
    assert_eq!(closed(&many), [format!("closed frontend/web → anywhere 443/TCP {said}")]);
}

/// A part of what is open already opens nothing, and closes nothing when it goes.
#[test]
fn what_a_wider_rule_lets_through_is_not_told_again() {
    let with = |cidr: &str, except: &[&str], last: u16| {
        let mut more = policies();
        let mut part = more.iter().find(|policy| policy.name == "web-to-payments").unwrap().clone();
        let except = except.iter().map(|hole| hole.parse().unwrap()).collect();
        part.rules[0].peers = vec![Peer::Block { cidr: cidr.parse().unwrap(), except }];
        part.rules[0].ports[0].last = last;
        more.push(part);
        more
    };
    let part = with("203.0.113.128/25", &[], 443);
    assert_eq!(changes(&policies(), &part), [""; 0]);
    assert_eq!(changes(&part, &policies()), [""; 0]);
    let ports = with("203.0.113.128/25", &[], 444);
    assert_eq!(changes(&policies(), &ports), ["widened frontend/web → 203.0.113.128/25 +444/TCP"]);
    // What is left out of one is not in the other.
    let (hole, whole) = (with("198.51.100.0/24", &["198.51.100.64/26"], 443), with("198.51.100.0/24", &[], 443));
    assert_eq!(changes(&whole, &hole), ["closed frontend/web → 198.51.100.64/26 443/TCP"]);
    assert_eq!(changes(&hole, &whole), ["opened frontend/web → 198.51.100.64/26 443/TCP"]);
}

#[test]
fn ports_widen_and_narrow() {
    let mut more = policies();
    for policy in more.iter_mut().filter(|policy| policy.name == "web-to-payments") {
        assert_eq!(policy.rules[0].direction, Direction::Egress);
        policy.rules[0].ports[0].last = 444;
    }
    assert_eq!(changes(&policies(), &more), ["widened frontend/web → 203.0.113.0/24 +444/TCP"]);
    assert_eq!(changes(&more, &policies()), ["narrowed frontend/web → 203.0.113.0/24 -444/TCP"]);
    let kinds: Vec<_> = flow_changes(&Flows::of(&more), &Flows::default(), &name).iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [ChangeKind::Closed; 3]);
}

#[test]
fn requests_that_widen_a_flow_are_told_beside_what_was() {
    let change = |policies: &mut Vec<Policy>, http: &[&str]| {
        for policy in policies.iter_mut().filter(|policy| policy.name == "db-from-web") {
            let request = |path: &&str| HttpRule { method: None, path: Some((*path).into()), headers: vec![] };
            policy.rules[0].http = http.iter().map(request).collect();
        }
    };
    let (mut one, mut two) = (policies(), policies());
    change(&mut one, &["/a"]);
    change(&mut two, &["/a", "/b"]);
    let flow = "frontend/web → db/postgres";
    assert_eq!(changes(&one, &two), [format!("widened {flow} 5432/TCP (/a) → 5432/TCP (/a, /b)")]);
    assert_eq!(changes(&policies(), &one), [format!("narrowed {flow} 5432/TCP → 5432/TCP (/a)")]);
}

#[test]
fn a_namespace_without_its_default_deny_is_released() {
    let whole = policies();
    assert!(released(&whole, &whole).is_empty());
    assert!(released(&[], &whole).is_empty());
    let db = whole
        .iter()
        .filter(|policy| policy.namespace().is_none_or(|name| &**name != "db"))
        .cloned()
        .collect::<Vec<_>>();
    assert_eq!(released(&whole, &db).iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["db"]);
}

fn denials(old: &[Policy], new: &[Policy]) -> Vec<String> {
    let red = |opens: bool| if opens { "! " } else { "" };
    denial_changes(old, new, &|_| true).iter().map(|change| format!("{}{change}", red(change.opens()))).collect()
}

#[test]
fn namespaces_that_get_a_default_deny_are_told() {
    let (whole, mut staged) = (policies(), policies());
    assert!(denials(&whole, &whole).is_empty());
    assert!(denials(&whole, &[]).is_empty(), "those are released");
    let denied = "every connection that no flow allows";
    assert_eq!(
        denials(&[], &whole),
        [format!("namespaces db, frontend are managed from now on: {denied} is denied there")]
    );
    staged.iter_mut().for_each(|policy| policy.staged = true);
    assert_eq!(
        denials(&[], &staged),
        [format!("namespaces db, frontend are managed from now on: {denied} would be denied there, once enforced")]
    );
    assert_eq!(
        denials(&staged, &whole),
        [format!("namespaces db, frontend are enforced from now on: {denied} is denied there")]
    );
    assert_eq!(
        denials(&whole, &staged),
        ["! namespaces db, frontend are no longer enforced: policies only report there"]
    );
}

#[test]
fn what_guards_do_otherwise_is_told() {
    let guard = |except: &[&str], staged| {
        let isolating = policies().into_iter().find(|policy| !policy.isolates.is_empty()).unwrap();
        let scope = Scope::AllBut(except.iter().map(|name| (*name).into()).collect());
        [Policy { scope, staged, rules: vec![], ..isolating }]
    };
    let told = |old: (&[&str], bool), new: (&[&str], bool)| denials(&guard(old.0, old.1), &guard(new.0, new.1));
    assert!(told((&["a"], false), (&["a"], false)).is_empty());
    assert_eq!(
        told((&["a", "b"], false), (&["b", "c", "d"], true)),
        [
            "! guard `default-deny` is no longer enforced: it only reports",
            "guard `default-deny` governs namespace a too",
            "! guard `default-deny` no longer governs namespaces c, d",
        ]
    );
    assert_eq!(
        denials(&[], &guard(&["a", "b"], false)),
        ["guard `default-deny` is new: it governs every namespace but a, b"]
    );
    assert_eq!(denials(&guard(&["a"], false), &[]), ["! guard `default-deny` is no longer there"]);
}

/// A list of addresses grows with the releases of this program, too: what a guard denies less must not pass for nothing.
#[test]
fn whom_a_guard_denies_otherwise_is_told() {
    let guard = |hosts: &[&str]| {
        let mut all = policies();
        let mut guard = all.remove(0);
        let peers = hosts.iter().map(|host| Peer::Block { cidr: host.parse().unwrap(), except: vec![] }).collect();
        let mut rule = all[1].rules[0].clone();
        (rule.peers, guard.isolates) = (peers, vec![]);
        (guard.denies, guard.scope) = (vec![rule], Scope::AllBut([].into()));
        [guard]
    };
    let (both, one) = (guard(&["192.0.2.1/32", "192.0.2.2/32"]), guard(&["192.0.2.1/32"]));
    assert_eq!(denials(&one, &both), ["guard `metadata-deny` denies 192.0.2.2/32 too"]);
    assert_eq!(denials(&both, &one), ["! guard `metadata-deny` no longer denies 192.0.2.2/32"]);
}
