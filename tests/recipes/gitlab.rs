//! The jobs of GitLab CI, each run as the shell of its runner does.

use std::process::Command;

use serde_json::{Value, json};

use super::api::{Api, GITLAB_SELF, READS, TOKEN};
use super::repository::{Output, Repository, SHOP, broken, closed, opened};
use super::{Ended, PIPELINE, have, path, recipe, run};
use crate::support::Project;

const MARKER: &str = "<!-- netpolc:diff -->";

fn is_here() -> bool {
    have(&["git", "bash", "curl", "jq"])
}

/// A merge request, and what its pipeline knows.
struct Pipeline<'a> {
    repository: &'a Repository,
    api: &'a Api,
    labels: &'a str,
    token: &'a str,
    /// A pipeline for merged results runs on the merge, every other on the branch.
    merged: bool,
}

impl<'a> Pipeline<'a> {
    fn new(repository: &'a Repository, api: &'a Api) -> Self {
        Self { repository, api, labels: "", token: TOKEN, merged: false }
    }

    /// Runs a job in a fresh checkout, which is left as it is then.
    fn run(&self, name: &str) -> (Ended, Project) {
        let revision = if self.merged { "refs/pull/7/merge" } else { "change" };
        let pipeline = recipe(PIPELINE);
        let job = extended(&pipeline, name);
        let depth = job["variables"]["GIT_DEPTH"].as_str().unwrap().parse().unwrap();
        let checkout = self.repository.checkout(revision, depth);
        (self.run_in(&checkout, &job, None), checkout)
    }

    /// Runs the job; a given difference stands for what netpolc would say.
    fn run_in(&self, checkout: &Project, job: &Value, difference: Option<&str>) -> Ended {
        let lines = |key: &str| job[key].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned());
        let mut script: Vec<String> = lines("before_script").chain(lines("script")).collect();
        if let Some(text) = difference {
            checkout.write("netpolc-diff.md", text);
            script.retain(|line| !line.starts_with("netpolc diff"));
        }
        // `shells/bash.go` of the runner: lines one after another, and the first that fails ends it.
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("set -eo pipefail\nset +o noclobber\n{}\n", script.join("\n"))).unwrap();
        let mut command = Command::new("bash");
        command
            .arg(file.path())
            .current_dir(checkout.dir())
            .env_clear()
            .env("PATH", path())
            .env("HOME", checkout.dir());
        command
            .envs([("CI", "true"), ("GITLAB_CI", "true"), ("CI_PIPELINE_SOURCE", "merge_request_event")])
            .envs([("CI_PROJECT_ID", "6"), ("CI_MERGE_REQUEST_PROJECT_ID", "5"), ("CI_MERGE_REQUEST_IID", "7")])
            .env("CI_API_V4_URL", &self.api.url)
            .env("CI_PROJECT_DIR", checkout.dir())
            .env("CI_MERGE_REQUEST_DIFF_BASE_SHA", self.repository.hash("change~1"))
            .env(
                "CI_MERGE_REQUEST_TARGET_BRANCH_SHA",
                if self.merged { self.repository.hash("main") } else { String::new() },
            );
        if !self.labels.is_empty() {
            command.env("CI_MERGE_REQUEST_LABELS", self.labels);
        }
        if !self.token.is_empty() {
            command.env("NETPOLC_TOKEN", self.token);
        }
        run(&mut command, None)
    }

    fn comment(&self, text: &str) -> Ended {
        self.run_in(&Project::new(), &extended(&recipe(PIPELINE), "netpolc-diff"), Some(text))
    }
}

/// A job with what it extends.
fn extended(pipeline: &Value, name: &str) -> Value {
    let job = &pipeline[name];
    let mut whole = pipeline[job["extends"].as_str().unwrap()].clone();
    for (key, value) in job.as_object().unwrap() {
        whole[key] = value.clone();
    }
    whole
}

#[test]
fn a_change_that_touches_no_flow_passes_in_silence() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::new());
    repository.change(SHOP, &Output::Built);
    for merged in [false, true] {
        let pipeline = Pipeline { merged, ..Pipeline::new(&repository, &api) };
        for name in ["netpolc", "netpolc-diff", "netpolc-opened"] {
            let (ended, _) = pipeline.run(name);
            assert!(ended.is_fine(), "{name}: {}", ended.output);
        }
    }
    assert_eq!(api.comments(), []);
}

#[test]
fn a_broken_intent_fails_with_both_reports() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::new());
    repository.change(&broken(), &Output::Stale);
    let pipeline = Pipeline::new(&repository, &api);
    let (ended, checkout) = pipeline.run("netpolc");
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    assert!(ended.output.contains("intents/shop.toml:15"), "{}", ended.output);
    let found: Value = serde_json::from_str(&checkout.read("netpolc-codequality.json")).unwrap();
    assert_eq!(found[0]["location"], json!({ "path": "intents/shop.toml", "lines": { "begin": 15 } }));
    assert!(checkout.read("netpolc-junit.xml").contains("<failure "));
    for name in ["netpolc-diff", "netpolc-opened"] {
        assert_eq!(pipeline.run(name).0.code, Some(1), "{name}");
    }
    assert_eq!(api.reads(), 0);
}

#[test]
fn output_that_was_not_built_again_is_caught() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::new());
    repository.change(&SHOP.replace("public shop front", "the shop"), &Output::Stale);
    let (ended, _) = Pipeline::new(&repository, &api).run("netpolc");
    assert_eq!(ended.code, Some(1), "{}", ended.output);
}

#[test]
fn an_opened_flow_is_told_and_waits_for_the_label() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::with_comments_of_others(&json!(GITLAB_SELF), &json!(9)));
    let before = api.comments();
    repository.change(&opened(), &Output::Built);
    for merged in [false, true] {
        let pipeline = Pipeline { merged, ..Pipeline::new(&repository, &api) };
        let (ended, checkout) = pipeline.run("netpolc-diff");
        assert!(ended.is_fine(), "{}", ended.output);
        let comments = api.comments();
        assert_eq!((&comments[..before.len()], comments.len()), (&before[..], before.len() + 1));
        let note = &comments.last().unwrap().body;
        assert_eq!(*note, checkout.read("netpolc-diff.md"));
        assert!(note.starts_with(MARKER) && note.contains("443"), "{note}");
        assert!(!note.contains("jobs"), "what others did on main: {note}");
        let (ended, checkout) = pipeline.run("netpolc-opened");
        assert_eq!(ended.code, Some(1), "{}", ended.output);
        assert!(ended.output.contains("sets the label flows-approved"), "{}", ended.output);
        assert!(!checkout.dir().join("gone").exists());
        for (labels, code) in [("bug,flows-approved", 0), ("flows-approved", 0), ("not-flows-approved", 1)] {
            assert_eq!(Pipeline { labels, ..pipeline }.run("netpolc-opened").0.code, Some(code), "{labels}");
        }
    }
    repository.change(&closed(), &Output::Built);
    let pipeline = Pipeline::new(&repository, &api);
    let (ended, _) = pipeline.run("netpolc-opened");
    assert!(ended.is_fine(), "{}", ended.output);
    assert!(pipeline.run("netpolc-diff").0.is_fine());
    assert_eq!(api.comments().len(), before.len() + 1);
}

#[test]
fn there_is_one_note_however_often_it_runs() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::with_comments_of_others(&json!(GITLAB_SELF), &json!(9)));
    repository.change(SHOP, &Output::Built);
    let pipeline = Pipeline::new(&repository, &api);
    let before = api.comments();
    let comment = |text: &str| {
        let ended = pipeline.comment(text);
        assert!(ended.is_fine(), "{}", ended.output);
        assert!(!ended.output.contains(TOKEN), "{}", ended.output);
        api.writes()
    };
    let (create, update) = ("POST /projects/5/merge_requests/7/notes", "PUT /projects/5/merge_requests/7/notes/5132");
    assert_eq!(comment(""), [""; 0], "nothing to tell, and nothing told before");
    let first = format!("{MARKER}\n`$(touch gone)` & + % = @é \\ ' \"\n");
    assert_eq!(comment(&first), [create]);
    assert_eq!(api.comments().last().unwrap().body, first);
    assert_eq!(comment(&format!("{MARKER}\nsecond\n")), [update]);
    assert_eq!(comment(""), [update]);
    assert!(api.comments().last().unwrap().body.contains("changes nothing"));
    assert_eq!(api.comments()[..before.len()], before, "what others wrote");
    assert_eq!(api.comments().len(), before.len() + 1);
    // A token that is refused is no reason to be silent; none at all is one.
    for token in ["wrong", READS] {
        assert!(!Pipeline { token, ..pipeline }.comment(&first).is_fine(), "{token}");
    }
    let without = Pipeline { token: "", ..pipeline }.comment(&first);
    assert!(without.is_fine() && without.output.contains("there is no NETPOLC_TOKEN"), "{}", without.output);
    assert_eq!(api.writes(), [""; 0]);
}

#[test]
fn jobs_run_where_they_belong() {
    let pipeline = recipe(PIPELINE);
    let rules = |name: &str| -> Vec<String> {
        pipeline[name]["rules"].as_array().unwrap().iter().map(|rule| rule["if"].as_str().unwrap().to_owned()).collect()
    };
    let of_request = "$CI_PIPELINE_SOURCE == \"merge_request_event\"";
    assert_eq!(rules("netpolc"), [of_request, "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"]);
    assert_eq!(rules("netpolc-diff"), [of_request]);
    let protected = format!("{of_request} && $CI_MERGE_REQUEST_TARGET_BRANCH_PROTECTED == \"true\"");
    assert_eq!(rules("netpolc-opened"), [protected]);
    assert_eq!(pipeline[".netpolc"]["variables"]["NETPOLC_VERSION"], env!("CARGO_PKG_VERSION"));
}
