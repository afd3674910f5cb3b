//! NP103: a tier that calls itself, and nobody says why.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Edge, Endpoint, LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP103"),
    name: "self-edge",
    group: Group::Graph,
    default: LintLevel::Warning,
    about: "edge",
    summary: "an edge from a tier to itself does not say why",
    doc: r#"
An edge from a tier to itself lets every replica connect to every other one. Databases, caches and message brokers
need it to form a cluster; a stateless service does not, and there it is either a slip or the way on which an intruder
in one replica takes the others. A pod's connections to itself never need an edge.

To mend it, add a `why` that says what the replicas tell each other, or remove the edge.

```toml
# bad
app = "shop"

[tiers]
cache = { namespace = "shop", pods = { app = "cache" }, ports = [7946] }

[[allow]]
from = "cache"
to   = "cache"
```

```toml
# mended
app = "shop"

[tiers]
cache = { namespace = "shop", pods = { app = "cache" }, ports = [7946] }

[[allow]]
from = "cache"
to   = "cache"
why  = "replicas find each other by gossip"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for (id, edge) in model.edges() {
        if !is_unexplained(edge) {
            continue;
        }
        let name = quote(&model.endpoint_name(edge.from, edge.app));
        let finding = findings
            .at(edge.to_span, format!("{name} calls itself without a `why`"))
            .related(edge.from_span, "the same group of pods")
            .help("say in `why` what its replicas tell each other, or remove the edge");
        findings.push(&[WaiveTarget::Edge(id)], finding);
    }
}

/// Whether an edge of a group of pods to itself does not say why.
pub(in crate::checks) fn is_unexplained(edge: &Edge) -> bool {
    let group_of_pods = matches!(edge.from, Endpoint::Tier(_) | Endpoint::Peer(_));
    group_of_pods && edge.from == edge.to && edge.why.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn only_a_self_edge_without_a_reason_is_found() {
        let draft = || Draft::new().tiers("cache api").edges("cache -> cache; api -> cache");
        assert!(draft().messages(&RULE).is_empty());
        let silent = draft().with(|m| m.edges.iter_mut().for_each(|edge| edge.why = None));
        assert_eq!(silent.messages(&RULE), ["`cache` calls itself without a `why`"]);
    }
}
