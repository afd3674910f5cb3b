//! A difference made concrete: who, whom, on which port, what the intent says and what the policies say.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::allowed::{Other, matches};
use super::expected::Permission;
use super::normal::{self, Namespaces, Peer};
use super::ports::PortSet;
use super::relation::Finding;
use crate::diag::{Diagnostic, codes, quote};
use crate::model::{Direction, EdgeId, Labels, Model, NamespaceSet, Origin, Protocol, Sym};
use crate::source::Span;

/// Who allows the flow of a witness; the other side denies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allows {
    /// The intent does, and the policies do not.
    Intent(Origin),
    /// This policy does, by the rule at this place, and the intent does not.
    Policy {
        /// Name of the object.
        name: String,
        /// The rule.
        span: Span,
    },
}

/// One flow on which the intent and the policies disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// On whose side.
    pub direction: Direction,
    /// Namespace of the pod whose permission it is.
    pub namespace: Sym,
    /// Its labels.
    pub labels: Labels,
    /// The other end.
    pub other: Other,
    /// The protocol.
    pub protocol: Protocol,
    /// The destination's port.
    pub port: u16,
    /// Who allows it.
    pub allows: Allows,
}

/// One way in which policies are not what the intent means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// A flow is allowed by one and denied by the other.
    Flow(Witness),
    /// Pods of a managed namespace are not isolated: no default deny.
    Open {
        /// The namespace.
        namespace: Sym,
        /// The direction.
        direction: Direction,
        /// Some policy of the namespace, to show its file.
        near: Option<Span>,
    },
    /// A block covers addresses of pods: CNIs disagree whether it matches them.
    Ambiguous {
        /// The flow, towards the block.
        namespace: Sym,
        /// Labels of the subject.
        labels: Labels,
        /// The direction.
        direction: Direction,
        /// The block.
        block: IpNet,
        /// The ports.
        ports: PortSet,
        /// The rule.
        span: Option<Span>,
    },
    /// A policy governs pods of a namespace that no intent manages.
    Unmanaged {
        /// The namespace.
        namespace: Sym,
        /// Name of the object.
        policy: String,
        /// The object.
        span: Span,
    },
    /// Two objects have one name: in the cluster one would replace the other.
    Duplicate {
        /// The namespace.
        namespace: Sym,
        /// Name of the objects.
        policy: String,
        /// The second object.
        span: Span,
        /// The first object.
        first: Span,
    },
    /// The edge asks for HTTP requests or host names, which these policies cannot say, and nobody permitted otherwise.
    Inexpressible {
        /// The edge.
        edge: EdgeId,
    },
    /// The two sides differ, and neither a policy nor an intent could be named for it.
    Unexplained {
        /// Whose pods.
        namespace: Sym,
        /// On which side.
        direction: Direction,
        /// The first policy of the namespace.
        near: Option<Span>,
    },
    /// So many mismatches are not shown.
    More(usize),
}

/// Findings of one side of a namespace as mismatches: one for each policy that says too much, one for each origin that
/// is not said.
pub(super) fn explain(
    namespace: &Sym,
    direction: Direction,
    meant: &[Permission],
    said: &[&normal::Policy],
    findings: Vec<Finding>,
) -> Vec<Mismatch> {
    let mut blamed_policies: BTreeSet<&str> = BTreeSet::new();
    let mut blamed_origins: BTreeSet<Origin> = BTreeSet::new();
    let mut out = vec![];
    // Whatever cannot be explained is a difference all the same.
    let unexplained = || Mismatch::Unexplained {
        namespace: namespace.clone(),
        direction,
        near: said.first().map(|policy| policy.span),
    };
    for finding in findings {
        match finding {
            Finding::Open => {
                out.push(Mismatch::Open {
                    namespace: namespace.clone(),
                    direction,
                    near: said.first().map(|p| p.span),
                });
            }
            Finding::Extra(labels, (other, ports)) => {
                let culprit = ports.first().and_then(|(protocol, port)| {
                    let rule = rule_for(said, direction, &labels, protocol, port, |p| matches(p, &other))?;
                    Some((protocol, port, rule))
                });
                let Some((protocol, port, (policy, span))) = culprit else {
                    out.push(unexplained());
                    continue;
                };
                if blamed_policies.insert(&policy.name) {
                    let allows = Allows::Policy { name: policy.name.clone(), span };
                    let namespace = namespace.clone();
                    out.push(Mismatch::Flow(Witness { direction, namespace, labels, other, protocol, port, allows }));
                }
            }
            Finding::Missing(labels, (other, ports)) => {
                let wish = ports.first().and_then(|(protocol, port)| {
                    let permission = meant.iter().find(|permission| {
                        permission.direction == direction
                            && permission.subject.is_subset_of(&labels)
                            && permission.peers.iter().any(|peer| matches(peer, &other))
                            && holds(&permission.ports, protocol, port)
                    })?;
                    Some((protocol, port, permission.origin))
                });
                let Some((protocol, port, origin)) = wish else {
                    out.push(unexplained());
                    continue;
                };
                if blamed_origins.insert(origin) {
                    let (namespace, allows) = (namespace.clone(), Allows::Intent(origin));
                    out.push(Mismatch::Flow(Witness { direction, namespace, labels, other, protocol, port, allows }));
                }
            }
            Finding::Ambiguous(labels, block, ports) => {
                let this = |peer: &Peer| matches!(peer, Peer::Block { cidr, .. } if *cidr == block);
                let rule =
                    ports.first().and_then(|(protocol, port)| rule_for(said, direction, &labels, protocol, port, this));
                let span = rule.map(|(_, span)| span);
                let namespace = namespace.clone();
                out.push(Mismatch::Ambiguous { namespace, labels, direction, block, ports, span });
            }
        }
    }
    out
}

fn holds(ports: &[normal::Ports], protocol: Protocol, port: u16) -> bool {
    ports.iter().any(|range| range.protocol == protocol && range.first <= port && port <= range.last)
}

/// The first rule that allows a flow of a pod.
fn rule_for<'a>(
    said: &[&'a normal::Policy],
    direction: Direction,
    labels: &Labels,
    protocol: Protocol,
    port: u16,
    peer: impl Fn(&Peer) -> bool,
) -> Option<(&'a normal::Policy, Span)> {
    said.iter().filter(|policy| policy.subject.is_subset_of(labels)).find_map(|policy| {
        let rule = policy.rules.iter().find(|rule| {
            rule.direction == direction && holds(&rule.ports, protocol, port) && rule.peers.iter().any(&peer)
        })?;
        Some((*policy, rule.span))
    })
}

impl Mismatch {
    /// What to say of it; `dialect` is the name of the dialect whose policies were read.
    pub fn diagnostic(&self, model: &Model, dialect: &str) -> Diagnostic {
        const TEMPLATE: &str = "a template of the project may have changed the meaning; without one this is an error in \
                                netpolc: please report it";
        match self {
            Self::Flow(witness) => witness.diagnostic(model, dialect).help(TEMPLATE),
            Self::Open { namespace, direction, near } => {
                let (word, way) = match direction {
                    Direction::Ingress => ("receive from anywhere", "ingress"),
                    Direction::Egress => ("send anywhere", "egress"),
                };
                let message = format!(
                    "pods of {} that no rule names may {word}: {dialect} has no default deny of {way} there",
                    quote(namespace)
                );
                at(*near, message).help(format!("write a policy for every pod of the namespace that isolates {way}"))
            }
            Self::Ambiguous { namespace, labels, direction, block, ports, span } => {
                let flow = arrow(*direction, &pod(model, namespace, labels), &block.to_string());
                at(
                    *span,
                    format!("{flow} {ports}: the range covers addresses of pods, which not every CNI matches by it"),
                )
                .help("leave the cluster's pod ranges out of the range, and select pods by their labels")
            }
            Self::Unmanaged { namespace, policy, span } => {
                let message = format!(
                    "policy {} is for the namespace {}, which no intent manages",
                    quote(policy),
                    quote(namespace)
                );
                at(Some(*span), message).help(TEMPLATE)
            }
            Self::Duplicate { namespace, policy, span, first } => {
                let message = format!("two policies of {} are named {}", quote(namespace), quote(policy));
                at(Some(*span), message)
                    .related(*first, "the first one, which this one would replace")
                    .help("give each policy a name of its own")
            }
            Self::Inexpressible { edge } => {
                let edge = &model[*edge];
                let message = format!("{dialect} cannot say all of {}", quote(&model.edge_name(edge)));
                at(Some(edge.to_span), message).help("change the edge, or permit an approximation in the project file")
            }
            Self::Unexplained { namespace, direction, near } => {
                let side = match direction {
                    Direction::Ingress => "receive",
                    Direction::Egress => "send",
                };
                let message = format!("what pods of {} may {side} is not what the intent says", quote(namespace));
                at(*near, message)
                    .note("which policy is wrong could not be told; this should not happen, please report it")
                    .help(TEMPLATE)
            }
            Self::More(count) => {
                let message = format!("{count} more mismatches between the intent and {dialect} are not shown");
                at(None, message).help("mend those above first: others may follow from them")
            }
        }
    }
}

fn at(span: Option<Span>, message: String) -> Diagnostic {
    match span {
        Some(span) => Diagnostic::error(codes::PROOF, span, message),
        None => Diagnostic::placeless(codes::PROOF, message),
    }
}

impl Witness {
    fn diagnostic(&self, model: &Model, dialect: &str) -> Diagnostic {
        let flow = arrow(
            self.direction,
            &pod(model, &self.namespace, &self.labels),
            &other(model, self.direction, &self.other),
        );
        let flow = format!("{flow} {}/{}", self.port, self.protocol.as_str());
        let side = match self.direction {
            Direction::Ingress => "to receive it",
            Direction::Egress => "to send it",
        };
        match &self.allows {
            Allows::Policy { name, span } => {
                at(Some(*span), format!("{flow}: intent denies (no edge), {dialect} allows"))
                    .label(format!("policy {} allows {side}", quote(name)))
            }
            Allows::Intent(origin) => {
                let why = model.origin_name(*origin);
                at(Some(model.origin_span(*origin)), format!("{flow}: intent allows ({why}), {dialect} denies"))
                    .label(format!("no policy allows {side}"))
            }
        }
    }
}

fn arrow(direction: Direction, subject: &str, other: &str) -> String {
    match direction {
        Direction::Ingress => format!("{other} → {subject}"),
        Direction::Egress => format!("{subject} → {other}"),
    }
}

/// `frontend/web`, by the tier with exactly these labels; otherwise the labels.
fn pod(model: &Model, namespace: &str, labels: &Labels) -> String {
    let named = |pods: &crate::model::PodSet| {
        pods.labels == *labels
            && matches!(&pods.namespaces, NamespaceSet::Names(names) if names.iter().any(|n| **n == *namespace))
    };
    let tier = model.tiers.iter().find(|tier| named(&tier.pods)).map(|tier| &tier.name);
    let peer = || model.peers.iter().find(|peer| named(&peer.pods)).map(|peer| &peer.name);
    match (tier.or_else(peer), labels.is_empty()) {
        (Some(name), _) => format!("{namespace}/{name}"),
        (None, true) => format!("{namespace}/(any other pod)"),
        (None, false) => format!("{namespace}/({labels})"),
    }
}

fn other(model: &Model, direction: Direction, other: &Other) -> String {
    match (other, direction) {
        (Other::Elsewhere, Direction::Ingress) => "a node or any other source".to_owned(),
        (Other::Elsewhere, Direction::Egress) => "a node or any other destination".to_owned(),
        (Other::Address(address), _) => show(address),
        (Other::Pod(Namespaces::Named(namespace), labels), _) => pod(model, namespace, labels),
        (Other::Pod(Namespaces::Labelled(namespace), labels), _) => match (namespace.is_empty(), labels.is_empty()) {
            (true, true) => "any pod".to_owned(),
            (true, false) => format!("a pod ({labels}) of any namespace"),
            (false, true) => format!("any pod of a namespace ({namespace})"),
            (false, false) => format!("a pod ({labels}) of a namespace ({namespace})"),
        },
    }
}

fn show(address: &IpAddr) -> String {
    address.to_string()
}
