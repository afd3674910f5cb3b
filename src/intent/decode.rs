//! Reading spanned TOML values into types, collecting every error on the way.

use schemars::JsonSchema;
use toml::de::{DeTable, DeValue};

use crate::diag::{Code, Diagnostic, Diagnostics, codes, quote};
use crate::source::{FileId, Span, Spanned};

/// Errors of one file that are told; after them it is not read on.
pub const MAX_ERRORS: usize = 500;

/// Values of one list.
pub const MAX_LIST: usize = 20_000;

/// Labels that select pods or namespaces.
pub const MAX_LABELS: usize = 500;

/// Ports of one list.
pub const MAX_PORTS: usize = 1_000;

/// Where errors of a file go.
pub struct Cx<'a> {
    /// The file.
    pub file: FileId,
    diags: &'a mut Diagnostics,
    errors: usize,
}

/// One value, the key it stands under, and its place.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    /// The nearest key, for messages.
    pub key: &'a str,
    /// The value.
    pub value: &'a DeValue<'a>,
    /// Its place.
    pub span: Span,
}

/// A type that can be read from a value.
pub trait Decode: Sized {
    /// What it takes, for messages: `a string`.
    const EXPECTED: &'static str;

    /// Reads it, or reports why not.
    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self>;

    /// What the absence of its key means; `None`: the key is required.
    fn absent() -> Option<Self> {
        None
    }
}

impl<'a> Cx<'a> {
    /// A context for one file.
    pub fn new(file: FileId, diags: &'a mut Diagnostics) -> Self {
        Self { file, diags, errors: 0 }
    }

    /// Reports an error, if not too many were reported.
    pub fn error(&mut self, diagnostic: Diagnostic) {
        self.errors += 1;
        if self.errors <= MAX_ERRORS {
            self.diags.push(diagnostic);
        }
    }

    /// Whether so many errors were reported that the rest of the file is not looked at.
    pub fn is_full(&self) -> bool {
        self.errors >= MAX_ERRORS
    }

    /// Says that there were too many errors.
    pub fn finish(self) {
        if self.is_full() {
            let message = format!("the file has {MAX_ERRORS} errors or more");
            let error = Diagnostic::error(codes::LIMIT, Span::new(self.file, 0..0), message);
            self.diags.push(error.help("mend those that are told first: the rest of the file was not looked at"));
        }
    }

    /// Whether a list is not longer than any may be; reports one that is.
    pub fn fits(&mut self, item: Item<'_>, most: usize) -> bool {
        let length = item.value.as_array().map_or(0, |array| array.len());
        if length > most {
            let message = format!("{} lists {length} values", quote(item.key));
            let help = format!("a list holds at most {most}: use several, or a wider selector or range");
            self.refuse(codes::LIMIT, item, message, help);
        }
        length <= most
    }

    /// Reports a value of the wrong type.
    pub fn wrong_type(&mut self, item: Item<'_>, expected: &str) {
        let found = match item.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = match item.key {
            "" => format!("expected {expected}, found {found}"),
            key => format!("{} takes {expected}, not {found}", quote(key)),
        };
        let help = match (item.value, expected) {
            (DeValue::Array(list), "a table") if list.iter().all(|element| element.get_ref().is_table()) => {
                format!("write `[{}]` once, with one pair of brackets", item.key)
            }
            (DeValue::Table(_), "a list") => {
                format!("write `[[{0}]]` with two pairs of brackets, or {0} = [{{ … }}]", item.key)
            }
            (DeValue::String(_), "a list") => format!("write a list of tables: {} = [{{ … }}]", item.key),
            (_, "a table") => format!(
                "write a table: {} = {{ … }}; a key of the whole file stands before the first `[table]`",
                item.key
            ),
            (_, "a string") => "write a string, in double quotes".to_owned(),
            _ => format!("write {expected}"),
        };
        self.error(Diagnostic::error(codes::WRONG_TYPE, item.span, message).help(help));
    }

    /// An error at an item, with a help line.
    pub fn refuse(&mut self, code: Code, item: Item<'_>, message: impl Into<String>, help: impl Into<String>) {
        self.error(Diagnostic::error(code, item.span, message).help(help));
    }

    /// The fields of a table; unknown keys are reported.
    pub fn fields<'i>(&mut self, item: Item<'i>, known: &[&'static str]) -> Option<Fields<'i>> {
        let DeValue::Table(table) = item.value else {
            self.wrong_type(item, "a table");
            return None;
        };
        let mut misspelt = vec![];
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let span = Span::new(self.file, key.span());
            let mut error =
                Diagnostic::error(codes::UNKNOWN_KEY, span, format!("unknown key {}", quote(key.get_ref())));
            error = match crate::diag::nearest(key.get_ref(), known.iter().copied()) {
                Some(name) => {
                    misspelt.push(name);
                    error.help(format!("did you mean {}?", quote(name)))
                }
                None => match super::project::place_of(key.get_ref()) {
                    Some(place) => error.help(format!("{} stands {place}", quote(key.get_ref()))),
                    None => error.help(format!("known keys here: {}", known.join(", "))),
                },
            };
            self.error(error);
            if self.is_full() {
                break;
            }
        }
        let foreign = !item.key.is_empty() && !table.is_empty() && !known.iter().any(|key| table.contains_key(*key));
        Some(Fields { table, owner: item, misspelt, foreign })
    }
}

/// The fields of one table.
pub struct Fields<'i> {
    table: &'i DeTable<'i>,
    owner: Item<'i>,
    /// Keys that a misspelt one was probably meant to be: they are not missing too.
    misspelt: Vec<&'i str>,
    /// Nothing in the table belongs there, so what it lacks is not worth a word.
    foreign: bool,
}

impl Fields<'_> {
    /// Reads the value of a key, or what its absence means.
    pub fn get<T: Decode>(&self, key: &'static str, cx: &mut Cx<'_>) -> Option<T> {
        if let Some(value) = self.table.get(key) {
            let span = Span::new(cx.file, value.span());
            return T::decode(Item { key, value: value.get_ref(), span }, cx);
        }
        let absent = T::absent();
        if absent.is_none() && !self.foreign && !self.misspelt.contains(&key) {
            let (message, place) = match self.owner.key {
                "" => (format!("missing key {}", quote(key)), " at the top of the file, before any `[table]`"),
                owner => (format!("{} lacks the key {}", quote(owner), quote(key)), ""),
            };
            cx.error(
                Diagnostic::error(codes::MISSING_KEY, self.owner.span, message)
                    .help(format!("add `{key} = …`{place}: {}", T::EXPECTED)),
            );
        }
        absent
    }
}

/// What a key counts as whose value was wrong, which was reported: left out, so that the rest of its table is still checked.
/// Only for keys of which nobody else says that they are missing.
pub(crate) fn left_out<T: Decode>() -> Option<T> {
    T::absent()
}

impl<T: Decode> Decode for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        T::decode(item, cx).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Spanned<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        T::decode(item, cx).map(|value| Self::new(value, item.span))
    }
}

impl Decode for String {
    const EXPECTED: &'static str = "a string";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let text = item.value.as_str().map(str::to_owned);
        if text.is_none() {
            cx.wrong_type(item, Self::EXPECTED);
        }
        text
    }
}

impl Decode for bool {
    const EXPECTED: &'static str = "true or false";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let value = item.value.as_bool();
        if value.is_none() {
            cx.wrong_type(item, Self::EXPECTED);
        }
        value
    }
}

impl Decode for i64 {
    const EXPECTED: &'static str = "an integer";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let Some(integer) = item.value.as_integer() else {
            cx.wrong_type(item, Self::EXPECTED);
            return None;
        };
        let value = Self::from_str_radix(integer.as_str(), integer.radix()).ok();
        if value.is_none() {
            cx.refuse(
                codes::WRONG_TYPE,
                item,
                format!("{} is too large a number", quote(integer.as_str())),
                "write a smaller one",
            );
        }
        value
    }
}

/// A calendar day: a TOML date without a time.
#[derive(Debug, Clone, Copy)]
pub struct Day(pub jiff::civil::Date);

impl Decode for Day {
    const EXPECTED: &'static str = "a date as 2027-03-01";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let DeValue::Datetime(value) = item.value else {
            cx.wrong_type(item, Self::EXPECTED);
            return None;
        };
        let date = match (value.date, value.time, value.offset) {
            (Some(date), None, None) => jiff::civil::Date::new(date.year as i16, date.month as i8, date.day as i8).ok(),
            _ => None,
        };
        if date.is_none() {
            cx.refuse(
                codes::WRONG_TYPE,
                item,
                "expected a date without a time",
                "write it as 2027-03-01, without quotes",
            );
        }
        date.map(Self)
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date" })
    }
}

/// A list of tables. Elements that could not be read were reported and are left out.
impl<T: Decode> Decode for Vec<T> {
    const EXPECTED: &'static str = "a list";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let DeValue::Array(array) = item.value else {
            cx.wrong_type(item, "a list");
            return None;
        };
        let element = |value: &toml::Spanned<DeValue<'_>>, cx: &mut Cx<'_>| {
            let span = Span::new(cx.file, value.span());
            T::decode(Item { key: item.key, value: value.get_ref(), span }, cx)
        };
        let mut elements = vec![];
        for value in array.iter() {
            elements.extend(element(value, cx));
            if cx.is_full() {
                break;
            }
        }
        Some(elements)
    }
}

/// Named tables in the order of the file. A value that could not be read was reported and is `None`: its name is known all
/// the same.
#[derive(Debug, Clone)]
pub struct Table<T>(pub Vec<(Spanned<String>, Option<T>)>);

impl<T> Table<T> {
    /// The entries that could be read.
    pub fn iter(&self) -> impl Iterator<Item = (&Spanned<String>, &T)> {
        self.0.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }
}

impl<T: Decode> Decode for Table<T> {
    const EXPECTED: &'static str = "a table";

    fn decode(item: Item<'_>, cx: &mut Cx<'_>) -> Option<Self> {
        let DeValue::Table(table) = item.value else {
            cx.wrong_type(item, "a table");
            return None;
        };
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| {
                let name = Spanned::new(key.get_ref().to_string(), Span::new(cx.file, key.span()));
                let span = Span::new(cx.file, value.span());
                let item = Item { key: key.get_ref(), value: value.get_ref(), span };
                (name, if cx.is_full() { None } else { T::decode(item, cx) })
            })
            .collect();
        entries.sort_by_key(|(name, _)| name.span);
        Some(Self(entries))
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("TableOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "object", "additionalProperties": value })
    }
}
