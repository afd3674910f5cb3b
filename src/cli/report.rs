//! How runs are reported: diagnostics, flows, counts.

use std::collections::BTreeMap;

use super::Terminal;
use super::run::Run;
use crate::diag::{self, Diagnostic, Level};
use crate::dialects;
use crate::model::{Labels, Model, PeerSet, Sym};
use crate::pipeline::Compiled;
use crate::verify::FlowChange;

/// Prints diagnostics as a person reads them, and counts them in a last line when there are any.
pub(super) fn diagnostics(run: &Run, list: &[Diagnostic], consequence: &str, terminal: &mut Terminal) {
    for diagnostic in list {
        terminal.tell(format!("{}\n", diag::render(diagnostic, &run.project.sources, true)));
    }
    if !list.is_empty() {
        terminal.tell(format!("{}{consequence}", count(list)));
    }
}

/// `2 errors, 1 warning`.
pub(super) fn count(list: &[Diagnostic]) -> String {
    let of = |level: Level| list.iter().filter(|diagnostic| diagnostic.level == level).count();
    let words = [(of(Level::Error), "error"), (of(Level::Warning), "warning")];
    let parts: Vec<String> = words.iter().filter(|(n, _)| *n > 0).map(|(n, word)| plural(*n, word)).collect();
    parts.join(", ")
}

/// `1 file`, `2 files`.
pub(super) fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// Names of tiers by namespace and labels, as flows are told.
pub(super) fn tier_names(models: &[Model]) -> BTreeMap<(Sym, Labels), String> {
    let mut names = BTreeMap::new();
    for model in models {
        for tier in &model.tiers {
            for namespace in tier.pods.namespaces.names() {
                let name = format!("{namespace}/{}", tier.name);
                names.entry((namespace.clone(), tier.pods.labels.clone())).or_insert(name);
            }
        }
    }
    names
}

/// One line a flow that opens, closes, widens or narrows.
pub(super) fn flows(changes: &[FlowChange], most: usize, terminal: &mut Terminal) {
    use crate::verify::ChangeKind;
    use anstyle::AnsiColor::{Green, Red, Yellow};
    for change in changes.iter().take(most) {
        let (sign, colour) = match change.kind {
            ChangeKind::Opened | ChangeKind::Widened => ("+", Green.on_default()),
            ChangeKind::Closed => ("-", Red.on_default()),
            ChangeKind::Narrowed => ("~", Yellow.on_default()),
        };
        terminal.line(format!("  {colour}{sign} {change}{colour:#}"));
    }
    if changes.len() > most {
        terminal.line(format!("  … and {} more", changes.len() - most));
    }
}

/// What must be said beside "verified": what is said otherwise than meant, and what is taken for granted.
pub(super) fn caveats(run: &Run, compiled: &[Compiled], terminal: &mut Terminal) {
    let mut lines: Vec<String> = vec![];
    for done in compiled {
        let Some(dialect) = dialects::find(done.dialect) else { continue };
        for model in &run.models {
            lines.extend(done.approximations.iter().map(|a| dialects::describe(model, dialect, a)));
        }
    }
    lines.sort();
    lines.dedup();
    for line in lines {
        terminal.line(format!("exact except: {line}"));
    }
    if run.models.iter().any(assumes_private) {
        terminal.line(
            "assumed: the cluster's addresses lie in the private ranges (set `pod-cidrs`, `service-cidrs` and `node-cidrs` in netpolc.toml)",
        );
    }
}

/// Whether some grant names addresses while the cluster's own are not known.
fn assumes_private(model: &Model) -> bool {
    !model.profile.knows_cluster()
        && model.grants().iter().any(|grant| matches!(grant.peer, PeerSet::Internet | PeerSet::External(_)))
}
