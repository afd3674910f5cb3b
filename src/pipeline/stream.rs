//! One model in some dialects, namespace by namespace: what is kept of each text is its hash.
//!
//! In: the same as for [`compile`](super::compile). Out: an [`Outline`] a dialect, or nothing. Nearly always all is well, and then
//! neither texts nor policies are needed all at once: each namespace is lowered, rendered, read back and proved by itself
//! beside the few objects that all share, and dropped. Wherever something is not as it should be, or could be otherwise than
//! it looks from one namespace, the answer is `None`: then all of it is compiled at once, and the reason is told from there.
//!
//! What is written or shown later is rendered again, and must have the hash of what was proved ([`Again`](super::Again)).

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::Project;
use super::again::{Marks, marks};
use super::compile::{Proved, permits};
use crate::dialects::writing::layout;
use crate::dialects::{self, Approximated, Dialect, Document, Reviewed, Writer};
use crate::lower::{self, Lowering, NamespacePolicies};
use crate::model::{Model, Sym};
use crate::output::{Digest, header};
use crate::render::Renderer;
use crate::source::{FileId, Sources};
use crate::verify::{self, Part, Permitted, Prover, normal};

/// What one dialect says of one cluster, proved, of which the texts were not kept.
pub struct Outline {
    /// What was proved.
    pub proved: Proved,
    /// The texts by their path below `out/`.
    pub hashes: BTreeMap<Utf8PathBuf, Digest>,
    /// Paths of those of no namespace, without the lists of files.
    pub(super) shared: BTreeSet<Utf8PathBuf>,
    /// The namespaces that the policies of each one name, in the order of the model.
    pub(super) named: Vec<Marks>,
    pub(super) renderer: Renderer,
    pub(super) dialect: &'static dyn Dialect,
}

/// Proves a model in some dialects namespace by namespace: each is lowered once, for all of them. `lowering`: of that model.
/// `sources` gets the texts of templates, and nothing that is rendered.
pub fn outlines(
    project: &Project,
    sources: &mut Sources,
    model: &Model,
    lowering: &Lowering<'_>,
    dialects: &[&'static dyn Dialect],
    reviewed: &Reviewed,
) -> Option<Vec<Outline>> {
    if !reviewed.errors.is_empty() {
        return None;
    }
    let chosen = dialects.iter().map(|dialect| Chosen::of(project, sources, model, *dialect, reviewed));
    let chosen: Vec<Chosen> = chosen.collect::<Option<_>>()?;
    let lowered = lowering.shared();
    let start = |chosen| Dialected::start(chosen, &project.out, model, &lowered, sources);
    let all: Vec<Dialected<'_>> = chosen.iter().map(start).collect::<Option<_>>()?;
    let units = |name: &&Sym| {
        let policies = lowering.namespace(name);
        all.iter().map(|dialected| dialected.unit(&policies)).collect::<Option<Vec<Unit>>>()
    };
    let names: Vec<&Sym> = model.namespaces.keys().collect();
    let done: Vec<Vec<Unit>> = names.par_iter().map(units).collect::<Option<_>>()?;

    let mut of_dialects: Vec<Vec<Unit>> = all.iter().map(|_| Vec::with_capacity(done.len())).collect();
    for units in done {
        of_dialects.iter_mut().zip(units).for_each(|(all, unit)| all.push(unit));
    }
    let finished: Vec<Finished> =
        all.par_iter().zip(of_dialects).map(|(dialected, units)| dialected.finish(units)).collect::<Option<_>>()?;
    drop(all);
    let outline = |(chosen, finished): (Chosen, Finished)| {
        let Chosen { dialect, renderer, folder, approximations, .. } = chosen;
        let Finished { flows, hashes, shared, named } = finished;
        let proved = Proved { dialect: dialect.name(), cluster: model.cluster.clone(), folder, flows, approximations };
        Outline { proved, hashes, shared, named, renderer, dialect }
    };
    Some(chosen.into_iter().zip(finished).map(outline).collect())
}

/// What is known of a dialect before a policy is written.
struct Chosen {
    dialect: &'static dyn Dialect,
    renderer: Renderer,
    folder: Utf8PathBuf,
    approximations: Vec<Approximated>,
    permitted: Permitted,
}

impl Chosen {
    fn of(
        project: &Project,
        sources: &mut Sources,
        model: &Model,
        dialect: &'static dyn Dialect,
        reviewed: &Reviewed,
    ) -> Option<Self> {
        let approximations = reviewed.approximations.get(dialect.name()).cloned().unwrap_or_default();
        let permitted = permits(&approximations);
        let renderer = Renderer::new(dialect, &project.templates, sources).ok()?;
        let folder = Project::folder(model.cluster.as_deref(), dialect);
        Some(Self { dialect, renderer, folder, approximations, permitted })
    }
}

/// A dialect while namespaces are written in it: what all of them share is written, and read back.
struct Dialected<'a> {
    at: Place<'a>,
    dialect: &'static dyn Dialect,
    writer: Box<dyn Writer + 'a>,
    /// Texts of no namespace.
    shared: Vec<(Utf8PathBuf, Digest)>,
    beside: Box<dyn dialects::Shared>,
    prover: Prover<'a>,
}

/// What is known when all namespaces were proved.
struct Finished {
    flows: usize,
    hashes: BTreeMap<Utf8PathBuf, Digest>,
    shared: BTreeSet<Utf8PathBuf>,
    named: Vec<Marks>,
}

/// What is kept of a namespace.
struct Unit {
    hashes: Vec<(Utf8PathBuf, Digest)>,
    part: Part,
    named: Marks,
}

impl<'a> Dialected<'a> {
    fn start(
        chosen: &'a Chosen,
        out: &'a Utf8Path,
        model: &'a Model,
        lowered: &'a lower::Shared,
        sources: &'a Sources,
    ) -> Option<Self> {
        let Chosen { dialect, renderer, folder, permitted, .. } = chosen;
        let at = Place { out, folder, renderer, sources };
        let writer = dialect.writer(model, lowered);
        let mut errors = vec![];
        let of_cluster = writer.cluster(&mut errors);
        if !errors.is_empty() {
            return None;
        }
        let shared = at.texts(&of_cluster)?;
        let beside = dialect.shared(&shared.sources, &shared.ids)?;
        let of_cluster: Vec<normal::Policy> =
            beside.files().iter().flat_map(|file| file.policies.iter().cloned()).collect();
        let prover = Prover::new(model, dialect.capabilities(), permitted, &of_cluster).ok()?;
        Some(Self { at, dialect: *dialect, writer, shared: shared.hashes, beside, prover })
    }

    fn unit(&self, lowered: &NamespacePolicies) -> Option<Unit> {
        let mut errors = vec![];
        let documents = self.writer.namespace(lowered, &mut errors);
        if !errors.is_empty() {
            return None;
        }
        let texts = self.at.texts(&documents)?;
        let files = self.beside.read_alike(&texts.sources, &texts.ids)?;
        if files.iter().any(|file| file.shared || file.base.is_some()) {
            return None;
        }
        let policies: Vec<normal::Policy> = files.into_iter().flat_map(|file| file.policies).collect();
        let part = self.prover.namespace(&lowered.namespace, &policies).ok()?;
        Some(Unit { hashes: texts.hashes, part, named: marks(&policies) })
    }

    fn finish(&self, units: Vec<Unit>) -> Option<Finished> {
        let Self { at, beside, .. } = self;
        let mut hashes: BTreeMap<Utf8PathBuf, Digest> = self.shared.iter().cloned().collect();
        let shared = hashes.keys().cloned().collect();
        let expected = hashes.len() + units.iter().map(|unit| unit.hashes.len()).sum::<usize>();
        let (mut parts, mut named) = (vec![], Vec::with_capacity(units.len()));
        for unit in units {
            hashes.extend(unit.hashes);
            parts.push(unit.part);
            named.push(unit.named);
        }
        let lists = lists(&hashes, at.folder, self.dialect);
        let listing = at.texts(&lists)?;
        let read = self.dialect.read(&listing.sources, &listing.ids).ok()?;
        let expected = expected + listing.hashes.len();
        let plain = normal::File::default();
        let mut placed: BTreeMap<Utf8PathBuf, &normal::File> =
            hashes.keys().map(|path| (path.clone(), &plain)).collect();
        placed.extend(listing.hashes.iter().map(|(path, _)| path.clone()).zip(&read));
        if read.iter().any(|file| !file.policies.is_empty() || file.base.is_none())
            || beside.files().iter().any(|file| file.base.is_some())
            || !verify::strays(at.folder, &placed).is_empty()
        {
            return None;
        }
        drop(placed);
        hashes.extend(listing.hashes);
        if hashes.len() != expected || !beside.is_whole() {
            return None;
        }
        let flows = self.prover.finish(parts).ok()?.flows;
        Some(Finished { flows, hashes, shared, named })
    }
}

pub(super) fn lists(hashes: &BTreeMap<Utf8PathBuf, Digest>, folder: &Utf8Path, dialect: &dyn Dialect) -> Vec<Document> {
    let listed = hashes.keys().filter(|path| path.file_name() != Some(layout::LIST));
    layout::lists(listed.filter_map(|path| path.strip_prefix(folder).ok()), dialect.list())
}

/// Where texts go, and what makes them.
struct Place<'a> {
    out: &'a Utf8Path,
    folder: &'a Utf8Path,
    renderer: &'a Renderer,
    sources: &'a Sources,
}

/// Texts of some documents, for as long as they are read.
struct Rendered {
    sources: Sources,
    ids: Vec<FileId>,
    hashes: Vec<(Utf8PathBuf, Digest)>,
}

impl Place<'_> {
    fn texts(&self, documents: &[Document]) -> Option<Rendered> {
        let mut texts = Rendered { sources: Sources::default(), ids: vec![], hashes: vec![] };
        for document in documents {
            let path = self.folder.join(&document.path);
            let mut text = header(&document.sources);
            self.renderer.render_into(self.sources, document, &mut text).ok()?;
            texts.hashes.push((path, Digest::of(text.as_bytes())));
            texts.ids.push(texts.sources.add(self.out.join(self.folder).join(&document.path), text));
        }
        Some(texts)
    }
}
