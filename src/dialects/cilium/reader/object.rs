//! The objects that a file of this dialect may hold, as written: shapes only, no meaning yet.
//!
//! Types follow pkg/policy/api and pkg/k8s/apis/cilium.io/v2 of cilium/cilium, and the CustomResourceDefinitions made of
//! them (1.19: `fromRequires` and `toRequires` are gone). Denials have the fields of permissions here, and what they may not
//! have is refused where they are read. What a list holds is optional because null reads as an object without fields, which as
//! a rule would allow everything: so null is seen, and refused.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::layer7::{Authentication, L7Rules, Listener, Tls};
use crate::dialects::reading::object::{Flag, Metadata, Pairs, PortValue, Selector};
use crate::dialects::reading::plain::Placed;
use crate::dialects::reading::text::Text;

/// A list whose items may be null.
pub(super) type List<T> = Option<Vec<Option<T>>>;

/// A policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Object<'a> {
    #[serde(borrow)]
    pub(super) api_version: Text<'a>,
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) spec: Option<Spec<'a>>,
    #[serde(borrow)]
    pub(super) specs: List<Spec<'a>>,
    #[serde(rename = "status")]
    pub(super) _status: Option<IgnoredAny>,
}

/// What a group of address ranges holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupSpec<'a> {
    #[serde(rename = "externalCIDRs", borrow)]
    pub(super) external_cidrs: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Spec<'a> {
    #[serde(borrow)]
    pub(super) endpoint_selector: Option<Selector<'a>>,
    #[serde(borrow)]
    pub(super) node_selector: Option<Selector<'a>>,
    pub(super) enable_default_deny: Option<DefaultDeny>,
    #[serde(borrow)]
    pub(super) ingress: Option<Vec<Placed<Option<Ingress<'a>>>>>,
    #[serde(borrow)]
    pub(super) ingress_deny: Option<Vec<Placed<Option<Ingress<'a>>>>>,
    #[serde(borrow)]
    pub(super) egress: Option<Vec<Placed<Option<Egress<'a>>>>>,
    #[serde(borrow)]
    pub(super) egress_deny: Option<Vec<Placed<Option<Egress<'a>>>>>,
    #[serde(borrow)]
    pub(super) description: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) labels: List<Label<'a>>,
    #[serde(borrow)]
    pub(super) log: Option<Log<'a>>,
}

/// A label of a rule, by which agents find it again: it means nothing for what passes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Label<'a> {
    #[serde(borrow)]
    pub(super) key: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) source: Option<Text<'a>>,
}

/// A word for the logs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log<'a> {
    #[serde(borrow)]
    pub(super) value: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefaultDeny {
    pub(super) ingress: Option<Placed<Flag>>,
    pub(super) egress: Option<Placed<Flag>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Ingress<'a> {
    #[serde(borrow)]
    pub(super) from_endpoints: List<Selector<'a>>,
    #[serde(borrow)]
    pub(super) from_nodes: List<Selector<'a>>,
    #[serde(borrow)]
    pub(super) from_entities: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) from_groups: List<CloudGroup<'a>>,
    #[serde(rename = "fromCIDR", borrow)]
    pub(super) from_cidr: Option<Vec<Text<'a>>>,
    #[serde(rename = "fromCIDRSet", borrow)]
    pub(super) from_cidr_set: List<CidrRule<'a>>,
    #[serde(borrow)]
    pub(super) to_ports: List<PortRule<'a>>,
    #[serde(borrow)]
    pub(super) icmps: List<Icmp<'a>>,
    #[serde(borrow)]
    pub(super) authentication: Option<Authentication<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Egress<'a> {
    #[serde(borrow)]
    pub(super) to_endpoints: List<Selector<'a>>,
    #[serde(borrow)]
    pub(super) to_nodes: List<Selector<'a>>,
    #[serde(borrow)]
    pub(super) to_entities: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) to_groups: List<CloudGroup<'a>>,
    #[serde(borrow)]
    pub(super) to_services: List<Service<'a>>,
    #[serde(rename = "toCIDR", borrow)]
    pub(super) to_cidr: Option<Vec<Text<'a>>>,
    #[serde(rename = "toCIDRSet", borrow)]
    pub(super) to_cidr_set: List<CidrRule<'a>>,
    #[serde(rename = "toFQDNs", borrow)]
    pub(super) to_fqdns: List<Name<'a>>,
    #[serde(borrow)]
    pub(super) to_ports: List<PortRule<'a>>,
    #[serde(borrow)]
    pub(super) icmps: List<Icmp<'a>>,
    #[serde(borrow)]
    pub(super) authentication: Option<Authentication<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CidrRule<'a> {
    #[serde(borrow)]
    pub(super) cidr: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) cidr_group_ref: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) cidr_group_selector: Option<Selector<'a>>,
    #[serde(borrow)]
    pub(super) except: Option<Vec<Text<'a>>>,
}

/// Security groups of a cloud. Who is in them no policy tells.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloudGroup<'a> {
    #[serde(rename = "aws", borrow)]
    pub(super) _aws: Option<AwsGroup<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AwsGroup<'a> {
    #[serde(rename = "labels", borrow)]
    pub(super) _labels: Option<Pairs<'a>>,
    #[serde(rename = "region", borrow)]
    pub(super) _region: Option<Text<'a>>,
    #[serde(rename = "securityGroupsIds", borrow)]
    pub(super) _ids: Option<Vec<Text<'a>>>,
    #[serde(rename = "securityGroupsNames", borrow)]
    pub(super) _names: Option<Vec<Text<'a>>>,
}

/// A Service, for what is behind it. That no policy tells.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Service<'a> {
    #[serde(rename = "k8sService", borrow)]
    pub(super) _by_name: Option<NamedService<'a>>,
    #[serde(rename = "k8sServiceSelector", borrow)]
    pub(super) by_labels: Option<SelectedServices<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NamedService<'a> {
    #[serde(rename = "namespace", borrow)]
    pub(super) _namespace: Option<Text<'a>>,
    #[serde(rename = "serviceName", borrow)]
    pub(super) _name: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelectedServices<'a> {
    #[serde(rename = "namespace", borrow)]
    pub(super) _namespace: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) selector: Option<Selector<'a>>,
}

/// A host name of `toFQDNs`, or a question of a DNS rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Name<'a> {
    #[serde(borrow)]
    pub(super) match_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) match_pattern: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PortRule<'a> {
    #[serde(borrow)]
    pub(super) ports: List<Port<'a>>,
    #[serde(borrow)]
    pub(super) rules: Option<L7Rules<'a>>,
    #[serde(borrow)]
    pub(super) server_names: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) listener: Option<Listener<'a>>,
    #[serde(rename = "terminatingTLS", borrow)]
    pub(super) terminating_tls: Option<Tls<'a>>,
    #[serde(rename = "originatingTLS", borrow)]
    pub(super) originating_tls: Option<Tls<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Port<'a> {
    #[serde(borrow)]
    pub(super) port: Option<Text<'a>>,
    pub(super) end_port: Option<Placed<PortValue>>,
    #[serde(borrow)]
    pub(super) protocol: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Icmp<'a> {
    #[serde(borrow)]
    pub(super) fields: List<IcmpField<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IcmpField<'a> {
    #[serde(borrow)]
    pub(super) family: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<PortValue>,
}
