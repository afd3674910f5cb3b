//! Ports of a rule.
//!
//! 1. `toPorts` missing or empty: every port, and every protocol without ports. Its entries add up; an entry has at most 40
//!    ports (rule_validation.go). What an entry without any port opens differs between versions: that is told.
//! 2. A port is a string: a service name of IANA (at most 15 letters, digits and single hyphens between them, a letter among
//!    them; case makes no difference), or a number with base detection (`strconv.ParseUint(port, 0, 16)`: "010" is 8). "0" is
//!    every port of the protocol.
//! 3. `protocol` missing or ANY: TCP, UDP and SCTP (CRD: "any protocols with transport ports"). VRRP and IGMP have no ports.
//! 4. `endPort` below `port` opens `port` alone (seen in Cilium's own engine); from "0" it opens all below it
//!    (PortRangeToMaskedPorts). Up to which port one from a name reaches is each pod's affair: refused.
//! 5. `icmps` stand in the place of `toPorts`, never beside: see [`icmp`](super::icmp).
//! 6. What stands above ports: see [`above`](super::above).

use super::above::{self, Above};
use super::icmp;
use super::object::{Icmp, Port, PortRule};
use super::peers::NULL;
use crate::diag::quote;
use crate::dialects::reading::object::PortValue;
use crate::dialects::reading::{Purpose, Reader};
use crate::model::{Direction, Protocol, Sym};
use crate::source::Span;
use crate::verify::normal::Ports;

/// The most ports, or messages of ICMP, of an entry.
pub(super) const MAX_PORTS: usize = 40;
/// What is open where an entry names no port (1.).
const NO_PORT: &str = "the agents take an entry of `toPorts` without ports for every port";

/// Ports with one meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) ports: Vec<Ports>,
    pub(super) named: Vec<(Protocol, Sym)>,
    /// Protocols without ports too.
    pub(super) others: bool,
    pub(super) above: Above,
    pub(super) provided: Option<&'static str>,
}

/// Where ports stand: what may be asked of them depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) direction: Direction,
    pub(super) deny: bool,
    pub(super) span: Span,
}

/// 1., 5. Ports with the same rules above them are one entry.
pub(super) fn read(
    with: &mut Reader<'_, '_>,
    list: Option<&[Option<PortRule<'_>>]>,
    icmps: Option<&[Option<Icmp<'_>>]>,
    at: Place,
) -> Option<Vec<Entry>> {
    let (list, icmps) = (list.unwrap_or_default(), icmps.unwrap_or_default());
    match (list, icmps) {
        ([], []) => return Some(vec![Entry { ports: Ports::every(), others: true, ..Entry::default() }]),
        ([], icmps) => return icmp::read(with, icmps, at).map(|entry| entry.into_iter().collect()),
        (_, []) => {}
        _ => {
            let help = "write a rule of its own for each";
            return with.error(at.span, "`icmps` beside `toPorts`, which Cilium does not take", help);
        }
    }
    let mut out: Vec<Entry> = vec![];
    let mut failed = false;
    for rule in list {
        let Some(entry) = entry(with, rule.as_ref(), at) else {
            failed = true;
            continue;
        };
        match out.iter_mut().find(|known| (&known.above, known.provided) == (&entry.above, entry.provided)) {
            Some(known) => {
                known.ports.extend(entry.ports);
                known.named.extend(entry.named);
                known.others |= entry.others;
            }
            None => out.push(entry),
        }
    }
    (!failed).then_some(out)
}

fn entry(with: &mut Reader<'_, '_>, rule: Option<&PortRule<'_>>, at: Place) -> Option<Entry> {
    let Some(rule) = rule else {
        return with.error(at.span, "null stands where ports are expected", NULL);
    };
    let list = rule.ports.as_deref().unwrap_or_default();
    if list.len() > MAX_PORTS {
        let message = format!("{} ports in one entry of `toPorts`, Cilium takes {MAX_PORTS}", list.len());
        return with.error(at.span, message, "write several entries");
    }
    let above = above::read(with, rule, at)?;
    if list.is_empty() {
        return without_ports(with, above, at);
    }
    let mut entry = Entry { above, ..Entry::default() };
    let mut failed = false;
    for port in list {
        failed |= add(with, port.as_ref(), at, &mut entry).is_none();
    }
    if failed {
        return None;
    }
    fits(with, list, &entry, at)?;
    Some(entry)
}

/// 1.
fn without_ports(with: &mut Reader<'_, '_>, above: Above, at: Place) -> Option<Entry> {
    if with.purpose == Purpose::Rendered || above.dns {
        return with.error(at.span, "`ports` are missing", "write them, or remove `toPorts` where every port is meant");
    }
    Some(Entry { ports: Ports::every(), others: !at.deny, above, provided: Some(NO_PORT), ..Entry::default() })
}

/// 6. What stands above ports that it cannot stand above.
fn fits(with: &mut Reader<'_, '_>, list: &[Option<Port<'_>>], entry: &Entry, at: Place) -> Option<()> {
    let Above { dns, rules, .. } = &entry.above;
    if *dns {
        if at.direction == Direction::Ingress {
            return with.error(at.span, "DNS rules on ingress, which Cilium does not take", "remove them");
        }
        if entry.ports.iter().any(|ports| ports.first != ports.last && (ports.first, ports.last) != (1, u16::MAX)) {
            return with.error(at.span, "DNS rules on a range of ports, which Cilium does not take", "name each port");
        }
    }
    let is_zero = |port: &Port<'_>| port.port.as_ref().is_some_and(|text| with.doc.string(text).is_ok_and(is_zero));
    if *rules && list.iter().flatten().any(is_zero) {
        return with.error(at.span, "rules on port 0, which Cilium does not take", "name the ports");
    }
    let protocols = || {
        let of_ports = entry.ports.iter().map(|ports| ports.protocol);
        of_ports.chain(entry.named.iter().map(|(protocol, _)| *protocol))
    };
    if *rules && !dns && (entry.others || protocols().any(|protocol| protocol != Protocol::Tcp)) {
        return with.error(at.span, "HTTP rules on ports other than TCP", "write `protocol: TCP`");
    }
    Some(())
}

/// 2., 3., 4.
fn add(with: &mut Reader<'_, '_>, port: Option<&Port<'_>>, at: Place, entry: &mut Entry) -> Option<()> {
    let Some(port) = port else {
        return with.error(at.span, "null stands where a port is expected", NULL);
    };
    let protocols = protocols(with, port)?;
    let Some(text) = &port.port else {
        return with.error(at.span, "`port` is missing", "write \"0\" where every port is meant");
    };
    let (place, word) = (with.doc.place(text), with.string(text)?);
    let end = end(with, port, at.span)?;
    if is_service_name(word) {
        if end.is_some_and(|end| end > 0) {
            return with.error(place, "a range of ports from a name cannot be evaluated", "write its first number");
        }
        let name = Sym::from(word.to_ascii_lowercase().as_str());
        entry.named.extend(protocols.iter().map(|protocol| (*protocol, name.clone())));
        return Some(());
    }
    let first = number(with, word, place)?;
    if protocols.is_empty() {
        if first != 0 {
            return with.error(place, "a port of a protocol without ports", "write \"0\"");
        }
        entry.others |= !at.deny;
        return Some(());
    }
    let (first, last) = range(with, first, end, place)?;
    entry.ports.extend(protocols.iter().map(|protocol| Ports { protocol: *protocol, first, last }));
    // Port 0 of every protocol may be read as everything: what allows is taken to, what denies is not.
    entry.others |= !at.deny && protocols.len() > 1 && (first, last) == (1, u16::MAX);
    Some(())
}

/// 3. None: a protocol without ports.
fn protocols(with: &mut Reader<'_, '_>, port: &Port<'_>) -> Option<Vec<Protocol>> {
    let Some(text) = &port.protocol else { return Some(Protocol::ALL.to_vec()) };
    match with.string(text)? {
        "ANY" => Some(Protocol::ALL.to_vec()),
        "VRRP" | "IGMP" => Some(vec![]),
        word => match Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == word) {
            Some(protocol) => Some(vec![protocol]),
            None => {
                let message = format!("the protocol {} is not supported", quote(word));
                with.error(with.doc.place(text), message, "write `TCP`, `UDP`, `SCTP` or `ANY`")
            }
        },
    }
}

fn end(with: &mut Reader<'_, '_>, port: &Port<'_>, span: Span) -> Option<Option<u16>> {
    match port.end_port.as_ref().map(|end| &end.value) {
        None => Some(None),
        Some(PortValue::Number(0)) if with.purpose == Purpose::Given => Some(Some(0)),
        Some(PortValue::Number(number)) => with.number(span, *number).map(Some),
        Some(PortValue::Name(name)) => {
            with.error(span, format!("`endPort` {} is not a number", quote(name)), "write it without quotes")
        }
    }
}

/// 4.
fn range(with: &mut Reader<'_, '_>, first: u16, end: Option<u16>, place: Span) -> Option<(u16, u16)> {
    if with.purpose == Purpose::Rendered {
        match end {
            Some(_) if first == 0 => {
                return with.error(place, "`endPort` beside port 0", "remove `endPort`");
            }
            Some(end) if end < first => {
                return with.error(place, format!("`endPort` {end} is below `port` {first}"), "swap them");
            }
            _ => {}
        }
    }
    Some(match (first, end.unwrap_or_default()) {
        (0, 0) => (1, u16::MAX),
        (0, end) => (1, end),
        (first, end) => (first, end.max(first)),
    })
}

/// 2.
fn number(with: &mut Reader<'_, '_>, word: &str, place: Span) -> Option<u16> {
    let read = match with.purpose {
        Purpose::Rendered => word.parse::<u16>().ok().filter(|_| word == "0" || !word.starts_with(['0', '+'])),
        Purpose::Given => parsed(word),
    };
    match read {
        Some(number) => Some(number),
        None => {
            let help = "write a number in quotes, without leading zeros";
            with.error(place, format!("the port {} is no plain number", quote(word)), help)
        }
    }
}

/// 2. With base detection; letters make a service name of nearly all other bases.
fn parsed(word: &str) -> Option<u16> {
    let lower = word.to_ascii_lowercase();
    let based = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, base)| Some((lower.strip_prefix(prefix)?, base)));
    let (digits, base, prefixed) = match based {
        Some((digits, base)) => (digits, base, true),
        None if lower.len() > 1 && lower.starts_with('0') => (lower.get(1..)?, 8, true),
        None => (lower.as_str(), 10, false),
    };
    // An underscore stands between digits, or behind the prefix.
    let mut apart = digits.split('_');
    let first = apart.next()?;
    if first.is_empty() && (!prefixed || digits.is_empty()) || apart.any(str::is_empty) {
        return None;
    }
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    let is_plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
    u16::from_str_radix(&digits, base).ok().filter(|_| is_plain)
}

fn is_zero(word: &str) -> bool {
    !is_service_name(word) && parsed(word) == Some(0)
}

/// 2.
fn is_service_name(word: &str) -> bool {
    word.len() <= 15
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && word.bytes().any(|b| b.is_ascii_alphabetic())
        && !word.starts_with('-')
        && !word.ends_with('-')
        && !word.contains("--")
}

#[cfg(test)]
mod tests {
    use super::{is_service_name, parsed};

    #[test]
    fn numbers_are_read_with_base_detection() {
        for (word, number) in [("80", 80), ("0", 0), ("010", 8), ("00", 0), ("1_000", 1000), ("0x1_f", 31), ("0_7", 7)]
        {
            assert_eq!(parsed(word), Some(number), "{word}");
        }
        for bad in ["08", "99999", "_1", "1_", "1__0", "+80", " 80", "", "0x", "0_"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_are_those_of_services() {
        for name in ["http", "0x50", "a", "web-1", "HTTP"] {
            assert!(is_service_name(name), "{name}");
        }
        for bad in ["80", "-a", "a-", "a--b", "a_b", "a-very-long-name", ""] {
            assert!(!is_service_name(bad), "{bad}");
        }
    }
}
