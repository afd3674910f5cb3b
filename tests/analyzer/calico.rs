//! Calico's policies and network sets, sometimes with NetworkPolicies beside them.

use serde_json::{Map, Value, json};

use super::cluster::{APPS, Cluster, ENVS, NAMESPACES, TEAMS, TIERS};
use super::kubernetes;
use super::words::{Words, list, name, object};
use crate::support::chance::Chance;

const VERSION: &str = "projectcalico.org/v3";

/// What a rule's selector may speak of in one case.
struct Scene<'a> {
    words: &'a Words,
    namespaces: &'a [&'static str],
    /// Network sets are there, and no NetworkPolicy.
    sets: bool,
}

pub fn policies(chance: &mut Chance, cluster: &Cluster, words: &Words) -> Vec<Value> {
    let sets = chance.percent(50);
    let scene = Scene { words, namespaces: &cluster.namespaces, sets };
    let mut objects = vec![];
    if sets {
        let nets = ["203.0.113.0/25", "198.51.100.0/24", "192.0.2.128/25"];
        let many = chance.between(1, 3);
        for (n, net) in chance.some(&nets, many).into_iter().enumerate() {
            objects.push(set(chance, &scene, n, net));
        }
    }
    // Each at an order of its own, one of them at none, which is last.
    let orders = chance.some(&[-5, 0, 1, 10, 999, 1001, 2000], 4);
    let none = chance.below(8);
    for (n, order) in orders.into_iter().take(chance.between(1, 4)).enumerate() {
        objects.push(policy(chance, &scene, n, (n != none).then_some(order)));
    }
    if !sets && chance.percent(60) {
        objects.extend((8..10).map(|n| kubernetes::policy(chance, cluster, words, n)));
    }
    objects
}

fn set(chance: &mut Chance, scene: &Scene, n: usize, net: &str) -> Value {
    let namespace = chance.percent(40).then(|| chance.pick(scene.namespaces));
    let kind = if namespace.is_some() { "NetworkSet" } else { "GlobalNetworkSet" };
    let mut set = object(VERSION, kind, &format!("s{n}"), namespace, json!({ "nets": [net] }));
    set["metadata"]["labels"] = match chance.percent(50) {
        true => json!({ "app": chance.pick(&APPS) }),
        false => json!({ "app": chance.pick(&APPS), "tier": chance.pick(&TIERS) }),
    };
    set
}

fn policy(chance: &mut Chance, scene: &Scene, n: usize, order: Option<i32>) -> Value {
    let namespace = chance.percent(40).then(|| chance.pick(scene.namespaces));
    let mut spec = Map::new();
    if let Some(order) = order {
        spec.insert("order".to_owned(), order.into());
    }
    if chance.percent(85) {
        spec.insert("selector".to_owned(), pods(chance, 2).into());
    }
    if namespace.is_none() && chance.percent(60) {
        spec.insert("namespaceSelector".to_owned(), of_namespace(chance, scene).into());
    }
    let types = chance.pick(&[&["Ingress"] as &[&str], &["Egress"], &["Ingress", "Egress"], &["Egress", "Ingress"]]);
    // Types left out are those that have rules, and Ingress if there are none at all.
    let (left_out, none_at_all) = (chance.percent(25), chance.percent(10));
    for (kind, field) in [("Ingress", "ingress"), ("Egress", "egress")] {
        if types.contains(&kind) && !(left_out && none_at_all) && (left_out || chance.percent(90)) {
            let few = usize::from(left_out);
            spec.insert(
                field.to_owned(),
                list(few, 3, chance, |chance| rule(chance, scene, namespace.is_some(), field)),
            );
        }
    }
    if !left_out {
        spec.insert("types".to_owned(), types.into());
    }
    // Staged ones only report.
    let kind = match (namespace.is_some(), chance.percent(7)) {
        (true, false) => "NetworkPolicy",
        (false, false) => "GlobalNetworkPolicy",
        (true, true) => "StagedNetworkPolicy",
        (false, true) => "StagedGlobalNetworkPolicy",
    };
    object(VERSION, kind, &format!("p{n}"), namespace, Value::Object(spec))
}

fn rule(chance: &mut Chance, scene: &Scene, namespaced: bool, direction: &str) -> Value {
    let action = chance.pick(&["Allow", "Allow", "Allow", "Deny", "Deny", "Pass", "Log"]);
    let mut rule = json!({ "action": action });
    let (own, other) = if direction == "ingress" { ("destination", "source") } else { ("source", "destination") };
    if chance.percent(75) {
        rule[other] = peer(chance, scene, namespaced);
    }
    match chance.below(20) {
        0 => rule[own] = json!({ "selector": pods(chance, 1) }),
        1 => rule[own] = json!({ "namespaceSelector": of_namespace(chance, scene) }),
        _ => {}
    }
    match chance.below(10) {
        0..7 => {
            let (named, of) = name(chance);
            let protocol = if chance.percent(60) { of } else { chance.pick(&["TCP", "UDP", "SCTP"]) };
            rule["protocol"] = match (protocol, chance.percent(10)) {
                ("TCP", true) => 6.into(),
                ("UDP", true) => 17.into(),
                ("SCTP", true) => 132.into(),
                _ => protocol.into(),
            };
            if chance.percent(70) {
                ports(chance, scene, &mut rule["destination"], named);
            }
        }
        7 => rule["notProtocol"] = chance.pick(&["TCP", "UDP", "SCTP"]).into(),
        _ => {}
    }
    rule
}

fn peer(chance: &mut Chance, scene: &Scene, namespaced: bool) -> Value {
    match chance.below(10) {
        0..3 => json!({ "selector": pods(chance, 2) }),
        3..4 => json!({ "namespaceSelector": namespaces(chance, scene) }),
        4..6 => json!({ "namespaceSelector": namespaces(chance, scene), "selector": pods(chance, 1) }),
        6..7 if !namespaced => json!({ "notSelector": pods(chance, 1) }),
        6..7 => json!({ "selector": pods(chance, 1), "notSelector": pods(chance, 1) }),
        _ => {
            let range = scene.words.range(chance);
            // Each once: the list is a set (projectcalico/v3, EntityRule).
            let mut nets = vec![range.range];
            let is_other = |net: &str| net != range.range && net.contains(':') == range.range.contains(':');
            let second = scene.words.range(chance);
            if second.without.is_empty() && range.without.is_empty() && is_other(second.range) {
                nets.push(second.range);
            }
            match range.without.is_empty() {
                true => json!({ "nets": nets }),
                false => json!({ "nets": nets, "notNets": range.without }),
            }
        }
    }
}

fn ports(chance: &mut Chance, scene: &Scene, destination: &mut Value, named: &str) {
    let with_name = chance.percent(40);
    let number = |chance: &mut Chance| {
        let (first, last) = scene.words.term(chance);
        if first < last { format!("{first}:{last}").into() } else { first.into() }
    };
    let either = |chance: &mut Chance| {
        if with_name && chance.percent(50) { named.into() } else { number(chance) }
    };
    if destination.is_null() {
        *destination = json!({});
    }
    match chance.below(10) {
        0..7 => destination["ports"] = list(1, 3, chance, either),
        7..9 => destination["notPorts"] = list(1, 2, chance, either),
        _ => {
            destination["ports"] = list(1, 3, chance, number);
            destination["notPorts"] = list(1, 2, chance, either);
        }
    }
}

fn pods(chance: &mut Chance, depth: usize) -> String {
    selector(chance, &[("app", &APPS), ("tier", &TIERS)], depth, true)
}

fn namespaces(chance: &mut Chance, scene: &Scene) -> String {
    if scene.sets && chance.percent(20) {
        return "global()".to_owned();
    }
    of_namespace(chance, scene)
}

/// Without a negation where there are network sets: a GlobalNetworkSet, which is in no namespace, would match it.
fn of_namespace(chance: &mut Chance, scene: &Scene) -> String {
    let labels: [(&str, &[&str]); 3] = [("team", &TEAMS), ("env", &ENVS), ("kubernetes.io/metadata.name", &NAMESPACES)];
    selector(chance, &labels, 1, !scene.sets)
}

fn selector(chance: &mut Chance, labels: &[(&str, &[&str])], depth: usize, negations: bool) -> String {
    if depth > 0 && chance.percent(50) {
        let part = |chance: &mut Chance| selector(chance, labels, depth - 1, negations);
        return match chance.below(5) {
            0 if negations => format!("!({})", part(chance)),
            0 | 1 => format!("{} && {}", part(chance), part(chance)),
            2 => format!("({}) && ({})", part(chance), part(chance)),
            3 => format!("{} || {}", part(chance), part(chance)),
            _ => format!("({} || {})", part(chance), part(chance)),
        };
    }
    let (key, values) = chance.pick(labels);
    let value = chance.pick(values);
    let both = format!("{{'{}', '{}'}}", values[0], values[1]);
    let part = if chance.percent(50) { &value[..2] } else { &value[1..] };
    match chance.below(if negations { 12 } else { 8 }) {
        0 => "all()".to_owned(),
        1 => format!("has({key})"),
        2 | 3 => format!("{key} == '{value}'"),
        4 => format!("{key} in {both}"),
        5 => format!("{key} contains '{part}'"),
        6 => format!("{key} starts with '{part}'"),
        7 => format!("{key} ends with '{part}'"),
        8 => format!("{key} != '{value}'"),
        9 => format!("{key} not in {{'{value}'}}"),
        10 => format!("{key} not in {both}"),
        _ => format!("!has({key})"),
    }
}
