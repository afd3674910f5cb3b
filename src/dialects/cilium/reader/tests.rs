//! What is read, and what is refused.

mod above;
mod given;
mod peers;
mod refused;
mod selectors;

use super::read;
use crate::model::{Direction, HttpRule, Labels, Protocol};
use crate::source::Sources;
use crate::verify::normal::{self, End, Entity, File, Namespaces, Peer, Ports};
use crate::verify::sum::{self, Policy, Scope};

/// Files of one folder, and their errors: line and message.
fn read_files(files: &[(&str, &str)]) -> Result<Vec<File>, Vec<(usize, String)>> {
    let mut sources = Sources::default();
    let ids: Vec<_> =
        files.iter().map(|(name, text)| sources.add(format!("out/cilium/allow/{name}"), (*text).to_owned())).collect();
    read(&sources, &ids).map_err(|errors| {
        let show = |d: &crate::diag::Diagnostic| {
            assert!(!d.help.is_empty(), "{}", d.message);
            (sources.line_col(d.primary.as_ref().unwrap().span).0, d.message.clone())
        };
        errors.iter().map(show).collect()
    })
}

/// What policies are, one by one.
fn normal(text: &str) -> Result<Vec<normal::Policy>, Vec<(usize, String)>> {
    read_files(&[("shop.yaml", text)]).map(|mut files| files.remove(0).policies)
}

/// What policies add up to.
fn read_text(text: &str) -> Result<Vec<Policy>, Vec<(usize, String)>> {
    let sums = sum::of(&normal(text)?);
    assert!(sums.ordered.is_empty() && !sums.everywhere, "{sums:?}");
    Ok(sums.policies)
}

fn indented(spec: &str) -> String {
    spec.lines().map(|line| format!("  {line}\n")).collect()
}

/// A CiliumNetworkPolicy with this spec.
fn namespaced(spec: &str) -> String {
    let head = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: p\n  namespace: shop\nspec:\n";
    format!("{head}{}", indented(spec))
}

/// A CiliumClusterwideNetworkPolicy with this spec.
fn clusterwide(spec: &str) -> String {
    let head = "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata:\n  name: p\nspec:\n";
    format!("{head}{}", indented(spec))
}

/// A CiliumCIDRGroup with these ranges.
fn group(name: &str, cidrs: &[&str]) -> String {
    let cidrs: String = cidrs.iter().map(|cidr| format!("  - {cidr}\n")).collect();
    format!(
        "apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\nmetadata:\n  name: {name}\nspec:\n  externalCIDRs:\n{cidrs}"
    )
}

fn one(text: &str) -> Policy {
    let mut policies = read_text(text).unwrap();
    assert_eq!(policies.len(), 1, "{policies:?}");
    policies.remove(0)
}

/// The policy of a spec that selects every pod.
fn of(rules: &str) -> Policy {
    one(&namespaced(&format!("endpointSelector: {{}}\n{rules}")))
}

/// The peers of the one rule.
fn peers(rules: &str) -> Vec<Peer> {
    let policy = of(rules);
    assert_eq!(policy.rules.len(), 1, "{policy:?}");
    policy.rules.into_iter().flat_map(|rule| rule.peers).collect()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
}

fn pods(namespace: &str, pairs: &[(&str, &str)]) -> Peer {
    Peer::Pods { namespaces: Namespaces::Named(namespace.into()), labels: labels(pairs) }
}

fn block(cidr: &str, except: &[&str]) -> Peer {
    let except = except.iter().map(|range| range.parse().unwrap()).collect();
    Peer::Block { cidr: cidr.parse().unwrap(), except }
}

fn tcp(first: u16, last: u16) -> Ports {
    Ports { protocol: Protocol::Tcp, first, last }
}

const BOTH: [Direction; 2] = [Direction::Ingress, Direction::Egress];

#[test]
fn an_empty_rule_allows_nothing_and_isolates_its_direction() {
    let policy = of("ingress:\n- {}\negress:\n- {}");
    assert!(policy.rules.is_empty() && policy.isolates == BOTH && !policy.staged);
    assert_eq!(of("ingress:\n- {}").isolates, [Direction::Ingress]);
}

#[test]
fn an_empty_list_of_rules_isolates_nothing() {
    let policy = of("ingress: []\negress:\n- {}");
    assert!(policy.rules.is_empty() && policy.isolates == [Direction::Egress]);
}

#[test]
fn no_list_of_peers_is_everyone_where_there_are_ports_and_an_empty_one_nobody() {
    assert_eq!(peers("ingress:\n- toPorts:\n  - ports:\n    - port: \"80\"\n      protocol: TCP"), [Peer::Anyone]);
    let nobody = of("ingress:\n- fromEndpoints: []\n  toPorts:\n  - ports:\n    - port: \"80\"");
    assert!(nobody.rules.is_empty() && nobody.isolates == [Direction::Ingress]);
    assert!(of("ingress:\n- toPorts: []").rules.is_empty());
}

#[test]
fn a_selector_without_namespace_stays_in_the_policys_own() {
    assert_eq!(peers("ingress:\n- fromEndpoints:\n  - {}"), [pods("shop", &[])]);
    assert_eq!(
        peers("ingress:\n- fromEndpoints:\n  - matchLabels:\n      app: web"),
        [pods("shop", &[("app", "web")])]
    );
}

#[test]
fn keys_may_name_kubernetes_or_any_source() {
    for source in ["", "k8s:", "any:"] {
        let rules = format!(
            "ingress:\n- fromEndpoints:\n  - matchLabels:\n      {source}app: web\n      {source}io.kubernetes.pod.namespace: back"
        );
        assert_eq!(peers(&rules), [pods("back", &[("app", "web")])]);
    }
}

#[test]
fn labels_of_namespaces_lift_the_limit_to_the_own_one() {
    let key = "k8s:io.cilium.k8s.namespace.labels";
    let of_team = peers(&format!("ingress:\n- fromEndpoints:\n  - matchLabels:\n      {key}.team: ops"));
    let labelled = |pairs| Peer::Pods { namespaces: Namespaces::Labelled(labels(pairs)), labels: Labels::default() };
    assert_eq!(of_team, [labelled(&[("team", "ops")])]);
    let named = format!("ingress:\n- fromEndpoints:\n  - matchLabels:\n      {key}.kubernetes.io/metadata.name: back");
    assert_eq!(peers(&named), [pods("back", &[])]);
    let both = format!("{named}\n      {key}.team: ops");
    assert_eq!(peers(&both), [labelled(&[("kubernetes.io/metadata.name", "back"), ("team", "ops")])]);
}

#[test]
fn any_namespace_is_every_namespace() {
    let rules = "ingress:\n- fromEndpoints:\n  - matchExpressions:\n    - key: k8s:io.kubernetes.pod.namespace\n      operator: Exists\n    matchLabels:\n      app: web";
    let every = Peer::Pods { namespaces: Namespaces::Labelled(Labels::default()), labels: labels(&[("app", "web")]) };
    assert_eq!(peers(rules), [every]);
}

#[test]
fn a_clusterwide_policy_means_pods_of_every_namespace() {
    let every = |pairs| Peer::Pods { namespaces: Namespaces::Labelled(Labels::default()), labels: labels(pairs) };
    let spec = "endpointSelector:\n  matchLabels:\n    app: web\ningress:\n- fromEndpoints:\n  - {}\n  - matchLabels:\n      app: api";
    let policy = one(&clusterwide(spec));
    assert_eq!(policy.rules[0].peers, [every(&[]), every(&[("app", "api")])]);
    assert!(policy.cluster_scoped);
    assert_eq!((policy.scope, policy.subject), (Scope::AllBut([].into()), labels(&[("app", "web")])));
}

#[test]
fn a_clusterwide_subject_is_one_namespace_or_all_but_some() {
    let scope = |selector: &str| one(&clusterwide(&format!("{selector}\negress:\n- {{}}"))).scope;
    let key = "k8s:io.kubernetes.pod.namespace";
    assert_eq!(scope(&format!("endpointSelector:\n  matchLabels:\n    {key}: back")), Scope::Namespace("back".into()));
    let any = format!("endpointSelector:\n  matchExpressions:\n  - key: {key}\n    operator: Exists");
    assert_eq!(scope(&any), Scope::AllBut([].into()));
    let some = format!("{any}\n  - key: {key}\n    operator: NotIn\n    values: [kube-system, legacy]");
    assert_eq!(scope(&some), Scope::AllBut(["kube-system".into(), "legacy".into()].into()));
}

#[test]
fn the_own_namespace_may_be_written_in_a_subject() {
    let spec =
        "endpointSelector:\n  matchLabels:\n    app: web\n    k8s:io.kubernetes.pod.namespace: shop\ningress:\n- {}";
    let policy = one(&namespaced(spec));
    assert_eq!((policy.scope, policy.subject), (Scope::Namespace("shop".into()), labels(&[("app", "web")])));
    assert!(!policy.cluster_scoped);
}

#[test]
fn entities_are_what_they_are() {
    let entity = |word: &str| peers(&format!("ingress:\n- fromEntities:\n  - {word}"));
    assert_eq!(entity("all"), [Peer::Anyone]);
    assert_eq!(entity("world"), [block("0.0.0.0/0", &[]), block("::/0", &[])]);
    let cluster = entity("cluster");
    assert_eq!(cluster.len(), 1 + Entity::ALL.len());
    assert!(matches!(&cluster[0], Peer::Pods { namespaces: Namespaces::Labelled(labels), .. } if labels.is_empty()));
    for (word, one) in [
        ("host", Entity::Host),
        ("remote-node", Entity::RemoteNode),
        ("kube-apiserver", Entity::ApiServer),
        ("ingress", Entity::Ingress),
        ("health", Entity::Health),
        ("init", Entity::Init),
        ("unmanaged", Entity::Unmanaged),
    ] {
        assert_eq!(entity(word), [Peer::Entity(one)]);
    }
    assert!(of("ingress:\n- fromEntities: [none]").rules.is_empty());
}

#[test]
fn addresses_are_blocks_with_their_exceptions() {
    assert_eq!(peers("egress:\n- toCIDR: [203.0.113.7/32]"), [block("203.0.113.7/32", &[])]);
    assert_eq!(
        peers(
            "egress:\n- toCIDRSet:\n  - cidr: 203.0.113.0/24\n    except: [203.0.113.64/26]\n  - cidr: 2001:db8::/32"
        ),
        [block("203.0.113.0/24", &["203.0.113.64/26"]), block("2001:db8::/32", &[])]
    );
}

#[test]
fn groups_are_looked_up_in_every_file() {
    let policy =
        namespaced("endpointSelector: {}\negress:\n- toCIDRSet:\n  - cidrGroupRef: pay\n  - cidr: 192.0.2.0/24");
    let group = group("pay", &["203.0.113.0/24", "2001:db8::/32"]);
    let files = read_files(&[("shop.yaml", &policy), ("pay.yaml", &group)]).unwrap();
    assert!(files[1].policies.is_empty());
    let expected = [block("192.0.2.0/24", &[]), block("203.0.113.0/24", &[]), block("2001:db8::/32", &[])];
    assert_eq!(files[0].policies[0].rules[0].peers, expected);
    let one = normal(&format!("{policy}---\n{group}")).unwrap();
    assert_eq!(one[0].rules[0].peers, expected);
}

#[test]
fn an_empty_group_is_nobody() {
    let policy = namespaced("endpointSelector: {}\negress:\n- toCIDRSet:\n  - cidrGroupRef: pay");
    let group = "apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\nmetadata:\n  name: pay\nspec:\n  externalCIDRs: []\n";
    let policies = read_text(&format!("{policy}---\n{group}")).unwrap();
    assert!(policies[0].rules.is_empty() && policies[0].isolates == [Direction::Egress]);
}

#[test]
fn host_names_are_as_an_intent_writes_them() {
    let names = peers("egress:\n- toFQDNs:\n  - matchName: api.stripe.com\n  - matchPattern: \"*.stripe.com\"");
    assert_eq!(names, [Peer::Name("api.stripe.com".into()), Peer::Name("*.stripe.com".into())]);
}

/// Ports of the one rule on these entries.
fn ports(entries: &str) -> Vec<Ports> {
    let rules = format!("ingress:\n- fromEntities: [all]\n  toPorts:\n{entries}");
    of(&rules).rules.remove(0).ports
}

#[test]
fn ports_are_strings_and_zero_is_all() {
    assert_eq!(ports("  - ports:\n    - port: \"80\"\n      protocol: TCP"), [tcp(80, 80)]);
    assert_eq!(ports("  - ports:\n    - port: \"0\"\n      protocol: TCP"), [tcp(1, u16::MAX)]);
    assert_eq!(ports("  - ports:\n    - port: \"80\"\n      endPort: 90\n      protocol: TCP"), [tcp(80, 90)]);
    assert_eq!(of("ingress:\n- fromEntities: [all]").rules[0].ports, Ports::every());
}

#[test]
fn no_protocol_and_any_are_all_three() {
    for protocol in ["", "\n      protocol: ANY"] {
        let ports = ports(&format!("  - ports:\n    - port: \"53\"{protocol}"));
        let protocols: Vec<Protocol> = ports.iter().map(|ports| ports.protocol).collect();
        assert_eq!(protocols, Protocol::ALL);
    }
}

#[test]
fn entries_with_the_same_rules_above_add_up_and_others_stay_apart() {
    let entry = |port: u16, above: &str| format!("  - ports:\n    - port: \"{port}\"\n      protocol: TCP\n{above}");
    let http = "    rules:\n      http:\n      - method: GET\n";
    let entries = [entry(80, ""), entry(81, http), entry(82, ""), entry(83, http)].concat();
    let rules = of(&format!("ingress:\n- fromEntities: [all]\n  toPorts:\n{entries}")).rules;
    let ports: Vec<&[Ports]> = rules.iter().map(|rule| &*rule.ports).collect();
    assert_eq!(ports, [[tcp(80, 80), tcp(82, 82)], [tcp(81, 81), tcp(83, 83)]]);
    assert!(rules[0].http.is_empty() && rules[1].http.len() == 1);
}

#[test]
fn requests_are_read_as_the_intent_writes_them() {
    let rules = of(
        "ingress:\n- fromEntities: [all]\n  toPorts:\n  - ports:\n    - port: \"80\"\n      protocol: TCP\n    rules:\n      http:\n      - path: \"^(?:/a/(b|c))(\\\\?.*)?$\"\n        headers: [\"x-b: two words\", \"x-a: 1\"]\n      - method: GET\n        path: /kept.*",
    );
    let kept = HttpRule { method: Some("GET".into()), path: Some("/kept.*".into()), headers: vec![] };
    let headers = vec![("x-a".into(), "1".into()), ("x-b".into(), "two words".into())];
    let undone = HttpRule { method: None, path: Some("/a/(b|c)".into()), headers };
    assert_eq!(rules.rules[0].http, [undone, kept]);
}

#[test]
fn a_dns_rule_for_every_question_is_read_along() {
    let policy = of(
        "egress:\n- toEndpoints:\n  - {}\n  toPorts:\n  - ports:\n    - port: \"53\"\n      protocol: UDP\n    rules:\n      dns:\n      - matchPattern: \"*\"",
    );
    assert!(policy.rules[0].dns_proxy && policy.rules[0].http.is_empty());
}

#[test]
fn what_isolates_follows_the_rules_unless_it_is_said() {
    let isolates = |rules: &str| of(rules).isolates;
    let rule = "ingress:\n- fromEntities: [all]\n";
    assert_eq!(isolates(rule), [Direction::Ingress]);
    assert_eq!(isolates(&format!("{rule}enableDefaultDeny:\n  ingress: true")), [Direction::Ingress]);
    assert!(isolates(&format!("{rule}enableDefaultDeny:\n  ingress: false")).is_empty());
    assert!(isolates("ingressDeny:\n- fromEntities: [world]\nenableDefaultDeny:\n  ingress: false").is_empty());
    assert_eq!(isolates("ingress: []\negress:\n- {}"), [Direction::Egress]);
    let both = normal(&namespaced("endpointSelector: {}\ningressDeny:\n- fromEntities: [world]")).unwrap();
    let said: Vec<_> = both.iter().map(|policy| (policy.rank.tier, policy.rank.end, policy.isolates.clone())).collect();
    let ingress = vec![Direction::Ingress];
    assert_eq!(said, [(0, End::Passes, ingress.clone()), (1, End::Denies, ingress)]);
}

#[test]
fn default_deny_off_both_ways_is_staged_and_says_what_it_would_isolate() {
    let off = "enableDefaultDeny:\n  ingress: false\n  egress: false";
    let staged = of(&format!("ingress:\n- {{}}\negress:\n- {{}}\n{off}"));
    assert!(staged.staged && staged.isolates == BOTH);
    let staged = of(&format!("egress:\n- toEntities: [all]\n{off}"));
    assert!(staged.staged && staged.isolates == [Direction::Egress] && staged.rules.len() == 1);
    let guard = of(&format!("egressDeny:\n- toEntities: [world]\n{off}"));
    assert!(!guard.staged && guard.isolates.is_empty());
    assert!(!of("ingress:\n- {}\nenableDefaultDeny:\n  ingress: false").staged);
}

#[test]
fn denials_are_kept_apart() {
    let policies = read_text(&namespaced(
        "endpointSelector: {}\negress:\n- toEntities: [all]\negressDeny:\n- toCIDR: [169.254.169.254/32]\n  toPorts:\n  - ports:\n    - port: \"80\"\n      protocol: TCP",
    ))
    .unwrap();
    let [denial, permission] = policies.as_slice() else { panic!("{policies:?}") };
    assert!(denial.rules.is_empty() && denial.isolates.is_empty() && permission.denies.is_empty());
    assert_eq!(denial.denies[0].peers, [block("169.254.169.254/32", &[])]);
    assert_eq!(denial.denies[0].ports, [tcp(80, 80)]);
    assert_eq!((permission.rules.len(), permission.isolates.as_slice()), (1, [Direction::Egress].as_slice()));
}

#[test]
fn what_allows_one_way_without_isolating_stays_apart() {
    let rules = "ingress:\n- fromEntities: [all]\negress:\n- toEntities: [host]\nenableDefaultDeny:\n  ingress: false";
    let policies = normal(&namespaced(&format!("endpointSelector: {{}}\n{rules}"))).unwrap();
    let said: Vec<_> =
        policies.iter().map(|policy| (policy.rank.end, policy.isolates[0], policy.rules.len())).collect();
    assert_eq!(said, [(End::Denies, Direction::Egress, 1), (End::Passes, Direction::Ingress, 1)]);
    assert!(policies.iter().all(|policy| policy.rank.tier == 1 && policy.kind == "CiliumNetworkPolicy"));
}

#[test]
fn each_of_several_specs_stands_for_itself() {
    let text = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: p\n  namespace: shop\nspecs:\n- endpointSelector:\n    matchLabels:\n      app: a\n  ingress:\n  - {}\n- description: the second\n  endpointSelector:\n    matchLabels:\n      app: b\n  egress:\n  - {}\n";
    let policies = read_text(text).unwrap();
    assert_eq!(policies.iter().map(|policy| policy.isolates[0]).collect::<Vec<_>>(), BOTH);
    assert!(policies.iter().all(|policy| policy.name == "p" && policy.span == policies[0].span));
}

#[test]
fn a_kustomization_gives_its_list() {
    let text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - shop.yaml\n";
    let files = read_files(&[("kustomization.yaml", text)]).unwrap();
    assert_eq!(files[0].base.as_ref().unwrap().resources[0].0, "shop.yaml");
}

#[test]
fn only_ports_leave_protocols_without_ports_out() {
    let others = |ports: &str| of(&format!("egress:\n- toEntities: [host]\n{ports}")).rules[0].others;
    assert!(others(""));
    assert!(others("  toPorts:\n  - ports:\n    - port: \"0\"\n      protocol: ANY"), "it may be read as everything");
    assert!(!others("  toPorts:\n  - ports:\n    - port: \"0\"\n      protocol: TCP"));
    assert!(!others("  toPorts:\n  - ports:\n    - port: \"80\"\n      protocol: ANY"));
    // Of a denial the other reading is the one that may be wrong.
    let deny = "enableDefaultDeny:\n  egress: false\negressDeny:\n- toEntities: [host]\n  toPorts:\n  - ports:\n    - port: \"0\"\n      protocol: ANY";
    assert!(!of(deny).denies[0].others);
}
