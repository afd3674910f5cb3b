//! What the tests of the binary share: projects in temporary folders, runs, golden files.

#![allow(clippy::print_stderr, reason = "a skipped test says why")]

pub mod chance;
pub mod published;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A project in a temporary folder, removed at the end.
pub struct Project(tempfile::TempDir);

impl Project {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn dir(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir().join(path)).unwrap()
    }

    /// A project with the repository's own project file, and no intents yet.
    pub fn with_settings() -> Self {
        let project = Self::new();
        project.write("netpolc.toml", fs::read(repo().join("netpolc.toml")).unwrap());
        project
    }

    /// Copies a folder's files into the project.
    pub fn copy(&self, from: &Path) {
        for (path, bytes) in tree(from) {
            self.write(path.to_str().unwrap(), bytes);
        }
    }
}

/// What a run printed and how it ended.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the binary in a folder, without colours and without anything of the caller's environment that could matter.
pub fn netpolc(dir: &Path, args: &[&str]) -> Run {
    run(dir, args, &[])
}

/// The same where all of a project is held at once, whatever could be done in parts.
pub fn netpolc_whole(dir: &Path, args: &[&str]) -> Run {
    run(dir, args, &[("NETPOLC_WHOLE", "1")])
}

fn run(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_netpolc"))
        .args(args)
        .current_dir(dir)
        .env_remove("CLICOLOR_FORCE")
        .env_remove("NETPOLC_WHOLE")
        .env("NO_COLOR", "1")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Every file below a folder, by its relative path.
pub fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(dir: &Path, base: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, base, files);
            } else {
                files.insert(path.strip_prefix(base).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    if dir.is_dir() {
        walk(dir, dir, &mut files);
    }
    files
}

/// Compares with a golden file, or writes it when `NETPOLC_UPDATE` is set.
pub fn assert_golden(path: &Path, seen: &str) -> Result<(), String> {
    if std::env::var_os("NETPOLC_UPDATE").is_some() {
        fs::write(path, seen).unwrap();
        return Ok(());
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == seen {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(expected.as_str(), seen);
    Err(format!("{}\n{}", path.display(), diff.unified_diff().context_radius(3).header("expected", "seen")))
}

/// The repository.
pub fn repo() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether an outside tool is there. Where it must be (`NETPOLC_REQUIRE_TOOLS` names it), its absence is a failure; else the
/// test says that it is skipped, and why.
pub fn tool(name: &str) -> bool {
    let found =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()));
    assert!(found || !requires(name), "{name} is required and not on the PATH");
    if !found {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Whether `NETPOLC_REQUIRE_TOOLS` names a tool.
pub fn requires(name: &str) -> bool {
    let required = std::env::var("NETPOLC_REQUIRE_TOOLS").unwrap_or_default();
    required.split_whitespace().any(|tool| tool == name)
}

/// The folder of an npm package: beside a folder of npm's commands that is on the PATH.
pub fn package(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .filter(|dir| dir.ends_with("node_modules/.bin"))
        .map(|dir| dir.with_file_name(name))
        .find(|dir| dir.is_dir());
    assert!(found.is_some() || !requires(name), "{name} is required and not found");
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// A Python that has a library: such as have no command of their own.
pub fn python_with(library: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has = |python: &PathBuf| {
        let import = Command::new(python).args(["-c", &format!("import {library}")]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let found = std::env::split_paths(&path).map(|dir| dir.join("python3")).find(has);
    let required = std::env::var("NETPOLC_REQUIRE_TOOLS").unwrap_or_default();
    assert!(
        found.is_some() || !required.split_whitespace().any(|tool| tool == library),
        "{library} is required and no python3 on the PATH knows it"
    );
    if found.is_none() {
        eprintln!("skipped: the library {library} is not installed");
    }
    found
}
