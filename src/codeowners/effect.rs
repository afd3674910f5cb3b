//! What keeps a section from counting: lines of others, and the size of the file.

use camino::{Utf8Path, Utf8PathBuf};

use super::pattern::Pattern;
use super::text::Line;
use super::{Rules, Text};
use crate::diag::{Diagnostic, codes, quote};
use crate::source::{FileId, Sources};

/// GitHub does not read larger files.
const MAX_BYTES: usize = 3_000_000;

/// Lines of others that count instead of ours, for some file that the section is about.
pub fn outdone(text: &Text<'_>, rules: &Rules, file: FileId, sources: &Sources) -> Vec<Diagnostic> {
    let patterns = rules.patterns();
    let found = text.others().into_iter().filter_map(|(line, is_later, rule)| {
        let span = sources.line_span(file, line);
        match rule {
            Line::Rule(pattern) if is_later => {
                let message = format!("{} comes after the section, and counts instead of it", quote(&pattern));
                let warning = Diagnostic::warning(codes::NO_EFFECT, span, message).note(about(rules, &pattern)?);
                Some(warning.help("move it above the section: of several lines that match, the last one counts"))
            }
            Line::Exclusion(pattern) => {
                let message = format!("{} excludes files that the section is about", quote(&format!("!{pattern}")));
                let warning = Diagnostic::warning(codes::NO_EFFECT, span, message).note(about(rules, &pattern)?);
                Some(warning.help("remove it, or name a part of them: GitLab asks nobody for what is excluded"))
            }
            Line::Rule(pattern) if patterns.contains(pattern.as_str()) => {
                let message = format!("{} stands in the section too", quote(&pattern));
                let warning = Diagnostic::warning(codes::NO_EFFECT, span, message)
                    .note("GitLab keeps the first place of a pattern, where lines between the two count instead");
                Some(warning.help("remove this line"))
            }
            Line::Rule(_) | Line::Heading(_) | Line::Comment => None,
        }
    });
    found.collect()
}

/// Which files of ours a pattern takes, in words; `None`: none.
fn about(rules: &Rules, pattern: &str) -> Option<String> {
    let pattern = Pattern::new(pattern);
    let takes =
        |path: &&Utf8PathBuf| pattern.may_match(&path.components().map(|part| part.as_str()).collect::<Vec<_>>());
    let mut taken = rules.files.iter().filter(takes);
    let first = quote(taken.next()?.as_str());
    Some(match taken.count() {
        0 => format!("it matches {first}"),
        more => format!("it matches {first} and {more} more"),
    })
}

/// A file that GitHub would not read.
pub fn too_large(path: &Utf8Path, bytes: &[u8]) -> Option<Diagnostic> {
    let large = bytes.len() > MAX_BYTES && !path.starts_with(".gitlab");
    let message =
        format!("{} would have {} bytes, and GitHub reads no more than 3 MB", quote(path.as_str()), bytes.len());
    let error = || Diagnostic::placeless(codes::NO_EFFECT, message);
    large.then(|| error().help("split the project, or shorten what else the file says"))
}
