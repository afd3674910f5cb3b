//! HTTP rules.

use super::*;

#[test]
fn requests_are_looked_at_where_they_arrive() {
    let http = vec![
        HttpRule {
            method: Some("GET".into()),
            path: Some("/api/v1/products".into()),
            headers: vec![("x-tenant".into(), "blue".into()), ("x-trace".into(), "on: 1".into())],
        },
        HttpRule { method: Some("POST".into()), path: Some("/api/(v1|v2)/orders".into()), headers: vec![] },
    ];
    let files = proved(&with_http(shop().edge("web -> api", "80/TCP"), http).model());
    assert_eq!(
        rules(&files, "allow/back.yaml", "shop--api--ingress-from--web"),
        r#"  ingress:
    - fromEndpoints:
        - matchLabels:
            "k8s:io.kubernetes.pod.namespace": front
            "k8s:app": web
      toPorts:
        - ports:
            - port: "80"
              protocol: TCP
          rules:
            http:
              - method: GET
                path: "^/api/v1/products(\\?.*)?$"
                headers:
                  - "x-tenant: blue"
                  - "x-trace: on: 1"
              - method: POST
                path: "^(?:/api/(v1|v2)/orders)(\\?.*)?$""#
    );
    assert!(!rules(&files, "allow/front.yaml", "shop--web--egress-to--api").contains("rules:"));
}

#[test]
fn requests_to_what_is_not_managed_are_looked_at_where_they_leave() {
    let draft = shop().peer("legacy", "old", "app=legacy").edge("web -> legacy", "80/TCP");
    let files = proved(&with_http(draft, vec![get("/health")]).model());
    let text = rules(&files, "allow/front.yaml", "shop--web--egress-to--legacy");
    assert!(
        text.ends_with("            http:\n              - method: GET\n                path: \"^/health(\\\\?.*)?$\"")
    );
}

#[test]
fn each_field_of_a_request_may_stand_alone() {
    let rule = |method: Option<&str>, path: Option<&str>, headers: &[(&str, &str)]| HttpRule {
        method: method.map(Sym::from),
        path: path.map(Sym::from),
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
    };
    let http =
        vec![rule(None, None, &[("x-a", "b")]), rule(None, Some("/only/path"), &[]), rule(Some("M-SEARCH"), None, &[])];
    let files = proved(&with_http(shop().edge("web -> api", "80/TCP"), http).model());
    let text = rules(&files, "allow/back.yaml", "shop--api--ingress-from--web");
    for entry in [
        "              - headers:\n                  - \"x-a: b\"\n",
        "              - path: ",
        "              - method: M-SEARCH",
    ] {
        assert!(text.contains(entry), "{entry} in {text}");
    }
}

#[test]
fn forty_one_ports_are_two_entries_and_both_have_the_rules() {
    let ports: Vec<String> = (0..41).map(|n| format!("{}/TCP", 1000 + 2 * n)).collect();
    let files = proved(&with_http(shop().edge("web -> api", &ports.join(" ")), vec![get("/a")]).model());
    let text = rules(&files, "allow/back.yaml", "shop--api--ingress-from--web");
    assert_eq!(text.matches("        - ports:\n").count(), 2);
    assert_eq!(text.matches("            http:\n").count(), 2);
}

#[test]
fn the_reader_takes_no_other_path_for_the_intents() {
    let model = with_http(shop().edge("web -> api", "80/TCP"), vec![get("/api")]).model();
    for other in ["/api.*", "^/api$", "^/ap(\\\\?.*)?$", "^(?:/api|/b)(\\\\?.*)?$", "^/api(\\\\?.*)?"] {
        let mut files = render(&model);
        let text = files.get_mut("allow/back.yaml").unwrap();
        *text = text.replace("\"^/api(\\\\?.*)?$\"", &format!("\"{other}\""));
        let policies = read_back(&files);
        let proof = verify::prove(&model, Cilium.capabilities(), &Permitted::default(), &policies);
        assert!(proof.is_err(), "{other}");
    }
}

/// As it is, `/.*/public` would let `/admin?/public` through, and `/v1.json` the path `/v1`.
#[test]
fn a_path_ends_where_the_query_begins() {
    let paths = ["/.*/public", "/v1.json", "/users/[^/]+/profile", "/[^\\]\\-]", "/a(b|.)?"];
    let model = with_http(shop().edge("web -> api", "80/TCP"), paths.iter().map(|path| get(path)).collect()).model();
    let files = proved(&model);
    let text = rules(&files, "allow/back.yaml", "shop--api--ingress-from--web");
    for path in ["/[^?]*/public", "/v1[^?]json", "/users/[^?/]+/profile", "/[^?\\\\]\\\\-]", "/a(b|[^?])?"] {
        assert!(text.contains(&format!("path: \"^(?:{path})(\\\\?.*)?$\"")), "{path} in {text}");
    }
    let mut files = render(&model);
    let text = files.get_mut("allow/back.yaml").unwrap();
    *text = text.replace("/[^?]*/public", "/.*/public");
    let policies = read_back(&files);
    assert!(verify::prove(&model, Cilium.capabilities(), &Permitted::default(), &policies).is_err());
}
