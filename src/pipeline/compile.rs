//! One model in one dialect: policies, bytes, and the proof that the bytes say what the model says.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use rayon::prelude::*;

use super::Project;
use crate::diag::Diagnostic;
use crate::dialects::{Approximated, Dialect};
use crate::lower::{Policies, lower};
use crate::model::{Approximation, Model, Sym};
use crate::output::header;
use crate::render::Renderer;
use crate::source::{FileId, Sources};
use crate::verify::{self, Permitted, normal};

/// What one dialect says of one cluster, proved.
#[derive(Debug)]
pub struct Compiled {
    /// The dialect.
    pub dialect: &'static str,
    /// The cluster, where the project file names some.
    pub cluster: Option<Sym>,
    /// Its folder below `out/`.
    pub folder: Utf8PathBuf,
    /// Texts by their path below `out/`.
    pub files: BTreeMap<Utf8PathBuf, String>,
    /// Files that hold policies; the others only list them.
    pub manifests: BTreeSet<Utf8PathBuf>,
    /// The intents that contribute to each file.
    pub contributors: BTreeMap<Utf8PathBuf, Vec<Utf8PathBuf>>,
    /// The policies as read back.
    pub policies: Vec<normal::Policy>,
    /// How many flows were proved.
    pub flows: usize,
    /// What is said otherwise than meant, as permitted.
    pub approximations: Vec<Approximated>,
}

/// Compiles a model into a dialect and proves the result.
///
/// # Errors
/// What the dialect cannot say, what is wrong with a template, or where the rendered bytes say something else.
pub fn compile(
    project: &Project,
    sources: &mut Sources,
    model: &Model,
    dialect: &'static dyn Dialect,
) -> Result<Compiled, Vec<Diagnostic>> {
    let review = dialect.review(model);
    let renderer = Renderer::new(dialect, &project.templates, sources);
    if !review.errors.is_empty() {
        return Err(review.errors.into_iter().chain(renderer.err().unwrap_or_default()).collect());
    }
    let policies: Policies = lower(model);
    let documents = dialect.documents(model, &policies)?;
    let rendered = renderer?.render(sources, &documents)?;

    let folder = Project::folder(model.cluster.as_deref(), dialect);
    let mut files = BTreeMap::new();
    let mut contributors = BTreeMap::new();
    let mut ids: Vec<(Utf8PathBuf, FileId)> = Vec::with_capacity(rendered.len());
    for (rendered, document) in rendered.into_iter().zip(documents) {
        let path = folder.join(&rendered.path);
        let text = header(&document.sources) + &rendered.text;
        // The proof reads the very bytes that are written.
        ids.push((path.clone(), sources.add(project.out.join(&path), text.clone())));
        contributors.insert(path.clone(), document.sources);
        files.insert(path, text);
    }
    let mut read = read_back(sources, dialect, &ids)?;
    let placed = ids.iter().map(|(path, _)| path.clone()).zip(&read).collect();
    let strays = verify::strays(&folder, &placed);
    if !strays.is_empty() {
        return Err(once(strays));
    }
    let manifests =
        ids.iter().zip(&read).filter(|(_, file)| file.base.is_none()).map(|((path, _), _)| path.clone()).collect();
    let policies: Vec<normal::Policy> = read.iter_mut().flat_map(|file| std::mem::take(&mut file.policies)).collect();
    let proof = verify::prove(model, &permitted(&review.approximations), &policies).map_err(|mismatches| {
        mismatches.iter().map(|mismatch| mismatch.diagnostic(model, dialect.name())).collect::<Vec<_>>()
    })?;
    Ok(Compiled {
        dialect: dialect.name(),
        cluster: model.cluster.clone(),
        folder,
        files,
        manifests,
        contributors,
        policies,
        flows: proof.flows,
        approximations: review.approximations,
    })
}

/// Reads rendered files back into the normal form, in their order.
fn read_back(
    sources: &Sources,
    dialect: &dyn Dialect,
    ids: &[(Utf8PathBuf, FileId)],
) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
    let read: Vec<_> = ids.par_iter().map(|(_, id)| dialect.read(sources, *id)).collect();
    let mut files = vec![];
    let mut errors = vec![];
    for result in read {
        match result {
            Ok(file) => files.push(file),
            Err(more) => errors.extend(more),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(once(errors)) }
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

fn permitted(approximations: &[Approximated]) -> Permitted {
    let edges =
        |which: Approximation| approximations.iter().filter(|a| a.approximation == which).map(|a| a.edge).collect();
    Permitted { http_as_l4: edges(Approximation::HttpAsL4), fqdns_omitted: edges(Approximation::FqdnsOmitted) }
}
