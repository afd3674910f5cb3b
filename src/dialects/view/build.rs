//! From a serializable value to a flat view.
//!
//! In: a value. Out: its nodes, or nothing where it holds what no view of this project has. Parts are collected on a stack
//! and moved side by side when their list or struct ends.

use std::fmt::{self, Write as _};

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::{Flat, Node};

/// The value laid out; `None` where it holds anything but lists, structs, texts, booleans and small numbers.
pub fn flat(value: &impl Serialize) -> Option<Flat> {
    let mut builder = Builder::default();
    let root = value.serialize(&mut builder).ok()?;
    let Builder { nodes, text, shapes, .. } = builder;
    Some(Flat { root, nodes, text, shapes })
}

#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    text: String,
    shapes: Vec<Vec<&'static str>>,
    /// Parts of what has not ended yet.
    open: Vec<Node>,
    /// Names of fields of the same.
    names: Vec<&'static str>,
}

impl Builder {
    /// Moves the open parts from `first` on side by side. Where they begin, and how many they are.
    fn close(&mut self, first: usize) -> Result<(u32, u32), Unusual> {
        let start = u32::try_from(self.nodes.len()).map_err(|_| Unusual)?;
        let length = u32::try_from(self.open.len() - first).map_err(|_| Unusual)?;
        self.nodes.extend_from_slice(self.open.get(first..).unwrap_or_default());
        self.open.truncate(first);
        Ok((start, length))
    }

    /// The shape of the names from `first` on.
    fn shape(&mut self, first: usize) -> Result<u32, Unusual> {
        let names = self.names.get(first..).unwrap_or_default();
        // Structs of one type share their names in memory.
        let same = |a: &&'static str, b: &&'static str| std::ptr::eq(*a, *b) || a == b;
        let known = |shape: &Vec<_>| shape.len() == names.len() && shape.iter().zip(names).all(|(a, b)| same(a, b));
        let at = match self.shapes.iter().position(known) {
            Some(at) => at,
            None => {
                self.shapes.push(names.to_vec());
                self.shapes.len() - 1
            }
        };
        self.names.truncate(first);
        u32::try_from(at).map_err(|_| Unusual)
    }

    /// The text from `start` on.
    fn text_from(&self, start: usize) -> Result<Node, Unusual> {
        let number = |number: usize| u32::try_from(number).map_err(|_| Unusual);
        Ok(Node::Text(number(start)?, number(self.text.len() - start)?))
    }
}

/// A value that a flat view does not have.
#[derive(Debug)]
struct Unusual;

impl fmt::Display for Unusual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no part of a view")
    }
}

impl std::error::Error for Unusual {}

impl ser::Error for Unusual {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// A list, a tuple or a struct that has not ended yet.
struct Parts<'b> {
    builder: &'b mut Builder,
    /// Its first part, and the first name of a field.
    first: (usize, usize),
}

impl Parts<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unusual> {
        let node = value.serialize(&mut *self.builder)?;
        self.builder.open.push(node);
        Ok(())
    }
}

impl ser::SerializeSeq for Parts<'_> {
    type Ok = Node;
    type Error = Unusual;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unusual> {
        self.add(value)
    }

    fn end(self) -> Result<Node, Unusual> {
        self.builder.close(self.first.0).map(|(start, length)| Node::List(start, length))
    }
}

impl ser::SerializeTuple for Parts<'_> {
    type Ok = Node;
    type Error = Unusual;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unusual> {
        self.add(value)
    }

    fn end(self) -> Result<Node, Unusual> {
        self.builder.close(self.first.0).map(|(start, length)| Node::Tuple(start, length))
    }
}

impl ser::SerializeStruct for Parts<'_> {
    type Ok = Node;
    type Error = Unusual;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Unusual> {
        self.add(value)?;
        self.builder.names.push(key);
        Ok(())
    }

    fn end(self) -> Result<Node, Unusual> {
        let shape = self.builder.shape(self.first.1)?;
        self.builder.close(self.first.0).map(|(start, _)| Node::Struct(shape, start))
    }
}

impl<'b> Serializer for &'b mut Builder {
    type Ok = Node;
    type Error = Unusual;
    type SerializeSeq = Parts<'b>;
    type SerializeTuple = Parts<'b>;
    type SerializeTupleStruct = Impossible<Node, Unusual>;
    type SerializeTupleVariant = Impossible<Node, Unusual>;
    type SerializeMap = Impossible<Node, Unusual>;
    type SerializeStruct = Parts<'b>;
    type SerializeStructVariant = Impossible<Node, Unusual>;

    fn serialize_bool(self, flag: bool) -> Result<Node, Unusual> {
        Ok(Node::Flag(flag))
    }

    fn serialize_i8(self, _: i8) -> Result<Node, Unusual> {
        Err(Unusual)
    }

    fn serialize_i16(self, _: i16) -> Result<Node, Unusual> {
        Err(Unusual)
    }

    fn serialize_i32(self, _: i32) -> Result<Node, Unusual> {
        Err(Unusual)
    }

    fn serialize_i64(self, _: i64) -> Result<Node, Unusual> {
        Err(Unusual)
    }

    fn serialize_u8(self, number: u8) -> Result<Node, Unusual> {
        Ok(Node::Number(number.into()))
    }

    fn serialize_u16(self, number: u16) -> Result<Node, Unusual> {
        Ok(Node::Number(number.into()))
    }

    fn serialize_u32(self, number: u32) -> Result<Node, Unusual> {
        Ok(Node::Number(number))
    }

    fn serialize_u64(self, number: u64) -> Result<Node, Unusual> {
        number.try_into().map(Node::Number).map_err(|_| Unusual)
    }

    fn serialize_f32(self, _: f32) -> Result<Node, Unusual> {
        Err(Unusual)
    }

    fn serialize_f64(self, _: f64) -> Result<Node, Unusual> {
        Err(Unusual)
    }

    fn serialize_char(self, _: char) -> Result<Node, Unusual> {
        Err(Unusual)
    }

    fn serialize_str(self, text: &str) -> Result<Node, Unusual> {
        let start = self.text.len();
        self.text.push_str(text);
        self.text_from(start)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Node, Unusual> {
        Err(Unusual)
    }

    fn serialize_none(self) -> Result<Node, Unusual> {
        Ok(Node::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, Unusual> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Node, Unusual> {
        Ok(Node::Nothing)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, Unusual> {
        Ok(Node::Nothing)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Node, Unusual> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Node, Unusual> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Node, Unusual> {
        Err(Unusual)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'b>, Unusual> {
        let first = (self.open.len(), self.names.len());
        Ok(Parts { builder: self, first })
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'b>, Unusual> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Unusual> {
        Err(Unusual)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unusual> {
        Err(Unusual)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unusual> {
        Err(Unusual)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'b>, Unusual> {
        self.serialize_seq(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unusual> {
        Err(Unusual)
    }

    /// As [`Serializer::serialize_str`] of the text, without a text between.
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<Node, Unusual> {
        let start = self.text.len();
        write!(self.text, "{value}").map_err(|_| Unusual)?;
        self.text_from(start)
    }
}
