//! `netpolc diff --against`: revisions of real repositories, and folders.

use std::path::Path;
use std::process::Command;

use super::{BEFORE, INTENT, project};
use crate::support::{Project, Run, netpolc};

/// Runs git in a folder of a project, as the same person at the same time, whoever runs the tests.
pub(super) fn git_in(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Somebody")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "somebody@example.com")))
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(super) fn commit(project: &Project) {
    if !project.dir().join(".git").exists() {
        git_in(project.dir(), &["init", "--quiet", "--initial-branch=main"]);
    }
    git_in(project.dir(), &["add", "--all"]);
    git_in(project.dir(), &["commit", "--quiet", "--allow-empty", "--message", "it"]);
}

pub(super) fn diff(dir: &Path, args: &[&str]) -> Run {
    netpolc(dir, &[&["diff"], args, &BEFORE].concat())
}

/// The project of [`INTENT`], built and committed.
fn committed() -> Project {
    let project = project();
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n");
    let built = netpolc(project.dir(), &["build", BEFORE[0], BEFORE[1]]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    commit(&project);
    project
}

fn narrowed() -> String {
    INTENT.replace("all/TCP", "8080/TCP")
}

#[test]
fn a_revision_is_compared_with_what_the_intents_say_now() {
    let project = committed();
    let same = diff(project.dir(), &["--against", "main"]);
    assert_eq!((same.code, same.stdout.as_str(), same.stderr.as_str()), (0, "", ""));
    // What is in out/ plays no part.
    project.write("intents/shop.toml", narrowed());
    for revision in ["main", "HEAD", "HEAD^{commit}", "main@{0}"] {
        let run = diff(project.dir(), &["--against", revision]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stdout.contains("1 flow narrowed:"), "{}", run.stdout);
    }
    assert_eq!(netpolc(project.dir(), &["build", BEFORE[0], BEFORE[1]]).code, 0);
    let built = diff(project.dir(), &["--against", "main"]);
    assert!(built.stdout.contains("1 flow narrowed:"), "{}", built.stdout);
    assert_eq!(diff(project.dir(), &[]).code, 0);
    commit(&project);
    let back = diff(project.dir(), &["--against", "HEAD~1"]);
    assert!(back.stdout.contains("1 flow narrowed:"), "{}", back.stdout);
}

#[test]
fn what_fails_is_chosen() {
    let project = committed();
    let outcomes = |project: &Project| {
        ["any", "opened", "closed", "never"].map(|what| {
            let run = diff(project.dir(), &["--against", "main", "--fail-on", what]);
            assert!(run.code < 2, "{}", run.stderr);
            run.code
        })
    };
    assert_eq!(outcomes(&project), [0; 4]);
    project.write("intents/shop.toml", narrowed());
    assert_eq!(outcomes(&project), [1, 0, 1, 0], "narrowed");
    project.write(
        "intents/shop.toml",
        format!("{INTENT}[[allow]]\nfrom = \"anywhere\"\nto = \"web\"\nports = [1]\nwhy = \"x\"\n"),
    );
    assert_eq!(outcomes(&project), [1, 1, 0, 0], "opened");
    // Others' changes count, whatever is shown.
    project.write(
        "intents/other.toml",
        "app = \"other\"\n[tiers]\nx = { namespace = \"other\", pods = { app = \"x\" } }\n",
    );
    let run = diff(project.dir(), &["intents/other.toml", "--against", "main", "--fail-on", "opened"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(!run.stdout.contains("anywhere → front/web"), "{}", run.stdout);
    // Another text that means the same.
    std::fs::remove_file(project.dir().join("intents/other.toml")).unwrap();
    project.write("intents/shop.toml", INTENT.replace("still being listed", "being listed"));
    assert_eq!(outcomes(&project), [1, 0, 0, 0], "text alone");
    let run = diff(project.dir(), &["--against", "main"]);
    assert!(run.stdout.contains("2 files change, and no flow opens or closes"), "{}", run.stdout);
}

/// Who may connect still is named, lest a reader takes the front end for shut.
#[test]
fn of_everybody_who_is_left_is_told() {
    let project = committed();
    let from = |who: &str| {
        let edge = format!("[[allow]]\nfrom = \"{who}\"\nto = \"web\"\nports = [1]\nwhy = \"x\"\n");
        project.write("intents/shop.toml", format!("{INTENT}{edge}"));
        let built = netpolc(project.dir(), &["build", BEFORE[0], BEFORE[1]]);
        assert_eq!(built.code, 0, "{}", built.stderr);
        commit(&project);
    };
    from("anywhere");
    from("internet");
    let closed = diff(project.dir(), &["--against", "HEAD~1"]).stdout;
    assert!(closed.contains("- anywhere → front/web 1/TCP (still open: internet)\n"), "{closed}");
    from("anywhere");
    let opened = diff(project.dir(), &["--against", "HEAD~1", "--format", "json"]).stdout;
    assert!(opened.contains("\"beside\": [\n        \"internet\"\n      ]"), "{opened}");
}

#[test]
fn a_guardrail_that_goes_or_holds_for_less_opens() {
    let project = committed();
    let forbid = |more: &str| format!("{INTENT}\n[[forbid]]\nfrom = \"api\"\nto = \"web\"\nwhy = \"never\"\n{more}");
    let tell = |old: &str, new: &str| {
        project.write("intents/shop.toml", old);
        commit(&project);
        project.write("intents/shop.toml", new);
        let run = diff(project.dir(), &["--against", "HEAD", "--fail-on", "opened"]);
        let line = run.stdout.lines().find(|line| line.starts_with("guardrail ")).unwrap_or_default().to_owned();
        (run.code, line)
    };
    let name = "guardrail `shop/api -> shop/web`";
    assert_eq!(tell(&forbid(""), INTENT), (1, format!("{name} is gone")));
    assert_eq!(tell(INTENT, &forbid("")), (0, format!("{name} is new")));
    let weaker = format!("{name} is weaker: it held on any port, and holds on 80/TCP");
    assert_eq!(tell(&forbid(""), &forbid("ports = [80]\n")), (1, weaker));
    let stronger = format!("{name} is stronger: it held on 80/TCP, and holds on any port");
    assert_eq!(tell(&forbid("ports = [80]\n"), &forbid("")), (0, stronger));
    let chains = format!("{name} is weaker: chains of connections no longer count");
    assert_eq!(tell(&forbid("transitive = true\n"), &forbid("")), (1, chains));
    // What it is about may become less, too.
    let fewer = forbid("").replace("app = \"web\"", "app = \"web\", track = \"old\"");
    let ends = format!("{name} is weaker: its ends are other pods or addresses than before");
    assert_eq!(tell(&forbid(""), &fewer), (1, ends));
    // It may stand elsewhere, and say the same.
    project.write("intents/shop.toml", forbid(""));
    commit(&project);
    project.write("intents/shop.toml", INTENT);
    let moved = "dialects = [\"kubernetes\"]\n[[forbid]]\nfrom = \"shop/api\"\nto = \"shop/web\"\n";
    project.write("netpolc.toml", moved);
    let run = diff(project.dir(), &["--against", "HEAD"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
}

#[test]
fn what_is_not_checked_in_is_compiled() {
    let project = project();
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n");
    commit(&project);
    assert_eq!(diff(project.dir(), &["--against", "main"]).code, 0);
    project.write("intents/shop.toml", narrowed());
    let run = diff(project.dir(), &["--against", "main"]);
    assert!(run.stdout.contains("1 flow narrowed:"), "{}", run.stdout);
    // Where there is nothing to compare with, nothing is made up.
    project.write("intents/shop.toml", "app = 1\n");
    commit(&project);
    project.write("intents/shop.toml", INTENT);
    let run = diff(project.dir(), &["--against", "main"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert!(
        run.stderr.contains("keeps no generated policies, and this version of netpolc cannot compile"),
        "{}",
        run.stderr
    );
}

#[test]
fn old_intents_that_no_longer_compile_do_not_stop_it() {
    let project = committed();
    project.write("intents/shop.toml", "app = 1\n");
    commit(&project);
    project.write("intents/shop.toml", narrowed());
    let run = diff(project.dir(), &["--against", "main"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("1 flow narrowed:"), "{}", run.stdout);
    let told: Vec<&str> = run.stderr.lines().filter(|line| line.contains("do not compile")).collect();
    assert_eq!(told.len(), 1, "{}", run.stderr);
    assert!(told[0].contains("(intents/shop.toml:1)"), "{}", run.stderr);
}

#[test]
fn old_policies_that_cannot_be_read_are_compiled_from_their_intents() {
    let project = committed();
    let path = "out/kubernetes/allow/back.yaml";
    project.write(path, project.read(path).replace("policyTypes", "policyKinds"));
    commit(&project);
    project.write("intents/shop.toml", narrowed());
    let run = diff(project.dir(), &["--against", "main"]);
    assert!(run.stdout.contains("1 flow narrowed:"), "{}", run.stdout);
    assert!(run.stderr.contains("its intents were compiled instead"), "{}", run.stderr);
    project.write("intents/shop.toml", "app = 1\n");
    commit(&project);
    project.write("intents/shop.toml", narrowed());
    let run = diff(project.dir(), &["--against", "main"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
}

#[test]
fn what_is_no_revision_is_told() {
    let project = committed();
    git_in(project.dir(), &["update-ref", "refs/remotes/origin/trunk", "HEAD"]);
    let refused = |name: &str| {
        let run = diff(project.dir(), &[&format!("--against={name}")]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{name}: {}", run.stderr);
        run.stderr
    };
    assert!(refused("trunk").contains("there is no revision `trunk`; did you mean `origin/trunk`?"));
    assert!(refused("mian").contains("did you mean `main`?"));
    for name in ["", "-x", "--all", "^main", "main..HEAD", "HEAD:intents", "a b", "no\u{7}thing", "./no", "/no/where"] {
        refused(name);
    }
    assert!(!refused("no\u{7}thing").contains('\u{7}'));
}

#[test]
fn without_a_repository_or_git_it_is_said() {
    let project = project();
    let run = diff(project.dir(), &["--against", "main"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("in no git repository"), "{}", run.stderr);
    let run = Command::new(env!("CARGO_BIN_EXE_netpolc"))
        .args(["diff", "--against", "main"])
        .args(BEFORE)
        .current_dir(project.dir())
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&run.stderr).contains("git is not installed"), "{run:?}");
}

#[test]
fn a_shallow_clone_says_what_to_fetch() {
    let project = committed();
    commit(&project);
    let clone = Project::new();
    let from = format!("file://{}", project.dir().display());
    git_in(clone.dir(), &["clone", "--quiet", "--depth=1", &from, "it"]);
    let run = diff(&clone.dir().join("it"), &["--against", "HEAD~1"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("shallow") && run.stderr.contains("fetch-depth"), "{}", run.stderr);
    assert_eq!(diff(&clone.dir().join("it"), &["--against", "origin/main"]).code, 0);
}

/// A hook's environment is about the repository of the hook.
#[test]
fn a_project_below_its_repository_is_found_whatever_a_hook_sets() {
    let repo = Project::new();
    repo.write("net/shop/intents/shop.toml", INTENT);
    repo.write("net/shop/netpolc.toml", "dialects = [\"kubernetes\"]\n");
    repo.write("intents/other.toml", "app = 1\n");
    let dir = repo.dir().join("net/shop");
    assert_eq!(netpolc(&dir, &["build", BEFORE[0], BEFORE[1]]).code, 0);
    commit(&repo);
    repo.write("net/shop/intents/shop.toml", narrowed());
    for folder in ["net/shop", "net/shop/intents"] {
        let output = Command::new(env!("CARGO_BIN_EXE_netpolc"))
            .args(["diff", "--against", "main"])
            .args(BEFORE)
            .current_dir(repo.dir().join(folder))
            .env("GIT_DIR", "/nowhere/.git")
            .env("GIT_WORK_TREE", "/nowhere")
            .env("GIT_INDEX_FILE", ".git/index")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("1 flow narrowed:") && said.contains("--- a/out/kubernetes"), "{said}");
    }
}

#[test]
fn another_folder_of_output_and_another_dialect_are_no_flows() {
    let project = committed();
    let settings = "dialects = [\"kubernetes\", \"cilium\"]\n[paths]\nout = \"rendered\"\n";
    project.write("netpolc.toml", settings);
    let run = diff(project.dir(), &["--against", "main"]);
    assert!(run.stdout.contains("cilium is rendered for the first time"), "{}", run.stdout);
    assert!(!run.stdout.contains(" opened") && !run.stdout.contains("kubernetes/allow"), "{}", run.stdout);
    project.write("netpolc.toml", "dialects = [\"cilium\"]\n");
    let run = diff(project.dir(), &["--against", "main", "--fail-on", "opened"]);
    assert_eq!(run.code, 1, "policies that go no longer deny");
    assert!(run.stdout.contains("kubernetes is no longer rendered"), "{}", run.stdout);
    assert!(!run.stdout.contains(" opened"), "{}", run.stdout);
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n[clusters.dev]\n[clusters.prod]\n");
    let run = diff(project.dir(), &["--against", "main"]);
    assert!(run.stdout.contains("prod/kubernetes is rendered for the first time"), "{}", run.stdout);
    assert!(!run.stdout.contains(" opened"), "{}", run.stdout);
}

#[test]
fn folders_are_compared_as_what_they_are() {
    let old = committed();
    let project = committed();
    project.write("intents/shop.toml", narrowed());
    let path = |below: &str| format!("{}/{below}", old.dir().display());
    let whole = diff(project.dir(), &["--against", &path("")]);
    assert!(whole.stdout.contains("1 flow narrowed:"), "{}{}", whole.stdout, whole.stderr);
    assert!(whole.stdout.contains("web -> api, intents/shop.toml:8 in `/"), "{}", whole.stdout);
    let output = diff(project.dir(), &["--against", &path("out")]);
    assert!(output.stdout.contains("1 flow narrowed:"), "{}{}", output.stdout, output.stderr);
    // Intents that nobody built.
    std::fs::remove_dir_all(old.dir().join("out")).unwrap();
    assert_eq!(diff(project.dir(), &["--against", &path("")]).stdout, whole.stdout);
    let nothing = diff(project.dir(), &["--against", &path(".git")]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.stderr.contains("holds neither a project"), "{}", nothing.stderr);
}

#[test]
fn a_name_of_both_is_the_revision_and_that_is_said() {
    let project = committed();
    project.write("main/intents/shop.toml", narrowed());
    let revision = diff(project.dir(), &["--against", "main"]);
    assert_eq!(revision.code, 0, "{}", revision.stdout);
    assert!(revision.stderr.contains("`main` is a revision and a folder"), "{}", revision.stderr);
    let folder = diff(project.dir(), &["--against", "./main", "--dialect", "kubernetes"]);
    assert_eq!(folder.code, 1, "{}", folder.stdout);
    assert!(folder.stdout.contains("1 flow widened:") && folder.stderr.is_empty(), "{}", folder.stderr);
}

#[cfg(unix)]
#[test]
fn links_and_submodules_of_a_revision_lead_nowhere_else() {
    let project = committed();
    std::fs::rename(project.dir().join("intents/shop.toml"), project.dir().join("shop.toml")).unwrap();
    std::os::unix::fs::symlink("../shop.toml", project.dir().join("intents/shop.toml")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", project.dir().join("intents/other.toml")).unwrap();
    git_in(project.dir(), &["add", "--all"]);
    let head = git_in(project.dir(), &["rev-parse", "HEAD"]);
    git_in(project.dir(), &["update-index", "--add", "--cacheinfo", &format!("160000,{head},intents/module")]);
    git_in(project.dir(), &["commit", "--quiet", "--message", "links"]);
    std::fs::remove_file(project.dir().join("intents/other.toml")).unwrap();
    let run = diff(project.dir(), &["--against", "main"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.contains("`intents/module` is a submodule, and was not read"), "{}", run.stderr);
    assert!(
        run.stderr.contains("`intents/other.toml` is a symbolic link to no file of the repository"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("compile"), "{}", run.stderr);
}

#[test]
fn line_ends_are_no_difference() {
    let project = project();
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\r\n");
    project.write("intents/shop.toml", INTENT.replace('\n', "\r\n"));
    commit(&project);
    project.write("intents/shop.toml", INTENT);
    let run = diff(project.dir(), &["--against", "main"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}
