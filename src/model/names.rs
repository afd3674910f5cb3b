//! What may be a name, a label, a host name or a text. Each check says what is wrong and how to mend it.

use crate::diag::{Code, codes, is_deceptive, quote};

use super::Builtin;

/// Why a text is refused, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: String,
    /// The one text that can have been meant, where no other can.
    pub instead: Option<String>,
}

/// A refusal as a result.
pub(super) fn refuse<T>(code: Code, message: impl Into<String>, help: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, message: message.into(), help: help.into(), instead: None })
}

/// Longest DNS-1123 label (RFC 1123), and so the longest name of ours.
const MAX_LABEL: usize = 63;

/// Longest DNS-1123 subdomain.
const MAX_SUBDOMAIN: usize = 253;

/// Longest free text.
const MAX_TEXT: usize = 1000;

/// Device names that Windows does not accept as file names, whatever their extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Apps that would clash with the names of generated objects.
const RESERVED_APPS: [&str; 2] = ["netpolc", "scrapers"];

fn is_dns_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A text that would be a DNS label but for small things, as a proposal.
fn as_dns_label(text: &str) -> Option<String> {
    let mapped: String = text
        .trim_matches(|c: char| c.is_whitespace() || c == '.')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let proposal = mapped.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    (is_dns_label(&proposal) && proposal != text && text.is_ascii()).then_some(proposal)
}

fn name_refusal<T>(what: &str, text: &str, rule: &str) -> Result<T, Refusal> {
    let message = match text {
        "" => format!("the {what} is empty"),
        _ if text.len() > MAX_LABEL && text.is_ascii() => {
            format!("{what} {} has {} characters", quote(text), text.len())
        }
        _ => format!("{} is no valid {what}", quote(text)),
    };
    let help = match as_dns_label(text) {
        Some(proposal) => format!("{rule}; for example {}", quote(&proposal)),
        None => rule.to_owned(),
    };
    refuse(codes::NAME, message, help)
}

/// A name of ours. `what` is `app`, `tier`, `peer` or `external`.
pub fn check_name(what: &str, text: &str) -> Result<(), Refusal> {
    let rule = "use 1 to 63 lower-case letters, digits and single hyphens, with a letter or digit at both ends";
    if !is_dns_label(text) || text.contains("--") {
        return name_refusal(&format!("{what} name"), text, rule);
    }
    let reserved = Builtin::parse(text).is_some() || text == "all" || (what == "app" && RESERVED_APPS.contains(&text));
    if reserved {
        let message = format!("{} is a word of the language", quote(text));
        return refuse(codes::RESERVED, message, format!("give the {what} another name"));
    }
    Ok(())
}

/// A namespace: DNS-1123 label (Kubernetes), and a file name everywhere.
pub fn check_namespace(text: &str) -> Result<(), Refusal> {
    let rule = "a namespace has 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends";
    if !is_dns_label(text) {
        return name_refusal("namespace", text, rule);
    }
    if text == "all" {
        return refuse(
            codes::RESERVED,
            "`all` is a word of the language",
            "name the namespaces; only a peer may be looked for in all of them",
        );
    }
    let numbered = |stem: &str| text.strip_prefix(stem).is_some_and(|n| matches!(n.as_bytes(), [b'1'..=b'9']));
    if DEVICES.contains(&text) || numbered("com") || numbered("lpt") {
        let message = format!("namespace {} cannot be a file name on every system", quote(text));
        return refuse(
            codes::RESERVED,
            message,
            "use another namespace: each becomes a file, and this name is a device on Windows",
        );
    }
    Ok(())
}

/// Tiers that Calico keeps for the policies of Kubernetes itself (projectcalico/calico, libcalico-go/lib/names, before and
/// after AdminNetworkPolicy became ClusterNetworkPolicy).
const KUBERNETES_TIERS: [&str; 4] = ["adminnetworkpolicy", "baselineadminnetworkpolicy", "kube-admin", "kube-baseline"];

/// What names of our own tiers start with.
const OWN_TIERS: &str = "netpolc-";

/// A tier of policies: a DNS-1123 label, as it becomes part of other names and the value of a label
/// (projectcalico/calico, libcalico-go/lib/validator/v3, validateTier).
pub fn check_tier(text: &str) -> Result<(), Refusal> {
    if !is_dns_label(text) {
        let rule = "a tier has 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends";
        return name_refusal("tier", text, rule);
    }
    if KUBERNETES_TIERS.contains(&text) {
        let message = format!("tier {} is kept for the cluster's own network policies", quote(text));
        return refuse(codes::RESERVED, message, "use another tier, or leave the key out for the tier `default`");
    }
    if text.starts_with(OWN_TIERS) {
        let message = format!("tier {} starts as the tiers that netpolc makes for guards", quote(text));
        return refuse(codes::RESERVED, message, format!("use a name that does not start with `{OWN_TIERS}`"));
    }
    Ok(())
}

fn is_subdomain(text: &str) -> bool {
    (1..=MAX_SUBDOMAIN).contains(&text.len()) && text.split('.').all(is_dns_label)
}

/// The name of a workload: a DNS-1123 subdomain, as of every object that makes pods (Kubernetes, object names).
pub(super) fn check_workload(text: &str) -> Result<(), Refusal> {
    if is_subdomain(text) {
        return Ok(());
    }
    let help =
        "a workload is named as in its manifest: lower-case letters, digits, `-` and `.`, at most 253 characters";
    refuse(codes::NAME, format!("{} is no valid workload name", quote(text)), help)
}

fn is_qualified(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.as_bytes().last().is_some_and(u8::is_ascii_alphanumeric)
}

/// A label key: `[prefix/]name` (Kubernetes, labels and selectors).
pub fn check_label_key(text: &str) -> Result<(), Refusal> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        let message = format!("label key {} has no valid prefix before its slash", quote(text));
        return refuse(codes::LABEL, message, "a prefix is a DNS name of at most 253 lower-case characters");
    }
    if text.is_empty() {
        return refuse(codes::LABEL, "a label key is empty", "write it as { app = \"web\" }");
    }
    if !is_qualified(name) {
        let help = "after at most one slash a key has 1 to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";
        return refuse(codes::LABEL, format!("{} is no valid label key", quote(text)), help);
    }
    Ok(())
}

/// A label value (Kubernetes, labels and selectors): may be empty.
pub fn check_label_value(text: &str) -> Result<(), Refusal> {
    if text.is_empty() || is_qualified(text) {
        return Ok(());
    }
    let help =
        "a value has at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends, or is empty";
    let message = match text.len() {
        len if len > MAX_LABEL && text.is_ascii() => format!("label value {} has {len} characters", quote(text)),
        _ => format!("{} is no valid label value", quote(text)),
    };
    refuse(codes::LABEL, message, help)
}

/// Free text: shown to people and put into annotations.
pub fn check_text(what: &str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return refuse(codes::TEXT, format!("`{what}` is empty"), "say it in a few words, or leave the key out");
    }
    if text.chars().any(|c| c == '\n' || c == '\r') {
        return refuse(codes::TEXT, format!("`{what}` has more than one line"), "write it on one line");
    }
    if let Some(bad) = text.chars().find(|c| is_deceptive(*c)) {
        let message = format!("`{what}` holds the invisible or control character U+{:04X}", bad as u32);
        return refuse(codes::TEXT, message, "remove it");
    }
    if text.contains("${") {
        return refuse(
            codes::TEXT,
            format!("`{what}` holds `${{`"),
            "Flux replaces `${…}` in manifests when it applies them; write it without the dollar sign",
        );
    }
    if text.chars().count() > MAX_TEXT {
        return refuse(codes::TEXT, format!("`{what}` is longer than {MAX_TEXT} characters"), "shorten it");
    }
    Ok(())
}

/// Whether a text is a name by which a forge knows whom to ask: a user, a team or group, a role, or an e-mail address.
///
/// GitHub takes `@user`, `@org/team` and addresses (github/docs, about-code-owners.md), GitLab `@user`, `@group/subgroup`,
/// `@@role` and addresses (gitlabhq/gitlabhq, doc/user/project/codeowners/reference.md). Any other word both pass over.
pub fn is_code_owner(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+'))
    };
    match text.strip_prefix('@') {
        Some(name) => name.strip_prefix('@').unwrap_or(name).split('/').all(plain),
        None => text.split_once('@').is_some_and(|(user, host)| plain(user) && plain(host) && host.contains('.')),
    }
}

/// The same, with what to say of a text that is none.
pub(super) fn check_code_owner(text: &str) -> Result<(), Refusal> {
    if is_code_owner(text) {
        return Ok(());
    }
    let help = "write it as `@user`, `@org/team`, or an e-mail address";
    refuse(codes::CODE_OWNER, format!("{} is no name of a user or a team", quote(text)), help)
}

/// A host name: at least two DNS labels; a wildcard only as the whole first one.
pub fn check_host(text: &str) -> Result<(), Refusal> {
    let shown = quote(text);
    if text.parse::<std::net::IpAddr>().is_ok() {
        return refuse(codes::HOST, format!("{shown} is an address, no host name"), "write it as a range in `cidrs`");
    }
    let name = text.strip_prefix("*.").unwrap_or(text);
    if name.contains('*') {
        return refuse(
            codes::HOST,
            format!("{shown} has a wildcard in the wrong place"),
            "a wildcard stands for the whole first label, as in `*.example.com`",
        );
    }
    if !name.is_ascii() {
        return refuse(codes::HOST, format!("{shown} is not ASCII"), "write the name in its `xn--` form");
    }
    // A last label of digits alone would be read as an address (RFC 1123, 2.1).
    let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if !is_subdomain(name) || !name.contains('.') || numeric {
        // Host names know no case (RFC 4343), and a final dot only says that nothing is to be appended.
        let meant = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if meant != text && check_host(&meant).is_ok() {
            let help = format!("did you mean {}?", quote(&meant));
            let message = format!("{shown} is no valid host name");
            return Err(Refusal { code: codes::HOST, message, help, instead: Some(meant) });
        }
        return refuse(
            codes::HOST,
            format!("{shown} is no valid host name"),
            "use a DNS name of at least two labels, lower case, without a final dot",
        );
    }
    if name == "cluster.local" || name.ends_with(".cluster.local") {
        return refuse(
            codes::HOST,
            format!("{shown} is a name inside the cluster"),
            "an external is outside the cluster; name the tier or a peer instead",
        );
    }
    Ok(())
}
