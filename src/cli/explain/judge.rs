//! What the policies of one dialect say of one pair of ends, and what the intents do.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::resolve::{Spot, What};
use super::written::Place;
use crate::dialects::{About, describe};
use crate::model::{Direction, EdgeId, Model, NAMESPACE_NAME, Origin};
use crate::pipeline::Compiled;
use crate::source::Sources;
use crate::verify::law::{self, Answer, Far, NamedPorts, Pod, Side};
use crate::verify::normal::{Action, Capabilities, Engine, Entity, Policy};
use crate::verify::{Asked, PortSet, Traffic};

/// What is asked of every dialect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'q> {
    pub(super) from: &'q Spot,
    pub(super) to: &'q Spot,
    /// `None`: whatever may pass.
    pub(super) ports: Option<&'q PortSet>,
}

/// What may be said of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Allowed,
    /// Some of the ports.
    Partly,
    Denied,
    /// It hangs on what policies do not tell.
    Unclear,
}

/// What one dialect says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) dialect: &'static str,
    pub(super) verdict: Verdict,
    /// What may pass for sure, of what was asked.
    pub(super) passes: Traffic,
    pub(super) source: SideView,
    pub(super) destination: SideView,
}

/// What it says on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SideView {
    pub(super) direction: Direction,
    /// Why nothing is policed there.
    pub(super) unpoliced: Option<String>,
    /// What may pass there for sure.
    pub(super) passes: Traffic,
    /// The rules that decide, those of one policy together.
    pub(super) rules: Vec<Decides>,
    /// The policy that denies what no rule allows, where something is denied so.
    pub(super) closes: Option<(String, Place)>,
}

/// A policy that decides something by its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decides {
    pub(super) action: Action,
    pub(super) policy: String,
    pub(super) place: Place,
    pub(super) traffic: Traffic,
    pub(super) staged: bool,
}

/// A line of the intents that asks for some of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AskedBy {
    pub(super) origin: Origin,
    /// The side on which alone it asks for it, while the other one is policed too.
    pub(super) only: Option<Direction>,
}

/// A pair of ends as a dialect with some capabilities sees it.
struct Pair<'q> {
    question: Question<'q>,
    can: Capabilities,
    pod_ranges: &'q [IpNet],
    from: Seen<'q>,
    to: Seen<'q>,
}

/// An end that a target knows by other things than the command line.
enum Seen<'q> {
    As(Far<'q>),
    Entities(Vec<Entity>),
}

impl<'q> Pair<'q> {
    fn new(question: Question<'q>, can: Capabilities, model: &'q Model) -> Self {
        let seen = |spot: &'q Spot| seen(spot, can, model);
        let (from, to) = (seen(question.from), seen(question.to));
        Self { question, can, pod_ranges: &model.profile.pod_cidrs, from, to }
    }

    /// One side as the law asks for it; `None`: what is no pod is not policed.
    fn side<'s>(&'s self, direction: Direction, all_ports: &'s NamedPorts) -> Option<Side<'s>> {
        let (own, other) = match direction {
            Direction::Egress => (self.question.from, &self.to),
            Direction::Ingress => (self.question.to, &self.from),
        };
        let What::Pod(subject) = &own.what else { return None };
        let other = match other {
            Seen::As(far) => *far,
            Seen::Entities(entities) => Far::Entity(entities),
        };
        // A pattern is what an external means by it, and no host.
        let names_are_symbols = matches!(other, Far::Name(name, _) if name.contains('*'));
        Some(Side {
            engine: Engine::of(self.can),
            direction,
            subject,
            other,
            all_ports,
            pod_ranges: Some(self.pod_ranges),
            names_are_symbols,
        })
    }
}

fn seen<'q>(spot: &'q Spot, can: Capabilities, model: &Model) -> Seen<'q> {
    let profile = &model.profile;
    match &spot.what {
        What::Pod(pod) => Seen::As(Far::Pod(pod)),
        What::Host(name, address) => Seen::As(Far::Name(name, *address)),
        What::Anyone => Seen::As(Far::Elsewhere),
        What::Node if can.entities => Seen::Entities(vec![Entity::RemoteNode]),
        What::ApiServer if can.entities => Seen::Entities(vec![Entity::ApiServer]),
        What::Node => first(&profile.node_cidrs),
        What::ApiServer => first(&profile.api_server_cidrs),
        What::Address(address) => {
            let within = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(address));
            let node = within(&profile.node_cidrs).then_some(Entity::RemoteNode);
            let server = within(&profile.api_server_cidrs).then_some(Entity::ApiServer);
            match node.into_iter().chain(server).collect::<Vec<_>>() {
                entities if can.entities && !entities.is_empty() => Seen::Entities(entities),
                _ => Seen::As(Far::Address(*address)),
            }
        }
    }
}

/// Addresses that nobody told are those of no rule but one for everyone.
fn first<'q>(ranges: &[IpNet]) -> Seen<'q> {
    Seen::As(ranges.first().map_or(Far::Elsewhere, |range| Far::Address(range.addr())))
}

/// What the policies of a dialect say.
pub(super) fn judge(
    question: Question<'_>,
    model: &Model,
    can: Capabilities,
    done: &Compiled,
    sources: &Sources,
) -> Judged {
    let pair = Pair::new(question, can, model);
    let asked = asked(question.ports);
    let view = |direction| {
        let ports = NamedPorts::default();
        let Some(side) = pair.side(direction, &ports) else { return (free(&pair, direction), Traffic::every()) };
        let policies = law::in_order(done.policies.iter().filter(|policy| law::governs(policy, &side)));
        if policies.is_empty() {
            let unpoliced = Some(ungoverned(model, side.subject));
            return (SideView { unpoliced, ..free(&pair, direction) }, Traffic::every());
        }
        let answer = law::decide(&policies, &side);
        let mut view = policed(direction, &answer, &asked, sources);
        // Guards for something else leave it open.
        let untouched = view.rules.is_empty() && view.closes.is_none();
        view.unpoliced = untouched.then(|| ungoverned(model, side.subject));
        (view, answer.perhaps)
    };
    let ((source, may_leave), (destination, may_enter)) = (view(Direction::Egress), view(Direction::Ingress));
    let passes = source.passes.and(&destination.passes).and(&asked);
    let perhaps = may_leave.and(&may_enter).and(&asked);
    let verdict = verdict(question.ports, &passes, &perhaps);
    Judged { dialect: done.proved.dialect, verdict, passes, source, destination }
}

/// What is asked about, as traffic.
fn asked(ports: Option<&PortSet>) -> Traffic {
    ports.map_or_else(Traffic::every, |ports| ports.clone().into())
}

/// Requests count as the port that they are sent to.
fn verdict(ports: Option<&PortSet>, passes: &Traffic, perhaps: &Traffic) -> Verdict {
    let mut open = passes.any().clone();
    passes.http().for_each(|(_, ports)| open.add(ports));
    match ports {
        _ if perhaps.is_empty() => Verdict::Denied,
        _ if passes.is_empty() => Verdict::Unclear,
        Some(asked) if !asked.minus(&open).is_empty() => Verdict::Partly,
        Some(_) | None => Verdict::Allowed,
    }
}

/// The side of what is no pod.
fn free(pair: &Pair<'_>, direction: Direction) -> SideView {
    let end = match direction {
        Direction::Egress => pair.question.from,
        Direction::Ingress => pair.question.to,
    };
    let why = match &end.what {
        What::Address(_) | What::Host(..) => "it is outside of the cluster",
        What::Anyone => "it may be anyone",
        What::Pod(_) | What::Node | What::ApiServer => "it is no pod",
    };
    SideView { direction, unpoliced: Some(why.to_owned()), passes: Traffic::every(), rules: vec![], closes: None }
}

/// Why no policy governs a pod.
fn ungoverned(model: &Model, pod: &Pod) -> String {
    match pod.namespace.get(NAMESPACE_NAME) {
        Some(name) if model.is_managed(name) => format!("no policy governs this side of pods of {name}"),
        Some(name) => format!("no intent manages the namespace {name}"),
        None => "no intent manages its namespace".to_owned(),
    }
}

fn policed(direction: Direction, answer: &Answer<'_>, asked: &Traffic, sources: &Sources) -> SideView {
    let mut rules: Vec<Decides> = vec![];
    for hit in answer.hits.iter().filter(|hit| hit.rule.action != Action::Pass) {
        let traffic = hit.traffic.and(asked);
        if traffic.is_empty() {
            continue;
        }
        let is = |one: &&mut Decides| one.policy == hit.policy.name && one.action == hit.rule.action;
        match rules.iter_mut().find(is) {
            Some(one) => one.traffic.add(&traffic),
            None => rules.push(Decides {
                action: hit.rule.action,
                policy: hit.policy.name.clone(),
                place: Place::of(sources, hit.rule.span),
                traffic,
                staged: hit.policy.staged,
            }),
        }
    }
    let passes = answer.sure.and(asked);
    let closes = closing(answer).filter(|_| !asked.minus(&passes).is_empty());
    let closes = closes.map(|policy| (policy.name.clone(), Place::of(sources, policy.span)));
    SideView { direction, unpoliced: None, passes, rules, closes }
}

/// Of the policies at whose end something is denied, the one that is there for it: it has no rules.
fn closing<'p>(answer: &Answer<'p>) -> Option<&'p Policy> {
    answer.ends.iter().find(|policy| policy.rules.is_empty()).or(answer.ends.first()).copied()
}

/// What the intents say of a question.
#[derive(Debug)]
pub(super) struct Intended {
    /// They allow all of it, or something where no port was named.
    pub(super) allowed: bool,
    /// The sides on which they do not.
    pub(super) lacks: Vec<Direction>,
    /// What asks for some of it.
    pub(super) by: Vec<AskedBy>,
}

/// Asks the intents, as a dialect of some capabilities sees the ends.
pub(super) fn intended(question: Question<'_>, model: &Model, can: Capabilities, intents: &Asked) -> Intended {
    let pair = Pair::new(question, can, model);
    let asked = asked(question.ports);
    let mut passes = asked.clone();
    let (mut lacks, mut policed) = (vec![], 0);
    let mut sides: BTreeMap<Origin, Vec<Direction>> = BTreeMap::new();
    let is_allowed = |passes: &Traffic| verdict(question.ports, passes, passes) == Verdict::Allowed;
    for direction in [Direction::Egress, Direction::Ingress] {
        let ports = NamedPorts::default();
        let Some(side) = pair.side(direction, &ports) else { continue };
        let (sure, origins) = intents.on(&side);
        let sure = sure.and(&asked);
        lacks.extend((!is_allowed(&sure)).then_some(direction));
        passes = passes.and(&sure);
        policed += usize::from(is_managed(model, side.subject));
        for (origin, traffic) in origins {
            let origin = match origin {
                Origin::Scraper(tier) => Origin::Metrics(tier),
                other => other,
            };
            let of = sides.entry(origin).or_default();
            if !traffic.and(&asked).is_empty() && !of.contains(&direction) {
                of.push(direction);
            }
        }
    }
    let by = sides.into_iter().filter(|(_, sides)| !sides.is_empty()).map(|(origin, sides)| {
        let only = sides.first().copied().filter(|_| policed > sides.len());
        AskedBy { origin, only }
    });
    Intended { allowed: is_allowed(&passes), lacks, by: by.collect() }
}

/// Whether an intent manages a pod's namespace.
pub(super) fn is_managed(model: &Model, pod: &Pod) -> bool {
    pod.namespace.get(NAMESPACE_NAME).is_some_and(|name| model.is_managed(name))
}

/// What dialects say otherwise than some edges mean it: `http-as-l4 (wider): web -> api: GET /`, and which dialects.
pub(super) fn approximated(
    model: &Model,
    edges: &[EdgeId],
    compiled: &[&Compiled],
) -> Vec<(String, Vec<&'static str>)> {
    let mut out: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for done in compiled {
        for lost in &done.proved.approximations {
            if matches!(lost.about, About::Edge(edge) if edges.contains(&edge)) {
                out.entry(describe(model, lost)).or_default().push(done.proved.dialect);
            }
        }
    }
    out.into_iter().collect()
}
