//! NP305: a peer behind the project's own default deny.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, Guard, LintLevel, Model, NAMESPACE_NAME, NamespaceSet, PeerId, PodSet, Sym, WaiveTarget};
use crate::source::Span;

/// The most namespaces that a message names.
const NAMED: usize = 3;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP305"),
    name: "guard-cuts-peer",
    group: Group::Safety,
    default: LintLevel::Warning,
    about: "peer",
    summary: "a peer lies in a namespace that the guard `default-deny` closes",
    doc: r#"
The guard `default-deny` of the project file isolates every namespace but the system ones and those it excepts. A peer
is a group of pods that nobody manages here, so of an edge with a peer only our side is rendered. Where the guard closes
the peer's namespace and nobody opens its side there, the connection does not come about, though the edge reads as if it
did.

The same holds for scrapers: of `metrics` only the scraped side is rendered, unless the scrapers' namespace is managed.
The scrapers of the project file are found at the guard; a waiver cannot name them, as they are no peer. Peers that are
found by labels of their namespace, or in all namespaces, are not looked at: which namespaces those are is not known.

To mend it, let the platform team add the namespace to the exceptions of `default-deny`, or declare a tier for these
pods. If the owners of the namespace have policies that allow it, accept this with a waiver that says so.

```toml
# netpolc.toml
[cluster.guards]
default-deny = { except = ["legacy"] }
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }

[peers]
ledger = { namespace = "finance", pods = { app = "ledger" }, ports = [8080] }

[[allow]]
from = "web"
to   = "ledger"
why  = "orders are booked"
```

```toml
# mended
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" } }
ledger = { namespace = "finance", pods = { app = "ledger" }, ports = [8080] }

[[allow]]
from = "web"
to   = "ledger"
why  = "orders are booked"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let guards = model.guards();
    let Some(guard) = guards.iter().find(|guard| matches!(guard, Guard::DefaultDeny { .. })) else { return };
    let Uses { peers, scraped } = uses(model);
    for (id, span) in peers {
        let peer = &model[id];
        let closed = closed(model, guard.except(), &peer.pods);
        let Some(which) = namespaces(&closed) else { continue };
        let message = format!("peer {} lies in {which}, which `default-deny` closes", quote(&peer.name));
        let finding = findings
            .at(peer.namespace_span, message)
            .related(span, "used here")
            .note(
                "of an edge with a peer only our side is rendered; behind a default deny pods need their own side too",
            )
            .help(format!("{}, or declare a tier for these pods", except(&closed)));
        findings.push(&[WaiveTarget::Peer(id)], finding);
    }
    let Some(metrics) = scraped else { return };
    let closed = closed(model, guard.except(), &model.profile.scrapers);
    let Some(which) = namespaces(&closed) else { return };
    let place = model.profile.asked.get(guard.name()).copied().unwrap_or(metrics);
    let finding = findings
        .at(place, format!("the scrapers lie in {which}, which `default-deny` closes"))
        .related(metrics, "scraped here")
        .note("only the scraped side is rendered; behind a default deny the scrapers need their own side too")
        .help(format!("{}, or let `scrapers` under `[cluster]` name the pods that scrape", except(&closed)));
    findings.push(&[], finding);
}

/// What needs pods that nobody manages here, each with the first place that does.
struct Uses {
    /// Peers, as an end of an edge or as the scrapers of an app.
    peers: BTreeMap<PeerId, Span>,
    /// Metrics that the project's scrapers read.
    scraped: Option<Span>,
}

fn uses(model: &Model) -> Uses {
    let mut uses = Uses { peers: BTreeMap::new(), scraped: None };
    for (_, edge) in model.edges() {
        for (end, span) in [(edge.from, edge.from_span), (edge.to, edge.to_span)] {
            if let Endpoint::Peer(peer) = end {
                uses.peers.entry(peer).or_insert(span);
            }
        }
    }
    for (_, tier) in model.tiers().filter(|(_, tier)| !tier.metrics.is_empty()) {
        match model[tier.app].scrapers {
            Some(peer) => {
                uses.peers.entry(peer).or_insert(tier.metrics_span);
            }
            None => {
                uses.scraped.get_or_insert(tier.metrics_span);
            }
        }
    }
    uses
}

/// The namespaces of some pods, where they are known, that the guard closes and nobody here opens.
fn closed<'m>(model: &Model, except: &BTreeSet<Sym>, pods: &'m PodSet) -> Vec<&'m str> {
    let names: Vec<&str> = match &pods.namespaces {
        NamespaceSet::Names(names) => names.iter().map(|name| &**name).collect(),
        // The API server sets this label itself, to the name.
        NamespaceSet::Labels(labels) => labels.get(NAMESPACE_NAME).into_iter().map(|name| &**name).collect(),
        NamespaceSet::All => vec![],
    };
    names.into_iter().filter(|name| !except.contains(*name) && !model.is_managed(name)).collect()
}

/// How a message calls them; `None`: there are none.
fn namespaces(names: &[&str]) -> Option<String> {
    let named: Vec<String> = names.iter().take(NAMED).map(|name| quote(name)).collect();
    let named = named.join(", ");
    match names.len() {
        0 => None,
        1 => Some(format!("namespace {named}")),
        count if count <= NAMED => Some(format!("namespaces {named}")),
        count => Some(format!("namespaces {named} and {} more", count - NAMED)),
    }
}

/// What the platform team can do.
fn except(names: &[&str]) -> String {
    let what = match names {
        [name] => format!("\"{name}\""),
        _ => "them".to_owned(),
    };
    format!("let the platform team add {what} to the exceptions of `default-deny`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::model::{PortRange, Protocol};

    /// A default deny everywhere but in system namespaces and in these.
    fn guarded(listed: &str) -> Draft {
        let listed = listed.split_whitespace().map(Sym::from).collect();
        Draft::new().with(|m| m.profile.default_deny = Some(listed)).tiers("web")
    }

    fn scrape(model: &mut Model) {
        model.tiers[0].metrics = vec![PortRange::new(Protocol::Tcp, 9090, 9090).unwrap()];
    }

    #[test]
    fn a_peer_behind_the_guard_is_found_at_its_namespace() {
        let found = guarded("legacy").peer("ledger", "finance", "app=ledger").edges("web -> ledger").check(&RULE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "peer `ledger` lies in namespace `finance`, which `default-deny` closes");
        assert!(found[0].help[0].starts_with("let the platform team add \"finance\" to the exceptions"));
        let as_source = guarded("").peer("job", "finance", "app=job").edges("job -> web");
        assert_eq!(as_source.check(&RULE).len(), 1);
    }

    #[test]
    fn nothing_is_found_without_the_guard_or_where_it_leaves_the_peer_alone() {
        let used = |draft: Draft, places| draft.peer("p", places, "app=p").edges("web -> p").check(&RULE).len();
        assert_eq!(used(Draft::new().tiers("web"), "finance"), 0);
        assert_eq!(used(Draft::new().tiers("web").with(|m| m.profile.metadata_deny = true), "finance"), 0);
        assert_eq!(used(guarded("finance"), "finance"), 0);
        let system = guarded("").with(|m| m.profile.system_namespaces = ["finance".into()].into());
        assert_eq!(used(system, "finance"), 0);
        assert_eq!(used(guarded(""), "shop"), 0, "NP303 speaks of managed namespaces");
        assert_eq!(guarded("").peer("p", "finance", "app=p").check(&RULE).len(), 0, "nobody needs it");
    }

    #[test]
    fn namespaces_that_are_not_known_are_not_guessed() {
        let found = |places: &str| guarded("").peer("p", places, "app=p").edges("web -> p").messages(&RULE);
        assert!(found("team=finance").is_empty());
        assert_eq!(found("kubernetes.io/metadata.name=finance").len(), 1);
        let all = guarded("").peer("p", "finance", "app=p").edges("web -> p");
        assert!(all.with(|m| m.peers[0].pods.namespaces = NamespaceSet::All).check(&RULE).is_empty());
    }

    #[test]
    fn of_several_namespaces_those_that_are_closed_are_named() {
        let found = |places: &str| guarded("b").peer("p", places, "app=p").edges("web -> p").messages(&RULE);
        assert_eq!(found("a b c shop"), ["peer `p` lies in namespaces `a`, `c`, which `default-deny` closes"]);
        assert_eq!(
            found("a c d e f"),
            ["peer `p` lies in namespaces `a`, `c`, `d` and 2 more, which `default-deny` closes"]
        );
    }

    #[test]
    fn scrapers_of_the_project_are_found_where_something_is_scraped() {
        assert!(guarded("").check(&RULE).is_empty());
        let found = guarded("").with(scrape).messages(&RULE);
        assert_eq!(found, ["the scrapers lie in namespace `monitoring`, which `default-deny` closes"]);
        assert!(guarded("monitoring").with(scrape).check(&RULE).is_empty());
        assert!(guarded("").tier("prometheus", "monitoring", "app=p").with(scrape).check(&RULE).is_empty());
    }

    #[test]
    fn scrapers_of_an_app_are_a_peer_and_can_be_waived() {
        let own = || {
            let draft = guarded("").peer("scraper", "observability", "app=p");
            draft.with(|m| m.apps[0].scrapers = Some(PeerId(0)))
        };
        assert!(own().check(&RULE).is_empty());
        assert_eq!(
            own().with(scrape).messages(&RULE),
            ["peer `scraper` lies in namespace `observability`, which `default-deny` closes"]
        );
        let waived = own().with(scrape).waive("NP305", WaiveTarget::Peer(PeerId(0)), None);
        assert!(waived.check(&RULE).is_empty());
    }
}
