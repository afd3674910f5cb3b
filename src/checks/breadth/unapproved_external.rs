//! NP211: an external outside of what the platform team approved.

use ipnet::IpNet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Cidrs, LintLevel};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP211"),
    name: "unapproved-external",
    group: Group::Breadth,
    default: LintLevel::Error,
    about: "",
    summary: "an external names a destination that `[approved]` in the project file does not hold",
    doc: r#"
Where data may leave to is seldom an app's decision alone. Once `netpolc.toml` has a table `[approved]`, the externals
of apps may stand for destinations of that table only: ranges inside of its `cidrs`, and host names of its `fqdns`. A
wildcard there stands for the whole first label, as in an external: `*.example.com` approves `api.example.com` and
`*.example.com`, not `a.b.example.com`. What `except` and the cluster's own ranges take away is not asked for.

Without the table, a line in any intent opens a way out that nobody looked at, to a file drop as easily as to a
partner. Externals of the project file itself are approved by standing there. The built-ins `internet` and `anywhere`
are no externals: where those must not be used either, a `[[forbid]]` of the project file says so.

To mend it, use an approved destination, or let the platform team add this one to `[approved]`; an app cannot waive it.

```toml
# netpolc.toml
[approved]
cidrs = ["203.0.113.0/24"]
fqdns = ["*.example.com"]
```

```toml
# bad
app = "shop"

[tiers]
api = { namespace = "shop", pods = { app = "api" } }

[external]
payments = { cidrs = ["198.51.100.7/32"], ports = [443] }

[[allow]]
from = "api"
to   = "payments"
why  = "cards are charged"
```

```toml
# mended
app = "shop"

[tiers]
api = { namespace = "shop", pods = { app = "api" } }

[external]
payments = { cidrs = ["203.0.113.7/32"], ports = [443] }

[[allow]]
from = "api"
to   = "payments"
why  = "cards are charged"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let Some(approved) = &model.profile.approved else { return };
    let help = "use an approved destination, or let the platform team add this one to `[approved]` in netpolc.toml";
    let cluster = model.profile.cluster_cidrs();
    for external in model.externals.iter().filter(|external| external.app.is_some()) {
        let name = quote(&external.name);
        let mut gone: Vec<IpNet> = external.except.iter().map(|net| net.value).collect();
        gone.extend(&cluster);
        for cidr in &external.cidrs {
            let asked = Cidrs::new([cidr.value]).minus(&gone);
            let open = asked.minus(&approved.cidrs);
            let Some(address) = open.first() else { continue };
            let range = format!("{} of {name}", quote(&cidr.value.to_string()));
            let message = match open == asked {
                true => format!("{range} is not approved"),
                false => format!("{range} is approved in part only: {} is not", quote(&address.to_string())),
            };
            let finding = findings.at(cidr.span, message).related(approved.span, "what is approved").help(help);
            findings.push(&[], finding);
        }
        for host in external.fqdns.iter().filter(|host| !approved.holds_host(&host.value)) {
            let message = format!("{} of {name} is not approved", quote(&host.value));
            findings.push(&[], findings.at(host.span, message).related(approved.span, "what is approved").help(help));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::model::Approved;
    use crate::source::Spanned;

    fn draft(cidrs: &str, except: &str, fqdns: &str, approved: &[&str], hosts: &[&str]) -> Draft {
        Draft::new().external("pay", cidrs, except).with(|m| {
            let span = m.externals[0].span;
            m.externals[0].fqdns = fqdns.split_whitespace().map(|host| Spanned::new(host.into(), span)).collect();
            let cidrs = approved.iter().map(|net| net.parse().unwrap()).collect();
            let fqdns = hosts.iter().map(|host| (*host).into()).collect();
            m.profile.approved = Some(Approved { cidrs, fqdns, span });
        })
    }

    fn ranges(cidrs: &str, except: &str, approved: &[&str]) -> Vec<String> {
        draft(cidrs, except, "", approved, &[]).messages(&RULE)
    }

    #[test]
    fn a_range_is_approved_whole_or_found() {
        assert!(ranges("203.0.113.0/24 203.0.113.7/32", "", &["203.0.113.0/24"]).is_empty());
        assert!(ranges("203.0.113.0/24", "", &["203.0.113.0/25", "203.0.113.128/25"]).is_empty());
        assert_eq!(ranges("8.8.8.0/24", "", &["203.0.113.0/24"]), ["`8.8.8.0/24` of `pay` is not approved"]);
        assert_eq!(
            ranges("203.0.113.0/24", "", &["203.0.113.0/25"]),
            ["`203.0.113.0/24` of `pay` is approved in part only: `203.0.113.128` is not"]
        );
        assert_eq!(ranges("2001:db8::/32", "", &["0.0.0.0/0"]).len(), 1, "the other family");
        assert_eq!(ranges("203.0.113.0/24", "", &[]).len(), 1, "an empty table approves nothing");
    }

    #[test]
    fn what_is_taken_away_needs_no_approval() {
        assert!(ranges("203.0.113.0/24", "203.0.113.128/25", &["203.0.113.0/25"]).is_empty());
        let cluster = draft("10.0.0.0/23", "", "", &["10.0.1.0/24"], &[]);
        let known = |m: &mut crate::model::Model| m.profile.pod_cidrs = vec!["10.0.0.0/24".parse().unwrap()];
        assert!(cluster.with(known).messages(&RULE).is_empty());
    }

    #[test]
    fn a_wildcard_approves_one_label() {
        let hosts = "a.example.com *.example.com a.b.example.com *.b.example.com example.com api.test *.test.org";
        let found = draft("", "", hosts, &[], &["*.example.com", "api.test", "a.test.org"]).messages(&RULE);
        assert_eq!(
            found,
            ["a.b.example.com", "*.b.example.com", "example.com", "*.test.org"]
                .map(|host| format!("`{host}` of `pay` is not approved"))
        );
    }

    #[test]
    fn externals_of_the_project_file_and_projects_without_the_table_are_left_alone() {
        let draft = || draft("8.8.8.0/24", "", "a.test.org", &[], &[]);
        assert_eq!(draft().messages(&RULE).len(), 2);
        assert!(draft().with(|m| m.externals[0].app = None).messages(&RULE).is_empty());
        assert!(draft().with(|m| m.profile.approved = None).messages(&RULE).is_empty());
    }
}
