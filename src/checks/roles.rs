//! What the pods of a tier are for, as far as their intent tells.
//!
//! In: a tier. Out: whether it looks like something that the API server calls, or that calls the API server, and by
//! what. Names and labels are habits, no promises: what follows from them is never more than a warning.

use std::fmt;

use crate::diag::quote;
use crate::model::{Sym, Tier};

/// What an admission webhook is called by.
const WEBHOOK: [&str; 2] = ["webhook", "webhooks"];
/// What else it is called by, and nothing else is.
const ADMISSION: [&str; 1] = ["admission"];
/// What an operator is called by, its metrics and its leader election apart.
const OPERATOR: [&str; 4] = ["operator", "operators", "controller", "controllers"];

/// What shows a tier's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign<'a> {
    /// A word of its name.
    Name,
    /// A word of a label's value.
    Label(&'a Sym, &'a Sym),
    /// A word of a port's name.
    Port(&'a Sym),
}

/// `its name`, as messages say it.
impl fmt::Display for Sign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("its name"),
            Self::Label(key, value) => write!(f, "its label {}", quote(&format!("{key}={value}"))),
            Self::Port(name) => write!(f, "its port {}", quote(name)),
        }
    }
}

/// Whether the API server calls a tier: an admission webhook.
pub fn webhook(tier: &Tier) -> Option<Sign<'_>> {
    let port = || tier.port_names.keys().find(|name| has_word(name, &WEBHOOK)).map(Sign::Port);
    sign(tier, &WEBHOOK).or_else(|| sign(tier, &ADMISSION)).or_else(port)
}

/// Whether a tier is called as only admission webhooks are. Other webhooks are called by anybody.
pub fn is_surely_webhook(tier: &Tier) -> bool {
    sign(tier, &ADMISSION).is_some()
}

/// Whether a tier watches the API server: an operator or a controller.
pub fn operator(tier: &Tier) -> Option<Sign<'_>> {
    sign(tier, &OPERATOR)
}

fn sign<'a>(tier: &'a Tier, words: &[&str]) -> Option<Sign<'a>> {
    if has_word(&tier.name, words) {
        return Some(Sign::Name);
    }
    tier.pods.labels.iter().find(|(_, value)| has_word(value, words)).map(|(key, value)| Sign::Label(key, value))
}

/// Whole words: `controller-manager` has `controller`, `microcontroller` has not.
fn has_word(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::model::{PortRange, Protocol};

    fn tier(name: &str, labels: &str) -> Tier {
        Draft::new().tier(name, "shop", labels).model().tiers.remove(0)
    }

    #[test]
    fn whole_words_of_names_and_labels_tell() {
        for (name, labels, shown) in [
            ("webhook", "app=x", Some("its name")),
            ("policy-webhooks", "app=x", Some("its name")),
            (
                "guard",
                "app.kubernetes.io/component=admission-controller",
                Some("its label `app.kubernetes.io/component=admission-controller`"),
            ),
            ("webhooked", "app=webhooker", None),
        ] {
            assert_eq!(webhook(&tier(name, labels)).map(|sign| sign.to_string()).as_deref(), shown, "{name}");
        }
        for (name, labels, shown) in [
            ("postgres-operator", "app=x", Some("its name")),
            ("manager", "control-plane=controller-manager", Some("its label `control-plane=controller-manager`")),
            ("microcontroller", "app=cooperator", None),
            ("web", "controller=web", None),
        ] {
            assert_eq!(operator(&tier(name, labels)).map(|sign| sign.to_string()).as_deref(), shown, "{name}");
        }
    }

    #[test]
    fn a_port_of_that_name_tells_too() {
        let mut tier = tier("guard", "app=guard");
        let port = PortRange::new(Protocol::Tcp, 9443, 9443).unwrap();
        tier.port_names = [("https".into(), port)].into();
        assert_eq!(webhook(&tier), None);
        tier.port_names = [("webhook-server".into(), port)].into();
        assert_eq!(webhook(&tier).unwrap().to_string(), "its port `webhook-server`");
        assert!(!is_surely_webhook(&tier));
    }
}
