//! The policies of the other side, from its texts.
//!
//! In: the files that differ, and what was compiled. Out: policies as sums. Files that are alike on both sides say what was
//! just proved of them, so only the others are read.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::super::run::Run;
use crate::dialects;
use crate::output::Change;
use crate::pipeline::Compiled;
use crate::source::{FileId, Sources};
use crate::verify::{normal, sum};

/// The policies of one folder on one side.
pub(super) struct Side {
    pub(super) policies: Vec<sum::Policy>,
    /// How many say it otherwise than by sums.
    pub(super) omitted: usize,
    /// Order decides somewhere.
    pub(super) ordered: bool,
}

impl Side {
    pub(super) fn of(policies: &[normal::Policy]) -> Self {
        let sums = sum::of(policies);
        let ordered = sums.everywhere || !sums.ordered.is_empty();
        Self { policies: sums.policies, omitted: sums.omitted, ordered }
    }
}

/// The policies before in the folder of what was compiled; `None` when they cannot be read. All files are read where the
/// changed ones refer to objects of files that stay, or hold nothing but what files that stay may refer to.
pub(super) fn before(run: &Run, changes: &[Change], done: &Compiled) -> Option<Side> {
    let dialect = dialects::find(done.proved.dialect)?;
    let sources = &run.project.sources;
    let of_dialect = || changes.iter().filter(|change| change.path.starts_with(&done.proved.folder));
    let changed: BTreeSet<&Utf8Path> = of_dialect().map(|change| change.shown.as_path()).collect();
    let mut old = Sources::default();
    let mut files: Vec<FileId> = of_dialect()
        .filter_map(|change| change.old_text().map(|text| old.add(&change.path, text.to_owned())))
        .collect();
    if let Ok(read) = dialect.read(&old, &files)
        && !read.iter().any(|file| file.shared)
    {
        return Some(beside(run, changes, done, &read.into_iter().flat_map(|file| file.policies).collect::<Vec<_>>()));
    }
    for (path, id) in done.texts.iter().filter(|(_, id)| !changed.contains(sources.path(*id))) {
        files.push(old.add(path, sources.get(*id).text.clone()));
    }
    let read = dialect.read(&old, &files).ok()?;
    Some(Side::of(&read.into_iter().flat_map(|file| file.policies).collect::<Vec<normal::Policy>>()))
}

/// The same where it is known what the changed files held.
pub(super) fn beside(run: &Run, changes: &[Change], done: &Compiled, old: &[normal::Policy]) -> Side {
    let sources = &run.project.sources;
    let changed: BTreeSet<&Utf8Path> = changes.iter().map(|change| change.shown.as_path()).collect();
    let kept = done.policies.iter().filter(|policy| !changed.contains(sources.path(policy.span.file)));
    // What is read apart is summed apart: ranks compare what was read together.
    let (kept, old) = (Side::of(&kept.cloned().collect::<Vec<_>>()), Side::of(old));
    Side {
        policies: [kept.policies, old.policies].concat(),
        omitted: kept.omitted + old.omitted,
        ordered: kept.ordered || old.ordered,
    }
}
