//! Findings as Markdown, as GitHub's own parser reads them (cmark-gfm), which GitLab's follows. Mentions and references are looked
//! for in what it leaves, as the services do.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{Project, check, documents, findings, parse, projects, words};
use crate::support::python_with;

/// Reads documents as JSON and writes of each the elements that it becomes, the cells of its tables, and what is no code.
const READ: &str = r#"
import json, sys
from html.parser import HTMLParser
from cmarkgfm import github_flavored_markdown_to_html

class Seen(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.kinds, self.rows, self.plain, self.code, self.cell = set(), [], [], 0, None
        self.feed(github_flavored_markdown_to_html(text))
    def handle_starttag(self, tag, attrs):
        self.kinds.add(tag)
        self.code += tag == "code"
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = ""
    def handle_endtag(self, tag):
        self.code -= tag == "code"
        if tag in ("td", "th"):
            self.rows[-1].append(self.cell)
            self.cell = None
    def handle_comment(self, text):
        self.kinds.add("comment")
    def handle_data(self, text):
        if not self.code:
            self.plain.append(text)
        if self.cell is not None:
            self.cell += text

seen = [Seen(text) for text in json.load(sys.stdin)]
print(json.dumps([{"kinds": sorted(s.kinds), "rows": s.rows, "plain": s.plain} for s in seen]))
"#;

/// What a document consists of, and nothing else.
const KINDS: [&str; 10] = ["h3", "p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td"];

/// All kinds of texts that Markdown or a service would take for more than a text.
const TRAPS: &str = "@team/all a@example.com https://example.com/x www.example.com [x](https://example.com) ![x](y.png) <b>x</b> <!-- x --> \
                     | x | ` x `` y ``` # * - 1. #12 !13 ~label %mile $14 &15 :tada: GH-16 0123456789abcdef {{x}} $a$ \\| \\` &lt; /approve";

fn read(documents: &[String]) -> Option<Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input.json");
    fs::write(&input, serde_json::to_string(documents).unwrap()).unwrap();
    let output = Command::new(python_with("cmarkgfm")?)
        .args(["-c", READ])
        .stdin(fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", words(&output));
    Some(parse(&String::from_utf8_lossy(&output.stdout)).as_array().unwrap().clone())
}

/// Reference or mention: what GitHub and GitLab look for in text that is no code.
fn is_mention(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let sign = |pair: &[char]| "@#!$%~&^:/".contains(pair[0]) && pair[1].is_alphanumeric();
    let key = |part: &str| {
        let Some((name, number)) = part.split_once('-') else { return false };
        !name.is_empty() && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
    };
    let hash = |part: &str| part.len() >= 7 && part.chars().all(|c| c.is_ascii_hexdigit());
    let mut parts = text.split(|c: char| !c.is_alphanumeric() && c != '-');
    chars.windows(2).any(sign) || parts.any(|part| key(part) || hash(part))
}

/// What is wrong with a document that was read: elements that are not meant to be there, and mentions.
fn problems(seen: &Value) -> Vec<String> {
    let texts = |key: &str| seen[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
    let kinds = texts("kinds").filter(|kind| !KINDS.contains(&kind.as_str()));
    kinds.chain(texts("plain").filter(|text| is_mention(text))).collect()
}

/// Text without what Markdown shows otherwise.
fn shown(text: &str) -> String {
    text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows that findings must become: line, level, code, message, help.
fn expected(json: &str) -> BTreeSet<Vec<String>> {
    let row = |finding: &Value| {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        let line = finding["location"]["line"].as_u64().unwrap_or(1).to_string();
        let help: Vec<&str> = finding["help"].as_array().unwrap().iter().map(|help| help.as_str().unwrap()).collect();
        let (level, help) = match finding["waived"]["reason"].as_str() {
            Some(reason) => ("waived".to_owned(), reason.to_owned()),
            None => (text("level"), help.join("; ")),
        };
        vec![line, level, text("code"), shown(&text("message")), shown(&help)]
    };
    parse(json).as_array().unwrap().iter().map(row).collect()
}

/// Projects in which what people wrote is full of Markdown: a key, a file's name, the reason of a waiver.
fn trapped() -> Vec<Project> {
    let project = |path: &str, text: String| {
        let project = Project::new();
        project.write(".git/HEAD", "");
        project.write(path, text);
        project
    };
    let reason =
        super::INTENT.replace("until <the> \\\"ports\\\" & 100% are listed, ok: yes", &TRAPS.replace('\\', "\\\\"));
    assert!(reason.contains("/approve"));
    let keys: String =
        TRAPS.split(' ').enumerate().map(|(n, word)| format!("'{word} {n}' = 1\n'{word}|{n}' = 1\n")).collect();
    vec![
        project("net/intents/shop.toml", format!("app = \"shop\"\n'{TRAPS}' = 1\n{keys}")),
        project("net/intents/@team [x](y) `z` | <b> www.example.com.toml", "app = 1\n".to_owned()),
        project("net/intents/shop.toml", reason),
    ]
}

#[test]
fn a_reader_of_markdown_sees_the_findings_and_nothing_else() {
    let mut pairs: Vec<(String, [String; 2])> = documents(["json", "markdown"]);
    for project in trapped() {
        let texts = ["json", "markdown"].map(|format| check(&project, &["--format", format, "--waived"]).stdout);
        pairs.push((texts[1].clone(), texts));
    }
    let texts: Vec<String> = pairs.iter().map(|(_, [_, markdown])| markdown.clone()).collect();
    let Some(seen) = read(&texts) else { return };
    for ((name, [json, markdown]), seen) in pairs.iter().zip(&seen) {
        assert_eq!(problems(seen), [""; 0], "{name}: {markdown}");
        let rows: BTreeSet<Vec<String>> = seen["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_array().unwrap().iter().map(|cell| shown(cell.as_str().unwrap())).collect())
            .filter(|row: &Vec<String>| row[0] != "line")
            .collect();
        assert_eq!(rows, expected(json), "{name}: {markdown}");
        assert!(!markdown.contains(|c: char| c.is_control() && c != '\n'), "{name}: {markdown}");
    }
}

/// Texts of pieces that mean something to Markdown or to a service, in any order.
fn chance() -> Vec<String> {
    let pieces: Vec<&str> = TRAPS
        .split(' ')
        .chain([
            "a", "b", "`", "|", "\\", " ", " ", "\n", "\u{202e}", "é", "1", "@", "#", "-", "*", "_", "[", "](", ")",
            "<", ">",
        ])
        .chain([
            "!",
            "~~",
            "$",
            ":",
            "&",
            ";",
            ".",
            "/",
            "www.",
            "http://",
            "``",
            "+",
            "=",
            "\u{1f600}",
            "(",
            "\"",
            "'",
        ])
        .collect();
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    (0..3000).map(|_| (0..=next(9)).map(|_| pieces[next(pieces.len())]).collect()).collect()
}

/// In a cell, at the start of a line and at the start of an item, for texts that nobody thought of.
#[test]
fn any_text_is_a_text() {
    let texts = chance();
    let document = |text: &String| {
        let safe = netpolc::diag::markdown::escape(text);
        format!("{safe}\n\n| 1 | 2 | 3 | 4 | 5 |\n|---|---|---|---|---|\n| {safe} | x | x | x | {safe} |\n\n- {safe}\n")
    };
    let Some(seen) = read(&texts.iter().map(document).collect::<Vec<_>>()) else { return };
    let bare = |text: &str| text.replace('`', "").split_whitespace().collect::<String>();
    for (text, seen) in texts.iter().zip(&seen) {
        let problems: Vec<String> =
            problems(seen).into_iter().filter(|kind| !["ul", "li"].contains(&&**kind)).collect();
        assert_eq!(problems, [""; 0], "{text:?}");
        let expected: String = text
            .chars()
            .map(|c| {
                if netpolc::diag::is_deceptive(c) && !c.is_whitespace() {
                    c.escape_unicode().to_string()
                } else {
                    c.to_string()
                }
            })
            .collect();
        let row = &seen["rows"][1];
        assert_eq!(bare(row[0].as_str().unwrap()), bare(&expected), "{text:?}");
        assert_eq!((&row[0], &row[1]), (&row[4], &"x".into()), "{text:?}");
    }
}

/// What a text would do that is not escaped.
#[test]
fn the_reader_finds_a_mistake() {
    let row = |text: &str| {
        format!("| line | level | code | finding | help |\n|---:|---|---|---|---|\n| 1 | error | `NP1` | {text} | |\n")
    };
    let mut texts = vec![row("fine"), row("")];
    let wrong = [
        "@team",
        "a@example.com",
        "https://example.com/x",
        "www.example.com",
        "[x](https://example.com)",
        "![x](y.png)",
        "<b>x</b>",
        "see #12",
        "fixes !13",
        ":tada:",
        "GH-16",
        "0123456789abcdef",
        "*x*",
        "~~x~~",
        "a \\@team b",
    ];
    texts.extend(wrong.map(row));
    texts.push(format!("{}\n- x\n", row("fine")));
    let Some(seen) = read(&texts) else { return };
    let (good, bad) = seen.split_at(2);
    assert!(good.iter().all(|seen| problems(seen).is_empty()), "{good:?}");
    for (seen, text) in bad.iter().zip(&texts[2..]) {
        assert!(!problems(seen).is_empty(), "{text}");
    }
}

#[test]
fn totals_come_first_and_nothing_is_one_line() {
    let of =
        |project: &Project, options: &[&str]| check(project, &[&["--format", "markdown"], options].concat()).stdout;
    assert_eq!(of(&projects()[1].1, &[]), "### netpolc: no findings\n");
    let text = of(&findings(), &["--waived"]);
    assert!(text.starts_with("### netpolc: 7 errors, 1 warning, 1 waived\n\n**`net/intents/shop.toml`**\n"), "{text}");
    let text = of(&findings(), &["--waived", "--select", "NP201"]);
    assert!(text.starts_with("### netpolc: no findings, 1 waived\n"), "{text}");
}

/// A comment of GitHub holds 65,536 characters.
#[test]
fn what_does_not_fit_is_counted() {
    let project = Project::new();
    // Of one file not all errors are told.
    let keys: String = (0..400).map(|n| format!("unknown-key-{n} = 1\n")).collect();
    for n in 0..5 {
        project.write(&format!("net/intents/shop{n}.toml"), format!("app = \"shop{n}\"\n{keys}"));
    }
    let text = check(&project, &["--format", "markdown"]).stdout;
    assert!(text.len() < 61_000, "{}", text.len());
    let rows = text.lines().filter(|line| line.contains(" error ")).count();
    assert!(rows > 100, "{text}");
    let left = text.lines().last().unwrap();
    assert_eq!(left, format!("More than fits here is left out: {} errors.", 2000 - rows));
    assert!(text.starts_with("### netpolc: 2000 errors\n"));
}
