//! What the API server would not take of what leads to pods.

use super::whole::try_whole;
use super::*;

/// The error of a text of which a part is replaced.
fn refused(text: &str, from: &str, to: &str) -> (usize, String) {
    assert!(text.contains(from), "{from}");
    let mut found = try_whole(&text.replace(from, to)).map(|_| ()).unwrap_err();
    assert_eq!(found.len(), 1, "{to}: {found:?}");
    found.remove(0)
}

const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: NodePort
  selector:
    app: web
  ports:
  - name: http
    port: 80
    targetPort: http
    protocol: TCP
";

#[test]
fn of_a_service() {
    for (from, to, line, message) in [
        ("name: web", "name: web.x", 4, "`web.x` is no name of an object"),
        ("type: NodePort", "type: Node", 6, "`Node` is no type of a Service"),
        ("type: NodePort", "type: ExternalName", 4, "`spec.externalName` is missing"),
        ("type: NodePort", "type: ExternalName\n  externalName: a_b", 7, "`a_b` is no name of a host"),
        ("app: web", "app: we b", 8, "`we b` is no value of a label"),
        ("name: http", "name: HTTP", 10, "`HTTP` is no name of a port"),
        ("port: 80\n", "port: 0\n", 11, "0 is no port"),
        ("port: 80\n", "port: http\n", 11, "`http` is no number of a port"),
        ("port: 80\n", "nodePort: 80\n", 10, "`port` is missing"),
        ("targetPort: http", "targetPort: 70000", 12, "70000 is no port"),
        ("targetPort: http", "targetPort: \"8080\"", 12, "`8080` is no port of a pod"),
        ("protocol: TCP", "protocol: HTTP", 13, "`HTTP` is no protocol of a port"),
    ] {
        assert_eq!(refused(SERVICE, from, to), (line, message.to_owned()), "{to}");
    }
    let none = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n";
    assert_eq!(try_whole(none).unwrap_err(), [(3, "`spec` is missing".to_owned())]);
    let two =
        SERVICE.replace("port: 80\n", "port: 0\n").replace("app: web", "app: -x").replace("name: http", "name: H");
    assert_eq!(try_whole(&two).unwrap_err().len(), 3, "all errors are told");
}

#[test]
fn of_what_leads_to_services() {
    let route = |version: &str, kind: &str, spec: &str| {
        format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n{spec}\n")
    };
    let ingress = |backend: &str| route("networking.k8s.io/v1", "Ingress", &format!("  defaultBackend: {backend}"));
    let http = |backend: &str| {
        route("gateway.networking.k8s.io/v1", "HTTPRoute", &format!("  rules: [{{backendRefs: [{backend}]}}]"))
    };
    let webhook = |service: &str| {
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {{name: x}}\nwebhooks:\n- clientConfig: {{service: {service}}}\n"
        )
    };
    let binding = |subject: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: x}}\nsubjects:\n- {subject}\n"
        )
    };
    let endpoints = |address: &str| {
        format!("apiVersion: v1\nkind: Endpoints\nmetadata: {{name: x}}\nsubsets:\n- addresses: [{{ip: {address}}}]\n")
    };
    for (text, line, message) in [
        (ingress("{service: {port: {number: 80}}}"), 1, "`service.name` of a backend is missing"),
        (ingress("{service: {name: Web, port: {number: 80}}}"), 5, "`Web` is no name of a Service"),
        (ingress("{service: {name: web, port: {number: 65536}}}"), 5, "65536 is no port"),
        (ingress("{service: {name: web, port: {name: h--p}}}"), 5, "`h--p` is no name of a port"),
        (http("{port: 80}"), 1, "`name` of a backend is missing"),
        (http("{name: a.b, port: 80}"), 5, "`a.b` is no name of a Service"),
        (http("{name: a, namespace: B, port: 80}"), 5, "`B` is no name of a namespace"),
        (http("{name: a, port: http}"), 5, "`http` is no number of a port"),
        (webhook("{name: a}"), 1, "the `service` that the API server shall call lacks `name` or `namespace`"),
        (webhook("{name: a, namespace: b, port: 0}"), 5, "0 is no port"),
        (binding("{kind: ServiceAccount, name: a}"), 5, "the service account `a` has no `namespace`"),
        (binding("{kind: ServiceAccount, name: a, namespace: B}"), 5, "`B` is no name of a namespace"),
        (endpoints("10.0.0.256"), 5, "`10.0.0.256` is no address"),
        (endpoints("10.0.0.01"), 5, "`10.0.0.01` is no address"),
    ] {
        assert_eq!(try_whole(&text).map(|_| ()).unwrap_err(), [(line, message.to_owned())], "{text}");
    }
}

#[test]
fn of_what_containers_say() {
    let pod = |container: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n  - name: main\n    {container}\n"
        )
    };
    for (container, line) in [
        ("env: [{name: PORT, value: 8080}]", 7),
        ("env: [{name: DEBUG, value: yes}]", 7),
        ("env: {A: b}", 7),
        ("args: [--port, 8080]", 7),
        ("args: --port", 7),
        ("readinessProbe: {httpGet: {port: 0}}", 7),
        ("readinessProbe: {tcpSocket: {port: 65536}}", 7),
    ] {
        let found = try_whole(&pod(container)).map(|_| ()).unwrap_err();
        assert_eq!((found.len(), found[0].0), (1, line), "{container}: {found:?}");
        // Policies do not see it.
        assert!(try_read(&[("x.yaml", &pod(container))]).is_ok(), "{container}");
    }
    // A name that no port has, and a host that is not the pod: nothing is asked that is known.
    for probe in
        ["{httpGet: {port: http}}", "{tcpSocket: {host: example.com, port: 80}}", "{exec: {command: [x]}}", "null"]
    {
        let (_, cluster, _) = try_whole(&pod(&format!("livenessProbe: {probe}"))).unwrap();
        assert!(cluster.pods[0].probed.is_empty(), "{probe}");
    }
}
