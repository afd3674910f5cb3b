//! `netpolc build --stdout --argocd`: netpolc as a plugin of Argo CD, which runs it without a shell.
//!
//! In: the parameters of the Application, which Argo CD hands over as JSON in one variable of the environment, and what was
//! found. Out: the dialect and the cluster of the run, and findings for its user interface. A parameter that is not
//! understood is never passed over: what would be rendered instead replaces policies of a running cluster.

use serde::Deserialize;

use super::report::count;
use super::run::Run;
use super::{Exit, Target, Terminal};
use crate::diag::{self, Diagnostic, Level, nearest, quote};

/// Holds the parameters (argoproj/argo-cd, pkg/apis/application/v1alpha1/types.go, `ApplicationSourcePluginParameters.Environ`).
/// The same stand one by one in `PARAM_…`, where several names are written alike, and an empty text is not handed over at all.
const VARIABLE: &str = "ARGOCD_APP_PARAMETERS";

/// The parameters that there are.
const KNOWN: [&str; 2] = ["dialect", "cluster"];

/// How many errors are told: they all become one message of the Application, which is kept in its status.
const MAX_ERRORS: usize = 20;

/// One parameter, as `ApplicationSourcePluginParameter.MarshalJSON` writes it: of the three values those that were set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameter {
    name: String,
    string: Option<String>,
    array: Option<serde_json::Value>,
    map: Option<serde_json::Value>,
}

/// What the command line and the parameters of the Application together ask for. The error is an exit code; the reason was
/// told.
pub(super) fn target(options: &Target, terminal: &mut Terminal) -> Result<Target, Exit> {
    let text = match std::env::var(VARIABLE) {
        Ok(text) => text,
        Err(std::env::VarError::NotPresent) => return Ok(options.clone()),
        Err(std::env::VarError::NotUnicode(_)) => return Err(terminal.fail(format!("{VARIABLE} is not UTF-8"))),
    };
    merged(options, &text).map_err(|error| terminal.fail(error))
}

/// The command line, with what only the parameters say.
fn merged(options: &Target, text: &str) -> Result<Target, String> {
    let mut target = options.clone();
    for (name, value) in parameters(text)? {
        let given = match name {
            "dialect" => !target.dialect.is_empty(),
            _ => target.cluster.is_some(),
        };
        if given {
            let twice =
                if option(options, name) { format!("--{name} gives it too") } else { "it is given twice".to_owned() };
            return Err(format!("parameter {}: {twice}; leave one of the two out", quote(name)));
        }
        match name {
            "dialect" => target.dialect = vec![value],
            _ => target.cluster = Some(value),
        }
    }
    Ok(target)
}

/// Whether the command line itself says what a parameter says.
fn option(options: &Target, name: &str) -> bool {
    if name == "dialect" { !options.dialect.is_empty() } else { options.cluster.is_some() }
}

/// The parameters, each with its text.
fn parameters(text: &str) -> Result<Vec<(&'static str, String)>, String> {
    // `null` is what Go makes of a list that was never set.
    let read: Result<Option<Vec<Parameter>>, _> = serde_json::from_str(text);
    let list = read.map_err(|error| format!("{VARIABLE} is not a list of parameters as Argo CD writes it: {error}"))?;
    list.unwrap_or_default().into_iter().map(parameter).collect()
}

fn parameter(parameter: Parameter) -> Result<(&'static str, String), String> {
    let Parameter { name, string, array, map } = parameter;
    let Some(known) = KNOWN.into_iter().find(|known| *known == name) else {
        let hint = match nearest(&name, KNOWN) {
            Some(near) => format!("did you mean {}?", quote(near)),
            None => format!("known: {}", KNOWN.join(", ")),
        };
        return Err(format!("there is no parameter {}; {hint}", quote(&name)));
    };
    let wrong = |what: &str| Err(format!("parameter {}: {what}", quote(known)));
    match (string, array, map) {
        (_, Some(_), _) => wrong("an `array` was given; it takes one `string`"),
        (_, _, Some(_)) => wrong("a `map` was given; it takes one `string`"),
        (None, None, None) => wrong("no value was given; it takes a `string`"),
        (Some(text), None, None) if text.trim().is_empty() => {
            wrong("its text is empty; name one, or leave the parameter out")
        }
        (Some(text), None, None) => Ok((known, text)),
    }
}

/// What must be said before anything can be printed: of several dialects, or clusters, one.
pub(super) fn missing(dialects: &[&str], clusters: &[&str]) -> String {
    let of = |what: &str, names: &[&str]| {
        (names.len() > 1).then(|| format!("the parameter {} ({})", quote(what), names.join(", ")))
    };
    let asked: Vec<String> = [of("dialect", dialects), of("cluster", clusters)].into_iter().flatten().collect();
    format!("an Application is one dialect of one cluster; set {}", asked.join(" and "))
}

/// Tells findings, each on one line, and the first line is an error where there is one.
///
/// The user interface of Argo CD shows a failed command as one text, in which line ends and leading spaces become one space
/// (argoproj/argo-cd, cmpserver/plugin/plugin.go, `CmdError`; ui, application-conditions.scss, `white-space: normal`): source
/// lines with a place underlined would be noise there.
pub(super) fn diagnostics(run: &Run, list: &[Diagnostic], consequence: &str, terminal: &mut Terminal) {
    let (errors, warnings): (Vec<_>, Vec<_>) = list.iter().partition(|diagnostic| diagnostic.level == Level::Error);
    // What stops the rendering must not be looked for between what does not.
    let told = if errors.is_empty() { warnings } else { errors };
    for diagnostic in told.iter().take(MAX_ERRORS) {
        terminal.tell(diag::line(diagnostic, &run.project.sources));
    }
    if told.len() > MAX_ERRORS {
        terminal.tell(format!("… and {} more: {} shows all", told.len() - MAX_ERRORS, quote("netpolc check")));
    }
    if !list.is_empty() {
        terminal.tell(format!("{}{consequence}", count(list)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(dialect: &[&str], cluster: Option<&str>) -> Target {
        Target { dialect: dialect.iter().map(|&name| name.to_owned()).collect(), cluster: cluster.map(str::to_owned) }
    }

    fn said(options: &Target, text: &str) -> Result<(Vec<String>, Option<String>), String> {
        merged(options, text).map(|target| (target.dialect, target.cluster))
    }

    #[test]
    fn parameters_say_what_the_command_line_leaves_open() {
        let both = r#"[{"name":"dialect","string":"x"},{"name":"cluster","string":"eu"}]"#;
        assert_eq!(said(&options(&[], None), both), Ok((vec!["x".to_owned()], Some("eu".to_owned()))));
        let one = r#"[{"name":"dialect","string":"x"}]"#;
        assert_eq!(said(&options(&[], Some("us")), one), Ok((vec!["x".to_owned()], Some("us".to_owned()))));
        for nothing in ["null", "[]"] {
            assert_eq!(said(&options(&["y"], None), nothing), Ok((vec!["y".to_owned()], None)));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let cases = [
            (r#"[{"name":"dialct","string":"x"}]"#, "there is no parameter `dialct`; did you mean `dialect`?"),
            (r#"[{"name":"values","string":"x"}]"#, "there is no parameter `values`; known: dialect, cluster"),
            (r#"[{"string":"x"}]"#, "there is no parameter ``; known: dialect, cluster"),
            (
                r#"[{"name":"dialect","array":["x"]}]"#,
                "parameter `dialect`: an `array` was given; it takes one `string`",
            ),
            (r#"[{"name":"cluster","map":{}}]"#, "parameter `cluster`: a `map` was given; it takes one `string`"),
            (r#"[{"name":"dialect"}]"#, "parameter `dialect`: no value was given; it takes a `string`"),
            (
                r#"[{"name":"cluster","string":" "}]"#,
                "parameter `cluster`: its text is empty; name one, or leave the parameter out",
            ),
            (
                r#"[{"name":"dialect","string":"x"},{"name":"dialect","string":"x"}]"#,
                "parameter `dialect`: it is given twice; leave one of the two out",
            ),
        ];
        for (text, error) in cases {
            assert_eq!(said(&options(&[], None), text), Err(error.to_owned()));
        }
        assert_eq!(
            said(&options(&["x"], None), r#"[{"name":"dialect","string":"x"}]"#),
            Err("parameter `dialect`: --dialect gives it too; leave one of the two out".to_owned())
        );
        for malformed in ["", "{}", "[1]", "[{\"name\":1}]", "[{\"name\":\"dialect\",\"string\":[]}]", "[] []"] {
            let error = said(&options(&[], None), malformed).unwrap_err();
            assert!(error.starts_with("ARGOCD_APP_PARAMETERS is not a list of parameters"), "{malformed}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_what_there_is() {
        assert_eq!(
            missing(&["x", "y"], &["eu", "us"]),
            "an Application is one dialect of one cluster; set the parameter `dialect` (x, y) and the parameter `cluster` \
             (eu, us)"
        );
        assert_eq!(
            missing(&["x"], &["eu", "us"]),
            "an Application is one dialect of one cluster; set the parameter `cluster` (eu, us)"
        );
    }
}
