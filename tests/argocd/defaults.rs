//! Nothing that is written is filled in by an API server: a field that it adds to what Argo CD wrote is a difference for ever,
//! or a place where one is not seen.
//!
//! Definitions of Calico and Cilium say what they fill in (`default`); they are too large for the repository, and
//! `NETPOLC_TEST_DATA` names their folder. What Kubernetes itself and Calico's server fill in is written down here.

use std::path::Path;

use serde_json::Value;

use super::{documents, written};
use crate::support::{Project, netpolc, repo, tree};

/// All objects of this repository's output, and of a project that uses what it does not.
fn every_object() -> Vec<Value> {
    let staged = Project::new();
    staged.write(
        "netpolc.toml",
        "dialects = [\"calico\", \"cilium\"]\n[cluster]\nstaged = true\ntier = \"security\"\nlog-denied = true\n\
         pod-cidrs = [\"10.0.0.0/16\"]\n[cluster.guards]\nmetadata-deny = true\ndefault-deny = true\n\
         [approximate]\ncalico = [\"http-as-l4\", \"fqdns-omitted\"]\n",
    );
    for name in ["app.toml", "orders.toml", "secure-app.toml"] {
        staged.write(&format!("intents/{name}"), std::fs::read(repo().join("intents").join(name)).unwrap());
    }
    let built = netpolc(staged.dir(), &["build"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    [repo().join("out"), staged.dir().join("out")]
        .iter()
        .flat_map(|out| std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>())
        .filter(|path| path.is_dir())
        .flat_map(|folder| written(&folder).into_values())
        .collect()
}

/// The values at a path as `spec.ingress[].ports[]`.
fn at<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    path.split('.').fold(vec![value], |found, step| {
        let (key, list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
        let below = found.into_iter().filter_map(|value| value.get(key));
        if list { below.filter_map(Value::as_array).flatten().collect() } else { below.collect() }
    })
}

/// Every `default` of a schema that a value leaves to the server.
fn left_open(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        let Some(object) = value.as_object() else { continue };
        let path = format!("{path}.{key}");
        match object.get(key) {
            Some(value) => left_open(below, value, &path, found),
            None if !below["default"].is_null() => found.push(path),
            None => {}
        }
    }
    for item in value.as_array().into_iter().flatten() {
        left_open(&schema["items"], item, &format!("{path}[]"), found);
    }
}

#[test]
fn what_definitions_fill_in_is_written() {
    let Some(data) = std::env::var_os("NETPOLC_TEST_DATA") else {
        eprintln!("skipped: NETPOLC_TEST_DATA does not name the folder of the CustomResourceDefinitions");
        return;
    };
    let folders = ["calico", "cilium"].map(|name| Path::new(&data).join("crds").join(name));
    let files = folders.iter().flat_map(|folder| tree(folder).into_values());
    let definitions: Vec<Value> = files.flat_map(|bytes| documents(std::str::from_utf8(&bytes).unwrap())).collect();
    let (mut judged, mut defaults) = (0, 0);
    for object in every_object() {
        let Some((group, version)) = object["apiVersion"].as_str().unwrap().split_once('/') else { panic!("{object}") };
        let mut of_kind = definitions.iter().filter(|definition| {
            let spec = &definition["spec"];
            spec["group"] == group && spec["names"]["kind"] == object["kind"]
        });
        let Some(definition) = of_kind.next() else {
            assert_eq!(group, "networking.k8s.io", "{}", object["kind"]);
            continue;
        };
        let versions = definition["spec"]["versions"].as_array().unwrap();
        let schema = &versions.iter().find(|one| one["name"] == version).unwrap()["schema"]["openAPIV3Schema"];
        let mut found = vec![];
        left_open(schema, &object, "", &mut found);
        assert_eq!(found, [""; 0], "{} {}", object["kind"], object["metadata"]["name"]);
        judged += 1;
        // The same without what it says of its tier: else the definitions might have no defaults any more.
        let mut less = object.clone();
        if less["spec"].as_object_mut().is_some_and(|spec| spec.remove("tier").is_some()) {
            left_open(schema, &less, "", &mut found);
            defaults += found.len();
        }
    }
    assert!(judged > 100 && defaults > 50, "{judged} {defaults}");
}

/// Kubernetes: pkg/apis/networking/v1/defaults.go, `SetDefaults_NetworkPolicyPort` and `SetDefaults_NetworkPolicy`. Calico:
/// libcalico-go/lib/clientv3, `types` from the rules that there are, and the tier; its lists of ports stand under a protocol.
#[test]
fn what_servers_fill_in_is_written() {
    let (mut policies, mut ports) = (0, 0);
    for object in every_object() {
        let written = |path: &str| assert_eq!(at(&object, path).len(), 1, "{path}: {object}");
        let kind = object["kind"].as_str().unwrap();
        match kind {
            "NetworkPolicy" => {
                written("spec.policyTypes");
                for list in ["spec.ingress[].ports[]", "spec.egress[].ports[]"] {
                    for port in at(&object, list) {
                        assert!(port["protocol"].is_string(), "{object}");
                        ports += 1;
                    }
                }
            }
            "GlobalNetworkPolicy" | "StagedGlobalNetworkPolicy" => {
                ["spec.types", "spec.tier", "spec.order"].map(written).into_iter().collect()
            }
            "Tier" => ["spec.order", "spec.defaultAction"].map(written).into_iter().collect(),
            _ => {}
        }
        policies += usize::from(kind.ends_with("Policy"));
    }
    assert!(policies > 200 && ports > 50, "{policies} {ports}");
}

/// An empty list or text is dropped by servers (`omitempty`), and what Argo CD marks as its own is not written for it.
#[test]
fn nothing_is_written_that_a_server_would_drop() {
    fn empty(value: &Value) -> bool {
        match value {
            Value::Array(items) => items.is_empty() || items.iter().any(empty),
            Value::Object(fields) => fields.values().any(empty),
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            _ => false,
        }
    }
    for object in every_object() {
        assert!(!empty(&object), "{object}");
        for marks in ["labels", "annotations"] {
            let own = object["metadata"][marks].as_object().into_iter().flatten();
            for (key, _) in own {
                let tracked = ["app.kubernetes.io/instance", "argocd.argoproj.io/tracking-id"].contains(&key.as_str());
                assert!(!tracked, "{object}");
            }
        }
    }
}
