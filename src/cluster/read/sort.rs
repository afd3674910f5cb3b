//! What each document is.
//!
//! In: texts. Out: documents by what they are, the items of lists among them. A document that does not say what it is, is an
//! error: a misspelt `kind` would else leave a policy out.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::object::Head;
use super::{PolicyDoc, Scope};
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::reading::Kinds;
use crate::dialects::reading::text::{self, Doc};
use crate::source::{FileId, Sources};

/// Kind of namespaces.
pub(super) const NAMESPACE: &str = "Namespace";

/// Kind of pods.
pub(crate) const POD: &str = "Pod";

/// Kind of service accounts.
pub(super) const SERVICE_ACCOUNT: &str = "ServiceAccount";

/// Kind of the workload that runs to an end.
pub(super) const JOB: &str = "Job";

/// Kind of the workload whose template is one level deeper.
pub(super) const CRON_JOB: &str = "CronJob";

/// What a cluster is made of, in the versions that the API server serves.
pub(super) const KINDS: Kinds = Kinds {
    known: &[
        ("v1", NAMESPACE),
        ("v1", POD),
        ("v1", SERVICE_ACCOUNT),
        ("v1", "ReplicationController"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", JOB),
        ("batch/v1", CRON_JOB),
    ],
    help: "a cluster is made of Namespaces, Pods, workloads and ServiceAccounts",
};

/// Kinds of what leads to pods, and of what pods refer to.
pub(super) const CONFIG_MAP: &str = "ConfigMap";
pub(super) const SERVICE: &str = "Service";
pub(super) const ENDPOINTS: &str = "Endpoints";
pub(super) const ENDPOINT_SLICE: &str = "EndpointSlice";
pub(super) const INGRESS: &str = "Ingress";
pub(super) const VALIDATING: &str = "ValidatingWebhookConfiguration";
pub(super) const MUTATING: &str = "MutatingWebhookConfiguration";
pub(super) const API_SERVICE: &str = "APIService";
pub(super) const ROLE_BINDING: &str = "RoleBinding";
pub(super) const CLUSTER_ROLE_BINDING: &str = "ClusterRoleBinding";

/// Kinds whose objects are in no namespace.
pub(super) const CLUSTERWIDE: [&str; 5] = [NAMESPACE, VALIDATING, MUTATING, API_SERVICE, CLUSTER_ROLE_BINDING];

/// What is read beside a cluster for an inventory. Routes of the Gateway API look alike in all versions that were ever
/// served under its group (kubernetes-sigs/gateway-api, `apis/`).
const LEADS: &[(&str, &str)] = &[
    ("v1", CONFIG_MAP),
    ("v1", SERVICE),
    ("v1", ENDPOINTS),
    ("discovery.k8s.io/v1", ENDPOINT_SLICE),
    ("networking.k8s.io/v1", INGRESS),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1beta1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1alpha2", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1", "GRPCRoute"),
    ("gateway.networking.k8s.io/v1alpha2", "GRPCRoute"),
    ("gateway.networking.k8s.io/v1", "TLSRoute"),
    ("gateway.networking.k8s.io/v1alpha3", "TLSRoute"),
    ("gateway.networking.k8s.io/v1alpha2", "TLSRoute"),
    ("gateway.networking.k8s.io/v1", "TCPRoute"),
    ("gateway.networking.k8s.io/v1alpha2", "TCPRoute"),
    ("gateway.networking.k8s.io/v1", "UDPRoute"),
    ("gateway.networking.k8s.io/v1alpha2", "UDPRoute"),
    ("admissionregistration.k8s.io/v1", VALIDATING),
    ("admissionregistration.k8s.io/v1", MUTATING),
    ("apiregistration.k8s.io/v1", API_SERVICE),
    ("rbac.authorization.k8s.io/v1", ROLE_BINDING),
    ("rbac.authorization.k8s.io/v1", CLUSTER_ROLE_BINDING),
];

/// Groups that once served kinds of a cluster in other versions; in other groups the same word is another thing.
const GROUPS: [&str; 4] = ["", "apps", "batch", "extensions"];

/// The same for what is read beside it.
const LEADING_GROUPS: [&str; 5] = [
    "discovery.k8s.io",
    "networking.k8s.io",
    "admissionregistration.k8s.io",
    "apiregistration.k8s.io",
    "rbac.authorization.k8s.io",
];

/// API groups whose objects are policies, or what policies refer to.
const POLICY_GROUPS: [&str; 4] =
    ["projectcalico.org", "crd.projectcalico.org", "cilium.io", "policy.networking.k8s.io"];

/// How the kinds of policies end, in whichever group: a misspelt group must not leave a policy out, and neither must one
/// that other engines enforce.
const POLICY: &str = "NetworkPolicy";

/// What to do about a text that is no object.
const HELP: &str = "each document must be a manifest as the API server takes it; leave other files out";

/// Names by which kustomize finds a file, whose version and kind may be left out.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Kind of what has such a name.
const KUSTOMIZATION: &str = "Kustomization";

/// Documents by what they are.
#[derive(Default)]
pub(super) struct Sorted<'s> {
    /// Parts of the cluster, with their kinds.
    pub(super) objects: Vec<(Doc<'s>, &'static str)>,
    pub(super) policies: Vec<PolicyDoc<'s>>,
    pub(super) others: BTreeMap<String, usize>,
    pub(super) errors: Vec<Diagnostic>,
}

/// Sorts the documents of files.
pub(super) fn files<'s>(sources: &'s Sources, files: &[FileId], scope: Scope) -> Sorted<'s> {
    let mut sorted = Sorted::default();
    let mut docs = vec![];
    for file in files {
        match text::documents(sources, *file) {
            Ok(of_file) => docs.extend(of_file),
            Err(errors) => sorted.errors.extend(errors.into_iter().map(super::of_manifest)),
        }
    }
    let parts: Vec<Sorted<'s>> = docs.into_par_iter().map(|doc| document(doc, sources, None, scope)).collect();
    for part in parts {
        sorted.append(part);
    }
    sorted
}

impl<'s> Sorted<'s> {
    fn append(&mut self, mut other: Self) {
        self.objects.append(&mut other.objects);
        self.policies.append(&mut other.policies);
        self.errors.append(&mut other.errors);
        for (kind, count) in other.others {
            *self.others.entry(kind).or_default() += count;
        }
    }

    fn error(diagnostic: Diagnostic) -> Self {
        Self { errors: vec![super::of_manifest(diagnostic)], ..Self::default() }
    }
}

/// Version and kind.
type Identity = (String, String);

/// Sorts a document, or all items of the list that it is. Items of a typed list may leave out what they are: then it follows
/// from the list.
fn document<'s>(doc: Doc<'s>, sources: &Sources, of_list: Option<&Identity>, scope: Scope) -> Sorted<'s> {
    let (version, kind) = match identity(&doc, sources, of_list) {
        Ok(identity) => identity,
        Err(diagnostic) => return Sorted::error(*diagnostic),
    };
    if let Some(of_items) = listed(&version, &kind) {
        return match doc.items() {
            Ok(Some(items)) => list(items, sources, of_items.as_ref(), scope),
            Ok(None) if of_items.is_none() => Sorted::default(),
            Ok(None) => Sorted { others: BTreeMap::from([(kind, 1)]), ..Sorted::default() },
            Err(diagnostic) => Sorted::error(*diagnostic),
        };
    }
    let group = version.split_once('/').map_or("", |(group, _)| group);
    if POLICY_GROUPS.contains(&group) || kind.ends_with(POLICY) {
        if of_list.is_some() && doc.skim::<Head<'_>>().is_ok_and(|head| head.kind.is_none()) {
            let error = Diagnostic::error(codes::MANIFEST, doc.top(), "this policy does not say what it is");
            return Sorted::error(error.help("write its `apiVersion` and `kind`, as `kubectl get -o yaml` does"));
        }
        return Sorted { policies: vec![PolicyDoc { api_version: version, kind, doc }], ..Sorted::default() };
    }
    let (leads, groups): (&[_], &[_]) = match scope {
        Scope::Selected => (&[], &[]),
        Scope::Whole => (LEADS, &LEADING_GROUPS),
    };
    let of_kind = KINDS.known.iter().chain(leads).filter(|(_, known)| *known == kind);
    let served = of_kind.clone().find(|(known, _)| *known == version);
    if let Some((_, kind)) = served {
        return Sorted { objects: vec![(doc, kind)], ..Sorted::default() };
    }
    if let Some((known, _)) = of_kind.into_iter().next()
        && (GROUPS.contains(&group) || groups.contains(&group))
    {
        let message = format!("{} of {} is not served by the API server", quote(&kind), quote(&version));
        let error = Diagnostic::error(codes::MANIFEST, doc.top(), message);
        return Sorted::error(error.help(format!("write `apiVersion: {known}`")));
    }
    Sorted { others: BTreeMap::from([(kind, 1)]), ..Sorted::default() }
}

fn list<'s>(items: Vec<Doc<'s>>, sources: &Sources, of_items: Option<&Identity>, scope: Scope) -> Sorted<'s> {
    let mut sorted = Sorted::default();
    let parts: Vec<Sorted<'s>> = items.into_par_iter().map(|item| document(item, sources, of_items, scope)).collect();
    for part in parts {
        sorted.append(part);
    }
    sorted
}

/// Whether a kind is that of a list, and if so, what its items are unless they say it themselves: known of typed lists only
/// (meta/v1/types.go, `List`).
fn listed(version: &str, kind: &str) -> Option<Option<Identity>> {
    let of_items = kind.strip_suffix("List")?;
    match (version, of_items) {
        ("v1", "") => Some(None),
        (_, "") => None,
        _ => Some(Some((version.to_owned(), of_items.to_owned()))),
    }
}

fn identity(doc: &Doc<'_>, sources: &Sources, of_list: Option<&Identity>) -> Result<Identity, Box<Diagnostic>> {
    let head: Head<'_> =
        doc.skim().map_err(|error| Box::new(crate::dialects::reading::unreadable(doc, &error, HELP)))?;
    let mut known = of_list.cloned();
    let path = sources.path(doc.top().file);
    if path.file_name().is_some_and(|name| KUSTOMIZATIONS.contains(&name)) {
        known = known.or_else(|| Some((String::new(), KUSTOMIZATION.to_owned())));
    }
    let word = |text: Option<text::Text<'_>>, name: &str, known: Option<String>| match text {
        Some(text) => doc.string(&text).map(str::to_owned),
        None => known.ok_or_else(|| {
            let message = format!("this is no object: `{name}` is missing");
            let error = Diagnostic::error(codes::MANIFEST, doc.top(), message);
            Box::new(error.help("write what it is, or leave the file out: each document must be a manifest"))
        }),
    };
    let (version, kind) = known.unzip();
    Ok((word(head.api_version, "apiVersion", version)?, word(head.kind, "kind", kind)?))
}
