//! NP208: a range that its external already holds.

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, Edit, quote};
use crate::model::{LintLevel, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP208"),
    name: "redundant-range",
    group: Group::Breadth,
    default: LintLevel::Warning,
    about: "external",
    summary: "a range of an external is written twice or lies in another one",
    doc: r#"
A range that another range of the same external repeats or holds changes nothing. It does harm later: somebody removes
it, believes that the addresses are shut out, and they are not.

To mend it, remove the range that adds nothing, or the wider one if only the narrower was meant.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }

[external]
payments = { cidrs = ["203.0.113.0/24", "203.0.113.64/26"], ports = [443] }

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
    for (id, external) in model.externals() {
        // By address, then mask, then place in the file: ranges are nested or disjoint, so only the last one that is
        // kept can hold the next, and of two equal ones the later is redundant.
        let mut sorted: Vec<_> = external.cidrs.iter().collect();
        sorted.sort_by_key(|cidr| (cidr.value, cidr.span));
        let mut holder = None;
        for cidr in sorted {
            let Some(wider) = holder.filter(|h: &&crate::source::Spanned<ipnet::IpNet>| h.value.contains(&cidr.value))
            else {
                holder = Some(cidr);
                continue;
            };
            let (range, name) = (quote(&cidr.value.to_string()), quote(&external.name));
            let (message, words) = match wider.value == cidr.value {
                true => (format!("{range} is written twice in {name}"), "first here"),
                false => (
                    format!("{range} of {name} lies in its range {}", quote(&wider.value.to_string())),
                    "holds it already",
                ),
            };
            let finding = findings.at(cidr.span, message).related(wider.span, words).help("remove it; it adds nothing");
            // Where one only lies in the other, the wider may be the mistake.
            let finding = match wider.value == cidr.value {
                true => finding.fix("remove this one", vec![Edit::Remove { span: cidr.span }]),
                false => finding,
            };
            findings.push(&[WaiveTarget::External(id)], finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn repeated_and_held_ranges_are_found_in_any_order() {
        let cidrs = "203.0.113.64/26 203.0.113.0/24 198.51.100.0/24 198.51.100.0/24 2001:db8::/32 2001:db8:1::/48";
        assert_eq!(
            Draft::new().external("payments", cidrs, "").messages(&RULE),
            [
                "`198.51.100.0/24` is written twice in `payments`",
                "`203.0.113.64/26` of `payments` lies in its range `203.0.113.0/24`",
                "`2001:db8:1::/48` of `payments` lies in its range `2001:db8::/32`",
            ]
        );
    }

    #[test]
    fn only_the_same_range_again_has_one_right_mend() {
        let found = Draft::new().external("payments", "10.0.0.0/8 10.1.0.0/16 10.0.0.0/8", "").check(&RULE);
        let removed: Vec<bool> = found.iter().map(|finding| finding.fix.is_some()).collect();
        assert_eq!(removed, [true, false]);
        assert_eq!(
            found[0].fix.as_ref().unwrap().edits,
            [Edit::Remove { span: found[0].primary.as_ref().unwrap().span }]
        );
    }

    #[test]
    fn neighbours_and_other_externals_are_no_repetition() {
        let draft =
            Draft::new().external("a", "203.0.113.0/25 203.0.113.128/25", "").external("b", "203.0.113.0/25", "");
        assert!(draft.messages(&RULE).is_empty());
    }
}
