//! Where findings are, as services see it that show a repository.
//!
//! In: spans. Out: paths from the root of the repository, lines and columns, and fingerprints by which a finding is known
//! again after other lines changed. What has no place of its own gets one, as every service wants one.

use std::collections::BTreeMap;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::line_hash::line_hashes;
use super::{Diagnostic, Report};
use crate::source::{FileId, PROJECT_FILE, STANDARD_INPUT_SHOWN, Sources, Span};

/// A range of characters; all from 1, the end one past the last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
    pub(super) end_column: usize,
}

impl Region {
    pub(super) fn of(span: Span, sources: &Sources) -> Self {
        let (line, column) = sources.line_col(span);
        let (end_line, end_column) = sources.line_col(Span { start: span.end, ..span });
        Self { line, column, end_line, end_column }
    }
}

/// A range of characters in a file of the repository.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: Utf8PathBuf,
    pub(super) region: Region,
}

/// What knows the places of a report.
pub(super) struct Places<'a> {
    report: &'a Report<'a>,
    /// The hash of each line of the files in which something was found.
    hashes: BTreeMap<FileId, Vec<String>>,
    /// The span that stands for the project as a whole.
    whole: Option<Span>,
}

impl<'a> Places<'a> {
    pub(super) fn of(report: &'a Report<'a>) -> Self {
        let sources = report.sources;
        let file = sources.find(PROJECT_FILE).or_else(|| sources.first());
        let whole = file.map(|file| sources.line_span(file, 1));
        let mut this = Self { report, hashes: BTreeMap::new(), whole };
        for (diagnostic, _) in report.all() {
            if let Some(file) = this.span(diagnostic).map(|span| span.file) {
                this.hashes.entry(file).or_insert_with(|| line_hashes(&sources.get(file).text));
            }
        }
        this
    }

    fn span(&self, diagnostic: &Diagnostic) -> Option<Span> {
        diagnostic.primary.as_ref().map(|primary| primary.span).or(self.whole)
    }

    pub(super) fn at(&self, span: Span) -> Place {
        let sources = self.report.sources;
        Place { path: in_repository(self.report.folder, sources.path(span.file)), region: Region::of(span, sources) }
    }

    /// Where a finding is. One without a place is about the project as a whole: the start of its project file, else of
    /// the first text that was read.
    pub(super) fn primary(&self, diagnostic: &Diagnostic) -> Place {
        self.span(diagnostic).map_or_else(
            || {
                let region = Region { line: 1, column: 1, end_line: 1, end_column: 1 };
                Place { path: self.report.folder.join(PROJECT_FILE), region }
            },
            |span| self.at(span),
        )
    }

    /// The hash of a finding's first line. It stays where lines above change, and changes with the line.
    pub(super) fn line_hash(&self, diagnostic: &Diagnostic) -> &str {
        let Some(span) = self.span(diagnostic) else { return "0:1" };
        let (line, _) = self.report.sources.line_col(span);
        let hashes = self.hashes.get(&span.file);
        hashes.and_then(|hashes| hashes.get(line - 1)).map_or("0:1", String::as_str)
    }

    /// For everything that is told, in that order, words by which it is known again: no two have the same.
    pub(super) fn fingerprints(&self) -> Vec<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        self.report
            .all()
            .map(|(diagnostic, _)| {
                let path = self.primary(diagnostic).path;
                // Messages may name days and counts that change while the finding is the same.
                let (place, about) = match &diagnostic.primary {
                    Some(primary) => (self.line_hash(diagnostic), self.report.sources.text(primary.span)),
                    None => ("", diagnostic.message.as_str()),
                };
                let key = [diagnostic.code.0, path.as_str(), place, about].join("\0");
                let count = counts.entry(key.clone()).or_default();
                *count += 1;
                let hash = blake3::hash(format!("{key}\0{count}").as_bytes());
                hash.to_hex().chars().take(32).collect()
            })
            .collect()
    }
}

/// The path of a text from the root of the repository, without `..`. What is no file of it stays what it is: an absolute path,
/// one that leads out of the repository, or the name of standard input.
fn in_repository(folder: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    if path.is_absolute() || path == STANDARD_INPUT_SHOWN {
        return path.to_owned();
    }
    let mut parts = vec![];
    let whole = folder.join(path);
    for part in whole.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if parts.pop().is_none() => return path.to_owned(),
            Utf8Component::ParentDir => {}
            other => parts.push(other),
        }
    }
    parts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    fn fingerprints(text: &str, found: impl Fn(FileId) -> Vec<Diagnostic>) -> Vec<String> {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", text);
        let found = found(file);
        let report = Report { sources: &sources, found: &found, waived: &[], explained: &[], folder: "".into() };
        Places::of(&report).fingerprints()
    }

    #[test]
    fn two_findings_at_one_place_are_two() {
        let found = |file| vec![Diagnostic::error(codes::NAME, Span::new(file, 0..1), "x"); 3];
        let found = fingerprints("a = 1\n", found);
        assert!(found[0] != found[1] && found[1] != found[2] && found[0] != found[2]);
        let placeless = fingerprints("", |_| vec![Diagnostic::placeless(codes::PATH, "x"); 2]);
        assert_ne!(placeless[0], placeless[1]);
    }

    #[test]
    fn a_text_outside_of_the_project_keeps_its_path() {
        let place = |folder: &str, path: &str| in_repository(folder.into(), path.into()).into_string();
        assert_eq!(place("net/shop", "intents/a.toml"), "net/shop/intents/a.toml");
        assert_eq!(place("net/shop", "../../deploy/web.yaml"), "deploy/web.yaml");
        assert_eq!(place("net/shop", "../../../web.yaml"), "../../../web.yaml", "outside of the repository");
        assert_eq!(place("net/shop", "/srv/web.yaml"), "/srv/web.yaml");
        assert_eq!(place("net/shop", "<stdin>"), "<stdin>");
    }

    #[test]
    fn words_that_change_with_the_day_do_not_matter() {
        let on = |message: &'static str| {
            fingerprints("a = 1\n", move |file| vec![Diagnostic::error(codes::NAME, Span::new(file, 0..1), message)])
        };
        assert_eq!(on("two days left"), on("one day left"));
        let placeless =
            |message: &'static str| fingerprints("", move |_| vec![Diagnostic::placeless(codes::PATH, message)]);
        assert_ne!(placeless("one"), placeless("two"));
    }

    #[test]
    fn what_has_no_place_is_at_the_start_of_the_project_file() {
        let place = |names: &[&str]| {
            let mut sources = Sources::default();
            for name in names {
                sources.add(*name, "\n a = 1\n");
            }
            let found = [Diagnostic::placeless(codes::PATH, "x")];
            let report = Report { sources: &sources, found: &found, waived: &[], explained: &[], folder: "net".into() };
            Places::of(&report).primary(&found[0]).path.into_string()
        };
        assert_eq!(place(&["intents/a.toml", "netpolc.toml"]), "net/netpolc.toml");
        assert_eq!(place(&["intents/a.toml", "intents/b.toml"]), "net/intents/a.toml");
        assert_eq!(place(&[]), "net/netpolc.toml");
    }
}
