use super::super::list::write;
use super::*;
use crate::source::{STANDARD_INPUT_SHOWN, Sources};

const POLICY: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: one
  namespace: front
  labels:
    app.kubernetes.io/managed-by: netpolc
spec:
  podSelector: {}
";

fn indented(policy: &str) -> String {
    let lines: Vec<String> = policy.lines().map(|line| format!("  {line}")).collect();
    format!("- {}\n", lines.join("\n").trim_start())
}

/// The list after policies were put into it, and what was told; or the errors.
fn merged(items: &str, policies: &[&str]) -> Result<(String, Vec<String>), Vec<String>> {
    let mut sources = Sources::default();
    let text = format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{items}");
    let file = sources.add(STANDARD_INPUT_SHOWN, text);
    let list = List::read(&sources, file).unwrap();
    let made: Vec<Made<'_>> =
        policies.iter().map(|text| Made { value: serde_saphyr::from_str(text).unwrap(), text }).collect();
    let items = passed(&list);
    let say = |told: Vec<Told>| told.iter().map(|told| serde_json::to_string(told).unwrap()).collect::<Vec<_>>();
    let (objects, told) = merge(&items, &made, &BTreeSet::from(["shop"])).map_err(say)?;
    let out = write(&list, &objects, &[]).unwrap();
    Ok((out.split_once("items:\n").unwrap().1.to_owned(), say(told)))
}

const OTHER: &str = "- kind: Other\n  apiVersion: v1\n";

#[test]
fn policies_come_after_what_was_there() {
    let second = POLICY.replace("one", "two");
    let (out, told) = merged(OTHER, &[POLICY, &second]).unwrap();
    assert_eq!(out, format!("{OTHER}{}{}", indented(POLICY), indented(&second)));
    assert_eq!(told, [""; 0]);
}

#[test]
fn what_says_the_same_keeps_its_place_and_its_text() {
    // Sorted and annotated, as an orchestrator gives it back, and with a comment of its owner.
    let same = "- kind: NetworkPolicy # mine
  apiVersion: networking.k8s.io/v1
  metadata:
    annotations:
      config.kubernetes.io/path: 'front/networkpolicy_one.yaml'
      internal.config.kubernetes.io/index: '0'
      config.k8s.io/id: '1'
    name: one
    namespace: front
    labels:
      app.kubernetes.io/managed-by: netpolc
  spec:
    podSelector: {}
";
    let (out, told) = merged(&format!("{same}{OTHER}"), &[POLICY]).unwrap();
    assert_eq!(out, format!("{same}{OTHER}"));
    assert_eq!(told, [""; 0]);
}

#[test]
fn what_was_made_before_and_says_something_else_is_replaced_in_its_place() {
    for before in [
        POLICY.replace("podSelector: {}", "podSelector: {}\n  ingress: [{}]"),
        // Would keep the policy from being applied.
        POLICY.replace("  labels:", "  annotations:\n    config.kubernetes.io/local-config: \"true\"\n  labels:"),
        POLICY.replace("/v1", "/v1beta1"),
    ] {
        let (out, told) = merged(&format!("{}{OTHER}", indented(&before)), &[POLICY]).unwrap();
        assert_eq!(out, format!("{}{OTHER}", indented(POLICY)), "{before}");
        assert_eq!(told, [""; 0]);
    }
    let twice = format!("{}{OTHER}{}", indented(POLICY), indented(POLICY));
    assert_eq!(merged(&twice, &[POLICY]).unwrap().0, format!("{}{OTHER}", indented(POLICY)));
}

#[test]
fn what_was_made_before_and_is_made_no_more_is_left_out_and_told() {
    let old = |app: &str| {
        indented(
            &POLICY
                .replace("one", "old")
                .replace("  labels:", &format!("  annotations:\n    netpolc.dev/app: {app}\n  labels:")),
        )
    };
    for (item, severity) in [(old("shop"), "info"), (old("gone"), "warning"), (old("\"gone, shop\""), "warning")] {
        let (out, told) = merged(&format!("{item}{OTHER}"), &[POLICY]).unwrap();
        assert_eq!(out, format!("{OTHER}{}", indented(POLICY)));
        assert_eq!(told.len(), 1);
        assert!(told[0].contains(&format!("\"severity\":\"{severity}\"")), "{told:?}");
        assert!(told[0].contains("`NetworkPolicy` `front/old` was made by netpolc before"), "{told:?}");
        assert!(told[0].contains("\"resourceRef\":{\"apiVersion\":\"networking.k8s.io/v1\""), "{told:?}");
    }
}

#[test]
fn what_others_made_is_theirs() {
    let foreign = POLICY.replace("managed-by: netpolc", "managed-by: Helm").replace("{}", "{matchLabels: {}}");
    let errors = merged(&format!("{}{OTHER}", indented(&foreign)), &[POLICY]).unwrap_err();
    assert!(errors.len() == 1 && errors[0].contains("netpolc did not make it"), "{errors:?}");
    // Under another name, in another namespace, of another dialect.
    for other in [
        foreign.replace("one", "two"),
        foreign.replace("front", "back"),
        POLICY.replace("networking.k8s.io/v1", "cilium.io/v2").replace("kind: N", "kind: CiliumN"),
        POLICY.replace("managed-by: netpolc", "managed-by: 1"),
    ] {
        let other = other.replace("name: one", "name: two");
        let (out, told) = merged(&indented(&other), &[POLICY]).unwrap();
        assert_eq!(out, format!("{}{}", indented(&other), indented(POLICY)));
        assert_eq!(told, [""; 0]);
    }
}

#[test]
fn the_function_config_is_no_output_unless_it_is_a_file() {
    let config = "apiVersion: netpolc.dev/v1alpha1\n  kind: NetworkPolicies\n  metadata:\n    name: x\n";
    let with = |notes: &str| {
        let items = format!("- {config}{notes}{OTHER}functionConfig:\n  {config}");
        merged(&items, &[POLICY]).unwrap().0.contains("NetworkPolicies")
    };
    assert!(!with(""));
    assert!(!with(
        "    annotations:\n      config.kubernetes.io/local-config: 'true'\n      config.kubernetes.io/index: '0'\n"
    ));
    assert!(with("    annotations:\n      config.kubernetes.io/path: fn.yaml\n"));
    assert!(with("    annotations:\n      internal.config.kubernetes.io/path: fn.yaml\n"));
}
