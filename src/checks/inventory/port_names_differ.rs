//! NP608: one name, several ports.

use std::collections::BTreeMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::cluster::{DeclaredPort, Pod};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, LintLevel, PortRange, Protocol, TierId, WaiveTarget};

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

/// The numbers that have a name, each with the first pod that gives it.
type Numbers<'c> = BTreeMap<u16, (&'c Pod, &'c DeclaredPort)>;

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    let mut opened: BTreeMap<TierId, Vec<PortRange>> = BTreeMap::new();
    for (_, edge) in cx.model.edges() {
        if let Endpoint::Tier(tier) = edge.to {
            opened.entry(tier).or_default().extend(edge.ports.iter());
        }
    }
    for (id, tier) in cx.model.tiers() {
        let opened = opened.remove(&id).unwrap_or_default();
        let is_open = |protocol: Protocol, number: u16| {
            let mut ranges = opened.iter().chain(&tier.metrics);
            ranges.any(|range| range.protocol == protocol && range.first <= number && number <= range.last)
        };
        // By name and protocol, the first pod of each number.
        let mut names: BTreeMap<(&str, Protocol), Numbers<'_>> = BTreeMap::new();
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
            // Where all of the numbers are open, or none is, no pod gets less than the others.
            let differs = || {
                let mut states = numbers.keys().map(|number| is_open(protocol, *number));
                let first = states.next();
                states.any(|state| Some(state) != first)
            };
            if written.is_none() && !differs() {
                continue;
            }
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
                    .related(port.span, format!("{} {} has `{number}`", pod.kind, quote(&pod.workload)))
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
                    .related(port.span, format!("{} {}", pod.kind, quote(&pod.workload)))
                    .related(second_port.span, format!("{} {}", second.kind, quote(&second.workload)))
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
    use crate::checks::inventory::{closed_port, service_port};
    use crate::checks::testing::{Draft, deployment, service};
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
        let found = |open, other| {
            let draft = Draft::new().tiers("web api").edge("web -> api", open);
            messages(draft, &[pods("a", 8080), pods("b", other)])
        };
        let told = "pods of `api` give the name `http` to the ports 8080 and 9090";
        assert_eq!(found("8080/TCP", 9090), [told]);
        assert_eq!(found("9000-9999/TCP", 9090), [told]);
        assert!(found("8080/TCP", 8080).is_empty());
        assert!(found("8080/TCP 9090/TCP", 9090).is_empty(), "all of the numbers are open");
        assert!(found("443/TCP", 9090).is_empty(), "nobody is let in by this name");
    }

    #[test]
    fn a_number_that_a_tier_gives_to_a_name_is_not_told_of_its_edges_too() {
        let draft = |number| {
            let on = format!("{number}/TCP");
            let draft = Draft::new().tiers("web api").edge("web -> api", &on);
            draft.with(|m| {
                let range = PortRange::new(Protocol::Tcp, number, number).unwrap();
                m.tiers[1].port_names.insert("http".into(), range);
            })
        };
        let inventory = [pods("a", 8080), service("shop", "api", 80, "http")].join("---\n");
        for number in [80, 81] {
            let found = |rule| draft(number).check_with(rule, &inventory).len();
            assert_eq!([&RULE, &service_port::RULE, &closed_port::RULE].map(found), [1, 0, 0]);
        }
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
