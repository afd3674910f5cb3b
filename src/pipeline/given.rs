//! Policies that somebody else wrote, or that a cluster holds: which dialect they are, and how its engines read them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::cluster::PolicyDoc;
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::reading::text::{Doc, Text};
use crate::dialects::{self, Assumed, Dialect};
use crate::source::Span;
use crate::verify::normal::Reading;

/// Policies of one dialect.
pub struct Given {
    /// The dialect.
    pub dialect: &'static dyn Dialect,
    /// As its engines read them; never empty.
    pub readings: Vec<Reading>,
}

/// Reads policies: as the dialect `only`, or as the one that knows all of their kinds. `namespaces`: those of the cluster, as
/// far as they are known.
///
/// # Errors
/// Every document that nobody reads, that its dialect refuses, or that has the name of an earlier one.
pub fn given(
    docs: Vec<PolicyDoc<'_>>,
    namespaces: &[Doc<'_>],
    only: Option<&'static dyn Dialect>,
    assumed: &Assumed,
) -> Result<Given, Vec<Diagnostic>> {
    let dialect = match only {
        Some(dialect) => dialect,
        None => dialect_of(&docs)?,
    };
    let refused: Vec<Diagnostic> = docs
        .iter()
        .filter(|doc| !knows(dialect, doc))
        .map(|doc| unknown(doc, only.is_some().then_some(dialect)))
        .collect();
    if !refused.is_empty() {
        return Err(refused);
    }
    let twice = twice(&docs);
    if !twice.is_empty() {
        return Err(twice);
    }
    let mut docs: Vec<Doc<'_>> = docs.into_iter().map(|doc| doc.doc).collect();
    if dialect.asks_for_namespaces() {
        docs.extend(namespaces.iter().cloned());
    }
    let readings = dialect.readings(&docs, assumed).map_err(|errors| {
        // Nobody rendered these.
        let code = |error: Diagnostic| match error.code == codes::RENDERED {
            true => Diagnostic { code: codes::MANIFEST, ..error },
            false => error,
        };
        errors.into_iter().map(code).collect::<Vec<_>>()
    })?;
    Ok(Given { dialect, readings })
}

/// What an object is called, as far as it says.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    metadata: Option<Name<'a>>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    namespace: Option<Text<'a>>,
}

/// Where an object is that names no namespace, as kubectl has it. What is in none is not mixed up by it: no other object of
/// its kind is in one.
const DEFAULT_NAMESPACE: &str = "default";

/// Errors at objects that an earlier one has the name of. A group serves one object in all its versions.
fn twice(docs: &[PolicyDoc<'_>]) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<(String, String, String, String), Span> = BTreeMap::new();
    let mut errors = vec![];
    for doc in docs {
        // What is wrong with a name, its reader tells.
        let Ok(Named { metadata: Some(Name { name: Some(name), namespace }) }) = doc.doc.skim() else { continue };
        let Ok(name) = doc.doc.string(&name) else { continue };
        let namespace = namespace.as_ref().and_then(|text| doc.doc.string(text).ok()).unwrap_or_default();
        let namespace = if namespace.is_empty() { DEFAULT_NAMESPACE } else { namespace };
        let group = doc.api_version.split('/').next().unwrap_or_default();
        let key = (group.to_owned(), doc.kind.clone(), namespace.to_owned(), name.to_owned());
        let Some(first) = seen.get(&key) else {
            seen.insert(key, doc.doc.top());
            continue;
        };
        let message = format!("{} {} is there twice", doc.kind, quote(name));
        let error = Diagnostic::error(codes::MANIFEST, doc.doc.top(), message).related(*first, "the first");
        errors.push(error.help("remove one of them: in a cluster the later would replace the earlier"));
    }
    errors
}

fn knows(dialect: &dyn Dialect, doc: &PolicyDoc<'_>) -> bool {
    dialect.kinds().known.contains(&(doc.api_version.as_str(), doc.kind.as_str()))
}

/// The first dialect that knows every kind: what Kubernetes itself knows, others know too.
fn dialect_of(docs: &[PolicyDoc<'_>]) -> Result<&'static dyn Dialect, Vec<Diagnostic>> {
    let all = |dialect: &&&'static dyn Dialect| docs.iter().all(|doc| knows(**dialect, doc));
    if let Some(dialect) = dialects::REGISTRY.iter().find(all) {
        return Ok(*dialect);
    }
    let nobodys = |doc: &&PolicyDoc<'_>| !dialects::REGISTRY.iter().any(|dialect| knows(*dialect, doc));
    let unknown: Vec<Diagnostic> = docs.iter().filter(nobodys).map(|doc| self::unknown(doc, None)).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    // Two engines' own kinds: the first document of each that only one dialect knows.
    let mut first: Vec<(&'static str, &PolicyDoc<'_>)> = vec![];
    for doc in docs {
        let by: Vec<_> = dialects::REGISTRY.iter().filter(|dialect| knows(**dialect, doc)).collect();
        if let [one] = by.as_slice()
            && !first.iter().any(|(name, _)| *name == one.name())
        {
            first.push((one.name(), doc));
        }
    }
    let names: Vec<&str> = first.iter().map(|(name, _)| *name).collect();
    let message = format!("policies of {} stand together, and no cluster enforces them all", names.join(" and "));
    let mut error = match first.first() {
        Some((_, doc)) => Diagnostic::error(codes::MANIFEST, doc.doc.top(), message),
        None => Diagnostic::placeless(codes::MANIFEST, message),
    };
    for (name, doc) in first.iter().skip(1) {
        error = error.related(doc.doc.top(), format!("this one is of {name}"));
    }
    Err(vec![error.help("give the folder or file of one of them alone")])
}

fn unknown(doc: &PolicyDoc<'_>, dialect: Option<&'static dyn Dialect>) -> Diagnostic {
    let (version, kind) = (&doc.api_version, &doc.kind);
    let who = dialect.map_or("netpolc", |dialect| dialect.name());
    let message = format!("{who} does not read {} of {}", quote(kind), quote(version));
    let known: BTreeSet<String> = match dialect {
        Some(dialect) => dialect.kinds().known.iter().map(|(version, kind)| format!("{kind} of {version}")).collect(),
        None => dialects::REGISTRY
            .iter()
            .flat_map(|dialect| dialect.kinds().known)
            .filter(|(_, known)| known.eq_ignore_ascii_case(kind))
            .map(|(version, kind)| format!("{kind} of {version}"))
            .collect(),
    };
    let error = Diagnostic::error(codes::MANIFEST, doc.doc.top(), message);
    // What Calico stores is not what people write: names and defaults differ.
    if version.starts_with("crd.projectcalico.org/") {
        return error.help(
            "export projectcalico.org/v3 instead, as `calicoctl get -o yaml` does; this is how Calico stores it",
        );
    }
    match known.is_empty() {
        true => error.help("remove it from what is read: its meaning cannot be told"),
        false => error.help(format!("known: {}", known.into_iter().collect::<Vec<_>>().join(", "))),
    }
}
