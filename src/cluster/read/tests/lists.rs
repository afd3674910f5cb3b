//! Items of lists, as kubectl prints them.

use super::*;
use crate::dialects::reading::{self, Kinds};

/// As `kubectl get pods,networkpolicies,namespaces -o yaml` prints it: fields of the server, comments apart.
pub(super) const DUMP: &str = "\
apiVersion: v1
items:
- apiVersion: v1
  kind: Pod
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"annotations\":{},\"name\":\"web\"}}
    creationTimestamp: \"2027-01-01T00:00:00Z\"
    labels:
      app: web
      pod-template-hash: 5d9c7b8f6e
    managedFields:
    - apiVersion: v1
      fieldsType: FieldsV1
      fieldsV1:
        f:metadata:
          f:labels:
            .: {}
            f:app: {}
      manager: kubectl
    name: web
    namespace: shop
    uid: 0b0c
  spec:
    containers:
    - args:
      - |
        a script

        # with what looks like a comment
      name: main
      ports:
      - containerPort: 80
        name: http
        protocol: TCP
    serviceAccount: front
    serviceAccountName: front
  status:
    phase: Running
    podIP: 10.0.0.4
    podIPs:
    - ip: 10.0.0.4
# between two
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata:
    name: \"true\"
    namespace: shop
  spec:
    podSelector: {}
- apiVersion: v1
  kind: Namespace
  metadata:
    labels:
      team: red
    name: shop
  status:
    phase: Active
kind: List
metadata:
  resourceVersion: \"\"
";

#[test]
fn a_dump_is_the_list_of_its_items() {
    let told = told(DUMP);
    assert_eq!(
        pods(&told.cluster),
        ["shop/web Pod app=web,pod-template-hash=5d9c7b8f6e front(*) [10.0.0.4] [http=TCP/80]"]
    );
    assert_eq!(told.policies, ["networking.k8s.io/v1 NetworkPolicy 45"]);
    assert_eq!(namespaces(&told.cluster), ["shop kubernetes.io/metadata.name=shop,team=red"]);
}

/// The same list in other dress.
#[test]
fn indentation_and_braces_change_nothing() {
    let (before, after) = DUMP.split_once("items:\n").unwrap();
    let (items, after) = after.split_once("kind: List").unwrap();
    let indented: String = items.lines().map(|line| format!("  {line}\n")).collect();
    let broken = items.replace("- apiVersion: v1\n  kind", "-\n  # first of all\n\n  apiVersion: v1\n  kind");
    let braces =
        "- {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop,\n    labels: {app: \"we}b\"}}}\n";
    for (items, pods) in [(indented.as_str(), 1), (&broken, 1)] {
        let told = told(&format!("{before}items:\n{items}kind: List{after}"));
        assert_eq!(told.cluster.pods.len(), pods);
        assert_eq!(told.policies.len(), 1);
    }
    let message = errors(&format!("{before}items:\n{braces}kind: List\n"));
    assert_eq!(message, [(4, "`we}b` is no value of a label".to_owned())]);
}

#[test]
fn json_is_read_on_many_lines_and_on_one() {
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"app":"a"},"annotations":{"x":"it's } \" { [ #"}},"status":{"podIP":"10.0.0.4"}}"#;
    let policy = r#"{"apiVersion":"cilium.io/v2","kind":"CiliumNetworkPolicy","metadata":{"name":"p"}}"#;
    let line = format!(r#"{{"apiVersion":"v1","items":[{pod},{policy}],"kind":"List","metadata":{{}}}}"#);
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&line).unwrap()).unwrap();
    for (text, place) in [(line, 1), (pretty, 20)] {
        let told = told(&text);
        assert_eq!(pods(&told.cluster), ["default/web Pod app=a default(*) [10.0.0.4] []"]);
        assert_eq!(told.policies, [format!("cilium.io/v2 CiliumNetworkPolicy {place}")]);
    }
}

#[test]
fn errors_of_items_are_at_their_lines() {
    let text = DUMP.replace("app: web", "app: -web").replace("team: red", "-team: red");
    let expected = ["`-web` is no value of a label", "`-team` is no key of a label"].map(str::to_owned);
    assert_eq!(errors(&text), [(11, expected[0].clone()), (56, expected[1].clone())]);
    let text = DUMP.replace("containerPort: 80", "containerPort: 0");
    assert_eq!(errors(&text), [(34, "0 is no port".to_owned())]);
}

#[test]
fn items_of_typed_lists_need_not_say_what_they_are() {
    let told = told("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n");
    assert_eq!(told.cluster.pods.len(), 2);
    let told = super::told("apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n");
    assert_eq!(told.others, BTreeMap::from([("ConfigMap".to_owned(), 1)]));
    let message = errors("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems:\n- metadata: {name: a}\n");
    assert_eq!(message, [(4, "this policy does not say what it is".to_owned())]);
    // `List` tells nothing of its items.
    let message = errors("apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n");
    assert_eq!(message, [(4, "this is no object: `apiVersion` is missing".to_owned())]);
}

#[test]
fn lists_may_be_empty_and_hold_lists() {
    for text in ["items: []", "items:", "metadata: {}"] {
        let told = told(&format!("apiVersion: v1\nkind: List\n{text}\n"));
        assert!(told.cluster.pods.is_empty() && told.others.is_empty());
    }
    let nested = format!("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n{}", {
        let (_, items) = DUMP.split_once("items:\n").unwrap();
        items.split_once("kind: List").unwrap().0.lines().map(|line| format!("    {line}\n")).collect::<String>()
    });
    assert_eq!(told(&nested).cluster.pods.len(), 1);
    assert_eq!(told(&nested).policies, ["networking.k8s.io/v1 NetworkPolicy 49"]);
}

#[test]
fn what_is_no_list_of_objects_is_refused() {
    for text in ["items: {a: b}", "items: [[]]", "items: [a]", "items:\n- - apiVersion: v1", "items: [null]"] {
        assert_eq!(errors(&format!("apiVersion: v1\nkind: List\n{text}\n")).len(), 1, "{text}");
    }
}

/// Whoever reads policies reads an item as it reads a document of a file: strings keep their places and their quotes.
#[test]
fn items_are_documents_for_readers_of_policies() {
    let mut sources = Sources::default();
    let tab = DUMP.replace("name: \"true\"", "name: \"tr\tue\"");
    let files = [sources.add("dump.yaml", DUMP), sources.add("tab.yaml", tab)];
    const KINDS: Kinds = Kinds { known: &[("networking.k8s.io/v1", "NetworkPolicy")], help: "policies" };
    #[derive(serde::Deserialize)]
    struct Policy<'a> {
        #[serde(borrow)]
        metadata: reading::object::Metadata<'a>,
    }
    let names = |file: usize| {
        let inventory = read(&sources, &files[file..=file]).unwrap();
        let docs: Vec<_> = inventory.policies.into_iter().map(|policy| policy.doc).collect();
        let name = |reader: &mut reading::Reader<'_, '_>, _: &str| {
            let policy: Policy<'_> = reader.parse()?;
            let place = reader.doc.place(&policy.metadata.name);
            Some((reader.string(&policy.metadata.name)?.to_owned(), sources.line_col(place)))
        };
        reading::given(&docs, KINDS, name)
    };
    assert_eq!(names(0).unwrap(), [("true".to_owned(), (48, 12))]);
    let errors = names(1).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].message, "a tab in YAML");
    assert_eq!(sources.line_col(errors[0].primary.as_ref().unwrap().span).0, 48);
}
