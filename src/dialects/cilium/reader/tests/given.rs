//! Manifests that somebody wrote: what API servers and agents take is read, as agents take it; the rest is refused.

use super::super::readings;
use super::*;
use crate::dialects::reading::{Assumed, text};
use crate::verify::normal::{Action, Reading};

/// All readings, or the messages of the errors.
pub(super) fn readings_of(text: &str, assumed: &[(&'static str, bool)]) -> Result<Vec<Reading>, Vec<String>> {
    let mut sources = Sources::default();
    let file = sources.add("given.yaml".to_owned(), text.to_owned());
    let docs = text::documents(&sources, file).unwrap();
    readings(&docs, &assumed.iter().copied().collect::<Assumed>())
        .map_err(|errors| errors.into_iter().map(|error| error.message).collect())
}

/// The policies of agents that do not limit peers to the own cluster.
pub(super) fn policies(text: &str) -> Vec<normal::Policy> {
    readings_of(text, &[("policy-default-local-cluster", false)]).unwrap().remove(0).policies
}

/// The policies of a spec that selects every pod.
pub(super) fn given(rules: &str) -> Vec<normal::Policy> {
    policies(&namespaced(&format!("endpointSelector: {{}}\n{rules}")))
}

/// The first message about a spec that selects every pod.
pub(super) fn wrong(rules: &str) -> String {
    let text = namespaced(&format!("endpointSelector: {{}}\n{rules}"));
    readings_of(&text, &[]).unwrap_err().remove(0)
}

#[test]
fn an_object_from_a_cluster_is_read() {
    let text = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: p\n  uid: abc\n  creationTimestamp: null\nspec:\n  description: x\n  labels: [{key: a, value: b, source: k8s}]\n  log: {value: x}\n  endpointSelector: {}\n  ingress: [{}]\nstatus:\n  conditions: []\n";
    let policy = policies(text).remove(0);
    assert_eq!(policy.namespace.as_deref(), Some("default"));
}

#[test]
fn a_field_of_null_is_not_written() {
    for (null, none) in [
        ("ingress:\negress: [{}]", "egress: [{}]"),
        ("enableDefaultDeny: null\negress: [{}]", "egress: [{}]"),
        (
            "ingress:\n- fromEndpoints: null\n  toPorts: [{ports: [{port: \"80\", endPort: ~}]}]",
            "ingress: [{toPorts: [{ports: [{port: \"80\"}]}]}]",
        ),
        ("egress:\n- toPorts: ~", "egress: [{}]"),
        ("egress:\n- toEndpoints:\n  - matchLabels:", "egress: [{toEndpoints: [{}]}]"),
    ] {
        let said = |rules: &str| {
            format!("{:?}", given(rules).iter().map(|one| (&one.isolates, peers_and_ports(one))).collect::<Vec<_>>())
        };
        assert_eq!(said(null), said(none), "{null}");
    }
    assert!(wrong("ingress:").contains("a policy without rules"));
}

fn peers_and_ports(policy: &normal::Policy) -> Vec<(Vec<Peer>, Vec<Ports>)> {
    policy.rules.iter().map(|rule| (rule.peers.clone(), rule.ports.clone())).collect()
}

#[test]
fn null_in_a_list_is_refused() {
    for rules in
        ["ingress:\n-", "egress: [{toEndpoints: [~]}]", "egress: [{toGroups: [~]}]", "labels: [~]\ningress: [{}]"]
    {
        assert!(wrong(rules).contains("null"), "{rules}: {}", wrong(rules));
    }
}

#[test]
fn a_policy_without_rules_is_refused() {
    for rules in ["ingress: []", "egress: []\ningressDeny: []", "enableDefaultDeny: {egress: true}\ningress: []"] {
        assert!(wrong(rules).contains("a policy without rules"), "{rules}");
    }
}

#[test]
fn one_subject_and_one_kind_of_peers() {
    let message = |spec: &str| readings_of(&namespaced(spec), &[]).unwrap_err().remove(0);
    assert!(message("nodeSelector: {}\ningress: [{}]").contains("`nodeSelector`"));
    assert!(message("nodeSelector: {}\nendpointSelector: {}\ningress: [{}]").contains("beside"));
    assert!(message("ingress: [{}]").contains("`endpointSelector` is missing"));
    assert!(wrong("ingress:\n- fromEndpoints: [{}]\n  fromEntities: [all]").contains("several kinds"));
    assert!(wrong("egress:\n- toFQDNs: [{matchName: a.b}]\n  toServices: [{}]").contains("several kinds"));
}

#[test]
fn an_empty_list_is_nobody_but_of_names_services_and_clouds_it_is_none() {
    let ports = "\n  toPorts: [{ports: [{port: \"80\", protocol: TCP}]}]";
    for list in ["toEndpoints", "toEntities", "toCIDR", "toCIDRSet", "toNodes"] {
        let policies = given(&format!("egress:\n- {list}: []{ports}"));
        assert!(policies[0].rules.is_empty() && policies[0].isolates == [Direction::Egress], "{list}");
    }
    for list in ["toFQDNs", "toServices", "toGroups"] {
        assert_eq!(given(&format!("egress:\n- {list}: []{ports}"))[0].rules[0].peers, [Peer::Anyone], "{list}");
        assert!(given(&format!("egress:\n- {list}: []"))[0].rules.is_empty(), "nobody says, and there are no ports");
    }
    let beside = given("egress:\n- toEndpoints: []\n  toFQDNs: [{matchName: a.b}]");
    assert_eq!(beside[0].rules[0].peers, [Peer::Name("a.b".into())]);
}

#[test]
fn what_no_policy_tells_is_known_to_be_unknown() {
    for rules in [
        "egress:\n- toServices: [{k8sService: {serviceName: api}}]",
        "egress:\n- toGroups: [{aws: {region: eu}}]",
        "ingress:\n- fromGroups: [{}]",
    ] {
        let rule = given(rules).remove(0).rules.remove(0);
        assert!(rule.provided.is_some() && rule.peers == [Peer::Anyone], "{rules}");
    }
    assert!(wrong("ingress:\n- fromNodes: [{}]").contains("enable-node-selector-labels"));
}

#[test]
fn default_deny_off_lets_rules_above_ports_open() {
    let rules = "ingress:\n- toPorts:\n  - ports: [{port: \"80\", protocol: TCP}]\n    rules: {http: [{method: GET}]}\nenableDefaultDeny: {ingress: false}";
    let policies = given(rules);
    let [allows, denies] = policies.as_slice() else { panic!("{policies:?}") };
    assert!(!allows.staged && allows.rank.end == End::Passes && (allows.rank.order, denies.rank.order) == (0, 1));
    let certain: Vec<_> = allows.rules.iter().map(|rule| (rule.http.is_empty(), rule.provided.is_none())).collect();
    assert_eq!(certain, [(false, true), (true, false)]);
    assert!(denies.rules.iter().all(|rule| rule.action == Action::Deny && rule.provided.is_some()));
}

#[test]
fn a_promise_without_rules_is_told() {
    let text = namespaced("endpointSelector: {}\ningress: [{}]\nenableDefaultDeny: {egress: true}");
    let reading = readings_of(&text, &[]).unwrap().remove(0);
    assert_eq!(reading.policies[0].isolates, [Direction::Ingress]);
    assert!(reading.notes[0].contains("denies nothing"));
}

#[test]
fn groups_are_found_by_name_and_by_label() {
    let group = "apiVersion: cilium.io/v2alpha1\nkind: CiliumCIDRGroup\nmetadata:\n  name: pay\n  labels: {team: pay}\nspec:\n  externalCIDRs: [203.0.113.7/24, 0.0.0.0/0]\n";
    let peers = |set: &str| {
        let policy = namespaced(&format!("endpointSelector: {{}}\negress:\n- toCIDRSet: [{set}]"));
        let reading = readings_of(&format!("{policy}---\n{group}"), &[]).unwrap().remove(0);
        let peers: Vec<Peer> = reading.policies[0].rules.iter().flat_map(|rule| rule.peers.clone()).collect();
        (peers, reading.notes)
    };
    let whole = [block("203.0.113.0/24", &[])];
    let (by_name, notes) = peers("{cidrGroupRef: pay}");
    assert!(by_name == whole && notes[0].contains("selects nothing"), "{notes:?}");
    assert_eq!(peers("{cidrGroupSelector: {matchLabels: {team: pay}}}").0, whole);
    assert_eq!(peers("{cidrGroupSelector: {matchExpressions: [{key: team, operator: NotIn, values: [pay]}]}}").0, []);
    let (less, _) = peers("{cidrGroupRef: pay, except: [203.0.113.0/26, 10.0.0.0/8]}");
    assert_eq!(less, [block("203.0.113.0/24", &["203.0.113.0/26"])]);
    let (none, notes) = peers("{cidrGroupRef: other}");
    assert!(none.is_empty() && notes[0].contains("in no file"));
    assert_eq!(peers("{cidrGroupRef: pay, except: [203.0.0.0/16]}").0, []);
}

#[test]
fn policies_of_kubernetes_add_to_those_of_cilium() {
    let kubernetes = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: k, namespace: shop}\nspec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [a]}]}}]}]\n  egress: [{}]\n";
    let own = namespaced("endpointSelector: {}\ningressDeny: [{fromEntities: [world]}]");
    let readings = readings_of(&format!("{kubernetes}---\n{own}"), &[]).unwrap();
    assert_eq!(readings.len(), 2, "negations alone");
    let policy = readings[0].policies.iter().find(|policy| policy.kind == "NetworkPolicy").unwrap();
    assert_eq!(
        (policy.rank.tier, policy.rank.end, policy.isolates.len()),
        (1, End::Denies, 2),
        "beside the permissions"
    );
    assert!(policy.rules[0].others && policy.rules[0].peers.len() > 1);
}

#[test]
fn ports_are_read_as_agents_read_them() {
    let port = |port: &str| {
        let rule = given(&format!("ingress:\n- fromEntities: [all]\n  toPorts: [{{ports: [{port}]}}]"))
            .remove(0)
            .rules
            .remove(0);
        (rule.ports, rule.named, rule.others)
    };
    assert_eq!(port("{port: \"010\", protocol: TCP}").0, [tcp(8, 8)]);
    assert_eq!(port("{port: \"90\", endPort: 80, protocol: TCP}").0, [tcp(90, 90)]);
    assert_eq!(port("{port: \"0\", endPort: 80, protocol: TCP}").0, [tcp(1, 80)]);
    assert_eq!(port("{port: \"0\", endPort: 65535, protocol: TCP}").0, [tcp(1, 65535)]);
    assert_eq!(port("{port: \"80\", endPort: 0, protocol: TCP}").0, [tcp(80, 80)]);
    assert_eq!(port("{port: HTTP, protocol: TCP}").1, [(Protocol::Tcp, "http".into())]);
    assert_eq!(port("{port: \"0x50\"}").1.len(), 3, "a name, for every protocol");
    assert_eq!(port("{port: \"0\", protocol: VRRP}"), (vec![], vec![], true));
    let message = |port: &str| wrong(&format!("ingress:\n- toPorts: [{{ports: [{port}]}}]"));
    for bad in ["{port: \"08\"}", "{port: \"65536\"}", "{port: a-very-long-port-name}", "{port: \"\"}"] {
        assert!(message(bad).contains("no plain number"), "{bad}: {}", message(bad));
    }
    assert!(message("{port: http, endPort: 90}").contains("cannot be evaluated"));
    assert!(message("{port: \"80\", protocol: IGMP}").contains("without ports"));
    assert!(message("{protocol: TCP}").contains("`port` is missing"));
    assert!(given("ingress:\n- toPorts: [{}]")[0].rules[0].provided.is_some());
}

#[test]
fn messages_of_icmp_are_protocols_without_ports() {
    let rules = "ingress:\n- icmps: [{fields: [{type: 8}, {family: IPv6, type: EchoRequest}]}]";
    let rule = given(rules).remove(0).rules.remove(0);
    assert!(rule.ports.is_empty() && rule.others && rule.peers == [Peer::Anyone]);
    assert!(given(&rules.replace("ingress", "ingressDeny")).iter().all(|policy| policy.rules.is_empty()));
    assert!(given("ingress:\n- fromEntities: [all]\n  icmps: [{}]")[0].rules.is_empty());
    assert!(wrong("ingress:\n- icmps: [{fields: [{type: 256}]}]").contains("ICMP message"));
    assert!(wrong("ingress:\n- icmps: [{fields: [{type: Ping}]}]").contains("ICMP message"));
    assert!(wrong("ingress:\n- icmps: [{fields: [{type: 8, family: IPv5}]}]").contains("IP family"));
    assert!(wrong("ingress:\n- icmps: [{}]\n  toPorts: [{ports: [{port: \"80\"}]}]").contains("beside `toPorts`"));
}
