//! The ports and address ranges that the policies of one case are made of: few, so that they meet.

use serde_json::{Value, json};

use super::cluster::PORTS;
use crate::support::chance::Chance;

const TERMS: [(u16, u16); 12] = [
    (80, 80),
    (443, 443),
    (8080, 8080),
    (53, 53),
    (9090, 9090),
    (1, 1),
    (65535, 65535),
    (1, 1024),
    (8000, 8100),
    (8080, 8090),
    (30000, 32767),
    (60000, 65535),
];

/// Ranges with what may be left out of them. None holds a pod, or leaves out all that does: whether such a range is also
/// about pods is where network plugins differ, and the analyzer takes every range for one of the outside.
const RANGES: [(&str, &[&str]); 6] = [
    ("203.0.113.0/24", &["203.0.113.64/26", "203.0.113.128/25", "203.0.113.7/32"]),
    ("203.0.113.0/25", &["203.0.113.64/26"]),
    ("198.51.100.0/24", &["198.51.100.0/28"]),
    ("198.51.100.7/32", &[]),
    ("8.8.8.8/32", &[]),
    ("192.0.2.128/25", &["192.0.2.192/26", "192.0.2.255/32"]),
];
const ALL: (&str, &str) = ("0.0.0.0/0", "10.0.0.0/8");
const RANGES_6: [(&str, &[&str]); 3] = [
    ("2001:db8::/32", &["2001:db8:a::/48", "2001:db8:8000::/33"]),
    ("2001:db8:a::/48", &["2001:db8:a:1::/64"]),
    ("2001:db8:b::1/128", &[]),
];
const ALL_6: (&str, &str) = ("::/0", "fd00::/8");

pub struct Words {
    terms: Vec<(u16, u16)>,
    ranges: Vec<(&'static str, &'static [&'static str])>,
    ranges_6: Vec<(&'static str, &'static [&'static str])>,
}

/// A range, and what is left out of it.
pub struct Range {
    pub range: &'static str,
    pub without: Vec<&'static str>,
}

impl Words {
    pub fn generate(chance: &mut Chance, dual_stack: bool) -> Self {
        Self {
            terms: chance.some(&TERMS, 4),
            ranges: chance.some(&RANGES, 2),
            ranges_6: if dual_stack { chance.some(&RANGES_6, 1) } else { vec![] },
        }
    }

    /// First and last.
    pub fn term(&self, chance: &mut Chance) -> (u16, u16) {
        chance.pick(&self.terms)
    }

    pub fn range(&self, chance: &mut Chance) -> Range {
        let (ranges, all) = match self.ranges_6.is_empty() || chance.percent(50) {
            true => (&self.ranges, ALL),
            false => (&self.ranges_6, ALL_6),
        };
        if chance.percent(15) {
            return Range { range: all.0, without: vec![all.1] };
        }
        let (range, holes) = chance.pick(ranges);
        let many = if chance.percent(50) { chance.between(0, 2) } else { 0 };
        Range { range, without: chance.some(holes, many) }
    }
}

/// Several of a kind, as a list.
pub fn list(first: usize, last: usize, chance: &mut Chance, mut one: impl FnMut(&mut Chance) -> Value) -> Value {
    let many = chance.between(first, last);
    Value::Array((0..many).map(|_| one(chance)).collect())
}

/// A port's name; sometimes one that no pod has.
pub fn name(chance: &mut Chance) -> (&'static str, &'static str) {
    let (name, protocol, _) = chance.pick(&PORTS);
    if chance.percent(10) { ("nobody", protocol) } else { (name, protocol) }
}

pub fn object(version: &str, kind: &str, name: &str, namespace: Option<&str>, spec: Value) -> Value {
    let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name }, "spec": spec });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}
