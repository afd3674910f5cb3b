//! Verdicts on generated cases, held against those of network-config-analyzer, which reads NetworkPolicies and Calico's
//! policies and computes from them who may connect to whom. It shares nothing with netpolc.
//!
//! A case is a small cluster with a few valid policies of one dialect. The analyzer answers with a map of connections: for
//! every pair of pods, and of a pod and a range of outside addresses, the protocols and ports. That map is compared with
//! verdicts on single flows: egress alone, ingress alone, both. A flow is asked about in every piece between two numbers at
//! which any policy could tell ports or addresses apart, and a map that changes anywhere else fails the test; so they agree
//! on all ports and all addresses. A case is made from its number alone. `NETPOLC_TEST_CASES` says how many of each dialect
//! there are; the first ones stay the same.
//!
//! What the analyzer understands otherwise than the targets is not among the generated cases; `differs.rs` and
//! `refused.rs` have an example and the source of each. Beside that, these are left out:
//!
//! - Cilium's policies: the analyzer knows none.
//! - Host endpoints, profiles, ICMP, HTTP rules, source ports: flows are those of pods over TCP, UDP and SCTP, from a port
//!   that no policy names.
//! - A named port towards pods in a NetworkPolicy's egress rule, a namespaceSelector of negations alone, and rules
//!   of a direction that policyTypes does not name: network plugins differ about them.
//! - One name for two ports of a pod: names are to be unique there (core/v1/types.go, ContainerPort).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

mod calico;
mod case;
mod cluster;
mod differs;
mod kubernetes;
mod left_out;
mod nca;
mod refused;
mod verdicts;
mod words;

use crate::support;
use case::{Case, Dialect, Side, yaml};
use nca::Map;
use rayon::prelude::*;
use verdicts::{Table, Verdict};

/// How many cases one run of the analyzer judges.
const BATCH: u64 = 100;

/// Verdicts that agree.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    allowed: usize,
    denied: usize,
}

/// Where a table says otherwise than the analyzer.
fn differences(case: &Case, mut table: Table, maps: &[Map; 3], counts: &mut Counts) -> Vec<String> {
    let (ends, mut out) = (case.ends(), vec![]);
    for (n, (protocol, port)) in case.probes().into_iter().enumerate() {
        for i in 0..ends.len() {
            for j in (0..ends.len()).filter(|j| case.is_flow(i, *j)) {
                for (side, map) in Side::ALL.into_iter().zip(maps) {
                    let analyzer = Verdict::from(map.allows(i, j, protocol, port));
                    match *table.at((i, j, n), side) {
                        ours if ours == analyzer => match analyzer {
                            Verdict::Allowed => counts.allowed += 1,
                            _ => counts.denied += 1,
                        },
                        ours => {
                            let (side, from, to) = (side.name(), &ends[i], &ends[j]);
                            out.push(format!("{side} of {from} -> {to} {protocol}/{port}: {ours:?}, not {analyzer:?}"));
                        }
                    }
                }
            }
        }
    }
    out
}

/// As many cases as `NETPOLC_TEST_CASES` says; otherwise 500 of each dialect.
fn cases() -> u64 {
    std::env::var("NETPOLC_TEST_CASES").map_or(500, |number| number.parse().unwrap())
}

/// Somebody whose verdicts are compared, by name.
type Judged = (&'static str, fn(&Case) -> Result<Table, String>);

const NETPOLC: &str = "netpolc";
const JUDGED: [Judged; 2] = [(NETPOLC, verdicts::of_netpolc), ("the judge", verdicts::of_judges)];

fn compare(dialect: Dialect) {
    let batches: Vec<u64> = (0..cases()).step_by(usize::try_from(BATCH).unwrap()).collect();
    let results: Vec<(Counts, Vec<String>)> = batches
        .into_par_iter()
        .map(|first| {
            let numbers = first..(first + BATCH).min(cases());
            let cases: Vec<Case> = numbers.map(|number| Case::generate(dialect, number)).collect();
            let (mut counts, mut wrong) = (Counts::default(), vec![]);
            for (case, maps) in cases.iter().zip(nca::maps(&cases)) {
                // Every case of netpolc, every fourth of the judges.
                for (who, evaluate) in JUDGED.into_iter().take(if case.number % 4 == 1 { 2 } else { 1 }) {
                    let found = match evaluate(case) {
                        Ok(table) => differences(case, table, &maps, &mut counts),
                        Err(refusal) => vec![refusal],
                    };
                    if !found.is_empty() {
                        let (number, shown) = (case.number, found[..found.len().min(10)].join("\n"));
                        let manifests = format!("{}{}", yaml(&case.cluster), yaml(&case.policies));
                        wrong.push(format!("case {number}: {} of {who} differ\n{shown}\n{manifests}", found.len()));
                    }
                }
            }
            (counts, wrong)
        })
        .collect();
    let wrong: Vec<&String> = results.iter().flat_map(|(_, wrong)| wrong).collect();
    let sum = |count: fn(&Counts) -> usize| results.iter().map(|(counts, _)| count(counts)).sum::<usize>();
    let (allowed, denied) = (sum(|one| one.allowed), sum(|one| one.denied));
    let (name, cases) = (dialect.name(), cases());
    eprintln!("{name}: {cases} cases; of the verdicts {allowed} are yes, {denied} no");
    let shown: Vec<&str> = wrong.iter().take(3).map(|text| text.as_str()).collect();
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), shown.join("\n"));
    assert!(allowed.min(denied) > (allowed + denied) / 10, "nearly all verdicts are the same");
}

#[test]
fn verdicts_on_kubernetes_are_those_of_the_analyzer() {
    if support::tool(nca::NAME) {
        compare(Dialect::Kubernetes);
    }
}

#[test]
fn verdicts_on_calico_are_those_of_the_analyzer() {
    if support::tool(nca::NAME) {
        compare(Dialect::Calico);
    }
}

/// Cases say nothing if they say little: everything that is meant to be in them is, many times.
#[test]
fn cases_hold_all_that_the_analyzer_understands() {
    const KUBERNETES: [&str; 16] = [
        "matchLabels:",
        "operator: In\n",
        "operator: NotIn\n",
        "operator: Exists\n",
        "operator: DoesNotExist\n",
        "podSelector: {}\n",
        "namespaceSelector:",
        "cidr: 0.0.0.0/0",
        "cidr: 2001:db8:",
        "except:",
        "endPort:",
        "port: http\n",
        "protocol: UDP",
        "protocol: SCTP",
        "ingress: []",
        "policyTypes:",
    ];
    const CALICO: [&str; 33] = [
        "kind: GlobalNetworkPolicy",
        "kind: StagedGlobalNetworkPolicy",
        "kind: NetworkPolicy",
        "kind: GlobalNetworkSet",
        "kind: NetworkSet",
        "apiVersion: networking.k8s.io/v1",
        "order:",
        "types:",
        "action: Allow",
        "action: Deny",
        "action: Pass",
        "action: Log",
        "namespaceSelector:",
        "notSelector:",
        "nets:",
        "notNets:",
        "ports:",
        "notPorts:",
        "- http\n",
        "8080:8090",
        "protocol: 6\n",
        "notProtocol:",
        "global()",
        "all()",
        " && ",
        " || ",
        "!(",
        "!has(",
        " not in ",
        " contains ",
        " starts with ",
        " ends with ",
        "2001:db8:",
    ];
    for (dialect, needles) in [(Dialect::Kubernetes, &KUBERNETES as &[&str]), (Dialect::Calico, &CALICO)] {
        let texts: Vec<String> = (0..500).map(|number| yaml(&Case::generate(dialect, number).policies)).collect();
        for needle in needles {
            let seen = texts.iter().filter(|text| text.contains(needle)).count();
            assert!(seen >= 20, "{needle:?} is in {seen} cases of {}", dialect.name());
        }
    }
}

/// Each thing that the generated cases leave out is left out because the analyzer is wrong about it.
#[test]
fn the_analyzer_is_wrong_about_what_is_left_out() {
    if !support::tool(nca::NAME) {
        return;
    }
    let cases: Vec<Case> = differs::DIFFERS.iter().enumerate().map(|(n, one)| left_out::case(n, one)).collect();
    let mut wrong = vec![];
    for ((case, maps), one) in cases.iter().zip(nca::maps(&cases)).zip(differs::DIFFERS) {
        let (from, to, protocol, port) = one.flow;
        let place = |name: &str| case.ends().iter().position(|end| end == name).unwrap();
        let (from, to) = (place(from), place(to));
        let probe = case.probes().iter().position(|probe| *probe == (protocol, port)).unwrap();
        let analyzer = Verdict::from(maps[one.side as usize].allows(from, to, protocol, port));
        if analyzer == Verdict::from(one.allowed) {
            wrong.push(format!("the analyzer is right: {}", one.why));
        }
        for (who, evaluate) in JUDGED {
            let said = evaluate(case).map(|mut table| *table.at((from, to, probe), one.side));
            let is_open = one.left_open && who == NETPOLC && said == Ok(Verdict::Ambiguous);
            if !is_open && said != Ok(Verdict::from(one.allowed)) {
                wrong.push(format!("{who} says {said:?}: {}", one.why));
            }
        }
    }
    for one in refused::REFUSED {
        let objects = left_out::objects(one.policies);
        match nca::refusal(&left_out::cluster().0, &objects) {
            Some(message) if message.contains(one.message) => {}
            other => wrong.push(format!("{}: {other:?}", one.why)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
