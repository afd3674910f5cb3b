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

/// Pieces in their order, put into objects of at most `room` weight and `most` pieces each. A piece that alone is heavier
/// has an object of its own: it was cut as small as it can be.
pub fn pack<T>(
    pieces: impl IntoIterator<Item = T>,
    room: usize,
    most: usize,
    weight: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let mut objects: Vec<Vec<T>> = vec![];
    let mut left = 0;
    for piece in pieces {
        let weight = weight(&piece);
        match objects.last_mut().filter(|object| weight <= left && object.len() < most) {
            Some(object) => object.push(piece),
            None => {
                objects.push(vec![piece]);
                left = room;
            }
        }
        left = left.saturating_sub(weight);
    }
    objects
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_order_and_objects_their_bounds() {
        let pack = |room, most| pack([3, 3, 3, 1, 1, 1, 1, 9, 2], room, most, |piece: &usize| *piece);
        assert_eq!(pack(100, 100).len(), 1);
        // What alone is too heavy stands alone.
        assert_eq!(pack(6, 100), [vec![3, 3], vec![3, 1, 1, 1], vec![1], vec![9], vec![2]]);
        assert_eq!(pack(100, 4), [vec![3, 3, 3, 1], vec![1, 1, 1, 9], vec![2]]);
        assert!(super::pack::<usize>([], 1, 1, |_| 1).is_empty());
    }

    #[test]
    fn parts_are_numbered_past_names_that_are_taken() {
        let mut taken = BTreeSet::from(["p".to_owned(), "p.2".to_owned()]);
        assert_eq!(numbered("p", ".", 3, &mut taken), ["p", "p.3", "p.4"]);
        let long = numbered_within(20, &"p".repeat(30), ".", 2, &mut taken);
        assert!(long.iter().all(|name| name.len() <= 20) && long[0] != long[1], "{long:?}");
    }
}
