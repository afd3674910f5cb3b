//! What a template sees, in one piece of memory.
//!
//! In: anything that can be serialized. Out: its lists, structs and texts in one list of nodes and one text, so that a view
//! costs a few allocations, however many policies it holds. Nothing is interpreted: a view that holds anything else, as a
//! map or a float, is kept as the engine of the templates has it.

mod build;

use std::fmt;

use minijinja::Value;
use minijinja::value::Serde;
use serde::ser::{Serialize, SerializeSeq as _, SerializeStruct as _, SerializeTuple as _, Serializer};

/// What a template sees, under the names of the fields.
#[derive(Clone)]
pub struct View(Held);

#[derive(Clone)]
enum Held {
    Flat(Flat),
    Engine(Value),
}

/// A view of lists, structs, texts, booleans and small numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Flat {
    root: Node,
    /// Items of lists and values of fields, those of one list or struct side by side.
    nodes: Vec<Node>,
    /// All texts.
    text: String,
    /// The names of the fields of each kind of struct.
    shapes: Vec<Vec<&'static str>>,
}

/// One value. What has parts says where they begin among the nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    /// `None`.
    Nothing,
    /// A boolean.
    Flag(bool),
    /// A number.
    Number(u32),
    /// A text: where it begins, and its bytes.
    Text(u32, u32),
    /// A list: its first item, and how many.
    List(u32, u32),
    /// The same of a tuple.
    Tuple(u32, u32),
    /// A struct: its shape, and its first value.
    Struct(u32, u32),
}

impl View {
    /// A view of a value.
    pub fn new(value: &impl Serialize) -> Self {
        match build::flat(value) {
            Some(flat) => Self(Held::Flat(flat)),
            None => Self(Held::Engine(Value::from(Serde(value)))),
        }
    }

    /// The view, if it holds only what is laid out here.
    pub fn flat(&self) -> Option<&Flat> {
        match &self.0 {
            Held::Flat(flat) => Some(flat),
            Held::Engine(_) => None,
        }
    }

    /// The same for the engine.
    pub fn value(&self) -> Value {
        match &self.0 {
            Held::Flat(flat) => Value::from(Serde(flat.part(flat.root))),
            Held::Engine(value) => value.clone(),
        }
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value(), f)
    }
}

impl Flat {
    /// The whole.
    pub fn root(&self) -> Node {
        self.root
    }

    /// The node of a number.
    pub fn node(&self, at: u32) -> Option<Node> {
        self.nodes.get(at as usize).copied()
    }

    /// The text of a node, from where it begins and its length.
    pub fn text(&self, start: u32, length: u32) -> Option<&str> {
        let start = start as usize;
        self.text.get(start..start + length as usize)
    }

    /// The names of the fields of each kind of struct.
    pub fn shapes(&self) -> &[Vec<&'static str>] {
        &self.shapes
    }

    fn part(&self, node: Node) -> Part<'_> {
        Part { view: self, node }
    }

    fn parts(&self, start: u32, length: u32) -> impl Iterator<Item = Part<'_>> {
        let nodes = self.nodes.get(start as usize..start as usize + length as usize).unwrap_or_default();
        nodes.iter().map(|node| self.part(*node))
    }
}

/// A node that can be serialized again, as the value was from which it was made.
struct Part<'v> {
    view: &'v Flat,
    node: Node,
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.node {
            Node::Nothing => serializer.serialize_none(),
            Node::Flag(flag) => serializer.serialize_bool(flag),
            Node::Number(number) => serializer.serialize_u32(number),
            Node::Text(start, length) => serializer.serialize_str(self.view.text(start, length).unwrap_or_default()),
            Node::List(start, length) => {
                let mut list = serializer.serialize_seq(Some(length as usize))?;
                self.view.parts(start, length).try_for_each(|part| list.serialize_element(&part))?;
                list.end()
            }
            Node::Tuple(start, length) => {
                let mut tuple = serializer.serialize_tuple(length as usize)?;
                self.view.parts(start, length).try_for_each(|part| tuple.serialize_element(&part))?;
                tuple.end()
            }
            Node::Struct(shape, start) => {
                let names = self.view.shapes.get(shape as usize).map_or(&[][..], Vec::as_slice);
                let mut fields = serializer.serialize_struct("", names.len())?;
                for (name, part) in names.iter().zip(self.view.parts(start, names.len() as u32)) {
                    fields.serialize_field(name, &part)?;
                }
                fields.end()
            }
        }
    }
}
