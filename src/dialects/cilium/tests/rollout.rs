//! Guards, and policies that enforce nothing yet.

use super::*;

fn guarded() -> Draft {
    shop().with(|model| {
        model.profile.system_namespaces = ["kube-system".into()].into();
        model.profile.metadata_deny = true;
        model.profile.default_deny = Some(["legacy".into()].into());
    })
}

#[test]
fn a_metadata_guard_denies_and_isolates_nothing() {
    let files = proved(&guarded().model());
    assert_eq!(
        spec(&files, "baseline/guards/metadata-deny.yaml", "netpolc--metadata-deny"),
        r#"  endpointSelector:
    matchExpressions:
      - key: "k8s:io.kubernetes.pod.namespace"
        operator: Exists
      - key: "k8s:io.kubernetes.pod.namespace"
        operator: NotIn
        values:
          - kube-system
  enableDefaultDeny:
    ingress: false
    egress: false
  egressDeny:
    - toCIDR:
        - 169.254.169.254/32
        - 169.254.170.2/32
        - 169.254.170.23/32
        - 168.63.129.16/32
        - 100.100.100.200/32
        - "fd00:ec2::254/128"
        - "fd00:ec2::23/128"
"#
    );
    assert!(
        files["baseline/guards/metadata-deny.yaml"]
            .contains("kind: CiliumClusterwideNetworkPolicy\nmetadata:\n  name: netpolc--metadata-deny\n  labels:")
    );
}

#[test]
fn a_default_deny_everywhere_leaves_the_listed_namespaces_alone() {
    let files = proved(&guarded().model());
    assert_eq!(
        spec(&files, "baseline/guards/default-deny.yaml", "netpolc--default-deny"),
        r#"  endpointSelector:
    matchExpressions:
      - key: "k8s:io.kubernetes.pod.namespace"
        operator: Exists
      - key: "k8s:io.kubernetes.pod.namespace"
        operator: NotIn
        values:
          - kube-system
          - legacy
  enableDefaultDeny:
    ingress: true
    egress: true
  # An empty rule isolates its direction and allows nothing.
  ingress:
    - {}
  egress:
    - {}
"#
    );
}

#[test]
fn a_guard_without_exempt_namespaces_still_selects_pods_alone() {
    let draft = guarded().with(|model| model.profile.system_namespaces = [].into());
    let files = proved(&draft.model());
    let text = spec(&files, "baseline/guards/metadata-deny.yaml", "netpolc--metadata-deny");
    assert!(text.contains("operator: Exists\n  enableDefaultDeny:"), "{text}");
}

#[test]
fn staged_policies_isolate_nothing_and_leave_out_what_would_be_enforced() {
    let draft = guarded().with(|model| model.profile.staged = true).edge("web -> api", "80/TCP");
    let model = with_http(draft, vec![get("/a")]).model();
    let files = proved(&model);
    let off = "  enableDefaultDeny:\n    ingress: false\n    egress: false\n";
    assert_eq!(
        spec(&files, "baseline/front.yaml", "netpolc--default-deny"),
        format!("  endpointSelector: {{}}\n{off}  ingress:\n    - {{}}\n  egress:\n    - {{}}\n")
    );
    let (manifests, whole): (Vec<_>, String) = (
        files.iter().filter(|(path, _)| !path.ends_with("kustomization.yaml")).collect(),
        files.values().cloned().collect(),
    );
    for (path, text) in manifests {
        assert_eq!(text.matches("\nspec:\n").count(), text.matches(off).count(), "{path}");
    }
    assert!(!whole.contains("http:") && !whole.contains("Deny:\n    - to"), "{whole}");
    assert!(!files.keys().any(|path| path.contains("guards")));
    let notes = Cilium.review(&model).notes;
    assert!(notes.iter().any(|note| note.contains("report nothing")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("HTTP rules and guards would be enforced")), "{notes:?}");
}

#[test]
fn rules_that_differ_in_requests_alone_are_one_while_staged() {
    let draft = shop().with(|model| model.profile.staged = true).edge("web -> api", "80/TCP");
    let draft = with_http(draft, vec![get("/a")]).edge("web -> api", "80/TCP");
    let files = proved(&with_http(draft, vec![get("/b")]).model());
    assert_eq!(files["allow/back.yaml"].matches("fromEndpoints").count(), 1);
}

#[test]
fn what_agents_must_know_is_said_where_it_matters_alone() {
    assert!(Cilium.review(&shop().model()).notes.is_empty());
    let default_deny_alone = guarded().with(|model| model.profile.metadata_deny = false);
    assert!(Cilium.review(&default_deny_alone.model()).notes.is_empty());
    let notes = Cilium.review(&guarded().model()).notes;
    assert!(notes.len() == 2 && notes[0].starts_with("metadata-deny: agents must be 1.16 or later"), "{notes:?}");
    assert!(notes[1].contains("169.254.170.23") && notes[1].contains("addresses of the node"), "{notes:?}");
}
