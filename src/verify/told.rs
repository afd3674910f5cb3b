//! Mismatches in words: who, whom, on which port, what the intent says and which line of a policy says otherwise.

use std::net::IpAddr;

use super::allowed::Other;
use super::classes;
use super::guards::Guarded;
use super::names::Unlearned;
use super::normal::Namespaces;
use super::traffic::Traffic;
use super::witness::{Allows, Mismatch, Unclear, Witness};
use crate::diag::{Diagnostic, codes, quote};
use crate::model::{Direction, Labels, Model, NamespaceSet, Sym};
use crate::source::Span;

/// Who is to blame where the policies are what netpolc rendered.
const TEMPLATE: &str = "a template of the project may have changed the meaning; without one this is an error in netpolc: \
                        please report it";
/// Who is to blame where they are somebody's.
const GIVEN: &str = "change the policy, or the intent that it is held against";

impl Mismatch {
    /// The same of policies that netpolc did not render.
    pub fn diagnostic_of_given(&self, model: &Model, dialect: &str) -> Diagnostic {
        let mut diagnostic = self.diagnostic(model, dialect);
        for help in &mut diagnostic.help {
            if help == TEMPLATE {
                GIVEN.clone_into(help);
            }
        }
        diagnostic
    }

    /// What to say of it; `dialect` is the name of the dialect whose policies were read.
    pub fn diagnostic(&self, model: &Model, dialect: &str) -> Diagnostic {
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
            Self::Unclear { namespace, labels, direction, other: end, traffic, policy, why, span } => {
                let flow = arrow(*direction, &pod(model, namespace, labels), &other(model, *direction, end));
                let policy = policy.as_ref().map_or_else(String::new, |name| format!("policy {}: ", quote(name)));
                let (why, help) = why.words();
                at(*span, format!("{flow} {traffic}: nobody can say whether {dialect} allows it"))
                    .note(format!("{policy}{why}"))
                    .help(help)
            }
            Self::TooMany { namespace, selector, near } => {
                let place = match namespace {
                    Some(name) => format!("pods of {}", quote(name)),
                    None => "pods of other namespaces".to_owned(),
                };
                let message = format!(
                    "the selectors of policies for {place} overlap in more than {} ways, and not all were looked at",
                    classes::MOST
                );
                let tiers = namespace.as_ref().map_or(String::new(), |name| tiers_of(model, name));
                let error = at(*near, message).note(format!("it became too many at {}", quote(selector)));
                let error = if tiers.is_empty() { error } else { error.note(format!("tiers there: {tiers}")) };
                error.help("select the tiers of a namespace by one label, so that no pod can be in several of them")
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
                let message = match namespace {
                    Some(namespace) => format!("two policies of {} are named {}", quote(namespace), quote(policy)),
                    None => format!("two policies of the cluster are named {}", quote(policy)),
                };
                at(Some(*span), message)
                    .related(*first, "the first one, which this one would replace")
                    .help("give each policy a name of its own")
            }
            Self::Inexpressible { edge } => {
                let edge = &model[*edge];
                let message = format!("{dialect} cannot say all of {}", quote(&model.edge_name(edge)));
                at(Some(edge.to_span), message).help("change the edge, or permit an approximation in the project file")
            }
            Self::Unguarded { guard } => {
                let message = format!("{dialect} cannot say the guard {}", quote(guard.name()));
                at(None, message).help("remove the guard, or permit an approximation in the project file")
            }
            Self::Guard { policy, what, span } => at(*span, guarded(dialect, policy.as_deref(), what)).help(TEMPLATE),
            Self::Cut { namespace, policy, by, span, deny } => {
                let message = format!(
                    "policy {} of {} allows what {} denies: the denial wins",
                    quote(policy),
                    quote(namespace),
                    quote(by)
                );
                at(Some(*span), message).related(*deny, "denied here").help(TEMPLATE)
            }
            Self::Unlearned { namespace, policy, why, span } => {
                let (policy, namespace) = (quote(policy), quote(namespace));
                let message = match why {
                    Unlearned::Never => format!(
                        "policy {policy} of {namespace} allows host names, which {dialect} never learns: no rule for the same pods has DNS read along"
                    ),
                    Unlearned::Past => format!(
                        "policy {policy} of {namespace} lets pods ask DNS past {dialect}, which so never learns the host names that they may reach"
                    ),
                    Unlearned::NoDns => format!(
                        "policy {policy} of {namespace} has traffic read along as DNS that is not for the cluster's DNS alone"
                    ),
                };
                at(Some(*span), message).help(TEMPLATE)
            }
            Self::Protocols { namespace, policy, span } => {
                let message = format!(
                    "policy {} of {} lets ICMP and every other protocol through: the intent means TCP, UDP and SCTP",
                    quote(policy),
                    quote(namespace)
                );
                at(Some(*span), message).help("name the protocols that are meant, in a rule each").help(TEMPLATE)
            }
            Self::Staged { policy, meant, span } => {
                let message = match meant {
                    true => format!("policy {} is enforced, and the project file says `staged = true`", quote(policy)),
                    false => format!("policy {} only reports and enforces nothing", quote(policy)),
                };
                at(Some(*span), message).help(TEMPLATE)
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
            Self::Forbidden(error) => {
                (**error).clone().note(format!("this is what the policies of {dialect} let through"))
            }
            Self::More(count) => {
                let message = format!("{count} more mismatches between the intent and {dialect} are not shown");
                at(None, message).help("mend those above first: others may follow from them")
            }
        }
    }
}

/// Tiers of a namespace by their names and labels, the first few.
fn tiers_of(model: &Model, namespace: &Sym) -> String {
    const SHOWN: usize = 6;
    let is_there = |pods: &crate::model::PodSet| pods.namespaces.names().contains(namespace);
    let tiers = || model.tiers.iter().filter(|tier| is_there(&tier.pods));
    let mut shown: Vec<String> =
        tiers().take(SHOWN).map(|tier| format!("{} ({})", tier.name, tier.pods.labels)).collect();
    let more = tiers().count().saturating_sub(SHOWN);
    shown.extend((more > 0).then(|| format!("and {more} more")));
    shown.join(", ")
}

impl Unclear {
    /// What is not known, and what to do about it.
    fn words(&self) -> (String, String) {
        match self {
            Self::Provided(what) => (
                format!("the rule holds only for {what}"),
                "say it without that condition: an intent knows no such thing".to_owned(),
            ),
            Self::Port(name) => (
                format!("which number the port's name {} stands for is not known", quote(name)),
                format!("write the number, or declare it in the tier: `ports = {{ {name} = … }}`"),
            ),
            Self::Addresses => (
                "the rule's range covers addresses of pods, and which pod has which is not known".to_owned(),
                "leave the cluster's pod ranges out of the range, and select pods by their labels".to_owned(),
            ),
            Self::Tier => (
                "what a tier does at its end is not known: no Tier of its name is there".to_owned(),
                "add the Tier, or end the tier in a policy that denies everything".to_owned(),
            ),
        }
    }
}

/// What a guard does wrong, in words.
fn guarded(dialect: &str, policy: Option<&str>, what: &Guarded) -> String {
    let place = |namespace: &Option<Sym>| match namespace {
        Some(name) => format!("pods of {}", quote(name)),
        None => "pods of other namespaces".to_owned(),
    };
    let way = |direction: &Direction| match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    };
    let policy = policy.map_or("a policy".to_owned(), |name| format!("policy {}", quote(name)));
    match what {
        Guarded::Allows => format!("{policy} is for many namespaces and allows something: guards only deny"),
        Guarded::Denies { namespace, other, traffic, direction, .. } => format!(
            "{policy} denies {} {} of {}, which no guard of the project file does",
            way(direction),
            flow_end(other, traffic),
            place(namespace)
        ),
        Guarded::LetsThrough { namespace, other, traffic, direction } => format!(
            "no policy of {dialect} denies {} {} of {}, as the project file asks",
            way(direction),
            flow_end(other, traffic),
            place(namespace)
        ),
        Guarded::Isolates { namespace, direction } => format!(
            "{policy} isolates {} for {}, which no guard of the project file does",
            place(namespace),
            way(direction)
        ),
        Guarded::Open { namespace, direction } => format!(
            "no policy of {dialect} isolates {} for {}, as the project file asks",
            place(namespace),
            way(direction)
        ),
    }
}

fn flow_end(end: &Other, traffic: &Traffic) -> String {
    let end = match end {
        Other::Address(address) => show(address),
        Other::Elsewhere => "anywhere".to_owned(),
        Other::Entity(entity) => entity.as_str().to_owned(),
        Other::Name(name) => name.to_string(),
        Other::Pod(..) => "pods".to_owned(),
    };
    format!("{end} {traffic}")
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
        let request = self.request.as_ref().map_or(String::new(), |request| format!(" ({request})"));
        let flow = format!("{flow} {}/{}{request}", self.port, self.protocol.as_str());
        let side = match self.direction {
            Direction::Ingress => "to receive it",
            Direction::Egress => "to send it",
        };
        let error = match &self.allows {
            Allows::Policy { name, span } => {
                at(Some(*span), format!("{flow}: intent denies (no edge), {dialect} allows"))
                    .label(format!("policy {} allows {side}", quote(name)))
            }
            Allows::Unpoliced => at(None, format!("{flow}: intent denies (no edge), {dialect} allows"))
                .note("no policy isolates the pod"),
            Allows::Intent { origin, denied } => {
                let why = model.origin_name(*origin);
                let error =
                    at(Some(model.origin_span(*origin)), format!("{flow}: intent allows ({why}), {dialect} denies"));
                match denied {
                    None => error.label(format!("no policy allows {side}")),
                    Some((name, span)) => error.related(*span, format!("policy {} denies it here", quote(name))),
                }
            }
        };
        match (&self.allows, self.far) {
            (Allows::Intent { .. }, _) | (_, None) => error,
            (_, Some(true)) => error.note("the other side allows it too: the connection is open"),
            (_, Some(false)) => error.note("the other side still refuses it: the connection is not open"),
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
        (Other::Entity(entity), _) => entity.as_str().to_owned(),
        (Other::Name(name), _) => name.to_string(),
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
