//! What is read, what passes by, and what is refused.

use std::collections::BTreeMap;

use super::{read, read_whole};
use crate::cluster::Cluster;
use crate::source::Sources;

mod dumps;
mod lists;
mod placing;
mod properties;
mod recorded;
mod refusals;
mod whole;
mod whole_refusals;

/// What a reader gives, without what is tied to the texts.
struct Told {
    cluster: Cluster,
    policies: Vec<String>,
    others: BTreeMap<String, usize>,
    represented: BTreeMap<&'static str, usize>,
}

fn try_read(texts: &[(&str, &str)]) -> Result<Told, Vec<(usize, String)>> {
    let mut sources = Sources::default();
    let files: Vec<_> = texts.iter().map(|(name, text)| sources.add(*name, *text)).collect();
    match read(&sources, &files) {
        Ok(inventory) => {
            let shown = |policy: &super::PolicyDoc<'_>| {
                let (_, line) = (policy.doc.top().file, sources.line_col(policy.doc.top()).0);
                format!("{} {} {line}", policy.api_version, policy.kind)
            };
            Ok(Told {
                policies: inventory.policies.iter().map(shown).collect(),
                cluster: inventory.cluster,
                others: inventory.others,
                represented: inventory.represented,
            })
        }
        Err(errors) => Err(errors
            .iter()
            .map(|error| {
                assert!(!error.help.is_empty(), "{}", error.message);
                assert_eq!(error.code, crate::diag::codes::MANIFEST, "{}", error.message);
                (sources.line_col(error.primary.as_ref().unwrap().span).0, error.message.clone())
            })
            .collect()),
    }
}

fn told(text: &str) -> Told {
    try_read(&[("cluster.yaml", text)]).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn errors(text: &str) -> Vec<(usize, String)> {
    try_read(&[("cluster.yaml", text)]).err().expect("it is refused")
}

/// One line a pod: all that is known of it.
fn pods(cluster: &Cluster) -> Vec<String> {
    let line = |pod: &crate::cluster::Pod| {
        let ports: Vec<String> =
            pod.ports.iter().map(|port| format!("{}={}/{}", port.name, port.protocol.as_str(), port.number)).collect();
        let addresses: Vec<String> = pod.addresses.iter().map(ToString::to_string).collect();
        let mut parts = vec![pod.path(), pod.origin.to_owned(), pod.labels.to_string()];
        parts.push(format!("{}({})", pod.service_account, pod.account_labels));
        parts.push(format!("[{}] [{}]", addresses.join(" "), ports.join(" ")));
        parts.extend(pod.host_network.then(|| "host".to_owned()));
        parts.extend(pod.finished.then(|| "finished".to_owned()));
        parts.join(" ")
    };
    cluster.pods.iter().map(line).collect()
}

fn namespaces(cluster: &Cluster) -> Vec<String> {
    let line = |(name, namespace): (&crate::model::Sym, &crate::cluster::Namespace)| {
        format!("{name} {}{}", namespace.labels, if namespace.declared { "" } else { " unknown" })
    };
    cluster.namespaces.iter().map(line).collect()
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {team: red}\n";

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
  labels:
    app: web
    ver: \"1\"
spec:
  serviceAccountName: front
  nodeName: node-1
  containers:
  - name: main
    image: example.com/web:1
    command: [sh, -c]
    ports:
    - {name: http, containerPort: 80}
    - {containerPort: 9090}
    - {name: dns, containerPort: 53, protocol: UDP}
  initContainers:
  - name: once
    ports: [{name: setup, containerPort: 1}]
  - name: sidecar
    restartPolicy: Always
    ports: [{name: proxy, containerPort: 15001}]
status:
  phase: Running
  podIP: 10.0.0.4
  podIPs:
  - ip: 10.0.0.4
  - ip: 2001:db8::4
";

const ACCOUNT: &str =
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: front, namespace: shop, labels: {role: edge}}\n";

#[test]
fn a_pod_is_what_policies_see_of_it() {
    let told = told(&[NAMESPACE, POD, ACCOUNT].join("---\n"));
    assert_eq!(
        pods(&told.cluster),
        ["shop/web Pod app=web,ver=1 front(role=edge) [10.0.0.4 2001:db8::4] [http=TCP/80 dns=UDP/53 proxy=TCP/15001]"]
    );
    assert_eq!(namespaces(&told.cluster), ["shop kubernetes.io/metadata.name=shop,team=red"]);
    let pod = &told.cluster.pods[0];
    use crate::model::Protocol::{Tcp, Udp};
    assert_eq!(pod.named_port("http", Tcp), Some(80));
    assert_eq!(pod.named_port("http", Udp), None);
}

#[test]
fn what_is_not_written_is_as_the_api_server_has_it() {
    let told = told(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: \"\"}\nspec: {hostNetwork: true, serviceAccount: old}\n",
    );
    assert_eq!(pods(&told.cluster), ["default/web Pod * old(*) [] [] host"]);
    assert_eq!(namespaces(&told.cluster), ["default kubernetes.io/metadata.name=default unknown"]);
    let account = "spec: {serviceAccountName: \"\"}\nstatus: {phase: Succeeded, podIP: \"\"}";
    let told = super::tests::told(&format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\n{account}\n"));
    assert_eq!(pods(&told.cluster), ["default/web Pod * default(*) [] [] finished"]);
}

#[test]
fn nobody_takes_the_name_of_another_namespace() {
    let told = told(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {kubernetes.io/metadata.name: pay}}\nspec: {finalizers: [kubernetes]}\n",
    );
    assert_eq!(namespaces(&told.cluster), ["shop kubernetes.io/metadata.name=shop"]);
}

fn workload(version: &str, kind: &str, name: &str, more: &str) -> String {
    let template =
        "template: {metadata: {labels: {app: web}}, spec: {containers: [{ports: [{name: http, containerPort: 80}]}]}}";
    let spec = match kind {
        "CronJob" => format!("{{schedule: '@daily', jobTemplate: {{spec: {{{template}}}}}}}"),
        _ => format!("{{replicas: 3, {template}}}"),
    };
    format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: shop\n{more}spec: {spec}\n---\n"
    )
}

#[test]
fn each_workload_is_one_pod_of_its_template() {
    let kinds = [
        ("v1", "ReplicationController"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
        ("batch/v1", "CronJob"),
    ];
    for (version, kind) in kinds {
        let told = told(&workload(version, kind, "front", ""));
        assert_eq!(pods(&told.cluster), [format!("shop/front {kind} app=web default(*) [] [http=TCP/80]")]);
    }
}

#[test]
fn workloads_of_one_name_are_told_apart_and_a_pod_keeps_its_name() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n---\n";
    let text = [&workload("apps/v1", "StatefulSet", "web", ""), &workload("apps/v1", "Deployment", "web", ""), pod]
        .map(String::from)
        .concat();
    let names: Vec<String> = told(&text).cluster.pods.iter().map(crate::cluster::Pod::path).collect();
    assert_eq!(names, ["shop/web.statefulset", "shop/web.deployment", "shop/web"]);
}

fn owned(kind: &str, name: &str) -> String {
    format!("  ownerReferences:\n  - {{apiVersion: apps/v1, kind: {kind}, name: {name}, controller: true, uid: x}}\n")
}

#[test]
fn a_dump_of_a_deployment_holds_its_pods_once() {
    let deployment = workload("apps/v1", "Deployment", "web", "");
    let sets = ["web-1", "web-2"].map(|name| workload("apps/v1", "ReplicaSet", name, &owned("Deployment", "web")));
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-2-x\n  namespace: shop\n{}",
        owned("ReplicaSet", "web-2")
    );
    let names = |text: &str| -> Vec<String> { told(text).cluster.pods.iter().map(crate::cluster::Pod::path).collect() };
    let all = [&deployment, &sets[0], &sets[1], &pod].map(String::as_str).concat();
    assert_eq!(names(&all), ["shop/web-2-x"]);
    assert_eq!(told(&all).represented, BTreeMap::from([("Deployment", 1), ("ReplicaSet", 2)]));
    // Without pods the highest that is there stands for all.
    assert_eq!(names(&[deployment.as_str(), &sets[0], &sets[1]].concat()), ["shop/web"]);
    assert_eq!(names(&[sets[0].as_str(), &sets[1]].concat()), ["shop/web-1", "shop/web-2"]);
    // What owns them is not there.
    assert_eq!(names(&pod), ["shop/web-2-x"]);
    // A pod that has run to its end is there, and stands for nothing but itself.
    let finished = format!("{pod}status: {{phase: Failed}}\n");
    assert_eq!(names(&[deployment.as_str(), &sets[1], &finished].concat()), ["shop/web", "shop/web-2-x"]);
    // A pod of the same name in another namespace is another's.
    let elsewhere = pod.replace("namespace: shop", "namespace: pay");
    assert_eq!(names(&[sets[1].as_str(), &elsewhere].concat()), ["shop/web-2", "pay/web-2-x"]);
}

#[test]
fn owners_in_a_circle_hide_nothing() {
    let one = workload("apps/v1", "ReplicaSet", "a", &owned("ReplicaSet", "b"));
    let two = workload("apps/v1", "ReplicaSet", "b", &owned("ReplicaSet", "a"));
    assert_eq!(told(&[one.as_str(), &two].concat()).cluster.pods.len(), 2);
    let own = workload("apps/v1", "ReplicaSet", "a", &owned("ReplicaSet", "a"));
    assert_eq!(told(&own).cluster.pods.len(), 1);
}

#[test]
fn every_document_is_sorted_by_what_it_is() {
    let object = |version: &str, kind: &str| {
        format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{}}\n---\n")
    };
    let texts = [
        object("networking.k8s.io/v1", "NetworkPolicy"),
        object("networking.k8s.io/v1", "Ingress"),
        object("projectcalico.org/v3", "GlobalNetworkPolicy"),
        object("crd.projectcalico.org/v1", "NetworkPolicy"),
        object("cilium.io/v2", "CiliumNetworkPolicy"),
        object("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"),
        object("v1", "Service"),
        object("v1", "Service"),
        object("batch.volcano.sh/v1alpha1", "Job"),
        object("example.com/v1", "Pod"),
        "# nothing but a comment\n---\n\n---\n".to_owned(),
    ];
    let told = told(&texts.concat());
    assert_eq!(
        told.policies,
        [
            "networking.k8s.io/v1 NetworkPolicy 1",
            "projectcalico.org/v3 GlobalNetworkPolicy 11",
            "crd.projectcalico.org/v1 NetworkPolicy 16",
            "cilium.io/v2 CiliumNetworkPolicy 21",
            "policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy 26",
        ]
    );
    let others = [("Ingress", 1), ("Job", 1), ("Pod", 1), ("Service", 2)].map(|(kind, n)| (kind.to_owned(), n));
    assert_eq!(told.others, BTreeMap::from(others));
    assert!(told.cluster.pods.is_empty() && told.cluster.namespaces.is_empty());
}

#[test]
fn a_kustomization_may_leave_out_what_it_is() {
    let told = try_read(&[("out/kustomization.yaml", "resources: [a.yaml]\n")]).unwrap();
    assert_eq!(told.others, BTreeMap::from([("Kustomization".to_owned(), 1)]));
    assert!(try_read(&[("out/other.yaml", "resources: [a.yaml]\n")]).is_err());
}

#[test]
fn what_policies_do_not_see_may_hold_what_they_may_not() {
    // A tab in a script, and a schema nested deeply.
    let script = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  run: |\n    if true; then\n    \techo\n    fi\n---\n";
    let deep = format!("apiVersion: v1\nkind: Odd\nspec: {}{}\n", "{a: ".repeat(100), "}".repeat(100));
    let pod = POD.replace("command: [sh, -c]", "command:\n    - |\n      if\n      \tx");
    let told = told(&[script, &pod, "---\n", &deep].concat());
    assert_eq!(told.others.len(), 2);
    assert_eq!(told.cluster.pods.len(), 1);
}
