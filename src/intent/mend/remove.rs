//! Elements taken out of a list.
//!
//! In: a text, and what shall go. Out: the cuts. Comments stay.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Splice;
use super::lines::{begins_line, byte, comments, line_end, line_start, newline, next_line, space_after, space_before};
use super::places::ArrayPlace;

/// Takes elements out of an array; at least one stays.
pub(super) fn elements(text: &str, array: &ArrayPlace, gone: &BTreeSet<usize>) -> Vec<Splice> {
    let mut splices = vec![];
    // The comma behind the last one that stays was there because another followed.
    let last_kept = (0..array.elements.len()).rev().find(|position| !gone.contains(position));
    let trailing = array.commas.len() == array.elements.len();
    let comma =
        last_kept.filter(|last| !trailing && last + 1 < array.elements.len()).and_then(|last| array.commas.get(last));
    splices.extend(comma.map(|comma| Splice::delete(*comma..comma + 1)));
    for position in gone {
        if let Some(element) = array.elements.get(*position) {
            let last = position + 1 == array.elements.len() || gone.contains(&(position + 1));
            element_and_comma(text, element, array.commas.get(*position).copied(), last, &mut splices);
        }
    }
    splices
}

/// `last`: no element that stays follows it directly.
fn element_and_comma(text: &str, element: &Range<usize>, comma: Option<usize>, last: bool, splices: &mut Vec<Splice>) {
    let mut end = element.end;
    match comma {
        Some(comma) if space_after(text, end) == comma => end = comma + 1,
        // A comma on another line, with a comment before it or without: what stands between stays.
        Some(comma) => splices.push(Splice::delete(comma..comma + 1)),
        None => {}
    }
    let kept = comments(text, element.clone());
    let start = space_before(text, element.start);
    let indent = text.get(start..element.start).unwrap_or_default();
    let alone = begins_line(text, start);
    let next = space_after(text, end);
    let line_end = line_end(text, next);
    if !kept.is_empty() {
        let lines: Vec<&str> = kept.into_iter().filter_map(|range| text.get(range)).collect();
        let joined = lines.join(&format!("{}{indent}", newline(text)));
        // A comment goes on to the end of its line, so nothing else may follow on it.
        let after = if line_end.is_some() { String::new() } else { format!("{}{indent}", newline(text)) };
        splices.push(Splice { range: element.start..next, text: format!("{joined}{after}") });
        return;
    }
    let range = match (line_end, byte(text, next)) {
        // A line of its own goes whole.
        (Some(line_end), _) if alone => start..line_end.end,
        (Some(_), _) => start..end,
        (None, following) if last && following != Some(b'#') => start..end,
        // What follows on the line takes its place.
        (None, _) => element.start..next,
    };
    splices.push(Splice::delete(range));
}

/// Takes out tables: the lines of their sections.
pub(super) fn sections(text: &str, sections: &[Range<usize>]) -> Vec<Splice> {
    let mut all: Vec<Range<usize>> =
        sections.iter().map(|section| line_start(text, section.start)..next_line(text, section.end)).collect();
    all.sort_unstable_by_key(|lines| lines.start);
    // Neighbours go together, with what parts them.
    let mut joined: Vec<Range<usize>> = vec![];
    for next in all {
        let is_blank = |range: Range<usize>| text.get(range).is_some_and(|gap| gap.trim().is_empty());
        match joined.last_mut().filter(|last| is_blank(last.end..next.start)) {
            Some(last) => last.end = next.end,
            None => joined.push(next),
        }
    }
    joined.into_iter().map(|range| lines(text, range)).collect()
}

/// Takes out whole lines but their comments, and the blank lines that parted them from what follows.
fn lines(text: &str, mut range: Range<usize>) -> Splice {
    let mut kept = String::new();
    for comment in comments(text, range.clone()) {
        let line = line_start(text, comment.start);
        // A comment on a line of its own keeps its indentation.
        let start = if space_after(text, line) == comment.start { line } else { comment.start };
        kept.push_str(text.get(start..next_line(text, comment.end)).unwrap_or_default());
    }
    let is_blank = |at: usize| at < text.len() && line_end(text, space_after(text, at)).is_some();
    let above = range.start.checked_sub(1).filter(|_| !begins_text(text, range.start)).map(|at| line_start(text, at));
    let commented = above.is_some_and(|line| byte(text, space_after(text, line)) == Some(b'#'));
    if !kept.is_empty() || commented {
        // A comment that lost what it is about must not seem to be about what follows.
        if range.end < text.len() && !is_blank(range.end) {
            kept.push_str(newline(text));
        }
    } else if above.is_none_or(is_blank) {
        while is_blank(range.end) {
            range.end = next_line(text, range.end);
        }
        while range.end == text.len() && !begins_text(text, range.start) && is_blank(line_start(text, range.start - 1))
        {
            range.start = line_start(text, range.start - 1);
        }
    }
    Splice { range, text: kept }
}

fn begins_text(text: &str, at: usize) -> bool {
    at == 0 || text.get(..at) == Some("\u{feff}")
}
