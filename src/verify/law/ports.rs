//! The ports of rules, by number and by the names that destinations give them (4 and 6 of the [law](super)).

use std::collections::BTreeSet;

use super::{Far, NamedPorts, Side};
use crate::model::{Direction, Protocol, Sym};
use crate::verify::normal::{Ports, Rule};
use crate::verify::ports::PortSet;

/// 4, 6. The ports that a rule is about, for sure and perhaps.
pub(super) fn of(rule: &Rule, side: &Side<'_>) -> (PortSet, PortSet) {
    let plain = PortSet::new(rule.ports.iter().copied());
    if rule.named.is_empty() && rule.except.is_empty() && rule.except_named.is_empty() {
        return (plain.clone(), plain);
    }
    let (named, perhaps_named) = numbers(&rule.named, side);
    let (left_out, perhaps_left_out) = numbers(&rule.except_named, side);
    let except = PortSet::new(rule.except.iter().copied());
    let (mut sure, mut perhaps) = (plain.clone(), plain);
    sure.add(&named);
    perhaps.add(&perhaps_named);
    let sure = sure.minus(&except).minus(&perhaps_left_out);
    let perhaps = perhaps.minus(&except).minus(&left_out);
    (sure, perhaps)
}

/// The numbers of names.
fn numbers(names: &[(Protocol, Sym)], side: &Side<'_>) -> (PortSet, PortSet) {
    let destination = match (side.direction, side.other) {
        (Direction::Ingress, _) => Some(side.subject),
        (Direction::Egress, Far::Pod(pod)) => Some(pod),
        (Direction::Egress, _) => None,
    };
    let global = side.engine.names_are_global && side.direction == Direction::Egress;
    let none = NamedPorts { known: vec![], whole: true };
    let ports = match (global, destination) {
        (true, _) => side.all_ports,
        (false, Some(pod)) => &pod.ports,
        // What is no pod names no ports.
        (false, None) => &none,
    };
    let (mut sure, mut perhaps) = (vec![], vec![]);
    for (protocol, name) in names {
        let mut of_name = ports.known.iter().filter(|port| port.name == *name).peekable();
        if !ports.whole && (global || of_name.peek().is_none()) {
            perhaps.push(Ports { protocol: *protocol, first: 1, last: u16::MAX });
            continue;
        }
        let numbers: BTreeSet<u16> =
            of_name.filter(|port| port.protocol == *protocol).map(|port| port.number).collect();
        // (Cilium pkg/types/portmap.go, `GetNamedPort`: several numbers of one protocol give none.)
        if !global || numbers.len() == 1 {
            sure.extend(numbers.into_iter().map(|number| Ports { protocol: *protocol, first: number, last: number }));
        }
    }
    perhaps.extend(&sure);
    (PortSet::new(sure), PortSet::new(perhaps))
}
