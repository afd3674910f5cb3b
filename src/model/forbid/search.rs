//! Whether a forbidden connection is possible.
//!
//! A connection is one *hop*: from a pod that may send it to one that may receive it. A pod of a managed namespace needs a
//! grant for its side; other pods, and addresses, need none. Selectors are conjunctions of equalities, so a possible pod
//! is in several of them exactly when their labels merge, and the least such pod is the one that the message names.
//!
//! A forbid looks one hop far, a transitive one any number of hops, breadth first, so that the shortest chain is shown.
//! What is reached through a built-in or by DNS ends a chain and does not carry it on: `web -> internet` and
//! `internet -> api` make no path from web to api. Two halves that different edges grant do make a hop, and what a managed
//! pod accepts carries on, however it was sent. Hops between two pods that nobody manages are not looked at.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::ends::{Ends, Permit, Place, Witness};
use super::{Forbid, ForbidSet};
use crate::diag::{Diagnostic, Diagnostics, codes, quote};
use crate::model::{Builtin, Direction, Labels, Model, NamespaceSet, PeerSet, PodSet, PortRange, Sym};

/// Reports every forbid that the intents violate.
pub fn check(model: &Model, diags: &mut Diagnostics) {
    if model.forbids.is_empty() {
        return;
    }
    let permits = model.grants().into_iter().map(|grant| Permit::of(model, grant)).collect();
    let index = Index::new(permits);
    for forbid in &model.forbids {
        let search = Search::new(model, &index, forbid);
        diags.extend(search.unmanaged().or_else(|| search.run()));
    }
}

/// Every forbid that something else than the intents permits to violate, as policies that were read back.
pub fn violations(model: &Model, permits: Vec<Permit>) -> Vec<Diagnostic> {
    let index = Index::new(permits);
    model.forbids.iter().filter_map(|forbid| Search::new(model, &index, forbid).run()).collect()
}

/// The permits, so that each hop looks only at those that can matter.
struct Index {
    /// By the subject's namespace.
    egress: BTreeMap<Sym, Vec<Permit>>,
    /// By the subject's namespace, then by the namespace of the source, where it is named.
    ingress: BTreeMap<Sym, Ingress>,
}

#[derive(Default)]
struct Ingress {
    named: BTreeMap<Sym, Vec<Permit>>,
    other: Vec<Permit>,
}

impl Ingress {
    /// Permits that can let pods of a place in.
    fn from(&self, place: &Place) -> Vec<&Permit> {
        match &place.name {
            Some(name) => self.named.get(name).into_iter().flatten().chain(&self.other).collect(),
            // A namespace known by its labels, or not at all, may have any name.
            None => self.all().collect(),
        }
    }

    /// Each permit once, whatever number of namespaces it names.
    fn all(&self) -> impl Iterator<Item = &Permit> {
        let first = |name: &Sym, permit: &Permit| permit.named().first() == Some(name);
        let named = self.named.iter().flat_map(move |(name, permits)| permits.iter().filter(move |p| first(name, p)));
        named.chain(&self.other)
    }
}

impl Index {
    /// Ingress grants of the namespaces of a set.
    fn ingress_of(&self, namespaces: &NamespaceSet) -> Vec<(&Sym, &Ingress)> {
        match namespaces {
            NamespaceSet::Names(names) => names.iter().filter_map(|name| self.ingress.get_key_value(name)).collect(),
            NamespaceSet::All | NamespaceSet::Labels(_) => self.ingress.iter().collect(),
        }
    }

    fn new(permits: Vec<Permit>) -> Self {
        let mut this = Self { egress: BTreeMap::new(), ingress: BTreeMap::new() };
        for permit in permits {
            let namespace = permit.subject.namespace.clone();
            if permit.direction == Direction::Egress {
                this.egress.entry(namespace).or_default().push(permit);
                continue;
            }
            let of_namespace = this.ingress.entry(namespace).or_default();
            match permit.named() {
                [] => of_namespace.other.push(permit),
                names => {
                    let names: Vec<Sym> = names.into();
                    for name in names {
                        of_namespace.named.entry(name).or_default().push(permit.clone());
                    }
                }
            }
        }
        this
    }
}

/// Where a chain stands: pods of a place that carry at least some labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    place: Place,
    labels: Labels,
}

/// One connection.
struct Hop<'a> {
    from: Witness,
    to: Witness,
    ports: Vec<PortRange>,
    /// What allows it on either side.
    grants: Vec<&'a Permit>,
    /// Where a chain goes on.
    next: Option<State>,
}

struct Search<'a> {
    model: &'a Model,
    index: &'a Index,
    forbid: &'a Forbid,
    from: Ends,
    to: Ends,
    /// Who may all the same, at an end that is `anywhere`.
    except_from: Vec<Ends>,
    except_to: Vec<Ends>,
}

impl<'a> Search<'a> {
    fn new(model: &'a Model, index: &'a Index, forbid: &'a Forbid) -> Self {
        let except = |set: &ForbidSet| match set {
            ForbidSet::Builtin(Builtin::Anywhere) => {
                forbid.except.iter().map(|end| Ends::of(model, &end.set)).collect()
            }
            _ => vec![],
        };
        Self {
            model,
            index,
            forbid,
            from: Ends::of(model, &forbid.from.set),
            to: Ends::of(model, &forbid.to.set),
            except_from: except(&forbid.from.set),
            except_to: except(&forbid.to.set),
        }
    }

    /// Between two groups that nobody manages here nothing can be enforced.
    fn unmanaged(&self) -> Option<Diagnostic> {
        let managed = |ends: &Ends| {
            ends.pods.iter().any(|pods| self.model.namespaces.keys().any(|name| pods.namespaces.may_hold(name)))
        };
        if managed(&self.from) || managed(&self.to) {
            return None;
        }
        let (from, to) = (quote(&self.forbid.from.name), quote(&self.forbid.to.name));
        let message = format!("neither {from} nor {to} is managed here");
        let error = Diagnostic::error(codes::FORBID_UNMANAGED, self.forbid.span, message);
        Some(error.help("netpolc polices the tiers of its intents; one end must hold some of their pods"))
    }

    fn run(&self) -> Option<Diagnostic> {
        let mut chains: Vec<(Hop<'a>, Option<usize>)> = vec![];
        let mut queue: VecDeque<usize> = VecDeque::new();
        let mut seen: BTreeSet<State> = BTreeSet::new();
        let mut first: Vec<Hop<'a>> = self.starts().iter().flat_map(|state| self.hops(state)).collect();
        first.extend(self.hops_from_outside());
        first.retain(|hop| !self.except_from.iter().any(|except| except.holds(&hop.from)));
        let mut pending: Vec<(Hop<'a>, Option<usize>)> = first.into_iter().map(|hop| (hop, None)).collect();
        loop {
            for (hop, before) in pending.drain(..) {
                if let Some((end, port)) = self.violates(&hop) {
                    return Some(self.violation(end, port, before, &chains));
                }
                let fresh = hop.next.as_ref().is_some_and(|next| seen.insert(next.clone()));
                if self.forbid.transitive && fresh {
                    queue.push_back(chains.len());
                    chains.push((hop, before));
                }
            }
            let at = queue.pop_front()?;
            let state = chains.get(at).and_then(|(hop, _)| hop.next.clone())?;
            pending = self.hops(&state).into_iter().map(|hop| (hop, Some(at))).collect();
        }
    }

    /// Where the forbid's source may be: in each managed namespace, and outside of them.
    fn starts(&self) -> Vec<State> {
        let mut states = vec![];
        for pods in &self.from.pods {
            let managed = self.model.namespaces.keys().filter(|name| pods.namespaces.may_hold(name));
            let mut places: Vec<Place> = managed.cloned().map(|name| Self::place(name, &pods.namespaces)).collect();
            places.extend(self.unmanaged_places(&pods.namespaces));
            states.extend(places.into_iter().map(|place| State { place, labels: pods.labels.clone() }));
        }
        states
    }

    fn unmanaged_places(&self, namespaces: &NamespaceSet) -> Vec<Place> {
        match namespaces {
            NamespaceSet::All => vec![Place::default()],
            NamespaceSet::Labels(labels) => vec![Place { name: None, labels: labels.clone() }],
            NamespaceSet::Names(names) => {
                names.iter().filter(|name| !self.model.is_managed(name)).cloned().map(Place::named).collect()
            }
        }
    }

    /// A namespace as one of several: a namespace's labels are not known from its name, so it may carry those asked for.
    fn place(name: Sym, of: &NamespaceSet) -> Place {
        match of {
            NamespaceSet::Labels(labels) => Place { name: Some(name), labels: labels.clone() },
            NamespaceSet::All | NamespaceSet::Names(_) => Place::named(name),
        }
    }

    /// Every connection that pods of a state may open.
    fn hops(&self, state: &State) -> Vec<Hop<'a>> {
        match &state.place.name {
            Some(name) if self.model.is_managed(name) => self.hops_of_managed(name, state),
            _ => self.hops_of_unmanaged(state),
        }
    }

    /// A pod that nobody manages sends what it likes: what counts is who lets it in.
    fn hops_of_unmanaged(&self, state: &State) -> Vec<Hop<'a>> {
        let mut hops = vec![];
        for (namespace, grants) in &self.index.ingress {
            for grant in grants.from(&state.place) {
                for peer in &grant.ends.pods {
                    for source in self.within(state, peer) {
                        hops.push(self.arrival(source, namespace, grant, &grant.subject.labels, vec![grant]));
                    }
                }
            }
        }
        hops
    }

    /// Addresses of the forbid's source, and what is neither pod nor address.
    fn hops_from_outside(&self) -> Vec<Hop<'a>> {
        let mut hops = vec![];
        for (namespace, grants) in &self.index.ingress {
            for grant in grants.all() {
                if let Some(witness) = grant.ends.common_outside(&self.from, &self.except_from) {
                    hops.push(self.arrival(witness, namespace, grant, &grant.subject.labels, vec![grant]));
                }
            }
        }
        hops
    }

    fn arrival(
        &self,
        from: Witness,
        namespace: &Sym,
        grant: &'a Permit,
        labels: &Labels,
        grants: Vec<&'a Permit>,
    ) -> Hop<'a> {
        let state = State { place: Place::named(namespace.clone()), labels: labels.clone() };
        Hop {
            from,
            to: Witness::Pod(state.place.clone(), state.labels.clone()),
            ports: grant.ports.to_vec(),
            grants,
            next: Some(state),
        }
    }

    fn hops_of_managed(&self, namespace: &Sym, state: &State) -> Vec<Hop<'a>> {
        let mut hops = vec![];
        for grant in self.index.egress.get(namespace).into_iter().flatten() {
            let Some(labels) = state.labels.merge(&grant.subject.labels) else { continue };
            let from = State { place: state.place.clone(), labels };
            self.departures(&from, &grant.ends, &grant.ports, Some(grant), grant.carries, &mut hops);
        }
        if !self.model.profile.enforces_egress {
            // Nothing holds back what the pods send.
            let ports = crate::model::Protocol::ALL.map(PortRange::all);
            let ends = Ends::of_peer(self.model, &PeerSet::Anyone);
            self.departures(state, &ends, &ports, None, false, &mut hops);
        }
        hops
    }

    /// The least pods of a state that are in a set of pods too: one for each name that a namespace without one may have.
    fn within(&self, state: &State, pods: &PodSet) -> Vec<Witness> {
        let Some(labels) = state.labels.merge(&pods.labels) else { return vec![] };
        let place = &state.place;
        let places: Vec<Place> = match (&pods.namespaces, &place.name) {
            (NamespaceSet::All, _) => vec![place.clone()],
            (NamespaceSet::Labels(asked), name) => {
                let merged = place.labels.merge(asked);
                merged.map(|labels| Place { name: name.clone(), labels }).into_iter().collect()
            }
            (NamespaceSet::Names(names), Some(name)) => {
                names.contains(name).then(|| place.clone()).into_iter().collect()
            }
            (NamespaceSet::Names(names), None) => {
                let unmanaged = names.iter().filter(|name| !self.model.is_managed(name)).cloned();
                unmanaged.map(|name| Place { name: Some(name), labels: place.labels.clone() }).collect()
            }
        };
        places.into_iter().map(|place| Witness::Pod(place, labels.clone())).collect()
    }

    /// Connections from a pod to some ends, as far as they are let in.
    fn departures(
        &self,
        from: &State,
        ends: &Ends,
        ports: &[PortRange],
        grant: Option<&'a Permit>,
        carries: bool,
        hops: &mut Vec<Hop<'a>>,
    ) {
        let source = Witness::Pod(from.place.clone(), from.labels.clone());
        let hop =
            |to: Witness, ports: Vec<PortRange>, accept: Option<&'a Permit>, from: Witness, next: Option<State>| Hop {
                from,
                to,
                ports,
                grants: grant.into_iter().chain(accept).collect(),
                next,
            };
        if let Some(outside) = ends.common_outside(&self.to, &self.except_to) {
            hops.push(hop(outside, ports.to_vec(), None, source.clone(), None));
        }
        for peer in &ends.pods {
            for place in self.unmanaged_places(&peer.namespaces) {
                let next = carries.then(|| State { place: place.clone(), labels: peer.labels.clone() });
                hops.push(hop(Witness::Pod(place, peer.labels.clone()), ports.to_vec(), None, source.clone(), next));
            }
            for (namespace, grants) in self.index.ingress_of(&peer.namespaces) {
                for accept in grants.from(&from.place) {
                    let Some(labels) = peer.labels.merge(&accept.subject.labels) else { continue };
                    let common: Vec<PortRange> = ports
                        .iter()
                        .flat_map(|port| accept.ports.iter().filter_map(|other| intersect(*port, *other)))
                        .collect();
                    if common.is_empty() {
                        continue;
                    }
                    let sources = &accept.ends.pods;
                    let state = State { place: Self::place(namespace.clone(), &peer.namespaces), labels };
                    let to = Witness::Pod(state.place.clone(), state.labels.clone());
                    for source in sources.iter().flat_map(|source| self.within(from, source)) {
                        hops.push(hop(to.clone(), common.clone(), Some(accept), source, Some(state.clone())));
                    }
                }
            }
        }
    }

    /// Whether a hop ends where it must not, on a port that the forbid is about: the hop as it would be, and the port.
    fn violates<'h>(&self, hop: &'h Hop<'a>) -> Option<((&'h Hop<'a>, Witness), PortRange)> {
        let to = match &hop.to {
            Witness::Pod(place, labels) => {
                let state = State { place: place.clone(), labels: labels.clone() };
                self.to.pods.iter().find_map(|target| {
                    let excepted = |pod: &Witness| self.except_to.iter().any(|except| except.holds(pod));
                    self.within(&state, target).into_iter().find(|pod| !excepted(pod))
                })?
            }
            // Made only where the forbid's end holds it.
            outside => outside.clone(),
        };
        let port = match self.forbid.ports.is_empty() {
            true => hop.ports.first().copied(),
            false => hop.ports.iter().find_map(|a| self.forbid.ports.iter().find_map(|b| intersect(*a, *b))),
        };
        Some(((hop, to), port?))
    }

    fn violation(
        &self,
        (hop, to): (&Hop<'a>, Witness),
        port: PortRange,
        before: Option<usize>,
        chains: &[(Hop<'a>, Option<usize>)],
    ) -> Diagnostic {
        let mut hops = vec![];
        let mut at = before;
        while let Some((hop, earlier)) = at.and_then(|at| chains.get(at)) {
            hops.push(hop);
            at = *earlier;
        }
        hops.reverse();
        hops.push(hop);
        let ports = match port.is_all() {
            true => format!("every {} port", port.protocol.as_str()),
            false => port.to_string(),
        };
        let message = format!("forbidden: {} -> {}", self.forbid.from.name, self.forbid.to.name);
        let mut error = Diagnostic::error(codes::FORBID, self.forbid.span, message);
        error = match hops.as_slice() {
            [_] => error.label("violated").note(format!("{} could reach {to} on {ports}", hop.from)),
            chain => {
                let stops: Vec<String> = chain.iter().map(|hop| hop.from.to_string()).chain([to.to_string()]).collect();
                error
                    .label("violated by a chain of connections")
                    .note(format!("the chain: {}, on {ports}", stops.join(" → ")))
            }
        };
        let mut told = BTreeSet::new();
        for grant in hops.iter().flat_map(|hop| &hop.grants) {
            if told.insert(grant.span) {
                error = error.related(grant.span, format!("`{}` allows it", grant.name));
            }
        }
        if !self.model.profile.enforces_egress {
            error = error.note("the project file says `enforces-egress = false`: nothing limits what pods send");
        }
        if let Some(why) = &self.forbid.why {
            error = error.note(format!("the forbid says why: {why}"));
        }
        error.help("change what allows it, or the forbid; a forbid cannot be waived")
    }
}

fn intersect(a: PortRange, b: PortRange) -> Option<PortRange> {
    a.overlaps(b).then(|| PortRange::new(a.protocol, a.first.max(b.first), a.last.min(b.last))).flatten()
}
