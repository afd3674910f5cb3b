//! Messages of ICMP.
//!
//! 1. They are told by number or by name (CRD), for IPv4 if nothing else is said; at most 40 an entry (rule_validation.go).
//! 2. The normal form knows protocols without ports as one: an allow of some messages counts, and a denial of some is none of
//!    all. Entries without messages open nothing.

use super::object::Icmp;
use super::peers::NULL;
use super::ports::{Entry, MAX_PORTS, Place};
use crate::diag::quote;
use crate::dialects::reading::Reader;
use crate::dialects::reading::object::PortValue;

/// What they open, if anything.
pub(super) fn read(with: &mut Reader<'_, '_>, list: &[Option<Icmp<'_>>], at: Place) -> Option<Option<Entry>> {
    let mut some = false;
    for icmp in list {
        let Some(icmp) = icmp else {
            return with.error(at.span, "null stands where ICMP messages are expected", NULL);
        };
        let fields = icmp.fields.as_deref().unwrap_or_default();
        if fields.len() > MAX_PORTS {
            let message = format!("{} messages in one entry of `icmps`, Cilium takes {MAX_PORTS}", fields.len());
            return with.error(at.span, message, "write several entries");
        }
        for field in fields {
            some = true;
            let family = match field.as_ref().and_then(|field| field.family.as_ref()) {
                None => "IPv4",
                Some(text) => with.string(text)?,
            };
            if !["IPv4", "IPv6"].contains(&family) {
                let message = format!("{} is no IP family", quote(family));
                return with.error(at.span, message, "write `IPv4` or `IPv6`");
            }
            match field.as_ref().and_then(|field| field.kind.as_ref()) {
                Some(PortValue::Number(0..=255)) => {}
                Some(PortValue::Name(name)) if is_message(name) => {}
                _ => {
                    let help = "write a number from 0 to 255, or a name, as `EchoRequest`";
                    return with.error(at.span, "an ICMP message without a type that Cilium knows", help);
                }
            }
        }
    }
    Some((some && !at.deny).then(|| Entry { others: true, ..Entry::default() }))
}

/// A number, or a name that the CRD knows.
fn is_message(name: &str) -> bool {
    const NAMES: [&str; 33] = [
        "EchoReply",
        "DestinationUnreachable",
        "Redirect",
        "Echo",
        "RouterAdvertisement",
        "RouterSelection",
        "TimeExceeded",
        "ParameterProblem",
        "Timestamp",
        "TimestampReply",
        "Photuris",
        "ExtendedEchoRequest",
        "ExtendedEcho Reply",
        "PacketTooBig",
        "EchoRequest",
        "MulticastListenerQuery",
        "MulticastListenerReport",
        "MulticastListenerDone",
        "RouterSolicitation",
        "NeighborSolicitation",
        "NeighborAdvertisement",
        "RedirectMessage",
        "RouterRenumbering",
        "ICMPNodeInformationQuery",
        "ICMPNodeInformationResponse",
        "InverseNeighborDiscoverySolicitation",
        "InverseNeighborDiscoveryAdvertisement",
        "HomeAgentAddressDiscoveryRequest",
        "HomeAgentAddressDiscoveryReply",
        "MobilePrefixSolicitation",
        "MobilePrefixAdvertisement",
        "DuplicateAddressRequestCodeSuffix",
        "DuplicateAddressConfirmationCodeSuffix",
    ];
    NAMES.contains(&name) || name.parse::<u8>().is_ok_and(|number| number.to_string() == name)
}
