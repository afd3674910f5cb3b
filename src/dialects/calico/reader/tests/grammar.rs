//! The selector language, and of what its selectors hold.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::parse::parse;
use super::super::pods;
use super::super::selector::{Label, Selector};
use crate::model::{Labels, NAMESPACE_NAME, Sym};
use crate::verify::normal::{self, Key};

fn sym(text: &str) -> Sym {
    text.into()
}

#[track_caller]
fn parsed(text: &str) -> Selector {
    parse(text).unwrap()
}

fn holds(text: &str, pairs: &[(&str, &str)]) -> bool {
    let label =
        |key: &str| pairs.iter().find(|(of, _)| *of == key).map_or(Label::Missing, |(_, value)| Label::Is(value));
    parsed(text).holds(&label).unwrap()
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
fn what_is_not_known_decides_only_where_it_matters() {
    let label = |key: &str| match key {
        "a" => Label::Is("b"),
        "u" => Label::Unknown,
        _ => Label::Missing,
    };
    for (text, want) in [
        ("has(u)", None),
        ("!has(u)", None),
        ("u != 'x'", None),
        ("has(u) && has(a)", None),
        ("has(u) && has(c)", Some(false)),
        ("has(u) || has(a)", Some(true)),
        ("has(u) || has(c)", None),
        ("!(has(u) && has(c))", Some(true)),
    ] {
        assert_eq!(parsed(text).holds(&label), want, "{text}");
    }
}

#[test]
fn what_is_no_selector_is_refused() {
    let deep = format!("{}all(){}", "(".repeat(129), ")".repeat(129));
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

fn leaf() -> impl Strategy<Value = Selector> {
    let key = prop::sample::select(vec![
        "a",
        "b",
        "pcns.team",
        "pcns.projectcalico.org/name",
        "projectcalico.org/namespace",
        "pcsa.role",
        "projectcalico.org/serviceaccount",
        "projectcalico.org/orchestrator",
    ])
    .prop_map(sym);
    let value = prop::sample::select(vec!["", "k8s", "x", "xy", "yx"]).prop_map(sym);
    let values = prop::collection::btree_set(value.clone(), 0..3);
    (key, value, values, 0..8u8).prop_map(|(key, value, values, kind)| match kind {
        0 => Selector::Has(key),
        1 => Selector::Equals(key, value),
        2 => Selector::Differs(key, value),
        3 => Selector::In(key, values),
        4 => Selector::NotIn(key, values),
        5 => Selector::Contains(key, value),
        6 => Selector::StartsWith(key, value),
        _ => Selector::EndsWith(key, value),
    })
}

fn tree() -> impl Strategy<Value = Selector> {
    let leaf = prop_oneof![8 => leaf(), 1 => Just(Selector::All)];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.prop_map(|inner| Selector::Not(Box::new(inner))),
            parts.clone().prop_map(Selector::And),
            parts.prop_map(Selector::Or),
        ]
    })
}

/// A pod: namespace, its label, its own labels, service account, its label.
#[derive(Debug, Clone)]
struct Pod {
    namespace: &'static str,
    team: Option<&'static str>,
    labels: [Option<&'static str>; 2],
    account: &'static str,
    role: Option<&'static str>,
}

fn pod() -> impl Strategy<Value = Pod> {
    let value = || prop::option::of(prop::sample::select(vec!["", "x", "xy", "yx", "k8s"]));
    let name = || prop::sample::select(vec!["x", "xy", "k8s"]);
    (name(), value(), [value(), value()], name(), value()).prop_map(|(namespace, team, labels, account, role)| Pod {
        namespace,
        team,
        labels,
        account,
        role,
    })
}

impl Pod {
    /// As Calico labels it.
    fn label(&self, key: &str) -> Label<'_> {
        let of = |value: Option<&'static str>| value.map_or(Label::Missing, Label::Is);
        match key {
            "projectcalico.org/namespace" | "pcns.projectcalico.org/name" => Label::Is(self.namespace),
            "projectcalico.org/serviceaccount" => Label::Is(self.account),
            "projectcalico.org/orchestrator" => Label::Is("k8s"),
            "pcns.team" => of(self.team),
            "pcsa.role" => of(self.role),
            "a" => of(self.labels[0]),
            _ => of(self.labels[1]),
        }
    }

    fn is_met(&self, condition: &normal::Condition) -> bool {
        let value = match &condition.key {
            Key::Pod(key) if **key == *"a" => self.labels[0],
            Key::Pod(_) => self.labels[1],
            Key::Namespace(key) if **key == *NAMESPACE_NAME => Some(self.namespace),
            Key::Namespace(_) => self.team,
            Key::Account(_) => self.role,
            Key::AccountName => Some(self.account),
        };
        condition.is_met(value)
    }

    fn is_selected(&self, selector: &normal::Selector) -> bool {
        let equal = |key: fn(Sym) -> Key, labels: &Labels| -> Vec<normal::Condition> {
            let one = |(label, value): (&Sym, &Sym)| normal::Condition {
                key: key(label.clone()),
                test: normal::Test::In([value.clone()].into()),
                negated: false,
            };
            labels.iter().map(one).collect()
        };
        let mut all = equal(Key::Pod, &selector.labels);
        match &selector.namespaces {
            normal::Namespaces::Named(name) if **name != *self.namespace => return false,
            normal::Namespaces::Named(_) => {}
            normal::Namespaces::Labelled(labels) => all.extend(equal(Key::Namespace, labels)),
        }
        all.iter().chain(&selector.further).all(|condition| self.is_met(condition))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Conjunctions say what the tree says, of every pod.
    #[test]
    fn alternatives_are_what_the_selector_is(tree in tree(), pods in prop::collection::vec(pod(), 1..8)) {
        let Ok(all) = pods::pods(&tree) else { return Ok(()) };
        for pod in pods {
            let direct = tree.holds(&|key| pod.label(key)).unwrap();
            let found = all.iter().any(|selector| pod.is_selected(selector));
            prop_assert_eq!(found, direct, "{:?}", all);
        }
        for selector in &all {
            prop_assert!(selector.further.is_sorted());
            let equal = |of: &normal::Condition| matches!(&of.test, normal::Test::In(values) if values.len() == 1 && !of.negated);
            let own = |of: &&normal::Condition| matches!(of.key, Key::Pod(_) | Key::Namespace(_));
            prop_assert!(!selector.further.iter().filter(own).any(equal), "{:?}", selector);
        }
    }

    /// No text breaks the reader.
    #[test]
    fn any_text_is_a_selector_or_refused(text in "[ab!=&|(){}'\", a-z]{0,40}|\\PC{0,20}") {
        let _ = parse(&text);
    }

    /// What a selector is not, its opposite is.
    #[test]
    fn a_negation_selects_the_others(tree in tree(), pod in pod()) {
        let label = |key: &str| pod.label(key);
        let not = Selector::Not(Box::new(tree.clone()));
        prop_assert_eq!(not.holds(&label), tree.holds(&label).map(|holds| !holds));
        if let (Ok(of), Ok(but)) = (pods::pods(&tree), pods::pods(&not)) {
            let is = |all: &[normal::Selector]| all.iter().any(|selector| pod.is_selected(selector));
            prop_assert!(is(&of) != is(&but));
        }
    }
}
