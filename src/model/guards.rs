//! Cluster-wide guards: what is denied everywhere, whatever the intents say.
//!
//! In: the project file's `[cluster.guards]` and the edges. Out: the profile's guards, and [`Model::guards`]. A guard beats
//! every allow, so what one denies can never be asked for: an edge, or the cluster's own DNS, that a guard would cut off
//! is an error here. No guard ever touches a system namespace.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::build::Builder;
use super::{Builtin, Cidrs, DnsPeer, Edge, Endpoint, METADATA, Model, Profile, Sym};
use crate::diag::{Diagnostic, codes, quote};
use crate::intent::{ClusterTable, DefaultDeny};
use crate::source::Span;

/// One denial for the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// No pod reaches a cloud metadata address ([`METADATA`]).
    MetadataDeny {
        /// Namespaces that are left alone: the system ones.
        except: BTreeSet<Sym>,
    },
    /// Every namespace is default deny both ways. What other policies of it allow stays allowed.
    DefaultDeny {
        /// Namespaces that are left alone: the system ones and those that the project file lists.
        except: BTreeSet<Sym>,
    },
}

impl Guard {
    /// The word in the project file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MetadataDeny { .. } => "metadata-deny",
            Self::DefaultDeny { .. } => "default-deny",
        }
    }

    /// Namespaces that are left alone.
    pub fn except(&self) -> &BTreeSet<Sym> {
        match self {
            Self::MetadataDeny { except } | Self::DefaultDeny { except } => except,
        }
    }
}

impl Model {
    /// The guards that the project file asks for, in a stable order.
    pub fn guards(&self) -> Vec<Guard> {
        let system = &self.profile.system_namespaces;
        let metadata = self.profile.metadata_deny.then(|| Guard::MetadataDeny { except: system.clone() });
        let default = self.profile.default_deny.as_ref().map(|listed| Guard::DefaultDeny { except: system | listed });
        metadata.into_iter().chain(default).collect()
    }
}

impl<'a> Builder<'a, '_> {
    /// Guards of the profile: each from the first table that mentions it, so that a named cluster which sets one keeps
    /// the others of `[cluster]`.
    pub(super) fn guards(&mut self, tables: &[&'a ClusterTable]) {
        if let Some(system) = tables.iter().find_map(|table| table.system_namespaces.as_ref()) {
            self.model.profile.system_namespaces = self.namespaces_of(system);
        }
        let guards = || tables.iter().filter_map(|table| table.guards.as_ref());
        if let Some(deny) = guards().find_map(|table| table.metadata_deny.as_ref()).filter(|deny| deny.value) {
            self.model.profile.metadata_deny = true;
            self.model.profile.asked.insert("metadata-deny", deny.span);
            self.keep_dns_address(deny.span);
        }
        match guards().find_map(|table| table.default_deny.as_ref()) {
            Some(DefaultDeny::Everywhere(on)) if on.value => {
                self.model.profile.default_deny = Some(BTreeSet::new());
                self.model.profile.asked.insert("default-deny", on.span);
                self.keep_dns_pods(on.span);
            }
            Some(DefaultDeny::But(table)) => {
                self.model.profile.default_deny = Some(self.namespaces_of(&table.except));
                self.model.profile.asked.insert("default-deny", table.span);
                self.keep_dns_pods(table.span);
            }
            Some(DefaultDeny::Everywhere(_)) | None => {}
        }
    }

    /// Some clouds answer DNS at a metadata address.
    fn keep_dns_address(&mut self, span: Span) {
        let profile = &self.model.profile;
        let held = profile.dns.peers.iter().find_map(|peer| match peer {
            DnsPeer::Address(net) => metadata_in(&Cidrs::new([*net])).map(|what| (*net, what)),
            DnsPeer::Pods(_) | DnsPeer::Cache(_) => None,
        });
        if let Some((net, (what, host))) = held {
            let message = format!("`metadata-deny` denies {host}, where the cluster's DNS answers");
            let error = Diagnostic::error(codes::GUARD, span, message).note(format!("`{net}` holds {host}, {what}"));
            self.error(error.help("let DNS answer at another address, or remove `metadata-deny`"));
        }
    }

    /// A default deny over the pods of the cluster's DNS, for which nobody speaks, would end DNS everywhere.
    fn keep_dns_pods(&mut self, span: Span) {
        let profile = &self.model.profile;
        let pods = profile.dns.peers.iter().filter_map(|peer| match peer {
            DnsPeer::Pods(pods) | DnsPeer::Cache(pods) => Some(pods),
            DnsPeer::Address(_) => None,
        });
        let mut names = pods.flat_map(|pods| pods.namespaces.names());
        let listed = |name: &Sym| profile.default_deny.as_ref().is_some_and(|listed| listed.contains(name));
        let cut = names.find(|name| !profile.system_namespaces.contains(*name) && !listed(name)).cloned();
        if let Some(cut) = cut {
            let message = format!("`default-deny` would cut the cluster's DNS in namespace {} off", quote(&cut));
            let system = system_namespaces(profile);
            self.error(
                Diagnostic::error(codes::GUARD, span, message)
                    .note(system)
                    .help(format!("add \"{cut}\" to `system-namespaces`, or to the exceptions of `default-deny`")),
            );
        }
    }

    /// Nothing may be asked for that a guard denies.
    pub(super) fn check_guards(&mut self) {
        if !self.model.profile.metadata_deny {
            return;
        }
        let errors: Vec<Diagnostic> = self.model.edges.iter().filter_map(|edge| denied(&self.model, edge)).collect();
        self.diags.extend(errors);
    }
}

/// What to say of an edge that leads to a metadata address from where the guard denies it.
fn denied(model: &Model, edge: &Edge) -> Option<Diagnostic> {
    let Endpoint::Tier(tier) = edge.from else { return None };
    let system = &model.profile.system_namespaces;
    let namespace = model[tier].pods.namespaces.names().iter().find(|name| !system.contains(*name))?;
    let (what, host) = metadata_in(&addresses(model, edge.to)?)?;
    let name = quote(&model.edge_name(edge));
    let error = Diagnostic::error(codes::GUARD, edge.to_span, format!("{name} leads to {host}, {what}"));
    let error = error
        .note("the project file denies it to all but system namespaces (`metadata-deny`)")
        .note(system_namespaces(&model.profile));
    let range = IpNet::from(host);
    let mend = match edge.to {
        Endpoint::External(id) if !model[id].cidrs.iter().any(|net| net.value == range) => {
            format!("add `except = [\"{range}\"]` to {}", quote(&model[id].name))
        }
        _ => "remove the edge".to_owned(),
    };
    Some(error.help(format!("{mend}, or let the platform team add \"{namespace}\" to `system-namespaces`")))
}

fn system_namespaces(profile: &Profile) -> String {
    let names: Vec<&str> = profile.system_namespaces.iter().map(|name| &**name).collect();
    format!("system namespaces are {}", names.join(", "))
}

/// The addresses that an edge's destination stands for, where it stands for some that may be metadata addresses.
fn addresses(model: &Model, to: Endpoint) -> Option<Cidrs> {
    let Profile { node_cidrs, api_server_cidrs, .. } = &model.profile;
    match to {
        Endpoint::External(id) => Some(model[id].addresses.clone()),
        Endpoint::Builtin(Builtin::Nodes) => Some(Cidrs::new(node_cidrs.iter().copied())),
        Endpoint::Builtin(Builtin::ApiServer) => Some(Cidrs::new(api_server_cidrs.iter().copied())),
        Endpoint::Builtin(Builtin::Anywhere | Builtin::Internet | Builtin::Cluster)
        | Endpoint::Tier(_)
        | Endpoint::Peer(_) => None,
    }
}

/// The first metadata address among some addresses.
fn metadata_in(addresses: &Cidrs) -> Option<(&'static str, std::net::IpAddr)> {
    METADATA.into_iter().find(|(_, host)| addresses.overlaps(&IpNet::from(*host)))
}

#[cfg(test)]
mod tests;
