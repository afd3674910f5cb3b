//! Kubernetes NetworkPolicy, `networking.k8s.io/v1`.
//!
//! In: policies neutral of a dialect. Out: for each managed namespace a default deny and a file of allows, and the
//! kustomizations that make each folder a base of its own. Apart from that, and sharing no code with it, the reader.

mod limits;
mod reader;
mod review;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use rayon::prelude::*;
use serde::Serialize;

use self::limits::TooLarge;
use self::view::PolicyView;
use super::{Dialect, Document, Review};
use crate::diag::{Diagnostic, codes, quote};
use crate::lower::{NamespacePolicies, Policies, Policy};
use crate::model::Model;
use crate::source::{FileId, Sources};
use crate::verify::normal;

/// Name of the dialect.
const NAME: &str = "kubernetes";
/// Name of each namespace's default deny; no generated name starts like it.
const DEFAULT_DENY: &str = "netpolc--default-deny";
/// Folder of the default denies.
const BASELINE: &str = "baseline";
/// Folder of what is allowed.
const ALLOW: &str = "allow";

/// Kubernetes NetworkPolicy, `networking.k8s.io/v1`.
#[derive(Debug)]
pub struct Kubernetes;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/kubernetes/", $name)))),*]
    };
}

impl Dialect for Kubernetes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn templates(&self) -> &'static [(&'static str, &'static str)] {
        embedded!["allow.yaml.j2", "baseline.yaml.j2", "kustomization.yaml.j2"]
    }

    fn review(&self, model: &Model) -> Review {
        review::review(model)
    }

    fn documents(&self, model: &Model, policies: &Policies) -> Result<Vec<Document>, Vec<Diagnostic>> {
        documents(model, policies)
    }

    fn read(&self, sources: &Sources, file: FileId) -> Result<normal::File, Vec<Diagnostic>> {
        reader::read(sources, file)
    }
}

fn documents(model: &Model, policies: &Policies) -> Result<Vec<Document>, Vec<Diagnostic>> {
    let mut out = BTreeMap::new();
    let mut errors = vec![];
    let mut listed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let made: Vec<_> = policies
        .namespaces
        .par_iter()
        .map(|(_, namespace)| {
            let mut errors = vec![];
            (namespace, baseline(namespace), allow(model, namespace, &mut errors), errors)
        })
        .collect();
    for (namespace, baseline, allow, of_namespace) in made {
        let file = file_name(&namespace.namespace);
        errors.extend(of_namespace);
        out.insert(Utf8PathBuf::from(format!("{BASELINE}/{file}")), baseline);
        listed.entry(BASELINE).or_default().insert(file.clone());
        if let Some(document) = allow {
            out.insert(Utf8PathBuf::from(format!("{ALLOW}/{file}")), document);
            listed.entry(ALLOW).or_default().insert(file);
        }
    }
    let root: BTreeSet<String> = listed.keys().map(|folder| (*folder).to_owned()).collect();
    for (folder, files) in &listed {
        out.insert(Utf8PathBuf::from(format!("{folder}/kustomization.yaml")), kustomization(files));
    }
    if !root.is_empty() {
        out.insert(Utf8PathBuf::from("kustomization.yaml"), kustomization(&root));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(out.into_iter().map(|(path, document)| Document { path, ..document }).collect())
}

/// A namespace's file. `_` stands in no namespace's name, so nothing else can have this name.
fn file_name(namespace: &str) -> String {
    match namespace {
        "kustomization" => "_kustomization.yaml".to_owned(),
        _ => format!("{namespace}.yaml"),
    }
}

#[derive(Serialize)]
struct Baseline<'a> {
    name: &'static str,
    namespace: &'a str,
    annotations: Vec<(&'static str, String)>,
}

fn baseline(namespace: &NamespacePolicies) -> Document {
    let about = &namespace.about;
    let annotations = view::owners(about);
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
    let mut names: BTreeSet<String> = namespace.allows.iter().map(|policy| policy.name.clone()).collect();
    let mut sources = BTreeSet::new();
    let mut policies = vec![];
    for policy in &namespace.allows {
        let Some(view) = policy_view(model, &namespace.namespace, policy) else { continue };
        sources.extend(policy.about.sources.iter().cloned());
        match limits::split(view, &mut names) {
            Ok(objects) => policies.extend(objects),
            Err(why) => errors.push(too_large(policy, why)),
        }
    }
    if policies.is_empty() {
        return None;
    }
    let weight = policies.iter().map(limits::weight).sum();
    let view = Allow { namespace: &namespace.namespace, policies };
    Some(Document::new("", "allow.yaml.j2", view, weight, sources))
}

/// `None` when no rule is left that Kubernetes could say: a policy without rules would be a deny.
fn policy_view<'a>(model: &'a Model, namespace: &'a str, policy: &'a Policy) -> Option<PolicyView<'a>> {
    let rules: Vec<_> = policy.rules.iter().enumerate().filter_map(|(n, rule)| view::rule(model, n, rule)).collect();
    if rules.is_empty() {
        return None;
    }
    let (r#type, side, end) = view::words(policy.direction);
    Some(PolicyView {
        name: policy.name.clone(),
        namespace,
        annotations: view::annotations(&policy.about),
        labels: view::pairs(&policy.subject),
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
    let limit =
        format!("kubectl takes objects of up to 256 KiB, netpolc writes up to {} KiB", limits::MAX_OBJECT >> 10);
    let diagnostic = match policy.rules.get(rule) {
        Some(rule) => Diagnostic::error(codes::RENDERED, rule.span, message),
        None => Diagnostic::placeless(codes::RENDERED, message),
    };
    diagnostic.note(limit).help(help)
}

#[derive(Serialize)]
struct Kustomization<'a> {
    resources: &'a BTreeSet<String>,
}

/// Its header names no intent: it would change with every new one.
fn kustomization(resources: &BTreeSet<String>) -> Document {
    let weight = 200 + resources.iter().map(|name| name.len() + 10).sum::<usize>();
    Document::new("", "kustomization.yaml.j2", Kustomization { resources }, weight, [])
}
