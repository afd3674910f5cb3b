//! Findings for programs: one JSON document a run, described by a schema that is generated from the same types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::place::Region;
use super::report::pretty;
use super::{Diagnostic, Edit, Label, Report, Waived, fix};
use crate::source::{Sources, Span};

/// One thing that `netpolc check` has to tell.
#[derive(Serialize, JsonSchema)]
struct Finding<'a> {
    /// The stable code, as NP201. `netpolc rule CODE` explains it.
    code: &'static str,
    /// The name of the rule, as all-ports. Null where the code is of the language, the proof or the output, not of a rule.
    name: Option<&'static str>,
    /// What the code is about, as graph, breadth or language.
    group: &'static str,
    /// How bad it is: errors stop a build.
    level: Level,
    /// What is wrong.
    message: &'a str,
    /// Where it is. Null for what has no place in a text.
    location: Option<LabelledPlace<'a>>,
    /// Other places that matter.
    related: Vec<LabelledPlace<'a>>,
    /// Facts that explain.
    notes: &'a [String],
    /// What to do.
    help: &'a [String],
    /// The change that mends it. Null where there is none, or more than one.
    fix: Option<Fix<'a>>,
    /// The waiver that accepts it. Null for all but the findings that --waived adds.
    waived: Option<Waiver<'a>>,
}

/// How bad a finding is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// Stops a build.
    Error,
    /// Is shown; fails only under --strict.
    Warning,
}

/// A range of characters in a file.
#[derive(Serialize, JsonSchema)]
struct Place<'a> {
    /// The file, relative to the root of the project, with slashes.
    path: &'a str,
    /// The first line, from 1.
    #[schemars(range(min = 1))]
    line: usize,
    /// The first character in its line, from 1.
    #[schemars(range(min = 1))]
    column: usize,
    /// The line of the last character, from 1.
    #[schemars(range(min = 1))]
    end_line: usize,
    /// One past the last character in its line, from 1.
    #[schemars(range(min = 1))]
    end_column: usize,
}

/// A place with a few words.
#[derive(Serialize, JsonSchema)]
struct LabelledPlace<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    /// What is there; may be empty.
    label: &'a str,
}

/// A change of a file that mends a finding.
#[derive(Serialize, JsonSchema)]
struct Fix<'a> {
    /// What it does, for people.
    message: &'a str,
    /// The changes; all of them or none.
    edits: Vec<Change<'a>>,
}

/// A change of one TOML value.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Change<'a> {
    /// Writes another string.
    Replace {
        /// The string, quotes included.
        location: Place<'a>,
        /// The string that it becomes, without quotes.
        text: &'a str,
    },
    /// Takes an element out of its list.
    Remove {
        /// The element; of a table of an array of tables, its first line.
        location: Place<'a>,
    },
    /// Brings the elements of a list into another order.
    Sort {
        /// The list, brackets included.
        location: Place<'a>,
        /// For each place, the present place of the element that belongs there, from 0.
        order: &'a [usize],
    },
}

/// A waiver that accepts a finding.
#[derive(Serialize, JsonSchema)]
struct Waiver<'a> {
    /// Why it is accepted.
    reason: &'a str,
    /// Where the waiver is written.
    location: Place<'a>,
}

/// An array of findings.
pub(super) fn document(report: &Report<'_>) -> String {
    let findings: Vec<Finding<'_>> =
        report.all().map(|(diagnostic, waived)| finding(report, diagnostic, waived)).collect();
    pretty(&findings)
}

/// The schema of the document.
pub fn findings_schema() -> Value {
    schema_of::<Vec<Finding<'_>>>("netpolc findings", "What `netpolc check --format json` prints.")
}

/// The schema of a document that netpolc prints.
pub(crate) fn schema_of<T: JsonSchema>(title: &str, description: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut value = generator.into_root_schema_for::<T>().to_value();
    one_line(&mut value);
    if let Value::Object(map) = &mut value {
        map.insert("title".to_owned(), title.into());
        map.insert("description".to_owned(), description.into());
    }
    value
}

/// The comments of the types are wrapped at a width that means nothing to a reader of the schema.
fn one_line(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(description)) = map.get_mut("description") {
                *description = description.replace('\n', " ");
            }
            map.values_mut().for_each(one_line);
        }
        Value::Array(list) => list.iter_mut().for_each(one_line),
        _ => {}
    }
}

fn finding<'a>(report: &Report<'a>, diagnostic: &'a Diagnostic, waived: Option<&'a Waived>) -> Finding<'a> {
    let sources = report.sources;
    let explained = report.explained.iter().find(|explained| explained.code == diagnostic.code);
    Finding {
        code: diagnostic.code.0,
        name: explained.and_then(|explained| explained.name),
        group: explained.map_or("", |explained| explained.group),
        level: match diagnostic.level {
            super::Level::Error => Level::Error,
            super::Level::Warning => Level::Warning,
        },
        message: &diagnostic.message,
        location: diagnostic.primary.as_ref().map(|label| labelled(label, sources)),
        related: diagnostic.related.iter().map(|label| labelled(label, sources)).collect(),
        notes: &diagnostic.notes,
        help: &diagnostic.help,
        fix: diagnostic.fix.as_ref().map(|fix| change(fix, sources)),
        waived: waived.map(|waived| Waiver { reason: &waived.reason, location: place(waived.waiver, sources) }),
    }
}

fn labelled<'a>(label: &'a Label, sources: &'a Sources) -> LabelledPlace<'a> {
    LabelledPlace { place: place(label.span, sources), label: &label.text }
}

fn place(span: Span, sources: &Sources) -> Place<'_> {
    let Region { line, column, end_line, end_column } = Region::of(span, sources);
    Place { path: sources.path(span.file).as_str(), line, column, end_line, end_column }
}

fn change<'a>(fix: &'a fix::Fix, sources: &'a Sources) -> Fix<'a> {
    let edits = fix.edits.iter().map(|edit| match edit {
        Edit::Replace { span, text } => Change::Replace { location: place(*span, sources), text },
        Edit::Remove { span } => Change::Remove { location: place(*span, sources) },
        Edit::Sort { span, order } => Change::Sort { location: place(*span, sources), order },
    });
    Fix { message: &fix.message, edits: edits.collect() }
}
