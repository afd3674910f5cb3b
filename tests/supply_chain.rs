//! What netpolc is built from: dependencies with a reason, from one registry, as the lock file says, and strictly checked.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::process::Command;

use toml::{Table, Value};

use crate::support::repo;

fn table(path: &str) -> Table {
    fs::read_to_string(repo().join(path)).unwrap().parse().unwrap()
}

#[test]
fn every_dependency_has_a_reason() {
    let text = fs::read_to_string(repo().join("Cargo.toml")).unwrap();
    let manifest = table("Cargo.toml");
    let unix = "target.'cfg(unix)'.dependencies";
    let of_unix = &manifest["target"]["cfg(unix)"]["dependencies"];
    assert_eq!(manifest["target"].as_table().unwrap().len(), 1, "another target is not looked at here");
    for (section, named) in [
        ("dependencies", &manifest["dependencies"]),
        (unix, of_unix),
        ("dev-dependencies", &manifest["dev-dependencies"]),
    ] {
        let lines: Vec<&str> = text
            .lines()
            .skip_while(|line| *line != format!("[{section}]"))
            .skip(1)
            .take_while(|line| !line.starts_with('['))
            .filter(|line| !line.is_empty())
            .collect();
        for line in &lines {
            let reason = line.rsplit_once(" # ").map(|(_, reason)| reason.trim());
            assert!(reason.is_some_and(|reason| reason.len() > 5), "why: {line}");
        }
        // One a line, so that none is left out here.
        assert_eq!(lines.len(), named.as_table().unwrap().len(), "{section}");
    }
    for other in ["build-dependencies", "patch", "replace"] {
        assert!(!manifest.contains_key(other), "{other} is not looked at here");
    }
}

#[test]
fn unsafe_code_is_forbidden() {
    // `forbid` cannot be allowed again further inside.
    assert_eq!(table("Cargo.toml")["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
}

#[test]
fn the_lock_file_says_all_and_names_one_registry() {
    let packages = table("Cargo.lock")["package"].as_array().unwrap().clone();
    assert!(packages.len() > 50);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        if name == env!("CARGO_PKG_NAME") {
            assert!(package.get("source").is_none());
            continue;
        }
        let source = package.get("source").and_then(Value::as_str);
        assert_eq!(source, Some("registry+https://github.com/rust-lang/crates.io-index"), "{name}");
        assert!(package.get("checksum").and_then(Value::as_str).is_some_and(|sum| sum.len() == 64), "{name}");
    }
    let ignored = fs::read_to_string(repo().join(".gitignore")).unwrap();
    assert_eq!(ignored, "/target\n", "the lock file is checked in, and nothing else is left out");
    // It fails where the manifest asks for something that the lock file does not have.
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--locked", "--offline", "--format-version", "1"]).current_dir(repo());
    let output = metadata.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// `.ci/run` lets cargo-deny check it; here is what it is told.
#[test]
fn what_is_not_named_is_denied() {
    let deny = table("deny.toml");
    for (section, key, value) in [
        ("advisories", "yanked", "deny"),
        ("advisories", "unmaintained", "all"),
        ("advisories", "unsound", "all"),
        ("advisories", "unused-ignored-advisory", "deny"),
        ("bans", "multiple-versions", "deny"),
        ("bans", "wildcards", "deny"),
        ("licenses", "unused-allowed-license", "deny"),
        ("sources", "unknown-registry", "deny"),
        ("sources", "unknown-git", "deny"),
        ("sources", "unused-allowed-source", "deny"),
    ] {
        assert_eq!(deny[section].get(key).and_then(Value::as_str), Some(value), "[{section}] {key}");
    }
    assert!(deny["sources"]["allow-git"].as_array().unwrap().is_empty());
    assert_eq!(deny["bans"]["build"]["executables"].as_str(), Some("deny"));
    assert!(deny["bans"]["build"].get("allow-build-scripts").is_some(), "without the key all may have one");
    for left_out in [deny["bans"]["skip"].as_array().unwrap(), deny["bans"]["deny"].as_array().unwrap()] {
        assert!(left_out.iter().all(|entry| entry.get("reason").is_some()), "{left_out:?}");
    }
    let run = fs::read_to_string(repo().join(".ci/run")).unwrap();
    for check in ["check bans licenses sources", "check advisories"] {
        assert!(run.contains(check), ".ci/run does not {check}");
    }
}
