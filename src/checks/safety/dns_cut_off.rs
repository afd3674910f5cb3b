//! NP304: the cluster's DNS behind a default deny.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{
    Direction, DnsPeer, Endpoint, Grant, LintLevel, Model, PeerSet, PodSet, PortRange, TierId, WaiveTarget,
};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP304"),
    name: "dns-cut-off",
    group: Group::Safety,
    default: LintLevel::Error,
    about: "tier",
    summary: "the namespace of the cluster's DNS is managed, and nobody may ask it",
    doc: r#"
A tier makes its namespace managed: every pod in it is denied what no edge allows. Where the cluster's DNS runs in
that namespace too, it is denied as well, and the whole cluster stops resolving names, whatever other tiers may
send.

To mend it, put the tier into a namespace of its own. Where that cannot be, declare the DNS pods as a tier and let
every pod ask them, and let them ask their own upstream and the API server as they do now. (`kube-system`, where
most clusters have their DNS, is not to be managed at all: see NP306.)

```toml
# netpolc.toml
[cluster]
dns = { namespace = "names", pods = { app = "coredns" } }
```

```toml
# bad
app = "agents"

[tiers]
agent = { namespace = "names", pods = { app = "agent" }, ports = [8080] }
web   = { namespace = "frontend", pods = { app = "web" } }

[[allow]]
from = "web"
to   = "agent"
why  = "pages show how the node is"
```

```toml
# mended
app = "agents"

[tiers]
agent = { namespace = "agents", pods = { app = "agent" }, ports = [8080] }
web   = { namespace = "frontend", pods = { app = "web" } }

[[allow]]
from = "web"
to   = "agent"
why  = "pages show how the node is"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for peer in &model.profile.dns.peers {
        let DnsPeer::Pods(dns) = peer else { continue };
        for namespace in dns.namespaces.names().iter().filter(|name| model.is_managed(name)) {
            if is_asked(model, namespace, dns) {
                continue;
            }
            let inside: Vec<TierId> =
                model.tiers().filter(|(_, tier)| tier.pods.namespaces.may_hold(namespace)).map(|(id, _)| id).collect();
            let Some(first) = inside.first() else { continue };
            let name = quote(&model.endpoint_name(Endpoint::Tier(*first), model[*first].app));
            let message = format!("tier {name} puts the cluster's DNS in {} behind a default deny", quote(namespace));
            let finding = findings
                .at(model[*first].span, message)
                .note(format!("the cluster's DNS: pods {} in {namespace}", dns.labels))
                .help(
                    "move the tier to a namespace of its own, or declare the DNS pods as a tier that `cluster` may ask",
                );
            let targets: Vec<WaiveTarget> = inside.into_iter().map(WaiveTarget::Tier).collect();
            findings.push(&targets, finding);
        }
    }
}

/// Whether every pod of the cluster may ask these pods on every port of DNS.
fn is_asked(model: &Model, namespace: &str, dns: &PodSet) -> bool {
    let admits = |grant: &Grant| {
        grant.direction == Direction::Ingress
            && &*grant.subject.namespace == namespace
            && grant.subject.labels.is_subset_of(&dns.labels)
            && matches!(grant.peer, PeerSet::Anyone | PeerSet::AllPods)
    };
    let admitting: Vec<Grant> = model.grants().into_iter().filter(admits).collect();
    let open = |port: &PortRange| admitting.iter().any(|grant| grant.ports.iter().any(|range| range.holds(*port)));
    model.profile.dns.ports.iter().all(open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    /// A tier beside the cluster's DNS, and the tier that is the DNS, asked over `edge`.
    fn found(edge: Option<(&str, &str)>) -> usize {
        let draft =
            Draft::new().tier("agent", "kube-system", "app=agent").tier("dns", "kube-system", "k8s-app=kube-dns");
        edge.into_iter().fold(draft, |draft, (name, ports)| draft.edge(name, ports)).check(&RULE).len()
    }

    #[test]
    fn a_tier_beside_the_clusters_dns_is_found() {
        let beside = Draft::new().tier("agent", "kube-system", "app=agent");
        assert_eq!(beside.check(&RULE).len(), 1);
        assert!(Draft::new().tier("agent", "agents", "app=agent").check(&RULE).is_empty());
    }

    #[test]
    fn dns_that_every_pod_may_ask_is_fine() {
        assert_eq!(found(Some(("cluster -> dns", "53/TCP 53/UDP"))), 0);
        assert_eq!(found(Some(("anywhere -> dns", "all/TCP all/UDP"))), 0);
        assert_eq!(found(Some(("cluster -> dns", "53/UDP"))), 1, "answers that do not fit come over TCP");
        assert_eq!(found(Some(("agent -> dns", "53/TCP 53/UDP"))), 1, "others ask too");
        assert_eq!(found(Some(("cluster -> agent", "53/TCP 53/UDP"))), 1, "the DNS pods are others");
    }
}
