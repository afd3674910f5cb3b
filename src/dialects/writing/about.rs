//! Annotations of an object: its provenance, and its turn in a roll-out.

use super::turn::Turn;
use crate::lower::{About, Few};
use crate::model::{Guard, Sym};
use crate::source::PROJECT_FILE;

/// Keys and texts.
pub type Annotations = Vec<(&'static str, String)>;

/// The most bytes of one annotation's text before the rest is only counted.
const MAX_ANNOTATION: usize = 2_000;

/// Who asks for an object: all that an incident's reader needs to find the line.
pub fn annotations(about: &About, turn: Turn) -> Annotations {
    let entries = entries([
        ("netpolc.dev/app", symbols(&about.apps)),
        ("netpolc.dev/owner", symbols(&about.owners)),
        ("netpolc.dev/flow", joined(about.flows.iter().map(String::as_str))),
        ("netpolc.dev/source", joined(about.sources.iter().map(|path| path.as_str()))),
        ("netpolc.dev/why", symbols(&about.whys)),
    ]);
    entries.chain(turn.annotations()).collect()
}

/// Who stands behind an object that no single flow asks for.
pub fn owners(about: &About, turn: Turn) -> Annotations {
    let entries = entries([
        ("netpolc.dev/app", symbols(&about.apps)),
        ("netpolc.dev/owner", symbols(&about.owners)),
        ("netpolc.dev/source", joined(about.sources.iter().map(|path| path.as_str()))),
    ]);
    entries.chain(turn.annotations()).collect()
}

/// What asks for an object of a guard: the project file, under its name.
pub fn guard(guard: &Guard, turn: Turn) -> Annotations {
    let about = [("netpolc.dev/guard", guard.name().to_owned()), ("netpolc.dev/source", PROJECT_FILE.to_owned())];
    about.into_iter().chain(turn.annotations()).collect()
}

fn entries<const N: usize>(all: [(&'static str, Option<String>); N]) -> impl Iterator<Item = (&'static str, String)> {
    all.into_iter().filter_map(|(key, text)| Some((key, text?)))
}

fn symbols(set: &Few<Sym>) -> Option<String> {
    joined(set.iter().map(|symbol| &**symbol))
}

/// Texts in one line: the first ones whole, the others counted. `None` when there is none.
fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut out = String::new();
    let mut left_out = 0_usize;
    for text in texts {
        if out.is_empty() {
            out.push_str(text);
        } else if left_out == 0 && out.len() + text.len() + 2 <= MAX_ANNOTATION {
            out.push_str("; ");
            out.push_str(text);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        out.push_str(&format!("; and {left_out} more"));
    }
    (!out.is_empty()).then_some(out)
}
