//! Numbers with bounds. The schema says the same bounds to editors.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::{Cx, Decode, Item};
use crate::diag::codes;

/// A whole number between two others, both included.
#[derive(Debug, Clone, Copy)]
pub struct Whole<const MIN: u32, const MAX: u32>(pub u32);

impl<const MIN: u32, const MAX: u32> Decode for Whole<MIN, MAX> {
    const EXPECTED: &'static str = "a whole number";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let number = i64::decode(item, cx)?;
        let inside = u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
        if inside.is_none() {
            let message = format!("`{}` cannot be {number}", item.key);
            cx.refuse(codes::WRONG_TYPE, item, message, format!("write a number from {MIN} to {MAX}"));
        }
        inside.map(Self)
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Whole<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("From{MIN}To{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}
