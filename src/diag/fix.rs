//! Changes of an intent that mend a finding: data only. Who writes them into a text, without touching anything else of it, is
//! [`crate::intent`].

use crate::source::Span;

/// The one right way to mend a finding. What can be mended in two ways has none: a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, for people: "write `2001:db8::/32`".
    pub message: String,
    /// The changes; all of them or none.
    pub edits: Vec<Edit>,
}

/// A change of one TOML value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Writes another string in the place of the string under the span.
    Replace {
        /// The string, quotes included.
        span: Span,
        /// What it becomes.
        text: String,
    },
    /// Takes the value under the span out of the list that it is an element of: one of an array, or a table of an array of
    /// tables. The span may also lie inside of such a table.
    Remove {
        /// The element, or a place inside of it.
        span: Span,
    },
    /// Sorts the elements of the array under the span, which are all strings or all integers.
    Sort {
        /// The array, brackets included.
        span: Span,
    },
}
