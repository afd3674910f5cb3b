//! Who may be on either side of a rule, beyond plain peers.

use super::*;
use crate::verify::normal::{Condition, Demand, Key, Test};

/// The rules of an egress rule of a policy of all namespaces.
#[track_caller]
fn rules(fields: &str) -> Vec<Rule> {
    let rule = format!("action: Allow\n{fields}").replace('\n', "\n  ");
    given_rules(&policy("p", &format!("types: [Egress]\negress:\n- {rule}")))
}

/// The same in a policy of the namespace `shop`, with the namespaces and sets of `others`.
#[track_caller]
fn rules_in_shop(fields: &str, others: &[String]) -> Vec<Rule> {
    let rule = format!("action: Allow\n{fields}").replace('\n', "\n  ");
    let policy = object("NetworkPolicy", "p\n  namespace: shop", &format!("types: [Egress]\negress:\n- {rule}"));
    given_rules(&join(&[vec![policy], others.to_vec()].concat()))
}

fn set_in(namespace: &str, labels: &str, nets: &str) -> String {
    set("s", labels, nets).replace("Global", "").replace("name: s\n", &format!("name: s\n  namespace: {namespace}\n"))
}

fn namespace(name: &str, labels: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {labels}\n")
}

fn every_pod() -> Peer {
    Selector::every().peer()
}

fn not(peers: Vec<Peer>) -> Demand {
    Demand { peers, negated: true }
}

#[test]
fn nets_and_selectors_must_both_hold() {
    let rules = rules("destination:\n  selector: app == 'x'\n  nets: [10.0.0.0/8]\n  notNets: [10.1.0.0/16]");
    assert_eq!(rules[0].peers, [Selector { labels: labels(&[("app", "x")]), ..Selector::every() }.peer()]);
    assert_eq!(rules[0].demands, [Demand { peers: vec![block("10.0.0.0/8", &["10.1.0.0/16"])], negated: false }]);
}

#[test]
fn what_is_not_in_some_nets_is_the_rest_of_their_family() {
    assert_eq!(rules("destination:\n  notNets: [10.0.0.0/8]")[0].peers, [block("0.0.0.0/0", &["10.0.0.0/8"])]);
    assert_eq!(rules("destination:\n  notNets: [\"fd00::/8\"]")[0].peers, [block("::/0", &["fd00::/8"])]);
    assert_eq!(rules("ipVersion: 6")[0].peers, [block("::/0", &[])]);
    // A net that is left out wholly is none; with no other nobody is meant.
    let partly = rules("destination:\n  nets: [10.1.0.0/16, 11.0.0.0/8]\n  notNets: [10.0.0.0/8]");
    assert_eq!(partly[0].peers, [block("11.0.0.0/8", &[])]);
    assert!(rules("destination:\n  nets: [10.1.0.0/16]\n  notNets: [10.0.0.0/8]").is_empty());
}

#[test]
fn what_is_asked_of_the_policys_own_side_narrows_its_pods() {
    let rules = rules("source:\n  selector: app == 'x'\n  notNets: [10.0.0.0/8]\ndestination:\n  selector: app == 'y'");
    let own = [
        Demand {
            peers: vec![Selector { labels: labels(&[("app", "x")]), ..Selector::every() }.peer()],
            negated: false,
        },
        Demand { peers: vec![block("0.0.0.0/0", &["10.0.0.0/8"])], negated: false },
    ];
    assert_eq!(rules[0].own, own);
    // The family of one end is that of the other.
    assert_eq!(rules[0].demands, [Demand { peers: vec![block("0.0.0.0/0", &[])], negated: false }]);
}

#[test]
fn what_is_left_out_by_a_selector_leaves_all_else() {
    let rules = rules("destination:\n  notSelector: app == 'x'");
    let left_out = Selector { labels: labels(&[("app", "x")]), ..Selector::every() }.peer();
    assert_eq!((&rules[0].peers, &rules[0].demands), (&vec![Peer::Anyone], &vec![not(vec![left_out])]));
}

#[test]
fn selectors_of_a_namespaces_policy_stay_in_it() {
    let own = |pairs: &[(&str, &str)]| vec![pods_of("shop", pairs)];
    assert_eq!(rules_in_shop("destination:\n  selector: app == 'x'", &[])[0].peers, own(&[("app", "x")]));
    assert_eq!(rules_in_shop("destination:\n  selector: all()", &[])[0].peers, own(&[]));
    let left_out = &rules_in_shop("destination:\n  notSelector: app == 'x'", &[])[0];
    assert_eq!(left_out.peers, own(&[]));
    assert_eq!(left_out.demands.len(), 1);
    let all = rules_in_shop("destination:\n  namespaceSelector: all()", &[]);
    assert_eq!(all[0].peers, [every_pod()]);
    for nothing in ["destination: {}", "destination:\n  selector: \"\"", "destination:\n  serviceAccounts: {}"] {
        assert_eq!(rules_in_shop(nothing, &[])[0].peers, [Peer::Anyone], "{nothing}");
    }
}

#[test]
fn service_accounts_are_those_of_pods() {
    let rules = rules("destination:\n  serviceAccounts:\n    names: [a, b]\n    selector: role == 'store'");
    let in_values = |values: &[&str]| Test::In(values.iter().map(|value| (*value).into()).collect());
    let condition = |key, test| Condition { key, test, negated: false };
    let further = vec![
        condition(Key::Account("role".into()), in_values(&["store"])),
        condition(Key::AccountName, in_values(&["a", "b"])),
    ];
    assert_eq!(rules[0].peers, [Peer::Selected(Selector { further, ..Selector::every() })]);
}

#[test]
fn a_selector_also_finds_sets_by_their_labels() {
    let text = |selector: &str| {
        let rule = format!("types: [Egress]\negress:\n- action: Allow\n  destination:\n    {selector}");
        join(&[policy("p", &rule), set("s", "{app: x}", "[203.0.113.7, 10.0.0.1/8]")])
    };
    let peers =
        |selector: &str| given_rules(&text(selector)).first().map(|rule| rule.peers.clone()).unwrap_or_default();
    let nets = [block("10.0.0.0/8", &[]), block("203.0.113.7/32", &[])];
    let pods = Selector { labels: labels(&[("app", "x")]), ..Selector::every() }.peer();
    assert_eq!(peers("selector: app == 'x'"), [[pods].as_slice(), &nets].concat());
    assert_eq!(peers("selector: all()"), [[every_pod()].as_slice(), &nets].concat());
    assert_eq!(peers("namespaceSelector: global()"), nets);
    assert_eq!(peers("namespaceSelector: all()"), [every_pod()]);
    assert_eq!(peers("{namespaceSelector: global(), selector: app == 'y'}"), []);
    assert_eq!(peers("namespaceSelector: \"!has(team)\"").len(), 3);
    let rules = given_rules(&text("notSelector: app == 'x'"));
    assert_eq!(rules[0].demands[0].peers.len(), 3);
}

#[test]
fn a_set_of_a_namespace_is_in_it() {
    let nets = [block("203.0.113.0/24", &[])];
    let sets = |others: &[String], fields: &str| -> Vec<(bool, Option<&str>)> {
        let rules = rules_in_shop(&format!("destination:\n  {fields}"), others);
        rules.iter().map(|rule| (rule.peers.ends_with(&nets), rule.provided)).collect()
    };
    let here = [set_in("shop", "{app: x}", "[203.0.113.0/24]")];
    let there = [set_in("db", "{app: x}", "[203.0.113.0/24]")];
    assert_eq!(sets(&here, "selector: app == 'x'"), [(true, None)]);
    assert_eq!(sets(&there, "selector: app == 'x'"), [(false, None)]);
    assert_eq!(sets(&there, "namespaceSelector: projectcalico.org/name == 'db'"), [(true, None)]);
    assert_eq!(sets(&there, "namespaceSelector: kubernetes.io/metadata.name != 'db'"), [(false, None)]);
    assert_eq!(sets(&there, "namespaceSelector: all()"), [(true, None)]);
    // Of a namespace whose labels are given these decide; otherwise nobody knows.
    let named = |labels: &str| [there[0].clone(), namespace("db", labels)];
    assert_eq!(sets(&named("{team: a}"), "namespaceSelector: team == 'a'"), [(true, None)]);
    assert_eq!(sets(&named("{team: b}"), "namespaceSelector: team == 'a'"), [(false, None)]);
    let unknown = "labels of a namespace that are not given";
    assert_eq!(sets(&there, "namespaceSelector: team == 'a'"), [(false, None), (true, Some(unknown))]);
}

#[test]
fn what_is_left_out_perhaps_is_matched_perhaps() {
    let there = [set_in("db", "{app: x}", "[203.0.113.0/24]")];
    let rules = rules_in_shop("destination:\n  namespaceSelector: all()\n  notSelector: pcns.team == 'a'", &there);
    let told: Vec<_> = rules.iter().map(|rule| (rule.demands[0].peers.len(), rule.provided.is_some())).collect();
    assert_eq!(told, [(2, false), (1, true)]);
}

#[test]
fn a_ports_name_is_one_of_pods_and_never_of_a_set() {
    let rule = "types: [Egress]\negress:\n- action: Allow\n  protocol: TCP\n  destination:\n    selector: app == 'x'\n    ports: [http, 80]";
    let rules = given_rules(&join(&[policy("p", rule), set("s", "{app: x}", "[203.0.113.0/24]")]));
    let told: Vec<_> = rules.iter().map(|rule| (rule.peers.len(), rule.ports.len(), rule.named.len())).collect();
    assert_eq!(told, [(2, 1, 0), (1, 0, 1)]);
}
