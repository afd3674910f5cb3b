//! A reader for YAML of the plainest shape, in front of the one for any YAML: what is rendered here is read many times faster.
//!
//! In: the text of one document. Out: the very objects that the general reader makes of it, or nothing. Block mappings and
//! lists, one scalar a line, plain or in double quotes without escapes, `{}`, `[]`, and lines that are comments: everything
//! else, and whatever is wrong or doubtful in the least, is left to the general reader, which reads the document anew and says
//! what there is to say. So no text is accepted that the general reader refuses, and none is read otherwise (held by tests over
//! rendered and damaged texts, and by fuzzing).

use std::fmt;

use memchr::memchr;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_saphyr::Spanned;

use super::text::is_ambiguous;

/// Mappings and lists inside each other; the general reader takes more.
const MAX_DEPTH: usize = super::MAX_DEPTH - 2;
/// Scalars of one document. Larger ones are for the general reader, which bounds them.
const MAX_SCALARS: usize = 1 << 20;
/// Bytes of a key: YAML bounds keys of one line.
const MAX_KEY: usize = 512;
/// Keys of one mapping: each is compared with those before it.
const MAX_KEYS: usize = 16;

/// Reads a document; `None` where it is not of this shape, or no `T`.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    let mut cursor = Cursor { text, offset: 0, end: 0, column: 0, scalars: 0 };
    cursor.next_line(0)?;
    if cursor.column != 0 || cursor.key().is_none() {
        return None;
    }
    let value =
        T::deserialize(Node { cursor: &mut cursor, place: Place::Mapping { column: 0, first: None }, depth: 0 })
            .ok()?;
    cursor.is_at_end().then_some(value)
}

/// A value and the line on which it starts: see [`Doc::line_of`](super::text::Doc::line_of).
#[derive(Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    pub(super) start: Start,
}

/// Where a value starts in its document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    /// On the line of this number, from 1.
    Line(u64),
    /// At this byte. Which line that is takes a look at the text, and hardly anybody asks.
    Byte(usize),
}

/// How a [`Placed`] is asked for. This reader answers with a list of place and value, the general one with the value alone.
const PLACED: &str = "netpolc::Placed";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = Placed<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value and its place")
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                let spanned: Spanned<T> = Deserialize::deserialize(deserializer)?;
                Ok(Placed { start: Start::Line(spanned.referenced.line()), value: spanned.value })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let missing = || de::Error::custom("a value and its place");
                let start = Start::Byte(seq.next_element()?.ok_or_else(missing)?);
                Ok(Placed { start, value: seq.next_element()?.ok_or_else(missing)? })
            }
        }
        deserializer.deserialize_newtype_struct(PLACED, V(std::marker::PhantomData))
    }
}

/// The text is not of this shape. Which, nobody asks: the general reader tells.
#[derive(Debug)]
struct Otherwise;

impl fmt::Display for Otherwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not of the plainest shape")
    }
}

impl std::error::Error for Otherwise {}

impl de::Error for Otherwise {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// A place in the text: always before something that is said, or at the end.
struct Cursor<'de> {
    text: &'de str,
    offset: usize,
    /// Where its line ends.
    end: usize,
    /// How far it is indented, the dashes before it included.
    column: usize,
    scalars: usize,
}

/// A scalar on its line.
#[derive(Clone, Copy)]
enum Scalar<'de> {
    Quoted(&'de str),
    Plain(&'de str),
}

impl<'de> Cursor<'de> {
    fn rest(&self) -> &'de str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn is_at_end(&self) -> bool {
        self.offset == self.text.len()
    }

    /// The rest of the line.
    fn of_line(&self) -> &'de str {
        self.text.get(self.offset..self.end).unwrap_or_default()
    }

    /// From `start`, the start of a line, to what is said next. `None` for an indentation that is none.
    fn next_line(&mut self, mut start: usize) -> Option<()> {
        loop {
            let rest = self.text.get(start..)?;
            let column = rest.as_bytes().iter().position(|byte| *byte != b' ').unwrap_or(rest.len());
            let end = start + memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            match rest.as_bytes().get(column) {
                None => {
                    (self.offset, self.end, self.column) = (end, end, 0);
                    return Some(());
                }
                Some(b'\n') => {}
                // What a comment holds matters to readers that break lines elsewhere.
                Some(b'#') if self.text.get(start..end)?.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {}
                Some(b'#' | 0..b' ') => return None,
                Some(_) => {
                    (self.offset, self.end, self.column) = (start + column, end, column);
                    return Some(());
                }
            }
            start = self.text.len().min(end + 1);
        }
    }

    /// Behind this line.
    fn end_line(&mut self) -> Option<()> {
        self.next_line(self.text.len().min(self.end + 1))
    }

    fn is_item(&self) -> bool {
        matches!(self.rest().as_bytes(), [b'-', b' ', ..])
    }

    /// Into the item whose dash is here.
    fn enter_item(&mut self) -> Option<()> {
        self.offset += 2;
        self.column += 2;
        // A second dash would be a list in a list.
        (!matches!(self.rest().as_bytes().first(), None | Some(b' ' | b'\n' | b'-'))).then_some(())
    }

    /// The key here, and the length of what is written of it with its colon.
    fn key(&self) -> Option<(&'de str, usize)> {
        let rest = self.rest();
        let (key, length) = match rest.as_bytes() {
            [b'"', inner @ ..] => {
                let end = inner.iter().position(|byte| !is_inside_quotes(*byte))?;
                (rest.get(1..=end).filter(|_| inner.get(end) == Some(&b'"'))?, end + 2)
            }
            bytes => {
                let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-');
                let end = bytes.iter().position(|byte| !is_of_word(byte))?;
                let key = rest.get(..end).filter(|_| bytes.get(end) == Some(&b':'))?;
                (is_word(key).then_some(key)?, end)
            }
        };
        let colon = rest.as_bytes().get(length) == Some(&b':');
        let ends = matches!(rest.as_bytes().get(length + 1), Some(b' ' | b'\n'));
        (colon && ends && !key.is_empty() && key.len() <= MAX_KEY).then_some((key, length + 1))
    }

    /// The scalar that is the rest of the line; then behind it.
    fn scalar(&mut self) -> Option<Scalar<'de>> {
        self.scalars += 1;
        let line = self.of_line();
        let scalar = match line.as_bytes() {
            [b'"', inner @ .., b'"'] => {
                // To its end, whatever is found: then several bytes are looked at together.
                let is_fine = inner.iter().fold(true, |all, byte| all & is_inside_quotes(*byte));
                Scalar::Quoted(line.get(1..=inner.len()).filter(|_| is_fine)?)
            }
            _ => Scalar::Plain(is_plain(line).then_some(line)?),
        };
        self.end_line()?;
        (self.scalars <= MAX_SCALARS).then_some(scalar)
    }
}

/// Printable, and nothing that ends or escapes.
pub(super) fn is_inside_quotes(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

/// A plain scalar that is its whole line: no indicator before it, no comment and no key in it.
pub(super) fn is_plain(line: &str) -> bool {
    let bytes = line.as_bytes();
    let starts = bytes.first().is_some_and(|first| first.is_ascii_alphanumeric() || matches!(first, b'_' | b'/'));
    if !starts || matches!(bytes.last(), Some(b' ' | b':')) {
        return false;
    }
    let is_one_word = bytes.iter().fold(true, |all, byte| all & matches!(byte, b'!'..=b'"' | b'$'..=b'~'));
    let mut before = b' ';
    is_one_word
        || bytes.iter().all(|byte| {
            let fine = match byte {
                b'#' | b' ' => before != b' ' && before != b':',
                b'!'..=b'~' => true,
                _ => false,
            };
            before = *byte;
            fine
        })
}

/// A word that every reader takes for a string.
pub(super) fn is_word(word: &str) -> bool {
    let Some(first) = word.bytes().next() else { return false };
    let is = |other: &&str| other.eq_ignore_ascii_case(word);
    match first {
        b'i' | b'I' | b'n' | b'N' => !is_ambiguous(word) && !["nan", "inf", "infinity"].iter().any(is),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'/' => !is_ambiguous(word),
        _ => false,
    }
}

/// `10.0.0.0/8`, which no reader takes for a number.
fn is_block(word: &str) -> bool {
    let parts = |text: &str| text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    word.split_once('/').is_some_and(|(address, mask)| {
        address.matches('.').count() == 3 && parts(address) && parts(mask) && !mask.contains('.')
    })
}

/// Where a value is.
#[derive(Clone, Copy)]
enum Place<'de> {
    /// A mapping whose first key is here.
    Mapping {
        column: usize,
        /// The key, and the length of what is written of it, where they were looked at already.
        first: Option<(&'de str, usize)>,
    },
    /// A list whose first dash is here; `flush`: the mapping that holds it is indented no less.
    List { column: usize, flush: bool },
    /// `{}`, `[]` or a scalar, to the end of the line.
    Inline,
}

/// A value that is to be read.
struct Node<'c, 'de> {
    cursor: &'c mut Cursor<'de>,
    place: Place<'de>,
    depth: usize,
}

impl<'de> Node<'_, 'de> {
    fn scalar(self) -> Result<Scalar<'de>, Otherwise> {
        match self.place {
            Place::Inline => self.cursor.scalar().ok_or(Otherwise),
            Place::Mapping { .. } | Place::List { .. } => Err(Otherwise),
        }
    }

    /// Behind `{}` or `[]`, if that is what is here.
    fn is_empty(&mut self, written: &str) -> Result<bool, Otherwise> {
        if !matches!(self.place, Place::Inline) || self.cursor.of_line() != written {
            return Ok(false);
        }
        self.cursor.end_line().map(|()| true).ok_or(Otherwise)
    }
}

impl<'de> Deserializer<'de> for Node<'_, 'de> {
    type Error = Otherwise;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Otherwise> {
        let word = match self.place {
            Place::Mapping { .. } => return self.deserialize_map(visitor),
            Place::List { .. } => return self.deserialize_seq(visitor),
            Place::Inline => match self.scalar()? {
                Scalar::Quoted(text) => return visitor.visit_borrowed_str(text),
                Scalar::Plain(word) => word,
            },
        };
        match word {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ if is_word(word) || is_block(word) => visitor.visit_borrowed_str(word),
            // A zero before a number may make it an octal one.
            _ if word.len() < 10
                && word.bytes().all(|b| b.is_ascii_digit())
                && (word == "0" || !word.starts_with('0')) =>
            {
                visitor.visit_u64(word.parse().map_err(|_| Otherwise)?)
            }
            _ => Err(Otherwise),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Otherwise> {
        match self.scalar()? {
            Scalar::Quoted(text) => visitor.visit_borrowed_str(text),
            Scalar::Plain(word) if is_word(word) || is_block(word) => visitor.visit_borrowed_str(word),
            Scalar::Plain(_) => Err(Otherwise),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Otherwise> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Otherwise> {
        // Null has words of its own, which are no scalars here.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Otherwise> {
        match name {
            PLACED => visitor.visit_seq(WithStart { start: Some(self.cursor.offset), node: Some(self) }),
            // Of other wrappers this reader knows nothing.
            _ => Err(Otherwise),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Otherwise> {
        if self.is_empty("{}")? {
            return visitor.visit_map(Nothing);
        }
        match self.place {
            Place::Mapping { column, first } if self.depth < MAX_DEPTH => {
                let (cursor, depth) = (self.cursor, self.depth + 1);
                visitor.visit_map(Entries { cursor, column, depth, first, known: [""; MAX_KEYS], count: 0 })
            }
            _ => Err(Otherwise),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Otherwise> {
        self.deserialize_map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Otherwise> {
        if self.is_empty("[]")? {
            return visitor.visit_seq(Nothing);
        }
        match self.place {
            Place::List { column, flush } if self.depth < MAX_DEPTH => {
                visitor.visit_seq(Items { cursor: self.cursor, column, flush, depth: self.depth + 1 })
            }
            _ => Err(Otherwise),
        }
    }

    forward_to_deserialize_any! { bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 }

    fn deserialize_f32<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_f64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_char<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
}

/// The entries of a mapping.
struct Entries<'c, 'de> {
    cursor: &'c mut Cursor<'de>,
    column: usize,
    depth: usize,
    first: Option<(&'de str, usize)>,
    known: [&'de str; MAX_KEYS],
    count: usize,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Otherwise;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Otherwise> {
        if self.cursor.is_at_end() || self.cursor.column < self.column {
            return Ok(None);
        }
        if self.cursor.column > self.column {
            return Err(Otherwise);
        }
        let (key, length) = self.first.take().or_else(|| self.cursor.key()).ok_or(Otherwise)?;
        if self.known.iter().take(self.count).any(|known| *known == key) {
            return Err(Otherwise);
        }
        *self.known.get_mut(self.count).ok_or(Otherwise)? = key;
        self.count += 1;
        self.cursor.scalars += 1;
        self.cursor.offset += length;
        seed.deserialize(Key(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Otherwise> {
        let cursor = &mut *self.cursor;
        let place = match cursor.rest().as_bytes().first() {
            Some(b' ') => {
                cursor.offset += 1;
                Place::Inline
            }
            // A key is all of its line.
            _ => {
                cursor.end_line().ok_or(Otherwise)?;
                let column = cursor.column;
                match (cursor.is_at_end(), cursor.is_item()) {
                    (false, true) if column >= self.column => Place::List { column, flush: column == self.column },
                    (false, false) if column > self.column => Place::Mapping { column, first: None },
                    // Nothing is null, or a scalar that begins on another line.
                    _ => return Err(Otherwise),
                }
            }
        };
        seed.deserialize(Node { cursor, place, depth: self.depth })
    }
}

/// The items of a list.
struct Items<'c, 'de> {
    cursor: &'c mut Cursor<'de>,
    column: usize,
    flush: bool,
    depth: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Otherwise;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Otherwise> {
        let cursor = &mut *self.cursor;
        if cursor.is_at_end() || cursor.column < self.column {
            return Ok(None);
        }
        if cursor.column > self.column {
            return Err(Otherwise);
        }
        if !cursor.is_item() {
            return if self.flush { Ok(None) } else { Err(Otherwise) };
        }
        cursor.enter_item().ok_or(Otherwise)?;
        let place = match cursor.key() {
            first @ Some(_) => Place::Mapping { column: cursor.column, first },
            None => Place::Inline,
        };
        seed.deserialize(Node { cursor, place, depth: self.depth }).map(Some)
    }
}

/// A key, for a field or for a string.
struct Key<'de>(&'de str);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Otherwise;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Otherwise> {
        visitor.visit_borrowed_str(self.0)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// No entries, no items.
struct Nothing;

impl<'de> MapAccess<'de> for Nothing {
    type Error = Otherwise;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Otherwise> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, _: V) -> Result<V::Value, Otherwise> {
        Err(Otherwise)
    }
}

impl<'de> SeqAccess<'de> for Nothing {
    type Error = Otherwise;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, _: T) -> Result<Option<T::Value>, Otherwise> {
        Ok(None)
    }
}

/// Where a value starts, then the value.
struct WithStart<'c, 'de> {
    start: Option<usize>,
    node: Option<Node<'c, 'de>>,
}

impl<'de> SeqAccess<'de> for WithStart<'_, 'de> {
    type Error = Otherwise;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Otherwise> {
        if let Some(start) = self.start.take() {
            return seed.deserialize(start.into_deserializer()).map(Some);
        }
        self.node.take().map(|node| seed.deserialize(node)).transpose()
    }
}
