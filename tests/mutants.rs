//! One thing changed in rendered YAML is caught, whatever it is, in every dialect: by the reader, by the lists of files, or
//! by the proof. What may change is listed here, each with the reason why its meaning stays.
//!
//! Changes are made to values (taken out, doubled, moved, emptied, renamed, replaced) and to lines of text, each way and
//! without chance; the first of each kind at each path is tried, or as many as `NETPOLC_TEST_MUTANTS` says.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "the figures are for whoever asks for them")]

mod same;

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Project;
use camino::Utf8PathBuf;
use ipnet::IpNet;
use netpolc::diag::{self, Diagnostics};
use netpolc::dialects::{Dialect, REGISTRY, review};
use netpolc::lower::lower;
use netpolc::model::Model;
use netpolc::pipeline::{Project as Loaded, compile};
use netpolc::source::{FileId, Sources, find_root};
use netpolc::verify::{Permitted, normal, prove, strays};
use rayon::prelude::*;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

const PROJECT: &str = r#"
[cluster]
log-denied = true
pod-cidrs = ["10.0.0.0/16", "fd00:1::/64"]
service-cidrs = ["10.1.0.0/16"]
node-cidrs = ["10.2.0.0/16"]
api-server-cidrs = ["10.2.0.1/32"]

[cluster.guards]
metadata-deny = true
default-deny  = { except = ["monitoring", "front", "back", "data"] }

[approximate]
kubernetes = ["http-as-l4", "fqdns-omitted", "guards-omitted"]
calico     = ["http-as-l4", "fqdns-omitted"]
"#;

const INTENT: &str = r#"
app   = "shop"
owner = "team"
[tiers]
web = { namespace = "front", pods = { app = "web", track = "stable" }, ports = [80, "8000-8010"] }
api = { namespace = "back",  pods = { app = "api" }, ports = [8080], metrics = [9090] }
db  = { namespace = "data",  pods = "all", ports = ["5432/TCP", "all/UDP"], dns = false }
[peers]
tenants = { namespace = { labels = { team = "red" } }, pods = { app = "client" }, ports = [7000] }
[external]
pay   = { cidrs = ["203.0.113.0/24", "2001:db8::/32"], except = ["203.0.113.64/26", "2001:db8:1::/48"], ports = [443] }
named = { fqdns = ["api.example.com", "*.example.net"], ports = [443] }
"#;

const EDGES: [(&str, &str, &str); 9] = [
    ("anywhere", "web", ""),
    (
        "web",
        "api",
        "http = [{ method = \"GET\", path = \"/api/v1/.*\" }, { method = \"POST\", path = \"/api/v1/orders\" }]\n",
    ),
    ("api", "db", "ports = [\"5432/TCP\"]\n"),
    ("tenants", "api", "ports = [8081]\n"),
    ("api", "pay", ""),
    ("api", "named", ""),
    ("web", "internet", "ports = [443, \"123/UDP\"]\n"),
    ("cluster", "web", "ports = [\"all/SCTP\"]\n"),
    ("api", "kube-apiserver", "ports = [6443]\n"),
];

/// A project, its files in one dialect, and what may be said otherwise there.
struct Built {
    model: Model,
    permitted: Permitted,
    folder: Utf8PathBuf,
    files: Files,
    dialect: &'static dyn Dialect,
}

fn build(dialect: &'static dyn Dialect) -> Built {
    let folder = Project::new();
    folder.write("netpolc.toml", PROJECT);
    let edge = |(from, to, more): &(&str, &str, &str)| {
        format!("[[allow]]\nfrom = \"{from}\"\nto = \"{to}\"\nwhy = \"so\"\n{more}")
    };
    folder.write("intents/shop.toml", format!("{INTENT}{}", EDGES.iter().map(edge).collect::<String>()));
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
    let reviewed = review(&model, &[dialect]);
    let compiled =
        compile(&project, &mut sources, &model, &lower(&model), dialect, &reviewed).unwrap_or_else(|errors| {
            let mut list = Diagnostics::default();
            list.extend(errors);
            panic!("{}", shown(&list, &sources))
        });
    let can = dialect.capabilities();
    let edges = |lacks: bool| model.edges().map(|(id, _)| id).filter(|_| lacks).collect();
    let permitted =
        Permitted { http_as_l4: edges(!can.http), fqdns_omitted: edges(!can.host_names), guards_omitted: !can.guards };
    let files = compiled.files.into_iter().map(|(path, text)| (path, text.to_string())).collect();
    Built { permitted, folder: compiled.proved.folder, files, dialect, model }
}

impl Built {
    /// Whether files still say what the intent means.
    fn holds(&self, files: &[(Utf8PathBuf, String)]) -> bool {
        let mut sources = Sources::default();
        let ids: Vec<FileId> = files.iter().map(|(path, text)| sources.add(path.clone(), text.clone())).collect();
        let Ok(mut read) = self.dialect.read(&sources, &ids) else { return false };
        let placed = files.iter().map(|(path, _)| path.clone()).zip(&read).collect();
        if !strays(&self.folder, &placed).is_empty() {
            return false;
        }
        let policies: Vec<normal::Policy> =
            read.iter_mut().flat_map(|file| std::mem::take(&mut file.policies)).collect();
        prove(&self.model, self.dialect.capabilities(), &self.permitted, &policies).is_ok()
    }
}

/// What stands under which key somewhere in the project: what a value or a key may be mistaken for.
#[derive(Default)]
struct Seen {
    scalars: BTreeMap<String, BTreeSet<String>>,
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl Seen {
    fn note(&mut self, at: &str, value: &Value) {
        match value {
            Value::String(text) => {
                self.scalars.entry(last(at).to_owned()).or_default().insert(text.clone());
            }
            Value::Sequence(list) => list.iter().for_each(|item| self.note(at, item)),
            Value::Mapping(map) => {
                for (key, item) in map {
                    let key = key.as_str().unwrap();
                    self.keys.entry(last(at).to_owned()).or_default().insert(key.to_owned());
                    self.note(&format!("{at}.{key}"), item);
                }
            }
            _ => {}
        }
    }
}

/// The last key of a path, which a list shares with its items.
fn last(at: &str) -> &str {
    at.rsplit('.').next().unwrap_or_default()
}

/// A change of one kind at one path, items not told apart: `GlobalNetworkPolicy.spec.order removed`.
type Class = String;

/// Every way to change one thing of a value, the same kind of change at the same path under the same name.
fn mutants(value: &Value, at: &str, seen: &Seen) -> Vec<(Class, Value)> {
    let mut out = vec![(format!("{at} null"), Value::Null)];
    if last(at) == "annotations" {
        // Nothing else reads them.
        let steered = [("argocd.argoproj.io/hook", "Skip"), ("kustomize.toolkit.fluxcd.io/reconcile", "disabled")];
        let steered =
            steered.map(|(key, text)| (format!("{at} {key}"), Mapping::from_iter([(key.into(), text.into())])));
        return out.into_iter().chain(steered.map(|(class, map)| (class, map.into()))).collect();
    }
    match value {
        Value::Sequence(list) => {
            out.push((format!("{at} emptied"), Value::Sequence(vec![])));
            for (n, item) in list.iter().enumerate() {
                let mut put = |what: &str, change: &dyn Fn(&mut Vec<Value>)| {
                    let mut changed = list.clone();
                    change(&mut changed);
                    out.push((format!("{at} {what}"), Value::Sequence(changed)));
                };
                put("item removed", &|list| drop(list.remove(n)));
                put("item doubled", &|list| list.insert(n, item.clone()));
                if n > 0 {
                    put("items swapped", &|list| list.swap(n - 1, n));
                }
                for (what, changed) in mutants(item, at, seen) {
                    let mut other = list.clone();
                    other[n] = changed;
                    out.push((what, Value::Sequence(other)));
                }
            }
        }
        Value::Mapping(map) => {
            out.push((format!("{at} emptied"), Value::Mapping(Mapping::new())));
            for (key, item) in map {
                let name = key.as_str().unwrap();
                let mut less = map.clone();
                less.remove(key);
                out.push((format!("{at}.{name} removed"), Value::Mapping(less.clone())));
                let others = seen.keys.get(last(at)).into_iter().flatten().cloned();
                for other in others.chain([format!("{name}x"), name.to_uppercase()]) {
                    if !map.contains_key(other.as_str()) {
                        let mut renamed = less.clone();
                        renamed.insert(other.as_str().into(), item.clone());
                        out.push((format!("{at}.{name} renamed {other}"), Value::Mapping(renamed)));
                    }
                }
                for (what, changed) in mutants(item, &format!("{at}.{name}"), seen) {
                    let mut other = map.clone();
                    other.insert(key.clone(), changed);
                    out.push((what, Value::Mapping(other)));
                }
            }
        }
        Value::String(text) => {
            for other in seen.scalars.get(last(at)).into_iter().flatten().filter(|other| *other != text) {
                out.push((format!("{at} another"), Value::String(other.clone())));
            }
            for (how, other) in words(text).into_iter().filter(|(_, other)| other != text) {
                out.push((format!("{at} {how}"), Value::String(other)));
            }
        }
        Value::Number(number) => {
            let number = number.as_i64().unwrap();
            for (how, other) in
                [("less", number - 1), ("more", number + 1), ("0", 0), ("-1", -1), ("1", 1), ("times 10", number * 10)]
            {
                if other != number {
                    out.push((format!("{at} {how}"), Value::Number(other.into())));
                }
            }
            out.push((format!("{at} as text"), Value::String(number.to_string())));
        }
        Value::Bool(flag) => out.push((format!("{at} flipped"), Value::Bool(!flag))),
        _ => {}
    }
    out
}

/// What a text may be mistaken for, and how.
fn words(text: &str) -> Vec<(String, String)> {
    const REPLACED: [(&str, &str); 26] = [
        ("==", "!="),
        ("&&", "||"),
        ("'", "\""),
        ("'", ""),
        ("not in", "in"),
        ("has(", "!has("),
        ("all()", "global()"),
        ("global()", "all()"),
        ("projectcalico.org/name", "projectcalico.org/namespace"),
        ("projectcalico.org/name", "kubernetes.io/metadata.name"),
        ("Ingress", "Egress"),
        ("Egress", "Ingress"),
        ("TCP", "UDP"),
        ("UDP", "SCTP"),
        ("TCP", "ANY"),
        ("Allow", "Deny"),
        ("Allow", "Pass"),
        ("Deny", "Allow"),
        ("Deny", "Log"),
        ("Log", "Allow"),
        ("Log", "Deny"),
        ("Pass", "Deny"),
        ("Deny", "Pass"),
        ("NotIn", "In"),
        ("-", ""),
        ("/", "."),
    ];
    let mut out = vec![
        ("emptied".to_owned(), String::new()),
        ("longer".to_owned(), format!("{text}x")),
        ("in capitals".to_owned(), text.to_uppercase()),
        ("behind a blank".to_owned(), format!(" {text}")),
        ("negated".to_owned(), format!("!({text})")),
        ("or all".to_owned(), format!("{text} || all()")),
        ("and more".to_owned(), format!("{text} && has(x)")),
        ("to all()".to_owned(), "all()".to_owned()),
    ];
    if let Ok(net) = text.parse::<IpNet>() {
        let mask = net.prefix_len();
        for (how, other) in [("wider", mask.saturating_sub(1)), ("narrower", mask + 1), ("everything", 0)] {
            let other = IpNet::new(net.addr(), other).ok().map(|net| (how.to_owned(), net.trunc().to_string()));
            out.extend(other);
        }
    }
    let ends = text.split_once(':').and_then(|(a, b)| Some((a.parse::<u16>().ok()?, b.parse::<u16>().ok()?)));
    if let Some((first, last)) = ends {
        out.extend([
            ("later".to_owned(), format!("{}:{last}", first + 1)),
            ("earlier".to_owned(), format!("{first}:{}", last - 1)),
            ("backwards".to_owned(), format!("{last}:{first}")),
        ]);
    }
    for (from, to) in REPLACED.into_iter().filter(|(from, _)| text.contains(from)) {
        let (once, every) = (text.replacen(from, to, 1), text.replace(from, to));
        if every != once {
            out.push((format!("every {from} to {to}"), every));
        }
        out.push((format!("{from} to {to}"), once));
    }
    let terms: Vec<&str> = text.split(" && ").collect();
    for skipped in 0..terms.len() {
        let kept = terms.iter().enumerate().filter(|(n, _)| *n != skipped).map(|(_, term)| *term);
        out.push(("without a term".to_owned(), kept.collect::<Vec<_>>().join(" && ")));
    }
    out
}

/// Every way to change a line of a text.
fn edits(text: &str) -> Vec<(Class, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = vec![];
    for (n, line) in lines.iter().enumerate() {
        let word = line.split(':').next().unwrap_or_default().trim_start_matches([' ', '-']).to_owned();
        let mut put = |what: &str, new: &[&str]| {
            let changed: Vec<&str> = lines[..n].iter().chain(new).chain(&lines[n + 1..]).copied().collect();
            out.push((format!("line `{word}` {what}"), format!("{}\n", changed.join("\n"))));
        };
        if !line.trim_start().starts_with('-') {
            put("twice", &[line, line]);
        }
        put("further in", &[&format!("  {line}")]);
        put("further out", &[line.strip_prefix("  ").unwrap_or(line)]);
        put("without double quotes", &[&line.replace('"', "")]);
        put("without quotes", &[&line.replace(['"', '\''], "")]);
        put("after a separator", &["---", line]);
        put("after an end", &["...", line]);
        put("before a comment", &[&format!("{line} # x")]);
        put("without blank", &[&line.replacen(": ", ":", 1)]);
        put("with an anchor", &[&line.replacen(": ", ": &a ", 1)]);
        put("with a tag", &[&line.replacen(": ", ": !!str ", 1)]);
        put("with a tab", &[&line.replacen("  ", "\t", 1)]);
        put("with a carriage return", &[&line.replacen(": ", ":\r ", 1)]);
    }
    out
}

/// The documents of a text, if another reader of YAML can read them.
fn parse(text: &str) -> Option<Vec<Value>> {
    let docs = serde_yaml::Deserializer::from_str(text).map(|doc| Value::deserialize(doc).ok());
    docs.filter(|doc| *doc != Some(Value::Null)).collect()
}

fn written(docs: &[Value]) -> String {
    docs.iter().map(|doc| format!("---\n{}", serde_yaml::to_string(doc).unwrap())).collect()
}

type Files = Vec<(Utf8PathBuf, String)>;

/// Counts the changes of each class.
struct Sample {
    count: BTreeMap<Class, usize>,
    most: usize,
}

impl Sample {
    fn takes(&mut self, class: &Class) -> bool {
        let count = self.count.entry(class.clone()).or_default();
        *count += 1;
        *count <= self.most
    }
}

/// Files with one thing changed, at most so many of each class.
fn changed(built: &Built, most: usize) -> Vec<(Class, Files)> {
    let all: Vec<Vec<Value>> = built.files.iter().map(|(_, text)| parse(text).unwrap()).collect();
    let mut seen = Seen::default();
    all.iter().flatten().for_each(|doc| seen.note("", doc));
    let mut sample = Sample { count: BTreeMap::new(), most };
    let mut out = vec![];
    for (file, (path, text)) in built.files.iter().enumerate() {
        let folder = path.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
        // Each guard is another matter.
        let folder = if matches!(folder, "guards" | "tiers") { path.file_stem().unwrap() } else { folder };
        let with = |text: String| {
            let mut files = built.files.clone();
            files[file].1 = text;
            files
        };
        let docs = &all[file];
        for (n, doc) in docs.iter().enumerate() {
            let kind = &format!("{folder}/{}", doc["kind"].as_str().unwrap());
            let without = || [&docs[..n], &docs[n + 1..]].concat();
            if sample.takes(&format!("{kind} left out")) {
                out.push((format!("{kind} left out"), with(written(&without()))));
                out.push((format!("{kind} twice"), with(written(&[docs.as_slice(), &docs[n..=n]].concat()))));
            }
            for (class, changed) in mutants(doc, kind, &seen) {
                if changed != *doc && sample.takes(&class) {
                    let mut docs = docs.clone();
                    docs[n] = changed;
                    out.push((class, with(written(&docs))));
                }
            }
            for (other, (_, text)) in built.files.iter().enumerate().filter(|(other, _)| *other != file) {
                if sample.takes(&format!("{kind} moved")) {
                    let mut files = with(written(&without()));
                    files[other].1 = format!("{text}{}", written(&docs[n..=n]));
                    out.push((format!("{kind} moved"), files));
                }
            }
        }
        for (class, text) in edits(text) {
            // What another reader of YAML reads as before says what it said before.
            if sample.takes(&class) && parse(&text).is_none_or(|read| read != *docs) {
                out.push((class, with(text)));
            }
        }
        let mut files = built.files.clone();
        files.remove(file);
        out.push(("file left out".to_owned(), files));
    }
    out
}

#[test]
fn nothing_that_means_something_can_be_changed() {
    let most = std::env::var("NETPOLC_TEST_MUTANTS").map_or(1, |most| most.parse().unwrap());
    let mut unexpected: Vec<String> = vec![];
    for dialect in REGISTRY {
        let name = dialect.name();
        let built = build(*dialect);
        assert!(built.holds(&built.files), "{name}");
        let all = changed(&built, most);
        assert!(all.len() > 500, "{name}: {} changes", all.len());
        let kept: Vec<&Class> =
            all.par_iter().filter(|(_, files)| built.holds(files)).map(|(class, _)| class).collect();
        eprintln!("{name}: {} changes, {} caught, {} keep the meaning", all.len(), all.len() - kept.len(), kept.len());
        let kept: BTreeSet<&Class> = kept.into_iter().collect();
        unexpected.extend(
            kept.into_iter().filter(|class| !same::may_change(name, class)).map(|class| format!("{name}: {class}")),
        );
    }
    assert!(unexpected.is_empty(), "changed, and still proved: {unexpected:#?}");
}
