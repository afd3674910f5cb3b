//! The JSON schemas of the files, for editors: generated from the tables.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::{IntentFile, ProjectFile};

/// The schema of an intent file.
pub fn intent_schema() -> Value {
    schema::<IntentFile>("netpolc intent")
}

/// The schema of `netpolc.toml`.
pub fn project_schema() -> Value {
    schema::<ProjectFile>("netpolc project")
}

fn schema<T: JsonSchema>(title: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut value = generator.into_root_schema_for::<T>().to_value();
    for_toml(&mut value);
    if let Value::Object(map) = &mut value {
        map.insert("title".to_owned(), title.into());
    }
    value
}

/// TOML has no null: what is optional is left out, so `null` is taken out of every type.
fn for_toml(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|t| t != "null");
                if let [single] = types.as_slice() {
                    let single = single.clone();
                    map.insert("type".to_owned(), single);
                }
            }
            // The comments of the tables are wrapped at a width that means nothing to an editor.
            if let Some(Value::String(description)) = map.get_mut("description") {
                *description = description.replace('\n', " ");
            }
            flatten_any_of(map);
            map.values_mut().for_each(for_toml);
        }
        Value::Array(list) => list.iter_mut().for_each(for_toml),
        _ => {}
    }
}

/// `anyOf: [x, null]` is just `x`, with the description that stands beside it.
fn flatten_any_of(map: &mut Map<String, Value>) {
    let Some(Value::Array(options)) = map.get_mut("anyOf") else { return };
    let before = options.len();
    options.retain(|option| option.get("type") != Some(&Value::from("null")));
    if options.len() == before {
        return;
    }
    if let [Value::Object(single)] = options.as_slice() {
        let single = single.clone();
        map.remove("anyOf");
        for (key, value) in single {
            map.entry(key).or_insert(value);
        }
    }
}
