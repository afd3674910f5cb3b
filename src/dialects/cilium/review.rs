//! What Cilium cannot say beside what follows from its capabilities.
//!
//! In: the model. Out: an error at the intent's line for each thing that would be written and not enforced as it is meant.

use std::collections::{BTreeMap, BTreeSet};

use super::labels;
use super::proxied::{self, Proxied};
use super::{NAME, guard_weight, http, notes};
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::Review;
use crate::dialects::writing::size::MAX_OBJECT;
use crate::model::{
    Builtin, Direction, DnsPeer, Edge, EdgeId, Endpoint, Grant, Labels, Model, NamespaceSet, Origin, PeerSet, PodSet,
    PortRange, Sym,
};
use crate::source::Span;

/// Errors and notes.
pub fn review(model: &Model) -> Review {
    let mut errors = vec![];
    selectors(model, &mut errors);
    requests(model, &mut errors);
    beside(model, &mut errors);
    names(model, &mut errors);
    guards(model, &mut errors);
    Review { errors, notes: notes::notes(model) }
}

/// Guards that no API server would take.
fn guards(model: &Model, errors: &mut Vec<Diagnostic>) {
    let rendered = !model.profile.staged;
    for guard in model.guards().iter().filter(|guard| rendered && guard_weight(guard) > MAX_OBJECT) {
        let count = guard.except().len();
        let message =
            format!("{NAME} cannot leave {count} namespaces out in one object, as {} asks", quote(guard.name()));
        let error = match model.profile.asked.get(guard.name()) {
            Some(span) => Diagnostic::error(codes::INEXPRESSIBLE, *span, message),
            None => Diagnostic::placeless(codes::INEXPRESSIBLE, message),
        };
        let limit = format!("kubectl takes objects of up to 256 KiB, netpolc writes up to {} KiB", MAX_OBJECT >> 10);
        errors.push(
            error.note(limit).help("name fewer namespaces, or leave the guard out until more of them are managed"),
        );
    }
}

/// Labels that no selector can use.
fn selectors(model: &Model, errors: &mut Vec<Diagnostic>) {
    for tier in &model.tiers {
        errors.extend(of_pods(&tier.pods.labels).map(|(key, why)| refused(Some(tier.pods_span), key, why)));
    }
    for peer in &model.peers {
        errors.extend(of_pods(&peer.pods.labels).map(|(key, why)| refused(Some(peer.span), key, why)));
        errors.extend(of_namespaces(&peer.pods).map(|(key, why)| refused(Some(peer.namespace_span), key, why)));
    }
    let dns = model.profile.dns.peers.iter().filter_map(|peer| match peer {
        DnsPeer::Pods(set) | DnsPeer::Cache(set) => Some(set),
        DnsPeer::Address(_) => None,
    });
    let of_project: BTreeSet<(&str, &'static str)> =
        dns.chain([&model.profile.scrapers]).flat_map(|set| of_pods(&set.labels).chain(of_namespaces(set))).collect();
    errors.extend(of_project.into_iter().map(|(key, why)| refused(None, key, why)));
}

fn of_pods(labels: &Labels) -> impl Iterator<Item = (&str, &'static str)> {
    labels.iter().filter_map(|(key, _)| Some((&**key, labels::refused_of_pod(key)?)))
}

fn of_namespaces(pods: &PodSet) -> impl Iterator<Item = (&str, &'static str)> {
    let labels = match &pods.namespaces {
        NamespaceSet::Labels(labels) => Some(labels),
        NamespaceSet::All | NamespaceSet::Names(_) => None,
    };
    let pairs = labels.into_iter().flat_map(Labels::iter);
    pairs.filter_map(|(key, _)| Some((&**key, labels::refused_of_namespace(key)?)))
}

fn refused(span: Option<Span>, key: &str, why: &str) -> Diagnostic {
    let message = format!("{NAME} cannot select by the label {}: {why}", quote(key));
    let diagnostic = match span {
        Some(span) => Diagnostic::error(codes::INEXPRESSIBLE, span, message),
        None => Diagnostic::placeless(codes::INEXPRESSIBLE, message).note("the project file's DNS or scrapers name it"),
    };
    diagnostic.help("select by another label, as `app`")
}

/// HTTP rules that its proxy does not take.
fn requests(model: &Model, errors: &mut Vec<Diagnostic>) {
    for edge in model.edges.iter().filter(|edge| !edge.http.is_empty() && is_ours(edge)) {
        let span = edge.http_span.unwrap_or(edge.to_span);
        for path in edge.http.iter().filter_map(http::too_long) {
            let message = format!("the path {} is too long for the proxy of {NAME}", quote(path));
            errors.push(
                Diagnostic::error(codes::INEXPRESSIBLE, span, message)
                    .note("the proxy refuses what compiles to more than 100 steps, and with it every policy of the pod")
                    .help("shorten it to about 75 plain characters, or fewer with wildcards and alternatives"),
            );
        }
        if edge.ports.iter().any(|range| range.is_all()) {
            let message = format!("{NAME} cannot look at HTTP on all ports at once");
            errors.push(
                Diagnostic::error(codes::INEXPRESSIBLE, span, message)
                    .related(edge.ports_span, "all ports")
                    .help("name the ports that speak HTTP"),
            );
        }
    }
}

fn is_ours(edge: &Edge) -> bool {
    matches!(edge.from, Endpoint::Tier(_)) || matches!(edge.to, Endpoint::Tier(_))
}

/// HTTP rules on some ports, and a permission with other ones or none for the same pods on a range that is not the very same
/// and meets them. On the very same port all requests of both pass, as the intent means; but the agent has an entry for each
/// range of ports, and what of the wider one still holds on the narrower one is not documented (docs.cilium.io, "Layer 7
/// Policies", speaks of similar rules).
fn beside(model: &Model, errors: &mut Vec<Diagnostic>) {
    if model.edges.iter().all(|edge| edge.http.is_empty()) {
        return;
    }
    let grants = model.grants();
    let is_range = |range: &PortRange| range.first < range.last;
    let mut by_side: BTreeMap<(&Sym, Direction, bool), Vec<&Grant>> = BTreeMap::new();
    for grant in &grants {
        let wide = grant.ports.iter().any(is_range);
        by_side.entry((&grant.subject.namespace, grant.direction, wide)).or_default().push(grant);
    }
    let mut told: BTreeSet<EdgeId> = BTreeSet::new();
    for limited in grants.iter().filter(|grant| !grant.http.is_empty()) {
        let Origin::Edge(id) = limited.origin else { continue };
        // Single ports meet others only as the same port: of those nothing is to be found.
        let widths: &[bool] = if limited.ports.iter().any(is_range) { &[true, false] } else { &[true] };
        let side = widths.iter().map(|wide| (&limited.subject.namespace, limited.direction, *wide));
        let found = side.filter_map(|side| by_side.get(&side)).flatten().find(|near| {
            near.http != limited.http
                && near.subject.labels.compatible(&limited.subject.labels)
                && ports_differ(&limited.ports, &near.ports)
                && peers_meet(model, &limited.peer, &near.peer)
        });
        if let Some(near) = found.filter(|_| told.insert(id)) {
            errors.push(cannot_keep(model, id, near));
        }
    }
}

fn cannot_keep(model: &Model, limited: EdgeId, near: &Grant) -> Diagnostic {
    let edge = &model[limited];
    let place = match near.origin {
        Origin::Edge(id) => model[id].ports_span,
        origin => model.origin_span(origin),
    };
    let without = if near.http.is_empty() { "without HTTP rules" } else { "with other HTTP rules" };
    let message = format!(
        "{NAME} cannot keep {} to some HTTP requests beside {}",
        quote(&model.edge_name(edge)),
        quote(&model.origin_name(near.origin))
    );
    Diagnostic::error(codes::INEXPRESSIBLE, edge.http_span.unwrap_or(edge.to_span), message)
        .related(place, format!("other ports that hold some of these, {without}, for pods that may be the same"))
        .help("write the same ports in both, or none of them in both")
}

fn ports_differ(limited: &[PortRange], plain: &[PortRange]) -> bool {
    limited.iter().any(|a| plain.iter().any(|b| a != b && a.overlaps(*b)))
}

fn peers_meet(model: &Model, a: &PeerSet, b: &PeerSet) -> bool {
    let every_pod = PodSet { namespaces: NamespaceSet::All, labels: Labels::default() };
    let pods = |peer| match peer {
        &PeerSet::AllPods => Some(&every_pod),
        PeerSet::Pods(set) => Some(set),
        PeerSet::Dns(number) => match model.profile.dns.peers.get(*number) {
            Some(DnsPeer::Pods(set) | DnsPeer::Cache(set)) => Some(set),
            Some(DnsPeer::Address(_)) | None => None,
        },
        _ => None,
    };
    let is_wide = |peer| matches!(peer, &PeerSet::Anyone | &PeerSet::Everywhere);
    let is_address = |peer| matches!(peer, &PeerSet::Internet | &PeerSet::External(_));
    match (pods(a), pods(b)) {
        (Some(a), Some(b)) => a.overlaps(b),
        _ => a == b || is_wide(a) || is_wide(b) || (is_address(a) && is_address(b)),
    }
}

/// Pods whose names must be resolved through the proxy, and permissions by which they could ask past it.
fn names(model: &Model, errors: &mut Vec<Diagnostic>) {
    let proxied = Proxied::new(model);
    if proxied.is_empty() {
        return;
    }
    let dns = &model.profile.dns;
    if dns.ports.iter().any(|range| range.first < range.last) {
        let message = format!("{NAME} learns host names from DNS on single ports, and the cluster's DNS has a range");
        errors.push(
            Diagnostic::placeless(codes::PROFILE, message)
                .help("name each port of the DNS in netpolc.toml: `ports = [53]`"),
        );
    }
    let named = proxied::tiers(model);
    for edge in &model.edges {
        let Endpoint::Tier(tier) = edge.from else { continue };
        let asks = edge.ports.iter().any(|range| dns.ports.iter().any(|port| port.overlaps(*range)));
        if !asks || !dns.peers.iter().any(|peer| reaches(model, edge.to, peer)) {
            continue;
        }
        let pods = &model[tier].pods;
        if !pods.namespaces.names().iter().any(|name| proxied.within(name).may_be(&pods.labels)) {
            continue;
        }
        let message =
            format!("{} lets pods ask for names where {NAME} does not read along", quote(&model.edge_name(edge)));
        let whose = match named.contains(&tier) {
            true => format!("tier {} reaches host names, which are known from answers alone", quote(&model[tier].name)),
            false => format!("pods of tier {} may be in a tier that reaches host names", quote(&model[tier].name)),
        };
        errors.push(
            Diagnostic::error(codes::INEXPRESSIBLE, edge.to_span, message)
                .note(whose)
                .help("leave the ports of DNS out of this edge: every tier may ask the cluster's DNS without it"),
        );
    }
}

fn reaches(model: &Model, to: Endpoint, dns: &DnsPeer) -> bool {
    match (to, dns) {
        (Endpoint::Builtin(Builtin::Anywhere), _) => true,
        (Endpoint::Builtin(Builtin::Cluster), DnsPeer::Pods(_) | DnsPeer::Cache(_))
        | (Endpoint::Builtin(Builtin::Nodes), DnsPeer::Address(_)) => true,
        (Endpoint::Builtin(Builtin::Internet), DnsPeer::Address(range)) => model.profile.internet().overlaps(range),
        (Endpoint::External(id), DnsPeer::Address(range)) => model[id].addresses.overlaps(range),
        (end, DnsPeer::Pods(set) | DnsPeer::Cache(set)) => model.pods(end).is_some_and(|pods| pods.overlaps(set)),
        _ => false,
    }
}
