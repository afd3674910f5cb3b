//! netpolc compiles who may talk to whom into network policies, and proves that they say exactly that.
//!
//! Data flows one way; each stage is a module, and its type is the only thing handed on:
//!
//! ```text
//! source → intent → model → checks → lower → dialects → render → verify → output
//! ```
//!
//! | stage | takes | gives |
//! |---|---|---|
//! | [`source`] | paths | texts, with places |
//! | [`intent`] | texts | the files' tables, spanned, no meaning yet |
//! | [`model`] | tables | names, selectors, CIDRs and ports resolved; the flow graph; the two relations |
//! | [`checks`] | the model | findings |
//! | [`lower`] | the model | policies, neutral of any dialect |
//! | [`dialects`] | policies | what a template needs; and, apart from it, rendered YAML read back |
//! | [`render`] | template views | bytes |
//! | [`verify`] | bytes read back, and the model | a proof or a counterexample |
//! | [`output`] | proved bytes | a plan, a diff, files |
//!
//! Beside it stands [`cluster`]: manifests of namespaces and pods, read for what policies select.
//! So does [`codeowners`]: whom a forge asks for a review of what the intents become.
//!
//! [`diag`] is what every stage speaks through; [`pipeline`] runs them in order; [`cli`] is the face.

pub mod checks;
pub mod cli;
pub mod cluster;
pub mod codeowners;
pub mod diag;
pub mod dialects;
pub mod intent;
pub mod lower;
pub mod model;
pub mod output;
pub mod pipeline;
pub mod render;
pub mod source;
pub mod verify;
