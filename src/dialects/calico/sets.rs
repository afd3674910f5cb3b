//! Approved externals as global network sets.
//!
//! In: the externals that rules use. Out: their sets, each of one address family, and the selectors by which rules find
//! them. Rules ask for the labels beside `global()`, which no pod satisfies: whoever sets a pod's labels gains nothing.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::Serialize;

use super::selector::{self, Unsayable};
use crate::dialects::writing::about::{self, Annotations};
use crate::dialects::writing::{members, size, turn};
use crate::lower::{ExternalSet, MAX_NAME, shorten};
use crate::model::{ExternalId, Labels, Model};

/// The label that names the external.
const EXTERNAL: &str = "netpolc.dev/external";
/// The label that tells the address family.
const FAMILY: &str = "netpolc.dev/family";
/// Its values.
const FAMILIES: [&str; 2] = ["v4", "v6"];
/// The longest value of a label.
const MAX_LABEL: usize = 63;
/// The most ranges of one object: each is one line, and the whole stays below what `kubectl apply` keeps of an object
/// (256 KiB, see the limits of objects).
const MAX_NETS: usize = 3_000;

/// One GlobalNetworkSet.
#[derive(Debug, Clone, Serialize)]
pub struct SetView<'a> {
    /// Name of the object.
    pub name: String,
    /// The labels by which rules find it.
    pub labels: Vec<(&'static str, String)>,
    /// Provenance: keys and texts.
    pub annotations: Annotations<'a>,
    /// Ranges of one family; never empty.
    pub nets: Vec<String>,
}

/// The sets of all externals.
#[derive(Debug, Default)]
pub struct Sets<'m> {
    /// Families and labels by external.
    labels: BTreeMap<ExternalId, Vec<Labels>>,
    /// Never without objects.
    objects: Vec<(&'m ExternalSet, Vec<SetView<'m>>)>,
}

impl<'m> Sets<'m> {
    /// Sets of the externals that have addresses.
    pub fn new(model: &Model, externals: &'m [ExternalSet]) -> Self {
        let base = |external: &ExternalSet, family| shorten(&format!("{}-{family}", external.name), MAX_NAME);
        let mut sets = Self::default();
        let mut taken: BTreeSet<String> =
            externals.iter().flat_map(|external| FAMILIES.map(|family| base(external, family))).collect();
        for external in externals {
            let nets = members(&model[external.external].addresses);
            let mut objects = vec![];
            for family in FAMILIES {
                let of_family = |net: &&IpNet| matches!(net, IpNet::V4(_)) == (family == "v4");
                let nets: Vec<String> = nets.iter().filter(of_family).map(IpNet::to_string).collect();
                let labels = [(EXTERNAL, shorten(&external.name, MAX_LABEL)), (FAMILY, family.to_owned())];
                let selected = Labels::new(labels.iter().map(|(key, value)| ((*key).into(), value.as_str().into())));
                if !nets.is_empty() {
                    sets.labels.entry(external.external).or_default().push(selected);
                }
                let parts: Vec<&[String]> = nets.chunks(MAX_NETS).collect();
                let names = size::numbered(&base(external, family), "--", parts.len(), &mut taken);
                objects.extend(names.into_iter().zip(parts).map(|(name, nets)| SetView {
                    name,
                    labels: labels.to_vec(),
                    annotations: about::annotations(&external.about, turn::REFERRED),
                    nets: nets.to_vec(),
                }));
            }
            if !objects.is_empty() {
                sets.objects.push((external, objects));
            }
        }
        sets
    }

    /// What rules ask for, one selector for each family.
    pub fn selectors(&self, id: ExternalId) -> Result<Vec<String>, Unsayable> {
        self.labels.get(&id).into_iter().flatten().map(selector::pods).collect()
    }

    /// The externals, each with its objects.
    pub fn objects(&self) -> &[(&'m ExternalSet, Vec<SetView<'m>>)] {
        &self.objects
    }
}
