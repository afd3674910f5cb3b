//! Names of objects: none of them is in a namespace, so each must be unique in the cluster.
//!
//! In: a namespace and the name of a policy in it, or a tier and a name. Out: `(tier.)namespace--policy`, at most
//! [`MAX_NAME`] characters, at most one dot (libcalico-go `validator/v3`: `globalNetworkPolicyNameRegex`).

use std::borrow::Cow;

use crate::lower::{MAX_NAME, shorten};

/// The tier that always exists, whose policies need no prefix.
pub const DEFAULT_TIER: &str = "default";
/// Hexadecimal digits of a hash.
const HASH: usize = 12;

/// The name of a policy whose subjects are pods of a namespace.
pub fn policy(tier: &str, namespace: &str, name: &str) -> String {
    let whole = format!("{}--{name}", part(namespace));
    if tier == DEFAULT_TIER && whole.len() <= MAX_NAME { whole } else { in_tier(tier, &whole) }
}

/// The name of a policy of a tier. Outside of the default tier releases demand `tier.name`, and no second dot
/// (libcalico-go `names/policy.go`).
pub fn in_tier(tier: &str, name: &str) -> String {
    match tier {
        DEFAULT_TIER => shorten(name, MAX_NAME),
        _ => format!("{tier}.{}", shorten(name, MAX_NAME.saturating_sub(tier.len() + 1))),
    }
}

/// A namespace as the first part of a name, which ends at the first `--`. A namespace that holds one itself is told
/// apart from others by a hash.
fn part(namespace: &str) -> Cow<'_, str> {
    if !namespace.contains("--") {
        return Cow::Borrowed(namespace);
    }
    let words: Vec<&str> = namespace.split('-').filter(|word| !word.is_empty()).collect();
    Cow::Owned(format!("{}-{}", words.join("-"), hash(namespace)))
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(HASH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_stands_before_the_policy() {
        assert_eq!(policy("default", "frontend", "shop--web--egress-dns"), "frontend--shop--web--egress-dns");
    }

    #[test]
    fn a_namespace_with_two_hyphens_keeps_its_names_apart() {
        let of = |namespace| policy("default", namespace, "p");
        assert_eq!(of("a--b"), format!("a-b-{}--p", hash("a--b")));
        assert_eq!(of("a---b"), format!("a-b-{}--p", hash("a---b")));
        // `a` and a policy `b--p` would else be the same.
        assert_ne!(of("a--b"), policy("default", "a", "b--p"));
        assert_ne!(of("a--b"), of("a-b"));
        for name in ["a--b", "a---b", "a-b"] {
            assert_eq!(of(name).split("--").count(), 2, "{name}");
        }
    }

    #[test]
    fn other_tiers_are_the_one_dot_of_a_name() {
        assert_eq!(policy("platform", "frontend", "p"), "platform.frontend--p");
        let long = policy("platform", &"n".repeat(63), &"p".repeat(253));
        assert_eq!((long.len(), long.matches('.').count()), (253, 1));
    }

    #[test]
    fn long_names_end_in_a_hash_of_the_whole() {
        let of = |last: &str| policy("default", &"n".repeat(63), &format!("{}{last}", "p".repeat(252)));
        assert_eq!(of("a").len(), 253);
        assert_ne!(of("a"), of("b"));
        let dashes = policy("default", &"n".repeat(63), &format!("{}----{}", "p".repeat(172), "q".repeat(70)));
        assert!(!dashes.contains("---"), "{dashes}");
    }
}
