//! Verdicts as JSON: the form in which other programs take them, and by which the evaluator is judged.

use std::fmt::Write;

use serde::{Serialize, Serializer};

use crate::cluster::{Verdict, Verdicts};
use crate::model::Sym;

#[derive(Serialize)]
struct Row<'v> {
    src: &'v str,
    dst: &'v str,
    probe: &'v str,
    egress: Shown,
    ingress: Shown,
    allowed: Shown,
    by: Vec<&'v str>,
}

/// `true`, `false`, `"ambiguous"` or `null`.
struct Shown(Verdict);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Verdict::Yes => serializer.serialize_bool(true),
            Verdict::No => serializer.serialize_bool(false),
            Verdict::Ambiguous => serializer.serialize_str("ambiguous"),
            Verdict::NotApplicable => serializer.serialize_unit(),
        }
    }
}

/// All flows in the order of [`Verdicts::flows`], one a line, so that two answers can be compared.
pub fn json(verdicts: &Verdicts) -> String {
    let probes: Vec<String> = verdicts.probes().iter().map(ToString::to_string).collect();
    let end = |index: usize| verdicts.ends().get(index).map_or("", |name: &Sym| name);
    let mut text = String::from("{\"flows\":[");
    let probe_of_row = probes.iter().cycle();
    for (position, (flow, probe)) in verdicts.flows().zip(probe_of_row).enumerate() {
        let cell = flow.cell;
        let row = Row {
            src: end(flow.src),
            dst: end(flow.dst),
            probe,
            egress: Shown(cell.egress),
            ingress: Shown(cell.ingress),
            allowed: Shown(cell.allowed),
            by: cell.by.iter().map(|name| &**name).collect(),
        };
        // Rows are strings and words: they can always be written.
        let row = serde_json::to_string(&row).unwrap_or_default();
        let _ = write!(text, "{}\n{row}", if position > 0 { "," } else { "" });
    }
    text.push_str("\n]}\n");
    text
}
