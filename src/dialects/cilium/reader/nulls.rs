//! Nulls in what somebody wrote.
//!
//! The API server takes away fields whose value is null, as nothing here is nullable or has a default (apiextensions-apiserver,
//! `PruneNonNullableNullsWithoutDefaults`): they are not written. In a list null stays, and no schema here takes it, while
//! readers of YAML take it for an object without fields. So lists are looked through before.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What of an object must hold no null in a list.
#[derive(Deserialize)]
pub(super) struct Specs {
    #[serde(rename = "spec")]
    _spec: Option<Solid>,
    #[serde(rename = "specs")]
    _specs: Option<Solid>,
}

/// A value without null in its lists, and that is none.
struct Solid;

impl<'de> Deserialize<'de> for Solid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Solid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Solid, E> {
        Ok(Solid)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Solid, E> {
        Ok(Solid)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Solid, E> {
        Ok(Solid)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Solid, E> {
        Ok(Solid)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Solid, E> {
        Ok(Solid)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Solid, E> {
        Ok(Solid)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Solid, E> {
        Ok(Solid)
    }

    fn visit_unit<E: Error>(self) -> Result<Solid, E> {
        Err(E::custom("null stands where a value is expected"))
    }

    fn visit_none<E: Error>(self) -> Result<Solid, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Solid, D::Error> {
        Solid::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Solid, A::Error> {
        while items.next_element::<Solid>()?.is_some() {}
        Ok(Solid)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Solid, A::Error> {
        while entries.next_entry::<IgnoredAny, Option<Solid>>()?.is_some() {}
        Ok(Solid)
    }
}
