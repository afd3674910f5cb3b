//! NP206: an external that holds a metadata endpoint.

use ipnet::IpNet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{LintLevel, METADATA, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP206"),
    name: "metadata-range",
    group: Group::Breadth,
    default: LintLevel::Error,
    about: "external",
    summary: "an external holds a cloud metadata address without saying so",
    doc: r#"
Clouds answer under fixed addresses with credentials: of the node, of the task, of the pod. A pod that can be talked
into one request to such an address hands them out. A range that holds one by accident is how it usually becomes
reachable.

To mend it, take the address out with `except`. A tier that really asks for its own credentials there gets an external
of its own with this one address and `metadata = true`.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }

[external]
search = { cidrs = ["168.63.129.0/24"], ports = [443] }

[[allow]]
from = "web"
to   = "search"
why  = "the shop front searches"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }

[external]
search = { cidrs = ["168.63.129.0/24"], except = ["168.63.129.16/32"], ports = [443] }

[[allow]]
from = "web"
to   = "search"
why  = "the shop front searches"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    for (id, external) in model.externals().filter(|(_, external)| !external.metadata) {
        for cidr in &external.cidrs {
            let held: Vec<_> = METADATA
                .iter()
                .map(|(owner, address)| (owner, address, IpNet::from(*address)))
                .filter(|(_, _, range)| cidr.value.contains(range) && external.addresses.overlaps(range))
                .collect();
            let Some(((owner, address, only), rest)) = held.split_first() else { continue };
            let range = format!("{} of {}", quote(&cidr.value.to_string()), quote(&external.name));
            let verb = if *only == cidr.value { "is" } else { "holds" };
            let mut finding = findings.at(cidr.span, format!("{range} {verb} {address}, {owner}"));
            for (owner, address, _) in rest {
                finding = finding.note(format!("it also holds {address}, {owner}"));
            }
            if *only != cidr.value {
                let all: Vec<String> = held.iter().map(|(_, _, range)| format!("\"{range}\"")).collect();
                finding = finding.help(format!("add `except = [{}]`", all.join(", ")));
            }
            findings.push(
                &[WaiveTarget::External(id)],
                finding.help(format!("if it is meant, add `metadata = true` to {}", quote(&external.name))),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn the_address_and_its_owner_are_named() {
        let found = Draft::new().external("link", "169.254.0.0/16 168.63.129.16/32 8.8.8.0/24", "").check(&RULE);
        let messages: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "`169.254.0.0/16` of `link` holds 169.254.169.254, the cloud metadata service",
                "`168.63.129.16/32` of `link` is 168.63.129.16, the Azure platform address",
            ]
        );
        assert_eq!(found[0].notes.len(), 2);
        assert_eq!(
            found[0].help[0],
            "add `except = [\"169.254.169.254/32\", \"169.254.170.2/32\", \"169.254.170.23/32\"]`"
        );
        assert_eq!(found[1].help.len(), 1, "a range cannot be excepted whole");
    }

    #[test]
    fn exceptions_and_the_written_decision_are_accepted() {
        let azure = || Draft::new().external("azure", "168.63.129.0/24", "168.63.129.16/28");
        assert!(azure().messages(&RULE).is_empty());
        let meant = Draft::new().external("azure", "168.63.129.0/24", "").with(|m| m.externals[0].metadata = true);
        assert!(meant.messages(&RULE).is_empty());
    }
}
