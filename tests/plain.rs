//! The reader for plain YAML reads what it accepts as the general reader does, and accepts nothing that this one refuses.
//!
//! A comment with a letter that is not ASCII is nothing to the general reader, and makes the plain one step aside: each
//! document is read with and without it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use netpolc::dialects::reading::plain;
use netpolc::dialects::{Dialect, REGISTRY};
use netpolc::source::Sources;

use crate::mesh::generator::mesh;
use crate::support::chance::Chance;
use crate::support::{Project, netpolc, repo, tree};

/// What a dialect makes of a text: objects with their places, or what is wrong with it. Where the end of the text is to blame,
/// the comment is part of the place.
fn said(dialect: &dyn Dialect, text: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("out/x.yaml", text.to_owned());
    match dialect.read(&sources, &[file]) {
        Ok(files) => format!("{files:?}"),
        Err(errors) => errors.into_iter().map(|error| error.message + "\n").collect(),
    }
}

fn assert_alike(dialect: &dyn Dialect, text: &str) {
    let ended = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    let (plain, general) = (said(dialect, &ended), said(dialect, &format!("{ended}# ü\n")));
    assert!(plain == general, "{}:\n{text}\n--- plain\n{plain}\n--- general\n{general}", dialect.name());
}

/// The documents of generated files, each with its dialect.
fn documents() -> Vec<(&'static dyn Dialect, String)> {
    let project = Project::new();
    for (name, text) in mesh(40, 150, 9) {
        project.write(&format!("intents/{name}"), text);
    }
    project.write("netpolc.toml", "[lints]\nNP310 = \"allow\"\n");
    let run = netpolc(project.dir(), &["build", "--today", "2026-01-01"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let mut out = vec![];
    for folder in [project.dir().join("out"), repo().join("out")] {
        for dialect in REGISTRY {
            for (path, bytes) in tree(&folder.join(dialect.name())) {
                // A list stands in a file of its name; as another file it is refused, in both ways alike.
                let _ = path;
                let text = String::from_utf8(bytes).unwrap();
                out.extend(text.split("\n---\n").map(|doc| (*dialect, doc.to_owned())));
            }
        }
    }
    out
}

#[test]
fn what_is_generated_is_read_alike() {
    let all = documents();
    assert!(all.len() > 1_000, "{}", all.len());
    for (dialect, text) in all.iter().step_by(3) {
        assert_alike(*dialect, text);
    }
}

/// Or it would be read as slowly as anything else.
#[test]
fn what_is_generated_is_plain() {
    let all = documents();
    // What is empty is only ever read as what it is of.
    let is_plain =
        |text: &str| plain::read::<serde_json::Value>(&text.replace(" {}", " x").replace(" []", " x")).is_some();
    let others: Vec<&str> = all.iter().map(|(_, text)| text.as_str()).filter(|text| !is_plain(text)).collect();
    assert!(others.len() * 100 < all.len(), "{} of {}: {:?}", others.len(), all.len(), others.first());
}

/// By hand many more: `NETPOLC_TEST_PLAIN=100000 cargo test --test it plain::`.
#[test]
fn what_was_damaged_is_read_alike() {
    let all = documents();
    let wanted = std::env::var("NETPOLC_TEST_PLAIN").ok().map_or(3_000, |count| count.parse().unwrap());
    let mut chance = Chance::new(11);
    for _ in 0..wanted {
        let (dialect, text) = &all[chance.below(all.len())];
        let mut text = text.clone();
        for _ in 0..=chance.below(2) {
            damage(&mut text, &mut chance);
        }
        assert_alike(*dialect, &text);
    }
}

/// What YAML readers stumble over.
const HAZARDS: [&str; 44] = [
    " ", "  ", "\n", "\n\n", "\t", "#", " #", " # x", ":", ": ", "- ", "-", "?", "? ", "\"", "'", "\\", "&a ", "*a",
    "!!str ", "!", "|", ">", "|-\n", "{}", "[]", "{", "[a, b]", "~", "null", "true", "no", "0x1f", "017", "1_0", "1e3",
    ".5", "-1", "12:30", "<<: ", "\r", "é", "\u{2028}", "%",
];

pub(crate) fn damage(text: &mut String, chance: &mut Chance) {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return;
    }
    let at = chance.below(lines.len());
    let other = chance.below(lines.len());
    match chance.below(9) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(other, lines[at].clone()),
        2 => lines.swap(at, other),
        3 => lines[at].insert(0, ' '),
        4 => lines[at] = lines[at].strip_prefix(' ').unwrap_or("x").to_owned(),
        5 => lines[at] = lines[at].replace("- ", "  "),
        6 => lines[at] = format!("{} {}", lines[at], lines[other].trim_start()),
        _ => {
            let line = &mut lines[at];
            let places: Vec<usize> = line.char_indices().map(|(place, _)| place).chain([line.len()]).collect();
            let place = places[chance.below(places.len())];
            match chance.below(4) {
                0 => line.truncate(place),
                _ => line.insert_str(place, HAZARDS[chance.below(HAZARDS.len())]),
            }
        }
    }
    *text = lines.join("\n");
}
