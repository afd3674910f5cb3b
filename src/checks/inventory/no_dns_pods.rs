//! NP612: DNS that is somewhere else.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{DnsPeer, LintLevel, PodSet};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP612"),
    name: "no-dns-pods",
    group: Group::Inventory,
    default: LintLevel::Error,
    about: "",
    summary: "tiers may ask the cluster's DNS, and no workload of the inventory is it",
    doc: r#"
Every tier may ask the cluster's DNS, and nothing else of that kind. Where the project's preset names other pods
than those that answer in this cluster, no name is resolved any more the moment the policies are applied: everything
stops at once. On OpenShift the DNS is in `openshift-dns`; some distributions label it otherwise than `k8s-app:
kube-dns`.

Looked at only where the inventory shows workloads in the namespace of the DNS.

To mend it, let the platform team write `dns` under `[cluster]` in `netpolc.toml`: a preset, or the namespace and
labels of the pods.

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
kind: Deployment
metadata: { name: coredns, namespace: kube-system }
spec:
  template:
    metadata: { labels: { app: coredns } }
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
```

```toml
# mended
app = "shop"
dns = false

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

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
    let Some(tier) = cx.model.tiers.iter().find(|tier| tier.dns) else { return };
    // Caches of nodes are pods that others install; what must be there is the DNS itself.
    let sets: Vec<&PodSet> = cx.model.profile.dns.peers.iter().filter_map(pods).collect();
    let shown = |set: &PodSet| !running.pods_in(&set.namespaces).is_empty();
    let [first, ..] = sets.as_slice() else { return };
    if !sets.iter().all(|set| shown(set)) || sets.iter().any(|set| running.any(set)) {
        return;
    }
    let namespace = first.namespaces.names().first().map_or("", |name| name);
    let finding = findings
        .at(tier.span, "no workload is the cluster's DNS that tiers may ask")
        .note(format!("the DNS is taken to be pods with {} in {}", quote(&first.labels.to_string()), quote(namespace)))
        .help("let the platform team write `dns` under `[cluster]` in netpolc.toml: a preset, or namespace and labels");
    findings.push(&[], finding);
}

fn pods(peer: &DnsPeer) -> Option<&PodSet> {
    match peer {
        DnsPeer::Pods(set) => Some(set),
        DnsPeer::Address(_) | DnsPeer::Cache(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};

    #[test]
    fn dns_pods_must_run_where_their_namespace_is_shown() {
        let found =
            |draft: Draft, namespace, labels| draft.check_with(&RULE, &deployment(namespace, "x", labels)).len();
        assert_eq!(found(Draft::new().tiers("web"), "kube-system", "k8s-app: kube-dns"), 0);
        assert_eq!(found(Draft::new().tiers("web"), "kube-system", "app: coredns"), 1);
        assert_eq!(found(Draft::new().tiers("web"), "shop", "app: coredns"), 0);
        assert_eq!(found(Draft::new().tiers("web").with(|m| m.tiers[0].dns = false), "kube-system", "a: b"), 0);
    }
}
