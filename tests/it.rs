//! The integration tests, one program: it is linked once, and tests of all modules run side by side. A new `tests/<name>.rs` needs
//! its line below and nothing else (a test names what was forgotten); `cargo test --test it <name>::` runs that module alone.
//!
//! Being one process, a test changes neither its environment nor its current folder: it gives both to the programs it starts.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod agreement;
mod alike;
mod analyzer;
mod architecture;
mod argocd;
mod boutique;
mod cli;
mod codeowners;
mod corpus;
mod crds;
mod docs;
mod excerpt;
mod faults;
mod forbid;
mod formats;
#[allow(clippy::duplicate_mod, reason = "the outside judge of selectors judges here as part of the fuzz crate, too")]
mod fuzz_seeds;
mod golden;
mod injection;
mod inventory;
mod judge;
mod kept;
mod krm;
mod limits;
mod mend;
mod mesh;
mod mutants;
mod outline;
mod performance;
mod plain;
mod precommit;
mod properties;
mod readme;
mod recipes;
mod release;
mod rollout;
mod rules;
mod schema;
mod security;
mod supply_chain;
mod support;
mod templates;
mod ui;
mod ui_generated;
mod verdicts;
mod verify;
