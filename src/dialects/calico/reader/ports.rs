//! Protocols and ports of a rule.
//!
//! Sources: `libcalico-go/lib/validator/v3/validator.go` (`validateRule`, `validateProtocol`), api `lib/numorstring`,
//! `felix/calc/rule_scanner.go` (`ruleToParsedRule`), the CustomResourceDefinitions' rules.
//!
//! 1. A protocol is a name, written exactly so, or a number from 1 to 255. None: all of them.
//! 2. Ports need TCP, UDP or SCTP; names of ports alone may do without a protocol, and are then of TCP.
//! 3. `80`, or `8000:8100` with both ends, or the name that the destination gives a port. No ports: all. `notPorts` are left
//!    out of them. At most 50 of each.
//! 4. Ports of the source are no matter of policies alone: with them a rule holds only sometimes.
//! 5. Fields of ICMP need that protocol (`notICMP` does not), and a code needs a type.
//! 6. ICMP is one of IPv4, ICMPv6 one of IPv6.

use super::convert::Convert;
use super::nets::Family;
use super::object::{Entity, Icmp, Number, Rule};
use crate::diag::quote;
use crate::dialects::reading::object::PortValue;
use crate::dialects::reading::plain::Placed;
use crate::dialects::reading::{Purpose, validity};
use crate::model::{Protocol, Sym};
use crate::source::Span;
use crate::verify::PortSet;
use crate::verify::normal::Ports;

/// 3.
const MAX_PORTS: usize = 50;
/// Numbers of IANA, by the names that Calico knows.
const PROTOCOLS: [(&str, u8); 6] =
    [("ICMP", ICMP), ("TCP", 6), ("UDP", 17), ("ICMPv6", ICMP_V6), ("SCTP", 132), ("UDPLite", 136)];
const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;

/// What a rule is about, of what goes between two ends.
#[derive(Debug, Clone)]
pub(super) struct Traffic {
    pub(super) ports: Vec<Ports>,
    pub(super) named: Vec<(Protocol, Sym)>,
    /// Left out of both, by number and by name.
    pub(super) except: Vec<Ports>,
    pub(super) except_named: Vec<(Protocol, Sym)>,
    pub(super) others: Others,
    /// It holds only where something does that policies do not tell.
    pub(super) provided: Option<&'static str>,
}

/// Protocols without ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    None,
    Some,
    All,
}

/// Some ports.
#[derive(Debug, Default)]
struct Listed {
    numbers: Vec<(u16, u16)>,
    names: Vec<Sym>,
}

impl Listed {
    fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.names.is_empty()
    }

    fn ranges(&self, protocol: Protocol) -> Vec<Ports> {
        self.numbers.iter().map(|(first, last)| Ports { protocol, first: *first, last: *last }).collect()
    }

    fn named(&self, protocol: Protocol) -> Vec<(Protocol, Sym)> {
        self.names.iter().map(|name| (protocol, name.clone())).collect()
    }
}

/// Ports of one side, as listed and as left out.
#[derive(Debug, Default)]
struct Sided {
    ports: Listed,
    not_ports: Listed,
}

impl Traffic {
    pub(super) fn is_empty(&self) -> bool {
        self.ports.is_empty() && self.named.is_empty() && self.others == Others::None
    }

    /// Every protocol but those that are left out.
    fn of(protocol: Option<u8>, not_protocol: Option<u8>) -> Self {
        let is_meant = |number| protocol.is_none_or(|meant| meant == number) && not_protocol != Some(number);
        let of_ports = Protocol::ALL.into_iter().filter(|protocol| is_meant(number(*protocol)));
        let has_ports = |number| ported(number).is_some();
        let others = match (protocol, not_protocol) {
            (Some(meant), _) if has_ports(meant) || not_protocol == Some(meant) => Others::None,
            (Some(_), _) => Others::Some,
            (None, Some(not)) if !has_ports(not) => Others::Some,
            (None, _) => Others::All,
        };
        let ports = of_ports.map(|protocol| Ports { protocol, first: 1, last: u16::MAX }).collect();
        Self { ports, named: vec![], except: vec![], except_named: vec![], others, provided: None }
    }

    /// 3. On the destination's side. `protocol`: that of its ports.
    fn narrow(&mut self, protocol: Protocol, listed: &Sided) {
        let Sided { ports, not_ports } = listed;
        if !ports.is_empty() {
            let is_meant = self.ports.iter().any(|ports| ports.protocol == protocol);
            self.ports = if is_meant { ports.ranges(protocol) } else { vec![] };
            self.named = if is_meant { ports.named(protocol) } else { vec![] };
            self.others = Others::None;
        }
        if not_ports.is_empty() {
            return;
        }
        self.except = not_ports.ranges(protocol);
        let left = PortSet::new(self.ports.iter().copied()).minus(&PortSet::new(self.except.iter().copied()));
        self.ports = left.ranges().to_vec();
        self.except_named = not_ports.named(protocol);
        self.named.retain(|named| !self.except_named.contains(named));
        if self.named.is_empty() {
            self.except.clear();
        }
    }
}

/// The number of a protocol that has ports.
fn number(protocol: Protocol) -> u8 {
    PROTOCOLS.into_iter().find(|(name, _)| *name == protocol.as_str()).map_or(0, |(_, number)| number)
}

fn ported(of: u8) -> Option<Protocol> {
    Protocol::ALL.into_iter().find(|protocol| number(*protocol) == of)
}

impl Convert<'_, '_, '_> {
    /// What a rule is about, and in which address family alone.
    pub(super) fn traffic(&mut self, rule: &Rule<'_>, span: Span) -> Option<(Traffic, Option<Family>)> {
        let protocol = self.protocol(rule.protocol.as_ref());
        let not_protocol = self.protocol(rule.not_protocol.as_ref());
        let (source, destination) = (self.sided(rule.source.as_ref()), self.sided(rule.destination.as_ref()));
        let (protocol, not_protocol, source, destination) = (protocol?, not_protocol?, source?, destination?);
        let with_ports = self.ports_of(protocol, &[&source, &destination], span)?;
        let mut traffic = Traffic::of(protocol, not_protocol);
        let is_icmp = matches!(protocol, Some(ICMP | ICMP_V6));
        if let Some(icmp) = &rule.icmp {
            let place = self.icmp(icmp)?;
            if !is_icmp {
                return self.error(place, "`icmp` without the protocol", "write `protocol: ICMP` or `ICMPv6`"); // 5
            }
        }
        if let Some(icmp) = &rule.not_icmp {
            self.icmp(icmp)?;
            if traffic.others == Others::All {
                traffic.others = Others::Some;
            }
        }
        traffic.narrow(with_ports, &destination);
        self.source_ports(&mut traffic, with_ports, &source);
        let version = self.version(rule, [protocol, not_protocol])?;
        Some((traffic, version))
    }

    /// 1.
    fn protocol(&mut self, protocol: Option<&Placed<PortValue>>) -> Option<Option<u8>> {
        let Some(protocol) = protocol else { return Some(None) };
        let known = match &protocol.value {
            PortValue::Number(number) => u8::try_from(*number).ok(),
            PortValue::Name(name) => {
                let of_name = PROTOCOLS.into_iter().find(|(known, _)| known == name).map(|(_, number)| number);
                of_name.or_else(|| digits(name).and_then(|number| u8::try_from(number).ok()))
            }
        };
        match known.filter(|number| *number > 0) {
            Some(number) => Some(Some(number)),
            None => {
                let span = self.with.doc.line_of(protocol);
                let message = format!("{} is no protocol", shown(&protocol.value));
                self.error(span, message, "write `TCP`, `UDP`, `SCTP`, `ICMP`, `ICMPv6`, `UDPLite` or a number to 255")
            }
        }
    }

    /// 2. The protocol whose ports are meant; any, where no ports are.
    fn ports_of(&mut self, protocol: Option<u8>, sides: &[&Sided; 2], span: Span) -> Option<Protocol> {
        let listed = || sides.iter().flat_map(|side| [&side.ports, &side.not_ports]);
        match protocol {
            None if listed().any(|ports| !ports.numbers.is_empty()) => {
                self.error(span, "ports without protocol", "write `protocol: TCP`, `UDP` or `SCTP`")
            }
            None => Some(Protocol::Tcp),
            Some(number) => match ported(number) {
                Some(protocol) => Some(protocol),
                None if listed().all(Listed::is_empty) => Some(Protocol::Tcp),
                None => {
                    let message = "ports beside a protocol that has none";
                    self.error(span, message, "write `protocol: TCP`, `UDP` or `SCTP`, or remove the ports")
                }
            },
        }
    }

    fn sided(&mut self, entity: Option<&Entity<'_>>) -> Option<Sided> {
        let Some(entity) = entity else { return Some(Sided::default()) };
        let (ports, not_ports) = (self.listed(entity.ports.as_deref()), self.listed(entity.not_ports.as_deref()));
        Some(Sided { ports: ports?, not_ports: not_ports? })
    }

    /// 3.
    fn listed(&mut self, ports: Option<&[Placed<PortValue>]>) -> Option<Listed> {
        let mut listed = Listed::default();
        for (index, port) in ports.unwrap_or_default().iter().enumerate() {
            let span = self.with.doc.line_of(port);
            if index == MAX_PORTS {
                return self.error(span, format!("more than {MAX_PORTS} ports in one rule"), "split the rule");
            }
            match &port.value {
                PortValue::Name(name) if digits(name).is_none() && !name.contains(':') => {
                    if !is_port_name(name) {
                        let help = "write a number from 1 to 65535, `first:last`, or the name of a port";
                        return self.error(span, format!("{} is no port", quote(name)), help);
                    }
                    listed.names.push(name.as_str().into());
                }
                value => listed.numbers.push(self.range(value, span)?),
            }
        }
        Some(listed)
    }

    fn range(&mut self, port: &PortValue, span: Span) -> Option<(u16, u16)> {
        let rendered = self.with.purpose == Purpose::Rendered;
        // A leading zero means eight to some readers of YAML.
        let plain = |text: &str| digits(text).filter(|_| !rendered || !text.starts_with('0')).and_then(validity::port);
        let range = match port {
            PortValue::Number(number) => validity::port(*number).map(|port| (port, port)),
            PortValue::Name(text) => match text.split_once(':') {
                Some((first, last)) => plain(first).zip(plain(last)),
                None => plain(text).map(|port| (port, port)),
            },
        };
        match range {
            Some((first, last)) if first <= last => range,
            Some(_) => self.error(span, format!("the ports {} end before they start", shown(port)), "swap both ends"),
            None => {
                let help = "write a number from 1 to 65535, `first:last`, or the name of a port";
                self.error(span, format!("{} is no port", shown(port)), help)
            }
        }
    }

    /// 4.
    fn source_ports(&mut self, traffic: &mut Traffic, protocol: Protocol, source: &Sided) {
        let Sided { ports, not_ports } = source;
        let left = PortSet::new(ports.ranges(protocol)).minus(&PortSet::new(not_ports.ranges(protocol)));
        let all = PortSet::new([Ports { protocol, first: 1, last: u16::MAX }]);
        if !ports.is_empty() {
            let others = Traffic::of(Some(number(protocol)), None);
            traffic.ports =
                PortSet::new(traffic.ports.iter().copied()).and(&PortSet::new(others.ports)).ranges().to_vec();
            traffic.others = Others::None;
        }
        let is_asked = !(ports.is_empty() && not_ports.is_empty());
        if is_asked && (left != all || !not_ports.names.is_empty()) {
            traffic.provided = Some("a source port");
        }
    }

    /// 5. Where it stands.
    fn icmp(&mut self, icmp: &Placed<Icmp>) -> Option<Span> {
        let span = self.with.doc.line_of(icmp);
        let fits = |number: &Option<Number>, most: f64| {
            number.as_ref().is_none_or(|Number(number)| number.fract() == 0.0 && (0.0..=most).contains(number))
        };
        if !fits(&icmp.value.of, 254.0) || !fits(&icmp.value.code, 255.0) {
            return self.error(span, "this is no type or code of ICMP", "write types to 254 and codes to 255");
        }
        if icmp.value.code.is_some() && icmp.value.of.is_none() {
            return self.error(span, "a code of ICMP without a type", "write the `type`, or remove the code");
        }
        Some(span)
    }

    /// 6.
    fn version(&mut self, rule: &Rule<'_>, protocols: [Option<u8>; 2]) -> Option<Option<Family>> {
        let Some(version) = &rule.ip_version else { return Some(None) };
        let span = self.with.doc.line_of(version);
        let Number(number) = version.value;
        let family = match number {
            4.0 => Family::V4,
            6.0 => Family::V6,
            _ => return self.error(span, format!("{number} is no version of IP"), "write 4 or 6"),
        };
        let other = if family == Family::V4 { ICMP_V6 } else { ICMP };
        if protocols.contains(&Some(other)) {
            let message = "`ipVersion` and the protocol are of different versions of IP";
            return self.error(span, message, "ICMP is of version 4, ICMPv6 of version 6");
        }
        Some(Some(family))
    }
}

fn digits(text: &str) -> Option<i128> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// At most 15 lower-case letters, digits and single inner hyphens, a letter among them (apimachinery `util/validation`,
/// `IsValidPortName`).
fn is_port_name(text: &str) -> bool {
    validity::is_dns_label(text)
        && text.len() <= 15
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && !text.contains("--")
}

fn shown(value: &PortValue) -> String {
    match value {
        PortValue::Number(number) => number.to_string(),
        PortValue::Name(name) => quote(name),
    }
}
