//! NP306: a namespace without which the cluster, or what mends it, stops.

use std::collections::BTreeMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, LintLevel, Sym, TierId, WaiveTarget};

/// Namespaces that installers choose where nobody says otherwise. Those of the engines' agents stand in the context.
const KNOWN: [(&str, Part); 8] = [
    // kubernetes/api, core/v1/types.go, and the leases of nodes.
    ("kube-system", Part::ControlPlane),
    ("kube-public", Part::Reserved),
    ("kube-node-lease", Part::Reserved),
    // flannel-io/flannel, Documentation/kube-flannel.yml.
    ("kube-flannel", Part::Network),
    // argo-cd.readthedocs.io, "Getting started"; fluxcd.io, "flux install".
    ("argocd", Part::Delivery),
    ("flux-system", Part::Delivery),
    // open-policy-agent/gatekeeper, deploy/gatekeeper.yaml; kyverno.io, "Installation". A webhook of cert-manager
    // decides about its own objects alone: NP308 speaks of such.
    ("gatekeeper-system", Part::Admission),
    ("kyverno", Part::Admission),
];

/// Before the name of every namespace that OpenShift's own components run in ("Working with projects").
const OPENSHIFT: &str = "openshift-";

/// What a namespace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    ControlPlane,
    Reserved,
    Network,
    Delivery,
    Admission,
    Listed,
}

impl Part {
    /// What is behind a default deny, in a message.
    fn name(self) -> &'static str {
        match self {
            Self::ControlPlane => "the control plane",
            Self::Reserved => "a namespace that Kubernetes keeps for itself",
            Self::Network => "what connects pods and enforces policies",
            Self::Delivery => "the tool that delivers these policies",
            Self::Admission => "the admission webhooks",
            Self::Listed => "a system namespace",
        }
    }

    /// What goes wrong.
    fn loss(self) -> &'static str {
        match self {
            Self::ControlPlane => {
                "DNS, proxies and controllers run there: without an edge to each other and to the API server they \
                 stop, and the cluster with them"
            }
            Self::Reserved => {
                "Kubernetes made it for objects that everybody reads; no pods of an app belong there, and who may put \
                 some there is not decided by its team"
            }
            Self::Network => {
                "agents that are cut off from the API server connect no new pod and learn of no new policy, so the policy \
                 that mends it has no effect either"
            }
            Self::Delivery => {
                "cut off from the repository and from the API server it cannot take back what it applied: somebody \
                 has to delete the policies by hand"
            }
            Self::Admission => {
                "the API server waits for them before every change: where they are to fail closed it refuses all \
                 changes, the one that mends it too"
            }
            Self::Listed => "the project file counts it among the `system-namespaces`",
        }
    }
}

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP306"),
    name: "system-namespace",
    group: Group::Safety,
    default: LintLevel::Error,
    about: "tier",
    summary: "a tier manages a namespace of the control plane, of the network, or of what delivers policies",
    doc: r#"
A tier makes its namespace managed: every pod in it, also those that no intent names, is denied what no edge allows.
In the namespaces of the cluster itself that is a lock-out, and each kind goes wrong in its own way:

- `kube-system` and the `openshift-…` namespaces: DNS, proxies, controllers and cloud agents stop.
- `calico-system`, `tigera-operator`, `cilium`, `kube-flannel` and the like: what connects pods and enforces
  policies loses the API server. No later policy is enforced, so no later policy mends it.
- `argocd`, `flux-system`: what applied the policies cannot take them back.
- `gatekeeper-system`, `kyverno`: the API server refuses every change while it cannot ask them, where they fail
  closed.
- Those that the project file lists in `system-namespaces`.

Only the names that installers choose by themselves are known here; where yours differ, list them.

To mend it, put the tier's pods into a namespace of their own. If the namespace is to be managed in earnest, declare
every pod of it and all its edges first, roll out with `staged`, and then accept this with a waiver.

```toml
# bad
app = "backup"

[tiers]
agent = { namespace = "flux-system", pods = { app = "backup-agent" }, ports = [8080] }
web   = { namespace = "frontend", pods = { app = "web" } }

[[allow]]
from = "web"
to   = "agent"
why  = "the page shows the last backup"
```

```toml
# mended
app = "backup"

[tiers]
agent = { namespace = "backup", pods = { app = "backup-agent" }, ports = [8080] }
web   = { namespace = "frontend", pods = { app = "web" } }

[[allow]]
from = "web"
to   = "agent"
why  = "the page shows the last backup"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let mut inside: BTreeMap<&Sym, (Part, Vec<TierId>)> = BTreeMap::new();
    for (id, tier) in model.tiers() {
        for namespace in tier.pods.namespaces.names() {
            if let Some(part) = part(cx, namespace) {
                inside.entry(namespace).or_insert_with(|| (part, vec![])).1.push(id);
            }
        }
    }
    for (namespace, (part, tiers)) in inside {
        let Some(first) = tiers.first() else { continue };
        let name = quote(&model.endpoint_name(Endpoint::Tier(*first), model[*first].app));
        let message = format!("tier {name} puts {} behind a default deny: {}", part.name(), quote(namespace));
        let finding = findings
            .at(model[*first].span, message)
            .note(part.loss())
            .help("put these pods into a namespace of their own")
            .help("if the namespace is to be managed, declare all its pods and edges first, then waive this");
        let targets: Vec<WaiveTarget> = tiers.into_iter().map(WaiveTarget::Tier).collect();
        findings.push(&targets, finding);
    }
}

fn part(cx: &Context<'_>, namespace: &Sym) -> Option<Part> {
    if let Some((_, part)) = KNOWN.iter().find(|(name, _)| **name == **namespace) {
        return Some(*part);
    }
    if cx.agents.contains(&&**namespace) {
        return Some(Part::Network);
    }
    if namespace.starts_with(OPENSHIFT) {
        return Some(Part::ControlPlane);
    }
    cx.model.profile.system_namespaces.contains(namespace).then_some(Part::Listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    fn loss(namespace: &str) -> Option<String> {
        let found = Draft::new().tier("agent", namespace, "app=agent").check_for(&[], &RULE);
        found.into_iter().next().map(|finding| finding.notes[0].clone())
    }

    #[test]
    fn each_namespace_is_told_with_what_it_takes_along() {
        for (namespace, part) in [
            ("kube-system", Part::ControlPlane),
            ("kube-public", Part::Reserved),
            ("kube-node-lease", Part::Reserved),
            ("openshift-etcd", Part::ControlPlane),
            ("kube-flannel", Part::Network),
            ("net-agents", Part::Network),
            ("argocd", Part::Delivery),
            ("flux-system", Part::Delivery),
            ("gatekeeper-system", Part::Admission),
            ("kyverno", Part::Admission),
            ("tigera-operator", Part::Listed),
        ] {
            assert_eq!(loss(namespace).as_deref(), Some(part.loss()), "{namespace}");
        }
        for free in ["shop", "kube", "argo", "openshift", "cert-manager", "default"] {
            assert_eq!(loss(free), None, "{free}");
        }
    }

    #[test]
    fn the_project_file_adds_its_own() {
        let draft = || Draft::new().tier("agent", "mesh", "app=agent");
        assert!(draft().check(&RULE).is_empty());
        let listed = draft().with(|m| m.profile.system_namespaces = ["mesh".into()].into());
        assert_eq!(listed.messages(&RULE), ["tier `agent` puts a system namespace behind a default deny: `mesh`"]);
    }

    #[test]
    fn a_namespace_is_told_once_and_any_of_its_tiers_accepts_it() {
        let draft = || {
            let draft = Draft::new().tier("agent", "argocd kube-system", "app=agent");
            draft.tier("other", "argocd", "app=other")
        };
        assert_eq!(draft().check(&RULE).len(), 2);
        let second = draft().waive("NP306", WaiveTarget::Tier(TierId(1)), None);
        assert_eq!(
            second.messages(&RULE),
            ["tier `agent` puts the control plane behind a default deny: `kube-system`"]
        );
    }
}
