//! What holds of every project: generated ones are built, proved, shuffled, extended, and their policies mutilated.
//!
//! The projects hold several apps with tiers, peers, externals and edges of every kind, within an app and between apps.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::support::Project;
use camino::Utf8PathBuf;
use netpolc::diag::{self, Diagnostics};
use netpolc::dialects::{Dialect, REGISTRY, review};
use netpolc::lower::lower;
use netpolc::model::{Direction, Labels, Model, NAMESPACE_NAME};
use netpolc::pipeline::{Compiled, Project as Loaded, compile};
use netpolc::source::{Sources, find_root};
use netpolc::verify::{ChangeKind, FlowChange, Flows, Permitted, Traffic, flow_changes, law, normal, prove, sum};
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

/// One tier: its namespace (of its app's two, or both), whether its labels may overlap with another's, its ports and metrics.
#[derive(Debug, Clone)]
struct Tier {
    namespace: usize,
    both: bool,
    overlaps: bool,
    port: u16,
    range: bool,
    metrics: bool,
}

/// Where an edge may lead, beside tiers.
#[derive(Debug, Clone)]
enum Other {
    FromPeer,
    ToPeer,
    ToExternal,
    FromAnywhere,
    ToInternet,
}

/// Between tiers, by their places among all tiers, with ports of its own or without; written by the app of the caller or by
/// that of the callee.
#[derive(Debug, Clone)]
struct Edge {
    from: Index,
    to: Index,
    port: Option<u16>,
    by_callee: bool,
}

fn edge(overlaps: bool) -> impl Strategy<Value = Edge> {
    (any::<Index>(), any::<Index>(), prop::option::of(1_u16..=60_000), any::<bool>())
        .prop_map(move |(from, to, port, by_callee)| Edge { from, to, port, by_callee: overlaps && by_callee })
}

#[derive(Debug, Clone)]
struct Apps {
    apps: Vec<(bool, Vec<Tier>)>,
    edges: Vec<Edge>,
    others: Vec<(Index, Other)>,
}

fn tier(overlaps: bool) -> impl Strategy<Value = Tier> {
    let port = prop_oneof![Just(80_u16), Just(8080), 1_u16..=60_000];
    (0_usize..2, any::<bool>(), any::<bool>(), port, any::<bool>(), any::<bool>()).prop_map(
        move |(namespace, both, overlap, port, range, metrics)| Tier {
            namespace,
            both,
            overlaps: overlaps && overlap,
            port,
            range,
            metrics,
        },
    )
}

/// Projects; without `overlaps` nothing in them is said twice.
fn apps(overlaps: bool) -> impl Strategy<Value = Apps> {
    let app = (any::<bool>(), prop::collection::vec(tier(overlaps), 1..5));
    let other = prop_oneof![Just(Other::FromPeer), Just(Other::ToPeer), Just(Other::ToExternal)].boxed();
    let open = prop_oneof![Just(Other::FromAnywhere), Just(Other::ToInternet)];
    let other = if overlaps { prop_oneof![3 => other, 1 => open].boxed() } else { other };
    (
        prop::collection::vec(app, 1..4),
        prop::collection::vec(edge(overlaps), 0..8),
        prop::collection::vec((any::<Index>(), other), 0..6),
    )
        .prop_map(|(apps, edges, others)| Apps { apps, edges, others })
}

/// A line of an intent's table, or an edge.
struct Intent {
    head: String,
    tiers: Vec<String>,
    peers: Vec<String>,
    externals: Vec<String>,
    edges: BTreeMap<(String, String), String>,
}

impl Intent {
    fn allow(&mut self, from: &str, to: &str, ports: Option<String>) {
        let ports = ports.map_or(String::new(), |ports| format!("ports = {ports}\n"));
        let text = format!("[[allow]]\nfrom = \"{from}\"\nto = \"{to}\"\nwhy = \"{from} calls {to}\"\n{ports}");
        self.edges.entry((from.to_owned(), to.to_owned())).or_insert(text);
    }

    /// The file, its tables and their lines in an order that `seed` decides; 0 leaves it.
    fn text(&self, seed: u64) -> String {
        let table = |name: &str, lines: &[String], seed| match lines.is_empty() {
            true => String::new(),
            false => format!("[{name}]\n{}\n", shuffled(lines.to_vec(), seed).join("\n")),
        };
        let mut parts = vec![
            table("tiers", &self.tiers, seed),
            table("peers", &self.peers, seed),
            table("external", &self.externals, seed),
        ];
        parts.extend(self.edges.values().cloned());
        format!("{}{}", self.head, shuffled(parts, seed).concat())
    }
}

fn shuffled<T>(mut items: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed;
    for last in (1..items.len()).rev().filter(|_| seed != 0) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, (state >> 33) as usize % (last + 1));
    }
    items
}

impl Apps {
    /// Each tier: its app, and its own name.
    fn tiers(&self) -> Vec<(usize, String)> {
        let tiers = self.apps.iter().enumerate();
        tiers.flat_map(|(app, (_, tiers))| (0..tiers.len()).map(move |n| (app, format!("t{n}")))).collect()
    }

    /// The intents; `seed` decides the order inside of lists and labels.
    fn intents(&self, seed: u64) -> Vec<Intent> {
        let mut out: Vec<Intent> =
            self.apps.iter().enumerate().map(|(n, (dns, tiers))| intent(n, *dns, tiers, seed)).collect();
        let all = self.tiers();
        for edge in &self.edges {
            let ((from_app, from), (to_app, to)) = (edge.from.get(&all), edge.to.get(&all));
            let app = if edge.by_callee { *to_app } else { *from_app };
            let name = |of: usize, tier: &str| if of == app { tier.to_owned() } else { format!("app{of}/{tier}") };
            let ports = edge.port.map(|port| format!("[{port}, \"{port}/UDP\"]"));
            out[app].allow(&name(*from_app, from), &name(*to_app, to), ports);
        }
        for (n, (at, other)) in self.others.iter().enumerate() {
            let (app, tier) = at.get(&all);
            let intent = &mut out[*app];
            let (peer, external) = (format!("peer{n}"), format!("out{n}"));
            match other {
                Other::FromPeer | Other::ToPeer => intent.peers.push(format!(
                    "{peer} = {{ namespace = \"theirs-{n}\", pods = {{ app = \"p{n}\" }}, ports = [7000] }}"
                )),
                Other::ToExternal => intent.externals.push(format!(
                    "{external} = {{ cidrs = [\"203.0.{n}.0/24\", \"2001:db8:a{n}::/48\"], except = [\"203.0.{n}.64/26\"], ports = [443] }}"
                )),
                Other::FromAnywhere | Other::ToInternet => {}
            }
            match other {
                Other::FromPeer => intent.allow(&peer, tier, None),
                Other::ToPeer => intent.allow(tier, &peer, None),
                Other::ToExternal => intent.allow(tier, &external, None),
                Other::FromAnywhere => intent.allow("anywhere", tier, None),
                Other::ToInternet => intent.allow(tier, "internet", Some("[443]".to_owned())),
            }
        }
        out
    }
}

/// A list of TOML in the order that `seed` decides.
fn list(items: &[String], seed: u64) -> String {
    shuffled(items.to_vec(), seed).join(", ")
}

fn intent(app: usize, dns: bool, tiers: &[Tier], seed: u64) -> Intent {
    let mut lines = vec![];
    for (n, tier) in tiers.iter().enumerate() {
        let mut line = String::new();
        let key = if tier.overlaps { format!("role{n}") } else { "app".to_owned() };
        let ports = match tier.range {
            true => vec![tier.port.to_string(), format!("\"{}-{}/UDP\"", tier.port, tier.port + 50)],
            false => vec![tier.port.to_string()],
        };
        let ports = list(&ports, seed);
        let mut namespaces = vec![format!("\"ns{app}-{}\"", tier.namespace)];
        namespaces.extend(tier.both.then(|| format!("\"ns{app}-{}\"", 1 - tier.namespace)));
        let (namespaces, labels) = (list(&namespaces, seed), [format!("{key} = \"t{n}\""), "zone = \"a\"".to_owned()]);
        let labels = list(&labels, seed);
        write!(line, "t{n} = {{ namespace = [{namespaces}], pods = {{ {labels} }}").unwrap();
        write!(line, ", ports = [{ports}]").unwrap();
        // Above all other ports, so that no edge says the same.
        write!(line, "{} }}", if tier.metrics { ", metrics = [60100]" } else { "" }).unwrap();
        lines.push(line);
    }
    Intent {
        head: format!("app = \"app{app}\"\ndns = {dns}\n"),
        tiers: lines,
        peers: vec![],
        externals: vec![],
        edges: BTreeMap::new(),
    }
}

/// A project, built and proved.
struct Built {
    model: Model,
    sources: Sources,
    compiled: Compiled,
}

/// Loads, resolves, renders and proves a project; panics with what the user would see.
fn build(intents: &[Intent], seed: u64) -> Built {
    let folder = Project::new();
    // The file system may list files in the order of their making.
    for n in shuffled((0..intents.len()).collect(), seed) {
        folder.write(&format!("intents/app{n}.toml"), intents[n].text(seed));
    }
    let dir = Utf8PathBuf::from_path_buf(folder.dir().to_owned()).unwrap();
    let mut diags = Diagnostics::default();
    let mut project = Loaded::load(find_root(&[], &dir).unwrap(), &mut diags).unwrap();
    let mut models = project.models(None, &mut diags);
    let mut sources = std::mem::take(&mut project.sources);
    let shown = |list: &Diagnostics, sources: &Sources| -> String {
        list.iter().map(|diagnostic| diag::render(diagnostic, sources, false)).collect()
    };
    assert!(!diags.has_errors(), "{}", shown(&diags, &sources));
    let model = models.remove(0);
    let reviewed = review(&model, &[kubernetes()]);
    let compiled =
        compile(&project, &mut sources, &model, &lower(&model), kubernetes(), &reviewed).unwrap_or_else(|errors| {
            let mut list = Diagnostics::default();
            list.extend(errors);
            panic!("{}", shown(&list, &sources))
        });
    Built { model, sources, compiled }
}

fn kubernetes() -> &'static dyn Dialect {
    REGISTRY.iter().copied().find(|dialect| dialect.name() == "kubernetes").unwrap()
}

/// Every way to take one thing out of a list in this value, with what it is.
fn deletions(value: &Value, at: &str) -> Vec<(String, Value)> {
    let mut out = vec![];
    match value {
        Value::Sequence(list) => {
            for (n, item) in list.iter().enumerate() {
                let mut fewer = list.clone();
                fewer.remove(n);
                // An empty list of peers or ports would mean everyone; there the whole rule is taken out instead.
                if !fewer.is_empty() || at.ends_with("gress") || at.ends_with("except") {
                    out.push((format!("{at}[{n}]"), Value::Sequence(fewer)));
                }
                for (what, changed) in deletions(item, &format!("{at}[{n}]")) {
                    let mut other = list.clone();
                    other[n] = changed;
                    out.push((what, Value::Sequence(other)));
                }
            }
        }
        Value::Mapping(map) => {
            for (key, item) in map {
                let key = key.as_str().unwrap();
                if matches!(key, "metadata" | "matchLabels" | "resources") {
                    continue;
                }
                for (what, changed) in deletions(item, &format!("{at}.{key}")) {
                    let mut other: Mapping = map.clone();
                    // Without its last exception a block has none; an empty list would be refused for its form.
                    match changed {
                        Value::Sequence(list) if list.is_empty() && key == "except" => other.remove(key),
                        changed => other.insert(key.into(), changed),
                    };
                    out.push((what, Value::Mapping(other)));
                }
            }
        }
        _ => {}
    }
    out
}

/// The documents of a file with one object, rule, peer, port, type or exception taken out, each way.
fn mutilated(text: &str) -> Vec<(String, String)> {
    let docs: Vec<Value> =
        serde_yaml::Deserializer::from_str(text).map(|doc| Value::deserialize(doc).unwrap()).collect();
    let written = |docs: &[Value]| -> String {
        docs.iter().map(|doc| format!("---\n{}", serde_yaml::to_string(doc).unwrap())).collect()
    };
    let mut out = vec![];
    for (n, doc) in docs.iter().enumerate() {
        let mut fewer = docs.clone();
        fewer.remove(n);
        out.push((format!("object {n}"), written(&fewer)));
        for (what, changed) in deletions(doc, &format!("object {n}")) {
            let mut other = docs.clone();
            other[n] = changed;
            out.push((what, written(&other)));
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Building proves; and what is written does not depend on the order of files, tables, lines and edges.
    #[test]
    fn shuffled_projects_give_the_same_bytes(apps in apps(true), seed in 1_u64..) {
        let intents = apps.intents(0);
        let first = build(&intents, 0);
        let second = build(&apps.intents(seed), seed);
        prop_assert_eq!(first.compiled.files, second.compiled.files);
        let edges: usize = intents.iter().map(|intent| intent.edges.len()).sum();
        prop_assert!(first.compiled.proved.flows >= edges, "{} flows of {edges} edges", first.compiled.proved.flows);
    }

    /// Another edge opens something or nothing; it never closes anything.
    #[test]
    fn an_edge_never_takes_a_flow_away(apps in apps(true), edge in edge(true)) {
        let before = build(&apps.intents(0), 0);
        let mut more = apps;
        more.edges.push(edge);
        let after = build(&more.intents(0), 0);
        let name = |_: &normal::Peer| None;
        let changes =
            flow_changes(&Flows::of(&sum::of(&before.compiled.policies).policies), &Flows::of(&sum::of(&after.compiled.policies).policies), &name);
        for change in changes {
            prop_assert!(matches!(change.kind, ChangeKind::Opened | ChangeKind::Widened), "{change}");
            prop_assert!(change.removed.is_empty(), "{change}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Where nothing is said twice, nothing that is rendered can be left out.
    #[test]
    fn no_rendered_thing_can_be_left_out(apps in apps(false)) {
        let Built { model, mut sources, compiled } = build(&apps.intents(0), 0);
        let mut read = |path: &Utf8PathBuf, text: &str| -> Vec<normal::Policy> {
            let file = sources.add(path.clone(), text.to_owned());
            let read = kubernetes().read(&sources, &[file]);
            read.unwrap_or_else(|errors| panic!("{path}: {errors:#?}\n{text}")).remove(0).policies
        };
        let policies: BTreeMap<_, _> = compiled.files.iter().map(|(path, text)| (path, read(path, text))).collect();
        let whole: Vec<normal::Policy> = policies.values().flatten().cloned().collect();
        prop_assert!(prove(&model, kubernetes().capabilities(), &Permitted::default(), &whole).is_ok());
        for (path, text) in compiled.files.iter().filter(|(path, _)| !path.ends_with("kustomization.yaml")) {
            for (what, text) in mutilated(text) {
                let others = policies.iter().filter(|(other, _)| **other != path).flat_map(|(_, list)| list.clone());
                let policies: Vec<normal::Policy> = others.chain(read(path, &text)).collect();
                prop_assert!(
                    prove(&model, kubernetes().capabilities(), &Permitted::default(), &policies).is_err(),
                    "{path}: without {what} the proof still holds:\n{text}"
                );
            }
        }
    }
}

/// The pod of a peer that is pods of one namespace, with exactly these labels.
fn pod_of(peer: &normal::Peer) -> Option<law::Pod> {
    let normal::Peer::Pods { namespaces: normal::Namespaces::Named(namespace), labels } = peer else { return None };
    let namespace = Labels::new([(NAMESPACE_NAME.into(), namespace.clone())]);
    Some(law::Pod { namespace, labels: labels.clone(), ..law::Pod::default() })
}

/// What the law lets pass between two ends: both sides, each by itself. An end that is no pod of a namespace is not policed.
fn passes(policies: &[normal::Policy], from: &normal::Peer, to: &normal::Peer) -> Traffic {
    let ports = law::NamedPorts::default();
    let pods = [from, to].map(pod_of);
    let mut passes = Traffic::every();
    for (own, other, far, direction) in
        [(&pods[0], &pods[1], to, Direction::Egress), (&pods[1], &pods[0], from, Direction::Ingress)]
    {
        let Some(subject) = own else { continue };
        let other = match (other, far) {
            (Some(pod), _) => law::Far::Pod(pod),
            (None, normal::Peer::Block { cidr, .. }) => law::Far::Address(cidr.addr()),
            (None, _) => law::Far::Elsewhere,
        };
        let engine = normal::Engine::of(kubernetes().capabilities());
        let side = law::Side {
            engine,
            direction,
            subject,
            other,
            all_ports: &ports,
            pod_ranges: Some(&[]),
            names_are_symbols: false,
        };
        let governing = law::in_order(policies.iter().filter(|policy| law::governs(policy, &side)));
        if !governing.is_empty() {
            passes = passes.and(&law::decide(&governing, &side).sure);
        }
    }
    passes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of two projects of the same pods: what is told to open or close does so by the law, and the other way round when the
    /// sides are swapped; where nothing is told, the law sees no difference between any two ends that a rule names.
    #[test]
    fn what_is_told_is_what_the_law_says(apps in apps(true), kept in prop::collection::vec(any::<(bool, bool)>(), 14)) {
        let keep = |second: bool| {
            let mut part = apps.clone();
            let mut kept = kept.iter().map(|pair| if second { pair.1 } else { pair.0 });
            part.edges.retain(|_| kept.next().unwrap());
            part.others.retain(|_| kept.next().unwrap());
            build(&part.intents(0), 0).compiled.policies
        };
        let (old, new) = (keep(false), keep(true));
        let flows = |policies: &[normal::Policy]| Flows::of(&sum::of(policies).policies);
        let (before, after) = (flows(&old), flows(&new));
        let changes = flow_changes(&before, &after, &|_| None);
        for change in &changes {
            let (from, to) = &change.ends;
            let (was, is) = (passes(&old, from, to), passes(&new, from, to));
            prop_assert_eq!(is.and(&change.added), change.added.clone(), "{} is not open", change);
            prop_assert!(was.and(&change.added).is_empty(), "{} was open before", change);
            prop_assert_eq!(was.and(&change.removed), change.removed.clone(), "{} was not open", change);
            prop_assert!(is.and(&change.removed).is_empty(), "{} is still open", change);
        }
        let swapped = flow_changes(&after, &before, &|_| None);
        let sides = |changes: &[FlowChange], back: bool| -> BTreeSet<(String, String)> {
            let told = |change: &FlowChange| {
                let (mut more, mut less) = (&change.added, &change.removed);
                if back {
                    std::mem::swap(&mut more, &mut less);
                }
                (format!("{} → {}", change.from, change.to), format!("+{more} -{less}"))
            };
            changes.iter().map(told).collect()
        };
        prop_assert_eq!(sides(&changes, false), sides(&swapped, true));
        let named: BTreeSet<&normal::Peer> =
            before.iter().chain(after.iter()).flat_map(|(from, to, _)| [from, to]).collect();
        let told: BTreeSet<(&normal::Peer, &normal::Peer)> = changes.iter().map(|c| (&c.ends.0, &c.ends.1)).collect();
        for from in &named {
            for to in named.iter().filter(|to| pod_of(from).is_some() || pod_of(to).is_some()) {
                let differs = passes(&old, from, to) != passes(&new, from, to);
                prop_assert!(!differs || !told.is_empty(), "{from:?} → {to:?} differs, and nothing is told");
            }
        }
    }
}
