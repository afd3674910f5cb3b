//! What the readers of all dialects share: texts to documents, documents to objects, and what every target demands of
//! names, labels, ranges and lists.
//!
//! In: the text of one rendered file. Out: what a dialect makes of each object, or every error of every document. Nothing
//! is skipped: another kind, an unknown field or a value that the API server would not take is an error. Where YAML
//! readers are known to differ (kubectl's follows YAML 1.1) the text is refused rather than read one way. No writer uses
//! any of this, and nothing here uses a writer.

pub mod alike;
pub mod conjunction;
pub mod cube;
pub mod identities;
pub mod list;
pub mod networkpolicy;
pub mod object;
pub mod plain;
pub mod selector;
pub mod text;
pub mod validity;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Deserialize;
use serde_saphyr::{MergeKeyPolicy, UserMessageFormatter};

use crate::diag::{Diagnostic, codes, quote};
use crate::model::Sym;
use crate::source::{FileId, Sources, Span};
use crate::verify::normal;

use alike::{Alike, Shapes};
use object::{Head, Kustomization, Metadata, Pairs};
use text::{Doc, Text};

/// The name by which kustomize, and everything that uses it, finds a base; its other two names are not written here.
const BASE: &str = "kustomization.yaml";
/// Version and kind of such a file.
const KUSTOMIZATION: (&str, &str) = ("kustomize.config.k8s.io/v1beta1", "Kustomization");

/// The kinds of objects of a dialect.
#[derive(Debug, Clone, Copy)]
pub struct Kinds {
    /// `apiVersion` and `kind`.
    pub known: &'static [(&'static str, &'static str)],
    /// What a file of the dialect holds, for whoever wrote something else.
    pub help: &'static str,
}

/// How settings of a target's agents that decide what policies mean are taken to be, by name. Where one is not listed, each
/// of its settings gives a reading.
pub type Assumed = BTreeMap<&'static str, bool>;

/// What the files of no namespace say, and how those of namespaces are read beside it. All of it together is what
/// [`Dialect::read`](super::Dialect::read) would have given; wherever that is not certain the answer is `None`.
pub trait Shared: Sync {
    /// What the shared files themselves say, in the order in which they were given.
    fn files(&self) -> &[normal::File];

    /// Reads the files of one namespace.
    fn read(&self, sources: &Sources, files: &[FileId]) -> Option<Vec<normal::File>>;

    /// The same, as documents of one shape are read ([`alike`]): all of an object stands where it starts.
    fn read_alike(&self, sources: &Sources, files: &[FileId]) -> Option<Vec<normal::File>>;

    /// Whether all files together are as good as each, once all were read: nothing shared is left unused, for one.
    fn is_whole(&self) -> bool;
}

/// For what manifests are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// They were rendered, and are about to be written. What a reviewer could misread, and what would keep a tool from
    /// applying them as they are, is refused beside what the API server refuses.
    Rendered,
    /// Somebody wrote them, or a cluster holds them: whatever the API server and the target accept.
    Given,
}

/// A file, read: the objects as the dialect understood them, or the list of files that it is.
#[derive(Debug)]
pub struct Read<T> {
    /// In the order of the text.
    pub objects: Vec<T>,
    /// The list.
    pub base: Option<normal::Base>,
}

/// Reads a file: its objects in the order of the text, each by `object`, which is told the kind; or the one kustomization
/// that it is. With `shapes` documents of one shape are read alike, and all of an object stands where it starts.
///
/// # Errors
/// All of them, of all documents.
pub fn file<T: Alike + Send + Sync>(
    sources: &Sources,
    file: FileId,
    kinds: Kinds,
    object: impl Fn(&mut Reader<'_, '_>, &str) -> Option<T> + Sync,
    shapes: Option<&Shapes<T>>,
) -> Result<Read<T>, Vec<Diagnostic>> {
    let docs = text::split(sources, file)?;
    let general = |doc: &Doc<'_>| document(doc, kinds, Purpose::Rendered, &object);
    let read = |doc: &Doc<'_>| match shapes {
        Some(shapes) => shapes.read(doc, general),
        None => general(doc),
    };
    let read: Vec<_> = docs.par_iter().with_min_len(FEW).map(read).collect();
    let (mut whole, mut errors) = (Read { objects: vec![], base: None }, vec![]);
    let is_base = sources.path(file).file_name() == Some(BASE);
    for (position, (result, doc)) in read.into_iter().zip(&docs).enumerate() {
        match result {
            Ok(part) if matches!(part, Part::Base(_)) != is_base || (is_base && position > 0) => {
                let message = "a kustomization stands alone, in a file of its name";
                let error = Diagnostic::error(codes::RENDERED, doc.top(), message);
                errors.push(
                    error.help(format!("kustomize reads one from `{BASE}` and takes it for no resource elsewhere")),
                );
            }
            Ok(Part::Object(object)) => whole.objects.push(object),
            Ok(Part::Base(base)) => whole.base = Some(base),
            Err(mut of_document) => errors.append(&mut of_document),
        }
    }
    if errors.is_empty() { Ok(whole) } else { Err(errors) }
}

/// Reads the documents of any origin: each must be an object of the kinds.
///
/// # Errors
/// All of them, of all documents.
pub fn given<T: Send>(
    docs: &[Doc<'_>],
    kinds: Kinds,
    object: impl Fn(&mut Reader<'_, '_>, &str) -> Option<T> + Sync,
) -> Result<Vec<T>, Vec<Diagnostic>> {
    let read = |doc: &Doc<'_>| {
        let odd = doc.odd_lines();
        if odd.is_empty() { document(doc, kinds, Purpose::Given, &object) } else { Err(odd) }
    };
    let read: Vec<_> = docs.par_iter().map(read).collect();
    let (mut objects, mut errors) = (vec![], vec![]);
    for (result, doc) in read.into_iter().zip(docs) {
        match result {
            Ok(Part::Object(object)) => objects.push(object),
            Ok(Part::Base(_)) => {
                let error = Diagnostic::error(codes::RENDERED, doc.top(), "a kustomization is no policy");
                errors.push(error.help("build it first: `kustomize build` prints what it stands for"));
            }
            Err(mut more) => errors.append(&mut more),
        }
    }
    if errors.is_empty() { Ok(objects) } else { Err(errors) }
}

/// All files, or the errors of all of them.
pub fn all<T>(read: Vec<Result<Read<T>, Vec<Diagnostic>>>) -> Result<Vec<Read<T>>, Vec<Diagnostic>> {
    let (mut files, mut errors) = (vec![], vec![]);
    for result in read {
        match result {
            Ok(file) => files.push(file),
            Err(more) => errors.extend(more),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

enum Part<T> {
    Object(T),
    Base(normal::Base),
}

fn document<T>(
    doc: &Doc<'_>,
    kinds: Kinds,
    purpose: Purpose,
    object: &impl Fn(&mut Reader<'_, '_>, &str) -> Option<T>,
) -> Result<Part<T>, Vec<Diagnostic>> {
    let mut reader = Reader::new(doc, kinds, purpose);
    let part = match reader.kind() {
        Some(kind) if kind == KUSTOMIZATION.1 => reader.kustomization().map(Part::Base),
        Some(kind) => object(&mut reader, kind).map(Part::Object),
        None => None,
    };
    match part {
        Some(part) if reader.errors.is_empty() => Ok(part),
        _ => Err(reader.errors),
    }
}

/// Documents that are not worth a thread of their own, and labels that are not worth a set: they are compared one by one.
const FEW: usize = 16;

/// Labels of an object, and conditions of a selector: what they amount to takes all of them together.
pub const MAX_CONDITIONS: usize = 1_000;

/// How deep policies and kustomizations may nest. Objects of no policy may nest deeper, as the schema in a
/// CustomResourceDefinition does.
pub const MAX_DEPTH: usize = 32;

/// Strings must be written so that no reader takes them for something else; numbers as YAML 1.1 has them. Aliases, merge
/// keys and foreign tags are no part of a manifest that people can review.
fn options(max_depth: usize) -> serde_saphyr::Options {
    serde_saphyr::options! {
        no_schema: true,
        strict_booleans: false,
        legacy_octal_numbers: true,
        reject_unsupported_tags: true,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
        // Other readers take a word that is too large a number for a string.
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
        budget: serde_saphyr::budget! {
            // A hub's object may hold many peers; files are bounded before they are read.
            max_nodes: 4_000_000,
            max_events: 16_000_000,
            max_documents: 1,
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
            max_depth: max_depth,
        },
    }
}

/// One document while it is read. Errors are collected; a function that gives `None` has told one.
pub struct Reader<'d, 's> {
    /// The document.
    pub doc: &'d Doc<'s>,
    /// For what it is read.
    pub purpose: Purpose,
    kinds: Kinds,
    errors: Vec<Diagnostic>,
}

impl<'d, 's> Reader<'d, 's> {
    /// A reader that has read nothing yet.
    pub fn new(doc: &'d Doc<'s>, kinds: Kinds, purpose: Purpose) -> Self {
        Self { doc, purpose, kinds, errors: vec![] }
    }

    /// What was wrong.
    pub fn into_errors(self) -> Vec<Diagnostic> {
        self.errors
    }

    /// Notes a diagnostic made elsewhere, if not too many were noted: one object may be millions of mistakes.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.errors.len() < text::MAX_ERRORS {
            self.errors.push(diagnostic);
        }
    }

    /// Notes an error.
    pub fn error<T>(&mut self, span: Span, message: impl Into<String>, help: &str) -> Option<T> {
        self.push(Diagnostic::error(codes::RENDERED, span, message).help(help));
        None
    }

    /// A string that every reader of YAML takes for one; kubectl's alone, if nothing else is at stake.
    pub fn string<'t>(&mut self, text: &'t Text<'_>) -> Option<&'t str> {
        let string = match self.purpose {
            Purpose::Rendered => self.doc.string(text),
            Purpose::Given => self.doc.string_for_kubectl(text),
        };
        match string {
            Ok(text) => Some(text),
            Err(diagnostic) => {
                self.push(*diagnostic);
                None
            }
        }
    }

    /// A scalar of any style, if it is a string for kubectl.
    pub fn scalar<'t>(&mut self, text: &'t Text<'_>) -> Option<&'t str> {
        match self.doc.scalar(text) {
            Ok(text) => Some(text),
            Err(diagnostic) => {
                self.push(*diagnostic);
                None
            }
        }
    }

    /// The document as an object of some shape.
    pub fn parse<T: Deserialize<'d>>(&mut self) -> Option<T> {
        match self.doc.parse() {
            Ok(object) => Some(object),
            Err(error) => {
                self.unreadable(&error);
                None
            }
        }
    }

    /// The kind of the object, if it has a place here. The word alone, mostly seen without parsing; the object itself is
    /// checked with [`Self::is`].
    fn kind(&mut self) -> Option<&'static str> {
        let line = self.doc.text.lines().find_map(|line| line.strip_prefix("kind: "));
        let plain = |kind: &&'static str| line.is_some_and(|line| line.trim_end() == *kind);
        let known = self.kinds.known;
        if let Some(kind) = known.iter().map(|(_, kind)| *kind).chain([KUSTOMIZATION.1]).find(plain) {
            return Some(kind);
        }
        let head: Head<'_> = self.parse()?;
        self.is(&head.api_version, &head.kind)
    }

    /// The kind of an object; an error where it is none of the dialect's.
    pub fn is(&mut self, version: &Text<'_>, kind: &Text<'_>) -> Option<&'static str> {
        let (v, k) = (self.string(version)?, self.string(kind)?);
        let known = self.kinds.known.iter().chain([&KUSTOMIZATION]);
        if let Some((_, kind)) = known.into_iter().find(|known| **known == (v, k)) {
            return Some(kind);
        }
        let message = format!("{} of {} has no place here", quote(k), quote(v));
        let help = self.kinds.help;
        self.error(self.doc.place(kind), message, help)
    }

    /// What to say of a document that is not even an object we know. Another kind of object mostly fails at a field of its
    /// own first; its kind is then the better answer.
    fn unreadable(&mut self, error: &serde_saphyr::Error) {
        let doc = self.doc;
        let head: Option<Head<'_>> = doc.parse().ok();
        if let Some(head) = head
            && self.is(&head.api_version, &head.kind).is_none()
        {
            return;
        }
        let help = format!("{}, and only fields that they have", self.kinds.help);
        self.push(unreadable(doc, error, &help));
    }

    fn kustomization(&mut self) -> Option<normal::Base> {
        let object: Kustomization<'_> = self.parse()?;
        self.is(&object.api_version, &object.kind)?;
        let top = self.doc.top();
        let mut resources = vec![];
        for resource in object.resources.as_deref().unwrap_or_default() {
            let span = self.doc.place(resource);
            resources.extend(self.string(resource).map(|name| (name.to_owned(), span)));
        }
        Some(normal::Base { resources, span: top })
    }

    /// The name of an object and its labels; neither they nor its annotations keep a tool from applying it as it is.
    pub fn metadata<'t>(&mut self, metadata: &'t Metadata<'_>) -> Option<(&'t str, Vec<(&'t str, &'t str)>)> {
        let labels = metadata.labels.as_ref().map_or(Some(vec![]), |pairs| self.labels(pairs));
        let rendered = self.purpose == Purpose::Rendered;
        if let Some(field) = metadata.of_server().filter(|_| rendered) {
            let top = self.doc.top();
            self.error::<()>(top, format!("`{field}` is the API server's to write"), "remove the field");
        }
        for (key, value) in metadata.annotations.iter().flat_map(|pairs| &pairs.0) {
            if let Some(word) = self.string(key)
                && !validity::is_annotation_key(word)
            {
                let message = format!("{} is no key of an annotation", quote(word));
                self.error::<()>(self.doc.place(key), message, "write `prefix/name` or `name`");
            }
            self.string(value);
        }
        // Flux takes labels for the same switches (fluxcd/pkg `ssa/utils`, `AnyInMetadata`).
        for (pairs, what) in [(&metadata.labels, "a label"), (&metadata.annotations, "an annotation")] {
            for (key, _) in pairs.iter().flat_map(|pairs| &pairs.0) {
                if let Some(tool) = self.doc.string(key).ok().and_then(steers).filter(|_| rendered) {
                    self.error::<()>(
                        self.doc.place(key),
                        format!("{what} tells {tool} not to apply this policy as it is"),
                        "remove it: what is proved is what is applied",
                    );
                }
            }
        }
        let mut name = self.string(&metadata.name);
        if name.is_some_and(|name| !validity::is_dns_subdomain(name)) {
            let help = "write at most 253 lower-case letters, digits, hyphens and dots, letters or digits at the ends";
            name = self.error(self.doc.place(&metadata.name), "this is no name of an object", help);
        }
        Some((name?, labels?))
    }

    /// The namespace of an object, which it must name itself.
    pub fn namespace(&mut self, metadata: &Metadata<'_>) -> Option<Sym> {
        let given = self.purpose == Purpose::Given;
        if given && metadata.namespace.as_ref().is_none_or(Text::is_empty) {
            // What kubectl does without being told another one.
            return Some("default".into());
        }
        let Some(namespace) = &metadata.namespace else {
            let top = self.doc.top();
            return self.error(
                top,
                "`namespace` is missing",
                "every policy names its namespace, so that no default decides",
            );
        };
        let place = self.doc.place(namespace);
        let mut namespace = self.string(namespace);
        if namespace.is_some_and(|namespace| !validity::is_dns_label(namespace)) {
            let help = "write at most 63 lower-case letters, digits and hyphens";
            namespace = self.error(place, "this is no name of a namespace", help);
        }
        namespace.map(Sym::from)
    }

    /// An object in no namespace names none. Of what somebody gives it the API server clears one, as kustomize's `namespace:`
    /// writes it (kubernetes/apiserver, pkg/registry/rest/meta.go: `EnsureObjectNamespaceMatchesRequestNamespace`).
    pub fn no_namespace(&mut self, metadata: &Metadata<'_>) -> Option<()> {
        match &metadata.namespace {
            None => Some(()),
            Some(_) if self.purpose == Purpose::Given => Some(()),
            Some(namespace) => {
                let span = self.doc.place(namespace);
                self.error(span, "an object of this kind is in no namespace", "remove `namespace`")
            }
        }
    }

    /// Whether there are not more labels, or conditions of one selector, than are read; reports it.
    pub fn few_enough(&mut self, conditions: usize) -> bool {
        if conditions > MAX_CONDITIONS {
            let message = format!("{conditions} labels or conditions stand together");
            let error = Diagnostic::error(codes::LIMIT, self.doc.top(), message);
            self.push(error.help(format!("at most {MAX_CONDITIONS} are read: select by fewer")));
        }
        conditions <= MAX_CONDITIONS
    }

    /// Labels, each key once.
    pub fn labels<'t>(&mut self, pairs: &'t Pairs<'_>) -> Option<Vec<(&'t str, &'t str)>> {
        if !self.few_enough(pairs.0.len()) {
            return None;
        }
        let mut out: Vec<(&str, &str)> = Vec::with_capacity(pairs.0.len());
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for (key, value) in &pairs.0 {
            let name = self.string(key)?;
            let value = self.label(key, name, value)?;
            let is_new = match out.len() < FEW {
                true => out.iter().all(|(known, _)| *known != name),
                false => {
                    if seen.is_empty() {
                        seen.extend(out.iter().map(|(known, _)| *known));
                    }
                    seen.insert(name)
                }
            };
            if !is_new {
                let message = format!("the label {} is written twice", quote(name));
                return self.error(self.doc.place(key), message, "remove one");
            }
            out.push((name, value));
        }
        Some(out)
    }

    /// The value of one label: `key` as it is meant, which may be less than what is written at `place`.
    pub fn label<'t>(&mut self, place: &Text<'_>, key: &str, value: &'t Text<'_>) -> Option<&'t str> {
        let word = self.string(value)?;
        if !validity::is_label_key(key) {
            let message = format!("{} is no key of a label", quote(key));
            return self.error(self.doc.place(place), message, "write `prefix/name` or `name`");
        }
        if !validity::is_label_value(word) {
            let message = format!("{} is no value of a label", quote(word));
            let help = "write at most 63 of `A-Za-z0-9._-`, with a letter or digit at the ends";
            return self.error(self.doc.place(value), message, help);
        }
        Some(word)
    }

    /// An address range in its one canonical form.
    pub fn cidr(&mut self, text: &Text<'_>) -> Option<ipnet::IpNet> {
        let word = self.string(text)?;
        match validity::cidr(word) {
            Some(cidr) => Some(cidr),
            None => {
                let message = format!("{} is no canonical address range", quote(word));
                self.error(self.doc.place(text), message, "write prefix and mask, without host bits, in shortest form")
            }
        }
    }

    /// A port by its number.
    pub fn number(&mut self, span: Span, number: i128) -> Option<u16> {
        match validity::port(number) {
            Some(port) => Some(port),
            None => self.error(span, format!("{number} is no port"), "write a number from 1 to 65535"),
        }
    }
}

/// What to say of a document that the parser does not read.
pub fn unreadable(doc: &Doc<'_>, error: &serde_saphyr::Error, help: &str) -> Diagnostic {
    let span = error.location().map_or(doc.top(), |location| doc.line(location.line()));
    let told = |message: String, help: &str| Diagnostic::error(codes::RENDERED, span, message).help(help);
    if let serde_saphyr::Error::QuotingRequired { value, .. } = error.without_snippet() {
        return text::ambiguous(span, value);
    }
    if matches!(error.without_snippet(), serde_saphyr::Error::Budget { .. }) && doc.text.contains(['&', '*']) {
        let message = "anchors and aliases have no place in a manifest";
        return told(message.to_owned(), "write the value out where it is used");
    }
    // The place is shown by the diagnostic itself.
    let text = error.without_snippet().render_with_formatter(&UserMessageFormatter);
    let text = text.split(" at line ").next().unwrap_or_default().trim_end_matches('.');
    let mut text: Vec<char> = text.chars().filter(|c| !c.is_control()).collect();
    if let [first, second, ..] = text.as_mut_slice()
        && !second.is_uppercase()
    {
        first.make_ascii_lowercase();
    }
    let text: String = text.into_iter().collect();
    told(format!("not a readable manifest: {}", shorten(&text)), help)
}

/// A parser's message may repeat parts of the text: it is cut as all foreign words are.
fn shorten(text: &str) -> String {
    match text.chars().any(crate::diag::is_deceptive) || text.chars().count() > 200 {
        true => quote(text),
        false => text.to_owned(),
    }
}

/// Labels that are kept for longer than their text.
pub fn owned(labels: Vec<(&str, &str)>) -> Vec<(String, String)> {
    labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The tool that an annotation or a label keeps from applying an object as it is written (kustomize's local configuration, Argo CD's
/// hooks and Flux' reconciliation switches).
fn steers(key: &str) -> Option<&'static str> {
    const TOOLS: [(&str, &str); 7] = [
        ("config.kubernetes.io", "kustomize"),
        ("internal.config.kubernetes.io", "kustomize"),
        ("config.k8s.io", "kustomize"),
        ("argocd.argoproj.io", "Argo CD"),
        // Argo CD takes Helm's hooks for its own.
        ("helm.sh", "Helm or Argo CD"),
        ("kustomize.toolkit.fluxcd.io", "Flux"),
        ("client.lifecycle.config.k8s.io", "kpt"),
    ];
    let (prefix, name) = validity::prefixed(key)?;
    let (_, tool) = TOOLS.iter().find(|(known, _)| known.eq_ignore_ascii_case(prefix))?;
    let name = name.to_ascii_lowercase();
    let is_switch = match *tool {
        "Argo CD" => name.starts_with("hook") || name == "skip-reconcile",
        "Helm or Argo CD" => name.starts_with("hook"),
        // `prune` keeps it from being deleted, once it is no longer rendered.
        "Flux" => name != "prune",
        _ => true,
    };
    is_switch.then_some(*tool)
}
