//! Address ranges: canonical CIDRs, and the ranges with a meaning of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits))
}

const fn v6(first: u16, bits: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0), bits))
}

/// Private and link-local space: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291.
pub const PRIVATE: [IpNet; 7] = [
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v6(0xfc00, 7),
    v6(0xfe80, 10),
];

/// Link-local space, a part of [`PRIVATE`]: no pod or Service has such an address.
pub const LINK_LOCAL: [IpNet; 2] = [v4(169, 254, 0, 0, 16), v6(0xfe80, 10)];

/// Metadata endpoints of clouds: whoever reaches one may get credentials of the node.
pub const METADATA: [(&str, IpAddr); 7] = [
    ("the cloud metadata service", IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254))),
    ("the ECS task metadata service", IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2))),
    ("the EKS Pod Identity agent", IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23))),
    ("the Azure platform address", IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16))),
    ("the Alibaba metadata service", IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200))),
    ("the EC2 metadata service", IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))),
    ("the EKS Pod Identity agent", IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23))),
];

/// The addresses of [`METADATA`] as ranges of one.
pub fn metadata_hosts() -> Vec<IpNet> {
    METADATA.iter().map(|(_, host)| IpNet::from(*host)).collect()
}

/// Ranges that no pod traffic goes to: unspecified, loopback, multicast, reserved and broadcast.
pub const SPECIAL: [(&str, IpNet); 7] = [
    ("the unspecified network", v4(0, 0, 0, 0, 8)),
    ("loopback", v4(127, 0, 0, 0, 8)),
    ("multicast", v4(224, 0, 0, 0, 4)),
    ("reserved or broadcast", v4(240, 0, 0, 0, 4)),
    ("the unspecified address", IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128))),
    ("loopback", IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128))),
    ("multicast", v6(0xff00, 8)),
];

/// Whether two ranges share an address.
pub fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// A union of blocks, each less its exceptions; sorted by block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cidrs {
    /// The blocks: disjoint, sorted.
    pub blocks: Vec<Block>,
}

/// A range less some ranges inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// The range.
    pub cidr: IpNet,
    /// What is left out: inside `cidr`, narrower than it, disjoint, sorted.
    pub except: Vec<IpNet>,
}

impl Cidrs {
    /// A union of ranges; those inside others vanish.
    pub fn new(ranges: impl IntoIterator<Item = IpNet>) -> Self {
        let blocks = IpNet::aggregate_contained(ranges);
        Self { blocks: blocks.into_iter().map(|cidr| Block { cidr, except: vec![] }).collect() }
    }

    /// Every IPv4 and IPv6 address.
    pub fn everything() -> Self {
        Self::new([IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())])
    }

    /// The same less some ranges. A block that is left out whole vanishes.
    #[must_use]
    pub fn minus(&self, ranges: &[IpNet]) -> Self {
        let mut blocks = vec![];
        for block in &self.blocks {
            if ranges.iter().any(|range| range.contains(&block.cidr)) {
                continue;
            }
            let inside = ranges.iter().filter(|range| block.cidr.contains(*range)).copied();
            let except = IpNet::aggregate_contained(block.except.iter().copied().chain(inside));
            // What is left out may add up to the whole block.
            if IpNet::aggregate(&except).contains(&block.cidr) {
                continue;
            }
            blocks.push(Block { cidr: block.cidr, except });
        }
        Self { blocks }
    }

    /// The same as ranges without exceptions, as few as possible: what is left of each block is cut at its exceptions.
    pub fn prefixes(&self) -> Vec<IpNet> {
        let mut out = vec![];
        for block in &self.blocks {
            let mut open = vec![block.cidr];
            while let Some(range) = open.pop() {
                // Exceptions are sorted and disjoint: one that holds the range is the last one not behind it, and one inside
                // it the first one behind it.
                let behind = block.except.partition_point(|hole| *hole <= range);
                let (before, after) = block.except.split_at(behind);
                if before.last().is_some_and(|hole| hole.contains(&range)) {
                    continue;
                }
                match after.first().is_some_and(|hole| range.contains(hole)) {
                    // A range that holds a narrower one has two halves.
                    true => open.extend(range.subnets(range.prefix_len() + 1).into_iter().flatten()),
                    false => out.push(range),
                }
            }
        }
        out.sort_unstable();
        out
    }

    /// Whether no address is left.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Whether some address of `range` is among them.
    pub fn overlaps(&self, range: &IpNet) -> bool {
        self.blocks.iter().any(|block| {
            overlap(&block.cidr, range) && {
                let inner = if block.cidr.contains(range) { range } else { &block.cidr };
                let except: Vec<IpNet> = block.except.iter().filter(|e| overlap(e, inner)).copied().collect();
                !except.iter().any(|e| e.contains(inner))
                    && !IpNet::aggregate(&except).iter().any(|e| e.contains(inner))
            }
        })
    }

    /// Some address that is among them.
    pub fn first(&self) -> Option<IpAddr> {
        self.blocks.iter().find_map(|block| {
            // Of everything, an address that hosts really have shows better than 0.0.0.0.
            let host = match block.cidr {
                IpNet::V4(_) => IpAddr::V4(Ipv4Addr::new(1, 0, 0, 0)),
                IpNet::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0)),
            };
            let start = if block.cidr.prefix_len() == 0 { host } else { block.cidr.network() };
            let free = |address: &IpAddr| !block.except.iter().any(|except| except.contains(address));
            let ends = block.except.iter().filter_map(after).filter(|address| block.cidr.contains(address));
            std::iter::once(start).chain(std::iter::once(block.cidr.network())).chain(ends).find(free)
        })
    }
}

/// The address after the last one of a range.
fn after(range: &IpNet) -> Option<IpAddr> {
    match range.broadcast() {
        IpAddr::V4(last) => u32::from(last).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(last) => u128::from(last).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}

trait AggregateContained {
    fn aggregate_contained(ranges: impl IntoIterator<Item = IpNet>) -> Vec<IpNet>;
}

impl AggregateContained for IpNet {
    /// Sorted, without ranges inside others. Unlike `aggregate`, neighbours stay apart, as their author wrote them.
    fn aggregate_contained(ranges: impl IntoIterator<Item = IpNet>) -> Vec<IpNet> {
        let mut sorted: Vec<IpNet> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut kept: Vec<IpNet> = Vec::with_capacity(sorted.len());
        for range in sorted {
            // Sorted by address, then mask, and ranges are nested or disjoint: only the last one kept can hold it.
            if !kept.last().is_some_and(|k| k.contains(&range)) {
                kept.push(range);
            }
        }
        kept
    }
}

impl Cidrs {
    /// The same less all addresses of another union.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = self.clone();
        for cut in &other.blocks {
            let mut blocks = left.minus(&[cut.cidr]).blocks;
            // What the other one leaves out of its block stays.
            for (block, hole) in left.blocks.iter().flat_map(|block| cut.except.iter().map(move |hole| (block, hole))) {
                let inner = if block.cidr.contains(hole) { *hole } else { block.cidr };
                if overlap(&block.cidr, hole) {
                    blocks.extend(Self::new([inner]).minus(&block.except).blocks);
                }
            }
            blocks.sort();
            left = Self { blocks };
        }
        left
    }

    /// Some address that is in both, if there is one.
    pub fn common(&self, other: &Self) -> Option<IpAddr> {
        self.blocks.iter().flat_map(|a| other.blocks.iter().map(move |b| (a, b))).find_map(|(a, b)| {
            let inner = match (a.cidr.contains(&b.cidr), b.cidr.contains(&a.cidr)) {
                (true, _) => b.cidr,
                (_, true) => a.cidr,
                _ => return None,
            };
            let except: Vec<IpNet> = a.except.iter().chain(&b.except).copied().collect();
            Self::new([inner]).minus(&except).first()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cidr: &str, except: &[&str]) -> Vec<String> {
        let except: Vec<IpNet> = except.iter().map(|range| range.parse().unwrap()).collect();
        Cidrs::new([cidr.parse().unwrap()]).minus(&except).prefixes().iter().map(IpNet::to_string).collect()
    }

    #[test]
    fn what_is_left_out_is_carved_out_exactly() {
        assert_eq!(of("203.0.113.0/24", &[]), ["203.0.113.0/24"]);
        assert_eq!(
            of("203.0.113.0/24", &["203.0.113.64/26", "203.0.113.1/32"]),
            [
                "203.0.113.0/32",
                "203.0.113.2/31",
                "203.0.113.4/30",
                "203.0.113.8/29",
                "203.0.113.16/28",
                "203.0.113.32/27",
                "203.0.113.128/25"
            ]
        );
        assert_eq!(of("2001:db8::/127", &["2001:db8::/128"]), ["2001:db8::1/128"]);
    }

    #[test]
    fn holes_that_add_up_to_the_range_leave_nothing() {
        assert!(of("203.0.113.0/31", &["203.0.113.0/32", "203.0.113.1/32"]).is_empty());
    }

    #[test]
    fn a_hole_at_the_bottom_of_everything_costs_one_prefix_a_bit() {
        assert_eq!(of("::/0", &["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"]).len(), 128);
    }
}
