//! The objects that a file of this dialect may hold, as written: shapes only, no meaning yet.
//!
//! Types follow pkg/policy/api and pkg/k8s/apis/cilium.io/v2 of cilium/cilium, and the CustomResourceDefinitions made of
//! them. Fields that only the agent writes, and kinds of peers whose members no policy tells (services, groups of clouds,
//! nodes), are left out on purpose. What a list holds is optional because null reads as an object without fields, which as
//! a rule would allow everything: so null is seen, and refused.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use serde_saphyr::Spanned;

use crate::dialects::reading::object::{Metadata, PortValue, Selector};
use crate::dialects::reading::text::Text;

/// A policy, or a group of address ranges.
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
    pub(super) specs: Option<Vec<Option<Spec<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Spec<'a> {
    #[serde(rename = "externalCIDRs", borrow)]
    pub(super) external_cidrs: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) endpoint_selector: Option<Selector<'a>>,
    pub(super) enable_default_deny: Option<DefaultDeny>,
    #[serde(borrow)]
    pub(super) ingress: Option<Vec<Spanned<Option<Ingress<'a>>>>>,
    #[serde(borrow)]
    pub(super) ingress_deny: Option<Vec<Spanned<Option<Ingress<'a>>>>>,
    #[serde(borrow)]
    pub(super) egress: Option<Vec<Spanned<Option<Egress<'a>>>>>,
    #[serde(borrow)]
    pub(super) egress_deny: Option<Vec<Spanned<Option<Egress<'a>>>>>,
    #[serde(borrow)]
    pub(super) description: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefaultDeny {
    pub(super) ingress: Option<Spanned<Flag>>,
    pub(super) egress: Option<Spanned<Flag>>,
}

/// A boolean, never a string in its place.
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Flag;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }
        }
        deserializer.deserialize_any(V)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Ingress<'a> {
    #[serde(borrow)]
    pub(super) from_endpoints: Option<Vec<Option<Selector<'a>>>>,
    #[serde(borrow)]
    pub(super) from_entities: Option<Vec<Text<'a>>>,
    #[serde(rename = "fromCIDR", borrow)]
    pub(super) from_cidr: Option<Vec<Text<'a>>>,
    #[serde(rename = "fromCIDRSet", borrow)]
    pub(super) from_cidr_set: Option<Vec<Option<CidrRule<'a>>>>,
    #[serde(borrow)]
    pub(super) to_ports: Option<Vec<Option<PortRule<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Egress<'a> {
    #[serde(borrow)]
    pub(super) to_endpoints: Option<Vec<Option<Selector<'a>>>>,
    #[serde(borrow)]
    pub(super) to_entities: Option<Vec<Text<'a>>>,
    #[serde(rename = "toCIDR", borrow)]
    pub(super) to_cidr: Option<Vec<Text<'a>>>,
    #[serde(rename = "toCIDRSet", borrow)]
    pub(super) to_cidr_set: Option<Vec<Option<CidrRule<'a>>>>,
    #[serde(rename = "toFQDNs", borrow)]
    pub(super) to_fqdns: Option<Vec<Option<Name<'a>>>>,
    #[serde(borrow)]
    pub(super) to_ports: Option<Vec<Option<PortRule<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CidrRule<'a> {
    #[serde(borrow)]
    pub(super) cidr: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) cidr_group_ref: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) except: Option<Vec<Text<'a>>>,
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
#[serde(deny_unknown_fields)]
pub(super) struct PortRule<'a> {
    #[serde(borrow)]
    pub(super) ports: Option<Vec<Option<Port<'a>>>>,
    #[serde(borrow)]
    pub(super) rules: Option<L7Rules<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Port<'a> {
    #[serde(borrow)]
    pub(super) port: Option<Text<'a>>,
    pub(super) end_port: Option<Spanned<PortValue>>,
    #[serde(borrow)]
    pub(super) protocol: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct L7Rules<'a> {
    #[serde(borrow)]
    pub(super) http: Option<Vec<Option<Http<'a>>>>,
    #[serde(borrow)]
    pub(super) dns: Option<Vec<Option<Name<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http<'a> {
    #[serde(borrow)]
    pub(super) method: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) path: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) headers: Option<Vec<Text<'a>>>,
}
