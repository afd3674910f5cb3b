//! Whom rules are about, and on which ports.

use super::*;

fn peers(entity: &str) -> Vec<Peer> {
    let policy = one(&shop(&format!("types: [Egress]\negress:\n- action: Allow\n{entity}")));
    policy.rules[0].peers.clone()
}

#[test]
fn no_entity_is_everyone_and_no_protocol_every_port() {
    for entity in ["", "  destination: {}", "  destination:\n    nets: []\n    ports: []", "  destination:"] {
        let policy = one(&shop(&format!("types: [Egress]\negress:\n- action: Allow\n{entity}")));
        assert_eq!(policy.rules[0].peers, [Peer::Anyone], "{entity}");
        assert_eq!(policy.rules[0].ports, Ports::every(), "{entity}");
        assert!(policy.rules[0].others, "ICMP too: {entity}");
    }
}

#[test]
fn nets_are_blocks_and_not_nets_their_exceptions() {
    assert_eq!(
        peers("  destination:\n    nets: [203.0.113.0/24, 198.51.100.7/32]"),
        [block("203.0.113.0/24", &[]), block("198.51.100.7/32", &[])]
    );
    assert_eq!(
        peers("  destination:\n    nets: [0.0.0.0/0]\n    notNets: [192.168.0.0/16, 10.0.0.0/8]"),
        [block("0.0.0.0/0", &["10.0.0.0/8", "192.168.0.0/16"])]
    );
    // An exception from one range is none from another.
    assert_eq!(
        peers("  destination:\n    nets: [10.0.0.0/8, 11.0.0.0/8]\n    notNets: [10.1.0.0/16]"),
        [block("10.0.0.0/8", &["10.1.0.0/16"]), block("11.0.0.0/8", &[])]
    );
    assert_eq!(peers("  destination:\n    nets: [\"2001:db8::/32\"]"), [block("2001:db8::/32", &[])]);
}

#[test]
fn every_pod_is_every_namespace_and_nothing_outside_of_one() {
    let every = [Peer::Pods { namespaces: Namespaces::Labelled(labels(&[])), labels: labels(&[]) }];
    for selector in ["has(projectcalico.org/name)", "all()"] {
        assert_eq!(peers(&format!("  destination:\n    namespaceSelector: {selector}")), every);
        assert_eq!(peers(&format!("  destination:\n    namespaceSelector: {selector}\n    selector: all()")), every);
    }
}

#[test]
fn alternatives_are_peers_of_their_own_and_lists_are_conditions() {
    let peers = peers(
        "  destination:\n    namespaceSelector: projectcalico.org/name == 'a' || projectcalico.org/name == 'b'\n    selector: x in {'1', '2'}",
    );
    let [Peer::Selected(a), Peer::Selected(b)] = peers.as_slice() else { panic!("{peers:?}") };
    assert_eq!((&a.namespaces, &b.namespaces), (&Namespaces::Named("a".into()), &Namespaces::Named("b".into())));
    assert_eq!(a.further[0].to_string(), "x in (1, 2)");
}

#[test]
fn protocols_are_names_or_numbers_and_without_ports_all_of_them() {
    let ports =
        |rule: &str| one(&shop(&format!("types: [Egress]\negress:\n- action: Allow\n{rule}"))).rules[0].ports.clone();
    assert_eq!(ports("  protocol: TCP"), [tcp(1, 65535)]);
    assert_eq!(ports("  protocol: 6"), [tcp(1, 65535)]);
    for (word, protocol) in
        [("UDP", Protocol::Udp), ("17", Protocol::Udp), ("SCTP", Protocol::Sctp), ("132", Protocol::Sctp)]
    {
        assert_eq!(ports(&format!("  protocol: {word}\n  destination:\n    ports: [1]"))[0].protocol, protocol);
    }
    assert_eq!(
        ports(
            "  protocol: TCP\n  destination:\n    ports: [80, \"443\", \"1:2\", \"80:59\"]"
                .replace(", \"80:59\"", "")
                .as_str()
        ),
        [tcp(80, 80), tcp(443, 443), tcp(1, 2)]
    );
}

#[test]
fn types_follow_the_rules_where_they_are_missing() {
    let isolates = |rest: &str| one(&shop(rest)).isolates;
    let (ingress, egress) = ("ingress:\n- action: Log", "egress:\n- action: Log");
    assert_eq!(isolates("order: 1"), [Direction::Ingress]);
    assert_eq!(isolates(ingress), [Direction::Ingress]);
    assert_eq!(isolates(egress), [Direction::Egress]);
    assert_eq!(isolates(&format!("{ingress}\n{egress}")), [Direction::Ingress, Direction::Egress]);
}

#[test]
fn rules_of_a_direction_that_types_leaves_out_are_inert() {
    let policy = one(&shop("types: [Ingress]\negress:\n- action: Allow"));
    assert_eq!(policy.isolates, [Direction::Ingress]);
    assert!(policy.rules.is_empty());
}

#[test]
fn sets_are_found_by_label_across_files() {
    let rule = |selector: &str| {
        shop(&format!(
            "types: [Egress]\negress:\n- action: Allow\n  destination:\n    namespaceSelector: global()\n    selector: {selector}"
        ))
    };
    let sets = join(&[
        set("pay", "{external: pay, family: v4}", "[203.0.113.0/24]"),
        set("pay--2", "{external: pay, family: v4}", "[198.51.100.0/24]"),
        set("pay6", "{external: pay, family: v6}", "[\"2001:db8::/32\"]"),
    ]);
    let v6 = join(&[rule("external == 'pay' && family == 'v6'").replace("name: p\n", "name: q\n")]);
    let files = [
        ("allow/shop.yaml", rule("external == 'pay' && family == 'v4'")),
        ("allow/externals/pay.yaml", sets),
        ("allow/other.yaml", v6),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let read = read_files(&files).unwrap();
    assert_eq!(read[0].policies[0].rules[0].peers, [block("198.51.100.0/24", &[]), block("203.0.113.0/24", &[])]);
    assert!(read[1].policies.is_empty());
    assert_eq!(read[2].policies[0].rules[0].peers, [block("2001:db8::/32", &[])]);
}

#[test]
fn sets_are_found_by_any_selector() {
    let text = join(&[
        shop(
            "types: [Egress]\negress:\n- action: Allow\n  destination:\n    namespaceSelector: global()\n    selector: has(external) && external != 'pay'",
        ),
        set("mail", "{external: mail}", "[203.0.113.0/24]"),
    ]);
    assert_eq!(one(&text).rules[0].peers, [block("203.0.113.0/24", &[])]);
}

#[test]
fn a_protocol_leaves_others_out() {
    let policy = one(&shop("types: [Egress]\negress:\n- action: Allow\n  protocol: TCP"));
    assert!(!policy.rules[0].others);
}
