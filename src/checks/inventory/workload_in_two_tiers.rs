//! NP604: a workload that is in two tiers.

use std::collections::BTreeSet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP604"),
    name: "workload-in-two-tiers",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "workload",
    summary: "a workload of the inventory is in two tiers, and may do what both may do",
    doc: r#"
Tiers add up: a pod in two of them may do all that either may do. NP301 tells that two tiers could share a pod;
where an inventory shows one that they do share, this rule tells which, in its place.

To mend it, let the tiers exclude each other by a label that both ask for with different values, or make them one.

```yaml
# inventory.yaml
apiVersion: apps/v1
kind: Deployment
metadata: { name: canary, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web, track: canary } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web, track: stable } }
```

```toml
# bad
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" },                   ports = [8080] }
canary = { namespace = "shop", pods = { app = "web", track = "canary" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = ["web", "canary"]
why  = "public shop front"
```

```toml
# mended
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web", track = "stable" }, ports = [8080] }
canary = { namespace = "shop", pods = { app = "web", track = "canary" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = ["web", "canary"]
why  = "public shop front"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    let mut seen = BTreeSet::new();
    for (at, pod) in running.pods().filter(|(_, pod)| !pod.host_network) {
        let tiers = running.tiers_of(at);
        let [first, .., last] = tiers else { continue };
        if !seen.insert((pod.made_by(), tiers)) {
            continue;
        }
        let names: Vec<String> = tiers.iter().map(|tier| quote(&cx.model[*tier].name)).collect();
        let path = format!("{}/{}", pod.namespace, pod.workload);
        let message = format!("{} {} is in the tiers {}", pod.kind, quote(&path), names.join(" and "));
        let finding = findings
            .at(cx.model[*last].pods_span, message)
            .related(cx.model[*first].pods_span, format!("the pods of {}", quote(&cx.model[*first].name)))
            .related(pod.span, "runs here")
            .note(format!("its pods: {}; they get what all of these tiers may do", pod.labels))
            .help("let the tiers exclude each other: one key, and a value of its own for each");
        findings.push(&[WaiveTarget::Workload(path.into())], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::safety::tiers_share_pods;
    use crate::checks::testing::{Draft, deployment};

    fn draft() -> Draft {
        Draft::new().tier("web", "shop", "app=web").tier("canary", "shop", "app=web,track=canary")
    }

    #[test]
    fn the_pods_that_two_tiers_share_are_told_instead_of_that_they_could() {
        let inventory = deployment("shop", "canary", "{app: web, track: canary}");
        let found: Vec<String> = draft().check_with(&RULE, &inventory).into_iter().map(|d| d.message).collect();
        assert_eq!(found, ["Deployment `shop/canary` is in the tiers `web` and `canary`"]);
        assert!(draft().check_with(&tiers_share_pods::RULE, &inventory).is_empty());
    }

    #[test]
    fn tiers_that_share_no_pod_yet_could_still() {
        let inventory = deployment("shop", "web", "{app: web, track: stable}");
        assert!(draft().check_with(&RULE, &inventory).is_empty());
        assert_eq!(draft().check_with(&tiers_share_pods::RULE, &inventory).len(), 1);
    }
}
