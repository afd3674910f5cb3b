//! Small models for tests of rules, written in one breath. The intent parser has its own tests.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use jiff::civil::{Date, date};

use super::running::Running;
use super::{Context, Outcome, PolicyTable, Rule, Settings, Target};
use crate::diag::{Code, Diagnostic, Level};
use crate::model::*;
use crate::source::{FileId, Sources, Span, Spanned};

/// The day on which tests run.
pub(crate) const TODAY: Date = date(2026, 1, 1);

/// A target that knows nothing but labels and addresses.
pub(crate) const BY_ADDRESS: Target =
    Target { dialect: "plain", host_names: false, entities: false, local_redirect: false, table: None };
/// A target that knows all that rules ask for, in a small table.
pub(crate) const BY_NAME: Target = Target {
    dialect: "rich",
    host_names: true,
    entities: true,
    local_redirect: true,
    table: Some(PolicyTable { entries: 100, setting: "table-max" }),
};

/// A model under construction. One app, `shop`; `other/x` makes an app `other`.
pub(crate) struct Draft {
    pub(crate) model: Model,
    file: FileId,
    place: usize,
}

/// What every rule says of a model alone.
pub(crate) fn run(model: &Model, expired: Level) -> Outcome {
    super::run(&[Context::new(model, TODAY)], &Settings::new(expired)).remove(0)
}

/// `80/TCP 8000-8100/UDP all/SCTP`.
fn ports(text: &str) -> Vec<PortRange> {
    let one = |word: &str| {
        let (range, protocol) = word.split_once('/').unwrap();
        let protocol = Protocol::ALL.into_iter().find(|p| p.as_str() == protocol).unwrap();
        let (first, last) = match range {
            "all" => return PortRange::all(protocol),
            _ => range.split_once('-').unwrap_or((range, range)),
        };
        PortRange::new(protocol, first.parse().unwrap(), last.parse().unwrap()).unwrap()
    };
    PortRange::normalize(text.split_whitespace().map(one).collect())
}

/// `app=web,track=stable`, or nothing.
fn labels(text: &str) -> Labels {
    Labels::new(text.split(',').filter(|s| !s.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap();
        (key.into(), value.into())
    }))
}

/// `a b` are names; `a=b` are labels.
fn namespaces(text: &str) -> NamespaceSet {
    match text.contains('=') {
        true => NamespaceSet::Labels(labels(text)),
        false => NamespaceSet::Names(text.split_whitespace().map(Sym::from).collect()),
    }
}

impl Draft {
    pub(crate) fn new() -> Self {
        let file = Sources::default().add("intents/shop.toml", String::new());
        let pods = PodSet { namespaces: namespaces("monitoring"), labels: labels("app=prometheus") };
        let dns = DnsPeer::Pods(PodSet { namespaces: namespaces("kube-system"), labels: labels("k8s-app=kube-dns") });
        let profile = Profile {
            dns: DnsTarget { peers: vec![dns], ports: ports("53/TCP 53/UDP") },
            pod_cidrs: vec![],
            service_cidrs: vec![],
            node_cidrs: vec![],
            api_server_cidrs: vec![],
            private_cidrs: vec![],
            scrapers: pods,
            shared_namespaces: BTreeSet::new(),
            enforces_egress: true,
            lints: BTreeMap::new(),
            approximate: BTreeSet::new(),
            ..Profile::unknown()
        };
        let model = Model {
            cluster: None,
            profile,
            apps: vec![],
            tiers: vec![],
            peers: vec![],
            externals: vec![],
            edges: vec![],
            forbids: vec![],
            waivers: vec![],
            unsorted: vec![],
            namespaces: BTreeMap::new(),
            graph: FlowGraph::default(),
        };
        let mut draft = Self { model, file, place: 0 };
        draft.app("shop");
        draft
    }

    /// A place of its own for each thing.
    fn span(&mut self) -> Span {
        self.place += 10;
        Span::new(self.file, self.place..self.place + 5)
    }

    fn app(&mut self, name: &str) -> AppId {
        if let Some(found) = self.model.apps.iter().position(|app| &*app.name == name) {
            return AppId(found as u32);
        }
        let (file, span) = (self.file, self.span());
        let path = format!("intents/{name}.toml").into();
        self.model.apps.push(App {
            name: name.into(),
            owner: None,
            owner_span: None,
            scrapers: None,
            path,
            file,
            span,
        });
        AppId(self.model.apps.len() as u32 - 1)
    }

    fn split<'a>(&mut self, name: &'a str) -> (AppId, &'a str) {
        let (app, name) = name.split_once('/').unwrap_or(("shop", name));
        (self.app(app), name)
    }

    /// A tier in some namespaces with some labels.
    pub(crate) fn tier(mut self, name: &str, places: &str, pods: &str) -> Self {
        let (app, name) = self.split(name);
        let pods = PodSet { namespaces: namespaces(places), labels: labels(pods) };
        for namespace in pods.namespaces.names() {
            self.model.namespaces.entry(namespace.clone()).or_default().push(app);
        }
        let (span, pods_span) = (self.span(), self.span());
        self.model.tiers.push(Tier {
            app,
            name: name.into(),
            pods,
            ports: vec![],
            port_names: BTreeMap::new(),
            metrics: vec![],
            dns: true,
            span,
            pods_span,
            ports_span: span,
            level: None,
            accepts: None,
            metrics_span: span,
        });
        self
    }

    /// Tiers that differ by the label `app`, all in one namespace per app.
    pub(crate) fn tiers(self, names: &str) -> Self {
        names.split_whitespace().fold(self, |draft, name| {
            let (app, short) = name.split_once('/').unwrap_or(("shop", name));
            draft.tier(name, app, &format!("app={short}"))
        })
    }

    /// A peer in some namespaces with some labels.
    pub(crate) fn peer(mut self, name: &str, places: &str, pods: &str) -> Self {
        let (app, name) = self.split(name);
        let pods = PodSet { namespaces: namespaces(places), labels: labels(pods) };
        let (span, namespace_span) = (self.span(), self.span());
        let (ports, port_names) = (vec![], BTreeMap::new());
        self.model.peers.push(Peer {
            app,
            name: name.into(),
            pods,
            ports,
            port_names,
            span,
            namespace_span,
            ports_span: span,
        });
        self
    }

    /// An external with some ranges, less some exceptions.
    pub(crate) fn external(mut self, name: &str, cidrs: &str, except: &str) -> Self {
        let (app, name) = self.split(name);
        let mut spanned = |text: &str| -> Vec<Spanned<IpNet>> {
            text.split_whitespace().map(|cidr| Spanned::new(cidr.parse().unwrap(), self.span())).collect()
        };
        let (cidrs, except) = (spanned(cidrs), spanned(except));
        let out: Vec<IpNet> = except.iter().map(|e| e.value).collect();
        let addresses = Cidrs::new(cidrs.iter().map(|c| c.value)).minus(&out);
        let span = self.span();
        self.model.externals.push(External {
            app: Some(app),
            name: name.into(),
            cidrs,
            except,
            addresses,
            fqdns: vec![],
            ports: vec![],
            port_names: Default::default(),
            unknown: None,
            private: false,
            metadata: false,
            span,
        });
        self
    }

    fn endpoint(&self, app: AppId, name: &str) -> Endpoint {
        let (app, short) = match name.split_once('/') {
            Some((app, short)) => (self.model.apps.iter().position(|a| &*a.name == app).unwrap() as u32, short),
            None => (app.0, name),
        };
        let is = |owner: AppId, candidate: &str| owner.0 == app && candidate == short;
        let tier = self.model.tiers().find(|(_, t)| is(t.app, &t.name)).map(|(id, _)| Endpoint::Tier(id));
        let peer = self.model.peers().find(|(_, p)| is(p.app, &p.name)).map(|(id, _)| Endpoint::Peer(id));
        let external = self.model.externals().find(|(_, e)| *e.name == *short).map(|(id, _)| Endpoint::External(id));
        tier.or(peer).or(external).or(Builtin::parse(name).map(Endpoint::Builtin)).expect(name)
    }

    /// An edge of the app `shop`, with a `why`, as `web -> api`.
    pub(crate) fn edge(mut self, name: &str, on: &str) -> Self {
        let (from, to) = name.split_once(" -> ").unwrap();
        let app = self.app("shop");
        let (from, to) = (self.endpoint(app, from), self.endpoint(app, to));
        let (table, from_span, to_span) = (self.span(), self.span(), self.span());
        self.model.edges.push(Edge {
            app,
            from,
            to,
            ports: ports(on).into(),
            all_ports: on == "all/TCP all/UDP all/SCTP",
            http: vec![],
            why: Some("needed".into()),
            table,
            from_span,
            to_span,
            ports_span: to_span,
            http_span: None,
        });
        self
    }

    /// Edges on 80/TCP, separated by `;`.
    pub(crate) fn edges(self, names: &str) -> Self {
        names.split(';').fold(self, |draft, name| draft.edge(name.trim(), "80/TCP"))
    }

    /// Changes what no other method sets.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Model)) -> Self {
        change(&mut self.model);
        self
    }

    /// A waiver for a code, and its last day.
    pub(crate) fn waive(mut self, code: &'static str, target: WaiveTarget, until: Option<Date>) -> Self {
        let span = self.span();
        self.model.waivers.push(Waiver {
            app: AppId(0),
            code: Code(code),
            targets: vec![target],
            reason: "accepted".into(),
            until,
            span,
            until_span: None,
        });
        self
    }

    /// The model with its graph.
    pub(crate) fn model(mut self) -> Model {
        let endpoints = self.model.tiers().map(|(id, _)| Endpoint::Tier(id));
        let endpoints: Vec<_> = endpoints.chain(self.model.peers().map(|(id, _)| Endpoint::Peer(id))).collect();
        self.model.graph = FlowGraph::new(endpoints, self.model.edges());
        self.model
    }

    /// What every rule says.
    pub(crate) fn run(self) -> Outcome {
        run(&self.model(), Level::Error)
    }

    /// What one rule says.
    pub(crate) fn check(self, rule: &Rule) -> Vec<Diagnostic> {
        self.run().diagnostics.into_iter().filter(|d| d.code == rule.code).collect()
    }

    /// What one rule says where an inventory, as YAML, is given.
    pub(crate) fn check_with(self, rule: &Rule, inventory: &str) -> Vec<Diagnostic> {
        let mut sources = Sources::default();
        let file = sources.add("inventory.yaml", inventory);
        let read = crate::cluster::read_whole(&sources, &[file]);
        let cluster = read.unwrap_or_else(|errors| panic!("{errors:?}")).cluster;
        let model = self.model();
        let running = Running::new(&model, &cluster);
        let cx = Context { inventory: Some(&running), ..Context::new(&model, TODAY) };
        let outcome = super::run(&[cx], &Settings::new(Level::Error)).remove(0);
        outcome.diagnostics.into_iter().filter(|d| d.code == rule.code).collect()
    }

    /// What one rule says where these targets enforce the policies.
    pub(crate) fn check_for(self, targets: &[Target], rule: &Rule) -> Vec<Diagnostic> {
        let model = self.model();
        let cx = Context { targets, agents: &["net-agents"], ..Context::new(&model, TODAY) };
        let outcome = super::run(&[cx], &Settings::new(Level::Error)).remove(0);
        outcome.diagnostics.into_iter().filter(|d| d.code == rule.code).collect()
    }

    /// The messages of one rule.
    pub(crate) fn messages(self, rule: &Rule) -> Vec<String> {
        self.check(rule).into_iter().map(|d| d.message).collect()
    }
}

/// A Deployment with some labels of its pods, as YAML writes them: `app: web`, or `{app: web, track: stable}`.
pub(crate) fn deployment(namespace: &str, name: &str, labels: &str) -> String {
    let labels = labels.trim_matches(['{', '}']);
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  template:\n    \
         metadata: {{labels: {{{labels}}}}}\n    spec: {{}}\n"
    )
}

/// The same with one container that declares ports and has variables, each `NAME: value`.
pub(crate) fn workload(namespace: &str, name: &str, ports: &[u16], variables: &[(&str, &str)]) -> String {
    let ports: String = ports.iter().map(|port| format!("{{containerPort: {port}}}, ")).collect();
    let variables: String =
        variables.iter().map(|(name, value)| format!("{{name: {name}, value: {value:?}}}, ")).collect();
    let container = format!("{{name: c, image: c, ports: [{ports}], env: [{variables}]}}");
    deployment(namespace, name, &format!("app: {name}"))
        .replace("spec: {}", &format!("spec: {{containers: [{container}]}}"))
}

/// A Service of the pods labelled `app: <name>`, from a port to a port of theirs.
pub(crate) fn service(namespace: &str, name: &str, port: u16, target: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  selector: {{app: {name}}}\n  \
         ports: [{{port: {port}, targetPort: {target}}}]\n"
    )
}
