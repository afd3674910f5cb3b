//! Rules and their peers, checked as the API server does.
//!
//! By `networking/v1/types.go` of kubernetes/api, and `pkg/apis/networking/validation/validation.go` of kubernetes/kubernetes.
//!
//! 1. `from` or `to` missing or empty: everyone. `ports` missing or empty: every port.
//! 2. `policyTypes` missing or empty: Ingress, and Egress if there are egress rules. At most two are listed.
//! 3. In one peer, `namespaceSelector` and `podSelector` are both required; `podSelector` alone looks in the policy's own
//!    namespace; `ipBlock` stands alone; a peer with nothing is invalid.
//! 4. A range has no host bits, no leading zeros and is no IPv4 in IPv6. Exceptions are inside it, and narrower.
//! 5. Null in a list is an object without fields: as a rule it allows everything, as a peer it is invalid.
//!
//! What is about to be written must not have what engines take differently: rules of a direction that `policyTypes` does
//! not list, and peers by negations alone.

use super::super::conjunction::Ask;
use super::super::object::Selector;
use super::super::selector::Conditions;
use super::super::text::Text;
use super::super::{Purpose, Reader, identities, validity};
use super::object::{self, Spec};
use super::{Peer, Rule, ports};
use crate::diag::quote;
use crate::model::{Direction, Sym};
use crate::source::Span;

/// Some readers take null in a list for an object without fields, which allows more than it seems to.
pub(super) const NULL: &str = "write what is meant, or remove the item";

/// Peers and ports of a rule, as written.
type Parts<'r, 'a> = (Option<&'r [Option<object::Peer<'a>>]>, Option<&'r [Option<object::Port<'a>>]>);

/// 2.
pub(super) fn types(reader: &mut Reader<'_, '_>, spec: &Spec<'_>) -> Option<Vec<Direction>> {
    let ingress = spec.ingress.as_deref().unwrap_or_default();
    let egress = spec.egress.as_deref().unwrap_or_default();
    let listed = spec.policy_types.as_deref().unwrap_or_default();
    let mut types = vec![];
    for text in listed {
        types.push(match reader.string(text)? {
            "Ingress" => Direction::Ingress,
            "Egress" => Direction::Egress,
            other => {
                let message = format!("{} is no policy type", quote(other));
                return reader.error(reader.doc.place(text), message, "write `Ingress` or `Egress`");
            }
        });
    }
    if let [_, _, third, ..] = listed {
        let place = reader.doc.place(third);
        return reader.error(place, "more than two policy types", "list each direction once");
    }
    if types.is_empty() {
        types.push(Direction::Ingress);
        types.extend((!egress.is_empty()).then_some(Direction::Egress));
    }
    types.sort_unstable();
    types.dedup();
    let rules = [
        (Direction::Ingress, "Ingress", ingress.first().map(|rule| reader.doc.line_of(rule))),
        (Direction::Egress, "Egress", egress.first().map(|rule| reader.doc.line_of(rule))),
    ];
    for (direction, word, span) in rules {
        if let Some(span) = span.filter(|_| reader.purpose == Purpose::Rendered)
            && !types.contains(&direction)
        {
            let message = format!("rules of a direction that `policyTypes` does not list: `{word}`");
            let help = "CNIs disagree what such rules do: list the direction, or remove them";
            return reader.error(span, message, help);
        }
    }
    Some(types)
}

/// All rules, those for ingress first.
pub(super) fn rules(reader: &mut Reader<'_, '_>, spec: &Spec<'_>) -> Option<Vec<Rule>> {
    let mut rules = vec![];
    for rule in spec.ingress.iter().flatten() {
        let parts = rule.value.as_ref().map(|rule| (rule.from.as_deref(), rule.ports.as_deref()));
        let span = reader.doc.line_of(rule);
        rules.push(self::rule(reader, Direction::Ingress, parts, span));
    }
    for rule in spec.egress.iter().flatten() {
        let parts = rule.value.as_ref().map(|rule| (rule.to.as_deref(), rule.ports.as_deref()));
        let span = reader.doc.line_of(rule);
        rules.push(self::rule(reader, Direction::Egress, parts, span));
    }
    rules.into_iter().collect()
}

/// 1 and 5.
fn rule(reader: &mut Reader<'_, '_>, direction: Direction, parts: Option<Parts<'_, '_>>, span: Span) -> Option<Rule> {
    let (peers, ports) = match parts {
        Some(parts) => parts,
        None if reader.purpose == Purpose::Rendered => {
            return reader.error(span, "null stands where a rule is expected", NULL);
        }
        None => (None, None),
    };
    let peers: Vec<_> = peers.unwrap_or_default().iter().map(|each| peer(reader, each.as_ref(), span)).collect();
    let ports = match ports.unwrap_or_default() {
        [] => Some(None),
        ports => {
            let read: Vec<_> = ports.iter().map(|port| ports::port(reader, direction, port.as_ref(), span)).collect();
            read.into_iter().collect::<Option<_>>().map(Some)
        }
    };
    Some(Rule { direction, peers: peers.into_iter().collect::<Option<_>>()?, ports: ports?, span })
}

/// 3.
fn peer(reader: &mut Reader<'_, '_>, peer: Option<&object::Peer<'_>>, rule: Span) -> Option<Peer> {
    let Some(peer) = peer else {
        return reader.error(rule, "null stands where a peer is expected", NULL);
    };
    match (&peer.ip_block, &peer.namespace_selector, &peer.pod_selector) {
        (Some(block), None, None) => self::block(reader, block),
        (Some(_), ..) => reader.error(
            rule,
            "`ipBlock` stands beside a selector in one peer",
            "write them as two list items, or remove one",
        ),
        (None, None, None) => reader.error(rule, "a peer that selects nothing", "write whom it selects, or remove it"),
        (None, namespaces, pods) => {
            let namespaces = match namespaces {
                Some(selector) => Some(reader.selector(selector)?),
                None => None,
            };
            let pods = pods.as_ref().map_or(Some(vec![]), |selector| self::pods(reader, selector))?;
            if let Some(namespaces) = &namespaces
                && reader.purpose == Purpose::Rendered
                && is_negations(namespaces, &pods)
            {
                return reader.error(
                    rule,
                    "a peer that only says what it is not",
                    "CNIs disagree whether nodes and addresses are such a peer: ask for a label that it has, as well",
                );
            }
            Some(Peer::Pods { namespaces, pods })
        }
    }
}

/// A selector of pods. What engines take for something else than a pod's own label cannot be evaluated.
pub(super) fn pods(reader: &mut Reader<'_, '_>, selector: &Selector<'_>) -> Option<Conditions> {
    let conditions = reader.selector(selector)?;
    let own = |(key, _): &&(Sym, Ask)| reader.purpose == Purpose::Given && identities::writes(key);
    let Some((key, _)) = conditions.iter().find(own) else { return Some(conditions) };
    let message = format!("cannot be evaluated: Cilium writes the label {} itself, others read the pod's", quote(key));
    let pairs = selector.match_labels.iter().flat_map(|pairs| pairs.0.iter().map(|(key, _)| key));
    let expressions = selector.match_expressions.iter().flatten().map(|expression| &expression.key);
    let place = pairs.chain(expressions).find(|text| reader.doc.string(text).is_ok_and(|word| *word == **key));
    let place = place.map_or(reader.doc.top(), |text| reader.doc.place(text));
    reader.error(place, message, "select namespaces by `namespaceSelector`, and pods by labels of your own")
}

/// Whether something is asked of namespaces, and all that is asked is what must not be.
pub(super) fn is_negations(namespaces: &Conditions, pods: &Conditions) -> bool {
    let negated = |(_, ask): &(_, Ask)| matches!(ask, Ask::NoneOf(_) | Ask::Missing);
    !namespaces.is_empty() && namespaces.iter().chain(pods).all(negated)
}

/// 4.
fn block(reader: &mut Reader<'_, '_>, block: &object::Block<'_>) -> Option<Peer> {
    let cidr = range(reader, &block.cidr)?;
    let mut except = vec![];
    for text in block.except.iter().flatten() {
        let hole = range(reader, text)?;
        if !cidr.contains(&hole) || hole == cidr {
            let message = format!("the exception {hole} is not inside {cidr} and narrower than it");
            return reader.error(reader.doc.place(text), message, "remove it, or write a range inside");
        }
        except.push(hole);
    }
    except.sort_unstable();
    except.dedup();
    Some(Peer::Block { cidr, except })
}

fn range(reader: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<ipnet::IpNet> {
    if reader.purpose == Purpose::Rendered {
        return reader.cidr(text);
    }
    let word = reader.string(text)?;
    match validity::range(word) {
        Some(range) => Some(range),
        None => {
            let message = format!("{} is no address range that the API server takes", quote(word));
            let help = "write prefix and mask, without host bits or leading zeros, IPv4 as IPv4";
            reader.error(reader.doc.place(text), message, help)
        }
    }
}
