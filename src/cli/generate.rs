//! What is generated from definitions: schemas, completions, the manual page.

use super::{Exit, SchemaOf, Terminal, command};
use crate::intent;

pub(super) fn schema(of: SchemaOf, terminal: &mut Terminal) -> Exit {
    terminal.print(&schema_text(of));
    Exit::Fine
}

/// The schema as a file.
pub(super) fn schema_text(of: SchemaOf) -> String {
    let schema = match of {
        SchemaOf::Intent => intent::intent_schema(),
        SchemaOf::Project => intent::project_schema(),
    };
    format!("{}\n", serde_json::to_string_pretty(&schema).unwrap_or_default())
}

pub(super) fn completions(shell: clap_complete::Shell, terminal: &mut Terminal) -> Exit {
    let mut text = vec![];
    clap_complete::generate(shell, &mut command(), "netpolc", &mut text);
    terminal.print(&String::from_utf8_lossy(&text));
    Exit::Fine
}

pub(super) fn man(terminal: &mut Terminal) -> Exit {
    let mut text = vec![];
    if let Err(error) = clap_mangen::Man::new(command()).render(&mut text) {
        return terminal.fail(format!("cannot write the manual page: {error}"));
    }
    terminal.print(&String::from_utf8_lossy(&text));
    Exit::Fine
}
