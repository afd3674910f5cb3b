//! Annotations of an object: its provenance, and its turn in a roll-out.

use std::borrow::Cow;

use super::turn::Turn;
use crate::lower::{About, Few};
use crate::model::{Guard, Sym};
use crate::source::PROJECT_FILE;

/// Keys and texts.
pub type Annotations<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// The most bytes of one annotation's text before the rest is only counted.
const MAX_ANNOTATION: usize = 2_000;

/// Who asks for an object: all that an incident's reader needs to find the line.
pub fn annotations(about: &About, turn: Turn) -> Annotations<'_> {
    let mut all = Annotations::with_capacity(7);
    entry(&mut all, "netpolc.dev/app", symbols(&about.apps));
    entry(&mut all, "netpolc.dev/owner", symbols(&about.owners));
    entry(&mut all, "netpolc.dev/flow", joined(about.flows.iter().map(String::as_str)));
    entry(&mut all, "netpolc.dev/source", joined(about.sources.iter().map(|path| path.as_str())));
    entry(&mut all, "netpolc.dev/why", symbols(&about.whys));
    all.extend(turn.annotations());
    all
}

/// Who stands behind an object that no single flow asks for.
pub fn owners(about: &About, turn: Turn) -> Annotations<'_> {
    let mut all = vec![];
    entry(&mut all, "netpolc.dev/app", symbols(&about.apps));
    entry(&mut all, "netpolc.dev/owner", symbols(&about.owners));
    entry(&mut all, "netpolc.dev/source", joined(about.sources.iter().map(|path| path.as_str())));
    all.extend(turn.annotations());
    all
}

/// What asks for an object of a guard: the project file, under its name.
pub fn guard(guard: &Guard, turn: Turn) -> Annotations<'static> {
    let about = [("netpolc.dev/guard", guard.name().into()), ("netpolc.dev/source", PROJECT_FILE.into())];
    about.into_iter().chain(turn.annotations()).collect()
}

fn entry<'a>(all: &mut Annotations<'a>, key: &'static str, text: Option<Cow<'a, str>>) {
    all.extend(text.map(|text| (key, text)));
}

fn symbols(set: &Few<Sym>) -> Option<Cow<'_, str>> {
    joined(set.iter().map(|symbol| &**symbol))
}

/// Texts in one line: the first ones whole, the others counted. `None` when there is none.
fn joined<'a>(mut texts: impl Iterator<Item = &'a str>) -> Option<Cow<'a, str>> {
    let first = texts.find(|text| !text.is_empty())?;
    // Mostly there is one.
    let Some(second) = texts.next() else { return Some(Cow::Borrowed(first)) };
    let mut out = first.to_owned();
    let mut left_out = 0_usize;
    for text in std::iter::once(second).chain(texts) {
        if left_out == 0 && out.len() + text.len() + 2 <= MAX_ANNOTATION {
            out.push_str("; ");
            out.push_str(text);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        out.push_str(&format!("; and {left_out} more"));
    }
    Some(Cow::Owned(out))
}
