//! The other ends of a rule.
//!
//! 1. No list of peers at all: everyone, when there are ports; a rule without peers and ports allows nothing (seen in Cilium's own
//!    engine; a list that is empty selects nobody, `fromEndpoints: []`). Empty lists of other kinds were taken for no
//!    list by some versions (CVE-2025-64715): refused.
//! 2. One kind of peers a rule (rule_validation.go).
//! 3. In a CiliumNetworkPolicy a selector without a namespace, by name or label, stays in the policy's own; in a clusterwide
//!    one it means pods of every namespace (pkg/k8s/apis/cilium.io/utils, getEndpointSelector).
//! 4. Entities (pkg/policy/api/entity.go): `all` is everyone; `world` every address outside of the cluster, private ones
//!    too; `cluster` every pod and all that belongs to the cluster; `none` nobody.
//! 5. Blocks match no pod and no node. A reference to a group stands alone, without exceptions (api/cidr.go).
//! 6. Host names: `matchName` is one name, `*.` at the beginning of a pattern stands for one label; other patterns are
//!    refused. Names are destinations of permissions only.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::object::{CidrRule, Egress, Ingress, Name};
use super::selector::{self, Selected};
use crate::diag::quote;
use crate::dialects::reading::object::Selector;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Reader, validity};
use crate::model::{Labels, Sym};
use crate::source::Span;
use crate::verify::normal::{Entity, Namespaces, Peer};

/// Some readers take null in a list for an object without fields, which allows more than it seems to.
pub(super) const NULL: &str = "write what is meant, or remove the item";

/// The peers of a rule as written, whichever side it is.
pub(super) struct Lists<'r, 'a> {
    endpoints: Option<&'r [Option<Selector<'a>>]>,
    entities: Option<&'r [Text<'a>]>,
    cidrs: Option<&'r [Text<'a>]>,
    cidr_set: Option<&'r [Option<CidrRule<'a>>]>,
    names: Option<&'r [Option<Name<'a>>]>,
}

/// Who is meant: peers, and groups that stand for more.
#[derive(Debug, Default)]
pub(super) struct Peers {
    pub(super) peers: Vec<Peer>,
    pub(super) groups: Vec<(String, Span)>,
}

impl<'r, 'a> Lists<'r, 'a> {
    pub(super) fn of_ingress(rule: &'r Ingress<'a>) -> Self {
        Self {
            endpoints: rule.from_endpoints.as_deref(),
            entities: rule.from_entities.as_deref(),
            cidrs: rule.from_cidr.as_deref(),
            cidr_set: rule.from_cidr_set.as_deref(),
            names: None,
        }
    }

    pub(super) fn of_egress(rule: &'r Egress<'a>) -> Self {
        Self {
            endpoints: rule.to_endpoints.as_deref(),
            entities: rule.to_entities.as_deref(),
            cidrs: rule.to_cidr.as_deref(),
            cidr_set: rule.to_cidr_set.as_deref(),
            names: rule.to_fqdns.as_deref(),
        }
    }

    /// Who is meant; `None` inside when nobody says (1.). `own`: the namespace of a policy that has one.
    pub(super) fn read(&self, with: &mut Reader<'_, '_>, span: Span, own: Option<&Sym>) -> Option<Option<Peers>> {
        let given = [
            self.endpoints.map(|list| ("endpoints", list.len())),
            self.entities.map(|list| ("entities", list.len())),
            self.cidrs.map(|list| ("addresses", list.len())),
            self.cidr_set.map(|list| ("addresses", list.len())),
            self.names.map(|list| ("host names", list.len())),
        ];
        let mut given = given.into_iter().flatten();
        let Some((kind, count)) = given.next() else { return Some(None) };
        if given.next().is_some() {
            let help = "write a rule of its own for each";
            return with.error(span, "peers of several kinds in one rule, which Cilium does not take", help);
        }
        if count == 0 && kind != "endpoints" {
            let message = format!("an empty list of {kind}, which some versions take for no list");
            return with.error(span, message, "write whom it means, or remove the rule");
        }
        let mut out = Peers::default();
        let mut failed = false;
        for selector in self.endpoints.into_iter().flatten() {
            match endpoints(with, selector.as_ref(), span, own) {
                Some(peers) => out.peers.extend(peers),
                None => failed = true,
            }
        }
        for text in self.entities.into_iter().flatten() {
            match entity(with, text) {
                Some(peers) => out.peers.extend(peers),
                None => failed = true,
            }
        }
        for text in self.cidrs.into_iter().flatten() {
            match with.cidr(text) {
                Some(cidr) => out.peers.push(Peer::Block { cidr, except: vec![] }),
                None => failed = true,
            }
        }
        for rule in self.cidr_set.into_iter().flatten() {
            failed |= cidr_rule(with, rule.as_ref(), span, &mut out).is_none();
        }
        for name in self.names.into_iter().flatten() {
            match host(with, name.as_ref(), span) {
                Some(name) => out.peers.push(Peer::Name(name)),
                None => failed = true,
            }
        }
        (!failed).then_some(Some(out))
    }
}

/// 3.
fn endpoints(
    with: &mut Reader<'_, '_>,
    selector: Option<&Selector<'_>>,
    span: Span,
    own: Option<&Sym>,
) -> Option<Vec<Peer>> {
    let Some(selector) = selector else {
        return with.error(span, "null stands where a selector is expected", NULL);
    };
    let all = selector::selected(with, selector, span)?;
    let mut peers = vec![];
    for selected in &all {
        if !selected.not_in.is_empty() {
            let help = "name the namespaces that are meant";
            return with.error(span, "a peer in all namespaces but some is not supported", help);
        }
        let Some(of) = selector::namespace_labels(selected) else {
            let help = "name the namespace once";
            return with.error(span, "a peer in two namespaces at once, which no pod is", help);
        };
        peers.push(Peer::Pods { namespaces: namespaces(selected, of, own), labels: selected.pods.clone() });
    }
    Some(peers)
}

fn namespaces(selected: &Selected, labels: Labels, own: Option<&Sym>) -> Namespaces {
    let Selected { namespace, any_namespace, .. } = selected;
    match (namespace, own) {
        (Some(name), _) if labels.len() == 1 => Namespaces::Named(name.clone()),
        (None, Some(own)) if labels.is_empty() && !any_namespace => Namespaces::Named(own.clone()),
        _ => by_name(labels),
    }
}

/// The label that names a namespace is its name.
fn by_name(labels: Labels) -> Namespaces {
    match labels.get(crate::model::NAMESPACE_NAME) {
        Some(name) if labels.len() == 1 => Namespaces::Named(name.clone()),
        _ => Namespaces::Labelled(labels),
    }
}

/// 4.
fn entity(with: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<Vec<Peer>> {
    let one = |entity| Some(vec![Peer::Entity(entity)]);
    match with.string(text)? {
        "all" => Some(vec![Peer::Anyone]),
        "world" => {
            let everything = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
            Some(everything.into_iter().map(|cidr| Peer::Block { cidr, except: vec![] }).collect())
        }
        "cluster" => {
            let namespaces = Namespaces::Labelled(Labels::default());
            let pods = Peer::Pods { namespaces, labels: Labels::default() };
            Some([pods].into_iter().chain(Entity::ALL.into_iter().map(Peer::Entity)).collect())
        }
        "none" => Some(vec![]),
        "host" => one(Entity::Host),
        "remote-node" => one(Entity::RemoteNode),
        "kube-apiserver" => one(Entity::ApiServer),
        "ingress" => one(Entity::Ingress),
        "health" => one(Entity::Health),
        "init" => one(Entity::Init),
        "unmanaged" => one(Entity::Unmanaged),
        other => {
            let message = format!("{} is no entity", quote(other));
            with.error(with.doc.place(text), message, "write `all`, `cluster`, `host`, `kube-apiserver` or the like")
        }
    }
}

/// 5.
fn cidr_rule(with: &mut Reader<'_, '_>, rule: Option<&CidrRule<'_>>, span: Span, out: &mut Peers) -> Option<()> {
    let Some(rule) = rule else {
        return with.error(span, "null stands where an address range is expected", NULL);
    };
    match (&rule.cidr, &rule.cidr_group_ref) {
        (Some(cidr), None) => {
            let cidr = with.cidr(cidr)?;
            let mut except = vec![];
            for text in rule.except.iter().flatten() {
                let hole = with.cidr(text)?;
                if !cidr.contains(&hole) || hole == cidr {
                    let message = format!("the exception {hole} is not inside {cidr} and narrower than it");
                    return with.error(with.doc.place(text), message, "remove it, or write a range inside");
                }
                except.push(hole);
            }
            except.sort_unstable();
            except.dedup();
            out.peers.push(Peer::Block { cidr, except });
            Some(())
        }
        (None, Some(group)) => {
            let place = with.doc.place(group);
            if rule.except.is_some() {
                let help = "leave the exceptions out of the group";
                return with.error(place, "exceptions beside a group, which Cilium does not support", help);
            }
            let name = with.string(group)?.to_owned();
            out.groups.push((name, place));
            Some(())
        }
        _ => with.error(span, "an address range is either `cidr` or `cidrGroupRef`", "write one of them"),
    }
}

/// 6.
fn host(with: &mut Reader<'_, '_>, name: Option<&Name<'_>>, span: Span) -> Option<Sym> {
    let Some(name) = name else {
        return with.error(span, "null stands where a host name is expected", NULL);
    };
    let (text, rest) = match (&name.match_name, &name.match_pattern) {
        (Some(text), None) => (text, with.string(text)?),
        (None, Some(text)) => {
            let pattern = with.string(text)?;
            let Some(rest) = pattern.strip_prefix("*.") else {
                let message = format!("the pattern {} is not supported", quote(pattern));
                return with.error(with.doc.place(text), message, "write `*.` and a name, or `matchName`");
            };
            (text, rest)
        }
        _ => {
            return with.error(span, "a host name is either `matchName` or `matchPattern`", "write one of them");
        }
    };
    if !validity::is_dns_subdomain(rest) {
        let message = format!("{} is no host name in its one form", quote(rest));
        return with.error(with.doc.place(text), message, "write it in lower case, without a final dot");
    }
    with.string(text).map(Sym::from)
}
