//! What rules are about: protocols and ports.

use super::*;

/// The rules of one egress rule with these fields.
#[track_caller]
fn rules(rule: &str) -> Vec<Rule> {
    let rule = rule.replace('\n', "\n  ");
    given_rules(&policy("p", &format!("types: [Egress]\negress:\n- {rule}")))
}

#[track_caller]
fn rule(fields: &str) -> Rule {
    let mut rules = rules(&format!("action: Allow\n{fields}"));
    assert_eq!(rules.len(), 1, "{rules:?}");
    rules.remove(0)
}

fn udp_and_sctp() -> Vec<Ports> {
    [Protocol::Udp, Protocol::Sctp].map(|protocol| Ports { protocol, first: 1, last: 65535 }).to_vec()
}

#[test]
fn protocols_are_names_or_numbers_quoted_or_not() {
    for word in ["TCP", "6", "\"6\""] {
        let rule = rule(&format!("protocol: {word}"));
        assert_eq!((rule.ports, rule.others), (vec![tcp(1, 65535)], false), "{word}");
    }
    for word in ["ICMP", "1", "ICMPv6", "58", "UDPLite", "47"] {
        let rule = rule(&format!("protocol: {word}"));
        assert_eq!((rule.ports, rule.others), (vec![], true), "{word}");
    }
}

#[test]
fn a_protocol_that_is_left_out_leaves_the_others() {
    let tcp_out = rule("notProtocol: TCP");
    assert_eq!((tcp_out.ports, tcp_out.others), (udp_and_sctp(), true));
    let icmp_out = rule("notProtocol: ICMP");
    assert_eq!((icmp_out.ports, icmp_out.others), (Ports::every(), true));
    assert!(rules("action: Allow\nprotocol: TCP\nnotProtocol: 6").is_empty());
    assert!(rules("action: Allow\nprotocol: ICMP\nnotProtocol: 1").is_empty());
    assert_eq!(rule("protocol: TCP\nnotProtocol: UDP").ports, [tcp(1, 65535)]);
}

#[test]
fn a_denial_of_some_protocols_is_none_of_all_others() {
    let denied = |fields: &str| rules(&format!("action: Deny\n{fields}"));
    assert!(denied("protocol: ICMP").is_empty());
    assert!(!denied("notProtocol: ICMP")[0].others && denied("notProtocol: TCP")[0].others);
    // What is passed on for some of them is passed on perhaps.
    let passed = rules("action: Pass\nnotProtocol: ICMP");
    let told: Vec<_> = passed.iter().map(|rule| (rule.ports.is_empty(), rule.others, rule.provided)).collect();
    assert_eq!(told, [(false, false, None), (true, true, Some("a protocol without ports"))]);
}

#[test]
fn fields_of_icmp_are_some_of_it() {
    let ping = rule("protocol: ICMP\nicmp:\n  type: 8\n  code: 0");
    assert_eq!((ping.ports, ping.others), (vec![], true));
    let not = rules("action: Deny\nnotICMP:\n  type: 8");
    assert_eq!((&not[0].ports, not[0].others), (&Ports::every(), false));
}

#[test]
fn ports_that_are_left_out_leave_the_others() {
    let left = rule("protocol: TCP\ndestination:\n  notPorts: [\"80:90\", 443]");
    assert_eq!(left.ports, [tcp(1, 79), tcp(91, 442), tcp(444, 65535)]);
    let both = rule("protocol: TCP\ndestination:\n  ports: [\"1:100\"]\n  notPorts: [80]");
    assert_eq!(both.ports, [tcp(1, 79), tcp(81, 100)]);
    assert!(rules("action: Allow\nprotocol: TCP\ndestination:\n  ports: [80]\n  notPorts: [\"1:100\"]").is_empty());
    assert_eq!(rule("protocol: TCP\ndestination:\n  ports: [\"080\"]").ports, [tcp(80, 80)]);
}

#[test]
fn names_of_ports_are_the_destinations() {
    let named = rule("protocol: TCP\ndestination:\n  ports: [http, 443]");
    assert_eq!((named.ports, named.named), (vec![tcp(443, 443)], vec![(Protocol::Tcp, "http".into())]));
    let left_out = rule("protocol: UDP\ndestination:\n  notPorts: [dns]");
    assert_eq!(left_out.except_named, [(Protocol::Udp, "dns".into())]);
    assert_eq!(left_out.ports, [Ports { protocol: Protocol::Udp, first: 1, last: 65535 }]);
    // Alone they need no protocol, and are of TCP.
    let plain = rule("destination:\n  ports: [http]");
    assert_eq!((plain.ports, plain.named, plain.others), (vec![], vec![(Protocol::Tcp, "http".into())], false));
    let others = rule("destination:\n  notPorts: [http]");
    assert_eq!((others.ports, others.others), (Ports::every(), true));
    assert_eq!(others.except_named, [(Protocol::Tcp, "http".into())]);
}

#[test]
fn a_name_may_be_one_of_the_ports_that_are_left_out() {
    let told = |ports: &str| -> Vec<_> {
        let fields = format!("action: Allow\nprotocol: TCP\ndestination:\n  {ports}");
        rules(&fields).into_iter().map(|rule| (rule.ports, rule.named.len(), rule.except, rule.provided)).collect()
    };
    let (https, web) = (vec![tcp(443, 443)], vec![tcp(80, 80)]);
    assert_eq!(told("ports: [http, 443]\n  notPorts: [80]"), [(https.clone(), 1, web, None)]);
    assert_eq!(told("ports: [http, 443]\n  notPorts: [http]"), [(https, 0, vec![], None)]);
}

#[test]
fn ports_of_the_source_are_a_condition_that_policies_do_not_tell() {
    assert_eq!(rule("protocol: TCP\nsource:\n  ports: [\"1024:65535\"]").provided, Some("a source port"));
    assert_eq!(rule("protocol: TCP\nsource:\n  notPorts: [22]").provided, Some("a source port"));
    assert_eq!(rule("protocol: TCP\nsource:\n  ports: [\"1:65535\"]").provided, None);
    let named = rule("source:\n  ports: [client]");
    assert_eq!((named.ports, named.others, named.provided), (vec![tcp(1, 65535)], false, Some("a source port")));
}

#[test]
fn http_holds_where_the_application_layer_policy_does() {
    let text = policy(
        "p",
        "types: [Ingress]\ningress:\n- action: Allow\n  http:\n    methods: [GET]\n    paths: [{prefix: /a}, {exact: /b}]",
    );
    let rules = given_rules(&text);
    assert_eq!(rules[0].provided, Some("an HTTP request, by Calico's application layer policy"));
}
