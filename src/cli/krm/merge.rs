//! Policies into a list of objects, of which some may be policies that netpolc made before.
//!
//! In: what came, and what was rendered. Out: the objects of the answer. What netpolc did not make stays, in its place. What it
//! made before and still makes keeps its place too, and its text where that says the same; what it makes no more is left out, as
//! else a list that is kept (kpt writes it back to disk) would keep every flow that was ever open. So a second run changes
//! nothing. What may never happen: an object of somebody else replaced, or two of one name.

use std::collections::{BTreeMap, BTreeSet};

use super::config;
use super::list::{Item, List, Object};
use super::results::{Severity, Told};
use super::tree::Tree;

/// The label on everything that netpolc makes, and its value there (the templates write it).
const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "netpolc");
/// The annotation that names the apps of a policy.
const APPS: &str = "netpolc.dev/app";

/// Annotations by which orchestrators remember where an object came from (`kyaml/kio/kioutil/kioutil.go`, and for the last
/// `api/internal/utils/annotations.go` of kubernetes-sigs/kustomize): they are no part of what it says. Others of their
/// prefixes are: `local-config` keeps an object from being applied.
const BOOKKEEPING: [&str; 4] =
    ["config.kubernetes.io/index", "config.kubernetes.io/path", "config.k8s.io/id", "kustomize.config.k8s.io/id"];
const BOOKKEEPING_PREFIX: &str = "internal.config.kubernetes.io/";
/// Where an item that came from a file says so.
const PATHS: [&str; 2] = ["config.kubernetes.io/path", "internal.config.kubernetes.io/path"];

/// A rendered policy.
pub(super) struct Made<'a> {
    pub(super) value: Tree,
    pub(super) text: &'a str,
}

/// By what two objects are one for an API server.
type Identity<'v> = [&'v str; 4];

fn identity(value: &Tree) -> Identity<'_> {
    let word = |path: &[&str]| value.text_at(path).unwrap_or_default();
    [group(value), word(&["kind"]), word(&["metadata", "namespace"]), word(&["metadata", "name"])]
}

fn group(value: &Tree) -> &str {
    value.text_at(&["apiVersion"]).and_then(|version| version.split_once('/')).map_or("", |(group, _)| group)
}

/// The items that are passed on whatever happens: all but the function config. kustomize puts it among the items of a generator,
/// which else get none (`api/internal/plugins/fnplugin`), and it is no output. Of kpt it is a file of the package: leaving it out
/// would delete that.
pub(super) fn passed<'l>(list: &'l List<'_>) -> Vec<&'l Item<'l>> {
    let is_config = |value: &Tree| {
        let from_file = PATHS.iter().any(|path| value.text_at(&["metadata", "annotations", path]).is_some());
        !from_file && list.config.as_ref().is_some_and(|config| identity(config) == identity(value))
    };
    list.items.iter().filter(|item| !is_config(&item.value)).collect()
}

/// Puts policies into a list. `apps`: those of the project.
///
/// # Errors
/// Objects of somebody else that have the name of a policy.
pub(super) fn merge<'l>(
    items: &[&'l Item<'l>],
    made: &'l [Made<'l>],
    apps: &BTreeSet<&str>,
) -> Result<(Vec<Object<'l>>, Vec<Told>), Vec<Told>> {
    let groups: BTreeSet<&str> = made.iter().map(|made| group(&made.value)).collect();
    // Of another dialect there may be policies of another function.
    let is_ours = |value: &Tree| {
        value.text_at(&["metadata", "labels", LABEL.0]) == Some(LABEL.1) && groups.contains(group(value))
    };
    let mut rest: BTreeMap<Identity<'_>, (usize, &Made<'_>)> =
        made.iter().enumerate().map(|(place, made)| (identity(&made.value), (place, made))).collect();
    let names: BTreeSet<Identity<'_>> = rest.keys().copied().collect();
    let (mut objects, mut told, mut errors) = (vec![], vec![], vec![]);
    for item in items {
        let id = identity(&item.value);
        match rest.get(&id) {
            Some((_, made)) if says_the_same(&item.value, &made.value) => objects.push(Object::Passed(item)),
            Some((_, made)) if is_ours(&item.value) => {
                objects.push(Object::Made { value: &made.value, text: made.text });
            }
            None if !names.contains(&id) && is_ours(&item.value) => {
                told.push(removed(&item.value, apps));
                continue;
            }
            // A second of one name, where the first has taken its place.
            None if is_ours(&item.value) => continue,
            None if !names.contains(&id) => {
                objects.push(Object::Passed(item));
                continue;
            }
            _ => {
                errors.push(foreign(&item.value));
                continue;
            }
        }
        rest.remove(&id);
    }
    let mut rest: Vec<(usize, &Made<'_>)> = rest.into_values().collect();
    rest.sort_by_key(|(place, _)| *place);
    objects.extend(rest.into_iter().map(|(_, made)| Object::Made { value: &made.value, text: made.text }));
    if errors.is_empty() { Ok((objects, told)) } else { Err(errors) }
}

/// Whether an object says what a policy says, apart from what orchestrators note on it.
fn says_the_same(came: &Tree, made: &Tree) -> bool {
    sorted(came, &[]) == sorted(made, &[])
}

/// The value without notes of orchestrators, and with maps in the order of their keys: kustomize sorts them.
fn sorted(value: &Tree, path: &[&str]) -> Tree {
    let is_note = |key: &Tree| {
        path == ["metadata", "annotations"]
            && key.text().is_some_and(|key| BOOKKEEPING.contains(&key) || key.starts_with(BOOKKEEPING_PREFIX))
    };
    match value {
        Tree::Map(pairs) => {
            let of = |(key, value): &(Tree, Tree)| {
                let path: Vec<&str> = path.iter().copied().chain([key.text().unwrap_or_default()]).collect();
                (key.clone(), sorted(value, &path))
            };
            let mut pairs: Vec<(Tree, Tree)> = pairs.iter().filter(|(key, _)| !is_note(key)).map(of).collect();
            // Nothing is left of annotations that were all notes.
            pairs.retain(|(key, value)| {
                !(path == ["metadata"] && key.text() == Some("annotations") && *value == Tree::Map(vec![]))
            });
            pairs.sort_by(|(a, _), (b, _)| a.text().cmp(&b.text()));
            Tree::Map(pairs)
        }
        Tree::List(list) => {
            let inside: Vec<&str> = path.iter().copied().chain([""]).collect();
            Tree::List(list.iter().map(|value| sorted(value, &inside)).collect())
        }
        other => other.clone(),
    }
}

fn removed(value: &Tree, apps: &BTreeSet<&str>) -> Told {
    let about = config::reference(value);
    let message =
        format!("{} was made by netpolc before, and the intents ask for it no more: it is left out", about.shown());
    let of = value.text_at(&["metadata", "annotations", APPS]).unwrap_or_default();
    match of.split(", ").filter(|app| !app.is_empty() && !apps.contains(app)).collect::<Vec<_>>().as_slice() {
        [] => Told::about(Severity::Info, &about, message, None),
        others => {
            let message = format!("{message}; its app {} is not of this project", others.join(", "));
            let help = "all intents of a cluster are one project: two functions in one list would replace each other's policies";
            Told::about(Severity::Warning, &about, message, Some(help))
        }
    }
}

fn foreign(value: &Tree) -> Told {
    let about = config::reference(value);
    let message = format!("{} is in the list already, and netpolc did not make it", about.shown());
    let help = format!("rename or remove it; what netpolc makes carries the label {}: {}", LABEL.0, LABEL.1);
    Told::about(Severity::Error, &about, message, Some(&help))
}

#[cfg(test)]
mod tests;
