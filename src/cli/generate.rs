//! What is generated from definitions: schemas, completions, the manual page.

use clap_mangen::Man;

use super::{Exit, SchemaOf, Terminal, command, krm};
use crate::{diag, intent};

pub(super) fn schema(of: SchemaOf, terminal: &mut Terminal) -> Exit {
    terminal.print(&schema_text(of));
    Exit::Fine
}

/// The schema as a file.
pub(super) fn schema_text(of: SchemaOf) -> String {
    let schema = match of {
        SchemaOf::Intent => intent::intent_schema(),
        SchemaOf::Project => intent::project_schema(),
        SchemaOf::Findings => diag::findings_schema(),
        SchemaOf::Krm => krm::config::schema(),
        SchemaOf::Diff => super::diff::json::schema(),
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
    if let Err(error) = write_man(&mut text) {
        return terminal.fail(format!("cannot write the manual page: {error}"));
    }
    terminal.print(&String::from_utf8_lossy(&text));
    Exit::Fine
}

/// One page for all: a section for each command in the place of references to pages of their own.
fn write_man(out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut main = command();
    main.build();
    let page = Man::new(main.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    for command in main.get_subcommands() {
        let page = Man::new(command.clone());
        out.extend_from_slice(format!(".SH NETPOLC {}\n", command.get_name().to_uppercase()).as_bytes());
        let mut parts = vec![];
        page.render_synopsis_section(&mut parts)?;
        page.render_description_section(&mut parts)?;
        page.render_options_section(&mut parts)?;
        out.extend_from_slice(String::from_utf8_lossy(&parts).replace(".SH ", ".SS ").as_bytes());
    }
    page.render_version_section(out)
}
