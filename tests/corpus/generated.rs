//! Generated projects instead of tables: whatever the model says of a flow, the policies of every dialect say too.
//!
//! The tables show that the model is right; this shows that all dialects follow it far from the tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::Index;

use super::table;
use super::{by_model, by_policies, dialects};
use crate::support::{Project, netpolc};

#[derive(Debug, Clone)]
struct Tier {
    /// Of its app's two namespaces.
    namespaces: &'static [usize],
    pods: &'static str,
    ports: &'static str,
    metrics: bool,
}

/// What an edge leads to or comes from, beside tiers.
const OTHERS: [&str; 10] = [
    "anywhere",
    "internet",
    "cluster",
    "named",
    "labelled",
    "everywhere",
    "one-family",
    "with-holes",
    "many",
    "approved",
];

#[derive(Debug, Clone)]
struct Edge {
    from: Index,
    /// A tier, or one of the others.
    to: Result<Index, Index>,
    /// From the other to the tier.
    reversed: bool,
    ports: Option<&'static str>,
}

#[derive(Debug, Clone)]
struct Plan {
    apps: Vec<(bool, Vec<Tier>)>,
    edges: Vec<Edge>,
    settings: Vec<&'static str>,
    seed: u64,
}

fn plans() -> impl Strategy<Value = Plan> {
    let tier = (
        prop::sample::select(vec![&[0_usize] as &[usize], &[1], &[0, 1]]),
        prop::sample::select(vec![
            r#"{ app = "a" }"#,
            r#"{ app = "b" }"#,
            r#"{ app = "a", zone = "x" }"#,
            r#"{ zone = "x" }"#,
            r#""all""#,
        ]),
        prop::sample::select(vec!["[80]", r#"[80, "80/UDP"]"#, r#"["8000-8100/TCP"]"#, r#"["443/SCTP"]"#]),
        any::<bool>(),
    )
        .prop_map(|(namespaces, pods, ports, metrics)| Tier { namespaces, pods, ports, metrics });
    let ports = prop::option::of(prop::sample::select(vec![
        "[443]",
        r#"["all"]"#,
        r#"["all/TCP"]"#,
        r#"["53/UDP", 8080]"#,
        r#"["8050-8200/TCP", "1-100/UDP"]"#,
    ]));
    let end = prop_oneof![any::<Index>().prop_map(Ok), any::<Index>().prop_map(Err)];
    let edge = (any::<Index>(), end, any::<bool>(), ports).prop_map(|(from, to, reversed, ports)| Edge {
        from,
        to,
        reversed,
        ports,
    });
    let settings = prop::sample::subsequence(
        vec![
            "log-denied = true",
            "tier = \"platform\"",
            "dns = \"openshift\"",
            "pod-cidrs = [\"10.244.0.0/16\", \"fd00:244::/32\"]",
            "service-cidrs = [\"10.96.0.0/12\"]",
            "guards = { metadata-deny = true }",
        ],
        0..=6,
    );
    let apps = prop::collection::vec((any::<bool>(), prop::collection::vec(tier, 1..4)), 1..3);
    (apps, prop::collection::vec(edge, 0..9), settings, any::<u64>()).prop_map(|(apps, edges, settings, seed)| Plan {
        apps,
        edges,
        settings,
        seed,
    })
}

impl Plan {
    fn intents(&self) -> Vec<String> {
        let tiers = self.apps.iter().enumerate();
        let all: Vec<(usize, usize)> =
            tiers.flat_map(|(app, (_, tiers))| (0..tiers.len()).map(move |tier| (app, tier))).collect();
        let mut edges: BTreeMap<(usize, String, String), Option<&str>> = BTreeMap::new();
        for edge in &self.edges {
            let (app, tier) = *edge.from.get(&all);
            let own = format!("t{tier}");
            let other = match &edge.to {
                Ok(to) => match *to.get(&all) {
                    (of, tier) if of == app => format!("t{tier}"),
                    (of, tier) => format!("app{of}/t{tier}"),
                },
                Err(other) => (*other.get(&OTHERS)).to_owned(),
            };
            let (from, to) = if edge.reversed { (other, own) } else { (own, other) };
            // An external is a destination; and nobody declares the ports of what is everywhere.
            let destination_only = ["everywhere", "one-family", "with-holes", "many", "approved"];
            if destination_only.contains(&from.as_str()) {
                continue;
            }
            let undeclared = ["anywhere", "internet", "cluster"].contains(&to.as_str());
            let ports = edge.ports.or(undeclared.then_some("[443]"));
            edges.entry((app, from, to)).or_insert(ports);
        }
        self.apps.iter().enumerate().map(|(app, (dns, tiers))| {
            let mut text = format!("app = \"app{app}\"\ndns = {dns}\n[tiers]\n");
            for (number, tier) in tiers.iter().enumerate() {
                let namespaces: Vec<String> = tier.namespaces.iter().map(|n| format!("\"ns{app}-{n}\"")).collect();
                let (namespaces, pods, ports) = (namespaces.join(", "), tier.pods, tier.ports);
                let metrics = if tier.metrics { ", metrics = [9090]" } else { "" };
                writeln!(text, "t{number} = {{ namespace = [{namespaces}], pods = {pods}, ports = {ports}{metrics} }}").unwrap();
            }
            text += "[peers]\n";
            text += "named = { namespace = \"theirs\", pods = { app = \"p\" }, ports = [7000] }\n";
            text += "labelled = { namespace = { labels = { team = \"x\" } }, pods = \"all\", ports = [7000] }\n";
            text += "[external]\n";
            text += "everywhere = { cidrs = [\"198.51.100.0/24\", \"2001:db8:1::/48\"], ports = [443] }\n";
            text += "one-family = { cidrs = [\"2001:db8:2::/48\"], except = [\"2001:db8:2::/49\"], ports = [443] }\n";
            text += "with-holes = { cidrs = [\"203.0.113.0/24\"], except = [\"203.0.113.64/26\", \"203.0.113.3/32\"], ports = [443, \"443/UDP\"] }\n";
            text += "many = { cidrs = [\"192.0.2.0/25\", \"192.0.2.128/26\", \"192.0.2.255/32\"], ports = [\"1-1000/TCP\"] }\n";
            for ((_, from, to), ports) in edges.iter().filter(|((of, _, _), _)| *of == app) {
                writeln!(text, "[[allow]]\nfrom = \"{from}\"\nto = \"{to}\"\nwhy = \"it must\"").unwrap();
                if let Some(ports) = ports {
                    writeln!(text, "ports = {ports}").unwrap();
                }
            }
            text
        }).collect()
    }

    fn settings(&self) -> String {
        let mut text = format!("[cluster]\n{}\n", self.settings.join("\n"));
        text += "[external]\napproved = { cidrs = [\"198.51.100.123/32\"], ports = [\"123/UDP\"] }\n";
        text += "[approximate]\nkubernetes = [\"guards-omitted\"]\n[lints]\n";
        for rule in netpolc::checks::all() {
            writeln!(text, "{} = \"allow\"", rule.code).unwrap();
        }
        text
    }

    /// Flows between what the project may be about, and its neighbours.
    fn flows(&self, number: usize) -> String {
        let mut ends = vec![];
        for (app, (_, tiers)) in self.apps.iter().enumerate() {
            // Of a namespace without tiers nothing is said but by guards, which the model's judge knows nothing of.
            for namespace in (0..2).filter(|namespace| tiers.iter().any(|tier| tier.namespaces.contains(namespace))) {
                for labels in ["", "app=a", "app=b", "app=a,zone=x", "zone=x", "app=b,zone=x,more=1"] {
                    ends.push(format!("ns{app}-{namespace}/{labels}"));
                }
            }
        }
        let managed = ends.len();
        let others = "theirs/app=p theirs/ other/app=p ours{team=x}/ ours{team=y}/ ours{team=x,env=prod}/app=a \
            monitoring/app.kubernetes.io/name=prometheus monitoring/ kube-system/k8s-app=kube-dns kube-system/ \
            openshift-dns/dns.operator.openshift.io/daemonset-dns=default ns9-0/app=a \
            ip:198.51.100.0 ip:198.51.100.123 ip:198.51.101.0 ip:2001:db8:1::1 ip:2001:db8:2::1 ip:2001:db8:2:8000::1 \
            ip:203.0.113.3 ip:203.0.113.4 ip:203.0.113.64 ip:203.0.113.128 ip:192.0.2.127 ip:192.0.2.192 ip:192.0.2.255 \
            ip:1.1.1.1 ip:2606:4700::1111 ip:10.1.2.3 ip:10.244.9.9 ip:10.96.0.1 ip:172.20.0.1 ip:fd12::1 \
            ip:169.254.169.254 ip:fd00:ec2::254 ip:100.100.100.200 node";
        ends.extend(others.split_whitespace().map(str::to_owned));
        let ports = "80/TCP 80/UDP 443/TCP 443/UDP 443/SCTP 7000/TCP 8000/TCP 8050/TCP 8080/TCP 8100/TCP 8101/TCP 8200/TCP \
            8201/TCP 9090/TCP 53/UDP 53/TCP 5353/UDP 123/UDP 100/UDP 101/UDP 1/SCTP 65535/TCP";
        let ports: Vec<&str> = ports.split_whitespace().collect();
        let mut state = self.seed;
        let mut below = |limit: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit
        };
        let mut text = String::new();
        for _ in 0..number {
            let (own, other, port) = (&ends[below(managed)], &ends[below(ends.len())], ports[below(ports.len())]);
            // A node is a source only.
            let (from, to) = if other == "node" || below(2) == 0 { (other, own) } else { (own, other) };
            writeln!(text, "allow {from} -> {to} {port}").unwrap();
        }
        text
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_dialect_says_what_the_model_says(plan in plans()) {
        let project = Project::new();
        for (app, text) in plan.intents().iter().enumerate() {
            project.write(&format!("intents/app{app}.toml"), text);
        }
        project.write("netpolc.toml", plan.settings());
        let said = || format!("{}\n{}", plan.settings(), plan.intents().join("\n"));
        let build = netpolc(project.dir(), &["build", "--today", "2026-01-01"]);
        prop_assert_eq!(build.code, 0, "{}\n{}", build.stderr, said());
        let model = by_model::load(project.dir());
        let judges: Vec<_> = dialects()
            .map(|dialect| (dialect, by_policies::load(dialect, &project.dir().join("out").join(dialect))))
            .collect();
        for line in table::parse(&plan.flows(300)) {
            let expected = by_model::allows(&model, &line);
            for (dialect, judge) in &judges {
                for allows in by_policies::verdicts(dialect, &**judge, &line) {
                    prop_assert_eq!(allows, expected, "{}: {}\n{}", dialect, line.text, said());
                }
            }
        }
    }
}
