//! One object of a cluster: what it says, or everything that is wrong with it.
//!
//! What is refused follows core/validation/validation.go of kubernetes, as far as policies see it. What a manifest may leave
//! to the API server is filled in as it would (core/v1/defaults.go, core/v1/conversion.go).

use std::net::IpAddr;

use serde::Deserialize;

use super::containers::{Containers, containers};
use super::object::{CronJob, Metadata, Named, Owner, PodSpec, PodStatus, Workload, WorkloadStatus};
use super::sort::{
    API_SERVICE, CLUSTER_ROLE_BINDING, CLUSTERWIDE, CRON_JOB, JOB, KINDS, NAMESPACE, POD, ROLE_BINDING, SERVICE,
    SERVICE_ACCOUNT,
};
use super::{Content, Key, Object, Scope, leads, object};
use crate::cluster::Pod;
use crate::diag::{Diagnostic, quote};
use crate::dialects::reading::text::{Doc, Text};
use crate::dialects::reading::validity::{is_dns_label, is_dns_subdomain};
use crate::dialects::reading::{Purpose, Reader, unreadable};
use crate::model::{Labels, Sym};
use crate::source::Span;

/// Where objects are that name no namespace, as kubectl has it.
const DEFAULT_NAMESPACE: &str = "default";

/// The service account of pods that name none (plugin/pkg/admission/serviceaccount).
const DEFAULT_ACCOUNT: &str = "default";

/// Reads an object of some kind.
pub(super) fn object(doc: &Doc<'_>, kind: &'static str, scope: Scope) -> Result<Object, Vec<Diagnostic>> {
    let mut reader = Reader::new(doc, KINDS, Purpose::Given);
    let object = match scope {
        Scope::Selected => of_kind::<false>(&mut reader, kind),
        Scope::Whole => of_kind::<true>(&mut reader, kind),
    };
    let errors = reader.into_errors();
    match object {
        Some(object) if errors.is_empty() => Ok(object),
        _ => Err(errors.into_iter().map(super::of_manifest).collect()),
    }
}

pub(super) type In<'r, 'd, 's> = &'r mut Reader<'d, 's>;

fn of_kind<const WHOLE: bool>(reader: In<'_, '_, '_>, kind: &'static str) -> Option<Object> {
    match kind {
        NAMESPACE | SERVICE_ACCOUNT => {
            let named: Named<'_> = parse(reader)?;
            head(reader, kind, named.metadata.as_ref())
        }
        POD => {
            let pod: object::Pod<'_, WHOLE> = parse(reader)?;
            let object = head(reader, kind, pod.metadata.as_ref());
            let given = given(reader, pod.spec.as_ref());
            let status = status(reader, pod.status.as_ref());
            let (object, given, (addresses, finished)) = (object?, given?, status?);
            let labels = object.labels.clone();
            Some(with_pod(object, labels, given, addresses, finished))
        }
        CRON_JOB => {
            let job: CronJob<'_, WHOLE> = parse(reader)?;
            let job_template = job.spec.and_then(|spec| spec.job_template);
            let template = job_template.and_then(|template| template.spec).and_then(|spec| spec.template);
            templated(reader, kind, job.metadata.as_ref(), template.as_ref(), "spec.jobTemplate.spec.template", false)
        }
        _ if KINDS.known.iter().all(|(_, known)| *known != kind) => leads::object(reader, kind),
        _ => {
            let workload: Workload<'_, WHOLE> = parse(reader)?;
            let finished = workload.status.0.filter(|_| kind == JOB).is_some_and(|status| has_ended(reader, &status));
            let template = workload.spec.and_then(|spec| spec.template);
            templated(reader, kind, workload.metadata.as_ref(), template.as_ref(), "spec.template", finished)
        }
    }
}

/// The object in its shape.
pub(super) fn parse<'d, T: Deserialize<'d>>(reader: In<'_, 'd, '_>) -> Option<T> {
    match reader.doc.parse() {
        Ok(object) => Some(object),
        Err(error) => {
            let help = "write it as the API server takes it; `kubectl apply --dry-run=server` tells";
            reader.push(unreadable(reader.doc, &error, help));
            None
        }
    }
}

fn templated<const WHOLE: bool>(
    reader: In<'_, '_, '_>,
    kind: &'static str,
    metadata: Option<&Metadata<'_>>,
    template: Option<&object::Template<'_, WHOLE>>,
    place: &str,
    finished: bool,
) -> Option<Object> {
    let object = head(reader, kind, metadata);
    let Some(template) = template else {
        let top = reader.doc.top();
        return reader.error(top, format!("`{place}` is missing"), "write the pods of the workload there");
    };
    let labels = labels(reader, template.metadata.as_ref());
    let given = given(reader, template.spec.as_ref());
    Some(with_pod(object?, labels?, given?, vec![], finished))
}

/// Whether a Job makes no more pods (batch/v1/types.go, `JobStatus`).
fn has_ended(reader: In<'_, '_, '_>, status: &WorkloadStatus<'_>) -> bool {
    let is = |text: &Option<Text<'_>>, words: &[&str]| {
        text.as_ref().and_then(|text| reader.doc.scalar(text).ok()).is_some_and(|text| words.contains(&text))
    };
    let mut conditions = status.conditions.iter().flatten();
    status.completion_time.is_some()
        || conditions.any(|one| is(&one.kind, &["Complete", "Failed"]) && is(&one.status, &["True"]))
}

/// Whether Helm makes an object for a test alone; several events stand side by side (helm,
/// pkg/releaseutil/manifest_sorter.go).
fn is_test(reader: In<'_, '_, '_>, metadata: &Metadata<'_>) -> bool {
    let hook = metadata.annotations.as_ref().and_then(|annotations| annotations.hook.as_ref());
    let events = hook.and_then(|text| reader.doc.scalar(text).ok());
    events.is_some_and(|events| events.split(',').all(|event| matches!(event.trim(), "test" | "test-success")))
}

fn with_pod(object: Object, labels: Labels, given: Given, addresses: Vec<IpAddr>, finished: bool) -> Object {
    let pod = Pod {
        namespace: object.key.namespace.clone(),
        name: object.key.name.clone(),
        workload: object.key.name.clone(),
        kind: object.key.kind,
        labels,
        service_account: given.service_account,
        account_labels: Labels::default(),
        addresses,
        ports: given.containers.named(),
        host_network: given.host_network,
        finished,
        declared: given.containers.declared,
        probed: given.containers.probed,
        mentions: vec![],
        is_test: object.is_test,
        placed: object.placed,
        origin: object.key.kind,
        span: object.span,
    };
    Object { content: Content::Pod(Box::new(pod), given.containers.words), ..object }
}

/// What every object has: its place among all others, and labels.
pub(super) fn head(reader: In<'_, '_, '_>, kind: &'static str, metadata: Option<&Metadata<'_>>) -> Option<Object> {
    let Some((metadata, name)) = metadata.and_then(|metadata| Some((metadata, metadata.name.as_ref()?))) else {
        return reader.error(reader.doc.top(), "`metadata.name` is missing", "every object has a name");
    };
    let valid = match kind {
        NAMESPACE | SERVICE => is_dns_label,
        ROLE_BINDING | CLUSTER_ROLE_BINDING | API_SERVICE => is_path_segment,
        _ => is_dns_subdomain,
    };
    let span = reader.doc.place(name);
    let name = word(reader, name, "name of an object", valid);
    let of_cluster = CLUSTERWIDE.contains(&kind);
    let (namespace, placed) = match &metadata.namespace {
        _ if of_cluster => (Some("".into()), true),
        // A text that cannot be read is told by `word`.
        Some(namespace) if !reader.doc.string(namespace).is_ok_and(str::is_empty) => {
            (word(reader, namespace, "name of a namespace", is_dns_label), true)
        }
        _ => (Some(DEFAULT_NAMESPACE.into()), false),
    };
    let labels = labels(reader, Some(metadata));
    let owner = owner(reader, metadata.owner_references.as_deref().unwrap_or_default(), namespace.as_ref());
    let key = Key { kind, namespace: namespace?, name: name? };
    let is_test = is_test(reader, metadata);
    Some(Object { key, owner, placed, is_test, labels: labels?, content: Content::None, span })
}

/// A name of objects that may have colons in theirs, or a dot at the end (apimachinery, api/validation/path, `IsValidPathSegmentName`).
fn is_path_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '%'])
}

/// The controller, if it is of a kind that can be there too.
fn owner(reader: In<'_, '_, '_>, owners: &[Owner<'_>], namespace: Option<&Sym>) -> Option<Key> {
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    let (kind, name) = (reader.string(&owner.kind)?, reader.string(&owner.name)?);
    let (_, kind) = KINDS.known.iter().find(|(_, known)| *known == kind)?;
    Some(Key { kind, namespace: namespace?.clone(), name: name.into() })
}

fn labels(reader: In<'_, '_, '_>, metadata: Option<&Metadata<'_>>) -> Option<Labels> {
    let Some(pairs) = metadata.and_then(|metadata| metadata.labels.as_ref()) else { return Some(Labels::default()) };
    let pairs = reader.labels(pairs)?;
    Some(Labels::new(pairs.into_iter().map(|(key, value)| (key.into(), value.into()))))
}

/// A word that must be one of some kind.
pub(super) fn word(reader: In<'_, '_, '_>, text: &Text<'_>, what: &str, valid: fn(&str) -> bool) -> Option<Sym> {
    let place = reader.doc.place(text);
    let word = reader.string(text)?;
    if valid(word) {
        return Some(word.into());
    }
    let message = format!("{} is no {what}", quote(word));
    reader.error(place, message, "write lower-case letters, digits and hyphens, with a letter or digit at both ends")
}

/// What a pod is given by its specification.
struct Given {
    service_account: Sym,
    containers: Containers,
    host_network: bool,
}

fn given<const WHOLE: bool>(reader: In<'_, '_, '_>, spec: Option<&PodSpec<'_, WHOLE>>) -> Option<Given> {
    let Some(spec) = spec else {
        let containers = Containers::default();
        return Some(Given { service_account: DEFAULT_ACCOUNT.into(), containers, host_network: false });
    };
    let service_account = account(reader, spec);
    let containers = containers(reader, spec);
    let host_network = spec.host_network == Some(true);
    Some(Given { service_account: service_account?, containers: containers?, host_network })
}

fn account<const WHOLE: bool>(reader: In<'_, '_, '_>, spec: &PodSpec<'_, WHOLE>) -> Option<Sym> {
    for name in [&spec.service_account_name, &spec.service_account].into_iter().flatten() {
        if !reader.string(name)?.is_empty() {
            return word(reader, name, "name of a service account", is_dns_subdomain);
        }
    }
    Some(DEFAULT_ACCOUNT.into())
}

/// Addresses of a pod, and whether it has run to its end.
fn status(reader: In<'_, '_, '_>, status: Option<&PodStatus<'_>>) -> Option<(Vec<IpAddr>, bool)> {
    let Some(status) = status else { return Some((vec![], false)) };
    let phase = status.phase.as_ref().map(|text| reader.string(text));
    let finished = matches!(phase.flatten(), Some("Succeeded" | "Failed"));
    let several = status.pod_ips.iter().flatten().filter_map(|one| one.ip.as_ref());
    let (mut texts, mut addresses): (Vec<_>, Vec<IpAddr>) = (several.collect(), vec![]);
    if let Some(first) = &status.pod_ip {
        let word = reader.string(first)?;
        match texts.first().map(|text| reader.string(text)) {
            None => texts.push(first),
            Some(Some(known)) if known == word => {}
            Some(_) => {
                let message = format!("{} is not the first of `podIPs`", quote(word));
                return reader.error(
                    reader.doc.place(first),
                    message,
                    "write the pod's addresses alike, or leave one field out",
                );
            }
        }
    }
    for text in texts {
        let word = reader.string(text)?;
        if word.is_empty() {
            continue;
        }
        let place = reader.doc.place(text);
        let address = address(reader, word, place)?;
        if addresses.iter().any(|known| known.is_ipv4() == address.is_ipv4()) {
            let help = "a pod has at most one of IPv4 and one of IPv6";
            return reader.error(place, format!("{} is a second address of one family", quote(word)), help);
        }
        addresses.push(address);
    }
    Some((addresses, finished))
}

pub(super) fn address(reader: In<'_, '_, '_>, word: &str, place: Span) -> Option<IpAddr> {
    let mapped = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    match word.parse().ok().filter(|address| !mapped(address)) {
        Some(address) => Some(address),
        None => reader.error(place, format!("{} is no address", quote(word)), "write an IPv4 or IPv6 address"),
    }
}
