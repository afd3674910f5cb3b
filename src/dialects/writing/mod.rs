//! What the writers of all dialects share: provenance, the order of roll-out, the layout of folders, and the splitting of what is too large.
//!
//! In: policies neutral of a dialect. Out: parts of what templates see. No reader uses any of this.

pub mod about;
pub mod layout;
pub mod size;
pub mod turn;

use ipnet::IpNet;

use crate::model::{Cidrs, Labels};

/// Labels as a template loops over them: keys and values.
pub type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// Labels as a template loops over them.
pub fn pairs(labels: &Labels) -> Pairs<'_> {
    labels.iter().map(|(key, value)| (&**key, &**value)).collect()
}

/// Addresses as members of a set that knows no exceptions: sorted, disjoint, exactly these. Everything is two halves: a
/// range of mask 0 is none of the kernel's sets (projectcalico/calico#13477), and matches nothing as a member of Cilium's
/// groups (cilium/cilium#39688, #48366).
pub fn members(addresses: &Cidrs) -> Vec<IpNet> {
    let halves = |range: IpNet| match range.prefix_len() {
        0 => range.subnets(1).into_iter().flatten().collect(),
        _ => vec![range],
    };
    addresses.prefixes().into_iter().flat_map(halves).collect()
}
