//! One model in one dialect, namespace by namespace: what is kept of each text is its hash.
//!
//! In: the same as for [`compile`](super::compile). Out: an [`Outline`], or nothing. Nearly always all is well, and then
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
use crate::dialects::{self, Dialect, Document, Reviewed, Writer};
use crate::lower::Lowering;
use crate::model::{Model, Sym};
use crate::output::{Digest, header};
use crate::render::Renderer;
use crate::source::{FileId, Sources};
use crate::verify::{self, Part, Prover, normal};

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

/// Proves a model in a dialect namespace by namespace. `lowering`: of that model. `sources` gets the texts of templates, and nothing that is rendered.
pub fn outline(
    project: &Project,
    sources: &mut Sources,
    model: &Model,
    lowering: &Lowering<'_>,
    dialect: &'static dyn Dialect,
    reviewed: &Reviewed,
) -> Option<Outline> {
    if !reviewed.errors.is_empty() {
        return None;
    }
    let approximations = reviewed.approximations.get(dialect.name()).cloned().unwrap_or_default();
    let permitted = permits(&approximations);
    let renderer = Renderer::new(dialect, &project.templates, sources).ok()?;
    let folder = Project::folder(model.cluster.as_deref(), dialect);
    let at = Place { out: &project.out, folder: &folder, renderer: &renderer, sources };
    let lowered = lowering.shared();
    let writer = dialect.writer(model, &lowered);

    let mut errors = vec![];
    let of_cluster = writer.cluster(&mut errors);
    if !errors.is_empty() {
        return None;
    }
    let shared = at.texts(&of_cluster)?;
    let beside = dialect.shared(&shared.sources, &shared.ids)?;
    let of_cluster: Vec<normal::Policy> =
        beside.files().iter().flat_map(|file| file.policies.iter().cloned()).collect();
    let prover = Prover::new(model, dialect.capabilities(), &permitted, &of_cluster).ok()?;
    let names: Vec<&Sym> = model.namespaces.keys().collect();
    let done: Vec<Unit> =
        names.par_iter().map(|name| unit(&at, &*writer, lowering, &*beside, &prover, name)).collect::<Option<_>>()?;

    let mut hashes: BTreeMap<Utf8PathBuf, Digest> = shared.hashes.into_iter().collect();
    let shared = hashes.keys().cloned().collect();
    let expected = hashes.len() + done.iter().map(|unit| unit.hashes.len()).sum::<usize>();
    let (mut parts, mut named) = (vec![], Vec::with_capacity(done.len()));
    for unit in done {
        hashes.extend(unit.hashes);
        parts.push(unit.part);
        named.push(unit.named);
    }
    let lists = lists(&hashes, &folder, dialect);
    let listing = at.texts(&lists)?;
    let read = dialect.read(&listing.sources, &listing.ids).ok()?;
    let expected = expected + listing.hashes.len();
    let plain = normal::File::default();
    let mut placed: BTreeMap<Utf8PathBuf, &normal::File> = hashes.keys().map(|path| (path.clone(), &plain)).collect();
    placed.extend(listing.hashes.iter().map(|(path, _)| path.clone()).zip(&read));
    if read.iter().any(|file| !file.policies.is_empty() || file.base.is_none())
        || beside.files().iter().any(|file| file.base.is_some())
        || !verify::strays(&folder, &placed).is_empty()
    {
        return None;
    }
    drop(placed);
    hashes.extend(listing.hashes);
    if hashes.len() != expected || !beside.is_whole() {
        return None;
    }
    let flows = prover.finish(parts).ok()?.flows;
    let proved = Proved { dialect: dialect.name(), cluster: model.cluster.clone(), folder, flows, approximations };
    Some(Outline { proved, hashes, shared, named, renderer, dialect })
}

/// What is kept of a namespace.
struct Unit {
    hashes: Vec<(Utf8PathBuf, Digest)>,
    part: Part,
    named: Marks,
}

fn unit(
    at: &Place<'_>,
    writer: &dyn Writer,
    lowering: &Lowering<'_>,
    beside: &dyn dialects::Shared,
    prover: &Prover<'_>,
    namespace: &Sym,
) -> Option<Unit> {
    let mut errors = vec![];
    let documents = writer.namespace(&lowering.namespace(namespace), &mut errors);
    if !errors.is_empty() {
        return None;
    }
    let texts = at.texts(&documents)?;
    let files = beside.read_alike(&texts.sources, &texts.ids)?;
    if files.iter().any(|file| file.shared || file.base.is_some()) {
        return None;
    }
    let policies: Vec<normal::Policy> = files.into_iter().flat_map(|file| file.policies).collect();
    let part = prover.namespace(namespace, &policies).ok()?;
    Some(Unit { hashes: texts.hashes, part, named: marks(&policies) })
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
