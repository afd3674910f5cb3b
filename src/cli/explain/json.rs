//! The answer as JSON, for other programs.

use serde::Serialize;

use super::judge::{Judged, SideView, Verdict};
use super::show::asks;
use super::{Answer, Pair, Run};
use crate::model::{Direction, Model};
use crate::verify::normal::Action;

#[derive(Serialize)]
struct Document<'a> {
    allowed: bool,
    answers: Vec<InCluster<'a>>,
}

#[derive(Serialize)]
struct InCluster<'a> {
    cluster: Option<&'a str>,
    from: &'a str,
    to: &'a str,
    ports: Option<String>,
    allowed: bool,
    flows: Vec<Flow<'a>>,
}

#[derive(Serialize)]
struct Flow<'a> {
    from: &'a str,
    to: &'a str,
    dialects: Vec<InDialect<'a>>,
    asked: Vec<Asked>,
    approximated: Vec<Approximated<'a>>,
    obstacles: Vec<Obstacle<'a>>,
    add: Vec<Addition<'a>>,
    remarks: Vec<&'a str>,
}

#[derive(Serialize)]
struct InDialect<'a> {
    dialect: &'a str,
    verdict: &'static str,
    passes: Option<String>,
    source: OneSide<'a>,
    destination: OneSide<'a>,
}

#[derive(Serialize)]
struct OneSide<'a> {
    policed: bool,
    passes: Option<String>,
    by: Vec<By<'a>>,
}

#[derive(Serialize)]
struct By<'a> {
    policy: &'a str,
    path: &'a str,
    line: usize,
    /// `allows`, `denies`, or `isolates`: it denies what no rule allows.
    action: &'static str,
    traffic: Option<String>,
}

#[derive(Serialize)]
struct Asked {
    name: String,
    path: String,
    line: usize,
    owner: Option<String>,
    why: Option<String>,
    /// The side on which alone it asks for it; `null`: every side that is policed.
    side: Option<&'static str>,
}

#[derive(Serialize)]
struct Approximated<'a> {
    dialects: &'a [&'static str],
    what: &'a str,
}

#[derive(Serialize)]
struct Obstacle<'a> {
    code: &'a str,
    message: &'a str,
    path: Option<&'a str>,
    line: Option<usize>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Addition<'a> {
    path: &'a str,
    /// The key of the list or table in which it belongs; `null`: the end of the file.
    inside: Option<&'static str>,
    toml: &'a str,
}

/// One document, of one line.
pub(super) fn json(run: &Run, answers: &[Answer]) -> String {
    let of = |answer: &Answer| run.models.iter().find(|model| model.cluster == answer.cluster);
    let document = Document {
        allowed: answers.iter().all(Answer::is_allowed),
        answers: answers.iter().filter_map(|answer| Some(in_cluster(run, of(answer)?, answer))).collect(),
    };
    // Texts, words and numbers: they can always be written.
    serde_json::to_string(&document).unwrap_or_default() + "\n"
}

fn in_cluster<'a>(run: &Run, model: &Model, answer: &'a Answer) -> InCluster<'a> {
    InCluster {
        cluster: answer.cluster.as_deref(),
        from: &answer.asking.from.name,
        to: &answer.asking.to.name,
        ports: answer.asking.ports.as_ref().map(ToString::to_string),
        allowed: answer.is_allowed(),
        flows: answer.pairs.iter().map(|pair| flow(run, model, pair)).collect(),
    }
}

fn flow<'a>(run: &Run, model: &Model, pair: &'a Pair) -> Flow<'a> {
    let asked = pair.asked.iter().map(|one| {
        let asks = asks(run, model, one.origin);
        let side = one.only.map(|side| match side {
            Direction::Egress => "source",
            Direction::Ingress => "destination",
        });
        Asked { name: asks.name, path: asks.place.path, line: asks.place.line, owner: asks.owner, why: asks.why, side }
    });
    let advice = pair.advice.iter();
    let obstacles = advice.clone().flat_map(|advice| &advice.obstacles).map(|one| Obstacle {
        code: one.code.0,
        message: &one.message,
        path: one.place.as_ref().map(|place| place.path.as_str()),
        line: one.place.as_ref().map(|place| place.line),
        notes: &one.notes,
    });
    let remarks = advice.clone().flat_map(|advice| &advice.remarks).map(String::as_str).collect();
    let add = advice.flat_map(|advice| &advice.add);
    let add = add.map(|one| Addition { path: &one.path, inside: one.inside, toml: &one.toml });
    Flow {
        from: &pair.from,
        to: &pair.to,
        dialects: pair.judged.iter().map(in_dialect).collect(),
        asked: asked.collect(),
        approximated: pair.lost.iter().map(|(what, dialects)| Approximated { dialects, what }).collect(),
        obstacles: obstacles.collect(),
        add: add.collect(),
        remarks,
    }
}

fn in_dialect(judged: &Judged) -> InDialect<'_> {
    InDialect {
        dialect: judged.dialect,
        verdict: match judged.verdict {
            Verdict::Allowed => "allowed",
            Verdict::Partly => "partly",
            Verdict::Denied => "denied",
            Verdict::Unclear => "unclear",
        },
        passes: (!judged.passes.is_empty()).then(|| judged.passes.to_string()),
        source: side(&judged.source),
        destination: side(&judged.destination),
    }
}

fn side(side: &SideView) -> OneSide<'_> {
    let rules = side.rules.iter().map(|rule| By {
        policy: &rule.policy,
        path: &rule.place.path,
        line: rule.place.line,
        action: if rule.action == Action::Allow { "allows" } else { "denies" },
        traffic: Some(rule.traffic.to_string()),
    });
    let closes = side.closes.iter().map(|(policy, place)| By {
        policy,
        path: &place.path,
        line: place.line,
        action: "isolates",
        traffic: None,
    });
    OneSide {
        policed: side.unpoliced.is_none(),
        passes: (!side.passes.is_empty()).then(|| side.passes.to_string()),
        by: rules.chain(closes).collect(),
    }
}
