//! Guardrails against brute force: random projects with random `[[forbid]]`, judged a second time by trying every pair of
//! endpoints of a small world.
//!
//! The world has pods with every combination of two label keys, in namespaces with and without a label, managed and not;
//! addresses of every kind that matters; and a node that is known by no address. The judge knows the language only: it
//! shares no code with the search, and works on sets of endpoints where the search works on selectors.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::support::Project;
use camino::Utf8PathBuf;
use ipnet::IpNet;
use netpolc::diag::{self, Diagnostics};
use netpolc::pipeline::Project as Loaded;
use netpolc::source::find_root;
use proptest::prelude::*;
use proptest::sample::Index;

/// Tiers live in the first two; nothing is ever said of the last one.
const NAMESPACES: [&str; 5] = ["n1", "n2", "u1", "u2", "u3"];
const KEYS: [&str; 2] = ["app", "role"];
const VALUES: [&str; 2] = ["a", "b"];
const NODES: &str = "192.168.7.0/24";
const API_SERVER: &str = "203.0.114.9/32";
const METADATA: &str = "169.254.169.254";
const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
    "168.63.129.16/32",
];
const ADDRESSES: [&str; 12] = [
    "203.0.113.1",
    "203.0.113.129",
    "203.0.113.200",
    "203.0.114.9",
    "198.51.100.5",
    "8.8.8.8",
    "10.9.9.9",
    "9.1.1.1",
    METADATA,
    "192.168.7.7",
    "192.168.7.8",
    "2001:db8::1",
];
/// Ranges that a forbid may name.
const RANGES: [&str; 6] =
    ["203.0.113.0/25", "203.0.113.128/25", "203.0.112.0/22", "9.0.0.0/8", "169.254.169.254/32", "192.168.7.7/32"];
const BUILTINS: [&str; 5] = ["anywhere", "internet", "cluster", "nodes", "kube-apiserver"];
/// Where a peer's namespaces may be.
const PLACES: [&str; 8] = [
    "\"all\"",
    "{ labels = { team = \"x\" } }",
    "\"u1\"",
    "[\"u1\", \"u2\"]",
    "[\"n1\", \"u1\"]",
    "\"u2\"",
    "\"n2\"",
    "[\"n2\", \"u1\", \"u2\"]",
];
/// What an edge or forbid may say of ports.
const PORTS: [&[&str]; 6] =
    [&["1-10/TCP"], &["5/TCP"], &["20/TCP"], &["5/UDP"], &["5/TCP", "20/TCP"], &["9-30/TCP", "53/UDP"]];
const METRICS: &[&str] = &["20/TCP"];
const DNS: &[&str] = &["53/TCP", "53/UDP"];

/// For each key the value, if there is one.
type Labels = [Option<usize>; 2];

/// A set of endpoints: a bit each.
type Set = u128;

/// A set of ports: a bit each.
type Ports = u32;

#[derive(Debug, Clone)]
struct Tier {
    first: bool,
    second: bool,
    labels: Labels,
    metrics: bool,
}

#[derive(Debug, Clone)]
struct Peer {
    place: usize,
    labels: Labels,
}

#[derive(Debug, Clone)]
struct Edge {
    from: Index,
    to: Index,
    ports: usize,
}

#[derive(Debug, Clone)]
struct Forbid {
    /// `None`: anywhere.
    from: Option<Index>,
    to: Option<Index>,
    ports: Option<usize>,
    except: Vec<Index>,
    transitive: bool,
}

#[derive(Debug, Clone)]
struct Case {
    tiers: Vec<Tier>,
    peers: Vec<Peer>,
    /// Whether the first external has an exception.
    hole: bool,
    edges: Vec<Edge>,
    forbids: Vec<Forbid>,
    /// Where DNS answers, when the tiers have it.
    dns: Option<(usize, Labels)>,
    scrapers: Peer,
    enforces_egress: bool,
}

fn labels() -> impl Strategy<Value = Labels> {
    let value = || prop::option::of(0..VALUES.len());
    [value(), value()]
}

fn peer() -> impl Strategy<Value = Peer> {
    (0..PLACES.len(), labels()).prop_map(|(place, labels)| Peer { place, labels })
}

fn case() -> impl Strategy<Value = Case> {
    let tier = (any::<bool>(), any::<bool>(), labels(), prop::bool::weighted(0.2))
        .prop_map(|(first, second, labels, metrics)| Tier { first: first || !second, second, labels, metrics });
    let edge = (any::<Index>(), any::<Index>(), 0..PORTS.len()).prop_map(|(from, to, ports)| Edge { from, to, ports });
    let end = || prop::option::weighted(0.7, any::<Index>());
    let forbid =
        (end(), end(), prop::option::of(0..PORTS.len()), prop::collection::vec(any::<Index>(), 0..3), any::<bool>())
            .prop_map(|(from, to, ports, except, transitive)| Forbid { from, to, ports, except, transitive });
    // A selector of no labels is no DNS server: one key is always given.
    let dns = (0..NAMESPACES.len() - 1, 0..VALUES.len(), prop::option::of(0..VALUES.len()))
        .prop_map(|(namespace, app, role)| (namespace, [Some(app), role]));
    (
        prop::collection::vec(tier, 2..5),
        prop::collection::vec(peer(), 2..4),
        any::<bool>(),
        prop::collection::vec(edge, 1..8),
        prop::collection::vec(forbid, 24),
        prop::option::of(dns),
        peer(),
        prop::bool::weighted(0.9),
    )
        .prop_map(|(tiers, peers, hole, edges, forbids, dns, scrapers, enforces_egress)| Case {
            tiers,
            peers,
            hole,
            edges,
            forbids,
            dns,
            scrapers,
            enforces_egress,
        })
}

/// One endpoint of the world.
enum End {
    /// In a namespace, which carries the label or not, with labels.
    Pod(usize, bool, Labels),
    Address(std::net::IpAddr),
    /// Neither pod nor known by an address.
    Node,
}

fn world() -> Vec<End> {
    let values = [None, Some(0), Some(1)];
    let mut ends = vec![];
    for namespace in 0..NAMESPACES.len() {
        for labelled in [false, true] {
            for app in values {
                ends.extend(values.map(|role| End::Pod(namespace, labelled, [app, role])));
            }
        }
    }
    ends.extend(ADDRESSES.map(|address| End::Address(address.parse().unwrap())));
    ends.push(End::Node);
    assert!(ends.len() <= Set::BITS as usize);
    ends
}

/// Those of the world for which something holds.
fn set(world: &[End], holds: impl Fn(&End) -> bool) -> Set {
    (0..world.len()).filter(|n| holds(&world[*n])).fold(0, |set, n| set | 1 << n)
}

fn members(set: Set) -> impl Iterator<Item = usize> {
    (0..Set::BITS as usize).filter(move |n| set >> n & 1 == 1)
}

fn pods(world: &[End], namespace: impl Fn(usize, bool) -> bool, labels: &Labels) -> Set {
    set(world, |end| {
        let End::Pod(at, labelled, has) = end else { return false };
        namespace(*at, *labelled) && labels.iter().zip(has).all(|(asked, has)| asked.is_none() || asked == has)
    })
}

fn peer_pods(world: &[End], peer: &Peer) -> Set {
    let place = PLACES[peer.place];
    let holds = |namespace: usize, labelled: bool| match place {
        "\"all\"" => true,
        _ if place.contains("labels") => labelled,
        _ => place.contains(NAMESPACES[namespace]),
    };
    pods(world, holds, &peer.labels)
}

fn ranges(world: &[End], ranges: &[&str]) -> Set {
    let nets: Vec<IpNet> = ranges.iter().map(|range| range.parse().unwrap()).collect();
    set(world, |end| matches!(end, End::Address(address) if nets.iter().any(|net| net.contains(address))))
}

fn builtin(world: &[End], word: &str) -> Set {
    match word {
        "anywhere" => set(world, |_| true),
        "internet" => ranges(world, &["0.0.0.0/0", "::/0"]) & !ranges(world, &PRIVATE),
        "cluster" => set(world, |end| matches!(end, End::Pod(..))),
        "nodes" => ranges(world, &[NODES]) | set(world, |end| matches!(end, End::Node)),
        _ => ranges(world, &[API_SERVER]),
    }
}

/// The ports that are tried: all at which a written range starts or ends.
fn ports(written: &[&str]) -> Ports {
    let mut out = 0;
    for text in written {
        let (range, protocol) = text.split_once('/').unwrap();
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let range = first.parse::<u16>().unwrap()..=last.parse::<u16>().unwrap();
        for (n, port) in [1_u16, 5, 9, 10, 20, 30, 53, 1000].iter().enumerate() {
            if range.contains(port) {
                out |= 1 << (2 * n + usize::from(protocol == "UDP"));
            }
        }
    }
    out
}

/// A permission of managed pods: whose, to or from whom, on which ports, and whether a chain goes on at an end that takes
/// what it gets.
struct Half {
    subject: Set,
    peer: Set,
    ports: Ports,
    carries: bool,
}

/// What an intent may name, and what it stands for.
struct Names(Vec<(String, Set)>);

impl Names {
    fn of(case: &Case, world: &[End]) -> Self {
        let mut names = vec![];
        for (n, tier) in case.tiers.iter().enumerate() {
            let holds = |namespace, _| (namespace == 0 && tier.first) || (namespace == 1 && tier.second);
            names.push((format!("t{n}"), pods(world, holds, &tier.labels)));
        }
        names.extend(case.peers.iter().enumerate().map(|(n, peer)| (format!("p{n}"), peer_pods(world, peer))));
        names.extend(BUILTINS.map(|word| (word.to_owned(), builtin(world, word))));
        let hole = if case.hole { ranges(world, &["203.0.113.128/26"]) } else { 0 };
        names.push(("e0".to_owned(), ranges(world, &["203.0.113.0/24"]) & !hole));
        names.push(("e1".to_owned(), ranges(world, &["198.51.100.0/24"])));
        names.extend(RANGES.map(|range| (range.to_owned(), ranges(world, &[range]))));
        Self(names)
    }

    fn pick<'a>(&'a self, index: &Index, fits: impl Fn(&str) -> bool) -> (&'a str, Set) {
        let fitting: Vec<&(String, Set)> = self.0.iter().filter(|(name, _)| fits(name)).collect();
        let (name, set) = index.get(&fitting);
        (name, *set)
    }
}

fn is_tier(name: &str) -> bool {
    name.starts_with('t')
}

fn is_pods(name: &str) -> bool {
    is_tier(name) || name.starts_with('p')
}

fn is_range(name: &str) -> bool {
    name.contains('/')
}

/// A forbid as it is written, and as the judge sees it.
struct Guard {
    text: String,
    from: Set,
    to: Set,
    ports: Ports,
    transitive: bool,
}

/// A case, written down and laid out.
struct Layout {
    intent: String,
    settings: String,
    guards: Vec<Guard>,
    egress: Vec<Half>,
    ingress: Vec<Half>,
    managed: Set,
}

impl Case {
    fn layout(&self, world: &[End]) -> Layout {
        let names = Names::of(self, world);
        let managed_names = [self.tiers.iter().any(|tier| tier.first), self.tiers.iter().any(|tier| tier.second)];
        let managed =
            pods(world, |namespace, _| managed_names.get(namespace).is_some_and(|managed| *managed), &[None, None]);
        let mut intent = format!("app = \"a\"\ndns = {}\n[tiers]\n", self.dns.is_some());
        let (mut egress, mut ingress) = (vec![], vec![]);
        let scrapers = peer_pods(world, &self.scrapers);
        for (n, tier) in self.tiers.iter().enumerate() {
            let own = names.0[n].1;
            let places: Vec<&str> =
                [(tier.first, "\"n1\""), (tier.second, "\"n2\"")].iter().filter(|(is, _)| *is).map(|p| p.1).collect();
            write!(intent, "t{n} = {{ namespace = [{}], pods = {}", places.join(", "), written(&tier.labels)).unwrap();
            if tier.metrics {
                intent.push_str(", metrics = [20]");
                let half = |subject, peer| Half { subject, peer, ports: ports(METRICS), carries: true };
                ingress.push(half(own, scrapers));
                // Scrapers found by namespace labels are taken to live outside.
                if !PLACES[self.scrapers.place].contains("labels") {
                    egress.push(half(scrapers & managed, own));
                }
            }
            intent.push_str(" }\n");
            if let Some((namespace, labels)) = &self.dns {
                let peer = pods(world, |at, _| at == *namespace, labels);
                egress.push(Half { subject: own, peer, ports: ports(DNS), carries: false });
            }
        }
        intent.push_str("[peers]\n");
        for (n, peer) in self.peers.iter().enumerate() {
            writeln!(intent, "p{n} = {}", written_peer(peer)).unwrap();
        }
        let hole = if self.hole { ", except = [\"203.0.113.128/26\"]" } else { "" };
        write!(intent, "[external]\ne0 = {{ cidrs = [\"203.0.113.0/24\"]{hole} }}\n").unwrap();
        intent.push_str("e1 = { cidrs = [\"198.51.100.0/24\"] }\n");

        let mut edges = BTreeMap::new();
        for edge in &self.edges {
            let (from, sources) = names.pick(&edge.from, |name| !name.starts_with('e') && !is_range(name));
            let (to, targets) = names.pick(&edge.to, |name| !is_range(name) && (is_tier(from) || is_tier(name)));
            edges.entry((from, to)).or_insert(((sources, targets), edge.ports));
        }
        for ((from, to), ((sources, targets), on)) in edges {
            write!(intent, "[[allow]]\nfrom = \"{from}\"\nto = \"{to}\"\nports = {:?}\n", PORTS[on]).unwrap();
            let ports = ports(PORTS[on]);
            if is_tier(from) {
                // To the whole world, but for metadata addresses.
                let metadata = if to == "anywhere" { ranges(world, &["169.254.169.254/32"]) } else { 0 };
                egress.push(Half { subject: sources, peer: targets & !metadata, ports, carries: is_pods(to) });
            }
            if is_tier(to) {
                ingress.push(Half { subject: targets, peer: sources, ports, carries: true });
            }
        }
        if !self.enforces_egress {
            let peer = builtin(world, "anywhere");
            egress.push(Half { subject: managed, peer, ports: Ports::MAX, carries: false });
        }

        let guards = self.forbids.iter().map(|forbid| self.guard(forbid, &names)).collect();
        let quoted = |range: &str| format!("[\"{range}\"]");
        let mut settings = format!(
            "[cluster]\npod-cidrs = {}\nservice-cidrs = {}\nnode-cidrs = {}\napi-server-cidrs = {}\nscrapers = {}\n",
            quoted("10.244.0.0/16"),
            quoted("10.96.0.0/16"),
            quoted(NODES),
            quoted(API_SERVER),
            written_peer(&self.scrapers),
        );
        writeln!(settings, "enforces-egress = {}", self.enforces_egress).unwrap();
        if let Some((namespace, labels)) = &self.dns {
            let namespace = NAMESPACES[*namespace];
            writeln!(settings, "dns = {{ namespace = \"{namespace}\", pods = {} }}", written(labels)).unwrap();
        }
        Layout { intent, settings, guards, egress, ingress, managed }
    }

    fn guard(&self, forbid: &Forbid, names: &Names) -> Guard {
        let end = |end: &Option<Index>| match end {
            Some(index) => names.pick(index, |_| true),
            None => {
                names.0.iter().find(|(name, _)| name == "anywhere").map(|(name, set)| (name.as_str(), *set)).unwrap()
            }
        };
        let ((from, mut sources), (to, mut targets)) = (end(&forbid.from), end(&forbid.to));
        let mut text = format!("[[forbid]]\nfrom = \"{from}\"\nto = \"{to}\"\n");
        let anywhere = |name: &str| name == "anywhere";
        if (anywhere(from) || anywhere(to)) && !forbid.except.is_empty() {
            let except: Vec<(&str, Set)> =
                forbid.except.iter().map(|end| names.pick(end, |name| !anywhere(name))).collect();
            let set = except.iter().fold(0, |all, (_, set)| all | set);
            let list: Vec<&str> = except.iter().map(|(name, _)| *name).collect();
            writeln!(text, "except = {list:?}").unwrap();
            sources &= if anywhere(from) { !set } else { Set::MAX };
            targets &= if anywhere(to) { !set } else { Set::MAX };
        }
        if let Some(on) = forbid.ports {
            writeln!(text, "ports = {:?}", PORTS[on]).unwrap();
        }
        if forbid.transitive {
            text.push_str("transitive = true\n");
        }
        let ports = forbid.ports.map_or(Ports::MAX, |on| ports(PORTS[on]));
        Guard { text, from: sources, to: targets, ports, transitive: forbid.transitive }
    }
}

fn written(labels: &Labels) -> String {
    let pairs: Vec<String> = KEYS
        .iter()
        .zip(labels)
        .filter_map(|(key, value)| value.map(|value| format!("{key} = \"{}\"", VALUES[value])))
        .collect();
    if pairs.is_empty() { "\"all\"".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
}

fn written_peer(peer: &Peer) -> String {
    format!("{{ namespace = {}, pods = {} }}", PLACES[peer.place], written(&peer.labels))
}

/// Every connection that is possible, and where a chain goes on.
struct World {
    /// By source and destination.
    hops: Vec<Vec<Ports>>,
    /// By source: where a chain that came there goes on.
    onward: Vec<Set>,
}

impl World {
    fn new(world: &[End], layout: &Layout) -> Self {
        let size = world.len();
        let side = |halves: &[Half]| {
            let mut table = vec![vec![0; size]; size];
            for half in halves {
                for subject in members(half.subject) {
                    for peer in members(half.peer) {
                        table[subject][peer] |= half.ports;
                    }
                }
            }
            table
        };
        let (sends, takes) = (side(&layout.egress), side(&layout.ingress));
        let carrying: Vec<Set> = (0..size)
            .map(|from| {
                let of = layout.egress.iter().filter(|half| half.carries && half.subject >> from & 1 == 1);
                of.fold(0, |all, half| all | half.peer)
            })
            .collect();
        let managed = |end: usize| layout.managed >> end & 1 == 1;
        let every_pod = set(world, |end| matches!(end, End::Pod(..)));
        let mut this = Self { hops: vec![vec![0; size]; size], onward: vec![0; size] };
        for from in 0..size {
            for to in 0..size {
                this.hops[from][to] = match (managed(from), managed(to)) {
                    (true, true) => sends[from][to] & takes[to][from],
                    (true, false) => sends[from][to],
                    (false, true) => takes[to][from],
                    // Nobody here can enforce anything.
                    (false, false) => 0,
                };
                // What a managed pod takes carries on however it was sent; elsewhere a tier or peer must be meant.
                let stop = managed(to) || (carrying[from] & every_pod) >> to & 1 == 1;
                if this.hops[from][to] != 0 && stop {
                    this.onward[from] |= 1 << to;
                }
            }
        }
        this
    }

    /// A forbidden last hop, if there is one.
    fn violation(&self, guard: &Guard) -> Option<(usize, usize)> {
        let last = |from: Set| {
            let bad = |from: usize, to: &usize| self.hops[from][*to] & guard.ports != 0;
            members(from).find_map(|from| Some((from, members(guard.to).find(|to| bad(from, to))?)))
        };
        let (mut reached, mut fresh) = (0, guard.from);
        while guard.transitive && fresh != 0 {
            let next = members(fresh).fold(0, |all, from| all | self.onward[from]);
            fresh = next & !reached;
            reached |= next;
        }
        last(guard.from | reached)
    }
}

/// What the compiler says of each guard: its code.
fn verdicts(layout: &Layout) -> Vec<Option<&'static str>> {
    let guards: Vec<&str> = layout.guards.iter().map(|guard| guard.text.as_str()).collect();
    codes(&layout.intent, &guards, &layout.settings)
}

/// What the compiler says of each of the `[[forbid]]` that follow an intent.
fn codes(intent: &str, guards: &[&str], settings: &str) -> Vec<Option<&'static str>> {
    let mut text = intent.to_owned();
    let mut lines: BTreeMap<usize, usize> = BTreeMap::new();
    for (n, guard) in guards.iter().enumerate() {
        // The line of `from`.
        lines.insert(text.lines().count() + 2, n);
        text.push_str(guard);
    }
    let folder = Project::new();
    folder.write("intents/a.toml", &text);
    folder.write("netpolc.toml", settings);
    let dir = Utf8PathBuf::from_path_buf(folder.dir().to_owned()).unwrap();
    let mut diags = Diagnostics::default();
    let project = Loaded::load(find_root(&[], &dir).unwrap(), &mut diags).unwrap();
    project.models(None, &mut diags);
    let mut codes = vec![None; guards.len()];
    for found in diags.iter().filter(|found| found.level == diag::Level::Error) {
        let shown = || format!("{}\n{text}\n{settings}", diag::render(found, &project.sources, false));
        assert!(["NP070", "NP071"].contains(&found.code.0), "{}", shown());
        let line = project.sources.line_col(found.primary.as_ref().unwrap().span).0;
        codes[lines[&line]] = Some(found.code.0);
    }
    codes
}

fn shown(end: &End) -> String {
    match end {
        End::Pod(namespace, labelled, labels) => {
            let team = if *labelled { " (team = x)" } else { "" };
            format!("pod {} in {}{team}", written(labels), NAMESPACES[*namespace])
        }
        End::Address(address) => address.to_string(),
        End::Node => "a node".to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    /// A guardrail is reported exactly when what it forbids is possible.
    #[test]
    fn a_forbid_is_reported_exactly_when_it_can_be_violated(case in case()) {
        let ends = world();
        let layout = case.layout(&ends);
        let judge = World::new(&ends, &layout);
        for (guard, verdict) in layout.guards.iter().zip(verdicts(&layout)) {
            if verdict == Some("NP071") {
                continue;
            }
            let possible = judge.violation(guard).map(|(from, to)| (shown(&ends[from]), shown(&ends[to])));
            prop_assert_eq!(
                verdict.is_some(),
                possible.is_some(),
                "{} but brute force says {:?}\n{}\n{}\n{}",
                verdict.unwrap_or("no error"), possible, guard.text, layout.intent, layout.settings
            );
        }
    }
}

/// Of a peer that names several namespaces each one counts, also when the first is an exception.
#[test]
fn an_exception_covers_the_namespaces_it_names_only() {
    let intent = "app = \"a\"\n[tiers]\nt = { namespace = \"n1\", pods = \"all\" }\n[peers]\n\
        one = { namespace = \"u1\", pods = \"all\" }\nboth = { namespace = [\"u1\", \"u2\"], pods = \"all\" }\n\
        [[allow]]\nfrom = \"both\"\nto = \"t\"\nports = [5]\n";
    let guard = |except: &str| format!("[[forbid]]\nfrom = \"anywhere\"\nto = \"t\"\nexcept = [\"{except}\"]\n");
    assert_eq!(codes(intent, &[&guard("one"), &guard("both")], ""), [Some("NP070"), None]);
}

/// A managed namespace may carry the label that lets its pods in; then the exception covers them too.
#[test]
fn an_exception_by_namespace_label_covers_managed_namespaces() {
    let intent = "app = \"a\"\n[tiers]\nt = { namespace = \"n1\", pods = \"all\" }\n[peers]\n\
        x = { namespace = { labels = { team = \"x\" } }, pods = \"all\" }\n\
        y = { namespace = { labels = { team = \"y\" } }, pods = \"all\" }\n\
        [[allow]]\nfrom = \"x\"\nto = \"t\"\nports = [5]\n\
        [[allow]]\nfrom = \"t\"\nto = \"cluster\"\nports = [5]\n";
    let guard = |from: &str, end: &str| format!("[[forbid]]\nfrom = \"{from}\"\nto = \"t\"\n{end}");
    let guards = [guard("anywhere", "except = [\"x\"]\n"), guard("anywhere", "except = [\"y\"]\n"), guard("y", "")];
    let guards: Vec<&str> = guards.iter().map(String::as_str).collect();
    assert_eq!(codes(intent, &guards, ""), [None, Some("NP070"), None]);
}
