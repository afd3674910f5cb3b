//! Address ranges with exceptions, as ranges without.
//!
//! In: a block and what it leaves out. Out: the fewest prefixes that hold the rest, sorted; never one address more or
//! less. Network sets know no exceptions, and a rule only so many.

use ipnet::IpNet;

use crate::model::address::Block;

/// The prefixes of a block.
pub fn prefixes(block: &Block) -> Vec<IpNet> {
    let mut out = vec![];
    carve(block.cidr, &block.except, &mut out);
    out
}

/// At most as deep as an address has bits.
fn carve(range: IpNet, holes: &[IpNet], out: &mut Vec<IpNet>) {
    if holes.iter().any(|hole| hole.contains(&range)) {
        return;
    }
    let inside: Vec<IpNet> = holes.iter().filter(|hole| range.contains(*hole)).copied().collect();
    if inside.is_empty() {
        out.push(range);
        return;
    }
    // A range that holds a narrower one has two halves.
    for half in range.subnets(range.prefix_len().saturating_add(1)).into_iter().flatten() {
        carve(half, &inside, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cidr: &str, except: &[&str]) -> Vec<String> {
        let except = except.iter().map(|range| range.parse().unwrap()).collect();
        prefixes(&Block { cidr: cidr.parse().unwrap(), except }).iter().map(IpNet::to_string).collect()
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
