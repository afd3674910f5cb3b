//! NP202: a tier that is every pod of a namespace.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP202"),
    name: "whole-namespace-tier",
    group: Group::Breadth,
    default: LintLevel::Warning,
    about: "tier",
    summary: "a tier is every pod of its namespace",
    doc: r#"
`pods = "all"` takes in every pod that is ever started in the namespace: the job somebody runs by hand, a debug
container, and the next team's service. All of them get what the tier may do.

To mend it, select the pods by the labels they carry.

```toml
# bad
app = "billing"

[tiers]
batch = { namespace = "batch",  pods = "all" }
api   = { namespace = "ledger", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "batch"
to   = "api"
why  = "invoices are booked at night"
```

```toml
# mended
app = "billing"

[tiers]
batch = { namespace = "batch",  pods = { app = "invoices" } }
api   = { namespace = "ledger", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "batch"
to   = "api"
why  = "invoices are booked at night"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for (id, tier) in model.tiers().filter(|(_, tier)| tier.pods.labels.is_empty()) {
        let namespaces = tier.pods.namespaces.names();
        let of = match namespaces {
            [one] => format!("namespace {}", quote(one)),
            _ => format!("{} namespaces", namespaces.len()),
        };
        let finding = findings
            .at(tier.pods_span, format!("tier {} is every pod of {of}", quote(&tier.name)))
            .help("select its pods by labels, as `pods = { app = \"…\" }`");
        findings.push(&[WaiveTarget::Tier(id)], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn only_a_tier_without_labels_is_found() {
        let messages = Draft::new().tier("batch", "batch", "").tier("many", "a b", "").tiers("web").messages(&RULE);
        assert_eq!(
            messages,
            ["tier `batch` is every pod of namespace `batch`", "tier `many` is every pod of 2 namespaces"]
        );
    }
}
