//! Applications and the patch of the repo-server: Argo CD's and Kubernetes' own definitions take them, as npm packages have
//! them, and they fit the plugin and each other.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::server::Plugin;
use super::{documents, objects, shipped, written};
use crate::support::{Project, package, repo, tree};

/// What a model has against an object, and the fields that it does not know: those that take anything.
const VALIDATE: &str = r#"
import { readFileSync } from "node:fs";
const { path, kind, object } = JSON.parse(readFileSync(0, "utf8"));
const Model = (await import(path))[kind];
const problem = (value) => {
  try { new Model(value).validate(); return null; } catch (error) { return error.message; }
};
const leaves = (value, path) =>
  value !== null && typeof value === "object"
    ? Object.entries(value).flatMap(([key, below]) => leaves(below, [...path, key]))
    : [path];
const unknown = leaves(object, []).filter((path) => {
  const copy = structuredClone(object);
  const holder = path.slice(0, -1).reduce((at, key) => at[key], copy);
  const key = path.at(-1);
  holder[key] = typeof holder[key] === "string" ? { such: 1 } : "such";
  return problem(copy) === null;
});
console.log(JSON.stringify({ problem: problem(object), unknown: unknown.map((path) => path.join(".")) }));
"#;

fn validate(path: &Path, kind: &str, object: &Value) -> Value {
    let input = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&input, &json!({ "path": path, "kind": kind, "object": object })).unwrap();
    let output = Command::new("node")
        .args(["--input-type=module", "--eval", VALIDATE])
        .stdin(Stdio::from(input.reopen().unwrap()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn one(name: &str) -> Value {
    let mut documents = documents(&shipped(name));
    assert_eq!(documents.len(), 1, "{name}");
    documents.remove(0)
}

/// The Application that the page shows.
fn of_page() -> Value {
    let page = std::fs::read_to_string(repo().join("docs/argocd.md")).unwrap();
    let block = page.split("```yaml argocd/application.yaml\n").nth(1).unwrap().split("```").next().unwrap();
    documents(block).remove(0)
}

#[test]
fn argo_cd_takes_the_applications() {
    let Some(package) = package("@kubernetes-models/argo-cd") else { return };
    let model = package.join("argoproj.io/v1alpha1/Application.js");
    for name in ["application.yaml", "application-plugin.yaml"] {
        let application = one(name);
        let accepted = json!({ "problem": null, "unknown": [] });
        assert_eq!(validate(&model, "Application", &application), accepted, "{name}");
        let mut wrong = application.clone();
        wrong["spec"]["syncPolicy"]["automated"]["prune"] = "yes".into();
        assert!(validate(&model, "Application", &wrong)["problem"].is_string());
        let mut unknown = application;
        unknown["spec"]["syncPolicy"]["automated"]["purge"] = true.into();
        assert_eq!(validate(&model, "Application", &unknown)["unknown"], json!(["spec.syncPolicy.automated.purge"]));
    }
}

#[test]
fn kubernetes_takes_the_patched_repo_server() {
    let Some(package) = package("@kubernetes-models/argo-cd") else { return };
    let model = package.ancestors().nth(2).unwrap().join("kubernetes-models/apps/v1/Deployment.js");
    let mut deployment = one("repo-server-patch.yaml");
    deployment["spec"]["selector"] = json!({ "matchLabels": {} });
    let accepted = json!({ "problem": null, "unknown": [] });
    assert_eq!(validate(&model, "Deployment", &deployment), accepted);
}

/// The first choice is what the page shows, and the second differs from it in its source alone.
#[test]
fn both_applications_are_as_safe_as_the_page_says() {
    let (first, second) = (one("application.yaml"), one("application-plugin.yaml"));
    assert_eq!(of_page(), first);
    let without_source = |application: &Value| {
        let mut rest = application.clone();
        rest["spec"].as_object_mut().unwrap().remove("source");
        rest
    };
    assert_eq!(without_source(&first), without_source(&second));
    let automated = json!({ "prune": true, "selfHeal": true, "allowEmpty": false });
    assert_eq!(first["spec"]["syncPolicy"]["automated"], automated);
    // With a finalizer the policies would go with the Application.
    assert_eq!(first["metadata"], json!({ "name": "network-policies", "namespace": "argocd" }));
    assert!(first["spec"]["ignoreDifferences"].is_null());
    // Objects name their namespaces themselves.
    assert!(first["spec"]["destination"]["namespace"].is_null());
    let path = first["spec"]["source"]["path"].as_str().unwrap();
    assert!(repo().join(path).join("kustomization.yaml").is_file(), "{path}");
}

/// The shipped Application, rendered by the shipped plugin, is what the first one applies.
#[test]
fn the_second_application_applies_the_same_as_the_first() {
    let (first, second) = (one("application.yaml"), one("application-plugin.yaml"));
    let source = &second["spec"]["source"];
    assert_eq!(source["plugin"]["name"], Plugin::read().0["metadata"]["name"]);
    let checkout = Project::with_settings();
    for folder in ["intents", "out"] {
        for (path, bytes) in tree(&repo().join(folder)) {
            checkout.write(&format!("{folder}/{}", path.display()), bytes);
        }
    }
    let rendered = Plugin::read().render(checkout.dir(), source);
    assert_eq!(rendered.code, 0, "{}", rendered.shown());
    let path = first["spec"]["source"]["path"].as_str().unwrap();
    assert_eq!(objects([rendered.stdout]), written(&checkout.dir().join(path)));
}

#[test]
fn the_sidecar_fits_the_image_and_the_standard_installation() {
    let patch = one("repo-server-patch.yaml");
    assert_eq!(patch["metadata"], json!({ "name": "argocd-repo-server", "namespace": "argocd" }));
    let pod = &patch["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let dockerfile = shipped("Dockerfile");
    let entry = dockerfile.lines().find_map(|line| line.strip_prefix("ENTRYPOINT ")).unwrap();
    assert_eq!(container["command"], serde_json::from_str::<Value>(entry).unwrap());
    let user = dockerfile.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert_eq!(container["securityContext"]["runAsUser"].to_string(), user);
    let image = container["image"].as_str().unwrap();
    assert!(dockerfile.contains(&format!("-t {image} .")), "{image}");
    assert!(image.ends_with(concat!(":", env!("CARGO_PKG_VERSION"))), "{image}");
    // manifests/base/repo-server/argocd-repo-server-deployment.yaml has these two; every other is brought along.
    let mut volumes = vec!["var-files", "plugins"];
    volumes.extend(pod["volumes"].as_array().unwrap().iter().map(|volume| volume["name"].as_str().unwrap()));
    let mounts = container["volumeMounts"].as_array().unwrap();
    for mount in mounts {
        assert!(volumes.contains(&mount["name"].as_str().unwrap()), "{mount}");
    }
    // The sockets, the server itself, and a folder that it may write to (common/common.go, `GetPluginSockFilePath` and
    // `GetCMPWorkDir`): the image has none of them.
    let paths: Vec<&str> = mounts.iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/var/run/argocd", "/home/argocd/cmp-server/plugins", "/tmp"]);
}
