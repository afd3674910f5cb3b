//! Which documents are read, and which follow from others.

use std::cell::RefCell;

use super::{Alike, Names, Shapes};
use crate::dialects::reading::Part;
use crate::dialects::reading::text::{self, Doc};
use crate::source::Sources;

/// All that a text says, as its words.
#[derive(Debug, PartialEq)]
struct Said(Vec<String>);

impl Alike for Said {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        Some(Self(self.0.iter().map(|word| names.text(word)).collect()))
    }
}

fn said(doc: &Doc<'_>) -> Said {
    let is_for_people = |line: &&str| line.starts_with("    note: ");
    let words = doc.text.lines().filter(|line| !is_for_people(line)).flat_map(|line| line.split([' ', '\'', ':']));
    Said(words.filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

/// Reads documents one after the other. Which of them were read, marked ones apart; each gives what reading it gives.
fn read(texts: &[&str]) -> Vec<usize> {
    let shapes = Shapes::default();
    let mut read = vec![];
    for (index, text) in texts.iter().enumerate() {
        let mut sources = Sources::default();
        let file = sources.add("x.yaml", (*text).to_owned());
        let docs = text::split(&sources, file).unwrap();
        let calls = RefCell::new(0);
        let general = |doc: &Doc<'_>| {
            *calls.borrow_mut() += usize::from(!doc.text.contains(super::MARK));
            Ok::<_, ()>(Part::Object(said(doc)))
        };
        let Ok(Part::Object(object)) = shapes.read(&docs[0], general) else { panic!("{text}") };
        assert_eq!(object, said(&docs[0]), "{text}");
        if *calls.borrow() > 0 {
            read.push(index);
        }
    }
    read
}

fn policy(name: &str, namespace: &str, label: &str) -> String {
    format!(
        "kind: P\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  annotations:\n    note: from {name}\nspec:\n  \
         pods:\n    matchLabels:\n      app: {label}\n    port: 80\n"
    )
}

fn read_all(texts: &[String]) -> Vec<usize> {
    read(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_differs_in_names_alone_is_read_twice_and_then_no_more() {
    let of = |name: &str| policy(name, "shop", "web");
    assert_eq!(read_all(&[of("a"), of("b"), of("c"), of("d-4--x")]), [0, 1]);
}

#[test]
fn equal_names_are_another_shape() {
    let texts = [
        policy("a", "b", "c"),
        policy("d", "e", "f"),
        policy("a", "a", "c"),
        policy("a", "b", "a"),
        policy("g", "h", "i"),
    ];
    assert_eq!(read_all(&texts), [0, 1, 2, 3]);
}

#[test]
fn whatever_else_differs_is_read() {
    let plain = policy("a", "b", "c");
    let other = |from: &str, to: &str| policy("a", "b", "c").replace(from, to);
    let others = [
        other("80", "81"),
        other("kind: P", "kind: Q"),
        other("app: c", "tier: c"),
        other("app: c", "app: C"),
        other("app: c", "app: \"c\""),
        other("app: c", "app: no"),
        other("app: c", "app: default"),
        other("app: c", "app: k8s"),
        other("app: c", "app: c-"),
        other("app: c", "app: c.d"),
        other("app: c", "app: 1"),
        other("app: c", "app: infinity"),
        other("name: a", &format!("name: {}", "a".repeat(64))),
        other("name: a", &format!("name: {}", "a".repeat(254))),
        other("app: c", &format!("app: {}", "a".repeat(64))),
        other("note: from", "notes: from"),
        other("note: from a", "note: [from]"),
        other("note: from a", "note: 1"),
        other("note: from a", "note: &from a"),
        other("note: from a", "note: from # a"),
        other("note: from a", "note: |\n      from"),
        other("pods:", "pods: # a comment"),
        other("\nspec:", "\n\nspec:"),
        other("app: c", "app: c # d"),
        other("matchLabels", "labels"),
        other("    port", "      port"),
    ];
    for text in others {
        let texts = [plain.clone(), policy("d", "e", "f"), text.clone()];
        assert_eq!(read_all(&texts), [0, 1, 2], "{text}");
    }
}

#[test]
fn names_of_other_lengths_are_of_one_shape() {
    let long = |letter: &str, length: usize| policy(&letter.repeat(length), "shop", "web");
    assert_eq!(read_all(&[long("a", 1), long("b", 2), long("c", 63)]), [0, 1]);
    assert_eq!(read_all(&[long("a", 64), long("b", 65), long("c", 253), long("d", 63)]), [0, 1, 3]);
}

#[test]
fn names_in_selectors_are_names_where_values_alone_are_asked_for() {
    let of = |selector: &str| format!("kind: P\nspec:\n  selector: {selector}\n");
    let texts =
        ["a == 'u' && has(b)", "a == 'v' && has(b)", "a == 'z' && has(b)", "a == 'z' && has(c)", "a == 'Z' && has(b)"];
    assert_eq!(read_all(&texts.map(of)), [0, 1, 3, 4]);
    for other in ["a != 'W'", "a in {'W'}", "a == 'W' || b == 'v'", "!(a == 'W')", "a == \"W\"", "a starts with 'W'"] {
        let of = |value: &str| of(&other.replace('W', value));
        assert_eq!(read_all(&[of("u"), of("v"), of("w")]), [0, 1, 2], "{other}");
    }
}

/// What may be compared with a name makes that name more than one.
#[test]
fn a_document_with_other_conditions_has_no_shape() {
    let of = |name: &str| policy(name, "shop", "web") + "    matchExpressions:\n      - key: app\n";
    assert_eq!(read_all(&[of("a"), of("b"), of("c")]), [0, 1, 2]);
}

/// A reader that makes something else of some names than to copy them.
#[test]
fn what_is_not_copied_is_read_each_time() {
    let shapes = Shapes::default();
    let lengths: Vec<Said> = ["a", "bb", "ccc", "dddd"]
        .map(|name| {
            let mut sources = Sources::default();
            let file = sources.add("x.yaml", policy(name, "shop", "web"));
            let docs = text::split(&sources, file).unwrap();
            let general = |doc: &Doc<'_>| Ok::<_, ()>(Part::Object(Said(vec![doc.text.len().to_string()])));
            match shapes.read(&docs[0], general) {
                Ok(Part::Object(said)) => said,
                _ => panic!("{name}"),
            }
        })
        .into_iter()
        .collect();
    let first: usize = lengths[0].0[0].parse().unwrap();
    let expected: Vec<Said> = (0..4).map(|more| Said(vec![(first + 2 * more).to_string()])).collect();
    assert_eq!(lengths, expected);
}
