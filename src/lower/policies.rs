//! Grouping of grants into policies: one for each subject, direction and peer.

use std::collections::BTreeMap;

use super::name::{MAX_NAME, shorten};
use super::{About, ExternalSet, NamespacePolicies, Policies, Policy, Rule};
use crate::model::{
    AppId, Direction, Edge, Endpoint, ExternalId, Grant, HttpRule, Model, Origin, PeerSet, PortRange, Sym, TierId,
};

/// All policies that the model's grants need.
pub fn lower(model: &Model) -> Policies {
    let mut namespaces: BTreeMap<Sym, NamespacePolicies> = BTreeMap::new();
    for (namespace, apps) in &model.namespaces {
        let mut about = About::default();
        for app in apps {
            credit(model, *app, &mut about);
        }
        let policies = NamespacePolicies { namespace: namespace.clone(), about, allows: vec![] };
        namespaces.insert(namespace.clone(), policies);
    }
    let mut allows: BTreeMap<(Sym, String), Policy> = BTreeMap::new();
    let mut externals: BTreeMap<ExternalId, About> = BTreeMap::new();
    for grant in model.grants() {
        if let PeerSet::External(id) = grant.peer
            && !model[id].addresses.is_empty()
        {
            let about = externals.entry(id).or_default();
            credit(model, model.origin_app(grant.origin), about);
            about.flows.insert(model.origin_name(grant.origin));
        }
        let name = name(model, &grant);
        let policy = allows.entry((grant.subject.namespace.clone(), name)).or_insert_with_key(|(_, name)| Policy {
            name: shorten(name, MAX_NAME),
            subject: grant.subject.labels.clone(),
            direction: grant.direction,
            rules: vec![],
            about: About::default(),
        });
        credit(model, model.origin_app(grant.origin), &mut policy.about);
        policy.about.flows.insert(model.origin_name(grant.origin));
        if let Origin::Edge(edge) = grant.origin {
            policy.about.whys.extend(model[edge].why.clone());
        }
        add_rule(model, policy, &grant);
    }
    for ((namespace, _), policy) in allows {
        if let Some(policies) = namespaces.get_mut(&namespace) {
            policies.allows.push(policy);
        }
    }
    // The map is sorted by the whole name; what is shown may be shortened.
    for policies in namespaces.values_mut() {
        policies.allows.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let mut externals: Vec<ExternalSet> = externals
        .into_iter()
        .map(|(external, about)| ExternalSet {
            external,
            name: shorten(&external_name(model, external), MAX_NAME),
            about,
        })
        .collect();
    externals.sort_by(|a, b| a.name.cmp(&b.name));
    Policies { namespaces, guards: model.guards(), externals }
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
fn add_rule(model: &Model, policy: &mut Policy, grant: &Grant) {
    let http: Vec<HttpRule> = grant.http.to_vec();
    let edge = match grant.origin {
        Origin::Edge(edge) => Some(edge),
        Origin::Dns(_) | Origin::Metrics(_) | Origin::Scraper(_) => None,
    };
    let mut alike = policy.rules.iter_mut().filter(|rule| rule.http == http);
    if let Some(rule) = alike.find(|rule| rule.peers.as_slice() == [grant.peer.clone()]) {
        let ports: Vec<PortRange> = rule.ports.iter().chain(grant.ports.iter()).copied().collect();
        rule.ports = PortRange::normalize(ports).into();
        return;
    }
    let mut alike = policy.rules.iter_mut().filter(|rule| rule.http == http);
    if let Some(rule) = alike.find(|rule| rule.ports == grant.ports) {
        rule.peers.push(grant.peer.clone());
        rule.peers.sort();
        return;
    }
    policy.rules.push(Rule {
        peers: vec![grant.peer.clone()],
        ports: grant.ports.clone(),
        http,
        edge,
        span: model.origin_span(grant.origin),
    });
    policy.rules.sort_by(|a, b| (&a.peers, &a.ports, &a.http).cmp(&(&b.peers, &b.ports, &b.http)));
}

/// Subject, direction and peer, joined by `--`, which no name holds: so no two policies of a namespace can meet in one
/// name. The third part is always a fixed word, and apps cannot be called `scrapers` or `netpolc`.
fn name(model: &Model, grant: &Grant) -> String {
    let tier = |id: TierId| format!("{}--{}", model[model[id].app].name, model[id].name);
    match grant.origin {
        Origin::Edge(id) => {
            let edge: &Edge = &model[id];
            let (subject, word, peer) = match grant.direction {
                Direction::Egress => (edge.from, "egress-to", edge.to),
                Direction::Ingress => (edge.to, "ingress-from", edge.from),
            };
            match subject {
                Endpoint::Tier(id) => format!("{}--{word}--{}", tier(id), peer_name(model, peer, model[id].app)),
                // Grants have managed subjects only.
                other => {
                    format!("{}--{word}--{}", model.endpoint_name(other, edge.app), peer_name(model, peer, edge.app))
                }
            }
        }
        Origin::Dns(id) => format!("{}--egress-dns", tier(id)),
        Origin::Metrics(id) => format!("{}--ingress-metrics", tier(id)),
        Origin::Scraper(id) => format!("scrapers--egress-to--{}", tier(id)),
    }
}

/// The peer's name as seen from the subject's app; `app--name` for what another app declares.
fn peer_name(model: &Model, peer: Endpoint, app: AppId) -> String {
    let (owner, name): (Option<AppId>, &str) = match peer {
        Endpoint::Tier(id) => (Some(model[id].app), &model[id].name),
        Endpoint::Peer(id) => (Some(model[id].app), &model[id].name),
        Endpoint::External(id) => (model[id].app, &model[id].name),
        Endpoint::Builtin(builtin) => return builtin.name().to_owned(),
    };
    match owner {
        Some(owner) if owner == app => name.to_owned(),
        Some(owner) => format!("{}--{name}", model[owner].name),
        None => format!("netpolc--{name}"),
    }
}
