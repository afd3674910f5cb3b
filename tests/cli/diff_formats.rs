//! The formats of `netpolc diff`: one project with every kind of change, and texts that want to be more than texts.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::diff_git::{commit, diff, git_in};
use crate::support::{Project, assert_golden, netpolc, repo};

const SETTINGS: &str = r#"dialects = ["kubernetes"]

[cluster]
scrapers = { namespace = "monitoring", pods = { app = "prometheus" } }

[approved]
cidrs = ["203.0.113.0/24", "198.51.100.0/24"]

[[forbid]]
from = "pay/card"
to   = "shop/web"
why  = "cards stay in the back"
"#;

const SHOP: &str = r#"app   = "shop"
owner = "storefront"

[tiers]
web = { namespace = "front", pods = { app = "web" }, ports = [80] }
api = { namespace = "back",  pods = { app = "api" }, ports = [8080, 8081], accepts = [], metrics = [9090] }
db  = { namespace = "back",  pods = { app = "db" },  ports = [5432] }

[external]
partner = { cidrs = ["203.0.113.0/24"], ports = [443] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"

[[allow]]
from = "api"
to   = "partner"
why  = "offers of the partner"

[[allow]]
from  = "db"
to    = "web"
ports = [9000]
why   = "left over from the old shop"

[[forbid]]
from = "web"
to   = "db"
why  = "the front end never sees the database"
"#;

const PAY: &str = r#"app   = "pay"
owner = "payments"

[tiers]
card = { namespace = "pay", pods = { app = "card" }, ports = [9000, 9001] }

[[allow]]
from = "card"
to   = "shop/db"
why  = "invoices are stored"
"#;

/// Committed as above, and changed in every way.
fn every_change() -> Project {
    let project = Project::new();
    project.write("netpolc.toml", SETTINGS);
    project.write("intents/shop.toml", SHOP);
    project.write("intents/pay.toml", PAY);
    let built = netpolc(project.dir(), &["build", "--today", "2026-05-30"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    commit(&project);
    let settings = SETTINGS.replace(", \"198.51.100.0/24\"", ", \"192.0.2.0/24\"");
    let settings = settings.replace("why  = \"cards", "ports = [80]\nwhy  = \"cards");
    project.write("netpolc.toml", settings + "\n[lints]\nNP501 = \"allow\"\n");
    let shop = SHOP.split("[[forbid]]").next().unwrap();
    let shop =
        shop.replace("ports = [8080, 8081], accepts = [], metrics = [9090]", "ports = [8080], accepts = [\"pay\"]");
    let shop = shop.replace("[\"203.0.113.0/24\"]", "[\"203.0.113.0/24\", \"192.0.2.0/24\"]");
    let shop = shop.replace(
        "from  = \"db\"\nto    = \"web\"\nports = [9000]",
        "from  = \"web\"\nto    = \"db\"\nports = [5432, 5433]",
    );
    project.write("intents/shop.toml", shop);
    let pay = PAY.replace("ports = [9000, 9001]", "ports = [9000]");
    let pay = pay
        + "ports = [5432, 5433]\n\n[[allow]]\nfrom = \"card\"\nto   = \"shop/api\"\nwhy  = \"orders are marked as paid\"\n";
    let pay =
        pay + "\n[[allow]]\nfrom  = \"card\"\nto    = \"internet\"\nports = [\"all/TCP\"]\nwhy   = \"providers\"\n";
    let pay = pay
        + "\n[[waive]]\ncode   = \"NP201\"\nedge   = \"card -> internet\"\nreason = \"providers tell no ports\"\nuntil  = 2026-12-31\n";
    project.write("intents/pay.toml", pay);
    project
}

/// The commit depends on what is rendered, which other tests hold.
fn without_commit(project: &Project, text: &str) -> String {
    let commit = git_in(project.dir(), &["rev-parse", "main"]);
    text.replace(&commit[..12], "COMMIT")
}

fn golden(name: &str, seen: &str) {
    if let Err(difference) = assert_golden(&repo().join("tests/cli/diff").join(name), seen) {
        panic!("{difference}\nNETPOLC_UPDATE=1 cargo test --test it cli:: writes it");
    }
}

#[test]
fn every_change_is_told_in_every_format() {
    let project = every_change();
    let run = |format: &str| {
        let run = diff(project.dir(), &["--against", "main", "--format", format]);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{}", run.stdout);
        without_commit(&project, &run.stdout)
    };
    // Texts come first, as `diff -u` shows them.
    let human = run("human");
    let (texts, told) = human.split_once("\n\n").unwrap();
    assert!(texts.starts_with("--- ") && texts.lines().all(|line| line.starts_with(['-', '+', '@', ' '])), "{texts}");
    golden("every.txt", told);
    let markdown = run("markdown");
    let (told, folded) = markdown.split_once("<details>").unwrap();
    assert!(
        folded.contains("\n\n```diff\n--- a/out/kubernetes/") && folded.ends_with("```\n\n</details>\n"),
        "{folded}"
    );
    golden("every.md", told);
    golden("every.json", &run("json"));
}

#[test]
fn documents_are_what_their_schema_says() {
    let text = std::fs::read_to_string(repo().join("schema/diff.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&serde_json::from_str::<Value>(&text).unwrap()).unwrap();
    let project = every_change();
    let printed = |args: &[&str]| {
        let run = diff(project.dir(), &[args, &["--format", "json"]].concat());
        serde_json::from_str::<Value>(&run.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
    };
    let whole = printed(&["--against", "main"]);
    for document in [&whole, &printed(&[]), &printed(&["intents/pay.toml"])] {
        if let Err(error) = validator.validate(document) {
            panic!("{error} at {}: {document}", error.instance_path());
        }
    }
    for key in whole.as_object().unwrap().keys() {
        let mut less = whole.clone();
        less.as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&less), "{key} is not required");
    }
    assert_eq!((&whole["differs"], &whole["opens"], &whole["closes"]), (&true.into(), &true.into(), &true.into()));
    commit(&project);
    let same = diff(project.dir(), &["--against", "HEAD", "--format", "json"]);
    assert_eq!(same.code, 1, "what is in out/ at HEAD is older than its intents");
    assert_eq!(netpolc(project.dir(), &["build", "--today", "2026-05-30"]).code, 0);
    commit(&project);
    let same = diff(project.dir(), &["--against", "HEAD", "--format", "json"]);
    assert_eq!(same.code, 0, "{}", same.stdout);
    assert_eq!(serde_json::from_str::<Value>(&same.stdout).unwrap()["differs"], false);
}

#[test]
fn a_comment_says_nothing_where_nothing_differs() {
    let project = every_change();
    assert_eq!(netpolc(project.dir(), &["build", "--today", "2026-05-30"]).code, 0);
    commit(&project);
    for args in [&["--against", "HEAD"][..], &[]] {
        let run = diff(project.dir(), &[args, &["--format", "markdown"]].concat());
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    }
    // A text alone is a sentence.
    project.write("intents/pay.toml", project.read("intents/pay.toml").replace("invoices are", "each invoice is"));
    let run = diff(project.dir(), &["--against", "HEAD", "--format", "markdown"]);
    let start = "<!-- netpolc:diff -->\n### netpolc: 2 files change, and no flow opens or closes\n";
    assert!(run.stdout.starts_with(start), "{}", run.stdout);
    assert!(!run.stdout.contains("mermaid") && !run.stdout.contains("| From |"), "{}", run.stdout);
}

/// Whoever may write an intent may write into the comment, and no more than that.
const HOSTILE: &str = "a | b `c` ``` </details> @team #12 !3 <!-- netpolc:diff --> [x](http://example.com) <img src=x>";

fn hostile() -> Project {
    let project = Project::new();
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n");
    let app = "app = \"shop\"\nowner = \"@org/team | x\"\n[tiers]\n\
               end = { namespace = \"subgraph\", pods = { \"style.x/a_b\" = \"c__d\" }, ports = [80] }\n\
               click = { namespace = \"subgraph\", pods = { app = \"x\" } }\n";
    project.write("intents/shop.toml", app);
    commit(&project);
    project.write("intents/shop.toml", format!("{app}[[allow]]\nfrom = \"click\"\nto = \"end\"\nwhy = '{HOSTILE}'\n"));
    project
}

#[test]
fn nothing_that_people_write_becomes_markup() {
    let project = hostile();
    let run = diff(project.dir(), &["--against", "main", "--format", "markdown"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let (told, folded) = run.stdout.split_once("<details>").unwrap();
    assert_eq!(told.matches("<!--").count(), 2, "one of them as code: {told}");
    let row = told.lines().find(|line| line.starts_with("| **opened**")).unwrap();
    assert_eq!(row.matches('|').count(), 7, "{row}");
    // Outside of code there is no markup.
    let outside: String = row.split('`').step_by(2).collect();
    for mark in ["<i", "</", "<!", "@", "#1", "!3", "](", "http"] {
        assert!(!outside.replace("&#1", "").contains(mark), "{mark}: {outside}");
    }
    // The reason stands in the texts too, behind a fence that it cannot end.
    let fence: String = folded.split("\n\n").nth(1).unwrap().chars().take_while(|c| *c == '`').collect();
    assert_eq!(fence.len(), 4, "{folded}");
    assert!(folded.trim_end().ends_with(&format!("\n{fence}\n\n</details>")), "{folded}");
}

#[test]
fn a_comment_always_fits() {
    let project = Project::new();
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n");
    let tiers: String = (0..400)
        .map(|n| format!("t{n} = {{ namespace = \"ns\", pods = {{ app = \"t{n}\" }}, ports = [80] }}\n"))
        .collect();
    let app = format!("app = \"shop\"\n[tiers]\n{tiers}");
    project.write("intents/shop.toml", &app);
    commit(&project);
    let why = "because ".repeat(100);
    let edges: String =
        (1..400).map(|n| format!("[[allow]]\nfrom = \"t{}\"\nto = \"t{n}\"\nwhy = \"{why}\"\n", n - 1)).collect();
    project.write("intents/shop.toml", app + &edges);
    let run = diff(project.dir(), &["--against", "main", "--format", "markdown"]);
    assert!(run.stdout.len() <= 60_000 && run.stdout.len() > 20_000, "{}", run.stdout.len());
    assert!(run.stdout.contains("### netpolc: 399 flows opened"), "{}", &run.stdout[..200]);
    assert!(run.stdout.contains(" more\n") && run.stdout.contains("\nLeft out, as a comment holds no more: "));
    let fences = run.stdout.lines().filter(|line| line.starts_with("```")).count();
    assert_eq!(fences % 2, 0, "what was opened is closed");
    assert_eq!(run.stdout.matches("<details>").count(), run.stdout.matches("</details>").count());
}

/// Reads a chart, and prints what it is: nodes, arrows, groups.
const PARSE: &str = r#"
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const modules = process.argv[1];
const { JSDOM } = createRequire(modules + "/")("jsdom");
globalThis.window = new JSDOM("").window;
globalThis.document = window.document;
const mermaid = (await import(pathToFileURL(modules + "/mermaid/dist/mermaid.core.mjs"))).default;
const text = readFileSync(0, "utf8");
await mermaid.parse(text);
const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
console.log(JSON.stringify({
  nodes: [...db.getVertices().values()].map(node => [node.id, node.text]),
  arrows: db.getEdges().map(edge => [edge.start, edge.end, edge.text, edge.stroke]),
  groups: db.getSubGraphs().map(group => group.title),
}));
"#;

/// The folder of npm's packages that holds one: beside a folder of npm's commands that is on the PATH.
fn modules(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let beside = std::env::split_paths(&path).filter(|dir| dir.ends_with("node_modules/.bin"));
    let found = beside.filter_map(|dir| dir.parent().map(PathBuf::from)).find(|dir| dir.join(name).is_dir());
    let required = std::env::var("NETPOLC_REQUIRE_TOOLS").unwrap_or_default();
    assert!(found.is_some() || !required.split_whitespace().any(|tool| tool == name), "{name} is required");
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

fn parsed(modules: &PathBuf, chart: &str) -> Option<Value> {
    let mut child = Command::new("node")
        .args(["--input-type=module", "--eval", PARSE])
        .arg(modules)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(chart.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

fn chart(markdown: &str) -> String {
    markdown.split_once("```mermaid\n").unwrap().1.split_once("```").unwrap().0.to_owned()
}

#[test]
fn pictures_are_what_mermaid_takes_for_one() {
    let Some(modules) = modules("mermaid") else { return };
    let of = |project: &Project| chart(&diff(project.dir(), &["--against", "main", "--format", "markdown"]).stdout);
    let picture = of(&every_change());
    let read = parsed(&modules, &picture).unwrap_or_else(|| panic!("{picture}"));
    assert_eq!(read["arrows"].as_array().unwrap().len(), picture.matches("linkStyle").count());
    assert!(read["groups"].as_array().unwrap().contains(&"back".into()), "{read}");
    let picture = of(&hostile());
    let read = parsed(&modules, &picture).unwrap_or_else(|| panic!("{picture}"));
    assert_eq!(read["groups"], serde_json::json!(["subgraph"]));
    assert_eq!(read["nodes"].as_array().unwrap().len(), 2, "{read}");
    assert_eq!(read["arrows"].as_array().unwrap().len(), 1, "{read}");
    assert!(parsed(&modules, &picture.replace("[\"", "[[\"")).is_none(), "it takes everything");
}

#[test]
fn a_terminal_gets_no_control_characters() {
    let project = hostile();
    let run = diff(project.dir(), &["--against", "main"]);
    assert!(run.stdout.contains("owner @org/team | x") && run.stdout.contains("</details> @team"), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'));
}
