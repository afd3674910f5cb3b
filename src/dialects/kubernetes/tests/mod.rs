use std::collections::BTreeMap;
use std::time::Instant;

use camino::Utf8PathBuf;

mod limits;

use super::*;
use crate::lower::{About, Policies, Rule};
use crate::model::{
    Cidrs, Direction, DnsPeer, DnsTarget, External, ExternalId, FlowGraph, Labels, NamespaceSet, PeerSet, PodSet,
    PortRange, Profile, Protocol, Sym,
};
use crate::render::{Rendered, Renderer};
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

fn model() -> Model {
    let dns = pods(&["kube-system"], &[("k8s-app", "kube-dns")]);
    let profile = Profile {
        dns: DnsTarget {
            peers: vec![DnsPeer::Pods(dns), DnsPeer::Address("169.254.20.10/32".parse().unwrap())],
            ports: vec![tcp(53, 53)],
        },
        pod_cidrs: vec![],
        service_cidrs: vec![],
        node_cidrs: vec![],
        api_server_cidrs: vec!["192.0.2.10/32".parse().unwrap()],
        private_cidrs: vec![],
        scrapers: pods(&["monitoring"], &[]),
        shared_namespaces: BTreeSet::new(),
        enforces_egress: true,
        lints: BTreeMap::new(),
        approximate: BTreeSet::new(),
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

fn external(cidrs: &[&str], fqdns: &[&str]) -> External {
    let cidrs: Vec<_> = cidrs.iter().map(|range| Spanned::new(range.parse().unwrap(), span())).collect();
    External {
        app: None,
        name: sym("payments"),
        addresses: Cidrs::new(cidrs.iter().map(|range: &Spanned<ipnet::IpNet>| range.value)),
        cidrs,
        except: vec![],
        fqdns: fqdns.iter().map(|host| Spanned::new(sym(host), span())).collect(),
        ports: vec![],
        port_names: Default::default(),
        unknown: None,
        private: false,
        metadata: false,
        span: span(),
    }
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
    let namespace =
        NamespacePolicies { namespace: sym(namespace), about: about("web -> api", Some("left out here")), allows };
    Policies { namespaces: [(namespace.namespace.clone(), namespace)].into(), ..Policies::default() }
}

fn render(model: &Model, policies: &Policies) -> BTreeMap<String, String> {
    let mut sources = Sources::default();
    let renderer = Renderer::new(&Kubernetes, &[], &mut sources).unwrap();
    let documents = Kubernetes.documents(model, policies).unwrap();
    let rendered = renderer.render(&sources, &documents).unwrap();
    assert!(rendered.is_sorted_by_key(|file: &Rendered| file.path.clone()));
    rendered.into_iter().map(|file| (file.path.to_string(), file.text)).collect()
}

/// The `spec` of the only object of `allow/backend.yaml`.
#[track_caller]
fn spec(direction: Direction, peers: Vec<PeerSet>, ports: &[PortRange]) -> String {
    spec_in(&model(), direction, peers, ports)
}

fn spec_in(model: &Model, direction: Direction, peers: Vec<PeerSet>, ports: &[PortRange]) -> String {
    let files = render(model, &policies("backend", vec![policy("p", direction, peers, ports)]));
    files["allow/backend.yaml"].split_once("spec:\n").unwrap().1.to_owned()
}

#[test]
fn a_pair_of_tiers_renders_as_an_engineer_would_write_it() {
    let from = PeerSet::Pods(pods(&["frontend"], &[("app", "web")]));
    let allow = policy("shop--api--ingress-from--web", Direction::Ingress, vec![from], &[tcp(80, 80)]);
    let files = render(&model(), &policies("backend", vec![allow]));
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "allow/backend.yaml",
            "allow/kustomization.yaml",
            "baseline/backend.yaml",
            "baseline/kustomization.yaml",
            "kustomization.yaml"
        ]
    );
    assert_eq!(
        files["allow/backend.yaml"],
        "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: shop--api--ingress-from--web
  namespace: backend
  labels:
    app.kubernetes.io/managed-by: netpolc
  annotations:
    netpolc.dev/app: shop
    netpolc.dev/owner: storefront
    netpolc.dev/flow: web -> api
    netpolc.dev/source: intents/app.toml
    netpolc.dev/why: the shop front calls the API
    argocd.argoproj.io/sync-options: PruneLast=true
spec:
  podSelector:
    matchLabels:
      app: api
  policyTypes:
    - Ingress
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: frontend
          podSelector:
            matchLabels:
              app: web
      ports:
        - protocol: TCP
          port: 80
"
    );
    assert_eq!(
        files["baseline/backend.yaml"],
        "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: netpolc--default-deny
  namespace: backend
  labels:
    app.kubernetes.io/managed-by: netpolc
  annotations:
    netpolc.dev/app: shop
    netpolc.dev/owner: storefront
    netpolc.dev/source: intents/app.toml
    argocd.argoproj.io/sync-options: PruneLast=true
    argocd.argoproj.io/sync-wave: \"1\"
spec:
  podSelector: {}
  policyTypes:
    - Ingress
    - Egress
"
    );
    assert_eq!(
        files["kustomization.yaml"],
        "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - allow
  - baseline
"
    );
    assert!(files["allow/kustomization.yaml"].ends_with("resources:\n  - backend.yaml\n"));
}

#[test]
fn anyone_has_no_peers_and_ports_say_their_protocol() {
    let ports = [
        PortRange::all(Protocol::Sctp),
        PortRange::new(Protocol::Udp, 53, 53).unwrap(),
        tcp(8000, 8100),
        tcp(443, 443),
    ];
    let spec = spec(Direction::Ingress, vec![PeerSet::Anyone], &ports);
    assert_eq!(
        spec.split_once("  ingress:\n").unwrap().1,
        "    - ports:
        - protocol: TCP
          port: 443
        - protocol: TCP
          port: 8000
          endPort: 8100
        - protocol: UDP
          port: 53
        - protocol: SCTP
"
    );
}

#[test]
fn pods_of_several_or_labelled_namespaces_are_entries_of_both_selectors() {
    let labelled = PodSet { namespaces: NamespaceSet::Labels(labels(&[("team", "obs")])), labels: labels(&[]) };
    let all = PodSet { namespaces: NamespaceSet::All, labels: labels(&[("role", "no")]) };
    let peers = vec![PeerSet::Pods(pods(&["a", "b"], &[])), PeerSet::Pods(labelled), PeerSet::Pods(all)];
    let spec = spec(Direction::Egress, peers, &[tcp(1, 1)]);
    assert_eq!(
        spec.split_once("  egress:\n").unwrap().1.split_once("      ports:").unwrap().0,
        "    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: a
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: b
        - namespaceSelector:
            matchLabels:
              team: obs
        - namespaceSelector: {}
          podSelector:
            matchLabels:
              role: \"no\"
"
    );
}

#[test]
fn everywhere_is_every_pod_and_every_address_but_metadata() {
    let spec = spec(Direction::Egress, vec![PeerSet::Everywhere], &[tcp(1, 1)]);
    for part in [
        "        - namespaceSelector: {}\n        - ipBlock:\n            cidr: 0.0.0.0/0\n            except:\n",
        "              - 169.254.169.254/32\n",
        "            cidr: \"::/0\"\n            except:\n              - \"fd00:ec2::23/128\"\n",
    ] {
        assert!(spec.contains(part), "{part}\n{spec}");
    }
}

#[test]
fn each_kind_of_peer_is_rendered_as_what_it_stands_for() {
    let mut model = model();
    model.externals = vec![external(&["203.0.113.0/24"], &["api.example.com"])];
    for (peer, want) in [
        (PeerSet::AllPods, "        - namespaceSelector: {}\n      ports"),
        (PeerSet::Internet, "              - 10.0.0.0/8\n"),
        (PeerSet::ApiServer, "        - ipBlock:\n            cidr: 192.0.2.10/32\n      ports"),
        (PeerSet::External(ExternalId(0)), "        - ipBlock:\n            cidr: 203.0.113.0/24\n      ports"),
        (PeerSet::Dns(0), "              k8s-app: kube-dns\n"),
        (PeerSet::Dns(1), "            cidr: 169.254.20.10/32\n"),
    ] {
        let spec = spec_in(&model, Direction::Egress, vec![peer.clone()], &[tcp(1, 1)]);
        assert!(spec.contains(want), "{peer:?}\n{spec}");
    }
}

#[test]
fn a_rule_whose_peers_come_to_nothing_is_dropped_with_its_policy() {
    let mut model = model();
    model.externals = vec![external(&[], &["api.example.com"])];
    let hosts = PeerSet::External(ExternalId(0));
    let nothing = policy("nothing", Direction::Egress, vec![hosts.clone(), PeerSet::Nodes], &[tcp(1, 1)]);
    let files = render(&model, &policies("backend", vec![nothing.clone()]));
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(!files["kustomization.yaml"].contains("allow"));

    let mut half = nothing;
    half.rules.push(Rule { peers: vec![PeerSet::AllPods], ..half.rules[0].clone() });
    let files = render(&model, &policies("backend", vec![half]));
    assert_eq!(files["allow/backend.yaml"].matches("- to:").count(), 1);
}

#[test]
fn an_empty_subject_selects_every_pod() {
    let mut all = policy("p", Direction::Ingress, vec![PeerSet::AllPods], &[tcp(1, 1)]);
    all.subject = labels(&[]);
    let files = render(&model(), &policies("backend", vec![all]));
    assert!(files["allow/backend.yaml"].contains("spec:\n  podSelector: {}\n  policyTypes:\n    - Ingress\n"));
}

#[test]
fn a_namespace_called_kustomization_does_not_collide() {
    let files = render(&model(), &policies("kustomization", vec![]));
    assert!(files["baseline/_kustomization.yaml"].contains("kind: NetworkPolicy"));
    assert!(files["baseline/kustomization.yaml"].ends_with("  - _kustomization.yaml\n"));
}

#[test]
fn no_namespace_gives_no_file() {
    assert!(render(&model(), &Policies::default()).is_empty());
}

#[test]
fn hazardous_values_stay_text() {
    let from = PeerSet::Pods(pods(&["123"], &[("on", "1e3"), ("app.io/x", "")]));
    let mut risky = policy("no", Direction::Ingress, vec![from], &[tcp(80, 80)]);
    risky.about.whys = [sym("a: b # c\n---\nkind: \"x\"")].into();
    let files = render(&model(), &policies("y", vec![risky]));
    let value: serde_yaml::Value = serde_yaml::from_str(&files["allow/y.yaml"]).unwrap();
    assert_eq!(value["metadata"]["name"].as_str(), Some("no"));
    assert_eq!(value["metadata"]["namespace"].as_str(), Some("y"));
    assert_eq!(value["metadata"]["annotations"]["netpolc.dev/why"].as_str(), Some("a: b # c\n---\nkind: \"x\""));
    let peer = &value["spec"]["ingress"][0]["from"][0];
    assert_eq!(peer["podSelector"]["matchLabels"]["on"].as_str(), Some("1e3"));
    assert_eq!(peer["podSelector"]["matchLabels"]["app.io/x"].as_str(), Some(""));
    assert_eq!(peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"].as_str(), Some("123"));
    assert!(files["baseline/kustomization.yaml"].ends_with("  - y.yaml\n"));
}

#[test]
fn annotations_count_what_does_not_fit() {
    let mut about = about("", None);
    about.flows = (0..10_000).map(|n| format!("tier-{n:05} -> hub")).collect();
    let flows = &about::annotations(&about, crate::dialects::writing::turn::ALLOW)[2].1;
    assert!(flows.starts_with("tier-00000 -> hub; tier-00001 -> hub; "), "{flows}");
    assert!(flows.ends_with("; and 9895 more"), "{flows}");
    assert!(flows.len() < 2_100);
}

#[test]
fn twenty_three_thousand_policies_render_in_seconds_even_unoptimized() {
    let namespaces = (0..1_000).map(|n| {
        let allows = (0..23).map(|m| {
            let from = PeerSet::Pods(pods(&["frontend"], &[("app", "web")]));
            policy(&format!("shop--api--ingress-from--web-{m:02}"), Direction::Ingress, vec![from], &[tcp(80, 80)])
        });
        let one = policies(&format!("ns-{n}"), allows.collect());
        one.namespaces.into_iter().next().unwrap()
    });
    let policies = Policies { namespaces: namespaces.collect(), ..Policies::default() };
    let start = Instant::now();
    let files = render(&model(), &policies);
    assert_eq!(files.len(), 2_003);
    assert!(start.elapsed().as_secs() < 20, "took {:?}", start.elapsed());
}

#[test]
fn the_folder_is_a_kustomize_base_and_so_are_its_parts() {
    let kubectl = || std::process::Command::new("kubectl");
    if !kubectl().args(["version", "--client"]).output().is_ok_and(|out| out.status.success()) {
        return;
    }
    let allow = policy("p", Direction::Ingress, vec![PeerSet::AllPods], &[tcp(80, 80)]);
    let mut all = policies("backend", vec![allow.clone()]);
    all.namespaces.extend(policies("kustomization", vec![allow]).namespaces);
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in render(&model(), &all) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for (part, objects) in [("", 4), ("allow", 2), ("baseline", 2)] {
        let out = kubectl().arg("kustomize").arg(folder.path().join(part)).output().unwrap();
        assert!(out.status.success(), "{part}: {}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(String::from_utf8_lossy(&out.stdout).matches("kind: NetworkPolicy").count(), objects);
    }
}
