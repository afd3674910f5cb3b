//! The process around the work: colours, closed pipes, an empty environment, other folders.

use std::process::{Command, Stdio};

use super::{AFTER, BEFORE, project, run_on};
use crate::support::{self, Project, tree};

fn command(project: &Project, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netpolc"));
    command.args(line.split_whitespace()).args(AFTER).current_dir(project.dir()).stdin(Stdio::null());
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn is_coloured(command: &mut Command) -> bool {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stderr.is_empty());
    output.stderr.contains(&0x1b)
}

#[test]
fn colours_are_chosen_by_option_then_environment_then_terminal() {
    let project = project();
    assert!(!is_coloured(&mut command(&project, "check")), "no terminal");
    assert!(is_coloured(command(&project, "check").env("CLICOLOR_FORCE", "1")));
    assert!(!is_coloured(command(&project, "check").env("NO_COLOR", "1")));
    assert!(is_coloured(&mut command(&project, "check --color always")));
    assert!(is_coloured(command(&project, "--color always check").env("NO_COLOR", "1")), "the option wins");
    assert!(!is_coloured(command(&project, "check --color never").env("CLICOLOR_FORCE", "1")), "the option wins");
}

/// As in `netpolc build | head -1`, with a reader that went before the first byte.
#[test]
fn a_closed_standard_output_is_no_panic() {
    let lines = [
        ("build", 0),
        ("build --check", 0),
        ("build --stdout", 2),
        ("check --format json", 0),
        ("diff", 0),
        ("rule --all", 0),
        ("rule NP201", 0),
        ("schema", 0),
        ("completions bash", 0),
        ("man", 0),
        ("init other", 0),
    ];
    let project = project();
    for (line, code) in lines {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_netpolc"));
        command.args(line.split_whitespace()).current_dir(project.dir()).stdin(Stdio::null()).stdout(writer);
        if ["build", "check", "diff"].iter().any(|name| line.starts_with(name)) {
            command.args(BEFORE);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{line}: {said}");
        assert_eq!(output.status.code(), Some(code), "{line}: {said}");
    }
    assert_eq!(run_on(&project, BEFORE, "build --check").code, 0, "the work was done all the same");
}

#[test]
fn nothing_of_the_environment_is_needed() {
    let project = project();
    let output = Command::new(env!("CARGO_BIN_EXE_netpolc"))
        .args(["build", "--today", "2026-06-30"])
        .current_dir(project.dir())
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let today = Command::new(env!("CARGO_BIN_EXE_netpolc"))
        .args(["check", "--format", "json"])
        .current_dir(project.dir())
        .env_clear()
        .output()
        .unwrap();
    assert!(matches!(today.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&today.stderr));
}

#[test]
fn a_pipe_sees_no_progress() {
    let project = project();
    let run = run_on(&project, BEFORE, "build");
    assert_eq!(run.stderr, "");
    assert!(!run.stdout.contains(['\r', '\u{1b}']));
}

#[test]
fn any_folder_of_the_project_will_do() {
    let project = project();
    project.write("docs/deep/x", "");
    for folder in ["", "intents", "docs/deep"] {
        let run = support::netpolc(&project.dir().join(folder), &["build", "--today", "2026-06-30"]);
        assert_eq!(run.code, 0, "{folder}: {}", run.stderr);
    }
    let outside = Project::new();
    let path = format!("{}/intents/shop.toml", project.dir().display());
    let run = support::netpolc(outside.dir(), &["build", &path, "--today", "2026-06-30"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(project.dir().join("out/kubernetes").is_dir() && tree(outside.dir()).is_empty());
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        eprintln!("skipped: this system has no /dev/full");
        return;
    };
    let run = Command::new(env!("CARGO_BIN_EXE_netpolc")).arg("schema").stdout(full).output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&run.stderr).contains("cannot write to standard output"), "{run:?}");
}
