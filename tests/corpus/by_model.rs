//! The first judge: the model's two relations, grant by grant.

use std::net::IpAddr;
use std::path::Path;

use camino::Utf8Path;
use netpolc::diag::Diagnostics;
use netpolc::model::{Cidrs, Direction, DnsPeer, Grant, Labels, Model, NamespaceSet, PeerSet, PodSet};
use netpolc::pipeline::Project;

use super::table::{End, Line, Pod};

/// The model of a project without named clusters.
pub fn load(dir: &Path) -> Model {
    let dir = Utf8Path::from_path(dir).unwrap();
    let mut diags = Diagnostics::default();
    let root = netpolc::source::find_root(&[], dir).unwrap();
    let project = Project::load(root, &mut diags).unwrap();
    let mut models = project.models(None, &mut diags);
    assert!(!diags.has_errors() && models.len() == 1);
    models.remove(0)
}

pub fn allows(model: &Model, line: &Line) -> bool {
    side(model, line, Direction::Egress, &line.from, &line.to)
        && side(model, line, Direction::Ingress, &line.to, &line.from)
}

/// Whether one end may do its half. Whoever is no pod of a managed namespace may.
fn side(model: &Model, line: &Line, direction: Direction, subject: &End, other: &End) -> bool {
    let End::Pod(pod) = subject else { return true };
    if !model.namespaces.keys().any(|name| **name == *pod.namespace) {
        return true;
    }
    model.grants().iter().any(|grant| {
        grant.direction == direction
            && *grant.subject.namespace == *pod.namespace
            && carries(&pod.labels, &grant.subject.labels)
            && grant.ports.iter().any(|range| {
                range.protocol.as_str() == line.protocol && range.first <= line.port && line.port <= range.last
            })
            && reaches(model, grant, other)
    })
}

fn reaches(model: &Model, grant: &Grant, other: &End) -> bool {
    let profile = &model.profile;
    match (&grant.peer, other) {
        (PeerSet::Anyone, _) => true,
        (PeerSet::Everywhere, End::Pod(_)) | (PeerSet::AllPods, End::Pod(_)) => true,
        (PeerSet::Everywhere, End::Address(ip)) => holds(&profile.everywhere(), *ip),
        (PeerSet::Internet, End::Address(ip)) => holds(&profile.internet(), *ip),
        (PeerSet::External(id), End::Address(ip)) => holds(&model[*id].addresses, *ip),
        (PeerSet::Nodes, End::Address(ip)) => profile.node_cidrs.iter().any(|cidr| cidr.contains(ip)),
        (PeerSet::ApiServer, End::Address(ip)) => profile.api_server_cidrs.iter().any(|cidr| cidr.contains(ip)),
        (PeerSet::Pods(set), End::Pod(pod)) => is_in(set, pod),
        (PeerSet::Dns(position), other) => match (&profile.dns.peers[*position], other) {
            (DnsPeer::Pods(set), End::Pod(pod)) => is_in(set, pod),
            (DnsPeer::Address(cidr), End::Address(ip)) => cidr.contains(ip),
            _ => false,
        },
        _ => false,
    }
}

fn is_in(set: &PodSet, pod: &Pod) -> bool {
    let namespace = match &set.namespaces {
        NamespaceSet::All => true,
        NamespaceSet::Names(names) => names.iter().any(|name| **name == *pod.namespace),
        NamespaceSet::Labels(labels) => carries(&pod.namespace_labels, labels),
    };
    namespace && carries(&pod.labels, &set.labels)
}

fn carries(has: &super::table::Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| has.get(&**key).is_some_and(|own| **own == **value))
}

fn holds(cidrs: &Cidrs, ip: IpAddr) -> bool {
    cidrs.blocks.iter().any(|block| block.cidr.contains(&ip) && !block.except.iter().any(|e| e.contains(&ip)))
}
