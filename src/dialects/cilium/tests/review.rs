//! What Cilium cannot say, at the intent's line.

use super::*;
use crate::model::{PortRange, Protocol};

fn messages(draft: Draft) -> Vec<String> {
    let review = Cilium.review(&draft.model());
    assert!(review.errors.iter().all(|error| !error.help.is_empty()));
    review.errors.into_iter().map(|error| error.message).collect()
}

fn one(draft: Draft) -> String {
    let mut messages = messages(draft);
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.remove(0)
}

#[test]
fn labels_outside_of_identities_select_nothing() {
    let tier = Draft::new().tier("web", "front", "pod-template-hash=1");
    assert!(one(tier).contains("`pod-template-hash`: it is no part of a pod's identity"));
    let peer = shop().peer("ops", "ops", "statefulset.kubernetes.io/pod-name=ops-0");
    assert!(one(peer).contains("`statefulset.kubernetes.io/pod-name`"));
    let namespace = shop().peer("ops", "zone.beta.kubernetes.io/name=a", "app=x");
    assert!(one(namespace).contains("identity"));
    let scrapers =
        shop().with(|model| model.profile.scrapers = in_namespace("ops", &[("controller-revision-hash", "1")]));
    assert!(one(scrapers).contains("`controller-revision-hash`"));
}

#[test]
fn keys_that_are_too_long_with_their_source_are_refused() {
    let key = "k".repeat(60);
    assert!(one(Draft::new().tier("web", "front", &format!("{key}=1"))).contains("too long"));
    let key = "k".repeat(29);
    assert!(one(shop().peer("ops", &format!("{key}=1"), "app=x")).contains("too long"));
}

#[test]
fn a_path_that_the_proxy_would_not_compile_is_refused() {
    let long = format!("/{}", "a".repeat(90));
    let draft = with_http(shop().edge("web -> api", "80/TCP"), vec![get("/short"), get(&long)]);
    assert!(one(draft).contains("too long for the proxy"));
}

#[test]
fn http_on_every_port_is_refused() {
    let draft = with_http(shop().edge("web -> api", "all/TCP"), vec![get("/a")]);
    assert!(one(draft).contains("HTTP on all ports"));
}

#[test]
fn http_on_a_range_is_not() {
    proved(&with_http(shop().edge("web -> api", "8000-8010/TCP"), vec![get("/a")]).model());
}

#[test]
fn http_beside_a_wider_plain_edge_for_the_same_pods_is_refused() {
    let limited = |draft: Draft| with_http(draft.edge("web -> api", "80/TCP"), vec![get("/a")]);
    let wider = limited(shop().edge("cluster -> api", "1-1000/TCP"));
    assert!(one(wider).contains("`web -> api` to some HTTP requests beside `cluster -> api`"));
    let same = limited(shop()).edge("web -> api", "70-90/TCP");
    assert_eq!(messages(same).len(), 1);
    let limited_range = with_http(shop().edge("web -> api", "70-90/TCP"), vec![get("/a")]).edge("web -> api", "80/TCP");
    assert_eq!(messages(limited_range).len(), 1);
    // Other pods, other ports, the very same port.
    assert!(messages(limited(shop().edge("db -> api", "1-1000/TCP"))).is_empty());
    assert!(messages(limited(shop().edge("web -> db", "1-1000/TCP"))).is_empty());
    assert!(messages(limited(shop().edge("cluster -> api", "90-99/TCP"))).is_empty());
    proved(&limited(shop().edge("cluster -> api", "80/TCP")).model());
}

#[test]
fn http_beside_other_http_rules_or_metrics_on_a_wider_range_is_refused() {
    let limited = |draft: Draft| with_http(draft.edge("web -> api", "8005/TCP"), vec![get("/a")]);
    let range = |path| with_http(shop().edge("cluster -> api", "8000-8010/TCP"), vec![get(path)]);
    assert!(
        messages(limited(range("/b"))).iter().any(|message| message.contains("`web -> api` to some HTTP requests"))
    );
    assert!(messages(limited(range("/a"))).is_empty());
    let scraped = |pods: PodSet| {
        limited(shop()).with(move |model| {
            model.tiers[1].metrics = vec![PortRange::new(Protocol::Tcp, 8000, 8010).unwrap()];
            model.profile.scrapers = pods;
        })
    };
    assert!(one(scraped(in_namespace("front", &[("role", "scraper")]))).contains("beside `metrics of api`"));
    assert!(messages(scraped(in_namespace("front", &[("app", "scraper")]))).is_empty());
}

#[test]
fn pods_and_addresses_never_meet() {
    let draft = with_http(shop().external("pay", "203.0.113.0/24", "").edge("web -> pay", "80/TCP"), vec![get("/a")]);
    assert!(messages(draft.edge("web -> cluster", "1-1000/TCP")).is_empty());
}

fn stripe() -> Draft {
    let draft = shop().tier("slow", "front", "tier=slow").external("stripe", "", "").edge("web -> stripe", "443/TCP");
    with_hosts(draft, 0, &["api.stripe.com"])
}

#[test]
fn edges_that_let_pods_ask_past_the_proxy_are_refused() {
    for to in ["cluster", "anywhere"] {
        assert!(one(stripe().edge(&format!("web -> {to}"), "1-1000/UDP")).contains("does not read along"));
    }
    let dns = stripe().peer("dns", "kube-system", "k8s-app=kube-dns");
    assert!(one(dns.edge("web -> dns", "53/UDP")).contains("`web -> dns`"));
    assert!(one(stripe().edge("slow -> cluster", "53/UDP")).contains("`slow -> cluster`"));
    let cache = stripe().with(|model| {
        model.profile.dns.peers = vec![DnsPeer::Address("169.254.20.10/32".parse().unwrap())];
    });
    assert!(one(cache.edge("web -> nodes", "53/UDP")).contains("`web -> nodes`"));
    let address = stripe().external("link", "169.254.0.0/16", "").with(|model| {
        model.profile.dns.peers = vec![DnsPeer::Address("169.254.20.10/32".parse().unwrap())];
    });
    assert!(one(address.edge("web -> link", "53/TCP")).contains("`web -> link`"));
}

#[test]
fn edges_of_other_pods_or_ports_are_not() {
    assert!(messages(stripe().edge("api -> cluster", "53/UDP")).is_empty());
    assert!(messages(stripe().edge("web -> cluster", "80/TCP 53/SCTP")).is_empty());
    assert!(messages(stripe().edge("web -> nodes", "53/UDP")).is_empty());
    assert!(messages(stripe().edge("web -> api", "53/UDP")).is_empty());
    assert!(messages(shop().edge("web -> cluster", "53/UDP")).is_empty());
}

#[test]
fn dns_on_a_range_of_ports_teaches_no_names() {
    let range = |model: &mut Model| model.profile.dns.ports[0].last = 60;
    assert!(one(stripe().with(range)).contains("range"));
    assert!(messages(shop().with(range)).is_empty());
}

/// What is refused here would not be proved either.
#[test]
fn the_proof_agrees_on_what_asks_past_the_proxy() {
    let model = stripe().edge("web -> cluster", "53/UDP").model();
    let policies = read_back(&render(&model));
    assert!(verify::prove(&model, Cilium.capabilities(), &Permitted::default(), &policies).is_err());
}

#[test]
fn a_guard_that_leaves_too_much_out_is_refused() {
    let guarded = |count: usize| {
        let except = (0..count).map(|n| format!("team-{n:05}").into()).collect();
        shop().with(|model| model.profile.default_deny = Some(except))
    };
    assert!(messages(guarded(5_000)).is_empty());
    assert!(one(guarded(10_000)).contains("cannot leave 10007 namespaces out in one object, as `default-deny` asks"));
    assert!(messages(guarded(10_000).with(|model| model.profile.staged = true)).is_empty(), "guards wait");
}
