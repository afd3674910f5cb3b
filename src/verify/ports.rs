//! Sets of ports, exact: unions of disjoint intervals in one canonical form.

use std::fmt;

use super::normal::Ports;
use crate::model::Protocol;

/// A set of ports. Two sets are equal exactly when they hold the same ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PortSet {
    /// Sorted, disjoint, neighbours merged; 1 ≤ first ≤ last.
    ranges: Vec<Ports>,
}

impl PortSet {
    /// The union of some ranges. Port 0 and reversed ranges hold nothing.
    pub fn new(ranges: impl IntoIterator<Item = Ports>) -> Self {
        let mut ranges: Vec<Ports> = ranges
            .into_iter()
            .map(|r| Ports { first: r.first.max(1), ..r })
            .filter(|range| range.first <= range.last)
            .collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let touch = kept.protocol == next.protocol && next.first <= kept.last.saturating_add(1);
            if touch {
                kept.last = kept.last.max(next.last);
            }
            touch
        });
        Self { ranges }
    }

    /// Every port of every protocol.
    pub fn every() -> Self {
        Self::new(Ports::every())
    }

    /// The intervals, in order.
    pub fn ranges(&self) -> &[Ports] {
        &self.ranges
    }

    /// Whether no port is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether one port is in it.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.ranges.iter().any(|r| r.protocol == protocol && r.first <= port && port <= r.last)
    }

    /// Adds ports.
    pub fn add(&mut self, other: &Self) {
        if self.is_empty() {
            self.ranges.clone_from(&other.ranges);
        } else if !other.is_empty() && self != other {
            *self = Self::new(self.ranges.iter().chain(&other.ranges).copied());
        }
    }

    /// The ports in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let both = |a: &Ports, b: &Ports| {
            let (first, last) = (a.first.max(b.first), a.last.min(b.last));
            (a.protocol == b.protocol && first <= last).then_some(Ports { protocol: a.protocol, first, last })
        };
        Self::new(self.ranges.iter().flat_map(|a| other.ranges.iter().filter_map(move |b| both(a, b))))
    }

    /// The ports of `self` that are not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = vec![];
        for range in &self.ranges {
            // Where the rest of the range starts; wider than a port, as it may run past the last one.
            let mut from = u32::from(range.first);
            for hole in other.ranges.iter().filter(|hole| hole.protocol == range.protocol) {
                let before = u32::from(hole.first).saturating_sub(1).min(u32::from(range.last));
                if from <= before {
                    left.push((range.protocol, from, before));
                }
                from = from.max(u32::from(hole.last) + 1);
            }
            if from <= u32::from(range.last) {
                left.push((range.protocol, from, u32::from(range.last)));
            }
        }
        let narrow = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        Self::new(left.into_iter().map(|(protocol, first, last)| Ports {
            protocol,
            first: narrow(first),
            last: narrow(last),
        }))
    }

    /// The lowest port of the first protocol.
    pub fn first(&self) -> Option<(Protocol, u16)> {
        self.ranges.first().map(|range| (range.protocol, range.first))
    }
}

/// `80/TCP, 8000-8100/TCP`; `all/UDP` for every port of a protocol, `all` for every port.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::every() {
            return f.write_str("all");
        }
        for (i, Ports { protocol, first, last }) in self.ranges.iter().enumerate() {
            let (comma, protocol) = (if i > 0 { ", " } else { "" }, protocol.as_str());
            match (*first == 1 && *last == u16::MAX, first == last) {
                (true, _) => write!(f, "{comma}all/{protocol}")?,
                (_, true) => write!(f, "{comma}{first}/{protocol}")?,
                _ => write!(f, "{comma}{first}-{last}/{protocol}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tcp(first: u16, last: u16) -> Ports {
        Ports { protocol: Protocol::Tcp, first, last }
    }

    #[test]
    fn neighbours_and_overlaps_merge_but_protocols_stay_apart() {
        let set = PortSet::new([
            tcp(80, 80),
            tcp(81, 90),
            tcp(85, 95),
            Ports { protocol: Protocol::Udp, first: 96, last: 96 },
        ]);
        assert_eq!(set.to_string(), "80-95/TCP, 96/UDP");
        assert_eq!(PortSet::new([tcp(1, 1000), tcp(1001, u16::MAX)]).to_string(), "all/TCP");
        assert_eq!(PortSet::every().to_string(), "all");
    }

    #[test]
    fn the_last_port_does_not_wrap() {
        let all = PortSet::new([tcp(1, u16::MAX)]);
        assert_eq!(all.minus(&PortSet::new([tcp(u16::MAX, u16::MAX)])).to_string(), "1-65534/TCP");
        assert!(PortSet::new([tcp(9, 9)]).minus(&all).is_empty());
    }

    fn any_set() -> impl Strategy<Value = PortSet> {
        let range = (0..3usize, 1..12u16, 0..4u16).prop_map(|(p, first, more)| Ports {
            protocol: Protocol::ALL[p],
            first,
            last: first + more,
        });
        proptest::collection::vec(range, 0..5).prop_map(PortSet::new)
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_sets(a in any_set(), b in any_set()) {
            let mut sum = a.clone();
            sum.add(&b);
            for protocol in Protocol::ALL {
                for port in 1..20 {
                    let (x, y) = (a.contains(protocol, port), b.contains(protocol, port));
                    prop_assert_eq!(sum.contains(protocol, port), x || y);
                    prop_assert_eq!(a.and(&b).contains(protocol, port), x && y);
                    prop_assert_eq!(a.minus(&b).contains(protocol, port), x && !y);
                }
            }
            prop_assert_eq!(a == b, a.minus(&b).is_empty() && b.minus(&a).is_empty());
        }
    }
}
