//! NP402: a cache of DNS on each node, selected as pods.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{DnsPeer, LintLevel, PodSet};

/// What the pods of NodeLocal DNSCache are called by: kubernetes/kubernetes, cluster/addons/dns/nodelocaldns, and
/// installers that call its DaemonSet `nodelocaldns`.
const CACHE: [&str; 2] = ["node-local-dns", "nodelocaldns"];

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP402"),
    name: "cache-by-pods",
    group: Group::Dialect,
    default: LintLevel::Warning,
    about: "",
    summary: "`dns` selects the pods of a node-local cache, which run on the host network",
    doc: r#"
The cache of DNS on each node, `node-local-dns`, runs on the host network: its pods have the address of their node,
and no selector of pods meets them. A rule that selects them allows nothing, and every name of every tier fails to
resolve. Only where the CNI redirects questions to pods of their own, as Cilium's local redirect policy does, do
policies see pods.

To mend it, write `dns = "node-local"`, which means the DNS pods, the address of the cache and its pods, or add the
address that the cache listens on to `cidrs`.

```toml
# netpolc.toml
[cluster]
dns = { namespace = "kube-system", pods = { k8s-app = "node-local-dns" } }
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
```

```toml
# netpolc.toml, mended
[cluster]
dns = { namespace = "kube-system", pods = { k8s-app = "node-local-dns" }, cidrs = ["169.254.25.10/32"] }
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let profile = &cx.model.profile;
    let Some(place) = profile.asked.get("dns") else { return };
    let Some(dialects) = cx.dialects(|target| !target.local_redirect) else { return };
    let peers = &profile.dns.peers;
    if peers.iter().any(|peer| matches!(peer, DnsPeer::Address(_))) {
        return;
    }
    let cache = peers.iter().find_map(|peer| match peer {
        DnsPeer::Pods(pods) => is_cache(pods).then_some(pods),
        DnsPeer::Address(_) | DnsPeer::Cache(_) => None,
    });
    let Some(pods) = cache.filter(|_| cx.model.tiers.iter().any(|tier| tier.dns)) else { return };
    let message = format!("policies of {dialects} do not meet the pods {}, which share their node's network", {
        quote(&pods.labels.to_string())
    });
    let finding = findings
        .at(*place, message)
        .note("no tier could resolve a name")
        .help("write `dns = \"node-local\"`, or add the address of the cache: `cidrs = [\"169.254.20.10/32\"]`");
    findings.push(&[], finding);
}

fn is_cache(pods: &PodSet) -> bool {
    pods.labels.iter().any(|(_, value)| CACHE.contains(&&**value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Target;
    use crate::checks::testing::{BY_ADDRESS, BY_NAME, Draft};
    use crate::model::{Labels, NamespaceSet};

    fn found(value: &str, targets: &[Target], change: impl FnOnce(&mut crate::model::Model)) -> Vec<String> {
        let draft = Draft::new().tiers("web api").edges("web -> api").with(|m| {
            let namespaces = NamespaceSet::Names(vec!["kube-system".into()]);
            let labels = Labels::new([("k8s-app".into(), value.into())]);
            m.profile.dns.peers = vec![DnsPeer::Pods(PodSet { namespaces, labels })];
            let span = m.tiers[0].span;
            m.profile.asked.insert("dns", span);
        });
        draft.with(change).check_for(targets, &RULE).into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn the_cache_alone_is_found_where_nothing_redirects_to_it() {
        let told = "policies of plain do not meet the pods `k8s-app=node-local-dns`, which share their node's network";
        assert_eq!(found("node-local-dns", &[BY_ADDRESS, BY_NAME], |_| ()), [told]);
        assert_eq!(found("nodelocaldns", &[BY_ADDRESS], |_| ()).len(), 1);
        assert!(found("node-local-dns", &[BY_NAME], |_| ()).is_empty());
        assert!(found("kube-dns", &[BY_ADDRESS], |_| ()).is_empty());
    }

    #[test]
    fn it_is_shown_where_dns_is_written() {
        let places = |other: &'static str| {
            let draft = Draft::new().tiers("web api").edges("web -> api").with(|m| {
                let namespaces = NamespaceSet::Names(vec!["kube-system".into()]);
                let labels = Labels::new([("k8s-app".into(), "node-local-dns".into())]);
                m.profile.dns.peers = vec![DnsPeer::Pods(PodSet { namespaces, labels })];
                let (first, second) = (m.tiers[0].span, m.tiers[1].span);
                m.profile.asked.extend([("dns", first), (other, second)]);
            });
            let dns = draft.model.tiers[0].span;
            (draft.check_for(&[BY_ADDRESS], &RULE).remove(0).primary.map(|label| label.span), Some(dns))
        };
        for other in ["api-server-cidrs", "scrapers"] {
            let (shown, dns) = places(other);
            assert_eq!(shown, dns, "{other}");
        }
    }

    #[test]
    fn an_address_beside_it_is_enough_and_so_is_nobody_who_asks() {
        let address = DnsPeer::Address("169.254.20.10/32".parse().unwrap());
        assert!(found("node-local-dns", &[BY_ADDRESS], |m| m.profile.dns.peers.push(address)).is_empty());
        assert!(found("node-local-dns", &[BY_ADDRESS], |m| m.tiers.iter_mut().for_each(|t| t.dns = false)).is_empty());
    }
}
