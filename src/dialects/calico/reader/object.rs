//! The objects that a file of this dialect may hold, as written: shapes only, no meaning yet.
//!
//! Types follow the CustomResourceDefinitions of projectcalico.org/v3. What a list holds is optional because null reads as an
//! object without fields, which as a rule would be about all traffic: so null is seen, and refused.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::dialects::reading::object::{Flag, Metadata, Pairs, PortValue};
use crate::dialects::reading::plain::Placed;
use crate::dialects::reading::text::Text;

/// Any object: only its version is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version<'a> {
    #[serde(borrow)]
    pub(super) api_version: Text<'a>,
}

/// A Namespace, for its labels: nothing else of it is about policies.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Namespace<'a> {
    #[serde(borrow)]
    pub(super) api_version: Text<'a>,
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
}

/// The spec of policies of every kind of projectcalico.org/v3; which kind has which field is looked at later.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PolicySpec<'a> {
    #[serde(borrow)]
    pub(super) tier: Option<Text<'a>>,
    pub(super) order: Option<Placed<Number>>,
    #[serde(borrow)]
    pub(super) namespace_selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) service_account_selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) types: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) ingress: Option<Vec<Placed<Option<Rule<'a>>>>>,
    #[serde(borrow)]
    pub(super) egress: Option<Vec<Placed<Option<Rule<'a>>>>>,
    #[serde(borrow)]
    pub(super) staged_action: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) performance_hints: Option<Vec<Text<'a>>>,
    pub(super) apply_on_forward: Option<Placed<Flag>>,
    pub(super) do_not_track: Option<Placed<Flag>>,
    #[serde(rename = "preDNAT")]
    pub(super) pre_dnat: Option<Placed<Flag>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    #[serde(borrow)]
    pub(super) action: Option<Text<'a>>,
    pub(super) protocol: Option<Placed<PortValue>>,
    pub(super) not_protocol: Option<Placed<PortValue>>,
    pub(super) ip_version: Option<Placed<Number>>,
    pub(super) icmp: Option<Placed<Icmp>>,
    #[serde(rename = "notICMP")]
    pub(super) not_icmp: Option<Placed<Icmp>>,
    #[serde(borrow)]
    pub(super) http: Option<Placed<Http<'a>>>,
    #[serde(borrow)]
    pub(super) source: Option<Entity<'a>>,
    #[serde(borrow)]
    pub(super) destination: Option<Entity<'a>>,
    #[serde(borrow)]
    pub(super) metadata: Option<RuleMetadata<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Entity<'a> {
    #[serde(borrow)]
    pub(super) namespace_selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) not_selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) service_accounts: Option<ServiceAccounts<'a>>,
    #[serde(borrow)]
    pub(super) services: Option<Placed<Services<'a>>>,
    #[serde(borrow)]
    pub(super) nets: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) not_nets: Option<Vec<Text<'a>>>,
    pub(super) ports: Option<Vec<Placed<PortValue>>>,
    pub(super) not_ports: Option<Vec<Placed<PortValue>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceAccounts<'a> {
    #[serde(borrow)]
    pub(super) names: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) selector: Option<Text<'a>>,
}

/// Services by name: read to be refused by what they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "known so that it is refused by name")]
pub(super) struct Services<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    namespace: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Icmp {
    #[serde(rename = "type")]
    pub(super) of: Option<Number>,
    pub(super) code: Option<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http<'a> {
    #[serde(borrow)]
    pub(super) methods: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) paths: Option<Vec<Option<HttpPath<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpPath<'a> {
    #[serde(borrow)]
    pub(super) exact: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) prefix: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleMetadata<'a> {
    #[serde(borrow)]
    pub(super) annotations: Option<Pairs<'a>>,
}

/// GlobalNetworkSet, NetworkSet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SetSpec<'a> {
    #[serde(borrow)]
    pub(super) nets: Option<Vec<Text<'a>>>,
}

/// Tier.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TierSpec<'a> {
    pub(super) order: Option<Placed<Number>>,
    #[serde(borrow)]
    pub(super) default_action: Option<Text<'a>>,
}

/// A number; a word in its place is none.
pub(super) struct Number(pub(super) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                // Orders are small; Calico reads them as the same type.
                #[expect(clippy::cast_precision_loss, reason = "Calico reads orders as 64-bit floats too")]
                Ok(Number(number as f64))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                #[expect(clippy::cast_precision_loss, reason = "Calico reads orders as 64-bit floats too")]
                Ok(Number(number as f64))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
                if number.is_finite() { Ok(Number(number)) } else { Err(E::custom("not a finite number")) }
            }
        }
        deserializer.deserialize_any(V)
    }
}
