//! The workflow of GitHub Actions, run as a whole and, where only the comment matters, from the step that writes it.

use serde_json::json;

use super::api::{Api, GITHUB_SELF};
use super::github_runner::{Runner, is_here, pull_request};
use super::repository::{Output, Repository, SHOP, broken, closed, opened};
use super::{WORKFLOW, recipe, support};

const MARKER: &str = "<!-- netpolc:diff -->";
const GATE: &str = "Opened flows are approved";

#[test]
fn a_change_that_touches_no_flow_passes_in_silence() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::new());
    repository.change(SHOP, &Output::Built);
    let job = Runner::new(&repository, &api, "opened").run();
    assert_eq!(job.failed(), [""; 0], "{}", job.steps.iter().map(|step| &*step.output).collect::<String>());
    assert_eq!(job.skipped(), [""; 0]);
    assert_eq!(job.summary, "### netpolc: no findings\n");
    assert_eq!(api.comments(), []);
    assert!(job.uploaded.unwrap()["runs"][0]["results"].as_array().unwrap().is_empty());
}

#[test]
fn a_broken_intent_is_shown_at_its_line_and_changes_no_comment() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::new());
    api.add(json!(GITHUB_SELF), &format!("{MARKER}\nfrom an earlier run"));
    repository.change(&broken(), &Output::Stale);
    let job = Runner::new(&repository, &api, "synchronize").run();
    let findings = job.step("Findings");
    assert_eq!((findings.outcome, findings.code), ("failure", Some(1)));
    assert!(
        findings.output.contains("::error title=") && findings.output.contains(",file=intents/shop.toml,line=15,"),
        "{}",
        findings.output
    );
    assert!(job.summary.starts_with("### netpolc: 1 error\n\n**`intents/shop.toml`**\n"), "{}", job.summary);
    assert_eq!(job.uploaded.as_ref().unwrap()["runs"][0]["results"].as_array().unwrap().len(), 1);
    assert_eq!(job.failed(), ["Findings", "The output is what the intents say", "What the pull request changes"]);
    assert_eq!(job.skipped(), ["Comment", GATE]);
    assert_eq!((api.writes().len(), api.reads()), (0, 0));
}

#[test]
fn output_that_was_not_built_again_is_caught() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::new());
    repository.change(&SHOP.replace("public shop front", "the shop"), &Output::Stale);
    let job = Runner::new(&repository, &api, "opened").run();
    let stale = job.step("The output is what the intents say");
    assert_eq!((stale.outcome, stale.code), ("failure", Some(1)), "{}", stale.output);
    assert_eq!(job.step("Findings").outcome, "success");
}

#[test]
fn a_push_is_checked_and_compared_with_nothing() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::new());
    let push = json!({ "ref": "refs/heads/main", "repository": pull_request("opened")["repository"] });
    let job = Runner { event: push, ..Runner::new(&repository, &api, "") }.run();
    assert_eq!(job.failed(), [""; 0]);
    assert_eq!(job.skipped(), ["What the pull request changes", "Comment", GATE]);
    assert!(job.uploaded.is_some());
    assert_eq!(api.reads(), 0);
}

#[test]
fn an_opened_flow_is_told_and_waits_for_the_label() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::with_comments_of_others(&json!(GITHUB_SELF), &json!("someone")));
    let before = api.comments();
    repository.change(&opened(), &Output::Built);
    let job = Runner::new(&repository, &api, "opened").run();
    assert_eq!(job.failed(), [GATE], "{}", job.steps.iter().map(|step| &*step.output).collect::<String>());
    let gate = job.step(GATE);
    assert_eq!(gate.code, Some(1));
    assert!(
        gate.output.starts_with("::error title=netpolc::this lets pass what did not pass before"),
        "{}",
        gate.output
    );
    let comments = api.comments();
    let (old, new) = comments.split_at(before.len());
    assert_eq!(old, before);
    let [comment] = new else { panic!("{new:?}") };
    assert!(!comment.body.contains("jobs"), "what others did on main: {}", comment.body);
    assert!(
        comment.body.starts_with(MARKER) && comment.body.contains("api") && comment.body.contains("443"),
        "{}",
        comment.body
    );
    assert!(
        job.summary.starts_with("### netpolc: no findings\n") && job.summary.contains(comment.body.trim()),
        "{}",
        job.summary
    );

    // The label, and nothing else, says that somebody answers for it; what follows is looked at again.
    let label = |name: &str| {
        let mut event = pull_request("labeled");
        event["label"] = json!({ "name": name });
        event
    };
    let ends = |event| Runner { event, ..Runner::new(&repository, &api, "") }.run().step(GATE).outcome;
    assert_eq!(ends(label("flows-approved")), "success");
    assert_eq!(ends(label("bug")), "failure");
    let mut pushed = pull_request("synchronize");
    pushed["pull_request"]["labels"] = json!([{ "name": "flows-approved" }]);
    assert_eq!(ends(pushed), "failure");
    let mut taken = label("flows-approved");
    taken["action"] = json!("unlabeled");
    assert_eq!(ends(taken), "failure");
    assert_eq!(Runner { base: "next", ..Runner::new(&repository, &api, "opened") }.run().step(GATE).outcome, "skipped");
    assert_eq!(api.comments(), comments, "the same is not written again");

    // Back to what it was: the comment says so and stays the only one.
    repository.change(SHOP, &Output::Built);
    assert_eq!(Runner::new(&repository, &api, "synchronize").run().failed(), [""; 0]);
    let last = api.comments().pop().unwrap();
    assert_eq!((last.id, api.comments().len()), (comment.id, comments.len()));
    assert!(last.body.starts_with(MARKER) && last.body.contains("changes nothing"), "{}", last.body);
}

#[test]
fn a_closed_flow_is_told_and_fails_nothing() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::new());
    repository.change(&closed(), &Output::Built);
    let job = Runner::new(&repository, &api, "opened").run();
    assert_eq!(job.failed(), [""; 0], "{}", job.step(GATE).output);
    assert_eq!(job.step(GATE).outcome, "success");
    let comments = api.comments();
    assert!(comments.len() == 1 && comments[0].body.starts_with(MARKER), "{comments:?}");
}

/// Their tokens may only read: nothing is tried that would fail.
#[test]
fn forks_and_dependabot_get_everything_that_needs_no_rights() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::new());
    repository.change(&closed(), &Output::Built);
    let mut fork = pull_request("opened");
    fork["pull_request"]["head"]["repo"]["full_name"] = json!("someone/shop");
    let fork = Runner { event: fork, ..Runner::new(&repository, &api, "") };
    for runner in [fork, Runner { actor: "dependabot[bot]", ..Runner::new(&repository, &api, "opened") }] {
        let job = runner.run();
        assert_eq!(job.failed(), [""; 0]);
        assert_eq!(job.skipped(), ["Code scanning", "Comment"]);
        assert!(job.summary.contains(MARKER), "{}", job.summary);
    }
    assert_eq!(api.reads(), 0);
    let mut private = pull_request("opened");
    private["repository"]["private"] = json!(true);
    assert_eq!(Runner { event: private, ..Runner::new(&repository, &api, "") }.run().skipped(), ["Code scanning"]);
}

#[test]
fn there_is_one_comment_however_often_it_runs() {
    if !is_here() {
        return;
    }
    let (repository, api) = (Repository::new(), Api::with_comments_of_others(&json!(GITHUB_SELF), &json!("someone")));
    let runner = Runner::new(&repository, &api, "synchronize");
    let before = api.comments();
    let comment = |text: &str| {
        let ended = runner.comment(text);
        assert!(ended.is_fine(), "{}", ended.output);
        api.writes()
    };
    let (create, update) = ("POST /repos/acme/shop/issues/7/comments", "PATCH /repos/acme/shop/issues/comments/5132");
    assert_eq!(comment(""), [""; 0], "nothing to tell, and nothing told before");
    // Whatever is written is text, not script.
    let first = format!("{MARKER}\n`${{process.exit(3)}}` \\ ' \" ${{{{ github.token }}}} é\n");
    assert_eq!(comment(&first), [create]);
    assert_eq!(comment(&first), [""; 0], "the same");
    assert_eq!(api.comments().last().unwrap().body, first.trim());
    assert_eq!(comment(&format!("{MARKER}\nsecond\n")), [update]);
    assert_eq!(comment(&format!("{MARKER}\n{}\n", "long ".repeat(20_000))), [update]);
    let body = api.comments().pop().unwrap().body;
    assert!(body.contains("https://github.com/acme/shop/actions/runs/99") && body.len() < 300, "{body}");
    assert_eq!(comment(""), [update]);
    assert_eq!(comment(""), [""; 0]);
    assert_eq!(api.comments()[..before.len()], before, "what others wrote");
    assert_eq!(api.comments().len(), before.len() + 1);
}

#[test]
fn the_workflow_may_do_what_it_needs_and_runs_what_it_names() {
    let workflow = recipe(WORKFLOW);
    assert_eq!(workflow["permissions"], json!({}));
    assert!(workflow["on"]["pull_request_target"].is_null());
    let job = &workflow["jobs"]["netpolc"];
    assert_eq!(job["permissions"], json!({ "contents": "read", "pull-requests": "write", "security-events": "write" }));
    let text = std::fs::read_to_string(support::repo().join(WORKFLOW)).unwrap();
    for line in text.lines().filter(|line| line.contains("uses: ")) {
        let (_, pin) = line.split_once('@').unwrap();
        let (hash, version) = pin.split_once(" # v").unwrap_or_else(|| panic!("{line}"));
        assert!(hash.len() == 40 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{line}");
        assert!(version.split('.').count() == 3, "{line}");
    }
    for step in job["steps"].as_array().unwrap() {
        let code = [&step["run"], &step["with"]["script"]].map(|text| text.as_str().unwrap_or_default());
        assert!(!code.concat().contains("${{"), "an expression in code is code: {step}");
    }
    assert_eq!(workflow["env"]["NETPOLC_VERSION"], env!("CARGO_PKG_VERSION"));
}
