//! NP606: the port of a Service where the port of its pods is meant.

use crate::checks::running::{Fault, WrongPort, name, wrong_ports};
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP606"),
    name: "service-port",
    group: Group::Inventory,
    default: LintLevel::Error,
    about: "edge",
    summary: "an edge opens the port of a Service, and the pods behind it listen on another one",
    doc: r#"
Policies see a connection after the Service's address and port were replaced by a pod's. A caller that asks
`emailservice:5000` arrives at port 8080 of a pod, if that is the Service's `targetPort`. An edge on 5000 then
allows a connection that nobody makes, and the one that everybody makes is denied.

The finding is told at the edge, or at the tier whose `ports` the edge takes. (A CNI that looks at connections
before they are translated, as the VPC CNI of AWS can, needs Services whose port is the pods' own: then there is no
difference.)

To mend it, write the port on which the pods listen.

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
metadata: { name: mail, namespace: shop }
spec:
  template:
    metadata: { labels: { app: mail } }
    spec:
      containers: [{ name: mail, image: mail, ports: [{ containerPort: 8080 }] }]
---
apiVersion: v1
kind: Service
metadata: { name: mail, namespace: shop }
spec:
  selector: { app: mail }
  ports: [{ port: 5000, targetPort: 8080 }]
```

```toml
# bad
app = "shop"

[tiers]
web  = { namespace = "shop", pods = { app = "web" } }
mail = { namespace = "shop", pods = { app = "mail" }, ports = [5000] }

[[allow]]
from = "web"
to   = "mail"
why  = "orders are confirmed"
```

```toml
# mended
app = "shop"

[tiers]
web  = { namespace = "shop", pods = { app = "web" } }
mail = { namespace = "shop", pods = { app = "mail" }, ports = [8080] }

[[allow]]
from = "web"
to   = "mail"
why  = "orders are confirmed"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    for WrongPort { end, range, span, edges, fault } in wrong_ports(running) {
        let Fault::OfService(service, target) = fault else { continue };
        let name = name(cx.model, end);
        let message = format!(
            "`{}` is the port of Service {}, and the pods of {name} listen on {target}",
            range.first,
            quote(&service.name)
        );
        let finding = findings
            .at(span, message)
            .related(service.span, format!("`{}` leads to port {target} of its pods", range.first))
            .note("policies see the port of the pod, after the Service's was replaced by it")
            .help(format!("write `{target}`"));
        let others: Vec<String> =
            running.listening(end).open().filter(|port| port.first != target).map(|port| port.to_string()).collect();
        let finding = match others.is_empty() {
            true => finding,
            false => finding.note(format!("they listen on {} too", others.join(", "))),
        };
        let targets: Vec<WaiveTarget> = edges.into_iter().map(WaiveTarget::Edge).collect();
        findings.push(&targets, finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, service, workload};
    use crate::model::PortRange;

    fn messages(draft: Draft, inventory: &[String]) -> Vec<String> {
        draft.check_with(&RULE, &inventory.join("---\n")).into_iter().map(|d| d.message).collect()
    }

    fn draft(on: &str) -> Draft {
        Draft::new().tiers("web mail").edge("web -> mail", on)
    }

    #[test]
    fn the_port_of_the_service_is_not_that_of_its_pods() {
        let inventory = [workload("shop", "mail", &[8080], &[]), service("shop", "mail", 5000, "8080")];
        assert_eq!(
            messages(draft("5000/TCP"), &inventory),
            ["`5000` is the port of Service `mail`, and the pods of `mail` listen on 8080"]
        );
        assert!(messages(draft("8080/TCP"), &inventory).is_empty());
        assert!(messages(draft("5000/UDP"), &inventory).is_empty(), "another protocol");
        let undeclared = [workload("shop", "mail", &[], &[]), service("shop", "mail", 5000, "8080")];
        assert_eq!(messages(draft("5000/TCP"), &undeclared).len(), 1, "the Service says it alone");
    }

    #[test]
    fn a_port_on_which_the_pods_listen_too_is_theirs() {
        let inventory = [workload("shop", "mail", &[8080, 5000], &[]), service("shop", "mail", 5000, "8080")];
        assert!(messages(draft("5000/TCP"), &inventory).is_empty());
        let straight = [workload("shop", "mail", &[], &[]), service("shop", "mail", 5000, "5000")];
        assert!(messages(draft("5000/TCP"), &straight).is_empty());
    }

    #[test]
    fn a_port_that_a_tier_declares_is_told_once() {
        let inventory = [workload("shop", "mail", &[8080], &[]), service("shop", "mail", 5000, "8080")];
        let draft = Draft::new().tiers("web api mail").edges("web -> mail; api -> mail");
        let draft = draft.with(|m| {
            let wrong: std::sync::Arc<[PortRange]> =
                [PortRange::new(crate::model::Protocol::Tcp, 5000, 5000).unwrap()].into();
            m.edges.iter_mut().for_each(|edge| edge.ports = wrong.clone());
        });
        assert_eq!(messages(draft, &inventory).len(), 1);
    }
}
