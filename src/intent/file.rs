//! The tables of an intent file. The comments of keys are what editors show.

use super::decode::{Day, Table};
use super::numbers::Whole;
use super::values::{DeclaredPorts, Headers, List, Namespaces, OpenList, Pods, Ports, Several};
use crate::source::Spanned;

table! {
    /// Who may talk to whom, for one app: netpolc compiles it into network policies that allow exactly that.
    pub struct IntentFile {
        /// Version of the intent language: 1, which is also what a missing key means.
        left_out "version" => version: Option<Spanned<i64>>,
        /// Name of the app, unique in the project: lower-case letters, digits and hyphens.
        "app" => app: Spanned<String>,
        /// The team that owns the app: shown in diffs and in the annotations of each policy.
        left_out "owner" => owner: Option<Spanned<String>>,
        /// Whether tiers may ask the cluster's DNS, unless they say otherwise themselves. Default: true.
        left_out "dns" => dns: Option<bool>,
        /// The peer that scrapes metrics of this app, instead of the project's scrapers.
        left_out "scrapers" => scrapers: Option<Spanned<String>>,
        /// Groups of pods that this app manages, by name. Their namespaces become default-deny both ways.
        "tiers" => tiers: Option<Table<TierTable>>,
        /// Groups of pods that somebody else manages, by name.
        "peers" => peers: Option<Table<PeerTable>>,
        /// Approved destinations outside the cluster, by name.
        "external" => external: Option<Table<ExternalTable>>,
        /// The edges: new connections that are allowed. Everything else is denied.
        left_out "allow" => allow: Option<Vec<AllowTable>>,
        /// Guardrails: connections that must never be possible. The build fails if one is.
        left_out "forbid" => forbid: Option<Vec<ForbidTable>>,
        /// Findings that are accepted, each with a reason.
        left_out "waive" => waive: Option<Vec<WaiveTable>>,
    }

    /// Every pod in `namespace` that carries all labels in `pods`.
    pub struct TierTable {
        /// The namespace, or a list of them. It becomes managed: default deny both ways for every pod in it.
        "namespace" => namespace: List<String>,
        /// Labels that all of its pods carry, as { app = "web" }; "all" means every pod of the namespace.
        "pods" => pods: Pods,
        /// Pod ports (not Service ports) that edges to this tier take when they name none: [80, "53/UDP"], or by name:
        /// { http = 8080 }.
        "ports" => ports: Option<DeclaredPorts>,
        /// Ports that the scrapers may reach.
        left_out "metrics" => metrics: Option<Ports>,
        /// Whether its pods may ask the cluster's DNS. Default: what the app says, else true.
        left_out "dns" => dns: Option<bool>,
        /// How deep the tier lies, as 0 for what faces users and 2 for what stores data: connections go from a lower
        /// level to a higher or equal one, across apps too. Default: none, and nothing is asked of its edges.
        left_out "level" => level: Option<Spanned<Whole<0, { u32::MAX }>>>,
        /// Who of other apps may connect, as its owner decides: apps and their tiers, as ["billing", "orders/worker"]. An
        /// empty list: nobody. Default: whoever writes an edge.
        left_out "accepts" => accepts: Option<OpenList<String>>,
    }

    /// A group of pods that this project does not manage: of an edge with it only our own side is rendered.
    pub struct PeerTable {
        /// The namespace, a list of them, { labels = { … } }, or "all".
        "namespace" => namespace: Namespaces,
        /// Labels that all of its pods carry; "all" means every pod of the namespaces.
        "pods" => pods: Pods,
        /// Pod ports that edges to this peer take when they name none.
        "ports" => ports: Option<DeclaredPorts>,
    }

    /// Destinations outside the cluster: address ranges and host names together.
    pub struct ExternalTable {
        /// Address ranges in CIDR notation, canonical: ["203.0.113.0/24"].
        "cidrs" => cidrs: Option<List<String>>,
        /// Ranges inside `cidrs` that stay denied.
        "except" => except: Option<List<String>>,
        /// Host names: ["api.stripe.com", "*.example.com"]. Not every dialect can say them.
        "fqdns" => fqdns: Option<List<String>>,
        /// Ports that edges to it take when they name none.
        "ports" => ports: Option<DeclaredPorts>,
        /// Write true where the ranges are meant to lie in private address space.
        left_out "private" => private: Option<bool>,
        /// Write true where the ranges are meant to hold a cloud metadata address.
        left_out "metadata" => metadata: Option<bool>,
    }

    /// An edge: new connections from every pod of `from` to every pod of `to` on `ports`, and nothing else.
    pub struct AllowTable {
        /// Who opens the connection: a tier, a peer, `app/tier`, or anywhere, internet, cluster, nodes, kube-apiserver. A
        /// list means one edge each.
        "from" => from: List<String>,
        /// Who accepts it: a tier, a peer, an external, `app/tier`, or a built-in. A list means one edge each.
        "to" => to: List<String>,
        /// Pod ports: [80, "53/UDP", "8000-8100/TCP", "http"], or "all". Default: what the callee declares.
        "ports" => ports: Option<Ports>,
        /// HTTP requests that are meant; anything else on these ports is denied. Not every dialect can say it.
        left_out "http" => http: Option<Several<HttpTable>>,
        /// Why the edge exists: shown to whoever meets the policy in an incident.
        left_out "why" => why: Option<Spanned<String>>,
    }

    /// One kind of HTTP request.
    pub struct HttpTable {
        /// Upper-case method, as GET. Default: any.
        "method" => method: Option<Spanned<String>>,
        /// Regular expression that the whole path must match, starting with `/`; the query behind it may be any. Default: any path.
        "path" => path: Option<Spanned<String>>,
        /// Headers that the request must carry, each with exactly this value, as { X-Tenant = "blue" }. Default: any.
        "headers" => headers: Option<Headers>,
    }

    /// A guardrail: the build fails if such a connection is ever possible.
    pub struct ForbidTable {
        /// Who must not connect: an endpoint or a CIDR, or a list.
        "from" => from: List<String>,
        /// To whom: an endpoint or a CIDR, or a list.
        "to" => to: List<String>,
        /// On which ports. Default: any.
        left_out "ports" => ports: Option<Ports>,
        /// Who may all the same, when `from` or `to` is anywhere.
        left_out "except" => except: Option<List<String>>,
        /// Whether a chain of allowed connections through tiers and peers counts too. Default: false.
        left_out "transitive" => transitive: Option<bool>,
        /// Why it must never be possible: the error shows it to whoever makes it so.
        left_out "why" => why: Option<Spanned<String>>,
    }

    /// An accepted finding.
    pub struct WaiveTable {
        /// Code of the rule, as NP201.
        "code" => code: Spanned<String>,
        /// The edge that the finding is about, as "web -> api".
        "edge" => edge: Option<Spanned<String>>,
        /// The tier that the finding is about.
        "tier" => tier: Option<Spanned<String>>,
        /// The peer that the finding is about.
        "peer" => peer: Option<Spanned<String>>,
        /// The external that the finding is about.
        "external" => external: Option<Spanned<String>>,
        /// The workload that the finding is about, as "namespace/name".
        "workload" => workload: Option<Spanned<String>>,
        /// Why it is accepted.
        "reason" => reason: Spanned<String>,
        /// The last day on which it is accepted, as 2027-03-01.
        left_out "until" => until: Option<Spanned<Day>>,
    }
}
