//! `netpolc eval`: any policies over any pods; 0 evaluated, 1 the manifests are not fine, 2 no answer.

use serde_json::Value;

use super::run;
use crate::support::{Project, repo};

const PODS: &str = "apiVersion: v1\nkind: Pod\nmetadata: { name: web, namespace: frontend, labels: { app: web } }\n---\n\
                    apiVersion: v1\nkind: Pod\nmetadata: { name: api, namespace: backend, labels: { app: api } }\n---\n\
                    apiVersion: v1\nkind: Pod\nmetadata: { name: postgres, namespace: db, labels: { app: postgres } }\n";

/// The first intent of the README, built, and a pod of each of its tiers.
fn shop() -> Project {
    let project = Project::new();
    let readme = std::fs::read_to_string(repo().join("README.md")).unwrap();
    let intent = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    project.write("intents/app.toml", intent);
    project.write("cluster.yaml", PODS);
    assert_eq!(run(&project, "build").code, 0);
    project
}

#[test]
fn the_table_of_the_readme_is_what_is_printed() {
    let readme = std::fs::read_to_string(repo().join("README.md")).unwrap();
    let block = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let (line, table) = block.split_once('\n').unwrap();
    let eval = run(&shop(), line.strip_prefix("$ netpolc ").unwrap());
    assert_eq!((eval.code, eval.stdout.as_str()), (0, table));
    assert_eq!(eval.stderr, "note: passed by, as neither pods nor policies: Kustomization (3)\n");
}

#[test]
fn json_has_every_flow_with_both_sides_and_what_decides() {
    let project = shop();
    let eval = run(&project, "eval cluster.yaml out/calico --probe TCP/80 --endpoint ip:203.0.113.7 --format json");
    assert_eq!((eval.code, eval.stderr.as_str()), (0, ""), "nothing but JSON");
    let answer: Value = serde_json::from_str(&eval.stdout).unwrap();
    let flows = answer["flows"].as_array().unwrap();
    assert_eq!(flows.len(), 4 * 4, "every ordered pair");
    let flow =
        |src: &str, dst: &str| flows.iter().find(|flow| flow["src"] == src && flow["dst"] == dst).unwrap().clone();
    assert_eq!(
        flow("frontend/web", "backend/api"),
        serde_json::json!({
            "src": "frontend/web", "dst": "backend/api", "probe": "TCP/80",
            "egress": true, "ingress": true, "allowed": true,
            "by": ["frontend--shop--web--egress-to--api", "backend--shop--api--ingress-from--web"],
        })
    );
    let denied = flow("frontend/web", "db/postgres");
    assert_eq!(
        (&denied["egress"], &denied["ingress"], &denied["allowed"]),
        (&false.into(), &false.into(), &false.into())
    );
    assert!(denied["by"].as_array().unwrap().iter().any(|by| by == "db--netpolc--default-deny"), "{denied}");
    for none in [flow("frontend/web", "frontend/web"), flow("ip:203.0.113.7", "ip:203.0.113.7")] {
        assert!(none["allowed"].is_null() && none["egress"].is_null(), "{none}");
    }
    assert_eq!(flow("ip:203.0.113.7", "frontend/web")["allowed"], true);
}

#[test]
fn without_probes_the_ports_that_are_named_are_asked_about() {
    let table = run(&shop(), "eval cluster.yaml out/kubernetes").stdout;
    for probe in ["TCP/53", "TCP/80", "TCP/5432", "UDP/53"] {
        assert!(table.contains(probe), "{probe}\n{table}");
    }
}

#[test]
fn what_engines_read_differently_is_ambiguous() {
    let project = Project::new();
    project.write("pods.yaml", PODS);
    // Rules of a direction that is not listed: Cilium goes by the rules.
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: odd, namespace: frontend}\n\
                  spec: {podSelector: {}, policyTypes: [Ingress], egress: [{ports: [{port: 80}]}]}\n";
    project.write("policy.yaml", policy);
    let eval = run(&project, "eval pods.yaml policy.yaml --probe TCP/81 --format json");
    let answer: Value = serde_json::from_str(&eval.stdout).unwrap();
    let flow = answer["flows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|flow| flow["src"] == "frontend/web" && flow["dst"] == "db/postgres");
    assert_eq!(flow.unwrap()["allowed"], "ambiguous");
    let table = run(&project, "eval pods.yaml policy.yaml --probe TCP/81");
    assert!(table.stdout.contains('?'), "{}", table.stdout);
    assert!(table.stderr.contains("as Calico, Cilium read them; ? where they differ"), "{}", table.stderr);
}

#[test]
fn an_option_of_an_agent_is_assumed_or_ambiguous() {
    let project = Project::new();
    project.write("pods.yaml", PODS);
    let policy = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: frontend}\nspec:\n  \
                  endpointSelector: {}\n  egress:\n  - toEndpoints: [{matchExpressions: [{key: app, operator: NotIn, \
                  values: [x]}, {key: 'k8s:io.kubernetes.pod.namespace', operator: NotIn, values: [z]}]}]\n";
    project.write("policy.yaml", policy);
    let verdict = |more: &str| {
        let line = format!("eval pods.yaml policy.yaml --probe TCP/80 --endpoint ip:203.0.113.7 --format json {more}");
        let answer: Value = serde_json::from_str(&run(&project, &line).stdout).unwrap();
        let mut flows = answer["flows"].as_array().unwrap().iter();
        flows.find(|flow| flow["src"] == "frontend/web" && flow["dst"] == "ip:203.0.113.7").unwrap()["egress"].clone()
    };
    assert_eq!(verdict(""), "ambiguous");
    assert_eq!(verdict("--assume policy-default-local-cluster=false"), true);
    assert_eq!(verdict("--assume policy-default-local-cluster=true"), false);
    for (wrong, part) in [
        ("--assume policy-default-local-cluster=yes", "is set to true or to false"),
        ("--assume enable-magic=true", "there is policy-default-local-cluster"),
        ("--assume policy-default-local-cluster=true,policy-default-local-cluster=false", "both true and false"),
    ] {
        let eval = run(&project, &format!("eval pods.yaml policy.yaml {wrong}"));
        assert_eq!(eval.code, 2, "{wrong}");
        assert!(eval.stderr.contains(part), "{}", eval.stderr);
    }
}

#[test]
fn what_a_validator_refuses_is_refused_at_its_place() {
    let project = Project::new();
    project.write("pods.yaml", PODS);
    for (text, place, part) in [
        ("spec: {podSelector: {}, ingress: [{ports: [{port: 70000}]}]}", "bad.yaml:4:", "70000 is no port"),
        ("spec: {podSelector: {}, ingress: [{from: [{}]}]}", "bad.yaml:4:", ""),
        ("spec: {podSelector: {}, egres: []}", "bad.yaml:4:", "egres"),
    ] {
        project.write(
            "bad.yaml",
            format!(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: a}}\n{text}\n"
            ),
        );
        let eval = run(&project, "eval pods.yaml bad.yaml");
        assert_eq!((eval.code, eval.stdout.as_str()), (1, ""), "{text}");
        assert!(eval.stderr.contains(place) && eval.stderr.contains(part), "{}", eval.stderr);
        assert!(eval.stderr.ends_with("1 error; nothing was evaluated\n"), "{}", eval.stderr);
    }
    project.write("bad.yaml", "apiVersion: crd.projectcalico.org/v1\nkind: GlobalNetworkPolicy\nmetadata: {name: p}\n");
    let eval = run(&project, "eval pods.yaml bad.yaml");
    assert_eq!(eval.code, 1);
    assert!(eval.stderr.contains("export projectcalico.org/v3 instead"), "{}", eval.stderr);
}

#[test]
fn questions_that_mean_nothing_have_no_answer() {
    let project = shop();
    for (line, part) in [
        ("eval cluster.yaml --probe 80", "as `TCP/80`"),
        ("eval cluster.yaml --endpoint web", "is no endpoint"),
        ("eval cluster.yaml out/calico --endpoint entity:host", "is nothing that calico knows"),
        ("eval cluster.yaml --probe TCP/80,tcp/80", "is given twice"),
        ("eval cluster.yaml --dialect cillium", "did you mean `cilium`?"),
        ("eval nowhere.yaml", "nowhere.yaml"),
        ("eval", "required"),
    ] {
        let eval = run(&project, line);
        assert_eq!((eval.code, eval.stdout.as_str()), (2, ""), "{line}");
        assert!(eval.stderr.contains(part), "{line}: {}", eval.stderr);
    }
}

#[test]
fn pods_without_policies_may_do_everything() {
    let project = Project::new();
    project.write("pods.yaml", PODS);
    let eval = run(&project, "eval pods.yaml --probe UDP/9");
    assert_eq!((eval.code, eval.stderr.as_str()), (0, "note: no policy was given, so everything may pass\n"));
    assert!(eval.stdout.contains("✓ 6 allowed"), "{}", eval.stdout);
}

/// In a cluster the later would replace the earlier, so what both say together is said by nobody.
#[test]
fn two_policies_of_one_name_are_refused_at_the_second() {
    let project = Project::new();
    project.write("pods.yaml", PODS);
    for (version, kind, spec, namespaced) in [
        ("networking.k8s.io/v1", "NetworkPolicy", "podSelector: {}", true),
        ("cilium.io/v2", "CiliumNetworkPolicy", "endpointSelector: {}\n  ingress: [{}]", true),
        ("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "endpointSelector: {}\n  ingress: [{}]", false),
        ("projectcalico.org/v3", "GlobalNetworkPolicy", "selector: all()", false),
    ] {
        let object = |namespace: &str| {
            let namespace = if namespaced { namespace } else { "" };
            format!("apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: p\n{namespace}spec:\n  {spec}\n")
        };
        let (none, default, other) = (object(""), object("  namespace: default\n"), object("  namespace: db\n"));
        project.write("twice.yaml", format!("{none}---\n{default}"));
        let eval = run(&project, "eval pods.yaml twice.yaml");
        assert_eq!((eval.code, eval.stdout.as_str()), (1, ""), "{kind}");
        let line = none.lines().count() + 2;
        assert!(eval.stderr.contains(&format!("{kind} `p` is there twice")), "{}", eval.stderr);
        assert!(eval.stderr.contains(&format!("twice.yaml:{line}:1")), "{}", eval.stderr);
        project.write("twice.yaml", format!("{none}---\n{other}"));
        assert_eq!(run(&project, "eval pods.yaml twice.yaml").code, i32::from(!namespaced), "{kind}");
    }
}

/// A pod keeps one port of a name in Cilium, and all of them in Calico.
#[test]
fn a_name_of_ports_in_two_containers_is_the_last_ones_or_both() {
    let project = Project::new();
    let port = |name: &str, number: u16| {
        format!("{{name: {name}, image: c, ports: [{{name: http, containerPort: {number}}}]}}")
    };
    let web = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: two, namespace: db}}\nspec: {{containers: [{}, {}]}}\n",
        port("a", 80),
        port("b", 81)
    );
    project.write("pods.yaml", format!("{PODS}---\n{web}"));
    let ports = "[{ports: [{port: http, protocol: TCP}]}]";
    let cilium = format!("endpointSelector: {{}}, ingress: [{{toPorts: {ports}}}]");
    let calico = "ingress: [{action: Allow, protocol: TCP, destination: {ports: [http]}}]";
    let kubernetes = "podSelector: {}, ingress: [{ports: [{port: http}]}]";
    for (version, kind, spec, answers) in [
        ("cilium.io/v2", "CiliumNetworkPolicy", cilium.as_str(), ["false", "true"]),
        ("projectcalico.org/v3", "NetworkPolicy", calico, ["true", "true"]),
        ("networking.k8s.io/v1", "NetworkPolicy", kubernetes, ["\"ambiguous\"", "true"]),
    ] {
        let text =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: p, namespace: db}}\nspec: {{{spec}}}\n");
        project.write("policy.yaml", text);
        let eval = run(&project, "eval pods.yaml policy.yaml --probe TCP/80,TCP/81 --format json");
        let told: Value = serde_json::from_str(&eval.stdout).unwrap();
        let of = |flow: &&Value| flow["src"] == "frontend/web" && flow["dst"] == "db/two";
        let seen: Vec<String> =
            told["flows"].as_array().unwrap().iter().filter(of).map(|flow| flow["allowed"].to_string()).collect();
        assert_eq!(seen, answers, "{version}");
    }
}

#[test]
fn labels_of_namespaces_that_nothing_declares_are_told() {
    let project = Project::new();
    project.write("pods.yaml", PODS);
    let by = |key: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: db}}\nspec: {{podSelector: {{}}, \
             ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{{key}: backend}}}}}}]}}]}}\n"
        )
    };
    project.write("policy.yaml", by("team"));
    assert_eq!(
        run(&project, "eval pods.yaml policy.yaml --format json").stderr,
        "note: policies ask for labels of namespaces, and nothing declares `backend`, `db`, `frontend`: none but the name is \
         taken to be there\n"
    );
    project.write("policy.yaml", by("kubernetes.io/metadata.name"));
    assert_eq!(run(&project, "eval pods.yaml policy.yaml --format json").stderr, "");
}
