//! What containers say of themselves: ports, probes, and texts that may name others.
//!
//! In: containers as written. Out: what of them is the pod's. Ports are validated whatever they are read for; the rest is
//! read for an inventory alone, and only what a container says there is checked.

use serde_saphyr::Spanned;

use super::convert::In;
use super::env::{Value, Words};
use super::object::{Container, Handler, PodSpec, Port, Probe};
use crate::cluster::{DeclaredPort, NamedPort};
use crate::diag::quote;
use crate::dialects::reading::object::PortValue;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::validity::is_port_name;
use crate::model::{Protocol, Sym};

/// What the containers of a pod say.
#[derive(Debug, Clone, Default)]
pub(super) struct Containers {
    pub(super) declared: Vec<DeclaredPort>,
    pub(super) probed: Vec<u16>,
    /// Of each container.
    pub(super) words: Vec<Words>,
}

impl Containers {
    /// The ports that have a name, in the order in which they are looked up.
    pub(super) fn named(&self) -> Vec<NamedPort> {
        let named = |port: &DeclaredPort| {
            Some(NamedPort { name: port.name.clone()?, protocol: port.protocol, number: port.number })
        };
        self.declared.iter().filter_map(named).collect()
    }
}

pub(super) fn containers<const WHOLE: bool>(reader: In<'_, '_, '_>, spec: &PodSpec<'_, WHOLE>) -> Option<Containers> {
    let mut all = Containers::default();
    let mut good = true;
    // As names of ports are looked up (pkg/api/v1/pod/util.go, `FindPort`): those that start once have none.
    for container in spec.containers.iter().flatten() {
        good &= long_lived(reader, container, &mut all).is_some();
    }
    for container in spec.init_containers.iter().flatten() {
        let policy = container.restart_policy.as_ref().map(|text| reader.string(text));
        good &= match policy.flatten() == Some("Always") {
            true => long_lived(reader, container, &mut all).is_some(),
            false => words(reader, container, &mut all).is_some(),
        };
    }
    good.then_some(all)
}

fn long_lived<const WHOLE: bool>(
    reader: In<'_, '_, '_>,
    container: &Container<'_, WHOLE>,
    all: &mut Containers,
) -> Option<()> {
    let ports = ports(reader, container);
    let probes = [&container.startup_probe, &container.liveness_probe, &container.readiness_probe];
    let mut good = true;
    for probe in probes.into_iter().filter_map(|probe| probe.0.as_ref()) {
        match probed(reader, probe, ports.as_deref().unwrap_or_default()) {
            Some(Some(port)) if !all.probed.contains(&port) => all.probed.push(port),
            Some(_) => {}
            None => good = false,
        }
    }
    let words = words(reader, container, all);
    all.declared.extend(ports?);
    (good && words.is_some()).then_some(())
}

fn ports<const WHOLE: bool>(reader: In<'_, '_, '_>, container: &Container<'_, WHOLE>) -> Option<Vec<DeclaredPort>> {
    let mut ports: Option<Vec<DeclaredPort>> = Some(vec![]);
    let mut names = vec![];
    for written in container.ports.iter().flatten() {
        let Some(port) = port(reader, written) else {
            ports = None;
            continue;
        };
        if let (Some(known), Some(text)) = (&port.name, &written.value.name) {
            if names.contains(known) {
                let message = format!("the port name {} is used twice in a container", quote(known));
                ports = reader.error(reader.doc.place(text), message, "give each port a name of its own");
                continue;
            }
            names.push(known.clone());
        }
        ports = ports.map(|mut ports| {
            ports.push(port);
            ports
        });
    }
    ports
}

fn port(reader: In<'_, '_, '_>, written: &Spanned<Port<'_>>) -> Option<DeclaredPort> {
    let port = &written.value;
    let name = match &port.name {
        Some(text) if !reader.string(text)?.is_empty() => Some(port_name(reader, text)?),
        _ => None,
    };
    let protocol = protocol(reader, port.protocol.as_ref())?;
    let Some(number) = &port.container_port else {
        let place = reader.doc.line(written.referenced.line());
        return reader.error(place, "`containerPort` is missing", "write the number of the port");
    };
    let span = reader.doc.line(number.referenced.line());
    let value = match &number.value {
        PortValue::Number(number) => reader.number(span, *number)?,
        PortValue::Name(word) => {
            let message = format!("{} is no port of a container", quote(word));
            return reader.error(span, message, "write a number from 1 to 65535, without quotes");
        }
    };
    Some(DeclaredPort { name, protocol, number: value, span: reader.doc.spot(number.referenced) })
}

/// A protocol, TCP where none is written.
pub(super) fn protocol(reader: In<'_, '_, '_>, text: Option<&Text<'_>>) -> Option<Protocol> {
    let Some(text) = text else { return Some(Protocol::Tcp) };
    let word = reader.string(text)?;
    if word.is_empty() {
        return Some(Protocol::Tcp);
    }
    let known = Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == word);
    known.or_else(|| {
        let message = format!("{} is no protocol of a port", quote(word));
        reader.error(reader.doc.place(text), message, "write `TCP`, `UDP` or `SCTP`")
    })
}

pub(super) fn port_name(reader: In<'_, '_, '_>, text: &Text<'_>) -> Option<Sym> {
    let name = reader.string(text)?;
    if is_port_name(name) {
        return Some(name.into());
    }
    let message = format!("{} is no name of a port", quote(name));
    let help = "write at most 15 lower-case letters, digits and single inner hyphens, with a letter among them";
    reader.error(reader.doc.place(text), message, help)
}

/// The port that a probe asks, if it asks the pod and the name is one of the container's ports, whatever the protocol
/// (pkg/probe/util.go, `ResolveContainerPort`). `None` when something is wrong with it.
fn probed(reader: In<'_, '_, '_>, probe: &Probe<'_>, ports: &[DeclaredPort]) -> Option<Option<u16>> {
    let handlers = [&probe.http_get, &probe.tcp_socket, &probe.grpc];
    let elsewhere = |handler: &&Handler<'_>| handler.host.as_ref().is_none_or(Text::is_empty);
    let Some(port) = handlers.into_iter().flatten().find(elsewhere).and_then(|handler| handler.port.as_ref()) else {
        return Some(None);
    };
    match &port.value {
        PortValue::Number(number) => reader.number(reader.doc.line(port.referenced.line()), *number).map(Some),
        PortValue::Name(name) => {
            let named = |port: &&DeclaredPort| port.name.as_deref() == Some(name.as_str());
            Some(ports.iter().find(named).map(|port| port.number))
        }
    }
}

/// Notes a container's texts.
fn words<const WHOLE: bool>(
    reader: In<'_, '_, '_>,
    container: &Container<'_, WHOLE>,
    all: &mut Containers,
) -> Option<()> {
    let mut words = Words::default();
    let mut good = true;
    for from in container.env_from.0.iter().flatten() {
        let name = from.config_map_ref.as_ref().and_then(|map| map.name.as_ref());
        let prefix = from.prefix.as_ref().map_or(Some(""), |prefix| reader.string(prefix));
        match (prefix, name.map(|name| reader.string(name))) {
            (Some(prefix), Some(Some(name))) => words.from.push((prefix.into(), name.into())),
            (Some(_), None) => {}
            _ => good = false,
        }
    }
    for variable in container.env.0.iter().flatten() {
        let Some(name) = &variable.name else { continue };
        let Some(name) = reader.string(name) else {
            good = false;
            continue;
        };
        let map = variable.value_from.as_ref().and_then(|from| from.config_map_key_ref.as_ref());
        let key = map.and_then(|map| Some((map.name.as_ref()?, map.key.as_ref()?)));
        let value = match (&variable.value, key) {
            (Some(value), _) => {
                let place = reader.doc.place_of(value);
                reader.scalar(&value.value).map(|text| Value::Text(text.into(), place))
            }
            (None, Some((map, key))) => match (reader.string(map), reader.string(key)) {
                (Some(map), Some(key)) => Some(Value::Key(map.into(), key.into())),
                _ => None,
            },
            (None, None) => Some(Value::Unknown),
        };
        good &= value.is_some();
        words.variables.extend(value.map(|value| (name.into(), value)));
    }
    for word in [&container.command, &container.args].into_iter().filter_map(|list| list.0.as_ref()).flatten().flatten()
    {
        let place = reader.doc.place_of(word);
        let text = reader.scalar(&word.value);
        good &= text.is_some();
        words.arguments.extend(text.map(|text| (text.into(), place)));
    }
    if !words.is_empty() {
        all.words.push(words);
    }
    good.then_some(())
}
