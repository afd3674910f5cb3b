//! NP608: one name, several ports.

use std::collections::BTreeMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::cluster::{DeclaredPort, Pod};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, LintLevel, Protocol, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP608"),
    name: "port-names-differ",
    group: Group::Inventory,
    default: LintLevel::Warning,
    about: "tier",
    summary: "a port's name stands for different numbers in pods of one tier, or in the tier and its pods",
    doc: r#"
A Service that leads to a port by name finds each pod's own number. An edge is rendered with one number, so where
pods of a tier give a name to different ports, some of them are denied what the others get. The same happens where
the tier's `ports = { http = 8080 }` and the pods' `http` are not one number.

To mend it, give the port one number in all pods, or write the edge with all of the numbers. Where the tier declares
the name, write the number that the pods have.

```yaml
# inventory.yaml
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: shop }
spec:
  template:
    metadata: { labels: { app: api } }
    spec:
      containers: [{ name: api, image: api, ports: [{ name: http, containerPort: 8081 }, { containerPort: 8080 }] }]
```

```toml
# bad
app = "shop"

[tiers]
api = { namespace = "shop", pods = { app = "api" }, ports = { http = 8080 } }

[[allow]]
from  = "anywhere"
to    = "api"
ports = ["http"]
why   = "the API is public"
```

```toml
# mended
app = "shop"

[tiers]
api = { namespace = "shop", pods = { app = "api" }, ports = { http = 8081 } }

[[allow]]
from  = "anywhere"
to    = "api"
ports = ["http"]
why   = "the API is public"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    for (id, tier) in cx.model.tiers() {
        // By name and protocol, the first pod of each number.
        let mut names: BTreeMap<(&str, Protocol), BTreeMap<u16, (&Pod, &DeclaredPort)>> = BTreeMap::new();
        for pod in running.pods_of(Endpoint::Tier(id)) {
            for port in &pod.declared {
                if let Some(name) = &port.name {
                    let numbers = names.entry((name, port.protocol)).or_default();
                    numbers.entry(port.number).or_insert((pod, port));
                }
            }
        }
        for ((name, protocol), numbers) in names {
            let written = tier.port_names.get(name).filter(|range| range.protocol == protocol);
            let mut found = numbers.iter().filter(|(number, _)| written.is_none_or(|range| range.first != **number));
            let finding = match (written, found.next(), found.next()) {
                (Some(range), Some((number, (pod, port))), _) => findings
                    .at(
                        tier.ports_span,
                        format!(
                            "port {} of {} is {}, and pods have {number}",
                            quote(name),
                            quote(&tier.name),
                            range.first
                        ),
                    )
                    .related(port.span, format!("{} {} has `{number}`", pod.origin, quote(&pod.workload)))
                    .help(format!("write `{name} = {number}`, or give the port one number in all pods")),
                (None, Some((one, (pod, port))), Some((other, (second, second_port)))) => findings
                    .at(
                        tier.span,
                        format!(
                            "pods of {} give the name {} to the ports {one} and {other}",
                            quote(&tier.name),
                            quote(name)
                        ),
                    )
                    .related(port.span, format!("{} {}", pod.origin, quote(&pod.workload)))
                    .related(second_port.span, format!("{} {}", second.origin, quote(&second.workload)))
                    .help("give the port one number in all pods, or write all of the numbers"),
                _ => continue,
            };
            findings.push(&[WaiveTarget::Tier(id)], finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment};
    use crate::model::PortRange;

    fn pods(name: &str, port: u16) -> String {
        let container = format!("{{name: c, image: c, ports: [{{name: http, containerPort: {port}}}]}}");
        deployment("shop", name, "app: api").replace("spec: {}", &format!("spec: {{containers: [{container}]}}"))
    }

    fn messages(draft: Draft, inventory: &[String]) -> Vec<String> {
        draft.check_with(&RULE, &inventory.join("---\n")).into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn pods_of_a_tier_with_one_name_for_two_ports_are_found() {
        let found = |other| messages(Draft::new().tiers("api"), &[pods("a", 8080), pods("b", other)]);
        assert_eq!(found(9090), ["pods of `api` give the name `http` to the ports 8080 and 9090"]);
        assert!(found(8080).is_empty());
    }

    #[test]
    fn the_number_that_the_tier_declares_is_compared() {
        let declared = |number| {
            Draft::new().tiers("api").with(|m| {
                let range = PortRange::new(Protocol::Tcp, number, number).unwrap();
                m.tiers[0].port_names.insert("http".into(), range);
            })
        };
        assert_eq!(messages(declared(80), &[pods("a", 8080)]), ["port `http` of `api` is 80, and pods have 8080"]);
        assert!(messages(declared(8080), &[pods("a", 8080)]).is_empty());
        let some = messages(declared(8080), &[pods("a", 8080), pods("b", 9090)]);
        assert_eq!(some, ["port `http` of `api` is 8080, and pods have 9090"], "in some pods it is another one");
    }
}
