//! The same object with other names.

use super::cidr::{GroupRef, Which};
use super::convert::{DraftRule, Item};
use super::draft::Draft;
use crate::dialects::reading::alike::{Alike, Names};

impl Alike for Item {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        Some(match self {
            Self::Policies(drafts) => {
                Self::Policies(drafts.iter().map(|draft| draft.with_names(names)).collect::<Option<_>>()?)
            }
            Self::Kubernetes(policy) => Self::Kubernetes(policy.with_names(names)?),
            Self::Group(_) => return None,
        })
    }
}

impl Alike for Draft {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        let rules = |rules: &[DraftRule]| rules.iter().map(|rule| rule.with_names(names)).collect::<Option<_>>();
        Some(Self {
            name: names.text(&self.name),
            kind: self.kind,
            namespace: self.namespace.as_ref().map(|namespace| names.sym(namespace)),
            subject: match &self.subject {
                Some(subject) => Some(names.selector(subject)?),
                None => return None,
            },
            sides: self.sides,
            rules: rules(&self.rules)?,
            denies: rules(&self.denies)?,
            notes: self.notes.clone(),
            span: names.span(),
        })
    }
}

impl Alike for DraftRule {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        if !self.of_any_cluster.is_empty() {
            return None;
        }
        let groups = self.groups.iter().map(|group| group.with_names(names)).collect::<Option<_>>()?;
        Some(Self { rule: names.rule(&self.rule)?, of_any_cluster: vec![], groups })
    }
}

/// The name of a group is none that is exchanged.
impl Alike for GroupRef {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        match &self.which {
            Which::Named(_) => Some(Self { span: names.span(), ..self.clone() }),
            Which::Labelled(_) => None,
        }
    }
}
