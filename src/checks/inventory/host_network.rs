//! NP605: pods that no policy governs.

use std::collections::BTreeSet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP605"),
    name: "host-network",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "workload",
    summary: "a tier takes in a workload on the network of its node, which no policy governs",
    doc: r#"
A pod with `hostNetwork: true` has its node's address and its node's network. Policies that select pods do not
govern it: it may send and receive everything, whatever its tier says. To others it is a node, so an edge from its
tier does not let it in where it arrives. A tier that reads like a limit is none.

To mend it, take the pod off the host network, or remove the tier and let others name it as `nodes`.

```yaml
# inventory.yaml
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: agent, namespace: observe }
spec:
  template:
    metadata: { labels: { app: agent } }
    spec:
      hostNetwork: true
      containers: [{ name: agent, image: agent }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: sink, namespace: observe }
spec:
  template:
    metadata: { labels: { app: sink } }
```

```toml
# netpolc.toml
[cluster]
node-cidrs = ["192.168.10.0/24"]
```

```toml
# bad
app = "observe"

[tiers]
agent = { namespace = "observe", pods = { app = "agent" } }
sink  = { namespace = "observe", pods = { app = "sink" }, ports = [4317] }

[[allow]]
from = "agent"
to   = "sink"
why  = "agents of the nodes deliver their measurements"
```

```toml
# mended
app = "observe"

[tiers]
sink = { namespace = "observe", pods = { app = "sink" }, ports = [4317] }

[[allow]]
from = "nodes"
to   = "sink"
why  = "agents of the nodes deliver their measurements"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    let mut seen = BTreeSet::new();
    for (at, pod) in running.pods().filter(|(_, pod)| pod.host_network) {
        let Some(tier) = running.tiers_of(at).first() else { continue };
        if !seen.insert(pod.made_by()) {
            continue;
        }
        let tier = &cx.model[*tier];
        // A tier of a whole namespace does not ask for these pods.
        if tier.pods.labels.is_empty() {
            continue;
        }
        let path = format!("{}/{}", pod.namespace, pod.workload);
        let message =
            format!("{} {} of tier {} is on the network of its node", pod.kind, quote(&path), quote(&tier.name));
        let finding = findings
            .at(tier.pods_span, message)
            .related(pod.span, "`hostNetwork: true`")
            .note("no policy governs it, and to other pods it is a node")
            .help("take it off the host network, or remove the tier and write `nodes` where others talk to it");
        findings.push(&[WaiveTarget::Workload(path.into())], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};

    #[test]
    fn a_tier_of_pods_on_the_host_network_is_found_once() {
        let on_host = deployment("shop", "agent", "app: agent").replace("spec: {}", "spec: {hostNetwork: true}");
        let found = |draft: Draft| draft.check_with(&RULE, &on_host).into_iter().map(|d| d.message).collect::<Vec<_>>();
        let expected = "Deployment `shop/agent` of tier `agent` is on the network of its node";
        assert_eq!(found(Draft::new().tiers("agent")), [expected]);
        assert!(found(Draft::new().tier("all", "shop", "")).is_empty());
        assert!(Draft::new().tiers("agent").check_with(&RULE, &deployment("shop", "agent", "app: agent")).is_empty());
    }
}
