//! What the writers of all dialects share: provenance, the layout of folders, and the splitting of what is too large.
//!
//! In: policies neutral of a dialect. Out: parts of what templates see. No reader uses any of this.

pub mod about;
pub mod layout;
pub mod size;

use crate::model::Labels;

/// Labels as a template loops over them: keys and values.
pub type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// Labels as a template loops over them.
pub fn pairs(labels: &Labels) -> Pairs<'_> {
    labels.iter().map(|(key, value)| (&**key, &**value)).collect()
}
