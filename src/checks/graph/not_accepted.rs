//! NP106: an edge to another app's tier whose owner did not accept the caller.

use std::collections::HashMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Edge, Endpoint, LintLevel, TierId};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP106"),
    name: "not-accepted",
    group: Group::Graph,
    default: LintLevel::Error,
    about: "",
    summary: "an edge of another app that the callee's `accepts` does not list",
    doc: r#"
An intent may write an edge to a tier of another app, and the build opens both sides of it. Where the owners of the
callee want to be asked, they write `accepts` on their tier: the apps, or single tiers as `app/tier`, that may connect;
an empty list means nobody. Without it whoever wants in lets himself in, and the team of a database learns in an
incident who has been reading it.

Edges of the callee's own app need no acceptance, nor does a caller that the callee's own app lets in by an edge of its
own: there its owners asked for the connection themselves. A waiver in the caller's intent would be the caller's word
again, so there is none.

To mend it, let the owners of the callee add the caller to `accepts`, or remove the edge.

Beside this intent of the callee,

```toml
# neighbour
app   = "ledger"
owner = "accounting"

[tiers]
book = { namespace = "ledger", pods = { app = "book" }, ports = [5432], accepts = ["shop/api"] }
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = ["api", "ledger/book"]
why  = "pages show what is owed"
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
why  = "pages ask what is owed"

[[allow]]
from = "api"
to   = "ledger/book"
why  = "the API reads what is owed"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    // Edges by which apps let callers of others in. Only looked up, never walked: its order shows nowhere.
    let mut asked: HashMap<(Endpoint, TierId), Vec<&Edge>> = HashMap::new();
    for edge in &model.edges {
        if let Endpoint::Tier(to) = edge.to
            && edge.app == model[to].app
        {
            asked.entry((edge.from, to)).or_default().push(edge);
        }
    }
    for edge in &model.edges {
        let Endpoint::Tier(to) = edge.to else { continue };
        let tier = &model[to];
        let Some(accepts) = tier.accepts.as_ref().filter(|accepts| edge.app != tier.app && !accepts.holds(edge)) else {
            continue;
        };
        if asked.get(&(edge.from, to)).is_some_and(|own| is_held(edge, own)) {
            continue;
        }
        let (caller, owner) = (&model[edge.app], &model[tier.app]);
        let from = model.endpoint_name(edge.from, edge.app);
        let message = format!("{} does not accept {}", quote(&model.endpoint_name(edge.to, edge.app)), quote(&from));
        let team = owner.owner.as_ref().map_or(String::new(), |team| format!(" ({team})"));
        let finding = findings.at(edge.to_span, message).related(accepts.span, "whom its owners accept").help(format!(
            "ask the owners of app `{}`{team} to add \"{}/{from}\" to `accepts`, or remove the edge",
            owner.name, caller.name
        ));
        findings.push(&[], finding);
    }
}

/// Whether other edges between the same ends let in all that an edge does.
fn is_held(edge: &Edge, own: &[&Edge]) -> bool {
    let same_requests = |own: &&&Edge| own.http.is_empty() || own.http == edge.http;
    edge.ports.iter().all(|range| {
        let holds = |port: &crate::model::PortRange| {
            port.protocol == range.protocol && port.first <= range.first && range.last <= port.last
        };
        own.iter().filter(same_requests).any(|own| own.ports.iter().any(holds))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::checks::testing::Draft;
    use crate::model::{Accepts, AppId, Caller};

    /// `shop/web` and `shop/job` call `other/db`, which accepts some.
    fn draft(callers: &[Caller]) -> Draft {
        let accepts = |m: &mut crate::model::Model| {
            let (callers, span) = (callers.iter().copied().collect::<BTreeSet<_>>(), m.tiers[2].span);
            m.tiers[2].accepts = Some(Accepts { callers, span });
        };
        Draft::new().tiers("web job other/db").edges("web -> other/db; job -> other/db; web -> job").with(accepts)
    }

    #[test]
    fn callers_that_are_not_listed_are_found() {
        let both = ["`other/db` does not accept `web`", "`other/db` does not accept `job`"];
        assert_eq!(draft(&[]).messages(&RULE), both);
        assert_eq!(draft(&[Caller::Tier(TierId(1))]).messages(&RULE), [both[0]]);
        assert!(draft(&[Caller::App(AppId(0))]).messages(&RULE).is_empty());
    }

    #[test]
    fn without_a_list_everybody_may() {
        assert!(draft(&[]).with(|m| m.tiers[2].accepts = None).messages(&RULE).is_empty());
    }

    #[test]
    fn an_edge_of_the_own_app_needs_no_acceptance_and_is_one() {
        let own = |on| draft(&[]).edge("job -> other/db", on).with(|m| m.edges[3].app = AppId(1)).messages(&RULE);
        assert_eq!(own("80/TCP").len(), 1);
        assert_eq!(own("1-100/TCP").len(), 1);
        assert_eq!(own("81/TCP").len(), 2, "of another port its owners said nothing");
        assert_eq!(own("80/UDP").len(), 2);
    }

    #[test]
    fn an_edge_of_the_own_app_for_one_port_accepts_no_second() {
        let found = |own: &str| {
            let draft = draft(&[]).edge("job -> other/db", own).edge("job -> other/db", "80/TCP 81/TCP");
            draft.with(|m| m.edges[3].app = AppId(1)).messages(&RULE).len()
        };
        assert_eq!((found("80/TCP 81/TCP"), found("80/TCP")), (1, 2));
    }

    #[test]
    fn an_edge_of_the_own_app_for_some_requests_accepts_no_others() {
        let rule = |path: &str| crate::model::HttpRule { method: None, path: Some(path.into()), headers: vec![] };
        let found = |theirs: &str| {
            let draft = draft(&[]).edge("job -> other/db", "80/TCP").with(|m| {
                m.edges[3].app = AppId(1);
                m.edges[3].http = vec![rule("/a")];
                m.edges[1].http = vec![rule(theirs)];
            });
            draft.messages(&RULE).len()
        };
        assert_eq!((found("/a"), found("/b")), (1, 2));
    }
}
