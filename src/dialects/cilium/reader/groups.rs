//! References to groups of address ranges, resolved.
//!
//! In: groups and policies of all files. Out: policies that name the ranges themselves.
//!
//! 1. A group that is missing holds nothing (seen in Cilium's own engine); it would open something as soon as somebody creates
//!    it. Where we write, that is an error, and so is a group that nothing uses.
//! 2. A name of more than 63 characters is no label, and a selector by it matches nothing (api/cidr.go,
//!    LabelForCIDRGroupRef; api/selector.go).
//! 3. A range of prefix length 0 matches no traffic where a group holds it (cilium#39688, cilium#48366). In a rule itself it is
//!    the world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::cidr::{self, GroupRef, Which};
use super::convert::DraftRule;
use super::object::GroupSpec;
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::reading::object::Manifest;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Purpose, Reader, owned};
use crate::source::Span;
use crate::verify::normal;

/// The longest name of a group that can be used (2.).
const MAX_NAME: usize = 63;

/// One CiliumCIDRGroup.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) cidrs: Vec<IpNet>,
    pub(super) span: Span,
}

/// What a group holds; `None` when an error was told.
pub(super) fn read(with: &mut Reader<'_, '_>) -> Option<Group> {
    let object: Manifest<'_, GroupSpec<'_>> = with.parse()?;
    with.is(&object.api_version, &object.kind)?;
    let span = with.doc.top();
    let Some(metadata) = &object.metadata else {
        return with.error(span, "`metadata` is missing", "write the object's name");
    };
    let (name, labels) = with.metadata(metadata)?;
    with.no_namespace(metadata)?;
    let Some(list) = object.spec.as_ref().and_then(|spec| spec.external_cidrs.as_deref()) else {
        return with.error(span, "`externalCIDRs` are missing", "write the ranges that the group holds");
    };
    if with.purpose == Purpose::Rendered && name.len() > MAX_NAME {
        let message = format!("the name {} is longer than {} characters", quote(name), MAX_NAME);
        return with.error(span, message, "shorten it: Cilium makes a label of it");
    }
    let read: Vec<_> = list.iter().map(|text| of_group(with, text)).collect();
    let (name, labels) = (name.to_owned(), owned(labels));
    Some(Group { name, labels, cidrs: read.into_iter().collect::<Option<_>>()?, span })
}

fn of_group(with: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<IpNet> {
    let range = cidr::range(with, text)?;
    if range.prefix_len() == 0 && with.purpose == Purpose::Rendered {
        let place = with.doc.place(text);
        let message = format!("a group with {range} selects nothing by it");
        return with.error(place, message, "write it as two halves, of prefix length 1");
    }
    Some(range)
}

/// The groups of all files, and which of them are used.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    purpose: Purpose,
    known: Arc<BTreeMap<String, Group>>,
    used: BTreeSet<String>,
    errors: Vec<Diagnostic>,
    notes: BTreeSet<String>,
}

impl Groups {
    pub(super) fn new(purpose: Purpose) -> Self {
        Self { purpose, known: Arc::default(), used: BTreeSet::new(), errors: vec![], notes: BTreeSet::new() }
    }

    pub(super) fn add(&mut self, group: &Group) {
        if let Some(first) = self.known.get(&group.name) {
            let message = format!("the group {} is written twice", quote(&group.name));
            self.errors.push(
                Diagnostic::error(codes::RENDERED, group.span, message)
                    .related(first.span, "first here")
                    .help("one would replace the other in the cluster: give it another name"),
            );
            return;
        }
        Arc::make_mut(&mut self.known).insert(group.name.clone(), group.clone());
    }

    /// The same groups for other files, of whose use nothing is known yet.
    pub(super) fn beside(&self) -> Self {
        Self { known: Arc::clone(&self.known), ..Self::new(self.purpose) }
    }

    /// Takes what was seen of the groups by other files.
    pub(super) fn merge(&mut self, beside: Self) {
        self.used.extend(beside.used);
        self.errors.extend(beside.errors);
        self.notes.extend(beside.notes);
    }

    /// The rules with the ranges of their groups; a rule for nobody is none.
    pub(super) fn rules(&mut self, drafts: &[DraftRule], any_cluster: bool) -> Vec<normal::Rule> {
        let mut out = vec![];
        for DraftRule { rule, of_any_cluster, groups } in drafts {
            let mut rule = rule.clone();
            if any_cluster {
                rule.peers.extend(of_any_cluster.iter().cloned());
            }
            for group in groups {
                rule.peers.extend(self.blocks(group));
            }
            if !rule.peers.is_empty() {
                out.push(rule);
            }
        }
        out
    }

    fn blocks(&mut self, reference: &GroupRef) -> Vec<normal::Peer> {
        let mut peers = vec![];
        let known = Arc::clone(&self.known);
        let meant: Vec<&Group> = match &reference.which {
            Which::Named(name) => known.get(name).into_iter().collect(),
            which @ Which::Labelled(_) => {
                known.values().filter(|group| which.is_for(&group.name, &group.labels)).collect()
            }
        };
        for group in meant {
            if group.name.len() > MAX_NAME && matches!(reference.which, Which::Named(_)) {
                self.notes.insert(format!(
                    "the name of the group {} is longer than {MAX_NAME} characters: by it nothing is selected",
                    quote(&group.name)
                ));
                continue;
            }
            for range in &group.cidrs {
                match range.prefix_len() {
                    0 => {
                        self.notes.insert(format!(
                            "the group {} holds {range}, by which Cilium selects nothing (cilium#39688)",
                            quote(&group.name)
                        ));
                    }
                    _ => peers.extend(cidr::block(*range, &reference.except)),
                }
            }
            self.used.insert(group.name.clone());
        }
        if let Which::Named(name) = &reference.which
            && !self.known.contains_key(name)
        {
            let message = format!("the group {} is in no file", quote(name));
            match self.purpose {
                Purpose::Rendered => self.errors.push(
                    Diagnostic::error(codes::RENDERED, reference.span, message)
                        .help("write the CiliumCIDRGroup, or name the ranges themselves"),
                ),
                Purpose::Given => {
                    self.notes.insert(format!("{message}: it is taken to hold nothing"));
                }
            }
        }
        peers
    }

    /// What was wrong, or else what people should know, once every policy is resolved.
    pub(super) fn finish(mut self) -> Result<Vec<String>, Vec<Diagnostic>> {
        if self.purpose == Purpose::Rendered {
            for (name, group) in self.known.iter() {
                if !self.used.contains(name) {
                    let message = format!("no policy uses the group {}", quote(name));
                    self.errors.push(Diagnostic::error(codes::RENDERED, group.span, message).help("remove it"));
                }
            }
        }
        if self.errors.is_empty() { Ok(self.notes.into_iter().collect()) } else { Err(self.errors) }
    }
}
