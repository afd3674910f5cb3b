//! NP616: a peer's namespace that is not there, or not with the labels that are asked for.

use super::unknown_namespace::propose;
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, NamespaceSet, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP616"),
    name: "unknown-peer-namespace",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "peer",
    summary: "a peer's namespace is not in the inventory, or none has the labels that the peer asks for",
    doc: r#"
A peer whose namespace does not exist, or whose namespaces are found by a label that no namespace carries, is nobody:
its edges open nothing, and what was meant by it is denied. The name is misspelt, or the label was never set.

Whether a namespace exists is known only where the inventory declares all of them, as a dump of a cluster does: then
`default` or `kube-system` is among them. Otherwise a name that it does not show is told only if another one is so near
that it was probably meant.

To mend it, write the namespace's name, or set the label on the namespace. Where the namespace will be there later, say
so in a waiver.

```yaml
# inventory.yaml
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Namespace
metadata: { name: ingress }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: controller, namespace: ingress }
spec:
  template:
    metadata: { labels: { app: controller } }
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[peers]
ingress = { namespace = "ingres", pods = { app = "controller" } }

[[allow]]
from = "ingress"
to   = "web"
why  = "public shop front"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[peers]
ingress = { namespace = "ingress", pods = { app = "controller" } }

[[allow]]
from = "ingress"
to   = "web"
why  = "public shop front"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    for (id, peer) in cx.model.peers() {
        let (message, near) = match &peer.pods.namespaces {
            NamespaceSet::All => continue,
            NamespaceSet::Names(names) => {
                let Some(name) = names.iter().find(|name| !running.sees(name)) else { continue };
                (format!("namespace {} is not in the inventory", quote(name)), running.near_namespace(name))
            }
            NamespaceSet::Labels(labels) => {
                if running.carrying(labels).next().is_some() {
                    continue;
                }
                (format!("no namespace of the inventory has the labels {}", quote(&labels.to_string())), None)
            }
        };
        if running.knows_namespaces() || near.is_some() {
            let finding = findings.at(peer.namespace_span, message);
            let finding = match &peer.pods.namespaces {
                NamespaceSet::Labels(_) => {
                    finding.help("set these labels on the namespaces that are meant, or name them")
                }
                _ => propose(finding, near),
            };
            findings.push(&[WaiveTarget::Peer(id)], finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};
    use crate::model::PeerId;

    const NAMESPACES: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: backend, labels: {team: a}}\n---\n\
                              apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n---\n";

    fn told(draft: Draft, inventory: &str) -> Vec<String> {
        draft.check_with(&RULE, inventory).into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn a_peer_needs_a_namespace_with_its_labels() {
        let inventory = format!("{NAMESPACES}{}", deployment("backend", "x", "app: x"));
        let peer = |places: &str| told(Draft::new().peer("p", places, "app=p"), &inventory);
        assert!(peer("team=a").is_empty() && peer("backend").is_empty());
        assert_eq!(peer("team=b"), ["no namespace of the inventory has the labels `team=b`"]);
        assert_eq!(peer("elsewhere"), ["namespace `elsewhere` is not in the inventory"]);
        let undeclared = deployment("backend", "x", "app: x");
        assert!(told(Draft::new().peer("p", "team=b", "app=p"), &undeclared).is_empty());
    }

    #[test]
    fn a_waiver_names_the_peer() {
        let inventory = format!("{NAMESPACES}{}", deployment("backend", "x", "app: x"));
        let draft = Draft::new().peer("p", "elsewhere", "app=p").waive("NP616", WaiveTarget::Peer(PeerId(0)), None);
        assert!(told(draft, &inventory).is_empty());
    }
}
