//! NP503: a waiver that will be over soon.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::Code;
use crate::model::LintLevel;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP503"),
    name: "waiver-expires-soon",
    group: Group::Hygiene,
    default: LintLevel::Warning,
    about: "",
    summary: "a waiver ends within the next 30 days, or what the project sets instead",
    doc: r#"
The day after its last one a waiver is an error, and no build passes until somebody has mended the finding or decided
anew. That day should not be the first on which anybody thinks of it: it may be the day of a release. So the end is
told 30 days ahead; the platform team sets another number in `netpolc.toml`, `waiver-days` under `[limits]`. Waivers
without an end are left alone.

To mend it, mend what the waiver accepts and remove it; or give it a new day, with a reason that is true today.

Seen on 1 January 2026:

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

[[waive]]
code   = "NP201"
edge   = "web -> api"
reason = "the API's ports are being listed"
until  = 2026-01-15
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
    let ahead = i64::from(cx.model.profile.limits.waiver_days);
    for waiver in &cx.model.waivers {
        let Some(until) = waiver.until else { continue };
        let days = i64::from((until - cx.today).get_days());
        if !(0..=ahead).contains(&days) {
            continue;
        }
        let when = match days {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            _ => format!("in {days} days"),
        };
        let span = waiver.until_span.unwrap_or(waiver.span);
        let finding = findings
            .at(span, format!("waiver of {} ends on {until}", waiver.code))
            .label(when)
            .note(format!("its reason: {}", waiver.reason))
            .help("mend the finding and remove the waiver, or give it a new day and reason")
            .help(format!("the end is told {ahead} days ahead (`waiver-days` in netpolc.toml)"));
        findings.push(&[], finding);
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::checks::testing::{Draft, TODAY};
    use crate::model::{TierId, WaiveTarget};

    fn messages(until: Option<i64>, ahead: u32) -> Vec<String> {
        let until = until.map(|days| TODAY.checked_add(days.days()).unwrap());
        let draft = Draft::new().tiers("a").waive("NP102", WaiveTarget::Tier(TierId(0)), until);
        let found = draft.with(|m| m.profile.limits.waiver_days = ahead).check(&RULE);
        found.iter().map(|d| format!("{}: {}", d.message, d.primary.as_ref().unwrap().text)).collect()
    }

    #[test]
    fn the_end_is_told_as_many_days_ahead_as_the_project_says() {
        assert_eq!(messages(Some(30), 30), ["waiver of NP102 ends on 2026-01-31: in 30 days"]);
        assert!(messages(Some(31), 30).is_empty());
        assert!(messages(Some(400), 399).is_empty());
        assert_eq!(messages(Some(400), 400), ["waiver of NP102 ends on 2027-02-05: in 400 days"]);
        assert_eq!(messages(Some(1), 1), ["waiver of NP102 ends on 2026-01-02: tomorrow"]);
        assert_eq!(messages(Some(0), 0), ["waiver of NP102 ends on 2026-01-01: today"]);
    }

    #[test]
    fn what_is_over_or_has_no_end_is_not_this_rule() {
        assert!(messages(Some(-1), 30).is_empty());
        assert!(messages(None, 30).is_empty());
    }
}
