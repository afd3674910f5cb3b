//! YAML through the reader for plain YAML, and through the general one behind it: what the first accepts, both read alike.
//! A comment with a letter that is not ASCII is nothing to the general reader, and makes the other one step aside.

use std::fmt;

use netpolc::dialects::reading::plain;
use netpolc::dialects::{self, Dialect};
use netpolc::source::Sources;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains("\n---") || plain::read::<Anything>(text).is_none() {
        return;
    }
    for dialect in dialects::REGISTRY {
        assert_eq!(said(*dialect, text), said(*dialect, &format!("{}\n# ü\n", text.trim_end_matches('\n'))), "{text}");
    }
}

/// What a dialect makes of a text: objects with their places, or what is wrong with it.
fn said(dialect: &dyn Dialect, text: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("out/any/allow/any.yaml", text.to_owned());
    match dialect.read(&sources, &[file]) {
        Ok(files) => format!("{files:?}"),
        Err(errors) => errors.into_iter().map(|error| error.message + "\n").collect(),
    }
}

/// Whatever stands there.
struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Anything;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<Anything, E> {
                Ok(Anything)
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<Anything, E> {
                Ok(Anything)
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Anything, E> {
                Ok(Anything)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Anything, A::Error> {
                while seq.next_element::<Anything>()?.is_some() {}
                Ok(Anything)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Anything, A::Error> {
                while map.next_entry::<Anything, Anything>()?.is_some() {}
                Ok(Anything)
            }
        }
        deserializer.deserialize_any(V)
    }
}
