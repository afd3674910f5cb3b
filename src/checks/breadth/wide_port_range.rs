//! NP209: an edge with a port range that nobody has counted.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP209"),
    name: "wide-port-range",
    group: Group::Breadth,
    default: LintLevel::Warning,
    about: "edge",
    summary: "a port range of an edge holds more than 1,000 ports, or what the project sets instead",
    doc: r#"
A range of thousands of ports is seldom what a service listens on; it is a guess that is large enough to work. It
opens whatever else listens there, as edges on all ports do (those, written as `all` or as `1-65535`, have their own
rule). The platform team sets another number in `netpolc.toml`: `widest-port-range` under `[limits]`.

To mend it, pin the range down in the callee's settings, as passive FTP, RTP and RPC servers all can, and write that
range.

```toml
# bad
app = "media"

[tiers]
edge  = { namespace = "media", pods = { app = "edge" } }
relay = { namespace = "media", pods = { app = "relay" } }

[[allow]]
from  = "edge"
to    = "relay"
ports = ["20000-30000/UDP"]
why   = "calls are relayed"
```

```toml
# mended
app = "media"

[tiers]
edge  = { namespace = "media", pods = { app = "edge" } }
relay = { namespace = "media", pods = { app = "relay" } }

[[allow]]
from  = "edge"
to    = "relay"
ports = ["20000-20499/UDP"]
why   = "calls are relayed"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let most = model.profile.limits.widest_port_range;
    for (id, edge) in model.edges() {
        for range in edge.ports.iter().filter(|range| !range.is_all()) {
            let count = u32::from(range.last - range.first) + 1;
            if count <= most {
                continue;
            }
            let name = quote(&model.edge_name(edge));
            let finding = findings
                .at(edge.ports_span, format!("{name} opens {count} ports: {}", quote(&range.to_string())))
                .help(format!(
                    "narrow the range to the ports in use; up to {most} pass (`widest-port-range` in netpolc.toml)"
                ));
            findings.push(&[WaiveTarget::Edge(id)], finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn ranges_above_the_limit_are_found() {
        let draft = |ports| Draft::new().tiers("a b").edge("a -> b", ports).messages(&RULE);
        assert_eq!(draft("1-1001/TCP"), ["`a -> b` opens 1001 ports: `1-1001/TCP`"]);
        assert!(draft("1-1000/TCP 5000-5999/UDP").is_empty());
        assert!(draft("1-65535/TCP").is_empty(), "every port is another rule's");
    }

    #[test]
    fn the_project_sets_the_limit() {
        let draft = |most| {
            let draft = Draft::new().tiers("a b").edge("a -> b", "80/TCP 8000-8001/TCP");
            draft.with(|m| m.profile.limits.widest_port_range = most).messages(&RULE)
        };
        assert_eq!(draft(1), ["`a -> b` opens 2 ports: `8000-8001/TCP`"]);
        assert!(draft(2).is_empty());
    }
}
