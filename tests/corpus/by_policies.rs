//! The second judge: the policies of `out/`, by the evaluator of their dialect, which shares nothing with netpolc.

use std::net::IpAddr;
use std::path::Path;

use serde_yaml::Value;

use super::table::{self, End, Line};
use crate::judge::cluster::{Cluster, Pod};
use crate::judge::{self, Direction, Entity, Flow, Judge};
use crate::support::tree;

/// Everything below a dialect's folder that is applied.
pub fn text(dir: &Path) -> String {
    let is_applied = |path: &Path| path.file_name().unwrap() != "kustomization.yaml";
    let files = tree(dir).into_iter().filter(|(path, _)| is_applied(path));
    let texts: Vec<String> = files.map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect();
    assert!(!texts.is_empty(), "{} is empty", dir.display());
    texts.join("---\n")
}

/// The judge of a dialect over everything below its folder.
pub fn load(dialect: &str, dir: &Path) -> Box<dyn Judge> {
    judge::judge(dialect, &text(dir)).unwrap_or_else(|reason| panic!("{dialect}: {reason}"))
}

/// What a judge says of a line: of every IP family, should they ever differ.
pub fn verdicts(dialect: &str, judge: &dyn Judge, line: &Line) -> Vec<bool> {
    // A connection needs the source's egress and the destination's ingress.
    let families = ask(dialect, line, |flow| judge.permits(flow));
    families.into_iter().map(|halves| halves.into_iter().all(|permits| permits)).collect()
}

/// What a judge lets a line ask at layer 7, in whichever half it says so.
pub fn requests(dialect: &str, judge: &dyn Judge, line: &Line) -> Vec<Value> {
    let mut requests = vec![];
    for request in ask(dialect, line, |flow| judge.requests(flow)).concat().concat() {
        if !requests.contains(&request) {
            requests.push(request);
        }
    }
    requests
}

/// Asks about both halves of a line, as far as pods are concerned: only they are policed. By IP family.
fn ask<T>(dialect: &str, line: &Line, mut about: impl FnMut(&Flow) -> T) -> Vec<Vec<T>> {
    let mut cluster = Cluster::default();
    for (number, end) in (1..).zip([&line.from, &line.to]) {
        if let End::Pod(pod) = end {
            cluster.namespaces.insert(pod.namespace.clone(), pod.namespace_labels.clone());
            cluster.pods.push(pod_at(pod, number));
        }
    }
    let mut pods = cluster.pods.iter();
    let mut end = |end: &End| match end {
        End::Pod(_) => judge::End::Pod(pods.next().unwrap()),
        End::Address(address) => judge::End::Address(*address),
        End::Name(name) => judge::End::Name(name.clone(), IpAddr::from([198, 18, 0, 1])),
        // To Cilium a node is what it is, and a pod's own may always reach it: another one. To Calico it is an address
        // that no app knows. Kubernetes leaves it open what ranges hold it.
        End::Node if dialect == "calico" => judge::End::Address(IpAddr::from([10, 255, 0, 1])),
        End::Node => judge::End::Entity(Entity::RemoteNode),
        End::ApiServer => judge::End::Entity(Entity::ApiServer),
    };
    let (from, to) = (end(&line.from), end(&line.to));
    let families = [true, false].into_iter().filter(|four| is_of(&from, *four) && is_of(&to, *four));
    families
        .map(|four| {
            let mut said = vec![];
            for (direction, subject, other) in [(Direction::Egress, &from, &to), (Direction::Ingress, &to, &from)] {
                let judge::End::Pod(pod) = subject else { continue };
                said.push(about(&Flow {
                    cluster: &cluster,
                    direction,
                    subject: pod,
                    other,
                    subject_address: address(subject, four),
                    other_address: address(other, four),
                    protocol: &line.protocol,
                    port: line.port,
                }));
            }
            said
        })
        .collect()
}

/// Pods have addresses of both families.
fn pod_at(pod: &table::Pod, number: u8) -> Pod {
    Pod {
        namespace: pod.namespace.clone(),
        namespace_labels: pod.namespace_labels.clone(),
        labels: pod.labels.clone(),
        addresses: vec![
            IpAddr::from([10, 244, 7, number]),
            IpAddr::from([0xfd00, 0x0244, 0, 0, 0, 0, 0, u16::from(number)]),
        ],
        ..Pod::default()
    }
}

fn address(end: &judge::End, four: bool) -> Option<IpAddr> {
    match end {
        judge::End::Pod(pod) => pod.addresses.iter().find(|address| address.is_ipv4() == four).copied(),
        judge::End::Address(address) | judge::End::Name(_, address) => Some(*address).filter(|a| a.is_ipv4() == four),
        judge::End::Entity(_) => None,
    }
}

/// Whether an end can have a connection of a family. What has no address of its own can have one of either.
fn is_of(end: &judge::End, four: bool) -> bool {
    matches!(end, judge::End::Entity(_)) || address(end, four).is_some()
}
