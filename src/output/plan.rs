//! What a build would do to `out/`.
//!
//! In: the disk as inspected, and the wanted tree. Out: changes in the order of their paths, and what forbids them.
//! Nothing is written here, and read are only the old texts of files that differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::Tree;
use super::disk::{Disk, Owner};
use super::folder::Folder;
use super::lock::{Digest, Hashes, LOCK_FILE, is_plain, to_text};
use crate::diag::{Diagnostic, codes, quote};
use crate::source::{EntryKind, Sources, decode};

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Path below `out/`.
    pub path: Utf8PathBuf,
    /// Path as messages show it.
    pub shown: Utf8PathBuf,
    /// What happens to it.
    pub kind: ChangeKind,
}

/// What happens to a file. An old text that is not UTF-8 has replacement characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Create {
        /// The text that is written.
        new: Arc<str>,
    },
    /// Its text is replaced.
    Update {
        /// The text on disk.
        old: String,
        /// The text that is written.
        new: Arc<str>,
    },
    /// It is removed.
    Delete {
        /// The text on disk.
        old: String,
    },
}

impl Change {
    /// The text on disk, if there is one.
    pub fn old_text(&self) -> Option<&str> {
        match &self.kind {
            ChangeKind::Create { .. } => None,
            ChangeKind::Update { old, .. } | ChangeKind::Delete { old } => Some(old),
        }
    }

    /// The text that is written, if any is.
    pub fn new_text(&self) -> Option<&str> {
        match &self.kind {
            ChangeKind::Create { new } | ChangeKind::Update { new, .. } => Some(new),
            ChangeKind::Delete { .. } => None,
        }
    }
}

/// What a build would do, and what forbids it.
#[derive(Debug)]
pub struct Plan {
    /// Files that differ, in the order of their paths.
    pub changes: Vec<Change>,
    /// New files whose texts are not kept: in the order of their paths, and none that is among the changes.
    pub later: Vec<Utf8PathBuf>,
    /// Files that are as they shall be.
    pub unchanged: usize,
    /// What forbids every write: errors only.
    pub problems: Vec<Diagnostic>,
    /// What a person should know, and no reason to stop.
    pub warnings: Vec<Diagnostic>,
    pub(super) dir: Utf8PathBuf,
    pub(super) shown: Utf8PathBuf,
    /// The folder in which the way to `out/` begins, or why it could not be opened.
    pub(super) base: Result<Arc<Folder>, Arc<std::io::Error>>,
    /// Hashes of the bytes that updates and deletes replace, where they could be read.
    pub(super) replaced: BTreeMap<Utf8PathBuf, Digest>,
    pub(super) old_lock: Option<Vec<u8>>,
    pub(super) old_hashes: Hashes,
    pub(super) new_hashes: Hashes,
    pub(super) new_lock: String,
    pub(super) temporary: Vec<Utf8PathBuf>,
    /// Files below `out/` that are neither wanted nor ours, as shown.
    pub(super) extra: Vec<Utf8PathBuf>,
    /// Files of other scopes that are not what the lock says: path as shown, and whether it is missing.
    pub(super) elsewhere: Vec<(Utf8PathBuf, bool)>,
}

impl Plan {
    /// Whether `out/` is what it shall be, so that applying the plan would write nothing.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty() && self.changes.is_empty() && self.later.is_empty() && !self.lock_changes()
    }

    /// Whether the lock file differs.
    pub fn lock_changes(&self) -> bool {
        self.old_lock.as_deref() != Some(self.new_lock.as_bytes())
    }
}

/// Compares what is on disk with what is wanted. `overwrite` regenerates files of ours that someone edited; a file
/// that is not ours is never touched. Texts that diagnostics point into are added to `sources`.
pub fn plan(disk: &Disk, wanted: &Tree, sources: &mut Sources, overwrite: bool) -> Plan {
    let hashes: Vec<_> = wanted.par_iter().map(|(path, text)| (path.clone(), Digest::of(text.as_bytes()))).collect();
    compare(disk, &hashes.into_iter().collect(), wanted, sources, overwrite).0
}

/// The same where only some texts are kept: those of files that differ, see [`differing`]. New files without one are for later;
/// `None` where it is missing for another.
pub fn plan_some(
    disk: &Disk,
    wanted: &BTreeMap<Utf8PathBuf, Digest>,
    texts: &Tree,
    sources: &mut Sources,
    overwrite: bool,
) -> Option<Plan> {
    let (plan, is_whole) = compare(disk, wanted, texts, sources, overwrite);
    is_whole.then_some(plan)
}

/// A plan, and whether no text was missed.
fn compare(
    disk: &Disk,
    wanted: &BTreeMap<Utf8PathBuf, Digest>,
    texts: &Tree,
    sources: &mut Sources,
    overwrite: bool,
) -> (Plan, bool) {
    let mut is_whole = true;
    let mut plan = Plan::new(disk);
    unusable_names(disk, wanted, &mut plan.problems);
    in_the_way(disk, wanted, &mut plan.problems);
    plan.new_hashes.extend(wanted.iter().map(|(path, hash)| (path.clone(), [*hash].into())));
    for (path, hash) in wanted {
        match (disk.files.get(path), texts.get(path)) {
            // Whoever wrote it: the bytes are the wanted ones, so nothing is lost.
            (Some(Some(seen)), _) if seen.hash == *hash => plan.unchanged += 1,
            (None, _) if disk.odd.contains_key(path) => {}
            (None, None) => plan.later.push(path.clone()),
            (None, Some(new)) => {
                let kind = ChangeKind::Create { new: Arc::clone(new) };
                plan.changes.push(Change { path: path.clone(), shown: disk.show(path), kind });
            }
            (Some(_), Some(new)) => plan_wanted(disk, path, new, sources, overwrite, &mut plan),
            (Some(_), None) => is_whole = false,
        }
    }
    plan.rest(disk, wanted, sources, overwrite);
    (plan, is_whole)
}

/// Files that are not as they shall be, in the order of their paths, and whether all of them are new.
pub fn differing<'w>(disk: &Disk, wanted: &'w BTreeMap<Utf8PathBuf, Digest>) -> (BTreeSet<&'w Utf8Path>, bool) {
    let mut all_new = true;
    let differs = |(path, hash): (&'w Utf8PathBuf, &Digest)| match disk.files.get(path) {
        Some(Some(seen)) if seen.hash == *hash => None,
        seen => {
            all_new &= seen.is_none();
            Some(path.as_path())
        }
    };
    (wanted.iter().filter_map(differs).collect(), all_new)
}

impl Plan {
    /// A plan that does nothing yet.
    fn new(disk: &Disk) -> Self {
        Self {
            changes: vec![],
            later: vec![],
            unchanged: 0,
            problems: vec![],
            warnings: vec![],
            dir: disk.dir.clone(),
            shown: disk.shown.clone(),
            base: disk.base.clone(),
            replaced: BTreeMap::new(),
            old_lock: disk.lock.bytes.clone(),
            old_hashes: disk.lock.hashes.clone(),
            new_hashes: Hashes::new(),
            new_lock: String::new(),
            temporary: disk.temporary.clone(),
            extra: vec![],
            elsewhere: vec![],
        }
    }

    /// What is on disk and not wanted, and what follows from all of it.
    fn rest<T>(&mut self, disk: &Disk, wanted: &BTreeMap<Utf8PathBuf, T>, sources: &mut Sources, overwrite: bool) {
        let plan = self;
        for path in disk.files.keys().filter(|path| !wanted.contains_key(*path)) {
            plan_unwanted(disk, path, sources, overwrite, plan);
        }
        for (path, lines) in &disk.lock.hashes {
            if !disk.scope.holds(path) && !wanted.contains_key(path) {
                plan.new_hashes.insert(path.clone(), lines.clone());
                if !disk.files.contains_key(path) {
                    plan.elsewhere.push((disk.show(path), true));
                }
            }
        }
        plan.extra.extend(disk.odd.keys().map(|path| disk.show(path)));
        plan.extra.sort();
        plan.changes.sort_by(|a, b| a.path.cmp(&b.path));
        plan.new_lock = to_text(&plan.new_hashes);
    }
}

/// A file that is there, and is not as it shall be.
fn plan_wanted(disk: &Disk, path: &Utf8Path, new: &Arc<str>, sources: &mut Sources, overwrite: bool, plan: &mut Plan) {
    let seen = disk.files.get(path).copied().flatten().map(|seen| seen.hash);
    match disk.owner(path) {
        Owner::Foreign => plan.problems.push(foreign(disk, path)),
        Owner::Edited if !overwrite => plan.problems.push(edited(disk, path, Some(new), sources)),
        owner @ (Owner::Ours | Owner::Unsure | Owner::Edited) => {
            if matches!(owner, Owner::Unsure) {
                let message = format!("{} is replaced, edited or not", shown(disk, path));
                let mut warning = Diagnostic::placeless(codes::EDITED, message)
                    .note("the lock that would tell whether it was edited is missing or damaged")
                    .help("if it was, its old text is in your version control");
                warning.level = crate::diag::Level::Warning;
                plan.warnings.push(warning);
            }
            plan.replaced.extend(seen.map(|hash| (path.to_owned(), hash)));
            let kind = ChangeKind::Update { old: old_text(disk, path), new: Arc::clone(new) };
            plan.changes.push(Change { path: path.to_owned(), shown: disk.show(path), kind });
        }
    }
}

fn old_text(disk: &Disk, path: &Utf8Path) -> String {
    String::from_utf8_lossy(&disk.bytes(path).unwrap_or_default()).into_owned()
}

fn plan_unwanted(disk: &Disk, path: &Utf8Path, sources: &mut Sources, overwrite: bool, plan: &mut Plan) {
    let shown = disk.show(path);
    let owner = disk.owner(path);
    let seen = disk.files.get(path).copied().flatten().map(|seen| seen.hash);
    if !disk.scope.holds(path) {
        match owner {
            Owner::Ours => {}
            // The lock is rebuilt from the headers: else a run of one dialect would disown the others' files.
            Owner::Unsure => {
                plan.new_hashes.insert(path.to_owned(), seen.into_iter().collect());
            }
            Owner::Edited => plan.elsewhere.push((shown, false)),
            Owner::Foreign => plan.extra.push(shown),
        }
        return;
    }
    match owner {
        Owner::Ours => {
            plan.replaced.extend(seen.map(|hash| (path.to_owned(), hash)));
            let kind = ChangeKind::Delete { old: old_text(disk, path) };
            plan.changes.push(Change { path: path.to_owned(), shown, kind });
        }
        Owner::Edited if !overwrite => plan.problems.push(edited(disk, path, None, sources)),
        // Only what still has a recorded hash is deleted; the lock forgets the rest.
        Owner::Edited | Owner::Unsure => {
            let message = format!("{} is no longer generated, and was left there", quote(shown.as_str()));
            let why = match owner {
                Owner::Edited => "it was edited, so netpolc does not delete it",
                _ => "the lock that would tell whether it was edited is missing or damaged",
            };
            let mut warning = Diagnostic::placeless(codes::FOREIGN, message).note(why).help("delete it by hand");
            warning.level = crate::diag::Level::Warning;
            plan.warnings.push(warning);
            plan.extra.push(shown);
        }
        Owner::Foreign => plan.extra.push(shown),
    }
}

fn foreign(disk: &Disk, path: &Utf8Path) -> Diagnostic {
    let message = format!("{} was not written by netpolc, and stands where it must write", shown(disk, path));
    Diagnostic::placeless(codes::FOREIGN, message).help("move it away, then run `netpolc build`")
}

fn shown(disk: &Disk, path: &Utf8Path) -> String {
    quote(disk.show(path).as_str())
}

/// A file of ours that is not as we left it.
fn edited(disk: &Disk, path: &Utf8Path, wanted: Option<&str>, sources: &mut Sources) -> Diagnostic {
    let bytes = disk.bytes(path).unwrap_or_default();
    let text = decode(bytes.clone()).text;
    let conflict = text.lines().position(|line| line.starts_with("<<<<<<< "));
    let line = conflict.or_else(|| wanted.map(|wanted| first_difference(&text, wanted))).unwrap_or(0) + 1;
    let file = sources.add(disk.show(path), text);
    let what = match conflict {
        Some(_) => "has a merge conflict",
        None => "was edited by hand",
    };
    let message = format!("{} {what}", shown(disk, path));
    let mut out = Diagnostic::error(codes::EDITED, sources.line_span(file, line), message);
    let plain = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    let known = disk.lock.hashes.get(path);
    if bytes.contains(&b'\r') && known.is_some_and(|known| known.contains(&Digest::of(plain.as_bytes()))) {
        out = out.note("only its line ends changed; `out/** -text` in .gitattributes keeps git from doing that");
    }
    match wanted {
        Some(_) => out.help("move the change into the intent, then regenerate: `netpolc build --overwrite`"),
        None => out.help(
            "no intent asks for this file any more: delete it, or let netpolc forget it: `netpolc build --overwrite`",
        ),
    }
}

/// Index of the first line of `text` that is not as in `wanted`, or its last one.
pub(super) fn first_difference(text: &str, wanted: &str) -> usize {
    let same = text.lines().zip(wanted.lines()).take_while(|(a, b)| a == b).count();
    same.min(text.lines().count().saturating_sub(1))
}

/// Paths that differ by case only would be one file on some systems; others are none.
fn unusable_names<T>(disk: &Disk, wanted: &BTreeMap<Utf8PathBuf, T>, problems: &mut Vec<Diagnostic>) {
    for path in wanted.keys().filter(|path| !is_plain(path)) {
        let message = format!("{} cannot be the name of a generated file", shown(disk, path));
        problems.push(Diagnostic::placeless(codes::UNSAFE_PATH, message).help("rename what the file is named after"));
    }
    // Mostly every path is in lower case, and then no two can be twins.
    if wanted.keys().all(|path| !path.as_str().chars().any(char::is_uppercase)) {
        return;
    }
    let mut seen: BTreeMap<String, &Utf8Path> = BTreeMap::new();
    for path in wanted.keys().flat_map(|path| path.ancestors()).filter(|path| !path.as_str().is_empty()) {
        let first = *seen.entry(path.as_str().to_lowercase()).or_insert(path);
        if first != path {
            let message = format!("{} and {} differ by case only", shown(disk, first), shown(disk, path));
            let twin = Diagnostic::placeless(codes::UNSAFE_PATH, message)
                .note("on some systems they would be one file")
                .help("rename what one of them is named after");
            if !problems.contains(&twin) {
                problems.push(twin);
            }
        }
    }
}

/// Links, devices, and folders or files where the other must be.
fn in_the_way<T>(disk: &Disk, wanted: &BTreeMap<Utf8PathBuf, T>, problems: &mut Vec<Diagnostic>) {
    let ours = |path: &Utf8Path| disk.lock.hashes.contains_key(path) && disk.scope.holds(path);
    let used = |path: &Utf8Path| {
        path == LOCK_FILE
            || disk.lock.hashes.keys().filter(|p| ours(p)).chain(wanted.keys()).any(|p| p.starts_with(path))
    };
    for (path, kind) in &disk.odd {
        if path.as_str().is_empty() || used(path) {
            let what = match kind {
                EntryKind::Link => "is a symbolic link",
                EntryKind::File => "is a file, not a folder",
                _ => "is not a regular file",
            };
            let message = format!("{} {what}", shown(disk, path));
            let help = "move it away: netpolc writes to plain folders and files only";
            problems.push(Diagnostic::placeless(codes::UNSAFE_PATH, message).help(help));
        }
    }
    for path in &disk.folders {
        if wanted.contains_key(path) || path == LOCK_FILE {
            let message = format!("{} is a folder, and stands where a file must be written", shown(disk, path));
            problems.push(Diagnostic::placeless(codes::FOREIGN, message).help("move it away"));
        }
    }
    // A file is in the way of a folder; few trees have as many folders as files, so look each up once.
    let parents: BTreeSet<_> = wanted.keys().flat_map(|path| path.ancestors().skip(1)).collect();
    for path in parents.into_iter().filter(|path| disk.files.contains_key(*path)) {
        problems.push(foreign(disk, path));
    }
}
