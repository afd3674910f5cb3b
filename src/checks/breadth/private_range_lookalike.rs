//! NP207: a range that looks like a private one and is not.

use ipnet::{IpNet, Ipv4Net};

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, PRIVATE, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP207"),
    name: "private-range-lookalike",
    group: Group::Breadth,
    default: LintLevel::Warning,
    about: "external",
    summary: "a public range looks like a private one",
    doc: r#"
`172.32.0.0/12`, `172.0.0.0/8`, `192.160.0.0/16` and `100.0.0.0/8` read like private ranges, and belong to somebody on
the internet. Whoever meant the private range lets a stranger in, and keeps the own network out.

A range is found when it begins with the same number as `172.16.0.0/12`, `192.168.0.0/16` or `100.64.0.0/10`, its mask
is that of the private range or shorter, and it does not lie inside the private range; and also `172.15.0.0/16` and
`172.32.0.0/16`, one step beside it. Longer masks pass: most of these networks are public, and used.

To mend it, write the private range that was meant. If the public range is meant, accept the finding with a waiver.

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
ledger = { cidrs = ["172.32.0.0/12"], ports = [5432] }

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
ledger = { cidrs = ["172.16.0.0/12"], private = true, ports = [5432] }

[[allow]]
from = "api"
to   = "ledger"
why  = "orders are booked in the data centre"
```
"#,
    check,
};

/// The private range that an IPv4 range looks like. 10.0.0.0/8 takes its first number whole, so nothing looks like
/// it; link-local space is not written by hand.
fn looks_like(range: &Ipv4Net) -> Option<Ipv4Net> {
    let [first, second, ..] = range.network().octets();
    let private = PRIVATE.iter().find_map(|private| match private {
        IpNet::V4(private) if private.network().octets().starts_with(&[first]) => Some(*private),
        _ => None,
    })?;
    let beside = first == 172 && (second == 15 || second == 32) && range.prefix_len() <= 16;
    let close = beside || range.prefix_len() <= private.prefix_len();
    ([100, 172, 192].contains(&first) && close && !private.contains(range)).then_some(private)
}

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for (id, external) in model.externals() {
        for cidr in &external.cidrs {
            let IpNet::V4(range) = &cidr.value else { continue };
            let Some(private) = looks_like(range) else { continue };
            let (shown, name) = (quote(&range.to_string()), quote(&external.name));
            let message = match range.contains(&private) {
                true => format!("{shown} of {name} is wider than the private range {private} and mostly public"),
                false => format!("{shown} of {name} is public, though it looks like the private range {private}"),
            };
            let finding =
                findings.at(cidr.span, message).help(format!("if the private range is meant, write {private}"));
            findings.push(&[WaiveTarget::External(id)], finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    fn found(cidrs: &str) -> usize {
        Draft::new().external("ledger", cidrs, "").messages(&RULE).len()
    }

    #[test]
    fn mistaken_private_ranges_are_found() {
        for cidr in [
            "172.32.0.0/12",
            "172.0.0.0/8",
            "172.32.0.0/16",
            "192.160.0.0/16",
            "192.168.0.0/15",
            "192.0.0.0/8",
            "100.0.0.0/8",
            "100.128.0.0/10",
        ] {
            assert_eq!(found(cidr), 1, "{cidr}");
        }
    }

    #[test]
    fn private_ranges_and_narrow_public_ones_pass() {
        let private = "10.0.0.0/8 172.16.0.0/12 172.31.0.0/16 192.168.0.0/16 192.168.7.0/24 100.64.0.0/10";
        let public = "172.217.0.0/16 172.64.0.0/13 192.30.252.0/22 100.20.0.0/14 169.45.0.0/16 172.32.9.0/24 2001::/16";
        assert_eq!(found(private), 0);
        assert_eq!(found(public), 0);
    }
}
