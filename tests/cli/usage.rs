//! Wrong command lines, and paths that lead nowhere.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use super::{BEFORE, project, run, run_on};
use crate::support::{Project, tree};

#[test]
fn wrong_command_lines_exit_with_two_and_print_nothing() {
    let project = project();
    let lines = [
        "frobnicate",
        "build --frobnicate",
        "build --check --stdout",
        "build --check --overwrite",
        "build --stdout --overwrite",
        "build --stdout --exit-nonzero-on-change",
        "build --today tomorrow",
        "build --today 2026-02-30",
        "build --color sometimes",
        "check --format xml",
        "rule",
        "rule NP201 --all",
        "explain web",
        "explain web api --format xml",
        "completions tcsh",
        "schema templates",
        "init a b",
        "man now",
    ];
    for line in lines {
        let run = run(&project, line);
        assert_eq!(run.code, 2, "{line}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{line}");
        assert!(!run.stderr.is_empty(), "{line}");
    }
    assert_eq!(run(&project, "").code, 2, "no command at all");
    assert_eq!(tree(project.dir()).len(), 1, "something was written");
}

#[test]
fn help_and_version_are_no_errors() {
    let project = Project::new();
    assert!(run(&project, "--version").stdout.starts_with("netpolc "));
    let commands = ["", "build ", "check ", "diff ", "explain ", "rule ", "init ", "schema ", "completions ", "man "];
    for command in commands {
        let help = run(&project, &format!("{command}--help"));
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{command}");
        assert!(help.stdout.contains("Usage: netpolc"), "{command}");
    }
}

#[test]
fn missing_paths_exit_with_two_and_are_named() {
    let project = project();
    for command in ["build", "build --check", "build --stdout", "check", "diff"] {
        for path in ["intents/shopp.toml", "nowhere/", "/nowhere/at/all.toml"] {
            let run = run_on(&project, BEFORE, &format!("{command} {path}"));
            assert_eq!(run.code, 2, "{command} {path}: {}", run.stderr);
            assert!(run.stderr.contains(path), "{command} {path}: {}", run.stderr);
            assert_eq!(run.stdout, "", "{command} {path}");
        }
    }
    assert_eq!(tree(project.dir()).len(), 1, "something was written");
}

#[test]
fn paths_that_are_not_utf8_exit_with_two() {
    let project = project();
    for command in ["build", "check", "diff", "init"] {
        let output = Command::new(env!("CARGO_BIN_EXE_netpolc"))
            .arg(command)
            .arg(OsStr::from_bytes(b"intents/\xff.toml"))
            .current_dir(project.dir())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(!output.stderr.is_empty(), "{command}");
    }
    assert_eq!(tree(project.dir()).len(), 1, "something was written");
}

#[test]
fn files_that_are_no_intents_of_the_project_are_refused() {
    let project = project();
    project.write("notes.toml", "app = \"notes\"\n");
    let run = run_on(&project, BEFORE, "build notes.toml");
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("notes.toml"), "{}", run.stderr);
    assert!(!project.dir().join("out").exists());
}

#[test]
fn paths_of_two_projects_are_refused() {
    let (one, two) = (project(), project());
    let run = run(&one, &format!("check intents/shop.toml {}/intents/shop.toml", two.dir().display()));
    assert_eq!(run.code, 2, "{}", run.stderr);
}

#[test]
fn unknown_dialects_and_clusters_exit_with_two() {
    let project = project();
    for (line, hint) in [
        ("build --dialect kubernete", "`kubernetes`"),
        ("build --dialect istio", "kubernetes"),
        ("build --dialect kubernetes,istio", "`istio`"),
        ("diff --dialect kubernete", "`kubernetes`"),
        ("build --cluster prod", "netpolc.toml"),
    ] {
        let run = run_on(&project, BEFORE, line);
        assert_eq!(run.code, 2, "{line}: {}", run.stdout);
        assert!(run.stderr.contains(hint), "{line}: {}", run.stderr);
    }
    assert!(!project.dir().join("out").exists());
}
