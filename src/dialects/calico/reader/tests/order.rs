//! When policies are asked, and what policies of some orders amount to.

use super::*;

const ALLOW: &str = "- action: Allow\n  protocol: TCP\n  destination:\n    ports: [80]";
const SOME: &str = "- action: Deny\n  destination:\n    nets: [169.254.169.254/32]";
const ALL: &str = "- action: Deny";

/// An egress policy of a namespace, or of `has(…)`.
fn of(name: &str, namespace: &str, head: &str, rules: &[&str]) -> String {
    let selector = match namespace {
        "*" => "has(projectcalico.org/name)".to_owned(),
        name => format!("projectcalico.org/name == '{name}'"),
    };
    policy(name, &format!("{head}\nnamespaceSelector: {selector}\ntypes: [Egress]\negress:\n{}", rules.join("\n")))
}

fn tier(name: &str, order: u32, end: &str) -> String {
    object("Tier", name, &format!("order: {order}\ndefaultAction: {end}"))
}

/// What policies amount to: nothing, if their order matters; else for each which directions it isolates, how many rules it
/// allows by and how many it denies by.
fn sum_of(documents: &[String]) -> Option<Vec<(bool, usize, usize)>> {
    let sums = sums(&join(documents));
    let is_sum = !sums.everywhere && sums.ordered.is_empty();
    let of = |policy: &sum::Policy| (!policy.isolates.is_empty(), policy.rules.len(), policy.denies.len());
    is_sum.then(|| sums.policies.iter().map(of).collect())
}

/// Names in the order in which they are asked, those of a tier together.
fn asked(policies: &[Policy]) -> Vec<(u32, &str)> {
    let mut sorted: Vec<&Policy> = policies.iter().collect();
    sorted.sort_by_key(|policy| (policy.rank.tier, policy.rank.order));
    sorted.iter().map(|policy| (policy.rank.tier, policy.name.as_str())).collect()
}

#[test]
fn the_end_of_the_default_tier_denies_whatever_the_orders() {
    let documents = [of("a", "x", "order: 500", &[ALLOW]), of("b", "x", "order: 1", &["- action: Log"])];
    assert_eq!(sum_of(&documents).unwrap(), [(true, 1, 0), (true, 0, 0)]);
}

#[test]
fn a_policy_that_only_logs_isolates() {
    let policy = one(&of("a", "x", "order: 2000", &["- action: Log"]));
    assert_eq!(policy.isolates, [Direction::Egress]);
    assert!(policy.rules.is_empty() && policy.rank.end == End::Denies);
}

#[test]
fn a_tier_that_passes_isolates_only_by_a_rule_that_denies_everything() {
    let soft = tier("soft", 10, "Pass");
    let deny = of("soft.d", "*", "tier: soft", &[SOME]);
    let policies = read_text(&join(&[soft.clone(), deny.clone()])).unwrap();
    assert_eq!(policies[0].rank.end, End::Passes);
    assert_eq!(policies[0].subject, Selector::every());
    let [rule] = policies[0].rules.as_slice() else { panic!() };
    assert_eq!((rule.action, rule.peers.as_slice()), (Action::Deny, &[block("169.254.169.254/32", &[])][..]));
    assert_eq!(rule.ports, Ports::every());
    assert_eq!(sum_of(&[soft.clone(), deny]).unwrap(), [(false, 0, 1)]);
    assert_eq!(sum_of(&[soft, of("soft.d", "x", "tier: soft", &["- action: Log", ALL])]).unwrap(), [(true, 0, 0)]);
    let hard = [tier("hard", 10, "Deny"), of("hard.a", "x", "tier: hard", &[ALLOW])];
    assert_eq!(sum_of(&hard).unwrap(), [(true, 1, 0)]);
}

#[test]
fn a_denial_beats_allows_only_from_before_all_of_them() {
    let allow = of("a", "x", "order: 500", &[ALLOW]);
    let early = [tier("early", 10, "Pass"), of("early.d", "*", "tier: early", &[SOME]), allow.clone()];
    assert_eq!(sum_of(&early).unwrap(), [(false, 0, 1), (true, 1, 0)]);
    let late = [tier("late", 2_000_000, "Pass"), of("late.d", "*", "tier: late", &[SOME]), allow.clone()];
    assert_eq!(sum_of(&late), None);
    // In one tier the order decides, and at equal orders the name.
    for (name, order, is_early) in [("d", 1, true), ("d", 900, false), ("d", 500, false), ("A", 500, true)] {
        let deny = of("d", "x", &format!("order: {order}"), &[SOME])
            .replace("name: d", &format!("name: a{name}").to_lowercase());
        let deny = if name == "A" { deny.replace("name: aa", "name: 0a") } else { deny };
        assert_eq!(sum_of(&[deny, allow.clone()]).is_some(), is_early, "{name} {order}");
    }
}

#[test]
fn what_denies_everything_after_what_allows_is_isolation() {
    let allow = of("a", "x", "order: 500", &[ALLOW]);
    assert!(sum_of(&[allow.clone(), of("d", "x", "order: 2000", &[ALL])]).is_some());
    assert_eq!(sum_of(&[allow.clone(), of("d", "x", "order: 400", &[ALL])]), None);
    // A policy without order comes last.
    assert!(sum_of(&[allow.clone(), of("d", "x", "", &[ALL])]).is_some());
    let last = [tier("last", 20_000_000, "Pass"), of("last.d", "*", "tier: last", &[ALL]), allow];
    assert_eq!(sum_of(&last).unwrap(), [(true, 0, 0), (true, 1, 0)]);
}

#[test]
fn tiers_are_asked_by_order_then_by_name_and_those_without_order_last() {
    let documents = [
        tier("z", 5, "Deny"),
        tier("m", 5, "Pass"),
        object("Tier", "a", "defaultAction: Deny"),
        tier("late", 20_000_000, "Deny"),
        of("a.p", "x", "tier: a", &[ALLOW]),
        of("late.p", "x", "tier: late", &[ALLOW]),
        of("z.p", "x", "tier: z", &[ALLOW]),
        of("m.p", "x", "tier: m", &[ALLOW]),
        of("p", "x", "", &[ALLOW]),
        of("kube-admin.p", "x", "tier: kube-admin", &[ALLOW]),
        of("kube-baseline.p", "x", "tier: kube-baseline", &[ALLOW]),
    ];
    let policies = read_text(&join(&documents)).unwrap();
    let names: Vec<&str> = asked(&policies).iter().map(|(_, name)| *name).collect();
    assert_eq!(names, ["m.p", "z.p", "kube-admin.p", "p", "kube-baseline.p", "late.p", "a.p"]);
    let end = |name: &str| policies.iter().find(|policy| policy.name == name).unwrap().rank.end;
    assert_eq!(
        [end("m.p"), end("z.p"), end("kube-admin.p"), end("kube-baseline.p")],
        [End::Passes, End::Denies, End::Passes, End::Passes]
    );
}

#[test]
fn policies_are_asked_by_order_then_by_name_namespace_and_kind_as_text() {
    let named = |name: &str, head: &str| of(name, "x", head, &[ALLOW]);
    let kubernetes = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: web\n  namespace: x\nspec:\n  podSelector: {}\n";
    let documents = [
        named("none", ""),
        named("web", "order: 1000"),
        named("web-extra", "order: 1000"),
        named("first", "order: -1.5"),
        named("half", "order: 1000.5"),
        kubernetes.to_owned(),
    ];
    let policies = read_text(&join(&documents)).unwrap();
    let names: Vec<(&str, &str)> = {
        let mut sorted: Vec<&Policy> = policies.iter().collect();
        sorted.sort_by_key(|policy| policy.rank.order);
        sorted.iter().map(|policy| (policy.name.as_str(), policy.kind)).collect()
    };
    assert_eq!(
        names,
        [
            ("first", "GlobalNetworkPolicy"),
            ("web-extra", "GlobalNetworkPolicy"),
            ("web", "GlobalNetworkPolicy"),
            ("web", "NetworkPolicy"),
            ("half", "GlobalNetworkPolicy"),
            ("none", "GlobalNetworkPolicy")
        ]
    );
    let orders: std::collections::BTreeSet<u32> = policies.iter().map(|policy| policy.rank.order).collect();
    assert_eq!(orders.len(), policies.len());
}

#[test]
fn what_others_write_may_be_asked_after_what_comes_first() {
    let documents = [
        tier("early", 10, "Pass"),
        tier("late", 2_000_000, "Pass"),
        of("early.p", "x", "tier: early", &[ALLOW]),
        of("late.p", "x", "tier: late", &[ALLOW]),
        of("a", "x", "order: 1000", &[ALLOW]),
        of("b", "x", "order: 1001", &[ALLOW]),
        of("c", "x", "", &[ALLOW]),
    ];
    let leads: Vec<bool> = read_text(&join(&documents)).unwrap().iter().map(|policy| policy.rank.leads).collect();
    assert_eq!(leads, [true, false, true, false, false]);
    // Where a tier stands that is described elsewhere nobody knows.
    assert!(one(&of("other.p", "x", "tier: other", &[ALLOW])).rank.leads);
}

#[test]
fn a_selector_of_several_combinations_is_asked_once_for_each_in_turn() {
    let text = of("a", "x", "selector: a == '1' || b == '2'", &[ALLOW, ALL]);
    let policies = read_text(&join(&[text, of("b", "x", "", &[ALLOW])])).unwrap();
    assert_eq!(asked(&policies), [(0, "a"), (0, "a"), (0, "b")]);
    assert_eq!(policies.iter().map(|policy| policy.rank.order).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(policies[0].rules.len(), 2);
}

#[test]
fn rules_stand_as_they_are_written() {
    let policy = one(&of("a", "x", "", &[ALL, ALLOW, "- action: Pass", SOME]));
    let actions: Vec<Action> = policy.rules.iter().map(|rule| rule.action).collect();
    assert_eq!(actions, [Action::Deny, Action::Allow, Action::Pass, Action::Deny]);
}

#[test]
fn of_a_tier_without_file_nothing_is_taken_for_granted() {
    let allow = of("t.a", "x", "tier: t\norder: 500", &[ALLOW]);
    assert_eq!(one(&allow).rank.end, End::Unknown);
    assert_eq!(sum_of(std::slice::from_ref(&allow)), None);
    let closed = [allow.clone(), of("t.d", "x", "tier: t\norder: 2000", &[ALL])];
    assert_eq!(sum_of(&closed).unwrap(), [(false, 1, 0), (true, 0, 0)]);
    let partly = of("t.d", "x", "tier: t\norder: 2000\nselector: app == 'x'", &[ALL]);
    assert_eq!(sum_of(&[allow, partly]), None);
}

#[test]
fn what_denies_everything_to_all_namespaces_comes_after_what_others_allow() {
    let error = |documents: &[String]| {
        let errors = read_text(&join(documents)).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].1.clone()
    };
    let cuts = |name: &str| format!("`{name}` denies everything before policies of others can allow something");
    let deny = |head: &str| of("t.d", "*", &format!("tier: t\n{head}"), &[ALL]);
    for order in [10, 1_000_000] {
        // Of two tiers of one order the name decides: `t` comes after `default`.
        let read = read_text(&join(&[tier("t", order, "Pass"), deny("order: 5")]));
        assert_eq!(read.is_ok(), order > 10, "{order}");
    }
    assert_eq!(error(&[tier("t", 999_999, "Pass"), deny("")]), cuts("t.d"));
    // A tier that is not there, or goes by another name.
    assert_eq!(error(&[deny("")]), cuts("t.d"));
    assert_eq!(error(&[tier("u", 20_000_000, "Pass"), deny("")]), cuts("t.d"));
    for (order, fits) in [("order: 1000", false), ("order: 1001", true), ("", true)] {
        assert_eq!(read_text(&of("d", "*", order, &[ALL])).is_ok(), fits, "{order}");
    }
    // An early tier that denies at its end does the same, without any rule.
    assert_eq!(error(&[tier("t", 10, "Deny"), of("t.d", "*", "tier: t", &[ALLOW])]), cuts("t.d"));
    // Of one namespace a policy says who has a say in it.
    assert!(read_text(&of("d", "x", "order: 5", &[ALL])).is_ok());
}
