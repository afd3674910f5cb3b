//! Every stage of a build, on generated meshes.
//!
//! `cargo bench` measures; `cargo test --bench stages -- --test` runs each stage once on a small mesh, to show that it still
//! works. Two sizes, so that growth shows: what costs services squared takes 44 times as long on the second one.
//! Each stage is given what the one before made; nothing of that is measured.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot prepare its input has nothing to measure")]

#[allow(dead_code, unused_imports, reason = "its tests run in `tests/mesh.rs`; a benchmark has no test harness")]
#[path = "mesh/mod.rs"]
mod mesh;

use std::fmt;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use jiff::civil::{Date, date};
use netpolc::checks::{Context, Outcome, Settings};
use netpolc::diag::{Diagnostics, Level};
use netpolc::dialects::{Dialect, Document, REGISTRY, Reviewed, review};
use netpolc::intent::{self, IntentFile, Parsed};
use netpolc::lower::lower;
use netpolc::model::Model;
use netpolc::output::{self, Disk, Plan, Scope, Tree};
use netpolc::pipeline::{Project, compile};
use netpolc::render::Renderer;
use netpolc::source::{FileId, Sources, find_root};
use netpolc::verify::normal::{File, Policy};
use netpolc::verify::{self, Permitted};
use rayon::prelude::*;
use tempfile::TempDir;

/// The day of all checks: a clock would make runs differ.
const TODAY: Date = date(2026, 11, 20);
const SEED: u64 = 1;

fn main() {
    divan::main();
}

/// How large a mesh is.
#[derive(Clone, Copy)]
enum Size {
    /// Shows that a stage works, and measures nothing.
    Hundred,
    Thousands,
    TenThousand,
}

impl Size {
    fn services_and_edges(self) -> (usize, usize) {
        match self {
            Self::Hundred => (100, 600),
            Self::Thousands => (1_500, 9_300),
            Self::TenThousand => (10_000, 60_000),
        }
    }

    /// What was prepared for all stages, made at the first request.
    fn prepared(self) -> &'static Prepared {
        static PREPARED: [OnceLock<Prepared>; 3] = [const { OnceLock::new() }; 3];
        let [tiny, small, large] = &PREPARED;
        let cell = match self {
            Self::Hundred => tiny,
            Self::Thousands => small,
            Self::TenThousand => large,
        };
        cell.get_or_init(|| Prepared::new(self))
    }

    fn items(self) -> ItemsCount {
        ItemsCount::new(self.services_and_edges().0)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (services, edges) = self.services_and_edges();
        write!(f, "{services} services, {edges} edges")
    }
}

/// The sizes of this run.
fn sizes() -> Vec<Size> {
    match std::env::args().any(|argument| argument == "--test") {
        true => vec![Size::Hundred],
        false => vec![Size::Thousands, Size::TenThousand],
    }
}

/// What each stage is given.
struct Prepared {
    folder: TempDir,
    project: Project,
    intents: Vec<FileId>,
    model: Model,
    documents: Vec<Document>,
    renderer: Renderer,
    /// The texts of the project, and the rendered ones.
    sources: Sources,
    rendered: Vec<FileId>,
    bytes: usize,
    policies: Vec<Policy>,
    tree: Tree,
}

impl Prepared {
    fn new(size: Size) -> Self {
        let (services, edges) = size.services_and_edges();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("intents")).unwrap();
        for (name, text) in mesh::mesh(services, edges, SEED) {
            std::fs::write(folder.path().join("intents").join(name), text).unwrap();
        }
        let (project, model) = load(folder.path());
        let mut sources = project.sources.clone();
        let intents = project.intents.iter().map(|intent| intent.file).collect();
        let documents = dialect().documents(&model, &lower(&model)).unwrap();
        let renderer = Renderer::new(dialect(), &project.templates, &mut sources).unwrap();
        let texts = renderer.render(&sources, &documents).unwrap();
        let bytes = texts.iter().map(|rendered| rendered.text.len()).sum();
        let rendered: Vec<FileId> =
            texts.into_iter().map(|rendered| sources.add(rendered.path, rendered.text)).collect();
        let policies = read_back(&sources, &rendered);
        let done =
            compile(&project, &mut sources.clone(), &model, &lower(&model), dialect(), &Reviewed::default()).unwrap();
        let disk = inspect(&project.out_dir());
        output::plan(&disk, &done.files, &mut Sources::default(), false).apply().unwrap();
        Self {
            folder,
            project,
            intents,
            model,
            documents,
            renderer,
            sources,
            rendered,
            bytes,
            policies,
            tree: done.files,
        }
    }

    fn plan_into(&self, out: &Utf8Path) -> Plan {
        output::plan(&inspect(out), &self.tree, &mut Sources::default(), false)
    }
}

fn dialect() -> &'static dyn Dialect {
    *REGISTRY.first().unwrap()
}

/// What the rules find.
fn check(model: &Model) -> Vec<Outcome> {
    netpolc::checks::run(&[Context::new(model, TODAY)], &Settings::new(Level::Error))
}

/// Reads a project and resolves it; a mesh has no errors.
fn load(folder: &std::path::Path) -> (Project, Model) {
    let folder = Utf8PathBuf::from_path_buf(folder.to_owned()).unwrap();
    let mut diags = Diagnostics::default();
    let project = Project::load(find_root(&[], &folder).unwrap(), &mut diags).unwrap();
    let model = project.models(None, &mut diags).pop().unwrap();
    assert!(!diags.has_errors());
    (project, model)
}

fn parse(sources: &Sources, files: &[FileId]) -> Vec<Parsed<IntentFile>> {
    files.par_iter().map(|file| intent::parse(sources, *file, &mut Diagnostics::default())).collect()
}

/// As a build does: the lists of files first, then namespace by namespace.
fn read_back(sources: &Sources, files: &[FileId]) -> Vec<Policy> {
    let is_list = |file: &FileId| sources.path(*file).file_name() == Some("kustomization.yaml");
    let (lists, files): (Vec<FileId>, Vec<FileId>) = files.iter().partition(|file| is_list(file));
    let beside = dialect().shared(sources, &lists).unwrap();
    let read: Vec<Vec<File>> = files.par_iter().map(|file| beside.read_alike(sources, &[*file]).unwrap()).collect();
    read.into_iter().flatten().flat_map(|file| file.policies).collect()
}

fn inspect(out: &Utf8Path) -> Disk {
    output::inspect(out, "out".into(), Scope::everything()).unwrap()
}

mod stages {
    use super::*;

    #[divan::bench(args = sizes(), sample_count = 10, sample_size = 1, max_time = 20)]
    fn s01_parse(bencher: Bencher<'_, '_>, size: Size) {
        let prepared = size.prepared();
        bencher.counter(size.items()).bench(|| parse(&prepared.project.sources, black_box(&prepared.intents)));
    }

    #[divan::bench(args = sizes(), sample_count = 10, sample_size = 1, max_time = 20)]
    fn s02_model(bencher: Bencher<'_, '_>, size: Size) {
        let prepared = size.prepared();
        bencher.counter(size.items()).bench(|| black_box(&prepared.project).models(None, &mut Diagnostics::default()));
    }

    #[divan::bench(args = sizes(), sample_count = 10, sample_size = 1, max_time = 20)]
    fn s03_checks(bencher: Bencher<'_, '_>, size: Size) {
        let prepared = size.prepared();
        let run = || check(black_box(&prepared.model));
        bencher.counter(size.items()).bench(run);
    }

    #[divan::bench(args = sizes(), sample_count = 10, sample_size = 1, max_time = 20)]
    fn s04_lower(bencher: Bencher<'_, '_>, size: Size) {
        let prepared = size.prepared();
        let run = || dialect().documents(&prepared.model, &lower(black_box(&prepared.model))).unwrap();
        bencher.counter(size.items()).bench(run);
    }

    #[divan::bench(args = sizes(), sample_count = 10, sample_size = 1, max_time = 20)]
    fn s05_render(bencher: Bencher<'_, '_>, size: Size) {
        let prepared = size.prepared();
        let run = || prepared.renderer.render(&prepared.sources, black_box(&prepared.documents)).unwrap();
        bencher.counter(BytesCount::new(prepared.bytes)).bench(run);
    }

    #[divan::bench(args = sizes(), sample_count = 10, sample_size = 1, max_time = 20)]
    fn s06_read_back(bencher: Bencher<'_, '_>, size: Size) {
        let prepared = size.prepared();
        let run = || read_back(&prepared.sources, black_box(&prepared.rendered));
        bencher.counter(BytesCount::new(prepared.bytes)).bench(run);
    }

    #[divan::bench(args = sizes(), sample_count = 10, sample_size = 1, max_time = 20)]
    fn s07_prove(bencher: Bencher<'_, '_>, size: Size) {
        let prepared = size.prepared();
        let run = || {
            verify::prove(
                &prepared.model,
                dialect().capabilities(),
                &Permitted::default(),
                black_box(&prepared.policies),
            )
            .unwrap()
        };
        bencher.counter(size.items()).bench(run);
    }

    /// Reads `out/`, as the last build left it, and compares.
    #[divan::bench(args = sizes(), sample_count = 10, sample_size = 1, max_time = 20)]
    fn s08_plan(bencher: Bencher<'_, '_>, size: Size) {
        let prepared = size.prepared();
        bencher.counter(BytesCount::new(prepared.bytes)).bench(|| {
            let plan = prepared.plan_into(&prepared.project.out_dir());
            assert!(plan.is_clean());
            plan
        });
    }

    /// Writes everything into an empty folder.
    #[divan::bench(args = sizes(), sample_count = 10, sample_size = 1, max_time = 20)]
    fn s09_write(bencher: Bencher<'_, '_>, size: Size) {
        let prepared = size.prepared();
        bencher
            .counter(BytesCount::new(prepared.bytes))
            .with_inputs(|| {
                let empty = tempfile::tempdir().unwrap();
                let out = Utf8PathBuf::from_path_buf(empty.path().join("out")).unwrap();
                (empty, prepared.plan_into(&out))
            })
            // The folder is given back, so that its removal is not measured.
            .bench_values(|(empty, plan)| {
                plan.apply().unwrap();
                empty
            });
    }
}

/// A whole build when nothing changed: everything is read, proved and compared, and nothing is written.
#[divan::bench(args = sizes(), sample_count = 5, sample_size = 1, max_time = 60)]
fn rebuild_without_change(bencher: Bencher<'_, '_>, size: Size) {
    let prepared = size.prepared();
    bencher.counter(size.items()).bench(|| {
        let (mut project, model) = load(prepared.folder.path());
        let findings = check(&model);
        let mut sources = std::mem::take(&mut project.sources);
        let done = compile(&project, &mut sources, &model, &lower(&model), dialect(), &Reviewed::default()).unwrap();
        let plan = output::plan(&inspect(&project.out_dir()), &done.files, &mut sources, false);
        assert!(plan.is_clean());
        (findings, done, plan)
    });
}

/// The dialects of a build: each alone, then all of them.
#[derive(Clone, Copy)]
struct Choice {
    size: Size,
    only: Option<&'static dyn Dialect>,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.only.map_or("all", |dialect| dialect.name()), self.size)
    }
}

fn choices() -> Vec<Choice> {
    let each = || REGISTRY.iter().copied().map(Some).chain([None]);
    sizes().into_iter().flat_map(|size| each().map(move |only| Choice { size, only })).collect()
}

/// A build up to the proof, from reading the intents on: what all dialects together cost beside one.
#[divan::bench(args = choices(), sample_count = 3, sample_size = 1, max_time = 120)]
fn build_and_prove(bencher: Bencher<'_, '_>, choice: Choice) {
    let prepared = choice.size.prepared();
    let dialects: Vec<&'static dyn Dialect> = choice.only.map_or_else(|| REGISTRY.to_vec(), |dialect| vec![dialect]);
    bencher.counter(choice.size.items()).bench(|| {
        let (mut project, model) = load(prepared.folder.path());
        let findings = check(&model);
        let mut sources = std::mem::take(&mut project.sources);
        let (reviewed, policies) = (review(&model, &dialects), lower(&model));
        let done: Vec<_> = dialects
            .iter()
            .map(|dialect| compile(&project, &mut sources, &model, &policies, *dialect, &reviewed).unwrap())
            .collect();
        (findings, done, sources)
    });
}
