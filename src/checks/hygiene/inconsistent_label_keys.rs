//! NP506: tiers of one app that are told apart by different labels for the same thing.

use std::collections::BTreeMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{AppId, LintLevel, TierId, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP506"),
    name: "inconsistent-label-keys",
    group: Group::Hygiene,
    default: LintLevel::Warning,
    about: "tier",
    summary: "a tier is selected by another label key than most tiers of its app",
    doc: r#"
A selector with a key that the pods do not carry selects nothing, and no error says so: the tier's pods are in no tier
then, and everything is denied to them. `app` where the chart writes `app.kubernetes.io/name` is how that happens most
often. So keys that name the same thing are compared within an app: those with the same last part
(`example.com/component`, `app.kubernetes.io/component`), and `app`, `k8s-app`, `name` and `run`, which all stand for
`app.kubernetes.io/name`. A tier is found when most tiers of its app use one such key and it uses another; one that asks
for both keys is fine, and of keys that are used equally often none is found.

To mend it, look at which labels the pods carry, and use that key. If they really are labelled in another way, as what
comes from somebody else's chart is, accept the finding.

```toml
# bad
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" } }
api    = { namespace = "shop", pods = { app = "api" }, ports = [8080] }
worker = { namespace = "jobs", pods = { "app.kubernetes.io/name" = "worker" }, ports = [8080] }

[[allow]]
from = "web"
to   = ["api", "worker"]
why  = "orders are taken and worked on"
```

```toml
# mended
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" } }
api    = { namespace = "shop", pods = { app = "api" }, ports = [8080] }
worker = { namespace = "jobs", pods = { app = "worker" }, ports = [8080] }

[[allow]]
from = "web"
to   = ["api", "worker"]
why  = "orders are taken and worked on"
```
"#,
    check,
};

/// What a key names: its last part, and one word for the keys that stand for a workload's name, as the recommended labels of
/// Kubernetes replaced them (kubernetes/website, concepts/overview/working-with-objects/common-labels; `run` is what
/// `kubectl run` writes).
fn purpose(key: &str) -> &str {
    match key.rsplit('/').next().unwrap_or(key) {
        "app" | "k8s-app" | "run" => "name",
        last => last,
    }
}

/// Tiers by the keys that they ask for.
type Keys<'a> = BTreeMap<&'a str, Vec<TierId>>;

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let mut purposes: BTreeMap<(AppId, &str), Keys<'_>> = BTreeMap::new();
    for (id, tier) in model.tiers() {
        for (key, _) in tier.pods.labels.iter() {
            purposes.entry((tier.app, purpose(key))).or_default().entry(key).or_default().push(id);
        }
    }
    for keys in purposes.values() {
        let Some((usual, tiers)) = keys.iter().max_by_key(|(_, tiers)| tiers.len()) else { continue };
        if keys.iter().filter(|(_, others)| others.len() == tiers.len()).count() > 1 {
            continue;
        }
        let others = keys.iter().filter(|(key, _)| *key != usual);
        for (key, id) in others.flat_map(|(key, others)| others.iter().map(move |id| (key, *id))) {
            let tier = &model[id];
            if tier.pods.labels.get(usual).is_some() {
                continue;
            }
            let message = format!(
                "tier {} is selected by {}, where {} tiers of its app use {}",
                quote(&tier.name),
                quote(key),
                tiers.len(),
                quote(usual)
            );
            let finding = findings
                .at(tier.pods_span, message)
                .help(format!("look at what its pods carry: if it is {}, write that", quote(usual)));
            findings.push(&[WaiveTarget::Tier(id)], finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    /// Messages for tiers with these labels, all in one namespace.
    fn messages(tiers: &[&str]) -> Vec<String> {
        let draft = tiers
            .iter()
            .enumerate()
            .fold(Draft::new(), |draft, (n, labels)| draft.tier(&format!("t{n}"), "shop", labels));
        draft.messages(&RULE)
    }

    #[test]
    fn the_key_that_most_tiers_do_not_use_is_found() {
        assert_eq!(
            messages(&["app=a", "app=b", "app.kubernetes.io/name=c"]),
            ["tier `t2` is selected by `app.kubernetes.io/name`, where 2 tiers of its app use `app`"]
        );
        assert_eq!(messages(&["k8s-app=a", "name=b", "name=c", "run=d"]).len(), 2);
        assert_eq!(messages(&["x.io/part=a", "y.io/part=b", "y.io/part=c"]).len(), 1);
    }

    #[test]
    fn both_keys_other_purposes_and_ties_are_fine() {
        assert!(messages(&["app=a", "app=b", "app=c,app.kubernetes.io/name=c"]).is_empty());
        assert!(messages(&["app=a", "app=a,component=b", "app=a,tier=c"]).is_empty());
        assert!(messages(&["app=a", "name=b"]).is_empty());
        assert!(messages(&["app=a", "app=b", "component=c"]).is_empty());
        assert!(messages(&["app=a", "app=b", ""]).is_empty());
    }

    #[test]
    fn a_waiver_of_the_tier_accepts_it() {
        let tiers = || Draft::new().tier("a", "s", "app=a").tier("b", "s", "app=b").tier("c", "s", "name=c");
        let waived = |tier| tiers().waive("NP506", WaiveTarget::Tier(TierId(tier)), None).messages(&RULE).len();
        assert_eq!((waived(2), waived(1)), (0, 1));
    }

    #[test]
    fn apps_are_apart() {
        let draft = Draft::new().tier("a", "s", "app=a").tier("b", "s", "app=b").tier("other/c", "o", "name=c");
        assert!(draft.messages(&RULE).is_empty());
    }
}
