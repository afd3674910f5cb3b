//! NP601: a tier that is no workload's.

use crate::checks::running::{Want, listed};
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, Sym, WaiveTarget};

/// The most namespaces that a message names.
const NAMED: usize = 3;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP601"),
    name: "tier-matches-nothing",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "tier",
    summary: "no workload of the inventory is in a tier",
    doc: r#"
A tier is every pod that carries its labels. Where no workload does, its edges open nothing for anybody, and the
pods that were meant are behind the default deny of their namespace with nothing allowed. A misspelt label does
that, or a chart that changed its labels from `app` to `app.kubernetes.io/name`.

Only namespaces that the inventory shows are looked at. Pods count as their workload's template says; what has run
to its end does not count.

To mend it, write the labels that the workload's pods carry, or remove the tier if the workload is gone.

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
metadata: { name: api, namespace: shop }
spec:
  template:
    metadata: { labels: { app: api-server } }
```

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
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api-server" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    for (id, tier) in cx.model.tiers().filter(|(id, _)| running.is_unused(*id)) {
        let namespaces = tier.pods.namespaces.names();
        // Of what is not shown nothing is known; of a namespace that does not exist another rule tells.
        if !namespaces.iter().all(|name| running.sees(name)) {
            continue;
        }
        let places = listed(namespaces.iter().map(|name| &**name), NAMED);
        let message = match tier.pods.labels.is_empty() {
            true => format!("tier {} is all pods of {places}, and no workload runs there", quote(&tier.name)),
            false => format!("tier {} matches no workload in {places}", quote(&tier.name)),
        };
        let mut finding = findings.at(tier.pods_span, message);
        let near = running.missed().binary_search_by_key(&id, |(tier, _)| *tier).ok();
        let near = near.and_then(|at| running.missed().get(at)).map(|(_, near)| near);
        if let Some((near, pod)) = near.and_then(|near| Some((near, running.pod(near.pod)?))) {
            finding = finding.related(pod.span, format!("{} {}", pod.kind, quote(&pod.workload)));
            finding = match &near.want {
                Want::Other(asked, has) => finding.help(format!("did you mean {}?", pair(asked, has))),
                Want::Missing((key, value)) => finding
                    .note(format!("{} is named alike and has no label {}", quote(&pod.workload), quote(key)))
                    .help(format!("give its pods the label {}", quote(&format!("{key}: {value}")))),
            };
        } else if let Some(pod) = running.misplaced().of_tier.get(&id).and_then(|at| running.pod(*at)) {
            let place = quote(&pod.namespace);
            finding = finding
                .related(pod.span, format!("{} {}", pod.kind, quote(&pod.workload)))
                .help(format!("pods with these labels run in {place}: did you mean that?"));
        } else {
            finding = finding.help("write the labels that the workload's pods carry, or remove the tier");
        }
        findings.push(&[WaiveTarget::Tier(id)], finding);
    }
}

/// `app: api-server` for `app: api`, as a manifest writes it.
fn pair((key, value): &(Sym, Sym), (other, has): &(Sym, Sym)) -> String {
    let text = format!("{other}: {has}");
    match key == other {
        true => quote(&text),
        false => format!("{} instead of {}", quote(&text), quote(&format!("{key}: {value}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};

    fn told(draft: Draft, inventory: &str) -> Vec<(String, Vec<String>)> {
        draft.check_with(&RULE, inventory).into_iter().map(|d| (d.message, d.help)).collect()
    }

    fn help(labels: &str, name: &str, has: &str) -> String {
        let found = told(Draft::new().tier("api", "shop", labels), &deployment("shop", name, has));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].1.join("; ")
    }

    #[test]
    fn what_has_run_to_its_end_was_the_tiers() {
        let pod = |phase: &str| {
            let place = "metadata: {name: migrate-x, namespace: shop, labels: {app: migrate}}";
            format!("apiVersion: v1\nkind: Pod\n{place}\nstatus: {{phase: {phase}}}\n")
        };
        let found = |phase| told(Draft::new().tiers("migrate"), &pod(phase)).len();
        assert_eq!(["Running", "Succeeded", "Failed"].map(found), [0, 0, 0]);
        assert_eq!(told(Draft::new().tiers("other"), &pod("Succeeded")).len(), 1);
    }

    #[test]
    fn the_nearest_labels_are_proposed() {
        assert_eq!(help("app=api", "x", "app: api-server"), "did you mean `app: api-server`?");
        assert_eq!(help("app=apu", "x", "app: api"), "did you mean `app: api`?");
        assert_eq!(
            help("app=api", "x", "app.kubernetes.io/name: api"),
            "did you mean `app.kubernetes.io/name: api` instead of `app: api`?"
        );
        assert_eq!(help("app=api", "api", "x: z"), "give its pods the label `app: api`");
        assert_eq!(help("app=api,a=b", "x", "{a: b, app: api-1}"), "did you mean `app: api-1`?");
        assert_eq!(
            help("app=api", "x", "app: web"),
            "write the labels that the workload's pods carry, or remove the tier"
        );
    }

    #[test]
    fn a_pod_that_another_tier_takes_in_is_not_proposed() {
        let draft = Draft::new().tier("api", "shop", "app=api").tier("server", "shop", "app=api-server");
        let found = told(draft, &deployment("shop", "x", "app: api-server"));
        assert_eq!(found.len(), 1);
        assert!(found[0].1[0].starts_with("write the labels"), "{found:?}");
    }

    #[test]
    fn the_same_labels_in_another_namespace_are_told() {
        let inventory = [deployment("shop", "web", "app: web"), deployment("store", "api", "app: api")].join("---\n");
        let found = told(Draft::new().tier("web", "shop", "app=web").tier("api", "shop", "app=api"), &inventory);
        assert_eq!(
            found,
            [(
                "tier `api` matches no workload in `shop`".to_owned(),
                vec!["pods with these labels run in `store`: did you mean that?".to_owned()]
            )]
        );
    }

    #[test]
    fn nothing_is_said_of_namespaces_that_are_not_shown() {
        assert!(told(Draft::new().tier("api", "shop", "app=api"), &deployment("other", "x", "app: z")).is_empty());
        assert!(Draft::new().tier("api", "shop", "app=api").check(&RULE).is_empty(), "without an inventory");
    }
}
