//! `netpolc diff`: 0 no difference, 1 differences, and nothing written.

use super::{AFTER, BEFORE, INTENT, project, run_on};
use crate::support::tree;

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

#[test]
fn what_a_build_would_refuse_is_told() {
    let project = project();
    project.write("out/kubernetes/allow/back.yaml", "mine: true\n");
    let run = run_on(&project, BEFORE, "diff");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("error[NP801]"), "{}", run.stderr);
}

#[test]
fn a_namespace_that_nobody_manages_any_more_is_told_first() {
    let project = project();
    project.write(
        "intents/other.toml",
        "app = \"other\"\n[tiers]\nx = { namespace = \"other\", pods = { app = \"x\" }, metrics = [1] }\n",
    );
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    std::fs::remove_file(project.dir().join("intents/other.toml")).unwrap();
    for command in ["diff", "diff intents/shop.toml", "build intents/shop.toml"] {
        let run = run_on(&project, BEFORE, command);
        let released = "namespace other is no longer managed: every connection to and from its pods opens";
        assert!(run.stdout.contains(released), "{command}: {}", run.stdout);
    }
}

#[test]
fn a_cluster_that_is_dropped_is_told() {
    let project = project();
    project.write("netpolc.toml", "[clusters.dev]\n[clusters.prod]\n");
    let first = run_on(&project, BEFORE, "build");
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(first.stdout.contains("prod: "), "flows name their cluster: {}", first.stdout);
    project.write("netpolc.toml", "[clusters.dev]\n");
    let run = run_on(&project, BEFORE, "diff");
    assert!(run.stdout.contains("prod/kubernetes is no longer rendered"), "{}", run.stdout);
}

#[test]
fn what_stands_is_told_where_nothing_changes() {
    let project = project();
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    let run = run_on(&project, BEFORE, "build intents/shop.toml");
    assert!(run.stdout.starts_with("nothing changes; "), "{}", run.stdout);
}

#[test]
fn only_the_cluster_that_is_concerned_is_named() {
    let project = project();
    project.write("netpolc.toml", "[clusters.dev]\n[clusters.prod]\nenforces-egress = false\n");
    let run = run_on(&project, BEFORE, "diff");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("in the cluster prod"), "{}", run.stderr);
    assert!(!run.stderr.contains("in the cluster dev"), "{}", run.stderr);
}

#[test]
fn a_new_dialect_opens_nothing_and_a_change_of_one_dialect_alone_names_it() {
    let project = project();
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n");
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    project.write("netpolc.toml", "dialects = [\"kubernetes\", \"cilium\"]\n");
    let added = run_on(&project, BEFORE, "diff");
    assert!(added.stdout.contains("cilium is rendered for the first time"), "{}", added.stdout);
    assert!(!added.stdout.contains(" opened"), "{}", added.stdout);
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);

    // What only one of them can say changes only there.
    project
        .write("netpolc.toml", "dialects = [\"kubernetes\", \"cilium\"]\napproximate.kubernetes = [\"http-as-l4\"]\n");
    let by_path = INTENT.replace("all/TCP\"", "80/TCP\"").replace("why", "http = [{ path = \"/x\" }]\nwhy");
    project.write("intents/shop.toml", INTENT.replace("all/TCP", "80/TCP"));
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    project.write("intents/shop.toml", by_path);
    let narrowed = run_on(&project, BEFORE, "diff");
    let line = narrowed.stdout.lines().find(|line| line.starts_with("  ~ ")).unwrap_or_default();
    assert_eq!(line, "  ~ front/web → back/api 80/TCP → 80/TCP (/x) (only cilium)", "{}", narrowed.stdout);
}

#[test]
fn addresses_that_change_are_told_of_every_tier_that_reaches_them() {
    let project = project();
    let app = |name: &str, port: u16| {
        format!(
            "app = \"{name}\"\n[tiers]\nx = {{ namespace = \"{name}\", pods = {{ app = \"x\" }} }}\n\
             [[allow]]\nfrom = \"x\"\nto = \"partner\"\nports = [{port}]\n"
        )
    };
    let partner = |range: &str| format!("[external]\npartner = {{ cidrs = [\"{range}\"] }}\n");
    project.write("netpolc.toml", partner("203.0.113.0/24"));
    project.write("intents/one.toml", app("one", 443));
    project.write("intents/two.toml", app("two", 443));
    let first = run_on(&project, BEFORE, "build");
    assert_eq!(first.code, 0, "{}", first.stderr);
    // One of the two files that refer to the addresses changes too, the other one stays as it is.
    project.write("netpolc.toml", partner("198.51.100.0/24"));
    project.write("intents/one.toml", app("one", 444));
    let run = run_on(&project, BEFORE, "diff");
    for told in ["  + two/x → partner 443/TCP", "  - two/x → 203.0.113.0/24 443/TCP"] {
        assert!(run.stdout.lines().any(|line| line == told), "all dialects say {told}: {}", run.stdout);
    }
}

#[test]
fn a_guard_that_goes_and_policies_that_only_report_are_told_first() {
    let project = project();
    let settings = |staged, guard| {
        format!("dialects = [\"calico\"]\n[cluster]\nstaged = {staged}\n[cluster.guards]\nmetadata-deny = {guard}\n")
    };
    project.write("netpolc.toml", settings(false, true));
    let first = run_on(&project, BEFORE, "build");
    assert_eq!(first.code, 0, "{}", first.stderr);
    project.write("netpolc.toml", settings(false, false));
    let run = run_on(&project, BEFORE, "diff");
    assert!(run.stdout.contains("guard `metadata-deny` is no longer there"), "{}", run.stdout);
    project.write("netpolc.toml", settings(true, true));
    let run = run_on(&project, BEFORE, "diff");
    for told in ["guard `metadata-deny` is no longer enforced", "are no longer enforced: policies only report there"] {
        assert!(run.stdout.contains(told), "{told}: {}", run.stdout);
    }
}
