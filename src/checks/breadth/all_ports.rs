//! NP201: an edge that opens every port of a protocol.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP201"),
    name: "all-ports",
    group: Group::Breadth,
    default: LintLevel::Warning,
    about: "edge",
    summary: "an edge opens every port of a protocol",
    doc: r#"
An edge on all ports also opens what nobody thought of: debug listeners, admin consoles, the metrics of a side-car,
and whatever the next release starts to listen on. The edge says that two tiers may talk; it should say about what.

`all/TCP` and the range `1-65535/TCP` are the same to this rule.

To mend it, name the ports that the callee serves, on the edge or once for all callers on the callee.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" } }

[[allow]]
from  = "web"
to    = "api"
ports = "all"
why   = "the shop front calls the API"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" } }

[[allow]]
from  = "web"
to    = "api"
ports = [8080]
why   = "the shop front calls the API"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for (id, edge) in model.edges() {
        let open: Vec<&str> = edge.ports.iter().filter(|r| r.is_all()).map(|r| r.protocol.as_str()).collect();
        if open.is_empty() && !edge.all_ports {
            continue;
        }
        let of = if edge.all_ports { String::new() } else { format!(" of {}", open.join(", ")) };
        let finding = findings
            .at(edge.ports_span, format!("{} opens every port{of}", quote(&model.edge_name(edge))))
            .help(format!("name the ports that {} serves", quote(&model.endpoint_name(edge.to, edge.app))));
        findings.push(&[WaiveTarget::Edge(id)], finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn every_port_is_found_however_it_is_written() {
        let draft = |ports| Draft::new().tiers("web api").edge("web -> api", ports).messages(&RULE);
        assert_eq!(draft("all/TCP all/UDP all/SCTP"), ["`web -> api` opens every port"]);
        assert_eq!(draft("1-65535/UDP 80/TCP"), ["`web -> api` opens every port of UDP"]);
        assert!(draft("1-65534/TCP").is_empty());
    }
}
