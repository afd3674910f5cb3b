//! The same object with other names.
//!
//! Only a policy that selects by equalities, and each end of whose rules is pods of one selector at most: several pods stand in
//! an order.

use super::convert::{Object, Says};
use super::entity::{End, Selected};
use super::policy::Policy;
use super::rule::Said;
use super::selector::Selector;
use crate::dialects::reading::alike::{Alike, Names};

impl Alike for Object {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        let says = match &self.says {
            Says::Policy(policy) => Says::Policy(policy.with_names(names)?),
            Says::Kubernetes { policy, staged } => {
                Says::Kubernetes { policy: policy.with_names(names)?, staged: *staged }
            }
            Says::Set(_) | Says::Tier(_) | Says::Namespace(_) | Says::Nothing(_) => return None,
        };
        Some(Self {
            kind: self.kind,
            name: names.text(&self.name),
            namespace: self.namespace.as_ref().map(|namespace| names.sym(namespace)),
            span: names.span(),
            says,
        })
    }
}

impl Alike for Policy {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        let [subject] = self.subjects.as_slice() else { return None };
        let mut sides = Vec::with_capacity(self.sides.len());
        for (direction, said) in &self.sides {
            let said = said.iter().map(|said| said.with_names(names)).collect::<Option<_>>()?;
            sides.push((*direction, said));
        }
        Some(Self {
            staged: self.staged,
            tier: self.tier.clone(),
            order: self.order,
            subjects: vec![names.selector(subject)?],
            sides,
        })
    }
}

impl Alike for Said {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        Some(Self {
            action: self.action,
            other: self.other.with_names(names)?,
            own: self.own.with_names(names)?,
            traffic: self.traffic.clone(),
            span: names.span(),
        })
    }
}

impl Alike for End {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        let selected = match &self.selected {
            Some(selected) => Some(selected.with_names(names)?),
            None => None,
        };
        if self.left_out.is_some() {
            return None;
        }
        Some(Self { selected, left_out: None, blocks: self.blocks.clone() })
    }
}

impl Alike for Selected {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        Some(Self { pods: names.peers(&self.pods)?, tree: self.tree.with_names(names)?, is_global: self.is_global })
    }
}

impl Alike for Selector {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        Some(match self {
            Self::All | Self::Global | Self::Has(_) => self.clone(),
            Self::Equals(key, value) => Self::Equals(key.clone(), names.sym(value)),
            Self::And(parts) => Self::And(parts.iter().map(|part| part.with_names(names)).collect::<Option<_>>()?),
            Self::Differs(..)
            | Self::Contains(..)
            | Self::StartsWith(..)
            | Self::EndsWith(..)
            | Self::In(..)
            | Self::NotIn(..)
            | Self::Not(_)
            | Self::Or(_) => return None,
        })
    }
}
