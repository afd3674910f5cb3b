//! NP508: a peer that nothing names.

use std::collections::BTreeSet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{AppId, Endpoint, LintLevel, Model, PeerId, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP508"),
    name: "unused-peer",
    group: Group::Hygiene,
    default: LintLevel::Warning,
    about: "peer",
    summary: "no edge, no forbid and no `scrapers` names a peer",
    doc: r#"
A peer that nothing names opens nothing. It is what an edge left behind, or the edge was forgotten: then its pods are
denied, though whoever reads the intent sees them and takes them for let in.

To mend it, write the edge that is missing, or remove the peer. One that scrapes metrics is named by `scrapers`.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[peers]
ingress = { namespace = "ingress-nginx", pods = { app = "ingress" } }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[peers]
ingress = { namespace = "ingress-nginx", pods = { app = "ingress" } }

[[allow]]
from = "ingress"
to   = "web"
why  = "public shop front"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let ends = model.edges.iter().flat_map(|edge| [edge.from, edge.to]);
    let edges = ends.filter_map(|end| match end {
        Endpoint::Peer(id) => Some(id),
        Endpoint::Tier(_) | Endpoint::External(_) | Endpoint::Builtin(_) => None,
    });
    let used: BTreeSet<PeerId> = edges.chain(model.apps.iter().filter_map(|app| app.scrapers)).collect();
    let forbidden = forbidden(model);
    for (id, peer) in model.peers().filter(|(id, _)| !used.contains(id)) {
        if forbidden.contains(&(peer.app, &*peer.name)) {
            continue;
        }
        let finding = findings
            .at(peer.span, format!("peer {} is named nowhere", quote(&peer.name)))
            .help("write the edge that is missing, or remove the peer");
        findings.push(&[WaiveTarget::Peer(id)], finding);
    }
}

/// Names in forbids: only the app that declares a peer can name it, as `peer` or as `app/peer`.
fn forbidden(model: &Model) -> BTreeSet<(AppId, &str)> {
    let mut names = BTreeSet::new();
    for (app, forbid) in model.forbids.iter().filter_map(|forbid| Some((forbid.app?, forbid))) {
        for end in [&forbid.from, &forbid.to].into_iter().chain(&forbid.except) {
            let own = end.name.split_once('/').filter(|(owner, _)| **owner == *model[app].name);
            names.insert((app, own.map_or(&*end.name, |(_, name)| name)));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::model::{Builtin, Forbid, ForbidEnd, ForbidSet};

    fn draft() -> Draft {
        Draft::new().tiers("web").peer("ingress", "ingress", "app=ingress").peer("mesh", "mesh", "app=mesh")
    }

    #[test]
    fn peers_without_a_use_are_found() {
        assert_eq!(draft().edges("ingress -> web").messages(&RULE), ["peer `mesh` is named nowhere"]);
        assert!(draft().edges("ingress -> web; web -> mesh").messages(&RULE).is_empty());
        let scrapes = draft().edges("ingress -> web").with(|m| m.apps[0].scrapers = Some(PeerId(1)));
        assert!(scrapes.messages(&RULE).is_empty());
    }

    #[test]
    fn a_waiver_of_the_peer_accepts_it() {
        let waived = |id| draft().edges("ingress -> web").waive("NP508", WaiveTarget::Peer(PeerId(id)), None);
        assert!(waived(1).messages(&RULE).is_empty());
        assert_eq!(waived(0).messages(&RULE).len(), 1);
    }

    #[test]
    fn a_forbid_of_its_own_app_is_a_use() {
        let found = |app, name: &str| {
            let end = |name: &str| ForbidEnd { name: name.into(), set: ForbidSet::Builtin(Builtin::Cluster) };
            let (from, to, why) = (end("web"), end(name), Some("x".into()));
            let draft = draft().edges("ingress -> web").with(|m| {
                let span = m.tiers[0].span;
                let (ports, except) = (vec![], vec![]);
                m.forbids.push(Forbid { app, from, to, ports, except, transitive: false, why, span });
            });
            draft.messages(&RULE).len()
        };
        assert_eq!(found(Some(AppId(0)), "mesh"), 0);
        assert_eq!(found(Some(AppId(0)), "shop/mesh"), 0);
        assert_eq!(found(Some(AppId(0)), "other/mesh"), 1);
        assert_eq!(found(None, "mesh"), 1);
    }
}
