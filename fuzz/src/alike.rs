//! Two documents, the first of which is known already when the second one comes: what they are read as then is what each of
//! them is read as by itself, its places apart.

use netpolc::dialects::{self, Dialect};
use netpolc::source::{Sources, Span};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((first, second)) = text.split_once("---\n") else { return };
    // A shape is known once it was seen twice.
    let file = [first, first, second, first, second].join("---\n");
    for dialect in dialects::REGISTRY {
        assert_eq!(said(*dialect, &file, false), said(*dialect, &file, true), "{file}");
    }
}

/// What a dialect makes of a file.
fn said(dialect: &dyn Dialect, text: &str, alike: bool) -> String {
    let mut sources = Sources::default();
    let file = sources.add("out/any/allow/any.yaml", text.to_owned());
    let nowhere = Span::new(file, 0..0);
    let Some(beside) = dialect.shared(&Sources::default(), &[]) else { return String::new() };
    let read = if alike { beside.read_alike(&sources, &[file]) } else { beside.read(&sources, &[file]) };
    let mut files = read.unwrap_or_default();
    for policy in files.iter_mut().flat_map(|file| &mut file.policies) {
        policy.span = nowhere;
        policy.rules.iter_mut().for_each(|rule| rule.span = nowhere);
    }
    format!("{files:?}")
}
