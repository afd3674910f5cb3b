//! NP603: a tier's namespace that is not there.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, Diagnostic, quote};
use crate::model::{AppId, LintLevel, Sym, TierId, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP603"),
    name: "unknown-namespace",
    group: Group::Inventory,
    default: LintLevel::Error,
    about: "tier",
    summary: "a tier's namespace is not in the inventory",
    doc: r#"
Policies of a namespace that does not exist cannot be applied, and those of the whole folder may fail with them. Often
the name is misspelt.

Whether a namespace exists is known where the inventory declares all of them, as a dump of a cluster does: then
`default` or `kube-system` is among them. Where it declares other namespaces of the same app, this one is taken to be
missing too. Otherwise a name that it does not show is told only if another one is so near that it was probably meant.

To mend it, write the namespace's name. Where it will be created by the same change, put its manifest into the
inventory.

```yaml
# inventory.yaml
apiVersion: v1
kind: Namespace
metadata: { name: backend }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: backend }
spec:
  template:
    metadata: { labels: { app: api } }
```

```toml
# bad
app = "shop"

[tiers]
api = { namespace = "bakcend", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = "api"
why  = "the API is public"
```

```toml
# mended
app = "shop"

[tiers]
api = { namespace = "backend", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = "api"
why  = "the API is public"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    let mut missing: BTreeMap<&Sym, Vec<TierId>> = BTreeMap::new();
    for (id, tier) in cx.model.tiers() {
        for namespace in tier.pods.namespaces.names().iter().filter(|name| !running.sees(name)) {
            missing.entry(namespace).or_default().push(id);
        }
    }
    let declared = |name: &Sym| running.cluster.namespaces.get(name).is_some_and(|namespace| namespace.declared);
    let shown: BTreeSet<AppId> = cx
        .model
        .tiers
        .iter()
        .filter(|tier| tier.pods.namespaces.names().iter().any(declared))
        .map(|tier| tier.app)
        .collect();
    for (namespace, tiers) in missing {
        let near = running.near_namespace(namespace);
        // Where other namespaces of the app are declared, this one would be too.
        let is_shown = || tiers.iter().any(|tier| shown.contains(&cx.model[*tier].app));
        let is_known = running.knows_namespaces() || near.is_some() || is_shown();
        let Some(first) = tiers.first().filter(|_| is_known) else { continue };
        let message = format!("namespace {} is not in the inventory", quote(namespace));
        let mut finding = findings.at(cx.model[*first].span, message).label("this tier is there");
        for other in tiers.iter().skip(1).take(2) {
            finding = finding.related(cx.model[*other].span, "this one too");
        }
        let targets: Vec<WaiveTarget> = tiers.iter().map(|tier| WaiveTarget::Tier(*tier)).collect();
        let elsewhere = tiers.iter().find_map(|tier| running.misplaced().of_tier.get(tier));
        let elsewhere = elsewhere.and_then(|at| running.pod(*at)).filter(|_| near.is_none());
        let finding = match elsewhere {
            Some(pod) => {
                let place = quote(&pod.namespace);
                finding.help(format!("pods with these labels run in {place}: did you mean that?"))
            }
            None => propose(finding, near),
        };
        findings.push(&targets, finding);
    }
}

/// What to do about a namespace that is not there: another is near, or none is.
pub(super) fn propose(finding: Diagnostic, near: Option<&str>) -> Diagnostic {
    match near {
        Some(near) => finding.help(format!("did you mean {}?", quote(near))),
        None => finding.help("create it, or put its manifest into the inventory"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};

    const NAMESPACES: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: backend, labels: {team: a}}\n---\n\
                              apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n---\n";

    fn told(draft: Draft, inventory: &str) -> Vec<(String, Vec<String>)> {
        draft.check_with(&RULE, inventory).into_iter().map(|d| (d.message, d.help)).collect()
    }

    fn line(message: &str, help: &str) -> (String, Vec<String>) {
        (message.to_owned(), vec![help.to_owned()])
    }

    #[test]
    fn a_namespace_that_is_not_declared_does_not_exist() {
        let inventory = format!("{NAMESPACES}{}", deployment("backend", "x", "app: x"));
        let draft = Draft::new().tier("a", "backned", "app=a").tier("b", "backned", "app=b").tier("c", "far", "app=c");
        assert_eq!(
            told(draft, &inventory),
            [
                line("namespace `backned` is not in the inventory", "did you mean `backend`?"),
                line("namespace `far` is not in the inventory", "create it, or put its manifest into the inventory"),
            ]
        );
    }

    #[test]
    fn manifests_of_an_app_say_something_of_its_own_namespaces_alone() {
        let inventory = format!("{NAMESPACES}{}", deployment("backend", "x", "app: x")).replace("default", "backend2");
        let draft = || Draft::new().tier("a", "backend", "app=x");
        assert!(told(draft().tier("other/b", "store", "app=b"), &inventory).is_empty());
        let found = told(draft().tier("b", "store", "app=b"), &inventory);
        assert_eq!(found[0].0, "namespace `store` is not in the inventory");
    }

    #[test]
    fn without_declared_namespaces_only_a_near_name_is_told() {
        let inventory = deployment("backend", "x", "app: x");
        assert_eq!(
            told(Draft::new().tier("a", "backned", "app=a").tier("c", "far", "app=c"), &inventory),
            [line("namespace `backned` is not in the inventory", "did you mean `backend`?")]
        );
        let both = Draft::new().tier("a", "backend", "app=a").tier("b", "backend2", "app=b");
        assert!(told(both, &inventory).is_empty(), "both names are meant");
    }
}
