//! Whom selectors select: pods by conditions, and what is no pod.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::given::{policies, readings_of};
use super::*;
use crate::model::NAMESPACE_NAME;
use crate::verify::law::{self, Account, Far, NamedPorts, Pod, Side};
use crate::verify::normal::{Condition, Key, Selector, Test};

/// The peers of one selector in a policy of `shop`.
fn selected(selector: &str) -> Vec<Peer> {
    let policies =
        policies(&namespaced(&format!("endpointSelector: {{}}\ningress:\n- fromEndpoints:\n  - {selector}")));
    policies.into_iter().flat_map(|policy| policy.rules).flat_map(|rule| rule.peers).collect()
}

/// The pods of a subject in a policy of `shop`.
fn subject(selector: &str) -> Option<Selector> {
    let mut policies = policies(&namespaced(&format!("endpointSelector: {selector}\ningress:\n- {{}}")));
    policies.pop().map(|policy| policy.subject)
}

fn condition(key: Key, test: Test, negated: bool) -> Condition {
    Condition { key, test, negated }
}

fn any_of(values: &[&str]) -> Test {
    Test::In(values.iter().map(|value| (*value).into()).collect())
}

fn of_shop(pairs: &[(&str, &str)], further: Vec<Condition>) -> Selector {
    Selector { namespaces: Namespaces::Named("shop".into()), labels: labels(pairs), further }
}

#[test]
fn conditions_are_kept_as_they_are() {
    let app = || Key::Pod("app".into());
    for (expression, test, negated) in [
        ("{key: app, operator: In, values: [b, a]}", any_of(&["a", "b"]), false),
        ("{key: app, operator: NotIn, values: [a]}", any_of(&["a"]), true),
        ("{key: app, operator: Exists}", Test::Exists, false),
        ("{key: app, operator: DoesNotExist}", Test::Exists, true),
    ] {
        let wanted = of_shop(&[], vec![condition(app(), test, negated)]);
        let selector = format!("{{matchExpressions: [{expression}]}}");
        assert_eq!(selected(&selector), [Peer::Selected(wanted.clone())]);
        assert_eq!(subject(&selector), Some(wanted));
    }
    assert_eq!(
        selected("{matchExpressions: [{key: app, operator: In, values: [a]}]}"),
        [pods("shop", &[("app", "a")])]
    );
}

#[test]
fn what_no_pod_can_be_is_no_peer_and_no_subject() {
    for selector in [
        "{matchLabels: {app: a, \"k8s:app\": b}}",
        "{matchLabels: {pod-template-hash: x}}",
        "{matchLabels: {app: a}, matchExpressions: [{key: app, operator: DoesNotExist}]}",
        "{matchLabels: {io.cilium.k8s.policy.cluster: elsewhere}}",
    ] {
        assert_eq!(selected(selector), [], "{selector}");
        let isolates =
            policies(&namespaced(&format!("endpointSelector: {{}}\ningress:\n- fromEndpoints: [{selector}]")));
        assert!(isolates[0].isolates == [Direction::Ingress] && isolates[0].rank.end == End::Denies);
        assert_eq!(subject(selector), None, "{selector}");
    }
    assert_eq!(selected("{matchExpressions: [{key: pod-template-hash, operator: DoesNotExist}]}"), [pods("shop", &[])]);
}

/// Cilium matches both labels, and no pod has both.
#[test]
fn a_peer_in_two_namespaces_at_once_is_nobody() {
    let both = |name: &str| {
        format!(
            "{{matchLabels: {{k8s:io.kubernetes.pod.namespace: shop, k8s:io.cilium.k8s.namespace.labels.{NAMESPACE_NAME}: {name}}}}}"
        )
    };
    assert_eq!(selected(&both("pay")), []);
    assert_eq!(selected(&both("shop")), [pods("shop", &[])]);
}

#[test]
fn the_namespace_of_a_subject_is_the_policys_own() {
    let key = "io.kubernetes.pod.namespace";
    let own = Some(of_shop(&[], vec![]));
    assert_eq!(subject(&format!("{{matchLabels: {{\"k8s:{key}\": other}}}}")), own);
    assert_eq!(subject(&format!("{{matchLabels: {{\"k8s:{key}\": shop}}}}")), own);
    assert_eq!(
        subject(&format!("{{matchExpressions: [{{key: {key}, operator: NotIn, values: [other]}}]}}"))
            .unwrap()
            .namespaces,
        Namespaces::Named("shop".into())
    );
    for elsewhere in [
        format!("{{matchLabels: {{{key}: other}}}}"),
        format!("{{matchExpressions: [{{key: \"k8s:{key}\", operator: In, values: [other]}}]}}"),
    ] {
        assert_eq!(subject(&elsewhere), None, "only one label is put in the place of another: {elsewhere}");
    }
    let of_team = subject("{matchLabels: {io.cilium.k8s.namespace.labels.team: ops}}").unwrap();
    assert_eq!(of_team.namespaces, Namespaces::Labelled(labels(&[(NAMESPACE_NAME, "shop"), ("team", "ops")])));
}

#[test]
fn accounts_and_clusters_are_labels_too() {
    let account = condition(Key::AccountName, any_of(&["web"]), false);
    let selector = "{matchLabels: {io.cilium.k8s.policy.serviceaccount: web, io.cilium.k8s.policy.cluster: default}}";
    assert_eq!(selected(selector), [Peer::Selected(of_shop(&[], vec![account]))]);
    let exists = "{matchExpressions: [{key: io.cilium.k8s.policy.serviceaccount, operator: Exists}]}";
    assert_eq!(selected(exists), [pods("shop", &[])]);
}

#[test]
fn negations_alone_are_everything_that_is_no_pod_too() {
    let text = namespaced(
        "endpointSelector: {}\ningress:\n- fromEndpoints:\n  - matchExpressions:\n    - {key: io.kubernetes.pod.namespace, operator: NotIn, values: [a]}",
    );
    let readings = readings_of(&text, &[]).unwrap();
    let assuming: Vec<_> = readings.iter().map(|reading| reading.assuming.unwrap()).collect();
    assert_eq!(assuming, ["policy-default-local-cluster=false", "policy-default-local-cluster=true"]);
    let peers = |at: usize| readings[at].policies[0].rules[0].peers.len();
    assert_eq!((peers(0), peers(1)), (1 + 2 + Entity::ALL.len(), 1));
    for (local, count) in [(false, 3 + Entity::ALL.len()), (true, 1)] {
        let said = readings_of(&text, &[("policy-default-local-cluster", local)]).unwrap();
        assert_eq!((said.len(), said[0].assuming, said[0].policies[0].rules[0].peers.len()), (1, None, count));
    }
}

#[test]
fn what_asks_for_no_cluster_but_a_namespace_has_one_reading() {
    for selector in ["{}", "{matchExpressions: [{key: app, operator: DoesNotExist}]}"] {
        let text = clusterwide(&format!("endpointSelector: {{}}\ningress:\n- fromEndpoints:\n  - {selector}"));
        let readings = readings_of(&text, &[]).unwrap();
        assert!(readings.len() == 1 && readings[0].assuming.is_none());
        assert_eq!(readings[0].policies[0].rules[0].peers.len(), 1, "pods of some namespace");
    }
}

#[test]
fn reserved_labels_are_entities_in_every_namespace() {
    for (label, entity) in
        [("reserved:host", Entity::Host), ("$remote-node", Entity::RemoteNode), ("reserved.ingress", Entity::Ingress)]
    {
        assert_eq!(selected(&format!("{{matchLabels: {{\"{label}\": \"\"}}}}")), [Peer::Entity(entity)]);
    }
    let not_there = "{matchLabels: {app: a}, matchExpressions: [{key: \"reserved:host\", operator: DoesNotExist}]}";
    let everywhere =
        Peer::Pods { namespaces: Namespaces::Labelled(Labels::default()), labels: labels(&[("app", "a")]) };
    assert_eq!(selected(not_there), [everywhere]);
    assert_eq!(selected("{matchLabels: {\"reserved:host\": x}}"), []);
    for unknown in [
        "{matchExpressions: [{key: \"reserved:host\", operator: DoesNotExist}]}",
        "{matchLabels: {\"reserved:world\": \"\"}}",
    ] {
        let text = namespaced(&format!("endpointSelector: {{}}\ningress:\n- fromEndpoints:\n  - {unknown}"));
        assert!(readings_of(&text, &[]).unwrap_err()[0].contains("cannot be evaluated"), "{unknown}");
    }
}

#[test]
fn who_governs_no_pods_is_told_and_left_out() {
    let text = "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata:\n  name: p\nspecs:\n- nodeSelector: {}\n  ingress: [{}]\n- endpointSelector:\n    matchLabels: {\"reserved:ingress\": \"\"}\n  egress: [{}]\n";
    let readings = readings_of(text, &[]).unwrap();
    assert!(readings[0].policies.is_empty());
    assert!(readings[0].notes.iter().any(|note| note.contains("govern nodes")));
    assert!(readings[0].notes.iter().any(|note| note.contains("no pods")));
}

/// One condition, as written and as it is meant.
fn written() -> impl Strategy<Value = (String, String, Vec<String>)> {
    let key = prop::sample::select(vec![
        "app",
        "k8s:app",
        "any:tier",
        "io.kubernetes.pod.namespace",
        "io.cilium.k8s.namespace.labels.team",
        "io.cilium.k8s.policy.serviceaccount",
        "pod-template-hash",
    ]);
    let operator = prop::sample::select(vec!["In", "NotIn", "Exists", "DoesNotExist"]);
    let values = prop::sample::subsequence(vec!["a", "b", "c"], 1..3);
    (key, operator, values).prop_map(|(key, operator, values)| {
        (key.to_owned(), operator.to_owned(), values.into_iter().map(str::to_owned).collect())
    })
}

/// Whether a value meets a condition.
fn holds(operator: &str, values: &[String], value: Option<&str>) -> bool {
    let is_listed = value.is_some_and(|value| values.iter().any(|one| one == value));
    match operator {
        "In" => is_listed,
        "NotIn" => !is_listed,
        "Exists" => value.is_some(),
        _ => value.is_none(),
    }
}

proptest! {
    /// A conjunction of conditions, put together, is what each of them says.
    #[test]
    fn selectors_select_what_their_conditions_say(
        conditions in prop::collection::vec(written(), 0..5),
        namespace in prop::sample::select(vec!["a", "b", "shop"]),
        team in prop::option::of(prop::sample::select(vec!["a", "b"])),
        app in prop::option::of(prop::sample::select(vec!["a", "b", "c"])),
        tier in prop::option::of(prop::sample::select(vec!["a", "c"])),
    ) {
        let expressions: Vec<String> = conditions
            .iter()
            .map(|(key, operator, values)| {
                let values = if operator.ends_with("In") { format!(", values: [{}]", values.join(", ")) } else { String::new() };
                format!("{{key: \"{key}\", operator: {operator}{values}}}")
            })
            .collect();
        let mut of_namespace = vec![(NAMESPACE_NAME, namespace)];
        of_namespace.extend(team.map(|team| ("team", team)));
        let own: BTreeSet<(&str, &str)> = app.map(|app| ("app", app)).into_iter().chain(tier.map(|tier| ("tier", tier))).collect();
        let pod = Pod {
            namespace: labels(&of_namespace),
            labels: labels(&own.iter().copied().collect::<Vec<_>>()),
            account: Some(Account { name: "a".into(), labels: Labels::default() }),
            addresses: None,
            ports: NamedPorts::default(),
        };
        let value = |key: &str| match key {
            "app" | "k8s:app" => app,
            "any:tier" => tier,
            "io.kubernetes.pod.namespace" => Some(namespace),
            "io.cilium.k8s.namespace.labels.team" => team,
            "io.cilium.k8s.policy.serviceaccount" => Some("a"),
            _ => None,
        };
        let meant = conditions.iter().all(|(key, operator, values)| holds(operator, values, value(key)));
        let says = |word: &str| conditions.iter().any(|(key, ..)| key.contains(word));
        let in_scope = says("pod.namespace") || says("namespace.labels") || namespace == "shop";
        let text = namespaced(&format!(
            "endpointSelector: {{}}\nenableDefaultDeny: {{ingress: true}}\ningress:\n- fromEndpoints: [{{matchExpressions: [{}]}}]",
            expressions.join(", ")
        ));
        let subject = Pod { namespace: labels(&[(NAMESPACE_NAME, "shop")]), ..Pod::default() };
        for reading in readings_of(&text, &[]).unwrap() {
            let order = law::in_order(&reading.policies);
            let side = Side {
                engine: reading.engine,
                direction: Direction::Ingress,
                subject: &subject,
                other: Far::Pod(&pod),
                all_ports: &NamedPorts::default(),
                pod_ranges: None,
                names_are_symbols: false,
            };
            prop_assert_eq!(law::decide(&order, &side).permits(Protocol::Tcp, 80), Some(meant && in_scope));
        }
    }
}
