//! This checkout as it is published: what git finds at the project's address, and pre-commit on top of it.
//!
//! pre-commit is the real one, and so is what it does: it clones, checks a tag out, and runs the hooks in a repository. Where
//! `NETPOLC_REQUIRE_TOOLS` names it, it also builds netpolc with `cargo install`, once for all tests; without optimization,
//! which nobody looks at here. A release build takes minutes, so elsewhere the published hooks differ in one word: their
//! language is not `rust` but `system`, and they run the netpolc that was built for the tests.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::{repo, requires};

/// Where the project is published.
pub const ADDRESS: &str = env!("CARGO_PKG_REPOSITORY");

/// What pre-commit needs to use the published hooks.
pub struct Published {
    /// A bare repository.
    pub repository: PathBuf,
    /// Environment variables for git, pre-commit, and the hooks.
    pub environment: Vec<(&'static str, String)>,
}

/// The published checkout, made at the first request.
pub fn published() -> &'static Published {
    static PUBLISHED: OnceLock<Published> = OnceLock::new();
    PUBLISHED.get_or_init(|| publish(requires("pre-commit")))
}

/// The same, after pre-commit built what it needs for the hooks, so that no test waits for it in the middle.
pub fn installed() -> &'static Published {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    // What failed once is not tried again: it may have taken minutes.
    if let Err(said) = INSTALLED.get_or_init(|| published().install()) {
        panic!("{said}");
    }
    published()
}

/// A configuration with one hook.
pub fn configuration(hook: &str) -> String {
    format!("repos:\n  - repo: {ADDRESS}\n    rev: v{}\n    hooks:\n      - id: {hook}\n", env!("CARGO_PKG_VERSION"))
}

/// Commits what the checkout holds now, committed or not, to a repository of its own. It is named after what it holds, so
/// that pre-commit finds the environment of an earlier run, and never one of another state.
fn publish(build: bool) -> Published {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("published");
    fs::create_dir_all(&all).unwrap();
    let new = tempfile::tempdir_in(&all).unwrap();
    let bare = new.path().join("netpolc.git");
    let git = |line: &str| {
        let mut git = Command::new("git");
        git.args(line.split_whitespace()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        git.env("HOME", new.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        if line.starts_with("init") {
            git.arg(&bare);
        } else {
            git.env("GIT_DIR", &bare).env("GIT_WORK_TREE", repo());
        }
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "netpolc").env(format!("GIT_{who}_EMAIL"), "netpolc@example.com");
            git.env(format!("GIT_{who}_DATE"), "2026-01-01T00:00:00Z");
        }
        let (code, said) = run(git.current_dir(repo()), Duration::from_secs(120)).unwrap();
        assert_eq!(code, 0, "git {line}: {said}");
        said.trim().to_owned()
    };
    git("init --quiet --bare --initial-branch=main");
    git("add --all");
    if !build {
        let hooks = fs::read_to_string(repo().join(".pre-commit-hooks.yaml")).unwrap();
        assert!(hooks.contains("\n  language: rust\n"));
        let file = new.path().join("hooks.yaml");
        fs::write(&file, hooks.replace("\n  language: rust\n", "\n  language: system\n")).unwrap();
        let blob = git(&format!("hash-object -w {}", file.display()));
        git(&format!("update-index --cacheinfo 100644,{blob},.pre-commit-hooks.yaml"));
    }
    let commit = git(&format!("commit-tree -m netpolc {}", git("write-tree")));
    git(&format!("update-ref refs/heads/main {commit}"));
    git(&format!("tag v{} {commit}", env!("CARGO_PKG_VERSION")));
    let place = all.join(&commit);
    if !place.is_dir() {
        forget_old(&all);
        fs::create_dir_all(&place).unwrap();
        fs::rename(&bare, place.join("netpolc.git")).unwrap();
    }
    Published { environment: environment(&place, build), repository: place.join("netpolc.git") }
}

/// Removes what earlier states left, unless it is so young that somebody may use it now.
fn forget_old(all: &Path) {
    for entry in fs::read_dir(all).unwrap().filter_map(Result::ok) {
        let made = entry.metadata().and_then(|metadata| metadata.modified());
        if made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > Duration::from_secs(3 * 3600))) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn environment(place: &Path, build: bool) -> Vec<(&'static str, String)> {
    let mut environment = vec![
        ("PRE_COMMIT_HOME", place.join("home").display().to_string()),
        // `git.py` of pre-commit keeps these three for its own clones.
        ("GIT_CONFIG_COUNT", "1".to_owned()),
        ("GIT_CONFIG_KEY_0", format!("url.file://{}.insteadOf", place.join("netpolc.git").display())),
        ("GIT_CONFIG_VALUE_0", ADDRESS.to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
    ];
    if build {
        let home = std::env::var("HOME").unwrap_or_default();
        let of_user = |name: &str, folder: &str| std::env::var(name).unwrap_or_else(|_| format!("{home}/{folder}"));
        environment.extend([
            ("CARGO_HOME", of_user("CARGO_HOME", ".cargo")),
            ("RUSTUP_HOME", of_user("RUSTUP_HOME", ".rustup")),
            // Dependencies outlast a change of netpolc.
            ("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("install").display().to_string()),
            ("CARGO_PROFILE_RELEASE_LTO", "off".to_owned()),
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0".to_owned()),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256".to_owned()),
        ]);
    }
    environment
}

impl Published {
    /// A command in a folder, with nothing of the caller's environment but what is needed.
    pub fn command(&self, program: &str, dir: &Path, home: &Path) -> Command {
        let mut command = Command::new(program);
        let binaries = Path::new(env!("CARGO_BIN_EXE_netpolc")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        command.current_dir(dir).env_clear().env("PATH", format!("{}:{path}", binaries.display()));
        command.env("HOME", home).env("LANG", "C.UTF-8").env("NO_COLOR", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Lets pre-commit build the hooks. Another process that does the same waits: pre-commit locks its folder.
    fn install(&self) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".pre-commit-config.yaml"), configuration("netpolc")).unwrap();
        for line in ["git init --quiet", "pre-commit install-hooks"] {
            let mut words = line.split_whitespace();
            let mut command = self.command(words.next().unwrap(), dir.path(), dir.path());
            // A cold build of everything, on a machine that does other things too.
            let (code, said) = run(command.args(words), Duration::from_secs(1200))?;
            if code != 0 {
                return Err(format!("{line} ended with {code}:\n{said}"));
            }
        }
        Ok(())
    }
}

/// Runs a command to its end: its exit code, and what it printed, both streams as they came.
pub fn run(command: &mut Command, limit: Duration) -> Result<(i32, String), String> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let file = || File::options().append(true).open(log.path()).unwrap();
    let child = command.stdin(Stdio::null()).stdout(file()).stderr(file()).spawn();
    let mut child = child.map_err(|error| format!("{command:?}: {error}"))?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err(format!("{command:?} does not end:\n{}", fs::read_to_string(log.path()).unwrap()));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Ok((status.code().unwrap_or(-1), String::from_utf8_lossy(&fs::read(log.path()).unwrap()).into_owned()))
}
