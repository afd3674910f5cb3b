//! Policies as sums: what most policies amount to, and what can be compared at once for a whole mesh.
//!
//! In: policies in the normal form. Out: for each that is simple enough, a [`Policy`] whose allows are added and whose denies
//! beat every allow; and the namespaces in which order, or a condition that is no equality, decides. Those are compared class
//! by class.
//!
//! 1. What allows adds up, if everything that denies all else (a rule about all traffic, or the end of a tier) is asked after
//!    every policy that allows something to the same pods. Then it is isolation.
//! 2. A denial of something beats every allow, if it is asked before every policy that allows something to the same pods.
//! 3. At equal orders nothing is asked first: where it would decide, nothing adds up.
//! 4. A tier whose end nobody knows isolates only by a rule that denies everything, which all its pods must meet.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::normal::{self, Action, Condition, End, Key, Namespaces, Peer, Ports, Rank, Rule, Selector, Test};
use super::ports::PortSet;
use crate::model::{Direction, Labels, NAMESPACE_NAME, Sym};
use crate::source::Span;

/// One policy object, or one of several that an object stands for. Policies add up: what any of them allows is allowed,
/// less what any of them denies.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Name of the object.
    pub name: String,
    /// In which namespaces its pods are.
    pub scope: Scope,
    /// Whether the object itself is in no namespace, so that its name is taken in the whole cluster.
    pub cluster_scoped: bool,
    /// Labels of the governed pods; empty: every pod of the namespaces.
    pub subject: Labels,
    /// Directions in which its pods are isolated, rules or not.
    pub isolates: Vec<Direction>,
    /// What it allows.
    pub rules: Vec<Rule>,
    /// What it denies, whatever this or another policy allows.
    pub denies: Vec<Rule>,
    /// It only reports: it says what it would enforce.
    pub staged: bool,
    /// Where the object starts.
    pub span: Span,
}

/// Namespaces that a policy governs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One.
    Namespace(Sym),
    /// Every one but these.
    AllBut(BTreeSet<Sym>),
}

impl Policy {
    /// The one namespace that it governs, if it is one.
    pub fn namespace(&self) -> Option<&Sym> {
        match &self.scope {
            Scope::Namespace(name) => Some(name),
            Scope::AllBut(_) => None,
        }
    }
}

/// Policies that add up, and where others do not.
#[derive(Debug, Default)]
pub struct Sums {
    /// What each policy says that says it by equalities alone, as if policies added up.
    pub policies: Vec<Policy>,
    /// How many policies say it otherwise.
    pub omitted: usize,
    /// Namespaces in which something does not add up.
    pub ordered: BTreeSet<Sym>,
    /// Something that governs many namespaces does not add up, so nowhere does anything.
    pub everywhere: bool,
}

impl Sums {
    /// Whether all of them add up.
    pub fn adds_up(&self) -> bool {
        self.omitted == 0 && self.ordered.is_empty() && !self.everywhere
    }
}

/// That a policy denies in one direction, as far as its tier tells what it can take away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Denial {
    direction: Direction,
    tier: u32,
    /// It denies something.
    denies: bool,
    /// It denies everything that no earlier policy decided.
    closes: bool,
    /// So does the end of its tier.
    ends: bool,
}

/// What policies deny.
pub(super) fn denials(policies: &[normal::Policy]) -> Vec<Denial> {
    let of = |policy: &normal::Policy, direction: Direction| {
        let mut denials = policy.rules.iter().filter(|rule| rule.direction == direction && rule.action == Action::Deny);
        let closes = denials.clone().any(closes_all);
        let denies = denials.any(|rule| !closes_all(rule));
        Denial { direction, tier: policy.rank.tier, denies, closes, ends: policy.rank.end == End::Denies }
    };
    policies.iter().flat_map(|policy| policy.isolates.iter().map(move |direction| of(policy, *direction))).collect()
}

/// Whether some denial may stand on the wrong side of what policies allow, by their tiers alone: 1 to 3.
pub(super) fn may_be_cut(policies: &[normal::Policy], denials: &[Denial]) -> bool {
    let cuts = |denial: &Denial, tier: u32| {
        denial.ends && tier > denial.tier
            || denial.closes && tier >= denial.tier
            || denial.denies && tier <= denial.tier
    };
    !denials.is_empty()
        && policies.iter().any(|policy| {
            denials.iter().any(|denial| {
                let allows = |rule: &Rule| rule.action == Action::Allow && rule.direction == denial.direction;
                cuts(denial, policy.rank.tier) && policy.rules.iter().any(allows)
            })
        })
}

/// One direction of one policy.
#[derive(Debug, Clone, Copy)]
struct Side<'p> {
    /// Which one of all.
    index: usize,
    rank: Rank,
    subject: &'p Labels,
    allows: bool,
    denies: bool,
    /// A rule denies everything.
    closes: bool,
}

/// What policies amount to.
pub fn of(policies: &[normal::Policy]) -> Sums {
    let Judged { plain, isolates, mut sums } = judge(policies);
    let summed = policies.par_iter().zip(&plain).zip(&isolates).flat_map_iter(|((policy, plain), isolates)| {
        plain.as_ref().map(|plain| plain.policies(policy, isolates)).into_iter().flatten()
    });
    sums.policies = summed.collect();
    sums
}

/// A policy that adds up with others, as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Simple<'p> {
    pub(super) policy: &'p normal::Policy,
    isolates: [bool; 2],
}

impl<'p> Simple<'p> {
    /// Whether its pods are isolated in a direction.
    pub(super) fn isolates(&self, direction: Direction) -> bool {
        let [ingress, egress] = self.isolates;
        if direction == Direction::Ingress { ingress } else { egress }
    }

    /// What it allows.
    pub(super) fn allows(&self) -> impl Iterator<Item = &'p Rule> {
        active(self.policy, Action::Allow)
    }

    /// Whether it denies something, and not only all else.
    pub(super) fn denies(&self) -> bool {
        active(self.policy, Action::Deny).next().is_some()
    }
}

/// The policies, if all of them add up.
pub(super) fn simple(policies: &[normal::Policy]) -> Option<Vec<Simple<'_>>> {
    let judged = judge(policies);
    let simple = policies.iter().zip(judged.isolates).map(|(policy, isolates)| Simple { policy, isolates });
    judged.sums.adds_up().then(|| simple.collect())
}

/// Policies, and where they do not add up.
struct Judged<'p> {
    plain: Vec<Option<Plain<'p>>>,
    /// Directions in which each isolates its pods: into them, and out of them.
    isolates: Vec<[bool; 2]>,
    /// Without policies.
    sums: Sums,
}

fn judge(policies: &[normal::Policy]) -> Judged<'_> {
    let mut sums = Sums::default();
    // Those of one namespace are too few to be shared out.
    let plain: Vec<Option<Plain<'_>>> = policies.par_iter().with_min_len(1_024).map(Plain::of).collect();
    sums.omitted = plain.iter().filter(|plain| plain.is_none()).count();
    for (policy, plain) in policies.iter().zip(&plain) {
        match (plain, &policy.subject.namespaces) {
            (Some(_), _) => {}
            (None, Namespaces::Named(name)) => {
                sums.ordered.insert(name.clone());
            }
            (None, Namespaces::Labelled(_)) => sums.everywhere = true,
        }
    }
    let mut isolates: Vec<[bool; 2]> = vec![[false; 2]; policies.len()];
    for (staged, direction) in
        [false, true].into_iter().flat_map(|staged| [Direction::Ingress, Direction::Egress].map(|d| (staged, d)))
    {
        let sides: Vec<(Side<'_>, &Plain<'_>)> = policies
            .iter()
            .zip(&plain)
            .enumerate()
            .filter(|(_, (policy, _))| policy.staged == staged && policy.isolates.contains(&direction))
            .filter_map(|(index, (policy, plain))| {
                let plain = plain.as_ref()?;
                Some((plain.side(index, policy, direction), plain))
            })
            .collect();
        let placed = Placed::of(&sides);
        for (side, plain) in &sides {
            if placed.conflicts(side, plain) || placed.leaves_open(side, plain) {
                match &plain.scope {
                    Scopes::Names(names) => sums.ordered.extend(names.iter().map(|name| Sym::clone(name))),
                    Scopes::AllBut(_) => sums.everywhere = true,
                }
            }
            if (side.closes || side.rank.end == End::Denies)
                && let Some([ingress, egress]) = isolates.get_mut(side.index)
            {
                *(if direction == Direction::Ingress { ingress } else { egress }) = true;
            }
        }
    }
    Judged { plain, isolates, sums }
}

/// Rules that take part, but for those that deny everything.
fn active(policy: &normal::Policy, action: Action) -> impl Iterator<Item = &Rule> {
    let takes_part =
        move |rule: &&Rule| rule.action == action && policy.isolates.contains(&rule.direction) && !closes_all(rule);
    policy.rules.iter().filter(takes_part)
}

/// Namespaces, as far as they can be told by name.
#[derive(Debug)]
enum Scopes<'p> {
    Names(Vec<&'p Sym>),
    AllBut(BTreeSet<Sym>),
}

/// What of a policy is known to be simple.
#[derive(Debug)]
struct Plain<'p> {
    scope: Scopes<'p>,
    labels: &'p Labels,
}

impl<'p> Plain<'p> {
    fn of(policy: &'p normal::Policy) -> Option<Self> {
        let scope = scopes(&policy.subject)?;
        let active = |rule: &&Rule| policy.isolates.contains(&rule.direction);
        if !policy.rules.iter().filter(active).all(is_plain) {
            return None;
        }
        for direction in &policy.isolates {
            let rules = || policy.rules.iter().filter(|rule| rule.direction == *direction);
            let closes = rules().position(closes_all);
            let (count, last) = (rules().count(), closes.map(|at| at + 1));
            let has = |action| rules().any(|rule| rule.action == action && !closes_all(rule));
            if last.is_some_and(|last| last != count) || has(Action::Deny) && has(Action::Allow) {
                return None;
            }
        }
        Some(Self { scope, labels: &policy.subject.labels })
    }

    fn side(&self, index: usize, policy: &normal::Policy, direction: Direction) -> Side<'p> {
        let has = |wanted: &dyn Fn(&Rule) -> bool| {
            policy.rules.iter().any(|rule| rule.direction == direction && wanted(rule))
        };
        Side {
            index,
            rank: policy.rank,
            subject: self.labels,
            allows: has(&|rule| rule.action == Action::Allow),
            denies: has(&|rule| rule.action == Action::Deny && !closes_all(rule)),
            closes: has(&closes_all),
        }
    }

    fn policies(&self, policy: &normal::Policy, [ingress, egress]: &[bool; 2]) -> Vec<Policy> {
        let of = |action: Action| -> Vec<Rule> { active(policy, action).cloned().collect() };
        let isolates = [(ingress, Direction::Ingress), (egress, Direction::Egress)];
        let isolates: Vec<Direction> =
            isolates.into_iter().filter(|(isolates, _)| **isolates).map(|(_, direction)| direction).collect();
        let scopes = match &self.scope {
            Scopes::Names(names) => names.iter().map(|name| Scope::Namespace(Sym::clone(name))).collect(),
            Scopes::AllBut(names) => vec![Scope::AllBut(names.clone())],
        };
        let (rules, denies) = (of(Action::Allow), of(Action::Deny));
        let policy = |scope| Policy {
            name: policy.name.clone(),
            scope,
            cluster_scoped: policy.namespace.is_none(),
            subject: self.labels.clone(),
            isolates: isolates.clone(),
            rules: rules.clone(),
            denies: denies.clone(),
            staged: policy.staged,
            span: policy.span,
        };
        scopes.into_iter().map(policy).collect()
    }

    fn is_for(&self, name: &Sym) -> bool {
        match &self.scope {
            Scopes::Names(names) => names.contains(&name),
            Scopes::AllBut(names) => !names.contains(name),
        }
    }
}

/// The namespaces that a subject names, if it tells them by name alone, and its pods by equalities alone.
fn scopes(subject: &Selector) -> Option<Scopes<'_>> {
    match (&subject.namespaces, subject.further.as_slice()) {
        (Namespaces::Named(name), []) => Some(Scopes::Names(vec![name])),
        (Namespaces::Labelled(labels), further) if labels.is_empty() => match further {
            [] => Some(Scopes::AllBut(BTreeSet::new())),
            [Condition { key: Key::Namespace(key), test: Test::In(names), negated }] if &**key == NAMESPACE_NAME => {
                Some(match negated {
                    true => Scopes::AllBut(names.clone()),
                    false => Scopes::Names(names.iter().collect()),
                })
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_plain(rule: &Rule) -> bool {
    rule.action != Action::Pass
        && rule.demands.is_empty()
        && rule.own.is_empty()
        && rule.named.is_empty()
        && rule.except.is_empty()
        && rule.except_named.is_empty()
        && rule.provided.is_none()
        && !rule.peers.iter().any(|peer| matches!(peer, Peer::Selected(_)))
}

/// Whether a rule denies everything.
fn closes_all(rule: &Rule) -> bool {
    rule.action == Action::Deny
        && is_plain(rule)
        && rule.others
        && rule.http.is_empty()
        && rule.peers.contains(&Peer::Anyone)
        && PortSet::new(Ports::every()).minus(&PortSet::new(rule.ports.iter().copied())).is_empty()
}

/// Sides by the pods that they are about.
struct Placed<'s, 'p> {
    /// What allows, in the order in which it is asked.
    allows: BTreeMap<&'p Sym, Vec<&'s Side<'p>>>,
    /// What allows something in many namespaces.
    wide: Vec<(&'s Plain<'p>, &'s Side<'p>)>,
    /// What denies everything to every pod, by tier.
    closed: Vec<(u32, &'s Plain<'p>)>,
    closed_by_name: BTreeSet<(u32, &'p Sym)>,
}

impl<'s, 'p> Placed<'s, 'p> {
    fn of(sides: &'s [(Side<'p>, &'s Plain<'p>)]) -> Self {
        let (mut allows, mut wide): (BTreeMap<&'p Sym, Vec<&'s Side<'p>>>, _) = (BTreeMap::new(), vec![]);
        let (mut closed, mut closed_by_name) = (vec![], BTreeSet::new());
        for (side, plain) in sides {
            if side.allows {
                match &plain.scope {
                    Scopes::Names(names) => names.iter().for_each(|name| allows.entry(*name).or_default().push(side)),
                    Scopes::AllBut(_) => wide.push((*plain, side)),
                }
            }
            if side.closes && side.subject.is_empty() {
                match &plain.scope {
                    Scopes::Names(names) => closed_by_name.extend(names.iter().map(|name| (side.rank.tier, *name))),
                    Scopes::AllBut(_) => closed.push((side.rank.tier, *plain)),
                }
            }
        }
        for sides in allows.values_mut() {
            sides.sort_by_key(|side| place(side));
        }
        Self { allows, wide, closed, closed_by_name }
    }

    /// 1 to 3. Whether a denial stands on the wrong side of an allow to the same pods.
    fn conflicts(&self, denial: &Side<'p>, plain: &Plain<'p>) -> bool {
        if !denial.denies && !denial.closes && denial.rank.end != End::Denies {
            return false;
        }
        let wide = self.wide.iter().filter(|(allow, _)| match &plain.scope {
            Scopes::Names(names) => names.iter().any(|name| allow.is_for(name)),
            Scopes::AllBut(_) => true,
        });
        if wide.into_iter().any(|(_, allow)| is_conflict(denial, allow)) {
            return true;
        }
        match &plain.scope {
            Scopes::Names(names) => {
                names.iter().any(|name| self.allows.get(*name).is_some_and(|allows| among(denial, allows)))
            }
            Scopes::AllBut(except) => {
                let named = self.allows.iter().filter(|(name, _)| !except.contains(**name));
                named.into_iter().any(|(_, allows)| among(denial, allows))
            }
        }
    }

    /// 4.
    fn leaves_open(&self, side: &Side<'p>, plain: &Plain<'p>) -> bool {
        if side.rank.end != End::Unknown || side.closes {
            return false;
        }
        let wide = || self.closed.iter().filter(|(tier, _)| *tier == side.rank.tier).map(|(_, plain)| &plain.scope);
        match &plain.scope {
            Scopes::Names(names) => !names.iter().all(|name| {
                self.closed_by_name.contains(&(side.rank.tier, *name))
                    || wide().any(|scope| matches!(scope, Scopes::AllBut(except) if !except.contains(*name)))
            }),
            Scopes::AllBut(out) => {
                !wide().any(|scope| matches!(scope, Scopes::AllBut(except) if except.is_subset(out)))
            }
        }
    }
}

/// Only the last ones can come too late, and only the first ones too early: they are in order.
fn among(denial: &Side<'_>, allows: &[&Side<'_>]) -> bool {
    let late = allows.iter().rev().take_while(|allow| is_late(denial, allow));
    let early = allows.iter().take_while(|allow| is_early(denial, allow));
    late.chain(early).any(|allow| is_conflict(denial, allow))
}

fn place(side: &Side<'_>) -> (u32, u32) {
    (side.rank.tier, side.rank.order)
}

/// 1. Everything was denied before.
fn is_late(denial: &Side<'_>, allow: &Side<'_>) -> bool {
    let cut = denial.rank.end == End::Denies && allow.rank.tier > denial.rank.tier;
    cut || denial.closes && place(allow) >= place(denial)
}

/// 2. What is denied was allowed before.
fn is_early(denial: &Side<'_>, allow: &Side<'_>) -> bool {
    denial.denies && place(allow) <= place(denial)
}

/// Some pod meets both in the wrong order. In one policy rules stand as they are asked.
fn is_conflict(denial: &Side<'_>, allow: &Side<'_>) -> bool {
    denial.index != allow.index
        && (is_late(denial, allow) || is_early(denial, allow))
        && denial.subject.compatible(allow.subject)
}
