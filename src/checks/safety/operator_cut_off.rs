//! NP309: an operator that cannot ask the API server.

use std::collections::{HashMap, HashSet};

use crate::checks::roles::operator;
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, Diagnostic, quote};
use crate::model::{Builtin, Cidrs, Endpoint, ExternalId, LintLevel, Model, TierId, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP309"),
    name: "operator-cut-off",
    group: Group::Safety,
    default: LintLevel::Warning,
    about: "tier",
    summary: "a tier looks like an operator, and no edge lets it reach the API server",
    doc: r#"
Operators and controllers do nothing but watch the API server and write to it. Behind a default deny without an edge
to it they stop without a word: certificates run out, databases do not fail over, nothing that is changed has an
effect. Those that hold a leader's lease lose it and restart for ever.

A tier is taken for one when `operator` or `controller` is a whole word of its name or of a label, as in
`control-plane: controller-manager`. An inventory tells more: pods to whose service account itself some role is bound
ask the API server for what the role lets them do.

To mend it, add an edge to `kube-apiserver` on the port that the API server itself listens on, often 6443: policies
see the address and the port behind the Service `kubernetes`, not its 443. `nodes` reaches it where the control
plane runs on nodes, as does an external, or `internet`, that holds the `api-server-cidrs` of the project file.

```toml
# netpolc.toml
[cluster]
api-server-cidrs = ["172.16.0.0/28"]
```

```toml
# bad
app = "databases"

[tiers]
operator = { namespace = "databases", pods = { app = "postgres-operator" } }
postgres = { namespace = "databases", pods = { app = "postgres" }, ports = [5432] }

[[allow]]
from = "operator"
to   = "postgres"
why  = "users and databases are created"
```

```toml
# mended
app = "databases"

[tiers]
operator = { namespace = "databases", pods = { app = "postgres-operator" } }
postgres = { namespace = "databases", pods = { app = "postgres" }, ports = [5432] }

[[allow]]
from = "operator"
to   = "postgres"
why  = "users and databases are created"

[[allow]]
from  = "operator"
to    = "kube-apiserver"
ports = [6443]
why   = "watches the databases that are asked for"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let mut reach: Option<HashSet<TierId>> = None;
    for (id, tier) in model.tiers() {
        let (sign, bound) = (operator(tier), cx.inventory.and_then(|running| running.binding(id)));
        if sign.is_none() && bound.is_none() {
            continue;
        }
        if reach.get_or_insert_with(|| reaching(model)).contains(&id) {
            continue;
        }
        let name = &tier.name;
        let finding = match (bound, sign) {
            (Some((pod, place)), _) => findings
                .at(
                    tier.span,
                    format!("pods of {} have a role, and no edge lets them reach the API server", quote(name)),
                )
                .related(place, format!("bound to their account {}", quote(&pod.service_account))),
            (None, Some(sign)) => findings
                .at(
                    tier.span,
                    format!("{} looks like an operator, and no edge lets it reach the API server", quote(name)),
                )
                .note(format!("taken for an operator by {sign}")),
            (None, None) => continue,
        };
        let finding = finding.help(format!(
            "add an edge: `{{ from = \"{name}\", to = \"kube-apiserver\", ports = [6443], why = \"…\" }}`"
        ));
        let keys = "`api-server-cidrs = [\"…\"]`";
        let finding =
            cx.addresses_missing(&model.profile.api_server_cidrs, keys).into_iter().fold(finding, Diagnostic::help);
        findings.push(&[WaiveTarget::Tier(id)], finding);
    }
}

/// Tiers with an edge that may lead to the API server.
fn reaching(model: &Model) -> HashSet<TierId> {
    let api = &model.profile.api_server_cidrs;
    let holds = |addresses: &Cidrs| api.iter().any(|net| addresses.overlaps(net));
    let internet = !api.is_empty() && holds(&model.profile.internet());
    let mut externals: HashMap<ExternalId, bool> = HashMap::new();
    let mut reach = HashSet::new();
    for edge in &model.edges {
        let Endpoint::Tier(from) = edge.from else { continue };
        let leads = match edge.to {
            Endpoint::Builtin(Builtin::ApiServer | Builtin::Nodes | Builtin::Anywhere) => true,
            Endpoint::Builtin(Builtin::Internet) => internet,
            Endpoint::External(id) => *externals.entry(id).or_insert_with(|| holds(&model[id].addresses)),
            Endpoint::Builtin(Builtin::Cluster) | Endpoint::Tier(_) | Endpoint::Peer(_) => false,
        };
        if leads {
            reach.insert(from);
        }
    }
    reach
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{BY_ADDRESS, BY_NAME, Draft, deployment};

    fn found(to: &str, api: &[&str]) -> usize {
        let draft = Draft::new().tiers("operator db").external("partner", "203.0.113.0/24", "");
        let draft = draft.with(|m| m.profile.api_server_cidrs = api.iter().map(|net| net.parse().unwrap()).collect());
        draft.edge(&format!("operator -> {to}"), "443/TCP").check(&RULE).len()
    }

    #[test]
    fn every_way_to_the_api_server_counts() {
        for to in ["kube-apiserver", "nodes", "anywhere"] {
            assert_eq!(found(to, &[]), 0, "{to}");
        }
        for to in ["db", "cluster", "partner", "internet"] {
            assert_eq!(found(to, &[]), 1, "{to}");
            assert_eq!(found(to, &["10.0.0.0/28"]), 1, "{to}");
        }
        for to in ["partner", "internet"] {
            assert_eq!(found(to, &["203.0.113.7/32"]), 0, "{to}");
        }
    }

    #[test]
    fn an_inventory_knows_whose_account_has_a_role() {
        let binding = |account: &str| {
            format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: b, namespace: shop}}\n\
                 roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}\n\
                 subjects: [{{kind: ServiceAccount, name: {account}, namespace: shop}}]\n"
            )
        };
        let pods = deployment("shop", "web", "app: web").replace("spec: {}", "spec: {serviceAccountName: watcher}");
        let found = |draft: Draft, account: &str| {
            let found = draft.check_with(&RULE, &[pods.clone(), binding(account)].join("---\n"));
            found.into_iter().map(|d| d.message).collect::<Vec<_>>()
        };
        let draft = || Draft::new().tiers("web db").edges("web -> db");
        let expected = "pods of `web` have a role, and no edge lets them reach the API server";
        assert_eq!(found(draft(), "watcher"), [expected]);
        assert!(found(draft(), "other").is_empty());
        assert!(found(draft().edge("web -> kube-apiserver", "6443/TCP"), "watcher").is_empty());
    }

    #[test]
    fn the_help_asks_for_addresses_where_a_target_needs_them() {
        let help = |targets: &[_], api: &[&str]| {
            let api = api.iter().map(|net| net.parse().unwrap()).collect();
            let draft = Draft::new().tiers("operator").with(|m| m.profile.api_server_cidrs = api);
            draft.check_for(targets, &RULE).remove(0).help.join("; ").contains("api-server-cidrs")
        };
        assert!(help(&[BY_ADDRESS, BY_NAME], &[]));
        assert!(!help(&[BY_NAME], &[]), "it knows the API server by name");
        assert!(!help(&[BY_ADDRESS], &["172.16.0.0/28"]), "the project file has them");
    }

    #[test]
    fn the_way_back_does_not_count() {
        let called = Draft::new().tiers("operator").edges("kube-apiserver -> operator");
        assert_eq!(
            called.messages(&RULE),
            ["`operator` looks like an operator, and no edge lets it reach the API server"]
        );
        assert!(Draft::new().tiers("web db").edges("web -> db").check(&RULE).is_empty());
    }
}
