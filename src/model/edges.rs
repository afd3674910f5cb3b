//! Edges: one source, one destination, ports resolved.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::build::Builder;
use super::limits::MAX_EDGES;
use super::{AppId, Edge, Endpoint, HttpRule, PortRange, Protocol, Sym};
use crate::diag::{Diagnostic, Edit, codes, quote};
use crate::intent::AllowTable;
use crate::source::{Span, Spanned};

/// An edge, and the table that asks for it, perhaps among others.
type Asked<'a> = (Edge, &'a AllowTable);

impl<'a> Builder<'a, '_> {
    pub(super) fn edges(&mut self) {
        let mut edges = vec![];
        for (app, table) in self.files.clone() {
            for allow in table.into_iter().flat_map(|table| table.allow.iter().flatten()) {
                // Before they are made: two lists of a few kilobytes are a million pairs.
                let pairs = allow.from.items.len() * allow.to.items.len();
                if edges.len() + pairs > MAX_EDGES {
                    self.too_many(
                        allow.from.span,
                        "edges",
                        MAX_EDGES,
                        "use tiers with fewer labels, or split the project",
                    );
                    return;
                }
                self.edge(app, allow, &mut edges);
            }
        }
        self.set_edges(edges);
    }

    /// One `[[allow]]`: an edge for each pair of its ends.
    fn edge(&mut self, app: AppId, allow: &'a AllowTable, edges: &mut Vec<Asked<'a>>) {
        let why = self.text("why", allow.why.as_ref());
        let http = self.http(allow);
        let froms = self.ends(app, &allow.from.items);
        let tos = self.ends(app, &allow.to.items);
        for (from, from_span) in &froms {
            if let Endpoint::External(id) = from {
                let message = format!("external {} cannot be the source of an edge", quote(&self.model[*id].name));
                self.error(Diagnostic::error(codes::ENDPOINT, *from_span, message).help(
                    "externals are destinations; traffic from outside comes from `anywhere`, `internet` or a peer",
                ));
            }
        }
        for (to, to_span) in &tos {
            // Ports do not depend on the source: their errors are reported once.
            let Some(ports) = self.edge_ports(app, allow, *to, *to_span) else { continue };
            for (from, from_span) in froms.iter().filter(|(from, _)| !matches!(from, Endpoint::External(_))) {
                if !self.has_tier(app, (*from, *from_span), (*to, *to_span)) {
                    continue;
                }
                let edge = Edge {
                    app,
                    from: *from,
                    to: *to,
                    all_ports: ports.iter().filter(|range| range.is_all()).count() == Protocol::ALL.len(),
                    ports: Arc::clone(&ports),
                    http: http.iter().map(|(rule, _)| rule.clone()).collect(),
                    why: why.clone(),
                    table: allow.span,
                    from_span: *from_span,
                    to_span: *to_span,
                    ports_span: allow.ports.as_ref().map_or(*to_span, |ports| ports.span),
                    http_span: http.first().map(|(_, span)| *span),
                };
                self.check_http(&edge);
                self.check_names(&edge);
                edges.push((edge, allow));
            }
        }
    }

    fn ends(&mut self, app: AppId, list: &[Spanned<String>]) -> Vec<(Endpoint, Span)> {
        let mut ends: Vec<(Endpoint, Span)> = vec![];
        let mut seen: HashMap<Endpoint, Span> = HashMap::new();
        for name in list {
            let Some(end) = self.resolve(Some(app), name) else { continue };
            match seen.get(&end) {
                Some(first) => {
                    let message = format!("{} is listed twice", quote(&name.value));
                    let error = Diagnostic::error(codes::DUPLICATE_EDGE, name.span, message)
                        .related(*first, "first listed here")
                        .help("remove one of them");
                    // Of two that are one, either may go; the first stays where a reader found it.
                    self.error(error.fix("remove this one", vec![Edit::Remove { span: name.span }]));
                }
                None => {
                    seen.insert(end, name.span);
                    ends.push((end, name.span));
                }
            }
        }
        ends
    }

    /// An intent speaks for its own tiers: of an edge between groups that nobody manages here nothing would be rendered,
    /// and an edge between tiers of others is theirs to write.
    fn has_tier(&mut self, app: AppId, from: (Endpoint, Span), to: (Endpoint, Span)) -> bool {
        let owner = |end| match end {
            Endpoint::Tier(id) => Some(self.model[id].app),
            Endpoint::Peer(_) | Endpoint::External(_) | Endpoint::Builtin(_) => None,
        };
        let owners = [owner(from.0), owner(to.0)];
        if owners.contains(&Some(app)) {
            return true;
        }
        let (a, b) = (self.model.endpoint_name(from.0, app), self.model.endpoint_name(to.0, app));
        let (message, help) = match owners.iter().flatten().next() {
            None => (
                format!("neither {} nor {} is a tier", quote(&a), quote(&b)),
                "netpolc writes policies for tiers; at least one end of an edge must be one".to_owned(),
            ),
            Some(other) => (
                format!("neither {} nor {} is a tier of this app", quote(&a), quote(&b)),
                format!("an intent opens connections of its own tiers: write this edge in {}", self.model[*other].path),
            ),
        };
        self.error(Diagnostic::error(codes::ENDPOINT, from.1, message).related(to.1, "").help(help));
        false
    }

    /// The ports of an edge to `to`: those written, else those that the callee declares.
    fn edge_ports(&mut self, app: AppId, allow: &AllowTable, to: Endpoint, to_span: Span) -> Option<Arc<[PortRange]>> {
        if let Some(ports) = &allow.ports {
            let (name, names) = (self.model.endpoint_name(to, app), self.port_names_of(to));
            return self.ports(ports, "ports", &names, Some(&name)).map(Arc::from);
        }
        let declared = self.ports_of(to);
        if !declared.is_empty() {
            return Some(declared.into());
        }
        let name = self.model.endpoint_name(to, app);
        let message = format!("no ports: neither the edge nor {} says which", quote(&name));
        let help = match to {
            Endpoint::Builtin(_) => {
                "add `ports = […]` to the edge; every port must be written as `ports = \"all\"`".to_owned()
            }
            _ => format!(
                "add `ports = […]` to the edge or to {}; every port must be written as `ports = \"all\"`",
                quote(&name)
            ),
        };
        self.error(Diagnostic::error(codes::NO_PORTS, to_span, message).help(help));
        None
    }

    fn ports_of(&self, endpoint: Endpoint) -> &[PortRange] {
        match endpoint {
            Endpoint::Tier(id) => &self.model[id].ports,
            Endpoint::Peer(id) => &self.model[id].ports,
            Endpoint::External(id) => &self.model[id].ports,
            Endpoint::Builtin(_) => &[],
        }
    }

    fn port_names_of(&self, endpoint: Endpoint) -> BTreeMap<Sym, PortRange> {
        match endpoint {
            Endpoint::Tier(id) => self.model[id].port_names.clone(),
            Endpoint::Peer(id) => self.model[id].port_names.clone(),
            Endpoint::External(id) => self.model[id].port_names.clone(),
            Endpoint::Builtin(_) => BTreeMap::new(),
        }
    }

    /// Host names are resolved by the pod itself, through the cluster's DNS.
    fn check_names(&mut self, edge: &Edge) {
        let (Endpoint::Tier(tier), Endpoint::External(external)) = (edge.from, edge.to) else { return };
        let (tier, external) = (&self.model[tier], &self.model[external]);
        let Some(host) = external.fqdns.first().filter(|_| !tier.dns) else { return };
        let message =
            format!("tier {} has no DNS, and {} is found by host name", quote(&tier.name), quote(&external.name));
        let error = Diagnostic::error(codes::HOST_WITHOUT_DNS, edge.to_span, message)
            .related(host.span, "host name here")
            .help("remove `dns = false`, or give the external address ranges");
        self.error(error);
    }

    /// Puts edges into their order, and reports those written twice.
    fn set_edges(&mut self, mut edges: Vec<Asked<'a>>) {
        edges.sort_by(|(a, _), (b, _)| {
            what(a).cmp(&what(b)).then_with(|| (a.app, &a.why, a.from_span).cmp(&(b.app, &b.why, b.from_span)))
        });
        let mut kept: Vec<Asked<'a>> = Vec::with_capacity(edges.len());
        for asked in edges {
            let edge = &asked.0;
            // Two apps may ask for one edge, each from its own side: the policy then names both.
            let same = |(first, _): &&Asked<'a>| first.app == edge.app && what(first) == what(edge);
            if let Some(first) = kept.last().filter(same) {
                let (a, b) = if first.0.from_span <= edge.from_span { (first, &asked) } else { (&asked, first) };
                let message = format!("edge {} is written twice", quote(&self.model.edge_name(edge)));
                let error = Diagnostic::error(codes::DUPLICATE_EDGE, b.0.from_span, message)
                    .related(a.0.from_span, "first written here")
                    .help("remove one of them");
                self.error(match say_the_same(a.1, b.1) {
                    true => error.fix("remove this one", vec![Edit::Remove { span: b.1.span }]),
                    false => error,
                });
                continue;
            }
            kept.push(asked);
        }
        let mut edges: Vec<Edge> = kept.into_iter().map(|(edge, _)| edge).collect();
        edges.sort_by(|a, b| a.app.cmp(&b.app).then_with(|| what(a).cmp(&what(b))));
        self.model.edges = edges;
    }
}

/// What an edge opens, whoever asks for it.
fn what(edge: &Edge) -> (Endpoint, Endpoint, &[PortRange], &[HttpRule]) {
    (edge.from, edge.to, &edge.ports, &edge.http)
}

/// Whether it makes no difference which of two tables that ask for one edge is removed. A person decides where their reasons
/// differ; where one of them asks for more edges; and where one names its ports and the other takes those of the callee,
/// as then they part ways when the callee's change.
fn say_the_same(a: &AllowTable, b: &AllowTable) -> bool {
    let why = |table: &AllowTable| table.why.as_ref().map(|why| why.value.clone());
    let alone = |table: &AllowTable| table.from.items.len() == 1 && table.to.items.len() == 1;
    alone(a) && alone(b) && why(a) == why(b) && a.ports.is_some() == b.ports.is_some()
}
