//! Objects to a cluster.
//!
//! In: objects, no two of one name. Out: what they are together: pods for which nothing else stands, with the labels of
//! their accounts and the values of their variables; Services with the addresses behind them; routes to them. Which
//! namespace an object is in that names none can be said later ([`Cluster::place`]): then all is put together anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::env::Texts;
use super::sort::{CONFIG_MAP, NAMESPACE, SERVICE_ACCOUNT};
use super::{Content, Key, Object, POD, Subject, duplicates};
use crate::cluster::{Backend, Cluster, Namespace, Pod, Route, Service, Webhook, owners};
use crate::diag::Diagnostic;
use crate::model::{Labels, NAMESPACE_NAME, Sym};

/// How far it is looked for what made a pod: a pod, its Job or ReplicaSet, and what made that.
const MAX_OWNERS: usize = 4;

impl Cluster {
    /// Puts every object that names no namespace into this one: a deploy tool is told where they go, and what was rendered
    /// for it does not say. It may be done again, with another namespace. A cluster that was not read stays as it is.
    ///
    /// # Errors
    /// At every object that is then there twice; the cluster stays as it was.
    pub fn place(&mut self, namespace: &Sym) -> Result<(), Vec<Diagnostic>> {
        if self.parts.0.iter().all(|object| object.placed) {
            return Ok(());
        }
        let mut objects = self.parts.0.to_vec();
        for object in objects.iter_mut().filter(|object| !object.placed) {
            object.key.namespace = namespace.clone();
            if let Some(owner) = &mut object.owner {
                owner.namespace = namespace.clone();
            }
        }
        let errors = duplicates(&objects);
        if !errors.is_empty() {
            return Err(errors);
        }
        (*self, _) = cluster(objects);
        Ok(())
    }
}

/// What a cluster was made of.
#[derive(Debug, Clone, Default)]
pub(in crate::cluster) struct Parts(Arc<Vec<Object>>);

/// A cluster, and how many workloads of each kind have others that stand for them.
pub(super) fn cluster(objects: Vec<Object>) -> (Cluster, BTreeMap<&'static str, usize>) {
    let mut cluster = Cluster::default();
    let known = Known::of(&objects);
    for object in &objects {
        add(&mut cluster, object, &known);
    }
    let represented = add_pods(&mut cluster, &objects, &known);
    cluster.parts = Parts(Arc::new(objects));
    (cluster, represented)
}

/// What other objects refer to, by namespace and name.
#[derive(Default)]
struct Known<'o> {
    accounts: HashMap<(&'o Sym, &'o Sym), &'o Labels>,
    maps: HashMap<(&'o Sym, &'o Sym), &'o Texts>,
    addresses: HashMap<(&'o Sym, &'o Sym), BTreeSet<IpAddr>>,
}

impl<'o> Known<'o> {
    fn of(objects: &'o [Object]) -> Self {
        let mut known = Self::default();
        for object in objects {
            let Key { kind, namespace, name } = &object.key;
            match &object.content {
                Content::None if *kind == SERVICE_ACCOUNT => {
                    known.accounts.insert((namespace, name), &object.labels);
                }
                Content::ConfigMap(texts) if *kind == CONFIG_MAP => {
                    known.maps.insert((namespace, name), texts);
                }
                Content::Endpoints(service, addresses) => {
                    known.addresses.entry((namespace, service)).or_default().extend(addresses);
                }
                _ => {}
            }
        }
        known
    }
}

fn add(cluster: &mut Cluster, object: &Object, known: &Known<'_>) {
    let Key { kind, namespace, name } = &object.key;
    match &object.content {
        Content::None if *kind == NAMESPACE => {
            let own = (NAMESPACE_NAME.into(), name.clone());
            let labels = object.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
            let labels = Labels::new(labels.chain([own]));
            cluster.namespaces.insert(name.clone(), Namespace { labels, declared: true, span: object.span });
        }
        Content::Service(service) => {
            let addresses = known.addresses.get(&(namespace, name));
            let addresses = addresses.into_iter().flatten().copied().collect();
            cluster.services.push(Service { namespace: namespace.clone(), addresses, ..(**service).clone() });
        }
        Content::Route(leads) => {
            let backend = |lead: &super::Lead| Backend {
                namespace: lead.namespace.as_ref().unwrap_or(namespace).clone(),
                service: lead.service.clone(),
                port: lead.port.clone(),
                span: lead.span,
            };
            cluster.routes.push(Route {
                kind,
                namespace: namespace.clone(),
                name: name.clone(),
                backends: leads.iter().map(backend).collect(),
                placed: object.placed,
                span: object.span,
            });
        }
        Content::Webhooks(backends) => cluster.webhooks.extend(backends.iter().map(|backend| Webhook {
            kind,
            name: name.clone(),
            backend: backend.clone(),
            span: object.span,
        })),
        Content::Binding(subjects) => {
            for subject in subjects {
                match subject.clone() {
                    Subject::Account(namespace, name) => {
                        cluster.bound_accounts.entry((namespace, name)).or_insert(object.span);
                    }
                    Subject::Namespace(namespace) => {
                        cluster.bound_namespaces.entry(namespace).or_insert(object.span);
                    }
                }
            }
        }
        Content::None | Content::Pod(..) | Content::ConfigMap(_) | Content::Endpoints(..) => {}
    }
}

fn add_pods(cluster: &mut Cluster, objects: &[Object], known: &Known<'_>) -> BTreeMap<&'static str, usize> {
    let with_pods: Vec<_> = objects.iter().filter(|object| matches!(object.content, Content::Pod(..))).collect();
    // What has run to its end stands for nothing: what made it may make others.
    let finished = |object: &Object| matches!(&object.content, Content::Pod(pod, _) if pod.finished);
    let owned = with_pods.iter().map(|object| (&object.key, object.owner.as_ref().filter(|_| !finished(object))));
    let represented = owners::represented(owned);
    let owners: HashMap<&Key, &Object> = with_pods.iter().map(|object| (&object.key, *object)).collect();
    let mut counts = BTreeMap::new();
    for object in objects {
        let Content::Pod(pod, words) = &object.content else { continue };
        if represented.contains(&object.key) {
            *counts.entry(object.key.kind).or_default() += 1;
            continue;
        }
        let namespace = &object.key.namespace;
        let (kind, workload) = maker(object, &owners);
        let account = known.accounts.get(&(namespace, &pod.service_account)).copied();
        let map = |name: &Sym| known.maps.get(&(namespace, name)).copied();
        cluster.pods.push(Pod {
            namespace: namespace.clone(),
            workload: workload.clone(),
            kind,
            account_labels: account.cloned().unwrap_or_default(),
            mentions: words.iter().flat_map(|words| words.mentions(map)).collect(),
            ..(**pod).clone()
        });
        cluster.namespaces.entry(namespace.clone()).or_insert_with(|| Namespace {
            labels: Labels::new([(NAMESPACE_NAME.into(), namespace.clone())]),
            declared: false,
            span: pod.span,
        });
    }
    tell_apart(&mut cluster.pods);
    counts
}

/// Kind and name of what made an object, in the end: of its owner's owner, as far as these are there.
fn maker<'o>(object: &'o Object, owners: &HashMap<&Key, &'o Object>) -> (&'static str, &'o Sym) {
    let (mut made_by, mut owner) = (&object.key, object.owner.as_ref());
    // A cluster makes no longer chains; what somebody wrote may go in a ring.
    for _ in 0..MAX_OWNERS {
        let Some(key) = owner else { break };
        made_by = key;
        owner = owners.get(key).and_then(|object| object.owner.as_ref());
    }
    (made_by.kind, &made_by.name)
}

/// Gives workloads of one name in one namespace names of their own. A Pod keeps its name: it is a pod's.
fn tell_apart(pods: &mut [Pod]) {
    let is_pod = |pod: &&mut Pod| pod.origin == POD;
    let mut taken: BTreeSet<(Sym, Sym)> =
        pods.iter_mut().filter(is_pod).map(|pod| (pod.namespace.clone(), pod.name.clone())).collect();
    for pod in pods.iter_mut().filter(|pod| !is_pod(pod)) {
        while !taken.insert((pod.namespace.clone(), pod.name.clone())) {
            pod.name = format!("{}.{}", pod.name, pod.origin.to_ascii_lowercase()).into();
        }
    }
}
