//! Guardrails: what must never be possible.
//!
//! A forbid is violated if any *possible* pod (one value a label key) or address of its source may open a connection to
//! one of its destination, by edges, DNS or metrics. Selectors are conjunctions of equalities, so whether a possible pod
//! is in several of them is whether their labels merge; and the least such pod is the one that the message names.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::build::Builder;
use super::parse::parse_cidr;
use super::{
    AppId, Builtin, Cidrs, Direction, DnsPeer, Endpoint, Grant, Labels, Model, NamespaceSet, PeerSet, PodSet,
    PortRange, Sym,
};
use crate::diag::{Diagnostic, Diagnostics, codes, quote};
use crate::intent::{ForbidTable, Ports};
use crate::source::{Span, Spanned};

/// One `[[forbid]]`, one source and one destination each.
#[derive(Debug, Clone)]
pub struct Forbid {
    /// The app in whose intent it stands; `None`: the project file.
    pub app: Option<AppId>,
    /// Who must not connect.
    pub from: ForbidEnd,
    /// To whom.
    pub to: ForbidEnd,
    /// On which ports; empty: on any.
    pub ports: Vec<PortRange>,
    /// Who may, when an end is `anywhere`.
    pub except: Vec<ForbidEnd>,
    /// Whether a chain of connections counts too.
    pub transitive: bool,
    /// Why.
    pub why: Option<Sym>,
    /// Where it is written.
    pub span: Span,
}

/// One end of a forbid.
#[derive(Debug, Clone)]
pub struct ForbidEnd {
    /// As written.
    pub name: Sym,
    /// What it means.
    pub set: ForbidSet,
}

/// What an end of a forbid means.
#[derive(Debug, Clone)]
pub enum ForbidSet {
    /// Some pods.
    Pods(PodSet),
    /// Some addresses.
    Addresses(Cidrs),
    /// Everything, or every pod.
    Builtin(Builtin),
}

impl<'a> Builder<'a, '_> {
    pub(super) fn forbids(&mut self) {
        for table in self.input.project.and_then(|project| project.forbid.as_ref()).into_iter().flatten() {
            self.forbid(None, table);
        }
        for (app, table) in self.files.clone() {
            for forbid in table.into_iter().flat_map(|table| table.forbid.iter().flatten()) {
                self.forbid(Some(app), forbid);
            }
        }
    }

    fn forbid(&mut self, app: Option<AppId>, table: &ForbidTable) {
        let why = self.text("why", table.why.as_ref());
        let from = self.forbid_ends(app, &table.from.items);
        let to = self.forbid_ends(app, &table.to.items);
        let except = table.except.as_ref().map(|list| (self.forbid_ends(app, &list.items), list.span));
        let anywhere = |end: &ForbidEnd| matches!(end.set, ForbidSet::Builtin(Builtin::Anywhere));
        for from in &from {
            for to in &to {
                if let Some((_, span)) = except.as_ref().filter(|_| !anywhere(from) && !anywhere(to)) {
                    let error = Diagnostic::error(codes::ENDPOINT, *span, "`except` needs `anywhere` at one end");
                    self.error(error.help("name who must not connect, without those who may"));
                    continue;
                }
                let Some(ports) = self.forbid_ports(table.ports.as_ref()) else { continue };
                self.model.forbids.push(Forbid {
                    app,
                    from: from.clone(),
                    to: to.clone(),
                    ports,
                    except: except.iter().flat_map(|(ends, _)| ends.clone()).collect(),
                    transitive: table.transitive.unwrap_or(false),
                    why: why.clone(),
                    span: table.from.span,
                });
            }
        }
    }

    fn forbid_ports(&mut self, ports: Option<&Ports>) -> Option<Vec<PortRange>> {
        match ports {
            None => Some(vec![]),
            Some(ports) => self.numbered_ports(ports, "ports"),
        }
    }

    fn forbid_ends(&mut self, app: Option<AppId>, list: &[Spanned<String>]) -> Vec<ForbidEnd> {
        list.iter().filter_map(|written| self.forbid_end(app, written)).collect()
    }

    fn forbid_end(&mut self, app: Option<AppId>, written: &Spanned<String>) -> Option<ForbidEnd> {
        let text = written.value.as_str();
        let address = text.split('/').next().unwrap_or_default();
        let set = if address.parse::<IpAddr>().is_ok() {
            match parse_cidr(text) {
                Ok(net) => ForbidSet::Addresses(Cidrs::new([net])),
                Err(refusal) => {
                    self.refusal(written.span, refusal);
                    return None;
                }
            }
        } else {
            match self.resolve(app, written)? {
                Endpoint::Builtin(builtin) => ForbidSet::Builtin(builtin),
                Endpoint::External(id) => ForbidSet::Addresses(self.model[id].addresses.clone()),
                pods => ForbidSet::Pods(self.model.pods(pods)?.clone()),
            }
        };
        Some(ForbidEnd { name: text.into(), set })
    }
}

/// A set of endpoints: pods, addresses, and sources that are neither (nodes and the like).
#[derive(Debug, Clone, Default)]
struct Ends {
    pods: Vec<PodSet>,
    addresses: Cidrs,
    others: bool,
}

/// Where a possible pod is.
#[derive(Debug, Clone)]
enum Place {
    Named(Sym),
    Labelled(Labels),
    Any,
}

/// A concrete endpoint that violates a forbid.
#[derive(Debug, Clone)]
enum Witness {
    Pod(Place, Labels),
    Address(IpAddr),
    Other,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pod = |labels: &Labels| match labels.is_empty() {
            true => "any pod".to_owned(),
            false => format!("a pod labelled {labels}"),
        };
        match self {
            Self::Pod(Place::Named(namespace), labels) => write!(f, "{} in namespace {namespace}", pod(labels)),
            Self::Pod(Place::Labelled(by), labels) => write!(f, "{} in a namespace labelled {by}", pod(labels)),
            Self::Pod(Place::Any, labels) => write!(f, "{} in some namespace", pod(labels)),
            Self::Address(address) => write!(f, "{address}"),
            Self::Other => f.write_str("a node"),
        }
    }
}

/// The grants, so that each forbid looks only at those that can matter.
struct Index {
    egress: BTreeMap<Sym, Vec<Grant>>,
    ingress: BTreeMap<Sym, Vec<Grant>>,
}

/// Reports every forbid that is violated.
pub(super) fn check(model: &Model, diags: &mut Diagnostics) {
    if model.forbids.is_empty() {
        return;
    }
    let mut index = Index { egress: BTreeMap::new(), ingress: BTreeMap::new() };
    for grant in model.grants() {
        let side = match grant.direction {
            Direction::Egress => &mut index.egress,
            Direction::Ingress => &mut index.ingress,
        };
        side.entry(grant.subject.namespace.clone()).or_default().push(grant);
    }
    for forbid in &model.forbids {
        let search = Search { model, index: &index, forbid };
        diags.extend(search.unmanaged().or_else(|| search.direct()).or_else(|| search.transitive()));
    }
}

struct Search<'a> {
    model: &'a Model,
    index: &'a Index,
    forbid: &'a Forbid,
}

impl Search<'_> {
    /// Between two groups that nobody manages here nothing can be enforced.
    fn unmanaged(&self) -> Option<Diagnostic> {
        let managed = |end: &ForbidEnd| {
            ends_of(self.model, &end.set)
                .pods
                .iter()
                .any(|pods| self.model.namespaces.keys().any(|namespace| pods.namespaces.may_hold(namespace)))
        };
        if managed(&self.forbid.from) || managed(&self.forbid.to) {
            return None;
        }
        let message =
            format!("neither {} nor {} is managed here", quote(&self.forbid.from.name), quote(&self.forbid.to.name));
        let error = Diagnostic::error(codes::FORBID_UNMANAGED, self.forbid.span, message);
        Some(error.help("netpolc polices the tiers of its intents; one end must hold some of their pods"))
    }

    /// A single connection from one end to the other.
    fn direct(&self) -> Option<Diagnostic> {
        let (from, to) = (ends_of(self.model, &self.forbid.from.set), ends_of(self.model, &self.forbid.to.set));
        self.managed_source(&from, &to).or_else(|| self.unmanaged_source(&from, &to))
    }

    fn managed_source(&self, from: &Ends, to: &Ends) -> Option<Diagnostic> {
        for source in &from.pods {
            for (namespace, grants) in self.index.egress.iter().filter(|(name, _)| source.namespaces.may_hold(name)) {
                for grant in grants {
                    let Some(labels) = source.labels.merge(&grant.subject.labels) else { continue };
                    let Some(port) = self.port(&grant.ports) else { continue };
                    let peer = ends(self.model, &grant.peer);
                    let pod = Witness::Pod(Place::Named(namespace.clone()), labels.clone());
                    if let Some(address) = self.address(&peer.addresses, &to.addresses, &self.forbid.to)
                        && !self.excepted(&pod, &self.forbid.from)
                    {
                        return Some(self.violation(&pod, &Witness::Address(address), port, &[grant]));
                    }
                    if let Some(found) = self.to_pods(grant, namespace, &labels, &peer, to) {
                        return Some(found);
                    }
                }
            }
        }
        None
    }

    /// From a managed pod to pods: those of managed namespaces must accept it, others do.
    fn to_pods(&self, grant: &Grant, namespace: &Sym, labels: &Labels, peer: &Ends, to: &Ends) -> Option<Diagnostic> {
        for (peer, target) in peer.pods.iter().flat_map(|p| to.pods.iter().map(move |t| (p, t))) {
            let Some(wanted) = peer.labels.merge(&target.labels) else { continue };
            for place in self.places(&peer.namespaces, &target.namespaces) {
                let accepting = match &place {
                    Place::Named(name) if self.model.is_managed(name) => self.index.ingress.get(name),
                    _ => {
                        let (src, dst) = (
                            Witness::Pod(Place::Named(namespace.clone()), labels.clone()),
                            Witness::Pod(place, wanted.clone()),
                        );
                        let port = self.port(&grant.ports)?;
                        if self.excepted(&src, &self.forbid.from) || self.excepted(&dst, &self.forbid.to) {
                            continue;
                        }
                        return Some(self.violation(&src, &dst, port, &[grant]));
                    }
                };
                for accept in accepting.into_iter().flatten() {
                    let Some(dst_labels) = wanted.merge(&accept.subject.labels) else { continue };
                    let Some(port) = grant.ports.iter().find_map(|a| self.common_port(*a, &accept.ports)) else {
                        continue;
                    };
                    for source in &ends(self.model, &accept.peer).pods {
                        let Some(src_labels) = source.labels.merge(labels) else { continue };
                        if !source.namespaces.may_hold(namespace) {
                            continue;
                        }
                        let src = Witness::Pod(Place::Named(namespace.clone()), src_labels);
                        let dst = Witness::Pod(place.clone(), dst_labels.clone());
                        if !self.excepted(&src, &self.forbid.from) && !self.excepted(&dst, &self.forbid.to) {
                            return Some(self.violation(&src, &dst, port, &[grant, accept]));
                        }
                    }
                }
            }
        }
        None
    }

    /// From what nobody manages here to managed pods.
    fn unmanaged_source(&self, from: &Ends, to: &Ends) -> Option<Diagnostic> {
        for target in &to.pods {
            for (namespace, grants) in self.index.ingress.iter().filter(|(name, _)| target.namespaces.may_hold(name)) {
                for grant in grants {
                    let Some(labels) = target.labels.merge(&grant.subject.labels) else { continue };
                    let Some(port) = self.port(&grant.ports) else { continue };
                    let dst = Witness::Pod(Place::Named(namespace.clone()), labels);
                    if self.excepted(&dst, &self.forbid.to) {
                        continue;
                    }
                    if let Some(src) = self.outsider(&ends(self.model, &grant.peer), from) {
                        return Some(self.violation(&src, &dst, port, &[grant]));
                    }
                }
            }
        }
        None
    }

    fn outsider(&self, peer: &Ends, from: &Ends) -> Option<Witness> {
        for (peer, source) in peer.pods.iter().flat_map(|p| from.pods.iter().map(move |f| (p, f))) {
            let Some(labels) = peer.labels.merge(&source.labels) else { continue };
            for place in self.places(&peer.namespaces, &source.namespaces) {
                let managed = matches!(&place, Place::Named(name) if self.model.is_managed(name));
                let src = Witness::Pod(place, labels.clone());
                if !managed && !self.excepted(&src, &self.forbid.from) {
                    return Some(src);
                }
            }
        }
        if let Some(address) = self.address(&peer.addresses, &from.addresses, &self.forbid.from) {
            return Some(Witness::Address(address));
        }
        (peer.others && from.others && !self.excepted(&Witness::Other, &self.forbid.from)).then_some(Witness::Other)
    }

    /// Namespaces in which a pod can be in both sets: managed ones by name, and one that nobody manages here.
    fn places(&self, a: &NamespaceSet, b: &NamespaceSet) -> Vec<Place> {
        match (a, b) {
            (NamespaceSet::Names(names), other) | (other, NamespaceSet::Names(names)) => {
                names.iter().filter(|name| other.may_hold(name)).cloned().map(Place::Named).collect()
            }
            (NamespaceSet::Labels(a), NamespaceSet::Labels(b)) => a.merge(b).map(Place::Labelled).into_iter().collect(),
            (NamespaceSet::Labels(labels), NamespaceSet::All) | (NamespaceSet::All, NamespaceSet::Labels(labels)) => {
                vec![Place::Labelled(labels.clone())]
            }
            (NamespaceSet::All, NamespaceSet::All) => {
                let managed = self.model.namespaces.keys().cloned().map(Place::Named);
                managed.chain([Place::Any]).collect()
            }
        }
    }

    fn address(&self, a: &Cidrs, b: &Cidrs, end: &ForbidEnd) -> Option<IpAddr> {
        let mut a = a.clone();
        if matches!(end.set, ForbidSet::Builtin(Builtin::Anywhere)) {
            for except in &self.forbid.except {
                let ranges = ends_of(self.model, &except.set).addresses;
                let whole: Vec<_> =
                    ranges.blocks.iter().filter(|block| block.except.is_empty()).map(|block| block.cidr).collect();
                a = a.minus(&whole);
            }
        }
        a.common(b)
    }

    /// Whether `except` lets this endpoint through, which it does only at an end that is `anywhere`.
    fn excepted(&self, witness: &Witness, end: &ForbidEnd) -> bool {
        if !matches!(end.set, ForbidSet::Builtin(Builtin::Anywhere)) {
            return false;
        }
        self.forbid.except.iter().map(|except| ends_of(self.model, &except.set)).any(|except| match witness {
            Witness::Pod(place, labels) => except.pods.iter().any(|pods| {
                let namespace = match (&pods.namespaces, place) {
                    (NamespaceSet::All, _) => true,
                    (NamespaceSet::Names(names), Place::Named(name)) => names.contains(name),
                    (NamespaceSet::Labels(a), Place::Labelled(b)) => a.is_subset_of(b),
                    _ => false,
                };
                namespace && pods.labels.is_subset_of(labels)
            }),
            Witness::Address(address) => except.addresses.overlaps(&(*address).into()),
            Witness::Other => except.others,
        })
    }

    /// A port that the forbid is about.
    fn port(&self, ports: &[PortRange]) -> Option<PortRange> {
        match self.forbid.ports.is_empty() {
            true => ports.first().copied(),
            false => ports.iter().find_map(|port| intersect(*port, &self.forbid.ports)),
        }
    }

    fn common_port(&self, port: PortRange, others: &[PortRange]) -> Option<PortRange> {
        let common = others.iter().filter_map(|other| intersect(port, &[*other]));
        match self.forbid.ports.is_empty() {
            true => common.into_iter().next(),
            false => common.into_iter().find_map(|port| intersect(port, &self.forbid.ports)),
        }
    }

    fn violation(&self, from: &Witness, to: &Witness, port: PortRange, grants: &[&Grant]) -> Diagnostic {
        let mut error = self.error().label("violated").note(format!("{from} could reach {to} on {}", Probe(port)));
        let mut seen = vec![];
        for grant in grants {
            let span = self.model.origin_span(grant.origin);
            if !seen.contains(&span) {
                seen.push(span);
                error = error.related(span, format!("`{}` allows it", self.model.origin_name(grant.origin)));
            }
        }
        self.explain(error)
    }

    fn error(&self) -> Diagnostic {
        let message = format!("forbidden: {} -> {}", self.forbid.from.name, self.forbid.to.name);
        Diagnostic::error(codes::FORBID, self.forbid.span, message)
    }

    fn explain(&self, error: Diagnostic) -> Diagnostic {
        let error = match &self.forbid.why {
            Some(why) => error.note(format!("the forbid says why: {why}")),
            None => error,
        };
        error.help("change what allows it, or the forbid; a forbid cannot be waived")
    }

    /// A chain of edges through tiers and peers, each of which could carry a connection on.
    fn transitive(&self) -> Option<Diagnostic> {
        if !self.forbid.transitive {
            return None;
        }
        let model = self.model;
        let (from, to) = (ends_of(model, &self.forbid.from.set), ends_of(model, &self.forbid.to.set));
        let groups: Vec<(Endpoint, &PodSet)> = model
            .tiers()
            .map(|(id, tier)| (Endpoint::Tier(id), &tier.pods))
            .chain(model.peers().map(|(id, peer)| (Endpoint::Peer(id), &peer.pods)))
            .collect();
        let touching = |pods: &PodSet| {
            groups.iter().filter(move |(_, other)| other.overlaps(pods)).map(|(end, _)| *end).collect::<Vec<_>>()
        };
        // Breadth first: the shortest chain is the one shown.
        let mut before: BTreeMap<Endpoint, Option<(Endpoint, super::EdgeId)>> = BTreeMap::new();
        let mut queue: std::collections::VecDeque<Endpoint> = from.pods.iter().flat_map(&touching).collect();
        for start in &queue {
            before.insert(*start, None);
        }
        while let Some(at) = queue.pop_front() {
            for (next, edge) in model.graph.outgoing(at) {
                let reached = match model.pods(next) {
                    Some(pods) => to.pods.iter().any(|target| target.overlaps(pods)),
                    None => {
                        matches!(next, Endpoint::External(id) if model[id].addresses.common(&to.addresses).is_some())
                    }
                };
                if reached && self.port(&model[edge].ports).is_some() {
                    return Some(self.chain(&before, at, edge));
                }
                let Some(pods) = model.pods(next) else { continue };
                for group in touching(pods) {
                    before.entry(group).or_insert_with(|| {
                        queue.push_back(group);
                        Some((at, edge))
                    });
                }
            }
        }
        None
    }

    fn chain(
        &self,
        before: &BTreeMap<Endpoint, Option<(Endpoint, super::EdgeId)>>,
        last: Endpoint,
        edge: super::EdgeId,
    ) -> Diagnostic {
        let mut edges = vec![edge];
        let mut at = last;
        while let Some(Some((previous, edge))) = before.get(&at) {
            edges.push(*edge);
            at = *previous;
        }
        edges.reverse();
        let mut error = self.error().label("violated by a chain of edges");
        let names: Vec<String> = edges.iter().map(|edge| self.model.edge_name(&self.model[*edge])).collect();
        error = error.note(format!("the chain: {}", names.join(", then ")));
        for edge in edges {
            error = error.related(self.model[edge].from_span, format!("`{}`", self.model.edge_name(&self.model[edge])));
        }
        self.explain(error)
    }
}

/// One port of a range, as people say it.
struct Probe(PortRange);

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_all() {
            true => write!(f, "every {} port", self.0.protocol.as_str()),
            false => self.0.fmt(f),
        }
    }
}

fn intersect(port: PortRange, others: &[PortRange]) -> Option<PortRange> {
    others
        .iter()
        .find(|other| other.overlaps(port))
        .and_then(|other| PortRange::new(port.protocol, port.first.max(other.first), port.last.min(other.last)))
}

fn every_pod() -> PodSet {
    PodSet { namespaces: NamespaceSet::All, labels: Labels::default() }
}

fn builtin(model: &Model, builtin: Builtin) -> Ends {
    let profile = &model.profile;
    match builtin {
        Builtin::Anywhere => Ends { pods: vec![every_pod()], addresses: Cidrs::everything(), others: true },
        Builtin::Internet => Ends { addresses: profile.internet(), ..Ends::default() },
        Builtin::Cluster => Ends { pods: vec![every_pod()], ..Ends::default() },
        Builtin::Nodes => Ends { addresses: Cidrs::new(profile.node_cidrs.clone()), others: true, ..Ends::default() },
        Builtin::ApiServer => Ends { addresses: Cidrs::new(profile.api_server_cidrs.clone()), ..Ends::default() },
    }
}

fn ends_of(model: &Model, set: &ForbidSet) -> Ends {
    match set {
        ForbidSet::Pods(pods) => Ends { pods: vec![pods.clone()], ..Ends::default() },
        ForbidSet::Addresses(addresses) => Ends { addresses: addresses.clone(), ..Ends::default() },
        ForbidSet::Builtin(word) => builtin(model, *word),
    }
}

fn ends(model: &Model, peer: &PeerSet) -> Ends {
    match peer {
        PeerSet::Anyone => builtin(model, Builtin::Anywhere),
        PeerSet::Everywhere => Ends { addresses: model.profile.everywhere(), ..builtin(model, Builtin::Anywhere) },
        PeerSet::Internet => builtin(model, Builtin::Internet),
        PeerSet::AllPods => builtin(model, Builtin::Cluster),
        PeerSet::Nodes => builtin(model, Builtin::Nodes),
        PeerSet::ApiServer => builtin(model, Builtin::ApiServer),
        PeerSet::Pods(pods) => Ends { pods: vec![pods.clone()], ..Ends::default() },
        PeerSet::External(id) => Ends { addresses: model[*id].addresses.clone(), ..Ends::default() },
        PeerSet::Dns(position) => match model.profile.dns.peers.get(*position) {
            Some(DnsPeer::Pods(pods)) => Ends { pods: vec![pods.clone()], ..Ends::default() },
            Some(DnsPeer::Address(net)) => Ends { addresses: Cidrs::new([*net]), ..Ends::default() },
            None => Ends::default(),
        },
    }
}
