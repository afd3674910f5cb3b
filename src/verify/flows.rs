//! What a set of policies lets through, as a summary that two builds can be compared by.
//!
//! In: policies in the normal form. Out: [`Flows`], what may pass by source and destination, and the [`FlowChange`]s between
//! two of them. A flow between two isolated pods is open only where both sides allow it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ipnet::IpNet;
use rayon::prelude::*;

use super::normal::{Namespaces, Peer};
use super::relation::Relation;
use super::relation_of;
use super::sum::Policy;
use super::traffic::Traffic;
use crate::model::address::Block;
use crate::model::{Cidrs, Direction, Labels, Sym};

/// How many ends are named of those that pass beside a change.
const MAX_BESIDE: usize = 3;

/// In how many pieces a block is told of which a part was open before, or is open still.
const MAX_PIECES: usize = 8;

/// Open ports by source and destination.
#[derive(Debug, Clone, Default)]
pub struct Flows {
    open: BTreeMap<(Peer, Peer), Traffic>,
    /// What the policies say by namespace, for ends that no rule names together.
    sides: BTreeMap<Sym, Sides>,
}

/// How a flow changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It was not there before.
    Opened,
    /// More ports, none less. A flow that gains and loses ports counts as widened, as that is what a review looks for.
    Widened,
    /// Fewer ports, none more.
    Narrowed,
    /// It is no longer there.
    Closed,
}

/// One flow that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowChange {
    /// How it changed.
    pub kind: ChangeKind,
    /// The source, as people call it.
    pub from: String,
    /// The destination.
    pub to: String,
    /// What may pass now and could not before.
    pub added: Traffic,
    /// What could pass before and may no longer.
    pub removed: Traffic,
    /// What could pass before, and what may now.
    pub whole: (Traffic, Traffic),
    /// Source and destination as the policies have them; one of several, where they are told as one.
    pub ends: (Peer, Peer),
    /// Where one end is anywhere: the ends that may still connect, though not everybody may any more; or that could before
    /// everybody may. Else a reader would take all of it for closed, or for new.
    pub beside: Vec<String>,
}

/// What a namespace's policies say in each direction.
#[derive(Debug, Clone, Default)]
struct Sides {
    ingress: Relation,
    egress: Relation,
}

impl Sides {
    fn of(&self, direction: Direction) -> &Relation {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

impl Flows {
    /// The flows that some policies let through. One source and destination for each subject and peer of a rule.
    pub fn of(policies: &[Policy]) -> Self {
        let mut grouped: BTreeMap<&Sym, Vec<&Policy>> = BTreeMap::new();
        for policy in policies {
            // Guards deny; what they deny no policy allows.
            if let Some(namespace) = policy.namespace() {
                grouped.entry(namespace).or_default().push(policy);
            }
        }
        let sides: BTreeMap<Sym, Sides> = grouped
            .into_iter()
            .map(|(namespace, policies)| {
                let side = |direction| relation_of(policies.iter().copied(), direction);
                (namespace.clone(), Sides { ingress: side(Direction::Ingress), egress: side(Direction::Egress) })
            })
            .collect();

        let mut open = BTreeMap::new();
        for (namespace, of_namespace) in &sides {
            let pods = |labels: &Labels| Peer::Pods {
                namespaces: Namespaces::Named(Sym::clone(namespace)),
                labels: labels.clone(),
            };
            for (labels, allowed) in of_namespace.egress.subjects() {
                for (peer, ports) in allowed.ends() {
                    note(&mut open, &sides, pods(labels), peer, ports, Direction::Ingress);
                }
            }
            for (labels, allowed) in of_namespace.ingress.subjects() {
                for (peer, ports) in allowed.ends() {
                    note(&mut open, &sides, peer, pods(labels), ports, Direction::Egress);
                }
            }
        }
        Self { open, sides }
    }

    /// What may pass from every pod of one end to every one of the other, by whichever rules: a rule for more pods, or for more
    /// addresses, lets these through too. Where neither end is isolated, what rules name all the same.
    fn between(&self, key: &(Peer, Peer)) -> Traffic {
        let (from, to) = key;
        let leaves = half(&self.sides, from, to, Direction::Egress);
        let enters = half(&self.sides, to, from, Direction::Ingress);
        match (leaves, enters) {
            (Some(leaves), Some(enters)) => leaves.and(&enters),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => self.open.get(key).cloned().unwrap_or_default(),
        }
    }

    /// What is left of a key's block beside blocks that let some traffic pass already. `None` where there are none of these, or
    /// where the pieces are too many to tell.
    fn leaves_of(&self, key: &(Peer, Peer), traffic: &Traffic) -> Option<Vec<(Peer, Peer)>> {
        let (subject, cidr, except, direction) = match key {
            (subject, Peer::Block { cidr, except }) => (subject, cidr, except, Direction::Egress),
            (Peer::Block { cidr, except }, subject) => (subject, cidr, except, Direction::Ingress),
            _ => return None,
        };
        let Peer::Pods { namespaces: Namespaces::Named(namespace), labels } = subject else { return None };
        let relation = self.sides.get(namespace)?.of(direction);
        let allowed = relation.allowed(labels);
        let open = allowed.blocks().filter(|(range, _, ports)| {
            (range.contains(cidr) || cidr.contains(*range)) && traffic.minus(ports).is_empty()
        });
        let block = |cidr: &IpNet, except: &[IpNet]| {
            let mut except = except.to_vec();
            except.sort_unstable();
            Cidrs { blocks: vec![Block { cidr: *cidr, except }] }
        };
        let open: Vec<IpNet> = open.flat_map(|(range, holes, _)| block(range, holes).prefixes()).collect();
        if open.is_empty() {
            return None;
        }
        let rest = block(cidr, except).minus(&open).prefixes();
        let piece = |cidr: IpNet| {
            let piece = Peer::Block { cidr, except: vec![] };
            match direction {
                Direction::Egress => (key.0.clone(), piece),
                Direction::Ingress => (piece, key.1.clone()),
            }
        };
        (rest.len() <= MAX_PIECES).then(|| rest.into_iter().map(piece).collect())
    }

    /// Who passes beside everybody: of flows from or to anywhere, the other flows with the same end.
    fn beside(&self, changed: &BTreeSet<&(Peer, Peer)>) -> Beside<'_> {
        let mut beside = Beside::default();
        for (from, to) in changed {
            if *from == Peer::Anyone {
                beside.sources.entry(to.clone()).or_default();
            }
            if *to == Peer::Anyone {
                beside.destinations.entry(from.clone()).or_default();
            }
        }
        for ((from, to), traffic) in &self.open {
            if let Some(sources) = beside.sources.get_mut(to) {
                sources.push((from, traffic));
            }
            if let Some(destinations) = beside.destinations.get_mut(from) {
                destinations.push((to, traffic));
            }
        }
        beside
    }

    /// Source, destination and open ports, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Peer, &Peer, &Traffic)> {
        self.open.iter().map(|((from, to), ports)| (from, to, ports))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// Ends that pass beside everybody, by the other end.
#[derive(Default)]
struct Beside<'f> {
    sources: BTreeMap<Peer, Vec<(&'f Peer, &'f Traffic)>>,
    destinations: BTreeMap<Peer, Vec<(&'f Peer, &'f Traffic)>>,
}

impl Beside<'_> {
    /// Those of a flow that pass with some of this traffic, by name.
    fn of(&self, ends: &(Peer, Peer), traffic: &Traffic, name: &dyn Fn(&Peer) -> Option<String>) -> Vec<String> {
        let others = match ends {
            (Peer::Anyone, to) => self.sources.get(to),
            (from, Peer::Anyone) => self.destinations.get(from),
            _ => None,
        };
        let passes = |(end, open): &&(&Peer, &Traffic)| **end != Peer::Anyone && !open.and(traffic).is_empty();
        let names = others.into_iter().flatten().filter(passes).map(|(end, _)| describe(end, name));
        names.collect::<BTreeSet<String>>().into_iter().collect()
    }
}

/// Notes what one half lets through, as far as the `other` half does too.
fn note(
    open: &mut BTreeMap<(Peer, Peer), Traffic>,
    sides: &BTreeMap<Sym, Sides>,
    from: Peer,
    to: Peer,
    ports: &Traffic,
    other: Direction,
) {
    let (far, near) = match other {
        Direction::Ingress => (&to, &from),
        Direction::Egress => (&from, &to),
    };
    let ports = match half(sides, far, near, other) {
        Some(half) => ports.and(&half),
        None => ports.clone(),
    };
    if !ports.is_empty() {
        open.entry((from, to)).or_default().add(&ports);
    }
}

/// The ports that a pod of the far end has open towards the near end; `None` when it is not isolated here: outside of
/// these namespaces, or no pod.
fn half(sides: &BTreeMap<Sym, Sides>, far: &Peer, near: &Peer, direction: Direction) -> Option<Traffic> {
    let Peer::Pods { namespaces: Namespaces::Named(namespace), labels } = far else { return None };
    let of_namespace = sides.get(namespace)?;
    let relation = of_namespace.of(direction);
    if !relation.isolates(labels) {
        return None;
    }
    Some(relation.towards_all(labels, near))
}

/// What changed between two sets of policies, by source and destination as they are told. `name` gives an endpoint a
/// name where it has one; endpoints of one name that change alike are told once.
pub fn flow_changes(old: &Flows, new: &Flows, name: &(dyn Fn(&Peer) -> Option<String> + Sync)) -> Vec<FlowChange> {
    let keys = old.open.keys().chain(new.open.keys());
    let keys: BTreeSet<&(Peer, Peer)> = keys.filter(|key| old.open.get(*key) != new.open.get(*key)).collect();
    let (were, are) = (old.beside(&keys), new.beside(&keys));
    let mut changes: Vec<FlowChange> = keys
        .into_par_iter()
        .flat_map_iter(|key| {
            let (before, after) = (old.between(key), new.between(key));
            let (added, removed) = (after.minus(&before), before.minus(&after));
            let kind = match (before.is_empty(), after.is_empty(), added.is_empty(), removed.is_empty()) {
                (_, _, true, true) => return vec![],
                (true, ..) => ChangeKind::Opened,
                (_, true, ..) => ChangeKind::Closed,
                (_, _, false, _) => ChangeKind::Widened,
                _ => ChangeKind::Narrowed,
            };
            let pieces = match kind {
                ChangeKind::Opened => old.leaves_of(key, &added),
                ChangeKind::Closed => new.leaves_of(key, &removed),
                ChangeKind::Widened | ChangeKind::Narrowed => None,
            };
            let beside = match kind {
                ChangeKind::Opened => were.of(key, &added, name),
                ChangeKind::Closed => are.of(key, &removed, name),
                ChangeKind::Widened | ChangeKind::Narrowed => vec![],
            };
            let change = |ends: (Peer, Peer)| FlowChange {
                kind,
                beside: beside.clone(),
                from: describe(&ends.0, name),
                to: describe(&ends.1, name),
                added: added.clone(),
                removed: removed.clone(),
                whole: (before.clone(), after.clone()),
                ends,
            };
            pieces.unwrap_or_else(|| vec![key.clone()]).into_iter().map(change).collect()
        })
        .collect();
    changes.sort_by(|a, b| (&a.from, &a.to, a.kind, &a.ends).cmp(&(&b.from, &b.to, b.kind, &b.ends)));
    let told = |change: &FlowChange| (change.from.clone(), change.to.clone(), change.kind, change.ports());
    changes.dedup_by(|next, kept| told(next) == told(kept));
    changes
}

/// An endpoint as people call it.
pub fn describe(end: &Peer, name: &dyn Fn(&Peer) -> Option<String>) -> String {
    name(end).unwrap_or_else(|| match end {
        Peer::Anyone => "anywhere".to_owned(),
        Peer::Pods { namespaces: Namespaces::Named(namespace), labels } if labels.is_empty() => {
            format!("{namespace}/(every pod)")
        }
        Peer::Pods { namespaces: Namespaces::Named(namespace), labels } => format!("{namespace}/({labels})"),
        Peer::Pods { namespaces: Namespaces::Labelled(namespaces), labels } => {
            match (namespaces.is_empty(), labels.is_empty()) {
                (true, true) => "every pod".to_owned(),
                (true, false) => format!("pods ({labels}) of every namespace"),
                (false, true) => format!("every pod of namespaces ({namespaces})"),
                (false, false) => format!("pods ({labels}) of namespaces ({namespaces})"),
            }
        }
        Peer::Selected(pods) => format!("pods ({pods})"),
        Peer::Block { cidr, except } if except.is_empty() => cidr.to_string(),
        Peer::Block { cidr, except } => {
            let holes: Vec<String> = except.iter().map(ToString::to_string).collect();
            format!("{cidr} except {}", holes.join(", "))
        }
        Peer::Entity(entity) => entity.as_str().to_owned(),
        Peer::Name(name) => name.to_string(),
    })
}

/// Namespaces of which every pod was isolated in some direction, and is so no longer: all connections there open, which no
/// list of flows could tell.
pub fn released(old: &[Policy], new: &[Policy]) -> BTreeSet<Sym> {
    let isolated = |policies: &[Policy]| -> BTreeSet<(Sym, Direction)> {
        let whole = policies.iter().filter(|policy| policy.subject.is_empty());
        whole
            .filter_map(|policy| Some((policy.namespace()?, policy)))
            .flat_map(|(namespace, policy)| policy.isolates.iter().map(|d| (namespace.clone(), *d)))
            .collect()
    };
    isolated(old).difference(&isolated(new)).map(|(namespace, _)| namespace.clone()).collect()
}

impl ChangeKind {
    /// `opened`, `widened`, `narrowed` or `closed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Widened => "widened",
            Self::Narrowed => "narrowed",
            Self::Closed => "closed",
        }
    }
}

impl FlowChange {
    /// The ports: `80/TCP`, or `80/TCP (still open: internet)`; of a flow that changed, what it gains and loses: `+8080/TCP
    /// -80/TCP`. Where HTTP requests are told apart, what was and what is: `80/TCP → 80/TCP (GET /)`.
    pub fn ports(&self) -> String {
        match self.kind {
            ChangeKind::Opened => format!("{}{}", self.added, self.beside("open before")),
            ChangeKind::Closed => format!("{}{}", self.removed, self.beside("still open")),
            _ if self.whole.0.http().chain(self.whole.1.http()).next().is_some() => {
                format!("{} → {}", self.whole.0, self.whole.1)
            }
            ChangeKind::Widened | ChangeKind::Narrowed => {
                let signed = |sign: char, ports: &Traffic| (!ports.is_empty()).then(|| format!("{sign}{ports}"));
                let parts = [signed('+', &self.added), signed('-', &self.removed)];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
        }
    }

    fn beside(&self, what: &str) -> String {
        let more = self.beside.len().saturating_sub(MAX_BESIDE);
        let names: Vec<&str> = self.beside.iter().take(MAX_BESIDE).map(String::as_str).collect();
        match (names.is_empty(), more) {
            (true, _) => String::new(),
            (_, 0) => format!(" ({what}: {})", names.join(", ")),
            (_, more) => format!(" ({what}: {} and {more} more)", names.join(", ")),
        }
    }
}

/// `web → api 80/TCP`
impl fmt::Display for FlowChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {} {}", self.from, self.to, self.ports())
    }
}
