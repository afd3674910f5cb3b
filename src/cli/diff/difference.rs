//! The difference between two sides, as data that every format tells.
//!
//! In: what was compiled, the policies and intents of the other side. Out: a [`Difference`], in the order in which a reviewer
//! reads it. What is not shown, as it is about other intents than the chosen ones, is counted: an exit code is about all of it.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::against::{Against, Before};
use super::origins::{Asked, Asking, Team, is_outside};
use super::sides::Side;
use super::walls::{self, Wall};
use crate::cli::report::Names;
use crate::cli::run::Run;
use crate::dialects;
use crate::model::Sym;
use crate::output::{Change, ChangeKind as OutputChange, contributors};
use crate::pipeline::Compiled;
use crate::source::PROJECT_FILE;
use crate::verify::normal::{Namespaces, Peer};
use crate::verify::{ChangeKind, FlowChange, Flows, denial_changes, flow_changes, released};

/// Everything that is otherwise.
pub(super) struct Difference<'c> {
    pub(super) against: Against,
    /// What keeps flows from opening.
    pub(super) walls: Vec<Standing>,
    /// Folders of dialects that were not rendered before, beside others that were.
    pub(super) fresh: Vec<String>,
    /// Folders that nothing is rendered into any more.
    pub(super) dropped: Vec<String>,
    /// Flows, clusters that say the same together.
    pub(super) groups: Vec<Group>,
    /// Folders of which the old policies cannot be read.
    pub(super) unreadable: Vec<String>,
    /// Texts of the chosen intents.
    pub(super) files: Vec<&'c Change>,
    /// How many texts and flows are of others.
    pub(super) elsewhere: (usize, usize),
    pub(super) notes: Vec<String>,
    pub(super) verdict: Verdict,
}

/// What all of it amounts to, whatever is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Verdict {
    /// Something is otherwise.
    pub(super) differs: bool,
    /// Something passes, or may pass, that could not before; or a guardrail holds no longer.
    pub(super) opens: bool,
    /// Something no longer passes.
    pub(super) closes: bool,
}

/// A change of what keeps flows from opening, and where it is true.
pub(super) struct Standing {
    pub(super) wall: Wall,
    /// Clusters, where it is not all of them.
    pub(super) clusters: Vec<Sym>,
    /// Dialects, where it is not all of them.
    pub(super) only: Vec<&'static str>,
}

/// What opens and closes in some clusters alike.
pub(super) struct Group {
    /// Their names; none where the project names none.
    pub(super) clusters: Vec<Sym>,
    pub(super) flows: Vec<Told>,
    pub(super) unlisted: Option<usize>,
    /// Every dialect was rendered for the first time.
    pub(super) fresh: bool,
}

/// A flow that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) kind: ChangeKind,
    pub(super) from: End,
    pub(super) to: End,
    /// As one phrase: what it gains and loses.
    pub(super) ports: String,
    pub(super) added: String,
    pub(super) removed: String,
    /// Where an end is anywhere: parts of it that pass still, or that passed before.
    pub(super) beside: Vec<String>,
    /// An end is more than pods that somebody named.
    pub(super) outside: bool,
    /// Dialects that say so, where not all do.
    pub(super) only: Vec<&'static str>,
    /// What asks for it now; of what is gone, what asked for it.
    pub(super) asked: Vec<Asked>,
}

/// One end of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub(super) name: String,
    /// Where its pods are, where it is pods of one namespace.
    pub(super) namespace: Option<Sym>,
    pub(super) team: Option<Team>,
}

/// What a difference is made of.
pub(super) struct Parts<'r, 'c> {
    pub(super) run: &'r Run,
    pub(super) compiled: &'c [Compiled],
    pub(super) changes: &'c [Change],
    /// The policies before, for each of what was compiled; `None`: they cannot be read.
    pub(super) sides: &'r [Option<Side>],
    /// The other side's intents, where it is no folder of output alone.
    pub(super) before: Option<&'r Before>,
    /// Whether it is told who asked for what.
    pub(super) detailed: bool,
}

/// How a flow is told: its kind, ends and ports.
type Key = (ChangeKind, String, String, String);

/// What was found in one cluster, by dialect.
#[derive(Default)]
struct Found {
    dialects: Vec<&'static str>,
    walls: BTreeMap<Wall, Vec<&'static str>>,
    flows: BTreeMap<Key, (FlowChange, Vec<&'static str>)>,
    unlisted: Option<usize>,
    fresh: bool,
}

impl<'c> Difference<'c> {
    pub(super) fn of(parts: &Parts<'_, 'c>) -> Self {
        let Parts { run, compiled, changes, before, .. } = parts;
        let intents = before.and_then(|before| before.intents.as_ref());
        let old_models = intents.map(|intents| intents.models.as_slice()).unwrap_or_default();
        let names = Names::of(run).with_old(old_models, run);
        let (files, others): (Vec<&Change>, Vec<&Change>) =
            changes.iter().partition(|change| is_shown(run, change, compiled));
        let mut this = Difference {
            against: before.map_or_else(|| Against::Output(run.project.out.to_string()), |b| b.against.clone()),
            walls: vec![],
            fresh: vec![],
            dropped: dropped(changes, compiled),
            groups: vec![],
            unreadable: vec![],
            files,
            elsewhere: (others.len(), 0),
            notes: before.map(|before| before.notes.clone()).unwrap_or_default(),
            verdict: Verdict::default(),
        };
        let mut standing: BTreeMap<(Wall, Vec<&'static str>), Vec<Sym>> = BTreeMap::new();
        let stood = !this.dropped.is_empty() || parts.sides.iter().flatten().any(|side| !side.policies.is_empty());
        for model in &run.models {
            let mut found = this.compare(parts, model.cluster.as_ref(), stood, &names);
            let old = old_models.iter().find(|old| old.cluster == model.cluster).zip(intents);
            let new = parts.detailed.then(|| Asking::of(model, &run.project.sources, None));
            let old = old.map(|(old, intents)| Asking::of(old, intents.sources(), Some(this.against.place())));
            if let (Some(old), Some(new)) = (&old, &new) {
                for wall in walls::between(old, new) {
                    found.walls.insert(wall, found.dialects.clone());
                }
            }
            let all = found.dialects.clone();
            let only = |by: Vec<&'static str>| if by == all { vec![] } else { by };
            for (wall, by) in found.walls {
                standing.entry((wall, only(by))).or_default().extend(model.cluster.clone());
            }
            let mut flows = vec![];
            for (flow, by) in found.flows.into_values() {
                this.verdict.opens |= matches!(flow.kind, ChangeKind::Opened | ChangeKind::Widened);
                this.verdict.closes |= !flow.removed.is_empty();
                match names.is_shown(&flow) {
                    true => flows.push(told(flow, only(by), old.as_ref(), new.as_ref())),
                    false => this.elsewhere.1 += 1,
                }
            }
            this.verdict.opens |= found.unlisted.is_some();
            this.verdict.closes |= found.unlisted.is_some();
            this.group(model.cluster.as_ref(), flows, found.unlisted, found.fresh);
        }
        this.stand(standing, run);
        this.verdict.opens |= !this.dropped.is_empty() || !this.unreadable.is_empty();
        this.verdict.closes |= !this.unreadable.is_empty();
        this.verdict.differs |= !changes.is_empty() || this.verdict.opens || this.verdict.closes;
        this
    }

    /// Whether there is nothing to show.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
            && self.walls.is_empty()
            && self.dropped.is_empty()
            && self.unreadable.is_empty()
            && self.groups.iter().all(|group| group.flows.is_empty())
    }

    /// Flows of a group in the order in which they are told.
    pub(super) fn in_order(group: &Group) -> Vec<&Told> {
        let mut flows: Vec<&Told> = group.flows.iter().collect();
        flows.sort_by_key(|told| (!told.outside, told.kind));
        flows
    }

    /// How many flows of a kind are shown.
    pub(super) fn count(&self, kind: ChangeKind) -> usize {
        self.groups.iter().flat_map(|group| &group.flows).filter(|flow| flow.kind == kind).count()
    }

    /// Whether only texts differ, as far as is shown.
    pub(super) fn is_text_alone(&self) -> bool {
        let flows = |group: &Group| !group.flows.is_empty() || group.unlisted.is_some();
        self.walls.is_empty()
            && self.fresh.is_empty()
            && self.dropped.is_empty()
            && self.unreadable.is_empty()
            && !self.groups.iter().any(flows)
    }

    fn compare(&mut self, parts: &Parts<'_, 'c>, cluster: Option<&Sym>, stood: bool, names: &Names) -> Found {
        let mut found = Found::default();
        let of_cluster =
            parts.compiled.iter().zip(parts.sides).filter(|(done, _)| done.proved.cluster.as_ref() == cluster);
        for (done, side) in of_cluster {
            let Some(old) = side else {
                self.unreadable.push(done.proved.folder.to_string());
                continue;
            };
            // Another dialect said the flows before: what is new is the folder, not what may be reached.
            if old.policies.is_empty() && !done.policies.is_empty() && stood {
                self.fresh.push(done.proved.folder.to_string());
                found.fresh = true;
                continue;
            }
            found.dialects.push(done.proved.dialect);
            let touched = parts.changes.iter().any(|change| change.path.starts_with(&done.proved.folder));
            if !touched {
                continue;
            }
            let now = Side::of(&done.policies);
            let omitted = old.omitted.max(now.omitted);
            if omitted > 0 || old.ordered || now.ordered {
                found.unlisted = Some(found.unlisted.unwrap_or(0).max(omitted));
            }
            let (old, new) = (&old.policies, &now.policies);
            for namespace in released(old, new) {
                found.walls.entry(Wall::released(&namespace)).or_default().push(done.proved.dialect);
            }
            for change in denial_changes(old, new, &|_| true) {
                let wall = Wall::denial(&change);
                self.verdict.opens |= wall.opens;
                self.verdict.closes |= wall.closes;
            }
            for change in denial_changes(old, new, &|namespace| names.is_shown_namespace(namespace)) {
                found.walls.entry(Wall::denial(&change)).or_default().push(done.proved.dialect);
            }
            for flow in flow_changes(&Flows::of(old), &Flows::of(new), &|peer| names.name(peer)) {
                let key = (flow.kind, flow.from.clone(), flow.to.clone(), flow.ports());
                let (_, by) = found.flows.entry(key).or_insert_with(|| (flow, vec![]));
                // Parts of one destination may differ, and be told alike.
                if !by.contains(&done.proved.dialect) {
                    by.push(done.proved.dialect);
                }
            }
        }
        found
    }

    /// Adds what a cluster says, to those that say the same.
    fn group(&mut self, cluster: Option<&Sym>, flows: Vec<Told>, unlisted: Option<usize>, fresh: bool) {
        let same = |group: &&mut Group| group.flows == flows && group.unlisted == unlisted && group.fresh == fresh;
        match self.groups.iter_mut().find(same) {
            Some(group) => group.clusters.extend(cluster.cloned()),
            None => {
                self.groups.push(Group { clusters: cluster.cloned().into_iter().collect(), flows, unlisted, fresh })
            }
        }
    }

    /// What opens comes first.
    fn stand(&mut self, standing: BTreeMap<(Wall, Vec<&'static str>), Vec<Sym>>, run: &Run) {
        for ((wall, only), mut clusters) in standing {
            self.verdict.opens |= wall.counts_as_opened();
            self.verdict.closes |= wall.closes;
            self.verdict.differs = true;
            if clusters.len() == run.models.len() {
                clusters.clear();
            }
            let of_chosen = |selected: &BTreeSet<_>| {
                let path = wall.place.as_ref().map(|place| place.path.as_str());
                path.is_none_or(|path| path == PROJECT_FILE || selected.contains(Utf8Path::new(path)))
            };
            if run.selected.as_ref().is_none_or(of_chosen) {
                self.walls.push(Standing { wall, clusters, only });
            }
        }
        self.walls.sort_by_key(|one| !one.wall.opens);
    }
}

/// A flow with what is known of who asked for it; `old` and `new`: the sides whose intents are asked.
fn told(flow: FlowChange, only: Vec<&'static str>, old: Option<&Asking<'_>>, new: Option<&Asking<'_>>) -> Told {
    let sides = || new.into_iter().chain(old);
    let team = |peer: &Peer| sides().find_map(|side| side.team(peer));
    let (side, traffic) = match flow.kind {
        ChangeKind::Opened | ChangeKind::Widened => (new, &flow.added),
        ChangeKind::Closed | ChangeKind::Narrowed => (old, &flow.removed),
    };
    let asked = side.map(|side| side.asked(&flow.ends, traffic)).unwrap_or_default();
    Told {
        kind: flow.kind,
        outside: is_outside(&flow.ends.0, &flow.from) || is_outside(&flow.ends.1, &flow.to),
        ports: flow.ports(),
        added: flow.added.to_string(),
        removed: flow.removed.to_string(),
        beside: flow.beside,
        from: End { team: team(&flow.ends.0), namespace: namespace(&flow.ends.0), name: flow.from },
        to: End { team: team(&flow.ends.1), namespace: namespace(&flow.ends.1), name: flow.to },
        only,
        asked,
    }
}

fn namespace(peer: &Peer) -> Option<Sym> {
    match peer {
        Peer::Pods { namespaces: Namespaces::Named(name), .. } => Some(name.clone()),
        _ => None,
    }
}

/// Folders that nothing is rendered into any more, as of a cluster that the project file no longer names.
fn dropped(changes: &[Change], compiled: &[Compiled]) -> Vec<String> {
    let dialect = |folder: &&Utf8Path| folder.file_name().is_some_and(|name| dialects::find(name).is_some());
    let folders: BTreeSet<&Utf8Path> = changes
        .iter()
        .filter(|change| matches!(change.kind, OutputChange::Delete { .. }))
        .filter_map(|change| change.path.ancestors().find(dialect))
        .filter(|folder| !compiled.iter().any(|done| done.proved.folder == *folder))
        .collect();
    folders.into_iter().map(ToString::to_string).collect()
}

/// Whether a change is about the chosen intents: its file comes, or came, from one of them.
fn is_shown(run: &Run, change: &Change, compiled: &[Compiled]) -> bool {
    let Some(selected) = &run.selected else { return true };
    let now = compiled.iter().filter_map(|done| done.contributors.get(&change.path)).flatten();
    let before = change.old_text().map(contributors).unwrap_or_default();
    now.into_iter().any(|path| selected.contains(path)) || before.iter().any(|path| selected.contains(*path))
}
