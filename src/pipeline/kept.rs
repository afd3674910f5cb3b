//! Whether a folder of rendered files says what a model says, namespace by namespace.
//!
//! In: a model, a dialect, and the folder on disk. Out: how many flows it allows, all of them meant and none missing; or
//! nothing. Then all files are read together, and what is wrong, if anything is, is told from there. Nothing of a file is kept.
//!
//! It is proved as what is about to be written is ([`outline`](super::outline)): each file that is called after a managed
//! namespace by itself, beside those of no namespace. What stands in another place than its own is no part of what the proof
//! of that namespace takes, so nothing is decided.

use std::collections::BTreeMap;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::compile::permitted;
use super::{Project, again};
use crate::diag::Diagnostics;
use crate::dialects::Dialect;
use crate::dialects::writing::layout;
use crate::model::{Model, Sym};
use crate::source::{self, FileId, Sources};
use crate::verify::{self, Part, Prover, normal};

/// Proves what a folder holds. `dir`: where the folder is.
pub fn kept(model: &Model, dialect: &'static dyn Dialect, dir: &Utf8Path) -> Option<usize> {
    let manifests = source::list_manifests(dir)?;
    let (mut lists, mut shared) = (vec![], vec![]);
    let mut of_namespaces: BTreeMap<Sym, Vec<&Utf8Path>> =
        model.namespaces.keys().map(|name| (name.clone(), vec![])).collect();
    for path in manifests.iter().map(Utf8PathBuf::as_path) {
        let of_namespace = again::namespace(path).and_then(|name| of_namespaces.get_mut(name));
        match of_namespace.filter(|_| path.components().count() == 2) {
            _ if path.file_name() == Some(layout::LIST) => lists.push(path),
            Some(files) => files.push(path),
            None => shared.push(path),
        }
    }

    let texts = load(dir, &shared)?;
    let beside = dialect.shared(&texts.sources, &texts.ids)?;
    let of_cluster: Vec<normal::Policy> =
        beside.files().iter().flat_map(|file| file.policies.iter().cloned()).collect();
    let permitted = permitted(model, dialect);
    let prover = Prover::new(model, dialect.capabilities(), &permitted, &of_cluster).ok()?;
    let prove = |(name, files): (&Sym, &Vec<&Utf8Path>)| {
        let texts = load(dir, files)?;
        let files = beside.read_alike(&texts.sources, &texts.ids)?;
        if files.iter().any(|file| file.shared) {
            return None;
        }
        let policies: Vec<normal::Policy> = files.into_iter().flat_map(|file| file.policies).collect();
        prover.namespace(name, &policies).ok()
    };
    let parts: Vec<Part> = of_namespaces.par_iter().map(prove).collect::<Option<_>>()?;

    let texts = load(dir, &lists)?;
    let read = dialect.read(&texts.sources, &texts.ids).ok()?;
    let inside = Project::folder(model.cluster.as_deref(), dialect);
    let plain = normal::File::default();
    let mut placed: BTreeMap<Utf8PathBuf, &normal::File> =
        manifests.iter().map(|path| (inside.join(path), &plain)).collect();
    placed.extend(lists.iter().map(|path| inside.join(path)).zip(&read));
    if read.iter().any(|file| !file.policies.is_empty() || file.base.is_none())
        || !verify::strays(&inside, &placed).is_empty()
        || !beside.is_whole()
    {
        return None;
    }
    Some(prover.finish(parts).ok()?.flows)
}

/// Some files, for as long as they are read.
struct Loaded {
    sources: Sources,
    ids: Vec<FileId>,
}

/// `None` where there is anything to say of one of them. All files of a folder may be more than are held at once.
fn load(dir: &Utf8Path, files: &[&Utf8Path]) -> Option<Loaded> {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::default());
    let paths: Vec<Utf8PathBuf> = files.iter().map(|path| dir.join(path)).collect();
    let ids = source::load_manifests(&paths, &mut io::empty(), &mut sources, &mut diags).ok()?;
    let is_plain = diags.iter().next().is_none() && ids.len() == files.len();
    is_plain.then_some(Loaded { sources, ids })
}
