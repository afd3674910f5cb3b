//! Guardrails: what must never be possible.
//!
//! A forbid is violated if any *possible* pod (one value a label key) or address of its source may open a connection to
//! one of its destination, by edges, DNS or metrics; see [`search`] for how that is decided.

mod ends;
mod search;

use std::net::IpAddr;

use ipnet::IpNet;

use super::build::Builder;
use super::limits::MAX_FORBIDS;
use super::parse::parse_cidr;
use super::{AppId, Builtin, Cidrs, Endpoint, ExternalId, PodSet, PortRange, Sym, address};
use crate::diag::{Diagnostic, codes, quote};
use crate::intent::{ForbidTable, Ports};
use crate::source::{Span, Spanned};

pub use ends::{Permit, Reach};
pub(super) use search::check;
pub use search::violations;

/// One `[[forbid]]`, one source and one destination each.
#[derive(Debug, Clone)]
pub struct Forbid {
    /// The app in whose intent it stands; `None`: the project file.
    pub app: Option<AppId>,
    /// Who must not connect.
    pub from: ForbidEnd,
    /// To whom.
    pub to: ForbidEnd,
    /// On which ports; empty: on any.
    pub ports: Vec<PortRange>,
    /// Who may, when an end is `anywhere`.
    pub except: Vec<ForbidEnd>,
    /// Whether a chain of connections counts too.
    pub transitive: bool,
    /// Why.
    pub why: Option<Sym>,
    /// Where it is written.
    pub span: Span,
}

/// One end of a forbid.
#[derive(Debug, Clone)]
pub struct ForbidEnd {
    /// As written.
    pub name: Sym,
    /// What it means.
    pub set: ForbidSet,
}

/// What an end of a forbid means.
#[derive(Debug, Clone)]
pub enum ForbidSet {
    /// Some pods.
    Pods(PodSet),
    /// Some addresses.
    Addresses(Cidrs),
    /// Addresses and host names of an external.
    External(ExternalId),
    /// Everything, or every pod.
    Builtin(Builtin),
}

impl<'a> Builder<'a, '_> {
    pub(super) fn forbids(&mut self) {
        let of_project = self.input.project.and_then(|project| project.forbid.as_ref()).into_iter().flatten();
        let mut all: Vec<(Option<AppId>, &ForbidTable)> = of_project.map(|table| (None, table)).collect();
        for (app, table) in &self.files {
            let tables = table.iter().flat_map(|table| table.forbid.iter().flatten());
            all.extend(tables.map(|forbid| (Some(*app), forbid)));
        }
        for (app, table) in all {
            let pairs = table.from.items.len() * table.to.items.len();
            if self.model.forbids.len() + pairs > MAX_FORBIDS {
                let help = "forbid between wider groups, as peers with fewer labels";
                self.too_many(table.from.span, "guardrails", MAX_FORBIDS, help);
                return;
            }
            self.forbid(app, table);
        }
    }

    fn forbid(&mut self, app: Option<AppId>, table: &ForbidTable) {
        let why = self.text("why", table.why.as_ref());
        let from = self.forbid_ends(app, &table.from.items);
        let to = self.forbid_ends(app, &table.to.items);
        let except = table.except.as_ref().map(|list| (self.forbid_ends(app, &list.items), list.span));
        let anywhere = |end: &ForbidEnd| matches!(end.set, ForbidSet::Builtin(Builtin::Anywhere));
        let word = |written: &&Spanned<String>| Builtin::parse(&written.value) == Some(Builtin::Anywhere);
        if let Some(all) = table.except.iter().flat_map(|list| &list.items).find(word) {
            let message = "the exception `anywhere` leaves nothing of the guardrail";
            let error = Diagnostic::error(codes::ENDPOINT, all.span, message);
            self.error(error.help("name those who may connect, or remove the guardrail"));
            return;
        }
        for from in &from {
            for to in &to {
                if let Some((_, span)) = except.as_ref().filter(|_| !anywhere(from) && !anywhere(to)) {
                    let error = Diagnostic::error(codes::ENDPOINT, *span, "`except` needs `anywhere` at one end");
                    self.error(error.help("name who must not connect, without those who may"));
                    continue;
                }
                let Some(ports) = self.forbid_ports(table.ports.as_ref()) else { continue };
                self.model.forbids.push(Forbid {
                    app,
                    from: from.clone(),
                    to: to.clone(),
                    ports,
                    except: except.iter().flat_map(|(ends, _)| ends.clone()).collect(),
                    transitive: table.transitive.unwrap_or(false),
                    why: why.clone(),
                    span: table.from.span,
                });
            }
        }
    }

    fn forbid_ports(&mut self, ports: Option<&Ports>) -> Option<Vec<PortRange>> {
        match ports {
            None => Some(vec![]),
            Some(ports) => self.numbered_ports(ports, "ports"),
        }
    }

    fn forbid_ends(&mut self, app: Option<AppId>, list: &[Spanned<String>]) -> Vec<ForbidEnd> {
        list.iter().filter_map(|written| self.forbid_end(app, written)).collect()
    }

    fn forbid_end(&mut self, app: Option<AppId>, written: &Spanned<String>) -> Option<ForbidEnd> {
        let text = written.value.as_str();
        let address = text.split('/').next().unwrap_or_default();
        let set = if address.parse::<IpAddr>().is_ok() {
            match parse_cidr(text) {
                Ok(net) => {
                    self.holds_pods(written.span, &net)?;
                    ForbidSet::Addresses(Cidrs::new([net]))
                }
                Err(refusal) => {
                    self.refusal(written.span, refusal);
                    return None;
                }
            }
        } else {
            match self.resolve(app, written)? {
                Endpoint::Builtin(builtin) => {
                    self.is_known(written.span, builtin)?;
                    ForbidSet::Builtin(builtin)
                }
                Endpoint::External(id) => ForbidSet::External(id),
                pods => ForbidSet::Pods(self.model.pods(pods)?.clone()),
            }
        };
        Some(ForbidEnd { name: text.into(), set })
    }

    /// A guardrail around addresses that nobody knows would hold for nothing.
    fn is_known(&mut self, span: Span, builtin: Builtin) -> Option<()> {
        let profile = &self.model.profile;
        let (unknown, key) = match builtin {
            Builtin::Nodes => (profile.node_cidrs.is_empty(), "node-cidrs"),
            Builtin::ApiServer => (profile.api_server_cidrs.is_empty(), "api-server-cidrs"),
            Builtin::Anywhere | Builtin::Internet | Builtin::Cluster => (false, ""),
        };
        if !unknown {
            return Some(());
        }
        let message = format!("the addresses of {} are not known", quote(builtin.name()));
        let help = format!("let the platform team write `{key} = [\"…\"]` under `[cluster]` in netpolc.toml");
        self.error(Diagnostic::error(codes::PROFILE, span, message).help(help));
        None
    }

    /// Pods are policed by label, so a forbid of their addresses would miss them.
    fn holds_pods(&mut self, span: Span, net: &IpNet) -> Option<()> {
        let profile = &self.model.profile;
        let own = profile.pod_cidrs.iter().chain(&profile.service_cidrs).find(|own| address::overlap(own, net));
        if let Some(own) = own {
            let message = format!("`{net}` holds addresses of pods or Services (`{own}`)");
            let error = Diagnostic::error(codes::FORBID_PODS, span, message);
            self.error(
                error.help("a range stands for addresses outside the cluster: name the tiers, a peer or `cluster`"),
            );
            return None;
        }
        // Link-local space never holds pods; the rest of the private ranges does, as long as nobody says otherwise.
        let private = address::PRIVATE.iter().filter(|range| !address::LINK_LOCAL.contains(range));
        // Nor has a pod the address of a cloud's metadata service.
        let metadata = address::metadata_hosts().contains(net);
        if profile.pod_cidrs.is_empty() && !metadata && private.into_iter().any(|range| address::overlap(range, net)) {
            let message = format!("`{net}` may hold addresses of pods, which this forbid says nothing about");
            let warning = Diagnostic::warning(codes::FORBID_PODS, span, message);
            self.error(
                warning.help("forbid `cluster` too, or let the platform team write `pod-cidrs` in netpolc.toml"),
            );
        }
        Some(())
    }
}
