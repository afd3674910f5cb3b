//! What to add to the intents so that they allow a flow.

use std::net::IpAddr;

use super::judge::{Question, is_managed};
use super::resolve::{End, Spot, What};
use super::toml::{aligned, list, name_of, namespaces, pods, port_list, ports, slug, text};
use super::trial::{self, Obstacle};
use super::written::Place;
use super::{Asking, Run};
use crate::diag::quote;
use crate::dialects::Dialect;
use crate::model::{
    AppId, Builtin, Direction, DnsPeer, Endpoint, External, METADATA, Model, NAMESPACE_NAME, NamespaceSet, PRIVATE,
    PodSet, PortRange, Sym, TierId,
};
use crate::source::Spanned;
use crate::verify::law::{Pod, is_name};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advice {
    /// What to add, and where.
    pub(super) add: Vec<Snippet>,
    /// What people should know of it.
    pub(super) remarks: Vec<String>,
    /// What a build would then refuse.
    pub(super) obstacles: Vec<Obstacle>,
    /// It was tried: the intents then compile and allow the flow.
    pub(super) works: bool,
}

/// Lines of one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snippet {
    pub(super) app: AppId,
    pub(super) path: String,
    /// The key of the list or table that the file writes in one value, in which they belong; else they go to the end.
    pub(super) inside: Option<&'static str>,
    pub(super) toml: String,
}

/// Advice for a flow that the intents do not ask for.
pub(super) fn of(
    run: &mut Run,
    model: &Model,
    asking: &Asking,
    question: Question<'_>,
    lacks: &[Direction],
    dialects: &[&'static dyn Dialect],
) -> Advice {
    let guarded = guarded(run, model, question, lacks);
    let none = |remarks| Advice { add: vec![], remarks, obstacles: vec![], works: false };
    // What intents manage is allowed already.
    if !lacks.is_empty() && guarded.len() == lacks.len() {
        return none(guarded);
    }
    let Some(app) = home(model, asking, question) else {
        let remark = "neither end is in a namespace that an intent manages: declare one of them as a tier in an intent";
        return none(guarded.into_iter().chain([remark.to_owned()]).collect());
    };
    let mut draft = Draft { run, model, app, add: vec![], remarks: guarded };
    let (from, _) = draft.end(&asking.from, question.from, true);
    let (to, declared) = draft.end(&asking.to, question.to, false);
    draft.dns(asking, question);
    let ports = ports(question.ports, &declared);
    let known = ports.is_some();
    draft.edge(&from, &to, ports.unwrap_or_else(|| Some("\"all\"".to_owned())).as_deref());
    let Draft { add, mut remarks, .. } = draft;
    let mut tried = trial::run(run, model, &add, question, dialects);
    if !known {
        remarks.push("neither end says on which ports: name a PORT to see what to add".to_owned());
        tried.obstacles.retain(Obstacle::is_guardrail);
        return Advice { add: vec![], remarks, obstacles: tried.obstacles, works: false };
    }
    Advice { add, remarks, obstacles: tried.obstacles, works: tried.works }
}

/// Pods that no intent manages, on the sides that lack something: there only `default-deny` denies.
fn guarded(run: &Run, model: &Model, question: Question<'_>, lacks: &[Direction]) -> Vec<String> {
    let tell = |direction: &Direction| {
        let (spot, does) = match direction {
            Direction::Egress => (question.from, "send"),
            Direction::Ingress => (question.to, "receive"),
        };
        let What::Pod(pod) = &spot.what else { return None };
        if is_managed(model, pod) {
            return None;
        }
        let asked = model.profile.asked.get("default-deny");
        let place = asked.map(|span| format!(" ({})", Place::of(&run.project.sources, *span))).unwrap_or_default();
        let name = match pod.namespace.get(NAMESPACE_NAME) {
            Some(name) => format!("namespace {}", quote(name)),
            None => "that namespace".to_owned(),
        };
        Some(format!(
            "the guard `default-deny`{place} denies what pods of {name} {does}, as no intent manages it: a policy of its own \
             may allow it, or `except` of the guard may name it"
        ))
    };
    lacks.iter().filter_map(tell).collect()
}

/// The app whose intent says it: that of the source's tier, which asks for the connection, else that of the destination's.
fn home(model: &Model, asking: &Asking, question: Question<'_>) -> Option<AppId> {
    let ends = [(&asking.from, question.from), (&asking.to, question.to)];
    let of_tier = ends.iter().find_map(|(end, spot)| tier(model, end, spot)).map(|tier| model[tier].app);
    of_tier.or_else(|| ends.iter().find_map(|(_, spot)| manager(model, spot)))
}

/// The tier that an end is, or that its pod is in: the one that asks for the most labels.
fn tier(model: &Model, end: &End, spot: &Spot) -> Option<TierId> {
    if let Some(Endpoint::Tier(id)) = end.endpoint {
        return Some(id);
    }
    let What::Pod(pod) = &spot.what else { return None };
    let of_pod = model.tiers().filter(|(_, tier)| holds(&tier.pods, pod));
    of_pod.max_by_key(|(id, tier)| (tier.pods.labels.len(), std::cmp::Reverse(*id))).map(|(id, _)| id)
}

/// The first app that manages a pod's namespace.
fn manager(model: &Model, spot: &Spot) -> Option<AppId> {
    let What::Pod(pod) = &spot.what else { return None };
    model.namespaces.get(pod.namespace.get(NAMESPACE_NAME)?)?.first().copied()
}

fn holds(pods: &PodSet, pod: &Pod) -> bool {
    let namespace = match &pods.namespaces {
        NamespaceSet::All => true,
        NamespaceSet::Names(names) => pod.namespace.get(NAMESPACE_NAME).is_some_and(|name| names.contains(name)),
        NamespaceSet::Labels(labels) => labels.is_subset_of(&pod.namespace),
    };
    namespace && pods.labels.is_subset_of(&pod.labels)
}

struct Draft<'d> {
    run: &'d Run,
    model: &'d Model,
    /// In whose intent the edge stands.
    app: AppId,
    add: Vec<Snippet>,
    remarks: Vec<String>,
}

impl Draft<'_> {
    /// What the edge calls an end, and the ports that are declared there. What has no name yet is declared.
    fn end(&mut self, end: &End, spot: &Spot, source: bool) -> (String, Vec<PortRange>) {
        let (model, app) = (self.model, self.app);
        let builtin = |builtin: Builtin| (builtin.name().to_owned(), vec![]);
        if let Some(id) = tier(model, end, spot) {
            return (model.endpoint_name(Endpoint::Tier(id), app), model[id].ports.clone());
        }
        match (end.endpoint, &spot.what) {
            (Some(Endpoint::Builtin(word)), _) => builtin(word),
            (Some(Endpoint::Peer(id)), _) if model[id].app == app => {
                (model[id].name.to_string(), model[id].ports.clone())
            }
            (_, What::Node) => builtin(Builtin::Nodes),
            (_, What::ApiServer) => builtin(Builtin::ApiServer),
            (_, What::Anyone) => builtin(Builtin::Anywhere),
            (_, What::Pod(pod)) => match manager(model, spot) {
                Some(manager) => (self.declare_tier(manager, pod), vec![]),
                None => self.peer(end, pod),
            },
            (_, What::Address(address)) if source => builtin(self.outside(*address)),
            (_, What::Address(address)) => match self.of_cluster(*address) {
                Some(word) => builtin(word),
                None => self.external(end, spot, |one| one.addresses.overlaps(&(*address).into())),
            },
            (_, What::Host(name, _)) => {
                let is =
                    |one: &External| one.fqdns.iter().any(|host| *host.value == **name || is_name(&host.value, name));
                self.external(end, spot, is)
            }
        }
    }

    /// Nodes and the API server have names of their own.
    fn of_cluster(&self, address: IpAddr) -> Option<Builtin> {
        let within = |ranges: &[ipnet::IpNet]| ranges.iter().any(|range| range.contains(&address));
        let profile = &self.model.profile;
        let server = within(&profile.api_server_cidrs).then_some(Builtin::ApiServer);
        server.or_else(|| within(&profile.node_cidrs).then_some(Builtin::Nodes))
    }

    /// As a source no single address outside can be named.
    fn outside(&mut self, address: IpAddr) -> Builtin {
        if let Some(word) = self.of_cluster(address) {
            return word;
        }
        let public = self.model.profile.internet().overlaps(&address.into());
        let word = if public { Builtin::Internet } else { Builtin::Anywhere };
        self.remarks.push(format!("no intent lets a single address in: this lets all of {} in", quote(word.name())));
        word
    }

    /// A peer of this app that holds a pod, else a new one: as another app declares it, where that one was asked about.
    fn peer(&mut self, end: &End, pod: &Pod) -> (String, Vec<PortRange>) {
        let (model, app) = (self.model, self.app);
        let own = model.peers.iter().filter(|peer| peer.app == app && holds(&peer.pods, pod));
        if let Some(peer) = own.max_by_key(|peer| peer.pods.labels.len()) {
            return (peer.name.to_string(), peer.ports.clone());
        }
        let (name, set, declared) = match end.endpoint {
            Some(Endpoint::Peer(id)) => (model[id].name.to_string(), model[id].pods.clone(), model[id].ports.clone()),
            _ => (name_of(pod), only(pod), vec![]),
        };
        let name = self.free_name(app, &name);
        if set.labels.is_empty() && !matches!(end.endpoint, Some(Endpoint::Peer(_))) {
            self.remarks
                .push(format!("a pod without labels is known by its namespace alone: {} is all of it", quote(&name)));
        }
        let mut lines = vec![("namespace", namespaces(&set.namespaces)), ("pods", pods(&set.labels))];
        lines.extend((!declared.is_empty()).then(|| ("ports", port_list(&declared))));
        self.table(app, "peers", &name, &lines);
        (name, declared)
    }

    fn declare_tier(&mut self, app: AppId, pod: &Pod) -> String {
        let namespace = pod.namespace.get(NAMESPACE_NAME).cloned().unwrap_or_default();
        let name = self.free_name(app, &name_of(pod));
        if pod.labels.is_empty() {
            self.remarks
                .push(format!("a pod without labels is known by its namespace alone: {} is all of it", quote(&name)));
        }
        self.table(app, "tiers", &name, &[("namespace", text(&namespace)), ("pods", pods(&pod.labels))]);
        if app == self.app { name } else { format!("{}/{name}", self.model[app].name) }
    }

    /// An external that may be named here, else a new one for what was asked about.
    fn external(&mut self, end: &End, spot: &Spot, is: impl Fn(&External) -> bool) -> (String, Vec<PortRange>) {
        let (model, app) = (self.model, self.app);
        let usable = |one: &External| one.app.is_none_or(|owner| owner == app);
        let meant = match end.endpoint {
            Some(Endpoint::External(id)) => Some(&model[id]).filter(|one| usable(one)),
            _ => None,
        };
        if let Some(one) = meant.or_else(|| model.externals.iter().find(|one| usable(one) && is(one))) {
            return (one.name.to_string(), one.ports.clone());
        }
        let (name, lines, declared) = match end.endpoint {
            Some(Endpoint::External(id)) => (model[id].name.to_string(), copied(&model[id]), model[id].ports.clone()),
            _ => (name_outside(spot), outside_lines(spot), vec![]),
        };
        let name = self.free_name(app, &name);
        self.table(app, "external", &name, &lines);
        (name, declared)
    }

    /// DNS needs no edge: a tier that has none was told so.
    fn dns(&mut self, asking: &Asking, question: Question<'_>) {
        let Some(id) = tier(self.model, &asking.from, question.from).filter(|id| !self.model[*id].dns) else { return };
        let What::Pod(pod) = &question.to.what else { return };
        let is_dns = self.model.profile.dns.peers.iter().any(|peer| match peer {
            DnsPeer::Pods(pods) | DnsPeer::Cache(pods) => holds(pods, pod),
            DnsPeer::Address(_) => false,
        });
        if is_dns {
            let name = quote(&self.model[id].name);
            self.remarks
                .push(format!("{name} has no DNS: where `dns = false` goes, its pods may ask, without an edge"));
        }
    }

    fn edge(&mut self, from: &str, to: &str, ports: Option<&str>) {
        let mut lines = vec![("from", text(from)), ("to", text(to))];
        lines.extend(ports.map(|ports| ("ports", ports.to_owned())));
        lines.push(("why", text("…")));
        let app = self.app;
        match self.inline(app, "allow") {
            true => {
                let lines: Vec<String> = lines.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                self.push(app, Some("allow"), format!("{{ {} }},", lines.join(", ")));
            }
            false => self.push(app, None, format!("[[allow]]\n{}", aligned(&lines))),
        }
    }

    fn table(&mut self, app: AppId, key: &'static str, name: &str, lines: &[(&str, String)]) {
        match self.inline(app, key) {
            true => {
                let lines: Vec<String> = lines.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                self.push(app, Some(key), format!("{name} = {{ {} }},", lines.join(", ")));
            }
            false => self.push(app, None, format!("[{key}.{name}]\n{}", aligned(lines))),
        }
    }

    /// Whether an intent writes a list or table as one value.
    fn inline(&self, app: AppId, key: &str) -> bool {
        trial::opening(&self.run.project.sources.get(self.model[app].file).text, key).is_some()
    }

    fn push(&mut self, app: AppId, inside: Option<&'static str>, toml: String) {
        self.add.push(Snippet { app, path: self.model[app].path.to_string(), inside, toml });
    }

    /// A name that nothing has yet, here or in the project file.
    fn free_name(&self, app: AppId, wanted: &str) -> String {
        let model = self.model;
        let taken = |name: &str| {
            let is = |of: Option<AppId>, other: &Sym| of.is_none_or(|of| of == app) && **other == *name;
            Builtin::parse(name).is_some()
                || name == "all"
                || model.tiers.iter().any(|one| is(Some(one.app), &one.name))
                || model.peers.iter().any(|one| is(Some(one.app), &one.name))
                || model.externals.iter().any(|one| is(one.app, &one.name))
                || self.add.iter().any(|one| one.app == app && one.toml.contains(&format!(".{name}]")))
        };
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }
}

/// The namespace and the labels of a pod.
fn only(pod: &Pod) -> PodSet {
    let namespaces = match pod.namespace.get(NAMESPACE_NAME) {
        Some(name) => NamespaceSet::Names(vec![name.clone()]),
        None if pod.namespace.is_empty() => NamespaceSet::All,
        None => NamespaceSet::Labels(pod.namespace.clone()),
    };
    PodSet { namespaces, labels: pod.labels.clone() }
}

/// An external as another app declares it.
fn copied(one: &External) -> Vec<(&'static str, String)> {
    let ranges = |ranges: &[Spanned<ipnet::IpNet>]| list(ranges.iter().map(|range| text(&range.value.to_string())));
    let mut lines = vec![];
    lines.extend((!one.cidrs.is_empty()).then(|| ("cidrs", ranges(&one.cidrs))));
    lines.extend((!one.except.is_empty()).then(|| ("except", ranges(&one.except))));
    lines.extend((!one.fqdns.is_empty()).then(|| ("fqdns", list(one.fqdns.iter().map(|host| text(&host.value))))));
    lines.extend((!one.ports.is_empty()).then(|| ("ports", port_list(&one.ports))));
    lines.extend(one.private.then(|| ("private", "true".to_owned())));
    lines.extend(one.metadata.then(|| ("metadata", "true".to_owned())));
    lines
}

fn name_outside(spot: &Spot) -> String {
    match spot.what {
        What::Address(address) => slug(&format!("address {address}")),
        _ => slug(&spot.name),
    }
}

/// One address or host. Private and metadata addresses are opted into.
fn outside_lines(spot: &Spot) -> Vec<(&'static str, String)> {
    let What::Address(address) = spot.what else { return vec![("fqdns", list([text(&spot.name)].into_iter()))] };
    let metadata = METADATA.iter().any(|(_, host)| *host == address);
    let private = PRIVATE.iter().any(|range| range.contains(&address));
    let mut lines = vec![("cidrs", list([text(&ipnet::IpNet::from(address).to_string())].into_iter()))];
    lines.extend(private.then(|| ("private", "true".to_owned())));
    lines.extend(metadata.then(|| ("metadata", "true".to_owned())));
    lines
}
