//! Ports of a rule, and what stands above them.
//!
//! 1. `toPorts` missing or empty: every port, and every protocol without ports. Its entries add up; an entry has at most 40 ports (rule_validation.go).
//! 2. A port is a string, read with base detection (`strconv.ParseUint(port, 0, 16)`: "010" is 8), so only the canonical form
//!    is taken. "0" is every port of the protocol. What a name stands for depends on each pod: refused.
//! 3. `protocol` missing or ANY: TCP, UDP and SCTP (CRD: "any protocols with transport ports"). Others are refused.
//! 4. `endPort` below `port` opens `port` alone (seen in Cilium's own engine): refused, as is one beside "0".
//! 5. HTTP rules: TCP only, not on port "0". A request that fits one of them may pass, and nothing else.
//! 6. DNS rules: egress only, UDP and TCP, no ranges. `matchPattern: "*"` lets every question through and makes the answers
//!    known; fewer questions than all are refused, as no intent limits them.
//! 7. Paths: see [`path`](super::path).
//! 8. `headers`: split at the first space; `name: value` is that exact value, an empty one would match any
//!    (envoy_l7_rules_translator.go).

use super::object::{Http, L7Rules, Port, PortRule};
use super::path;
use super::peers::NULL;
use crate::diag::quote;
use crate::dialects::reading::Reader;
use crate::dialects::reading::object::PortValue;
use crate::dialects::reading::text::Text;
use crate::model::{Direction, HttpRule, Protocol, Sym};
use crate::source::Span;
use crate::verify::normal::Ports;

/// The most ports of an entry.
const MAX_PORTS: usize = 40;

/// Ports with one meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) ports: Vec<Ports>,
    /// Protocols without ports too.
    pub(super) others: bool,
    pub(super) http: Vec<HttpRule>,
    pub(super) dns_proxy: bool,
}

/// Where ports stand: what may be asked of them depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) direction: Direction,
    pub(super) deny: bool,
    pub(super) span: Span,
}

/// 1. Ports with the same rules above them are one entry.
pub(super) fn read(with: &mut Reader<'_, '_>, list: Option<&[Option<PortRule<'_>>]>, at: Place) -> Option<Vec<Entry>> {
    let list = list.unwrap_or_default();
    if list.is_empty() {
        return Some(vec![Entry { ports: Ports::every(), others: true, http: vec![], dns_proxy: false }]);
    }
    let mut out: Vec<Entry> = vec![];
    let mut failed = false;
    for rule in list {
        let Some(entry) = entry(with, rule.as_ref(), at) else {
            failed = true;
            continue;
        };
        match out.iter_mut().find(|known| (&known.http, known.dns_proxy) == (&entry.http, entry.dns_proxy)) {
            Some(known) => {
                known.ports.extend(entry.ports);
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
    if list.is_empty() {
        return with.error(at.span, "`ports` are missing", "write them, or remove `toPorts` where every port is meant");
    }
    if list.len() > MAX_PORTS {
        let message = format!("{} ports in one entry of `toPorts`, Cilium takes {MAX_PORTS}", list.len());
        return with.error(at.span, message, "write several entries");
    }
    let read: Vec<_> = list.iter().map(|port| ports(with, port.as_ref(), at.span)).collect();
    let ports = read.into_iter().collect::<Option<Vec<_>>>()?.concat();
    let (http, dns_proxy) = match &rule.rules {
        None => (vec![], false),
        Some(_) if at.deny => {
            return with.error(at.span, "`rules` of a denial", "a denial is of whole ports: remove them");
        }
        Some(rules) => above(with, rules, &ports, at)?,
    };
    // Port 0 of every protocol may be read as everything: what allows is taken to, what denies is not.
    let any = |port: &Port<'_>| {
        port.protocol.as_ref().is_none_or(|text| with.doc.string(text).is_ok_and(|word| word == "ANY"))
    };
    let wide = list.iter().flatten().any(any) && ports.iter().any(|range| (range.first, range.last) == (1, u16::MAX));
    Some(Entry { ports, others: wide && !at.deny, http, dns_proxy })
}

/// 2., 3., 4.
fn ports(with: &mut Reader<'_, '_>, port: Option<&Port<'_>>, span: Span) -> Option<Vec<Ports>> {
    let Some(port) = port else {
        return with.error(span, "null stands where a port is expected", NULL);
    };
    let protocols = match &port.protocol {
        None => Protocol::ALL.to_vec(),
        Some(text) => match with.string(text)? {
            "ANY" => Protocol::ALL.to_vec(),
            word => match Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == word) {
                Some(protocol) => vec![protocol],
                None => {
                    let message = format!("the protocol {} is not supported", quote(word));
                    return with.error(with.doc.place(text), message, "write `TCP`, `UDP`, `SCTP` or `ANY`");
                }
            },
        },
    };
    let Some(text) = &port.port else {
        return with.error(span, "`port` is missing", "write \"0\" where every port is meant");
    };
    let (first, last) = range(with, text, port, span)?;
    Some(protocols.into_iter().map(|protocol| Ports { protocol, first, last }).collect())
}

fn range(with: &mut Reader<'_, '_>, text: &Text<'_>, port: &Port<'_>, span: Span) -> Option<(u16, u16)> {
    let place = with.doc.place(text);
    let word = with.string(text)?;
    let Some(first) = word.parse::<u16>().ok().filter(|number| number.to_string() == word) else {
        let help = "write a number in quotes, without leading zeros";
        return with.error(place, format!("the port {} is no plain number", quote(word)), help);
    };
    let last = match port.end_port.as_ref().map(|end| &end.value) {
        None => first,
        Some(PortValue::Number(number)) => with.number(span, *number)?,
        Some(PortValue::Name(name)) => {
            return with.error(span, format!("`endPort` {} is not a number", quote(name)), "write it without quotes");
        }
    };
    match first {
        0 if port.end_port.is_some() => with.error(place, "`endPort` beside port 0", "remove `endPort`"),
        0 => Some((1, u16::MAX)),
        _ if last < first => with.error(place, format!("`endPort` {last} is below `port` {first}"), "swap them"),
        _ => Some((first, last)),
    }
}

fn above(with: &mut Reader<'_, '_>, rules: &L7Rules<'_>, ports: &[Ports], at: Place) -> Option<(Vec<HttpRule>, bool)> {
    match (rules.http.as_deref(), rules.dns.as_deref()) {
        (Some(requests @ [_, ..]), None) => {
            // 5.
            if ports.iter().any(|ports| ports.protocol != Protocol::Tcp) {
                return with.error(at.span, "HTTP rules on ports other than TCP", "write `protocol: TCP`");
            }
            if ports.iter().any(|ports| (ports.first, ports.last) == (1, u16::MAX)) {
                return with.error(at.span, "HTTP rules on port 0, which Cilium does not take", "name the ports");
            }
            let read: Vec<_> = requests.iter().map(|request| http(with, request.as_ref(), at.span)).collect();
            let mut http: Vec<HttpRule> = read.into_iter().collect::<Option<_>>()?;
            http.sort();
            http.dedup();
            Some((http, false))
        }
        (None, Some([Some(question)])) => {
            // 6.
            if at.direction == Direction::Ingress {
                return with.error(at.span, "DNS rules on ingress, which Cilium does not take", "remove them");
            }
            let every = match (&question.match_name, &question.match_pattern) {
                (None, Some(pattern)) => with.string(pattern)? == "*",
                _ => false,
            };
            if !every {
                return with.error(at.span, "a DNS rule for some questions only", "write `matchPattern: \"*\"`");
            }
            if ports.iter().any(|ports| ports.first != ports.last) {
                return with.error(
                    at.span,
                    "DNS rules on a range of ports, which Cilium does not take",
                    "name each port",
                );
            }
            Some((vec![], true))
        }
        _ => {
            let help = "write `http` with requests, or `dns` with `matchPattern: \"*\"` alone";
            with.error(at.span, "`rules` say nothing that is supported", help)
        }
    }
}

fn http(with: &mut Reader<'_, '_>, request: Option<&Http<'_>>, span: Span) -> Option<HttpRule> {
    let Some(request) = request else {
        return with.error(span, "null stands where an HTTP rule is expected", NULL);
    };
    let method = match &request.method {
        None => None,
        Some(text) => {
            let word = with.string(text)?;
            // A regular expression as well: only a plain word is one method.
            if word.is_empty() || !word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') {
                let message = format!("{} is no plain HTTP method", quote(word));
                return with.error(with.doc.place(text), message, "write one method, as `GET`");
            }
            Some(Sym::from(word))
        }
    };
    let path = match &request.path {
        None => None,
        Some(text) => {
            let word = with.string(text)?;
            if word.is_empty() {
                return with.error(with.doc.place(text), "an empty path, which is any", "remove it");
            }
            if regex_syntax::ast::parse::Parser::new().parse(word).is_err() {
                let message = format!("the path {} is no regular expression", quote(word));
                return with.error(with.doc.place(text), message, "write it as `^/api/v1(\\?.*)?$`");
            }
            Some(path::meant(word).as_str().into())
        }
    };
    let mut headers = vec![];
    for text in request.headers.iter().flatten() {
        headers.push(header(with, text)?);
    }
    headers.sort();
    headers.dedup();
    Some(HttpRule { method, path, headers })
}

/// 8.
fn header(with: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<(Sym, Sym)> {
    let line = with.string(text)?;
    // A token (RFC 9110, 5.6.2); names are compared without regard to case, so there is one form.
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "!#$%&'*+-.^_`|~".contains(c);
    let parts = line.split_once(' ').and_then(|(name, value)| Some((name.strip_suffix(':')?, value)));
    match parts {
        Some((name, value)) if !name.is_empty() && name.chars().all(is_name) && !value.trim().is_empty() => {
            Some((name.into(), value.into()))
        }
        _ => {
            let message = format!("the header {} is not `name: value`", quote(line));
            with.error(with.doc.place(text), message, "write the name in lower case, a colon, a space and the value")
        }
    }
}
