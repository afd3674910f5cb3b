//! What somebody wrote: everything that the API server and Calico take.

use super::*;

#[test]
fn a_policy_without_namespace_selector_is_for_every_pod() {
    assert_eq!(given(&policy("p", "{}"))[0].subject, Selector::every());
    let not = given(&policy("p", "namespaceSelector: projectcalico.org/name != 'x'"));
    assert_eq!(not[0].subject.further[0].to_string(), "namespace:kubernetes.io/metadata.name not in (x)");
    let accounts = given(&policy("p", "selector: app == 'x'\nserviceAccountSelector: role == 'a'"));
    assert_eq!(accounts[0].subject.further[0].to_string(), "serviceaccount:role in (a)");
    assert_eq!(given(&policy("p", "serviceAccountSelector: all()"))[0].subject, Selector::every());
}

#[test]
fn a_policy_of_a_namespace_is_for_pods_of_it() {
    let text = |spec: &str| object("NetworkPolicy", "p\n  namespace: shop", spec);
    let policies = given(&text("selector: app == 'x'"));
    assert_eq!(policies[0].subject, Selector::of_namespace("shop".into(), labels(&[("app", "x")])));
    assert_eq!((policies[0].kind, policies[0].namespace.as_deref()), ("NetworkPolicy", Some("shop")));
    let default = given(&object("NetworkPolicy", "p", "selector: all()"));
    assert_eq!(default[0].namespace.as_deref(), Some("default"));
    assert!(given(&text("selector: projectcalico.org/namespace == 'other'")).is_empty());
    for field in ["applyOnForward: true", "doNotTrack: true", "preDNAT: false", "namespaceSelector: all()"] {
        assert!(given_refusal(&text(field)).ends_with("in a policy of a namespace"), "{field}");
    }
    // What we write may be of this kind, too.
    assert!(read_text(&text("types: [Egress]")).is_ok());
}

#[test]
fn a_namespace_of_what_is_in_none_is_cleared() {
    let text = policy("p", "selector: all()").replace("name: p", "name: p\n  namespace: x");
    assert_eq!(given(&text)[0].namespace, None);
}

#[test]
fn what_only_reports_is_left_out_with_a_note() {
    let staged = object("StagedGlobalNetworkPolicy", "a", "stagedAction: Learn");
    let other = object("StagedNetworkPolicy", "b\n  namespace: shop", "selector: all()");
    let deleted = object("StagedGlobalNetworkPolicy", "c", "stagedAction: Delete\ntier: x");
    let reading = read_given(&join(&[staged, other, deleted, policy("p", "{}")])).unwrap();
    assert_eq!(reading.policies.len(), 1);
    assert_eq!(reading.notes, ["3 policies are left out: staged policies only report"]);
    let bad = object("StagedGlobalNetworkPolicy", "a", "stagedAction: Forget");
    assert_eq!(given_refusal(&bad), "`Forget` is no staged action");
    let says = object("StagedGlobalNetworkPolicy", "a", "stagedAction: Delete\nselector: all()");
    assert_eq!(given_refusal(&says), "a staged removal says nothing but its tier");
}

#[test]
fn what_is_for_host_endpoints_alone_is_left_out_with_a_note() {
    for field in ["doNotTrack", "preDNAT"] {
        let reading =
            read_given(&policy("p", &format!("applyOnForward: true\n{field}: true\ningress:\n- action: Deny")));
        let reading = reading.unwrap();
        assert!(reading.policies.is_empty());
        assert_eq!(
            reading.notes,
            ["1 policy is left out: what is not tracked or comes before DNAT is for host endpoints alone"]
        );
        assert_eq!(
            given_refusal(&policy("p", &format!("{field}: true"))),
            "`doNotTrack` and `preDNAT` need `applyOnForward`"
        );
    }
    let both = "applyOnForward: true\ndoNotTrack: true\npreDNAT: true";
    assert_eq!(given_refusal(&policy("p", both)), "`doNotTrack` and `preDNAT` exclude each other");
    for egress in ["types: [Egress]", "egress:\n- action: Deny"] {
        let text = policy("p", &format!("applyOnForward: true\npreDNAT: true\n{egress}"));
        assert_eq!(given_refusal(&text), "`preDNAT` in a policy for egress");
    }
    assert_eq!(given(&policy("p", "applyOnForward: true")).len(), 1);
}

#[test]
fn a_tier_that_nobody_described_comes_last_and_denies() {
    let named = |name: &str, tier: &str| policy(name, &format!("tier: {tier}\negress:\n- action: Allow"));
    let last = object("Tier", "last", "defaultAction: Pass");
    let policies = given(&join(&[named("a", "a"), named("b", "last"), named("c", "default"), last]));
    let ranks: Vec<_> = policies.iter().map(|policy| (policy.rank.tier, policy.rank.end)).collect();
    assert_eq!(ranks, [(2, End::Denies), (1, End::Passes), (0, End::Denies)]);
}

#[test]
fn calicos_own_tiers_can_be_repeated_and_not_changed() {
    for (name, spec) in [
        ("default", "order: 1000000"),
        ("default", "order: 1000000\ndefaultAction: Deny"),
        ("kube-admin", "order: 1000\ndefaultAction: Pass"),
        ("kube-baseline", "order: 10000000\ndefaultAction: Pass"),
        ("adminnetworkpolicy", "order: 1000\ndefaultAction: Pass"),
    ] {
        assert!(read_given(&object("Tier", name, spec)).is_ok(), "{name} {spec}");
    }
    for (name, spec) in [
        ("default", "order: 5"),
        ("default", "order: 1000000\ndefaultAction: Pass"),
        ("default", "{}"),
        ("kube-admin", "order: 1000"),
        ("kube-baseline", "defaultAction: Pass"),
    ] {
        let message = format!("the tier `{name}` is Calico's own, and cannot be changed");
        assert_eq!(given_refusal(&object("Tier", name, spec)), message, "{spec}");
    }
}

#[test]
fn names_need_no_tier_before_them() {
    for (name, good) in [("p", true), ("other.p", true), ("a.b.c", false), ("knp.default.p", false)] {
        assert_eq!(read_given(&policy(name, "{}")).is_ok(), good, "{name}");
    }
    assert!(read_given(&object("NetworkPolicy", "knp.default.p.q\n  namespace: x", "{}")).is_ok());
    let twice = join(&[policy("p", "{}"), policy("default.p", "{}")]);
    assert_eq!(given(&twice).len(), 2);
    assert_eq!(given_refusal(&join(&[policy("p", "{}"), policy("p", "{}")])), "GlobalNetworkPolicy `p` is there twice");
}

#[test]
fn a_policy_of_kubernetes_stands_beside_calicos_own() {
    let kubernetes = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  namespace: shop\nspec:\n  podSelector: {}\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0/8}\n";
    let ours = object("NetworkPolicy", "p\n  namespace: shop", "order: 2000\nselector: all()");
    let policies = given(&join(&[ours, kubernetes.to_owned()]));
    let ranks: Vec<_> = policies.iter().map(|policy| (policy.rank.tier, policy.rank.order)).collect();
    assert_eq!(ranks, [(0, 1), (0, 0)]);
    assert_eq!(policies[1].rules[0].peers, [block("10.0.0.0/8", &[])]);
    assert!(policies[1].rules[0].others);
    // The order of keys tells nothing of the kind.
    let (head, tail) = kubernetes.split_once("kind: NetworkPolicy\n").unwrap();
    assert_eq!(given(&format!("kind: NetworkPolicy\n{tail}{head}")).len(), 1);
}

#[test]
fn addresses_may_be_spelled_as_calico_takes_them() {
    let set_of = |nets: &str| read_given(&set("s", "{a: b}", nets));
    for good in ["[]", "[203.0.113.7]", "[10.0.0.1/8]", "[\"2001:DB8::/32\"]", "[\"2001:db8::1\"]"] {
        assert!(set_of(good).is_ok(), "{good}");
    }
    for bad in ["[203.0.113.0/33]", "[example.com]", "[010.0.0.0/8]", "[\"10.0.0.0/+8\"]", "[\"::ffff:1.2.3.4\"]"] {
        assert!(set_of(bad).is_err(), "{bad}");
    }
    let rule = |net: &str| {
        read_given(&policy("p", &format!("egress:\n- action: Allow\n  destination:\n    nets: [{net}]"))).is_ok()
    };
    assert!(rule("10.0.0.0/8") && rule("\"2001:DB8:0::/48\"") && rule("10.0.0.0/08"));
    assert!(!rule("10.0.0.1/8") && !rule("10.0.0.1") && !rule("\"::ffff:1.2.3.0/120\""));
}

#[test]
fn a_set_cannot_say_in_which_namespace_it_is() {
    let message = "the label `projectcalico.org/namespace` would let a set pass for something in a namespace";
    assert_eq!(given_refusal(&set("s", "{projectcalico.org/namespace: x}", "[]")), message);
    // It can pose as something that inherits labels, and is found by them.
    let rule = "egress:\n- action: Allow\n  destination:\n    namespaceSelector: team == 'a'";
    let rules = given_rules(&join(&[policy("p", rule), set("s", "{pcns.team: a}", "[203.0.113.0/24]")]));
    assert_eq!(rules[0].peers.len(), 2);
}

#[test]
fn calicos_own_storage_is_refused_with_advice() {
    let text = policy("p", "{}").replace("projectcalico.org/v3", "crd.projectcalico.org/v1");
    assert_eq!(given_refusal(&text), "`GlobalNetworkPolicy` of `crd.projectcalico.org/v1` has no place here");
}

#[test]
fn a_staged_policy_of_kubernetes_only_reports() {
    let text = |rest: &str| object("StagedKubernetesNetworkPolicy", "p\n  namespace: shop", rest);
    let reading = read_given(&text("podSelector: {}\ningress: []")).unwrap();
    assert_eq!((reading.policies.len(), reading.notes.len()), (0, 1));
    assert!(read_given(&text("stagedAction: Delete")).is_ok());
    assert_eq!(given_refusal(&text("stagedAction: Forget")), "`Forget` is no staged action");
    assert_eq!(given_refusal(&text("stagedAction: Delete\ningress: []")), "a staged removal says nothing but its tier");
    assert!(given_refusal(&text("selector: all()")).starts_with("not a readable manifest"));
    let policy = one(&text("stagedAction: Set\npodSelector: {}\npolicyTypes: [Ingress]"));
    assert_eq!((policy.staged, policy.kind), (true, "StagedKubernetesNetworkPolicy"));
    let enforced = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\nspec:\n  podSelector: {}\n  stagedAction: Set\n";
    assert!(given_refusal(enforced).starts_with("not a readable manifest: unknown field `stagedAction`"));
}
