//! Address ranges of a rule.
//!
//! 1. Ranges match no pod and no node, as long as the agent's option `policy-cidr-match-mode` does not say so.
//! 2. A range is what `net/netip` takes for a prefix: host bits are cut off. An address alone is none (CRD: format cidr).
//! 3. An exception begins inside its range (CIDRRule.Validate); one that holds all of it leaves nothing (pkg/ip, RemoveCIDRs).
//! 4. A reference to a group stands for its ranges, by its name or by labels of groups; exceptions take from each of them
//!    (seen in Cilium's own engine, although its documentation says otherwise).
//! 5. One of range, name and labels is written (CRD: oneOf).

use std::net::IpAddr;

use ipnet::IpNet;

use super::object::CidrRule;
use super::peers::{NULL, Peers};
use crate::diag::quote;
use crate::dialects::reading::conjunction::Ask;
use crate::dialects::reading::selector::Conditions;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Purpose, Reader, validity};
use crate::source::Span;
use crate::verify::normal::Peer;

/// Groups of address ranges that a rule names.
#[derive(Debug, Clone)]
pub(super) struct GroupRef {
    pub(super) which: Which,
    pub(super) except: Vec<IpNet>,
    pub(super) span: Span,
}

/// Which groups.
#[derive(Debug, Clone)]
pub(super) enum Which {
    /// The one of this name.
    Named(String),
    /// Those whose labels satisfy all of these.
    Labelled(Conditions),
}

impl Which {
    /// Whether a group is meant.
    pub(super) fn is_for(&self, name: &str, labels: &[(String, String)]) -> bool {
        match self {
            Self::Named(wanted) => wanted == name,
            Self::Labelled(all) => all.iter().all(|(key, ask)| {
                let value = labels.iter().find(|(known, _)| **known == **key).map(|(_, value)| value.as_str());
                match ask {
                    Ask::OneOf(values) => value.is_some_and(|value| values.contains(value)),
                    Ask::NoneOf(values) => value.is_none_or(|value| !values.contains(value)),
                    Ask::Exists => value.is_some(),
                    Ask::Missing => value.is_none(),
                }
            }),
        }
    }
}

/// 2.
pub(super) fn range(with: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<IpNet> {
    if with.purpose == Purpose::Rendered {
        return with.cidr(text);
    }
    let word = with.string(text)?;
    match given(word) {
        Some(range) => Some(range),
        None => {
            let message = format!("{} is no address range", quote(word));
            with.error(with.doc.place(text), message, "write an address, `/` and the length of the prefix")
        }
    }
}

fn given(word: &str) -> Option<IpNet> {
    let (address, length) = word.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    // What a range of such addresses matches differs between versions of Go.
    let is_mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    let is_plain = length.bytes().all(|b| b.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
    if is_mapped || !is_plain {
        return None;
    }
    Some(IpNet::new(address, length.parse().ok()?).ok()?.trunc())
}

/// A range less its exceptions; `None` when nothing is left (3.).
pub(super) fn block(cidr: IpNet, except: &[IpNet]) -> Option<Peer> {
    if except.iter().any(|hole| hole.contains(&cidr)) {
        return None;
    }
    let mut except: Vec<IpNet> = except.iter().copied().filter(|hole| cidr.contains(hole)).collect();
    except.sort_unstable();
    except.dedup();
    Some(Peer::Block { cidr, except })
}

/// 3., 4., 5.
pub(super) fn rule(with: &mut Reader<'_, '_>, rule: Option<&CidrRule<'_>>, span: Span, out: &mut Peers) -> Option<()> {
    let Some(rule) = rule else {
        return with.error(span, "null stands where an address range is expected", NULL);
    };
    match (&rule.cidr, &rule.cidr_group_ref, &rule.cidr_group_selector) {
        (Some(text), None, None) => {
            let cidr = range(with, text)?;
            let mut holes = vec![];
            for text in rule.except.iter().flatten() {
                holes.push(exception(with, text, cidr)?);
            }
            out.peers.extend(block(cidr, &holes));
            Some(())
        }
        (None, Some(text), None) => {
            let span = with.doc.place(text);
            let except = exceptions(with, rule, span)?;
            let name = with.string(text)?.to_owned();
            if !validity::is_dns_subdomain(&name) {
                return with.error(span, format!("{} is no name of a group", quote(&name)), "write the group's name");
            }
            out.groups.push(GroupRef { which: Which::Named(name), except, span });
            Some(())
        }
        (None, None, Some(selector)) => {
            let except = exceptions(with, rule, span)?;
            // Labels of groups have no source (CIDRRule.Validate).
            let which = Which::Labelled(with.selector(selector)?);
            out.groups.push(GroupRef { which, except, span });
            Some(())
        }
        _ => {
            let message = "an address range is either `cidr`, `cidrGroupRef` or `cidrGroupSelector`";
            with.error(span, message, "write one of them")
        }
    }
}

/// 3.
fn exception(with: &mut Reader<'_, '_>, text: &Text<'_>, cidr: IpNet) -> Option<IpNet> {
    let hole = range(with, text)?;
    let start = with.string(text)?.split_once('/').and_then(|(address, _)| address.parse::<IpAddr>().ok());
    let rendered = with.purpose == Purpose::Rendered;
    if !start.is_some_and(|start| cidr.contains(&start)) || rendered && (!cidr.contains(&hole) || hole == cidr) {
        let message = format!("the exception {hole} is not inside {cidr} and narrower than it");
        return with.error(with.doc.place(text), message, "remove it, or write a range inside");
    }
    Some(hole)
}

/// 4.
fn exceptions(with: &mut Reader<'_, '_>, rule: &CidrRule<'_>, span: Span) -> Option<Vec<IpNet>> {
    if rule.except.is_some() && with.purpose == Purpose::Rendered {
        let help = "leave the exceptions out of the group";
        return with.error(span, "exceptions beside a group, which Cilium does not support everywhere", help);
    }
    let read: Vec<_> = rule.except.iter().flatten().map(|text| range(with, text)).collect();
    read.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{block, given};

    #[test]
    fn ranges_are_read_as_go_reads_them() {
        for (word, range) in [
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::1/32", "2001:db8::/32"),
            ("203.0.113.7/32", "203.0.113.7/32"),
        ] {
            assert_eq!(given(word).unwrap().to_string(), range, "{word}");
        }
        for bad in [
            "203.0.113.7",
            "203.0.113.0/33",
            "010.0.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "::ffff:10.0.0.0/104",
            "fe80::1%eth0/64",
            "/8",
            "10.0.0.0/",
        ] {
            assert!(given(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn exceptions_that_hold_the_range_leave_nothing() {
        let range = |word: &str| word.parse().unwrap();
        let left =
            |except: &[&str]| block(range("10.0.0.0/16"), &except.iter().map(|word| range(word)).collect::<Vec<_>>());
        assert!(left(&["10.0.0.0/16"]).is_none() && left(&["10.0.1.0/24", "10.0.0.0/8"]).is_none());
        assert!(left(&["10.0.1.0/24", "192.0.2.0/24"]).is_some());
    }
}
