//! NetworkPolicies.

use serde_json::{Map, Value, json};

use super::cluster::{APPS, Cluster, ENVS, NAMESPACES, TEAMS, TIERS};
use super::words::{Words, list, name, object};
use crate::support::chance::Chance;

/// A key and its values.
type Label = (&'static str, &'static [&'static str]);
const POD_LABELS: [Label; 3] = [("app", &APPS), ("tier", &TIERS), ("track", &["", "web"])];
const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];

pub fn policies(chance: &mut Chance, cluster: &Cluster, words: &Words) -> Vec<Value> {
    (0..chance.between(1, 4)).map(|n| policy(chance, cluster, words, n)).collect()
}

pub fn policy(chance: &mut Chance, cluster: &Cluster, words: &Words, n: usize) -> Value {
    let mut spec = Map::new();
    spec.insert("podSelector".to_owned(), if chance.percent(35) { json!({}) } else { pods(chance) });
    let types = match chance.below(10) {
        0..3 => vec!["Ingress"],
        3..6 => vec!["Egress"],
        _ => vec!["Ingress", "Egress"],
    };
    // Types left out are Ingress, with rules of it or without, and Egress with egress rules.
    let left_out = chance.percent(25) && types.contains(&"Ingress");
    for (kind, field) in [("Ingress", "ingress"), ("Egress", "egress")] {
        let few = usize::from(left_out && kind == "Egress");
        if types.contains(&kind) && (few > 0 || chance.percent(90)) {
            let rules = list(few, 2, chance, |chance| rule(chance, words, kind == "Egress"));
            spec.insert(field.to_owned(), rules);
        }
    }
    if !left_out {
        spec.insert("policyTypes".to_owned(), types.into());
    }
    let namespace = chance.pick(&cluster.namespaces);
    object("networking.k8s.io/v1", "NetworkPolicy", &format!("p{n}"), Some(namespace), Value::Object(spec))
}

fn rule(chance: &mut Chance, words: &Words, egress: bool) -> Value {
    let mut rule = Map::new();
    let peers = if egress { "to" } else { "from" };
    // An empty list is everybody, as none is.
    if chance.percent(85) {
        rule.insert(peers.to_owned(), list(0, 3, chance, |chance| peer(chance, words)));
    }
    if chance.percent(70) {
        rule.insert("ports".to_owned(), list(0, 3, chance, |chance| port(chance, words, egress)));
    }
    Value::Object(rule)
}

fn peer(chance: &mut Chance, words: &Words) -> Value {
    match chance.below(10) {
        0..3 => json!({ "podSelector": pods_or_all(chance) }),
        3..5 => json!({ "namespaceSelector": namespaces(chance) }),
        5..7 => json!({ "namespaceSelector": namespaces(chance), "podSelector": elsewhere(chance) }),
        _ => {
            let block = words.range(chance);
            match block.without.is_empty() {
                true => json!({ "ipBlock": { "cidr": block.range } }),
                false => json!({ "ipBlock": { "cidr": block.range, "except": block.without } }),
            }
        }
    }
}

fn port(chance: &mut Chance, words: &Words, egress: bool) -> Value {
    let protocol = chance.pick(&["TCP", "TCP", "UDP", "SCTP"]);
    match chance.below(10) {
        0 => json!({ "protocol": protocol }),
        1..4 if !egress => {
            let (name, of) = name(chance);
            json!({ "protocol": if chance.percent(90) { of } else { protocol }, "port": name })
        }
        _ => {
            let (first, last) = words.term(chance);
            match (first < last || chance.percent(10), chance.percent(20)) {
                (true, _) => json!({ "protocol": protocol, "port": first, "endPort": last }),
                (false, true) => json!({ "port": first }),
                (false, false) => json!({ "protocol": protocol, "port": first }),
            }
        }
    }
}

fn pods_or_all(chance: &mut Chance) -> Value {
    if chance.percent(15) { json!({}) } else { pods(chance) }
}

fn pods(chance: &mut Chance) -> Value {
    selector(chance, &POD_LABELS, &OPERATORS, None)
}

/// Beside a namespaceSelector. Of Exists and DoesNotExist the analyzer then takes the policy's own namespace alone.
fn elsewhere(chance: &mut Chance) -> Value {
    match chance.percent(15) {
        true => json!({}),
        false => selector(chance, &POD_LABELS, &["In", "NotIn"], None),
    }
}

/// One that only says what may not be always says also that there is a namespace: without it, Cilium takes addresses
/// outside of the cluster for a match.
fn namespaces(chance: &mut Chance) -> Value {
    let name = "kubernetes.io/metadata.name";
    match chance.percent(15) {
        true => json!({}),
        false => selector(chance, &[("team", &TEAMS), ("env", &ENVS), (name, &NAMESPACES)], &OPERATORS, Some(name)),
    }
}

fn selector(chance: &mut Chance, labels: &[Label], operators: &[&str], always: Option<&str>) -> Value {
    let (mut equal, mut expressions, mut positive) = (Map::new(), vec![], false);
    let many = chance.between(1, 2);
    for (key, values) in chance.some(labels, many) {
        if chance.percent(45) {
            equal.insert(key.to_owned(), chance.pick(values).into());
            positive = true;
            continue;
        }
        let operator = chance.pick(operators);
        let mut expression = json!({ "key": key, "operator": operator });
        if ["In", "NotIn"].contains(&operator) {
            let many = chance.between(1, 2);
            expression["values"] = chance.some(values, many).into();
        }
        positive |= ["In", "Exists"].contains(&operator);
        expressions.push(expression);
    }
    if let Some(key) = always.filter(|_| !positive) {
        expressions.push(json!({ "key": key, "operator": "Exists" }));
    }
    let mut selector = Map::new();
    if !equal.is_empty() {
        selector.insert("matchLabels".to_owned(), Value::Object(equal));
    }
    if !expressions.is_empty() {
        selector.insert("matchExpressions".to_owned(), expressions.into());
    }
    Value::Object(selector)
}
