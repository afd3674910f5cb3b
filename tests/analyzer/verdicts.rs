//! Who is judged: anything that says of a case which flows its policies allow.

use std::net::IpAddr;

use super::case::{Case, Side, yaml};
use crate::judge::cluster::{Cluster, Pod};
use crate::judge::{self, Direction, End, Flow, Judge};

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

/// What the evaluators of `tests/judge` say.
pub fn of_judges(case: &Case) -> Table {
    let cluster = Cluster::parse(&yaml(&case.cluster));
    let judge = judge::judge(case.dialect.name(), &yaml(&case.policies))
        .unwrap_or_else(|reason| panic!("case {} is not judged: {reason}", case.number));
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
    table
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
