//! What cannot be said, at the line that asks for it.

use super::*;
use crate::diag::codes;
use crate::model::{AppId, Peer, Tier};

fn tier(pairs: &[(&str, &str)]) -> Tier {
    Tier {
        app: AppId(0),
        name: sym("api"),
        pods: pods(&["backend"], pairs),
        ports: vec![],
        port_names: BTreeMap::new(),
        metrics: vec![],
        dns: true,
        span: span(),
        pods_span: span(),
        ports_span: span(),
        level: None,
        accepts: None,
        metrics_span: span(),
    }
}

fn errors(model: &Model) -> Vec<String> {
    let errors = Calico.review(model).errors;
    assert!(errors.iter().all(|error| error.code == codes::INEXPRESSIBLE && !error.help.is_empty()));
    errors.into_iter().map(|error| error.message).collect()
}

#[test]
fn labels_with_another_meaning_are_refused_where_they_are_written() {
    let mut model = model();
    assert!(errors(&model).is_empty());
    model.tiers = vec![tier(&[("app", "api")]), tier(&[("pcns.team", "x")])];
    assert_eq!(errors(&model), ["calico cannot select the pods of `api` by the label `pcns.team`"]);
    assert!(Calico.review(&model).errors[0].primary.is_some());
    model.tiers = vec![];
    model.peers = vec![Peer {
        app: AppId(0),
        name: sym("obs"),
        pods: PodSet {
            namespaces: NamespaceSet::Labels(labels(&[("projectcalico.org/name", "x")])),
            labels: labels(&[]),
        },
        ports: vec![],
        port_names: BTreeMap::new(),
        span: span(),
        namespace_span: span(),
        ports_span: span(),
    }];
    assert_eq!(errors(&model), ["calico cannot select the pods of `obs` by the label `projectcalico.org/name`"]);
}

#[test]
fn selectors_that_are_too_long_are_refused_where_they_are_written() {
    let prefix = "p".repeat(250);
    let pairs: Vec<(String, &str)> = (0..4).map(|n| (format!("{prefix}/{n}"), "value")).collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let mut model = model();
    model.tiers = vec![tier(&pairs)];
    assert_eq!(errors(&model), ["calico cannot select the pods of `api` in 1024 characters: it needs 1064"]);
}

#[test]
fn the_platforms_own_selectors_are_looked_at_where_they_are_used() {
    let mut model = model();
    model.profile.scrapers = pods(&["monitoring"], &[("projectcalico.org/serviceaccount", "x")]);
    assert!(errors(&model).is_empty());
    model.tiers = vec![Tier { metrics: vec![tcp(9090, 9090)], ..tier(&[]) }];
    assert_eq!(
        errors(&model),
        ["calico cannot select the scrapers of the project file by the label `projectcalico.org/serviceaccount`"]
    );
    model.tiers = vec![];
    model.profile.dns.peers = vec![DnsPeer::Pods(pods(&["kube-system"], &[("pcsa.x", "y")]))];
    assert_eq!(errors(&model), ["calico cannot select the pods of the cluster's DNS by the label `pcsa.x`"]);
}

#[test]
fn a_guard_that_leaves_out_too_many_namespaces_is_told_before_anything_is_rendered() {
    let mut model = model();
    model.profile.metadata_deny = true;
    model.profile.system_namespaces = (0..60).map(|n| sym(&format!("namespace-{n:04}"))).collect();
    let found = errors(&model);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("calico cannot select the namespaces that the guard `metadata-deny` leaves out in 1024")
    );
    model.profile.asked.insert("metadata-deny", span());
    assert_eq!(Calico.review(&model).errors[0].primary.as_ref().map(|place| place.span), Some(span()));
}

#[test]
fn another_tier_is_the_platforms_to_make_and_not_one_of_the_guards() {
    let mut model = model();
    assert!(Calico.review(&model).notes.is_empty());
    model.profile.tier = sym("platform");
    assert_eq!(Calico.review(&model).notes, ["the policies stand in the tier `platform`, which must exist"]);
    model.profile.metadata_deny = true;
    assert_eq!(
        Calico.review(&model).notes,
        ["the policies stand in the tier `platform`, which must exist, of an order above 10 and below 20000000"]
    );
    model.profile.tier = sym("netpolc-guards");
    assert_eq!(errors(&model), ["calico policies cannot stand in the tier `netpolc-guards`"]);
}
