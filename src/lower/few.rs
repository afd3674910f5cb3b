//! A sorted set of mostly one: provenance, of which every policy carries some.

/// Each entry once, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Few<T>(Held<T>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Held<T> {
    One(T),
    /// None, or more than one.
    Many(Vec<T>),
}

impl<T> Few<T> {
    /// The entries.
    pub fn as_slice(&self) -> &[T] {
        match &self.0 {
            Held::One(one) => std::slice::from_ref(one),
            Held::Many(many) => many,
        }
    }

    /// The entries, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }
}

impl<T: Ord> Few<T> {
    /// Adds one, if it is not there.
    pub fn insert(&mut self, entry: T) {
        let Err(at) = self.as_slice().binary_search(&entry) else { return };
        self.0 = match std::mem::replace(&mut self.0, Held::Many(vec![])) {
            Held::Many(many) if many.is_empty() => Held::One(entry),
            Held::Many(mut many) => {
                many.insert(at, entry);
                Held::Many(many)
            }
            Held::One(one) if at == 0 => Held::Many(vec![entry, one]),
            Held::One(one) => Held::Many(vec![one, entry]),
        };
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Held::Many(vec![]))
    }
}

impl<T: Ord> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut entries: Vec<T> = entries.into_iter().collect();
        entries.sort_unstable();
        entries.dedup();
        match entries.len() {
            1 => entries.pop().map_or_else(Self::default, |one| Self(Held::One(one))),
            _ => Self(Held::Many(entries)),
        }
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for Few<T> {
    fn from(entries: [T; N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<T: Ord> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.insert(entry));
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        match self.0 {
            Held::One(one) => vec![one].into_iter(),
            Held::Many(many) => many.into_iter(),
        }
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::Few;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_sorted_set(entries in proptest::collection::vec(0..6_u8, 0..8)) {
            let set: BTreeSet<u8> = entries.iter().copied().collect();
            let (mut one_by_one, at_once) = (Few::default(), entries.iter().copied().collect::<Few<u8>>());
            one_by_one.extend(entries);
            prop_assert_eq!(&one_by_one, &at_once);
            prop_assert_eq!(one_by_one.is_empty(), set.is_empty());
            prop_assert_eq!(one_by_one.into_iter().collect::<Vec<_>>(), set.into_iter().collect::<Vec<_>>());
        }
    }
}
