//! Who is judged: anything that says of a case which flows its policies allow.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::case::{Case, Side, yaml};
use crate::judge::cluster::{Cluster, Pod};
use crate::judge::{self, Direction, End, Flow, Judge};
use crate::support::{Project, netpolc};

/// Of a case whether a flow passes, on one side or both: source, destination, probe, by their places in [`Case::ends`]
/// and [`Case::probes`].
pub struct Table {
    ends: usize,
    probes: usize,
    cells: Vec<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Denied,
    /// Said to depend on what is not in the policies.
    Ambiguous,
    /// Nothing was said.
    Missing,
}

impl Table {
    pub fn new(case: &Case) -> Self {
        let (ends, probes) = (case.ends().len(), case.probes().len());
        Self { ends, probes, cells: vec![Verdict::Missing; ends * ends * probes * Side::ALL.len()] }
    }

    pub fn at(&mut self, (from, to, probe): (usize, usize, usize), side: Side) -> &mut Verdict {
        let flow = (from * self.ends + to) * self.probes + probe;
        &mut self.cells[flow * Side::ALL.len() + side as usize]
    }
}

impl From<bool> for Verdict {
    fn from(allowed: bool) -> Self {
        if allowed { Self::Allowed } else { Self::Denied }
    }
}

/// What `netpolc eval` prints.
#[derive(Deserialize)]
struct Printed<'a> {
    #[serde(borrow)]
    flows: Vec<PrintedFlow<'a>>,
}

#[derive(Deserialize)]
struct PrintedFlow<'a> {
    src: Cow<'a, str>,
    dst: Cow<'a, str>,
    probe: Cow<'a, str>,
    egress: Answer,
    ingress: Answer,
    allowed: Answer,
}

/// Yes or no, nothing where it does not apply, or a word.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Sure(Option<bool>),
    Word(String),
}

/// What `netpolc eval` says.
pub fn of_netpolc(case: &Case) -> Result<Table, String> {
    let folder = Project::new();
    folder.write("cluster.yaml", yaml(&case.cluster));
    folder.write("policies.yaml", yaml(&case.policies));
    let probes: Vec<String> = case.probes().iter().map(|(protocol, port)| format!("{protocol}/{port}")).collect();
    let (ends, list) = (case.ends(), probes.join(","));
    let mut args = vec!["eval", "cluster.yaml", "policies.yaml", "--format", "json", "--probe", &list];
    args.extend(ends[case.pods.len()..].iter().flat_map(|end| ["--endpoint", end.as_str()]));
    let run = netpolc(folder.dir(), &args);
    if run.code != 0 {
        return Err(run.stderr);
    }
    let printed: Printed = serde_json::from_str(&run.stdout).unwrap();
    let places = |names: &[String]| names.iter().enumerate().map(|(n, name)| (name.clone(), n)).collect();
    let (end_places, probe_places): (HashMap<String, usize>, HashMap<String, usize>) = (places(&ends), places(&probes));
    let place = |places: &HashMap<String, usize>, name: &str| {
        *places.get(name).unwrap_or_else(|| panic!("case {}: nobody asked about {name}", case.number))
    };
    let mut table = Table::new(case);
    for flow in printed.flows {
        let (from, to) = (place(&end_places, &flow.src), place(&end_places, &flow.dst));
        let at = (from, to, place(&probe_places, &flow.probe));
        for (side, answer) in Side::ALL.into_iter().zip([flow.egress, flow.ingress, flow.allowed]) {
            let cell = table.at(at, side);
            assert_eq!(*cell, Verdict::Missing, "case {}: twice {} -> {}", case.number, flow.src, flow.dst);
            *cell = match answer {
                Answer::Sure(Some(allowed)) => allowed.into(),
                // An address outside of the cluster has no policies on its own side.
                Answer::Sure(None) => match (side, case.pods.len()) {
                    (Side::Egress, pods) if from >= pods => Verdict::Allowed,
                    (Side::Ingress, pods) if to >= pods => Verdict::Allowed,
                    _ => Verdict::Missing,
                },
                Answer::Word(word) if word == "ambiguous" => Verdict::Ambiguous,
                Answer::Word(word) => panic!("case {}: {word:?} is no verdict", case.number),
            };
        }
    }
    Ok(table)
}

/// What the evaluators of `tests/judge` say.
pub fn of_judges(case: &Case) -> Result<Table, String> {
    let cluster = Cluster::parse(&yaml(&case.cluster));
    let judge = judge::judge(case.dialect.name(), &yaml(&case.policies))?;
    let pod = |name: &String| {
        let found = cluster.pods.iter().find(|pod| format!("{}/{}", pod.namespace, pod.name) == *name);
        End::Pod(found.unwrap())
    };
    let ends: Vec<End> = case.pods.iter().map(pod).chain(case.addresses.iter().map(|one| End::Address(*one))).collect();
    let mut table = Table::new(case);
    for (n, (protocol, port)) in case.probes().into_iter().enumerate() {
        for (i, from) in ends.iter().enumerate() {
            for (j, to) in ends.iter().enumerate().filter(|(j, _)| case.is_flow(i, *j)) {
                let [egress, ingress] =
                    [(Direction::Egress, from, to), (Direction::Ingress, to, from)].map(|(direction, own, other)| {
                        match own {
                            End::Pod(subject) => {
                                permits(&*judge, &cluster, (direction, subject, other), (protocol, port))
                            }
                            _ => true,
                        }
                    });
                for (side, allowed) in Side::ALL.into_iter().zip([egress, ingress, egress && ingress]) {
                    *table.at((i, j, n), side) = allowed.into();
                }
            }
        }
    }
    Ok(table)
}

/// No policy tells the addresses of a pod apart: with two families in common the first is as good as the second.
fn permits(
    judge: &dyn Judge,
    cluster: &Cluster,
    (direction, subject, other): (Direction, &Pod, &End),
    (protocol, port): (&str, u16),
) -> bool {
    let other_address = match other {
        End::Pod(pod) => pod.addresses[0],
        End::Address(address) => *address,
        _ => panic!("neither pod nor address"),
    };
    let of_family = |address: &&IpAddr| address.is_ipv4() == other_address.is_ipv4();
    judge.permits(&Flow {
        cluster,
        direction,
        subject,
        other,
        subject_address: subject.addresses.iter().find(of_family).copied(),
        other_address: Some(other_address),
        protocol,
        port,
    })
}
