//! Findings as a Code Quality report of GitLab.
//!
//! The fields are those that GitLab documents for custom tools (`doc/ci/testing/code_quality.md`); it ignores all others. Of
//! findings with one fingerprint it shows one.

use serde::Serialize;

use super::place::Places;
use super::report::pretty;
use super::{Level, Report};

#[derive(Serialize)]
struct Violation {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

/// An array of violations.
pub(super) fn document(report: &Report<'_>) -> String {
    let places = Places::of(report);
    let violations: Vec<Violation> = report
        .all()
        .zip(places.fingerprints())
        .map(|((diagnostic, waived), fingerprint)| {
            let place = places.primary(diagnostic);
            // One line is shown: what to do stands in it.
            let words: Vec<&str> =
                std::iter::once(&diagnostic.message).chain(&diagnostic.help).map(String::as_str).collect();
            let words = words.join("; ");
            let (description, severity) = match (waived, diagnostic.level) {
                (Some(waived), _) => (format!("waived ({}): {words}", waived.reason), "info"),
                (None, Level::Error) => (words, "major"),
                (None, Level::Warning) => (words, "minor"),
            };
            Violation {
                description,
                check_name: diagnostic.code.0,
                fingerprint,
                severity,
                location: Location { path: place.path.into_string(), lines: Lines { begin: place.region.line } },
            }
        })
        .collect();
    pretty(&violations)
}
