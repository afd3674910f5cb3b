//! NP613: a way in from outside that ends at a default deny.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, PortRange, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP613"),
    name: "outside-shut",
    group: Group::Inventory,
    default: LintLevel::Error,
    about: "tier",
    summary: "a load balancer, node port, Ingress or Gateway route leads to a tier that lets nobody from outside in",
    doc: r#"
A Service of type `LoadBalancer` or `NodePort`, an Ingress or a route of the Gateway API leads from outside of the
cluster to pods. Where their tier has no edge that lets such traffic in on the port of the pods, the site is down
the day the policies are applied.

Behind a load balancer or node port, pods see the client's address or a node's: `anywhere`, `internet` or `nodes`.
Behind an Ingress or a Gateway route they see the pods of its controller, which are a peer; which peer it is, is not
written in the route, so any edge from a peer, from a tier of another namespace or from one behind a load balancer is
taken for it.

To mend it, add the edge: from `anywhere` for what is public, or from a peer that stands for the controller's pods.

```yaml
# inventory.yaml
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  type: LoadBalancer
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: cache, namespace: shop }
spec:
  template:
    metadata: { labels: { app: cache } }
```

```toml
# bad
app = "shop"

[tiers]
web   = { namespace = "shop", pods = { app = "web" },   ports = [8080] }
cache = { namespace = "shop", pods = { app = "cache" }, ports = [6379] }

[[allow]]
from = "web"
to   = "cache"
why  = "pages are kept"
```

```toml
# mended
app = "shop"

[tiers]
web   = { namespace = "shop", pods = { app = "web" },   ports = [8080] }
cache = { namespace = "shop", pods = { app = "cache" }, ports = [6379] }

[[allow]]
from = "web"
to   = "cache"
why  = "pages are kept"

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
    for outside in running.shut() {
        let tier = &cx.model[outside.tier];
        let ((protocol, number), name) = (outside.port, quote(&tier.name));
        let message = format!(
            "{} {} leads to {name} on {number}/{}, and no edge lets anybody from outside in",
            outside.kind,
            quote(&outside.name),
            protocol.as_str()
        );
        let declared = PortRange::new(protocol, number, number).is_some_and(|port| {
            tier.ports
                .iter()
                .any(|range| range.protocol == protocol && range.first <= port.first && port.last <= range.last)
        });
        let ports = if declared { String::new() } else { format!(", ports = [\"{number}/{}\"]", protocol.as_str()) };
        let path = &cx.model[tier.app].path;
        let mut finding = findings.at(tier.span, message).related(outside.span, "it leads there");
        if outside.kind != "Service" {
            finding = finding.help("declare the pods of its controller under `[peers]`, and let them in");
        }
        let edge = format!("from = \"anywhere\", to = \"{}\"{ports}, why = \"…\"", tier.name);
        finding = finding.help(format!("add the edge to {path}, if it is for everybody: {edge}"));
        findings.push(&[WaiveTarget::Tier(outside.tier)], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, service, workload};

    fn messages(draft: Draft, inventory: &[String]) -> Vec<String> {
        draft.check_with(&RULE, &inventory.join("---\n")).into_iter().map(|d| d.message).collect()
    }

    fn balanced(kind: &str) -> [String; 2] {
        let balancer = service("shop", "web", 80, "8080").replace("spec:\n", &format!("spec:\n  type: {kind}\n"));
        [workload("shop", "web", &[8080], &[]), balancer]
    }

    #[test]
    fn a_load_balancer_needs_an_edge_from_outside() {
        let expected = "Service `web` leads to `web` on 8080/TCP, and no edge lets anybody from outside in";
        let draft = || Draft::new().tiers("web api").peer("p", "other", "app=p");
        assert_eq!(messages(draft(), &balanced("LoadBalancer")), [expected]);
        assert_eq!(messages(draft(), &balanced("NodePort")), [expected]);
        assert!(messages(draft(), &balanced("ClusterIP")).is_empty());
        for (from, count) in [("anywhere", 0), ("internet", 0), ("nodes", 0), ("p", 1), ("api", 1), ("cluster", 1)] {
            let draft = draft().edge(&format!("{from} -> web"), "8080/TCP");
            assert_eq!(messages(draft, &balanced("LoadBalancer")).len(), count, "{from}");
        }
        let other = |port| messages(draft().edge("anywhere -> web", port), &balanced("LoadBalancer")).len();
        assert_eq!((other("8443/TCP"), other("80/TCP")), (0, 0), "a wrong port is told elsewhere");
    }

    #[test]
    fn a_controller_may_be_a_tier_beside_what_it_leads_to() {
        let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: site, namespace: shop}\nspec:\n  \
                       defaultBackend: {service: {name: web, port: {number: 80}}}\n";
        let controller = service("shop", "edge", 443, "8443").replace("spec:\n", "spec:\n  type: LoadBalancer\n");
        let inventory = [balanced("ClusterIP").join("---\n"), ingress.to_owned(), workload("shop", "edge", &[], &[])];
        let draft = || Draft::new().tiers("web edge").edges("edge -> web").edge("edge -> web", "8080/TCP");
        assert_eq!(messages(draft(), &inventory).len(), 1, "a tier like any other");
        let exposed = [inventory.join("---\n"), controller];
        assert!(messages(draft(), &exposed).iter().all(|message| !message.starts_with("Ingress")));
    }

    #[test]
    fn a_route_needs_an_edge_from_its_controller() {
        let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: site, namespace: shop}\nspec:\n  rules:\n  \
                       - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}\n";
        let inventory = [balanced("ClusterIP").join("---\n"), ingress.to_owned()];
        let draft = || Draft::new().tiers("web api other/far").peer("p", "elsewhere", "app=p");
        let expected = "Ingress `site` leads to `web` on 8080/TCP, and no edge lets anybody from outside in";
        assert_eq!(messages(draft(), &inventory), [expected]);
        for (from, count) in [("anywhere", 0), ("p", 0), ("other/far", 0), ("api", 1)] {
            let draft = draft().edge(&format!("{from} -> web"), "8080/TCP");
            assert_eq!(messages(draft, &inventory).len(), count, "{from}");
        }
    }
}
