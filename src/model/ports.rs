//! Ports of pods: protocols and ranges, valid by construction.

use std::fmt;

/// A transport protocol that the targets can police.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// All of them, in the order of output.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// `TCP`, `UDP` or `SCTP`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

/// Ports `first` to `last` of a protocol, both included; 1 ≤ first ≤ last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// The protocol.
    pub protocol: Protocol,
    /// Lowest port, from 1.
    pub first: u16,
    /// Highest port.
    pub last: u16,
}

impl PortRange {
    /// A range; `None` when it holds port 0 or is reversed.
    pub fn new(protocol: Protocol, first: u16, last: u16) -> Option<Self> {
        (first > 0 && first <= last).then_some(Self { protocol, first, last })
    }

    /// Every port of a protocol.
    pub fn all(protocol: Protocol) -> Self {
        Self { protocol, first: 1, last: u16::MAX }
    }

    /// Whether it is every port of its protocol.
    pub fn is_all(self) -> bool {
        self.first == 1 && self.last == u16::MAX
    }

    /// Whether every port of another range is in this one.
    pub fn holds(self, other: Self) -> bool {
        self.protocol == other.protocol && self.first <= other.first && other.last <= self.last
    }

    /// Whether some port is in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.protocol == other.protocol && self.first <= other.last && other.first <= self.last
    }

    /// Sorted, with overlapping ranges merged. Neighbours stay apart, as their author wrote them: merged they would
    /// need `endPort`, which not every CNI enforces.
    pub fn normalize(mut ranges: Vec<Self>) -> Vec<Self> {
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let merge = kept.overlaps(*next);
            if merge {
                kept.last = kept.last.max(next.last);
            }
            merge
        });
        ranges
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol.as_str();
        match (self.is_all(), self.first == self.last) {
            (true, _) => write!(f, "all/{protocol}"),
            (_, true) => write!(f, "{}/{protocol}", self.first),
            _ => write!(f, "{}-{}/{protocol}", self.first, self.last),
        }
    }
}
