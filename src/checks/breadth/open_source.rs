//! NP203: a tier open to the outside, and nobody says why.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Builtin, Edge, Endpoint, LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP203"),
    name: "open-source",
    group: Group::Breadth,
    default: LintLevel::Error,
    about: "edge",
    summary: "an edge from `anywhere` or `internet` does not say why",
    doc: r#"
An edge from `anywhere` or `internet` is an entrance. Some tier must have one, so the rule asks for no more than a
reason: a `why` is copied into the policies, where an auditor finds it.

`internet` as a source is seldom what it seems: behind a load balancer pods often see the address of a node and not
that of the client, and then nothing gets in. `anywhere` admits both.

To mend it, add a `why`, or name who really calls.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = "web"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for (id, edge) in model.edges() {
        let Some(source) = entrance(edge) else { continue };
        let to = quote(&model.endpoint_name(edge.to, edge.app));
        let mut finding = findings
            .at(edge.from_span, format!("{to} is open to {} without a `why`", quote(source.name())))
            .help("say in `why` who is expected there, or name the tier or peer that calls");
        if source == Builtin::Internet {
            finding =
                finding.note("behind a load balancer pods often see the address of a node, which is not `internet`");
        }
        findings.push(&[WaiveTarget::Edge(id)], finding);
    }
}

/// Who may come in by an edge that does not say why.
pub(in crate::checks) fn entrance(edge: &Edge) -> Option<Builtin> {
    match edge.from {
        Endpoint::Builtin(source @ (Builtin::Anywhere | Builtin::Internet)) if edge.why.is_none() => Some(source),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn open_sources_need_a_reason_and_others_do_not() {
        let draft =
            || Draft::new().tiers("web").edges("anywhere -> web; internet -> web; cluster -> web; web -> internet");
        assert!(draft().messages(&RULE).is_empty());
        let silent = draft().with(|m| m.edges.iter_mut().for_each(|e| e.why = None));
        assert_eq!(
            silent.messages(&RULE),
            ["`web` is open to `anywhere` without a `why`", "`web` is open to `internet` without a `why`"]
        );
    }
}
