//! Every code with its explanation, rules and others alike.
//!
//! In: the registry, and the codes of the other stages. Out: one list for `netpolc rule`, its page and reports.

use super::{Rule, all};
use crate::diag::codes::{self, CodeDoc};
use crate::diag::{Explained, Level};
use crate::model::LintLevel;

/// Every code: those that no project can switch off, then the rules.
pub fn explained() -> Vec<Explained> {
    codes::ALL.iter().map(of_code).chain(all().map(of_rule)).collect()
}

fn of_code(doc: &CodeDoc) -> Explained {
    Explained {
        code: doc.code,
        name: None,
        group: doc.group(),
        level: Some(Level::Error),
        summary: doc.title,
        text: doc.to_string(),
    }
}

fn of_rule(rule: &Rule) -> Explained {
    Explained {
        code: rule.code,
        name: Some(rule.name),
        group: rule.group.name(),
        level: match rule.default {
            LintLevel::Error => Some(Level::Error),
            LintLevel::Warning => Some(Level::Warning),
            LintLevel::Allow => None,
        },
        summary: rule.summary,
        text: rule.to_string(),
    }
}
