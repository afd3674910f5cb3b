//! What a policy may say and the normal form cannot hold, or the API server does not take.

use super::*;

/// A policy of `shop` with one egress rule, each line indented.
fn egress(rule: &str) -> String {
    refusal(&format!("types: [Egress]\negress:\n- {}", rule.replace('\n', "\n  ")))
}

#[test]
fn a_policy_names_its_namespaces() {
    let missing = "`namespaceSelector` is missing: host endpoints are selected too";
    assert_eq!(refused(&policy("p", "selector: app == 'web'")).1, missing);
    for (selector, message) in [
        ("\"\"", "an empty `namespaceSelector` selects host endpoints too"),
        ("global()", "`global()` selects no policy's pods"),
        ("has(team)", "`has(…)` in a selector is not supported here"),
        ("projectcalico.org/name != 'x'", "a `namespaceSelector` of negations alone also selects host endpoints"),
        ("projectcalico.org/name = 'x'", "a selector without operator after a label"),
    ] {
        assert_eq!(refused(&policy("p", &format!("namespaceSelector: {selector}"))).1, message);
    }
}

#[test]
fn fields_of_a_policy_that_change_its_meaning_are_refused_by_name() {
    for field in ["applyOnForward", "doNotTrack", "preDNAT", "performanceHints", "serviceAccountSelector"] {
        assert_eq!(refusal(&format!("{field}: true")), format!("`{field}` is not supported"));
    }
    assert!(refusal("selektor: x").starts_with("not a readable manifest: unknown field"));
}

#[test]
fn fields_of_a_rule_that_change_its_meaning_are_refused_by_name() {
    for field in ["notProtocol", "ipVersion", "icmp", "notICMP", "http", "metadata"] {
        assert_eq!(egress(&format!("action: Allow\n{field}: TCP")), format!("`{field}` is not supported"));
    }
    for field in ["notSelector", "notPorts", "serviceAccounts", "services"] {
        let rule = format!("action: Allow\ndestination:\n  {field}: x");
        assert_eq!(egress(&rule), format!("`{field}` is not supported"));
    }
    assert!(egress("action: Allow\ndestination:\n  domains: [example.com]").contains("unknown field"));
}

#[test]
fn actions_are_allow_deny_and_log() {
    assert_eq!(egress("action: Pass"), "the action `Pass` is not supported");
    assert_eq!(egress("action: allow"), "`allow` is no action");
    assert_eq!(egress("protocol: TCP"), "`action` is missing");
    assert_eq!(refusal("types: [Egress]\negress:\n- null"), "null stands where a rule is expected");
}

#[test]
fn types_are_directions_each_once() {
    assert_eq!(refusal("types: [egress]"), "`egress` is no policy type");
    assert_eq!(refusal("types: [Egress, Egress]"), "a policy type is written twice");
    assert_eq!(refusal("types: []"), "`types` is empty");
}

#[test]
fn peers_are_selected_one_way() {
    let to = |entity: &str| egress(&format!("action: Allow\ndestination:\n  {}", entity.replace('\n', "\n  ")));
    assert_eq!(
        to("selector: app == 'x'"),
        "a rule's `selector` without `namespaceSelector` reaches every namespace and every set"
    );
    assert_eq!(to("namespaceSelector: \"\""), "an empty `namespaceSelector` selects sets too");
    assert_eq!(to("namespaceSelector: global()"), "`global()` alone reaches every set and every host endpoint");
    assert_eq!(to("namespaceSelector: global()\nselector: all()"), "a selector of sets that asks for no label");
    assert_eq!(to("namespaceSelector: global()\nselector: a != 'b'"), "a selector of sets that asks for no label");
    assert_eq!(to("namespaceSelector: global() || all()"), "`global()` stands beside something else");
    assert_eq!(to("namespaceSelector: has(team)"), "`has(…)` in a selector is not supported here");
    assert_eq!(
        to("namespaceSelector: projectcalico.org/name not in {'x'}"),
        "`not in` in a selector is not supported here"
    );
    assert_eq!(to("namespaceSelector: all()\nselector: \"!has(x)\""), "`!` in a selector is not supported here");
    assert_eq!(to("namespaceSelector: all()\nnets: [10.0.0.0/8]"), "selectors and nets in one rule are not supported");
    assert_eq!(
        egress("action: Allow\nsource:\n  nets: [10.0.0.0/8]"),
        "`source` narrows the policy's own pods, which is not supported"
    );
    assert_eq!(egress("action: Allow\nprotocol: TCP\nsource:\n  ports: [80]"), "ports of the source are not supported");
}

#[test]
fn nets_are_canonical_and_of_one_family() {
    let to = |entity: &str| egress(&format!("action: Allow\ndestination:\n  {}", entity.replace('\n', "\n  ")));
    for net in ["203.0.113.7", "203.0.113.0/33", "example.com", "10.0.0.1/8", "010.0.0.0/8"] {
        assert_eq!(to(&format!("nets: [{net}]")), format!("`{net}` is no canonical address range"));
    }
    assert_eq!(to("nets: [10.0.0.0/8, \"2001:db8::/32\"]"), "IPv4 and IPv6 nets in one rule");
    assert_eq!(to("nets: [10.0.0.0/8]\nnotNets: [\"2001:db8::/32\"]"), "IPv4 and IPv6 nets in one rule");
    assert_eq!(to("notNets: [10.0.0.0/8]"), "`notNets` without `nets` is not supported");
    assert_eq!(to("nets: [0.0.0.0/0]\nnotNets: [0.0.0.0/0]"), "`notNets` cannot hold 0.0.0.0/0");
    assert_eq!(
        to("nets: [10.1.0.0/16]\nnotNets: [10.0.0.0/8]"),
        "the exception 10.0.0.0/8 leaves nothing of 10.1.0.0/16"
    );
    let many = |count: usize| {
        let nets: Vec<String> = (0..count).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
        format!("types: [Egress]\negress:\n- action: Allow\n  destination:\n    nets: [{}]", nets.join(", "))
    };
    assert_eq!(refusal(&many(257)), "more than 256 nets in one rule");
    assert_eq!(one(&shop(&many(256))).rules[0].peers.len(), 256);
}

#[test]
fn ports_need_a_protocol_and_are_numbers() {
    let to = |ports: &str| egress(&format!("action: Allow\nprotocol: TCP\ndestination:\n  ports: [{ports}]"));
    assert_eq!(egress("action: Allow\ndestination:\n  ports: [80]"), "ports without protocol");
    for (port, message) in [
        ("0", "0 is no port"),
        ("70000", "70000 is no port"),
        ("http", "`http` is no port"),
        ("\"080\"", "`080` is no port"),
        ("\"1:2:3\"", "`1:2:3` is no port"),
        ("\":80\"", "`:80` is no port"),
        ("\"90:80\"", "the ports `90:80` end before they start"),
    ] {
        assert_eq!(to(port), message);
    }
    let ports: Vec<String> = (1..=51).map(|port| port.to_string()).collect();
    assert_eq!(to(&ports.join(", ")), "more than 50 ports in one rule");
    for protocol in ["ICMP", "tcp", "1", "UDPLite", "HTTP"] {
        let shown = if protocol == "1" { "1".to_owned() } else { format!("`{protocol}`") };
        assert_eq!(
            egress(&format!("action: Allow\nprotocol: {protocol}")),
            format!("the protocol {shown} is not supported")
        );
    }
}

#[test]
fn a_direction_has_at_most_1024_rules() {
    let rules = |count: usize| format!("types: [Egress]\negress:\n{}", "- action: Log\n".repeat(count));
    assert_eq!(refusal(&rules(1025)), "more than 1024 rules in one direction");
    assert!(read_text(&shop(&rules(1024))).is_ok());
}

#[test]
fn staged_actions_set_and_only_where_they_belong() {
    let staged = |action: &str| {
        let text = shop(&format!("stagedAction: {action}")).replace("kind: Global", "kind: StagedGlobal");
        refused(&text).1
    };
    assert_eq!(staged("Delete"), "the staged action `Delete` is not supported");
    assert_eq!(refusal("stagedAction: Set"), "an enforced policy has no `stagedAction`");
}

#[test]
fn errors_stand_where_the_mistake_is() {
    let text = shop(
        "types: [Egress]\negress:\n- action: Allow\n  protocol: TCP\n  destination:\n    nets: [10.0.0.0/8]\n    ports: [http]",
    );
    assert_eq!(refused(&text), (14, "`http` is no port".to_owned()));
}
