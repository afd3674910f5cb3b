//! NP205: an external in private address space, and nobody says that it is meant.

use ipnet::IpNet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, METADATA, PRIVATE, WaiveTarget, address};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP205"),
    name: "private-range",
    group: Group::Breadth,
    default: LintLevel::Error,
    about: "external",
    summary: "an external holds private addresses without saying so",
    doc: r#"
Private and link-local addresses (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291) are where the nodes, the databases
beside the cluster and other teams' networks live. An external is meant for what is outside, so a range that holds
such addresses is either a mistake or a decision, and a decision is written down.

Exceptions and the cluster's own ranges count: what they take away is not held. Metadata addresses have a rule of
their own.

To mend it, narrow the range or take the private part out with `except`; if it is meant, as for a database in the data
centre, write `private = true`.

With a project file that says where the cluster itself lives:

```toml
# netpolc.toml
[cluster]
pod-cidrs     = ["10.244.0.0/16"]
service-cidrs = ["10.96.0.0/12"]
node-cidrs    = ["192.168.10.0/24"]
```

```toml
# bad
app = "shop"

[tiers]
api = { namespace = "shop", pods = { app = "api" } }

[external]
ledger = { cidrs = ["10.200.4.0/24"], ports = [5432] }

[[allow]]
from = "api"
to   = "ledger"
why  = "orders are booked in the data centre"
```

```toml
# mended
app = "shop"

[tiers]
api = { namespace = "shop", pods = { app = "api" } }

[external]
ledger = { cidrs = ["10.200.4.0/24"], private = true, ports = [5432] }

[[allow]]
from = "api"
to   = "ledger"
why  = "orders are booked in the data centre"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let metadata: Vec<IpNet> = METADATA.iter().map(|(_, address)| IpNet::from(*address)).collect();
    for (id, external) in model.externals().filter(|(_, external)| !external.private) {
        let held = external.addresses.minus(&metadata);
        for cidr in &external.cidrs {
            // Ranges are nested or disjoint: what two of them share is the narrower one.
            let shared = |private: &&IpNet| match cidr.value.contains(*private) {
                true => held.overlaps(private),
                false => address::overlap(private, &cidr.value) && held.overlaps(&cidr.value),
            };
            let private: Vec<String> = PRIVATE.iter().filter(shared).map(IpNet::to_string).collect();
            let Some(first) = private.first() else { continue };
            let range = format!("{} of {}", quote(&cidr.value.to_string()), quote(&external.name));
            let inside = PRIVATE.iter().any(|p| p.contains(&cidr.value));
            let message = match inside {
                true => format!("{range} lies in the private range {first}"),
                false => format!("{range} holds private addresses: {}", private.join(", ")),
            };
            let mut finding = findings.at(cidr.span, message);
            if !inside {
                finding = finding.help("take the private ranges out with `except`");
            }
            findings.push(
                &[WaiveTarget::External(id)],
                finding.help(format!("if they are meant, add `private = true` to {}", quote(&external.name))),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    fn messages(cidrs: &str, except: &str) -> Vec<String> {
        Draft::new().external("ledger", cidrs, except).messages(&RULE)
    }

    #[test]
    fn ranges_inside_and_around_private_space_are_found() {
        assert_eq!(messages("10.1.0.0/16", ""), ["`10.1.0.0/16` of `ledger` lies in the private range 10.0.0.0/8"]);
        assert_eq!(messages("fd00::/8", ""), ["`fd00::/8` of `ledger` lies in the private range fc00::/7"]);
        assert_eq!(
            messages("128.0.0.0/1 8.8.8.0/24", ""),
            ["`128.0.0.0/1` of `ledger` holds private addresses: 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16"]
        );
    }

    #[test]
    fn exceptions_take_away() {
        assert!(messages("172.0.0.0/8", "172.16.0.0/12").is_empty());
        assert!(messages("172.0.0.0/8", "172.16.0.0/13 172.24.0.0/13").is_empty());
        assert_eq!(messages("172.0.0.0/8", "172.16.0.0/13").len(), 1);
    }

    #[test]
    fn metadata_addresses_alone_are_not_this_rule() {
        assert!(messages("169.254.169.254/32", "").is_empty());
        assert_eq!(messages("169.254.169.252/30", "").len(), 1);
    }

    #[test]
    fn a_written_decision_is_accepted() {
        let draft = Draft::new().external("ledger", "10.1.0.0/16", "").with(|m| m.externals[0].private = true);
        assert!(draft.messages(&RULE).is_empty());
    }
}
