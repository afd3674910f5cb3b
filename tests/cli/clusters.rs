//! Named clusters: each has its own profile and its own part of `out/`.

use super::{BEFORE, project, run_on};
use crate::support::{Project, tree};

const CLUSTERS: &str = "[clusters.staging]\ndns = \"node-local\"\n\n[clusters.prod]\ndns = \"openshift\"\n";

fn clusters() -> Project {
    let project = project();
    project.write("netpolc.toml", CLUSTERS);
    project
}

#[test]
fn each_gets_its_own_folder_with_its_own_dns() {
    let project = clusters();
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    let staging = project.read("out/staging/kubernetes/allow/back.yaml");
    assert!(staging.contains("169.254.20.10/32") && staging.contains("kube-dns"), "{staging}");
    let prod = project.read("out/prod/kubernetes/allow/back.yaml");
    assert!(prod.contains("openshift-dns") && prod.contains("port: 5353") && !prod.contains("kube-dns"), "{prod}");
    assert!(!project.dir().join("out/kubernetes").exists());
    assert_eq!(run_on(&project, BEFORE, "build --check").code, 0);
}

#[test]
fn one_can_be_built_alone_and_leaves_the_other_as_it_is() {
    let project = clusters();
    assert_eq!(run_on(&project, BEFORE, "build --cluster prod").code, 0);
    assert!(!project.dir().join("out/staging").exists());
    assert_eq!(run_on(&project, BEFORE, "build --check").code, 1, "staging is missing");
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    let before = tree(&project.dir().join("out/staging"));
    project.write("netpolc.toml", CLUSTERS.replace("openshift", "kube-dns").replace("node-local", "kube-dns"));
    assert_eq!(run_on(&project, BEFORE, "build --cluster prod").code, 0);
    assert!(!project.read("out/prod/kubernetes/allow/back.yaml").contains("openshift-dns"));
    assert_eq!(tree(&project.dir().join("out/staging")), before);
}

#[test]
fn a_cluster_that_is_no_longer_named_is_removed() {
    let project = clusters();
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    project.write("netpolc.toml", "[clusters.prod]\ndns = \"openshift\"\n");
    assert_eq!(run_on(&project, BEFORE, "build --check").code, 1);
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    assert_eq!(tree(&project.dir().join("out/staging")).len(), 0);
}

#[test]
fn stdout_prints_one_of_them_and_refuses_to_choose() {
    let project = clusters();
    let ambiguous = run_on(&project, BEFORE, "build --stdout");
    assert_eq!((ambiguous.code, ambiguous.stdout.as_str()), (2, ""));
    assert!(ambiguous.stderr.contains("staging") && ambiguous.stderr.contains("prod"), "{}", ambiguous.stderr);
    let prod = run_on(&project, BEFORE, "build --stdout --cluster prod --dialect kubernetes");
    assert_eq!(prod.code, 0, "{}", prod.stderr);
    assert!(prod.stdout.contains("openshift-dns") && !prod.stdout.contains("169.254.20.10"));
}

#[test]
fn unknown_names_exit_with_two_and_a_hint() {
    let project = clusters();
    for line in ["build --cluster pord", "diff --cluster pord", "build --stdout --cluster pord"] {
        let run = run_on(&project, BEFORE, line);
        assert_eq!(run.code, 2, "{line}");
        assert!(run.stderr.contains("`prod`"), "{line}: {}", run.stderr);
    }
}

#[test]
fn diff_can_be_limited_to_one() {
    let project = clusters();
    assert_eq!(run_on(&project, BEFORE, "build --cluster prod").code, 0);
    assert_eq!(run_on(&project, BEFORE, "diff --cluster prod").code, 0);
    assert_eq!(run_on(&project, BEFORE, "diff --cluster staging").code, 1);
    assert_eq!(run_on(&project, BEFORE, "diff").code, 1);
}

/// One cluster still reports while the other is enforced: what is true of one is not said of both.
#[test]
fn what_is_true_of_one_names_it() {
    let project = project();
    let with = |staged: bool| {
        format!(
            "dialects = [\"calico\"]\n[cluster]\nlog-denied = true\npod-cidrs = [\"10.0.0.0/16\"]\n[clusters.eu]\n\
             [clusters.us]\nstaged = {staged}\nguards = {{ default-deny = true }}\n"
        )
    };
    project.write("netpolc.toml", with(true));
    let built = run_on(&project, BEFORE, "build");
    assert_eq!(built.code, 0, "{}", built.stderr);
    for line in [
        "staged: the policies of calico only report, nothing is enforced (in us)",
        "log-denied: the policies of calico log nothing as long as they are staged (in us)",
    ] {
        assert!(built.stdout.lines().any(|said| said == line), "{line}: {}", built.stdout);
    }
    let alone = run_on(&project, BEFORE, "build --cluster us");
    assert!(alone.stdout.contains("nothing is enforced\n"), "{}", alone.stdout);
    project.write("netpolc.toml", with(false));
    let run = run_on(&project, BEFORE, "diff");
    for line in ["us: guard `default-deny` is enforced from now on", "eu: no flow opens or closes"] {
        assert!(run.stdout.lines().any(|said| said == line), "{line}: {}", run.stdout);
    }
    assert!(run.stdout.contains("us: namespaces back, front are enforced from now on"), "{}", run.stdout);
}

/// A run about one cluster does not know what the others need.
#[test]
fn a_waiver_that_another_cluster_may_need_is_not_called_unused() {
    let project = project();
    project.write("netpolc.toml", "[clusters.a]\n[clusters.b]\n");
    let intent = super::INTENT.replace("ports = [\"all/TCP\"]", "ports = [80]");
    project.write("intents/shop.toml", intent.replace("2026-06-30", "2027-06-30"));
    let unused = |line: &str| run_on(&project, BEFORE, line).stderr.contains("warning[NP505]");
    assert!(unused("build") && unused("check"));
    assert!(!unused("build --cluster a") && !unused("diff --cluster b"));
}
