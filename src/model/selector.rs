//! Groups of pods: conjunctions of label equalities, and the namespaces they are looked for in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Sym;

/// The label that names a namespace: the API server sets it itself and lets nobody change it (KEP-2161), so nobody can take
/// another's name.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Labels that a pod or namespace must carry, each key once, sorted by key. Cheap to clone. Empty selects everything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Labels(Arc<[(Sym, Sym)]>);

impl Labels {
    /// The last value given for a key wins; callers have refused duplicate keys before.
    pub fn new(pairs: impl IntoIterator<Item = (Sym, Sym)>) -> Self {
        let mut pairs: Vec<(Sym, Sym)> = pairs.into_iter().collect();
        if !pairs.is_sorted_by(|(a, _), (b, _)| a < b) {
            let map: BTreeMap<Sym, Sym> = pairs.into_iter().collect();
            pairs = map.into_iter().collect();
        }
        if pairs.is_empty() { Self::default() } else { Self(pairs.into()) }
    }

    /// Key and value, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Sym, &Sym)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The value asked for a key.
    pub fn get(&self, key: &str) -> Option<&Sym> {
        self.iter().find(|(k, _)| &***k == key).map(|(_, value)| value)
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many labels are asked for.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether every pod that `other` selects is selected by `self` too: all labels of `self` are in `other`.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|(key, value)| other.get(key) == Some(value))
    }

    /// Whether some pod (one value a key) can satisfy both.
    pub fn compatible(&self, other: &Self) -> bool {
        self.iter().all(|(key, value)| other.get(key).is_none_or(|v| v == value))
    }

    /// The labels of the least pod that satisfies both; `None` when there is none.
    pub fn merge(&self, other: &Self) -> Option<Self> {
        self.compatible(other).then(|| Self::new(self.0.iter().chain(other.0.iter()).cloned()))
    }
}

/// `app=web,track=stable`, or `*` for everything.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("*");
        }
        for (i, (key, value)) in self.iter().enumerate() {
            write!(f, "{}{key}={value}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// Namespaces, by name or by label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamespaceSet {
    /// Every namespace.
    All,
    /// These; sorted, never empty.
    Names(Vec<Sym>),
    /// Those that carry all these labels; never empty.
    Labels(Labels),
}

impl NamespaceSet {
    /// The names, when it is a list of names.
    pub fn names(&self) -> &[Sym] {
        match self {
            Self::Names(names) => names,
            Self::All | Self::Labels(_) => &[],
        }
    }

    /// Whether a namespace of this name can be among them, whatever its labels are.
    pub fn may_hold(&self, name: &str) -> bool {
        match self {
            Self::All | Self::Labels(_) => true,
            Self::Names(names) => names.iter().any(|n| &**n == name),
        }
    }
}

/// Pods: those in some namespaces that carry some labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodSet {
    /// Where.
    pub namespaces: NamespaceSet,
    /// Which labels all of them carry.
    pub labels: Labels,
}

impl PodSet {
    /// Whether some pod can be in both. Namespace labels are unknown, so any namespace may carry them.
    pub fn overlaps(&self, other: &Self) -> bool {
        let namespaces = match (&self.namespaces, &other.namespaces) {
            (NamespaceSet::Names(a), NamespaceSet::Names(b)) => a.iter().any(|name| b.contains(name)),
            (NamespaceSet::Labels(a), NamespaceSet::Labels(b)) => a.compatible(b),
            _ => true,
        };
        namespaces && self.labels.compatible(&other.labels)
    }
}
