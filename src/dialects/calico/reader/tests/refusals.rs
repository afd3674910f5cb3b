//! What a policy must not say: what the API server does not take, and what nobody should apply that way.

use super::*;

/// A policy of `shop` with one egress rule, each line indented.
fn egress(rule: &str) -> String {
    refusal(&format!("types: [Egress]\negress:\n- {}", rule.replace('\n', "\n  ")))
}

#[test]
fn a_policy_names_its_namespaces() {
    let missing = "`namespaceSelector` is missing: host endpoints are selected too";
    assert_eq!(refused(&policy("p", "selector: app == 'web'")).1, missing);
    let hosts = "this `namespaceSelector` also selects host endpoints";
    for (selector, message) in [
        ("\"\"", hosts),
        ("projectcalico.org/name != 'x'", hosts),
        ("\"!has(team)\"", hosts),
        ("has(team) || team != 'x'", hosts),
        ("global()", "`global()` has no place here"),
        ("projectcalico.org/name = 'x'", "a selector without operator after a label"),
    ] {
        assert_eq!(refused(&policy("p", &format!("namespaceSelector: {selector}"))).1, message, "{selector}");
    }
    for selector in ["has(team)", "all()", "has(team) && team != 'x'", "team starts with 'x'"] {
        assert!(read_text(&policy("p", &format!("namespaceSelector: {selector}"))).is_ok(), "{selector}");
    }
}

#[test]
fn what_is_about_host_endpoints_is_refused_by_name() {
    for field in ["applyOnForward", "doNotTrack", "preDNAT"] {
        assert_eq!(refusal(&format!("{field}: true")), format!("`{field}` is about host endpoints"));
    }
    assert!(refusal("doNotTrack: \"true\"").starts_with("not a readable manifest"));
    assert!(refusal("selektor: x").starts_with("not a readable manifest: unknown field"));
    assert_eq!(refusal("performanceHints: [Fast]"), "`Fast` is no performance hint");
    assert!(read_text(&shop("performanceHints: [AssumeNeededOnEveryNode]")).is_ok());
}

#[test]
fn fields_of_a_rule_that_no_policy_can_explain_are_refused_by_name() {
    let services = "`services` cannot be evaluated: policies do not tell the endpoints of a Service";
    assert_eq!(egress("action: Allow\ndestination:\n  services:\n    name: x\n    namespace: z"), services);
    assert!(egress("action: Allow\ndestination:\n  domains: [example.com]").contains("unknown field"));
    assert!(egress("action: Allow\nwhy: because").contains("unknown field"));
}

#[test]
fn actions_are_four_words() {
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
fn what_a_rule_selects_says_where() {
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
    let sets = "this `namespaceSelector` also selects sets, which are in no namespace";
    assert_eq!(to("namespaceSelector: projectcalico.org/name not in {'x'}"), sets);
    assert_eq!(to("namespaceSelector: \"!has(team)\""), sets);
    assert_eq!(to("namespaceSelector: all()\nselector: global()"), "`global()` has no place here");
    assert_eq!(to("namespaceSelector: all()\nselector: app == 'global()'"), "`global()` has no place here");
    assert_eq!(to("namespaceSelector: all()\nselector: \" \""), "a selector of blanks alone");
    assert_eq!(
        to("namespaceSelector: all()\nserviceAccounts:\n  names: [\"a', 'b\"]"),
        "`a', 'b` is no name of a service account"
    );
}

#[test]
fn nets_are_canonical_and_of_one_family() {
    let to = |entity: &str| egress(&format!("action: Allow\ndestination:\n  {}", entity.replace('\n', "\n  ")));
    for net in ["203.0.113.7", "203.0.113.0/33", "example.com", "10.0.0.1/8", "010.0.0.0/8"] {
        assert_eq!(to(&format!("nets: [{net}]")), format!("`{net}` is no canonical address range"));
    }
    assert_eq!(to("nets: [10.0.0.0/8, \"2001:db8::/32\"]"), "IPv4 and IPv6 nets in one rule");
    assert_eq!(to("nets: [10.0.0.0/8]\nnotNets: [\"2001:db8::/32\"]"), "IPv4 and IPv6 nets in one rule");
    assert_eq!(to("nets: [10.0.0.0/8, 10.0.0.0/8]"), "`10.0.0.0/8` is written twice");
    let other = "action: Allow\nsource:\n  nets: [\"2001:db8::/32\"]\ndestination:\n  notNets: [10.0.0.0/8]";
    assert_eq!(egress(other), "IPv4 and IPv6 nets in one rule");
    let version = "action: Allow\nipVersion: 6\ndestination:\n  nets: [10.0.0.0/8]";
    assert_eq!(egress(version), "10.0.0.0/8 is not of the rule's `ipVersion`");
    assert_eq!(to("nets: [0.0.0.0/0]\nnotNets: [0.0.0.0/0]"), "`notNets` cannot hold 0.0.0.0/0");
    let many = |count: usize| {
        let nets: Vec<String> = (0..count).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
        format!("types: [Egress]\negress:\n- action: Allow\n  destination:\n    nets: [{}]", nets.join(", "))
    };
    assert_eq!(refusal(&many(257)), "more than 256 nets in one rule");
    assert_eq!(one(&shop(&many(256))).rules[0].peers.len(), 256);
}

#[test]
fn ports_need_a_protocol_that_has_them() {
    let to = |ports: &str| egress(&format!("action: Allow\nprotocol: TCP\ndestination:\n  ports: [{ports}]"));
    assert_eq!(egress("action: Allow\ndestination:\n  ports: [80]"), "ports without protocol");
    assert_eq!(egress("action: Allow\ndestination:\n  ports: [http, \"80:81\"]"), "ports without protocol");
    assert_eq!(egress("action: Allow\nsource:\n  notPorts: [80]"), "ports without protocol");
    for protocol in ["ICMP", "1", "UDPLite", "47"] {
        let rule = format!("action: Allow\nprotocol: {protocol}\ndestination:\n  ports: [http]");
        assert_eq!(egress(&rule), "ports beside a protocol that has none");
    }
    for (port, message) in [
        ("0", "0 is no port"),
        ("70000", "70000 is no port"),
        ("-1", "-1 is no port"),
        ("Http", "`Http` is no port"),
        ("a--b", "`a--b` is no port"),
        ("a234567890123456", "`a234567890123456` is no port"),
        ("\"\"", "`` is no port"),
        ("\"080\"", "`080` is no port"),
        ("\"1:2:3\"", "`1:2:3` is no port"),
        ("\":80\"", "`:80` is no port"),
        ("\"0:80\"", "`0:80` is no port"),
        ("\"90:80\"", "the ports `90:80` end before they start"),
    ] {
        assert_eq!(to(port), message);
    }
    let ports: Vec<String> = (1..=51).map(|port| port.to_string()).collect();
    assert_eq!(to(&ports.join(", ")), "more than 50 ports in one rule");
    for protocol in ["tcp", "HTTP", "0", "256", "-6", "\"256\""] {
        let shown = if protocol.starts_with(['0', '2', '-']) {
            protocol.to_owned()
        } else {
            format!("`{}`", protocol.trim_matches('"'))
        };
        assert_eq!(egress(&format!("action: Allow\nprotocol: {protocol}")), format!("{shown} is no protocol"));
    }
}

#[test]
fn icmp_needs_its_protocol_and_version() {
    let rule = |rest: &str| egress(&format!("action: Allow\n{rest}"));
    assert_eq!(rule("icmp:\n  type: 8"), "`icmp` without the protocol");
    assert_eq!(rule("protocol: TCP\nicmp:\n  type: 8"), "`icmp` without the protocol");
    assert_eq!(rule("protocol: ICMP\nicmp:\n  code: 1"), "a code of ICMP without a type");
    assert_eq!(rule("protocol: ICMP\nicmp:\n  type: 255"), "this is no type or code of ICMP");
    assert_eq!(rule("protocol: ICMP\nnotICMP:\n  type: 1\n  code: 256"), "this is no type or code of ICMP");
    assert_eq!(rule("protocol: ICMP\nipVersion: 6"), "`ipVersion` and the protocol are of different versions of IP");
    assert_eq!(rule("notProtocol: 58\nipVersion: 4"), "`ipVersion` and the protocol are of different versions of IP");
    assert_eq!(rule("ipVersion: 5"), "5 is no version of IP");
    assert!(rule("ipVersion: \"4\"").starts_with("not a readable manifest"));
}

#[test]
fn http_is_allowed_of_what_comes_in_over_tcp() {
    let rule = |head: &str, http: &str| refusal(&format!("types: [Ingress]\ningress:\n- {head}\n  http:\n    {http}"));
    let get = "methods: [GET]";
    assert_eq!(egress("action: Allow\nhttp:\n  methods: [GET]"), "`http` in an egress rule");
    assert_eq!(rule("action: Deny", get), "`http` in a rule that does not allow");
    assert_eq!(rule("action: Allow\n  protocol: UDP", get), "`http` beside a protocol other than TCP");
    assert_eq!(rule("action: Allow", "methods: [GET, GET]"), "`GET` is written twice");
    assert_eq!(rule("action: Allow", "paths: [{exact: x}]"), "`x` is no path");
    assert_eq!(rule("action: Allow", "paths: [{prefix: \"/a?b\"}]"), "`/a?b` is no path");
    assert_eq!(rule("action: Allow", "paths: [{}]"), "a path without text");
    assert_eq!(rule("action: Allow", "paths: [{exact: /a, prefix: /b}]"), "a path with both `exact` and `prefix`");
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
    assert_eq!(staged("Delete"), "the staged action `Delete` enforces nothing that is written here");
    assert_eq!(refusal("stagedAction: Set"), "an enforced policy has no `stagedAction`");
}

#[test]
fn errors_stand_where_the_mistake_is() {
    let text = shop(
        "types: [Egress]\negress:\n- action: Allow\n  protocol: TCP\n  destination:\n    nets: [10.0.0.0/8]\n    ports: [Http]",
    );
    assert_eq!(refused(&text), (14, "`Http` is no port".to_owned()));
}
