//! Guards: tiers of their own, which deny what they name and isolate nothing else.

use super::*;
use crate::model::Guard;
use crate::verify::sum::{self, Scope};

fn names(names: &[&str]) -> BTreeSet<Sym> {
    names.iter().map(|name| sym(name)).collect()
}

fn both() -> Vec<Guard> {
    vec![
        Guard::MetadataDeny { except: names(&["kube-system"]) },
        Guard::DefaultDeny { except: names(&["infra", "kube-system"]) },
    ]
}

fn files(model: &Model, guards: Vec<Guard>) -> BTreeMap<String, String> {
    let allow = policy("p", Direction::Egress, vec![PeerSet::AllPods], &[tcp(80, 80)]);
    render(model, &Policies { shared: Shared { guards, externals: vec![] }, ..policies("backend", vec![allow]) })
}

#[test]
fn the_metadata_guard_denies_before_all_and_hands_over() {
    let files = files(&model(), both());
    assert_eq!(
        files["allow/tiers/metadata-deny.yaml"],
        "\
apiVersion: projectcalico.org/v3
kind: Tier
metadata:
  name: netpolc-guards
  labels:
    app.kubernetes.io/managed-by: netpolc
  annotations:
    argocd.argoproj.io/sync-options: PruneLast=true
    argocd.argoproj.io/sync-wave: \"-1\"
    kustomize.toolkit.fluxcd.io/prune: disabled
spec:
  order: 10
  defaultAction: Pass
"
    );
    assert_eq!(
        files["baseline/guards/metadata-deny.yaml"],
        "\
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: netpolc-guards.metadata-deny
  labels:
    app.kubernetes.io/managed-by: netpolc
  annotations:
    netpolc.dev/guard: metadata-deny
    netpolc.dev/source: netpolc.toml
    argocd.argoproj.io/sync-wave: \"1\"
spec:
  tier: netpolc-guards
  order: 100
  namespaceSelector: \"has(projectcalico.org/name) && projectcalico.org/name not in {'kube-system'}\"
  selector: all()
  types:
    - Egress
  egress:
    - action: Deny
      destination:
        nets:
          - 100.100.100.200/32
          - 168.63.129.16/32
          - 169.254.169.254/32
          - 169.254.170.2/32
          - 169.254.170.23/32
    - action: Deny
      destination:
        nets:
          - \"fd00:ec2::23/128\"
          - \"fd00:ec2::254/128\"
"
    );
    assert!(files["baseline/kustomization.yaml"].ends_with("  - backend.yaml\n  - guards\n"));
}

#[test]
fn the_default_deny_comes_after_all_and_spares_what_others_allow() {
    let text = &files(&model(), both())["baseline/guards/default-deny.yaml"];
    let tier = &files(&model(), both())["allow/tiers/default-deny.yaml"];
    assert!(tier.contains("  name: netpolc-default-deny\n"));
    assert!(tier.contains("spec:\n  order: 20000000\n  defaultAction: Pass\n"));
    assert!(text.ends_with(
        "\
  tier: netpolc-default-deny
  order: 100
  namespaceSelector: \"has(projectcalico.org/name) && projectcalico.org/name not in {'infra', 'kube-system'}\"
  selector: all()
  types:
    - Ingress
    - Egress
  ingress:
    - action: Deny
  egress:
    - action: Deny
"
    ));
}

#[test]
fn guards_read_back_as_denials_and_isolation_of_all_but_some() {
    let read = read(&files(&model(), both()));
    let all: Vec<normal::Policy> = read.into_values().flatten().collect();
    let sums = sum::of(&all);
    assert!(!sums.everywhere && sums.ordered.is_empty());
    let find = |name: &str| sums.policies.iter().find(|policy| policy.name.ends_with(name)).unwrap();
    let metadata = find("guards.metadata-deny");
    assert_eq!(metadata.scope, Scope::AllBut(names(&["kube-system"])));
    assert!(metadata.isolates.is_empty() && metadata.rules.is_empty() && metadata.denies.len() == 2);
    assert_eq!(metadata.denies.iter().map(|rule| rule.peers.len()).sum::<usize>(), 7);
    let deny = find("default-deny.default-deny");
    assert_eq!(deny.scope, Scope::AllBut(names(&["infra", "kube-system"])));
    assert_eq!(deny.isolates, [Direction::Ingress, Direction::Egress]);
    assert!(deny.rules.is_empty() && deny.denies.is_empty());
}

#[test]
fn guards_are_staged_and_log_as_other_policies_do_and_their_tiers_stay() {
    let mut model = model();
    model.profile.staged = true;
    model.profile.log_denied = true;
    let files = files(&model, both());
    for guard in ["metadata-deny", "default-deny"] {
        assert!(files[&format!("allow/tiers/{guard}.yaml")].contains("kind: Tier\n"));
        assert!(files[&format!("baseline/guards/{guard}.yaml")].contains("kind: StagedGlobalNetworkPolicy\n"));
    }
    let rules = "    - action: Log\n    - action: Deny\n";
    assert!(files["baseline/guards/default-deny.yaml"].ends_with(&format!("  ingress:\n{rules}  egress:\n{rules}")));
    assert!(read(&files).values().flatten().all(|policy| policy.staged));
}

#[test]
fn guards_hold_beside_policies_of_another_tier() {
    let mut model = model();
    model.profile.tier = sym("platform");
    let read = read(&files(&model, both()));
    assert_eq!(read["baseline/backend.yaml"][0].isolates, [Direction::Ingress, Direction::Egress]);
    assert_eq!(read["allow/backend.yaml"][0].rules.len(), 1);
}

#[test]
fn a_guard_without_exceptions_still_leaves_host_endpoints_alone() {
    let text = &files(&model(), vec![Guard::DefaultDeny { except: names(&[]) }])["baseline/guards/default-deny.yaml"];
    assert!(text.contains("  namespaceSelector: has(projectcalico.org/name)\n"), "{text}");
}

#[test]
fn too_many_exceptions_are_told() {
    let many: Vec<String> = (0..60).map(|n| format!("namespace-{n:04}")).collect();
    let except = many.iter().map(|name| sym(name)).collect();
    let policies = Policies {
        shared: Shared { guards: vec![Guard::DefaultDeny { except }], externals: vec![] },
        ..Policies::default()
    };
    let errors = Calico.documents(&model(), &policies).unwrap_err();
    assert!(
        errors[0].message.starts_with("calico cannot select the namespaces that a guard leaves out in 1024 characters")
    );
}
