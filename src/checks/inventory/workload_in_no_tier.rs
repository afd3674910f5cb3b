//! NP602: a workload that is cut off.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::{Context, Findings, Group, Rule};
use crate::cluster::Pod;
use crate::diag::{Code, quote};
use crate::model::{LintLevel, Sym, WaiveTarget};
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP602"),
    name: "workload-in-no-tier",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "workload",
    summary: "a workload runs in a managed namespace and is in no tier",
    doc: r#"
A tier makes its namespace managed: every pod in it is behind a default deny, both ways. A pod that is in no tier
gets nothing back, not even DNS. The day the policies are applied, such a workload stops working: a cron job that
somebody forgot, an exporter, an agent that another team put there.

Pods on the network of their node are not looked at: policies do not govern them.

To mend it, declare a tier for the workload with the edges that it needs. If it shall be shut in, or will be gone
before the policies are applied, say so in a waiver.

```yaml
# inventory.yaml
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web } }
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: report, namespace: shop }
spec:
  jobTemplate:
    spec:
      template:
        metadata: { labels: { app: report } }
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

[tiers]
web    = { namespace = "shop", pods = { app = "web" }, ports = [8080] }
report = { namespace = "shop", pods = { app = "report" } }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"

[[allow]]
from = "report"
to   = "web"
why  = "the nightly report asks for the day's orders"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    let mut tiers: BTreeMap<&Sym, (Span, &Sym)> = BTreeMap::new();
    // A namespace in which a tier is by mistake is not managed once that is mended.
    let misplaced = &running.misplaced().of_tier;
    for (_, tier) in cx.model.tiers().filter(|(id, _)| !misplaced.contains_key(id)) {
        for namespace in tier.pods.namespaces.names() {
            tiers.entry(namespace).or_insert((tier.span, &tier.name));
        }
    }
    // Where a tier without pods was probably meant for a workload, that is told there.
    let meant: BTreeSet<_> =
        running.missed().iter().filter_map(|(_, near)| running.pod(near.pod)).map(Pod::made_by).collect();
    let mut seen = BTreeSet::new();
    for (at, pod) in running.pods() {
        let Some((span, tier)) = tiers.get(&pod.namespace) else { continue };
        if pod.host_network
            || pod.is_test
            || !running.tiers_of(at).is_empty()
            || meant.contains(&pod.made_by())
            || running.misplaced().pods.contains(&at)
            || !seen.insert((pod.made_by(), &pod.labels))
        {
            continue;
        }
        let path = format!("{}/{}", pod.namespace, pod.workload);
        let message =
            format!("{} {} is in no tier, so it may neither send nor receive anything", pod.kind, quote(&path));
        let labels = match pod.labels.is_empty() {
            true => "its pods have no labels".to_owned(),
            false => format!("its pods: {}", pod.labels),
        };
        let finding = findings
            .at(*span, message)
            .label(format!("tier {} makes {} managed", quote(tier), quote(&pod.namespace)))
            .related(pod.span, "runs here")
            .note(labels)
            .help("declare a tier for it, with the edges that it needs; or accept it with a waiver");
        findings.push(&[WaiveTarget::Workload(path.into())], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};

    fn messages(draft: Draft, inventory: &str) -> Vec<String> {
        draft.check_with(&RULE, inventory).into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn a_workload_without_a_tier_in_a_managed_namespace_is_found() {
        let inventory = ["shop", "other"].map(|namespace| deployment(namespace, "job", "app: job"));
        let inventory = [inventory.join("---\n"), deployment("shop", "web", "app: web")].join("---\n");
        assert_eq!(
            messages(Draft::new().tiers("web"), &inventory),
            ["Deployment `shop/job` is in no tier, so it may neither send nor receive anything"]
        );
        assert!(messages(Draft::new().tier("all", "shop", ""), &inventory).is_empty());
    }

    #[test]
    fn replicas_are_told_once_and_pods_of_nodes_never() {
        let pod = |name: &str, host: bool| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: x}}, \
                 ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: x-1, uid: u, controller: true}}]}}\n\
                 spec: {{hostNetwork: {host}}}\n"
            )
        };
        let set = "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: x-1, namespace: shop}\n\
                   spec: {template: {metadata: {labels: {app: x}}}}\n";
        let inventory = |host| [pod("x-1-a", host), pod("x-1-b", host), set.to_owned()].join("---\n");
        assert_eq!(messages(Draft::new().tiers("web"), &inventory(false)).len(), 1);
        assert!(messages(Draft::new().tiers("web"), &inventory(true)).is_empty());
    }

    #[test]
    fn what_a_tier_was_probably_meant_for_is_told_there() {
        let draft = Draft::new().tiers("web api");
        let inventory =
            [deployment("shop", "web", "app: web"), deployment("shop", "x", "app: api-server")].join("---\n");
        assert!(messages(draft, &inventory).is_empty());
    }

    #[test]
    fn what_a_tier_of_another_namespace_would_take_in_is_told_there() {
        let draft = Draft::new().tiers("web").tier("api", "backend", "app=api");
        let inventory = [deployment("shop", "web", "app: web"), deployment("shop", "api", "app: api")].join("---\n");
        assert!(messages(draft, &inventory).is_empty());
    }

    #[test]
    fn what_runs_now_and_then_for_a_test_or_has_run_already_is_accepted() {
        let job = |status: &str| {
            let manifest = deployment("shop", "once", "job-name: once").replace("kind: Deployment", "kind: Job");
            manifest.replace("apps/v1", "batch/v1").trim_end().to_owned() + "\n" + status
        };
        let told = |inventory: &str| messages(Draft::new().tiers("web"), inventory).len();
        assert_eq!(told(&job("status: {active: 1}\n")), 1);
        assert_eq!(told(&job("status: {conditions: [{type: Complete, status: \"False\"}]}\n")), 1);
        assert_eq!(told(&job("status: {conditions: [{type: Complete, status: \"True\"}]}\n")), 0);
        assert_eq!(told(&job("status: {completionTime: \"2026-01-01T00:00:00Z\"}\n")), 0);
        let hook = |events: &str| {
            let hooks = format!("annotations: {{helm.sh/hook: \"{events}\"}}, name: once");
            job("").replace("name: once,", &format!("{hooks},"))
        };
        assert_eq!(
            ["test", "test-success", "pre-install", "pre-install,test"].map(|events| told(&hook(events))),
            [0, 0, 1, 1]
        );
    }

    #[test]
    fn two_kinds_of_one_name_are_two_workloads() {
        let one = deployment("shop", "job", "app: job");
        let both = format!("{one}---\n{}", one.replace("kind: Deployment", "kind: StatefulSet"));
        let found = messages(Draft::new().tiers("web"), &both);
        assert!(found[0].starts_with("Deployment `shop/job` is") && found[1].starts_with("StatefulSet `shop/job` is"));
    }

    #[test]
    fn a_namespace_in_which_a_tier_is_by_mistake_is_nobodys() {
        let inventory = [
            deployment("shop", "web", "app: web"),
            deployment("shop", "db", "app: db"),
            deployment("x", "worker", "app: worker"),
        ];
        let inventory = inventory.join("---\n");
        let by_mistake = Draft::new().tiers("web").tier("db", "x", "app=db");
        assert!(messages(by_mistake, &inventory).is_empty());
        assert_eq!(messages(Draft::new().tiers("web db").tier("z", "x", "app=z"), &inventory).len(), 1);
    }

    #[test]
    fn a_waiver_names_the_workload() {
        let inventory = deployment("shop", "job", "app: job");
        let waived = |path: &str| {
            let draft = Draft::new().tiers("web").waive("NP602", WaiveTarget::Workload(path.into()), None);
            draft.check_with(&RULE, &inventory).len()
        };
        assert_eq!((waived("shop/job"), waived("shop/other")), (0, 1));
    }
}
