//! A fresh repository, and a shell in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use super::page::{Block, Command, Page};
use crate::support::published::{ADDRESS, published};
use crate::support::{repo, tool, tree};

/// Nothing that a page shows takes so long.
const TIMEOUT: Duration = Duration::from_secs(900);

pub struct Story {
    /// `home/`, `bin/` with netpolc in it, and `repo/`, where the story is.
    temp: tempfile::TempDir,
    /// Environment variables beside those of every story.
    environment: Vec<(&'static str, String)>,
}

impl Story {
    pub fn begin(environment: &[(&'static str, String)]) -> Self {
        let story = Self { temp: tempfile::tempdir().unwrap(), environment: environment.to_vec() };
        for folder in ["home", "bin", "repo"] {
            fs::create_dir(story.temp.path().join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_netpolc"), story.temp.path().join("bin/netpolc")).unwrap();
        // Pages name the address at which the project is published; here it is the checkout.
        let instead = format!("[url \"file://{}\"]\n\tinsteadOf = {ADDRESS}\n", published().repository.display());
        let user = "[user]\n\tname = A. Founder\n\temail = founder@example.com\n[init]\n\tdefaultBranch = main\n";
        fs::write(story.temp.path().join("home/.gitconfig"), format!("{user}{instead}")).unwrap();
        story.shell("git init -q").unwrap();
        story
    }

    /// The folder in which the story is.
    pub fn repo(&self) -> PathBuf {
        self.temp.path().join("repo")
    }

    /// Plays a page; the error says where it does not keep its word.
    pub fn play(&self, page: &Page) -> Result<(), String> {
        page.blocks.iter().try_for_each(|block| match block {
            Block::File { path, text } => {
                self.write(path, text);
                Ok(())
            }
            Block::Commands { line, commands, exit } => {
                let last = commands.len().saturating_sub(1);
                commands.iter().enumerate().try_for_each(|(position, command)| {
                    let exit = if position == last { *exit } else { 0 };
                    self.run(command, exit).map_err(|error| format!("block at line {line}: {error}"))
                })
            }
            Block::Cluster { line, commands } => commands
                .iter()
                .try_for_each(|command| self.build(command).map_err(|error| format!("block at line {line}: {error}"))),
            Block::Excerpt { .. } => Ok(()),
        })?;
        page.blocks.iter().try_for_each(|block| match block {
            Block::Excerpt { line, text } if !self.holds(text) => {
                Err(format!("block at line {line}: no file holds these lines\n{text}"))
            }
            _ => Ok(()),
        })
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.repo().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs a command; the error says how it did not do what the page says.
    fn run(&self, command: &Command, exit: i32) -> Result<(), String> {
        let (code, output) = self.shell(&command.line)?;
        if code != exit {
            return Err(format!("`{}` ended with {code}, not {exit}:\n{output}", command.line));
        }
        let Some(expected) = &command.output else { return Ok(()) };
        let seen: Vec<&str> = output.lines().collect();
        if fits(&expected.iter().map(String::as_str).collect::<Vec<_>>(), &seen) {
            return Ok(());
        }
        let expected: String = expected.iter().map(|line| format!("{line}\n")).collect();
        let diff = similar::TextDiff::from_lines(expected.as_str(), output.as_str());
        Err(format!("`{}` prints something else:\n{}", command.line, diff.unified_diff().header("page", "seen")))
    }

    /// What a command for a cluster applies, as far as it can be seen without one.
    fn build(&self, command: &str) -> Result<(), String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["kubectl", "apply", "-k", folder] => {
                if !self.repo().join(folder).join("kustomization.yaml").is_file() {
                    return Err(format!("`{command}`: {folder} is no kustomization"));
                }
                if !tool("kubectl") {
                    return Ok(());
                }
                let (code, output) = self.shell(&format!("kubectl kustomize {folder}"))?;
                if code == 0 { Ok(()) } else { Err(format!("`kubectl kustomize {folder}`:\n{output}")) }
            }
            ["kubectl", "apply", "-f", file] => {
                let text =
                    fs::read_to_string(self.repo().join(file)).map_err(|error| format!("`{command}`: {error}"))?;
                let documents = text.split("\n---").filter(|document| !document.trim().is_empty());
                let read = |document: &str| serde_yaml::from_str::<serde_yaml::Value>(document).map(|_| ());
                documents.into_iter().try_for_each(|one| read(one).map_err(|error| format!("`{command}`: {error}")))
            }
            _ => Err(format!("`{command}` cannot be tested")),
        }
    }

    /// Whether the lines stand together in some file of the story, or of the repository; `…` for lines between.
    fn holds(&self, text: &str) -> bool {
        let parts: Vec<&str> = text.split("…\n").collect();
        let own = tree(&self.repo());
        let repository = ["docs", "intents", "out", "schema"].iter().flat_map(|folder| tree(&repo().join(folder)));
        let shipped = repository.filter(|(path, _)| path.extension().is_none_or(|end| end != "md"));
        let single = ["netpolc.toml", "Cargo.toml", ".pre-commit-hooks.yaml", ".gitattributes"];
        let single =
            single.iter().filter_map(|path| Some((Path::new(path).to_owned(), fs::read(repo().join(path)).ok()?)));
        own.into_iter().chain(shipped).chain(single).any(|(_, bytes)| {
            let whole = format!("\n{}", String::from_utf8_lossy(&bytes));
            let found = parts.iter().try_fold(whole.as_str(), |rest, part| {
                let at = rest.find(&format!("\n{part}"))?;
                rest.get(at + part.len()..)
            });
            found.is_some()
        })
    }

    /// Runs a command line in the repository. What it prints comes as a terminal would show it.
    fn shell(&self, line: &str) -> Result<(i32, String), String> {
        let home = self.temp.path().join("home");
        let log = self.temp.path().join("log");
        let file = fs::File::create(&log).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let of_user = |variable: &str, folder: &str| {
            std::env::var(variable)
                .unwrap_or_else(|_| format!("{}/{folder}", std::env::var("HOME").unwrap_or_default()))
        };
        let mut child = Process::new("bash")
            .args(["-euo", "pipefail", "-c", line])
            .current_dir(self.repo())
            .env_clear()
            .env("PATH", format!("{}:{path}", self.temp.path().join("bin").display()))
            .env("HOME", &home)
            .env("CARGO_HOME", of_user("CARGO_HOME", ".cargo"))
            .env("RUSTUP_HOME", of_user("RUSTUP_HOME", ".rustup"))
            .envs(std::env::var("CARGO_TARGET_DIR").map(|dir| ("CARGO_TARGET_DIR", dir)))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("LANG", "C.UTF-8")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .map_err(|error| format!("bash: {error}"))?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > TIMEOUT {
                child.kill().unwrap();
                return Err(format!("`{line}` does not end"));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ok((status.code().unwrap_or(-1), fs::read_to_string(&log).unwrap()))
    }
}

/// Whether lines are what a page shows.
fn fits(expected: &[&str], seen: &[&str]) -> bool {
    match expected.split_first() {
        None => seen.is_empty(),
        Some((&"…", rest)) => (0..=seen.len()).any(|skipped| fits(rest, &seen[skipped..])),
        Some((line, rest)) => seen.first() == Some(line) && fits(rest, &seen[1..]),
    }
}
