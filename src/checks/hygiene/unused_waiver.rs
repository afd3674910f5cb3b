//! NP505: a waiver that accepts nothing.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::Code;
use crate::model::LintLevel;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP505"),
    name: "unused-waiver",
    group: Group::Hygiene,
    default: LintLevel::Warning,
    about: "",
    summary: "a waiver accepts nothing in any cluster",
    doc: r#"
A waiver is a decision about one finding. When the finding is mended, the decision stays behind in the intent, and it
accepts the same finding again on the day when somebody breaks what was mended: nobody is told. Each one that is left
also makes the real ones harder to see.

It is found only where its rule looked in every cluster: not where the project allows what the rule looks for, where an
inventory is missing that the rule needs, or where the run is about one cluster of several.

To mend it, remove the waiver. If it was meant for something else, name that: the code, and the edge, tier, peer,
external or workload of the finding.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"

[[waive]]
code   = "NP201"
edge   = "web -> api"
reason = "the API's ports are being listed"
until  = 2030-12-31
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
why  = "the shop front calls the API"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(idle) = cx.idle else { return };
    for waiver in cx.model.waivers.iter().filter(|waiver| idle.contains(&waiver.span)) {
        let finding = findings
            .at(waiver.span, format!("waiver of {} accepts nothing", waiver.code))
            .note(format!("its reason: {}", waiver.reason))
            .help("remove it: nothing is found that it could accept");
        findings.push(&[], finding);
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::checks::testing::{Draft, TODAY};
    use crate::checks::{Settings, run};
    use crate::diag::Level;
    use crate::model::{Model, TierId, WaiveTarget};

    const TIER: WaiveTarget = WaiveTarget::Tier(TierId(0));

    /// The finding that the waiver is for is there, or not.
    fn draft(orphan: bool) -> Draft {
        let draft = Draft::new().tiers("web");
        if orphan { draft } else { draft.edges("anywhere -> web") }
    }

    #[test]
    fn only_a_waiver_that_accepts_nothing_is_found() {
        assert!(draft(true).waive("NP102", TIER, None).messages(&RULE).is_empty());
        let found = draft(false).waive("NP102", TIER, None).messages(&RULE);
        assert_eq!(found, ["waiver of NP102 accepts nothing"]);
        assert_eq!(draft(true).waive("NP102", TIER, None).waive("NP102", TIER, None).messages(&RULE).len(), 1, "twins");
    }

    #[test]
    fn an_expired_one_and_one_of_a_rule_that_did_not_look_are_left_alone() {
        assert!(draft(false).waive("NP102", TIER, Some(date(2025, 12, 31))).messages(&RULE).is_empty());
        let off = draft(false).waive("NP102", TIER, None);
        assert!(off.with(|m| m.profile.lints.extend([("NP102".into(), LintLevel::Allow)])).messages(&RULE).is_empty());
    }

    fn over(models: &[Model], whole: bool) -> usize {
        let contexts: Vec<Context<'_>> = models.iter().map(|model| Context::new(model, TODAY)).collect();
        let outcomes = run(&contexts, &Settings { whole, ..Settings::new(Level::Error) });
        outcomes.iter().flat_map(|outcome| &outcome.diagnostics).filter(|d| d.code == RULE.code).count()
    }

    #[test]
    fn one_cluster_that_needs_it_is_enough() {
        let model = |orphan: bool| {
            let waived = Draft::new().tiers("web").waive("NP102", TIER, None);
            if orphan { waived.model() } else { waived.edges("anywhere -> web").model() }
        };
        assert_eq!(over(&[model(true), model(false)], true), 0);
        assert_eq!(over(&[model(false), model(false)], true), 2, "told of each, and merged when it is shown");
        assert_eq!(over(&[model(false)], false), 0, "another cluster may need it");
        let mut off = model(false);
        off.profile.lints.insert("NP102".into(), LintLevel::Allow);
        for models in [[model(false), off.clone()], [off, model(false)]] {
            assert_eq!(over(&models, true), 0, "in one of them nobody looked");
        }
    }
}
