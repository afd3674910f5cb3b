//! What is read, and what is refused.

use super::{read, readings};
use crate::dialects::reading::Assumed;
use crate::dialects::reading::text::documents;
use crate::model::{Direction, Labels, Protocol};
use crate::source::Sources;
use crate::verify::normal::{File, Namespaces, Peer, Policy, Ports, Reading, Selector};

fn read_text(text: &str) -> Result<Vec<Policy>, Vec<(usize, String)>> {
    read_file("shop.yaml", text).map(|file| file.policies)
}

fn read_file(name: &str, text: &str) -> Result<File, Vec<(usize, String)>> {
    let mut sources = Sources::default();
    let file = sources.add(format!("out/kubernetes/allow/{name}"), text.to_owned());
    read(&sources, &[file]).map(|mut files| files.remove(0)).map_err(|errors| {
        let show = |d: &crate::diag::Diagnostic| {
            assert!(!d.help.is_empty(), "{}", d.message);
            (sources.line_col(d.primary.as_ref().unwrap().span).0, d.message.clone())
        };
        errors.iter().map(show).collect()
    })
}

/// A policy with this spec, each line indented.
fn with_spec(spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  namespace: shop\nspec:\n{spec}"
    )
}

fn one(spec: &str) -> Policy {
    let mut policies = read_text(&with_spec(spec)).unwrap();
    assert_eq!(policies.len(), 1);
    policies.remove(0)
}

/// The first error of a spec: line in the spec, and message.
fn refused(spec: &str) -> (usize, String) {
    let (line, message) = read_text(&with_spec(spec)).unwrap_err().remove(0);
    (line.saturating_sub(6), message)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
}

fn in_shop(pairs: &[(&str, &str)]) -> Selector {
    Selector::of_namespace("shop".into(), labels(pairs))
}

fn tcp(first: u16, last: u16) -> Ports {
    Ports { protocol: Protocol::Tcp, first, last }
}

#[test]
fn missing_and_empty_peers_mean_everyone_and_missing_ports_every_port() {
    for rule in ["ingress:\n- {}", "ingress:\n- from: []\n  ports: []", "ingress:\n- from:\n  ports: null"] {
        let policy = one(&format!("podSelector: {{}}\n{rule}"));
        assert_eq!(policy.rules[0].peers, [Peer::Anyone]);
        assert_eq!(policy.rules[0].ports, Ports::every());
    }
}

#[test]
fn no_rules_deny() {
    for rules in ["", "ingress: []", "ingress:"] {
        let policy = one(&format!("podSelector: {{}}\npolicyTypes: [Ingress]\n{rules}"));
        assert!(policy.rules.is_empty());
        assert_eq!(policy.isolates, [Direction::Ingress]);
    }
}

#[test]
fn missing_policy_types_isolate_ingress_and_egress_only_with_rules() {
    assert_eq!(one("podSelector: {}").isolates, [Direction::Ingress]);
    assert_eq!(one("podSelector: {}\negress:\n- {}").isolates, [Direction::Ingress, Direction::Egress]);
    assert_eq!(one("podSelector: {}\npolicyTypes: [Egress]\negress: []").isolates, [Direction::Egress]);
}

#[test]
fn rules_of_an_unlisted_direction_are_refused() {
    let (line, message) = refused("podSelector: {}\npolicyTypes: [Ingress]\negress:\n- {}");
    assert_eq!((line, message.as_str()), (4, "rules of a direction that `policyTypes` does not list: `Egress`"));
}

#[test]
fn selectors_in_one_peer_are_joined_and_in_two_peers_apart() {
    let policy = one(
        "podSelector: {}\ningress:\n- from:\n  - podSelector: {matchLabels: {app: web}}\n    namespaceSelector: {matchLabels: {team: x}}\n  - podSelector: {matchLabels: {app: api}}\n  - namespaceSelector: {}\n  - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: db}}",
    );
    let pods = |namespaces, labels| Peer::Pods { namespaces, labels };
    assert_eq!(
        policy.rules[0].peers,
        [
            pods(Namespaces::Labelled(labels(&[("team", "x")])), labels(&[("app", "web")])),
            pods(Namespaces::Named("shop".into()), labels(&[("app", "api")])),
            pods(Namespaces::Labelled(Labels::default()), Labels::default()),
            pods(Namespaces::Named("db".into()), Labels::default()),
        ]
    );
}

#[test]
fn a_name_beside_other_labels_of_a_namespace_stays_a_label() {
    let policy = one(
        "podSelector: {}\ningress:\n- from:\n  - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: db, team: x}}",
    );
    let all = labels(&[("kubernetes.io/metadata.name", "db"), ("team", "x")]);
    assert_eq!(
        policy.rules[0].peers,
        [Peer::Pods { namespaces: Namespaces::Labelled(all), labels: Labels::default() }]
    );
}

#[test]
fn several_values_are_one_condition() {
    let expression = "matchExpressions: [{key: app, operator: In, values: [a, b]}]";
    let policy = one(&format!(
        "podSelector:\n  {expression}\ningress:\n- from:\n  - podSelector:\n      {expression}\n      matchLabels: {{app: b}}"
    ));
    assert_eq!(policy.subject.to_string(), "app in (a, b) of shop");
    assert_eq!(policy.rules[0].peers, [in_shop(&[("app", "b")]).peer()]);
}

#[test]
fn operators_are_those_of_kubernetes() {
    for (operator, shown) in
        [("NotIn, values: [a]", "app not in (a) of shop"), ("Exists", "app of shop"), ("DoesNotExist", "!app of shop")]
    {
        let policy = one(&format!("podSelector:\n  matchExpressions:\n  - {{key: app, operator: {operator}}}"));
        assert_eq!(policy.subject.to_string(), shown);
    }
    for operator in ["Equals", "in", "Gt, values: ['1']", "In", "NotIn, values: []", "Exists, values: [a]"] {
        let (line, _) = refused(&format!("podSelector:\n  matchExpressions:\n  - {{key: app, operator: {operator}}}"));
        assert_eq!(line, 3, "{operator}");
    }
}

#[test]
fn peers_by_what_they_are_not_are_refused() {
    let not = "{matchExpressions: [{key: env, operator: DoesNotExist}]}";
    let (line, message) = refused(&format!("podSelector: {{}}\ningress:\n- from:\n  - namespaceSelector: {not}"));
    assert_eq!((line, message.as_str()), (3, "a peer that only says what it is not"));
    one(&format!("podSelector: {not}\ningress:\n- from:\n  - podSelector: {not}"));
}

#[test]
fn ports_are_read_with_their_defaults() {
    let policy = one(
        "podSelector: {}\ningress:\n- ports:\n  - port: 80\n  - protocol: UDP\n  - {port: 8000, endPort: 8100, protocol: TCP}\n  - port: 010\n  - port: 0x50",
    );
    let udp = Ports { protocol: Protocol::Udp, first: 1, last: u16::MAX };
    assert_eq!(policy.rules[0].ports, [tcp(80, 80), udp, tcp(8000, 8100), tcp(8, 8), tcp(80, 80)]);
}

#[test]
fn bad_ports_are_refused() {
    for port in [
        "port: 0",
        "port: 65536",
        "port: -1",
        "port: Http",
        "port: a--b",
        "port: a-very-long-port-name",
        "port: '80'",
        "port: 80.0",
        "port: 8e1",
        "port: true",
        "endPort: 90",
        "{port: 90, endPort: 80}",
        "{port: http, endPort: 90}",
        "{port: 80, protocol: tcp}",
        "{port: 80, protocol: ICMP}",
        "{port: 80, name: x}",
        "port: [80]",
    ] {
        let (line, _) = refused(&format!("podSelector: {{}}\ningress:\n- ports:\n  - {port}"));
        assert!(line == 4 || line == 3, "{port}: {line}");
    }
}

#[test]
fn ports_are_named_where_everyone_means_the_same_one() {
    let policy = one("podSelector: {}\ningress:\n- ports:\n  - port: http");
    assert_eq!(policy.rules[0].named, [(Protocol::Tcp, "http".into())]);
    let (line, message) = refused("podSelector: {}\negress:\n- ports:\n  - port: http");
    assert_eq!((line, message.as_str()), (4, "the port `http` of a destination is not a number"));
}

#[test]
fn bad_ranges_are_refused() {
    for block in [
        "{cidr: 10.0.0.1/8}",
        "{cidr: 10.0.0.0/33}",
        "{cidr: 10.0.0.0}",
        "{cidr: 010.0.0.0/8}",
        "{cidr: 10.0.0.0/8, except: [10.0.0.0/8]}",
        "{cidr: 10.0.0.0/8, except: [11.0.0.0/16]}",
        "{cidr: 10.0.0.0/8, except: ['2001:db8::/32']}",
        "{except: [10.0.0.0/16]}",
        "{cidr: '::ffff:1.2.3.0/120'}",
        "{}",
    ] {
        let (line, _) = refused(&format!("podSelector: {{}}\ningress:\n- from:\n  - ipBlock: {block}"));
        assert!(line == 4 || line == 3, "{block}: {line}");
    }
    let policy = one("podSelector: {}\negress:\n- to:\n  - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}");
    let block = Peer::Block { cidr: "10.0.0.0/8".parse().unwrap(), except: vec!["10.1.0.0/16".parse().unwrap()] };
    assert_eq!(policy.rules[0].peers, [block]);
}

#[test]
fn peers_of_no_or_two_kinds_are_refused() {
    for peer in ["{}", "null", "{podSelector: null}", "{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}"] {
        refused(&format!("podSelector: {{}}\ningress:\n- from:\n  - {peer}"));
    }
}

#[test]
fn null_is_never_a_rule_or_a_value() {
    refused("podSelector: {}\ningress:\n- from: [{podSelector: {matchLabels: {app: }}}]");
    refused("podSelector: {}\ningress:\n- from: [{podSelector: {matchLabels: {app: ~}}}]");
    refused("podSelector:");
    refused("policyTypes: [Ingress]");
    refused("podSelector: {}\npolicyTypes: [null]");
    refused("podSelector: {}\ningress:\n- null");
    refused("podSelector: {}\ningress:\n-");
    refused("podSelector: {}\ningress:\n- ports: [null]");
    refused("podSelector: {}\ningress:\n- from: [null]");
}

#[test]
fn strings_that_some_reader_takes_for_something_else_are_refused_unless_quoted() {
    for word in [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "N",
        "true",
        "null",
        "~",
        "1",
        "1e3",
        "0x1f",
        "0o17",
        "017",
        "1_000",
        "1__0",
        ".5",
        "12:30",
        "2027-03-01",
        "0x_1f",
    ] {
        let (line, message) = refused(&format!("podSelector:\n  matchLabels:\n    app: {word}"));
        assert_eq!(line, 3, "{word}: {message}");
        let (line, _) = refused(&format!("podSelector:\n  matchLabels:\n    {word}: web"));
        assert_eq!(line, 3, "{word} as key");
    }
    // `!!str` keeps some readers from taking it for a number, but not a reviewer.
    refused("podSelector:\n  matchLabels:\n    app: !!str 1");
    for quoted in ["\"yes\"", "'1'", "\"1__0\"", "'017'", "''"] {
        let policy = one(&format!("podSelector:\n  matchLabels:\n    app: {quoted}"));
        assert_eq!(policy.subject, in_shop(&[("app", quoted.trim_matches(['"', '\'']))]));
        one(&format!("podSelector:\n  matchLabels: {{\"app\":{quoted}}}"));
    }
    let policy = one("podSelector:\n  matchLabels:\n    'on': web");
    assert_eq!(policy.subject, in_shop(&[("on", "web")]));
}

#[test]
fn ambiguous_names_and_annotations_are_refused() {
    let of = |metadata: &str| {
        let metadata = format!("metadata: {{namespace: shop, {metadata}}}");
        read_text(&format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n{metadata}\nspec:\n  podSelector: {{}}\n"
        ))
    };
    assert!(of("name: p").is_ok());
    assert!(of("name: 'y'").is_ok());
    assert!(of("name: p, annotations: {why: \"it's for \\\"x\\\" — ok\"}").is_ok());
    for metadata in [
        "name: y",
        "name: 1",
        "name: P",
        "name: a_b",
        "name: p, labels: {a: 1}",
        "name: p, annotations: {a: 12:30}",
        "name: p, annotations: {a: true}",
        "name: p, labels: {a: 'b c'}",
        "name: p, generateName: x",
        "name: p, uid: x",
        "labels: {}",
        "name: p, name: q",
        "name: p, labels: {a: b, \"a\": c}",
    ] {
        assert!(of(metadata).is_err(), "{metadata}");
    }
}

#[test]
fn a_policy_names_its_namespace() {
    let text = with_spec("podSelector: {}").replace("  namespace: shop\n", "");
    assert_eq!(read_text(&text).unwrap_err(), [(1, "`namespace` is missing".to_owned())]);
    let text = with_spec("podSelector: {}").replace("namespace: shop", "namespace: a.b");
    assert_eq!(read_text(&text).unwrap_err()[0].0, 5);
}

#[test]
fn unknown_fields_are_refused_at_their_line() {
    assert_eq!(refused("podSelector: {}\ningress:\n- form: []").0, 3);
    assert_eq!(refused("podSelector: {}\nIngress: []").0, 2);
    assert_eq!(refused("podSelector: {}\ningress: []\ningress:\n- {}").0, 3);
    assert!(read_text(&format!("{}status: {{}}\n", with_spec("podSelector: {}"))).is_err());
}

#[test]
fn other_kinds_are_named() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: 1}\n";
    assert_eq!(read_text(text).unwrap_err(), [(2, "`Deployment` of `apps/v1` has no place here".to_owned())]);
    let text = with_spec("podSelector: {}").replace("networking.k8s.io/v1", "extensions/v1beta1");
    assert_eq!(read_text(&text).unwrap_err()[0].0, 2);
    for text in ["[]\n", "text\n", "a: 1\n", "kind: List\n"] {
        assert!(read_text(text).is_err(), "{text}");
    }
}

#[test]
fn a_kustomization_gives_no_policies_and_holds_resources_only() {
    let text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - shop.yaml\n";
    let read = |text: &str| read_file("kustomization.yaml", text);
    let base = read(text).unwrap();
    assert!(base.policies.is_empty());
    assert_eq!(base.base.unwrap().resources[0].0, "shop.yaml");
    assert!(read(&format!("{text}namespace: x\n")).is_err());
    assert!(read(&format!("{text}metadata:\n  name: x\n")).is_err());
    assert!(read(&format!("{text}patches: []\n")).is_err());
}

#[test]
fn a_kustomization_stands_alone_in_a_file_of_its_name() {
    let list = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n";
    let policy = with_spec("podSelector: {}");
    assert!(read_file("shop.yaml", list).is_err());
    assert!(read_file("shop.yaml", &format!("{policy}---\n{list}")).is_err());
    assert!(read_file("kustomization.yaml", &policy).is_err());
    assert!(read_file("kustomization.yaml", &format!("{list}---\n{policy}")).is_err());
    assert!(read_file("kustomization.yaml", &format!("{list}---\n{list}")).is_err());
}

#[test]
fn annotations_that_keep_a_tool_from_applying_are_refused() {
    for key in [
        "config.kubernetes.io/local-config",
        "argocd.argoproj.io/hook",
        "kustomize.toolkit.fluxcd.io/reconcile",
        "helm.sh/hook",
    ] {
        let text = with_spec("podSelector: {}")
            .replace("metadata:\n", &format!("metadata:\n  annotations: {{{key}: \"x\"}}\n"));
        assert!(text.contains(key), "{text}");
        assert!(read_text(&text).is_err(), "{key}");
    }
}

#[test]
fn one_bad_document_hides_no_other_and_lines_are_those_of_the_file() {
    let good = with_spec("podSelector: {}");
    let bad = with_spec("podSelector: {}\nx: 1");
    let lines = good.lines().count();
    let text = format!("# header\n---\n{bad}---\n{good}---\n# nothing\n---\n{bad}");
    let errors = read_text(&text).unwrap_err();
    let at: Vec<usize> = errors.iter().map(|(line, _)| *line).collect();
    assert_eq!(at, [2 + lines + 1, 2 + lines + 2 + lines + 1 + 2 + lines + 1], "{errors:?}");
    let policies = read_text(&format!("---\n{good}---\n{good}\n---\n")).unwrap();
    assert_eq!(policies.len(), 2);
}

#[test]
fn rules_and_policies_know_their_lines() {
    let text = format!("# header\n\n{}", with_spec("podSelector: {}\ningress:\n- {}\n- ports:\n  - port: 80"));
    let mut sources = Sources::default();
    let file = sources.add("x.yaml", text);
    let policies = read(&sources, &[file]).unwrap().remove(0).policies;
    let line = |span| sources.line_col(span).0;
    assert_eq!(line(policies[0].span), 3);
    assert_eq!(policies[0].rules.iter().map(|rule| line(rule.span)).collect::<Vec<_>>(), [11, 12]);
}

#[test]
fn text_on_which_yaml_readers_disagree_is_refused() {
    let good = with_spec("podSelector: {}");
    for bad in [
        format!("--- # comment\n{good}"),
        format!("--- {{}}\n{good}"),
        format!("{good}...\n{good}"),
        format!("%YAML 1.2\n---\n{good}"),
        format!("# a\u{2028}podSelector: 1\n{good}"),
        format!("# a\u{85}b\n{good}"),
        format!("# a\rb: 1\n{good}"),
        format!("{good}\t# tab\n"),
        format!("\u{feff}{good}"),
        good.replace("podSelector: {}", "podSelector: &a {}"),
        good.replace("podSelector: {}", "podSelector: &a {}\n  ingress: *a"),
        good.replace("podSelector: {}", "<<: {podSelector: {}}"),
        good.replace("name: p", "name: !x p"),
    ] {
        assert!(read_text(&bad).is_err(), "{bad}");
    }
    assert_eq!(read_text(&good.replace('\n', "\r\n")).unwrap().len(), 1);
}

#[test]
fn deep_nesting_is_refused_quickly() {
    assert!(read_text(&format!("apiVersion: {}\n", "[".repeat(100_000))).is_err());
    assert!(read_text(&format!("apiVersion: {}1\n", "{a: ".repeat(10_000))).is_err());
}

fn readings_of(spec: &str, assumed: &Assumed) -> Vec<Reading> {
    let mut sources = Sources::default();
    let file = sources.add("given.yaml", with_spec(spec));
    readings(&documents(&sources, file).unwrap(), assumed).unwrap()
}

#[test]
fn given_policies_have_a_reading_for_each_way_to_take_them() {
    let spec = "podSelector: {}\npolicyTypes: [Ingress]\negress:\n- ports:\n  - port: http";
    let [calico, cilium] = <[Reading; 2]>::try_from(readings_of(spec, &Assumed::new())).unwrap();
    assert_eq!((calico.engine.name, cilium.engine.name), ("Calico", "Cilium"));
    assert!(calico.engine.blocks_match_pods && !cilium.engine.blocks_match_pods);
    assert!(!calico.engine.names_are_global && cilium.engine.names_are_global);
    assert_eq!(calico.policies[0].isolates, [Direction::Ingress]);
    assert_eq!(cilium.policies[0].isolates, [Direction::Ingress, Direction::Egress]);
}

#[test]
fn peers_of_the_local_cluster_alone_are_pods() {
    let not = "{matchExpressions: [{key: env, operator: DoesNotExist}]}";
    let spec = format!("podSelector: {{}}\ningress:\n- from:\n  - namespaceSelector: {not}");
    let peers = |assumed: &Assumed| {
        let readings = readings_of(&spec, assumed);
        readings.iter().map(|reading| reading.policies[0].rules[0].peers.len()).collect::<Vec<_>>()
    };
    assert_eq!(peers(&[("policy-default-local-cluster", true)].into()), [1, 1]);
    for open in [Assumed::new(), [("policy-default-local-cluster", false)].into()] {
        let peers = peers(&open);
        assert!(peers[0] == 1 && peers[1] > 1, "{peers:?}");
    }
}
