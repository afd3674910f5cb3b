//! What stands above ports: requests, questions, names of servers, and proxies.
//!
//! 1. A connection that goes through a proxy passes as far as the proxy lets it. What it asks is held by its words: as an HTTP
//!    rule, and what no HTTP rule of an intent can say as a header whose name begins with a colon, which no header has.
//! 2. One kind of `rules` (CRD: oneOf); an empty list is no restriction (L7Rules.IsEmpty). All but DNS are for TCP alone,
//!    none stands on port "0" (rule_validation.go). Denials have none.
//! 3. HTTP: see [`requests`](super::requests).
//! 4. DNS: egress only, no ranges of ports. `matchPattern: "*"` lets every question through and makes the answers known.
//! 5. `serverNames` are those that TLS asks for, no empty one; with `rules` they need `terminatingTLS`. A `listener` is for
//!    egress without `rules`. `authentication` that is not `disabled` is asked for before anything passes.

use super::layer7::{Authentication, Kafka, L7Rules, Listener, Secret, Tls};
use super::object::PortRule;
use super::peers::NULL;
use super::ports::Place;
use super::{names, requests};
use crate::diag::quote;
use crate::dialects::reading::object::{Pairs, PortValue};
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Purpose, Reader};
use crate::model::{Direction, HttpRule, Sym};
use crate::source::Span;

/// What ports are asked besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Above {
    pub(super) http: Vec<HttpRule>,
    /// Every DNS question passes, and is read along.
    pub(super) dns_proxy: bool,
    /// There are questions, of all kinds or some.
    pub(super) dns: bool,
    /// There are `rules` that restrict something.
    pub(super) rules: bool,
}

/// A condition that is no header (1.).
type Held = (Sym, Sym);

/// 1., 2., 5. What stands above one entry of ports.
pub(super) fn read(with: &mut Reader<'_, '_>, rule: &PortRule<'_>, at: Place) -> Option<Above> {
    let held = [
        rule.terminating_tls.as_ref().map(|tls| tls_secret(with, tls, ":tls-ends-here", at)),
        rule.originating_tls.as_ref().map(|tls| tls_secret(with, tls, ":tls-starts-here", at)),
        rule.listener.as_ref().map(|listener| self::listener(with, listener, at)),
    ];
    let held: Vec<Held> = held.into_iter().flatten().collect::<Option<_>>()?;
    let mut above = match &rule.rules {
        Some(_) if at.deny => {
            return with.error(at.span, "`rules` of a denial", "a denial is of whole ports: remove them");
        }
        Some(rules) => rules_of(with, rules, at)?,
        None => Above::default(),
    };
    if at.deny && (!held.is_empty() || rule.server_names.is_some()) {
        return with.error(at.span, "a proxy above a denial", "a denial is of whole ports: name nothing else");
    }
    let has_rules = above.rules;
    if rule.listener.is_some() && (has_rules || at.direction == Direction::Ingress) {
        let message = "a `listener` on ingress or beside `rules`, which Cilium does not take";
        return with.error(at.span, message, "remove one of them");
    }
    if let Some(texts) = &rule.server_names {
        if has_rules && !texts.is_empty() && rule.terminating_tls.is_none() {
            let help = "write `terminatingTLS` too, or remove `rules`";
            return with.error(at.span, "`serverNames` beside `rules` without `terminatingTLS`", help);
        }
        above.http = server_names(with, texts, above.http)?;
    }
    above.http = held.into_iter().fold(above.http, |http, held| all_with(http, &held));
    if with.purpose == Purpose::Rendered && above.http.iter().any(|rule| rule.headers.iter().any(is_held)) {
        return with.error(at.span, "what a proxy asks here cannot be proved", "write HTTP rules, or ports alone");
    }
    above.http.sort();
    above.http.dedup();
    Some(above)
}

fn is_held((name, _): &Held) -> bool {
    name.starts_with(':')
}

/// Each of some rules with a condition more; the condition alone where there are none.
fn all_with(http: Vec<HttpRule>, held: &Held) -> Vec<HttpRule> {
    let http = if http.is_empty() { vec![HttpRule { method: None, path: None, headers: vec![] }] } else { http };
    let add = |mut rule: HttpRule| {
        rule.headers.push(held.clone());
        rule.headers.sort();
        rule
    };
    http.into_iter().map(add).collect()
}

/// 5.
fn server_names(with: &mut Reader<'_, '_>, texts: &[Text<'_>], http: Vec<HttpRule>) -> Option<Vec<HttpRule>> {
    let mut all = vec![];
    for text in texts {
        let name = with.string(text)?;
        let rest = name.trim_start_matches('*');
        let rest = if rest.len() == name.len() { Some(name) } else { rest.strip_prefix('.') };
        let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 255 || !rest.is_some_and(|rest| rest.chars().all(is_known)) {
            let message = format!("{} is no name of a server", quote(name));
            return with.error(with.doc.place(text), message, "write it as `api.example.com` or `*.example.com`");
        }
        all.extend(all_with(http.clone(), &(":server-name".into(), name.to_ascii_lowercase().as_str().into())));
    }
    Some(if texts.is_empty() { http } else { all })
}

/// 5. A condition before anything passes.
pub(super) fn authentication(
    with: &mut Reader<'_, '_>,
    written: Option<&Authentication<'_>>,
    at: Place,
) -> Option<Option<Held>> {
    let Some(written) = written else { return Some(None) };
    let Some(text) = &written.mode else {
        return with.error(at.span, "`mode` of `authentication` is missing", "write `required` or `disabled`");
    };
    let mode = with.string(text)?;
    if at.deny {
        return with.error(at.span, "`authentication` of a denial", "remove it");
    }
    match mode {
        "disabled" => Some(None),
        "required" | "test-always-fail" if with.purpose == Purpose::Given => {
            Some(Some((":authentication".into(), mode.into())))
        }
        "required" | "test-always-fail" => {
            with.error(with.doc.place(text), "authentication cannot be proved", "leave it out")
        }
        _ => {
            let message = format!("{} is no mode of authentication", quote(mode));
            with.error(with.doc.place(text), message, "write `required` or `disabled`")
        }
    }
}

/// The rules of an entry with a condition before them.
pub(super) fn with_held(above: Above, held: Option<&Held>) -> Above {
    match held {
        Some(held) => Above { http: all_with(above.http, held), dns_proxy: false, ..above },
        None => above,
    }
}

fn tls_secret(with: &mut Reader<'_, '_>, tls: &Tls<'_>, what: &str, at: Place) -> Option<Held> {
    let Some(secret) = &tls.secret else {
        return with.error(at.span, "`secret` of TLS is missing", "name the secret that holds the certificate");
    };
    Some((what.into(), named(with, secret, at)?.as_str().into()))
}

pub(super) fn named(with: &mut Reader<'_, '_>, secret: &Secret<'_>, at: Place) -> Option<String> {
    let namespace = match &secret.namespace {
        Some(text) => format!("{}/", with.string(text)?),
        None => String::new(),
    };
    match &secret.name {
        Some(text) => Some(format!("{namespace}{}", with.string(text)?)),
        None => with.error(at.span, "`name` of a secret is missing", "write it"),
    }
}

fn listener(with: &mut Reader<'_, '_>, listener: &Listener<'_>, at: Place) -> Option<Held> {
    let help = "write `name`, and `envoyConfig` with a `name`";
    let config = listener.envoy_config.as_ref().and_then(|config| config.name.as_ref());
    let (Some(name), Some(config)) = (&listener.name, config) else {
        return with.error(at.span, "a `listener` without a name of its own or of its configuration", help);
    };
    let (name, config) = (with.string(name)?, with.string(config)?);
    let kind = listener.envoy_config.as_ref().and_then(|config| config.kind.as_ref());
    let kind = kind.map_or(Some(""), |kind| with.string(kind))?;
    let is_kind = ["", "CiliumEnvoyConfig", "CiliumClusterwideEnvoyConfig"].contains(&kind);
    let is_priority = matches!(listener.priority, None | Some(PortValue::Number(1..=100)));
    match is_kind && is_priority && !name.is_empty() && !config.is_empty() {
        true => Some((":listener".into(), format!("{kind}/{config}/{name}").as_str().into())),
        false => with.error(at.span, "a `listener` that Cilium does not take", help),
    }
}

/// 2.
fn rules_of(with: &mut Reader<'_, '_>, rules: &L7Rules<'_>, at: Place) -> Option<Above> {
    let kinds = [rules.http.is_some(), rules.dns.is_some(), rules.kafka.is_some(), rules.l7proto.is_some()];
    if kinds.iter().filter(|kind| **kind).count() != 1 || rules.l7.is_some() && rules.l7proto.is_none() {
        let help = "write `http` with requests, or `dns` with `matchPattern: \"*\"` alone";
        return with.error(at.span, "`rules` of no kind, or of several", help);
    }
    let mut above = Above::default();
    for request in rules.http.iter().flatten() {
        above.http.push(requests::http(with, request.as_ref(), at)?);
    }
    for message in rules.kafka.iter().flatten() {
        above.http.extend(all_with(vec![], &kafka(with, message.as_ref(), at.span)?));
    }
    for name in rules.dns.iter().flatten() {
        let name = names::read(with, name.as_ref(), at.span)?;
        above.dns = true;
        above.dns_proxy |= &*name == "*";
        above.http.extend(all_with(vec![], &(":dns-question".into(), name)));
    }
    if above.dns_proxy {
        // Every question passes: the others say nothing more.
        above.http.clear();
    }
    if let Some(text) = &rules.l7proto {
        above.http.extend(custom(with, text, rules.l7.as_deref().unwrap_or_default(), at.span)?);
    }
    above.rules = above.dns || !above.http.is_empty();
    if with.purpose == Purpose::Rendered && !above.rules {
        return with.error(at.span, "`rules` that restrict nothing", "remove them");
    }
    Some(above)
}

fn custom(
    with: &mut Reader<'_, '_>,
    protocol: &Text<'_>,
    rules: &[Option<Pairs<'_>>],
    span: Span,
) -> Option<Vec<HttpRule>> {
    let protocol = with.string(protocol)?;
    if protocol.is_empty() {
        return Some(vec![]);
    }
    let mut out = vec![];
    for rule in rules {
        let Some(pairs) = rule else {
            return with.error(span, "null stands where a rule is expected", NULL);
        };
        let mut words = vec![];
        for (key, value) in &pairs.0 {
            words.push(format!("{}={}", with.string(key)?, with.string(value)?));
        }
        words.sort();
        out.extend(all_with(vec![], &(":l7proto".into(), format!("{protocol} {}", words.join(" ")).as_str().into())));
    }
    Some(if out.is_empty() { all_with(vec![], &(":l7proto".into(), protocol.into())) } else { out })
}

fn kafka(with: &mut Reader<'_, '_>, message: Option<&Kafka<'_>>, span: Span) -> Option<Held> {
    let Some(message) = message else {
        return with.error(span, "null stands where a Kafka rule is expected", NULL);
    };
    if message.role.is_some() && message.api_key.is_some() {
        return with.error(span, "`role` beside `apiKey`, which Cilium does not take", "write one of them");
    }
    let mut words = vec![];
    for (field, text) in [
        ("role", &message.role),
        ("apiKey", &message.api_key),
        ("apiVersion", &message.api_version),
        ("clientID", &message.client_id),
        ("topic", &message.topic),
    ] {
        if let Some(text) = text {
            words.push(format!("{field}={}", with.string(text)?));
        }
    }
    Some((":kafka".into(), words.join(" ").as_str().into()))
}
