//! Policies over concrete pods: what each flow is told by the law.
//!
//! 1. Each side is asked by itself; a flow is permitted where both sides permit it for one address of each.
//! 2. What is no pod is not policed on its own side, and neither is a pod on its node's network. That pod is seen by others
//!    as its node's address, or as its node.
//! 3. Where a name stands for one number in the whole cluster, as in Cilium, a pod has one port under it: the last of its
//!    containers' (cilium/cilium, pkg/endpoint, `SetK8sMetadata`). Elsewhere it has all of them.
//! 4. Where readings of the policies differ, or something is not known that counts, the answer is that it is ambiguous.

use std::collections::HashMap;
use std::net::IpAddr;

use indexmap::IndexSet;

use crate::cluster::{Cell, Cluster, Endpoint, Pod, Probe, Verdict, Verdicts};
use crate::model::{Direction, Sym};
use crate::verify::law::{self, Account, Answer, Far, NamedPort, NamedPorts, Side};
use crate::verify::normal::{Action, Entity, Policy, Reading};

/// What all readings say of every flow between the pods and the endpoints. `entities`: nodes are known by what they are.
pub fn evaluate(
    cluster: &Cluster,
    endpoints: &[Endpoint],
    probes: &[Probe],
    readings: &[Reading],
    entities: bool,
) -> Verdicts {
    let ends = |ports: fn(&Pod) -> Vec<NamedPort>| -> Vec<End<'_>> {
        let pods = cluster.pods.iter().map(|pod| End::pod(cluster, pod, ports(pod)));
        pods.chain(endpoints.iter().map(End::outside)).collect()
    };
    let (all, last) = (ends(|pod| pod.ports.clone()), ends(last_of_each_name));
    let called = all.iter().map(End::name).collect();
    let mut all_ports = NamedPorts { known: vec![], whole: true };
    all_ports.known = cluster.pods.iter().filter(|pod| !pod.finished).flat_map(last_of_each_name).collect();
    let ends_of = |reading: &Reading| if reading.engine.names_are_global { &last } else { &all };
    let judges: Vec<Judge<'_>> =
        readings.iter().map(|reading| Judge::new(reading, ends_of(reading), &all_ports, entities)).collect();
    let names = Names::of(readings);
    // All probes of a pair follow one another, and have one answer.
    let mut last: Option<(usize, usize)> = None;
    let mut answers: Vec<Option<Pair<'_>>> = vec![];
    Verdicts::new(called, probes.to_vec(), |src, dst, probe| {
        if last != Some((src, dst)) {
            answers = judges.iter().map(|judge| judge.pair(src, dst)).collect();
            last = Some((src, dst));
        }
        cell(&answers, probe, &names)
    })
}

/// 3.
fn last_of_each_name(pod: &Pod) -> Vec<NamedPort> {
    let is_last =
        |(at, port): &(usize, &NamedPort)| !pod.ports.iter().skip(at + 1).any(|later| later.name == port.name);
    pod.ports.iter().enumerate().filter(is_last).map(|(_, port)| port.clone()).collect()
}

/// One end of a flow.
enum End<'c> {
    Pod(Seen<'c>),
    Outside(&'c Endpoint),
}

/// A pod as policies see it, by the IP family of its addresses.
struct Seen<'c> {
    pod: &'c Pod,
    families: Vec<(Family, law::Pod)>,
}

/// An IP family; `None` where no address is known.
type Family = Option<bool>;

impl<'c> End<'c> {
    fn pod(cluster: &'c Cluster, pod: &'c Pod, ports: Vec<NamedPort>) -> Self {
        let of_namespace = cluster.namespaces.get(&pod.namespace).map(|namespace| namespace.labels.clone());
        let seen = |addresses: Option<Vec<IpAddr>>| law::Pod {
            namespace: of_namespace.clone().unwrap_or_default(),
            labels: pod.labels.clone(),
            account: Some(Account { name: pod.service_account.clone(), labels: pod.account_labels.clone() }),
            addresses,
            ports: NamedPorts { known: ports.clone(), whole: true },
        };
        let families = match pod.addresses.as_slice() {
            [] => vec![(None, seen(None))],
            known => known.iter().map(|one| (Some(one.is_ipv6()), seen(Some(vec![*one])))).collect(),
        };
        Self::Pod(Seen { pod, families })
    }

    fn outside(endpoint: &'c Endpoint) -> Self {
        Self::Outside(endpoint)
    }

    fn name(&self) -> Sym {
        match self {
            Self::Pod(seen) => seen.pod.path().into(),
            // Whoever gives an address asks about the name all the same.
            Self::Outside(Endpoint::Host { name, .. }) => format!("fqdn:{name}").into(),
            Self::Outside(endpoint) => endpoint.to_string().into(),
        }
    }

    fn families(&self) -> Vec<Family> {
        match self {
            Self::Pod(seen) => seen.families.iter().map(|(family, _)| *family).collect(),
            Self::Outside(Endpoint::Address(address) | Endpoint::Host { address: Some(address), .. }) => {
                vec![Some(address.is_ipv6())]
            }
            Self::Outside(Endpoint::Entity(_) | Endpoint::Host { address: None, .. }) => vec![None],
        }
    }

    /// The pod that its own side is asked for, with its addresses of a family. 2.
    fn policed(&self, family: Family) -> Option<&law::Pod> {
        match self {
            Self::Pod(seen) if !seen.pod.host_network => seen.of(family),
            _ => None,
        }
    }
}

impl Seen<'_> {
    fn of(&self, family: Family) -> Option<&law::Pod> {
        let of = self.families.iter().find(|(own, _)| *own == family || own.is_none() || family.is_none());
        of.map(|(_, pod)| pod)
    }
}

/// The families that two ends have in common.
fn common(one: &End<'_>, other: &End<'_>) -> Vec<Family> {
    let (ours, theirs) = (one.families(), other.families());
    match (ours.contains(&None), theirs.contains(&None)) {
        (true, _) => theirs,
        (_, true) => ours,
        _ => ours.into_iter().filter(|family| theirs.contains(family)).collect(),
    }
}

/// One reading of the policies.
struct Judge<'a> {
    reading: &'a Reading,
    ends: &'a [End<'a>],
    all_ports: &'a NamedPorts,
    entities: bool,
    /// For each end, the policies that govern it, in order: what it may receive, and what it may send.
    about: Vec<[Vec<&'a Policy>; 2]>,
}

/// What one reading says of a pair of ends, for each family that they share: the two sides.
struct Pair<'a> {
    sides: Vec<[Vec<Answer<'a>>; 2]>,
}

impl<'a> Judge<'a> {
    fn new(reading: &'a Reading, ends: &'a [End<'a>], all_ports: &'a NamedPorts, entities: bool) -> Self {
        let mut judge = Self { reading, ends, all_ports, entities, about: vec![] };
        let policies = law::in_order(&reading.policies);
        judge.about = ends
            .iter()
            .map(|end| {
                [Direction::Ingress, Direction::Egress].map(|direction| {
                    let families = end.families();
                    let Some(subject) = families.first().and_then(|family| end.policed(*family)) else { return vec![] };
                    let side = judge.side(direction, subject, Far::Elsewhere);
                    policies.iter().copied().filter(|policy| law::governs(policy, &side)).collect()
                })
            })
            .collect();
        judge
    }

    fn side(&self, direction: Direction, subject: &'a law::Pod, other: Far<'a>) -> Side<'a> {
        Side {
            engine: self.reading.engine,
            direction,
            subject,
            other,
            all_ports: self.all_ports,
            pod_ranges: None,
            names_are_symbols: false,
        }
    }

    /// `None`: there is no such flow.
    fn pair(&self, src: usize, dst: usize) -> Option<Pair<'a>> {
        let (from, to) = (self.ends.get(src)?, self.ends.get(dst)?);
        let gone = |end: &End<'_>| matches!(end, End::Pod(seen) if seen.pod.finished);
        let outside = |end: &End<'_>| matches!(end, End::Outside(_));
        if src == dst || outside(from) && outside(to) || gone(from) || gone(to) {
            return None;
        }
        let families = common(from, to);
        let sides: Vec<_> = families
            .into_iter()
            .map(|family| {
                [(dst, Direction::Ingress), (src, Direction::Egress)].map(|(own, direction)| {
                    let far = if own == src { to } else { from };
                    self.answers(own, far, direction, family)
                })
            })
            .collect();
        (!sides.is_empty()).then_some(Pair { sides })
    }

    /// What one side says; several answers where the other end can be several things; none where it is not policed.
    fn answers(&self, own: usize, far: &'a End<'a>, direction: Direction, family: Family) -> Vec<Answer<'a>> {
        const NODES: [&[Entity]; 2] = [&[Entity::Host], &[Entity::RemoteNode]];
        let Some(subject) = self.ends.get(own).and_then(|end| end.policed(family)) else { return vec![] };
        let Some([ingress, egress]) = self.about.get(own) else { return vec![] };
        let policies = if direction == Direction::Ingress { ingress } else { egress };
        let fars: Vec<Far<'a>> = match far {
            End::Pod(seen) if seen.pod.host_network && self.entities => NODES.map(Far::Entity).to_vec(),
            End::Pod(seen) if seen.pod.host_network => match seen.of(family).and_then(|pod| pod.addresses.as_ref()) {
                Some(addresses) => addresses.iter().copied().map(Far::Address).collect(),
                // A block may hold the node's address, and nothing else can match it.
                None => vec![Far::Name(&seen.pod.name, None)],
            },
            End::Pod(seen) => seen.of(family).map(Far::Pod).into_iter().collect(),
            End::Outside(Endpoint::Address(address)) => vec![Far::Address(*address)],
            End::Outside(Endpoint::Host { name, address }) => vec![Far::Name(name, *address)],
            End::Outside(Endpoint::Entity(entity)) => vec![Far::Entity(what(*entity))],
        };
        fars.into_iter().map(|far| law::decide(policies, &self.side(direction, subject, far))).collect()
    }
}

/// Everything that an entity is: the API server runs on another node.
fn what(entity: Entity) -> &'static [Entity] {
    match entity {
        Entity::Host => &[Entity::Host],
        Entity::RemoteNode => &[Entity::RemoteNode],
        Entity::ApiServer => &[Entity::ApiServer, Entity::RemoteNode],
        Entity::Ingress => &[Entity::Ingress],
        Entity::Health => &[Entity::Health],
        Entity::Init => &[Entity::Init],
        Entity::Unmanaged => &[Entity::Unmanaged],
    }
}

/// What all readings say of one probe. 4.
fn cell(answers: &[Option<Pair<'_>>], probe: Probe, names: &Names) -> Cell {
    let told: Vec<Told> = answers.iter().flatten().map(|pair| pair.told(probe, names)).collect();
    let same = |of: fn(&Told) -> Option<bool>| {
        let mut all = told.iter().map(of);
        match all.next() {
            None => Verdict::NotApplicable,
            Some(Some(first)) if all.all(|one| one == Some(first)) => {
                if first {
                    Verdict::Yes
                } else {
                    Verdict::No
                }
            }
            Some(_) => Verdict::Ambiguous,
        }
    };
    let by: IndexSet<Sym> = told.iter().flat_map(|told| told.by.iter().cloned()).collect();
    Cell {
        egress: same(|told| told.egress),
        ingress: same(|told| told.ingress),
        allowed: same(|told| told.allowed),
        by: by.into_iter().collect(),
    }
}

/// What one reading says of one probe; `None`: that is not known.
struct Told {
    egress: Option<bool>,
    ingress: Option<bool>,
    allowed: Option<bool>,
    by: Vec<Sym>,
}

impl Pair<'_> {
    fn told(&self, probe: Probe, names: &Names) -> Told {
        let permits = |answers: &[Answer<'_>]| {
            let mut all = answers.iter().map(|answer| answer.permits(probe.protocol, probe.port));
            let first = all.next().unwrap_or(Some(true));
            if all.all(|one| one == first) { first } else { None }
        };
        let sides: Vec<[Option<bool>; 2]> =
            self.sides.iter().map(|[ingress, egress]| [permits(ingress), permits(egress)]).collect();
        let both = |[ingress, egress]: &[Option<bool>; 2]| match (ingress, egress) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let allowed = any(sides.iter().map(both));
        let ingress = any(sides.iter().map(|[ingress, _]| *ingress));
        let egress = any(sides.iter().map(|[_, egress]| *egress));
        let mut by: IndexSet<Sym> = IndexSet::new();
        for [of_ingress, of_egress] in &self.sides {
            // What is refused is told by the side that refuses.
            for (answers, verdict) in [(of_egress, egress), (of_ingress, ingress)] {
                if allowed != Some(false) || verdict != Some(true) {
                    by.extend(answers.iter().flat_map(|answer| deciding(answer, probe, names)));
                }
            }
        }
        Told { egress, ingress, allowed, by: by.into_iter().collect() }
    }
}

/// One of several is enough.
fn any(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let all: Vec<Option<bool>> = all.collect();
    match all.contains(&Some(true)) {
        true => Some(true),
        false if all.contains(&None) => None,
        false => Some(false),
    }
}

/// The policies that decide one probe.
fn deciding(answer: &Answer<'_>, probe: Probe, names: &Names) -> Vec<Sym> {
    let on = |traffic: &crate::verify::Traffic| {
        traffic.any().contains(probe.protocol, probe.port)
            || traffic.http().any(|(_, ports)| ports.contains(probe.protocol, probe.port))
    };
    let hits = answer.hits.iter().filter(|hit| hit.rule.action != Action::Pass && on(&hit.traffic));
    let named: Vec<Sym> = hits.map(|hit| names.get(hit.policy)).collect();
    match named.is_empty() {
        true if answer.permits(probe.protocol, probe.port) != Some(true) => {
            answer.ends.iter().map(|policy| names.get(policy)).collect()
        }
        _ => named,
    }
}

/// The names of all policies, each made once: there are as many answers as pairs of pods.
struct Names(HashMap<*const Policy, Sym>);

impl Names {
    fn of(readings: &[Reading]) -> Self {
        let policies = readings.iter().flat_map(|reading| &reading.policies);
        Self(policies.map(|policy| (std::ptr::from_ref(policy), name(policy))).collect())
    }

    fn get(&self, policy: &Policy) -> Sym {
        self.0.get(&std::ptr::from_ref(policy)).cloned().unwrap_or_else(|| name(policy))
    }
}

fn name(policy: &Policy) -> Sym {
    match &policy.namespace {
        Some(namespace) => format!("{namespace}/{}", policy.name).into(),
        None => policy.name.as_str().into(),
    }
}
