//! What is known of the cluster, and what the platform team decided for the project.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use ipnet::IpNet;

use super::address::metadata_hosts;
use super::{Cidrs, PRIVATE, PodSet, PortRange, Sym};
use crate::source::{Span, Spanned};

/// The cluster as the project file describes it, defaults filled in.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The cluster's DNS.
    pub dns: DnsTarget,
    /// Addresses of pods; empty: unknown, taken to lie in [`PRIVATE`].
    pub pod_cidrs: Vec<IpNet>,
    /// Addresses of Services; empty: unknown.
    pub service_cidrs: Vec<IpNet>,
    /// Addresses of nodes; empty: unknown.
    pub node_cidrs: Vec<IpNet>,
    /// Addresses of the API server; empty: unknown.
    pub api_server_cidrs: Vec<IpNet>,
    /// Further ranges that `internet` leaves out.
    pub private_cidrs: Vec<IpNet>,
    /// Who scrapes metrics.
    pub scrapers: PodSet,
    /// Namespaces that several apps may manage.
    pub shared_namespaces: BTreeSet<Sym>,
    /// Whether the CNI enforces egress policies.
    pub enforces_egress: bool,
    /// Namespaces that no guard touches.
    pub system_namespaces: BTreeSet<Sym>,
    /// Whether pods outside of the system namespaces are kept from cloud metadata addresses.
    pub metadata_deny: bool,
    /// Whether every namespace is default deny both ways, but the system ones and these.
    pub default_deny: Option<BTreeSet<Sym>>,
    /// Whether policies only report what they would deny.
    pub staged: bool,
    /// Whether denied connections are logged.
    pub log_denied: bool,
    /// Where the project file asks for something that not every dialect has, or says what would be taken for granted
    /// otherwise, by key.
    pub asked: BTreeMap<&'static str, Span>,
    /// Manifests of what runs there, relative to the project's root.
    pub inventory: Vec<Spanned<String>>,
    /// The namespace of those of them that name none.
    pub inventory_namespace: Option<Sym>,
    /// The tier that the policies go to, in dialects that have tiers.
    pub tier: Sym,
    /// What externals of apps may stand for; `None`: anything.
    pub approved: Option<Approved>,
    /// Who is asked for a review; `None`: nobody was named.
    pub code_owners: Option<CodeOwners>,
    /// Thresholds of rules.
    pub limits: Limits,
    /// Levels of rules by code, as the project file sets them.
    pub lints: BTreeMap<Sym, LintLevel>,
    /// Approximations that the project file permits: dialect and approximation.
    pub approximate: BTreeSet<(Sym, Approximation)>,
}

/// What the platform team approved as destinations of apps' externals.
#[derive(Debug, Clone)]
pub struct Approved {
    /// Ranges.
    pub cidrs: Vec<IpNet>,
    /// Host names; a leading `*.` stands for one label.
    pub fqdns: BTreeSet<Sym>,
    /// Where the table is written.
    pub span: Span,
}

impl Approved {
    /// Whether every name that a host name stands for is approved. A wildcard stands for one label, so that only the same
    /// wildcard holds all its names.
    pub fn holds_host(&self, host: &str) -> bool {
        let parent = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        self.fqdns.contains(host) || parent.is_some_and(|wildcard| self.fqdns.contains(wildcard.as_str()))
    }
}

/// Whom a forge asks for a review of a change, by its own names for users and teams.
#[derive(Debug, Clone)]
pub struct CodeOwners {
    /// The file that says so, below the root of the git repository.
    pub file: Option<Spanned<Utf8PathBuf>>,
    /// Who answers for what belongs to no app; never empty.
    pub platform: BTreeSet<Sym>,
    /// Who stands behind the owner of an app; none of them empty.
    pub teams: BTreeMap<Sym, BTreeSet<Sym>>,
}

/// Thresholds of rules, defaults filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The shortest mask of an IPv4 range that passes.
    pub widest_cidr_v4: u8,
    /// The shortest mask of an IPv6 range that passes.
    pub widest_cidr_v6: u8,
    /// The most ports that one range may hold and pass.
    pub widest_port_range: u32,
    /// How many days ahead the end of a waiver is told.
    pub waiver_days: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { widest_cidr_v4: 8, widest_cidr_v6: 16, widest_port_range: 1_000, waiver_days: 30 }
    }
}

/// The cluster's DNS: pods or addresses, on some ports.
#[derive(Debug, Clone)]
pub struct DnsTarget {
    /// Where it answers; never empty.
    pub peers: Vec<DnsPeer>,
    /// UDP and TCP, as pods see them.
    pub ports: Vec<PortRange>,
}

/// One place where the cluster's DNS answers.
#[derive(Debug, Clone)]
pub enum DnsPeer {
    /// Pods.
    Pods(PodSet),
    /// The address of a cache on each node, which runs on the host network.
    Address(IpNet),
    /// The pods of a cache on each node. Policies meet them only where the CNI redirects queries to them, as Cilium's
    /// local redirect policy does; elsewhere the cache is on the host network and has its address alone.
    Cache(PodSet),
}

/// The level of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LintLevel {
    /// Stops the build.
    Error,
    /// Is shown.
    Warning,
    /// Is not looked for.
    Allow,
}

/// A named way to say something else than what was meant, where a dialect cannot say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Approximation {
    /// HTTP rules become rules on ports: wider.
    HttpAsL4,
    /// Host names are left out: narrower.
    FqdnsOmitted,
    /// Cluster-wide guards are left out: wider.
    GuardsOmitted,
}

impl LintLevel {
    /// The word in the project file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Allow => "allow",
        }
    }
}

impl Approximation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HttpAsL4, Self::FqdnsOmitted, Self::GuardsOmitted];

    /// The name in the project file and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::HttpAsL4 => "http-as-l4",
            Self::FqdnsOmitted => "fqdns-omitted",
            Self::GuardsOmitted => "guards-omitted",
        }
    }

    /// `wider` or `narrower` than the intent.
    pub fn direction(self) -> &'static str {
        match self {
            Self::HttpAsL4 | Self::GuardsOmitted => "wider",
            Self::FqdnsOmitted => "narrower",
        }
    }
}

impl Profile {
    /// Ranges that hold the cluster's own addresses, as far as known.
    pub fn cluster_cidrs(&self) -> Vec<IpNet> {
        [&self.pod_cidrs, &self.service_cidrs, &self.node_cidrs].into_iter().flatten().copied().collect()
    }

    /// The keys of ranges that are not known, of pods, Services and nodes, with their place in that order.
    pub fn unknown_ranges(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let keys = [
            ("pod-cidrs", self.pod_cidrs.is_empty()),
            ("service-cidrs", self.service_cidrs.is_empty()),
            ("node-cidrs", self.node_cidrs.is_empty()),
        ];
        keys.into_iter().enumerate().filter(|(_, (_, unknown))| *unknown).map(|(place, (key, _))| (place, key))
    }

    /// Whether pod, service and node ranges are all known.
    pub fn knows_cluster(&self) -> bool {
        self.unknown_ranges().next().is_none()
    }

    /// What `internet` means here: every address but private, link-local, metadata and cluster ranges.
    pub fn internet(&self) -> Cidrs {
        let mut except: Vec<IpNet> = PRIVATE.to_vec();
        except.extend(metadata_hosts());
        except.extend(&self.private_cidrs);
        except.extend(self.cluster_cidrs());
        Cidrs::everything().minus(&except)
    }

    /// What `anywhere` means as a destination, addresses only: every address but metadata addresses.
    pub fn everywhere(&self) -> Cidrs {
        Cidrs::everything().minus(&metadata_hosts())
    }
}
