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

mod by_eval;
mod by_normal;
mod case;
mod pieces;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::judge::{self, Judge};
use by_eval::Recorded;
use by_normal::Normal;
use case::{Case, count};
use netpolc::dialects::{Assumed, REGISTRY, find};

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

/// What `netpolc eval` says of every recorded flow, both sides and together, is what the engine said.
#[test]
fn the_evaluator_says_what_the_engines_said() {
    let Some(data) = data() else { return };
    for (folder, number) in [("kubernetes", 154), ("calico", 169), ("cilium", 167)] {
        let cases = Recorded::all(&data.join(folder), |name| name == "expected.json");
        assert_eq!(cases.len(), number, "{folder}");
        agrees(folder, &cases, &[]);
    }
}

/// Where engines differ, or an option of an agent decides, it says that, and of no other flow.
#[test]
fn the_evaluator_knows_where_engines_differ() {
    let Some(data) = data() else { return };
    for (folder, number) in [("kubernetes-ambiguous", 32), ("cilium-ambiguous", 3)] {
        let cases = Recorded::all(&data.join(folder), |name| name.starts_with("expected-"));
        assert_eq!(cases.len(), number, "{folder}");
        agrees(folder, &cases, &[]);
    }
    for setting in ["true", "false"] {
        let file = format!("expected-local-cluster-{setting}.json");
        let cases = Recorded::all(&data.join("cilium-ambiguous"), |name| name == file);
        agrees(&file, &cases, &["--assume", &format!("policy-default-local-cluster={setting}")]);
    }
}

fn agrees(what: &str, cases: &[Recorded], more: &[&str]) {
    let (mut wrong, mut compared) = (vec![], 0);
    for case in cases {
        let (differences, of_case) = case.differences(more);
        wrong.extend(differences);
        compared += of_case;
    }
    assert!(
        wrong.is_empty(),
        "{what}: {} of {compared} differ\n{}",
        wrong.len(),
        wrong[..wrong.len().min(30)].join("\n")
    );
    eprintln!("{what}: {compared} verdicts of {} cases agree", cases.len());
}

/// What proxies then look at is what the engine recorded.
#[test]
fn readers_know_what_goes_through_layer_7() {
    let Some(data) = data() else { return };
    let dialect = find("cilium").unwrap();
    let assumed = Assumed::from([("policy-default-local-cluster", false)]);
    let (mut wrong, mut seen) = (vec![], 0);
    for case in Case::all(&data.join("cilium"), "expected.json") {
        let normal = Normal::read(dialect, &case.policies, &case.cluster, &assumed).unwrap();
        let mut kinds = BTreeSet::new();
        case.differences(&mut |flow, id| {
            let permitted = normal.permits(flow) == Some(true);
            let asked = normal.kinds(flow).into_iter().filter(|_| permitted);
            kinds.extend(asked.map(|kind| (flow.direction, kind.to_owned(), id.clone())));
            permitted
        });
        let recorded: BTreeSet<_> = case.requests().into_iter().map(|(a, rules, id)| (a, kind(&rules), id)).collect();
        seen += recorded.len();
        let differ = recorded.symmetric_difference(&kinds);
        wrong.extend(differ.map(|one| format!("{}: layer 7 here or there alone: {one:?}", case.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen, 15, "flows that were recorded");
}

/// The same piece by piece, against the judges: what stands alone means something else than what stood together.
#[test]
fn readers_say_what_the_judges_say_of_every_piece() {
    let Some(data) = data() else { return };
    let mut counts = vec![];
    for dialect in REGISTRY {
        let name = dialect.name();
        let assumed: Assumed = dialect.switches().iter().map(|switch| (switch.name, false)).collect();
        let (mut wrong, mut refused, mut read) = (vec![], vec![], 0);
        for case in Case::all(&data.join(name), "expected.json") {
            for piece in pieces::pieces(&case.policies, |_| true) {
                let normal = match Normal::read(*dialect, &piece, &case.cluster, &assumed) {
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
                    // Where engines differ there is no one verdict to compare.
                    if saw.is_some_and(|saw| saw != judged) || saw.is_none() && name != "kubernetes" {
                        let direction = flow.direction.name();
                        differ.push(format!("{direction} {i} -> {j} {probe}: read as {saw:?}, judged {judged}"));
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
    eprintln!("pieces read, and refused by first message: {counts:#?}");
}

/// `http` of `{"http":[…]}`.
fn kind(rules: &str) -> String {
    let rules: BTreeMap<String, serde_json::Value> = serde_json::from_str(rules).unwrap();
    assert_eq!(rules.len(), 1, "{rules:?}");
    rules.into_keys().next().unwrap()
}

/// What the API server or the project's validator refuses is refused, at its place; near misses are taken.
#[test]
fn objects_are_valid_exactly_where_the_validators_say_so() {
    let Some(data) = data() else { return };
    let recorded = std::fs::read_to_string(data.join("invalid/expected.json")).unwrap();
    let recorded: BTreeMap<String, serde_json::Value> = serde_json::from_str(&recorded).unwrap();
    let mut wrong = vec![];
    for (file, said) in &recorded {
        let valid = said["rejected_by"].as_array().unwrap().is_empty();
        match by_eval::accepts(&data.join("invalid").join(file)) {
            Ok(()) if !valid => wrong.push(format!("{file} is taken: {}", said["reason"])),
            Err(message) if valid => wrong.push(format!("{file} is refused: {message}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(recorded.len() >= 89, "{} objects", recorded.len());
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
