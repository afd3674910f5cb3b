//! Each folder as a base below an overlay, built by the real kustomize (two major versions of it, where both are there), and what
//! `netpolc verify -` says of the result.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rayon::prelude::*;

use super::DIALECTS;
use crate::support::{Project, repo, tool, tree};

/// What prints what a folder stands for.
fn builders() -> Vec<(&'static str, &'static str)> {
    [("kustomize", "build"), ("kubectl", "kustomize")].into_iter().filter(|(command, _)| tool(command)).collect()
}

fn build(folder: &Path, (command, word): (&str, &str)) -> Result<String, String> {
    let Output { status, stdout, stderr } = Command::new(command).arg(word).arg(folder).output().unwrap();
    match status.success() {
        true => Ok(String::from_utf8(stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&stderr).into_owned()),
    }
}

/// `netpolc verify -`: its exit code and what it says.
fn verify(project: &Path, dialect: &str, text: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netpolc"))
        .args(["verify", "-", "--dialect", dialect])
        .current_dir(project)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

/// What becomes of a base under an overlay.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It means what it meant.
    Proved,
    /// `netpolc verify` says what it no longer allows, or allows in addition.
    Told,
    /// kustomize refuses.
    Refused,
}

/// Builds an overlay over a dialect's folder of a project with everything that is there, and proves what comes out.
fn fate(project: &Path, dialect: &str, overlay: &str) -> Option<Fate> {
    let folder = Project::new();
    for (path, bytes) in tree(&project.join("out").join(dialect)) {
        folder.write(&format!("base/{}", path.display()), bytes);
    }
    let list = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\n";
    folder.write("overlay/kustomization.yaml", format!("{list}{overlay}\n"));
    let mut built: Vec<_> =
        builders().into_iter().map(|builder| build(&folder.dir().join("overlay"), builder)).collect();
    built.dedup_by_key(|built| built.clone().map_err(|_| ()));
    assert!(built.len() <= 1, "{dialect}, {overlay}: versions of kustomize differ");
    Some(match built.pop()? {
        Err(message) => {
            assert!(message.contains("ID conflict"), "{message}");
            Fate::Refused
        }
        Ok(text) => match verify(project, dialect, &text) {
            (0, _) => Fate::Proved,
            (1, said) => {
                assert!(said.contains("error[NP"), "{said}");
                Fate::Told
            }
            other => panic!("{dialect}, {overlay}: {other:?}"),
        },
    })
}

const LABELS: &str = "labels: [{pairs: {team: platform, app: web}}]\ncommonAnnotations: {note: x}";

#[test]
fn what_overlays_do_to_the_examples() {
    let cases = [
        (LABELS, [Fate::Proved, Fate::Proved, Fate::Proved]),
        // A guard's policy begins with the name of its tier, and policies name groups of addresses.
        ("namePrefix: eu-", [Fate::Proved, Fate::Told, Fate::Told]),
        ("nameSuffix: -eu", [Fate::Proved, Fate::Told, Fate::Told]),
        // All default denies would have one name in one namespace; what is in no namespace stays so.
        ("namespace: other", [Fate::Refused, Fate::Proved, Fate::Refused]),
        // It rewrites the selectors of kinds that kustomize knows.
        ("commonLabels: {team: platform}", [Fate::Told, Fate::Proved, Fate::Proved]),
        ("labels: [{pairs: {team: platform}, includeSelectors: true}]", [Fate::Told, Fate::Proved, Fate::Proved]),
    ];
    let all = cases
        .par_iter()
        .flat_map_iter(|(overlay, fates)| DIALECTS.into_iter().zip(fates).map(move |case| (overlay, case)));
    all.for_each(|(overlay, (dialect, expected))| {
        if let Some(fate) = fate(repo(), dialect, overlay) {
            assert_eq!(fate, *expected, "{dialect}: {overlay}");
        }
    });
}

/// With one namespace nothing conflicts, and all of it moves.
#[test]
fn policies_that_an_overlay_moves_are_told() {
    let project = Project::new();
    project.write(
        "intents/app.toml",
        "app = \"shop\"\nowner = \"web\"\nallow = [{ from = \"anywhere\", to = \"web\", why = \"public\" }]\n[tiers]\n\
         web = { namespace = \"frontend\", pods = { app = \"web\" }, ports = [80] }\n",
    );
    assert_eq!(crate::support::netpolc(project.dir(), &["build"]).code, 0);
    for (dialect, expected) in DIALECTS.into_iter().zip([Fate::Told, Fate::Proved, Fate::Told]) {
        for (overlay, expected) in [("namespace: other", expected), ("namePrefix: eu-", Fate::Proved)] {
            if let Some(fate) = fate(project.dir(), dialect, overlay) {
                assert_eq!(fate, expected, "{dialect}: {overlay}");
            }
        }
    }
}

/// `allow` and `baseline` are bases of their own, and together all there is.
#[test]
fn both_parts_are_the_whole() {
    for builder in builders() {
        for dialect in DIALECTS {
            let folder = repo().join("out").join(dialect);
            let part = |part: &str| build(&folder.join(part), builder).unwrap();
            let sorted = |text: &str| {
                let mut documents: Vec<String> = text.split("---\n").map(str::to_owned).collect();
                documents.sort();
                documents
            };
            let parts = [part("allow"), part("baseline")].join("---\n");
            assert_eq!(sorted(&parts), sorted(&part("")), "{dialect}");
            let (code, said) = verify(repo(), dialect, &parts);
            assert_eq!(code, 0, "{dialect}: {said}");
            // Nothing that others read is lost with the comments.
            let files = tree(&folder).into_values().map(|bytes| String::from_utf8(bytes).unwrap());
            let annotated = |text: &str| text.matches("netpolc.dev/source: ").count();
            assert_eq!(annotated(&parts), files.map(|text| annotated(&text)).sum::<usize>(), "{dialect}");
        }
    }
}
