//! What the project file decides for every app, and what ports cannot tell: guards, staged policies, requests, host names.
//! By the judges of those dialects that can say it.

use std::fs;

use netpolc::dialects::{Dialect, REGISTRY};
use netpolc::verify::normal::Staging;

use super::table::{self, End, Line};
use super::{by_policies, lines, names};
use crate::judge::{self, Judge};
use crate::support::{Project, netpolc, repo};

/// All intents of the repository, with its settings as `settle` changes them, built.
fn built(settle: impl Fn(String) -> String) -> Project {
    let project = Project::new();
    for name in names("intents", "toml") {
        project.write(&format!("intents/{name}.toml"), fs::read(repo().join(format!("intents/{name}.toml"))).unwrap());
    }
    project.write("netpolc.toml", settle(fs::read_to_string(repo().join("netpolc.toml")).unwrap()));
    let build = netpolc(project.dir(), &["build", "--today", "2026-01-01"]);
    assert_eq!(build.code, 0, "{}", build.stderr);
    project
}

fn that_can(can: impl Fn(&dyn Dialect) -> bool) -> Vec<&'static str> {
    REGISTRY.iter().filter(|dialect| can(**dialect)).map(|dialect| dialect.name()).collect()
}

fn load(project: &Project, dialect: &str) -> Box<dyn Judge> {
    by_policies::load(dialect, &project.dir().join("out").join(dialect))
}

/// The lines that a judge sees otherwise.
fn broken(dialect: &str, judge: &dyn Judge, lines: &[Line]) -> Vec<String> {
    let otherwise = |line: &&Line| by_policies::verdicts(dialect, judge, line).iter().any(|one| *one != line.allow);
    lines.iter().filter(otherwise).map(|line| format!("{dialect}: {}", line.text)).collect()
}

/// Of pods that no intent manages.
const GUARDS: &str = "
deny   default/                -> ip:169.254.169.254  80/TCP
deny   default/app=x           -> ip:169.254.170.23   80/TCP
deny   default/                -> ip:fd00:ec2::254    80/TCP
allow  default/                -> ip:169.254.169.253  53/UDP   # its neighbour
allow  kube-system/app=cni     -> ip:169.254.169.254  80/TCP   # what the cluster needs for itself
allow  default/                -> ip:198.51.100.7     443/TCP  # excepted from the default deny
allow  ip:198.51.100.7         -> default/            443/TCP
allow  tenant-b/               -> default/            80/TCP
allow  node                    -> default/            80/TCP
deny   tenant-c/               -> ip:198.51.100.7     443/TCP  # of a team that nobody knows
deny   tenant-c/               -> tenant-b/           80/TCP
deny   tenant-b/               -> tenant-c/           80/TCP
deny   tenant-c/               -> tenant-c/           80/TCP
deny   tenant-c/               -> ip:169.254.169.254  80/TCP
deny   ip:198.51.100.7         -> tenant-c/app=web    80/TCP
deny   node                    -> tenant-c/app=web    80/TCP
allow  kube-system/            -> ip:198.51.100.7     443/TCP
";

#[test]
fn guards_hold_where_no_intent_does() {
    let project = built(|settings| settings);
    let lines = table::parse(GUARDS);
    for dialect in that_can(|dialect| dialect.capabilities().guards) {
        assert_eq!(broken(dialect, &*load(&project, dialect), &lines), [""; 0]);
    }
    let without = built(|settings| {
        let (before, after) = settings.split_once("[cluster.guards]").unwrap();
        format!("{before}[{}", after.split_once("\n[").unwrap().1)
    });
    let denied: Vec<Line> = lines.into_iter().filter(|line| !line.allow).collect();
    for dialect in that_can(|dialect| dialect.capabilities().guards) {
        let open = broken(dialect, &*load(&without, dialect), &denied);
        assert_eq!(open.len(), denied.len(), "{dialect} denies without guards");
    }
}

#[test]
fn what_is_staged_only_reports() {
    let dialects = that_can(|dialect| dialect.capabilities().staged != Staging::None);
    if dialects.is_empty() {
        return;
    }
    let project = built(|settings| {
        format!("dialects = {dialects:?}\n{settings}").replace("[cluster]", "[cluster]\nstaged = true")
    });
    let tables: Vec<Line> = names("tests/corpus", "flows").iter().flat_map(|name| lines(name)).collect();
    for dialect in dialects {
        let judge = load(&project, dialect);
        for line in tables.iter().chain(&table::parse(GUARDS)) {
            let enforced = by_policies::verdicts(dialect, &*judge, line).contains(&false);
            assert!(!enforced, "{dialect}, staged, denies: {}", line.text);
            assert_eq!(by_policies::requests(dialect, &*judge, line).iter().find(|r| r["http"].is_sequence()), None);
        }
        if dialect == "calico" {
            // What it reports is what it would enforce.
            let text = by_policies::text(&project.dir().join("out/calico"));
            let judge = judge::calico::Policies::parse(&text, judge::calico::Staged::Enforced).unwrap();
            assert_eq!(broken(dialect, &judge, &tables), [""; 0]);
            assert_eq!(broken(dialect, &judge, &table::parse(GUARDS)), [""; 0]);
        }
    }
}

const AGENT: &str = r#"
app = "agent"
dns = false
[tiers]
agent = { namespace = "agents", pods = { app = "agent" }, ports = [9100] }
[[allow]]
from = "nodes"
to   = "agent"
why  = "nodes report"
[[allow]]
from  = "agent"
to    = ["kube-apiserver", "nodes"]
ports = [6443]
why   = "it watches pods"
"#;

/// Where nodes are what they are, and where they are addresses.
#[test]
fn nodes_and_the_api_server_are_known_by_what_the_dialect_knows() {
    let project = Project::new();
    project.write("intents/agent.toml", AGENT);
    let cidrs = "node-cidrs = [\"10.0.0.0/16\"]\napi-server-cidrs = [\"10.1.0.1/32\"]";
    project.write("netpolc.toml", format!("[cluster]\n{cidrs}\n"));
    let build = netpolc(project.dir(), &["build", "--today", "2026-01-01"]);
    assert_eq!(build.code, 0, "{}", build.stderr);
    let nobodys = "
        deny   ip:10.2.0.1           -> agents/app=agent  9100/TCP
        deny   ip:10.0.0.7           -> agents/app=agent  9101/TCP
        deny   default/              -> agents/app=agent  9100/TCP
        deny   agents/app=agent      -> ip:10.1.0.2       6443/TCP
        deny   agents/app=agent      -> ip:10.1.0.1       443/TCP
        deny   agents/app=agent      -> default/          6443/TCP
        deny   agents/               -> ip:10.1.0.1       6443/TCP
        deny   node                  -> agents/app=agent  9101/TCP
    ";
    for dialect in REGISTRY {
        let (name, entities) = (dialect.name(), dialect.capabilities().entities);
        let judge = load(&project, dialect.name());
        let addresses = if entities { "deny" } else { "allow" };
        let known = format!(
            "{addresses}  ip:10.0.0.7       -> agents/app=agent  9100/TCP
             {addresses}  agents/app=agent  -> ip:10.0.255.255   6443/TCP
             {addresses}  agents/app=agent  -> ip:10.1.0.1       6443/TCP"
        );
        assert_eq!(broken(name, &*judge, &table::parse(&format!("{nobodys}{known}"))), [""; 0]);
        if entities {
            assert_eq!(broken(name, &*judge, &[line("allow node -> agents/app=agent 9100/TCP")]), [""; 0]);
            for (port, allow) in [("6443/TCP", true), ("443/TCP", false)] {
                let mut line = line(&format!("allow agents/app=agent -> ip:10.1.0.1 {port}"));
                line.to = End::ApiServer;
                assert_eq!(
                    by_policies::verdicts(name, &*judge, &line),
                    [allow, allow],
                    "{name}: the API server, {port}"
                );
            }
        }
    }
}

fn line(text: &str) -> Line {
    table::parse(text).remove(0)
}

#[test]
fn requests_are_told_apart_by_what_they_ask() {
    let project = built(|settings| settings);
    for dialect in that_can(|dialect| dialect.capabilities().http) {
        let judge = load(&project, dialect);
        let requests = |text: &str| by_policies::requests(dialect, &*judge, &line(text));
        // The edge says nothing of requests at the caller, and all of them at the callee.
        let of_api = requests("allow store-web/app=web -> store/app=api 8080/TCP");
        let http: Vec<_> = of_api.iter().filter_map(|rules| rules["http"].as_sequence()).flatten().collect();
        let mut asked: Vec<(&str, &str)> =
            http.iter().map(|rule| (rule["method"].as_str().unwrap(), rule["path"].as_str().unwrap())).collect();
        asked.sort_unstable();
        assert_eq!(asked, [("GET", r"^/api/v1/products(\?.*)?$"), ("POST", r"^/api/v1/orders(\?.*)?$")]);
        for other in [
            "allow store/app=api -> store/app=queue 5672/TCP",
            "allow ip:198.51.100.7 -> store-web/app=web 8080/TCP",
            "allow monitoring/app.kubernetes.io/name=prometheus -> store/app=api 9100/TCP",
        ] {
            assert!(requests(other).iter().all(|rules| rules["http"].is_null()), "{dialect}: {other}");
        }
    }
}

/// Each name with what may reach it, on which port.
#[test]
fn host_names_are_reached_by_those_who_ask_for_them() {
    let project = built(|settings| settings);
    for dialect in that_can(|dialect| dialect.capabilities().host_names) {
        let judge = load(&project, dialect);
        for (from, name, port, allow) in [
            ("store/app=api", "api.stripe.com", "443/TCP", true),
            ("store/app=api", "www.paypal.com", "443/TCP", true),
            ("store/app=api", "api.stripe.com", "80/TCP", false),
            ("store/app=api", "api.stripe.com", "443/UDP", false),
            ("store/app=api", "paypal.com", "443/TCP", false),
            ("store/app=api", "a.b.paypal.com", "443/TCP", false),
            ("store/app=api", "stripe.com", "443/TCP", false),
            ("store/app=worker", "api.stripe.com", "443/TCP", false),
            ("store/app=queue", "api.stripe.com", "443/TCP", false),
            ("store/", "api.stripe.com", "443/TCP", false),
            ("store-web/app=web", "api.stripe.com", "443/TCP", false),
        ] {
            let mut line = line(&format!("allow {from} -> ip:198.18.0.1 {port}"));
            line.to = End::Name(name.to_owned());
            let verdicts = by_policies::verdicts(dialect, &*judge, &line);
            assert_eq!(verdicts, [allow], "{dialect}: {from} -> {name} {port}");
        }
        // Names are learned by reading questions along: all of those who use names, and of nobody else.
        for (from, read_along) in [("store/app=api", true), ("store/app=worker", false), ("store-web/app=web", false)] {
            for protocol in ["UDP", "TCP"] {
                let line = line(&format!("allow {from} -> kube-system/k8s-app=kube-dns 53/{protocol}"));
                assert_eq!(by_policies::verdicts(dialect, &*judge, &line), [true, true]);
                let requests = by_policies::requests(dialect, &*judge, &line);
                let read = !requests.is_empty() && requests.iter().all(|rules| rules["dns"].is_sequence());
                assert_eq!(read, read_along, "{dialect}: {from}: {requests:?}");
            }
        }
    }
}
