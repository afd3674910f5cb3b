//! What is not understood, or not taken by the API server or the agent, is refused where it stands.

use super::*;

/// The first error of a text: line in its spec, and message.
fn error_of(text: &str) -> (usize, String) {
    let head = text.lines().position(|line| line == "spec:").unwrap_or(0) + 1;
    let (line, message) = read_text(text).unwrap_err().remove(0);
    (line.saturating_sub(head), message)
}

/// The first error of these rules for every pod of a namespace.
fn refused(rules: &str) -> String {
    error_of(&namespaced(&format!("endpointSelector: {{}}\n{rules}"))).1
}

/// Valid, and nothing can be proved of it.
#[test]
fn what_no_policy_tells() {
    for (words, rules) in [
        ("cannot be proved", "egress:\n- toServices:\n  - k8sService:\n      serviceName: api"),
        ("cannot be proved", "egress:\n- toGroups:\n  - aws:\n      region: eu"),
        ("cannot be proved", "ingress:\n- fromGroups:\n  - {}"),
        ("enable-node-selector-labels", "egress:\n- toNodes:\n  - {}"),
        ("enable-node-selector-labels", "ingress:\n- fromNodes:\n  - {}"),
        ("authentication cannot be proved", "ingress:\n- authentication:\n    mode: required"),
        ("what a proxy asks", "egress:\n- toPorts:\n  - ports:\n    - port: \"443\"\n    serverNames: [a.b]"),
        (
            "what a proxy asks",
            "egress:\n- toPorts:\n  - ports:\n    - {port: \"53\"}\n    rules: {dns: [{matchName: a.b}]}",
        ),
        (
            "is no regular expression",
            "egress:\n- toPorts:\n  - ports:\n    - {port: \"80\", protocol: TCP}\n    rules: {http: [{host: \"(\"}]}",
        ),
    ] {
        assert!(refused(rules).contains(words), "{rules}: {}", refused(rules));
    }
    assert!(error_of(&clusterwide("nodeSelector: {}\ningress:\n- {}")).1.contains("governs nodes"));
}

/// With an option of the agents they are only pods.
#[test]
fn peers_of_negations_alone() {
    let key = "k8s:io.kubernetes.pod.namespace";
    for (operator, values) in [("NotIn", "\n      values: [a]"), ("DoesNotExist", "")] {
        let rules = format!(
            "ingress:\n- fromEndpoints:\n  - matchExpressions:\n    - key: {key}\n      operator: {operator}{values}"
        );
        assert!(refused(&rules).contains("negations alone"), "{operator}");
    }
}

#[test]
fn expressions_that_are_none() {
    let expression = |rest: &str| {
        refused(&format!("ingress:\n- fromEndpoints:\n  - matchExpressions:\n    - key: app\n      {rest}"))
    };
    assert!(expression("operator: Equals").contains("Equals"));
    assert!(expression("operator: In").contains("values are missing"));
    assert!(expression("operator: NotIn\n      values: []").contains("values are missing"));
    assert!(expression("operator: Exists\n      values: [a]").contains("takes no values"));
}

#[test]
fn other_kinds_and_versions() {
    for (version, kind) in [
        ("cilium.io/v2alpha1", "CiliumCIDRGroup"),
        ("cilium.io/v2", "CiliumEnvoyConfig"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("projectcalico.org/v3", "GlobalNetworkPolicy"),
    ] {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: p\nspec: {{}}\n");
        assert!(error_of(&text).1.contains("has no place here"), "{kind}");
    }
}

#[test]
fn fields_that_are_not_understood_are_named() {
    for (field, place) in [
        ("fromRequires", "ingress:\n- fromRequires: []"),
        ("toRequires", "egress:\n- toRequires: []"),
        ("fromFQDNs", "ingress:\n- fromFQDNs: []"),
        ("toCIDR", "ingress:\n- toCIDR: []"),
        ("fromServices", "ingress:\n- fromServices: []"),
        ("priority", "priority: 1\ningress:\n- {}"),
        ("selectionExpression", "ingress:\n- fromEndpoints:\n  - selectionExpression: x"),
    ] {
        assert!(refused(place).contains(field), "{field}: {}", refused(place));
    }
}

/// A selector of negations only, or of nothing, would govern health checks and ingress proxies too.
#[test]
fn clusterwide_subjects_that_are_more_than_pods() {
    let key = "k8s:io.kubernetes.pod.namespace";
    let not_in = format!(
        "endpointSelector:\n  matchExpressions:\n  - key: {key}\n    operator: NotIn\n    values: [kube-system]"
    );
    for selector in ["endpointSelector: {}", &not_in] {
        assert!(
            error_of(&clusterwide(&format!("{selector}\ningress:\n- {{}}"))).1.contains("endpoints that are no pods")
        );
    }
}

#[test]
fn labels_that_select_nothing_or_mean_something_else() {
    let with_key = |key: &str| refused(&format!("ingress:\n- fromEndpoints:\n  - matchLabels:\n      {key}: x"));
    for key in [
        "pod-template-hash",
        "k8s:statefulset.kubernetes.io/pod-name",
        "any:kubernetes.io/os",
        "controller-revision-hash",
    ] {
        assert!(with_key(key).contains("leaves this label out"), "{key}");
    }
    assert!(with_key("k8s:io.cilium.k8s.namespace.labels.a.beta.kubernetes.io/b").contains("leaves this label out"));
    assert!(with_key("node:role").contains("`node`"));
    assert!(with_key("cidr:1.2.3.4/32").contains("`cidr`"));
    assert!(with_key(&"k".repeat(60)).contains("no key of a label"));
    assert!(with_key("k8s:a b").contains("no key of a label"));
    assert!(refused("ingress:\n- fromEndpoints:\n  - matchLabels:\n      app: -a").contains("no value of a label"));
}

#[test]
fn peers_of_several_kinds_or_of_none() {
    assert!(refused("ingress:\n- fromEndpoints:\n  - {}\n  fromEntities: [all]").contains("several kinds"));
    assert!(refused("egress:\n- toFQDNs:\n  - matchName: a.b\n  toCIDR: [192.0.2.0/24]").contains("several kinds"));
    assert!(refused("ingress:\n- fromEndpoints: []\n  fromCIDR: [192.0.2.0/24]").contains("several kinds"));
    for list in ["toCIDRSet", "toCIDR", "toEntities", "toFQDNs"] {
        assert!(refused(&format!("egress:\n- {list}: []")).contains("an empty list"), "{list}");
    }
    assert!(refused("ingress:\n- fromEntities: [internet]").contains("`internet` is no entity"));
}

#[test]
fn null_in_a_list() {
    for rules in [
        "ingress:\n-",
        "ingress:\n- fromEndpoints:\n  -",
        "egress:\n- toCIDRSet:\n  -",
        "egress:\n- toFQDNs:\n  -",
        "ingress:\n- toPorts:\n  -",
        "ingress:\n- toPorts:\n  - ports:\n    -",
        "ingress:\n- toPorts:\n  - ports:\n    - port: \"80\"\n      protocol: TCP\n    rules:\n      http:\n      -",
    ] {
        assert!(refused(rules).contains("null stands where"), "{rules}: {}", refused(rules));
    }
}

#[test]
fn addresses_that_are_not_canonical() {
    for cidr in ["203.0.113.7", "203.0.113.1/24", "010.0.0.0/8", "2001:DB8::/32", "203.0.113.0/33"] {
        assert!(refused(&format!("egress:\n- toCIDR: [\"{cidr}\"]")).contains("no canonical address range"), "{cidr}");
    }
    let outside = "egress:\n- toCIDRSet:\n  - cidr: 203.0.113.0/24\n    except: [198.51.100.0/24]";
    assert!(refused(outside).contains("not inside"));
    assert!(refused("egress:\n- toCIDRSet:\n  - except: [192.0.2.0/24]").contains("either `cidr`, `cidrGroupRef`"));
}

#[test]
fn groups_that_are_missing_unused_double_or_cut() {
    let user = namespaced("endpointSelector: {}\negress:\n- toCIDRSet:\n  - cidrGroupRef: pay");
    assert_eq!(error_of(&user), (4, "the group `pay` is in no file".to_owned()));
    let pay = group("pay", &["192.0.2.0/24"]);
    assert!(error_of(&pay).1.contains("no policy uses the group `pay`"));
    assert!(read_text(&format!("{user}---\n{pay}---\n{pay}")).unwrap_err()[0].1.contains("written twice"));
    assert!(
        refused("egress:\n- toCIDRSet:\n  - cidrGroupRef: pay\n    except: [192.0.2.0/25]").contains("beside a group")
    );
    let both = "egress:\n- toCIDRSet:\n  - cidrGroupRef: pay\n    cidr: 192.0.2.0/24";
    assert!(refused(both).contains("either"));
    assert!(error_of(&group(&"g".repeat(64), &["192.0.2.0/24"])).1.contains("longer than 63"));
    assert!(error_of(&group("pay", &["192.0.2.1/24"])).1.contains("no canonical"));
    for all in ["0.0.0.0/0", "::/0"] {
        assert!(error_of(&group("pay", &[all])).1.contains("selects nothing by it"), "{all}");
    }
    let mixed = pay.replace("spec:\n", "spec:\n  endpointSelector: {}\n");
    assert!(error_of(&mixed).1.contains("unknown field `endpointSelector`"));
    assert!(refused("externalCIDRs: []\ningress:\n- {}").contains("unknown field `externalCIDRs`"));
    assert!(error_of(&pay.replace("  name: pay\n", "  name: pay\n  namespace: shop\n")).1.contains("in no namespace"));
}

/// The message for one port of a rule.
fn refused_port(port: &str) -> String {
    refused(&format!("ingress:\n- fromEntities: [all]\n  toPorts:\n  - ports:\n    - {port}"))
}

/// Ports are read with base detection: "010" is 8.
#[test]
fn ports_that_are_not_plain_numbers() {
    for port in ["\"010\"", "\"0x5_0\"", "\"+80\"", "\"a--b\"", "\"70000\"", "\"1_000\"", "\" 80\"", "\"\""] {
        assert!(refused_port(&format!("port: {port}")).contains("no plain number"), "{port}");
    }
    assert!(refused_port("port: 80").contains("no string for every reader"));
    assert!(refused_port("protocol: TCP").contains("`port` is missing"));
    assert!(refused_port("{port: \"90\", endPort: 80}").contains("below `port`"));
    assert!(refused_port("{port: \"0\", endPort: 80}").contains("beside port 0"));
    assert!(refused_port("{port: \"80\", endPort: 70000}").contains("no port"));
    assert!(refused_port("{port: \"80\", endPort: \"90\"}").contains("is not a number"));
}

#[test]
fn protocols_that_have_no_ports() {
    for protocol in ["tcp", "ICMP", "ICMPv6"] {
        assert!(refused_port(&format!("{{port: \"80\", protocol: {protocol}}}")).contains(protocol), "{protocol}");
    }
}

#[test]
fn entries_without_ports_and_with_too_many() {
    assert!(refused("ingress:\n- toPorts:\n  - {}").contains("`ports` are missing"));
    assert!(refused("ingress:\n- toPorts:\n  - ports: []").contains("`ports` are missing"));
    let many: String = (1..=41).map(|port| format!("    - port: \"{port}\"\n")).collect();
    assert!(refused(&format!("ingress:\n- toPorts:\n  - ports:\n{many}")).contains("41 ports"));
}

/// The message for rules above one port.
fn refused_above(side: &str, port: &str, rules: &str) -> String {
    refused(&format!("{side}:\n- toPorts:\n  - ports:\n    - {port}\n    rules:\n      {rules}"))
}

#[test]
fn requests_where_there_are_none() {
    let get = "http: [{method: GET}]";
    assert!(refused_above("ingress", "{port: \"80\", protocol: UDP}", get).contains("other than TCP"));
    assert!(refused_above("ingress", "{port: \"80\"}", get).contains("other than TCP"));
    assert!(refused_above("ingress", "{port: \"0\", protocol: TCP}", get).contains("port 0"));
    let tcp = "{port: \"80\", protocol: TCP}";
    assert!(refused_above("ingress", tcp, "http: []").contains("restrict nothing"));
    assert!(refused_above("ingress", tcp, "{}").contains("of no kind"));
    assert!(
        refused_above("egress", tcp, "{dns: [{matchPattern: \"*\"}], http: [{method: GET}]}").contains("of several")
    );
    let every = "dns: [{matchPattern: \"*\"}]";
    assert!(refused_above("ingress", "{port: \"53\", protocol: UDP}", every).contains("DNS rules on ingress"));
    assert!(refused_above("egress", "{port: \"53\", endPort: 60, protocol: UDP}", every).contains("range"));
    assert!(refused_above("ingress", tcp, "http: [{method: \"GET|POST\"}]").contains("no plain HTTP method"));
    assert!(refused_above("ingress", tcp, "http: [{path: \"\"}]").contains("an empty path"));
    assert!(refused_above("ingress", tcp, "http: [{path: /a(b}]").contains("no regular expression"));
    for header in [
        "x-tenant",
        "x-tenant:blue",
        "\"x-tenant: \"",
        "\"X-Tenant: blue\"",
        "\"x tenant: blue\"",
        "\"x-tenant:: blue\"",
    ] {
        let rules = format!("http: [{{headers: [{header}]}}]");
        assert!(refused_above("ingress", tcp, &rules).contains("is not `name: value`"), "{header}");
    }
    assert!(refused_above("ingressDeny", tcp, get).contains("`rules` of a denial"));
}

#[test]
fn promises_of_default_deny_that_are_not_kept() {
    let rules = "ingress:\n- {}\nenableDefaultDeny:\n  egress: true";
    assert!(refused(rules).contains("without a rule of that direction"));
    assert!(refused("enableDefaultDeny:\n  egress: true").contains("a policy without rules"));
    for word in ["\"true\"", "yes", "on", "y", "1"] {
        let message = refused(&format!("enableDefaultDeny:\n  ingress: {word}\ningress:\n- {{}}"));
        assert!(message.contains("readable") || message.contains("`true` and `false`"), "{word}: {message}");
    }
    assert!(refused("enableDefaultDeny: true\ningress:\n- {}").contains("not a readable manifest"));
}

#[test]
fn staged_policies_with_what_is_enforced_all_the_same() {
    let off = "enableDefaultDeny:\n  ingress: false\n  egress: false";
    let denials = format!("ingress:\n- {{}}\ningressDeny:\n- fromEntities: [all]\n{off}");
    assert!(refused(&denials).contains("permissions beside denials"));
    let requests = "ingress:\n- toPorts:\n  - ports:\n    - {port: \"80\", protocol: TCP}\n    rules:\n      http: [{method: GET}]";
    assert!(refused(&format!("{requests}\n{off}")).contains("HTTP rules without default deny"));
    let one_way = format!("{requests}\negress:\n- {{}}\nenableDefaultDeny:\n  ingress: false");
    assert!(refused(&one_way).contains("HTTP rules without default deny"));
}

#[test]
fn denials_of_host_names() {
    assert!(refused("egressDeny:\n- toFQDNs:\n  - matchName: a.b").contains("denial of host names"));
    for nothing in ["egressDeny:\n- {}", "ingressDeny:\n- toPorts: []"] {
        assert_eq!(refused(nothing), "a denial of nothing");
    }
}

#[test]
fn objects_without_what_they_need() {
    let head = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n";
    assert!(error_of(&format!("{head}spec:\n  ingress:\n  - {{}}\n")).1.contains("`metadata` is missing"));
    assert!(error_of(&format!("{head}metadata:\n  name: p\n  namespace: shop\n")).1.contains("`spec` is missing"));
    let no_namespace = format!("{head}metadata:\n  name: p\nspec:\n  endpointSelector: {{}}\n  ingress:\n  - {{}}\n");
    assert!(error_of(&no_namespace).1.contains("`namespace` is missing"));
    let placed =
        clusterwide("endpointSelector: {}\ningress:\n- {}").replace("  name: p\n", "  name: p\n  namespace: shop\n");
    assert!(error_of(&placed).1.contains("in no namespace"));
}

#[test]
fn all_errors_are_told_at_their_places() {
    let text =
        namespaced("endpointSelector: {}\ningress:\n- fromEntities: [a]\n- fromEntities: [b]\negress:\n- toCIDR: [c]");
    let lines: Vec<usize> = read_text(&text).unwrap_err().iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [9, 10, 12]);
}

#[test]
fn plain_words_that_readers_take_differently() {
    assert!(
        refused("ingress:\n- fromEndpoints:\n  - matchLabels:\n      app: yes").contains("no string for every reader")
    );
}
