//! Namespace by namespace the same is proved as all at once: of the same bytes, and never where the whole would be refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use camino::Utf8PathBuf;
use netpolc::diag::Diagnostics;
use netpolc::dialects::{Dialect, REGISTRY, review};
use netpolc::lower::{Lowering, lower};
use netpolc::model::Model;
use netpolc::output::Digest;
use netpolc::pipeline::{Project as Loaded, compile, outline};
use netpolc::source::find_root;

use crate::mesh::generator::mesh;
use crate::support::{Project, repo, tree};

/// What the whole and the outline say: hashes by path and the number of flows, or that it is refused.
type Said = Option<(BTreeMap<Utf8PathBuf, Digest>, usize)>;

fn load(folder: &Path) -> (Loaded, Vec<Model>) {
    let folder = Utf8PathBuf::from_path_buf(folder.to_owned()).unwrap();
    let mut diags = Diagnostics::default();
    let project = Loaded::load(find_root(&[], &folder).unwrap(), &mut diags).unwrap();
    let models = project.models(None, &mut diags);
    let told: String = diags.iter().map(|d| netpolc::diag::render(d, &project.sources, false)).collect();
    assert!(!diags.has_errors(), "{told}");
    (project, models)
}

fn both(project: &Loaded, model: &Model, dialect: &'static dyn Dialect) -> (Said, Said) {
    let reviewed = review(model, &[dialect]);
    let sources = || project.sources.clone();
    let part = outline(project, &mut sources(), model, &Lowering::new(model), dialect, &reviewed);
    let whole = compile(project, &mut sources(), model, &lower(model), dialect, &reviewed).ok();
    let hashes = |files: BTreeMap<Utf8PathBuf, std::sync::Arc<str>>| {
        files.into_iter().map(|(path, text)| (path, Digest::of(text.as_bytes()))).collect()
    };
    (part.map(|part| (part.hashes, part.proved.flows)), whole.map(|whole| (hashes(whole.files), whole.proved.flows)))
}

fn assert_alike(project: &Project) {
    let (project, models) = load(project.dir());
    for (model, dialect) in models.iter().flat_map(|model| REGISTRY.iter().map(move |dialect| (model, *dialect))) {
        let (part, whole) = both(&project, model, dialect);
        let place = format!("{} {:?}", dialect.name(), model.cluster);
        assert!(whole.is_some(), "{place}");
        assert!(part.is_some() && part == whole, "{place}");
    }
}

#[test]
fn examples_and_meshes_come_out_alike() {
    let examples = Project::with_settings();
    for (path, bytes) in tree(&repo().join("intents")) {
        examples.write(&format!("intents/{}", path.display()), bytes);
    }
    assert_alike(&examples);
    let of_mesh = Project::new();
    for (name, text) in mesh(120, 700, 5) {
        of_mesh.write(&format!("intents/{name}"), text);
    }
    of_mesh.write(
        "netpolc.toml",
        "[cluster.guards]\nmetadata-deny = true\n[approximate]\nkubernetes = [\"guards-omitted\"]\n",
    );
    assert_alike(&of_mesh);
}

/// Two namespaces that call each other and the outside, guards, names, a tier of all pods.
fn small() -> Project {
    let project = Project::new();
    project.write(
        "intents/a.toml",
        "app = \"a\"\nowner = \"one\"\n[tiers]\nweb = { namespace = \"front\", pods = { app = \"web\" }, ports = [80] }\n\
         rest = { namespace = \"back\", pods = \"all\", ports = [\"8000-8100\"], metrics = [9090] }\n\
         [external]\npartner = { cidrs = [\"203.0.113.0/24\"], except = [\"203.0.113.7/32\"], ports = [443] }\n\
         [[allow]]\nfrom = \"web\"\nto = [\"rest\", \"partner\"]\nwhy = \"it asks\"\n\
         [[allow]]\nfrom = \"rest\"\nto = \"b/db\"\nwhy = \"it stores\"\n",
    );
    project.write(
        "intents/b.toml",
        "app = \"b\"\n[tiers]\ndb = { namespace = \"data\", pods = { app = \"db\" }, ports = [5432], dns = false }\n",
    );
    project.write(
        "netpolc.toml",
        "[cluster]\nscrapers = { namespace = \"monitoring\", pods = { app = \"prometheus\" } }\n\
         [cluster.guards]\nmetadata-deny = true\n[approximate]\nkubernetes = [\"guards-omitted\"]\n",
    );
    project
}

/// Each line of each template left out, written twice, or with its value replaced: whatever comes out, the outline never
/// proves what the whole refuses, and what both prove is the same.
#[test]
fn what_is_refused_as_a_whole_is_never_proved_in_parts() {
    let project = small();
    let (loaded, models) = load(project.dir());
    let model = models.first().unwrap();
    let (mut proved, mut refused) = (0, 0);
    for dialect in REGISTRY {
        let (part, whole) = both(&loaded, model, *dialect);
        assert!(part.is_some() && part == whole, "{}", dialect.name());
        for (name, text) in dialect.templates() {
            for (what, changed) in changes(text) {
                let path = format!("templates/{}/{name}", dialect.name());
                project.write(&path, changed);
                let mut diags = Diagnostics::default();
                let root = find_root(&[], &loaded.root.dir).unwrap();
                let other = Loaded::load(root, &mut diags).unwrap();
                let (part, whole) = both(&other, model, *dialect);
                assert!(part.is_none() || part == whole, "{path}: {what}");
                if part.is_some() {
                    proved += 1
                } else {
                    refused += 1
                }
                std::fs::remove_file(project.dir().join(&path)).unwrap();
            }
        }
    }
    assert!(proved > 20 && refused > 200, "{proved} proved, {refused} refused");
}

fn changes(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let with = |at: usize, new: &[&str]| {
        let (before, after) = lines.split_at(at);
        [before, new, after.get(1..).unwrap_or_default()].concat().join("\n") + "\n"
    };
    let mut out = vec![];
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.starts_with("{#")) {
        let number = at + 1;
        out.push((format!("line {number} left out"), with(at, &[])));
        out.push((format!("line {number} twice"), with(at, &[line, line])));
        let value = line.split_once("{{ ").filter(|_| !line.contains("annotations"));
        if let Some((before, after)) = value {
            let after = after.split_once("}}").map_or("", |(_, after)| after);
            for constant in ["front", "data", "all()"] {
                out.push((
                    format!("line {number} says {constant}"),
                    with(at, &[&format!("{before}{constant}{after}")]),
                ));
            }
        }
    }
    out
}
