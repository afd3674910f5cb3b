//! From the project file's tables to the profile of one cluster.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::build::{Builder, Input};
use super::declare::items;
use super::profile::{Approximation, DnsPeer, DnsTarget, Limits, LintLevel, Profile};
use super::{Labels, NamespaceSet, PodSet, PortRange, Protocol, Sym};
use crate::diag::{Diagnostic, codes, nearest, quote};
use crate::intent::{ClusterTable, DnsSetting, DnsTable, List, PortText};
use crate::source::{Span, Spanned};

const PRESETS: [&str; 3] = ["kube-dns", "node-local", "openshift"];

/// The address on which NodeLocal DNSCache listens unless told otherwise (kubernetes/dns, node-cache).
const NODE_LOCAL: IpNet = IpNet::V4(ipnet::Ipv4Net::new_assert(std::net::Ipv4Addr::new(169, 254, 20, 10), 32));

fn pods(namespace: &str, key: &str, value: &str) -> PodSet {
    PodSet {
        namespaces: NamespaceSet::Names(vec![namespace.into()]),
        labels: Labels::new([(Sym::from(key), Sym::from(value))]),
    }
}

/// Namespaces of the control plane: those that Kubernetes makes itself, those of Calico's operator and of what it
/// installs (tigera/operator, pkg/common; the API server's namespace, until it moved into calico-system), and the one in which
/// Cilium's chart keeps TLS secrets.
const SYSTEM_NAMESPACES: [&str; 7] = [
    "calico-apiserver",
    "calico-system",
    "cilium-secrets",
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "tigera-operator",
];

/// UDP and TCP: answers that do not fit into a datagram are asked for again over TCP.
fn dns_ports(port: u16) -> Vec<PortRange> {
    let single = |protocol| PortRange { protocol, first: port, last: port };
    vec![single(Protocol::Tcp), single(Protocol::Udp)]
}

/// DNS as kubeadm, k3s, EKS, GKE and AKS install it; OpenShift's listens on 5353 in its pods.
fn preset(name: &str) -> Option<DnsTarget> {
    let kube_dns = DnsPeer::Pods(pods("kube-system", "k8s-app", "kube-dns"));
    match name {
        "kube-dns" => Some(DnsTarget { peers: vec![kube_dns], ports: dns_ports(53) }),
        "node-local" => {
            // kubernetes/kubernetes, cluster/addons/dns/nodelocaldns.
            let cache = DnsPeer::Cache(pods("kube-system", "k8s-app", "node-local-dns"));
            Some(DnsTarget { peers: vec![kube_dns, DnsPeer::Address(NODE_LOCAL), cache], ports: dns_ports(53) })
        }
        "openshift" => {
            let pods = pods("openshift-dns", "dns.operator.openshift.io/daemonset-dns", "default");
            Some(DnsTarget { peers: vec![DnsPeer::Pods(pods)], ports: dns_ports(5353) })
        }
        _ => None,
    }
}

impl Profile {
    /// What is taken for granted of a cluster that nobody described.
    pub fn unknown() -> Self {
        Self {
            dns: DnsTarget {
                peers: vec![DnsPeer::Pods(pods("kube-system", "k8s-app", "kube-dns"))],
                ports: dns_ports(53),
            },
            pod_cidrs: vec![],
            service_cidrs: vec![],
            node_cidrs: vec![],
            api_server_cidrs: vec![],
            private_cidrs: vec![],
            scrapers: pods("monitoring", "app.kubernetes.io/name", "prometheus"),
            shared_namespaces: BTreeSet::new(),
            enforces_egress: true,
            system_namespaces: SYSTEM_NAMESPACES.map(Sym::from).into(),
            metadata_deny: false,
            default_deny: None,
            staged: false,
            asked: BTreeMap::new(),
            log_denied: false,
            inventory: vec![],
            inventory_namespace: None,
            tier: "default".into(),
            approved: None,
            code_owners: None,
            limits: Limits::default(),
            lints: Default::default(),
            approximate: BTreeSet::new(),
        }
    }
}

impl<'a> Builder<'a, '_> {
    /// The profile of the cluster: the named cluster's keys, else those of `[cluster]`, else the defaults.
    pub(super) fn profile(&mut self) {
        let Some(project) = self.input.project else { return };
        self.cluster_name();
        let named = self.input.cluster.and_then(|name| {
            project.clusters.as_ref()?.iter().find(|(cluster, _)| cluster.value == name).map(|(_, table)| table)
        });
        let tables: Vec<&'a ClusterTable> = named.into_iter().chain(project.cluster.as_ref()).collect();
        if let Some(dns) = tables.iter().find_map(|table| table.dns.as_ref())
            && let Some(target) = self.dns(dns)
        {
            self.model.profile.dns = target;
            self.model.profile.asked.insert("dns", dns.span());
        }
        self.model.profile.pod_cidrs = self.ranges(tables.iter().find_map(|t| t.pod_cidrs.as_ref()));
        self.model.profile.service_cidrs = self.ranges(tables.iter().find_map(|t| t.service_cidrs.as_ref()));
        self.model.profile.node_cidrs = self.ranges(tables.iter().find_map(|t| t.node_cidrs.as_ref()));
        self.model.profile.api_server_cidrs = self.ranges(tables.iter().find_map(|t| t.api_server_cidrs.as_ref()));
        self.model.profile.private_cidrs = self.ranges(tables.iter().find_map(|t| t.private_cidrs.as_ref()));
        if let Some(scrapers) = tables.iter().find_map(|table| table.scrapers.as_ref())
            && let Some(pods) = self.scraper_pods(scrapers)
        {
            self.model.profile.scrapers = pods;
            self.model.profile.asked.insert("scrapers", scrapers.span);
        }
        if let Some(shared) = tables.iter().find_map(|table| table.shared_namespaces.as_ref()) {
            self.model.profile.shared_namespaces = self.namespaces_of(shared);
        }
        self.model.profile.enforces_egress = tables.iter().find_map(|table| table.enforces_egress).unwrap_or(true);
        if let Some(staged) = tables.iter().find_map(|table| table.staged.as_ref()).filter(|staged| staged.value) {
            self.model.profile.staged = true;
            self.model.profile.asked.insert("staged", staged.span);
        }
        self.model.profile.log_denied = tables.iter().find_map(|table| table.log_denied).unwrap_or(false);
        if let Some(list) = tables.iter().find_map(|table| table.inventory.as_ref()) {
            self.model.profile.inventory = list.items.clone();
        }
        if let Some(name) = tables.iter().find_map(|table| table.inventory_namespace.as_ref()) {
            self.accept(name.span, super::names::check_namespace(&name.value));
            self.model.profile.inventory_namespace = Some(name.value.as_str().into());
        }
        if let Some(tier) = tables.iter().find_map(|table| table.tier.as_ref()) {
            self.accept(tier.span, super::names::check_tier(&tier.value));
            self.model.profile.tier = tier.value.as_str().into();
        }
        self.guards(&tables);
        self.approved();
        self.code_owners();
        self.limits();
        self.lints();
        self.approximations();
    }

    /// Each cluster's name becomes a folder of the output.
    fn cluster_name(&mut self) {
        let table = self.input.project.and_then(|project| project.clusters.as_ref());
        let mut names = table.into_iter().flat_map(|table| &table.0).map(|(name, _)| name);
        if let Some(name) = names.find(|name| self.input.cluster == Some(name.value.as_str())) {
            self.accept(name.span, super::names::check_name("cluster", &name.value));
        }
    }

    /// Whether something inside of this place was reported already: what follows from it is not worth a message.
    pub(super) fn reported_in(&self, span: Span) -> bool {
        self.diags
            .iter()
            .filter_map(|diagnostic| diagnostic.primary.as_ref())
            .any(|label| label.span.file == span.file && span.start <= label.span.start && label.span.end <= span.end)
    }

    pub(super) fn namespaces_of(&mut self, list: &List<String>) -> BTreeSet<Sym> {
        for namespace in &list.items {
            self.accept(namespace.span, super::names::check_namespace(&namespace.value));
        }
        list.items.iter().map(|namespace| namespace.value.as_str().into()).collect()
    }

    fn ranges(&mut self, list: Option<&'a List<String>>) -> Vec<IpNet> {
        let mut nets: Vec<IpNet> = self.cidrs(items(list)).0.into_iter().map(|net| net.value).collect();
        nets.sort_unstable();
        nets.dedup();
        nets
    }

    fn dns(&mut self, setting: &DnsSetting) -> Option<DnsTarget> {
        match setting {
            DnsSetting::Preset(name) => {
                let target = preset(&name.value);
                if target.is_none() {
                    let error = Diagnostic::error(
                        codes::UNKNOWN_NAME,
                        name.span,
                        format!("there is no DNS preset {}", quote(&name.value)),
                    );
                    self.error(match nearest(&name.value, PRESETS) {
                        Some(near) => error.help(format!("did you mean {}?", quote(near))),
                        None => error
                            .help(format!("presets: {}; or a table that says where DNS answers", PRESETS.join(", "))),
                    });
                }
                target
            }
            DnsSetting::Custom(table) => self.custom_dns(table),
        }
    }

    fn custom_dns(&mut self, table: &DnsTable) -> Option<DnsTarget> {
        let mut peers = vec![];
        let broken = self.reported_in(table.span);
        match (&table.namespace, &table.pods) {
            (Some(namespace), Some(pods)) => {
                self.accept(namespace.span, super::names::check_namespace(&namespace.value));
                let labels = self.pods(pods)?;
                let namespaces = NamespaceSet::Names(vec![namespace.value.as_str().into()]);
                peers.push(DnsPeer::Pods(PodSet { namespaces, labels }));
            }
            (None, None) => {}
            _ => {
                let error = Diagnostic::error(
                    codes::MISSING_KEY,
                    table.span,
                    "`dns` needs both `namespace` and `pods`, or neither",
                );
                self.error(error.help("name the namespace and the labels of the DNS pods"));
                return None;
            }
        }
        let cidrs = self.cidrs(items(table.cidrs.as_ref())).0;
        peers.extend(cidrs.into_iter().map(|net| DnsPeer::Address(net.value)));
        if peers.is_empty() && (broken || table.cidrs.is_some()) {
            return None;
        }
        if peers.is_empty() {
            let error = Diagnostic::error(codes::EMPTY, table.span, "`dns` says nowhere where DNS answers");
            self.error(error.help("give `namespace` and `pods`, or `cidrs`, or both"));
            return None;
        }
        let ports = match &table.ports {
            None => dns_ports(53),
            Some(ports) => {
                let numbered = self.numbered_ports(ports, "ports")?;
                let both = |port: &Spanned<PortText>| matches!(&port.value, PortText::Number(_));
                let plain: Vec<u16> = ports
                    .items
                    .iter()
                    .filter(|port| both(port))
                    .filter_map(|port| match port.value {
                        PortText::Number(number) => u16::try_from(number).ok(),
                        PortText::Text(_) => None,
                    })
                    .collect();
                PortRange::normalize(numbered.into_iter().chain(plain.into_iter().flat_map(dns_ports)).collect())
            }
        };
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            if !ports.iter().any(|port| port.protocol == protocol) {
                let span = table.ports.as_ref().map_or(table.span, |ports| ports.span);
                let message = format!("`dns` has no port of {}", protocol.as_str());
                self.error(
                    Diagnostic::error(codes::PROFILE, span, message)
                        .note("answers that do not fit into a datagram of UDP are asked for again over TCP")
                        .help("write the port as a number, as `ports = [53]`: it then stands for both"),
                );
            }
        }
        Some(DnsTarget { peers, ports })
    }

    fn lints(&mut self) {
        for (code, level) in
            self.input.project.and_then(|p| p.lints.as_ref()).into_iter().flat_map(|table| table.iter())
        {
            if !self.input.rules.iter().any(|(rule, _)| *rule == code.value) {
                let fixed = codes::ALL.iter().any(|doc| doc.code.0 == code.value);
                let message = match fixed {
                    true => format!("{} is an error of the language: it has no level", quote(&code.value)),
                    false => format!("there is no rule {}", quote(&code.value)),
                };
                let error = Diagnostic::error(codes::UNKNOWN_NAME, code.span, message);
                if fixed {
                    self.error(error.help("remove this line; `netpolc rule --all` lists the rules that have levels"));
                    continue;
                }
                self.error(match nearest(&code.value, self.input.rules.iter().map(|(rule, _)| *rule)) {
                    Some(near) => error.help(format!("did you mean {}?", quote(near))),
                    None => error.help("`netpolc rule --all` lists the rules"),
                });
                continue;
            }
            let parsed = match level.value.as_str() {
                "error" => LintLevel::Error,
                "warning" => LintLevel::Warning,
                "allow" => LintLevel::Allow,
                other => {
                    let error =
                        Diagnostic::error(codes::WRONG_TYPE, level.span, format!("{} is no level", quote(other)));
                    self.error(error.help("levels are \"error\", \"warning\" and \"allow\""));
                    continue;
                }
            };
            self.model.profile.lints.insert(code.value.as_str().into(), parsed);
        }
    }

    fn approximations(&mut self) {
        let table = self.input.project.and_then(|project| project.approximate.as_ref());
        for (dialect, list) in table.into_iter().flat_map(|table| table.iter()) {
            if !self.input.dialects.contains(&dialect.value.as_str()) {
                self.error(unknown_dialect(dialect, self.input.dialects));
            }
            for name in &list.items {
                match Approximation::ALL.into_iter().find(|approximation| approximation.name() == name.value) {
                    Some(found) => {
                        self.model.profile.approximate.insert((dialect.value.as_str().into(), found));
                    }
                    None => {
                        let known = Approximation::ALL.map(Approximation::name);
                        let message = format!("there is no approximation {}", quote(&name.value));
                        let error = Diagnostic::error(codes::UNKNOWN_NAME, name.span, message);
                        self.error(match nearest(&name.value, known) {
                            Some(near) => error.help(format!("did you mean {}?", quote(near))),
                            None => error.help(format!("known: {}", known.join(", "))),
                        });
                    }
                }
            }
        }
    }
}

/// What to say of a dialect that nobody knows.
pub fn unknown_dialect(name: &Spanned<String>, known: &[&str]) -> Diagnostic {
    let error =
        Diagnostic::error(codes::UNKNOWN_NAME, name.span, format!("there is no dialect {}", quote(&name.value)));
    match nearest(&name.value, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean {}?", quote(near))),
        None => error.help(format!("dialects: {}", known.join(", "))),
    }
}

/// The input's clusters by name; one without a name when the project file names none.
pub fn clusters<'a>(input: &Input<'a>) -> Vec<Option<&'a str>> {
    let table = input.project.and_then(|project| project.clusters.as_ref());
    let mut names: Vec<Option<&str>> =
        table.into_iter().flat_map(|t| &t.0).map(|(name, _)| Some(name.value.as_str())).collect();
    names.sort_unstable();
    if names.is_empty() { vec![None] } else { names }
}
