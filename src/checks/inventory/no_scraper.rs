//! NP611: metrics that nobody collects.

use crate::checks::running::place;
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, WaiveTarget};

/// The most namespaces that a message names.
const NAMED: usize = 3;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP611"),
    name: "no-scraper",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "tier",
    summary: "tiers declare metrics, and no workload of the inventory is a scraper",
    doc: r#"
`metrics` lets the scrapers in, and nobody else. Who they are, the project file says (`scrapers`), or it is taken to
be pods labelled `app.kubernetes.io/name: prometheus` in the namespace `monitoring`. Where no such pod runs, the
real scraper is denied: dashboards go blank and alerts that need data stay silent.

To mend it, write the labels and the namespace of the pods that scrape, in `netpolc.toml` or as a peer of the app.

```yaml
# inventory.yaml
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web } }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: prometheus, namespace: monitoring }
spec:
  template:
    metadata: { labels: { app: prometheus } }
```

```toml
# netpolc.toml
[cluster]
scrapers = { namespace = "monitoring", pods = { "app.kubernetes.io/name" = "prometheus" } }
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080], metrics = [9090] }

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
web = { namespace = "shop", pods = { app = "web" }, ports = [8080], metrics = [9090] }

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
    let Some(running) = cx.inventory else { return };
    let scrapers = &cx.model.profile.scrapers;
    // Scrapers of an app are a peer, and NP610 tells of peers.
    let scraped =
        cx.model.tiers().filter(|(_, tier)| !tier.metrics.is_empty() && cx.model[tier.app].scrapers.is_none());
    let scraped: Vec<_> = scraped.collect();
    let Some((_, first)) = scraped.first() else { return };
    if !running.knows(&scrapers.namespaces) || running.any(scrapers) {
        return;
    }
    let place = place(&scrapers.namespaces, NAMED);
    let finding = findings
        .at(first.metrics_span, "no workload scrapes these metrics")
        .note(format!("the scrapers are pods with {}{place}, and none runs", quote(&scrapers.labels.to_string())))
        .help(
            "write who scrapes: `scrapers` under `[cluster]` in netpolc.toml, or `scrapers = \"peer\"` in the intent",
        );
    let targets: Vec<WaiveTarget> = scraped.into_iter().map(|(id, _)| WaiveTarget::Tier(id)).collect();
    findings.push(&targets, finding);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};
    use crate::model::{PeerId, PortRange, Protocol};

    fn draft() -> Draft {
        let scrape = PortRange::new(Protocol::Tcp, 9090, 9090).unwrap();
        let draft = Draft::new().tiers("web api").peer("own", "monitoring", "app=own");
        draft.with(|m| m.tiers.iter_mut().for_each(|tier| tier.metrics = vec![scrape]))
    }

    #[test]
    fn scrapers_that_do_not_run_are_told_once() {
        let found = |draft: Draft, labels| draft.check_with(&RULE, &deployment("monitoring", "p", labels)).len();
        assert_eq!(found(draft(), "app: prometheus"), 0);
        assert_eq!(found(draft(), "app: other"), 1);
        assert_eq!(found(Draft::new().tiers("web"), "app: other"), 0, "nothing to scrape");
        let own = draft().with(|m| m.apps[0].scrapers = Some(PeerId(0)));
        assert_eq!(found(own, "app: other"), 0, "the app has scrapers of its own");
        assert!(
            draft().check_with(&RULE, &deployment("shop", "web", "app: web")).is_empty(),
            "nothing is shown of them"
        );
    }
}
