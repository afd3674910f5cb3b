//! Values that may be written in more than one form.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::decode::{Cx, Decode, Item, MAX_LABELS, MAX_LIST, MAX_PORTS, Table};
use crate::diag::{Diagnostic, codes, nearest, quote};
use crate::source::{Span, Spanned};

/// The word that means everything where it must be written.
pub const ALL: &str = "all";

fn is_all(item: Item<'_>) -> bool {
    item.value.as_str() == Some(ALL)
}

macro_rules! inline_schema {
    ($name:literal) => {
        fn inline_schema() -> bool {
            true
        }
        fn schema_name() -> std::borrow::Cow<'static, str> {
            $name.into()
        }
    };
}

/// One text, or a list of at least one.
#[derive(Debug, Clone)]
pub struct List<T> {
    /// The values; empty only when all of them failed, which was reported.
    pub items: Vec<Spanned<T>>,
    /// Where the value or the list is written.
    pub span: Span,
}

impl<T: Decode> Decode for List<T> {
    const EXPECTED: &'static str = "a string or a list of strings";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let items = match item.value {
            DeValue::Array(_) => non_empty(item, cx),
            DeValue::String(_) => Spanned::<T>::decode(item, cx).into_iter().collect(),
            _ => {
                cx.wrong_type(item, Self::EXPECTED);
                vec![]
            }
        };
        Some(Self { items, span: item.span })
    }
}

/// The elements of a list that must hold something. None only when there is nothing right in it, which was reported.
fn non_empty<T: Decode>(item: Item<'_>, cx: &mut Cx<'_>) -> Vec<Spanned<T>> {
    if item.value.as_array().is_some_and(|array| array.is_empty()) {
        let message = format!("`{}` is an empty list", item.key);
        let help = match item.key {
            "from" | "to" | "namespace" | "platform" => "name at least one",
            _ => "name at least one, or leave the key out",
        };
        cx.refuse(codes::EMPTY, item, message, help);
        return vec![];
    }
    if !cx.fits(item, MAX_LIST) {
        return vec![];
    }
    Vec::<Spanned<T>>::decode(item, cx).unwrap_or_default()
}

impl<T: JsonSchema> JsonSchema for List<T> {
    inline_schema!("List");
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [item, { "type": "array", "items": item, "minItems": 1 }] })
    }
}

/// One text, or a list: an empty one, where it is written, means none at all.
#[derive(Debug, Clone)]
pub struct OpenList<T> {
    /// The values; none of those that failed, which was reported.
    pub items: Vec<Spanned<T>>,
    /// Where the value or the list is written.
    pub span: Span,
}

impl<T: Decode> Decode for OpenList<T> {
    const EXPECTED: &'static str = List::<T>::EXPECTED;

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        if item.value.as_array().is_some_and(|array| array.is_empty()) {
            return Some(Self { items: vec![], span: item.span });
        }
        List::decode(item, cx).map(|List { items, span }| Self { items, span })
    }
}

impl<T: JsonSchema> JsonSchema for OpenList<T> {
    inline_schema!("OpenList");
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [item, { "type": "array", "items": item }] })
    }
}

/// A list of at least one.
#[derive(Debug, Clone)]
pub struct Several<T>(pub Vec<T>);

impl<T: Decode> Decode for Several<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        match item.value {
            DeValue::Array(_) => {
                Some(Self(non_empty::<T>(item, cx).into_iter().map(|element| element.value).collect()))
            }
            _ => Vec::<T>::decode(item, cx).map(Self),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Several<T> {
    inline_schema!("Several");
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": item, "minItems": 1 })
    }
}

/// A port as written: a number, or text that may be a range, a name or `all`.
#[derive(Debug, Clone)]
pub enum PortText {
    /// A decimal number.
    Number(i64),
    /// Anything in quotes.
    Text(String),
}

impl Decode for PortText {
    const EXPECTED: &'static str = "a port as 80, \"53/UDP\" or \"8000-8100/TCP\"";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        match item.value {
            DeValue::Integer(integer) if integer.radix() != 10 => {
                cx.refuse(
                    codes::PORT,
                    item,
                    "a port is written as a decimal number",
                    "write it without `0x`, `0o` or `0b`",
                );
                None
            }
            DeValue::Integer(integer) => match integer.as_str().parse() {
                Ok(number) => Some(Self::Number(number)),
                Err(_) => {
                    cx.refuse(codes::PORT, item, "port is out of range", "ports are 1 to 65535");
                    None
                }
            },
            DeValue::String(text) => Some(Self::Text(text.to_string())),
            _ => {
                cx.wrong_type(item, Self::EXPECTED);
                None
            }
        }
    }
}

impl JsonSchema for PortText {
    inline_schema!("Port");
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": 65535 },
                { "type": "string", "pattern": "^([0-9]{1,5}(-[0-9]{1,5})?(/(TCP|UDP|SCTP))?|all(/(TCP|UDP|SCTP))?|[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?)$" }
            ]
        })
    }
}

/// Ports of an edge: a list, or the word `all`.
#[derive(Debug, Clone)]
pub struct Ports {
    /// As written; empty only when all of them failed, which was reported.
    pub items: Vec<Spanned<PortText>>,
    /// Where they are written.
    pub span: Span,
}

impl Decode for Ports {
    const EXPECTED: &'static str = "a list of ports, or \"all\"";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let items = match item.value {
            DeValue::Array(_) if !cx.fits(item, MAX_PORTS) => vec![],
            DeValue::Array(_) => non_empty(item, cx),
            _ if is_all(item) => vec![Spanned::new(PortText::Text(ALL.to_owned()), item.span)],
            DeValue::Integer(port) => {
                let message = format!("`{}` takes {}, not an integer", item.key, Self::EXPECTED);
                cx.refuse(codes::WRONG_TYPE, item, message, format!("write `{} = [{}]`", item.key, port.as_str()));
                vec![]
            }
            _ => {
                cx.wrong_type(item, Self::EXPECTED);
                vec![]
            }
        };
        Some(Self { items, span: item.span })
    }
}

impl JsonSchema for Ports {
    inline_schema!("Ports");
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let port = generator.subschema_for::<PortText>();
        json_schema!({ "anyOf": [{ "const": ALL }, { "type": "array", "items": port, "minItems": 1 }] })
    }
}

/// Ports that a group of pods declares: a list, the word `all`, or a table that names them.
#[derive(Debug, Clone)]
pub enum DeclaredPorts {
    /// Without names.
    List(Ports),
    /// By name.
    Named(Table<Spanned<PortText>>, Span),
}

impl DeclaredPorts {
    /// Where they are written.
    pub fn span(&self) -> Span {
        match self {
            Self::List(ports) => ports.span,
            Self::Named(_, span) => *span,
        }
    }
}

impl Decode for DeclaredPorts {
    const EXPECTED: &'static str = "a list of ports, a table of named ports, or \"all\"";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        match item.value {
            DeValue::Table(table) if table.is_empty() => {
                cx.refuse(
                    codes::EMPTY,
                    item,
                    "`ports` is an empty table",
                    "name at least one port, or leave the key out",
                );
                Some(Self::List(Ports { items: vec![], span: item.span }))
            }
            DeValue::Table(_) => Some(Self::Named(Table::decode(item, cx)?, item.span)),
            DeValue::Array(_) | DeValue::String(_) if is_all(item) || item.value.is_array() => {
                Ports::decode(item, cx).map(Self::List)
            }
            _ => {
                cx.wrong_type(item, Self::EXPECTED);
                Some(Self::List(Ports { items: vec![], span: item.span }))
            }
        }
    }
}

impl JsonSchema for DeclaredPorts {
    inline_schema!("DeclaredPorts");
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (list, port) = (generator.subschema_for::<Ports>(), generator.subschema_for::<PortText>());
        json_schema!({ "anyOf": [list, { "type": "object", "additionalProperties": port, "minProperties": 1 }] })
    }
}

/// Headers of an HTTP request, by name, in the order of the file.
#[derive(Debug, Clone)]
pub struct Headers(pub Table<Spanned<String>>);

impl Decode for Headers {
    const EXPECTED: &'static str = "a table of headers as { X-Tenant = \"blue\" }";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let DeValue::Table(table) = item.value else {
            cx.wrong_type(item, Self::EXPECTED);
            return None;
        };
        if table.is_empty() {
            let message = format!("`{}` is an empty table", item.key);
            cx.refuse(codes::EMPTY, item, message, "name at least one header, or leave the key out");
            return None;
        }
        Table::decode(item, cx).map(Self)
    }
}

impl JsonSchema for Headers {
    inline_schema!("Headers");
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": { "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$" },
            "additionalProperties": { "type": "string", "pattern": "^[!-~]([ -~]{0,254}[!-~])?$" },
            "minProperties": 1
        })
    }
}

/// Labels as written, in the order of the file.
#[derive(Debug, Clone)]
pub struct LabelMap {
    /// Keys and values.
    pub pairs: Vec<(Spanned<String>, Spanned<String>)>,
    /// Where they are written.
    pub span: Span,
}

impl Decode for LabelMap {
    const EXPECTED: &'static str = "a table of labels as { app = \"web\" }";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let DeValue::Table(table) = item.value else {
            cx.wrong_type(item, Self::EXPECTED);
            return None;
        };
        if table.is_empty() {
            cx.refuse(
                codes::EMPTY_SELECTOR,
                item,
                format!("`{}` selects by no label at all", item.key),
                match item.key {
                    "labels" => "name at least one label; where every namespace is meant, write `namespace = \"all\"`",
                    _ => "name at least one label; where everything is meant, write \"all\"",
                },
            );
            return None;
        }
        if table.len() > MAX_LABELS {
            let message = format!("`{}` names {} labels", item.key, table.len());
            cx.refuse(codes::LIMIT, item, message, format!("select by at most {MAX_LABELS}"));
            return None;
        }
        let mut plain = true;
        for (key, value) in table.iter().filter(|(_, value)| !value.get_ref().is_str()) {
            plain = false;
            let span = Span::new(cx.file, key.span()).to(Span::new(cx.file, value.span()));
            let message = format!("the value of label {} is no string", quote(key.get_ref()));
            let help = match value.get_ref() {
                DeValue::Table(_) => {
                    "labels are written as { app = \"web\" }; a key with dots in quotes: { \"app.kubernetes.io/name\" = \"web\" }"
                }
                DeValue::Array(_) => "a label has one value; pods with several values are several tiers",
                _ => "put it in double quotes",
            };
            cx.error(Diagnostic::error(codes::WRONG_TYPE, span, message).help(help));
        }
        if !plain {
            return None;
        }
        let table = Table::<Spanned<String>>::decode(item, cx)?;
        let whole = table.0.iter().all(|(_, value)| value.is_some());
        // A selector that lost a label would select more than was meant.
        whole.then(|| Self {
            pairs: table.0.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(),
            span: item.span,
        })
    }
}

impl JsonSchema for LabelMap {
    inline_schema!("Labels");
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "string", "maxLength": 63 }, "minProperties": 1 })
    }
}

/// Pods of a namespace: those with some labels, or the word `all`.
#[derive(Debug, Clone)]
pub enum Pods {
    /// Every pod.
    All(Span),
    /// Those that carry all of these labels.
    Labels(LabelMap),
}

impl Pods {
    /// Where they are written.
    pub fn span(&self) -> Span {
        match self {
            Self::All(span) => *span,
            Self::Labels(labels) => labels.span,
        }
    }
}

impl Decode for Pods {
    const EXPECTED: &'static str = "a table of labels as { app = \"web\" }, or \"all\"";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        match item.value {
            _ if is_all(item) => Some(Self::All(item.span)),
            DeValue::Table(_) => LabelMap::decode(item, cx).map(Self::Labels),
            _ => {
                cx.wrong_type(item, Self::EXPECTED);
                None
            }
        }
    }
}

impl JsonSchema for Pods {
    inline_schema!("Pods");
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let labels = generator.subschema_for::<LabelMap>();
        json_schema!({ "anyOf": [{ "const": ALL }, labels] })
    }
}

/// Namespaces of a peer: by name, by label, or the word `all`.
#[derive(Debug, Clone)]
pub enum Namespaces {
    /// Every namespace.
    All(Span),
    /// These.
    Names(List<String>),
    /// Those that carry all of these labels.
    Labels(LabelMap),
}

table! {
    /// Namespaces by their labels.
    pub struct ByLabels {
        /// Labels that the namespace must carry.
        "labels" => labels: LabelMap,
    }
}

impl Decode for Namespaces {
    const EXPECTED: &'static str = "a namespace, a list of them, { labels = { … } }, or \"all\"";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        match item.value {
            _ if is_all(item) => Some(Self::All(item.span)),
            DeValue::Table(table)
                if !table.is_empty() && table.keys().all(|key| nearest(key.get_ref(), ["labels"]).is_none()) =>
            {
                let message = "labels of a namespace are written under `labels`";
                cx.refuse(codes::MISSING_KEY, item, message, "write namespace = { labels = { … } }");
                None
            }
            DeValue::Table(_) => Some(Self::Labels(ByLabels::decode(item, cx)?.labels)),
            DeValue::String(_) | DeValue::Array(_) => List::decode(item, cx).map(Self::Names),
            _ => {
                cx.wrong_type(item, Self::EXPECTED);
                None
            }
        }
    }
}

impl JsonSchema for Namespaces {
    inline_schema!("Namespaces");
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (names, labels) = (generator.subschema_for::<List<String>>(), generator.subschema_for::<ByLabels>());
        json_schema!({ "anyOf": [names, labels] })
    }
}
