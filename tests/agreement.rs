//! Verdicts on generated cases: what `netpolc eval` is made of, held against the evaluators of `tests/judge`, which agree with
//! everything that the projects' own engines were recorded to say, and share no code with it.
//!
//! A case is a small cluster with a few valid policies of one dialect, made from its number alone; every flow between
//! pods and other ends is asked about on several ports, each side and both. `NETPOLC_TEST_CASES` says how many cases of
//! each dialect there are; the first ones stay the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "how many verdicts there were is worth a line")]

mod calico;
mod cilium;
mod cluster;
mod kubernetes;
mod words;

use std::net::IpAddr;

use crate::judge::{self, Direction, End, Entity, Flow, Judge};
use crate::support::chance::Chance;
use cluster::{Cluster, OUTSIDE};
use netpolc::cluster::{Endpoint, Probe, Verdict};
use netpolc::dialects::{Assumed, find};
use netpolc::pipeline::{evaluate, given};
use netpolc::source::Sources;
use rayon::prelude::*;
use serde_json::Value;

const PROBES: [&str; 9] =
    ["TCP/80", "TCP/53", "TCP/8080", "TCP/9091", "UDP/53", "UDP/8080", "SCTP/2905", "SCTP/80", "TCP/33333"];
const ENTITIES: [(&str, Entity); 3] = [
    ("entity:host", Entity::Host),
    ("entity:remote-node", Entity::RemoteNode),
    ("entity:kube-apiserver", Entity::ApiServer),
];

/// What was said, and agreed upon.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    yes: usize,
    no: usize,
}

struct Case {
    number: u64,
    dialect: &'static str,
    cluster: String,
    policies: String,
}

impl Case {
    fn generate(dialect: &'static str, number: u64) -> Self {
        let mut chance = Chance::new(number);
        let cluster = Cluster::generate(&mut chance);
        let policies: Vec<Value> = match dialect {
            "kubernetes" => kubernetes::policies(&mut chance, &cluster),
            "calico" => calico::policies(&mut chance, &cluster),
            _ => cilium::policies(&mut chance, &cluster),
        };
        Self { number, dialect, cluster: words::yaml(&cluster.manifests), policies: words::yaml(&policies) }
    }

    /// Other ends than pods, as a command line has them and as judges do.
    fn others(&self) -> Vec<(Endpoint, End<'static>)> {
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        let mut others: Vec<_> =
            OUTSIDE.iter().map(|text| (format!("ip:{text}").parse().unwrap(), End::Address(address(text)))).collect();
        if self.dialect == "cilium" {
            others.extend(ENTITIES.map(|(name, entity)| (name.parse().unwrap(), End::Entity(entity))));
            others.extend(cilium::NAMES.map(|(name, text)| {
                let endpoint = format!("fqdn:{name}={text}").parse().unwrap();
                (endpoint, End::Name(name.to_owned(), address(text)))
            }));
        }
        others
    }

    /// Where netpolc says otherwise than the judge.
    fn differences(&self, judge: &dyn Judge, counts: &mut Counts) -> Result<Vec<String>, String> {
        let mut sources = Sources::default();
        let files = [("cluster.yaml", &self.cluster), ("policies.yaml", &self.policies)]
            .map(|(name, text)| sources.add(name, text.clone()));
        let dialect = find(self.dialect).unwrap();
        let assumed: Assumed = dialect.switches().iter().map(|switch| (switch.name, false)).collect();
        let read = netpolc::cluster::read(&sources, &files).and_then(|inventory| {
            let given = given(inventory.policies, &inventory.namespaces, Some(dialect), &assumed)?;
            Ok((inventory.cluster, given.readings))
        });
        let (cluster, mut readings) = match read {
            Ok(read) => read,
            Err(errors) => return Err(format!("refused: {}", errors[0].message)),
        };
        // Where engines differ, that one that goes by the letter.
        readings.truncate(1);
        let probes: Vec<Probe> = PROBES.map(|probe| probe.parse().unwrap()).to_vec();
        let (endpoints, other_ends): (Vec<Endpoint>, Vec<End>) = self.others().into_iter().unzip();
        let entities = dialect.capabilities().entities;
        let verdicts = evaluate(&cluster, &endpoints, &probes, &readings, entities);

        let seen = judge::cluster::Cluster::parse(&self.cluster);
        let ends: Vec<End> = seen.pods.iter().map(End::Pod).chain(other_ends).collect();
        let mut out = vec![];
        for flow in verdicts.flows() {
            let said = [flow.cell.egress, flow.cell.ingress, flow.cell.allowed];
            let judged = judged(judge, &seen, [&ends[flow.src], &ends[flow.dst]], flow.probe, flow.src == flow.dst);
            for ((side, said), judged) in ["egress", "ingress", "both sides"].into_iter().zip(said).zip(judged) {
                match judged {
                    Verdict::Yes => counts.yes += 1,
                    Verdict::No => counts.no += 1,
                    _ => {}
                }
                if said != judged {
                    let (from, to) = (&verdicts.ends()[flow.src], &verdicts.ends()[flow.dst]);
                    out.push(format!("{side} of {from} -> {to} {}: {said:?}, judged {judged:?}", flow.probe));
                }
            }
        }
        Ok(out)
    }

    fn tell(&self, what: &str) -> String {
        format!("case {} of {}: {what}\n{}{}", self.number, self.dialect, self.cluster, self.policies)
    }
}

/// Egress, ingress, both for addresses of one family.
fn judged(
    judge: &dyn Judge,
    cluster: &judge::cluster::Cluster,
    [from, to]: [&End; 2],
    probe: Probe,
    same: bool,
) -> [Verdict; 3] {
    let addresses = |end: &End| -> Vec<Option<IpAddr>> {
        match end {
            End::Pod(pod) => pod.addresses.iter().copied().map(Some).collect(),
            End::Address(address) | End::Name(_, address) => vec![Some(*address)],
            End::Entity(_) => vec![None],
        }
    };
    let permits = |direction, own: &End, other: &End, subject_address, other_address| match own {
        End::Pod(subject) => judge.permits(&Flow {
            cluster,
            direction,
            subject,
            other,
            subject_address,
            other_address,
            protocol: probe.protocol.as_str(),
            port: probe.port,
        }),
        _ => true,
    };
    if same || !matches!(from, End::Pod(_)) && !matches!(to, End::Pod(_)) {
        return [Verdict::NotApplicable; 3];
    }
    let mut sides = [None; 3];
    for source in addresses(from) {
        for destination in addresses(to) {
            if source.zip(destination).is_some_and(|(a, b)| a.is_ipv4() != b.is_ipv4()) {
                continue;
            }
            let egress = permits(Direction::Egress, from, to, source, destination);
            let ingress = permits(Direction::Ingress, to, from, destination, source);
            for (side, says) in sides.iter_mut().zip([egress, ingress, egress && ingress]) {
                *side = Some(side.unwrap_or(false) || says);
            }
        }
    }
    sides.map(|side| match side {
        None => Verdict::NotApplicable,
        Some(true) => Verdict::Yes,
        Some(false) => Verdict::No,
    })
}

/// As many cases as `NETPOLC_TEST_CASES` says; otherwise 300 of each dialect.
fn cases() -> u64 {
    std::env::var("NETPOLC_TEST_CASES").map_or(300, |number| number.parse().unwrap())
}

fn compare(dialect: &'static str, judges: &[&str]) {
    let results: Vec<(Counts, Option<String>)> = (0..cases())
        .into_par_iter()
        .map(|number| {
            let case = Case::generate(dialect, number);
            let mut counts = Counts::default();
            for name in judges {
                let judge = judge::judge(name, &case.policies).unwrap_or_else(|error| panic!("{}", case.tell(&error)));
                match case.differences(&*judge, &mut counts) {
                    Ok(differ) if differ.is_empty() => {}
                    Ok(differ) => {
                        let shown = differ[..differ.len().min(10)].join("\n");
                        return (counts, Some(case.tell(&format!("{} differ\n{shown}", differ.len()))));
                    }
                    Err(refusal) => return (counts, Some(case.tell(&refusal))),
                }
            }
            (counts, None)
        })
        .collect();
    let sum = |of: fn(&Counts) -> usize| results.iter().map(|(counts, _)| of(counts)).sum::<usize>();
    let (yes, no) = (sum(|one| one.yes), sum(|one| one.no));
    eprintln!("{dialect}: {} cases; of the verdicts {yes} are yes, {no} no", cases());
    let wrong: Vec<&String> = results.iter().filter_map(|(_, wrong)| wrong.as_ref()).collect();
    let shown: Vec<&str> = wrong.iter().take(3).map(|text| text.as_str()).collect();
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), shown.join("\n"));
    assert!(yes.min(no) > (yes + no) / 10, "nearly all verdicts are the same");
}

#[test]
fn verdicts_on_kubernetes_are_those_of_the_judges() {
    compare("kubernetes", &["kubernetes", "calico"]);
}

#[test]
fn verdicts_on_calico_are_those_of_the_judge() {
    compare("calico", &["calico"]);
}

#[test]
fn verdicts_on_cilium_are_those_of_the_judge() {
    compare("cilium", &["cilium"]);
}
