//! What netpolc's readers make of policies, put before the law for the flows that the judges see.

use netpolc::dialects::{Assumed, Dialect};
use netpolc::model::{Direction, Labels, Protocol};
use netpolc::pipeline::given;
use netpolc::source::Sources;
use netpolc::verify::law::{self, Account, Answer, Far, NamedPort, NamedPorts, Side};
use netpolc::verify::normal::{Entity, Reading};

use crate::judge::cluster::{Cluster, Labels as Carried, Pod};
use crate::judge::{self, End, Flow};

pub struct Normal {
    readings: Vec<Reading>,
}

impl Normal {
    /// Reads manifests of a dialect for a cluster; else the first message of the refusal.
    pub fn read(
        dialect: &'static dyn Dialect,
        text: &str,
        cluster: &Cluster,
        assumed: &Assumed,
    ) -> Result<Self, String> {
        let mut sources = Sources::default();
        let file = sources.add("policies.yaml", text.to_owned());
        let namespaces = sources.add("namespaces.yaml", namespaces(cluster));
        let read = netpolc::cluster::read(&sources, &[file, namespaces]).and_then(|inventory| {
            assert!(inventory.others.is_empty(), "{:?}", inventory.others);
            given(inventory.policies, &inventory.namespaces, Some(dialect), assumed)
        });
        match read {
            Ok(given) => Ok(Self { readings: given.readings }),
            Err(errors) => Err(errors.first().expect("a refusal without an error").message.clone()),
        }
    }

    /// What all readings say; `None` where they differ, or one does not know.
    pub fn permits(&self, flow: &Flow) -> Option<bool> {
        let mut said =
            self.readings.iter().map(|reading| ask(reading, flow, |answer| answer.permits(protocol(flow), flow.port)));
        let first = said.next().expect("no reading")?;
        said.all(|one| one == Some(first)).then_some(first)
    }

    /// Kinds of layer 7 rules that a flow then goes through.
    pub fn kinds(&self, flow: &Flow) -> Vec<&'static str> {
        let reading = self.readings.first().expect("no reading");
        ask(reading, flow, |answer| {
            let holds = |traffic: &netpolc::verify::Traffic| {
                let port = |ports: &netpolc::verify::PortSet| ports.contains(protocol(flow), flow.port);
                port(traffic.any()) || traffic.http().any(|(_, ports)| port(ports))
            };
            let hits = answer.hits.iter().filter(|hit| holds(&hit.traffic));
            let kinds = hits
                .flat_map(|hit| [(!hit.rule.http.is_empty()).then_some("http"), hit.rule.dns_proxy.then_some("dns")]);
            kinds.flatten().collect()
        })
    }
}

/// As manifests.
fn namespaces(cluster: &Cluster) -> String {
    let one = |(name, labels): (&String, &Carried)| {
        let labels = serde_json::to_string(labels).unwrap();
        format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {labels}\n")
    };
    cluster.namespaces.iter().map(one).collect::<Vec<_>>().join("---\n")
}

fn ask<T>(reading: &Reading, flow: &Flow, then: impl FnOnce(&Answer<'_>) -> T) -> T {
    let (subject, name, far);
    let other = match flow.other {
        End::Pod(one) => {
            far = pod(one, flow.other_address.into_iter().collect());
            Far::Pod(&far)
        }
        End::Address(address) => Far::Address(*address),
        End::Name(host, address) => {
            name = host.as_str().into();
            Far::Name(&name, Some(*address))
        }
        End::Entity(judge::Entity::Host) => Far::Entity(&[Entity::Host]),
        End::Entity(judge::Entity::RemoteNode) => Far::Entity(&[Entity::RemoteNode]),
        End::Entity(judge::Entity::ApiServer) => Far::Entity(&[Entity::ApiServer, Entity::RemoteNode]),
    };
    subject = pod(flow.subject, flow.subject_address.into_iter().collect());
    let all_ports = all_ports(flow.cluster);
    let side = Side {
        engine: reading.engine,
        direction: match flow.direction {
            judge::Direction::Egress => Direction::Egress,
            judge::Direction::Ingress => Direction::Ingress,
        },
        subject: &subject,
        other,
        all_ports: &all_ports,
        pod_ranges: None,
        names_are_symbols: false,
    };
    then(&law::decide(&law::in_order(&reading.policies), &side))
}

fn pod(pod: &Pod, addresses: Vec<std::net::IpAddr>) -> law::Pod {
    let account = pod.service_account.as_ref();
    law::Pod {
        namespace: labels(&pod.namespace_labels),
        labels: labels(&pod.labels),
        account: Some(Account {
            name: account.map_or("default", |(name, _)| name).into(),
            labels: account.map(|(_, own)| labels(own)).unwrap_or_default(),
        }),
        addresses: Some(addresses),
        ports: NamedPorts { known: named(pod), whole: true },
    }
}

fn labels(own: &Carried) -> Labels {
    Labels::new(own.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())))
}

fn named(pod: &Pod) -> Vec<NamedPort> {
    let port = |(name, of, number): &(String, String, u16)| NamedPort {
        name: name.as_str().into(),
        protocol: by_name(of),
        number: *number,
    };
    pod.ports.iter().map(port).collect()
}

fn all_ports(cluster: &Cluster) -> NamedPorts {
    NamedPorts { known: cluster.pods.iter().flat_map(named).collect(), whole: true }
}

fn protocol(flow: &Flow) -> Protocol {
    by_name(flow.protocol)
}

fn by_name(name: &str) -> Protocol {
    Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == name).expect("a protocol with ports")
}
