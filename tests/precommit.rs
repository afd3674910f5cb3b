//! The hooks under the real pre-commit: each test is a repository of a user who commits.
//!
//! What pre-commit does around a hook decides whether the hook keeps its promise: it shows it the staged files and puts the
//! others aside (`staged_files_only.py`), leaves deleted files out (`git.py`), and takes changes back that do not fit to what
//! it put aside. `tests/support/published.rs` says what is installed, and how.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::published::{Published, configuration, installed, run};
use crate::support::{self, Project, tool};

const SHOP: &str = r#"app   = "shop"
owner = "storefront"

[tiers]
web = { namespace = "frontend", pods = { app = "web" }, ports = [80] }
api = { namespace = "backend",  pods = { app = "api" }, ports = [80] }

[[allow]]
from = "web"
to   = "api"
why  = "orders"

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
"#;

const BILLING: &str = r#"app   = "billing"
owner = "finance"

[tiers]
invoices = { namespace = "billing", pods = { app = "invoices" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = "invoices"
why  = "customers look at their invoices"
"#;

/// A repository with the hook installed, as docs/pre-commit.md sets it up.
struct Repository {
    project: Project,
    home: tempfile::TempDir,
    published: &'static Published,
}

impl Repository {
    /// `None` where pre-commit is missing.
    fn with_hook(hook: &str) -> Option<Self> {
        if !tool("pre-commit") {
            return None;
        }
        let repository = Self { project: Project::new(), home: tempfile::tempdir().unwrap(), published: installed() };
        repository.does("git init --quiet --initial-branch main");
        repository.does("git config user.name Someone");
        repository.does("git config user.email someone@example.com");
        repository.project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n");
        repository.project.write("intents/shop.toml", SHOP);
        repository.project.write(".gitattributes", "out/** linguist-generated=true -text\n");
        repository.project.write(".pre-commit-config.yaml", configuration(hook));
        repository.does("pre-commit install");
        repository.does("git add --all");
        Some(repository)
    }

    /// The same with everything committed.
    fn committed() -> Option<Self> {
        let repository = Self::with_hook("netpolc")?;
        repository.project.write("intents/billing.toml", BILLING);
        repository.does("netpolc build");
        repository.does("git add --all");
        repository.passes();
        Some(repository)
    }

    fn dir(&self) -> &Path {
        self.project.dir()
    }

    fn run(&self, line: &str) -> (i32, String) {
        let mut words = line.split_whitespace();
        let mut command = self.published.command(words.next().unwrap(), self.dir(), self.home.path());
        run(command.args(words), Duration::from_secs(120)).unwrap()
    }

    /// Runs a command that must succeed.
    fn does(&self, line: &str) -> String {
        let (code, said) = self.run(line);
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    /// A commit that must be made. All that is told is that the hook passed.
    fn passes(&self) {
        let said = self.does("git commit --quiet --message change");
        let lines: Vec<&str> = said.lines().collect();
        assert!(
            matches!(lines.as_slice(), [line] if line.starts_with("netpolc") && line.ends_with("Passed")),
            "{said}"
        );
    }

    /// A commit that the hook must stop; what was said.
    fn fails(&self) -> String {
        let before = self.run("git rev-parse --verify --quiet HEAD");
        let (code, said) = self.run("git commit --quiet --message change");
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("Failed\n- hook id: netpolc"), "{said}");
        assert_eq!(self.run("git rev-parse --verify --quiet HEAD"), before, "nothing was committed");
        said
    }

    /// What `git status` says of each file.
    fn status(&self) -> Vec<String> {
        self.does("git status --short --untracked-files=all").lines().map(str::to_owned).collect()
    }

    fn exists(&self, path: &str) -> bool {
        self.dir().join(path).exists()
    }

    /// Whether what was committed last, and nothing else, holds together.
    fn head_is_consistent(&self) -> bool {
        let elsewhere = tempfile::tempdir().unwrap();
        self.does(&format!("git worktree add --quiet --detach {}/head HEAD", elsewhere.path().display()));
        let head = elsewhere.path().join("head");
        let mut check = self.published.command("netpolc", &head, self.home.path());
        let (code, _) = run(check.args(["build", "--check"]), Duration::from_secs(60)).unwrap();
        self.does(&format!("git worktree remove --force {}", head.display()));
        code == 0
    }
}

#[test]
fn first_output_stops_the_commit_and_is_there() {
    let Some(repository) = Repository::with_hook("netpolc") else { return };
    let said = repository.fails();
    assert!(said.contains("anywhere → frontend/web 80/TCP"), "{said}");
    assert!(repository.exists("out/kubernetes/allow/backend.yaml"));
    let said = repository.fails();
    assert!(said.contains("git does not know 8 files in `out/`") && said.contains("`git add out`"), "{said}");
    repository.does("git add out");
    repository.passes();
    assert_eq!(repository.status(), [""; 0]);
    assert!(repository.head_is_consistent());
}

#[test]
fn changed_intent_stops_the_commit_until_its_output_is_added() {
    let Some(repository) = Repository::committed() else { return };
    repository.project.write(
        "intents/shop.toml",
        SHOP.replace("pods = { app = \"api\" }, ports = [80]", "pods = { app = \"api\" }, ports = [8080]"),
    );
    repository.does("git add intents");
    let said = repository.fails();
    assert!(said.contains("~ frontend/web → backend/api +8080/TCP -80/TCP"), "{said}");
    assert!(said.contains("- exit code: 1"), "netpolc fails, and not only because pre-commit saw a change: {said}");
    let written = repository.project.read("out/kubernetes/allow/backend.yaml");
    assert!(written.contains("port: 8080"), "{written}");
    repository.fails();
    assert_eq!(repository.project.read("out/kubernetes/allow/backend.yaml"), written, "a second try loses nothing");
    repository.does("git add out");
    repository.passes();
    assert!(repository.head_is_consistent());
}

#[test]
fn staged_edit_by_hand_is_caught_and_kept() {
    let Some(repository) = Repository::committed() else { return };
    let path = "out/kubernetes/allow/backend.yaml";
    let edited = repository.project.read(path).replace("port: 80\n", "port: 81\n");
    repository.project.write(path, &edited);
    repository.does("git add out");
    let said = repository.fails();
    assert!(said.contains("`out/kubernetes/allow/backend.yaml` was edited by hand"), "{said}");
    assert_eq!(repository.project.read(path), edited, "nobody's work is overwritten");
    assert_eq!(repository.status(), [format!("M  {path}")]);
}

#[test]
fn what_is_staged_of_an_intent_is_built_and_the_rest_survives() {
    let Some(repository) = Repository::committed() else { return };
    let (staged, rest) = (SHOP.replace("ports = [80] }\n\n", "ports = [8080] }\n\n"), "\n# not yet: the warehouse\n");
    assert_ne!(staged, SHOP);
    repository.project.write("intents/shop.toml", &staged);
    repository.does("git add intents");
    let unstaged = format!("{}{rest}", staged.replace("8080", "9090"));
    repository.project.write("intents/shop.toml", &unstaged);
    let said = repository.fails();
    assert!(said.contains("+8080/TCP"), "{said}");
    assert_eq!(repository.project.read("intents/shop.toml"), unstaged);
    repository.does("git add out");
    repository.does("git commit --quiet --message change");
    assert_eq!(repository.project.read("intents/shop.toml"), unstaged);
    assert_eq!(repository.status(), [" M intents/shop.toml"]);
    assert!(repository.head_is_consistent());
}

/// pre-commit puts no file aside that git does not know, so it is built with the others.
#[test]
fn intent_that_git_does_not_know_stops_the_commit() {
    let Some(repository) = Repository::committed() else { return };
    repository.project.write("intents/draft.toml", BILLING.replace("billing", "draft"));
    repository.project.write("intents/notes.txt", "not an intent");
    repository.project.write("README.md", "# Policies\n");
    repository.does("git add README.md");
    repository.fails();
    repository.does("git add out");
    let said = repository.fails();
    assert!(said.contains("git does not know `intents/draft.toml`") && !said.contains("notes.txt"), "{said}");
    repository.does("git add intents/draft.toml");
    repository.passes();
    assert_eq!(repository.status(), ["?? intents/notes.txt"]);
    assert!(repository.head_is_consistent());
}

/// `git commit --all` and `git commit FILE` look at another index than the one of the repository.
#[test]
fn index_of_a_commit_with_files_is_the_one_that_counts() {
    let Some(repository) = Repository::committed() else { return };
    repository.project.write("README.md", "# Policies\n");
    repository.does("git add README.md");
    repository.does("git commit --quiet --message one README.md");
    repository.project.write("README.md", "# Network policies\n");
    repository.does("git commit --quiet --all --message two");
}

/// Output of the unstaged rest of an intent is in the way of the output of its staged part. pre-commit takes back what the
/// hook wrote; the commit has failed, nothing is lost, and what docs/pre-commit.md says helps.
#[test]
fn output_of_unstaged_changes_in_the_way_is_kept_and_told() {
    let Some(repository) = Repository::committed() else { return };
    repository
        .project
        .write("intents/shop.toml", SHOP.replace("backend", "inner").replace("why  = \"orders\"", "why  = \"o\""));
    repository.does("git add intents");
    let unstaged = SHOP.replace("backend", "core").replace("why  = \"orders\"", "why  = \"p\"");
    repository.project.write("intents/shop.toml", &unstaged);
    repository.does("netpolc build");
    let before =
        (repository.project.read("out/.netpolc.lock"), repository.project.read("out/kubernetes/allow/core.yaml"));
    let said = repository.fails();
    assert!(said.contains("Stashed changes conflicted with hook auto-fixes"), "{said}");
    let after =
        (repository.project.read("out/.netpolc.lock"), repository.project.read("out/kubernetes/allow/core.yaml"));
    assert_eq!(before, after);
    assert_eq!(repository.project.read("intents/shop.toml"), unstaged);

    repository.does("git restore out");
    repository.does("git clean --force -d --quiet out");
    repository.fails();
    repository.does("git add out");
    repository.does("git commit --quiet --message change");
    assert!(repository.head_is_consistent());
    repository.does("netpolc build");
    assert!(
        repository.exists("out/kubernetes/allow/core.yaml") && !repository.exists("out/kubernetes/allow/inner.yaml")
    );
}

/// A deleted file is nothing that pre-commit matches `files` with.
#[test]
fn deleted_app_takes_its_output_along() {
    let Some(repository) = Repository::committed() else { return };
    repository.does("git rm --quiet intents/billing.toml");
    let said = repository.fails();
    assert!(said.contains("  - anywhere → billing/(app=invoices) 8080/TCP"), "{said}");
    assert!(!repository.exists("out/kubernetes/allow/billing.yaml"));
    repository.does("git add out");
    repository.passes();
    assert_eq!(repository.does("git ls-files out/kubernetes/allow/billing.yaml"), "");
    assert!(repository.head_is_consistent());
}

#[test]
fn broken_intent_stops_the_commit_with_its_line() {
    for hook in ["netpolc", "netpolc-check"] {
        let Some(repository) = Repository::with_hook(hook) else { return };
        repository.project.write("intents/shop.toml", SHOP.replace("to   = \"api\"", "to   = \"apj\""));
        repository.does("git add intents");
        let said = repository.fails();
        assert!(said.contains("intents/shop.toml:10:8") && said.contains("`apj`"), "{said}");
        assert!(!repository.exists("out"));
    }
}

#[test]
fn check_writes_nothing() {
    let Some(repository) = Repository::with_hook("netpolc-check") else { return };
    repository.passes();
    assert!(!repository.exists("out"));
    assert_eq!(repository.status(), [""; 0]);
}

#[test]
fn commits_of_other_things_pass() {
    let Some(repository) = Repository::committed() else { return };
    repository.project.write("README.md", "# Policies\n");
    repository.does("git add README.md");
    repository.passes();
}

/// The command of docs/pre-commit.md for CI: nothing is staged there, and everything is looked at.
#[test]
fn all_files_in_ci() {
    let Some(repository) = Repository::committed() else { return };
    assert!(repository.does("pre-commit run --all-files").contains("Passed"));
    repository.does("git rm --quiet out/kubernetes/allow/billing.yaml");
    repository.does("git commit --quiet --no-verify --message forgotten");
    let (code, said) = repository.run("pre-commit run --all-files");
    assert!(code == 1 && said.contains("b/out/kubernetes/allow/billing.yaml"), "{said}");
}

/// Both sides changed what they built into out/: what docs/pre-commit.md says after a conflict.
#[test]
fn merged_output_is_made_anew() {
    let Some(repository) = Repository::committed() else { return };
    let change = |path: &str, text: String| {
        repository.project.write(path, text);
        repository.does("netpolc build");
        repository.does("git add intents out");
        repository.passes();
    };
    repository.does("git switch --quiet --create other");
    change("intents/shop.toml", SHOP.replace("\"anywhere\"", "\"cluster\""));
    repository.does("git switch --quiet main");
    change("intents/billing.toml", BILLING.replace("8080", "9090"));
    let (_, said) = repository.run("git merge other");
    assert!(said.contains("CONFLICT (content): Merge conflict in out/.netpolc.lock"), "{said}");
    repository.does("netpolc build --overwrite");
    repository.does("git add intents out");
    let said = repository.does("git commit --no-edit");
    assert!(said.contains("Passed"), "{said}");
    assert!(repository.head_is_consistent());
}

/// git commits a merge without conflicts by itself, and asks another hook.
#[test]
fn merge_of_stale_output_is_stopped() {
    let Some(repository) = Repository::committed() else { return };
    repository.does("pre-commit install --hook-type pre-merge-commit");
    repository.does("git switch --quiet --create other");
    repository.project.write("intents/shop.toml", SHOP.replace("\"anywhere\"", "\"cluster\""));
    repository.does("git commit --quiet --all --no-verify --message forgotten");
    repository.does("git switch --quiet main");
    let (code, said) = repository.run("git merge --no-ff --no-edit other");
    assert!(code != 0 && said.contains("- anywhere → frontend/web 80/TCP"), "{said}");
    repository.does("git add out");
    repository.does("git commit --no-edit");
    assert!(repository.head_is_consistent());
}

/// What docs/pre-commit.md shows for a netpolc that is installed already.
#[test]
fn installed_netpolc_as_a_local_hook() {
    let Some(repository) = Repository::with_hook("netpolc") else { return };
    let local = fs::read_to_string(support::repo().join("docs/pre-commit/local.yaml")).unwrap();
    repository.project.write(".pre-commit-config.yaml", local);
    repository.does("git add --all");
    repository.fails();
    repository.does("git add out");
    repository.passes();
    repository.does("git rm --quiet intents/shop.toml");
    repository.project.write("intents/billing.toml", BILLING);
    repository.does("git add intents");
    repository.fails();
    assert!(!repository.exists("out/kubernetes/allow/backend.yaml"));
}

/// A project that is not the whole repository.
#[test]
fn args_name_the_folder_of_a_project() {
    let Some(repository) = Repository::with_hook("netpolc") else { return };
    repository.does("git rm -r --cached --quiet intents netpolc.toml");
    fs::create_dir_all(repository.dir().join("deploy/policies")).unwrap();
    for path in ["intents", "netpolc.toml"] {
        fs::rename(repository.dir().join(path), repository.dir().join("deploy/policies").join(path)).unwrap();
    }
    let configured = configuration("netpolc") + "        args: [deploy/policies]\n";
    repository.project.write(".pre-commit-config.yaml", configured);
    repository.does("git add --all");
    repository.fails();
    assert!(repository.exists("deploy/policies/out/kubernetes/allow/backend.yaml"));
    repository.does("git add deploy");
    repository.passes();
    repository.does("git rm --quiet deploy/policies/out/kubernetes/allow/backend.yaml");
    repository.fails();
}

/// Who turns `always_run` off runs the hook for what it is about, and for nothing else.
#[test]
fn files_say_what_the_hook_is_about() {
    let Some(repository) = Repository::committed() else { return };
    let configured = configuration("netpolc") + "        always_run: false\n";
    repository.project.write(".pre-commit-config.yaml", configured);
    for (path, ran) in [
        ("intents/shop.toml", true),
        ("netpolc.toml", true),
        ("out/.netpolc.lock", true),
        ("templates/kubernetes/allow.yaml.j2", true),
        ("README.md", false),
        ("docs/netpolc.toml.md", false),
    ] {
        if !repository.exists(path) {
            let from = Path::new("/dev/null");
            let built_in = support::repo().join(path);
            let text = fs::read(if path.starts_with("templates") { &built_in } else { from }).unwrap();
            repository.project.write(path, text);
        }
        repository.does("git add --all");
        let said = repository.does(&format!("pre-commit run --files {path}"));
        assert_eq!(said.contains("Passed"), ran, "{path}: {said}");
        assert_eq!(said.contains("Skipped"), !ran, "{path}: {said}");
    }
}
