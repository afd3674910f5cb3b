//! `netpolc rule`: what a code means.

use serde_json::{Value, json};

use super::{Exit, RuleArgs, RuleFormat, Terminal};
use crate::checks::{self, explained};
use crate::diag::{Explained, nearest, quote};

pub(super) fn run(args: &RuleArgs, terminal: &mut Terminal) -> Exit {
    let all = explained();
    let Some(code) = &args.code else {
        match args.format {
            None | Some(RuleFormat::List) => list(&all, terminal),
            Some(RuleFormat::Markdown) => terminal.print(&page(&all)),
            Some(RuleFormat::Json) => print_json(&all.iter().map(as_json).collect(), terminal),
        }
        return Exit::Fine;
    };
    let is_it = |name: &str| name.eq_ignore_ascii_case(code);
    if let Some(one) = all.iter().find(|one| is_it(one.code.0) || one.name.is_some_and(is_it)) {
        match args.format {
            None | Some(RuleFormat::Markdown) => terminal.print(&one.text),
            Some(RuleFormat::List) => terminal.line(line(one)),
            Some(RuleFormat::Json) => print_json(&as_json(one), terminal),
        }
        return Exit::Fine;
    }
    let hint = match nearest(code, all.iter().flat_map(|one| std::iter::once(one.code.0).chain(one.name))) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None => "`netpolc rule --all` lists them".to_owned(),
    };
    terminal.fail(format!("there is no code {}; {hint}", quote(code)))
}

/// Every code, a line each: what stops a build whatever is configured, then the rules with their default levels.
fn list(all: &[Explained], terminal: &mut Terminal) {
    let mut rules = false;
    for one in all {
        if one.name.is_some() != rules {
            terminal.line("");
            rules = one.name.is_some();
        }
        terminal.line(line(one));
    }
}

fn line(one: &Explained) -> String {
    let Explained { code, summary, .. } = one;
    match one.name {
        None => format!("{code}  {summary}"),
        Some(name) => format!("{code}  {name} ({}) — {summary}", level(one)),
    }
}

fn level(one: &Explained) -> &'static str {
    one.level.map_or("allow", |level| level.as_str())
}

fn as_json(one: &Explained) -> Value {
    json!({
        "code": one.code.0, "name": one.name, "group": one.group, "level": level(one), "summary": one.summary,
        "text": one.text,
    })
}

fn print_json(value: &Value, terminal: &mut Terminal) {
    terminal.line(serde_json::to_string_pretty(value).unwrap_or_default());
}

/// The page of all codes: a table of contents by group, then each explanation.
fn page(all: &[Explained]) -> String {
    let mut text = String::from(
        "# Rules and errors\n\n\
         Everything that netpolc finds has a code, which never changes its meaning. `netpolc rule CODE` prints one of these \
         explanations.\n\n\
         Levels and waivers are for rules: `[lints]` in `netpolc.toml` sets the level of a rule for a project, and a `[[waive]]` \
         in an intent accepts one finding. A rule whose level is \"allow\" is looked for where a project raises it, or where \
         `netpolc check --select` asks for it. All other codes are errors that nothing switches off.\n\n\
         `netpolc rule --all --format markdown` writes this page.\n",
    );
    let groups = checks::Group::ALL.iter().map(|group| group.name()).chain(["language", "proof", "output"]);
    for group in groups {
        let of_group: Vec<&Explained> = all.iter().filter(|one| one.group == group).collect();
        let Some(first) = of_group.first() else { continue };
        let rules = first.name.is_some();
        text.push_str(&format!("\n## {}: {group}\n\n", if rules { "Rules" } else { "Errors" }));
        text.push_str(match rules {
            true => "| code | rule | level | finds |\n|---|---|---|---|\n",
            false => "| code | error |\n|---|---|\n",
        });
        for one in &of_group {
            let link = format!("[{}](#{})", one.code, anchor(&one.title()));
            let summary = one.summary.replace('|', "\\|");
            text.push_str(&match one.name {
                Some(name) => format!("| {link} | {name} | {} | {summary} |\n", level(one)),
                None => format!("| {link} | {summary} |\n"),
            });
        }
    }
    for one in all.iter().filter(|one| one.name.is_some()).chain(all.iter().filter(|one| one.name.is_none())) {
        text.push('\n');
        text.push_str(&deeper(&one.text));
    }
    text
}

/// The same text with its headings one level deeper. What begins with `#` in a block of code is none.
fn deeper(text: &str) -> String {
    let mut code = false;
    text.lines()
        .map(|line| {
            code ^= line.starts_with("```");
            let deeper = if line.starts_with('#') && !code { "#" } else { "" };
            format!("{deeper}{line}\n")
        })
        .collect()
}

/// What GitHub and GitLab call a heading in links.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}
