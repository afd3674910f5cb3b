//! NP301: two tiers of an app that one pod can belong to.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{AppId, Labels, LintLevel, Model, TierId, WaiveTarget};

/// The most pairs that are told. Tiers that all overlap make pairs with the square of their number; who mends a
/// thousand of them sees the rest.
const MAX_PAIRS: usize = 1_000;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP301"),
    name: "tiers-share-pods",
    group: Group::Safety,
    default: LintLevel::Warning,
    about: "tier",
    summary: "one pod can be in two tiers of an app",
    doc: r#"
A tier is every pod that carries its labels, so two tiers whose labels do not exclude each other share pods. Such a
pod gets what both tiers may do: policies add up, none takes away. The canary of a web server may then do all that the
web server may, whether that was meant or not. Two tiers with the same labels are one tier with two names.

Labels exclude each other when both tiers ask for one key with different values.

To mend it, give each tier a value of its own for a common key, or make them one tier.

```toml
# bad
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" },                    ports = [8080] }
canary = { namespace = "shop", pods = { app = "web", track = "canary" },  ports = [8080] }

[[allow]]
from = "anywhere"
to   = ["web", "canary"]
why  = "public shop front"
```

```toml
# mended
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web", track = "stable" }, ports = [8080] }
canary = { namespace = "shop", pods = { app = "web", track = "canary" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = ["web", "canary"]
why  = "public shop front"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let mut homes: BTreeMap<(AppId, &str), Vec<TierId>> = BTreeMap::new();
    for (id, tier) in model.tiers() {
        for namespace in tier.pods.namespaces.names() {
            homes.entry((tier.app, namespace)).or_default().push(id);
        }
    }
    let mut seen = BTreeSet::new();
    let mut open = 0;
    for ((_, namespace), tiers) in homes.iter().filter(|(_, tiers)| tiers.len() > 1) {
        let mut found = |a: TierId, b: TierId| {
            // Where an inventory shows a pod that is in both, that is told in its place.
            let is_told = cx.inventory.is_some_and(|running| running.share(a, b));
            if a < b && seen.insert((a, b)) && !is_told {
                let accepted = [a, b].into_iter().any(|tier| findings.accepts(&WaiveTarget::Tier(tier)));
                open += usize::from(!accepted);
                report(model, findings, namespace, a, b);
            }
            open < MAX_PAIRS
        };
        let join = Join { model };
        if !join.pairs(tiers, tiers, &mut vec![], &mut found) {
            return;
        }
    }
}

/// Finds pairs of tiers that one pod can satisfy, without looking at every pair: tiers are divided by their values of
/// a common key, and tiers with different values never meet.
struct Join<'a> {
    model: &'a Model,
}

impl<'a> Join<'a> {
    /// Products this small are compared pair by pair.
    const SMALL: usize = 64;
    /// A key divides well enough when one tier in so many asks for it. Where no key does, few tiers exclude each
    /// other, and looking at every pair costs no more than telling them.
    const SHARE: usize = 16;
    /// The most keys by which tiers are divided one after the other; it bounds the recursion.
    const DEPTH: usize = 64;

    fn labels(&self, tier: TierId) -> &'a Labels {
        &self.model[tier].pods.labels
    }

    /// Calls `found` for each pair of `left` and `right` that is compatible; false as soon as `found` says so. All of
    /// them agree on the keys in `used`.
    fn pairs(
        &self,
        left: &[TierId],
        right: &[TierId],
        used: &mut Vec<&'a str>,
        found: &mut impl FnMut(TierId, TierId) -> bool,
    ) -> bool {
        let key = match left.len().saturating_mul(right.len()) {
            0 => return true,
            small if small <= Self::SMALL || used.len() >= Self::DEPTH => None,
            _ => self.key(left, right, used),
        };
        let Some(key) = key else {
            return left.iter().all(|a| {
                let mut compatible = right.iter().filter(|b| self.labels(*a).compatible(self.labels(**b)));
                compatible.all(|b| found(*a, *b))
            });
        };
        let (lefts, left_rest) = self.divide(left, key);
        let (rights, right_rest) = self.divide(right, key);
        used.push(key);
        let same = rights
            .iter()
            .all(|(value, right)| lefts.get(value).is_none_or(|left| self.pairs(left, right, used, found)));
        let left_with: Vec<TierId> = lefts.into_values().flatten().collect();
        let all =
            same && self.pairs(&left_rest, right, used, found) && self.pairs(&left_with, &right_rest, used, found);
        used.pop();
        all
    }

    /// The key that divides best: the one that most tiers of both sides ask for.
    fn key(&self, left: &[TierId], right: &[TierId], used: &[&str]) -> Option<&'a str> {
        let count = |tiers: &[TierId]| {
            let mut counts: BTreeMap<&'a str, usize> = BTreeMap::new();
            for (key, _) in tiers.iter().flat_map(|tier| self.labels(*tier).iter()) {
                if !used.contains(&&**key) {
                    *counts.entry(key).or_default() += 1;
                }
            }
            counts
        };
        let (lefts, rights) = (count(left), count(right));
        let shared = lefts.iter().filter_map(|(key, n)| Some(((*n).min(*rights.get(key)?), *key)));
        let (count, key) = shared.max()?;
        (count >= left.len().min(right.len()).div_ceil(Self::SHARE)).then_some(key)
    }

    /// Tiers by their value of a key, and those that do not ask for it.
    fn divide(&self, tiers: &[TierId], key: &str) -> (BTreeMap<&'a str, Vec<TierId>>, Vec<TierId>) {
        let mut by_value: BTreeMap<&str, Vec<TierId>> = BTreeMap::new();
        let mut rest = vec![];
        for tier in tiers {
            match self.labels(*tier).get(key) {
                Some(value) => by_value.entry(value).or_default().push(*tier),
                None => rest.push(*tier),
            }
        }
        (by_value, rest)
    }
}

fn report(model: &Model, findings: &mut Findings, namespace: &str, first: TierId, second: TierId) {
    let (a, b) = (&model[first], &model[second]);
    let (a_name, b_name) = (quote(&a.name), quote(&b.name));
    let (in_a, in_b) = (a.pods.labels.is_subset_of(&b.pods.labels), b.pods.labels.is_subset_of(&a.pods.labels));
    let space = quote(namespace);
    let note = match (in_a, in_b) {
        (true, true) => format!("both select the same pods in namespace {space}"),
        (true, false) => format!("every pod of {b_name} in namespace {space} is one of {a_name} too"),
        (false, true) => format!("every pod of {a_name} in namespace {space} is one of {b_name} too"),
        (false, false) => {
            let pod = a.pods.labels.merge(&b.pods.labels).unwrap_or_default();
            format!("a pod in namespace {space} with the labels {} is in both", quote(&pod.to_string()))
        }
    };
    let help = match in_a && in_b {
        true => "make them one tier, or give each a value of its own for some label",
        false => "let them exclude each other: one key, and a value of its own for each",
    };
    let finding = findings
        .at(b.pods_span, format!("tiers {a_name} and {b_name} share pods, which get what both may do"))
        .related(a.pods_span, format!("the pods of {a_name}"))
        .note(note)
        .help(help);
    findings.push(&[WaiveTarget::Tier(first), WaiveTarget::Tier(second)], finding);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn a_selector_inside_another_is_found() {
        let found =
            Draft::new().tier("web", "shop", "app=web").tier("canary", "shop", "app=web,track=canary").check(&RULE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "tiers `web` and `canary` share pods, which get what both may do");
        assert_eq!(found[0].notes, ["every pod of `canary` in namespace `shop` is one of `web` too"]);
    }

    #[test]
    fn selectors_on_different_keys_share_the_pod_with_both() {
        let found = Draft::new().tier("a", "x y", "app=web").tier("b", "y x", "role=db").check(&RULE);
        assert_eq!(found.len(), 1, "once, though in two namespaces");
        assert_eq!(found[0].notes, ["a pod in namespace `x` with the labels `app=web,role=db` is in both"]);
    }

    #[test]
    fn other_values_namespaces_and_apps_share_nothing() {
        let draft =
            Draft::new().tiers("web api").tier("there", "elsewhere", "app=web").tier("other/web", "shop", "app=web");
        assert!(draft.messages(&RULE).is_empty());
    }

    #[test]
    fn a_waiver_for_either_tier_accepts_the_pair() {
        for tier in [0, 1] {
            let draft = Draft::new().tier("a", "x", "app=web").tier("b", "x", "app=web");
            let outcome = draft.waive("NP301", WaiveTarget::Tier(TierId(tier)), None).run();
            assert!(outcome.waived.len() == 1 && outcome.diagnostics.iter().all(|d| d.code != RULE.code));
        }
    }

    /// All pairs, found the slow way.
    fn slow(model: &Model) -> BTreeSet<(TierId, TierId)> {
        let ids: Vec<TierId> = model.tiers().map(|(id, _)| id).collect();
        let pairs = ids.iter().flat_map(|a| ids.iter().map(move |b| (*a, *b)));
        pairs.filter(|(a, b)| a < b && model[*a].pods.overlaps(&model[*b].pods)).collect()
    }

    #[test]
    fn the_join_finds_what_comparing_every_pair_finds() {
        // A small generator of numbers is enough to mix keys and values.
        let mut state = 7_u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for _ in 0..20 {
            let mut draft = Draft::new();
            for tier in 0..60 {
                let mut labels: Vec<String> = ["a", "b", "c"].iter().map(|key| format!("{key}={}", next(6))).collect();
                labels.retain(|_| next(3) > 0);
                draft = draft.tier(&format!("t{tier}"), "x", &labels.join(","));
            }
            let model = draft.model();
            let ids: Vec<TierId> = model.tiers().map(|(id, _)| id).collect();
            let mut fast = BTreeSet::new();
            Join { model: &model }.pairs(&ids, &ids, &mut vec![], &mut |a, b| {
                fast.extend((a < b).then_some((a, b)));
                true
            });
            assert_eq!(fast, slow(&model));
        }
    }

    #[test]
    fn ten_thousand_tiers_in_one_namespace_are_compared_by_key() {
        let names: Vec<String> = (0..10_000).map(|n| format!("t{n}")).collect();
        let draft = names
            .iter()
            .enumerate()
            .fold(Draft::new(), |draft, (n, name)| draft.tier(name, "shop", &format!("app={name},extra-{n}=1")));
        assert!(draft.messages(&RULE).is_empty());
    }

    #[test]
    fn endless_pairs_are_cut() {
        let draft = (0..2_000).fold(Draft::new(), |draft, n| draft.tier(&format!("t{n}"), "shop", &format!("k{n}=1")));
        assert_eq!(draft.messages(&RULE).len(), MAX_PAIRS);
    }
}
