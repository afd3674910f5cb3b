//! What is written: exact YAML, limits, and that it reads back as what was meant.

mod exact;
mod guards;
mod limits;
mod review;
mod round_trip;
mod traps;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::*;
use crate::lower::{About, ExternalSet, Policies, Rule, Shared};
use crate::model::{
    Cidrs, DnsPeer, DnsTarget, External, ExternalId, FlowGraph, Labels, NamespaceSet, PodSet, PortRange, Profile,
    Protocol, Sym,
};
use crate::render::Renderer;
use crate::source::{Span, Spanned};

fn sym(text: &str) -> Sym {
    text.into()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| (sym(key), sym(value))))
}

fn pods(namespaces: &[&str], pairs: &[(&str, &str)]) -> PodSet {
    let namespaces = NamespaceSet::Names(namespaces.iter().map(|name| sym(name)).collect());
    PodSet { namespaces, labels: labels(pairs) }
}

fn tcp(first: u16, last: u16) -> PortRange {
    PortRange::new(Protocol::Tcp, first, last).unwrap()
}

fn span() -> Span {
    let mut sources = Sources::default();
    Span::new(sources.add("intents/app.toml", "app = \"shop\"\n"), 0..3)
}

fn net(text: &str) -> ipnet::IpNet {
    text.parse().unwrap()
}

fn model() -> Model {
    let dns = pods(&["kube-system"], &[("k8s-app", "kube-dns")]);
    let cache = DnsPeer::Cache(pods(&["kube-system"], &[("k8s-app", "node-local-dns")]));
    let profile = Profile {
        dns: DnsTarget {
            peers: vec![DnsPeer::Pods(dns), DnsPeer::Address(net("169.254.20.10/32")), cache],
            ports: vec![tcp(53, 53), PortRange::new(Protocol::Udp, 53, 53).unwrap()],
        },
        node_cidrs: vec![net("192.0.2.0/25"), net("2001:db8:0:1::/64")],
        api_server_cidrs: vec![net("192.0.2.10/32")],
        ..Profile::unknown()
    };
    Model {
        cluster: None,
        profile,
        apps: vec![],
        tiers: vec![],
        peers: vec![],
        externals: vec![],
        edges: vec![],
        forbids: vec![],
        waivers: vec![],
        unsorted: vec![],
        namespaces: BTreeMap::new(),
        graph: FlowGraph::default(),
    }
}

fn external(name: &str, cidrs: &[&str], except: &[&str]) -> External {
    let spanned = |ranges: &[&str]| ranges.iter().map(|range| Spanned::new(net(range), span())).collect::<Vec<_>>();
    let holes: Vec<_> = except.iter().map(|range| net(range)).collect();
    External {
        app: None,
        name: sym(name),
        addresses: Cidrs::new(cidrs.iter().map(|range| net(range))).minus(&holes),
        cidrs: spanned(cidrs),
        except: spanned(except),
        fqdns: vec![],
        ports: vec![],
        port_names: Default::default(),
        unknown: None,
        private: false,
        metadata: false,
        span: span(),
    }
}

/// A model with one external, and the policies' set of it.
fn with_external(name: &str, cidrs: &[&str], except: &[&str]) -> (Model, ExternalSet) {
    let mut model = model();
    model.externals = vec![external(name, cidrs, except)];
    let set =
        ExternalSet { external: ExternalId(0), name: format!("netpolc--{name}"), about: about("api -> pay", None) };
    (model, set)
}

fn about(flow: &str, why: Option<&str>) -> About {
    About {
        apps: [sym("shop")].into(),
        owners: [sym("storefront")].into(),
        whys: why.map(sym).into_iter().collect(),
        flows: [flow.to_owned()].into(),
        sources: [Utf8PathBuf::from("intents/app.toml")].into(),
    }
}

fn policy(name: &str, direction: Direction, peers: Vec<PeerSet>, ports: &[PortRange]) -> Policy {
    let rule = Rule { peers, ports: ports.into(), http: vec![], edge: None, span: span() };
    Policy {
        name: name.into(),
        subject: labels(&[("app", "api")]),
        direction,
        rules: vec![rule],
        about: about("web -> api", Some("the shop front calls the API")),
    }
}

fn policies(namespace: &str, allows: Vec<Policy>) -> Policies {
    let namespace = NamespacePolicies { namespace: sym(namespace), about: about("web -> api", None), allows };
    Policies { namespaces: [(namespace.namespace.clone(), namespace)].into(), ..Policies::default() }
}

fn render(model: &Model, policies: &Policies) -> BTreeMap<String, String> {
    let mut sources = Sources::default();
    let renderer = Renderer::new(&Calico, &[], &mut sources).unwrap();
    let documents = Calico.documents(model, policies).unwrap();
    let rendered = renderer.render(&sources, &documents).unwrap();
    rendered.into_iter().map(|file| (file.path.to_string(), file.text)).collect()
}

/// What the files say, by path.
fn read(files: &BTreeMap<String, String>) -> BTreeMap<String, Vec<normal::Policy>> {
    let mut sources = Sources::default();
    let ids: Vec<FileId> =
        files.iter().map(|(path, text)| sources.add(format!("out/calico/{path}"), text.clone())).collect();
    let read = Calico.read(&sources, &ids).unwrap();
    files.keys().cloned().zip(read.into_iter().map(|file| file.policies)).collect()
}

/// The `spec` of the only object of `allow/backend.yaml`, from its rules on.
#[track_caller]
fn rules_in(model: &Model, direction: Direction, peers: Vec<PeerSet>, ports: &[PortRange]) -> String {
    let mut all = policies("backend", vec![policy("p", direction, peers, ports)]);
    all.shared.externals = (0..)
        .map(ExternalId)
        .zip(&model.externals)
        .map(|(external, of)| ExternalSet {
            external,
            name: format!("netpolc--{}", of.name),
            about: about("api -> pay", None),
        })
        .collect();
    let files = render(model, &all);
    let key = view::side_key(direction);
    files["allow/backend.yaml"].split_once(&format!("  {key}:\n")).unwrap().1.to_owned()
}

#[track_caller]
fn rules(direction: Direction, peers: Vec<PeerSet>, ports: &[PortRange]) -> String {
    rules_in(&model(), direction, peers, ports)
}
