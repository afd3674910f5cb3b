//! What a folder holds is proved namespace by namespace only if all of it together is proved, too.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};
use netpolc::diag::Diagnostics;
use netpolc::dialects::{Dialect, REGISTRY};
use netpolc::model::Model;
use netpolc::pipeline::{Project as Loaded, kept, permitted};
use netpolc::source::{Sources, find_root, load_manifests};
use netpolc::verify;

use crate::mesh::generator::mesh;
use crate::plain::damage;
use crate::support::chance::Chance;
use crate::support::{Project, netpolc, repo, tree};

/// An app that everybody and nobody may call: with externals, host names and a guard there is something of everything.
const SPECIAL: &str = "app = \"special\"\n\
     [tiers]\na = { namespace = \"one\", pods = { app = \"a\" }, ports = [80] }\n\
     b = { namespace = \"kustomization\", pods = { app = \"b\" }, ports = [81] }\n\
     [external]\npartner = { cidrs = [\"203.0.113.0/24\"], ports = [443] }\n\
     [[allow]]\nfrom = \"a\"\nto = \"partner\"\nwhy = \"it pays\"\n\
     [[allow]]\nfrom = \"anywhere\"\nto = \"b\"\nports = [81]\nwhy = \"all ask\"\n";

fn models(dir: &Path) -> Vec<Model> {
    let dir = Utf8PathBuf::from_path_buf(dir.to_owned()).unwrap();
    let mut diags = Diagnostics::default();
    let loaded = Loaded::load(find_root(&[], &dir).unwrap(), &mut diags).unwrap();
    let models = loaded.models(None, &mut diags);
    assert!(!diags.has_errors());
    models
}

/// How many flows all files together allow, if that is what the model says.
fn together(model: &Model, dialect: &'static dyn Dialect, dir: &Utf8Path) -> Option<usize> {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::default());
    let files = load_manifests(&[dir.to_owned()], &mut std::io::empty(), &mut sources, &mut diags).ok()?;
    if diags.has_errors() {
        return None;
    }
    let read = dialect.read(&sources, &files).ok()?;
    let inside = Utf8Path::new(dialect.name());
    let below = |path: &Utf8Path| inside.join(path.strip_prefix(dir).unwrap());
    let placed = files.iter().map(|file| below(sources.path(*file))).zip(&read).collect();
    if !verify::strays(inside, &placed).is_empty() {
        return None;
    }
    let policies: Vec<_> = read.into_iter().flat_map(|file| file.policies).collect();
    Some(verify::prove(model, dialect.capabilities(), &permitted(model, dialect), &policies).ok()?.flows)
}

fn project() -> Project {
    let project = Project::new();
    for (name, text) in mesh(10, 25, 3) {
        project.write(&format!("intents/{name}"), text);
    }
    project.write("intents/special.toml", SPECIAL);
    project.write(
        "netpolc.toml",
        "[cluster.guards]\nmetadata-deny = true\n[approximate]\nkubernetes = [\"guards-omitted\"]\n[lints]\nNP310 = \"allow\"\n",
    );
    let run = netpolc(project.dir(), &["build", "--today", "2026-01-01"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    project
}

fn folder(dir: &Path, dialect: &dyn Dialect) -> Utf8PathBuf {
    Utf8PathBuf::from_path_buf(dir.join("out").join(dialect.name())).unwrap()
}

#[test]
fn what_was_built_is_proved_namespace_by_namespace() {
    let project = project();
    for (dir, count) in [(project.dir(), 30), (repo(), 60)] {
        let models = models(dir);
        for dialect in REGISTRY {
            let folder = folder(dir, *dialect);
            let flows = kept(&models[0], *dialect, &folder);
            assert!(flows.is_some_and(|flows| flows > count), "{folder}: {flows:?}");
            assert_eq!(flows, together(&models[0], *dialect, &folder), "{folder}");
        }
    }
}

/// By hand many more: `NETPOLC_TEST_KEPT=20000 cargo test --test it kept::`.
#[test]
fn what_was_damaged_is_proved_only_if_all_of_it_together_is() {
    let wanted = std::env::var("NETPOLC_TEST_KEPT").ok().map_or(120, |count| count.parse().unwrap());
    let project = project();
    let model = &models(project.dir())[0];
    let mut chance = Chance::new(29);
    let mut proved = 0;
    for dialect in REGISTRY {
        let folder = folder(project.dir(), *dialect);
        let whole = tree(folder.as_std_path());
        for _ in 0..wanted {
            let what = break_it(folder.as_std_path(), &mut chance);
            let (parts, together) = (kept(model, *dialect, &folder), together(model, *dialect, &folder));
            assert!(parts.is_none() || parts == together, "{folder}, {what}: {parts:?} {together:?}");
            proved += usize::from(parts.is_some());
            fs::remove_dir_all(&folder).unwrap();
            for (path, bytes) in &whole {
                fs::create_dir_all(folder.as_std_path().join(path).parent().unwrap()).unwrap();
                fs::write(folder.as_std_path().join(path), bytes).unwrap();
            }
        }
    }
    // Some damages do none, as a comment.
    assert!(proved > 0);
}

/// Damages a folder; says how.
fn break_it(folder: &Path, chance: &mut Chance) -> String {
    let files: Vec<PathBuf> = tree(folder).into_keys().collect();
    let of_policies = |path: &&PathBuf| path.file_name().unwrap() != "kustomization.yaml";
    let manifests: Vec<&PathBuf> = files.iter().filter(of_policies).collect();
    let one = manifests[chance.below(manifests.len())];
    let other = manifests[chance.below(manifests.len())];
    let any = &files[chance.below(files.len())];
    let read = |path: &Path| fs::read_to_string(folder.join(path)).unwrap();
    let write = |path: &Path, text: &str| fs::write(folder.join(path), text).unwrap();
    let documents = |path: &Path| -> Vec<String> { read(path).split("---\n").map(str::to_owned).collect() };
    match chance.below(16) {
        0 => {
            let (a, b) = (read(one), read(other));
            write(one, &b);
            write(other, &a);
        }
        1 => {
            let (mut from, mut to) = (documents(one), documents(other));
            let at = chance.below(from.len());
            to.push(from.remove(at));
            write(one, &from.join("---\n"));
            write(other, &to.join("---\n"));
        }
        2 => {
            let mut documents = documents(one);
            documents.remove(chance.below(documents.len()));
            write(one, &documents.join("---\n"));
        }
        3 => {
            let mut documents = documents(one);
            documents.push(documents[chance.below(documents.len())].clone());
            write(one, &documents.join("---\n"));
        }
        4 => fs::remove_file(folder.join(any)).unwrap(),
        5 => fs::rename(folder.join(one), folder.join(one).with_extension("yml")).unwrap(),
        6 => fs::rename(folder.join(one), folder.join(one.file_name().unwrap())).unwrap(),
        7 => write(Path::new("allow/extra.yaml"), &read(one)),
        8 => write(Path::new("README.md"), "to be read"),
        9 => write(Path::new("allow/.hidden.yaml"), &read(one)),
        10 => write(Path::new("allow/empty.yaml"), "# nothing\n"),
        11 => {
            let text = read(one);
            let names: Vec<&str> = text.lines().filter(|line| line.starts_with("  name: ")).collect();
            let (from, to) = (names[chance.below(names.len())], names[chance.below(names.len())]);
            write(one, &text.replacen(&format!("{from}\n"), &format!("{to}\n"), 1));
        }
        12 => write(one, &format!("# a comment\n{}", read(one))),
        13 => write(one, &read(one).replace('\n', "\r\n")),
        _ => {
            let mut text = read(any);
            damage(&mut text, chance);
            write(any, &(text + "\n"));
        }
    }
    format!("{} {} {}", one.display(), other.display(), any.display())
}
