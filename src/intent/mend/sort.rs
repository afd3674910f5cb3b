//! The elements of an array in another order.
//!
//! In: a text, an array and the order. Out: each place with the element that belongs there; commas, line ends and indentation stay
//! where they are. `None` for a list that its author has divided: see [`super`].

use std::ops::Range;

use super::Splice;
use super::lines::{begins_line, byte, comments, line_end, space_after, space_before};
use super::places::ArrayPlace;

pub(super) fn sort(text: &str, array: &ArrayPlace, order: &[usize]) -> Option<Vec<Splice>> {
    let mut places = order.to_vec();
    places.sort_unstable();
    if !places.iter().copied().eq(0..array.elements.len()) {
        return None;
    }
    let (first, last) = (array.elements.first()?, array.elements.last()?);
    let before = array.range.start + 1..first.start;
    let behind = last.end..array.range.end.checked_sub(1)?;
    let between = || {
        array.elements.windows(2).filter_map(|pair| match pair {
            [a, b] => Some(a.end..b.start),
            _ => None,
        })
    };
    if between().any(|gap| is_divided(text, gap)) {
        return None;
    }
    let has_comment = |gap: Range<usize>| !comments(text, gap).is_empty();
    let mut parts: Vec<Vec<Range<usize>>> = array.elements.iter().map(|element| vec![element.clone()]).collect();
    if between().any(has_comment) || has_comment(behind.clone()) {
        for (position, element) in array.elements.iter().enumerate() {
            let tail = tail(text, element, array.commas.get(position).copied())?;
            if !begins_line(text, space_before(text, element.start)) {
                return None;
            }
            parts.get_mut(position)?.push(tail);
        }
        // One comment at most behind the last one, on its line.
        let end = parts.last()?.last()?.end;
        if has_comment(end..behind.end) {
            return None;
        }
    }
    // A comment behind the opening bracket is about the whole list; one on a line of its own may be about its beginning.
    let own_line = |comment: &Range<usize>| text.get(before.start..comment.start).is_none_or(|gap| gap.contains('\n'));
    if comments(text, before.clone()).iter().any(own_line) {
        return None;
    }
    let mut splices = vec![];
    for (place, from) in order.iter().enumerate().filter(|(place, from)| place != *from) {
        for (range, source) in parts.get(place)?.iter().zip(parts.get(*from)?) {
            splices.push(Splice { range: range.clone(), text: text.get(source.clone())?.to_owned() });
        }
    }
    Some(splices)
}

/// Whether there is a blank line or a line with nothing but a comment between two elements.
fn is_divided(text: &str, gap: Range<usize>) -> bool {
    let gap = text.get(gap).unwrap_or_default();
    gap.matches('\n').count() > 1
}

/// What follows an element and its comma on the line: white space and a comment, or nothing. `None` where anything else does.
fn tail(text: &str, element: &Range<usize>, comma: Option<usize>) -> Option<Range<usize>> {
    let start = match comma {
        Some(comma) if space_after(text, element.end) == comma => comma + 1,
        Some(_) => return None,
        None => element.end,
    };
    let at = space_after(text, start);
    if byte(text, at) == Some(b'#') {
        let line = text.get(at..)?;
        let length = line.find('\n').unwrap_or(line.len());
        let length = line.get(..length)?.trim_end_matches('\r').len();
        return Some(start..at + length);
    }
    line_end(text, at).map(|_| start..start)
}
