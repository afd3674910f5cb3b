//! The Dockerfile of the sidecar. No engine builds it here: what it copies, runs and starts is looked at one by one.

use std::fs;
use std::process::Command;

use super::server::Plugin;
use super::shipped;
use crate::support::{repo, tree};

/// A stage: its base, and its instructions with their words.
struct Stage {
    base: String,
    instructions: Vec<(String, String)>,
}

impl Stage {
    fn all(&self, name: &str) -> Vec<&str> {
        self.instructions.iter().filter(|(word, _)| word == name).map(|(_, rest)| rest.as_str()).collect()
    }

    /// The only instruction of a name.
    fn one(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name}");
        all[0]
    }
}

fn stages() -> [Stage; 2] {
    let mut stages: Vec<Stage> = vec![];
    let text = shipped("Dockerfile").replace("\\\n", " ");
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap();
        match (word, stages.last_mut()) {
            ("FROM", _) => stages.push(Stage { base: rest.to_owned(), instructions: vec![] }),
            (_, Some(stage)) => stage.instructions.push((word.to_owned(), rest.to_owned())),
            (_, None) => panic!("{line} stands before FROM"),
        }
    }
    stages.try_into().unwrap_or_else(|_| panic!("two stages"))
}

/// What is copied from the checkout: the paths, and where they go.
fn copied() -> Vec<(Vec<String>, String)> {
    let stages = stages();
    let copies = stages.iter().flat_map(|stage| stage.all("COPY")).filter(|copy| !copy.starts_with("--from="));
    copies
        .map(|copy| {
            let mut words: Vec<String> = copy.split_whitespace().map(str::to_owned).collect();
            let target = words.pop().unwrap();
            (words, target)
        })
        .collect()
}

#[test]
fn the_last_stage_is_the_binary_and_the_plugin_and_no_shell() {
    let [build, last] = stages();
    assert_eq!(last.base, "scratch");
    let copies = last.all("COPY");
    assert_eq!(
        copies,
        [
            "--from=build /src/target/release/netpolc /usr/local/bin/netpolc",
            // Where the server reads it (common/common.go, `DefaultPluginConfigFilePath` and `PluginConfigFileName`).
            "docs/argocd/plugin.yaml /home/argocd/cmp-server/config/plugin.yaml",
        ]
    );
    assert!(build.base.ends_with(" AS build") && build.one("WORKDIR") == "/src");
    // Nothing but exec forms: words in brackets.
    for (word, rest) in
        last.instructions.iter().filter(|(word, _)| ["RUN", "CMD", "ENTRYPOINT"].contains(&word.as_str()))
    {
        let words: Result<Vec<String>, _> = serde_json::from_str(rest);
        assert!(words.is_ok(), "{word} {rest} needs a shell");
    }
    assert_eq!(last.one("RUN"), r#"["/usr/local/bin/netpolc", "--version"]"#);
    assert_eq!(last.one("ENTRYPOINT"), r#"["/var/run/argocd/argocd-cmp-server"]"#);
    assert_eq!(last.one("USER"), "999");
    // The server looks for commands on its own PATH (os/exec, `LookPath`).
    assert_eq!(last.one("ENV"), "PATH=/usr/local/bin");
    assert_eq!(Plugin::read().command()[0], "netpolc");
}

/// Musl's target is static by default; the toolchain is one that can build this package.
#[test]
fn the_build_stage_builds_one_static_binary() {
    let [build, _] = stages();
    let version = build.base.strip_prefix("rust:").unwrap().strip_suffix("-alpine AS build").unwrap();
    let number = |version: &str| -> Vec<u32> { version.split('.').map(|part| part.parse().unwrap()).collect() };
    assert!(number(version) >= number(env!("CARGO_PKG_RUST_VERSION")), "{version}");
    let cargo: Vec<&str> = build.all("RUN").into_iter().filter(|run| run.starts_with("cargo ")).collect();
    assert_eq!(cargo, ["cargo build --release --locked --bin netpolc"]);
    let help = Command::new(env!("CARGO")).args(["build", "--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for option in cargo[0].split_whitespace().filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "cargo build has no {option}");
    }
}

/// With the paths that are copied alone cargo finds a whole package, and the sources everything that they embed.
#[test]
fn what_is_copied_is_enough_to_build() {
    let context = tempfile::tempdir().unwrap();
    for (paths, _) in copied() {
        for path in paths {
            let from = repo().join(&path);
            let to = context.path().join(&path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            if from.is_dir() {
                for (below, bytes) in tree(&from) {
                    fs::create_dir_all(to.join(&below).parent().unwrap()).unwrap();
                    fs::write(to.join(below), bytes).unwrap();
                }
            } else {
                fs::write(to, fs::read(&from).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap();
            }
        }
    }
    // Cargo looks for the target only once it has a whole package with every dependency in the lock.
    let run = Command::new(env!("CARGO"))
        .args(["run", "--locked", "--offline", "--bin", "no-such-binary"])
        .current_dir(context.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("no bin target named `no-such-binary`"), "{said}");
    assert!(context.path().join("src/main.rs").is_file());
    // `include_str!` and its like reach into `templates/` alone.
    for (path, bytes) in tree(&context.path().join("src")) {
        let text = String::from_utf8(bytes).unwrap();
        for place in text.split("include_str!").skip(1).chain(text.split("include_bytes!").skip(1)) {
            let known = place.starts_with("(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/templates/\"");
            assert!(known, "src/{} embeds something else", path.display());
        }
    }
    assert_eq!(tree(&context.path().join("templates")), tree(&repo().join("templates")));
}

/// `Dockerfile.dockerignore` leaves everything out but what is copied (docs.docker.com, "Build context": it is taken for the
/// Dockerfile of that name, and the last pattern that matches decides).
#[test]
fn what_is_copied_is_not_ignored_and_nothing_else_is_sent() {
    let text = shipped("Dockerfile.dockerignore");
    let patterns: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(patterns[0], "*");
    let mut kept: Vec<&str> = patterns[1..].iter().map(|pattern| pattern.strip_prefix('!').unwrap()).collect();
    let copied = copied();
    let mut paths: Vec<&str> = copied.iter().flat_map(|(paths, _)| paths).map(String::as_str).collect();
    kept.sort_unstable();
    paths.sort_unstable();
    assert_eq!(kept, paths);
    let ignored = fs::read_to_string(repo().join(".gitignore")).unwrap();
    assert!(paths.iter().all(|path| !ignored.lines().any(|line| line.trim_matches('/') == *path)), "{ignored}");
}
