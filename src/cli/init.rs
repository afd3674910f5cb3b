//! `netpolc init`: a first intent, and the schema that editors use.

use super::generate::schema_text;
use super::{Exit, InitArgs, SchemaOf, Terminal};
use crate::output::create;

const FIRST_INTENT: &str = r#"#:schema ../schema/intent.schema.json
app   = "shop"
owner = "storefront"

[tiers]
web      = { namespace = "frontend", pods = { app = "web" },      ports = [80] }
api      = { namespace = "backend",  pods = { app = "api" },      ports = [80] }
postgres = { namespace = "db",       pods = { app = "postgres" }, ports = [5432] }
# A tier may also say `metrics = [9090]` for the scrapers, `dns = false`, `level = 2` (no edge leads from a higher level to a
# lower one), and `accepts = ["billing"]` (which other apps may connect; `[]` for none).

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"

[[allow]]
from = "api"
to   = "postgres"
why  = "orders are stored"

[[forbid]]
from = "web"
to   = "postgres"
why  = "the front end never sees the database"
"#;

pub(super) fn run(args: &InitArgs, terminal: &mut Terminal) -> Exit {
    let dir = args.dir.clone().filter(|dir| dir != ".").unwrap_or_default();
    let files = [
        ("intents/app.toml", FIRST_INTENT.to_owned()),
        ("schema/intent.schema.json", schema_text(SchemaOf::Intent)),
        // Git must not change line ends of generated files: they are compared byte for byte.
        (".gitattributes", "out/** linguist-generated=true -text\n".to_owned()),
    ];
    for (path, text) in files {
        let created = create(&dir, path.into(), &text);
        let path = dir.join(path);
        match created {
            Ok(true) => terminal.line(format!("created {path}")),
            Ok(false) => terminal.line(format!("kept {path}, which is there already")),
            Err(error) => return terminal.fail(error),
        }
    }
    let place = if dir == "" { String::new() } else { format!("cd {dir} && ") };
    terminal.line(format!("next: edit intents/app.toml, then run: {place}netpolc build"));
    Exit::Fine
}
