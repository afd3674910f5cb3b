//! NP105: an edge from a deeper tier to a shallower one.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP105"),
    name: "upward-edge",
    group: Group::Graph,
    default: LintLevel::Error,
    about: "edge",
    summary: "an edge leads from a tier of a higher level to one of a lower",
    doc: r#"
A tier's `level` says how deep it lies: 0 for what users reach, more for what lies behind. Connections go down, from a
lower level to a higher or an equal one, in other apps too. An edge that goes up lets what holds the data open
connections to what faces the world: whoever breaks into the front end finds the data coming to him, and a database
that calls out is how data leaves. Answers need no edge. Tiers without a level are not looked at.

To mend it, let the shallower tier open the connection (poll, or read a queue that lies between the two), or correct
the level that is wrong.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080], level = 0 }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080], level = 1 }

[[allow]]
from = "api"
to   = "web"
why  = "pages are told which orders were paid"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080], level = 0 }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080], level = 1 }

[[allow]]
from = "web"
to   = "api"
why  = "pages ask which orders were paid"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for (id, edge) in model.edges() {
        let (Endpoint::Tier(from), Endpoint::Tier(to)) = (edge.from, edge.to) else { continue };
        let (Some(source), Some(target)) = (&model[from].level, &model[to].level) else { continue };
        if source.value <= target.value {
            continue;
        }
        let name = quote(&model.edge_name(edge));
        let level = |end| format!("level of {}", quote(&model.endpoint_name(end, edge.app)));
        let finding = findings
            .at(edge.from_span, format!("{name} goes up, from level {} to level {}", source.value, target.value))
            .related(source.span, level(edge.from))
            .related(target.span, level(edge.to))
            .help("let the tier of the lower level open the connection, or correct a level");
        findings.push(&[WaiveTarget::Edge(id)], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::source::Spanned;

    /// Messages for edges between tiers of these levels.
    fn messages(names: &str, edges: &str, levels: [Option<u32>; 2]) -> Vec<String> {
        let draft = Draft::new().tiers(names).edges(edges).with(|m| {
            for (tier, level) in m.tiers.iter_mut().zip(levels) {
                tier.level = level.map(|level| Spanned::new(level, tier.span));
            }
        });
        draft.messages(&RULE)
    }

    #[test]
    fn only_edges_from_a_higher_level_to_a_lower_are_found() {
        let found = |levels| messages("a b", "a -> b", levels);
        assert_eq!(found([Some(1), Some(0)]), ["`a -> b` goes up, from level 1 to level 0"]);
        for levels in [[Some(0), Some(1)], [Some(1), Some(1)], [Some(1), None], [None, Some(0)], [None, None]] {
            assert!(found(levels).is_empty(), "{levels:?}");
        }
    }

    #[test]
    fn levels_count_across_apps_and_other_ends_have_none() {
        let found = messages("a other/b", "a -> other/b", [Some(2), Some(1)]);
        assert_eq!(found, ["`a -> other/b` goes up, from level 2 to level 1"]);
        assert!(messages("a", "anywhere -> a; a -> a; a -> internet", [Some(2), None]).is_empty());
    }
}
