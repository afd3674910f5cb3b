//! NP303: a peer among the pods that we manage.

use std::collections::BTreeMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, LintLevel, Model, NamespaceSet, Peer, PeerId, TierId, WaiveTarget};

/// The most tiers that a message names.
const NAMED: usize = 3;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP303"),
    name: "peer-matches-managed",
    group: Group::Safety,
    default: LintLevel::Warning,
    about: "peer",
    summary: "a peer lies in a namespace that is managed",
    doc: r#"
A peer is a group of pods that nobody manages here, so of an edge with a peer only our side is rendered. In a managed
namespace every pod is denied what no edge of its own tier allows: the peer's half of the connection is missing, and
the connection does not come about, though the edge reads as if it did.

A peer that only scrapes metrics (`scrapers = "…"`) is not found: scrapers in managed namespaces get their half.

To mend it, write the tier instead of a peer: by its name in the same app, as `app/tier` where it belongs to another.
If no tier holds these pods, declare one.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[peers]
worker = { namespace = "shop", pods = { app = "worker" } }

[[allow]]
from = "worker"
to   = "web"
why  = "pages are warmed up"
```

```toml
# mended
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" }, ports = [8080] }
worker = { namespace = "shop", pods = { app = "worker" } }

[[allow]]
from = "worker"
to   = "web"
why  = "pages are warmed up"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let mut uses = BTreeMap::new();
    for (_, edge) in model.edges() {
        for (end, span) in [(edge.from, edge.from_span), (edge.to, edge.to_span)] {
            if let Endpoint::Peer(peer) = end {
                uses.entry(peer).or_insert(span);
            }
        }
    }
    let found: Vec<(PeerId, &Peer, &str)> = model
        .peers()
        .filter(|(id, _)| uses.contains_key(id))
        .filter_map(|(id, peer)| {
            let managed = match &peer.pods.namespaces {
                NamespaceSet::Names(names) => names.iter().find(|name| model.is_managed(name))?,
                // Pods of every namespace: those of some tier too?
                NamespaceSet::All => {
                    model.tiers.iter().find(|tier| tier.pods.overlaps(&peer.pods))?.pods.namespaces.names().first()?
                }
                // Which labels a managed namespace carries is not known; NP302 speaks of such peers.
                NamespaceSet::Labels(_) => return None,
            };
            Some((id, peer, &**managed))
        })
        .collect();
    if found.is_empty() {
        return;
    }
    let residents = residents(model);
    for (id, peer, namespace) in found {
        let mut tiers: Vec<TierId> = residents
            .iter()
            .filter(|(name, _)| peer.pods.namespaces.may_hold(name))
            .flat_map(|(_, tiers)| tiers.iter().copied())
            .collect();
        tiers.sort_unstable();
        tiers.dedup();
        tiers.retain(|tier| model[*tier].pods.overlaps(&peer.pods));
        let name = |tier: &TierId| quote(&model.endpoint_name(Endpoint::Tier(*tier), peer.app));
        let named: Vec<String> = tiers.iter().take(NAMED).map(name).collect();
        let mut finding = findings
            .at(
                peer.namespace_span,
                match &peer.pods.namespaces {
                    NamespaceSet::All => {
                        format!("peer {} holds pods of the managed namespace {}", quote(&peer.name), quote(namespace))
                    }
                    _ => format!("peer {} lies in the managed namespace {}", quote(&peer.name), quote(namespace)),
                },
            )
            .note(
                "of an edge with a peer only our side is rendered; pods of a managed namespace need their own side too",
            );
        if let Some(span) = uses.get(&id) {
            finding = finding.related(*span, "used here");
        }
        finding = match (named.is_empty(), tiers.len().saturating_sub(NAMED)) {
            (true, _) => {
                finding.help(format!("declare a tier for these pods; no tier of {} holds them", quote(namespace)))
            }
            (false, 0) => finding.help(format!("write the tier instead: {}", named.join(", "))),
            (false, more) => {
                finding.help(format!("write the tier instead: {} or one of {more} more", named.join(", ")))
            }
        };
        findings.push(&[WaiveTarget::Peer(id)], finding);
    }
}

/// The tiers of each managed namespace.
fn residents(model: &Model) -> BTreeMap<&str, Vec<TierId>> {
    let mut residents: BTreeMap<&str, Vec<TierId>> = BTreeMap::new();
    for (id, tier) in model.tiers() {
        for namespace in tier.pods.namespaces.names() {
            residents.entry(namespace).or_default().push(id);
        }
    }
    residents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn the_tier_to_write_is_named() {
        let found = Draft::new()
            .tiers("web other/cache")
            .peer("store", "elsewhere other", "app=cache")
            .peer("outside", "elsewhere", "app=cache")
            .edges("web -> store; web -> outside")
            .check(&RULE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "peer `store` lies in the managed namespace `other`");
        assert_eq!(found[0].help, ["write the tier instead: `other/cache`"]);
    }

    #[test]
    fn pods_in_no_tier_need_one() {
        let found = Draft::new().tiers("web").peer("job", "shop", "app=job").edges("job -> web").check(&RULE);
        assert_eq!(found[0].help, ["declare a tier for these pods; no tier of `shop` holds them"]);
    }

    #[test]
    fn a_peer_without_an_edge_may_be_a_scraper() {
        assert!(Draft::new().tiers("web").peer("scraper", "shop", "app=p").messages(&RULE).is_empty());
    }
}
