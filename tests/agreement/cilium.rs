//! Cilium's policies and groups of address ranges.

use serde_json::{Map, Value, json};

use super::cluster::{ACCOUNTS, Cluster, NAMESPACE_LABELS, NAMESPACES, POD_LABELS};
use super::words::{list, object, range, selector};
use crate::support::chance::Chance;

const VERSION: &str = "cilium.io/v2";
/// Host names outside of the cluster.
pub const NAMES: [(&str, &str); 4] = [
    ("api.example.com", "192.0.2.33"),
    ("a.b.example.com", "198.51.100.7"),
    ("example.com", "8.8.8.8"),
    ("www.example.org", "2001:db8::1"),
];
const PATTERNS: [&str; 10] = [
    "*",
    "*.example.com",
    "**.example.com",
    "a*.example.com",
    "*i.example.com",
    "api.*.com",
    "*.*",
    "www.example.*",
    "**.com",
    "*a*p*i*.example.com",
];

pub fn policies(chance: &mut Chance, cluster: &Cluster) -> Vec<Value> {
    let mut objects = vec![];
    if chance.percent(35) {
        let nets = ["192.0.2.0/24", "10.1.0.0/16", "172.16.0.0/12", "2001:db8::/32", "8.8.8.8/32"];
        let many = chance.between(0, 3);
        let spec = json!({ "externalCIDRs": chance.some(&nets, many) });
        objects.push(object(VERSION, "CiliumCIDRGroup", "group0", None, spec));
    }
    for n in 0..chance.between(1, 4) {
        let namespace = chance.percent(65).then(|| chance.pick(&cluster.namespaces));
        let kind = if namespace.is_some() { "CiliumNetworkPolicy" } else { "CiliumClusterwideNetworkPolicy" };
        let mut policy = object(VERSION, kind, &format!("c{n}"), namespace, spec(chance));
        if chance.percent(20) {
            policy["specs"] = list(1, 2, chance, spec);
            if chance.percent(50) {
                policy.as_object_mut().unwrap().remove("spec");
            }
        }
        objects.push(policy);
    }
    objects
}

fn spec(chance: &mut Chance) -> Value {
    let mut spec = Map::new();
    let most = if chance.percent(60) { 1 } else { 2 };
    spec.insert("endpointSelector".to_owned(), endpoints(chance, most));
    let mut off = [false, false];
    if chance.percent(30) {
        let mut deny = Map::new();
        for (field, off) in ["ingress", "egress"].into_iter().zip(&mut off) {
            if chance.percent(60) {
                *off = chance.percent(60);
                deny.insert(field.to_owned(), (!*off).into());
            }
        }
        spec.insert("enableDefaultDeny".to_owned(), Value::Object(deny));
    }
    let fields = [("ingress", 60, false), ("egress", 60, false), ("ingressDeny", 20, true), ("egressDeny", 20, true)];
    for (field, often, deny) in fields {
        if chance.percent(often) {
            let egress = field.starts_with('e');
            let l7 = !deny && !off[usize::from(egress)];
            spec.insert(field.to_owned(), list(0, 3, chance, |chance| rule(chance, egress, deny, l7)));
        }
    }
    // Some rule there must be.
    let is_some = |rules: &Value| rules.as_array().is_some_and(|rules| !rules.is_empty());
    if !fields.iter().any(|(field, ..)| spec.get(*field).is_some_and(is_some)) {
        spec.insert("ingress".to_owned(), json!([{}]));
    }
    Value::Object(spec)
}

fn rule(chance: &mut Chance, egress: bool, deny: bool, l7: bool) -> Value {
    let mut rule = Map::new();
    let to = if egress { "to" } else { "from" };
    match chance.below(13) {
        0..5 => {
            rule.insert(format!("{to}Endpoints"), list(0, 2, chance, |chance| endpoints(chance, 2)));
        }
        5..7 => {
            let entities =
                ["all", "world", "cluster", "host", "remote-node", "kube-apiserver", "none", "health", "init"];
            let many = chance.between(0, 2);
            rule.insert(format!("{to}Entities"), chance.some(&entities, many).into());
        }
        7 => {
            let six = chance.percent(25);
            rule.insert(format!("{to}CIDR"), list(0, 2, chance, |chance| range(chance, six).0.into()));
        }
        8..10 => {
            rule.insert(format!("{to}CIDRSet"), list(0, 2, chance, set));
        }
        10 if egress && !deny => {
            rule.insert("toFQDNs".to_owned(), list(1, 2, chance, name));
        }
        _ => {}
    }
    if chance.percent(60) {
        rule.insert("toPorts".to_owned(), list(0, 2, chance, |chance| ports(chance, l7)));
    }
    Value::Object(rule)
}

fn set(chance: &mut Chance) -> Value {
    let six = chance.percent(25);
    let (cidr, except) = range(chance, six);
    match chance.below(5) {
        0 => json!({ "cidrGroupRef": chance.pick(&["group0", "group0", "missing"]) }),
        1 => json!({ "cidrGroupRef": "group0", "except": except }),
        _ if except.is_empty() => json!({ "cidr": cidr }),
        _ => json!({ "cidr": cidr, "except": except }),
    }
}

fn name(chance: &mut Chance) -> Value {
    match chance.percent(40) {
        true => json!({ "matchName": chance.pick(&NAMES).0 }),
        false => json!({ "matchPattern": chance.pick(&PATTERNS) }),
    }
}

fn ports(chance: &mut Chance, l7: bool) -> Value {
    if l7 && chance.percent(15) {
        let port = json!({ "port": chance.pick(&["80", "8080", "http"]), "protocol": "TCP" });
        return json!({ "ports": [port], "rules": { "http": [{ "method": "GET", "path": "/a/.*" }] } });
    }
    json!({ "ports": list(1, 3, chance, port) })
}

fn port(chance: &mut Chance) -> Value {
    let mut port = Map::new();
    if chance.percent(80) {
        port.insert("protocol".to_owned(), chance.pick(&["TCP", "TCP", "UDP", "SCTP", "ANY"]).into());
    }
    let word = match chance.below(8) {
        0 => "0",
        1 | 2 => chance.pick(&["http", "metrics", "dns", "sig", "web", "nobody"]),
        _ => {
            let word = chance.pick(&["80", "53", "8080", "9091", "2900"]);
            if chance.percent(25) {
                port.insert("endPort".to_owned(), chance.pick(&[20, 100, 8090, 9091, 65535]).into());
            }
            word
        }
    };
    port.insert("port".to_owned(), word.into());
    Value::Object(port)
}

/// Keys may say where their labels come from.
fn endpoints(chance: &mut Chance, most: usize) -> Value {
    let mut labels: Vec<(String, &'static [&'static str])> = vec![];
    let mut add = |chance: &mut Chance, key: &str, values: &'static [&'static str]| {
        labels.push((format!("{}{key}", chance.pick(&["", "k8s:", "any:"])), values));
    };
    for (key, values) in POD_LABELS {
        add(chance, key, values);
    }
    if chance.percent(40) {
        add(chance, "io.kubernetes.pod.namespace", &NAMESPACES);
        add(chance, "io.kubernetes.pod.namespace", &NAMESPACES);
        add(chance, "io.cilium.k8s.policy.serviceaccount", &ACCOUNTS);
        add(chance, "io.cilium.k8s.policy.cluster", &["default", "other"]);
        for (key, values) in NAMESPACE_LABELS {
            add(chance, &format!("io.cilium.k8s.namespace.labels.{key}"), values);
        }
    }
    selector(chance, &labels, most)
}
