//! The files' tables: TOML to spanned types, no meaning yet.
//!
//! In: texts. Out: an [`IntentFile`] for each intent and a [`ProjectFile`]. One definition of each table (see
//! `table!`) feeds the parser, "did you mean" for keys, and the JSON schema with its hover texts. Every error of a file
//! is reported; what could be read is handed on all the same, so that one mistake neither hides others nor makes false
//! ones: a value that failed keeps its name in its [`Table`].

#[macro_use]
mod table;
mod decode;
mod file;
mod mend;
mod numbers;
mod project;
mod schema;
mod syntax;
mod values;

use crate::diag::Diagnostics;
use crate::source::{FileId, Sources, Span};

pub(crate) use decode::left_out;
pub use decode::{Cx, Decode, Item, MAX_ERRORS, MAX_LABELS, MAX_LIST, MAX_PORTS, Table};
pub use file::{AllowTable, ExternalTable, ForbidTable, HttpTable, IntentFile, PeerTable, TierTable, WaiveTable};
pub use mend::{Broken, Mended, Outcome, mend};
pub use numbers::Whole;
pub use project::{
    ApprovedTable, ClusterTable, CodeOwnersTable, DefaultDeny, DefaultDenyTable, DnsSetting, DnsTable, GuardsTable,
    LimitsTable, PathsTable, ProjectFile, ScrapersTable,
};
pub use schema::{intent_schema, project_schema};
pub use values::{
    ByLabels, DeclaredPorts, Headers, LabelMap, List, Namespaces, OpenList, Pods, PortText, Ports, Several,
};

/// What could be read of a file.
#[derive(Debug, Clone)]
pub struct Parsed<T> {
    /// The file.
    pub file: FileId,
    /// Its tables; `None` when not even its required keys could be read.
    pub table: Option<T>,
    /// The name that the file gives its app, also when nothing else of it could be read.
    pub app: Option<String>,
    /// Whether its syntax is broken: then nothing in it is worth a further message.
    pub broken: bool,
}

/// Reads one file. Errors go to `diags`.
pub fn parse<T: Decode>(sources: &Sources, file: FileId, diags: &mut Diagnostics) -> Parsed<T> {
    let text: &str = &sources.get(file).text;
    let (root, errors) = syntax::read(text);
    let broken = !errors.is_empty();
    if broken {
        diags.extend(syntax::errors(file, text, errors));
    }
    let app = root.get_ref().get("app").and_then(|value| value.get_ref().as_str()).map(str::to_owned);
    let mut local = Diagnostics::default();
    let mut cx = Cx::new(file, &mut local);
    let root = toml::Spanned::new(root.span(), toml::de::DeValue::Table(root.into_inner()));
    let item = Item { key: "", value: root.get_ref(), span: Span::new(file, 0..0) };
    let table = T::decode(item, &mut cx);
    cx.finish();
    if !broken {
        diags.extend(local.iter().cloned());
    }
    Parsed { file, table, app, broken }
}
