//! The function config: which project is meant, and which of its outputs.
//!
//! In: the value of `functionConfig`. Out: a [`Config`], or all that is wrong with it, field by field. Nothing in it is guessed
//! and nothing passed over: a misspelt key would else change what is written. [`FIELDS`] is the one list of what it may say, for
//! the reader here and for the schema.

use camino::{Utf8Component, Utf8Path};
use serde_json::{Value, json};

use super::results::{Problem, ResourceRef};
use super::tree::Tree;
use crate::diag::{Diagnostic, Diagnostics, Level, is_deceptive, nearest, quote};
use crate::dialects;
use crate::pipeline::Project;
use crate::source::{self, EntryKind, Files, PROJECT_FILE, Root};

/// Version and kind of a function config.
const VERSION: &str = "netpolc.dev/v1alpha1";
const KIND: &str = "NetworkPolicies";
/// The folder in which intents stand that are handed over.
const INTENTS: &str = "intents";
/// How messages call the root of a project that is handed over.
const HANDED: &str = "functionConfig";

/// A field of `spec`.
struct Field {
    name: &'static str,
    what: What,
    about: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Text,
    Texts,
}

const FIELDS: [Field; 5] = [
    Field {
        name: "dialect",
        what: What::Text,
        about: "The dialect of the policies, as kubernetes. It can be left out where the project has only one.",
    },
    Field { name: "cluster", what: What::Text, about: "The cluster, where the project file names clusters." },
    Field {
        name: "root",
        what: What::Text,
        about: "A folder of the project on disk, from the folder in which the function runs. It can be left out where that \
                one is of the project.",
    },
    Field {
        name: "intents",
        what: What::Texts,
        about: "The intents themselves, by their file names: then nothing is read from disk.",
    },
    Field { name: "project", what: What::Text, about: "The text of netpolc.toml that belongs to these intents." },
];

/// What a ConfigMap, the other form that orchestrators give a function config (`kpt fn eval -- dialect=calico`), may say.
const OF_CONFIG_MAP: [&str; 3] = ["dialect", "cluster", "root"];

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) dialect: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) place: Place,
    /// What holds the fields: `spec`, or `data` of a ConfigMap.
    inside: &'static str,
}

/// Where the project is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// That of the current folder.
    #[default]
    Here,
    /// That of another folder.
    Folder(String),
    /// These are its files.
    Handed(Files),
}

/// What the function config is called.
pub(super) fn reference(config: &Tree) -> ResourceRef {
    let word = |path: &[&str]| config.text_at(path).unwrap_or_default().to_owned();
    ResourceRef {
        api_version: word(&["apiVersion"]),
        kind: word(&["kind"]),
        namespace: word(&["metadata", "namespace"]),
        name: word(&["metadata", "name"]),
    }
}

impl Config {
    /// Reads a function config; none at all asks for nothing special.
    pub(super) fn read(config: Option<&Tree>) -> (Self, Vec<Problem>) {
        let mut this = Self { inside: "spec", ..Self::default() };
        let Some(config) = config else { return (this, vec![]) };
        let is = |version: &str, kind: &str| {
            config.text_at(&["apiVersion"]) == Some(version) && config.text_at(&["kind"]) == Some(kind)
        };
        let known: Vec<&Field> = if is(VERSION, KIND) {
            FIELDS.iter().collect()
        } else if is("v1", "ConfigMap") {
            this.inside = "data";
            FIELDS.iter().filter(|field| OF_CONFIG_MAP.contains(&field.name)).collect()
        } else {
            let message = "this is no function config of netpolc";
            return (
                this,
                vec![problem(None, message, Some(&format!("write apiVersion: {VERSION} and kind: {KIND}")))],
            );
        };
        let mut problems = vec![];
        let around = ["apiVersion", "kind", "metadata", this.inside];
        unknown_keys(config, "", &around, &mut problems);
        let empty = Tree::Map(vec![]);
        let spec = config.get(this.inside).unwrap_or(&empty);
        if !matches!(spec, Tree::Map(_)) {
            problems.push(problem(Some(this.inside), format!("{}, not a map", spec.kind()), None));
            return (this, problems);
        }
        let names: Vec<&str> = known.iter().map(|field| field.name).collect();
        unknown_keys(spec, &format!("{}.", this.inside), &names, &mut problems);
        this.fields(spec, &known, &mut problems);
        (this, problems)
    }

    fn fields(&mut self, spec: &Tree, known: &[&Field], problems: &mut Vec<Problem>) {
        let mut text = |name: &str| {
            let field = known.iter().find(|field| field.name == name && field.what == What::Text)?;
            match spec.get(field.name)? {
                Tree::Text(text) if text.is_empty() => {
                    problems.push(problem(Some(&self.field(name)), "the string is empty", Some("leave it out")));
                    None
                }
                Tree::Text(text) => Some(text.clone()),
                other => {
                    let help =
                        matches!(other, Tree::Bool(_) | Tree::Int(_) | Tree::Float(_)).then_some("put it in quotes");
                    problems.push(problem(Some(&self.field(name)), format!("{}, not a string", other.kind()), help));
                    None
                }
            }
        };
        let [dialect, cluster, root, project] = ["dialect", "cluster", "root", "project"].map(&mut text);
        if let Some(name) = dialect.as_ref().filter(|name| dialects::find(name).is_none()) {
            let known: Vec<&str> = dialects::REGISTRY.iter().map(|dialect| dialect.name()).collect();
            problems.push(self.unknown("dialect", name, &known));
        }
        let intents = spec.get("intents").filter(|_| known.iter().any(|field| field.what == What::Texts));
        self.place = match (intents, root) {
            (Some(intents), root) => {
                if root.is_some() {
                    let message = "`intents` are handed over, so there is no folder to look into";
                    problems.push(problem(Some(&self.field("root")), message, Some("leave one of the two out")));
                }
                Place::Handed(self.handed(intents, project, problems))
            }
            (None, root) => {
                if project.is_some() {
                    let message = "a project file without `intents`";
                    let help = "hand the intents over too, or leave it out: that of the project on disk is read";
                    problems.push(problem(Some(&self.field("project")), message, Some(help)));
                }
                root.map_or(Place::Here, Place::Folder)
            }
        };
        (self.dialect, self.cluster) = (dialect, cluster);
    }

    /// The files of a project that is handed over.
    fn handed(&self, intents: &Tree, project: Option<String>, problems: &mut Vec<Problem>) -> Files {
        let mut files = Files::new();
        let Tree::Map(pairs) = intents else {
            problems.push(problem(Some(&self.field("intents")), format!("{}, not a map", intents.kind()), None));
            return files;
        };
        if pairs.is_empty() {
            let message = "there are no intents";
            problems.push(problem(Some(&self.field("intents")), message, Some("write `app.toml: |` and an intent")));
        }
        for (name, value) in pairs {
            let (Some(path), Some(text)) = (name.text(), value.text()) else {
                let (what, other) = if name.text().is_some() { ("", value) } else { ("its name is ", name) };
                let field = self.intent(name.text().unwrap_or_default());
                let message = format!("{what}{}, not a string", other.kind());
                problems.push(problem(Some(&field), message, Some("write the text of the intent behind `|`")));
                continue;
            };
            if !is_name(path) {
                let message = format!("{} is no name of an intent", quote(path));
                let help = "write a relative path that ends in `.toml`, without names that begin with a dot";
                problems.push(problem(Some(&self.intent(path)), message, Some(help)));
                continue;
            }
            files.insert(Utf8Path::new(INTENTS).join(path), text.as_bytes().to_vec());
        }
        files.extend(project.map(|text| (PROJECT_FILE.into(), text.into_bytes())));
        files
    }

    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.inside)
    }

    fn intent(&self, name: &str) -> String {
        let shown = quote(name);
        format!("{}[\"{}\"]", self.field("intents"), shown.trim_matches('`'))
    }

    fn unknown(&self, what: &str, name: &str, known: &[&str]) -> Problem {
        let help = nearest(name, known.iter().copied())
            .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean {}?", quote(near)));
        problem(Some(&self.field(what)), format!("there is no {what} {}", quote(name)), Some(&help))
    }

    /// The project's root.
    ///
    /// # Errors
    /// What is wrong with the folder.
    pub(super) fn root(&self, cwd: &Utf8Path) -> Result<Root, Problem> {
        let found = match &self.place {
            Place::Handed(files) => return Ok(Root::of_files(HANDED, files.clone())),
            Place::Here => source::find_root(&[], cwd),
            Place::Folder(folder) => match source::entry_kind(&cwd.join(folder)) {
                Ok(Some(EntryKind::Folder | EntryKind::Link)) => source::find_root(&[folder.into()], cwd),
                _ => {
                    let message = format!("there is no folder {}", quote(folder));
                    let help = format!("write it as seen from {cwd}, where the function runs");
                    return Err(problem(Some(&self.field("root")), message, Some(&help)));
                }
            },
        };
        found.map_err(|error| problem(Some(&self.field("root")), error.to_string(), None))
    }

    /// What the project does not have, or has several of. A project file in which something is wrong says nothing of it.
    pub(super) fn against(&self, project: &Project, found: &Diagnostics) -> Vec<Problem> {
        let file = |found: &Diagnostic| found.primary.as_ref().map(|primary| project.sources.path(primary.span.file));
        if found.iter().any(|found| found.level == Level::Error && file(found).is_some_and(|path| path == PROJECT_FILE))
        {
            return vec![];
        }
        let mut problems = vec![];
        let dialects: Vec<&str> = project.dialects.iter().map(|dialect| dialect.name()).collect();
        match &self.dialect {
            None if dialects.len() > 1 => {
                let help = format!("write one of {}: the one whose engine the cluster runs", dialects.join(", "));
                problems.push(problem(Some(&self.field("dialect")), "the project has several dialects", Some(&help)));
            }
            Some(name) if dialects::find(name).is_some() && !dialects.contains(&name.as_str()) => {
                let message = format!("{PROJECT_FILE} leaves the dialect {} out", quote(name));
                let help = format!("known: {}", dialects.join(", "));
                problems.push(problem(Some(&self.field("dialect")), message, Some(&help)));
            }
            _ => {}
        }
        let clusters = project.clusters();
        match (&self.cluster, clusters.as_slice()) {
            (None, []) => {}
            (Some(name), []) => {
                let message = format!("there is no cluster {}: {PROJECT_FILE} names none", quote(name));
                problems.push(problem(Some(&self.field("cluster")), message, Some("leave it out")));
            }
            (Some(name), known) if !known.contains(&name.as_str()) => {
                problems.push(self.unknown("cluster", name, known));
            }
            (None, [_, _, ..] | [_]) => {
                let help = format!("write one of {}", clusters.join(", "));
                problems.push(problem(Some(&self.field("cluster")), "the project has clusters", Some(&help)));
            }
            (Some(_), _) => {}
        }
        if matches!(self.place, Place::Handed(_)) && project.intents_dir != INTENTS {
            let message = "`paths` has no meaning where the intents are handed over";
            problems.push(problem(Some(&self.field("project")), message, Some("leave `intents` of `paths` out")));
        }
        problems
    }
}

/// Whether an intent of this name is read: it is a file of the intents' folder, and not hidden.
fn is_name(path: &str) -> bool {
    let path = Utf8Path::new(path);
    let normal = |part: Utf8Component<'_>| matches!(part, Utf8Component::Normal(name) if !name.starts_with('.'));
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"))
        && path.components().all(normal)
        && !path.as_str().chars().any(|c| is_deceptive(c) || c == '\\')
}

fn unknown_keys(map: &Tree, before: &str, known: &[&str], problems: &mut Vec<Problem>) {
    for (key, _) in map.pairs() {
        let name = key.text().unwrap_or_default();
        if !known.contains(&name) {
            let help = nearest(name, known.iter().copied()).map_or_else(
                || format!("known: {}", known.join(", ")),
                |near| format!("did you mean {}?", quote(near)),
            );
            let field = format!("{before}{}", quote(name).trim_matches('`'));
            problems.push(problem(Some(&field), "unknown key", Some(&help)));
        }
    }
}

fn problem(field: Option<&str>, message: impl Into<String>, help: Option<&str>) -> Problem {
    Problem { field: field.map(str::to_owned), message: message.into(), help: help.map(str::to_owned) }
}

/// The schema of a function config.
pub(in crate::cli) fn schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "minLength": 1, "description": about });
    let field = |field: &Field| match field.what {
        What::Text => text(field.about),
        What::Texts => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": { "type": "string" },
            "description": field.about,
        }),
    };
    let mut properties: serde_json::Map<String, Value> =
        FIELDS.iter().map(|known| (known.name.to_owned(), field(known))).collect();
    if let Some(dialect) = properties.get_mut("dialect").and_then(Value::as_object_mut) {
        let names: Vec<&str> = dialects::REGISTRY.iter().map(|dialect| dialect.name()).collect();
        dialect.insert("enum".to_owned(), json!(names));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "netpolc function config",
        "description": "What `netpolc krm` takes as functionConfig: which project, and which of its outputs.",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "additionalProperties": false,
        "properties": {
            "apiVersion": { "const": VERSION },
            "kind": { "const": KIND },
            "metadata": { "type": "object", "description": "Name and annotations, as of any object." },
            "spec": {
                "type": "object",
                "description": "Which project, and which of its outputs.",
                "additionalProperties": false,
                "properties": properties,
                "dependentRequired": { "project": ["intents"] },
                "not": { "required": ["root", "intents"] },
            },
        },
    })
}

#[cfg(test)]
mod tests;
