//! One model in one dialect: policies, bytes, and the proof that the bytes say what the model says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::Utf8PathBuf;

use super::{Project, limits};
use crate::diag::Diagnostic;
use crate::dialects::{self, About, Approximated, Dialect, Reviewed};
use crate::lower::Policies;
use crate::model::{Approximation, Model, Sym};
use crate::output::header;
use crate::render::Renderer;
use crate::source::{FileId, Sources};
use crate::verify::{self, Permitted, normal};

/// What was proved of one dialect and one cluster.
#[derive(Debug, Clone)]
pub struct Proved {
    /// The dialect.
    pub dialect: &'static str,
    /// The cluster, where the project file names some.
    pub cluster: Option<Sym>,
    /// Its folder below `out/`.
    pub folder: Utf8PathBuf,
    /// How many flows were proved.
    pub flows: usize,
    /// What is said otherwise than meant, as permitted.
    pub approximations: Vec<Approximated>,
}

/// What one dialect says of one cluster, proved.
#[derive(Debug)]
pub struct Compiled {
    /// What was proved.
    pub proved: Proved,
    /// Texts by their path below `out/`.
    pub files: BTreeMap<Utf8PathBuf, Arc<str>>,
    /// The same as texts of the run.
    pub texts: Vec<(Utf8PathBuf, FileId)>,
    /// Files that hold policies; the others only list them.
    pub manifests: BTreeSet<Utf8PathBuf>,
    /// The intents that contribute to each file.
    pub contributors: BTreeMap<Utf8PathBuf, Vec<Utf8PathBuf>>,
    /// The policies as read back.
    pub policies: Vec<normal::Policy>,
}

/// Compiles a model into a dialect and proves the result. `policies`: what the model was lowered to, for all dialects alike.
/// `reviewed`: what the dialects of the run cannot say of the model;
/// where that is an error, which has been told, nothing is compiled.
///
/// # Errors
/// What is wrong with a template, what does not fit into the dialect, or where the rendered bytes say something else.
pub fn compile(
    project: &Project,
    sources: &mut Sources,
    model: &Model,
    policies: &Policies,
    dialect: &'static dyn Dialect,
    reviewed: &Reviewed,
) -> Result<Compiled, Vec<Diagnostic>> {
    let renderer = Renderer::new(dialect, &project.templates, sources);
    if !reviewed.errors.is_empty() {
        return Err(renderer.err().unwrap_or_default());
    }
    let approximations = reviewed.approximations.get(dialect.name()).cloned().unwrap_or_default();
    let documents = dialect.documents(model, policies)?;
    // First as expected, so that what is far too much is not rendered, then as it is.
    limits::check(documents.iter().map(|document| (document.path.as_path(), document.weight)))?;
    let rendered = renderer?.render(sources, &documents)?;

    let folder = Project::folder(model.cluster.as_deref(), dialect);
    let mut files = BTreeMap::new();
    let mut contributors = BTreeMap::new();
    let mut ids: Vec<(Utf8PathBuf, FileId)> = Vec::with_capacity(rendered.len());
    for (rendered, document) in rendered.into_iter().zip(documents) {
        let path = folder.join(&rendered.path);
        let text: Arc<str> = (header(&document.sources) + &rendered.text).into();
        // The proof reads the very bytes that are written.
        ids.push((path.clone(), sources.add(project.out.join(&path), Arc::clone(&text))));
        contributors.insert(path.clone(), document.sources);
        files.insert(path, text);
    }
    limits::check(files.iter().map(|(path, text): (&Utf8PathBuf, &Arc<str>)| (path.as_path(), text.len())))?;
    let files_in_order: Vec<FileId> = ids.iter().map(|(_, id)| *id).collect();
    let mut read = dialect.read(sources, &files_in_order).map_err(once)?;
    let placed = ids.iter().map(|(path, _)| path.clone()).zip(&read).collect();
    let strays = verify::strays(&folder, &placed);
    if !strays.is_empty() {
        return Err(once(strays));
    }
    let manifests =
        ids.iter().zip(&read).filter(|(_, file)| file.base.is_none()).map(|((path, _), _)| path.clone()).collect();
    let policies: Vec<normal::Policy> = read.iter_mut().flat_map(|file| std::mem::take(&mut file.policies)).collect();
    let permitted = permits(&approximations);
    let proof = verify::prove(model, dialect.capabilities(), &permitted, &policies).map_err(|mismatches| {
        mismatches.iter().map(|mismatch| mismatch.diagnostic(model, dialect.name())).collect::<Vec<_>>()
    })?;
    let cluster = model.cluster.clone();
    Ok(Compiled {
        proved: Proved { dialect: dialect.name(), cluster, folder, flows: proof.flows, approximations },
        files,
        texts: ids,
        manifests,
        contributors,
        policies,
    })
}

/// One error for each mistake of a template: it is made again in every file and object that the template writes.
fn once(errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut more: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: Vec<Diagnostic> = vec![];
    for error in errors {
        match more.get_mut(&error.message) {
            Some(count) => *count += 1,
            None => {
                more.insert(error.message.clone(), 0);
                kept.push(error.note("this is what would be written; nothing of it is on disk"));
            }
        }
    }
    kept.into_iter()
        .map(|error| match more.get(&error.message) {
            None | Some(0) => error,
            Some(1) => error.note("the same stands in one more place"),
            Some(n) => error.note(format!("the same stands in {n} more places")),
        })
        .collect()
}

/// What a dialect may say of a model otherwise than it is meant, because the project file permits it.
pub fn permitted(model: &Model, dialect: &'static dyn Dialect) -> Permitted {
    let mut reviewed = dialects::review(model, &[dialect]);
    permits(&reviewed.approximations.remove(dialect.name()).unwrap_or_default())
}

pub(super) fn permits(approximations: &[Approximated]) -> Permitted {
    let of = |which: Approximation| approximations.iter().filter(move |a| a.approximation == which);
    let edges = |which: Approximation| {
        of(which)
            .filter_map(|approximated| match approximated.about {
                About::Edge(edge) => Some(edge),
                About::Guard(_) => None,
            })
            .collect()
    };
    Permitted {
        http_as_l4: edges(Approximation::HttpAsL4),
        fqdns_omitted: edges(Approximation::FqdnsOmitted),
        guards_omitted: of(Approximation::GuardsOmitted).next().is_some(),
    }
}
