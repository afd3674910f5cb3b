//! What belongs together.

use std::time::Instant;

use super::*;
use crate::cluster::read_whole;
use crate::source::Sources;

fn cluster(text: &str) -> Cluster {
    let mut sources = Sources::default();
    let file = sources.add("inventory.yaml", text);
    read_whole(&sources, &[file]).map(|inventory| inventory.cluster).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn pod(name: &str, namespace: &str, labels: &str, container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\nspec: {{containers: [{{{container}}}]}}\n---\n"
    )
}

fn service(name: &str, namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n---\n"
    )
}

/// Whom a pod of `shop` calls that has these variables: `namespace/name number -> the pods' ports`.
fn callees(variables: &str, rest: &[String]) -> Vec<String> {
    let cluster = cluster(&(pod("caller", "shop", "", &format!("env: [{variables}]")) + &rest.concat()));
    let index = Index::new(&cluster);
    let shown = |callee: Callee<'_>| {
        let ports: Vec<Option<u16>> = index.pods_of(callee.service).iter().map(|pod| callee.pod_port(pod)).collect();
        format!("{}/{} {:?} {ports:?}", callee.service.namespace, callee.service.name, callee.number)
    };
    index.callees(&cluster.pods[0]).into_iter().map(shown).collect()
}

#[test]
fn only_a_service_that_is_there_and_has_the_port_is_called() {
    let cart = [
        service("cart", "shop", "selector: {app: cart}, ports: [{port: 7070, targetPort: grpc}]"),
        pod("cart", "shop", "app: cart", "ports: [{name: grpc, containerPort: 9000}]"),
        pod("old", "shop", "app: cart", "ports: [{containerPort: 9000}]"),
    ];
    let told = |value: &str| callees(&format!("{{name: X, value: '{value}'}}"), &cart);
    assert_eq!(told("cart:7070"), ["shop/cart Some(7070) [Some(9000), None]"]);
    assert_eq!(told("http://cart.shop.svc.cluster.local:7070"), ["shop/cart Some(7070) [Some(9000), None]"]);
    for nobody in ["cart:7", "cart", "basket:7070", "cart.other:7070", "http://cart", "x.cart:7070"] {
        assert_eq!(told(nobody), [""; 0], "{nobody}");
    }
    // Once, whoever says it.
    assert_eq!(callees("{name: A, value: 'cart:7070'}, {name: B, value: 'cart:7070'}", &cart).len(), 1);
    // A host alone tells no port.
    assert_eq!(callees("{name: CART_HOST, value: cart}", &cart), ["shop/cart None [None, None]"]);
}

#[test]
fn pods_of_a_headless_service_have_names_and_are_called_on_their_own_ports() {
    let kafka = [
        service("kafka", "shop", "clusterIP: None, selector: {app: kafka}, ports: [{port: 80, targetPort: 8080}]"),
        pod("kafka-0", "shop", "app: kafka", "ports: [{containerPort: 9092}]"),
    ];
    let told = |value: &str| callees(&format!("{{name: X, value: '{value}'}}"), &kafka);
    assert_eq!(told("kafka-0.kafka:9092"), ["shop/kafka Some(9092) [Some(9092)]"]);
    assert_eq!(told("kafka-0.kafka.shop.svc:80"), ["shop/kafka Some(80) [Some(80)]"]);
    assert_eq!(told("kafka:9093"), [""; 0]);
    // Another Service of the namespace that the host names.
    let both = [kafka.as_slice(), &[service("kafka-0", "kafka", "selector: {a: b}, ports: [{port: 1}]")]].concat();
    assert_eq!(callees("{name: X, value: 'kafka-0.kafka:1'}", &both), [""; 0]);
    let other = [service("shop", "shop", "selector: {a: b}, ports: [{port: 1}]"), both[2].replace("kafka", "shop")];
    assert_eq!(callees("{name: X, value: 'shop-0.shop:1'}", &other), ["shop/shop-0 Some(1) []"]);
}

#[test]
fn other_names_are_followed() {
    let all = [
        service("db", "shop", "type: ExternalName, externalName: postgres.data.svc.cluster.local"),
        service("postgres", "data", "selector: {app: db}, ports: [{port: 5432}]"),
        service("outside", "shop", "type: ExternalName, externalName: db.example.com, ports: [{port: 1}]"),
        service("loop", "shop", "type: ExternalName, externalName: loop.shop.svc.cluster.local, ports: [{port: 1}]"),
    ];
    let told = |value: &str| callees(&format!("{{name: X, value: '{value}'}}"), &all);
    assert_eq!(told("db:5432"), ["data/postgres Some(5432) []"]);
    assert_eq!(told("outside:1"), ["shop/outside Some(1) []"]);
    assert_eq!(told("loop:1"), ["shop/loop Some(1) []"]);
}

#[test]
fn pods_are_found_by_all_of_their_labels() {
    let finished = pod("done", "shop", "app: web, tier: a", "").replace("---\n", "status: {phase: Failed}\n---\n");
    let cluster = cluster(
        &[
            pod("a", "shop", "app: web, tier: a", ""),
            pod("b", "shop", "app: web, tier: b", ""),
            pod("c", "pay", "app: web, tier: a", ""),
            finished,
            service("web", "shop", "selector: {app: web, tier: a}"),
            service("all", "shop", "selector: {app: web}"),
            service("none", "shop", "selector: {app: web, tier: c}"),
        ]
        .concat(),
    );
    let index = Index::new(&cluster);
    let names = |pods: Vec<&Pod>| pods.into_iter().map(|pod| pod.name.to_string()).collect::<Vec<_>>();
    let labels = |pairs: &[(&str, &str)]| Labels::new(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())));
    assert_eq!(names(index.pods_with("shop", &labels(&[("app", "web"), ("tier", "a")]))), ["a"]);
    assert_eq!(names(index.pods_with("shop", &labels(&[]))), ["a", "b"]);
    assert_eq!(names(index.pods_with("nowhere", &labels(&[]))), [""; 0]);
    let services: Vec<_> = index.services_of(&cluster.pods[0]).iter().map(|service| service.name.to_string()).collect();
    assert_eq!(services, ["web", "all"]);
    for service in &cluster.services {
        assert_eq!(names(cluster.pods_of(service).collect()), names(index.pods_of(service)));
    }
}

/// All pairs would be a hundred million.
#[test]
fn ten_thousand_of_each_are_no_matter() {
    let one = [
        pod("p", "shop", "team: red", "env: [{name: A, value: x}]"),
        service("s", "shop", "selector: {team: red}, ports: [{port: 80}]"),
    ];
    let one = cluster(&one.concat());
    let mut cluster = Cluster::default();
    for n in 0..10_000 {
        let labels = Labels::new([("app".into(), format!("a{n}").into()), ("team".into(), "red".into())]);
        let text = format!("s{}:80", (n * 7) % 10_000).into();
        let mentions = vec![Mention { text, ..one.pods[0].mentions[0].clone() }];
        let name = format!("p{n}").into();
        cluster.pods.push(Pod { name, labels: labels.clone(), mentions, ..one.pods[0].clone() });
        let name = format!("s{n}").into();
        cluster.services.push(Service { name, selector: Some(labels), ..one.services[0].clone() });
    }
    let start = Instant::now();
    let index = Index::new(&cluster);
    let called: usize = cluster.pods.iter().map(|pod| index.callees(pod).len()).sum();
    let behind: usize = cluster.services.iter().map(|service| index.pods_of(service).len()).sum();
    assert_eq!((called, behind), (10_000, 10_000));
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}
