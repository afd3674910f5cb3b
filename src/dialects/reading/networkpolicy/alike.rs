//! The same policy with other names.

use super::super::alike::{Alike, Names};
use super::{NetworkPolicy, Peer, Rule};

impl Alike for NetworkPolicy {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        Some(Self {
            name: names.text(&self.name),
            namespace: names.sym(&self.namespace),
            subject: names.conditions(&self.subject)?,
            types: self.types.clone(),
            rules: self.rules.iter().map(|rule| rule.with_names(names)).collect::<Option<_>>()?,
            span: names.span(),
        })
    }
}

impl Alike for Rule {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        let peers = self.peers.iter().map(|peer| peer.with_names(names)).collect::<Option<_>>()?;
        Some(Self { direction: self.direction, peers, ports: self.ports.clone(), span: names.span() })
    }
}

impl Alike for Peer {
    fn with_names(&self, names: &Names<'_>) -> Option<Self> {
        match self {
            Self::Block { .. } => Some(self.clone()),
            Self::Pods { namespaces: None, pods } => {
                Some(Self::Pods { namespaces: None, pods: names.conditions(pods)? })
            }
            Self::Pods { namespaces: Some(namespaces), pods } => {
                let namespaces = Some(names.conditions(namespaces)?);
                Some(Self::Pods { namespaces, pods: names.conditions(pods)? })
            }
        }
    }
}
