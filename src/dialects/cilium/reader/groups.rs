//! References to groups of address ranges, resolved.
//!
//! In: groups and policies of all files. Out: policies that name the ranges themselves. A group that is missing would open
//! nothing until somebody creates it, and one that nothing uses means nothing: both are errors.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::convert::{Draft, DraftRule};
use crate::diag::{Diagnostic, codes, quote};
use crate::source::Span;
use crate::verify::normal::{self, Peer};
use crate::verify::sum;

/// One CiliumCIDRGroup.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) cidrs: Vec<IpNet>,
    pub(super) span: Span,
}

/// The groups of all files, and which of them are used.
#[derive(Debug, Default)]
pub(super) struct Groups {
    known: BTreeMap<String, (Vec<IpNet>, Span)>,
    used: BTreeSet<String>,
    errors: Vec<Diagnostic>,
}

impl Groups {
    pub(super) fn add(&mut self, group: &Group) {
        if let Some((_, first)) = self.known.get(&group.name) {
            let message = format!("the group {} is written twice", quote(&group.name));
            self.errors.push(
                Diagnostic::error(codes::RENDERED, group.span, message)
                    .related(*first, "first here")
                    .help("one would replace the other in the cluster: give it another name"),
            );
            return;
        }
        self.known.insert(group.name.clone(), (group.cidrs.clone(), group.span));
    }

    /// A draft's policies: one for each of its subjects.
    pub(super) fn resolve(&mut self, draft: Draft) -> Vec<normal::Policy> {
        let Draft { name, cluster_scoped, subjects, isolates, rules, denies, staged, span } = draft;
        let (rules, denies) = (self.rules(rules), self.rules(denies));
        let policy = |(scope, subject)| sum::Policy {
            name: name.clone(),
            scope,
            cluster_scoped,
            subject,
            isolates: isolates.clone(),
            rules: rules.clone(),
            denies: denies.clone(),
            staged,
            span,
        };
        subjects.into_iter().map(policy).flat_map(sum::Policy::ranked).collect()
    }

    /// A rule for nobody is none.
    fn rules(&mut self, drafts: Vec<DraftRule>) -> Vec<normal::Rule> {
        let mut out = vec![];
        for DraftRule { mut rule, groups } in drafts {
            for (name, span) in groups {
                match self.known.get(&name) {
                    Some((cidrs, _)) => {
                        rule.peers.extend(cidrs.iter().map(|cidr| Peer::Block { cidr: *cidr, except: vec![] }));
                        self.used.insert(name);
                    }
                    None => {
                        let message = format!("the group {} is in no file", quote(&name));
                        self.errors.push(
                            Diagnostic::error(codes::RENDERED, span, message)
                                .help("write the CiliumCIDRGroup, or name the ranges themselves"),
                        );
                    }
                }
            }
            if !rule.peers.is_empty() {
                out.push(rule);
            }
        }
        out
    }

    /// What was wrong, once every policy is resolved.
    pub(super) fn errors(mut self) -> Vec<Diagnostic> {
        for (name, (_, span)) in &self.known {
            if !self.used.contains(name) {
                let message = format!("no policy uses the group {}", quote(name));
                self.errors.push(Diagnostic::error(codes::RENDERED, *span, message).help("remove it"));
            }
        }
        self.errors
    }
}
