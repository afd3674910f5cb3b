//! The law: when two descriptions of one side of one namespace mean the same.
//!
//! In: what the intent grants and what the policies say, for the pods of one managed namespace in one direction.
//! Out: nothing, or the differences, each a concrete pod, other end and port. Never a sample: the comparison decides all
//! pods, all addresses and all ports.
//!
//! 1. **Isolation.** A pod that no policy of the direction selects may do everything; a selected one may do the union of
//!    what the matching rules allow, and nothing else. The intent isolates every pod of a managed namespace. A pod
//!    without labels is selected by empty selectors only, and an empty selector selects every pod: so all pods are
//!    isolated exactly when some isolating policy has an empty selector.
//! 2. **Least pods.** Every selector is a conjunction of label equalities. A pod with labels P satisfies exactly the
//!    selectors s ⊆ P, so it may do allowed(P) = ∪ { rules(s) : s ⊆ P }. It is enough to look at the least pods, those
//!    whose labels are exactly some selector: if one side allows more to P, it does so by some rule of a selector
//!    s ⊆ P; the other side, which lacks it at P, lacks it at the pod s too, as every t ⊆ s is also ⊆ P. Each selector
//!    has one value a key, so the least pod exists.
//! 3. **Only selectors whose own rules differ** need a look: in 2, the other side lacks at s what rules(s) allows, so
//!    its own rules for s lack it too.
//! 4. **Other ends that are pods** follow 2 as well: labels of the pod and labels of its namespace are equalities over
//!    two sets of keys; a namespace's name is its label `kubernetes.io/metadata.name`. A namespace that is asked for by
//!    other labels may have any other name.
//! 5. **Addresses** are cut at every boundary of both sides' blocks: within a piece all addresses are in the same
//!    blocks. Pods are matched by pod selectors and addresses by blocks.
//! 6. **Everyone** includes all pods, all addresses, and what nothing else names: nodes, load balancers.
//! 7. **Ports** are exact sets for each protocol. An HTTP request is known by the words of the rule that describes it; what
//!    may pass grows with rules, so 2 holds for requests as it does for pods ([`Traffic`]).
//! 8. Whether a block matches pods whose addresses it covers differs between CNIs. A block over the cluster's pod ranges
//!    is a difference unless every pod is allowed on its ports anyway. A target that tells pods and addresses apart has no
//!    such blocks.
//! 9. **Entities and host names** are matched by themselves alone. That the API server may run on a node, or that a name
//!    may have an address that a block holds, only adds what both sides add.

use indexmap::{IndexMap, IndexSet};
use ipnet::IpNet;

use super::allowed::{Allowed, Difference, any_satisfied, satisfied};
use super::normal::Peer;
use super::traffic::Traffic;
use crate::model::Labels;

/// One side of one namespace: rules by the selector of their subject.
#[derive(Debug, Clone, Default)]
pub(super) struct Relation {
    /// Selectors of isolated pods.
    isolated: IndexSet<Labels>,
    /// What the pods of a selector may do by rules for exactly this selector.
    rules: IndexMap<Labels, Allowed>,
}

/// A concrete difference between two relations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// A pod without labels is not isolated.
    Open,
    /// A pod with exactly these labels may do more than it should.
    Extra(Labels, Difference),
    /// A pod with exactly these labels may do less than it should.
    Missing(Labels, Difference),
    /// A pod with these labels may reach a range that some CNIs take for pods too.
    Ambiguous(Labels, IpNet, Traffic),
}

impl Relation {
    pub(super) fn isolate(&mut self, subject: &Labels) {
        self.isolated.insert(subject.clone());
    }

    pub(super) fn allow(&mut self, subject: &Labels, peers: &[Peer], traffic: &Traffic) {
        let allowed = self.rules.entry(subject.clone()).or_default();
        peers.iter().for_each(|peer| allowed.add(peer, traffic));
    }

    /// Whether a pod with exactly these labels is isolated.
    pub(super) fn isolates(&self, labels: &Labels) -> bool {
        any_satisfied(&self.isolated, labels)
    }

    /// What a pod with exactly these labels may do by rules, isolated or not.
    pub(super) fn allowed(&self, labels: &Labels) -> Allowed {
        let mut all = Allowed::default();
        satisfied(&self.rules, labels).into_iter().for_each(|allowed| all.merge(allowed));
        all
    }

    /// What may pass between a pod with exactly these labels and every end of a peer by rules.
    pub(super) fn towards_all(&self, labels: &Labels, peer: &Peer) -> Traffic {
        let mut ports = Traffic::default();
        satisfied(&self.rules, labels).into_iter().for_each(|allowed| ports.add(&allowed.towards_all(peer)));
        ports
    }

    /// Selectors with rules, and what the rules allow, in order.
    pub(super) fn subjects(&self) -> Vec<(&Labels, &Allowed)> {
        let mut subjects: Vec<_> = self.rules.iter().collect();
        subjects.sort_unstable_by_key(|(labels, _)| (labels.len(), *labels));
        subjects
    }

    /// The differences of what is said (`self`) from what is meant. `pod_ranges`: addresses of pods, as far as known.
    pub(super) fn compare(&self, meant: &Self, pod_ranges: &[IpNet]) -> Vec<Finding> {
        if !self.isolates(&Labels::default()) {
            return vec![Finding::Open]; // 1
        }
        let mut findings = self.differences(meant);
        if !pod_ranges.is_empty() {
            for (labels, allowed) in self.subjects() {
                // A cheap look first: most selectors have no such block.
                let over = allowed.blocks_over(pod_ranges).and_then(|_| self.allowed(labels).blocks_over(pod_ranges));
                findings.extend(over.map(|(block, ports)| Finding::Ambiguous(labels.clone(), block, ports))); // 8
            }
        }
        findings
    }

    /// The differences of rules alone, whoever is isolated.
    pub(super) fn differences(&self, meant: &Self) -> Vec<Finding> {
        let mut findings = vec![];
        for least in self.differing(meant) {
            let (said, meant) = (self.allowed(least), meant.allowed(least)); // 2
            findings.extend(said.exceeds(&meant).map(|more| Finding::Extra(least.clone(), more)));
            findings.extend(meant.exceeds(&said).map(|less| Finding::Missing(least.clone(), less)));
        }
        findings
    }

    /// 3: smallest selectors first, so that the most general difference is the one shown.
    fn differing<'a>(&'a self, meant: &'a Self) -> Vec<&'a Labels> {
        let nothing = Allowed::default();
        let differs = |labels: &&Labels| {
            self.rules.get(*labels).unwrap_or(&nothing) != meant.rules.get(*labels).unwrap_or(&nothing)
        };
        let mut differing: Vec<_> = self.rules.keys().chain(meant.rules.keys()).filter(differs).collect();
        differing.sort_unstable_by_key(|labels| (labels.len(), *labels));
        differing.dedup();
        differing
    }
}
