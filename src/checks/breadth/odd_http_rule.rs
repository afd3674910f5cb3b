//! NP210: an HTTP rule that no request, or another than was meant, is likely to meet.

use std::collections::BTreeSet;

use regex_syntax::ast::{self, Ast, RepetitionKind};

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, Diagnostic, quote};
use crate::model::{Edge, LintLevel, Model, WaiveTarget};

/// The methods of the IANA registry (RFC 9110, RFC 5789, RFC 7237 and RFC 10008, which adds QUERY), but `*` and PRI, which
/// are registered only to be kept out of use.
const METHODS: [&str; 39] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP210"),
    name: "odd-http-rule",
    group: Group::Breadth,
    default: LintLevel::Warning,
    about: "edge",
    summary: "an HTTP rule has an unknown method, or a path that looks like a glob",
    doc: r#"
A path is a regular expression of the whole path. There `/*` means any number of slashes, so `/orders/*` admits
`/orders` and `/orders//`, and not `/orders/17`: everything that was meant is denied. `/orders/*/items` is no better.

A method that the IANA registry does not know is mostly a slip, and then what was meant is denied too.

To mend it, write `/.*` for everything below a path and `/[^/]+` for one segment of it, and the method as the callee
knows it. Leave `method` out where every method is meant.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
http = [{ method = "GET", path = "/orders/*" }]
why  = "orders are shown"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
http = [{ method = "GET", path = "/orders/.*" }]
why  = "orders are shown"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for (id, edge) in model.edges().filter(|(_, edge)| !edge.http.is_empty()) {
        let methods: BTreeSet<&str> = edge.http.iter().filter_map(|rule| rule.method.as_deref()).collect();
        for method in methods.into_iter().filter(|method| !METHODS.contains(method)) {
            let finding = at(model, edge, findings, &format!("method {} is not registered", quote(method)));
            let finding = finding.did_you_mean(method, METHODS);
            let finding = match finding.help.is_empty() {
                true => finding.help("write a method of the IANA registry, or leave `method` out where any is meant"),
                false => finding,
            };
            findings.push(&[WaiveTarget::Edge(id)], finding);
        }
        let paths: BTreeSet<&str> = edge.http.iter().filter_map(|rule| rule.path.as_deref()).collect();
        for path in paths {
            let Some(mended) = unglobbed(path) else { continue };
            let finding = at(model, edge, findings, &format!("path {} looks like a glob", quote(path)))
                .note("paths are regular expressions: `/*` is any number of slashes")
                .help("write `/.*` for everything below a path, `/[^/]+` for one segment")
                .help(format!("did you mean {}?", quote(&mended)));
            findings.push(&[WaiveTarget::Edge(id)], finding);
        }
    }
}

/// At the HTTP rule where the edge has one alone. Which of several it is, the model does not know: then at the edge.
fn at(model: &Model, edge: &Edge, findings: &Findings, what: &str) -> Diagnostic {
    let span = edge.http_span.filter(|_| edge.http.len() == 1).unwrap_or(edge.to_span);
    findings.at(span, format!("{what}, in an HTTP rule of {}", quote(&model.edge_name(edge))))
}

/// The regular expression that was meant, where a path takes `*` for a whole segment or for all that follow.
fn unglobbed(path: &str) -> Option<String> {
    if !path.contains("/*") {
        return None;
    }
    let tree = ast::parse::Parser::new().parse(path).ok()?;
    let places = ast::visit(&tree, Globs { path, places: vec![] }).ok()?;
    let (mut mended, mut done) = (String::new(), 0);
    for place in &places {
        let end = place + "/*".len();
        mended.push_str(path.get(done..*place)?);
        mended.push_str(if end == path.len() { "/.*" } else { "/[^/]+" });
        done = end;
    }
    mended.push_str(path.get(done..)?);
    (!places.is_empty()).then_some(mended)
}

/// Looks for `/*` as a whole segment, outside of classes.
struct Globs<'p> {
    path: &'p str,
    places: Vec<usize>,
}

impl ast::Visitor for Globs<'_> {
    type Output = Vec<usize>;
    type Err = std::convert::Infallible;

    fn finish(self) -> Result<Vec<usize>, Self::Err> {
        Ok(self.places)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        let Ast::Repetition(repetition) = ast else { return Ok(()) };
        let (start, end) = (repetition.span.start.offset, repetition.span.end.offset);
        let written = self.path.get(start..end) == Some("/*") && repetition.op.kind == RepetitionKind::ZeroOrMore;
        let behind = self.path.get(end..).unwrap_or_default();
        // Who writes `//*` knows what it means.
        let before = self.path.get(..start).unwrap_or_default();
        if written && (behind.is_empty() || behind.starts_with('/')) && !before.ends_with('/') {
            self.places.push(start);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::model::HttpRule;

    /// What is found of these rules, each `METHOD path`, `-` for what is left out.
    fn found(rules: &[&str]) -> Vec<Diagnostic> {
        let word = |word: &str| (word != "-").then(|| word.into());
        let rule = |text: &&str| {
            let (method, path) = text.split_once(' ').unwrap();
            HttpRule { method: word(method), path: word(path), headers: vec![] }
        };
        let http = rules.iter().map(rule).collect();
        Draft::new().tiers("web api").edges("web -> api").with(|m| m.edges[0].http = http).check(&RULE)
    }

    #[test]
    fn a_method_outside_of_the_registry_is_found_with_the_one_that_was_meant() {
        let near = found(&["GTE /orders"]);
        assert_eq!(near.len(), 1);
        assert_eq!(near[0].message, "method `GTE` is not registered, in an HTTP rule of `web -> api`");
        assert_eq!(near[0].help, ["did you mean `GET`?"]);
        let far = found(&["SUBSCRIBE -"]);
        assert_eq!(far[0].help, ["write a method of the IANA registry, or leave `method` out where any is meant"]);
        assert_eq!(found(&["GTE /a", "GTE /b", "PSOT /a"]).len(), 2, "each once");
    }

    #[test]
    fn registered_methods_are_fine() {
        for method in METHODS {
            assert!(found(&[&format!("{method} /orders")]).is_empty(), "{method}");
        }
        assert!(found(&["- /orders"]).is_empty());
        assert!(METHODS.is_sorted());
    }

    #[test]
    fn a_glob_is_found_with_the_expression_that_was_meant() {
        for (path, meant) in [
            ("/*", "/.*"),
            ("/orders/*", "/orders/.*"),
            ("/orders/*/items", "/orders/[^/]+/items"),
            ("/*/*/*", "/[^/]+/[^/]+/.*"),
            ("/(a|b)/*/c/*", "/(a|b)/[^/]+/c/.*"),
        ] {
            let found = found(&[&format!("- {path}")]);
            assert_eq!(found.len(), 1, "{path}");
            assert_eq!(found[0].help[1], format!("did you mean `{meant}`?"), "{path}");
        }
    }

    #[test]
    fn expressions_that_are_meant_are_not_found() {
        for path in ["/.*", "/[^/]*", "/a/?", "/a//*", "/a/*b", "/a[/*/]", "/a/\\*/b", "/a/\\*", "/a/*?", "/a(/b)*"] {
            assert!(found(&[&format!("- {path}")]).is_empty(), "{path}");
        }
    }

    #[test]
    fn a_waiver_of_the_edge_accepts_both() {
        let http = vec![HttpRule { method: Some("PURGE".into()), path: Some("/*".into()), headers: vec![] }];
        let draft = Draft::new().tiers("web api").edges("web -> api").with(|m| m.edges[0].http = http);
        let edge = crate::model::EdgeId(0);
        assert!(draft.waive("NP210", WaiveTarget::Edge(edge), None).check(&RULE).is_empty());
    }
}
