//! Every rule is listed, named after its file, explained, and does what its examples say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use netpolc::checks::{Group, Rule, all};
use netpolc::diag::codes::INEXPRESSIBLE;

/// The folder below `src/checks` that has no rules, but what several of them ask.
const FACTS: &str = "running";

/// The first line of a project file that is mended too.
const MENDED_PROJECT: &str = "netpolc.toml, mended";

/// The first line of manifests, for both examples.
const INVENTORY: &str = "inventory.yaml";

/// The `toml` and `yaml` blocks of a rule's explanation by what their first line says, `# bad` as `bad`.
fn blocks(rule: &Rule) -> BTreeMap<&'static str, String> {
    let mut blocks = BTreeMap::new();
    let fenced = |language| rule.doc.split(language).skip(1);
    for block in fenced("```toml\n").chain(fenced("```yaml\n")) {
        let (text, _) = block.split_once("```").unwrap_or_else(|| panic!("{}: a block without an end", rule.code));
        let (first, _) = text.split_once('\n').unwrap();
        let word = first.strip_prefix("# ").unwrap_or_else(|| panic!("{}: a block begins with {first:?}", rule.code));
        assert!(blocks.insert(word, text.to_owned()).is_none(), "{}: two blocks `# {word}`", rule.code);
    }
    blocks
}

#[test]
fn every_rule_file_is_in_the_registry() {
    let listed: BTreeSet<String> =
        all().map(|rule| format!("{}/{}.rs", rule.group.name(), rule.name.replace('-', "_"))).collect();
    let mut found = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks");
    for folder in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let group = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if group == FACTS {
            continue;
        }
        assert!(
            Group::ALL.iter().any(|g| g.name() == group),
            "src/checks/{group}/ has no `Group` in src/checks/rule.rs"
        );
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            found.insert(format!("{group}/{name}"));
        }
    }
    let unlisted = found.difference(&listed).map(|file| {
        let line = file.trim_end_matches(".rs").replace('/', "::");
        format!("src/checks/{file} is not listed: add `&{line}::RULE,` to REGISTRY in src/checks/mod.rs")
    });
    let lost = listed.difference(&found).map(|file| format!("a rule says that it is src/checks/{file}"));
    let wrong: Vec<String> = unlisted.chain(lost).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn codes_are_sorted_and_names_are_unique() {
    let codes: Vec<&str> = all().map(|rule| rule.code.0).collect();
    assert!(codes.is_sorted_by(|a, b| a < b), "sort REGISTRY by code, each once: {codes:?}");
    let names: BTreeSet<&str> = all().map(|rule| rule.name).collect();
    assert_eq!(names.len(), codes.len(), "two rules have one name");
    for known in netpolc::diag::codes::ALL {
        assert!(!codes.contains(&known.code.0), "{} is a rule and a code of another stage", known.code);
    }
}

#[test]
fn codes_belong_to_their_group() {
    for rule in all() {
        let prefix = rule.group.prefix();
        assert!(rule.code.0.len() == 5 && rule.code.0.starts_with(prefix), "{} in {:?}", rule.code, rule.group);
    }
}

#[test]
fn every_rule_is_explained() {
    for rule in all() {
        let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(rule.name.chars().all(kebab) && !rule.name.contains("--"), "{}: name {:?}", rule.code, rule.name);
        assert!(
            ["", "edge", "tier", "peer", "external", "workload"].contains(&rule.about),
            "{}: about {:?}",
            rule.code,
            rule.about
        );
        assert!(!rule.summary.is_empty() && !rule.summary.ends_with('.'), "{}: summary {:?}", rule.code, rule.summary);
        assert!(rule.doc.contains("To mend it, "), "{}: the explanation does not say how to mend it", rule.code);
        assert!(rule.doc.lines().all(|line| line.len() <= 120), "{}: a line above 120 characters", rule.code);
        let blocks = blocks(rule);
        for word in ["bad", "mended"] {
            assert!(blocks.contains_key(word), "{}: no example `# {word}`", rule.code);
        }
        assert!(
            blocks
                .keys()
                .all(|word| ["bad", "mended", "netpolc.toml", "neighbour", MENDED_PROJECT, INVENTORY].contains(word)),
            "{}: blocks {:?}",
            rule.code,
            blocks.keys()
        );
        for (word, text) in blocks.iter().filter(|(word, _)| **word != INVENTORY) {
            assert!(toml::from_str::<toml::Table>(text).is_ok(), "{}: `# {word}` is no TOML", rule.code);
        }
    }
}

/// The codes that `netpolc check` reports for one intent with what stands beside it, but that of what some dialect cannot say:
/// rules know no dialects, and their examples name none.
fn check(intent: &str, project: &str, blocks: &BTreeMap<&str, String>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("intents")).unwrap();
    std::fs::write(folder.path().join("intents/example.toml"), intent).unwrap();
    let beside = [(project, "netpolc.toml"), ("neighbour", "intents/neighbour.toml"), (INVENTORY, INVENTORY)];
    for (word, path) in beside {
        if let Some(text) = blocks.get(word) {
            std::fs::write(folder.path().join(path), text).unwrap();
        }
    }
    let mut args = vec!["check", "--format", "json", "--today", "2026-01-01"];
    if blocks.contains_key(INVENTORY) {
        args.extend(["--inventory", INVENTORY]);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_netpolc")).args(args).current_dir(folder.path()).output().unwrap();
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("no JSON ({error}): {}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()))
    });
    let findings = findings.as_array().unwrap();
    let codes = findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned());
    codes.filter(|code| *code != INEXPRESSIBLE.0).collect()
}

#[test]
fn bad_examples_give_their_code_alone_and_mended_ones_nothing() {
    let mut wrong = vec![];
    for rule in all() {
        let blocks = blocks(rule);
        let bad = check(&blocks["bad"], "netpolc.toml", &blocks);
        if bad != [rule.code.0] {
            wrong.push(format!("{} bad: {bad:?}", rule.code));
        }
        let project = if blocks.contains_key(MENDED_PROJECT) { MENDED_PROJECT } else { "netpolc.toml" };
        let mended = check(&blocks["mended"], project, &blocks);
        if !mended.is_empty() {
            wrong.push(format!("{} mended: {mended:?}", rule.code));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
