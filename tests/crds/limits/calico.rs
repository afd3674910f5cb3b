//! Calico: what its own validator refuses (libcalico-go, lib/validator/v3/validator.go), and what a policy of ours
//! always says, since what Calico makes of its absence is a trap.

use ipnet::IpNet;
use serde_json::Value;

use super::selector::is_selector;
use super::{is_label, list, ranges};

pub fn check(object: &Value, problems: &mut Vec<String>) {
    let (spec, kind) = (&object["spec"], object["kind"].as_str().unwrap_or_default());
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    match kind {
        "Tier" => {
            if !is_label(name) {
                problems.push(format!("tier {name:?}"));
            }
        }
        "GlobalNetworkSet" => {
            ranges(list(spec, "nets"), problems);
        }
        _ => policy(name, spec, problems),
    }
}

fn policy(name: &str, spec: &Value, problems: &mut Vec<String>) {
    if name.matches('.').count() > 1 {
        problems.push(format!("more than one dot in {name:?}"));
    }
    selectors(spec, problems);
    for direction in ["ingress", "egress"] {
        let rules = list(spec, direction);
        if rules.len() > 1024 {
            problems.push(format!("{} {direction} rules", rules.len()));
        }
        rules.iter().for_each(|one| rule(one, problems));
    }
}

/// Without `namespaceSelector` host endpoints are selected too, `types` would depend on the rules, and what the server
/// fills in makes continuous delivery see a difference.
pub fn ours(object: &Value, problems: &mut Vec<String>) {
    let (spec, kind) = (&object["spec"], object["kind"].as_str().unwrap_or_default());
    let fields: &[&str] = match kind {
        "Tier" => &["order", "defaultAction"],
        "GlobalNetworkSet" => &["nets"],
        _ => &["namespaceSelector", "selector", "types", "order", "tier"],
    };
    let missing = fields.iter().filter(|field| spec.get(field).is_none());
    problems.extend(missing.map(|field| format!("no {field}")));
    for rule in ["ingress", "egress"].iter().flat_map(|direction| list(spec, direction)) {
        for side in ["source", "destination"].map(|side| &rule[side]) {
            // A selector without one reaches pods and sets of addresses alike.
            if side.get("selector").is_some() && side.get("namespaceSelector").is_none() {
                problems.push(format!("a peer of any namespace or none: {side}"));
            }
            if side.get("notSelector").is_some() {
                problems.push("notSelector admits what has no labels".to_owned());
            }
        }
    }
}

fn selectors(value: &Value, problems: &mut Vec<String>) {
    for field in ["selector", "namespaceSelector", "notSelector"] {
        let Some(text) = value.get(field) else { continue };
        let text = text.as_str().unwrap_or_default();
        if text.len() > 1024 || !is_selector(text) {
            problems.push(format!("{field} of {} bytes: {text}", text.len()));
        }
    }
}

fn rule(rule: &Value, problems: &mut Vec<String>) {
    let protocol = match &rule["protocol"] {
        Value::Null => None,
        Value::Number(number) => number.as_u64().filter(|number| (1..=255).contains(number)).map(|_| "number"),
        other => ["TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite"].into_iter().find(|name| other == name),
    };
    if protocol.is_none() && !rule["protocol"].is_null() {
        problems.push(format!("protocol {}", rule["protocol"]));
    }
    let has_ports =
        matches!(protocol, Some("TCP" | "UDP" | "SCTP")) || [6, 17, 132].iter().any(|n| rule["protocol"] == *n);
    let mut nets: Vec<IpNet> = vec![];
    for side in ["source", "destination"].map(|side| &rule[side]) {
        selectors(side, problems);
        for field in ["nets", "notNets"] {
            let found = ranges(list(side, field), problems);
            if found.len() > 256 {
                problems.push(format!("{} {field}", found.len()));
            }
            if field == "notNets" && found.iter().any(|net| net.prefix_len() == 0) {
                problems.push("every address in notNets".to_owned());
            }
            nets.extend(found);
        }
        for field in ["ports", "notPorts"] {
            let ports = list(side, field);
            if !ports.is_empty() && !has_ports {
                problems.push(format!("ports of protocol {}", rule["protocol"]));
            }
            if ports.len() > 50 {
                problems.push(format!("{} {field}", ports.len()));
            }
            problems.extend(ports.iter().filter(|term| !is_port_term(term)).map(|port| format!("port {port}")));
        }
    }
    if nets.iter().any(|net| net.addr().is_ipv4()) && nets.iter().any(|net| net.addr().is_ipv6()) {
        problems.push("both families of addresses in one rule".to_owned());
    }
}

/// A number, a range of them, or a name.
fn is_port_term(term: &Value) -> bool {
    let number = |text: &str| text.parse::<u16>().ok().filter(|n| *n > 0 && n.to_string() == text);
    match term {
        Value::Number(_) => number(&term.to_string()).is_some(),
        Value::String(text) => match text.split_once(':') {
            Some((first, last)) => number(first).zip(number(last)).is_some_and(|(first, last)| first <= last),
            None => is_label(text),
        },
        _ => false,
    }
}
