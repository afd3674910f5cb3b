//! Where everything is that an edit may name.
//!
//! In: a parsed document. Out: places by the byte at which they start, which no two of a kind share.

use std::collections::HashMap;
use std::ops::Range;

use toml_edit::{Array, Document, Item, Table, TableLike, Value};

/// An array.
#[derive(Debug)]
pub(super) struct ArrayPlace {
    /// Brackets included.
    pub(super) range: Range<usize>,
    /// Its elements.
    pub(super) elements: Vec<Range<usize>>,
    /// Where the comma behind each element is; the last one may have none.
    pub(super) commas: Vec<usize>,
}

/// What can be taken out of a list.
#[derive(Debug)]
pub(super) enum Element {
    /// An element of the array that starts at `array`.
    OfArray { array: usize, position: usize },
    /// A table of an array of tables: from the header to the end of the last value, and the same of each of its sub-tables.
    Table(Vec<Range<usize>>),
}

/// Places of one document.
#[derive(Debug, Default)]
pub(super) struct Places {
    strings: HashMap<usize, Range<usize>>,
    arrays: HashMap<usize, ArrayPlace>,
    elements: HashMap<usize, Element>,
}

impl Places {
    pub(super) fn of(document: &Document<&str>) -> Self {
        let mut places = Self::default();
        places.table(document.as_table());
        places
    }

    pub(super) fn string(&self, start: usize) -> Option<Range<usize>> {
        self.strings.get(&start).cloned()
    }

    pub(super) fn array(&self, start: usize) -> Option<&ArrayPlace> {
        self.arrays.get(&start)
    }

    pub(super) fn element(&self, start: usize) -> Option<&Element> {
        self.elements.get(&start)
    }

    fn table(&mut self, table: &dyn TableLike) {
        for (_, item) in table.iter() {
            self.item(item);
        }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::None => {}
            Item::Value(value) => self.value(value),
            Item::Table(table) => self.table(table),
            Item::ArrayOfTables(tables) => {
                for table in tables {
                    let mut sections = vec![];
                    section(table, &mut sections);
                    if let Some(header) = table.span() {
                        self.elements.insert(header.start, Element::Table(sections));
                    }
                    self.table(table);
                }
            }
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(string) => {
                if let Some(range) = string.span() {
                    self.strings.insert(range.start, range);
                }
            }
            Value::Array(array) => self.list(array),
            Value::InlineTable(table) => self.table(table),
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
        }
    }

    fn list(&mut self, array: &Array) {
        array.iter().for_each(|value| self.value(value));
        let Some(range) = array.span() else { return };
        let elements: Vec<Range<usize>> = array.iter().filter_map(Value::span).collect();
        let suffix_end =
            |value: &Value| value.decor().suffix().and_then(|suffix| suffix.span()).map(|suffix| suffix.end);
        let mut commas: Vec<usize> = array.iter().filter_map(suffix_end).collect();
        // Without its places nothing of the array can be changed.
        if elements.len() != array.len() || commas.len() != array.len() {
            return;
        }
        if !array.trailing_comma() {
            commas.pop();
        }
        for (position, element) in elements.iter().enumerate() {
            self.elements.insert(element.start, Element::OfArray { array: range.start, position });
        }
        self.arrays.insert(range.start, ArrayPlace { range, elements, commas });
    }
}

/// The parts of the text that a table with a header consists of: its own lines, and those of the tables below it, which may stand
/// elsewhere.
fn section(table: &Table, sections: &mut Vec<Range<usize>>) {
    if let Some(header) = table.span() {
        let end = last_value(table).map_or(header.end, |end| end.max(header.end));
        sections.push(header.start..end);
    }
    for (_, item) in table.iter() {
        match item {
            Item::Table(below) if !below.is_dotted() => section(below, sections),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|below| section(below, sections)),
            Item::None | Item::Value(_) | Item::Table(_) => {}
        }
    }
}

/// The end of the last value that stands below the header of a table itself.
fn last_value(table: &Table) -> Option<usize> {
    let ends = table.iter().filter_map(|(_, item)| match item {
        Item::Value(value) => value.span().map(|range| range.end),
        Item::Table(below) if below.is_dotted() => last_value(below),
        Item::None | Item::Table(_) | Item::ArrayOfTables(_) => None,
    });
    ends.max()
}
