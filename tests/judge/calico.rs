//! Calico's policies: tiers by order, in each the policies by order and name, in each the rules as written; the first
//! match wins (Calico's documentation of tiers and of NetworkPolicy; the sources where that is silent are named).

mod object;
mod selector;

use std::net::IpAddr;

use super::cluster::{Labels, Pod};
use super::{Direction, Flow, Judge, check_ranges, kind, kubernetes, objects, typed, within};
use object::{Action, Entity, NetworkSet, Number, Rule, Spec, Tier};
use selector::Selector;

/// The namespace of whatever is in one: a label that Calico itself sets.
const NAMESPACE: &str = "projectcalico.org/namespace";

/// What to make of the kinds that only report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staged {
    Ignored,
    /// As if they were what they stand for.
    Enforced,
}

pub struct Policies {
    /// In the order in which they are asked.
    tiers: Vec<(TierRank, Vec<Policy>)>,
    sets: Vec<Set>,
}

#[derive(Debug, Clone)]
struct TierRank {
    name: String,
    order: f64,
    passes: bool,
    is_declared: bool,
}

struct Policy {
    order: f64,
    /// Ties of the order are decided by `name/namespace/kind`, as text (felix/calc, policy_sorter.go).
    tie: String,
    tier: String,
    body: Body,
}

enum Body {
    Calico {
        /// None: of all namespaces.
        namespace: Option<String>,
        directions: Vec<Direction>,
        spec: Box<Spec>,
    },
    Kubernetes(Box<kubernetes::Policy>),
}

struct Set {
    labels: Labels,
    /// None: a GlobalNetworkSet.
    namespace: Option<String>,
    nets: Vec<String>,
}

impl Policies {
    pub fn parse(text: &str, staged: Staged) -> Result<Self, String> {
        let (mut policies, mut sets) = (vec![], vec![]);
        // Tier `default` is always there (api/pkg/apis/projectcalico/v3, DefaultTierOrder).
        let mut ranks =
            vec![TierRank { name: "default".to_owned(), order: 1_000_000.0, passes: false, is_declared: true }];
        for object in objects(text)? {
            if let Some(policy) = kubernetes::Policy::parse(&object)? {
                policies.push(Policy {
                    // (libcalico-go/lib/backend/k8s/conversion, K8sNetworkPolicyToCalico)
                    order: 1000.0,
                    tie: format!("{}/{}/KubernetesNetworkPolicy", policy.name(), policy.namespace()),
                    tier: "default".to_owned(),
                    body: Body::Kubernetes(Box::new(policy)),
                });
                continue;
            }
            let (version, kind) = kind(&object);
            if version != "projectcalico.org/v3" {
                return Err(format!("version {version} of {kind}"));
            }
            match kind {
                "Tier" => {
                    let tier: Tier = typed(&object)?;
                    ranks.retain(|rank| rank.name != tier.metadata.name);
                    ranks.push(TierRank {
                        name: tier.metadata.name,
                        order: tier.spec.order.unwrap_or(f64::INFINITY),
                        passes: tier.spec.default_action.as_deref() == Some("Pass"),
                        is_declared: true,
                    });
                }
                "GlobalNetworkSet" | "NetworkSet" => {
                    let set: NetworkSet = typed(&object)?;
                    check_ranges(&set.spec.nets)?;
                    let namespace = (kind == "NetworkSet").then_some(set.metadata.namespace);
                    sets.push(Set { labels: set.metadata.labels, namespace, nets: set.spec.nets });
                }
                "GlobalNetworkPolicy" | "NetworkPolicy" => policies.push(Policy::parse(&object, kind)?),
                "StagedGlobalNetworkPolicy" | "StagedNetworkPolicy" => {
                    let policy = Policy::parse(&object, kind)?;
                    if staged == Staged::Enforced {
                        policies.push(policy);
                    }
                }
                other => return Err(format!("kind {other}")),
            }
        }
        for policy in &policies {
            // A tier that nobody declares comes last, after those without an order (felix/calc/policy_sorter.go, TierLess).
            if !ranks.iter().any(|rank| rank.name == policy.tier) {
                let name = policy.tier.clone();
                ranks.push(TierRank { name, order: f64::INFINITY, passes: false, is_declared: false });
            }
        }
        ranks.sort_by(|a, b| {
            let declared = b.is_declared.cmp(&a.is_declared);
            declared.then_with(|| a.order.total_cmp(&b.order)).then_with(|| a.name.cmp(&b.name))
        });
        policies.sort_by(|a, b| a.order.total_cmp(&b.order).then_with(|| a.tie.cmp(&b.tie)));
        let mut tiers: Vec<(TierRank, Vec<Policy>)> = ranks.into_iter().map(|rank| (rank, vec![])).collect();
        for policy in policies {
            tiers.iter_mut().find(|(rank, _)| rank.name == policy.tier).unwrap().1.push(policy);
        }
        Ok(Self { tiers, sets })
    }
}

impl Policy {
    fn parse(object: &serde_yaml::Value, kind: &str) -> Result<Self, String> {
        let object::Policy { metadata, spec, .. } = typed(object)?;
        spec.check()?;
        // Types left out: Egress alone if only it has rules, both if both have, else Ingress
        // (libcalico-go/lib/clientv3, defaultPolicyTypesField).
        let directions = match &spec.types {
            Some(types) => types.iter().map(|one| one.direction()).collect(),
            None if spec.egress.is_empty() => vec![Direction::Ingress],
            None if spec.ingress.is_empty() => vec![Direction::Egress],
            None => Direction::BOTH.to_vec(),
        };
        Ok(Self {
            order: spec.order.unwrap_or(f64::INFINITY),
            tie: format!("{}/{}/{kind}", metadata.name, metadata.namespace),
            tier: spec.tier.clone().unwrap_or_else(|| "default".to_owned()),
            body: Body::Calico {
                namespace: (!kind.contains("Global")).then_some(metadata.namespace),
                directions,
                spec: Box::new(spec),
            },
        })
    }
}

impl Judge for Policies {
    fn permits(&self, flow: &Flow) -> bool {
        'tiers: for (rank, policies) in &self.tiers {
            // Only what selects this pod in this direction counts, for the tier's end too.
            let about: Vec<&Policy> = policies.iter().filter(|policy| policy.is_about(flow)).collect();
            for policy in &about {
                match self.verdict(policy, flow) {
                    Some(Action::Allow) => return true,
                    Some(Action::Deny) => return false,
                    Some(Action::Pass) => continue 'tiers,
                    Some(Action::Log) | None => {}
                }
            }
            if !about.is_empty() && !rank.passes {
                return false;
            }
        }
        // The namespace's profile allows everything.
        true
    }
}

impl Policies {
    /// What a policy makes of a flow, if one of its rules matches. Log only logs.
    fn verdict(&self, policy: &Policy, flow: &Flow) -> Option<Action> {
        let (namespace, spec) = match &policy.body {
            Body::Kubernetes(policy) => return policy.allows(flow).then_some(Action::Allow),
            Body::Calico { namespace, spec, .. } => (namespace.as_deref(), spec),
        };
        let rules = match flow.direction {
            Direction::Ingress => &spec.ingress,
            Direction::Egress => &spec.egress,
        };
        let first = rules.iter().find(|rule| rule.action != Action::Log && self.matches(rule, namespace, flow));
        first.map(|rule| rule.action)
    }

    fn matches(&self, rule: &Rule, namespace: Option<&str>, flow: &Flow) -> bool {
        let (source, destination) = match flow.direction {
            Direction::Egress => (flow.subject_address, flow.other_address),
            Direction::Ingress => (flow.other_address, flow.subject_address),
        };
        let (Some(source), Some(destination)) = (source, destination) else { panic!("Calico knows addresses alone") };
        let version = if source.is_ipv4() { 4 } else { 6 };
        rule.ip_version.is_none_or(|wanted| wanted == version)
            && rule.protocol.as_ref().is_none_or(|protocol| is_protocol(protocol, flow.protocol))
            && rule.not_protocol.as_ref().is_none_or(|protocol| !is_protocol(protocol, flow.protocol))
            && self.is_end(&rule.source, namespace, flow, source, None)
            && self.is_end(&rule.destination, namespace, flow, destination, Some(flow.port))
    }

    /// Whether an address is what one side of a rule asks for. All that is asked for must hold.
    fn is_end(
        &self,
        entity: &Entity,
        namespace: Option<&str>,
        flow: &Flow,
        address: IpAddr,
        port: Option<u16>,
    ) -> bool {
        // A rule whose ranges are all of the other IP family is not rendered for this one, negations included
        // (felix/rules, FilterRuleToIPVersion).
        let of_family = |net: &&String| net.contains(':') == address.is_ipv6();
        let nets = entity.nets.is_empty() || entity.nets.iter().any(|net| within(net, address));
        let not_nets = entity.not_nets.is_empty()
            || (entity.not_nets.iter().any(|net| of_family(&net))
                && !entity.not_nets.iter().any(|net| within(net, address)));
        let is_on = |terms: &[Number]| terms.iter().any(|term| is_port(term, flow, address, port));
        nets && not_nets
            && self.is_selected(entity, namespace, flow, address)
            && (entity.ports.is_empty() || is_on(&entity.ports))
            && (entity.not_ports.is_empty() || !is_on(&entity.not_ports))
    }

    /// Selectors become sets of addresses: those of the pods and the network sets that match, whoever has them.
    fn is_selected(&self, entity: &Entity, namespace: Option<&str>, flow: &Flow, address: IpAddr) -> bool {
        let Entity { selector, not_selector, namespace_selector: namespaces, service_accounts: accounts, .. } = entity;
        if let Some(selector) = not_selector
            && self.labels_at(flow, address).any(|labels| selector.matches(&labels, ""))
        {
            return false;
        }
        let accounts = accounts.as_ref();
        let account_selector = accounts.and_then(|accounts| accounts.selector.as_ref());
        let names = accounts.map(|accounts| &accounts.names).filter(|names| !names.is_empty());
        // A rule of a namespaced policy that selects in any way stays in its namespace, unless it names others; a rule
        // that selects in no way is for everyone (libcalico-go/lib/backend/syncersv1/updateprocessors/rules.go).
        let chosen = selector.is_some() || account_selector.is_some() || names.is_some();
        let own = namespace.filter(|_| namespaces.is_none() && (chosen || not_selector.is_some()));
        if !chosen && namespaces.is_none() && own.is_none() {
            return true;
        }
        self.labels_at(flow, address).any(|labels| {
            own.is_none_or(|own| labels.get(NAMESPACE).is_some_and(|namespace| namespace == own))
                && namespaces.as_ref().is_none_or(|selector| selector.matches_namespace(&labels))
                && selector.as_ref().is_none_or(|selector| selector.matches(&labels, ""))
                && account_selector.as_ref().is_none_or(|selector| selector.matches(&labels, "pcsa."))
                && names.is_none_or(|names| {
                    labels.get("projectcalico.org/serviceaccount").is_some_and(|name| names.contains(name))
                })
        })
    }

    /// Labels of every pod and network set that has an address.
    fn labels_at(&self, flow: &Flow, address: IpAddr) -> impl Iterator<Item = Labels> {
        let pods = flow.cluster.pods.iter().filter(move |pod| pod.addresses.contains(&address)).map(labels);
        let sets = self.sets.iter().filter(move |set| set.nets.iter().any(|net| within(net, address)));
        pods.chain(sets.map(|set| {
            let mut labels = Labels::new();
            if let Some(namespace) = &set.namespace {
                inherit(&mut labels, namespace, &flow.cluster.namespaces[namespace]);
            }
            labels.extend(set.labels.clone());
            labels
        }))
    }
}

impl Policy {
    /// Whether it selects the flow's subject in the flow's direction.
    fn is_about(&self, flow: &Flow) -> bool {
        match &self.body {
            Body::Kubernetes(policy) => policy.isolates(flow),
            Body::Calico { namespace, directions, spec } => {
                let labels = labels(flow.subject);
                directions.contains(&flow.direction)
                    && namespace.as_ref().is_none_or(|namespace| *namespace == flow.subject.namespace)
                    && spec.selector.as_ref().is_none_or(|selector| selector.matches(&labels, ""))
                    && spec.namespace_selector.as_ref().is_none_or(|selector| selector.matches_namespace(&labels))
                    && spec.service_account_selector.as_ref().is_none_or(|selector| selector.matches(&labels, "pcsa."))
            }
        }
    }
}

/// A pod's labels, with what Calico adds: its namespace, the namespace's labels, the service account and its labels
/// (libcalico-go/lib/backend/k8s/conversion).
fn labels(pod: &Pod) -> Labels {
    let mut labels = Labels::new();
    inherit(&mut labels, &pod.namespace, &pod.namespace_labels);
    if let Some((name, own)) = &pod.service_account {
        labels.insert("projectcalico.org/serviceaccount".to_owned(), name.clone());
        labels.insert("pcsa.projectcalico.org/name".to_owned(), name.clone());
        labels.extend(own.iter().map(|(key, value)| (format!("pcsa.{key}"), value.clone())));
    }
    labels.insert("projectcalico.org/orchestrator".to_owned(), "k8s".to_owned());
    let own = pod.labels.iter().filter(|(key, _)| !labels.contains_key(*key));
    let own: Vec<_> = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    labels.extend(own);
    labels
}

fn inherit(labels: &mut Labels, namespace: &str, namespace_labels: &Labels) {
    labels.insert(NAMESPACE.to_owned(), namespace.to_owned());
    labels.insert("pcns.projectcalico.org/name".to_owned(), namespace.to_owned());
    labels.extend(namespace_labels.iter().map(|(key, value)| (format!("pcns.{key}"), value.clone())));
}

fn is_protocol(wanted: &Number, protocol: &str) -> bool {
    match wanted {
        Number::Number(number) => [(6, "TCP"), (17, "UDP"), (132, "SCTP")].contains(&(*number, protocol)),
        Number::Text(name) => name.eq_ignore_ascii_case(protocol),
    }
}

/// Whether a port is the one of a term: a number, a range, or a name, which is that of the pod with the address.
fn is_port(term: &Number, flow: &Flow, address: IpAddr, port: Option<u16>) -> bool {
    let Some(port) = port else { panic!("ports of sources") };
    match term {
        Number::Number(number) => *number == port,
        Number::Text(text) => {
            match text.split_once(':') {
                Some((first, last)) => (first.parse().unwrap()..=last.parse().unwrap()).contains(&port),
                None => match text.parse::<u16>() {
                    Ok(number) => number == port,
                    Err(_) => flow.cluster.pods.iter().any(|pod| {
                        pod.addresses.contains(&address) && pod.named_port(text, flow.protocol) == Some(port)
                    }),
                },
            }
        }
    }
}
