//! What several dialects write alike: objects, selectors of Kubernetes, address ranges.

use serde_json::{Map, Value, json};

use crate::support::chance::Chance;

/// Ranges with what may be left out of them; those of pods among them.
const RANGES: [(&str, &[&str]); 9] = [
    ("0.0.0.0/0", &["10.0.0.0/8", "192.0.2.0/24", "10.1.1.0/24"]),
    ("10.1.0.0/16", &["10.1.0.0/24", "10.1.1.5/32", "10.1.2.0/23"]),
    ("10.1.1.5/32", &[]),
    ("192.0.2.0/24", &["192.0.2.32/27", "192.0.2.128/25"]),
    ("198.51.100.0/25", &["198.51.100.0/28", "198.51.100.7/32"]),
    ("203.0.113.128/25", &["203.0.113.200/32"]),
    ("172.16.0.0/12", &["172.16.4.0/24"]),
    ("8.8.8.8/32", &[]),
    ("128.0.0.0/1", &["192.0.0.0/8", "203.0.113.0/24"]),
];
const RANGES_6: [(&str, &[&str]); 4] = [
    ("::/0", &["fd00::/8", "2001:db8::/32"]),
    ("2001:db8::/32", &["2001:db8:a::/48"]),
    ("2001:db8:a:1::/64", &[]),
    ("fd00::/8", &["fd00::1:0/112"]),
];

/// A range, and what is left out of it; of IPv6 or not.
pub fn range(chance: &mut Chance, six: bool) -> (&'static str, Vec<&'static str>) {
    let (range, holes) = if six { chance.pick(&RANGES_6) } else { chance.pick(&RANGES) };
    let many = if chance.percent(50) { chance.between(1, 2) } else { 0 };
    (range, chance.some(holes, many))
}

/// A label selector. Keys may be asked twice.
pub fn selector(chance: &mut Chance, labels: &[(String, &[&str])], most: usize) -> Value {
    let (mut equal, mut expressions) = (Map::new(), vec![]);
    for _ in 0..chance.between(0, most) {
        let (key, values) = chance.pick(labels);
        if chance.percent(50) {
            equal.insert(key, chance.pick(values).into());
            continue;
        }
        let operator = chance.pick(&["In", "NotIn", "Exists", "DoesNotExist"]);
        let mut expression = json!({ "key": key, "operator": operator });
        if ["In", "NotIn"].contains(&operator) {
            let many = chance.between(1, 2);
            expression["values"] = chance.some(values, many).into();
        }
        expressions.push(expression);
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

pub fn keyed(labels: &[super::cluster::Label]) -> Vec<(String, &'static [&'static str])> {
    labels.iter().map(|(key, values)| ((*key).to_owned(), *values)).collect()
}

/// Several of a kind, as a list.
pub fn list(first: usize, last: usize, chance: &mut Chance, mut one: impl FnMut(&mut Chance) -> Value) -> Value {
    let many = chance.between(first, last);
    Value::Array((0..many).map(|_| one(chance)).collect())
}

pub fn object(version: &str, kind: &str, name: &str, namespace: Option<&str>, spec: Value) -> Value {
    let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name }, "spec": spec });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

/// A stream of manifests.
pub fn yaml(manifests: &[Value]) -> String {
    manifests.iter().map(|manifest| format!("---\n{}", serde_yaml::to_string(manifest).unwrap())).collect()
}
