//! Texts of which only the hashes were kept, made again: all of them to be written, or some to be shown.
//!
//! In: outlines, and their models. Out: texts, each with the hash of what was proved, or nothing. What some changed files open
//! and close follows from few namespaces, which are compiled again without the others ([`Again::excerpt`]).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::Compiled;
use super::stream::{Outline, lists};
use crate::dialects::writing::layout;
use crate::dialects::{self, Document, Writer};
use crate::lower::{Lowering, Shared};
use crate::model::{Model, Sym};
use crate::output::{Digest, OutputError, Texts, Tree, Write, header};
use crate::source::{FileId, Sources};
use crate::verify::normal::{Namespaces, Peer, Policy};

/// Namespaces that some policies name, as hashes of their names in order: two of one hash are taken for one, so that some look
/// more connected than they are, and none less.
pub(super) type Marks = Box<[u32]>;

/// The namespaces that are named as other ends.
pub(super) fn marks(policies: &[Policy]) -> Marks {
    let peers = policies.iter().flat_map(|policy| &policy.rules).flat_map(|rule| &rule.peers);
    let marks: BTreeSet<u32> = peers
        .filter_map(|peer| match peer {
            Peer::Pods { namespaces: Namespaces::Named(name), .. } => Some(mark(name)),
            _ => None,
        })
        .collect();
    marks.into_iter().collect()
}

fn mark(namespace: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    namespace.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

/// The texts of some outlines, made again.
pub struct Again<'a> {
    parts: Vec<(&'a Outline, &'a Model)>,
    lowerings: BTreeMap<Option<&'a Sym>, (Lowering<'a>, Shared)>,
    sources: &'a Sources,
}

impl<'a> Again<'a> {
    /// `models`: those of the outlines. `sources`: the texts of templates.
    pub fn new(outlines: &'a [Outline], models: &'a [Model], sources: &'a Sources) -> Self {
        let of = |outline: &'a Outline| {
            let model = models.iter().find(|model| model.cluster == outline.proved.cluster)?;
            Some((outline, model))
        };
        let lowering = |model: &'a Model| {
            let lowering = Lowering::new(model);
            let shared = lowering.shared();
            (model.cluster.as_ref(), (lowering, shared))
        };
        let lowerings = models.iter().map(lowering).collect();
        Self { parts: outlines.iter().filter_map(of).collect(), lowerings, sources }
    }

    fn of_parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.parts.iter().filter_map(|(outline, model)| {
            let (lowering, shared) = self.lowerings.get(&model.cluster.as_ref())?;
            let writer = outline.dialect.writer(model, shared);
            Some(Part { outline, model, lowering, writer, sources: self.sources })
        })
    }

    /// The texts of some files. `None` where one of them is not what was proved, or follows from more than a namespace.
    pub fn texts(&self, wanted: &BTreeSet<&Utf8Path>) -> Option<Tree> {
        let mut texts = Tree::new();
        for part in self.of_parts() {
            let of_part = || wanted.iter().filter(|path| path.starts_with(&part.outline.proved.folder));
            if of_part().any(|path| part.outline.shared.contains(*path)) {
                return None;
            }
            let names: BTreeSet<&str> = of_part().filter_map(|path| namespace(path)).collect();
            let mut made = part.of_namespaces(|name, _| names.contains(&**name))?;
            if of_part().any(|path| path.file_name() == Some(layout::LIST)) {
                made.extend(part.made(&part.lists())?);
            }
            let asked = made.into_iter().filter(|(path, ..)| wanted.contains(path.as_path()));
            texts.extend(asked.map(|(path, text, _)| (path, text)));
        }
        (texts.len() == wanted.len()).then_some(texts)
    }

    /// What opens and closes where some files differ, compiled without what has no part in it. `changed`: paths, and texts as
    /// they were. `out`: where the new texts are, which `sources` gets. Out: for each outline what says something else, or may, and
    /// the policies that the changed files held.
    ///
    /// A flow has two ends, and what may pass between them is said by the policies of their namespaces. So one that changes has
    /// an end in a namespace whose policies change; the other is there too, or in a namespace that these name, or that names
    /// one of these. One more namespace stands for all that stays. `None` where something changes that other namespaces refer to.
    pub fn excerpt(
        &self,
        changed: &BTreeMap<&Utf8Path, Option<&str>>,
        out: &Utf8Path,
        sources: &mut Sources,
    ) -> Option<Vec<(Compiled, Vec<Policy>)>> {
        self.of_parts().map(|part| part.excerpt(changed, &[], out, sources)).collect()
    }

    /// What some namespaces may send and receive, in the dialect that says most of what was meant: compiled without what has no
    /// part in it.
    pub fn standing(&self, namespaces: &[&Sym], out: &Utf8Path, sources: &mut Sources) -> Option<Compiled> {
        let part = self.of_parts().min_by_key(|part| part.outline.proved.approximations.len())?;
        part.excerpt(&BTreeMap::new(), namespaces, out, sources).map(|(compiled, _)| compiled)
    }
}

/// What would be wrong was found before; what is not handed over is missed by whoever writes.
impl Texts for Again<'_> {
    fn each(&self, write: Write<'_>) -> Result<(), OutputError> {
        let hand_over = |part: &Part<'_>, documents: &[Document]| {
            documents.iter().try_for_each(|document| match part.text(document) {
                Some((path, text)) => write(&path, &text),
                None => Ok(()),
            })
        };
        let parts: Vec<Part<'_>> = self.of_parts().collect();
        for part in &parts {
            hand_over(part, &part.writer.cluster(&mut vec![]))?;
            hand_over(part, &part.lists())?;
        }
        for of_model in parts.chunk_by(|a, b| a.model.cluster == b.model.cluster) {
            let Some(Part { model, lowering, .. }) = of_model.first() else { continue };
            let names: Vec<&Sym> = model.namespaces.keys().collect();
            names.par_iter().try_for_each(|name| {
                let lowered = lowering.namespace(name);
                let each = |part: &Part<'_>| hand_over(part, &part.writer.namespace(&lowered, &mut vec![]));
                of_model.iter().try_for_each(each)
            })?;
        }
        Ok(())
    }
}

/// The namespace of a file, if it is one's.
pub(super) fn namespace(path: &Utf8Path) -> Option<&str> {
    let stem = path.file_stem()?;
    Some(stem.strip_prefix('_').unwrap_or(stem))
}

/// A text with its path below `out/`, and the intents that contribute to it.
type Made = (Utf8PathBuf, Arc<str>, Vec<Utf8PathBuf>);

/// One dialect of one cluster.
struct Part<'a> {
    outline: &'a Outline,
    model: &'a Model,
    lowering: &'a Lowering<'a>,
    writer: Box<dyn Writer + 'a>,
    sources: &'a Sources,
}

impl Part<'_> {
    fn documents(&self, namespace: &Sym) -> Vec<Document> {
        self.writer.namespace(&self.lowering.namespace(namespace), &mut vec![])
    }

    fn lists(&self) -> Vec<Document> {
        lists(&self.outline.hashes, &self.outline.proved.folder, self.outline.dialect)
    }

    fn text(&self, document: &Document) -> Option<(Utf8PathBuf, String)> {
        let mut text = header(&document.sources);
        self.outline.renderer.render_into(self.sources, document, &mut text).ok()?;
        Some((self.outline.proved.folder.join(&document.path), text))
    }

    /// Texts as they were proved.
    fn made(&self, documents: &[Document]) -> Option<Vec<Made>> {
        let one = |document: &Document| {
            let (path, text) = self.text(document)?;
            let is_proved = self.outline.hashes.get(&path) == Some(&Digest::of(text.as_bytes()));
            is_proved.then(|| (path, text.into(), document.sources.clone()))
        };
        documents.iter().map(one).collect()
    }

    /// The texts of some namespaces, chosen by their names and by the namespaces that they name.
    fn of_namespaces(&self, chosen: impl Fn(&Sym, &Marks) -> bool) -> Option<Vec<Made>> {
        let names: Vec<&Sym> = self
            .model
            .namespaces
            .keys()
            .zip(&self.outline.named)
            .filter(|(name, marks)| chosen(name, marks))
            .map(|(name, _)| name)
            .collect();
        let made: Vec<Vec<Made>> =
            names.par_iter().map(|name| self.made(&self.documents(name))).collect::<Option<_>>()?;
        Some(made.into_iter().flatten().collect())
    }

    /// What changes with some files, and what is said of some namespaces besides.
    fn excerpt(
        &self,
        changed: &BTreeMap<&Utf8Path, Option<&str>>,
        besides: &[&Sym],
        out: &Utf8Path,
        sources: &mut Sources,
    ) -> Option<(Compiled, Vec<Policy>)> {
        let Self { outline, .. } = self;
        let dialect = outline.dialect;
        let of_part = || changed.iter().filter(|(path, _)| path.starts_with(&outline.proved.folder));
        if of_part().any(|(path, _)| outline.shared.contains(*path)) {
            return None;
        }
        let shared = self.made(&self.writer.cluster(&mut vec![]))?;
        let mut texts = Sources::default();
        let ids: Vec<FileId> =
            shared.iter().map(|(path, text, _)| texts.add(out.join(path), Arc::clone(text))).collect();
        let beside = dialect.shared(&texts, &ids)?;
        let old = read_old(of_part(), &*beside)?;
        let mut touched = touched(of_part(), &old)?;
        touched.extend(besides.iter().map(|name| mark(name)));
        let others = marks(&old);
        let of_touched = |name: &Sym| touched.contains(&mark(name));
        let near: BTreeSet<u32> = {
            let named = self.model.namespaces.keys().zip(&outline.named).filter(|(name, _)| of_touched(name));
            named.flat_map(|(_, marks)| marks.iter().copied()).chain(others).collect()
        };
        let unchanged = self.model.namespaces.keys().find(|name| !of_touched(name));
        let made = self.of_namespaces(|name, marks| {
            let is_near = near.contains(&mark(name)) || marks.iter().any(|mark| touched.contains(mark));
            is_near || of_touched(name) || Some(name) == unchanged
        })?;

        let mut compiled = Compiled {
            proved: outline.proved.clone(),
            files: Tree::new(),
            texts: vec![],
            manifests: BTreeSet::new(),
            contributors: BTreeMap::new(),
            policies: vec![],
        };
        let own = made.len();
        for (path, text, intents) in made.into_iter().chain(shared) {
            compiled.texts.push((path.clone(), sources.add(out.join(&path), Arc::clone(&text))));
            compiled.contributors.insert(path.clone(), intents);
            compiled.files.insert(path, text);
        }
        let ids: Vec<FileId> = compiled.texts.iter().map(|(_, id)| *id).collect();
        let read = beside.read(sources, ids.get(..own)?)?;
        compiled.policies = read.into_iter().flat_map(|file| file.policies).collect();
        let of_cluster = beside.files().iter().zip(ids.get(own..)?);
        for (file, id) in of_cluster {
            compiled.policies.extend(file.policies.iter().cloned().map(|policy| in_file(policy, *id)));
        }
        Some((compiled, old))
    }
}

/// What changed files held; `None` where it cannot be read, or where others refer to it.
fn read_old<'c>(
    changed: impl Iterator<Item = (&'c &'c Utf8Path, &'c Option<&'c str>)>,
    beside: &dyn dialects::Shared,
) -> Option<Vec<Policy>> {
    let mut texts = Sources::default();
    let ids: Vec<FileId> = changed
        .filter(|(path, _)| path.file_name() != Some(layout::LIST))
        .filter_map(|(path, old)| Some(texts.add(*path, (*old)?.to_owned())))
        .collect();
    let read = beside.read(&texts, &ids)?;
    let is_plain = read.iter().all(|file| !file.shared && file.base.is_none());
    is_plain.then(|| read.into_iter().flat_map(|file| file.policies).collect())
}

/// The namespaces that changed files are about, by their policies and their names; `None` where it is all of them.
fn touched<'c>(
    changed: impl Iterator<Item = (&'c &'c Utf8Path, &'c Option<&'c str>)>,
    old: &[Policy],
) -> Option<BTreeSet<u32>> {
    let subjects = old.iter().map(|policy| match &policy.subject.namespaces {
        Namespaces::Named(name) => Some(mark(name)),
        Namespaces::Labelled(_) => None,
    });
    let mut touched: BTreeSet<u32> = subjects.collect::<Option<_>>()?;
    touched.extend(changed.filter_map(|(path, _)| namespace(path)).map(mark));
    Some(touched)
}

/// A policy whose text stands among others now.
fn in_file(mut policy: Policy, file: FileId) -> Policy {
    policy.span.file = file;
    policy
}
