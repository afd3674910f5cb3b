//! What stands above ports, held by its words.

use super::given::{given, wrong};
use super::*;

/// The HTTP rules of an entry of `toPorts` on a port of TCP.
fn http(above: &str) -> Vec<HttpRule> {
    given(&entry(above)).remove(0).rules.remove(0).http
}

fn entry(above: &str) -> String {
    format!("egress:\n- toPorts: [{{ports: [{{port: \"80\", protocol: TCP}}], {above}}}]")
}

fn rule(method: Option<&str>, path: Option<&str>, headers: &[(&str, &str)]) -> HttpRule {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    HttpRule { method: method.map(Into::into), path: path.map(Into::into), headers }
}

#[test]
fn requests_are_held_as_they_are_written() {
    assert_eq!(
        http("rules: {http: [{method: GET|PUT, path: \"/u/{id}\"}]}"),
        [rule(Some("GET|PUT"), Some("/u/{id}"), &[])]
    );
    assert_eq!(http("rules: {http: [{}]}"), [rule(None, None, &[])]);
    assert_eq!(http("rules: {http: [{path: \"\", method: \"\"}]}"), [rule(None, None, &[])]);
    let headers = "rules: {http: [{host: \"a[.]b\", headers: [X-A, \"X-B: c d\"], headerMatches: [{name: D, value: e}, {name: F, mismatch: LOG}]}]}";
    assert_eq!(http(headers), [rule(None, None, &[(":authority", "a[.]b"), ("d", "e"), ("x-a", ""), ("x-b", "c d")])]);
}

#[test]
fn empty_rules_restrict_nothing() {
    for above in
        ["rules: {http: []}", "rules: {dns: []}", "rules: {kafka: []}", "rules: {l7proto: \"\"}", "serverNames: []"]
    {
        assert_eq!(http(above), [], "{above}");
    }
}

#[test]
fn what_is_no_http_is_held_by_words_that_no_intent_has() {
    for (above, held) in [
        ("serverNames: [A.b]", (":server-name", "a.b")),
        ("rules: {kafka: [{role: produce, topic: t}]}", (":kafka", "role=produce topic=t")),
        ("rules: {l7proto: r2d2, l7: [{cmd: READ, file: x}]}", (":l7proto", "r2d2 cmd=READ file=x")),
        ("rules: {l7proto: r2d2}", (":l7proto", "r2d2")),
        (
            "listener: {name: l, envoyConfig: {kind: CiliumEnvoyConfig, name: c}}",
            (":listener", "CiliumEnvoyConfig/c/l"),
        ),
        ("terminatingTLS: {secret: {name: s, namespace: ns}}", (":tls-ends-here", "ns/s")),
        ("originatingTLS: {secret: {name: s}}", (":tls-starts-here", "s")),
        ("rules: {dns: [{matchName: A.b.}]}", (":dns-question", "a.b")),
    ] {
        assert_eq!(http(above), [rule(None, None, &[held])], "{above}");
    }
    let both = "serverNames: [a.b, c.d], terminatingTLS: {secret: {name: s}}, rules: {http: [{method: GET}]}";
    assert_eq!(http(both).len(), 2);
    assert!(http(both).iter().all(|rule| rule.method.is_some() && rule.headers.len() == 2));
}

#[test]
fn every_question_beside_others_is_every_question() {
    let rules =
        "egress:\n- toPorts: [{ports: [{port: \"53\"}], rules: {dns: [{matchName: a.b}, {matchPattern: \"*\"}]}}]";
    let rule = given(rules).remove(0).rules.remove(0);
    assert!(rule.dns_proxy && rule.http.is_empty());
    let some = given(&rules.replace("\"*\"", "\"*.c\"")).remove(0).rules.remove(0);
    assert!(!some.dns_proxy && some.http.len() == 2);
}

#[test]
fn authentication_is_a_condition_on_everything() {
    let rule_of = |mode: &str| {
        given(&format!("ingress:\n- fromEntities: [all]\n  authentication: {{mode: {mode}}}")).remove(0).rules.remove(0)
    };
    assert_eq!(rule_of("required").http, [rule(None, None, &[(":authentication", "required")])]);
    assert!(rule_of("disabled").http.is_empty());
    assert!(wrong("ingress:\n- authentication: {mode: maybe}").contains("no mode"));
    assert!(wrong("ingressDeny:\n- authentication: {mode: required}").contains("of a denial"));
}

#[test]
fn what_agents_do_not_take_is_refused() {
    for (above, words) in [
        ("rules: {}", "of no kind"),
        ("rules: {http: [{}], dns: [{matchPattern: \"*\"}]}", "of several"),
        ("rules: {http: [{path: \"/a(b\"}]}", "no regular expression"),
        ("rules: {http: [{headerMatches: [{value: a}]}]}", "`name` of a header"),
        ("rules: {http: [{headerMatches: [{name: a, mismatch: DROP}]}]}", "mismatch"),
        ("rules: {l7: [{a: b}]}", "of no kind"),
        ("rules: {kafka: [{role: produce, apiKey: fetch}]}", "beside `apiKey`"),
        ("serverNames: [a.b], rules: {http: [{}]}", "without `terminatingTLS`"),
        ("serverNames: [\"\"]", "no name of a server"),
        ("listener: {name: l, envoyConfig: {name: c}}, rules: {http: [{}]}", "a `listener` on ingress or beside"),
        ("listener: {name: l}", "a `listener` without"),
        ("terminatingTLS: {}", "`secret` of TLS"),
    ] {
        let message = wrong(&entry(above));
        assert!(message.contains(words), "{above}: {message}");
    }
    let listener = entry("listener: {name: l, envoyConfig: {name: c}}").replace("egress", "ingress");
    assert!(wrong(&listener).contains("on ingress"));
    assert!(wrong(&entry("serverNames: [a.b]").replace("egress", "egressDeny")).contains("above a denial"));
    let of_nodes = clusterwide(
        "nodeSelector: {}\ningress:\n- toPorts: [{ports: [{port: \"80\", protocol: TCP}], rules: {http: [{}]}}]",
    );
    assert!(super::given::readings_of(&of_nodes, &[]).unwrap_err()[0].contains("of nodes"));
}
