//! A cluster: what policies select, and what runs there.
//!
//! In: the texts of manifests. Out: a [`Cluster`], its namespaces and pods as concrete things, and for an inventory what
//! leads to them; and the documents of the same texts that are policies, for those who read them. What may never happen: a
//! pod that is left out without a word, and a label, name, address or port that the API server would not take.

mod endpoint;
mod index;
pub mod mention;
mod owners;
mod read;
mod verdict;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{Labels, Protocol, Sym};
use crate::source::Span;

pub use crate::verify::law::NamedPort;
pub use endpoint::{Endpoint, Probe, Unclear, check_endpoints, check_probes};
pub use index::{Callee, Index};
pub use read::{Inventory, PolicyDoc, read, read_whole};
pub use verdict::{Cell, Flow, Verdict, Verdicts};

/// Namespaces and pods, and what leads to them.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// By their names: those that are declared, and those that pods name.
    pub namespaces: BTreeMap<Sym, Namespace>,
    /// In the order of the texts; no two of a namespace are called alike.
    pub pods: Vec<Pod>,
    /// Services, in the order of the texts.
    pub services: Vec<Service>,
    /// What leads into the cluster, or through it, to Services: Ingresses and Gateway routes.
    pub routes: Vec<Route>,
    /// What the API server calls: admission webhooks, and APIServices.
    pub webhooks: Vec<Webhook>,
    /// Service accounts that some role is bound to, by namespace and name, with the first binding of each.
    pub bound_accounts: BTreeMap<(Sym, Sym), Span>,
    /// Namespaces to whose accounts, all of them, some role is bound, with the first binding of each.
    pub bound_namespaces: BTreeMap<Sym, Span>,
    /// What it was read from.
    parts: read::Parts,
}

/// A namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// Its labels, [`NAMESPACE_NAME`](crate::model::NAMESPACE_NAME) always among them: the API server sees to it
    /// (registry/core/namespace/strategy.go, `canonicalize`).
    pub labels: Labels,
    /// Whether an object declares it. Otherwise nothing is known of its labels but its name.
    pub declared: bool,
    /// Where it is declared, or the first pod in it.
    pub span: Span,
}

/// A pod, or the pods of a workload: one stands for all, as policies see its template alone.
#[derive(Debug, Clone)]
pub struct Pod {
    /// Its namespace.
    pub namespace: Sym,
    /// Its name, or that of its workload; where two workloads of a namespace have one name, the later has its kind behind
    /// it, as `web.statefulset`.
    pub name: Sym,
    /// The name of the workload that made it, in the end; its own where nothing else did.
    pub workload: Sym,
    /// The kind of that: `Pod`, `Deployment`, …
    pub kind: &'static str,
    /// Its labels.
    pub labels: Labels,
    /// Its service account.
    pub service_account: Sym,
    /// Labels of that; none when no object declares it.
    pub account_labels: Labels,
    /// Its addresses, at most one of an IP family; none for a workload.
    pub addresses: Vec<IpAddr>,
    /// The ports that have a name, in the order in which names are looked up.
    pub ports: Vec<NamedPort>,
    /// It uses its node's network and address: policies for pods do not govern it.
    pub host_network: bool,
    /// It has run to its end: no traffic is its own any more, and its address may be another pod's. Of Jobs that is known
    /// in an inventory alone.
    pub finished: bool,
    /// All ports that its containers declare, also those without a name; in the order of the text. Containers may listen on
    /// others: the declaration is for people.
    pub declared: Vec<DeclaredPort>,
    /// Numbers of ports that its probes ask.
    pub probed: Vec<u16>,
    /// Values of environment variables, commands and arguments, of all containers.
    pub mentions: Vec<Mention>,
    /// Helm runs it when somebody asks for a test, and only then.
    pub is_test: bool,
    /// Whether its object named its namespace; else it was taken to be in `default`, as kubectl does.
    pub placed: bool,
    /// The kind of its object: `Pod`, `Deployment`, …
    pub origin: &'static str,
    /// Where its object has its name.
    pub span: Span,
}

/// A port that a container declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredPort {
    /// Its name.
    pub name: Option<Sym>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
    /// Where it is written.
    pub span: Span,
}

/// A text of a container in which names of Services may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The name of the environment variable; none for a command or an argument.
    pub variable: Option<Sym>,
    /// The text. References to other variables, `$(NAME)`, are replaced where the container itself gives them a value.
    pub text: Sym,
    /// Where it is written.
    pub span: Span,
}

/// A Service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its namespace.
    pub namespace: Sym,
    /// Its name.
    pub name: Sym,
    /// The pods behind it; `None` where it has no selector: then its endpoints are somebody else's.
    pub selector: Option<Labels>,
    /// How it is reached.
    pub kind: ServiceKind,
    /// It has no address of its own: its name stands for the pods' addresses, and who calls it must name the pods' port.
    pub headless: bool,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Addresses behind it that an Endpoints or EndpointSlice object of its name lists.
    pub addresses: Vec<IpAddr>,
    /// Whether its object named its namespace.
    pub placed: bool,
    /// Where its object has its name.
    pub span: Span,
}

/// How a Service is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKind {
    /// From inside of the cluster.
    ClusterIp,
    /// Also through a port of each node.
    NodePort,
    /// Also through a load balancer.
    LoadBalancer,
    /// It is another name for a host.
    ExternalName(Sym),
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name.
    pub name: Option<Sym>,
    /// Its protocol.
    pub protocol: Protocol,
    /// The Service's own port.
    pub port: u16,
    /// The port of the pods; the same number where nothing is written.
    pub target: TargetPort,
    /// Where it is written.
    pub span: Span,
}

/// A port of pods, as a Service names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    /// By its number.
    Number(u16),
    /// By the name that each pod gives it.
    Name(Sym),
}

/// A Service that something leads to, and its port; the port is `None` where none is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Namespace of the Service.
    pub namespace: Sym,
    /// Its name.
    pub service: Sym,
    /// Its own port, by number or name.
    pub port: Option<TargetPort>,
    /// Where it is written.
    pub span: Span,
}

/// An Ingress or a route of the Gateway API.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its kind: `Ingress`, `HTTPRoute`, …
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: Sym,
    /// Its name.
    pub name: Sym,
    /// Where it leads.
    pub backends: Vec<Backend>,
    /// Whether its object named its namespace.
    pub placed: bool,
    /// Where its object has its name.
    pub span: Span,
}

/// What the API server calls in the cluster: an admission webhook, one for all of a configuration that call the same Service
/// and port, or an APIService, which answers for a group of the API.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The kind of the object that says so.
    pub kind: &'static str,
    /// The name of that.
    pub name: Sym,
    /// The Service that the API server calls.
    pub backend: Backend,
    /// Where it starts.
    pub span: Span,
}

impl Pod {
    /// How people and `eval` call it: `namespace/name`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// What made it, in the end: kind, namespace and name of its workload, or its own.
    pub fn made_by(&self) -> (&'static str, &Sym, &Sym) {
        (self.kind, &self.namespace, &self.workload)
    }

    /// The number of the port that has a name: of the first, when several have it.
    pub fn named_port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        self.ports.iter().find(|port| &*port.name == name && port.protocol == protocol).map(|port| port.number)
    }
}

impl Cluster {
    /// The pods behind a Service that may be running. For many Services see [`Index::pods_of`].
    pub fn pods_of<'c>(&'c self, service: &'c Service) -> impl Iterator<Item = &'c Pod> {
        self.pods.iter().filter(|pod| !pod.finished && service.has(pod))
    }

    /// Where some role is bound to the account of a pod: what asks the API server for something it may do.
    pub fn binding_of(&self, pod: &Pod) -> Option<Span> {
        let account = (pod.namespace.clone(), pod.service_account.clone());
        self.bound_accounts.get(&account).or_else(|| self.bound_namespaces.get(&pod.namespace)).copied()
    }
}

impl Service {
    /// Whether a pod is behind it: its selector matches, or, where it has none, its endpoints list the pod's address. An
    /// address of a node is no pod's.
    fn has(&self, pod: &Pod) -> bool {
        match &self.selector {
            Some(selector) => self.namespace == pod.namespace && selector.is_subset_of(&pod.labels),
            None => !pod.host_network && pod.addresses.iter().any(|address| self.addresses.contains(address)),
        }
    }

    /// Its port of a number or a name; of several with one number that for TCP.
    pub fn port(&self, port: &TargetPort) -> Option<&ServicePort> {
        let is = |own: &&ServicePort| match port {
            TargetPort::Number(number) => own.port == *number,
            TargetPort::Name(name) => own.name.as_ref() == Some(name),
        };
        self.ports.iter().filter(is).min_by_key(|own| own.protocol)
    }
}

impl ServicePort {
    /// The port of a pod behind it; `None` when no port of the pod has the name (pkg/api/v1/pod/util.go, `FindPort`).
    pub fn pod_port(&self, pod: &Pod) -> Option<u16> {
        match &self.target {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Name(name) => pod.named_port(name, self.protocol),
        }
    }
}
