//! Changes of an intent that mend a finding: data only. Who writes them into a text, without touching anything else of it, is
//! [`crate::intent`].

use crate::source::{FileId, Span};

/// The one right way to mend a finding. What can be mended in two ways has none: a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, for people, as the end of "it would …": "write `2001:db8::/32`".
    pub message: String,
    /// The changes, all of one text; all of them or none.
    pub edits: Vec<Edit>,
}

/// A change of one TOML value. Spans are those of the parsed values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Writes another string in the place of the string under the span.
    Replace {
        /// The string, quotes included.
        span: Span,
        /// What it becomes.
        text: String,
    },
    /// Takes an element out of its list: one of an array, or a table of an array of tables.
    Remove {
        /// The element; of a table `[[allow]]`, its first line.
        span: Span,
    },
    /// Brings the elements of an array, which are all strings or numbers, into another order.
    Sort {
        /// The array, brackets included.
        span: Span,
        /// For each place, the present place of the element that belongs there.
        order: Vec<usize>,
    },
}

impl Edit {
    /// The place of the value that it changes.
    pub fn span(&self) -> Span {
        match self {
            Self::Replace { span, .. } | Self::Remove { span } | Self::Sort { span, .. } => *span,
        }
    }
}

impl Fix {
    /// The text that it changes; `None` for none at all, and for several, which no fix may touch at once.
    pub fn file(&self) -> Option<FileId> {
        let mut files = self.edits.iter().map(|edit| edit.span().file);
        let first = files.next()?;
        files.all(|file| file == first).then_some(first)
    }
}
