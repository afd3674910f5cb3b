//! NP502: an app that belongs to nobody.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::LintLevel;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP502"),
    name: "missing-owner",
    group: Group::Hygiene,
    default: LintLevel::Allow,
    about: "",
    summary: "an app does not say who owns it",
    doc: r#"
`owner` is copied into every policy of an app and into differences, so that who meets a policy knows whom to ask. Where
several teams share one project, an intent without it is what nobody dares to change. A project of one team needs none,
so nothing is found until the platform team gives the rule a level.

To mend it, write `owner = "…"` below `app`: the team as others call it.

```toml
# netpolc.toml
[lints]
NP502 = "error"
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
```

```toml
# mended
app   = "shop"
owner = "storefront"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    for app in cx.model.apps.iter().filter(|app| app.owner.is_none()) {
        let finding = findings.at(app.span, format!("app {} does not say who owns it", quote(&app.name)));
        findings.push(&[], finding.help("add `owner = \"…\"` below `app`: the team that answers for it"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn an_app_without_an_owner_is_found_where_the_project_asks_for_owners() {
        let draft = || Draft::new().tiers("web other/api").edges("web -> other/api");
        assert!(draft().messages(&RULE).is_empty());
        let asked = draft().with(|m| {
            m.profile.lints.extend([("NP502".into(), LintLevel::Warning)]);
            m.apps[0].owner = Some("storefront".into());
        });
        assert_eq!(asked.messages(&RULE), ["app `other` does not say who owns it"]);
    }
}
