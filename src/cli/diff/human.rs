//! The difference as people read it on a terminal: the texts first, so that what matters most is seen last.

use anstyle::{AnsiColor, Style};

use super::difference::{Difference, Group, Standing, Told};
use super::origins::{Asked, Place};
use crate::cli::Terminal;
use crate::cli::report::{Names, plural};
use crate::cli::run::Run;
use crate::model::Sym;
use crate::output::{Change, unified_diff};
use crate::pipeline::Compiled;
use crate::verify::{ChangeKind, Flows, flow_changes, sum};

/// How many flows of a kind are shown at most.
const MAX_FLOWS: usize = 40;

/// How many other changes are shown at most.
const MAX_WALLS: usize = 100;

const RED: Style = AnsiColor::Red.on_default();

/// All of it. `most_lines`: of the texts only so many, as for a build.
pub(super) fn tell(
    run: &Run,
    compiled: &[Compiled],
    difference: &Difference<'_>,
    most_lines: Option<usize>,
    terminal: &mut Terminal,
) {
    for note in &difference.notes {
        terminal.tell(format!("note: {note}"));
    }
    match most_lines {
        _ if difference.files.is_empty() => {}
        Some(most) => show_some(&difference.files, most, terminal),
        None => terminal.line(unified_diff(&difference.files, true)),
    }
    if difference.verdict.differs {
        meaning(difference, terminal);
    } else if run.selected.is_some() {
        standing(run, compiled, terminal);
    }
    elsewhere(difference, terminal);
}

fn meaning(difference: &Difference<'_>, terminal: &mut Terminal) {
    if !difference.unreadable.is_empty() {
        terminal.line("the old output cannot be read: opened and closed flows are not known\n");
    }
    let bold = RED.bold();
    for folder in &difference.dropped {
        terminal
            .line(format!("{bold}{folder} is no longer rendered: its policies go, default denies included{bold:#}\n"));
    }
    for one in difference.walls.iter().take(MAX_WALLS) {
        wall(one, terminal);
    }
    if difference.walls.len() > MAX_WALLS {
        terminal.line(format!("… and {} more changes of this kind\n", difference.walls.len() - MAX_WALLS));
    }
    for folder in &difference.fresh {
        terminal.line(format!("{folder} is rendered for the first time\n"));
    }
    for group in &difference.groups {
        flows(group, terminal);
    }
    if difference.is_text_alone() && !difference.files.is_empty() {
        terminal.line(format!("{}\n", text_alone(difference)));
        return;
    }
    // Something is otherwise in other clusters.
    let everywhere = difference.walls.iter().any(|one| one.clusters.is_empty());
    let quiet = |group: &&Group| group.flows.is_empty() && group.unlisted.is_none() && !group.fresh;
    for group in difference.groups.iter().filter(quiet).filter(|_| !everywhere) {
        let touched = |name: &Sym| difference.walls.iter().any(|one| one.clusters.contains(name));
        let names: Vec<Sym> = group.clusters.iter().filter(|name| !touched(name)).cloned().collect();
        if !names.is_empty() {
            terminal.line(format!("{}no flow opens or closes\n", in_clusters(&names)));
        }
    }
}

/// `3 files change, and no flow opens or closes`.
pub(super) fn text_alone(difference: &Difference<'_>) -> String {
    let count = difference.files.len();
    let verb = if count == 1 { "changes" } else { "change" };
    format!("{} {verb}, and no flow opens or closes", plural(count, "file"))
}

fn wall(one: &Standing, terminal: &mut Terminal) {
    let style = if one.wall.opens { RED.bold() } else { Style::new() };
    let place = in_clusters(&one.clusters);
    terminal.line(format!("{style}{place}{}{}{style:#}", one.wall.text, only(&one.only)));
    let said = [one.wall.app.as_ref().map(|app| by(app, one.wall.owner.as_deref())), one.wall.place.as_ref().map(at)];
    let said: Vec<String> = said.into_iter().flatten().collect();
    let why = one.wall.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
    if !said.is_empty() {
        terminal.line(format!("    {}{why}", said.join(", ")));
    }
    terminal.line("");
}

fn flows(group: &Group, terminal: &mut Terminal) {
    let place = in_clusters(&group.clusters);
    let sections = [
        (true, None, "to or from outside"),
        (false, Some(ChangeKind::Opened), "opened"),
        (false, Some(ChangeKind::Widened), "widened"),
        (false, Some(ChangeKind::Narrowed), "narrowed"),
        (false, Some(ChangeKind::Closed), "closed"),
    ];
    for (outside, kind, word) in sections {
        let of = |told: &&Told| told.outside == outside && kind.is_none_or(|kind| told.kind == kind);
        let mut of_section: Vec<&Told> = group.flows.iter().filter(of).collect();
        if of_section.is_empty() {
            continue;
        }
        of_section.sort_by_key(|told| told.kind);
        terminal.line(format!("{place}{} {word}:", plural(of_section.len(), "flow")));
        for told in of_section.iter().take(MAX_FLOWS) {
            flow(told, terminal);
        }
        if of_section.len() > MAX_FLOWS {
            terminal.line(format!("  … and {} more", of_section.len() - MAX_FLOWS));
        }
        terminal.line("");
    }
    if let Some(policies) = group.unlisted {
        terminal.line(format!("{place}{}\n", unlisted(policies)));
    }
}

/// What no list of flows can tell.
pub(super) fn unlisted(policies: usize) -> String {
    let policies = match policies {
        0 => return "order decides what some policies let through: more may open and close than is listed".to_owned(),
        1 => "policy".to_owned(),
        more => format!("{more} policies"),
    };
    format!("what {policies} opens and closes is not listed: order, or a selector that is no equality, decides it")
}

fn flow(told: &Told, terminal: &mut Terminal) {
    let (sign, colour) = match told.kind {
        ChangeKind::Opened => ("+", AnsiColor::Green.on_default()),
        ChangeKind::Closed => ("-", RED),
        ChangeKind::Widened | ChangeKind::Narrowed => ("~", AnsiColor::Yellow.on_default()),
    };
    let Told { from, to, ports, .. } = told;
    terminal.line(format!("  {colour}{sign} {} → {} {ports}{colour:#}{}", from.name, to.name, only(&told.only)));
    for asked in &told.asked {
        terminal.line(format!("      {}", asked_for(asked)));
    }
    let others = affected(told);
    if !others.is_empty() {
        terminal.line(format!("      affects {}", others.join(" and ")));
    }
}

/// `shop (owner storefront): web -> api, intents/shop.toml:12: the reason`.
fn asked_for(asked: &Asked) -> String {
    let why = asked.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
    format!("{}: {}, {}{why}", by(&asked.app, asked.owner.as_deref()), asked.name, at(&asked.place))
}

/// Apps at the ends that did not ask for it themselves.
pub(super) fn affected(told: &Told) -> Vec<String> {
    let mut teams: Vec<_> = [&told.from, &told.to].into_iter().filter_map(|end| end.team.as_ref()).collect();
    teams.sort();
    teams.dedup();
    let asks = |app: &str| told.asked.iter().any(|asked| asked.app == app);
    teams.into_iter().filter(|team| !asks(&team.app)).map(|team| by(&team.app, team.owner.as_deref())).collect()
}

pub(super) fn by(app: &str, owner: Option<&str>) -> String {
    match owner {
        Some(owner) => format!("{app} (owner {owner})"),
        None => app.to_owned(),
    }
}

fn at(place: &Place) -> String {
    let old = place.old.as_ref().map_or(String::new(), |old| format!(" {old}"));
    format!("{}:{}{old}", place.path, place.line)
}

fn only(dialects: &[&str]) -> String {
    match dialects {
        [] => String::new(),
        some => format!(" (only {})", some.join(", ")),
    }
}

fn in_clusters(names: &[Sym]) -> String {
    match names {
        [] => String::new(),
        some => format!("{}: ", some.iter().map(|name| &**name).collect::<Vec<_>>().join(", ")),
    }
}

/// What is of other intents than the chosen ones.
fn elsewhere(difference: &Difference<'_>, terminal: &mut Terminal) {
    let (files, flows) = difference.elsewhere;
    if files + flows > 0 {
        let what = if files > 0 { plural(files, "file") } else { plural(flows, "flow") };
        terminal.line(format!("{what} of other intents change too: without paths, `netpolc diff` shows them\n"));
    }
}

/// Where nothing changes, what the chosen intents allow.
pub(super) fn standing(run: &Run, compiled: &[Compiled], terminal: &mut Terminal) {
    let names = Names::of(run);
    // The one that says most of what was meant.
    let Some(done) = compiled.iter().min_by_key(|done| done.proved.approximations.len()) else { return };
    let mut flows =
        flow_changes(&Flows::default(), &Flows::of(&sum::of(&done.policies).policies), &|peer| names.name(peer));
    flows.retain(|flow| names.is_shown(flow));
    terminal.line(format!("nothing changes; {} as before:", plural(flows.len(), "flow")));
    for flow in flows.iter().take(MAX_FLOWS) {
        terminal.line(format!("  {flow}"));
    }
    if flows.len() > MAX_FLOWS {
        terminal.line(format!("  … and {} more", flows.len() - MAX_FLOWS));
    }
    terminal.line("");
}

/// The difference file by file until there is enough of it: of a large first build nobody reads more.
fn show_some(changes: &[&Change], most: usize, terminal: &mut Terminal) {
    let mut left = most;
    for (position, change) in changes.iter().enumerate() {
        let text = unified_diff(&[*change], true);
        let lines = text.lines().count();
        for line in text.lines().take(left) {
            terminal.line(line);
        }
        if lines > left {
            let files = plural(changes.len() - position, "file");
            terminal
                .line(format!("… the rest of {files} is not shown; before a build, `netpolc diff` shows all of it"));
            break;
        }
        left -= lines;
    }
    terminal.line("");
}
