//! NP609: a call that no edge allows.

use crate::checks::running::{Denied, Running, selector};
use crate::checks::{Context, Findings, Group, Rule};
use crate::cluster::Pod;
use crate::diag::{Code, Diagnostic, quote};
use crate::model::{AppId, Builtin, Endpoint, LintLevel, Model, PodSet, PortRange, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP609"),
    name: "missing-edge",
    group: Group::Inventory,
    default: LintLevel::Error,
    about: "workload",
    summary: "a workload's variables or arguments name a Service that no edge lets it call",
    doc: r#"
What a workload calls often stands in its environment variables, its command or its arguments:
`CART_ADDR=cart:7070`. Where such a name is a Service of the inventory, with this port and with pods behind it, and
one side of the call is in a managed namespace that does not allow it, the call will be denied the day the policies
are applied.

Both halves are looked at: what the caller may send and what the callee may receive. A caller in a namespace that
nobody manages is told too, as the callee's namespace becomes closed to it. What is said in files, in secrets or in
the code is not seen.

To mend it, add the edge. If the variable is there and the call is not made, say so in a waiver.

```yaml
# inventory.yaml
apiVersion: apps/v1
kind: Deployment
metadata: { name: checkout, namespace: shop }
spec:
  template:
    metadata: { labels: { app: checkout } }
    spec:
      containers:
        - name: checkout
          image: checkout
          env: [{ name: PAYMENT_ADDR, value: "payment:50051" }, { name: CART_ADDR, value: "cart:7070" }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: payment, namespace: shop }
spec:
  template:
    metadata: { labels: { app: payment } }
---
apiVersion: v1
kind: Service
metadata: { name: payment, namespace: shop }
spec:
  selector: { app: payment }
  ports: [{ port: 50051 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart, namespace: shop }
spec:
  template:
    metadata: { labels: { app: cart } }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec:
  selector: { app: cart }
  ports: [{ port: 7070 }]
```

```toml
# bad
app = "shop"

[tiers]
checkout = { namespace = "shop", pods = { app = "checkout" } }
payment  = { namespace = "shop", pods = { app = "payment" }, ports = [50051] }
cart     = { namespace = "shop", pods = { app = "cart" },    ports = [7070] }

[[allow]]
from = "checkout"
to   = "cart"
why  = "an order is what is in the cart"
```

```toml
# mended
app = "shop"

[tiers]
checkout = { namespace = "shop", pods = { app = "checkout" } }
payment  = { namespace = "shop", pods = { app = "payment" }, ports = [50051] }
cart     = { namespace = "shop", pods = { app = "cart" },    ports = [7070] }

[[allow]]
from = "checkout"
to   = ["cart", "payment"]
why  = "an order is what is in the cart, and is paid"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let Some(running) = cx.inventory else { return };
    for denied in running.denied() {
        let (Some(caller), Some(callee)) = (running.pod(denied.caller), running.pod(denied.callee)) else { continue };
        // The place to mend is the intent of the side that denies.
        let ours = if denied.egress { denied.caller } else { denied.callee };
        let Some(place) = running.tiers_of(ours).first().map(|tier| &cx.model[*tier]) else { continue };
        let target = match denied.namespace == caller.namespace {
            true => format!("{}:{}", denied.service, denied.port),
            false => format!("{}.{}:{}", denied.service, denied.namespace, denied.port),
        };
        let message = format!("{} calls {}, and no edge allows it", quote(&caller.workload), quote(&target));
        let named = match &denied.variable {
            Some(variable) => format!("{} names it", quote(variable)),
            None => "named here".to_owned(),
        };
        let mut finding = findings.at(place.span, message).related(denied.span, named);
        let (protocol, number) = denied.target;
        if number != denied.port {
            finding = finding.note(format!("the pods behind it listen on {number}/{}", protocol.as_str()));
        }
        if !denied.egress {
            finding = finding.note(format!("it is {} that does not let it in", quote(&place.name)));
        }
        let finding = propose(running, denied, finding, place.app, (caller, callee));
        let path = format!("{}/{}", caller.namespace, caller.workload);
        findings.push(&[WaiveTarget::Workload(path.into())], finding);
    }
}

/// The edge that is missing, as an intent of an app would write it.
fn propose(
    running: &Running<'_>,
    denied: &Denied,
    finding: Diagnostic,
    app: AppId,
    (caller, callee): (&Pod, &Pod),
) -> Diagnostic {
    let model = running.model;
    let from = end(running, denied.caller, caller, app);
    let to = end(running, denied.callee, callee, app);
    let peer = |what: &str, pod: &Pod, name: &str| {
        let pods = selector(pod).unwrap_or_else(|| "\"all\"".to_owned());
        format!("declare {what} under `[peers]`: {name} = {{ namespace = \"{}\", pods = {pods} }}", pod.namespace)
    };
    let (protocol, number) = denied.target;
    let declares = to.is_some_and(|to| {
        declared(model, to)
            .iter()
            .any(|range| range.protocol == protocol && range.first <= number && number <= range.last)
    });
    let ports = match (declares, protocol.as_str()) {
        (true, _) => String::new(),
        (false, "TCP") => format!(", ports = [{number}]"),
        (false, other) => format!(", ports = [\"{number}/{other}\"]"),
    };
    let word = |end: Option<Endpoint>, pod: &Pod, name: &str| {
        end.map_or_else(|| free_name(model, app, pod, name), |end| model.endpoint_name(end, app))
    };
    let (from_name, to_name) = (word(from, caller, &caller.workload), word(to, callee, &denied.service));
    let mut finding = finding;
    if from.is_none() {
        finding = finding.help(peer("the caller", caller, &from_name));
    }
    if to.is_none() {
        finding = finding.help(peer("the callee", callee, &to_name));
    }
    let path = &model[app].path;
    finding.help(format!("add the edge to {path}: from = \"{from_name}\", to = \"{to_name}\"{ports}, why = \"…\""))
}

/// A name for a peer that the app has not given to anything yet.
fn free_name(model: &Model, app: AppId, pod: &Pod, name: &str) -> String {
    let name = name.replace('.', "-");
    let taken = |end: Endpoint, owner: AppId| owner == app && model.endpoint_name(end, app) == name;
    let is_taken = model.tiers().any(|(id, tier)| taken(Endpoint::Tier(id), tier.app))
        || model.peers().any(|(id, peer)| taken(Endpoint::Peer(id), peer.app))
        || model.externals().any(|(_, external)| *external.name == *name);
    if is_taken { format!("{}-{name}", pod.namespace) } else { name }
}

/// What an intent of an app calls a pod: its tier, or a peer of this app that it is one of. On the network of its node it is
/// a node.
fn end(running: &Running<'_>, at: usize, pod: &Pod, app: AppId) -> Option<Endpoint> {
    if pod.host_network {
        return Some(Endpoint::Builtin(Builtin::Nodes));
    }
    let tier = running.tiers_of(at).first().map(|tier| Endpoint::Tier(*tier));
    let holds = |set: &PodSet| running.is_in(pod, set);
    tier.or_else(|| {
        let mut peers = running.model.peers().filter(|(_, peer)| peer.app == app && holds(&peer.pods));
        peers.next().map(|(id, _)| Endpoint::Peer(id))
    })
}

fn declared(model: &Model, end: Endpoint) -> &[PortRange] {
    match end {
        Endpoint::Tier(id) => &model[id].ports,
        Endpoint::Peer(id) => &model[id].ports,
        Endpoint::External(_) | Endpoint::Builtin(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, deployment, service, workload};

    fn told(draft: Draft, inventory: &[String]) -> Vec<String> {
        let found = draft.check_with(&RULE, &inventory.join("---\n"));
        found.into_iter().map(|d| format!("{} | {}", d.message, d.help.join("; "))).collect()
    }

    fn shop(value: &str) -> Vec<String> {
        vec![
            workload("shop", "web", &[], &[("ADDR", value)]),
            workload("shop", "api", &[8080], &[]),
            service("shop", "api", 80, "8080"),
        ]
    }

    const MISSING: &str = "`web` calls `api:80`, and no edge allows it | add the edge to intents/shop.toml: from = \"web\", \
                           to = \"api\", ports = [8080], why = \"…\"";

    #[test]
    fn a_call_without_an_edge_is_found_with_the_edge_that_is_missing() {
        let draft = || Draft::new().tiers("web api other");
        assert_eq!(told(draft(), &shop("api:80")), [MISSING]);
        assert_eq!(told(draft(), &shop("http://api.shop.svc.cluster.local/x")), [MISSING]);
        assert!(told(draft().edge("web -> api", "8080/TCP"), &shop("api:80")).is_empty());
        assert_eq!(told(draft().edge("api -> web", "8080/TCP"), &shop("api:80")), [MISSING], "the other way round");
        assert_eq!(
            told(draft().edge("web -> api", "9090/TCP"), &shop("api:80")).len(),
            0,
            "the port is told elsewhere"
        );
        assert_eq!(told(draft().edge("anywhere -> api", "8080/TCP"), &shop("api:80")), [MISSING], "it is not let out");
    }

    #[test]
    fn words_that_are_no_service_are_nothing() {
        for value in ["apis:80", "api:81", "api.other:80", "12:30", "api:latest", "none"] {
            assert!(told(Draft::new().tiers("web api"), &shop(value)).is_empty(), "{value}");
        }
    }

    #[test]
    fn a_caller_that_nobody_manages_needs_to_be_let_in() {
        let inventory = [
            workload("legacy", "job", &[], &[("API", "api.shop:80")]),
            workload("shop", "api", &[8080], &[]),
            service("shop", "api", 80, "8080"),
        ];
        let found = told(Draft::new().tiers("api"), &inventory);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with(
            "`job` calls `api.shop:80`, and no edge allows it | declare the caller under `[peers]`: job = "
        ));
        let peer = || Draft::new().tiers("api").peer("jobs", "legacy", "app=job");
        assert!(told(peer().edge("jobs -> api", "8080/TCP"), &inventory).is_empty());
        let with_peer = told(peer(), &inventory);
        assert!(with_peer[0].contains("from = \"jobs\", to = \"api\", ports = [8080]"), "{with_peer:?}");
        assert!(told(Draft::new().tiers("api").edge("anywhere -> api", "8080/TCP"), &inventory).is_empty());
    }

    #[test]
    fn a_callee_that_nobody_manages_needs_no_edge_of_its_own() {
        let inventory = [
            workload("shop", "web", &[], &[("LEDGER", "ledger.finance:80")]),
            deployment("finance", "ledger", "app: ledger"),
            service("finance", "ledger", 80, "80"),
        ];
        let found = told(Draft::new().tiers("web"), &inventory);
        assert!(found[0].contains("ledger = { namespace = \"finance\", pods = { app = \"ledger\" } }"), "{found:?}");
        let peer = Draft::new().tiers("web").peer("ledger", "finance", "app=ledger");
        assert!(told(peer.edge("web -> ledger", "80/TCP"), &inventory).is_empty());
        let unmanaged = Draft::new().tier("x", "elsewhere", "app=x");
        assert!(told(unmanaged, &inventory).is_empty(), "nobody denies anything");
    }

    #[test]
    fn an_edge_that_is_mistaken_is_told_once() {
        let inventory = [
            workload("shop", "web", &[], &[("LEDGER", "ledger.finance:80")]),
            workload("finance", "ledger", &[7000], &[]),
            service("finance", "ledger", 80, "7000"),
        ];
        let found = |places: &str, pods: &str, port: &str| {
            let draft = Draft::new().tiers("web").peer("ledger", places, pods);
            told(draft.edge("web -> ledger", port), &inventory).len()
        };
        assert_eq!(found("finance", "app=ledger", "7000/TCP"), 0);
        assert_eq!(found("finance", "app=ledger", "80/TCP"), 0, "the port of the Service");
        assert_eq!(found("finance", "app=legder", "7000/TCP"), 0, "labels that nothing carries");
        assert_eq!(found("finanse", "app=ledger", "7000/TCP"), 0, "a misspelt namespace");
        assert_eq!(found("finanse", "", "7000/TCP"), 0, "a misspelt namespace as a whole");
        assert_eq!(found("elsewhere", "app=ledger", "7000/TCP"), 1, "nobody tells of this peer");
        assert_eq!(found("finance", "app=other", "7000/TCP"), 0, "its name says for whom it is");
    }

    #[test]
    fn namespaces_whose_labels_are_not_known_may_be_those_that_a_peer_asks_for() {
        let inventory = vec![
            workload("shop", "web", &[], &[("LEDGER", "ledger.finance:80")]),
            deployment("finance", "ledger", "app: ledger"),
            service("finance", "ledger", 80, "80"),
        ];
        let peer =
            || Draft::new().tiers("web").peer("ledger", "team=money", "app=ledger").edge("web -> ledger", "80/TCP");
        assert!(told(peer(), &inventory).is_empty());
        let declared = "apiVersion: v1\nkind: Namespace\nmetadata: {name: finance}\n".to_owned();
        assert_eq!(told(peer(), &[inventory, vec![declared]].concat()).len(), 1, "it has no such label");
    }

    #[test]
    fn a_caller_on_the_network_of_its_node_is_a_node() {
        let agent = workload("observe", "agent", &[], &[("API", "api.shop:80")])
            .replace("spec: {containers", "spec: {hostNetwork: true, containers");
        let inventory = [agent, workload("shop", "api", &[8080], &[]), service("shop", "api", 80, "8080")];
        let found = told(Draft::new().tiers("api"), &inventory);
        assert!(found[0].ends_with("from = \"nodes\", to = \"api\", ports = [8080], why = \"…\""), "{found:?}");
        assert!(told(Draft::new().tiers("api").edge("nodes -> api", "8080/TCP"), &inventory).is_empty());
    }

    #[test]
    fn a_peer_is_proposed_under_a_name_that_is_free() {
        let inventory = [
            workload("legacy", "api", &[], &[("API", "api.shop:80")]),
            workload("shop", "api", &[8080], &[]),
            service("shop", "api", 80, "8080"),
        ];
        let found = told(Draft::new().tiers("api"), &inventory);
        assert!(
            found[0].contains("`[peers]`: legacy-api = {") && found[0].contains("from = \"legacy-api\""),
            "{found:?}"
        );
    }

    #[test]
    fn a_workload_does_not_call_itself() {
        let inventory = [workload("shop", "web", &[80], &[("SELF", "web:80")]), service("shop", "web", 80, "80")];
        assert!(told(Draft::new().tiers("web"), &inventory).is_empty());
    }

    #[test]
    fn what_is_in_no_tier_is_told_elsewhere() {
        assert!(told(Draft::new().tiers("api"), &shop("api:80")).is_empty());
        assert!(told(Draft::new().tiers("web"), &shop("api:80")).is_empty());
    }
}
