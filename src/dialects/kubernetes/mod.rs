//! Kubernetes NetworkPolicy, `networking.k8s.io/v1`.
//!
//! In: policies neutral of a dialect. Out: for each managed namespace a default deny and a file of allows, and the
//! kustomizations that make each folder a base of its own. Apart from that, and sharing no code with it, the reader.

mod limits;
mod reader;
#[cfg(test)]
mod tests;
mod view;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;

use self::limits::TooLarge;
use self::view::PolicyView;
use super::reading::Kinds;
use super::reading::text::Doc;
use super::writing::about::{self, Annotations};
use super::writing::layout::{ALLOW, BASELINE, DEFAULT_DENY, placed};
use super::writing::{Intents, pairs, size, turn};
use super::{Assumed, Dialect, Document, Review, Shared, Writer};
use crate::diag::{Diagnostic, codes, quote};
use crate::lower::{self, NamespacePolicies, Policy};
use crate::model::Model;
use crate::source::{FileId, Sources};
use crate::verify::normal::{self, Capabilities, Staging};

/// Name of the dialect.
const NAME: &str = "kubernetes";

/// Kubernetes NetworkPolicy, `networking.k8s.io/v1`.
#[derive(Debug)]
pub struct Kubernetes;

impl Dialect for Kubernetes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn templates(&self) -> &'static [(&'static str, &'static str)] {
        embedded!["kubernetes": "allow.yaml.j2", "baseline.yaml.j2", "kustomization.yaml.j2"]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            http: false,
            host_names: false,
            entities: false,
            local_redirect: false,
            guards: false,
            staged: Staging::None,
            log_denied: false,
        }
    }

    fn review(&self, _: &Model) -> Review {
        Review::default()
    }

    fn writer<'m>(&self, model: &'m Model, _: &'m lower::Shared) -> Box<dyn Writer + 'm> {
        Box::new(OfModel { model })
    }

    fn read(&self, sources: &Sources, files: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
        reader::read(sources, files)
    }

    fn shared(&self, sources: &Sources, files: &[FileId]) -> Option<Box<dyn Shared>> {
        Some(Box::new(reader::Lists::read(sources, files)?))
    }

    fn kinds(&self) -> Kinds {
        reader::KINDS
    }

    fn readings(&self, docs: &[Doc<'_>], assumed: &Assumed) -> Result<Vec<normal::Reading>, Vec<Diagnostic>> {
        reader::readings(docs, assumed)
    }
}

/// What writes a model.
struct OfModel<'m> {
    model: &'m Model,
}

impl Writer for OfModel<'_> {
    fn namespace(&self, policies: &NamespacePolicies, errors: &mut Vec<Diagnostic>) -> Vec<Document> {
        let allow = allow(self.model, policies, errors);
        let parts = [(BASELINE, Some(baseline(policies))), (ALLOW, allow)];
        let place = |(folder, document): (&str, Option<Document>)| Some(placed(folder, &policies.namespace, document?));
        parts.into_iter().filter_map(place).collect()
    }

    fn cluster(&self, _: &mut Vec<Diagnostic>) -> Vec<Document> {
        vec![]
    }
}

#[derive(Serialize)]
struct Baseline<'a> {
    name: &'static str,
    namespace: &'a str,
    annotations: Annotations<'a>,
}

fn baseline(namespace: &NamespacePolicies) -> Document {
    let about = &namespace.about;
    let annotations = about::owners(about, turn::DENY);
    let weight = 400 + annotations.iter().map(|(key, text)| key.len() + text.len()).sum::<usize>();
    let view = Baseline { name: DEFAULT_DENY, namespace: &namespace.namespace, annotations };
    Document::new("", "baseline.yaml.j2", view, weight, about.sources.iter().cloned())
}

#[derive(Serialize)]
struct Allow<'a> {
    namespace: &'a str,
    policies: Vec<PolicyView<'a>>,
}

fn allow(model: &Model, namespace: &NamespacePolicies, errors: &mut Vec<Diagnostic>) -> Option<Document> {
    let mut names: Option<BTreeSet<String>> = None;
    let mut sources = Intents::default();
    let mut policies = Vec::with_capacity(namespace.allows.len());
    let mut weight = 0;
    for policy in &namespace.allows {
        let Some(view) = policy_view(model, &namespace.namespace, policy) else { continue };
        sources.extend(&policy.about.sources);
        let whole = limits::weight(&view);
        if whole <= size::MAX_OBJECT {
            weight += whole;
            policies.push(view);
            continue;
        }
        let all_names = || namespace.allows.iter().map(|policy| policy.name.clone()).collect();
        match limits::split(view, names.get_or_insert_with(all_names)) {
            Ok(objects) => {
                weight += objects.iter().map(limits::weight).sum::<usize>();
                policies.extend(objects);
            }
            Err(why) => errors.push(too_large(policy, why)),
        }
    }
    if policies.is_empty() {
        return None;
    }
    let view = Allow { namespace: &namespace.namespace, policies };
    Some(Document::new("", "allow.yaml.j2", view, weight, sources.paths()))
}

/// `None` when no rule is left that Kubernetes could say: a policy without rules would be a deny.
fn policy_view<'a>(model: &'a Model, namespace: &'a str, policy: &'a Policy) -> Option<PolicyView<'a>> {
    let rules: Vec<_> = policy.rules.iter().enumerate().filter_map(|(n, rule)| view::rule(model, n, rule)).collect();
    if rules.is_empty() {
        return None;
    }
    let (r#type, side, end) = view::words(policy.direction);
    Some(PolicyView {
        name: Cow::Borrowed(&policy.name),
        namespace,
        annotations: about::annotations(&policy.about, turn::ALLOW),
        labels: pairs(&policy.subject),
        r#type,
        side,
        end,
        rules,
    })
}

fn too_large(policy: &Policy, why: TooLarge) -> Diagnostic {
    let name = quote(&policy.name);
    let (rule, message, help) = match why {
        TooLarge::Subject => (0, format!("the labels of {name} do not fit into one object"), "select by fewer labels"),
        TooLarge::Peer(rule) => (
            rule,
            format!("one peer of {name} does not fit into one object"),
            "use fewer exceptions or labels, or several ranges with few exceptions each",
        ),
    };
    let limit = format!("kubectl takes objects of up to 256 KiB, netpolc writes up to {} KiB", size::MAX_OBJECT >> 10);
    let diagnostic = match policy.rules.get(rule) {
        Some(rule) => Diagnostic::error(codes::RENDERED, rule.span, message),
        None => Diagnostic::placeless(codes::RENDERED, message),
    };
    diagnostic.note(limit).help(help)
}
