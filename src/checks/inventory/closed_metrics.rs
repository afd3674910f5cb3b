//! NP615: metrics on a port that nobody listens on.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP615"),
    name: "closed-metrics",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "tier",
    summary: "a tier has metrics on a port on which none of its pods listens",
    doc: r#"
`metrics` opens a port for the scrapers. Where no pod of the tier listens there, the port that does have the metrics
stays closed, and nobody misses them until they are needed. As with other ports (NP607), this is told only where
every pod of the tier declares some ports.

To mend it, write the port that serves the metrics, or declare it as `containerPort` if it does.

```yaml
# inventory.yaml
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }, { containerPort: 9100 }] }]
```

```toml
# netpolc.toml
[cluster]
scrapers = { namespace = "monitoring", pods = { app = "prometheus" } }
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
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080], metrics = [9100] }

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
    for (id, tier) in cx.model.tiers() {
        let listening = running.listening(Endpoint::Tier(id));
        for range in tier.metrics.iter().filter(|range| listening.is_closed(**range)) {
            let open: Vec<String> = listening.open().map(|port| port.to_string()).collect();
            let message =
                format!("no pod of {} listens on `{range}`, where its metrics are said to be", quote(&tier.name));
            let finding = findings
                .at(tier.metrics_span, message)
                .note(format!("its pods listen on {}", open.join(", ")))
                .help("write the port that serves the metrics, or declare this one as `containerPort`");
            findings.push(&[WaiveTarget::Tier(id)], finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, workload};
    use crate::model::{PortRange, Protocol};

    #[test]
    fn metrics_that_no_pod_serves_are_found() {
        let scrape = |port| vec![PortRange::new(Protocol::Tcp, port, port).unwrap()];
        let found = |port| {
            let draft = Draft::new().tiers("web").with(|m| m.tiers[0].metrics = scrape(port));
            draft.check_with(&RULE, &workload("shop", "web", &[8080, 9100], &[])).len()
        };
        assert_eq!((found(9100), found(9090)), (0, 1));
    }
}
