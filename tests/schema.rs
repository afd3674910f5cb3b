//! The schemas are what editors check and complete with: they accept what netpolc accepts, refuse what would be
//! refused, and have a hover text for every key.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Project, netpolc, repo, tool, tree};
use serde_json::Value;

const GOOD: &str = "app = \"shop\"\n[tiers]\nweb = { namespace = \"front\", pods = { app = \"web\" }, ports = [80] }\n";

fn schema(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(repo().join("schema").join(name)).unwrap()).unwrap()
}

fn validator(name: &str) -> jsonschema::Validator {
    jsonschema::draft202012::new(&schema(name)).unwrap()
}

/// TOML as the editors' engines see it.
fn json(text: &str) -> Value {
    fn convert(value: toml::Value) -> Value {
        match value {
            toml::Value::String(text) => text.into(),
            toml::Value::Integer(number) => number.into(),
            toml::Value::Float(number) => number.into(),
            toml::Value::Boolean(flag) => flag.into(),
            toml::Value::Datetime(date) => date.to_string().into(),
            toml::Value::Array(list) => list.into_iter().map(convert).collect(),
            toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, convert(value))).collect(),
        }
    }
    convert(text.parse::<toml::Table>().unwrap().into())
}

/// The blocks of the README in which TOML stands: intents, and project files.
fn readme(intents: bool) -> Vec<String> {
    let text = fs::read_to_string(repo().join("README.md")).unwrap();
    text.split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .filter(|block| (block.starts_with("app ") || block.starts_with("#:schema")) == intents)
        .collect()
}

fn intents() -> Vec<(String, String)> {
    let files = tree(&repo().join("intents"));
    files.into_iter().map(|(path, bytes)| (path.display().to_string(), String::from_utf8(bytes).unwrap())).collect()
}

#[test]
fn good_intents_are_accepted() {
    let validator = validator("intent.schema.json");
    let examples = readme(true).into_iter().map(|text| ("README.md".to_owned(), text));
    let rules = netpolc::checks::all().flat_map(|rule| {
        let blocks = rule.doc.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
        blocks.filter(|text| !text.starts_with("# netpolc.toml")).map(|text| (format!("rule {}", rule.code), text))
    });
    let headers = "[[allow]]\nfrom = \"anywhere\"\nto = \"web\"\nhttp = [{ headers = { X-Tenant = \"blue one\" } }]\n";
    let words = GOOD.replace("ports = [80]", "ports = [80], level = 0, accepts = []");
    let waiver = "[[waive]]\ncode = \"NP601\"\nworkload = \"front/web\"\nreason = \"x\"\n";
    let good = [GOOD.to_owned(), format!("{GOOD}{headers}"), words, format!("{GOOD}{waiver}")];
    let all: Vec<(String, String)> =
        intents().into_iter().chain(examples).chain(rules).chain(good.map(|text| ("good".to_owned(), text))).collect();
    assert!(all.len() > 10);
    for (name, text) in all {
        if let Err(error) = validator.validate(&json(&text)) {
            panic!("{name}: {error} at {}", error.instance_path());
        }
    }
}

#[test]
fn good_project_files_are_accepted() {
    let validator = validator("project.schema.json");
    let files = readme(false);
    assert!(!files.is_empty());
    let guards = "[cluster]\nsystem-namespaces = [\"kube-system\"]\nstaged = true\nlog-denied = true\ntier = \"platform\"\n\
                  [cluster.guards]\nmetadata-deny = true\ndefault-deny = { except = [\"legacy\"] }\n\
                  [clusters.lab.guards]\ndefault-deny = false\n";
    let decisions =
        "[approved]\ncidrs = []\nfqdns = \"a.example.com\"\n[limits]\nwidest-cidr-v4 = 0\nwaiver-days = 0\n";
    for text in files.into_iter().chain([guards.to_owned(), decisions.to_owned(), "[approved]\n".to_owned()]) {
        if let Err(error) = validator.validate(&json(&text)) {
            panic!("{text}: {error} at {}", error.instance_path());
        }
    }
}

/// Each is refused by the schema, and by netpolc.
#[test]
fn bad_intents_are_refused() {
    let bad = [
        "",
        "app = 1\n",
        "app = \"shop\"\nports = [80]\n",
        "app = \"shop\"\nowner = [\"a\"]\n",
        "app = \"shop\"\ndns = \"no\"\n",
        "app = \"shop\"\ntiers = []\n",
        "app = \"shop\"\ntiers.web = { pods = \"all\" }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\" }\n",
        "app = \"shop\"\ntiers.web = { namespace = [], pods = \"all\" }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"some\" }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = {} }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = { app = 1 } }\n",
        "app = \"shop\"\ntiers.web = { namespace = { labels = { a = \"b\" } }, pods = \"all\" }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", port = [80] }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", ports = 80 }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", ports = [0] }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", ports = [65536] }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", ports = [8.5] }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", ports = [\"80/ICMP\"] }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", level = -1 }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", level = 1.5 }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", level = 4294967296 }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", accepts = true }\n",
        "app = \"shop\"\ntiers.web = { namespace = \"front\", pods = \"all\", accepts = [1] }\n",
        "app = \"shop\"\npeers.mesh = { namespace = \"mesh\", pods = \"all\", accepts = [] }\n",
        "app = \"shop\"\nwaive = [{ code = \"NP201\", workload = 1, reason = \"x\" }]\n",
        "app = \"shop\"\nallow = [{ from = \"web\" }]\n",
        "app = \"shop\"\nallow = [{ to = \"web\" }]\n",
        "app = \"shop\"\nallow = [{ from = [], to = \"web\" }]\n",
        "app = \"shop\"\nallow = [{ from = \"web\", to = \"api\", because = \"x\" }]\n",
        "app = \"shop\"\nallow = [{ from = \"web\", to = \"api\", http = \"GET\" }]\n",
        "app = \"shop\"\nallow = [{ from = \"web\", to = \"api\", http = [{ headers = {} }] }]\n",
        "app = \"shop\"\nallow = [{ from = \"web\", to = \"api\", http = [{ headers = { X = \"\" } }] }]\n",
        "app = \"shop\"\nallow = [{ from = \"web\", to = \"api\", http = [{ headers = { \"X:\" = \"a\" } }] }]\n",
        "app = \"shop\"\nallow = { from = \"web\", to = \"api\" }\n",
        "app = \"shop\"\nforbid = [{ from = \"web\" }]\n",
        "app = \"shop\"\nexternal.pay = { cidr = \"203.0.113.0/24\" }\n",
        "app = \"shop\"\nexternal.pay = { cidrs = [4] }\n",
        "app = \"shop\"\nwaive = [{ code = \"NP201\" }]\n",
        "app = \"shop\"\nwaive = [{ code = \"NP201\", edge = \"a -> b\", reason = 1 }]\n",
    ];
    let validator = validator("intent.schema.json");
    for text in bad {
        assert!(!validator.is_valid(&json(text)), "the schema accepts:\n{text}");
        let project = Project::new();
        project.write("intents/bad.toml", text);
        assert_eq!(netpolc(project.dir(), &["check"]).code, 1, "netpolc accepts:\n{text}");
    }
}

#[test]
fn bad_project_files_are_refused() {
    let bad = [
        "dialects = [1]\n",
        "dialect = [\"kubernetes\"]\n",
        "[cluster]\ndns = 53\n",
        "[cluster]\npod-cidrs = [10]\n",
        "[cluster]\nenforces-egress = \"no\"\n",
        "[cluster]\nsystem-namespaces = []\n",
        "[cluster]\nstaged = \"yes\"\n",
        "[cluster]\ntier = 1\n",
        "[cluster.guards]\nmetadata-deny = \"yes\"\n",
        "[cluster.guards]\ndefault-deny = [\"legacy\"]\n",
        "[cluster.guards]\ndefault-deny = { except = [] }\n",
        "[cluster.guards]\nmetadata = true\n",
        "[approved]\ncidr = []\n",
        "[approved]\nfqdns = [1]\n",
        "approved = []\n",
        "[limits]\nwidest-cidr-v4 = 33\n",
        "[limits]\nwidest-cidr-v6 = -1\n",
        "[limits]\nwidest-port-range = 0\n",
        "[limits]\nwaiver-days = \"30\"\n",
        "[limits]\nwidest-cidr = 8\n",
        "[lints]\nNP201 = 1\n",
        "[approximate]\nkubernetes = [1]\n",
        "[clusters.prod]\npods = \"all\"\n",
        "[paths]\nouts = \"out\"\n",
    ];
    let validator = validator("project.schema.json");
    for text in bad {
        assert!(!validator.is_valid(&json(text)), "the schema accepts:\n{text}");
        let project = Project::new();
        project.write("intents/good.toml", GOOD);
        project.write("netpolc.toml", text);
        assert_eq!(netpolc(project.dir(), &["check"]).code, 1, "netpolc accepts:\n{text}");
    }
}

/// Keys without a description of their own or of their type.
fn undescribed(value: &Value, place: &str, root: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                for (key, property) in properties {
                    let referred = property["$ref"].as_str().and_then(|at| root.pointer(at.trim_start_matches('#')));
                    let text = [Some(property), referred].into_iter().flatten().find_map(|p| p["description"].as_str());
                    let says_itself = property.get("const").is_some();
                    if !says_itself && text.is_none_or(|text| text.trim().len() < 10) {
                        found.push(format!("{place}/{key}"));
                    }
                }
            }
            for (key, inner) in map {
                undescribed(inner, &format!("{place}/{key}"), root, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| undescribed(inner, place, root, found)),
        _ => {}
    }
}

#[test]
fn every_key_has_a_hover_text() {
    let names = ["intent", "project", "findings", "diff", "krm"];
    for name in names.map(|name| format!("{name}.schema.json")) {
        let name = name.as_str();
        let schema = schema(name);
        let mut found = vec![];
        undescribed(&schema, name, &schema, &mut found);
        assert!(found.is_empty(), "{found:#?}");
        assert!(schema["description"].as_str().is_some_and(|text| text.len() > 10) && schema["title"].is_string());
    }
}

#[test]
fn the_search_for_missing_hover_texts_finds_one() {
    let mut schema = schema("intent.schema.json");
    schema["$defs"]["AllowTable"]["properties"]["why"].as_object_mut().unwrap().remove("description");
    let mut found = vec![];
    undescribed(&schema, "", &schema, &mut found);
    assert_eq!(found, ["/$defs/AllowTable/why"]);
}

#[test]
fn schema_lines_of_intents_lead_to_the_schema() {
    for (name, text) in intents() {
        let path = text.lines().next().unwrap().strip_prefix("#:schema ").unwrap_or_else(|| panic!("{name}: line 1"));
        assert!(repo().join("intents").join(path).is_file(), "{name}: there is no {path}");
    }
}

/// A project as an editor opens it: the schema, a good intent of `intents/` or a bad one.
fn workspace(intent: &str) -> Project {
    let project = Project::new();
    for name in ["intent.schema.json", "project.schema.json"] {
        project.write(&format!("schema/{name}"), fs::read(repo().join("schema").join(name)).unwrap());
    }
    project.write("intents/it.toml", intent);
    project
}

const BAD: &str = "#:schema ../schema/intent.schema.json\napp = \"shop\"\n[tiers]\nweb = { namespaces = \"front\" }\n";

/// Runs an outside judge over the good intents and a bad one.
fn judged_by(tool: &str, args: impl Fn(&Path) -> Vec<String>) {
    let accepts = |intent: &str| {
        let project = workspace(intent);
        let output = Command::new(tool).args(args(project.dir())).current_dir(project.dir()).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), said)
    };
    for (name, text) in intents() {
        let (accepted, said) = accepts(&text);
        assert!(accepted, "{tool} refuses {name}: {said}");
    }
    let (accepted, said) = accepts(BAD);
    assert!(!accepted, "{tool} accepts everything: {said}");
}

#[test]
fn taplo_agrees() {
    if tool("taplo") {
        judged_by("taplo", |_| vec!["lint".to_owned(), "intents/it.toml".to_owned()]);
        judged_by("taplo", |dir| {
            let schema = format!("file://{}/schema/intent.schema.json", dir.display());
            vec!["lint".to_owned(), "--schema".to_owned(), schema, "intents/it.toml".to_owned()]
        });
    }
}

#[test]
fn tombi_agrees() {
    if tool("tombi") {
        judged_by("tombi", |_| vec!["lint".to_owned(), "--offline".to_owned(), "intents/it.toml".to_owned()]);
    }
}

/// What `netpolc check` prints of a project in which much is wrong, and of one in which nothing is.
fn findings() -> [String; 2] {
    let printed = |text: &str| {
        let project = Project::new();
        project.write("intents/it.toml", text);
        netpolc(project.dir(), &["check", "--format", "json", "--waived", "--today", "2026-01-01"]).stdout
    };
    let edge =
        |from: &str, to: &str| format!("[[allow]]\nfrom = \"{from}\"\nto = \"{to}\"\nports = \"all\"\nwhy = \"x\"\n");
    let waiver = "[[waive]]\ncode = \"NP201\"\nedge = \"web -> api\"\nreason = \"later\"\n";
    let tiers = GOOD.to_owned() + "api = { namespace = \"back\", pods = { app = \"api\" } }\n";
    [format!("{tiers}{}{}{waiver}", edge("web", "api"), edge("api", "web")), format!("{tiers}{}", edge("web", "apy"))]
        .map(|text| printed(&text))
}

#[test]
fn findings_are_what_their_schema_says() {
    let validator = validator("findings.schema.json");
    for text in findings().iter().chain([&"[]".to_owned()]) {
        let value: Value = serde_json::from_str(text).unwrap();
        if let Err(error) = validator.validate(&value) {
            panic!("{error} at {}: {text}", error.instance_path());
        }
    }
    let [many, _] = findings();
    let many: Value = serde_json::from_str(&many).unwrap();
    let finding = many.as_array().unwrap().iter().find(|finding| !finding["waived"].is_null()).unwrap();
    for key in finding.as_object().unwrap().keys() {
        let mut less = finding.clone();
        less.as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&Value::Array(vec![less])), "{key} is not required");
        let mut other = finding.clone();
        other[key] = 1.into();
        assert!(!validator.is_valid(&Value::Array(vec![other])), "{key} may be anything");
    }
}

#[test]
fn check_jsonschema_agrees_on_findings() {
    if !tool("check-jsonschema") {
        return;
    }
    let schema = repo().join("schema/findings.schema.json");
    let accepts = |text: &str| {
        let project = Project::new();
        project.write("findings.json", text);
        let mut command = Command::new("check-jsonschema");
        command.arg("--schemafile").arg(&schema).arg("findings.json").current_dir(project.dir());
        command.output().unwrap()
    };
    for text in findings() {
        let output = accepts(&text);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(!accepts(&text.replace("\"error\"", "\"bad\"")).status.success(), "it accepts everything");
    }
    let metaschema = Command::new("check-jsonschema").arg("--check-metaschema").arg(&schema).output().unwrap();
    assert!(metaschema.status.success(), "{}", String::from_utf8_lossy(&metaschema.stdout));
}

#[test]
fn check_jsonschema_agrees() {
    if tool("check-jsonschema") {
        judged_by("check-jsonschema", |_| {
            ["--schemafile", "schema/intent.schema.json", "intents/it.toml"].map(str::to_owned).to_vec()
        });
    }
}
