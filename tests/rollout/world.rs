//! What passes between some pods and addresses, by the law.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use netpolc::cluster::{Endpoint, Probe, Verdict};
use netpolc::dialects::{Assumed, find};
use netpolc::pipeline::{evaluate, given};
use netpolc::source::Sources;

use super::objects::Objects;

/// Source, destination, port.
pub type Flow = (String, String, String);

/// Whether a flow passes: for sure, and perhaps where engines differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    pub surely: bool,
    pub perhaps: bool,
}

pub type Passes = BTreeMap<Flow, Pass>;

/// One pod of each tier that some change knows, one that is in no tier, and one that nobody manages.
const PODS: [(&str, &str); 7] = [
    ("frontend", "web"),
    ("frontend", "stray"),
    ("backend", "api"),
    ("db", "postgres"),
    ("mail", "sender"),
    ("legacy", "old"),
    ("kube-system", "kube-dns"),
];
const OUTSIDE: [&str; 3] = ["ip:203.0.113.7", "ip:203.0.113.9", "ip:169.254.169.254"];
const PROBES: [&str; 6] = ["TCP/80", "TCP/443", "TCP/5432", "TCP/8080", "TCP/8443", "UDP/53"];
/// The tier of the platform team, which stands in the cluster whatever is rendered.
const PLATFORM: &str = "apiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: platform}\nspec: {order: 500, defaultAction: Deny}\n";

/// What passes in a dialect, asked once for each state of the cluster.
pub struct World {
    pub dialect: &'static str,
    known: HashMap<String, Rc<Passes>>,
}

impl World {
    pub fn new(dialect: &'static str) -> Self {
        Self { dialect, known: HashMap::new() }
    }

    pub fn passes(&mut self, objects: &Objects) -> Rc<Passes> {
        let texts: Vec<&str> = objects.values().map(|object| object.text.as_str()).collect();
        let known = self.known.entry(texts.join("---\n"));
        known.or_insert_with(|| Rc::new(passes(self.dialect, objects))).clone()
    }
}

fn passes(dialect: &str, objects: &Objects) -> Passes {
    let mut sources = Sources::default();
    let mut texts: Vec<&str> = objects.values().map(|object| object.text.as_str()).collect();
    if dialect == "calico" {
        texts.push(PLATFORM);
    }
    let policies = sources.add("policies.yaml", texts.join("---\n"));
    let pods = sources.add("pods.yaml", cluster());
    let inventory = netpolc::cluster::read(&sources, &[policies, pods]).unwrap();
    let dialect = find(dialect).unwrap();
    let given = given(inventory.policies, &inventory.namespaces, Some(dialect), &Assumed::default()).unwrap();
    let endpoints: Vec<Endpoint> = OUTSIDE.iter().map(|end| end.parse().unwrap()).collect();
    let probes: Vec<Probe> = PROBES.iter().map(|probe| probe.parse().unwrap()).collect();
    let entities = dialect.capabilities().entities;
    let verdicts = evaluate(&inventory.cluster, &endpoints, &probes, &given.readings, entities);
    let name = |end: usize| verdicts.ends()[end].to_string();
    let flow = |flow: netpolc::cluster::Flow<'_>| {
        let said = flow.cell.allowed;
        let pass = Pass { surely: said == Verdict::Yes, perhaps: matches!(said, Verdict::Yes | Verdict::Ambiguous) };
        ((name(flow.src), name(flow.dst), flow.probe.to_string()), pass)
    };
    verdicts.flows().map(flow).collect()
}

fn cluster() -> String {
    let namespace = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{kubernetes.io/metadata.name: {name}}}}}\n"
        )
    };
    let pod = |number: usize, namespace: &str, app: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {app}, namespace: {namespace}, labels: {{app: {app}, k8s-app: {app}}}}}\n\
             spec: {{containers: [{{name: c, image: c}}]}}\nstatus: {{podIP: 10.244.0.{number}, podIPs: [{{ip: 10.244.0.{number}}}]}}\n"
        )
    };
    let mut namespaces: Vec<&str> = PODS.iter().map(|(namespace, _)| *namespace).collect();
    namespaces.dedup();
    let namespaces = namespaces.into_iter().map(namespace);
    let pods = PODS.iter().enumerate().map(|(number, (namespace, app))| pod(number + 1, namespace, app));
    namespaces.chain(pods).collect::<Vec<String>>().join("---\n")
}
