//! NP204: an external that is a good part of the internet.

use ipnet::IpNet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, PRIVATE, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP204"),
    name: "wide-cidr",
    group: Group::Breadth,
    default: LintLevel::Error,
    about: "external",
    summary: "a range of an external is wider than any one destination",
    doc: r#"
An external stands for a destination that somebody approved. A range wider than `/8` (IPv6: `/16`) is no destination
but a part of the internet, and `0.0.0.0/0` is all of it; two halves `0.0.0.0/1` and `128.0.0.0/1` are no better, and
each is found. The platform team sets other masks in `netpolc.toml`: `widest-cidr-v4` and `widest-cidr-v6` under
`[limits]`.

To mend it, write the ranges that the destination publishes. Where every public address is meant, use the built-in
`internet`: it leaves out private, metadata and cluster addresses, which a wide range does not.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }

[external]
payments = { cidrs = ["64.0.0.0/6"], ports = [443] }

[[allow]]
from = "web"
to   = "payments"
why  = "cards are charged"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }

[external]
payments = { cidrs = ["203.0.113.0/24"], ports = [443] }

[[allow]]
from = "web"
to   = "payments"
why  = "cards are charged"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let limits = model.profile.limits;
    for (id, external) in model.externals() {
        // Of a range that is private altogether rule NP205 asks whether it is meant.
        let private = |range: &IpNet| PRIVATE.iter().any(|private| private.contains(range));
        for cidr in external.cidrs.iter().filter(|cidr| !private(&cidr.value)) {
            let (min, setting, all) = match cidr.value {
                IpNet::V4(_) => (limits.widest_cidr_v4, "widest-cidr-v4", "IPv4"),
                IpNet::V6(_) => (limits.widest_cidr_v6, "widest-cidr-v6", "IPv6"),
            };
            let share = match cidr.value.prefix_len() {
                bits if bits >= min => continue,
                0 => format!("every {all} address"),
                bits @ 1..=16 => format!("1/{} of all {all} addresses", 1_u32 << bits),
                bits => format!("wider than /{min}, with its /{bits}"),
            };
            let finding = findings
                .at(cidr.span, format!("{} of {} is {share}", quote(&cidr.value.to_string()), quote(&external.name)))
                .help(format!(
                    "write the ranges of the destination, none wider than /{min} (`{setting}` in netpolc.toml)"
                ))
                .help("if every public address is meant, use the built-in `internet`");
            findings.push(&[WaiveTarget::External(id)], finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn the_project_sets_the_masks() {
        let found = |v4, v6| {
            let draft = Draft::new().external("pay", "0.0.0.0/0 8.0.0.0/7 203.0.113.0/24 2001:db8::/32", "");
            draft
                .with(|m| (m.profile.limits.widest_cidr_v4, m.profile.limits.widest_cidr_v6) = (v4, v6))
                .messages(&RULE)
        };
        assert!(found(0, 0).is_empty());
        assert_eq!(found(1, 32), ["`0.0.0.0/0` of `pay` is every IPv4 address"]);
        assert_eq!(
            found(25, 33),
            [
                "`0.0.0.0/0` of `pay` is every IPv4 address",
                "`8.0.0.0/7` of `pay` is 1/128 of all IPv4 addresses",
                "`203.0.113.0/24` of `pay` is wider than /25, with its /24",
                "`2001:db8::/32` of `pay` is wider than /33, with its /32",
            ]
        );
    }

    #[test]
    fn each_wide_range_is_found() {
        let cidrs = "0.0.0.0/0 0.0.0.0/1 128.0.0.0/1 8.0.0.0/8 8.0.0.0/7 fc00::/7 fe80::/10 ::/0 2000::/15 2001::/16";
        assert_eq!(
            Draft::new().external("world", cidrs, "").messages(&RULE),
            [
                "`0.0.0.0/0` of `world` is every IPv4 address",
                "`0.0.0.0/1` of `world` is 1/2 of all IPv4 addresses",
                "`128.0.0.0/1` of `world` is 1/2 of all IPv4 addresses",
                "`8.0.0.0/7` of `world` is 1/128 of all IPv4 addresses",
                "`::/0` of `world` is every IPv6 address",
                "`2000::/15` of `world` is 1/32768 of all IPv6 addresses",
            ]
        );
    }
}
