//! What the API server would not take.

use super::*;

fn refused(from: &str, to: &str) -> (usize, String) {
    assert!(POD.contains(from), "{from}");
    let mut found = errors(&POD.replace(from, to));
    assert_eq!(found.len(), 1, "{to}: {found:?}");
    found.remove(0)
}

#[test]
fn what_is_no_name_label_port_or_address_is_refused_at_its_line() {
    for (from, to, line, message) in [
        ("name: web\n", "name: Web\n", 4, "`Web` is no name of an object"),
        ("namespace: shop", "namespace: shop.x", 5, "`shop.x` is no name of a namespace"),
        ("app: web", "app: we b", 7, "`we b` is no value of a label"),
        ("app: web", "app/x/y: web", 7, "`app/x/y` is no key of a label"),
        ("app: web", "app: true", 7, "`true` is no string for every reader of YAML"),
        ("ver: \"1\"", "ver: 1", 8, "`1` is no string for every reader of YAML"),
        ("serviceAccountName: front", "serviceAccountName: Front", 10, "`Front` is no name of a service account"),
        ("containerPort: 80}", "containerPort: 65536}", 17, "65536 is no port"),
        ("containerPort: 80}", "containerPort: \"80\"}", 17, "`80` is no port of a container"),
        ("containerPort: 9090", "hostPort: 1", 18, "`containerPort` is missing"),
        ("name: http", "name: http--x", 17, "`http--x` is no name of a port"),
        ("name: http", "name: \"80\"", 17, "`80` is no name of a port"),
        ("name: http", "name: a-name-of-sixteen", 17, "`a-name-of-sixteen` is no name of a port"),
        ("name: dns", "name: http", 19, "the port name `http` is used twice in a container"),
        ("protocol: UDP", "protocol: udp", 19, "`udp` is no protocol of a port"),
        ("podIP: 10.0.0.4", "podIP: 10.0.0.5", 28, "`10.0.0.5` is not the first of `podIPs`"),
        ("- ip: 2001:db8::4", "- ip: 10.0.0.04", 31, "`10.0.0.04` is no address"),
        ("- ip: 2001:db8::4", "- ip: 10.0.0.5", 31, "`10.0.0.5` is a second address of one family"),
        ("- ip: 2001:db8::4", "- ip: \"::ffff:10.0.0.4\"", 31, "`::ffff:10.0.0.4` is no address"),
    ] {
        assert_eq!(refused(from, to), (line, message.to_owned()), "{to}");
    }
}

#[test]
fn an_object_has_a_name_and_a_workload_a_template() {
    let message = |text: &str| errors(text).remove(0).1;
    assert_eq!(message("apiVersion: v1\nkind: Pod\n"), "`metadata.name` is missing");
    assert_eq!(message("apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\n"), "`metadata.name` is missing");
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {}\n";
    assert_eq!(message(text), "`spec.template` is missing");
    let text = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {template: {}}\n";
    assert_eq!(message(text), "`spec.jobTemplate.spec.template` is missing");
}

#[test]
fn all_errors_are_told_in_the_order_of_the_text() {
    let pod =
        POD.replace("app: web", "app: _x").replace("name: http", "name: HTTP").replace("- ip: 2001:db8::4", "- ip: x");
    let text = [&pod, "---\nkind: Pod\n---\n", NAMESPACE, "---\n", NAMESPACE].concat();
    let found: Vec<usize> = errors(&text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(found, [7, 17, 31, 33, 44]);
}

#[test]
fn an_object_is_there_once() {
    let texts = [("a.yaml", POD), ("b.yaml", NAMESPACE), ("c.yaml", POD)];
    let found = try_read(&texts).err().unwrap();
    assert_eq!(found, [(4, "Pod `shop/web` is there twice".to_owned())]);
    let found = errors(&[NAMESPACE, "---\n", NAMESPACE].concat());
    assert_eq!(found, [(10, "Namespace `shop` is there twice".to_owned())]);
}

#[test]
fn what_does_not_say_what_it_is_is_refused() {
    for (text, message) in [
        ("kind: Pod\n", "this is no object: `apiVersion` is missing"),
        ("apiVersion: v1\nKind: Pod\n", "this is no object: `kind` is missing"),
        ("replicas: 3\n", "this is no object: `apiVersion` is missing"),
        (
            "apiVersion: extensions/v1beta1\nkind: Deployment\n",
            "`Deployment` of `extensions/v1beta1` is not served by the API server",
        ),
        ("apiVersion: v1beta1\nkind: Pod\n", "`Pod` of `v1beta1` is not served by the API server"),
    ] {
        assert_eq!(errors(text), [(1, message.to_owned())], "{text}");
    }
    for text in ["- a\n", "text\n", "{{ template }}\n", "a: [\n", "a: b: c\n", "\"", "{", "&a b: *a\n"] {
        assert_eq!(errors(text).len(), 1, "{text}");
    }
}

#[test]
fn yaml_that_readers_take_in_two_ways_is_refused() {
    let message = |text: &str| errors(text).remove(0).1;
    let twice = POD.replace("    app: web\n", "    app: web\n    app: api\n");
    assert!(message(&twice).contains("app"), "{}", message(&twice));
    let anchor = POD.replace("app: web", "app: &a web").replace("ver: \"1\"", "ver: *a");
    assert_eq!(message(&anchor), "anchors and aliases have no place in a manifest");
    assert!(message(&format!("--- |\n{POD}")).contains("no separator"));
    let deep = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {}", "[".repeat(100_000));
    assert_eq!(errors(&deep).len(), 1);
}

#[test]
fn a_policy_of_a_misspelt_group_is_no_other_object() {
    let mut sources = Sources::default();
    let text = |version: &str, kind: &str| format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: p}}\n");
    let all = [
        ("extensions/v1beta1", "NetworkPolicy"),
        ("cillium.io/v2", "CiliumNetworkPolicy"),
        ("crd.antrea.io/v1beta1", "ClusterNetworkPolicy"),
    ];
    let files: Vec<_> = all
        .iter()
        .enumerate()
        .map(|(n, (version, kind))| sources.add(format!("{n}.yaml"), text(version, kind)))
        .collect();
    let inventory = read(&sources, &files).unwrap();
    assert_eq!((inventory.policies.len(), inventory.others.len()), (all.len(), 0), "nobody reads them");
}
