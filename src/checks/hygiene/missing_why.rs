//! NP501: an edge or a forbid that nobody gave a reason.

use std::collections::BTreeMap;

use crate::checks::breadth::open_source;
use crate::checks::graph::self_edge;
use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Edge, Forbid, LintLevel, Model};
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP501"),
    name: "missing-why",
    group: Group::Hygiene,
    default: LintLevel::Warning,
    about: "",
    summary: "an edge or a forbid does not say why",
    doc: r#"
A `why` becomes an annotation of every policy of its edge, and it is what the error of a violated forbid shows. Whoever
meets a policy at night, or wants to remove an edge years later, has nothing else to go by: edges without a reason are
never removed, because nobody knows who would miss them.

What NP103 and NP203 find for want of a `why` is not found again. A table with lists is one finding.

To mend it, add a `why`: what the connection is for, in a few words.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let mut tables: BTreeMap<Span, Vec<&Edge>> = BTreeMap::new();
    for edge in model.edges.iter().filter(|edge| edge.why.is_none()) {
        tables.entry(edge.table).or_default().push(edge);
    }
    let runs = |rule: &Rule| rule.level(model) != LintLevel::Allow;
    let (open, own) = (runs(&open_source::RULE), runs(&self_edge::RULE));
    for edges in tables.values() {
        let told =
            |edge: &&Edge| (open && open_source::entrance(edge).is_some()) || (own && self_edge::is_unexplained(edge));
        let Some(first) = edges.iter().min_by_key(|edge| (edge.from_span, edge.to_span)) else { continue };
        // The mend of one edge of a table is that of all.
        if edges.iter().any(told) {
            continue;
        }
        let name = quote(&model.edge_name(first));
        let message = match edges.len() {
            1 => format!("{name} does not say why"),
            n => format!("{name} and {} do not say why", more(n - 1, "edge")),
        };
        let finding = findings.at(first.from_span, message);
        findings.push(&[], finding.help("add `why = \"…\"`: what the connection is for"));
    }
    forbids(model, findings);
}

fn forbids(model: &Model, findings: &mut Findings) {
    let mut tables: BTreeMap<Span, Vec<&Forbid>> = BTreeMap::new();
    for forbid in model.forbids.iter().filter(|forbid| forbid.why.is_none()) {
        tables.entry(forbid.span).or_default().push(forbid);
    }
    for (span, forbids) in tables {
        let [first, others @ ..] = forbids.as_slice() else { continue };
        let name = quote(&format!("{} -> {}", first.from.name, first.to.name));
        let message = match others.len() {
            0 => format!("the forbid {name} does not say why"),
            n => format!("the forbid {name} and {} do not say why", more(n, "pair")),
        };
        let finding = findings.at(span, message);
        findings.push(&[], finding.help("add `why = \"…\"`: what would be lost if it were possible"));
    }
}

/// `1 more edge`, `2 more edges`.
fn more(n: usize, word: &str) -> String {
    format!("{n} more {word}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::model::{Builtin, ForbidEnd, ForbidSet};

    fn silent(edges: &str) -> Draft {
        Draft::new().tiers("a b c").edges(edges).with(|m| m.edges.iter_mut().for_each(|edge| edge.why = None))
    }

    #[test]
    fn edges_without_a_reason_are_found_and_others_not() {
        assert_eq!(silent("a -> b").messages(&RULE), ["`a -> b` does not say why"]);
        assert!(Draft::new().tiers("a b").edges("a -> b").messages(&RULE).is_empty());
    }

    #[test]
    fn a_table_is_one_finding() {
        let table = |draft: Draft| draft.with(|m| m.edges[1].table = m.edges[0].table);
        assert_eq!(table(silent("a -> b; a -> c")).messages(&RULE), ["`a -> b` and 1 more edge do not say why"]);
        assert!(table(silent("a -> b; internet -> b")).messages(&RULE).is_empty(), "the entrance is found");
    }

    #[test]
    fn what_other_rules_find_is_not_found_again_unless_they_are_off() {
        let draft = || silent("anywhere -> a; b -> b");
        assert!(draft().messages(&RULE).is_empty());
        let off = |code: &'static str| {
            draft().with(|m| m.profile.lints.extend([(code.into(), LintLevel::Allow)])).messages(&RULE)
        };
        assert_eq!(off("NP203"), ["`anywhere -> a` does not say why"]);
        assert_eq!(off("NP103"), ["`b -> b` does not say why"]);
    }

    #[test]
    fn forbids_without_a_reason_are_found_once_a_table() {
        let draft = Draft::new().tiers("a b").edges("a -> b").with(|m| {
            let end = |name: &str| ForbidEnd { name: name.into(), set: ForbidSet::Builtin(Builtin::Internet) };
            let forbid = |to: &str, span, why: Option<&str>| Forbid {
                app: None,
                from: end("b"),
                to: end(to),
                ports: vec![],
                except: vec![],
                transitive: false,
                why: why.map(Into::into),
                span,
            };
            let (one, two, three) = (m.tiers[0].span, m.tiers[0].pods_span, m.tiers[1].span);
            m.forbids = vec![forbid("c", one, None), forbid("d", one, None), forbid("e", two, Some("x"))];
            m.forbids.push(forbid("f", three, None));
        });
        assert_eq!(
            draft.messages(&RULE),
            ["the forbid `b -> c` and 1 more pair do not say why", "the forbid `b -> f` does not say why"]
        );
    }
}
