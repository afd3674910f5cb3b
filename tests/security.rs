//! SECURITY.md promises nothing that no test holds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::support::repo;

/// Texts between backquotes.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a test, a folder of cases, or a case of `tests/ui` is there: `path/to.rs::name` or a path.
fn exists(claimed: &str) -> bool {
    let Some((file, test)) = claimed.split_once("::") else {
        let path = repo().join(claimed);
        return path.exists() || path.with_extension("toml").exists();
    };
    let text = std::fs::read_to_string(repo().join(file)).unwrap_or_default();
    let Some(at) = text.find(&format!("fn {test}(")) else { return false };
    // What stands before the function, back to the end of what is before it.
    let before = text[..at].rsplit("\n\n").next().unwrap_or_default();
    before.contains("#[test]")
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let page = std::fs::read_to_string(repo().join("SECURITY.md")).unwrap();
    let mut held = false;
    let mut promises = 0;
    for line in page.lines() {
        let Some(cells) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            held &= line.starts_with('|');
            continue;
        };
        let (promise, by) = cells.rsplit_once(" | ").unwrap();
        held |= by == "held by";
        if !held || by == "held by" {
            continue;
        }
        promises += 1;
        let tests: Vec<&str> = spans(by).collect();
        assert!(tests.iter().any(|test| test.starts_with("tests/") || test.contains("::")), "nothing holds: {promise}");
        for test in tests {
            assert!(exists(test), "{test} is not there, and should hold: {promise}");
        }
    }
    assert!(promises > 30, "{promises}");
    // Names in the text between the tables.
    for test in spans(&page).filter(|span| span.contains(".rs::") || span.starts_with("tests/")) {
        assert!(exists(test), "{test} is not there");
    }
}

#[test]
fn what_is_no_test_is_not_taken_for_one() {
    assert!(exists("tests/security.rs::what_is_no_test_is_not_taken_for_one") && exists("tests/ui/toml/empty-file"));
    for claimed in
        ["tests/security.rs::exists", "tests/security.rs::nothing", "tests/nothing.rs::x", "tests/ui/nothing"]
    {
        assert!(!exists(claimed), "{claimed}");
    }
}

#[test]
fn people_find_the_page() {
    for page in ["README.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(repo().join(page)).unwrap();
        assert!(text.contains("](SECURITY.md)"), "{page}");
    }
}
