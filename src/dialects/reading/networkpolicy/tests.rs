//! What NetworkPolicies mean to one engine or another.

use super::super::text::split;
use super::super::{Kinds, given};
use super::meaning::without_labels;
use super::{KIND, Mode, NetworkPolicy, read};
use crate::diag::Diagnostic;
use crate::model::{Direction, Labels, NAMESPACE_NAME, Protocol, Sym};
use crate::source::Sources;
use crate::verify::normal::{Condition, End, Key, Namespaces, Peer, Policy, Ports, Rank, Selector, Test};

const BY_THE_LETTER: Mode = Mode {
    rank: Rank { tier: 3, end: End::Denies, order: 7, leads: false },
    rules_isolate: false,
    negations_reach_out: false,
    others: false,
    by_identities: false,
};
const OTHERWISE: Mode =
    Mode { rules_isolate: true, negations_reach_out: true, others: true, by_identities: true, ..BY_THE_LETTER };

fn means(spec: &str, mode: &Mode) -> Option<Policy> {
    given_policy(spec).unwrap().means(mode)
}

/// As anybody may write it; else the first message of the refusal, and the line of the spec.
fn given_policy(spec: &str) -> Result<NetworkPolicy, (usize, String)> {
    let mut sources = Sources::default();
    let text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {spec}\n"
    );
    let file = sources.add("x.yaml", text);
    let docs = split(&sources, file).unwrap();
    let kinds = Kinds { known: &[KIND], help: "write NetworkPolicies" };
    let show = |errors: Vec<Diagnostic>| {
        let first = &errors[0];
        assert!(!first.help.is_empty());
        (sources.line_col(first.primary.as_ref().unwrap().span).0, first.message.clone())
    };
    given(&docs, kinds, |reader, _| read(reader)).map(|mut policies| policies.remove(0)).map_err(show)
}

fn subject(selector: &str) -> Option<Selector> {
    means(&format!("{{podSelector: {selector}}}"), &BY_THE_LETTER).map(|policy| policy.subject)
}

fn peers(peer: &str, mode: &Mode) -> Vec<Peer> {
    let policy = means(&format!("{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}"), mode).unwrap();
    policy.rules.into_iter().flat_map(|rule| rule.peers).collect()
}

fn pod(key: &str, test: Test, negated: bool) -> Condition {
    Condition { key: Key::Pod(key.into()), test, negated }
}

fn any_of(values: &[&str]) -> Test {
    Test::In(values.iter().map(|value| Sym::from(*value)).collect())
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
}

#[test]
fn every_operator_has_its_condition() {
    let all = "{matchExpressions: [{key: a, operator: In, values: [w, x]}, {key: b, operator: NotIn, values: [x]}, \
               {key: c, operator: Exists}, {key: d, operator: DoesNotExist}, {key: e, operator: In, values: [x, x]}]}";
    let selector = subject(all).unwrap();
    assert_eq!(selector.namespaces, Namespaces::Named("shop".into()));
    assert_eq!(selector.labels, labels(&[("e", "x")]));
    assert_eq!(
        selector.further,
        [
            pod("a", any_of(&["w", "x"]), false),
            pod("b", any_of(&["x"]), true),
            pod("c", Test::Exists, false),
            pod("d", Test::Exists, true),
        ]
    );
}

#[test]
fn conditions_on_one_label_are_one() {
    let of = |expressions: &str| subject(&format!("{{matchLabels: {{app: x}}, matchExpressions: [{expressions}]}}"));
    for implied in [
        "{key: app, operator: Exists}",
        "{key: app, operator: In, values: [x, z]}",
        "{key: app, operator: NotIn, values: [z]}",
    ] {
        assert_eq!(of(implied).unwrap(), Selector::of_namespace("shop".into(), labels(&[("app", "x")])), "{implied}");
    }
    for impossible in [
        "{key: app, operator: DoesNotExist}",
        "{key: app, operator: In, values: [z]}",
        "{key: app, operator: NotIn, values: [x]}",
    ] {
        assert_eq!(of(impossible), None, "{impossible}");
    }
}

#[test]
fn a_rule_for_nobody_is_none_and_still_isolates() {
    let policy = means("{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {a: x}, matchExpressions: [{key: a, operator: DoesNotExist}]}}]}]}", &BY_THE_LETTER).unwrap();
    assert!(policy.rules.is_empty());
    assert_eq!(policy.isolates, [Direction::Ingress]);
}

#[test]
fn a_namespace_by_its_name_alone_is_named() {
    let of = |selector: &str| peers(&format!("{{namespaceSelector: {selector}}}"), &BY_THE_LETTER);
    let named = |further| Selector { namespaces: Namespaces::Named("db".into()), labels: Labels::default(), further };
    assert_eq!(
        of(&format!("{{matchExpressions: [{{key: {NAMESPACE_NAME}, operator: In, values: [db]}}]}}")),
        [named(vec![]).peer()]
    );
    let env = Condition { key: Key::Namespace("env".into()), test: any_of(&["prod"]), negated: true };
    let both = format!(
        "{{matchLabels: {{{NAMESPACE_NAME}: db}}, matchExpressions: [{{key: env, operator: NotIn, values: [prod]}}]}}"
    );
    assert_eq!(of(&both), [named(vec![env]).peer()]);
}

#[test]
fn rules_of_an_unlisted_direction_isolate_where_the_engine_says_so() {
    let spec = "{podSelector: {}, policyTypes: [Ingress], egress: [{}]}";
    assert_eq!(means(spec, &BY_THE_LETTER).unwrap().isolates, [Direction::Ingress]);
    assert_eq!(means(spec, &OTHERWISE).unwrap().isolates, [Direction::Ingress, Direction::Egress]);
    let no_rules = "{podSelector: {}, policyTypes: [Egress], ingress: []}";
    assert_eq!(means(no_rules, &OTHERWISE).unwrap().isolates, [Direction::Egress]);
}

#[test]
fn negations_alone_reach_out_where_the_engine_says_so() {
    let not = "{matchExpressions: [{key: env, operator: NotIn, values: [prod]}]}";
    let there = "{matchExpressions: [{key: env, operator: Exists}]}";
    for peer in [format!("{{namespaceSelector: {not}}}"), format!("{{namespaceSelector: {not}, podSelector: {not}}}")] {
        assert_eq!(peers(&peer, &BY_THE_LETTER).len(), 1);
        assert_eq!(peers(&peer, &OTHERWISE)[1..], without_labels(), "{peer}");
    }
    for peer in [
        format!("{{namespaceSelector: {not}, podSelector: {there}}}"),
        format!("{{namespaceSelector: {there}, podSelector: {not}}}"),
        format!("{{namespaceSelector: {{}}, podSelector: {not}}}"),
        format!("{{podSelector: {not}}}"),
        "{namespaceSelector: {}}".to_owned(),
    ] {
        assert_eq!(peers(&peer, &OTHERWISE).len(), 1, "{peer}");
    }
}

#[test]
fn labels_outside_of_identities_are_missing() {
    let spec = |expression: &str| format!("{{podSelector: {{matchExpressions: [{expression}]}}}}");
    let missing = spec(
        "{key: pod-template-hash, operator: DoesNotExist}, {key: pod-template-hash, operator: NotIn, values: [x]}",
    );
    assert_eq!(means(&missing, &OTHERWISE).unwrap().subject, Selector::of_namespace("shop".into(), Labels::default()));
    assert_eq!(means(&missing, &BY_THE_LETTER).unwrap().subject.further.len(), 1);
    let there = spec("{key: pod-template-hash, operator: Exists}");
    assert!(means(&there, &OTHERWISE).is_none() && means(&there, &BY_THE_LETTER).is_some());
}

#[test]
fn ports_by_name_stand_beside_numbers() {
    let policy = means("{podSelector: {}, ingress: [{ports: [{port: http, protocol: UDP}]}, {}]}", &OTHERWISE).unwrap();
    let [named, every] = policy.rules.as_slice() else { panic!("two rules") };
    assert!(named.ports.is_empty() && !named.others);
    assert_eq!(named.named, [(Protocol::Udp, "http".into())]);
    assert!(every.ports == Ports::every() && every.others);
}

#[test]
fn what_the_api_server_fills_in_may_be_missing() {
    for spec in ["", "{}", "{podSelector: }", "{podSelector: {}, ingress: []}"] {
        let policy = means(spec, &BY_THE_LETTER).unwrap();
        assert_eq!(policy.subject, Selector::of_namespace("shop".into(), Labels::default()), "{spec}");
        assert_eq!(policy.isolates, [Direction::Ingress]);
        assert!(policy.rules.is_empty());
    }
}

#[test]
fn null_in_a_list_is_an_object_without_fields() {
    let policy = means("{podSelector: {}, ingress: [null], egress: [{ports: [null]}]}", &BY_THE_LETTER).unwrap();
    assert_eq!(policy.rules[0].peers, [Peer::Anyone]);
    assert_eq!(policy.rules[0].ports, Ports::every());
    assert_eq!(policy.rules[1].ports, [Ports { protocol: Protocol::Tcp, first: 1, last: u16::MAX }]);
    given_policy("{podSelector: {}, ingress: [{from: [null]}]}").unwrap_err();
}

#[test]
fn dates_and_times_are_strings_for_kubectl() {
    assert_eq!(subject("{matchLabels: {version: 2027-03-01}}").unwrap().labels, labels(&[("version", "2027-03-01")]));
    for word in ["1e3", "0x10", "yes", "1.5", "2027"] {
        given_policy(&format!("{{podSelector: {{matchLabels: {{version: {word}}}}}}}")).unwrap_err();
    }
}

#[test]
fn labels_that_an_engine_writes_itself_cannot_be_evaluated() {
    let selector = "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}";
    for spec in [
        format!("{{podSelector: {selector}}}"),
        format!("{{podSelector: {{}}, egress: [{{to: [{{podSelector: {selector}}}]}}]}}"),
    ] {
        let (line, message) = given_policy(&spec).map(|_| ()).unwrap_err();
        assert!(line == 4 && message.starts_with("cannot be evaluated: "), "{message}");
    }
}

#[test]
fn no_more_than_two_types_are_listed() {
    assert!(given_policy("{podSelector: {}, policyTypes: [Egress, Egress]}").is_ok());
    given_policy("{podSelector: {}, policyTypes: [Egress, Egress, Ingress]}").unwrap_err();
}
