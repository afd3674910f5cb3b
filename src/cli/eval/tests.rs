//! What people and programs see of verdicts.

use super::{json, table};
use crate::cluster::{Cell, Probe, Verdict, Verdicts};
use crate::model::Sym;

fn cell(allowed: Verdict) -> Cell {
    let by = if allowed == Verdict::No { vec![Sym::from("shop/deny")] } else { vec![] };
    Cell { egress: Verdict::Yes, ingress: allowed, allowed, by }
}

/// Each reaches the next; the last is in doubt.
fn chain(n: usize, probes: &[&str], name: impl Fn(usize) -> String) -> Verdicts {
    let ends = (0..n).map(|index| name(index).into()).collect();
    let probes: Vec<Probe> = probes.iter().map(|probe| probe.parse().unwrap()).collect();
    Verdicts::new(ends, probes, |src, dst, probe| match (src, dst) {
        _ if src == dst => {
            let none = Verdict::NotApplicable;
            Cell { egress: none, ingress: none, allowed: none, by: vec![] }
        }
        _ if dst == src + 1 => cell(Verdict::Yes),
        _ if src + 1 == n && dst == 0 && probe.port != 53 => cell(Verdict::Ambiguous),
        _ => cell(Verdict::No),
    })
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn json_is_a_flow_a_line_in_one_order() {
    let verdicts = chain(2, &["TCP/80", "UDP/53"], |index| ["shop/web", "ip:203.0.113.7"][index].to_owned());
    let expected = r#"{"flows":[
{"src":"shop/web","dst":"shop/web","probe":"TCP/80","egress":null,"ingress":null,"allowed":null,"by":[]},
{"src":"shop/web","dst":"shop/web","probe":"UDP/53","egress":null,"ingress":null,"allowed":null,"by":[]},
{"src":"shop/web","dst":"ip:203.0.113.7","probe":"TCP/80","egress":true,"ingress":true,"allowed":true,"by":[]},
{"src":"shop/web","dst":"ip:203.0.113.7","probe":"UDP/53","egress":true,"ingress":true,"allowed":true,"by":[]},
{"src":"ip:203.0.113.7","dst":"shop/web","probe":"TCP/80","egress":true,"ingress":"ambiguous","allowed":"ambiguous","by":[]},
{"src":"ip:203.0.113.7","dst":"shop/web","probe":"UDP/53","egress":true,"ingress":false,"allowed":false,"by":["shop/deny"]},
{"src":"ip:203.0.113.7","dst":"ip:203.0.113.7","probe":"TCP/80","egress":null,"ingress":null,"allowed":null,"by":[]},
{"src":"ip:203.0.113.7","dst":"ip:203.0.113.7","probe":"UDP/53","egress":null,"ingress":null,"allowed":null,"by":[]}
]}
"#;
    assert_eq!(json(&verdicts), expected);
    serde_json::from_str::<serde_json::Value>(&json(&chain(0, &["TCP/80"], |_| String::new()))).unwrap();
}

#[test]
fn a_small_table_is_a_matrix_for_each_probe() {
    let names = ["shop/web", "shop/api", "ip:203.0.113.7"];
    let verdicts = chain(3, &["TCP/80", "UDP/53", "TCP/443"], |index| names[index].to_owned());
    let expected = "\
TCP/80, TCP/443   1 2 3
1 shop/web        · ✓ ✗
2 shop/api        ✗ · ✓
3 ip:203.0.113.7  ? ✗ ·

UDP/53            1 2 3
1 shop/web        · ✓ ✗
2 shop/api        ✗ · ✓
3 ip:203.0.113.7  ✗ ✗ ·

rows: from, columns: to; ✓ 6 allowed   ✗ 10 refused   ? 2 depends on the target or its options   · 9 no such flow
";
    assert_eq!(plain(&table(&verdicts, 100)), expected);
}

#[test]
fn columns_are_as_wide_as_their_numbers() {
    let verdicts = chain(10, &["TCP/80"], |index| format!("n/p{index}"));
    let text = plain(&table(&verdicts, 100));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "TCP/80    1  2  3  4  5  6  7  8  9 10");
    assert_eq!(lines[1], " 1 n/p0   ·  ✓  ✗  ✗  ✗  ✗  ✗  ✗  ✗  ✗");
    assert_eq!(lines[10], "10 n/p9   ?  ✗  ✗  ✗  ✗  ✗  ✗  ✗  ✗  ·");
}

#[test]
fn what_is_too_wide_is_told_by_source() {
    let verdicts = chain(4, &["TCP/80"], |index| format!("namespace/pod-{index}"));
    let expected = "\
TCP/80
namespace/pod-0  ✓ namespace/pod-1
namespace/pod-1  ✓ namespace/pod-2
namespace/pod-2  ✓ namespace/pod-3
namespace/pod-3  ? namespace/pod-0

what is not listed is refused; ✓ 3 allowed   ✗ 8 refused   ? 1 depends on the target or its options   · 4 no such flow
";
    assert_eq!(plain(&table(&verdicts, 20)), expected);
    let open = Verdicts::new(
        vec!["a/one".into(), "a/two".into(), "a/three".into()],
        vec!["TCP/80".parse().unwrap()],
        |src, dst, _| cell(if src == 0 || (src, dst) == (1, 0) { Verdict::No } else { Verdict::Yes }),
    );
    let text = plain(&table(&open, 16));
    let expected = ["TCP/80", "a/one    ✗ all", "a/two    ✓ a/two,", "           a/three", "a/three  ✓ all", ""];
    assert_eq!(text.lines().take(6).collect::<Vec<_>>(), expected);
}

#[test]
fn nothing_is_said_to_be_nothing_and_no_name_reaches_a_terminal_unescaped() {
    let none = chain(0, &["TCP/80"], |_| String::new());
    assert_eq!(table(&none, 80), "nothing to ask about: give Pods or workloads, or name ends with --endpoint\n");
    let odd = chain(1, &["TCP/80"], |_| "a\u{1b}[2Jb".to_owned());
    assert!(!plain(&table(&odd, 80)).contains('\u{1b}'));
}
