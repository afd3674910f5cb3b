//! The rules of `out/`, each on a folder of its own.

mod build;
mod check;
mod diff;
mod lock;
mod rewrite;
mod safety;

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::*;
use crate::diag::{Code, Diagnostic, codes};
use crate::source::Sources;

const A: &str = "kubernetes/allow/a.yaml";
const B: &str = "kubernetes/baseline/b.yaml";

/// A project folder with `out/` in it.
struct Project {
    temp: tempfile::TempDir,
    scope: Scope,
}

impl Project {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap(), scope: Scope::everything() }
    }

    /// A project with two files built.
    fn built() -> Self {
        let project = Self::new();
        project.build(&wanted(&[(A, "a: 1\n"), (B, "b: 1\n")])).unwrap();
        project
    }

    fn only(mut self, folder: &str) -> Self {
        self.scope = Scope::folders([folder]);
        self
    }

    fn out(&self) -> Utf8PathBuf {
        Utf8Path::from_path(self.temp.path()).unwrap().join("out")
    }

    fn path(&self, path: &str) -> Utf8PathBuf {
        self.out().join(path)
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), bytes).unwrap();
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn inspect(&self) -> Disk {
        inspect(&self.out(), "out".into(), self.scope.clone()).unwrap()
    }

    fn plan(&self, wanted: &Tree) -> Plan {
        plan(&self.inspect(), wanted, &mut Sources::default(), false)
    }

    fn overwrite(&self, wanted: &Tree) -> Plan {
        plan(&self.inspect(), wanted, &mut Sources::default(), true)
    }

    fn build(&self, wanted: &Tree) -> Result<Applied, OutputError> {
        self.plan(wanted).apply()
    }

    fn check(&self, wanted: &Tree) -> Vec<Diagnostic> {
        self.plan(wanted).check_problems(&mut Sources::default())
    }

    /// Everything below the project, with bytes and times, to show that nothing was touched.
    fn snapshot(&self) -> Vec<(Utf8PathBuf, Vec<u8>, std::time::SystemTime)> {
        let out = self.out();
        let tree = crate::source::list_tree(&out, false).unwrap();
        let state = |path: Utf8PathBuf| {
            let metadata = path.symlink_metadata().unwrap();
            let bytes = if metadata.is_file() { fs::read(&path).unwrap() } else { vec![] };
            (path, bytes, metadata.modified().unwrap())
        };
        std::iter::once(out.clone()).chain(tree.into_iter().map(|e| out.join(e.path))).map(state).collect()
    }
}

fn wanted(files: &[(&str, &str)]) -> Tree {
    let head = header(&["intents/app.toml".into()]);
    files.iter().map(|(path, text)| (Utf8PathBuf::from(*path), format!("{head}{text}").into())).collect()
}

fn both() -> Tree {
    wanted(&[(A, "a: 1\n"), (B, "b: 1\n")])
}

fn found(diagnostics: &[Diagnostic]) -> Vec<Code> {
    diagnostics.iter().map(|d| d.code).collect()
}
