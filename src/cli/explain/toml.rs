//! Lines of intents, as a person would write them.

use super::resolve::set;
use crate::model::{Labels, NAMESPACE_NAME, PortRange, Protocol, Sym};
use crate::verify::PortSet;
use crate::verify::law::Pod;

/// The value of an edge's `ports`; `Some(None)`: the callee declares just these; `None`: nobody knows which.
pub(super) fn ports(asked: Option<&PortSet>, declared: &[PortRange]) -> Option<Option<String>> {
    match asked {
        None if declared.is_empty() => None,
        None => Some(None),
        Some(asked) if !declared.is_empty() && set(declared) == *asked => Some(None),
        Some(asked) if *asked == PortSet::every() => Some(Some("\"all\"".to_owned())),
        Some(asked) => {
            let ports = asked.ranges().iter().map(|ports| {
                let range = PortRange { protocol: ports.protocol, first: ports.first, last: ports.last };
                match range.protocol == Protocol::Tcp && range.first == range.last {
                    true => range.first.to_string(),
                    false => format!("\"{range}\""),
                }
            });
            Some(Some(format!("[{}]", ports.collect::<Vec<_>>().join(", "))))
        }
    }
}

/// What a pod's labels call it.
pub(super) fn name_of(pod: &Pod) -> String {
    let named = ["app", "app.kubernetes.io/name", "k8s-app"].iter().find_map(|key| pod.labels.get(key));
    let any = || pod.labels.iter().map(|(_, value)| value).find(|value| !value.is_empty());
    let place = || pod.namespace.get(NAMESPACE_NAME);
    slug(named.or_else(any).or_else(place).map_or("pods", |name| name))
}

/// The longest name that is made of a text.
const MAX_NAME: usize = 50;

/// A text as a name of the language.
pub(super) fn slug(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    name.truncate(MAX_NAME);
    match name.trim_matches('-') {
        "" => "pods".to_owned(),
        name => name.to_owned(),
    }
}

/// Lines of a table, their values below each other.
pub(super) fn aligned(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    lines.iter().map(|(key, value)| format!("{key:width$} = {value}\n")).collect()
}

pub(super) fn pods(of: &Labels) -> String {
    if of.is_empty() { text("all") } else { labels(of) }
}

pub(super) fn labels(labels: &Labels) -> String {
    let bare = |key: &str| key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let pair = |(key, value): (&Sym, &Sym)| match bare(key) {
        true => format!("{key} = {}", text(value)),
        false => format!("{} = {}", text(key), text(value)),
    };
    format!("{{ {} }}", labels.iter().map(pair).collect::<Vec<_>>().join(", "))
}

/// A TOML string: everything that is written here was checked, and holds nothing to escape.
pub(super) fn text(text: &str) -> String {
    format!("\"{text}\"")
}
