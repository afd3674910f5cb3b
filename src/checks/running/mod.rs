//! What runs, held against what the intents mean: which pods are in which tier, behind which Service, and what they call.
//!
//! In: an inventory and a model. Out: [`Running`], facts for rules. A pod that has run to its end is in nothing; one that no
//! tier of its managed namespace takes in is in no tier, which a rule tells. Nothing is guessed: what is not written in the
//! inventory is not known, and no rule speaks of it.

mod calls;
mod listening;
mod near;
mod outside;
mod selectors;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use crate::cluster::{Cluster, Index, Pod, Service, Webhook};
use crate::model::{
    Direction, Endpoint, Grant, Labels, Model, NamespaceSet, Peer, PeerSet, PodSet, PortRange, Protocol, Sym, TierId,
};
use crate::source::Span;

pub use calls::Denied;
pub use listening::{Fault, Listening, WrongPort, fault, wrong_ports};
pub use near::{Misplaced, Near, Want, nearest_of};
pub use outside::Outside;
use selectors::Selectors;

/// Namespaces that the API server makes in every cluster (pkg/controlplane/controller/systemnamespaces).
const EVERYWHERE: [&str; 2] = ["default", "kube-system"];

/// An inventory, understood by way of a model.
#[derive(Debug)]
pub struct Running<'a> {
    /// The model.
    pub model: &'a Model,
    /// What runs.
    pub cluster: &'a Cluster,
    /// The tiers that each pod is in; by position of the pod.
    tiers_of: Vec<Vec<TierId>>,
    /// Positions of the pods of each tier.
    pods_of: Vec<Vec<usize>>,
    /// Tiers that took in what has run to its end.
    have_run: BTreeSet<TierId>,
    /// Positions of the pods of each peer.
    of_peer: Vec<Vec<usize>>,
    /// Names of namespaces in which something is, or that an object declares.
    seen: BTreeSet<&'a str>,
    /// Positions of pods by their namespace and name: no two have the same.
    position: HashMap<(&'a str, &'a str), usize>,
    index: Index<'a>,
    grants: OnceLock<Vec<Grant>>,
    listening: OnceLock<[Vec<Listening>; 2]>,
    denied: OnceLock<Vec<Denied>>,
    missed: OnceLock<Vec<(TierId, Near)>>,
    misplaced: OnceLock<Misplaced>,
    shut: OnceLock<Vec<Outside>>,
}

impl<'a> Running<'a> {
    /// Looks at every pod once.
    pub fn new(model: &'a Model, cluster: &'a Cluster) -> Self {
        let mut selectors = Selectors::new();
        for (id, tier) in model.tiers() {
            for namespace in tier.pods.namespaces.names() {
                selectors.add(namespace, &tier.pods.labels, id);
            }
        }
        let mut this = Self {
            model,
            cluster,
            tiers_of: vec![vec![]; cluster.pods.len()],
            pods_of: vec![vec![]; model.tiers.len()],
            have_run: BTreeSet::new(),
            of_peer: vec![],
            seen: cluster.namespaces.keys().map(|name| &**name).collect(),
            position: HashMap::new(),
            index: Index::new(cluster),
            grants: OnceLock::new(),
            listening: OnceLock::new(),
            denied: OnceLock::new(),
            missed: OnceLock::new(),
            misplaced: OnceLock::new(),
            shut: OnceLock::new(),
        };
        for (at, pod) in cluster.pods.iter().enumerate() {
            if pod.finished {
                this.have_run.extend(selectors.selecting(&pod.namespace, &pod.labels));
                continue;
            }
            this.position.insert((&pod.namespace, &pod.name), at);
            let mut tiers = selectors.selecting(&pod.namespace, &pod.labels);
            tiers.sort_unstable();
            for tier in &tiers {
                if let Some(pods) = this.pods_of.get_mut(tier.index()) {
                    pods.push(at);
                }
            }
            if let Some(own) = this.tiers_of.get_mut(at) {
                *own = tiers;
            }
        }
        this.seen.extend(cluster.services.iter().map(|service| &*service.namespace));
        this.seen.extend(cluster.routes.iter().map(|route| &*route.namespace));
        let of_peer = |peer: &Peer| -> Vec<usize> {
            let there = this.pods_in(&peer.pods.namespaces).into_iter();
            there.filter(|(_, pod)| peer.pods.labels.is_subset_of(&pod.labels)).map(|(at, _)| at).collect()
        };
        this.of_peer = model.peers.iter().map(of_peer).collect();
        this
    }

    /// Pods that have not run to their end, with their positions.
    pub fn pods(&self) -> impl Iterator<Item = (usize, &'a Pod)> {
        self.cluster.pods.iter().enumerate().filter(|(_, pod)| !pod.finished)
    }

    /// The pod at a position.
    pub fn pod(&self, at: usize) -> Option<&'a Pod> {
        self.cluster.pods.get(at)
    }

    /// The pods of a tier or a peer; those of other endpoints are not known one by one.
    pub fn pods_of(&self, end: Endpoint) -> impl Iterator<Item = &'a Pod> {
        self.positions_of(end).iter().filter_map(|at| self.pod(*at))
    }

    /// Their positions.
    pub fn positions_of(&self, end: Endpoint) -> &[usize] {
        let list = match end {
            Endpoint::Tier(id) => self.pods_of.get(id.index()),
            Endpoint::Peer(id) => self.of_peer.get(id.index()),
            Endpoint::External(_) | Endpoint::Builtin(_) => None,
        };
        list.map_or(&[], Vec::as_slice)
    }

    /// Whether a tier has no pods and had none, as far as the inventory shows: a Job that is done makes new pods the next
    /// time that somebody starts it.
    pub fn is_unused(&self, tier: TierId) -> bool {
        self.positions_of(Endpoint::Tier(tier)).is_empty() && !self.have_run.contains(&tier)
    }

    /// The tiers that a pod is in.
    pub fn tiers_of(&self, at: usize) -> &[TierId] {
        self.tiers_of.get(at).map_or(&[], Vec::as_slice)
    }

    /// Whether some pod is in both of two tiers.
    pub fn share(&self, one: TierId, other: TierId) -> bool {
        let in_other = |at: &usize| self.tiers_of(*at).contains(&other);
        self.positions_of(Endpoint::Tier(one))
            .iter()
            .any(|at| in_other(at) && self.pod(*at).is_some_and(|pod| !pod.host_network))
    }

    /// The pods behind a Service, with their positions.
    pub fn behind(&self, service: &Service) -> impl Iterator<Item = (usize, &'a Pod)> {
        self.index.pods_of(service).into_iter().filter_map(|pod| self.located(pod))
    }

    /// The Services in front of a pod.
    pub fn in_front(&self, pod: &Pod) -> Vec<&'a Service> {
        self.index.services_of(pod)
    }

    /// A Service by its place.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&'a Service> {
        self.index.service(namespace, name)
    }

    fn located(&self, pod: &'a Pod) -> Option<(usize, &'a Pod)> {
        Some((*self.position.get(&(&*pod.namespace, &*pod.name))?, pod))
    }

    /// Whether the inventory shows anything of a namespace.
    pub fn sees(&self, namespace: &str) -> bool {
        self.seen.contains(namespace)
    }

    /// Names of the namespaces of which the inventory shows anything.
    pub fn seen(&self) -> impl Iterator<Item = &'a str> {
        self.seen.iter().copied()
    }

    /// Whether the inventory shows anything of a managed namespace, or knows that there is none of its name.
    pub fn is_about_the_model(&self) -> bool {
        self.model.namespaces.is_empty()
            || self.knows_namespaces()
            || self.model.namespaces.keys().any(|name| self.sees(name) || self.is_nearly_seen(name))
    }

    /// Whether a name of the inventory's namespaces was probably meant by another name.
    pub fn near_namespace(&self, name: &str) -> Option<&'a str> {
        crate::diag::nearest(name, self.seen().filter(|seen| !self.model.is_managed(seen)))
    }

    fn is_nearly_seen(&self, name: &str) -> bool {
        self.near_namespace(name).is_some()
    }

    /// Whether the inventory declares all namespaces, as a dump of a cluster does: then one that it does not show does not
    /// exist. Manifests of an app declare the app's own alone, and say nothing of others.
    pub fn knows_namespaces(&self) -> bool {
        let declares = |name: &&str| self.cluster.namespaces.get(*name).is_some_and(|namespace| namespace.declared);
        EVERYWHERE.iter().any(declares)
    }

    /// Whether some namespaces are all seen, or known not to exist: else nothing can be said of what is in them.
    pub fn knows(&self, namespaces: &NamespaceSet) -> bool {
        match namespaces {
            NamespaceSet::Names(names) => names.iter().all(|name| self.sees(name)) || self.knows_namespaces(),
            NamespaceSet::All | NamespaceSet::Labels(_) => self.knows_namespaces(),
        }
    }

    /// Whether a namespace carries some labels, as far as the inventory shows.
    fn carries(&self, namespace: &Sym, labels: &Labels) -> bool {
        self.cluster.namespaces.get(namespace).is_some_and(|of| labels.is_subset_of(&of.labels))
    }

    /// The namespaces that carry some labels.
    pub fn carrying<'s>(&'s self, labels: &'s Labels) -> impl Iterator<Item = &'a Sym> + 's {
        self.cluster.namespaces.keys().filter(|name| self.carries(name, labels))
    }

    /// Whether a pod is one of some pods.
    pub fn is_in(&self, pod: &Pod, set: &PodSet) -> bool {
        let there = match &set.namespaces {
            NamespaceSet::All => true,
            NamespaceSet::Names(names) => names.binary_search(&pod.namespace).is_ok(),
            NamespaceSet::Labels(labels) => self.carries(&pod.namespace, labels),
        };
        there && set.labels.is_subset_of(&pod.labels)
    }

    /// The pods that are in some namespaces, with their positions.
    pub fn pods_in(&self, namespaces: &NamespaceSet) -> Vec<(usize, &'a Pod)> {
        let names: Vec<&Sym> = match namespaces {
            NamespaceSet::All => return self.pods().collect(),
            NamespaceSet::Names(names) => names.iter().collect(),
            NamespaceSet::Labels(labels) => self.carrying(labels).collect(),
        };
        let pods = names.into_iter().flat_map(|name| self.index.pods_in(name));
        pods.filter_map(|pod| self.located(pod)).collect()
    }

    /// Whether a pod is one of some pods, as far as is known: which labels a namespace has that nothing declares is not.
    pub fn may_be_in(&self, pod: &Pod, set: &PodSet) -> bool {
        let is_declared = self.cluster.namespaces.get(&pod.namespace).is_some_and(|namespace| namespace.declared);
        let by_labels = matches!(set.namespaces, NamespaceSet::Labels(_));
        (by_labels && !is_declared && set.labels.is_subset_of(&pod.labels)) || self.is_in(pod, set)
    }

    /// Whether some pod is one of some pods.
    pub fn any(&self, set: &PodSet) -> bool {
        self.pods_in(&set.namespaces).iter().any(|(_, pod)| set.labels.is_subset_of(&pod.labels))
    }

    /// Whether something that has run to its end was one of some pods.
    pub fn had_any(&self, set: &PodSet) -> bool {
        self.cluster.pods.iter().any(|pod| pod.finished && self.is_in(pod, set))
    }

    /// What each pod may send and receive by the intents.
    fn grants(&self) -> Grants<'_> {
        Grants::new(self.grants.get_or_init(|| self.model.grants()))
    }

    /// The calls that pods name, that lead to pods that run, and that some side denies.
    pub fn denied(&self) -> &[Denied] {
        self.denied.get_or_init(|| calls::denied(self))
    }

    /// On which ports the pods of a tier or a peer listen.
    pub fn listening(&self, end: Endpoint) -> &Listening {
        static NOBODY: Listening = Listening::NOBODY;
        let [of_tiers, of_peers] = self.listening.get_or_init(|| {
            let tiers = self.model.tiers().map(|(id, _)| Listening::of(self, Endpoint::Tier(id))).collect();
            let peers = self.model.peers().map(|(id, _)| Listening::of(self, Endpoint::Peer(id))).collect();
            [tiers, peers]
        });
        let listening = match end {
            Endpoint::Tier(id) => of_tiers.get(id.index()),
            Endpoint::Peer(id) => of_peers.get(id.index()),
            Endpoint::External(_) | Endpoint::Builtin(_) => None,
        };
        listening.unwrap_or(&NOBODY)
    }

    /// Tiers without pods in namespaces that are known, each with the pod that was probably meant.
    pub fn missed(&self) -> &[(TierId, Near)] {
        self.missed.get_or_init(|| near::missed(self))
    }

    /// Pods that tiers without pods would take in, were they in the pods' namespace.
    pub fn misplaced(&self) -> &Misplaced {
        self.misplaced.get_or_init(|| near::misplaced(self))
    }

    /// What leads from outside of the cluster to tiers that let nobody from outside in.
    pub fn shut(&self) -> &[Outside] {
        self.shut.get_or_init(|| outside::shut(self))
    }

    /// The tiers that the API server calls by way of a webhook, each with the first.
    pub fn webhooks(&self) -> BTreeMap<TierId, &'a Webhook> {
        let mut called = BTreeMap::new();
        for webhook in &self.cluster.webhooks {
            let Some(service) = self.service(&webhook.backend.namespace, &webhook.backend.service) else { continue };
            for (at, _) in self.behind(service).filter(|(_, pod)| !pod.host_network) {
                for tier in self.tiers_of(at) {
                    called.entry(*tier).or_insert(webhook);
                }
            }
        }
        called
    }

    /// A pod of a tier to whose service account itself some role is bound, and where that is written. What all accounts of
    /// a namespace may do, as to pull images, says nothing of any.
    pub fn binding(&self, tier: TierId) -> Option<(&'a Pod, Span)> {
        self.pods_of(Endpoint::Tier(tier)).filter(|pod| !pod.host_network).find_map(|pod| {
            let account = (pod.namespace.clone(), pod.service_account.clone());
            Some((pod, *self.cluster.bound_accounts.get(&account)?))
        })
    }

    /// Tiers of which other rules tell that an edge is missing.
    pub fn lacking(&self) -> BTreeSet<TierId> {
        let calls = self.denied().iter().flat_map(|denied| &denied.tiers).copied();
        calls.chain(self.shut().iter().map(|outside| outside.tier)).collect()
    }
}

/// Grants by whose they are.
struct Grants<'a> {
    by_subject: [Selectors<'a, usize>; 2],
    list: &'a [Grant],
}

impl<'a> Grants<'a> {
    fn new(list: &'a [Grant]) -> Self {
        let mut by_subject = [Selectors::new(), Selectors::new()];
        for (at, grant) in list.iter().enumerate() {
            let [ingress, egress] = &mut by_subject;
            let side = if grant.direction == Direction::Ingress { ingress } else { egress };
            side.add(&grant.subject.namespace, &grant.subject.labels, at);
        }
        Self { by_subject, list }
    }

    /// What a pod may send, or receive.
    fn of(&self, pod: &Pod, direction: Direction) -> Vec<&'a Grant> {
        let [ingress, egress] = &self.by_subject;
        let side = if direction == Direction::Ingress { ingress } else { egress };
        side.selecting(&pod.namespace, &pod.labels).into_iter().filter_map(|at| self.list.get(at)).collect()
    }
}

/// Whether a grant's other end holds a pod. One on its node's network is a node to others.
fn holds(running: &Running<'_>, peer: &PeerSet, pod: &Pod) -> bool {
    match peer {
        PeerSet::Anyone | PeerSet::Everywhere => true,
        PeerSet::AllPods => !pod.host_network,
        PeerSet::Pods(set) => !pod.host_network && running.may_be_in(pod, set),
        PeerSet::Nodes => pod.host_network,
        PeerSet::Internet | PeerSet::ApiServer | PeerSet::External(_) | PeerSet::Dns(_) => false,
    }
}

/// Whether a port is one of some ranges.
fn holds_port(ranges: &[PortRange], protocol: Protocol, port: u16) -> bool {
    ranges.iter().any(|range| range.protocol == protocol && range.first <= port && port <= range.last)
}

/// How an intent would select a pod: by the one of its labels that most likely stays.
pub fn selector(pod: &Pod) -> Option<String> {
    // What controllers add to tell their pods apart (apps/v1/types.go, batch/v1/types.go).
    let stays = |key: &str| {
        !key.ends_with("-hash") && !key.starts_with("statefulset.kubernetes.io/") && !key.contains("controller-uid")
    };
    let known = ["app.kubernetes.io/name", "app", "k8s-app", "name"].iter().find_map(|key| {
        let value = pod.labels.get(key)?;
        Some((*key, &**value))
    });
    let mut others = pod.labels.iter().map(|(key, value)| (&**key, &**value)).filter(|(key, _)| stays(key));
    let (key, value) = known.or_else(|| others.next())?;
    let is_bare = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    Some(if is_bare { format!("{{ {key} = \"{value}\" }}") } else { format!("{{ \"{key}\" = \"{value}\" }}") })
}

/// The name of a tier or a peer, for a message.
pub fn name(model: &Model, end: Endpoint) -> String {
    match end {
        Endpoint::Tier(id) => crate::diag::quote(&model[id].name),
        Endpoint::Peer(id) => crate::diag::quote(&model[id].name),
        Endpoint::External(id) => crate::diag::quote(&model[id].name),
        Endpoint::Builtin(builtin) => crate::diag::quote(builtin.name()),
    }
}

/// Where pods are looked for, to stand behind what a message says of them; nothing where that is everywhere.
pub fn place(namespaces: &NamespaceSet, most: usize) -> String {
    match namespaces {
        NamespaceSet::All => String::new(),
        NamespaceSet::Names(names) => format!(" in {}", listed(names.iter().map(|name| &**name), most)),
        NamespaceSet::Labels(labels) => format!(" in namespaces with {}", crate::diag::quote(&labels.to_string())),
    }
}

/// Names for a message, of many the first few.
pub fn listed<'n>(names: impl IntoIterator<Item = &'n str>, most: usize) -> String {
    let all: Vec<String> = names.into_iter().map(crate::diag::quote).collect();
    let shown = all.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
