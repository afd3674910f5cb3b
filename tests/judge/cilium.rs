//! Cilium's policies: what any rule allows is allowed, less what any rule denies (Cilium's documentation of layer 3, 4
//! and 7 policies and of the policy enforcement modes; the sources where that is silent are named).

mod object;

use serde_yaml::Value;

use super::cluster::Pod;
use super::{
    Direction, End, Entity, Flow, Judge, LabelSelector, check_ranges, kind, kubernetes, objects, typed, within,
};
use object::{CidrGroup, CidrRule, Fqdn, Policy, PortRule, Rule, Spec};

pub struct Policies {
    specs: Vec<Scoped>,
    groups: Vec<CidrGroup>,
    kubernetes: Vec<kubernetes::Policy>,
}

/// One rule set of a policy, and the namespace that the policy is in. None: of the whole cluster.
struct Scoped {
    namespace: Option<String>,
    spec: Spec,
}

const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";

impl Policies {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut policies = Self { specs: vec![], groups: vec![], kubernetes: vec![] };
        for object in objects(text)? {
            if let Some(policy) = kubernetes::Policy::parse(&object)? {
                policies.kubernetes.push(policy);
                continue;
            }
            let (version, kind) = kind(&object);
            if version != "cilium.io/v2" {
                return Err(format!("version {version} of {kind}"));
            }
            match kind {
                "CiliumCIDRGroup" => {
                    let group: CidrGroup = typed(&object)?;
                    check_ranges(&group.spec.external_cidrs)?;
                    policies.groups.push(group);
                }
                "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy" => {
                    let policy: Policy = typed(&object)?;
                    let namespace = (kind == "CiliumNetworkPolicy").then_some(policy.metadata.namespace);
                    for mut spec in policy.spec.into_iter().chain(policy.specs) {
                        spec.check()?;
                        if namespace.is_some() {
                            // A policy in a namespace is for its pods, whatever namespace it names for its subject
                            // (pkg/k8s/apis/cilium.io/utils, ParseToCiliumRule).
                            spec.endpoint_selector.match_labels.remove(&format!("k8s:{POD_NAMESPACE}"));
                        }
                        policies.specs.push(Scoped { namespace: namespace.clone(), spec });
                    }
                }
                other => return Err(format!("kind {other}")),
            }
        }
        Ok(policies)
    }
}

impl Judge for Policies {
    fn permits(&self, flow: &Flow) -> bool {
        let about: Vec<&Scoped> = self.specs.iter().filter(|scoped| scoped.selects(flow.subject)).collect();
        let kubernetes: Vec<_> = self.kubernetes.iter().filter(|policy| policy.isolates(flow)).collect();
        if about.iter().any(|scoped| self.any(scoped, scoped.spec.denies(flow.direction), flow)) {
            return false;
        }
        // A node may always reach its own pods, unless a rule denies it (the agent's option allow-localhost).
        if matches!((flow.direction, flow.other), (Direction::Ingress, End::Entity(Entity::Host))) {
            return true;
        }
        let isolated = !kubernetes.is_empty() || about.iter().any(|scoped| scoped.spec.isolates(flow.direction));
        !isolated
            || kubernetes.iter().any(|policy| policy.allows(flow))
            || about.iter().any(|scoped| self.any(scoped, scoped.spec.allows(flow.direction), flow))
    }

    fn requests(&self, flow: &Flow) -> Vec<Value> {
        let mut requests = vec![];
        for scoped in self.specs.iter().filter(|scoped| scoped.selects(flow.subject)) {
            for rule in scoped.spec.allows(flow.direction).iter().filter(|rule| self.is_peer(scoped, rule, flow)) {
                let ports = rule.to_ports.as_deref().unwrap_or_default();
                if ports.is_empty() {
                    requests.push(Value::Null);
                }
                let on = ports.iter().filter(|ports| is_on(ports, flow));
                requests.extend(on.map(|ports| ports.rules.clone().unwrap_or_default()));
            }
        }
        requests
    }
}

impl Policies {
    fn any(&self, scoped: &Scoped, rules: &[Rule], flow: &Flow) -> bool {
        rules.iter().any(|rule| {
            let ports = rule.to_ports.as_deref().unwrap_or_default();
            self.is_peer(scoped, rule, flow) && (ports.is_empty() || ports.iter().any(|ports| is_on(ports, flow)))
        })
    }

    /// Whether the other end is a peer of a rule. A peer list that is missing is everyone, unless the ports are missing
    /// too: then the rule is for nobody and only isolates. A list that is there and empty is nobody.
    fn is_peer(&self, scoped: &Scoped, rule: &Rule, flow: &Flow) -> bool {
        let lists = [
            rule.endpoints.is_some(),
            rule.entities.is_some(),
            rule.cidr.is_some(),
            rule.cidr_set.is_some(),
            rule.fqdns.is_some(),
        ];
        if !lists.contains(&true) {
            return rule.to_ports.as_ref().is_some_and(|ports| !ports.is_empty());
        }
        rule.endpoints.iter().flatten().any(|selector| scoped.is_endpoint(selector, flow.other))
            || rule.entities.iter().flatten().any(|name| is_entity(name, flow.other))
            || rule.cidr.iter().flatten().any(|cidr| is_outside(flow) && holds(cidr, flow))
            || rule.cidr_set.iter().flatten().any(|set| is_outside(flow) && self.is_in(set, flow))
            || rule.fqdns.iter().flatten().any(|fqdn| match flow.other {
                End::Name(name, _) => is_name(fqdn, name),
                _ => false,
            })
    }

    /// A group that does not exist holds nothing.
    fn is_in(&self, set: &CidrRule, flow: &Flow) -> bool {
        let mut groups = self.groups.iter().filter(|group| Some(&group.metadata.name) == set.cidr_group_ref.as_ref());
        let inside = set.cidr.as_ref().is_some_and(|cidr| holds(cidr, flow))
            || groups.any(|group| group.spec.external_cidrs.iter().any(|cidr| holds(cidr, flow)));
        inside && !set.except.iter().any(|cidr| holds(cidr, flow))
    }
}

impl Scoped {
    fn selects(&self, pod: &Pod) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == pod.namespace)
            && self.spec.endpoint_selector.selects(|key| label(pod, key))
    }

    /// Whether an end is an endpoint of a rule. A selector that says nothing of namespaces stays in the policy's own; in a
    /// policy of the whole cluster it takes whatever is in a namespace (pkg/k8s/apis/cilium.io/utils, getEndpointSelector).
    fn is_endpoint(&self, selector: &LabelSelector, other: &End) -> bool {
        let names_namespace = selector.keys().any(|key| is_key(key, POD_NAMESPACE));
        let names_labels = selector.keys().any(|key| bare(key).is_some_and(|key| key.starts_with(NAMESPACE_LABELS)));
        let in_scope = match (&self.namespace, other) {
            _ if names_namespace => true,
            (None, End::Pod(_)) => true,
            (None, _) => false,
            (Some(_), _) if names_labels => true,
            (Some(own), End::Pod(pod)) => pod.namespace == *own,
            (Some(_), _) => false,
        };
        // What is no pod carries none of a pod's labels.
        let value = |key: &str| match other {
            End::Pod(pod) => label(pod, key),
            _ => None,
        };
        in_scope && selector.selects(value)
    }
}

/// The key without its source, if the source is one that pods' labels have: `k8s:`, or any.
fn bare(key: &str) -> Option<&str> {
    match key.split_once(':') {
        None => Some(key),
        Some(("k8s" | "any", key)) => Some(key),
        Some(_) => None,
    }
}

fn is_key(key: &str, wanted: &str) -> bool {
    bare(key) == Some(wanted)
}

/// A label of a pod's identity: its own, and what Cilium adds. Some are left out of identities, so that every change of
/// them does not make a new one (pkg/labelsfilter, defaultLabelPrefixCfg).
fn label<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    let key = bare(key)?;
    if key == POD_NAMESPACE {
        return Some(&pod.namespace);
    }
    if let Some(key) = key.strip_prefix(NAMESPACE_LABELS) {
        return pod.namespace_labels.get(key).map(String::as_str);
    }
    match key {
        "io.cilium.k8s.policy.serviceaccount" => pod.service_account.as_ref().map(|(name, _)| name.as_str()),
        "io.cilium.k8s.policy.cluster" => Some("default"),
        _ if is_left_out(key) => None,
        _ => pod.labels.get(key).map(String::as_str),
    }
}

fn is_left_out(key: &str) -> bool {
    let starts = [
        "io.kubernetes",
        "kubernetes.io",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/controller-uid",
        "k8s.io",
        "pod-template-generation",
        "pod-template-hash",
        "controller-revision-hash",
        "annotation.",
        "controller-uid",
        "etcd_node",
    ];
    starts.iter().any(|start| key.starts_with(start)) || key.contains("beta.kubernetes.io")
}

fn is_entity(name: &str, other: &End) -> bool {
    matches!(
        (name, other),
        ("all", _)
            | ("world", End::Address(_) | End::Name(..))
            | ("cluster", End::Pod(_) | End::Entity(_))
            | ("host", End::Entity(Entity::Host))
            | ("remote-node", End::Entity(Entity::RemoteNode | Entity::ApiServer))
            | ("kube-apiserver", End::Entity(Entity::ApiServer))
    )
}

/// Address ranges hold what is outside of the cluster, never pods or nodes (the agent's option policy-cidr-match-mode).
fn is_outside(flow: &Flow) -> bool {
    matches!(flow.other, End::Address(_) | End::Name(..))
}

fn holds(cidr: &str, flow: &Flow) -> bool {
    flow.other_address.is_some_and(|address| within(cidr, address))
}

/// In a pattern `*` stands for any part of one label; at the beginning `**.` stands for one label or more; alone, `*`
/// stands for every name (pkg/fqdn/matchpattern).
fn is_name(fqdn: &Fqdn, name: &str) -> bool {
    let lower = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    let name = lower(name);
    if let Some(wanted) = &fqdn.match_name {
        return lower(wanted) == name;
    }
    let pattern = lower(fqdn.match_pattern.as_deref().unwrap());
    if pattern == "*" {
        return true;
    }
    let (pattern, any_depth) = match pattern.strip_prefix("**.") {
        Some(rest) => (rest.to_owned(), true),
        None => (pattern, false),
    };
    let (wanted, mut labels): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), name.split('.').collect());
    if any_depth {
        if labels.len() <= wanted.len() {
            return false;
        }
        labels.drain(..labels.len() - wanted.len());
    }
    wanted.len() == labels.len() && wanted.iter().zip(labels).all(|(pattern, label)| is_label(pattern, label))
}

fn is_label(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == label,
        Some((start, rest)) => label
            .strip_prefix(start)
            .is_some_and(|label| (0..=label.len()).any(|skipped| is_label(rest, &label[skipped..]))),
    }
}

fn is_on(rule: &PortRule, flow: &Flow) -> bool {
    rule.ports.is_empty()
        || rule.ports.iter().any(|port| {
            let protocol = port.protocol.as_deref().unwrap_or("ANY");
            let number = match port.port.parse::<u16>() {
                Ok(0) => true,
                // An end below the first port is as good as none.
                Ok(first) => first == flow.port || (first..=port.end_port.unwrap_or(first)).contains(&flow.port),
                Err(_) => is_named(&port.port, flow),
            };
            number && [flow.protocol, "ANY"].contains(&protocol)
        })
}

/// Ingress: the number that the subject itself gives the name. Egress: the one number that all pods of the cluster give
/// it for a protocol, for every peer; with several numbers the name stands for none (pkg/types/portmap.go, GetNamedPort).
fn is_named(name: &str, flow: &Flow) -> bool {
    match flow.direction {
        Direction::Ingress => number(flow.subject, name, flow.protocol) == Some(flow.port),
        Direction::Egress => {
            let pods = flow.cluster.pods.iter();
            let mut numbers: Vec<u16> = pods.filter_map(|pod| number(pod, name, flow.protocol)).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers == [flow.port]
        }
    }
}

/// Of several ports of one name a pod has the last, whatever its protocol (pkg/endpoint, SetK8sMetadata).
fn number(pod: &Pod, name: &str, protocol: &str) -> Option<u16> {
    let last = pod.ports.iter().rfind(|(own, _, _)| own == name);
    last.filter(|(_, of, _)| of == protocol).map(|(_, _, number)| *number)
}
