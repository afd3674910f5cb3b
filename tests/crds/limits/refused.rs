//! Every limit, passed by one: a good object, spoiled at one place, is refused.

use serde_json::{Value, json};

use super::{of_ours, of_server};

fn calico() -> Value {
    let rule = json!({
        "action": "Allow",
        "protocol": "TCP",
        "destination": { "nets": ["10.0.0.0/8"], "notNets": ["10.1.0.0/16"], "ports": [80, "90:95"] },
    });
    let spec = json!({
        "tier": "default", "order": 500, "types": ["Ingress", "Egress"],
        "namespaceSelector": "projectcalico.org/name == 'a'", "selector": "all()",
        "ingress": [{ "action": "Allow", "source": { "namespaceSelector": "global()", "selector": "a == 'b'" } }],
        "egress": [rule],
    });
    object("projectcalico.org/v3", "GlobalNetworkPolicy", None, &spec)
}

fn cilium() -> Value {
    let ports = json!([{
        "ports": [{ "port": "80", "endPort": 90, "protocol": "TCP" }],
        "rules": { "http": [{ "path": "^/a$" }] },
    }]);
    let spec = json!({
        "endpointSelector": { "matchLabels": { "k8s:app": "web" } },
        "ingress": [{ "fromEndpoints": [{ "matchExpressions": [{ "key": "k8s:a", "operator": "Exists" }] }], "toPorts": ports }],
        "egress": [{ "toCIDRSet": [{ "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] }] }],
    });
    object("cilium.io/v2", "CiliumNetworkPolicy", Some("a"), &spec)
}

fn kubernetes() -> Value {
    let spec = json!({
        "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Ingress", "Egress"],
        "ingress": [{ "from": [{ "podSelector": {} }], "ports": [{ "protocol": "TCP", "port": 80, "endPort": 90 }] }],
        "egress": [{ "to": [{ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] } }] }],
    });
    object("networking.k8s.io/v1", "NetworkPolicy", Some("a"), &spec)
}

fn object(version: &str, kind: &str, namespace: Option<&str>, spec: &Value) -> Value {
    let mut metadata =
        json!({ "name": "p", "labels": { "app.kubernetes.io/managed-by": "netpolc" }, "annotations": {} });
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec })
}

fn found(object: &Value) -> Vec<String> {
    [of_server(object), of_ours(object)].concat()
}

/// `place` is a JSON pointer; null takes away what is there.
#[track_caller]
fn assert_refused(good: &Value, place: &str, value: Value) {
    assert_eq!(found(good), Vec::<String>::new());
    let (parent, key) = place.rsplit_once('/').unwrap();
    let mut spoiled = good.clone();
    let parent = spoiled.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(fields), Value::Null) => drop(fields.remove(key).unwrap()),
        (Value::Object(fields), value) => drop(fields.insert(key.to_owned(), value)),
        (parent, value) => parent[key.parse::<usize>().unwrap()] = value,
    }
    assert_ne!(found(&spoiled), Vec::<String>::new(), "{place}: {}", spoiled.pointer(place).unwrap_or(&Value::Null));
}

fn repeated(value: &Value, times: usize) -> Value {
    vec![value.clone(); times].into()
}

#[test]
fn metadata_is_refused() {
    for good in [calico(), cilium(), kubernetes()] {
        let refused = |place: &str, value| assert_refused(&good, &format!("/metadata{place}"), value);
        refused("/name", Value::Null);
        refused("/name", "Upper".into());
        refused("/name", "a".repeat(254).into());
        refused("/labels", Value::Null);
        refused("/labels/x", "a".repeat(64).into());
        refused("/labels/x~1y~1z", "a".into());
        refused("/annotations/x", 1.into());
        refused("/annotations/x_", "a".into());
        refused("/generation", 1.into());
        refused("/annotations/x", "a".repeat(131_072).into());
    }
    assert_refused(&cilium(), "/metadata/namespace", "a.b".into());
    assert_refused(&calico(), "/apiVersion", "crd.projectcalico.org/v1".into());
}

#[test]
fn limits_of_calico_are_refused() {
    let refused = |place: &str, value| assert_refused(&calico(), place, value);
    refused("/metadata/name", "a.b.c".into());
    for field in ["tier", "order", "types", "namespaceSelector", "selector"] {
        refused(&format!("/spec/{field}"), Value::Null);
    }
    let rule = |field: &str, value: Value| refused(&format!("/spec/egress/0/destination/{field}"), value);
    rule("ports", repeated(&json!(80), 51));
    rule("ports/0", 0.into());
    rule("ports/0", 65_536.into());
    rule("ports/1", "95:90".into());
    rule("ports/1", "090:95".into());
    let nets: Vec<String> = (0..257).map(|n| format!("10.0.{}.{}/32", n / 256, n % 256)).collect();
    rule("nets", nets.clone().into());
    rule("notNets", nets.into());
    rule("nets/0", "10.0.0.1/8".into());
    rule("nets/0", "2001:DB8::/32".into());
    rule("nets/0", "10.0.0.1".into());
    rule("notNets/0", "0.0.0.0/0".into());
    rule("notNets/0", "2001:db8::/32".into());
    rule("notSelector", "a == 'b'".into());
    refused("/spec/egress/0/protocol", Value::Null);
    refused("/spec/egress/0/protocol", "ICMP".into());
    refused("/spec/egress/0/protocol", "tcp".into());
    refused("/spec/egress", repeated(&json!({ "action": "Allow" }), 1025));
    let long = format!("a == '{}'", "b".repeat(1018));
    assert_eq!(long.len(), 1025);
    for place in ["/spec/selector", "/spec/namespaceSelector", "/spec/ingress/0/source/selector"] {
        refused(place, long.clone().into());
        refused(place, "a == 'it's'".into());
    }
    refused("/spec/ingress/0/source/namespaceSelector", Value::Null);
    let set = object("projectcalico.org/v3", "GlobalNetworkSet", None, &json!({ "nets": ["10.0.0.0/8"] }));
    assert_refused(&set, "/spec/nets/0", "10.0.0.1/8".into());
    assert_refused(&set, "/spec/nets", Value::Null);
    let tier = object("projectcalico.org/v3", "Tier", None, &json!({ "order": 1, "defaultAction": "Pass" }));
    assert_refused(&tier, "/metadata/name", "a.b".into());
    assert_refused(&tier, "/spec/defaultAction", Value::Null);
}

#[test]
fn limits_of_cilium_are_refused() {
    let refused = |place: &str, value| assert_refused(&cilium(), place, value);
    refused("/spec/nodeSelector", json!({}));
    refused("/spec/ingress/0/fromEntities", json!(["all"]));
    refused("/spec/egress/0/toCIDR", json!(["10.0.0.0/8"]));
    refused("/spec/endpointSelector/matchLabels/k8s:app", "a b".into());
    // With its source in front the key has one character more than a key may have.
    refused(&format!("/spec/endpointSelector/matchLabels/k8s:{}", "a".repeat(60)), "b".into());
    refused("/spec/ingress/0/fromEndpoints/0/matchExpressions/0/values", json!(["a"]));
    refused("/spec/ingress/0/fromEndpoints/0/matchExpressions/0/operator", "In".into());
    let ports = |field: &str, value| refused(&format!("/spec/ingress/0/toPorts/0/{field}"), value);
    ports("ports", repeated(&json!({ "port": "80", "protocol": "TCP" }), 41));
    for port in ["080", "65536", "0", "-", ""] {
        ports("ports/0/port", port.into());
    }
    ports("ports/0/endPort", 80.into());
    ports("ports/0/protocol", Value::Null);
    ports("ports/0/protocol", "UDP".into());
    ports("rules/http/0/path", "/a(b".into());
    ports("rules", json!({ "dns": [{ "matchPattern": "*" }], "http": [] }));
    let set = |field: &str, value| refused(&format!("/spec/egress/0/toCIDRSet/0/{field}"), value);
    set("cidr", "10.0.0.1/8".into());
    set("cidr", "11.0.0.0/8".into());
    set("except/0", "10.0.0.0/8".into());
    set("cidrGroupRef", "g".into());
    let group = object("cilium.io/v2", "CiliumCIDRGroup", None, &json!({ "externalCIDRs": ["10.0.0.0/8"] }));
    assert_refused(&group, "/spec/externalCIDRs/0", "10.0.0.1/8".into());
}

#[test]
fn limits_of_kubernetes_are_refused() {
    let refused = |place: &str, value| assert_refused(&kubernetes(), place, value);
    refused("/spec/policyTypes", Value::Null);
    refused("/spec/podSelector/matchLabels/app", "a b".into());
    let port = |field: &str, value| refused(&format!("/spec/ingress/0/ports/0/{field}"), value);
    port("protocol", Value::Null);
    port("port", 0.into());
    port("port", Value::Null);
    port("port", "http".into());
    port("endPort", 79.into());
    refused("/spec/ingress/0/ports/0", json!({ "protocol": "TCP", "port": "a--b" }));
    refused("/spec/ingress/0/from/0", json!({}));
    refused("/spec/ingress/0/from/0/ipBlock", json!({ "cidr": "10.0.0.0/8" }));
    refused("/spec/egress/0/to/0/ipBlock/cidr", "10.0.0.1/8".into());
    refused("/spec/egress/0/to/0/ipBlock/except/0", "11.0.0.0/16".into());
    refused("/spec/egress/0/to/0/ipBlock/except/0", "10.0.0.0/8".into());
}
