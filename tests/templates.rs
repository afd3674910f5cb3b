//! Templates that are not plain files of the project: nothing is read through them, and nothing is written.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking, and says what it skips")]

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{self, Project, netpolc, tree};

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

/// An include finds the templates of the dialect and nothing else: a link beside them is refused, whoever includes it, and a
/// path that leads to one is no template.
#[test]
fn an_include_leads_through_no_link() {
    for include in ["helper.yaml.j2", "../../elsewhere/allow.yaml.j2", "/etc/hostname"] {
        let project = Project::new();
        project.write("intents/shop.toml", INTENT);
        project.write("elsewhere/allow.yaml.j2", "secret\n");
        assert_eq!(netpolc(project.dir(), &["build"]).code, 0);
        let before = tree(&project.dir().join("out"));
        project.write("templates/kubernetes/allow.yaml.j2", format!("{{% include '{include}' %}}\n"));
        let without_link = netpolc(project.dir(), &["build"]);
        assert_eq!(without_link.code, 1, "{}", without_link.stderr);
        assert!(without_link.stderr.contains("error[NP700]"), "{}", without_link.stderr);
        assert!(without_link.stderr.contains("templates that can be included: "), "{}", without_link.stderr);
        symlink("../../elsewhere/allow.yaml.j2", project.dir().join("templates/kubernetes/helper.yaml.j2")).unwrap();
        let run = netpolc(project.dir(), &["build"]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("`templates/kubernetes/helper.yaml.j2` is a symbolic link"), "{}", run.stderr);
        assert!(!run.stderr.contains("secret"), "{}", run.stderr);
        assert_eq!(tree(&project.dir().join("out")), before);
    }
}

/// In every dialect: the built-in template, with one word that lets more through than the intent says. The words are YAML that
/// every API server takes; the proof refuses them.
#[test]
fn valid_yaml_that_says_more_is_refused_in_every_dialect() {
    for (template, word, wider) in [
        (
            "kubernetes/allow.yaml.j2",
            "{% if port.last %}\n          endPort: {{ port.last }}\n{% endif %}",
            "          endPort: 65535",
        ),
        ("calico/policies.yaml.j2", "selector: {{ entity.selector }}", "selector: all()"),
        (
            "cilium/allow.yaml.j2",
            "{% if port.last %}\n              endPort: {{ port.last }}\n{% endif %}",
            "              endPort: 65535",
        ),
    ] {
        let built_in = fs::read_to_string(support::repo().join("templates").join(template)).unwrap();
        assert!(built_in.contains(word), "{template} does not say {word:?}:\n{built_in}");
        let project = Project::new();
        project.write("intents/shop.toml", INTENT);
        assert_eq!(netpolc(project.dir(), &["build"]).code, 0);
        let before = tree(&project.dir().join("out"));
        project.write(&format!("templates/{template}"), built_in.replace(word, wider));
        let run = netpolc(project.dir(), &["build"]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("error[NP702]"), "{template}: {}", run.stderr);
        assert_eq!(tree(&project.dir().join("out")), before);
    }
}
