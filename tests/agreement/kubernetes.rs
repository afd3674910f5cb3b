//! NetworkPolicies.

use serde_json::{Map, Value, json};

use super::cluster::{Cluster, NAMESPACE_LABELS, POD_LABELS};
use super::words::{keyed, list, object, range, selector};
use crate::support::chance::Chance;

pub fn policies(chance: &mut Chance, cluster: &Cluster) -> Vec<Value> {
    (0..chance.between(1, 4)).map(|n| policy(chance, cluster, &format!("k{n}"))).collect()
}

pub fn policy(chance: &mut Chance, cluster: &Cluster, name: &str) -> Value {
    let mut spec = Map::new();
    spec.insert("podSelector".to_owned(), pods(chance, 2));
    for field in ["ingress", "egress"] {
        if chance.percent(65) {
            spec.insert(field.to_owned(), list(0, 3, chance, |chance| rule(chance, field == "egress")));
        }
    }
    if chance.percent(70) {
        let types: &[&str] = chance.pick(&[&["Ingress"] as &[&str], &["Egress"], &["Ingress", "Egress"], &[]]);
        spec.insert("policyTypes".to_owned(), types.into());
    }
    let namespace = chance.pick(&cluster.namespaces);
    object("networking.k8s.io/v1", "NetworkPolicy", name, Some(namespace), Value::Object(spec))
}

fn rule(chance: &mut Chance, egress: bool) -> Value {
    let mut rule = Map::new();
    let peers = if egress { "to" } else { "from" };
    if chance.percent(85) {
        rule.insert(peers.to_owned(), list(0, 2, chance, peer));
    }
    if chance.percent(65) {
        rule.insert("ports".to_owned(), list(0, 2, chance, port));
    }
    Value::Object(rule)
}

fn peer(chance: &mut Chance) -> Value {
    let mut peer = Map::new();
    let kind = chance.below(4);
    if kind == 3 {
        let six = chance.percent(25);
        let (cidr, except) = range(chance, six);
        return json!({ "ipBlock": { "cidr": cidr, "except": except } });
    }
    if kind != 0 {
        peer.insert("namespaceSelector".to_owned(), selector(chance, &keyed(&NAMESPACE_LABELS), 2));
    }
    if kind != 1 {
        peer.insert("podSelector".to_owned(), pods(chance, 2));
    }
    Value::Object(peer)
}

fn port(chance: &mut Chance) -> Value {
    let mut port = Map::new();
    if chance.percent(75) {
        port.insert("protocol".to_owned(), chance.pick(&["TCP", "TCP", "UDP", "SCTP"]).into());
    }
    match chance.below(10) {
        0 => {}
        1..4 => {
            port.insert("port".to_owned(), chance.pick(&["http", "metrics", "dns", "sig", "web", "nobody"]).into());
        }
        number => {
            let first = chance.pick(&[80u16, 53, 8080, 9091, 1, 2900]);
            port.insert("port".to_owned(), first.into());
            if number > 7 {
                port.insert("endPort".to_owned(), chance.pick(&[first, first + 20, 65535]).into());
            }
        }
    }
    Value::Object(port)
}

fn pods(chance: &mut Chance, most: usize) -> Value {
    selector(chance, &keyed(&POD_LABELS), most)
}
