//! What leads to pods, and what they refer to: Services and what is behind them, routes, webhooks, bindings of roles and
//! ConfigMaps.
//!
//! In: one document. Out: its object, or every error in what of it is needed; the rest of it is not looked at. What is left
//! to the API server is filled in as it would.

mod object;

use std::net::IpAddr;

use serde_saphyr::Spanned;

use super::containers::{port_name, protocol};
use super::convert::{In, address, head, parse, word};
use super::env::Texts;
use super::sort::{
    API_SERVICE, CLUSTER_ROLE_BINDING, CONFIG_MAP, ENDPOINT_SLICE, ENDPOINTS, INGRESS, MUTATING, ROLE_BINDING, SERVICE,
    VALIDATING,
};
use super::{Content, Lead, Object, Subject};
use crate::cluster::{Backend, Service, ServiceKind, ServicePort, TargetPort};
use crate::diag::quote;
use crate::dialects::reading::object::PortValue;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::validity::{is_dns_label, is_dns_subdomain, is_port_name};
use crate::model::Labels;
use crate::source::Span;

use object::{
    Aggregated, BackendRef, Binding, ConfigMap, EndpointSlice, Endpoints, IngressBackend, IngressSpec, RouteSpec,
    ServiceRef, ServiceSpec, Specified, Webhooks,
};

/// The label of an EndpointSlice that names its Service (discovery/v1/well_known_labels.go).
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The port of what the API server calls where none is written (admissionregistration/v1/defaults.go; apiregistration/v1).
const WEBHOOK_PORT: u16 = 443;

/// What begins the name of the group of all accounts of a namespace (apiserver, serviceaccount/util.go).
const ACCOUNTS_OF: &str = "system:serviceaccounts:";

pub(super) fn object(reader: In<'_, '_, '_>, kind: &'static str) -> Option<Object> {
    let (object, content) = match kind {
        CONFIG_MAP => {
            let map: ConfigMap<'_> = parse(reader)?;
            let object = head(reader, kind, map.metadata.as_ref());
            (object, Some(Content::ConfigMap(texts(reader, &map))))
        }
        SERVICE => {
            let service: Specified<'_, ServiceSpec<'_>> = parse(reader)?;
            let object = head(reader, kind, service.metadata.as_ref())?;
            let service = self::service(reader, service.spec.as_ref(), &object)?;
            return Some(Object { content: Content::Service(Box::new(service)), ..object });
        }
        ENDPOINTS => {
            let endpoints: Endpoints<'_> = parse(reader)?;
            let object = head(reader, kind, endpoints.metadata.as_ref())?;
            let subsets = endpoints.subsets.iter().flatten();
            let lists = subsets.flat_map(|subset| [&subset.addresses, &subset.not_ready_addresses]);
            let texts = lists.flatten().flatten().filter_map(|address| address.ip.as_ref());
            let addresses = addresses(reader, texts);
            let content = addresses.map(|addresses| Content::Endpoints(object.key.name.clone(), addresses));
            (Some(object), content)
        }
        ENDPOINT_SLICE => {
            let slice: EndpointSlice<'_> = parse(reader)?;
            let object = head(reader, kind, slice.metadata.as_ref())?;
            let names = slice.address_type.as_ref().is_some_and(|kind| reader.string(kind) == Some("FQDN"));
            let Some(service) = object.labels.get(SERVICE_NAME).filter(|_| !names).cloned() else {
                return Some(object);
            };
            let endpoints = slice.endpoints.iter().flatten();
            let addresses = addresses(reader, endpoints.flat_map(|endpoint| endpoint.addresses.iter().flatten()));
            (Some(object), addresses.map(|addresses| Content::Endpoints(service, addresses)))
        }
        INGRESS => {
            let ingress: Specified<'_, IngressSpec<'_>> = parse(reader)?;
            let object = head(reader, kind, ingress.metadata.as_ref());
            (object, self::ingress(reader, ingress.spec.as_ref()).map(Content::Route))
        }
        VALIDATING | MUTATING => {
            let webhooks: Webhooks<'_> = parse(reader)?;
            let object = head(reader, kind, webhooks.metadata.as_ref());
            (object, self::webhooks(reader, &webhooks).map(Content::Webhooks))
        }
        API_SERVICE => {
            let aggregated: Specified<'_, Aggregated<'_>> = parse(reader)?;
            let object = head(reader, kind, aggregated.metadata.as_ref());
            let service = aggregated.spec.as_ref().and_then(|spec| spec.service.as_ref());
            let backend = service.map_or(Some(None), |service| service_ref(reader, service).map(Some));
            (object, backend.map(|backend| Content::Webhooks(backend.into_iter().collect())))
        }
        ROLE_BINDING | CLUSTER_ROLE_BINDING => {
            let binding: Binding<'_> = parse(reader)?;
            let object = head(reader, kind, binding.metadata.as_ref());
            (object, subjects(reader, &binding).map(Content::Binding))
        }
        _ => {
            let route: Specified<'_, RouteSpec<'_>> = parse(reader)?;
            let object = head(reader, kind, route.metadata.as_ref());
            (object, self::route(reader, route.spec.as_ref()).map(Content::Route))
        }
    };
    Some(Object { content: content?, ..object? })
}

/// Every text of a ConfigMap that is one.
fn texts(reader: In<'_, '_, '_>, map: &ConfigMap<'_>) -> Texts {
    let mut texts = Texts::new();
    for (key, value) in map.data.iter().flat_map(|data| &data.0) {
        let (Ok(key), Some(value)) = (reader.doc.scalar(key), value) else { continue };
        if let Ok(text) = reader.doc.scalar(&value.value) {
            texts.insert(key.into(), (text.into(), reader.doc.place_of(value)));
        }
    }
    texts
}

fn service(reader: In<'_, '_, '_>, spec: Option<&ServiceSpec<'_>>, object: &Object) -> Option<Service> {
    let Some(spec) = spec else {
        return reader.error(object.span, "`spec` is missing", "write the ports of the Service there");
    };
    let kind = service_kind(reader, spec, object.span);
    let selector = match &spec.selector {
        Some(pairs) if !pairs.0.is_empty() => reader.labels(pairs).map(Some),
        _ => Some(None),
    };
    let mut ports = Some(vec![]);
    for written in spec.ports.iter().flatten() {
        let port = service_port(reader, written);
        ports = ports.zip(port).map(|(mut ports, port)| {
            ports.push(port);
            ports
        });
    }
    let headless = spec.cluster_ip.as_ref().is_some_and(|address| reader.string(address) == Some("None"));
    let (kind, selector) = (kind?, selector?);
    // Another name for a host has no pods, whatever it selects (core/v1/types.go, `ServiceSpec`).
    let selector = selector.filter(|_| !matches!(kind, ServiceKind::ExternalName(_)));
    let selector = selector.map(|pairs| Labels::new(pairs.into_iter().map(|(key, value)| (key.into(), value.into()))));
    Some(Service {
        namespace: object.key.namespace.clone(),
        name: object.key.name.clone(),
        selector,
        kind,
        headless,
        ports: ports?,
        addresses: vec![],
        placed: object.placed,
        span: object.span,
    })
}

fn service_kind(reader: In<'_, '_, '_>, spec: &ServiceSpec<'_>, top: Span) -> Option<ServiceKind> {
    let Some(written) = &spec.kind else { return Some(ServiceKind::ClusterIp) };
    match reader.string(written)? {
        "" | "ClusterIP" => Some(ServiceKind::ClusterIp),
        "NodePort" => Some(ServiceKind::NodePort),
        "LoadBalancer" => Some(ServiceKind::LoadBalancer),
        "ExternalName" => match &spec.external_name {
            // DNS does not mind a dot at the end.
            Some(host) => {
                word(reader, host, "name of a host", |host| is_dns_subdomain(host.strip_suffix('.').unwrap_or(host)))
                    .map(ServiceKind::ExternalName)
            }
            None => reader.error(top, "`spec.externalName` is missing", "write the host that the Service stands for"),
        },
        other => {
            let message = format!("{} is no type of a Service", quote(other));
            let help = "write `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`";
            reader.error(reader.doc.place(written), message, help)
        }
    }
}

fn service_port(reader: In<'_, '_, '_>, written: &Spanned<object::ServicePort<'_>>) -> Option<ServicePort> {
    let port = &written.value;
    let name = match &port.name {
        Some(text) if !text.is_empty() => word(reader, text, "name of a port", is_dns_label).map(Some),
        _ => Some(None),
    };
    let protocol = protocol(reader, port.protocol.as_ref());
    let Some(number) = &port.port else {
        let place = reader.doc.spot(written.referenced);
        return reader.error(place, "`port` is missing", "write the number of the Service's port");
    };
    let span = reader.doc.spot(number.referenced);
    let number = self::number(reader, number);
    // core/v1/defaults.go, `SetDefaults_Service`.
    let target = match port.target_port.as_ref().map(|target| (&target.value, target.referenced)) {
        None | Some((PortValue::Number(0), _)) => number.map(TargetPort::Number),
        Some((PortValue::Number(target), place)) => {
            reader.number(reader.doc.spot(place), *target).map(TargetPort::Number)
        }
        Some((PortValue::Name(name), _)) if name.is_empty() => number.map(TargetPort::Number),
        Some((PortValue::Name(name), place)) => match is_port_name(name) {
            true => Some(TargetPort::Name(name.as_str().into())),
            false => {
                let message = format!("{} is no port of a pod", quote(name));
                let help = "write a number without quotes, or the name that the pods' containers give the port";
                reader.error(reader.doc.spot(place), message, help)
            }
        },
    };
    Some(ServicePort { name: name?, protocol: protocol?, port: number?, target: target?, span })
}

/// A port that must be a number.
fn number(reader: In<'_, '_, '_>, port: &Spanned<PortValue>) -> Option<u16> {
    let span = reader.doc.spot(port.referenced);
    match &port.value {
        PortValue::Number(number) => reader.number(span, *number),
        PortValue::Name(word) => {
            let message = format!("{} is no number of a port", quote(word));
            reader.error(span, message, "write a number from 1 to 65535, without quotes")
        }
    }
}

fn addresses<'t, 'a: 't>(reader: In<'_, '_, '_>, texts: impl Iterator<Item = &'t Text<'a>>) -> Option<Vec<IpAddr>> {
    let read = texts.map(|text| {
        let place = reader.doc.place(text);
        let word = reader.string(text)?;
        address(reader, word, place)
    });
    // All of them, so that all errors are told.
    let read: Vec<Option<IpAddr>> = read.collect();
    read.into_iter().collect()
}

fn ingress(reader: In<'_, '_, '_>, spec: Option<&IngressSpec<'_>>) -> Option<Vec<Lead>> {
    let rules = spec.and_then(|spec| spec.rules.as_ref()).into_iter().flatten();
    let paths = rules.filter_map(|rule| rule.http.as_ref()).filter_map(|http| http.paths.as_ref()).flatten();
    let backends = paths.filter_map(|path| path.backend.as_ref());
    let all = spec.and_then(|spec| spec.default_backend.as_ref()).into_iter().chain(backends);
    let read: Vec<Option<Option<Lead>>> = all.map(|backend| ingress_backend(reader, backend)).collect();
    read.into_iter().collect::<Option<Vec<_>>>().map(|leads| leads.into_iter().flatten().collect())
}

fn ingress_backend(reader: In<'_, '_, '_>, backend: &IngressBackend<'_>) -> Option<Option<Lead>> {
    let Some(service) = &backend.service else { return Some(None) };
    let Some(name) = &service.name else {
        let top = reader.doc.top();
        return reader.error(top, "`service.name` of a backend is missing", "write the name of a Service");
    };
    let span = reader.doc.place(name);
    let name = word(reader, name, "name of a Service", is_dns_label)?;
    let port = match &service.port {
        Some(port) => match (&port.number, &port.name) {
            // Where a name is written too, the number is 0.
            (Some(Spanned { value: PortValue::Number(0), .. }) | None, Some(text)) => {
                Some(TargetPort::Name(port_name(reader, text)?))
            }
            (Some(number), _) => Some(TargetPort::Number(self::number(reader, number)?)),
            (None, None) => None,
        },
        None => None,
    };
    Some(Some(Lead { namespace: None, service: name, port, span }))
}

fn route(reader: In<'_, '_, '_>, spec: Option<&RouteSpec<'_>>) -> Option<Vec<Lead>> {
    let mut leads = Some(vec![]);
    for rule in spec.and_then(|spec| spec.rules.as_ref()).into_iter().flatten() {
        let backends = rule.backend_refs.iter().flatten();
        let of_backends = backends.clone().flat_map(|backend| backend.filters.iter().flatten());
        let mirrors = rule.filters.iter().flatten().chain(of_backends);
        let mirrors = mirrors.filter_map(|filter| filter.request_mirror.as_ref()?.backend_ref.as_deref());
        for backend in backends.chain(mirrors) {
            leads = leads.zip(backend_ref(reader, backend)).map(|(mut leads, lead)| {
                leads.extend(lead);
                leads
            });
        }
    }
    leads
}

/// A reference, if it is to a Service: that is what it is unless it says otherwise
/// (gateway-api, apis/v1/object_reference_types.go, `BackendObjectReference`).
fn backend_ref(reader: In<'_, '_, '_>, backend: &BackendRef<'_>) -> Option<Option<Lead>> {
    let group = backend.group.as_ref().map_or(Some(""), |group| reader.string(group))?;
    let kind = backend.kind.as_ref().map_or(Some(SERVICE), |kind| reader.string(kind))?;
    if !group.is_empty() || kind != SERVICE {
        return Some(None);
    }
    let Some(name) = &backend.name else {
        let top = reader.doc.top();
        return reader.error(top, "`name` of a backend is missing", "write the name of a Service");
    };
    let span = reader.doc.place(name);
    let service = word(reader, name, "name of a Service", is_dns_label)?;
    let namespace = match &backend.namespace {
        Some(namespace) => Some(word(reader, namespace, "name of a namespace", is_dns_label)?),
        None => None,
    };
    let port = match &backend.port {
        Some(port) => Some(TargetPort::Number(number(reader, port)?)),
        None => None,
    };
    Some(Some(Lead { namespace, service, port, span }))
}

/// Each Service and port once: most configurations have many webhooks that one program serves.
fn webhooks(reader: In<'_, '_, '_>, object: &Webhooks<'_>) -> Option<Vec<Backend>> {
    let mut backends: Option<Vec<Backend>> = Some(vec![]);
    let configs = object.webhooks.iter().flatten().filter_map(|webhook| webhook.client_config.as_ref());
    for service in configs.filter_map(|config| config.service.as_ref()) {
        backends = backends.zip(service_ref(reader, service)).map(|(mut backends, backend)| {
            let same = |known: &Backend| Backend { span: backend.span, ..known.clone() } == backend;
            if !backends.iter().any(same) {
                backends.push(backend);
            }
            backends
        });
    }
    backends
}

fn service_ref(reader: In<'_, '_, '_>, service: &ServiceRef<'_>) -> Option<Backend> {
    let (Some(namespace), Some(name)) = (&service.namespace, &service.name) else {
        let top = reader.doc.top();
        let message = "the `service` that the API server shall call lacks `name` or `namespace`";
        return reader.error(top, message, "write both: the object itself is in no namespace");
    };
    let span = reader.doc.place(name);
    let namespace = word(reader, namespace, "name of a namespace", is_dns_label);
    let name = word(reader, name, "name of a Service", is_dns_label);
    let port = match &service.port {
        Some(port) => number(reader, port)?,
        None => WEBHOOK_PORT,
    };
    Some(Backend { namespace: namespace?, service: name?, port: Some(TargetPort::Number(port)), span })
}

/// Service accounts, one by one or all of a namespace. What is bound to everybody is every cluster's own.
fn subjects(reader: In<'_, '_, '_>, binding: &Binding<'_>) -> Option<Vec<Subject>> {
    let mut subjects = Some(vec![]);
    for subject in binding.subjects.iter().flatten() {
        let (Some(kind), Some(name)) = (&subject.kind, &subject.name) else { continue };
        let found = match (reader.string(kind), reader.string(name)) {
            (Some("ServiceAccount"), Some(name)) => match &subject.namespace {
                Some(namespace) => word(reader, namespace, "name of a namespace", is_dns_label)
                    .map(|namespace| Some(Subject::Account(namespace, name.into()))),
                None => {
                    let place = reader.doc.place(kind);
                    let message = format!("the service account {} has no `namespace`", quote(name));
                    reader.error(place, message, "write the namespace of the account")
                }
            },
            (Some("Group"), Some(name)) => {
                Some(name.strip_prefix(ACCOUNTS_OF).map(|namespace| Subject::Namespace(namespace.into())))
            }
            (Some(_), Some(_)) => Some(None),
            _ => None,
        };
        subjects = subjects.zip(found).map(|(mut subjects, found)| {
            subjects.extend(found);
            subjects
        });
    }
    subjects
}
