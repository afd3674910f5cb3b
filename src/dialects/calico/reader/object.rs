//! The objects that a file of this dialect may hold, as written: shapes only, no meaning yet.
//!
//! Types follow the CustomResourceDefinitions of projectcalico.org/v3. Fields that a policy may have and that the normal
//! form cannot hold are listed here, so that they are refused by name. What a list holds is optional because null reads
//! as an object without fields, which as a rule would be about all traffic: so null is seen, and refused.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};
use serde_saphyr::Spanned;

use crate::dialects::reading::object::PortValue;
use crate::dialects::reading::text::Text;

/// A field that is refused wherever it stands.
pub(super) type Refused = Option<Spanned<IgnoredAny>>;

/// GlobalNetworkPolicy, StagedGlobalNetworkPolicy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PolicySpec<'a> {
    #[serde(borrow)]
    pub(super) tier: Option<Text<'a>>,
    pub(super) order: Option<Spanned<Number>>,
    #[serde(borrow)]
    pub(super) namespace_selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) types: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) ingress: Option<Vec<Spanned<Option<Rule<'a>>>>>,
    #[serde(borrow)]
    pub(super) egress: Option<Vec<Spanned<Option<Rule<'a>>>>>,
    #[serde(borrow)]
    pub(super) staged_action: Option<Text<'a>>,
    pub(super) service_account_selector: Refused,
    pub(super) apply_on_forward: Refused,
    pub(super) do_not_track: Refused,
    #[serde(rename = "preDNAT")]
    pub(super) pre_dnat: Refused,
    pub(super) performance_hints: Refused,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    #[serde(borrow)]
    pub(super) action: Option<Text<'a>>,
    pub(super) protocol: Option<Spanned<PortValue>>,
    #[serde(borrow)]
    pub(super) source: Option<Entity<'a>>,
    #[serde(borrow)]
    pub(super) destination: Option<Entity<'a>>,
    pub(super) not_protocol: Refused,
    pub(super) ip_version: Refused,
    pub(super) icmp: Refused,
    #[serde(rename = "notICMP")]
    pub(super) not_icmp: Refused,
    pub(super) http: Refused,
    pub(super) metadata: Refused,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Entity<'a> {
    #[serde(borrow)]
    pub(super) namespace_selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) selector: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) nets: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) not_nets: Option<Vec<Text<'a>>>,
    pub(super) ports: Option<Vec<Spanned<PortValue>>>,
    pub(super) not_selector: Refused,
    pub(super) not_ports: Refused,
    pub(super) service_accounts: Refused,
    pub(super) services: Refused,
}

/// GlobalNetworkSet.
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
    pub(super) order: Option<Spanned<Number>>,
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
