//! NP607: a port that nobody listens on.

use crate::checks::running::{Fault, name, wrong_ports};
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, WaiveTarget};

/// The most ports that a note lists.
const LISTED: usize = 8;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP607"),
    name: "closed-port",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "edge",
    summary: "an edge opens a port on which no pod of the tier listens",
    doc: r#"
An edge on a port that nobody listens on allows nothing today, and tomorrow whatever somebody starts there. Usually
the port is misspelt or was moved, and the connection that was meant is denied.

A container may listen on ports that it does not declare. So this is told only where every pod of the tier declares
some ports, and none of them, no probe and no Service names this one.

To mend it, write the port on which the pods listen, or declare it as `containerPort` if they do listen there.

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
metadata: { name: cart, namespace: shop }
spec:
  template:
    metadata: { labels: { app: cart } }
    spec:
      containers: [{ name: cart, image: cart, ports: [{ containerPort: 7070 }] }]
```

```toml
# bad
app = "shop"

[tiers]
web  = { namespace = "shop", pods = { app = "web" } }
cart = { namespace = "shop", pods = { app = "cart" }, ports = [7700] }

[[allow]]
from = "web"
to   = "cart"
why  = "pages show what is in the cart"
```

```toml
# mended
app = "shop"

[tiers]
web  = { namespace = "shop", pods = { app = "web" } }
cart = { namespace = "shop", pods = { app = "cart" }, ports = [7070] }

[[allow]]
from = "web"
to   = "cart"
why  = "pages show what is in the cart"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    for wrong in wrong_ports(running).into_iter().filter(|wrong| matches!(wrong.fault, Fault::Closed)) {
        let name = name(cx.model, wrong.end);
        let open: Vec<String> = running.listening(wrong.end).open().map(|port| port.to_string()).take(LISTED).collect();
        let finding = findings
            .at(wrong.span, format!("no pod of {name} listens on `{}`", wrong.range))
            .note(format!("its pods listen on {}", open.join(", ")))
            .help("write the port on which they listen, or declare this one as `containerPort`");
        let finding = match running.pods_of(wrong.end).next() {
            Some(pod) => finding.related(pod.span, format!("{} {}", pod.kind, quote(&pod.workload))),
            None => finding,
        };
        let targets: Vec<WaiveTarget> = wrong.edges.into_iter().map(WaiveTarget::Edge).collect();
        findings.push(&targets, finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment, service, workload};

    fn found(on: &str, inventory: &[String]) -> Vec<String> {
        let draft = Draft::new().tiers("web cart").edge("web -> cart", on);
        draft.check_with(&RULE, &inventory.join("---\n")).into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn a_port_that_no_pod_declares_is_found() {
        let inventory = [workload("shop", "cart", &[7070, 9090], &[])];
        assert_eq!(found("7700/TCP", &inventory), ["no pod of `cart` listens on `7700/TCP`"]);
        assert_eq!(found("7070/UDP", &inventory), ["no pod of `cart` listens on `7070/UDP`"]);
        for open in ["7070/TCP", "9090/TCP", "7000-7100/TCP", "all/TCP"] {
            assert!(found(open, &inventory).is_empty(), "{open}");
        }
        assert_eq!(found("7071-7100/TCP", &inventory).len(), 1);
    }

    #[test]
    fn nothing_is_said_of_pods_that_declare_nothing() {
        assert!(found("7700/TCP", &[deployment("shop", "cart", "app: cart")]).is_empty());
        let one_of_two = [workload("shop", "cart", &[7070], &[]), deployment("shop", "cart2", "app: cart")];
        assert!(found("7700/TCP", &one_of_two).is_empty());
    }

    #[test]
    fn what_a_service_leads_to_is_open() {
        let inventory = [workload("shop", "cart", &[7070], &[]), service("shop", "cart", 80, "7700")];
        assert!(found("7700/TCP", &inventory).is_empty());
        assert!(found("80/TCP", &inventory).is_empty(), "another rule tells it");
    }
}
