//! Templates that are not plain files of the project: nothing is read through them, and nothing is written.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking, and says what it skips")]

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Project, netpolc, tree};

const INTENT: &str = r#"app = "shop"
[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [80] }
api = { namespace = "shop", pods = { app = "api" }, ports = [80] }
[[allow]]
from = "web"
to   = "api"
"#;

/// A project that was built; and what a build says after a link took a template's place.
fn built_then_linked(place: &str, target: &str) -> String {
    let project = Project::new();
    project.write("intents/shop.toml", INTENT);
    project.write("elsewhere/allow.yaml.j2", "secret\n");
    assert_eq!(netpolc(project.dir(), &["build"]).code, 0);
    let before = tree(&project.dir().join("out"));
    let place = project.dir().join(place);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    symlink(target, place).unwrap();
    let run = netpolc(project.dir(), &["build"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(tree(&project.dir().join("out")), before);
    assert!(!run.stderr.contains("secret"), "{}", run.stderr);
    run.stderr
}

#[test]
fn a_template_is_not_read_through_a_link() {
    for target in ["../../elsewhere/allow.yaml.j2", "/etc/hostname", "nowhere"] {
        let said = built_then_linked("templates/kubernetes/allow.yaml.j2", target);
        assert!(said.contains("error[NP007]: `templates/kubernetes/allow.yaml.j2` is a symbolic link"), "{said}");
        assert!(said.contains("1 error; nothing was written"), "{said}");
    }
}

#[test]
fn a_folder_of_templates_is_not_read_through_a_link() {
    let said = built_then_linked("templates/kubernetes", "../elsewhere");
    assert!(said.contains("error[NP007]: `templates/kubernetes` is a symbolic link"), "{said}");
    let said = built_then_linked("templates", "/etc");
    assert!(said.contains("error[NP007]"), "{said}");
}
