//! The README keeps its word: its intents build, its project files parse, its commands exist.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;

use crate::support::{self, Project, netpolc, repo};

fn readme() -> String {
    fs::read_to_string(repo().join("README.md")).unwrap()
}

/// Everything that people read of the project, by its path.
fn documents() -> Vec<(String, String)> {
    let of_folder = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(repo().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let pages = entries.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(".md"));
        pages.map(|name| if folder == "." { name } else { format!("{folder}/{name}") }).collect()
    };
    let mut files = [of_folder("."), of_folder("docs")].concat();
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read_to_string(repo().join(&file)).unwrap())).collect()
}

/// The fenced blocks of some languages.
fn blocks(text: &str, languages: &[&str]) -> Vec<String> {
    let mut found = vec![];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if languages.contains(&language) {
            found.push(block.join("\n") + "\n");
        }
    }
    found
}

fn is_intent(block: &str) -> bool {
    block.starts_with("#:schema") || block.starts_with("app ")
}

#[test]
fn intents_build_without_findings() {
    let text = readme();
    let intents: Vec<String> = blocks(&text, &["toml"]).into_iter().filter(|block| is_intent(block)).collect();
    assert!(!intents.is_empty(), "no intent found");
    for intent in intents {
        let project = Project::new();
        project.write("intents/app.toml", &intent);
        let build = netpolc(project.dir(), &["build"]);
        assert_eq!((build.code, build.stderr.as_str()), (0, ""), "{intent}");
    }
}

#[test]
fn project_files_are_accepted() {
    let text = readme();
    let files: Vec<String> = blocks(&text, &["toml"]).into_iter().filter(|block| !is_intent(block)).collect();
    assert!(!files.is_empty(), "no project file found");
    for file in files {
        let project = Project::new();
        project.write(
            "intents/app.toml",
            "app = \"shop\"\nowner = \"storefront\"\n[tiers]\nweb = { namespace = \"front\", pods = { app = \"web\" }, ports = [80] }\n\
             [[allow]]\nfrom = \"anywhere\"\nto = \"web\"\nwhy = \"public\"\n",
        );
        project.write("netpolc.toml", &file);
        let build = netpolc(project.dir(), &["build"]);
        assert_eq!((build.code, build.stderr.as_str()), (0, ""), "{file}");
    }
}

/// YAML blocks are what an intent of the README becomes, to the letter.
#[test]
fn policies_are_what_an_intent_becomes() {
    let text = readme();
    let project = Project::new();
    let intent = blocks(&text, &["toml"]).into_iter().find(|block| is_intent(block)).unwrap();
    project.write("intents/app.toml", intent);
    let printed: Vec<String> = netpolc::dialects::REGISTRY
        .iter()
        .map(|dialect| netpolc(project.dir(), &["build", "--stdout", "--dialect", dialect.name()]).stdout)
        .collect();
    let blocks = blocks(&text, &["yaml"]);
    for block in &blocks {
        let shown = printed.iter().any(|printed| printed.contains(block.trim()));
        assert!(shown, "no build of the first intent gives this:\n{block}");
    }
    for printed in &printed {
        assert!(blocks.iter().any(|block| printed.contains(block.trim())), "a dialect is not shown");
    }
}

/// What commands print, for the first intent of the README, to the letter.
#[test]
fn questions_are_answered_as_it_says() {
    let text = readme();
    let project = Project::new();
    project.write("intents/app.toml", blocks(&text, &["toml"]).into_iter().find(|block| is_intent(block)).unwrap());
    assert_eq!(netpolc(project.dir(), &["build"]).code, 0);
    project.write("dump.yaml", dump());
    let questions = blocks(&text, &["console"]);
    assert!(!questions.is_empty(), "no question found");
    for block in questions {
        let (line, answer) = block.split_once('\n').unwrap();
        let words: Vec<&str> = line.strip_prefix("$ netpolc ").unwrap().split_whitespace().collect();
        let run = netpolc(project.dir(), &words);
        // Beside what it was asked for, a command says what that rests on.
        assert_eq!(format!("{}{}", run.stdout, run.stderr), answer, "{line}");
    }
}

/// A cluster in which the pods of that intent run; the front end has the database's address.
fn dump() -> String {
    let pods = |namespace: &str, name: &str, variables: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  template:\n    \
             metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: [{{name: c, image: c, env: [{variables}]}}]}}\n---\n"
        )
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: postgres, namespace: db}\n\
                   spec: {selector: {app: postgres}, ports: [{port: 5432}]}\n";
    let address = "{name: DATABASE_URL, value: \"postgres://shop@postgres.db:5432/shop\"}";
    pods("frontend", "web", address) + &pods("backend", "api", "") + &pods("db", "postgres", "") + service
}

/// Command lines of netpolc: of blocks, after a prompt if there is one, and inline.
fn commands(text: &str) -> Vec<Vec<String>> {
    let scripts = blocks(text, &["sh", "bash", "shell"]).into_iter();
    let scripts = scripts.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    // The other lines are what a command prints.
    let prompts = blocks(text, &["console"]).into_iter();
    let prompts = prompts
        .flat_map(|block| block.lines().filter_map(|l| l.strip_prefix("$ ").map(str::to_owned)).collect::<Vec<_>>());
    let from_blocks = scripts.chain(prompts);
    let inline = text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    from_blocks
        .chain(inline)
        .filter_map(|line| {
            // What the shell takes for itself.
            let line = line.split(" #").next().unwrap().split(['|', '>', '<', ';', '&', '\\']).next().unwrap().trim();
            let rest = line.strip_prefix("netpolc ").or_else(|| {
                let (cargo, rest) = line.split_once(" -- ")?;
                cargo.starts_with("cargo run").then_some(rest)
            })?;
            Some(rest.split_whitespace().map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn commands_and_options_exist() {
    // Inline code of a block's lines is no code: blocks are taken out before.
    assert!(commands(&readme()).iter().any(|words| words[0] == "build"), "no command found");
    let pages =
        documents().into_iter().flat_map(|(file, text)| commands(&text).into_iter().map(move |c| (file.clone(), c)));
    for (file, mut words) in pages {
        // What a reader fills in.
        for word in words.iter_mut() {
            match word.as_str() {
                "CODE" => *word = "NP201".to_owned(),
                "SHELL" => *word = "bash".to_owned(),
                "COMMAND" => *word = "build".to_owned(),
                "FROM" | "TO" => *word = "web".to_owned(),
                "[PORT]" => *word = "80".to_owned(),
                "[PATHS]" => *word = "intents/app.toml".to_owned(),
                _ => {}
            }
        }
        let line = words.join(" ");
        let args = ["netpolc".to_owned()].into_iter().chain(words.iter().cloned());
        match netpolc::cli::command().try_get_matches_from(args) {
            Ok(_) => {}
            Err(error) if !error.use_stderr() => {}
            // Spoken of, not run.
            Err(error) if error.kind() == clap::error::ErrorKind::MissingRequiredArgument => {}
            Err(error) if error.to_string().contains("a value is required for") => {}
            Err(error) => panic!("{file}: netpolc {line}: {error}"),
        }
    }
}

/// Every command stands in the README's table, and every option that the README speaks of is one.
#[test]
fn the_table_of_commands_is_complete() {
    let text = readme();
    let definition = netpolc::cli::command();
    for command in definition.get_subcommands() {
        assert!(text.contains(&format!("`netpolc {}", command.get_name())), "{} is missing", command.get_name());
    }
    let known: Vec<&str> = definition
        .get_subcommands()
        .chain([&definition])
        .flat_map(|command| command.get_arguments().filter_map(|argument| argument.get_long()))
        .chain(["help", "version", "release", "locked", "path"])
        .collect();
    for word in text.split(|c: char| c.is_whitespace() || "`(),|".contains(c)) {
        if let Some(option) = word.strip_prefix("--").filter(|option| !option.is_empty() && !option.starts_with('-')) {
            let option = option.split(['=', '.']).next().unwrap();
            assert!(known.contains(&option), "README.md speaks of --{option}");
        }
    }
}

/// What the README calls the first command is what a newcomer runs.
#[test]
fn the_first_command_builds_the_shop() {
    let text = readme();
    let first = blocks(&text, &["sh"]).remove(0);
    assert!(first.starts_with("cargo run --release -- build intents/app.toml\n"), "{first}");
    let project = Project::with_settings();
    for (path, bytes) in support::tree(&repo().join("intents")) {
        project.write(&format!("intents/{}", path.display()), bytes);
    }
    let build = netpolc(project.dir(), &["build", "intents/app.toml", "--today", "2026-01-01"]);
    assert_eq!((build.code, build.stderr.as_str()), (0, ""));
    assert!(project.dir().join("out/kubernetes/allow/backend.yaml").is_file());
}

/// Links into the repository lead somewhere.
#[test]
fn links_lead_somewhere() {
    for (file, text) in documents() {
        let folder = repo().join(&file).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let path = link.split('#').next().unwrap();
            let outside = link.starts_with("http://") || link.starts_with("https://") || path.is_empty();
            assert!(outside || folder.join(path).exists(), "{file} links to {link}");
        }
    }
}
