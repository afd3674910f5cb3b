//! A repository as a service holds it, with a branch `main`, a branch `change`, and the merge that the change would be.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;

use super::{path, run};
use crate::support::{Project, netpolc};

pub const SHOP: &str = r#"app = "shop"
owner = "storefront"

[tiers]
web = { namespace = "front", pods = { app = "web" }, ports = [80] }
api = { namespace = "back",  pods = { app = "api" }, ports = [80] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
"#;

/// One flow more; what stands beside it must not get out of the text that it is.
pub fn opened() -> String {
    format!(
        "{SHOP}\n[[allow]]\nfrom = \"api\"\nto = \"internet\"\nports = [443]\nwhy = \"@team/all `x` $(touch gone) </script> <img src=x>\"\n"
    )
}

/// One flow less. The tier stays: without it nothing would be denied to its pods any more, which opens.
pub fn closed() -> String {
    SHOP.rsplit_once("[[allow]]").unwrap().0.to_owned()
}

/// An edge to a tier that is not there, in line 15.
pub fn broken() -> String {
    let text = SHOP.replace("to   = \"api\"", "to   = \"apii\"");
    assert_eq!(text.lines().position(|line| line.contains("apii")), Some(14));
    text
}

/// What a change does after its files are written.
pub enum Output {
    Built,
    Stale,
}

pub struct Repository {
    folder: Project,
    /// How often others changed `main`.
    others: Cell<u16>,
}

impl Repository {
    pub fn new() -> Self {
        let this = Self { folder: Project::new(), others: Cell::new(0) };
        this.git(&["init", "--quiet", "--initial-branch=main"]);
        // As the services do, and as recipes need it: any commit can be fetched by its hash.
        this.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        this.commit("main", SHOP, &Output::Built);
        // A shallow clone holds less than the whole.
        this.folder.write("README.md", "a shop\n");
        this.commit("main", SHOP, &Output::Built);
        this
    }

    /// The branch of the change anew, one commit after where `main` is now; then others open a flow on `main`, which is none of
    /// the change's.
    pub fn change(&self, intent: &str, output: &Output) {
        self.git(&["checkout", "--quiet", "-B", "change", "main"]);
        self.folder.write("change.md", intent);
        self.commit("change", intent, output);
        self.git(&["checkout", "--quiet", "main"]);
        self.others.set(self.others.get() + 1);
        let port = 8000 + self.others.get();
        self.folder.write(
            "intents/others.toml",
            format!(
                "app = \"others\"\n[tiers]\njob = {{ namespace = \"jobs\", pods = {{ app = \"job\" }}, ports = [{port}] }}\n\
                 [[allow]]\nfrom = \"anywhere\"\nto = \"job\"\nwhy = \"others' own\"\n"
            ),
        );
        self.commit("main", SHOP, &Output::Built);
        self.git(&["checkout", "--quiet", "--detach", "main"]);
        self.git(&["merge", "--quiet", "--no-ff", "--strategy-option=ours", "--message=merge", "change"]);
        if matches!(output, Output::Built) {
            assert_eq!(netpolc(self.folder.dir(), &["build", "--overwrite"]).code, 0);
            self.git(&["add", "--all"]);
            self.git(&["commit", "--quiet", "--amend", "--no-edit"]);
        }
        self.git(&["update-ref", "refs/pull/7/merge", "HEAD"]);
        self.git(&["checkout", "--quiet", "main"]);
    }

    fn commit(&self, branch: &str, intent: &str, output: &Output) {
        self.folder.write("intents/shop.toml", intent);
        if matches!(output, Output::Built) {
            let built = netpolc(self.folder.dir(), &["build"]);
            assert_eq!(built.code, 0, "{}", built.stderr);
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", branch]);
    }

    /// What a revision is called.
    pub fn hash(&self, revision: &str) -> String {
        self.git(&["rev-parse", revision])
    }

    /// What a runner checks out: one commit, with so much of what was before it; 0 is everything.
    pub fn checkout(&self, revision: &str, depth: u64) -> Project {
        let checkout = Project::new();
        let git = |args: &[&str]| git(checkout.dir(), args);
        git(&["init", "--quiet"]);
        let origin = format!("file://{}", self.folder.dir().display());
        let depth = format!("--depth={depth}");
        let depth: &[&str] = if depth == "--depth=0" { &[] } else { &[&depth] };
        git(&[&["fetch", "--quiet", "--no-tags"], depth, &[&origin, revision]].concat());
        git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"]);
        checkout
    }

    fn git(&self, args: &[&str]) -> String {
        git(self.folder.dir(), args)
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let ended = run(
        Command::new("git")
            .args(["-c", "user.name=dev", "-c", "user.email=dev@example.com", "-c", "core.autocrlf=false"])
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", path())
            .env("HOME", folder)
            .env("GIT_CONFIG_NOSYSTEM", "1"),
        None,
    );
    assert!(ended.is_fine(), "git {args:?}: {}", ended.output);
    ended.output.trim().to_owned()
}
