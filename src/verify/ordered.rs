//! The proof where policies do not add up: class by class, each difference as a mismatch that a person can follow.
//!
//! In: the policies of the namespaces in which order, or a selector that is no equality, decides, and what the intent means
//! there. Out: the same mismatches as where policies add up.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::allowed::Other;
use super::compare::{self, Both, Difference, End, World};
use super::expected::Terms;
use super::guards::Guarded;
use super::law::{self, Far, Hit, NamedPort, NamedPorts, Pod, Side};
use super::meant::Meant;
use super::normal::{Action, Engine, Namespaces, Peer, Policy, Rule, Selector};
use super::traffic::Traffic;
use super::witness::{Allows, Mismatch, Unclear, Witness};
use super::{guards, names, sum};
use crate::model::{Direction, Labels, Model, NAMESPACE_NAME, NamespaceSet, Origin, Sym};

/// The mismatches of some managed namespaces, and with `beyond` of all that no intent manages.
pub(super) fn mismatches(
    terms: Terms<'_>,
    engine: Engine,
    policies: &[Policy],
    namespaces: &BTreeSet<Sym>,
    beyond: bool,
) -> Vec<Mismatch> {
    let meant = Meant::of(terms);
    let ports = |pod: &Pod| ports_of(terms.model, pod);
    let naming = naming(terms.model);
    let said = law::in_order(policies);
    let wanted = law::in_order(&meant.policies);
    let all = || said.iter().chain(&wanted);
    let known: BTreeSet<&Sym> =
        all().flat_map(|policy| compare::names(policy).into_iter().chain(compare::listed(policy))).collect();
    let by_name: BTreeSet<&Sym> = known.iter().copied().chain(terms.model.namespaces.keys()).collect();
    let world = World {
        // The intents say nothing of what a node may do by itself: rules are compared with what they say.
        engine: Engine { own_node_enters: false, ..engine },
        entities: terms.can.entities,
        pod_ranges: &terms.model.profile.pod_cidrs,
        ports: &ports,
        naming: &naming,
        apart: &by_name,
    };
    let mut places: Vec<Option<&Sym>> = namespaces.iter().map(Some).collect();
    if beyond {
        let managed = &terms.model.namespaces;
        places.extend(known.iter().filter(|name| !managed.contains_key(**name)).map(|name| Some(*name)));
        places.push(None);
    }
    let asked = all().flat_map(|policy| compare::names_of_others(policy));
    let tell = Tell { terms, meant: &meant, known: &known.iter().copied().chain(asked).collect() };
    let found: Vec<Vec<Mismatch>> = places
        .par_iter()
        .map(|place| {
            let is = |policy: &&&Policy| compare::names(policy).is_none_or(|name| Some(name) == *place);
            let said: Vec<&Policy> = said.iter().filter(is).copied().collect();
            let wanted: Vec<&Policy> = wanted.iter().filter(is).copied().collect();
            let both = Both { said: &said, meant: &wanted };
            let found = compare::differences(world, both, *place).and_then(|differences| {
                let mut found = tell.all(*place, &differences);
                if let Some(namespace) = place.filter(|name| terms.model.namespaces.contains_key(*name)) {
                    for direction in [Direction::Ingress, Direction::Egress] {
                        let classes = compare::governing(world, both, namespace, direction)?;
                        found.extend(cut(terms, namespace, direction, &classes));
                        if direction == Direction::Egress {
                            found.extend(unlearned(terms, namespace, classes));
                        }
                    }
                }
                Ok(found)
            });
            match found {
                Ok(found) => found,
                Err(many) => vec![Mismatch::TooMany {
                    namespace: place.cloned(),
                    selector: many.at.to_string(),
                    near: said.iter().find(|policy| policy.subject == many.at).map(|policy| policy.span),
                }],
            }
        })
        .collect();
    found.into_iter().flatten().collect()
}

/// What keeps host names unknown, for each class of pods by itself.
fn unlearned(terms: Terms<'_>, namespace: &Sym, classes: Vec<Vec<&Policy>>) -> Vec<Mismatch> {
    let about_names = |rule: &Rule| rule.dns_proxy || rule.peers.iter().any(|peer| matches!(peer, Peer::Name(_)));
    let mut out = vec![];
    for governing in classes {
        if !governing.iter().flat_map(|policy| &policy.rules).any(about_names) {
            continue;
        }
        // Of one class every policy is for all.
        let allows = |policy: &&Policy| sum::Policy {
            name: policy.name.clone(),
            scope: sum::Scope::Namespace(namespace.clone()),
            cluster_scoped: policy.namespace.is_none(),
            subject: Labels::default(),
            isolates: vec![],
            rules: policy.rules.iter().filter(|rule| rule.action == Action::Allow).cloned().collect(),
            denies: vec![],
            staged: policy.staged,
            span: policy.span,
        };
        let policies: Vec<sum::Policy> = governing.iter().map(allows).collect();
        let found = names::unlearned(terms, namespace, &policies.iter().collect::<Vec<_>>());
        out.extend(found.into_iter().filter(|mismatch| !out.contains(mismatch)).collect::<Vec<_>>());
    }
    out
}

/// Denials that may take from what is allowed, although their other ends are told apart, for each class of pods by itself.
fn cut(terms: Terms<'_>, namespace: &Sym, direction: Direction, classes: &[Vec<&Policy>]) -> Vec<Mismatch> {
    let mut out = vec![];
    for governing in classes {
        let rules = |action| {
            let all = governing.iter().flat_map(|policy| policy.rules.iter().map(move |rule| (*policy, rule)));
            all.filter(move |(_, rule)| rule.action == action && rule.direction == direction)
        };
        for (denying, deny) in rules(Action::Deny) {
            let place = |policy: &Policy| (policy.rank.tier, policy.rank.order);
            let later = |(policy, _): &(&Policy, &Rule)| place(denying) <= place(policy);
            let met =
                rules(Action::Allow).filter(later).find(|(_, allow)| guards::meets_unseen(terms.can, deny, allow));
            let mismatch = met.map(|(policy, allow)| Mismatch::Cut {
                namespace: namespace.clone(),
                policy: policy.name.clone(),
                by: denying.name.clone(),
                span: allow.span,
                deny: deny.span,
            });
            out.extend(mismatch.filter(|mismatch| !out.contains(mismatch)));
        }
    }
    out
}

/// The pods of tiers that give names to ports.
fn naming(model: &Model) -> Vec<Selector> {
    let tiers = model.tiers.iter().filter(|tier| !tier.port_names.is_empty());
    tiers
        .flat_map(|tier| match &tier.pods.namespaces {
            NamespaceSet::Names(names) => {
                names.iter().map(|name| Selector::of_namespace(name.clone(), tier.pods.labels.clone())).collect()
            }
            NamespaceSet::All | NamespaceSet::Labels(_) => vec![],
        })
        .collect()
}

/// The names that tiers give to the ports of a pod. Others may be there, too.
pub(super) fn ports_of(model: &Model, pod: &Pod) -> NamedPorts {
    let Some(namespace) = pod.namespace.get(NAMESPACE_NAME) else { return NamedPorts::default() };
    let of = model.tiers.iter().filter(|tier| {
        matches!(&tier.pods.namespaces, NamespaceSet::Names(names) if names.contains(namespace))
            && tier.pods.labels.is_subset_of(&pod.labels)
    });
    let known = of
        .flat_map(|tier| &tier.port_names)
        .flat_map(|(name, range)| {
            let one = |number| NamedPort { name: name.clone(), protocol: range.protocol, number };
            (range.first..=range.last).map(one).collect::<Vec<_>>()
        })
        .collect();
    NamedPorts { known, whole: false }
}

/// How differences are told.
struct Tell<'a> {
    terms: Terms<'a>,
    meant: &'a Meant,
    known: &'a BTreeSet<&'a Sym>,
}

impl Tell<'_> {
    fn all(&self, place: Option<&Sym>, differences: &[Difference<'_>]) -> Vec<Mismatch> {
        let managed = place.is_some_and(|name| self.terms.model.namespaces.contains_key(name));
        let mut out: Vec<Mismatch> = vec![];
        let mut blamed: BTreeSet<(Direction, Blame)> = BTreeSet::new();
        for difference in differences {
            let told = match (managed, place) {
                (true, Some(namespace)) => self.managed(namespace, difference),
                _ => self.beyond(place, difference),
            };
            let fresh = told.into_iter().filter(|(blame, _)| blamed.insert((difference.direction, blame.clone())));
            out.extend(fresh.map(|(_, mismatch)| mismatch).collect::<Vec<_>>());
        }
        out
    }

    /// Who is to blame, and for what; one of each is enough.
    fn managed(&self, namespace: &Sym, difference: &Difference<'_>) -> Vec<(Blame, Mismatch)> {
        let Difference { direction, subject, extra, missing, unclear, said, meant, .. } = difference;
        let mut out = vec![];
        let other = self.other(&difference.other);
        let witness = |traffic: &Traffic, allows| {
            let (protocol, port, request) = traffic.first()?;
            Some(Mismatch::Flow(Witness {
                direction: *direction,
                namespace: namespace.clone(),
                labels: subject.labels.clone(),
                other: other.clone(),
                protocol,
                port,
                request: request.cloned(),
                allows,
                far: None,
            }))
        };
        if !extra.is_empty() {
            let hit = first(&said.hits, Action::Allow, extra);
            match hit {
                Some(hit) if extra.first().is_none() => out.push((
                    Blame::Policy(hit.policy.name.clone()),
                    Mismatch::Protocols {
                        namespace: namespace.clone(),
                        policy: hit.policy.name.clone(),
                        span: hit.rule.span,
                    },
                )),
                Some(hit) => {
                    let allows = Allows::Policy { name: hit.policy.name.clone(), span: hit.rule.span };
                    let blame = Blame::Policy(hit.policy.name.clone());
                    out.extend(witness(extra, allows).map(|mismatch| (blame, mismatch)));
                }
                None if subject.labels.is_empty() => out.push((
                    Blame::Nobody,
                    Mismatch::Open { namespace: namespace.clone(), direction: *direction, near: None },
                )),
                None => out.extend(witness(extra, Allows::Unpoliced).map(|mismatch| (Blame::Nobody, mismatch))),
            }
        }
        if !missing.is_empty() {
            let origin = first(&meant.hits, Action::Allow, missing).and_then(|hit| self.meant.origin(hit.policy));
            if let Some(origin) = origin {
                let by = first(&said.hits, Action::Deny, missing);
                let by = by.map(|hit| (hit.policy.name.clone(), hit.rule.span));
                let told = witness(missing, Allows::Intent { origin, denied: by });
                out.extend(told.map(|mismatch| (Blame::Intent(origin), mismatch)));
            }
        }
        if out.is_empty() && !unclear.is_empty() {
            let (why, hit) = why_unclear(&said.hits, unclear);
            let policy = hit.map(|hit| hit.policy.name.clone());
            out.push((
                policy.clone().map_or(Blame::Nobody, Blame::Policy),
                Mismatch::Unclear {
                    namespace: namespace.clone(),
                    labels: subject.labels.clone(),
                    direction: *direction,
                    other: other.clone(),
                    traffic: unclear.clone(),
                    policy,
                    why,
                    span: hit.map(|hit| hit.rule.span),
                },
            ));
        }
        if out.is_empty() {
            let near = said.hits.first().map(|hit| hit.policy.span);
            let mismatch = Mismatch::Unexplained { namespace: namespace.clone(), direction: *direction, near };
            out.push((Blame::Nobody, mismatch));
        }
        out
    }

    /// Where nothing is managed, only guards may do anything.
    fn beyond(&self, place: Option<&Sym>, difference: &Difference<'_>) -> Vec<(Blame, Mismatch)> {
        let Difference { direction, subject, extra, missing, said, .. } = difference;
        let namespace = place.cloned();
        let (direction, other) = (*direction, self.other(&difference.other));
        let mut out = vec![];
        if !extra.is_empty() {
            let what = Guarded::LetsThrough { namespace: namespace.clone(), other, traffic: extra.clone(), direction };
            out.push((Blame::Nobody, Mismatch::Guard { policy: None, what, span: None }));
        } else if !missing.is_empty() || !difference.unclear.is_empty() {
            let hit = first(&said.hits, Action::Deny, missing);
            let policy = hit.map(|hit| hit.policy).or(said.ends.first().copied());
            let what = match hit {
                Some(_) => {
                    let (labels, traffic) = (subject.labels.clone(), missing.clone());
                    Guarded::Denies { namespace, labels, other, traffic, direction }
                }
                None => Guarded::Isolates { namespace, direction },
            };
            let name = policy.map(|policy| policy.name.clone());
            let blame = name.clone().map_or(Blame::Nobody, Blame::Policy);
            let span = hit.map(|hit| hit.rule.span).or(policy.map(|policy| policy.span));
            out.push((blame, Mismatch::Guard { policy: name, what, span }));
        }
        out
    }

    fn other(&self, end: &End) -> Other {
        match end {
            End::Elsewhere => Other::Elsewhere,
            End::Address(address) => Other::Address(*address),
            End::Entity(entity) => Other::Entity(*entity),
            End::Name(name) => Other::Name(name.clone()),
            End::Pod(pod) => Other::Pod(self.namespaces(&pod.namespace), pod.labels.clone()),
        }
    }

    fn namespaces(&self, labels: &Labels) -> Namespaces {
        match labels.get(NAMESPACE_NAME) {
            Some(name) if self.known.contains(name) || self.terms.model.namespaces.contains_key(name) => {
                Namespaces::Named(name.clone())
            }
            // A name that nothing asks for stands for every other one.
            _ => {
                let rest = labels.iter().filter(|(key, _)| &***key != NAMESPACE_NAME);
                Namespaces::Labelled(Labels::new(rest.map(|(key, value)| (key.clone(), value.clone()))))
            }
        }
    }
}

/// What one difference is told for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Blame {
    Nobody,
    Policy(String),
    Intent(Origin),
}

/// The first rule with an action that decides some of the traffic.
fn first<'h, 'p>(hits: &'h [Hit<'p>], action: Action, traffic: &Traffic) -> Option<&'h Hit<'p>> {
    hits.iter().find(|hit| hit.rule.action == action && !hit.traffic.and(traffic).is_empty())
}

/// What is not known of it.
fn why_unclear<'h, 'p>(hits: &'h [Hit<'p>], traffic: &Traffic) -> (Unclear, Option<&'h Hit<'p>>) {
    let about = || hits.iter().filter(|hit| !hit.traffic.and(traffic).is_empty());
    let is_block = |hit: &&Hit<'_>| {
        let demanded = hit.rule.demands.iter().chain(&hit.rule.own).flat_map(|demand| &demand.peers);
        hit.rule.peers.iter().chain(demanded).any(|peer| matches!(peer, Peer::Block { .. }))
    };
    if let Some(hit) = about().find(|hit| hit.rule.provided.is_some()) {
        return (Unclear::Provided(hit.rule.provided.unwrap_or_default()), Some(hit));
    }
    let named = about().find(|hit| !hit.rule.named.is_empty() || !hit.rule.except_named.is_empty());
    if let Some(hit) = named {
        let name = hit.rule.named.iter().chain(&hit.rule.except_named).next();
        return (Unclear::Port(name.map(|(_, name)| name.clone()).unwrap_or_default()), Some(hit));
    }
    match about().find(is_block) {
        Some(hit) => (Unclear::Addresses, Some(hit)),
        None => (Unclear::Tier, about().next()),
    }
}

/// Whether the other side of each flow lets it through too, where the other end is a pod of a managed namespace.
pub(super) fn look_across(engine: Engine, model: &Model, policies: &[Policy], mismatches: &mut [Mismatch]) {
    if !mismatches.iter().any(|mismatch| matches!(mismatch, Mismatch::Flow(_))) {
        return;
    }
    let all = law::in_order(policies);
    let pod = |namespace: &Sym, labels: &Labels| {
        let mut pod = Pod {
            namespace: Labels::new([(NAMESPACE_NAME.into(), namespace.clone())]),
            labels: labels.clone(),
            ..Pod::default()
        };
        pod.ports = ports_of(model, &pod);
        pod
    };
    for mismatch in mismatches {
        let Mismatch::Flow(witness) = mismatch else { continue };
        let Other::Pod(Namespaces::Named(namespace), labels) = &witness.other else { continue };
        if !model.namespaces.contains_key(namespace) {
            continue;
        }
        let (far, near) = (pod(namespace, labels), pod(&witness.namespace, &witness.labels));
        let side = Side {
            engine,
            direction: witness.direction.other(),
            subject: &far,
            other: Far::Pod(&near),
            all_ports: &NamedPorts::default(),
            pod_ranges: Some(&model.profile.pod_cidrs),
            names_are_symbols: true,
        };
        let about = |policy: &&&Policy| compare::names(policy).is_none_or(|name| name == namespace);
        let about: Vec<&Policy> = all.iter().filter(about).copied().collect();
        witness.far = law::decide(&about, &side).permits(witness.protocol, witness.port);
    }
}
