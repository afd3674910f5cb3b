//! A cluster: what policies select.
//!
//! In: the texts of manifests. Out: a [`Cluster`], its namespaces and pods as concrete things; and the documents of the
//! same texts that are policies, for those who read them. What may never happen: a pod that is left out without a word, and
//! a label, name, address or port that the API server would not take.

mod endpoint;
mod owners;
mod read;
mod verdict;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{Labels, Protocol, Sym};
use crate::source::Span;

pub use crate::verify::law::NamedPort;
pub use endpoint::{Endpoint, Probe, Unclear, check_endpoints, check_probes};
pub use read::{Inventory, PolicyDoc, read};
pub use verdict::{Cell, Flow, Verdict, Verdicts};

/// Namespaces and pods.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// By their names: those that are declared, and those that pods name.
    pub namespaces: BTreeMap<Sym, Namespace>,
    /// In the order of the texts; no two of a namespace are called alike.
    pub pods: Vec<Pod>,
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
    /// It has run to its end: no traffic is its own any more, and its address may be another pod's.
    pub finished: bool,
    /// The kind of its object: `Pod`, `Deployment`, …
    pub origin: &'static str,
    /// Where its object starts.
    pub span: Span,
}

impl Pod {
    /// How people and `eval` call it: `namespace/name`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The number of the port that has a name: of the first, when several have it.
    pub fn named_port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        self.ports.iter().find(|port| &*port.name == name && port.protocol == protocol).map(|port| port.number)
    }
}
