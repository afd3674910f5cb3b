//! A ResourceList as text: what comes in, and what goes out.
//!
//! In: the text of a list. Out: its items and the function config; and, from items and results, the text of a list. An item
//! that is passed on is a part of the text that came in, byte for byte, comments included: nothing writes it anew, so nothing can
//! write it differently. What goes out is read back, and must say what was meant ([`write()`]).
//!
//! The form is that of the KRM Functions Specification (kubernetes-sigs/kustomize,
//! `cmd/config/docs/api-conventions/functions-spec.md`). kustomize and kpt send `config.kubernetes.io/v1`; before, it had the
//! versions `v1beta1` and `v1alpha1` in the same shape (`kyaml/kio/byteio_reader.go`).

use super::results::Told;
use super::tree::Tree;
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::reading::text::{self, Doc};
use crate::dialects::reading::unreadable;
use crate::source::{FileId, STANDARD_INPUT_SHOWN, Sources, Span};

const GROUP: &str = "config.kubernetes.io/";
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha1"];
const KIND: &str = "ResourceList";
const FIELDS: [&str; 6] = ["apiVersion", "kind", "metadata", "items", "functionConfig", "results"];
const HELP: &str =
    "standard input is a ResourceList of config.kubernetes.io/v1, as kustomize and kpt send it to functions";

/// What came in.
pub(super) struct List<'s> {
    /// `apiVersion`: that of the answer too.
    pub(super) version: String,
    pub(super) items: Vec<Item<'s>>,
    pub(super) config: Option<Tree>,
    /// The list stands between braces, as JSON does.
    pub(super) braces: bool,
}

/// An item: its value, and its own part of the text, with the dash where it has one.
pub(super) struct Item<'s> {
    pub(super) value: Tree,
    pub(super) text: &'s str,
}

/// An object of a list that goes out.
pub(super) enum Object<'a> {
    /// One that came in.
    Passed(&'a Item<'a>),
    /// One that was rendered, as a document.
    Made { value: &'a Tree, text: &'a str },
}

impl<'s> List<'s> {
    /// Reads the one list that a text is.
    ///
    /// # Errors
    /// What keeps it from being one, at its place.
    pub(super) fn read(sources: &'s Sources, file: FileId) -> Result<Self, Box<Diagnostic>> {
        let docs = text::documents(sources, file).map_err(|errors| {
            let first = errors.into_iter().next();
            Box::new(first.map_or_else(|| error(None, "this is no list"), about))
        })?;
        let doc = match docs.as_slice() {
            [] => return Err(Box::new(error(None, "standard input is empty"))),
            [doc] => doc,
            [_, second, ..] => return Err(Box::new(error(Some(second.top()), "this is a second document"))),
        };
        let tree: Tree = doc.skim().map_err(|found| Box::new(about(unreadable(doc, &found, HELP))))?;
        Self::of(doc, tree).map_err(|message| Box::new(error(Some(doc.top()), message)))
    }

    fn of(doc: &Doc<'s>, tree: Tree) -> Result<Self, String> {
        let word = |key| tree.get(key).and_then(Tree::text).unwrap_or_default();
        let (version, kind) = (word("apiVersion").to_owned(), word("kind"));
        let known = version.strip_prefix(GROUP).is_some_and(|version| VERSIONS.contains(&version));
        if !known || kind != KIND {
            return Err(match (version.as_str(), kind) {
                (_, "") | ("", _) => "this is no ResourceList".to_owned(),
                _ => format!("this is {} of {}, not a ResourceList", quote(kind), quote(&version)),
            });
        }
        // Half of a list with a misspelt key would pass for all of it.
        if let Some((key, _)) = tree.pairs().iter().find(|(key, _)| key.text().is_none_or(|key| !FIELDS.contains(&key)))
        {
            let key = key.text().map_or_else(|| key.kind().to_owned(), quote);
            return Err(format!("a ResourceList has no {key}"));
        }
        let config = tree.get("functionConfig").cloned();
        let Tree::Map(pairs) = tree else { return Err("this is no ResourceList".to_owned()) };
        let values = match pairs.into_iter().find(|(key, _)| key.text() == Some("items")) {
            None | Some((_, Tree::Null)) => vec![],
            Some((_, Tree::List(values))) => values,
            Some((_, other)) => return Err(format!("`items` is {}, not a list", other.kind())),
        };
        if let Some(place) = values.iter().position(|value| !matches!(value, Tree::Map(_))) {
            return Err(format!("item {place} is no object"));
        }
        let docs = doc.items().map_err(|found| found.message)?.unwrap_or_default();
        if docs.len() != values.len() {
            return Err("its items cannot be told apart".to_owned());
        }
        // Readers differ on whether a block of text that ends with the file ends with a line end; behind it more is to come.
        if docs.last().is_some_and(|last| {
            !last.text.starts_with('{') && !last.text.ends_with('\n') && last.text.contains(['|', '>'])
        }) {
            return Err("the last line has no line end, so it is not certain where its text ends".to_owned());
        }
        let items = values.into_iter().zip(docs).map(|(value, doc)| Item { value, text: doc.text }).collect();
        Ok(Self { version, items, config, braces: doc.text.trim_start().starts_with('{') })
    }
}

fn about(found: Diagnostic) -> Diagnostic {
    Diagnostic { code: codes::FUNCTION, ..found }
}

fn error(span: Option<Span>, message: impl Into<String>) -> Diagnostic {
    let made = match span {
        Some(span) => Diagnostic::error(codes::FUNCTION, span, message),
        None => Diagnostic::placeless(codes::FUNCTION, message),
    };
    made.help(HELP)
}

/// The text of a list, which was read back and says exactly this.
///
/// # Errors
/// When it would not: at an item whose end in the text was not what it seemed.
pub(super) fn write(came: &List<'_>, objects: &[Object<'_>], results: &[Told]) -> Result<String, Box<Diagnostic>> {
    let text = if came.braces { in_braces(came, objects, results) } else { in_lines(came, objects, results) };
    let mut sources = Sources::default();
    let file = sources.add(STANDARD_INPUT_SHOWN, text.as_str());
    let read = List::read(&sources, file);
    let same = read.is_ok_and(|read| {
        let same = |(item, object): (&Item<'_>, &Object<'_>)| item.value == *object.value();
        read.items.len() == objects.len() && read.items.iter().zip(objects).all(same)
    });
    match same {
        true => Ok(text),
        false => Err(Box::new(error(None, "the items cannot be passed on as they are: where one ends is not certain"))),
    }
}

impl Object<'_> {
    fn value(&self) -> &Tree {
        match self {
            Self::Passed(item) => &item.value,
            Self::Made { value, .. } => value,
        }
    }
}

/// Items behind dashes, in the column in which those stand that came so.
fn in_lines(came: &List<'_>, objects: &[Object<'_>], results: &[Told]) -> String {
    let mut out = format!("apiVersion: {}\nkind: {KIND}\n", came.version);
    let behind_dash = |item: &&Item<'_>| !item.text.starts_with('{');
    let column = came.items.iter().find(behind_dash).map_or("", |item| {
        let indent = item.text.len() - item.text.trim_start_matches(' ').len();
        item.text.get(..indent).unwrap_or_default()
    });
    out.push_str(if objects.is_empty() { "items: []\n" } else { "items:\n" });
    for object in objects {
        match object {
            Object::Passed(item) if behind_dash(item) => out.push_str(item.text),
            Object::Passed(item) => out.extend([column, "- ", item.text]),
            Object::Made { text, .. } => behind_a_dash(text, column, &mut out),
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
    if !results.is_empty() {
        out.push_str("results:\n");
        results.iter().for_each(|result| out.extend(["- ", &json(result), "\n"]));
    }
    out
}

/// A document as an item. The header of its file is left out: it is about the file.
fn behind_a_dash(text: &str, column: &str, out: &mut String) {
    let lines = text.split_inclusive('\n');
    let mut lead = "- ";
    for line in lines.skip_while(|line| line.trim().is_empty() || line.starts_with('#')) {
        if line.trim_end_matches('\n').is_empty() {
            out.push_str(line);
        } else {
            out.extend([column, lead, line]);
            lead = "  ";
        }
    }
}

fn in_braces(came: &List<'_>, objects: &[Object<'_>], results: &[Told]) -> String {
    let objects: Vec<String> = objects
        .iter()
        .map(|object| match object {
            Object::Passed(item) => item.text.to_owned(),
            Object::Made { value, .. } => json(value),
        })
        .collect();
    let mut out =
        format!("{{\"apiVersion\":\"{}\",\"kind\":\"{KIND}\",\"items\":[{}]", came.version, objects.join(",\n"));
    if !results.is_empty() {
        let results: Vec<String> = results.iter().map(json).collect();
        out.push_str(&format!(",\n\"results\":[{}]", results.join(",\n")));
    }
    out.push_str("}\n");
    out
}

/// JSON on one line, which is YAML too once the characters are escaped that YAML does not show (YAML 1.2, 5.1).
fn json(value: &impl serde::Serialize) -> String {
    let plain = serde_json::to_string(value).unwrap_or_default();
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        match u32::from(c) {
            code @ (0x7f..=0x9f | 0x2028 | 0x2029 | 0xfeff | 0xfffe | 0xffff) => {
                out.push_str(&format!("\\u{code:04x}"))
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
