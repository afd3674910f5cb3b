//! Levels and waivers, by way of rules that are easy to break.

use jiff::civil::date;

use super::testing::{Draft, TODAY};
use super::*;
use crate::diag::codes;
use crate::model::{EdgeId, LintLevel, TierId, WaiveTarget};

fn orphan() -> Draft {
    Draft::new().tiers("worker")
}

fn shown(outcome: &Outcome) -> Vec<(&str, Level)> {
    outcome.diagnostics.iter().map(|d| (d.code.0, d.level)).collect()
}

#[test]
fn a_model_without_oddities_gives_nothing() {
    let outcome = Draft::new().tiers("web api").edges("web -> api").run();
    assert!(outcome.diagnostics.is_empty() && outcome.waived.is_empty(), "{outcome:?}");
}

#[test]
fn a_rule_has_its_default_level() {
    assert_eq!(shown(&orphan().run()), [("NP102", Level::Warning)]);
}

#[test]
fn the_project_sets_the_level_by_code() {
    let set = |level| orphan().with(|m| m.profile.lints.extend([("NP102".into(), level)])).run();
    assert_eq!(shown(&set(LintLevel::Error)), [("NP102", Level::Error)]);
    assert!(set(LintLevel::Allow).diagnostics.is_empty());
}

#[test]
fn a_waiver_accepts_the_finding_until_its_last_day() {
    let outcome = orphan().waive("NP102", WaiveTarget::Tier(TierId(0)), Some(TODAY)).run();
    assert_eq!(shown(&outcome), [("NP503", Level::Warning)], "that its end is near is all that is told");
    assert_eq!(outcome.waived.len(), 1);
    assert_eq!(&*outcome.waived[0].reason, "accepted");
}

#[test]
fn a_waiver_of_another_code_or_target_accepts_nothing() {
    for (code, target) in [
        ("NP103", WaiveTarget::Tier(TierId(0))),
        ("NP102", WaiveTarget::Tier(TierId(1))),
        ("NP102", WaiveTarget::Edge(EdgeId(0))),
    ] {
        let outcome = orphan().waive(code, target, None).run();
        assert_eq!(shown(&outcome), [("NP102", Level::Warning), ("NP505", Level::Warning)]);
    }
}

#[test]
fn an_expired_waiver_accepts_nothing_and_is_told() {
    let model = orphan().waive("NP102", WaiveTarget::Tier(TierId(0)), Some(date(2025, 12, 31))).model();
    for level in [Level::Error, Level::Warning] {
        let outcome = testing::run(&model, level);
        assert_eq!(shown(&outcome), [("NP102", Level::Warning), (codes::WAIVER_EXPIRED.0, level)]);
        assert!(outcome.waived.is_empty());
    }
}

#[test]
fn rules_are_found_by_code_and_by_name() {
    assert_eq!(find("NP101").unwrap().name, "cycle");
    assert_eq!(find("np101").unwrap().name, "cycle");
    assert_eq!(find("self-edge").unwrap().code.0, "NP103");
    assert!(find("NP999").is_none());
}

#[test]
fn the_explanation_shows_level_and_waiver() {
    let text = find("NP301").unwrap().to_string();
    assert!(text.starts_with("# NP301 tiers-share-pods\n"), "{text}");
    assert!(text.contains("default level: warning") && text.contains("code   = \"NP301\""), "{text}");
}
