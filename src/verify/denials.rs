//! What default denies and guards do otherwise than before: connections open or close by it that no list of flows has.
//!
//! In: the policies of one cluster before and now, in the normal form. Out: [`DenialChange`]s, in a stable order. Namespaces
//! that lose their default deny are told by [`released`](super::released), never here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::flows::describe;
use super::normal::Peer;
use super::sum::{Policy, Scope};
use crate::diag::quote;
use crate::model::Sym;

/// How many namespaces a line names.
const MAX_NAMES: usize = 12;

/// One change of what is denied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DenialChange {
    /// Namespaces get a default deny.
    Managed {
        /// Which.
        namespaces: BTreeSet<Sym>,
        /// It only reports.
        staged: bool,
    },
    /// Namespaces whose default deny is enforced now and only reported before, or the other way round.
    Namespaces {
        /// Which.
        namespaces: BTreeSet<Sym>,
        /// It only reports now.
        staged: bool,
    },
    /// A guard comes, goes or changes.
    Guard {
        /// Which.
        name: &'static str,
        /// How.
        change: GuardChange,
    },
}

/// How a guard changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuardChange {
    /// It was not there before.
    New {
        /// Namespaces that it leaves out.
        except: BTreeSet<Sym>,
        /// It only reports.
        staged: bool,
    },
    /// It is no longer there.
    Gone,
    /// It is enforced now and only reported before, or the other way round.
    Staged(bool),
    /// Namespaces that it left out, and governs now.
    Governs(BTreeSet<Sym>),
    /// Namespaces that it governed, and leaves out now.
    LeavesOut(BTreeSet<Sym>),
    /// Other ends that it denies now and did not before.
    Denies(BTreeSet<Peer>),
    /// Other ends that it denied, and denies no longer.
    Spares(BTreeSet<Peer>),
}

/// What is denied otherwise than before, in the namespaces that are `shown`; guards are everybody's.
pub fn denial_changes(old: &[Policy], new: &[Policy], shown: &dyn Fn(&Sym) -> bool) -> Vec<DenialChange> {
    let mut out = vec![];
    let (before, now) = (default_denies(old), default_denies(new));
    for staged in [false, true] {
        let of = |keep: &dyn Fn(Option<&bool>) -> bool| -> BTreeSet<Sym> {
            let kept = now.iter().filter(|(name, is)| **is == staged && shown(name) && keep(before.get(*name)));
            kept.map(|(name, _)| Sym::clone(name)).collect()
        };
        let managed = of(&|was| was.is_none());
        if !managed.is_empty() {
            out.push(DenialChange::Managed { namespaces: managed, staged });
        }
        let turned = of(&|was| was.is_some_and(|was| *was != staged));
        if !turned.is_empty() {
            out.push(DenialChange::Namespaces { namespaces: turned, staged });
        }
    }
    let (mut before, now) = (guards(old), guards(new));
    for (name, Guard { except, staged, denied }) in now {
        let mut add = |change| out.push(DenialChange::Guard { name, change });
        let Some(Guard { except: left_out, staged: was_staged, denied: were }) = before.remove(name) else {
            add(GuardChange::New { except, staged });
            continue;
        };
        if staged != was_staged {
            add(GuardChange::Staged(staged));
        }
        for (change, names) in [
            (GuardChange::Governs as fn(BTreeSet<Sym>) -> GuardChange, &left_out - &except),
            (GuardChange::LeavesOut, &except - &left_out),
        ] {
            if !names.is_empty() {
                add(change(names));
            }
        }
        for (change, ends) in [
            (GuardChange::Denies as fn(BTreeSet<Peer>) -> GuardChange, &denied - &were),
            (GuardChange::Spares, &were - &denied),
        ] {
            if !ends.is_empty() {
                add(change(ends));
            }
        }
    }
    out.extend(before.into_keys().map(|name| DenialChange::Guard { name, change: GuardChange::Gone }));
    out
}

/// Namespaces of which every pod is isolated in some direction, and whether that is only reported.
fn default_denies(policies: &[Policy]) -> BTreeMap<&Sym, bool> {
    let mut out = BTreeMap::new();
    for policy in policies.iter().filter(|policy| policy.subject.is_empty() && !policy.isolates.is_empty()) {
        if let Some(namespace) = policy.namespace() {
            let staged = out.entry(namespace).or_insert(true);
            *staged &= policy.staged;
        }
    }
    out
}

/// What the policies of one guard do together.
struct Guard {
    /// The namespaces that all of them leave out.
    except: BTreeSet<Sym>,
    /// They only report.
    staged: bool,
    /// Whom they deny.
    denied: BTreeSet<Peer>,
}

/// The guards by what they do, as the project file names them.
fn guards(policies: &[Policy]) -> BTreeMap<&'static str, Guard> {
    let mut out: BTreeMap<&'static str, Guard> = BTreeMap::new();
    for policy in policies {
        let Scope::AllBut(except) = &policy.scope else { continue };
        let does = [("default-deny", policy.isolates.is_empty()), ("metadata-deny", policy.denies.is_empty())];
        for (name, _) in does.into_iter().filter(|(_, nothing)| !nothing) {
            let guard = out.entry(name).or_insert_with(|| Guard {
                except: except.clone(),
                staged: policy.staged,
                denied: BTreeSet::new(),
            });
            guard.except.retain(|name| except.contains(name));
            guard.staged &= policy.staged;
            guard.denied.extend(policy.denies.iter().flat_map(|rule| rule.peers.iter().cloned()));
        }
    }
    out
}

impl DenialChange {
    /// Whether connections open by it that nobody has listed.
    pub fn opens(&self) -> bool {
        match self {
            Self::Managed { .. } => false,
            Self::Namespaces { staged, .. } => *staged,
            Self::Guard { change, .. } => {
                matches!(
                    change,
                    GuardChange::Gone | GuardChange::Staged(true) | GuardChange::LeavesOut(_) | GuardChange::Spares(_)
                )
            }
        }
    }
}

impl fmt::Display for DenialChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let be = |namespaces: &BTreeSet<Sym>| if namespaces.len() == 1 { "is" } else { "are" };
        match self {
            Self::Managed { namespaces, staged } => {
                let what = if *staged { "would be denied there, once enforced" } else { "is denied there" };
                write!(f, "{} {} managed from now on: ", Named(namespaces), be(namespaces))?;
                write!(f, "every connection that no flow allows {what}")
            }
            Self::Namespaces { namespaces, staged: true } => {
                write!(f, "{} {} no longer enforced: policies only report there", Named(namespaces), be(namespaces))
            }
            Self::Namespaces { namespaces, staged: false } => {
                write!(f, "{} {} enforced from now on: ", Named(namespaces), be(namespaces))?;
                write!(f, "every connection that no flow allows is denied there")
            }
            Self::Guard { name, change } => {
                let name = quote(name);
                match change {
                    GuardChange::New { except, staged } => {
                        let only = if *staged { ", and only reports" } else { "" };
                        write!(f, "guard {name} is new: it governs every namespace")?;
                        if !except.is_empty() {
                            write!(f, " but {}", names(except))?;
                        }
                        write!(f, "{only}")
                    }
                    GuardChange::Gone => write!(f, "guard {name} is no longer there"),
                    GuardChange::Staged(true) => write!(f, "guard {name} is no longer enforced: it only reports"),
                    GuardChange::Staged(false) => write!(f, "guard {name} is enforced from now on"),
                    GuardChange::Denies(ends) => write!(f, "guard {name} denies {} too", these(ends)),
                    GuardChange::Spares(ends) => write!(f, "guard {name} no longer denies {}", these(ends)),
                    GuardChange::Governs(namespaces) => write!(f, "guard {name} governs {} too", Named(namespaces)),
                    GuardChange::LeavesOut(namespaces) => {
                        write!(f, "guard {name} no longer governs {}", Named(namespaces))
                    }
                }
            }
        }
    }
}

/// `namespace a`, `namespaces a, b`.
struct Named<'n>(&'n BTreeSet<Sym>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "namespace{} {}", if self.0.len() == 1 { "" } else { "s" }, names(self.0))
    }
}

fn names(namespaces: &BTreeSet<Sym>) -> String {
    listed(namespaces.iter().map(ToString::to_string))
}

fn these(ends: &BTreeSet<Peer>) -> String {
    listed(ends.iter().map(|end| describe(end, &|_| None)))
}

fn listed(words: impl ExactSizeIterator<Item = String>) -> String {
    let more = words.len().saturating_sub(MAX_NAMES);
    let shown: Vec<String> = words.take(MAX_NAMES).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
