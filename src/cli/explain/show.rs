//! The answer as people read it. Pairs and dialects that are told alike are told once.

use std::collections::BTreeSet;

use super::advice::Advice;
use super::judge::{AskedBy, Judged, SideView, Verdict};
use super::written::Place;
use super::{Answer, Pair, Run, Terminal};
use crate::model::{Direction, Model, Origin};
use crate::source::Span;
use crate::verify::normal::Action;
use crate::verify::{PortSet, Traffic};

/// What an answer is told with.
struct Teller<'t> {
    run: &'t Run,
    model: &'t Model,
    ports: Option<&'t PortSet>,
}

pub(super) fn text(run: &Run, answers: &[Answer], terminal: &mut Terminal) {
    for (position, answer) in answers.iter().enumerate() {
        let Some(model) = run.models.iter().find(|model| model.cluster == answer.cluster) else { continue };
        if position > 0 {
            terminal.line("");
        }
        let teller = Teller { run, model, ports: answer.asking.ports.as_ref() };
        teller.heading(answer, terminal);
        teller.pairs(&answer.pairs, terminal);
    }
}

impl Teller<'_> {
    /// `frontend/web → backend/api 80/TCP: allowed`.
    fn heading(&self, answer: &Answer, terminal: &mut Terminal) {
        let place = answer.cluster.as_ref().map_or(String::new(), |name| format!("{name}: "));
        let ports = self.ports.map_or(String::new(), |ports| format!(" {ports}"));
        let mut by_dialect: Vec<(&str, BTreeSet<String>, bool)> = vec![];
        for judged in answer.pairs.iter().flat_map(|pair| &pair.judged) {
            let verdict = self.verdict(judged.verdict, &judged.passes);
            let allowed = judged.verdict == Verdict::Allowed;
            match by_dialect.iter_mut().find(|(dialect, ..)| *dialect == judged.dialect) {
                Some((_, verdicts, all)) => {
                    verdicts.insert(verdict);
                    *all &= allowed;
                }
                None => by_dialect.push((judged.dialect, BTreeSet::from([verdict]), allowed)),
            }
        }
        let mut said: Vec<(String, Vec<&str>)> = vec![];
        for (dialect, verdicts, all) in by_dialect {
            let verdict = match (verdicts.len(), all) {
                (0 | 1, _) => verdicts.into_iter().collect(),
                (_, true) => verdicts.into_iter().collect::<Vec<_>>().join(" or "),
                (_, false) => "not all of it is allowed".to_owned(),
            };
            match said.iter_mut().find(|(known, _)| *known == verdict) {
                Some((_, by)) => by.push(dialect),
                None => said.push((verdict, vec![dialect])),
            }
        }
        let verdict = match said.as_slice() {
            [(one, _)] => one.clone(),
            several => {
                several.iter().map(|(one, by)| format!("{one} ({})", by.join(", "))).collect::<Vec<_>>().join("; ")
            }
        };
        let colour = match (answer.is_allowed(), said.len()) {
            (true, _) => anstyle::AnsiColor::Green,
            (false, 1) => anstyle::AnsiColor::Red,
            (false, _) => anstyle::AnsiColor::Yellow,
        };
        let colour = colour.on_default().bold();
        let (from, to) = (&answer.asking.from.name, &answer.asking.to.name);
        terminal.line(format!("{place}{from} → {to}{ports}: {colour}{verdict}{colour:#}"));
    }

    fn verdict(&self, verdict: Verdict, passes: &Traffic) -> String {
        let only_requests = passes.any().is_empty() && passes.http().next().is_some();
        match verdict {
            Verdict::Denied => "denied".to_owned(),
            Verdict::Unclear => "unclear".to_owned(),
            Verdict::Partly => format!("allowed for {passes} alone"),
            Verdict::Allowed if self.ports.is_some() && only_requests => {
                let requests: Vec<String> = passes.http().map(|(request, _)| request.to_string()).collect();
                format!("allowed for {} alone", requests.join(", "))
            }
            Verdict::Allowed if self.ports.is_some() => "allowed".to_owned(),
            Verdict::Allowed => format!("allowed for {passes}"),
        }
    }

    fn pairs(&self, pairs: &[Pair], terminal: &mut Terminal) {
        let mut told: Vec<(Vec<String>, Vec<String>)> = vec![];
        for pair in pairs {
            let (name, body) = (format!("{} → {}", pair.from, pair.to), self.body(pair));
            match told.iter_mut().find(|(known, _)| *known == body) {
                Some((_, of)) => of.push(name),
                None => told.push((body, vec![name])),
            }
        }
        let several = told.len() > 1;
        for (body, of) in told {
            if several {
                terminal.line(format!("\n{}", of.join(", ")));
            }
            body.iter().for_each(|line| terminal.line(line));
        }
    }

    fn body(&self, pair: &Pair) -> Vec<String> {
        let mut lines: Vec<String> = vec![];
        let mut groups: Vec<(Vec<String>, Vec<&str>)> = vec![];
        for judged in &pair.judged {
            let said = self.sides(judged);
            match groups.iter_mut().find(|(known, _)| *known == said) {
                Some((_, by)) => by.push(judged.dialect),
                None => groups.push((said, vec![judged.dialect])),
            }
        }
        for (said, by) in groups {
            lines.push(String::new());
            let mut said = said.into_iter();
            lines.push(format!("{}: {}", by.join(", "), said.next().unwrap_or_default()));
            lines.extend(said.map(|line| format!("  {line}")));
        }
        lines.push(String::new());
        lines.extend(self.asked(&pair.asked));
        for (lost, by) in &pair.lost {
            lines.push(format!("exact except: {} {lost}", by.join(", ")));
        }
        if let Some(host) = &pair.host {
            lines.push(format!("taken for granted: {host} has a public address that no intent names"));
        }
        if let Some(advice) = &pair.advice {
            self.advice(advice, &mut lines);
        }
        lines
    }

    /// The verdict of a dialect, and what it does on either side.
    fn sides(&self, judged: &Judged) -> Vec<String> {
        let mut lines = vec![self.verdict(judged.verdict, &judged.passes)];
        if judged.verdict == Verdict::Unclear {
            lines.push("it hangs on addresses that policies do not tell".to_owned());
        }
        lines.extend(self.side("source", &judged.source));
        lines.extend(self.side("destination", &judged.destination));
        lines
    }

    fn side(&self, name: &str, side: &SideView) -> Vec<String> {
        let way = match side.direction {
            Direction::Egress => "out",
            Direction::Ingress => "in",
        };
        let mut told: Vec<String> = vec![];
        told.extend(side.unpoliced.as_ref().map(|why| format!("not policed: {why}")));
        for rule in &side.rules {
            let what = self.what(&rule.traffic);
            let staged = if rule.staged { ", but only reports" } else { "" };
            told.push(match rule.action {
                Action::Allow => format!("{} lets {what} {way}{staged} ({})", rule.policy, rule.place),
                Action::Deny | Action::Pass => format!("{} denies {what}{staged} ({})", rule.policy, rule.place),
            });
        }
        let denied = side.rules.iter().any(|rule| rule.action == Action::Deny);
        let allowed = side.rules.iter().any(|rule| rule.action == Action::Allow);
        if let Some((policy, place)) = side.closes.as_ref().filter(|_| !denied && (!allowed || self.ports.is_some())) {
            let it = if allowed { "the rest" } else { "it" };
            told.push(format!("no rule lets {it} {way}: {policy} denies it ({place})"));
        }
        let indent = " ".repeat(13);
        let label = |position: usize| if position == 0 { format!("{name:<13}") } else { indent.clone() };
        told.iter().enumerate().map(|(position, line)| format!("{}{line}", label(position))).collect()
    }

    /// `it`, or the part of it.
    fn what(&self, traffic: &Traffic) -> String {
        match self.ports {
            Some(ports) if Traffic::from(ports.clone()) == *traffic => "it".to_owned(),
            _ => traffic.to_string(),
        }
    }

    fn asked(&self, asked: &[AskedBy]) -> Vec<String> {
        if asked.is_empty() {
            return vec!["intents: nothing asks for it".to_owned()];
        }
        let told = asked.iter().map(|one| {
            let Asks { name, place, owner, why } = asks(self.run, self.model, one.origin);
            let owner = owner.map_or(String::new(), |owner| format!(", {owner}"));
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            let only = match one.only {
                Some(Direction::Egress) => " [the source's side alone]",
                Some(Direction::Ingress) => " [the destination's side alone]",
                None => "",
            };
            format!("asked for by {name} ({place}{owner}){why}{only}")
        });
        told.collect()
    }

    fn advice(&self, advice: &Advice, lines: &mut Vec<String>) {
        if !advice.obstacles.is_empty() {
            lines.push(String::new());
        }
        for obstacle in &advice.obstacles {
            let place = obstacle.place.as_ref().map_or(String::new(), |place| format!(" ({place})"));
            lines.push(format!("stands against it: {}{place}", obstacle.message));
            lines.extend(obstacle.notes.iter().map(|note| format!("  {note}")));
        }
        let mut before = None;
        for snippet in &advice.add {
            let place = (&snippet.path, snippet.inside);
            if before != Some(place) {
                lines.push(String::new());
                let inside = snippet.inside.map_or(String::new(), |key| format!(", inside `{key}`"));
                let settled = if advice.obstacles.is_empty() { "" } else { ", once that is settled" };
                let start = match before {
                    None => format!("to allow it{settled}, add to"),
                    Some(_) => "and to".to_owned(),
                };
                lines.push(format!("{start} {}{inside}:", snippet.path));
            }
            before = Some(place);
            lines.push(String::new());
            lines.extend(snippet.toml.lines().map(|line| format!("  {line}")));
        }
        if !advice.add.is_empty() && !(advice.remarks.is_empty() && (advice.works || !advice.obstacles.is_empty())) {
            lines.push(String::new());
        }
        if !advice.works && advice.obstacles.is_empty() && !advice.add.is_empty() {
            lines.push("by itself this does not allow it".to_owned());
        }
        lines.extend(advice.remarks.iter().cloned());
    }
}

/// A line of the intents that asks for something.
pub(super) struct Asks {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) owner: Option<String>,
    pub(super) why: Option<String>,
}

pub(super) fn asks(run: &Run, model: &Model, origin: Origin) -> Asks {
    let span: Span = model.origin_span(origin);
    let why = match origin {
        Origin::Edge(edge) => model[edge].why.as_ref().map(ToString::to_string),
        Origin::Dns(_) | Origin::Metrics(_) | Origin::Scraper(_) => None,
    };
    let owner = model[model.origin_app(origin)].owner.as_ref().map(ToString::to_string);
    Asks { name: model.origin_name(origin), place: Place::of(&run.project.sources, span), owner, why }
}
