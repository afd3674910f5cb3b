//! The generated meshes of the benchmarks: the generator's own tests, and one mesh through the whole compiler.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../benches/mesh/mod.rs"]
pub mod generator;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use camino::Utf8Path;
use netpolc::diag::Diagnostics;
use netpolc::dialects::REGISTRY;
use netpolc::lower::lower;
use netpolc::render::Renderer;
use netpolc::source::find_root;

use crate::support::{Project, netpolc, repo, tree};

/// Every file below a folder, with the time of its last change.
fn times(dir: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let time = |path: &PathBuf| dir.join(path).metadata().unwrap().modified().unwrap();
    tree(dir).into_keys().map(|path| (path.clone(), time(&path))).collect()
}

#[test]
fn a_mesh_builds_is_proved_and_builds_again_without_a_write() {
    let project = Project::new();
    let files = generator::mesh(300, 1_800, 1);
    let count = files.len();
    for (name, text) in files {
        project.write(&format!("intents/{name}"), text);
    }
    // A mesh has metrics, and a project that says who scrapes them. A caller without DNS makes one flow, and no second.
    let scrapers = "scrapers = { namespace = \"monitoring\", pods = { app = \"prometheus\" } }";
    project.write("netpolc.toml", format!("[cluster]\n{scrapers}\n[lints]\nNP310 = \"allow\"\n"));
    let out = project.dir().join("out");
    let first = netpolc(project.dir(), &["build"]);
    assert_eq!((first.code, first.stderr.as_str()), (0, ""), "no finding, no progress in a pipe");
    assert!(first.stdout.contains("verified: calico, cilium, kubernetes allow exactly the "), "{}", first.stdout);
    assert!(first.stdout.contains(&format!("built {count} intents into out/: ")), "{}", first.stdout);
    let before = times(&out);
    // In each dialect a default deny and a file of allows for each app's namespace, and three kustomizations.
    for dialect in ["kubernetes", "calico", "cilium"] {
        let own = before.keys().filter(|path| path.starts_with(dialect));
        let sets = own.clone().filter(|path| path.starts_with(format!("{dialect}/allow/externals"))).count();
        assert_eq!(own.count() - sets, 2 * count + 3, "{dialect}");
    }

    let second = netpolc(project.dir(), &["build"]);
    assert_eq!((second.code, second.stderr.as_str()), (0, ""));
    assert!(second.stdout.contains(&format!("{} unchanged\n", before.len() - 1)), "{}", second.stdout);
    assert!(times(&out) == before, "a build without a change wrote a file");

    let check = netpolc(project.dir(), &["build", "--check"]);
    assert_eq!((check.code, check.stderr.as_str()), (0, ""), "{}", check.stdout);

    // Only what changed is read again, and yet nothing that stayed is taken for new.
    let extra = r#"app = "extra"
[tiers]
job = { namespace = "extra", pods = { app = "job" }, dns = false }
[[allow]]
from = "job"
to   = "app-00000/svc-000000"
why  = "one flow more"
"#;
    project.write("intents/extra.toml", extra);
    let more = netpolc(project.dir(), &["diff"]);
    assert_eq!((more.code, more.stderr.as_str()), (1, ""));
    assert!(more.stdout.contains("\n1 flow opened:\n"), "{}", more.stdout);
    assert!(!more.stdout.contains(" closed:\n") && !more.stdout.contains(" widened:\n"), "{}", more.stdout);
}

/// Renders all documents of a project as a build does, and as the engine does. How many there are.
fn rendered_alike(folder: &Path) -> usize {
    let mut diags = Diagnostics::default();
    let root = find_root(&[], Utf8Path::from_path(folder).unwrap()).unwrap();
    let project = netpolc::pipeline::Project::load(root, &mut diags).unwrap();
    let mut sources = project.sources.clone();
    let mut count = 0;
    for model in project.models(None, &mut diags) {
        let policies = lower(&model);
        for dialect in REGISTRY {
            let renderer = Renderer::new(*dialect, &project.templates, &mut sources).unwrap();
            // What a dialect cannot say is told elsewhere.
            for document in dialect.documents(&model, &policies).unwrap_or_default() {
                let mut text = "header\n".to_owned();
                renderer.render_into(&sources, &document, &mut text).unwrap();
                let engine = renderer.interpret(&sources, &document).unwrap();
                assert!(text.strip_prefix("header\n") == Some(&engine), "{}", document.path);
                count += 1;
            }
        }
    }
    count
}

/// Built-in templates are not interpreted for each document. That must not show.
#[test]
fn documents_are_rendered_as_the_engine_renders_them() {
    assert!(rendered_alike(repo()) > 30);
    let project = Project::new();
    for (name, text) in generator::mesh(300, 1_800, 1) {
        project.write(&format!("intents/{name}"), text);
    }
    let scrapers = "scrapers = { namespace = \"monitoring\", pods = { app = \"prometheus\" } }";
    project.write("netpolc.toml", format!("[cluster]\n{scrapers}\n"));
    assert!(rendered_alike(project.dir()) > 300);
}

/// A first build of very much is counted, and nothing of it is kept in memory; what it writes is what a build writes that shows
/// everything.
#[test]
fn what_is_new_and_too_much_to_read_is_counted_and_written_alike() {
    let project = |count: usize| {
        let project = Project::new();
        for (name, text) in generator::mesh(count, count / 2, 3) {
            project.write(&format!("intents/{name}"), text);
        }
        let scrapers = "scrapers = { namespace = \"monitoring\", pods = { app = \"prometheus\" } }";
        project.write("netpolc.toml", format!("[cluster]\n{scrapers}\n[lints]\nNP310 = \"allow\"\n"));
        project
    };
    let (counted, shown) = (project(1_100), project(1_100));
    let first = netpolc(counted.dir(), &["build"]);
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));
    let files = tree(&counted.dir().join("out")).len() - 1;
    assert!(files > 1_000, "{files}");
    let begins =
        format!("{files} new files, too many to show; before a build, `netpolc diff` shows all of it\n\nbuilt ");
    assert!(first.stdout.starts_with(&begins), "{}", first.stdout);
    assert!(first.stdout.contains("verified: calico, cilium, kubernetes allow exactly the "), "{}", first.stdout);
    // Whoever asks about one intent is shown what it opens, so all texts are kept.
    let other = netpolc(shown.dir(), &["build", "intents/app-00000.toml"]);
    assert_eq!((other.code, other.stderr.as_str()), (0, ""));
    assert!(!other.stdout.contains("too many to show"), "{}", other.stdout);
    assert!(tree(&counted.dir().join("out")) == tree(&shown.dir().join("out")), "both ways write the same");
}
