//! Parts that objects of all dialects have, as written: shapes only, no meaning yet.
//!
//! Types follow `meta/v1/types.go` of kubernetes/apimachinery. Fields that only the API server writes are known, and mean
//! nothing: a dump of a cluster has them, a manifest has none ([`Purpose`](super::Purpose)).

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

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

/// A list of what belongs together, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Kustomization<'a> {
    #[serde(borrow)]
    pub(super) api_version: Text<'a>,
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) resources: Option<Vec<Text<'a>>>,
}

/// An object of a kind whose `spec` has this shape.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Manifest<'a, S> {
    /// Its version.
    #[serde(borrow)]
    pub api_version: Text<'a>,
    /// Its kind.
    #[serde(borrow)]
    pub kind: Text<'a>,
    /// Its name, labels and annotations.
    #[serde(borrow)]
    pub metadata: Option<Metadata<'a>>,
    /// What it says.
    pub spec: Option<S>,
    /// What the cluster says of it: no part of what it means.
    pub status: Option<IgnoredAny>,
}

/// `metadata` of an object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Its namespace.
    #[serde(borrow)]
    pub namespace: Option<Text<'a>>,
    /// Its labels.
    #[serde(borrow, default)]
    pub labels: Option<Pairs<'a>>,
    /// Its annotations.
    #[serde(borrow, default)]
    pub annotations: Option<Pairs<'a>>,
    #[serde(default)]
    pub(super) creation_timestamp: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) deletion_grace_period_seconds: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) deletion_timestamp: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) finalizers: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) generate_name: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) generation: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) managed_fields: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) owner_references: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) resource_version: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) self_link: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) uid: Option<IgnoredAny>,
}

impl Metadata<'_> {
    /// A field that only the API server writes.
    pub(super) fn of_server(&self) -> Option<&'static str> {
        let fields = [
            ("creationTimestamp", &self.creation_timestamp),
            ("deletionGracePeriodSeconds", &self.deletion_grace_period_seconds),
            ("deletionTimestamp", &self.deletion_timestamp),
            ("finalizers", &self.finalizers),
            ("generateName", &self.generate_name),
            ("generation", &self.generation),
            ("managedFields", &self.managed_fields),
            ("ownerReferences", &self.owner_references),
            ("resourceVersion", &self.resource_version),
            ("selfLink", &self.self_link),
            ("uid", &self.uid),
        ];
        fields.into_iter().find(|(_, field)| field.is_some()).map(|(name, _)| name)
    }
}

/// A selector as Kubernetes writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Selector<'a> {
    /// Equalities.
    #[serde(borrow)]
    pub match_labels: Option<Pairs<'a>>,
    /// Further conditions.
    #[serde(borrow)]
    pub match_expressions: Option<Vec<Expression<'a>>>,
}

/// One condition of a selector.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expression<'a> {
    /// The label's key.
    #[serde(borrow)]
    pub key: Text<'a>,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    #[serde(borrow)]
    pub operator: Text<'a>,
    /// Values for the first two.
    #[serde(borrow)]
    pub values: Option<Vec<Text<'a>>>,
}

/// A number, or a word in its place.
pub enum PortValue {
    /// A number.
    Number(i128),
    /// A word.
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
pub struct Pairs<'a>(pub Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Pairs<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(8);
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(V(PhantomData))
    }
}

/// A boolean, never a word in its place, quoted or not.
pub struct Flag(pub bool);

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
