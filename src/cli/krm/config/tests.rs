use super::*;

fn read(spec: &str) -> (Config, Vec<String>) {
    let text = format!("apiVersion: {VERSION}\nkind: {KIND}\nmetadata: {{name: x}}\n{spec}");
    let tree: Tree = serde_saphyr::from_str(&text).unwrap();
    let (config, problems) = Config::read(Some(&tree));
    (config, problems.iter().map(said).collect())
}

fn said(problem: &Problem) -> String {
    format!("{}: {}", problem.field.as_deref().unwrap_or_default(), problem.message)
}

#[test]
fn reads_what_is_asked_for() {
    let (config, problems) = read("spec: {dialect: calico, cluster: prod, root: ../..}\n");
    assert_eq!(problems, [""; 0]);
    let expected = Config {
        dialect: Some("calico".to_owned()),
        cluster: Some("prod".to_owned()),
        place: Place::Folder("../..".to_owned()),
        inside: "spec",
    };
    assert_eq!(config, expected);
    let (config, problems) = read("spec:\n  intents: {a.toml: app, team/b.toml: x}\n  project: p\n");
    assert_eq!(problems, [""; 0]);
    let Place::Handed(files) = config.place else { panic!("{config:?}") };
    let names: Vec<&str> = files.keys().map(|path| path.as_str()).collect();
    assert_eq!(names, ["intents/a.toml", "intents/team/b.toml", "netpolc.toml"]);
}

#[test]
fn nothing_said_is_the_project_of_the_current_folder() {
    for spec in ["", "spec:\n", "spec: {}\n", "spec: {dialect: null, root: ~}\n"] {
        let (config, problems) = read(spec);
        assert_eq!((config, problems.as_slice()), (Config { inside: "spec", ..Config::default() }, &[] as &[String]));
    }
    assert_eq!(Config::read(None).1, []);
}

#[test]
fn a_config_map_says_it_in_its_data() {
    let tree: Tree =
        serde_saphyr::from_str("{apiVersion: v1, kind: ConfigMap, data: {dialect: cilium, cluster: eu}}").unwrap();
    let (config, problems) = Config::read(Some(&tree));
    assert_eq!((config.dialect.as_deref(), config.cluster.as_deref(), problems), (Some("cilium"), Some("eu"), vec![]));
    let tree: Tree =
        serde_saphyr::from_str("{apiVersion: v1, kind: ConfigMap, data: {dialekt: x, intents: y}}").unwrap();
    let problems: Vec<String> = Config::read(Some(&tree)).1.iter().map(said).collect();
    assert_eq!(problems, ["data.dialekt: unknown key", "data.intents: unknown key"]);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let (_, problems) =
        read("sepc: 1\nspec: {dialect: kubernets, cluster: on, root: 7, project: p, color: red, 1: x}\n");
    assert_eq!(
        problems,
        [
            "sepc: unknown key",
            "spec.color: unknown key",
            "spec.: unknown key",
            "spec.cluster: a boolean, not a string",
            "spec.root: a number, not a string",
            "spec.dialect: there is no dialect `kubernets`",
            "spec.project: a project file without `intents`",
        ]
    );
    let (_, problems) = read(
        "spec: {root: .., dialect: '', intents: {../a.toml: x, b.yaml: x, .c.toml: x, /d.toml: x, e.toml: 1, 2: x}}\n",
    );
    assert_eq!(
        problems,
        [
            "spec.dialect: the string is empty",
            "spec.root: `intents` are handed over, so there is no folder to look into",
            "spec.intents[\"../a.toml\"]: `../a.toml` is no name of an intent",
            "spec.intents[\"b.yaml\"]: `b.yaml` is no name of an intent",
            "spec.intents[\".c.toml\"]: `.c.toml` is no name of an intent",
            "spec.intents[\"/d.toml\"]: `/d.toml` is no name of an intent",
            "spec.intents[\"e.toml\"]: a number, not a string",
            "spec.intents[\"\"]: its name is a number, not a string",
        ]
    );
    assert_eq!(read("spec: 1\n").1, ["spec: a number, not a map"]);
    assert_eq!(read("spec: {intents: []}\n").1, ["spec.intents: a list, not a map"]);
    assert_eq!(read("spec: {intents: {}}\n").1, ["spec.intents: there are no intents"]);
    for text in ["[]", "x", "{apiVersion: netpolc.dev/v1, kind: NetworkPolicies}", "{apiVersion: v1, kind: Secret}"] {
        let tree: Tree = serde_saphyr::from_str(text).unwrap();
        let problems: Vec<String> = Config::read(Some(&tree)).1.iter().map(said).collect();
        assert_eq!(problems, [": this is no function config of netpolc"], "{text}");
    }
}

/// What an editor accepts and what is accepted are one.
#[test]
fn the_schema_says_the_same() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    for spec in [
        "",
        "spec: {}\n",
        "spec: {dialect: calico, cluster: x, root: ..}\n",
        "spec: {intents: {a.toml: x}, project: y}\n",
        "spec: {dialect: kubernets}\n",
        "spec: {cluster: 1}\n",
        "spec: {cluster: ''}\n",
        "spec: {color: red}\n",
        "spec: {project: x}\n",
        "spec: {root: .., intents: {a.toml: x}}\n",
        "spec: {intents: {}}\n",
        "spec: {intents: {a.toml: 1}}\n",
        "spec: []\n",
        "data: {}\n",
    ] {
        let text = format!("apiVersion: {VERSION}\nkind: {KIND}\n{spec}");
        let tree: Tree = serde_saphyr::from_str(&text).unwrap();
        let accepted = Config::read(Some(&tree)).1.is_empty();
        assert_eq!(validator.is_valid(&serde_json::to_value(&tree).unwrap()), accepted, "{spec}");
    }
}
