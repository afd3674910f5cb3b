//! Objects that do not say where they are.

use super::whole::whole;
use super::*;
use crate::cluster::Index;
use crate::model::Sym;

const RENDERED: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: front
      containers:
      - env: [{name: CART, valueFrom: {configMapKeyRef: {name: settings, key: cart}}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {cart: 'cart:7070'}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: front, labels: {role: edge}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: data}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{port: 7070}]}
---
";

fn shown(cluster: &Cluster) -> Vec<String> {
    let index = Index::new(cluster);
    let pods = cluster.pods.iter().map(|pod| {
        let calls = index.callees(pod).into_iter().map(|callee| format!(" calls {}", callee.service.name));
        let calls: String = calls.collect();
        format!("{} {}({}){calls}", pod.path(), pod.service_account, pod.account_labels)
    });
    let services = cluster
        .services
        .iter()
        .map(|service| format!("{}/{} of {}", service.namespace, service.name, index.pods_of(service).len()));
    let routes = cluster.routes.iter().map(|route| {
        format!("{}/{} to {}/{}", route.namespace, route.name, route.backends[0].namespace, route.backends[0].service)
    });
    let namespaces = cluster.namespaces.keys().map(ToString::to_string);
    pods.chain(services).chain(routes).chain(namespaces).collect()
}

#[test]
fn what_names_no_namespace_is_in_default_until_it_is_placed() {
    let (_, mut cluster) = whole(RENDERED);
    let in_default = [
        "default/web front(role=edge)",
        "data/db default(*)",
        "default/web of 1",
        "shop/cart of 0",
        "default/web to default/web",
        "data",
        "default",
    ];
    assert_eq!(shown(&cluster), in_default);
    let placed: Vec<bool> = cluster.pods.iter().map(|pod| pod.placed).collect();
    assert_eq!(placed, [false, true]);
    cluster.place(&"shop".into()).unwrap();
    let in_shop = [
        "shop/web front(role=edge) calls cart",
        "data/db default(*)",
        "shop/web of 1",
        "shop/cart of 0",
        "shop/web to shop/web",
        "data",
        "shop",
    ];
    assert_eq!(shown(&cluster), in_shop);
    // Again, elsewhere: it still named none.
    cluster.place(&"default".into()).unwrap();
    assert_eq!(shown(&cluster), in_default);
}

#[test]
fn what_is_there_already_is_told_and_nothing_moves() {
    let text = [RENDERED, "kind: Service\napiVersion: v1\nmetadata: {name: web, namespace: shop}\nspec: {}\n"].concat();
    let (sources, mut cluster) = whole(&text);
    let before = shown(&cluster);
    let errors = cluster.place(&"shop".into()).unwrap_err();
    let told: Vec<_> = errors
        .iter()
        .map(|error| (sources.line_col(error.primary.as_ref().unwrap().span).0, error.message.as_str()))
        .collect();
    assert_eq!(told, [(42, "Service `shop/web` is there twice")]);
    assert!(format!("{:?}", errors[0]).contains("names no namespace"), "{errors:?}");
    assert_eq!(shown(&cluster), before);
    cluster.place(&"other".into()).unwrap();
}

#[test]
fn owners_and_names_follow() {
    let text = workload("apps/v1", "Deployment", "web", "").replace("  namespace: shop\n", "")
        + &workload("apps/v1", "ReplicaSet", "web-1", &owned("Deployment", "web")).replace("  namespace: shop\n", "")
        + &workload("apps/v1", "StatefulSet", "web", "");
    let (_, mut cluster) = whole(&text);
    let names = |cluster: &Cluster| cluster.pods.iter().map(crate::cluster::Pod::path).collect::<Vec<_>>();
    assert_eq!(names(&cluster), ["default/web", "shop/web"]);
    let shop: Sym = "shop".into();
    cluster.place(&shop).unwrap();
    assert_eq!(names(&cluster), ["shop/web", "shop/web.statefulset"]);
    cluster.place(&"pay".into()).unwrap();
    assert_eq!(names(&cluster), ["pay/web", "shop/web"]);
}
