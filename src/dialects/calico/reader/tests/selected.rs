//! What selectors select of pods, in the normal form.

use super::super::parse::parse;
use super::super::pods;
use super::*;
use crate::verify::normal::{Condition, Key, Test};

#[track_caller]
fn selected(text: &str) -> Vec<Selector> {
    pods::pods(&parse(text).unwrap()).unwrap()
}

/// Of namespaces.
#[track_caller]
fn namespaces(text: &str) -> Vec<Selector> {
    pods::pods(&parse(text).unwrap().of_namespaces()).unwrap()
}

fn of_labels(pairs: &[(&str, &str)]) -> Selector {
    Selector { labels: labels(pairs), ..Selector::every() }
}

fn further(conditions: &[(Key, Test, bool)]) -> Selector {
    let mut further: Vec<Condition> = conditions
        .iter()
        .map(|(key, test, negated)| Condition { key: key.clone(), test: test.clone(), negated: *negated })
        .collect();
    further.sort_unstable();
    Selector { further, ..Selector::every() }
}

fn a() -> Key {
    Key::Pod("a".into())
}

fn one_of(values: &[&str]) -> Test {
    Test::In(values.iter().map(|value| (*value).into()).collect())
}

#[test]
fn equalities_are_labels_and_alternatives_stand_apart() {
    assert_eq!(selected("all()"), [Selector::every()]);
    assert_eq!(selected("a == 'x' && b == 'z'"), [of_labels(&[("a", "x"), ("b", "z")])]);
    assert_eq!(selected("a == 'x' || b == 'z'"), [of_labels(&[("a", "x")]), of_labels(&[("b", "z")])]);
    assert_eq!(selected("a in {'x'}"), [of_labels(&[("a", "x")])]);
    assert_eq!(selected("a in {'x', 'y'} && a == 'y'"), [of_labels(&[("a", "y")])]);
    assert_eq!(selected("a in {'x', 'y'} && a != 'x'"), [of_labels(&[("a", "y")])]);
    assert_eq!(selected("a in {'x', 'y'}"), [further(&[(a(), one_of(&["x", "y"]), false)])]);
}

#[test]
fn other_conditions_stand_beside_equalities() {
    let exists = Test::Exists;
    for (text, want) in [
        ("has(a)", vec![(a(), exists.clone(), false)]),
        ("!has(a)", vec![(a(), exists.clone(), true)]),
        ("a != 'x'", vec![(a(), one_of(&["x"]), true)]),
        ("a not in {'x', 'y'}", vec![(a(), one_of(&["x", "y"]), true)]),
        ("!(a in {'x'}) && a != 'y'", vec![(a(), one_of(&["x", "y"]), true)]),
        ("has(a) && a != 'x'", vec![(a(), exists.clone(), false), (a(), one_of(&["x"]), true)]),
        ("a contains 'x'", vec![(a(), Test::Contains("x".into()), false)]),
        ("has(a) && a contains 'x'", vec![(a(), Test::Contains("x".into()), false)]),
        ("!(a starts with 'x')", vec![(a(), Test::StartsWith("x".into()), true)]),
        ("a ends with ''", vec![(a(), exists, false)]),
        ("!has(a) && a != 'x'", vec![(a(), Test::Exists, true)]),
    ] {
        assert_eq!(selected(text), [further(&want)], "{text}");
    }
    assert_eq!(selected("!(has(a) || has(b))").len(), 1);
    assert_eq!(selected("!(has(a) && has(b))").len(), 2);
}

#[test]
fn what_nothing_can_match_selects_nothing() {
    for text in [
        "a == 'x' && a == 'y'",
        "a in {}",
        "!all()",
        "has(a) && !has(a)",
        "a == 'x' && !has(a)",
        "a starts with 'x' && !has(a)",
        "a == 'x' && a starts with 'y'",
        "projectcalico.org/orchestrator == 'cni'",
        "!has(projectcalico.org/namespace)",
    ] {
        assert_eq!(selected(text), [], "{text}");
    }
}

#[test]
fn labels_that_calico_adds_are_those_of_namespace_and_account() {
    let named = |name: &str| Selector::of_namespace(name.into(), labels(&[]));
    for text in [
        "projectcalico.org/namespace == 'x'",
        "pcns.projectcalico.org/name == 'x'",
        "pcns.kubernetes.io/metadata.name == 'x'",
        "projectcalico.org/orchestrator == 'k8s' && projectcalico.org/namespace == 'x'",
        "has(projectcalico.org/serviceaccount) && projectcalico.org/namespace == 'x'",
    ] {
        assert_eq!(selected(text), [named("x")], "{text}");
    }
    let account = |key| vec![further(&[(key, one_of(&["x"]), false)])];
    assert_eq!(selected("projectcalico.org/serviceaccount == 'x'"), account(Key::AccountName));
    assert_eq!(selected("pcsa.projectcalico.org/name == 'x'"), account(Key::AccountName));
    assert_eq!(selected("pcsa.role == 'x'"), account(Key::Account("role".into())));
    let team = Namespaces::Labelled(labels(&[("team", "x")]));
    assert_eq!(selected("pcns.team == 'x'"), [Selector { namespaces: team, ..Selector::every() }]);
}

#[test]
fn namespaces_are_named_by_either_label_or_carry_labels() {
    let labelled =
        |pairs: &[(&str, &str)]| Selector { namespaces: Namespaces::Labelled(labels(pairs)), ..Selector::every() };
    let named = |name: &str| Selector::of_namespace(name.into(), labels(&[]));
    assert_eq!(namespaces("projectcalico.org/name == 'a'"), [named("a")]);
    assert_eq!(namespaces("kubernetes.io/metadata.name == 'a'"), [named("a")]);
    for every in ["all()", "has(projectcalico.org/name)", "has(kubernetes.io/metadata.name)"] {
        assert_eq!(namespaces(every), [Selector::every()], "{every}");
    }
    assert_eq!(namespaces("global()"), []);
    assert_eq!(namespaces("team == 'obs'"), [labelled(&[("team", "obs")])]);
    let both = [("team", "obs"), ("kubernetes.io/metadata.name", "a")];
    assert_eq!(namespaces("team == 'obs' && projectcalico.org/name == 'a'"), [labelled(&both)]);
    let name = || Key::Namespace("kubernetes.io/metadata.name".into());
    for text in [
        "has(projectcalico.org/name) && projectcalico.org/name not in {'a', 'b'}",
        "all() && projectcalico.org/name != 'a' && kubernetes.io/metadata.name != 'b'",
        "!(projectcalico.org/name in {'a'}) && !(projectcalico.org/name == 'b')",
    ] {
        assert_eq!(namespaces(text), [further(&[(name(), one_of(&["a", "b"]), true)])], "{text}");
    }
}

#[test]
fn a_selector_stands_for_so_many_combinations_and_no_more() {
    let clauses = |count: usize| {
        let clause = |n: usize| format!("(has(a{n}) || has(b{n}))");
        (0..count).map(clause).collect::<Vec<_>>().join(" && ")
    };
    assert_eq!(selected(&clauses(12)).len(), 4096);
    let text = shop(&format!(
        "types: [Egress]\negress:\n- action: Allow\n  destination:\n    namespaceSelector: all()\n    selector: {}",
        clauses(13)
    ));
    assert_eq!(refused(&text), (13, "a selector that stands for more than 4096 combinations of labels".to_owned()));
}
