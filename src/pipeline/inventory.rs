//! What runs in each cluster of a project, as far as somebody gives manifests of it.
//!
//! In: paths, of a command line or of the project file. Out: a [`Taken`] for each model, or diagnostics. Rendered manifests
//! often leave their namespace to the tool that deploys them; where nobody says which it is, all of them are taken to be in the
//! managed namespace whose tiers fit most of them, else where kubectl would put them, and that is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};

use crate::cluster::{self, Cluster};
use crate::diag::{Diagnostic, Diagnostics, codes, quote};
use crate::model::{Model, Sym, Tier};
use crate::source::{self, Root, SourceError, Sources, is_inside};

/// Where objects are that name no namespace, as kubectl has it.
const DEFAULT_NAMESPACE: &str = "default";

/// What a command line says of inventories.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Paths, relative to `cwd`; empty: those of the project file.
    pub paths: &'a [Utf8PathBuf],
    /// The namespace of objects that name none.
    pub namespace: Option<&'a str>,
    /// The current folder.
    pub cwd: &'a Utf8Path,
}

/// What runs in a cluster.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What runs.
    pub cluster: Cluster,
    /// Where objects that name no namespace are taken to be; `None` where somebody said so, or there are none.
    pub assumed: Option<Sym>,
}

/// The inventory of each model; `None` for all where something is wrong, which goes to `diags`, and for a model that has none.
///
/// # Errors
/// When the system refuses a file or folder.
pub fn inventories(
    root: &Root,
    models: &[Model],
    asked: Asked<'_>,
    stdin: &mut dyn Read,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Vec<Option<Taken>>, SourceError> {
    let mut known: BTreeMap<Vec<Utf8PathBuf>, Option<Cluster>> = BTreeMap::new();
    let mut taken = vec![];
    for model in models {
        let (base, paths) = match asked.paths.is_empty() {
            false => (asked.cwd, asked.paths.to_vec()),
            true => (&*root.dir, written(model, diags)),
        };
        if paths.is_empty() {
            taken.push(None);
            continue;
        }
        if !known.contains_key(&paths) {
            let mut found = Diagnostics::default();
            let files = source::load_inventory(root, base, &paths, stdin, sources, &mut found)?;
            let read = if found.has_errors() {
                Err(vec![])
            } else {
                cluster::read_whole(sources, &files).map(|inventory| inventory.cluster)
            };
            let cluster = read.map_err(|errors| found.extend(errors)).ok().filter(|cluster| {
                let is_empty = cluster.pods.is_empty();
                if is_empty {
                    found.push(nothing(&paths));
                }
                !is_empty
            });
            diags.extend(found.iter().cloned());
            known.insert(paths.clone(), cluster);
        }
        let cluster = known.get(&paths).cloned().flatten();
        taken.push(cluster.and_then(|cluster| placed(model, cluster, asked.namespace, diags)));
    }
    Ok(taken)
}

/// The paths that the project file gives, each below the project's root.
fn written(model: &Model, diags: &mut Diagnostics) -> Vec<Utf8PathBuf> {
    let mut paths = vec![];
    for path in &model.profile.inventory {
        match is_inside(path.value.trim_end_matches('/')) {
            true => paths.push(path.value.trim_end_matches('/').into()),
            false => {
                let message = format!("{} is no path inside the project", quote(&path.value));
                let error = Diagnostic::error(codes::PATH, path.span, message);
                diags.push(error.help("write a relative path without `.` and `..`; others go to `--inventory`"));
            }
        }
    }
    paths
}

fn nothing(paths: &[Utf8PathBuf]) -> Diagnostic {
    let names: Vec<String> = paths.iter().map(|path| quote(path.as_str())).collect();
    let message = format!("the inventory shows no workload: {}", names.join(", "));
    Diagnostic::placeless(codes::MANIFEST, message).help(
        "give rendered manifests, or a dump as `kubectl get ns,deploy,sts,ds,job,cronjob,pod,svc -A -o yaml` writes it",
    )
}

fn placed(model: &Model, mut cluster: Cluster, given: Option<&str>, diags: &mut Diagnostics) -> Option<Taken> {
    if cluster.pods.iter().all(|pod| pod.placed) && cluster.services.iter().all(|service| service.placed) {
        return Some(Taken { cluster, assumed: None });
    }
    let said = given.map(Sym::from).or_else(|| model.profile.inventory_namespace.clone());
    let assumed = match said {
        Some(_) => None,
        None => Some(best(model, &cluster).unwrap_or_else(|| DEFAULT_NAMESPACE.into())),
    };
    if let Some(namespace) = said.as_ref().or(assumed.as_ref())
        && let Err(errors) = cluster.place(namespace)
    {
        diags.extend(errors);
        return None;
    }
    Some(Taken { cluster, assumed })
}

/// The managed namespace in which tiers would take in most of the workloads that name none. `None` where several are equally
/// good, or none is. A tier of all pods fits everything, so it says nothing.
fn best(model: &Model, cluster: &Cluster) -> Option<Sym> {
    let mut by_first: HashMap<(&Sym, &Sym), Vec<&Tier>> = HashMap::new();
    for tier in &model.tiers {
        if let Some(first) = tier.pods.labels.iter().next() {
            by_first.entry(first).or_default().push(tier);
        }
    }
    let mut counts: BTreeMap<&Sym, usize> = BTreeMap::new();
    for pod in cluster.pods.iter().filter(|pod| !pod.placed) {
        let candidates = pod.labels.iter().filter_map(|pair| by_first.get(&pair)).flatten();
        let fitting = candidates.filter(|tier| tier.pods.labels.is_subset_of(&pod.labels));
        let namespaces: BTreeSet<&Sym> = fitting.flat_map(|tier| tier.pods.namespaces.names()).collect();
        for namespace in namespaces {
            *counts.entry(namespace).or_default() += 1;
        }
    }
    let most = counts.values().max().copied()?;
    let mut best = counts.into_iter().filter(|(_, count)| *count == most).map(|(namespace, _)| namespace);
    best.next().filter(|_| best.next().is_none()).cloned()
}
