//! Ports and CIDRs as written, to values: canonical or refused.

use std::net::IpAddr;

use ipnet::IpNet;

use super::names::{Refusal, refuse};
use super::{PortRange, Protocol, address};
use crate::diag::{codes, nearest, quote};
use crate::intent::PortText;

const PORT_HELP: &str =
    "write 80, \"53/UDP\", \"8000-8100/TCP\", \"all/TCP\", \"all\", or the name of a port of the callee";

/// A port as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrittenPort {
    /// Numbers.
    Range(PortRange),
    /// All ports of all protocols.
    All,
    /// The name of a port that the callee declares.
    Name(String),
}

/// Reads one port.
///
/// # Errors
/// What it is instead, and what to write.
pub fn parse_port(text: &PortText) -> Result<WrittenPort, Refusal> {
    match text {
        PortText::Number(number) => Ok(WrittenPort::Range(single(*number, Protocol::Tcp)?)),
        PortText::Text(text) => parse_port_text(text).map_err(|refusal| match meant_port(text) {
            Some(meant) => {
                let help = format!("did you mean \"{meant}\"?");
                Refusal { help, instead: Some(meant).filter(|_| is_certain(text)), ..refusal }
            }
            None => refusal,
        }),
    }
}

/// What is a port but for its form: protocol first or in lower case, white space, a sign. A colon, as between a Service's
/// port and its pods' port, means no range.
fn meant_port(text: &str) -> Option<String> {
    let mut meant: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if let Some((ports, protocol)) = meant.split_once('/') {
        let is_protocol = |word: &str| Protocol::ALL.iter().any(|p| p.as_str().eq_ignore_ascii_case(word));
        let (ports, protocol) = if is_protocol(ports) { (protocol, ports) } else { (ports, protocol) };
        meant = format!("{ports}/{}", protocol.to_ascii_uppercase());
    } else if Protocol::ALL.iter().any(|protocol| protocol.as_str() == meant) {
        meant = format!("all/{meant}");
    }
    let meant = meant.trim_start_matches('+');
    (meant != text && matches!(parse_port_text(meant), Ok(WrittenPort::Range(_)))).then(|| meant.to_owned())
}

/// Whether what a port was meant to be leaves no doubt: numbers and a protocol are there, and only the protocol's case, the
/// order of the two and white space around them are not as they are written here. Anything else (a sign, a protocol alone,
/// white space within a number) may be half of something.
fn is_certain(text: &str) -> bool {
    let is_protocol = |word: &str| Protocol::ALL.iter().any(|p| p.as_str().eq_ignore_ascii_case(word));
    let is_number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    let is_range = |word: &str| match word.split_once('-') {
        Some((first, last)) => is_number(first.trim()) && is_number(last.trim()),
        None => is_number(word),
    };
    text.trim()
        .split_once('/')
        .map(|(a, b)| (a.trim(), b.trim()))
        .is_some_and(|(a, b)| (is_range(a) && is_protocol(b)) || (is_protocol(a) && is_range(b)))
}

fn single(number: i64, protocol: Protocol) -> Result<PortRange, Refusal> {
    let port = u16::try_from(number).ok().and_then(|port| PortRange::new(protocol, port, port));
    match port {
        Some(range) => Ok(range),
        None => refuse(codes::PORT, format!("port {number} is out of range"), "ports are 1 to 65535"),
    }
}

fn parse_port_text(text: &str) -> Result<WrittenPort, Refusal> {
    let (ports, protocol) = match text.split_once('/') {
        Some((ports, protocol)) => (ports, Some(parse_protocol(text, protocol)?)),
        None => (text, None),
    };
    if ports == "all" {
        return Ok(protocol.map_or(WrittenPort::All, |p| WrittenPort::Range(PortRange::all(p))));
    }
    let tcp = protocol.unwrap_or(Protocol::Tcp);
    if let Some((first, last)) = ports.split_once('-')
        && first.bytes().all(|b| b.is_ascii_digit())
        && !first.is_empty()
        && last.bytes().all(|b| b.is_ascii_digit())
    {
        return parse_range(text, first, last, tcp).map(WrittenPort::Range);
    }
    if ports.bytes().all(|b| b.is_ascii_digit()) && !ports.is_empty() {
        return Ok(WrittenPort::Range(single(parse_number(text, ports)?, tcp)?));
    }
    match ports.parse::<i64>() {
        Ok(number) if number < 0 => return single(number, tcp).map(WrittenPort::Range),
        _ => {}
    }
    if protocol.is_some() && check_port_name(ports).is_ok() {
        let help = format!("a name stands for number and protocol: write \"{ports}\" alone");
        return refuse(codes::PORT, format!("{} gives a named port a protocol", quote(text)), help);
    }
    let like_a_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if protocol.is_some() || !text.bytes().all(like_a_name) || !text.bytes().any(|b| b.is_ascii_alphabetic()) {
        return refuse(codes::PORT, format!("{} is no port", quote(text)), PORT_HELP);
    }
    check_port_name(text)?;
    Ok(WrittenPort::Name(text.to_owned()))
}

fn parse_protocol(text: &str, protocol: &str) -> Result<Protocol, Refusal> {
    let known = Protocol::ALL.map(Protocol::as_str);
    if let Some(found) = Protocol::ALL.into_iter().find(|p| p.as_str() == protocol) {
        return Ok(found);
    }
    let help = match nearest(protocol, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "protocols are TCP, UDP and SCTP".to_owned(),
    };
    refuse(codes::PORT, format!("{} has no known protocol", quote(text)), help)
}

fn parse_number(text: &str, digits: &str) -> Result<i64, Refusal> {
    if digits.len() > 1 && digits.starts_with('0') {
        return refuse(codes::PORT, format!("{} has a leading zero", quote(text)), "write the port without it");
    }
    match digits.parse() {
        Ok(number) => Ok(number),
        Err(_) => refuse(codes::PORT, format!("port {} is out of range", quote(text)), "ports are 1 to 65535"),
    }
}

fn parse_range(text: &str, first: &str, last: &str, protocol: Protocol) -> Result<PortRange, Refusal> {
    if last.is_empty() {
        return refuse(codes::PORT, format!("range {} has no end", quote(text)), PORT_HELP);
    }
    let (first, last) = (parse_number(text, first)?, parse_number(text, last)?);
    single(first, protocol)?;
    single(last, protocol)?;
    if first > last {
        let help = format!("did you mean \"{last}-{first}\"?");
        return refuse(codes::PORT, format!("range {} is reversed", quote(text)), help);
    }
    let bounds = (u16::try_from(first).ok(), u16::try_from(last).ok());
    match bounds {
        (Some(first), Some(last)) if first > 0 => Ok(PortRange { protocol, first, last }),
        _ => refuse(codes::PORT, format!("range {} is out of range", quote(text)), "ports are 1 to 65535"),
    }
}

/// The name of a port: IANA_SVC_NAME as Kubernetes checks it for container ports.
pub fn check_port_name(text: &str) -> Result<(), Refusal> {
    let valid = (1..=15).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if valid {
        return Ok(());
    }
    let help = "use 1 to 15 lower-case letters, digits and single hyphens, a letter among them";
    refuse(codes::PORT, format!("{} is no name of a port", quote(text)), help)
}

/// Reads a range of addresses, in its one canonical form only: what prints as it was written means what it seems to.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn parse_cidr(text: &str) -> Result<IpNet, Refusal> {
    let shown = quote(text);
    let Some((address, mask)) = text.split_once('/') else {
        return match address(text) {
            Some(address) => {
                let help = format!("did you mean `{}`?", IpNet::from(address));
                refuse(codes::CIDR, format!("{shown} has no mask"), help)
            }
            None if text.contains('.') && text.bytes().any(|b| b.is_ascii_alphabetic()) => {
                refuse(codes::CIDR, format!("{shown} is no address range"), "host names belong in `fqdns`")
            }
            None => refuse(codes::CIDR, format!("{shown} is no address range"), RANGE_HELP),
        };
    };
    if leading_zero(mask) || (!address.contains(':') && address.split('.').any(leading_zero)) {
        let help = "write each number without it; some tools take it for an octal number".to_owned();
        // Readers disagree whether such a number is octal. Of one digit both readings are the same, or only one is a number.
        let digit = mask.trim_start_matches('0');
        let plain = Some(format!("{address}/{digit}")).filter(|plain| plain != text && digit.len() == 1);
        let instead = plain.filter(|plain| parse_cidr(plain).is_ok());
        let message = format!("{shown} has a number with a leading zero");
        return Err(Refusal { code: codes::CIDR, message, help, instead });
    }
    let Ok(net) = text.parse::<IpNet>() else {
        let (help, instead) = range_help(text, address, mask);
        return Err(Refusal { code: codes::CIDR, message: format!("{shown} is no address range"), help, instead });
    };
    let canonical = net.trunc().to_string();
    if let IpNet::V6(v6) = net
        && let Some(v4) = v6.addr().to_ipv4_mapped()
    {
        let help = format!("write the IPv4 range, as `{v4}/{}`", v6.prefix_len().saturating_sub(96));
        return refuse(codes::CIDR, format!("{shown} is an IPv4 address in IPv6 form"), help);
    }
    if canonical != text {
        let help = format!("did you mean `{canonical}`?");
        // Bits beyond the mask leave open which of the two is wrong.
        let (message, instead) = match net.trunc() == net {
            true => (format!("{shown} is not in canonical form"), Some(canonical)),
            false => (format!("{shown} has bits set beyond its mask"), None),
        };
        return Err(Refusal { code: codes::CIDR, message, help, instead });
    }
    Ok(net)
}

const RANGE_HELP: &str = "write a range as `203.0.113.0/24` or `2001:db8::/32`";

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

fn leading_zero(number: &str) -> bool {
    number.len() > 1 && number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit())
}

/// How to mend what does not even parse, and the range that it is nonetheless, where it can be no other.
fn range_help(text: &str, written: &str, mask: &str) -> (String, Option<String>) {
    let only = |help: &str| (help.to_owned(), None);
    if text.contains([',', ';']) {
        return only("write each range as an element of its own: [\"…\", \"…\"]");
    }
    if written.contains('%') {
        return only("a policy holds for all interfaces: write the address without its zone");
    }
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if compact != text && parse_cidr(&compact).is_ok() {
        // Inside an address white space may stand where something is missing.
        let around = format!("{}/{}", written.trim(), mask.trim());
        return (format!("did you mean `{compact}`?"), (around == compact).then_some(compact));
    }
    match (address(written), address(mask)) {
        (Some(IpAddr::V4(first)), Some(IpAddr::V4(mask))) => match ipnet::Ipv4Net::with_netmask(first, mask) {
            Ok(net) => {
                // With host bits, or a mask that some routers read the other way round, it may be another range.
                let certain = net.trunc() == net && (1..32).contains(&net.prefix_len());
                (format!("did you mean `{}`?", net.trunc()), certain.then(|| net.to_string()))
            }
            Err(_) => only(RANGE_HELP),
        },
        (Some(IpAddr::V4(_)), _) => only("an IPv4 mask is a number from 0 to 32"),
        (Some(IpAddr::V6(_)), _) => only("an IPv6 mask is a number from 0 to 128"),
        (None, _) => only(RANGE_HELP),
    }
}

/// Refuses ranges that pod traffic never goes to.
pub fn check_destination(net: &IpNet) -> Result<(), Refusal> {
    match address::SPECIAL.iter().find(|(_, special)| special.contains(net)) {
        Some((what, special)) => refuse(
            codes::SPECIAL_RANGE,
            format!("`{net}` is {what} (`{special}`)"),
            "pods do not reach such addresses over the network; remove it",
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range_instead(text: &str) -> Option<String> {
        let instead = parse_cidr(text).unwrap_err().instead;
        assert!(instead.iter().all(|instead| parse_cidr(instead).is_ok()), "{text}: {instead:?}");
        instead
    }

    fn port_instead(text: &str) -> Option<String> {
        let instead = parse_port(&PortText::Text(text.to_owned())).unwrap_err().instead;
        assert!(instead.iter().all(|instead| parse_port(&PortText::Text(instead.clone())).is_ok()), "{text}");
        instead
    }

    #[test]
    fn another_spelling_of_one_range_has_one_right_form() {
        for (text, range) in [
            ("2001:DB8::/32", "2001:db8::/32"),
            ("2001:0db8:0:0::/32", "2001:db8::/32"),
            ("64:ff9b::192.0.2.33/128", "64:ff9b::c000:221/128"),
            ("10.0.0.0/08", "10.0.0.0/8"),
            ("fc00::/007", "fc00::/7"),
            (" 10.0.0.0 / 8\t", "10.0.0.0/8"),
            ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ] {
            assert_eq!(range_instead(text), Some(range.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_range_that_may_be_another_one_is_left_to_a_person() {
        for text in [
            "10.0.0.5/8",
            "10.0.0.5/08",
            "010.0.0.0/8",
            "010.0.0.0/08",
            "10.0.0.0/010",
            "10.0.0.0/024",
            "fd00::/032",
            "10.0.0.0/00",
            "10.0.0.7",
            "::ffff:10.0.0.0/104",
            "::FFFF:10.0.0.0/104",
            "10.0.0. 0/8",
            "10.0.0.0/1 6",
            "10.0.0.0/8, 10.1.0.0/16",
            "10.0.0.1/255.0.0.0",
            "10.0.0.0/0.255.255.255",
            "10.0.0.1/255.255.255.255",
            "0.0.0.0/0.0.0.0",
            "fe80::%eth0/64",
            "10.0.0.0/33",
            "example.com/24",
            "",
            "/",
        ] {
            assert_eq!(range_instead(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_form_of_a_protocol_leaves_no_doubt() {
        for (text, port) in [
            ("80/tcp", "80/TCP"),
            ("80/Udp", "80/UDP"),
            ("sctp/80", "80/SCTP"),
            ("TCP/80-90", "80-90/TCP"),
            (" 80 / tcp ", "80/TCP"),
            ("80 - 90/tcp", "80-90/TCP"),
        ] {
            assert_eq!(port_instead(text), Some(port.to_owned()), "{text}");
        }
        for text in [
            "TCP",
            "+80",
            "080",
            "080/tcp",
            "8 0/tcp",
            "80/tpc",
            "80:tcp",
            "0/tcp",
            "90-80/tcp",
            "70000/tcp",
            "http/tcp",
            "80/tcp/udp",
            "80/",
            "/tcp",
            "tcp/udp",
            "all/tcp",
            "80,90/tcp",
            "",
        ] {
            assert_eq!(port_instead(text), None, "{text}");
        }
    }
}
