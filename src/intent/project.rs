//! The tables of `netpolc.toml`, which belongs to the platform team.

use super::decode::{Cx, Decode, Item, Table};
use super::file::{ExternalTable, ForbidTable, IntentFile, TierTable};
use super::numbers::Whole;
use super::values::{List, Namespaces, OpenList, Pods, Ports};
use crate::diag::codes;
use crate::source::{Span, Spanned};

table! {
    /// Settings of a project: paths, dialects, what is known of the cluster, and what the platform team decided.
    pub struct ProjectFile {
        /// Where things are, relative to this file.
        "paths" => paths: Option<PathsTable>,
        /// Dialects to render. Default: all.
        "dialects" => dialects: Option<List<String>>,
        /// What is known of the cluster.
        "cluster" => cluster: Option<ClusterTable>,
        /// Approved destinations outside the cluster that every app may name.
        "external" => external: Option<Table<ExternalTable>>,
        /// What externals of apps may stand for. Once it is written, nothing else. Default: anything.
        "approved" => approved: Option<ApprovedTable>,
        /// Guardrails over all apps; their endpoints are `app/tier`, CIDRs or built-ins.
        "forbid" => forbid: Option<Vec<ForbidTable>>,
        /// Levels of rules by code: "error", "warning" or "allow".
        "lints" => lints: Option<Table<Spanned<String>>>,
        /// Thresholds of rules.
        "limits" => limits: Option<LimitsTable>,
        /// Approximations that are permitted, by dialect: kubernetes = ["http-as-l4", "fqdns-omitted"].
        "approximate" => approximate: Option<Table<List<String>>>,
        /// Who is asked for a review, for `netpolc owners`.
        "codeowners" => codeowners: Option<CodeOwnersTable>,
        /// Named clusters: each overrides keys of `cluster` and gets its own folder of output.
        "clusters" => clusters: Option<Table<ClusterTable>>,
    }

    /// Destinations outside the cluster that externals of apps may stand for, and no others.
    pub struct ApprovedTable {
        /// Address ranges, canonical: externals may name them and ranges inside of them. Default: none.
        left_out "cidrs" => cidrs: Option<OpenList<String>>,
        /// Host names: ["api.stripe.com", "*.example.com"]. A wildcard stands for the whole first label, as in an external.
        /// Default: none.
        left_out "fqdns" => fqdns: Option<OpenList<String>>,
    }

    /// Who is asked for a review of what, as `netpolc owners` writes it into CODEOWNERS. Names are those of the forge: `@user`,
    /// `@org/team`, or an e-mail address.
    pub struct CodeOwnersTable {
        /// The file, relative to the root of the git repository. Default: the one that is there, else CODEOWNERS.
        left_out "file" => file: Option<Spanned<String>>,
        /// Who answers for this file, the templates, the guards, the externals of this file, and for namespaces and intents
        /// that are new.
        "platform" => platform: List<String>,
        /// Who stands behind the `owner` of an app, by that word. An `owner` that is a name of the forge needs no entry.
        left_out "teams" => teams: Option<Table<List<String>>>,
    }

    /// Thresholds of rules: what passes without a finding.
    pub struct LimitsTable {
        /// The shortest mask of an IPv4 range of an external (rule NP204). Default: 8.
        left_out "widest-cidr-v4" => widest_cidr_v4: Option<Whole<0, 32>>,
        /// The shortest mask of an IPv6 range of an external (rule NP204). Default: 16.
        left_out "widest-cidr-v6" => widest_cidr_v6: Option<Whole<0, 128>>,
        /// How many ports one range of an edge may hold (rule NP209). Default: 1000.
        left_out "widest-port-range" => widest_port_range: Option<Whole<1, 65535>>,
        /// How many days ahead the end of a waiver is announced (rule NP503). Default: 30.
        left_out "waiver-days" => waiver_days: Option<Whole<0, 3650>>,
    }

    /// Folders of the project.
    pub struct PathsTable {
        /// The intents. Default: intents.
        "intents" => intents: Option<Spanned<String>>,
        /// The generated policies. Default: out.
        "out" => out: Option<Spanned<String>>,
        /// Templates that replace the built-in ones. Default: templates.
        "templates" => templates: Option<Spanned<String>>,
    }

    /// What is known of a cluster.
    pub struct ClusterTable {
        /// The cluster's DNS: "kube-dns" (the default), "node-local", "openshift", or where it answers.
        "dns" => dns: Option<DnsSetting>,
        /// Address ranges of pods.
        "pod-cidrs" => pod_cidrs: Option<List<String>>,
        /// Address ranges of Services.
        "service-cidrs" => service_cidrs: Option<List<String>>,
        /// Address ranges of nodes.
        "node-cidrs" => node_cidrs: Option<List<String>>,
        /// Addresses of the Kubernetes API server.
        "api-server-cidrs" => api_server_cidrs: Option<List<String>>,
        /// Further ranges that `internet` leaves out.
        "private-cidrs" => private_cidrs: Option<List<String>>,
        /// Who scrapes metrics. Default: pods labelled app.kubernetes.io/name: prometheus in the namespace monitoring.
        "scrapers" => scrapers: Option<ScrapersTable>,
        /// Namespaces that several apps may manage.
        "shared-namespaces" => shared_namespaces: Option<List<String>>,
        /// Whether the CNI enforces egress policies. Default: true.
        "enforces-egress" => enforces_egress: Option<bool>,
        /// Namespaces that guards never touch, as those of the control plane. Default: kube-system, kube-public,
        /// kube-node-lease, and those of Calico's and Cilium's own installations; a list that is written replaces it.
        "system-namespaces" => system_namespaces: Option<List<String>>,
        /// What is denied for the whole cluster, whatever the intents say.
        "guards" => guards: Option<GuardsTable>,
        /// Write true for policies that only report what they would deny, for a first roll-out. Default: false.
        "staged" => staged: Option<Spanned<bool>>,
        /// Write true to log denied connections, where the dialect can. Default: false.
        "log-denied" => log_denied: Option<bool>,
        /// Manifests of what runs there, as rendered or as `kubectl get -o yaml` writes them: files and folders, relative to
        /// this file. `netpolc check` holds the intents against them.
        "inventory" => inventory: Option<List<String>>,
        /// The namespace of those of these manifests that name none. Default: the managed one that fits them best.
        "inventory-namespace" => inventory_namespace: Option<Spanned<String>>,
        /// The tier that the policies go to, where the dialect has tiers. Default: default.
        "tier" => tier: Option<Spanned<String>>,
    }

    /// Cluster-wide denials.
    pub struct GuardsTable {
        /// Write true so that no pod outside of the system namespaces reaches a cloud metadata address. Default: false.
        "metadata-deny" => metadata_deny: Option<Spanned<bool>>,
        /// Write true to put every namespace but the system ones behind a default deny both ways, or
        /// `{ except = ["legacy"] }` to leave out some more. Default: false.
        "default-deny" => default_deny: Option<DefaultDeny>,
    }

    /// A default deny for the whole cluster.
    pub struct DefaultDenyTable {
        /// Namespaces that stay as they are, beside the system ones.
        "except" => except: List<String>,
    }

    /// The pods that scrape metrics.
    pub struct ScrapersTable {
        /// The namespace, a list of them, { labels = { … } }, or "all".
        "namespace" => namespace: Namespaces,
        /// Labels of the pods, or "all".
        "pods" => pods: Pods,
    }

    /// Where the cluster's DNS answers: pods, addresses, or both.
    pub struct DnsTable {
        /// Namespace of its pods.
        "namespace" => namespace: Option<Spanned<String>>,
        /// Labels of its pods.
        "pods" => pods: Option<Pods>,
        /// Addresses of a cache on each node, as ["169.254.20.10/32"].
        "cidrs" => cidrs: Option<List<String>>,
        /// Ports as pods see them, each both UDP and TCP unless it says which. Default: `[53]`.
        "ports" => ports: Option<Ports>,
    }
}

/// Where the project file takes a key, for whoever wrote it elsewhere. Keys that intents take too are none of its own.
pub fn place_of(key: &str) -> Option<&'static str> {
    let places = [
        ("at the top level of netpolc.toml", ProjectFile::KEYS),
        ("under `[cluster]` in netpolc.toml", ClusterTable::KEYS),
        ("under `[cluster.guards]` in netpolc.toml", GuardsTable::KEYS),
        ("under `[limits]` in netpolc.toml", LimitsTable::KEYS),
        ("under `[codeowners]` in netpolc.toml", CodeOwnersTable::KEYS),
    ];
    let shared = [IntentFile::KEYS, TierTable::KEYS].iter().any(|keys| keys.contains(&key));
    places.into_iter().find(|(_, keys)| !shared && keys.contains(&key)).map(|(place, _)| place)
}

/// The cluster's DNS: the word for a preset, or a table.
#[derive(Debug, Clone)]
pub enum DnsSetting {
    /// A preset.
    Preset(Spanned<String>),
    /// Where it answers.
    Custom(DnsTable),
}

impl DnsSetting {
    /// Where it is written.
    pub fn span(&self) -> Span {
        match self {
            Self::Preset(name) => name.span,
            Self::Custom(table) => table.span,
        }
    }
}

impl Decode for DnsSetting {
    const EXPECTED: &'static str = "\"kube-dns\", \"node-local\", \"openshift\", or a table";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        if item.value.is_table() {
            return DnsTable::decode(item, cx).map(Self::Custom);
        }
        if !item.value.is_str() {
            cx.wrong_type(item, Self::EXPECTED);
            return None;
        }
        Spanned::decode(item, cx).map(Self::Preset)
    }
}

impl schemars::JsonSchema for DnsSetting {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dns".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let table = generator.subschema_for::<DnsTable>();
        schemars::json_schema!({ "anyOf": [{ "enum": ["kube-dns", "node-local", "openshift"] }, table] })
    }
}

/// A default deny for the whole cluster: whether, or with which exceptions.
#[derive(Debug, Clone)]
pub enum DefaultDeny {
    /// Without exceptions, or not at all.
    Everywhere(Spanned<bool>),
    /// In every namespace but some.
    But(DefaultDenyTable),
}

impl Decode for DefaultDeny {
    const EXPECTED: &'static str = "true, false, or a table as { except = [\"legacy\"] }";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        if let Some(table) = item.value.as_table() {
            let none = |list: &toml::de::DeArray<'_>| list.is_empty();
            let except = table.get("except").and_then(|value| value.get_ref().as_array());
            if table.is_empty() || except.is_some_and(none) {
                let message = format!("`{}` names no exception", item.key);
                cx.refuse(codes::EMPTY, item, message, format!("write `{} = true` where none is meant", item.key));
                return None;
            }
            return DefaultDenyTable::decode(item, cx).map(Self::But);
        }
        if item.value.as_bool().is_none() {
            cx.wrong_type(item, Self::EXPECTED);
            return None;
        }
        Spanned::decode(item, cx).map(Self::Everywhere)
    }
}

impl schemars::JsonSchema for DefaultDeny {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DefaultDeny".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let table = generator.subschema_for::<DefaultDenyTable>();
        schemars::json_schema!({ "anyOf": [{ "type": "boolean" }, table] })
    }
}
