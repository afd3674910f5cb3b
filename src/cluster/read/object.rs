//! Objects of a cluster as written: shapes only, no meaning yet.
//!
//! Types follow `core/v1/types.go`, `apps/v1/types.go` and `batch/v1/types.go` of kubernetes/api. Only what policies see is
//! here, and what a container says of itself, which is read for an inventory alone ([`Said`]); what else an object holds
//! passes by, as the API server fills in much of it.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::dialects::reading::object::{Pairs, PortValue};
use crate::dialects::reading::text::Text;

/// Any object: only what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    pub(super) api_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) kind: Option<Text<'a>>,
}

/// A Namespace or a ServiceAccount.
#[derive(Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Pod<'a, const WHOLE: bool> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) spec: Option<PodSpec<'a, WHOLE>>,
    #[serde(borrow)]
    pub(super) status: Option<PodStatus<'a>>,
}

/// Everything that has a template, but for a CronJob.
#[derive(Deserialize)]
pub(super) struct Workload<'a, const WHOLE: bool> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) spec: Option<Templated<'a, WHOLE>>,
    #[serde(borrow, default)]
    pub(super) status: Said<WorkloadStatus<'a>, WHOLE>,
}

/// What is said of a Job that has run to its end; other workloads have no such time, and conditions of other types.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkloadStatus<'a> {
    #[serde(borrow)]
    pub(super) completion_time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) conditions: Option<Vec<Condition<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Condition<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Templated<'a, const WHOLE: bool> {
    #[serde(borrow)]
    pub(super) template: Option<Template<'a, WHOLE>>,
}

#[derive(Deserialize)]
pub(super) struct CronJob<'a, const WHOLE: bool> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) spec: Option<CronJobSpec<'a, WHOLE>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CronJobSpec<'a, const WHOLE: bool> {
    #[serde(borrow)]
    pub(super) job_template: Option<JobTemplate<'a, WHOLE>>,
}

#[derive(Deserialize)]
pub(super) struct JobTemplate<'a, const WHOLE: bool> {
    #[serde(borrow)]
    pub(super) spec: Option<Templated<'a, WHOLE>>,
}

#[derive(Deserialize)]
pub(super) struct Template<'a, const WHOLE: bool> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) spec: Option<PodSpec<'a, WHOLE>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) namespace: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) labels: Option<Pairs<'a>>,
    #[serde(borrow)]
    pub(super) annotations: Option<Annotations<'a>>,
    #[serde(borrow)]
    pub(super) owner_references: Option<Vec<Owner<'a>>>,
}

/// The one annotation that says when an object is there.
#[derive(Deserialize)]
pub(super) struct Annotations<'a> {
    #[serde(borrow, rename = "helm.sh/hook")]
    pub(super) hook: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Owner<'a> {
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) controller: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec<'a, const WHOLE: bool> {
    #[serde(borrow)]
    pub(super) service_account_name: Option<Text<'a>>,
    /// The old name of the same field; the API server writes both.
    #[serde(borrow)]
    pub(super) service_account: Option<Text<'a>>,
    pub(super) host_network: Option<bool>,
    #[serde(borrow)]
    pub(super) containers: Option<Vec<Container<'a, WHOLE>>>,
    #[serde(borrow)]
    pub(super) init_containers: Option<Vec<Container<'a, WHOLE>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container<'a, const WHOLE: bool> {
    #[serde(borrow)]
    pub(super) restart_policy: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) ports: Option<Vec<Spanned<Port<'a>>>>,
    #[serde(borrow, default)]
    pub(super) command: Said<Vec<Option<Spanned<Text<'a>>>>, WHOLE>,
    #[serde(borrow, default)]
    pub(super) args: Said<Vec<Option<Spanned<Text<'a>>>>, WHOLE>,
    #[serde(borrow, default)]
    pub(super) env: Said<Vec<Variable<'a>>, WHOLE>,
    #[serde(borrow, default)]
    pub(super) env_from: Said<Vec<Variables<'a>>, WHOLE>,
    #[serde(borrow, default)]
    pub(super) liveness_probe: Said<Probe<'a>, WHOLE>,
    #[serde(borrow, default)]
    pub(super) readiness_probe: Said<Probe<'a>, WHOLE>,
    #[serde(borrow, default)]
    pub(super) startup_probe: Said<Probe<'a>, WHOLE>,
}

/// A field that is read if the `WHOLE` object is; else it passes by, whatever it holds.
pub(super) struct Said<T, const WHOLE: bool>(pub(super) Option<T>);

impl<T, const WHOLE: bool> Default for Said<T, WHOLE> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>, const WHOLE: bool> Deserialize<'de> for Said<T, WHOLE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match WHOLE {
            true => Option::deserialize(deserializer).map(Self),
            false => IgnoredAny::deserialize(deserializer).map(|_| Self(None)),
        }
    }
}

/// An environment variable.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variable<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) value: Option<Spanned<Text<'a>>>,
    #[serde(borrow)]
    pub(super) value_from: Option<ValueFrom<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValueFrom<'a> {
    #[serde(borrow)]
    pub(super) config_map_key_ref: Option<KeyRef<'a>>,
}

#[derive(Deserialize)]
pub(super) struct KeyRef<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) key: Option<Text<'a>>,
}

/// All variables that an object holds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variables<'a> {
    #[serde(borrow)]
    pub(super) prefix: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) config_map_ref: Option<NameRef<'a>>,
}

#[derive(Deserialize)]
pub(super) struct NameRef<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probe<'a> {
    #[serde(borrow)]
    pub(super) http_get: Option<Handler<'a>>,
    #[serde(borrow)]
    pub(super) tcp_socket: Option<Handler<'a>>,
    #[serde(borrow)]
    pub(super) grpc: Option<Handler<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Handler<'a> {
    #[serde(borrow)]
    pub(super) host: Option<Text<'a>>,
    pub(super) port: Option<Spanned<PortValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Port<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) protocol: Option<Text<'a>>,
    pub(super) container_port: Option<Spanned<PortValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodStatus<'a> {
    #[serde(borrow)]
    pub(super) phase: Option<Text<'a>>,
    // The name that camel case gives is another.
    #[serde(borrow, rename = "podIP")]
    pub(super) pod_ip: Option<Text<'a>>,
    #[serde(borrow, rename = "podIPs")]
    pub(super) pod_ips: Option<Vec<PodIp<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct PodIp<'a> {
    #[serde(borrow)]
    pub(super) ip: Option<Text<'a>>,
}
