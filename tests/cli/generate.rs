//! What is generated from definitions: schemas, completions, the manual page.

use super::run;
use crate::support::{Project, assert_golden, repo};

#[test]
fn schemas_are_those_checked_in() {
    let project = Project::new();
    for (line, file) in [
        ("schema", "intent.schema.json"),
        ("schema intent", "intent.schema.json"),
        ("schema project", "project.schema.json"),
        ("schema findings", "findings.schema.json"),
        ("schema krm", "krm.schema.json"),
        ("schema diff", "diff.schema.json"),
    ] {
        let printed = run(&project, line);
        assert_eq!((printed.code, printed.stderr.as_str()), (0, ""), "{line}");
        if let Err(difference) = assert_golden(&repo().join("schema").join(file), &printed.stdout) {
            panic!("{difference}\nNETPOLC_UPDATE=1 cargo test --test it cli:: writes it");
        }
    }
}

#[test]
fn the_page_of_all_codes_is_the_one_checked_in() {
    let printed = run(&Project::new(), "rule --all --format markdown");
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    if let Err(difference) = assert_golden(&repo().join("docs/rules.md"), &printed.stdout) {
        panic!("{difference}\nNETPOLC_UPDATE=1 cargo test --test it cli:: writes it");
    }
}

#[test]
fn completions_know_every_command() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&project, &format!("completions {shell}"));
        assert_eq!((script.code, script.stderr.as_str()), (0, ""), "{shell}");
        for command in netpolc::cli::command().get_subcommands() {
            assert!(script.stdout.contains(command.get_name()), "{shell}: {}", command.get_name());
        }
        for option in ["overwrite", "exit-nonzero-on-change", "strict"] {
            assert!(script.stdout.contains(option), "{shell}: --{option}");
        }
    }
}

#[test]
fn the_manual_page_tells_every_command_and_option() {
    let page = run(&Project::new(), "man");
    assert_eq!((page.code, page.stderr.as_str()), (0, ""));
    assert!(page.stdout.contains(".TH netpolc 1"), "{}", page.stdout);
    let text = page.stdout.replace("\\-", "-");
    for command in netpolc::cli::command().get_subcommands() {
        assert!(text.contains(command.get_name()), "{}", command.get_name());
        for option in command.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(text.contains(&format!("--{option}")), "{} --{option}", command.get_name());
        }
    }
}
