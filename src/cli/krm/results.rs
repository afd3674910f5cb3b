//! What a function tells: `results` of the list for the orchestrator, and lines on standard error for people, as kustomize shows
//! the one and not the other.
//!
//! In: findings, and what is wrong with the function config. Out: results in the shape of `kyaml/fn/framework/result.go`
//! (kubernetes-sigs/kustomize). A message is one line that names its place, as orchestrators show little else.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::diag::{Diagnostic, Level, codes, concise, quote};
use crate::source::Sources;

/// One thing to tell.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    message: String,
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_ref: Option<ResourceRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Field>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<File>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<&'static str, String>,
    /// The same for people.
    #[serde(skip)]
    line: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Error,
    Warning,
    Info,
}

/// What a result is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceRef {
    pub(super) api_version: String,
    pub(super) kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    pub(super) name: String,
}

impl ResourceRef {
    /// `NetworkPolicy frontend/web`.
    pub(super) fn shown(&self) -> String {
        let place = if self.namespace.is_empty() { String::new() } else { format!("{}/", self.namespace) };
        format!("{} {}", quote(&self.kind), quote(&format!("{place}{}", self.name)))
    }
}

#[derive(Debug, Clone, Serialize)]
struct Field {
    path: String,
}

#[derive(Debug, Clone, Serialize)]
struct File {
    path: String,
}

/// What is wrong with the function config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Which field, as `spec.dialect`. `None`: the config itself.
    pub(super) field: Option<String>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Told {
    /// A finding.
    pub(super) fn of(found: &Diagnostic, sources: &Sources) -> Self {
        let severity = match found.level {
            Level::Error => Severity::Error,
            Level::Warning => Severity::Warning,
        };
        let line = concise(found, sources);
        let place =
            found.primary.as_ref().map(|primary| (sources.path(primary.span.file), sources.line_col(primary.span)));
        let mut message = place.map_or_else(String::new, |(path, (line, column))| format!("{path}:{line}:{column}: "));
        message.push_str(&found.message);
        for help in &found.help {
            message.push_str(&format!(" (help: {help})"));
        }
        let mut this = Self { line, ..Self::new(severity, message) }.tag("code", found.code);
        if let Some((path, (line, column))) = place {
            this = this.tag("line", line).tag("column", column);
            this.file = Some(File { path: path.to_string() });
        }
        this.helped(found.help.iter().map(String::as_str))
    }

    /// Something wrong with the function config, if there is one.
    pub(super) fn of_problem(problem: &Problem, config: Option<&ResourceRef>) -> Self {
        let Problem { field, message, help } = problem;
        let place = field.as_ref().map_or_else(String::new, |field| format!("{field}: "));
        let more = help.as_ref().map_or_else(String::new, |help| format!(" (help: {help})"));
        let this = Self {
            resource_ref: config.cloned(),
            field: field.clone().map(|path| Field { path }),
            line: format!("functionConfig: error[{}]: {place}{message}", codes::FUNCTION),
            ..Self::new(Severity::Error, format!("{message}{more}"))
        };
        this.tag("code", codes::FUNCTION).helped(help.as_deref())
    }

    /// Something about an object of the list.
    pub(super) fn about(severity: Severity, about: &ResourceRef, message: String, help: Option<&str>) -> Self {
        let word = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let more = help.map_or_else(String::new, |help| format!(" (help: {help})"));
        let line = format!("{word}[{}]: {message}", codes::FUNCTION);
        let this = Self { resource_ref: Some(about.clone()), line, ..Self::new(severity, format!("{message}{more}")) };
        this.tag("code", codes::FUNCTION).helped(help)
    }

    /// Something to know.
    pub(super) fn info(message: impl Into<String>) -> Self {
        Self::new(Severity::Info, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        let line = message.clone();
        Self { message, severity, resource_ref: None, field: None, file: None, tags: BTreeMap::new(), line }
    }

    fn tag(mut self, key: &'static str, value: impl ToString) -> Self {
        self.tags.insert(key, value.to_string());
        self
    }

    fn helped<'h>(mut self, help: impl IntoIterator<Item = &'h str>) -> Self {
        help.into_iter().for_each(|help| self.line.push_str(&format!("\n  help: {help}")));
        self
    }

    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What people are told on standard error; what is only good to know stays with the results.
    pub(super) fn line(&self) -> Option<&str> {
        (self.severity != Severity::Info).then_some(&self.line)
    }
}
