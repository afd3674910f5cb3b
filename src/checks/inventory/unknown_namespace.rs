//! NP603: a namespace that is not there, or not with the labels that are asked for.

use std::collections::BTreeMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, Diagnostic, quote};
use crate::model::{LintLevel, NamespaceSet, Sym, TierId, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP603"),
    name: "unknown-namespace",
    group: Group::Inventory,
    default: LintLevel::Error,
    about: "tier",
    summary: "a namespace does not exist, or none has the labels that a selector asks for",
    doc: r#"
Policies of a namespace that does not exist cannot be applied, and those of the whole folder may fail with them. A
peer whose namespaces are found by a label that no namespace carries is nobody: its edges open nothing. Often the
name is misspelt, or the label was never set.

Whether a namespace exists is known only where the inventory declares all of them, as a dump of a cluster does: then
`default` or `kube-system` is among them. Manifests of an app may declare its own namespace; of others they say nothing,
and a name that they do not show is told only if another one is so near that it was probably meant.

To mend it, write the namespace's name, or set the label on the namespace. Where it will be created by the same
change, put its manifest into the inventory.

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
    for (namespace, tiers) in missing {
        let near = running.near_namespace(namespace);
        let Some(first) = tiers.first().filter(|_| running.knows_namespaces() || near.is_some()) else { continue };
        let message = format!("namespace {} is not in the inventory", quote(namespace));
        let mut finding = findings.at(cx.model[*first].span, message).label("this tier is there");
        for other in tiers.iter().skip(1).take(2) {
            finding = finding.related(cx.model[*other].span, "this one too");
        }
        let targets: Vec<WaiveTarget> = tiers.iter().map(|tier| WaiveTarget::Tier(*tier)).collect();
        let elsewhere = tiers.iter().find_map(|tier| running.misplaced().of_tier.get(tier));
        if let (None, Some(pod)) = (near, elsewhere.and_then(|at| running.pod(*at))) {
            let place = quote(&pod.namespace);
            finding = finding.help(format!("pods with these labels run in {place}: did you mean that?"));
        }
        findings.push(&targets, propose(finding, near));
    }
    for (id, peer) in cx.model.peers() {
        let (message, near) = match &peer.pods.namespaces {
            NamespaceSet::All => continue,
            NamespaceSet::Names(names) => {
                let Some(name) = names.iter().find(|name| !running.sees(name)) else { continue };
                (format!("namespace {} is not in the inventory", quote(name)), running.near_namespace(name))
            }
            NamespaceSet::Labels(labels) => {
                let mut namespaces = running.cluster.namespaces.values();
                if namespaces.any(|namespace| labels.is_subset_of(&namespace.labels)) {
                    continue;
                }
                (format!("no namespace of the inventory has the labels {}", quote(&labels.to_string())), None)
            }
        };
        if running.knows_namespaces() || near.is_some() {
            let finding = findings.at(peer.namespace_span, message);
            findings.push(&[WaiveTarget::Peer(id)], propose(finding, near));
        }
    }
}

fn propose(finding: Diagnostic, near: Option<&str>) -> Diagnostic {
    match near {
        Some(near) => finding.help(format!("did you mean {}?", quote(near))),
        None => finding.help("create it, set its labels, or put its manifest into the inventory"),
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
                line(
                    "namespace `far` is not in the inventory",
                    "create it, set its labels, or put its manifest into the inventory"
                ),
            ]
        );
    }

    #[test]
    fn manifests_of_an_app_with_its_own_namespace_say_nothing_of_others() {
        let inventory = format!("{NAMESPACES}{}", deployment("backend", "x", "app: x")).replace("default", "backend2");
        let peers = Draft::new().tier("a", "backend", "app=x").peer("p", "monitoring", "app=p");
        assert!(told(peers.peer("q", "team=other", "app=q"), &inventory).is_empty());
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

    #[test]
    fn a_peer_needs_a_namespace_with_its_labels() {
        let inventory = format!("{NAMESPACES}{}", deployment("backend", "x", "app: x"));
        let peer = |places: &str| told(Draft::new().peer("p", places, "app=p"), &inventory);
        assert!(peer("team=a").is_empty() && peer("backend").is_empty());
        assert_eq!(peer("team=b")[0].0, "no namespace of the inventory has the labels `team=b`");
        assert_eq!(peer("elsewhere")[0].0, "namespace `elsewhere` is not in the inventory");
        let undeclared = deployment("backend", "x", "app: x");
        assert!(told(Draft::new().peer("p", "team=b", "app=p"), &undeclared).is_empty());
    }
}
