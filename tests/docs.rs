//! The pages of `docs/` keep their word: each is a story in a fresh repository, and the story is played.
//!
//! What blocks of a page mean:
//! - `toml intents/app.toml` (any language, then a path): the block is written to that file;
//! - `console`: commands behind `$ `, each with its exact output; a line that is only `…` stands for any lines. With
//!   `exit=1` the last command of the block ends with 1;
//! - `sh`: commands that must succeed, whatever they print. With `cluster` they need one, and what they apply is built instead;
//! - any other block is an excerpt: it stands, line for line, in a file of the story or of this repository.
//!
//! A page may begin with `<!-- needs: tool, tool -->`: without these it is skipped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "a skipped page says why")]

pub mod page;
pub mod story;

use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use crate::support;
use page::Page;
use story::Story;

/// Every page that people wrote; the others are generated, and held by other tests. What one tells takes release builds:
/// `tests/release.rs` plays it.
fn pages() -> Vec<PathBuf> {
    let entries = fs::read_dir(support::repo().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.retain(|path| !path.ends_with("rules.md") && !path.ends_with("install.md"));
    pages.sort();
    pages
}

#[test]
fn pages_do_what_they_say() {
    let pages = pages();
    let failed: Vec<String> = std::thread::scope(|scope| {
        let played: Vec<_> = pages
            .iter()
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, scope.spawn(move || play(&Page::read(&fs::read_to_string(path).unwrap()))))
            })
            .collect();
        let of = |(name, played): (String, std::thread::ScopedJoinHandle<'_, Result<(), String>>)| {
            let result = played.join().unwrap_or_else(|_| Err("the test itself panicked".to_owned()));
            result.err().map(|error| format!("docs/{name}: {error}"))
        };
        played.into_iter().filter_map(of).collect()
    });
    assert!(failed.is_empty(), "\n{}", failed.join("\n\n"));
}

fn play(page: &Page) -> Result<(), String> {
    if !page.needs.iter().all(|tool| support::tool(tool)) {
        return Ok(());
    }
    if page.needs.iter().any(|tool| tool == "pre-commit") {
        support::published::installed();
    }
    Story::begin(&support::published::published().environment).play(page)
}

/// The player is no use if it lets everything pass.
#[test]
fn a_page_that_does_not_keep_its_word_is_found() {
    let play = |text: &str| std::panic::catch_unwind(AssertUnwindSafe(|| play(&Page::read(text)))).unwrap();
    let intent = "```toml intents/app.toml\napp = \"a\"\n[tiers]\nweb = { namespace = \"a\", pods = { app = \"web\" }, ports = [80] }\n\
                  [[allow]]\nfrom = \"anywhere\"\nto = \"web\"\nwhy = \"public\"\n```\n";
    let with = |block: &str| play(&format!("# A page\n\n{intent}\n{block}"));
    assert_eq!(with("```sh\nnetpolc build\n```\n"), Ok(()));
    assert_eq!(with("```console\n$ netpolc build | tail -1\n…\n$ echo one; \\\n  echo two\none\ntwo\n```\n"), Ok(()));
    assert_eq!(
        with(
            "```sh\nnetpolc build\n```\n```yaml\nkind: NetworkPolicy\n```\n```sh cluster\nkubectl apply -k out/kubernetes\n```\n"
        ),
        Ok(())
    );
    assert_eq!(with("```console exit=1\n$ netpolc build --check | cat\n…\n```\n"), Ok(()));
    let wrong = [
        ("```sh\nnetpolc build --check\n```\n", "ended with 1, not 0"),
        ("```console exit=1\n$ netpolc build\n…\n```\n", "ended with 0, not 1"),
        ("```console\n$ echo one\ntwo\n```\n", "-two"),
        ("```console\n$ echo one\n```\n", "+one"),
        ("```console\n$ false\n```\n", "ended with 1"),
        ("```console\n$ false | true\n```\n", "ended with 1"),
        ("```yaml\nkind: Elsewhere\n```\n", "no file holds these lines"),
        ("```sh cluster\nkubectl apply -k out/gone\n```\n", "out/gone"),
        ("```sh cluster\nkubectl delete ns --all\n```\n", "cannot be tested"),
    ];
    for (block, said) in wrong {
        let error = with(block).expect_err(block);
        assert!(error.contains(said), "{block}{error}");
    }
}
