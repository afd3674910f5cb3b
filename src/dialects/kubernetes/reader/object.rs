//! The objects that a file of this dialect may hold, as written: shapes only, no meaning yet.
//!
//! Types follow `networking/v1/types.go` and `meta/v1/types.go` of kubernetes/api. Fields that only the API server writes
//! are left out on purpose: they have no place in a manifest. What a list holds is optional because null reads as an
//! object without fields, which as a rule would allow everything: so null is seen, and refused.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_saphyr::Spanned;

use super::text::Text;

/// Any object: only its kind is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    pub(super) api_version: Text<'a>,
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
}

/// A NetworkPolicy, or a Kustomization.
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
    pub(super) resources: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) namespace: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) labels: Option<Pairs<'a>>,
    #[serde(borrow, default)]
    pub(super) annotations: Option<Pairs<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Spec<'a> {
    #[serde(borrow)]
    pub(super) pod_selector: Option<Selector<'a>>,
    #[serde(borrow)]
    pub(super) policy_types: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) ingress: Option<Vec<Spanned<Option<Ingress<'a>>>>>,
    #[serde(borrow)]
    pub(super) egress: Option<Vec<Spanned<Option<Egress<'a>>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ingress<'a> {
    #[serde(borrow)]
    pub(super) from: Option<Vec<Option<Peer<'a>>>>,
    #[serde(borrow)]
    pub(super) ports: Option<Vec<Option<Port<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Egress<'a> {
    #[serde(borrow)]
    pub(super) to: Option<Vec<Option<Peer<'a>>>>,
    #[serde(borrow)]
    pub(super) ports: Option<Vec<Option<Port<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Peer<'a> {
    #[serde(borrow)]
    pub(super) pod_selector: Option<Selector<'a>>,
    #[serde(borrow)]
    pub(super) namespace_selector: Option<Selector<'a>>,
    #[serde(borrow)]
    pub(super) ip_block: Option<Block<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Selector<'a> {
    #[serde(borrow)]
    pub(super) match_labels: Option<Pairs<'a>>,
    #[serde(borrow)]
    pub(super) match_expressions: Option<Vec<Expression<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expression<'a> {
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    #[serde(borrow)]
    pub(super) operator: Text<'a>,
    #[serde(borrow)]
    pub(super) values: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block<'a> {
    #[serde(borrow)]
    pub(super) cidr: Text<'a>,
    #[serde(borrow)]
    pub(super) except: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Port<'a> {
    #[serde(borrow)]
    pub(super) protocol: Option<Text<'a>>,
    pub(super) port: Option<Spanned<PortValue>>,
    pub(super) end_port: Option<Spanned<PortValue>>,
}

/// `IntOrString`.
pub(super) enum PortValue {
    Number(i128),
    Name(String),
}

impl<'de> Deserialize<'de> for PortValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = PortValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port number")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<PortValue, E> {
                Ok(PortValue::Number(number.into()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<PortValue, E> {
                Ok(PortValue::Number(number.into()))
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<PortValue, E> {
                Ok(PortValue::Name(name.to_owned()))
            }
        }
        deserializer.deserialize_any(V)
    }
}

/// A map of strings in the order of the text.
pub(super) struct Pairs<'a>(pub(super) Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Pairs<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = vec![];
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(V(PhantomData))
    }
}
