//! `netpolc rule`: every code is explained, and none is forgotten in the list.

use netpolc::checks;
use netpolc::diag::codes;

use super::run;
use crate::support::Project;

#[test]
fn every_code_is_explained() {
    let project = Project::new();
    let rules = checks::all().map(|rule| (rule.code.0, rule.summary));
    let others = codes::ALL.iter().map(|doc| (doc.code.0, doc.title));
    for (code, fact) in rules.chain(others) {
        for spelling in [code.to_owned(), code.to_lowercase()] {
            let run = run(&project, &format!("rule {spelling}"));
            assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{spelling}");
            assert!(run.stdout.starts_with(&format!("# {code} ")), "{}", run.stdout);
            assert!(run.stdout.contains(fact), "{}", run.stdout);
            assert!(run.stdout.lines().filter(|line| !line.is_empty()).count() > 1, "{code} has a title and no text");
        }
    }
}

#[test]
fn rules_are_found_by_name_too() {
    for rule in checks::all() {
        assert_eq!(run(&Project::new(), &format!("rule {}", rule.name)).code, 0, "{}", rule.name);
    }
}

#[test]
fn all_lists_every_code_once() {
    let run = run(&Project::new(), "rule --all");
    assert_eq!(run.code, 0);
    let listed: Vec<&str> = run.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let known: Vec<&str> =
        codes::ALL.iter().map(|doc| doc.code.0).chain(checks::all().map(|rule| rule.code.0)).collect();
    assert_eq!(listed, known);
}

/// The page has a heading for each link of its tables, and each explanation below its heading as the command prints it.
#[test]
fn the_page_leads_to_every_code() {
    let page = run(&Project::new(), "rule --all --format markdown").stdout;
    let mut code = false;
    let mut headings = vec![];
    for line in page.lines() {
        code ^= line.starts_with("```");
        if let Some(heading) = line.strip_prefix("## ").filter(|_| !code) {
            let anchor: String = heading.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c)).collect();
            headings.push(anchor.to_lowercase().replace(' ', "-"));
        }
    }
    let links: Vec<&str> = page.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert_eq!(links.len(), codes::ALL.len() + checks::all().count());
    for link in links {
        assert!(headings.iter().any(|heading| heading == link), "no heading for #{link}");
    }
    for rule in checks::all() {
        let explanation = rule.to_string().replace("\n## ", "\n### ");
        assert!(page.contains(&format!("\n#{explanation}")), "{}", rule.code);
    }
}

#[test]
fn explanations_are_json_too() {
    let all = run(&Project::new(), "rule --all --format json").stdout;
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all.as_array().unwrap().len(), codes::ALL.len() + checks::all().count());
    let one = run(&Project::new(), "rule wide-cidr --format json").stdout;
    let one: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert!(all.as_array().unwrap().contains(&one));
    assert_eq!((&one["code"], &one["group"], &one["level"]), (&"NP204".into(), &"breadth".into(), &"error".into()));
    assert_eq!(one["text"], run(&Project::new(), "rule NP204").stdout);
}

#[test]
fn unknown_codes_exit_with_two_and_a_hint() {
    for (wrong, near) in [("NP2O1", "`NP201`"), ("all-port", "`all-ports`"), ("zzzzz", "--all")] {
        let run = run(&Project::new(), &format!("rule {wrong}"));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{wrong}");
        assert!(run.stderr.contains(near), "{wrong}: {}", run.stderr);
    }
}
