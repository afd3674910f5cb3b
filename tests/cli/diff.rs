//! `netpolc diff`: 0 no difference, 1 differences, and nothing written.

use super::support::tree;
use super::{AFTER, BEFORE, INTENT, project, run_on};

#[test]
fn differences_are_shown_and_not_written() {
    let project = project();
    let fresh = run_on(&project, BEFORE, "diff");
    assert_eq!(fresh.code, 1, "{}", fresh.stderr);
    assert!(fresh.stdout.contains("+++ b/out/kubernetes/allow/back.yaml"), "{}", fresh.stdout);
    assert_eq!(tree(project.dir()).len(), 1, "diff wrote");

    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    let built = tree(project.dir());
    let same = run_on(&project, BEFORE, "diff");
    assert_eq!((same.code, same.stdout.as_str()), (0, ""), "{}", same.stderr);

    project.write("intents/shop.toml", INTENT.replace("all/TCP", "8080/TCP"));
    let changed = tree(project.dir());
    let narrowed = run_on(&project, BEFORE, "diff");
    assert_eq!(narrowed.code, 1);
    assert!(narrowed.stdout.contains("+          port: 8080"), "{}", narrowed.stdout);
    assert!(narrowed.stdout.contains("narrowed"), "{}", narrowed.stdout);
    assert_eq!(tree(project.dir()), changed, "diff wrote");
    assert_ne!(changed, built);
}

#[test]
fn edits_by_hand_are_differences() {
    let project = project();
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    let edited = project.read("out/kubernetes/allow/back.yaml").replace("app: web", "app: attacker");
    project.write("out/kubernetes/allow/back.yaml", edited);
    let run = run_on(&project, BEFORE, "diff");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("-              app: attacker"), "{}", run.stdout);
}

#[test]
fn errors_exit_with_one() {
    let project = project();
    project.write("intents/bad.toml", "app = 1\n");
    let run = run_on(&project, BEFORE, "diff");
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
}

#[test]
fn expired_waivers_are_warnings() {
    let project = project();
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    let run = run_on(&project, AFTER, "diff");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning[NP081]"), "{}", run.stderr);
}
