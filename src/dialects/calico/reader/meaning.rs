//! What one rule means, once the sets are known.
//!
//! 1. What a selector selects is pods, and the addresses of sets. The rule asks for one of both; for addresses of its nets
//!    besides; and for none of what `notSelector` selects.
//! 2. What nobody can satisfy is no rule.
//! 3. A port's name is one of the pods that are selected: the addresses of sets have none (`rule_scanner.go`,
//!    `namedPortsToIPSets`).
//! 4. Where it is not known which sets are selected there is one rule for what is sure, and one for the rest that holds
//!    perhaps. So it is with ports that may be among those that are left out, and with what is passed on of protocols without
//!    ports, but not of all of them.

use super::entity::{End, Selected};
use super::ports::{Others, Traffic};
use super::rule::Said;
use super::sets::{Found, Sets};
use crate::model::Direction;
use crate::verify::normal::{Action, Demand, Peer, Rule};

/// What a rule comes to.
#[derive(Debug)]
pub(super) struct Meaning {
    pub(super) rules: Vec<Rule>,
    /// It is for global sets, and finds no address.
    pub(super) is_without_sets: bool,
}

/// The sets that one side asks for.
struct Asked<'e> {
    end: &'e End,
    selected: Found,
    left_out: Found,
}

impl<'e> Asked<'e> {
    fn of(end: &'e End, sets: &Sets) -> Self {
        let found = |selected: &Option<Selected>| {
            selected.as_ref().map_or_else(Found::default, |selected| sets.of(&selected.tree))
        };
        Self { selected: found(&end.selected), left_out: found(&end.left_out), end }
    }

    fn is_sure(&self) -> bool {
        self.selected.is_sure() && self.left_out.is_sure()
    }

    fn is_without_sets(&self) -> bool {
        self.selected.perhaps.is_empty() && self.end.selected.as_ref().is_some_and(|selected| selected.is_global)
    }

    /// 1, 2. With sets that are selected perhaps, or without; and with any sets at all, or with pods alone.
    fn demands(&self, perhaps: bool, with_sets: bool) -> Option<Vec<Demand>> {
        let mut demands = vec![];
        if let Some(selected) = &self.end.selected {
            let sets = if perhaps { &self.selected.perhaps } else { &self.selected.surely };
            let sets = sets.iter().filter(|_| with_sets);
            let peers: Vec<Peer> = selected.pods.iter().chain(sets).cloned().collect();
            demands.push(Demand { peers, negated: false });
        }
        demands.extend(self.end.blocks.iter().map(|blocks| Demand { peers: blocks.clone(), negated: false }));
        if demands.iter().any(|demand| demand.peers.is_empty()) {
            return None;
        }
        if let Some(left_out) = &self.end.left_out {
            let sets = if perhaps { &self.left_out.surely } else { &self.left_out.perhaps };
            let peers: Vec<Peer> = left_out.pods.iter().chain(sets).cloned().collect();
            demands.extend((!peers.is_empty()).then_some(Demand { peers, negated: true }));
        }
        Some(demands)
    }
}

/// What a rule means.
pub(super) fn of(direction: Direction, said: &Said, sets: &Sets) -> Meaning {
    let (other, own) = (Asked::of(&said.other, sets), Asked::of(&said.own, sets));
    let is_without_sets = other.is_without_sets() || own.is_without_sets();
    let is_sure = other.is_sure() && own.is_sure();
    let destination = match direction {
        Direction::Ingress => &own,
        Direction::Egress => &other,
    };
    let has_sets = !destination.selected.perhaps.is_empty();
    let mut rules = vec![];
    for part in parts(said.action, &said.traffic, has_sets) {
        for perhaps in [false, true] {
            if perhaps && is_sure {
                continue;
            }
            let with = |of_destination: bool| part.with_sets || !of_destination;
            let ends = other
                .demands(perhaps, with(direction == Direction::Egress))
                .zip(own.demands(perhaps, with(direction == Direction::Ingress)));
            let Some((demands, own)) = ends else { continue };
            let (peers, demands) = peers(demands);
            rules.push(Rule {
                demands,
                own,
                ports: part.traffic.ports.clone(),
                named: part.traffic.named.clone(),
                except: part.traffic.except.clone(),
                except_named: part.traffic.except_named.clone(),
                others: part.traffic.others != Others::None,
                provided: part.traffic.provided.or(perhaps.then_some("labels of a namespace that are not given")),
                ..Rule::new(direction, said.action, peers, said.span)
            });
        }
    }
    Meaning { rules, is_without_sets }
}

/// The first of what is asked are the peers.
fn peers(mut demands: Vec<Demand>) -> (Vec<Peer>, Vec<Demand>) {
    match demands.first() {
        Some(first) if !first.negated => {
            let first = demands.remove(0);
            (first.peers, demands)
        }
        _ => (vec![Peer::Anyone], demands),
    }
}

/// One of the rules that a rule stands for.
struct Part {
    traffic: Traffic,
    /// Sets count as destinations.
    with_sets: bool,
}

/// 3, 4. None of them empty.
fn parts(action: Action, traffic: &Traffic, has_sets: bool) -> Vec<Part> {
    let apart = !traffic.named.is_empty() && has_sets;
    let others = match (action, traffic.others) {
        // A denial of some is none of all, and what some are passed on for is asked apart.
        (Action::Deny | Action::Pass, Others::Some) => Others::None,
        (_, others) => others,
    };
    let empty = || Traffic {
        ports: vec![],
        named: vec![],
        except: vec![],
        except_named: vec![],
        others: Others::None,
        provided: traffic.provided,
    };
    let plain = Traffic {
        ports: traffic.ports.clone(),
        named: if apart { vec![] } else { traffic.named.clone() },
        except: if apart { vec![] } else { traffic.except.clone() },
        except_named: traffic.except_named.clone(),
        others,
        ..empty()
    };
    let mut parts = vec![Part { traffic: plain, with_sets: true }];
    if apart {
        let (except, except_named) = (traffic.except.clone(), traffic.except_named.clone());
        let named = Traffic { named: traffic.named.clone(), except, except_named, ..empty() };
        parts.push(Part { traffic: named, with_sets: false });
    }
    if action == Action::Pass && traffic.others == Others::Some {
        let some = Traffic { others: Others::Some, provided: Some("a protocol without ports"), ..empty() };
        parts.push(Part { traffic: some, with_sets: true });
    }
    parts.retain(|part| !part.traffic.is_empty());
    parts
}
