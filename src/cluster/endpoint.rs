//! What a command line may ask about beside pods: other ends of flows, and probes.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::Cluster;
use crate::diag::{nearest, quote};
use crate::model::{Protocol, Sym};
use crate::verify::normal::Entity;

/// Entities by their words (Cilium, pkg/policy/api/entity.go).
const ENTITIES: [(&str, Entity); 7] = [
    ("host", Entity::Host),
    ("remote-node", Entity::RemoteNode),
    ("kube-apiserver", Entity::ApiServer),
    ("ingress", Entity::Ingress),
    ("health", Entity::Health),
    ("init", Entity::Init),
    ("unmanaged", Entity::Unmanaged),
];

/// One end of a flow that is no pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// An address outside the cluster.
    Address(IpAddr),
    /// Something of the cluster that is no pod.
    Entity(Entity),
    /// A host outside the cluster, whose name was looked up before.
    Host {
        /// Its name, in lower case.
        name: Sym,
        /// What its name was resolved to, if that is known.
        address: Option<IpAddr>,
    },
}

/// A word of a command line that means nothing, with what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear(String);

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unclear {}

fn unclear<T>(message: impl Into<String>) -> Result<T, Unclear> {
    Err(Unclear(message.into()))
}

impl FromStr for Endpoint {
    type Err = Unclear;

    fn from_str(text: &str) -> Result<Self, Unclear> {
        match text.split_once(':') {
            Some(("ip", word)) => address(word).map(Self::Address),
            Some(("entity", word)) => entity(word).map(Self::Entity),
            Some(("fqdn", word)) => host(word),
            _ if text.parse::<IpAddr>().is_ok() => {
                unclear(format!("an address is written {}", quote(&format!("ip:{text}"))))
            }
            _ => unclear(format!(
                "{} is no endpoint: write `ip:203.0.113.7`, `entity:host`, `fqdn:api.example.com` or \
                 `fqdn:api.example.com=203.0.113.7`; pods come from the manifests",
                quote(text)
            )),
        }
    }
}

fn address(word: &str) -> Result<IpAddr, Unclear> {
    match word.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) if let Some(v4) = v6.to_ipv4_mapped() => {
            unclear(format!("{} is an IPv4 address in IPv6 form: write {}", quote(word), quote(&v4.to_string())))
        }
        Ok(address) => Ok(address),
        Err(_) if word.contains('/') => unclear(format!("{} is a range: name one address of it", quote(word))),
        Err(_) => unclear(format!("{} is no IPv4 or IPv6 address", quote(word))),
    }
}

fn entity(word: &str) -> Result<Entity, Unclear> {
    if let Some((_, entity)) = ENTITIES.iter().find(|(known, _)| *known == word) {
        return Ok(*entity);
    }
    let known = ENTITIES.map(|(known, _)| known);
    let proposal = match nearest(word, known) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None => format!("there are {}", known.join(", ")),
    };
    unclear(format!("{} is no entity; {proposal}", quote(word)))
}

fn host(word: &str) -> Result<Endpoint, Unclear> {
    let (name, address) = match word.split_once('=') {
        Some((name, word)) => (name, Some(address(word)?)),
        None => (word, None),
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if name.contains('*') {
        return unclear(format!("{} is a pattern: name one host", quote(&name)));
    }
    if name.parse::<IpAddr>().is_ok() {
        return unclear(format!("{} is an address: write {}", quote(&name), quote(&format!("ip:{name}"))));
    }
    // DNS names in queries may have underscores (RFC 8553), so names are not held to those of hosts.
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return unclear(format!(
            "{} is no host name: write labels of letters, digits and hyphens, joined by dots",
            quote(&name)
        ));
    }
    Ok(Endpoint::Host { name: name.into(), address })
}

/// As it is written, in the one form that output has.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "ip:{address}"),
            Self::Entity(entity) => {
                let word = ENTITIES.iter().find(|(_, known)| known == entity).map_or("", |(word, _)| *word);
                write!(f, "entity:{word}")
            }
            Self::Host { name, address: None } => write!(f, "fqdn:{name}"),
            Self::Host { name, address: Some(address) } => write!(f, "fqdn:{name}={address}"),
        }
    }
}

/// A destination's protocol and port, as `TCP/80`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probe {
    /// The protocol.
    pub protocol: Protocol,
    /// The port, from 1.
    pub port: u16,
}

impl FromStr for Probe {
    type Err = Unclear;

    fn from_str(text: &str) -> Result<Self, Unclear> {
        let protocol = |word: &str| Protocol::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(word));
        let Some((word, number)) = text.split_once('/') else {
            return unclear(format!("{} is no probe: write protocol and port, as `TCP/80`", quote(text)));
        };
        let Some(known) = protocol(word) else {
            if let Some(known) = protocol(number) {
                let turned = format!("{}/{word}", known.as_str());
                return unclear(format!("a probe is written {}, protocol first", quote(&turned)));
            }
            return unclear(format!("{} is no protocol of a probe: write `TCP`, `UDP` or `SCTP`", quote(word)));
        };
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        match number.parse() {
            Ok(port) if digits => Ok(Self { protocol: known, port }),
            _ => unclear(format!("{} is no port: write a number from 1 to 65535", quote(number))),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.protocol.as_str(), self.port)
    }
}

/// Whether endpoints stand beside the pods of a cluster: each once, and none of them a pod.
///
/// # Errors
/// At the first that does not.
pub fn check_endpoints(endpoints: &[Endpoint], cluster: &Cluster) -> Result<(), Unclear> {
    once(endpoints)?;
    for endpoint in endpoints {
        let (Endpoint::Address(address) | Endpoint::Host { address: Some(address), .. }) = endpoint else { continue };
        let live = |pod: &&super::Pod| !pod.finished && pod.addresses.contains(address);
        if let Some(pod) = cluster.pods.iter().find(live) {
            let (endpoint, path) = (quote(&endpoint.to_string()), quote(&pod.path()));
            return unclear(format!("{endpoint} is the address of pod {path}, which is there already: leave it out"));
        }
    }
    Ok(())
}

/// Whether each probe is there once.
///
/// # Errors
/// At the first that is not.
pub fn check_probes(probes: &[Probe]) -> Result<(), Unclear> {
    once(probes)
}

fn once<T: Ord + fmt::Display>(items: &[T]) -> Result<(), Unclear> {
    let mut seen = BTreeSet::new();
    match items.iter().find(|item| !seen.insert(*item)) {
        Some(twice) => unclear(format!("{} is given twice", quote(&twice.to_string()))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Result<String, String> {
        text.parse::<Endpoint>().map(|endpoint| endpoint.to_string()).map_err(|error| error.to_string())
    }

    fn probe(text: &str) -> Result<String, String> {
        text.parse::<Probe>().map(|probe| probe.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn endpoints_have_one_form() {
        for (given, shown) in [
            ("ip:203.0.113.7", "ip:203.0.113.7"),
            ("ip:2001:DB8:0::7", "ip:2001:db8::7"),
            ("entity:kube-apiserver", "entity:kube-apiserver"),
            ("fqdn:API.example.com.", "fqdn:api.example.com"),
            ("fqdn:api.example.com=203.0.113.7", "fqdn:api.example.com=203.0.113.7"),
            ("fqdn:_sip._tcp.example.com=2001:DB8::1", "fqdn:_sip._tcp.example.com=2001:db8::1"),
        ] {
            assert_eq!(endpoint(given).unwrap(), shown);
            assert_eq!(endpoint(shown).unwrap(), shown, "what is shown can be given");
        }
        for (word, _) in ENTITIES {
            assert_eq!(endpoint(&format!("entity:{word}")).unwrap(), format!("entity:{word}"));
        }
    }

    #[test]
    fn other_words_are_no_endpoints() {
        for (given, part) in [
            ("203.0.113.7", "is written `ip:203.0.113.7`"),
            ("2001:db8::7", "is written `ip:2001:db8::7`"),
            ("shop/web", "pods come from the manifests"),
            ("", "no endpoint"),
            ("ip:", "no IPv4 or IPv6 address"),
            ("ip:203.0.113.0/24", "is a range"),
            ("ip:203.0.113.07", "no IPv4 or IPv6 address"),
            ("ip:::ffff:10.0.0.1", "write `10.0.0.1`"),
            ("ip:fe80::1%eth0", "no IPv4 or IPv6 address"),
            ("entity:hosts", "did you mean `host`?"),
            ("entity:moon", "there are host, remote-node, kube-apiserver"),
            ("fqdn:*.example.com", "is a pattern"),
            ("fqdn:10.0.0.1", "write `ip:10.0.0.1`"),
            ("fqdn:a..b", "no host name"),
            ("fqdn:-a.b", "no host name"),
            ("fqdn:a.b=nowhere", "`nowhere` is no IPv4"),
        ] {
            let message = endpoint(given).unwrap_err();
            assert!(message.contains(part), "{given}: {message}");
        }
    }

    #[test]
    fn probes_are_protocol_and_port() {
        assert_eq!(probe("tcp/80").unwrap(), "TCP/80");
        assert_eq!(probe("SCTP/65535").unwrap(), "SCTP/65535");
        for (given, part) in [
            ("80/TCP", "written `TCP/80`"),
            ("80", "as `TCP/80`"),
            ("ICMP/8", "`ICMP` is no protocol"),
            ("TCP/0", "`0` is no port"),
            ("TCP/65536", "`65536` is no port"),
            ("TCP/+80", "`+80` is no port"),
            ("TCP/080", "`080` is no port"),
            ("TCP/http", "`http` is no port"),
            ("TCP/", "is no port"),
        ] {
            let message = probe(given).unwrap_err();
            assert!(message.contains(part), "{given}: {message}");
        }
    }

    #[test]
    fn nothing_is_asked_twice() {
        let probes = ["tcp/80", "TCP/80"].map(|text| text.parse().unwrap());
        assert_eq!(check_probes(&probes).unwrap_err().to_string(), "`TCP/80` is given twice");
        assert!(check_probes(&probes[..1]).is_ok());
        let endpoints = ["ip:2001:db8::7", "ip:2001:DB8::7"].map(|text| text.parse().unwrap());
        let message = check_endpoints(&endpoints, &Cluster::default()).unwrap_err().to_string();
        assert_eq!(message, "`ip:2001:db8::7` is given twice");
    }
}
