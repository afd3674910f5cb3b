//! A runner of GitHub Actions, as far as the workflow uses it: expressions, shells, files for summaries, and the actions that
//! it calls.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use super::api::{Api, TOKEN};
use super::repository::Repository;
use super::{Ended, WORKFLOW, path, recipe, run};
use crate::support::{Project, package};

/// Writes the values of expressions; contexts and expressions come as JSON.
const EVALUATE: &str = r#"
import { readFileSync } from "node:fs";
const { Lexer, Parser, Evaluator, data } = await import(process.argv[1]);
const { contexts, expressions } = JSON.parse(readFileSync(0));
const make = value =>
  value === null ? new data.Null()
  : Array.isArray(value) ? new data.Array(...value.map(make))
  : typeof value === "object" ? new data.Dictionary(...Object.entries(value).map(([key, v]) => ({ key, value: make(v) })))
  : typeof value === "boolean" ? new data.BooleanData(value)
  : typeof value === "number" ? new data.NumberData(value)
  : new data.StringData(value);
const cancelled = { name: "cancelled", minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(false) };
console.log(JSON.stringify(expressions.map(text => {
  const parsed = new Parser(new Lexer(text).lex().tokens, Object.keys(contexts), [cancelled]).parse();
  return new Evaluator(parsed, make(contexts), new Map([["cancelled", cancelled]])).evaluate().coerceString();
})));
"#;

/// Runs a script as `actions/github-script` does (its `src/async-function.ts`): as the body of a function.
const SCRIPT: &str = r#"
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const core = await import(process.argv[1]);
const { context, getOctokit } = await import(process.argv[2]);
const known = { context, core, github: getOctokit(process.env.TOKEN), require: createRequire(`${process.cwd()}/`) };
const AsyncFunction = (async () => {}).constructor;
await new AsyncFunction(...Object.keys(known), readFileSync(0, "utf8"))(...Object.values(known));
"#;

/// How a step ended: `success`, `failure` or `skipped`.
pub struct Step {
    pub name: String,
    pub outcome: &'static str,
    pub code: Option<i32>,
    pub output: String,
}

/// A run of the workflow.
pub struct Job {
    pub steps: Vec<Step>,
    pub summary: String,
    /// What went to code scanning.
    pub uploaded: Option<Value>,
}

impl Job {
    pub fn step(&self, name: &str) -> &Step {
        self.steps.iter().find(|step| step.name == name).unwrap_or_else(|| panic!("no step {name}"))
    }

    pub fn failed(&self) -> Vec<&str> {
        self.steps.iter().filter(|step| step.outcome == "failure").map(|step| step.name.as_str()).collect()
    }

    pub fn skipped(&self) -> Vec<&str> {
        self.steps.iter().filter(|step| step.outcome == "skipped").map(|step| step.name.as_str()).collect()
    }
}

/// Whether a runner has what it needs.
pub fn is_here() -> bool {
    let packages = ["@actions/expressions", "@actions/core", "@actions/github"].map(package);
    super::have(&["git", "bash", "node"]) && packages.iter().all(Option::is_some)
}

/// An event of a pull request of the repository itself.
pub fn pull_request(action: &str) -> Value {
    json!({
        "action": action,
        "number": 7,
        "pull_request": { "number": 7, "head": { "repo": { "full_name": "acme/shop" } } },
        "repository": { "full_name": "acme/shop", "name": "shop", "owner": { "login": "acme" }, "default_branch": "main", "private": false },
    })
}

/// Where and for what the workflow runs.
pub struct Runner<'a> {
    pub repository: &'a Repository,
    pub api: &'a Api,
    pub event: Value,
    pub base: &'a str,
    pub actor: &'a str,
}

impl<'a> Runner<'a> {
    pub fn new(repository: &'a Repository, api: &'a Api, action: &str) -> Self {
        Self { repository, api, event: pull_request(action), base: "main", actor: "dev" }
    }

    fn name(&self) -> &'static str {
        if self.event["pull_request"].is_null() { "push" } else { "pull_request" }
    }

    /// Runs the whole job.
    pub fn run(&self) -> Job {
        let workflow = recipe(WORKFLOW);
        let job = &workflow["jobs"]["netpolc"];
        let temp = Project::new();
        let mut place = Place { runner: self, temp: &temp, checkout: None, outcomes: json!({}), env: Map::new() };
        for level in [&workflow["env"], &job["env"]] {
            let values = place.environment(level);
            place.env.extend(values);
        }
        let mut done = Job { steps: vec![], summary: String::new(), uploaded: None };
        for step in job["steps"].as_array().unwrap() {
            let uses = step["uses"].as_str().map(|uses| uses.split('@').next().unwrap());
            let name = step["name"].as_str().or(uses).unwrap().to_owned();
            let runs = match step["if"].as_str() {
                Some(condition) => place.text(condition) == "true",
                None => done.failed().is_empty(),
            };
            let ended = runs.then(|| place.step(step, uses, &mut done.uploaded));
            let outcome = match &ended {
                None => "skipped",
                Some(ended) if ended.is_fine() => "success",
                Some(_) => "failure",
            };
            if let Some(id) = step["id"].as_str() {
                place.outcomes[id] = json!({ "outcome": outcome });
            }
            let (code, output) = ended.map_or((None, String::new()), |ended| (ended.code, ended.output));
            done.steps.push(Step { name, outcome, code, output });
        }
        done.summary = fs::read_to_string(temp.dir().join("summary.md")).unwrap_or_default();
        done
    }

    /// Runs the step that comments, for some text.
    pub fn comment(&self, text: &str) -> Ended {
        let temp = Project::new();
        temp.write("netpolc-diff.md", text);
        let checkout = Some(Project::new());
        let mut place = Place { runner: self, temp: &temp, checkout, outcomes: json!({}), env: Map::new() };
        let workflow = recipe(WORKFLOW);
        let steps = workflow["jobs"]["netpolc"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["name"] == "Comment").unwrap();
        place.step(step, Some("actions/github-script"), &mut None)
    }
}

/// A runner at work.
struct Place<'a> {
    runner: &'a Runner<'a>,
    temp: &'a Project,
    checkout: Option<Project>,
    outcomes: Value,
    env: Map<String, Value>,
}

impl Place<'_> {
    fn step(&mut self, step: &Value, uses: Option<&str>, uploaded: &mut Option<Value>) -> Ended {
        let fine = || Ended { code: Some(0), output: String::new() };
        let own = self.environment(&step["env"]);
        match uses {
            Some("actions/checkout") => {
                let revision = if self.runner.name() == "push" { "main" } else { "refs/pull/7/merge" };
                let depth = step["with"]["fetch-depth"].as_u64().unwrap();
                self.checkout = Some(self.runner.repository.checkout(revision, depth));
                fine()
            }
            Some("actions/cache") => fine(),
            Some("github/codeql-action/upload-sarif") => {
                let text = fs::read_to_string(self.text(step["with"]["sarif_file"].as_str().unwrap())).unwrap();
                *uploaded = Some(serde_json::from_str(&text).unwrap());
                fine()
            }
            Some("actions/github-script") => {
                let script = self.temp.dir().join("script.js");
                fs::write(&script, step["with"]["script"].as_str().unwrap()).unwrap();
                let (core, github) = (package("@actions/core").unwrap(), package("@actions/github").unwrap());
                let mut command = Command::new("node");
                command.args(["--input-type=module", "--eval", SCRIPT]);
                command.arg(core.join("lib/core.js")).arg(github.join("lib/github.js"));
                run(self.prepare(&mut command, &own).env("TOKEN", TOKEN), Some(&script))
            }
            Some(other) => panic!("what is {other}?"),
            None => {
                let script = self.temp.dir().join("step.sh");
                fs::write(&script, step["run"].as_str().unwrap()).unwrap();
                let mut command = Command::new("bash");
                // What `shell: bash` stands for.
                command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(&script);
                run(self.prepare(&mut command, &own), None)
            }
        }
    }

    fn prepare<'c>(&self, command: &'c mut Command, own: &Map<String, Value>) -> &'c mut Command {
        let file = |name: &str| self.temp.dir().join(name);
        fs::write(file("event.json"), self.runner.event.to_string()).unwrap();
        let variables =
            self.env.iter().chain(own).map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        command
            .current_dir(self.checkout.as_ref().unwrap().dir())
            .env_clear()
            .envs(variables)
            .env("PATH", path())
            .env("HOME", self.temp.dir())
            .envs([
                ("CI", "true"),
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_REPOSITORY", "acme/shop"),
                ("GITHUB_RUN_ID", "99"),
            ])
            .envs([("GITHUB_EVENT_NAME", self.runner.name()), ("GITHUB_BASE_REF", self.runner.base)])
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_API_URL", &self.runner.api.url)
            .env("GITHUB_EVENT_PATH", file("event.json"))
            .env("GITHUB_STEP_SUMMARY", file("summary.md"))
            .env("GITHUB_OUTPUT", file("output"))
            .env("GITHUB_ENV", file("env"))
            .env("RUNNER_TEMP", self.temp.dir())
    }

    fn environment(&self, values: &Value) -> Map<String, Value> {
        let values = values.as_object().into_iter().flatten();
        values.map(|(name, value)| (name.clone(), json!(self.text(&scalar(value))))).collect()
    }

    /// A text with the values of its expressions.
    fn text(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let first = parts.next().unwrap().to_owned();
        let parts: Vec<(&str, &str)> = parts.map(|part| part.split_once("}}").unwrap()).collect();
        let values = self.evaluate(&parts.iter().map(|(expression, _)| expression.trim()).collect::<Vec<_>>());
        parts.iter().zip(values).fold(first, |text, ((_, after), value)| text + &value + after)
    }

    fn evaluate(&self, expressions: &[&str]) -> Vec<String> {
        if expressions.is_empty() {
            return vec![];
        }
        let Runner { event, base, actor, .. } = self.runner;
        let base = if self.runner.name() == "push" { "" } else { base };
        let input = self.temp.dir().join("expressions.json");
        let contexts = json!({
            "github": { "event": event, "event_name": self.runner.name(), "repository": "acme/shop", "actor": actor, "base_ref": base },
            "env": self.env,
            "steps": self.outcomes,
            "runner": { "temp": self.temp.dir(), "os": "Linux", "arch": "X64" },
        });
        fs::write(&input, json!({ "contexts": contexts, "expressions": expressions }).to_string()).unwrap();
        let evaluator: &Path = &package("@actions/expressions").unwrap().join("dist/index.js");
        let ended =
            run(Command::new("node").args(["--input-type=module", "--eval", EVALUATE]).arg(evaluator), Some(&input));
        assert!(ended.is_fine(), "{expressions:?}: {}", ended.output);
        serde_json::from_str(&ended.output).unwrap()
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
