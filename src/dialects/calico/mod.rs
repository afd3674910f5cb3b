//! Calico, `projectcalico.org/v3`.
//!
//! In: policies neutral of a dialect. Out: for each managed namespace a default deny and a file of allows, for each
//! approved external its sets, for each guard a tier with its policy. Apart from that, and sharing no code with it, the
//! reader.
//!
//! Policies are GlobalNetworkPolicies, so that one kind holds for pairs of namespaces and for guards; each names its
//! namespace, so that none governs host endpoints.

mod guards;
mod limits;
mod name;
mod reader;
mod review;
mod selector;
mod sets;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeSet;

use serde::Serialize;

use self::guards::TierView;
use self::name::DEFAULT_TIER;
use self::selector::Unsayable;
use self::sets::{SetView, Sets};
use self::view::{PolicyView, RuleView, SideView};
use super::reading::Kinds;
use super::reading::text::Doc;
use super::writing::layout::{ALLOW, BASELINE, DEFAULT_DENY, EXTERNALS, GUARDS, TIERS, placed};
use super::writing::{Intents, about, turn};
use super::{Assumed, Dialect, Document, Review, Shared, Writer};
use crate::diag::{Diagnostic, quote};
use crate::lower::{self, NamespacePolicies, Policy};
use crate::model::{Direction, Guard, Model, PeerSet};
use crate::source::{FileId, Sources};
use crate::verify::normal::{self, Capabilities, Staging};

/// Name of the dialect.
const NAME: &str = "calico";

/// Where its operator runs, and what it installs (tigera/operator, pkg/common).
const AGENTS: &[&str] = &["calico-apiserver", "calico-system", "tigera-operator"];

/// Orders in a tier, of which the lowest is read first. Kubernetes' own policies stand at 1000 in the tier `default`: what
/// is allowed here is decided before them, and the baseline comes after them, so that theirs still add to it.
const DNS_ORDER: u32 = 400;
const ALLOW_ORDER: u32 = 500;
const BASELINE_ORDER: u32 = 2000;

/// Calico, `projectcalico.org/v3`.
#[derive(Debug)]
pub struct Calico;

impl Dialect for Calico {
    fn name(&self) -> &'static str {
        NAME
    }

    fn templates(&self) -> &'static [(&'static str, &'static str)] {
        embedded!["calico": "kustomization.yaml.j2", "policies.yaml.j2", "sets.yaml.j2"]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // Open-source Calico has HTTP rules only with a proxy in every pod, and no domains.
            http: false,
            host_names: false,
            entities: false,
            local_redirect: false,
            guards: true,
            staged: Staging::Whole,
            log_denied: true,
        }
    }

    fn agents(&self) -> &'static [&'static str] {
        AGENTS
    }

    fn review(&self, model: &Model) -> Review {
        review::review(model)
    }

    fn writer<'m>(&self, model: &'m Model, shared: &'m lower::Shared) -> Box<dyn Writer + 'm> {
        Box::new(OfModel { model, sets: Sets::new(model, &shared.externals), guards: &shared.guards })
    }

    fn read(&self, sources: &Sources, files: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
        reader::read(sources, files)
    }

    fn shared(&self, sources: &Sources, files: &[FileId]) -> Option<Box<dyn Shared>> {
        Some(Box::new(reader::Beside::read(sources, files)?))
    }

    fn kinds(&self) -> Kinds {
        reader::KINDS
    }

    fn asks_for_namespaces(&self) -> bool {
        // Network sets inherit them.
        true
    }

    fn readings(&self, docs: &[Doc<'_>], assumed: &Assumed) -> Result<Vec<normal::Reading>, Vec<Diagnostic>> {
        reader::readings(docs, assumed)
    }
}

/// How the project file wants policies.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// They only report.
    pub staged: bool,
    /// What is denied is logged.
    log_denied: bool,
}

impl Wording {
    /// As the profile says.
    fn of(model: &Model) -> Self {
        Self { staged: model.profile.staged, log_denied: model.profile.log_denied }
    }

    /// The kind of policies.
    fn kind(self) -> &'static str {
        if self.staged { "StagedGlobalNetworkPolicy" } else { "GlobalNetworkPolicy" }
    }

    /// What is logged before it is denied.
    fn logged(self) -> Vec<RuleView> {
        if self.log_denied { vec![view::every("Log")] } else { vec![] }
    }

    /// What denies everything that was not allowed before.
    fn denied(self) -> Vec<RuleView> {
        let mut rules = self.logged();
        rules.push(view::every("Deny"));
        rules
    }
}

#[derive(Serialize)]
struct PoliciesView<'a> {
    tier: Option<TierView>,
    policies: Vec<PolicyView<'a>>,
}

#[derive(Serialize)]
struct SetsView<'a> {
    sets: &'a [SetView<'a>],
}

/// What writes a model.
struct OfModel<'m> {
    model: &'m Model,
    sets: Sets<'m>,
    guards: &'m [Guard],
}

impl Writer for OfModel<'_> {
    fn namespace(&self, policies: &NamespacePolicies, errors: &mut Vec<Diagnostic>) -> Vec<Document> {
        let baseline = baseline(self.model, policies, errors);
        let parts = [(BASELINE, baseline), (ALLOW, allow(self.model, &self.sets, policies, errors))];
        let place = |(folder, document): (&str, Option<Document>)| Some(placed(folder, &policies.namespace, document?));
        parts.into_iter().filter_map(place).collect()
    }

    fn cluster(&self, errors: &mut Vec<Diagnostic>) -> Vec<Document> {
        let mut documents = vec![];
        for guard in self.guards {
            match guards::guard(guard, Wording::of(self.model)) {
                Ok((tier, policy)) => {
                    let weight = limits::weight(&policy);
                    let view = PoliciesView { tier: None, policies: vec![policy] };
                    let document = Document::new("", "policies.yaml.j2", view, weight, []);
                    documents.push(placed(GUARDS, guard.name(), document));
                    let view = PoliciesView { tier: Some(tier), policies: vec![] };
                    documents.push(placed(TIERS, guard.name(), Document::new("", "policies.yaml.j2", view, 800, [])));
                }
                Err(why) => errors.push(review::explain(&why, None, "the namespaces that a guard leaves out")),
            }
        }
        for (external, sets) in self.sets.objects() {
            let bytes =
                |set: &SetView<'_>| 600 + set.name.len() + set.nets.iter().map(|net| net.len() + 10).sum::<usize>();
            let annotations =
                sets.iter().flat_map(|set| &set.annotations).map(|(key, text)| key.len() + text.len() + 10);
            let weight = sets.iter().map(bytes).sum::<usize>() + annotations.sum::<usize>();
            let sources = external.about.sources.iter().cloned();
            let document = Document::new("", "sets.yaml.j2", SetsView { sets }, weight, sources);
            documents.push(placed(EXTERNALS, &external.name, document));
        }
        documents
    }
}

/// The default deny of a namespace. In the tier `default` it needs no rules, as the end of that tier denies; what the end
/// of another tier does is not ours to say.
fn baseline(model: &Model, namespace: &NamespacePolicies, errors: &mut Vec<Diagnostic>) -> Option<Document> {
    let wording = Wording::of(model);
    let tier = &model.profile.tier;
    let rules = if **tier == *DEFAULT_TIER { wording.logged() } else { wording.denied() };
    let both = [Direction::Ingress, Direction::Egress];
    let side = |direction| SideView { key: view::side_key(direction), rules: rules.clone() };
    let namespace_selector = match selector::namespace(&namespace.namespace) {
        Ok(selector) => selector,
        Err(why) => {
            errors.push(review::explain(&why, None, &format!("the namespace {}", quote(&namespace.namespace))));
            return None;
        }
    };
    let policy = PolicyView {
        kind: wording.kind(),
        name: name::policy(tier, &namespace.namespace, DEFAULT_DENY),
        annotations: about::owners(&namespace.about, turn::DENY),
        staged: wording.staged,
        tier,
        order: BASELINE_ORDER,
        namespace_selector: namespace_selector.into(),
        selector: "all()".to_owned(),
        types: both.map(view::type_name).to_vec(),
        sides: if rules.is_empty() { vec![] } else { both.map(side).to_vec() },
    };
    let weight = limits::weight(&policy);
    let view = PoliciesView { tier: None, policies: vec![policy] };
    Some(Document::new("", "policies.yaml.j2", view, weight, namespace.about.sources.iter().cloned()))
}

fn allow(
    model: &Model,
    sets: &Sets<'_>,
    namespace: &NamespacePolicies,
    errors: &mut Vec<Diagnostic>,
) -> Option<Document> {
    let name = |policy: &Policy| name::policy(&model.profile.tier, &namespace.namespace, &policy.name);
    let selector = selector::namespace(&namespace.namespace);
    let mut taken: Option<BTreeSet<String>> = None;
    let mut sources = Intents::default();
    let mut policies = Vec::with_capacity(namespace.allows.len());
    let mut weight = 0;
    for policy in &namespace.allows {
        let Some(view) = policy_view(model, sets, (namespace, &selector), policy, errors) else { continue };
        sources.extend(&policy.about.sources);
        let whole = limits::weight(&view);
        if limits::fits(&view, whole) {
            weight += whole;
            policies.push(view);
            continue;
        }
        let all_names = || namespace.allows.iter().map(name).collect();
        let objects = limits::split(view, taken.get_or_insert_with(all_names));
        weight += objects.iter().map(limits::weight).sum::<usize>();
        policies.extend(objects);
    }
    if policies.is_empty() {
        return None;
    }
    let view = PoliciesView { tier: None, policies };
    Some(Document::new("", "policies.yaml.j2", view, weight, sources.paths()))
}

/// `None` when no rule is left that Calico could say: a policy without rules would be a deny.
fn policy_view<'a>(
    model: &'a Model,
    sets: &Sets<'_>,
    (namespace, selector): (&NamespacePolicies, &'a Result<String, Unsayable>),
    policy: &'a Policy,
    errors: &mut Vec<Diagnostic>,
) -> Option<PolicyView<'a>> {
    let mut rules = vec![];
    for rule in &policy.rules {
        match view::rules(model, sets, policy.direction, rule) {
            Ok(views) => rules.extend(views),
            Err(why) => errors.push(review::explain(&why, Some(rule.span), "this peer")),
        }
    }
    let selectors = match selector {
        Ok(namespace) => selector::pods(&policy.subject).map(|pods| (namespace.as_str(), pods)),
        Err(why) => Err(why.clone()),
    };
    let (namespace_selector, selector) = match selectors {
        Ok(selectors) => selectors,
        Err(why) => {
            let span = policy.rules.first().map(|rule| rule.span);
            errors.push(review::explain(&why, span, "these pods"));
            return None;
        }
    };
    if rules.is_empty() {
        return None;
    }
    let wording = Wording::of(model);
    let is_dns = policy.rules.iter().all(|rule| rule.peers.iter().all(|peer| matches!(peer, PeerSet::Dns(_))));
    Some(PolicyView {
        kind: wording.kind(),
        name: name::policy(&model.profile.tier, &namespace.namespace, &policy.name),
        annotations: about::annotations(&policy.about, turn::ALLOW),
        staged: wording.staged,
        tier: &model.profile.tier,
        order: if is_dns { DNS_ORDER } else { ALLOW_ORDER },
        namespace_selector: namespace_selector.into(),
        selector,
        types: vec![view::type_name(policy.direction)],
        sides: vec![SideView { key: view::side_key(policy.direction), rules }],
    })
}
