//! Inventories as tools print them.

use super::whole::{try_whole, whole};
use super::*;
use crate::cluster::Index;

/// As `kubectl get deployments,services,endpoints,endpointslices,ingresses -o yaml` prints it, and `kubectl create
/// --dry-run=client`.
pub(super) const DUMP: &str = r#"
apiVersion: v1
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    annotations:
      deployment.kubernetes.io/revision: "2"
      kubectl.kubernetes.io/last-applied-configuration: |
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"name":"web"}}
    creationTimestamp: null
    generation: 2
    managedFields:
    - apiVersion: apps/v1
      fieldsType: FieldsV1
      fieldsV1:
        f:spec:
          f:template:
            f:spec:
              f:containers:
                k:{"name":"main"}:
                  .: {}
                  f:env:
                    .: {}
                    k:{"name":"CART"}:
                      .: {}
                      f:name: {}
                  f:ports:
                    k:{"containerPort":8080,"protocol":"TCP"}:
                      .: {}
      manager: kubectl-client-side-apply
      operation: Update
      time: "2027-01-01T00:00:00Z"
    name: web
    namespace: shop
    resourceVersion: "1234"
    uid: 3b1a5c0e-0000-4000-8000-000000000000
  spec:
    progressDeadlineSeconds: 600
    replicas: 1
    selector:
      matchLabels:
        app: web
    strategy: {}
    template:
      metadata:
        creationTimestamp: null
        labels:
          app: web
      spec:
        containers:
        - args: null
          command: []
          env:
          - name: CART
            value: cart:7070
          - name: NODE
            valueFrom:
              fieldRef:
                apiVersion: v1
                fieldPath: spec.nodeName
          - name: PASSWORD
            valueFrom:
              secretKeyRef:
                key: password
                name: db
          envFrom: null
          image: example.com/web:1
          livenessProbe:
            failureThreshold: 3
            httpGet:
              path: /health
              port: 8080
              scheme: HTTP
          name: main
          ports:
          - containerPort: 8080
            protocol: TCP
          resources: {}
        initContainers: null
        restartPolicy: Always
        schedulerName: default-scheduler
  status: {}
- apiVersion: v1
  kind: Service
  metadata:
    creationTimestamp: "2027-01-01T00:00:00Z"
    name: cart
    namespace: shop
  spec:
    clusterIP: 10.96.0.7
    clusterIPs:
    - 10.96.0.7
    internalTrafficPolicy: Cluster
    ipFamilies:
    - IPv4
    ipFamilyPolicy: SingleStack
    ports:
    - appProtocol: grpc
      name: grpc
      nodePort: 30080
      port: 7070
      protocol: TCP
      targetPort: 7071
    selector:
      app: cart
    sessionAffinity: None
    type: NodePort
  status:
    loadBalancer: {}
- apiVersion: v1
  kind: Service
  metadata:
    labels:
      component: apiserver
      provider: kubernetes
    name: kubernetes
    namespace: default
  spec:
    clusterIP: 10.96.0.1
    ports:
    - name: https
      port: 443
      protocol: TCP
      targetPort: 6443
    type: ClusterIP
- apiVersion: v1
  kind: Endpoints
  metadata:
    name: kubernetes
    namespace: default
  subsets:
  - addresses:
    - ip: 172.18.0.2
      nodeName: node-1
    ports:
    - name: https
      port: 6443
      protocol: TCP
- apiVersion: v1
  kind: Endpoints
  metadata:
    name: empty
    namespace: shop
- addressType: IPv4
  apiVersion: discovery.k8s.io/v1
  endpoints:
  - addresses:
    - 10.244.0.9
    conditions:
      ready: true
    targetRef:
      kind: Pod
      name: cart-1
  kind: EndpointSlice
  metadata:
    generateName: cart-
    labels:
      kubernetes.io/service-name: cart
    name: cart-x7k2p
    namespace: shop
  ports: null
- addressType: IPv4
  apiVersion: discovery.k8s.io/v1
  endpoints: null
  kind: EndpointSlice
  metadata:
    labels:
      kubernetes.io/service-name: web
    name: web-abcde
    namespace: shop
- apiVersion: v1
  data: null
  kind: ConfigMap
  metadata:
    name: kube-root-ca.crt
    namespace: shop
- apiVersion: v1
  kind: Pod
  metadata:
    name: kube-proxy-x
    namespace: kube-system
  spec:
    hostNetwork: true
  status:
    podIP: 172.18.0.2
    podIPs:
    - ip: 172.18.0.2
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRoleBinding
  metadata:
    name: system:discovery
  subjects:
  - apiGroup: rbac.authorization.k8s.io
    kind: Group
    name: system:authenticated
- apiVersion: v1
  kind: Secret
  metadata:
    name: db
  data:
    password: eA==
kind: List
metadata:
  resourceVersion: ""
"#;

/// All that matters of it.
fn told(text: &str) -> String {
    let (sources, cluster, others) = try_whole(text).unwrap_or_else(|errors| panic!("{errors:?}"));
    let index = Index::new(&cluster);
    let mut out = vec![];
    for pod in &cluster.pods {
        let declared: Vec<u16> = pod.declared.iter().map(|port| port.number).collect();
        let texts: Vec<&str> = pod.mentions.iter().map(|mention| sources.text(mention.span)).collect();
        out.push(format!("{} {declared:?} {:?} {texts:?}", pod.path(), pod.probed));
        out.extend(
            index.callees(pod).iter().map(|callee| format!("calls {} {:?}", callee.service.name, callee.number)),
        );
    }
    for service in &cluster.services {
        let ports: Vec<&str> = service.ports.iter().map(|port| sources.text(port.span)).collect();
        let (addresses, behind) = (&service.addresses, index.pods_of(service).len());
        out.push(format!("{} {ports:?} {addresses:?} {behind}", service.name));
    }
    out.push(format!("{others:?} {}", cluster.bound_accounts.len()));
    out.join("\n")
}

#[test]
fn a_dump_is_read_in_yaml_and_in_json_on_many_lines_and_on_one() {
    let expected = r#"
shop/web [8080] [8080] ["cart:7070"]
calls cart Some(7070)
kube-system/kube-proxy-x [] [] []
cart ["7070"] [10.244.0.9] 0
kubernetes ["443"] [172.18.0.2] 0
{"Secret": 1} 0"#
        .trim_start();
    assert_eq!(told(DUMP), expected);
    let value: serde_json::Value = serde_yaml::from_str(DUMP).unwrap();
    assert_eq!(told(&value.to_string()), expected);
    assert_eq!(told(&serde_json::to_string_pretty(&value).unwrap()), expected);
    assert_eq!(told(&DUMP.replace('\n', "\r\n")), expected);
}

#[test]
fn places_in_one_line_of_json_are_places_of_values() {
    let value: serde_json::Value = serde_yaml::from_str(&DUMP.replace("cart:7070", "say \\\"cart:7070\\\"")).unwrap();
    let line = value.to_string().replace("cart:7070", "\\u0063art:7070");
    let (sources, cluster) = whole(&line);
    let mention = &cluster.pods[0].mentions[0];
    assert!(mention.text.contains("cart:7070"), "{mention:?}");
    assert!(sources.text(mention.span).contains("art:7070"), "{}", sources.text(mention.span));
    assert!(sources.text(mention.span).len() < 60, "{}", sources.text(mention.span));
}

/// What `helm template` and `kustomize build` print.
#[test]
fn rendered_manifests_are_read() {
    let text = "\
---
# Source: shop/templates/serviceaccount.yaml
---
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: release-web
  labels:
    helm.sh/chart: web-1.0.0
    app.kubernetes.io/managed-by: Helm
spec:
  type: ClusterIP
  ports:
    - port: 80
      targetPort: http
      protocol: TCP
      name: http
  selector:
    app.kubernetes.io/name: web
---
# Source: shop/templates/empty.yaml

---
apiVersion: v1
kind: ConfigMap
metadata:
  name: scripts
data:
  run.sh: |-
    #!/bin/sh
    if true; then
    \techo $(date)
    fi
binaryData:
  x: eA==
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.example.com
spec: {versions: [{schema: {openAPIV3Schema: {type: object}}}]}
";
    let (_, cluster, others) = try_whole(text).unwrap();
    assert_eq!(cluster.services.len(), 1);
    assert_eq!(others, BTreeMap::from([("CustomResourceDefinition".to_owned(), 1)]));
}

#[test]
fn kinds_of_other_groups_and_versions_pass_by_or_are_refused() {
    let object = |version: &str, kind: &str| {
        format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{odd: [1]}}\n---\n")
    };
    let text = [
        object("serving.knative.dev/v1", "Service"),
        object("traefik.io/v1alpha1", "IngressRoute"),
        object("gateway.networking.k8s.io/v9", "HTTPRoute"),
        object("gateway.networking.k8s.io/v1", "Gateway"),
        object("example.com/v1", "Ingress"),
    ];
    let (_, _, others) = try_whole(&text.concat()).unwrap();
    assert_eq!(others.len(), 5);
    for (version, kind, served) in [
        ("extensions/v1beta1", "Ingress", "networking.k8s.io/v1"),
        ("networking.k8s.io/v1beta1", "Ingress", "networking.k8s.io/v1"),
        ("discovery.k8s.io/v1beta1", "EndpointSlice", "discovery.k8s.io/v1"),
        ("rbac.authorization.k8s.io/v1beta1", "RoleBinding", "rbac.authorization.k8s.io/v1"),
        ("v2", "Service", "v1"),
    ] {
        let expected = format!("`{kind}` of `{version}` is not served by the API server");
        assert_eq!(try_whole(&object(version, kind)).unwrap_err(), [(1, expected)], "{served}");
        // Who asks for pods alone does not mind.
        assert!(try_read(&[("x.yaml", &object(version, kind))]).is_ok());
    }
}
