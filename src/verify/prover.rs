//! The proof, one namespace after another: for those who hold no more than the policies of one at a time.
//!
//! In: the model, the policies that belong to no namespace, then the policies of each managed namespace, in any order and from
//! many threads. Out: the same [`Proof`] that [`prove`](super::prove) gives of all of them together, or [`Undecided`]: then
//! `prove` is asked, which finds and words what is wrong. What is decided here is only ever that all is well.
//!
//! Why the parts prove the whole. `prove` finds a mismatch by one of these, and each is looked at in some part:
//!
//! 1. *What a target cannot say.* It follows from the model alone: [`Prover::new`].
//! 2. *Two objects of one name.* An object of a namespace is only taken in that namespace's part, and every namespace has
//!    one part, so two of one name are seen there. Names that are taken in the whole cluster are kept as hashes over all
//!    parts: equal names have equal hashes, and where two are equal nothing is decided.
//! 3. *Policies that report where they should enforce, and namespaces that nobody manages*: each policy by itself.
//! 4. *Whether policies add up.* A part's policies govern pods of that one namespace and nothing else, those of no namespace
//!    allow nothing. So an allow meets denials of its own part, which are judged there as `prove` judges them (in one
//!    namespace only the order among its own policies counts), and denials of no namespace. Of these the numbers of the
//!    tiers are compared, which must therefore be the same in all parts, while orders may be counted in each part by itself:
//!    where both stand in one tier nothing is decided. A tier of unknown end must be closed by a policy of the part
//!    itself, or of those of no namespace by one of them; more policies close no less.
//! 5. *Guards* are compared without the policies of namespaces: [`Prover::new`]. That they take nothing away from what
//!    a namespace's policies allow is asked in its part, with all guards at hand.
//! 6. *What the policies of a namespace say, against what is meant* and *host names that stay unknown* concern the policies of
//!    one namespace, which stand in its part, and those of no namespace, which allow nothing.
//! 7. *Forbids* follow chains over all namespaces. What policies permit is kept of each part, without their names, and
//!    [`Prover::finish`] looks at all of it together, as `prove` does.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::expected::{self, Permission, Terms};
use super::forbidden::Follow;
use super::normal::{self, Capabilities, Namespaces, Peer, Rule};
use super::quick::{self, Peers};
use super::sum::{self, Scope};
use super::{Permitted, Proof, guards, names, of_namespace};
use crate::model::{self, GrantIndex, Model, Permit, Sym};

/// Something is out of the ordinary, or wrong: only the whole proof can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided;

/// A namespace whose policies are what is meant.
#[derive(Debug)]
pub struct Part {
    /// Which one.
    number: u32,
    /// Hashes of its objects' names that are taken in the whole cluster, each once.
    names: Vec<u64>,
    /// What its policies permit, where something is forbidden.
    permits: Vec<Permit>,
}

/// What all parts are held against.
#[derive(Debug)]
pub struct Prover<'a> {
    terms: Terms<'a>,
    grants: GrantIndex<'a>,
    /// The policies of no namespace.
    clusterwide: Vec<sum::Policy>,
    denials: Vec<sum::Denial>,
    names: Vec<u64>,
    peers: Peers,
    follow: Option<Follow<'a>>,
}

impl<'a> Prover<'a> {
    /// Takes the policies of no namespace. `can` and `permitted` as for [`prove`](super::prove).
    ///
    /// # Errors
    /// Where namespaces cannot be proved one by one, or something is wrong already.
    pub fn new(
        model: &'a Model,
        can: Capabilities,
        permitted: &'a Permitted,
        clusterwide: &[normal::Policy],
    ) -> Result<Self, Undecided> {
        let terms = Terms { model, can, permitted };
        let is_ours = |policy: &normal::Policy| policy.namespace.is_none() && policy.staged == model.profile.staged;
        let sums = sum::of(clusterwide);
        let is_guard = |policy: &sum::Policy| matches!(policy.scope, Scope::AllBut(_)) && policy.rules.is_empty();
        let plain = sums.adds_up() && sums.policies.iter().all(is_guard) && clusterwide.iter().all(is_ours);
        if !plain || !expected::inexpressible(terms).is_empty() {
            return Err(Undecided);
        }
        let guards: Vec<&sum::Policy> = sums.policies.iter().collect();
        if !guards::compare(terms, &guards).is_empty() {
            return Err(Undecided);
        }
        let (denials, names) = (sum::denials(clusterwide), objects(clusterwide)?);
        let (grants, peers) = (GrantIndex::new(model), Peers::of(terms));
        let follow = (!model.forbids.is_empty()).then(|| Follow::new(model, can));
        Ok(Self { terms, grants, clusterwide: sums.policies, denials, names, peers, follow })
    }

    /// Proves a managed namespace by its policies: all of them, and no others.
    ///
    /// # Errors
    /// Where they say something else, or something is out of the ordinary.
    pub fn namespace(&self, namespace: &Sym, policies: &[normal::Policy]) -> Result<Part, Undecided> {
        let number = self.grants.number(namespace).ok_or(Undecided)?;
        let staged = self.terms.model.profile.staged;
        let is_ours = |policy: &normal::Policy| {
            policy.staged == staged
                && policy.namespace.as_ref().is_none_or(|name| name == namespace)
                && matches!(&policy.subject.namespaces, Namespaces::Named(name) if name == namespace)
        };
        if !policies.iter().all(is_ours) || sum::may_be_cut(policies, &self.denials) {
            return Err(Undecided);
        }
        let names = objects(policies)?;
        let is_meant = self.is_meant(namespace, policies) || self.compare(namespace, policies);
        if !is_meant {
            return Err(Undecided);
        }
        let permits = self.follow.as_ref().map(|follow| {
            let nameless = |_: &sum::Policy| String::new();
            sum::of(policies).policies.iter().flat_map(|policy| follow.permits(policy, nameless)).collect()
        });
        Ok(Part { number, names, permits: permits.unwrap_or_default() })
    }

    /// The proof of all parts: one for each managed namespace.
    ///
    /// # Errors
    /// Where a part is missing or there twice, two parts have objects of one name, or something is permitted that is
    /// forbidden.
    pub fn finish(&self, parts: impl IntoIterator<Item = Part>) -> Result<Proof, Undecided> {
        let mut proved = vec![false; self.terms.model.namespaces.len()];
        let (mut names, mut permits) = (self.names.clone(), vec![]);
        for part in parts {
            match proved.get_mut(part.number as usize) {
                Some(proved) if !*proved => *proved = true,
                _ => return Err(Undecided),
            }
            names.extend(part.names);
            permits.extend(part.permits);
        }
        if !model::violations(self.terms.model, permits).is_empty() {
            return Err(Undecided);
        }
        names.sort_unstable();
        let is_taken = names.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
        match is_taken || proved.contains(&false) {
            true => Err(Undecided),
            false => Ok(Proof { flows: expected::flows(self.terms, self.grants.all()) }),
        }
    }

    /// Whether this shows at first sight: nearly always.
    fn is_meant(&self, namespace: &Sym, policies: &[normal::Policy]) -> bool {
        let Self { terms, grants, clusterwide, peers, .. } = self;
        let Some(said) = sum::simple(policies) else { return false };
        let allows = || said.iter().flat_map(sum::Simple::allows);
        let learns = |rule: &Rule| rule.dns_proxy || rule.peers.iter().any(|peer| matches!(peer, Peer::Name(_)));
        !said.iter().any(sum::Simple::denies)
            && !allows().any(learns)
            && !guards::meets(terms.can, namespace, clusterwide, allows())
            && quick::is_meant(*terms, peers, grants.of(namespace), &said)
    }

    /// Whether the policies of a namespace add up to what is meant.
    fn compare(&self, namespace: &Sym, policies: &[normal::Policy]) -> bool {
        let Self { terms, grants, clusterwide, .. } = self;
        let sums = sum::of(policies);
        if !sums.adds_up() {
            return false;
        }
        let said: Vec<&sum::Policy> = sums.policies.iter().collect();
        if said.iter().any(|policy| !policy.denies.is_empty()) {
            return false;
        }
        let meant: Vec<Permission> = grants.of(namespace).map(|given| expected::permission(*terms, &given)).collect();
        let guards: Vec<&sum::Policy> = clusterwide.iter().collect();
        of_namespace(*terms, namespace, &meant, &said).is_empty()
            && guards::cut(terms.can, namespace, &said, &guards).is_empty()
            && names::unlearned(*terms, namespace, &said).is_empty()
    }
}

/// Hashes of the names that objects take in the whole cluster. One object may give several policies, which share its place.
fn objects(policies: &[normal::Policy]) -> Result<Vec<u64>, Undecided> {
    let mut objects: Vec<(&str, Option<&Sym>, &str, _)> = policies
        .iter()
        .map(|policy| (policy.kind, policy.namespace.as_ref(), policy.name.as_str(), policy.span))
        .collect();
    objects.sort_unstable();
    objects.dedup();
    if objects.windows(2).any(|pair| matches!(pair, [a, b] if (a.0, a.1, a.2) == (b.0, b.1, b.2))) {
        return Err(Undecided);
    }
    let hash = |(kind, _, name, _): (&str, _, &str, _)| {
        let mut hasher = DefaultHasher::new();
        // To Calico both are one name; see its reader.
        (kind, name.strip_prefix("default.").unwrap_or(name)).hash(&mut hasher);
        hasher.finish()
    };
    Ok(objects.into_iter().filter(|(_, namespace, ..)| namespace.is_none()).map(hash).collect())
}
