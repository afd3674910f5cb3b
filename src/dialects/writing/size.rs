//! What an API server takes: how large an object may be, and how its parts are numbered and cut.
//!
//! `kubectl apply` keeps the whole object in an annotation of at most 256 KiB (kubernetes/apimachinery, the limit of all
//! annotations together).

use std::collections::BTreeSet;

use crate::lower::{MAX_NAME, shorten};

/// The largest object, in bytes of its YAML, which exceed those of its JSON.
pub const MAX_OBJECT: usize = 200 << 10;

/// Consecutive parts, none empty, of at most `max` each.
pub fn chunks<T>(items: &[T], max: usize, weight: impl Fn(&T) -> usize) -> Option<Vec<&[T]>> {
    let mut out = vec![];
    let mut rest = items;
    while !rest.is_empty() {
        let mut total = 0;
        let fits = |item: &&T| {
            total += weight(item);
            total <= max
        };
        let count = rest.iter().take_while(fits).count();
        if count == 0 {
            return None;
        }
        let (part, after) = rest.split_at(count);
        out.push(part);
        rest = after;
    }
    Some(out)
}

/// Names for the parts of an object: the first keeps `name`, others are numbered from 2 behind `mark`. `taken` are those
/// that are taken already; new ones are added.
pub fn numbered(name: &str, mark: &str, parts: usize, taken: &mut BTreeSet<String>) -> Vec<String> {
    numbered_within(MAX_NAME, name, mark, parts, taken)
}

/// The same where names may have at most `max` characters.
pub fn numbered_within(max: usize, name: &str, mark: &str, parts: usize, taken: &mut BTreeSet<String>) -> Vec<String> {
    let mut numbers = 2_usize..;
    let mut next = || loop {
        let name = shorten(&format!("{name}{mark}{}", numbers.next().unwrap_or_default()), max);
        if taken.insert(name.clone()) {
            return name;
        }
    };
    (0..parts).map(|part| if part == 0 { shorten(name, max) } else { next() }).collect()
}
