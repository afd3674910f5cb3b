//! Write, render, read: what comes back is what was meant, whatever the peer.

use super::*;
use crate::verify::normal::{Namespaces, Peer, Ports, Selector};
use crate::verify::sum;

fn block(cidr: &str) -> Peer {
    Peer::Block { cidr: net(cidr), except: vec![] }
}

fn blocks(ranges: &Cidrs) -> Vec<Peer> {
    ranges.blocks.iter().map(|block| Peer::Block { cidr: block.cidr, except: block.except.clone() }).collect()
}

fn of_pods(namespaces: Namespaces, pairs: &[(&str, &str)]) -> Peer {
    Peer::Pods { namespaces, labels: labels(pairs) }
}

/// All peers of the rules of one policy, read back.
fn peers(model: &Model, direction: Direction, peer: PeerSet) -> Vec<Peer> {
    let is_external = matches!(peer, PeerSet::External(_));
    let mut all = policies("backend", vec![policy("p", direction, vec![peer], &[tcp(80, 80)])]);
    all.shared.externals = model
        .externals
        .iter()
        .filter(|_| is_external)
        .zip(0..)
        .map(|(external, id)| ExternalSet {
            external: ExternalId(id),
            name: format!("netpolc--{}", external.name),
            about: about("api -> pay", None),
        })
        .collect();
    let read = read(&render(model, &all));
    let [policy] = read["allow/backend.yaml"].as_slice() else { panic!("{read:?}") };
    assert_eq!(policy.subject, Selector::of_namespace(sym("backend"), labels(&[("app", "api")])));
    assert_eq!(policy.isolates, [direction]);
    assert!(policy.rules.iter().all(|rule| rule.direction == direction));
    let port = [Ports { protocol: Protocol::Tcp, first: 80, last: 80 }];
    assert!(policy.rules.iter().all(|rule| rule.ports == port));
    policy.rules.iter().flat_map(|rule| rule.peers.clone()).collect()
}

#[test]
fn every_kind_of_peer_comes_back() {
    let mut model = model();
    model.externals =
        vec![external("pay", &["203.0.113.0/24", "2001:db8::/127"], &["203.0.113.0/25", "2001:db8::/128"])];
    let profile = model.profile.clone();
    let every = || of_pods(Namespaces::Labelled(labels(&[])), &[]);
    let everywhere = [vec![every()], blocks(&profile.everywhere())].concat();
    let named = |name: &str| Namespaces::Named(sym(name));
    let labelled = NamespaceSet::Labels(labels(&[("team", "obs")]));
    for (peer, want) in [
        (PeerSet::Anyone, vec![Peer::Anyone]),
        (PeerSet::AllPods, vec![every()]),
        (PeerSet::Everywhere, everywhere),
        (PeerSet::Internet, blocks(&profile.internet())),
        (PeerSet::Nodes, vec![block("192.0.2.0/25"), block("2001:db8:0:1::/64")]),
        (PeerSet::ApiServer, vec![block("192.0.2.10/32")]),
        (PeerSet::External(ExternalId(0)), vec![block("203.0.113.128/25"), block("2001:db8::1/128")]),
        (PeerSet::Dns(0), vec![of_pods(named("kube-system"), &[("k8s-app", "kube-dns")])]),
        (PeerSet::Dns(1), vec![block("169.254.20.10/32")]),
        (
            PeerSet::Pods(pods(&["a", "b"], &[("x", ""), ("y.io/z", "1")])),
            vec![
                of_pods(named("a"), &[("x", ""), ("y.io/z", "1")]),
                of_pods(named("b"), &[("x", ""), ("y.io/z", "1")]),
            ],
        ),
        (
            PeerSet::Pods(PodSet { namespaces: labelled, labels: labels(&[]) }),
            vec![of_pods(Namespaces::Labelled(labels(&[("team", "obs")])), &[])],
        ),
        (
            PeerSet::Pods(PodSet { namespaces: NamespaceSet::All, labels: labels(&[("a", "b")]) }),
            vec![of_pods(Namespaces::Labelled(labels(&[])), &[("a", "b")])],
        ),
    ] {
        for direction in [Direction::Ingress, Direction::Egress] {
            assert_eq!(peers(&model, direction, peer.clone()), want, "{peer:?}");
        }
    }
}

#[test]
fn baselines_come_back_in_any_wording() {
    for (tier, staged, log_denied) in [
        ("default", false, false),
        ("default", true, true),
        ("platform", false, true),
        ("platform", true, false),
        ("kube-baseline", false, false),
    ] {
        let mut model = model();
        model.profile.tier = sym(tier);
        (model.profile.staged, model.profile.log_denied) = (staged, log_denied);
        let allow = policy("p", Direction::Ingress, vec![PeerSet::AllPods], &[tcp(80, 80)]);
        let read = read(&render(&model, &policies("backend", vec![allow])));
        let [baseline] = read["baseline/backend.yaml"].as_slice() else { panic!() };
        assert_eq!(baseline.isolates, [Direction::Ingress, Direction::Egress]);
        assert!(baseline.subject.labels.is_empty());
        assert_eq!(baseline.staged, staged);
        assert_eq!(read["allow/backend.yaml"][0].rules.len(), 1);
        let all: Vec<normal::Policy> = read.into_values().flatten().collect();
        let sums = sum::of(&all);
        assert!(!sums.everywhere && sums.ordered.is_empty(), "{tier}");
        let baseline = sums.policies.iter().find(|policy| policy.name.ends_with("default-deny")).unwrap();
        assert_eq!(baseline.isolates, [Direction::Ingress, Direction::Egress], "{tier}");
        assert!(baseline.rules.is_empty() && baseline.denies.is_empty());
    }
}

#[test]
fn hazardous_names_and_values_stay_text() {
    let from = PeerSet::Pods(pods(&["123"], &[("on", "1e3"), ("app.io/x", ""), ("in", "all")]));
    let mut risky = policy("no", Direction::Ingress, vec![from], &[tcp(80, 80)]);
    risky.about.whys = [sym("a: b # c\n---\nkind: \"x\"")].into();
    let files = render(&model(), &policies("y", vec![risky]));
    let value: serde_yaml::Value = serde_yaml::from_str(&files["allow/y.yaml"]).unwrap();
    assert_eq!(value["metadata"]["annotations"]["netpolc.dev/why"].as_str(), Some("a: b # c\n---\nkind: \"x\""));
    let read = read(&files);
    let policy = &read["allow/y.yaml"][0];
    assert_eq!((policy.name.as_str(), &policy.subject.namespaces), ("y--no", &Namespaces::Named(sym("y"))));
    let want = of_pods(Namespaces::Named(sym("123")), &[("on", "1e3"), ("app.io/x", ""), ("in", "all")]);
    assert_eq!(policy.rules[0].peers, [want]);
}

#[test]
fn no_value_can_end_a_literal_of_a_selector() {
    for value in ["x' || all() || a == 'y", "x'", "a\nb"] {
        let from = PeerSet::Pods(pods(&["a"], &[("app", value)]));
        let hostile = policy("p", Direction::Ingress, vec![from], &[tcp(80, 80)]);
        let errors = Calico.documents(&model(), &policies("backend", vec![hostile])).unwrap_err();
        assert!(errors[0].message.starts_with("calico cannot select this peer by `"), "{}", errors[0].message);
        let mut hostile = policy("p", Direction::Ingress, vec![PeerSet::AllPods], &[tcp(80, 80)]);
        hostile.subject = labels(&[("app", value)]);
        assert!(Calico.documents(&model(), &policies("backend", vec![hostile])).is_err());
    }
}

#[test]
fn nine_thousand_policies_are_written_and_read_in_seconds_even_unoptimized() {
    let namespaces = (0..400).map(|n| {
        let allows = (0..23).map(|m| {
            let from = PeerSet::Pods(pods(&["frontend"], &[("app", "web")]));
            policy(&format!("shop--api--ingress-from--web-{m:02}"), Direction::Ingress, vec![from], &[tcp(80, 80)])
        });
        let one = policies(&format!("ns-{n}"), allows.collect());
        one.namespaces.into_iter().next().unwrap()
    });
    let policies = Policies { namespaces: namespaces.collect(), ..Policies::default() };
    let start = std::time::Instant::now();
    let files = render(&model(), &policies);
    assert_eq!(files.len(), 803);
    assert_eq!(read(&files).values().map(Vec::len).sum::<usize>(), 9_600);
    assert!(start.elapsed().as_secs() < 20, "took {:?}", start.elapsed());
}

#[test]
fn the_folder_is_a_kustomize_base_and_so_are_its_parts() {
    let kubectl = || std::process::Command::new("kubectl");
    if !kubectl().args(["version", "--client"]).output().is_ok_and(|out| out.status.success()) {
        return;
    }
    let (model, set) = with_external("pay", &["203.0.113.0/24"], &[]);
    let allow = policy("p", Direction::Egress, vec![PeerSet::External(ExternalId(0))], &[tcp(80, 80)]);
    let guards = vec![crate::model::Guard::MetadataDeny { except: [sym("kube-system")].into() }];
    let all = Policies { shared: Shared { externals: vec![set], guards }, ..policies("backend", vec![allow]) };
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in render(&model, &all) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for (part, objects) in [("", 5), ("allow", 3), ("allow/tiers", 1), ("baseline", 2), ("baseline/guards", 1)] {
        let out = kubectl().arg("kustomize").arg(folder.path().join(part)).output().unwrap();
        assert!(out.status.success(), "{part}: {}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(String::from_utf8_lossy(&out.stdout).matches("apiVersion:").count(), objects);
    }
}
