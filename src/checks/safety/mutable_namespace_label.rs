//! NP302: a peer that whoever may label namespaces can join.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, NAMESPACE_NAME, NamespaceSet, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP302"),
    name: "mutable-namespace-label",
    group: Group::Safety,
    default: LintLevel::Warning,
    about: "peer",
    summary: "a peer's namespaces are found by a label that can be changed",
    doc: r#"
The API server sets the label `kubernetes.io/metadata.name` on each namespace and keeps it true. Any other namespace
label is as trustworthy as whoever may create or edit namespaces: a team that may label its own namespace can put
itself among the peer's pods, and every edge with the peer opens to it. netpolc sees policies, not who may label what,
so it cannot tell.

To mend it, name the namespaces. Where they come and go, keep the label, make sure that only the platform team may set
it, and accept the finding with a waiver that says so.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[peers]
gateway = { namespace = { labels = { team = "edge" } }, pods = { app = "gateway" } }

[[allow]]
from = "gateway"
to   = "web"
why  = "customers come through the gateway"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[peers]
gateway = { namespace = "edge", pods = { app = "gateway" } }

[[allow]]
from = "gateway"
to   = "web"
why  = "customers come through the gateway"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for (id, peer) in model.peers() {
        let NamespaceSet::Labels(labels) = &peer.pods.namespaces else { continue };
        if labels.get(NAMESPACE_NAME).is_some() {
            continue;
        }
        let finding = findings
            .at(
                peer.namespace_span,
                format!("peer {} trusts the namespace label {}", quote(&peer.name), quote(&labels.to_string())),
            )
            .note("whoever may label a namespace can make its pods part of the peer")
            .help("name the namespaces, as `namespace = \"…\"`")
            .help("if only the platform team may set the label, accept this with a waiver that says so");
        findings.push(&[WaiveTarget::Peer(id)], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn only_labels_that_can_be_changed_are_found() {
        let draft = Draft::new()
            .peer("byname", "edge", "app=gateway")
            .peer("pinned", "kubernetes.io/metadata.name=edge,team=edge", "app=gateway")
            .peer("byteam", "team=edge", "app=gateway");
        assert_eq!(draft.messages(&RULE), ["peer `byteam` trusts the namespace label `team=edge`"]);
    }

    #[test]
    fn scrapers_of_the_project_are_the_platform_teams_business() {
        let draft = Draft::new().with(|m| {
            m.profile.scrapers.namespaces = NamespaceSet::Labels(crate::model::Labels::new([("a".into(), "b".into())]));
        });
        assert!(draft.messages(&RULE).is_empty());
    }
}
