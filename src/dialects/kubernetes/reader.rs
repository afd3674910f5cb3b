//! NetworkPolicies to the verifier's normal form.
//!
//! In: the texts of all files, or documents of any origin. Out: what they say, or every error of every document. Nothing is
//! skipped. Shares no code with the writer of these files.
//!
//! What has been rendered has one reading: what engines would take differently is refused there. What is given has one for
//! each of two engines, who between them show where engines differ (each seen in the engines themselves):
//!
//! 1. Calico matches pods by address blocks; Cilium matches only what is outside of the cluster.
//! 2. In Calico a port's name is the destination's own; in Cilium an egress rule's name stands for the number that all pods of
//!    the cluster give it, for every peer, and for none where they give several.
//! 3. In Cilium rules govern a direction that `policyTypes` does not list.
//! 4. In Cilium a peer by what its namespace must not be is nodes and the outside too, unless peers are limited to the local
//!    cluster (`policy-default-local-cluster`).
//! 5. Cilium leaves some labels of controllers and of Kubernetes out of identities: no selector finds them.

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::diag::Diagnostic;
use crate::dialects::reading::Shared;
use crate::dialects::reading::alike::Shapes;
use crate::dialects::reading::networkpolicy::{self, KIND, Mode, NetworkPolicy};
use crate::dialects::reading::text::Doc;
use crate::dialects::reading::{self, Assumed, Kinds, Read};
use crate::source::{FileId, Sources};
use crate::verify::normal::{self, End, Engine, Rank, Reading};

pub(super) const KINDS: Kinds =
    Kinds { known: &[KIND], help: "a file of this dialect holds NetworkPolicies of networking.k8s.io/v1" };

/// One tier, in which all policies add up.
const RANK: Rank = Rank { tier: 0, end: End::Denies, order: 0, leads: true };

const CALICO: Engine =
    Engine { name: "Calico", blocks_match_pods: true, names_are_global: false, own_node_enters: true };

/// Also how what has been rendered is read: by the letter of the API.
const BY_THE_LETTER: Mode =
    Mode { rank: RANK, rules_isolate: false, negations_reach_out: false, others: false, by_identities: false };

const CILIUM: Engine =
    Engine { name: "Cilium", blocks_match_pods: false, names_are_global: true, own_node_enters: true };

const AS_CILIUM: Mode = Mode { rules_isolate: true, negations_reach_out: true, by_identities: true, ..BY_THE_LETTER };

/// Limits peers to pods of the local cluster.
const LOCAL_CLUSTER: &str = "policy-default-local-cluster";

/// Rendered files: policies in the order of the text, or the one kustomization that a file is. No object refers to
/// another.
pub fn read(sources: &Sources, files: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
    objects(sources, files, None)
}

fn objects(
    sources: &Sources,
    files: &[FileId],
    shapes: Option<&Shapes<NetworkPolicy>>,
) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
    let read: Vec<Result<Read<NetworkPolicy>, _>> = files
        .par_iter()
        .map(|file| reading::file(sources, *file, KINDS, |reader, _| networkpolicy::read(reader), shapes))
        .collect();
    reading::all(read).map(|files| {
        let normal = |read: Read<NetworkPolicy>| normal::File {
            policies: read.objects.into_iter().filter_map(|policy| policy.means(&BY_THE_LETTER)).collect(),
            base: read.base,
            shared: false,
        };
        files.into_iter().map(normal).collect()
    })
}

/// No policy refers to another object: files of no namespace are lists alone, and each is read by itself.
pub struct Lists {
    files: Vec<normal::File>,
    shapes: Shapes<NetworkPolicy>,
}

impl Lists {
    /// `None` where something is wrong with them.
    pub fn read(sources: &Sources, files: &[FileId]) -> Option<Self> {
        Some(Self { files: read(sources, files).ok()?, shapes: Shapes::default() })
    }
}

impl Shared for Lists {
    fn files(&self) -> &[normal::File] {
        &self.files
    }

    fn read(&self, sources: &Sources, files: &[FileId]) -> Option<Vec<normal::File>> {
        read(sources, files).ok()
    }

    fn read_alike(&self, sources: &Sources, files: &[FileId]) -> Option<Vec<normal::File>> {
        objects(sources, files, Some(&self.shapes)).ok()
    }

    fn is_whole(&self) -> bool {
        true
    }
}

/// Manifests of any origin, as each of the engines understands them.
pub fn readings(docs: &[Doc<'_>], assumed: &Assumed) -> Result<Vec<Reading>, Vec<Diagnostic>> {
    let given = reading::given(docs, KINDS, |reader, _| networkpolicy::read(reader))?;
    let means = |mode: Mode| given.iter().cloned().filter_map(|policy| policy.means(&mode)).collect();
    let reading = |engine, policies| Reading { engine, assuming: None, policies, notes: vec![] };
    let local = assumed.get(LOCAL_CLUSTER).is_some_and(|local| *local);
    Ok(vec![
        reading(CALICO, means(BY_THE_LETTER)),
        reading(CILIUM, means(Mode { negations_reach_out: !local, ..AS_CILIUM })),
    ])
}
