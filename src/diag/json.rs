//! Diagnostics for programs: one JSON document a run.

use serde_json::{Value, json};

use super::{Diagnostic, Label};
use crate::source::Sources;

/// A list of objects: `code`, `level`, `message`, `location` (`path`, `line`, `column`, `end_line`, `end_column`; all
/// from 1, the end one past the last character; `null` without a place), `related`, `notes`, `help`.
pub fn to_json(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    let place = |label: &Label| {
        let (line, column) = sources.line_col(label.span);
        let (end_line, end_column) = sources.line_col(crate::source::Span { start: label.span.end, ..label.span });
        json!({
            "path": sources.path(label.span.file).as_str(), "line": line, "column": column,
            "end_line": end_line, "end_column": end_column, "label": label.text,
        })
    };
    diagnostics
        .iter()
        .map(|d| {
            json!({
                "code": d.code.0, "level": d.level.as_str(), "message": d.message,
                "location": d.primary.as_ref().map(place),
                "related": d.related.iter().map(place).collect::<Vec<_>>(),
                "notes": d.notes, "help": d.help,
            })
        })
        .collect()
}
