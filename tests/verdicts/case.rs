//! One recorded case: a cluster, policies, and what the engine said of every flow between the endpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;

use crate::judge::cluster::{Cluster, Pod};
use crate::judge::{Direction, End, Entity, Flow};

pub struct Case {
    pub name: String,
    pub policies: String,
    pub cluster: Cluster,
    expected: Value,
}

/// The name of a flow, as messages and the recorded lists of layer 7 rules call it: source, destination, probe.
pub type Id = (usize, usize, String);

impl Case {
    /// The cases of a folder, by name. `expected` names the file of the verdicts.
    pub fn all(folder: &Path, expected: &str) -> Vec<Self> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        paths
            .iter()
            .map(|path| Self {
                name: path.file_name().unwrap().to_str().unwrap().to_owned(),
                policies: read(&path.join("policies.yaml")),
                cluster: Cluster::parse(&read(&path.join("cluster.yaml"))),
                expected: serde_json::from_str(&read(&path.join(expected))).unwrap(),
            })
            .collect()
    }

    /// Asks about every half flow whose own side is a pod; what the judge says otherwise than the engine did, and how many
    /// were asked.
    pub fn differences(&self, permits: &mut dyn FnMut(&Flow, &Id) -> bool) -> (Vec<String>, usize) {
        let (mut differences, mut asked) = (vec![], 0);
        let ends: Vec<(String, End)> = list(&self.expected["endpoints"], |name| (name.clone(), self.end(&name)));
        for probe in list(&self.expected["probes"], |probe| probe) {
            let (protocol, port) = probe.split_once('/').unwrap();
            for direction in Direction::BOTH {
                let rows = list(&self.expected[direction.name()][&probe], |row| row);
                for (i, (source, from)) in ends.iter().enumerate() {
                    for (j, (destination, to)) in ends.iter().enumerate() {
                        let said = rows[i].as_bytes()[j];
                        let (own, other) = if direction == Direction::Egress { (from, to) } else { (to, from) };
                        let End::Pod(subject) = own else {
                            assert!(b"1-".contains(&said), "{}: only pods are policed", self.name);
                            continue;
                        };
                        if said == b'-' {
                            continue;
                        }
                        asked += 1;
                        // With two families in common, a flow of either is permitted if one of both is.
                        let saw = families(subject, other).into_iter().any(|(subject_address, other_address)| {
                            let flow = Flow {
                                cluster: &self.cluster,
                                direction,
                                subject,
                                other,
                                subject_address,
                                other_address,
                                protocol,
                                port: port.parse().unwrap(),
                            };
                            permits(&flow, &(i, j, probe.clone()))
                        });
                        if saw != (said == b'1') {
                            let (case, direction) = (&self.name, direction.name());
                            let verdict = if saw { "permitted" } else { "refused" };
                            differences
                                .push(format!("{case}: {direction} of {source} -> {destination} {probe}: {verdict}"));
                        }
                    }
                }
            }
        }
        (differences, asked)
    }

    /// The recorded layer 7 rules: direction, rules as text, flow.
    pub fn requests(&self) -> BTreeSet<(Direction, String, Id)> {
        let mut requests = BTreeSet::new();
        for entry in self.expected["l7"].as_array().into_iter().flatten() {
            let direction = Direction::BOTH.into_iter().find(|one| entry["direction"] == one.name()).unwrap();
            for flow in entry["flows"].as_array().unwrap() {
                let index = |at: usize| usize::try_from(flow[at].as_u64().unwrap()).unwrap();
                let id = (index(0), index(1), flow[2].as_str().unwrap().to_owned());
                requests.insert((direction, entry["rules"].to_string(), id));
            }
        }
        requests
    }

    fn end(&self, name: &str) -> End<'_> {
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        match name.split_once(':') {
            Some(("ip", text)) => End::Address(address(text)),
            Some(("fqdn", name)) => {
                End::Name(name.to_owned(), address(self.expected["resolves"][name].as_str().unwrap()))
            }
            Some(("entity", "host")) => End::Entity(Entity::Host),
            Some(("entity", "remote-node")) => End::Entity(Entity::RemoteNode),
            Some(("entity", "kube-apiserver")) => End::Entity(Entity::ApiServer),
            Some(_) => panic!("{}: {name} is no endpoint", self.name),
            None => {
                let found = self.cluster.pods.iter().find(|pod| format!("{}/{}", pod.namespace, pod.name) == name);
                End::Pod(found.unwrap_or_else(|| panic!("{}: {name} is no pod", self.name)))
            }
        }
    }
}

fn list<T>(value: &Value, make: impl Fn(String) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(|item| make(item.as_str().unwrap().to_owned())).collect()
}

/// The pairs of addresses, own and other, that are of one IP family.
fn families(subject: &Pod, other: &End) -> Vec<(Option<IpAddr>, Option<IpAddr>)> {
    let others = match other {
        End::Pod(pod) => pod.addresses.clone(),
        End::Address(address) | End::Name(_, address) => vec![*address],
        End::Entity(_) => return vec![(subject.addresses.first().copied(), None)],
    };
    let pairs = subject.addresses.iter().flat_map(|own| others.iter().map(move |other| (*own, *other)));
    pairs.filter(|(own, other)| own.is_ipv4() == other.is_ipv4()).map(|(own, other)| (Some(own), Some(other))).collect()
}

/// How often each of some reasons was given.
pub fn count(reasons: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason).or_default() += 1;
    }
    counts
}
