//! What is written, to the letter, and that the proof holds for it.

mod limits;
mod names;
mod requests;
mod review;
mod rollout;
mod traps;

use std::collections::BTreeMap;

use super::*;
use crate::checks::testing::Draft;
use crate::lower::lower;
use crate::model::{DnsPeer, HttpRule, Labels, NamespaceSet, PodSet, Sym};
use crate::render::Renderer;
use crate::source::Spanned;
use crate::verify::{self, Permitted};

/// Rendered files by their path.
fn render(model: &Model) -> BTreeMap<String, String> {
    let mut sources = Sources::default();
    let renderer = Renderer::new(&Cilium, &[], &mut sources).unwrap();
    let documents = Cilium.documents(model, &lower(model)).unwrap();
    let rendered = renderer.render(&sources, &documents).unwrap();
    rendered.into_iter().map(|file| (file.path.to_string(), file.text)).collect()
}

/// What the rendered files say, read back.
fn read_back(files: &BTreeMap<String, String>) -> Vec<normal::Policy> {
    let mut sources = Sources::default();
    let ids: Vec<FileId> =
        files.iter().map(|(path, text)| sources.add(format!("out/cilium/{path}"), text.clone())).collect();
    let read = Cilium.read(&sources, &ids).unwrap_or_else(|errors| panic!("{errors:#?}"));
    read.into_iter().flat_map(|file| file.policies).collect()
}

/// Renders, reads back and proves.
fn proved(model: &Model) -> BTreeMap<String, String> {
    assert!(Cilium.review(model).errors.is_empty(), "{:?}", Cilium.review(model).errors);
    let files = render(model);
    let staged = model.profile.staged;
    let http_as_l4 = model.edges().filter(|(_, edge)| staged && !edge.http.is_empty()).map(|(id, _)| id);
    let permitted = Permitted { http_as_l4: http_as_l4.collect(), guards_omitted: staged, ..Permitted::default() };
    let policies = read_back(&files);
    verify::prove(model, Cilium.capabilities(), &permitted, &policies).unwrap_or_else(|found| panic!("{found:#?}"));
    files
}

/// The text of one object from `spec:` on.
fn spec<'f>(files: &'f BTreeMap<String, String>, file: &str, name: &str) -> &'f str {
    let header = format!("\n  name: {name}\n");
    let document = files[file].split("\n---\n").find(|document| document.contains(&header));
    let document = document.unwrap_or_else(|| panic!("{name} in {}", files[file]));
    &document[document.find("\nspec:\n").unwrap() + 7..]
}

/// The rules of one object, without whom they are for.
fn rules<'f>(files: &'f BTreeMap<String, String>, file: &str, name: &str) -> &'f str {
    let spec = spec(files, file, name);
    let start = ["\n  ingress:\n", "\n  egress:\n"].iter().find_map(|word| spec.find(word)).unwrap();
    spec[start + 1..].trim_end_matches('\n')
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
}

fn in_namespace(name: &str, pairs: &[(&str, &str)]) -> PodSet {
    PodSet { namespaces: NamespaceSet::Names(vec![name.into()]), labels: labels(pairs) }
}

/// Gives an external host names.
fn with_hosts(draft: Draft, position: usize, hosts: &[&str]) -> Draft {
    draft.with(|model| {
        let span = model.externals[position].span;
        model.externals[position].fqdns = hosts.iter().map(|host| Spanned::new((*host).into(), span)).collect();
    })
}

fn get(path: &str) -> HttpRule {
    HttpRule { method: Some("GET".into()), path: Some(path.into()), headers: vec![] }
}

/// Limits the edge written last to some requests.
fn with_http(draft: Draft, http: Vec<HttpRule>) -> Draft {
    draft.with(|model| {
        let edge = model.edges.last_mut().unwrap();
        edge.http_span = Some(edge.to_span);
        edge.http = http;
    })
}

/// web, api and db, each in its namespace.
fn shop() -> Draft {
    Draft::new().tier("web", "front", "app=web").tier("api", "back", "app=api").tier("db", "data", "app=db")
}
