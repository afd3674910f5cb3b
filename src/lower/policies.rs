//! Grouping of grants into policies: one for each subject, direction and peer.

use std::collections::BTreeMap;

use super::name::{MAX_NAME, shorten};
use super::{About, ExternalSet, NamespacePolicies, Policies, Policy, Rule, Shared};
use crate::model::{
    AppId, Direction, Edge, EdgeId, Endpoint, ExternalId, Given, GrantIndex, Model, Origin, PortRange, Sym, TierId,
};

/// All policies that the model's grants need.
pub fn lower(model: &Model) -> Policies {
    let lowering = Lowering::new(model);
    let namespaces = model.namespaces.keys().map(|name| (name.clone(), lowering.namespace(name))).collect();
    Policies { namespaces, shared: lowering.shared() }
}

/// The same, namespace by namespace: what is asked for is made, and nothing is kept.
#[derive(Debug)]
pub struct Lowering<'m> {
    model: &'m Model,
    index: GrantIndex<'m>,
}

impl<'m> Lowering<'m> {
    /// Of a model.
    pub fn new(model: &'m Model) -> Self {
        Self { model, index: GrantIndex::new(model) }
    }

    /// The policies of one namespace; none where nobody manages it.
    pub fn namespace(&self, namespace: &Sym) -> NamespacePolicies {
        let model = self.model;
        let mut about = About::default();
        for app in model.namespaces.get(namespace).into_iter().flatten() {
            credit(model, *app, &mut about);
        }
        let mut named: Vec<(String, Given<'m>)> =
            self.index.of(namespace).map(|given| (name(model, &given), given)).collect();
        // Grants of one policy stay in their order.
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut allows: Vec<Policy> = Vec::with_capacity(named.len());
        let mut last: Option<&str> = None;
        for (name, given) in &named {
            if last != Some(name.as_str()) {
                allows.push(Policy {
                    name: shorten(name, MAX_NAME),
                    subject: given.labels.clone(),
                    direction: given.direction,
                    rules: vec![],
                    about: About::default(),
                });
                last = Some(name.as_str());
            }
            if let Some(policy) = allows.last_mut() {
                add(model, policy, given);
            }
        }
        // Sorted by the whole name; what is shown may be shortened.
        allows.sort_by(|a, b| a.name.cmp(&b.name));
        NamespacePolicies { namespace: namespace.clone(), about, allows }
    }

    /// What belongs to no namespace.
    pub fn shared(&self) -> Shared {
        let model = self.model;
        let mut used: BTreeMap<ExternalId, Vec<(EdgeId, &Edge)>> = BTreeMap::new();
        for (id, edge) in model.edges() {
            if let (Endpoint::Tier(_), Endpoint::External(external)) = (edge.from, edge.to)
                && !model[external].addresses.is_empty()
            {
                used.entry(external).or_default().push((id, edge));
            }
        }
        let set = |(external, edges): (ExternalId, Vec<(EdgeId, &Edge)>)| {
            let mut about = About::default();
            edges.iter().for_each(|(_, edge)| credit(model, edge.app, &mut about));
            about.flows = edges.iter().map(|(id, _)| model.origin_name(Origin::Edge(*id))).collect();
            ExternalSet { external, name: shorten(&external_name(model, external), MAX_NAME), about }
        };
        let mut externals: Vec<ExternalSet> = used.into_iter().map(set).collect();
        externals.sort_by(|a, b| a.name.cmp(&b.name));
        Shared { guards: model.guards(), externals }
    }
}

/// Adds a grant to its policy.
fn add(model: &Model, policy: &mut Policy, given: &Given<'_>) {
    credit(model, model.origin_app(given.origin), &mut policy.about);
    policy.about.flows.insert(model.origin_name(given.origin));
    if let Origin::Edge(edge) = given.origin {
        policy.about.whys.extend(model[edge].why.clone());
    }
    add_rule(model, policy, given);
}

/// The app's name and the external's; those of the project file belong to `netpolc`, which no app can be called.
fn external_name(model: &Model, id: ExternalId) -> String {
    let external = &model[id];
    let owner = external.app.map_or("netpolc", |app| &model[app].name);
    format!("{owner}--{}", external.name)
}

fn credit(model: &Model, app: AppId, about: &mut About) {
    let app = &model[app];
    about.apps.insert(app.name.clone());
    about.owners.extend(app.owner.clone());
    about.sources.insert(app.path.clone());
}

/// Adds a grant to its policy: to the rule with the same peers, else to the one with the same ports, else as a new rule.
fn add_rule(model: &Model, policy: &mut Policy, given: &Given<'_>) {
    let alike = |rule: &&mut Rule| rule.http == given.http;
    let mut same = policy.rules.iter_mut().filter(alike);
    if let Some(rule) = same.find(|rule| matches!(rule.peers.as_slice(), [peer] if peer.borrowed() == given.peer)) {
        let ports: Vec<PortRange> = rule.ports.iter().chain(given.ports).copied().collect();
        rule.ports = PortRange::normalize(ports).into();
        return;
    }
    let mut same = policy.rules.iter_mut().filter(alike);
    if let Some(rule) = same.find(|rule| *rule.ports == *given.ports) {
        rule.peers.push(given.peer.owned());
        rule.peers.sort();
        return;
    }
    let (edge, ports) = match given.origin {
        Origin::Edge(edge) => (Some(edge), model[edge].ports.clone()),
        Origin::Dns(_) | Origin::Metrics(_) | Origin::Scraper(_) => (None, given.ports.into()),
    };
    policy.rules.push(Rule {
        peers: vec![given.peer.owned()],
        ports,
        http: given.http.to_vec(),
        edge,
        span: model.origin_span(given.origin),
    });
    if policy.rules.len() > 1 {
        policy.rules.sort_by(|a, b| (&a.peers, &a.ports, &a.http).cmp(&(&b.peers, &b.ports, &b.http)));
    }
}

/// Subject, direction and peer, joined by `--`, which no name holds: so no two policies of a namespace can meet in one
/// name. The third part is always a fixed word, and apps cannot be called `scrapers` or `netpolc`.
fn name(model: &Model, grant: &Given<'_>) -> String {
    // Every policy has one, so it is written in one piece.
    let mut name = String::with_capacity(96);
    let tier = |id: TierId| [&*model[model[id].app].name, "--", &*model[id].name];
    match grant.origin {
        Origin::Edge(id) => {
            let edge: &Edge = &model[id];
            let (subject, word, peer) = match grant.direction {
                Direction::Egress => (edge.from, "--egress-to--", edge.to),
                Direction::Ingress => (edge.to, "--ingress-from--", edge.from),
            };
            let app = match subject {
                Endpoint::Tier(id) => {
                    name.extend(tier(id));
                    model[id].app
                }
                // Grants have managed subjects only.
                other => {
                    name.push_str(&model.endpoint_name(other, edge.app));
                    edge.app
                }
            };
            name.push_str(word);
            push_peer_name(model, peer, app, &mut name);
        }
        Origin::Dns(id) => name.extend(tier(id).into_iter().chain(["--egress-dns"])),
        Origin::Metrics(id) => name.extend(tier(id).into_iter().chain(["--ingress-metrics"])),
        Origin::Scraper(id) => name.extend(["scrapers--egress-to--"].into_iter().chain(tier(id))),
    }
    name
}

/// Adds the peer's name as seen from the subject's app; `app--name` for what another app declares.
fn push_peer_name(model: &Model, peer: Endpoint, app: AppId, out: &mut String) {
    let (owner, name): (Option<AppId>, &str) = match peer {
        Endpoint::Tier(id) => (Some(model[id].app), &model[id].name),
        Endpoint::Peer(id) => (Some(model[id].app), &model[id].name),
        Endpoint::External(id) => (model[id].app, &model[id].name),
        Endpoint::Builtin(builtin) => return out.push_str(builtin.name()),
    };
    match owner {
        Some(owner) if owner == app => out.push_str(name),
        Some(owner) => out.extend([&model[owner].name, "--", name]),
        None => out.extend(["netpolc--", name]),
    }
}
