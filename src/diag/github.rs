//! Findings as annotations of GitHub Actions: a workflow command each.
//!
//! The form and its escapes are those of `@actions/core` (`packages/core/src/command.ts` in `actions/toolkit`). The runner
//! drops columns where first and last line differ (`ValidateLinesAndColumns` in `actions/runner`), so they are left out.

use super::place::{Place, Places, Region};
use super::report::in_words;
use super::{Level, Report};

/// A line for each finding.
pub(super) fn document(report: &Report<'_>) -> String {
    let places = Places::of(report);
    report
        .all()
        .map(|(diagnostic, waived)| {
            let title = report.explained(diagnostic.code).map(|explained| explained.title()).unwrap_or_default();
            let place = diagnostic.primary.as_ref().map(|primary| places.at(primary.span));
            let words = in_words(diagnostic);
            match (waived, diagnostic.level) {
                (Some(waived), _) => command("notice", &title, place, &format!("waived ({}): {words}", waived.reason)),
                (None, Level::Error) => command("error", &title, place, &words),
                (None, Level::Warning) => command("warning", &title, place, &words),
            }
        })
        .collect()
}

fn command(name: &str, title: &str, place: Option<Place>, message: &str) -> String {
    let mut properties = vec![("title", title.to_owned())];
    if let Some(Place { path, region }) = place {
        let Region { line, column, end_line, end_column } = region;
        properties.extend([
            ("file", path.into_string()),
            ("line", line.to_string()),
            ("endLine", end_line.to_string()),
        ]);
        if line == end_line {
            // Its last character: where it is left out, the first one is taken for it.
            let last = end_column.saturating_sub(1).max(column);
            properties.extend([("col", column.to_string()), ("endColumn", last.to_string())]);
        }
    }
    let properties: Vec<String> =
        properties.iter().map(|(key, value)| format!("{key}={}", escape_property(value))).collect();
    format!("::{name} {}::{}\n", properties.join(","), escape(message))
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
