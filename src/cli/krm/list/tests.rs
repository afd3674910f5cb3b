use proptest::prelude::*;
use serde_yaml::Value;

use super::*;
use crate::diag::concise;

/// Reads a list and writes it again with all of its items.
fn again(text: &str) -> Result<String, String> {
    let mut sources = Sources::default();
    let file = sources.add(STANDARD_INPUT_SHOWN, text);
    let list = List::read(&sources, file).map_err(|found| concise(&found, &sources))?;
    let objects: Vec<Object<'_>> = list.items.iter().map(Object::Passed).collect();
    write(&list, &objects, &[Told::info("fine\u{7f}\u{2028}\u{feff}")]).map_err(|found| concise(&found, &sources))
}

fn list(items: &str) -> String {
    format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n{items}")
}

/// The items as another reader sees them.
fn seen(text: &str) -> Option<Value> {
    serde_yaml::from_str::<Value>(text).ok().map(|value| value["items"].clone())
}

/// What hardly anything that writes YAML anew would write as it was.
const HOSTILE: [&str; 12] = [
    "- a: yes\n  b: 'yes'\n  c: 1e3\n  d: \"1e3\"\n  e: 0644\n  f: 0o644\n  g: 12:30\n  h: 1_000\n  i: ~\n  j: .nan\n  k: -0\n",
    "# before\n- a: 1 # behind\n  # between\n  b: # behind a key\n    - x\n# after\n",
    "- text: |\n    # no comment\n      deeper\n\n    - no item\n\n- text: |+\n    kept\n\n\n- text: >-\n    folded\n    line\n",
    "- text: |2\n      two more\n    less\n- text: \"folded\n    over\\n \\\n    lines\"\n  'it''s': \"\\u00e9\\x41\"\n",
    "- a: é 🎉👩‍👧️\u{a0}日本\n  b: \"\\e[1m\"\n  \"key: #\": '---'\n",
    "-\n  a: 1\n-   b: 2\n    c: 3\n- # comment\n  d: 4\n",
    "- {a: 1, b: [x, 'y', \"z, }\"], # comment }\n   c: {}} # behind\n- d: {e: 1}\n",
    "  - a: 1\n    b:\n    - c\n  - {d: 1}\n  - e: 2\n",
    "- long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbb\n    cccc\n",
    "- a: !!str 1\n  b: !!int \"1\"\n  ? c\n  : d\n  \"e\": null\n  f:\n",
    "- a:\n  - b\n  -\n    - c\n  - - d\n    - e\n- f: ''\n",
    "- a: 18446744073709551615\n  b: 0.1000000000000000055\n  c: 1e400\n  d: 2020-01-01T00:00:00Z\n",
];

#[test]
fn items_go_out_byte_for_byte() {
    for items in HOSTILE {
        let text = list(&format!("items:\n{items}functionConfig: {{}}\n"));
        let out = again(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(seen(&out), seen(&text), "{text}\n{out}");
        // The comment that belongs to nobody is the first's.
        let kept: Vec<&str> = items.lines().filter(|line| !line.starts_with("# before")).collect();
        for line in kept {
            let line = line.split("} # behind").next().unwrap();
            assert!(out.contains(line), "{line}\n{out}");
        }
    }
}

#[test]
fn a_list_in_braces_stays_one() {
    let object = serde_json::json!({"a": "yes", "b": [1, 1.5, null, "}\"{ ", "\u{2028}"], "c": {}});
    let whole = serde_json::json!({"kind": "ResourceList", "items": [object, {}, object], "apiVersion": "config.kubernetes.io/v1"});
    for text in
        [whole.to_string(), serde_json::to_string_pretty(&whole).unwrap(), whole.to_string().replace("{\"", "{\n\"")]
    {
        let out = again(&text).unwrap();
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(read["items"], whole["items"]);
        assert_eq!(read["results"][0]["severity"], "info");
    }
}

#[test]
fn lists_between_brackets_and_empty_ones_are_lists() {
    for items in ["items: []\n", "items:\n", "items: null\n", "", "items: [{a: 1},\n  {b: [2, {c: 3}]}]\n"] {
        let text = list(items);
        let out = again(&text).unwrap();
        let expected = seen(&text).filter(|value| !value.is_null()).unwrap_or(Value::Sequence(vec![]));
        assert_eq!(seen(&out), Some(expected), "{out}");
    }
    let old = "# made by hand\n---\napiVersion: config.kubernetes.io/v1beta1\nkind: ResourceList\nitems: []\nresults: {old: 1}\n";
    assert!(
        again(old).unwrap().starts_with("apiVersion: config.kubernetes.io/v1beta1\nkind: ResourceList\nitems: []\n")
    );
}

/// At the end of a text no line end is missing from what a reader of YAML sees; behind it more is to come.
#[test]
fn a_text_without_a_last_line_end_is_not_changed_in_silence() {
    for text in ["items:\n- a: |+\n    x", "items:\n- a: |\n    x", "items:\n- a: x", "items:\n- a: x #"] {
        let text = list(text);
        match again(&text) {
            Ok(out) => assert_eq!(seen(&out), seen(&text), "{out}"),
            Err(error) => assert!(error.contains("the last line has no line end"), "{error}"),
        }
    }
}

#[test]
fn what_is_no_list_is_told_in_a_line() {
    let many = format!("{}: 1\n", "a".repeat(300));
    let deep = format!("items: {}1{}", "[".repeat(5_000), "]".repeat(5_000));
    for (text, said) in [
        ("", "error[NP720]: standard input is empty"),
        ("# nothing\n", "error[NP720]: standard input is empty"),
        ("hello\n", "<stdin>:1:1: error[NP720]: this is no ResourceList"),
        ("a: [\n", "not a readable manifest"),
        ("a: 1\n\tb: 2\n", "not a readable manifest"),
        ("a: 1\na: 2\n", "duplicate mapping key"),
        ("kind: List\n", "this is no ResourceList"),
        ("apiVersion: v1\nkind: List\n", "this is `List` of `v1`, not a ResourceList"),
        (
            "apiVersion: config.kubernetes.io/v2\nkind: ResourceList\n",
            "this is `ResourceList` of `config.kubernetes.io/v2`",
        ),
        (&list("item: []\n"), "a ResourceList has no `item`"),
        (&list("1: []\n"), "a ResourceList has no a number"),
        (&list(&many), "a ResourceList has no `aaaa"),
        (&list("items: 1\n"), "`items` is a number, not a list"),
        (&list("items: {}\n"), "`items` is a map, not a list"),
        (&list("items:\n- a: 1\n- text\n"), "item 1 is no object"),
        (&list("items:\n- a: &x 1\n  b: *x\n"), "anchors and aliases have no place"),
        (&list("items:\n- <<: {a: 1}\n"), "not a readable manifest"),
        (&list("items:\n- a: !own 1\n"), "not a readable manifest"),
        (&list(&deep), "not a readable manifest"),
        (
            &format!("{}---\n{}", list("items: []\n"), list("items: []\n")),
            "<stdin>:5:1: error[NP720]: this is a second document",
        ),
        (&list("items: []\n...\n"), "ends a document for some readers"),
        ("%YAML 1.2\n---\na: 1\n", "a YAML directive is not allowed here"),
        (&list("items:\n- - a: 1\n"), "item 0 is no object"),
    ] {
        let error = again(text).expect_err(text);
        assert!(error.contains(said), "{text}\n{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn rendered_documents_become_items_of_any_column() {
    let text = "# Code generated. DO NOT EDIT.\n\nkind: A\n# kept\ntext: |\n  one\n\n    two\nlist:\n  - 1\n";
    let value: Tree = serde_saphyr::from_str(text).unwrap();
    for came in [
        list("items: []\n"),
        list("items:\n    - a: 1\n"),
        "{\"apiVersion\":\"config.kubernetes.io/v1\",\"kind\":\"ResourceList\"}".to_owned(),
    ] {
        let mut sources = Sources::default();
        let file = sources.add(STANDARD_INPUT_SHOWN, came.as_str());
        let came = List::read(&sources, file).unwrap();
        let mut objects: Vec<Object<'_>> = came.items.iter().map(Object::Passed).collect();
        objects.push(Object::Made { value: &value, text });
        let out = write(&came, &objects, &[]).unwrap();
        let made = seen(&out).unwrap().as_sequence().unwrap().last().cloned().unwrap();
        assert_eq!(made, serde_yaml::from_str::<Value>(text).unwrap(), "{out}");
        assert!(!out.contains("DO NOT EDIT") && (came.braces || out.contains("# kept")), "{out}");
    }
}

/// The reading back is what keeps the promise: without it a wrong text would go out.
#[test]
fn what_would_say_something_else_does_not_go_out() {
    let text = list("items:\n- a: 1\n");
    let mut sources = Sources::default();
    let file = sources.add(STANDARD_INPUT_SHOWN, text.as_str());
    let came = List::read(&sources, file).unwrap();
    for (value, text) in [("a: 1\n", "a: 2\n"), ("a: 1\n", "a: 1\nb: 2\n"), ("a: 1\n", "{\n")] {
        let value: Tree = serde_saphyr::from_str(value).unwrap();
        assert!(write(&came, &[Object::Made { value: &value, text }], &[]).is_err(), "{text}");
    }
}

/// Some of the text replaced by characters that mean something in YAML.
fn disturbed() -> impl Strategy<Value = String> {
    let characters = prop::sample::select(" \n-:{}[]#'\"|>&*!%a0,?~\t\u{a0}+2".chars().collect::<Vec<char>>());
    let edits = prop::collection::vec(
        (any::<prop::sample::Index>(), 0_usize..3, prop::collection::vec(characters, 0..4)),
        0..4,
    );
    (prop::sample::select(HOSTILE.to_vec()), edits).prop_map(|(items, edits)| {
        let mut text: Vec<char> = list(&format!("items:\n{items}functionConfig: {{}}\n")).chars().collect();
        for (at, length, new) in edits {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, new);
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    /// Whatever comes in: no panic, and what goes out says the same to a reader that shares nothing with ours.
    #[test]
    fn no_text_is_passed_on_as_something_else(text in disturbed()) {
        if let Ok(out) = again(&text) {
            let before = seen(&text);
            prop_assert!(before.is_none() || seen(&out) == before || before == Some(Value::Null), "{text}\n{out}");
            prop_assert_eq!(again(&out), Ok(out));
        }
    }
}
