//! A difference made concrete: who, whom, on which port, what the intent says and what the policies say.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::allowed::{Other, matches};
use super::expected::Permission;
use super::guards::Guarded;
use super::names::Unlearned;
use super::normal::Peer;
use super::relation::Finding;
use super::sum::Policy;
use super::traffic::Traffic;
use crate::diag::Diagnostic;
use crate::model::{Direction, EdgeId, Guard, HttpRule, Labels, Origin, Protocol, Sym};
use crate::source::Span;

/// Who allows the flow of a witness; the other side denies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allows {
    /// The intent does, and the policies do not.
    Intent {
        /// What asks for it.
        origin: Origin,
        /// The policy that denies it, and its rule, where one does.
        denied: Option<(String, Span)>,
    },
    /// No policy isolates the pod.
    Unpoliced,
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
    /// The HTTP request, where only some are disputed.
    pub request: Option<HttpRule>,
    /// Who allows it.
    pub allows: Allows,
    /// Whether the other side lets it through too, where the other end is a managed pod: the connection is open then.
    pub far: Option<bool>,
}

/// What is not known where what may pass depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// A condition of a rule, in words.
    Provided(&'static str),
    /// The number behind a port's name.
    Port(Sym),
    /// Whether a range matches pods by their addresses.
    Addresses,
    /// What a tier does at its end.
    Tier,
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
        /// What may pass.
        ports: Traffic,
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
    /// What may pass depends on something that neither the policies nor the intents tell.
    Unclear {
        /// Whose pods.
        namespace: Sym,
        /// Labels of the subject.
        labels: Labels,
        /// The direction.
        direction: Direction,
        /// The other end.
        other: Other,
        /// What may pass, or not.
        traffic: Traffic,
        /// The policy that it hangs on.
        policy: Option<String>,
        /// What is not known.
        why: Unclear,
        /// The rule.
        span: Option<Span>,
    },
    /// Selectors overlap in so many ways that they cannot all be looked at.
    TooMany {
        /// Whose pods; `None`: of namespaces that nothing names.
        namespace: Option<Sym>,
        /// The selector at which there were too many.
        selector: String,
        /// A policy with this selector.
        near: Option<Span>,
    },
    /// Two objects have one name: in the cluster one would replace the other.
    Duplicate {
        /// The namespace; `None`: their kind is in no namespace.
        namespace: Option<Sym>,
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
    /// The intent's guards cannot be said here, and nobody permitted to leave them out.
    Unguarded {
        /// The guard.
        guard: Guard,
    },
    /// The cluster-wide guards are not what the intent asks for.
    Guard {
        /// Name of the object that is wrong, if it is one.
        policy: Option<String>,
        /// What is wrong.
        what: Guarded,
        /// The object.
        span: Option<Span>,
    },
    /// A denial takes away what a policy allows.
    Cut {
        /// Whose pods.
        namespace: Sym,
        /// The policy that allows it.
        policy: String,
        /// The policy that denies it.
        by: String,
        /// The rule that allows it.
        span: Span,
        /// The rule that denies it.
        deny: Span,
    },
    /// Host names that pods may reach stay unknown.
    Unlearned {
        /// Whose pods.
        namespace: Sym,
        /// Name of the object.
        policy: String,
        /// Why.
        why: Unlearned,
        /// The rule.
        span: Span,
    },
    /// A policy lets protocols without ports through, as ICMP, which no intent can ask for.
    Protocols {
        /// Whose pods.
        namespace: Sym,
        /// Name of the object.
        policy: String,
        /// The rule.
        span: Span,
    },
    /// A policy only reports where enforcement is meant, or the other way round.
    Staged {
        /// Name of the object.
        policy: String,
        /// Whether it should only report.
        meant: bool,
        /// The object.
        span: Span,
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
    /// The policies let through what a forbid rules out.
    Forbidden(Box<Diagnostic>),
    /// So many mismatches are not shown.
    More(usize),
}

/// Findings of one side of a namespace as mismatches: one for each policy that says too much, one for each origin that
/// is not said.
pub(super) fn explain(
    namespace: &Sym,
    direction: Direction,
    meant: &[Permission],
    said: &[&Policy],
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
    let flow = |labels, other, (protocol, port, request): Passing<'_>, allows| {
        let (namespace, request) = (namespace.clone(), request.cloned());
        Mismatch::Flow(Witness { direction, namespace, labels, other, protocol, port, request, allows, far: None })
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
                let culprit = ports.first().and_then(|passing| {
                    let rule = rule_for(said, direction, &labels, passing, |p| matches(p, &other))?;
                    Some((passing, rule))
                });
                let others = || {
                    let at = said.iter().filter(|policy| policy.subject.is_subset_of(&labels)).find_map(|policy| {
                        let rule = policy.rules.iter().find(|rule| {
                            rule.direction == direction && rule.others && rule.peers.iter().any(|p| matches(p, &other))
                        })?;
                        Some((policy.name.clone(), rule.span))
                    });
                    let (policy, span) = at.filter(|_| ports.others())?;
                    Some(Mismatch::Protocols { namespace: namespace.clone(), policy, span })
                };
                let Some((passing, (policy, span))) = culprit else {
                    out.push(others().unwrap_or_else(unexplained));
                    continue;
                };
                if blamed_policies.insert(&policy.name) {
                    let allows = Allows::Policy { name: policy.name.clone(), span };
                    out.push(flow(labels.clone(), other.clone(), passing, allows));
                }
            }
            Finding::Missing(labels, (other, ports)) => {
                let wish = ports.first().and_then(|passing| {
                    let permission = meant.iter().find(|permission| {
                        permission.direction == direction
                            && permission.subject.is_subset_of(&labels)
                            && permission.peers.iter().any(|peer| matches(peer, &other))
                            && holds(&permission.traffic, passing)
                    })?;
                    Some((passing, permission.origin))
                });
                let Some((passing, origin)) = wish else {
                    out.push(unexplained());
                    continue;
                };
                if blamed_origins.insert(origin) {
                    out.push(flow(labels.clone(), other.clone(), passing, Allows::Intent { origin, denied: None }));
                }
            }
            Finding::Ambiguous(labels, block, ports) => {
                let this = |peer: &Peer| matches!(peer, Peer::Block { cidr, .. } if *cidr == block);
                let rule = ports.first().and_then(|passing| rule_for(said, direction, &labels, passing, this));
                let span = rule.map(|(_, span)| span);
                let namespace = namespace.clone();
                out.push(Mismatch::Ambiguous { namespace, labels, direction, block, ports, span });
            }
        }
    }
    out
}

/// One thing that may pass: a port, and a request where only that may.
type Passing<'a> = (Protocol, u16, Option<&'a HttpRule>);

fn holds(traffic: &Traffic, (protocol, port, request): Passing<'_>) -> bool {
    let by_request = |request| traffic.http().any(|(rule, ports)| rule == request && ports.contains(protocol, port));
    traffic.any().contains(protocol, port) || request.is_some_and(by_request)
}

/// The first rule that allows a flow of a pod.
fn rule_for<'a>(
    said: &[&'a Policy],
    direction: Direction,
    labels: &Labels,
    passing: Passing<'_>,
    peer: impl Fn(&Peer) -> bool,
) -> Option<(&'a Policy, Span)> {
    said.iter().filter(|policy| policy.subject.is_subset_of(labels)).find_map(|policy| {
        let rule = policy.rules.iter().find(|rule| {
            rule.direction == direction && holds(&Traffic::of(rule), passing) && rule.peers.iter().any(&peer)
        })?;
        Some((*policy, rule.span))
    })
}
