//! The selector language, and what of it the normal form can hold.

use std::collections::BTreeSet;

use super::super::select;
use super::super::selector::{Selector, parse};
use super::labels;
use crate::model::Sym;
use crate::verify::normal::{Namespaces, Scope};

fn sym(text: &str) -> Sym {
    text.into()
}

#[track_caller]
fn parsed(text: &str) -> Selector {
    parse(text).unwrap()
}

fn holds(text: &str, pairs: &[(&str, &str)]) -> bool {
    parsed(text).holds(&|key| pairs.iter().find(|(of, _)| *of == key).map(|(_, value)| *value))
}

#[test]
fn every_operator_is_read() {
    let (a, b) = (sym("a"), sym("b"));
    let set = |values: &[&str]| values.iter().map(|value| sym(value)).collect::<BTreeSet<_>>();
    for (text, want) in [
        ("", Selector::All),
        (" \t", Selector::All),
        ("all()", Selector::All),
        ("all( )", Selector::All),
        ("global()", Selector::Global),
        ("has(a)", Selector::Has(a.clone())),
        ("has( a )", Selector::Has(a.clone())),
        ("a == 'b'", Selector::Equals(a.clone(), b.clone())),
        ("a==\"b\"", Selector::Equals(a.clone(), b.clone())),
        ("a != 'b'", Selector::Differs(a.clone(), b.clone())),
        ("a contains 'b'", Selector::Contains(a.clone(), b.clone())),
        ("a starts with 'b'", Selector::StartsWith(a.clone(), b.clone())),
        ("a startswith 'b'", Selector::StartsWith(a.clone(), b.clone())),
        ("a ends with 'b'", Selector::EndsWith(a.clone(), b.clone())),
        ("a in {'b', \"c\"}", Selector::In(a.clone(), set(&["b", "c"]))),
        ("a in{'b',}", Selector::In(a.clone(), set(&["b"]))),
        ("a in {}", Selector::In(a.clone(), set(&[]))),
        ("a not in {'b'}", Selector::NotIn(a.clone(), set(&["b"]))),
        ("a notin {'b'}", Selector::NotIn(a.clone(), set(&["b"]))),
        ("!has(a)", Selector::Not(Box::new(Selector::Has(a.clone())))),
        ("!!has(a)", Selector::Has(a.clone())),
        ("in == 'b'", Selector::Equals(sym("in"), b.clone())),
        ("x.io/A_b-c.d == 'it\"s'", Selector::Equals(sym("x.io/A_b-c.d"), sym("it\"s"))),
    ] {
        assert_eq!(parsed(text), want, "{text}");
    }
}

#[test]
fn and_binds_tighter_than_or_and_brackets_group() {
    let has = |key: &str| Selector::Has(sym(key));
    let flat = parsed("has(a) || has(b) && has(c)");
    assert_eq!(flat, Selector::Or(vec![has("a"), Selector::And(vec![has("b"), has("c")])]));
    let grouped = parsed("!(has(a) || has(b)) && has(c)");
    let or = Selector::Or(vec![has("a"), has("b")]);
    assert_eq!(grouped, Selector::And(vec![Selector::Not(Box::new(or)), has("c")]));
}

#[test]
fn negations_hold_also_where_the_label_is_missing() {
    for (text, present, other, missing) in [
        ("a == 'b'", true, false, false),
        ("a != 'b'", false, true, true),
        ("a in {'b'}", true, false, false),
        ("a not in {'b'}", false, true, true),
        ("has(a)", true, true, false),
        ("!has(a)", false, false, true),
        ("a contains 'b'", true, false, false),
        ("a starts with 'b'", true, false, false),
        ("a ends with 'b'", true, false, false),
        ("a == 'b' || a == 'c'", true, true, false),
        ("has(a) && a != 'c'", true, false, false),
    ] {
        let found = [holds(text, &[("a", "b")]), holds(text, &[("a", "c")]), holds(text, &[])];
        assert_eq!(found, [present, other, missing], "{text}");
    }
}

#[test]
fn what_is_no_selector_is_refused() {
    let deep = format!("{}all(){}", "(".repeat(33), ")".repeat(33));
    let long = format!("a == '{}'", "v".repeat(1018));
    for (text, message) in [
        ("app == web", "a selector that compares a label with no text"),
        ("app = 'web'", "a selector without operator after a label"),
        ("app 'web'", "a selector that compares a label with no text"),
        ("app inside {'a'}", "a selector without operator after a label"),
        ("app", "a selector that compares a label with no text"),
        ("app == 'web", "a selector whose text has no end"),
        ("'web' == app", "a selector with an operator where a label belongs"),
        ("has(app", "a selector in which `has(` is not closed"),
        ("has()", "a selector without a label where one belongs"),
        ("all(x)", "a selector in which `all(` is not closed"),
        ("has(a) has(b)", "a selector with something after its end"),
        ("has(a) && ", "a selector that ends too early"),
        ("(has(a)", "a selector with an open bracket"),
        ("has(a))", "a selector with something after its end"),
        ("a in 'b'", "a selector that compares a label with no text"),
        ("a in {'b'", "a selector with an open `{`"),
        ("a in {b}", "a selector with an open `{`"),
        ("a & b", "a selector without operator after a label"),
        ("ä == 'b'", "a selector without a label where one belongs"),
        ("a == 'b'; all()", "a selector without a label where one belongs"),
        (&deep, "a selector with too many brackets inside each other"),
        (&long, "a selector of more than 1024 characters"),
    ] {
        assert_eq!(parse(text).unwrap_err().0, message, "{text}");
    }
    assert!(parse(&long.replacen('v', "", 1)).is_ok());
}

#[test]
fn unions_are_expanded() {
    let pods = |text| select::pods(&parsed(text));
    assert_eq!(pods("all()").unwrap(), [labels(&[])]);
    assert_eq!(
        pods("a in {'x', 'y'} && b == 'z'").unwrap(),
        [labels(&[("a", "x"), ("b", "z")]), labels(&[("a", "y"), ("b", "z")])]
    );
    assert_eq!(pods("a == 'x' || b == 'z'").unwrap(), [labels(&[("a", "x")]), labels(&[("b", "z")])]);
    assert_eq!(pods("a in {'x', 'y'} && a == 'y'").unwrap(), [labels(&[("a", "y")])]);
    assert_eq!(pods("a == 'x' && a == 'y'").unwrap_err().0, "a selector that nothing can match");
    assert_eq!(pods("a in {}").unwrap_err().0, "a selector that nothing can match");
    let seventeen: Vec<String> = (0..17).map(|n| format!("'{n}'")).collect();
    let many = format!("a in {{{0}}} && b in {{{0}}}", seventeen.join(","));
    assert_eq!(pods(&many).unwrap_err().0, "a selector that stands for more than 256 combinations of labels");
}

#[test]
fn what_no_conjunction_of_labels_says_is_refused_by_name() {
    for (text, what) in [
        ("has(a)", "`has(…)`"),
        ("!has(a)", "`!`"),
        ("a != 'b'", "`!=`"),
        ("a not in {'b'}", "`not in`"),
        ("a contains 'b'", "`contains`"),
        ("a starts with 'b'", "`starts with`"),
        ("a ends with 'b'", "`ends with`"),
        ("global()", "`global()`"),
        ("a == 'b' || a != 'c'", "`!=`"),
    ] {
        assert_eq!(select::pods(&parsed(text)).unwrap_err().0, format!("{what} in a selector is not supported here"));
    }
}

#[test]
fn labels_that_calico_sets_are_no_labels_of_pods() {
    for key in ["projectcalico.org/namespace", "projectcalico.org/serviceaccount", "pcns.team", "pcsa.name"] {
        let (message, _) = select::pods(&parsed(&format!("{key} == 'x'"))).unwrap_err();
        assert_eq!(message, format!("a selector of pods by `{key}`, which is no label of their own"));
    }
}

#[test]
fn namespaces_are_named_by_either_label_or_carry_labels() {
    let namespaces = |text| select::namespaces(&parsed(text));
    let named = |name: &str| Namespaces::Named(name.into());
    assert_eq!(namespaces("projectcalico.org/name == 'a'").unwrap(), [named("a")]);
    assert_eq!(namespaces("kubernetes.io/metadata.name == 'a'").unwrap(), [named("a")]);
    assert_eq!(namespaces("projectcalico.org/name in {'a', 'b'}").unwrap(), [named("a"), named("b")]);
    for every in ["all()", "has(projectcalico.org/name)", "has(kubernetes.io/metadata.name)"] {
        assert_eq!(namespaces(every).unwrap(), [Namespaces::Labelled(labels(&[]))], "{every}");
    }
    assert_eq!(namespaces("team == 'obs'").unwrap(), [Namespaces::Labelled(labels(&[("team", "obs")]))]);
    let both = labels(&[("team", "obs"), ("kubernetes.io/metadata.name", "a")]);
    assert_eq!(namespaces("team == 'obs' && projectcalico.org/name == 'a'").unwrap(), [Namespaces::Labelled(both)]);
    assert!(namespaces("projectcalico.org/name not in {'a'}").is_err());
}

#[test]
fn subjects_are_in_named_namespaces_or_in_all_but_some() {
    let scopes = |text| select::scopes(&parsed(text));
    let all_but = |names: &[&str]| Scope::AllBut(names.iter().map(|name| sym(name)).collect());
    assert_eq!(scopes("projectcalico.org/name == 'a'").unwrap(), [Scope::Namespace(sym("a"))]);
    assert_eq!(scopes("all()").unwrap(), [all_but(&[])]);
    assert_eq!(scopes("has(projectcalico.org/name)").unwrap(), [all_but(&[])]);
    for text in [
        "has(projectcalico.org/name) && projectcalico.org/name not in {'a', 'b'}",
        "all() && projectcalico.org/name != 'a' && kubernetes.io/metadata.name != 'b'",
        "!(projectcalico.org/name in {'a'}) && has(projectcalico.org/name) && !(projectcalico.org/name == 'b')",
    ] {
        assert_eq!(scopes(text).unwrap(), [all_but(&["a", "b"])], "{text}");
    }
    for (text, message) in [
        ("projectcalico.org/name not in {'a'}", "a `namespaceSelector` of negations alone also selects host endpoints"),
        (
            "projectcalico.org/name != 'a' && team == 'x'",
            "a negation beside other terms in a `namespaceSelector` is not supported",
        ),
        ("team == 'x'", "a policy for namespaces that carry a label is not supported"),
        ("team != 'x'", "`!=` in a selector is not supported here"),
    ] {
        assert_eq!(scopes(text).unwrap_err().0, message, "{text}");
    }
}
