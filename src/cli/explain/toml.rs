//! Lines of intents, as a person would write them.

use super::resolve::set;
use crate::model::{Labels, NAMESPACE_NAME, NamespaceSet, PortRange, Protocol, Sym};
use crate::verify::PortSet;
use crate::verify::law::Pod;
use crate::verify::normal::Ports;

/// The value of an edge's `ports`; `Some(None)`: the callee declares just these; `None`: nobody knows which.
pub(super) fn ports(asked: Option<&PortSet>, declared: &[PortRange]) -> Option<Option<String>> {
    match asked {
        None if declared.is_empty() => None,
        None => Some(None),
        Some(asked) if !declared.is_empty() && set(declared) == *asked => Some(None),
        Some(asked) if *asked == PortSet::every() => Some(Some("\"all\"".to_owned())),
        Some(asked) => {
            let ranges = asked.ranges().iter();
            let range = |ports: &Ports| PortRange { protocol: ports.protocol, first: ports.first, last: ports.last };
            Some(Some(port_list(&ranges.map(range).collect::<Vec<_>>())))
        }
    }
}

/// `[80, "53/UDP"]`.
pub(super) fn port_list(ranges: &[PortRange]) -> String {
    list(ranges.iter().map(|range| match range.protocol == Protocol::Tcp && range.first == range.last {
        true => range.first.to_string(),
        false => text(&range.to_string()),
    }))
}

/// Values in brackets.
pub(super) fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

/// The namespaces of a peer.
pub(super) fn namespaces(set: &NamespaceSet) -> String {
    match set {
        NamespaceSet::All => text("all"),
        NamespaceSet::Labels(by) => format!("{{ labels = {} }}", labels(by)),
        NamespaceSet::Names(names) => match names.as_slice() {
            [one] => text(one),
            several => list(several.iter().map(|name| text(name))),
        },
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
