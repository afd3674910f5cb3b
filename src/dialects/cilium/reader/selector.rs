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

use std::collections::{BTreeMap, BTreeSet};

use super::keys::{About, Key, POD_NAMESPACE, Source, is_of_namespaces};
use crate::diag::quote;
use crate::dialects::reading::Reader;
use crate::dialects::reading::object::{Expression, Selector as Written};
use crate::dialects::reading::text::Text;
use crate::model::{Labels, NAMESPACE_NAME, Sym};
use crate::source::Span;
use crate::verify::normal::{self, Condition, Entity, Namespaces, Selector, Test};

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
    pub(super) asked: Asked,
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

/// What is asked of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    In(BTreeSet<Sym>),
    NotIn(BTreeSet<Sym>),
    Exists,
    Missing,
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
    let mut failed = false;
    for (text, value) in written.match_labels.iter().flat_map(|pairs| &pairs.0) {
        let span = with.doc.place(text);
        let key = Key::read(with, text);
        let value = value_of(with, text, value);
        match (key, value) {
            (Some(key), Some(value)) => {
                all.push(Requirement { key, asked: Asked::In([value].into()), plain: true, span });
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
    let asked = asked(with, expression)?;
    Some(Requirement { key, asked, plain: false, span: with.doc.place(&expression.key) })
}

/// Operator and values, whatever the key is.
pub(super) fn asked(with: &mut Reader<'_, '_>, expression: &Expression<'_>) -> Option<Asked> {
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
        ("In", false) => Some(Asked::In(values)),
        ("NotIn", false) => Some(Asked::NotIn(values)),
        ("Exists", true) => Some(Asked::Exists),
        ("DoesNotExist", true) => Some(Asked::Missing),
        _ => {
            let message = format!("{} is no operator of a selector", quote(operator));
            with.error(place, message, "write `In`, `NotIn`, `Exists` or `DoesNotExist`")
        }
    }
}

fn value_of(with: &mut Reader<'_, '_>, key: &Text<'_>, value: &Text<'_>) -> Option<Sym> {
    // The key is looked at elsewhere: only the value can be wrong here.
    with.label(key, "key", value).map(|(_, value)| value.into())
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
        all.push(in_namespace(Asked::In([own.clone()].into()), with.doc.top()));
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
        Scope::Own(own) if !of_name && !of_labels => Some(Asked::In([own.clone()].into())),
        Scope::Cluster if !of_name => Some(Asked::Exists),
        _ => None,
    };
    if let Some(asked) = pin {
        all.push(in_namespace(asked, with.doc.top()));
    }
    let others = others(with, &all)?;
    Some(Selected { pods: pods(&all), others, of_any_cluster: others != Others::None && !of_cluster })
}

fn in_namespace(asked: Asked, span: Span) -> Requirement {
    let key = Key { source: Source::Kubernetes, about: About::Namespace, name: POD_NAMESPACE.into() };
    Requirement { key, asked, plain: false, span }
}

/// What is known of one label: everything that is asked of it at once.
#[derive(Debug, Default)]
struct Known {
    among: Option<BTreeSet<Sym>>,
    not_among: BTreeSet<Sym>,
    is_there: bool,
    is_missing: bool,
}

impl Known {
    fn note(&mut self, asked: &Asked) {
        match asked {
            Asked::In(values) => {
                let both = |known: BTreeSet<Sym>| known.intersection(values).cloned().collect();
                self.among = Some(self.among.take().map_or_else(|| values.clone(), both));
            }
            Asked::NotIn(values) => self.not_among.extend(values.iter().cloned()),
            Asked::Exists => self.is_there = true,
            Asked::Missing => self.is_missing = true,
        }
    }

    /// The tests that are left of it; `None` when nothing can pass them. `always`: the label is always there.
    fn tests(self, always: bool) -> Option<Vec<(Test, bool)>> {
        let Self { among, not_among, is_there, is_missing } = self;
        if is_missing {
            let passes = !always && !is_there && among.is_none();
            return passes.then(|| vec![(Test::Exists, true)]);
        }
        if let Some(mut values) = among {
            values.retain(|value| !not_among.contains(value));
            return (!values.is_empty()).then(|| vec![(Test::In(values), false)]);
        }
        let exists = (is_there && !always).then_some((Test::Exists, false));
        let not = (!not_among.is_empty()).then_some((Test::In(not_among), true));
        Some(exists.into_iter().chain(not).collect())
    }
}

/// The pods that satisfy all requirements; `None` when none can.
pub(super) fn pods(all: &[Requirement]) -> Option<Selector> {
    let mut known: BTreeMap<normal::Key, Known> = BTreeMap::new();
    for Requirement { key, asked, .. } in all {
        let key = match &key.about {
            About::NoPod => match asked {
                Asked::In(_) | Asked::Exists => return None,
                Asked::NotIn(_) | Asked::Missing => continue,
            },
            About::Cluster => match asked {
                Asked::In(values) if !values.contains(OWN_CLUSTER) => return None,
                Asked::NotIn(values) if values.contains(OWN_CLUSTER) => return None,
                Asked::Missing => return None,
                _ => continue,
            },
            About::Namespace => normal::Key::Namespace(NAMESPACE_NAME.into()),
            About::OfNamespace(key) => normal::Key::Namespace(key.clone()),
            About::Account => normal::Key::AccountName,
            About::OfPod(key) => normal::Key::Pod(key.clone()),
        };
        known.entry(key).or_default().note(asked);
    }
    let (mut of_pod, mut of_namespace, mut further) = (vec![], vec![], vec![]);
    for (key, known) in known {
        let always = match &key {
            normal::Key::Namespace(name) => &**name == NAMESPACE_NAME,
            normal::Key::AccountName => true,
            normal::Key::Pod(_) | normal::Key::Account(_) => false,
        };
        for (test, negated) in known.tests(always)? {
            match (&key, only(&test).filter(|_| !negated)) {
                (normal::Key::Pod(name), Some(value)) => of_pod.push((name.clone(), value)),
                (normal::Key::Namespace(name), Some(value)) => of_namespace.push((name.clone(), value)),
                _ => further.push(Condition { key: key.clone(), test, negated }),
            }
        }
    }
    further.sort();
    Some(Selector { namespaces: namespaces(Labels::new(of_namespace)), labels: Labels::new(of_pod), further })
}

/// The one value of an equality.
fn only(test: &Test) -> Option<Sym> {
    match test {
        Test::In(values) if values.len() == 1 => values.first().cloned(),
        _ => None,
    }
}

/// The label that names a namespace is its name.
fn namespaces(labels: Labels) -> Namespaces {
    match labels.get(NAMESPACE_NAME) {
        Some(name) if labels.len() == 1 => Namespaces::Named(name.clone()),
        _ => Namespaces::Labelled(labels),
    }
}

/// 6. What of all that is no pod satisfies all requirements.
fn others(with: &mut Reader<'_, '_>, all: &[Requirement]) -> Option<Others> {
    let mut named: Option<(&Sym, Span)> = None;
    let mut excluded: Option<Span> = None;
    for one in all {
        let reserved = one.key.source != Source::Kubernetes && RESERVED.iter().any(|(name, _)| **name == *one.key.name);
        match &one.asked {
            Asked::In(values) if !reserved || !values.contains("") => return Some(Others::None),
            Asked::Exists if !reserved => return Some(Others::None),
            Asked::In(_) | Asked::Exists => match named {
                Some((name, _)) if *name != one.key.name => excluded = Some(one.span),
                _ => named = Some((&one.key.name, one.span)),
            },
            Asked::NotIn(values) if !reserved || !values.contains("") => {}
            Asked::Missing if !reserved => {}
            Asked::NotIn(_) | Asked::Missing => excluded = Some(one.span),
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
