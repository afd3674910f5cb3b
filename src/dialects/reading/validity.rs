//! What the API server accepts as names, labels, ranges and ports.

use std::net::IpAddr;

use ipnet::IpNet;

/// RFC 1123 label: at most 63 characters of lower-case letters, digits and inner hyphens.
pub fn is_dns_label(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

/// RFC 1123 subdomain: labels (of any length, as the API server has it) joined by dots, at most 253 characters.
pub fn is_dns_subdomain(text: &str) -> bool {
    is_subdomain(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Letters and digits are those of `is_edge`.
fn is_subdomain(text: &str, is_edge: impl Fn(u8) -> bool) -> bool {
    let mut before = b'.';
    let holds = text.as_bytes().iter().all(|b| {
        let fits = match *b {
            b'.' => is_edge(before),
            b'-' => before != b'.',
            other => is_edge(other),
        };
        before = *b;
        fits
    });
    text.len() <= 253 && holds && is_edge(before)
}

/// A word of a label: 1 to 63 characters, letters or digits at its ends.
fn is_label_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// What stands before the first slash, and what behind it: the same as `split_once`, which takes longer for short texts.
pub fn prefixed(text: &str) -> Option<(&str, &str)> {
    let at = text.as_bytes().iter().position(|b| *b == b'/')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// `[prefix/]name`.
pub fn is_label_key(text: &str) -> bool {
    match prefixed(text) {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_label_word(name),
        None => is_label_word(text),
    }
}

/// The key of an annotation: that of a label, but case does not matter in its prefix.
pub fn is_annotation_key(text: &str) -> bool {
    match prefixed(text) {
        Some((prefix, name)) => is_subdomain(prefix, |b| b.is_ascii_alphanumeric()) && is_label_word(name),
        None => is_label_word(text),
    }
}

/// A value of a label; may be empty.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_label_word(text)
}

/// A range in the one form in which every reader takes it alike: no host bits, no leading zeros, shortest IPv6, no
/// IPv4-mapped IPv6.
pub fn cidr(text: &str) -> Option<IpNet> {
    let range: IpNet = text.parse().ok()?;
    if let IpNet::V6(v6) = range
        && v6.addr().to_ipv4_mapped().is_some()
    {
        return None;
    }
    (range.trunc().to_string() == text).then_some(range)
}

/// A range as the API server takes it since 1.36: no host bits, no leading zeros, no IPv4 in IPv6, no zone; IPv6 in any
/// spelling (apimachinery `util/validation/ip.go`, parseCIDR).
pub fn range(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        return None;
    }
    let bits: u8 = length.parse().ok()?;
    let range = IpNet::new(address, bits).ok()?;
    (bits.to_string() == length && range.addr() == range.network()).then_some(range)
}

/// Name of a port: at most 15 lower-case letters, digits and single inner hyphens, a letter among them
/// (apimachinery `util/validation`, IsValidPortName).
pub fn is_port_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    is_dns_label(text)
        && bytes.len() <= 15
        && bytes.iter().any(u8::is_ascii_lowercase)
        && !bytes.windows(2).any(|two| two == b"--")
}

/// 1 to 65535.
pub fn port(number: i128) -> Option<u16> {
    u16::try_from(number).ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rfc_1123() {
        assert!(is_dns_subdomain("a.b-c.9") && is_dns_subdomain(&"a".repeat(253)));
        for bad in ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a.-b", "a-.b", "."] {
            assert!(!is_dns_subdomain(bad), "{bad}");
        }
        assert!(!is_dns_subdomain(&"a".repeat(254)) && !is_dns_label(&"a".repeat(64)) && !is_dns_label("a.b"));
    }

    #[test]
    fn labels_follow_the_api_server() {
        assert!(is_label_key("app.kubernetes.io/name") && is_label_key("A_b.C") && is_label_value(""));
        for bad in ["", "a/b/c", "/a", "a/", "A/b", "-a", "a b"] {
            assert!(!is_label_key(bad), "{bad}");
        }
        assert!(is_annotation_key("A/b") && is_annotation_key("a.B-c/D") && !is_annotation_key("-A/b"));
        assert!(!is_label_value("a b") && !is_label_value("-a") && !is_label_value(&"a".repeat(64)));
    }

    #[test]
    fn ranges_must_be_canonical() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "203.0.113.7/32"] {
            assert!(cidr(good).is_some(), "{good}");
        }
        for bad in [
            "10.0.0.1/8",
            "010.0.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0",
            "10.0.0.0/33",
            "2001:DB8::/32",
            "::ffff:1.2.3.0/120",
            "::ffff:102:300/120",
            "2001:db8:0::/32",
            " 10.0.0.0/8",
        ] {
            assert!(cidr(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn ranges_of_others_may_be_spelled_otherwise() {
        for good in ["10.0.0.0/8", "::/0", "2001:DB8::/32", "2001:db8:0::/48", "2001:db8::1.2.3.0/120"] {
            assert!(range(good).is_some(), "{good}");
        }
        for bad in [
            "10.0.0.1/8",
            "010.0.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0",
            "10.0.0/8",
            "10.0.0.0/33",
            "::ffff:1.2.3.0/120",
            "fe80::%eth0/64",
            "2001:db8::1/64",
            "",
            "/8",
        ] {
            assert!(range(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn ports_have_short_names() {
        assert!(is_port_name("http") && is_port_name("9p") && is_port_name("a-2345678901234") && is_port_name("on"));
        for bad in ["", "80", "8-0", "-a", "a-", "a--b", "a_b", "Http", "a234567890123456", "a.b"] {
            assert!(!is_port_name(bad), "{bad}");
        }
    }
}
