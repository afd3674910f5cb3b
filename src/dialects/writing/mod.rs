//! What the writers of all dialects share: provenance, the order of roll-out, the layout of folders, and the splitting of what is too large.
//!
//! In: policies neutral of a dialect. Out: parts of what templates see. No reader uses any of this.

pub mod about;
pub mod layout;
pub mod size;
pub mod turn;

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use ipnet::IpNet;
use serde::{Serialize, Serializer};

use crate::lower::Few;
use crate::model::{Cidrs, Labels};

/// Labels as a template loops over them: keys and values.
pub type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// Labels as a template loops over them.
pub fn pairs(labels: &Labels) -> Pairs<'_> {
    labels.iter().map(|(key, value)| (&**key, &**value)).collect()
}

/// A range that becomes a text where it is written, not before.
pub struct Written<'a>(pub &'a IpNet);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// Leaves out what was there before.
pub fn once<T: Clone + Ord>(items: &mut Vec<T>) {
    if items.len() > 1 {
        let mut seen = BTreeSet::new();
        items.retain(|item| seen.insert(item.clone()));
    }
}

/// The intents behind some policies of a file, each once: hundreds of policies come from a few.
#[derive(Debug, Default)]
pub struct Intents<'a>(BTreeSet<&'a str>);

impl<'a> Intents<'a> {
    /// Adds those of a policy.
    pub fn extend(&mut self, paths: &'a Few<Utf8PathBuf>) {
        self.0.extend(paths.iter().map(|path| path.as_str()));
    }

    /// All, in the order of paths.
    pub fn paths(self) -> Vec<Utf8PathBuf> {
        let mut paths: Vec<Utf8PathBuf> = self.0.into_iter().map(Utf8PathBuf::from).collect();
        paths.sort();
        paths
    }
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
