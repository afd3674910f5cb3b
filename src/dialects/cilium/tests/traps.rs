//! What a generator gets wrong: one test each, to the letter.

use super::*;

#[test]
fn a_default_deny_is_one_empty_rule_a_direction_and_says_so() {
    let files = proved(&shop().model());
    assert_eq!(
        spec(&files, "baseline/front.yaml", "netpolc--default-deny"),
        "  endpointSelector: {}\n  enableDefaultDeny:\n    ingress: true\n    egress: true\n  # An empty rule isolates its direction and allows nothing.\n  ingress:\n    - {}\n  egress:\n    - {}\n"
    );
}

#[test]
fn each_namespace_has_its_files_and_each_folder_lists_them() {
    let files = proved(&shop().external("pay", "203.0.113.0/24", "").edges("web -> api; api -> pay").model());
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "allow/back.yaml",
            "allow/data.yaml",
            "allow/externals/kustomization.yaml",
            "allow/externals/shop--pay.yaml",
            "allow/front.yaml",
            "allow/kustomization.yaml",
            "baseline/back.yaml",
            "baseline/data.yaml",
            "baseline/front.yaml",
            "baseline/kustomization.yaml",
            "kustomization.yaml",
        ]
    );
}

#[test]
fn an_edge_is_a_pair_and_both_name_the_others_namespace() {
    let files = proved(&shop().edge("web -> api", "8080/TCP").model());
    assert_eq!(
        spec(&files, "allow/front.yaml", "shop--web--egress-to--api"),
        r#"  endpointSelector:
    matchLabels:
      "k8s:app": web
  egress:
    - toEndpoints:
        - matchLabels:
            "k8s:io.kubernetes.pod.namespace": back
            "k8s:app": api
      toPorts:
        - ports:
            - port: "8080"
              protocol: TCP
"#
    );
    assert_eq!(
        spec(&files, "allow/back.yaml", "shop--api--ingress-from--web"),
        r#"  endpointSelector:
    matchLabels:
      "k8s:app": api
  ingress:
    - fromEndpoints:
        - matchLabels:
            "k8s:io.kubernetes.pod.namespace": front
            "k8s:app": web
      toPorts:
        - ports:
            - port: "8080"
              protocol: TCP
"#
    );
}

#[test]
fn a_peer_in_the_own_namespace_names_it_too() {
    let files = proved(&Draft::new().tiers("web api").edges("web -> api").model());
    assert!(rules(&files, "allow/shop.yaml", "shop--api--ingress-from--web").contains("pod.namespace\": shop"));
}

#[test]
fn every_pod_of_a_namespace_is_an_empty_selector_as_subject_and_the_namespace_as_peer() {
    let files =
        proved(&Draft::new().tier("all", "shop", "").tier("api", "back", "app=api").edges("all -> api").model());
    assert!(
        spec(&files, "allow/shop.yaml", "shop--all--egress-to--api").starts_with("  endpointSelector: {}\n  egress:")
    );
    assert_eq!(
        rules(&files, "allow/back.yaml", "shop--api--ingress-from--all"),
        r#"  ingress:
    - fromEndpoints:
        - matchLabels:
            "k8s:io.kubernetes.pod.namespace": shop
      toPorts:
        - ports:
            - port: "80"
              protocol: TCP"#
    );
}

#[test]
fn namespaces_by_label_have_their_own_keys() {
    let files = proved(&shop().peer("ops", "team=ops", "app=agent").edges("ops -> api").model());
    assert_eq!(
        rules(&files, "allow/back.yaml", "shop--api--ingress-from--ops"),
        r#"  ingress:
    - fromEndpoints:
        - matchLabels:
            "k8s:io.cilium.k8s.namespace.labels.team": ops
            "k8s:app": agent
      toPorts:
        - ports:
            - port: "80"
              protocol: TCP"#
    );
}

#[test]
fn a_peer_in_several_namespaces_is_one_selector_each() {
    let files = proved(&shop().peer("ops", "ops-a ops-b", "app=agent").edges("ops -> api").model());
    let text = rules(&files, "allow/back.yaml", "shop--api--ingress-from--ops");
    assert_eq!(text.matches("- matchLabels:").count(), 2, "{text}");
    assert!(text.contains("pod.namespace\": ops-a") && text.contains("pod.namespace\": ops-b"));
}

#[test]
fn every_pod_is_any_namespace_and_never_a_bare_selector() {
    let draft =
        shop().peer("agents", "x", "app=agent").with(|model| model.peers[0].pods.namespaces = NamespaceSet::All);
    let files = proved(&draft.edges("cluster -> web; agents -> api").model());
    assert_eq!(
        rules(&files, "allow/front.yaml", "shop--web--ingress-from--cluster"),
        r#"  ingress:
    - fromEndpoints:
        - matchExpressions:
            - key: "k8s:io.kubernetes.pod.namespace"
              operator: Exists
      toPorts:
        - ports:
            - port: "80"
              protocol: TCP"#
    );
    assert_eq!(
        rules(&files, "allow/back.yaml", "shop--api--ingress-from--agents"),
        r#"  ingress:
    - fromEndpoints:
        - matchExpressions:
            - key: "k8s:io.kubernetes.pod.namespace"
              operator: Exists
          matchLabels:
            "k8s:app": agent
      toPorts:
        - ports:
            - port: "80"
              protocol: TCP"#
    );
}

#[test]
fn anyone_nodes_and_the_api_server_are_entities() {
    let files = proved(&shop().edges("anywhere -> web; nodes -> api; api -> kube-apiserver").model());
    let entities = |file: &str, name: &str| {
        let text = rules(&files, file, name);
        let lines = text.lines().skip(1).take_while(|line| !line.contains("toPorts"));
        lines.map(str::trim_start).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(entities("allow/front.yaml", "shop--web--ingress-from--anywhere"), "- fromEntities: - all");
    assert_eq!(entities("allow/back.yaml", "shop--api--ingress-from--nodes"), "- fromEntities: - host - remote-node");
    assert_eq!(entities("allow/back.yaml", "shop--api--egress-to--kube-apiserver"), "- toEntities: - kube-apiserver");
}

#[test]
fn anywhere_as_a_destination_is_the_cluster_and_every_address_but_metadata() {
    let files = proved(&shop().edge("web -> anywhere", "443/TCP").model());
    assert_eq!(
        rules(&files, "allow/front.yaml", "shop--web--egress-to--anywhere"),
        r#"  egress:
    - toEntities:
        - cluster
      toPorts:
        - ports:
            - port: "443"
              protocol: TCP
    - toCIDRSet:
        - cidr: 0.0.0.0/0
          except:
            - 100.100.100.200/32
            - 168.63.129.16/32
            - 169.254.169.254/32
            - 169.254.170.2/32
            - 169.254.170.23/32
        - cidr: "::/0"
          except:
            - "fd00:ec2::23/128"
            - "fd00:ec2::254/128"
      toPorts:
        - ports:
            - port: "443"
              protocol: TCP"#
    );
}

#[test]
fn the_internet_is_addresses_with_exceptions_and_not_the_world() {
    let files = proved(&shop().edge("web -> internet", "443/TCP").model());
    let text = rules(&files, "allow/front.yaml", "shop--web--egress-to--internet");
    assert!(text.starts_with(
        "  egress:\n    - toCIDRSet:\n        - cidr: 0.0.0.0/0\n          except:\n            - 10.0.0.0/8"
    ));
    assert!(text.contains("- cidr: \"::/0\"\n          except:\n            - \"fc00::/7\""));
    assert!(!text.contains("Entities"));
}

#[test]
fn externals_are_groups_with_their_exceptions_taken_out_and_both_families_in_one() {
    let draft = shop().external("pay", "203.0.113.0/24 2001:db8::/32", "203.0.113.64/26").edge("api -> pay", "443/TCP");
    let files = proved(&draft.model());
    assert_eq!(
        spec(&files, "allow/externals/shop--pay.yaml", "shop--pay"),
        "  externalCIDRs:\n    - 203.0.113.0/26\n    - 203.0.113.128/25\n    - \"2001:db8::/32\"\n"
    );
    assert_eq!(
        rules(&files, "allow/back.yaml", "shop--api--egress-to--pay"),
        r#"  egress:
    - toCIDRSet:
        - cidrGroupRef: shop--pay
      toPorts:
        - ports:
            - port: "443"
              protocol: TCP"#
    );
}

#[test]
fn an_external_that_no_edge_names_has_no_group() {
    let files = proved(&shop().external("pay", "203.0.113.0/24", "").model());
    assert!(!files.keys().any(|path| path.contains("externals")));
}

#[test]
fn ports_are_strings_ranges_have_an_end_and_all_is_zero() {
    let files = proved(&shop().edge("web -> api", "80/TCP 8000-8100/UDP all/SCTP").model());
    assert!(rules(&files, "allow/front.yaml", "shop--web--egress-to--api").ends_with(
        r#"      toPorts:
        - ports:
            - port: "80"
              protocol: TCP
            - port: "8000"
              endPort: 8100
              protocol: UDP
            - port: "0"
              protocol: SCTP"#
    ));
}

#[test]
fn every_port_is_all_three_protocols() {
    let files = proved(&shop().edge("web -> api", "all/TCP all/UDP all/SCTP").model());
    let text = rules(&files, "allow/front.yaml", "shop--web--egress-to--api");
    let protocols = ["TCP", "UDP", "SCTP"].map(|protocol| format!("port: \"0\"\n              protocol: {protocol}"));
    assert!(protocols.iter().all(|entry| text.contains(entry)), "{text}");
}

#[test]
fn dns_is_a_plain_rule_for_tiers_without_host_names() {
    let files = proved(&shop().model());
    assert_eq!(
        rules(&files, "allow/front.yaml", "shop--web--egress-dns"),
        r#"  egress:
    - toEndpoints:
        - matchLabels:
            "k8s:io.kubernetes.pod.namespace": kube-system
            "k8s:k8s-app": kube-dns
      toPorts:
        - ports:
            - port: "53"
              protocol: TCP
            - port: "53"
              protocol: UDP"#
    );
}

#[test]
fn dns_of_openshift_has_its_own_pods_and_port() {
    let draft = shop().with(|model| {
        let pods = in_namespace("openshift-dns", &[("dns.operator.openshift.io/daemonset-dns", "default")]);
        model.profile.dns.peers = vec![DnsPeer::Pods(pods)];
        for port in &mut model.profile.dns.ports {
            (port.first, port.last) = (5353, 5353);
        }
    });
    let files = proved(&draft.model());
    let text = rules(&files, "allow/front.yaml", "shop--web--egress-dns");
    assert!(text.contains("\"k8s:dns.operator.openshift.io/daemonset-dns\": default"), "{text}");
    assert!(text.contains("port: \"5353\""), "{text}");
}

/// Agents take the address of such a cache for the node's, or for one of the world.
#[test]
fn a_dns_cache_on_the_node_is_the_host_and_its_address() {
    let draft = shop().with(|model| {
        let cache = in_namespace("kube-system", &[("k8s-app", "node-local-dns")]);
        model.profile.dns.peers.extend([DnsPeer::Address("169.254.20.10/32".parse().unwrap()), DnsPeer::Cache(cache)]);
    });
    let files = proved(&draft.model());
    let text = rules(&files, "allow/front.yaml", "shop--web--egress-dns");
    let kinds: Vec<&str> = text.lines().filter(|line| line.starts_with("    - ")).map(str::trim).collect();
    assert_eq!(kinds, ["- toEndpoints:", "- toEntities:", "- toCIDRSet:"]);
    assert!(text.contains("\"k8s:k8s-app\": kube-dns") && text.contains("\"k8s:k8s-app\": node-local-dns"));
    assert!(text.contains("        - host\n") && text.contains("        - cidr: 169.254.20.10/32\n"), "{text}");
}

#[test]
fn names_say_subject_direction_and_peer_and_annotations_where_they_come_from() {
    let files = proved(&shop().edges("web -> api").model());
    let head = files["allow/back.yaml"].split("spec:").nth(1).unwrap();
    for line in [
        "apiVersion: cilium.io/v2",
        "kind: CiliumNetworkPolicy",
        "  name: shop--api--ingress-from--web",
        "  namespace: back",
        "    app.kubernetes.io/managed-by: netpolc",
        "    netpolc.dev/app: shop",
        "    netpolc.dev/flow: web -> api",
        "    netpolc.dev/source: intents/shop.toml",
        "    netpolc.dev/why: needed",
    ] {
        assert!(head.contains(&format!("{line}\n")), "{line} in {head}");
    }
}

/// A group selects nothing by a range of prefix length 0.
#[test]
fn an_external_that_is_all_addresses_is_two_halves_of_each_family() {
    let files = proved(&shop().external("all", "0.0.0.0/0 ::/0", "").edge("api -> all", "443/TCP").model());
    let text = &files["allow/externals/shop--all.yaml"];
    let ranges: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    - ")).collect();
    assert_eq!(ranges, ["0.0.0.0/1", "128.0.0.0/1", "\"::/1\"", "\"8000::/1\""]);
}
