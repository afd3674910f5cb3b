//! `netpolc rule`: what a code means.

use super::{Exit, RuleArgs, Terminal};
use crate::checks;
use crate::diag::{codes, nearest, quote};

pub(super) fn run(args: &RuleArgs, terminal: &mut Terminal) -> Exit {
    let Some(code) = &args.code else { return list(terminal) };
    if let Some(rule) = checks::find(code) {
        terminal.print(&rule.to_string());
        return Exit::Fine;
    }
    if let Some(doc) = codes::ALL.iter().find(|doc| doc.code.0.eq_ignore_ascii_case(code)) {
        let text: Vec<&str> = doc.doc.lines().map(str::trim).collect();
        terminal.line(format!("# {} {}\n\n{}", doc.code, doc.title, text.join("\n").trim()));
        return Exit::Fine;
    }
    let known = checks::all().flat_map(|rule| [rule.code.0, rule.name]).chain(codes::ALL.iter().map(|doc| doc.code.0));
    let hint = match nearest(code, known) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None => "`netpolc rule --all` lists them".to_owned(),
    };
    terminal.fail(format!("there is no code {}; {hint}", quote(code)))
}

/// Every code, a line each: what stops a build whatever is configured, then the rules with their default levels.
fn list(terminal: &mut Terminal) -> Exit {
    for doc in codes::ALL {
        terminal.line(format!("{}  {}", doc.code, doc.title));
    }
    terminal.line("");
    for rule in checks::all() {
        let level = rule.default.as_str();
        terminal.line(format!("{}  {} ({level}) — {}", rule.code, rule.name, rule.summary));
    }
    Exit::Fine
}
