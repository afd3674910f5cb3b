//! The difference as a comment on a pull request, for GitHub and GitLab.
//!
//! In: a difference. Out: Markdown that begins with a mark by which a later run finds its comment again; nothing at all where
//! nothing differs. It always fits into a comment: the texts are cut first, then the pictures go, then rows of tables, and it
//! says so. What people wrote shows as it is, and does nothing: see [`crate::diag::markdown`].

use super::against::Against;
use super::difference::{Difference, End, Group, Standing, Told};
use super::human::{by, text_alone, unlisted};
use super::origins::{Asked, Place};
use super::picture::{MAX_EDGES, mermaid};
use crate::cli::report::plural;
use crate::diag::markdown::{code, escape};
use crate::output::unified_diff;
use crate::verify::ChangeKind;

/// By which a comment is found again.
const MARK: &str = "<!-- netpolc:diff -->";

/// How much a comment may hold: GitHub takes 65,536 characters, and whoever posts it may want to add a line.
const MAX_BYTES: usize = 60_000;

/// How many rows a table has at most: fewer where so many do not fit.
const ROWS: [usize; 5] = [100, 50, 20, 8, 3];

/// How many lines of intents a row names.
const MAX_ASKED: usize = 3;

/// How much of a reason is shown.
const MAX_WHY: usize = 240;

/// The whole comment.
pub(super) fn markdown(difference: &Difference<'_>) -> String {
    if difference.is_empty() && difference.fresh.is_empty() {
        return String::new();
    }
    let fits = |rows: &&usize| words(difference, **rows).len() <= MAX_BYTES;
    let rows = ROWS.iter().find(fits).or(ROWS.last()).copied().unwrap_or(1);
    let mut out = words(difference, rows);
    let pictures = pictures(difference);
    let mut left_out = vec![];
    if out.len() + pictures.len() <= MAX_BYTES {
        out.push_str(&pictures);
    } else {
        left_out.push("the picture");
    }
    let room = MAX_BYTES.saturating_sub(out.len());
    let (text, cut) = texts(difference, room);
    out.push_str(&text);
    if cut {
        left_out.push("a part of the generated files");
    }
    if !left_out.is_empty() {
        out.push_str(&format!("\nLeft out, as a comment holds no more: {}.\n", left_out.join(" and ")));
    }
    out
}

/// Everything but pictures and texts.
fn words(difference: &Difference<'_>, rows: usize) -> String {
    let mut out = format!("{MARK}\n### netpolc: {}\n\n{}\n", headline(difference), compared(&difference.against));
    for note in &difference.notes {
        out.push_str(&format!("\n> {}\n", escape(&shortened(note))));
    }
    let mut items: Vec<String> = vec![];
    items.extend(difference.unreadable.iter().map(|folder| {
        format!("{}: the old policies cannot be read, so what opens and closes is not known", code(folder))
    }));
    items.extend(difference.dropped.iter().map(|folder| {
        format!("**opens:** {} is no longer rendered: its policies go, default denies included", code(folder))
    }));
    items.extend(difference.walls.iter().map(wall));
    items.extend(difference.fresh.iter().map(|folder| format!("{} is rendered for the first time", code(folder))));
    if !items.is_empty() {
        out.push_str("\n**Denials, guardrails and decisions**\n\n");
        for item in items.iter().take(rows) {
            out.push_str(&format!("- {item}\n"));
        }
        if items.len() > rows {
            out.push_str(&format!("- … and {} more\n", items.len() - rows));
        }
    }
    for group in &difference.groups {
        flows(group, rows, &mut out);
    }
    let (files, flows) = difference.elsewhere;
    if files + flows > 0 {
        let what = if files > 0 { plural(files, "file") } else { plural(flows, "flow") };
        out.push_str(&format!("\n{what} of other intents change too.\n"));
    }
    out
}

/// `2 guards loosened, 1 flow opened, 2 flows closed`.
fn headline(difference: &Difference<'_>) -> String {
    if difference.is_text_alone() {
        return text_alone(difference);
    }
    let mut parts = vec![];
    let loosened = difference.walls.iter().filter(|one| one.wall.counts_as_opened()).count() + difference.dropped.len();
    if loosened > 0 {
        parts.push(format!("{} loosened", plural(loosened, "guard")));
    }
    for kind in [ChangeKind::Opened, ChangeKind::Widened, ChangeKind::Narrowed, ChangeKind::Closed] {
        let count = difference.count(kind);
        if count > 0 {
            parts.push(format!("{} {}", plural(count, "flow"), kind.as_str()));
        }
    }
    if parts.is_empty() {
        parts.push("no flow opens or closes".to_owned());
    }
    parts.join(", ")
}

fn compared(against: &Against) -> String {
    match against {
        Against::Output(out) => format!("Compared with what is in {}.", code(&format!("{out}/"))),
        Against::Revision(name, commit) => format!("Compared with {} ({}).", code(name), code(commit)),
        Against::Folder(name) => format!("Compared with the folder {}.", code(name)),
    }
}

fn wall(one: &Standing) -> String {
    let Standing { wall, clusters, only } = one;
    let mut out = String::from(if wall.opens { "**opens:** " } else { "" });
    if !clusters.is_empty() {
        let names: Vec<&str> = clusters.iter().map(|name| &**name).collect();
        out.push_str(&format!("{}: ", escape(&names.join(", "))));
    }
    out.push_str(&escape(&wall.text));
    if !only.is_empty() {
        out.push_str(&format!(" (only {})", only.join(", ")));
    }
    let by = wall.app.as_ref().map(|app| escape(&by(app, wall.owner.as_deref())));
    let said: Vec<String> = by.into_iter().chain(wall.place.as_ref().map(at)).collect();
    if !said.is_empty() {
        out.push_str(&format!(" — {}", said.join(", ")));
    }
    if let Some(why) = &wall.why {
        out.push_str(&format!(": {}", escape(&shortened(why))));
    }
    out
}

fn flows(group: &Group, rows: usize, out: &mut String) {
    let place = match group.clusters.as_slice() {
        [] => String::new(),
        names => {
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            format!(" in {}", escape(&names.join(", ")))
        }
    };
    for (outside, title) in [(true, "To or from outside"), (false, "Between workloads")] {
        let all = Difference::in_order(group);
        let of: Vec<&&Told> = all.iter().filter(|told| told.outside == outside).collect();
        if of.is_empty() {
            continue;
        }
        out.push_str(&format!("\n**{title}{place}**\n\n"));
        out.push_str("| | From | To | Ports | Asked for by | Whose |\n|---|---|---|---|---|---|\n");
        for told in of.iter().take(rows) {
            out.push_str(&row(told));
        }
        if of.len() > rows {
            out.push_str(&format!("\n… and {} more\n", plural(of.len() - rows, "flow")));
        }
    }
    if let Some(policies) = group.unlisted {
        out.push_str(&format!("\n**Not listed{place}:** {}\n", escape(&unlisted(policies))));
    }
}

fn row(told: &Told) -> String {
    let kind = told.kind.as_str();
    let kind = match told.kind {
        ChangeKind::Opened | ChangeKind::Widened => format!("**{kind}**"),
        ChangeKind::Narrowed | ChangeKind::Closed => kind.to_owned(),
    };
    let only = match told.only.as_slice() {
        [] => String::new(),
        some => format!(" (only {})", some.join(", ")),
    };
    let mut asked: Vec<String> = told.asked.iter().take(MAX_ASKED).map(asked_for).collect();
    if told.asked.len() > MAX_ASKED {
        asked.push(format!("… and {} more", told.asked.len() - MAX_ASKED));
    }
    format!(
        "| {kind} | {} | {} | {}{only} | {} | {} |\n",
        code(&told.from.name),
        code(&told.to.name),
        code(&shortened(&told.ports)),
        asked.join("<br>"),
        whose(told)
    )
}

/// The teams of both ends, whoever of them asked.
fn whose(told: &Told) -> String {
    let of = |end: &End| end.team.as_ref().map(|team| escape(&by(&team.app, team.owner.as_deref())));
    let (from, to) = (of(&told.from), of(&told.to));
    match (from, to) {
        (Some(from), Some(to)) if from == to => from,
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (one, other) => one.or(other).unwrap_or_default(),
    }
}

fn asked_for(asked: &Asked) -> String {
    let why = asked.why.as_ref().map_or(String::new(), |why| format!(": {}", escape(&shortened(why))));
    format!("{} in {}{why}", code(&asked.name), at(&asked.place))
}

fn at(place: &Place) -> String {
    let side = place.old.as_ref().map_or(String::new(), |old| format!(" {}", escape(old)));
    format!("{}{side}", code(&format!("{}:{}", place.path, place.line)))
}

fn pictures(difference: &Difference<'_>) -> String {
    let mut out = String::new();
    for group in difference.groups.iter().filter(|group| !group.flows.is_empty()) {
        let flows = Difference::in_order(group);
        out.push_str(&format!("\n```mermaid\n{}```\n", mermaid(&flows)));
        if flows.len() > MAX_EDGES {
            out.push_str(&format!("\nThe picture shows {MAX_EDGES} of {}.\n", plural(flows.len(), "flow")));
        }
    }
    out
}

/// The texts, folded away; whether they were cut to so many bytes.
fn texts(difference: &Difference<'_>, room: usize) -> (String, bool) {
    let count = difference.files.len();
    if count == 0 {
        return (String::new(), false);
    }
    let verb = if count == 1 { "changes" } else { "change" };
    let title = format!("{} {verb}", plural(count, "generated file"));
    let text = unified_diff(&difference.files, false);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    let around =
        |text: &str| format!("\n<details><summary>{title}</summary>\n\n{fence}diff\n{text}{fence}\n\n</details>\n");
    // The sentence about what is left out needs room too.
    let room = room.saturating_sub(around("").len() + 200);
    if text.len() <= room {
        return (around(&text), false);
    }
    let mut kept = 0;
    for line in text.split_inclusive('\n') {
        if kept + line.len() > room {
            break;
        }
        kept += line.len();
    }
    match text.get(..kept).unwrap_or_default() {
        "" => (String::new(), true),
        part => (around(part), true),
    }
}

/// The longest run of backticks: a fence must be longer.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_WHY) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
    }
}
