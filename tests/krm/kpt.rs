//! With kpt itself, which writes what comes back to the files of a package.

use std::path::Path;
use std::process::Command;

use super::{INTENT, project, run};
use crate::support::{Project, Run, tool, tree};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap # of others\nmetadata:\n  name: a\ndata: # two\n  yes: \"yes\"\n  mode: \"0644\"\n";

fn kpt(project: &Project, args: &[&str]) -> Run {
    // kpt keeps what it downloads in the home folder.
    run(Command::new("kpt").args(args).current_dir(project.dir()).env("HOME", project.dir().join("home")), b"")
}

fn render(project: &Project) -> Run {
    kpt(project, &["fn", "render", "package", "--allow-exec"])
}

/// A package beside the intents, with the function in its pipeline.
fn package(config: &str) -> Project {
    let project = project();
    let function = format!("exec: {} krm", env!("CARGO_BIN_EXE_netpolc"));
    let kptfile = "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: package\n";
    project.write("package/Kptfile", format!("{kptfile}pipeline:\n  mutators:\n    - {function}\n{config}"));
    project.write("package/a.yaml", CONFIG_MAP);
    project
}

fn names(dir: &Path) -> Vec<String> {
    tree(&dir.join("package")).keys().map(|path| path.display().to_string()).collect()
}

#[test]
fn a_package_gets_the_policies_keeps_the_rest_and_settles() {
    if !tool("kpt") {
        return;
    }
    let project = package("      configMap:\n        dialect: kubernetes\n");
    let seen = render(&project);
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    assert!(seen.stderr.contains("[info]: verified: kubernetes allows exactly the"), "{}", seen.stderr);
    let files = [
        "Kptfile",
        "a.yaml",
        "front/networkpolicy_netpolc--default-deny.yaml",
        "front/networkpolicy_shop--web--egress-dns.yaml",
        "front/networkpolicy_shop--web--ingress-from--anywhere.yaml",
    ];
    assert_eq!(names(project.dir()), files);
    assert_eq!(project.read("package/a.yaml"), CONFIG_MAP);
    let before = tree(project.dir());
    assert_eq!(render(&project).code, 0);
    assert_eq!(tree(project.dir()), before, "a second run changes nothing");
    // A policy that is asked for no more goes, one that changes is changed where it is.
    std::fs::rename(project.dir().join("package").join(files[4]), project.dir().join("package/moved.yaml")).unwrap();
    project.write("intents/app.toml", INTENT.replace("ports = [80]", "ports = [81], dns = false"));
    let seen = render(&project);
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    assert!(
        seen.stderr.contains("asks for it no more") || seen.stderr.contains("ask for it no more"),
        "{}",
        seen.stderr
    );
    assert_eq!(names(project.dir()), [files[0], files[1], files[2], files[4]]);
    assert!(project.read(&format!("package/{}", files[4])).contains("port: 81"));
}

/// The function config is a file of the package, and stays one.
#[test]
fn the_function_config_may_be_a_file_of_the_package() {
    if !tool("kpt") {
        return;
    }
    let project = package("      configPath: function.yaml\n");
    let config = "apiVersion: netpolc.dev/v1alpha1\nkind: NetworkPolicies\nmetadata:\n  name: shop\n  annotations:\n    config.kubernetes.io/local-config: \"true\"\nspec:\n  dialect: cilium # ours\n";
    project.write("package/function.yaml", config);
    let seen = render(&project);
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    assert_eq!(project.read("package/function.yaml"), config);
    assert_eq!(names(project.dir()).len(), 6, "{:?}", names(project.dir()));
}

#[test]
fn a_broken_intent_stops_kpt_and_changes_nothing() {
    if !tool("kpt") {
        return;
    }
    let project = package("      configMap:\n        dialect: kubernetes\n");
    assert_eq!(render(&project).code, 0);
    project.write("intents/app.toml", INTENT.replace("to = \"web\"", "to = \"wep\""));
    let before = tree(project.dir());
    let seen = render(&project);
    assert_eq!(seen.code, 1, "{}", seen.stderr);
    assert!(
        seen.stderr.contains("[error]: intents/app.toml:6:6: `wep` is not declared (help: did you mean `web`?)"),
        "{}",
        seen.stderr
    );
    assert_eq!(tree(project.dir()), before);
}
