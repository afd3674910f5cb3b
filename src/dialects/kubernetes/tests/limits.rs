use super::*;
use crate::dialects::writing::size::MAX_OBJECT;

/// Peers and ports of every rule of every object, as pairs: what the policies allow together.
fn allowed(yaml: &str) -> (BTreeSet<(String, String)>, Vec<usize>, Vec<String>) {
    let (mut pairs, mut sizes, mut names) = (BTreeSet::new(), vec![], vec![]);
    for document in yaml.split("\n---\n") {
        let value: serde_yaml::Value = serde_yaml::from_str(document).unwrap();
        sizes.push(serde_json::to_string(&value).unwrap().len().max(document.len()));
        names.push(value["metadata"]["name"].as_str().unwrap().to_owned());
        for rule in value["spec"]["egress"].as_sequence().unwrap() {
            let peers = rule["to"].as_sequence().unwrap();
            let ports = rule["ports"].as_sequence().unwrap();
            assert!(!peers.is_empty() && !ports.is_empty());
            for peer in peers {
                for port in ports {
                    pairs.insert((format!("{peer:?}"), format!("{port:?}")));
                }
            }
        }
    }
    (pairs, sizes, names)
}

#[test]
fn a_large_policy_is_split_without_changing_its_meaning() {
    let peers: Vec<PeerSet> = (0..2_000)
        .map(|n| PeerSet::Pods(pods(&[&format!("ns-{n}")], &[("app.kubernetes.io/name", "x"), ("t", &n.to_string())])))
        .collect();
    // Every second port, so that there are ranges of one.
    let ports: Vec<PortRange> = (1..=600).map(|n| tcp(n * 2, n * 2)).collect();
    let big = policy("hub", Direction::Egress, peers, &ports);
    let small = policy("hub.2", Direction::Egress, vec![PeerSet::AllPods], &[tcp(1, 1)]);
    let files = render(&model(), &policies("backend", vec![big, small]));
    let (pairs, sizes, names) = allowed(&files["allow/backend.yaml"]);
    assert_eq!(pairs.len(), 2_000 * 600 + 1);
    assert!(sizes.iter().all(|size| *size <= MAX_OBJECT), "{sizes:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    assert_eq!(&names[..2], ["hub", "hub.3"]);
    assert_eq!(names.last().unwrap(), "hub.2");
}

#[test]
fn all_ports_written_one_by_one_are_split_too() {
    let ports: Vec<PortRange> = (1..=30_000).map(|n| tcp(n * 2, n * 2)).collect();
    let name = "n".repeat(250);
    let big = policy(&name, Direction::Egress, vec![PeerSet::AllPods], &ports);
    let files = render(&model(), &policies("backend", vec![big]));
    let (pairs, sizes, names) = allowed(&files["allow/backend.yaml"]);
    assert_eq!(pairs.len(), 30_000);
    assert!(sizes.len() > 5 && sizes.iter().all(|size| *size <= MAX_OBJECT), "{sizes:?}");
    assert!(names.iter().all(|name| name.len() <= 253), "{names:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn anyone_on_many_ports_stays_anyone_in_every_object() {
    let ports: Vec<PortRange> = (1..=10_000).map(|n| tcp(n * 2, n * 2)).collect();
    let files =
        render(&model(), &policies("backend", vec![policy("p", Direction::Ingress, vec![PeerSet::Anyone], &ports)]));
    let text = &files["allow/backend.yaml"];
    assert!(text.matches("kind:").count() > 1);
    assert_eq!(text.matches("from:").count(), 0);
    assert_eq!(text.matches("port: ").count(), 10_000);
}

#[test]
fn what_cannot_be_split_is_an_error_at_its_line() {
    let mut model = model();
    let except = (0..4_000_u32).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256).parse().unwrap());
    let mut wide = external(&["10.0.0.0/8"], &[]);
    wide.addresses = wide.addresses.minus(&except.collect::<Vec<_>>());
    model.externals = vec![wide];
    let peers = vec![PeerSet::External(ExternalId(0))];
    let errors = Kubernetes
        .documents(&model, &policies("backend", vec![policy("p", Direction::Egress, peers, &[tcp(1, 1)])]))
        .unwrap_err();
    assert_eq!(errors[0].code, codes::RENDERED);
    assert_eq!(errors[0].message, "one peer of `p` does not fit into one object");
    assert!(errors[0].primary.is_some());
}
