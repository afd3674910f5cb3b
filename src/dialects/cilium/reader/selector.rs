//! Selectors of endpoints: which pods they select, and what that is no pod.
//!
//! 1. A selector is a conjunction of demands on labels ([`keys`](super::keys)); `NotIn` and `DoesNotExist` hold where the label
//!    is missing (labels.Requirement of kubernetes/apimachinery). `In` and `NotIn` need values, the others take none.
//! 2. The subject of a CiliumNetworkPolicy is in its own namespace: the agent puts it in, in the place of a `matchLabels` of
//!    `k8s:io.kubernetes.pod.namespace`; what else is said of the namespace must hold besides (ParseCiliumRule).
//! 3. A peer in a CiliumNetworkPolicy stays in the policy's own namespace, unless it says something of the namespace's name or
//!    labels; in a clusterwide policy it is in some namespace, unless it says something of the name, or the subject is
//!    `reserved:init` (getEndpointSelector).
//! 4. With `policy-default-local-cluster` a peer is in the own cluster too, unless it says something of the cluster. Pods are;
//!    what is no pod has no such label.
//! 5. A peer that says something of `reserved:` labels is taken as it is, without 3. and 4.
//! 6. What is no pod carries its reserved name (with an empty value) and no label of Kubernetes. So a peer of negations alone
//!    is everything that is no pod, too (seen in Cilium's own engine).
//! 7. The agent's default name of a cluster is `default`; pods of other clusters nobody shows us.

use std::collections::BTreeSet;

use super::keys::{About, Key, POD_NAMESPACE, Source, is_of_namespaces};
use crate::diag::quote;
use crate::dialects::reading::Reader;
use crate::dialects::reading::conjunction::{Ask, Conjunction};
use crate::dialects::reading::object::{Expression, Selector as Written};
use crate::dialects::reading::text::Text;
use crate::model::{NAMESPACE_NAME, Sym};
use crate::source::Span;
use crate::verify::normal::{self, Entity, Selector};

/// 7.
const OWN_CLUSTER: &str = "default";

/// 6. Names of what is no pod, and what of it policies can name.
const RESERVED: [(&str, Option<Entity>); 12] = [
    ("host", Some(Entity::Host)),
    ("remote-node", Some(Entity::RemoteNode)),
    ("kube-apiserver", Some(Entity::ApiServer)),
    ("ingress", Some(Entity::Ingress)),
    ("health", Some(Entity::Health)),
    ("init", Some(Entity::Init)),
    ("unmanaged", Some(Entity::Unmanaged)),
    ("world", None),
    ("world-ipv4", None),
    ("world-ipv6", None),
    ("encrypted-overlay", None),
    ("overlay-to-host", None),
];

/// One demand on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) key: Key,
    pub(super) ask: Ask,
    /// It is one of `matchLabels`.
    pub(super) plain: bool,
    pub(super) span: Span,
}

impl Requirement {
    /// Whether it is about endpoints of which nothing is known yet.
    pub(super) fn is_of_starting(&self) -> bool {
        self.key.source == Source::Reserved && &*self.key.name == "init"
    }
}

/// Which namespaces a policy may speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope<'n> {
    /// Its own.
    Own(&'n Sym),
    /// All, and it governs endpoints of which nothing is known yet (3.).
    Starting,
    /// All.
    Cluster,
}

/// What a peer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    /// Pods, if any.
    pub(super) pods: Option<Selector>,
    pub(super) others: Others,
    /// 4. `others` are only where peers are not limited to the own cluster.
    pub(super) of_any_cluster: bool,
}

/// What of a peer is no pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// Nothing.
    None,
    /// Everything.
    All,
    /// One thing.
    One(Entity),
}

/// 1.
pub(super) fn requirements(with: &mut Reader<'_, '_>, written: &Written<'_>) -> Option<Vec<Requirement>> {
    let mut all = vec![];
    let conditions = written.match_labels.as_ref().map_or(0, |pairs| pairs.0.len());
    if !with.few_enough(conditions + written.match_expressions.as_ref().map_or(0, Vec::len)) {
        return None;
    }
    let mut failed = false;
    for (text, value) in written.match_labels.iter().flat_map(|pairs| &pairs.0) {
        let span = with.doc.place(text);
        let key = Key::read(with, text);
        let value = value_of(with, text, value);
        match (key, value) {
            (Some(key), Some(value)) => {
                all.push(Requirement { key, ask: Ask::OneOf([value].into()), plain: true, span });
            }
            _ => failed = true,
        }
    }
    for expression in written.match_expressions.iter().flatten() {
        match by_expression(with, expression) {
            Some(requirement) => all.push(requirement),
            None => failed = true,
        }
    }
    (!failed).then_some(all)
}

fn by_expression(with: &mut Reader<'_, '_>, expression: &Expression<'_>) -> Option<Requirement> {
    let key = Key::read(with, &expression.key)?;
    let ask = ask(with, expression)?;
    Some(Requirement { key, ask, plain: false, span: with.doc.place(&expression.key) })
}

/// Operator and values, whatever the key is.
fn ask(with: &mut Reader<'_, '_>, expression: &Expression<'_>) -> Option<Ask> {
    let place = with.doc.place(&expression.operator);
    let operator = with.string(&expression.operator)?;
    let texts = expression.values.as_deref().unwrap_or_default();
    let read: Vec<_> = texts.iter().map(|value| value_of(with, &expression.key, value)).collect();
    let values: BTreeSet<Sym> = read.into_iter().collect::<Option<_>>()?;
    match (operator, values.is_empty()) {
        ("In" | "NotIn", true) => with.error(place, "values are missing", "write the values that are meant"),
        ("Exists" | "DoesNotExist", false) => {
            with.error(place, format!("{} takes no values", quote(operator)), "remove them")
        }
        ("In", false) => Some(Ask::OneOf(values)),
        ("NotIn", false) => Some(Ask::NoneOf(values)),
        ("Exists", true) => Some(Ask::Exists),
        ("DoesNotExist", true) => Some(Ask::Missing),
        _ => {
            let message = format!("{} is no operator of a selector", quote(operator));
            with.error(place, message, "write `In`, `NotIn`, `Exists` or `DoesNotExist`")
        }
    }
}

fn value_of(with: &mut Reader<'_, '_>, key: &Text<'_>, value: &Text<'_>) -> Option<Sym> {
    // The key is looked at elsewhere: only the value can be wrong here.
    with.label(key, "key", value).map(Sym::from)
}

/// 2. The governed pods, if any, and what else is governed.
pub(super) fn subject(
    with: &mut Reader<'_, '_>,
    mut all: Vec<Requirement>,
    scope: Scope<'_>,
) -> Option<(Option<Selector>, Others)> {
    if let Scope::Own(own) = scope {
        let is_replaced =
            |one: &Requirement| one.plain && one.key.source == Source::Kubernetes && one.key.about == About::Namespace;
        all.retain(|one| !is_replaced(one));
        all.push(in_namespace(Ask::OneOf([own.clone()].into()), with.doc.top()));
    }
    Some((pods(&all), others(with, &all)?))
}

/// 3., 4., 5.
pub(super) fn peer(with: &mut Reader<'_, '_>, mut all: Vec<Requirement>, scope: Scope<'_>) -> Option<Selected> {
    if all.iter().any(|one| one.key.source == Source::Reserved) {
        return Some(Selected { pods: pods(&all), others: others(with, &all)?, of_any_cluster: false });
    }
    let says = |is: &dyn Fn(&Key) -> bool| all.iter().any(|one| is(&one.key));
    let of_name = says(&|key| key.about == About::Namespace);
    let of_labels = says(&is_of_namespaces);
    let of_cluster = says(&|key| key.about == About::Cluster);
    let pin = match scope {
        Scope::Own(own) if !of_name && !of_labels => Some(Ask::OneOf([own.clone()].into())),
        Scope::Cluster if !of_name => Some(Ask::Exists),
        _ => None,
    };
    if let Some(ask) = pin {
        all.push(in_namespace(ask, with.doc.top()));
    }
    let others = others(with, &all)?;
    Some(Selected { pods: pods(&all), others, of_any_cluster: others != Others::None && !of_cluster })
}

fn in_namespace(ask: Ask, span: Span) -> Requirement {
    let key = Key { source: Source::Kubernetes, about: About::Namespace, name: POD_NAMESPACE.into() };
    Requirement { key, ask, plain: false, span }
}

/// The pods that satisfy all requirements; `None` when none can.
fn pods(all: &[Requirement]) -> Option<Selector> {
    let mut pods = Conjunction::default();
    for Requirement { key, ask, .. } in all {
        match (&key.about, ask) {
            (About::NoPod, ask) => pods.require_of_nothing(ask),
            (About::Cluster, ask) => {
                pods.require_of_nothing(if is_own_cluster(ask) { &Ask::Missing } else { &Ask::Exists })
            }
            // Every pod has both.
            (About::Namespace | About::Account, Ask::Exists) => {}
            (About::Namespace | About::Account, Ask::Missing) => pods.require_of_nothing(&Ask::Exists),
            (About::Namespace, ask) => pods.require(normal::Key::Namespace(NAMESPACE_NAME.into()), ask.clone()),
            (About::Account, ask) => pods.require(normal::Key::AccountName, ask.clone()),
            (About::OfNamespace(key), ask) => pods.require(normal::Key::Namespace(key.clone()), ask.clone()),
            (About::OfPod(key), ask) => pods.require(normal::Key::Pod(key.clone()), ask.clone()),
        }
    }
    pods.selector(None)
}

/// 7.
fn is_own_cluster(ask: &Ask) -> bool {
    match ask {
        Ask::OneOf(names) => names.contains(OWN_CLUSTER),
        Ask::NoneOf(names) => !names.contains(OWN_CLUSTER),
        Ask::Exists => true,
        Ask::Missing => false,
    }
}

/// 6. What of all that is no pod satisfies all requirements.
fn others(with: &mut Reader<'_, '_>, all: &[Requirement]) -> Option<Others> {
    let mut named: Option<(&Sym, Span)> = None;
    let mut excluded: Option<Span> = None;
    for one in all {
        let reserved = one.key.source != Source::Kubernetes && RESERVED.iter().any(|(name, _)| **name == *one.key.name);
        match &one.ask {
            Ask::OneOf(values) if !reserved || !values.contains("") => return Some(Others::None),
            Ask::Exists if !reserved => return Some(Others::None),
            Ask::OneOf(_) | Ask::Exists => match named {
                Some((name, _)) if *name != one.key.name => excluded = Some(one.span),
                _ => named = Some((&one.key.name, one.span)),
            },
            Ask::NoneOf(values) if !reserved || !values.contains("") => {}
            Ask::Missing if !reserved => {}
            Ask::NoneOf(_) | Ask::Missing => excluded = Some(one.span),
        }
    }
    if let Some(span) = excluded {
        let help = "write entities, or ask for a namespace: key `k8s:io.kubernetes.pod.namespace`, operator `Exists`";
        return with.error(span, "a selector by what is no pod and something else cannot be evaluated", help);
    }
    let Some((name, span)) = named else { return Some(Others::All) };
    match RESERVED.iter().find(|(known, _)| **known == **name) {
        Some((_, Some(entity))) => Some(Others::One(*entity)),
        _ => {
            let message = format!("the label {} cannot be evaluated", quote(&format!("reserved:{name}")));
            with.error(span, message, "write entities, as `fromEntities: [world]`")
        }
    }
}
