//! What leads to pods, and what pods say of themselves.

use super::*;
use crate::cluster::{Backend, Index, ServiceKind, TargetPort};

/// A cluster, the texts that its places are in, and what passed by.
type Whole = (Sources, Cluster, BTreeMap<String, usize>);

pub(super) fn try_whole(text: &str) -> Result<Whole, Vec<(usize, String)>> {
    let mut sources = Sources::default();
    let file = sources.add("inventory.yaml", text);
    let read = read_whole(&sources, &[file]).map(|inventory| (inventory.cluster, inventory.others));
    match read {
        Ok((cluster, others)) => Ok((sources, cluster, others)),
        Err(errors) => Err(errors
            .iter()
            .map(|error| (sources.line_col(error.primary.as_ref().unwrap().span).0, error.message.clone()))
            .collect()),
    }
}

pub(super) fn whole(text: &str) -> (Sources, Cluster) {
    let (sources, cluster, _) = try_whole(text).unwrap_or_else(|errors| panic!("{errors:?}"));
    (sources, cluster)
}

/// `line variable=text` of each.
fn mentions(sources: &Sources, cluster: &Cluster) -> Vec<String> {
    let all = cluster.pods.iter().flat_map(|pod| &pod.mentions);
    all.map(|mention| {
        let variable = mention.variable.as_ref().map(|name| format!("{name}=")).unwrap_or_default();
        format!("{} {variable}{}", sources.line_col(mention.span).0, mention.text)
    })
    .collect()
}

pub(super) const TALKATIVE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
      - name: wait
        command: [sh, -c, 'until nc -z cart 7070; do sleep 1; done']
        ports: [{containerPort: 1}]
        livenessProbe: {tcpSocket: {port: 2}}
      - name: proxy
        restartPolicy: Always
        ports: [{containerPort: 15001, name: proxy}]
        readinessProbe: {httpGet: {port: proxy}}
      containers:
      - name: main
        command:
        - /bin/web
        args:
        - --cart=$(CART):7070
        - |
          exec web \"$$(date)\" $(NOBODY) $HOME
        - \"tab\\there\"
        ports:
        - {containerPort: 8080, name: http}
        - containerPort: 9090
        - {containerPort: 53, protocol: UDP, hostPort: 53}
        livenessProbe: {httpGet: {port: http, path: /}}
        readinessProbe: {grpc: {port: 9090}}
        startupProbe: {exec: {command: [true]}}
        envFrom:
        - configMapRef: {name: settings}
        - prefix: X_
          configMapRef: {name: settings}
        - secretRef: {name: secrets}
        - configMapRef: {name: missing, optional: true}
        env:
        - name: CART
          value: cart
        - name: CART_ADDR
          value: $(CART):$(CART_PORT)
        - name: LATER
          value: $(AFTER)
        - name: AFTER
          value: \"1\"
        - name: EMPTY
        - name: POD
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: KEYED
          valueFrom: {configMapKeyRef: {name: settings, key: CART_PORT}}
        - name: NUMBER
          value: |-
            8080
        - {name: X_CART, valueFrom: {secretKeyRef: {name: secrets, key: x}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  CART_PORT: \"7070\"
  CART: from the map
  script: |
    echo
";

#[test]
fn a_container_tells_its_ports_its_probes_and_its_texts() {
    let (sources, cluster) = whole(TALKATIVE);
    let pod = &cluster.pods[0];
    let declared: Vec<String> = pod
        .declared
        .iter()
        .map(|port| {
            let line = sources.line_col(port.span).0;
            format!("{line} {}/{} {}", port.number, port.protocol.as_str(), port.name.as_deref().unwrap_or("-"))
        })
        .collect();
    assert_eq!(declared, ["27 8080/TCP http", "28 9090/TCP -", "29 53/UDP -", "15 15001/TCP proxy"]);
    assert_eq!(pod.probed, [8080, 9090, 15001]);
    assert_eq!(
        mentions(&sources, &cluster),
        [
            "41 CART=cart",
            "62 CART_PORT=7070",
            "65 script=echo\n",
            "62 X_CART_PORT=7070",
            "65 X_script=echo\n",
            "43 CART_ADDR=cart:7070",
            "45 LATER=$(AFTER)",
            "47 AFTER=1",
            "62 KEYED=7070",
            "55 NUMBER=8080",
            "20 /bin/web",
            "22 --cart=cart:7070",
            "24 exec web \"$(date)\" $(NOBODY) $HOME\n",
            "25 tab\there",
            "10 sh",
            "10 -c",
            "10 until nc -z cart 7070; do sleep 1; done",
        ]
    );
    // `eval` sees the ports, as it validates them, and none of the rest.
    let told = told(TALKATIVE);
    assert_eq!(told.cluster.pods[0].declared.len(), 4);
    assert!(told.cluster.pods[0].mentions.is_empty() && told.cluster.pods[0].probed.is_empty());
}

#[test]
fn references_cannot_make_a_text_grow_without_end() {
    let mut text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - env:\n".to_owned();
    text += "    - {name: V0, value: 'a long enough text'}\n";
    for n in 1..200 {
        text += &format!("    - {{name: V{n}, value: $(V{0})$(V{0})}}\n", n - 1);
    }
    text += &format!("    args: ['{}']\n", "$(".repeat(200_000));
    let (_, cluster) = whole(&text);
    let total: usize = cluster.pods[0].mentions.iter().map(|mention| mention.text.len()).sum();
    assert!(total < 20_000_000, "{total}");
}

pub(super) const SERVICES: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: http}
  - {name: dns, port: 53, targetPort: 5353, protocol: UDP}
  - port: 9090
  - {port: 81, targetPort: 0}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {type: ExternalName, externalName: db.example.com., selector: {app: x}, ports: null}
---
apiVersion: v1
kind: Service
metadata: {name: manual, namespace: shop}
spec: {type: LoadBalancer, selector: null, clusterIP: None, ports: [{port: 443}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: manual, namespace: shop}
subsets:
- addresses: [{ip: 10.0.0.7}, {ip: 10.0.0.4}]
  notReadyAddresses: [{ip: 10.0.0.9}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: manual-x, namespace: shop, labels: {kubernetes.io/service-name: manual}}
addressType: IPv6
endpoints: [{addresses: [\"2001:db8::4\"]}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: nobody, namespace: shop}
addressType: FQDN
endpoints: [{addresses: [a.example.com]}]
---
";

#[test]
fn a_service_is_its_selector_its_ports_and_its_addresses() {
    let (sources, cluster) = whole(&[SERVICES, POD].concat());
    let [web, db, manual] = cluster.services.as_slice() else { panic!("{:?}", cluster.services) };
    assert_eq!(web.selector.as_ref().unwrap().to_string(), "app=web");
    let ports: Vec<String> = web
        .ports
        .iter()
        .map(|port| {
            let line = sources.line_col(port.span).0;
            format!("{line} {}/{} {:?}", port.port, port.protocol.as_str(), port.target)
        })
        .collect();
    let expected =
        ["7 80/TCP Name(\"http\")", "8 53/UDP Number(5353)", "9 9090/TCP Number(9090)", "10 81/TCP Number(81)"];
    assert_eq!(ports, expected);
    assert_eq!(web.kind, ServiceKind::ClusterIp);
    assert_eq!((&db.kind, db.selector.is_none()), (&ServiceKind::ExternalName("db.example.com.".into()), true));
    assert_eq!((&manual.kind, manual.headless, web.headless), (&ServiceKind::LoadBalancer, true, false));
    let addresses: Vec<String> = manual.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.0.0.4", "10.0.0.7", "10.0.0.9", "2001:db8::4"]);
    // Both ways to the pods, and both helpers.
    let index = Index::new(&cluster);
    for service in [web, manual] {
        let pods = |pods: Vec<&crate::cluster::Pod>| pods.into_iter().map(|pod| pod.path()).collect::<Vec<_>>();
        assert_eq!(pods(cluster.pods_of(service).collect()), ["shop/web"]);
        assert_eq!(pods(index.pods_of(service)), ["shop/web"]);
    }
    assert!(index.pods_of(db).is_empty());
    assert_eq!(index.services_of(&cluster.pods[0]).len(), 1);
    let http = web.port(&TargetPort::Name("http".into())).unwrap();
    assert_eq!(http.pod_port(&cluster.pods[0]), Some(80));
    // Of that name there is a port for UDP.
    let dns = crate::cluster::ServicePort { target: TargetPort::Name("dns".into()), ..web.ports[0].clone() };
    assert_eq!(dns.pod_port(&cluster.pods[0]), None);
}

pub(super) const ROUTES: &str = "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: shop}
spec:
  defaultBackend: {service: {name: fallback, port: {name: http}}}
  rules:
  - http:
      paths:
      - backend: {service: {name: web, port: {number: 80}}}
      - backend: {resource: {kind: Bucket, name: x}}
  - host: bare.example.com
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shop}
spec:
  parentRefs: [{name: gateway}]
  rules:
  - backendRefs:
    - {name: cart, port: 7070}
    - {group: \"\", kind: Service, name: other, namespace: pay, port: 80}
    - {group: example.com, kind: Lambda, name: other}
    filters:
    - type: RequestMirror
      requestMirror: {backendRef: {name: shadow, port: 7071}}
---
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: db}
spec: {rules: [{backendRefs: [{name: db, port: 5432}]}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard}
webhooks:
- name: a.example.com
  clientConfig: {service: {name: guard, namespace: guards, path: /a}, caBundle: xx}
- name: b.example.com
  clientConfig: {service: {name: guard, namespace: guards, path: /b}}
- name: c.example.com
  clientConfig: {url: \"https://example.com\"}
- name: d.example.com
  clientConfig: {service: {name: guard, namespace: guards, port: 8443}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: \"example:readers\"}
roleRef: {kind: ClusterRole, name: view, apiGroup: rbac.authorization.k8s.io}
subjects:
- {kind: ServiceAccount, name: reader, namespace: shop}
- {kind: Group, name: \"system:serviceaccounts:pay\", apiGroup: rbac.authorization.k8s.io}
- {kind: Group, name: \"system:authenticated\"}
- {kind: Group, name: \"system:serviceaccounts\"}
- {kind: User, name: jane}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: empty, namespace: shop}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec: {group: metrics.k8s.io, version: v1beta1, service: {name: metrics, namespace: monitoring}}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: \"v1.\"}
spec: {group: apps, version: v1, service: null}
---
";

#[test]
fn routes_webhooks_and_bindings_tell_whom_they_lead_to() {
    let (sources, cluster) = whole(ROUTES);
    let shown = |backend: &Backend| {
        let line = sources.line_col(backend.span).0;
        format!("{line} {}/{} {:?}", backend.namespace, backend.service, backend.port.as_ref().unwrap())
    };
    let routes: Vec<(&str, &str, Vec<String>)> = cluster
        .routes
        .iter()
        .map(|route| (route.kind, &*route.name, route.backends.iter().map(shown).collect()))
        .collect();
    let expected = [
        ("Ingress", "front", vec!["5 shop/fallback Name(\"http\")".to_owned(), "9 shop/web Number(80)".to_owned()]),
        (
            "HTTPRoute",
            "cart",
            ["20 shop/cart Number(7070)", "21 pay/other Number(80)", "25 shop/shadow Number(7071)"]
                .map(str::to_owned)
                .to_vec(),
        ),
        ("TCPRoute", "db", vec!["30 default/db Number(5432)".to_owned()]),
    ];
    assert_eq!(routes, expected);
    let webhooks: Vec<_> = cluster.webhooks.iter().map(|hook| (hook.kind, &*hook.name, shown(&hook.backend))).collect();
    let kind = "ValidatingWebhookConfiguration";
    let expected = [
        (kind, "guard", "37 guards/guard Number(443)"),
        (kind, "guard", "43 guards/guard Number(8443)"),
        ("APIService", "v1beta1.metrics.k8s.io", "63 monitoring/metrics Number(443)"),
    ];
    assert_eq!(webhooks, expected.map(|(kind, name, backend)| (kind, name, backend.to_owned())));
    let bound: Vec<_> = cluster.bound_accounts.keys().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    assert_eq!(bound, ["shop/reader"]);
    assert_eq!(cluster.bound_namespaces.keys().map(|name| &**name).collect::<Vec<_>>(), ["pay"]);
}

#[test]
fn bindings_are_found_by_the_pod() {
    let pod = |name: &str, namespace: &str, account: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{serviceAccountName: {account}}}\n---\n"
        )
    };
    let (_, cluster) =
        whole(&[ROUTES, &pod("a", "shop", "reader"), &pod("b", "shop", "other"), &pod("c", "pay", "x")].concat());
    let bound: Vec<bool> = cluster.pods.iter().map(|pod| cluster.binding_of(pod).is_some()).collect();
    assert_eq!(bound, [true, false, true]);
}
