//! NP610: a peer that is nobody.

use crate::checks::running::{Want, nearest_of, place};
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, NamespaceSet, WaiveTarget};

/// The most namespaces that a message names.
const NAMED: usize = 3;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP610"),
    name: "peer-matches-nothing",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "peer",
    summary: "no workload of the inventory is one of a peer's pods",
    doc: r#"
A peer is a group of pods that somebody else manages. Where no workload carries its labels, its edges open nothing:
the Ingress controller that was meant stays outside, the collector gets no traces.

Only namespaces that the inventory shows are looked at. A peer that is found by labels of its namespace is looked at
where the inventory declares namespaces.

To mend it, write the labels that the workload's pods carry. Where the peer will be installed later, say so in a
waiver.

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
metadata: { name: controller, namespace: ingress }
spec:
  template:
    metadata: { labels: { "app.kubernetes.io/name": ingress-nginx } }
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[peers]
ingress = { namespace = "ingress", pods = { app = "ingress-nginx" } }

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
ingress = { namespace = "ingress", pods = { "app.kubernetes.io/name" = "ingress-nginx" } }

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
        let namespaces = &peer.pods.namespaces;
        // Of a namespace that does not exist another rule tells.
        let shown = match namespaces {
            NamespaceSet::Names(names) => names.iter().all(|name| running.sees(name)),
            NamespaceSet::All => running.knows_namespaces(),
            NamespaceSet::Labels(labels) => running.carrying(labels).next().is_some(),
        };
        if !shown || running.any(&peer.pods) || running.had_any(&peer.pods) {
            continue;
        }
        let place = place(namespaces, NAMED);
        let finding = findings.at(peer.span, format!("peer {} matches no workload{place}", quote(&peer.name)));
        let near = nearest_of(&peer.pods.labels, &peer.name, running.pods_in(namespaces).into_iter());
        let finding = match near.and_then(|near| Some((running.pod(near.pod)?, near.want))) {
            Some((pod, Want::Other(_, (key, value)))) => finding
                .related(pod.span, format!("{} {}", pod.kind, quote(&pod.workload)))
                .help(format!("did you mean {}?", quote(&format!("{key}: {value}")))),
            _ => finding.help("write the labels that its pods carry, or remove the peer"),
        };
        findings.push(&[WaiveTarget::Peer(id)], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};

    fn told(places: &str, labels: &str, inventory: &str) -> Vec<String> {
        let found = Draft::new().peer("p", places, labels).check_with(&RULE, inventory);
        found.into_iter().map(|d| format!("{} | {}", d.message, d.help.join("; "))).collect()
    }

    #[test]
    fn a_peer_without_pods_is_found_with_what_is_near() {
        let inventory = deployment("ingress", "nginx", "app: ingress-nginx");
        assert!(told("ingress", "app=ingress-nginx", &inventory).is_empty());
        assert!(told("ingress", "", &inventory).is_empty());
        assert_eq!(
            told("ingress", "name=ingress-nginx", &inventory),
            ["peer `p` matches no workload in `ingress` | did you mean `app: ingress-nginx`?"]
        );
        assert_eq!(
            told("ingress", "app=traefik", &inventory),
            ["peer `p` matches no workload in `ingress` | write the labels that its pods carry, or remove the peer"]
        );
        assert!(told("elsewhere", "app=traefik", &inventory).is_empty(), "nothing is shown of it");
    }

    #[test]
    fn namespaces_are_found_by_their_labels() {
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: ingress, labels: {team: net}}\n---\n";
        let inventory = format!("{namespace}{}", deployment("ingress", "nginx", "app: nginx"));
        assert!(told("team=net", "app=nginx", &inventory).is_empty());
        assert_eq!(told("team=net", "app=other", &inventory).len(), 1);
        assert!(told("team=other", "app=other", &inventory).is_empty(), "another rule tells it");
    }
}
