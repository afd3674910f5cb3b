//! NP614: a pod whose address is not where pods are said to be.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::cluster::Pod;
use crate::diag::{Code, quote};
use crate::model::{LintLevel, PRIVATE};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP614"),
    name: "pod-address",
    group: Group::Inventory,
    default: LintLevel::Error,
    about: "",
    summary: "a pod of the inventory has an address outside of the ranges that the project says pods have",
    doc: r#"
`internet` and every external leave out the cluster's own addresses, as the project file gives them (`pod-cidrs`,
`node-cidrs`), or else all private ranges. A pod with an address outside of them is part of the internet to these
policies, and whoever may reach the internet may reach it. The proof rests on these ranges too: it takes for granted
that pods, and nothing else, have addresses of the pod ranges.

Pods with `hostNetwork: true` have addresses of nodes. Templates have no addresses: only running pods are looked at.

To mend it, let the platform team write the ranges that the cluster uses.

```yaml
# inventory.yaml
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web } }
status: { podIP: 100.64.3.7 }
```

```toml
# netpolc.toml
[cluster]
pod-cidrs = ["10.244.0.0/16"]
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
```

The mended project file has `pod-cidrs = ["100.64.0.0/16"]`. Without that key, the address is private like all of
`100.64.0.0/10`:

```toml
# netpolc.toml, mended
[cluster]
pod-cidrs = ["100.64.0.0/16"]
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

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
    let profile = &cx.model.profile;
    for (key, ranges, is_one) in [
        ("pod-cidrs", &profile.pod_cidrs, (|pod| !pod.host_network) as fn(&Pod) -> bool),
        ("node-cidrs", &profile.node_cidrs, |pod| pod.host_network),
    ] {
        let addresses = running
            .pods()
            .filter(|(_, pod)| is_one(pod))
            .flat_map(|(_, pod)| pod.addresses.iter().map(move |address| (pod, *address)));
        let mut outside = addresses.filter(|(_, address)| !is_held(ranges, *address));
        let Some((pod, address)) = outside.next() else { continue };
        let more = outside.count();
        let where_ = match ranges.is_empty() {
            true => format!("in no private range, and {} is not set", quote(key)),
            false => format!("in none of {}", quote(key)),
        };
        let message = format!("address {} of pod {} is {where_}", quote(&address.to_string()), quote(&pod.path()));
        let mut finding = findings.at(pod.span, message);
        if more > 0 {
            finding = finding.note(format!("the same holds for {more} more"));
        }
        let finding = finding
            .note("to policies it is an address outside of the cluster: whoever may reach the internet may reach it")
            .help(format!("let the platform team write `{key}` under `[cluster]` in netpolc.toml"));
        findings.push(&[], finding);
    }
}

/// Whether an address is where the project says, or may be where it says nothing.
fn is_held(ranges: &[IpNet], address: IpAddr) -> bool {
    let ranges = if ranges.is_empty() { PRIVATE.as_slice() } else { ranges };
    ranges.iter().any(|range| range.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    fn found(address: &str, host: bool, ranges: &str) -> Vec<String> {
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: shop, labels: {{app: web}}}}\n\
             spec: {{hostNetwork: {host}}}\nstatus: {{podIP: \"{address}\"}}\n"
        );
        let draft = Draft::new().tiers("web").with(|m| {
            m.profile.pod_cidrs = ranges.split_whitespace().map(|range| range.parse().unwrap()).collect();
        });
        draft.check_with(&RULE, &pod).into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn pods_outside_of_their_ranges_are_found() {
        assert!(found("10.244.1.2", false, "10.244.0.0/16").is_empty());
        assert_eq!(
            found("10.245.1.2", false, "10.244.0.0/16"),
            ["address `10.245.1.2` of pod `shop/web` is in none of `pod-cidrs`"]
        );
        assert_eq!(found("fd00::1", false, "10.244.0.0/16").len(), 1, "the other family needs a range too");
        assert!(found("10.1.2.3", true, "10.244.0.0/16").is_empty(), "a node's");
    }

    #[test]
    fn without_ranges_addresses_are_taken_to_be_private() {
        assert!(found("10.1.2.3", false, "").is_empty() && found("fd00::1", false, "").is_empty());
        assert_eq!(
            found("203.0.113.9", false, ""),
            ["address `203.0.113.9` of pod `shop/web` is in no private range, and `pod-cidrs` is not set"]
        );
        assert_eq!(
            found("203.0.113.9", true, ""),
            ["address `203.0.113.9` of pod `shop/web` is in no private range, and `node-cidrs` is not set"]
        );
    }
}
