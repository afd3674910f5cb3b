//! The other ends of a rule.
//!
//! 1. No list of peers at all: everyone, when there are ports; a rule without peers and ports allows nothing (seen in Cilium's own
//!    engine). A list that is empty selects nobody (mergeEndpointSelectors), those of host names, services and groups of
//!    clouds apart: they are none. Some versions took more empty lists for none (CVE-2025-64715): refused where we write.
//! 2. One kind of peers a rule (rule_validation.go); empty lists beside it are read as 1. says.
//! 3. Endpoints: see [`selector`](super::selector).
//! 4. Entities (pkg/policy/api/entity.go): `all` is everyone; `world` every address outside of the cluster, private ones
//!    too; `cluster` every pod and all that belongs to the cluster; `none` nobody.
//! 5. Addresses: see [`cidr`](super::cidr). Host names: see [`names`](super::names). Denials have no host names.
//! 6. What is behind a Service, and who is in a group of a cloud, no policy tells: the rule is known not to be known.
//! 7. `fromNodes` and `toNodes` are refused by agents without the option `enable-node-selector-labels`, which is off unless
//!    somebody turns it on: refused.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::cidr::{self, GroupRef};
use super::names;
use super::object::{CidrRule, Egress, Ingress, Name, Service};
use super::selector::{self, Others, Scope};
use crate::diag::quote;
use crate::dialects::reading::object::Selector;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Purpose, Reader};
use crate::source::Span;
use crate::verify::normal::{self, Entity, Peer};

/// Some readers take null in a list for an object without fields, which allows more than it seems to.
pub(super) const NULL: &str = "write what is meant, or remove the item";

/// Conditions that no policy tells (6.).
const BEHIND_SERVICES: &str = "the other end is behind one of the Services of `toServices`";
const IN_CLOUD_GROUPS: &str = "the other end is in one of the groups of a cloud that are named";

/// The peers of a rule as written, whichever side it is.
pub(super) struct Lists<'r, 'a> {
    endpoints: Option<&'r [Option<Selector<'a>>]>,
    nodes: Option<usize>,
    entities: Option<&'r [Text<'a>]>,
    cidrs: Option<&'r [Text<'a>]>,
    cidr_set: Option<&'r [Option<CidrRule<'a>>]>,
    names: Option<&'r [Option<Name<'a>>]>,
    services: Option<&'r [Option<Service<'a>>]>,
    cloud_groups: Option<usize>,
}

/// Who is meant: peers, and what stands for more.
#[derive(Debug, Default)]
pub(super) struct Peers {
    pub(super) peers: Vec<Peer>,
    /// Peers only where they are not limited to the own cluster.
    pub(super) of_any_cluster: Vec<Peer>,
    pub(super) groups: Vec<GroupRef>,
    /// What nobody knows of them.
    pub(super) provided: Option<&'static str>,
}

impl<'r, 'a> Lists<'r, 'a> {
    pub(super) fn of_ingress(rule: &'r Ingress<'a>) -> Self {
        Self {
            endpoints: rule.from_endpoints.as_deref(),
            nodes: rule.from_nodes.as_ref().map(Vec::len),
            entities: rule.from_entities.as_deref(),
            cidrs: rule.from_cidr.as_deref(),
            cidr_set: rule.from_cidr_set.as_deref(),
            names: None,
            services: None,
            cloud_groups: rule.from_groups.as_ref().map(Vec::len),
        }
    }

    pub(super) fn of_egress(rule: &'r Egress<'a>) -> Self {
        Self {
            endpoints: rule.to_endpoints.as_deref(),
            nodes: rule.to_nodes.as_ref().map(Vec::len),
            entities: rule.to_entities.as_deref(),
            cidrs: rule.to_cidr.as_deref(),
            cidr_set: rule.to_cidr_set.as_deref(),
            names: rule.to_fqdns.as_deref(),
            services: rule.to_services.as_deref(),
            cloud_groups: rule.to_groups.as_ref().map(Vec::len),
        }
    }

    /// Who is meant; `None` inside when nobody says (1.).
    pub(super) fn read(&self, with: &mut Reader<'_, '_>, span: Span, scope: Scope<'_>) -> Option<Option<Peers>> {
        if self.is_given(with, span)?.is_none() {
            return Some(None);
        }
        let mut out = Peers::default();
        let mut failed = false;
        for written in self.endpoints.into_iter().flatten() {
            failed |= endpoints(with, written.as_ref(), span, scope, &mut out).is_none();
        }
        for text in self.entities.into_iter().flatten() {
            match entity(with, text) {
                Some(peers) => out.peers.extend(peers),
                None => failed = true,
            }
        }
        for text in self.cidrs.into_iter().flatten() {
            match cidr::range(with, text) {
                Some(cidr) => out.peers.push(Peer::Block { cidr, except: vec![] }),
                None => failed = true,
            }
        }
        for rule in self.cidr_set.into_iter().flatten() {
            failed |= cidr::rule(with, rule.as_ref(), span, &mut out).is_none();
        }
        for name in self.names.into_iter().flatten() {
            match names::read(with, name.as_ref(), span) {
                Some(name) => out.peers.push(Peer::Name(name)),
                None => failed = true,
            }
        }
        failed |= self.unknown(with, span, &mut out).is_none();
        (!failed).then_some(Some(out))
    }

    /// 1., 2., 7. Whether some list says who is meant.
    fn is_given(&self, with: &mut Reader<'_, '_>, span: Span) -> Option<Option<()>> {
        let all = [
            ("endpoints", self.endpoints.map(<[_]>::len), true),
            ("nodes", self.nodes, true),
            ("entities", self.entities.map(<[_]>::len), true),
            ("addresses", self.cidrs.map(<[_]>::len), true),
            ("addresses", self.cidr_set.map(<[_]>::len), true),
            ("host names", self.names.map(<[_]>::len), false),
            ("services", self.services.map(<[_]>::len), false),
            ("groups of a cloud", self.cloud_groups, false),
        ];
        let given = || all.iter().filter_map(|(kind, count, says)| Some((*kind, (*count)?, *says)));
        let rendered = with.purpose == Purpose::Rendered;
        if given().filter(|(_, count, _)| rendered || *count > 0).count() > 1 {
            let help = "write a rule of its own for each";
            return with.error(span, "peers of several kinds in one rule, which Cilium does not take", help);
        }
        if let Some((kind, ..)) = given().find(|(kind, count, _)| rendered && *count == 0 && *kind != "endpoints") {
            let message = format!("an empty list of {kind}, which some versions take for no list");
            return with.error(span, message, "write whom it means, or remove the rule");
        }
        if self.nodes.is_some_and(|count| count > 0) {
            let message = "nodes by their labels, which Cilium only takes with `enable-node-selector-labels`";
            return with.error(span, message, "write entities, as `remote-node`");
        }
        Some(given().any(|(_, count, says)| says || count > 0).then_some(()))
    }

    /// 6.
    fn unknown(&self, with: &mut Reader<'_, '_>, span: Span, out: &mut Peers) -> Option<()> {
        let services = self.services.unwrap_or_default();
        for service in services {
            let Some(service) = service else {
                return with.error(span, "null stands where a Service is expected", NULL);
            };
            if service.by_labels.as_ref().is_some_and(|selected| selected.selector.is_none()) {
                return with.error(span, "`selector` of a Service is missing", "write whose labels are meant");
            }
        }
        let provided = match (services.is_empty(), self.cloud_groups) {
            (false, _) => BEHIND_SERVICES,
            (true, Some(1..)) => IN_CLOUD_GROUPS,
            (true, _) => return Some(()),
        };
        if with.purpose == Purpose::Rendered {
            return with.error(span, format!("that {provided} cannot be proved"), "name pods or addresses");
        }
        out.peers.push(Peer::Anyone);
        out.provided = Some(provided);
        Some(())
    }
}

/// 3.
fn endpoints(
    with: &mut Reader<'_, '_>,
    written: Option<&Selector<'_>>,
    span: Span,
    scope: Scope<'_>,
    out: &mut Peers,
) -> Option<()> {
    let Some(written) = written else {
        return with.error(span, "null stands where a selector is expected", NULL);
    };
    let all = selector::requirements(with, written)?;
    let selected = selector::peer(with, all, scope)?;
    if selected.of_any_cluster && with.purpose == Purpose::Rendered {
        let message =
            "a peer of negations alone, which is nodes and addresses too unless an option of the agents says not";
        let help = "ask for a namespace: key `k8s:io.kubernetes.pod.namespace`, operator `Exists`";
        return with.error(span, message, help);
    }
    let beside = match selected.others {
        Others::None => vec![],
        Others::One(entity) => vec![Peer::Entity(entity)],
        Others::All => world().chain(Entity::ALL.map(Peer::Entity)).collect(),
    };
    out.peers.extend(selected.pods.map(normal::Selector::peer));
    match selected.of_any_cluster {
        true => out.of_any_cluster.extend(beside),
        false => out.peers.extend(beside),
    }
    Some(())
}

/// Every address outside of the cluster.
fn world() -> impl Iterator<Item = Peer> {
    let everything = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
    everything.into_iter().map(|cidr| Peer::Block { cidr, except: vec![] })
}

/// 4.
fn entity(with: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<Vec<Peer>> {
    let one = |entity| Some(vec![Peer::Entity(entity)]);
    match with.string(text)? {
        "all" => Some(vec![Peer::Anyone]),
        "world" => Some(world().collect()),
        "cluster" => {
            let pods = normal::Selector::every().peer();
            Some([pods].into_iter().chain(Entity::ALL.map(Peer::Entity)).collect())
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
