//! NP308: an admission webhook that the API server cannot ask.

use std::collections::HashMap;

use crate::checks::roles::{is_surely_webhook, webhook};
use crate::checks::running::Running;
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, Diagnostic, quote};
use crate::model::{Builtin, Endpoint, LintLevel, Model, TierId, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP308"),
    name: "webhook-cut-off",
    group: Group::Safety,
    default: LintLevel::Warning,
    about: "tier",
    summary: "a tier looks like an admission webhook, and no edge lets the API server in",
    doc: r#"
The API server asks admission webhooks before it makes a change. Behind a default deny its questions do not arrive,
and with `failurePolicy: Fail`, the default, it then refuses every change that it would have asked about: no pod
starts and no deployment is rolled back, that of the webhook included.

A tier is taken for one when `webhook` or `admission` is a word of its name or of a label, or `webhook` of a port's
name. Pods that only have `webhook` in their names and that other tiers or peers call are taken for receivers of
somebody else's calls. Where an inventory shows the webhook's configuration, nothing is taken for anything: it says
whom the API server calls.

The API server is no pod: its requests come from the addresses of the control plane, on most clusters those of
nodes. So `cluster`, which is every pod and no node, does not let it in, nor does `internet`, which leaves out
private addresses. Where the control plane is reached through agents (konnectivity, as on GKE and AKS), the requests
come from their pods: a peer in a system namespace passes for those.

To mend it, add an edge from `kube-apiserver`, or from `nodes` where the control plane runs on nodes, on the port
that the pods of the webhook listen on, not that of its Service.

```toml
# netpolc.toml
[cluster]
api-server-cidrs = ["172.16.0.0/28"]
```

```toml
# bad
app = "guard"

[tiers]
webhook = { namespace = "guard", pods = { app = "image-guard" }, ports = [9443] }
store   = { namespace = "guard", pods = { app = "store" }, ports = [6379] }

[[allow]]
from = "webhook"
to   = "store"
why  = "verdicts are kept"
```

```toml
# mended
app = "guard"

[tiers]
webhook = { namespace = "guard", pods = { app = "image-guard" }, ports = [9443] }
store   = { namespace = "guard", pods = { app = "store" }, ports = [6379] }

[[allow]]
from = "webhook"
to   = "store"
why  = "verdicts are kept"

[[allow]]
from = "kube-apiserver"
to   = "webhook"
why  = "every image is looked at before a pod starts"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let callers = callers(model);
    let registered = cx.inventory.map(Running::webhooks).unwrap_or_default();
    for (id, tier) in model.tiers() {
        let (known, sign) = (registered.get(&id), webhook(tier));
        match callers.get(&id) {
            Some(Caller::ApiServer) => continue,
            Some(Caller::Pods) if known.is_none() && !is_surely_webhook(tier) => continue,
            Some(Caller::Pods) | None => {}
        }
        let (name, ports) = (&tier.name, if tier.ports.is_empty() { ", ports = [9443]" } else { "" });
        let finding = match (known, sign) {
            (Some(webhook), _) => findings
                .at(tier.span, format!("the API server calls {}, and no edge lets it in", quote(name)))
                .related(webhook.span, format!("{} {}", webhook.kind, quote(&webhook.name))),
            (None, Some(sign)) => findings
                .at(
                    tier.span,
                    format!("{} looks like an admission webhook, and no edge lets the API server in", quote(name)),
                )
                .note(format!("taken for a webhook by {sign}")),
            (None, None) => continue,
        };
        let finding = finding
            .note("what the API server cannot ask about it refuses, unless the webhook's `failurePolicy` is `Ignore`")
            .help(format!("add an edge: `{{ from = \"kube-apiserver\", to = \"{name}\"{ports}, why = \"…\" }}`"))
            .help("or from `nodes`, where the control plane runs on nodes");
        let keys = "`api-server-cidrs = [\"…\"]` (for `nodes`: `node-cidrs`)";
        let finding =
            cx.addresses_missing(&model.profile.api_server_cidrs, keys).into_iter().fold(finding, Diagnostic::help);
        findings.push(&[WaiveTarget::Tier(id)], finding);
    }
}

/// Who calls a tier; the API server before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    ApiServer,
    Pods,
}

fn callers(model: &Model) -> HashMap<TierId, Caller> {
    let mut callers = HashMap::new();
    for edge in &model.edges {
        let Endpoint::Tier(to) = edge.to else { continue };
        match edge.from {
            Endpoint::Builtin(Builtin::ApiServer | Builtin::Nodes | Builtin::Anywhere) => {
                callers.insert(to, Caller::ApiServer);
            }
            Endpoint::Peer(peer) => {
                let mut places = model[peer].pods.namespaces.names().iter();
                if places.any(|name| model.profile.system_namespaces.contains(name)) {
                    callers.insert(to, Caller::ApiServer);
                } else {
                    callers.entry(to).or_insert(Caller::Pods);
                }
            }
            Endpoint::Tier(from) if from != to => {
                callers.entry(to).or_insert(Caller::Pods);
            }
            Endpoint::Tier(_) | Endpoint::External(_) | Endpoint::Builtin(Builtin::Internet | Builtin::Cluster) => {}
        }
    }
    callers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{BY_ADDRESS, BY_NAME, Draft, deployment, service};
    use crate::model::{PortRange, Protocol};

    /// How often the tier `webhook` is found, asked by what is named.
    fn found(callers: &[&str]) -> usize {
        let draft = Draft::new().tiers("webhook web").peer("agents", "kube-system", "k8s-app=konnectivity-agent");
        let draft = draft.peer("partner", "partners", "app=p");
        callers
            .iter()
            .fold(draft, |draft, from| draft.edge(&format!("{from} -> webhook"), "9443/TCP"))
            .check(&RULE)
            .len()
    }

    #[test]
    fn what_lets_the_api_server_in_is_fine() {
        for caller in ["kube-apiserver", "nodes", "anywhere", "agents"] {
            assert_eq!(found(&[caller]), 0, "{caller}");
            assert_eq!(found(&["internet", caller]), 0, "{caller}");
        }
        for callers in [&[][..], &["cluster"], &["internet"], &["webhook"]] {
            assert_eq!(found(callers), 1, "{callers:?}");
        }
    }

    #[test]
    fn an_inventory_knows_whom_the_api_server_calls() {
        let configuration = |name: &str| {
            format!(
                "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: v}}\n\
                 webhooks: [{{name: v.example.com, sideEffects: None, admissionReviewVersions: [v1], clientConfig: \
                 {{service: {{name: {name}, namespace: shop}}}}}}]\n"
            )
        };
        let inventory = |name: &str| {
            let pods = ["guard", "web"].map(|name| deployment("shop", name, &format!("app: {name}"))).join("---\n");
            [pods, service("shop", "guard", 443, "9443"), configuration(name)].join("---\n")
        };
        let found = |draft: Draft, name: &str| {
            draft.check_with(&RULE, &inventory(name)).into_iter().map(|d| d.message).collect::<Vec<_>>()
        };
        let draft = || Draft::new().tiers("web guard").edges("web -> guard");
        assert_eq!(found(draft(), "guard"), ["the API server calls `guard`, and no edge lets it in"]);
        assert!(found(draft(), "another").is_empty());
        assert!(found(draft().edge("kube-apiserver -> guard", "9443/TCP"), "guard").is_empty());
    }

    #[test]
    fn the_help_asks_for_addresses_where_a_target_needs_them() {
        let help = |targets: &[_], cidrs: &[&str]| {
            let cidrs = cidrs.iter().map(|net| net.parse().unwrap()).collect();
            let draft = Draft::new().tiers("webhook").with(|m| m.profile.api_server_cidrs = cidrs);
            draft.check_for(targets, &RULE).remove(0).help.join("; ").contains("api-server-cidrs")
        };
        assert!(help(&[BY_ADDRESS, BY_NAME], &[]));
        assert!(!help(&[BY_NAME], &[]), "it knows the API server by name");
        assert!(!help(&[BY_ADDRESS], &["172.16.0.0/28"]), "the project file has them");
    }

    #[test]
    fn a_help_names_a_port_where_the_tier_has_none() {
        let help = |ports: &str| {
            let ports = ports.split_whitespace().map(|_| PortRange::new(Protocol::Tcp, 9443, 9443).unwrap()).collect();
            let draft = Draft::new().tiers("webhook").with(|m| m.tiers[0].ports = ports);
            draft.check(&RULE).remove(0).help.remove(0)
        };
        let edge =
            |ports| format!("add an edge: `{{ from = \"kube-apiserver\", to = \"webhook\"{ports}, why = \"…\" }}`");
        assert_eq!(help(""), edge(", ports = [9443]"));
        assert_eq!(help("one"), edge(""));
    }

    #[test]
    fn a_receiver_of_other_calls_is_no_admission_webhook() {
        assert_eq!(found(&["web"]), 0);
        assert_eq!(found(&["partner"]), 0);
        let sure = Draft::new().tiers("web").tier("guard", "shop", "app=admission-guard").edges("web -> guard");
        assert_eq!(
            sure.messages(&RULE),
            ["`guard` looks like an admission webhook, and no edge lets the API server in"]
        );
    }

    #[test]
    fn agents_of_the_control_plane_are_the_api_server_for_what_is_surely_a_webhook_too() {
        let draft = Draft::new().tier("guard", "shop", "app=admission-guard");
        let found = |place: &str| {
            let draft = Draft::new().tier("guard", "shop", "app=admission-guard").peer("agents", place, "app=agent");
            draft.edge("agents -> guard", "9443/TCP").check(&RULE).len()
        };
        assert_eq!(draft.check(&RULE).len(), 1);
        assert_eq!((found("kube-system"), found("partners")), (0, 1));
    }
}
