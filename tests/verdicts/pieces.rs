//! Policies taken apart, so that what a reader refuses hides little of what it reads: of each recorded case every policy
//! alone, and every policy with one rule alone; each as it is, and completed by what netpolc always writes.
//!
//! No engine was asked about these. The judge is: it said what the engine said wherever one was. So a piece need not
//! mean what the case meant.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_yaml::{Mapping, Value};

/// Where policies have rules.
const LISTS: [&str; 4] = ["ingress", "egress", "ingressDeny", "egressDeny"];

/// Manifests of every piece, each once.
pub fn pieces(text: &str, is_read: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let objects: Vec<Value> =
        serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap()).collect();
    let completed: Vec<Value> = objects.iter().cloned().map(complete).collect();
    let mut pieces = BTreeSet::new();
    for objects in [objects, completed] {
        pieces.insert(write(&objects));
        let (policies, others): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_policy);
        // What policies refer to; readers refuse what nothing refers to.
        let with_others = |parts: &[Value]| {
            let needed = others.iter().filter(|other| parts.iter().any(|part| is_needed(other, part)));
            write(&needed.chain(parts).cloned().collect::<Vec<_>>())
        };
        for policy in &policies {
            for part in [vec![policy.clone()], single_rules(policy)].concat() {
                pieces.insert(with_others(std::slice::from_ref(&part)));
                pieces.insert(write(&[part]));
            }
        }
        // All policies together, each with the rules that are read alone: their order and their tiers matter then.
        let is_kept = |part: &Value| is_read(&with_others(std::slice::from_ref(part)));
        let kept: Vec<Value> = policies.iter().filter_map(|policy| keep(policy, is_kept)).collect();
        pieces.insert(with_others(&kept));
    }
    pieces.remove("");
    pieces
}

/// A policy of one spec with those of its rules that are kept.
fn keep(policy: &Value, is_kept: impl Fn(&Value) -> bool) -> Option<Value> {
    let mut kept = policy.clone();
    let spec = kept.as_mapping_mut()?.get_mut("spec")?.as_mapping_mut()?;
    for list in LISTS {
        if let Some(rules) = spec.get_mut(list).and_then(Value::as_sequence_mut) {
            rules.retain(|rule| is_kept(&with_rule(policy, &policy["spec"], list, rule)));
            if rules.is_empty() {
                spec.remove(list);
            }
        }
    }
    Some(kept).filter(is_kept)
}

fn write(objects: &[Value]) -> String {
    let texts: Vec<String> = objects.iter().map(|object| serde_yaml::to_string(object).unwrap()).collect();
    texts.join("---\n")
}

fn is_policy(object: &Value) -> bool {
    object["kind"].as_str().unwrap().ends_with("NetworkPolicy")
}

/// Whether a policy may refer to an object: it names it, or a label of it.
fn is_needed(object: &Value, policy: &Value) -> bool {
    let text = write(std::slice::from_ref(policy));
    let names = |value: &Value| value.as_str().is_some_and(|value| text.contains(value));
    match object["kind"].as_str() {
        Some("GlobalNetworkSet" | "NetworkSet") => {
            object["metadata"]["labels"].as_mapping().is_some_and(|labels| labels.values().any(names))
        }
        _ => names(&object["metadata"]["name"]),
    }
}

/// The policy once for each of its rules, with that rule and no other.
fn single_rules(policy: &Value) -> Vec<Value> {
    let specs = match policy["specs"].as_sequence() {
        Some(specs) => specs.clone(),
        None => vec![policy["spec"].clone()],
    };
    let mut parts = vec![];
    for spec in specs {
        for list in LISTS {
            let rules = spec[list].as_sequence().into_iter().flatten();
            parts.extend(rules.map(|rule| with_rule(policy, &spec, list, rule)));
        }
    }
    parts
}

fn with_rule(policy: &Value, spec: &Value, list: &str, rule: &Value) -> Value {
    let (mut policy, mut spec) = (policy.clone(), spec.clone());
    for list in LISTS {
        spec.as_mapping_mut().unwrap().remove(list);
    }
    spec[list] = Value::Sequence(vec![rule.clone()]);
    policy.as_mapping_mut().unwrap().remove("specs");
    policy["spec"] = spec;
    policy
}

fn complete(mut object: Value) -> Value {
    match (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap()) {
        ("projectcalico.org/v3", "GlobalNetworkPolicy") => {
            complete_calico(&mut object, "has(projectcalico.org/name)");
        }
        ("projectcalico.org/v3", "NetworkPolicy") => {
            // The same as a policy of the cluster.
            let metadata = object["metadata"].as_mapping_mut().unwrap();
            let namespace = metadata.remove("namespace").unwrap().as_str().unwrap().to_owned();
            metadata["name"] = format!("{namespace}--{}", metadata["name"].as_str().unwrap()).into();
            object["kind"] = "GlobalNetworkPolicy".into();
            complete_calico(&mut object, &format!("projectcalico.org/name == '{namespace}'"));
        }
        ("cilium.io/v2", "CiliumClusterwideNetworkPolicy") => {
            // Pods, and no other endpoints.
            let several = object.as_mapping_mut().unwrap().get_mut("specs").and_then(Value::as_sequence_mut);
            match several {
                Some(specs) => specs.iter_mut().for_each(complete_cilium),
                None => complete_cilium(&mut object["spec"]),
            }
        }
        _ => {}
    }
    object
}

fn complete_calico(object: &mut Value, namespaces: &str) {
    let spec = object["spec"].as_mapping_mut().unwrap();
    spec.remove("serviceAccountSelector");
    let types = match (spec.contains_key("ingress"), spec.contains_key("egress")) {
        (true, true) => vec!["Ingress", "Egress"],
        (false, true) => vec!["Egress"],
        (_, false) => vec!["Ingress"],
    };
    let types = Value::Sequence(types.into_iter().map(Value::from).collect());
    for (key, value) in [
        ("tier", "default".into()),
        ("order", 2000.into()),
        ("namespaceSelector", namespaces.into()),
        ("selector", "all()".into()),
        ("types", types),
    ] {
        spec.entry(key.into()).or_insert(value);
    }
    for list in ["ingress", "egress"] {
        for rule in spec.get_mut(list).and_then(Value::as_sequence_mut).into_iter().flatten() {
            for side in ["source", "destination"] {
                let entity = rule.as_mapping_mut().unwrap().get_mut(side).and_then(Value::as_mapping_mut);
                if let Some(entity) = entity.filter(|entity| entity.contains_key("selector")) {
                    entity.entry("namespaceSelector".into()).or_insert(namespaces.into());
                }
            }
        }
    }
}

fn complete_cilium(spec: &mut Value) {
    let exists = [("key", "k8s:io.kubernetes.pod.namespace"), ("operator", "Exists")];
    let exists: Mapping = exists.map(|(key, value)| (key.into(), value.into())).into_iter().collect();
    let selector = spec["endpointSelector"].as_mapping_mut().unwrap();
    let expressions = selector.entry("matchExpressions".into()).or_insert(Value::Sequence(vec![]));
    expressions.as_sequence_mut().unwrap().push(exists.into());
}
