//! The words of each kind of object and peer.

use super::*;

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
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: backend--shop--api--ingress-from--web
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
  tier: default
  order: 500
  namespaceSelector: projectcalico.org/name == 'backend'
  selector: app == 'api'
  types:
    - Ingress
  ingress:
    - action: Allow
      protocol: TCP
      source:
        namespaceSelector: projectcalico.org/name == 'frontend'
        selector: app == 'web'
      destination:
        ports:
          - 80
"
    );
    assert_eq!(
        files["baseline/backend.yaml"],
        "\
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: backend--netpolc--default-deny
  labels:
    app.kubernetes.io/managed-by: netpolc
  annotations:
    netpolc.dev/app: shop
    netpolc.dev/owner: storefront
    netpolc.dev/source: intents/app.toml
    argocd.argoproj.io/sync-options: PruneLast=true
    argocd.argoproj.io/sync-wave: \"1\"
spec:
  tier: default
  order: 2000
  namespaceSelector: projectcalico.org/name == 'backend'
  selector: all()
  types:
    - Ingress
    - Egress
"
    );
    assert!(files["kustomization.yaml"].ends_with("resources:\n  - allow\n  - baseline\n"));
}

#[test]
fn egress_asks_for_peer_and_ports_of_the_destination() {
    let to = PeerSet::Pods(pods(&["db"], &[("app", "postgres")]));
    assert_eq!(
        rules(Direction::Egress, vec![to], &[tcp(5432, 5432)]),
        "    - action: Allow
      protocol: TCP
      destination:
        namespaceSelector: projectcalico.org/name == 'db'
        selector: app == 'postgres'
        ports:
          - 5432
"
    );
}

#[test]
fn anyone_has_no_source_and_ranges_are_quoted() {
    let ports = [
        tcp(443, 443),
        tcp(8000, 8100),
        PortRange::new(Protocol::Udp, 10, 59).unwrap(),
        PortRange::all(Protocol::Sctp),
    ];
    assert_eq!(
        rules(Direction::Ingress, vec![PeerSet::Anyone], &ports),
        "    - action: Allow
      protocol: TCP
      destination:
        ports:
          - 443
          - \"8000:8100\"
    - action: Allow
      protocol: UDP
      destination:
        ports:
          - \"10:59\"
    - action: Allow
      protocol: SCTP
"
    );
}

#[test]
fn pods_without_labels_and_of_several_or_labelled_namespaces() {
    let labelled = PodSet { namespaces: NamespaceSet::Labels(labels(&[("team", "obs")])), labels: labels(&[]) };
    let all = PodSet { namespaces: NamespaceSet::All, labels: labels(&[("role", "no")]) };
    let peers = vec![PeerSet::Pods(pods(&["a", "b"], &[])), PeerSet::Pods(labelled), PeerSet::Pods(all)];
    let text = rules(Direction::Egress, peers, &[PortRange::all(Protocol::Tcp)]);
    let selectors: Vec<&str> = text.lines().map(str::trim).filter(|line| line.contains("elector")).collect();
    assert_eq!(
        selectors,
        [
            "namespaceSelector: projectcalico.org/name == 'a'",
            "namespaceSelector: projectcalico.org/name == 'b'",
            "namespaceSelector: team == 'obs'",
            "namespaceSelector: has(projectcalico.org/name)",
            "selector: role == 'no'",
        ]
    );
}

#[test]
fn addresses_of_the_cluster_are_nets_with_families_apart() {
    assert_eq!(
        rules(Direction::Ingress, vec![PeerSet::Nodes, PeerSet::ApiServer], &[tcp(1, 1)]),
        "    - action: Allow
      protocol: TCP
      source:
        nets:
          - 192.0.2.0/25
      destination:
        ports:
          - 1
    - action: Allow
      protocol: TCP
      source:
        nets:
          - \"2001:db8:0:1::/64\"
      destination:
        ports:
          - 1
    - action: Allow
      protocol: TCP
      source:
        nets:
          - 192.0.2.10/32
      destination:
        ports:
          - 1
"
    );
}

#[test]
fn an_external_is_a_set_of_each_family_found_by_its_labels() {
    let (model, set) = with_external("payments", &["203.0.113.0/24", "2001:db8::/32"], &["203.0.113.128/25"]);
    let peer = PeerSet::External(ExternalId(0));
    let mut all = policies("backend", vec![policy("p", Direction::Egress, vec![peer], &[tcp(443, 443)])]);
    all.shared.externals = vec![set];
    let files = render(&model, &all);
    let set = |family: &str, net: &str| {
        format!(
            "\
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata:
  name: netpolc--payments-{family}
  labels:
    app.kubernetes.io/managed-by: netpolc
    netpolc.dev/external: netpolc--payments
    netpolc.dev/family: {family}
  annotations:
    netpolc.dev/app: shop
    netpolc.dev/owner: storefront
    netpolc.dev/flow: api -> pay
    netpolc.dev/source: intents/app.toml
    argocd.argoproj.io/sync-options: PruneLast=true
    argocd.argoproj.io/sync-wave: \"-1\"
spec:
  nets:
    - {net}
"
        )
    };
    let both = [set("v4", "203.0.113.0/25"), set("v6", "\"2001:db8::/32\"")].join("---\n");
    assert_eq!(files["allow/externals/netpolc--payments.yaml"], both);
    assert!(files["allow/kustomization.yaml"].ends_with("  - backend.yaml\n  - externals\n"));
    let rule = |family: &str| {
        format!(
            "    - action: Allow
      protocol: TCP
      destination:
        namespaceSelector: global()
        selector: netpolc.dev/external == 'netpolc--payments' && netpolc.dev/family == '{family}'
        ports:
          - 443
"
        )
    };
    let text = &files["allow/backend.yaml"];
    assert!(text.ends_with(&format!("  egress:\n{}{}", rule("v4"), rule("v6"))), "{text}");
}

#[test]
fn dns_is_pods_and_addresses_before_other_allows() {
    let dns = policy("dns", Direction::Egress, vec![PeerSet::Dns(0), PeerSet::Dns(1), PeerSet::Dns(2)], &[tcp(53, 53)]);
    let files = render(&model(), &policies("backend", vec![dns]));
    let text = &files["allow/backend.yaml"];
    assert!(text.contains("  order: 400\n"));
    assert!(text.contains("k8s-app == 'kube-dns'") && text.contains("          - 169.254.20.10/32\n"));
    // The pods of a cache are on the host network here.
    assert!(!text.contains("node-local-dns"));
}

#[test]
fn a_rule_whose_peers_come_to_nothing_is_dropped_with_its_policy() {
    let mut model = model();
    model.profile.node_cidrs = vec![];
    let nothing = policy("nothing", Direction::Egress, vec![PeerSet::Dns(2), PeerSet::Nodes], &[tcp(1, 1)]);
    let files = render(&model, &policies("backend", vec![nothing.clone()]));
    assert_eq!(files.len(), 3, "{files:?}");
    let mut half = nothing;
    half.rules.push(Rule { peers: vec![PeerSet::AllPods], ..half.rules[0].clone() });
    let files = render(&model, &policies("backend", vec![half]));
    assert_eq!(files["allow/backend.yaml"].matches("- action:").count(), 1);
}

#[test]
fn staged_policies_are_the_staged_kind_whose_action_is_set() {
    let mut model = model();
    model.profile.staged = true;
    let allow = policy("p", Direction::Ingress, vec![PeerSet::AllPods], &[tcp(80, 80)]);
    for text in render(&model, &policies("backend", vec![allow])).values().filter(|text| text.contains("spec:")) {
        assert!(text.contains("kind: StagedGlobalNetworkPolicy\n"), "{text}");
        assert!(text.contains("spec:\n  stagedAction: Set\n  tier: default\n"), "{text}");
    }
}

#[test]
fn what_is_denied_is_logged_on_request() {
    let mut model = model();
    model.profile.log_denied = true;
    let files = render(&model, &policies("backend", vec![]));
    let log = "    - action: Log\n";
    assert!(files["baseline/backend.yaml"].ends_with(&format!("  ingress:\n{log}  egress:\n{log}")));
}

#[test]
fn in_another_tier_what_is_denied_is_written() {
    let mut model = model();
    model.profile.tier = sym("platform");
    let allow = policy("p", Direction::Ingress, vec![PeerSet::AllPods], &[tcp(80, 80)]);
    let files = render(&model, &policies("backend", vec![allow.clone()]));
    assert!(files["allow/backend.yaml"].contains("  name: platform.backend--p\n"));
    assert!(files["allow/backend.yaml"].contains("  tier: platform\n  order: 500\n"));
    let baseline = &files["baseline/backend.yaml"];
    assert!(baseline.contains("  name: platform.backend--netpolc--default-deny\n"));
    let deny = "    - action: Deny\n";
    assert!(baseline.ends_with(&format!("  ingress:\n{deny}  egress:\n{deny}")), "{baseline}");
    model.profile.log_denied = true;
    let files = render(&model, &policies("backend", vec![allow]));
    let logged = format!("    - action: Log\n{deny}");
    assert!(files["baseline/backend.yaml"].ends_with(&format!("  ingress:\n{logged}  egress:\n{logged}")));
}

#[test]
fn a_namespace_called_kustomization_does_not_collide() {
    let files = render(&model(), &policies("kustomization", vec![]));
    assert!(files["baseline/_kustomization.yaml"].contains("kind: GlobalNetworkPolicy"));
    assert!(files["baseline/kustomization.yaml"].ends_with("  - _kustomization.yaml\n"));
}

#[test]
fn no_namespace_gives_no_file() {
    assert!(render(&model(), &Policies::default()).is_empty());
}
