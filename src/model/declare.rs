//! What names stand for: tiers, peers and externals, each value valid.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::build::Builder;
use super::names;
use super::parse::{WrittenPort, check_destination, check_port_name, parse_cidr, parse_port};
use super::{
    AppId, Cidrs, External, Labels, NamespaceSet, PRIVATE, Peer, PodSet, PortRange, Protocol, Sym, Tier, address,
};
use crate::diag::{Diagnostic, Edit, codes, quote};
use crate::intent::{
    DeclaredPorts, ExternalTable, IntentFile, LabelMap, List, Namespaces, PeerTable, Pods, PortText, Ports,
    ScrapersTable, TierTable,
};
use crate::source::{Span, Spanned};

/// Ports that a group declares: all of them, and those with names.
pub(super) type Declared = (Vec<PortRange>, BTreeMap<Sym, PortRange>);

/// The elements of a list that may be left out.
pub(super) fn items(list: Option<&List<String>>) -> Option<&[Spanned<String>]> {
    list.map(|list| list.items.as_slice())
}

impl Builder<'_, '_> {
    pub(super) fn tier(
        &mut self,
        app: AppId,
        file: &IntentFile,
        name: &Spanned<String>,
        table: &TierTable,
    ) -> Option<Tier> {
        let namespaces = self.namespace_names(&table.namespace);
        let labels = self.pods(&table.pods);
        let ports = self.declared_ports(table.ports.as_ref());
        let metrics = match &table.metrics {
            Some(ports) => self.numbered_ports(ports, "metrics"),
            None => Some(vec![]),
        };
        let (ports, port_names) = ports?;
        Some(Tier {
            app,
            name: name.value.as_str().into(),
            pods: PodSet { namespaces: namespaces?, labels: labels? },
            ports,
            port_names,
            metrics: metrics?,
            dns: table.dns.or(file.dns).unwrap_or(true),
            level: table.level.as_ref().map(|level| Spanned::new(level.value.0, level.span)),
            accepts: None,
            span: name.span,
            pods_span: table.pods.span(),
            ports_span: table.ports.as_ref().map_or(name.span, DeclaredPorts::span),
            metrics_span: table.metrics.as_ref().map_or(name.span, |metrics| metrics.span),
        })
    }

    pub(super) fn peer(&mut self, app: AppId, name: &Spanned<String>, table: &PeerTable) -> Option<Peer> {
        let namespaces = self.peer_namespaces(&table.namespace);
        let labels = self.pods(&table.pods);
        let (ports, port_names) = self.declared_ports(table.ports.as_ref())?;
        let namespace_span = match &table.namespace {
            Namespaces::All(span) => *span,
            Namespaces::Names(list) => list.span,
            Namespaces::Labels(labels) => labels.span,
        };
        Some(Peer {
            app,
            name: name.value.as_str().into(),
            pods: PodSet { namespaces: namespaces?, labels: labels? },
            ports,
            port_names,
            span: name.span,
            namespace_span,
            ports_span: table.ports.as_ref().map_or(name.span, DeclaredPorts::span),
        })
    }

    /// The pods of a scrapers table.
    pub(super) fn scraper_pods(&mut self, table: &ScrapersTable) -> Option<PodSet> {
        let namespaces = self.peer_namespaces(&table.namespace);
        let labels = self.pods(&table.pods);
        Some(PodSet { namespaces: namespaces?, labels: labels? })
    }

    fn namespace_names(&mut self, list: &List<String>) -> Option<NamespaceSet> {
        let mut names: Vec<Sym> = vec![];
        let mut valid = list.items.len();
        for name in &list.items {
            if !self.accept(name.span, names::check_namespace(&name.value)) {
                continue;
            }
            valid -= 1;
            names.push(name.value.as_str().into());
        }
        names.sort_unstable();
        names.dedup();
        (valid == 0 && !names.is_empty()).then_some(NamespaceSet::Names(names))
    }

    fn peer_namespaces(&mut self, namespaces: &Namespaces) -> Option<NamespaceSet> {
        match namespaces {
            Namespaces::All(_) => Some(NamespaceSet::All),
            Namespaces::Names(list) => self.namespace_names(list),
            Namespaces::Labels(map) => {
                let labels = self.labels(map)?;
                // The API server gives every namespace its name as a label: asked for alone, it is a name.
                match (labels.len(), labels.get("kubernetes.io/metadata.name")) {
                    (1, Some(name)) => Some(NamespaceSet::Names(vec![name.clone()])),
                    _ => Some(NamespaceSet::Labels(labels)),
                }
            }
        }
    }

    /// Labels; none for "all".
    pub(super) fn pods(&mut self, pods: &Pods) -> Option<Labels> {
        match pods {
            Pods::All(_) => Some(Labels::default()),
            Pods::Labels(labels) => self.labels(labels),
        }
    }

    fn labels(&mut self, map: &LabelMap) -> Option<Labels> {
        let mut valid = true;
        for (key, value) in &map.pairs {
            valid &= self.accept(key.span, names::check_label_key(&key.value));
            valid &= self.accept(value.span, names::check_label_value(&value.value));
        }
        let pairs = map.pairs.iter().map(|(key, value)| (Sym::from(&*key.value), Sym::from(&*value.value)));
        valid.then(|| Labels::new(pairs))
    }

    /// Ports that a group declares.
    fn declared_ports(&mut self, ports: Option<&DeclaredPorts>) -> Option<Declared> {
        match ports {
            None => Some((vec![], BTreeMap::new())),
            Some(DeclaredPorts::List(list)) => Some((self.numbered_ports(list, "ports")?, BTreeMap::new())),
            Some(DeclaredPorts::Named(table, _)) => {
                let mut named = BTreeMap::new();
                let mut valid = table.0.iter().all(|(_, port)| port.is_some());
                for (name, port) in table.iter() {
                    valid &= self.accept(name.span, check_port_name(&name.value));
                    match parse_port(&port.value) {
                        Ok(WrittenPort::Range(range)) if range.first == range.last => {
                            named.insert(Sym::from(&*name.value), range);
                        }
                        Ok(_) => {
                            valid = false;
                            let message = format!("port {} has a name and is no single number", quote(&name.value));
                            let error = Diagnostic::error(codes::PORT, port.span, message);
                            self.error(error.help("a name stands for one port; write ranges in a list, without names"));
                        }
                        Err(refusal) => {
                            valid = false;
                            self.refusal(port.span, refusal);
                        }
                    }
                }
                valid.then(|| (PortRange::normalize(named.values().copied().collect()), named))
            }
        }
    }

    /// Ports without names.
    pub(super) fn numbered_ports(&mut self, ports: &Ports, key: &str) -> Option<Vec<PortRange>> {
        self.ports(ports, key, &BTreeMap::new(), None)
    }

    /// Ports as written, names looked up among `names`, which belong to `owner`. Redundant ones get a warning.
    pub(super) fn ports(
        &mut self,
        ports: &Ports,
        key: &str,
        names: &BTreeMap<Sym, PortRange>,
        owner: Option<&str>,
    ) -> Option<Vec<PortRange>> {
        let mut seen: Vec<(PortRange, Span)> = vec![];
        let mut failed = ports.items.is_empty();
        for (position, port) in ports.items.iter().enumerate() {
            let ranges = match parse_port(&port.value) {
                Ok(WrittenPort::Range(range)) => vec![range],
                Ok(WrittenPort::All) => Protocol::ALL.map(PortRange::all).to_vec(),
                Ok(WrittenPort::Name(name)) => match names.get(name.as_str()) {
                    Some(range) => vec![*range],
                    None => {
                        failed = true;
                        self.unknown_port(port.span, &name, key, names, owner);
                        continue;
                    }
                },
                Err(refusal) => {
                    failed = true;
                    self.refusal(port.span, refusal);
                    continue;
                }
            };
            if let Some((other, place)) =
                seen.iter().find(|(other, _)| ranges.iter().any(|range| range.overlaps(*other)))
            {
                let same = ranges.contains(other);
                let what = if same { "is listed twice" } else { "overlaps another one" };
                let warning = Diagnostic::warning(codes::REDUNDANT_PORT, port.span, format!("port {what}"));
                let warning = warning.related(*place, format!("`{other}` here")).help("remove one, or merge them");
                // Of ports that only overlap, the wider one may be the mistake.
                let before = ports.items.iter().take(position);
                self.error(match before.into_iter().any(|earlier| repeats(&earlier.value, &port.value)) {
                    true => warning.fix("remove this one", vec![Edit::Remove { span: port.span }]),
                    false => warning,
                });
            }
            seen.extend(ranges.into_iter().map(|range| (range, port.span)));
        }
        (!failed).then(|| PortRange::normalize(seen.into_iter().map(|(range, _)| range).collect()))
    }

    fn unknown_port(
        &mut self,
        span: Span,
        name: &str,
        key: &str,
        names: &BTreeMap<Sym, PortRange>,
        owner: Option<&str>,
    ) {
        let error = match owner {
            Some(owner) => {
                let message = format!("{} declares no port named {}", quote(owner), quote(name));
                let error = Diagnostic::error(codes::PORT, span, message);
                match crate::diag::nearest(name, names.keys().map(|name| &**name)) {
                    Some(near) => error.help(format!("did you mean {}?", quote(near))),
                    None if names.is_empty() => {
                        error.help(format!("name its ports there: ports = {{ {name} = 8080 }}"))
                    }
                    None => error.help(format!(
                        "its ports: {}",
                        names.keys().map(|name| &**name).collect::<Vec<_>>().join(", ")
                    )),
                }
            }
            None => Diagnostic::error(codes::PORT, span, format!("{} is no port number", quote(name)))
                .help(format!("`{key}` takes numbers here: 80, \"53/UDP\", \"8000-8100/TCP\", \"all/TCP\" or \"all\"")),
        };
        self.error(error);
    }

    /// Canonical ranges; wrong ones are reported.
    pub(super) fn cidrs(&mut self, list: Option<&[Spanned<String>]>) -> (Vec<Spanned<IpNet>>, bool) {
        let mut nets = vec![];
        let mut valid = true;
        for text in list.into_iter().flatten() {
            match parse_cidr(&text.value) {
                Ok(net) => nets.push(Spanned::new(net, text.span)),
                Err(refusal) => {
                    valid = false;
                    self.refusal(text.span, refusal);
                }
            }
        }
        (nets, valid)
    }

    pub(super) fn external(
        &mut self,
        app: Option<AppId>,
        name: &Spanned<String>,
        table: &ExternalTable,
    ) -> Option<External> {
        let (cidrs, mut valid) = self.cidrs(items(table.cidrs.as_ref()));
        // Ranges that could not be read may hold the exceptions.
        let whole = valid && (table.cidrs.is_none() || !cidrs.is_empty());
        for net in &cidrs {
            valid &= self.accept(net.span, check_destination(&net.value));
        }
        let (except, except_valid) = self.cidrs(items(table.except.as_ref()));
        valid &= except_valid && whole && self.check_except(&cidrs, &except);
        let mut fqdns = vec![];
        for host in table.fqdns.iter().flat_map(|list| &list.items) {
            valid &= self.accept(host.span, names::check_host(&host.value));
            fqdns.push(Spanned::new(Sym::from(&*host.value), host.span));
        }
        if table.cidrs.is_none() && table.fqdns.is_none() {
            if !self.reported_in(table.span) {
                let message = format!("external {} has neither `cidrs` nor `fqdns`", quote(&name.value));
                self.error(
                    Diagnostic::error(codes::EMPTY, name.span, message)
                        .help("say which addresses or host names it stands for"),
                );
            }
            valid = false;
        }
        let (ports, port_names) = self.declared_ports(table.ports.as_ref())?;
        let written = Cidrs::new(cidrs.iter().map(|net| net.value));
        let exceptions: Vec<IpNet> = except.iter().map(|net| net.value).collect();
        if valid && !cidrs.is_empty() && written.minus(&exceptions).is_empty() {
            let span = except.first().map_or(name.span, |net| net.span);
            let error = Diagnostic::error(codes::EXCEPT, span, "the exceptions leave nothing of the ranges");
            self.error(error.help("remove an exception, or the whole external"));
            valid = false;
        }
        let mut external = External {
            app,
            name: name.value.as_str().into(),
            addresses: written.minus(&exceptions),
            cidrs,
            except,
            fqdns,
            ports,
            port_names,
            unknown: None,
            private: table.private.unwrap_or(false),
            metadata: table.metadata.unwrap_or(false),
            span: name.span,
        };
        valid &= valid && self.subtract_cluster(&mut external);
        valid.then_some(external)
    }

    /// Exceptions lie inside a range of their own family, are narrower than it, and apart from each other.
    fn check_except(&mut self, cidrs: &[Spanned<IpNet>], except: &[Spanned<IpNet>]) -> bool {
        let mut valid = true;
        let mut fail = |this: &mut Self, span, message: String, help: &str, twice: bool| {
            valid = false;
            let error = Diagnostic::error(codes::EXCEPT, span, message).help(help);
            this.error(match twice {
                true => error.fix("remove this one", vec![Edit::Remove { span }]),
                false => error,
            });
        };
        for (position, inner) in except.iter().enumerate() {
            let net = inner.value;
            let family = |other: &IpNet| other.addr().is_ipv4() == net.addr().is_ipv4();
            if cidrs.iter().any(|outer| outer.value == net) {
                fail(
                    self,
                    inner.span,
                    format!("exception `{net}` is one of the ranges itself"),
                    "remove the range, or narrow the exception",
                    false,
                );
            } else if !cidrs.iter().any(|outer| outer.value.contains(&net)) {
                let message = match cidrs.iter().any(|outer| family(&outer.value)) {
                    true => format!("exception `{net}` lies in none of the ranges"),
                    false if cidrs.is_empty() => format!("exception `{net}` without a range that it lies in"),
                    false => format!("exception `{net}` is of another address family than the ranges"),
                };
                fail(
                    self,
                    inner.span,
                    message,
                    "an exception lies inside one of `cidrs` and is narrower than it",
                    false,
                );
            }
            if let Some(other) = except.iter().take(position).find(|other| address::overlap(&other.value, &net)) {
                let message = format!("exceptions `{}` and `{net}` overlap", other.value);
                let twice = other.value == net;
                fail(self, inner.span, message, "keep the wider one", twice);
            }
        }
        valid
    }

    /// An external is what is outside the cluster: the cluster's own ranges are taken out of it.
    fn subtract_cluster(&mut self, external: &mut External) -> bool {
        let profile = &self.model.profile;
        let private = external.cidrs.iter().find(|net| {
            let block = Cidrs::new([net.value]).minus(&external.except.iter().map(|e| e.value).collect::<Vec<_>>());
            PRIVATE.iter().any(|range| block.overlaps(range))
        });
        external.unknown = private.filter(|_| !profile.knows_cluster()).map(|net| net.span);
        let cluster = self.model.profile.cluster_cidrs();
        if let Some((net, own)) =
            external.cidrs.iter().find_map(|net| Some((net, cluster.iter().find(|own| own.contains(&net.value))?)))
        {
            let message = format!("`{}` lies inside the cluster's own range `{own}`", net.value);
            let span = net.span;
            self.error(
                Diagnostic::error(codes::CLUSTER_RANGE, span, message)
                    .help("an external is outside the cluster: name the tier or a peer instead"),
            );
            return false;
        }
        external.addresses = external.addresses.minus(&cluster);
        if external.addresses.is_empty() && !external.cidrs.is_empty() {
            let message = format!("the cluster's own ranges leave nothing of {}", quote(&external.name));
            let error = Diagnostic::error(codes::CLUSTER_RANGE, external.span, message);
            self.error(error.help("an external is outside the cluster: name the tier or a peer instead"));
            return false;
        }
        true
    }
}

/// Whether a port says again what an earlier one of its list says. A name and its number are not the same: the number may change
/// where the name is declared. Nor does a number repeat a text: for the cluster's DNS it stands for both protocols.
fn repeats(earlier: &PortText, port: &PortText) -> bool {
    let number = |port: &PortText| matches!(port, PortText::Number(_));
    matches!((parse_port(earlier), parse_port(port)), (Ok(a), Ok(b)) if a == b) && (number(earlier) || !number(port))
}
