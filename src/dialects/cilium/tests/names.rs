//! Host names, and the DNS proxy that makes them known.

use super::*;
use crate::dialects::reading::identities;

const PROXY: &str = "          rules:\n            dns:\n              - matchPattern: \"*\"";

/// `web` may reach `stripe` by name.
fn stripe(hosts: &[&str]) -> Draft {
    let draft = Draft::new()
        .tier("web", "front", "app=web")
        .tier("slow", "front", "tier=slow")
        .tier("api", "front", "app=api")
        .external("stripe", "", "")
        .edge("web -> stripe", "443/TCP");
    with_hosts(draft, 0, hosts)
}

#[test]
fn host_names_have_a_rule_of_their_own() {
    let files = proved(&stripe(&["*.stripe.com", "api.stripe.com"]).model());
    assert_eq!(
        rules(&files, "allow/front.yaml", "shop--web--egress-to--stripe"),
        r#"  egress:
    - toFQDNs:
        - matchPattern: "*.stripe.com"
        - matchName: api.stripe.com
      toPorts:
        - ports:
            - port: "443"
              protocol: TCP"#
    );
}

#[test]
fn names_and_addresses_of_one_external_add_up_in_two_rules() {
    let draft = stripe(&["api.stripe.com"]).with(|model| {
        model.externals[0].addresses = crate::model::Cidrs::new(["203.0.113.0/24".parse().unwrap()]);
    });
    let files = proved(&draft.model());
    let text = rules(&files, "allow/front.yaml", "shop--web--egress-to--stripe");
    assert!(text.contains("    - toCIDRSet:\n        - cidrGroupRef: shop--stripe\n"));
    assert!(text.contains("    - toFQDNs:\n        - matchName: api.stripe.com\n"));
}

#[test]
fn tiers_with_host_names_ask_through_the_proxy_alone() {
    let files = proved(&stripe(&["api.stripe.com"]).model());
    assert_eq!(
        rules(&files, "allow/front.yaml", "shop--web--egress-dns"),
        format!(
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
              protocol: UDP
{PROXY}"#
        )
    );
}

#[test]
fn so_does_every_tier_that_may_share_their_pods_and_no_other() {
    let files = proved(&stripe(&["api.stripe.com"]).model());
    assert!(rules(&files, "allow/front.yaml", "shop--slow--egress-dns").ends_with(PROXY));
    assert!(!rules(&files, "allow/front.yaml", "shop--api--egress-dns").contains("rules:"));
}

#[test]
fn every_place_of_dns_is_asked_through_the_proxy() {
    let draft = stripe(&["api.stripe.com"]).with(|model| {
        model.profile.dns.peers.push(DnsPeer::Address("169.254.20.10/32".parse().unwrap()));
    });
    let files = proved(&draft.model());
    assert_eq!(rules(&files, "allow/front.yaml", "shop--web--egress-dns").matches(PROXY).count(), 3);
}

/// Writer and reader share no code, and must know the same labels: what one refuses the other would find nowhere.
#[test]
fn the_writer_refuses_every_label_that_the_reader_finds_nowhere() {
    for key in [
        "app",
        "app.kubernetes.io/name",
        "annotation.example.com/x",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/job-name",
        "beta.kubernetes.io/arch",
        "controller-revision-hash",
        "controller-uid",
        "etcd_node",
        "io.kubernetes.pod.name",
        "job-name",
        "k8s-app",
        "k8s.io/role",
        "kubernetes.io/os",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
        "topology.kubernetes.io/zone",
    ] {
        let (written, found) = (super::labels::refused_of_pod(key).is_none(), identities::hold(key));
        assert_eq!(written, found, "{key}");
    }
}
