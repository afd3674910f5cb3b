//! Recorded verdicts of the projects' own policy engines, held against the judges of `tests/judge` and against what
//! netpolc's readers make of the same YAML.
//!
//! The cases are too large for the repository: `NETPOLC_TEST_DATA` names the folder that holds `verdicts/`. Without it
//! the tests say that they are skipped.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

#[path = "verdicts/case.rs"]
mod case;
mod judge;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use case::{Case, count};
use judge::Judge;

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
