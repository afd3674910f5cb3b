//! The walls of ARCHITECTURE.md: who may know whom, and who may touch files.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use crate::support::{repo, tree};

/// Code of `src/` by its path there, without comments. Tests may look behind every wall.
fn code() -> BTreeMap<String, String> {
    tree(&repo().join("src"))
        .into_iter()
        .map(|(path, bytes)| (path.to_str().unwrap().to_owned(), String::from_utf8(bytes).unwrap()))
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (path, without_comments(text.split("#[cfg(test)]\nmod tests {").next().unwrap())))
        .collect()
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "testing.rs"))
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// Lines below a folder (or of a file) that use one of some modules: `lower` as in `crate::lower`, `super::lower` or
/// `use crate::{lower, …}`.
fn uses(place: &str, modules: &[&str]) -> Vec<String> {
    let mut found = vec![];
    for (path, text) in code().iter().filter(|(path, _)| path.starts_with(place)) {
        let words = imported(text);
        for module in modules.iter().filter(|module| words.iter().any(|word| word == *module)) {
            found.push(format!("src/{path} uses {module}"));
        }
    }
    found
}

/// First names after `crate::` and `super::`, groups taken apart.
fn imported(text: &str) -> Vec<String> {
    let mut names = vec![];
    for start in ["crate::", "super::", "netpolc::"] {
        for rest in text.split(start).skip(1) {
            match rest.strip_prefix('{') {
                Some(group) => {
                    let mut depth = 0;
                    let mut word = String::new();
                    for c in group.chars() {
                        match c {
                            '}' if depth == 0 => break,
                            '{' => depth += 1,
                            '}' => depth -= 1,
                            ',' if depth == 0 => names.push(std::mem::take(&mut word)),
                            _ if depth == 0 => word.push(c),
                            _ => {}
                        }
                    }
                    names.push(word);
                }
                None => names.push(rest.to_owned()),
            }
        }
    }
    names.iter().map(|name| name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn imports_are_taken_apart() {
    let text = "use crate::{lower::{self, x}, model};\nuse super::view;\ncrate::render::go();\n";
    assert_eq!(imported(text), ["lower", "model", "render", "view"]);
}

/// The proof shares nothing with what it judges.
#[test]
fn the_verifier_knows_neither_writer_nor_dialects() {
    assert!(code().keys().any(|path| path.starts_with("verify/")));
    assert_eq!(uses("verify/", &["lower", "render", "output", "dialects", "pipeline", "cli"]), [""; 0]);
}

#[test]
fn readers_of_dialects_share_nothing_with_their_writers() {
    let folders: Vec<String> =
        netpolc::dialects::REGISTRY.iter().map(|dialect| format!("dialects/{}/reader", dialect.name())).collect();
    for folder in folders {
        assert!(code().keys().any(|path| path.starts_with(&folder)), "{folder} is gone");
        assert_eq!(
            uses(&folder, &["view", "limits", "review", "writing", "lower", "render", "output", "checks"]),
            [""; 0]
        );
        for (path, text) in code().iter().filter(|(path, _)| path.starts_with(&folder)) {
            // Above the reader stand the writer's modules, some of which are called as the reader's own.
            let above = if path.ends_with("/reader.rs") { "super::" } else { "super::super" };
            assert!(!text.contains(above), "src/{path} reaches beyond the reader");
            let shared = text.split("dialects::").skip(1).all(|rest| rest.starts_with("reading"));
            assert!(shared, "src/{path} uses more of the dialects than what readers share");
        }
    }
}

/// Adding a dialect touches its two folders and one line of the registry: nothing else calls any by its name.
#[test]
fn a_dialect_is_known_by_its_folders_and_the_registry_alone() {
    for dialect in netpolc::dialects::REGISTRY {
        let name = dialect.name();
        let own = format!("dialects/{name}/");
        let words = [format!("\"{name}\""), format!("{name}::"), format!("::{name}")];
        for (path, text) in code().iter().filter(|(path, _)| !path.starts_with(&own)) {
            let lines = text.lines().filter(|line| words.iter().any(|word| line.contains(word.as_str())));
            let lines: Vec<&str> =
                lines.filter(|line| path != "dialects/mod.rs" || !line.contains("const REGISTRY")).collect();
            assert_eq!(lines, [""; 0], "src/{path} knows {name}");
        }
        assert!(repo().join("templates").join(name).is_dir(), "templates/{name} is missing");
    }
}

/// What all writers share and what all readers share are two worlds too.
#[test]
fn support_of_readers_and_of_writers_share_nothing() {
    assert!(code().keys().any(|path| path.starts_with("dialects/reading/")));
    assert_eq!(uses("dialects/reading/", &["writing", "lower", "render", "output", "checks"]), [""; 0]);
    assert!(code().keys().any(|path| path.starts_with("dialects/writing/")));
    assert_eq!(uses("dialects/writing/", &["reading", "render", "output", "checks", "verify"]), [""; 0]);
}

/// The stages before `lower` know no dialect, and none knows a later one.
#[test]
fn nothing_flows_back() {
    let stages: [(&str, &[&str]); 9] = [
        (
            "source/",
            &["intent", "model", "checks", "lower", "dialects", "render", "verify", "output", "pipeline", "cli"],
        ),
        ("intent/", &["model", "checks", "lower", "dialects", "render", "verify", "output", "pipeline", "cli"]),
        ("model/", &["checks", "lower", "dialects", "render", "verify", "output", "pipeline", "cli"]),
        ("checks/", &["lower", "dialects", "render", "verify", "output", "pipeline", "cli"]),
        ("lower/", &["checks", "dialects", "render", "verify", "output", "pipeline", "cli"]),
        ("render/", &["intent", "checks", "verify", "pipeline", "cli"]),
        ("cluster/", &["intent", "checks", "lower", "render", "output", "pipeline", "cli"]),
        ("codeowners/", &["intent", "checks", "lower", "render", "verify", "output", "pipeline", "cli"]),
        ("output/", &["intent", "model", "checks", "lower", "dialects", "render", "verify", "pipeline", "cli"]),
    ];
    for (place, later) in stages {
        assert!(code().keys().any(|path| path.starts_with(place)), "src/{place} is gone");
        assert_eq!(uses(place, later), [""; 0]);
    }
}

#[test]
fn only_source_reads_files_and_only_output_writes_them() {
    let reading =
        ["std::fs", "fs::", "File::open", "File::create", "OpenOptions", "read_dir", "read_to_string", "canonicalize"];
    for (path, text) in code() {
        if path.starts_with("source/") {
            for call in
                ["fs::write", "File::create", "OpenOptions", "remove_", "rename(", "create_dir", "set_permissions"]
            {
                assert!(!text.contains(call), "src/{path} writes: {call}");
            }
        } else if !path.starts_with("output/") {
            for call in reading.iter().chain(&["tempfile"]) {
                assert!(!text.contains(call), "src/{path} touches files: {call}");
            }
        }
    }
}

/// Deterministic by construction: no clock and no environment but where the command line starts.
#[test]
fn no_stage_looks_at_clock_or_environment() {
    for (path, text) in code() {
        if !path.starts_with("cli/") {
            for call in ["Zoned::now", "SystemTime::now", "Instant::now", "env::var", "current_dir"] {
                assert!(!text.contains(call), "src/{path} looks at its surroundings: {call}");
            }
        }
    }
}

/// SECURITY.md says so: one program, its name written out, and no shell.
#[test]
fn no_program_is_started_but_git() {
    let mut starts = 0;
    for (path, text) in code() {
        let new = text.matches("Command::new(").count();
        if text.contains("process::{Command") || text.contains("process::Command") {
            assert!(path.starts_with("source/"), "src/{path} starts programs");
            assert_eq!(text.matches("Command::new(\"git\")").count(), new, "src/{path} starts another program");
            starts += new;
        } else {
            // Of clap, which has one of this name.
            assert!(new == 0 || path.starts_with("cli/"), "src/{path} may start a program");
        }
        assert!(!text.contains("std::process::*") && !text.contains("CommandExt"), "src/{path} may start a program");
    }
    assert_eq!(starts, 2, "for a revision, and for what is tracked");
}

/// Addresses are values here: of `std::net` there are no sockets, and no dependency is for the network (deny.toml).
#[test]
fn nothing_connects() {
    for (path, text) in code() {
        for call in
            ["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener", "UnixDatagram", "ToSocketAddrs"]
        {
            assert!(!text.contains(call), "src/{path} may connect: {call}");
        }
    }
    let deny = std::fs::read_to_string(repo().join("deny.toml")).unwrap();
    for library in ["socket2", "mio", "hyper", "ureq", "curl", "rustls", "openssl", "native-tls"] {
        assert!(deny.contains(&format!("crate = \"{library}\"")), "deny.toml does not refuse {library}");
    }
}

#[test]
fn files_can_be_read_in_one_sitting() {
    for (path, bytes) in tree(&repo().join("src")) {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        assert!(lines <= 600, "src/{} has {lines} lines: give each topic a file", path.display());
    }
}

#[test]
fn every_module_says_what_it_is() {
    for (path, bytes) in tree(&repo().join("src")) {
        let documented = bytes.starts_with(b"//! ") || is_test(path.to_str().unwrap());
        assert!(documented, "src/{} does not begin with `//!`", path.display());
    }
}

/// Cargo does not look for tests itself (`autotests`), so a file that no line names would hold nothing, silently.
#[test]
fn every_test_file_is_part_of_the_test_program() {
    let root = std::fs::read_to_string(repo().join("tests/it.rs")).unwrap();
    for entry in std::fs::read_dir(repo().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|extension| extension == "rs") && name != "it" {
            assert!(root.contains(&format!("\nmod {name};\n")), "tests/it.rs lacks the line `mod {name};`");
        }
    }
}
