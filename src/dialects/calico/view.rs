//! What the templates of this dialect see: pure data, in the words of Calico's policies.
//!
//! In: policies neutral of a dialect. Out: one view an object, made of rules of one protocol and one kind of peer each.
//! A rule without peer means everyone to Calico, so a rule whose peers come to nothing is left out here, and never
//! written empty.

use std::borrow::Cow;

use ipnet::IpNet;
use serde::Serialize;

use super::selector::{self, GLOBAL, Unsayable};
use super::sets::Sets;
use crate::dialects::writing::about::Annotations;
use crate::dialects::writing::once;
use crate::lower::Rule;
use crate::model::{Cidrs, Direction, DnsPeer, Model, PeerSet, PodSet, PortRange, Protocol};

/// The most ports of one side of a rule, ranges counted once (CustomResourceDefinitions: `maxItems`).
const MAX_PORTS: usize = 50;
/// The most address ranges of one side of a rule, and the most exceptions.
const MAX_NETS: usize = 256;

/// One GlobalNetworkPolicy, enforced or staged.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyView<'a> {
    /// `GlobalNetworkPolicy` or `StagedGlobalNetworkPolicy`.
    pub kind: &'static str,
    /// Name of the object.
    pub name: String,
    /// Provenance: keys and texts.
    pub annotations: Annotations<'a>,
    /// It only reports.
    pub staged: bool,
    /// The tier.
    pub tier: &'a str,
    /// Its place in the tier.
    pub order: u32,
    /// Namespaces of its pods; always there, or host endpoints would be meant too.
    pub namespace_selector: Cow<'a, str>,
    /// Its pods.
    pub selector: String,
    /// `Ingress`, `Egress`.
    pub types: Vec<&'static str>,
    /// Rules by direction, none of them empty.
    pub sides: Vec<SideView>,
}

/// The rules of one direction.
#[derive(Debug, Clone, Serialize)]
pub struct SideView {
    /// `ingress` or `egress`.
    pub key: &'static str,
    /// Never empty.
    pub rules: Vec<RuleView>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleView {
    /// `Allow`, `Deny` or `Log`.
    pub action: &'static str,
    /// None: every protocol.
    pub protocol: Option<&'static str>,
    /// What is asked of source and destination; none: nothing.
    pub entities: Vec<EntityView>,
}

/// One side of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct EntityView {
    /// `source` or `destination`.
    pub key: &'static str,
    /// Namespaces of its pods, or `global()`.
    pub namespace_selector: Option<String>,
    /// Labels.
    pub selector: Option<String>,
    /// Address ranges of one family.
    pub nets: Vec<String>,
    /// Ranges of the same family that are left out.
    pub not_nets: Vec<String>,
    /// Ports; empty: all.
    pub ports: Vec<PortView>,
}

/// One port, or several as `first:last`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PortView {
    /// One.
    One(u16),
    /// Several.
    Range(String),
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    Anyone,
    /// Pods or sets.
    Selected {
        namespaces: String,
        labels: Option<String>,
    },
    Addresses {
        nets: Vec<IpNet>,
        except: Vec<IpNet>,
    },
}

/// The name of a direction among `types`.
pub fn type_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    }
}

/// The key of a direction's rules.
pub fn side_key(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}

/// A rule about all traffic of a direction.
pub fn every(action: &'static str) -> RuleView {
    RuleView { action, protocol: None, entities: vec![] }
}

/// Rules that deny what goes to some addresses, each family apart.
pub fn denied(ranges: &Cidrs) -> Vec<RuleView> {
    let mut peers = vec![];
    blocks(ranges, &mut peers);
    let rule = |peer| RuleView { action: "Deny", protocol: None, entities: entities(Direction::Egress, peer, vec![]) };
    peers.into_iter().map(rule).collect()
}

/// A rule in Calico's words: one for each protocol and peer, further ones where there are too many ports. None when
/// nothing is left that Calico could say.
pub fn rules(model: &Model, sets: &Sets<'_>, direction: Direction, rule: &Rule) -> Result<Vec<RuleView>, Unsayable> {
    let mut peers = peers(model, sets, rule)?;
    let mut out = vec![];
    let last = Protocol::ALL.iter().rfind(|last| rule.ports.iter().any(|range| range.protocol == **last));
    for protocol in Protocol::ALL {
        let ranges: Vec<PortRange> = rule.ports.iter().filter(|range| range.protocol == protocol).copied().collect();
        if ranges.is_empty() {
            continue;
        }
        // One range that is all of them takes the others in.
        let parts: Vec<Vec<PortView>> = match ranges.iter().any(|range| range.is_all()) {
            true => vec![vec![]],
            false => ranges.chunks(MAX_PORTS).map(|part| part.iter().map(|range| port(*range)).collect()).collect(),
        };
        // Copies for all but the last rule of a peer, which mostly is the only one.
        let peers = if last == Some(&protocol) { std::mem::take(&mut peers) } else { peers.clone() };
        for peer in peers {
            out.extend(std::iter::repeat_n(peer, parts.len()).zip(&parts).map(|(peer, ports)| RuleView {
                action: "Allow",
                protocol: Some(protocol.as_str()),
                entities: entities(direction, peer, ports.clone()),
            }));
        }
    }
    Ok(out)
}

fn port(range: PortRange) -> PortView {
    match range.first == range.last {
        true => PortView::One(range.first),
        false => PortView::Range(format!("{}:{}", range.first, range.last)),
    }
}

/// The other end is the source of what is received and the destination of what is sent; ports are the destination's.
fn entities(direction: Direction, peer: Peer, ports: Vec<PortView>) -> Vec<EntityView> {
    let mut other = match peer {
        Peer::Anyone => EntityView::default(),
        Peer::Selected { namespaces, labels } => {
            EntityView { namespace_selector: Some(namespaces), selector: labels, ..EntityView::default() }
        }
        Peer::Addresses { nets, except } => {
            EntityView { nets: texts(&nets), not_nets: texts(&except), ..EntityView::default() }
        }
    };
    let mut out = vec![];
    match direction {
        Direction::Ingress => {
            other.key = "source";
            out.push(other);
            out.push(EntityView { key: "destination", ports, ..EntityView::default() });
        }
        Direction::Egress => {
            other.key = "destination";
            other.ports = ports;
            out.push(other);
        }
    }
    out.retain(|entity| *entity != EntityView { key: entity.key, ..EntityView::default() });
    out
}

fn texts(ranges: &[IpNet]) -> Vec<String> {
    ranges.iter().map(IpNet::to_string).collect()
}

fn peers(model: &Model, sets: &Sets<'_>, rule: &Rule) -> Result<Vec<Peer>, Unsayable> {
    if rule.peers.contains(&PeerSet::Anyone) {
        return Ok(vec![Peer::Anyone]);
    }
    let profile = &model.profile;
    let mut out = vec![];
    for peer in &rule.peers {
        match peer {
            // Handled above.
            PeerSet::Anyone => {}
            PeerSet::AllPods => out.push(every_pod()),
            PeerSet::Everywhere => {
                out.push(every_pod());
                blocks(&profile.everywhere(), &mut out);
            }
            PeerSet::Internet => blocks(&profile.internet(), &mut out),
            PeerSet::Nodes => blocks(&Cidrs::new(profile.node_cidrs.iter().copied()), &mut out),
            PeerSet::ApiServer => blocks(&Cidrs::new(profile.api_server_cidrs.iter().copied()), &mut out),
            PeerSet::External(id) => {
                out.extend(
                    sets.selectors(*id)?
                        .into_iter()
                        .map(|labels| Peer::Selected { namespaces: GLOBAL.to_owned(), labels: Some(labels) }),
                );
            }
            PeerSet::Pods(set) => pods(set, &mut out)?,
            PeerSet::Dns(number) => match profile.dns.peers.get(*number) {
                Some(DnsPeer::Pods(set)) => pods(set, &mut out)?,
                Some(DnsPeer::Address(range)) => blocks(&Cidrs::new([*range]), &mut out),
                // Its pods answer only where Cilium redirects to them.
                Some(DnsPeer::Cache(_)) | None => {}
            },
        }
    }
    once(&mut out);
    Ok(out)
}

fn every_pod() -> Peer {
    Peer::Selected { namespaces: selector::every_namespace(), labels: None }
}

fn pods(set: &PodSet, out: &mut Vec<Peer>) -> Result<(), Unsayable> {
    let labels = match set.labels.is_empty() {
        true => None,
        false => Some(selector::pods(&set.labels)?),
    };
    let namespaces = selector::namespaces(&set.namespaces)?;
    out.extend(namespaces.into_iter().map(|namespaces| Peer::Selected { namespaces, labels: labels.clone() }));
    Ok(())
}

/// Ranges as peers: those without exceptions together, others each with its own; families apart, as no rule may hold
/// both (libcalico-go `validator/v3`).
fn blocks(ranges: &Cidrs, out: &mut Vec<Peer>) {
    let mut plain: Vec<IpNet> = vec![];
    for block in &ranges.blocks {
        match block.except.len() {
            0 => plain.push(block.cidr),
            1..=MAX_NETS => out.push(Peer::Addresses { nets: vec![block.cidr], except: block.except.clone() }),
            _ => plain.extend(Cidrs { blocks: vec![block.clone()] }.prefixes()),
        }
    }
    for is_v4 in [true, false] {
        let family: Vec<IpNet> = plain.iter().filter(|net| matches!(net, IpNet::V4(_)) == is_v4).copied().collect();
        out.extend(family.chunks(MAX_NETS).map(|nets| Peer::Addresses { nets: nets.to_vec(), except: vec![] }));
    }
}
