//! Diagnostics as a person reads them: the form of rustc, and one line each.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level as Shown, Renderer, Snippet};

use super::{Diagnostic, Level};
use crate::source::{Sources, Span};

/// The full form: message, the source lines with the place underlined, notes and help. Styled with ANSI colours;
/// the caller's stream strips them where they are not wanted.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, colour: bool) -> String {
    let level = match diagnostic.level {
        Level::Error => Shown::ERROR,
        Level::Warning => Shown::WARNING,
    };
    let mut group =
        level.primary_title(&diagnostic.message).id(diagnostic.code.0).elements(snippets(diagnostic, sources));
    for note in &diagnostic.notes {
        group = group.element(Shown::NOTE.message(note));
    }
    for help in &diagnostic.help {
        group = group.element(Shown::HELP.message(help));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group] as &[Group<'_>])
}

/// One snippet a file: the primary's file first.
fn snippets<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Vec<Element<'a>> {
    let Some(primary) = &diagnostic.primary else { return vec![] };
    let mut files = vec![primary.span.file];
    for label in &diagnostic.related {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    files
        .into_iter()
        .map(|file| {
            let source = sources.get(file);
            let all = std::iter::once((AnnotationKind::Primary, primary))
                .chain(diagnostic.related.iter().map(|label| (AnnotationKind::Context, label)));
            let labels: Vec<_> = all.filter(|(_, label)| label.span.file == file).collect();
            // Only the lines that are shown: to look through a whole file for each of its errors would cost their product.
            let lines = shown_lines(&source.text, labels.iter().map(|(_, label)| label.span.range()));
            let (first, _) = sources.line_col(Span::new(file, lines.clone()));
            let text = source.text.get(lines.clone()).unwrap_or_default();
            let mut snippet = Snippet::source(text).line_start(first).path(source.path.as_str());
            for (kind, label) in labels {
                let range = label.span.range();
                let annotation = kind.span(range.start - lines.start..range.end - lines.start);
                let text = (!label.text.is_empty()).then_some(label.text.as_str());
                snippet = snippet.annotation(annotation.label(text));
            }
            Element::from(snippet)
        })
        .collect()
}

/// The whole lines that hold all of the ranges.
fn shown_lines(text: &str, ranges: impl Iterator<Item = Range<usize>>) -> Range<usize> {
    let (start, end) = ranges.fold((usize::MAX, 0), |(start, end), range| (start.min(range.start), end.max(range.end)));
    let start = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let end = text.get(end..).and_then(|after| after.find('\n')).map_or(text.len(), |newline| end + newline);
    start..end
}

/// One line: `file:line:col: level[CODE]: message`.
pub fn concise(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let place = diagnostic.primary.as_ref().map(|primary| {
        let (line, col) = sources.line_col(primary.span);
        format!("{}:{line}:{col}: ", sources.path(primary.span.file))
    });
    let Diagnostic { code, level, message, .. } = diagnostic;
    format!("{}{}[{code}]: {message}", place.unwrap_or_default(), level.as_str())
}

/// The same with what is added to it, still one line: for places where lines are not kept apart.
pub fn line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut told = concise(diagnostic, sources);
    let notes = diagnostic.notes.iter().map(|note| ("note", note));
    for (word, text) in notes.chain(diagnostic.help.iter().map(|help| ("help", help))) {
        let text: Vec<&str> = text.split_whitespace().collect();
        told.push_str(&format!("; {word}: {}", text.join(" ")));
    }
    told
}
