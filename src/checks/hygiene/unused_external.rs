//! NP504: an external that nothing names.

use std::collections::BTreeSet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, ExternalId, ForbidSet, LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP504"),
    name: "unused-external",
    group: Group::Hygiene,
    default: LintLevel::Warning,
    about: "external",
    summary: "no edge and no forbid names an external",
    doc: r#"
An external that nothing names opens nothing. It is what an edge left behind, or the edge was forgotten: then the app's
calls are denied, though whoever reads the intent sees the destination and takes it for open. Left there, it is a
destination that looks reviewed to whoever writes an edge to it next.

Externals of the project file are for every app and are not looked at.

To mend it, write the edge that is missing, or remove the external.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[external]
payments = { cidrs = ["203.0.113.0/24"], ports = [443] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[external]
payments = { cidrs = ["203.0.113.0/24"], ports = [443] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"

[[allow]]
from = "web"
to   = "payments"
why  = "cards are charged"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let edges = model.edges.iter().filter_map(|edge| match edge.to {
        Endpoint::External(id) => Some(id),
        Endpoint::Tier(_) | Endpoint::Peer(_) | Endpoint::Builtin(_) => None,
    });
    let ends = model.forbids.iter().flat_map(|forbid| [&forbid.from, &forbid.to].into_iter().chain(&forbid.except));
    let forbids = ends.filter_map(|end| match end.set {
        ForbidSet::External(id) => Some(id),
        ForbidSet::Pods(_) | ForbidSet::Addresses(_) | ForbidSet::Builtin(_) => None,
    });
    let used: BTreeSet<ExternalId> = edges.chain(forbids).collect();
    for (id, external) in model.externals().filter(|(id, external)| external.app.is_some() && !used.contains(id)) {
        let finding = findings
            .at(external.span, format!("external {} is named nowhere", quote(&external.name)))
            .help("write the edge that is missing, or remove the external");
        findings.push(&[WaiveTarget::External(id)], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::model::{Builtin, Forbid, ForbidEnd};

    #[test]
    fn externals_without_an_edge_are_found_but_those_of_the_project_file() {
        let draft = || Draft::new().tiers("web").external("pay", "8.8.8.0/24", "").external("mail", "9.9.9.0/24", "");
        let found = draft().edges("web -> pay").messages(&RULE);
        assert_eq!(found, ["external `mail` is named nowhere"]);
        assert!(draft().edges("web -> pay").with(|m| m.externals[1].app = None).messages(&RULE).is_empty());
    }

    #[test]
    fn a_forbid_is_a_use() {
        let end = |set| ForbidEnd { name: "x".into(), set };
        let draft = Draft::new().tiers("web").external("pay", "8.8.8.0/24", "").with(|m| {
            m.forbids.push(Forbid {
                app: None,
                from: end(ForbidSet::Builtin(Builtin::Anywhere)),
                to: end(ForbidSet::External(ExternalId(0))),
                ports: vec![],
                except: vec![],
                transitive: false,
                why: Some("x".into()),
                span: m.tiers[0].span,
            });
        });
        assert!(draft.messages(&RULE).is_empty());
    }
}
