//! A flow table: text to lines. See `README.md` beside it for the format.

use std::collections::BTreeMap;
use std::net::IpAddr;

pub type Labels = BTreeMap<String, String>;

/// One verdict.
pub struct Line {
    pub number: usize,
    pub text: String,
    pub allow: bool,
    pub from: End,
    pub to: End,
    pub port: u16,
    pub protocol: String,
}

/// One end of a connection.
pub enum End {
    Pod(Pod),
    Address(IpAddr),
    /// By host name. No table has it: not every dialect knows names.
    Name(String),
    Node,
    /// No table has it, for the same reason.
    ApiServer,
}

pub struct Pod {
    pub namespace: String,
    /// With the name that the API server adds.
    pub namespace_labels: Labels,
    pub labels: Labels,
}

pub fn parse(text: &str) -> Vec<Line> {
    text.lines().enumerate().filter_map(|(at, text)| line(at + 1, text)).collect()
}

fn line(number: usize, text: &str) -> Option<Line> {
    let text = text.split('#').next().unwrap().trim();
    if text.is_empty() {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let [verdict, from, "->", to, port] = words[..] else { panic!("line {number} is no verdict: {text}") };
    let allow = match verdict {
        "allow" => true,
        "deny" => false,
        other => panic!("line {number}: {other} is no verdict"),
    };
    let (port, protocol) = port.split_once('/').unwrap_or_else(|| panic!("line {number}: {port} has no protocol"));
    assert!(["TCP", "UDP", "SCTP"].contains(&protocol), "line {number}: {protocol}");
    assert_ne!(to, "node", "line {number}: a node is a source only");
    Some(Line {
        number,
        text: words.join(" "),
        allow,
        from: end(number, from),
        to: end(number, to),
        port: port.parse().unwrap(),
        protocol: protocol.to_owned(),
    })
}

fn end(number: usize, text: &str) -> End {
    if text == "node" {
        return End::Node;
    }
    if let Some(address) = text.strip_prefix("ip:") {
        return End::Address(address.parse().unwrap_or_else(|_| panic!("line {number}: {address} is no address")));
    }
    let (place, pod) = text.split_once('/').unwrap_or_else(|| panic!("line {number}: {text} is no end"));
    let (namespace, own) = match place.split_once('{') {
        Some((namespace, rest)) => (namespace, rest.strip_suffix('}').unwrap()),
        None => (place, ""),
    };
    let mut namespace_labels = labels(own);
    namespace_labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.to_owned());
    End::Pod(Pod { namespace: namespace.to_owned(), namespace_labels, labels: labels(pod) })
}

fn labels(text: &str) -> Labels {
    text.split(',')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or_else(|| panic!("{pair} is no label"));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}
