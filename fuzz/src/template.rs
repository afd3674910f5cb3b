//! Templates as any bytes, in the place of a built-in one, on real documents: rendering ends, writes no more than it may, and
//! writes the same again; what comes out is read and proved, whatever comes of it.

use netpolc::dialects::{self, Dialect};
use netpolc::lower::lower;
use netpolc::pipeline::compile;
use netpolc::render::{Renderer, most_bytes};
use netpolc::source::Files;

use super::project::{check, tell};

const INTENTS: [(&str, &[u8]); 4] = [
    ("netpolc.toml", include_bytes!("../../netpolc.toml")),
    ("intents/app.toml", include_bytes!("../../intents/app.toml")),
    ("intents/secure-app.toml", include_bytes!("../../intents/secure-app.toml")),
    ("intents/store.toml", include_bytes!("../../intents/store.toml")),
];

/// The first byte says which template it replaces, `a` the first one of the first dialect; the rest is the template.
pub fn run(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    let all: Vec<(&'static dyn Dialect, &str)> = dialects::REGISTRY
        .iter()
        .flat_map(|dialect| dialect.templates().iter().map(|(name, _)| (*dialect, *name)))
        .collect();
    let (dialect, name) = all[usize::from(which.wrapping_sub(b'a')) % all.len()];
    let mut files: Files = INTENTS.iter().map(|(path, text)| ((*path).into(), text.to_vec())).collect();
    files.insert(format!("templates/{}/{name}", dialect.name()).into(), text.to_vec());
    let mut checked = check(files);
    // A text that does not show as what it is stops before it is a template.
    if checked.diags.has_errors() {
        return checked.tell();
    }
    let mut sources = std::mem::take(&mut checked.project.sources);
    let model = &checked.models[0];
    let policies = lower(model);
    let documents = dialect.documents(model, &policies).unwrap();
    match Renderer::new(dialect, &checked.project.templates, &mut sources) {
        Err(errors) => tell(&errors, &sources),
        Ok(renderer) => {
            let first = renderer.render(&sources, &documents);
            assert_eq!(first, renderer.render(&sources, &documents), "rendered otherwise the second time");
            match first {
                Err(errors) => tell(&errors, &sources),
                Ok(rendered) => {
                    for (file, document) in rendered.iter().zip(&documents) {
                        assert!(file.text.len() <= most_bytes(document.weight) + 1, "{} is too long", file.path);
                    }
                    let reviewed = dialects::review(model, &[dialect]);
                    if let Err(errors) = compile(&checked.project, &mut sources, model, &policies, dialect, &reviewed) {
                        tell(&errors, &sources);
                    }
                }
            }
        }
    }
}
