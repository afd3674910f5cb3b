//! NP307: metrics that are opened to a guess.

use std::collections::BTreeMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{AppId, LintLevel, NamespaceSet, PodSet, TierId, WaiveTarget};

/// The most further tiers that a message names.
const NAMED: usize = 3;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP307"),
    name: "unnamed-scrapers",
    group: Group::Safety,
    default: LintLevel::Warning,
    about: "tier",
    summary: "a tier has `metrics`, and nobody said who scrapes them",
    doc: r#"
`metrics` lets the scrapers in, and nobody else. Where neither the project file nor the app names them, pods
labelled `app.kubernetes.io/name: prometheus` in the namespace `monitoring` are taken, as the charts of Prometheus
label them. Where scrapers run elsewhere, or are called otherwise, every metric of the app goes missing behind the
default deny, and often nobody notices before the alert that did not come.

To mend it, let the platform team write `scrapers` under `[cluster]` in `netpolc.toml`, for every app; the default
may be written too, and then it is no guess. An app that is scraped by others names a peer: `scrapers =
"prometheus"`. Where an inventory shows the namespace, this rule is silent: whether somebody scrapes can be seen then
(NP611).

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [80], metrics = [9090] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
```

```toml
# mended
app      = "shop"
scrapers = "prometheus"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [80], metrics = [9090] }

[peers]
prometheus = { namespace = "monitoring", pods = { app = "prometheus" } }

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
    let is_seen = cx.inventory.is_some_and(|running| running.knows(&model.profile.scrapers.namespaces));
    if is_seen || model.profile.asked.contains_key("scrapers") {
        return;
    }
    let mut scraped: BTreeMap<AppId, Vec<TierId>> = BTreeMap::new();
    for (id, tier) in model.tiers().filter(|(_, tier)| !tier.metrics.is_empty()) {
        if model[tier.app].scrapers.is_none() {
            scraped.entry(tier.app).or_default().push(id);
        }
    }
    for mut tiers in scraped.into_values() {
        tiers.sort_by_key(|id| model[*id].metrics_span.start);
        let Some((first, others)) = tiers.split_first() else { continue };
        let scrapers = pods(&model.profile.scrapers);
        let name = quote(&model[*first].name);
        let mut finding = findings
            .at(model[*first].metrics_span, format!("nobody said who scrapes {name}: a guess is let in"))
            .note(format!("the guess: {scrapers}"));
        if !others.is_empty() {
            let names: Vec<String> = others.iter().take(NAMED).map(|id| quote(&model[*id].name)).collect();
            let more = match others.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            finding = finding.note(format!("the same holds for {}{more}", names.join(", ")));
        }
        let finding = finding
            .help(
                "let the platform team name the scrapers: `scrapers = { namespace = \"…\", pods = { … } }` under \
                   `[cluster]` in netpolc.toml",
            )
            .help("or name a peer that scrapes this app alone: `scrapers = \"…\"` at the top of the intent");
        let targets: Vec<WaiveTarget> = tiers.into_iter().map(WaiveTarget::Tier).collect();
        findings.push(&targets, finding);
    }
}

/// `pods app=prometheus in monitoring`.
fn pods(set: &PodSet) -> String {
    let place = match &set.namespaces {
        NamespaceSet::All => "every namespace".to_owned(),
        NamespaceSet::Names(names) => names.iter().map(|name| &**name).collect::<Vec<_>>().join(", "),
        NamespaceSet::Labels(labels) => format!("namespaces {labels}"),
    };
    format!("pods {} in {place}", set.labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};
    use crate::model::{Model, PeerId, PortRange, Protocol};

    /// Tiers that are scraped, of as many apps as are named.
    fn scraped(tiers: &str) -> Draft {
        let metrics = |m: &mut Model| {
            for tier in &mut m.tiers {
                tier.metrics = vec![PortRange::new(Protocol::Tcp, 9090, 9090).unwrap()];
            }
        };
        Draft::new().tiers(tiers).with(metrics)
    }

    #[test]
    fn each_app_is_told_once_at_its_first_metrics() {
        assert_eq!(
            scraped("web api db a b other/x").messages(&RULE),
            ["nobody said who scrapes `web`: a guess is let in", "nobody said who scrapes `x`: a guess is let in"]
        );
        let notes = &scraped("web api db a b").check(&RULE)[0].notes;
        assert_eq!(
            *notes,
            ["the guess: pods app=prometheus in monitoring", "the same holds for `api`, `db`, `a` and 1 more"]
        );
        assert!(Draft::new().tiers("web").check(&RULE).is_empty(), "nothing is scraped");
    }

    #[test]
    fn scrapers_that_somebody_named_are_no_guess() {
        let span = scraped("web").model().tiers[0].span;
        assert!(scraped("web").with(|m| _ = m.profile.asked.insert("scrapers", span)).check(&RULE).is_empty());
        let own = scraped("web other/x").peer("p", "obs", "app=p").with(|m| m.apps[0].scrapers = Some(PeerId(0)));
        assert_eq!(own.messages(&RULE), ["nobody said who scrapes `x`: a guess is let in"]);
    }

    #[test]
    fn an_inventory_that_shows_the_namespace_knows_better() {
        let found = |namespace| scraped("web").check_with(&RULE, &deployment(namespace, "p", "app: p")).len();
        assert_eq!((found("monitoring"), found("shop")), (0, 1));
    }

    #[test]
    fn a_waiver_for_any_tier_of_the_app_accepts_it() {
        let waived = scraped("web api").waive("NP307", WaiveTarget::Tier(TierId(1)), None);
        assert!(waived.check(&RULE).is_empty());
    }
}
