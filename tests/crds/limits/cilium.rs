//! Cilium: what its agent refuses when it reads a policy (pkg/policy/api/rule_validation.go), and ports in one form
//! only.

use serde_json::Value;

use super::{block, label_selector, list, ranges};

pub fn check(object: &Value, problems: &mut Vec<String>) {
    let (spec, namespaced) = (&object["spec"], object["kind"] == "CiliumNetworkPolicy");
    ranges(list(spec, "externalCIDRs"), problems);
    if spec.get("nodeSelector").is_some() && namespaced {
        problems.push("a nodeSelector in a namespace".to_owned());
    }
    selector(&spec["endpointSelector"], problems);
    for direction in ["ingress", "ingressDeny", "egress", "egressDeny"] {
        list(spec, direction).iter().for_each(|one| rule(one, problems));
    }
}

/// A rule without ports is for every protocol, a port without one for any of them; a range never ends before it begins.
pub fn ours(object: &Value, problems: &mut Vec<String>) {
    for rule in ["ingress", "egress"].iter().flat_map(|direction| list(&object["spec"], direction)) {
        for port in list(rule, "toPorts").iter().flat_map(|rule| list(rule, "ports")) {
            if port.get("protocol").is_none_or(|protocol| protocol == "ANY") {
                problems.push(format!("no protocol: {port}"));
            }
            let first = port["port"].as_str().and_then(|port| port.parse().ok());
            if port.get("endPort").is_some_and(|last| last.as_u64() <= first) {
                problems.push(format!("range {port}"));
            }
        }
    }
}

/// The source of a label, as `k8s:`, belongs to its key when it is checked, with a dot behind it
/// (pkg/policy/api/selector.go).
fn selector(selector: &Value, problems: &mut Vec<String>) {
    let key = |key: &str| {
        Some(key.split_once(':').map_or_else(|| format!("any.{key}"), |(source, key)| format!("{source}.{key}")))
    };
    label_selector(selector, &key, problems);
}

fn rule(rule: &Value, problems: &mut Vec<String>) {
    let fields = rule.as_object().into_iter().flatten();
    let peers: Vec<&String> = fields
        .map(|(key, _)| key)
        .filter(|key| *key != "toPorts" && (key.starts_with("from") || key.starts_with("to")))
        .collect();
    if peers.len() > 1 {
        problems.push(format!("peers of several kinds in a rule: {peers:?}"));
    }
    for direction in ["from", "to"] {
        list(rule, &format!("{direction}Endpoints")).iter().for_each(|one| selector(one, problems));
        ranges(list(rule, &format!("{direction}CIDR")), problems);
        for set in list(rule, &format!("{direction}CIDRSet")) {
            match set.get("cidrGroupRef") {
                Some(_) if set.get("except").is_some() => problems.push("exceptions of a group".to_owned()),
                Some(_) => {}
                None => block(set, problems),
            }
        }
    }
    list(rule, "toPorts").iter().for_each(|one| ports(one, problems));
}

fn ports(rule: &Value, problems: &mut Vec<String>) {
    let ports = list(rule, "ports");
    if ports.len() > 40 {
        problems.push(format!("{} ports", ports.len()));
    }
    let requests = &rule["rules"];
    for port in ports {
        let text = port["port"].as_str().unwrap_or_default();
        let number = text.parse::<u16>().ok();
        // A number is read with its base: `010` would be 8. What is none must be a name.
        let canonical = number.is_some_and(|number| number.to_string() == text);
        if !canonical && (number.is_some() || !text.contains(|c: char| c.is_ascii_alphabetic())) {
            problems.push(format!("port {text:?}"));
        }
        let layer_7 = requests.get("http").is_some();
        if layer_7 && (port["protocol"] != "TCP" || text == "0") {
            problems.push(format!("requests on {port}"));
        }
    }
    if requests.as_object().is_some_and(|kinds| kinds.len() > 1) {
        problems.push("requests of several kinds".to_owned());
    }
    if requests.get("dns").is_some() && ports.is_empty() {
        problems.push("names that are asked for, without a port".to_owned());
    }
    for request in list(requests, "http") {
        for field in ["path", "method", "host"] {
            let text = request[field].as_str().unwrap_or_default();
            if regex_syntax::parse(text).is_err() {
                problems.push(format!("{field} {text:?} is no regular expression"));
            }
        }
    }
}
