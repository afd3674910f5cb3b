//! The first minutes: `netpolc init`, then `netpolc build`.

use super::run;
use crate::support::{Project, repo, tree};

#[test]
fn an_empty_folder_becomes_a_project_that_builds() {
    let project = Project::new();
    let init = run(&project, "init");
    assert_eq!((init.code, init.stderr.as_str()), (0, ""));
    assert!(init.stdout.starts_with("created intents/app.toml\n"), "{}", init.stdout);
    assert!(init.stdout.contains("netpolc build"), "it says what to do next: {}", init.stdout);
    assert_eq!(tree(project.dir()).len(), 3);
    assert!(project.read(".gitattributes").contains("out/**"), "git must leave the line ends of out/ alone");
    assert_eq!(run(&project, "build").code, 0);
    assert_eq!(run(&project, "build --check").code, 0);
    assert_eq!(run(&project, "check --strict").code, 0, "the first intent is an example to follow");
}

#[test]
fn a_folder_can_be_named_and_is_created() {
    let project = Project::new();
    let init = run(&project, "init deep/shop");
    assert_eq!(init.code, 0, "{}", init.stderr);
    assert!(init.stdout.contains("cd deep/shop"), "{}", init.stdout);
    assert_eq!(run(&project, "build deep/shop/intents/app.toml").code, 0);
    assert!(project.dir().join("deep/shop/out/kubernetes").is_dir());
}

#[test]
fn files_that_are_there_are_kept() {
    let project = Project::new();
    project.write("intents/app.toml", "app = \"mine\"\n");
    let init = run(&project, "init");
    assert_eq!(init.code, 0, "{}", init.stderr);
    assert!(init.stdout.contains("kept"), "{}", init.stdout);
    assert_eq!(project.read("intents/app.toml"), "app = \"mine\"\n");
    let before = tree(project.dir());
    assert_eq!(run(&project, "init").code, 0);
    assert_eq!(tree(project.dir()), before);
}

#[test]
fn the_schema_beside_it_is_the_one_checked_in() {
    let project = Project::new();
    run(&project, "init");
    let here = std::fs::read_to_string(repo().join("schema/intent.schema.json")).unwrap();
    assert_eq!(project.read("schema/intent.schema.json"), here);
    let first = project.read("intents/app.toml");
    assert!(first.starts_with("#:schema ../schema/intent.schema.json\n"), "{first}");
}

#[test]
fn folders_that_cannot_be_made_exit_with_two() {
    let project = Project::new();
    project.write("file", "");
    let init = run(&project, "init file/shop");
    assert_eq!(init.code, 2, "{}", init.stdout);
    assert!(!init.stderr.is_empty());
}
