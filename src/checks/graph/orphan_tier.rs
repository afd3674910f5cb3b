//! NP102: a tier that talks to nobody.

use crate::checks::running::Running;
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP102"),
    name: "orphan-tier",
    group: Group::Graph,
    default: LintLevel::Warning,
    about: "tier",
    summary: "a tier has no edge and no metrics",
    doc: r#"
A tier that no edge names may neither send nor receive anything but DNS. Usually an edge was forgotten, or the service
is gone and its tier stayed behind, and its namespace stays locked for whoever comes next.

To mend it, add the missing edge or remove the tier. If its pods shall be shut in, say so in a waiver.

```toml
# bad
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" }, ports = [8080] }
worker = { namespace = "shop", pods = { app = "worker" } }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
```

```toml
# mended
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" }, ports = [8080] }
worker = { namespace = "shop", pods = { app = "worker" } }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"

[[allow]]
from = "worker"
to   = "web"
why  = "pages are warmed up"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let mut used = vec![false; model.tiers.len()];
    for end in model.edges.iter().flat_map(|edge| [edge.from, edge.to]) {
        if let Endpoint::Tier(id) = end
            && let Some(used) = used.get_mut(id.index())
        {
            *used = true;
        }
    }
    // Where an inventory shows which edge it lacks, that is told in its place.
    let lacking = cx.inventory.map(Running::lacking).unwrap_or_default();
    for ((id, tier), used) in model.tiers().zip(used) {
        if used || !tier.metrics.is_empty() || lacking.contains(&id) {
            continue;
        }
        let rest = if tier.dns { "but DNS" } else { "at all" };
        let finding = findings
            .at(tier.span, format!("tier {} has no edge", quote(&tier.name)))
            .note(format!("its pods may neither send nor receive anything {rest}"))
            .help("add the edge that is missing, or remove the tier");
        findings.push(&[WaiveTarget::Tier(id)], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, service, workload};
    use crate::model::{PortRange, Protocol};

    #[test]
    fn a_tier_at_neither_end_of_an_edge_is_found() {
        let draft = Draft::new().tiers("web api worker").edges("web -> api");
        assert_eq!(draft.messages(&RULE), ["tier `worker` has no edge"]);
    }

    #[test]
    fn an_edge_that_is_known_to_be_missing_is_told_in_its_place() {
        let inventory = |variables: &[(&str, &str)]| {
            let callee = [workload("shop", "api", &[80], &[]), service("shop", "api", 80, "80")];
            [workload("shop", "worker", &[], variables), callee.join("---\n")].join("---\n")
        };
        let found = |inventory: &str| Draft::new().tiers("worker api").check_with(&RULE, inventory).len();
        assert_eq!(found(&inventory(&[])), 2);
        assert_eq!(found(&inventory(&[("API", "api:80")])), 0);
    }

    #[test]
    fn metrics_are_a_use() {
        let metrics = PortRange::new(Protocol::Tcp, 9090, 9090).unwrap();
        let draft = Draft::new().tiers("worker").with(|m| m.tiers[0].metrics = vec![metrics]);
        assert!(draft.messages(&RULE).is_empty());
    }
}
