//! Rendered YAML back to the verifier's normal form.
//!
//! In: the text of one file. Out: what its NetworkPolicies say, or every error of every document. Nothing is skipped:
//! another kind, an unknown field or a value that the API server would not take is an error. Where YAML readers are
//! known to differ (kubectl's follows YAML 1.1) the text is refused rather than read one way. Shares no code with the
//! writer of these files.

mod convert;
mod object;
mod text;
mod validity;

#[cfg(test)]
mod tests;

use rayon::prelude::*;
use serde_saphyr::{MergeKeyPolicy, UserMessageFormatter};

use crate::diag::{Diagnostic, codes, quote};
use crate::source::{FileId, Sources};
use crate::verify::normal;

use object::{Head, Object};
use text::Doc;

/// The name by which kustomize, and everything that uses it, finds a base; its other two names are not written here.
const BASE: &str = "kustomization.yaml";

/// A rendered file: its policies in the order of the text, or the one kustomization that it is.
pub fn read(sources: &Sources, file: FileId) -> Result<normal::File, Vec<Diagnostic>> {
    let docs = text::split(sources, file)?;
    let read: Vec<_> = docs.par_iter().map(document).collect();
    let (mut whole, mut errors) = (normal::File::default(), vec![]);
    let is_base = sources.path(file).file_name() == Some(BASE);
    for (position, (result, doc)) in read.into_iter().zip(&docs).enumerate() {
        match result {
            Ok(part) if part.base.is_some() != is_base || (is_base && position > 0) => {
                let message = "a kustomization stands alone, in a file of its name";
                let error = Diagnostic::error(codes::RENDERED, doc.top(), message);
                errors.push(
                    error.help(format!("kustomize reads one from `{BASE}` and takes it for no resource elsewhere")),
                );
            }
            Ok(mut part) => {
                whole.policies.append(&mut part.policies);
                whole.base = part.base;
            }
            Err(mut of_document) => errors.append(&mut of_document),
        }
    }
    if errors.is_empty() { Ok(whole) } else { Err(errors) }
}

fn document(doc: &Doc<'_>) -> Result<normal::File, Vec<Diagnostic>> {
    let object: Object<'_> = match serde_saphyr::from_str_with_options(doc.text, options()) {
        Ok(object) => object,
        Err(error) => return Err(vec![unreadable(doc, &error)]),
    };
    convert::object(doc, &object)
}

/// Strings must be written so that no reader takes them for something else; numbers as YAML 1.1 has them. Aliases, merge
/// keys and foreign tags are no part of a manifest that people can review.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        no_schema: true,
        strict_booleans: false,
        legacy_octal_numbers: true,
        reject_unsupported_tags: true,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            // A hub's object may hold many peers; files are bounded before they are read.
            max_nodes: 4_000_000,
            max_events: 16_000_000,
            max_documents: 1,
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
            max_depth: 32,
        },
    }
}

/// What to say of a document that is not even an object we know. Another kind of object mostly fails at a field of its
/// own first; its kind is then the better answer.
fn unreadable(doc: &Doc<'_>, error: &serde_saphyr::Error) -> Diagnostic {
    let head: Option<Head<'_>> = serde_saphyr::from_str_with_options(doc.text, options()).ok();
    if let Some(head) = head
        && let Some(diagnostic) = convert::foreign(doc, &head.api_version, &head.kind)
    {
        return diagnostic;
    }
    let span = error.location().map_or(doc.top(), |location| doc.line(location.line()));
    if let serde_saphyr::Error::QuotingRequired { value, .. } = error.without_snippet() {
        return text::ambiguous(span, value);
    }
    if matches!(error.without_snippet(), serde_saphyr::Error::Budget { .. }) && doc.text.contains(['&', '*']) {
        return Diagnostic::error(codes::RENDERED, span, "anchors and aliases have no place in a manifest")
            .help("write the value out where it is used");
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
    Diagnostic::error(codes::RENDERED, span, format!("not a readable manifest: {}", shorten(&text)))
        .help("a file of this dialect holds NetworkPolicies of networking.k8s.io/v1, and only fields that they have")
}

/// A parser's message may repeat parts of the text: it is cut as all foreign words are.
fn shorten(text: &str) -> String {
    match text.chars().any(crate::diag::is_deceptive) || text.chars().count() > 200 {
        true => quote(text),
        false => text.to_owned(),
    }
}
