//! Files, kinds and names.

use super::*;

#[test]
fn a_kustomization_is_a_list_and_stands_alone() {
    let list = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - a.yaml\n";
    let files = read_files(&[("kustomization.yaml", list)]).unwrap();
    let base = files[0].base.as_ref().unwrap();
    assert_eq!(base.resources[0].0, "a.yaml");
    assert!(read_files(&[("a.yaml", list)]).is_err());
}

#[test]
fn files_keep_their_places() {
    let policies = [shop(""), shop("").replace("name: p", "name: q")];
    let read = read_files(&[("b.yaml", &policies[1]), ("a.yaml", &policies[0])]).unwrap();
    let names: Vec<&str> = read.iter().map(|file| file.policies[0].name.as_str()).collect();
    assert_eq!(names, ["q", "p"]);
}

#[test]
fn names_are_unique_in_the_cluster_for_each_kind() {
    let error = read_files(&[("a.yaml", &shop("")), ("b.yaml", &shop(""))]).unwrap_err();
    assert_eq!(error[0].1, "GlobalNetworkPolicy `p` is there twice");
    let same = shop("").replace("name: p", "name: default.p");
    assert_eq!(read_files(&[("a.yaml", &shop("")), ("b.yaml", &same)]).unwrap_err().len(), 1);
    let staged = shop("").replace("kind: Global", "kind: StagedGlobal");
    assert!(read_files(&[("a.yaml", &shop("")), ("b.yaml", &staged)]).is_ok());
}

#[test]
fn other_kinds_and_versions_have_no_place() {
    for (from, to, message) in [
        (
            "projectcalico.org/v3",
            "crd.projectcalico.org/v1",
            "`GlobalNetworkPolicy` of `crd.projectcalico.org/v1` has no place here",
        ),
        (
            "kind: GlobalNetworkPolicy",
            "kind: HostEndpoint",
            "`HostEndpoint` of `projectcalico.org/v3` has no place here",
        ),
    ] {
        assert_eq!(refused(&shop("").replacen(from, to, 1)).1, message);
    }
}

#[test]
fn objects_are_in_no_namespace_and_have_names_that_calico_takes() {
    assert_eq!(
        refused(&shop("").replace("name: p", "name: p\n  namespace: x")).1,
        "an object of this kind is in no namespace"
    );
    for (name, tier, good) in [
        ("p", "default", true),
        ("default.p", "default", true),
        ("soft.p", "soft", true),
        ("p", "soft", true),
        ("soft.p", "default", false),
        ("default.p", "soft", false),
        ("soft.p.q", "soft", false),
        ("a.b.c", "default", false),
    ] {
        let spec = format!("tier: {tier}\nnamespaceSelector: projectcalico.org/name == 'x'\negress:\n- action: Deny");
        let result = read_text(&policy(name, &spec));
        assert_eq!(result.is_ok(), good, "{name} {tier} {result:?}");
        if let Err(errors) = result {
            assert_eq!(errors[0].1, format!("the name of a policy of the tier `{tier}` cannot be this"));
        }
    }
    assert_eq!(refused(&policy("P", "namespaceSelector: all()")).1, "this is no name of an object");
    assert_eq!(refused(&policy("p", "tier: Soft\nnamespaceSelector: all()")).1, "this is no name of a tier");
}

#[test]
fn tiers_are_not_calicos_own_and_end_in_pass_or_deny() {
    let tier = |name: &str, spec: &str| refused(&object("Tier", name, spec)).1;
    assert_eq!(tier("default", "order: 1"), "the tier `default` is Calico's own");
    assert_eq!(tier("kube-admin", "order: 1"), "the tier `kube-admin` is Calico's own");
    assert_eq!(tier("a.b", "order: 1"), "this is no name of a tier");
    assert_eq!(tier("a", "defaultAction: Allow"), "`Allow` is no end of a tier");
    assert!(tier("a", "order: high").starts_with("not a readable manifest: "));
    assert!(read_text(&object("Tier", "a", "order: -1.5\ndefaultAction: Pass")).unwrap().is_empty());
}

#[test]
fn sets_are_used_each_found_and_valid() {
    let rule = |selector: &str| {
        shop(&format!(
            "types: [Egress]\negress:\n- action: Allow\n  destination:\n    namespaceSelector: global()\n    selector: {selector}"
        ))
    };
    let pay = set("pay", "{a: b}", "[203.0.113.0/24]");
    assert_eq!(refused(&pay).1, "no rule uses the set `pay`");
    assert_eq!(refused(&rule("a == 'b'")).1, "a rule for sets that finds no address");
    assert_eq!(
        refused(&join(&[rule("a == 'b'"), set("pay", "{a: b}", "[]")])).1,
        "a rule for sets that finds no address"
    );
    let double = set("pay", "{a: b}", "[203.0.113.0/24, 203.0.113.0/24]");
    assert_eq!(refused(&join(&[rule("a == 'b'"), double])).1, "`203.0.113.0/24` is written twice");
    let bits = set("pay", "{a: b}", "[203.0.113.1/24]");
    assert_eq!(refused(&join(&[rule("a == 'b'"), bits])).1, "`203.0.113.1/24` is no canonical address range");
    // Rules for pods of the namespace `b` would find the set: `projectcalico.org/name == 'b'` asks for the second of these.
    for label in ["projectcalico.org/namespace", "pcns.projectcalico.org/name", "pcsa.team"] {
        let inside = set("pay", &format!("{{a: b, {label}: b}}"), "[203.0.113.0/24]");
        assert_eq!(
            refused(&join(&[rule("a == 'b'"), inside])).1,
            format!("the label `{label}` would let a set pass for something in a namespace")
        );
    }
}

#[test]
fn labels_that_keep_a_tool_from_applying_a_policy_are_refused() {
    let text = shop("types: [Egress]")
        .replace("  name: p\n", "  name: p\n  labels:\n    kustomize.toolkit.fluxcd.io/reconcile: disabled\n");
    assert_eq!(refused(&text), (6, "a label tells Flux not to apply this policy as it is".to_owned()));
}

#[test]
fn the_kind_of_an_object_is_that_of_its_own_key() {
    let text = |before: &str, kind: &str| {
        let spec = "spec:\n  namespaceSelector: projectcalico.org/name == 'shop'\n  types: [Egress]\n";
        format!(
            "apiVersion: projectcalico.org/v3\nmetadata:\n  name: p\n  annotations:\n    a: {before}\nkind: {kind}\n{spec}"
        )
    };
    assert!(one(&text("x", "StagedGlobalNetworkPolicy")).staged);
    for before in [
        "\"x\nkind: GlobalNetworkPolicy\n  y\"",
        "'x\nkind: GlobalNetworkPolicy\n  y'",
        "{b: x,\nkind: GlobalNetworkPolicy\n}",
    ] {
        assert!(read_text(&text(before, "StagedGlobalNetworkPolicy")).is_err(), "{before}");
    }
}

#[test]
fn text_that_yaml_readers_take_differently_is_refused() {
    for (from, to) in [
        ("name: p\n", "name: no\n"),
        ("name: p\n", "name: \"p\\u200b\"\n"),
        ("selector: app == 'web'\n", "selector: &a app == 'web'\n"),
        ("selector: app == 'web'\n", "selector: app == 'web'\n  selector: all()\n"),
    ] {
        assert!(read_text(&shop("").replacen(from, to, 1)).is_err(), "{to}");
    }
}
