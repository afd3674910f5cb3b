//! Projects that come close to every limit, and some that mix everything.
//!
//! In: nothing, or a seed. Out: the files of a project that builds without an error, in every dialect that can say it:
//! what the others cannot say is permitted by name, or they are left out.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use netpolc::dialects::REGISTRY;
use netpolc::verify::normal::{Capabilities, Staging};

/// A project: its name, its files.
pub struct Sample {
    /// What it is about.
    pub name: String,
    /// Path and text.
    pub files: Vec<(String, String)>,
}

impl Sample {
    fn new(name: &str, cluster: &str, intents: Vec<(&str, String)>) -> Self {
        Self::among(name, |_| true, cluster, intents)
    }

    /// For the dialects that are able to.
    fn among(name: &str, able: fn(Capabilities) -> bool, cluster: &str, intents: Vec<(&str, String)>) -> Self {
        let mut files = vec![("netpolc.toml".to_owned(), project_file(able, cluster))];
        files.extend(
            intents.into_iter().map(|(app, text)| (format!("intents/{app}.toml"), format!("app = \"{app}\"\n{text}"))),
        );
        Self { name: name.to_owned(), files }
    }
}

fn project_file(able: fn(Capabilities) -> bool, cluster: &str) -> String {
    let can = REGISTRY.iter().map(|dialect| (dialect.name(), dialect.capabilities())).filter(|(_, can)| able(*can));
    let (mut names, mut approximate) = (vec![], "[approximate]\n".to_owned());
    for (name, can) in can {
        names.push(format!("{name:?}"));
        let lacking = [(can.http, "http-as-l4"), (can.host_names, "fqdns-omitted"), (can.guards, "guards-omitted")];
        let lacking: Vec<String> =
            lacking.iter().filter(|(can, _)| !can).map(|(_, word)| format!("{word:?}")).collect();
        if !lacking.is_empty() {
            writeln!(approximate, "{name} = [{}]", lacking.join(", ")).unwrap();
        }
    }
    // What is doubtful is meant here.
    let lints: String = RULES.iter().map(|code| format!("{code} = \"allow\"\n")).collect();
    format!("dialects = [{}]\n{approximate}[lints]\n{lints}{cluster}", names.join(", "))
}

/// Rules that would find something in the projects.
const RULES: [&str; 7] = ["NP101", "NP104", "NP201", "NP202", "NP204", "NP302", "NP303"];

/// All of them.
pub fn samples() -> Vec<Sample> {
    let mut samples = vec![
        many_ports(),
        large_externals(),
        many_namespaces(),
        shared_namespace(),
        large_cluster(),
        hostile_words(),
        guards(),
        staged(),
        requests(),
        longest_names("longest names", |can| !can.entities, 253, 253),
        // The source of a label and, before those of namespaces, more words belong to the key.
        longest_names(
            "longest names with their source",
            |_| true,
            253 - "k8s.".len(),
            253 - "k8s.io.cilium.k8s.namespace.labels.".len(),
        ),
        built_ins(),
        hub(400, 1),
        hub(600, 40),
    ];
    samples.extend((1..=6).map(mixed));
    samples
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// More ports than one rule may hold in any dialect, none beside another; ranges; whole protocols.
fn many_ports() -> Sample {
    let singles = joined((0..130).map(|n| (1001 + 2 * n).to_string()));
    let ranges = joined((0..130).map(|n| format!("\"{}-{}/UDP\"", 2000 + 10 * n, 2005 + 10 * n)));
    let intent = format!(
        r#"
[tiers]
web = {{ namespace = "front", pods = {{ app = "web" }}, ports = [{singles}, {ranges}, "22-25/SCTP", "65535/UDP"] }}
api = {{ namespace = "back", pods = {{ app = "api" }}, ports = [80, "80/UDP", "80/SCTP"], metrics = [{singles}] }}
db  = {{ namespace = "back", pods = "all", ports = ["all"] }}
[external]
away = {{ cidrs = ["198.51.100.0/24", "2001:db8:1::/48"], ports = [{singles}] }}
[[allow]]
from = "anywhere"
to = "web"
why = "public"
[[allow]]
from = "web"
to = ["db", "api", "away"]
why = "all that it needs"
"#
    );
    Sample::new("many ports", "", vec![("ports", intent)])
}

/// More addresses than one rule, list or object may hold; both families; holes.
fn large_externals() -> Sample {
    let v4 = (0..6000).map(|n| format!("\"45.{}.{}.0/24\"", n / 128, n % 128 * 2));
    let v6 = (0..6000).map(|n| format!("\"2a00:1234:5678:{:x}::/64\"", 20_001 + 2 * n));
    let holes = (0..300).map(|n| format!("\"45.{}.{}.128/25\"", n / 128, n % 128 * 2));
    let few = joined((0..40).map(|n| format!("\"51.{n}.7.9/32\"")));
    let intent = format!(
        r#"
[tiers]
web = {{ namespace = "front", pods = {{ app = "web" }} }}
api = {{ namespace = "back", pods = {{ app = "api" }} }}
[external]
large = {{ cidrs = [{}, {}], except = [{}], ports = [443, "443/UDP"] }}
holes = {{ cidrs = ["51.0.0.0/8", "2a02::/16"], except = [{few}, "2a02:1::/32"], ports = ["all"] }}
unused = {{ cidrs = ["52.0.0.0/8"], ports = [443] }}
[[allow]]
from = ["web", "api"]
to = "large"
why = "all of their networks"
[[allow]]
from = "web"
to = "holes"
why = "all but some"
"#,
        joined(v4),
        joined(v6),
        joined(holes),
    );
    Sample::new("large externals", "", vec![("addresses", intent)])
}

/// Peers in more namespaces than one rule, list or object may hold.
fn many_namespaces() -> Sample {
    let namespaces = joined((0..1500).map(|n| format!("\"{}-{n:04}\"", "n".repeat(58))));
    let intent = format!(
        r#"
[tiers]
web = {{ namespace = "front", pods = {{ app = "web" }}, ports = [80, "53/UDP", "99/SCTP"] }}
[peers]
many = {{ namespace = [{namespaces}], pods = {{ app = "many" }}, ports = [80, "53/UDP", "8000-9000/SCTP"] }}
[[allow]]
from = "many"
to = "web"
why = "they call it"
[[allow]]
from = "web"
to = "many"
why = "it calls them"
"#
    );
    Sample::new("many namespaces", "", vec![("wide", intent)])
}

/// A namespace of so many apps that naming them all on its default deny is too long.
fn shared_namespace() -> Sample {
    let names: Vec<String> = (0..900).map(|n| format!("{}-{n:04}", "a".repeat(58))).collect();
    let app = |name: &String| {
        format!(
            "owner = \"the team of {name}\"\n[tiers]\nt = {{ namespace = \"batch\", pods = {{ app = \"{name}\" }}, metrics = [9090] }}\n"
        )
    };
    let intents = names.iter().map(|name| (name.as_str(), app(name))).collect();
    Sample::new("shared namespace", "[cluster]\nshared-namespaces = [\"batch\"]\n", intents)
}

/// A cluster of more ranges than one rule may hold or leave out.
fn large_cluster() -> Sample {
    let ranges = |base: u8, count: usize| {
        let v4 = (0..count).map(|n| format!("\"{base}.{}.{}.0/25\"", n / 128, n % 128 * 2));
        joined(v4.chain([format!("\"fd00:{base}::/64\"")]))
    };
    let cluster = format!(
        "[cluster]\npod-cidrs = [{}]\nservice-cidrs = [{}]\nnode-cidrs = [{}]\napi-server-cidrs = [{}]\nprivate-cidrs = [{}]\n",
        ranges(10, 300),
        ranges(11, 10),
        ranges(12, 600),
        ranges(13, 300),
        ranges(45, 300),
    );
    let intent = r#"
[tiers]
web = { namespace = "front", pods = { app = "web" }, ports = [80] }
[[allow]]
from = ["internet", "nodes"]
to = "web"
why = "they call it"
[[allow]]
from = "web"
to = ["internet", "nodes", "kube-apiserver"]
ports = [443, "443/UDP"]
why = "it calls them"
"#;
    Sample::new("large cluster", &cluster, vec![("wide", intent.to_owned())])
}

/// Names and labels that readers of YAML or of selectors may take for something else.
fn hostile_words() -> Sample {
    let words =
        ["y", "n", "no", "on", "off", "true", "null", "1", "0x1f", "010", "1e3", "2026-01-01", "0b1", "0", "in", "has"];
    let (mut tiers, mut edges) = ("[tiers]\n".to_owned(), String::new());
    for word in words {
        let tier = format!("t-{word}");
        let pods = format!("{{ {word:?} = {word:?}, \"x.y/{word}\" = \"\", z = \"{}\" }}", word.to_uppercase());
        writeln!(tiers, "{tier} = {{ namespace = {word:?}, pods = {pods}, ports = [22, 25, \"22-25/UDP\"] }}").unwrap();
        if word != "y" {
            writeln!(edges, "[[allow]]\nfrom = {tier:?}\nto = \"t-y\"\nwhy = {word:?}").unwrap();
        }
    }
    Sample::new("hostile words", "", vec![("null", format!("owner = \"~\"\n{tiers}{edges}"))])
}

/// One of each, small.
const SHOP: &str = r#"
owner = "team \"x\": 'y' # z"
[tiers]
web = { namespace = "front", pods = { app = "web" }, ports = [80], metrics = [9090] }
api = { namespace = "back", pods = { app = "api" }, ports = [80, "53/UDP"], dns = false }
[external]
partner = { cidrs = ["198.51.100.0/24"], ports = [443] }
[[allow]]
from = "anywhere"
to = "web"
why = "public: yes, & <open>"
[[allow]]
from = "web"
to = ["api", "partner"]
why = "it calls it"
"#;

/// Every guard, a tier of its own, a log of what is denied, many exempt namespaces.
fn guards() -> Sample {
    let exempt = joined((0..18).map(|n| format!("\"legacy-{n}\"")));
    let cluster = format!(
        "[cluster]\nlog-denied = true\ntier = \"platform\"\n[cluster.guards]\nmetadata-deny = true\ndefault-deny = {{ except = [{exempt}] }}\n"
    );
    Sample::new("guards", &cluster, vec![("shop", SHOP.to_owned())])
}

/// Policies that only report, with everything that may be meant otherwise then.
fn staged() -> Sample {
    let cluster =
        "[cluster]\nstaged = true\nlog-denied = true\n[cluster.guards]\nmetadata-deny = true\ndefault-deny = true\n";
    let http =
        SHOP.replace("to = [\"api\"", "to = [\"partner\"]\nwhy = \"paid\"\n[[allow]]\nfrom = \"web\"\nto = [\"api\"");
    let http = http.replace(
        "to = [\"api\", \"partner\"]",
        "to = \"api\"\nports = [80]\nhttp = [{ method = \"GET\", path = \"/a\" }]",
    );
    Sample::among("staged", |can| can.staged != Staging::None, cluster, vec![("shop", http)])
}

/// HTTP requests of every shape, host names of every shape.
fn requests() -> Sample {
    let many = (0..60).map(|n| format!("{{ method = \"GET\", path = \"/api/v{n}/[a-z]+(/x)?\" }}"));
    let names = joined((0..80).map(|n| format!("\"host-{n}.example.com\", \"*.w{n}.example.org\"")));
    let intent = format!(
        r#"
[tiers]
web = {{ namespace = "front", pods = {{ app = "web" }} }}
own = {{ namespace = "front", pods = {{ tier = "own" }} }}
api = {{ namespace = "back", pods = {{ app = "api" }}, ports = [8080, 9090] }}
old = {{ namespace = "back", pods = {{ app = "old" }}, ports = [8080] }}
[external]
names = {{ fqdns = [{names}], ports = [443, "443/UDP"] }}
both = {{ fqdns = ["api.example.net"], cidrs = ["198.51.100.0/24"], ports = [443] }}
[[allow]]
from = "web"
to = "api"
http = [{}]
why = "reads"
[[allow]]
from = "anywhere"
to = "old"
http = [
  {{ method = "POST", path = "/orders", headers = {{ X-Tenant = "blue \"1\": {{}}", Accept = "a,b; q=0.1" }} }},
  {{ method = "PUT", path = "/{path}", headers = {{ {header} = "{value}" }} }},
]
why = "orders"
[[allow]]
from = "web"
to = ["names", "both"]
why = "bought in"
[[allow]]
from = "own"
to = "both"
why = "bought in"
"#,
        joined(many),
        path = "p".repeat(70),
        header = "x".repeat(64),
        value = "v".repeat(256),
    );
    Sample::new("requests", "", vec![("requests", intent)])
}

/// Every name as long as it may be; the prefixes of labels of pods and of namespaces as long as some dialects can take
/// them.
fn longest_names(name: &str, able: fn(Capabilities) -> bool, of_pods: usize, of_namespaces: usize) -> Sample {
    let word = |letter: &str, length: usize| letter.repeat(length);
    let labels = |letter: &str, prefix: usize| {
        let key = |letter: &str| format!("{0}.{0}.{0}.{1}/{0}", word(letter, 63), word("p", prefix - 3 * 64));
        format!("{{ {:?} = \"{}\", {:?} = \"{}\" }}", key(letter), word("V", 63), key("m"), word(letter, 63))
    };
    let pods = |letter| labels(letter, of_pods);
    let (app, front, back) = (word("a", 63), word("f", 63), word("b", 63));
    let intent = |app: &str, other: &str| {
        format!(
            r#"
[tiers]
{front} = {{ namespace = "{front}", pods = {}, ports = [80], metrics = [9090] }}
{back} = {{ namespace = ["{back}", "{back2}"], pods = {}, ports = [80] }}
[peers]
{peer} = {{ namespace = {{ labels = {} }}, pods = {}, ports = [80] }}
[external]
{external} = {{ cidrs = ["198.51.100.0/24", "2001:db8:1::/48"], fqdns = ["{host}"], ports = [443] }}
[[allow]]
from = "{front}"
to = ["{back}", "{peer}", "{external}"{other}]
why = "{why}"
"#,
            pods("f"),
            pods("b"),
            labels("q", of_namespaces),
            pods("r"),
            front = front.replace('f', &app[..1]),
            back = back.replace('b', if app.starts_with('a') { "b" } else { "d" }),
            back2 = word(if app.starts_with('a') { "g" } else { "h" }, 63),
            peer = word("p", 63),
            external = word("x", 63),
            host = [&word("h", 61); 3].map(String::as_str).join("."),
            why = word("\u{fc}", 1000),
        )
    };
    let other = word("o", 63);
    let first = intent(&app, &format!(", \"{other}/{}\"", word("d", 63)));
    let cluster = format!("[cluster]\ntier = \"{}\"\n[cluster.guards]\nmetadata-deny = true\n", word("t", 63));
    Sample::among(name, able, &cluster, vec![(&app, first), (&other, intent(&other, ""))])
}

/// Every built-in, on every kind of cluster.
fn built_ins() -> Sample {
    let cluster = r#"
[cluster]
pod-cidrs = ["10.244.0.0/16", "fd00:10:244::/56"]
service-cidrs = ["10.96.0.0/12", "fd00:10:96::/112"]
node-cidrs = ["192.168.10.0/24", "fd00:1::/64"]
api-server-cidrs = ["192.168.10.5/32", "fd00:1::5/128"]
scrapers = { namespace = { labels = { team = "metrics" } }, pods = "all" }
[clusters.kube-dns]
[clusters.node-local]
dns = "node-local"
[clusters.openshift]
dns = "openshift"
[clusters.own]
dns = { namespace = "dns", pods = { app = "dns" }, cidrs = ["192.168.10.53/32", "fd00:1::53/128"], ports = [53, "5353/UDP"] }
"#;
    let intent = r#"
[tiers]
web = { namespace = ["front", "front-2"], pods = { app = "web" }, ports = [80], metrics = [9090, "9000-9010/UDP"] }
api = { namespace = "back", pods = "all", ports = [443] }
[peers]
others = { namespace = "all", pods = { app = "x" }, ports = [80] }
[external]
names = { fqdns = ["a.example.com"], ports = [443] }
wide = { cidrs = ["0.0.0.0/0", "::/0"], except = ["10.0.0.0/8", "169.254.0.0/16"], private = true, metadata = true, ports = [443] }
[[allow]]
from = ["anywhere", "internet", "cluster", "nodes", "kube-apiserver", "others"]
to = "web"
why = "everybody"
[[allow]]
from = "web"
to = ["anywhere", "internet", "cluster", "nodes", "kube-apiserver", "others", "names", "wide"]
ports = [443]
why = "everywhere"
[[allow]]
from = "api"
to = ["nodes", "kube-apiserver"]
ports = ["all"]
why = "it manages them"
"#;
    Sample::new("built-ins", cluster, vec![("open", intent.to_owned())])
}

/// A service that many others call: each from its own tier, the tiers dealt out to some namespaces.
fn hub(callers: usize, namespaces: usize) -> Sample {
    let mut tiers =
        "[tiers]\nhub = { namespace = \"hub\", pods = { app = \"hub\" }, ports = [8080, 9090] }\n".to_owned();
    for n in 0..callers {
        let namespace = n % namespaces;
        writeln!(
            tiers,
            "caller-{n:05} = {{ namespace = \"ns-{namespace:05}\", pods = {{ app = \"caller-{n:05}\" }}, dns = false }}"
        )
        .unwrap();
    }
    let from = joined((0..callers).map(|n| format!("\"caller-{n:05}\"")));
    let intent = format!("{tiers}[[allow]]\nfrom = [{from}]\nto = \"hub\"\nwhy = \"everybody needs the hub\"\n");
    Sample::new(&format!("hub of {callers} in {namespaces}"), "", vec![("mesh", intent)])
}

/// Some apps with a bit of everything.
fn mixed(seed: u64) -> Sample {
    let mut random = Random(seed);
    let mut intents = vec![];
    for app in 0..4 {
        let (mut tiers, mut edges, mut said) = (String::new(), String::new(), BTreeSet::new());
        for tier in 0..5 {
            let namespace = format!("\"app-{app}-{}\"", random.below(2));
            let pods = ["{ app = \"T\" }", "{ app = \"T\", \"x.example.com/y\" = \"v_1\" }"][random.below(2)];
            let pods = pods.replace('T', &format!("t{tier}"));
            let ports = joined((0..=random.below(60)).map(|_| random.port()));
            let metrics = ["", ", metrics = [9090]"][random.below(2)];
            writeln!(tiers, "t{tier} = {{ namespace = {namespace}, pods = {pods}, ports = [{ports}]{metrics} }}")
                .unwrap();
        }
        for _ in 0..random.below(20) {
            let (a, b) = (random.below(5), random.below(5));
            let (from, to) = (a.min(b), a.max(b));
            let other = ["peer", "away", "internet", "cluster", "anywhere"][random.below(5)];
            let (from, to) = match random.below(3) {
                0 => (format!("t{from}"), other.to_owned()),
                _ if from == to => continue,
                // Towards apps of lower numbers, so that there is no cycle.
                1 if app > 0 => (format!("t{from}"), format!("app-{}/t{to}", random.below(app))),
                _ => (format!("t{from}"), format!("t{to}")),
            };
            if said.insert((from.clone(), to.clone())) {
                let ports = joined((0..=random.below(3)).map(|_| random.port()));
                let ports =
                    if other == to || random.below(3) == 0 { format!("ports = [{ports}]\n") } else { String::new() };
                writeln!(edges, "[[allow]]\nfrom = \"{from}\"\nto = \"{to}\"\n{ports}why = \"{from}: {to}\"").unwrap();
            }
        }
        let ranges = joined((0..random.below(400)).map(|n| format!("\"45.{app}.{}.{}/32\"", n / 100, n % 100 * 2)));
        let peers = "peer = { namespace = { labels = { team = \"a\", stage = \"b\" } }, pods = \"all\" }";
        let externals = format!(
            "away = {{ cidrs = [\"46.0.0.0/8\", {ranges}], except = [\"46.1.2.0/24\"], fqdns = [\"a{app}.example.com\"] }}"
        );
        intents.push(format!("[tiers]\n{tiers}[peers]\n{peers}\n[external]\n{externals}\n{edges}"));
    }
    let names = ["app-0", "app-1", "app-2", "app-3"];
    let cluster = ["", "[cluster]\ntier = \"security\"\n", "[cluster]\nlog-denied = true\ndns = \"node-local\"\n"]
        [seed as usize % 3];
    Sample::new(&format!("mixed {seed}"), cluster, names.into_iter().zip(intents).collect())
}

/// Marsaglia's xorshift generator (Journal of Statistical Software 8, 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    fn port(&mut self) -> String {
        let first = 1 + self.below(60_000);
        match self.below(4) {
            0 => format!("\"{first}-{}/TCP\"", first + 1 + self.below(5000)),
            1 => format!("\"{first}/UDP\""),
            2 => format!("\"{first}/SCTP\""),
            _ => first.to_string(),
        }
    }
}
