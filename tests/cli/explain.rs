//! `netpolc explain`: 0 allowed, 1 denied, 2 no answer; and what it advises works.

use super::run;
use crate::support::{Project, Run, repo, tree};

/// Two apps, of which one is written in one value each; a peer, externals, metrics, and a tier in two namespaces.
const SHOP: &str = r#"app   = "shop"
owner = "storefront"

[tiers]
web   = { namespace = "front", pods = { app = "web" }, ports = [80] }
api   = { namespace = "back",  pods = { app = "api" }, ports = { http = 8080 }, metrics = [9090] }
cache = { namespace = "back",  pods = { app = "cache" }, ports = [6379], dns = false }

[peers]
prometheus = { namespace = "monitoring", pods = { app = "prometheus" } }

[external]
payments = { fqdns = ["api.stripe.com"], cidrs = ["203.0.113.0/24"], ports = [443] }

[[allow]]
from = "anywhere"
to   = "web"
why  = "public shop front"

[[allow]]
from = "web"
to   = "api"
http = [{ method = "GET", path = "/products" }]
why  = "the front calls the API"

[[allow]]
from = "api"
to   = "payments"
why  = "cards are charged"

[[forbid]]
from = "web"
to   = "cache"
why  = "the front never sees the cache"
"#;

const JOBS: &str = r#"app = "jobs"
allow = [
  { from = "worker", to = "shop/api", why = "jobs ask the API" },
]

[tiers]
worker = { namespace = ["jobs-eu", "jobs-us"], pods = { app = "worker" } }
web    = { namespace = "jobs-eu", pods = { app = "web" }, ports = [80] }
"#;

fn project() -> Project {
    let project = Project::new();
    project.write("netpolc.toml", "approximate.kubernetes = [\"http-as-l4\"]\napproximate.calico = [\"http-as-l4\"]\n");
    project.write("intents/shop.toml", SHOP);
    project.write("intents/jobs.toml", JOBS);
    project
}

/// The answer to a question about a project that was not built, and that is left as it was.
fn explain(project: &Project, question: &str) -> Run {
    let before = tree(project.dir());
    let answer = run(project, &format!("explain {question}"));
    assert_eq!(tree(project.dir()), before, "{question}: something was written");
    answer
}

fn first_line(answer: &Run) -> &str {
    answer.stdout.lines().next().unwrap_or(&answer.stderr)
}

/// Questions, exit codes and first lines.
#[test]
fn the_first_line_and_the_exit_code_tell_the_verdict() {
    let project = project();
    let both = "allowed for 8080/TCP (kubernetes, calico); allowed for 8080/TCP (GET /products) (cilium)";
    for (question, code, line) in [
        ("shop/web api", 0, format!("front/web → back/api: {both}")),
        ("front/web back/api 80", 1, "front/web → back/api 80/TCP: denied".to_owned()),
        (
            "front/app=web,track=canary shop/api tcp/8080 --dialect calico",
            0,
            "front/app=web,track=canary → back/api 8080/TCP: allowed".into(),
        ),
        ("front/app=other api 8080", 1, "front/app=other → back/api 8080/TCP: denied".into()),
        ("front/* api 8080", 1, "front/* → back/api 8080/TCP: denied".into()),
        (
            "shop/web api http --dialect cilium",
            0,
            "front/web → back/api 8080/TCP: allowed for GET /products alone".into(),
        ),
        (
            "shop/web api 8000-8100/TCP --dialect kubernetes",
            1,
            "front/web → back/api 8000-8100/TCP: allowed for 8080/TCP alone".into(),
        ),
        ("worker api 8080", 0, "jobs/worker → back/api 8080/TCP: allowed".into()),
        ("jobs-us/worker api 8080", 0, "jobs-us/worker → back/api 8080/TCP: allowed".into()),
        ("prometheus api 9090", 1, "monitoring/prometheus → back/api 9090/TCP: denied".into()),
        (
            "monitoring/app.kubernetes.io/name=prometheus api 9090",
            0,
            "monitoring/app.kubernetes.io/name=prometheus → back/api 9090/TCP: allowed".into(),
        ),
        (
            "api kube-system/k8s-app=kube-dns UDP/53",
            0,
            "back/api → kube-system/k8s-app=kube-dns 53/UDP: allowed".into(),
        ),
        (
            "cache kube-system/k8s-app=kube-dns 53/UDP",
            1,
            "back/cache → kube-system/k8s-app=kube-dns 53/UDP: denied".into(),
        ),
        ("anywhere shop/web 80", 0, "anywhere → front/web 80/TCP: allowed".into()),
        ("198.51.100.7 shop/web 80", 0, "198.51.100.7 → front/web 80/TCP: allowed".into()),
        ("198.51.100.7 shop/api", 1, "198.51.100.7 → back/api: denied".into()),
        ("api 203.0.113.9 443", 0, "back/api → 203.0.113.9 443/TCP: allowed".into()),
        (
            "api fqdn:api.stripe.com 443",
            1,
            "back/api → api.stripe.com 443/TCP: denied (kubernetes, calico); allowed (cilium)".into(),
        ),
        ("api fqdn:api.stripe.com=203.0.113.9 443", 0, "back/api → api.stripe.com 443/TCP: allowed".into()),
        ("api internet 443", 1, "back/api → internet 443/TCP: denied".into()),
        ("a/b=c d/e=f 1", 0, "a/b=c → d/e=f 1/TCP: allowed".into()),
    ] {
        let answer = explain(&project, question);
        assert_eq!((answer.code, first_line(&answer)), (code, line.as_str()), "{question}\n{}", answer.stdout);
    }
}

#[test]
fn both_sides_name_their_policies_and_lines_and_the_intent_its_own() {
    let project = project();
    let built = run(&project, "build");
    assert_eq!(built.code, 0, "{}", built.stderr);
    let answer = explain(&project, "shop/web api 8080 --dialect kubernetes");
    assert_eq!(answer.stderr, "");
    let expected = "\
front/web → back/api 8080/TCP: allowed

kubernetes: allowed
  source       shop--web--egress-to--api lets it out (out/kubernetes/allow/front.yaml:56)
  destination  shop--api--ingress-from--web lets it in (out/kubernetes/allow/back.yaml:121)

asked for by web -> api (intents/shop.toml:21, storefront): the front calls the API
exact except: kubernetes http-as-l4 (wider): web -> api: GET /products
";
    assert_eq!(answer.stdout, expected);
    // Each place is where the policy of that name says it.
    for (path, line, name) in
        [("front", 56, "shop--web--egress-to--api"), ("back", 121, "shop--api--ingress-from--web")]
    {
        let text = project.read(&format!("out/kubernetes/allow/{path}.yaml"));
        let above = text.lines().take(line).collect::<Vec<_>>().join("\n");
        let policy = above.rsplit("\n---\n").next().unwrap();
        assert!(policy.contains(&format!("name: {name}\n")), "{path}:{line}: {policy}");
    }
}

#[test]
fn what_is_denied_names_who_denies_it_who_forbids_it_and_what_to_add() {
    let answer = explain(&project(), "shop/web cache 6379 --dialect calico");
    let expected = "\
front/web → back/cache 6379/TCP: denied

calico: denied
  source       no rule lets it out: front--netpolc--default-deny denies it (out/calico/baseline/front.yaml:2)
  destination  no rule lets it in: back--netpolc--default-deny denies it (out/calico/baseline/back.yaml:2)

intents: nothing asks for it

stands against it: forbidden: web -> cache (intents/shop.toml:32)
  a pod labelled app=web in namespace front could reach a pod labelled app=cache in namespace back on 6379/TCP
  the forbid says why: the front never sees the cache
  change what allows it, or the forbid; a forbid cannot be waived

to allow it, once that is settled, add to intents/shop.toml:

  [[allow]]
  from = \"web\"
  to   = \"cache\"
  why  = \"…\"
";
    assert_eq!((answer.code, answer.stdout.as_str()), (1, expected));
    assert!(answer.stderr.contains("note: out/ is not written yet"), "{}", answer.stderr);
}

/// What is advised, added as it says, builds and allows the flow.
#[test]
fn what_is_advised_works() {
    for question in [
        "shop/web api 9000",
        "api cache",
        "api cache 6379/UDP",
        "worker cache 6379",
        "jobs-eu/web shop/web",
        "shop/web jobs-eu/web",
        "front/app=new,track=canary api http",
        "api jobs-us/app.kubernetes.io/name=sink 8000-8100/TCP",
        "prometheus api 9090",
        "worker shop/prometheus 9090",
        "tools/app=debugger api 22",
        "tools/* worker 22",
        "api logs/app=collector 24224",
        "api payments 8443 --dialect cilium",
        "jobs-eu/web shop/payments 443 --dialect cilium",
        "jobs-eu/web 198.51.100.7 443",
        "api 2001:db8::7 443",
        "198.51.100.7 api",
        "anywhere api 8080",
        "api internet 443",
        "api anywhere 80",
        "api fqdn:api.example.com 443 --dialect cilium",
        "jobs-eu/web kube-apiserver 443 --dialect cilium",
    ] {
        let project = project();
        if question.contains("cilium") {
            project.write("netpolc.toml", "dialects = [\"cilium\"]\n");
        }
        let before = explain(&project, question);
        assert_eq!(before.code, 1, "{question}: {}", before.stdout);
        let json = explain(&project, &format!("{question} --format json"));
        let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        let flow = &json["answers"][0]["flows"][0];
        assert_eq!(flow["obstacles"], serde_json::json!([]), "{question}");
        let add = flow["add"].as_array().unwrap();
        assert!(!add.is_empty(), "{question}: {}", before.stdout);
        for snippet in add {
            let (path, toml) = (snippet["path"].as_str().unwrap(), snippet["toml"].as_str().unwrap());
            for line in toml.lines().filter(|line| !line.is_empty()) {
                assert!(before.stdout.contains(line), "{question}: {line} is not in\n{}", before.stdout);
            }
            let text = project.read(path);
            let text = match snippet["inside"].as_str() {
                Some(key) => text.replacen(&format!("{key} = [\n"), &format!("{key} = [\n{toml}\n"), 1),
                None => text + "\n" + toml,
            };
            project.write(path, text);
        }
        let built = run(&project, "build");
        assert_eq!(built.code, 0, "{question}: {}", built.stderr);
        let after = explain(&project, question);
        assert_eq!(after.code, 0, "{question}: {}", after.stdout);
    }
}

#[test]
fn without_ports_nothing_is_advised_that_opens_them_all() {
    let answer = explain(&project(), "shop/web worker");
    assert_eq!(answer.code, 1);
    assert!(answer.stdout.contains("name a PORT"), "{}", answer.stdout);
    assert!(!answer.stdout.contains("[[allow]]"), "{}", answer.stdout);
}

#[test]
fn a_cycle_is_told_before_it_is_made() {
    let answer = explain(&project(), "api shop/web 80");
    assert!(answer.stdout.contains("stands against it: cycle: "), "{}", answer.stdout);
    // What allows the other side alone is told.
    assert!(answer.stdout.contains("public shop front [the destination's side alone]"), "{}", answer.stdout);
}

#[test]
fn dns_needs_no_edge() {
    let answer = explain(&project(), "cache kube-system/k8s-app=kube-dns 53/UDP");
    assert!(answer.stdout.contains("`cache` has no DNS: where `dns = false` goes"), "{}", answer.stdout);
    let asked = explain(&project(), "api kube-system/k8s-app=kube-dns 53/UDP");
    assert!(asked.stdout.contains("asked for by DNS of api (intents/shop.toml:6, storefront)\n"), "{}", asked.stdout);
}

#[test]
fn ends_that_nobody_polices_are_told() {
    let answer = explain(&project(), "a/b=c d/e=f");
    assert!(
        answer.stdout.contains("\nkubernetes, calico, cilium: allowed for all, ICMP and other protocols\n"),
        "{}",
        answer.stdout
    );
    assert!(
        answer.stdout.contains("source       not policed: no intent manages the namespace a\n"),
        "{}",
        answer.stdout
    );
}

#[test]
fn a_guard_that_denies_is_told_with_its_place() {
    let project = project();
    project.write(
        "netpolc.toml",
        "dialects = [\"cilium\"]\n[cluster.guards]\ndefault-deny = true\nmetadata-deny = true\n",
    );
    let alone = explain(&project, "a/b=c d/e=f 80");
    assert_eq!(alone.code, 1, "{}", alone.stdout);
    assert!(
        alone.stdout.contains("the guard `default-deny` (netpolc.toml:3) denies what pods of namespace `a` send"),
        "{}",
        alone.stdout
    );
    let scraper = explain(&project, "monitoring/app.kubernetes.io/name=prometheus api 9090");
    assert_eq!(scraper.code, 1, "{}", scraper.stdout);
    assert!(scraper.stdout.contains("asked for by metrics of api"), "{}", scraper.stdout);
    assert!(!scraper.stdout.contains("[[allow]]"), "its own side is asked for already: {}", scraper.stdout);
    let metadata = explain(&project, "api 169.254.169.254 80");
    assert!(metadata.stdout.contains("metadata-deny denies it (out/cilium/baseline/"), "{}", metadata.stdout);
    assert!(metadata.stdout.contains("the project file denies it"), "{}", metadata.stdout);
}

#[test]
fn every_cluster_has_its_answer() {
    let project = project();
    let settings = "dialects = [\"cilium\"]\n[clusters.eu]\nscrapers = { namespace = \"watch\", pods = { app = \"prometheus\" } }\n[clusters.us]\n";
    project.write("netpolc.toml", settings);
    let both = explain(&project, "watch/app=prometheus api 9090");
    assert_eq!(both.code, 1, "{}", both.stdout);
    for line in [
        "eu: watch/app=prometheus → back/api 9090/TCP: allowed",
        "us: watch/app=prometheus → back/api 9090/TCP: denied",
    ] {
        assert!(both.stdout.lines().any(|said| said == line), "{line}: {}", both.stdout);
    }
    assert_eq!(explain(&project, "watch/app=prometheus api 9090 --cluster eu").code, 0);
}

#[test]
fn a_tier_of_several_namespaces_is_told_by_namespace_where_they_differ() {
    let answer = explain(&project(), "worker api 8080 --dialect kubernetes");
    assert!(answer.stdout.contains("\njobs-eu/worker → back/api\n"), "{}", answer.stdout);
    assert!(answer.stdout.contains("(out/kubernetes/allow/jobs-us.yaml:"), "{}", answer.stdout);
}

#[test]
fn what_is_on_disk_does_not_count_and_is_told_where_it_differs() {
    let project = project();
    assert_eq!(run(&project, "build").code, 0);
    assert_eq!(explain(&project, "shop/web api 8080").stderr, "");
    project.write("intents/shop.toml", SHOP.replace("http = 8080", "http = 8081"));
    let changed = explain(&project, "shop/web api 8081");
    assert_eq!(changed.code, 0, "{}", changed.stdout);
    assert!(changed.stderr.contains("note: out/ differs from the intents"), "{}", changed.stderr);
}

#[test]
fn words_that_name_nothing_or_too_much_exit_with_two() {
    let project = project();
    for (question, told) in [
        ("web api", "`web` is ambiguous: it is `jobs/web` or `shop/web`"),
        ("shop/wbe api", "did you mean `shop/web`?"),
        ("nobody api", "nothing is called `nobody`; write a name of the intents"),
        ("shop/web 203.0.113.0/24", "is a range: name one address of it"),
        ("shop/web api htpp", "`back/api` names no port `htpp`; did you mean `http`?"),
        ("shop/web api 70000", "out of range"),
        ("shop/web api 80/ICMP", "`80/ICMP`"),
        ("fqdn:a.example.com api", "cannot be the source"),
        ("shop/web fqdn:*.example.com", "is a pattern"),
        ("front/app=web,app=api api", "label `app` has two values"),
        ("front/=web api", "a label key is empty"),
        ("Front/app=web api", "`Front` is no valid namespace"),
        ("shop/web nodes", "write `node-cidrs` under `[cluster]`"),
        ("shop/web", "required arguments"),
        ("shop/web api 80 --dialect istio", "there is no dialect `istio`"),
        ("shop/web api --cluster eu", "there is no cluster `eu`"),
    ] {
        let answer = explain(&project, question);
        assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{question}");
        assert!(answer.stderr.contains(told), "{question}: {}", answer.stderr);
    }
    project.write("netpolc.toml", "[cluster]\npod-cidrs = [\"10.244.0.0/16\"]\n");
    let broken = explain(&project, "shop/web 10.244.1.2");
    assert_eq!(broken.code, 2, "intents that do not compile give no answer: {}", broken.stdout);
    assert!(broken.stderr.contains("there is no answer as long as the intents do not compile"), "{}", broken.stderr);
    project.write("netpolc.toml", "dialects = [\"cilium\"]\n[cluster]\npod-cidrs = [\"10.244.0.0/16\"]\n");
    let pod = explain(&project, "shop/web 10.244.1.2");
    assert!(pod.stderr.contains("`10.244.1.2` is the address of a pod"), "{}", pod.stderr);
}

/// Every edge of the examples is allowed where it says so.
#[test]
fn the_examples_allow_what_they_ask_for() {
    let project = Project::with_settings();
    for (path, bytes) in tree(&repo().join("intents")) {
        project.write(&format!("intents/{}", path.display()), bytes);
    }
    for (question, code) in [
        ("frontend/web backend/api 80", 0),
        ("frontend/web db/postgres 5432", 1),
        ("boutique/frontend redis-cart 6379", 1),
        ("cartservice redis-cart", 0),
        ("tenant tenant all", 0),
        ("store/worker warehouse 8443", 0),
        ("store/worker ntp", 0),
        ("store/web log-collector", 0),
        ("production/api internet 443", 0),
        ("zero-trust/database zero-trust/frontend 80", 1),
    ] {
        let answer = explain(&project, question);
        assert_eq!(answer.code, code, "{question}: {}{}", answer.stdout, answer.stderr);
    }
}
