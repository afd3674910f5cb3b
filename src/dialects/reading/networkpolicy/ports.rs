//! Ports of a rule, checked as the API server does.
//!
//! By `networking/v1/types.go` of kubernetes/api, and `pkg/apis/networking/validation/validation.go` of kubernetes/kubernetes.
//!
//! 1. A port without number: every port of its protocol. Protocol missing: TCP. Null in the list: both.
//! 2. `endPort` needs a number, not below it.
//! 3. A name is at most 15 of lower-case letters, digits and hyphens, a letter among them; no hyphen at an end or beside
//!    another (apimachinery `util/validation`, IsValidPortName).
//!
//! What is about to be written names no port of a destination elsewhere: engines differ in whose name counts.

use super::super::object::PortValue;
use super::super::{Purpose, Reader, validity};
use super::object;
use super::rules::NULL;
use super::{Port, Ports};
use crate::diag::quote;
use crate::dialects::reading::plain::Placed;
use crate::model::{Direction, Protocol};
use crate::source::Span;

/// 1 and 2.
pub(super) fn port(
    reader: &mut Reader<'_, '_>,
    direction: Direction,
    port: Option<&object::Port<'_>>,
    rule: Span,
) -> Option<Port> {
    let Some(port) = port else {
        return match reader.purpose {
            Purpose::Rendered => reader.error(rule, "null stands where a port is expected", NULL),
            Purpose::Given => Some(Port::Range(Ports { protocol: Protocol::Tcp, first: 1, last: u16::MAX })),
        };
    };
    let protocol = protocol(reader, port)?;
    let range = |first, last| Some(Port::Range(Ports { protocol, first, last }));
    let (first, last) = match (&port.port, &port.end_port) {
        (None, None) => return range(1, u16::MAX),
        (None, Some(_)) => {
            return reader.error(rule, "`endPort` without `port`", "write the first port of the range as `port`");
        }
        (Some(first), None) => match &first.value {
            PortValue::Number(number) => {
                let number = reader.number(reader.doc.line_of(first), *number)?;
                return range(number, number);
            }
            PortValue::Name(name) => return named(reader, direction, protocol, name, first),
        },
        (Some(first), Some(last)) => (number(reader, first)?, number(reader, last)?),
    };
    if last < first {
        return reader.error(rule, format!("`endPort` {last} is below `port` {first}"), "swap them");
    }
    range(first, last)
}

fn protocol(reader: &mut Reader<'_, '_>, port: &object::Port<'_>) -> Option<Protocol> {
    let Some(text) = &port.protocol else { return Some(Protocol::Tcp) };
    let word = reader.string(text)?;
    match Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == word) {
        Some(protocol) => Some(protocol),
        None => {
            let message = format!("{} is no protocol", quote(word));
            reader.error(reader.doc.place(text), message, "write `TCP`, `UDP` or `SCTP`")
        }
    }
}

/// 3.
fn named(
    reader: &mut Reader<'_, '_>,
    direction: Direction,
    protocol: Protocol,
    name: &str,
    place: &Placed<PortValue>,
) -> Option<Port> {
    let span = reader.doc.line_of(place);
    if !validity::is_port_name(name) {
        let message = format!("{} is neither a number nor the name of a port", quote(name));
        let help = "write a number without quotes, or at most 15 lower-case letters, digits and hyphens with a letter";
        return reader.error(span, message, help);
    }
    if reader.purpose == Purpose::Rendered && direction == Direction::Egress {
        let message = format!("the port {} of a destination is not a number", quote(name));
        let help = "CNIs disagree whose port of that name is meant: write the number, without quotes";
        return reader.error(span, message, help);
    }
    Some(Port::Named(protocol, name.into()))
}

fn number(reader: &mut Reader<'_, '_>, port: &Placed<PortValue>) -> Option<u16> {
    let span = reader.doc.line_of(port);
    match &port.value {
        PortValue::Number(number) => reader.number(span, *number),
        PortValue::Name(name) => {
            let message = format!("{} is no number, as the ends of a range are", quote(name));
            reader.error(span, message, "write numbers without quotes, or remove `endPort`")
        }
    }
}
