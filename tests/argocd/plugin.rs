//! The plugin's contract: what is handed to netpolc, what it prints, and what it says where it cannot.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use serde_json::{Value, json};

use super::server::{Plugin, Rendered};
use super::{objects, written};
use crate::support::{Project, netpolc, repo, tree};

const INTENT: &str = r#"app = "shop"

[tiers]
web = { namespace = "front", pods = { app = "web" }, ports = [80] }
api = { namespace = "back",  pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
"#;

/// The first line of [`INTENT`] that is wrong once `api` is written `apii`.
const WRONG: &str = "intents/app.toml:9:8: error[NP013]: `apii` is not declared; help: did you mean `api`?";

fn project(settings: &str) -> Project {
    let project = Project::new();
    project.write("netpolc.toml", settings);
    project.write("intents/app.toml", INTENT);
    project
}

/// The source of an Application at a path, with parameters.
fn source(path: &str, parameters: &Value) -> Value {
    json!({
        "repoURL": "https://github.com/example/network-policies.git",
        "targetRevision": "main",
        "path": path,
        "plugin": { "name": "netpolc", "parameters": parameters },
    })
}

fn dialect(name: &str) -> Value {
    json!([{ "name": "dialect", "string": name }])
}

fn render(project: &Project, parameters: &Value) -> Rendered {
    Plugin::read().render(project.dir(), &source(".", parameters))
}

/// Nothing on standard output, and the first line says it.
fn assert_refused(rendered: &Rendered, code: i32, first: &str) {
    assert_eq!((rendered.code, rendered.stdout.as_str()), (code, ""), "{}", rendered.stderr);
    assert_eq!(rendered.stderr.lines().next(), Some(first), "{}", rendered.stderr);
    assert!(!rendered.stderr.contains('\u{1b}'), "{:?}", rendered.stderr);
}

/// The fields that the server has for the file (cmpserver/plugin/config.go, `PluginConfig`; of announcements
/// reposerver/repository/repository.proto, `ParameterAnnouncement`). It passes over any other.
#[test]
fn the_plugin_file_holds_what_the_server_reads() {
    let Plugin(file) = Plugin::read();
    let keys = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&file), ["apiVersion", "kind", "metadata", "spec"]);
    assert_eq!(
        (&file["apiVersion"], &file["kind"]),
        (&json!("argoproj.io/v1alpha1"), &json!("ConfigManagementPlugin"))
    );
    assert_eq!(file["metadata"], json!({ "name": "netpolc" }));
    // Of `version, init, generate, discover, parameters, preserveFileMode, provideGitCreds`. Argo CD 4 refuses a version; modes
    // and credentials are not asked for.
    assert_eq!(keys(&file["spec"]), ["generate", "parameters"]);
    assert_eq!(keys(&file["spec"]["generate"]), ["command"]);
    assert_eq!(keys(&file["spec"]["parameters"]), ["static"]);
    // What is announced as a default (`string`, `array`, `map`) would be shown and not be sent.
    for announced in file["spec"]["parameters"]["static"].as_array().unwrap() {
        assert_eq!(keys(announced), ["collectionType", "name", "title", "tooltip"]);
        assert_eq!(announced["collectionType"], "string");
    }
    let command = Plugin::read().command();
    assert!(!command.iter().any(|word| word.contains(['$', '|', ';', '&', '>', ' '])), "{command:?} needs a shell");
}

/// Argo CD's own tools keep what is theirs, also beside a project and above it; who names the plugin gets it.
#[test]
fn only_applications_that_name_the_plugin_get_it() {
    let repository = project("");
    repository.write("Chart.yaml", "name: shop\n");
    repository.write("chart/Chart.yaml", "name: shop\n");
    repository.write("teams/shop/net/intents/app.toml", INTENT);
    let plugin = Plugin::read();
    for path in [".", "chart", "teams", "teams/shop/net", "out/kubernetes"] {
        assert!(!plugin.is_taken(repository.dir(), path, false), "{path} was not asked for");
        assert!(plugin.is_taken(repository.dir(), path, true), "{path}");
    }
    // What a rule of discovery would do instead: take the chart's place, or turn away a project that names the plugin.
    let with = |discover: Value| {
        let mut file = Plugin::read().0;
        file["spec"]["discover"] = discover;
        Plugin(file)
    };
    let glob = with(json!({ "find": { "glob": "**/intents/*.toml" } }));
    assert_eq!([".", "teams", "chart"].map(|path| glob.is_taken(repository.dir(), path, false)), [true, true, false]);
    let name = with(json!({ "fileName": "./netpolc.t*" }));
    assert_eq!([".", "teams/shop/net"].map(|path| name.is_taken(repository.dir(), path, false)), [true, false]);
    assert!(!name.is_taken(repository.dir(), "teams/shop/net", true));
}

#[test]
fn what_is_announced_is_what_is_understood() {
    let Plugin(file) = Plugin::read();
    let announced: Vec<&str> = file["spec"]["parameters"]["static"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    let project = project("");
    let unknown = render(&project, &json!([{ "name": "colour", "string": "red" }]));
    assert_refused(&unknown, 2, &format!("error: there is no parameter `colour`; known: {}", announced.join(", ")));
    // Every dialect is named where one is asked for.
    let tooltip = file["spec"]["parameters"]["static"][0]["tooltip"].as_str().unwrap();
    assert!(netpolc::dialects::REGISTRY.iter().all(|dialect| tooltip.contains(dialect.name())), "{tooltip}");
}

/// All examples of this repository, in every dialect.
#[test]
fn prints_the_objects_of_out_and_nothing_else() {
    let project = Project::with_settings();
    for (path, bytes) in tree(&repo().join("intents")) {
        project.write(&format!("intents/{}", path.display()), bytes);
    }
    let built = netpolc(project.dir(), &["build"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    for one in netpolc::dialects::REGISTRY {
        let rendered = render(&project, &dialect(one.name()));
        assert_eq!(rendered.code, 0, "{}: {}", one.name(), rendered.shown());
        let expected = written(&project.dir().join("out").join(one.name()));
        assert!(expected.len() > 20, "{}", expected.len());
        assert_eq!(objects([rendered.stdout]), expected, "{}", one.name());
    }
}

/// Between git and the plugin modes are reset, `.git` is left out and links become absolute; and `out/` may be missing or
/// edited.
#[test]
fn only_the_sources_matter() {
    let checkout = project("dialects = [\"kubernetes\"]\n");
    let plain = render(&checkout, &Value::Null);
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    checkout.write(".git/HEAD", "ref: refs/heads/main\n");
    checkout.write("out/kubernetes/allow/back.yaml", "# edited\n");
    checkout.write(
        "shared/orders.toml",
        INTENT.replace("shop", "orders").replace("front", "shelf").replace("back", "depot"),
    );
    std::os::unix::fs::symlink("shared", checkout.dir().join("link")).unwrap();
    use std::os::unix::fs::PermissionsExt;
    let secret = checkout.dir().join("intents/app.toml");
    std::fs::set_permissions(secret, std::fs::Permissions::from_mode(0o400)).unwrap();
    let again = render(&checkout, &Value::Null);
    assert_eq!((again.code, again.stderr.as_str(), again.stdout), (0, "", plain.stdout));
}

#[test]
fn without_parameters_there_must_be_one_dialect() {
    let one = project("dialects = [\"kubernetes\"]\n");
    let expected = render(&one, &dialect("kubernetes"));
    assert_eq!(expected.code, 0, "{}", expected.stderr);
    for parameters in [Value::Null, json!([])] {
        assert_eq!(render(&one, &parameters).stdout, expected.stdout, "{parameters}");
    }
    let mut unset = source(".", &Value::Null);
    unset.as_object_mut().unwrap().remove("plugin");
    assert_eq!(Plugin::read().render(one.dir(), &unset).stdout, expected.stdout);

    let names: Vec<&str> = netpolc::dialects::REGISTRY.iter().map(|dialect| dialect.name()).collect();
    let several =
        format!("an Application is one dialect of one cluster; set the parameter `dialect` ({})", names.join(", "));
    assert_refused(&render(&project(""), &Value::Null), 2, &format!("error: {several}"));
    let clusters = project("[clusters.eu]\n[clusters.us]\n");
    assert_refused(
        &render(&clusters, &Value::Null),
        2,
        &format!("error: {several} and the parameter `cluster` (eu, us)"),
    );
    assert_refused(
        &render(&clusters, &dialect("cilium")),
        2,
        "error: an Application is one dialect of one cluster; set the parameter `cluster` (eu, us)",
    );
}

#[test]
fn an_application_is_one_cluster_where_there_are_several() {
    let clusters = project("[clusters.eu]\n[clusters.us]\ndns = \"openshift\"\n");
    assert_eq!(netpolc(clusters.dir(), &["build"]).code, 0);
    for name in ["eu", "us"] {
        let parameters = json!([{ "name": "cluster", "string": name }, { "name": "dialect", "string": "cilium" }]);
        let rendered = render(&clusters, &parameters);
        assert_eq!(rendered.code, 0, "{}", rendered.stderr);
        assert_eq!(objects([rendered.stdout]), written(&clusters.dir().join("out").join(name).join("cilium")));
    }
}

#[test]
fn parameters_that_mean_nothing_are_refused() {
    let project = project("[clusters.eu]\n[clusters.us]\n");
    let cases = [
        (dialect("kubernets"), "error: there is no dialect `kubernets`; did you mean `kubernetes`?"),
        (dialect(""), "error: parameter `dialect`: its text is empty; name one, or leave the parameter out"),
        (dialect("calico,cilium"), "error: there is no dialect `calico,cilium`; known: kubernetes, calico, cilium"),
        (
            json!([{ "name": "dialect", "array": ["cilium"] }]),
            "error: parameter `dialect`: an `array` was given; it takes one `string`",
        ),
        (
            json!([{ "name": "dialect", "map": { "a": "b" } }]),
            "error: parameter `dialect`: a `map` was given; it takes one `string`",
        ),
        (json!([{ "name": "cluster", "string": "eq" }]), "error: there is no cluster `eq`; did you mean `eu`?"),
    ];
    for (parameters, first) in cases {
        assert_refused(&render(&project, &parameters), 2, first);
    }
    let off = self::project("dialects = [\"calico\"]\n");
    assert_refused(&render(&off, &dialect("cilium")), 2, "error: netpolc.toml leaves the dialect `cilium` out");
    let none = render(&off, &json!([{ "name": "cluster", "string": "eu" }]));
    assert_refused(&none, 2, "error: there is no cluster `eu`; netpolc.toml names no clusters");
}

#[test]
fn a_variable_that_argo_cd_would_not_write_is_refused() {
    let project = project("dialects = [\"calico\"]\n");
    let with = |value: OsString| {
        Plugin::read().render_with(project.dir(), &source(".", &Value::Null), |environment| {
            environment.insert("ARGOCD_APP_PARAMETERS".to_owned(), value);
        })
    };
    assert_refused(&with(OsString::from_vec(vec![b'[', 0xff, b']'])), 2, "error: ARGOCD_APP_PARAMETERS is not UTF-8");
    let malformed = with("[{".into());
    assert_eq!((malformed.code, malformed.stdout.as_str()), (2, ""));
    assert!(
        malformed.stderr.starts_with("error: ARGOCD_APP_PARAMETERS is not a list of parameters"),
        "{}",
        malformed.stderr
    );
}

/// Variables of the environment, which an Application may set as it likes, say nothing; nor does any without `--argocd`.
#[test]
fn only_the_parameters_are_read() {
    let project = project("dialects = [\"calico\", \"cilium\"]\n");
    let mut source = source(".", &dialect("cilium"));
    source["plugin"]["env"] =
        json!([{ "name": "dialect", "value": "calico" }, { "name": "APP_PARAMETERS", "value": "[]" }]);
    let rendered = Plugin::read().render_with(project.dir(), &source, |environment| {
        environment.insert("PARAM_DIALECT".to_owned(), "calico".into());
    });
    assert_eq!(rendered.code, 0, "{}", rendered.stderr);
    assert!(rendered.stdout.contains("apiVersion: cilium.io/v2") && !rendered.stdout.contains("projectcalico"));
    let plain = std::process::Command::new(env!("CARGO_BIN_EXE_netpolc"))
        .args(["build", "--stdout", "--dialect", "calico"])
        .env("ARGOCD_APP_PARAMETERS", "not even JSON")
        .current_dir(project.dir())
        .output()
        .unwrap();
    assert!(plain.status.success() && String::from_utf8_lossy(&plain.stdout).contains("projectcalico"));
}

/// A file that nobody could build is caught, with its line, in what Argo CD shows of it.
#[test]
fn a_broken_intent_is_told_with_its_line() {
    let project = project("dialects = [\"kubernetes\"]\n");
    project.write("intents/app.toml", INTENT.replace("to   = \"api\"", "to   = \"apii\""));
    let rendered = render(&project, &Value::Null);
    assert_refused(&rendered, 1, WRONG);
    assert_eq!(
        rendered.shown(),
        format!("`netpolc build --stdout --argocd` failed exit status 1: {WRONG} 1 error; nothing was printed")
    );
}

/// Warnings do not stand before what stops the rendering, and thousands of errors are no message.
#[test]
fn errors_come_first_and_are_not_too_many() {
    let project = project("dialects = [\"kubernetes\"]\n");
    let open = "[[allow]]\nfrom = \"anywhere\"\nto = \"web\"\nports = [\"all/TCP\"]\nwhy = \"all of it\"\n";
    let before = INTENT.replace("shop", "aaa").replace("front", "f").replace("back", "b");
    project.write("intents/aaa.toml", format!("{before}\n{open}"));
    let warned = render(&project, &Value::Null);
    assert_eq!(warned.code, 0, "{}", warned.stderr);
    assert!(warned.stderr.contains("intents/aaa.toml:") && warned.stderr.contains("warning[NP"), "{}", warned.stderr);
    let unwarned = netpolc(project.dir(), &["build", "--stdout"]).stdout;
    assert_eq!(warned.stdout, unwarned, "warnings stand on standard error alone");

    let back = "[[allow]]\nfrom = \"api\"\nto = \"web\"\nports = [80]\nwhy = \"call-backs\"\n";
    project.write("intents/app.toml", format!("{INTENT}\n{back}"));
    let cycle = render(&project, &Value::Null);
    assert_eq!((cycle.code, cycle.stdout.as_str()), (1, ""), "{}", cycle.stderr);
    let first = cycle.stderr.lines().next().unwrap();
    assert!(first.starts_with("intents/app.toml:") && first.contains(": error[NP101]: "), "{}", cycle.stderr);
    assert!(!cycle.stderr.contains("warning["), "{}", cycle.stderr);
    assert!(cycle.stderr.ends_with("1 error, 1 warning; nothing was printed\n"), "{}", cycle.stderr);

    let edges: String =
        (0..500).map(|n| format!("[[allow]]\nfrom = \"web\"\nto = \"gone-{n}\"\nwhy = \"x\"\n")).collect();
    project.write("intents/app.toml", format!("{INTENT}\n{edges}"));
    let many = render(&project, &Value::Null);
    assert_eq!(many.stderr.lines().count(), 22, "{}", many.stderr);
    assert!(many.stderr.contains("… and 480 more: `netpolc check` shows all"), "{}", many.stderr);
    assert!(many.stderr.contains("500 errors"), "{}", many.stderr);
}

/// What ran out overnight must not stop what is already running.
#[test]
fn a_waiver_that_ran_out_is_a_warning() {
    let project = project("dialects = [\"kubernetes\"]\n");
    let wide = INTENT.replace("why  =", "ports = [\"all/TCP\"]\nwhy  =");
    let waiver = "[[waive]]\ncode = \"NP201\"\nedge = \"web -> api\"\nreason = \"being listed\"\nuntil = 2020-01-31\n";
    project.write("intents/app.toml", format!("{wide}\n{waiver}"));
    let rendered = render(&project, &Value::Null);
    assert_eq!(rendered.code, 0, "{}", rendered.stderr);
    assert!(rendered.stderr.contains("warning[NP081]"), "{}", rendered.stderr);
    assert!(!objects([rendered.stdout]).is_empty());
    assert_eq!(netpolc(project.dir(), &["build"]).code, 1, "people are told before they build");
}

/// Exit code 0 without an object would have everything pruned.
#[test]
fn nothing_to_print_is_an_error() {
    let empty = Project::new();
    empty.write("README.md", "");
    let rendered = render(&empty, &dialect("kubernetes"));
    assert_eq!((rendered.code, rendered.stdout.as_str()), (1, ""), "{}", rendered.stderr);
    assert!(rendered.stderr.starts_with("error[NP007]: there are no intents"), "{}", rendered.stderr);

    let project = project("dialects = [\"kubernetes\"]\n");
    project.write("intents/app.toml", "app = \"shop\"\n");
    let rendered = render(&project, &Value::Null);
    assert_eq!((rendered.code, rendered.stdout.as_str()), (1, ""), "{}", rendered.stderr);
    assert!(rendered.stderr.contains("there are no policies to print; help: declare a tier"), "{}", rendered.stderr);
}

/// Several projects in one repository, each an Application of its own.
#[test]
fn an_application_is_the_project_at_its_path() {
    let repository = Project::new();
    repository.write("README.md", "# Everything\n");
    for (team, namespace) in [("shop", "front"), ("orders", "queue")] {
        let folder = format!("teams/{team}/deploy/net");
        repository.write(&format!("{folder}/netpolc.toml"), "dialects = [\"kubernetes\"]\n");
        repository.write(&format!("{folder}/intents/app.toml"), INTENT.replace("front", namespace));
    }
    let plugin = Plugin::read();
    let at = |path: &str| plugin.render(repository.dir(), &source(path, &Value::Null));
    for (path, namespace, other) in
        [("teams/shop/deploy/net", "front", "queue"), ("teams/orders/deploy/net/intents", "queue", "front")]
    {
        let rendered = at(path);
        assert_eq!(rendered.code, 0, "{path}: {}", rendered.stderr);
        assert!(rendered.stdout.contains(&format!("namespace: {namespace}")), "{path}");
        assert!(!rendered.stdout.contains(&format!("namespace: {other}")), "{path}");
    }
    let above = at("teams");
    assert_eq!((above.code, above.stdout.as_str()), (1, ""), "{}", above.stderr);
}

#[test]
fn the_options_belong_together() {
    let project = project("");
    let alone = netpolc(project.dir(), &["build", "--argocd"]);
    assert!(alone.code == 2 && alone.stderr.contains("--stdout"), "{}", alone.stderr);
    let run = |parameters: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_netpolc"))
            .args(["build", "--stdout", "--argocd", "--dialect", "calico"])
            .env("ARGOCD_APP_PARAMETERS", parameters)
            .current_dir(project.dir())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run("null"), (Some(0), String::new()), "an image may settle it for all Applications");
    assert_eq!(
        run(&dialect("calico").to_string()),
        (Some(2), "error: parameter `dialect`: --dialect gives it too; leave one of the two out\n".to_owned())
    );
}
