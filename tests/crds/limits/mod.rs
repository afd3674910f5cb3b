//! What no schema states, and a server, an agent or `kubectl` refuses all the same; or what other readers of YAML take
//! otherwise.
//!
//! In: an object as JSON, or the text of its file. Out: what is wrong with it, in words. Every limit is written out
//! here again, from its source: nothing is asked of the code under test.

mod calico;
mod cilium;
mod kubernetes;
mod refused;
mod selector;

use ipnet::IpNet;
use serde_json::{Map, Value};

pub use kubernetes::network_policy;

/// The most that all annotations of an object may hold (apimachinery, pkg/api/validation/objectmeta.go:
/// `TotalAnnotationSizeLimitB`).
const ANNOTATIONS: usize = 256 * 1024;

/// Where `kubectl apply` keeps the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a server, an agent or `kubectl` refuses of an object.
pub fn of_server(object: &Value) -> Vec<String> {
    let mut problems = metadata(&object["metadata"]);
    let annotations = annotation_bytes(object);
    if annotations > ANNOTATIONS {
        problems.push(format!("`kubectl apply` would write {annotations} bytes of annotations"));
    }
    match object["apiVersion"].as_str().unwrap_or_default() {
        "networking.k8s.io/v1" => kubernetes::check(object, &mut problems),
        "projectcalico.org/v3" => calico::check(object, &mut problems),
        "cilium.io/v2" => cilium::check(object, &mut problems),
        other => problems.push(format!("{other:?} is no API version of ours")),
    }
    problems
}

/// What an object of ours always says: without it targets fill something in, or take the object otherwise.
pub fn of_ours(object: &Value) -> Vec<String> {
    let mut problems = vec![];
    if object["metadata"]["labels"]["app.kubernetes.io/managed-by"] != "netpolc" {
        problems.push("nobody is named that manages it".to_owned());
    }
    match object["apiVersion"].as_str().unwrap_or_default() {
        "networking.k8s.io/v1" => kubernetes::ours(object, &mut problems),
        "projectcalico.org/v3" => calico::ours(object, &mut problems),
        "cilium.io/v2" => cilium::ours(object, &mut problems),
        _ => {}
    }
    problems
}

/// What all annotations take once `kubectl apply` has added its own: the whole object as Go writes JSON, with a line
/// end.
pub fn annotation_bytes(object: &Value) -> usize {
    let json = object.to_string();
    // Go's encoder writes these as six characters each (encoding/json, `HTMLEscape`).
    let escaped = json.chars().filter(|c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')).count();
    let own: usize = texts(&object["metadata"]["annotations"]).map(|(key, value)| key.len() + value.len()).sum();
    own + LAST_APPLIED.len() + json.len() + 5 * escaped + 1
}

fn metadata(metadata: &Value) -> Vec<String> {
    let mut problems = vec![];
    let fields = metadata.as_object().cloned().unwrap_or_default();
    for (field, value) in &fields {
        let good = match field.as_str() {
            "name" => value.as_str().is_some_and(is_subdomain),
            "namespace" => value.as_str().is_some_and(is_label),
            "labels" => is_labels(value),
            // Keys of annotations are compared in lower case (`ValidateAnnotations`).
            "annotations" => {
                value.as_object().is_some_and(|map| map.iter().all(|(key, value)| is_key(key) && value.is_string()))
            }
            _ => false,
        };
        if !good {
            problems.push(format!("metadata.{field}: {value}"));
        }
    }
    if !fields.contains_key("name") {
        problems.push("no name".to_owned());
    }
    problems
}

fn texts(map: &Value) -> impl Iterator<Item = (&str, &str)> {
    map.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A label of DNS (RFC 1123).
fn is_label(text: &str) -> bool {
    let inner = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    inner && (1..=63).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-')
}

/// The name of an object. Its parts may be longer than those of a host name (apimachinery, `IsDNS1123Subdomain`).
fn is_subdomain(text: &str) -> bool {
    let part = |part: &str| {
        let inner = part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        inner && !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(part)
}

/// The key of a label: a name, and a prefix before it or none (apimachinery, `IsQualifiedName`).
fn is_key(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').unwrap_or(("x", text));
    is_subdomain(prefix) && !name.is_empty() && is_label_value(name)
}

/// The value of a label (apimachinery, `IsValidLabelValue`).
fn is_label_value(text: &str) -> bool {
    let end = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let inner = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    text.len() <= 63 && inner && end(text.chars().next()) && end(text.chars().next_back())
}

fn is_labels(value: &Value) -> bool {
    let good = |(key, value): (&String, &Value)| is_key(key) && value.as_str().is_some_and(is_label_value);
    value.as_object().is_some_and(|map| map.iter().all(good))
}

/// A selector of labels; `own_key` takes what stands before a key away.
fn label_selector(selector: &Value, own_key: &dyn Fn(&str) -> Option<String>, problems: &mut Vec<String>) {
    let key = |key: &str| own_key(key).is_some_and(|key| is_key(&key));
    for (name, value) in selector["matchLabels"].as_object().unwrap_or(&Map::new()) {
        if !key(name) || !value.as_str().is_some_and(is_label_value) {
            problems.push(format!("label {name}: {value}"));
        }
    }
    for expression in list(selector, "matchExpressions") {
        let values = list(expression, "values");
        // `ValidateLabelSelectorRequirement`, apimachinery.
        let counts = match expression["operator"].as_str() {
            Some("In" | "NotIn") => !values.is_empty(),
            Some("Exists" | "DoesNotExist") => values.is_empty(),
            _ => false,
        };
        let values = values.iter().all(|value| value.as_str().is_some_and(is_label_value));
        if !counts || !values || !expression["key"].as_str().is_some_and(key) {
            problems.push(format!("expression {expression}"));
        }
    }
}

/// An address range as it is written: without bits behind the prefix, and in the one form that printing gives.
fn range(value: &Value, problems: &mut Vec<String>) -> Option<IpNet> {
    let text = value.as_str().unwrap_or_default();
    let net = text.parse::<IpNet>().ok().filter(|net| net.trunc().to_string() == text);
    if net.is_none() {
        problems.push(format!("{value} is no canonical address range"));
    }
    net
}

fn ranges(list: &[Value], problems: &mut Vec<String>) -> Vec<IpNet> {
    list.iter().filter_map(|net| range(net, problems)).collect()
}

/// A range with holes: each lies inside and is smaller.
fn block(block: &Value, problems: &mut Vec<String>) {
    let Some(whole) = range(&block["cidr"], problems) else { return };
    for hole in list(block, "except") {
        if range(hole, problems).is_some_and(|hole| hole == whole || !whole.contains(&hole)) {
            problems.push(format!("{hole} is no part of {whole}"));
        }
    }
}

/// Unquoted words of a file that readers of YAML 1.1 take for something else than text, and those of YAML 1.2 do not.
pub fn words_of_yaml_1_1(text: &str) -> Vec<String> {
    let scalars = text.lines().map(str::trim).filter(|line| !line.starts_with('#')).flat_map(|line| {
        let line = line.trim_start_matches("- ");
        let (key, value) = match line.strip_prefix('"').and_then(|rest| rest.split_once("\": ")) {
            Some((_, value)) => ("", value),
            None => line.split_once(": ").unwrap_or((line.trim_end_matches(':'), "")),
        };
        [key, value]
    });
    scalars.filter(|scalar| means_more_in_yaml_1_1(scalar)).map(str::to_owned).collect()
}

/// <https://yaml.org/type/bool.html>, `merge`, `value`, `int`, `timestamp`.
fn means_more_in_yaml_1_1(scalar: &str) -> bool {
    if ["y", "n", "yes", "no", "on", "off", "<<", "="].contains(&scalar.to_ascii_lowercase().as_str()) {
        return true;
    }
    let unsigned = scalar.trim_start_matches(['+', '-']);
    let digits = |text: &str, radix| !text.is_empty() && text.chars().all(|c| c.is_digit(radix) || c == '_');
    let prefixed = |prefix, radix| unsigned.strip_prefix(prefix).is_some_and(|rest| digits(rest, radix));
    let parts = |sign| unsigned.split(sign).collect::<Vec<&str>>();
    let (sixties, day) = (parts(':'), parts('-'));
    let below_sixty = |part: &&str| part.len() <= 2 && part.parse::<u8>().is_ok_and(|part| part < 60);
    prefixed("0", 8)
        || prefixed("0b", 2)
        || prefixed("0x", 16)
        || (unsigned.contains('_') && !unsigned.starts_with('_') && digits(unsigned, 10))
        || (sixties.len() > 1 && digits(sixties[0], 10) && sixties[1..].iter().all(below_sixty))
        || (day.len() == 3 && day[0].len() == 4 && day.iter().all(|part| digits(part, 10)))
}

#[test]
fn names_and_labels_are_those_that_the_api_server_takes() {
    let (long, longest) = ("a".repeat(254), "a".repeat(253));
    assert!(is_subdomain("a.b-c.1") && is_subdomain(&longest));
    assert!(!["", "a..b", "-a", "a-", "A", "a_b", "a.", &long].iter().any(|name| is_subdomain(name)));
    assert!(is_label(&"a".repeat(63)) && !is_label(&"a".repeat(64)) && !is_label("a.b"));
    assert!(is_key("a") && is_key("x.y/A_b") && !is_key("x/") && !is_key("/x") && !is_key("X/y") && !is_key("a/b/c"));
    assert!(is_label_value("") && is_label_value("A.b_c") && !is_label_value("a ") && !is_label_value("-a"));
    assert!(!is_label_value(&"a".repeat(64)));
}

#[test]
fn words_of_the_older_yaml_are_found() {
    let bad = "a: y\nno: x\n- on\n- b: 22:25\nc: 1_000\nd: 010\ne: 2026-01-01\nf: 0x1f\n\"k\": off\n";
    let expected = ["y", "no", "on", "22:25", "1_000", "010", "2026-01-01", "0x1f", "off"];
    assert_eq!(words_of_yaml_1_1(bad), expected);
    let good = "a: \"y\"\nb: 'no'\nport: 80\norder: 0\n- nodes\nc: 10.0.0.0/8\nd: 8000:8100\n# no\ne: true\nnets: []\ndb: 8-bit\n";
    assert_eq!(words_of_yaml_1_1(good), Vec::<String>::new());
}

#[test]
fn annotations_of_kubectl_are_counted() {
    let object = serde_json::json!({ "metadata": { "annotations": { "k": "a<b" } } });
    let written = r#"{"metadata":{"annotations":{"k":"a\u003cb"}}}"#;
    // A line end follows, and what was there stays.
    assert_eq!(annotation_bytes(&object), LAST_APPLIED.len() + written.len() + 1 + "ka<b".len());
}
