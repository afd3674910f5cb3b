//! `intents/` gives exactly `out/`, on every machine and in whatever order it is written; and whatever else stands in
//! `out/` is noticed, named and left alone.
//!
//! After an intended change run `cargo run -- build` and read the difference before committing it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{self, Project, netpolc, repo, tool, tree};
use serde::Deserialize;

type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// In the order of their folders.
const DIALECTS: [&str; 3] = ["calico", "cilium", "kubernetes"];

const TODAY: [&str; 2] = ["--today", "2026-01-01"];

/// The repository's intents, not yet built.
fn intents() -> Project {
    let project = Project::with_settings();
    for (path, bytes) in tree(&repo().join("intents")) {
        project.write(&format!("intents/{}", path.display()), bytes);
    }
    project
}

/// The repository's intents with the checked-in output.
fn checked_in() -> Project {
    let project = intents();
    for (path, bytes) in tree(&repo().join("out")) {
        project.write(&format!("out/{}", path.display()), bytes);
    }
    project
}

fn run(project: &Project, args: &[&str]) -> support::Run {
    netpolc(project.dir(), &[args, &TODAY].concat())
}

fn build(project: &Project) -> Tree {
    let run = run(project, &["build"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    out(project)
}

fn out(project: &Project) -> Tree {
    tree(&project.dir().join("out"))
}

/// Fails with the first path that differs; whole trees are too long to read.
fn assert_same(left: &Tree, right: &Tree, what: &str) {
    let paths: BTreeSet<&PathBuf> = left.keys().chain(right.keys()).collect();
    let differing: Vec<&PathBuf> = paths.into_iter().filter(|path| left.get(*path) != right.get(*path)).collect();
    assert!(differing.is_empty(), "{what}: these differ: {differing:?}");
}

#[test]
fn checked_in_output_is_what_the_intents_give() {
    assert_same(&tree(&repo().join("out")), &build(&intents()), "run `cargo run -- build`");
}

#[test]
fn checked_in_output_passes_the_check_and_a_second_build_writes_nothing() {
    let project = checked_in();
    let check = run(&project, &["build", "--check"]);
    assert_eq!(check.code, 0, "{}", check.stderr);
    let modified = |path: &PathBuf| fs::metadata(project.dir().join("out").join(path)).unwrap().modified().unwrap();
    let before: Vec<_> = out(&project).keys().map(modified).collect();
    build(&project);
    let after: Vec<_> = out(&project).keys().map(modified).collect();
    assert_eq!(before, after, "a file was written again");
}

/// A path below `out/` as messages show it.
fn shown(path: &Path) -> String {
    format!("out/{}", path.display())
}

/// The first file of each folder: what is done to one file is done to any of its kind.
fn one_of_each_folder(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<&PathBuf> {
    let mut folders = BTreeSet::new();
    files.keys().filter(|path| !path.ends_with(".netpolc.lock") && folders.insert(path.parent())).collect()
}

#[test]
fn any_edited_byte_fails_the_check_and_is_not_overwritten() {
    let project = checked_in();
    let good = out(&project);
    let edit = |bytes: &[u8], place: usize| {
        let position = [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1][place % 4];
        let mut edited = bytes.to_vec();
        edited[position] = if edited[position] == b'7' { b'8' } else { b'7' };
        edited
    };
    let is_found = |edited: &BTreeMap<PathBuf, Vec<u8>>| {
        edited.iter().for_each(|(path, bytes)| project.write(&shown(path), bytes));
        let check = run(&project, &["build", "--check"]);
        for (path, bytes) in edited {
            let shown = shown(path);
            assert_eq!(check.code, 1, "{shown}: a byte was edited, and --check is content");
            assert!(check.stderr.contains(&shown), "{shown} is not named:\n{}", check.stderr);
            assert_eq!(fs::read(project.dir().join(&shown)).unwrap(), *bytes, "--check wrote");
            project.write(&shown, &good[path]);
        }
    };
    for (number, (path, bytes)) in good.iter().enumerate() {
        is_found(&BTreeMap::from([(path.clone(), edit(bytes, number))]));
    }
    // While files differ, it is no news that the lock does too.
    let policies = || good.iter().filter(|(path, _)| !path.ends_with(".netpolc.lock"));
    for place in 0..4 {
        is_found(&policies().map(|(path, bytes)| (path.clone(), edit(bytes, place))).collect());
    }
    assert_eq!(run(&project, &["build", "--check"]).code, 0);
}

#[test]
fn edited_files_stop_the_build_until_it_is_told_to_overwrite() {
    let project = checked_in();
    let good = out(&project);
    let policies: Vec<&PathBuf> = good.keys().filter(|path| !path.ends_with(".netpolc.lock")).collect();
    let stops = |paths: &[&PathBuf]| {
        let edited = |path: &PathBuf| [good[path].as_slice(), b"# mine\n"].concat();
        paths.iter().for_each(|path| project.write(&shown(path), edited(path)));
        let refused = run(&project, &["build"]);
        let now = out(&project);
        for path in paths {
            let shown = shown(path);
            assert_eq!(refused.code, 1, "{shown}: {}", refused.stdout);
            assert!(refused.stderr.contains(&shown), "{shown} is not named:\n{}", refused.stderr);
            assert_eq!(now[*path], edited(path), "{shown} was overwritten silently");
        }
        assert_eq!(run(&project, &["build", "--overwrite"]).code, 0);
        assert_same(&out(&project), &good, &format!("{paths:?} with --overwrite"));
    };
    one_of_each_folder(&good).into_iter().for_each(|path| stops(&[path]));
    stops(&policies);
}

#[test]
fn one_edited_file_keeps_every_other_from_being_written() {
    let project = checked_in();
    let edited = [project.read("out/kubernetes/allow/backend.yaml").as_str(), "# mine\n"].concat();
    project.write("out/kubernetes/allow/backend.yaml", edited);
    fs::remove_file(project.dir().join("intents/zero-trust.toml")).unwrap();
    let before = out(&project);
    assert_eq!(run(&project, &["build"]).code, 1);
    assert_same(&out(&project), &before, "a refused build wrote");
}

#[test]
fn added_and_removed_files_fail_the_check() {
    let project = checked_in();
    let good = out(&project);
    let added = ["x", ".x", "kubernetes/x.yaml", "kubernetes/.x", "kubernetes/allow/x.yaml", "new/x", "new/.deep/x"];
    for path in added {
        let full = project.dir().join("out").join(path);
        project.write(&format!("out/{path}"), "kind: ConfigMap\n");
        let check = run(&project, &["build", "--check"]);
        assert_eq!(check.code, 1, "out/{path} was added, and --check is content");
        assert!(check.stderr.contains(path.split('/').next_back().unwrap()), "{path}: {}", check.stderr);
        assert_eq!(run(&project, &["build"]).code, 0);
        assert_eq!(run(&project, &["build", "--overwrite"]).code, 0);
        assert_eq!(fs::read(&full).unwrap(), b"kind: ConfigMap\n", "a foreign file was touched");
        fs::remove_file(full).unwrap();
    }
    let is_found = |paths: &[&PathBuf]| {
        paths.iter().for_each(|path| fs::remove_file(project.dir().join(shown(path))).unwrap());
        let check = run(&project, &["build", "--check"]);
        for path in paths {
            let shown = shown(path);
            assert_eq!(check.code, 1, "{shown} was removed, and --check is content");
            assert!(check.stderr.contains(&shown), "{shown}: {}", check.stderr);
            assert!(!project.dir().join(&shown).exists(), "--check wrote");
            project.write(&shown, &good[*path]);
        }
    };
    one_of_each_folder(&good).into_iter().chain([&PathBuf::from(".netpolc.lock")]).for_each(|path| is_found(&[path]));
    is_found(&good.keys().filter(|path| !path.ends_with(".netpolc.lock")).collect::<Vec<_>>());
}

/// Another way to write an intent.
type Rewrite<'a> = &'a dyn Fn(&str) -> String;

/// Lists reversed, tables sorted otherwise, keys written otherwise: the same intent in other words.
fn reversed(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::Array(list) => list.into_iter().rev().map(reversed).collect::<Vec<_>>().into(),
        toml::Value::Table(table) => {
            toml::Value::Table(table.into_iter().map(|(key, value)| (key, reversed(value))).collect())
        }
        other => other,
    }
}

#[test]
fn order_and_line_ends_of_intents_leave_no_trace() {
    let expected = build(&intents());
    let texts: BTreeMap<PathBuf, String> = tree(&repo().join("intents"))
        .into_iter()
        .map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap()))
        .collect();
    let shuffled = |text: &str| toml::to_string(&reversed(text.parse::<toml::Table>().unwrap().into())).unwrap();
    for text in texts.values() {
        assert_ne!(text.find("[tiers]"), shuffled(text).find("[tiers"), "nothing was shuffled");
    }
    let rewrite: [(&str, Rewrite); 4] = [
        ("shuffled", &shuffled),
        ("CRLF", &|text| text.replace('\n', "\r\n")),
        ("byte order mark", &|text| format!("\u{feff}{text}")),
        ("no last line end", &|text| text.trim_end().to_owned()),
    ];
    for (name, rewrite) in rewrite {
        let project = Project::with_settings();
        // Files are created in another order too.
        for (path, text) in texts.iter().rev() {
            project.write(&format!("intents/{}", path.display()), rewrite(text));
        }
        assert_same(&build(&project), &expected, name);
    }
}

#[test]
fn locale_time_zone_and_day_leave_no_trace() {
    let expected = build(&intents());
    let environments: [&[(&str, &str)]; 3] = [
        &[("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8"), ("TZ", "Pacific/Kiritimati")],
        &[("LANG", "C"), ("LC_ALL", "POSIX"), ("TZ", "America/Los_Angeles")],
        &[("LC_ALL", "nonsense"), ("TZ", "Nowhere/Land"), ("RAYON_NUM_THREADS", "1")],
    ];
    for (environment, day) in environments.into_iter().zip(["2020-02-29", "2026-12-31", "2030-12-31"]) {
        let project = intents();
        let status = Command::new(env!("CARGO_BIN_EXE_netpolc"))
            .args(["build", "--today", day])
            .current_dir(project.dir())
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        assert_same(&out(&project), &expected, &format!("{environment:?} on {day}"));
    }
}

/// The folder from which it is called is no part of the meaning either.
#[test]
fn the_current_folder_leaves_no_trace() {
    let project = intents();
    let run = netpolc(&project.dir().join("intents"), &["build", "app.toml", "--today", "2026-01-01"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_same(&out(&project), &build(&intents()), "called from intents/");
}

#[test]
fn building_one_intent_leaves_what_other_apps_own() {
    let project = checked_in();
    let before = out(&project);
    let text = project.read("intents/app.toml").replacen("ports = [5432]", "ports = [5433]", 1);
    project.write("intents/app.toml", text);
    let built = run(&project, &["build", "intents/app.toml"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let after = out(&project);
    let changed: Vec<&str> = after
        .iter()
        .filter(|(path, bytes)| before.get(*path) != Some(bytes))
        .map(|(p, _)| p.to_str().unwrap())
        .collect();
    let own = DIALECTS.iter().flat_map(|dialect| ["backend", "db"].map(|ns| format!("{dialect}/allow/{ns}.yaml")));
    assert_eq!(changed, [".netpolc.lock".to_owned()].into_iter().chain(own).collect::<Vec<_>>());
    assert_eq!(before.len(), after.len());
    assert_eq!(run(&project, &["build", "--check"]).code, 0, "out/ is the project's, whatever was asked to be shown");
}

#[test]
fn building_one_intent_shows_its_own_difference_only() {
    let project = intents();
    let built = run(&project, &["build", "intents/app.toml"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    for own in ["frontend.yaml", "backend.yaml", "db.yaml"] {
        assert!(built.stdout.contains(own), "{own}:\n{}", built.stdout);
    }
    for other in ["boutique.yaml", "orders.yaml", "zero-trust.yaml", "zero-trust/", "tenant-a", "boutique/", "orders/"]
    {
        assert!(!built.stdout.contains(other), "{other}:\n{}", built.stdout);
    }
}

#[test]
fn deleting_an_intent_removes_exactly_its_files() {
    let project = checked_in();
    let before = out(&project);
    fs::remove_file(project.dir().join("intents/app.toml")).unwrap();
    let stale = run(&project, &["build", "--check"]);
    assert_eq!(stale.code, 1, "{}", stale.stdout);
    let after = build(&project);
    let gone: Vec<&str> =
        before.keys().filter(|path| !after.contains_key(*path)).map(|path| path.to_str().unwrap()).collect();
    let folders: Vec<String> =
        DIALECTS.iter().flat_map(|dialect| ["allow", "baseline"].map(|part| format!("{dialect}/{part}"))).collect();
    let own: Vec<String> = folders
        .iter()
        .flat_map(|folder| ["backend", "db", "frontend"].map(|ns| format!("{folder}/{ns}.yaml")))
        .collect();
    assert_eq!(gone, own);
    let changed: Vec<&str> = after
        .iter()
        .filter(|(path, bytes)| before.get(*path) != Some(bytes))
        .map(|(p, _)| p.to_str().unwrap())
        .collect();
    let lists = folders.iter().map(|folder| format!("{folder}/kustomization.yaml"));
    assert_eq!(changed, [".netpolc.lock".to_owned()].into_iter().chain(lists).collect::<Vec<_>>());
}

/// Kind, namespace and name of every object of some YAML documents.
fn objects(text: &str) -> BTreeSet<[String; 3]> {
    let mut objects = BTreeSet::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value = serde_yaml::Value::deserialize(document).unwrap();
        let text = |value: &serde_yaml::Value| value.as_str().unwrap().to_owned();
        let metadata = &value["metadata"];
        let object = [text(&value["kind"]), text(&metadata["namespace"]), text(&metadata["name"])];
        assert!(objects.insert(object.clone()), "{object:?} stands twice");
    }
    objects
}

fn policies(dir: &Path) -> BTreeSet<[String; 3]> {
    let manifests = tree(dir).into_iter().filter(|(path, _)| !path.ends_with("kustomization.yaml"));
    manifests.flat_map(|(_, bytes)| objects(std::str::from_utf8(&bytes).unwrap())).collect()
}

#[test]
fn kustomize_yields_every_policy() {
    if !tool("kubectl") {
        return;
    }
    let mut parts = vec![];
    for folder in ["kubernetes", "kubernetes/baseline", "kubernetes/allow"] {
        let dir = repo().join("out").join(folder);
        let kubectl = Command::new("kubectl").arg("kustomize").arg(&dir).output().unwrap();
        assert!(kubectl.status.success(), "{}", String::from_utf8_lossy(&kubectl.stderr));
        let built = objects(std::str::from_utf8(&kubectl.stdout).unwrap());
        assert_eq!(built, policies(&dir), "{folder}");
        assert!(!built.is_empty());
        parts.push(built);
    }
    assert_eq!(parts[0].len(), parts[1].len() + parts[2].len());
}

#[test]
fn every_object_is_valid_for_kubernetes() {
    if !tool("kubernetes-validate") {
        return;
    }
    let dir = repo().join("out/kubernetes");
    let files: Vec<PathBuf> = tree(&dir)
        .into_keys()
        .filter(|path| !path.ends_with("kustomization.yaml"))
        .map(|path| dir.join(path))
        .collect();
    assert!(!files.is_empty());
    let validate =
        |files: &[PathBuf]| Command::new("kubernetes-validate").arg("--strict").args(files).output().unwrap();
    let good = validate(&files);
    let said = format!("{}{}", String::from_utf8_lossy(&good.stdout), String::from_utf8_lossy(&good.stderr));
    assert!(good.status.success(), "{said}");

    let project = Project::new();
    let bad = String::from_utf8(fs::read(&files[0]).unwrap()).unwrap().replacen("podSelector", "podSelectors", 1);
    project.write("bad.yaml", bad);
    assert!(!validate(&[project.dir().join("bad.yaml")]).status.success(), "the judge accepts everything");
}
