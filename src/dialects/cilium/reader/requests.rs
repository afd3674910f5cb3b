//! HTTP rules.
//!
//! 1. A request that fits one of the rules may pass, and nothing else. Method, path and host are regular expressions; an empty
//!    one is any. Paths: see [`path`](super::path), what is an expression: see [`regexp`](super::regexp).
//! 2. `headers`: split at the first space; `name: value` is that exact value, without one the header must be there
//!    (envoy_l7_rules_translator.go). `headerMatches` that say what to do on a mismatch restrict nothing (api/http.go).

use super::above::named;
use super::layer7::{HeaderMatch, Http};
use super::peers::NULL;
use super::ports::Place;
use super::{path, regexp};
use crate::diag::quote;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Purpose, Reader};
use crate::model::{HttpRule, Sym};

/// 1.
pub(super) fn http(with: &mut Reader<'_, '_>, request: Option<&Http<'_>>, at: Place) -> Option<HttpRule> {
    let Some(request) = request else {
        return with.error(at.span, "null stands where an HTTP rule is expected", NULL);
    };
    let method = match &request.method {
        None => None,
        Some(text) => expression(with, text, "method")?,
    };
    // A regular expression as well: only a plain word is one method.
    let is_plain = |word: &str| word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    if let (Some(text), Some(word)) = (&request.method, &method)
        && with.purpose == Purpose::Rendered
        && !is_plain(word)
    {
        let message = format!("{} is no plain HTTP method", quote(word));
        return with.error(with.doc.place(text), message, "write one method, as `GET`");
    }
    let path = match &request.path {
        None => None,
        Some(text) => expression(with, text, "path")?.map(|word| path::meant(&word).as_str().into()),
    };
    let mut headers = vec![];
    for text in request.headers.iter().flatten() {
        headers.push(header(with, text)?);
    }
    for matched in request.header_matches.iter().flatten() {
        headers.extend(header_match(with, matched.as_ref(), at)?);
    }
    if let Some(text) = &request.host
        && let Some(host) = expression(with, text, "host")?
    {
        headers.push((":authority".into(), host));
    }
    headers.sort();
    headers.dedup();
    Some(HttpRule { method, path, headers })
}

/// A regular expression; none where it is empty.
fn expression(with: &mut Reader<'_, '_>, text: &Text<'_>, what: &str) -> Option<Option<Sym>> {
    let word = with.string(text)?;
    let place = with.doc.place(text);
    if word.is_empty() && with.purpose == Purpose::Given {
        return Some(None);
    }
    if word.is_empty() {
        return with.error(place, format!("an empty {what}, which is any"), "remove it");
    }
    if !regexp::is_valid(word) {
        let message = format!("the {what} {} is no regular expression", quote(word));
        return with.error(place, message, "write it as `^/api/v1(\\?.*)?$`");
    }
    Some(Some(word.into()))
}

/// 2.
fn header(with: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<(Sym, Sym)> {
    let line = with.string(text)?;
    // A token (RFC 9110, 5.6.2); names are compared without regard to case, so there is one form.
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "!#$%&'*+-.^_`|~".contains(c);
    let parts = line.split_once(' ').and_then(|(name, value)| Some((name.strip_suffix(':')?, value)));
    match parts {
        Some((name, value)) if !name.is_empty() && name.chars().all(is_name) && !value.trim().is_empty() => {
            Some((name.into(), value.into()))
        }
        _ if with.purpose == Purpose::Given => {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            let name = name.trim_end_matches(':').to_ascii_lowercase();
            Some((name.as_str().into(), value.into()))
        }
        _ => {
            let message = format!("the header {} is not `name: value`", quote(line));
            with.error(with.doc.place(text), message, "write the name in lower case, a colon, a space and the value")
        }
    }
}

/// 2. What a match asks, if it refuses what does not match.
fn header_match(with: &mut Reader<'_, '_>, matched: Option<&HeaderMatch<'_>>, at: Place) -> Option<Option<(Sym, Sym)>> {
    let Some(matched) = matched else {
        return with.error(at.span, "null stands where a match of a header is expected", NULL);
    };
    let name = match &matched.name {
        Some(text) => with.string(text)?.to_ascii_lowercase(),
        None => String::new(),
    };
    if name.is_empty() {
        return with.error(at.span, "`name` of a header is missing", "write it");
    }
    let value = matched.value.as_ref().map_or(Some(""), |text| with.string(text))?;
    if let Some(text) = &matched.mismatch {
        let action = with.string(text)?;
        if ["LOG", "ADD", "DELETE", "REPLACE"].contains(&action) {
            return Some(None);
        }
        let message = format!("{} is nothing to do on a mismatch", quote(action));
        return with.error(with.doc.place(text), message, "write `LOG`, `ADD`, `DELETE` or `REPLACE`");
    }
    Some(Some(match &matched.secret {
        None => (name.as_str().into(), value.into()),
        Some(secret) => {
            let secret = named(with, secret, at)?;
            (":secret-header".into(), format!("{name} {secret} {value}").as_str().into())
        }
    }))
}
