//! The stages in order.
//!
//! ```text
//! Project::load   source → intent
//! Project::models model → checks, once a cluster
//! outline         lower → dialects → render → verify, namespace by namespace, once a cluster and dialect
//! compile         the same of all namespaces at once, where texts or reasons are asked for
//! ```
//!
//! Every stage of a run speaks into one list of diagnostics; the next one starts only when it holds no error. Writing is
//! not done here: see [`crate::output`].

mod again;
mod clusters;
mod compile;
mod evaluate;
mod given;
mod inventory;
mod kept;
mod limits;
mod project;
mod stream;

pub use again::Again;
pub use clusters::merge;
pub use compile::{Compiled, Proved, compile, permitted};
pub use evaluate::evaluate;
pub use given::{Given, given};
pub use inventory::{Asked, Taken, inventories};
pub use kept::kept;
pub use limits::MAX_OUTPUT_BYTES;
pub use project::{LoadError, Project};
pub use stream::{Outline, outline};
