//! When the order of tiers, policies and rules changes nothing, and what is said when it does.

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

fn read_all(documents: &[String]) -> Result<Vec<Policy>, Refused> {
    read_text(&join(documents))
}

/// The only error's message.
#[track_caller]
fn error(documents: &[String]) -> String {
    let errors = read_all(documents).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].1.clone()
}

fn isolates(documents: &[String]) -> Vec<bool> {
    read_all(documents).unwrap().iter().map(|policy| !policy.isolates.is_empty()).collect()
}

#[test]
fn the_end_of_the_default_tier_denies_whatever_the_orders() {
    assert_eq!(
        isolates(&[of("a", "x", "order: 500", &[ALLOW]), of("b", "x", "order: 1", &["- action: Log"])]),
        [true, true]
    );
}

#[test]
fn a_policy_that_only_logs_isolates() {
    let policies = read_all(&[of("a", "x", "order: 2000", &["- action: Log"])]).unwrap();
    assert_eq!(policies[0].isolates, [Direction::Egress]);
    assert!(policies[0].rules.is_empty() && policies[0].denies.is_empty());
}

#[test]
fn a_tier_that_passes_isolates_only_by_a_rule_that_denies_everything() {
    let soft = tier("soft", 10, "Pass");
    let deny = of("soft.d", "*", "tier: soft", &[SOME]);
    let policies = read_all(&[soft.clone(), deny]).unwrap();
    assert!(policies[0].isolates.is_empty() && policies[0].rules.is_empty());
    assert_eq!(policies[0].denies.len(), 1);
    assert_eq!(policies[0].denies[0].peers, [block("169.254.169.254/32", &[])]);
    assert_eq!(policies[0].denies[0].ports, Ports::every());
    assert_eq!(policies[0].scope, Scope::AllBut(Default::default()));

    assert_eq!(isolates(&[soft, of("soft.d", "x", "tier: soft", &["- action: Log", ALL])]), [true]);
    assert_eq!(isolates(&[tier("hard", 10, "Deny"), of("hard.a", "x", "tier: hard", &[ALLOW])]), [true]);
}

#[test]
fn a_denial_beats_allows_only_from_before_all_of_them() {
    let allow = of("a", "x", "order: 500", &[ALLOW]);
    let early = [tier("early", 10, "Pass"), of("early.d", "*", "tier: early", &[SOME]), allow.clone()];
    assert_eq!(read_all(&early).unwrap().iter().map(|p| p.denies.len()).collect::<Vec<_>>(), [1, 0]);
    let late = [tier("late", 2_000_000, "Pass"), of("late.d", "*", "tier: late", &[SOME]), allow.clone()];
    assert_eq!(error(&late), "`late.d` denies what may be allowed before it, by `a`");
    // In one tier the order decides.
    assert!(read_all(&[of("d", "x", "order: 1", &[SOME]), allow.clone()]).is_ok());
    assert_eq!(
        error(&[of("d", "x", "order: 900", &[SOME]), allow.clone()]),
        "`d` denies what may be allowed before it, by `a`"
    );
    assert_eq!(
        error(&[of("d", "x", "order: 500", &[SOME]), allow.clone()]),
        "`d` and `a` have the same order, so their names decide"
    );
    // Other pods are another matter, and so is the other direction.
    assert!(read_all(&[of("d", "y", "order: 900", &[SOME]), allow]).is_ok());
}

#[test]
fn what_denies_everything_must_come_after_what_allows() {
    let allow = of("a", "x", "order: 500", &[ALLOW]);
    assert!(read_all(&[allow.clone(), of("d", "x", "order: 2000", &[ALL])]).is_ok());
    assert_eq!(
        error(&[allow.clone(), of("d", "x", "order: 400", &[ALL])]),
        "`d` denies everything before `a` can allow something"
    );
    assert_eq!(
        error(&[allow.clone(), of("d", "*", "order: 500", &[ALL])]),
        "`d` and `a` have the same order, so their names decide"
    );
    // A policy without order comes last.
    assert!(read_all(&[allow.clone(), of("d", "x", "", &[ALL])]).is_ok());
    assert_eq!(
        error(&[of("a", "x", "", &[ALLOW]), of("d", "x", "", &[ALL])]),
        "`d` and `a` have the same order, so their names decide"
    );
    let last = [tier("last", 20_000_000, "Pass"), of("last.d", "*", "tier: last", &[ALL]), allow.clone()];
    assert_eq!(isolates(&last), [true, true]);
    let first = [tier("first", 10, "Pass"), of("first.d", "*", "tier: first", &[ALL]), allow];
    assert_eq!(error(&first), "`first.d` denies everything before `a` can allow something");
}

#[test]
fn the_end_of_an_earlier_tier_cuts_off_what_a_later_one_allows() {
    let documents =
        [tier("first", 10, "Deny"), of("first.a", "x", "tier: first", &[ALLOW]), of("b", "x", "order: 500", &[ALLOW])];
    assert_eq!(error(&documents), "the tier of `first.a` ends before `b` can allow something");
    // Tiers of one order are read by name, a tier without order last.
    let same = |order: &str| {
        let one = |name: &str| object("Tier", name, &format!("{order}\ndefaultAction: Deny"));
        [one("m"), one("o"), of("m.a", "x", "tier: m", &[ALLOW]), of("o.b", "x", "tier: o", &[ALLOW])]
    };
    for order in ["order: 5", ""] {
        assert_eq!(error(&same(order)), "the tier of `m.a` ends before `o.b` can allow something");
    }
}

#[test]
fn pods_that_cannot_be_the_same_are_another_matter() {
    let web = |name: &str, head: &str, rules: &[&str]| of(name, "x", &format!("{head}\nselector: app == 'web'"), rules);
    let db = |name: &str, head: &str, rules: &[&str]| of(name, "x", &format!("{head}\nselector: app == 'db'"), rules);
    assert!(read_all(&[web("a", "order: 500", &[ALLOW]), db("d", "order: 1", &[ALL])]).is_ok());
    assert!(read_all(&[web("a", "order: 500", &[ALLOW]), db("d", "order: 900", &[SOME])]).is_ok());
    assert!(read_all(&[web("a", "order: 500", &[ALLOW]), web("d", "order: 1", &[ALL])]).is_err());
    // One that can be is found behind others that cannot.
    let some = of("s", "x", "order: 400\nselector: track == 'a'", &[ALLOW]);
    let documents = [some, db("b", "order: 500", &[ALLOW]), web("d", "order: 1", &[ALL])];
    assert_eq!(error(&documents), "`d` denies everything before `s` can allow something");
}

#[test]
fn one_direction_says_nothing_of_the_other() {
    let ingress = of("d", "x", "order: 1", &[ALL]).replace("egress", "ingress").replace("Egress", "Ingress");
    assert!(read_all(&[of("a", "x", "order: 500", &[ALLOW]), ingress]).is_ok());
}

#[test]
fn staged_policies_are_ordered_among_themselves() {
    let staged = of("d", "x", "order: 1", &[ALL]).replace("kind: Global", "kind: StagedGlobal");
    assert!(read_all(&[of("a", "x", "order: 500", &[ALLOW]), staged]).is_ok());
}

#[test]
fn rules_stand_in_an_order_that_changes_nothing() {
    assert!(read_all(&[of("a", "x", "", &[ALLOW, "- action: Log", ALL])]).is_ok());
    assert_eq!(error(&[of("a", "x", "", &[ALL, ALLOW])]), "a rule after one that denies everything");
    for rules in [[SOME, ALLOW], [ALLOW, SOME]] {
        assert_eq!(error(&[of("a", "x", "", &rules)]), "a policy that both denies and allows some traffic");
    }
}

#[test]
fn of_a_tier_without_file_nothing_is_taken_for_granted() {
    let allow = of("t.a", "x", "tier: t\norder: 500", &[ALLOW]);
    assert_eq!(error(std::slice::from_ref(&allow)), "what the tier `t` does at its end is not known");
    assert_eq!(isolates(&[allow.clone(), of("t.d", "x", "tier: t\norder: 2000", &[ALL])]), [false, true]);
    let partly = of("t.d", "x", "tier: t\norder: 2000\nselector: app == 'x'", &[ALL]);
    assert_eq!(error(&[allow.clone(), partly]), "what the tier `t` does at its end is not known");
    let elsewhere = of("d", "x", "order: 2000", &[ALL]);
    assert!(read_all(&[allow.clone(), elsewhere]).is_err());
}

#[test]
fn what_denies_everything_to_all_namespaces_comes_after_what_others_allow() {
    let cuts = |name: &str| format!("`{name}` denies everything before policies of others can allow something");
    let deny = |head: &str| of("t.d", "*", &format!("tier: t\n{head}"), &[ALL]);
    for order in [10, 1_000_000] {
        // Of two tiers of one order the name decides: `t` comes after `default`.
        let read = read_all(&[tier("t", order, "Pass"), deny("order: 5")]);
        assert_eq!(read.is_ok(), order > 10, "{order}");
    }
    assert_eq!(error(&[tier("t", 999_999, "Pass"), deny("")]), cuts("t.d"));
    // A tier that is not there, or goes by another name.
    assert_eq!(error(&[deny("")]), cuts("t.d"));
    assert_eq!(error(&[tier("u", 20_000_000, "Pass"), deny("")]), cuts("t.d"));
    for (order, fits) in [("order: 1000", false), ("order: 1001", true), ("", true)] {
        assert_eq!(read_all(&[of("d", "*", order, &[ALL])]).is_ok(), fits, "{order}");
    }
    // Of one namespace a policy says who has a say in it.
    assert!(read_all(&[of("d", "x", "order: 5", &[ALL])]).is_ok());
}

#[test]
fn calicos_own_tiers_stand_where_they_do_and_pass() {
    let admin = of("kube-admin.a", "x", "tier: kube-admin", &[ALLOW]);
    assert_eq!(isolates(&[admin, of("b", "x", "order: 1", &[ALLOW])]), [false, true]);
    let baseline = of("kube-baseline.a", "x", "tier: kube-baseline", &[ALLOW]);
    assert_eq!(
        error(&[baseline, of("b", "x", "order: 1", &[ALLOW])]),
        "the tier of `b` ends before `kube-baseline.a` can allow something"
    );
}
