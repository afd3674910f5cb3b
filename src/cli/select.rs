//! Which rules a run is about: what `--select` and `--ignore` mean.
//!
//! In: their words. Out: a [`Selection`], or what is wrong with a word. A word is a code or the start of codes, as `NP2`, the
//! name of a rule, or the name of a group. Errors of the language cannot be left out: nothing can be built with them.

use std::collections::BTreeSet;

use crate::checks::{self, Group, Rule};
use crate::diag::{Code, codes, nearest, quote};

/// The chosen rules.
pub(super) struct Selection {
    /// Those that were asked for; `None`: no word was said.
    asked: Option<BTreeSet<Code>>,
    ignored: BTreeSet<Code>,
    /// The words themselves: codes of no rule are among them.
    words: [Vec<String>; 2],
}

impl Selection {
    /// The error names the word that means nothing.
    pub(super) fn new(select: &[String], ignore: &[String]) -> Result<Self, String> {
        let asked = if select.is_empty() { None } else { Some(rules(select)?) };
        Ok(Self { asked, ignored: rules(ignore)?, words: [select.to_vec(), ignore.to_vec()] })
    }

    /// Whether a finding is told.
    pub(super) fn holds(&self, code: Code) -> bool {
        let is_rule = checks::all().any(|rule| rule.code == code);
        let asked = self.asked.as_ref().is_none_or(|asked| asked.contains(&code));
        !is_rule || (asked && !self.ignored.contains(&code))
    }

    /// Whether findings of a code are mended. That can be chosen of errors of the language too.
    pub(super) fn mends(&self, code: Code) -> bool {
        let [select, ignore] = &self.words;
        let rule = checks::all().find(|rule| rule.code == code);
        let named = |word: &String| starts(code, word) || rule.is_some_and(|rule| is_meant(rule, word));
        (select.is_empty() || select.iter().any(named)) && !ignore.iter().any(named)
    }

    /// The rules that were asked for.
    pub(super) fn asked(&self) -> BTreeSet<Code> {
        self.asked.as_ref().map_or_else(BTreeSet::new, |asked| asked.difference(&self.ignored).copied().collect())
    }
}

fn rules(words: &[String]) -> Result<BTreeSet<Code>, String> {
    let mut found = BTreeSet::new();
    for word in words {
        let meant: Vec<Code> = checks::all().filter(|rule| is_meant(rule, word)).map(|rule| rule.code).collect();
        if meant.is_empty() && !is_known(word) {
            return Err(unknown(word));
        }
        found.extend(meant);
    }
    Ok(found)
}

fn is_meant(rule: &Rule, word: &str) -> bool {
    starts(rule.code, word) || [rule.name, rule.group.name()].iter().any(|name| name.eq_ignore_ascii_case(word))
}

/// A group without rules and codes of no rule are known too, and choose nothing.
fn is_known(word: &str) -> bool {
    Group::ALL.iter().any(|group| group.name().eq_ignore_ascii_case(word) || group.prefix().eq_ignore_ascii_case(word))
        || codes::ALL.iter().any(|doc| starts(doc.code, word))
}

fn starts(code: Code, prefix: &str) -> bool {
    !prefix.is_empty() && code.0.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn unknown(word: &str) -> String {
    let rules = checks::all().flat_map(|rule| [rule.name, rule.code.0]);
    let known = rules.chain(Group::ALL.iter().map(|group| group.name())).chain(codes::ALL.iter().map(|doc| doc.code.0));
    let hint = match nearest(word, known) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None => "`netpolc rule --all` lists them".to_owned(),
    };
    format!("there is no rule or group {}, and no code starts with it; {hint}", quote(word))
}
