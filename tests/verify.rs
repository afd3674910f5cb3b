//! Policies that somebody wrote by hand, each dialect in a style of its own, held against the example shop: they mean what
//! the intent means, and with one change of a word they do not.
//!
//! Beside what adds up there are tiers that end and pass, denials, conditions that no equality says, and lists of namespaces.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::support::{Project, Run, netpolc, repo};

fn by_hand(dialect: &str) -> String {
    std::fs::read_to_string(repo().join(format!("tests/verify/{dialect}.yaml"))).unwrap()
}

fn verify(policies: &str) -> Run {
    let project = Project::new();
    project.write("intents/app.toml", std::fs::read(repo().join("intents/app.toml")).unwrap());
    project.write("hand.yaml", policies);
    netpolc(project.dir(), &["verify", "hand.yaml"])
}

/// The text with one place changed.
fn with(dialect: &str, from: &str, to: &str) -> String {
    let text = by_hand(dialect);
    assert!(text.contains(from), "{dialect} has no {from}");
    text.replacen(from, to, 1)
}

fn assert_verified(dialect: &str, policies: &str) {
    let Run { code, stdout, stderr } = verify(policies);
    assert_eq!((code, stderr.as_str()), (0, ""), "{policies}");
    let first = stdout.lines().next().unwrap();
    assert_eq!(first, format!("verified: {dialect} allows exactly the 6 flows of 1 intent"));
}

#[test]
fn policies_of_any_style_are_proved() {
    for dialect in ["kubernetes", "calico", "cilium"] {
        assert_verified(dialect, &by_hand(dialect));
    }
}

#[test]
fn other_words_for_the_same_are_proved() {
    for (dialect, from, to) in [
        ("kubernetes", "- ports: [{port: 80}]", "- {from: [], ports: [{port: 80, endPort: 80, protocol: TCP}]}"),
        ("kubernetes", "  policyTypes: [Ingress, Egress]", "  policyTypes: [Egress, Ingress]\n  ingress: []"),
        // Pods without the label get no further than the last policy.
        ("calico", "  order: 10\n", "  order: 10\n  selector: has(app)\n"),
        // The end of a tier denies as the last policy does.
        ("calico", "  selector: app == 'postgres'\n", "  tier: platform\n  selector: app == 'postgres'\n"),
        ("calico", "protocol: 6\n", "protocol: TCP\n    notProtocol: 17\n"),
        (
            "cilium",
            "- endpointSelector: {matchExpressions:",
            "- enableDefaultDeny: {ingress: true}\n  endpointSelector: {matchExpressions:",
        ),
        // A denial by equalities takes away just what an allow adds.
        (
            "cilium",
            "    toPorts: [{ports: [{port: \"80\", protocol: TCP}]}]\n  egressDeny:\n",
            "    toPorts: [{ports: [{port: \"80\", protocol: TCP}, {port: \"81\", protocol: TCP}]}]\n  egressDeny:\n  - toPorts: [{ports: [{port: \"81\", protocol: TCP}]}]\n",
        ),
    ] {
        assert_verified(dialect, &with(dialect, from, to));
    }
}

/// Dialect, what is changed, into what, and the first message.
type Hole = (&'static str, &'static str, &'static str, &'static str);

const HOLES: [Hole; 15] = [
    (
        "kubernetes",
        "values: [api]",
        "values: [api, admin]",
        "frontend/web → backend/(app=admin) 80/TCP: intent denies (no edge), kubernetes allows",
    ),
    (
        "kubernetes",
        "operator: In, values: [web]",
        "operator: NotIn, values: [db]",
        "a node or any other source → frontend/(any other pod) 80/TCP: intent denies (no edge), kubernetes allows",
    ),
    (
        "kubernetes",
        "endPort: 53",
        "endPort: 54",
        "frontend/web → kube-system/(k8s-app=kube-dns) 54/TCP: intent denies (no edge), kubernetes allows",
    ),
    (
        "kubernetes",
        "- ports: [{port: 80}]",
        "- ports: [{port: http}]",
        "a node or any other source → frontend/web all/TCP: nobody can say whether kubernetes allows it",
    ),
    (
        "kubernetes",
        "namespace: db}\nspec:\n  podSelector: {}",
        "namespace: db}\nspec:\n  podSelector: {matchExpressions: [{key: app, operator: Exists}]}",
        "pods of `db` that no rule names may receive from anywhere: kubernetes has no default deny of ingress there",
    ),
    (
        "calico",
        "  - action: Deny\n    source: {namespaceSelector: \"kubernetes.io/metadata.name not in {'backend'}\"}\n",
        "",
        "a pod (app=api) of any namespace → db/postgres 5432/TCP: intent denies (no edge), calico allows",
    ),
    // In a policy of a namespace a selector stays in it, one of what is not meant too.
    (
        "calico",
        "{namespaceSelector: \"all()\", notSelector: \"app == 'api'\"}",
        "{notSelector: \"app == 'api'\"}",
        "frontend/web → backend/(app=other) 80/TCP: intent denies (no edge), calico allows",
    ),
    (
        "calico",
        "spec: {order: 100, ",
        "spec: {order: 2000000, ",
        "frontend/web → kube-system/(k8s-app=kube-dns) 53/TCP: intent allows (DNS of web), calico denies",
    ),
    (
        "calico",
        "  - action: Deny\n    protocol: UDP\n    destination: {notPorts: [53]}\n",
        "",
        "frontend/web → kube-system/(k8s-app=kube-dns) 1/UDP: intent denies (no edge), calico allows",
    ),
    (
        "calico",
        "in {'frontend', 'backend', 'db'}\n  selector: all()",
        "in {'frontend', 'backend', 'db', 'lab'}\n  selector: all()",
        "policy `rest` is for the namespace `lab`, which no intent manages",
    ),
    (
        "cilium",
        "operator: NotIn, values: [api]",
        "operator: In, values: [admin]",
        "frontend/web → backend/(any other pod) 80/TCP: intent denies (no edge), cilium allows",
    ),
    (
        "cilium",
        "values: [frontend, backend, db]",
        "values: [frontend, db]",
        "pods of `backend` that no rule names may receive from anywhere: cilium has no default deny of ingress there",
    ),
    (
        "cilium",
        "fromEntities: [all]",
        "fromEntities: [world]",
        "a node or any other source → frontend/web 80/TCP: intent allows (anywhere -> web), cilium denies",
    ),
    (
        "cilium",
        "{matchLabels: {io.kubernetes.pod.namespace: backend, app: api}}]\n    toPorts: [{ports: [{port: \"5432\"",
        "{matchLabels: {io.cilium.k8s.namespace.labels.team: backend, app: api}}]\n    toPorts: [{ports: [{port: \"5432\"",
        "a pod (app=api) of a namespace (team=backend) → db/postgres 5432/TCP: intent denies (no edge), cilium allows",
    ),
    (
        "cilium",
        "  egressDeny:",
        "  ingressDeny:\n  - fromCIDR: [203.0.113.0/24]\n  egressDeny:",
        "203.0.113.0 → frontend/web 80/TCP: intent allows (anywhere -> web), cilium denies",
    ),
];

#[test]
fn one_hole_is_told_by_a_flow_that_shows_it() {
    let mut wrong = vec![];
    for (dialect, from, to, message) in HOLES {
        let Run { code, stderr, .. } = verify(&with(dialect, from, to));
        let first = stderr.lines().next().unwrap_or_default();
        if (code, first) != (1, format!("error[NP702]: {message}").as_str()) {
            wrong.push(format!("{from} -> {to}\n  seen     {first}\n  expected {message}"));
        }
        assert!(!stderr.contains("template"), "nobody rendered it: {stderr}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One side alone opens nothing; the message says so, and what opens says that too.
#[test]
fn a_hole_on_one_side_is_no_open_connection() {
    let one = with("kubernetes", "values: [api]", "values: [api, admin]");
    assert!(verify(&one).stderr.contains("the other side still refuses it: the connection is not open"));
    let both = format!(
        "{one}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: admin, namespace: backend}}\n\
         spec: {{podSelector: {{matchLabels: {{app: admin}}}}, ingress: [{{}}]}}\n"
    );
    let stderr = verify(&both).stderr;
    assert!(stderr.contains("the other side allows it too: the connection is open"), "{stderr}");
}

/// Twenty labels that have nothing to do with each other make a million kinds of pods.
#[test]
fn too_many_overlaps_are_told_at_once() {
    let deny = |n: usize| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: deny-{n}, namespace: frontend}}\n\
             spec: {{podSelector: {{matchExpressions: [{{key: l{n}, operator: NotIn, values: [a]}}]}}}}\n"
        )
    };
    let policies: String = [by_hand("kubernetes")].into_iter().chain((0..20).map(deny)).collect();
    let Run { code, stderr, .. } = verify(&policies);
    let first = stderr.lines().next().unwrap();
    assert_eq!(code, 1);
    assert_eq!(
        first,
        "error[NP702]: the selectors of policies for pods of `frontend` overlap in more than 20000 ways, and not all were \
         looked at"
    );
    assert!(stderr.contains("select the tiers of a namespace by one label"), "{stderr}");
    assert!(stderr.contains("tiers there: web (app=web)"), "{stderr}");
}
