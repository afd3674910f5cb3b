//! Documents of one shape are read as each of them by itself.
//!
//! Every generated file is read in both ways, the second time with all shapes known. Then words of documents are exchanged, for
//! every word that stands in the sources of the readers too: there stand the words that mean more than a name.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use netpolc::dialects::reading::Shared;
use netpolc::dialects::{Dialect, REGISTRY};
use netpolc::source::{FileId, Sources, Span};
use netpolc::verify::normal::File;

use crate::mesh::generator::mesh;
use crate::plain::damage;
use crate::support::chance::Chance;
use crate::support::{Project, netpolc, repo, tree};

/// The generated files of a dialect: those of no namespace, and those of namespaces.
struct Generated {
    dialect: &'static dyn Dialect,
    shared: Vec<String>,
    files: Vec<String>,
}

impl Generated {
    /// The files of no namespace, read.
    fn beside(&self) -> Box<dyn Shared> {
        let mut sources = Sources::default();
        let ids: Vec<FileId> = (0..).zip(&self.shared).map(|(n, text)| add(&mut sources, n, text)).collect();
        self.dialect.shared(&sources, &ids).unwrap()
    }

    /// Documents, each once for every shape that names alone could tell apart.
    fn documents(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let docs = self.files.iter().flat_map(|text| text.split("---\n")).map(str::to_owned);
        docs.filter(|doc| seen.insert(doc.replace(|c: char| c.is_ascii_alphanumeric(), "").replace('-', ""))).collect()
    }
}

fn add(sources: &mut Sources, number: usize, text: &str) -> FileId {
    sources.add(format!("out/file-{number}.yaml"), text.to_owned())
}

fn generated() -> Vec<Generated> {
    let project = Project::new();
    for (name, text) in mesh(60, 240, 5) {
        project.write(&format!("intents/{name}"), text);
    }
    project.write("netpolc.toml", "[lints]\nNP310 = \"allow\"\n");
    let run = netpolc(project.dir(), &["build", "--today", "2026-01-01"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let of = |folder: &std::path::Path, dialect: &'static dyn Dialect| {
        let mut all = Generated { dialect, shared: vec![], files: vec![] };
        for (path, bytes) in tree(&folder.join(dialect.name())) {
            let text = String::from_utf8(bytes).unwrap();
            let is_of_namespace =
                path.components().count() == 2 && (path.starts_with("allow") || path.starts_with("baseline"));
            match is_of_namespace {
                _ if text.contains("kind: Kustomization") => {}
                true => all.files.push(text),
                false => all.shared.push(text),
            }
        }
        all
    };
    let folders = [project.dir().join("out"), repo().join("out")];
    folders.iter().flat_map(|folder| REGISTRY.iter().map(|dialect| of(folder, *dialect))).collect()
}

/// What is read, its places apart.
fn said(read: Option<Vec<File>>) -> String {
    let mut files = read.unwrap_or_default();
    let nowhere = Span::new(Sources::default().add("nowhere", String::new()), 0..0);
    for policy in files.iter_mut().flat_map(|file| &mut file.policies) {
        policy.span = nowhere;
        policy.rules.iter_mut().for_each(|rule| rule.span = nowhere);
    }
    format!("{files:#?}")
}

/// Both ways, of one file.
fn assert_alike(dialect: &dyn Dialect, beside: &dyn Shared, text: &str) {
    let mut sources = Sources::default();
    let file = add(&mut sources, 0, text);
    let (each, alike) = (said(beside.read(&sources, &[file])), said(beside.read_alike(&sources, &[file])));
    assert!(each == alike, "{}:\n{text}\n--- each by itself\n{each}\n--- alike\n{alike}", dialect.name());
}

#[test]
fn what_is_generated_is_read_as_each_document_by_itself() {
    for generated in generated() {
        let beside = generated.beside();
        for _ in 0..2 {
            assert!(!generated.files.is_empty());
            generated.files.iter().for_each(|text| assert_alike(generated.dialect, &*beside, text));
        }
    }
}

/// By hand many more: `NETPOLC_TEST_ALIKE=100000 cargo test --test it alike::`.
#[test]
fn what_was_damaged_is_read_as_each_document_by_itself() {
    let wanted = std::env::var("NETPOLC_TEST_ALIKE").ok().map_or(400, |count| count.parse().unwrap());
    let mut chance = Chance::new(17);
    for generated in generated() {
        let (beside, docs) = (generated.beside(), generated.documents());
        docs.iter().for_each(|doc| learn(&generated, &*beside, doc));
        for _ in 0..wanted {
            let mut text = docs[chance.below(docs.len())].clone();
            for _ in 0..=chance.below(2) {
                damage(&mut text, &mut chance);
            }
            assert_alike(generated.dialect, &*beside, &text);
        }
    }
}

/// A shape is known from its second document on.
fn learn(generated: &Generated, beside: &dyn Shared, doc: &str) {
    (0..3).for_each(|_| assert_alike(generated.dialect, beside, doc));
}

#[test]
fn a_word_of_the_readers_is_read_as_it_is() {
    let words = words_of_readers();
    assert!(words.len() > 300, "{}", words.len());
    let mut chance = Chance::new(23);
    for generated in generated().into_iter().take(REGISTRY.len()) {
        let beside = generated.beside();
        let mut docs = generated.documents();
        docs.extend(special(generated.dialect.name()));
        docs.iter().for_each(|doc| learn(&generated, &*beside, doc));
        for word in &words {
            // One word in the place of another: of one place, and wherever it stands.
            let doc = &docs[chance.below(docs.len())];
            let names = names(doc);
            let name = &names[chance.below(names.len())];
            assert_alike(generated.dialect, &*beside, &doc.replace(name.as_str(), word));
            assert_alike(generated.dialect, &*beside, &doc.replacen(&format!(" {name}\n"), &format!(" {word}\n"), 1));
        }
        for doc in special(generated.dialect.name()) {
            words.iter().for_each(|word| assert_alike(generated.dialect, &*beside, &doc.replace("free-word", word)));
        }
    }
}

/// Words that stand where names may.
fn names(doc: &str) -> Vec<String> {
    let words = doc.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    words.filter(|word| word.len() > 2).map(str::to_owned).collect()
}

/// Documents with labels that mean more than themselves, and `free-word` as their value.
fn special(dialect: &str) -> Vec<String> {
    let about = "metadata:\n  name: one\n";
    let kubernetes = |labels: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n{about}  namespace: shop\nspec:\n  podSelector:\n    \
             matchLabels:\n      {labels}\n  policyTypes:\n    - Ingress\n  ingress:\n    - from:\n        - podSelector:\n            \
             matchLabels:\n              {labels}\n"
        )
    };
    let cilium = |labels: &str| {
        format!(
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n{about}  namespace: shop\nspec:\n  endpointSelector:\n    \
             matchLabels:\n      \"k8s:app\": web\n  ingress:\n    - fromEndpoints:\n        - matchLabels:\n            {labels}\n"
        )
    };
    let calico = |selector: &str| {
        format!(
            "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\n{about}spec:\n  tier: default\n  namespaceSelector: \
             projectcalico.org/name == 'shop'\n  selector: {selector}\n  types:\n    - Egress\n  egress:\n    - action: Allow\n      \
             destination:\n        namespaceSelector: projectcalico.org/name == 'free-word'\n        selector: {selector}\n"
        )
    };
    match dialect {
        "kubernetes" => {
            ["app: free-word", "kubernetes.io/metadata.name: free-word", "app: free-word\n      tier: free-word"]
                .map(kubernetes)
                .into()
        }
        "cilium" => [
            "\"k8s:app\": free-word",
            "\"k8s:io.cilium.k8s.policy.cluster\": free-word",
            "\"k8s:io.kubernetes.pod.namespace\": free-word",
            "\"k8s:io.cilium.k8s.policy.serviceaccount\": free-word",
            "\"k8s:io.cilium.k8s.namespace.labels.team\": free-word",
            "\"reserved:host\": free-word",
            "\"any:app\": free-word\n            \"k8s:app\": web",
        ]
        .map(cilium)
        .into(),
        _ => [
            "app == 'free-word'",
            "projectcalico.org/orchestrator == 'free-word'",
            "projectcalico.org/orchestrator == 'free-word' && app == 'free-word'",
            "projectcalico.org/namespace == 'free-word'",
            "projectcalico.org/serviceaccount == 'free-word'",
            "app == 'free-word' && app == 'web'",
            "pcns.team == 'free-word' && has(app)",
        ]
        .map(calico)
        .into(),
    }
}

/// Every word of a literal in the sources of the readers, and some that YAML takes for something else.
fn words_of_readers() -> BTreeSet<String> {
    let dialects = repo().join("src/dialects");
    let mut words: BTreeSet<String> = ["true", "null", "y", "nan", "inf", "0x1f", "1e3", "12", "A", "a.b", "a_b", ""]
        .map(str::to_owned)
        .into_iter()
        .chain([63, 64, 253, 254].map(|length| "a".repeat(length)))
        .collect();
    for (_, bytes) in tree(&dialects).into_iter().filter(|(path, _)| path.to_str().unwrap().contains("read")) {
        let text = String::from_utf8(bytes).unwrap();
        for literal in text.split('"').skip(1).step_by(2) {
            let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
            words.extend(literal.split(|c: char| !is_of_word(c)).map(|word| word.to_ascii_lowercase()));
        }
    }
    words
}
