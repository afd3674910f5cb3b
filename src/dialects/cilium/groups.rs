//! CiliumCIDRGroups: the addresses of approved externals, each written once and referred to by name.
//!
//! In: externals that some rule uses. Out: for each the groups that hold exactly its addresses. Exceptions cannot stand
//! beside a reference (api/cidr.go), so they are taken out of the ranges here; a group is never empty, and never too large
//! for one object. Nor does it hold all addresses as one range, which matches none of them (cilium#39688, cilium#48366):
//! traffic of the world has no label for it, and only rules that name the range themselves are read as the world's.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::Serialize;

use crate::dialects::writing::about::Annotations;
use crate::dialects::writing::{members, size};
use crate::lower::{About, ExternalSet, shorten};
use crate::model::{ExternalId, Model};

/// The longest name: it becomes the name of a label (api/cidr.go, LabelForCIDRGroupRef), and a selector by a longer one
/// matches nothing (api/selector.go, labelSelectorToRequirements).
const MAX_NAME: usize = 63;
/// The most ranges of one group: some 100 KiB.
const MAX_RANGES: usize = 2_000;

/// The groups of all externals.
#[derive(Debug, Default)]
pub struct Groups {
    names: BTreeMap<ExternalId, Vec<String>>,
}

/// One group.
#[derive(Debug, Clone, Serialize)]
pub struct GroupView<'a> {
    /// Name of the object.
    pub name: String,
    /// Provenance: keys and texts.
    pub annotations: Annotations<'a>,
    /// Never empty.
    pub cidrs: Vec<String>,
}

/// The groups of one external, for one file.
#[derive(Debug)]
pub struct Listed<'a> {
    /// Name of the file.
    pub name: &'a str,
    /// Where the external comes from.
    pub about: &'a About,
    /// Never empty.
    pub groups: Vec<GroupView<'a>>,
}

impl Groups {
    /// Names of the groups that together hold the external's addresses.
    pub fn of(&self, external: ExternalId) -> &[String] {
        self.names.get(&external).map_or(&[], Vec::as_slice)
    }
}

/// The groups that `externals` need. `annotate` makes their annotations.
pub fn groups<'a>(
    model: &Model,
    externals: &'a [ExternalSet],
    annotate: impl Fn(&'a About) -> Annotations<'a>,
) -> (Groups, Vec<Listed<'a>>) {
    let mut taken: BTreeSet<String> = externals.iter().map(|set| shorten(&set.name, MAX_NAME)).collect();
    let mut groups = Groups::default();
    let mut listed = vec![];
    for set in externals {
        let ranges = members(&model[set.external].addresses);
        let mut views = vec![];
        let parts: Vec<&[IpNet]> = ranges.chunks(MAX_RANGES).collect();
        let names = size::numbered_within(MAX_NAME, &set.name, ".", parts.len(), &mut taken);
        for (name, part) in names.into_iter().zip(parts) {
            groups.names.entry(set.external).or_default().push(name.clone());
            let cidrs = part.iter().map(IpNet::to_string).collect();
            views.push(GroupView { name, annotations: annotate(&set.about), cidrs });
        }
        if !views.is_empty() {
            listed.push(Listed { name: &set.name, about: &set.about, groups: views });
        }
    }
    (groups, listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carved(cidrs: &[&str], except: &[&str]) -> Vec<String> {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        members(&crate::model::Cidrs::new(parse(cidrs)).minus(&parse(except))).iter().map(IpNet::to_string).collect()
    }

    #[test]
    fn exceptions_are_taken_out_exactly() {
        assert_eq!(carved(&["192.0.2.0/24"], &[]), ["192.0.2.0/24"]);
        assert_eq!(carved(&["192.0.2.0/24"], &["192.0.2.64/26"]), ["192.0.2.0/26", "192.0.2.128/25"]);
        assert_eq!(
            carved(&["192.0.2.0/29"], &["192.0.2.1/32", "192.0.2.4/31"]),
            ["192.0.2.0/32", "192.0.2.2/31", "192.0.2.6/31"]
        );
        assert_eq!(carved(&["2001:db8::/32"], &["2001:db8::/33"]), ["2001:db8:8000::/33"]);
        assert_eq!(carved(&["2001:db8::/64"], &["2001:db8::1/128"]).len(), 64);
        assert_eq!(carved(&["0.0.0.0/0"], &["0.0.0.0/1"]), ["128.0.0.0/1"]);
    }

    #[test]
    fn all_addresses_are_two_halves() {
        assert_eq!(carved(&["0.0.0.0/0", "::/0"], &[]), ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]);
    }

    #[test]
    fn long_names_fit_into_a_label_and_stay_apart() {
        let (a, b) = (format!("{}--a", "x".repeat(63)), format!("{}--b", "x".repeat(63)));
        assert!(shorten(&a, MAX_NAME).len() <= MAX_NAME && shorten(&a, MAX_NAME) != shorten(&b, MAX_NAME));
        assert_eq!(shorten("shop--payments", MAX_NAME), "shop--payments");
    }
}
