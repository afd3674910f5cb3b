//! NP507: a list that is not sorted.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, Edit, quote};
use crate::model::LintLevel;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP507"),
    name: "unsorted-list",
    group: Group::Hygiene,
    default: LintLevel::Allow,
    about: "",
    summary: "a list whose order has no meaning is not sorted",
    doc: r#"
The order of names, ports, ranges and host names in a list means nothing to netpolc, and so it is whatever the last
author left. In a long list an entry is then looked for, not found, and added a second time; and two people who add to
the end of one list meet in a merge conflict, where in a sorted list their lines would mostly be apart.

It is a matter of taste, so it is looked for only where the project file asks for it. Sorted means: ports by number,
address ranges by address with IPv4 first, everything else by its bytes. The lists are `from`, `to`, `ports`, `metrics`,
`namespace`, `cidrs`, `except` and `fqdns`.

To mend it, run `netpolc check --fix`. Comments at the ends of lines move with their entries. A list that its author
has divided by blank lines or by comments on lines of their own is left for a person to sort.

```toml
# netpolc.toml
[lints]
NP507 = "warning"
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8443, 8080] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [8080, 8443] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    for list in &cx.model.unsorted {
        let (late, at) = &list.late;
        let (early, before) = &list.early;
        let finding = findings
            .at(*at, format!("{} is not sorted: {late} belongs before {early}", quote(list.key)))
            .related(*before, "it belongs before this")
            .help("sort the list")
            .fix("sort the list", vec![Edit::Sort { span: list.span, order: list.order.clone() }]);
        findings.push(&[], finding);
    }
}
