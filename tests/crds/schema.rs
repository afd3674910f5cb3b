//! CustomResourceDefinitions as the API server applies them to an object.
//!
//! In: the definitions of a folder, and an object as JSON. Out: what the API server would refuse of it, with
//! `fieldValidation=Strict`, which refuses unknown fields. A keyword of a schema that is not known here stops the test:
//! an object that was half checked never passes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cel;

/// Definitions by API version and kind.
pub struct Definitions(BTreeMap<(String, String), Definition>);

struct Definition {
    namespaced: bool,
    schema: Value,
    validator: jsonschema::Validator,
    rules: BTreeMap<String, cel::Rule>,
}

impl Definitions {
    /// All definitions in the files of some folders.
    pub fn load(folders: &[PathBuf]) -> Self {
        let mut definitions = BTreeMap::new();
        for folder in folders {
            for entry in fs::read_dir(folder).unwrap() {
                let text = fs::read_to_string(entry.unwrap().path()).unwrap();
                for definition in objects(&text).unwrap() {
                    definitions.extend(read(&definition));
                }
            }
        }
        Self(definitions)
    }

    /// One more, as JSON.
    pub fn add(&mut self, definition: &Value) {
        self.0.extend(read(definition));
    }

    /// Whether there is a definition of its kind. Without the data there is none of any custom resource; with it, of
    /// each.
    pub fn knows(&self, object: &Value) -> bool {
        self.0.len() > 1 || self.0.contains_key(&key(object))
    }

    /// What the API server refuses of an object.
    pub fn problems(&self, object: &Value) -> Vec<String> {
        let key = key(object);
        let Some(definition) = self.0.get(&key) else { return vec![format!("no definition of {key:?}")] };
        let mut problems = vec![];
        let namespaced = object["metadata"].get("namespace").is_some();
        if namespaced != definition.namespaced {
            problems.push(format!("the kind is namespaced: {}", definition.namespaced));
        }
        let mut object = object.clone();
        fill_in(&definition.schema, &mut object);
        problems.extend(definition.validator.iter_errors(&object).map(|e| format!("{}: {e}", e.instance_path())));
        // The API server does not evaluate rules over an object of another shape.
        if problems.is_empty() {
            definition.walk(&definition.schema, &object, "", &mut problems);
        }
        problems
    }
}

impl Definition {
    /// What is no part of JSON schema: rules, and keys of lists.
    fn walk(&self, schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
        for (rule, message) in validations(schema) {
            if !self.rules[rule].holds(value) {
                problems.push(format!("{path}: {message}"));
            }
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if let Some(schema) = schema["properties"].get(name).or(schema.get("additionalProperties")) {
                        self.walk(schema, value, &format!("{path}/{name}"), problems);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(keys) = schema.get("x-kubernetes-list-map-keys") {
                    let keys: Vec<&str> = keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
                    let mut seen = BTreeSet::new();
                    let key = |item: &Value| keys.iter().map(|key| item[*key].to_string()).collect::<Vec<_>>();
                    let doubled = items.iter().map(key).filter(|key| !seen.insert(key.clone()));
                    problems.extend(doubled.map(|key| format!("{path}: {key:?} twice")));
                }
                for (number, item) in items.iter().enumerate() {
                    self.walk(&schema["items"], item, &format!("{path}/{number}"), problems);
                }
            }
            _ => {}
        }
    }
}

fn key(object: &Value) -> (String, String) {
    ["apiVersion", "kind"].map(|key| object[key].as_str().unwrap_or_default().to_owned()).into()
}

/// The objects of a YAML file, each key in them once.
pub fn objects(text: &str) -> Result<Vec<Value>, serde_yaml::Error> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            // A map of JSON would take the last of two equal keys, and this one refuses the second.
            let value = serde_yaml::Value::deserialize(document)?;
            serde_yaml::from_value(value)
        })
        .collect()
}

fn read(definition: &Value) -> Vec<((String, String), Definition)> {
    assert_eq!(definition["kind"], "CustomResourceDefinition");
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let versions = spec["versions"].as_array().unwrap().iter().filter(|version| version["served"] == true);
    versions
        .map(|version| {
            let schema = version["schema"]["openAPIV3Schema"].clone();
            let mut closed = json_schema(&schema, true);
            // The API server checks these itself.
            closed["properties"]["metadata"] = json!({ "type": "object" });
            let validator = jsonschema::options()
                .with_draft(jsonschema::Draft::Draft202012)
                .should_validate_formats(true)
                .with_format("cidr", is_cidr)
                .build(&closed)
                .unwrap();
            let mut rules = BTreeMap::new();
            read_rules(&schema, &mut rules);
            let key = (format!("{}/{}", text(&spec["group"]), text(&version["name"])), text(&spec["names"]["kind"]));
            (key, Definition { namespaced: spec["scope"] == "Namespaced", schema, validator, rules })
        })
        .collect()
}

/// A structural schema as JSON schema. `closed`: fields that it does not name are refused; below `allOf` and its like
/// they are not, there conditions stand, not shapes.
fn json_schema(schema: &Value, closed: bool) -> Value {
    let mut out = Map::new();
    let whole = |value: &Value| json_schema(value, closed);
    for (keyword, value) in schema.as_object().unwrap() {
        let (keyword, value) = match (keyword.as_str(), value.as_str().unwrap_or_default()) {
            ("description" | "default" | "x-kubernetes-validations" | "x-kubernetes-list-map-keys", _) => continue,
            ("x-kubernetes-list-type", "atomic" | "map") | ("x-kubernetes-map-type", "atomic") => continue,
            ("x-kubernetes-list-type", "set") => ("uniqueItems", json!(true)),
            ("format", "cidr") => ("format", value.clone()),
            // Formats that the API server does not check.
            ("format", "int32" | "int64" | "date-time" | "idn-hostname") => continue,
            ("x-kubernetes-int-or-string", _) => {
                assert!(schema.get("anyOf").is_some(), "an integer or a text, and not said how: {schema}");
                continue;
            }
            ("x-kubernetes-preserve-unknown-fields" | "nullable", _) => {
                assert_eq!(value, &json!(true));
                continue;
            }
            ("type", _) if schema["nullable"] == true => ("type", json!([value, "null"])),
            ("items" | "additionalProperties", _) => (keyword.as_str(), whole(value)),
            ("properties", _) => {
                let properties = value.as_object().unwrap().iter();
                ("properties", properties.map(|(name, value)| (name.clone(), whole(value))).collect())
            }
            ("anyOf" | "oneOf" | "allOf", _) => {
                let conditions = value.as_array().unwrap().iter().map(|value| json_schema(value, false));
                (keyword.as_str(), conditions.collect())
            }
            (
                "type" | "enum" | "required" | "pattern" | "minLength" | "maxLength" | "minItems" | "maxItems"
                | "minimum" | "maximum",
                _,
            ) => (keyword.as_str(), value.clone()),
            (keyword, _) => panic!("{keyword}: {value} is not understood"),
        };
        out.insert(keyword.to_owned(), value);
    }
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true || schema.get("additionalProperties").is_some();
    if closed && !open && schema["type"] == "object" {
        out.insert("additionalProperties".to_owned(), json!(false));
    }
    Value::Object(out)
}

/// The rules that stand at one place of a schema, each with its message.
fn validations(schema: &Value) -> impl Iterator<Item = (&str, &str)> {
    schema.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten().map(|rule| {
        for key in rule.as_object().unwrap().keys() {
            assert!(["rule", "message", "reason"].contains(&key.as_str()), "{key} of a rule is not understood");
        }
        (rule["rule"].as_str().unwrap(), rule["message"].as_str().unwrap())
    })
}

fn read_rules(schema: &Value, rules: &mut BTreeMap<String, cel::Rule>) {
    for (text, _) in validations(schema) {
        rules.entry(text.to_owned()).or_insert_with(|| cel::Rule::parse(text));
    }
    for inner in schema["properties"].as_object().into_iter().flat_map(Map::values) {
        read_rules(inner, rules);
    }
    for inner in ["items", "additionalProperties"].into_iter().filter_map(|key| schema.get(key)) {
        read_rules(inner, rules);
    }
}

/// Puts in the defaults of fields that are missing, as the API server does before it checks.
fn fill_in(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(default) = schema.get("default") {
                    fields.entry(name).or_insert_with(|| default.clone());
                }
            }
            for (name, value) in fields {
                if let Some(schema) = schema["properties"].get(name).or(schema.get("additionalProperties")) {
                    fill_in(schema, value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(&schema["items"], item)),
        _ => {}
    }
}

/// As Go's `net.ParseCIDR`, by which the API server checks the format.
fn is_cidr(text: &str) -> bool {
    let parsed = text.split_once('/').map(|(address, length)| (address.parse::<IpAddr>(), length));
    let Some((Ok(address), length)) = parsed else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    length.bytes().all(|byte| byte.is_ascii_digit()) && length.parse().is_ok_and(|length: u8| length <= most)
}

/// What the definitions at hand do not use, and others do.
#[test]
fn schemas_mean_what_the_api_server_makes_of_them() {
    let properties = json!({
        "open": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        "maybe": { "type": "string", "nullable": true },
        "list": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": { "type": "object", "properties": { "k": { "type": "string" } } },
        },
        "set": { "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "integer" } },
        "port": { "anyOf": [{ "type": "integer" }, { "type": "string" }], "x-kubernetes-int-or-string": true },
        "mode": { "type": "string", "default": "a", "enum": ["a"] },
    });
    let rules = json!([{ "rule": "self.mode == 'a'", "message": "another mode" }]);
    let schema = json!({
        "type": "object",
        "properties": {
            "apiVersion": { "type": "string" },
            "kind": { "type": "string" },
            "metadata": { "type": "object" },
            "spec": {
                "type": "object",
                "properties": properties,
                "required": ["mode"],
                "x-kubernetes-validations": rules,
            },
        },
    });
    let definition = json!({ "kind": "CustomResourceDefinition", "spec": {
        "group": "g", "scope": "Cluster", "names": { "kind": "K" },
        "versions": [{ "name": "v1", "served": true, "schema": { "openAPIV3Schema": schema } }],
    }});
    let definitions = Definitions(read(&definition).into_iter().collect());
    let accepts = |spec: Value| {
        let object = json!({ "apiVersion": "g/v1", "kind": "K", "metadata": { "name": "n" }, "spec": spec });
        definitions.problems(&object).is_empty()
    };
    for good in [
        json!({}),
        json!({ "open": { "x": 1 }, "maybe": null, "mode": "a" }),
        json!({ "list": [{ "k": "a" }, { "k": "b" }], "set": [1, 2] }),
        json!({ "port": 1 }),
        json!({ "port": "a" }),
    ] {
        assert!(accepts(good.clone()), "{good}");
    }
    for bad in [
        json!({ "other": 1 }),
        json!({ "mode": null }),
        json!({ "mode": "b" }),
        json!({ "list": [{ "k": "a" }, { "k": "a" }] }),
        json!({ "list": [{ "x": "a" }] }),
        json!({ "set": [1, 1] }),
        json!({ "port": true }),
    ] {
        assert!(!accepts(bad.clone()), "{bad}");
    }
}

#[test]
fn address_ranges_are_those_that_go_parses() {
    for good in ["10.0.0.0/8", "10.1.2.3/08", "::/0", "2001:db8::1/128", "0.0.0.0/0"] {
        assert!(is_cidr(good), "{good}");
    }
    for bad in ["10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0/8", "010.0.0.0/8", "10.0.0.0/+8", "10.0.0.0/"] {
        assert!(!is_cidr(bad), "{bad}");
    }
}
