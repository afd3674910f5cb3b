//! Findings as SARIF 2.1.0 (OASIS), with what GitHub's code scanning wants of it (`sarif-support-for-code-scanning.md` in
//! `github/docs`): every rule explained, paths from the root of the repository, and a fingerprint for each result.
//!
//! Only what is used of the standard has a type here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::place::{Place, Places, Region};
use super::report::{in_words, pretty};
use super::{Diagnostic, Edit, Explained, Fix, Report, Waived};
use crate::source::Span;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const ROOT: &str = "%SRCROOT%";
/// GitHub shows no more of a rule's description.
const MAX_DESCRIPTION: usize = 1024;

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    original_uri_base_ids: BTreeMap<&'static str, UriBase>,
    column_kind: &'static str,
    results: Vec<SarifResult>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    short_description: Text,
    full_description: Text,
    help: Help,
    default_configuration: Configuration,
    properties: Properties,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Configuration {
    enabled: bool,
    level: &'static str,
}

#[derive(Serialize)]
struct Properties {
    tags: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
}

#[derive(Serialize)]
struct UriBase {
    description: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<SarifFix>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fingerprints {
    primary_location_line_hash: String,
    /// Tells apart what is found on one line.
    #[serde(rename = "netpolcFinding/v1")]
    finding: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: SarifRegion,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRegion {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifFix {
    description: Text,
    artifact_changes: Vec<ArtifactChange>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange {
    artifact_location: ArtifactLocation,
    replacements: Vec<Replacement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: SarifRegion,
    inserted_content: Text,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    justification: String,
    location: Location,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned() }
    }
}

/// One log with one run.
pub(super) fn document(report: &Report<'_>) -> String {
    let places = Places::of(report);
    let results = report.all().zip(places.fingerprints());
    let base = UriBase { description: "the root of the repository".into() };
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "netpolc",
                semantic_version: env!("CARGO_PKG_VERSION"),
                rules: report.explained.iter().map(rule).collect(),
            },
        },
        // What could not be run at all has no report.
        invocations: [Invocation { execution_successful: true }],
        original_uri_base_ids: BTreeMap::from([(ROOT, base)]),
        column_kind: "unicodeCodePoints",
        results: results
            .map(|((diagnostic, waived), fingerprint)| result(report, &places, diagnostic, waived, fingerprint))
            .collect(),
    };
    pretty(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

fn rule(explained: &Explained) -> Rule {
    Rule {
        id: explained.code.0,
        name: explained.name,
        short_description: explained.summary.into(),
        full_description: Text { text: description(&explained.text) },
        help: Help { text: explained.text.clone(), markdown: explained.text.clone() },
        default_configuration: Configuration {
            enabled: explained.level.is_some(),
            level: explained.level_of_findings().as_str(),
        },
        properties: Properties { tags: [explained.group] },
    }
}

/// The paragraph after the title and the summary, on one line.
fn description(text: &str) -> String {
    let paragraphs: Vec<&str> = text.split("\n\n").skip(1).collect();
    let about = paragraphs.iter().find(|paragraph| !paragraph.contains("(default level: "));
    let line = about.unwrap_or(&text).trim().replace('\n', " ");
    line.chars().take(MAX_DESCRIPTION).collect()
}

fn result(
    report: &Report<'_>,
    places: &Places<'_>,
    diagnostic: &Diagnostic,
    waived: Option<&Waived>,
    fingerprint: String,
) -> SarifResult {
    let related = diagnostic.related.iter().enumerate();
    let suppression = |waived: &Waived| Suppression {
        kind: "inSource",
        justification: waived.reason.to_string(),
        location: location(places.at(waived.waiver)),
    };
    SarifResult {
        rule_id: diagnostic.code.0,
        rule_index: report.explained.iter().position(|explained| explained.code == diagnostic.code),
        level: diagnostic.level.as_str(),
        message: Text { text: in_words(diagnostic) },
        locations: [location(places.primary(diagnostic))],
        related_locations: related
            .map(|(number, label)| Location {
                id: Some(number + 1),
                message: (!label.text.is_empty()).then(|| label.text.as_str().into()),
                ..location(places.at(label.span))
            })
            .collect(),
        partial_fingerprints: Fingerprints {
            primary_location_line_hash: places.line_hash(diagnostic).to_owned(),
            finding: fingerprint,
        },
        fixes: diagnostic.fix.iter().filter_map(|fix| replacements(fix, places)).collect(),
        suppressions: waived.into_iter().map(suppression).collect(),
    }
}

/// A fix that only writes other strings. What takes something out or sorts cannot be said without knowing the text around.
fn replacements(fix: &Fix, places: &Places<'_>) -> Option<SarifFix> {
    let change = |span: Span, text: &str| {
        let Place { path, region } = places.at(span);
        let inserted_content = Text { text: toml::Value::from(text).to_string() };
        let replacement = Replacement { deleted_region: region.into(), inserted_content };
        ArtifactChange { artifact_location: artifact(path.as_str()), replacements: vec![replacement] }
    };
    let changes: Option<Vec<ArtifactChange>> = fix
        .edits
        .iter()
        .map(|edit| match edit {
            Edit::Replace { span, text } => Some(change(*span, text)),
            Edit::Remove { .. } | Edit::Sort { .. } => None,
        })
        .collect();
    Some(SarifFix { description: fix.message.as_str().into(), artifact_changes: changes? })
}

fn location(Place { path, region }: Place) -> Location {
    let physical_location =
        PhysicalLocation { artifact_location: artifact(path.as_str()), region: SarifRegion::from(region) };
    Location { id: None, physical_location, message: None }
}

fn artifact(path: &str) -> ArtifactLocation {
    ArtifactLocation { uri: uri(path), uri_base_id: ROOT }
}

impl From<Region> for SarifRegion {
    fn from(Region { line, column, end_line, end_column }: Region) -> Self {
        Self { start_line: line, start_column: column, end_line, end_column }
    }
}

/// A path as a relative URI (RFC 3986): all but unreserved characters and slashes in percent signs.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Code, codes};
    use crate::source::Sources;

    fn fixes(edits: impl Fn(Span) -> Vec<Edit>) -> serde_json::Value {
        let mut sources = Sources::default();
        let file = sources.add("intents/a.toml", "é = [\"2001:DB8::/32\"]\n");
        let span = Span::new(file, 6..21);
        let found = [Diagnostic::error(codes::CIDR, span, "not canonical").fix("write it", edits(span))];
        let report = Report { sources: &sources, found: &found, waived: &[], explained: &[], folder: "net".into() };
        let log: serde_json::Value = serde_json::from_str(&document(&report)).unwrap();
        log["runs"][0]["results"][0]["fixes"].clone()
    }

    #[test]
    fn a_fix_writes_toml_in_the_place_of_toml() {
        let fixes = fixes(|span| vec![Edit::Replace { span, text: "a \"quoted\" \\ word".to_owned() }]);
        assert_eq!(
            fixes,
            serde_json::json!([{
                "description": { "text": "write it" },
                "artifactChanges": [{
                    "artifactLocation": { "uri": "net/intents/a.toml", "uriBaseId": "%SRCROOT%" },
                    "replacements": [{
                        "deletedRegion": { "startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 21 },
                        "insertedContent": { "text": "'a \"quoted\" \\ word'" },
                    }],
                }],
            }])
        );
    }

    #[test]
    fn a_fix_is_told_whole_or_not_at_all() {
        let replace = |span| Edit::Replace { span, text: "x".to_owned() };
        assert!(fixes(|span| vec![replace(span), Edit::Remove { span }]).is_null());
        assert!(fixes(|span| vec![Edit::Sort { span, order: vec![1, 0] }]).is_null());
    }

    #[test]
    fn the_description_is_the_first_paragraph_that_explains() {
        assert_eq!(description("# A b\n\nOne\ntwo.\n\nThree.\n"), "One two.");
        assert_eq!(description("# A b\n\nin short (default level: error)\n\nOne.\n"), "One.");
        assert_eq!(description(&format!("# A b\n\n{}", "ü".repeat(2000))).chars().count(), MAX_DESCRIPTION);
        let rule = Code("NP201");
        let text = crate::checks::explained().into_iter().find(|one| one.code == rule).unwrap().text;
        assert!(description(&text).starts_with("An edge on all ports"), "{text}");
    }
}
