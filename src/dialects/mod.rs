//! The dialects: one folder each, and the registry that everything else asks.
//!
//! In: policies neutral of a dialect. Out: documents for templates. And, apart from it and sharing no code with it, the
//! reader: rendered text to the verifier's normal form. What all writers share is in [`writing`], what all readers share
//! in [`reading`].

/// The built-in templates of a dialect: names and texts.
macro_rules! embedded {
    ($dialect:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $dialect, "/", $name)))),*]
    };
}

pub mod calico;
pub mod cilium;
pub mod kubernetes;
pub mod reading;
mod review;
pub mod view;
pub mod writing;

use camino::Utf8PathBuf;
use rayon::prelude::*;
use reading::text::Doc;
use serde::Serialize;
use view::View;

use crate::checks::{PolicyTable, Target};
use crate::diag::Diagnostic;
use crate::lower::{self, NamespacePolicies, Policies};
use crate::model::{Approximation, EdgeId, Model};
use crate::source::{FileId, Sources};
use crate::verify::normal;

pub use reading::{Assumed, Shared};
pub use review::{Reviewed, review};

/// Every dialect, in the order of output. Adding one adds a line here and a folder beside it.
pub const REGISTRY: &[&dyn Dialect] = &[&kubernetes::Kubernetes, &calico::Calico, &cilium::Cilium];

/// A target language for policies.
pub trait Dialect: Sync {
    /// Its name: on the command line, in the project file, as folder of the output and of the templates.
    fn name(&self) -> &'static str;

    /// Its embedded templates: file name and text.
    fn templates(&self) -> &'static [(&'static str, &'static str)];

    /// What it can say at all. What follows from it is reviewed for all dialects together, by [`review()`].
    fn capabilities(&self) -> normal::Capabilities;

    /// What rules may know of it.
    fn target(&self) -> Target {
        let can = self.capabilities();
        Target {
            dialect: self.name(),
            host_names: can.host_names,
            entities: can.entities,
            local_redirect: can.local_redirect,
            table: self.policy_table(),
        }
    }

    /// How much its agents take for one pod, where that is a number.
    fn policy_table(&self) -> Option<PolicyTable> {
        None
    }

    /// Where agents and operators of its own engine run, if not among those of the control plane.
    fn agents(&self) -> &'static [&'static str] {
        &[]
    }

    /// Limits of its own, as a label that it cannot match: errors at the intent's line, and notes for people.
    fn review(&self, model: &Model) -> Review;

    /// What writes the documents of a model, namespace by namespace.
    fn writer<'m>(&self, model: &'m Model, shared: &'m lower::Shared) -> Box<dyn Writer + 'm>;

    /// The template of the lists of files.
    fn list(&self) -> &'static str {
        "kustomization.yaml.j2"
    }

    /// The documents that its templates make of all policies, in the order of their paths.
    ///
    /// # Errors
    /// What does not fit into the dialect.
    fn documents(&self, model: &Model, policies: &Policies) -> Result<Vec<Document>, Vec<Diagnostic>> {
        let writer = self.writer(model, &policies.shared);
        let of_namespace = |policies: &NamespacePolicies| {
            let mut errors = vec![];
            (writer.namespace(policies, &mut errors), errors)
        };
        let made: Vec<_> = policies.namespaces.par_iter().map(|(_, policies)| of_namespace(policies)).collect();
        let (mut documents, mut errors) = (vec![], vec![]);
        for (of_namespace, mut more) in made {
            documents.extend(of_namespace);
            errors.append(&mut more);
        }
        documents.extend(writer.cluster(&mut errors));
        if !errors.is_empty() {
            return Err(errors);
        }
        let lists = writing::layout::lists(documents.iter().map(|document| document.path.as_path()), self.list());
        documents.extend(lists);
        documents.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(documents)
    }

    /// Reads all its rendered files back, each in its place of the list: objects may refer to objects of other files.
    /// Unknown kinds and fields are errors, never skipped. Files that are no manifests for the API server give no
    /// policies: a kustomization gives its list.
    fn read(&self, sources: &Sources, files: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>>;

    /// Reads the files of no namespace, which those of namespaces may refer to: where not all files are held at once, the rest
    /// is read namespace by namespace beside them. `None`: they must be read together, by [`Self::read`], which also says what
    /// is wrong with them.
    fn shared(&self, sources: &Sources, files: &[FileId]) -> Option<Box<dyn Shared>>;

    /// The kinds of objects that it reads.
    fn kinds(&self) -> reading::Kinds;

    /// Reads manifests of its kinds, whoever wrote them: everything that its API servers and its engines accept, as each of
    /// its engines understands it. What they would refuse is an error at its place. Never empty.
    fn readings(&self, docs: &[Doc<'_>], assumed: &Assumed) -> Result<Vec<normal::Reading>, Vec<Diagnostic>>;

    /// Whether labels of namespaces decide about more than pods: then Namespaces stand among what [`Self::readings`] is given.
    fn asks_for_namespaces(&self) -> bool {
        false
    }

    /// What its agents can be set to otherwise, and policies mean something else then.
    fn switches(&self) -> &'static [Switch] {
        &[]
    }
}

/// Writes the documents of one model in one dialect.
pub trait Writer: Sync {
    /// Those of one namespace: two files at most, whose paths no other namespace has. What does not fit is pushed to `errors`.
    fn namespace(&self, policies: &NamespacePolicies, errors: &mut Vec<Diagnostic>) -> Vec<Document>;

    /// Those of no namespace, without the lists of files.
    fn cluster(&self, errors: &mut Vec<Diagnostic>) -> Vec<Document>;
}

/// A setting of a target's agents that decides what policies mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// Its name, as the target has it.
    pub name: &'static str,
    /// What it does, for people.
    pub help: &'static str,
}

/// What a dialect has to say of a model beside what follows from its capabilities.
#[derive(Debug, Clone, Default)]
pub struct Review {
    /// What stops the build.
    pub errors: Vec<Diagnostic>,
    /// What people should know beside the proof.
    pub notes: Vec<String>,
}

/// One thing that a dialect says otherwise than it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approximated {
    /// How.
    pub approximation: Approximation,
    /// Of what.
    pub about: About,
    /// What is lost, in words: `GET /api/v1/products`.
    pub detail: String,
}

/// What is said otherwise than it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// An edge.
    Edge(EdgeId),
    /// A guard, by its name.
    Guard(&'static str),
}

/// One output file before rendering.
#[derive(Debug, Clone)]
pub struct Document {
    /// Path below the dialect's folder.
    pub path: Utf8PathBuf,
    /// Name of its template.
    pub template: &'static str,
    /// What the template sees, under the names of the fields.
    pub view: View,
    /// About how many bytes it will have: what rendering may cost grows with it.
    pub weight: usize,
    /// The intents that contribute, for the header.
    pub sources: Vec<Utf8PathBuf>,
}

impl Document {
    /// A document from a serializable view.
    pub fn new(
        path: impl Into<Utf8PathBuf>,
        template: &'static str,
        view: impl Serialize,
        weight: usize,
        sources: impl IntoIterator<Item = Utf8PathBuf>,
    ) -> Self {
        let view = View::new(&view);
        Self { path: path.into(), template, view, weight, sources: sources.into_iter().collect() }
    }
}

/// Namespaces of the agents and operators of all engines.
pub fn agents() -> Vec<&'static str> {
    REGISTRY.iter().flat_map(|dialect| dialect.agents()).copied().collect()
}

/// The dialect of a name.
pub fn find(name: &str) -> Option<&'static dyn Dialect> {
    REGISTRY.iter().copied().find(|dialect| dialect.name() == name)
}

/// How messages call what is lost, whichever dialect loses it.
pub fn describe(model: &Model, approximated: &Approximated) -> String {
    let about = match approximated.about {
        About::Edge(edge) => model.edge_name(&model[edge]),
        About::Guard(name) => name.to_owned(),
    };
    let Approximated { approximation, detail, .. } = approximated;
    format!("{} ({}): {about}: {detail}", approximation.name(), approximation.direction())
}
