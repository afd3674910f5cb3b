//! A folder of output, looked at as `kubectl apply -k` and the API server do.
//!
//! In: folders of dialects. Out: their objects, each of which is accepted; else the test stops, with everything that is
//! wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::limits;
use super::schema::{Definitions, objects};
use crate::support::tree;

/// By dialect, the bytes of annotations of its largest object once `kubectl apply` has added its own.
pub type Largest = BTreeMap<String, usize>;

/// The folders of dialects below `out/`, or below `out/<cluster>/`.
pub fn dialect_folders(out: &Path) -> Vec<PathBuf> {
    let below = |dir: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    };
    let is_dialect = |path: &PathBuf| path.join("kustomization.yaml").is_file();
    let (dialects, clusters): (Vec<PathBuf>, Vec<PathBuf>) = below(out).into_iter().partition(is_dialect);
    let mut all: Vec<PathBuf> = dialects.into_iter().chain(clusters.iter().flat_map(|dir| below(dir))).collect();
    all.sort();
    assert!(all.iter().all(is_dialect), "{all:?}");
    all
}

/// Stops unless everything in the folders is accepted.
pub fn assert_accepted(project: &str, folders: &[PathBuf], definitions: &Definitions) -> Largest {
    let mut problems = vec![];
    let mut largest = Largest::new();
    for folder in folders {
        let dialect = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let most = largest.entry(dialect).or_default();
        problems.extend(lists(folder));
        let mut names = BTreeSet::new();
        for (path, bytes) in tree(folder) {
            let shown = folder.join(&path).display().to_string();
            let text = String::from_utf8(bytes).unwrap();
            problems.extend(limits::words_of_yaml_1_1(&text).iter().map(|word| format!("{shown}: unquoted {word}")));
            if path.ends_with("kustomization.yaml") {
                continue;
            }
            for object in objects(&text).unwrap_or_else(|error| panic!("{shown}: {error}")) {
                let place = format!("{shown}: {} {}", object["kind"], object["metadata"]["name"]);
                let mut found = limits::of_server(&object);
                found.extend(limits::of_ours(&object));
                if definitions.knows(&object) {
                    found.extend(definitions.problems(&object));
                }
                // The second of two objects of one name would silently replace the first.
                if !names.insert(
                    [&object["kind"], &object["metadata"]["namespace"], &object["metadata"]["name"]]
                        .map(Value::to_string),
                ) {
                    found.push("its name is taken".to_owned());
                }
                problems.extend(found.iter().map(|problem| format!("{place}: {problem}")));
                *most = limits::annotation_bytes(&object).max(*most);
            }
        }
        assert!(*most > 0, "{project}: nothing in {}", folder.display());
    }
    let shown = problems.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(problems.is_empty(), "{project}: {} problems, the first are\n{shown}", problems.len());
    largest
}

/// What is wrong with the lists of a base: each of the three must reach exactly the files that are below it.
fn lists(folder: &Path) -> Vec<String> {
    let mut problems = vec![];
    for base in [folder.to_owned(), folder.join("allow"), folder.join("baseline")] {
        let mut reached = BTreeMap::<PathBuf, usize>::new();
        follow(&base, &mut reached);
        let there = tree(&base).into_keys().map(|path| base.join(path));
        let there = there.filter(|path| !path.ends_with("kustomization.yaml"));
        let expected: BTreeMap<PathBuf, usize> = there.map(|path| (path, 1)).collect();
        let paths: BTreeSet<&PathBuf> = reached.keys().chain(expected.keys()).collect();
        let wrong = paths.into_iter().filter(|path| reached.get(*path) != expected.get(*path));
        problems.extend(
            wrong.map(|path| format!("{} reaches {} {:?} times", base.display(), path.display(), reached.get(path))),
        );
    }
    problems
}

fn follow(base: &Path, reached: &mut BTreeMap<PathBuf, usize>) {
    let text = fs::read_to_string(base.join("kustomization.yaml")).unwrap();
    let lists = objects(&text).unwrap();
    assert_eq!(lists.len(), 1, "{}", base.display());
    let fields: Vec<&String> = lists[0].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["apiVersion", "kind", "resources"], "{}", base.display());
    assert_eq!(lists[0]["apiVersion"], "kustomize.config.k8s.io/v1beta1");
    assert_eq!(lists[0]["kind"], "Kustomization");
    for resource in lists[0]["resources"].as_array().unwrap() {
        let path = base.join(resource.as_str().unwrap());
        match path.is_dir() {
            true => follow(&path, reached),
            false => *reached.entry(path).or_default() += 1,
        }
    }
}

#[test]
fn lists_that_are_wrong_are_noticed() {
    let project = crate::support::Project::new();
    project.copy(&crate::support::repo().join("out/kubernetes"));
    assert_eq!(lists(project.dir()), Vec::<String>::new());
    let good = project.read("allow/kustomization.yaml");
    let wrong = |path: &str, text: &str| {
        project.write(path, text);
        assert_ne!(lists(project.dir()), Vec::<String>::new(), "{text}");
        project.write("allow/kustomization.yaml", &good);
    };
    wrong("allow/kustomization.yaml", &good.replace("- backend.yaml\n", "- db.yaml\n"));
    wrong("allow/kustomization.yaml", &good.replacen("  - backend.yaml\n", "", 1));
    wrong("allow/kustomization.yaml", &format!("{good}  - gone.yaml\n"));
    wrong("allow/more.yaml", "");
}
