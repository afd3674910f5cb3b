//! Recorded verdicts of the projects' own policy engines, held against the judges of `tests/judge` and against what
//! netpolc's readers make of the same YAML.
//!
//! The cases are too large for the repository: `NETPOLC_TEST_DATA` names the folder that holds `verdicts/`. Without it
//! the tests say that they are skipped.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

#[path = "verdicts/by_normal.rs"]
mod by_normal;
#[path = "verdicts/case.rs"]
mod case;
mod judge;
#[path = "verdicts/pieces.rs"]
mod pieces;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use by_normal::Normal;
use case::{Case, count};
use judge::Judge;
use netpolc::dialects::REGISTRY;

fn data() -> Option<PathBuf> {
    let Some(data) = std::env::var_os("NETPOLC_TEST_DATA") else {
        eprintln!("skipped: NETPOLC_TEST_DATA does not name the folder of the recorded verdicts");
        return None;
    };
    Some(PathBuf::from(data).join("verdicts"))
}

/// Every case that a judge understands, verdict by verdict; what it does not understand, by reason.
fn held(cases: &[Case], parse: impl Fn(&str) -> Result<Box<dyn Judge>, String>) -> (usize, BTreeMap<String, usize>) {
    let (mut wrong, mut refused, mut supported) = (vec![], vec![], 0);
    for case in cases {
        let judge = match parse(&case.policies) {
            Ok(judge) => judge,
            Err(reason) => {
                refused.push(reason);
                continue;
            }
        };
        let mut requests = BTreeSet::new();
        let (differences, asked) = case.differences(&mut |flow, id| {
            let permitted = judge.permits(flow);
            for request in judge.requests(flow).iter().filter(|request| permitted && !request.is_null()) {
                requests.insert((flow.direction, serde_json::to_string(request).unwrap(), id.clone()));
            }
            permitted
        });
        assert!(asked > 0, "{} asks nothing", case.name);
        wrong.extend(differences);
        let recorded = case.requests();
        wrong.extend(recorded.difference(&requests).map(|one| format!("{}: not seen at layer 7: {one:?}", case.name)));
        wrong.extend(requests.difference(&recorded).map(|one| format!("{}: not recorded: {one:?}", case.name)));
        supported += 1;
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    (supported, count(refused))
}

/// All of them, so that nothing can be left out by and by.
#[test]
fn judges_say_what_the_engines_said() {
    let Some(data) = data() else { return };
    for (dialect, number) in [("kubernetes", 154), ("calico", 169), ("cilium", 167)] {
        let cases = Case::all(&data.join(dialect), "expected.json");
        let (supported, refused) = held(&cases, |text| judge::judge(dialect, text));
        assert_eq!((supported, refused), (number, BTreeMap::new()), "{dialect}");
    }
}

/// Where engines differ, each judge says what its own engine said.
#[test]
fn judges_keep_to_their_own_engine_where_engines_differ() {
    let Some(data) = data() else { return };
    for (folder, expected, dialect, number) in [
        ("kubernetes-ambiguous", "expected-policy-assistant.json", "kubernetes", 32),
        ("kubernetes-ambiguous", "expected-calico.json", "calico", 32),
        ("cilium-ambiguous", "expected-local-cluster-false.json", "cilium", 3),
    ] {
        let cases = Case::all(&data.join(folder), expected);
        let (supported, refused) = held(&cases, |text| judge::judge(dialect, text));
        assert_eq!((supported, refused), (number, BTreeMap::new()), "{expected}");
    }
}

/// What netpolc's readers read they read as the engines do; the rest they refuse.
#[test]
fn readers_say_what_the_engines_said() {
    let Some(data) = data() else { return };
    let mut counts = vec![];
    for dialect in REGISTRY {
        let (mut wrong, mut refused, mut read) = (vec![], vec![], 0);
        for case in Case::all(&data.join(dialect.name()), "expected.json") {
            let normal = match Normal::read(*dialect, &case.policies) {
                Ok(normal) => normal,
                Err(message) => {
                    refused.push(message);
                    continue;
                }
            };
            let mut kinds = BTreeSet::new();
            let (differences, _) = case.differences(&mut |flow, id| {
                let permitted = normal.permits(flow);
                let seen = normal.kinds(flow).into_iter().filter(|_| permitted);
                kinds.extend(seen.map(|kind| (flow.direction, kind.to_owned(), id.clone())));
                permitted
            });
            wrong.extend(differences);
            let recorded: BTreeSet<_> =
                case.requests().into_iter().map(|(a, rules, id)| (a, kind(&rules), id)).collect();
            let differ = recorded.symmetric_difference(&kinds);
            wrong.extend(differ.map(|one| format!("{}: layer 7 here or there alone: {one:?}", case.name)));
            read += 1;
        }
        let name = dialect.name();
        assert!(wrong.is_empty(), "{name}: {} differences\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
        counts.push((name, read, count(refused)));
    }
    // Every recorded policy of Calico selects host endpoints, too, or is in a namespace: pieces of them are read below.
    assert_read(&[("kubernetes", 52), ("calico", 0), ("cilium", 54)], &counts);
}

/// The same piece by piece, against the judges: rarely is a whole case all that a reader reads.
#[test]
fn readers_say_what_the_judges_say_of_every_piece() {
    let Some(data) = data() else { return };
    let mut counts = vec![];
    for dialect in REGISTRY {
        let name = dialect.name();
        let (mut wrong, mut refused, mut read) = (vec![], vec![], 0);
        for case in Case::all(&data.join(name), "expected.json") {
            let is_read = |text: &str| Normal::read(*dialect, text).is_ok();
            for piece in pieces::pieces(&case.policies, is_read) {
                let normal = match Normal::read(*dialect, &piece) {
                    Ok(normal) => normal,
                    Err(message) => {
                        refused.push(message);
                        continue;
                    }
                };
                read += 1;
                let judge = judge::judge(name, &piece).unwrap();
                let mut differ = vec![];
                case.differences(&mut |flow, (i, j, probe)| {
                    let (saw, judged) = (normal.permits(flow), judge.permits(flow));
                    if saw != judged {
                        let direction = flow.direction.name();
                        differ.push(format!("{direction} {i} -> {j} {probe}: read as {saw}, judged {judged}"));
                    }
                    judged
                });
                if !differ.is_empty() {
                    wrong.push(format!("{}: {}\n{piece}", case.name, differ.join("\n")));
                }
            }
        }
        assert!(wrong.is_empty(), "{name}: {} differences\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
        counts.push((name, read, count(refused)));
    }
    // Calico: without those that deny everything to all namespaces before what policies of others may allow.
    assert_read(&[("kubernetes", 433), ("calico", 383), ("cilium", 659)], &counts);
}

/// A reader that learns to read more raises its number; one that reads less must say why.
fn assert_read(expected: &[(&str, usize)], counts: &[(&str, usize, BTreeMap<String, usize>)]) {
    let is_expected = |(name, read, _): &(&str, usize, _)| expected.contains(&(*name, *read));
    assert!(counts.iter().all(is_expected), "read, and refused by first message: {counts:#?}");
}

/// `http` of `{"http":[…]}`.
fn kind(rules: &str) -> String {
    let rules: BTreeMap<String, serde_json::Value> = serde_json::from_str(rules).unwrap();
    assert_eq!(rules.len(), 1, "{rules:?}");
    rules.into_keys().next().unwrap()
}

/// Objects that are valid, and yet refused, and why.
const NOT_READ: [(&str, &str); 11] = [
    ("ok-c-log", HOSTS),
    ("ok-c-net-slash-32", HOSTS),
    ("ok-c-order-negative", HOSTS),
    ("ok-c-protocol-number", HOSTS),
    ("ok-c-selector-double-quotes", HOSTS),
    ("ok-c-set-empty", "no rule uses the set, so nothing can be said of it"),
    ("ok-c-tier-unknown", HOSTS),
    ("ok-k-port-name-15", NAMED_PORT),
    ("ok-x-end-port-below", "it opens its first port alone, which nobody means who writes a range"),
    ("ok-x-fqdn-pattern-star", "the intent has no name for every host name"),
    ("ok-x-l7-any-port-name", NAMED_PORT),
];
const HOSTS: &str = "it selects host endpoints, too";
const NAMED_PORT: &str = "what a port's name stands for is each pod's affair";

/// What the API server or the project's validator refuses a reader refuses, too.
#[test]
fn readers_refuse_what_the_validators_refuse() {
    let Some(data) = data() else { return };
    let recorded = std::fs::read_to_string(data.join("invalid/expected.json")).unwrap();
    let recorded: BTreeMap<String, serde_json::Value> = serde_json::from_str(&recorded).unwrap();
    let (mut wrong, mut seen) = (vec![], 0);
    for dialect in REGISTRY {
        let letter = match dialect.name() {
            "kubernetes" => "-k-",
            "calico" => "-c-",
            "cilium" => "-x-",
            other => panic!("{other} has no recorded objects"),
        };
        for (file, said) in recorded.iter().filter(|(file, _)| file.contains(letter)) {
            seen += 1;
            let name = file.strip_suffix(".yaml").unwrap();
            let valid = said["rejected_by"].as_array().unwrap().is_empty();
            let expected = valid && !NOT_READ.iter().any(|(listed, _)| *listed == name);
            let text = std::fs::read_to_string(data.join("invalid").join(file)).unwrap();
            match Normal::read(*dialect, &text) {
                Ok(_) if !expected => wrong.push(format!("{name} is read")),
                Err(message) if expected => wrong.push(format!("{name} is refused: {message}")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let of_dialects = REGISTRY.len();
    assert!(seen >= 28 * of_dialects, "{seen} objects for {of_dialects} dialects");
}

/// Where engines differ, a reader refuses: there is no one thing that the policies say.
#[test]
fn readers_refuse_what_engines_read_differently() {
    let Some(data) = data() else { return };
    for (dialect, folder, expected, read) in [
        // Which ranges hold pods is looked at for all policies together, when they are proved.
        (
            "kubernetes",
            "kubernetes-ambiguous",
            "expected-cilium.json",
            &["005-ipblock-covers-pods", "006-ipblock-pod-cidr-except"] as &[&str],
        ),
        ("cilium", "cilium-ambiguous", "expected-local-cluster-true.json", &[]),
    ] {
        let Some(dialect) = REGISTRY.iter().find(|one| one.name() == dialect) else { continue };
        let cases = Case::all(&data.join(folder), expected);
        let seen: Vec<&str> = cases
            .iter()
            .filter(|case| Normal::read(*dialect, &case.policies).is_ok())
            .map(|case| case.name.as_str())
            .collect();
        assert_eq!(seen, read, "{folder}");
    }
}

/// What a judge does not understand it names: none of it is left out and judged without.
#[test]
fn judges_refuse_what_they_do_not_understand() {
    let calico = |spec: &str| {
        format!("apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {{name: p}}\nspec: {spec}")
    };
    let cilium = |spec: &str| {
        format!(
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: p, namespace: a}}\nspec: {spec}"
        )
    };
    let kubernetes = |spec: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: a}}\nspec: {spec}"
        )
    };
    for (dialect, text, reason) in [
        ("kubernetes", kubernetes("{podSelector: {}, egres: []}"), "unknown field `egres`"),
        ("kubernetes", kubernetes("{podSelector: {}, ingress: [{from: [{}]}]}"), "an empty peer"),
        ("kubernetes", "apiVersion: v1\nkind: Service".to_owned(), "kind Service"),
        ("calico", calico("{selector: all(), ingress: [{action: Allow, icmp: {type: 8}}]}"), "unknown field `icmp`"),
        (
            "calico",
            calico("{selector: all(), ingress: [{action: Allow, http: {methods: [GET]}}]}"),
            "unknown field `http`",
        ),
        ("calico", calico("{selector: all(), applyOnForward: true}"), "unknown field `applyOnForward`"),
        ("calico", calico("{selector: all(), ingress: [{action: Allow, source: {ports: [80]}}]}"), "ports of sources"),
        (
            "calico",
            calico("{selector: all(), egress: [{action: Allow, destination: {domains: [a.b]}}]}"),
            "unknown field `domains`",
        ),
        ("calico", calico("{selector: app matches 'a'}"), "selector with the operator matches"),
        ("calico", calico("{selector: global()}"), "global() outside of a namespace selector"),
        (
            "calico",
            calico("{selector: all(), egress: [{action: Allow, destination: {nets: [10.0.0.0]}}]}"),
            "10.0.0.0 is no range",
        ),
        ("cilium", cilium("{nodeSelector: {}}"), "unknown field `nodeSelector`"),
        ("cilium", cilium("{endpointSelector: {}, egress: [{toServices: []}]}"), "unknown field `toServices`"),
        ("cilium", cilium("{endpointSelector: {}, ingress: [{icmps: []}]}"), "unknown field `icmps`"),
        (
            "cilium",
            cilium("{endpointSelector: {matchLabels: {\"reserved:init\": \"\"}}, ingress: [{}]}"),
            "the label reserved:init",
        ),
        (
            "cilium",
            cilium("{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: \"010\"}]}]}]}"),
            "a port with a leading zero",
        ),
    ] {
        match judge::judge(dialect, &text) {
            Ok(_) => panic!("judged: {text}"),
            Err(seen) => assert!(seen.contains(reason), "{seen} of {text}"),
        }
    }
}
