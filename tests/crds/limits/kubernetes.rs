//! Kubernetes: its NetworkPolicy has no definition to read, so its shape is written here (kubernetes/api,
//! networking/v1/types.go), and what the API server checks beyond it (kubernetes, pkg/apis/networking/validation).

use serde_json::{Value, json};

use super::{block, label_selector, list};

/// The shape of a NetworkPolicy, as a CustomResourceDefinition would say it.
pub fn network_policy() -> Value {
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let items = |items: Value| json!({ "type": "array", "items": items });
    let text = json!({ "type": "string" });
    let expression = json!({ "type": "object", "required": ["key", "operator"], "properties": {
        "key": text, "operator": text, "values": items(text.clone()),
    }});
    let labels = json!({ "type": "object", "additionalProperties": text });
    let selector = object(json!({ "matchLabels": labels, "matchExpressions": items(expression) }));
    let block = json!({ "type": "object", "required": ["cidr"], "properties": {
        "cidr": { "type": "string", "format": "cidr" },
        "except": items(json!({ "type": "string", "format": "cidr" })),
    }});
    let peers = items(object(json!({ "podSelector": selector, "namespaceSelector": selector, "ipBlock": block })));
    let ports = items(object(json!({
        "protocol": { "type": "string", "enum": ["TCP", "UDP", "SCTP"] },
        "port": { "anyOf": [{ "type": "integer" }, { "type": "string" }], "x-kubernetes-int-or-string": true },
        "endPort": { "type": "integer", "minimum": 1, "maximum": 65535 },
    })));
    let spec = json!({ "type": "object", "required": ["podSelector"], "properties": {
        "podSelector": selector,
        "policyTypes": items(json!({ "type": "string", "enum": ["Ingress", "Egress"] })),
        "ingress": items(object(json!({ "from": peers, "ports": ports }))),
        "egress": items(object(json!({ "to": peers, "ports": ports }))),
    }});
    let schema = json!({ "type": "object", "properties": {
        "apiVersion": text, "kind": text, "metadata": { "type": "object" }, "spec": spec,
    }});
    json!({ "kind": "CustomResourceDefinition", "spec": {
        "group": "networking.k8s.io", "scope": "Namespaced", "names": { "kind": "NetworkPolicy" },
        "versions": [{ "name": "v1", "served": true, "schema": { "openAPIV3Schema": schema } }],
    }})
}

pub fn check(object: &Value, problems: &mut Vec<String>) {
    let spec = &object["spec"];
    selector(&spec["podSelector"], problems);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in list(spec, direction) {
            list(rule, peers).iter().for_each(|one| peer(one, problems));
            problems
                .extend(list(rule, "ports").iter().filter(|port| !is_port(port)).map(|port| format!("port {port}")));
        }
    }
}

/// Both are filled in where they are left out, `policyTypes` by the rules that stand there.
pub fn ours(object: &Value, problems: &mut Vec<String>) {
    let spec = &object["spec"];
    if spec.get("policyTypes").is_none() {
        problems.push("no policyTypes".to_owned());
    }
    let rules = ["ingress", "egress"].iter().flat_map(|direction| list(spec, direction));
    let ports = rules.flat_map(|rule| list(rule, "ports"));
    problems.extend(ports.filter(|port| port.get("protocol").is_none()).map(|port| format!("no protocol: {port}")));
}

fn selector(selector: &Value, problems: &mut Vec<String>) {
    label_selector(selector, &|key| Some(key.to_owned()), problems);
}

fn peer(peer: &Value, problems: &mut Vec<String>) {
    let selectors: Vec<&Value> = ["podSelector", "namespaceSelector"].iter().filter_map(|key| peer.get(key)).collect();
    selectors.iter().for_each(|one| selector(one, problems));
    match peer.get("ipBlock") {
        Some(range) if selectors.is_empty() => block(range, problems),
        None if !selectors.is_empty() => {}
        _ => problems.push(format!("a peer of no kind or of two: {peer}")),
    }
}

fn is_port(port: &Value) -> bool {
    let first = match port.get("port") {
        None => return port.get("endPort").is_none(),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(name)) => {
            // `IsValidPortName`, apimachinery.
            let characters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            let letter = name.contains(|c: char| c.is_ascii_lowercase());
            let hyphens = !name.contains("--") && !name.starts_with('-') && !name.ends_with('-');
            return characters && letter && hyphens && name.len() <= 15 && port.get("endPort").is_none();
        }
        Some(_) => return false,
    };
    let last = port.get("endPort").map_or(first, Value::as_u64);
    first.is_some_and(|first| (1..=65535).contains(&first)) && first <= last
}
