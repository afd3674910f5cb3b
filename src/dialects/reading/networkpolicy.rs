//! NetworkPolicies of `networking.k8s.io/v1`, which every target takes beside its own policies.
//!
//! In: an object. Out: what it asks for, checked as the API server does and with its defaults ([`read`]); and from that
//! what it means to one engine ([`NetworkPolicy::means`]).

mod alike;
mod meaning;
mod object;
mod ports;
mod rules;

#[cfg(test)]
mod tests;

use ipnet::IpNet;

use self::object::{Spec, Staged};
use super::object::Manifest;
use super::selector::Conditions;
use super::text::Text;
use super::{Purpose, Reader};
use crate::model::{Direction, Protocol, Sym};
use crate::source::Span;
use crate::verify::normal::{Ports, Rank};

/// Version and kind of these objects.
pub const KIND: (&str, &str) = ("networking.k8s.io/v1", "NetworkPolicy");

/// How an engine takes what the API leaves open, or what it does otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    /// When these policies are asked.
    pub rank: Rank,
    /// Rules govern their direction, whether `policyTypes` lists it or not.
    pub rules_isolate: bool,
    /// A peer by namespaces whose selectors only say what must not be is also everything that has no labels: nodes, and what
    /// is outside of the cluster.
    pub negations_reach_out: bool,
    /// A rule without ports holds for protocols without ports too, as ICMP.
    pub others: bool,
    /// It knows only the labels that [`identities`](super::identities) hold.
    pub by_identities: bool,
}

/// A NetworkPolicy, valid, with the defaults of the API server.
#[derive(Debug, Clone)]
pub struct NetworkPolicy {
    /// Name of the object.
    pub name: String,
    /// Its namespace.
    pub namespace: Sym,
    subject: Conditions,
    types: Vec<Direction>,
    rules: Vec<Rule>,
    /// Where it starts.
    pub span: Span,
}

#[derive(Debug, Clone)]
struct Rule {
    direction: Direction,
    /// Empty: everyone.
    peers: Vec<Peer>,
    /// `None`: every port.
    ports: Option<Vec<Port>>,
    span: Span,
}

#[derive(Debug, Clone)]
enum Peer {
    Block {
        cidr: IpNet,
        except: Vec<IpNet>,
    },
    Pods {
        /// `None`: the policy's own namespace.
        namespaces: Option<Conditions>,
        pods: Conditions,
    },
}

#[derive(Debug, Clone)]
enum Port {
    Range(Ports),
    Named(Protocol, Sym),
}

/// Reads the document; `None` when an error was told. What is about to be written must not be such that engines take it
/// differently, or people misread it ([`Purpose`]).
pub fn read(reader: &mut Reader<'_, '_>) -> Option<NetworkPolicy> {
    let object: Manifest<'_, Spec<'_>> = reader.parse()?;
    reader.is(&object.api_version, &object.kind)?;
    policy(reader, &object)
}

/// Reads a document of another kind that says the same and enforces nothing. `action` is told what is to be done with the
/// policy that it stands for, and whether it says anything of that.
pub fn read_staged(
    reader: &mut Reader<'_, '_>,
    action: impl FnOnce(&mut Reader<'_, '_>, Option<&Text<'_>>, bool) -> Option<()>,
) -> Option<NetworkPolicy> {
    let Manifest { api_version, kind, metadata, spec, status } = reader.parse::<Manifest<'_, Staged<'_>>>()?;
    reader.is(&api_version, &kind)?;
    let (spec, staged_action) = match spec.map(Staged::parts) {
        Some((spec, action)) => (Some(spec), action),
        None => (None, None),
    };
    let says = spec.as_ref().is_some_and(|spec| {
        let lists = spec.ingress.is_some() || spec.egress.is_some() || spec.policy_types.is_some();
        lists
            || spec
                .pod_selector
                .as_ref()
                .is_some_and(|pods| pods.match_labels.is_some() || pods.match_expressions.is_some())
    });
    action(reader, staged_action.as_ref(), says)?;
    let object = Manifest { api_version, kind, metadata, spec, status };
    policy(reader, &object)
}

fn policy(reader: &mut Reader<'_, '_>, object: &Manifest<'_, Spec<'_>>) -> Option<NetworkPolicy> {
    let top = reader.doc.top();
    let rendered = reader.purpose == Purpose::Rendered;
    let Some(metadata) = &object.metadata else {
        return reader.error(top, "`metadata` is missing", "write the policy's name and namespace");
    };
    let without = Spec::default();
    let spec = match &object.spec {
        Some(spec) => spec,
        None if rendered => {
            return reader.error(top, "`spec` is missing", "write whom the policy selects and what it allows");
        }
        None => &without,
    };
    if rendered && object.status.is_some() {
        reader.error::<()>(top, "`status` is the API server's to write", "remove the field");
    }
    let name = reader.metadata(metadata).map(|(name, _)| name.to_owned());
    let namespace = reader.namespace(metadata);
    let subject = match &spec.pod_selector {
        Some(selector) => rules::pods(reader, selector),
        None if rendered => {
            reader.error(top, "`podSelector` is missing", "write `podSelector: {}` if every pod is meant")
        }
        None => Some(vec![]),
    };
    // Rules are read also when the names are wrong, so that all errors show at once.
    let rules = rules::rules(reader, spec);
    let types = rules::types(reader, spec);
    Some(NetworkPolicy {
        name: name?,
        namespace: namespace?,
        subject: subject?,
        types: types?,
        rules: rules?,
        span: top,
    })
}
