//! Calico's policies, network sets and tiers.

use serde_json::{Map, Value, json};

use super::cluster::{ACCOUNTS, Cluster, Label, NAMESPACE_LABELS, NAMESPACES, POD_LABELS};
use super::kubernetes;
use super::words::{list, object, range};
use crate::support::chance::Chance;

const VERSION: &str = "projectcalico.org/v3";
const TIERS: [&str; 4] = ["default", "tier0", "tier1", "nowhere"];
/// What Calico writes itself, beside what pods say.
const WRITTEN: [Label; 5] = [
    ("projectcalico.org/namespace", &NAMESPACES),
    ("projectcalico.org/serviceaccount", &ACCOUNTS),
    ("projectcalico.org/orchestrator", &["k8s", "cni"]),
    ("pcns.team", &["red", "blue"]),
    ("pcsa.duty", &["a", "b"]),
];
const NAMESPACE_NAME: Label = ("projectcalico.org/name", &NAMESPACES);
const SET_LABELS: [Label; 2] = [("set", &["s0", "s1"]), ("app", &["web", "api"])];

pub fn policies(chance: &mut Chance, cluster: &Cluster) -> Vec<Value> {
    let mut objects = vec![];
    for n in 0..chance.between(0, 2) {
        objects.push(set(chance, cluster, n));
    }
    for name in ["tier0", "tier1"] {
        if chance.percent(60) {
            objects.push(tier(chance, name));
        }
    }
    // Few names, so that ties are decided by what stands behind them.
    let mut taken = vec![];
    for _ in 0..chance.between(1, 5) {
        let policy = match chance.percent(15) {
            true => kubernetes::policy(chance, cluster, "a"),
            false => policy(chance, cluster),
        };
        let key = (policy["apiVersion"].clone(), policy["kind"].clone(), policy["metadata"].clone());
        if !taken.contains(&key) {
            taken.push(key);
            objects.push(policy);
        }
    }
    objects
}

fn set(chance: &mut Chance, cluster: &Cluster, n: usize) -> Value {
    let namespace = chance.percent(45).then(|| chance.pick(&cluster.namespaces));
    let kind = if namespace.is_some() { "NetworkSet" } else { "GlobalNetworkSet" };
    let many = chance.between(0, 3);
    let nets = [
        "203.0.113.0/24",
        "198.51.100.7/32",
        "192.0.2.0/26",
        "10.1.1.0/24",
        "10.1.2.5/24",
        "2001:db8::/48",
        "fd00::1:5/128",
        "172.16.0.0/12",
    ];
    let mut set = object(VERSION, kind, &format!("s{n}"), namespace, json!({ "nets": chance.some(&nets, many) }));
    let mut labels = Map::new();
    for (key, values) in SET_LABELS {
        if chance.percent(60) {
            labels.insert(key.to_owned(), chance.pick(values).into());
        }
    }
    set["metadata"]["labels"] = Value::Object(labels);
    set
}

fn tier(chance: &mut Chance, name: &str) -> Value {
    let mut spec = Map::new();
    if chance.percent(75) {
        spec.insert("order".to_owned(), chance.pick(&[50, 50, 1_000_000, 1_500_000, -3]).into());
    }
    if chance.percent(55) {
        spec.insert("defaultAction".to_owned(), chance.pick(&["Deny", "Pass"]).into());
    }
    object(VERSION, "Tier", name, None, Value::Object(spec))
}

fn policy(chance: &mut Chance, cluster: &Cluster) -> Value {
    let namespace = chance.percent(45).then(|| chance.pick(&cluster.namespaces));
    let mut spec = Map::new();
    if chance.percent(70) {
        spec.insert("tier".to_owned(), chance.pick(&TIERS).into());
    }
    if chance.percent(75) {
        let order = chance.pick(&[json!(5), json!(5), json!(1000), json!(1000.5), json!(-1), json!(2000), json!(1e3)]);
        spec.insert("order".to_owned(), order);
    }
    if chance.percent(75) {
        spec.insert("selector".to_owned(), pods(chance).into());
    }
    if namespace.is_none() && chance.percent(55) {
        spec.insert("namespaceSelector".to_owned(), of_namespaces(chance).into());
    }
    if chance.percent(20) {
        spec.insert("serviceAccountSelector".to_owned(), accounts(chance).into());
    }
    if chance.percent(70) {
        let types: &[&str] = chance.pick(&[&["Ingress"] as &[&str], &["Egress"], &["Ingress", "Egress"]]);
        spec.insert("types".to_owned(), types.into());
    }
    for field in ["ingress", "egress"] {
        if chance.percent(65) {
            let rules = list(0, 3, chance, rule);
            spec.insert(field.to_owned(), rules);
        }
    }
    let kind = match (namespace.is_some(), chance.percent(7)) {
        (true, false) => "NetworkPolicy",
        (false, false) => "GlobalNetworkPolicy",
        (true, true) => "StagedNetworkPolicy",
        (false, true) => "StagedGlobalNetworkPolicy",
    };
    let name = chance.pick(&["a", "b", "a-b"]);
    object(VERSION, kind, name, namespace, Value::Object(spec))
}

fn rule(chance: &mut Chance) -> Value {
    let action = chance.pick(&["Allow", "Allow", "Allow", "Deny", "Deny", "Pass", "Pass", "Log"]);
    let mut rule = json!({ "action": action });
    // One family a rule.
    let six = chance.percent(20);
    for side in ["source", "destination"] {
        if chance.percent(50) {
            rule[side] = entity(chance, six);
        }
    }
    if chance.percent(10) {
        rule["ipVersion"] = if six { 6.into() } else { 4.into() };
    }
    match chance.below(10) {
        0..6 => {
            rule["protocol"] = chance.pick(&[
                "TCP".into(),
                "TCP".into(),
                "UDP".into(),
                "SCTP".into(),
                json!(6),
                json!(17),
                json!(132),
            ]);
            if chance.percent(60) {
                ports(chance, &mut rule["destination"]);
            }
        }
        6..8 => rule["notProtocol"] = chance.pick(&["TCP".into(), "UDP".into(), json!(132)]),
        _ => {}
    }
    if chance.percent(4) {
        rule["notProtocol"] = "UDP".into();
    }
    rule
}

fn entity(chance: &mut Chance, six: bool) -> Value {
    let mut entity = Map::new();
    let mut put = |key: &str, value: Value| entity.insert(key.to_owned(), value);
    if chance.percent(45) {
        put("selector", pods(chance).into());
    }
    if chance.percent(30) {
        let text = if chance.percent(20) { "global()".to_owned() } else { of_namespaces(chance) };
        put("namespaceSelector", text.into());
    }
    if chance.percent(15) {
        put("notSelector", pods(chance).into());
    }
    if chance.percent(12) {
        let mut of = Map::new();
        if chance.percent(60) {
            let many = chance.between(0, 2);
            of.insert("names".to_owned(), chance.some(&ACCOUNTS, many).into());
        }
        if chance.percent(40) {
            of.insert("selector".to_owned(), accounts(chance).into());
        }
        put("serviceAccounts", Value::Object(of));
    }
    if chance.percent(25) {
        let many = chance.between(1, 2);
        let mut nets: Vec<&str> = (0..many).map(|_| range(chance, six).0).collect();
        nets.dedup();
        put("nets", nets.into());
    }
    if chance.percent(15) {
        let mut nets: Vec<&str> = range(chance, six).1;
        nets.retain(|net| !net.ends_with("/0"));
        if !nets.is_empty() {
            put("notNets", nets.into());
        }
    }
    Value::Object(entity)
}

fn ports(chance: &mut Chance, destination: &mut Value) {
    let term = |chance: &mut Chance| -> Value {
        match chance.below(6) {
            0 => chance.pick(&["http", "metrics", "dns", "sig", "nobody"]).into(),
            1 => "8000:8100".into(),
            2 => "50:90".into(),
            _ => chance.pick(&[80, 53, 8080, 9091, 2905]).into(),
        }
    };
    if destination.is_null() {
        *destination = json!({});
    }
    if chance.percent(75) {
        destination["ports"] = list(1, 3, chance, term);
    }
    if chance.percent(30) {
        destination["notPorts"] = list(1, 2, chance, term);
    }
}

fn pods(chance: &mut Chance) -> String {
    let mut labels: Vec<Label> = POD_LABELS[..5].to_vec();
    labels.extend(SET_LABELS);
    if chance.percent(30) {
        labels = WRITTEN.to_vec();
    }
    selector(chance, &labels, 2)
}

fn of_namespaces(chance: &mut Chance) -> String {
    let mut labels = NAMESPACE_LABELS.to_vec();
    labels.push(NAMESPACE_NAME);
    selector(chance, &labels, 1)
}

fn accounts(chance: &mut Chance) -> String {
    selector(chance, &[("duty", &["a", "b"]), ("projectcalico.org/name", &ACCOUNTS)], 1)
}

fn selector(chance: &mut Chance, labels: &[Label], depth: usize) -> String {
    if depth > 0 && chance.percent(45) {
        let part = |chance: &mut Chance| selector(chance, labels, depth - 1);
        return match chance.below(6) {
            0 => format!("!({})", part(chance)),
            1 => format!("!!({})", part(chance)),
            2 => format!("{} && {}", part(chance), part(chance)),
            3 => format!("({}) && ({})", part(chance), part(chance)),
            4 => format!("{} || {} && {}", part(chance), part(chance), part(chance)),
            _ => format!("({} || {})", part(chance), part(chance)),
        };
    }
    let (key, values) = chance.pick(labels);
    let value = chance.pick(values);
    let other = chance.pick(values);
    let part = &value[..value.len().min(2)];
    match chance.below(15) {
        0 => "all()".to_owned(),
        1 => format!("has({key})"),
        2..5 => format!("{key} == '{value}'"),
        5 => format!("{key} in {{'{value}', \"{other}\"}}"),
        6 => format!("{key} in {{ \"{value}\" }}"),
        7 => format!("{key} contains '{part}'"),
        8 => format!("{key} starts with \"{part}\""),
        9 => format!("{key} ends with '{part}'"),
        10 => format!("{key} != '{value}'"),
        11 => format!("{key} not in {{'{value}'}}"),
        12 => format!("{key} not in {{'{value}', '{other}',}}"),
        13 => format!("{key}=='{value}'"),
        _ => format!("!has({key})"),
    }
}
