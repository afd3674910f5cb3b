//! Whom a text names: hosts that may be Services, with their ports.
//!
//! In: a text of a container. Out: [`Target`]s, generously: what is no address of anything is taken for one too, as
//! `redis:7`, which is an image. So nothing follows from a target alone, but only from one that a Service of that name
//! has. What has no port is a target only where it can hardly be another word: behind `://`, in the cluster's own domain,
//! or where it is all that a variable for hosts holds.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Mention;

/// No longer text is looked at to its end: nobody lists callees in it.
const MAX_TEXT: usize = 64 * 1024;

/// No name of a host is longer (RFC 1035, 2.3.4).
const MAX_HOST: usize = 254;

/// A host that a text names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target<'t> {
    /// Its name in small letters, without a dot at its end.
    pub host: Cow<'t, str>,
    /// Its port, if it is written, or if the scheme before it implies one.
    pub port: Option<u16>,
}

/// Ports that schemes imply.
const SCHEMES: [(&str, u16); 21] = [
    ("amqp", 5672),
    ("amqps", 5671),
    ("ftp", 21),
    ("grpc", 443),
    ("http", 80),
    ("https", 443),
    ("ldap", 389),
    ("ldaps", 636),
    ("mongodb", 27017),
    ("mqtt", 1883),
    ("mysql", 3306),
    ("nats", 4222),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("redis", 6379),
    ("rediss", 6379),
    ("smtp", 25),
    ("sqlserver", 1433),
    ("ssh", 22),
    ("ws", 80),
    ("wss", 443),
];

/// How variables end that hold a host, in capitals.
const HOSTS: [&str; 12] = [
    "HOST",
    "HOSTNAME",
    "HOSTS",
    "ADDR",
    "ADDRESS",
    "ADDRESSES",
    "ENDPOINT",
    "SERVER",
    "SERVERS",
    "URL",
    "URI",
    "BROKER",
];

/// How those end that hold a port.
const PORT: &str = "PORT";

/// Keys of connection strings, `host=db port=5432`, in small letters.
const HOST_KEYS: [&str; 5] = ["host", "hostname", "server", "addr", "address"];

/// Tools that are told a host and a port in two words.
const TOOLS: [&str; 4] = ["nc", "ncat", "netcat", "telnet"];

/// How many words behind a tool may be its own.
const MAX_FLAGS: usize = 8;

/// The targets in a text.
pub fn targets(text: &str) -> Vec<Target<'_>> {
    let text = head(text);
    let words = words(text);
    words.iter().filter_map(|word| target(word)).chain(keyed(text)).chain(dialled(&words)).collect()
}

/// The targets that a pod's texts name, with the texts: also those of hosts and ports that stand in variables of their own,
/// `DB_HOST` and `DB_PORT`, or in arguments, `--db-host=` and `--db-port=`.
pub fn mentioned(mentions: &[Mention]) -> Vec<(&Mention, Target<'_>)> {
    let mut ports: HashMap<String, u16> = HashMap::new();
    for (name, value) in mentions.iter().filter_map(named) {
        if let (Some(before), Some(port)) = (name.strip_suffix(PORT), port(value)) {
            ports.entry(before.to_owned()).or_insert(port);
        }
    }
    let mut found = vec![];
    for mention in mentions {
        match named(mention).and_then(|(name, value)| Some((before_host(&name)?.to_owned(), host(value)?))) {
            Some((before, host)) => found.push((mention, Target { host, port: ports.get(&before).copied() })),
            None => found.extend(targets(&mention.text).into_iter().map(|target| (mention, target))),
        }
    }
    found
}

/// The name of a variable in capitals, and its value; an argument `--name=value` is one too.
fn named(mention: &Mention) -> Option<(String, &str)> {
    let (name, value) = match &mention.variable {
        Some(name) => (&**name, &*mention.text),
        None => mention.text.split_once('=').filter(|(name, _)| name.starts_with('-'))?,
    };
    if name.len() > MAX_HOST || value.len() > MAX_HOST {
        return None;
    }
    let name = name.trim_start_matches('-').to_ascii_uppercase().replace(['-', '.'], "_");
    Some((name, value.trim()))
}

/// What stands in the name of a variable before the word that says that it holds a host.
fn before_host(name: &str) -> Option<&str> {
    HOSTS.iter().filter_map(|end| name.strip_suffix(end)).min_by_key(|before| before.len())
}

/// As much of a text as is looked at.
fn head(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The words of a text that may be addresses. A reference to a variable, `$(NAME)` or `${NAME}`, is a part of its word.
fn words(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut words, mut start, mut at) = (vec![], 0, 0);
    while let Some(byte) = bytes.get(at) {
        if *byte == b'$'
            && let Some(length) = reference(bytes.get(at..).unwrap_or_default())
        {
            at += length;
            continue;
        }
        // All of them are single bytes, so every cut is between characters.
        if byte.is_ascii_whitespace() || b",;|\"'`<>[](){}=&?#".contains(byte) {
            words.extend(text.get(start..at).filter(|word| !word.is_empty()));
            start = at + 1;
        }
        at += 1;
    }
    words.extend(text.get(start..).filter(|word| !word.is_empty()));
    words
}

/// The length of the reference to a variable that a text begins with.
fn reference(text: &[u8]) -> Option<usize> {
    let close = match text.get(1)? {
        b'(' => b')',
        b'{' => b'}',
        _ => return None,
    };
    let name = text.get(2..)?.iter().take(MAX_HOST);
    let length = name.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')).count();
    (text.get(2 + length) == Some(&close)).then_some(length + 3)
}

/// The target that a word is.
fn target(word: &str) -> Option<Target<'_>> {
    let (scheme, rest) = match word.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.rsplit(':').next().unwrap_or_default()), rest),
        None => (None, word.strip_prefix("//").unwrap_or(word)),
    };
    // Names of gRPC have the address behind the authority (grpc, doc/naming.md).
    let rest = match scheme {
        Some("dns" | "passthrough" | "xds") => rest.strip_prefix('/').unwrap_or(rest),
        None => rest.strip_prefix("dns:").unwrap_or(rest),
        Some(_) => rest,
    };
    let authority = rest.split(['/', '\\']).next().unwrap_or_default();
    let (_, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    if let Some((name, number)) = place.split_once(':') {
        return Some(Target { host: host(name)?, port: Some(port(number)?) });
    }
    let host = host(place)?;
    match scheme {
        Some(scheme) => Some(Target { host, port: implied(scheme) }),
        None if is_of_cluster(&host) => Some(Target { host, port: None }),
        None => None,
    }
}

/// The port that a scheme implies; `postgresql+asyncpg` names a driver behind the protocol.
fn implied(scheme: &str) -> Option<u16> {
    let (protocol, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    // The port is in the cluster's DNS.
    if driver == "srv" {
        return None;
    }
    SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(protocol)).map(|(_, port)| *port)
}

/// The host of a connection string, `host=db port=5432` or `Server=db;Port=5432`.
fn keyed(text: &str) -> Option<Target<'_>> {
    let parts = text.split(|c: char| c.is_whitespace() || matches!(c, ';' | '&' | '?'));
    let pairs: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    // A single one is a flag, or a variable that a script sets.
    if pairs.len() < 2 {
        return None;
    }
    let is = |key: &str, known: &str| key.eq_ignore_ascii_case(known);
    let (_, name) = pairs.iter().find(|(key, _)| HOST_KEYS.iter().any(|known| is(key, known)))?;
    let number = pairs.iter().find(|(key, _)| is(key, PORT)).and_then(|(_, number)| port(number));
    Some(Target { host: host(name)?, port: number })
}

/// What a script dials by tools that take host and port apart: `nc -z db 5432`.
fn dialled<'t>(words: &[&'t str]) -> Vec<Target<'t>> {
    let is_tool = |word: &str| TOOLS.contains(&word.rsplit('/').next().unwrap_or_default());
    let mut found = vec![];
    for (at, _) in words.iter().enumerate().filter(|(_, word)| is_tool(word)) {
        let after = words.iter().skip(at + 1).take(MAX_FLAGS);
        let pair = after.clone().zip(after.skip(1)).find_map(|(name, number)| Some((host(name)?, port(number)?)));
        found.extend(pair.map(|(host, port)| Target { host, port: Some(port) }));
    }
    found
}

/// A port as people write it.
fn port(text: &str) -> Option<u16> {
    let digits = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| digits)
}

/// A name of a host, which no address is: it has a letter. Labels that begin with `_` ask for a port by its name.
fn host(text: &str) -> Option<Cow<'_, str>> {
    if text.len() > MAX_HOST {
        return None;
    }
    let mut name = text.strip_suffix('.').unwrap_or(text);
    while let Some((label, rest)) = name.split_once('.').filter(|(label, _)| label.starts_with('_')) {
        name = if label.len() > 1 { rest } else { return None };
    }
    let good = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if !name.split('.').all(good) || !name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    Some(match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => name.to_ascii_lowercase().into(),
        false => name.into(),
    })
}

/// Whether a host can only be a Service's, or a pod's behind one.
fn is_of_cluster(host: &str) -> bool {
    host.split('.').skip(2).take(2).any(|label| label == "svc")
}

/// A Service that a host may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'t> {
    /// Its namespace.
    pub namespace: &'t str,
    /// Its name.
    pub service: &'t str,
    /// The host is one pod of it: only a headless Service gives its pods names.
    pub of_pod: bool,
}

/// The Services that a host may be when a pod of a namespace asks for it, in the order in which DNS tries them
/// (kubernetes/dns, docs/specification.md; pkg/kubelet/network/dns, `generateSearchesForDNSClusterFirst`).
pub fn candidates<'t>(host: &'t str, namespace: &'t str) -> Vec<Candidate<'t>> {
    let one = |namespace, service, of_pod| Candidate { namespace, service, of_pod };
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        [name] => vec![one(namespace, name, false)],
        [first, second] => vec![one(namespace, second, true), one(second, first, false)],
        [name, of, "svc", ..] => vec![one(of, name, false)],
        [_, name, of] | [_, name, of, "svc", ..] => vec![one(of, name, true)],
        _ => vec![],
    }
}

#[cfg(test)]
mod tests;
