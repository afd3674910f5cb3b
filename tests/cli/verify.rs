//! `netpolc verify`: what is in `out/`, what somebody wrote, what a cluster holds; 0 proved, 1 not, 2 no answer.

use std::io::Write;
use std::process::{Command, Stdio};

use super::run;
use crate::support::{Project, Run, tool};

const SHOP: &str = r#"app = "shop"

[tiers]
web = { namespace = "front", pods = { app = "web" }, dns = false }
api = { namespace = "back",  pods = { app = "api" }, ports = { http = 8080 }, dns = false }

[[allow]]
from = "web"
to   = "api"
why  = "the front calls the API"
"#;

fn built() -> Project {
    let project = Project::new();
    project.write("intents/shop.toml", SHOP);
    assert_eq!(run(&project, "build").code, 0);
    project
}

/// The same relations by hand, and in another style.
fn by_hand(port: &str) -> String {
    let deny = |namespace: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: none, namespace: {namespace}}}\n\
             spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress]}}\n---\n"
        )
    };
    format!(
        "{}{}apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: out, namespace: front}}\nspec:\n  \
         podSelector: {{matchExpressions: [{{key: app, operator: In, values: [web]}}]}}\n  policyTypes: [Egress]\n  \
         egress: [{{to: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: back}}}}, podSelector: \
         {{matchLabels: {{app: api}}}}}}], ports: [{{port: 8080}}]}}]\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: in, namespace: back}}\nspec:\n  \
         podSelector: {{matchLabels: {{app: api}}}}\n  ingress: [{{from: [{{namespaceSelector: {{matchLabels: \
         {{kubernetes.io/metadata.name: front}}}}, podSelector: {{matchLabels: {{app: web}}}}}}], ports: [{{port: {port}}}]}}]\n",
        deny("front"),
        deny("back")
    )
}

fn with_input(project: &Project, args: &[&str], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netpolc"))
        .args(args)
        .current_dir(project.dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What `kubectl get networkpolicies -A -o yaml` makes of the rendered policies.
fn dump(project: &Project) -> String {
    let manifests = run(project, "build --stdout --dialect kubernetes").stdout;
    let mut list = String::from("apiVersion: v1\nkind: List\nmetadata:\n  resourceVersion: \"\"\nitems:\n");
    for document in serde_yaml::Deserializer::from_str(&manifests) {
        let mut object: serde_yaml::Value = serde::Deserialize::deserialize(document).unwrap();
        if object.is_null() {
            continue;
        }
        object["metadata"]["uid"] = "1b7b3c1e-0000-4000-8000-000000000000".into();
        object["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        object["status"] = serde_yaml::Mapping::new().into();
        let text = serde_yaml::to_string(&object).unwrap();
        list += &text
            .lines()
            .enumerate()
            .fold(String::new(), |all, (at, line)| all + if at == 0 { "- " } else { "  " } + line + "\n");
    }
    list
}

#[test]
fn what_is_in_out_is_proved_in_every_dialect() {
    let project = built();
    for line in ["verify", "verify out", "verify ./out/"] {
        let verify = run(&project, line);
        assert_eq!((verify.code, verify.stderr.as_str()), (0, ""), "{line}");
        let first = verify.stdout.lines().next().unwrap();
        assert_eq!(first, "verified: calico, cilium, kubernetes allow exactly the 1 flow of 1 intent");
        assert!(verify.stdout.contains("taken for granted: "), "the closed world is told");
    }
    let one = run(&project, "verify --dialect cilium").stdout;
    assert!(one.starts_with("verified: cilium allows exactly the 1 flow of 1 intent\n"), "{one}");
}

#[test]
fn what_somebody_changed_in_out_is_a_flow_at_its_line() {
    let project = built();
    let path = "out/kubernetes/allow/back.yaml";
    project.write(path, project.read(path).replace("port: 8080", "port: 8081"));
    let verify = run(&project, "verify");
    assert_eq!(verify.code, 1);
    assert!(verify.stderr.contains("front/web → back/api 8081/TCP: intent denies (no edge), kubernetes allows"));
    assert!(verify.stderr.contains("--> out/kubernetes/allow/back.yaml:"), "{}", verify.stderr);
    assert!(verify.stderr.contains("the other side still refuses it: the connection is not open"));
    assert!(verify.stderr.contains("front/web → back/api 8080/TCP: intent allows (web -> api), kubernetes denies"));
    assert!(!verify.stdout.contains("verified"));
}

#[test]
fn a_folder_that_is_missing_or_lists_too_little_is_not_proved() {
    let project = built();
    std::fs::remove_dir_all(project.dir().join("out/calico")).unwrap();
    let verify = run(&project, "verify");
    assert_eq!(verify.code, 1);
    assert!(verify.stderr.contains("there is no folder `out/calico`"), "{}", verify.stderr);
    let project = built();
    project.write(
        "out/cilium/allow/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - front.yaml\n",
    );
    let verify = run(&project, "verify");
    assert_eq!(verify.code, 1);
    assert!(verify.stderr.contains("would not be applied, as nothing lists them: `back.yaml`"), "{}", verify.stderr);
}

#[test]
fn policies_by_hand_are_proved_whatever_their_style() {
    let project = built();
    for port in ["8080", "http"] {
        project.write("k8s/all.yaml", by_hand(port));
        let verify = run(&project, "verify k8s");
        assert_eq!((verify.code, verify.stderr.as_str()), (0, ""), "{port}");
        assert!(verify.stdout.starts_with("verified: kubernetes allows exactly the 1 flow of 1 intent\n"));
    }
}

#[test]
fn a_hole_by_hand_says_who_whom_and_where_it_is_written() {
    let project = built();
    let hole = by_hand("8080").replace("operator: In, values: [web]", "operator: NotIn, values: [db]");
    project.write("k8s/all.yaml", &hole);
    let verify = run(&project, "verify k8s");
    assert_eq!(verify.code, 1);
    let first = verify.stderr.lines().next().unwrap();
    assert_eq!(
        first,
        "error[NP702]: front/(any other pod) → back/api 8080/TCP: intent denies (no edge), kubernetes allows"
    );
    assert!(verify.stderr.contains("k8s/all.yaml:17:"), "{}", verify.stderr);
    assert!(verify.stderr.contains("the other side still refuses it"), "{}", verify.stderr);
    assert!(verify.stderr.contains("change the policy, or the intent that it is held against"));
}

#[test]
fn other_tools_pipe_their_output_in() {
    let project = built();
    let service =
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: back}\nspec: {ports: [{port: 80}]}\n";
    let verify = with_input(&project, &["verify", "-"], &(by_hand("8080") + service));
    assert_eq!((verify.code, verify.stderr.as_str()), (0, "note: passed by 1 object that is no policy\n"));
    let empty = with_input(&project, &["verify", "-"], service);
    assert_eq!(empty.code, 1);
    assert!(empty.stderr.contains("there is no policy in what was given"), "an empty answer proves nothing");
    let typo = with_input(
        &project,
        &["verify", "-"],
        &by_hand("8080").replace("policyTypes: [Egress]", "policyType: [Egress]"),
    );
    assert_eq!(typo.code, 1);
    assert!(typo.stderr.contains("policyType") && typo.stderr.contains("<stdin>:"), "{}", typo.stderr);
}

#[test]
fn what_kustomize_builds_is_proved() {
    if !tool("kubectl") {
        return;
    }
    let project = built();
    for dialect in ["kubernetes", "calico", "cilium"] {
        let folder = project.dir().join("out").join(dialect);
        let kustomize = Command::new("kubectl").arg("kustomize").arg(folder).output().unwrap();
        assert!(kustomize.status.success(), "{}", String::from_utf8_lossy(&kustomize.stderr));
        let verify = with_input(&project, &["verify", "-"], &String::from_utf8(kustomize.stdout).unwrap());
        assert_eq!((verify.code, verify.stderr.as_str()), (0, ""), "{dialect}");
        assert!(
            verify.stdout.starts_with(&format!("verified: {dialect} allows exactly the 1 flow")),
            "{}",
            verify.stdout
        );
    }
}

#[test]
fn where_engines_differ_it_says_which_one_opens_it() {
    let project = built();
    // Cilium goes by the rules that are there, whatever `policyTypes` says.
    let odd = by_hand("8080").replace("policyTypes: [Egress]", "policyTypes: [Ingress]");
    project.write("k8s/all.yaml", odd);
    let verify = run(&project, "verify k8s");
    assert_eq!(verify.code, 1);
    assert!(verify.stderr.contains("as Calico reads it, not as every engine does"), "{}", verify.stderr);
}

#[test]
fn two_engines_policies_are_not_proved_together() {
    let project = built();
    std::fs::rename(project.dir().join("out"), project.dir().join("old")).unwrap();
    let verify = run(&project, "verify old");
    assert_eq!(verify.code, 1);
    assert!(verify.stderr.contains("policies of calico and cilium stand together"), "{}", verify.stderr);
    assert_eq!(run(&project, "verify old/calico").code, 0);
}

#[test]
fn a_cluster_that_holds_what_was_rendered_has_no_drift() {
    let project = built();
    project.write("dump.yaml", dump(&project));
    let verify = run(&project, "verify --live dump.yaml");
    assert_eq!((verify.code, verify.stderr.as_str()), (0, ""), "{}", verify.stdout);
    assert!(verify.stdout.ends_with("no drift: every object as rendered\n"), "{}", verify.stdout);
}

#[test]
fn drift_is_told_object_by_object_with_its_flows() {
    let project = built();
    let dump = dump(&project);
    project.write("dump.yaml", dump.replace("port: 8080", "port: 9999"));
    let verify = run(&project, "verify --live dump.yaml");
    assert_eq!(verify.code, 1);
    for line in [
        "changed NetworkPolicy `back/shop--api--ingress-from--web` (dump.yaml:",
        "changed NetworkPolicy `front/shop--web--egress-to--api` (dump.yaml:",
        "  - front/web → back/api 8080/TCP",
        "drift: 2 objects not as rendered",
    ] {
        assert!(verify.stdout.contains(line), "{line}:\n{}", verify.stdout);
    }
    // An object that is gone, and one that nobody rendered; one of a namespace that nobody manages is others' affair.
    let extra = "- apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicy\n  metadata: {name: debug, namespace: back}\n  \
                 spec: {podSelector: {}, ingress: [{}]}\n- apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicy\n  \
                 metadata: {name: theirs, namespace: other}\n  spec: {podSelector: {}}\n";
    let gone = dump.replace("name: shop--web--egress-to--api", "name: shop--web--renamed");
    project.write("dump.yaml", gone + extra);
    let verify = run(&project, "verify --live dump.yaml");
    assert_eq!(verify.code, 1);
    for line in [
        "missing NetworkPolicy `front/shop--web--egress-to--api` (out/kubernetes/allow/front.yaml:",
        "  - front/web → back/api 8080/TCP",
        "extra NetworkPolicy `front/shop--web--renamed` (dump.yaml:",
        "extra NetworkPolicy `back/debug` (dump.yaml:",
        "  + anywhere → back/(every pod) all",
        "drift: 3 objects not as rendered",
    ] {
        assert!(verify.stdout.contains(line), "{line}:\n{}", verify.stdout);
    }
    assert!(!verify.stdout.contains("theirs"), "{}", verify.stdout);
    assert!(verify.stderr.contains("policy `debug` allows to receive it"), "{}", verify.stderr);
}

/// As it is after `kubectl delete networkpolicies -A --all`.
#[test]
fn a_cluster_without_policies_misses_them_all() {
    let project = built();
    project.write("dump.yaml", "apiVersion: v1\nkind: List\nitems: []\n");
    let verify = run(&project, "verify --live dump.yaml --dialect kubernetes");
    assert_eq!(verify.code, 1);
    assert!(verify.stdout.contains("missing NetworkPolicy `front/shop--web--egress-to--api`"), "{}", verify.stdout);
    assert!(verify.stdout.contains("  + every connection to and from other pods of front\n"), "{}", verify.stdout);
    assert!(verify.stdout.ends_with("drift: 4 objects not as rendered\n"), "{}", verify.stdout);
    let which = run(&project, "verify --live dump.yaml");
    assert_eq!(which.code, 1);
    assert!(which.stderr.contains("say which it should have: --dialect"), "{}", which.stderr);
}

#[test]
fn policies_are_of_one_cluster_and_one_dialect() {
    let project = built();
    project.write("netpolc.toml", "[clusters.eu]\n[clusters.us]\n");
    project.write("k8s/all.yaml", by_hand("8080"));
    let verify = run(&project, "verify k8s");
    assert_eq!(verify.code, 2);
    assert!(verify.stderr.contains("name one with --cluster (eu, us)"), "{}", verify.stderr);
    assert_eq!(run(&project, "verify k8s --cluster eu").code, 0);
    let two = run(&project, "verify k8s --cluster eu --dialect calico,cilium");
    assert_eq!(two.code, 2);
    assert!(two.stderr.contains("name one with --dialect"), "{}", two.stderr);
    assert_eq!(run(&project, "verify nowhere --cluster eu").code, 2);
}

/// A guardrail is followed over the policies themselves, one connection far or along a chain.
#[test]
fn what_a_guardrail_rules_out_is_found_in_the_policies() {
    let project = Project::new();
    let db = "db  = { namespace = \"data\", pods = { app = \"db\" }, ports = [5432], dns = false }\n\n[[allow]]";
    let forbid =
        "\n[[forbid]]\nfrom = \"web\"\nto = \"db\"\ntransitive = true\nwhy = \"the front never sees the data\"\n";
    project.write(
        "intents/shop.toml",
        SHOP.replacen("[[allow]]", db, 1).replace("dns = false }\n\ndb ", "dns = false }\ndb ") + forbid,
    );
    let built = run(&project, "build");
    assert_eq!(built.code, 0, "{}", built.stderr);
    assert_eq!(run(&project, "verify --dialect kubernetes").code, 0);
    let rule = |namespace: &str, app: &str, side: &str, list: &str, far: &str, other: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {app}-{list}-{other}, namespace: \
             {namespace}}}\nspec:\n  podSelector: {{matchLabels: {{app: {app}}}}}\n  policyTypes: [{side}]\n  {list}: \
             [{{{far}: [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: {other}}}}}}}]}}]\n---\n"
        )
    };
    let hop = |from: (&str, &str), to: (&str, &str)| {
        rule(from.0, from.1, "Egress", "egress", "to", to.1) + &rule(to.0, to.1, "Ingress", "ingress", "from", from.1)
    };
    let (web, api, data) = (("front", "web"), ("back", "api"), ("data", "db"));
    for (policies, words) in [
        (
            hop(web, data),
            "a pod labelled app=web in namespace front could reach a pod labelled app=db in namespace data",
        ),
        (
            hop(web, api) + &hop(api, data),
            "the chain: a pod labelled app=web in namespace front → a pod labelled app=api",
        ),
    ] {
        // However much else is wrong.
        let others: String =
            (0..12).map(|n| rule(&format!("other-{n}"), "x", "Ingress", "ingress", "from", "z")).collect();
        project.write("k8s/all.yaml", others + &policies);
        let verify = run(&project, "verify k8s");
        assert_eq!(verify.code, 1);
        let stderr = verify.stderr;
        assert!(stderr.contains("more mismatches between the intent and kubernetes are not shown"), "{stderr}");
        assert!(stderr.contains("forbidden: web -> db") && stderr.contains(words), "{words}:\n{stderr}");
        assert!(stderr.contains("this is what the policies of kubernetes let through"), "{stderr}");
    }
}

/// What may be said otherwise than it is meant is told beside what is proved, as builds tell it.
#[test]
fn what_is_approximated_is_told() {
    let project = Project::new();
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n[approximate]\nkubernetes = [\"http-as-l4\"]\n");
    let why = "http = [{ method = \"GET\" }]\nwhy";
    project.write("intents/shop.toml", SHOP.replace("why", why));
    assert_eq!(run(&project, "build").code, 0);
    for line in ["verify", "verify out/kubernetes"] {
        let verify = run(&project, line);
        assert_eq!(verify.code, 0, "{line}: {}", verify.stderr);
        let expected = "exact except: kubernetes http-as-l4 (wider): web -> api: GET";
        assert!(verify.stdout.lines().any(|line| line.starts_with(expected)), "{}", verify.stdout);
    }
}

#[test]
fn intents_that_are_wrong_prove_nothing() {
    let project = built();
    project.write("intents/shop.toml", SHOP.replace("to   = \"api\"", "to   = \"apo\""));
    let verify = run(&project, "verify");
    assert_eq!(verify.code, 1);
    assert!(verify.stderr.ends_with("; nothing was verified\n"), "{}", verify.stderr);
}
