//! What belongs together in a cluster, found without comparing everything with everything.
//!
//! In: a cluster. Out: an [`Index`] of it, made once; what it gives is in the order of the cluster.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::mention::{self, Target};
use super::{Cluster, Mention, Pod, Service, ServiceKind, ServicePort, TargetPort};
use crate::model::{Labels, Protocol};

/// How many names for one another a host is followed through.
const MAX_NAMES: usize = 8;

/// Ways into a cluster.
#[derive(Debug)]
pub struct Index<'c> {
    /// Pods that may be running, by their namespaces.
    pods: HashMap<&'c str, Vec<&'c Pod>>,
    /// The same by namespace, key and value.
    labelled: HashMap<(&'c str, &'c str, &'c str), Vec<&'c Pod>>,
    addressed: HashMap<IpAddr, Vec<&'c Pod>>,
    services: HashMap<(&'c str, &'c str), &'c Service>,
    /// Services by namespace and the first label that they select.
    selecting: HashMap<(&'c str, &'c str, &'c str), Vec<&'c Service>>,
}

/// A Service that a pod names.
#[derive(Debug, Clone)]
pub struct Callee<'c> {
    /// The Service.
    pub service: &'c Service,
    /// The port that is written, or that the scheme implies, as far as there is one.
    pub number: Option<u16>,
    /// The Service's port of that number; `None` without a number, or where a headless Service's pods are called on a port
    /// that the Service does not list.
    pub port: Option<&'c ServicePort>,
    /// The text that names it.
    pub mention: &'c Mention,
}

impl Callee<'_> {
    /// The protocol, TCP where nothing says otherwise.
    pub fn protocol(&self) -> Protocol {
        self.port.map_or(Protocol::Tcp, |port| port.protocol)
    }

    /// The port on which a pod behind the Service is called. The name of a headless Service stands for the pods'
    /// addresses: nothing turns the port into another one.
    pub fn pod_port(&self, pod: &Pod) -> Option<u16> {
        match self.service.headless {
            true => self.number,
            false => self.port?.pod_port(pod),
        }
    }
}

impl<'c> Index<'c> {
    /// Looks at everything once.
    pub fn new(cluster: &'c Cluster) -> Self {
        let mut index = Self {
            pods: HashMap::new(),
            labelled: HashMap::new(),
            addressed: HashMap::new(),
            services: HashMap::new(),
            selecting: HashMap::new(),
        };
        for pod in cluster.pods.iter().filter(|pod| !pod.finished) {
            index.pods.entry(&pod.namespace).or_default().push(pod);
            for (key, value) in pod.labels.iter() {
                index.labelled.entry((&pod.namespace, key, value)).or_default().push(pod);
            }
            // The others' addresses are their nodes'.
            for address in pod.addresses.iter().filter(|_| !pod.host_network) {
                index.addressed.entry(*address).or_default().push(pod);
            }
        }
        for service in &cluster.services {
            index.services.entry((&service.namespace, &service.name)).or_insert(service);
            if let Some((key, value)) = service.selector.as_ref().and_then(|selector| selector.iter().next()) {
                index.selecting.entry((&service.namespace, key, value)).or_default().push(service);
            }
        }
        index
    }

    /// The pods of a namespace that may be running.
    pub fn pods_in(&self, namespace: &str) -> &[&'c Pod] {
        self.pods.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Those that carry all of some labels.
    pub fn pods_with(&self, namespace: &str, labels: &Labels) -> Vec<&'c Pod> {
        let lists = labels.iter().map(|(key, value)| self.labelled_with(namespace, key, value));
        let pods = lists.min_by_key(|pods| pods.len()).unwrap_or_else(|| self.pods_in(namespace));
        pods.iter().copied().filter(|pod| labels.is_subset_of(&pod.labels)).collect()
    }

    fn labelled_with<'a>(&'a self, namespace: &'a str, key: &'a str, value: &'a str) -> &'a [&'c Pod] {
        self.labelled.get(&(namespace, key, value)).map_or(&[], Vec::as_slice)
    }

    /// The Service of a name.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&'c Service> {
        self.services.get(&(namespace, name)).copied()
    }

    /// The pods behind a Service that may be running.
    pub fn pods_of(&self, service: &Service) -> Vec<&'c Pod> {
        if let Some(selector) = &service.selector {
            return self.pods_with(&service.namespace, selector);
        }
        let mut seen = HashSet::new();
        let pods = service.addresses.iter().filter_map(|address| self.addressed.get(address)).flatten();
        pods.copied().filter(|pod| seen.insert(std::ptr::from_ref(*pod))).collect()
    }

    /// The Services that select a pod.
    pub fn services_of(&self, pod: &Pod) -> Vec<&'c Service> {
        let services = pod.labels.iter().flat_map(|(key, value)| self.selecting_by(&pod.namespace, key, value));
        services.copied().filter(|service| service.has(pod)).collect()
    }

    fn selecting_by<'a>(&'a self, namespace: &'a str, key: &'a str, value: &'a str) -> &'a [&'c Service] {
        self.selecting.get(&(namespace, key, value)).map_or(&[], Vec::as_slice)
    }

    /// The Service that a host is when a pod of a namespace asks for it. Services that are another name are followed to
    /// what they stand for.
    pub fn host(&self, host: &str, namespace: &str) -> Option<&'c Service> {
        let mut service = self.direct(host, namespace)?;
        for _ in 0..MAX_NAMES {
            let ServiceKind::ExternalName(name) = &service.kind else { break };
            // DNS answers with a whole name: no search path is put behind it.
            let name = name.strip_suffix('.').unwrap_or(name);
            match name.contains(".svc.").then(|| self.direct(name, &service.namespace)).flatten() {
                Some(next) => service = next,
                None => break,
            }
        }
        Some(service)
    }

    fn direct(&self, host: &str, namespace: &str) -> Option<&'c Service> {
        mention::candidates(host, namespace).into_iter().find_map(|candidate| {
            let service = self.service(candidate.namespace, candidate.service)?;
            (!candidate.of_pod || service.headless).then_some(service)
        })
    }

    /// The Services that a pod's texts name, each with a port once: only those that are there, and have that port.
    pub fn callees(&self, pod: &'c Pod) -> Vec<Callee<'c>> {
        let mut seen = HashSet::new();
        let mut callees = vec![];
        for (mention, target) in mention::mentioned(&pod.mentions) {
            let Some(callee) = self.callee(pod, mention, &target) else { continue };
            if seen.insert((std::ptr::from_ref(callee.service), callee.number)) {
                callees.push(callee);
            }
        }
        callees
    }

    fn callee(&self, pod: &Pod, mention: &'c Mention, target: &Target<'_>) -> Option<Callee<'c>> {
        let service = self.host(&target.host, &pod.namespace)?;
        let port = target.port.and_then(|number| service.port(&TargetPort::Number(number)));
        let listens =
            |number| self.pods_of(service).iter().any(|pod| pod.declared.iter().any(|port| port.number == number));
        let has = match target.port {
            None => true,
            Some(number) => port.is_some() || (service.headless && listens(number)),
        };
        has.then_some(Callee { service, number: target.port, port, mention })
    }
}

#[cfg(test)]
mod tests;
