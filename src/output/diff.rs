//! Changes as a unified diff.
//!
//! In: changes. Out: text that `patch -p1` takes where a file has no deceptive characters; those are escaped, so that
//! nothing in a file can move a terminal's cursor.

use std::borrow::Borrow;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use rayon::prelude::*;
use similar::{Algorithm, ChangeTag, TextDiff};

use super::plan::{Change, ChangeKind};
use crate::diag::is_deceptive;

/// Lines shown around each difference.
const CONTEXT: usize = 3;

const TITLE: Style = Style::new().bold();
const HUNK: Style = AnsiColor::Cyan.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const ADDED: Style = AnsiColor::Green.on_default();

/// The changes as `diff -u` shows them, `/dev/null` for what is not there before or after, coloured if asked.
pub fn unified_diff<C: Borrow<Change> + Sync>(changes: &[C], colour: bool) -> String {
    changes.par_iter().map(|change| one(change.borrow(), colour)).collect::<Vec<_>>().concat()
}

fn one(change: &Change, colour: bool) -> String {
    let mut out = Printer { text: String::new(), colour };
    let path = escape(change.shown.as_str());
    let old = change.old_text().map_or_else(|| "/dev/null".to_owned(), |_| format!("a/{path}"));
    let new = change.new_text().map_or_else(|| "/dev/null".to_owned(), |_| format!("b/{path}"));
    out.line(TITLE, &format!("--- {old}"));
    out.line(TITLE, &format!("+++ {new}"));
    match &change.kind {
        ChangeKind::Create { new } => whole(&mut out, new, ChangeTag::Insert),
        ChangeKind::Delete { old } => whole(&mut out, old, ChangeTag::Delete),
        ChangeKind::Update { old, new } => hunks(&mut out, old, new),
    }
    out.text
}

/// A file of which every line is new, or gone: no algorithm is needed.
fn whole(out: &mut Printer, text: &str, tag: ChangeTag) {
    let count = text.split_inclusive('\n').count();
    if count == 0 {
        return;
    }
    let range = range(0, count);
    let hunk = if tag == ChangeTag::Insert { format!("-0,0 +{range}") } else { format!("-{range} +0,0") };
    out.line(HUNK, &format!("@@ {hunk} @@"));
    for line in text.split_inclusive('\n') {
        out.change(tag, line);
    }
}

fn hunks(out: &mut Printer, old: &str, new: &str) {
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).diff_lines(old, new);
    for group in diff.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let span = |a: std::ops::Range<usize>, b: std::ops::Range<usize>| range(a.start, b.end - a.start);
        let (old, new) = (span(first.old_range(), last.old_range()), span(first.new_range(), last.new_range()));
        out.line(HUNK, &format!("@@ -{old} +{new} @@"));
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            out.change(change.tag(), change.value());
        }
    }
}

/// A range of lines as hunks name it: an empty one by the line before it, a single one without its length.
fn range(start: usize, len: usize) -> String {
    match len {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        len => format!("{},{len}", start + 1),
    }
}

struct Printer {
    text: String,
    colour: bool,
}

impl Printer {
    fn line(&mut self, style: Style, line: &str) {
        // Writing to a string cannot fail.
        let _ = if self.colour { writeln!(self.text, "{style}{line}{style:#}") } else { writeln!(self.text, "{line}") };
    }

    fn change(&mut self, tag: ChangeTag, line: &str) {
        let (sign, style) = match tag {
            ChangeTag::Equal => (' ', Style::new()),
            ChangeTag::Delete => ('-', REMOVED),
            ChangeTag::Insert => ('+', ADDED),
        };
        let text = line.strip_suffix('\n').unwrap_or(line);
        self.line(style, &format!("{sign}{}", escape(text)));
        if !line.ends_with('\n') {
            self.line(Style::new(), "\\ No newline at end of file");
        }
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\t' && is_deceptive(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}
