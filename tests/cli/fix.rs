//! `netpolc check --fix`: what is mended, to the byte, and what is never touched.

use std::fs;
use std::path::Path;

use super::{BEFORE, run, run_on};
use crate::support::{Project, Run, netpolc, repo, tree};

const TIERS: &str = r#"[tiers]
web = { namespace = "front", pods = { app = "web" }, ports = [80] }
api = { namespace = "back",  pods = { app = "api" }, ports = [80] }
"#;

/// A project whose one finding, a warning, has one right mend.
fn fixable() -> Project {
    let project = Project::new();
    let edge = "[[allow]]\nfrom = \"web\"\nto = \"api\"\nports = [80, 80] # twice\nwhy = \"x\"\n";
    project.write("intents/shop.toml", format!("app = \"shop\"\n{TIERS}{edge}"));
    project
}

fn mended() -> String {
    fixable().read("intents/shop.toml").replace("[80, 80]", "[80]")
}

fn last_line(run: &Run) -> &str {
    run.stderr.lines().last().unwrap_or_default()
}

/// Each folder of `tests/fix` is an intent before and after, with a project file where one matters.
#[test]
fn every_case_is_mended_to_the_byte() {
    let mut cases = 0;
    for case in fs::read_dir(repo().join("tests/fix")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let text = |file: &str| fs::read(case.join(file)).ok();
        let (before, after) = (text("before.toml").unwrap(), text("after.toml").unwrap());
        let settings = text("netpolc.toml");
        let project = Project::new();
        project.write("intents/case.toml", &before);
        settings.iter().for_each(|settings| project.write("netpolc.toml", settings));
        let built = run(&project, "build").code == 0;
        let output = tree(&project.dir().join("out"));

        let diff = run(&project, "check --diff");
        assert_eq!(fs::read(project.dir().join("intents/case.toml")).unwrap(), before, "{name}: --diff writes");
        run(&project, "check --fix");
        let project_after = text("netpolc-after.toml").or(settings.clone());
        let changed = before != after || project_after != settings;
        assert_eq!(diff.code, i32::from(changed), "{name}: {}", diff.stderr);
        assert_eq!(project.read("intents/case.toml"), String::from_utf8(after).unwrap(), "{name}");
        let settings = fs::read(project.dir().join("netpolc.toml")).ok();
        assert!(settings == project_after, "{name}: {}", settings.map(String::from_utf8).unwrap().unwrap());

        let again = run(&project, "check --fix");
        assert!(last_line(&again).starts_with("fixed nothing"), "{name}: {}", again.stderr);
        assert!(!again.stderr.contains("fixable"), "{name}: {}", again.stderr);
        if built {
            let check = run(&project, "build --check");
            assert_eq!(check.code, 0, "{name}: {}", check.stderr);
            assert!(tree(&project.dir().join("out")) == output, "{name}");
        }
        cases += 1;
    }
    assert!(cases > 5);
}

#[test]
fn without_fix_it_is_said_what_could_be_fixed_and_nothing_is_written() {
    let project = fixable();
    let before = tree(project.dir());
    let full = run(&project, "check");
    assert_eq!((full.code, last_line(&full)), (0, "1 warning; 1 fixable with `--fix`"));
    assert!(full.stderr.contains("help: `netpolc check --fix` would remove this one"), "{}", full.stderr);
    let concise = run(&project, "check --format concise");
    assert_eq!((concise.stdout.lines().count(), last_line(&concise)), (1, "1 fixable with `--fix`"));
    let json = run(&project, "check --format json");
    assert!(!json.stdout.contains("--fix") && json.stderr.is_empty(), "{}{}", json.stdout, json.stderr);
    assert_eq!(tree(project.dir()), before);
}

#[test]
fn fix_writes_and_checks_again() {
    let project = fixable();
    let fixed = run(&project, "check --fix");
    assert_eq!((fixed.code, fixed.stderr.as_str()), (0, "no findings in 1 intent\nfixed 1 finding in 1 file\n"));
    assert_eq!(project.read("intents/shop.toml"), mended());
    let json = run(&fixable(), "check --fix --format json");
    assert_eq!((json.stdout.trim(), json.stderr.as_str()), ("[]", "fixed 1 finding in 1 file\n"));
}

#[test]
fn what_remains_is_told_and_decides_how_the_run_ends() {
    let project = fixable();
    let text = project.read("intents/shop.toml");
    project.write("intents/shop.toml", format!("{text}[[allow]]\nfrom = \"web\"\nto = \"apo\"\n"));
    let fixed = run(&project, "check --fix");
    assert_eq!(fixed.code, 1);
    assert!(fixed.stderr.contains("error[NP013]") && !fixed.stderr.contains("NP042"), "{}", fixed.stderr);
    assert!(fixed.stderr.ends_with("1 error\nfixed 1 finding in 1 file\n"), "{}", fixed.stderr);
    assert!(project.read("intents/shop.toml").starts_with(&mended()));
}

#[test]
fn diff_shows_the_change_and_writes_nothing() {
    for line in ["check --diff", "check --fix --diff"] {
        let project = fixable();
        let before = tree(project.dir());
        let diff = run(&project, line);
        assert_eq!((diff.code, last_line(&diff)), (1, "`--fix` would fix 1 finding in 1 file"));
        for words in ["--- a/intents/shop.toml\n", "-ports = [80, 80] # twice\n+ports = [80] # twice\n"] {
            assert!(diff.stdout.contains(words), "{}", diff.stdout);
        }
        assert_eq!(tree(project.dir()), before);
    }
    let clean = run_on(&super::project(), BEFORE, "check --diff");
    assert_eq!((clean.code, clean.stdout.as_str(), last_line(&clean)), (0, "", "nothing to fix"));
}

#[test]
fn only_chosen_codes_are_mended() {
    for (options, fixes) in [
        ("--select NP042", true),
        ("--select np0", true),
        ("--select NP201", false),
        ("--ignore NP042", false),
        ("--select NP0 --ignore NP04", false),
    ] {
        let project = fixable();
        run(&project, &format!("check --fix {options}"));
        assert_eq!(project.read("intents/shop.toml") == mended(), fixes, "{options}");
    }
}

#[test]
fn only_chosen_intents_are_mended() {
    let project = fixable();
    let other = project.read("intents/shop.toml").replace("shop", "other").replace("front", "f2").replace("back", "b2");
    project.write("intents/other.toml", &other);
    let fixed = run(&project, "check --fix intents/shop.toml");
    assert_eq!(last_line(&fixed), "fixed 1 finding in 1 file");
    assert_eq!((project.read("intents/shop.toml"), project.read("intents/other.toml")), (mended(), other));
    let rest = run(&project, "check intents/shop.toml");
    assert!(!rest.stderr.contains("fixable"), "{}", rest.stderr);
}

#[test]
fn a_waived_finding_is_left_alone() {
    let project = Project::new();
    let text = format!(
        "app = \"shop\"\n{TIERS}[external]\nbank = {{ cidrs = [\"203.0.113.0/24\", \"203.0.113.0/24\"], ports = [443] }}\n\
         [[allow]]\nfrom = \"web\"\nto = \"bank\"\nwhy = \"x\"\n[[allow]]\nfrom = \"web\"\nto = \"api\"\nwhy = \"x\"\n\
         [[waive]]\ncode = \"NP208\"\nexternal = \"bank\"\nreason = \"two contracts\"\n"
    );
    project.write("intents/shop.toml", &text);
    project.write("netpolc.toml", "dialects = [\"kubernetes\"]\n");
    let fixed = run(&project, "check --fix");
    assert!(last_line(&fixed).starts_with("fixed nothing"), "{}", fixed.stderr);
    assert_eq!(project.read("intents/shop.toml"), text);
}

#[test]
fn a_file_with_unreadable_characters_is_left_alone() {
    let project = fixable();
    let text = project.read("intents/shop.toml").replace("# twice", "# twi\u{200b}ce");
    project.write("intents/shop.toml", &text);
    let fixed = run(&project, "check --fix");
    assert_eq!(fixed.code, 1);
    assert_eq!(project.read("intents/shop.toml"), text);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let project = fixable();
    let (intent, real) = (project.dir().join("intents/shop.toml"), project.dir().join("real.toml"));
    fs::rename(&intent, &real).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o664)).unwrap();
    symlink("../real.toml", &intent).unwrap();
    assert_eq!(run(&project, "check --fix").code, 0);
    assert!(intent.is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), mended());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o7777, 0o664);
    assert_eq!(tree(project.dir()).len(), 2, "nothing else is left behind");
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_not_written_and_no_other_either() {
    use std::os::unix::fs::PermissionsExt;
    let project = fixable();
    let text = project.read("intents/shop.toml");
    project.write("intents/other.toml", text.replace("shop", "other").replace("front", "f2").replace("back", "b2"));
    fs::set_permissions(project.dir().join("intents/shop.toml"), fs::Permissions::from_mode(0o444)).unwrap();
    let before = tree(project.dir());
    let fixed = run(&project, "check --fix");
    assert_eq!(fixed.code, 2);
    assert!(fixed.stderr.contains("cannot write `intents/shop.toml`: permission denied"), "{}", fixed.stderr);
    assert_eq!(tree(project.dir()), before);
}

/// The repository's own intents with their lists turned round: sorted again they say what they said, and a build writes the same
/// bytes.
#[test]
fn shuffled_examples_are_sorted_into_the_same_policies() {
    let original = Project::with_settings();
    let intents = tree(&repo().join("intents"));
    for (path, bytes) in &intents {
        original.write(Path::new("intents").join(path).to_str().unwrap(), bytes);
    }
    assert_eq!(netpolc(original.dir(), &["build", "--today", "2026-01-01"]).code, 0);
    let expected = tree(&original.dir().join("out"));

    let lints = "\n[lints]\nNP507 = \"warning\"\n";
    let settings = original.read("netpolc.toml");
    assert!(!settings.contains("[lints]"), "add the level there");
    original.write("netpolc.toml", format!("{settings}{lints}"));
    let mut reversed = 0;
    for (path, bytes) in intents {
        let text = turned(&String::from_utf8(bytes).unwrap(), &mut reversed);
        original.write(Path::new("intents").join(path).to_str().unwrap(), text);
    }
    assert!(reversed > 3, "the examples have hardly a list");
    let fixed = netpolc(original.dir(), &["check", "--fix", "--today", "2026-01-01"]);
    assert_eq!(fixed.code, 0, "{}", fixed.stderr);
    assert!(!fixed.stderr.contains("fixable"), "{}", fixed.stderr);
    assert_eq!(netpolc(original.dir(), &["build", "--check", "--today", "2026-01-01"]).code, 0);
    assert!(tree(&original.dir().join("out")) == expected);
}

/// A text with the elements of each list on one line turned round.
fn turned(text: &str, count: &mut usize) -> String {
    let turn = |line: &str| {
        let (start, rest) = line.split_once(" = [")?;
        let (list, end) = rest.split_once(']')?;
        let plain = !list.contains(['[', '{', '#']) && list.contains(',') && !start.contains('#');
        let mut elements: Vec<&str> = list.split(", ").collect();
        elements.reverse();
        plain.then(|| format!("{start} = [{}]{end}", elements.join(", ")))
    };
    let lines = text.lines().map(|line| turn(line).inspect(|_| *count += 1).unwrap_or_else(|| line.to_owned()) + "\n");
    lines.collect()
}
