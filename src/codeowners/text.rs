//! The file as it is: our section, and everybody else's lines.
//!
//! In: bytes. Out: the same bytes with another section. Lines are looked at as bytes, so that nothing outside of the section
//! changes, whatever its line ends or its encoding.

use camino::Utf8Path;

use super::Rules;
use crate::diag::{Diagnostic, codes, quote};
use crate::source::{FileId, Sources};

/// A comment of this start opens the section of a project, whose folder it names.
const BEGIN: &str = "netpolc:begin";
/// And this one closes it.
const END: &str = "netpolc:end";

/// A heading for a file in which others have headings, which only GitLab reads: without one the section would belong to the
/// last of theirs, which may ask nobody.
const HEADING: &str = "netpolc";

/// A file of code owners, taken apart.
#[derive(Debug)]
pub struct Text<'a> {
    /// With their line ends.
    lines: Vec<&'a [u8]>,
    /// The lines of the section, markers included.
    section: Option<std::ops::Range<usize>>,
    /// What the markers call the project.
    name: String,
}

/// Lines with their ends.
type Lines<'a> = [&'a [u8]];

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing.
    Comment,
    /// A section of GitLab begins.
    Heading(String),
    /// A pattern, without its owners.
    Rule(String),
    /// Files of these are nobody's (GitLab).
    Exclusion(String),
}

/// What the markers call a project: its folder, from the root of the repository.
fn name(project: &Utf8Path) -> String {
    if project.as_str().is_empty() { "/".to_owned() } else { format!("/{project}/") }
}

enum Marker {
    Begin,
    End,
}

/// Whether a line is a marker, and of which project.
fn marker(line: &[u8]) -> Option<(Marker, String)> {
    let text = String::from_utf8_lossy(line);
    let words = text.trim().strip_prefix('#')?.trim_start();
    let (kind, rest) = match (words.strip_prefix(BEGIN), words.strip_prefix(END)) {
        (Some(rest), _) => (Marker::Begin, rest),
        (_, Some(rest)) => (Marker::End, rest),
        (None, None) => return None,
    };
    let whole = rest.is_empty() || rest.starts_with(char::is_whitespace);
    let named = if rest.trim().is_empty() { "/" } else { rest.trim() };
    whole.then(|| (kind, named.to_owned()))
}

impl<'a> Text<'a> {
    /// Takes a file apart. `file` is its text, for messages; `project` is where the project lies in the repository.
    ///
    /// # Errors
    /// When the markers of this project's section are not there once each, in their order.
    pub fn parse(
        bytes: &'a [u8],
        project: &Utf8Path,
        file: FileId,
        sources: &Sources,
    ) -> Result<Self, Vec<Diagnostic>> {
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let name = name(project);
        let span = |line: usize| sources.line_span(file, line + 1);
        if let Some(line) = lines.iter().position(|line| line.contains(&0)) {
            let error = Diagnostic::error(codes::ENCODING, span(line), "the file is not UTF-8 text");
            return Err(vec![error.help("save it as UTF-8")]);
        }
        let mut errors: Vec<Diagnostic> = vec![];
        let mut error = |line: usize, first: Option<usize>, message: String, help: &str| {
            let error = Diagnostic::error(codes::MARKERS, span(line), message).help(help);
            errors.push(match first {
                Some(first) => error.related(span(first), "it began here"),
                None => error,
            });
        };
        let shown = |word: &str| quote(&format!("# {word} {name}"));
        let mut open: Option<usize> = None;
        let mut section: Option<std::ops::Range<usize>> = None;
        for (at, line) in lines.iter().enumerate() {
            match marker(line) {
                None => {}
                Some((Marker::Begin, of)) if of == name => match (open, &section) {
                    (Some(first), _) => {
                        let message = format!("the section of {} begins inside of itself", quote(&name));
                        error(at, Some(first), message, "remove one of the two lines, or write the missing end");
                    }
                    (None, Some(first)) => {
                        let message = format!("a second section of {} begins here", quote(&name));
                        error(at, Some(first.start), message, "remove one of the two sections, with its markers");
                        open = Some(at);
                    }
                    (None, None) => open = Some(at),
                },
                Some((Marker::End, of)) if of == name => match open.take() {
                    Some(begin) if section.is_none() => section = Some(begin..at + 1),
                    Some(_) => {}
                    None => {
                        let message = format!("a section ends here, and no {} stands before it", shown(BEGIN));
                        error(at, None, message, "write where it begins, or remove this line");
                    }
                },
                Some((_, other)) => {
                    if let Some(first) = open {
                        let message = format!("the section of {} stands inside of {}", quote(&other), quote(&name));
                        error(at, Some(first), message, "write the missing end above it");
                    }
                }
            }
        }
        if let Some(begin) = open {
            let message = format!("this section has no {}", shown(END));
            error(begin, None, message, "write where it ends, or remove this line and the rest of the section");
        }
        if errors.is_empty() { Ok(Self { lines, section, name }) } else { Err(errors) }
    }

    /// The section with its markers.
    pub fn section(&self, rules: &Rules) -> String {
        let mut out = format!("# {BEGIN} {}\n", self.name);
        out.push_str("# Written by `netpolc owners` from the owners of the apps. DO NOT EDIT.\n");
        if self.has_heading() {
            out.push_str(&format!("[{HEADING}]\n"));
        }
        rules.lines().for_each(|line| out.push_str(&(line + "\n")));
        out + &format!("# {END} {}\n", self.name)
    }

    /// The file with this section: in the place of the old one, else at the end.
    pub fn with(&self, section: &str) -> Vec<u8> {
        let [before, old, after] = self.parts();
        let model = old.first().or(self.lines.first());
        let windows = model.is_some_and(|line| line.ends_with(b"\r\n"));
        let end: &[u8] = if windows { b"\r\n" } else { b"\n" };
        let mut out = before.concat();
        if old.is_empty() && !out.is_empty() {
            if !out.ends_with(b"\n") {
                out.extend_from_slice(end);
            }
            out.extend_from_slice(end);
        }
        for line in section.lines() {
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(end);
        }
        // Where the file ended without a line end, it still does.
        if old.last().is_some_and(|line| !line.ends_with(b"\n")) {
            out.truncate(out.len().saturating_sub(end.len()));
        }
        out.extend_from_slice(&after.concat());
        out
    }

    /// The lines before the section, its own, and those after it.
    fn parts(&self) -> [&Lines<'a>; 3] {
        let end = self.lines.len();
        let section = self.section.clone().unwrap_or(end..end);
        let part = |range: std::ops::Range<usize>| self.lines.get(range).unwrap_or_default();
        [part(0..section.start), part(section.clone()), part(section.end..end)]
    }

    /// Whether a section of GitLab is open where ours begins.
    fn has_heading(&self) -> bool {
        let [before, ..] = self.parts();
        before.iter().any(|line| matches!(Line::of(line), Line::Heading(_)))
    }

    /// The lines of others that stand in our section of GitLab (all lines, in a file without headings): their number from 1,
    /// and whether they come after ours.
    pub(super) fn others(&self) -> Vec<(usize, bool, Line)> {
        let [before, old, after] = self.parts();
        let ours = self.has_heading().then(|| HEADING.to_owned());
        let mut heading: Option<String> = None;
        let mut found = vec![];
        let numbered = before.iter().enumerate().map(|(at, line)| (at + 1, false, line));
        let later = after.iter().enumerate().map(|(at, line)| (before.len() + old.len() + at + 1, true, line));
        let mut passed = false;
        for (number, is_later, line) in numbered.chain(later) {
            if is_later && !passed {
                passed = true;
                heading.clone_from(&ours);
            }
            match Line::of(line) {
                Line::Comment => {}
                Line::Heading(name) => heading = Some(name.to_lowercase()),
                rule if heading == ours => found.push((number, is_later, rule)),
                Line::Rule(_) | Line::Exclusion(_) => {}
            }
        }
        found
    }
}

impl Line {
    fn of(line: &[u8]) -> Self {
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            return Self::Comment;
        }
        if let Some((name, _)) =
            text.strip_prefix('^').unwrap_or(text).strip_prefix('[').and_then(|t| t.split_once(']'))
        {
            return Self::Heading(name.to_owned());
        }
        let mut escaped = false;
        let end = text.char_indices().find(|(_, c)| {
            let ends = c.is_whitespace() && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let pattern = end.and_then(|(at, _)| text.get(..at)).unwrap_or(text);
        match pattern.strip_prefix('!') {
            Some(pattern) => Self::Exclusion(pattern.to_owned()),
            None => Self::Rule(pattern.to_owned()),
        }
    }
}
