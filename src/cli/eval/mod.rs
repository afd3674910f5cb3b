//! How verdicts are shown: as a table for people, or as JSON.

mod json;
mod table;

#[cfg(test)]
mod tests;

pub use json::json;
pub use table::table;

use crate::cluster::Verdict;

impl Verdict {
    /// One character, the same in every table.
    fn sign(self) -> &'static str {
        match self {
            Self::Yes => "✓",
            Self::No => "✗",
            Self::Ambiguous => "?",
            Self::NotApplicable => "·",
        }
    }
}
