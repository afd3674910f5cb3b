//! `netpolc build`: waivers and days, exit codes, what it writes.

use std::fs;

use super::{AFTER, BEFORE, INTENT, LAST, project, run, run_on};
use crate::support::{Project, tree};

#[test]
fn a_build_writes_and_a_second_one_does_not() {
    let project = project();
    let first = run_on(&project, BEFORE, "build --exit-nonzero-on-change");
    assert_eq!(first.code, 1, "files were written: {}", first.stderr);
    let written = tree(&project.dir().join("out"));
    assert!(written.len() > 4);
    let second = run_on(&project, BEFORE, "build --exit-nonzero-on-change");
    assert_eq!(second.code, 0, "nothing was written: {}", second.stderr);
    assert_eq!(tree(&project.dir().join("out")), written);
}

#[test]
fn removing_files_is_a_change_too() {
    let project = project();
    project.write("intents/more.toml", "app = \"more\"\n[tiers]\nx = { namespace = \"x\", pods = \"all\" }\n");
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    fs::remove_file(project.dir().join("intents/more.toml")).unwrap();
    assert_eq!(run_on(&project, BEFORE, "build --exit-nonzero-on-change").code, 1);
    assert_eq!(run_on(&project, BEFORE, "build --exit-nonzero-on-change").code, 0);
    assert!(!project.dir().join("out/kubernetes/allow/x.yaml").exists());
}

#[test]
fn the_first_build_says_what_to_do_next() {
    let project = project();
    assert!(run_on(&project, BEFORE, "build").stdout.contains("kubectl apply -k out/kubernetes"));
    assert!(!run_on(&project, BEFORE, "build").stdout.contains("kubectl"), "a second one need not");
}

#[test]
fn expired_waivers_stop_whatever_is_not_rendering_for_a_cluster() {
    let project = project();
    assert_eq!(run_on(&project, AFTER, "build").code, 1);
    assert!(!project.dir().join("out").exists(), "an expired waiver wrote");
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    for line in ["build", "build --check", "check"] {
        assert_eq!(run_on(&project, LAST, line).code, 0, "{line}: the last day still counts");
        let run = run_on(&project, AFTER, line);
        assert_eq!(run.code, 1, "{line}: {}", run.stdout);
        assert!(run.stderr.contains("error[NP081]"), "{line}: {}", run.stderr);
    }
}

#[test]
fn a_build_of_no_intents_is_an_error() {
    let project = Project::new();
    for folder in [false, true] {
        if folder {
            fs::create_dir(project.dir().join("intents")).unwrap();
        }
        for line in ["build", "build --check", "build --stdout", "check", "diff"] {
            let run = run(&project, line);
            assert_eq!(run.code, 1, "{line}: {}", run.stdout);
            assert!(run.stderr.contains("netpolc init"), "{line}: {}", run.stderr);
            assert_eq!(run.stdout, "", "{line}");
        }
    }
    assert!(tree(project.dir()).is_empty());
}

/// Emptied by mistake, a project must not lose its policies.
#[test]
fn a_build_of_no_intents_removes_nothing() {
    let project = project();
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    let before = tree(&project.dir().join("out"));
    fs::remove_file(project.dir().join("intents/shop.toml")).unwrap();
    assert_eq!(run_on(&project, BEFORE, "build --overwrite").code, 1);
    assert_eq!(tree(&project.dir().join("out")), before);
}

#[test]
fn errors_in_one_intent_keep_all_others_from_being_written() {
    let project = project();
    project.write("intents/bad.toml", "app = \"bad\"\n[[allow]]\nfrom = \"nobody\"\nto = \"nothing\"\n");
    // The error is told whichever intent was asked for: out/ is the project's.
    let run = run_on(&project, BEFORE, "build intents/shop.toml");
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("intents/bad.toml"), "{}", run.stderr);
    assert!(!project.dir().join("out").exists());
}

#[test]
fn what_is_said_otherwise_is_an_error_until_permitted_by_name_and_then_told() {
    let http = "app = \"shop\"\n\n[tiers]\nweb = { namespace = \"front\", pods = { app = \"web\" } }\n\
                api = { namespace = \"back\", pods = { app = \"api\" }, ports = [80] }\n\n\
                [external]\npay = { fqdns = [\"pay.example.com\"], ports = [443] }\n\n\
                [[allow]]\nfrom = \"web\"\nto = \"api\"\nwhy = \"w\"\nhttp = [{ method = \"GET\", path = \"/x\" }]\n\n\
                [[allow]]\nfrom = \"api\"\nto = \"pay\"\nwhy = \"w\"\n";
    let project = Project::new();
    project.write("intents/shop.toml", http);
    let refused = run(&project, "build");
    assert_eq!(refused.code, 1);
    for (line, name) in [("intents/shop.toml:14:", "http-as-l4"), ("intents/shop.toml:18:", "fqdns-omitted")] {
        assert!(refused.stderr.contains(line) && refused.stderr.contains(name), "{}", refused.stderr);
    }
    assert!(!project.dir().join("out").exists());
    project.write("netpolc.toml", "[approximate]\nkubernetes = [\"http-as-l4\"]\ncalico = [\"http-as-l4\"]\n");
    assert_eq!(run(&project, "build").code, 1, "one was permitted, and not the other");
    let both = "[\"http-as-l4\", \"fqdns-omitted\"]";
    project.write("netpolc.toml", format!("[approximate]\nkubernetes = {both}\n"));
    let refused = run(&project, "build");
    assert!(refused.code == 1 && refused.stderr.contains("calico") && !refused.stderr.contains("kubernetes"));
    project.write("netpolc.toml", format!("[approximate]\nkubernetes = {both}\ncalico = {both}\n"));
    // Every time, not only when something changes.
    for line in ["build", "build", "build --check"] {
        let built = run(&project, line);
        assert_eq!(built.code, 0, "{}", built.stderr);
        let told: Vec<&str> = built.stdout.lines().filter(|line| line.starts_with("exact except:")).collect();
        assert_eq!(told.len(), 2, "{line}: {}", built.stdout);
        for fact in ["http-as-l4 (wider)", "fqdns-omitted (narrower)"] {
            assert!(told.iter().any(|line| line.contains(fact) && line.contains("kubernetes, calico")), "{told:?}");
        }
    }
}

#[test]
fn a_broken_lock_is_rebuilt() {
    let project = project();
    assert_eq!(run_on(&project, BEFORE, "build").code, 0);
    let good = tree(&project.dir().join("out"));
    for lock in ["", "<<<<<<< HEAD\nnonsense\n=======\n", "\0\0\0"] {
        project.write("out/.netpolc.lock", lock);
        assert_eq!(run_on(&project, BEFORE, "build").code, 0, "{lock:?}");
        assert_eq!(tree(&project.dir().join("out")), good, "{lock:?}");
    }
}

#[test]
fn only_warnings_about_the_chosen_intents_are_shown() {
    let project = project();
    let other = INTENT.replace("shop", "other").replace("front", "f2").replace("back", "b2");
    project.write("intents/other.toml", other.split("[[waive]]").next().unwrap());
    let all = run_on(&project, BEFORE, "check --format concise");
    assert!(all.stdout.contains("intents/other.toml"), "{}", all.stdout);
    let one = run_on(&project, BEFORE, "check intents/shop.toml --format concise");
    assert_eq!((one.code, one.stdout.as_str()), (0, ""));
}

/// The API server labels every namespace with its name: asked for alone, the label is a name, and the scraper in the
/// managed namespace gets its half.
#[test]
fn a_namespace_known_by_its_own_label_is_known_by_name() {
    let project = project();
    let label = "{ labels = { \"kubernetes.io/metadata.name\" = \"watch\" } }";
    project.write("netpolc.toml", format!("[cluster]\nscrapers = {{ namespace = {label}, pods = \"all\" }}\n"));
    let tier = |name: &str| {
        format!("{name} = {{ namespace = \"{name}\", pods = {{ app = \"{name}\" }}, metrics = [9090] }}\n")
    };
    project.write("intents/watch.toml", format!("app = \"watch\"\n[tiers]\n{}{}", tier("watch"), tier("seen")));
    let run = run_on(&project, BEFORE, "build");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(project.read("out/kubernetes/allow/watch.yaml").contains("name: scrapers--egress-to--watch--seen"));
}

#[test]
fn what_is_left_out_is_not_counted_among_the_flows() {
    let project = project();
    let flows = |project: &Project| {
        let run = run_on(project, BEFORE, "build");
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout.lines().find(|line| line.starts_with("verified")).unwrap().split(" of ").next().unwrap().to_owned()
    };
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n[approximate]\nkubernetes = [\"fqdns-omitted\"]\n");
    let before = flows(&project);
    let other = "app = \"other\"\n[tiers]\nx = { namespace = \"other\", pods = { app = \"x\" } }\n[external]\n\
                 mail = { fqdns = [\"mail.example.com\"], ports = [25] }\n[[allow]]\nfrom = \"x\"\nto = \"mail\"\nwhy = \"mail\"\n";
    project.write("intents/other.toml", other);
    let count = |text: &str| text.split_whitespace().find_map(|word| word.parse::<usize>().ok()).unwrap();
    assert_eq!(count(&flows(&project)), count(&before) + 1, "DNS of x, and nothing for its mail");
}

#[test]
fn an_external_has_its_name_however_a_dialect_writes_its_addresses() {
    let project = Project::new();
    project.write(
        "netpolc.toml",
        "[cluster]\npod-cidrs = [\"10.0.0.0/16\"]\nservice-cidrs = [\"10.1.0.0/16\"]\nnode-cidrs = [\"10.2.0.0/16\"]\n\
         [lints]\nNP204 = \"allow\"\nNP401 = \"allow\"\n",
    );
    let intent = r#"app = "x"
[tiers]
a = { namespace = "n", pods = { a = "b" }, dns = false }
[external]
every = { cidrs = ["0.0.0.0/0", "::/0"], private = true, metadata = true, ports = [1] }
half  = { cidrs = ["0.0.0.0/1"], except = ["0.0.0.0/32", "10.0.0.0/8"], metadata = true, private = true, ports = [2] }
[[allow]]
from = "a"
to   = ["every", "half"]
why  = "everything"
"#;
    project.write("intents/x.toml", intent);
    let build = run_on(&project, BEFORE, "build");
    assert_eq!((build.code, build.stderr.as_str()), (0, ""), "{}", build.stdout);
    let opened: Vec<&str> = build.stdout.lines().filter(|line| line.starts_with("  + ")).collect();
    assert!(opened.iter().all(|line| line.contains("n/a → every ") || line.contains("n/a → half ")), "{opened:#?}");
    assert!(!opened.is_empty() && !build.stdout.contains("calico, calico"), "{opened:#?}");
}

/// Each folder enforces everything alone: a newcomer must not apply all of them.
#[test]
fn a_first_build_ends_with_what_to_do_next() {
    let next = |settings: &str| {
        let project = project();
        project.write("netpolc.toml", settings);
        let first = run_on(&project, BEFORE, "build").stdout;
        let again = run_on(&project, BEFORE, "build").stdout;
        assert!(!again.contains("next:"), "{again}");
        first.lines().last().unwrap().to_owned()
    };
    let all = next("");
    assert!(all.starts_with("next: ") && all.contains("out/calico") && all.contains("that one alone"), "{all}");
    let one = next("dialects = [\"cilium\"]\n");
    assert!(one.ends_with("kubectl apply -k out/cilium") && !one.contains("alone"), "{one}");
}

/// Runs git in a project, apart from the caller's own configuration.
fn git(project: &Project, line: &str) {
    let mut git = std::process::Command::new("git");
    git.args(line.split_whitespace())
        .current_dir(project.dir())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", project.dir());
    let output = git.output().unwrap();
    assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_git_does_not_know_is_named() {
    let project = project();
    let alone = run_on(&project, BEFORE, "build --tracked");
    assert_eq!(alone.code, 2, "there is no repository");
    assert!(alone.stderr.contains("git cannot say what is tracked: fatal: not a git repository"), "{}", alone.stderr);

    git(&project, "init --quiet");
    let new = run_on(&project, BEFORE, "build --tracked");
    assert_eq!(new.code, 1);
    for said in ["error[NP804]: git does not know `intents/", "git does not know 22 files in `out/`", "`git add out`"] {
        assert!(new.stderr.contains(said), "{said}: {}", new.stderr);
    }
    git(&project, "add intents");
    let added = run_on(&project, BEFORE, "build --tracked").stderr;
    assert!(!added.contains("intents/") && added.contains("`git add out`"), "{added}");
    git(&project, "add --all");
    project.write("intents/notes.txt", "no intent, and nobody's business");
    assert_eq!(run_on(&project, BEFORE, "build --tracked").code, 0);
}

/// Whoever renders elsewhere tells git to ignore the output; and a template decides what is built.
#[test]
fn what_git_ignores_is_no_matter_and_templates_are() {
    let project = project();
    git(&project, "init --quiet");
    project.write(".gitignore", "/out/\n");
    git(&project, "add intents");
    assert_eq!(run_on(&project, BEFORE, "build --tracked").code, 0);
    let template = fs::read(crate::support::repo().join("templates/kubernetes/allow.yaml.j2")).unwrap();
    project.write("templates/kubernetes/allow.yaml.j2", template);
    let said = run_on(&project, BEFORE, "build --tracked");
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("git does not know `templates/kubernetes/allow.yaml.j2`"), "{}", said.stderr);
}
