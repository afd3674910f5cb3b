//! Limits: what is too large is refused by name, before it is taken in, and docs/limits.md lists what the code says.
//!
//! Sizes are checked, never times: that a hundred megabytes are refused in no time shows in how little of them is read.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Project, Run, netpolc, repo, tree};
use netpolc::dialects::reading;
use netpolc::{intent, model, pipeline, render, source};

const INTENT: &str = r#"app = "shop"
[tiers]
web = { namespace = "front", pods = { app = "web" }, ports = [80] }
api = { namespace = "back", pods = { app = "api" }, ports = [8080] }
[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
"#;

const POLICY: &str =
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: x\n  namespace: ns\nspec:\n";

/// What a run may print, whatever it was given.
const MOST_SAID: usize = 400 << 10;

fn built() -> Project {
    let project = Project::new();
    project.write("intents/shop.toml", INTENT);
    let run = netpolc(project.dir(), &["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    project
}

/// A file of so many zeros, that takes no room on a disk.
fn large(project: &Project, path: &str) {
    project.write(path, "");
    File::options().write(true).open(project.dir().join(path)).unwrap().set_len(100 << 20).unwrap();
}

/// Runs on a project with one more file; what is refused changes no output.
#[track_caller]
fn refused(path: &str, text: &str, args: &[&str], expected: &[&str]) -> Run {
    let project = built();
    let before = tree(&project.dir().join("out"));
    project.write(path, text);
    let run = netpolc(project.dir(), args);
    assert_eq!(run.code, 1, "{}", run.stderr);
    for part in expected {
        assert!(run.stderr.contains(part), "without {part:?}: {}", run.stderr.chars().take(2_000).collect::<String>());
    }
    assert!(run.stderr.len() < MOST_SAID, "{} bytes were printed", run.stderr.len());
    assert_eq!(tree(&project.dir().join("out")), before);
    run
}

#[track_caller]
fn intent(text: &str, expected: &[&str]) -> Run {
    refused("intents/case.toml", text, &["build"], expected)
}

#[track_caller]
fn manifest(text: &str, expected: &[&str]) -> Run {
    refused("given.yaml", text, &["eval", "given.yaml"], expected)
}

#[test]
fn a_hundred_megabytes_in_any_file_are_refused() {
    for (path, args, most) in [
        ("intents/large.toml", &["build"][..], 8),
        ("netpolc.toml", &["build"], 8),
        ("templates/kubernetes/allow.yaml.j2", &["build"], 8),
        ("out/kubernetes/allow/front.yaml", &["verify"], 64),
        ("inventory.yaml", &["check", "--inventory", "inventory.yaml"], 64),
        ("given.yaml", &["eval", "given.yaml"], 64),
        ("given.yaml", &["verify", "given.yaml"], 64),
        ("given.yaml", &["verify", "--live", "given.yaml"], 64),
    ] {
        let project = built();
        large(&project, path);
        let run = netpolc(project.dir(), args);
        let expected = format!("`{path}` is larger than {most} MiB");
        assert!(run.code == 1 && run.stderr.contains(&expected), "{path}: {} {}", run.code, run.stderr);
    }
}

#[test]
fn a_generated_file_of_a_hundred_megabytes_was_edited() {
    let project = built();
    large(&project, "out/kubernetes/allow/front.yaml");
    let run = netpolc(project.dir(), &["build"]);
    assert!(run.code == 1 && run.stderr.contains("out/kubernetes/allow/front.yaml"), "{} {}", run.code, run.stderr);
}

/// The writer goes on until nobody reads: so much was taken, and no more.
#[test]
fn standard_input_is_read_up_to_its_limit() {
    let lines = [
        (&["eval", "-"][..], 1),
        (&["verify", "-"], 1),
        (&["verify", "--live", "-"], 1),
        (&["check", "--inventory", "-"], 1),
        (&["krm"], 2),
    ];
    for (args, code) in lines {
        let project = built();
        let mut child = Command::new(env!("CARGO_BIN_EXE_netpolc"))
            .args(args)
            .current_dir(project.dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let line = "# a comment\n".repeat(1 << 14);
        let mut taken = 0;
        while stdin.write_all(line.as_bytes()).is_ok() {
            taken += line.len();
            assert!(taken < 80 << 20, "{args:?} goes on reading");
        }
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains("is larger than 64 MiB"), "{args:?}: {said}");
    }
}

#[test]
fn two_lists_of_a_few_kilobytes_are_no_million_edges() {
    let names: Vec<String> = (0..1_100).map(|n| format!("\"t{n}\"")).collect();
    let mut text = "app = \"case\"\n[tiers]\n".to_owned();
    for n in 0..names.len() {
        writeln!(text, "t{n} = {{ namespace = \"n\", pods = {{ app = \"a{n}\" }}, ports = [80] }}").unwrap();
    }
    let list = names.join(",");
    writeln!(text, "[[allow]]\nfrom = [{list}]\nto = [{list}]").unwrap();
    let expected = ["error[NP008]: the project has more than 1000000 edges\n", "--> intents/case.toml:1104:8"];
    intent(&text, &expected);
}

#[test]
fn namespaces_of_both_ends_multiply() {
    let mut text = "app = \"case\"\n[tiers]\n".to_owned();
    for tier in ["a", "b"] {
        let names: Vec<String> = (0..3_000).map(|n| format!("\"{tier}{n}\"")).collect();
        let names = names.join(",");
        writeln!(text, "{tier} = {{ namespace = [{names}], pods = {{ app = \"{tier}\" }}, ports = [80] }}").unwrap();
    }
    text += "[[allow]]\nfrom = \"a\"\nto = \"b\"\n";
    intent(&text, &["error[NP008]: the project has more than 8000000 entries in its policies\n", "case.toml:6:8"]);
}

#[test]
fn lists_ports_and_labels_have_an_end() {
    let list = |n: usize| (1..=n).map(|n| format!("\"x{n}\"")).collect::<Vec<_>>().join(",");
    let ports = (1..=1_001).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let labels = (1..=501).map(|n| format!("x{n} = \"y\"")).collect::<Vec<_>>().join(",");
    let text = format!(
        "app = \"case\"\n[tiers]\na = {{ namespace = [{}], pods = \"all\" }}\nb = {{ namespace = \"b\", pods = {{ {labels} }} }}\n[[allow]]\nfrom = \"a\"\nto = \"b\"\nports = [{ports}]\n",
        list(20_001)
    );
    let run = intent(
        &text,
        &[
            "error[NP008]: `namespace` lists 20001 values\n",
            "help: a list holds at most 20000: use several, or a wider selector or range",
            "error[NP008]: `pods` names 501 labels\n",
            "error[NP008]: `ports` lists 1001 values\n",
            "a list holds at most 1000",
        ],
    );
    assert!(run.stderr.ends_with("3 errors; nothing was written\n"), "{}", run.stderr);
}

#[test]
fn guardrails_are_counted_by_their_pairs() {
    let names: Vec<String> = (0..101).map(|n| format!("\"10.0.{n}.0/24\"")).collect();
    let list = names.join(",");
    let text = format!("{}[[forbid]]\nfrom = [{list}]\nto = [{list}]\n", INTENT.replace("\"shop\"", "\"case\""));
    intent(&text, &["error[NP008]: the project has more than 10000 guardrails\n", "case.toml:10:8"]);
}

#[test]
fn errors_of_a_file_have_an_end_and_so_has_what_is_printed() {
    let expected = ["error[NP008]: the file has 500 errors or more\n", "501 errors; nothing was written\n"];
    intent(&format!("app = \"case\"\nallow = [{}]\n", "{},".repeat(100_000)), &expected);
    let keys: String = (0..100_000).map(|n| format!("key{n} = 1\n")).collect();
    intent(&format!("app = \"case\"\n{keys}"), &expected);
    let unknown: String = (0..30_000).map(|n| format!("[[allow]]\nfrom = \"x{n}\"\nto = \"web\"\n")).collect();
    let text =
        format!("{}{unknown}", INTENT.replace("\"shop\"", "\"case\"").replace("front", "f").replace("back", "b"));
    intent(
        &text,
        &["error[NP008]: the intents have 20000 more findings\n", "… and 9001 more\n", "mend the others first"],
    );
}

#[test]
fn manifests_have_limits_of_their_own() {
    manifest(&"---\na\n".repeat(200_100), &["error[NP008]: the file holds more than 200000 documents\n"]);
    manifest(&"%\n".repeat(100_000), &["the rest of the file was not read", "100 errors; nothing was evaluated\n"]);
    let labels: String = (0..1_001).map(|n| format!("      a{n}: b\n")).collect();
    manifest(
        &format!("{POLICY}  podSelector:\n    matchLabels:\n{labels}"),
        &["error[NP008]: 1001 labels or conditions stand together\n"],
    );
    let asks: String = (0..1_001).map(|n| format!("    - {{key: a{n}, operator: Exists}}\n")).collect();
    manifest(
        &format!("{POLICY}  podSelector:\n    matchExpressions:\n{asks}"),
        &["error[NP008]: 1001 labels or conditions stand together\n"],
    );
    let items = format!("apiVersion: v1\nkind: List\nitems:\n{}", "- a\n".repeat(200_001));
    manifest(&items, &["error[NP008]: the list holds more than 200000 items\n"]);
}

#[test]
fn depth_and_bombs_end_the_reading_of_a_manifest() {
    for text in [
        format!("a: {}", "[".repeat(100_000)),
        format!("a: {}", "{a: ".repeat(100_000)),
        "- ".repeat(100_000),
        (0..1_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
        format!("{POLICY}  podSelector: {}{}\n", "{a: ".repeat(40), "}".repeat(40)),
    ] {
        manifest(&text, &["error[NP710]"]);
    }
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (one, next) in ('a'..='k').zip('b'..='l') {
        writeln!(bomb, "{next}: &{next} [{}]", vec![format!("*{one}"); 9].join(",")).unwrap();
    }
    manifest(&bomb, &["error[NP710]: anchors and aliases have no place in a manifest\n"]);
}

/// A million mistakes are not kept, and of a long text several are told all the same.
#[test]
#[cfg(target_os = "linux")]
fn a_text_of_nothing_but_mistakes_takes_no_more_memory_than_others() {
    let project = Project::new();
    project.write("intents/case.toml", format!("app = \"case\"\n{}", "=\n".repeat(1_500_000)));
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -v 600000; exec \"$0\" build", env!("CARGO_BIN_EXE_netpolc")])
        .current_dir(project.dir());
    let output = command.env("NO_COLOR", "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error[NP001]: the key is missing"), "{said}");

    let text = format!("app = \"case\"\nfirst = = 1\n{}\n[tiers\nlast = = 2\n", "# filled\n".repeat(60_000));
    let run = intent(&text, &["3 errors"]);
    assert!(run.stderr.contains("first = = 1") && run.stderr.contains("[tiers"), "{}", run.stderr);
}

/// A name as long as a book is no misspelt one: nothing is compared with it.
#[test]
fn a_name_of_a_million_characters_is_compared_with_no_other() {
    let long = "a".repeat(1_000_000);
    let text = format!(
        "app = \"case\"\n[tiers]\n{long} = {{ namespace = \"b\", pods = \"all\" }}\n[[allow]]\nfrom = \"{long}b\"\nto = \"{long}c\"\n"
    );
    let run = intent(&text, &["has 1000000 characters", "is not declared"]);
    assert!(run.stderr.len() < 4_000, "{} bytes", run.stderr.len());
}

/// One row for each constant, with its value; and no row that no constant stands behind.
#[test]
fn the_page_lists_what_the_code_says() {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let kib = |bytes: usize| format!("{} KiB", bytes >> 10);
    let count = |n: usize| {
        let digits = n.to_string();
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).unwrap()).collect();
        groups.join(",")
    };
    let limits = [
        mib(source::MAX_FILE_BYTES),
        count(source::MAX_INTENTS),
        mib(source::MAX_PROJECT_BYTES),
        kib(render::MAX_TEMPLATE_BYTES),
        mib(source::MAX_GENERATED_BYTES),
        mib(source::MAX_MANIFESTS_BYTES),
        count(reading::text::MAX_DOCUMENTS),
        format!("{} levels", reading::MAX_DEPTH),
        format!("{} levels", reading::list::MAX_FOREIGN_DEPTH),
        count(reading::MAX_CONDITIONS),
        count(model::MAX_TIERS),
        count(model::MAX_NAMESPACES),
        count(model::MAX_EDGES),
        count(model::MAX_ENTRIES),
        count(model::MAX_FORBIDS),
        count(intent::MAX_LIST),
        count(intent::MAX_PORTS),
        count(intent::MAX_LABELS),
        count(intent::MAX_ERRORS),
        format!("{}, and {} for each byte expected", count(render::FUEL.0), render::FUEL.1),
        format!("{}, and {} for each byte expected", kib(render::BYTES.0), render::BYTES.1),
        mib(source::MAX_GENERATED_BYTES),
        format!("{} GiB", pipeline::MAX_OUTPUT_BYTES >> 30),
    ];
    let page = fs::read_to_string(repo().join("docs/limits.md")).unwrap();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = page.lines().filter(|line| line.starts_with("| ")).map(cells).collect();
    let listed: Vec<&str> = rows.iter().map(|row| row[1].as_str()).filter(|value| *value != "most").collect();
    assert_eq!(listed, limits.iter().map(String::as_str).collect::<Vec<_>>());
}
