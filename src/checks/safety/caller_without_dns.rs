//! NP310: a caller that cannot look up whom it calls.

use std::collections::BTreeMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Builtin, Edge, EdgeId, Endpoint, LintLevel, Model, PortRange, Protocol, TierId, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP310"),
    name: "caller-without-dns",
    group: Group::Safety,
    default: LintLevel::Warning,
    about: "tier",
    summary: "a tier without DNS calls pods, which are called by names",
    doc: r#"
Pods come and go with their addresses, so one calls others by the names of their Services, and names are looked up
in the cluster's DNS. A tier with `dns = false` may not ask it: its edges are open, and every connection still
fails, with a timeout of the resolver that reads like an outage of the callee.

Edges between the pods of one tier do not count, nor do those to `kube-apiserver`, `nodes`, `internet`, `anywhere`
and externals: such ends have addresses that can be configured, and the API server's stands in every pod's
environment. Nor does a tier count that may ask a DNS of its own, by an edge on 53/UDP.

To mend it, remove `dns = false`. Where the callee's address is configured, as that of a Service with a fixed
`clusterIP`, accept this with a waiver that says so.

```toml
# bad
app = "shop"

[tiers]
worker = { namespace = "shop", pods = { app = "worker" }, dns = false }
queue  = { namespace = "shop", pods = { app = "queue" }, ports = [5672] }

[[allow]]
from = "worker"
to   = "queue"
why  = "orders are taken from the queue"
```

```toml
# mended
app = "shop"

[tiers]
worker = { namespace = "shop", pods = { app = "worker" } }
queue  = { namespace = "shop", pods = { app = "queue" }, ports = [5672], dns = false }

[[allow]]
from = "worker"
to   = "queue"
why  = "orders are taken from the queue"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    // Where it stands first in the text is the edge to show; edges are sorted by ends.
    let mut calls: BTreeMap<TierId, Option<EdgeId>> = BTreeMap::new();
    for (id, edge) in model.edges() {
        let Endpoint::Tier(from) = edge.from else { continue };
        if model[from].dns {
            continue;
        }
        if asks_a_dns(edge) {
            calls.insert(from, None);
        } else if is_named(edge, from) {
            let first = calls.entry(from).or_insert(Some(id));
            if first.is_some_and(|known| earlier(model, id, known)) {
                *first = Some(id);
            }
        }
    }
    for (tier, edge) in calls.into_iter().filter_map(|(tier, edge)| Some((tier, edge?))) {
        let edge = &model[edge];
        let callee = quote(&model.endpoint_name(edge.to, model[tier].app));
        let message = format!("{} calls {callee} and may not look its name up", quote(&model[tier].name));
        let finding = findings
            .at(model[tier].span, message)
            .related(edge.to_span, "called here")
            .note("`dns = false` denies it the cluster's DNS, and the addresses of pods change")
            .help("remove `dns = false`; if the address is configured, waive this");
        findings.push(&[WaiveTarget::Tier(tier)], finding);
    }
}

/// Whether the other end has a name rather than an address.
fn is_named(edge: &Edge, from: TierId) -> bool {
    match edge.to {
        Endpoint::Tier(to) => to != from,
        Endpoint::Peer(_) | Endpoint::Builtin(Builtin::Cluster) => true,
        Endpoint::External(_) | Endpoint::Builtin(_) => false,
    }
}

/// Whether the edge may be to a DNS: it names the port, or opens all of them to every pod.
fn asks_a_dns(edge: &Edge) -> bool {
    let everybody = matches!(edge.to, Endpoint::Builtin(Builtin::Cluster | Builtin::Anywhere));
    let holds = |range: &PortRange| range.protocol == Protocol::Udp && range.first <= 53 && 53 <= range.last;
    edge.ports.iter().any(|range| holds(range) && (everybody || !range.is_all()))
}

fn earlier(model: &Model, a: EdgeId, b: EdgeId) -> bool {
    model[a].to_span.start < model[b].to_span.start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    /// Findings for the tier `a` without DNS and these edges.
    fn found(edges: &[(&str, &str)]) -> Vec<String> {
        let draft = Draft::new().tiers("a b c").peer("p", "peers", "app=p").external("e", "203.0.113.0/24", "");
        let draft = draft.with(|m| m.tiers[0].dns = false);
        edges.iter().fold(draft, |draft, (edge, ports)| draft.edge(edge, ports)).messages(&RULE)
    }

    #[test]
    fn callees_with_names_are_found() {
        for to in ["b", "p", "cluster"] {
            let messages = found(&[(&format!("a -> {to}"), "80/TCP")]);
            assert_eq!(messages, [format!("`a` calls `{to}` and may not look its name up")]);
        }
        assert_eq!(found(&[("a -> c", "80/TCP"), ("a -> b", "80/TCP")]).len(), 1, "once a tier");
        assert_eq!(
            found(&[("a -> c", "80/TCP"), ("a -> b", "80/TCP")])[0],
            "`a` calls `c` and may not look its name up"
        );
    }

    #[test]
    fn callees_with_addresses_are_not() {
        for to in ["a", "e", "kube-apiserver", "nodes", "internet", "anywhere"] {
            assert!(found(&[(&format!("a -> {to}"), "80/TCP")]).is_empty(), "{to}");
        }
        assert!(found(&[("b -> a", "80/TCP"), ("b -> c", "80/TCP")]).is_empty(), "who is called need not ask");
    }

    #[test]
    fn a_dns_of_ones_own_is_enough() {
        for ports in ["53/UDP", "53/TCP 53/UDP", "1-1000/UDP"] {
            assert!(found(&[("a -> b", "80/TCP"), ("a -> p", ports)]).is_empty(), "{ports}");
            assert!(found(&[("a -> e", ports), ("a -> p", "80/TCP")]).is_empty(), "{ports}");
        }
        assert_eq!(found(&[("a -> b", "all/UDP")]).len(), 1, "all ports are no sign of a DNS");
        assert!(found(&[("a -> cluster", "all/UDP")]).is_empty(), "the cluster's DNS is one of them");
        assert_eq!(found(&[("a -> b", "53/TCP")]).len(), 1, "names are asked for over UDP first");
    }
}
