//! Where text comes from: the only reader of files.
//!
//! In: paths below a project root, and manifests that a command line names. Out: [`Sources`], the texts of one run, each
//! with a [`FileId`]; every later stage points into them with a [`Span`]. A text in [`Sources`] is valid UTF-8 without a
//! byte order mark; nothing later reads it from the disk again, so one run sees one state of the project.

pub mod git;
mod load;
mod manifests;
mod read;
mod root;
mod stream;
mod tracked;

use std::sync::{Arc, OnceLock};

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;

pub use load::{load_intents, load_project_file, load_shared, load_templates};
pub use manifests::{STANDARD_INPUT_SHOWN, list_manifests, load_inventory, load_manifests};
pub use read::{
    Decoded, Entry, EntryKind, MAX_FILE_BYTES, MAX_GENERATED_BYTES, MAX_INTENTS, MAX_MANIFESTS_BYTES,
    MAX_PROJECT_BYTES, ReadError, SourceError, decode, entry_kind, list_tree, read_bytes,
};
pub(crate) use read::{read_stream, reason};
pub use root::{Files, PROJECT_FILE, Root, RootError, find_root, is_inside, is_same_place};
pub use stream::{StreamError, load_stream};
pub use tracked::untracked;

/// One text of a run. Small and copyable; only [`Sources`] makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileId(u32);

/// A range of bytes in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span over `range` of `file`. Offsets beyond 4 GiB cannot occur: what is read is
    /// limited, to [`MAX_GENERATED_BYTES`] at most, and so is what templates write.
    pub fn new(file: FileId, range: std::ops::Range<usize>) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: clamp(range.start), end: clamp(range.end) }
    }

    /// From the start of this span to the end of a later one of the same text.
    pub fn to(self, end: Self) -> Self {
        Self { end: end.end.max(self.end), ..self }
    }

    /// A span over what a line says, of which `line`, without its line end, starts at byte `start`.
    pub fn of_line(file: FileId, start: usize, line: &str) -> Self {
        let indent = line.len() - line.trim_start().len();
        Self::new(file, start + indent..start + line.trim_end().len().max(indent))
    }

    /// The span as a range of bytes.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and the place where its author wrote it.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place, quotes and brackets included.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a value and its place together.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place, another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

/// In a schema a spanned value is just the value.
impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// One text and the name under which messages show it.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path as shown: relative to the project root, with `/`.
    pub path: Utf8PathBuf,
    /// The text, without a byte order mark.
    pub text: Arc<str>,
    /// Byte offset of the start of each line, once somebody asks for a place.
    lines: OnceLock<Vec<u32>>,
}

impl SourceFile {
    fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let starts = self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(starts.map_while(|at| u32::try_from(at).ok())).collect()
        })
    }
}

/// All texts of one run.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a text under the name that messages shall show.
    pub fn add(&mut self, path: impl Into<Utf8PathBuf>, text: impl Into<Arc<str>>) -> FileId {
        self.files.push(SourceFile { path: path.into(), text: text.into(), lines: OnceLock::new() });
        FileId(self.files.len() as u32 - 1)
    }

    /// The text of an id of this run.
    #[expect(clippy::indexing_slicing, reason = "ids are made by `add` of the same run only")]
    pub fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The first text that was added.
    pub fn first(&self) -> Option<FileId> {
        (!self.files.is_empty()).then_some(FileId(0))
    }

    /// The text of a name.
    pub fn find(&self, path: &str) -> Option<FileId> {
        let position = self.files.iter().position(|file| file.path == path)?;
        u32::try_from(position).ok().map(FileId)
    }

    /// The path as messages show it.
    pub fn path(&self, id: FileId) -> &Utf8Path {
        &self.get(id).path
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.range()).unwrap_or_default()
    }

    /// Line and column of the first character of a span, both from 1; columns count characters.
    pub fn line_col(&self, span: Span) -> (usize, usize) {
        let file = self.get(span.file);
        let line = file.lines().partition_point(|start| *start <= span.start);
        let start = file.lines().get(line.saturating_sub(1)).copied().unwrap_or(0) as usize;
        let col = file.text.get(start..span.start as usize).map_or(0, |s| s.chars().count());
        (line, col + 1)
    }

    /// A span over the whole line `line` (from 1) of a text, without its line end.
    pub fn line_span(&self, id: FileId, line: usize) -> Span {
        let file = self.get(id);
        let start = file.lines().get(line.saturating_sub(1)).copied().unwrap_or(0) as usize;
        let rest = file.text.get(start..).unwrap_or_default();
        Span::of_line(id, start, rest.split('\n').next().unwrap_or_default())
    }
}
