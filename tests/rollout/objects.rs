//! Rendered objects, one by one, and what each tool looks at.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_yaml::Value;

use crate::support::{Project, netpolc, tree};

/// One object of a kind has one name in its namespace.
pub type Key = (String, String, String);

#[derive(Debug, Clone)]
pub struct Object {
    /// The folder below the dialect's: `allow` or `baseline`.
    pub base: String,
    pub text: String,
    value: Value,
}

pub type Objects = BTreeMap<Key, Object>;

impl Object {
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.value["metadata"]["annotations"][key].as_str()
    }

    /// The same object without the annotations of a prefix.
    pub fn without(&self, prefix: &str) -> Self {
        let mut value = self.value.clone();
        if let Some(annotations) = value["metadata"]["annotations"].as_mapping_mut() {
            annotations.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with(prefix)));
        }
        Self { value, ..self.clone() }
    }
}

/// What a project renders in a dialect; `None` where the dialect cannot say it.
pub fn render(files: &[(&str, &str)], dialect: &str) -> Option<Objects> {
    let project = Project::new();
    for (path, text) in files {
        project.write(path, text);
    }
    let build = netpolc(project.dir(), &["build", "--dialect", dialect]);
    if build.code != 0 {
        assert!(
            build.stderr.contains("error[NP090]: kubernetes has no"),
            "{dialect}: {}{}",
            build.stdout,
            build.stderr
        );
        return None;
    }
    Some(read(&project.dir().join("out").join(dialect)))
}

/// All objects below a dialect's folder.
pub fn read(folder: &Path) -> Objects {
    let mut objects = Objects::new();
    for path in
        tree(folder).into_keys().filter(|path| path.file_name().is_some_and(|name| name != "kustomization.yaml"))
    {
        let base = path.iter().next().unwrap().to_str().unwrap().to_owned();
        for text in documents(&fs::read_to_string(folder.join(&path)).unwrap()) {
            let value: Value = serde_yaml::from_str(&text).unwrap();
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let key = (word(&value["kind"]), word(&value["metadata"]["namespace"]), word(&value["metadata"]["name"]));
            let object = Object { base: base.clone(), text, value };
            assert!(objects.insert(key.clone(), object).is_none(), "{key:?} is there twice");
        }
    }
    objects
}

/// The documents of a text.
pub fn documents(text: &str) -> Vec<String> {
    text.split("---\n").map(str::to_owned).collect()
}
