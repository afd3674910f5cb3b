//! A caller's new edge asks the callee's team, by the judgement of matchers that others wrote.
//!
//! GitHub's rules are those of a library for them (PyPI `codeowners`, a port of hmarr/codeowners), GitLab's those of Ruby's own
//! `File.fnmatch`, where Ruby is installed, applied as ee/lib/gitlab/code_owners/file.rb does. A change is what a build leaves
//! behind after an edge was added to an intent; whoever owns a changed path is asked.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{self, Project, netpolc, repo, tree};
use serde_json::{Value, json};

type Names = BTreeSet<String>;

/// A project of several teams, in a folder of a repository.
struct Case {
    name: &'static str,
    project: Project,
    /// Below the repository, ending in `/` unless it is empty.
    folder: &'static str,
    intents: &'static str,
    apps: Vec<App>,
}

#[derive(Clone)]
struct App {
    name: String,
    file: String,
    team: Names,
    /// Names and namespaces.
    tiers: Vec<(String, String)>,
}

/// What a change asks for.
#[derive(Debug)]
struct Change {
    /// What was done, for messages.
    what: String,
    /// Who wrote it, and who is at the other end.
    author: Names,
    other: Names,
    /// Those who live in one namespace with one of the two.
    neighbours: Names,
    /// Paths below the repository.
    paths: Vec<String>,
    /// Whether a file came or went, which changes lists.
    lists: bool,
}

impl Case {
    fn new(
        name: &'static str,
        folder: &'static str,
        intents: &'static str,
        settings: &str,
        files: &[(String, String)],
    ) -> Self {
        let project = Project::new();
        project.write(".git/HEAD", "");
        let mut apps: Vec<App> = vec![];
        let mut teams = BTreeMap::new();
        for (file, text) in files {
            project.write(&format!("{folder}{intents}/{file}"), text);
            let table: toml::Table = toml::from_str(text).unwrap();
            let text = |key: &str| table[key].as_str().unwrap().to_owned();
            let namespaces = |value: &toml::Value| match value {
                toml::Value::Array(list) => list[0].as_str().unwrap().to_owned(),
                value => value.as_str().unwrap().to_owned(),
            };
            let tiers = table["tiers"].as_table().unwrap();
            let tiers = tiers.iter().map(|(name, tier)| (name.clone(), namespaces(&tier["namespace"]))).collect();
            let team = format!("@acme/{}", text("owner"));
            teams.insert(text("owner"), team.clone());
            apps.push(App { name: text("app"), file: format!("{intents}/{file}"), team: Names::from([team]), tiers });
        }
        let mut all = format!("{settings}\n[codeowners]\nplatform = \"@acme/the-platform\"\n\n[codeowners.teams]\n");
        teams.iter().for_each(|(owner, team)| writeln!(all, "{owner} = \"{team}\"").unwrap());
        project.write(&format!("{folder}netpolc.toml"), all);
        let case = Self { name, project, folder, intents, apps };
        let build = case.run(&["build", "--today", "2026-01-01"]);
        assert_eq!(build.0, 0, "{name}: {}", build.1);
        let owners = case.run(&["owners"]);
        assert_eq!(owners.0, 0, "{name}: {}", owners.1);
        case
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let run = netpolc(&self.project.dir().join(self.folder), args);
        (run.code, run.stderr, run.stdout)
    }

    fn section(&self) -> String {
        self.project.read("CODEOWNERS")
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        tree(self.project.dir())
    }

    /// Edges between a tier of each of two apps, where the build takes them: the caller writes them, and in generated projects
    /// the callee may do so, too.
    fn changes(&self) -> Vec<Change> {
        let before = self.files();
        let mut changes = vec![];
        for caller in &self.apps {
            for callee in self.apps.iter().filter(|callee| callee.name != caller.name) {
                let (from, to) = (caller.tiers.first().unwrap(), callee.tiers.last().unwrap());
                let (here, there) = (format!("{}/{}", caller.name, from.0), format!("{}/{}", callee.name, to.0));
                let both = [(caller, callee, &from.0, &there), (callee, caller, &here, &to.0)];
                for (author, other, from, to) in both.into_iter().take(self.ways()) {
                    let what = format!("{}: {} writes {from} -> {to}", self.name, author.name);
                    let edge =
                        format!("\n[[allow]]\nfrom = \"{from}\"\nto = \"{to}\"\nports = [4242]\nwhy = \"new\"\n");
                    changes.extend(self.change(&before, author, other, what, &edge));
                }
            }
        }
        changes
    }

    fn ways(&self) -> usize {
        if self.name == "examples" { 1 } else { 2 }
    }

    /// What changes with a text at the end of an intent; `None` where the build refuses it.
    fn change(
        &self,
        before: &BTreeMap<PathBuf, Vec<u8>>,
        author: &App,
        other: &App,
        what: String,
        text: &str,
    ) -> Option<Change> {
        let path = format!("{}{}", self.folder, author.file);
        let intent = self.project.read(&path);
        self.project.write(&path, format!("{intent}{text}"));
        let built = self.run(&["build", "--today", "2026-01-01"]);
        let after = self.files();
        if built.0 == 0 {
            let (code, _, section) = self.run(&["owners", "--stdout"]);
            assert_eq!((code, section), (0, self.section()), "{what}: the edge changes who owns what");
        }
        for (path, bytes) in before.iter().filter(|(path, bytes)| after.get(*path) != Some(bytes)) {
            fs::write(self.project.dir().join(path), bytes).unwrap();
        }
        for path in after.keys().filter(|path| !before.contains_key(*path)) {
            fs::remove_file(self.project.dir().join(path)).unwrap();
        }
        if built.0 != 0 {
            return None;
        }
        let all: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
        let paths = all.iter().filter(|path| before.get(**path) != after.get(**path));
        let places: BTreeSet<&String> =
            [author, other].iter().flat_map(|app| &app.tiers).map(|(_, place)| place).collect();
        let lives = |app: &&App| app.tiers.iter().any(|(_, place)| places.contains(place));
        Some(Change {
            what,
            author: author.team.clone(),
            other: other.team.clone(),
            neighbours: self.apps.iter().filter(lives).flat_map(|app| app.team.clone()).collect(),
            paths: paths.map(|path| path.to_str().unwrap().to_owned()).collect(),
            lists: before.keys().ne(after.keys()),
        })
    }
}

fn case(name: &'static str) -> Case {
    match name {
        "examples" => {
            let files = fs::read_dir(repo().join("intents")).unwrap().map(|entry| entry.unwrap().path());
            let read = |path: PathBuf| {
                (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
            };
            let files: Vec<(String, String)> = files.map(read).collect();
            Case::new(name, "", "intents", &fs::read_to_string(repo().join("netpolc.toml")).unwrap(), &files)
        }
        "clusters" => {
            let settings = "[paths]\nintents = \"who\"\nout = \"gen\"\n[cluster]\nshared-namespaces = [\"ns-1\"]\n\
                            [external]\nntp = { cidrs = [\"203.0.113.123/32\"], ports = [\"123/UDP\"] }\n[clusters.eu]\n[clusters.us]\n";
            Case::new(name, "net/my shop/", "who", settings, &generated(4, true))
        }
        _ => Case::new(name, "net/", "intents", "dialects = [\"kubernetes\"]", &generated(5, false)),
    }
}

/// Apps with one to three tiers each, in folders and under names of their own. `shared`: two of them share a namespace.
fn generated(apps: usize, shared: bool) -> Vec<(String, String)> {
    let app = |number: usize| {
        let mut text = format!("app = \"a{}\"\nowner = \"team-{number}\"\n[tiers]\n", "-b".repeat(number));
        for tier in 0..=number % 3 {
            let place = if shared && number < 2 { 1 } else { 10 * number + tier };
            writeln!(
                text,
                "t{tier} = {{ namespace = \"ns-{place}\", pods = {{ app = \"p{number}-{tier}\" }}, ports = [80], dns = {} }}",
                number != 3
            )
            .unwrap();
        }
        text += "[external]\nout = { cidrs = [\"203.0.113.0/24\"], ports = [443] }\n\
                 [[allow]]\nfrom = \"t0\"\nto = \"out\"\nwhy = \"paid\"\n";
        let file = if number == 2 { "deep/a b.toml".to_owned() } else { format!("{number}.toml") };
        (file, text)
    };
    (0..apps).map(app).collect()
}

const CASES: [&str; 3] = ["examples", "clusters", "kubernetes alone"];

/// Owners of each path in each file of code owners, by the library for GitHub's.
const GITHUB: &str = r"
import sys, json
from codeowners import CodeOwners
out = []
for text, paths in json.load(sys.stdin):
    owners = CodeOwners(text)
    out.append([sorted(name for _, name in owners.of(path)) for path in paths])
print(json.dumps(out))
";

/// The same by Ruby's own matcher, patterns prepared and looked through as GitLab does.
const GITLAB: &str = r##"
require "json"
FLAGS = File::FNM_DOTMATCH | File::FNM_PATHNAME
out = JSON.parse(STDIN.read).map do |text, paths|
  entries = {}
  text.lines.map(&:strip).each do |line|
    next if line.empty? || line.start_with?("#")
    pattern, _, owners = line.partition(/(?<!\\)\s+/)
    pattern = pattern.gsub(/\\\s+/, " ")
    pattern = "/**/#{pattern}" unless pattern.start_with?("/")
    pattern = "#{pattern}**/*" if pattern.end_with?("/")
    entries[pattern] = owners.split.sort
  end
  paths.map { |path| entries[entries.keys.reverse.find { |pattern| File.fnmatch?(pattern, "/#{path}", FLAGS) }] || [] }
end
puts JSON.generate(out)
"##;

/// A program that judges, and its first arguments.
struct Judge(PathBuf, [&'static str; 2]);

/// The judges that are here: an interpreter that knows the library, and Ruby.
fn judges() -> Vec<Judge> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let rubies: Vec<PathBuf> =
        std::env::split_paths(&path).map(|dir| dir.join("ruby")).filter(|file| file.is_file()).collect();
    if rubies.is_empty() {
        eprintln!("skipped: ruby is not installed");
    }
    let github = support::python_with("codeowners").into_iter().map(|python| Judge(python, ["-c", GITHUB]));
    github.chain(rubies.into_iter().take(1).map(|ruby| Judge(ruby, ["-e", GITLAB]))).collect()
}

impl Judge {
    /// Owners of each path in each file.
    fn owners(&self, files: &[(String, Vec<String>)]) -> Vec<BTreeMap<String, Names>> {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("files.json");
        let asked: Vec<Value> = files.iter().map(|(text, paths)| json!([text, paths])).collect();
        fs::write(&input, Value::from(asked).to_string()).unwrap();
        let output = Command::new(&self.0).args(self.1).stdin(fs::File::open(&input).unwrap()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Vec<Vec<Names>> = serde_json::from_slice(&output.stdout).unwrap();
        files.iter().zip(found).map(|((_, paths), owners)| paths.iter().cloned().zip(owners).collect()).collect()
    }
}

/// What is wrong with who is asked for a change.
fn verdict(change: &Change, owners: &BTreeMap<String, Names>) -> Result<(), String> {
    let Change { what, author, other, neighbours, lists, .. } = change;
    let platform = Names::from(["@acme/the-platform".to_owned()]);
    if !owners.values().any(|names| other.is_subset(names)) {
        return Err(format!("{what}: {other:?} is not asked"));
    }
    if !owners.values().any(|names| names == author) {
        return Err(format!("{what}: {author:?} is not asked"));
    }
    for (path, names) in owners {
        let listed = *lists && path.ends_with("/kustomization.yaml") && *names == platform;
        let known = names.is_subset(neighbours) || listed;
        let nobody = names.is_empty() && !path.ends_with("/.netpolc.lock") && path != "out/.netpolc.lock";
        if !known || nobody {
            return Err(format!("{what}: {names:?} is asked for {path}"));
        }
    }
    Ok(())
}

fn paths_of(changes: &[Change], text: &str) -> Vec<(String, Vec<String>)> {
    changes.iter().map(|change| (text.to_owned(), change.paths.clone())).collect()
}

#[test]
fn a_new_edge_asks_both_teams_and_nobody_else() {
    let judges = judges();
    if judges.is_empty() {
        return;
    }
    std::thread::scope(|scope| {
        for name in CASES {
            let judges = &judges;
            scope.spawn(move || asks_both(name, judges));
        }
    });
}

fn asks_both(name: &'static str, judges: &[Judge]) {
    let case = case(name);
    let changes = case.changes();
    let possible = case.ways() * case.apps.len() * (case.apps.len() - 1);
    assert!(2 * changes.len() > possible, "{name}: {} of {possible} edges were built", changes.len());
    for judge in judges {
        for (change, owners) in changes.iter().zip(judge.owners(&paths_of(&changes, &case.section()))) {
            verdict(change, &owners).unwrap_or_else(|error| panic!("{error}\n{change:#?}"));
        }
    }
    finds_mistakes(judges, &case, &changes);
}

/// Each line of a namespace that is left out, or names another team, is found.
fn finds_mistakes(judges: &[Judge], case: &Case, changes: &[Change]) {
    let text = case.section();
    let namespaces = text.lines().skip_while(|line| !line.starts_with("# namespaces"));
    let mut found = 0;
    for line in namespaces.filter(|line| line.starts_with('/')) {
        let pattern = line.split(" @").next().unwrap().rsplit_once('/').unwrap().1;
        let touches = |change: &&Change| change.paths.iter().any(|path| path.ends_with(&format!("/{pattern}")));
        let Some(change) = changes.iter().find(touches) else { continue };
        let other = line.split(" @").next().unwrap().to_owned() + " @acme/others";
        for mistake in [text.replace(&format!("{line}\n"), ""), text.replace(line, &other)] {
            for judge in judges {
                let owners = judge.owners(&[(mistake.clone(), change.paths.clone())]).remove(0);
                assert!(verdict(change, &owners).is_err(), "{}: {pattern} belongs to the wrong team", case.name);
                found += 1;
            }
        }
    }
    assert!(found > 0, "{}: no mistake was made", case.name);
}

/// What stays within an app asks its own team; an external of the project file asks the platform team, whose it is.
#[test]
fn what_concerns_no_other_app_asks_no_other_team() {
    let platform = Names::from(["@acme/the-platform".to_owned()]);
    for judge in judges() {
        let case = case("clusters");
        let before = case.files();
        let app = &case.apps[2];
        for (text, others) in [
            ("to = \"t2\"\n", Names::new()),
            ("to = \"internet\"\nports = [443]\n", Names::new()),
            ("to = \"out\"\nports = [8443]\n", Names::new()),
            ("to = \"p\"\n[peers]\np = { namespace = \"far\", pods = \"all\", ports = [80] }\n", Names::new()),
            ("to = \"ntp\"\n", platform.clone()),
        ] {
            let text = format!("\n[[allow]]\nwhy = \"new\"\nfrom = \"t1\"\n{text}");
            let change = case.change(&before, app, app, text.clone(), &text).unwrap();
            let owners = judge.owners(&[(case.section(), change.paths)]).remove(0);
            let asked: Names = owners.into_values().flatten().collect();
            assert_eq!(asked, &app.team | &others, "{text}");
        }
    }
}

/// Nothing that is generated or written by people is left out without a reason, and nothing outside of the project is taken.
#[test]
fn every_file_belongs_to_somebody_but_for_lists_of_lists() {
    for judge in judges() {
        for name in CASES {
            let case = case(name);
            let mut paths: Vec<String> = case.files().keys().map(|path| path.to_str().unwrap().to_owned()).collect();
            let elsewhere =
                ["README.md", "out.yaml", "netpolc.toml.bak", "x/out/cilium/allow/ns-1.yaml", "x/intents/app.toml"];
            paths.extend(elsewhere.map(str::to_owned));
            let templates = format!("{}templates/cilium/allow.yaml.j2", case.folder);
            paths.extend([templates.clone(), format!("{}{}/new.toml", case.folder, case.intents)]);
            let owners = judge.owners(&[(case.section(), paths)]).remove(0);
            for (path, names) in &owners {
                let list = path.ends_with("/kustomization.yaml")
                    && !["allow", "baseline", "guards", "tiers"]
                        .iter()
                        .any(|folder| path.ends_with(&format!("{folder}/kustomization.yaml")));
                let none = list
                    || path.ends_with(".netpolc.lock")
                    || path.starts_with(".git/")
                    || elsewhere.contains(&path.as_str());
                assert_eq!(names.is_empty(), none, "{name}: {path} belongs to {names:?}");
            }
            let platform = Names::from(["@acme/the-platform".to_owned()]);
            for path in ["CODEOWNERS".to_owned(), format!("{}netpolc.toml", case.folder), templates] {
                assert_eq!(owners[&path], platform, "{name}: {path}");
            }
            for app in &case.apps {
                assert_eq!(owners[&format!("{}{}", case.folder, app.file)], app.team, "{name}");
            }
        }
    }
}

/// An app that goes asks its own team: the owners are those of the branch that it goes from.
#[test]
fn what_is_removed_asks_those_who_owned_it() {
    for judge in judges() {
        let case = case("kubernetes alone");
        let before = case.files();
        let text = case.section();
        fs::remove_file(case.project.dir().join("net/intents/3.toml")).unwrap();
        assert_eq!(case.run(&["build", "--today", "2026-01-01"]).0, 0);
        let after = case.files();
        let gone: Vec<String> = before
            .keys()
            .filter(|path| !after.contains_key(*path))
            .map(|path| path.to_str().unwrap().to_owned())
            .collect();
        assert!(gone.iter().any(|path| path.ends_with("/baseline/ns-30.yaml")), "{gone:?}");
        for (path, names) in judge.owners(&[(text, gone)]).remove(0) {
            assert_eq!(names, Names::from(["@acme/team-3".to_owned()]), "{path}");
        }
        let (code, _, shown) = case.run(&["owners", "--check"]);
        assert!(code == 1 && shown.contains("-/net/out/*/*/ns-30.yaml @acme/team-3\n"), "{shown}");
    }
}
