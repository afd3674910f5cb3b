//! Address ranges of rules and of sets.
//!
//! Sources: `libcalico-go/lib/validator/v3/validator.go` (`validateRule`, `validateIPNetwork`, `validateCIDR`),
//! `libcalico-go/lib/net/ipnet.go`, `felix/rules` (`FilterRuleToIPVersion`).
//!
//! 1. A rule's nets are ranges without host bits, of one address family on both sides. A rule with nets of a family, in
//!    `nets` or `notNets`, or with an `ipVersion`, matches nothing of the other one.
//! 2. What is in `nets` (or anywhere, without them) and not in `notNets` is matched. `notNets` cannot hold everything.
//! 3. A set's nets may be single addresses, and have host bits, which count for nothing.
//! 4. Lists hold each text once, and those of a rule 256 texts (CustomResourceDefinitions).
//! 5. IPv4 written as IPv6 is one for some of Calico's parts and the other for others.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::convert::Convert;
use crate::diag::quote;
use crate::dialects::reading::Purpose;
use crate::dialects::reading::text::Text;
use crate::source::Span;
use crate::verify::normal::Peer;

/// 4.
const MAX_NETS: usize = 256;

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(net: &IpNet) -> Self {
        match net {
            IpNet::V4(_) => Self::V4,
            IpNet::V6(_) => Self::V6,
        }
    }

    /// Every address of it.
    pub(super) fn every(self) -> IpNet {
        match self {
            Self::V4 => Ipv4Net::new(Ipv4Addr::UNSPECIFIED, 0).unwrap_or_default().into(),
            Self::V6 => Ipv6Net::new(Ipv6Addr::UNSPECIFIED, 0).unwrap_or_default().into(),
        }
    }
}

impl Convert<'_, '_, '_> {
    /// 1, 4. `nets` or `notNets` of a rule.
    pub(super) fn rule_nets(&mut self, texts: Option<&[Text<'_>]>, negated: bool, span: Span) -> Option<Vec<IpNet>> {
        let texts = texts.unwrap_or_default();
        if texts.len() > MAX_NETS {
            return self.error(span, format!("more than {MAX_NETS} nets in one rule"), "split the rule");
        }
        let read: Vec<_> = texts.iter().map(|text| self.rule_net(text, negated)).collect();
        self.once(texts)?;
        read.into_iter().collect()
    }

    fn rule_net(&mut self, text: &Text<'_>, negated: bool) -> Option<IpNet> {
        let net = match self.with.purpose {
            Purpose::Rendered => self.with.cidr(text)?,
            Purpose::Given => {
                let word = self.with.string(text)?;
                match range(word).filter(|net| word.contains('/') && net.trunc() == *net) {
                    Some(net) => self.plain(text, net)?,
                    None => {
                        let message = format!("{} is no address range", quote(word));
                        let help = "write address and prefix length, without host bits";
                        return self.error(self.with.doc.place(text), message, help);
                    }
                }
            }
        };
        if negated && net.prefix_len() == 0 {
            let message = format!("`notNets` cannot hold {net}");
            return self.error(self.with.doc.place(text), message, "write what the rule is about as `nets`");
        }
        Some(net)
    }

    /// 3, 4.
    pub(super) fn set_nets(&mut self, texts: &[Text<'_>]) -> Option<BTreeSet<IpNet>> {
        let mut nets = Some(BTreeSet::new());
        for text in texts {
            let net = match self.with.purpose {
                Purpose::Rendered => self.with.cidr(text),
                Purpose::Given => self.set_net(text),
            };
            match (net, &mut nets) {
                (Some(net), Some(all)) => {
                    all.insert(net);
                }
                (Some(_), None) => {}
                (None, _) => nets = None,
            }
        }
        self.once(texts)?;
        nets
    }

    fn set_net(&mut self, text: &Text<'_>) -> Option<IpNet> {
        let word = self.with.string(text)?;
        match range(word) {
            Some(net) => self.plain(text, net.trunc()),
            None => {
                let message = format!("{} is no address range", quote(word));
                self.error(self.with.doc.place(text), message, "write an address, or address and prefix length")
            }
        }
    }

    /// 5.
    fn plain(&mut self, text: &Text<'_>, net: IpNet) -> Option<IpNet> {
        match net {
            IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some() => {
                let message = format!("{net} cannot be evaluated: it is IPv4 written as IPv6");
                self.error(self.with.doc.place(text), message, "write it as IPv4")
            }
            net => Some(net),
        }
    }

    /// 4.
    pub(super) fn once(&mut self, texts: &[Text<'_>]) -> Option<()> {
        let mut seen = BTreeSet::new();
        for text in texts {
            let word = self.with.string(text)?;
            if !seen.insert(word) {
                let message = format!("{} is written twice", quote(word));
                return self.error(self.with.doc.place(text), message, "remove one");
            }
        }
        Some(())
    }

    /// 1. The family of a rule with these nets.
    pub(super) fn family<'n>(
        &mut self,
        version: Option<Family>,
        nets: impl IntoIterator<Item = &'n IpNet>,
        span: Span,
    ) -> Option<Option<Family>> {
        let mut family = version;
        for net in nets {
            let of = Family::of(net);
            match family {
                Some(known) if known != of && version.is_some() => {
                    let message = format!("{net} is not of the rule's `ipVersion`");
                    return self.error(span, message, "write nets of this version, or remove `ipVersion`");
                }
                Some(known) if known != of => {
                    return self.error(span, "IPv4 and IPv6 nets in one rule", "write one rule for each");
                }
                _ => family = Some(of),
            }
        }
        Some(family)
    }
}

/// A range, or a single address as one.
fn range(text: &str) -> Option<IpNet> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(IpNet::from);
    };
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length = length.parse::<u8>().ok().filter(|_| digits)?;
    IpNet::new(address.parse().ok()?, length).ok()
}

/// 2. The addresses that a rule's nets leave; `None` without any nets.
pub(super) fn blocks(nets: &[IpNet], not_nets: &[IpNet], family: Option<Family>) -> Option<Vec<Peer>> {
    let every = family.map(Family::every);
    let whole: Vec<IpNet> = if nets.is_empty() { every.into_iter().collect() } else { nets.to_vec() };
    if whole.is_empty() {
        return None;
    }
    let mut peers = vec![];
    for cidr in whole {
        if not_nets.iter().any(|hole| hole.contains(&cidr)) {
            continue;
        }
        let mut except: Vec<IpNet> = not_nets.iter().filter(|hole| cidr.contains(*hole)).copied().collect();
        except.sort_unstable();
        except.dedup();
        peers.push(Peer::Block { cidr, except });
    }
    Some(peers)
}
