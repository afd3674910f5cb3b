//! The difference for programs: one JSON document, described by a schema that is generated from the same types.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::against::Against;
use super::difference::{Difference, End, Standing, Told};
use super::origins::{Asked, Place};
use crate::diag::{pretty, schema_of};
use crate::model::Sym;
use crate::output::ChangeKind as FileChange;
use crate::verify::ChangeKind;

/// What is otherwise than on the other side.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// The version of this form: a later one may have more keys, a new number says that old ones mean something else.
    version: u32,
    /// The other side.
    against: OtherSide<'a>,
    /// Something is otherwise, in a text or in what passes.
    differs: bool,
    /// Something may pass that could not before, or a denial or guardrail is gone or weaker: what `--fail-on opened` fails on.
    opens: bool,
    /// Something may no longer pass: what `--fail-on closed` fails on.
    closes: bool,
    /// How many flows of each kind are listed.
    counts: Counts,
    /// What keeps flows from opening, and is not as it was. What opens comes first.
    walls: Vec<OneWall<'a>>,
    /// Flows that are not as they were: those to or from outside first, then by kind.
    flows: Vec<Flow<'a>>,
    /// Clusters in which policies change that no list of flows can tell: order, or a selector that is no equality, decides.
    unlisted: Vec<Unlisted<'a>>,
    /// Folders of dialects and clusters that the other side did not render.
    rendered_first: &'a [String],
    /// Folders that are no longer rendered: their policies go, default denies included.
    no_longer_rendered: &'a [String],
    /// Folders of which the other side's policies cannot be read, so that nothing is known of their flows.
    unreadable: &'a [String],
    /// Generated files that differ.
    files: Vec<OneFile<'a>>,
    /// What is of other intents than the chosen ones, and not listed.
    elsewhere: Elsewhere,
    /// What else a reader must know.
    notes: &'a [String],
}

/// The other side.
#[derive(Serialize, JsonSchema)]
struct OtherSide<'a> {
    /// What it is.
    kind: Kind,
    /// As it was asked for.
    name: &'a str,
    /// The start of the commit's hash. Null where it is no revision.
    commit: Option<&'a str>,
}

/// What the other side is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// What is in out/.
    Output,
    /// A git revision.
    Revision,
    /// Another folder.
    Folder,
}

/// How many flows there are of each kind.
#[derive(Serialize, JsonSchema)]
struct Counts {
    /// They were not there before.
    opened: usize,
    /// They have more ports.
    widened: usize,
    /// They have fewer ports, and none more.
    narrowed: usize,
    /// They are no longer there.
    closed: usize,
}

/// A change of what keeps flows from opening.
#[derive(Serialize, JsonSchema)]
struct OneWall<'a> {
    /// What changed: guardrail, namespace, guard, approved, approximation, accepts, level or waiver. There may be more in time.
    what: &'static str,
    /// How, in words.
    text: &'a str,
    /// It lets more pass, or be asked for, than before.
    opens: bool,
    /// It lets less.
    closes: bool,
    /// Dialects that say so. Empty: all.
    dialects: &'a [&'static str],
    /// Clusters in which it is so. Empty: all.
    clusters: Vec<&'a str>,
    /// The app in whose intent it stands. Null for the project file and for policies.
    app: Option<&'a str>,
    /// That app's team.
    owner: Option<&'a str>,
    /// The reason that is written there.
    why: Option<&'a str>,
    /// Where it is written. Null where it is seen in the policies alone.
    location: Option<Line<'a>>,
}

/// A flow that is not as it was.
#[derive(Serialize, JsonSchema)]
struct Flow<'a> {
    /// How it changed. A flow that gains and loses ports counts as widened.
    kind: FlowKind,
    /// An end is more than pods that somebody named: an external, the internet, every pod, an address.
    outside: bool,
    /// Who opens the connections.
    from: OneEnd<'a>,
    /// Who accepts them.
    to: OneEnd<'a>,
    /// What may pass now and could not before, as 80/TCP. Empty: nothing.
    added: &'a str,
    /// What could pass before and may no longer.
    removed: &'a str,
    /// Where an end is anywhere: of a flow that closed, ends that may connect still; of one that opened, ends that could before.
    beside: &'a [String],
    /// Dialects that say so. Empty: all.
    dialects: &'a [&'static str],
    /// Clusters in which it is so. Empty where the project names none.
    clusters: Vec<&'a str>,
    /// What asks for it; of a flow that closed or narrowed, what asked for it on the other side, where that is known.
    asked: Vec<OneAsked<'a>>,
}

/// How a flow changed.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum FlowKind {
    /// It was not there before.
    Opened,
    /// It has more ports.
    Widened,
    /// It has fewer ports, and none more.
    Narrowed,
    /// It is no longer there.
    Closed,
}

/// One end of a flow.
#[derive(Serialize, JsonSchema)]
struct OneEnd<'a> {
    /// As people call it: front/web.
    name: &'a str,
    /// The app whose tier it is. Null for what is no tier.
    app: Option<&'a str>,
    /// That app's team.
    owner: Option<&'a str>,
}

/// A line of an intent.
#[derive(Serialize, JsonSchema)]
struct OneAsked<'a> {
    /// The edge, or what else asks: web -> api, DNS of web, metrics of web.
    name: &'a str,
    /// The app that asks.
    app: &'a str,
    /// That app's team, where the intent names one.
    owner: Option<&'a str>,
    /// The reason that is written there.
    why: Option<&'a str>,
    /// Where it is written.
    location: Line<'a>,
}

/// A line of a file.
#[derive(Serialize, JsonSchema)]
struct Line<'a> {
    /// The file, relative to the root of the project, with slashes.
    path: &'a str,
    /// The line, from 1.
    #[schemars(range(min = 1))]
    line: usize,
    /// Of which side the file is: `new` is the working tree, `old` what it is compared with.
    side: WhichSide,
}

/// A side.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum WhichSide {
    Old,
    New,
}

/// Policies that no list of flows can tell.
#[derive(Serialize, JsonSchema)]
struct Unlisted<'a> {
    /// Clusters in which it is so. Empty where the project names none.
    clusters: Vec<&'a str>,
    /// How many policies. 0: all are told, as if their order did not matter, but it does.
    policies: usize,
}

/// A generated file that differs.
#[derive(Serialize, JsonSchema)]
struct OneFile<'a> {
    /// The file, relative to the root of the project, with slashes.
    path: &'a str,
    /// How it differs.
    change: HowFile,
}

/// How a file differs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum HowFile {
    /// The other side has none.
    Added,
    /// Its text differs.
    Changed,
    /// Only the other side has it.
    Removed,
}

/// What is not listed.
#[derive(Serialize, JsonSchema)]
struct Elsewhere {
    /// How many generated files.
    files: usize,
    /// How many flows.
    flows: usize,
}

/// One document.
pub(super) fn json(difference: &Difference<'_>) -> String {
    let (kind, name, commit) = match &difference.against {
        Against::Output(out) => (Kind::Output, out, None),
        Against::Revision(name, commit) => (Kind::Revision, name, Some(commit.as_str())),
        Against::Folder(name) => (Kind::Folder, name, None),
    };
    let mut flows: Vec<(&Told, &[Sym])> = difference
        .groups
        .iter()
        .flat_map(|group| group.flows.iter().map(|told| (told, group.clusters.as_slice())))
        .collect();
    flows.sort_by_key(|(told, _)| (!told.outside, told.kind));
    let unlisted = difference
        .groups
        .iter()
        .filter_map(|group| Some(Unlisted { clusters: words(&group.clusters), policies: group.unlisted? }));
    let files = difference.files.iter().map(|change| OneFile {
        path: change.shown.as_str(),
        change: match change.kind {
            FileChange::Create { .. } => HowFile::Added,
            FileChange::Update { .. } => HowFile::Changed,
            FileChange::Delete { .. } => HowFile::Removed,
        },
    });
    let verdict = difference.verdict;
    let document = Document {
        version: 1,
        against: OtherSide { kind, name, commit },
        differs: verdict.differs,
        opens: verdict.opens,
        closes: verdict.closes,
        counts: Counts {
            opened: difference.count(ChangeKind::Opened),
            widened: difference.count(ChangeKind::Widened),
            narrowed: difference.count(ChangeKind::Narrowed),
            closed: difference.count(ChangeKind::Closed),
        },
        walls: difference.walls.iter().map(wall).collect(),
        flows: flows.into_iter().map(|(told, clusters)| flow(told, clusters)).collect(),
        unlisted: unlisted.collect(),
        rendered_first: &difference.fresh,
        no_longer_rendered: &difference.dropped,
        unreadable: &difference.unreadable,
        files: files.collect(),
        elsewhere: Elsewhere { files: difference.elsewhere.0, flows: difference.elsewhere.1 },
        notes: &difference.notes,
    };
    pretty(&document)
}

fn wall(one: &Standing) -> OneWall<'_> {
    let Standing { wall, clusters, only } = one;
    OneWall {
        what: wall.what.as_str(),
        text: &wall.text,
        opens: wall.opens,
        closes: wall.closes,
        dialects: only,
        clusters: words(clusters),
        app: wall.app.as_deref(),
        owner: wall.owner.as_deref(),
        why: wall.why.as_deref(),
        location: wall.place.as_ref().map(line),
    }
}

fn flow<'a>(told: &'a Told, clusters: &'a [Sym]) -> Flow<'a> {
    Flow {
        kind: match told.kind {
            ChangeKind::Opened => FlowKind::Opened,
            ChangeKind::Widened => FlowKind::Widened,
            ChangeKind::Narrowed => FlowKind::Narrowed,
            ChangeKind::Closed => FlowKind::Closed,
        },
        outside: told.outside,
        from: end(&told.from),
        to: end(&told.to),
        added: &told.added,
        removed: &told.removed,
        beside: &told.beside,
        dialects: &told.only,
        clusters: words(clusters),
        asked: told.asked.iter().map(asked).collect(),
    }
}

fn end(end: &End) -> OneEnd<'_> {
    let team = end.team.as_ref();
    OneEnd {
        name: &end.name,
        app: team.map(|team| team.app.as_str()),
        owner: team.and_then(|team| team.owner.as_deref()),
    }
}

fn asked(asked: &Asked) -> OneAsked<'_> {
    OneAsked {
        name: &asked.name,
        app: &asked.app,
        owner: asked.owner.as_deref(),
        why: asked.why.as_deref(),
        location: line(&asked.place),
    }
}

fn line(place: &Place) -> Line<'_> {
    let side = if place.old.is_some() { WhichSide::Old } else { WhichSide::New };
    Line { path: &place.path, line: place.line, side }
}

fn words(names: &[Sym]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

/// The schema of the document.
pub fn schema() -> Value {
    schema_of::<Document<'_>>("netpolc diff", "What `netpolc diff --format json` prints.")
}
