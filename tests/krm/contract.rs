//! The contract, without anybody who keeps the other side of it.

use std::fs;

use serde_yaml::Value;

use super::{INTENT, documents, items, krm, list, project, sent};
use crate::support::{Project, assert_golden, netpolc, repo, tree};

#[test]
fn every_case_says_what_it_said() {
    let root = repo().join("tests/krm");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    assert!(cases.len() >= 7);
    let run = |case: &std::path::PathBuf| {
        let project = Project::new();
        project.write("netpolc.toml", "");
        project.copy(case);
        let before = tree(project.dir());
        let run = krm(project.dir(), &["--today", "2026-12-01"], fs::read(case.join("in.yaml")).unwrap());
        assert_eq!(tree(project.dir()), before, "something was written");
        let seen = format!("exit {}\n-- stderr\n{}-- stdout\n{}", run.code, run.stderr, run.stdout);
        assert_golden(&case.join("expected.txt"), &seen)
    };
    let failures: Vec<String> = cases.iter().filter_map(|case| run(case).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// All examples, in every dialect: the policies are those of `build --stdout`, and a second run changes nothing.
#[test]
fn policies_are_those_that_a_build_prints_and_a_second_run_changes_nothing() {
    let project = Project::with_settings();
    for (path, bytes) in tree(&repo().join("intents")) {
        project.write(&format!("intents/{}", path.display()), bytes);
    }
    for dialect in netpolc::dialects::REGISTRY {
        let name = dialect.name();
        let printed = netpolc(project.dir(), &["build", "--stdout", "--dialect", name]);
        assert_eq!(printed.code, 0, "{}", printed.stderr);
        let spec = format!("{{dialect: {name}}}");
        let first = krm(project.dir(), &[], sent("", &spec));
        assert_eq!(first.code, 0, "{}", first.stderr);
        assert_eq!(items(&list(&first.stdout)), documents(&printed.stdout), "{name}");
        let part = |text: &str| text.split_once("items:\n").unwrap().1.split_once("results:\n").unwrap().0.to_owned();
        let second = krm(project.dir(), &[], sent(&part(&first.stdout), &spec));
        assert_eq!(second.stdout, first.stdout, "{name}");
        // Also where the intents now ask for less.
        let half = INTENT.replace("shop", "other").replace("front", "elsewhere");
        let less = Project::new();
        less.write("intents/app.toml", half);
        let fewer = krm(less.dir(), &[], sent(&part(&first.stdout), &spec));
        assert_eq!(fewer.code, 0, "{}", fewer.stderr);
        let alone = krm(less.dir(), &[], sent("", &spec));
        assert_eq!(items(&list(&fewer.stdout)), items(&list(&alone.stdout)), "{name}");
    }
}

/// What is handed over needs no file, and gives what the same files give.
#[test]
fn a_project_that_is_handed_over_needs_no_file() {
    let on_disk = project();
    on_disk.write("netpolc.toml", "dialects = [\"calico\"]\n[cluster]\ntier = \"platform\"\n");
    let expected = krm(on_disk.dir(), &[], sent("", "{}"));
    assert_eq!(expected.code, 0, "{}", expected.stderr);
    let elsewhere = Project::new();
    // A project of the current folder is not looked at.
    elsewhere.write("intents/app.toml", "broken");
    let text = |text: &str| serde_json::to_string(text).unwrap();
    let file = fs::read_to_string(on_disk.dir().join("netpolc.toml")).unwrap();
    let spec = format!("{{intents: {{app.toml: {}}}, project: {}}}", text(INTENT), text(&file));
    let seen = krm(elsewhere.dir(), &[], sent("", &spec));
    assert_eq!((seen.code, seen.stdout), (0, expected.stdout), "{}", seen.stderr);
    let spec = format!(
        "{{dialect: calico, intents: {{app.toml: {}}}, project: {}}}",
        text(INTENT),
        text("[paths]\nintents = \"x\"\n")
    );
    let seen = krm(elsewhere.dir(), &[], sent("", &spec));
    assert!(seen.code == 1 && seen.stderr.contains("spec.project: `paths` has no meaning"), "{}", seen.stderr);
}

#[test]
fn a_folder_of_the_project_can_be_named() {
    let project = project();
    project.write("deploy/x/kustomization.yaml", "");
    project.write("other/intents/app.toml", "broken");
    let dir = project.dir().join("other");
    assert_eq!(krm(&dir, &[], sent("", "{dialect: kubernetes}")).code, 1);
    for root in ["..", "../deploy/x", "../intents"] {
        let seen = krm(&dir, &[], sent("", &format!("{{dialect: kubernetes, root: {root}}}")));
        assert_eq!(seen.code, 0, "{}", seen.stderr);
    }
    let seen = krm(&dir, &[], sent("", "{root: ../gone}"));
    assert!(seen.code == 1 && seen.stderr.contains("spec.root: there is no folder `../gone`"), "{}", seen.stderr);
}

#[test]
fn dialect_and_cluster_must_be_those_of_the_project() {
    let project = project();
    let said = |spec: &str| {
        let seen = krm(project.dir(), &[], sent("- {apiVersion: v1, kind: A}\n", spec));
        let list = list(&seen.stdout);
        assert_eq!((seen.code, items(&list).len()), (1, 1), "{}", seen.stderr);
        let results = list["results"].as_sequence().unwrap().clone();
        assert!(results.iter().all(|result| result["severity"] == "error" && result["resourceRef"]["name"] == "shop"));
        let line = |result: &Value| {
            format!("{}: {}", result["field"]["path"].as_str().unwrap(), result["message"].as_str().unwrap())
        };
        results.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    assert!(
        said("{}").starts_with("spec.dialect: the project has several dialects (help: write one of kubernetes, calico")
    );
    assert!(
        said("{dialect: cilium, cluster: x}")
            .starts_with("spec.cluster: there is no cluster `x`: netpolc.toml names none")
    );
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n[clusters.prod]\n[clusters.staging]\n");
    assert_eq!(
        said("{dialect: cilium}"),
        "spec.dialect: netpolc.toml leaves the dialect `cilium` out (help: known: kubernetes)\n\
         spec.cluster: the project has clusters (help: write one of prod, staging)"
    );
    assert_eq!(said("{cluster: prd}"), "spec.cluster: there is no cluster `prd` (help: did you mean `prod`?)");
    let fine = krm(project.dir(), &[], sent("", "{cluster: prod}"));
    assert_eq!(fine.code, 0, "{}", fine.stderr);
    // Without a function config too.
    let list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n";
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n");
    assert_eq!(krm(project.dir(), &[], list).code, 0);
    // What the project file says is not known.
    project.write("netpolc.toml", "dialects = [\n");
    let seen = krm(project.dir(), &[], sent("", "{dialect: kubernetes, cluster: prod}"));
    assert!(
        seen.code == 1 && seen.stderr.contains("netpolc.toml:") && !seen.stderr.contains("cluster"),
        "{}",
        seen.stderr
    );
}

/// An empty answer would make whoever applies the list delete every policy.
#[test]
fn no_policies_are_an_error() {
    let project = Project::new();
    for intents in [None, Some("app = \"empty\"\n")] {
        intents.into_iter().for_each(|text| project.write("intents/app.toml", text));
        let seen = krm(project.dir(), &[], sent("- {apiVersion: v1, kind: A}\n", "{dialect: kubernetes}"));
        assert_eq!((seen.code, items(&list(&seen.stdout)).len()), (1, 1), "{}", seen.stderr);
        assert_eq!(list(&seen.stdout)["results"].as_sequence().unwrap().len(), 1);
    }
}

/// A template that says more than the intent is refused here as everywhere.
#[test]
fn what_is_not_proved_does_not_go_out() {
    let project = project();
    let template = fs::read_to_string(repo().join("templates/kubernetes/allow.yaml.j2")).unwrap();
    let wider = template.replace("port: {{ port.first }}\n", "port: {{ port.first }}\n          endPort: 9000\n");
    assert_ne!(wider, template);
    project.write("templates/kubernetes/allow.yaml.j2", wider);
    let seen = krm(project.dir(), &[], sent("", "{dialect: kubernetes}"));
    assert_eq!((seen.code, items(&list(&seen.stdout)).len()), (1, 0), "{}", seen.stderr);
    assert!(seen.stderr.contains("error[NP702]"), "{}", seen.stderr);
}

#[test]
fn what_is_no_list_prints_nothing_and_ends_with_2() {
    let project = project();
    let large = b"# ".repeat(40 << 20);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("a: 1".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (text, said) in [
        (&b""[..], "standard input is empty"),
        (b"\x00\x01", "not a readable manifest"),
        (b"a: \xff\n", "standard input is not UTF-8 (line 1)"),
        (&utf16, "standard input is UTF-16"),
        (&large, "standard input is larger than 64 MiB"),
        (INTENT.as_bytes(), "error[NP720]"),
    ] {
        let seen = krm(project.dir(), &[], text);
        assert_eq!((seen.code, seen.stdout.as_str()), (2, ""), "{}", seen.stderr);
        assert!(seen.stderr.contains(said), "{}", seen.stderr);
        assert!(seen.stderr.lines().count() <= 2, "{}", seen.stderr);
    }
    // A byte order mark and line ends of another system are no mistake.
    let text =
        format!("\u{feff}{}", sent("- apiVersion: v1\n  kind: A\n", "{dialect: kubernetes}").replace('\n', "\r\n"));
    assert_eq!(krm(project.dir(), &[], text).code, 0);
}

#[test]
fn standard_error_stays_short_and_the_results_say_all() {
    let project = Project::new();
    let edges: String = (0..100).map(|n| format!("[[allow]]\nfrom = \"web\"\nto = \"t{n}\"\n")).collect();
    project.write("intents/app.toml", format!("{INTENT}{edges}"));
    let seen = krm(project.dir(), &[], sent("", "{dialect: kubernetes}"));
    assert_eq!((seen.code, list(&seen.stdout)["results"].as_sequence().unwrap().len()), (1, 100), "{}", seen.stderr);
    assert!(seen.stderr.lines().count() < 50 && seen.stderr.contains("… and 80 more"), "{}", seen.stderr);
}
