//! Words of the command line, to ends that the law can be asked about.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::written;
use crate::cluster;
use crate::diag::{nearest, quote};
use crate::intent::PortText;
use crate::model::{
    self, AppId, Builtin, Endpoint, Labels, Model, NAMESPACE_NAME, NamespaceSet, PodSet, PortRange, Protocol, Sym,
    TierId, WrittenPort,
};
use crate::verify::law::Pod;
use crate::verify::normal::Ports;
use crate::verify::{PortSet, pod};

/// One end as it was asked for.
#[derive(Debug)]
pub(super) struct End {
    /// How people call it.
    pub(super) name: String,
    /// What an intent calls it, if it has a name there.
    pub(super) endpoint: Option<Endpoint>,
    /// The least of what it stands for; never empty. Where all of them may talk, all that it stands for may.
    pub(super) spots: Vec<Spot>,
}

/// One concrete end.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) name: String,
    pub(super) what: What,
}

/// What a concrete end is.
#[derive(Debug)]
pub(super) enum What {
    /// A pod.
    Pod(Pod),
    /// An address that no pod has.
    Address(IpAddr),
    /// A host outside and its address, taken to be one that nobody names where it is not given; without one, a pattern, which
    /// stands for whatever the external means by it.
    Host(Sym, Option<IpAddr>),
    /// Some node.
    Node,
    /// The API server.
    ApiServer,
    /// What only a rule for everyone lets in.
    Anyone,
}

/// The end of a word; `source`: it opens the connection.
pub(super) fn end(model: &Model, word: &str, source: bool) -> Result<End, String> {
    if let Some(host) = word.strip_prefix("fqdn:") {
        return self::host(model, word, host, source);
    }
    let address = word.strip_prefix("ip:").unwrap_or(word);
    if address.parse::<IpAddr>().is_ok() || address != word {
        return outside(model, address);
    }
    if word.split_once('/').is_some_and(|(start, _)| start.parse::<IpAddr>().is_ok()) {
        return Err(format!("{} is a range: name one address of it", quote(word)));
    }
    if let Some((namespace, labels)) = word.split_once('/')
        && (labels.is_empty() || labels == "*" || labels.contains('='))
    {
        return by_labels(model, namespace, labels);
    }
    named(model, word, source)
}

fn host(model: &Model, word: &str, host: &str, source: bool) -> Result<End, String> {
    if source {
        return Err(format!("{} cannot be the source: what comes from outside comes from an address", quote(word)));
    }
    match word.parse::<cluster::Endpoint>() {
        Ok(cluster::Endpoint::Host { name, address }) => {
            let address = address.or_else(|| unnamed(model));
            let spot = Spot { name: name.to_string(), what: What::Host(name, address) };
            Ok(End { name: spot.name.clone(), endpoint: None, spots: vec![spot] })
        }
        Ok(_) => Err(format!("{} is no host name", quote(host))),
        Err(unclear) => Err(unclear.to_string()),
    }
}

/// A public address that no external names, where there is one.
fn unnamed(model: &Model) -> Option<IpAddr> {
    let internet = model.profile.internet();
    let unnamed = model.externals.iter().fold(internet.clone(), |left, one| left.without(&one.addresses));
    unnamed.first().or_else(|| internet.first())
}

/// An address. Pods are known by their labels, not by their addresses.
fn outside(model: &Model, word: &str) -> Result<End, String> {
    let address = match format!("ip:{word}").parse::<cluster::Endpoint>() {
        Ok(cluster::Endpoint::Address(address)) => address,
        Ok(_) => return Err(format!("{} is no address", quote(word))),
        Err(unclear) => return Err(unclear.to_string()),
    };
    let profile = &model.profile;
    let within = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(&address));
    if within(&profile.pod_cidrs) {
        return Err(format!("{} is the address of a pod: name the pod as `namespace/label=value`", quote(word)));
    }
    if within(&profile.service_cidrs) {
        return Err(format!("{} is the address of a Service: name the pods behind it", quote(word)));
    }
    let spot = Spot { name: address.to_string(), what: What::Address(address) };
    Ok(End { name: spot.name.clone(), endpoint: None, spots: vec![spot] })
}

fn by_labels(model: &Model, namespace: &str, labels: &str) -> Result<End, String> {
    let refused = |refusal: model::Refusal| format!("{}: {}", refusal.message, refusal.help);
    model::check_namespace(namespace).map_err(refused)?;
    let mut pairs: BTreeMap<Sym, Sym> = BTreeMap::new();
    for part in labels.split(',').filter(|_| !matches!(labels, "" | "*")) {
        let Some((key, value)) = part.split_once('=') else {
            return Err(format!("{} is no label: write `key=value`", quote(part)));
        };
        model::check_label_key(key).map_err(refused)?;
        model::check_label_value(value).map_err(refused)?;
        if pairs.insert(key.into(), value.into()).is_some_and(|before| *before != *value) {
            return Err(format!("label {} has two values", quote(key)));
        }
    }
    let spot = one_pod(model, Some(&namespace.into()), &Labels::default(), &Labels::new(pairs));
    Ok(End { name: spot.name.clone(), endpoint: None, spots: vec![spot] })
}

/// One pod. Its namespace is known by name, or by labels that it carries.
fn one_pod(model: &Model, namespace: Option<&Sym>, by: &Labels, labels: &Labels) -> Spot {
    let name = match namespace {
        Some(name) => written::pod(model, name, labels),
        None if by.is_empty() => format!("a pod ({labels}) of another namespace").replace(" (*)", ""),
        None => format!("a pod ({labels}) of a namespace ({by})").replace(" (*)", ""),
    };
    let own = namespace.map(|name| (NAMESPACE_NAME.into(), name.clone()));
    let namespace = Labels::new(by.iter().map(|(key, value)| (key.clone(), value.clone())).chain(own));
    Spot { name, what: What::Pod(pod(model, namespace, labels.clone())) }
}

/// What a word names: as intents write it, as `app/name`, or as differences show it, `namespace/tier`.
fn named(model: &Model, word: &str, source: bool) -> Result<End, String> {
    if let Some(builtin) = Builtin::parse(word) {
        let spots = self::builtin(model, builtin, source)?;
        return Ok(End { name: word.to_owned(), endpoint: Some(Endpoint::Builtin(builtin)), spots });
    }
    let known = known(model);
    let found: Vec<&Known> = known.iter().filter(|one| one.short == word || one.full == word).collect();
    match found.as_slice() {
        [] => {}
        [one] => return of_endpoint(model, one.endpoint, None),
        // What a word names in full is nothing else.
        several => match several.iter().filter(|one| one.full == word).collect::<Vec<_>>().as_slice() {
            [one] => return of_endpoint(model, one.endpoint, None),
            _ => return Err(ambiguous(word, several.iter().map(|one| one.full.as_str()))),
        },
    }
    if let Some((namespace, name)) = word.split_once('/') {
        let tiers: Vec<(TierId, &model::Tier)> = model
            .tiers()
            .filter(|(_, tier)| *tier.name == *name && tier.pods.namespaces.names().iter().any(|n| **n == *namespace))
            .collect();
        match tiers.as_slice() {
            [] => {}
            [(id, _)] => return of_endpoint(model, Endpoint::Tier(*id), Some(namespace)),
            several => {
                let full: Vec<String> = several.iter().map(|(_, tier)| full(model, tier.app, name)).collect();
                return Err(ambiguous(word, full.iter().map(String::as_str)));
            }
        }
    }
    Err(unknown(model, word, &known))
}

struct Known {
    short: String,
    full: String,
    endpoint: Endpoint,
}

/// Everything that intents give a name.
fn known(model: &Model) -> Vec<Known> {
    let of = |app: Option<AppId>, name: &str, endpoint| Known {
        short: name.to_owned(),
        full: app.map_or_else(|| name.to_owned(), |app| full(model, app, name)),
        endpoint,
    };
    let tiers = model.tiers().map(|(id, tier)| of(Some(tier.app), &tier.name, Endpoint::Tier(id)));
    let peers = model.peers().map(|(id, peer)| of(Some(peer.app), &peer.name, Endpoint::Peer(id)));
    let externals = model.externals().map(|(id, one)| of(one.app, &one.name, Endpoint::External(id)));
    tiers.chain(peers).chain(externals).collect()
}

fn full(model: &Model, app: AppId, name: &str) -> String {
    format!("{}/{name}", model[app].name)
}

fn ambiguous<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    format!("{} is ambiguous: it is {}", quote(word), names.map(quote).collect::<Vec<_>>().join(" or "))
}

fn unknown(model: &Model, word: &str, known: &[Known]) -> String {
    let places = model.tiers.iter().flat_map(|tier| {
        tier.pods.namespaces.names().iter().map(move |namespace| format!("{namespace}/{}", tier.name))
    });
    let places: Vec<String> = places.collect();
    let names = known.iter().flat_map(|one| [one.short.as_str(), one.full.as_str()]);
    let names = names.chain(places.iter().map(String::as_str)).chain(Builtin::ALL.map(Builtin::name));
    let hint = match nearest(word, names) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None => "write a name of the intents, `namespace/label=value`, `namespace/*` for a pod without labels, an \
                 address, or `fqdn:api.example.com`"
            .to_owned(),
    };
    format!("nothing is called {}; {hint}", quote(word))
}

/// What an endpoint of the intents stands for; of a tier, the pods of one namespace alone where it is named.
fn of_endpoint(model: &Model, endpoint: Endpoint, only: Option<&str>) -> Result<End, String> {
    let (name, spots) = match endpoint {
        Endpoint::Tier(id) => (full(model, model[id].app, &model[id].name), pods(model, &model[id].pods, only)),
        Endpoint::Peer(id) => (full(model, model[id].app, &model[id].name), pods(model, &model[id].pods, only)),
        Endpoint::External(id) => (model[id].name.to_string(), external(model, id)),
        Endpoint::Builtin(builtin) => (builtin.name().to_owned(), self::builtin(model, builtin, false)?),
    };
    let name = match spots.as_slice() {
        [one] if matches!(one.what, What::Pod(_)) => one.name.clone(),
        _ => name,
    };
    Ok(End { name, endpoint: Some(endpoint), spots })
}

fn pods(model: &Model, set: &PodSet, only: Option<&str>) -> Vec<Spot> {
    match &set.namespaces {
        NamespaceSet::Names(names) => names
            .iter()
            .filter(|name| only.is_none_or(|only| ***name == *only))
            .map(|name| one_pod(model, Some(name), &Labels::default(), &set.labels))
            .collect(),
        NamespaceSet::Labels(by) => vec![one_pod(model, None, by, &set.labels)],
        NamespaceSet::All => vec![one_pod(model, None, &Labels::default(), &set.labels)],
    }
}

/// One address of each of its ranges, of those that no other external has where there are some, and each host name.
fn external(model: &Model, id: model::ExternalId) -> Vec<Spot> {
    let blocks = model[id].addresses.blocks.iter().filter_map(|block| {
        let own = model::Cidrs { blocks: vec![block.clone()] };
        let others = model.externals().filter(|(other, _)| *other != id);
        let alone = others.fold(own.clone(), |left, (_, other)| left.without(&other.addresses));
        alone.first().or_else(|| own.first())
    });
    let addresses = blocks.map(|address| Spot { name: address.to_string(), what: What::Address(address) });
    let hosts = model[id].fqdns.iter().map(|host| &host.value);
    let spot = |host: &Sym| {
        let address = if host.contains('*') { None } else { unnamed(model) };
        Spot { name: host.to_string(), what: What::Host(host.clone(), address) }
    };
    addresses.chain(hosts.map(spot)).collect()
}

fn builtin(model: &Model, builtin: Builtin, source: bool) -> Result<Vec<Spot>, String> {
    let any_pod = || one_pod(model, None, &Labels::default(), &Labels::default());
    // An address that nobody names stands for all of them.
    let any_address = || unnamed(model).map(|address| Spot { name: address.to_string(), what: What::Address(address) });
    let spot = |what| vec![Spot { name: builtin.name().to_owned(), what }];
    let spots = match builtin {
        Builtin::Anywhere if source => spot(What::Anyone),
        Builtin::Anywhere => [any_pod()].into_iter().chain(any_address()).collect(),
        Builtin::Internet => any_address().into_iter().collect(),
        Builtin::Cluster => vec![any_pod()],
        Builtin::Nodes => spot(What::Node),
        Builtin::ApiServer => spot(What::ApiServer),
    };
    match spots.is_empty() {
        true => Err(format!("{} holds no address: netpolc.toml leaves none", quote(builtin.name()))),
        false => Ok(spots),
    }
}

/// The ports of a word, as `80`, `53/UDP` or `UDP/53`, `8000-8100/TCP`, `all`, or by a name that the destination gives.
pub(super) fn ports(model: &Model, word: &str, to: &End) -> Result<PortSet, String> {
    let is_protocol = |word: &str| Protocol::ALL.iter().any(|known| known.as_str().eq_ignore_ascii_case(word));
    let text = match word.split_once('/') {
        Some((protocol, ports)) if is_protocol(protocol) => format!("{ports}/{}", protocol.to_ascii_uppercase()),
        Some((ports, protocol)) if is_protocol(protocol) => format!("{ports}/{}", protocol.to_ascii_uppercase()),
        _ => word.to_owned(),
    };
    let written = model::parse_port(&PortText::Text(text)).map_err(|no| format!("{}: {}", no.message, no.help))?;
    let names: Option<&BTreeMap<Sym, PortRange>> = match to.endpoint {
        Some(Endpoint::Tier(id)) => Some(&model[id].port_names),
        Some(Endpoint::Peer(id)) => Some(&model[id].port_names),
        Some(Endpoint::External(id)) => Some(&model[id].port_names),
        Some(Endpoint::Builtin(_)) | None => None,
    };
    match written {
        WrittenPort::All => Ok(PortSet::every()),
        WrittenPort::Range(range) => Ok(set(&[range])),
        WrittenPort::Name(name) => match names.and_then(|names| names.get(name.as_str())) {
            Some(range) => Ok(set(&[*range])),
            None => {
                let known = names.into_iter().flat_map(BTreeMap::keys).map(|name| &**name);
                let hint = nearest(&name, known)
                    .map_or("write its number".to_owned(), |near| format!("did you mean {}?", quote(near)));
                Err(format!("{} names no port {}; {hint}", quote(&to.name), quote(&name)))
            }
        },
    }
}

/// Ranges as a set.
pub(super) fn set(ranges: &[PortRange]) -> PortSet {
    let ports = |range: &PortRange| Ports { protocol: range.protocol, first: range.first, last: range.last };
    PortSet::new(ranges.iter().map(ports))
}
