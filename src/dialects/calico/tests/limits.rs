//! What the API server takes: nothing is ever written larger, and what is split says the same.

use super::*;
use crate::verify::normal::{Peer, Ports};

fn tcp_ports(count: u16) -> Vec<PortRange> {
    (1..=count).map(|n| tcp(n * 2, n * 2)).collect()
}

#[test]
fn more_than_fifty_ports_are_several_rules() {
    for (count, want) in [(50, vec![50]), (51, vec![50, 1]), (101, vec![50, 50, 1])] {
        let text = rules(Direction::Egress, vec![PeerSet::AllPods], &tcp_ports(count));
        let found: Vec<usize> =
            text.split("- action: Allow\n").skip(1).map(|rule| rule.matches("          - ").count()).collect();
        assert_eq!(found, want);
    }
}

#[test]
fn more_than_256_nets_are_several_rules() {
    let mut model = model();
    for (count, want) in [(256_u32, vec![256]), (257, vec![256, 1])] {
        let range = |n: u32| net(&format!("203.0.{}.{}/32", n * 2 / 256, n * 2 % 256));
        model.profile.node_cidrs = (0..count).map(range).collect();
        let text = rules_in(&model, Direction::Ingress, vec![PeerSet::Nodes], &[tcp(1, 1)]);
        let found: Vec<usize> =
            text.split("- action: Allow\n").skip(1).map(|rule| rule.matches("          - 203").count()).collect();
        assert_eq!(found, want);
    }
}

#[test]
fn more_than_256_exceptions_are_carved_out() {
    let mut model = model();
    let range = |n: u32| net(&format!("11.{}.{}.0/25", n / 256, n % 256));
    model.profile.private_cidrs = (0..260).map(range).collect();
    let text = rules_in(&model, Direction::Egress, vec![PeerSet::Internet], &[tcp(1, 1)]);
    for rule in text.split("- action: Allow\n").skip(1) {
        assert!(rule.matches("          - ").count() <= 257, "{rule}");
    }
    assert!(!text.contains("          - 0.0.0.0/0\n") && text.contains("          - 11.0.0.128/25\n"));
}

/// A policy whose one rule becomes `count` of Calico's.
fn many_peers(count: usize) -> Policy {
    let peers = (0..count).map(|n| PeerSet::Pods(pods(&["a"], &[("app", &format!("p{n:05}"))]))).collect();
    policy("p", Direction::Ingress, peers, &[tcp(80, 80)])
}

#[test]
fn more_than_1024_rules_are_several_policies() {
    let mut other = policy("p--2", Direction::Ingress, vec![PeerSet::AllPods], &[tcp(80, 80)]);
    other.subject = labels(&[]);
    let names = |count: usize| {
        let files = render(&model(), &policies("backend", vec![many_peers(count), other.clone()]));
        let read = read(&files);
        let found: Vec<(String, usize)> =
            read["allow/backend.yaml"].iter().map(|policy| (policy.name.clone(), policy.rules.len())).collect();
        found
    };
    let of = |name: &str, count: usize| (name.to_owned(), count);
    // Selectors of this length fill an object before the number of rules does.
    let all = names(1025);
    assert_eq!(all.iter().map(|(_, count)| count).sum::<usize>(), 1026);
    assert_eq!(all[0].0, "backend--p");
    // A name that is taken is skipped.
    assert_eq!(all[1].0, "backend--p--3");
    assert_eq!(all.last(), Some(&of("backend--p--2", 1)));
}

#[test]
fn no_object_has_more_rules_or_bytes_than_it_may() {
    let short = |count: usize| {
        let peers = vec![PeerSet::Anyone];
        let rule =
            |n: u16| Rule { peers: peers.clone(), ports: [tcp(n, n)].into(), http: vec![], edge: None, span: span() };
        let mut policy = policy("p", Direction::Ingress, vec![], &[]);
        policy.rules = (1..=u16::try_from(count).unwrap()).map(rule).collect();
        policy
    };
    for (count, want) in [(1024, vec![1024]), (1025, vec![1024, 1])] {
        let files = render(&model(), &policies("backend", vec![short(count)]));
        let read = read(&files);
        let found: Vec<usize> = read["allow/backend.yaml"].iter().map(|policy| policy.rules.len()).collect();
        assert_eq!(found, want);
    }
    let files = render(&model(), &policies("backend", vec![many_peers(5_000)]));
    for object in files["allow/backend.yaml"].split("---\n") {
        assert!(object.len() < 256 << 10, "{}", object.len());
    }
}

#[test]
fn large_sets_are_several_objects_under_the_same_labels() {
    let ranges: Vec<String> = (0..7_000).map(|n| format!("203.{}.{}.0/25", n / 256, n % 256)).collect();
    let ranges: Vec<&str> = ranges.iter().map(String::as_str).collect();
    let (model, set) = with_external("hub", &ranges, &[]);
    let allow = policy("p", Direction::Egress, vec![PeerSet::External(ExternalId(0))], &[tcp(443, 443)]);
    let files = render(
        &model,
        &Policies { shared: Shared { externals: vec![set], guards: vec![] }, ..policies("backend", vec![allow]) },
    );
    let text = &files["allow/externals/netpolc--hub.yaml"];
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  name: ")).collect();
    assert_eq!(names, ["netpolc--hub-v4", "netpolc--hub-v4--2", "netpolc--hub-v4--3"]);
    assert!(text.split("---\n").all(|object| object.len() < 200 << 10));
    let read = read(&files);
    assert_eq!(read["allow/backend.yaml"][0].rules[0].peers.len(), 7_000);
}

#[test]
fn long_names_are_shortened_and_stay_apart() {
    let long = |last: char| format!("{}{last}", "p".repeat(252));
    let allows = ['a', 'b'].map(|last| policy(&long(last), Direction::Ingress, vec![PeerSet::AllPods], &[tcp(1, 1)]));
    let mut model = model();
    for tier in ["default", "platform"] {
        model.profile.tier = sym(tier);
        let files = render(&model, &policies("backend", allows.to_vec()));
        let names: BTreeSet<&str> =
            files["allow/backend.yaml"].lines().filter_map(|line| line.strip_prefix("  name: ")).collect();
        assert_eq!(names.len(), 2);
        assert!(names.iter().all(|name| name.len() == 253 && name.matches('.').count() <= 1), "{names:?}");
    }
}

#[test]
fn a_long_external_is_found_by_a_hash_of_its_name() {
    let name = "n".repeat(63);
    let (model, set) = with_external(&name, &["203.0.113.0/24"], &[]);
    let allow = policy("p", Direction::Egress, vec![PeerSet::External(ExternalId(0))], &[tcp(443, 443)]);
    let files = render(
        &model,
        &Policies { shared: Shared { externals: vec![set], guards: vec![] }, ..policies("backend", vec![allow]) },
    );
    let read = read(&files);
    let block = Peer::Block { cidr: net("203.0.113.0/24"), except: vec![] };
    assert_eq!(read["allow/backend.yaml"][0].rules[0].peers, [block]);
}

#[test]
fn no_set_holds_a_range_of_mask_0() {
    let (model, set) = with_external("all", &["0.0.0.0/0", "::/0"], &[]);
    let allow = policy("p", Direction::Egress, vec![PeerSet::External(ExternalId(0))], &[tcp(443, 443)]);
    let files = render(
        &model,
        &Policies { shared: Shared { externals: vec![set], guards: vec![] }, ..policies("backend", vec![allow]) },
    );
    let nets: Vec<&str> =
        files["allow/externals/netpolc--all.yaml"].lines().filter_map(|line| line.strip_prefix("    - ")).collect();
    assert_eq!(nets, ["0.0.0.0/1", "128.0.0.0/1", "\"::/1\"", "\"8000::/1\""]);
}

#[test]
fn what_was_split_says_what_was_meant() {
    let files = render(
        &model(),
        &policies("backend", vec![policy("p", Direction::Egress, vec![PeerSet::AllPods], &tcp_ports(120))]),
    );
    let read = read(&files);
    let ports: Vec<Ports> = read["allow/backend.yaml"]
        .iter()
        .flat_map(|policy| &policy.rules)
        .flat_map(|rule| rule.ports.clone())
        .collect();
    let want: Vec<Ports> = tcp_ports(120)
        .iter()
        .map(|range| Ports { protocol: Protocol::Tcp, first: range.first, last: range.last })
        .collect();
    assert_eq!(ports, want);
}
