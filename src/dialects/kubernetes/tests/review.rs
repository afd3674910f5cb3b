use std::sync::Arc;

use super::*;
use crate::model::{App, AppId, Approximation, Builtin, Edge, Endpoint, HttpRule, Tier, TierId};

fn tier() -> Tier {
    Tier {
        app: AppId(0),
        name: sym("api"),
        pods: pods(&["backend"], &[("app", "api")]),
        ports: vec![],
        port_names: BTreeMap::new(),
        metrics: vec![],
        dns: true,
        span: span(),
        pods_span: span(),
        metrics_span: span(),
    }
}

fn edge(to: Endpoint, http: Vec<HttpRule>) -> Edge {
    Edge {
        app: AppId(0),
        from: Endpoint::Tier(TierId(0)),
        to,
        ports: Arc::from([tcp(443, 443)]),
        all_ports: false,
        http_span: (!http.is_empty()).then(span),
        http,
        why: None,
        from_span: span(),
        to_span: span(),
        ports_span: span(),
    }
}

fn app() -> App {
    let span = span();
    App { name: sym("shop"), owner: None, scrapers: None, path: "x".into(), file: span.file, span }
}

#[test]
fn http_is_an_error_unless_permitted() {
    let mut model = model();
    model.apps = vec![app()];
    model.tiers = vec![tier()];
    let http = vec![
        HttpRule { method: Some(sym("GET")), path: Some(sym("/api/v1/products")), headers: vec![] },
        HttpRule { method: None, path: Some(sym("/health")), headers: vec![] },
    ];
    model.edges = vec![edge(Endpoint::Builtin(Builtin::Internet), http)];
    let review = Kubernetes.review(&model);
    assert_eq!(review.errors.len(), 1);
    assert_eq!(review.errors[0].code, codes::INEXPRESSIBLE);
    assert_eq!(review.errors[0].message, "kubernetes cannot limit `api -> internet` to some HTTP requests");
    assert!(review.errors[0].help[1].contains("kubernetes = [\"http-as-l4\"]"));

    // Another dialect's permission is none.
    model.profile.approximate = [(sym("calico"), Approximation::HttpAsL4)].into();
    assert_eq!(Kubernetes.review(&model).errors.len(), 1);
    model.profile.approximate = [(sym("kubernetes"), Approximation::HttpAsL4)].into();
    let review = Kubernetes.review(&model);
    assert!(review.errors.is_empty());
    assert_eq!(review.approximations[0].detail, "GET /api/v1/products, /health");
}

#[test]
fn host_names_alone_are_an_error_unless_permitted_and_beside_addresses_are_told() {
    let mut model = model();
    model.apps = vec![app()];
    model.tiers = vec![tier()];
    model.externals = vec![external(&[], &["api.example.com"]), external(&["203.0.113.0/24"], &["b.example.com"])];
    model.edges = [0, 1].map(|n| edge(Endpoint::External(ExternalId(n)), vec![])).into_iter().collect();
    let review = Kubernetes.review(&model);
    assert_eq!(review.errors.len(), 1);
    assert_eq!(review.errors[0].message, "kubernetes cannot allow host names, and `payments` has nothing else");
    assert_eq!(review.errors[0].related.len(), 1);
    assert_eq!(review.approximations.len(), 1);
    assert_eq!(review.approximations[0].detail, "b.example.com");

    model.profile.approximate = [(sym("kubernetes"), Approximation::FqdnsOmitted)].into();
    let review = Kubernetes.review(&model);
    assert!(review.errors.is_empty());
    assert_eq!(review.approximations.len(), 2);
}

#[test]
fn egress_promises_are_errors_where_the_cluster_does_not_keep_them() {
    let mut model = model();
    model.apps = vec![app()];
    model.tiers = vec![tier()];
    model.edges = vec![edge(Endpoint::Builtin(Builtin::Internet), vec![])];
    assert!(Kubernetes.review(&model).errors.is_empty());
    model.profile.enforces_egress = false;
    let errors = Kubernetes.review(&model).errors;
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`api -> internet` limits what pods send, which this cluster does not enforce",
            "`api` may ask only the cluster's DNS, which this cluster does not enforce"
        ]
    );
}
